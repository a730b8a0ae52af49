//! Seek pagination: the cursor says where the last page ended, so page 10,000 costs what page 1 costs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ApiError;

/// The first moment that a list may be asked about: the beginning of the year 1.
pub const EARLIEST: Timestamp = Timestamp::constant(-62_135_596_800, 0);

/// One page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Pass as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of `rows`, which were asked for with one more than `limit` to see whether another page follows.
    pub fn of(mut rows: Vec<T>, limit: Limit, cursor: impl Fn(&T) -> Cursor) -> Self {
        let more = rows.len() > limit.rows();
        rows.truncate(limit.rows());
        let next_cursor = if more { rows.last().map(|row| cursor(row).encode()) } else { None };
        Self { items: rows, next_cursor }
    }
}

/// How many rows a page has: 1 to 100, by default 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(usize);

impl Limit {
    /// Reads the `limit` parameter. Below 1 is an error; above 100 is 100.
    pub fn from_parameter(value: Option<i64>) -> Result<Self, ApiError> {
        match value {
            None => Ok(Self(20)),
            Some(rows @ 1..) => Ok(Self(usize::try_from(rows).unwrap_or(100).min(100))),
            Some(_) => Err(ApiError::bad_parameter("limit", "must be at least 1")),
        }
    }

    /// Rows on a page.
    pub fn rows(self) -> usize {
        self.0
    }

    /// Rows to ask the database for: one more, to see whether another page follows.
    pub fn fetch(self) -> i64 {
        i64::try_from(self.0).unwrap_or(100) + 1
    }
}

/// Where a page ended: a time and, among rows of the same time, an id.
///
/// Not signed: it selects nothing that the caller could not list anyway, since every query also names the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Time of the last row, to the microsecond that PostgreSQL keeps.
    pub at: Timestamp,
    /// Id of the last row.
    pub id: Uuid,
}

impl Cursor {
    /// The opaque text for the caller.
    pub fn encode(self) -> String {
        let mut bytes = self.at.as_microsecond().to_be_bytes().to_vec();
        bytes.extend_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the `cursor` parameter.
    pub fn from_parameter(text: &str) -> Result<Self, ApiError> {
        let wrong = || ApiError::bad_parameter("cursor", "is not a cursor that this list gave out");
        let bytes: [u8; 24] =
            URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)?;
        let (time, id) = bytes.split_at(8);
        let micros = i64::from_be_bytes(time.try_into().map_err(|_| wrong())?);
        let id = Uuid::from_slice(id).map_err(|_| wrong())?;
        // PostgreSQL's times begin 4713 BC, later than ours; no row of ours is older than our era.
        let at = Timestamp::from_microsecond(micros).ok().filter(|at| *at >= EARLIEST).ok_or_else(wrong)?;
        Ok(Self { at, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_trip() {
        let cursor = Cursor { at: "2026-11-22T10:11:12.345678Z".parse().unwrap(), id: Uuid::now_v7() };
        assert_eq!(Cursor::from_parameter(&cursor.encode()).unwrap(), cursor);
    }

    #[test]
    fn a_cursor_from_before_our_era_is_forged() {
        assert_eq!(EARLIEST, "0001-01-01T00:00:00Z".parse().unwrap());
        let cursor = |at: &str| Cursor { at: at.parse().unwrap(), id: Uuid::nil() }.encode();
        assert!(Cursor::from_parameter(&cursor("0001-01-01T00:00:00Z")).is_ok());
        for old in ["0000-12-31T23:59:59Z", "-004713-01-01T00:00:00Z", "-009999-01-03T00:00:00Z"] {
            assert!(Cursor::from_parameter(&cursor(old)).is_err(), "{old}");
        }
    }

    #[test]
    fn a_forged_cursor_is_a_client_error() {
        for text in ["", "x", "%00", "AAAA", &"A".repeat(500), &URL_SAFE_NO_PAD.encode([0xff; 24])] {
            let result = Cursor::from_parameter(text);
            assert!(result.is_err() || text.len() == 32, "{text}");
        }
    }

    #[test]
    fn limits_are_clamped_above_and_refused_below() {
        assert_eq!(Limit::from_parameter(None).unwrap().rows(), 20);
        assert_eq!(Limit::from_parameter(Some(1_000_000_000)).unwrap().rows(), 100);
        assert!(Limit::from_parameter(Some(0)).is_err());
        assert!(Limit::from_parameter(Some(-1)).is_err());
    }
}
