//! `/app/live`.

use axum::extract::State as Extract;
use http::HeaderMap;
use identity::{Caller, Viewer};
use platform::http::{ApiError, Limit, Query};
use platform::ids::CallId;
use platform::tenancy::TenantTx;
use voice::calls::model::{CallDetail, CallFilter};
use voice::calls::{actions, store};

use super::Asked;
use crate::components::{LiveRow, LiveState, Turn};
use crate::format;
use crate::frame::Chrome;
use crate::page::{Page, wants_fragment};
use crate::pages::live::{self, Live};
use crate::{State, context, views};

/// Calls that are looked at for those that ended a moment ago.
const RECENT: i64 = 20;

pub(super) async fn show(
    caller: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(&state, &headers, &caller, &mut tx).await?;
    if asked.part.as_deref() == Some("count") {
        tx.commit().await?;
        return Ok(Page::app(&chrome, live::count(&chrome)));
    }
    let chosen = asked.call.as_deref().and_then(|id| id.parse::<CallId>().ok());
    let selected = match chosen {
        Some(id) => actions::find_call(&mut tx, id).await?,
        None => None,
    };
    if asked.part.as_deref() == Some("words") {
        tx.commit().await?;
        let (row, turns) = words(&selected.ok_or_else(ApiError::not_found)?, &chrome);
        return Ok(Page::app(&chrome, live::words(&row, &turns)));
    }
    let (rows, last_call) = rows(&state, &caller, &chrome, tx).await?;
    let view = Live { rows, selected: selected.map(|call| words(&call, &chrome)), last_call };
    if wants_fragment(&headers) {
        return Ok(Page::app(&chrome, live::list(&chrome, &view)));
    }
    let chrome = context::whole(&state, &caller, chrome, asked.done.as_deref()).await?;
    Ok(Page::app(&chrome, live::page(&chrome, &view)))
}

/// Calls in progress, then those that ended a moment ago; and when the newest call came, in words.
async fn rows(
    state: &State,
    caller: &Caller,
    chrome: &Chrome,
    mut tx: TenantTx,
) -> Result<(Vec<LiveRow>, Option<String>), ApiError> {
    let now = chrome.frame.now;
    let (_, live) = store::live_calls(&mut tx).await?;
    tx.commit().await?;
    let limit = Limit::from_parameter(Some(RECENT))?;
    let newest = actions::list_calls(state.tenancy(), caller.org, &CallFilter::default(), None, limit).await?.items;
    let mut rows: Vec<LiveRow> = live.iter().map(|call| views::live_row(call, now)).collect();
    rows.extend(views::just_ended(&newest, now));
    let last = newest.first().map(|call| format::when(call.at, now, &chrome.zone));
    Ok((rows, last))
}

fn words(call: &CallDetail, chrome: &Chrome) -> (LiveRow, Vec<Turn>) {
    let page = views::call_page(call, &[], 0, chrome.frame.now);
    let row = views::ended_row(&call.call);
    let state = if page.live { LiveState::Talking } else { row.state };
    (LiveRow { state, seconds: page.seconds.unwrap_or(0), ..row }, page.turns)
}
