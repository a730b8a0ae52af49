//! Which part of a file a request asks for (RFC 9110, 14).

/// What of a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// These bytes, both ends included and inside the file.
    From {
        /// The first byte, counted from 0.
        first: u64,
        /// The last byte.
        last: u64,
    },
    /// Bytes that the file does not have.
    Beyond,
}

impl Part {
    /// Reads a `Range` header for a file of `length` bytes. Several ranges at once, and what is not understood, get the
    /// whole file, as the standard allows.
    pub fn read(asked: Option<&str>, length: u64) -> Self {
        let Some((first, last)) = asked.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) else {
            return Self::Whole;
        };
        match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), _) if first >= length => Self::Beyond,
            (Ok(first), Ok(last)) if first <= last => Self::From { first, last: last.min(length - 1) },
            (Ok(first), Err(_)) if last.is_empty() => Self::From { first, last: length - 1 },
            (Err(_), Ok(tail)) if first.is_empty() && (tail == 0 || length == 0) => Self::Beyond,
            (Err(_), Ok(tail)) if first.is_empty() => {
                Self::From { first: length.saturating_sub(tail), last: length - 1 }
            }
            _ => Self::Whole,
        }
    }

    /// The value of `Content-Range` for a file of `length` bytes; the whole file has none.
    pub fn content_range(self, length: u64) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::From { first, last } => Some(format!("bytes {first}-{last}/{length}")),
            Self::Beyond => Some(format!("bytes */{length}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_the_standard_says() {
        for (asked, expected) in [
            (None, Part::Whole),
            (Some("bytes=0-"), Part::From { first: 0, last: 99 }),
            (Some("bytes=10-19"), Part::From { first: 10, last: 19 }),
            (Some("bytes=90-500"), Part::From { first: 90, last: 99 }),
            (Some("bytes=-5"), Part::From { first: 95, last: 99 }),
            (Some("bytes=-500"), Part::From { first: 0, last: 99 }),
            (Some("bytes=100-"), Part::Beyond),
            (Some("bytes=-0"), Part::Beyond),
            (Some("bytes=20-10"), Part::Whole),
            (Some("bytes=0-1,5-6"), Part::Whole),
            (Some("bytes=99999999999999999999-"), Part::Whole),
            (Some("lines=1-2"), Part::Whole),
            (Some("bytes=x-y"), Part::Whole),
        ] {
            assert_eq!(Part::read(asked, 100), expected, "{asked:?}");
        }
        for asked in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(Part::read(Some(asked), 0), Part::Beyond, "{asked} of nothing");
        }
        assert_eq!(Part::From { first: 1, last: 2 }.content_range(9).as_deref(), Some("bytes 1-2/9"));
        assert_eq!(Part::Beyond.content_range(9).as_deref(), Some("bytes */9"));
    }
}
