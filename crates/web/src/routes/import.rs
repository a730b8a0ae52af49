//! `/app/operator/import`. The shell is that of the operator's own organization; the rows are nobody's yet.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use identity::organizations::actions::list_organizations;
use identity::{Caller, Form, Operator, Viewer};
use import::actions::{
    CHUNK_ROWS, Chosen, ImportError, Importer, assign_chosen, drop_chosen, list_waiting, waiting_by_reason,
};
use import::mapping::Mapping;
use import::model::{Reason, Table};
use import::{Alike, Waiting, WaitingId};
use platform::http::{ApiError, FieldError, Query, Report, Validate};
use platform::ids::OrgId;
use serde::Deserialize;

use crate::format::count;
use crate::page::Page;
use crate::pages::import::{self as pages, Group, Imported, PATH, WaitingRow, of_group};
use crate::{State, context};

/// Rows on a page.
const PAGE: i64 = 50;
/// Rows of one reason that are given away by pressing once: what somebody waits for. The command line takes all.
const AT_ONCE: u64 = 10_000;

/// The query string.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// Only rows that wait for this reason.
    alike: Option<String>,
    cursor: Option<String>,
    done: Option<String>,
}

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
    let alike = asked.alike.as_deref().map(|mark| unmarked(mark).ok_or_else(ApiError::not_found)).transpose()?;
    let mut rows = list_waiting(state.tenancy(), alike.as_ref(), after, PAGE + 1).await.map_err(refused)?;
    let has_more = rows.len() > PAGE.unsigned_abs().try_into().unwrap_or(usize::MAX);
    if has_more {
        rows.pop();
    }
    let last = rows.last().map(|row| row.id);
    let organizations = list_organizations(state.tenancy()).await?;
    let groups = waiting_by_reason(state.tenancy()).await.map_err(refused)?;
    let only = alike.map(|alike| {
        let rows = groups.iter().find(|(group, _)| *group == alike).map_or(0, |(_, rows)| *rows);
        group(&alike, rows)
    });
    let here = only.as_ref().map_or_else(|| format!("{PATH}?"), |only| format!("{}&", of_group(&only.mark)));
    let view = Imported {
        groups: groups.iter().map(|(alike, rows)| group(alike, *rows)).collect(),
        only,
        rows: rows.iter().map(row).collect(),
        organizations: organizations.into_iter().map(|(id, name)| (id.to_string(), name)).collect(),
        next: last.filter(|_| has_more).map(|id| format!("{here}cursor={id}")),
        paged: after.is_some(),
        problem,
    };
    let chrome = context::whole(state, caller, chrome, asked.done.as_deref()).await?;
    Ok(Page::app(&chrome, pages::page(&chrome, &view)))
}

fn row(waiting: &Waiting) -> WaitingRow {
    WaitingRow {
        id: waiting.id.uuid(),
        table: waiting.table.to_string(),
        place: waiting.place.to_string(),
        reason: why(&waiting.column, waiting.reason),
        since: waiting.since,
    }
}

fn group(alike: &Alike, rows: i64) -> Group {
    Group {
        mark: mark(alike),
        table: alike.table.to_string(),
        reason: why(&alike.column, alike.reason),
        rows: rows.unsigned_abs(),
    }
}

fn why(column: &str, reason: Reason) -> String {
    let column = if column.is_empty() { String::new() } else { format!("{column}: ") };
    format!("{column}{}", reason.sentence())
}

/// What stands for rows that are alike: table, reason, column.
fn mark(alike: &Alike) -> String {
    format!("{}.{}.{}", alike.table, alike.reason.code(), alike.column)
}

fn unmarked(mark: &str) -> Option<Alike> {
    let (table, rest) = mark.split_once('.')?;
    let (reason, column) = rest.split_once('.')?;
    // PostgreSQL takes no NUL.
    let column = Some(column).filter(|column| !column.contains('\0'))?.to_owned();
    Some(Alike { table: Table::named(table)?, column, reason: Reason::of_code(reason)? })
}

/// What somebody has chosen, and whom to give it to.
#[derive(Debug, Deserialize)]
pub(super) struct Choices {
    #[serde(default)]
    row: Vec<WaitingId>,
    /// All rows of this reason, whatever else is chosen.
    #[serde(default)]
    all: String,
    #[serde(default)]
    org_id: String,
}

impl Validate for Choices {
    fn validate(&self, report: &mut Report) {
        report.require(self.chosen().is_some(), "row", "choose at least one row");
    }
}

impl Choices {
    fn chosen(&self) -> Option<Chosen> {
        let these = || (!self.row.is_empty()).then(|| Chosen::These(self.row.clone()));
        if self.all.is_empty() { these() } else { unmarked(&self.all).map(Chosen::Alike) }
    }

    fn back(&self, done: &str) -> Response {
        let path = if self.all.is_empty() { format!("{PATH}?") } else { format!("{}&", of_group(&self.all)) };
        Redirect::to(&format!("{path}done={done}")).into_response()
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
        Err(faults) => return wrong(&state, &headers, &caller, &faults).await,
    };
    let Ok(org) = choices.org_id.parse::<OrgId>() else {
        return say(&state, &headers, &caller, StatusCode::UNPROCESSABLE_ENTITY, "Please choose an organization.")
            .await;
    };
    let chosen = choices.chosen().ok_or_else(ApiError::not_found)?;
    let sum = assign_chosen(&importer(&state), &Mapping::default(), operator.actor(), &chosen, org, AT_ONCE).await;
    let sum = sum.map_err(refused)?;
    if sum.waiting == 0 {
        return Ok(choices.back("assigned"));
    }
    let words = format!(
        "{} of the chosen rows contradict this organization or have a fault, and wait still.",
        count(sum.waiting)
    );
    say(&state, &headers, &caller, StatusCode::CONFLICT, &words).await
}

pub(super) async fn drop_rows(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<Choices>,
) -> Result<Response, ApiError> {
    let choices = match form.input {
        Ok(choices) => choices,
        Err(faults) => return wrong(&state, &headers, &caller, &faults).await,
    };
    let chosen = choices.chosen().ok_or_else(ApiError::not_found)?;
    drop_chosen(&importer(&state), operator.actor(), caller.org, &chosen).await.map_err(refused)?;
    Ok(choices.back("dropped"))
}

fn importer(state: &State) -> Importer {
    Importer {
        tenancy: state.tenancy().clone(),
        clock: state.authority.clock().clone(),
        key: state.voice.master_key.clone(),
        chunk_rows: CHUNK_ROWS,
    }
}

async fn wrong(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    faults: &[FieldError],
) -> Result<Response, ApiError> {
    let words = faults.first().map_or_else(String::new, |fault| format!("Please {}.", fault.message));
    say(state, headers, caller, StatusCode::UNPROCESSABLE_ENTITY, &words).await
}

/// The page, with words above it.
async fn say(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    status: StatusCode,
    words: &str,
) -> Result<Response, ApiError> {
    let page = answer(state, headers, caller, &Asked::default(), Some(words.to_owned())).await?;
    Ok(page.with_status(status).into_response())
}

fn refused(error: ImportError) -> ApiError {
    match error {
        ImportError::Database(error) => error.into(),
        error => ApiError::internal(error),
    }
}
