//! What an event says about its call, in the shape that the ingest function takes.

use jiff::Timestamp;
use providers::vapi::reply::{ToolCallsReply, ToolResult};
use providers::vapi::{self, EndedClass, FailureCause, Message, MessageKind, Received, Role, Status, ToolCall, Turn};
use serde::Serialize;
use serde_json::Value;

use crate::calls::model::outcome_of;

/// Spoken through the model when it calls a tool that does not exist here. Honest: nothing was done.
const NO_SUCH_TOOL: &str = "This is not available on this line. Nothing was done or booked. Offer to take a message so that \
                            somebody from the practice can call back.";

/// The SQL type `call_facts` (`migrations/0003_voice.sql`), field by field. Missing is null, and null never erases.
#[derive(Default, Serialize)]
pub struct EventFacts {
    assistant_ref: Option<String>,
    number_ref: Option<String>,
    leg_id: Option<String>,
    direction: Option<vapi::Direction>,
    from_number: Option<String>,
    to_number: Option<String>,
    caller_name: Option<String>,
    status: Option<Status>,
    status_at: Option<Timestamp>,
    at: Option<Timestamp>,
    event_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    duration_seconds: Option<i64>,
    ended_reason: Option<String>,
    ended_class: Option<&'static str>,
    outcome: Option<&'static str>,
    cost_micros: Option<i64>,
    currency: Option<&'static str>,
    summary: Option<String>,
    success_evaluation: Option<String>,
    structured_data: Option<Value>,
    latency: Option<vapi::Latency>,
    language: Option<String>,
    transferred_to: Option<String>,
    consent: Option<vapi::Consent>,
    recordings: Option<Vec<vapi::Recording>>,
    turn_key: Option<String>,
    turn_role: Option<Role>,
    turn_text: Option<String>,
    turn_final: Option<bool>,
    tool_calls: Option<Vec<AnsweredToolCall>>,
    /// Always present: a composite of nothing but nulls would count as null itself.
    is_report: bool,
}

/// A tool call with what the model is told.
#[derive(Clone, Serialize)]
pub struct AnsweredToolCall {
    id: String,
    name: String,
    arguments: Value,
    error: &'static str,
}

/// Everything the ingest function is given besides the connection.
pub struct Event {
    /// What kind of message this is.
    pub kind: MessageKind,
    /// The type as the provider wrote it, bounded.
    pub type_text: String,
    /// Business identity.
    pub dedup_key: String,
    /// For reports: a digest of what they say.
    pub facts_digest: Option<String>,
    /// The provider's id of the call.
    pub provider_call_id: Option<String>,
    /// The provider's time.
    pub at: Option<Timestamp>,
    /// The scrubbed body, uncompressed.
    pub body: Vec<u8>,
    /// What the event says.
    pub facts: EventFacts,
    /// The conversation, when the event carries it whole.
    pub transcript: Option<Vec<Turn>>,
}

/// Shows which event this is, not what was said.
impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event").field("kind", &self.kind).field("dedup_key", &self.dedup_key).finish_non_exhaustive()
    }
}

impl Event {
    /// Turns a received message into an event. Pure.
    pub fn from_received(received: Received) -> Self {
        // The provider's record of a finished call says what its report says.
        let is_report = received.is_whole();
        let Received { message, facts, dedup_key, facts_digest, redacted } = received;
        let class = facts.ended_reason.as_deref().map(vapi::classify);
        let outcome = class.map(|class| outcome_of(class, facts.structured_data.as_ref()));
        let event_at = message.timestamp;
        let at = [message.call.created_at, facts.started_at, event_at].into_iter().flatten().filter(is_plausible).min();
        let turn = facts.live_turn;
        let transcript = (!facts.turns.is_empty()).then_some(facts.turns);
        let facts = EventFacts {
            status: facts.status.or_else(|| implied_status(&message)),
            status_at: facts.status_at,
            at,
            event_at,
            assistant_ref: facts.assistant_id,
            number_ref: facts.phone_number_id,
            leg_id: facts.leg_id,
            direction: facts.direction,
            from_number: facts.from_number,
            to_number: facts.to_number,
            caller_name: facts.customer_name,
            started_at: facts.started_at,
            ended_at: facts.ended_at,
            duration_seconds: facts.duration_seconds,
            ended_reason: facts.ended_reason,
            ended_class: class.map(class_code),
            outcome,
            cost_micros: facts.cost_micros,
            currency: facts.cost_micros.map(|_| "USD"),
            summary: facts.summary,
            success_evaluation: facts.success_evaluation,
            structured_data: facts.structured_data.or(facts.structured_outputs),
            latency: facts.latency,
            language: facts.language,
            transferred_to: facts.transfer.map(|transfer| transfer.target),
            consent: facts.consent,
            recordings: (!facts.recordings.is_empty()).then_some(facts.recordings),
            turn_key: turn.as_ref().map(|turn| turn.source_key.clone()),
            turn_role: turn.as_ref().map(|turn| turn.role),
            turn_final: turn.as_ref().map(|turn| turn.is_final),
            turn_text: turn.map(|turn| turn.text),
            // The report tells of calls made; only a request is ours to answer.
            tool_calls: (message.kind == MessageKind::ToolCalls && !facts.tool_calls.is_empty())
                .then(|| facts.tool_calls.into_iter().map(answer_tool_call).collect()),
            is_report,
        };
        Self {
            kind: message.kind,
            type_text: message.type_text.chars().take(200).collect(),
            dedup_key: dedup_key.as_str().to_owned(),
            facts_digest,
            provider_call_id: message.call.id,
            at: event_at,
            body: redacted,
            facts,
            transcript,
        }
    }

    /// The answer to a `tool-calls` message.
    pub fn tool_reply(&self) -> ToolCallsReply {
        let calls = self.facts.tool_calls.as_deref().unwrap_or_default();
        ToolCallsReply {
            results: calls.iter().map(|call| ToolResult::failed(&call.id, &call.name, call.error)).collect(),
        }
    }
}

/// No tool exists yet: the model is told so in words it can pass on.
fn answer_tool_call(call: ToolCall) -> AnsweredToolCall {
    AnsweredToolCall { id: call.id, name: call.name, arguments: call.arguments, error: NO_SUCH_TOOL }
}

/// Lists are ordered by a call's earliest time, so a zero clock would hide a call behind all others. The provider has made
/// no calls before 2023.
fn is_plausible(time: &Timestamp) -> bool {
    const FIRST_SECOND: i64 = 1_672_531_200;
    time.as_second() >= FIRST_SECOND
}

/// The status that a message implies without stating it: people who speak are connected. Without this, a call whose
/// status updates were lost would stand as queued while somebody talks.
fn implied_status(message: &Message) -> Option<Status> {
    match message.kind {
        MessageKind::Transcript
        | MessageKind::SpeechUpdate
        | MessageKind::ConversationUpdate
        | MessageKind::ToolCalls
        | MessageKind::UserInterrupted
        | MessageKind::ModelOutput
        | MessageKind::VoiceInput
        | MessageKind::LanguageChangeDetected => Some(Status::InProgress),
        MessageKind::AssistantRequest => Some(Status::Ringing),
        _ => None,
    }
}

/// What is stored of a class.
fn class_code(class: EndedClass) -> &'static str {
    match class {
        EndedClass::CustomerHungUp => "customer_hung_up",
        EndedClass::AgentEnded => "agent_ended",
        EndedClass::Completed => "completed",
        EndedClass::Transferred => "transferred",
        EndedClass::Voicemail => "voicemail",
        EndedClass::NoAnswer => "no_answer",
        EndedClass::Busy => "busy",
        EndedClass::Silence => "silence",
        EndedClass::MaxDuration => "max_duration",
        EndedClass::Failed(FailureCause::Platform) => "failed_platform",
        EndedClass::Failed(FailureCause::Vendor) => "failed_vendor",
        EndedClass::Failed(FailureCause::Billing) => "failed_billing",
        EndedClass::Failed(FailureCause::Telephony) => "failed_telephony",
        EndedClass::Failed(FailureCause::Configuration) => "failed_configuration",
        EndedClass::Cancelled => "cancelled",
        EndedClass::NoEndReceived => "no_end_received",
        EndedClass::Unknown => "unknown",
    }
}
