//! Every request has an id of ours: in the log, in the answer's `x-request-id`, in the problem body.
//!
//! An id sent by the caller is not adopted: it would let anybody write into our log.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::ids::{CallId, OrgId};

/// The header that carries the id.
pub static HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: Arc<Facts>;
}

/// Of the answers to monitors that ask every second, one in so many is logged. Those that say that something is wrong all are.
const MONITORS_ONE_IN: u32 = 60;
static MONITORS: AtomicU32 = AtomicU32::new(0);

/// What the line of a request says besides its outcome: ids, as they become known.
struct Facts {
    id: Uuid,
    route: String,
    org: OnceLock<OrgId>,
    call: OnceLock<CallId>,
}

/// Notes whose the current request is, for its line in the log.
pub fn note_org(org: OrgId) {
    // The first to say so is the one who checked the credential.
    let _known = CURRENT.try_with(|facts| facts.org.set(org));
}

/// Notes which call the current request is about, for its line in the log.
pub fn note_call(call: CallId) {
    let _known = CURRENT.try_with(|facts| facts.call.set(call));
}

/// The route template of the current request, or a dash outside a request.
pub fn current_route() -> String {
    CURRENT.try_with(|facts| facts.route.clone()).unwrap_or_else(|_| "-".to_owned())
}

/// The id of the request being answered.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(pub Uuid);

/// The current request's id, or a dash outside a request.
pub fn current() -> String {
    CURRENT.try_with(|facts| facts.id.to_string()).unwrap_or_else(|_| "-".to_owned())
}

/// Takes the current request's id and log span along into another task.
pub fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let facts = CURRENT.try_with(Arc::clone).ok();
    let work = work.in_current_span();
    async move {
        match facts {
            Some(facts) => CURRENT.scope(facts, work).await,
            None => work.await,
        }
    }
}

/// Middleware: gives the request an id and a log span that carries it, and logs one line per request.
///
/// The line has the route template and never the path itself, whose parts may be tokens, nor the query. Of a path it takes a call's
/// id, where the route has one and what stands there is an id.
pub async fn layer(mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7();
    request.extensions_mut().insert(RequestId(id));
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("request", request.id = %id);
    let facts = Arc::new(Facts { id, route: route.clone(), org: OnceLock::new(), call: OnceLock::new() });
    if let Some(call) = call_in(&route, request.uri().path()) {
        let _known = facts.call.set(call);
    }
    let started = std::time::Instant::now();
    let mut response = CURRENT.scope(Arc::clone(&facts), next.run(request).instrument(span.clone())).await;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(HEADER.clone(), value);
    }
    let status = response.status().as_u16();
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let is_monitor = matches!(route.as_str(), "/health" | "/ready") && response.status().is_success();
    if !is_monitor || MONITORS.fetch_add(1, Ordering::Relaxed).is_multiple_of(MONITORS_ONE_IN) {
        let (org, call) = (facts.org.get().map(tracing::field::display), facts.call.get().map(tracing::field::display));
        span.in_scope(|| tracing::info!(%method, route, status, duration_ms, org, call, "request"));
    }
    metrics::histogram!("voxanne_http_request_seconds", "route" => route, "status" => status.to_string())
        .record(started.elapsed().as_secs_f64());
    response
}

/// The call that a path names, where its route has one.
fn call_in(route: &str, path: &str) -> Option<CallId> {
    let at = route.split('/').position(|part| part == "calls")? + 1;
    let named = route.split('/').nth(at).is_some_and(|part| part.starts_with('{'));
    if named { path.split('/').nth(at)?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_taken_from_a_path_only_where_one_belongs_and_only_as_an_id() {
        let id = "0199f0aa-1c11-7d52-9a3e-5d1f0c0a0001";
        let call = |route: &str, path: String| call_in(route, &path).map(|call| call.to_string());
        assert_eq!(call("/api/v1/calls/{id}", format!("/api/v1/calls/{id}")).as_deref(), Some(id));
        assert_eq!(call("/app/calls/{id}/recording", format!("/app/calls/{id}/recording")).as_deref(), Some(id));
        assert_eq!(call("/api/v1/calls/{id}", "/api/v1/calls/+442079460123".to_owned()), None);
        assert_eq!(call("/invite/{token}", format!("/invite/{id}")), None);
        assert_eq!(call("/api/v1/calls", "/api/v1/calls".to_owned()), None);
    }
}
