//! Postmark: webhooks of message events.
//!
//! Source: Postmark's "Webhooks overview" and "Bounce types". It signs nothing: a request proves itself by the user name
//! and password in the address that was entered there, which arrive as basic authentication, or by a header that was
//! set up there. Each request is one event, told apart by `RecordType`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::json::{Node, values};
use crate::mail_events::{self, Batch, Cause, EventKind, MAIL_ID_KEY, MailEvent, Unreadable};
use crate::webhook::{Refused, single};

/// Header that may carry the secret instead of basic authentication.
pub const SECRET_HEADER: &str = "x-voxanne-secret";

/// Verifies a request: the secret as password of basic authentication (under any user name) or in [`SECRET_HEADER`].
/// Several secrets serve while one replaces another.
///
/// # Errors
/// [`Refused`] for anything that is not certainly right.
pub fn verify(secrets: &[&str], headers: &HeaderMap) -> Result<(), Refused> {
    let secrets: Vec<&str> = secrets.iter().map(|secret| secret.trim()).filter(|secret| !secret.is_empty()).collect();
    if secrets.is_empty() {
        return Err(Refused::NoSecret);
    }
    let password = single(headers, "authorization")?.and_then(basic_password);
    let header = single(headers, SECRET_HEADER)?.map(<[u8]>::to_vec);
    let presented = password.or(header).ok_or(Refused::NoCredential)?;
    // Compared as digests: equal length whatever was sent, so not even the length of the secret can be measured.
    let presented = Sha256::digest(presented);
    let mut equal = false;
    for secret in secrets {
        equal |= bool::from(presented.as_slice().ct_eq(Sha256::digest(secret).as_slice()));
    }
    if equal { Ok(()) } else { Err(Refused::Mismatch) }
}

fn basic_password(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, rest) = value.split_at_checked("Basic ".len())?;
    let pair = STANDARD.decode(rest.trim_ascii()).ok().filter(|_| scheme.eq_ignore_ascii_case(b"Basic "))?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

/// Reads a verified body: one event.
///
/// # Errors
/// [`Unreadable`] when it is not a JSON object. Anything else is accepted.
pub fn receive(body: &[u8]) -> Result<Batch, Unreadable> {
    mail_events::one(body, "an event object", event)
}

fn event(node: &Node<'_>) -> Result<MailEvent, &'static str> {
    let record = values::label(node.get("RecordType"), 60).ok_or("record_type_missing")?;
    let detail = values::label(node.get("Type"), 60).unwrap_or_default();
    let (kind, cause) = kind(&record, &detail, node);
    let times = ["DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt"];
    let at = times.iter().find_map(|key| values::time(node.get(key)));
    let recipient = mail_events::address(node.get("Recipient")).or_else(|| mail_events::address(node.get("Email")));
    let provider_message_id = values::id(node.get("MessageID"));
    let instead = [
        record.as_str(),
        detail.as_str(),
        recipient.as_deref().unwrap_or_default(),
        provider_message_id.as_deref().unwrap_or_default(),
        &mail_events::time_text(at),
    ];
    // Only bounces and complaints have an id; it is a number of its own series.
    let id = values::id(node.get("ID")).map(|id| format!("{record}:{id}"));
    Ok(MailEvent {
        event_id: mail_events::event_id(id, &instead),
        kind,
        at,
        recipient,
        mail: mail_events::mail_id(node.get("Metadata").get(MAIL_ID_KEY)),
        message_id: None,
        provider_message_id,
        status: None,
        words: mail_events::words(node.get("Details")).or_else(|| mail_events::words(node.get("Description"))),
        cause,
    })
}

fn kind(record: &str, detail: &str, node: &Node<'_>) -> (EventKind, Option<Cause>) {
    match record {
        "Delivery" => (EventKind::Delivered, None),
        "Bounce" => bounce(detail),
        "SpamComplaint" => (EventKind::Complained, Some(Cause::Spam)),
        "Open" => (EventKind::Opened { by_machine: false }, None),
        "Click" => (EventKind::Clicked, None),
        "SubscriptionChange" => subscription(node),
        other => (EventKind::other(other), None),
    }
}

/// The kinds of bounce; only two of them say that the address is wrong.
fn bounce(kind: &str) -> (EventKind, Option<Cause>) {
    match kind {
        "HardBounce" => (EventKind::Bounced, Some(Cause::Bounced)),
        "BadEmailAddress" => (EventKind::Bounced, Some(Cause::Invalid)),
        "Transient" | "DnsError" => (EventKind::Deferred, None),
        "SoftBounce" => (EventKind::Dropped, Some(Cause::TimedOut)),
        "Blocked" | "DMARCPolicy" | "SpamNotification" | "VirusNotification" => {
            (EventKind::Blocked, Some(Cause::Blocked))
        }
        "SpamComplaint" => (EventKind::Complained, Some(Cause::Spam)),
        "Unsubscribe" => (EventKind::Unsubscribed, Some(Cause::Unsubscribed)),
        "ManuallyDeactivated" | "ManualSuppression" | "Unconfirmed" | "SMTPApiError" | "TemplateRenderingFailed" => {
            (EventKind::Dropped, None)
        }
        other => (EventKind::other(other), None),
    }
}

fn subscription(node: &Node<'_>) -> (EventKind, Option<Cause>) {
    if !matches!(node.get("SuppressSending"), Node::Bool(true)) {
        return (EventKind::other("Resubscribed"), None);
    }
    match node.get("SuppressionReason").text() {
        Some("HardBounce") => (EventKind::Bounced, Some(Cause::Bounced)),
        Some("SpamComplaint") => (EventKind::Complained, Some(Cause::Spam)),
        _ => (EventKind::Unsubscribed, Some(Cause::Unsubscribed)),
    }
}
