//! `/app/operator/accounting`. The shell is that of the operator's own organization; the accounts are everybody's.

use axum::extract::State as Extract;
use http::HeaderMap;
use identity::{Operator, Viewer};
use platform::http::ApiError;

use crate::page::Page;
use crate::pages::accounting;
use crate::{State, context};

pub(super) async fn show(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(&state, &headers, &caller, &mut tx).await?;
    tx.commit().await?;
    let overview = state.voice.reconciler.overview().await?;
    let chrome = context::whole(&state, &caller, chrome, None).await?;
    Ok(Page::app(&chrome, accounting::page(&chrome, &overview)))
}
