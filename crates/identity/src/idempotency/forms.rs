//! Keys in the forms of pages. Without script nothing keeps somebody from pressing a button twice, and the browser then
//! shows the second answer: it has to be the first one again, a key that is shown once included.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State as Extract};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::{FromFnLayer, Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use platform::http::ApiError;

use super::model::{Claim, form_row_key, key_fault, request_hash};
use super::{Middleware, claim, in_progress, replay, whole_body, work};
use crate::access::{Authority, Caller, FormValues, KEY_FIELD, note_principal};

/// How long the second press waits for the first one's answer.
const WAITS_FOR: Duration = Duration::from_secs(10);
/// How often it looks.
const LOOKS_EVERY: Duration = Duration::from_millis(100);

/// The layer for the routes of the signed-in pages. It does nothing for a form without the field [`KEY_FIELD`], and
/// nothing for one that its handler will refuse as not ours.
pub fn form_layer(authority: Authority) -> FromFnLayer<Middleware, Authority, (Extract<Authority>, Request)> {
    let middleware: Middleware = |Extract(authority), request, next| Box::pin(answer(authority, request, next));
    from_fn_with_state(authority, middleware)
}

async fn answer(authority: Authority, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let Some(caller) = sender(&authority, &mut parts).await else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    answer_once(&authority, &caller, parts, body, next).await.unwrap_or_else(IntoResponse::into_response)
}

/// Who signed in with this browser, in an organization.
async fn sender(authority: &Authority, parts: &mut Parts) -> Option<Caller> {
    let principal = authority.identify(parts).await.ok()?;
    let caller = Caller::of(&principal)?;
    note_principal(parts, principal);
    Some(caller)
}

async fn answer_once(
    authority: &Authority,
    caller: &Caller,
    parts: Parts,
    body: Body,
    next: Next,
) -> Result<Response, ApiError> {
    let body = whole_body(&parts, body).await?;
    let values = FormValues::parse(&body);
    let ours = caller.csrf.as_ref().is_some_and(|csrf| values.carry(csrf));
    let key = values.get(KEY_FIELD);
    if !ours || key.is_empty() {
        return Ok(next.run(Request::from_parts(parts, Body::from(body))).await);
    }
    if let Some(what) = key_fault(key) {
        return Err(ApiError::bad_request("bad_idempotency_key", format!("The form's key {what}.")));
    }
    let row = form_row_key(caller, &parts.uri, key, &body);
    let hash = request_hash(&parts.uri, &body);
    let gives_up = tokio::time::Instant::now() + WAITS_FOR;
    loop {
        match claim(authority, caller.org, &row, &hash).await? {
            Claim::First => break,
            Claim::Repeat(sealed) => return replay(authority, caller.org, &row, &sealed),
            Claim::InProgress if tokio::time::Instant::now() < gives_up => tokio::time::sleep(LOOKS_EVERY).await,
            // Another content would be another row.
            Claim::InProgress | Claim::OtherRequest => return Err(in_progress()),
        }
    }
    work(authority, caller.org, row, Request::from_parts(parts, Body::from(body)), next).await
}
