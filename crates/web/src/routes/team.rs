//! `/app/settings/team`.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use identity::organizations::actions::{self, OrganizationError};
use identity::organizations::model::{InvitationView, MemberView, NewInvitation};
use identity::{Admin, Caller, Form, Role};
use platform::http::{ApiError, Query, Report, Speaks, Validate};
use platform::ids::{InvitationId, UserId};
use serde::Deserialize;

use super::Asked;
use crate::format::sentence;
use crate::page::Page;
use crate::pages::team::{self, Member, Pending, Team};
use crate::{State, context};

pub(super) async fn show(
    caller: Admin,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let view = Team { inviting: asked.invite.is_some(), ..Team::default() };
    answer(&state, &headers, &caller, asked.done.as_deref(), view).await
}

async fn answer(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    done: Option<&str>,
    view: Team,
) -> Result<Page, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(state, headers, caller, &mut tx).await?;
    tx.commit().await?;
    let members = actions::list_members(&state.authority, caller).await?;
    let invitations = actions::list_invitations(&state.authority, caller).await?;
    let view = Team {
        members: members.into_iter().map(|member| shown(member, caller)).collect(),
        pending: invitations.into_iter().map(waiting).collect(),
        grantable: Role::ALL.into_iter().rev().filter(|role| *role <= caller.role).collect(),
        ..view
    };
    let chrome = context::whole(state, caller, chrome, done).await?;
    Ok(Page::app(&chrome, team::page(&chrome, &view)))
}

fn shown(member: MemberView, caller: &Caller) -> Member {
    let you = caller.user == Some(member.user_id);
    Member {
        user_id: member.user_id.uuid(),
        name: member.name,
        email: member.email,
        role: member.role,
        last_seen: member.last_seen_at,
        you,
        changeable: !you && member.role <= caller.role,
    }
}

fn waiting(invitation: InvitationView) -> Pending {
    Pending {
        id: invitation.id.uuid(),
        email: invitation.email,
        role: invitation.role,
        expires_at: invitation.expires_at,
        expired: invitation.is_expired,
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Invite {
    email: String,
    role: Role,
}

impl Validate for Invite {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn invite(
    caller: Admin,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<Invite>,
) -> Result<Response, ApiError> {
    let Invite { email, role } = form.input.map_err(ApiError::invalid)?;
    let Speaks(locale) = Speaks::of(&headers);
    let result = actions::invite(&state.authority, &caller, &email, role, locale).await;
    let email_error = match &result {
        Err(OrganizationError::Invalid { what, .. }) => Some(sentence(what)),
        Err(error @ OrganizationError::AlreadyMember) => Some(sentence(&error.to_string())),
        _ => None,
    };
    if email_error.is_some() {
        let view = Team { email, email_error, ..Team::default() };
        let page = answer(&state, &headers, &caller, None, view).await?;
        return Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
    }
    hand_over(&state, &headers, &caller, result?).await
}

#[derive(Debug, Deserialize)]
pub(super) struct OneInvitation {
    invitation_id: InvitationId,
}

impl Validate for OneInvitation {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn renew(
    caller: Admin,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<OneInvitation>,
) -> Result<Response, ApiError> {
    let id = form.input.map_err(ApiError::invalid)?.invitation_id;
    let Speaks(locale) = Speaks::of(&headers);
    let new = actions::renew_invitation(&state.authority, &caller, id, locale).await?;
    hand_over(&state, &headers, &caller, new).await
}

/// The link is in this answer and nowhere else, so it is not a redirect.
async fn hand_over(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    new: NewInvitation,
) -> Result<Response, ApiError> {
    let fresh_link = Some((new.invitation.email, new.link.expose().to_owned()));
    Ok(answer(state, headers, caller, None, Team { fresh_link, ..Team::default() }).await?.into_response())
}

pub(super) async fn revoke(
    caller: Admin,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<OneInvitation>,
) -> Result<Response, ApiError> {
    let id = form.input.map_err(ApiError::invalid)?.invitation_id;
    let result = actions::revoke_invitation(&state.authority, &caller, id).await;
    settle(&state, &headers, &caller, result, "revoked").await
}

#[derive(Debug, Deserialize)]
pub(super) struct ChangeRole {
    user_id: UserId,
    role: Role,
}

impl Validate for ChangeRole {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn change_role(
    caller: Admin,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<ChangeRole>,
) -> Result<Response, ApiError> {
    let ChangeRole { user_id, role } = form.input.map_err(ApiError::invalid)?;
    let result = actions::change_role(&state.authority, &caller, user_id, role).await;
    settle(&state, &headers, &caller, result, "role").await
}

#[derive(Debug, Deserialize)]
pub(super) struct OneMember {
    user_id: UserId,
}

impl Validate for OneMember {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn remove(
    caller: Admin,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<OneMember>,
) -> Result<Response, ApiError> {
    let user = form.input.map_err(ApiError::invalid)?.user_id;
    let result = actions::remove_member(&state.authority, &caller, user).await;
    settle(&state, &headers, &caller, result, "removed").await
}

/// Back to the list with a word about it; a refusal is said on the page.
async fn settle(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    result: Result<(), OrganizationError>,
    done: &str,
) -> Result<Response, ApiError> {
    match result {
        Ok(()) => Ok(Redirect::to(&format!("/app/settings/team?done={done}")).into_response()),
        Err(OrganizationError::Refused(refusal)) => {
            let view = Team { problem: Some(sentence(&refusal.to_string())), ..Team::default() };
            let page = answer(state, headers, caller, None, view).await?;
            Ok(page.with_status(StatusCode::CONFLICT).into_response())
        }
        Err(other) => Err(other.into()),
    }
}
