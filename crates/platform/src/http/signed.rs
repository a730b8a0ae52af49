//! A body whose bytes are signed, read as it came.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};

use super::ApiError;

/// The raw body of a request that somebody signed. The bytes are what is signed, so nothing unfolds them first; nor can a
/// small body become a large one here: one with a content encoding is refused with 415, one above the route's limit with 413.
#[derive(Debug)]
pub struct SignedBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for SignedBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let is_encoded = request.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
        let body = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is larger than the limit.")
            }
            _ => ApiError::bad_request("unreadable_body", "The body was cut off."),
        })?;
        if is_encoded {
            let text = "Send the body without content encoding.";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoded_body", text));
        }
        Ok(Self(body))
    }
}
