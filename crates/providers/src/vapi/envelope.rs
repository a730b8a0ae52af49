//! The envelope every server message shares: `{"message": {"type", "timestamp"?, "call"?, "phoneNumber"?, "customer"?, ...}}`.
//!
//! Source: Vapi's `OpenAPI`, schema `ServerMessage` and its 29 members.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::json::{JsonError, Node, values};

/// Longest `type` text kept of a message we do not know.
const MAX_TYPE_CHARS: usize = 100;

/// Why a body is not a Vapi message. Says where, never what: bodies hold personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The bytes are not UTF-8.
    #[error("the body is not UTF-8 text")]
    NotUtf8,
    /// The text is not one JSON value of at most 127 levels.
    #[error("the body is not JSON (line {line}, column {column})")]
    NotJson {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault in bytes, from 1.
        column: usize,
    },
    /// The JSON is not an object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// There is no object `message`.
    #[error("there is no object `message`")]
    NoMessage,
    /// There is no text `message.type`.
    #[error("there is no text `message.type`")]
    NoType,
}

impl ParseError {
    /// A stable code for answers and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotUtf8 => "body_not_utf8",
            Self::NotJson { .. } => "body_not_json",
            Self::NotAnObject => "body_not_object",
            Self::NoMessage => "message_missing",
            Self::NoType => "message_type_missing",
        }
    }

    /// The JSON path of the fault.
    pub fn path(&self) -> &'static str {
        match self {
            Self::NotUtf8 | Self::NotJson { .. } | Self::NotAnObject => "$",
            Self::NoMessage => "$.message",
            Self::NoType => "$.message.type",
        }
    }
}

impl From<JsonError> for ParseError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::NotUtf8 => Self::NotUtf8,
            JsonError::NotJson { line, column } => Self::NotJson { line, column },
        }
    }
}

/// The kinds of server message, by their documented `type`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// `assistant-request`: who shall answer? Wants a reply within 7.5 s.
    AssistantRequest,
    /// `conversation-update`: the whole history so far.
    ConversationUpdate,
    /// `end-of-call-report`: everything about a finished call.
    EndOfCallReport,
    /// `handoff-destination-request`: wants a reply.
    HandoffDestinationRequest,
    /// `hang`: the assistant is slow.
    Hang,
    /// `knowledge-base-request`: wants a reply.
    KnowledgeBaseRequest,
    /// `model-output`: a token or a tool call of the model.
    ModelOutput,
    /// `phone-call-control`: asks us to forward or hang up; only sent when subscribed.
    PhoneCallControl,
    /// `speech-update`: somebody started or stopped speaking.
    SpeechUpdate,
    /// `status-update`: the call's status changed.
    StatusUpdate,
    /// `tool-calls`: wants a reply.
    ToolCalls,
    /// `transfer-destination-request`: wants a reply.
    TransferDestinationRequest,
    /// `transfer-update`: a transfer happened.
    TransferUpdate,
    /// `transcript`, also written `transcript[transcriptType="final"]`.
    Transcript,
    /// `user-interrupted`.
    UserInterrupted,
    /// `language-change-detected`.
    LanguageChangeDetected,
    /// `voice-input`.
    VoiceInput,
    /// `assistant.speechStarted`.
    AssistantSpeechStarted,
    /// `voice-request`: wants raw audio.
    VoiceRequest,
    /// `call.endpointing.request`: wants a reply.
    CallEndpointingRequest,
    /// `chat.created`.
    ChatCreated,
    /// `chat.deleted`.
    ChatDeleted,
    /// `session.created`.
    SessionCreated,
    /// `session.updated`.
    SessionUpdated,
    /// `session.deleted`.
    SessionDeleted,
    /// `call.deleted`.
    CallDeleted,
    /// `call.delete.failed`.
    CallDeleteFailed,
    /// `call.artifact.upload`: what reached the customer's own storage.
    CallArtifactUpload,
    /// `campaign.predial`: may this contact be dialled? Wants a reply.
    CampaignPredial,
    /// `voxanne.call-object`: ours, made of what the provider's API says of a call when its messages did not come
    /// ([`super::rest::CallObject`]).
    CallObject,
    /// `voxanne.no-end-received`: ours, when a call is closed although nobody told us of its end
    /// ([`super::rest::no_end_received`]).
    NoEndReceived,
    /// A type this version does not know, cut to 100 characters.
    Other(String),
}

/// The documented kinds with their `type` text.
const KINDS: [(MessageKind, &str); 29] = [
    (MessageKind::AssistantRequest, "assistant-request"),
    (MessageKind::ConversationUpdate, "conversation-update"),
    (MessageKind::EndOfCallReport, "end-of-call-report"),
    (MessageKind::HandoffDestinationRequest, "handoff-destination-request"),
    (MessageKind::Hang, "hang"),
    (MessageKind::KnowledgeBaseRequest, "knowledge-base-request"),
    (MessageKind::ModelOutput, "model-output"),
    (MessageKind::PhoneCallControl, "phone-call-control"),
    (MessageKind::SpeechUpdate, "speech-update"),
    (MessageKind::StatusUpdate, "status-update"),
    (MessageKind::ToolCalls, "tool-calls"),
    (MessageKind::TransferDestinationRequest, "transfer-destination-request"),
    (MessageKind::TransferUpdate, "transfer-update"),
    (MessageKind::Transcript, "transcript"),
    (MessageKind::UserInterrupted, "user-interrupted"),
    (MessageKind::LanguageChangeDetected, "language-change-detected"),
    (MessageKind::VoiceInput, "voice-input"),
    (MessageKind::AssistantSpeechStarted, "assistant.speechStarted"),
    (MessageKind::VoiceRequest, "voice-request"),
    (MessageKind::CallEndpointingRequest, "call.endpointing.request"),
    (MessageKind::ChatCreated, "chat.created"),
    (MessageKind::ChatDeleted, "chat.deleted"),
    (MessageKind::SessionCreated, "session.created"),
    (MessageKind::SessionUpdated, "session.updated"),
    (MessageKind::SessionDeleted, "session.deleted"),
    (MessageKind::CallDeleted, "call.deleted"),
    (MessageKind::CallDeleteFailed, "call.delete.failed"),
    (MessageKind::CallArtifactUpload, "call.artifact.upload"),
    (MessageKind::CampaignPredial, "campaign.predial"),
];

/// What we say to ourselves, in the same form, so that it is recorded and replayed like everything else.
const OWN_KINDS: [(MessageKind, &str); 2] =
    [(MessageKind::CallObject, "voxanne.call-object"), (MessageKind::NoEndReceived, "voxanne.no-end-received")];

/// Every kind with a name.
fn named_kinds() -> impl Iterator<Item = (MessageKind, &'static str)> {
    KINDS.into_iter().chain(OWN_KINDS)
}

impl MessageKind {
    /// Every kind that the provider documents.
    pub fn documented() -> impl Iterator<Item = MessageKind> {
        KINDS.into_iter().map(|(kind, _)| kind)
    }

    /// The kind of a `type` text.
    pub fn from_type(text: &str) -> Self {
        // A subscription filter that Vapi's schema also lists as a type: `transcript[transcriptType="final"]`.
        let base = text.split('[').next().unwrap_or(text);
        named_kinds()
            .find(|(kind, name)| *name == text || (*name == base && *kind == MessageKind::Transcript))
            .map_or_else(|| Self::Other(text.chars().take(MAX_TYPE_CHARS).collect()), |(kind, _)| kind)
    }

    /// The documented `type` text, or the unknown one as it came.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(text) => text,
            known => named_kinds().find(|(kind, _)| kind == known).map_or("", |(_, name)| name),
        }
    }

    /// A value fit for a metric label: the documented type, or `other`, so that a sender cannot invent labels.
    pub fn metric_label(&self) -> &'static str {
        named_kinds().find(|(kind, _)| kind == self).map_or("other", |(_, name)| name)
    }

    /// True for what we say to ourselves.
    pub fn is_ours(&self) -> bool {
        OWN_KINDS.iter().any(|(kind, _)| kind == self)
    }

    /// True when Vapi waits for an answer in the response body (`voice-request`, which wants audio, included).
    pub fn expects_reply(&self) -> bool {
        matches!(
            self,
            Self::AssistantRequest
                | Self::ToolCalls
                | Self::TransferDestinationRequest
                | Self::HandoffDestinationRequest
                | Self::KnowledgeBaseRequest
                | Self::CallEndpointingRequest
                | Self::CampaignPredial
                | Self::VoiceRequest
        )
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// `call.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CallKind {
    /// Somebody rang our number.
    #[serde(rename = "inboundPhoneCall")]
    InboundPhone,
    /// We rang somebody.
    #[serde(rename = "outboundPhoneCall")]
    OutboundPhone,
    /// A browser call in a video room.
    #[serde(rename = "webCall")]
    Web,
    /// A call over a plain WebSocket.
    #[serde(rename = "vapi.websocketCall")]
    Websocket,
}

impl CallKind {
    fn read(node: &Node<'_>) -> Option<Self> {
        match node.text()? {
            "inboundPhoneCall" => Some(Self::InboundPhone),
            "outboundPhoneCall" => Some(Self::OutboundPhone),
            "webCall" => Some(Self::Web),
            "vapi.websocketCall" => Some(Self::Websocket),
            _ => None,
        }
    }
}

/// What a message says about its call before anything is interpreted.
#[derive(Clone, Default, PartialEq, Serialize)]
pub struct CallRef {
    /// `call.id`: opaque, at most 256 characters.
    pub id: Option<String>,
    /// `call.type`.
    pub kind: Option<CallKind>,
    /// `call.phoneNumberId`, else the id inside `phoneNumber`: which of our numbers.
    pub phone_number_id: Option<String>,
    /// `call.assistantId`, else the id inside `assistant`.
    pub assistant_id: Option<String>,
    /// `call.phoneCallProviderId`: the carrier's own id of the telephone leg.
    pub leg_id: Option<String>,
    /// `call.createdAt`.
    pub created_at: Option<Timestamp>,
    /// `call.startedAt`.
    pub started_at: Option<Timestamp>,
    /// `call.endedAt`.
    pub ended_at: Option<Timestamp>,
    /// `call.status` as text: a snapshot that may be older than the message.
    pub status_text: Option<String>,
    /// The other person's number in E.164.
    pub customer_number: Option<String>,
    /// Our number in E.164.
    pub our_number: Option<String>,
    /// The other person's name, as set by us or by the SIP `From` header.
    pub customer_name: Option<String>,
}

/// Shows which fields are known, never whose they are.
impl fmt::Debug for CallRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CallRef")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("phone_number_id", &self.phone_number_id)
            .field("assistant_id", &self.assistant_id)
            .finish_non_exhaustive()
    }
}

/// The envelope of one message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// What it is.
    pub kind: MessageKind,
    /// The `type` text as it came, cut to 100 characters.
    pub type_text: String,
    /// When Vapi says it was made.
    pub timestamp: Option<Timestamp>,
    /// Which call it is about; chats, sessions and campaigns have none.
    pub call: CallRef,
}

/// Reads the envelope of a scrubbed tree.
pub(super) fn read(root: &Node<'_>) -> Result<Message, ParseError> {
    if !root.is_object() {
        return Err(ParseError::NotAnObject);
    }
    let message = root.get("message");
    if !message.is_object() {
        return Err(ParseError::NoMessage);
    }
    let type_text = type_text(message).ok_or(ParseError::NoType)?;
    Ok(Message {
        kind: MessageKind::from_type(type_text),
        type_text: type_text.chars().take(MAX_TYPE_CHARS).collect(),
        timestamp: values::time(message.get("timestamp")),
        call: call_ref(message),
    })
}

/// `message.type`. The schema of `tool-calls` is the one that leaves it optional, so there the list decides.
fn type_text<'n>(message: &'n Node<'_>) -> Option<&'n str> {
    let is_tool_call =
        || ["toolCallList", "toolWithToolCallList"].iter().any(|key| !message.get(key).items().is_empty());
    match message.get("type") {
        Node::Text(text) if !text.trim().is_empty() => Some(text.trim()),
        Node::Null if is_tool_call() => Some("tool-calls"),
        _ => None,
    }
}

fn call_ref(message: &Node<'_>) -> CallRef {
    let call = message.get("call");
    let either = |key: &str, inner: &str| {
        values::id(message.get(key).get(inner)).or_else(|| values::id(call.get(key).get(inner)))
    };
    // Chats and sessions have no call, and say themselves which assistant and number they belong to.
    let other = |key: &str| ["session", "chat"].iter().find_map(|object| values::id(message.get(object).get(key)));
    CallRef {
        id: values::id(call.get("id")),
        kind: CallKind::read(call.get("type")),
        phone_number_id: values::id(call.get("phoneNumberId"))
            .or_else(|| either("phoneNumber", "id"))
            .or_else(|| other("phoneNumberId")),
        assistant_id: values::id(call.get("assistantId"))
            .or_else(|| either("assistant", "id"))
            .or_else(|| other("assistantId")),
        leg_id: values::id(call.get("phoneCallProviderId")),
        created_at: values::time(call.get("createdAt")),
        started_at: values::time(call.get("startedAt")),
        ended_at: values::time(call.get("endedAt")),
        status_text: values::label(call.get("status"), 40),
        customer_number: number_of(&[message.get("customer"), call.get("customer")], &["number", "sipUri"]),
        our_number: number_of(
            &[message.get("phoneNumber"), call.get("phoneNumber")],
            &["number", "twilioPhoneNumber", "sipUri"],
        ),
        customer_name: values::label(message.get("customer").get("name"), 200)
            .or_else(|| values::label(call.get("customer").get("name"), 200)),
    }
}

/// The first of several places that holds an E.164 number.
fn number_of(places: &[&Node<'_>], keys: &[&str]) -> Option<String> {
    places
        .iter()
        .flat_map(|place| keys.iter().map(|key| place.get(key)))
        .find_map(|node| node.text().and_then(values::normalise_number))
}
