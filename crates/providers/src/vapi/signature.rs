//! Is this request really from the provider? Shared secrets and configurable HMAC.
//!
//! Vapi has no signature of its own: what arrives is whatever the customer configured in their credential
//! (`BearerAuthenticationPlan`, `HMACAuthenticationPlan`). So a connection stores the same options, with the same defaults,
//! and this module checks a request against them.
//!
//! Rules: the raw bytes are signed, never re-written JSON; every secret is tried and every comparison is in constant time;
//! an empty secret matches nothing; a repeated or oversized header is refused rather than guessed at; a signed time must lie
//! within five minutes of ours on either side. A refusal tells the sender nothing.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use crate::webhook::single;

pub use crate::webhook::Refused;

/// How far a signed time may lie from ours, either way.
const WINDOW_MS: i64 = 300_000;
/// How many signatures of one list are looked at.
const MAX_SIGNATURES: usize = 16;
/// Longest message id.
const MAX_MESSAGE_ID: usize = 256;
/// From here on a time means milliseconds: as seconds it would be the year 5138.
const FIRST_MILLISECOND_TIME: i64 = 100_000_000_000;

/// Senders disagree about padding; the alphabet is the standard one.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How a connection's requests are verified. Stored as JSON; holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "snake_case")]
pub enum WebhookAuth {
    /// The secret itself arrives in a header.
    SharedSecret(SharedSecret),
    /// The body is signed.
    Hmac(HmacScheme),
}

impl Default for WebhookAuth {
    fn default() -> Self {
        Self::SharedSecret(SharedSecret::default())
    }
}

/// Where a shared secret is expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SharedSecret {
    /// The one header to look in. None, the default, means `X-Vapi-Secret: <secret>` or `Authorization: Bearer <secret>`.
    pub header: Option<String>,
    /// Whether the value in [`Self::header`] starts with `Bearer `. Default true, as in Vapi's `bearerPrefixEnabled`.
    pub bearer_prefix: bool,
}

impl Default for SharedSecret {
    fn default() -> Self {
        Self { header: None, bearer_prefix: true }
    }
}

/// The hash of an HMAC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// HMAC-SHA256.
    #[default]
    Sha256,
    /// HMAC-SHA512.
    Sha512,
    /// HMAC-SHA1.
    Sha1,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal, either case.
    #[default]
    Hex,
    /// Standard base64, padding optional.
    Base64,
}

/// The options of Vapi's `HMACAuthenticationPlan`, with its defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HmacScheme {
    /// The hash. Vapi has no default; ours is SHA-256.
    pub algorithm: Algorithm,
    /// Header of the signature: `x-signature`.
    pub signature_header: String,
    /// Header of the time: `x-timestamp`.
    pub timestamp_header: String,
    /// Whether the time is part of what is signed: true. Without it a captured request can be replayed for ever, and only
    /// deduplication stands against that.
    pub include_timestamp: bool,
    /// What is signed, with the tokens `{body}`, `{timestamp}`, `{method}`, `{url}` and `{svix-id}`. None means
    /// `{timestamp}.{body}`, or `{body}` without a time.
    pub payload_format: Option<String>,
    /// What stands before each signature, for example `sha256=` or `v1,`.
    pub signature_prefix: Option<String>,
    /// How the signature is written: hex.
    pub encoding: Encoding,
    /// Whether the stored secret is base64 (a `whsec_` in front is dropped): false.
    pub secret_is_base64: bool,
    /// Header of the message id. Needed for `{svix-id}`.
    pub message_id_header: Option<String>,
}

impl Default for HmacScheme {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            signature_header: "x-signature".to_owned(),
            timestamp_header: "x-timestamp".to_owned(),
            include_timestamp: true,
            payload_format: None,
            signature_prefix: None,
            encoding: Encoding::default(),
            secret_is_base64: false,
            message_id_header: None,
        }
    }
}

/// What is wrong with the options of a connection, for the person who sets it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// A header name is not one.
    #[error("a header name is empty or has characters that header names cannot have")]
    HeaderName,
    /// The format has no `{body}`.
    #[error("the payload format must contain {{body}}, or the body would not be signed")]
    BodyNotSigned,
    /// The time is to be checked but not signed.
    #[error("the payload format must contain {{timestamp}} when the time is included, or anybody could change it")]
    TimestampNotSigned,
    /// The format names a message id that has no header.
    #[error("the payload format contains {{svix-id}}, so the message id header must be named")]
    MessageIdHeader,
}

/// The request as it came in.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// `POST`.
    pub method: &'a str,
    /// The public address the provider was given, byte for byte; not what a proxy made of it.
    pub url: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The raw body.
    pub body: &'a [u8],
}

/// A request that is what it claims to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The provider's id of this message, only when it was part of what is signed: an unsigned id could be changed by
    /// whoever replays the request.
    pub message_id: Option<String>,
    /// Which of the given secrets matched, so that a rotation can be seen to be finished.
    pub secret_index: usize,
}

impl WebhookAuth {
    /// Checks the options when they are set, so that a mistake is told to whoever makes it and not to every caller.
    ///
    /// # Errors
    /// The first [`SchemeError`] found.
    pub fn check(&self) -> Result<(), SchemeError> {
        match self {
            Self::SharedSecret(scheme) => scheme.header.as_deref().map_or(Ok(()), check_header_name),
            Self::Hmac(scheme) => scheme.check(),
        }
    }
}

impl HmacScheme {
    fn format(&self) -> &str {
        let default = if self.include_timestamp { "{timestamp}.{body}" } else { "{body}" };
        self.payload_format.as_deref().unwrap_or(default)
    }

    fn check(&self) -> Result<(), SchemeError> {
        check_header_name(&self.signature_header)?;
        check_header_name(&self.timestamp_header)?;
        self.message_id_header.as_deref().map_or(Ok(()), check_header_name)?;
        let signs = |token| self.format().contains(token);
        if !signs("{body}") {
            return Err(SchemeError::BodyNotSigned);
        }
        if self.include_timestamp && !signs("{timestamp}") {
            return Err(SchemeError::TimestampNotSigned);
        }
        if signs("{svix-id}") && self.message_id_header.is_none() {
            return Err(SchemeError::MessageIdHeader);
        }
        Ok(())
    }
}

fn check_header_name(name: &str) -> Result<(), SchemeError> {
    name.parse::<http::HeaderName>().map(|_| ()).map_err(|_| SchemeError::HeaderName)
}

/// Verifies a request against all secrets of its connection.
///
/// # Errors
/// [`Refused`] for anything that is not certainly right.
pub fn verify(
    auth: &WebhookAuth,
    secrets: &[&str],
    request: &SignedRequest<'_>,
    now: Timestamp,
) -> Result<Verified, Refused> {
    auth.check().map_err(|_| Refused::Misconfigured)?;
    if secrets.iter().all(|secret| secret.trim().is_empty()) {
        return Err(Refused::NoSecret);
    }
    match auth {
        WebhookAuth::SharedSecret(scheme) => verify_shared_secret(scheme, secrets, request.headers),
        WebhookAuth::Hmac(scheme) => verify_hmac(scheme, secrets, request, now),
    }
}

// --- shared secret -----------------------------------------------------------------------------------------------------

fn verify_shared_secret(scheme: &SharedSecret, secrets: &[&str], headers: &HeaderMap) -> Result<Verified, Refused> {
    let presented = match &scheme.header {
        Some(name) => vec![credential(headers, name, scheme.bearer_prefix)?],
        None => vec![credential(headers, "x-vapi-secret", false)?, credential(headers, "authorization", true)?],
    };
    // Compared as digests: equal length whatever was sent, so not even the length of the secret can be measured.
    let presented: Vec<_> = presented.into_iter().flatten().map(Sha256::digest).collect();
    if presented.is_empty() {
        return Err(Refused::NoCredential);
    }
    let mut matched = None;
    for (index, secret) in secrets.iter().enumerate() {
        let expected = Sha256::digest(secret.trim());
        for digest in &presented {
            let equal = bool::from(digest.as_slice().ct_eq(expected.as_slice()));
            if equal && !secret.trim().is_empty() && matched.is_none() {
                matched = Some(index);
            }
        }
    }
    matched.map(|secret_index| Verified { message_id: None, secret_index }).ok_or(Refused::Mismatch)
}

/// The secret presented in one header; none when the header is absent, empty or of another scheme.
fn credential<'a>(headers: &'a HeaderMap, name: &str, bearer: bool) -> Result<Option<&'a [u8]>, Refused> {
    let Some(value) = single(headers, name)? else { return Ok(None) };
    if !bearer {
        return Ok(Some(value));
    }
    let scheme_len = "Bearer ".len();
    let is_bearer = value.len() > scheme_len && value[..scheme_len].eq_ignore_ascii_case(b"Bearer ");
    Ok(is_bearer.then(|| value[scheme_len..].trim_ascii()).filter(|secret| !secret.is_empty()))
}

// --- HMAC --------------------------------------------------------------------------------------------------------------

fn verify_hmac(
    scheme: &HmacScheme,
    secrets: &[&str],
    request: &SignedRequest<'_>,
    now: Timestamp,
) -> Result<Verified, Refused> {
    let signature = single(request.headers, &scheme.signature_header)?.ok_or(Refused::NoCredential)?;
    let timestamp = signed_time(scheme, request.headers, now)?;
    let message_id = signed_message_id(scheme, request.headers)?;
    let candidates = candidates(scheme, signature);
    if candidates.is_empty() {
        return Err(Refused::MalformedSignature);
    }
    let parts = payload(scheme.format(), request, timestamp, message_id);
    let mut matched = None;
    for (index, secret) in secrets.iter().enumerate() {
        let Some(key) = key(scheme, secret) else { continue };
        let expected = sign(scheme.algorithm, &key, &parts).ok_or(Refused::Misconfigured)?;
        for candidate in &candidates {
            let equal = bool::from(candidate.as_slice().ct_eq(&expected));
            if equal && matched.is_none() {
                matched = Some(index);
            }
        }
    }
    let message_id = message_id.map(str::to_owned);
    matched.map(|secret_index| Verified { message_id, secret_index }).ok_or(Refused::Mismatch)
}

/// The time as it was sent, checked, or an empty text when it is not part of the scheme.
fn signed_time<'a>(scheme: &HmacScheme, headers: &'a HeaderMap, now: Timestamp) -> Result<&'a str, Refused> {
    if !scheme.include_timestamp {
        return Ok("");
    }
    let raw = single(headers, &scheme.timestamp_header)?.ok_or(Refused::NoTimestamp)?;
    let digits = std::str::from_utf8(raw).map_err(|_| Refused::MalformedTimestamp)?;
    let is_plain = digits.len() <= 13 && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    if !is_plain {
        return Err(Refused::MalformedTimestamp);
    }
    let sent: i64 = digits.parse().map_err(|_| Refused::MalformedTimestamp)?;
    let distance = if sent >= FIRST_MILLISECOND_TIME {
        now.as_millisecond().abs_diff(sent)
    } else {
        // In whole seconds, or the same request would be a second younger when sent in this unit.
        now.as_second().abs_diff(sent).saturating_mul(1000)
    };
    if distance > WINDOW_MS.unsigned_abs() {
        return Err(Refused::OutsideWindow);
    }
    Ok(digits)
}

/// The message id, when it is part of what is signed.
fn signed_message_id<'a>(scheme: &HmacScheme, headers: &'a HeaderMap) -> Result<Option<&'a str>, Refused> {
    let Some(name) = scheme.message_id_header.as_deref().filter(|_| scheme.format().contains("{svix-id}")) else {
        return Ok(None);
    };
    let raw = single(headers, name)?.ok_or(Refused::MessageId)?;
    let is_plain = raw.len() <= MAX_MESSAGE_ID && raw.iter().all(u8::is_ascii_graphic);
    std::str::from_utf8(raw).ok().filter(|_| is_plain).map(Some).ok_or(Refused::MessageId)
}

/// The signatures of the header that can be read at all. A list may also hold signatures of other versions.
fn candidates(scheme: &HmacScheme, header: &[u8]) -> Vec<Vec<u8>> {
    let prefix = scheme.signature_prefix.as_deref().unwrap_or_default().trim();
    header
        .split(u8::is_ascii_whitespace)
        .filter(|entry| !entry.is_empty())
        .take(MAX_SIGNATURES)
        .filter_map(|entry| entry.strip_prefix(prefix.as_bytes()))
        .filter_map(|encoded| match scheme.encoding {
            Encoding::Hex => hex::decode(encoded).ok(),
            Encoding::Base64 => BASE64.decode(encoded).ok(),
        })
        .filter(|decoded| decoded.len() == mac_len(scheme.algorithm))
        .collect()
}

fn mac_len(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Sha256 => 32,
        Algorithm::Sha512 => 64,
        Algorithm::Sha1 => 20,
    }
}

/// The key bytes of a secret; none when it is empty or cannot be decoded.
fn key(scheme: &HmacScheme, secret: &str) -> Option<Vec<u8>> {
    let secret = secret.trim();
    let key = if scheme.secret_is_base64 {
        BASE64.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()?
    } else {
        secret.as_bytes().to_vec()
    };
    (!key.is_empty()).then_some(key)
}

/// The signed bytes in pieces, so that a body of megabytes is not copied.
fn payload<'a>(
    format: &'a str,
    request: &SignedRequest<'a>,
    timestamp: &'a str,
    message_id: Option<&'a str>,
) -> Vec<&'a [u8]> {
    let tokens: [(&str, &'a [u8]); 5] = [
        ("{body}", request.body),
        ("{timestamp}", timestamp.as_bytes()),
        ("{method}", request.method.as_bytes()),
        ("{url}", request.url.as_bytes()),
        ("{svix-id}", message_id.unwrap_or_default().as_bytes()),
    ];
    let mut parts = Vec::new();
    let mut rest = format;
    while !rest.is_empty() {
        if let Some((token, value)) = tokens.iter().find(|(token, _)| rest.starts_with(token)) {
            parts.push(*value);
            rest = &rest[token.len()..];
        } else {
            let next = rest.char_indices().skip(1).find(|(_, c)| *c == '{').map_or(rest.len(), |(at, _)| at);
            parts.push(&rest.as_bytes()[..next]);
            rest = &rest[next..];
        }
    }
    parts
}

/// The headers with which the provider would send `body`: for test events that go the provider's way.
///
/// None when the secret or the options cannot be used.
pub fn headers_for(
    auth: &WebhookAuth,
    secret: &str,
    (method, url, body): (&str, &str, &[u8]),
    message_id: &str,
    now: Timestamp,
) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    let mut put = |name: &str, value: &str| {
        headers.insert(http::HeaderName::try_from(name).ok()?, value.try_into().ok()?);
        Some(())
    };
    match auth {
        WebhookAuth::SharedSecret(scheme) => {
            let header = scheme.header.as_deref().unwrap_or("x-vapi-secret");
            let bearer = scheme.header.is_some() && scheme.bearer_prefix;
            put(header, &if bearer { format!("Bearer {secret}") } else { secret.to_owned() })?;
        }
        WebhookAuth::Hmac(scheme) => {
            let timestamp = if scheme.include_timestamp { now.as_second().to_string() } else { String::new() };
            let id = scheme.message_id_header.as_deref().filter(|_| scheme.format().contains("{svix-id}"));
            if scheme.include_timestamp {
                put(&scheme.timestamp_header, &timestamp)?;
            }
            if let Some(name) = id {
                put(name, message_id)?;
            }
            let nothing = HeaderMap::new();
            let request = SignedRequest { method, url, headers: &nothing, body };
            let parts = payload(scheme.format(), &request, &timestamp, id.map(|_| message_id));
            let mac = sign(scheme.algorithm, &key(scheme, secret)?, &parts)?;
            let encoded = match scheme.encoding {
                Encoding::Hex => hex::encode(mac),
                Encoding::Base64 => BASE64.encode(mac),
            };
            put(
                &scheme.signature_header,
                &format!("{}{encoded}", scheme.signature_prefix.as_deref().unwrap_or_default()),
            )?;
        }
    }
    Some(headers)
}

fn sign(algorithm: Algorithm, key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    match algorithm {
        Algorithm::Sha256 => mac::<Hmac<Sha256>>(key, parts),
        Algorithm::Sha512 => mac::<Hmac<Sha512>>(key, parts),
        Algorithm::Sha1 => mac::<Hmac<Sha1>>(key, parts),
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    for part in parts {
        Mac::update(&mut mac, part);
    }
    Some(mac.finalize().into_bytes().to_vec())
}
