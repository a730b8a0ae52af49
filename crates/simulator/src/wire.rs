//! A scenario as the provider's server messages, in order, each with its offset. The shapes follow the provider's
//! published schema of server messages (August 2026); `fixtures/required-fields.json` is the part of it that the
//! tests hold every message against.
//!
//! Every message carries canaries where the real ones carry secrets ([`CANARIES`]): whoever stores or logs one of
//! them has forgotten to redact.

#[cfg(test)]
mod schema_tests;

use jiff::Timestamp;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::rng;
use crate::scenario::{Moment, Scenario};
use crate::script::{Medium, Speaker};

/// Secrets of the messages, invented. None of these may ever be found in a database, a log or an answer.
pub const CANARIES: [&str; 8] = [
    "canary-twilio-auth-token",
    "canary-twilio-api-key",
    "canary-twilio-api-secret",
    "canary-credential-key",
    "canary-server-header",
    "canary-listen-url",
    "canary-control-url",
    "canary-presigned-url",
];

/// How tool calls carry their arguments: the provider's documents show three shapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolShape {
    /// `function.arguments`, a JSON string: the published schema.
    #[default]
    Schema,
    /// `arguments`, an object beside `name`: the guide to custom tools.
    ArgumentsObject,
    /// `parameters`, an object beside `name`: the guide to server events.
    ParametersObject,
}

/// What the assistant of the simulated provider is set to send.
#[derive(Clone, Debug)]
pub struct WireOptions {
    /// Partial transcripts of the caller's speech, not only final ones.
    pub partial_transcripts: bool,
    /// `conversation-update` after each turn, with the whole history.
    pub conversation_updates: bool,
    /// `speech-update` when somebody starts or stops speaking.
    pub speech_updates: bool,
    /// Shape of tool calls.
    pub tool_shape: ToolShape,
    /// Where recordings appear to lie: a provider's [`crate::Provider::recordings_base`] where one answers.
    pub recordings_base: String,
    /// Grow the report to about this many bytes. `None`: as it comes.
    pub report_bytes: Option<usize>,
}

impl Default for WireOptions {
    fn default() -> Self {
        Self {
            partial_transcripts: true,
            conversation_updates: true,
            speech_updates: true,
            tool_shape: ToolShape::default(),
            recordings_base: "https://recordings.example.test".to_owned(),
            report_bytes: None,
        }
    }
}

/// What kind of message an event is, as far as the truth is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum EventKind {
    /// `assistant-request`: the receiver says who answers.
    AssistantRequest,
    /// `status-update`.
    Status {
        /// The status, as sent.
        status: String,
    },
    /// `transcript` of type final; the turn with this index of the call's turns.
    Turn {
        /// Index into the turns of the call's truth.
        index: usize,
    },
    /// `tool-calls`: the receiver must answer each call.
    ToolCalls {
        /// Ids of the tool calls.
        ids: Vec<String>,
        /// Name of the tool of each id.
        names: Vec<String>,
    },
    /// `end-of-call-report`.
    Report,
    /// Any other message: adds nothing to the truth.
    Other {
        /// Its type.
        name: String,
    },
}

/// One message to be sent.
#[derive(Clone, Debug)]
pub struct Event {
    /// Milliseconds after the creation of the call.
    pub offset_ms: u32,
    /// What it is.
    pub kind: EventKind,
    /// Business identity within the call: the same for every delivery of the same fact.
    pub identity: String,
    /// The `message` object of the envelope.
    pub message: Value,
}

/// One utterance of the finished call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// `agent` or `caller`.
    pub role: String,
    /// What was said.
    pub text: String,
    /// When the utterance began.
    pub at: Timestamp,
}

/// A call as messages, with what the receiver should know when it has them all.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) events: Vec<Event>,
    pub(crate) turns: Vec<Turn>,
    /// US dollars times a million.
    pub(crate) cost_micros: i64,
    /// The report names a recording.
    pub(crate) recording: bool,
}

/// Builds all messages of a call.
pub(crate) fn timeline(scenario: &Scenario, options: &WireOptions) -> Timeline {
    let mut build = Builder::new(scenario, options);
    build.opening();
    for moment in &scenario.moments {
        build.moment(moment);
    }
    build.ending();
    build.events.sort_by_key(|event| event.offset_ms);
    Timeline {
        events: build.events,
        turns: build.turns,
        cost_micros: build.cost.total(),
        recording: scenario.started_at.is_some(),
    }
}

/// The question that comes before a call to a number without an assistant. Its answer decides what follows, so it is
/// not part of the timeline.
pub(crate) fn assistant_request(scenario: &Scenario, options: &WireOptions) -> Event {
    let mut build = Builder::new(scenario, options);
    build.status = "ringing";
    let kind = EventKind::AssistantRequest;
    build.push_typed(0, "assistant-request", kind, "assistant-request".into(), json!({}), Artifact::None);
    build.events.remove(0)
}

/// The call object as the provider's API shows it when the call has come `reached` milliseconds far: what the published
/// schema says can also be found there of each message, and nothing that has not happened yet.
pub(crate) fn call_object(scenario: &Scenario, options: &WireOptions, reached: u32) -> Value {
    let quiet = WireOptions {
        partial_transcripts: false,
        conversation_updates: false,
        speech_updates: false,
        report_bytes: None,
        ..options.clone()
    };
    let mut build = Builder::new(scenario, &quiet);
    build.opening();
    for moment in scenario.moments.iter().filter(|moment| moment.at() <= reached) {
        build.moment(moment);
    }
    let mut call = if reached >= scenario.report_at {
        build.ending();
        build.events.pop().map_or(Value::Null, reported_call)
    } else {
        build.call_so_far(reached)
    };
    call["updatedAt"] = json!(iso(scenario.at(last_change(scenario, reached))));
    call["assistant"] = build.assistant();
    call
}

/// Where in its life the call last changed, given how far it has come.
pub(crate) fn last_change(scenario: &Scenario, reached: u32) -> u32 {
    let ends = [scenario.ringing_at, scenario.ended_at, scenario.report_at];
    let moments = scenario.moments.iter().map(Moment::at);
    ends.into_iter().chain(scenario.started_at).chain(moments).filter(|at| *at <= reached).max().unwrap_or(0)
}

/// The call of a report, with what the report says of it.
fn reported_call(mut report: Event) -> Value {
    let mut call = report.message["call"].take();
    for key in [
        "analysis",
        "artifact",
        "compliance",
        "cost",
        "costBreakdown",
        "costs",
        "destination",
        "endedAt",
        "endedReason",
        "startedAt",
    ] {
        if let Some(value) = report.message.get_mut(key) {
            call[key] = value.take();
        }
    }
    call["messages"] = call["artifact"]["messages"].clone();
    call
}

/// A message of a type that the provider has not invented yet.
pub(crate) fn unknown(after: &Event) -> Event {
    let mut message = after.message.clone();
    message["type"] = json!("assistant.mood-changed");
    message["mood"] = json!({"name": "patient", "confidence": 0.82, "history": [null, [], {}]});
    Event {
        offset_ms: after.offset_ms + 1,
        kind: EventKind::Other { name: "assistant.mood-changed".into() },
        identity: format!("unknown-after:{}", after.identity),
        message,
    }
}

struct Builder<'a> {
    scenario: &'a Scenario,
    options: &'a WireOptions,
    rng: ChaCha8Rng,
    events: Vec<Event>,
    turns: Vec<Turn>,
    /// `artifact.messages` so far.
    messages: Vec<Value>,
    /// `messagesOpenAIFormatted` so far.
    formatted: Vec<Value>,
    transcript: String,
    transfers: Vec<Value>,
    latencies: Vec<[u32; 4]>,
    interruptions: u32,
    spoken_letters: u32,
    status: &'static str,
    cost: Cost,
    provider_call_id: String,
    listen_token: Uuid,
}

impl<'a> Builder<'a> {
    fn new(scenario: &'a Scenario, options: &'a WireOptions) -> Self {
        let mut rng = rng::stream(scenario.detail_seed, "wire");
        let provider_call_id = format!("CA{}", rng::uuid(&mut rng).simple());
        let listen_token = rng::uuid(&mut rng);
        let prompt = format!(
            "You answer the phone for {}. Say that you are automated and that the call is recorded. Never give \
             medical advice; hand urgent cases to a person.",
            scenario.org_label
        );
        Self {
            scenario,
            options,
            rng,
            events: Vec::new(),
            turns: Vec::new(),
            messages: vec![json!({
                "role": "system",
                "message": prompt,
                "time": scenario.at(scenario.started_at.unwrap_or(0)).as_millisecond(),
                "secondsFromStart": 0,
            })],
            formatted: vec![json!({"role": "system", "content": prompt})],
            transcript: String::new(),
            transfers: Vec::new(),
            latencies: Vec::new(),
            interruptions: 0,
            spoken_letters: 0,
            status: "queued",
            cost: Cost::default(),
            provider_call_id,
            listen_token,
        }
    }

    /// The call before its report: the status that was reached last, and what has been said.
    fn call_so_far(&mut self, reached: u32) -> Value {
        let happened = self.events.iter().filter(|event| event.offset_ms <= reached);
        let reached_status = happened.filter_map(|event| event.message["call"]["status"].as_str()).next_back();
        self.status = match reached_status {
            _ if reached >= self.scenario.ended_at => "ended",
            Some("ringing") => "ringing",
            Some("in-progress") => "in-progress",
            Some("forwarding") => "forwarding",
            _ if self.scenario.medium == Medium::Inbound => "ringing",
            _ => "queued",
        };
        let mut call = self.call(reached, false);
        call["artifact"] = json!({"messages": self.messages, "transcript": self.transcript});
        call["messages"] = json!(self.messages);
        call
    }

    fn opening(&mut self) {
        let scenario = self.scenario;
        if scenario.medium != Medium::Inbound {
            self.status_update(0, "queued", json!({}));
        }
        if scenario.medium != Medium::Web {
            self.status_update(scenario.ringing_at, "ringing", json!({}));
        }
        if let Some(started) = scenario.started_at {
            self.status_update(started, "in-progress", json!({}));
        }
    }

    fn moment(&mut self, moment: &Moment) {
        match moment {
            Moment::Said { speaker, text, from, to } => self.said(*speaker, text, *from, *to),
            Moment::Tool { id, name, arguments, result, at, answered_at } => {
                self.tool(id, name, arguments, result, *at, *answered_at);
            }
            Moment::Interrupted { at } => {
                self.interruptions += 1;
                let turn = format!("turn-{}", self.turns.len());
                let extra = json!({"turnId": turn});
                self.other(*at, "user-interrupted", format!("user-interrupted:{turn}"), extra);
            }
            Moment::Hung { at } => self.other(*at, "hang", format!("hang:{at}"), json!({})),
            Moment::LanguageChanged { tag, at } => {
                let extra = json!({"language": tag});
                self.other(*at, "language-change-detected", format!("language:{tag}:{at}"), extra);
            }
            Moment::Forwarded { name, number, status, at } => self.forwarded(name, number, status, *at),
        }
    }

    fn said(&mut self, speaker: Speaker, text: &str, from: u32, to: u32) {
        let scenario = self.scenario;
        let (wire_role, our_role, label, formatted_role) = match speaker {
            Speaker::Agent => ("assistant", "agent", "AI", "assistant"),
            Speaker::Caller => ("user", "caller", "User", "user"),
        };
        let turn = self.turns.len();
        if self.options.speech_updates {
            self.speech_update(from, wire_role, "started", turn);
        }
        if self.options.partial_transcripts && speaker == Speaker::Caller {
            self.partials(text, from, to, turn);
        }
        if self.options.speech_updates {
            self.speech_update(to, wire_role, "stopped", turn);
        }

        let seconds = self.seconds_from_start(from);
        let mut message = json!({
            "role": if speaker == Speaker::Agent { "bot" } else { "user" },
            "message": text,
            "time": scenario.at(from).as_millisecond(),
            "endTime": scenario.at(to).as_millisecond(),
            "secondsFromStart": seconds,
            "duration": to - from,
        });
        if speaker == Speaker::Agent {
            message["source"] = json!("");
            self.spoken_letters += u32::try_from(text.chars().count()).unwrap_or(u32::MAX / 1_000);
            let latency =
                [(250, 700), (120, 260), (90, 240), (180, 420)].map(|(low, high)| self.rng.random_range(low..high));
            self.latencies.push(latency);
        } else {
            message["metadata"] = json!({"wordLevelConfidence": []});
        }
        self.messages.push(message);
        self.formatted.push(json!({"role": formatted_role, "content": text}));
        for part in [label, ": ", text, "\n"] {
            self.transcript.push_str(part);
        }
        self.turns.push(Turn { role: our_role.to_owned(), text: text.to_owned(), at: scenario.at(from) });

        let extra = json!({"role": wire_role, "transcriptType": "final", "transcript": text});
        let identity = format!("transcript:{wire_role}:final:{turn}");
        self.push_typed(to, "transcript", EventKind::Turn { index: turn }, identity, extra, Artifact::None);
        if self.options.conversation_updates {
            let extra = json!({"messages": self.messages, "messagesOpenAIFormatted": self.formatted});
            self.other(to, "conversation-update", format!("conversation-update:{turn}"), extra);
        }
    }

    /// The caller's words as the transcriber guesses them along the way: a third, then two thirds.
    fn partials(&mut self, text: &str, from: u32, to: u32, turn: usize) {
        let words: Vec<&str> = text.split_whitespace().collect();
        for third in [1_u32, 2] {
            let count = words.len() * usize::try_from(third).unwrap_or(1) / 3;
            if count == 0 {
                continue;
            }
            let at = from + (to - from) / 3 * third;
            let extra = json!({"role": "user", "transcriptType": "partial", "transcript": words[..count].join(" ")});
            self.other(at, "transcript", format!("transcript:user:partial:{turn}:{third}"), extra);
        }
    }

    fn speech_update(&mut self, at: u32, role: &str, status: &str, turn: usize) {
        let extra = json!({"status": status, "role": role, "turn": turn});
        self.other(at, "speech-update", format!("speech-update:{role}:{status}:{turn}"), extra);
    }

    fn tool(&mut self, id: &str, name: &str, arguments: &[(String, String)], result: &str, at: u32, answered_at: u32) {
        let arguments: Map<String, Value> = arguments.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let as_text = Value::Object(arguments.clone()).to_string();
        let tool_call = match self.options.tool_shape {
            ToolShape::Schema => {
                json!({"id": id, "type": "function", "function": {"name": name, "arguments": as_text}})
            }
            ToolShape::ArgumentsObject => json!({"id": id, "name": name, "arguments": arguments}),
            ToolShape::ParametersObject => json!({"id": id, "name": name, "parameters": arguments}),
        };
        let properties: Map<String, Value> =
            arguments.keys().map(|key| (key.clone(), json!({"type": "string"}))).collect();
        let mut nested = tool_call.clone();
        if self.options.tool_shape == ToolShape::ParametersObject {
            nested = json!({"id": id, "type": "function", "function": {"name": name, "parameters": arguments}});
        }
        let with_tool = json!({
            "type": "function",
            "async": false,
            "function": {
                "name": name,
                "parameters": {"type": "object", "properties": properties},
            },
            "server": {"url": "https://voice.example.test/tools", "headers": {"x-tool": CANARIES[4]}},
            "toolCall": nested,
        });
        let kind = EventKind::ToolCalls { ids: vec![id.to_owned()], names: vec![name.to_owned()] };
        let extra = json!({"toolCallList": [tool_call], "toolWithToolCallList": [with_tool]});
        self.push_typed(at, "tool-calls", kind, format!("tool-calls:{id}"), extra, Artifact::Live);

        let started = self.seconds_from_start(at);
        self.messages.push(json!({
            "role": "tool_calls",
            "toolCalls": [{"id": id, "type": "function", "function": {"name": name, "arguments": as_text}}],
            "message": "",
            "time": self.scenario.at(at).as_millisecond(),
            "secondsFromStart": started,
        }));
        let answered = self.seconds_from_start(answered_at);
        self.messages.push(json!({
            "role": "tool_call_result",
            "toolCallId": id,
            "name": name,
            "result": result,
            "time": self.scenario.at(answered_at).as_millisecond(),
            "secondsFromStart": answered,
        }));
        self.formatted.push(json!({"role": "tool", "content": result}));
    }

    fn forwarded(&mut self, name: &str, number: &str, status: &str, at: u32) {
        let destination = json!({
            "type": "number",
            "number": number,
            "numberE164CheckEnabled": true,
            "description": name,
            "transferPlan": {"mode": "blind-transfer"},
        });
        self.transfers.push(json!({"destination": destination, "mode": "blind-transfer", "status": status}));
        let identity = format!("transfer-update:{at}");
        self.other(at, "transfer-update", identity, json!({"destination": destination}));
        if status == "connected" {
            let extra = json!({"destination": destination, "transcript": self.transcript});
            self.status_update(at + 200, "forwarding", extra);
        }
    }

    fn ending(&mut self) {
        let scenario = self.scenario;
        self.cost = Cost::of(scenario, self.spoken_letters, self.turns.len(), &mut self.rng);
        self.status_update(scenario.ended_at, "ended", json!({"endedReason": scenario.ended_reason}));

        let mut analysis = Map::new();
        if let Some(summary) = &scenario.summary {
            analysis.insert("summary".into(), json!(summary));
        }
        if !scenario.data.is_empty() {
            let mut data: Map<String, Value> =
                scenario.data.iter().map(|(name, value)| (name.clone(), typed(value))).collect();
            if let Some(outcome) = extracted_outcome(&scenario.outcome) {
                data.insert("outcome".into(), outcome.into());
            }
            analysis.insert("structuredData".into(), Value::Object(data));
        }
        if let Some(success) = scenario.success {
            analysis.insert("successEvaluation".into(), json!(success.to_string()));
        }
        let mut extra = json!({
            "endedReason": scenario.ended_reason,
            "analysis": analysis,
            "cost": dollars(self.cost.total()),
            "costs": self.cost.items(scenario),
            "costBreakdown": self.cost.breakdown(),
            "endedAt": iso(scenario.at(scenario.ended_at)),
            "durationSeconds": f64::from(scenario.ended_at - scenario.started_at.unwrap_or(scenario.ended_at)) / 1000.0,
            "transcript": self.transcript,
            "compliance": {"recordingConsent": {"type": "stay-on-line"}},
        });
        if let Some(started) = scenario.started_at {
            extra["startedAt"] = json!(iso(scenario.at(started)));
        }
        if let Some(transfer) = self.transfers.iter().find(|transfer| transfer["status"] == "connected") {
            extra["destination"] = transfer["destination"].clone();
        }
        let kind = EventKind::Report;
        self.push_typed(scenario.report_at, "end-of-call-report", kind, "report".into(), extra, Artifact::Final);
        if let (Some(goal), Some(report)) = (self.options.report_bytes, self.events.last_mut()) {
            pad(&mut report.message, goal);
        }
    }

    fn status_update(&mut self, at: u32, status: &'static str, mut extra: Value) {
        self.status = status;
        extra["status"] = json!(status);
        let kind = EventKind::Status { status: status.to_owned() };
        self.push_typed(at, "status-update", kind, format!("status:{status}"), extra, Artifact::Live);
    }

    fn other(&mut self, at: u32, name: &str, identity: String, extra: Value) {
        let kind = EventKind::Other { name: name.to_owned() };
        self.push_typed(at, name, kind, identity, extra, Artifact::None);
    }

    fn push_typed(&mut self, at: u32, name: &str, kind: EventKind, identity: String, extra: Value, artifact: Artifact) {
        let mut message = Map::new();
        message.insert("type".into(), json!(name));
        if let Value::Object(extra) = extra {
            message.extend(extra);
        }
        self.push(at, kind, identity, Value::Object(message), artifact);
    }

    fn push(&mut self, at: u32, kind: EventKind, identity: String, mut message: Value, artifact: Artifact) {
        message["timestamp"] = json!(self.scenario.at(at).as_millisecond());
        match artifact {
            Artifact::None => {}
            Artifact::Live => {
                message["artifact"] = json!({
                    "messages": self.messages,
                    "messagesOpenAIFormatted": self.formatted,
                    "transcript": self.transcript,
                });
            }
            Artifact::Final => message["artifact"] = self.final_artifact(),
        }
        message["call"] = self.call(at, artifact == Artifact::Final);
        if let Some(phone_number) = self.phone_number() {
            message["phoneNumber"] = phone_number;
        }
        if let Some(customer) = self.customer() {
            message["customer"] = customer;
        }
        if kind != EventKind::AssistantRequest {
            message["assistant"] = self.assistant();
        }
        self.events.push(Event { offset_ms: at, kind, identity, message });
    }

    fn call(&self, at: u32, finished: bool) -> Value {
        let scenario = self.scenario;
        let id = scenario.call_id;
        let mut call = json!({
            "id": id,
            "orgId": scenario.provider_org_id,
            "createdAt": iso(scenario.created_at),
            "updatedAt": iso(scenario.at(at)),
            "type": match scenario.medium {
                Medium::Inbound => "inboundPhoneCall",
                Medium::Outbound => "outboundPhoneCall",
                Medium::Web => "webCall",
            },
            "status": self.status,
            "monitor": {
                "listenUrl": format!("wss://listen.example.test/{id}/listen?t={}", CANARIES[5]),
                "controlUrl": format!("https://control.example.test/{id}/control?t={}-{}", CANARIES[6], self.listen_token),
            },
        });
        if scenario.medium == Medium::Web {
            call["transport"] = json!({
                "provider": "daily",
                "callUrl": format!("https://rooms.example.test/{id}"),
            });
        } else {
            call["phoneCallProvider"] = json!("twilio");
            call["phoneCallProviderId"] = json!(self.provider_call_id);
            call["phoneCallTransport"] = json!("pstn");
            call["phoneNumberId"] = json!(scenario.number.phone_number_id);
            call["phoneNumber"] = json!({
                "twilioPhoneNumber": scenario.number.e164,
                "twilioAccountSid": format!("AC{}", scenario.provider_org_id.simple()),
                "twilioAuthToken": CANARIES[0],
                "twilioApiKey": CANARIES[1],
                "twilioApiSecret": CANARIES[2],
            });
            call["transport"] = json!({"provider": "twilio", "callSid": self.provider_call_id});
        }
        if let Some(assistant_id) = &scenario.number.assistant_id {
            call["assistantId"] = json!(assistant_id);
        }
        if let Some(customer) = self.customer() {
            call["customer"] = customer;
        }
        if scenario.started_at.is_some_and(|started| started <= at) {
            call["startedAt"] = json!(scenario.started_at.map(|started| iso(scenario.at(started))));
        }
        if self.status == "ended" {
            call["endedReason"] = json!(scenario.ended_reason);
            call["endedAt"] = json!(iso(scenario.at(scenario.ended_at)));
        }
        if finished {
            call["cost"] = json!(dollars(self.cost.total()));
        }
        call
    }

    fn phone_number(&self) -> Option<Value> {
        let number = &self.scenario.number;
        (self.scenario.medium != Medium::Web).then(|| {
            json!({
                "id": number.phone_number_id,
                "provider": "twilio",
                "number": number.e164,
                "twilioAccountSid": format!("AC{}", self.scenario.provider_org_id.simple()),
                "twilioAuthToken": CANARIES[0],
                "twilioApiKey": CANARIES[1],
                "twilioApiSecret": CANARIES[2],
                "name": self.scenario.org_label,
            })
        })
    }

    fn customer(&self) -> Option<Value> {
        let mut customer = Map::new();
        if let Some(number) = &self.scenario.customer_number {
            customer.insert("number".into(), json!(number));
        }
        if let Some(name) = &self.scenario.customer_name {
            customer.insert("name".into(), json!(name));
        }
        (!customer.is_empty()).then_some(Value::Object(customer))
    }

    fn assistant(&self) -> Value {
        json!({
            "name": format!("{} at {}", self.scenario.agent_name, self.scenario.org_label),
            "firstMessageMode": "assistant-speaks-first",
            "server": {
                "url": "https://voice.example.test/hooks",
                "timeoutSeconds": 20,
                "headers": {"x-practice": CANARIES[4]},
            },
            "credentials": [{"provider": "openai", "apiKey": CANARIES[3]}],
        })
    }

    fn final_artifact(&mut self) -> Value {
        let scenario = self.scenario;
        let mut artifact = json!({
            "messages": self.messages,
            "messagesOpenAIFormatted": self.formatted,
            "transcript": self.transcript,
            "variableValues": {"practice": scenario.org_label},
            "nodes": [],
            "performanceMetrics": self.performance(),
        });
        let mut activation = json!({"assistantName": scenario.agent_name});
        if let Some(assistant_id) = &scenario.number.assistant_id {
            activation["assistantId"] = json!(assistant_id);
        }
        artifact["assistantActivations"] = json!([activation]);
        if !self.transfers.is_empty() {
            artifact["transfers"] = json!(self.transfers);
        }
        if scenario.started_at.is_some() {
            let base = self.options.recordings_base.trim_end_matches('/');
            let at = |part: &str| format!("{base}/{}-{part}.wav", scenario.call_id);
            artifact["recordingUrl"] = json!(at("mono"));
            artifact["stereoRecordingUrl"] = json!(at("stereo"));
            artifact["recording"] = json!({
                "stereoUrl": at("stereo"),
                "mono": {
                    "combinedUrl": at("mono"),
                    "assistantUrl": at("assistant"),
                    "customerUrl": at("customer"),
                },
            });
            artifact["logUrl"] = json!(format!("{base}/{}.jsonl.gz", scenario.call_id));
            sign_links(&mut artifact, scenario.at(scenario.report_at), 1);
        }
        artifact
    }

    fn performance(&self) -> Value {
        let turns: Vec<Value> = self
            .latencies
            .iter()
            .map(|&[model, voice, transcriber, endpointing]| {
                json!({
                    "modelLatency": model,
                    "voiceLatency": voice,
                    "transcriberLatency": transcriber,
                    "endpointingLatency": endpointing,
                    "turnLatency": model + voice + transcriber + endpointing,
                })
            })
            .collect();
        let count = u32::try_from(self.latencies.len()).unwrap_or(1).max(1);
        let average =
            |of: &dyn Fn(&[u32; 4]) -> u32| f64::from(self.latencies.iter().map(of).sum::<u32>()) / f64::from(count);
        json!({
            "turnLatencies": turns,
            "modelLatencyAverage": average(&|latency| latency[0]),
            "voiceLatencyAverage": average(&|latency| latency[1]),
            "transcriberLatencyAverage": average(&|latency| latency[2]),
            "endpointingLatencyAverage": average(&|latency| latency[3]),
            "turnLatencyAverage": average(&|latency| latency.iter().sum()),
            "numUserInterrupted": 0,
            "numAssistantInterrupted": self.interruptions,
        })
    }

    fn seconds_from_start(&self, at: u32) -> f64 {
        f64::from(at.saturating_sub(self.scenario.started_at.unwrap_or(0))) / 1000.0
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Artifact {
    None,
    Live,
    Final,
}

/// Puts fresh short-lived links into an artifact. The provider makes new ones for every delivery, so two deliveries
/// of one report differ in their bytes.
pub(crate) fn sign_links(artifact: &mut Value, now: Timestamp, delivery: u32) {
    let Some(recording) = artifact["recordingUrl"].as_str().map(str::to_owned) else {
        return;
    };
    let stereo = artifact["stereoRecordingUrl"].as_str().unwrap_or(&recording).to_owned();
    let signed = |url: &str| format!("{url}?X-Signature={}-{delivery}", CANARIES[7]);
    artifact["presignedMonoUrl"] = json!(signed(&recording));
    artifact["presignedStereoUrl"] = json!(signed(&stereo));
    artifact["presignedUrlsExpiresAt"] = json!(iso(now + jiff::SignedDuration::from_hours(1)));
}

/// Fills the report up with the log lines that make real reports of long calls big.
fn pad(report: &mut Value, goal: usize) {
    let size = report.to_string().len();
    if size >= goal {
        return;
    }
    let line = "variable kept by the flow of the conversation; ";
    let filler: String = line.chars().cycle().take(goal - size).collect();
    report["artifact"]["variableValues"]["notes"] = json!(filler);
}

/// What a practice's extraction would call the outcome of a script, where it asks for one.
fn extracted_outcome(outcome: &str) -> Option<&'static str> {
    match outcome {
        "booked" => Some("booked"),
        "rescheduled" => Some("moved"),
        "cancelled" => Some("cancelled"),
        "callback_requested" | "message_taken" | "complaint" => Some("callback"),
        "question_answered" | "confirmed" => Some("answered"),
        "urgent_handed_over" | "transferred" => Some("transferred"),
        _ => None,
    }
}

/// `true`, `false` and whole numbers become themselves, everything else stays text.
fn typed(value: &str) -> Value {
    match (value.parse::<bool>(), value.parse::<i64>()) {
        (Ok(boolean), _) => json!(boolean),
        // A number with a leading zero or plus is a code, not an amount.
        (_, Ok(number)) if number.to_string() == value => json!(number),
        _ => json!(value),
    }
}

/// The cost of a call in micro-dollars: multiples of 100, so that the dollars on the wire have four decimals and
/// come back exactly.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    transport: u32,
    transcriber: u32,
    model: u32,
    voice: u32,
    platform: u32,
    analysis: u32,
    /// Tenths of a second of talk.
    deciseconds: u32,
    letters: u32,
    prompt_tokens: u32,
    completion_tokens: u32,
}

impl Cost {
    fn of(scenario: &Scenario, letters: u32, turns: usize, rng: &mut ChaCha8Rng) -> Self {
        let Some(started) = scenario.started_at else {
            return Self::default();
        };
        let deciseconds = (scenario.ended_at - started) / 100;
        let per_minute = |micros: u32| deciseconds * (micros / 100) / 600 * 100;
        let turns = u32::try_from(turns).unwrap_or(1_000);
        let prompt_tokens = 900 * turns + rng.random_range(0..400);
        Self {
            transport: if scenario.medium == Medium::Web { 0 } else { per_minute(8_500) },
            transcriber: per_minute(10_000),
            model: prompt_tokens / 1_000 * 400 + 100,
            voice: letters / 100 * 1_500 + 100,
            platform: per_minute(50_000),
            analysis: rng.random_range(5..25) * 100,
            deciseconds,
            letters,
            prompt_tokens,
            completion_tokens: letters / 4,
        }
    }

    fn total(&self) -> i64 {
        [self.transport, self.transcriber, self.model, self.voice, self.platform, self.analysis]
            .into_iter()
            .map(i64::from)
            .sum()
    }

    fn items(&self, scenario: &Scenario) -> Value {
        let minutes = f64::from(self.deciseconds) / 600.0;
        let dollars = |micros: u32| dollars(i64::from(micros));
        json!([
            {
                "type": "transport",
                "provider": if scenario.medium == Medium::Web { "daily" } else { "twilio" },
                "minutes": minutes,
                "cost": dollars(self.transport),
            },
            {
                "type": "transcriber",
                "transcriber": {"provider": "deepgram", "model": "nova-3"},
                "minutes": minutes,
                "cost": dollars(self.transcriber),
            },
            {
                "type": "model",
                "model": {"provider": "openai", "model": "gpt-4.1-mini"},
                "promptTokens": self.prompt_tokens,
                "completionTokens": self.completion_tokens,
                "cost": dollars(self.model),
            },
            {
                "type": "voice",
                "voice": {"provider": "vapi", "voiceId": "Paige"},
                "characters": self.letters,
                "cost": dollars(self.voice),
            },
            {"type": "vapi", "subType": "normal", "minutes": minutes, "cost": dollars(self.platform)},
            {
                "type": "analysis",
                "analysisType": "summary",
                "model": {"provider": "openai", "model": "gpt-4.1-mini"},
                "promptTokens": 480,
                "completionTokens": 60,
                "cost": dollars(self.analysis),
            },
        ])
    }

    fn breakdown(&self) -> Value {
        let part = |micros: u32| dollars(i64::from(micros));
        json!({
            "transport": part(self.transport),
            "stt": part(self.transcriber),
            "llm": part(self.model),
            "tts": part(self.voice),
            "vapi": part(self.platform),
            "chat": 0,
            "total": dollars(self.total()),
            "llmPromptTokens": self.prompt_tokens,
            "llmCompletionTokens": self.completion_tokens,
            "ttsCharacters": self.letters,
            "analysisCostBreakdown": {"summary": part(self.analysis)},
        })
    }
}

/// A date as the provider writes it: to the millisecond.
fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Micro-dollars as dollars. A call costs far less than the two billion micros that fit exactly.
fn dollars(micros: i64) -> f64 {
    f64::from(i32::try_from(micros).unwrap_or(i32::MAX)) / 1_000_000.0
}
