//! What goes wrong on the way, decided before anything is sent: a pure plan from a seed.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::wire::{self, Event, EventKind};

/// An ended reason that no published list contains.
pub(crate) const NEW_ENDED_REASON: &str = "call.in-progress.error-providerfault-new-engine-lost-thread";

/// Size of a big report in bytes.
pub(crate) const BIG_REPORT_BYTES: usize = 60_000;

/// How often each fault happens: rates from 0 (never) to 1 (always). Rates count per message, except
/// `big_report` and `new_ended_reason`, which count per call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Faults {
    /// Delivered 2 to 20 seconds too late.
    pub late: f64,
    /// Never delivered.
    pub lost: f64,
    /// Delivered twice at once, on two connections.
    pub doubled: f64,
    /// Delivered after the message that follows it.
    pub reordered: f64,
    /// Accompanied by a forgery with altered content and a wrong secret, which must be refused: 401, or 429 when there are
    /// many.
    pub tampered: f64,
    /// Followed by a message of an unknown type, which must be accepted.
    pub unknown_type: f64,
    /// The report has 60 KB.
    pub big_report: f64,
    /// The call ends for a reason that no list knows.
    pub new_ended_reason: f64,
}

impl Faults {
    /// Every fault now and then: what a bad week looks like.
    pub fn some_of_everything() -> Self {
        Self {
            late: 0.05,
            lost: 0.02,
            doubled: 0.1,
            reordered: 0.1,
            tampered: 0.03,
            unknown_type: 0.03,
            big_report: 0.2,
            new_ended_reason: 0.1,
        }
    }

    /// Each rate with its name, in a fixed order.
    pub fn rates(&self) -> [(&'static str, f64); 8] {
        [
            ("late", self.late),
            ("lost", self.lost),
            ("doubled", self.doubled),
            ("reordered", self.reordered),
            ("tampered", self.tampered),
            ("unknown_type", self.unknown_type),
            ("big_report", self.big_report),
            ("new_ended_reason", self.new_ended_reason),
        ]
    }
}

/// What was done to one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// See [`Faults::late`].
    Late,
    /// See [`Faults::lost`].
    Lost,
    /// See [`Faults::doubled`]: the second of the two.
    Doubled,
    /// See [`Faults::reordered`].
    Reordered,
    /// See [`Faults::tampered`]: the forgery.
    Tampered,
    /// See [`Faults::unknown_type`].
    UnknownType,
}

/// One sending of one event.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) at: u32,
    pub(crate) event: Event,
    pub(crate) fault: Option<Fault>,
}

/// Decides for every event when and how often it is sent. Sorted by time; the lost ones are in it, so that the
/// ledger can tell them.
pub(crate) fn plan(events: Vec<Event>, faults: &Faults, rng: &mut ChaCha8Rng) -> Vec<Delivery> {
    let mut deliveries = Vec::with_capacity(events.len());
    let next_offsets: Vec<u32> = events.iter().skip(1).map(|event| event.offset_ms).collect();
    for (index, event) in events.into_iter().enumerate() {
        // Drawn for every event whatever the rates are: changing one rate does not move the other faults.
        let [late, lost, doubled, reordered, tampered, unknown] = std::array::from_fn(|_| rng.random::<f64>());
        let delay = rng.random_range(2_000..20_000);
        if lost < faults.lost {
            deliveries.push(Delivery { at: event.offset_ms, event, fault: Some(Fault::Lost) });
            continue;
        }
        let (at, fault) = if late < faults.late {
            (event.offset_ms + delay, Some(Fault::Late))
        } else if let Some(next) = next_offsets.get(index).filter(|_| reordered < faults.reordered) {
            (next + 1, Some(Fault::Reordered))
        } else {
            (event.offset_ms, None)
        };
        if tampered < faults.tampered {
            deliveries.push(Delivery { at, event: forge(&event), fault: Some(Fault::Tampered) });
        }
        if unknown < faults.unknown_type {
            deliveries.push(Delivery { at: at + 1, event: wire::unknown(&event), fault: Some(Fault::UnknownType) });
        }
        if doubled < faults.doubled {
            deliveries.push(Delivery { at, event: event.clone(), fault });
            deliveries.push(Delivery { at, event, fault: Some(Fault::Doubled) });
        } else {
            deliveries.push(Delivery { at, event, fault });
        }
    }
    deliveries.sort_by_key(|delivery| delivery.at);
    deliveries
}

/// The same message with other content: if it is applied, the truth no longer agrees.
fn forge(event: &Event) -> Event {
    let mut forged = event.clone();
    let message = &mut forged.message;
    match event.kind {
        EventKind::Turn { .. } => message["transcript"] = "This was never said.".into(),
        EventKind::Report => {
            message["cost"] = 999.0.into();
            message["endedReason"] = "manually-canceled".into();
            message["analysis"] = serde_json::json!({"summary": "This never happened."});
        }
        EventKind::Status { .. } => message["status"] = "ended".into(),
        _ => message["forged"] = true.into(),
    }
    forged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;

    fn events(count: u32) -> Vec<Event> {
        (0..count)
            .map(|index| Event {
                offset_ms: index * 100,
                kind: EventKind::Other { name: "hang".into() },
                identity: format!("hang:{index}"),
                message: serde_json::json!({"type": "hang"}),
            })
            .collect()
    }

    fn count(deliveries: &[Delivery], fault: Fault) -> usize {
        deliveries.iter().filter(|delivery| delivery.fault == Some(fault)).count()
    }

    #[test]
    fn each_fault_happens_at_the_rate_asked_for_and_no_other() {
        let none = Faults::default();
        for (faults, fault) in [
            (Faults { late: 0.2, ..none }, Fault::Late),
            (Faults { lost: 0.2, ..none }, Fault::Lost),
            (Faults { doubled: 0.2, ..none }, Fault::Doubled),
            (Faults { reordered: 0.2, ..none }, Fault::Reordered),
            (Faults { tampered: 0.2, ..none }, Fault::Tampered),
            (Faults { unknown_type: 0.2, ..none }, Fault::UnknownType),
        ] {
            let deliveries = plan(events(5_000), &faults, &mut rng::stream(7, "test"));
            let happened = count(&deliveries, fault);
            assert!((900..1_100).contains(&happened), "{fault:?}: {happened} of 5000");
            let others =
                deliveries.iter().filter(|delivery| delivery.fault.is_some_and(|other| other != fault)).count();
            assert_eq!(others, 0, "{fault:?} brought others");
        }
    }

    #[test]
    fn without_faults_every_event_is_sent_once_in_order() {
        let deliveries = plan(events(300), &Faults::default(), &mut rng::stream(7, "test"));
        let identities: Vec<_> = deliveries.iter().map(|delivery| delivery.event.identity.clone()).collect();
        let expected: Vec<_> = events(300).into_iter().map(|event| event.identity).collect();
        assert_eq!(identities, expected);
    }

    #[test]
    fn a_reordered_event_comes_after_its_follower() {
        let faults = Faults { reordered: 0.3, ..Faults::default() };
        let deliveries = plan(events(1_000), &faults, &mut rng::stream(7, "test"));
        let position = |identity: &str| deliveries.iter().position(|delivery| delivery.event.identity == identity);
        for (index, delivery) in deliveries.iter().enumerate() {
            if delivery.fault == Some(Fault::Reordered) {
                let number = delivery.event.offset_ms / 100;
                let follower = position(&format!("hang:{}", number + 1)).unwrap();
                let follower_moved = deliveries[follower].fault.is_some();
                assert!(follower < index || follower_moved);
            }
        }
    }

    #[test]
    fn changing_one_rate_does_not_move_the_other_faults() {
        let lost_in = |faults: Faults| -> Vec<String> {
            plan(events(500), &faults, &mut rng::stream(7, "test"))
                .into_iter()
                .filter(|delivery| delivery.fault == Some(Fault::Lost))
                .map(|delivery| delivery.event.identity)
                .collect()
        };
        let lost = Faults { lost: 0.1, ..Faults::default() };
        assert_eq!(lost_in(lost), lost_in(Faults { doubled: 0.5, late: 0.5, ..lost }));
    }
}
