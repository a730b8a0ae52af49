//! Why a call ended, in words people use.
//!
//! `endedReason` looks like a closed list (595 names in the schema, some listed twice) and grows weekly, mostly by new vendors and
//! new ways for them to fail. So it is stored as text and classified by rule here; a name nobody has seen yet still lands in
//! the right class when it follows the pattern. Source: Vapi's `OpenAPI` and its page "call ended reason".

use serde::Serialize;

/// Who or what is to blame for a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureCause {
    /// Vapi itself (`vapifault`); usually not charged.
    Platform,
    /// A model, voice or transcriber vendor (`providerfault`, `pipeline-error`).
    Vendor,
    /// The account: credits, frozen subscription, concurrency.
    Billing,
    /// The carrier or the SIP path.
    Telephony,
    /// What we configured: no assistant, an invalid one, a request we did not answer.
    Configuration,
}

/// The class of an ended reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "class", content = "cause")]
pub enum EndedClass {
    /// The person hung up.
    CustomerHungUp,
    /// The agent ended a finished conversation.
    AgentEnded,
    /// The line closed normally; who hung up is not said.
    Completed,
    /// The call went on with a person or another number.
    Transferred,
    /// A voicemail answered.
    Voicemail,
    /// Nobody picked up.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// Nobody said anything for too long.
    Silence,
    /// The call reached its allowed length.
    MaxDuration,
    /// Something broke.
    Failed(FailureCause),
    /// Somebody cancelled or deleted the call.
    Cancelled,
    /// Nobody told us of an end: the call was silent for too long and was closed here.
    NoEndReceived,
    /// A reason no rule covers.
    Unknown,
}

/// What the call counts as in lists and charts, as far as the ending alone can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A conversation took place and ended.
    Completed,
    /// Handed on.
    Transferred,
    /// Left with a machine.
    Voicemail,
    /// Nobody was reached.
    NotReached,
    /// Broken.
    Failed,
    /// Called off.
    Cancelled,
    /// Not known.
    Unknown,
}

impl EndedClass {
    /// True when something broke, whoever's fault.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// One short sentence for the people at the practice.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::CustomerHungUp => "Caller hung up",
            Self::AgentEnded => "The agent ended the call",
            Self::Completed => "The call ended normally",
            Self::Transferred => "Handed over",
            Self::Voicemail => "Reached a voicemail",
            Self::NoAnswer => "Nobody picked up",
            Self::Busy => "The line was busy",
            Self::Silence => "Ended after a long silence",
            Self::MaxDuration => "Reached the longest allowed call",
            Self::Failed(FailureCause::Platform) => "Failed at the voice provider",
            Self::Failed(FailureCause::Vendor) => "Failed at a speech or model service",
            Self::Failed(FailureCause::Billing) => "Refused by the voice provider's account limits",
            Self::Failed(FailureCause::Telephony) => "Failed on the telephone line",
            Self::Failed(FailureCause::Configuration) => "Failed because of the agent's set-up",
            Self::Cancelled => "Cancelled",
            Self::NoEndReceived => "No end of the call was reported",
            Self::Unknown => "Ended",
        }
    }

    /// The outcome this ending suggests; what was said in the call may say more.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::CustomerHungUp | Self::AgentEnded | Self::Completed | Self::Silence | Self::MaxDuration => {
                Outcome::Completed
            }
            Self::Transferred => Outcome::Transferred,
            Self::Voicemail => Outcome::Voicemail,
            Self::NoAnswer | Self::Busy => Outcome::NotReached,
            Self::Failed(_) => Outcome::Failed,
            Self::Cancelled => Outcome::Cancelled,
            Self::NoEndReceived | Self::Unknown => Outcome::Unknown,
        }
    }
}

/// What a rule looks for.
enum Mark {
    /// The whole reason.
    Is(&'static str),
    /// A part of it.
    Has(&'static str),
}

/// The rules, first match wins. Whole names come before parts, and whose fault it was before what happened: in
/// `vapifault-...-transcriber-failed` the fault is the news.
const RULES: &[(Mark, EndedClass)] = {
    use EndedClass as C;
    use FailureCause as F;
    use Mark::{Has, Is};
    &[
        (Is(super::rest::NO_END_RECEIVED), C::NoEndReceived),
        (Is("worker-shutdown"), C::Failed(F::Platform)),
        (Is("call.in-progress.error-pipeline-no-available-llm-model"), C::Failed(F::Configuration)),
        (Is("phone-call-provider-closed-websocket"), C::Failed(F::Telephony)),
        (Is("phone-call-provider-bypass-enabled-but-no-call-received"), C::Failed(F::Telephony)),
        (Is("twilio-reported-customer-misdialed"), C::Failed(F::Telephony)),
        (Is("assistant-request-returned-forwarding-phone-number"), C::Transferred),
        (Is("assistant-join-timed-out"), C::Failed(F::Platform)),
        (Is("call.forwarding.operator-busy"), C::Busy),
        (Is("call.forwarding.no-answer"), C::NoAnswer),
        (Is("customer-did-not-give-microphone-permission"), C::Failed(F::Configuration)),
        (Is("call.in-progress.error-warm-transfer-assistant-cancelled"), C::Cancelled),
        (Has("outbound-sip"), C::Failed(F::Telephony)),
        (Has("vapifault"), C::Failed(F::Platform)),
        (Has("providerfault"), C::Failed(F::Vendor)),
        (Has("pipeline-"), C::Failed(F::Vendor)),
        (Has("subscription"), C::Failed(F::Billing)),
        (Has("insufficient-credits"), C::Failed(F::Billing)),
        (Has("wallet"), C::Failed(F::Billing)),
        (Has("daily-limit"), C::Failed(F::Billing)),
        (Has("concurrency"), C::Failed(F::Billing)),
        (Has("fraud-check"), C::Failed(F::Billing)),
        (Has("enterprise-feature"), C::Failed(F::Billing)),
        (Has("caller-hungup"), C::CustomerHungUp),
        (Has("customer-ended-call"), C::CustomerHungUp),
        (Has("hook-executed-transfer"), C::Transferred),
        (Has("hook-executed-say"), C::Completed),
        (Has("forwarded-call"), C::Transferred),
        (Has("failed-to-connect"), C::Failed(F::Telephony)),
        (Has("did-not-receive-customer-audio"), C::Failed(F::Telephony)),
        (Has("transfer"), C::Failed(F::Telephony)),
        (Has("assistant-ended-call"), C::AgentEnded),
        (Has("assistant-said"), C::AgentEnded),
        (Has("completed"), C::Completed),
        (Has("busy"), C::Busy),
        (Has("voicemail"), C::Voicemail),
        (Has("did-not-answer"), C::NoAnswer),
        (Has("no-answer"), C::NoAnswer),
        (Has("silence"), C::Silence),
        (Has("max-duration"), C::MaxDuration),
        (Has("cancel"), C::Cancelled),
        (Has("deleted"), C::Cancelled),
        (Has("assistant-request"), C::Failed(F::Configuration)),
        (Has("assistant-not"), C::Failed(F::Configuration)),
        (Has("assistant-version"), C::Failed(F::Configuration)),
        (Has("call-start-error"), C::Failed(F::Configuration)),
        (Has("call.start.error-get-transport"), C::Failed(F::Platform)),
        (Has("call.start.error"), C::Failed(F::Configuration)),
        (Has("disconnected"), C::Completed),
        (Has("rejected"), C::Failed(F::Telephony)),
        (Has("twilio"), C::Failed(F::Telephony)),
        (Has("vonage"), C::Failed(F::Telephony)),
        (Has("telnyx"), C::Failed(F::Telephony)),
        (Has("sip"), C::Failed(F::Telephony)),
        (Has("error"), C::Failed(F::Platform)),
        (Has("failed"), C::Failed(F::Platform)),
    ]
};

/// The class of a reason as Vapi spells it.
pub fn classify(reason: &str) -> EndedClass {
    let reason = reason.trim().to_ascii_lowercase();
    RULES
        .iter()
        .find(|(mark, _)| match mark {
            Mark::Is(whole) => reason == *whole,
            Mark::Has(part) => reason.contains(part),
        })
        .map_or(EndedClass::Unknown, |(_, class)| *class)
}
