//! What travels to a watching browser.

use axum::extract::ws::Utf8Bytes;
use jiff::Timestamp;
use platform::ids::CallId;
use platform::realtime::Sequenced;
use serde::Serialize;

/// Closed because the credential ended: do not reconnect, sign in.
pub const CLOSE_SIGNED_OUT: u16 = 4001;
/// Closed because the reader did not read: reconnect with `since`.
pub const CLOSE_TOO_SLOW: u16 = 4002;
/// Closed because there are too many connections.
pub const CLOSE_TOO_MANY: u16 = 4003;
/// Closed because the server restarts (RFC 6455 registry, 1012): reconnect after a moment.
pub const CLOSE_RESTART: u16 = 1012;

/// One event, ready to be sent.
#[derive(Debug)]
pub struct LiveEvent {
    seq: i64,
    of_booking: bool,
    /// Made once, sent to every watcher.
    json: Utf8Bytes,
}

impl Sequenced for LiveEvent {
    fn seq(&self) -> i64 {
        self.seq
    }
}

impl LiveEvent {
    /// Whether it is about a demo booking and not about a call.
    pub fn is_of_booking(&self) -> bool {
        self.of_booking
    }

    /// The JSON text.
    pub fn json(&self) -> &Utf8Bytes {
        &self.json
    }
}

/// An event as it is written.
#[derive(Debug, Serialize)]
pub(super) struct EventBody {
    #[serde(rename = "t")]
    pub(super) kind: String,
    pub(super) id: Option<CallId>,
    pub(super) seq: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    pub(super) is_final: Option<bool>,
    pub(super) at: Timestamp,
}

impl From<EventBody> for LiveEvent {
    fn from(body: EventBody) -> Self {
        Self { seq: body.seq, of_booking: body.kind == "booking.changed", json: to_text(&body) }
    }
}

/// A call of the snapshot.
#[derive(Debug, Serialize)]
pub(super) struct SnapshotCall {
    pub(super) id: CallId,
    pub(super) status: String,
    pub(super) direction: Option<String>,
    pub(super) from_number: Option<String>,
    pub(super) to_number: Option<String>,
    pub(super) caller_name: Option<String>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) at: Timestamp,
}

/// What the server says besides events.
#[derive(Debug, Serialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub(super) enum Greeting {
    /// The first message.
    Hello {
        /// The reader's place: events after it follow.
        seq: i64,
        /// Whether the asked place could be resumed; otherwise a snapshot follows.
        resumed: bool,
    },
    /// Everything that is going on.
    Snapshot {
        /// The last event the snapshot includes.
        seq: i64,
        /// The calls.
        calls: Vec<SnapshotCall>,
    },
    /// The asked place is not kept any more: fetch everything again.
    Reset {
        /// The place to go on from.
        seq: i64,
    },
}

impl Greeting {
    pub(super) fn text(&self) -> Utf8Bytes {
        to_text(self)
    }
}

fn to_text(value: &impl Serialize) -> Utf8Bytes {
    match serde_json::to_string(value) {
        Ok(text) => text.into(),
        // Plain structs of texts and numbers: there is nothing in them that JSON cannot say.
        Err(error) => unreachable!("a live message is always JSON: {error}"),
    }
}
