//! `/api/v1/me`: the signed-in person.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use mail::MailError;
use platform::http::{ApiError, ClientAddr, Json, Problem, PublicRouter, Report, Speaks, TenantRouter, Validate};
use platform::ids::{OrgId, UserId};
use platform::secret::Secret;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::actions::{self, AccountError};
use super::model::{Membership, check_new_password};
use super::passwords::PasswordError;
use super::resets;
use crate::access::{CredentialId, Role, SignedIn};
use crate::tokens::api::AccessTokenAnswer;
use crate::{Limited, State, tokens};

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::WrongCredentials => {
                Self::new(StatusCode::UNAUTHORIZED, "wrong_credentials", "The e-mail address or the password is wrong.")
            }
            AccountError::WrongPassword => Self::invalid_field("current_password", "is not your current password"),
            AccountError::Throttled { retry_after_seconds } => Self::too_many_requests(retry_after_seconds),
            AccountError::BadPassword => Self::invalid_field("password", AccountError::BadPassword.to_string()),
            AccountError::NotAMember => Self::not_found(),
            AccountError::LinkDead => Self::new(StatusCode::NOT_FOUND, "link_dead", AccountError::LinkDead.to_string()),
            AccountError::Password(error @ PasswordError::Busy) => Self::unavailable(error),
            AccountError::Password(error) => Self::internal(error),
            AccountError::Mail(MailError::Database(error)) | AccountError::Database(error) => error.into(),
            AccountError::Mail(error) => Self::internal(error),
        }
    }
}

/// Reads a password from JSON or a form into a type that cannot be printed.
pub(crate) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::from)
}

pub(crate) fn tenant_router() -> TenantRouter<State> {
    TenantRouter::new()
        .route(__path_get_me, get_me)
        .route(__path_change_password, change_password)
        .route(__path_select_organization, select_organization)
}

pub(crate) fn public_router() -> PublicRouter<State> {
    PublicRouter::new().route(__path_forgot_password, forgot_password).route(__path_reset_password, reset_password)
}

/// The signed-in person.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// Who.
    pub user_id: UserId,
    /// Address to sign in with.
    #[schema(example = "ana@example.com")]
    pub email: String,
    /// Name to show.
    pub name: String,
    /// Whether they run the installation.
    pub is_operator: bool,
    /// The selected organization; null when none is, or the membership has ended.
    pub org_id: Option<OrgId>,
    /// Their role there.
    pub role: Option<Role>,
    /// Everywhere they belong, the last used first.
    pub memberships: Vec<Membership>,
}

/// Tells who is signed in and where they belong.
#[utoipa::path(get, path = "/api/v1/me", operation_id = "get_me", tag = "account", security(("bearer" = [])), responses(
    (status = 200, body = Me),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn get_me(person: SignedIn, Extract(state): Extract<State>) -> Result<Json<Me>, ApiError> {
    let memberships = actions::list_memberships(&state.authority, person.user).await?;
    Ok(Json(Me {
        user_id: person.user,
        email: person.email.to_string(),
        name: person.name.to_string(),
        is_operator: person.is_operator,
        org_id: person.place.map(|(org, _)| org),
        role: person.place.map(|(_, role)| role),
        memberships,
    }))
}

/// A change of password.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChangePassword {
    /// The password so far.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    pub current_password: Secret,
    /// The new one: 12 to 1,000 bytes.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password, min_length = 12)]
    pub new_password: Secret,
}

impl Validate for ChangePassword {
    fn validate(&self, report: &mut Report) {
        check_new_password(report, "new_password", &self.new_password);
    }
}

/// Sets a new password. Every other session and program sign-in of this person ends.
#[utoipa::path(post, path = "/api/v1/me/password", operation_id = "change_password", tag = "account", security(("bearer" = [])),
    request_body = ChangePassword, responses(
    (status = 204, description = "Changed"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The current password is wrong or the new one too short", body = Problem, content_type = "application/problem+json"),
    (status = 429, description = "Too many wrong passwords", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn change_password(
    person: SignedIn,
    Extract(state): Extract<State>,
    client: ClientAddr,
    Speaks(locale): Speaks,
    Json(body): Json<ChangePassword>,
) -> Result<StatusCode, ApiError> {
    actions::change_password(&state.authority, &person, body.current_password, body.new_password, locale, client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The organization to look at.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SelectOrganization {
    /// One of the person's organizations.
    pub org_id: OrgId,
}

impl Validate for SelectOrganization {
    fn validate(&self, _: &mut Report) {}
}

/// Selects another of the person's organizations. A program gets an access token for it; a browser session moves there.
#[utoipa::path(post, path = "/api/v1/me/organization", operation_id = "select_organization", tag = "account", security(("bearer" = [])),
    request_body = SelectOrganization, responses(
    (status = 200, description = "For programs: an access token for that organization", body = AccessTokenAnswer),
    (status = 204, description = "For browser sessions"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "Not an organization of this person", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn select_organization(
    person: SignedIn,
    Extract(state): Extract<State>,
    Json(body): Json<SelectOrganization>,
) -> Result<Response, ApiError> {
    actions::select_organization(&state.authority, &person, body.org_id).await?;
    match person.credential {
        CredentialId::Tokens(family) => {
            let token = tokens::actions::access_token(&state.authority, person.user, Some(body.org_id), family).await?;
            Ok(Json(AccessTokenAnswer::new(&token, Some(body.org_id))).into_response())
        }
        CredentialId::Session(_) | CredentialId::ApiKey(_) => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// Whose password is forgotten.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ForgotPassword {
    /// The address to sign in with.
    #[schema(example = "ana@example.com", max_length = 254)]
    pub email: String,
}

impl Validate for ForgotPassword {
    // What is no address has no account, and is answered like any other address without one.
    fn validate(&self, _: &mut Report) {}
}

/// Sends a link to set a new password, if the address has an account. The answer is the same if it has none.
#[utoipa::path(post, path = "/api/v1/auth/forgot", operation_id = "forgot_password", tag = "account", security(()),
    request_body = ForgotPassword, responses(
    (status = 202, description = "If the address has an account, a mail is on its way"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn forgot_password(
    Limited(client): Limited,
    Speaks(locale): Speaks,
    Extract(state): Extract<State>,
    Json(body): Json<ForgotPassword>,
) -> Result<StatusCode, ApiError> {
    resets::request_reset(&state.authority, &body.email, locale, client).await?;
    Ok(StatusCode::ACCEPTED)
}

/// A new password by a link.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ResetPassword {
    /// The last part of the link.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String)]
    pub token: Secret,
    /// The new password: 12 to 1,000 bytes.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password, min_length = 12)]
    pub password: Secret,
}

impl Validate for ResetPassword {
    // Whether the link works comes first: the action says.
    fn validate(&self, _: &mut Report) {}
}

/// Sets a new password by the link of a mail. Every session and program sign-in of the person ends.
#[utoipa::path(post, path = "/api/v1/auth/reset", operation_id = "reset_password", tag = "account", security(()),
    request_body = ResetPassword, responses(
    (status = 204, description = "Set; sign in with it"),
    (status = 404, description = "Unknown, used or expired; never which", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Too short or too long", body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn reset_password(
    Limited(_client): Limited,
    Speaks(locale): Speaks,
    Extract(state): Extract<State>,
    Json(body): Json<ResetPassword>,
) -> Result<StatusCode, ApiError> {
    resets::reset_password(&state.authority, body.token.expose(), body.password, locale).await?;
    Ok(StatusCode::NO_CONTENT)
}
