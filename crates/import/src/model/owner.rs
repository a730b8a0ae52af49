//! Whose a row is: what it says, what everything known of it points to, and what contradicts (docs/adr/0013).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::known::Known;
use super::{Issue, Reason, Table, View};
use crate::rows::{Content, Prepared};

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

/// Who speaks for a row, and for whom.
type Evidence = Vec<(Rule, Uuid)>;

/// The operator's word about this row or its call.
pub(super) fn named(row: &Prepared, view: &View<'_>) -> Option<Uuid> {
    let of_row = || view.mapping.rows.get(&(row.source.table, row.source.id)).copied();
    let of_call = || view.mapping.calls.get(row.claims.provider_call_id.as_deref()?).copied();
    view.named.or_else(of_row).or_else(of_call)
}

/// What the row itself says: agent, lead, numbers.
pub(super) fn own_evidence(row: &Prepared, view: &View<'_>) -> Evidence {
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
pub(super) fn resolve(row: &Prepared, view: &View<'_>) -> Result<(Uuid, Rule), Issue> {
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

pub(super) fn same_row_before(row: &Prepared, known: &Known) -> Option<Uuid> {
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
