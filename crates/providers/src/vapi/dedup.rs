//! The business identity of a message.
//!
//! Vapi sends no event id, and retries are not byte-identical: signed addresses are made anew for every delivery. So two
//! deliveries are the same event when they *say* the same thing:
//!
//! | type | identity | why |
//! |---|---|---|
//! | `status-update` | call, status | a call enters a status once |
//! | `end-of-call-report` | call | one per call; a repeat that knows more is noticed by its facts digest |
//! | `tool-calls` | call, tool call ids | a retry must get the first answer again, never book twice |
//! | `transcript` | call, role, type, time, hash of the text | two "yes" a second apart are two turns |
//! | `assistant-request` | call | one question per call |
//! | `call.deleted` | call | a call is erased once |
//! | `chat.*`, `session.*` | chat or session id, type, time | they are about that object |
//! | `campaign.predial` | campaign, contact, time | a contact may be tried again another day |
//! | `voxanne.call-object` | call, status | apart from the report, which may still come and is then kept beside it |
//! | `voxanne.no-end-received` | call | a call is given up once |
//! | everything else | call, type, time, digest of the message's own fields | no identity is documented |
//!
//! A message's *own fields* are those outside the shared envelope (`call`, `assistant`, `artifact`, ...), which are live
//! copies and may differ between two deliveries of one event. Where a time is missing, the digest alone must do.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Facts, Message, MessageKind, ParseError, facts};
use crate::json::{JsonError, Node, values};

/// Keys of the envelope: live copies that say nothing about which event this is.
const SHARED: [&str; 9] =
    ["artifact", "assistant", "assistantVersion", "call", "chat", "customer", "phoneNumber", "timestamp", "type"];

/// The identity of one event as printable ASCII of bounded length, unique within the connection that sent it.
///
/// Holds ids, times and digests, never anything that was said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DedupKey(String);

impl DedupKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Finds the identity of a message.
pub(super) fn key(envelope: &Message, message: &Node<'_>, facts: &Facts) -> DedupKey {
    let own = || digest_own_fields(message);
    let time = envelope.timestamp.map_or_else(|| "-".to_owned(), |time| time.as_millisecond().to_string());
    let kind = envelope.kind.as_str();
    let parts: Vec<String> = match &envelope.kind {
        MessageKind::StatusUpdate => match message.get("status").text() {
            Some(status) => vec![kind.into(), status.into()],
            None => vec![kind.into(), time, own()],
        },
        MessageKind::EndOfCallReport
        | MessageKind::AssistantRequest
        | MessageKind::CallDeleted
        | MessageKind::NoEndReceived => vec![kind.into()],
        MessageKind::CallObject => {
            vec![kind.into(), values::label(message.get("call").get("status"), 40).unwrap_or_else(|| "-".into())]
        }
        MessageKind::ToolCalls if !facts.tool_calls.is_empty() => {
            let ids: Vec<&str> = facts.tool_calls.iter().map(|call| call.id.as_str()).collect();
            vec![kind.into(), ids.join("\n")]
        }
        MessageKind::Transcript => {
            let is_final = facts::is_final_transcript(envelope, message);
            vec![kind.into(), transcript_identity(envelope, message, is_final)]
        }
        MessageKind::ChatCreated | MessageKind::ChatDeleted => vec![kind.into(), object_id(message, "chat"), time],
        MessageKind::SessionCreated | MessageKind::SessionUpdated | MessageKind::SessionDeleted => {
            vec![kind.into(), object_id(message, "session"), time]
        }
        MessageKind::CampaignPredial => {
            let campaign = values::id(message.get("campaignId")).unwrap_or_else(|| "-".into());
            vec![kind.into(), campaign, object_id(message, "contact"), time]
        }
        _ => vec![kind.into(), time, own()],
    };
    // Without a call these one-per-call identities would make strangers equal.
    let call = envelope.call.id.clone().unwrap_or_else(|| format!("?{}", fallback_scope(envelope, message)));
    DedupKey(std::iter::once(call).chain(parts).map(|part| component(&part)).collect::<Vec<_>>().join("/"))
}

/// What stands in for the call id when there is none.
fn fallback_scope(envelope: &Message, message: &Node<'_>) -> String {
    let names_itself = matches!(
        envelope.kind,
        MessageKind::ChatCreated
            | MessageKind::ChatDeleted
            | MessageKind::SessionCreated
            | MessageKind::SessionUpdated
            | MessageKind::SessionDeleted
            | MessageKind::CampaignPredial
    );
    if names_itself {
        return String::new();
    }
    let time = envelope.timestamp.map_or(0, Timestamp::as_millisecond);
    format!("{time}-{}", digest_own_fields(message))
}

/// Role, type, time and hash of the text: the identity of one caption within its call.
pub(super) fn transcript_identity(envelope: &Message, message: &Node<'_>, is_final: bool) -> String {
    let role = values::label(message.get("role"), 40).unwrap_or_default();
    let kind = if is_final { "final" } else { "partial" };
    let time = envelope.timestamp.map_or_else(|| "-".to_owned(), |time| time.as_millisecond().to_string());
    let text = short_digest(message.get("transcript").text().unwrap_or_default().as_bytes());
    component(&format!("{role}:{kind}:{time}:{text}"))
}

fn object_id(message: &Node<'_>, key: &str) -> String {
    values::id(message.get(key).get("id")).unwrap_or_else(|| digest_own_fields(message))
}

/// Hexadecimal SHA-256 of a report's facts, without the delivery's own time.
pub(super) fn facts_digest(facts: &mut Facts) -> Result<String, ParseError> {
    let delivered_at = facts.status_at.take();
    let bytes = serde_json::to_vec(facts);
    facts.status_at = delivered_at;
    bytes.map(|bytes| hex::encode(Sha256::digest(bytes))).map_err(|error| JsonError::not_json(&error).into())
}

/// A digest of the message's own fields, independent of key order.
fn digest_own_fields(message: &Node<'_>) -> String {
    let mut hasher = Sha256::new();
    let own = message.members().iter().filter(|(key, _)| !SHARED.contains(&key.as_ref()));
    let mut fields: Vec<_> = own.collect();
    fields.sort_by(|(left, _), (right, _)| left.cmp(right));
    for (key, node) in fields {
        hash_text(&mut hasher, key);
        hash_node(&mut hasher, node);
    }
    hex::encode(&hasher.finalize()[..16])
}

/// Hashes a tree with a tag before every value and a length before every text, so that no two trees share one byte stream.
fn hash_node(hasher: &mut Sha256, node: &Node<'_>) {
    match node {
        Node::Null => hasher.update(b"n"),
        Node::Bool(value) => hasher.update(if *value { b"t" } else { b"f" }),
        Node::Int(value) => hash_number(hasher, &value.to_string()),
        Node::Unsigned(value) => hash_number(hasher, &value.to_string()),
        Node::Float(value) => hash_number(hasher, &value.to_string()),
        Node::Text(text) => hash_text(hasher, text),
        Node::List(items) => {
            hasher.update(b"[");
            hasher.update(items.len().to_le_bytes());
            for item in items {
                hash_node(hasher, item);
            }
        }
        Node::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
            hasher.update(b"{");
            hasher.update(sorted.len().to_le_bytes());
            for (key, member) in sorted {
                hash_text(hasher, key);
                hash_node(hasher, member);
            }
        }
    }
}

fn hash_text(hasher: &mut Sha256, text: &str) {
    hasher.update(b"s");
    hasher.update(text.len().to_le_bytes());
    hasher.update(text);
}

fn hash_number(hasher: &mut Sha256, digits: &str) {
    hasher.update(b"d");
    hasher.update(digits.len().to_le_bytes());
    hasher.update(digits);
}

/// A short, harmless part stays readable; anything else (long, foreign characters, our own separator) becomes its digest.
fn component(part: &str) -> String {
    let is_plain = !part.is_empty()
        && part.len() <= 80
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-' | b'+' | b'?'));
    if is_plain { part.to_owned() } else { format!("#{}", short_digest(part.as_bytes())) }
}

/// The first 128 bits of SHA-256 in hexadecimal: far beyond chance among the events of one call.
fn short_digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..16])
}
