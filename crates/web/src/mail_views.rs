//! From what the outbox knows to what the operator's e-mail pages show. Pure.

use jiff::Timestamp;
use mail::outbox::model::Suppression;
use mail::overview::model::{Happened, MailDetail, MailSummary, Step, Stray, SuppressedAddress};
use mail::{Health, Priority, State};
use platform::config::MailConfig;
use platform::i18n::Locale;
use platform::ids::MailId;

use crate::components::{Moment, Tone};
use crate::format::sentence;
use crate::pages::mail::{Budget, Fate, LIST, Mail, MailRow, Relay, StrayRow, Suppressed, Words};

/// When each waiting mail can go.
type Forecast = [(MailId, Option<Timestamp>)];

/// The word for a state and its colour. A relay that took a mail has accepted it; nobody has seen it arrive.
pub(crate) const fn word(state: State) -> (&'static str, Tone) {
    match state {
        State::Queued => ("Waiting", Tone::Neutral),
        State::Sending => ("Being sent", Tone::Info),
        State::Deferred => ("Trying again", Tone::Warn),
        State::Failed => ("Not sent", Tone::Bad),
        State::Suppressed => ("Not sent: suppressed", Tone::Warn),
        State::Cancelled => ("Cancelled", Tone::Neutral),
        State::Unknown => ("Unknown", Tone::Warn),
        State::Accepted => ("Accepted by relay", Tone::Info),
        State::Rejected => ("Refused", Tone::Bad),
        State::Delivered => ("Delivered", Tone::Ok),
        State::Bounced => ("Bounced", Tone::Bad),
        State::Complained => ("Called spam", Tone::Bad),
    }
}

/// What is known, and what is not. `tells`: the relay's provider says what becomes of mails.
fn meaning(state: State, tells: bool) -> &'static str {
    match state {
        State::Queued => "It waits for its turn.",
        State::Sending => "A worker is handing it to the relay.",
        State::Deferred => "The relay said “later”. It is tried again by itself.",
        State::Failed => "It was given up. The last words of the relay stand below; you can send it again.",
        State::Suppressed => "The address is on the list of suppressions, so it was not sent.",
        State::Cancelled => "Somebody took it out of the queue.",
        State::Unknown => {
            "The connection broke when the relay may have taken it already. It is not sent again by itself, because it could \
             then arrive twice."
        }
        State::Accepted if tells => "The relay took it. Its provider has not said yet what became of it.",
        State::Accepted => "The relay took it. Whether it arrived is not known: the relay does not tell.",
        State::Rejected => "The recipient's server refused the sender or the content. The address may be fine.",
        State::Delivered => {
            "The recipient's server took it. Whether it lies in the inbox or among the spam is not known."
        }
        State::Bounced => "The mailbox does not take mail. The address is written to no more.",
        State::Complained => {
            "The recipient called it spam. Only sign-in mails and invitations still go to this address."
        }
    }
}

/// The states to filter by, with their words.
pub(crate) fn states() -> Vec<(&'static str, &'static str)> {
    State::ALL.into_iter().map(|state| (state.as_str(), word(state).0)).collect()
}

/// Whether the relay's provider tells what becomes of mails.
pub(crate) fn tells(config: &MailConfig) -> bool {
    let events = &config.events;
    !(events.sendgrid_keys.is_empty()
        && events.postmark_secrets.is_empty()
        && events.mailgun_keys.is_empty()
        && events.ses_topics.is_empty())
}

/// How the relay does.
pub(crate) fn relay(config: &MailConfig, health: &Health) -> Relay {
    let Some(relay) = &config.relay else { return Relay::None };
    let host = relay.host.clone();
    match &health.relay {
        Some(known) if known.failures > 0 => {
            Relay::Paused { host, until: known.paused_until, fault: known.fault.clone().unwrap_or_default() }
        }
        _ => Relay::Ready { host, tells: tells(config) },
    }
}

/// What was used, and when there is room again.
pub(crate) fn budget(health: &Health, forecast: &Forecast, now: Timestamp) -> Budget {
    let first = forecast.iter().filter_map(|(_, at)| *at).min();
    Budget {
        used: health.used,
        limit: health.limit,
        waiting: u64::try_from(health.waiting).unwrap_or(0),
        room_at: first.filter(|at| *at > now),
    }
}

/// A mail in the list. A waiting one says until when: for its next try, or for room in the budget.
pub(crate) fn row(mail: MailSummary, forecast: &Forecast, now: Timestamp) -> MailRow {
    let room = forecast.iter().find(|(id, _)| *id == mail.id).and_then(|(_, at)| *at);
    let waits = matches!(mail.state, State::Queued | State::Deferred);
    let until = room.map_or(mail.due_at, |room| room.max(mail.due_at));
    let (label, tone) = word(mail.state);
    MailRow {
        id: mail.id.uuid(),
        created_at: mail.created_at,
        to: mail.to_address,
        subject: mail.subject,
        template: mail.template,
        label,
        tone,
        waits_until: Some(until).filter(|until| waits && *until > now),
    }
}

fn named(name: &str, address: &str) -> String {
    if name.is_empty() { address.to_owned() } else { format!("{name}, {address}") }
}

/// One mail.
pub(crate) fn mail(mail: MailDetail, tells: bool) -> Mail {
    let state = mail.summary.state;
    let (label, tone) = word(state);
    let id = mail.summary.id.uuid();
    let facts = facts(&mail);
    let history = mail.steps.iter().map(moment).collect();
    let forgotten = mail.words.is_none() && !mail.hidden;
    Mail {
        id,
        to: named(&mail.to_name, &mail.summary.to_address),
        subject: mail.summary.subject,
        fate: Fate { label, tone, meaning: meaning(state, tells).to_owned() },
        history,
        facts,
        words: match mail.words {
            Some(words) => Words::Shown { text: words.text, html: format!("{LIST}/{id}/html") },
            None if mail.hidden => Words::Hidden,
            None => Words::Forgotten,
        },
        resendable: !state.is_waiting() && !forgotten,
        may_arrive_twice: !matches!(
            state,
            State::Failed | State::Suppressed | State::Cancelled | State::Rejected | State::Bounced
        ),
        cancellable: matches!(state, State::Queued | State::Deferred),
        repeats: mail.resend_of.map(MailId::uuid),
        problem: None,
    }
}

fn facts(mail: &MailDetail) -> Vec<(&'static str, String)> {
    let cc: Vec<String> = mail.cc.iter().map(|copy| named(&copy.name, &copy.address)).collect();
    let priority = match mail.priority {
        Priority::Security => "Security: first",
        Priority::Prospect => "Prospect: second",
        Priority::Sales => "Sales: third",
        Priority::Bulk => "Bulk: last",
    };
    let language =
        Locale::from_tag(&mail.locale).map_or_else(|| mail.locale.clone(), |known| known.native_name().to_owned());
    let known = [
        ("Text", Some(mail.summary.template.clone())),
        ("Priority", Some(priority.to_owned())),
        ("Copies", Some(cc.join("; ")).filter(|cc| !cc.is_empty())),
        ("Language", Some(language)),
        ("Organization", Some(mail.organization.clone())),
        ("Relay", mail.relay.clone()),
        ("Relay's name for it", mail.relay_queue_id.clone()),
        ("Message-ID", Some(mail.message_id.clone())),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn moment(step: &Step) -> Moment {
    let text = match &step.what {
        Happened::Written => "Written".to_owned(),
        Happened::Tried { relay, outcome } => tried(relay, outcome.as_deref()),
        Happened::Told { kind, name, copy } => told(kind, name.as_deref(), copy.as_deref()),
        Happened::Left => "Taken out of the queue".to_owned(),
    };
    Moment { at: step.at, text, note: step.words.clone().unwrap_or_default() }
}

fn tried(relay: &str, outcome: Option<&str>) -> String {
    match outcome {
        None => format!("Being handed to {relay}"),
        Some("accepted") => format!("Accepted by {relay}"),
        Some("deferred") => format!("{relay} said “later”"),
        Some("refused") => format!("Refused by {relay}"),
        Some("relay_down") => format!("{relay} could not be used"),
        Some("unknown") => format!("The connection to {relay} broke at the end"),
        Some("lost") => "The worker died before the relay could have it".to_owned(),
        Some(other) => sentence(other),
    }
}

fn told(kind: &str, name: Option<&str>, copy: Option<&str>) -> String {
    let what = match kind {
        "processed" => "Taken over by the relay's provider",
        "deferred" => "The recipient's server said “later”",
        "delivered" => "Delivered to the recipient's server",
        "bounced" => "Bounced: the mailbox does not take it",
        "blocked" => "Refused by the recipient's server",
        "dropped" => "Not delivered by the relay's provider",
        "complained" => "Called spam",
        "opened" => "Opened",
        "opened_by_machine" => "Pictures fetched by a program; nobody has read it for that",
        "clicked" => "A link was followed",
        "unsubscribed" => "Unsubscribed",
        other => name.unwrap_or(other),
    };
    copy.map_or_else(|| what.to_owned(), |copy| format!("{what} (copy to {copy})"))
}

/// A suppressed address.
pub(crate) fn suppressed(row: SuppressedAddress) -> Suppressed {
    let (reason, stops) = match row.reason {
        Suppression::Bounced => ("The mailbox does not exist", "Stops every mail."),
        Suppression::Complained => ("A mail was called spam", "Stops every mail but sign-in and invitations."),
        Suppression::Unsubscribed => ("Unsubscribed", "Stops mails that go to many."),
        Suppression::Manual => ("Added by hand", "Stops every mail."),
    };
    Suppressed {
        address: row.address,
        reason,
        stops,
        source: row.source,
        words: row.words.unwrap_or_default(),
        mail: row.mail.map(MailId::uuid),
        since: row.created_at,
    }
}

/// An event without a mail.
pub(crate) fn stray(stray: Stray) -> StrayRow {
    let why = match stray.fault.as_str() {
        "no_mail" => "It names no mail that is known here.".to_owned(),
        fault => format!("It could not be read: {}.", fault.replace('_', " ")),
    };
    let raw = stray.raw.map(|raw| raw.chars().take(200).collect::<String>());
    StrayRow {
        received_at: stray.received_at,
        source: stray.source,
        kind: stray.kind.unwrap_or_default(),
        why,
        recipient: stray.recipient.unwrap_or_default(),
        detail: stray.message_id.or(raw).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_events_accepted_is_never_called_delivered() {
        assert!(meaning(State::Accepted, false).contains("not known"));
        assert_eq!(word(State::Accepted).0, "Accepted by relay");
        let words: std::collections::BTreeSet<_> = states().into_iter().map(|(_, word)| word).collect();
        assert_eq!(words.len(), State::ALL.len(), "each state has a word of its own");
    }

    #[test]
    fn a_waiting_mail_says_until_when_and_no_other_does() {
        let now: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-11-24T18:00:00Z".parse().unwrap();
        let mail = |state| MailSummary {
            id: MailId::new(),
            to_address: "ana@example.com".to_owned(),
            subject: "Hello".to_owned(),
            template: "test".to_owned(),
            state,
            created_at: now,
            due_at: now,
        };
        let waiting = mail(State::Queued);
        let forecast = [(waiting.id, Some(later))];
        assert_eq!(row(waiting.clone(), &forecast, now).waits_until, Some(later), "for room in the budget");
        assert_eq!(row(waiting, &[], now).waits_until, None, "it is due");
        let deferred = MailSummary { due_at: later, ..mail(State::Deferred) };
        assert_eq!(row(deferred, &[], now).waits_until, Some(later));
        let gone = MailSummary { due_at: later, ..mail(State::Delivered) };
        assert_eq!(row(gone, &[], now).waits_until, None);
    }
}
