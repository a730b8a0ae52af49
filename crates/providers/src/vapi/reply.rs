//! What Vapi reads back from us, for the eight messages that wait for it.
//!
//! Everything else is answered with an empty 200. Source: schemas `ServerMessageResponse*` of Vapi's `OpenAPI`.

use serde::Serialize;
use serde_json::{Value, json};

use super::MessageKind;

/// How long we tell Vapi to wait after the caller stops, in seconds: its own default for speech without punctuation.
const ENDPOINTING_SECONDS: f64 = 1.5;

/// The answer to an `assistant-request`, due within 7.5 s.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AssistantReply {
    /// A stored assistant answers.
    AssistantId(String),
    /// An assistant described here answers; the value is Vapi's `CreateAssistantDTO`.
    Assistant(Value),
    /// The call is put through at once, no assistant.
    Destination(Destination),
    /// Nobody answers: this sentence is spoken and the call ends.
    Error(String),
}

/// Where to put a call through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Destination {
    /// A telephone number in E.164.
    Number {
        /// The number.
        number: String,
        /// Spoken to the caller first; none means Vapi's own sentence, empty means silence.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// A SIP address.
    Sip {
        /// The address.
        #[serde(rename = "sipUri")]
        sip_uri: String,
        /// Spoken to the caller first; none means Vapi's own sentence, empty means silence.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
}

/// The answer to a `tool-calls` message: one result for each call, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ToolCallsReply {
    /// The results.
    pub results: Vec<ToolResult>,
}

/// The result of one tool call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResult {
    /// The id of the call this answers.
    pub tool_call_id: String,
    /// The tool's name.
    pub name: String,
    /// How it went.
    #[serde(flatten)]
    pub outcome: ToolOutcome,
}

/// How a tool call went, as text the model reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ToolOutcome {
    /// What the tool found or did. A text, not an object: the schema says so, whatever the guide shows.
    Result(String),
    /// Why it could not.
    Error(String),
}

impl ToolResult {
    /// A result. Line breaks become spaces: Vapi asks for a single line.
    pub fn ok(id: impl Into<String>, name: impl Into<String>, text: &str) -> Self {
        Self { tool_call_id: id.into(), name: name.into(), outcome: ToolOutcome::Result(one_line(text)) }
    }

    /// A failure. Line breaks become spaces: Vapi asks for a single line.
    pub fn failed(id: impl Into<String>, name: impl Into<String>, text: &str) -> Self {
        Self { tool_call_id: id.into(), name: name.into(), outcome: ToolOutcome::Error(one_line(text)) }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The honest and harmless answer to a request that nothing here can fulfil yet, or `None` when there is no such answer.
///
/// - `transfer-destination-request`, `handoff-destination-request`: an error, so the agent stays on the line and says so;
///   a made-up destination would ring a stranger. (The hand-off schema also wants a destination; there is none to give.)
/// - `knowledge-base-request`: no documents; the model goes on with what it knows.
/// - `campaign.predial`: not eligible. Silence would count as a failure, `true` would ring somebody we did not clear.
/// - `call.endpointing.request`: Vapi's own default wait.
/// - `assistant-request` and `tool-calls` depend on the organization: use [`AssistantReply`] and [`ToolCallsReply`].
/// - `voice-request` wants raw audio on its own address, which we never give to Vapi: there is no harmless JSON for it.
pub fn harmless(kind: &MessageKind) -> Option<Value> {
    match kind {
        MessageKind::TransferDestinationRequest | MessageKind::HandoffDestinationRequest => {
            Some(json!({ "error": "Nobody can take the call over right now." }))
        }
        MessageKind::KnowledgeBaseRequest => Some(json!({ "documents": [] })),
        MessageKind::CampaignPredial => Some(json!({ "eligible": false })),
        MessageKind::CallEndpointingRequest => Some(json!({ "timeoutSeconds": ENDPOINTING_SECONDS })),
        _ => None,
    }
}
