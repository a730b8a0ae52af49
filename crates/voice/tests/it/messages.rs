//! The provider's messages as these tests send them: the documented envelope, as full or as bare as a test wants it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Stands for the call's id, so that one message can be sent about many calls.
pub const CALL: &str = "@call@";
/// The practice's number.
pub const OURS: &str = "+442079460100";
/// The provider's id of that number.
pub const OURS_REF: &str = "pn-front-desk";
/// The caller.
pub const CALLER: &str = "+12025550123";
/// The assistant that the provider says is speaking.
pub const ASSISTANT: &str = "asst-spoken";

/// Seconds after the first ring, as the provider writes times.
pub fn at(seconds: f64) -> i64 {
    let start: Timestamp = "2026-10-05T09:00:00Z".parse().unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a call")]
    let millis = (seconds * 1000.0) as i64;
    start.as_millisecond() + millis
}

/// The same, as the provider writes it in calls and reports.
pub fn clock(seconds: f64) -> String {
    Timestamp::from_millisecond(at(seconds)).unwrap().to_string()
}

/// Which parts of the envelope a message carries; the provider leaves out what it likes.
#[derive(Clone, Copy, Debug)]
pub struct Shows(pub u16);

impl Shows {
    pub const ALL: Self = Self(0x1ff);
    pub const KIND: u16 = 1;
    pub const CUSTOMER: u16 = 2;
    pub const NUMBER: u16 = 4;
    pub const NUMBER_REF: u16 = 8;
    pub const ASSISTANT: u16 = 16;
    pub const CREATED: u16 = 32;
    pub const STARTED: u16 = 64;
    pub const LEG: u16 = 128;
    pub const TIMESTAMP: u16 = 256;

    pub fn has(self, part: u16) -> bool {
        self.0 & part != 0
    }
}

/// A message about [`CALL`].
pub fn message(kind: &str, seconds: f64, shows: Shows, call_kind: &str, extra: &Value) -> Value {
    let mut call = Map::new();
    call.insert("id".into(), json!(CALL));
    let mut message = Map::new();
    message.insert("type".into(), json!(kind));
    let mut put = |part: u16, key: &str, value: Value| {
        if shows.has(part) {
            call.insert(key.to_owned(), value);
        }
    };
    put(Shows::KIND, "type", json!(call_kind));
    put(Shows::NUMBER_REF, "phoneNumberId", json!(OURS_REF));
    put(Shows::ASSISTANT, "assistantId", json!(ASSISTANT));
    put(Shows::CREATED, "createdAt", json!(clock(-0.5)));
    put(Shows::STARTED, "startedAt", json!(clock(3.25)));
    put(Shows::LEG, "phoneCallProviderId", json!("leg-1"));
    if shows.has(Shows::TIMESTAMP) {
        message.insert("timestamp".into(), json!(at(seconds)));
    }
    if shows.has(Shows::CUSTOMER) {
        message.insert("customer".into(), json!({ "number": CALLER, "name": "Ada Marsh" }));
    }
    if shows.has(Shows::NUMBER) {
        message.insert("phoneNumber".into(), json!({ "number": OURS }));
    }
    message.insert("call".into(), Value::Object(call));
    if let Value::Object(extra) = extra {
        message.extend(extra.clone());
    }
    json!({ "message": message })
}

/// A full inbound message.
pub fn inbound(kind: &str, seconds: f64, extra: &Value) -> Value {
    message(kind, seconds, Shows::ALL, "inboundPhoneCall", extra)
}

pub fn status(status: &str, seconds: f64) -> Value {
    inbound("status-update", seconds, &json!({ "status": status }))
}

pub fn ended(seconds: f64, reason: &str) -> Value {
    inbound("status-update", seconds, &json!({ "status": "ended", "endedReason": reason }))
}

pub fn said(role: &str, text: &str, seconds: f64) -> Value {
    inbound("transcript", seconds, &json!({ "role": role, "transcriptType": "final", "transcript": text }))
}

pub fn tool_call(id: &str, name: &str, seconds: f64) -> Value {
    let call =
        json!({ "id": id, "type": "function", "function": { "name": name, "arguments": "{\"day\":\"Tuesday\"}" } });
    inbound("tool-calls", seconds, &json!({ "toolCallList": [call] }))
}

/// A usual report: 3.25 s to 63.25 s, two turns, a summary, a recording, a cost.
pub fn report() -> Value {
    inbound(
        "end-of-call-report",
        66.0,
        &json!({
            "startedAt": clock(3.25), "endedAt": clock(63.25), "endedReason": "customer-ended-call", "cost": 0.0712,
            "artifact": {
                "messages": [
                    { "role": "bot", "message": "Harbour Dental, good morning.", "time": at(3.5), "secondsFromStart": 0.25 },
                    { "role": "user", "message": "I would like a check-up.", "time": at(7.0), "secondsFromStart": 3.75 },
                ],
                "recording": { "stereoUrl": "https://recordings.example.test/1/stereo.wav" },
            },
            "analysis": { "summary": "Ada asked for a check-up.", "successEvaluation": "true" },
        }),
    )
}

/// The message about the call `id`.
pub fn about(message: &Value, id: &str) -> Value {
    serde_json::from_str(&message.to_string().replace(CALL, id)).unwrap()
}
