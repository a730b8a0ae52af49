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
use crate::signs::disk;
use crate::signs::model::{Reading, Sign, State, span};
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
    /// This node's disk and what waits on it.
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
            Self::Storage => &[Sign::Recordings],
            Self::Jobs => &[Sign::Jobs, Sign::DeadJobs],
            Self::Provider => &[Sign::Provider, Sign::SilentNumbers, Sign::Quarantine],
            Self::Backups => &[Sign::Backups],
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
        states.max_by_key(|state| weight(*state)).unwrap_or(State::Unknown)
    }

    /// The worst of all parts.
    pub fn worst(&self) -> State {
        Part::ALL.into_iter().map(|part| self.part(part)).max_by_key(|state| weight(*state)).unwrap_or(State::Unknown)
    }
}

const fn weight(state: State) -> u8 {
    match state {
        State::Off => 0,
        State::Fine => 1,
        State::Warning => 2,
        State::Unknown => 3,
        State::Critical => 4,
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
        let of =
            |known: &BTreeMap<Sign, Known>, sign| known.get(&sign).map_or(State::Fine, |known| known.reading.state);
        for (sign, measured) in [
            (Sign::Disk, self.looked(disk::room).await),
            (Sign::Events, self.looked(|dir| disk::spool(&dir.join("spool"))).await),
        ] {
            signs.insert(sign, measured.judge(of(&known, sign), self, now));
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
    let age = now.duration_since(known.measured_at);
    if age > STALE_AFTER {
        return Reading::unknown(format!("Nobody has looked for {}: does a worker run?", span(age)));
    }
    known.reading.clone()
}
