//! Whom we ask and what can go wrong.

use std::time::Duration;

use jiff::Timestamp;
use platform::crypto::CryptoError;
use platform::ids::{ConnectionId, OrgId};
use platform::outbound::OutboundError;
use platform::secret::Secret;
use platform::tenancy::DbError;
use providers::vapi::rest::AnswerError;

/// An account at the provider that we have the private key of.
#[derive(Clone, Debug)]
pub struct Account {
    /// The organization whose connection this is; none for the platform-wide one.
    pub org: Option<OrgId>,
    /// The connection; none for the platform-wide one.
    pub connection: Option<ConnectionId>,
    /// What people call it.
    pub label: String,
    /// True for the built-in simulator.
    pub simulated: bool,
    /// When the connection was made. For the platform-wide one: a day ago.
    pub since: Timestamp,
    pub(super) key: Secret,
}

impl Account {
    /// Whether both are one account at the provider, as far as the keys tell.
    pub fn has_the_key_of(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

/// Why the provider did not answer what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It does not accept our key.
    #[error("the provider does not accept the private key of this connection")]
    Unauthorised,
    /// It does not know what was asked for.
    #[error("the provider does not know this call")]
    NotFound,
    /// It wants us to wait.
    #[error("the provider asks us to come back later")]
    Throttled {
        /// How long it asks us to wait, if it says so.
        after: Option<Duration>,
    },
    /// It failed.
    #[error("the provider answered with status {0}")]
    Status(u16),
    /// The simulated provider of this connection does not run.
    #[error("the simulated provider of this connection is not running")]
    NotRunning,
    /// The id is none.
    #[error("this is not an id of a call")]
    BadId,
    /// Its answer makes no sense.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// It could not be asked.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}

impl ProviderError {
    /// Whether the provider, our key or the way there is at fault. That a call is not known is an answer, and a request to wait is
    /// obeyed.
    pub fn is_a_failure(&self) -> bool {
        !matches!(self, Self::NotFound | Self::Throttled { .. } | Self::BadId | Self::NotRunning)
    }

    /// One word for metrics and stored reasons.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Unauthorised => "unauthorised",
            Self::NotFound => "not_found",
            Self::Throttled { .. } => "throttled",
            Self::Status(_) => "status",
            Self::NotRunning => "not_running",
            Self::BadId => "bad_id",
            Self::Answer(_) => "garbage",
            Self::Outbound(error) => error.class(),
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Answer(_) => true,
            Self::Status(status) => *status >= 500 || *status == 408,
            Self::Outbound(error) => error.may_pass(),
            Self::Unauthorised | Self::NotFound | Self::NotRunning | Self::BadId => false,
        }
    }
}

/// Why an account could not be found.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Its key could not be opened.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}
