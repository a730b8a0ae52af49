//! What a connection is.

use jiff::Timestamp;
use platform::crypto::CryptoError;
use platform::ids::{ConnectionId, OrgId};
use platform::secret::Secret;
use platform::tenancy::DbError;
use providers::vapi::signature::WebhookAuth;

/// Shortest webhook secret accepted, in characters.
pub const MIN_SECRET: usize = 8;
/// Longest webhook secret accepted, in characters.
pub const MAX_SECRET: usize = 500;

/// A connection as its organization sees it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its id, part of the webhook address.
    pub id: ConnectionId,
    /// The provider, `vapi`.
    pub provider: String,
    /// The organization's own name for it.
    pub label: String,
    /// How events are verified.
    pub auth: WebhookAuth,
    /// True for the built-in simulator.
    pub simulated: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its last event came in, to within a few seconds.
    pub last_event_at: Option<Timestamp>,
    /// The type of that event.
    pub last_event_type: Option<String>,
    /// Webhook secrets that are valid now.
    pub active_secrets: i64,
    /// Whether we have its private key at the provider.
    pub has_api_key: bool,
}

/// What verifying an event needs. Never leaves the process.
#[derive(Debug, Default)]
pub struct Verifier {
    /// The organization that events of this connection belong to; none for the platform-wide connection.
    pub org: Option<OrgId>,
    /// The connection; none for the platform-wide one.
    pub id: Option<ConnectionId>,
    /// The scheme.
    pub auth: WebhookAuth,
    /// Every secret that is valid now.
    pub secrets: Vec<Secret>,
}

/// Why something about a connection did not work.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Unknown or another organization's.
    #[error("there is no such connection")]
    NotFound,
    /// The secret is unusable.
    #[error("a webhook secret needs between {MIN_SECRET} and {MAX_SECRET} printable characters without spaces")]
    BadSecret,
    /// The private key is unusable.
    #[error("a private key needs between {MIN_SECRET} and {MAX_SECRET} printable characters without spaces")]
    BadKey,
    /// The verification options make no sense.
    #[error("{0}")]
    BadScheme(#[from] providers::vapi::signature::SchemeError),
    /// Sealing or opening failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Checks a webhook secret as it was entered.
pub fn check_secret(secret: &Secret) -> Result<(), ConnectionError> {
    if is_usable(secret) { Ok(()) } else { Err(ConnectionError::BadSecret) }
}

/// Checks a private key as it was entered.
pub fn check_api_key(key: &Secret) -> Result<(), ConnectionError> {
    if is_usable(key) { Ok(()) } else { Err(ConnectionError::BadKey) }
}

fn is_usable(secret: &Secret) -> bool {
    let text = secret.expose();
    (MIN_SECRET..=MAX_SECRET).contains(&text.chars().count()) && text.chars().all(|c| c.is_ascii_graphic())
}
