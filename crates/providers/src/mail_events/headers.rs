//! Headers that make a relay send our id of a mail back with each of its events.

use uuid::Uuid;

/// The name under which a relay keeps our id of a mail. The id is random and says nothing about anybody: relays
/// store such values for ever and show them to their staff.
pub const MAIL_ID_KEY: &str = "voxanne_mail";

/// The headers to put into a mail before it goes to the relay at `host`: names and values, all ASCII. None for a
/// relay that we know no way of; its events are matched by `Message-ID`.
///
/// | relay | header | comes back as |
/// |---|---|---|
/// | SendGrid | `X-SMTPAPI` with `unique_args` | a field of the event itself |
/// | Postmark | `X-PM-Metadata-…` | `Metadata` |
/// | Mailgun | `X-Mailgun-Variables` | `event-data.user-variables` |
/// | Amazon SES | `X-SES-MESSAGE-TAGS` | `mail.tags`, in events of a configuration set |
///
/// Each relay takes its header out before it delivers.
pub fn tracking_headers(host: &str, mail: Uuid) -> Vec<(&'static str, String)> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_of = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    if is_of("sendgrid.net") || is_of("sendgrid.com") {
        vec![("X-SMTPAPI", format!(r#"{{"unique_args":{{"{MAIL_ID_KEY}":"{mail}"}}}}"#))]
    } else if is_of("postmarkapp.com") {
        vec![("X-PM-Metadata-voxanne_mail", mail.to_string())]
    } else if is_of("mailgun.org") {
        vec![("X-Mailgun-Variables", format!(r#"{{"{MAIL_ID_KEY}":"{mail}"}}"#))]
    } else if is_of("amazonaws.com") && host.starts_with("email-smtp") {
        vec![("X-SES-MESSAGE-TAGS", format!("{MAIL_ID_KEY}={mail}"))]
    } else {
        Vec::new()
    }
}
