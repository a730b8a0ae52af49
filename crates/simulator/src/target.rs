//! Where messages go: an organization's connection at a receiver, and the signature that it expects.

use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::practice::{Country, Kind, Practice, practices};

/// A phone number of the receiver's organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetNumber {
    /// The provider's id of the number.
    pub phone_number_id: String,
    /// The number, E.164.
    pub e164: String,
    /// The provider's id of the assistant. None: the provider asks the receiver before each incoming call.
    pub assistant_id: Option<String>,
}

/// An organization at a receiver.
#[derive(Clone)]
pub struct Target {
    /// Address of the receiver without path, such as `http://127.0.0.1:8080`.
    pub base_url: String,
    /// The organization's own connection. None: the platform's.
    pub connection_id: Option<Uuid>,
    /// The secret of the connection.
    pub secret: String,
    /// How the secret is shown.
    pub scheme: Scheme,
    /// Name of the practice: spoken by the agent, and the key to the organization in the truth.
    pub org_label: String,
    /// Which scripts fit.
    pub practice_kind: Kind,
    /// Shape of the callers' numbers.
    pub country: Country,
    /// BCP 47 tag of the practice's language.
    pub language: String,
    /// What the agent calls itself.
    pub agent_name: String,
    /// First words of the agent on an incoming call.
    pub greeting: String,
    /// At least one number.
    pub numbers: Vec<TargetNumber>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Target")
            .field("base_url", &self.base_url)
            .field("connection_id", &self.connection_id)
            .field("org_label", &self.org_label)
            .finish_non_exhaustive()
    }
}

impl Target {
    /// The practice at a receiver, with its own numbers and assistants.
    pub fn of_practice(practice: &Practice, base_url: &str, connection_id: Option<Uuid>, secret: &str) -> Self {
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            connection_id,
            secret: secret.to_owned(),
            scheme: Scheme::default(),
            org_label: practice.name.to_owned(),
            practice_kind: practice.kind,
            country: practice.country,
            language: practice.language.to_owned(),
            agent_name: practice.agent_name.to_owned(),
            greeting: practice.greeting.to_owned(),
            numbers: practice
                .numbers
                .iter()
                .map(|number| TargetNumber {
                    phone_number_id: number.phone_number_id.to_owned(),
                    e164: number.e164.to_owned(),
                    assistant_id: number.assistant_id.map(str::to_owned),
                })
                .collect(),
        }
    }

    /// Any organization, played by the invented practice of this kind.
    pub fn of_kind(kind: Kind, base_url: &str, connection_id: Option<Uuid>, secret: &str) -> Option<Self> {
        practices()
            .iter()
            .find(|practice| practice.kind == kind)
            .map(|practice| Self::of_practice(practice, base_url, connection_id, secret))
    }

    /// The address of the webhook.
    pub fn webhook_url(&self) -> String {
        let base = self.base_url.trim_end_matches('/');
        match self.connection_id {
            Some(id) => format!("{base}/api/webhooks/vapi/{id}"),
            None => format!("{base}/api/webhooks/vapi"),
        }
    }
}

/// How the provider proves who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// `X-Vapi-Secret: SECRET`.
    #[default]
    VapiSecret,
    /// `Authorization: Bearer SECRET`.
    Bearer,
    /// A signature over the body.
    Hmac(HmacPlan),
}

/// Digest of a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-1
    Sha1,
    /// SHA-256
    #[default]
    Sha256,
    /// SHA-512
    Sha512,
}

/// The options of the provider's HMAC credential, with its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HmacPlan {
    /// Digest.
    pub algorithm: Algorithm,
    /// Header with the signature.
    pub signature_header: String,
    /// Header with the time in seconds since 1970. None: the time is not sent.
    pub timestamp_header: Option<String>,
    /// What is signed: `{body}`, `{timestamp}`, `{method}`, `{url}` and `{svix-id}` are replaced.
    pub payload_format: String,
    /// Before the signature in the header.
    pub signature_prefix: String,
    /// The signature is base64, not hex.
    pub base64: bool,
    /// The secret is base64 of the key, not the key.
    pub secret_is_base64: bool,
    /// Header with the id of the message. None: no id is sent.
    pub message_id_header: Option<String>,
}

impl Default for HmacPlan {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            signature_header: "x-signature".into(),
            timestamp_header: Some("x-timestamp".into()),
            payload_format: "{timestamp}.{body}".into(),
            signature_prefix: String::new(),
            base64: false,
            secret_is_base64: false,
            message_id_header: None,
        }
    }
}

/// What is signed besides the body.
pub(crate) struct Stamp<'a> {
    pub(crate) url: &'a str,
    /// Seconds since 1970.
    pub(crate) seconds: i64,
    pub(crate) message_id: &'a str,
}

/// The headers that authenticate a body.
pub(crate) fn headers(
    scheme: &Scheme,
    secret: &str,
    body: &[u8],
    stamp: &Stamp<'_>,
) -> anyhow::Result<Vec<(String, String)>> {
    match scheme {
        Scheme::VapiSecret => Ok(vec![("x-vapi-secret".into(), secret.to_owned())]),
        Scheme::Bearer => Ok(vec![("authorization".into(), format!("Bearer {secret}"))]),
        Scheme::Hmac(plan) => signed(plan, secret, body, stamp),
    }
}

fn signed(plan: &HmacPlan, secret: &str, body: &[u8], stamp: &Stamp<'_>) -> anyhow::Result<Vec<(String, String)>> {
    let base64 = base64::engine::general_purpose::STANDARD;
    let key = if plan.secret_is_base64 { base64.decode(secret)? } else { secret.as_bytes().to_vec() };
    let seconds = stamp.seconds.to_string();
    let head = plan
        .payload_format
        .replace("{timestamp}", &seconds)
        .replace("{method}", "POST")
        .replace("{url}", stamp.url)
        .replace("{svix-id}", stamp.message_id);
    // The body goes in last and as bytes: it may itself contain braces.
    let payload = match head.split_once("{body}") {
        Some((before, after)) => [before.as_bytes(), body, after.as_bytes()].concat(),
        None => head.into_bytes(),
    };
    let mac = match plan.algorithm {
        Algorithm::Sha1 => mac::<Hmac<sha1::Sha1>>(&key, &payload)?,
        Algorithm::Sha256 => mac::<Hmac<sha2::Sha256>>(&key, &payload)?,
        Algorithm::Sha512 => mac::<Hmac<sha2::Sha512>>(&key, &payload)?,
    };
    let encoded = if plan.base64 { base64.encode(mac) } else { hex::encode(mac) };
    let mut headers = vec![(plan.signature_header.clone(), format!("{}{encoded}", plan.signature_prefix))];
    if let Some(name) = &plan.timestamp_header {
        headers.push((name.clone(), seconds));
    }
    if let Some(name) = &plan.message_id_header {
        headers.push((name.clone(), stamp.message_id.to_owned()));
    }
    Ok(headers)
}

fn mac<M: Mac + KeyInit>(key: &[u8], payload: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key)?;
    mac.update(payload);
    Ok(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp<'_> = Stamp { url: "http://127.0.0.1/x", seconds: 1_700_000_000, message_id: "msg_1" };

    #[test]
    fn the_secret_is_never_shown_by_debug() {
        let target = Target::of_kind(Kind::Dental, "http://127.0.0.1:1", None, "very-secret-word").unwrap();
        assert!(!format!("{target:?}").contains("very-secret-word"));
    }

    #[test]
    fn an_hmac_agrees_with_the_published_test_vector() {
        // RFC 4231, test case 2.
        let plan = HmacPlan { payload_format: "{body}".into(), timestamp_header: None, ..HmacPlan::default() };
        let body = b"what do ya want for nothing?";
        let headers = headers(&Scheme::Hmac(plan), "Jefe", body, &STAMP).unwrap();
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(headers, [("x-signature".to_owned(), expected.to_owned())]);
    }

    #[test]
    fn every_option_of_the_hmac_plan_is_in_the_headers() {
        let plan = HmacPlan {
            payload_format: "{svix-id}.{timestamp}.{body}".into(),
            signature_header: "webhook-signature".into(),
            timestamp_header: Some("webhook-timestamp".into()),
            message_id_header: Some("webhook-id".into()),
            signature_prefix: "v1,".into(),
            base64: true,
            secret_is_base64: true,
            algorithm: Algorithm::Sha256,
        };
        let secret = base64::engine::general_purpose::STANDARD.encode("key");
        let made = headers(&Scheme::Hmac(plan), &secret, b"{\"{timestamp}\":1}", &STAMP).unwrap();
        let by_hand = mac::<Hmac<sha2::Sha256>>(b"key", b"msg_1.1700000000.{\"{timestamp}\":1}").unwrap();
        let by_hand = format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(by_hand));
        assert_eq!(made[0], ("webhook-signature".to_owned(), by_hand));
        assert_eq!(made[1], ("webhook-timestamp".to_owned(), "1700000000".to_owned()));
        assert_eq!(made[2], ("webhook-id".to_owned(), "msg_1".to_owned()));
    }
}
