//! From a row of text to what it says, or to the one column that cannot be right.

use demos::bookings::form::{Details, Field, Typed, Wrong};
use demos::bookings::model::State;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use providers::vapi::{Direction, Role, normalise_number};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::mapping::Mapping;
use crate::model::{Issue, ORIGINAL_DEFAULT, Place, Reason, Standing, Table};
use crate::reading::Row;

/// The provider has made no calls before 2023, nor the original.
const FIRST_SECOND: i64 = 1_672_531_200;
/// A clock may be a little fast.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// A call that seems longer is a broken clock.
const LONGEST_SECONDS: f64 = 604_800.0;
/// Longest transcript without speakers (`update_call_with_recording_atomically`).
const LONGEST_TEXT: usize = 1_000_000;

/// Which row this is.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Of which table.
    pub table: Table,
    /// Its own id, or one made from what identifies it.
    pub id: Uuid,
    /// Of the whole row, 16 bytes in hexadecimal.
    pub digest: String,
    /// Where it stands.
    pub place: Place,
    /// All of it.
    pub row: Row,
}

impl Source {
    /// Names a row.
    pub fn of(table: Table, row: Row, place: Place) -> Self {
        let digest = digest_of(table, &row);
        let own = row.get("id").and_then(Value::as_str).and_then(|id| id.trim().parse().ok());
        let id = own.unwrap_or_else(|| made_id(table, &row, &digest));
        Self { table, id, digest, place, row }
    }

    /// What stands for the provider's id of a call that never had one.
    pub fn invented_call_id(&self) -> String {
        format!("original:{}:{}", self.table, self.id)
    }

    /// Where the sealed row belongs, so that it opens nowhere else.
    pub fn seal_place(&self) -> String {
        seal_place(self.table, self.id)
    }
}

/// See [`Source::seal_place`].
pub fn seal_place(table: Table, id: Uuid) -> String {
    format!("import_quarantine/{table}/{id}")
}

/// Independent of the order of the columns.
fn digest_of(table: Table, row: &Row) -> String {
    let mut columns: Vec<_> = row.iter().collect();
    columns.sort_by_key(|(name, _)| name.as_str());
    let mut hasher = Sha256::new();
    hasher.update(table.name());
    for (name, value) in columns {
        let value = value.to_string();
        hasher.update(name.len().to_le_bytes());
        hasher.update(name);
        hasher.update(value.len().to_le_bytes());
        hasher.update(value);
    }
    hex::encode(&hasher.finalize()[..16])
}

/// The same row has the same id in every import.
fn made_id(table: Table, row: &Row, digest: &str) -> Uuid {
    let text = |column: &str| match row.get(column) {
        Some(Value::String(text)) => Some(text.trim().to_owned()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let by_call = || text("vapi_call_id").filter(|_| table.holds_calls()).map(|id| format!("call {id}"));
    let identity = text("id").map(|id| format!("id {id}")).or_else(by_call).unwrap_or_else(|| format!("row {digest}"));
    let hash: [u8; 32] = Sha256::digest(format!("voxanne import {table} {identity}")).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// What a row says about whose it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    /// Its agent.
    pub agent: Option<Uuid>,
    /// The provider's id of the assistant.
    pub assistant: Option<String>,
    /// Its lead.
    pub lead: Option<Uuid>,
    /// The provider's id of its call.
    pub provider_call_id: Option<String>,
    /// Numbers in it that may be ours, E.164.
    pub numbers: Vec<String>,
    /// The row of a call that it belongs to.
    pub parent: Option<Uuid>,
}

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

/// One utterance.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnWords {
    /// Who spoke.
    pub role: Role,
    /// What.
    pub text: String,
    /// When.
    pub at: Option<Timestamp>,
}

/// What a row is.
#[derive(Clone, Debug)]
pub enum Content {
    /// A practice.
    Organization {
        /// 1 to 200 characters.
        name: String,
        /// IANA zone.
        zone: String,
    },
    /// An AI receptionist.
    Agent {
        /// 1 to 100 characters.
        name: String,
        /// The provider's id of its assistant.
        assistant: Option<String>,
        /// `inbound` or `outbound`.
        role: Option<&'static str>,
    },
    /// Somebody a practice knows.
    Lead {
        /// At most 200 characters.
        name: Option<String>,
        /// E.164.
        phone: Option<String>,
    },
    /// A demo that a prospect asked for.
    Booking(Box<BookingWords>),
    /// A call.
    Call(Box<CallWords>),
    /// An utterance.
    Turn(Box<TurnWords>),
}

/// A booking.
#[derive(Clone, Debug)]
pub struct BookingWords {
    /// The form.
    pub details: Details,
    /// What has become of it.
    pub state: State,
    /// The prospect's zone.
    pub zone: String,
}

/// A row that makes sense by itself.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Which.
    pub source: Source,
    /// The organization that it states, by its id here.
    pub org: Option<Uuid>,
    /// What else it says about whose it is.
    pub claims: Claims,
    /// What it is.
    pub content: Content,
    /// When it was made.
    pub created: Timestamp,
    /// Columns that have no place here yet.
    pub kept: Option<Value>,
    /// What is worth knowing about it.
    pub notes: Vec<Issue>,
}

/// Reads a row. The issue names the first column that cannot be right.
pub fn prepare(source: Source, mapping: &Mapping, now: Timestamp) -> Result<Prepared, (Box<Source>, Issue)> {
    let mut cells = Cells { row: &source.row, mapping, now, notes: Vec::new() };
    match read(source.table, &mut cells) {
        Ok(Read { org, claims, content, created }) => {
            let kept = kept(source.table, &source.row);
            let notes = cells.notes;
            Ok(Prepared { source, org, claims, content, created, kept, notes })
        }
        Err(issue) => Err((Box::new(source), issue)),
    }
}

struct Read {
    org: Option<Uuid>,
    claims: Claims,
    content: Content,
    created: Timestamp,
}

fn read(table: Table, cells: &mut Cells<'_>) -> Result<Read, Issue> {
    match table {
        Table::Organizations => organization(cells),
        Table::Agents => agent(cells),
        Table::Leads => lead(cells),
        Table::DemoBookings => booking(cells),
        Table::CallLogs | Table::CallTracking | Table::Calls => call(table, cells),
        Table::CallTranscripts => turn(cells),
    }
}

// --- tables ------------------------------------------------------------------------------------------------------------

fn organization(cells: &mut Cells<'_>) -> Result<Read, Issue> {
    let id = cells.id("id")?.ok_or(Issue::of("id", Reason::Missing))?;
    let org = match cells.mapping.organizations.get(&id) {
        Some(mapped) => *mapped,
        None => Some(id),
    };
    let name = cells.line("name", 200)?.or(cells.line("clinic_name", 200)?);
    let name = name.ok_or(Issue::of("name", Reason::Missing))?;
    let zone = cells.line("timezone", 64)?.unwrap_or_else(|| "UTC".to_owned());
    if !identity::organizations::actions::is_zone(&zone) {
        return Err(Issue::of("timezone", Reason::UnknownWord));
    }
    let created = cells.created()?;
    Ok(Read { org, claims: Claims::default(), content: Content::Organization { name, zone }, created })
}

fn agent(cells: &mut Cells<'_>) -> Result<Read, Issue> {
    let org = cells.org()?;
    let assistant = cells.line("vapi_assistant_id", 200)?;
    let role = cells.line("role", 40)?.map(|role| role.to_lowercase());
    let role = match role.as_deref() {
        None => None,
        Some("inbound") => Some("inbound"),
        Some("outbound") => Some("outbound"),
        Some(_) => return Err(Issue::of("role", Reason::UnknownWord)),
    };
    let fallback = if role == Some("outbound") { "Outbound agent" } else { "Receptionist" };
    let name = cells.line("name", 100)?.unwrap_or_else(|| fallback.to_owned());
    let claims = Claims { assistant: assistant.clone(), ..Claims::default() };
    let created = cells.created()?;
    Ok(Read { org, claims, content: Content::Agent { name, assistant, role }, created })
}

fn lead(cells: &mut Cells<'_>) -> Result<Read, Issue> {
    let org = cells.org()?;
    let mut name = None;
    for column in ["contact_name", "name", "clinic_name", "company_name"] {
        name = name.or(cells.line(column, 200)?);
    }
    let phone = match cells.line("phone", 100)? {
        Some(phone) => Some(normalise_number(&phone).ok_or(Issue::of("phone", Reason::NotAPhone))?),
        None => None,
    };
    if name.is_none() && phone.is_none() {
        return Err(Issue::of("phone", Reason::Missing));
    }
    let created = cells.created()?;
    Ok(Read { org, claims: Claims::default(), content: Content::Lead { name, phone }, created })
}

fn booking(cells: &mut Cells<'_>) -> Result<Read, Issue> {
    let column = |field| match field {
        Field::Name => "prospect_name",
        Field::Email => "prospect_email",
        Field::Phone => "prospect_phone",
        Field::Clinic => "clinic_name",
        Field::ClinicType => "clinic_type",
        Field::Goal => "goal",
        Field::Notes | Field::Country => "notes",
    };
    let text = |field| cells.words(column(field)).map(Option::unwrap_or_default);
    let mut typed = Typed {
        name: text(Field::Name)?,
        email: text(Field::Email)?,
        clinic: text(Field::Clinic)?,
        phone: text(Field::Phone)?,
        country: String::new(),
        clinic_type: text(Field::ClinicType)?,
        goal: text(Field::Goal)?,
        notes: text(Field::Notes)?,
    };
    if let Some(wish) = cells.words("preferred_time_window")? {
        let gap = if typed.notes.is_empty() { "" } else { "\n" };
        typed.notes = format!("{}{gap}Preferred time: {}", typed.notes, wish.trim());
    }
    let details = typed.check().map_err(|faults| match faults.first() {
        Some(fault) => Issue::of(
            column(fault.field),
            match fault.wrong {
                Wrong::Missing => Reason::Missing,
                Wrong::TooLong(_) => Reason::TooLong,
                Wrong::Unprintable | Wrong::Link => Reason::NotPlain,
                Wrong::SeveralAddresses | Wrong::NotAnAddress | Wrong::NoEnding => Reason::NotAnAddress,
                Wrong::NoCountry | Wrong::NotAPhone => Reason::NotAPhone,
            },
        ),
        None => Issue::of_row(Reason::Missing),
    })?;
    let status = cells.line("status", 40)?.map(|status| status.to_lowercase().replace('-', "_"));
    let state = match status.as_deref() {
        None | Some("pending" | "booked" | "new" | "scheduled") => State::Booked,
        Some("confirmed") => State::Confirmed,
        Some("completed" | "done") => State::Done,
        Some("cancelled" | "canceled") => State::Cancelled,
        Some("no_show") => State::NoShow,
        Some(_) => return Err(Issue::of("status", Reason::UnknownWord)),
    };
    let zone = cells.line("timezone", 64)?.filter(|zone| identity::organizations::actions::is_zone(zone));
    let zone = zone.unwrap_or_else(|| "UTC".to_owned());
    let created = cells.created()?;
    let content = Content::Booking(Box::new(BookingWords { details, state, zone }));
    // Whose it says it is does not matter: the original gave all of them its default organization.
    Ok(Read { org: None, claims: Claims::default(), content, created })
}

fn call(table: Table, cells: &mut Cells<'_>) -> Result<Read, Issue> {
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

fn turn(cells: &mut Cells<'_>) -> Result<Read, Issue> {
    let org = cells.org()?;
    let claims = Claims {
        parent: cells.id("call_id")?,
        provider_call_id: cells.line("vapi_call_id", 256)?,
        ..Claims::default()
    };
    let speaker = cells.line("speaker", 40)?.ok_or(Issue::of("speaker", Reason::Missing))?;
    let role = role_of(&speaker).ok_or(Issue::of("speaker", Reason::UnknownWord))?;
    let text = cells.words("text")?.filter(|text| !text.trim().is_empty()).ok_or(Issue::of("text", Reason::Missing))?;
    let at = cells.time("timestamp")?.or(cells.time("created_at")?);
    let created = at.unwrap_or(cells.now);
    Ok(Read { org, claims, content: Content::Turn(Box::new(TurnWords { role, text, at })), created })
}

// --- parts of a call -----------------------------------------------------------------------------------------------------

fn direction_of(word: &str) -> Option<Direction> {
    match word.trim().to_lowercase().as_str() {
        "inbound" | "inboundphonecall" | "inbound_phone_call" => Some(Direction::Inbound),
        "outbound" | "outboundphonecall" | "outbound_phone_call" => Some(Direction::Outbound),
        "web" | "webcall" | "web_call" | "browser" | "test" => Some(Direction::Web),
        _ => None,
    }
}

fn role_of(word: &str) -> Option<Role> {
    match word.trim().to_lowercase().as_str() {
        "agent" | "assistant" | "bot" | "ai" | "voxanne" => Some(Role::Agent),
        "customer" | "client" | "caller" | "user" => Some(Role::Caller),
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

// --- cells ---------------------------------------------------------------------------------------------------------------

struct Cells<'a> {
    row: &'a Row,
    mapping: &'a Mapping,
    now: Timestamp,
    notes: Vec<Issue>,
}

impl Cells<'_> {
    fn note(&mut self, column: &str, reason: Reason) {
        let note = Issue::of(column, reason);
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Text of any length; a number counts as its digits.
    fn words(&self, column: &str) -> Result<Option<String>, Issue> {
        match self.row.get(column) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            // A document in a column that the original kept as text.
            Some(Value::Array(_)) if column == "transcript" => Ok(None),
            Some(_) => Err(Issue::of(column, Reason::WrongType)),
        }
    }

    /// One trimmed line with something in it.
    fn line(&self, column: &str, max: usize) -> Result<Option<String>, Issue> {
        let text = self.words(column)?.map(|text| text.trim().to_owned()).filter(|text| !is_null(text));
        match text {
            Some(text) if text.chars().count() > max => Err(Issue::of(column, Reason::TooLong)),
            Some(text) if text.chars().any(char::is_control) => Err(Issue::of(column, Reason::NotPlain)),
            text => Ok(text),
        }
    }

    /// A label of somebody else's making: cut, never refused, as the ingest does it.
    fn label(&self, column: &str) -> Result<Option<String>, Issue> {
        let text = self.words(column)?.map(|text| text.trim().chars().take(200).collect::<String>());
        Ok(text.filter(|text| !is_null(text)))
    }

    fn id(&self, column: &str) -> Result<Option<Uuid>, Issue> {
        let text = self.line(column, 100)?;
        text.map(|text| text.parse().map_err(|_| Issue::of(column, Reason::NotAnId))).transpose()
    }

    /// The organization, by its id here; none when it is missing or the mapping sets it aside.
    fn org(&mut self) -> Result<Option<Uuid>, Issue> {
        let Some(stated) = self.id("org_id")? else { return Ok(None) };
        if let Some(mapped) = self.mapping.organizations.get(&stated) {
            return Ok(*mapped);
        }
        if stated == ORIGINAL_DEFAULT {
            self.note("org_id", Reason::DefaultOrganization);
        }
        Ok(Some(stated))
    }

    /// A number in E.164 form; another one is left out and noted, because a call does not stop being one for it.
    fn phone(&mut self, column: &str) -> Result<Option<String>, Issue> {
        let Some(text) = self.line(column, 200)? else { return Ok(None) };
        let number = normalise_number(&text);
        if number.is_none() {
            self.note(column, Reason::PhoneLeftOut);
        }
        Ok(number)
    }

    fn time(&mut self, column: &str) -> Result<Option<Timestamp>, Issue> {
        let text = match self.row.get(column) {
            None => return Ok(None),
            Some(Value::String(text)) => text.trim(),
            Some(_) => return Err(Issue::of(column, Reason::WrongType)),
        };
        if is_null(text) {
            return Ok(None);
        }
        let time = if let Ok(time) = text.parse::<Timestamp>() {
            time
        } else if let Ok(clock) = text.parse::<DateTime>() {
            let zone = self.mapping.zone.clone().ok_or(Issue::of(column, Reason::TimeWithoutZone))?;
            self.note(column, Reason::ZoneAssumed);
            clock.to_zoned(zone).map_err(|_| Issue::of(column, Reason::TimeOutOfRange))?.timestamp()
        } else {
            return Err(Issue::of(column, Reason::NotATime));
        };
        let latest = self.now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
        if time.as_second() < FIRST_SECOND || time > latest {
            return Err(Issue::of(column, Reason::TimeOutOfRange));
        }
        Ok(Some(time))
    }

    /// When the row was made; now, if it does not say.
    fn created(&mut self) -> Result<Timestamp, Issue> {
        Ok(self.time("created_at")?.unwrap_or(self.now))
    }

    fn number(&self, column: &str) -> Result<Option<f64>, Issue> {
        let number = match self.row.get(column) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) if is_null(text.trim()) => return Ok(None),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => return Err(Issue::of(column, Reason::WrongType)),
        };
        number.filter(|number: &f64| number.is_finite()).map(Some).ok_or(Issue::of(column, Reason::NotANumber))
    }

    fn seconds(&self, column: &str) -> Result<Option<i64>, Issue> {
        let Some(number) = self.number(column)? else { return Ok(None) };
        if number < 0.0 {
            return Err(Issue::of(column, Reason::Negative));
        }
        if number > LONGEST_SECONDS {
            return Err(Issue::of(column, Reason::TooMuch));
        }
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked above")]
        Ok(Some(number.round() as i64))
    }

    fn flag(&self, column: &str) -> Result<Option<bool>, Issue> {
        match self.row.get(column) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) => match text.trim().to_lowercase().as_str() {
                "t" | "true" | "1" | "yes" => Ok(Some(true)),
                "f" | "false" | "0" | "no" | "null" | "" => Ok(Some(false)),
                _ => Err(Issue::of(column, Reason::WrongType)),
            },
            Some(_) => Err(Issue::of(column, Reason::WrongType)),
        }
    }

    /// An object, also as JSON in a text.
    fn object(&self, column: &str) -> Result<Map<String, Value>, Issue> {
        match self.row.get(column) {
            None => Ok(Map::new()),
            Some(Value::Object(members)) => Ok(members.clone()),
            Some(Value::String(text)) if is_null(text.trim()) => Ok(Map::new()),
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(Value::Object(members)) => Ok(members),
                _ => Err(Issue::of(column, Reason::WrongType)),
            },
            Some(_) => Err(Issue::of(column, Reason::WrongType)),
        }
    }
}

/// What stands for nothing in an export.
fn is_null(text: &str) -> bool {
    matches!(text, "" | "null" | "NULL" | "\\N")
}

// --- what has no place yet -------------------------------------------------------------------------------------------------

/// Columns of small tables that are not taken over, without what opens something. Of calls the whole row is kept as the body
/// of their event.
fn kept(table: Table, row: &Row) -> Option<Value> {
    let taken: &[&str] = match table {
        Table::Organizations => &["id", "name", "timezone", "created_at"],
        // The role stays with what is kept: it tells which calls an agent takes.
        Table::Agents => &["id", "org_id", "name", "vapi_assistant_id", "created_at"],
        Table::Leads => &["id", "org_id", "name", "contact_name", "phone", "created_at"],
        Table::DemoBookings => &["id", "created_at", "prospect_name", "prospect_email", "prospect_phone"],
        _ => return None,
    };
    let rest: Map<String, Value> = row
        .iter()
        .filter(|(name, _)| !taken.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if rest.is_empty() {
        return None;
    }
    let scrubbed = providers::vapi::redact(Value::Object(rest).to_string().as_bytes()).ok()?;
    serde_json::from_slice(&scrubbed).ok()
}
