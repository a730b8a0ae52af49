//! `/app/operator/status` and `/app/operator/alerts`. The shell is that of the operator's own organization.

use alarms::alerts::model::{Alert, AlertError, AlertId, Delivery, Level};
use alarms::signs::model::State as SignState;
use alarms::status::{Part, Status};
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use identity::{Caller, Form, Operator, Viewer};
use platform::http::{ApiError, Query, Report, Validate};
use serde::Deserialize;

use super::Asked;
use crate::components::Tone;
use crate::frame::Chrome;
use crate::page::Page;
use crate::pages::status::{self as pages, ALERTS, AlertRow, Alerts, PartCard, SignRow, Word};
use crate::{State, context};

pub(super) async fn show(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let chrome = shell(&state, &headers, &caller).await?;
    let view = status(&state.alarms.status().await);
    let chrome = context::whole(&state, &caller, chrome, None).await?;
    Ok(Page::app(&chrome, pages::status_page(&chrome, &view)))
}

pub(super) async fn show_alerts(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    alerts(&state, &headers, &caller, asked.done.as_deref(), None).await
}

#[derive(Debug, Deserialize)]
pub(super) struct OneAlert {
    alert_id: AlertId,
}

impl Validate for OneAlert {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn acknowledge(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<OneAlert>,
) -> Result<Response, ApiError> {
    let id = form.input.map_err(ApiError::invalid)?.alert_id;
    match state.alarms.acknowledge(operator.user, caller.org, id).await {
        Ok(()) => Ok(Redirect::to(&format!("{ALERTS}?done=acknowledged")).into_response()),
        Err(AlertError::NotFound) => {
            let words = Some("That alert is over, so there is nothing to take on.".to_owned());
            let page = alerts(&state, &headers, &caller, None, words).await?;
            Ok(page.with_status(StatusCode::CONFLICT).into_response())
        }
        Err(error) => Err(failure(error)),
    }
}

async fn shell(state: &State, headers: &HeaderMap, caller: &Caller) -> Result<Chrome, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(state, headers, caller, &mut tx).await?;
    tx.commit().await?;
    Ok(chrome)
}

async fn alerts(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    done: Option<&str>,
    problem: Option<String>,
) -> Result<Page, ApiError> {
    let chrome = shell(state, headers, caller).await?;
    let (open, over) = state.alarms.alerts().await.map_err(failure)?;
    let rows = |alerts: Vec<Alert>| alerts.into_iter().map(row).collect();
    let view = Alerts { open: rows(open), over: rows(over), reaches: state.alarms.reaches(), problem };
    let chrome = context::whole(state, caller, chrome, done).await?;
    Ok(Page::app(&chrome, pages::alerts_page(&chrome, &view)))
}

fn failure(error: AlertError) -> ApiError {
    match error {
        AlertError::Database(error) => error.into(),
        AlertError::NotFound => ApiError::not_found(),
        other => ApiError::internal(other),
    }
}

const fn word(state: SignState) -> Word {
    match state {
        SignState::Off => ("Does not apply", Tone::Neutral),
        SignState::Fine => ("Fine", Tone::Ok),
        SignState::Warning => ("Needs a look", Tone::Warn),
        SignState::Critical => ("Critical", Tone::Bad),
        SignState::Unknown => ("Not known", Tone::Warn),
    }
}

fn status(status: &Status) -> pages::Status {
    let parts: Vec<PartCard> = Part::ALL.into_iter().map(|part| part_card(status, part)).collect();
    let worst = status.worst();
    let bad = Part::ALL.into_iter().filter(|part| !matches!(status.part(*part), SignState::Off | SignState::Fine));
    let summary = match bad.count() {
        0 => "Everything works.".to_owned(),
        1 => "One part is not fine.".to_owned(),
        count => format!("{count} parts are not fine."),
    };
    pages::Status { summary, tone: word(worst).1, looked_at: status.looked_at, parts }
}

pub(super) fn part_card(status: &Status, part: Part) -> PartCard {
    let signs = part.signs().iter().filter_map(|sign| {
        let reading = status.signs.get(sign)?;
        let is_fine = matches!(reading.state, SignState::Off | SignState::Fine);
        Some(SignRow {
            title: sign.title(),
            word: word(reading.state),
            words: reading.words.clone(),
            advice: if is_fine { "" } else { sign.advice() },
        })
    });
    let mut signs: Vec<SignRow> = signs.collect();
    if part == Part::Database {
        let (state, words) = if status.database {
            (SignState::Fine, "It answers.")
        } else {
            (SignState::Critical, "It does not answer.")
        };
        signs.insert(0, SignRow { title: "Connection", word: word(state), words: words.to_owned(), advice: "" });
    }
    PartCard { id: part.as_str(), title: part.title(), word: word(status.part(part)), signs }
}

fn row(alert: Alert) -> AlertRow {
    AlertRow {
        id: alert.id.uuid(),
        title: alert.sign.title(),
        word: match alert.level {
            Level::Unknown => ("Not known", Tone::Warn),
            Level::Warning => ("Needs a look", Tone::Warn),
            Level::Critical => ("Critical", Tone::Bad),
        },
        words: alert.words,
        advice: alert.sign.advice(),
        opened_at: alert.opened_at,
        resolved_at: alert.resolved_at,
        acknowledged: alert.acknowledged.map(|(_, name, at)| (name, at)),
        told: (alert.told, alert.told_at),
        webhook: alert.webhook.map(|delivery| match delivery {
            Delivery::Waiting => ("being sent", Tone::Neutral),
            Delivery::Delivered => ("taken", Tone::Ok),
            Delivery::Failed => ("given up", Tone::Bad),
        }),
    }
}
