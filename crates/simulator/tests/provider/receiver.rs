//! A receiver on an ephemeral port. It authenticates, answers as a right receiver does or as the test tells it to,
//! keeps what it accepted, and shows it in the shape of the calls API.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use simulator::{Target, practices};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

pub const SECRET: &str = "secret-of-the-test-connection";
pub const PASSWORD: &str = "password-of-the-test-owner";

/// One request to the webhook.
#[derive(Clone)]
pub struct Seen {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub message: Value,
    pub accepted: bool,
}

type Override = Box<dyn Fn(&Value) -> Option<(StatusCode, Value)> + Send + Sync>;

type Show = Box<dyn Fn(&mut Vec<Value>) + Send>;

pub struct Receiver {
    pub base_url: String,
    state: Arc<Shared>,
    server: Mutex<Option<Runtime>>,
}

struct Shared {
    seen: Mutex<Vec<Seen>>,
    answer: Override,
    /// Applied to each call before it is shown by the API.
    show: Mutex<Show>,
}

impl Receiver {
    /// A receiver that does everything right.
    pub async fn start() -> Self {
        Self::answering(|_| None).await
    }

    /// A receiver whose answer the test can replace, message by message.
    pub async fn answering(answer: impl Fn(&Value) -> Option<(StatusCode, Value)> + Send + Sync + 'static) -> Self {
        // A second test in this process finds it installed, which is what both want.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let state = Arc::new(Shared {
            seen: Mutex::new(Vec::new()),
            answer: Box::new(answer),
            show: Mutex::new(Box::new(|_| {})),
        });
        let app = Router::new()
            .route("/api/webhooks/vapi", post(webhook))
            .route("/api/webhooks/vapi/{connection_id}", post(webhook))
            .route("/api/v1/auth/login", post(login))
            .route("/api/v1/calls", get(list))
            .route("/api/v1/calls/{id}", get(single))
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        // A runtime of its own: when it goes, every open connection breaks with it, as with a killed process.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = listener.into_std().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn_on(serve(listener, app), runtime.handle());
        serving.detach_all();
        Self { base_url, state, server: Mutex::new(Some(runtime)) }
    }

    /// The first practice of the table at this receiver.
    pub fn target(&self) -> Target {
        Target::of_practice(&practices()[0], &self.base_url, None, SECRET)
    }

    /// All practices at this receiver.
    pub fn targets(&self) -> Vec<Target> {
        practices().iter().map(|practice| Target::of_practice(practice, &self.base_url, None, SECRET)).collect()
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    pub fn messages(&self) -> Vec<Value> {
        self.seen().into_iter().map(|seen| seen.message).collect()
    }

    /// Changes what the API shows.
    pub fn plant(&self, change: impl Fn(&mut Vec<Value>) + Send + 'static) {
        *self.state.show.lock().unwrap() = Box::new(change);
    }

    /// Stops listening and breaks every connection.
    pub fn kill(&self) {
        if let Some(runtime) = self.server.lock().unwrap().take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn serve(listener: std::net::TcpListener, app: Router) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    axum::serve(listener, app).await.unwrap();
}

async fn webhook(State(state): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let genuine = headers.get("x-vapi-secret").is_some_and(|secret| secret == SECRET);
    let message = serde_json::from_slice::<Value>(&body).unwrap()["message"].clone();
    let answer = if genuine {
        (state.answer)(&message).unwrap_or_else(|| right_answer(&message))
    } else {
        (StatusCode::UNAUTHORIZED, json!({"code": "unauthorized"}))
    };
    let accepted = answer.0.is_success();
    state.seen.lock().unwrap().push(Seen { path: uri.path().to_owned(), headers, body, message, accepted });
    (answer.0, Json(answer.1)).into_response()
}

fn right_answer(message: &Value) -> (StatusCode, Value) {
    match message["type"].as_str() {
        Some("assistant-request") => (StatusCode::OK, json!({"assistantId": "assistant-of-the-receiver"})),
        Some("tool-calls") => {
            let results: Vec<Value> = message["toolCallList"]
                .as_array()
                .unwrap()
                .iter()
                .map(|call| {
                    let name = call["function"]["name"].as_str().or(call["name"].as_str());
                    json!({"toolCallId": call["id"], "name": name, "error": "I cannot do that yet"})
                })
                .collect();
            (StatusCode::OK, json!({"results": results}))
        }
        _ => (StatusCode::OK, json!({})),
    }
}

async fn login(Json(body): Json<Value>) -> Response {
    if body == json!({"email": "moira.penhale@example.test", "password": PASSWORD}) {
        Json(json!({"access_token": "the-token", "token_type": "Bearer", "expires_in": 900})).into_response()
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

/// Pages of seven, so that paging is exercised.
async fn list(
    State(state): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    if headers.get("authorization").is_none_or(|value| value != "Bearer the-token") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let from: usize = query.get("cursor").map_or(0, |cursor| cursor.parse().unwrap());
    let mut calls = state.calls();
    for call in &mut calls {
        call.as_object_mut().unwrap().remove("transcript");
    }
    let next = (from + 7 < calls.len()).then(|| (from + 7).to_string());
    let items: Vec<Value> = calls.into_iter().skip(from).take(7).collect();
    Json(json!({"items": items, "next_cursor": next})).into_response()
}

async fn single(State(state): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    match state.calls().into_iter().find(|call| call["id"] == json!(id)) {
        Some(call) => Json(call).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Shared {
    /// Every call of which something was accepted, as the API shows it: a fold of its own, written apart from the
    /// simulator's.
    fn calls(&self) -> Vec<Value> {
        let mut order = Vec::new();
        let mut calls: HashMap<String, Value> = HashMap::new();
        for seen in self.seen.lock().unwrap().iter().filter(|seen| seen.accepted) {
            let message = &seen.message;
            let id = message["call"]["id"].as_str().unwrap().to_owned();
            let row = calls.entry(id.clone()).or_insert_with(|| {
                order.push(id.clone());
                new_row(&id, message)
            });
            fold(row, message);
        }
        let mut calls: Vec<Value> = order.into_iter().filter_map(|id| calls.remove(&id)).collect();
        (self.show.lock().unwrap())(&mut calls);
        calls
    }
}

fn new_row(id: &str, message: &Value) -> Value {
    let practice = message["phoneNumber"]["number"].clone();
    let customer = message["customer"]["number"].clone();
    let (direction, from, to) = match message["call"]["type"].as_str().unwrap() {
        "inboundPhoneCall" => ("inbound", customer, practice),
        "outboundPhoneCall" => ("outbound", practice, customer),
        _ => ("web", Value::Null, Value::Null),
    };
    json!({
        "id": format!("row-{id}"), "provider_call_id": id, "direction": direction, "status": "queued",
        "from_number": from, "to_number": to, "started_at": null, "ended_at": null, "duration_seconds": null,
        "ended_reason": null, "cost": null, "summary": null, "recording": {"state": "none"}, "transcript": [],
    })
}

fn fold(row: &mut Value, message: &Value) {
    let role = |name: &Value| if name == "assistant" || name == "bot" { "agent" } else { "caller" };
    let ended = row["status"] == "ended";
    match message["type"].as_str().unwrap() {
        "status-update" if !ended => {
            row["status"] = message["status"].clone();
            let at = jiff::Timestamp::from_millisecond(message["timestamp"].as_i64().unwrap()).unwrap();
            if message["status"] == "in-progress" {
                row["started_at"] = json!(at.to_string());
            }
            if message["status"] == "ended" {
                row["ended_at"] = json!(at.to_string());
                row["ended_reason"] = message["endedReason"].clone();
            }
        }
        "transcript" if message["transcriptType"] == "final" && row["cost"].is_null() => {
            let turn = json!({
                "role": role(&message["role"]), "text": message["transcript"], "at": message["timestamp"],
            });
            let turns = row["transcript"].as_array_mut().unwrap();
            if !turns.contains(&turn) {
                turns.push(turn);
            }
        }
        "end-of-call-report" => {
            row["status"] = json!("ended");
            row["ended_reason"] = message["endedReason"].clone();
            row["ended_at"] = message["endedAt"].clone();
            row["summary"] = message["analysis"]["summary"].clone();
            #[expect(clippy::cast_possible_truncation, reason = "a call costs a few dollars")]
            let micros = (message["cost"].as_f64().unwrap() * 1_000_000.0).round() as i64;
            row["cost"] = json!({"amount_micros": micros, "currency": "USD"});
            if message["startedAt"].is_string() {
                row["started_at"] = message["startedAt"].clone();
            }
            if message["artifact"]["recordingUrl"].is_string() {
                row["recording"]["state"] = json!("pending");
            }
            let turns: Vec<Value> = message["artifact"]["messages"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|one| one["role"] == "bot" || one["role"] == "user")
                .map(|one| json!({"role": role(&one["role"]), "text": one["message"], "at": one["time"]}))
                .collect();
            row["transcript"] = json!(turns);
        }
        _ => {}
    }
    if let (Some(started), Some(ended)) = (row["started_at"].as_str(), row["ended_at"].as_str()) {
        let (started, ended): (jiff::Timestamp, jiff::Timestamp) = (started.parse().unwrap(), ended.parse().unwrap());
        row["duration_seconds"] = json!(ended.duration_since(started).as_secs());
    }
}
