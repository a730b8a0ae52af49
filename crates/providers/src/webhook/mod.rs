//! What verifying a webhook has in common, whoever sends it.

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

/// Longest credential or signature header that is read.
pub(crate) const MAX_HEADER_BYTES: usize = 4096;

/// Why a request was refused. For metrics only: printing it tells nothing, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request was refused")]
pub enum Refused {
    /// There is no usable secret or key to verify with.
    NoSecret,
    /// The options of the scheme make no sense.
    Misconfigured,
    /// The secret or the signature is missing or empty.
    NoCredential,
    /// A header that must be single came twice.
    RepeatedHeader,
    /// A header is too long.
    OversizedHeader,
    /// The time is missing.
    NoTimestamp,
    /// The time is not a plain number.
    MalformedTimestamp,
    /// The time is too far from ours.
    OutsideWindow,
    /// The message id is missing or not a short printable text.
    MessageId,
    /// No signature could be read.
    MalformedSignature,
    /// The secret or signature is wrong.
    Mismatch,
}

impl Refused {
    /// A value fit for a metric label.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoSecret => "no_secret",
            Self::Misconfigured => "misconfigured",
            Self::NoCredential => "no_credential",
            Self::RepeatedHeader => "repeated_header",
            Self::OversizedHeader => "oversized_header",
            Self::NoTimestamp => "no_timestamp",
            Self::MalformedTimestamp => "malformed_timestamp",
            Self::OutsideWindow => "outside_window",
            Self::MessageId => "message_id",
            Self::MalformedSignature => "malformed_signature",
            Self::Mismatch => "mismatch",
        }
    }
}

/// The one value of a header, trimmed; none when absent or empty.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a [u8]>, Refused> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refused::RepeatedHeader);
    }
    if value.len() > MAX_HEADER_BYTES {
        return Err(Refused::OversizedHeader);
    }
    Ok(Some(value.as_bytes().trim_ascii()).filter(|value| !value.is_empty()))
}

/// Checks a signed time in whole seconds against ours. `window` is how far it may lie off, either way.
pub(crate) fn check_seconds(digits: &str, now: Timestamp, window: SignedDuration) -> Result<(), Refused> {
    let is_plain = digits.len() <= 13 && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    let sent: i64 = digits.parse().ok().filter(|_| is_plain).ok_or(Refused::MalformedTimestamp)?;
    if now.as_second().abs_diff(sent) > window.as_secs().unsigned_abs() {
        return Err(Refused::OutsideWindow);
    }
    Ok(())
}
