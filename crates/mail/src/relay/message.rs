//! A mail as it goes over the wire: MIME, by `lettre`.

use jiff::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox as LettreMailbox, Message, MultiPart, SinglePart};
use platform::email::NamedAddress;

use crate::draft::{Mailbox, Priority};
use crate::outbox::model::Words;

/// The message could not be written. Says nothing of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// An address that the library does not take, although we did.
    #[error("an address cannot be written into a message")]
    Address(#[from] lettre::address::AddressError),
    /// A header or part.
    #[error("the message could not be put together")]
    Message(#[from] lettre::error::Error),
    /// A content type.
    #[error("a content type could not be written")]
    ContentType(#[from] lettre::message::header::ContentTypeErr),
}

/// What a message is made of.
pub struct Parts<'a> {
    /// The sender.
    pub from: &'a NamedAddress,
    /// The recipient.
    pub to: &'a Mailbox,
    /// Copies, as they were asked for.
    pub cc: &'a [Mailbox],
    /// Where answers go.
    pub reply_to: Option<&'a Mailbox>,
    /// One line.
    pub subject: &'a str,
    /// Without the angle brackets.
    pub message_id: &'a str,
    /// When it was written.
    pub date: Timestamp,
    /// Bulk mails say how to get no more of them.
    pub priority: Priority,
    /// Text, HTML, calendar.
    pub words: &'a Words,
    /// Headers that make the relay's provider name our mail in what it tells afterwards.
    pub tracking: Vec<(&'static str, String)>,
}

/// Writes the message. Everything in it is ASCII.
pub fn write(parts: &Parts<'_>) -> Result<Vec<u8>, MessageError> {
    let mut message = Message::builder()
        .from(mailbox(&parts.from.name, &parts.from.address)?)
        .to(mailbox(&parts.to.name, &parts.to.address)?)
        .subject(parts.subject)
        .message_id(Some(format!("<{}>", parts.message_id)))
        .date(parts.date.into())
        // So that absence notes are not sent to us (RFC 3834).
        .raw_header(header("Auto-Submitted", "auto-generated"));
    for copy in parts.cc {
        message = message.cc(mailbox(&copy.name, &copy.address)?);
    }
    if let Some(reply_to) = parts.reply_to {
        message = message.reply_to(mailbox(&reply_to.name, &reply_to.address)?);
    }
    if parts.priority == Priority::Bulk {
        let unsubscribe = format!("<mailto:{}?subject=unsubscribe>", parts.from.address);
        message = message.raw_header(header("List-Unsubscribe", &unsubscribe));
    }
    for (name, value) in &parts.tracking {
        message = message.raw_header(header(name, value));
    }
    Ok(message.multipart(body(parts.words)?)?.formatted())
}

/// Text first, then richer: a program shows the last form it knows (RFC 2046, section 5.1.4). The calendar is there twice: as a
/// form of the mail for programs that act on it, and as a file for those that do not.
fn body(words: &Words) -> Result<MultiPart, MessageError> {
    let forms = MultiPart::alternative()
        .singlepart(SinglePart::plain(words.text.clone()))
        .singlepart(SinglePart::html(words.html.clone()));
    let Some(calendar) = &words.calendar else {
        return Ok(forms);
    };
    let method = if calendar.method == "CANCEL" { "CANCEL" } else { "REQUEST" };
    let acted_on = ContentType::parse(&format!("text/calendar; charset=utf-8; method={method}"))?;
    let forms = forms.singlepart(SinglePart::builder().content_type(acted_on).body(calendar.body.clone()));
    let name = if method == "CANCEL" { "cancelled.ics" } else { "appointment.ics" };
    let file = Attachment::new(name.to_owned()).body(calendar.body.clone(), ContentType::parse("application/ics")?);
    Ok(MultiPart::mixed().multipart(forms).singlepart(file))
}

fn mailbox(name: &str, address: &str) -> Result<LettreMailbox, MessageError> {
    let name = name.trim();
    Ok(LettreMailbox::new((!name.is_empty()).then(|| name.to_owned()), address.parse()?))
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

#[cfg(test)]
mod tests {
    use providers::mail_events::tracking_headers;
    use uuid::Uuid;

    use super::*;

    /// The value of a header as its reader has it: unfolded.
    fn value_of(message: &str, name: &str) -> Option<String> {
        let head = message.split("\r\n\r\n").next()?.replace("\r\n ", " ");
        head.split("\r\n").find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned))
    }

    #[test]
    fn a_mail_for_a_named_relay_carries_our_id_where_that_relay_looks_for_it() {
        let id = Uuid::from_u128(0x0199_f0aa_1c11_7d52_9a3e_5d1f_0c0a_0009);
        let written = |host: &str| {
            let from = NamedAddress { name: "Harbour Dental".to_owned(), address: "hello@example.org".to_owned() };
            let words = Words { text: "Hello.".to_owned(), html: "<p>Hello.</p>".to_owned(), calendar: None };
            let message = write(&Parts {
                from: &from,
                to: &Mailbox { name: String::new(), address: "ana@example.com".to_owned() },
                cc: &[],
                reply_to: None,
                subject: "An appointment",
                message_id: "m@example.org",
                date: Timestamp::UNIX_EPOCH,
                priority: Priority::Prospect,
                words: &words,
                tracking: tracking_headers(host, id),
            });
            String::from_utf8(message.unwrap()).unwrap()
        };
        let sendgrid = value_of(&written("smtp.sendgrid.net"), "X-SMTPAPI").unwrap();
        let read: serde_json::Value = serde_json::from_str(&sendgrid).unwrap();
        assert_eq!(read["unique_args"]["voxanne_mail"], id.to_string(), "{sendgrid}");
        let postmark = value_of(&written("smtp.postmarkapp.com"), "X-PM-Metadata-voxanne_mail");
        assert_eq!(postmark, Some(id.to_string()));
        let other = written("relay.example.com");
        assert!(!other.contains(&id.to_string()) && !other.contains("X-SMTPAPI"), "{other}");
    }
}
