//! Failures of pages as pages: a handler fails with the same error as an API handler, and a browser gets words instead
//! of JSON.

use axum::body::to_bytes;
use axum::extract::{Request, State as Extract};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use platform::http::{ApiError, request_id};
use serde::Deserialize;

use crate::State;
use crate::context::public_frame;
use crate::page::{Page, wants_fragment};
use crate::pages::problem::{self, Problem};
use crate::site::{self, Visit};

/// Longest problem body, in bytes. Ours are a few hundred.
const LONGEST_PROBLEM: usize = 64 * 1024;

#[derive(Deserialize)]
struct Code {
    code: String,
}

/// Middleware around the pages.
pub(crate) async fn layer(Extract(state): Extract<State>, request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let path = request.uri().path().to_owned();
    let for_page = !path.starts_with("/api/") && reads_pages(&headers) && !wants_fragment(&headers);
    let response = next.run(request).await;
    let is_problem = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    // A fragment is not put on the page when its request fails, whatever its body.
    if !is_problem || !for_page {
        return response;
    }
    let (parts, body) = response.into_parts();
    let code = to_bytes(body, LONGEST_PROBLEM).await.ok().and_then(|bytes| serde_json::from_slice::<Code>(&bytes).ok());
    let code = code.map(|code| code.code).unwrap_or_default();
    if code == "no_organization" {
        return Redirect::to("/app/organization").into_response();
    }
    let mut answer = page(&state, &path, &headers, parts.status, &code);
    if let Some(after) = parts.headers.get(RETRY_AFTER) {
        answer.headers_mut().insert(RETRY_AFTER, after.clone());
    }
    answer
}

/// For addresses that nothing answers.
pub(crate) async fn not_found(Extract(state): Extract<State>, request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") || !reads_pages(request.headers()) {
        return ApiError::not_found().into_response();
    }
    let (parts, _) = request.into_parts();
    if let Some(right) = site::meant(&state.site, &parts) {
        return Redirect::permanent(&right).into_response();
    }
    page(&state, parts.uri.path(), &parts.headers, StatusCode::NOT_FOUND, "not_found")
}

/// In the look of the app for its own addresses, and in that of the website for all others.
fn page(state: &State, path: &str, headers: &HeaderMap, status: StatusCode, code: &str) -> Response {
    let id = status.is_server_error().then(request_id::current);
    let is_app = ["/app", "/signin", "/invite/", "/sign-out"].iter().any(|start| path.starts_with(start));
    if !is_app {
        let visit = Visit::new(path, headers);
        return site::problem(&state.site, &visit, status, code, id.as_deref()).into_response();
    }
    let frame = public_frame(state, headers);
    Page::public(problem::page(&frame, Problem::of(status, code), id.as_deref())).with_status(status).into_response()
}

fn reads_pages(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accepted| accepted.contains("text/html"))
}
