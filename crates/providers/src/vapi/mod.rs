//! Vapi: what its server messages look like and how to answer them.
//!
//! The path of one message is [`signature::verify`] on the raw bytes, then [`receive`], which in one pass
//!
//! 1. cleans the text (byte order mark, NUL, lone surrogates, numbers no machine can hold),
//! 2. reads it into a tree,
//! 3. scrubs every credential and signed address out of that tree (see [`redact`](mod@redact)),
//! 4. extracts the [`Message`], its [`Facts`] and its [`DedupKey`] from the *scrubbed* tree and writes the tree down again
//!    as the body to keep.
//!
//! Because facts are taken from the scrubbed tree, a secret cannot reach a column, and reading the kept body again gives
//! exactly the same facts: replay is honest by construction.
//!
//! Rules: an unknown type or field is kept, never refused; a field of the wrong type counts as missing; what Vapi calls
//! `message.call.id` is an opaque text; an organization is never taken from a payload.

mod dedup;
mod ended_reason;
mod envelope;
mod facts;
mod redact;

pub mod reply;
pub mod rest;
pub mod signature;

pub use crate::json::values::normalise_number;
pub use dedup::DedupKey;
pub use ended_reason::{EndedClass, FailureCause, Outcome, classify};
pub use envelope::{CallKind, CallRef, Message, MessageKind, ParseError};
pub use facts::{
    Channel, Consent, Direction, Facts, Latency, Recording, Role, Status, ToolCall, Transfer, TransferKind, Turn,
};
pub use redact::{REDACTED, redact};

use crate::json::{Node, clean, node};

/// One message, read once: everything the ingest hands to the database.
#[derive(Debug, Clone)]
pub struct Received {
    /// Who speaks and about which call.
    pub message: Message,
    /// What the system of record keeps of it.
    pub facts: Facts,
    /// The business identity: two deliveries of the same event have the same key.
    pub dedup_key: DedupKey,
    /// For what tells of a whole call: hexadecimal SHA-256 of the facts, so that a repeat that knows more can be told from a
    /// plain repeat.
    pub facts_digest: Option<String>,
    /// The body to store: compact JSON, scrubbed, always acceptable to Postgres as `text` and as `jsonb`.
    pub redacted: Vec<u8>,
}

impl Received {
    /// Whether this tells of a whole call: a report, or the provider's record of a finished call.
    pub fn is_whole(&self) -> bool {
        self.facts_digest.is_some()
    }
}

/// Reads one verified request body.
///
/// # Errors
/// [`ParseError`] when it is not UTF-8, not JSON (trailing bytes, more than 127 levels), or not an envelope
/// `{"message": {"type": "..."}}`. Anything else is accepted.
pub fn receive(body: &[u8]) -> Result<Received, ParseError> {
    let text = clean::text(body)?;
    let mut retry = None;
    take(node::parse(&text, &mut retry)?)
}

/// Scrubs a message that has been read into a tree and takes from it what is kept.
fn take(mut root: Node<'_>) -> Result<Received, ParseError> {
    redact::scrub(&mut root);
    let envelope = envelope::read(&root)?;
    let mut facts = facts::extract(&envelope, root.get("message"));
    let is_whole = match envelope.kind {
        MessageKind::EndOfCallReport => true,
        MessageKind::CallObject => facts.status == Some(Status::Ended),
        _ => false,
    };
    let facts_digest = is_whole.then(|| dedup::facts_digest(&mut facts)).transpose()?;
    let dedup_key = dedup::key(&envelope, root.get("message"), &facts);
    Ok(Received { dedup_key, facts_digest, facts, redacted: root.to_bytes()?, message: envelope })
}
