//! `/app/calls` and `/app/calls/{id}`.

use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use identity::{Admin, Caller, Form, Member, Role, Viewer};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use platform::http::{ApiError, Cursor, Limit, Query, Report, Validate};
use platform::ids::CallId;
use serde::Deserialize;
use voice::calls::actions;
use voice::calls::api::ListCalls;
use voice::calls::model::CallFilter;
use voice::playback::actions::{self as playback, PlaybackError};
use voice::retention::actions::{self as retention, RetentionError};
use voice::retention::model::MAX_REASON;

use super::Nothing;
use crate::format::sentence;
use crate::page::{Page, wants_fragment};
use crate::pages::call;
use crate::pages::calls::{self, Calls, Filters};
use crate::{State, context, views};

/// Rows on a page.
const ROWS: i64 = 25;

/// The filters as texts: a filter that makes no sense is shown again with words beside it, not refused.
#[derive(Debug, Default, Deserialize)]
pub(super) struct AskedCalls {
    #[serde(default)]
    q: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    direction: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    cursor: Option<String>,
}

pub(super) async fn list(
    caller: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<AskedCalls>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(&state, &headers, &caller, &mut tx).await?;
    tx.commit().await?;

    let cursor = asked.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    let limit = Limit::from_parameter(Some(ROWS))?;
    let (found, problem) = match filter(&asked, &chrome.zone) {
        Ok(filter) => (Some(actions::list_calls(state.tenancy(), caller.org, &filter, cursor, limit).await?), None),
        Err(problem) => (None, Some(problem)),
    };
    let (items, next) = found.map(|page| (page.items, page.next_cursor)).unwrap_or_default();
    let view = Calls {
        rows: items.iter().map(views::call_row).collect(),
        problem,
        newest: address(&asked, None),
        paged: asked.cursor.is_some(),
        older: next.map(|cursor| address(&asked, Some(&cursor))),
        here: address(&asked, asked.cursor.as_deref()),
        filters: Filters {
            q: asked.q,
            status: asked.status,
            direction: asked.direction,
            from: asked.from,
            to: asked.to,
        },
    };
    if wants_fragment(&headers) {
        return Ok(Page::app(&chrome, calls::rows(&chrome, &view)));
    }
    let chrome = context::whole(&state, &caller, chrome, None).await?;
    Ok(Page::app(&chrome, calls::page(&chrome, &view)))
}

/// What a call's address may carry.
#[derive(Debug, Default, Deserialize)]
pub(super) struct AskedCall {
    /// Where to begin listening, in seconds. What is no number is the beginning: links get cut.
    t: Option<String>,
    done: Option<String>,
}

pub(super) async fn show(
    caller: Viewer,
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    Query(asked): Query<AskedCall>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    answer(&state, &headers, &caller, &id, &asked, None).await
}

/// The call's page, with what is wrong with what was just sent.
async fn answer(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    id: &str,
    asked: &AskedCall,
    problem: Option<String>,
) -> Result<Page, ApiError> {
    let id = parse(id)?;
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(state, headers, caller, &mut tx).await?;
    let found = actions::find_call(&mut tx, id).await?;
    let recordings = voice::recordings::of_call(&mut tx, id).await?;
    tx.commit().await?;
    let start = asked.t.as_deref().and_then(|t| t.parse().ok()).unwrap_or(0);
    let view = call::Call {
        works: caller.role >= Role::Member,
        problem,
        ..views::call_page(&found.ok_or_else(ApiError::not_found)?, &recordings, start, chrome.frame.now)
    };
    if wants_fragment(headers) {
        return Ok(Page::app(&chrome, call::body(&chrome, &view)));
    }
    let chrome = context::whole(state, caller, chrome, asked.done.as_deref()).await?;
    Ok(Page::app(&chrome, call::page(&chrome, &view)))
}

fn parse(id: &str) -> Result<CallId, ApiError> {
    id.parse().map_err(|_| ApiError::not_found())
}

fn back(id: CallId, done: &str) -> Response {
    Redirect::to(&format!("/app/calls/{id}?done={done}")).into_response()
}

/// Lets a copy that failed be tried again.
pub(super) async fn retry_recording(
    caller: Member,
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Form<Nothing>,
) -> Result<Response, ApiError> {
    form.input.map_err(ApiError::invalid)?;
    let call = parse(&id)?;
    let mut tx = caller.begin(state.tenancy()).await?;
    match playback::retry(&mut tx, &state.voice.jobs, state.authority.clock(), caller.actor, call).await {
        Ok(seq) => {
            tx.commit().await?;
            state.voice.retried(caller.org, seq);
            Ok(back(call, "fetched"))
        }
        Err(error @ PlaybackError::NotFailed) => {
            tx.rollback().await?;
            refused(&state, &headers, &caller, &id, &error).await
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct HoldForm {
    reason: String,
}

impl Validate for HoldForm {
    fn validate(&self, report: &mut Report) {
        report.text("reason", &self.reason, MAX_REASON);
    }
}

pub(super) async fn place_hold(
    caller: Admin,
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Form<HoldForm>,
) -> Result<Response, ApiError> {
    let Ok(hold) = form.input else {
        let words = format!("Say in at most {MAX_REASON} characters why this call must be kept.");
        let page = answer(&state, &headers, &caller, &id, &AskedCall::default(), Some(words)).await?;
        return Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
    };
    settle(&state, &headers, &caller, &id, Deed::Hold(hold.reason.trim())).await
}

pub(super) async fn lift_hold(
    caller: Admin,
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Form<Nothing>,
) -> Result<Response, ApiError> {
    form.input.map_err(ApiError::invalid)?;
    settle(&state, &headers, &caller, &id, Deed::Lift).await
}

pub(super) async fn erase(
    caller: Admin,
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Form<Nothing>,
) -> Result<Response, ApiError> {
    form.input.map_err(ApiError::invalid)?;
    settle(&state, &headers, &caller, &id, Deed::Erase).await
}

/// What is done about how long a call is kept.
#[derive(Clone, Copy)]
enum Deed<'a> {
    /// It is kept whatever happens, for this reason.
    Hold(&'a str),
    /// It is not any more.
    Lift,
    /// Its content is deleted.
    Erase,
}

/// Does it and goes back to the page, or shows on it why nothing was done.
async fn settle(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    id: &str,
    deed: Deed<'_>,
) -> Result<Response, ApiError> {
    let (call, actor, now) = (parse(id)?, caller.actor, state.now());
    let mut tx = caller.begin(state.tenancy()).await?;
    let (done, word) = match deed {
        Deed::Hold(reason) => (retention::place_hold(&mut tx, actor, call, reason, now).await, "held"),
        Deed::Lift => (retention::lift_hold(&mut tx, actor, call, now).await, "lifted"),
        Deed::Erase => (retention::erase(&mut tx, &state.voice.jobs, actor, call, now).await, "erased"),
    };
    match done {
        Ok(told) => {
            tx.commit().await?;
            state.voice.told(caller.org, told);
            Ok(back(call, word))
        }
        Err(RetentionError::Refused(refusal)) => {
            tx.rollback().await?;
            refused(state, headers, caller, id, &refusal).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Somebody else was faster, or the page was old: it is shown as it is now, and why nothing was done.
async fn refused(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    id: &str,
    why: &impl std::fmt::Display,
) -> Result<Response, ApiError> {
    let page = answer(state, headers, caller, id, &AskedCall::default(), Some(sentence(&why.to_string()))).await?;
    Ok(page.with_status(StatusCode::CONFLICT).into_response())
}

/// Reads the filters; days are the organization's, from midnight to midnight. The error is a sentence for the page.
fn filter(asked: &AskedCalls, zone: &TimeZone) -> Result<CallFilter, String> {
    let known = |name: &str| serde_json::Value::String(name.to_owned());
    let status = (!asked.status.is_empty()).then(|| serde_json::from_value(known(&asked.status)));
    let direction = (!asked.direction.is_empty()).then(|| serde_json::from_value(known(&asked.direction)));
    let from = day(&asked.from, zone)?.map(|(start, _)| start);
    let to = day(&asked.to, zone)?.map(|(_, end)| end);
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err("The first day is after the last day.".to_owned());
    }
    let list = ListCalls {
        limit: None,
        cursor: None,
        status: status.transpose().map_err(|_| "There is no such state.".to_owned())?,
        direction: direction.transpose().map_err(|_| "There is no such direction.".to_owned())?,
        from,
        to,
        q: Some(asked.q.clone()),
    };
    list.filter().map_err(|_| "The words to look for are too long or hold characters that no call has.".to_owned())
}

fn day(text: &str, zone: &TimeZone) -> Result<Option<(Timestamp, Timestamp)>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let date: Option<Date> = text.parse().ok();
    let day = date.and_then(|date| views::day(date, zone).ok());
    day.map(Some).ok_or_else(|| "A day is written like 2026-11-23.".to_owned())
}

/// The list's address with its filters, beginning after a cursor.
fn address(asked: &AskedCalls, cursor: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let filters = [
        ("q", &asked.q),
        ("status", &asked.status),
        ("direction", &asked.direction),
        ("from", &asked.from),
        ("to", &asked.to),
    ];
    for (name, value) in filters.into_iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    if let Some(cursor) = cursor {
        query.append_pair("cursor", cursor);
    }
    let query = query.finish();
    if query.is_empty() { "/app/calls".to_owned() } else { format!("/app/calls?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voice::calls::model::{Direction, Status};

    fn asked(from: &str, to: &str) -> AskedCalls {
        AskedCalls { from: from.to_owned(), to: to.to_owned(), ..AskedCalls::default() }
    }

    #[test]
    fn a_day_is_the_organizations_day_even_when_the_clocks_change() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let found = filter(&asked("2026-10-25", "2026-10-25"), &zone).unwrap();
        assert_eq!(found.from.unwrap().to_string(), "2026-10-24T23:00:00Z");
        assert_eq!(found.to.unwrap().to_string(), "2026-10-26T00:00:00Z", "a day of 25 hours");
    }

    #[test]
    fn filters_are_read_and_nonsense_is_answered_in_words() {
        let zone = TimeZone::UTC;
        let both =
            AskedCalls { status: "in-progress".to_owned(), direction: "web".to_owned(), ..AskedCalls::default() };
        let found = filter(&both, &zone).unwrap();
        assert_eq!((found.status, found.direction), (Some(Status::InProgress), Some(Direction::Web)));
        for wrong in [
            asked("yesterday", ""),
            asked("2026-02-30", ""),
            asked("2026-11-02", "2026-11-01"),
            AskedCalls { status: "lost".to_owned(), ..AskedCalls::default() },
            AskedCalls { direction: "up".to_owned(), ..AskedCalls::default() },
            AskedCalls { q: "x".repeat(1_000), ..AskedCalls::default() },
            AskedCalls { q: "a\0b".to_owned(), ..AskedCalls::default() },
        ] {
            assert!(filter(&wrong, &zone).unwrap_err().ends_with('.'), "{wrong:?}");
        }
    }

    #[test]
    fn the_address_of_a_page_keeps_the_filters() {
        let asked = AskedCalls { q: "Ärger & co".to_owned(), direction: "web".to_owned(), ..AskedCalls::default() };
        assert_eq!(address(&asked, Some("abc")), "/app/calls?q=%C3%84rger+%26+co&direction=web&cursor=abc");
        assert_eq!(address(&AskedCalls::default(), None), "/app/calls");
    }
}
