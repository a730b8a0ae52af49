//! The truth in parts, from one function: `/ready` and the operator's page of the status both show [`Alarms::status`], so they
//! cannot disagree.
//!
//! What can be seen at once is looked at now: whether the database answers, how mail stands, this node's disk. The rest is what the
//! worker's look found; one that is too old is not known, because whoever should look does not.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mail::Health;
use platform::http::problem::Chain;

use crate::signs::actions::Alarms;
use crate::signs::model::{Reading, Sign, State, span};
use crate::signs::nodes;
use crate::signs::store::Known;

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);
/// A look that is older than this says nothing of now. The worker looks every minute.
const STALE_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// A part of the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// PostgreSQL.
    Database,
    /// Sending mail.
    Mail,
    /// Recordings.
    Storage,
    /// Background work.
    Jobs,
    /// The voice provider and the numbers.
    Provider,
    /// Backups.
    Backups,
    /// The disks of the nodes and what waits on them.
    Disk,
    /// The public address.
    Address,
}

impl Part {
    /// Every part, in the order of the page.
    pub const ALL: [Self; 8] = [
        Self::Database,
        Self::Mail,
        Self::Storage,
        Self::Jobs,
        Self::Provider,
        Self::Backups,
        Self::Disk,
        Self::Address,
    ];

    /// Names it in pages and for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Mail => "mail",
            Self::Storage => "storage",
            Self::Jobs => "jobs",
            Self::Provider => "provider",
            Self::Backups => "backups",
            Self::Disk => "disk",
            Self::Address => "address",
        }
    }

    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Database => "Database",
            Self::Mail => "Mail",
            Self::Storage => "Recordings",
            Self::Jobs => "Background work",
            Self::Provider => "Voice provider",
            Self::Backups => "Backups",
            Self::Disk => "Disk",
            Self::Address => "Public address",
        }
    }

    /// The signs that it is judged by.
    pub const fn signs(self) -> &'static [Sign] {
        match self {
            Self::Database => &[Sign::Database, Sign::Search, Sign::Clock],
            Self::Mail => &[Sign::MailRelay, Sign::MailBudget, Sign::DeadMails],
            Self::Storage => &[Sign::Storage, Sign::Recordings],
            Self::Jobs => &[Sign::Jobs, Sign::DeadJobs],
            Self::Provider => &[Sign::Provider, Sign::ProviderApi, Sign::SilentNumbers, Sign::Quarantine, Sign::Import],
            Self::Backups => &[Sign::Backups, Sign::Trials],
            Self::Disk => &[Sign::Disk, Sign::Events],
            Self::Address => &[Sign::Certificate],
        }
    }
}

/// How everything stands.
#[derive(Clone, Debug)]
pub struct Status {
    /// Whether the database answers under both logins.
    pub database: bool,
    /// Mail, when it could be asked.
    pub mail: Option<Health>,
    /// Every sign: found by this look, or by the worker's last one.
    pub signs: BTreeMap<Sign, Reading>,
    /// When the worker looked last.
    pub looked_at: Option<Timestamp>,
}

impl Status {
    /// How a part stands: as its worst sign does.
    pub fn part(&self, part: Part) -> State {
        if part == Part::Database && !self.database {
            return State::Critical;
        }
        let states = part.signs().iter().filter_map(|sign| self.signs.get(sign)).map(|reading| reading.state);
        states.max_by_key(|state| state.weight()).unwrap_or(State::Unknown)
    }

    /// The worst of all parts.
    pub fn worst(&self) -> State {
        Part::ALL.into_iter().map(|part| self.part(part)).max_by_key(|state| state.weight()).unwrap_or(State::Unknown)
    }
}

impl Alarms {
    /// How the installation stands, as seen from this node.
    pub async fn status(&self) -> Status {
        let now = self.now();
        let database = self.services().tenancy.is_reachable(PATIENCE).await;
        let (mail, known) = if database { self.ask_database().await } else { (None, BTreeMap::new()) };
        let looked_at = known.values().map(|known| known.measured_at).max();
        let mut signs = BTreeMap::new();
        for sign in Sign::ALL {
            signs.insert(sign, worker_found(known.get(&sign), now));
        }
        let here = [(self.services().jobs.node().to_owned(), Some(self.look_here().await))];
        for (sign, measured) in [(Sign::Disk, nodes::disks(&here)), (Sign::Events, nodes::spools(&here))] {
            let was = known.get(&sign).map_or(State::Fine, |known| known.reading.state);
            let found = measured.judge(was, self, now);
            // Another node may be worse off; the worker's word on that counts while it is fresh.
            let told = known.get(&sign).filter(|known| is_fresh(known, now)).map(|known| known.reading.clone());
            let worse = told.filter(|told| told.state.weight() > found.state.weight());
            signs.insert(sign, worse.unwrap_or(found));
        }
        Status { database, mail, signs, looked_at }
    }

    /// Asks only a database that answers, and not for long.
    async fn ask_database(&self) -> (Option<Health>, BTreeMap<Sign, Known>) {
        let asked = tokio::time::timeout(PATIENCE, async {
            let mail = self.services().outbox.health().await;
            (mail, self.signs().await)
        });
        let Ok((mail, known)) = asked.await else { return (None, BTreeMap::new()) };
        let mail = mail.inspect_err(|error| tracing::warn!(error = %Chain(error), "the outbox could not be looked at"));
        let known = known.inspect_err(|error| tracing::warn!(error = %Chain(error), "the signs could not be read"));
        (mail.ok(), known.unwrap_or_default())
    }
}

fn worker_found(known: Option<&Known>, now: Timestamp) -> Reading {
    let Some(known) = known else {
        return Reading::unknown("Nobody has looked yet: the worker looks every minute.");
    };
    if !is_fresh(known, now) {
        let age = now.duration_since(known.measured_at);
        return Reading::unknown(format!("Nobody has looked for {}: does a worker run?", span(age)));
    }
    known.reading.clone()
}

fn is_fresh(known: &Known, now: Timestamp) -> bool {
    now.duration_since(known.measured_at) <= STALE_AFTER
}
