//! `POST /api/webhooks/vapi` and `/api/webhooks/vapi/{connection_id}`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use platform::config::Origin;
use platform::http::problem::Chain;
use platform::http::{ApiError, ClientAddr, FieldError, Limiter, Problem, PublicRouter, SignedBody};
use platform::ids::ConnectionId;
use providers::vapi::reply::{self, ToolCallsReply};
use providers::vapi::signature::{self, Refused, SignedRequest};
use providers::vapi::{self, MessageKind};
use serde_json::json;

use super::actions::{IngestError, Ingress};
use super::model::Event;
use super::store::Ingested;
use crate::connections::model::Verifier;

/// How long an answer that the provider waits for may wait for the database. The carrier hangs up at 15 s, the provider
/// at 7.5 s; a caller hears every second.
const REPLY_PATIENCE: Duration = Duration::from_secs(3);

/// State of the webhook routes.
pub struct WebhookState {
    /// The ingest.
    pub ingress: Ingress,
    /// Refused events per address; verified ones are never counted.
    pub unverified: Option<Limiter<IpAddr>>,
    /// The address that the provider was given; some schemes sign it.
    pub public_origin: Origin,
    /// Largest body in bytes.
    pub max_bytes: usize,
}

/// The webhook routes. Public on purpose: each request proves itself with its connection's own scheme.
pub fn router(state: Arc<WebhookState>) -> PublicRouter<()> {
    PublicRouter::new()
        .route(__path_receive_platform_event, receive_platform_event)
        .route(__path_receive_event, receive_event)
        .body_limit(state.max_bytes)
        .with_state(state)
}

/// Takes an event of the platform-wide connection.
///
/// The organization is found from the call, the number or the assistant; an event that belongs to none is quarantined.
#[utoipa::path(
    post, path = "/api/webhooks/vapi", tag = "webhooks",
    request_body(content = serde_json::Value, description = "A Vapi server message: `{\"message\": {\"type\": …}}`."),
    responses(
        (status = 200, description = "Stored. The body is the answer the provider waits for, or an empty object."),
        (status = 400, description = "Verified, but not a message.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not verified.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Larger than the limit.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "With a content encoding.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many unverified requests from this address.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Not stored; send it again.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn receive_platform_event(
    State(state): State<Arc<WebhookState>>,
    client: ClientAddr,
    OriginalUri(uri): OriginalUri,
    method: Method,
    headers: HeaderMap,
    SignedBody(body): SignedBody,
) -> Result<Response, ApiError> {
    let verifier = state.ingress.registry.platform_wide();
    receive(&state, Ok(Some(verifier)), client, uri.path(), &method, &headers, &body).await
}

/// Takes an event of an organization's own connection.
#[utoipa::path(
    post, path = "/api/webhooks/vapi/{connection_id}", tag = "webhooks",
    params(("connection_id" = String, Path, description = "The connection, from its webhook address.")),
    request_body(content = serde_json::Value, description = "A Vapi server message: `{\"message\": {\"type\": …}}`."),
    responses(
        (status = 200, description = "Stored. The body is the answer the provider waits for, or an empty object."),
        (status = 400, description = "Verified, but not a message.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not verified, or no such connection.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Larger than the limit.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "With a content encoding.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many unverified requests from this address.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Not stored; send it again.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn receive_event(
    State(state): State<Arc<WebhookState>>,
    client: ClientAddr,
    OriginalUri(uri): OriginalUri,
    Path(connection): Path<String>,
    method: Method,
    headers: HeaderMap,
    SignedBody(body): SignedBody,
) -> Result<Response, ApiError> {
    let verifier = match connection.parse::<ConnectionId>() {
        Ok(id) => state.ingress.registry.find(id).await,
        Err(_) => Ok(None),
    };
    receive(&state, verifier, client, uri.path(), &method, &headers, &body).await
}

async fn receive(
    state: &WebhookState,
    verifier: Result<Option<Arc<Verifier>>, crate::connections::ConnectionError>,
    client: ClientAddr,
    path: &str,
    method: &Method,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, ApiError> {
    let verifier = verifier.map_err(ApiError::unavailable)?;
    let Some(verifier) = verifier.filter(|verifier| is_genuine(state, verifier, path, method, headers, body)) else {
        if let Some(limiter) = &state.unverified {
            limiter.check(&client.limit_key())?;
        }
        return Err(ApiError::unauthenticated());
    };

    let received = vapi::receive(body).map_err(|error| {
        tracing::warn!(code = error.code(), connection.id = ?verifier.id, "a verified body is not a message");
        ApiError::bad_request(error.code(), error.to_string())
            .with_errors(vec![FieldError::new(error.path(), error.to_string())])
    })?;
    let answer = match received.message.kind {
        MessageKind::AssistantRequest => Some(json!(state.ingress.routing.answer(verifier.org, &received.facts))),
        ref kind => reply::harmless(kind),
    };
    let event = Arc::new(Event::from_received(received));
    if event.kind.expects_reply() {
        return Ok(reply_in_time(state, verifier, event, answer).await);
    }
    state.ingress.take(verifier, event).await?;
    Ok(axum::Json(json!({})).into_response())
}

fn is_genuine(
    state: &WebhookState,
    verifier: &Verifier,
    path: &str,
    method: &Method,
    headers: &HeaderMap,
    body: &[u8],
) -> bool {
    let secrets: Vec<&str> = verifier.secrets.iter().map(platform::secret::Secret::expose).collect();
    let url = format!("{}{path}", state.public_origin.as_str());
    let request = SignedRequest { method: method.as_str(), url: &url, headers, body };
    match signature::verify(&verifier.auth, &secrets, &request, state.ingress.clock.now()) {
        Ok(_) => true,
        Err(refused) => {
            note_refusal(verifier, refused);
            false
        }
    }
}

fn note_refusal(verifier: &Verifier, refused: Refused) {
    metrics::counter!("voxanne_events_refused_total", "reason" => refused.reason()).increment(1);
    tracing::info!(reason = refused.reason(), connection.id = ?verifier.id, "an unverified event was refused");
}

/// Answers what a caller on the line waits for, stored or not: silence would end the call. An event that the database
/// did not take, or not in time, is on disk before the answer leaves.
async fn reply_in_time(
    state: &WebhookState,
    verifier: Arc<Verifier>,
    event: Arc<Event>,
    answer: Option<serde_json::Value>,
) -> Response {
    let taking = state.ingress.take(Arc::clone(&verifier), Arc::clone(&event));
    let stored = tokio::time::timeout(REPLY_PATIENCE, taking).await;
    let answer = match stored {
        Ok(Ok(ingested)) => first_answer(&ingested).or(answer),
        Ok(Err(error)) => {
            tracing::error!(%error, kind = event.kind.metric_label(), "answered an event that could not be stored yet");
            keep_for_later(&state.ingress, &verifier, &event).await;
            answer
        }
        Err(_) => {
            tracing::warn!(kind = event.kind.metric_label(), "answered an event before it was stored");
            keep_for_later(&state.ingress, &verifier, &event).await;
            answer
        }
    };
    let answer = answer.unwrap_or_else(|| match event.kind {
        MessageKind::ToolCalls => json!(event.tool_reply()),
        _ => json!({}),
    });
    axum::Json(answer).into_response()
}

/// The provider will not send an answered event again. When even the disk fails the caller is answered all the same: they
/// are on the line now, and the log says what was lost.
async fn keep_for_later(ingress: &Ingress, verifier: &Verifier, event: &Event) {
    if let Err(error) = ingress.keep_for_later(verifier, event).await {
        tracing::error!(error = %Chain(&error), kind = event.kind.metric_label(), "an answered event could not be kept");
    }
}

/// What a repeated `tool-calls` was answered the first time: never a second effect, never a second story.
fn first_answer(ingested: &Ingested) -> Option<serde_json::Value> {
    let stored = ingested.stored.as_ref()?.as_array()?;
    let results = stored
        .iter()
        .filter_map(|call| {
            let id = call.get("id")?.as_str()?;
            let name = call.get("name")?.as_str()?;
            match call.get("result").and_then(serde_json::Value::as_str) {
                Some(result) => Some(reply::ToolResult::ok(id, name, result)),
                None => Some(reply::ToolResult::failed(id, name, call.get("error")?.as_str()?)),
            }
        })
        .collect();
    Some(json!(ToolCallsReply { results }))
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        Self::unavailable(error)
    }
}

impl From<super::actions::TestEventError> for ApiError {
    fn from(error: super::actions::TestEventError) -> Self {
        use super::actions::TestEventError;
        match error {
            TestEventError::NotFound => Self::not_found(),
            TestEventError::Refused => Self::conflict("refuses_itself", error.to_string()),
            TestEventError::Connection(error) => error.into(),
            TestEventError::Ingest(error) => error.into(),
        }
    }
}
