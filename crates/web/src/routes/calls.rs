//! `/app/calls` and `/app/calls/{id}`.

use axum::extract::{Path, State as Extract};
use http::HeaderMap;
use identity::Viewer;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use platform::http::{ApiError, Cursor, Limit, Query};
use platform::ids::CallId;
use serde::Deserialize;
use voice::calls::actions;
use voice::calls::api::ListCalls;
use voice::calls::model::CallFilter;

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

pub(super) async fn show(
    caller: Viewer,
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let id: CallId = id.parse().map_err(|_| ApiError::not_found())?;
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(&state, &headers, &caller, &mut tx).await?;
    let found = actions::find_call(&mut tx, id).await?;
    tx.commit().await?;
    let view = views::call_page(&found.ok_or_else(ApiError::not_found)?, chrome.frame.now);
    if wants_fragment(&headers) {
        return Ok(Page::app(&chrome, call::body(&chrome, &view)));
    }
    let chrome = context::whole(&state, &caller, chrome, None).await?;
    Ok(Page::app(&chrome, call::page(&chrome, &view)))
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
