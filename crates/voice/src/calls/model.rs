//! What a call is.

use jiff::Timestamp;
use platform::ids::CallId;
use providers::vapi::{EndedClass, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::retention::model::{Hold, Tombstone};

/// Who reached whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The caller rang us.
    Inbound,
    /// We rang somebody.
    Outbound,
    /// In a browser.
    Web,
}

impl Direction {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Web => "web",
        }
    }
}

/// Where a call stands. Moves forward only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Known, nothing rings yet.
    Queued,
    /// Ringing.
    Ringing,
    /// Two sides talk.
    InProgress,
    /// Being handed to a person.
    Forwarding,
    /// Over.
    Ended,
}

impl Status {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Forwarding => "forwarding",
            Self::Ended => "ended",
        }
    }
}

/// Money in millionths of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Cost {
    /// Millionths of `currency`.
    #[schema(example = 70_000)]
    pub amount_micros: i64,
    /// ISO 4217.
    #[schema(example = "USD")]
    pub currency: String,
}

/// What became of the sound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecordingState {
    /// `none`, `pending`, `copying`, `ready`, `failed` or `expired`.
    #[schema(example = "pending")]
    pub state: String,
}

/// A call as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallSummary {
    /// Our id.
    pub id: CallId,
    /// The provider's id.
    pub provider_call_id: String,
    /// Who reached whom; null while unknown.
    pub direction: Option<String>,
    /// `queued`, `ringing`, `in-progress`, `forwarding` or `ended`.
    pub status: String,
    /// E.164; null for withheld numbers and browsers.
    pub from_number: Option<String>,
    /// E.164.
    pub to_number: Option<String>,
    /// The caller's name, when the provider knows it.
    pub caller_name: Option<String>,
    /// The agent that answered, when known here.
    pub agent: Option<String>,
    /// The earliest time known of the call; the order of lists.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// When two sides were connected; null when nobody answered.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it was over.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Whole seconds from start to end.
    pub duration_seconds: Option<i32>,
    /// The provider's reason, as it was given.
    pub ended_reason: Option<String>,
    /// Our class of that reason.
    pub ended_class: Option<String>,
    /// What the call counts as: `answered`, `booked`, `moved`, `callback`, `transferred`, `voicemail`, `not_reached`,
    /// `cancelled`, `failed` or `unknown`.
    pub outcome: Option<String>,
    /// What the provider charged.
    pub cost: Option<Cost>,
    /// What the call was about.
    pub summary: Option<String>,
    /// The state of the recording.
    pub recording: RecordingState,
}

/// One utterance.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TranscriptTurn {
    /// `agent` or `caller`.
    pub role: String,
    /// What was said.
    pub text: String,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// Milliseconds after the start of the call, when known.
    pub start_ms: Option<i64>,
}

/// A tool the agent called.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ToolUse {
    /// The tool's name.
    pub name: String,
    /// What it was given.
    pub arguments: Value,
    /// What it answered; null when it failed.
    pub result: Option<String>,
    /// Why it failed; null when it did not.
    pub error: Option<String>,
    /// When it was called.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

/// An event the provider sent about the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CallEvent {
    /// The provider's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The provider's time.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// When we stored it.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
}

/// A call with everything known of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallDetail {
    /// What lists show.
    #[serde(flatten)]
    pub call: CallSummary,
    /// The conversation: the report's when it has come, until then what was heard live.
    pub transcript: Vec<TranscriptTurn>,
    /// Tools called, in order.
    pub tool_calls: Vec<ToolUse>,
    /// Events in the order they came.
    pub events: Vec<CallEvent>,
    /// The provider's verdict on success.
    pub success_evaluation: Option<String>,
    /// What the provider extracted.
    pub structured_data: Option<Value>,
    /// How quickly the agent answered, in milliseconds.
    pub latency: Option<Value>,
    /// The language spoken, as the provider names it.
    pub language: Option<String>,
    /// Where the call was handed to.
    pub transferred_to: Option<String>,
    /// Consent to being recorded, when it was asked for.
    pub consent: Option<Value>,
    /// Set while the call must be kept, whatever the retention setting says.
    pub legal_hold: Option<Hold>,
    /// Set when its content was deleted: what was said and recorded, numbers and names are gone for good.
    pub content_deleted: Option<Tombstone>,
}

/// Outcomes that a practice's own extraction may name in `structuredData.outcome`, beyond what the ending says.
const SPOKEN_OUTCOMES: [&str; 6] = ["booked", "moved", "cancelled", "callback", "answered", "transferred"];

/// What a call counts as: what was agreed in it if the extraction says so, else what its ending suggests.
///
/// An ending that leaves no room for an agreement (nobody reached, something broke) is not overruled.
pub fn outcome_of(class: EndedClass, structured_data: Option<&Value>) -> &'static str {
    let said = structured_data.and_then(|data| data.get("outcome")).and_then(Value::as_str);
    let agreed = said.and_then(|said| SPOKEN_OUTCOMES.iter().find(|known| **known == said).copied());
    match class.outcome() {
        Outcome::Completed => agreed.unwrap_or("answered"),
        Outcome::Unknown => agreed.unwrap_or("unknown"),
        Outcome::Transferred => "transferred",
        Outcome::Voicemail => "voicemail",
        Outcome::NotReached => "not_reached",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
    }
}

/// The filters of the list.
#[derive(Clone, Debug, Default)]
pub struct CallFilter {
    /// Only calls in this status.
    pub status: Option<Status>,
    /// Only this direction.
    pub direction: Option<Direction>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// Words or digits.
    pub words: Option<String>,
}
