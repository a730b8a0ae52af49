//! `/app/settings/retention`.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use identity::{Admin, Caller, Form};
use platform::http::{ApiError, FieldError, Query, Report, Validate};
use serde::Deserialize;
use voice::retention::actions::{self, RetentionError};
use voice::retention::model::{Policy, confirmation};

use crate::format::sentence;
use crate::page::Page;
use crate::pages::retention::{self, Days, Preview, Retention};
use crate::{State, context};

/// Days as they are typed.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    recording_days: String,
    #[serde(default)]
    content_days: String,
    /// That somebody has seen what it would delete.
    confirmation: Option<String>,
    /// Given: somebody wants to see what it would delete.
    show: Option<String>,
    done: Option<String>,
}

impl Wish {
    fn policy(&self) -> Result<Policy, Vec<FieldError>> {
        let mut report = Report::default();
        let recording_days = days("recording_days", &self.recording_days, &mut report);
        let content_days = days("content_days", &self.content_days, &mut report);
        report.finish().map_err(|error| error.field_errors().to_vec())?;
        let policy = Policy { recording_days, content_days };
        let mut report = Report::default();
        policy.validate(&mut report);
        report.finish().map_err(|error| error.field_errors().to_vec())?;
        Ok(policy)
    }
}

impl Validate for Wish {
    /// What is typed is judged where the page can show it again.
    fn validate(&self, _: &mut Report) {}
}

/// Nothing typed is for ever.
fn days(path: &str, typed: &str, report: &mut Report) -> Option<i32> {
    let typed = typed.trim();
    if typed.is_empty() {
        return None;
    }
    let days = typed.parse().ok();
    report.require(days.is_some(), path, "must be a whole number of days, or empty");
    days
}

pub(super) async fn show(
    caller: Admin,
    Extract(state): Extract<State>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let wished = wish.show.as_ref().map(|_| &wish);
    answer(&state, &headers, &caller, wish.done.as_deref(), wished, None).await
}

/// The rule, without the names that programs give the fields.
fn in_words(rule: &str) -> String {
    let words = rule.replace("recording_days", "the days of recordings").replace("content_days", "the days of words");
    sentence(&words)
}

/// The page, with what is wished for and what that would delete.
async fn answer(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    done: Option<&str>,
    wish: Option<&Wish>,
    problem: Option<&str>,
) -> Result<Response, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(state, headers, caller, &mut tx).await?;
    let standing = actions::policy(&mut tx).await?;
    let typed = |days: Option<i32>| days.map(|days| days.to_string()).unwrap_or_default();
    let mut view = Retention {
        recording_days: standing.recording_days,
        content_days: standing.content_days,
        days: Days {
            recording: typed(standing.recording_days),
            content: typed(standing.content_days),
            ..Days::default()
        },
        problem: problem.map(str::to_owned),
        ..Retention::default()
    };
    let mut status = if problem.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    if let Some(wish) = wish {
        view.days.recording = wish.recording_days.trim().to_owned();
        view.days.content = wish.content_days.trim().to_owned();
        match wish.policy() {
            Ok(policy) => {
                let found = actions::preview(&mut tx, &policy, state.now()).await?;
                let key = &state.voice.master_key;
                view.preview = Some(Preview {
                    confirmation: confirmation(key, caller.org, &policy, state.now()).map_err(ApiError::internal)?,
                    recordings: found.recordings,
                    bytes: u64::try_from(found.recording_bytes).unwrap_or(0),
                    calls: found.calls,
                    held: found.held,
                });
            }
            Err(faults) => {
                let fault = |field: &str| faults.iter().find(|f| f.path == field).map(|f| in_words(&f.message));
                view.days.recording_error = fault("recording_days");
                view.days.content_error = fault("content_days");
                status = StatusCode::UNPROCESSABLE_ENTITY;
            }
        }
    }
    tx.commit().await?;
    let chrome = context::whole(state, caller, chrome, done).await?;
    Ok(Page::app(&chrome, retention::page(&chrome, &view)).with_status(status).into_response())
}

pub(super) async fn save(
    caller: Admin,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<Wish>,
) -> Result<Response, ApiError> {
    let wish = form.input.map_err(ApiError::invalid)?;
    let Ok(policy) = wish.policy() else {
        return answer(&state, &headers, &caller, None, Some(&wish), None).await;
    };
    let (key, seen) = (&state.voice.master_key, wish.confirmation.as_deref());
    let mut tx = caller.begin(state.tenancy()).await?;
    match actions::set_policy(&mut tx, key, caller.actor, &policy, seen, state.now()).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(Redirect::to("/app/settings/retention?done=saved").into_response())
        }
        Err(RetentionError::Unseen(_)) => {
            tx.rollback().await?;
            let words = "Look at what it would delete now, and then put it in force.";
            answer(&state, &headers, &caller, None, Some(&wish), Some(words)).await
        }
        Err(error) => Err(error.into()),
    }
}
