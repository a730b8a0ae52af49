//! From bytes to JSON text that both `serde_json` and Postgres accept.
//!
//! Three things are valid (or nearly valid) JSON and yet refused further down, which would turn a real call into an error:
//! the NUL character (Postgres `text` and `jsonb` cannot hold it), a lone surrogate escape such as `\ud800` (no UTF-8 for
//! it), and a number like `1e400` (no `f64` for it). They are settled here, always the same way:
//!
//! - a NUL inside a string, raw or as `\u0000`, is dropped;
//! - a surrogate escape without its partner becomes U+FFFD;
//! - a number beyond `f64` becomes `null` (only when the text would not parse otherwise).
//!
//! A UTF-8 byte order mark at the start is dropped. Invalid UTF-8 is an error: guessing an encoding would store nonsense.

use std::borrow::Cow;

use super::JsonError;

/// Gives the cleaned text of a body, borrowed when there was nothing to clean.
pub(crate) fn text(body: &[u8]) -> Result<Cow<'_, str>, JsonError> {
    let text = std::str::from_utf8(body).map_err(|_| JsonError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(without_unstorable(text))
}

/// The first two rules alone, for JSON that travels as text inside JSON.
pub(crate) fn without_unstorable(text: &str) -> Cow<'_, str> {
    if needs_rewrite(text) { Cow::Owned(rewrite(text)) } else { Cow::Borrowed(text) }
}

/// True when the text holds a NUL, an escaped NUL or a surrogate escape. One pass over the backslashes, because every body
/// pays for it.
fn needs_rewrite(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(found) = memchr::memchr2(b'\\', 0, &bytes[from..]) {
        let at = from + found;
        if bytes[at] == 0 {
            return true;
        }
        if let Some(unit) = escaped_unit(bytes, at)
            && (unit == 0 || is_surrogate(unit))
        {
            return true;
        }
        from = (at + 2).min(bytes.len());
    }
    false
}

/// Rewrites the text with the three rules of this module applied.
pub(crate) fn rewrite(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut in_string = false;
    let mut at = 0;
    while at < bytes.len() {
        let step = if in_string { string_step(text, at, &mut out) } else { plain_step(text, at, &mut out) };
        if bytes[at] == b'"' {
            in_string = !in_string;
        }
        at += step;
    }
    out
}

/// Copies one unit inside a string; returns how many bytes it took.
fn string_step(text: &str, at: usize, out: &mut String) -> usize {
    let bytes = text.as_bytes();
    match bytes[at] {
        b'"' => {
            out.push('"');
            1
        }
        0 => 1,
        b'\\' => match escaped_unit(bytes, at) {
            Some(0) => 6,
            Some(unit) if is_surrogate(unit) => {
                let partner = escaped_unit(bytes, at + 6).filter(|low| (0xDC00..0xE000).contains(low));
                if unit < 0xDC00 && partner.is_some() {
                    out.push_str(&text[at..at + 12]);
                    12
                } else {
                    out.push_str("\\ufffd");
                    6
                }
            }
            Some(_) => {
                out.push_str(&text[at..at + 6]);
                6
            }
            None => {
                // The escaped character may be longer than one byte (which is not JSON, and stays so).
                let len = 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&text[at..at + len]);
                len
            }
        },
        _ => {
            let end = memchr::memchr3(b'"', b'\\', 0, &bytes[at..]).map_or(bytes.len(), |len| at + len);
            out.push_str(&text[at..end]);
            end - at
        }
    }
}

/// Copies one unit outside strings: a whole number, or everything up to the next interesting byte.
fn plain_step(text: &str, at: usize, out: &mut String) -> usize {
    let rest = &text[at..];
    let is_number_byte = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
    if rest.as_bytes()[0] == b'"' {
        out.push('"');
        return 1;
    }
    if rest.as_bytes()[0].is_ascii_digit() || rest.as_bytes()[0] == b'-' {
        let len = rest.bytes().take_while(|b| is_number_byte(*b)).count();
        let too_big = rest[..len].parse::<f64>().is_ok_and(f64::is_infinite);
        out.push_str(if too_big { "null" } else { &rest[..len] });
        return len;
    }
    let end = rest.bytes().position(|b| b == b'"' || b == b'-' || b.is_ascii_digit()).unwrap_or(rest.len());
    out.push_str(&rest[..end]);
    end
}

/// The UTF-16 unit of a `\uXXXX` escape that starts at `at`, if there is one.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    if escape[0] != b'\\' || escape[1] != b'u' {
        return None;
    }
    escape[2..].iter().try_fold(0_u16, |unit, digit| {
        let value = char::from(*digit).to_digit(16)?;
        u16::try_from(u32::from(unit) * 16 + value).ok()
    })
}

fn is_surrogate(unit: u16) -> bool {
    (0xD800..0xE000).contains(&unit)
}
