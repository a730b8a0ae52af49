//! Fixtures and ways to change them.

use providers::vapi::{Received, receive};
use serde_json::{Value, json};

/// The fixture of every documented message type, plus the variants worth having.
pub const FIXTURES: [&str; 41] = [
    "assistant-request",
    "assistant.speechStarted",
    "call.artifact.upload",
    "call.delete.failed",
    "call.deleted",
    "call.endpointing.request",
    "campaign.predial",
    "chat.created",
    "chat.deleted",
    "conversation-update",
    "end-of-call-report",
    "end-of-call-report-flat",
    "end-of-call-report-minimal",
    "end-of-call-report-recording-text",
    "end-of-call-report-transferred",
    "end-of-call-report-web",
    "handoff-destination-request",
    "hang",
    "knowledge-base-request",
    "language-change-detected",
    "model-output",
    "phone-call-control",
    "session.created",
    "session.deleted",
    "session.updated",
    "speech-update",
    "status-update",
    "status-update-ended",
    "status-update-forwarding",
    "tool-calls",
    "tool-calls-custom-tools-guide",
    "tool-calls-events-guide",
    "transcript",
    "transcript-final-type",
    "transcript-partial",
    "transfer-destination-request",
    "transfer-update",
    "user-interrupted",
    "voice-input",
    "voice-request",
    "unknown-type",
];

/// The bytes of a fixture.
pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/fixtures/vapi/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A fixture as JSON, to be changed.
pub fn json_of(name: &str) -> Value {
    serde_json::from_slice(&bytes(name)).unwrap()
}

/// A fixture, received.
pub fn received(name: &str) -> Received {
    receive(&bytes(name)).unwrap()
}

/// A changed fixture, received.
pub fn receive_json(body: &Value) -> Received {
    receive(&serde_json::to_vec(body).unwrap()).unwrap()
}

/// The key of a changed fixture.
pub fn key_of(body: &Value) -> String {
    receive_json(body).dedup_key.as_str().to_owned()
}

/// A report as long as a long call makes it.
pub fn report_of_kilobytes(kilobytes: usize) -> Vec<u8> {
    let mut body = json_of("end-of-call-report");
    let mut number: i64 = 0;
    while serde_json::to_vec(&body).unwrap().len() < kilobytes * 1024 {
        let messages = body["message"]["artifact"]["messages"].as_array_mut().unwrap();
        let (role, text) = if number % 2 == 0 {
            ("user", "Could you tell me once more what I should bring, and whether I can park \"behind\" the practice?")
        } else {
            (
                "bot",
                "Please bring your insurance card. There is parking behind the house, three spaces, free of charge.",
            )
        };
        let time = 1_793_433_640_000 + number * 4_000;
        messages.push(json!({
            "role": role, "message": text, "time": time, "endTime": time + 3_500,
            "secondsFromStart": 40.5 + 4.0 * f64::from(u32::try_from(number).unwrap()), "duration": 3.5
        }));
        number += 1;
    }
    serde_json::to_vec(&body).unwrap()
}

/// Every path in a JSON value, as pointers, the root excepted.
pub fn pointers(value: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    let pointer = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    walk(member, &pointer, found);
                    found.push(pointer);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let pointer = format!("{at}/{index}");
                    walk(item, &pointer, found);
                    found.push(pointer);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}
