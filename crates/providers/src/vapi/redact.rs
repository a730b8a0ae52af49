//! What must never reach a disk or a log: credentials, and addresses that open something by themselves.
//!
//! Vapi's bodies carry the carrier's credentials (`phoneNumber.twilioAuthToken` and friends), server headers, SIP
//! passwords, signed download addresses, and `call.monitor.listenUrl` / `controlUrl`, with which anybody can hear or hang up
//! a live call. Three rules, applied everywhere in the tree, also in JSON that travels as text inside JSON:
//!
//! 1. the value of a key that names a secret becomes [`REDACTED`], whatever its type (null stays null). Keys are compared
//!    without case, `_` and `-`;
//! 2. an address in any text loses its query or fragment when that looks like a signature or a key;
//! 3. an address in any text loses a user name and password before its host.
//!
//! Our own tools must therefore not call an argument just `token`: `slot_token` is kept.

use std::borrow::Cow;

use super::ParseError;
use crate::json::{Node, clean, node};

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Keys that name a secret as a whole, in lower case without `_` and `-`.
const SECRET_KEYS: [&str; 22] = [
    "authenticationsession",
    "authorization",
    "callsipuri",
    "calltoken",
    "callurl",
    "connectionstring",
    "controlurl",
    "cookie",
    "credentials",
    "gcpkey",
    "headers",
    "listenurl",
    "ocpapimsubscriptionkey",
    "openaikey",
    "passphrase",
    "passwd",
    "setcookie",
    "sipheaders",
    "token",
    "webhookurl",
    "websocketcallurl",
    "xapikey",
];

/// Endings that make any key a secret: `twilioAuthToken`, `server.secret`, `authPassword`, `hmacSecret`.
const SECRET_ENDINGS: [&str; 10] = [
    "accesskey",
    "accesskeyid",
    "accesstoken",
    "apikey",
    "authtoken",
    "password",
    "privatekey",
    "refreshtoken",
    "secret",
    "secretkey",
];

/// Signs of a query that opens something: S3, Google and AWS signatures, Azure `sig`, tokens, keys.
const SIGNED_MARKS: [&str; 11] = [
    "signature",
    "x-amz-",
    "x-goog-",
    "token",
    "sig=",
    "secret",
    "password",
    "apikey",
    "api_key",
    "key-pair-id",
    "accesskeyid",
];

/// Longest key worth comparing.
const MAX_SECRET_KEY: usize = 64;
/// How deep JSON inside text inside JSON is followed.
const MAX_NESTED_TEXTS: u8 = 4;

/// The body with every secret replaced, as compact JSON that Postgres accepts as `text` and as `jsonb`.
///
/// For bodies that are not messages (kept for an operator to look at); [`super::receive`] does the same on its way.
///
/// # Errors
/// [`ParseError`] when the body is not one JSON value in UTF-8.
pub fn redact(body: &[u8]) -> Result<Vec<u8>, ParseError> {
    let text = clean::text(body)?;
    let mut retry = None;
    let mut root = node::parse(&text, &mut retry)?;
    scrub(&mut root);
    Ok(root.to_bytes()?)
}

/// Applies the rules to a tree. Returns whether anything changed.
pub(super) fn scrub(node: &mut Node<'_>) -> bool {
    scrub_within(node, MAX_NESTED_TEXTS)
}

fn scrub_within(node: &mut Node<'_>, texts_left: u8) -> bool {
    match node {
        Node::Text(text) => scrub_text(text, texts_left).is_some_and(|scrubbed| {
            *text = Cow::Owned(scrubbed);
            true
        }),
        // Not `any`: every member has to be visited.
        Node::List(items) => items.iter_mut().fold(false, |changed, item| scrub_within(item, texts_left) | changed),
        Node::Object(members) => members.iter_mut().fold(false, |changed, (key, member)| {
            let hidden = names_secret(key) && !is_nothing(member);
            if hidden {
                *member = Node::Text(Cow::Borrowed(REDACTED));
            }
            hidden | scrub_key(key) | scrub_within(member, texts_left) | changed
        }),
        Node::Null | Node::Bool(_) | Node::Int(_) | Node::Unsigned(_) | Node::Float(_) => false,
    }
}

/// What holds nothing hides nothing; and whether there is a secret is a fact that may be known.
fn is_nothing(member: &Node<'_>) -> bool {
    member.is_null() || member.text().is_some_and(|text| text.trim().is_empty())
}

/// A key may itself be an address.
fn scrub_key(key: &mut Cow<'_, str>) -> bool {
    strip_addresses(key).is_some_and(|stripped| {
        *key = Cow::Owned(stripped);
        true
    })
}

/// The scrubbed form of a text, if it differs.
fn scrub_text(text: &str, texts_left: u8) -> Option<String> {
    let nested = (texts_left > 0).then(|| scrub_nested(text, texts_left - 1)).flatten();
    match nested {
        Some(nested) => Some(strip_addresses(&nested).unwrap_or(nested)),
        None => strip_addresses(text),
    }
}

/// Scrubs a text that is itself a JSON object or list, such as the arguments of a tool call.
fn scrub_nested(text: &str, texts_left: u8) -> Option<String> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let cleaned = clean::without_unstorable(text);
    let mut retry = None;
    let mut inner = node::parse(&cleaned, &mut retry).ok()?;
    if !scrub_within(&mut inner, texts_left) {
        return None;
    }
    String::from_utf8(inner.to_bytes().ok()?).ok()
}

/// True when a key names a secret.
fn names_secret(key: &str) -> bool {
    let mut buffer = [0_u8; MAX_SECRET_KEY];
    let mut len = 0;
    for byte in key.bytes().filter(|byte| !matches!(byte, b'_' | b'-')) {
        let Some(slot) = buffer.get_mut(len) else { return false };
        *slot = byte.to_ascii_lowercase();
        len += 1;
    }
    let name = &buffer[..len];
    let is_signed_address = name.starts_with(b"presigned") && name.ends_with(b"url");
    is_signed_address
        || SECRET_KEYS.iter().any(|secret| name == secret.as_bytes())
        || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
}

/// Rules 2 and 3: addresses without signatures and without user names; `None` when there was nothing to strip.
fn strip_addresses(text: &str) -> Option<String> {
    let mut out: Option<String> = None;
    let mut copied = 0;
    let mut from = 0;
    while let Some(found) = memchr::memmem::find(&text.as_bytes()[from..], b"://") {
        let start = from + found + 3;
        let end = start + address_len(&text[start..]);
        if let Some(stripped) = stripped_address(&text[start..end]) {
            let out = out.get_or_insert_with(|| String::with_capacity(text.len()));
            out.push_str(&text[copied..start]);
            out.push_str(&stripped);
            copied = end;
        }
        from = end;
    }
    out.map(|mut out| {
        out.push_str(&text[copied..]);
        out
    })
}

/// Where an address that starts at the beginning of `rest` ends inside running text.
fn address_len(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let ends = |at: usize| match bytes[at] {
        b'"' | b'<' | b'>' | b'`' => true,
        // In JSON inside text, `\u0026` is an ampersand and `\/` a slash, while `\"` closes the address.
        b'\\' => !matches!(bytes.get(at + 1), Some(b'u' | b'/')),
        byte => byte.is_ascii_whitespace() || byte.is_ascii_control(),
    };
    (0..bytes.len()).find(|at| ends(*at)).unwrap_or(bytes.len())
}

/// An address (after its `://`) without user name and without a signed query, if it had either.
fn stripped_address(address: &str) -> Option<String> {
    let path_start = address.find(['?', '#']).unwrap_or(address.len());
    let is_signed = {
        let query = address[path_start..].to_ascii_lowercase();
        SIGNED_MARKS.iter().any(|mark| query.contains(mark))
    };
    let host_end = address.find(['/', '?', '#', '\\']).unwrap_or(address.len());
    let host_start = address[..host_end].rfind('@').map_or(0, |at| at + 1);
    let kept_end = if is_signed { path_start } else { address.len() };
    (is_signed || host_start > 0).then(|| address[host_start..kept_end].to_owned())
}
