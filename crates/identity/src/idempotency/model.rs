//! What a key stands for and which answers are kept.

use axum::http::{HeaderMap, StatusCode, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use platform::audit::Actor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::access::Caller;

/// How long an answer is kept.
pub const KEEPS_FOR: SignedDuration = SignedDuration::from_hours(24);
/// After this long a request that never ended is taken for lost with its server.
pub const GIVES_UP_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// Longest key, in characters.
const LONGEST_KEY: usize = 300;

/// What to do with a request that carries a key.
#[derive(Debug)]
pub(super) enum Claim {
    /// Answer it.
    First,
    /// Answer what was answered before.
    Repeat(Sealed),
    /// Another request with the key is being answered.
    InProgress,
    /// The key was used for something else.
    OtherRequest,
}

/// A stored answer that has not been opened.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

/// What is kept of an answer.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredAnswer {
    pub(super) headers: Vec<(String, String)>,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub(super) body: Vec<u8>,
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}

/// The headers that belong to an answer: its kind, where it leads, the policy of a page. Not its length, which is counted
/// anew, and no cookies: whoever has the key has one.
pub(super) fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let dropped = [header::CONTENT_LENGTH, header::SET_COOKIE];
    let kept = headers.iter().filter(|(name, _)| !dropped.contains(name));
    kept.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}

/// What is wrong with a key, if anything.
pub(super) fn key_fault(key: &str) -> Option<&'static str> {
    if key.is_empty() || !key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Some("must be printable ASCII and not empty");
    }
    (key.len() > LONGEST_KEY).then_some("must have at most 300 characters")
}

/// The row that stands for a key: caller, route and key together. The caller is in it, so that a member cannot ask for
/// the answer to somebody else's request.
pub(super) fn row_key(caller: &Caller, path: &str, key: &str) -> String {
    let actor = match caller.actor {
        Actor::Member(id) | Actor::Operator(id) => format!("user/{id}"),
        Actor::ApiKey(id) => format!("api_key/{id}"),
        Actor::System => "system".to_owned(),
    };
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{actor}\n{path}\n{key}")))
}

/// The row that stands for a form's key. Its content is in it: the key is the page's, and somebody who goes back and
/// corrects a word wants another thing.
pub(super) fn form_row_key(caller: &Caller, uri: &Uri, key: &str, body: &[u8]) -> String {
    let content = URL_SAFE_NO_PAD.encode(request_hash(uri, body));
    row_key(caller, uri.path(), &format!("{key}\n{content}"))
}

/// What makes two requests the same.
pub(super) fn request_hash(uri: &Uri, body: &[u8]) -> Vec<u8> {
    Sha256::new()
        .chain_update(uri.query().unwrap_or_default())
        .chain_update(b"\n")
        .chain_update(body)
        .finalize()
        .to_vec()
}

/// Whether the next request with the key should get this answer too, as a form's answer that leads to another page. Not
/// for server faults, and not for "later": these ask for another try.
pub(super) fn wanted_status(status: StatusCode) -> bool {
    let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    let answers = status.is_success() || status.is_client_error() || status == StatusCode::SEE_OTHER;
    answers && !later.contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_and_printable() {
        assert_eq!(key_fault("0193-a b/c"), None);
        assert_eq!(key_fault(&"k".repeat(300)), None);
        for bad in ["", "a\tb", "a\u{7f}", "\u{e9}", &"k".repeat(301)] {
            assert!(key_fault(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn requests_differ_by_query_and_body() {
        let hash = |uri: &str, body: &[u8]| request_hash(&uri.parse().unwrap(), body);
        assert_eq!(hash("/x?a=1", b"{}"), hash("/x?a=1", b"{}"));
        assert_ne!(hash("/x?a=1", b"{}"), hash("/x?a=2", b"{}"));
        assert_ne!(hash("/x", b"{}"), hash("/x", b"{ }"));
        assert_ne!(hash("/x?a", b""), hash("/x", b"a"));
    }

    #[test]
    fn faults_and_laters_are_not_kept() {
        for kept in [200, 201, 204, 303, 400, 403, 404, 409, 422] {
            assert!(wanted_status(StatusCode::from_u16(kept).unwrap()), "{kept}");
        }
        for other in [101, 302, 408, 425, 429, 500, 503] {
            assert!(!wanted_status(StatusCode::from_u16(other).unwrap()), "{other}");
        }
    }
}
