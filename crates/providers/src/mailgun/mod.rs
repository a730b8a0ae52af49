//! Mailgun: webhooks of message events.
//!
//! Source: Mailgun's "Webhook Payloads" and "Securing Webhooks". The signature stands in the body and covers a time and a
//! random token, not the event: whoever has seen one request could sign other words with it. So the token is the event's
//! id, and a token that was seen once brings nothing a second time.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::json::{Node, clean, node, values};
use crate::mail_events::{self, Batch, Cause, EventKind, MAIL_ID_KEY, MailEvent, Unreadable};
use crate::webhook::{Refused, check_seconds};

/// Verifies a request: hexadecimal HMAC-SHA256 of time and token, with the account's webhook signing key. Several keys
/// serve while one replaces another. `window` is how far the time may lie from `now`, either way; retries keep their
/// first time, and go on for eight hours.
///
/// # Errors
/// [`Refused`] for anything that is not certainly right.
pub fn verify(keys: &[&str], body: &[u8], now: Timestamp, window: SignedDuration) -> Result<(), Refused> {
    let keys: Vec<&str> = keys.iter().map(|key| key.trim()).filter(|key| !key.is_empty()).collect();
    if keys.is_empty() {
        return Err(Refused::NoSecret);
    }
    let text = clean::text(body).map_err(|_| Refused::NoCredential)?;
    let mut retry = None;
    let root = node::parse(&text, &mut retry).map_err(|_| Refused::NoCredential)?;
    let signature = root.get("signature");
    let field = |name: &str| values::id(signature.get(name));
    let (sent, token) = (field("timestamp").ok_or(Refused::NoTimestamp)?, field("token").ok_or(Refused::NoCredential)?);
    let given = field("signature").ok_or(Refused::NoCredential)?;
    check_seconds(&sent, now, window)?;
    let given = hex::decode(given).map_err(|_| Refused::MalformedSignature)?;
    let mut equal = false;
    for key in keys {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_bytes()).map_err(|_| Refused::Misconfigured)?;
        mac.update(sent.as_bytes());
        mac.update(token.as_bytes());
        equal |= bool::from(mac.finalize().into_bytes().as_slice().ct_eq(&given));
    }
    if equal { Ok(()) } else { Err(Refused::Mismatch) }
}

/// Reads a verified body: one event.
///
/// # Errors
/// [`Unreadable`] when it is not a JSON object. Anything else is accepted.
pub fn receive(body: &[u8]) -> Result<Batch, Unreadable> {
    mail_events::one(body, "an event object", event)
}

fn event(root: &Node<'_>) -> Result<MailEvent, &'static str> {
    let node = root.get("event-data");
    let name = values::label(node.get("event"), 60).ok_or("event_missing")?;
    let (kind, cause) = kind(&name, node);
    let at = values::time(node.get("timestamp"));
    let recipient = mail_events::address(node.get("recipient"));
    let message_id = mail_events::message_id(node.get("message").get("headers").get("message-id"));
    let delivery = node.get("delivery-status");
    let said = [delivery.get("message"), delivery.get("description"), node.get("reject").get("reason")];
    let id = values::id(node.get("id"));
    let instead = [name.as_str(), recipient.as_deref().unwrap_or_default(), id.as_deref().unwrap_or_default()];
    Ok(MailEvent {
        event_id: mail_events::event_id(values::id(root.get("signature").get("token")), &instead),
        kind,
        at,
        recipient,
        mail: mail_events::mail_id(node.get("user-variables").get(MAIL_ID_KEY)),
        message_id,
        provider_message_id: id,
        status: mail_events::status(delivery.get("enhanced-code"))
            .or_else(|| mail_events::status(delivery.get("code"))),
        words: said.into_iter().find_map(mail_events::words),
        cause,
    })
}

fn kind(name: &str, node: &Node<'_>) -> (EventKind, Option<Cause>) {
    match name {
        "accepted" => (EventKind::Processed, None),
        "delivered" => (EventKind::Delivered, None),
        "failed" if node.get("severity").text() == Some("temporary") => (EventKind::Deferred, None),
        "failed" => failed(node.get("reason").text().unwrap_or_default()),
        "rejected" => (EventKind::Dropped, Some(Cause::Blocked)),
        "complained" => (EventKind::Complained, Some(Cause::Spam)),
        "opened" => (EventKind::Opened { by_machine: is_machine(node) }, None),
        "clicked" => (EventKind::Clicked, None),
        "unsubscribed" => (EventKind::Unsubscribed, Some(Cause::Unsubscribed)),
        other => (EventKind::other(other), None),
    }
}

/// A failure for good. Only a bounce says that the address is wrong.
fn failed(reason: &str) -> (EventKind, Option<Cause>) {
    match reason {
        "bounce" => (EventKind::Bounced, Some(Cause::Bounced)),
        "suppress-bounce" => (EventKind::Dropped, Some(Cause::Bounced)),
        "suppress-complaint" => (EventKind::Dropped, Some(Cause::Spam)),
        "suppress-unsubscribe" => (EventKind::Dropped, Some(Cause::Unsubscribed)),
        "old" => (EventKind::Dropped, Some(Cause::TimedOut)),
        "espblock" => (EventKind::Blocked, Some(Cause::Blocked)),
        _ => (EventKind::Dropped, None),
    }
}

/// `client-info.bot` names the program that fetched the pictures; empty for a person.
fn is_machine(node: &Node<'_>) -> bool {
    node.get("client-info").get("bot").text().is_some_and(|bot| !bot.trim().is_empty())
}
