//! Why a request could not be made or answered. No error holds a path, a query, a header or a body.

use std::error::Error;
use std::fmt;

use super::guard::{NotPublic, Unresolved};
use crate::http::problem::Chain;

/// What was being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The connection and the head of the answer.
    Answer,
    /// The rest of the body.
    Body,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer => "answer",
            Self::Body => "rest of the answer",
        })
    }
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// TLS could not be set up in this process.
    #[error("requests cannot be sent: TLS could not be set up")]
    Setup,
    /// The address is none that is ever asked.
    #[error("the address {what}")]
    Address {
        /// The rest of the sentence.
        what: String,
    },
    /// The address may lead into our own network.
    #[error("{host} is not asked: {what} (VOXANNE_OUTBOUND_ALLOW makes exceptions)")]
    Refused {
        /// Whose address.
        host: String,
        /// Why.
        what: &'static str,
    },
    /// The name has no address, or the name service did not answer.
    #[error("{host} has no address: {why}")]
    Unresolved {
        /// Whose address.
        host: String,
        /// What the system said.
        why: String,
    },
    /// No connection.
    #[error("{host} could not be reached: {why}")]
    Unreachable {
        /// Whose address.
        host: String,
        /// What the system said.
        why: String,
    },
    /// The certificate is not good, or the two sides have no language in common.
    #[error("no secure connection to {host}: {why}")]
    Tls {
        /// Whose address.
        host: String,
        /// What is wrong.
        why: String,
    },
    /// It took too long.
    #[error("{host} took too long with the {phase}")]
    TimedOut {
        /// Who.
        host: String,
        /// With what.
        phase: Phase,
    },
    /// The connection ended in the middle, or what came was not HTTP.
    #[error("the answer of {host} broke off: {why}")]
    Broken {
        /// Whose answer.
        host: String,
        /// What happened.
        why: String,
    },
    /// The body is longer than was to be read.
    #[error("the answer of {host} is longer than {limit} bytes")]
    TooLarge {
        /// Whose answer.
        host: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// One redirect after another.
    #[error("{host} leads on and on")]
    TooManyHops {
        /// The last one asked.
        host: String,
    },
    /// A redirect to what is no address.
    #[error("{host} leads to something that is not an address")]
    BadRedirect {
        /// Who said so.
        host: String,
    },
    /// A value that cannot stand in a request.
    #[error("a part of the request cannot be sent as it is")]
    BadHeader,
    /// The body is not the JSON that was expected.
    #[error("the answer of {host} makes no sense at line {line}, column {column}")]
    NotJson {
        /// Whose answer.
        host: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
}

impl OutboundError {
    /// One word for metrics and stored reasons.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Address { .. } => "address",
            Self::Refused { .. } => "refused",
            Self::Unresolved { .. } => "unresolved",
            Self::Unreachable { .. } => "unreachable",
            Self::Tls { .. } => "tls",
            Self::TimedOut { .. } => "timeout",
            Self::Broken { .. } => "broken",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyHops { .. } => "hops",
            Self::BadRedirect { .. } => "redirect",
            Self::BadHeader => "request",
            Self::NotJson { .. } => "garbage",
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unresolved { .. }
                | Self::Unreachable { .. }
                | Self::Tls { .. }
                | Self::TimedOut { .. }
                | Self::Broken { .. }
                | Self::NotJson { .. }
        )
    }

    pub(super) fn of(host: &str, phase: Phase, error: reqwest::Error) -> Self {
        let host = host.to_owned();
        let error = error.without_url();
        if found::<NotPublic>(&error).is_some() {
            return Self::Refused { host, what: super::guard::NOT_PUBLIC };
        }
        if let Some(unresolved) = found::<Unresolved>(&error) {
            return Self::Unresolved { host, why: unresolved.0.to_string() };
        }
        if error.is_timeout() {
            return Self::TimedOut { host, phase };
        }
        if let Some(tls) = found::<rustls::Error>(&error) {
            return Self::Tls { host, why: tls.to_string() };
        }
        let why = Chain(&error).to_string();
        if error.is_connect() { Self::Unreachable { host, why } } else { Self::Broken { host, why } }
    }
}

/// Looks for an error of one type among the causes, within `io::Error`s as well, which do not name what they wrap as
/// their cause.
fn found<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}
