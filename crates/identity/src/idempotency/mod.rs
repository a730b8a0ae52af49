//! The same answer for a repeated request.
//!
//! A program that did not see the answer to a POST sends it again with the same `Idempotency-Key`. Table:
//! `idempotency_keys` (`migrations/0001_foundation.sql`).
//!
//! Rules:
//! - A key belongs to one caller, one route and one body. The same key with another body is a mistake: 422.
//! - The first request works in a task of its own, which ends even when its caller hangs up. While it works, others with
//!   its key get 409.
//! - Answers are stored sealed with the master key, as some of them show a secret once. Server faults and refusals for
//!   being too many are not stored: the next try is a first one.
//! - A key is forgotten after a day ([`crate::jobs`]). One whose server was killed in mid-work is free again after
//!   [`GIVES_UP_AFTER`].
//! - Forms of pages carry a key too, made with the page ([`form_layer`]): pressing twice does the thing once.

mod forms;
mod model;
mod store;

pub use forms::form_layer;
pub use model::{GIVES_UP_AFTER, KEEPS_FOR};
pub(crate) use store::sweep;

use std::pin::Pin;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest as _, Request, State as Extract};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{FromFnLayer, Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use platform::http::{ApiError, request_id};
use platform::ids::OrgId;

use crate::State;
use crate::access::{Authority, Caller, note_principal};
use model::{Claim, StoredAnswer, key_fault, request_hash, row_key, wanted_status};

static KEY: HeaderName = HeaderName::from_static("idempotency-key");
static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Largest answer that is stored, in bytes.
const LARGEST_ANSWER: usize = 1024 * 1024;

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;
type Middleware = fn(Extract<Authority>, Request, Next) -> Answer;

/// The layer for the API's routes. It does nothing for a request without the header, without a valid credential (its
/// handler refuses it), or that is no POST under `/api/v1/`.
pub fn layer(state: State) -> FromFnLayer<Middleware, Authority, (Extract<Authority>, Request)> {
    let middleware: Middleware = |Extract(authority), request, next| Box::pin(answer(authority, request, next));
    from_fn_with_state(state.authority, middleware)
}

async fn answer(authority: Authority, request: Request, next: Next) -> Response {
    if request.method() != Method::POST
        || !request.uri().path().starts_with("/api/v1/")
        || !request.headers().contains_key(&KEY)
    {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let Ok(principal) = authority.identify(&parts).await else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let Some(caller) = Caller::of(&principal) else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    note_principal(&mut parts, principal);
    answer_once(&authority, &caller, parts, body, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer_once(
    authority: &Authority,
    caller: &Caller,
    parts: Parts,
    body: Body,
    next: Next,
) -> Result<Response, ApiError> {
    let key = given_key(&parts)?;
    let body = whole_body(&parts, body).await?;
    let row = row_key(caller, parts.uri.path(), &key);
    let hash = request_hash(&parts.uri, &body);
    match claim(authority, caller.org, &row, &hash).await? {
        Claim::First => {}
        Claim::Repeat(sealed) => return replay(authority, caller.org, &row, &sealed),
        Claim::InProgress => return Err(in_progress()),
        Claim::OtherRequest => {
            return Err(ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "This Idempotency-Key was used with another body. Use a new key for a new request.",
            ));
        }
    }
    work(authority, caller.org, row, Request::from_parts(parts, Body::from(body)), next).await
}

/// Lets the handler work and keeps what it answers.
async fn work(
    authority: &Authority,
    org: OrgId,
    row: String,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (authority, tasks) = (authority.clone(), authority.tasks().clone());
    let work = async move {
        let response = next.run(request).await;
        keep(&authority, org, &row, response).await
    };
    // A caller that hangs up drops the request's future; the deed and its stored answer must stay together all the same.
    match tasks.spawn(request_id::carry(work)).await {
        Ok(answer) => answer,
        Err(error) => Err(ApiError::internal(error)),
    }
}

fn in_progress() -> ApiError {
    let text = "A request with this Idempotency-Key is being answered; try again shortly.";
    ApiError::conflict("idempotency_key_in_progress", text).retry_after(1)
}

fn given_key(parts: &Parts) -> Result<String, ApiError> {
    let mut values = parts.headers.get_all(&KEY).iter();
    let key = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fault = if values.next().is_some() { Some("must be sent once") } else { key_fault(key) };
    match fault {
        None => Ok(key.to_owned()),
        Some(what) => Err(ApiError::bad_request("bad_idempotency_key", format!("The Idempotency-Key {what}."))),
    }
}

async fn whole_body(parts: &Parts, body: Body) -> Result<Bytes, ApiError> {
    Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await.map_err(|rejection| {
        ApiError::new(rejection.status(), "unreadable_body", "The body is too large or was cut off.")
    })
}

async fn claim(authority: &Authority, org: OrgId, row: &str, hash: &[u8]) -> Result<Claim, ApiError> {
    let mut tx = authority.tenancy().tenant(org).await?;
    let claim = store::claim(&mut tx, row, hash, authority.now()).await?;
    tx.commit().await?;
    Ok(claim)
}

/// Stores the handler's answer and hands it on.
async fn keep(authority: &Authority, org: OrgId, row: &str, response: Response) -> Result<Response, ApiError> {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, LARGEST_ANSWER).await.map_err(ApiError::internal)?;
    let stored = store_answer(authority, org, row, &parts, &body).await;
    if let Err(error) = stored {
        // The deed is done: its answer is worth more to the caller than a fault of the bookkeeping.
        error.log();
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

async fn store_answer(
    authority: &Authority,
    org: OrgId,
    row: &str,
    parts: &http::response::Parts,
    body: &[u8],
) -> Result<(), ApiError> {
    let mut tx = authority.tenancy().tenant(org).await?;
    if wanted_status(parts.status) {
        let answer = StoredAnswer { headers: model::kept_headers(&parts.headers), body: body.to_vec() };
        let plain = serde_json::to_vec(&answer).map_err(ApiError::internal)?;
        let sealed = authority.master_key().seal(&place(org, row), &plain).map_err(ApiError::internal)?;
        store::save(&mut tx, row, i32::from(parts.status.as_u16()), &sealed).await?;
    } else {
        store::release(&mut tx, row).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn replay(authority: &Authority, org: OrgId, row: &str, stored: &model::Sealed) -> Result<Response, ApiError> {
    let plain = authority.master_key().open(&place(org, row), &stored.body).map_err(ApiError::internal)?;
    let answer: StoredAnswer = serde_json::from_slice(&plain).map_err(ApiError::internal)?;
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = stored.status;
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        let name = name.parse::<HeaderName>().map_err(ApiError::internal)?;
        headers.insert(name, HeaderValue::from_str(&value).map_err(ApiError::internal)?);
    }
    headers.insert(REPLAYED.clone(), HeaderValue::from_static("true"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn place(org: OrgId, row: &str) -> String {
    format!("idempotency_keys/{org}/{row}")
}
