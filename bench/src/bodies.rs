//! Events in the provider's wire format, invented, of a wanted size, that differ from each other where it counts.
//!
//! A template is made once per kind. What changes from event to event (the call's id, the time) stands in it as digits of
//! fixed width, so that making an event is a copy and a few bytes.

use anyhow::Context as _;
use serde_json::{Value, json};
use voice::ingress::model::Event;

/// Number of the call in a template. Real ones begin at the same width.
const CALL: &str = "1999999999";
/// Milliseconds since 1970 in a template.
const STAMP: &str = "1790000000000";
/// Calls are named by this and ten digits.
pub const CALL_PREFIX: &str = "bench-";
/// The first number of a call.
pub const FIRST_CALL: u64 = 1_000_000_000;
/// The first time of an event.
pub const FIRST_STAMP: u64 = 1_780_000_000_000;

/// A kind of event that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `transcript`, final, of a running call.
    Transcript,
    /// `conversation-update` of a running call.
    Conversation,
    /// `end-of-call-report` of a running call: the last event of each call.
    Report,
    /// The same where the transcriber says of each word of the caller when it was heard and how sure it is: the provider's
    /// schema keeps that in `UserMessage.metadata`.
    TimedReport,
}

impl Kind {
    /// Whether one call has many of these.
    pub fn repeats(self) -> bool {
        matches!(self, Self::Transcript | Self::Conversation)
    }
}

/// A body with places for what changes.
#[derive(Clone)]
pub struct Template {
    /// The wire bytes.
    pub body: Vec<u8>,
    call_places: Vec<usize>,
    stamp_places: Vec<usize>,
}

impl Template {
    /// Makes a body of about `bytes` bytes.
    pub fn new(kind: Kind, bytes: usize) -> anyhow::Result<Self> {
        let bare = message(kind, 0, 0).to_string().len();
        // Half of what is left is conversation, the rest is the prompt that real events carry along.
        let turns = match kind {
            Kind::Transcript => 0,
            Kind::Conversation | Kind::Report | Kind::TimedReport => {
                let one = message(kind, 8, 0).to_string().len().saturating_sub(bare) / 8;
                bytes.saturating_sub(bare) * 4 / 5 / one.max(1)
            }
        };
        let with_turns = message(kind, turns, 0).to_string().len();
        let body = message(kind, turns, bytes.saturating_sub(with_turns)).to_string().into_bytes();
        let call_places = places(&body, CALL);
        let stamp_places = places(&body, STAMP);
        anyhow::ensure!(!call_places.is_empty() && !stamp_places.is_empty(), "a template has no places");
        Ok(Self { body, call_places, stamp_places })
    }

    /// Writes the event of one call and time into `out`.
    pub fn fill(&self, call: u64, stamp: u64, out: &mut Vec<u8>) {
        let from = out.len();
        out.extend_from_slice(&self.body);
        for (places, number) in [(&self.call_places, call), (&self.stamp_places, stamp)] {
            let digits = number.to_string();
            for place in places {
                out[from + place..from + place + digits.len()].copy_from_slice(digits.as_bytes());
            }
        }
    }

    /// What the server would hand to SQL for this template, with the template's own call and time.
    pub fn event(&self) -> anyhow::Result<Event> {
        let received = providers::vapi::receive(&self.body).context("a template is not a message")?;
        Ok(Event::from_received(received))
    }
}

/// An SQL expression for a text with the template's digits in it, over the pgbench variables `call` and `stamp`.
pub fn sql_text(text: &str) -> String {
    // pgbench sees a variable in every colon, also inside a literal.
    let quoted = text.replace('\'', "''").replace(':', "' || chr(58) || '");
    format!("'{}'", quoted.replace(CALL, "' || (:call)::text || '").replace(STAMP, "' || (:stamp)::text || '"))
}

/// The same for a pgbench variable that holds the text.
pub fn sql_variable(name: &str, text: &str) -> String {
    let mut sql = format!(":{name}");
    for (digits, variable) in [(CALL, "call"), (STAMP, "stamp")] {
        if text.contains(digits) {
            sql = format!("replace({sql}, '{digits}', (:{variable})::text)");
        }
    }
    sql
}

fn places(body: &[u8], needle: &str) -> Vec<usize> {
    let needle = needle.as_bytes();
    (0..body.len().saturating_sub(needle.len())).filter(|at| body[*at..].starts_with(needle)).collect()
}

fn message(kind: Kind, turns: usize, prompt: usize) -> Value {
    let mut message = json!({
        "timestamp": STAMP.parse::<u64>().unwrap_or_default(),
        "call": {
            "id": format!("{CALL_PREFIX}{CALL}"),
            "orgId": "5b0c7c52-1f6e-4b6e-8d0e-2f60a8f0c101",
            "type": "inboundPhoneCall",
            "status": "in-progress",
            "createdAt": "2026-03-02T09:15:02.120Z",
            "updatedAt": "2026-03-02T09:15:04.480Z",
            "startedAt": "2026-03-02T09:15:04.480Z",
            "phoneNumberId": "bench-number",
            "assistantId": "bench-assistant",
            "phoneCallProvider": "twilio",
            "phoneCallProviderId": "CA0123456789abcdef0123456789abcdef",
            "phoneCallTransport": "pstn",
            "customer": { "number": "+12025550118" },
            "monitor": { "listenUrl": "wss://media.example.test/bench/listen", "controlUrl": "https://media.example.test/bench/control" },
        },
        "phoneNumber": { "id": "bench-number", "number": "+12025550143", "provider": "twilio", "twilioAccountSid": "AC0123456789abcdef0123456789abcdef" },
        "customer": { "number": "+12025550118" },
        "assistant": {
            "id": "bench-assistant",
            "name": "Receptionist",
            "firstMessage": "Good morning, this is the automated receptionist. This call is recorded. How can I help?",
            "model": { "provider": "openai", "model": "gpt-4o", "messages": [{ "role": "system", "content": prose(prompt) }] },
            "voice": { "provider": "11labs", "voiceId": "bench-voice" },
            "transcriber": { "provider": "deepgram", "model": "nova-2", "language": "en" },
        },
    });
    let own = match kind {
        Kind::Transcript => json!({
            "type": "transcript", "role": "user", "transcriptType": "final",
            "transcript": "I would like to move my appointment to Thursday afternoon, if that is still possible.",
        }),
        Kind::Conversation => {
            json!({ "type": "conversation-update", "messages": spoken(turns, false), "messagesOpenAIFormatted": formatted(turns) })
        }
        Kind::Report => report(turns, false),
        Kind::TimedReport => report(turns, true),
    };
    if let (Some(message), Value::Object(own)) = (message.as_object_mut(), own) {
        message.extend(own);
    }
    json!({ "message": message })
}

fn report(turns: usize, timed: bool) -> Value {
    let lines: Vec<String> =
        (0..turns).map(|turn| format!("{}: {}\n", if turn % 2 == 0 { "AI" } else { "User" }, sentence(turn))).collect();
    let transcript = lines.concat();
    json!({
        "type": "end-of-call-report",
        "endedReason": "customer-ended-call",
        "startedAt": "2026-03-02T09:15:04.480Z",
        "endedAt": "2026-03-02T09:18:51.900Z",
        "durationSeconds": 227.42, "cost": 0.3127,
        "costBreakdown": { "transport": 0.02, "stt": 0.04, "llm": 0.11, "tts": 0.09, "vapi": 0.05, "total": 0.3127 },
        "summary": "The caller moved an appointment to Thursday at 15:30 and asked whether to bring X-rays. Nothing is open.",
        "analysis": { "summary": "The caller moved an appointment to Thursday at 15:30.", "successEvaluation": "true", "structuredData": { "outcome": "rescheduled" } },
        "artifact": {
            "messages": spoken(turns, timed), "messagesOpenAIFormatted": formatted(turns), "transcript": transcript,
            "recording": { "mono": { "combinedUrl": "https://recordings.example.test/bench/mono.wav" }, "stereoUrl": "https://recordings.example.test/bench/stereo.wav" },
            "performanceMetrics": { "turnLatencies": [], "turnLatencyAverage": 911.0, "modelLatencyAverage": 402.0, "voiceLatencyAverage": 188.0, "transcriberLatencyAverage": 151.0, "endpointingLatencyAverage": 170.0 },
        },
    })
}

/// `messages` as the provider sends them.
fn spoken(turns: usize, timed: bool) -> Value {
    (0..turns)
        .map(|turn| {
            let second = turn * 4;
            let mut message = json!({
                "role": if turn % 2 == 0 { "bot" } else { "user" }, "message": sentence(turn),
                "time": 1_772_442_904_480_u64 + 4_000 * turn as u64, "endTime": 1_772_442_907_480_u64 + 4_000 * turn as u64,
                "secondsFromStart": second, "duration": 3_000,
            });
            if timed && turn % 2 == 1 {
                message["metadata"] = json!({ "wordLevelConfidence": timed_words(&sentence(turn), second) });
            }
            message
        })
        .collect()
}

/// Each word with its seconds and how sure the transcriber is of it.
fn timed_words(text: &str, second: usize) -> Value {
    text.split(' ')
        .enumerate()
        .map(|(n, word)| {
            let start = second as f64 + 0.24 * n as f64;
            json!({ "word": word.trim_matches(['.', ',']).to_lowercase(), "start": start, "end": start + 0.2,
                    "confidence": 0.999 - 0.013 * (n % 7) as f64, "punctuated_word": word })
        })
        .collect()
}

fn formatted(turns: usize) -> Value {
    (0..turns)
        .map(|turn| json!({ "role": if turn % 2 == 0 { "assistant" } else { "user" }, "content": sentence(turn) }))
        .collect()
}

/// Words that repeat as little as speech does, from a fixed sequence: equal in every run.
fn sentence(number: usize) -> String {
    const WORDS: [&str; 48] = [
        "morning",
        "appointment",
        "Thursday",
        "please",
        "doctor",
        "the",
        "a",
        "could",
        "move",
        "my",
        "is",
        "there",
        "after",
        "half",
        "past",
        "three",
        "insurance",
        "card",
        "bring",
        "first",
        "visit",
        "yes",
        "of",
        "course",
        "and",
        "number",
        "call",
        "back",
        "before",
        "noon",
        "cleaning",
        "check",
        "pain",
        "since",
        "yesterday",
        "left",
        "side",
        "we",
        "have",
        "free",
        "at",
        "would",
        "that",
        "suit",
        "you",
        "thank",
        "spell",
        "name",
    ];
    let mut state = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        // xorshift64: enough to vary words.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let length = 8 + next() % 12;
    let words: Vec<&str> = (0..length).map(|_| WORDS[usize::try_from(next() % 48).unwrap_or_default()]).collect();
    format!("{}, {}.", words.join(" "), next() % 1000)
}

fn prose(length: usize) -> String {
    let mut text = String::from("You answer the phone of a practice. ");
    for number in 1000.. {
        if text.len() >= length {
            break;
        }
        text.push_str(&sentence(number));
        text.push(' ');
    }
    text.truncate(length);
    text
}
