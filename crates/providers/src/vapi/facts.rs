//! What the system of record keeps of a message.
//!
//! One flat struct for every kind: a message fills what it knows and leaves the rest empty, and the database never lets an
//! empty fact erase a known one. Facts are taken from the scrubbed tree, so no credential and no signed address can be one.

use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{CallKind, Message, MessageKind, rest};
use crate::json::{Node, clean, node, values};

/// A latency beyond ten minutes is a broken clock.
const MAX_LATENCY_MS: f64 = 600_000.0;
/// Longest recording address kept.
const MAX_URL_CHARS: usize = 2048;

/// Who reached whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// They rang us.
    Inbound,
    /// We rang them.
    Outbound,
    /// A browser or socket call: nobody has a number.
    Web,
}

/// The status of a call, in the order it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Known, nothing rings yet. Vapi's `scheduled` counts as this too.
    Queued,
    /// Ringing.
    Ringing,
    /// Two sides are connected.
    InProgress,
    /// Being handed to a person.
    Forwarding,
    /// Over.
    Ended,
}

impl Status {
    /// The status that Vapi names. None: one that says nothing about the line, or none we know.
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        match node.text()? {
            "scheduled" | "queued" => Some(Self::Queued),
            "ringing" => Some(Self::Ringing),
            "in-progress" => Some(Self::InProgress),
            "forwarding" => Some(Self::Forwarding),
            "ended" => Some(Self::Ended),
            _ => None,
        }
    }
}

/// Who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The AI receptionist.
    Agent,
    /// The person.
    Caller,
}

/// One utterance.
#[derive(Clone, PartialEq, Serialize)]
pub struct Turn {
    /// Who spoke.
    pub role: Role,
    /// What was said, after Vapi's own security filter if one is set.
    pub text: String,
    /// When it began, wall clock.
    pub at: Option<Timestamp>,
    /// When it began, milliseconds after the start of the call.
    pub start_ms: Option<i64>,
    /// When it ended, milliseconds after the start of the call.
    pub end_ms: Option<i64>,
    /// False for a live caption that will still change.
    pub is_final: bool,
    /// Names this turn within its call: the same turn has the same key in every delivery. Turns of a report start with
    /// `r:`, live ones with `t:`; a report's turns replace the live ones, because the two cannot be matched one to one.
    pub source_key: String,
}

/// Shows the shape of a turn, not what was said.
impl fmt::Debug for Turn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Turn")
            .field("role", &self.role)
            .field("source_key", &self.source_key)
            .finish_non_exhaustive()
    }
}

/// One tool call of the model.
#[derive(Clone, PartialEq, Serialize)]
pub struct ToolCall {
    /// The id the answer must carry.
    pub id: String,
    /// The tool's name; empty when Vapi sent none.
    pub name: String,
    /// The arguments, usually an object; a text when they were not JSON, null when absent.
    pub arguments: Value,
}

/// Shows which tool, not what it was told.
impl fmt::Debug for ToolCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ToolCall").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Which sound of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Both sides mixed.
    Mono,
    /// One side per channel.
    Stereo,
    /// The agent alone.
    Assistant,
    /// The caller alone.
    Customer,
    /// Picture and sound.
    Video,
}

/// Where the provider keeps one recording. The address alone may not open it: it carries no signature, or is the route that
/// wants the account's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recording {
    /// Which sound.
    pub channel: Channel,
    /// The stable address.
    pub url: String,
}

/// How quickly the agent answered, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// Number of turns measured.
    pub turns: usize,
    /// Median of the whole turn, over the measured turns.
    pub turn_p50_ms: Option<i64>,
    /// 95th percentile of the whole turn (nearest rank).
    pub turn_p95_ms: Option<i64>,
    /// Vapi's average of the whole turn.
    pub turn_avg_ms: Option<i64>,
    /// Vapi's average of the model's first token.
    pub model_avg_ms: Option<i64>,
    /// Vapi's average of the speech synthesis.
    pub voice_avg_ms: Option<i64>,
    /// Vapi's average of the transcriber.
    pub transcriber_avg_ms: Option<i64>,
    /// Vapi's average of the wait for the end of speech.
    pub endpointing_avg_ms: Option<i64>,
    /// `numUserInterrupted`: how often the agent spoke into the caller.
    pub caller_interrupted: Option<i64>,
    /// `numAssistantInterrupted`: how often the caller spoke into the agent.
    pub agent_interrupted: Option<i64>,
}

/// What kind of place a call was handed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferKind {
    /// A telephone number.
    Number,
    /// A SIP address.
    Sip,
    /// Another assistant of the same squad.
    Assistant,
}

/// Where a call was, or is being, handed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// What kind of place.
    pub kind: TransferKind,
    /// The E.164 number (as sent when it is not one), the SIP address or the assistant's name.
    pub target: String,
    /// `connected`, `no-answer`, `busy`, `voicemail`, `failed`, `completed` or `cancelled`, from the report's transfer records.
    pub status: Option<String>,
}

/// Consent to being recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Consent {
    /// `stay-on-line` or `verbal`.
    pub kind: String,
    /// When it was given. Vapi's rule: absent means it was not given.
    pub granted_at: Option<Timestamp>,
}

/// Everything a message says that is worth a column.
#[derive(Clone, Default, PartialEq, Serialize)]
pub struct Facts {
    /// `call.id`.
    pub provider_call_id: Option<String>,
    /// From `call.type`; an `assistant-request` is inbound by its nature. Unknown types give none.
    pub direction: Option<Direction>,
    /// E.164: the caller of an inbound call, our number of an outbound one. None while the direction is unknown.
    pub from_number: Option<String>,
    /// E.164: our number of an inbound call, the person rung on an outbound one.
    pub to_number: Option<String>,
    /// The person's name if Vapi knows it.
    pub customer_name: Option<String>,
    /// Vapi's id of the assistant.
    pub assistant_id: Option<String>,
    /// Vapi's id of our number.
    pub phone_number_id: Option<String>,
    /// The carrier's id of the telephone leg.
    pub leg_id: Option<String>,
    /// From `status-update`, and `ended` from a report. A snapshot in `call.status` is only believed when the provider's
    /// API was asked for it.
    pub status: Option<Status>,
    /// The message's time, when it set [`Self::status`].
    pub status_at: Option<Timestamp>,
    /// Vapi's reason as text; see [`super::classify`].
    pub ended_reason: Option<String>,
    /// When the two sides were connected.
    pub started_at: Option<Timestamp>,
    /// When the call was over.
    pub ended_at: Option<Timestamp>,
    /// Whole seconds from start to end, rounded to nearest; else what Vapi calls the duration. None when negative or over a week.
    pub duration_seconds: Option<i64>,
    /// Micro US dollars.
    pub cost_micros: Option<i64>,
    /// The whole conversation, from a report.
    pub turns: Vec<Turn>,
    /// The one utterance of a `transcript` message.
    pub live_turn: Option<Turn>,
    /// Tool calls asked for now, or made during the reported call. One without an id cannot be answered and is left out.
    pub tool_calls: Vec<ToolCall>,
    /// The summary of the call.
    pub summary: Option<String>,
    /// Vapi's verdict as text; its form depends on the rubric.
    pub success_evaluation: Option<String>,
    /// `analysis.structuredData`.
    pub structured_data: Option<Value>,
    /// `artifact.structuredOutputs`: the newer form, keyed by output id.
    pub structured_outputs: Option<Value>,
    /// How quickly the agent answered.
    pub latency: Option<Latency>,
    /// Where the recordings are, at most one per channel.
    pub recordings: Vec<Recording>,
    /// From `language-change-detected`.
    pub language: Option<String>,
    /// Where the call went or is going.
    pub transfer: Option<Transfer>,
    /// Consent to being recorded, when a consent plan is in force.
    pub consent: Option<Consent>,
}

/// Shows the shape of the facts, nobody's data.
impl fmt::Debug for Facts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Facts")
            .field("provider_call_id", &self.provider_call_id)
            .field("direction", &self.direction)
            .field("status", &self.status)
            .field("ended_reason", &self.ended_reason)
            .field("turns", &self.turns.len())
            .field("tool_calls", &self.tool_calls)
            .field("recordings", &self.recordings.len())
            .finish_non_exhaustive()
    }
}

/// Extracts the facts of a message from its scrubbed tree.
pub(super) fn extract(envelope: &Message, message: &Node<'_>) -> Facts {
    let mut facts = basics(envelope);
    match &envelope.kind {
        MessageKind::StatusUpdate => status_update(&mut facts, envelope, message),
        MessageKind::EndOfCallReport => report(&mut facts, envelope, message),
        MessageKind::CallObject => call_object(&mut facts, envelope, message),
        MessageKind::NoEndReceived => {
            facts.status = Some(Status::Ended);
            facts.ended_reason = Some(super::rest::NO_END_RECEIVED.to_owned());
        }
        MessageKind::Transcript => facts.live_turn = live_turn(envelope, message),
        MessageKind::ToolCalls => facts.tool_calls = requested_tool_calls(message),
        MessageKind::TransferUpdate | MessageKind::PhoneCallControl => {
            facts.transfer = destination(message.get("destination"));
        }
        MessageKind::LanguageChangeDetected => facts.language = values::label(message.get("language"), 35),
        _ => {}
    }
    facts
}

/// What every message with a call says.
fn basics(envelope: &Message) -> Facts {
    let call = &envelope.call;
    let direction = direction(envelope);
    let (from_number, to_number) = match direction {
        Some(Direction::Inbound) => (call.customer_number.clone(), call.our_number.clone()),
        Some(Direction::Outbound) => (call.our_number.clone(), call.customer_number.clone()),
        Some(Direction::Web) | None => (None, None),
    };
    Facts {
        provider_call_id: call.id.clone(),
        direction,
        from_number,
        to_number,
        customer_name: call.customer_name.clone(),
        assistant_id: call.assistant_id.clone(),
        phone_number_id: call.phone_number_id.clone(),
        leg_id: call.leg_id.clone(),
        started_at: call.started_at,
        ended_at: call.ended_at,
        duration_seconds: seconds_between(call.started_at, call.ended_at),
        ..Facts::default()
    }
}

fn direction(envelope: &Message) -> Option<Direction> {
    match envelope.call.kind {
        Some(CallKind::InboundPhone) => Some(Direction::Inbound),
        Some(CallKind::OutboundPhone) => Some(Direction::Outbound),
        Some(CallKind::Web | CallKind::Websocket) => Some(Direction::Web),
        None => (envelope.kind == MessageKind::AssistantRequest).then_some(Direction::Inbound),
    }
}

fn status_update(facts: &mut Facts, envelope: &Message, message: &Node<'_>) {
    facts.status = Status::read(message.get("status"));
    facts.status_at = facts.status.and(envelope.timestamp);
    facts.transfer = destination(message.get("destination"));
    facts.summary = values::text(message.get("summary"));
    if facts.status == Some(Status::Ended) {
        let call = message.get("call");
        facts.ended_reason = ended_reason(&[message, call]);
        facts.cost_micros = values::micros(call.get("cost"));
    }
}

/// What the provider's API says of a call. A finished one says what its report says: each field of the report "can also be
/// found" there, in the words of the schema. Of a call that goes on only the status is news.
fn call_object(facts: &mut Facts, envelope: &Message, message: &Node<'_>) {
    let status = Status::read(message.get("call").get("status"));
    if status == Some(Status::Ended) {
        report(facts, envelope, message);
        if facts.started_at.is_none() && facts.duration_seconds.is_none() {
            // Reports of calls that nobody answered say so with a duration of their own, which the object lacks.
            facts.duration_seconds = Some(0);
        }
    } else {
        facts.status = status;
    }
    facts.status_at = None;
}

fn report(facts: &mut Facts, envelope: &Message, message: &Node<'_>) {
    let call = message.get("call");
    // The report itself first, then the copy of the call inside it; the last form is what older reports carried at the top.
    let artifacts = [message.get("artifact"), call.get("artifact"), message];
    let analyses = [message.get("analysis"), call.get("analysis")];

    facts.status = Some(Status::Ended);
    facts.status_at = envelope.timestamp;
    facts.ended_reason = ended_reason(&[message, call]);
    facts.started_at = values::time(message.get("startedAt")).or(envelope.call.started_at);
    facts.ended_at = values::time(message.get("endedAt")).or(envelope.call.ended_at);
    facts.duration_seconds = match (facts.started_at, facts.ended_at) {
        (Some(_), Some(_)) => seconds_between(facts.started_at, facts.ended_at),
        _ => stated_duration(message).or_else(|| stated_duration(call)),
    };
    facts.cost_micros = [message, call].iter().find_map(|place| {
        values::micros(place.get("cost")).or_else(|| values::micros(place.get("costBreakdown").get("total")))
    });
    facts.turns = conversation(&artifacts);
    facts.tool_calls = made_tool_calls(&artifacts);
    facts.summary = analyses.iter().chain(&[message]).find_map(|place| values::text(place.get("summary")));
    facts.success_evaluation = analyses.iter().find_map(|analysis| verdict(analysis.get("successEvaluation")));
    facts.structured_data = analyses.iter().find_map(|analysis| filled(analysis.get("structuredData")));
    facts.structured_outputs = artifacts.iter().find_map(|artifact| filled(artifact.get("structuredOutputs")));
    facts.latency = artifacts.iter().find_map(|artifact| latency(artifact.get("performanceMetrics")));
    facts.recordings = recordings(&artifacts, envelope.call.id.as_deref());
    facts.transfer = transfer(message, call, &artifacts);
    facts.consent = [message, call].iter().find_map(|place| consent(place.get("compliance").get("recordingConsent")));
}

fn ended_reason(places: &[&Node<'_>]) -> Option<String> {
    places.iter().find_map(|place| values::label(place.get("endedReason"), 200))
}

fn seconds_between(start: Option<Timestamp>, end: Option<Timestamp>) -> Option<i64> {
    let millis = end?.as_millisecond().checked_sub(start?.as_millisecond())?;
    let rounded = millis.checked_add(500)?.div_euclid(1000);
    #[expect(
        clippy::cast_precision_loss,
        reason = "two times between 2000 and 2099 differ by far less than 2^53 seconds"
    )]
    values::call_seconds(rounded as f64).filter(|_| millis >= 0)
}

/// `durationSeconds` or `durationMs`: not in the schema, seen in reports.
fn stated_duration(place: &Node<'_>) -> Option<i64> {
    let seconds = values::number(place.get("durationSeconds"))
        .or_else(|| values::number(place.get("durationMs")).map(|millis| millis / 1000.0))?;
    values::call_seconds(seconds)
}

/// Free-form JSON that says something.
fn filled(node: &Node<'_>) -> Option<Value> {
    let empty = match node {
        Node::Null => true,
        Node::Object(members) => members.is_empty(),
        Node::List(items) => items.is_empty(),
        _ => false,
    };
    (!empty).then(|| node.to_value())
}

/// The verdict is documented as text; rubrics also give booleans and numbers.
fn verdict(node: &Node<'_>) -> Option<String> {
    match node {
        Node::Bool(value) => Some(value.to_string()),
        Node::Int(value) => Some(value.to_string()),
        Node::Float(value) => Some(value.to_string()),
        other => values::label(other, 200),
    }
}

// --- what was said -----------------------------------------------------------------------------------------------------

fn role_of(text: &str) -> Option<Role> {
    match text {
        "bot" | "assistant" | "agent" | "ai" => Some(Role::Agent),
        "user" | "customer" | "caller" => Some(Role::Caller),
        _ => None,
    }
}

/// The whole conversation: the first place that has spoken messages, else the first flat transcript.
fn conversation(artifacts: &[&Node<'_>]) -> Vec<Turn> {
    artifacts
        .iter()
        .map(|artifact| spoken(artifact.get("messages")))
        .find(|turns| !turns.is_empty())
        .or_else(|| artifacts.iter().find_map(|artifact| artifact.get("transcript").text().map(transcript_lines)))
        .unwrap_or_default()
}

/// The spoken messages of a report; system prompts and tool traffic are not speech.
fn spoken(messages: &Node<'_>) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for message in messages.items() {
        let Some(role) = message.get("role").text().and_then(role_of) else { continue };
        let Some(text) = values::text(message.get("message")).or_else(|| values::text(message.get("content"))) else {
            continue;
        };
        let at = values::time(message.get("time"));
        let start_ms = values::offset_ms(message.get("secondsFromStart"));
        let end_ms = end_of(message, at, start_ms);
        let source_key = unique_key(&mut seen, report_key(role, at, start_ms));
        turns.push(Turn { role, text, at, start_ms, end_ms, is_final: true, source_key });
    }
    turns
}

/// The end on the call's own clock: start plus how long it lasted, by wall clock first and by `duration` else.
///
/// `duration` is documented in seconds and seen in milliseconds, so it is only used when the wall clock is missing, and only
/// as documented.
fn end_of(message: &Node<'_>, at: Option<Timestamp>, start_ms: Option<i64>) -> Option<i64> {
    let start_ms = start_ms?;
    let by_clock = values::time(message.get("endTime"))
        .zip(at)
        .and_then(|(end, start)| end.as_millisecond().checked_sub(start.as_millisecond()));
    let lasted = by_clock.or_else(|| values::offset_ms(message.get("duration")))?;
    (lasted >= 0).then(|| start_ms.checked_add(lasted)).flatten()
}

/// Time and role name a turn; a report that comes again with more turns keeps the keys of the old ones.
fn report_key(role: Role, at: Option<Timestamp>, start_ms: Option<i64>) -> String {
    let side = if role == Role::Agent { "a" } else { "c" };
    match (at, start_ms) {
        (Some(at), _) => format!("r:{}:{side}", at.as_millisecond()),
        (None, Some(start)) => format!("r:+{start}:{side}"),
        (None, None) => format!("r:?:{side}"),
    }
}

/// Two turns of one side at one instant are told apart by their order.
fn unique_key(seen: &mut HashMap<String, usize>, key: String) -> String {
    let before = seen.entry(key.clone()).or_insert(0);
    *before += 1;
    if *before == 1 { key } else { format!("{key}#{before}") }
}

/// The flat transcript, `AI: ...` and `User: ...` by line; a line without a speaker goes on with the one before.
fn transcript_lines(transcript: &str) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for line in transcript.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let spoken = line
            .split_once(':')
            .and_then(|(speaker, text)| Some((role_of(&speaker.trim().to_ascii_lowercase())?, text.trim())));
        match (spoken, turns.last_mut()) {
            (Some((role, text)), _) if !text.is_empty() => {
                let source_key = format!("r:n{}", turns.len());
                turns.push(Turn {
                    role,
                    text: text.to_owned(),
                    at: None,
                    start_ms: None,
                    end_ms: None,
                    is_final: true,
                    source_key,
                });
            }
            (None, Some(last)) => {
                last.text.push('\n');
                last.text.push_str(line);
            }
            // Text before any speaker belongs to nobody we could name, and silence is not a turn.
            (None, None) | (Some(_), _) => {}
        }
    }
    turns
}

fn live_turn(envelope: &Message, message: &Node<'_>) -> Option<Turn> {
    let role = message.get("role").text().and_then(role_of)?;
    let text = values::text(message.get("transcript"))?;
    let is_final = is_final_transcript(envelope, message);
    Some(Turn {
        role,
        source_key: format!("t:{}", super::dedup::transcript_identity(envelope, message, is_final)),
        text,
        at: envelope.timestamp,
        start_ms: None,
        end_ms: None,
        is_final,
    })
}

/// Final when it says so, in the field or in the type's own filter; a caption of unknown kind counts as one that may change.
pub(super) fn is_final_transcript(envelope: &Message, message: &Node<'_>) -> bool {
    match message.get("transcriptType").text() {
        Some(kind) => kind == "final",
        None => envelope.type_text.contains("final"),
    }
}

// --- tools -------------------------------------------------------------------------------------------------------------

/// The calls of a `tool-calls` message, in any of the shapes Vapi documents, each id once.
fn requested_tool_calls(message: &Node<'_>) -> Vec<ToolCall> {
    let plain = ["toolCallList", "toolCalls"].into_iter().flat_map(|key| message.get(key).items());
    let wrapped = message.get("toolWithToolCallList").items();
    let mut calls = Vec::new();
    for call in plain {
        remember(&mut calls, tool_call(call, call));
    }
    for tool in wrapped {
        remember(&mut calls, tool_call(tool.get("toolCall"), tool));
    }
    calls
}

/// The calls a report lists among its messages.
fn made_tool_calls(artifacts: &[&Node<'_>]) -> Vec<ToolCall> {
    let Some(messages) =
        artifacts.iter().map(|artifact| artifact.get("messages").items()).find(|items| !items.is_empty())
    else {
        return Vec::new();
    };
    let mut calls = Vec::new();
    for call in messages.iter().flat_map(|message| message.get("toolCalls").items()) {
        remember(&mut calls, tool_call(call, call));
    }
    calls
}

fn remember(calls: &mut Vec<ToolCall>, call: Option<ToolCall>) {
    if let Some(call) = call
        && !calls.iter().any(|known| known.id == call.id)
    {
        calls.push(call);
    }
}

/// One call. The arguments stand in `function.arguments` (`OpenAPI`, a JSON text), `function.parameters` or `parameters`
/// (events guide, an object) or `arguments` (custom-tools guide, an object). `tool` is the configuration around it, if any.
fn tool_call(call: &Node<'_>, tool: &Node<'_>) -> Option<ToolCall> {
    let function = call.get("function");
    let id = values::id(call.get("id")).or_else(|| values::id(call.get("toolCallId")))?;
    let name = [function.get("name"), call.get("name"), tool.get("function").get("name"), tool.get("name")]
        .into_iter()
        .find_map(|node| values::label(node, 200))
        .unwrap_or_default();
    let arguments =
        [function.get("arguments"), function.get("parameters"), call.get("arguments"), call.get("parameters")]
            .into_iter()
            .find(|node| !node.is_null())
            .map_or(Value::Null, arguments);
    Some(ToolCall { id, name, arguments })
}

/// Arguments as JSON. A text is JSON inside JSON: it is cleaned like a body of its own (it has been scrubbed already).
fn arguments(node: &Node<'_>) -> Value {
    let Some(text) = node.text() else { return node.to_value() };
    if text.trim().is_empty() {
        return Value::Null;
    }
    let cleaned = clean::without_unstorable(text);
    let mut retry = None;
    node::parse(&cleaned, &mut retry).map_or_else(|_| Value::String(text.to_owned()), |inner| inner.to_value())
}

// --- the rest of a report ----------------------------------------------------------------------------------------------

fn latency(metrics: &Node<'_>) -> Option<Latency> {
    if !metrics.is_object() {
        return None;
    }
    let millis = |node: &Node<'_>| values::number(node).and_then(|value| values::whole(value, MAX_LATENCY_MS));
    let average = |key: &str| millis(metrics.get(key));
    let mut turns: Vec<i64> =
        metrics.get("turnLatencies").items().iter().filter_map(|turn| millis(turn.get("turnLatency"))).collect();
    turns.sort_unstable();
    let found = Latency {
        turns: turns.len(),
        turn_p50_ms: nearest_rank(&turns, 50),
        turn_p95_ms: nearest_rank(&turns, 95),
        turn_avg_ms: average("turnLatencyAverage"),
        model_avg_ms: average("modelLatencyAverage"),
        voice_avg_ms: average("voiceLatencyAverage"),
        transcriber_avg_ms: average("transcriberLatencyAverage"),
        endpointing_avg_ms: average("endpointingLatencyAverage"),
        caller_interrupted: average("numUserInterrupted"),
        agent_interrupted: average("numAssistantInterrupted"),
    };
    (found != Latency::default()).then_some(found)
}

/// The nearest-rank percentile of a sorted list.
fn nearest_rank(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn recordings(artifacts: &[&Node<'_>], call: Option<&str>) -> Vec<Recording> {
    let stated = stated_recordings(artifacts);
    if stated.is_empty() { signed_recordings(artifacts, call) } else { stated }
}

/// A signed address opens the sound for minutes and is not kept, but it says that there is a sound: the provider's own route
/// gives a fresh address whenever it is asked.
fn signed_recordings(artifacts: &[&Node<'_>], call: Option<&str>) -> Vec<Recording> {
    let names = [
        (Channel::Stereo, "presignedStereoUrl"),
        (Channel::Mono, "presignedMonoUrl"),
        (Channel::Assistant, "presignedAssistantUrl"),
        (Channel::Customer, "presignedCustomerUrl"),
        (Channel::Video, "presignedVideoUrl"),
    ];
    names
        .into_iter()
        .filter(|(_, name)| artifacts.iter().any(|artifact| is_filled_text(artifact.get(name))))
        .filter_map(|(channel, _)| {
            let url = format!("{}{}", rest::PUBLIC_URL, rest::recording_path(call?, channel)?);
            (url.len() <= MAX_URL_CHARS).then_some(Recording { channel, url })
        })
        .collect()
}

fn is_filled_text(node: &Node<'_>) -> bool {
    node.text().is_some_and(|text| !text.trim().is_empty())
}

fn stated_recordings(artifacts: &[&Node<'_>]) -> Vec<Recording> {
    let mut found: Vec<Recording> = Vec::new();
    for artifact in artifacts {
        let recording = artifact.get("recording");
        let mono = recording.get("mono");
        let places = [
            (Channel::Stereo, recording.get("stereoUrl")),
            (Channel::Mono, mono.get("combinedUrl")),
            (Channel::Assistant, mono.get("assistantUrl")),
            (Channel::Customer, mono.get("customerUrl")),
            (Channel::Video, recording.get("videoUrl")),
            (Channel::Mono, recording),
            (Channel::Mono, artifact.get("recordingUrl")),
            (Channel::Stereo, artifact.get("stereoRecordingUrl")),
            (Channel::Video, artifact.get("videoRecordingUrl")),
        ];
        for (channel, node) in places {
            if let Some(url) = web_address(node)
                && !found.iter().any(|known| known.channel == channel)
            {
                found.push(Recording { channel, url });
            }
        }
    }
    found
}

/// An `http(s)` address of sane length without spaces or control characters.
fn web_address(node: &Node<'_>) -> Option<String> {
    let text = node.text()?.trim();
    let has_scheme = text.starts_with("https://") || text.starts_with("http://");
    let is_clean = text.len() <= MAX_URL_CHARS && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    (has_scheme && is_clean).then(|| text.to_owned())
}

/// The last transfer record of the report, else the destination it names.
fn transfer(message: &Node<'_>, call: &Node<'_>, artifacts: &[&Node<'_>]) -> Option<Transfer> {
    let recorded = artifacts.iter().find_map(|artifact| {
        let record = artifact.get("transfers").items().last()?;
        let transfer = destination(record.get("destination"))?;
        Some(Transfer { status: values::label(record.get("status"), 40), ..transfer })
    });
    recorded.or_else(|| [message, call].iter().find_map(|place| destination(place.get("destination"))))
}

fn destination(node: &Node<'_>) -> Option<Transfer> {
    let (kind, target) = if let Some(number) = values::label(node.get("number"), 64) {
        (TransferKind::Number, values::normalise_number(&number).unwrap_or(number))
    } else if let Some(address) = values::label(node.get("sipUri"), 256) {
        (TransferKind::Sip, address)
    } else {
        (TransferKind::Assistant, values::label(node.get("assistantName"), 200)?)
    };
    Some(Transfer { kind, target, status: None })
}

fn consent(node: &Node<'_>) -> Option<Consent> {
    let kind = values::label(node.get("type"), 40)?;
    Some(Consent { kind, granted_at: values::time(node.get("grantedAt")) })
}
