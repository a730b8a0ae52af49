//! `/app`.

use axum::extract::State as Extract;
use http::HeaderMap;
use identity::Viewer;
use platform::http::{ApiError, Limit, Query};
use voice::calls::model::CallFilter;
use voice::calls::{actions, store};

use super::Asked;
use crate::page::{Page, wants_fragment};
use crate::pages::today::{self, Today};
use crate::{State, context, views};

/// Calls under "Latest calls".
const LATEST: i64 = 8;

pub(super) async fn show(
    caller: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(&state, &headers, &caller, &mut tx).await?;
    let (from, to) = views::day_of(chrome.frame.now, &chrome.zone).map_err(ApiError::internal)?;
    let (from_before, to_before) = views::week_before(chrome.frame.now, &chrome.zone).map_err(ApiError::internal)?;
    let zone = chrome.zone.iana_name().unwrap_or("UTC");
    let (_, live) = store::live_calls(&mut tx).await?;
    let totals = store::totals(&mut tx, from, to).await?;
    let today = store::by_hour(&mut tx, from, to, zone).await?;
    let before = store::by_hour(&mut tx, from_before, to_before, zone).await?;
    tx.commit().await?;
    let limit = Limit::from_parameter(Some(LATEST))?;
    let latest = actions::list_calls(state.tenancy(), caller.org, &CallFilter::default(), None, limit).await?.items;

    let now = chrome.frame.now;
    let mut rows: Vec<_> = live.iter().map(|call| views::live_row(call, now)).collect();
    rows.extend(views::just_ended(&latest, now));
    let view = Today {
        live: rows,
        latest: latest.iter().map(views::call_row).collect(),
        stats: views::stats(&totals),
        hours: views::hours(&today, &before),
        before: now.to_zoned(chrome.zone.clone()).strftime("last %A").to_string(),
    };
    if wants_fragment(&headers) {
        return Ok(Page::app(&chrome, today::body(&chrome, &view)));
    }
    let chrome = context::whole(&state, &caller, chrome, asked.done.as_deref()).await?;
    Ok(Page::app(&chrome, today::page(&chrome, &view)))
}
