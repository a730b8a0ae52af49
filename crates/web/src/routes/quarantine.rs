//! `/app/operator/quarantine`. The shell is that of the operator's own organization; the events are everybody's.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use identity::{Caller, Form, Operator, Viewer};
use platform::http::{ApiError, Cursor, Limit, Query, Report, Validate};
use platform::ids::QuarantinedId;
use serde::Deserialize;
use voice::quarantine::actions;
use voice::quarantine::model::ReplayOutcome;

use super::Asked;
use crate::page::Page;
use crate::pages::quarantine::{self, Quarantine};
use crate::{State, context, views};

pub(super) async fn show(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    answer(&state, &headers, &caller, &asked, None).await
}

async fn answer(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    asked: &Asked,
    problem: Option<String>,
) -> Result<Page, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(state, headers, caller, &mut tx).await?;
    tx.commit().await?;
    let cursor = asked.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    let found = actions::list_quarantined(state.tenancy(), cursor, Limit::from_parameter(None)?).await?;
    let total = actions::count_quarantined(state.tenancy()).await?;
    let view = Quarantine {
        held: found.items.into_iter().map(views::held).collect(),
        total: u64::try_from(total).unwrap_or(0),
        older: found.next_cursor.map(|cursor| format!("/app/operator/quarantine?cursor={cursor}")),
        paged: cursor.is_some(),
        problem,
    };
    let chrome = context::whole(state, caller, chrome, asked.done.as_deref()).await?;
    Ok(Page::app(&chrome, quarantine::page(&chrome, &view)))
}

#[derive(Debug, Deserialize)]
pub(super) struct OneEvent {
    event_id: QuarantinedId,
}

impl Validate for OneEvent {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn replay(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<OneEvent>,
) -> Result<Response, ApiError> {
    let id = form.input.map_err(ApiError::invalid)?.event_id;
    let ingress = &state.voice.ingress;
    let outcome = actions::replay_quarantined(state.tenancy(), ingress, operator.actor(), id, None).await?;
    if outcome == ReplayOutcome::Applied {
        return Ok(Redirect::to("/app/operator/quarantine?done=replayed").into_response());
    }
    let words = "The event still belongs to no organization. Map its number or assistant first, then play it again.";
    let page = answer(&state, &headers, &caller, &Asked::default(), Some(words.to_owned())).await?;
    Ok(page.with_status(StatusCode::CONFLICT).into_response())
}
