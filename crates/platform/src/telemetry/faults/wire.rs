//! Sentry's wire format: an envelope of a header, an item's header and the event, one JSON a line.
//! Source: the SDK pages of its developers' documentation ("Envelopes", "Event Payloads", "Rate Limiting").

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Fault;

/// How long a collector is left alone that says "too many" and not for how long.
const DEFAULT_PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// Functions that are reported of a panic.
const MOST_FRAMES: usize = 60;

/// The bytes of a report.
pub(super) fn envelope(fault: &Fault, times: u32, now: Timestamp) -> Result<String, serde_json::Error> {
    let id = uuid::Uuid::now_v7().simple().to_string();
    let event = serde_json::to_string(&event(fault, &id, times, now))?;
    let header = json!({ "event_id": id, "sent_at": now });
    let item = json!({ "type": "event", "length": event.len(), "content_type": "application/json" });
    Ok(format!("{header}\n{item}\n{event}\n"))
}

fn event(fault: &Fault, id: &str, times: u32, now: Timestamp) -> Value {
    let place = format!("{}:{}", fault.file, fault.line);
    let mut event = json!({
        "event_id": id,
        "timestamp": now,
        "platform": "other",
        "level": if fault.is_panic { "fatal" } else { "error" },
        "logger": fault.logger,
        "release": concat!("voxanne@", env!("CARGO_PKG_VERSION")),
        "transaction": fault.tags.get("route"),
        "tags": fault.tags,
        "extra": { "times": times, "place": place },
        "fingerprint": [fault.logger, place, fault.tags.get("code").cloned().unwrap_or_default()],
    });
    let frames: Vec<Value> = fault
        .frames
        .iter()
        .map(|(function, file)| json!({ "function": function, "filename": file, "in_app": is_ours(function) }))
        .collect();
    if fault.is_panic {
        let stack = (!frames.is_empty()).then(|| json!({ "frames": frames }));
        event["exception"] = json!({ "values": [{ "type": "panic", "value": fault.message, "stacktrace": stack }] });
    } else {
        event["message"] = json!({ "formatted": fault.message });
    }
    event
}

fn is_ours(function: &str) -> bool {
    let function = function.trim_start_matches('<');
    super::OURS.iter().any(|name| function.strip_prefix(name).is_some_and(|rest| rest.starts_with("::")))
}

/// The functions in a printed backtrace, outermost first, without those that print it.
pub(super) fn frames(backtrace: &str) -> Vec<(String, String)> {
    let mut frames: Vec<(String, String)> = Vec::new();
    for line in backtrace.lines().map(str::trim) {
        if let Some(place) = line.strip_prefix("at ") {
            if let Some((_, file)) = frames.last_mut() {
                *file = place.rsplit_once("crates/").map_or_else(String::new, |(_, rest)| format!("crates/{rest}"));
            }
        } else if let Some((number, function)) = line.split_once(": ")
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            frames.push((function.to_owned(), String::new()));
        }
    }
    // Everything up to the beginning of the panic is about the panic itself.
    let begin =
        frames.iter().rposition(|(function, _)| function.contains("begin_unwind") || function.contains("begin_panic"));
    let mut frames = frames.split_off(begin.map_or(0, |at| at + 1));
    frames.truncate(MOST_FRAMES);
    frames.reverse();
    frames
}

/// How long the collector wants to be left alone with events, from what it answered. `limits` is `X-Sentry-Rate-Limits`:
/// `seconds:categories:scope`, several after commas; no category means all.
pub fn pause_of(status: u16, limits: Option<&str>, retry_after: Option<Duration>) -> Option<SignedDuration> {
    if let Some(limits) = limits {
        let ours = limits.split(',').filter_map(|limit| {
            let mut parts = limit.trim().split(':');
            let seconds: i64 = parts.next()?.parse().ok()?;
            let categories = parts.next().unwrap_or_default();
            let applies = categories.is_empty() || categories.split(';').any(|one| matches!(one, "error" | "default"));
            applies.then(|| SignedDuration::from_secs(seconds.clamp(0, 86_400)))
        });
        return ours.max().filter(|pause| !pause.is_zero());
    }
    (status == 429).then(|| retry_after.and_then(|after| SignedDuration::try_from(after).ok()).unwrap_or(DEFAULT_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collectors_wish_to_be_left_alone_is_understood() {
        let secs = SignedDuration::from_secs;
        for (status, limits, after, expected) in [
            (200, None, None, None),
            (429, None, None, Some(secs(60))),
            (429, None, Some(7), Some(secs(7))),
            (200, Some("60:error;transaction:organization"), None, Some(secs(60))),
            (429, Some("60::organization, 2700:transaction:key"), None, Some(secs(60))),
            (429, Some("2700:transaction;attachment:key"), Some(9), None),
            (200, Some("nonsense, 5"), None, Some(secs(5))),
        ] {
            let after = after.map(Duration::from_secs);
            assert_eq!(pause_of(status, limits, after), expected, "{status} {limits:?} {after:?}");
        }
    }

    #[test]
    fn a_backtrace_is_read_from_the_outside_in_and_names_no_machine() {
        let printed = "   0: std::backtrace::Backtrace::force_capture\n   1: rust_begin_unwind\n             at /rustc/x/library/std/src/panicking.rs:1:2\n   \
                       2: voice::calls::model::count\n             at /build/crates/voice/src/calls/model.rs:7:9\n   3: main\n             at /build/x.rs:1:1\n";
        let expected = [("main", ""), ("voice::calls::model::count", "crates/voice/src/calls/model.rs:7:9")];
        let found = frames(printed);
        let found: Vec<(&str, &str)> = found.iter().map(|(f, p)| (f.as_str(), p.as_str())).collect();
        assert_eq!(found, expected);
    }
}
