//! From what the domains know to what pages show. Pure.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use providers::vapi::classify;
use providers::vapi::signature::WebhookAuth;
use serde_json::Value;
use voice::calls::model::{CallDetail, CallSummary, Direction, ToolUse, TranscriptTurn};
use voice::calls::store::{HourCount, LiveCallRow, Totals};
use voice::connections::model::Connection;
use voice::quarantine::model::QuarantinedEvent;

use crate::components::{Caption, HourBar, LiveRow, LiveState, Moment, Speaker, Stat, Tone, Turn};
use crate::format;
use crate::pages::calls::{CallRow, Outcome};
use crate::pages::{call, connections, quarantine};

/// How long an ended call stays among the live ones, with what came of it.
const ENDED_STAYS: SignedDuration = SignedDuration::from_secs(60);
/// Longest answer of a tool that a transcript shows, in characters.
const TOOL_WORDS: usize = 90;
/// The hours that a day's chart shows even when nothing happened in them.
const OFFICE_HOURS: (i32, i32) = (8, 17);

fn direction(text: Option<&str>) -> Option<Direction> {
    match text? {
        "inbound" => Some(Direction::Inbound),
        "outbound" => Some(Direction::Outbound),
        "web" => Some(Direction::Web),
        _ => None,
    }
}

/// The number of the person, not of the practice.
fn other_side<'a>(direction: Option<Direction>, from: Option<&'a str>, to: Option<&'a str>) -> Option<&'a str> {
    match direction {
        Some(Direction::Outbound) => to,
        _ => from,
    }
}

fn seconds_between(from: Timestamp, to: Timestamp) -> u32 {
    u32::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

/// What came of a call, or where it stands.
pub(crate) fn outcome(status: &str, outcome: Option<&str>) -> Outcome {
    let (label, tone) = match (status, outcome) {
        ("queued" | "ringing", _) => ("Ringing", Tone::Info),
        ("in-progress", _) => ("Talking", Tone::Ok),
        ("forwarding", _) => ("Passing on", Tone::Warn),
        (_, Some("answered")) => ("Answered", Tone::Info),
        (_, Some("booked")) => ("Booked", Tone::Ok),
        (_, Some("moved")) => ("Moved", Tone::Ok),
        (_, Some("callback")) => ("Call back", Tone::Warn),
        (_, Some("transferred")) => ("Passed on", Tone::Info),
        (_, Some("voicemail")) => ("Voicemail", Tone::Neutral),
        (_, Some("not_reached")) => ("Not reached", Tone::Neutral),
        (_, Some("cancelled")) => ("Cancelled", Tone::Neutral),
        (_, Some("failed")) => ("Failed", Tone::Bad),
        _ => ("Ended", Tone::Neutral),
    };
    Outcome { label: label.to_owned(), tone }
}

/// A call in a list.
pub(crate) fn call_row(call: &CallSummary) -> CallRow {
    let direction = direction(call.direction.as_deref());
    let number = other_side(direction, call.from_number.as_deref(), call.to_number.as_deref());
    CallRow {
        id: call.id.uuid(),
        started_at: call.at,
        name: call.caller_name.clone(),
        number: number.map(str::to_owned),
        direction,
        outcome: outcome(&call.status, call.outcome.as_deref()),
        summary: call.summary.clone(),
        seconds: length(call),
    }
}

fn length(call: &CallSummary) -> Option<u32> {
    if call.status != "ended" {
        return None;
    }
    call.duration_seconds.and_then(|seconds| u32::try_from(seconds).ok()).or(Some(0))
}

fn speaker(role: &str) -> Speaker {
    if role == "agent" { Speaker::Agent } else { Speaker::Caller }
}

/// A call that is going on.
pub(crate) fn live_row(call: &LiveCallRow, now: Timestamp) -> LiveRow {
    let direction = direction(call.direction.as_deref());
    let number = other_side(direction, call.from_number.as_deref(), call.to_number.as_deref());
    let began = call.started_at.unwrap_or(call.at).to_jiff();
    LiveRow {
        id: call.id.uuid(),
        name: call.caller_name.clone(),
        number: number.map(str::to_owned),
        state: match call.status.as_str() {
            "in-progress" => LiveState::Talking,
            "forwarding" => LiveState::Transferring,
            _ => LiveState::Ringing,
        },
        seconds: seconds_between(began, now),
        last: call.said_text.as_ref().map(|text| Caption {
            speaker: speaker(call.said_role.as_deref().unwrap_or_default()),
            text: text.clone(),
        }),
    }
}

/// Calls that ended a moment ago, out of the newest ones.
pub(crate) fn just_ended(newest: &[CallSummary], now: Timestamp) -> Vec<LiveRow> {
    newest
        .iter()
        .filter(|call| call.ended_at.is_some_and(|at| now.duration_since(at) < ENDED_STAYS))
        .map(ended_row)
        .collect()
}

/// An ended call among the live ones.
pub(crate) fn ended_row(call: &CallSummary) -> LiveRow {
    let row = call_row(call);
    LiveRow {
        id: row.id,
        name: row.name,
        number: row.number,
        state: LiveState::Ended { outcome: row.outcome.label, tone: row.outcome.tone },
        seconds: row.seconds.unwrap_or(0),
        last: None,
    }
}

/// Words and tools in the order they came.
pub(crate) fn turns(call: &CallDetail) -> Vec<Turn> {
    let began = call.call.started_at.unwrap_or(call.call.at);
    let offset = |at: Option<Timestamp>| at.map(|at| at.duration_since(began).as_millis().max(0));
    let mut timed: Vec<(Option<i128>, Turn)> = Vec::with_capacity(call.transcript.len() + call.tool_calls.len());
    let mut last = None;
    for turn in &call.transcript {
        let at = turn.start_ms.map(i128::from).or_else(|| offset(turn.at)).or(last);
        last = at;
        timed.push((at, said(turn, at)));
    }
    // Tools have times of their own; one without stands at the end. The sort is stable, so words keep their order.
    timed.extend(call.tool_calls.iter().map(|tool| (offset(tool.at).or(Some(i128::MAX)), used(tool))));
    timed.sort_by_key(|(at, _)| at.unwrap_or(0));
    timed.into_iter().map(|(_, turn)| turn).collect()
}

fn said(turn: &TranscriptTurn, at: Option<i128>) -> Turn {
    let at = at.and_then(|ms| u32::try_from(ms / 1000).ok());
    Turn::Said { at, speaker: speaker(&turn.role), text: turn.text.clone() }
}

fn used(tool: &ToolUse) -> Turn {
    let answer = match (&tool.result, &tool.error) {
        (Some(result), _) => format!("{}: {}", tool.name, shortened(result)),
        (None, Some(error)) => format!("{} failed: {}", tool.name, shortened(error)),
        (None, None) => format!("{} was called", tool.name),
    };
    Turn::Tool { text: answer }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(TOOL_WORDS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// One call with everything.
pub(crate) fn call_page(detail: &CallDetail, now: Timestamp) -> call::Call {
    let summary = &detail.call;
    let live = summary.status != "ended";
    let began = summary.started_at.unwrap_or(summary.at);
    call::Call {
        id: summary.id.uuid(),
        name: summary.caller_name.clone(),
        from: summary.from_number.clone(),
        to: summary.to_number.clone(),
        direction: direction(summary.direction.as_deref()),
        live,
        outcome: outcome(&summary.status, summary.outcome.as_deref()),
        started_at: summary.at,
        seconds: if live { Some(seconds_between(began, now)) } else { length(summary) },
        recording: recording(&summary.recording.state),
        turns: turns(detail),
        summary: summary.summary.clone(),
        facts: facts(detail),
        provider_call_id: summary.provider_call_id.clone(),
        events: moments(detail),
    }
}

fn recording(state: &str) -> call::Recording {
    match state {
        "pending" => call::Recording::Pending,
        "copying" => call::Recording::Copying,
        "ready" => call::Recording::Ready,
        "failed" => call::Recording::Failed,
        "expired" => call::Recording::Expired,
        _ => call::Recording::None,
    }
}

fn facts(detail: &CallDetail) -> Vec<(String, String)> {
    let call = &detail.call;
    let delay = detail.latency.as_ref().and_then(|latency| latency.get("turn_p50_ms")).and_then(Value::as_f64);
    let facts = [
        ("Ended by", call.ended_reason.as_deref().map(|reason| classify(reason).sentence().to_owned())),
        ("Agent", call.agent.clone()),
        ("Language", detail.language.clone()),
        ("Passed to", detail.transferred_to.as_deref().map(format::phone)),
        ("Reply delay, median", delay.map(|ms| format!("{:.2} s", ms / 1000.0))),
        ("Cost", call.cost.as_ref().map(|cost| format::money(cost.amount_micros, &cost.currency))),
    ];
    let known = facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    known.chain(noted(detail.structured_data.as_ref())).collect()
}

/// What the agent noted, as far as it is plain: names and values of one line.
fn noted(data: Option<&Value>) -> Vec<(String, String)> {
    let Some(fields) = data.and_then(Value::as_object) else { return Vec::new() };
    let plain = fields.iter().filter(|(name, _)| *name != "outcome").filter_map(|(name, value)| {
        let value = match value {
            Value::String(text) => shortened(text),
            Value::Number(number) => number.to_string(),
            Value::Bool(yes) => if *yes { "Yes" } else { "No" }.to_owned(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some((in_words(name), value))
    });
    plain.take(12).collect()
}

/// `callbackNumber` and `callback_number` as "Callback number".
fn in_words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        match letter {
            '_' | '-' => words.push(' '),
            upper if upper.is_uppercase() && !words.is_empty() => {
                words.push(' ');
                words.extend(upper.to_lowercase());
            }
            other => words.push(other),
        }
    }
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What happened when: the call's own times, and the events that say more than that somebody spoke.
fn moments(detail: &CallDetail) -> Vec<Moment> {
    let call = &detail.call;
    let moment = |at, text: &str, note: &str| Moment { at, text: text.to_owned(), note: note.to_owned() };
    let mut moments = vec![moment(call.at, "Began", "")];
    moments.extend(call.started_at.filter(|at| *at != call.at).map(|at| moment(at, "Connected", "")));
    moments.extend(call.ended_at.map(|at| moment(at, "Ended", call.ended_reason.as_deref().unwrap_or_default())));
    moments.extend(detail.events.iter().filter_map(|event| {
        let text = match event.kind.as_str() {
            // Their facts stand elsewhere on the page; there can be hundreds.
            "status-update"
            | "speech-update"
            | "transcript"
            | "conversation-update"
            | "model-output"
            | "voice-input" => return None,
            "assistant-request" | "assistant.started" => "The agent was chosen",
            "tool-calls" => "The agent used a tool",
            "end-of-call-report" => "Report received",
            "transfer-update" | "transfer-destination-request" | "handoff-destination-request" => "Passed on",
            "hang" => "The agent was slow to answer",
            "user-interrupted" => "The caller interrupted",
            "language-change-detected" => "The language changed",
            other => return Some(moment(event.at.unwrap_or(event.received_at), other, "")),
        };
        Some(moment(event.at.unwrap_or(event.received_at), text, &event.kind))
    }));
    moments.sort_by_key(|moment| moment.at);
    moments
}

/// The figures of a day.
pub(crate) fn stats(totals: &Totals) -> Vec<Stat> {
    let stat = |label: &str, value: String, note: String| Stat { label: label.to_owned(), value, note };
    let share = |part: i64| {
        if part > 0 { format!("{} %", (part * 100 + totals.calls / 2) / totals.calls) } else { String::new() }
    };
    vec![
        stat("Answered", totals.answered.to_string(), format!("of {}", totals.calls)),
        stat("Bookings made", totals.booked.to_string(), share(totals.booked)),
        stat("Passed to a person", totals.passed_on.to_string(), share(totals.passed_on)),
        stat(
            "Reply delay, median",
            totals.reply_p50_ms.map_or_else(|| "–".to_owned(), |ms| format!("{}.{} s", ms / 1000, ms % 1000 / 100)),
            String::new(),
        ),
    ]
}

/// The hours of a day: office hours, and any other in which something happened.
pub(crate) fn hours(today: &[HourCount], before: &[HourCount]) -> Vec<HourBar> {
    let busy = today.iter().chain(before).map(|count| count.hour);
    let first = busy.clone().min().unwrap_or(OFFICE_HOURS.0).min(OFFICE_HOURS.0);
    let last = busy.max().unwrap_or(OFFICE_HOURS.1).max(OFFICE_HOURS.1);
    let count = |number: i64| u32::try_from(number).unwrap_or(0);
    let has_before = !before.is_empty();
    (first..=last)
        .map(|hour| {
            let of = |counts: &[HourCount]| {
                counts.iter().find(|c| c.hour == hour).map_or((0, 0), |c| (c.answered, c.missed))
            };
            let (answered, missed) = of(today);
            let (answered_before, missed_before) = of(before);
            HourBar {
                hour: u8::try_from(hour).unwrap_or(0),
                answered: count(answered),
                missed: count(missed),
                before: has_before.then(|| count(answered_before + missed_before)),
            }
        })
        .collect()
}

/// The organization's day around an instant: its start and the start of the next.
pub(crate) fn day_of(now: Timestamp, zone: &TimeZone) -> Result<(Timestamp, Timestamp), jiff::Error> {
    day(now.to_zoned(zone.clone()).date(), zone)
}

/// The same day a week earlier.
pub(crate) fn week_before(now: Timestamp, zone: &TimeZone) -> Result<(Timestamp, Timestamp), jiff::Error> {
    day(now.to_zoned(zone.clone()).date().saturating_sub(jiff::Span::new().days(7)), zone)
}

/// A civil day in a zone. It may have 23 or 25 hours.
pub(crate) fn day(date: Date, zone: &TimeZone) -> Result<(Timestamp, Timestamp), jiff::Error> {
    let start = date.to_zoned(zone.clone())?;
    let end = date.tomorrow()?.to_zoned(zone.clone())?;
    Ok((start.timestamp(), end.timestamp()))
}

/// A connection.
pub(crate) fn connection(connection: Connection, webhook_url: String) -> connections::Connection {
    connections::Connection {
        id: connection.id.uuid(),
        label: connection.label,
        verification: verification(&connection.auth),
        webhook_url,
        last_event_at: connection.last_event_at,
        last_event_kind: connection.last_event_type,
        secrets: connection.active_secrets,
        simulated: connection.simulated,
    }
}

fn verification(auth: &WebhookAuth) -> String {
    match auth {
        WebhookAuth::SharedSecret(shared) => match &shared.header {
            None => "Secret in X-Vapi-Secret or as bearer token".to_owned(),
            Some(header) => format!("Secret in {header}"),
        },
        WebhookAuth::Hmac(_) => "Signature over the body".to_owned(),
    }
}

/// A held event.
pub(crate) fn held(event: QuarantinedEvent) -> quarantine::Held {
    let reason = match event.reason.as_str() {
        "unknown" => "Its number and its assistant belong to no organization here",
        "ambiguous" => "Its number or assistant belongs to more than one organization",
        "collision" => "Its call belongs to another organization than its connection",
        other => other,
    };
    let clues = [
        ("call", event.provider_call_id),
        ("connection", Some(event.connection_id.map_or_else(|| "platform-wide".to_owned(), |id| id.to_string()))),
        ("size", Some(format!("{} bytes", event.body_bytes))),
    ];
    quarantine::Held {
        id: event.id.uuid(),
        received_at: event.received_at,
        kind: event.kind,
        reason: reason.to_owned(),
        clues: clues.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect(),
    }
}
