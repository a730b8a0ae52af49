//! The one error shape: `application/problem+json` (RFC 9457) with a stable `code`, field errors with JSON paths, and the
//! request id.
//!
//! Library crates have their own error enums and know no HTTP; each domain's `api.rs` turns them into [`ApiError`]. Text
//! of a 5xx never leaves the server: the caller gets the request id, the log gets the cause.

use std::error::Error;
use std::fmt;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::request_id;
use crate::tenancy::DbError;

/// What the body of a failed request looks like.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// The HTTP status again, so that a stored body explains itself.
    #[schema(example = 422)]
    pub status: u16,
    /// Stable, machine-readable reason.
    #[schema(example = "invalid_input")]
    pub code: &'static str,
    /// One sentence for a person.
    pub detail: String,
    /// What is wrong with which field; empty when the fault is not in a field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
    /// Quote this when asking for help.
    pub request_id: String,
}

/// One faulty field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON path of the field, or the name of the query parameter.
    #[schema(example = "members[0].email")]
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl FieldError {
    /// A fault at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// A request that did not succeed.
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_seconds: Option<u64>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// An error with the given status, stable code and sentence.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), retry_after_seconds: None, cause: None }
    }

    /// 400: the request cannot be read at all.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 422: the request was read and its fields are wrong.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.path, only.message),
            _ => "Some fields are wrong.".to_owned(),
        };
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input", detail) }
    }

    /// 422 for one field.
    pub fn invalid_field(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(path, message)])
    }

    /// 400 for one query parameter.
    pub fn bad_parameter(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, ..Self::invalid_field(path, message) }
    }

    /// 401: who are you? The same words whatever was wrong.
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Sign in, or send a valid token.")
    }

    /// 403: for what the caller may know to exist.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404: unknown, or somebody else's; never which.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here under that name.")
    }

    /// 409: the request is fine but the state is not.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 429 with the time to wait.
    pub fn too_many_requests(retry_after_seconds: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests; try again later.")
            .retry_after(retry_after_seconds)
    }

    /// 503 with the time to wait: nothing was stored.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not stored; try again shortly.").retry_after(2)
        }
    }

    /// 500: ours, and the cause goes to the log only.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Something went wrong on our side; the request id helps us find it.",
            )
        }
    }

    /// Adds what is wrong with which field.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Tells the caller when to come back.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Adds the cause, for the log alone.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence for a person.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The field errors, for pages that show them in place.
    pub fn field_errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// Logs a server fault once, where it is answered. Client faults are in the request log already.
    pub fn log(&self) {
        if self.status.is_server_error() {
            let cause = self.cause.as_deref().map(|cause| Chain(cause).to_string());
            tracing::error!(
                code = self.code,
                status = self.status.as_u16(),
                request.id = request_id::current(),
                route = request_id::current_route(),
                cause = cause.as_deref().unwrap_or("none recorded"),
                "request failed"
            );
        }
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError").field("status", &self.status).field("code", &self.code).finish_non_exhaustive()
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        if error.is_transient() { Self::unavailable(error) } else { Self::internal(error) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let body = Problem {
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
            errors: self.errors,
            request_id: request_id::current(),
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Middleware: a failure that a library answered in words of its own becomes a problem like all others.
pub async fn layer(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_plain = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || !is_plain {
        return response;
    }
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => ("not_found", "There is nothing here under that name."),
        StatusCode::REQUEST_TIMEOUT => ("timeout", "The request took too long."),
        StatusCode::UPGRADE_REQUIRED => ("upgrade_required", "The connection cannot be upgraded that way."),
        status if status.is_client_error() => ("bad_request", "The request cannot be read."),
        _ => ("internal", "Something went wrong on our side; the request id helps us find it."),
    };
    let mut problem = ApiError::new(status, code, detail).into_response();
    for (name, value) in response.headers() {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

/// An error and its sources on one line.
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
