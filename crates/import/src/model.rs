//! What rows of the original are, what can be wrong with them, and whose they are. All of it pure.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

use platform::ids::OrgId;
use providers::vapi::Direction;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::mapping::Mapping;
use crate::rows::{Content, Prepared};

/// The original's own default organization. Its repair script gave it every row without one, so a row that names it may be
/// anybody's (original-system reference, 2.1).
pub const ORIGINAL_DEFAULT: Uuid = Uuid::from_u128(0xa000_0000_0000_0000_0000_0000_0000_0001);

/// A table of the original that is imported, in the order in which that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Practices.
    Organizations,
    /// AI receptionists.
    Agents,
    /// People a practice knows.
    Leads,
    /// Demos that prospects asked for.
    DemoBookings,
    /// History of calls.
    CallLogs,
    /// Live state of calls.
    CallTracking,
    /// A second history of calls.
    Calls,
    /// What was said, line by line.
    CallTranscripts,
}

impl Table {
    /// Every table. No name begins with another one's: `call_transcripts` is not `calls`.
    pub const ALL: [Self; 8] = [
        Self::Organizations,
        Self::Agents,
        Self::Leads,
        Self::DemoBookings,
        Self::CallLogs,
        Self::CallTracking,
        Self::Calls,
        Self::CallTranscripts,
    ];

    /// Its name there.
    pub fn name(self) -> &'static str {
        match self {
            Self::Organizations => "organizations",
            Self::Agents => "agents",
            Self::Leads => "leads",
            Self::DemoBookings => "demo_bookings",
            Self::CallLogs => "call_logs",
            Self::CallTracking => "call_tracking",
            Self::Calls => "calls",
            Self::CallTranscripts => "call_transcripts",
        }
    }

    /// The table of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Whether its rows are calls. The three of them speak of the same ones.
    pub fn holds_calls(self) -> bool {
        matches!(self, Self::CallLogs | Self::CallTracking | Self::Calls)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a row stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Name of the file.
    pub file: String,
    /// Line on which the row begins, from 1.
    pub line: u64,
    /// Which row of the file it is, from 1: rows of a JSON array may all stand in one line.
    pub row: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if self.file.to_ascii_lowercase().ends_with(".json") { write!(f, " row {}", self.row) } else { Ok(()) }
    }
}

/// What becomes of a row because of something in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It waits, sealed, for somebody to decide.
    Quarantined,
    /// It is no row that could be kept.
    Refused,
    /// It is taken all the same.
    Noted,
}

impl Fate {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
            Self::Noted => "noted",
        }
    }
}

/// What is wrong with a row, or worth knowing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing in it, and nothing that is known of its call, says whose it is.
    NoOrganization,
    /// What speaks for an organization speaks for several.
    Ambiguous,
    /// The organization that it names is not here.
    UnknownOrganization,
    /// Its agent is another organization's.
    ForeignAgent,
    /// Its lead is another organization's.
    ForeignLead,
    /// Its call is another organization's.
    Collision,
    /// The same row was taken for another organization.
    RowOfAnother,
    /// The call that it belongs to is not here.
    CallNotFound,
    /// The mapping file says that this organization is none.
    SetAside,
    /// This installation has no operator's organization yet, to which bookings belong.
    NoOperator,
    /// A value that must be there is missing.
    Missing,
    /// A value is of the wrong type.
    WrongType,
    /// Not an id.
    NotAnId,
    /// Not a time.
    NotATime,
    /// A time without an offset, and the mapping file names no zone.
    TimeWithoutZone,
    /// Before the provider existed, or in the future.
    TimeOutOfRange,
    /// Not a number.
    NotANumber,
    /// Less than nothing.
    Negative,
    /// More than there can be.
    TooMuch,
    /// Longer than there is room for.
    TooLong,
    /// A word that is not known here; the mapping file can name it.
    UnknownWord,
    /// Not a phone number in E.164 form.
    NotAPhone,
    /// Not an e-mail address that can be written to.
    NotAnAddress,
    /// Holds what this field cannot: a web address, or characters that cannot be seen.
    NotPlain,
    /// The database refused the row.
    DatabaseRefused,

    /// The first line is no list of different column names.
    UnusableHeader,
    /// It has more or fewer columns than the first line.
    WrongNumberOfColumns,
    /// Not text in UTF-8.
    NotUtf8,
    /// Not JSON.
    NotJson,
    /// JSON, and not an object.
    NotAnObject,
    /// A column stands in it twice.
    ColumnTwice,
    /// The array of rows is broken here; what follows cannot be read.
    BrokenJson,
    /// Longer than a row can be, most likely because a quotation mark is missing; what follows cannot be read.
    RowTooLarge,

    /// A phone number that is not in E.164 form stands in the stored row only.
    PhoneLeftOut,
    /// Whether somebody rang or was rung is not known, so neither is whose number is whose.
    DirectionUnknown,
    /// Its agent is not here.
    UnknownAgent,
    /// Its lead is not here.
    UnknownLead,
    /// A time was read by the clock of the mapping file's zone.
    ZoneAssumed,
    /// Its recording lies in the original's own storage only.
    RecordingOnlyThere,
    /// It names the original's default organization, which was given every row that had none.
    DefaultOrganization,
}

impl Reason {
    /// What becomes of a row for it.
    pub fn fate(self) -> Fate {
        match self {
            Self::UnusableHeader
            | Self::WrongNumberOfColumns
            | Self::NotUtf8
            | Self::NotJson
            | Self::NotAnObject
            | Self::ColumnTwice
            | Self::BrokenJson
            | Self::RowTooLarge => Fate::Refused,
            Self::PhoneLeftOut
            | Self::DirectionUnknown
            | Self::UnknownAgent
            | Self::UnknownLead
            | Self::ZoneAssumed
            | Self::RecordingOnlyThere
            | Self::DefaultOrganization => Fate::Noted,
            _ => Fate::Quarantined,
        }
    }

    /// Whether nothing after it can be read.
    pub fn ends_the_file(self) -> bool {
        matches!(self, Self::BrokenJson | Self::RowTooLarge)
    }

    /// As it is stored.
    pub fn code(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(code)) => code,
            _ => String::new(),
        }
    }

    /// The reason with that code.
    pub fn of_code(code: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(code.to_owned())).ok()
    }

    /// For a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NoOrganization => "nothing says whose it is",
            Self::Ambiguous => "what it says points to several organizations",
            Self::UnknownOrganization => "its organization is not here",
            Self::ForeignAgent => "its agent belongs to another organization",
            Self::ForeignLead => "its lead belongs to another organization",
            Self::Collision => "its call belongs to another organization",
            Self::RowOfAnother => "the same row was taken for another organization",
            Self::CallNotFound => "its call is not here",
            Self::SetAside => "the mapping file sets this organization aside",
            Self::NoOperator => "there is no operator's organization yet",
            Self::Missing => "is missing",
            Self::WrongType => "is of the wrong type",
            Self::NotAnId => "is not an id",
            Self::NotATime => "is not a time",
            Self::TimeWithoutZone => "is a time without an offset, and the mapping file names no zone",
            Self::TimeOutOfRange => "is a time that cannot be",
            Self::NotANumber => "is not a number",
            Self::Negative => "is less than nothing",
            Self::TooMuch => "is more than there can be",
            Self::TooLong => "is too long",
            Self::UnknownWord => "is a word that is not known here",
            Self::NotAPhone => "is not a phone number in E.164 form",
            Self::NotAnAddress => "is not an e-mail address",
            Self::NotPlain => "holds a web address or characters that cannot be seen",
            Self::DatabaseRefused => "the database refused it",
            Self::UnusableHeader => "the first line is no list of different column names",
            Self::WrongNumberOfColumns => "has more or fewer columns than the first line",
            Self::NotUtf8 => "is not text in UTF-8",
            Self::NotJson => "is not JSON",
            Self::NotAnObject => "is not a JSON object",
            Self::ColumnTwice => "stands in it twice",
            Self::BrokenJson => "the array of rows is broken here; what follows was not read",
            Self::RowTooLarge => "no end of this row was found; what follows was not read",
            Self::PhoneLeftOut => "is not a phone number in E.164 form and was left out",
            Self::DirectionUnknown => "does not say who rang whom",
            Self::UnknownAgent => "names an agent that is not here",
            Self::UnknownLead => "names a lead that is not here",
            Self::ZoneAssumed => "has no offset and was read by the zone of the mapping file",
            Self::RecordingOnlyThere => "lies in the original's storage only",
            Self::DefaultOrganization => "is the original's default organization",
        }
    }
}

/// Something about one column of a row. Never quotes the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The column; empty when it is about the whole row.
    pub column: String,
    /// What.
    pub reason: Reason,
}

impl Issue {
    /// About the whole row.
    pub fn of_row(reason: Reason) -> Self {
        Self { column: String::new(), reason }
    }

    /// About one column.
    pub fn of(column: &str, reason: Reason) -> Self {
        Self { column: column.to_owned(), reason }
    }
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

/// By which rule a row belongs to its organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// It says so.
    Stated,
    /// The mapping file or an operator says so of this very row or call.
    Named,
    /// Its agent is that organization's.
    Agent,
    /// Its lead is.
    Lead,
    /// One of its numbers is.
    Number,
    /// Its call is.
    Call,
    /// Bookings are the operator's.
    Operator,
}

impl Rule {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::Named => "named",
            Self::Agent => "agent",
            Self::Lead => "lead",
            Self::Number => "number",
            Self::Call => "call",
            Self::Operator => "operator",
        }
    }
}

/// How a row counts that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It made something.
    Imported,
    /// It added to a call that was there.
    Merged,
}

impl Outcome {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Merged => "merged",
        }
    }
}

/// Something that is known, from the database or from earlier rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// An organization is here.
    Organization(Uuid),
    /// An agent, whose it is, its assistant at the provider, and which calls it takes.
    Agent {
        /// Its id.
        id: Uuid,
        /// Whose.
        org: Uuid,
        /// The provider's id of its assistant.
        assistant: Option<String>,
        /// `inbound` or `outbound`.
        role: Option<String>,
    },
    /// A number that an organization answers.
    Number {
        /// E.164.
        e164: String,
        /// Whose.
        org: Uuid,
    },
    /// A row was taken.
    Row {
        /// Of which table.
        table: Table,
        /// Its id.
        id: Uuid,
        /// Whose.
        org: Uuid,
        /// Of the whole row, hexadecimal.
        digest: String,
        /// What it became.
        subject: Uuid,
        /// How it counted.
        outcome: Outcome,
        /// In which run.
        run: Uuid,
        /// From where.
        place: String,
        /// The provider's id of the call that it became.
        provider_call_id: Option<String>,
    },
    /// A call is here.
    Call {
        /// The provider's id.
        provider_call_id: String,
        /// Whose.
        org: Uuid,
        /// Our id.
        id: Uuid,
    },
}

impl Fact {
    /// The organization that it speaks of.
    pub fn org(&self) -> Uuid {
        match self {
            Self::Organization(org)
            | Self::Agent { org, .. }
            | Self::Number { org, .. }
            | Self::Row { org, .. }
            | Self::Call { org, .. } => *org,
        }
    }
}

/// An agent that is here.
#[derive(Clone, Debug)]
pub struct KnownAgent {
    /// Whose.
    pub org: Uuid,
    /// The provider's id of its assistant.
    pub assistant: Option<String>,
    /// Which calls it takes.
    pub role: Option<Direction>,
}

/// A row that was taken.
#[derive(Clone, Debug, PartialEq)]
struct KnownRow {
    table: Table,
    org: Uuid,
    digest: String,
    subject: Uuid,
    outcome: Outcome,
    run: Uuid,
    place: String,
    provider_call_id: Option<String>,
}

/// What is known of the organizations, agents, numbers, calls and rows that a handful of rows speak of.
#[derive(Debug, Default)]
pub struct Known {
    organizations: HashSet<Uuid>,
    agents: HashMap<Uuid, KnownAgent>,
    assistants: HashMap<String, BTreeSet<Uuid>>,
    numbers: HashMap<String, BTreeSet<Uuid>>,
    rows: HashMap<Uuid, Vec<KnownRow>>,
    calls: HashMap<String, (Uuid, Uuid)>,
}

impl Known {
    /// Adds something.
    pub fn learn(&mut self, fact: Fact) {
        match fact {
            Fact::Organization(org) => {
                self.organizations.insert(org);
            }
            Fact::Agent { id, org, assistant, role } => {
                if let Some(assistant) = &assistant {
                    self.assistants.entry(assistant.clone()).or_default().insert(org);
                }
                let role = match role.as_deref() {
                    Some("inbound") => Some(Direction::Inbound),
                    Some("outbound") => Some(Direction::Outbound),
                    _ => None,
                };
                self.agents.entry(id).or_insert(KnownAgent { org, assistant, role });
            }
            Fact::Number { e164, org } => {
                self.numbers.entry(e164).or_default().insert(org);
            }
            Fact::Row { table, id, org, digest, subject, outcome, run, place, provider_call_id } => {
                let row = KnownRow { table, org, digest, subject, outcome, run, place, provider_call_id };
                self.rows.entry(id).or_default().push(row);
            }
            Fact::Call { provider_call_id, org, id } => {
                self.calls.entry(provider_call_id).or_insert((org, id));
            }
        }
    }

    /// The agent with that id.
    pub fn agent(&self, id: Uuid) -> Option<&KnownAgent> {
        self.agents.get(&id)
    }

    /// Whether an organization answers a number, here or by the mapping file.
    pub fn is_number_of(&self, number: &str, org: Uuid, mapping: &Mapping) -> bool {
        mapping.numbers.get(number) == Some(&org) || self.numbers.get(number).is_some_and(|orgs| orgs.contains(&org))
    }

    fn lead_org(&self, id: Uuid) -> Option<Uuid> {
        self.rows_of(id, |table| table == Table::Leads).next().map(|row| row.org)
    }

    fn rows_of(&self, id: Uuid, of: impl Fn(Table) -> bool) -> impl Iterator<Item = &KnownRow> {
        self.rows.get(&id).into_iter().flatten().filter(move |row| of(row.table))
    }
}

/// Which rows a reading of a file takes. Each row belongs to exactly one: what the first two look at does not change while
/// calls are imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Everything but calls that do not say whose they are.
    First,
    /// Calls that do not say, and whose agent, lead, number or mapping does.
    Evidence,
    /// Calls of which nothing but another row of the same call can say it.
    ByCall,
    /// Whatever it is: a single row that waited.
    Any,
}

/// What is decided about a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Take(Taking),
    /// It was taken before.
    AlreadyThere,
    /// This run took it, before it was interrupted.
    Done(Taking),
    /// It waits.
    Wait(Issue),
}

/// How a row is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taking {
    /// Whose it is.
    pub org: OrgId,
    /// By which rule.
    pub rule: Rule,
    /// How it counts.
    pub outcome: Outcome,
    /// What it becomes.
    pub subject: Uuid,
    /// The provider's id of the call that it belongs to.
    pub provider_call_id: Option<String>,
    /// The agent, if it is here.
    pub agent: Option<Uuid>,
    /// The lead, if it is here.
    pub lead: Option<Uuid>,
    /// What is worth knowing about it.
    pub notes: Vec<Issue>,
}

/// What a decision is made in view of.
pub struct View<'a> {
    /// What is known.
    pub known: &'a Known,
    /// What the operator says.
    pub mapping: &'a Mapping,
    /// To whom bookings belong.
    pub operator: Option<OrgId>,
    /// Whose a row is by an operator's word for this one.
    pub named: Option<Uuid>,
    /// This run.
    pub run: Uuid,
    /// Which rows are looked at.
    pub pass: Pass,
}

/// Who speaks for a row, and for whom.
type Evidence = Vec<(Rule, Uuid)>;

/// Decides about a row; `None` when another reading of the file takes it.
pub fn decide(row: &Prepared, view: &View<'_>) -> Option<Verdict> {
    if !belongs_to(row, view) {
        return None;
    }
    Some(match resolve(row, view) {
        Ok((org, rule)) => take(row, view, org, rule),
        Err(issue) => Verdict::Wait(issue),
    })
}

/// Whether a row that does not say whose it is was met, so that the file has to be read again.
pub fn is_unstated(row: &Prepared) -> bool {
    row.source.table.holds_calls() && row.org.is_none()
}

fn belongs_to(row: &Prepared, view: &View<'_>) -> bool {
    match view.pass {
        Pass::Any => true,
        Pass::First => !is_unstated(row),
        Pass::Evidence => is_unstated(row) && (named(row, view).is_some() || !own_evidence(row, view).is_empty()),
        Pass::ByCall => is_unstated(row) && named(row, view).is_none() && own_evidence(row, view).is_empty(),
    }
}

/// The operator's word about this row or its call.
fn named(row: &Prepared, view: &View<'_>) -> Option<Uuid> {
    let of_row = || view.mapping.rows.get(&(row.source.table, row.source.id)).copied();
    let of_call = || view.mapping.calls.get(row.claims.provider_call_id.as_deref()?).copied();
    view.named.or_else(of_row).or_else(of_call)
}

/// What the row itself says: agent, lead, numbers.
fn own_evidence(row: &Prepared, view: &View<'_>) -> Evidence {
    let (claims, known, mapping) = (&row.claims, view.known, view.mapping);
    let mut evidence = Evidence::new();
    if let Some(agent) = claims.agent {
        let by_id = known.agent(agent).map(|agent| agent.org);
        let org = by_id.or_else(|| mapping.agents.get(&agent.to_string()).copied());
        evidence.extend(org.map(|org| (Rule::Agent, org)));
    }
    if let Some(assistant) = &claims.assistant {
        let orgs = known.assistants.get(assistant).into_iter().flatten().chain(mapping.agents.get(assistant));
        evidence.extend(orgs.map(|org| (Rule::Agent, *org)));
    }
    if matches!(row.content, Content::Agent { .. }) {
        evidence.extend(mapping.agents.get(&row.source.id.to_string()).map(|org| (Rule::Named, *org)));
    }
    evidence.extend(claims.lead.and_then(|lead| known.lead_org(lead)).map(|org| (Rule::Lead, org)));
    for number in &claims.numbers {
        let orgs = known.numbers.get(number).into_iter().flatten().chain(mapping.numbers.get(number));
        evidence.extend(orgs.map(|org| (Rule::Number, *org)));
    }
    evidence
}

/// What is known of the row's call.
fn call_evidence(row: &Prepared, known: &Known) -> Evidence {
    let by_id = row.claims.provider_call_id.as_ref().and_then(|id| known.calls.get(id)).map(|(org, _)| *org);
    let parents = row.claims.parent.into_iter().flat_map(|id| known.rows_of(id, Table::holds_calls)).map(|row| row.org);
    by_id.into_iter().chain(parents).map(|org| (Rule::Call, org)).collect()
}

/// Whose a row is. A row that says so is believed unless something contradicts; one that does not is given to the only
/// organization that everything known of it points to, and to nobody else (docs/adr/0013).
fn resolve(row: &Prepared, view: &View<'_>) -> Result<(Uuid, Rule), Issue> {
    let (org, rule) = match (named(row, view), row.org) {
        (Some(org), _) => (org, Rule::Named),
        (None, Some(org)) => (org, Rule::Stated),
        (None, None) => match same_row_before(row, view.known) {
            // Assigned by somebody, or found with a mapping that is not at hand now: it stays where it is.
            Some(org) => (org, Rule::Named),
            None => by_evidence(row, view)?,
        },
    };
    if matches!(row.content, Content::Organization { .. }) {
        return Ok((org, rule));
    }
    if !view.known.organizations.contains(&org) {
        return Err(Issue::of("org_id", Reason::UnknownOrganization));
    }
    contradiction(row, view, org).map_or(Ok((org, rule)), Err)
}

fn same_row_before(row: &Prepared, known: &Known) -> Option<Uuid> {
    let mut same = known.rows_of(row.source.id, |table| table == row.source.table);
    same.find(|before| before.digest == row.source.digest).map(|before| before.org)
}

fn by_evidence(row: &Prepared, view: &View<'_>) -> Result<(Uuid, Rule), Issue> {
    match row.content {
        Content::Booking(_) => {
            let operator = view.operator.ok_or(Issue::of_row(Reason::NoOperator))?;
            return Ok((operator.uuid(), Rule::Operator));
        }
        Content::Organization { .. } => return Err(Issue::of("id", Reason::SetAside)),
        _ => {}
    }
    let mut evidence = own_evidence(row, view);
    evidence.extend(call_evidence(row, view.known));
    let orgs: BTreeSet<Uuid> = evidence.iter().map(|(_, org)| *org).collect();
    match (orgs.len(), evidence.first()) {
        (1, Some((rule, org))) => Ok((*org, *rule)),
        (0, _) | (_, None) if row.source.table == Table::CallTranscripts => {
            Err(Issue::of("call_id", Reason::CallNotFound))
        }
        (0, _) | (_, None) => Err(Issue::of("org_id", Reason::NoOrganization)),
        _ => Err(Issue::of("org_id", Reason::Ambiguous)),
    }
}

/// What says that a row is not the organization's whose it is supposed to be. Numbers and assistants do not: the caller may
/// be another practice.
fn contradiction(row: &Prepared, view: &View<'_>, org: Uuid) -> Option<Issue> {
    let (claims, known) = (&row.claims, view.known);
    let foreign = |other: Option<Uuid>| other.is_some_and(|other| other != org);
    let same_row = known.rows_of(row.source.id, |table| table == row.source.table);
    if same_row.into_iter().any(|known| known.org != org) {
        Some(Issue::of("id", Reason::RowOfAnother))
    } else if foreign(claims.agent.and_then(|id| known.agent(id)).map(|agent| agent.org)) {
        Some(Issue::of("agent_id", Reason::ForeignAgent))
    } else if foreign(claims.lead.and_then(|id| known.lead_org(id))) {
        Some(Issue::of("lead_id", Reason::ForeignLead))
    } else if call_evidence(row, known).iter().any(|(_, other)| *other != org) {
        let column = if row.source.table == Table::CallTranscripts { "call_id" } else { "vapi_call_id" };
        Some(Issue::of(column, Reason::Collision))
    } else {
        None
    }
}

fn take(row: &Prepared, view: &View<'_>, org: Uuid, rule: Rule) -> Verdict {
    let before = taken_before(row, view);
    if before == Some(Before::Otherwise) {
        return Verdict::AlreadyThere;
    }
    let (known, claims) = (view.known, &row.claims);
    let mut notes = row.notes.clone();
    let mut present = |id: Option<Uuid>, is_there: bool, column: &str, reason| {
        if id.is_some() && !is_there {
            notes.push(Issue::of(column, reason));
        }
        id.filter(|_| is_there)
    };
    let has_agent = claims.agent.is_some_and(|id| known.agent(id).is_some());
    let agent = present(claims.agent, has_agent, "agent_id", Reason::UnknownAgent);
    let has_lead = claims.lead.is_some_and(|id| known.lead_org(id).is_some());
    let lead = present(claims.lead, has_lead, "lead_id", Reason::UnknownLead);

    let mut taking = Taking {
        org: OrgId::from_uuid(org),
        rule,
        outcome: Outcome::Imported,
        subject: row.source.id,
        provider_call_id: None,
        agent,
        lead,
        notes,
    };
    if let Some(Before::ByThisRun(known)) = before {
        taking.outcome = known.outcome;
        taking.subject = known.subject;
        taking.provider_call_id.clone_from(&known.provider_call_id);
        return Verdict::Done(taking);
    }
    match &row.content {
        Content::Call(_) => {
            let id = claims.provider_call_id.clone().unwrap_or_else(|| row.source.invented_call_id());
            if let Some((_, call)) = known.calls.get(&id) {
                (taking.outcome, taking.subject) = (Outcome::Merged, *call);
            }
            taking.provider_call_id = Some(id);
        }
        Content::Turn(_) => {
            let parent = claims.parent.and_then(|id| known.rows_of(id, Table::holds_calls).next());
            let by_row = parent.and_then(|parent| Some((parent.provider_call_id.clone()?, parent.subject)));
            let by_id = || {
                let id = claims.provider_call_id.as_ref()?;
                known.calls.get(id).map(|(_, call)| (id.clone(), *call))
            };
            let Some((id, call)) = by_row.or_else(by_id) else {
                return Verdict::Wait(Issue::of("call_id", Reason::CallNotFound));
            };
            (taking.outcome, taking.subject, taking.provider_call_id) = (Outcome::Merged, call, Some(id));
        }
        // An organization that is here was made here, or is the one that the mapping file means.
        Content::Organization { .. } if known.organizations.contains(&org) => return Verdict::AlreadyThere,
        Content::Organization { .. } if org != row.source.id => {
            return Verdict::Wait(Issue::of("id", Reason::UnknownOrganization));
        }
        Content::Organization { .. } | Content::Agent { .. } | Content::Lead { .. } | Content::Booking(_) => {}
    }
    Verdict::Take(taking)
}

/// Who took the same row before.
#[derive(Clone, Copy, PartialEq)]
enum Before<'a> {
    /// This run, from the same place: it was interrupted before it could note how far it came.
    ByThisRun(&'a KnownRow),
    /// Another run, or the same row stands twice.
    Otherwise,
}

/// Whether the same row was taken before. A call's row that says something else than before adds what it says; of other
/// things ours is the record, and what the original says of them later is not taken.
fn taken_before<'a>(row: &Prepared, view: &View<'a>) -> Option<Before<'a>> {
    let place = row.source.place.to_string();
    let mut found = None;
    for before in view.known.rows_of(row.source.id, |table| table == row.source.table) {
        let is_same = before.digest == row.source.digest;
        if is_same && before.run == view.run && before.place == place {
            return Some(Before::ByThisRun(before));
        }
        if is_same || !matches!(row.content, Content::Call(_) | Content::Turn(_)) {
            found = Some(Before::Otherwise);
        }
    }
    found
}

/// What others may know when a row has been taken.
pub fn facts_of(row: &Prepared, taking: &Taking, run: Uuid) -> Vec<Fact> {
    let org = taking.org.uuid();
    let mut facts = vec![Fact::Row {
        table: row.source.table,
        id: row.source.id,
        org,
        digest: row.source.digest.clone(),
        subject: taking.subject,
        outcome: taking.outcome,
        run,
        place: row.source.place.to_string(),
        provider_call_id: taking.provider_call_id.clone(),
    }];
    match &row.content {
        Content::Organization { .. } => facts.push(Fact::Organization(org)),
        Content::Agent { assistant, role, .. } => {
            let (assistant, role) = (assistant.clone(), role.map(ToOwned::to_owned));
            facts.push(Fact::Agent { id: row.source.id, org, assistant, role });
        }
        Content::Call(_) => {
            let call = taking.provider_call_id.clone();
            facts.extend(call.map(|id| Fact::Call { provider_call_id: id, org, id: taking.subject }));
        }
        Content::Lead { .. } | Content::Booking(_) | Content::Turn(_) => {}
    }
    facts
}
