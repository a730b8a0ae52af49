//! What each node finds of its own machine and writes into its row of `nodes`, and what all of them come to.

use jiff::Timestamp;
use platform::jobs::NodeStatus;
use platform::recent::Tries;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::actions::Measured;
use super::model::Measurement;

/// What a node says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readings {
    /// Its disk; `None`: it could not be looked at.
    pub disk: Option<Disk>,
    /// The events that it answered and that are not stored yet; `None`: the folder could not be looked at.
    pub spool: Option<Spool>,
    /// Its requests to the provider's API within the last hour.
    pub provider: Tries,
}

impl From<Readings> for Value {
    fn from(readings: Readings) -> Self {
        json!(readings)
    }
}

/// Bytes of the file system of the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// That may still be written.
    pub free: u64,
    /// In all.
    pub total: u64,
}

/// Files in the spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spool {
    /// That wait.
    pub waiting: u64,
    /// When the oldest of them was written.
    pub oldest: Option<Timestamp>,
    /// That cannot be read.
    pub unreadable: u64,
}

impl From<Disk> for Measurement {
    fn from(Disk { free, total }: Disk) -> Self {
        Self::Disk { free, total }
    }
}

impl From<Spool> for Measurement {
    fn from(Spool { waiting, oldest, unreadable }: Spool) -> Self {
        Self::Events { waiting, oldest, unreadable }
    }
}

/// A node that lives, with what it said last; `None`: it is of a version that says something else.
pub type Node = (String, Option<Readings>);

/// The nodes that live, `here` with what it finds at this moment.
pub fn live(nodes: Vec<NodeStatus>, here: &str, found: Readings, now: Timestamp) -> Vec<Node> {
    let others = nodes.into_iter().filter(|node| !node.is_silent(now) && node.name != here);
    let others = others.map(|node| (node.name, serde_json::from_value(node.readings).ok()));
    std::iter::once((here.to_owned(), Some(found))).chain(others).collect()
}

/// The disk of each node.
pub fn disks(nodes: &[Node]) -> Measured {
    each(nodes, |readings| readings.disk.map(Measurement::from), "The data directory could not be looked at.")
}

/// The spool of each node.
pub fn spools(nodes: &[Node]) -> Measured {
    each(nodes, |readings| readings.spool.map(Measurement::from), "The spool could not be looked at.")
}

/// The requests of all nodes.
pub fn requests(nodes: &[Node]) -> Measured {
    let tries = nodes.iter().filter_map(|(_, readings)| readings.map(|readings| readings.provider));
    Measured::Is(Measurement::ProviderApi(tries.sum()))
}

fn each(nodes: &[Node], read: impl Fn(&Readings) -> Option<Measurement>, unread: &str) -> Measured {
    let measured = |readings: &Option<Readings>| match readings.as_ref().map(&read) {
        Some(Some(measured)) => Measured::Is(measured),
        Some(None) => Measured::Unknown(unread.to_owned()),
        None => Measured::Unknown("It does not say: does it run another version?".to_owned()),
    };
    Measured::Each(nodes.iter().map(|(name, readings)| (name.clone(), measured(readings))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn now() -> Timestamp {
        "2026-11-24T14:00:00Z".parse().unwrap()
    }

    fn node(name: &str, age: i64, readings: Value) -> NodeStatus {
        NodeStatus {
            name: name.into(),
            version: "1".into(),
            works: true,
            started_at: now(),
            seen_at: now() - SignedDuration::from_secs(age),
            duties: Vec::new(),
            readings,
        }
    }

    fn found(free: u64, tried: u64) -> Readings {
        let disk = Some(Disk { free, total: 100 });
        Readings { disk, spool: Some(Spool::default()), provider: Tries { tried, failed: 1 } }
    }

    #[test]
    fn what_a_node_wrote_is_read_back_and_what_is_silent_says_nothing() {
        let theirs = Value::from(found(4, 20));
        let nodes = vec![
            node("a", 10, found(99, 99).into()),
            node("b", 60, theirs.clone()),
            node("c", 600, theirs),
            node("d", 0, json!({})),
        ];
        let live = live(nodes, "a", found(50, 10), now());
        let names: Vec<&str> = live.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b", "d"], "a killed node has no disk to worry about");
        assert_eq!(live[0].1, Some(found(50, 10)), "what is here is looked at now");
        assert_eq!(live[1].1, Some(found(4, 20)));
        assert_eq!(live[2].1, None);
        let Measured::Is(Measurement::ProviderApi(tries)) = requests(&live) else { panic!("requests") };
        assert_eq!(tries, Tries { tried: 30, failed: 2 });
        let Measured::Each(disks) = disks(&live) else { panic!("disks") };
        assert!(matches!(disks[1].1, Measured::Is(Measurement::Disk { free: 4, total: 100 })));
        assert!(matches!(disks[2].1, Measured::Unknown(_)));
    }
}
