//! The provider's routes.

#![expect(clippy::result_large_err, reason = "the error is the answer, and there is one per request")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::{Stream, StreamExt as _, stream};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::audio::{Channel, Sound};
use super::faults::{ApiFault, ApiRoute, RecordingFault};
use super::memory::{Known, Recorded};
use super::{Provider, lock};
use crate::deliver;

/// How many calls a list holds when nothing is asked for, and at most.
const LIST: (usize, usize) = (100, 1_000);
/// Bytes made at a time.
const PIECE: u64 = 64 << 10;

pub(super) fn router(provider: Provider) -> Router {
    Router::new()
        .route("/call", get(list))
        .route("/call/{id}", get(single))
        .route("/call/{id}/{artifact}", get(artifact))
        .route("/storage/{call}/{file}", get(stored))
        .route("/recordings/{file}", get(|| async { xml(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied") }))
        .layer(from_fn_with_state(provider.clone(), note))
        .with_state(provider)
}

async fn note(State(provider): State<Provider>, request: Request, next: Next) -> Response {
    provider.note(format!("{} {}", request.method(), request.uri()));
    next.run(request).await
}

/// A refusal in the provider's shape.
fn refusal(status: StatusCode, message: impl Into<Value>) -> Response {
    let error = status.canonical_reason().unwrap_or("Error");
    let body = json!({"message": message.into(), "error": error, "statusCode": status.as_u16()});
    (status, axum::Json(body)).into_response()
}

/// A refusal as storage words it.
fn xml(status: StatusCode, code: &str, message: &str) -> Response {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

fn html() -> Response {
    let page = "<!doctype html><title>Sign in</title><p>Please sign in to continue.";
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

fn with_retry_after(mut response: Response, seconds: Option<u32>) -> Response {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

impl Provider {
    /// Whose calls the request may see: an organization's, or all. The error is the answer.
    fn admit(&self, headers: &HeaderMap) -> Result<Option<String>, Response> {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = shown.and_then(|text| text.strip_prefix("Bearer "));
        let known = lock(&self.inner.keys).iter().find(|(own, _)| Some(own.as_str()) == key).cloned();
        known
            .map(|(_, org_label)| org_label)
            .ok_or_else(|| refusal(StatusCode::UNAUTHORIZED, "Invalid key: is it the private key?"))
    }

    /// What goes wrong with this request. The answer, unless it is a right one after all.
    async fn disturb(&self, route: ApiRoute) -> Result<(), Response> {
        let fault = lock(&self.inner.faulty).of_api(route);
        match fault {
            None => Ok(()),
            Some(ApiFault::Hang(time)) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Some(ApiFault::Held) => {
                if let Ok(permit) = self.inner.held.acquire().await {
                    permit.forget();
                }
                Ok(())
            }
            Some(ApiFault::Html) => Err(html()),
            Some(ApiFault::Status(status)) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Err(refusal(status, "Something went wrong."))
            }
            Some(ApiFault::Throttled(seconds)) => {
                let answer = refusal(StatusCode::TOO_MANY_REQUESTS, "Too many requests.");
                Err(with_retry_after(answer, seconds))
            }
        }
    }

    fn find(&self, id: &str, org_label: Option<&str>) -> Result<Known, Response> {
        let known = id.parse().ok().and_then(|id| lock(&self.inner.memory).get(id).cloned());
        known
            .filter(|known| org_label.is_none_or(|label| label == known.org_label))
            .ok_or_else(|| refusal(StatusCode::NOT_FOUND, format!("Couldn't find call {id}.")))
    }
}

type Answer = Result<Response, Response>;

async fn list(
    State(provider): State<Provider>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let org_label = provider.admit(&headers)?;
    provider.disturb(ApiRoute::List).await?;
    let wanted = Wanted::read(&query).map_err(|problems| refusal(StatusCode::BAD_REQUEST, json!(problems)))?;
    let mut calls: Vec<Arc<Known>> = lock(&provider.inner.memory).all(org_label.as_deref());
    calls.retain(|known| wanted.fits(known));
    // The newest first.
    calls.sort_by_key(|known| std::cmp::Reverse((known.created_at, known.id)));
    calls.truncate(wanted.limit);
    let objects: Vec<Value> = calls.iter().map(|known| known.object()).collect();
    Ok(axum::Json(objects).into_response())
}

/// The filters of a list.
struct Wanted {
    limit: usize,
    /// Name without comparison, the comparison, the instant.
    times: Vec<(String, String, Timestamp)>,
    /// `id`, `assistantId`, `phoneNumberId`.
    texts: Vec<(String, String)>,
}

impl Wanted {
    /// The problems are sentences, one per parameter, as the provider answers them.
    fn read(query: &HashMap<String, String>) -> Result<Self, Vec<String>> {
        let (usual, most) = LIST;
        let mut wanted = Self { limit: usual, times: Vec::new(), texts: Vec::new() };
        let mut problems = Vec::new();
        for (name, value) in query {
            let comparison = name.get(9..).filter(|rest| ["Gt", "Ge", "Lt", "Le"].contains(rest));
            match (name.get(..9), comparison) {
                (Some(time @ ("createdAt" | "updatedAt")), Some(comparison)) => match value.parse() {
                    Ok(at) => wanted.times.push((time.to_owned(), comparison.to_owned(), at)),
                    Err(_) => problems.push(format!("{name} must be a valid ISO 8601 date string")),
                },
                _ if name == "limit" => match value.parse() {
                    Ok(limit) if limit <= most => wanted.limit = limit,
                    _ => problems.push(format!("limit must be a number from 0 to {most}")),
                },
                _ if ["id", "assistantId", "phoneNumberId"].contains(&name.as_str()) => {
                    wanted.texts.push((name.clone(), value.clone()));
                }
                _ => problems.push(format!("property {name} should not exist")),
            }
        }
        if problems.is_empty() { Ok(wanted) } else { Err(problems) }
    }

    fn fits(&self, known: &Known) -> bool {
        let in_time = |(name, comparison, wanted): &(String, String, Timestamp)| {
            let at = if name == "createdAt" { known.created_at } else { known.updated_at() };
            match comparison.as_str() {
                "Gt" => at > *wanted,
                "Ge" => at >= *wanted,
                "Lt" => at < *wanted,
                _ => at <= *wanted,
            }
        };
        let named = |(name, wanted): &(String, String)| match name.as_str() {
            "id" => known.id.to_string() == *wanted,
            name => known.reference(name).as_ref() == Some(wanted),
        };
        self.times.iter().all(in_time) && self.texts.iter().all(named)
    }
}

async fn single(State(provider): State<Provider>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let org_label = provider.admit(&headers)?;
    provider.disturb(ApiRoute::Call).await?;
    let known = provider.find(&id, org_label.as_deref())?;
    Ok(axum::Json(known.object()).into_response())
}

/// `…-recording`: 302 to an address that works for a while.
async fn artifact(
    State(provider): State<Provider>,
    headers: HeaderMap,
    Path((id, artifact)): Path<(String, String)>,
) -> Answer {
    let org_label = provider.admit(&headers)?;
    provider.disturb(ApiRoute::Recording).await?;
    let known = provider.find(&id, org_label.as_deref())?;
    let absent = || refusal(StatusCode::NOT_FOUND, format!("Call {id} has no {artifact}."));
    let channel = artifact.strip_suffix("-recording").and_then(Channel::parse).ok_or_else(absent)?;
    known.recorded().ok_or_else(absent)?;
    let fault = lock(&provider.inner.faulty).of_recording(known.id);
    let lifetime = match &fault {
        Some(RecordingFault::Missing) => return Err(absent()),
        Some(RecordingFault::Refused(status, retry_after)) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Err(with_retry_after(refusal(status, "The recording is not to be had."), *retry_after));
        }
        Some(RecordingFault::RedirectTo(place)) => return Ok(found(place)),
        Some(RecordingFault::Expired) => Duration::ZERO,
        _ => provider.inner.options.link_lifetime,
    };
    let spoilt = fault.as_ref().and_then(spoilt_word);
    let expires = deliver::wall_clock().as_millisecond() + i64::try_from(lifetime.as_millis()).unwrap_or(0);
    let path = provider.link(known.id, channel, expires, spoilt);
    let base = provider.base_url().unwrap_or_default();
    Ok(found(&format!("{base}{path}")))
}

fn found(place: &str) -> Response {
    match HeaderValue::from_str(place) {
        Ok(place) => (StatusCode::FOUND, [(header::LOCATION, place)]).into_response(),
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "The address cannot be written."),
    }
}

/// Faults that happen where the bytes lie travel in the address.
fn spoilt_word(fault: &RecordingFault) -> Option<String> {
    Some(match fault {
        RecordingFault::Html => "html".into(),
        RecordingFault::Empty => "empty".into(),
        RecordingFault::Cut => "cut".into(),
        RecordingFault::WrongLength => "wrong-length".into(),
        RecordingFault::Slow => "slow".into(),
        RecordingFault::Endless => "endless".into(),
        RecordingFault::Huge(bytes) => format!("huge-{bytes}"),
        _ => return None,
    })
}

impl Provider {
    fn link(&self, call: Uuid, channel: Channel, expires: i64, spoilt: Option<String>) -> String {
        let spoilt = spoilt.unwrap_or_default();
        let channel = channel.as_str();
        let signature = self.signature(&format!("{call}/{channel}/{expires}/{spoilt}"));
        format!("/storage/{call}/{channel}.wav?expires={expires}&fate={spoilt}&signature={signature}")
    }

    fn signature(&self, text: &str) -> String {
        Hmac::<sha2::Sha256>::new_from_slice(self.inner.link_key.as_bytes())
            .map(|mac| hex::encode(mac.chain_update(text).finalize().into_bytes()))
            .unwrap_or_default()
    }
}

/// Where the bytes lie. The address is the key.
async fn stored(
    State(provider): State<Provider>,
    method: Method,
    headers: HeaderMap,
    Path((call, file)): Path<(Uuid, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let text = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let (expires, fate) = (text("expires"), text("fate"));
    let channel = file.strip_suffix(".wav").and_then(Channel::parse);
    let channel = channel.ok_or_else(|| xml(StatusCode::NOT_FOUND, "NoSuchKey", "No such key."))?;
    let signed = provider.signature(&format!("{call}/{}/{expires}/{fate}", channel.as_str()));
    let until = expires.parse().ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    if signed != text("signature") || until.is_none_or(|until| until <= deliver::wall_clock()) {
        return Err(xml(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired"));
    }
    let known = provider.find(&call.to_string(), None)?;
    let recorded = known.recorded().ok_or_else(|| xml(StatusCode::NOT_FOUND, "NoSuchKey", "No such key."))?;
    let Recorded(scenario) = recorded;
    let options = &provider.inner.options;
    let sound = Arc::new(Sound::of(scenario.as_deref(), channel, options.sound, options.recording_bytes));
    Ok(match fate.split_once('-').map_or((fate, ""), |(word, rest)| (word, rest)) {
        ("html", _) => html(),
        ("empty", _) => audio(0, Body::empty()),
        ("cut", _) => {
            let begun = pieces(&sound, 0..sound.len() / 2).map(Ok);
            let broken = stream::once(async { Err(std::io::Error::other("the connection breaks")) });
            audio(sound.len(), Body::from_stream(begun.chain(broken)))
        }
        ("wrong", _) => {
            let short = pieces(&sound, 0..sound.len()).map(Ok);
            let broken = stream::once(async { Err(std::io::Error::other("there is no more")) });
            audio(sound.len() + 1_000, Body::from_stream(short.chain(broken)))
        }
        ("slow", _) => Body::from_stream(drip(sound)).into_response(),
        ("endless", _) => Body::from_stream(zeros(None)).into_response(),
        ("huge", bytes) => {
            let bytes = bytes.parse().unwrap_or(0);
            audio(bytes, Body::from_stream(zeros(Some(bytes))))
        }
        _ => ranged(&method, &headers, &sound),
    })
}

fn audio(length: u64, body: Body) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    ([kind, (header::CONTENT_LENGTH, length.into())], body).into_response()
}

/// The bytes, or the part that is asked for.
fn ranged(method: &Method, headers: &HeaderMap, sound: &Arc<Sound>) -> Response {
    let length = sound.len();
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok()).and_then(|text| range(text, length));
    let part = asked.clone().unwrap_or(0..length);
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        Body::from_stream(pieces(sound, part.clone()).map(Ok::<_, Infallible>))
    };
    let mut response = audio(part.end - part.start, body);
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if asked.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let said = format!("bytes {}-{}/{length}", part.start, part.end - 1);
        if let Ok(said) = HeaderValue::from_str(&said) {
            response.headers_mut().insert(header::CONTENT_RANGE, said);
        }
    }
    response
}

/// `bytes=FROM-TO` or `bytes=FROM-`; anything else is answered with everything.
fn range(text: &str, length: u64) -> Option<Range<u64>> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let from: u64 = from.parse().ok()?;
    let to = if to.is_empty() { length } else { to.parse::<u64>().ok()?.checked_add(1)?.min(length) };
    (from < to).then_some(from..to)
}

fn pieces(sound: &Arc<Sound>, part: Range<u64>) -> impl Stream<Item = Bytes> + Send + 'static {
    let sound = Arc::clone(sound);
    let starts = (part.start..part.end).step_by(usize::try_from(PIECE).unwrap_or(1 << 16));
    stream::iter(starts.map(move |start| Bytes::from(sound.bytes(start..(start + PIECE).min(part.end)))))
}

/// A few bytes a second, and never the last.
fn drip(sound: Arc<Sound>) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    stream::unfold(0, move |at: u64| {
        let piece = Bytes::from(sound.bytes(at..at + 16));
        async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let piece = if piece.is_empty() { Bytes::from_static(&[0; 16]) } else { piece };
            Some((Ok(piece), at + 16))
        }
    })
}

fn zeros(bytes: Option<u64>) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    stream::unfold(bytes, |left| async move {
        let next = left.map_or(PIECE, |left| left.min(PIECE));
        let piece = Bytes::from_static(&ZEROS).slice(..usize::try_from(next).unwrap_or(0));
        (next > 0).then(|| (Ok(piece), left.map(|left| left - next)))
    })
}
