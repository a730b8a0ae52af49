//! `GET /api/v1/calls/{id}/recording`, links to it, and `GET /media/{link}`.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use identity::Can;
use identity::access::permission;
use jiff::Timestamp;
use platform::http::range::Part;
use platform::http::{ApiError, ClientAddr, Json, Problem, PublicRouter, Query, Report, TenantRouter, Validate};
use platform::ids::CallId;
use platform::storage::{Key, StorageError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::actions::{self, Listener, PlaybackError, Sound};
use super::model::{LINK_LIFE, Link, LinkError, etag, file_name};
use crate::VoiceState;
use crate::calls::model::RecordingState;
use crate::recordings::model::Channel;

/// Routes for signed-in callers.
pub fn router() -> TenantRouter<VoiceState> {
    TenantRouter::new()
        .route(__path_get_recording, get_recording)
        .route(__path_create_recording_link, create_recording_link)
        .route(__path_retry_recording, retry_recording)
}

/// The route of links, which anybody may open who has one.
pub fn public_router() -> PublicRouter<VoiceState> {
    PublicRouter::new().route(__path_open_recording_link, open_recording_link)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Which recording of the call; without it the one with both sides apart, if there is one.
    #[param(inline)]
    channel: Option<Channel>,
    /// To be kept as a file: the answer carries a file's name.
    #[serde(default)]
    download: bool,
}

/// Plays a call's recording. Takes `Range`, for seeking.
#[utoipa::path(
    get, path = "/api/v1/calls/{id}/recording", tag = "calls", params(Wanted, ("id" = String, Path, description = "The call.")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The sound.", content_type = "audio/*"),
        (status = 206, description = "The part of it that was asked for.", content_type = "audio/*"),
        (status = 304, description = "You have it."),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The key may not read calls.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such call here, or it has no recording.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The recording is not copied yet, or could not be.", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The recording was deleted.", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The recording is not that long.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The storage does not answer.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get_recording(
    caller: Can<permission::CallsRead>,
    State(state): State<VoiceState>,
    client: ClientAddr,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let call: CallId = id.parse().map_err(|_| ApiError::not_found())?;
    let listener =
        Listener { org: caller.org, actor: caller.actor, from: client.0, by_link: false, download: wanted.download };
    serve(&state, &listener, call, wanted.channel, &method, &headers).await
}

#[derive(Debug, Deserialize, ToSchema)]
struct LinkRequest {
    /// Which recording of the call; without it the one with both sides apart, if there is one.
    channel: Option<Channel>,
    /// To be kept as a file.
    download: bool,
}

impl Validate for LinkRequest {
    fn validate(&self, _: &mut Report) {}
}

#[derive(Debug, Serialize, ToSchema)]
struct LinkAnswer {
    /// Opens this recording without any other credential.
    #[schema(example = "https://desk.example/media/3q2-7w")]
    url: String,
    /// When it stops doing so. It stops before, when whoever asked for it signs out.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Makes a link to a call's recording for a player that cannot sign in. It works for five minutes.
#[utoipa::path(
    post, path = "/api/v1/calls/{id}/recording/links", tag = "calls", security(("bearer" = [])),
    params(("id" = String, Path, description = "The call.")), request_body = LinkRequest,
    responses(
        (status = 201, description = "The link.", body = LinkAnswer),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The key may not read calls.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such call here, or it has no recording.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The recording is not copied yet, or could not be.", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The recording was deleted.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn create_recording_link(
    caller: Can<permission::CallsRead>,
    State(state): State<VoiceState>,
    Path(id): Path<String>,
    Json(request): Json<LinkRequest>,
) -> Result<(StatusCode, Json<LinkAnswer>), ApiError> {
    let call: CallId = id.parse().map_err(|_| ApiError::not_found())?;
    actions::find(&state.tenancy, caller.org, call, request.channel).await?;
    let expires_at = state.now().checked_add(LINK_LIFE).map_err(ApiError::internal)?;
    let link = Link {
        call,
        channel: request.channel,
        download: request.download,
        holder: caller.credential_ref(),
        expires_at,
    };
    let url = state.address(&format!("/media/{}", link.seal(&state.master_key)?));
    Ok((StatusCode::CREATED, Json(LinkAnswer { url, expires_at })))
}

/// Lets a recording that could not be copied be tried again.
#[utoipa::path(
    post, path = "/api/v1/calls/{id}/recording/retry", tag = "calls", security(("bearer" = [])),
    params(("id" = String, Path, description = "The call.")),
    responses(
        (status = 202, description = "It waits for its copy.", body = RecordingState),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A viewer, or a key that may not change calls.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such call here.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "No recording of it has failed.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn retry_recording(
    caller: Can<permission::CallsWrite>,
    State(state): State<VoiceState>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<RecordingState>), ApiError> {
    let call: CallId = id.parse().map_err(|_| ApiError::not_found())?;
    let mut tx = caller.begin(&state.tenancy).await?;
    let seq = actions::retry(&mut tx, &state.jobs, state.authority.clock(), caller.actor, call).await?;
    tx.commit().await?;
    state.retried(caller.org, seq);
    Ok((StatusCode::ACCEPTED, Json(RecordingState { state: "pending".to_owned() })))
}

/// Plays the recording that a link opens.
#[utoipa::path(
    get, path = "/media/{link}", tag = "calls", params(("link" = String, Path, description = "What the link ends with.")),
    responses(
        (status = 200, description = "The sound.", content_type = "audio/*"),
        (status = 206, description = "The part of it that was asked for.", content_type = "audio/*"),
        (status = 304, description = "You have it."),
        (status = 404, description = "No link of ours, or one that works no more.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The recording is not there any more.", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The recording was deleted.", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The recording is not that long.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The storage does not answer.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn open_recording_link(
    State(state): State<VoiceState>,
    client: ClientAddr,
    Path(link): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let link = Link::open(&link, &state.master_key).map_err(|_| ApiError::not_found())?;
    let holds = !link.is_over(state.now()) && state.authority.still_valid(&[link.holder]).await? == [true];
    if !holds {
        return Err(ApiError::not_found());
    }
    let listener =
        Listener { org: link.holder.org, actor: link.actor(), from: client.0, by_link: true, download: link.download };
    serve(&state, &listener, link.call, link.channel, &method, &headers).await
}

/// Finds the sound, writes down who listens, and sends what was asked for.
async fn serve(
    state: &VoiceState,
    listener: &Listener,
    call: CallId,
    channel: Option<Channel>,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let Sound { channel, file } = actions::find(&state.tenancy, listener.org, call, channel).await?;
    let asked = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let tag = etag(&file);
    let mut head = HeaderMap::new();
    head.insert(CONTENT_TYPE, HeaderValue::from_static(file.media.content_type()));
    head.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // In no cache: after signing out it must be gone.
    head.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    head.insert(ETAG, HeaderValue::try_from(&tag).map_err(ApiError::internal)?);
    if asked(IF_NONE_MATCH).is_some_and(|known| names(known, &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    // A part of something else than the client has the rest of would be nonsense: it gets the whole.
    let range = asked(RANGE).filter(|_| asked(IF_RANGE).is_none_or(|known| known == tag));
    let part = Part::read(range, file.size);
    if let Some(range) = part.content_range(file.size) {
        head.insert(CONTENT_RANGE, HeaderValue::try_from(range).map_err(ApiError::internal)?);
    }
    let (status, first, length) = match part {
        Part::Whole => (StatusCode::OK, 0, file.size),
        Part::From { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Part::Beyond => return Ok(beyond(head)),
    };
    let manner = if listener.download { "attachment" } else { "inline" };
    let disposition = format!("{manner}; filename=\"{}\"", file_name(call, channel, file.media));
    head.insert(CONTENT_DISPOSITION, HeaderValue::try_from(disposition).map_err(ApiError::internal)?);
    head.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if method == Method::HEAD {
        return Ok((status, head).into_response());
    }
    let key = Key::new(&file.key).map_err(ApiError::internal)?;
    let sound = state.storage.get(&key, Some(first..first + length)).await.map_err(away)?;
    actions::note(&state.tenancy, &state.listenings, listener, call, channel, state.now()).await?;
    Ok((status, head, Body::from_stream(sound.stream)).into_response())
}

/// The row says that there is a file. When there is none, asking again will not help.
fn away(error: StorageError) -> ApiError {
    match error {
        StorageError::NotFound | StorageError::Range { .. } | StorageError::BadKey => ApiError::internal(error),
        error => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "storage_unavailable",
            "The storage of recordings does not answer; try again shortly.",
        )
        .because(error)
        .retry_after(5),
    }
}

fn beyond(mut head: HeaderMap) -> Response {
    head.remove(CONTENT_TYPE);
    let words = "The recording is not that long.";
    (head, ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", words)).into_response()
}

/// Whether an `If-None-Match` names this validator.
fn names(known: &str, tag: &str) -> bool {
    known.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

impl From<PlaybackError> for ApiError {
    fn from(error: PlaybackError) -> Self {
        match error {
            PlaybackError::NotFound => Self::not_found(),
            PlaybackError::NoRecording => {
                Self::new(StatusCode::NOT_FOUND, "no_recording", "There is no such recording of this call.")
            }
            PlaybackError::NotReady => Self::conflict("recording_not_ready", "The recording is not copied yet."),
            PlaybackError::Failed => {
                Self::conflict("recording_failed", "The recording could not be copied; try that again.")
            }
            PlaybackError::NotFailed => Self::conflict("not_failed", "No recording of this call has failed."),
            PlaybackError::Gone => Self::new(StatusCode::GONE, "recording_deleted", "The recording was deleted."),
            PlaybackError::Queue(error) => Self::internal(error),
            PlaybackError::Database(error) => error.into(),
        }
    }
}

impl From<LinkError> for ApiError {
    fn from(error: LinkError) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_has_it_is_told_so() {
        let tag = "\"ab\"";
        for known in ["\"ab\"", "W/\"ab\"", "\"x\", \"ab\"", "*"] {
            assert!(names(known, tag), "{known}");
        }
        for known in ["", "ab", "\"a\"", "\"abc\""] {
            assert!(!names(known, tag), "{known}");
        }
    }
}
