//! What is known when a row is decided about: from the database, and from the rows before it.

use std::collections::{BTreeSet, HashMap, HashSet};

use providers::vapi::Direction;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Outcome, Table};
use crate::mapping::Mapping;
use crate::rows::Source;

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
    /// An operator dropped a row.
    Dropped {
        /// Of which table.
        table: Table,
        /// Its id.
        id: Uuid,
        /// Of the whole row, hexadecimal.
        digest: String,
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
    pub fn org(&self) -> Option<Uuid> {
        match self {
            Self::Organization(org)
            | Self::Agent { org, .. }
            | Self::Number { org, .. }
            | Self::Row { org, .. }
            | Self::Call { org, .. } => Some(*org),
            Self::Dropped { .. } => None,
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
pub(super) struct KnownRow {
    pub(super) table: Table,
    pub(super) org: Uuid,
    pub(super) digest: String,
    pub(super) subject: Uuid,
    pub(super) outcome: Outcome,
    pub(super) run: Uuid,
    pub(super) place: String,
    pub(super) provider_call_id: Option<String>,
}

/// What is known of the organizations, agents, numbers, calls and rows that a handful of rows speak of.
#[derive(Debug, Default)]
pub struct Known {
    pub(super) organizations: HashSet<Uuid>,
    pub(super) agents: HashMap<Uuid, KnownAgent>,
    pub(super) assistants: HashMap<String, BTreeSet<Uuid>>,
    pub(super) numbers: HashMap<String, BTreeSet<Uuid>>,
    pub(super) rows: HashMap<Uuid, Vec<KnownRow>>,
    pub(super) dropped: HashSet<(Table, Uuid, String)>,
    pub(super) calls: HashMap<String, (Uuid, Uuid)>,
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
            Fact::Dropped { table, id, digest } => {
                self.dropped.insert((table, id, digest));
            }
            Fact::Call { provider_call_id, org, id } => {
                self.calls.entry(provider_call_id).or_insert((org, id));
            }
        }
    }

    /// Whether an operator dropped this very row.
    pub fn is_dropped(&self, row: &Source) -> bool {
        // Nearly always nothing was dropped, and the key need not be made.
        !self.dropped.is_empty() && self.dropped.contains(&(row.table, row.id, row.digest.clone()))
    }

    /// The agent with that id.
    pub fn agent(&self, id: Uuid) -> Option<&KnownAgent> {
        self.agents.get(&id)
    }

    /// Whether an organization answers a number, here or by the mapping file.
    pub fn is_number_of(&self, number: &str, org: Uuid, mapping: &Mapping) -> bool {
        mapping.numbers.get(number) == Some(&org) || self.numbers.get(number).is_some_and(|orgs| orgs.contains(&org))
    }

    pub(super) fn lead_org(&self, id: Uuid) -> Option<Uuid> {
        self.rows_of(id, |table| table == Table::Leads).next().map(|row| row.org)
    }

    pub(super) fn rows_of(&self, id: Uuid, of: impl Fn(Table) -> bool) -> impl Iterator<Item = &KnownRow> {
        self.rows.get(&id).into_iter().flatten().filter(move |row| of(row.table))
    }
}
