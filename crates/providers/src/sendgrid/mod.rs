//! Twilio SendGrid: the signed event webhook.
//!
//! Source: Twilio's "Event Webhook Reference" and "Getting Started with the Event Webhook Security Features". The test
//! vector of its own libraries verifies only with the body's trailing line end, so the raw bytes are what is signed and
//! nothing trims or re-writes them first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use crate::json::{Node, values};
use crate::mail_events::{self, Batch, Cause, EventKind, MAIL_ID_KEY, MailEvent, Unreadable};
use crate::webhook::{Refused, check_seconds, single};

/// Header of the signature: base64 of an ECDSA signature in DER.
pub const SIGNATURE_HEADER: &str = "x-twilio-email-event-webhook-signature";
/// Header of the time of signing, in seconds.
pub const TIMESTAMP_HEADER: &str = "x-twilio-email-event-webhook-timestamp";

/// What stands before the point of a P-256 public key in a `SubjectPublicKeyInfo` (RFC 5480): two object identifiers
/// and the head of a bit string. One curve, one form: no parser needed.
const SPKI_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bytes of an uncompressed point: a marker and two coordinates.
const POINT: usize = 65;

/// A verification key as SendGrid's console shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationKey(Vec<u8>);

/// The text is not a verification key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a verification key of SendGrid: base64 of a P-256 public key, without BEGIN and END lines")]
pub struct NotAKey;

impl std::str::FromStr for VerificationKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let der = STANDARD.decode(text.trim()).map_err(|_| NotAKey)?;
        let point = der.strip_prefix(&SPKI_HEAD).ok_or(NotAKey)?;
        let is_point = point.len() == POINT && point.first() == Some(&4);
        if is_point { Ok(Self(point.to_vec())) } else { Err(NotAKey) }
    }
}

/// Verifies a request: ECDSA P-256 with SHA-256 over the time as it was sent, followed by the raw body. Several keys
/// serve while one replaces another. `window` is how far the time may lie from `now`, either way.
///
/// # Errors
/// [`Refused`] for anything that is not certainly right.
pub fn verify(
    keys: &[VerificationKey],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
    window: SignedDuration,
) -> Result<(), Refused> {
    if keys.is_empty() {
        return Err(Refused::NoSecret);
    }
    let signature = single(headers, SIGNATURE_HEADER)?.ok_or(Refused::NoCredential)?;
    let sent = single(headers, TIMESTAMP_HEADER)?.ok_or(Refused::NoTimestamp)?;
    let sent = std::str::from_utf8(sent).map_err(|_| Refused::MalformedTimestamp)?;
    check_seconds(sent, now, window)?;
    let signature = STANDARD.decode(signature).map_err(|_| Refused::MalformedSignature)?;
    let signed = [sent.as_bytes(), body].concat();
    let is_signed = |key: &VerificationKey| {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &key.0).verify(&signed, &signature).is_ok()
    };
    if keys.iter().any(is_signed) { Ok(()) } else { Err(Refused::Mismatch) }
}

/// Reads a verified body: a list of events.
///
/// # Errors
/// [`Unreadable`] when it is not a JSON list. Anything else is accepted.
pub fn receive(body: &[u8]) -> Result<Batch, Unreadable> {
    mail_events::list(body, "a list of events", event)
}

fn event(node: &Node<'_>) -> Result<MailEvent, &'static str> {
    let name = values::label(node.get("event"), 60).ok_or("event_missing")?;
    let (kind, cause) = kind(&name, node);
    let at = values::time(node.get("timestamp"));
    let recipient = mail_events::address(node.get("email"));
    let message_id = mail_events::message_id(node.get("smtp-id"));
    let provider_message_id = values::id(node.get("sg_message_id"));
    let instead = [
        name.as_str(),
        recipient.as_deref().unwrap_or_default(),
        provider_message_id.as_deref().or(message_id.as_deref()).unwrap_or_default(),
        &mail_events::time_text(at),
    ];
    Ok(MailEvent {
        event_id: mail_events::event_id(long_id(node.get("sg_event_id")), &instead),
        kind,
        at,
        recipient,
        // Arguments of ours are fields beside SendGrid's own.
        mail: mail_events::mail_id(node.get(MAIL_ID_KEY)),
        message_id,
        provider_message_id,
        status: mail_events::status(node.get("status")),
        words: mail_events::words(node.get("response")).or_else(|| mail_events::words(node.get("reason"))),
        cause,
    })
}

/// An event id, which SendGrid does not promise to keep short.
fn long_id(node: &Node<'_>) -> Option<String> {
    values::id(node).or_else(|| values::text(node))
}

fn kind(name: &str, node: &Node<'_>) -> (EventKind, Option<Cause>) {
    match name {
        "processed" => (EventKind::Processed, None),
        "deferred" => (EventKind::Deferred, None),
        "delivered" => (EventKind::Delivered, None),
        "bounce" => bounce(node.get("type").text()),
        "blocked" => (EventKind::Blocked, Some(Cause::Blocked)),
        "dropped" => (EventKind::Dropped, drop_cause(node.get("reason").text().unwrap_or_default())),
        "open" => (EventKind::Opened { by_machine: is_true(node.get("sg_machine_open")) }, None),
        "click" => (EventKind::Clicked, None),
        "spamreport" => (EventKind::Complained, Some(Cause::Spam)),
        "unsubscribe" | "group_unsubscribe" => (EventKind::Unsubscribed, Some(Cause::Unsubscribed)),
        other => (EventKind::other(other), None),
    }
}

/// A `bounce` may be a refusal of the sender: then the address is good, and must not be lost for later mails. So is one
/// whose type says something we do not know.
fn bounce(kind: Option<&str>) -> (EventKind, Option<Cause>) {
    match kind {
        None | Some("bounce") => (EventKind::Bounced, Some(Cause::Bounced)),
        Some("expired") => (EventKind::Dropped, Some(Cause::TimedOut)),
        Some(_) => (EventKind::Blocked, Some(Cause::Blocked)),
    }
}

/// Why SendGrid did not even try.
fn drop_cause(reason: &str) -> Option<Cause> {
    match reason.trim().to_ascii_lowercase().as_str() {
        "invalid" => Some(Cause::Invalid),
        "bounced address" => Some(Cause::Bounced),
        "spam reporting address" => Some(Cause::Spam),
        "unsubscribed address" => Some(Cause::Unsubscribed),
        "spam content" => Some(Cause::Blocked),
        _ => None,
    }
}

fn is_true(node: &Node<'_>) -> bool {
    matches!(node, Node::Bool(true)) || node.text().is_some_and(|text| text.eq_ignore_ascii_case("true"))
}
