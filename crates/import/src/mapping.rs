//! What the operator says about rows that do not speak for themselves: the mapping file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use providers::vapi::{Direction, normalise_number};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::model::Table;
use crate::rows::Standing;

/// Why a mapping file is not used.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The system refused.
    #[error("{path} cannot be read")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("the mapping file is not right: {0}")]
    Syntax(#[from] Box<toml::de::Error>),
    /// One entry is wrong.
    #[error("the mapping file is not right: {place} {what}")]
    Entry {
        /// Where.
        place: String,
        /// What would be right.
        what: &'static str,
    },
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    zone: Option<String>,
    direction: Option<String>,
    organizations: HashMap<String, String>,
    agents: HashMap<String, Uuid>,
    numbers: HashMap<String, Uuid>,
    calls: HashMap<String, Uuid>,
    rows: HashMap<String, Uuid>,
    status: HashMap<String, String>,
}

/// What the operator says. Nothing at all by default.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    /// By whose clock times without an offset are told. Without it they are not believed.
    pub zone: Option<TimeZone>,
    /// Of calls that do not say.
    pub direction: Option<Direction>,
    /// An organization there and here; `None`: rows of it count as rows that do not say whose they are.
    pub organizations: HashMap<Uuid, Option<Uuid>>,
    /// Agents' ids, there or at the provider.
    pub agents: HashMap<String, Uuid>,
    /// Our numbers, E.164.
    pub numbers: HashMap<String, Uuid>,
    /// The provider's ids of calls.
    pub calls: HashMap<String, Uuid>,
    /// Single rows.
    pub rows: HashMap<(Table, Uuid), Uuid>,
    /// Words for a call's status beyond those that are known, in lower case.
    pub status: HashMap<String, Standing>,
    /// Of the file.
    pub digest: [u8; 32],
}

impl Mapping {
    /// Every organization that it gives something to.
    pub fn targets(&self) -> impl Iterator<Item = Uuid> {
        let given =
            self.agents.values().chain(self.numbers.values()).chain(self.calls.values()).chain(self.rows.values());
        given.copied().chain(self.organizations.values().flatten().copied())
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, MappingError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| MappingError::Io { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let written: Written = toml::from_str(text).map_err(Box::new)?;
        let zone = written.zone.as_deref().map(zone_of).transpose()?;
        let direction = written.direction.as_deref().map(direction_of).transpose()?;
        let organizations = each(written.organizations, |key, value| {
            let id = key.parse().map_err(|_| entry("organizations", &key, "is not an organization's id"))?;
            let here = match value.as_str() {
                "none" => None,
                other => Some(other.parse().map_err(|_| entry("organizations", &key, "must be an id or \"none\""))?),
            };
            Ok((id, here))
        })?;
        let numbers = each(written.numbers, |key, org| {
            let number = normalise_number(&key).ok_or_else(|| entry("numbers", &key, "is not in E.164 form"))?;
            Ok((number, org))
        })?;
        let rows = each(written.rows, |key, org| {
            let named = key.split_once('/').and_then(|(table, id)| Some((Table::named(table)?, id.parse().ok()?)));
            Ok((
                named.ok_or_else(|| entry("rows", &key, "must be a table and an id, for example call_logs/<id>"))?,
                org,
            ))
        })?;
        let status = each(written.status, |key, word| {
            let standing = Standing::of_word(&word);
            Ok((key.to_lowercase(), standing.ok_or_else(|| entry("status", &key, "must be a status that is known"))?))
        })?;
        let (agents, calls) = (written.agents, written.calls);
        Ok(Self {
            zone,
            direction,
            organizations,
            agents,
            numbers,
            calls,
            rows,
            status,
            digest: Sha256::digest(text).into(),
        })
    }
}

fn zone_of(name: &str) -> Result<TimeZone, MappingError> {
    TimeZone::get(name)
        .ok()
        .filter(|zone| !zone.is_unknown())
        .ok_or_else(|| entry("zone", name, "is not a time zone like Europe/London"))
}

fn direction_of(word: &str) -> Result<Direction, MappingError> {
    match word {
        "inbound" => Ok(Direction::Inbound),
        "outbound" => Ok(Direction::Outbound),
        _ => Err(entry("direction", word, "must be inbound or outbound")),
    }
}

fn entry(table: &str, key: &str, what: &'static str) -> MappingError {
    MappingError::Entry { place: format!("{table}.{key}"), what }
}

fn each<K, V, W>(
    written: HashMap<String, V>,
    read: impl Fn(String, V) -> Result<(K, W), MappingError>,
) -> Result<HashMap<K, W>, MappingError>
where
    K: std::hash::Hash + Eq,
{
    written.into_iter().map(|(key, value)| read(key, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_says_what_it_says_and_nothing_else() {
        let org = Uuid::from_u128(7);
        let text = format!(
            "zone = 'Europe/London'\ndirection = 'inbound'\n[organizations]\n'a0000000-0000-0000-0000-000000000001' = 'none'\n\
             [numbers]\n'+1 202 555 0123' = '{org}'\n[rows]\n'call_logs/{org}' = '{org}'\n[status]\n'Weird' = 'completed'\n"
        );
        let mapping = Mapping::parse(&text).unwrap();
        assert_eq!(mapping.organizations.values().collect::<Vec<_>>(), [&None]);
        assert_eq!(mapping.numbers["+12025550123"], org);
        assert_eq!(mapping.rows[&(Table::CallLogs, org)], org);
        assert_eq!(mapping.status["weird"], Standing::Over("completed"));
    }

    #[test]
    fn what_is_wrong_in_a_mapping_is_named() {
        for (text, named) in [
            ("zone = 'Mars/Olympus'", "zone.Mars/Olympus"),
            ("direction = 'up'", "direction.up"),
            ("colour = 'red'", "colour"),
            ("[numbers]\n'0123' = '00000000-0000-0000-0000-000000000007'", "numbers.0123"),
            ("[rows]\n'people/7' = '00000000-0000-0000-0000-000000000007'", "rows.people/7"),
            ("[status]\nx = 'y'", "status.x"),
            ("[agents]\nx = 'y'", "line 2"),
        ] {
            let told = Mapping::parse(text).unwrap_err().to_string();
            assert!(told.contains(named), "{told}");
        }
    }
}
