//! One message over HTTP: the bytes, the authentication, the answer, and whether the answer has the shape that the
//! provider needs.

use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::target::{Stamp, Target, headers};
use crate::wire::{Event, EventKind, sign_links};

/// How long the provider waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patience {
    /// For an ordinary message.
    pub message: Duration,
    /// For `assistant-request`: a caller is listening to the ringing tone.
    pub assistant_request: Duration,
}

impl Default for Patience {
    /// The provider's own: 20 seconds, and 7.5 seconds whatever is configured.
    fn default() -> Self {
        Self { message: Duration::from_secs(20), assistant_request: Duration::from_millis(7_500) }
    }
}

impl Patience {
    fn with(&self, kind: &EventKind) -> Duration {
        if *kind == EventKind::AssistantRequest { self.assistant_request } else { self.message }
    }
}

/// The provider's way to try again, off unless it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// The delay doubles with each retry instead of staying the same.
    pub exponential: bool,
    /// Retries after the first attempt.
    pub max_retries: u32,
    /// Delay before the first retry.
    pub base_delay: Duration,
}

impl Backoff {
    /// The delay before this retry; the first retry is 1.
    pub(crate) fn delay(&self, retry: u32) -> Duration {
        let doublings = if self.exponential { retry.saturating_sub(1).min(16) } else { 0 };
        self.base_delay * 2_u32.pow(doublings)
    }
}

/// The answer to one request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    /// The provider lost its patience.
    pub(crate) timed_out: bool,
    pub(crate) body: Bytes,
    pub(crate) latency: Duration,
}

impl Answer {
    fn none(error: String, timed_out: bool, latency: Duration) -> Self {
        Self { status: None, error: Some(error), timed_out, body: Bytes::new(), latency }
    }
}

/// A body on its way to a target.
pub(crate) struct Parcel<'a> {
    pub(crate) target: &'a Target,
    pub(crate) event: &'a Event,
    pub(crate) body: Bytes,
    /// Sent with a wrong secret.
    pub(crate) forged: bool,
}

/// A client for receivers on the desk: no proxy, no redirects.
///
/// The process must have installed its TLS provider before.
pub(crate) fn client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .build()
        .context("cannot build the HTTP client")
}

/// The machine's clock. The simulator plays a provider with a clock of its own; it does not share the platform's.
#[expect(
    clippy::disallowed_methods,
    reason = "the provider on the desk has its own clock; times in messages are a parameter"
)]
pub(crate) fn wall_clock() -> Timestamp {
    Timestamp::now()
}

/// The bytes of one delivery. `delivery` counts from 1; later ones carry fresh links.
pub(crate) fn body(event: &Event, delivery: u32) -> Bytes {
    let mut message = event.message.clone();
    if delivery > 1
        && event.kind == EventKind::Report
        && let Some(at) = message["timestamp"].as_i64().and_then(|at| Timestamp::from_millisecond(at).ok())
    {
        sign_links(&mut message["artifact"], at, delivery);
    }
    Bytes::from(json!({"message": message}).to_string())
}

/// Posts one body. Every outcome is an answer; only a target that cannot be addressed is an error.
///
/// When the run is stopped, an answer that has not come is not waited for.
pub(crate) async fn post(
    client: &reqwest::Client,
    parcel: &Parcel<'_>,
    patience: &Patience,
    stop: &CancellationToken,
) -> anyhow::Result<Answer> {
    let Parcel { target, event, body, forged } = parcel;
    let url = target.webhook_url();
    let secret = if *forged { "not-the-secret-of-this-connection" } else { target.secret.as_str() };
    let message_id = format!("msg_{}", hex::encode(&Sha256::digest(event.identity.as_bytes())[..12]));
    let stamp = Stamp { url: &url, seconds: wall_clock().as_second(), message_id: &message_id };
    let mut request = client.post(&url).timeout(patience.with(&event.kind)).header("content-type", "application/json");
    for (name, value) in headers(&target.scheme, secret, body, &stamp)? {
        request = request.header(name, value);
    }
    let begun = Instant::now();
    tokio::select! {
        answer = read_answer(request.body(body.clone()), begun) => Ok(answer),
        () = stop.cancelled() => Ok(Answer::none("the run was stopped".into(), false, begun.elapsed())),
    }
}

async fn read_answer(request: reqwest::RequestBuilder, begun: Instant) -> Answer {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Answer::none(error.to_string(), error.is_timeout(), begun.elapsed()),
    };
    let status = Some(response.status().as_u16());
    match response.bytes().await {
        Ok(body) => Answer { status, error: None, timed_out: false, body, latency: begun.elapsed() },
        // The head of the answer came: whatever it says has been decided.
        Err(error) => Answer { status, ..Answer::none(error.to_string(), error.is_timeout(), begun.elapsed()) },
    }
}

/// What the receiver says about who answers a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WhoAnswers {
    Assistant(String),
    /// Described in the answer itself.
    Described,
    /// Nobody: the call ends for this reason.
    Nobody(&'static str),
}

/// Reads the answer to `assistant-request`.
pub(crate) fn who_answers(answer: &Answer) -> Result<WhoAnswers, String> {
    if answer.status != Some(200) && answer.status != Some(201) {
        return Err(format!("assistant-request: answered {:?}, expected 200", answer.status));
    }
    let reply: Value =
        serde_json::from_slice(&answer.body).map_err(|_| "assistant-request: the answer is not JSON".to_owned())?;
    if reply.get("destination").is_some_and(|destination| destination["type"].is_string()) {
        return Ok(WhoAnswers::Nobody("assistant-request-returned-forwarding-phone-number"));
    }
    if let Some(id) = reply["assistantId"].as_str().filter(|id| !id.is_empty()) {
        return Ok(WhoAnswers::Assistant(id.to_owned()));
    }
    if ["assistant", "squad", "workflow"].iter().any(|key| reply[*key].is_object())
        || ["squadId", "workflowId"].iter().any(|key| reply[*key].is_string())
    {
        return Ok(WhoAnswers::Described);
    }
    if reply["error"].as_str().is_some_and(|spoken| !spoken.is_empty()) {
        return Ok(WhoAnswers::Nobody("assistant-request-returned-error"));
    }
    Err("assistant-request: the answer names neither an assistant nor an error".into())
}

/// Checks the answer to `tool-calls`: one result for every call, by id, with its name and one text.
pub(crate) fn check_tool_answer(answer: &Answer, ids: &[String], names: &[String]) -> Vec<String> {
    if answer.status != Some(200) && answer.status != Some(201) {
        return vec![format!("tool-calls: answered {:?}, expected 200", answer.status)];
    }
    let Ok(reply) = serde_json::from_slice::<Value>(&answer.body) else {
        return vec!["tool-calls: the answer is not JSON".into()];
    };
    let Some(results) = reply["results"].as_array() else {
        return vec!["tool-calls: the answer has no list `results`".into()];
    };
    let mut problems = Vec::new();
    for (id, name) in ids.iter().zip(names) {
        let own: Vec<&Value> = results.iter().filter(|result| result["toolCallId"] == json!(id)).collect();
        match own.as_slice() {
            [] => problems.push(format!("tool-calls: no result for {name}")),
            [result] => {
                if result["name"] != json!(name) {
                    problems.push(format!("tool-calls: the result for {name} does not carry its name"));
                }
                let texts = [&result["result"], &result["error"]];
                if texts.iter().filter(|text| text.is_string()).count() != 1
                    || texts.iter().any(|text| !text.is_string() && !text.is_null())
                {
                    problems.push(format!("tool-calls: {name} needs one text, `result` or `error`"));
                }
            }
            _ => problems.push(format!("tool-calls: {} results for one call of {name}", own.len())),
        }
    }
    if results.len() > ids.len() {
        problems.push("tool-calls: results for calls that were not made".into());
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &Value) -> Answer {
        Answer {
            status: Some(status),
            error: None,
            timed_out: false,
            body: Bytes::from(body.to_string()),
            latency: Duration::ZERO,
        }
    }

    #[test]
    fn a_tool_answer_in_the_documented_shape_is_accepted() {
        let (ids, names) = (["call_1".to_owned()], ["book".to_owned()]);
        for result in [
            json!({"toolCallId": "call_1", "name": "book", "result": "Booked"}),
            json!({"toolCallId": "call_1", "name": "book", "error": "I cannot do that yet"}),
        ] {
            let problems = check_tool_answer(&answer(200, &json!({"results": [result]})), &ids, &names);
            assert_eq!(problems, Vec::<String>::new());
        }
    }

    #[test]
    fn every_wrong_tool_answer_is_named() {
        let (ids, names) = (["call_1".to_owned()], ["book".to_owned()]);
        let good = json!({"toolCallId": "call_1", "name": "book", "result": "Booked"});
        for (status, body) in [
            (500, json!({})),
            (200, json!([])),
            (200, json!({"results": []})),
            (200, json!({"results": [{"toolCallId": "call_2", "name": "book", "result": "Booked"}]})),
            (200, json!({"results": [{"toolCallId": "call_1", "result": "Booked"}]})),
            (200, json!({"results": [{"toolCallId": "call_1", "name": "book", "result": {"ok": true}}]})),
            (200, json!({"results": [{"toolCallId": "call_1", "name": "book"}]})),
            (200, json!({"results": [good, good]})),
        ] {
            assert_ne!(check_tool_answer(&answer(status, &body), &ids, &names), Vec::<String>::new(), "{body}");
        }
    }

    #[test]
    fn the_answer_to_assistant_request_decides_the_call() {
        let read = |body: Value| who_answers(&answer(200, &body));
        assert_eq!(read(json!({"assistantId": "a1"})), Ok(WhoAnswers::Assistant("a1".into())));
        assert_eq!(read(json!({"assistant": {"name": "Ava"}})), Ok(WhoAnswers::Described));
        assert_eq!(read(json!({"error": "We are closed"})), Ok(WhoAnswers::Nobody("assistant-request-returned-error")));
        let forwarded = json!({"assistantId": "a1", "destination": {"type": "number", "number": "+442079460199"}});
        assert_eq!(read(forwarded), Ok(WhoAnswers::Nobody("assistant-request-returned-forwarding-phone-number")));
        assert!(read(json!({"ok": true})).is_err());
        assert!(who_answers(&answer(503, &json!({"assistantId": "a1"}))).is_err());
    }

    #[test]
    fn a_backoff_doubles_only_when_told() {
        let fixed = Backoff { exponential: false, max_retries: 3, base_delay: Duration::from_secs(1) };
        let growing = Backoff { exponential: true, ..fixed };
        let seconds = |plan: Backoff| [1, 2, 3].map(|retry| plan.delay(retry).as_secs());
        assert_eq!(seconds(fixed), [1, 1, 1]);
        assert_eq!(seconds(growing), [1, 2, 4]);
    }
}
