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
use voice::playback::model::choose;
use voice::quarantine::model::QuarantinedEvent;
use voice::recordings::model::{Channel, File, Recording};
use voice::retention::model::{Eraser, Tombstone};

use crate::components::{Caption, HourBar, LiveRow, LiveState, Moment, Player, Speaker, Stat, Tone, Turn};
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
    let at = at.and_then(|ms| u32::try_from(ms).ok());
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

/// One call with everything; its recording begins at `start`, in seconds.
pub(crate) fn call_page(detail: &CallDetail, recordings: &[Recording], start: u32, now: Timestamp) -> call::Call {
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
        recording: recording(summary, recordings, start),
        turns: turns(detail),
        summary: summary.summary.clone(),
        facts: facts(detail),
        provider_call_id: summary.provider_call_id.clone(),
        events: moments(detail),
        hold: detail.legal_hold.as_ref().map(|hold| call::Hold { reason: hold.reason.clone(), since: hold.placed_at }),
        erased: detail
            .content_deleted
            .as_ref()
            .map(|tombstone| call::Erased { at: tombstone.at, by: eraser(tombstone) }),
        works: false,
        problem: None,
    }
}

fn eraser(tombstone: &Tombstone) -> String {
    match (&tombstone.name, tombstone.by) {
        (Some(name), _) => name.clone(),
        (None, Eraser::Setting) => "the retention setting".to_owned(),
        (None, Eraser::ApiKey) => "an API key".to_owned(),
        (None, Eraser::Member) => "somebody who is no longer a member".to_owned(),
    }
}

fn recording(call: &CallSummary, recordings: &[Recording], start: u32) -> call::Recording {
    if let Some((channel, file)) = choose(recordings, None) {
        return call::Recording::Ready(player(call, channel, file, start));
    }
    // Why the best of them is not there; rows are ordered by how good they are to listen to.
    let reason = recordings.iter().find_map(|recording| recording.reason).map(|reason| reason.words().to_owned());
    let attempts = recordings.iter().map(|recording| recording.attempts).max().unwrap_or(0);
    match call.recording.state.as_str() {
        "none" => call::Recording::None,
        "copying" => call::Recording::Copying,
        "failed" => call::Recording::Failed {
            reason: reason.unwrap_or_else(|| "The reason is not known.".to_owned()),
            attempts,
        },
        "expired" => call::Recording::Expired { reason },
        _ => call::Recording::Pending { reason, attempts },
    }
}

fn player(call: &CallSummary, channel: Channel, file: &File, start: u32) -> Player {
    // Where the sound could not be measured the call's own length is the best that is known; the browser corrects it.
    let seconds = u64::try_from(call.duration_seconds.unwrap_or(0)).unwrap_or(0);
    let millis = file.duration.map_or(seconds * 1_000, |length| u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
    let mut lanes = file.peaks.as_ref().map(|peaks| peaks.channels.clone()).unwrap_or_default();
    if channel != Channel::Stereo || lanes.len() != 2 {
        lanes.truncate(1);
    }
    Player { src: format!("/api/v1/calls/{}/recording", call.id), millis, lanes, start }
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
        has_key: connection.has_api_key,
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

#[cfg(test)]
mod tests {
    use super::*;
    use platform::ids::CallId;
    use serde_json::json;
    use voice::calls::model::{CallEvent, RecordingState};

    fn at(text: &str) -> Timestamp {
        format!("2026-11-24T{text}Z").parse().unwrap()
    }

    fn detail() -> CallDetail {
        let call = CallSummary {
            id: CallId::new(),
            provider_call_id: "call-1".to_owned(),
            direction: Some("outbound".to_owned()),
            status: "ended".to_owned(),
            from_number: Some("+441134960100".to_owned()),
            to_number: Some("+447700900118".to_owned()),
            caller_name: None,
            agent: None,
            at: at("10:00:00"),
            started_at: Some(at("10:00:04")),
            ended_at: Some(at("10:01:00")),
            duration_seconds: Some(56),
            ended_reason: Some("customer-ended-call".to_owned()),
            ended_class: None,
            outcome: Some("booked".to_owned()),
            cost: None,
            summary: None,
            recording: RecordingState { state: "none".to_owned() },
        };
        CallDetail {
            call,
            transcript: Vec::new(),
            tool_calls: Vec::new(),
            events: Vec::new(),
            success_evaluation: None,
            structured_data: None,
            latency: None,
            language: None,
            transferred_to: None,
            consent: None,
            legal_hold: None,
            content_deleted: None,
        }
    }

    fn spoken(text: &str, start_ms: Option<i64>) -> TranscriptTurn {
        TranscriptTurn { role: "caller".to_owned(), text: text.to_owned(), at: None, start_ms }
    }

    fn tool(name: &str, at: Option<Timestamp>) -> ToolUse {
        ToolUse { name: name.to_owned(), arguments: Value::Null, result: Some("fine".to_owned()), error: None, at }
    }

    #[test]
    fn tools_stand_between_the_words_they_were_used_between() {
        let mut call = detail();
        call.transcript = vec![
            spoken("one", Some(1_000)),
            spoken("untimed", None),
            spoken("two", Some(9_000)),
            spoken("three", None),
        ];
        call.tool_calls = vec![tool("late", None), tool("early", Some(at("10:00:09")))];
        let order: Vec<String> = turns(&call)
            .into_iter()
            .map(|turn| match turn {
                Turn::Said { text, .. } | Turn::Tool { text } => text,
            })
            .collect();
        assert_eq!(order, ["one", "untimed", "early: fine", "two", "three", "late: fine"]);
    }

    #[test]
    fn words_without_times_keep_their_order() {
        let mut call = detail();
        call.transcript = vec![spoken("one", None), spoken("two", None)];
        assert!(matches!(&turns(&call)[..], [Turn::Said { at: None, text, .. }, _] if text == "one"));
    }

    #[test]
    fn the_person_of_an_outgoing_call_is_the_one_who_was_rung() {
        let row = call_row(&detail().call);
        assert_eq!((row.number.as_deref(), row.seconds), (Some("+447700900118"), Some(56)));
    }

    #[test]
    fn an_ended_call_stays_among_the_live_ones_for_a_minute() {
        let call = detail().call;
        assert_eq!(just_ended(std::slice::from_ref(&call), at("10:01:59")).len(), 1);
        assert_eq!(just_ended(&[call], at("10:02:00")).len(), 0);
    }

    #[test]
    fn what_the_agent_noted_is_read_as_words() {
        let data = json!({ "callbackNumber": "+447700900118", "is_urgent": true, "outcome": "booked", "slots": [1], "n": null });
        let noted = noted(Some(&data));
        assert_eq!(noted[0], ("Callback number".to_owned(), "+447700900118".to_owned()));
        assert_eq!(noted[1], ("Is urgent".to_owned(), "Yes".to_owned()));
        assert_eq!(noted.len(), 2);
        assert_eq!(shortened(&"é".repeat(200)).chars().count(), TOOL_WORDS + 1);
    }

    #[test]
    fn a_timeline_leaves_out_what_the_page_says_elsewhere_and_keeps_what_nobody_knew() {
        let mut call = detail();
        let event = |kind: &str| CallEvent { kind: kind.to_owned(), at: None, received_at: at("10:00:30") };
        call.events = vec![event("transcript"), event("status-update"), event("hang"), event("brand-new")];
        let told: Vec<String> = moments(&call).into_iter().map(|moment| moment.text).collect();
        assert_eq!(told, ["Began", "Connected", "The agent was slow to answer", "brand-new", "Ended"]);
    }

    #[test]
    fn a_day_shows_its_office_hours_and_every_hour_with_a_call() {
        let count = |hour, answered, missed| HourCount { hour, answered, missed };
        let bars = hours(&[count(6, 1, 0), count(9, 2, 1)], &[count(21, 3, 1)]);
        assert_eq!((bars[0].hour, bars.last().unwrap().hour), (6, 21));
        assert_eq!((bars[3].answered, bars[3].missed, bars[3].before), (2, 1, Some(0)));
        assert_eq!(bars.last().unwrap().before, Some(4));
        let quiet = hours(&[], &[]);
        assert_eq!((quiet[0].hour, quiet.len(), quiet[0].before), (8, 10, None));
    }

    #[test]
    fn shares_are_rounded_and_a_day_without_calls_divides_by_nothing() {
        let totals = Totals { calls: 3, answered: 3, booked: 2, passed_on: 0, reply_p50_ms: Some(1_149), seconds: 0 };
        let shown: Vec<_> = stats(&totals).into_iter().map(|stat| (stat.value, stat.note)).collect();
        let expected = [("3", "of 3"), ("2", "67 %"), ("0", ""), ("1.1 s", "")];
        assert_eq!(shown, expected.map(|(value, note)| (value.to_owned(), note.to_owned())));
        assert_eq!(stats(&Totals::default())[0].note, "of 0");
    }

    #[test]
    fn a_day_begins_at_midnight_of_the_practice() {
        let zone = TimeZone::get("Australia/Sydney").unwrap();
        let (start, end) = day_of("2026-11-24T14:00:00Z".parse().unwrap(), &zone).unwrap();
        assert_eq!(
            (start.to_string(), end.to_string()),
            ("2026-11-24T13:00:00Z".to_owned(), "2026-11-25T13:00:00Z".to_owned())
        );
    }
}
