//! `/app/organization`: choosing another one.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use identity::accounts::actions;
use identity::{Form, SignedIn};
use platform::http::{ApiError, Report, Validate};
use platform::ids::OrgId;
use serde::Deserialize;

use crate::frame::OrganizationLink;
use crate::page::Page;
use crate::pages::organization;
use crate::{State, context};

pub(super) async fn choose(
    person: SignedIn,
    Extract(state): Extract<State>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let memberships = actions::list_memberships(&state.authority, person.user).await?;
    let links: Vec<_> = memberships
        .into_iter()
        .map(|membership| OrganizationLink { id: membership.org_id.uuid(), name: membership.org_name })
        .collect();
    let frame = context::personal_frame(&state, &headers, &person);
    Ok(Page::public(organization::page(&frame, &links)))
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    organization: OrgId,
}

impl Validate for Choice {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn select(
    person: SignedIn,
    Extract(state): Extract<State>,
    form: Form<Choice>,
) -> Result<Response, ApiError> {
    let choice = form.input.map_err(ApiError::invalid)?;
    actions::select_organization(&state.authority, &person, choice.organization).await?;
    Ok(Redirect::to("/app").into_response())
}
