//! `/app/operator/import`. The shell is that of the operator's own organization; the rows are nobody's yet.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use identity::organizations::actions::list_organizations;
use identity::{Caller, Form, Operator, Viewer};
use import::actions::{Assigned, CHUNK_ROWS, ImportError, Importer, assign_waiting, count_waiting, list_waiting};
use import::mapping::Mapping;
use import::{Waiting, WaitingId};
use platform::http::{ApiError, Query, Report, Validate};
use platform::ids::OrgId;
use serde::Deserialize;

use super::Asked;
use crate::page::Page;
use crate::pages::import::{self as pages, Imported, PATH, WaitingRow};
use crate::{State, context};

/// Rows on a page.
const PAGE: i64 = 50;

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
    let after = asked.cursor.as_deref().map(str::parse::<WaitingId>).transpose();
    let after = after.map_err(|_| ApiError::invalid_field("cursor", "is not a cursor"))?;
    let mut rows = list_waiting(state.tenancy(), after, PAGE + 1).await.map_err(refused)?;
    let has_more = rows.len() > PAGE.unsigned_abs().try_into().unwrap_or(usize::MAX);
    if has_more {
        rows.pop();
    }
    let last = rows.last().map(|row| row.id);
    let organizations = list_organizations(state.tenancy()).await?;
    let total = count_waiting(state.tenancy()).await.map_err(refused)?;
    let view = Imported {
        rows: rows.iter().map(row).collect(),
        total: u64::try_from(total).unwrap_or(0),
        organizations: organizations.into_iter().map(|(id, name)| (id.to_string(), name)).collect(),
        next: last.filter(|_| has_more).map(|id| format!("{PATH}?cursor={id}")),
        paged: after.is_some(),
        problem,
    };
    let chrome = context::whole(state, caller, chrome, asked.done.as_deref()).await?;
    Ok(Page::app(&chrome, pages::page(&chrome, &view)))
}

fn row(waiting: &Waiting) -> WaitingRow {
    let column = if waiting.column.is_empty() { String::new() } else { format!("{}: ", waiting.column) };
    WaitingRow {
        id: waiting.id.uuid(),
        table: waiting.table.to_string(),
        place: waiting.place.to_string(),
        reason: format!("{column}{}", waiting.reason.sentence()),
        since: waiting.since,
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Choices {
    #[serde(default)]
    row: Vec<WaitingId>,
    org_id: String,
}

impl Validate for Choices {
    fn validate(&self, report: &mut Report) {
        report.require(!self.row.is_empty(), "row", "choose at least one row");
        report.require(self.org_id.parse::<OrgId>().is_ok(), "org_id", "choose an organization");
    }
}

pub(super) async fn assign(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<Choices>,
) -> Result<Response, ApiError> {
    let choices = match form.input {
        Ok(choices) => choices,
        Err(faults) => {
            let words = faults.first().map_or_else(String::new, |fault| format!("Please {}.", fault.message));
            let page = answer(&state, &headers, &caller, &Asked::default(), Some(words)).await?;
            return Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
        }
    };
    let org: OrgId = choices.org_id.parse().map_err(|_| ApiError::invalid_field("org_id", "is not an organization"))?;
    let importer = Importer {
        tenancy: state.tenancy().clone(),
        clock: state.authority.clock().clone(),
        key: state.voice.master_key.clone(),
        chunk_rows: CHUNK_ROWS,
    };
    let mut still = 0_usize;
    for id in choices.row {
        match assign_waiting(&importer, &Mapping::default(), operator.actor(), id, Some(org)).await {
            Ok(Assigned::Taken(_)) | Err(ImportError::NotFound) => {}
            Ok(Assigned::StillWaits(_)) => still += 1,
            Err(error) => return Err(refused(error)),
        }
    }
    if still == 0 {
        return Ok(Redirect::to(&format!("{PATH}?done=assigned")).into_response());
    }
    let words = format!("{still} of the chosen rows contradict this organization or have a fault, and wait still.");
    let page = answer(&state, &headers, &caller, &Asked::default(), Some(words)).await?;
    Ok(page.with_status(StatusCode::CONFLICT).into_response())
}

fn refused(error: ImportError) -> ApiError {
    match error {
        ImportError::Database(error) => error.into(),
        error => ApiError::internal(error),
    }
}
