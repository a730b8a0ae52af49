//! Amazon SNS over HTTPS: the envelope, its signature, and the question whether we want its messages.
//!
//! Source: Amazon's "Verifying the signatures of Amazon SNS messages" and "Parsing Amazon SNS message formats". A signature
//! says only that SNS sent it: anybody with an account can have SNS send anything to anywhere. So a message counts only
//! when it comes from a topic that was configured, and its certificate only when it lies with SNS in that topic's region.
//! That certificate is believed because of the TLS it came through, as in Amazon's own libraries.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use webpki::EndEntityCert;

use crate::webhook::Refused;

/// An `AlgorithmIdentifier` of an RSA key (RFC 3279, 2.3.1), content only.
const RSA_ENCRYPTION: [u8; 13] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// Longest token of a subscription that is believed; Amazon's have 264 characters.
const MAX_TOKEN: usize = 1024;
/// Longest address of a certificate.
const MAX_URL: usize = 512;

/// A topic that may tell us of mails: `arn:aws:sns:eu-west-1:123456789012:voxanne-mail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    arn: String,
    host: String,
}

/// The text is not the name of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the ARN of an SNS topic, like arn:aws:sns:eu-west-1:123456789012:voxanne-mail")]
pub struct NotATopic;

impl FromStr for Topic {
    type Err = NotATopic;

    fn from_str(text: &str) -> Result<Self, NotATopic> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "sns", region, account, name] = parts[..] else { return Err(NotATopic) };
        let suffix = match partition {
            "aws" | "aws-us-gov" => "amazonaws.com",
            "aws-cn" => "amazonaws.com.cn",
            _ => return Err(NotATopic),
        };
        let is_word = |text: &str, more: &str| {
            !text.is_empty()
                && text.len() <= 256
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.as_bytes().contains(&byte))
        };
        let is_region = is_word(region, "-") && region.bytes().all(|byte| !byte.is_ascii_uppercase());
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        if !(is_region && is_account && is_word(name, "-_.")) {
            return Err(NotATopic);
        }
        Ok(Self { arn: text.to_owned(), host: format!("sns.{region}.{suffix}") })
    }
}

impl Topic {
    /// Its full name.
    pub fn arn(&self) -> &str {
        &self.arn
    }
}

/// What an envelope is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

/// The JSON as SNS writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fields {
    #[serde(rename = "Type")]
    kind: String,
    message_id: String,
    topic_arn: String,
    message: String,
    timestamp: String,
    subject: Option<String>,
    token: Option<String>,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<String>,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL", alias = "SigningCertUrl")]
    signing_cert_url: String,
}

/// A message of a configured topic whose signature is still to be checked.
pub struct Envelope {
    fields: Fields,
    kind: Kind,
    host: String,
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope").field("kind", &self.kind).field("host", &self.host).finish_non_exhaustive()
    }
}

/// A message that SNS signed.
#[derive(Debug)]
pub enum Verified {
    /// What a publisher said: for us, an event of SES.
    Notification {
        /// Its text.
        message: String,
        /// Names it; a repeated delivery has the same.
        id: String,
    },
    /// The topic asks whether we want its messages: fetching the address says yes.
    Confirm {
        /// At SNS in the topic's region, put together from the topic's name and the token.
        url: String,
    },
    /// We get no more of its messages.
    Unsubscribed,
}

impl Envelope {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Refused`] for what is no envelope, is of no topic among `topics`, or names a certificate elsewhere than at SNS.
    pub fn read(topics: &[Topic], body: &[u8]) -> Result<Self, Refused> {
        if topics.is_empty() {
            return Err(Refused::NoSecret);
        }
        let fields: Fields = serde_json::from_slice(body).map_err(|_| Refused::NoCredential)?;
        let topic = topics.iter().find(|topic| topic.arn == fields.topic_arn).ok_or(Refused::Mismatch)?;
        let kind = match fields.kind.as_str() {
            "Notification" => Kind::Notification,
            "SubscriptionConfirmation" => Kind::SubscriptionConfirmation,
            "UnsubscribeConfirmation" => Kind::UnsubscribeConfirmation,
            _ => return Err(Refused::NoCredential),
        };
        if !is_certificate_of(&fields.signing_cert_url, &topic.host) {
            return Err(Refused::Mismatch);
        }
        Ok(Self { kind, host: topic.host.clone(), fields })
    }

    /// Where the certificate lies: `https`, at SNS in the topic's region, without a port, a user or a query.
    pub fn certificate_url(&self) -> &str {
        &self.fields.signing_cert_url
    }

    /// Checks the signature with the certificate of [`Envelope::certificate_url`], in PEM.
    ///
    /// # Errors
    /// [`Refused`] for anything that is not certainly right.
    pub fn verify(self, certificate: &[u8]) -> Result<Verified, Refused> {
        let key = rsa_key(certificate).ok_or(Refused::Misconfigured)?;
        let algorithm = match self.fields.signature_version.as_str() {
            "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            "2" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(Refused::MalformedSignature),
        };
        let signature = STANDARD.decode(&self.fields.signature).map_err(|_| Refused::MalformedSignature)?;
        let signed = self.signed();
        UnparsedPublicKey::new(algorithm, key).verify(signed.as_bytes(), &signature).map_err(|_| Refused::Mismatch)?;
        self.open()
    }

    /// What is signed: names and values in the alphabetical order that the documentation fixes.
    fn signed(&self) -> String {
        let fields = &self.fields;
        let mut lines = vec![("Message", Some(&fields.message)), ("MessageId", Some(&fields.message_id))];
        if self.kind == Kind::Notification {
            lines.push(("Subject", fields.subject.as_ref()));
        } else {
            lines.push(("SubscribeURL", fields.subscribe_url.as_ref()));
        }
        lines.push(("Timestamp", Some(&fields.timestamp)));
        if self.kind != Kind::Notification {
            lines.push(("Token", fields.token.as_ref()));
        }
        lines.extend([("TopicArn", Some(&fields.topic_arn)), ("Type", Some(&fields.kind))]);
        lines.into_iter().filter_map(|(name, value)| Some(format!("{name}\n{}\n", value?))).collect()
    }

    fn open(self) -> Result<Verified, Refused> {
        Ok(match self.kind {
            Kind::Notification => Verified::Notification { message: self.fields.message, id: self.fields.message_id },
            Kind::UnsubscribeConfirmation => Verified::Unsubscribed,
            Kind::SubscriptionConfirmation => {
                let token = self.fields.token.filter(|token| is_token(token)).ok_or(Refused::NoCredential)?;
                // Names of topics have no character that an address would have to escape, but for the colons.
                let topic = self.fields.topic_arn.replace(':', "%3A");
                let query = format!("Action=ConfirmSubscription&TopicArn={topic}&Token={token}");
                Verified::Confirm { url: format!("https://{}/?{query}", self.host) }
            }
        })
    }
}

fn is_token(token: &str) -> bool {
    !token.is_empty() && token.len() <= MAX_TOKEN && token.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether the address is one of a certificate at this host, and of nothing else.
fn is_certificate_of(url: &str, host: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://").and_then(|rest| rest.strip_prefix(host)) else { return false };
    let Some(name) = rest.strip_prefix('/').and_then(|rest| rest.strip_suffix(".pem")) else { return false };
    url.len() <= MAX_URL
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// The public key of a certificate in PEM, as `RSAPublicKey` (RFC 8017, A.1.1).
fn rsa_key(pem: &[u8]) -> Option<Vec<u8>> {
    let certificate = CertificateDer::from_pem_slice(pem).ok()?;
    let certificate = EndEntityCert::try_from(&certificate).ok()?;
    let info = certificate.subject_public_key_info();
    let (info, _) = element(0x30, &info)?;
    let (algorithm, rest) = element(0x30, info)?;
    let (bits, _) = element(0x03, rest)?;
    let (unused, key) = bits.split_first()?;
    (algorithm == RSA_ENCRYPTION && *unused == 0).then(|| key.to_vec())
}

/// The content of a DER element with this tag, and what follows it.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
        0x82 => rest
            .split_at_checked(2)
            .map(|(length, rest)| (usize::from(length[0]) << 8 | usize::from(length[1]), rest))?,
        _ => return None,
    };
    (*found == tag).then(|| rest.split_at_checked(length))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_topics_are_topics() {
        for good in
            ["arn:aws:sns:eu-west-1:123456789012:voxanne-mail", "arn:aws-cn:sns:cn-north-1:123456789012:a_b.fifo"]
        {
            assert_eq!(good.parse::<Topic>().unwrap().arn(), good);
        }
        let cn: Topic = "arn:aws-cn:sns:cn-north-1:123456789012:x".parse().unwrap();
        assert_eq!(cn.host, "sns.cn-north-1.amazonaws.com.cn");
        for bad in [
            "",
            "voxanne-mail",
            "arn:aws:sqs:eu-west-1:123456789012:x",
            "arn:aws:sns:eu-west-1:12345:x",
            "arn:aws:sns:evil.example/:123456789012:x",
            "arn:aws:sns:eu-west-1:123456789012:x:subscription",
            "arn:aws:sns:eu-west-1:123456789012:a b",
            "arn:evil:sns:eu-west-1:123456789012:x",
        ] {
            assert_eq!(bad.parse::<Topic>(), Err(NotATopic), "{bad}");
        }
    }

    #[test]
    fn a_certificate_lies_with_sns_in_the_topics_region_and_nowhere_else() {
        let host = "sns.eu-west-1.amazonaws.com";
        assert!(is_certificate_of("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a1b.pem", host));
        for bad in [
            "http://sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.us-east-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
            "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
            "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
            "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com/a.pem?x=1",
            "https://sns.eu-west-1.amazonaws.com/../a.pem",
            "https://sns.eu-west-1.amazonaws.com/?Action=x&y=.pem",
            "https://sns.eu-west-1.amazonaws.com/.pem",
            "https://sns.eu-west-1.amazonaws.com",
            "",
        ] {
            assert!(!is_certificate_of(bad, host), "{bad}");
        }
    }

    #[test]
    fn cut_or_foreign_der_is_none() {
        assert_eq!(element(0x30, &[0x30, 2, 1, 2, 9]), Some((&[1, 2][..], &[9][..])));
        assert_eq!(element(0x30, &[0x30, 0x81, 1, 7]), Some((&[7][..], &[][..])));
        for bad in [&[][..], &[0x30], &[0x30, 3, 1], &[0x31, 1, 0], &[0x30, 0x83, 0, 0, 1, 0], &[0x30, 0x82, 1]] {
            assert_eq!(element(0x30, bad), None, "{bad:?}");
        }
        assert_eq!(rsa_key(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), None);
        assert_eq!(rsa_key(b"no certificate"), None);
    }
}
