//! How events move a mail, and when an address is no longer written to. Pure.

use jiff::Timestamp;
use providers::mail_events::{Cause, EventKind, MailEvent};

use crate::State;
use crate::outbox::model::Suppression;

/// When each thing was told first, by the provider's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The recipient's server took it.
    pub delivered: Option<Timestamp>,
    /// It said "later".
    pub deferred: Option<Timestamp>,
    /// It refused the address.
    pub bounced: Option<Timestamp>,
    /// It refused the sender, or the provider gave up.
    pub blocked: Option<Timestamp>,
    /// The recipient called it spam.
    pub complained: Option<Timestamp>,
    /// A person opened it.
    pub opened: Option<Timestamp>,
    /// A person followed a link.
    pub clicked: Option<Timestamp>,
    /// A person wants no more.
    pub unsubscribed: Option<Timestamp>,
}

impl Told {
    /// Takes an event in. `at` stands in for a time that the provider did not tell.
    pub fn note(&mut self, kind: &EventKind, at: Timestamp) {
        let slot = match kind {
            EventKind::Delivered => &mut self.delivered,
            EventKind::Deferred => &mut self.deferred,
            EventKind::Bounced => &mut self.bounced,
            EventKind::Blocked | EventKind::Dropped => &mut self.blocked,
            EventKind::Complained => &mut self.complained,
            EventKind::Opened { by_machine: false } => &mut self.opened,
            EventKind::Clicked => &mut self.clicked,
            EventKind::Unsubscribed => &mut self.unsubscribed,
            EventKind::Processed | EventKind::Opened { by_machine: true } | EventKind::Other(_) => return,
        };
        *slot = Some(slot.map_or(at, |known| known.min(at)));
    }
}

/// What an event says about the mail's state. `None`: nothing.
pub fn news(kind: &EventKind) -> Option<State> {
    match kind {
        // Whatever the provider says of a mail, it has it.
        EventKind::Processed | EventKind::Deferred => Some(State::Accepted),
        EventKind::Blocked | EventKind::Dropped => Some(State::Rejected),
        // A mail that was fetched was delivered, also when the event that says so was lost.
        EventKind::Delivered | EventKind::Opened { .. } | EventKind::Clicked | EventKind::Unsubscribed => {
            Some(State::Delivered)
        }
        EventKind::Bounced => Some(State::Bounced),
        EventKind::Complained => Some(State::Complained),
        EventKind::Other(_) => None,
    }
}

/// Whether an event moves the state of a mail to `to`, and is not about a copy. Without a recipient it is about the mail.
pub fn concerns(recipient: Option<&str>, to: &str) -> bool {
    recipient.is_none_or(|recipient| recipient.eq_ignore_ascii_case(to))
}

/// Whether an address is written to no more after this event.
pub fn suppression(event: &MailEvent) -> Option<Suppression> {
    match (&event.kind, event.cause) {
        // The provider does not even try: it holds the address for one of these itself.
        (EventKind::Bounced, _) | (EventKind::Dropped, Some(Cause::Bounced | Cause::Invalid)) => {
            Some(Suppression::Bounced)
        }
        (EventKind::Complained, _) | (EventKind::Dropped, Some(Cause::Spam)) => Some(Suppression::Complained),
        (EventKind::Unsubscribed, _) | (EventKind::Dropped, Some(Cause::Unsubscribed)) => {
            Some(Suppression::Unsubscribed)
        }
        _ => None,
    }
}

/// The reasons by what they stop, least first: an address has one, and the later in this list stands.
pub const BY_STRENGTH: [Suppression; 4] =
    [Suppression::Unsubscribed, Suppression::Complained, Suppression::Bounced, Suppression::Manual];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds() -> Vec<EventKind> {
        vec![
            EventKind::Processed,
            EventKind::Deferred,
            EventKind::Delivered,
            EventKind::Bounced,
            EventKind::Blocked,
            EventKind::Dropped,
            EventKind::Complained,
            EventKind::Opened { by_machine: false },
            EventKind::Opened { by_machine: true },
            EventKind::Clicked,
            EventKind::Unsubscribed,
            EventKind::Other("new".to_owned()),
        ]
    }

    fn event(kind: EventKind, cause: Option<Cause>) -> MailEvent {
        MailEvent {
            kind,
            event_id: "1".to_owned(),
            at: None,
            recipient: None,
            mail: None,
            message_id: None,
            provider_message_id: None,
            status: None,
            words: None,
            cause,
        }
    }

    fn end(state: State, events: &[(EventKind, Timestamp)]) -> (State, Told) {
        let mut told = Told::default();
        let mut state = state;
        for (kind, at) in events {
            told.note(kind, *at);
            state = news(kind).map_or(state, |news| state.learn(news));
        }
        (state, told)
    }

    fn moment(second: i64) -> Timestamp {
        Timestamp::from_second(1_793_433_600 + second).unwrap()
    }

    #[test]
    fn a_block_condemns_the_mail_and_not_the_address() {
        assert_eq!(suppression(&event(EventKind::Blocked, Some(Cause::Blocked))), None);
        assert_eq!(suppression(&event(EventKind::Dropped, Some(Cause::TimedOut))), None);
        assert_eq!(suppression(&event(EventKind::Deferred, None)), None);
        assert_eq!(suppression(&event(EventKind::Bounced, Some(Cause::Invalid))), Some(Suppression::Bounced));
        assert_eq!(suppression(&event(EventKind::Dropped, Some(Cause::Spam))), Some(Suppression::Complained));
        assert_eq!(suppression(&event(EventKind::Unsubscribed, None)), Some(Suppression::Unsubscribed));
        assert_eq!(end(State::Accepted, &[(EventKind::Blocked, moment(0))]).0, State::Rejected);
    }

    #[test]
    fn what_a_machine_opens_nobody_has_read() {
        let (state, told) = end(State::Accepted, &[(EventKind::Opened { by_machine: true }, moment(0))]);
        assert_eq!((state, told), (State::Delivered, Told::default()));
        let (_, told) = end(State::Accepted, &[(EventKind::Opened { by_machine: false }, moment(0))]);
        assert_eq!(told.opened, Some(moment(0)));
    }

    #[test]
    fn a_mail_of_unknown_fate_is_known_again_when_the_provider_has_it() {
        assert_eq!(end(State::Unknown, &[(EventKind::Processed, moment(0))]).0, State::Accepted);
        assert_eq!(
            end(State::Sending, &[(EventKind::Delivered, moment(0))]).0,
            State::Sending,
            "the worker looks later"
        );
        assert_eq!(end(State::Cancelled, &[(EventKind::Delivered, moment(0))]).0, State::Cancelled);
    }

    #[test]
    fn only_the_recipients_own_events_move_the_mail() {
        assert!(concerns(None, "ana@example.com") && concerns(Some("ANA@example.com"), "ana@example.com"));
        assert!(!concerns(Some("copy@example.com"), "ana@example.com"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn events_in_any_order_and_any_number_of_times_end_in_the_same(
            first in prop::sample::select(&State::ALL[..]),
            events in prop::collection::vec((prop::sample::select(kinds()), (0_i64..100).prop_map(moment)), 0..10),
            again in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
            order in any::<u64>(),
        ) {
            let expected = end(first, &events);
            let mut delivered = events.clone();
            if !events.is_empty() {
                delivered.extend(again.iter().map(|index| index.get(&events).clone()));
            }
            let mut seed = order;
            for at in (1..delivered.len()).rev() {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                delivered.swap(at, usize::try_from(seed >> 33).unwrap() % (at + 1));
            }
            prop_assert_eq!(end(first, &delivered), expected);
        }
    }

    #[test]
    fn a_later_reason_stops_whatever_an_earlier_one_stops() {
        use crate::Priority;
        for pair in BY_STRENGTH.windows(2) {
            for priority in [Priority::Security, Priority::Prospect, Priority::Sales, Priority::Bulk] {
                assert!(!pair[0].stops(priority) || pair[1].stops(priority), "{pair:?} {priority:?}");
            }
        }
    }
}
