//! `/api/v1/members`, `/api/v1/invitations`, `/api/v1/audit`.

use axum::extract::{Path, State as Extract};
use axum::http::header;
use axum::response::IntoResponse;
use http::StatusCode;
use platform::http::{
    ApiError, Cursor, Json, Limit, Page, Problem, PublicRouter, Query, Report, Speaks, TenantRouter, Validate,
};
use platform::ids::{InvitationId, UserId};
use platform::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::actions::{self, OrganizationError};
use super::model::{AuditEntry, InvitationView, MemberView, NewInvitation};
use crate::access::permission::MembersRead;
use crate::access::{Admin, Can, Role};
use crate::accounts::api::secret;
use crate::accounts::model::check_email;
use crate::tokens;
use crate::tokens::api::TokenAnswer;
use crate::{Limited, State};

impl From<OrganizationError> for ApiError {
    fn from(error: OrganizationError) -> Self {
        match error {
            OrganizationError::NotFound => Self::not_found(),
            OrganizationError::Refused(refusal @ super::model::RoleRefusal::LastOwner) => {
                Self::conflict("last_owner", sentence(&refusal))
            }
            OrganizationError::Refused(refusal) => Self::forbidden(sentence(&refusal)),
            OrganizationError::PeopleOnly => Self::forbidden(sentence(&OrganizationError::PeopleOnly)),
            OrganizationError::AlreadyMember => {
                Self::conflict("already_member", sentence(&OrganizationError::AlreadyMember))
            }
            OrganizationError::LinkDead => {
                Self::new(StatusCode::NOT_FOUND, "link_dead", sentence(&OrganizationError::LinkDead))
            }
            OrganizationError::OtherAccount => {
                Self::new(StatusCode::FORBIDDEN, "other_account", sentence(&OrganizationError::OtherAccount))
            }
            OrganizationError::Invalid { field, what } => Self::invalid_field(field, what),
            error @ OrganizationError::OwnerPasswordDiffers => Self::conflict("owner_exists", sentence(&error)),
            OrganizationError::Account(error) => error.into(),
            OrganizationError::Mail(error) => crate::accounts::actions::AccountError::from(error).into(),
            OrganizationError::Password(error) => crate::accounts::actions::AccountError::from(error).into(),
            OrganizationError::Database(error) => error.into(),
        }
    }
}

/// An error's text as a sentence.
fn sentence(error: &impl std::error::Error) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

pub(crate) fn tenant_router() -> TenantRouter<State> {
    TenantRouter::new()
        .route(__path_list_members, list_members)
        .route(__path_update_member, update_member)
        .route(__path_remove_member, remove_member)
        .route(__path_list_invitations, list_invitations)
        .route(__path_create_invitation, create_invitation)
        .route(__path_revoke_invitation, revoke_invitation)
        .route(__path_list_audit, list_audit)
}

pub(crate) fn public_router() -> PublicRouter<State> {
    PublicRouter::new().route(__path_accept_invitation, accept_invitation)
}

/// A whole list.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberList {
    /// The members, the longest first.
    pub items: Vec<MemberView>,
}

/// Lists the members of the organization.
#[utoipa::path(get, path = "/api/v1/members", operation_id = "list_members", tag = "members", security(("bearer" = [])), responses(
    (status = 200, body = MemberList),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list_members(
    caller: Can<MembersRead>,
    Extract(state): Extract<State>,
) -> Result<Json<MemberList>, ApiError> {
    let items = actions::list_members(&state.authority, &caller).await?;
    Ok(Json(MemberList { items }))
}

/// A change to a member.
#[derive(Debug, Deserialize, ToSchema)]
pub struct UpdateMember {
    /// The new role.
    pub role: Role,
}

impl Validate for UpdateMember {
    fn validate(&self, _: &mut Report) {}
}

/// Gives a member another role. Only owners change owners, and the last owner stays one.
#[utoipa::path(patch, path = "/api/v1/members/{user_id}", operation_id = "update_member", tag = "members", security(("bearer" = [])),
    params(("user_id" = UserId, Path, description = "The member")), request_body = UpdateMember, responses(
    (status = 204, description = "Changed"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "The last owner", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn update_member(
    caller: Admin,
    Extract(state): Extract<State>,
    Path(user_id): Path<String>,
    Json(body): Json<UpdateMember>,
) -> Result<StatusCode, ApiError> {
    actions::change_role(&state.authority, &caller, id(&user_id)?, body.role).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a membership.
#[utoipa::path(delete, path = "/api/v1/members/{user_id}", operation_id = "remove_member", tag = "members", security(("bearer" = [])),
    params(("user_id" = UserId, Path, description = "The member")), responses(
    (status = 204, description = "Removed"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "The last owner", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn remove_member(
    caller: Admin,
    Extract(state): Extract<State>,
    Path(user_id): Path<String>,
) -> Result<StatusCode, ApiError> {
    actions::remove_member(&state.authority, &caller, id(&user_id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A whole list.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationList {
    /// The invitations, newest first.
    pub items: Vec<InvitationView>,
}

/// Lists open invitations.
#[utoipa::path(get, path = "/api/v1/invitations", operation_id = "list_invitations", tag = "members", security(("bearer" = [])), responses(
    (status = 200, body = InvitationList),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list_invitations(
    caller: Admin,
    Extract(state): Extract<State>,
) -> Result<Json<InvitationList>, ApiError> {
    let items = actions::list_invitations(&state.authority, &caller).await?;
    Ok(Json(InvitationList { items }))
}

/// Somebody to invite.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateInvitation {
    /// Their address.
    #[schema(example = "ben@example.com", max_length = 254)]
    pub email: String,
    /// What they may do.
    pub role: Role,
}

impl Validate for CreateInvitation {
    fn validate(&self, report: &mut Report) {
        check_email(report, "email", &self.email);
    }
}

/// A new invitation. The link is not shown again.
#[derive(Serialize, ToSchema)]
pub struct InvitationAnswer {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: InvitationView,
    /// The link to hand to the invited person. Whoever holds it can join.
    #[schema(example = "https://desk.example/invite/0Vw…")]
    pub link: String,
}

impl From<NewInvitation> for InvitationAnswer {
    fn from(new: NewInvitation) -> Self {
        Self { invitation: new.invitation, link: new.link.expose().to_owned() }
    }
}

/// Invites somebody by link. For an address with an open invitation: a new link, and the old one stops working.
#[utoipa::path(post, path = "/api/v1/invitations", operation_id = "create_invitation", tag = "members", security(("bearer" = [])),
    request_body = CreateInvitation, responses(
    (status = 201, body = InvitationAnswer),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "A member already", body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn create_invitation(
    caller: Admin,
    Extract(state): Extract<State>,
    Speaks(locale): Speaks,
    Json(body): Json<CreateInvitation>,
) -> Result<impl IntoResponse, ApiError> {
    let new = actions::invite(&state.authority, &caller, &body.email, body.role, locale).await?;
    let uncached = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, uncached, Json(InvitationAnswer::from(new))))
}

/// Makes an open invitation's link worthless.
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", operation_id = "revoke_invitation", tag = "members", security(("bearer" = [])),
    params(("id" = InvitationId, Path, description = "The invitation")), responses(
    (status = 204, description = "Revoked"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn revoke_invitation(
    caller: Admin,
    Extract(state): Extract<State>,
    Path(invitation): Path<String>,
) -> Result<StatusCode, ApiError> {
    actions::revoke_invitation(&state.authority, &caller, id(&invitation)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A link being followed.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AcceptInvitation {
    /// The last part of the link.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String)]
    pub token: Secret,
    /// The new person's name. Not needed when the address has an account.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub name: String,
    /// A new password of 12 to 1,000 bytes, or the existing account's.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    pub password: Secret,
}

impl Validate for AcceptInvitation {
    // Which fields are needed depends on whether the address has an account: the action says.
    fn validate(&self, _: &mut Report) {}
}

/// Joins an organization by an invitation's link and signs in there.
#[utoipa::path(post, path = "/api/v1/invitations/accept", operation_id = "accept_invitation", tag = "members",
    security(()), request_body = AcceptInvitation, responses(
    (status = 200, body = TokenAnswer),
    (status = 401, description = "The address has an account and the password is not its password", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "Unknown, used, revoked or expired; never which", body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn accept_invitation(
    Limited(client): Limited,
    Extract(state): Extract<State>,
    Json(body): Json<AcceptInvitation>,
) -> Result<impl IntoResponse, ApiError> {
    let authority = &state.authority;
    let user = actions::accept_invitation(authority, body.token.expose(), &body.name, body.password, client).await?;
    let issued = tokens::actions::issue_tokens(authority, &user).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(TokenAnswer::from(issued))))
}

/// Which part of the audit list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Rows on a page, 1 to 100; 20 when left out.
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Lists what was done in the organization, newest first.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "list_audit", tag = "members", security(("bearer" = [])), params(AuditQuery), responses(
    (status = 200, body = Page<AuditEntry>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list_audit(
    caller: Admin,
    Extract(state): Extract<State>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<AuditEntry>>, ApiError> {
    let limit = Limit::from_parameter(query.limit)?;
    let after = query.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    Ok(Json(actions::list_audit(&state.authority, &caller, limit, after).await?))
}

/// An id in a path. What is no id names nothing.
pub(crate) fn id<K>(text: &str) -> Result<platform::ids::Id<K>, ApiError> {
    text.parse().map_err(|_| ApiError::not_found())
}
