//! What becomes of a row: by which reading it is met, whether it is taken, was taken before, or waits.

use platform::ids::OrgId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::known::{Fact, Known, KnownRow};
use super::owner::{Rule, named, own_evidence, resolve, same_row_before};
use super::{Issue, Reason, Table};
use crate::mapping::Mapping;
use crate::rows::{Content, Prepared};

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
    /// An operator dropped it, and nobody has said since whose it is.
    Dropped,
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

/// Decides about a row; `None` when another reading of the file takes it.
pub fn decide(row: &Prepared, view: &View<'_>) -> Option<Verdict> {
    if !belongs_to(row, view) {
        return None;
    }
    let is_wanted = || named(row, view).or_else(|| same_row_before(row, view.known)).is_some();
    if view.known.is_dropped(&row.source) && !is_wanted() {
        return Some(Verdict::Dropped);
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
