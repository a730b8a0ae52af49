//! Reading single values leniently: ids, texts, times, money, durations, telephone numbers.
//!
//! Every function answers `None` for what is missing, of the wrong type or absurd, and never guesses.

use jiff::Timestamp;

use super::node::Node;

/// Longest identifier that is believed; the original system's own limit for call ids.
const MAX_ID_CHARS: usize = 256;
/// Longest number text worth reading: a number of this size is absurd anyway.
const MAX_NUMBER_CHARS: usize = 40;
/// A call that seems longer than a week is a broken clock, not a call.
const MAX_CALL_SECONDS: f64 = 7.0 * 86_400.0;
/// From here on an epoch number means milliseconds: as seconds it would be the year 5138, as milliseconds it is 1973.
const FIRST_MILLISECOND_EPOCH: f64 = 1e11;

/// An opaque identifier: trimmed, not empty, at most 256 characters, no control characters.
pub(crate) fn id(node: &Node<'_>) -> Option<String> {
    let text = match node {
        Node::Int(value) => return Some(value.to_string()),
        other => other.text()?.trim(),
    };
    let fits = !text.is_empty() && text.chars().count() <= MAX_ID_CHARS && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// A text with something in it, as it is.
pub(crate) fn text(node: &Node<'_>) -> Option<String> {
    node.text().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// A short label (a name, a language, a role): like [`text`], trimmed, cut to `max` characters.
pub(crate) fn label(node: &Node<'_>, max: usize) -> Option<String> {
    text(node).map(|text| text.trim().chars().take(max).collect())
}

/// A finite number, also when it was sent as text.
pub(crate) fn number(node: &Node<'_>) -> Option<f64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "durations, costs and epochs are far below 2^53; beyond that any value is absurd"
    )]
    let value = match node {
        Node::Int(value) => *value as f64,
        Node::Unsigned(value) => *value as f64,
        Node::Float(value) => *value,
        Node::Text(text) => plain_number(text.trim())?,
        _ => return None,
    };
    value.is_finite().then_some(value)
}

/// Parses what JSON calls a number; not `inf`, `NaN`, `+1` or hexadecimal.
fn plain_number(text: &str) -> Option<f64> {
    let looks_right = text.len() <= MAX_NUMBER_CHARS
        && text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E'));
    looks_right.then(|| text.parse().ok()).flatten()
}

/// A number of milliseconds or seconds turned into whole units; `None` when negative or above `max`.
pub(crate) fn whole(value: f64, max: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked on the same line")]
    (value.is_finite() && (0.0..=max).contains(&value)).then(|| value.round() as i64)
}

/// Seconds of a call, 0 to 7 days, rounded to the nearest second.
pub(crate) fn call_seconds(value: f64) -> Option<i64> {
    whole(value, MAX_CALL_SECONDS)
}

/// An offset inside a call in milliseconds, from seconds.
pub(crate) fn offset_ms(node: &Node<'_>) -> Option<i64> {
    number(node).and_then(|seconds| whole(seconds * 1000.0, MAX_CALL_SECONDS * 1000.0))
}

/// A point in time: RFC 3339 text, or an epoch in milliseconds or seconds as number or text.
///
/// Vapi documents milliseconds in its example and nothing else. Times outside 2000 to 2099 are broken clocks: `None`.
pub(crate) fn time(node: &Node<'_>) -> Option<Timestamp> {
    let parsed = match number(node) {
        Some(epoch) => {
            let millis = if epoch.abs() < FIRST_MILLISECOND_EPOCH { epoch * 1000.0 } else { epoch };
            whole(millis, 1e15).and_then(|millis| Timestamp::from_millisecond(millis).ok())
        }
        None => node.text().and_then(|text| text.trim().parse::<Timestamp>().ok()),
    };
    parsed.filter(|time| (946_684_800..4_102_444_800).contains(&time.as_second()))
}

/// US dollars to integer micro-dollars, the decimal that was sent rounded half to even; `None` when negative or beyond
/// `i64`.
pub(crate) fn micros(node: &Node<'_>) -> Option<i64> {
    let dollars = number(node).filter(|dollars| *dollars >= 0.0)?;
    // Rust prints the shortest decimal that means this float, without exponent: the digits Vapi sent, not their binary shadow.
    let printed = dollars.abs().to_string();
    let (whole, fraction) = printed.split_once('.').unwrap_or((&printed, ""));
    let (kept, rest) = fraction.split_at(fraction.len().min(6));
    let micros = whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(format!("{kept:0<6}").parse().ok()?)?;
    let rounds_up = match rest.as_bytes().split_first() {
        None => false,
        Some((b'5', tail)) if tail.iter().all(|b| *b == b'0') => micros % 2 == 1,
        Some((first, _)) => *first >= b'5',
    };
    micros.checked_add(i64::from(rounds_up))
}

/// The E.164 form of a telephone number that already is one, give or take punctuation.
///
/// Accepts `+` and 7 to 15 digits with the usual separators, `00` as `+`, and a SIP or `tel:` address whose user part is
/// such a number. Anything else (anonymous, short codes, extensions, national numbers) is `None`: the country of a national
/// number is not known here, and a wrong number is worse than none.
pub fn normalise_number(text: &str) -> Option<String> {
    let text = text.trim();
    let address = ["sips:", "sip:", "tel:"].iter().find_map(|scheme| {
        text.get(..scheme.len()).filter(|head| head.eq_ignore_ascii_case(scheme)).map(|head| &text[head.len()..])
    });
    let user = address.map_or(text, |rest| rest.split(['@', ';', '?']).next().unwrap_or(rest));
    let bare: String = user.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '-' | '(' | ')' | '.' | '/')).collect();
    let digits = bare.strip_prefix('+').or_else(|| bare.strip_prefix("00"))?;
    let is_e164 =
        (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    is_e164.then(|| format!("+{digits}"))
}
