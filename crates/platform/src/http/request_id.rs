//! Every request has an id of ours: in the log, in the answer's `x-request-id`, in the problem body.
//!
//! An id sent by the caller is not adopted: it would let anybody write into our log.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

/// The header that carries the id.
pub static HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: Uuid;
}

/// The id of the request being answered.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(pub Uuid);

/// The current request's id, or a dash outside a request.
pub fn current() -> String {
    CURRENT.try_with(ToString::to_string).unwrap_or_else(|_| "-".to_owned())
}

/// Takes the current request's id and log span along into another task.
pub fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let id = CURRENT.try_with(|id| *id).ok();
    let work = work.in_current_span();
    async move {
        match id {
            Some(id) => CURRENT.scope(id, work).await,
            None => work.await,
        }
    }
}

/// Middleware: gives the request an id and a log span that carries it, and logs one line per request.
///
/// The line has the route template and never the path itself, whose parts may be tokens.
pub async fn layer(mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7();
    request.extensions_mut().insert(RequestId(id));
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("request", request.id = %id);
    let started = std::time::Instant::now();
    let mut response = CURRENT.scope(id, next.run(request).instrument(span.clone())).await;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(HEADER.clone(), value);
    }
    let status = response.status().as_u16();
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| {
        if route == "/health" {
            tracing::debug!(%method, route, status, duration_ms, "request");
        } else {
            tracing::info!(%method, route, status, duration_ms, "request");
        }
    });
    metrics::histogram!("voxanne_http_request_seconds", "route" => route, "status" => status.to_string())
        .record(started.elapsed().as_secs_f64());
    response
}
