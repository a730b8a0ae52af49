//! `/app/operator/jobs`. The shell is that of the operator's own organization; the jobs are everybody's.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use identity::{Caller, Form, Operator, Viewer};
use platform::http::{ApiError, Cursor, Limit, Query, Report, Validate};
use platform::ids::{JobId, OrgId};
use serde::Deserialize;

use super::Asked;
use crate::page::Page;
use crate::pages::jobs::{self, HOME, Jobs, OtherQueue};
use crate::{State, context};

/// Dead jobs on one page. The first page stands among everything else that there is to see.
const DEAD_ON_A_PAGE: i64 = 50;

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
    problem: Option<&str>,
) -> Result<Page, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(state, headers, caller, &mut tx).await?;
    tx.commit().await?;
    let mail = state.outbox.health().await.map_err(ApiError::internal)?;
    let spool = state.voice.ingress.spool.waiting().await.map_err(ApiError::internal)?;
    let cursor = asked.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    let dead = state.jobs.list_dead(cursor, Limit::from_parameter(Some(DEAD_ON_A_PAGE))?).await?;
    let view = Jobs {
        overview: state.jobs.overview().await?,
        dead: dead.items,
        older: dead.next_cursor.map(|cursor| format!("{HOME}?cursor={cursor}#dead")),
        paged: cursor.is_some(),
        others: vec![
            OtherQueue {
                title: "E-mail",
                href: Some("/app/operator/mail"),
                waiting: u64::try_from(mail.waiting).unwrap_or(0),
                oldest: mail.oldest_due,
            },
            OtherQueue {
                title: "Answered events on this node's disk",
                href: None,
                waiting: u64::try_from(spool.len()).unwrap_or(u64::MAX),
                oldest: None,
            },
        ],
        problem: problem.map(str::to_owned),
    };
    let chrome = context::whole(state, caller, chrome, asked.done.as_deref()).await?;
    Ok(Page::app(&chrome, jobs::page(&chrome, &view)))
}

#[derive(Debug, Deserialize)]
pub(super) struct OneJob {
    org_id: OrgId,
    job_id: JobId,
}

impl Validate for OneJob {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn retry(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<OneJob>,
) -> Result<Response, ApiError> {
    let job = form.input.map_err(ApiError::invalid)?;
    if state.jobs.retry_by(operator.actor(), job.org_id, job.job_id).await? {
        return Ok(Redirect::to(&format!("{HOME}?done=retried")).into_response());
    }
    let words = "This job is not among those that were given up. Somebody may have retried it a moment ago.";
    let page = answer(&state, &headers, &caller, &Asked::default(), Some(words)).await?;
    Ok(page.with_status(StatusCode::CONFLICT).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct OneSchedule {
    name: String,
}

impl Validate for OneSchedule {
    fn validate(&self, report: &mut Report) {
        report.text("name", &self.name, 80);
    }
}

pub(super) async fn run(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<OneSchedule>,
) -> Result<Response, ApiError> {
    let schedule = form.input.map_err(ApiError::invalid)?;
    if state.jobs.run_by(operator.actor(), caller.org, &schedule.name).await? {
        return Ok(Redirect::to(&format!("{HOME}?done=started")).into_response());
    }
    let words = "There is no duty of this name that could be run at will.";
    let page = answer(&state, &headers, &caller, &Asked::default(), Some(words)).await?;
    Ok(page.with_status(StatusCode::CONFLICT).into_response())
}
