//! Compares what a receiver shows over its public API with the truth of a run.
//!
//! A call of which anything was acknowledged must be in the list exactly once. When its report was acknowledged,
//! every field must be equal; otherwise what was acknowledged must be there, and nothing else is asserted, because a
//! message that got no answer may or may not have been stored.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::deliver;
use crate::ledger::{Expected, Truth};

/// How to read calls from a receiver.
#[derive(Clone)]
pub struct ApiAccess {
    /// Address of the receiver without path.
    pub base_url: String,
    /// Who reads.
    pub credential: Credential,
    /// The organization that the credential belongs to, as in [`crate::Target::org_label`]: only its calls are
    /// expected, and a call of another organization in the list is a difference. None: all calls are expected.
    pub org_label: Option<String>,
}

/// Who reads.
#[derive(Clone)]
pub enum Credential {
    /// An access token or an API key, sent as bearer token.
    Token(String),
    /// A person who signs in.
    Password {
        /// Address of the person.
        email: String,
        /// The password.
        password: String,
    },
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The provider's id of the call.
    pub call_id: Uuid,
    /// The field, or `presence`.
    pub field: String,
    /// What the truth says.
    pub expected: String,
    /// What the receiver says.
    pub found: String,
}

/// The outcome of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Calls compared.
    pub compared: usize,
    /// Of these, calls whose report was acknowledged: compared field by field.
    pub complete: usize,
    /// Calls in the list that the truth does not know. Not a difference: the receiver may have a past.
    pub unknown: usize,
    /// What differs.
    pub differences: Vec<Difference>,
}

impl Report {
    /// How many differences are written out.
    const SHOWN: usize = 50;

    /// Nothing differs.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{} calls compared ({} complete), {} unknown, {} differences",
            self.compared,
            self.complete,
            self.unknown,
            self.differences.len()
        )?;
        for difference in self.differences.iter().take(Self::SHOWN) {
            let Difference { call_id, field, expected, found } = difference;
            writeln!(out, "  {call_id} {field}: expected {expected}, found {found}")?;
        }
        match self.differences.len().saturating_sub(Self::SHOWN) {
            0 => Ok(()),
            more => writeln!(out, "  and {more} more"),
        }
    }
}

/// Reads every call of the truth from the API and compares it.
///
/// The error is an API that cannot be read; what differs is in the report. The process must have installed its TLS
/// provider.
pub async fn verify(truth: &Truth, api: &ApiAccess) -> anyhow::Result<Report> {
    let mut reader = Reader::sign_in(api).await?;
    let listed = reader.list().await?;
    let expected: Vec<Expected<'_>> = truth
        .expected()
        .into_iter()
        .filter(|expected| api.org_label.as_ref().is_none_or(|label| *label == expected.call.org_label))
        .collect();

    let mut report = Report { compared: expected.len(), ..Report::default() };
    find_strangers(truth, api, &listed, &mut report);
    for expected in &expected {
        report.complete += usize::from(expected.complete);
        let call_id = expected.call.call_id;
        let found = listed.get(&call_id.to_string()).map(Vec::as_slice).unwrap_or_default();
        let mut differ = Differ { call_id, differences: &mut report.differences };
        match found {
            [] => differ.note("presence", "once", "absent"),
            [item] => {
                compare_row(expected, item, &mut differ);
                let id = item["id"].as_str().context("a call in the list has no id")?;
                let single = reader.call(id).await?;
                // The document is either the call itself or holds it.
                let row = single.get("call").filter(|call| call.is_object()).unwrap_or(&single);
                compare_row(expected, row, &mut differ);
                compare_single(expected, &single, row, &mut differ);
            }
            several => differ.note("presence", "once", &format!("{} times", several.len())),
        }
    }
    // The list and the single call show the same fields: what differs in both is one difference.
    let mut seen = HashSet::new();
    report
        .differences
        .retain(|difference| seen.insert((difference.call_id, difference.field.clone(), difference.found.clone())));
    Ok(report)
}

/// Calls in the list that must not be there, and calls that nobody expected.
fn find_strangers(truth: &Truth, api: &ApiAccess, listed: &HashMap<String, Vec<Value>>, report: &mut Report) {
    let owners: HashMap<String, &str> =
        truth.calls.iter().map(|call| (call.call_id.to_string(), call.org_label.as_str())).collect();
    for provider_call_id in listed.keys() {
        match (owners.get(provider_call_id), &api.org_label) {
            (None, _) => report.unknown += 1,
            (Some(owner), Some(label)) if owner != label => report.differences.push(Difference {
                call_id: provider_call_id.parse().unwrap_or_default(),
                field: "presence".into(),
                expected: format!("only in the list of {owner}"),
                found: format!("in the list of {label}"),
            }),
            _ => {}
        }
    }
}

struct Differ<'a> {
    call_id: Uuid,
    differences: &'a mut Vec<Difference>,
}

impl Differ<'_> {
    fn note(&mut self, field: &str, expected: &str, found: &str) {
        self.differences.push(Difference {
            call_id: self.call_id,
            field: field.to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        });
    }

    fn equal(&mut self, field: &str, expected: &Value, found: &Value) {
        if expected != found {
            self.note(field, &expected.to_string(), &found.to_string());
        }
    }

    fn instant(&mut self, field: &str, expected: Timestamp, found: &Value) {
        let read = found.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        if read != Some(expected) {
            self.note(field, &expected.to_string(), &found.to_string());
        }
    }
}

/// The fields that the list and the single call share.
fn compare_row(expected: &Expected<'_>, row: &Value, differ: &mut Differ<'_>) {
    let call = expected.call;
    differ.equal("direction", &json!(call.direction), &row["direction"]);
    if call.direction != "web" {
        differ.equal("from_number", &json!(call.from), &row["from_number"]);
        differ.equal("to_number", &json!(call.to), &row["to_number"]);
    }
    compare_status(expected, &row["status"], differ);
    if expected.ended {
        differ.equal("ended_reason", &json!(call.ended_reason), &row["ended_reason"]);
        differ.instant("ended_at", call.ended_at, &row["ended_at"]);
    }
    let start_is_known = expected.complete || expected.statuses.iter().any(|status| status == "in-progress");
    if let Some(started_at) = call.started_at.filter(|_| start_is_known) {
        differ.instant("started_at", started_at, &row["started_at"]);
        if expected.ended {
            compare_duration(call.ended_at.duration_since(started_at), &row["duration_seconds"], differ);
        }
    }
    if expected.complete {
        let cost = json!({"amount_micros": call.cost_micros, "currency": "USD"});
        differ.equal("cost", &cost, &row["cost"]);
        differ.equal("summary", &json!(call.summary), &row["summary"]);
        let state = row["recording"]["state"].as_str().unwrap_or("absent");
        if (state != "none" && state != "absent") != call.recording {
            differ.note("recording.state", if call.recording { "a recording" } else { "none" }, state);
        }
    }
}

/// The status may be further than what was acknowledged, never behind it.
fn compare_status(expected: &Expected<'_>, found: &Value, differ: &mut Differ<'_>) {
    const ORDER: [&str; 5] = ["queued", "ringing", "in-progress", "forwarding", "ended"];
    let rank = |name: &str| ORDER.iter().position(|status| *status == name);
    let floor = if expected.ended { "ended" } else { expected.statuses.last().map_or("queued", String::as_str) };
    let found_name = found.as_str().unwrap_or("absent");
    if rank(found_name) < rank(floor) {
        differ.note("status", &format!("{floor} or later"), found_name);
    }
}

/// Whole seconds, rounded either way.
fn compare_duration(expected: SignedDuration, found: &Value, differ: &mut Differ<'_>) {
    let close = found.as_f64().is_some_and(|seconds| (seconds - expected.as_secs_f64()).abs() < 1.0);
    if !close {
        differ.note("duration_seconds", &format!("{:.3}", expected.as_secs_f64()), &found.to_string());
    }
}

/// The transcript, which only the single call has.
fn compare_single(expected: &Expected<'_>, single: &Value, row: &Value, differ: &mut Differ<'_>) {
    let call = expected.call;
    let transcript = single["transcript"].as_array().or(row["transcript"].as_array());
    let Some(transcript) = transcript else {
        if !expected.turns.is_empty() || (expected.complete && !call.turns.is_empty()) {
            differ.note("transcript", "a list of turns", "absent");
        }
        return;
    };
    let said = |value: &Value| {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        (text("role"), text("text"))
    };
    let found: Vec<(String, String)> = transcript.iter().map(said).collect();
    let all: Vec<(String, String)> = call.turns.iter().map(|turn| (turn.role.clone(), turn.text.clone())).collect();
    if expected.complete {
        if found != all {
            let at = found.iter().zip(&all).position(|(found, expected)| found != expected);
            let at = at.unwrap_or(found.len().min(all.len()));
            differ.note("transcript", &turn_at(&all, at), &turn_at(&found, at));
        }
        return;
    }
    // Every acknowledged turn is there, no turn is there more often than it was said.
    let count = |turns: &[(String, String)], turn: &(String, String)| turns.iter().filter(|one| *one == turn).count();
    let acknowledged: Vec<(String, String)> =
        expected.turns.iter().filter_map(|index| all.get(*index).cloned()).collect();
    for turn in &acknowledged {
        if count(&found, turn) < count(&acknowledged, turn) {
            differ.note("transcript", &format!("{}: {}", turn.0, turn.1), "absent");
        }
    }
    for turn in &found {
        if count(&found, turn) > count(&all, turn) {
            differ.note("transcript", &format!("{} times", count(&all, turn)), &format!("{}: {}", turn.0, turn.1));
        }
    }
}

fn turn_at(turns: &[(String, String)], index: usize) -> String {
    match turns.get(index) {
        Some((role, text)) => format!("turn {index} {role}: {text}"),
        None => format!("{} turns", turns.len()),
    }
}

/// Reads the API, signing in again when the token has run out.
struct Reader<'a> {
    api: &'a ApiAccess,
    client: reqwest::Client,
    token: String,
}

impl<'a> Reader<'a> {
    async fn sign_in(api: &'a ApiAccess) -> anyhow::Result<Self> {
        let mut reader = Self { api, client: deliver::client()?, token: String::new() };
        reader.renew().await?;
        Ok(reader)
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        let (email, password) = match &self.api.credential {
            Credential::Token(token) => {
                self.token.clone_from(token);
                return Ok(());
            }
            Credential::Password { email, password } => (email, password),
        };
        let body = json!({"email": email, "password": password}).to_string();
        let response = self
            .client
            .post(self.url("/api/v1/auth/login"))
            .timeout(Duration::from_secs(20))
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .context("cannot reach the API to sign in")?;
        ensure!(response.status().is_success(), "signing in was answered {}", response.status());
        let answer: Value = response.json().await.context("the answer to signing in is not JSON")?;
        let token = answer["access_token"].as_str().context("the answer to signing in has no access_token")?;
        token.clone_into(&mut self.token);
        Ok(())
    }

    /// All calls, by the provider's id.
    async fn list(&mut self) -> anyhow::Result<HashMap<String, Vec<Value>>> {
        let mut by_id: HashMap<String, Vec<Value>> = HashMap::new();
        let mut cursor: Option<String> = None;
        let mut cursors = HashSet::new();
        loop {
            let mut query = vec![("limit", "100")];
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let page = self.get("/api/v1/calls", &query).await?;
            let items = page["items"].as_array().context("the list of calls has no items")?;
            for item in items {
                let id = item["provider_call_id"].as_str().context("a call in the list has no provider_call_id")?;
                by_id.entry(id.to_owned()).or_default().push(item.clone());
            }
            match page["next_cursor"].as_str() {
                Some(next) if cursors.insert(next.to_owned()) => cursor = Some(next.to_owned()),
                Some(next) => bail!("the list of calls goes in circles at cursor {next}"),
                None => return Ok(by_id),
            }
        }
    }

    async fn call(&mut self, id: &str) -> anyhow::Result<Value> {
        self.get(&format!("/api/v1/calls/{id}"), &[]).await
    }

    async fn get(&mut self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        let mut renewed = false;
        loop {
            let url = reqwest::Url::parse_with_params(&self.url(path), query)?;
            let response = self
                .client
                .get(url)
                .timeout(Duration::from_secs(20))
                .bearer_auth(&self.token)
                .send()
                .await
                .with_context(|| format!("cannot read {path}"))?;
            let status = response.status();
            if status == reqwest::StatusCode::UNAUTHORIZED && !renewed {
                renewed = true;
                self.renew().await?;
                continue;
            }
            if status == reqwest::StatusCode::TOO_MANY_REQUESTS {
                let seconds = response
                    .headers()
                    .get("retry-after")
                    .and_then(|value| value.to_str().ok())
                    .and_then(|value| value.parse().ok())
                    .unwrap_or(1_u64);
                ensure!(seconds <= 60, "{path}: the API asks to wait {seconds} s: its limit is too low to compare");
                tokio::time::sleep(Duration::from_secs(seconds.max(1))).await;
                continue;
            }
            ensure!(status.is_success(), "{path} was answered {status}");
            return response.json().await.with_context(|| format!("{path} is not JSON"));
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api.base_url.trim_end_matches('/'))
    }
}
