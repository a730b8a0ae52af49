//! Amazon SES: what becomes of mails, told through a topic of SNS ([`sns`]).
//!
//! Source: Amazon's "Contents of event data that Amazon SES publishes to Amazon SNS" and "Amazon SNS notification contents
//! for Amazon SES". Both forms are read: events of a configuration set (`eventType`) and notifications of an identity
//! (`notificationType`). One message tells of all recipients of a mail, so it is several events. Their ids are made of
//! what they say and not of the envelope's: a topic may have two ways to us, and a mail's bounce is one bounce.
//!
//! Our id comes back as a tag of the mail, when the address is sent through with a configuration set. SES gives every mail
//! a `Message-ID` of its own; ours is among the original headers, where these are included.

pub mod sns;

use std::borrow::Cow;

use crate::json::{Node, clean, node, values};
use crate::mail_events::{self, Batch, Cause, EventKind, Faulty, MAIL_ID_KEY, MailEvent, Unreadable};

/// What a receiver's proxy calls itself that fetches all pictures before anybody reads (Apple's Mail Privacy Protection).
const APPLE_PROXY: &str = "Mozilla/5.0";

/// Reads the message of a verified notification.
///
/// # Errors
/// [`Unreadable`] when it is not a JSON object. Anything else is accepted.
pub fn receive(message: &str) -> Result<Batch, Unreadable> {
    let text = clean::text(message.as_bytes())?;
    let mut retry = None;
    let root = node::parse(&text, &mut retry)?;
    if !root.is_object() {
        return Err(Unreadable::Shape("an event object"));
    }
    Ok(match events(&root) {
        Ok(events) => Batch { events, faulty: Vec::new() },
        Err(fault) => Batch { events: Vec::new(), faulty: vec![Faulty { index: 0, fault, raw: text.into_owned() }] },
    })
}

/// One recipient, as the lists of bounces, complaints and delays have them.
struct Told<'a> {
    recipient: Option<String>,
    of: Cow<'a, Node<'a>>,
}

fn events(root: &Node<'_>) -> Result<Vec<MailEvent>, &'static str> {
    let name = values::label(root.get("eventType"), 60)
        .or_else(|| values::label(root.get("notificationType"), 60))
        .ok_or("event_type_missing")?;
    let mail = root.get("mail");
    let detail = detail(root, &name);
    let told = recipients(mail, detail);
    Ok(told.iter().map(|told| event(&name, mail, detail, told)).collect())
}

/// What the kind adds to what is known of the mail.
fn detail<'a>(root: &'a Node<'a>, name: &str) -> &'a Node<'a> {
    let key = match name {
        "Bounce" => "bounce",
        "Complaint" => "complaint",
        "Delivery" => "delivery",
        "DeliveryDelay" => "deliveryDelay",
        "Open" => "open",
        "Click" => "click",
        "Reject" => "reject",
        "Rendering Failure" => "failure",
        "Subscription" => "subscription",
        _ => "send",
    };
    root.get(key)
}

/// Whom it is about: those that are named, else all that the mail went to.
fn recipients<'a>(mail: &'a Node<'a>, detail: &'a Node<'a>) -> Vec<Told<'a>> {
    let lists = ["bouncedRecipients", "complainedRecipients", "delayedRecipients"];
    let mut told: Vec<Told<'a>> = lists
        .iter()
        .flat_map(|list| detail.get(list).items())
        .map(|of| Told { recipient: mail_events::address(of.get("emailAddress")), of: Cow::Borrowed(of) })
        .collect();
    if told.is_empty() {
        let named = detail.get("recipients").items();
        let all = if named.is_empty() { mail.get("destination").items() } else { named };
        told =
            all.iter().map(|node| Told { recipient: mail_events::address(node), of: Cow::Owned(Node::Null) }).collect();
    }
    if told.is_empty() {
        told.push(Told { recipient: None, of: Cow::Owned(Node::Null) });
    }
    told
}

fn event(name: &str, mail: &Node<'_>, detail: &Node<'_>, told: &Told<'_>) -> MailEvent {
    let status = mail_events::status(told.of.get("status"));
    let (kind, cause) = kind(name, detail, status.as_deref());
    let at = values::time(detail.get("timestamp")).or_else(|| values::time(mail.get("timestamp")));
    let provider_message_id = values::id(mail.get("messageId"));
    let link = values::text(detail.get("link")).unwrap_or_default();
    let feedback = values::id(detail.get("feedbackId"));
    let time = mail_events::time_text(at);
    let what = [
        name,
        provider_message_id.as_deref().unwrap_or_default(),
        told.recipient.as_deref().unwrap_or_default(),
        feedback.as_deref().unwrap_or(&time),
        &link,
    ];
    let said = [
        told.of.get("diagnosticCode"),
        detail.get("smtpResponse"),
        detail.get("reason"),
        detail.get("errorMessage"),
        detail.get("delayType"),
    ];
    MailEvent {
        event_id: mail_events::event_id(None, &what),
        kind,
        at,
        recipient: told.recipient.clone(),
        mail: mail.get("tags").get(MAIL_ID_KEY).items().iter().find_map(mail_events::mail_id),
        message_id: our_message_id(mail),
        provider_message_id,
        status,
        words: said.into_iter().find_map(mail_events::words),
        cause,
    }
}

/// Ours, from the headers as we sent them.
fn our_message_id(mail: &Node<'_>) -> Option<String> {
    let is_ours =
        |header: &&Node<'_>| header.get("name").text().is_some_and(|name| name.eq_ignore_ascii_case("message-id"));
    let header = mail.get("headers").items().iter().find(is_ours).map(|header| header.get("value"));
    header
        .and_then(mail_events::message_id)
        .or_else(|| mail_events::message_id(mail.get("commonHeaders").get("messageId")))
}

fn kind(name: &str, detail: &Node<'_>, status: Option<&str>) -> (EventKind, Option<Cause>) {
    match name {
        "Send" => (EventKind::Processed, None),
        "Delivery" => (EventKind::Delivered, None),
        "DeliveryDelay" => (EventKind::Deferred, None),
        "Bounce" => bounce(detail, status),
        "Complaint" => complaint(detail),
        "Reject" => (EventKind::Dropped, Some(Cause::Blocked)),
        "Rendering Failure" => (EventKind::Dropped, None),
        "Open" => (EventKind::Opened { by_machine: detail.get("userAgent").text() == Some(APPLE_PROXY) }, None),
        "Click" => (EventKind::Clicked, None),
        "Subscription" => subscription(detail),
        other => (EventKind::other(other), None),
    }
}

/// A permanent bounce says that the address is wrong, unless its status says that it is the sender or the content
/// (RFC 3463: class 7 is security and policy). One that SES calls transient was tried for long and given up.
fn bounce(detail: &Node<'_>, status: Option<&str>) -> (EventKind, Option<Cause>) {
    let text = |key: &str| detail.get(key).text().unwrap_or_default();
    let is_policy = status.is_some_and(|status| status.starts_with("5.7."));
    match (text("bounceType"), text("bounceSubType")) {
        // Not tried at all: the account's own list, which knows the address from before.
        ("Permanent", "Suppressed" | "OnAccountSuppressionList") => (EventKind::Dropped, Some(Cause::Bounced)),
        ("Permanent", _) if is_policy => (EventKind::Blocked, Some(Cause::Blocked)),
        ("Permanent", _) => (EventKind::Bounced, Some(Cause::Bounced)),
        ("Transient", "MessageTooLarge" | "ContentRejected" | "AttachmentRejected") => {
            (EventKind::Blocked, Some(Cause::Blocked))
        }
        ("Transient", _) => (EventKind::Dropped, Some(Cause::TimedOut)),
        _ => (EventKind::Dropped, None),
    }
}

fn complaint(detail: &Node<'_>) -> (EventKind, Option<Cause>) {
    if detail.get("complaintSubType").text() == Some("OnAccountSuppressionList") {
        return (EventKind::Dropped, Some(Cause::Spam));
    }
    match detail.get("complaintFeedbackType").text() {
        // Somebody took it out of their spam folder.
        Some("not-spam") => (EventKind::other("not-spam"), None),
        _ => (EventKind::Complained, Some(Cause::Spam)),
    }
}

fn subscription(detail: &Node<'_>) -> (EventKind, Option<Cause>) {
    if matches!(detail.get("newTopicPreferences").get("unsubscribeAll"), Node::Bool(true)) {
        (EventKind::Unsubscribed, Some(Cause::Unsubscribed))
    } else {
        (EventKind::other("Subscription"), None)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn batch(message: &serde_json::Value) -> Vec<MailEvent> {
        let batch = receive(&message.to_string()).unwrap();
        assert!(batch.faulty.is_empty());
        batch.events
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn bounced(kind: &str, sub: &str, status: &str) -> (EventKind, Option<Cause>) {
        let message = serde_json::json!({
            "eventType": "Bounce",
            "mail": { "messageId": "m", "destination": ["ana@example.com"] },
            "bounce": {
                "bounceType": kind, "bounceSubType": sub, "timestamp": "2026-11-25T10:00:00.000Z", "feedbackId": "f",
                "bouncedRecipients": [{ "emailAddress": "Ana@example.com", "status": status, "diagnosticCode": "smtp; 550 x" }],
            },
        });
        let [event] = <[MailEvent; 1]>::try_from(batch(&message)).unwrap();
        assert_eq!((event.recipient.as_deref(), event.at), (Some("ana@example.com"), Some(at("2026-11-25T10:00:00Z"))));
        (event.kind, event.cause)
    }

    #[test]
    fn only_a_permanent_bounce_of_the_address_is_one() {
        let bounce = (EventKind::Bounced, Some(Cause::Bounced));
        assert_eq!(bounced("Permanent", "General", "5.1.1"), bounce);
        assert_eq!(bounced("Permanent", "NoEmail", "5.1.1"), bounce);
        assert_eq!(bounced("Permanent", "General", "5.7.1"), (EventKind::Blocked, Some(Cause::Blocked)));
        assert_eq!(bounced("Permanent", "OnAccountSuppressionList", ""), (EventKind::Dropped, Some(Cause::Bounced)));
        assert_eq!(bounced("Transient", "MailboxFull", "5.2.2"), (EventKind::Dropped, Some(Cause::TimedOut)));
        assert_eq!(bounced("Transient", "ContentRejected", "5.6.1"), (EventKind::Blocked, Some(Cause::Blocked)));
        assert_eq!(bounced("Undetermined", "Undetermined", ""), (EventKind::Dropped, None));
    }

    #[test]
    fn each_recipient_is_an_event_and_two_deliveries_are_the_same_events() {
        let message = serde_json::json!({
            "notificationType": "Delivery",
            "mail": {
                "messageId": "0102-ses", "timestamp": "2026-11-25T09:59:00Z", "destination": ["ana@example.com", "tom@example.com"],
                "headers": [{ "name": "From", "value": "x" }, { "name": "Message-ID", "value": "<ours@example.org>" }],
                "commonHeaders": { "messageId": "<other@example.org>" },
                "tags": { "voxanne_mail": ["0199f0aa-1c11-7d52-9a3e-5d1f0c0a0009"], "ses:caller-identity": ["x"] },
            },
            "delivery": { "timestamp": "2026-11-25T10:00:00Z", "recipients": ["ana@example.com", "tom@example.com"], "smtpResponse": "250 2.6.0 OK" },
        });
        let events = batch(&message);
        assert_eq!(events.len(), 2);
        assert!(
            events
                .iter()
                .all(|event| event.kind == EventKind::Delivered && event.at == Some(at("2026-11-25T10:00:00Z")))
        );
        assert_eq!(events[0].message_id.as_deref(), Some("ours@example.org"));
        assert_eq!(events[0].mail.unwrap().to_string(), "0199f0aa-1c11-7d52-9a3e-5d1f0c0a0009");
        assert_eq!(events[0].words.as_deref(), Some("250 2.6.0 OK"));
        assert_ne!(events[0].event_id, events[1].event_id);
        let mut published = message.clone();
        published["eventType"] = published["notificationType"].take();
        let ids = |events: &[MailEvent]| events.iter().map(|event| event.event_id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&batch(&published)), ids(&events), "the same delivery told in the other form");
    }

    #[test]
    fn complaints_opens_and_unknown_kinds_are_told_apart() {
        let told = |name: &str, key: &str, detail: serde_json::Value| {
            let mut message = serde_json::json!({ "eventType": name, "mail": { "messageId": "m", "destination": ["ana@example.com"] } });
            message[key] = detail;
            batch(&message).remove(0).kind
        };
        let person = serde_json::json!({ "userAgent": "Mozilla/5.0 (Windows NT 10.0)" });
        assert_eq!(told("Open", "open", person), EventKind::Opened { by_machine: false });
        let proxy = serde_json::json!({ "userAgent": "Mozilla/5.0" });
        assert_eq!(told("Open", "open", proxy), EventKind::Opened { by_machine: true });
        let nothing = || serde_json::json!({});
        assert_eq!(told("Complaint", "complaint", nothing()), EventKind::Complained);
        let not_spam = serde_json::json!({ "complaintFeedbackType": "not-spam" });
        assert_eq!(told("Complaint", "complaint", not_spam).word(), "other");
        assert_eq!(told("Click", "click", nothing()), EventKind::Clicked);
        assert_eq!(told("Hologram", "x", nothing()), EventKind::Other("Hologram".to_owned()));
        assert_eq!(receive("{}").unwrap().faulty[0].fault, "event_type_missing");
        assert!(receive("[]").is_err() && receive("nonsense").is_err());
    }
}
