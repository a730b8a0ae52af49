//! What rows of the original are, what can be wrong with them, and whose they are. All of it pure.
//!
//! [`reasons`]: what can be wrong. [`known`]: what is known of other rows. [`owner`]: whose a row is. [`verdict`]: what becomes of it.

mod known;
mod owner;
mod reasons;
mod verdict;

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use known::{Fact, Known, KnownAgent};
pub use owner::Rule;
pub use reasons::{Fate, Issue, Reason};
pub use verdict::{Outcome, Pass, Taking, Verdict, View, decide, facts_of, is_unstated};

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
