//! `call_logs`, `call_tracking` and `calls`: three tables that speak of the same calls.

use jiff::{SignedDuration, Timestamp};
use providers::vapi::{Direction, Role};
use serde_json::{Map, Value};

use super::cells::{Cells, LONGEST_SECONDS};
use super::turns::role_of;
use super::{Claims, Content, Read};
use crate::model::{Issue, Reason, Table};

/// Longest transcript without speakers (`update_call_with_recording_atomically`).
const LONGEST_TEXT: usize = 1_000_000;

/// A call, in the original's words.
#[derive(Clone, Debug, PartialEq)]
pub struct CallWords {
    /// Who rang, as the row says it.
    pub direction: Option<Direction>,
    /// `from_number`, E.164.
    pub from: Option<String>,
    /// `to_number`, E.164. In the original often the caller's.
    pub to: Option<String>,
    /// `phone_number` or `phone`: the other person's, E.164.
    pub phone: Option<String>,
    /// The other person's name.
    pub name: Option<String>,
    /// The carrier's id.
    pub leg: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When two sides were connected.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// Whole seconds.
    pub seconds: Option<i64>,
    /// Where it stands.
    pub standing: Standing,
    /// Why it ended, in whatever words.
    pub reason: Option<String>,
    /// US dollars, as they were written.
    pub dollars: Option<f64>,
    /// A summary.
    pub summary: Option<String>,
    /// What was agreed, felt and noted.
    pub extracted: Map<String, Value>,
    /// Turns, in the provider's form.
    pub messages: Vec<Value>,
    /// A transcript in one piece.
    pub transcript: Option<String>,
    /// Where the recording can be fetched.
    pub recording: Option<String>,
}

/// Where a call stands, by the original's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on, in the provider's word for its status.
    On(&'static str),
    /// It is over, with the provider's word for the reason; empty when none was given.
    Over(&'static str),
}

impl Standing {
    /// Reads a status or an outcome. The original has five spellings of some.
    pub fn of_word(word: &str) -> Option<Self> {
        let word = word.trim().to_lowercase().replace(['_', ' '], "-");
        Some(match word.as_str() {
            "queued" | "scheduled" | "initiated" | "pending" => Self::On("queued"),
            "ringing" => Self::On("ringing"),
            "in-progress" | "active" | "ongoing" => Self::On("in-progress"),
            "forwarding" => Self::On("forwarding"),
            "ended" => Self::Over(""),
            "completed" | "answered" | "answered-interested" | "answered-not-interested" | "done" | "success" => {
                Self::Over("completed")
            }
            "answered-callback-requested" | "callback-requested" | "callback" => Self::Over("completed"),
            "missed" | "no-answer" => Self::Over("customer-did-not-answer"),
            "busy" => Self::Over("customer-busy"),
            "voicemail" | "voicemail-left" => Self::Over("voicemail"),
            "transferred" => Self::Over("assistant-forwarded-call"),
            "failed" | "error" => Self::Over("failed"),
            "cancelled" | "canceled" => Self::Over("cancelled"),
            _ => return None,
        })
    }

    /// Whether two sides can have been connected.
    pub fn may_be_answered(self) -> bool {
        !matches!(
            self,
            Self::On("queued" | "ringing")
                | Self::Over("customer-did-not-answer" | "customer-busy" | "failed" | "cancelled")
        )
    }
}

pub(super) fn call(table: Table, cells: &mut Cells<'_>) -> Result<Read, Issue> {
    let org = cells.org()?;
    let metadata = cells.object("metadata")?;
    let assistant = metadata.get("assistantId").and_then(Value::as_str).map(|id| id.trim().to_owned());
    let (from, to) = (cells.phone("from_number")?, cells.phone("to_number")?);
    let phone = cells.phone("phone_number")?.or(cells.phone("phone")?);
    let claims = Claims {
        agent: cells.id("agent_id")?,
        assistant: assistant.filter(|id| !id.is_empty() && id.len() <= 200),
        lead: cells.id("lead_id")?,
        provider_call_id: cells.line("vapi_call_id", 256)?,
        numbers: [&from, &to, &phone].into_iter().flatten().cloned().collect(),
        parent: None,
    };

    let mut direction = None;
    for column in ["call_type", "call_direction", "direction"] {
        if let Some(word) = cells.line(column, 40)? {
            let read = direction_of(&word).ok_or(Issue::of(column, Reason::UnknownWord))?;
            direction = direction.or(Some(read));
        }
    }
    direction = direction.or_else(|| direction_of(metadata.get("channel")?.as_str()?));

    let mut times = [None; 5];
    for (place, column) in times.iter_mut().zip(["created_at", "called_at", "call_date", "started_at", "ended_at"]) {
        *place = cells.time(column)?;
    }
    let [made, called, dated, started, ended] = times;
    let ended = ended.or(cells.time("end_time")?);
    let seconds = cells.seconds("duration_seconds")?;
    let begun = [called, dated, made].into_iter().flatten().min();
    let created = [begun, started, ended].into_iter().flatten().min();
    let created = created.ok_or(Issue::of("created_at", Reason::Missing))?;

    let transcript = cells.words("transcript")?.or(cells.words("transcript_only_fallback")?);
    let (messages, transcript) = said(cells.row.get("transcript"), transcript);
    if transcript.as_ref().is_some_and(|text| text.chars().count() > LONGEST_TEXT) {
        return Err(Issue::of("transcript", Reason::TooLong));
    }
    let recording = recording(cells)?;
    let is_over = ended.is_some() || recording.is_some() || transcript.is_some() || !messages.is_empty();
    let (standing, reason) = standing(cells, is_over || table == Table::Calls)?;

    let (started, ended) = span(standing, begun, started, ended, seconds);
    let words = CallWords {
        direction,
        from,
        to,
        phone,
        name: cells.label("caller_name")?,
        leg: cells.line("call_sid", 200)?,
        created,
        started,
        ended,
        seconds,
        standing,
        reason,
        dollars: dollars(cells)?,
        summary: summary(cells)?,
        extracted: extracted(cells)?,
        messages,
        transcript,
        recording,
    };
    Ok(Read { org, claims, content: Content::Call(Box::new(words)), created })
}

fn direction_of(word: &str) -> Option<Direction> {
    match word.trim().to_lowercase().as_str() {
        "inbound" | "inboundphonecall" | "inbound_phone_call" => Some(Direction::Inbound),
        "outbound" | "outboundphonecall" | "outbound_phone_call" => Some(Direction::Outbound),
        "web" | "webcall" | "web_call" | "browser" | "test" => Some(Direction::Web),
        _ => None,
    }
}

/// Where it stands, and why it ended. A reason that the provider gave stands above an outcome, that above a status.
fn standing(cells: &Cells<'_>, is_over: bool) -> Result<(Standing, Option<String>), Issue> {
    let mut found = None;
    let mut reason = cells.label("ended_reason")?;
    for column in ["call_outcome", "outcome", "status"] {
        let Some(word) = cells.line(column, 100)? else { continue };
        let read = cells.mapping.status.get(&word.to_lowercase()).copied().or_else(|| Standing::of_word(&word));
        let read = read.ok_or(Issue::of(column, Reason::UnknownWord))?;
        if let Standing::Over(why) = read
            && !why.is_empty()
        {
            reason = reason.or(Some(why.to_owned()));
        }
        found = match (found, read) {
            (None, read) => Some(read),
            // One word that it is over outweighs one that it goes on: the original forgot to change the other.
            (Some(Standing::On(_) | Standing::Over("")), Standing::Over(_)) => Some(read),
            (known, _) => known,
        };
    }
    let standing = match found {
        Some(Standing::On(_)) | None if is_over => Standing::Over(""),
        Some(standing) => standing,
        None => Standing::On("queued"),
    };
    Ok((standing, reason))
}

/// When two sides were connected and when it was over, as far as the row allows to tell. The original's `started_at` is when
/// it heard of the call, so it says nothing of calls that nobody answered.
fn span(
    standing: Standing,
    begun: Option<Timestamp>,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    seconds: Option<i64>,
) -> (Option<Timestamp>, Option<Timestamp>) {
    if !standing.may_be_answered() || (seconds == Some(0) && standing != Standing::On("in-progress")) {
        return (None, ended);
    }
    let lasted = seconds.filter(|seconds| *seconds > 0).map(SignedDuration::from_secs);
    let by_end = || ended?.checked_sub(lasted?).ok();
    let by_begin = || begun.filter(|_| lasted.is_some());
    let started = started.or_else(by_end).or_else(by_begin);
    let is_over = matches!(standing, Standing::Over(_));
    let ended = ended.or_else(|| started?.checked_add(lasted?).ok().filter(|_| is_over));
    (started, ended)
}

fn dollars(cells: &Cells<'_>) -> Result<Option<f64>, Issue> {
    let stated = cells.number("cost")?;
    let cents = cells.number("cost_cents")?.map(|cents| cents / 100.0);
    let (column, dollars) = if stated.is_some() { ("cost", stated) } else { ("cost_cents", cents) };
    match dollars {
        Some(dollars) if dollars < 0.0 => Err(Issue::of(column, Reason::Negative)),
        Some(dollars) if dollars > 1_000_000.0 => Err(Issue::of(column, Reason::TooMuch)),
        dollars => Ok(dollars),
    }
}

fn summary(cells: &Cells<'_>) -> Result<Option<String>, Issue> {
    let summary = cells.words("summary")?.or(cells.words("outcome_summary")?);
    Ok(summary.or(cells.words("sentiment_summary")?))
}

/// What the original's analysis or people wrote down, in the form of an extraction.
fn extracted(cells: &Cells<'_>) -> Result<Map<String, Value>, Issue> {
    let mut found = Map::new();
    let outcome = cells.line("call_outcome", 100)?.or(cells.line("outcome", 100)?);
    let agreed = outcome.map(|outcome| outcome.to_lowercase().replace(['_', ' '], "-"));
    if cells.flag("meeting_booked")? == Some(true) {
        found.insert("outcome".to_owned(), "booked".into());
    } else if agreed.is_some_and(|agreed| agreed.contains("callback")) {
        found.insert("outcome".to_owned(), "callback".into());
    }
    for (name, columns) in [("sentiment", ["sentiment_label", "sentiment"]), ("notes", ["call_notes", "notes"])] {
        let text = cells.words(columns[0])?.or(cells.words(columns[1])?);
        if let Some(text) = text.filter(|text| text != "not_analyzed") {
            found.insert(name.to_owned(), text.into());
        }
    }
    if let Some(score) = cells.number("sentiment_score")? {
        found.insert("sentiment_score".to_owned(), score.into());
    }
    match cells.row.get("action_items") {
        Some(Value::Array(items)) if !items.is_empty() => {
            found.insert("action_items".to_owned(), Value::Array(items.clone()));
        }
        Some(Value::String(text)) => {
            let items = serde_json::from_str::<Value>(text).ok().filter(Value::is_array);
            found.insert("action_items".to_owned(), items.unwrap_or_else(|| Value::String(text.clone())));
        }
        _ => {}
    }
    Ok(found)
}

/// A transcript as turns in the provider's form, or as it is.
fn said(cell: Option<&Value>, text: Option<String>) -> (Vec<Value>, Option<String>) {
    let parsed = match cell {
        Some(Value::Array(_)) => cell.cloned(),
        Some(Value::String(text)) if text.trim_start().starts_with('[') => serde_json::from_str(text).ok(),
        _ => None,
    };
    let Some(Value::Array(items)) = parsed else { return (Vec::new(), text.filter(|text| !text.trim().is_empty())) };
    let turns: Option<Vec<Value>> = items.iter().map(message).collect();
    // One turn that cannot be read, and the whole is kept as text: a conversation with holes reads as another one.
    turns.map_or_else(|| (Vec::new(), Some(Value::Array(items).to_string())), |turns| (turns, None))
}

fn message(item: &Value) -> Option<Value> {
    let text = |names: &[&str]| names.iter().find_map(|name| item.get(name)).and_then(Value::as_str);
    let role = match role_of(text(&["speaker", "role"])?)? {
        Role::Agent => "bot",
        Role::Caller => "user",
    };
    let said = text(&["text", "message", "content"])?;
    let mut message = Map::new();
    message.insert("role".to_owned(), role.into());
    message.insert("message".to_owned(), said.into());
    if let Some(at) = ["timestamp", "time", "at", "ts"].iter().find_map(|name| item.get(name)) {
        // A small number counts from the beginning of the call.
        let is_offset = at.as_f64().is_some_and(|seconds| seconds < LONGEST_SECONDS);
        message.insert(if is_offset { "secondsFromStart" } else { "time" }.to_owned(), at.clone());
    }
    Some(Value::Object(message))
}

/// Where a recording can be fetched. The original writes `processing` into the path and a signed address that has expired
/// beside it; what lies in its own storage only has to be copied from there.
fn recording(cells: &mut Cells<'_>) -> Result<Option<String>, Issue> {
    let url = cells.words("recording_url")?.map(|url| url.trim().to_owned());
    let url = url.filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    let path = cells.words("recording_storage_path")?.filter(|path| path != "processing");
    if url.is_none() && path.is_some() {
        cells.note("recording_storage_path", Reason::RecordingOnlyThere);
    }
    Ok(url)
}
