//! Notices for programs, signed by the rules of Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
//!
//! The signature is HMAC-SHA256 over `id.timestamp.body` in base64, after `v1,`. While a key is being replaced there is one
//! for each, separated by blanks. The id stays the same at every attempt, so that a receiver can drop a repeat.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use platform::config::{Origin, WebhookKey};
use serde::Serialize;
use sha2::Sha256;

use super::model::{AlertId, Level, News, NoticeId};
use crate::signs::model::Sign;

/// The body of a notice.
#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    timestamp: Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    alert_id: AlertId,
    sign: &'static str,
    title: &'static str,
    level: &'static str,
    words: &'a str,
    advice: &'static str,
    opened_at: Timestamp,
    resolved_at: Option<Timestamp>,
    /// Which installation.
    installation: &'a str,
    /// Its page of alerts.
    url: String,
}

/// What a notice tells.
pub(super) struct Told<'a> {
    pub(super) news: News,
    pub(super) at: Timestamp,
    pub(super) alert: AlertId,
    pub(super) sign: Sign,
    pub(super) level: Level,
    pub(super) words: &'a str,
    pub(super) opened_at: Timestamp,
    pub(super) origin: &'a Origin,
}

impl Told<'_> {
    /// The address of the page of alerts.
    pub(super) fn page(&self) -> String {
        format!("{}/app/operator/alerts", self.origin)
    }

    /// The bytes that are signed and sent.
    pub(super) fn body(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Body {
            r#type: format!("alert.{}", self.news.as_str()),
            timestamp: self.at,
            data: Data {
                alert_id: self.alert,
                sign: self.sign.as_str(),
                title: self.sign.title(),
                level: self.level.as_str(),
                words: self.words,
                advice: self.sign.advice(),
                opened_at: self.opened_at,
                resolved_at: (self.news == News::Resolved).then_some(self.at),
                installation: self.origin.as_str(),
                url: self.page(),
            },
        })
    }
}

/// The value of `webhook-id`.
pub fn message_id(notice: NoticeId) -> String {
    format!("msg_{}", notice.uuid().simple())
}

/// The value of `webhook-signature`: one signature for each key.
pub fn signature(keys: &[WebhookKey], id: &str, at: Timestamp, body: &str) -> String {
    let signatures = keys.iter().filter_map(|key| {
        // HMAC takes keys of any length; a key that it refused would leave its signature out.
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).ok()?;
        mac.update(format!("{id}.{}.{body}", at.as_second()).as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn keys(text: &str) -> Vec<WebhookKey> {
        let env = BTreeMap::from([
            ("VOXANNE_ALERT_WEBHOOK_URL".to_owned(), "https://alerts.example.com".to_owned()),
            ("VOXANNE_ALERT_WEBHOOK_SECRET".to_owned(), text.to_owned()),
        ]);
        platform::config::Config::from_env(&env).unwrap().alerts.webhook.unwrap().keys
    }

    /// The example of the specification, as its reference libraries test it.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signed = signature(
            &keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            at,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_key_is_replaced_both_sign() {
        let both = keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw,whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        let signed = signature(&both, "msg_1", Timestamp::UNIX_EPOCH, "{}");
        assert_eq!(signed.split(' ').filter(|one| one.starts_with("v1,")).count(), 2);
    }
}
