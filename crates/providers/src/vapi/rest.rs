//! Vapi's REST API, as far as it is asked: what a request is, and what its answer says. Nothing here sends anything.
//!
//! Source: Vapi's `OpenAPI`, paths `/call`, `/call/{id}` and `/call/{id}/…-recording`. The list has no cursor and promises no
//! order, so it is read by windows of `updatedAt` that are narrow enough to fit into one answer ([`Windows`]).

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::{Channel, ParseError, Received, Status};
use crate::json::{JsonError, Node, clean, node, values};

/// Where the API is for everybody.
pub const PUBLIC_URL: &str = "https://api.vapi.ai";

/// The reason of a call that was closed because nobody reported its end.
pub const NO_END_RECEIVED: &str = "voxanne.no-end-received";

/// The most calls that one answer may hold, by the provider's rule.
pub const MAX_LIMIT: u32 = 1_000;

/// Asks for calls by the time of their last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListCalls {
    /// Changed after this instant.
    pub after: Timestamp,
    /// Changed at this instant or before.
    pub until: Timestamp,
    /// At most so many calls.
    pub limit: u32,
}

impl ListCalls {
    /// Path and query.
    pub fn path(&self) -> String {
        // Milliseconds, as the provider counts, and `Z`: nothing that needs escaping.
        format!("/call?updatedAtGt={:.3}&updatedAtLe={:.3}&limit={}", self.after, self.until, self.limit)
    }
}

/// Asks for one call. None: this cannot be an id, and must not become part of an address.
pub fn call_path(id: &str) -> Option<String> {
    Some(format!("/call/{}", segment(id)?))
}

/// Asks where a recording lies; the answer is a redirect to an address that works for a short while. None: not an id.
pub fn recording_path(id: &str, channel: Channel) -> Option<String> {
    let channel = match channel {
        Channel::Mono => "mono",
        Channel::Stereo => "stereo",
        Channel::Assistant => "assistant",
        Channel::Customer => "customer",
        Channel::Video => "video",
    };
    Some(format!("/call/{}/{channel}-recording", segment(id)?))
}

/// An id as a segment of a path: an opaque text, escaped; never one that would lead somewhere else.
fn segment(id: &str) -> Option<String> {
    if id.is_empty() || id.chars().all(|c| c == '.') {
        return None;
    }
    let mut escaped = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").ok()?;
        }
    }
    Some(escaped)
}

/// Why an answer makes no sense. Says where, never what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Not JSON.
    #[error("the answer is not JSON")]
    NotJson(#[from] JsonError),
    /// A list was asked for.
    #[error("the answer is not a list of calls")]
    NotAList,
    /// A call has no id, or no time of its last change.
    #[error("call {number} of the answer lacks its id or its times")]
    Incomplete {
        /// Its place, from 1.
        number: usize,
    },
    /// A call could not be read.
    #[error("a call of the answer cannot be read")]
    Unreadable(#[from] ParseError),
}

/// A call as the API shows it.
#[derive(Debug, Clone)]
pub struct CallObject {
    /// `id`
    pub id: String,
    /// `createdAt`
    pub created_at: Timestamp,
    /// `updatedAt`
    pub updated_at: Timestamp,
    /// `status`; none where it says nothing about the line.
    pub status: Option<Status>,
    /// The call as a message of ours: the same facts, a business identity of its own, and the scrubbed body to keep.
    pub message: Received,
}

/// Reads the answer to [`ListCalls`].
///
/// # Errors
/// An [`AnswerError`] when any call of it makes no sense: to leave one out would be to lose it.
pub fn read_calls(body: &[u8]) -> Result<Vec<CallObject>, AnswerError> {
    let text = clean::text(body)?;
    let mut retry = None;
    match node::parse(&text, &mut retry)? {
        Node::List(calls) => calls.into_iter().zip(1..).map(|(call, number)| read(call, number)).collect(),
        _ => Err(AnswerError::NotAList),
    }
}

/// Reads the answer to [`call_path`].
///
/// # Errors
/// As [`read_calls`].
pub fn read_call(body: &[u8]) -> Result<CallObject, AnswerError> {
    let text = clean::text(body)?;
    let mut retry = None;
    read(node::parse(&text, &mut retry)?, 1)
}

fn read(call: Node<'_>, number: usize) -> Result<CallObject, AnswerError> {
    let lacks = || AnswerError::Incomplete { number };
    let id = values::id(call.get("id")).ok_or_else(lacks)?;
    let created_at = values::time(call.get("createdAt")).ok_or_else(lacks)?;
    let updated_at = values::time(call.get("updatedAt")).ok_or_else(lacks)?;
    let status = Status::read(call.get("status"));
    let message = Node::Object(vec![
        ("type".into(), Node::Text("voxanne.call-object".into())),
        ("timestamp".into(), Node::Int(updated_at.as_millisecond())),
        ("call".into(), call),
    ]);
    let message = super::take(Node::Object(vec![("message".into(), message)]))?;
    Ok(CallObject { id, created_at, updated_at, status, message })
}

/// What is recorded when a call is closed although nobody reported its end: its status, the reason, and no time, since
/// nobody knows it.
///
/// # Errors
/// [`ParseError`] when the id is not one.
pub fn no_end_received(provider_call_id: &str) -> Result<Received, ParseError> {
    let call = Node::Object(vec![("id".into(), Node::Text(provider_call_id.into()))]);
    let message = vec![("type".into(), Node::Text(NO_END_RECEIVED.into())), ("call".into(), call)];
    super::take(Node::Object(vec![("message".into(), Node::Object(message))]))
}

/// Walks a stretch of time in windows that fit into one answer each. Pure: it is told how many calls an answer had.
///
/// A full answer may leave calls out, and nobody knows which, so it is not used: the window is halved and asked again. What
/// has been read stays read, so the walk can go on where it stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    at: Timestamp,
    until: Timestamp,
    width: SignedDuration,
    limit: u32,
}

/// What to do with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is complete.
    Complete,
    /// It may leave calls out: forget it and ask for the next window, which is narrower.
    TooMany,
    /// It leaves calls out, and the window cannot be narrower: more calls changed in one millisecond than one answer holds.
    Cut,
}

/// The narrowest window: the provider counts in milliseconds.
const NARROWEST: SignedDuration = SignedDuration::from_millis(1);

impl Windows {
    /// Of everything after `after` until `until`, in whole milliseconds, with `limit` calls to an answer.
    pub fn new(after: Timestamp, until: Timestamp, limit: u32) -> Self {
        let at = milliseconds(after);
        let until = milliseconds(until);
        Self { at, until, width: until.duration_since(at), limit: limit.clamp(1, MAX_LIMIT) }
    }

    /// Everything up to here has been read.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The next window to ask for. None: all has been read.
    pub fn next(&self) -> Option<ListCalls> {
        let until = self.end();
        (until > self.at).then_some(ListCalls { after: self.at, until, limit: self.limit })
    }

    /// Takes note of how many calls the answer to [`Windows::next`] had.
    pub fn answered(&mut self, calls: usize) -> Verdict {
        let asked = self.end().duration_since(self.at);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        if calls >= limit && asked > NARROWEST {
            self.width = (asked / 2).max(NARROWEST);
            return Verdict::TooMany;
        }
        if calls >= limit && self.limit < MAX_LIMIT {
            self.limit = MAX_LIMIT;
            return Verdict::TooMany;
        }
        self.at = self.end();
        // Aim at half-full answers: quick through quiet hours, and seldom too wide in busy ones.
        if calls * 4 < limit {
            self.width = self.width.saturating_mul(4);
        } else if calls * 4 < limit * 2 {
            self.width = self.width.saturating_mul(2);
        }
        if calls >= limit { Verdict::Cut } else { Verdict::Complete }
    }

    fn end(&self) -> Timestamp {
        // Whole milliseconds: a bound that the provider rounds would lose what lies between.
        let width =
            SignedDuration::from_millis(i64::try_from(self.width.as_millis()).unwrap_or(i64::MAX)).max(NARROWEST);
        self.at.saturating_add(width).unwrap_or(self.until).min(self.until)
    }
}

fn milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
