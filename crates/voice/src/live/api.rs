//! `GET /api/v1/live` as WebSocket, server-sent events or polling, and `POST /api/v1/live/tickets`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRef, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{self, Sse};
use axum::response::{IntoResponse, Response};
use futures::{SinkExt as _, StreamExt as _, stream};
use identity::access::{CredentialRef, permission};
use identity::organizations::actions::operator_organization;
use identity::{Authority, Can};
use platform::http::router::Access;
use platform::http::{ApiError, Json, Problem, Query, TenantRouter};
use platform::realtime::Hub;
use platform::tasks::Tasks;
use platform::tenancy::Tenancy;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::actions::{self, Feed, Follower, TICKET_LIFE};
use super::model::{CLOSE_RESTART, CLOSE_SIGNED_OUT, CLOSE_TOO_MANY, CLOSE_TOO_SLOW, LiveEvent};
use super::session::{Watchers, Watching};
use crate::VoiceState;

/// A reader that takes longer than this for one batch is not reading.
const SEND_PATIENCE: Duration = Duration::from_secs(10);
/// Silence after which the server asks whether the reader is still there; after twice that it is gone.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Bytes read at once per socket. The default of 128 KiB would be most of a socket's memory; readers send next to nothing
/// but answers to pings, and the largest such frame (125 bytes behind a header of 14) fits.
const READ_BUFFER: usize = 160;
/// Largest message a reader may send.
const MAX_MESSAGE: usize = 4096;

/// Routes of the live view.
pub fn router() -> TenantRouter<VoiceState> {
    TenantRouter::new().route(__path_follow_live, follow_live).route(__path_create_live_ticket, create_live_ticket)
}

/// What the live routes need.
#[derive(Clone)]
pub struct LiveParts {
    /// The way to the database.
    pub tenancy: Tenancy,
    /// The hub of this process.
    pub hub: Hub<LiveEvent>,
    /// Who watches.
    pub watchers: Watchers,
    /// The owner of background tasks; its end closes every socket.
    pub tasks: Tasks,
    /// Origins besides our own whose pages may open a socket.
    pub origins: Arc<[String]>,
    /// Our own origin.
    pub public_origin: String,
}

/// The query string.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FollowLive {
    /// The number of the last event seen; what came after it is sent. Without it the stream begins with a snapshot.
    pub since: Option<i64>,
    /// A ticket from `POST /api/v1/live/tickets`, instead of a cookie or token.
    pub ticket: Option<String>,
    /// `bookings`: for operators, the demo bookings, whichever organization they look at.
    pub feed: Option<String>,
}

/// A member, an API key with `live:read`, or whoever holds a ticket.
pub struct LiveReader {
    credential: CredentialRef,
    /// A ticket is of its organization and carries no more.
    is_operator: bool,
}

impl Access for LiveReader {}

impl FromRequestParts<VoiceState> for LiveReader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &VoiceState) -> Result<Self, Response> {
        let query = Query::<FollowLive>::from_request_parts(parts, state).await.map_err(ApiError::into_response)?;
        let Some(ticket) = query.0.ticket else {
            let caller = Can::<permission::LiveRead>::from_request_parts(parts, state).await;
            let reader = |caller: Can<_>| Self { credential: caller.credential_ref(), is_operator: caller.is_operator };
            return caller.map(reader).map_err(IntoResponse::into_response);
        };
        let authority = Authority::from_ref(state);
        match redeem(&authority, &ticket).await {
            Ok(Some(holder)) => Ok(Self { credential: holder, is_operator: false }),
            Ok(None) => Err(ApiError::unauthenticated().into_response()),
            Err(error) => Err(ApiError::from(error).into_response()),
        }
    }
}

async fn redeem(authority: &Authority, ticket: &str) -> Result<Option<CredentialRef>, platform::tenancy::DbError> {
    let Some(holder) = actions::redeem_ticket(authority.tenancy(), ticket, authority.clock().now()).await? else {
        return Ok(None);
    };
    let valid = authority.still_valid(&[holder]).await?;
    Ok((valid == [true]).then_some(holder))
}

/// Follows the organization's calls as they happen.
///
/// With `Upgrade: websocket` a WebSocket, with `Accept: text/event-stream` server-sent events, else one JSON answer with
/// what came after `since`. All three carry the same messages; docs/live.md describes them.
#[utoipa::path(
    get, path = "/api/v1/live", tag = "live", params(FollowLive), security(("bearer" = [])),
    responses(
        (status = 101, description = "A WebSocket."),
        (status = 200, description = "Server-sent events, or one answer for polling.", body = Poll),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not from this origin, or the key may not.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many connections.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn follow_live(
    reader: LiveReader,
    State(live): State<LiveParts>,
    Query(query): Query<FollowLive>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let feed = feed(&live, &reader, query.feed.as_deref()).await?;
    let reader = reader.credential;
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match upgrade {
        Ok(upgrade) => open_socket(live, reader, feed, query.since, &headers, upgrade),
        Err(rejection) if headers.contains_key(header::UPGRADE) => Ok(rejection.into_response()),
        Err(_) if accepts.contains("text/event-stream") => stream_events(live, reader, feed, query.since).await,
        Err(_) => poll(&live, feed, query.since).await,
    }
}

async fn feed(live: &LiveParts, reader: &LiveReader, wanted: Option<&str>) -> Result<Feed, ApiError> {
    match wanted {
        None => Ok(Feed::All(reader.credential.org)),
        Some("bookings") if reader.is_operator => {
            let operator = operator_organization(&live.tenancy).await?;
            Ok(Feed::Bookings(operator.ok_or_else(ApiError::not_found)?))
        }
        Some("bookings") => Err(ApiError::forbidden("Only operators follow the demo bookings.")),
        Some(_) => Err(ApiError::bad_parameter("feed", "can only be bookings")),
    }
}

/// What polling answers.
#[derive(Serialize, ToSchema)]
pub struct Poll {
    /// Pass as `since` next time.
    seq: i64,
    /// True when the asked place is not kept any more: fetch everything again.
    reset: bool,
    /// The messages, as a WebSocket would have sent them.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Box<RawValue>>,
}

async fn poll(live: &LiveParts, feed: Feed, since: Option<i64>) -> Result<Response, ApiError> {
    let (mut follower, greeting) = Follower::start(live.tenancy.clone(), &live.hub, feed, since).await?;
    let resumed = greeting.len() == 1;
    let mut texts: Vec<Utf8Bytes> = greeting.into_iter().skip(1).collect();
    texts.extend(follower.take().await?.iter().map(|event| event.json().clone()));
    let events = texts
        .iter()
        .map(|text| RawValue::from_string(text.to_string()))
        .collect::<Result<_, _>>()
        .map_err(ApiError::internal)?;
    Ok(Json(Poll { seq: follower.cursor(), reset: since.is_some() && !resumed, events }).into_response())
}

async fn stream_events(
    live: LiveParts,
    reader: CredentialRef,
    feed: Feed,
    since: Option<i64>,
) -> Result<Response, ApiError> {
    let watching = live.watchers.enter(reader).ok_or_else(too_many)?;
    let (follower, greeting) = Follower::start(live.tenancy, &live.hub, feed, since).await?;
    let first = stream::iter(greeting).map(|text| Ok(sse::Event::default().data(text.as_str())));
    let stopping = live.tasks.stopping();
    let rest = stream::unfold((follower, watching), move |(mut follower, watching)| {
        let stopping = stopping.clone();
        async move {
            let ended = watching.ended();
            tokio::select! {
                () = follower.news() => {}
                () = ended.cancelled() => return None,
                () = stopping.cancelled() => return None,
            }
            // A reader of a stream that breaks comes back with the last number it saw.
            let events = follower.take().await.ok()?;
            Some((events, (follower, watching)))
        }
    })
    .flat_map(|events| {
        stream::iter(events).map(|event| {
            use platform::realtime::Sequenced as _;
            Ok(sse::Event::default().id(event.seq().to_string()).data(event.json().as_str()))
        })
    });
    let all: stream::BoxStream<'static, Result<sse::Event, Infallible>> = Box::pin(first.chain(rest));
    let keep_alive = sse::KeepAlive::new().interval(PING_EVERY / 2);
    let mut response = Sse::new(all).keep_alive(keep_alive).into_response();
    // Proxies that buffer would hold a live stream back.
    response.headers_mut().insert("x-accel-buffering", header::HeaderValue::from_static("no"));
    Ok(response)
}

fn open_socket(
    live: LiveParts,
    reader: CredentialRef,
    feed: Feed,
    since: Option<i64>,
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    if !from_an_allowed_origin(&live, headers) {
        return Err(ApiError::forbidden("Pages of this origin may not open a live connection."));
    }
    Ok(upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| Box::pin(serve(live, reader, feed, since, socket))))
}

/// A browser names the page's origin and sends its cookies whatever that is; a program names none and sends no cookies.
fn from_an_allowed_origin(live: &LiveParts, headers: &HeaderMap) -> bool {
    match headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => origin
            .to_str()
            .is_ok_and(|origin| origin == live.public_origin || live.origins.iter().any(|allowed| allowed == origin)),
    }
}

async fn serve(live: LiveParts, reader: CredentialRef, feed: Feed, since: Option<i64>, mut socket: WebSocket) {
    let Some(watching) = live.watchers.enter(reader) else {
        close(&mut socket, CLOSE_TOO_MANY, "too many connections").await;
        return;
    };
    let (ended, stopping) = (watching.ended(), live.tasks.stopping());
    let (code, reason) = tokio::select! {
        end = follow(&live, &watching, feed, since, &mut socket) => end,
        () = ended.cancelled() => (CLOSE_SIGNED_OUT, "signed out"),
        () = stopping.cancelled() => (CLOSE_RESTART, "restarting"),
    };
    drop(watching);
    close(&mut socket, code, reason).await;
}

/// Sends events until something ends the connection; answers what.
async fn follow(
    live: &LiveParts,
    _watching: &Watching,
    feed: Feed,
    since: Option<i64>,
    socket: &mut WebSocket,
) -> (u16, &'static str) {
    const GONE: (u16, &str) = (1000, "goodbye");
    const DATABASE: (u16, &str) = (CLOSE_RESTART, "the database does not answer");
    let Ok((mut follower, greeting)) = Box::pin(Follower::start(live.tenancy.clone(), &live.hub, feed, since)).await
    else {
        return DATABASE;
    };
    if let Err(end) = send(socket, greeting).await {
        return end;
    }
    let mut silent = 0_u8;
    let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
    loop {
        tokio::select! {
            () = follower.news() => {
                let Ok(events) = Box::pin(follower.take()).await else { return DATABASE };
                let texts = events.iter().map(|event| event.json().clone()).collect();
                if let Err(end) = send(socket, texts).await {
                    return end;
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return GONE,
                // Whatever it says, it is there. Nothing that a reader says is acted upon.
                Some(Ok(_)) => silent = 0,
            },
            _ = ping.tick() => {
                silent += 1;
                if silent > 2 {
                    return GONE;
                }
                if let Err(end) = deliver(socket.send(Message::Ping(axum::body::Bytes::new()))).await {
                    return end;
                }
            }
        }
    }
}

async fn send(socket: &mut WebSocket, texts: Vec<Utf8Bytes>) -> Result<(), (u16, &'static str)> {
    deliver(async {
        for text in texts {
            socket.feed(Message::Text(text)).await?;
        }
        socket.flush().await
    })
    .await
}

/// A reader that does not read is dropped, so that its backlog does not become ours; it can resume where it was.
async fn deliver(sending: impl Future<Output = Result<(), axum::Error>>) -> Result<(), (u16, &'static str)> {
    match tokio::time::timeout(SEND_PATIENCE, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err((1000, "goodbye")),
        Err(_) => Err((CLOSE_TOO_SLOW, "too slow; reconnect with since")),
    }
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    // The other side may be gone already: there is nobody left to tell.
    let _gone = tokio::time::timeout(Duration::from_secs(1), socket.send(Message::Close(Some(frame)))).await;
}

/// A ticket for one live connection.
#[derive(Serialize, ToSchema)]
struct LiveTicket {
    /// Pass as `ticket`. Works once.
    ticket: String,
    /// Seconds until it stops working.
    expires_in: i64,
}

/// Creates a ticket that opens one live connection, for pages of another origin and programs that cannot send headers.
#[utoipa::path(
    post, path = "/api/v1/live/tickets", tag = "live", security(("bearer" = [])),
    responses(
        (status = 201, description = "The ticket.", body = LiveTicket),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The key may not follow calls.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn create_live_ticket(
    caller: Can<permission::LiveRead>,
    State(authority): State<Authority>,
) -> Result<Response, ApiError> {
    let holder = caller.credential_ref();
    let ticket = actions::issue_ticket(authority.tenancy(), holder, authority.clock().now()).await?;
    let body = LiveTicket { ticket: ticket.expose().to_owned(), expires_in: TICKET_LIFE.as_secs() };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

fn too_many() -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_connections", "Too many live connections are open.")
}
