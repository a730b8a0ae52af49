//! Cross-origin access to the API: an allow-list, empty by default, and never with cookies.

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The layer for `/api`. Origins not on the list get no CORS headers at all.
pub fn layer(origins: &[HeaderValue]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.to_vec()))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, HeaderName::from_static("idempotency-key")])
        .expose_headers([super::request_id::HEADER.clone(), header::RETRY_AFTER])
        .max_age(std::time::Duration::from_mins(10))
}
