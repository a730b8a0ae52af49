//! The settings of mail: the relay, the sender, who is told, how much may go out.

use std::net::IpAddr;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use percent_encoding::percent_decode_str;
use url::Url;

use super::reader::{Reader, Recorded};
use super::{values, variables};
use crate::email::NamedAddress;
use crate::secret::Secret;

/// Sending mail.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// Who sends; `None`: mails are kept and none is sent.
    pub relay: Option<RelayConfig>,
    /// The sender of every mail. There whenever a relay is.
    pub from: Option<NamedAddress>,
    /// Who is told of bookings.
    pub sales_to: Vec<NamedAddress>,
    /// Who gets a copy of that.
    pub sales_cc: Vec<NamedAddress>,
    /// Recipients that the relay is given in any 24 hours and any UTC day, at most.
    pub daily_limit: u32,
    /// How long a mail is kept after it came to its end; `None`: for ever.
    pub keep_for: Option<SignedDuration>,
    /// How the relay's provider proves that it tells what became of a mail.
    pub events: MailEventsConfig,
}

/// What verifies the events of each provider, newest first. Empty: its webhook answers 401.
#[derive(Debug, Clone, Default)]
pub struct MailEventsConfig {
    /// Public keys of SendGrid's signed event webhook, base64.
    pub sendgrid_keys: Vec<String>,
    /// Passwords in the address that was entered at Postmark.
    pub postmark_secrets: Vec<Secret>,
    /// Webhook signing keys of Mailgun.
    pub mailgun_keys: Vec<Secret>,
    /// Topics of Amazon SNS that tell of mails sent through SES: their ARNs.
    pub ses_topics: Vec<String>,
}

/// How to reach the relay.
#[derive(Debug, Clone)]
pub struct RelayConfig {
    /// Its name or address, lower case, an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether and how the connection is encrypted.
    pub tls: RelayTls,
    /// User name and password.
    pub credentials: Option<(String, Secret)>,
    /// PEM file of further certificate authorities.
    pub ca_file: Option<PathBuf>,
}

impl RelayConfig {
    /// Whether it runs on this machine, where nobody listens in between.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// Whether and how the connection to the relay is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayTls {
    /// From the first byte (`smtps://`).
    Implicit,
    /// By STARTTLS, and nothing is sent without.
    Required,
    /// By STARTTLS where the relay offers it. Credentials do not leave this machine without.
    Opportunistic,
    /// Not at all.
    None,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<MailConfig, Recorded> {
    let relay = relay(reader);
    let from = reader.optional(&variables::MAIL_FROM, named_address);
    let sales_to = reader.list(&variables::MAIL_SALES_TO, named_address);
    let sales_cc = reader.list(&variables::MAIL_SALES_CC, named_address);
    let daily_limit = reader.value(&variables::MAIL_DAILY_LIMIT, |text| values::number_in(text, 1..=1_000_000));
    let keep_for = reader.optional(&variables::MAIL_KEEP_DAYS, values::days);
    let events = events(reader);
    let (relay, from) = (relay?, from?);
    if relay.is_some() && from.is_none() {
        return Err(reader.problem(&variables::MAIL_FROM, "must be set, as VOXANNE_SMTP_URL is"));
    }
    Ok(MailConfig {
        relay,
        from,
        sales_to: sales_to?,
        sales_cc: sales_cc?,
        daily_limit: daily_limit?,
        keep_for: keep_for?,
        events: events?,
    })
}

fn events(reader: &mut Reader<'_>) -> Result<MailEventsConfig, Recorded> {
    let sendgrid = reader.list(&variables::MAIL_SENDGRID_WEBHOOK_KEY, verification_key);
    let postmark = super::secrets(reader, &variables::MAIL_POSTMARK_WEBHOOK_SECRET);
    let mailgun = super::secrets(reader, &variables::MAIL_MAILGUN_WEBHOOK_KEY);
    let ses = reader.list(&variables::MAIL_SES_TOPICS, topic);
    Ok(MailEventsConfig {
        sendgrid_keys: sendgrid?,
        postmark_secrets: postmark?,
        mailgun_keys: mailgun?,
        ses_topics: ses?,
    })
}

/// The ARN of a topic: `arn:aws:sns:REGION:ACCOUNT:NAME`. Its parts are looked at by who uses it.
fn topic(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split(':').collect();
    match parts[..] {
        ["arn", _, "sns", region, account, name] if ![region, account, name].contains(&"") => Ok(text.to_owned()),
        _ => Err("is not the ARN of an SNS topic".to_owned()),
    }
}

/// A public key on the curve P-256, as SendGrid's console shows it: 91 bytes of DER.
fn verification_key(text: &str) -> Result<String, String> {
    let is_key = STANDARD.decode(text).is_ok_and(|der| der.len() == 91);
    if is_key {
        Ok(text.to_owned())
    } else {
        Err("is not the base64 of a P-256 public key, without BEGIN and END lines".to_owned())
    }
}

fn relay(reader: &mut Reader<'_>) -> Result<Option<RelayConfig>, Recorded> {
    let ca_file = reader.optional(&variables::SMTP_CA_FILE, values::path);
    let url = reader.secret(&variables::SMTP_URL)?;
    let ca_file = ca_file?;
    let Some(url) = url else {
        return Ok(None);
    };
    relay_of_url(url.expose(), ca_file).map(Some).map_err(|what| reader.problem(&variables::SMTP_URL, what))
}

/// Does not quote the address, which holds a password.
fn relay_of_url(text: &str, ca_file: Option<PathBuf>) -> Result<RelayConfig, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL; special letters in user and password are written as %40")?;
    let implicit = match url.scheme() {
        "smtps" => true,
        "smtp" => false,
        _ => return Err("must begin with smtp:// or smtps://"),
    };
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err("must end after the port or the parameter tls; a # or / in the password is written as %23 or %2F");
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    if host.is_empty() || !host.is_ascii() || host.contains('%') {
        return Err("must name the relay's host, in ASCII");
    }
    let mut relay = RelayConfig {
        host,
        port: url.port().unwrap_or(if implicit { 465 } else { 587 }),
        tls: RelayTls::Implicit,
        credentials: credentials(&url)?,
        ca_file,
    };
    relay.tls = tls(&url, implicit, relay.is_loopback())?;
    if relay.tls == RelayTls::None && relay.credentials.is_some() && !relay.is_loopback() {
        return Err("would send the password in clear over the network; use smtps:// or ?tls=required");
    }
    Ok(relay)
}

fn tls(url: &Url, implicit: bool, is_loopback: bool) -> Result<RelayTls, &'static str> {
    let mut chosen = None;
    for (name, value) in url.query_pairs() {
        match (&*name, &*value, implicit) {
            ("tls", "required", true) => chosen = Some(RelayTls::Implicit),
            ("tls", _, true) => return Err("is encrypted from the start with smtps://; leave out the parameter tls"),
            ("tls", "required", false) => chosen = Some(RelayTls::Required),
            ("tls", "opportunistic", false) => chosen = Some(RelayTls::Opportunistic),
            ("tls", "none", false) => chosen = Some(RelayTls::None),
            ("tls", ..) => return Err("has a parameter tls that is not required, opportunistic or none"),
            _ => return Err("has a parameter that is not tls"),
        }
    }
    Ok(chosen.unwrap_or(match (implicit, is_loopback) {
        (true, _) => RelayTls::Implicit,
        (false, true) => RelayTls::None,
        (false, false) => RelayTls::Required,
    }))
}

fn credentials(url: &Url) -> Result<Option<(String, Secret)>, &'static str> {
    let decode = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8().map_err(|_| "has user or password that is not UTF-8")?;
        if decoded.chars().any(char::is_control) {
            return Err("has a control character in user or password");
        }
        Ok(decoded.into_owned())
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) => Err("has a password and no user"),
        (_, None) => Err("has a user and no password"),
        (user, Some(password)) => Ok(Some((decode(user)?, Secret::new(decode(password)?)))),
    }
}

/// Does not quote the text: an address is personal data.
pub(super) fn named_address(text: &str) -> Result<NamedAddress, String> {
    text.parse().map_err(|_| "has something that is not an e-mail address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<RelayConfig, &'static str> {
        relay_of_url(url, None)
    }

    #[test]
    fn every_form_of_the_contract_is_read() {
        let relay = parsed("smtps://user:pass@mail.example.com:465").unwrap();
        assert_eq!((relay.host.as_str(), relay.port, relay.tls), ("mail.example.com", 465, RelayTls::Implicit));
        let relay = parsed("smtp://user:pass@mail.example.com:587?tls=required").unwrap();
        assert_eq!((relay.port, relay.tls), (587, RelayTls::Required));
        let relay = parsed("smtp://127.0.0.1:1025").unwrap();
        assert_eq!((relay.port, relay.tls, relay.credentials.is_none()), (1025, RelayTls::None, true));
        assert_eq!(parsed("smtp://mail.example.com").unwrap().tls, RelayTls::Required);
        assert_eq!(parsed("smtp://[::1]:25").unwrap().tls, RelayTls::None);
        assert_eq!(parsed("smtp://mail.example.com:25?tls=none").unwrap().tls, RelayTls::None);
    }

    #[test]
    fn credentials_are_percent_decoded() {
        let (user, password) =
            parsed("smtps://ana%40example.com:p%3Aa%2Fs%40s%25@mail.example.com").unwrap().credentials.unwrap();
        assert_eq!((user.as_str(), password.expose()), ("ana@example.com", "p:a/s@s%"));
    }

    #[test]
    fn a_password_is_not_sent_in_clear_over_the_network() {
        assert!(parsed("smtp://u:p@mail.example.com:25?tls=none").unwrap_err().contains("in clear"));
        assert!(parsed("smtp://u:p@127.0.0.1:1025").is_ok());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for wrong in [
            "mail.example.com:25",
            "http://mail.example.com",
            "smtp://",
            "smtp://u@mail.example.com",
            "smtp://:p@mail.example.com",
            "smtps://mail.example.com?tls=none",
            "smtp://mail.example.com?tls=maybe",
            "smtp://mail.example.com?starttls=1",
            "smtp://mail.example.com/x",
            "smtp://u:p%0d%0aQUIT@127.0.0.1",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
