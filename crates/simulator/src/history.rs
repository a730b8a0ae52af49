//! The past of a practice: finished calls of the last days, at the hours at which people call. A demonstration
//! begins with it, posted through the same webhook as everything else.

use std::collections::HashSet;

use anyhow::Context;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::deliver::{self, Parcel, Patience};
use crate::faults::Delivery;
use crate::ledger::{CallTruth, Ledger, Line, Truth};
use crate::practice::Practice;
use crate::provider::{CallPace, Provider};
use crate::rng;
use crate::run::{Deck, record};
use crate::scenario::Scenario;
use crate::script::library;
use crate::target::Target;
use crate::wire::{self, Event, EventKind, WireOptions};

/// Calls in progress at the same time while a past is posted.
const POSTED_AT_ONCE: usize = 4;

/// How many calls of a hundred come in each hour of the day, from midnight.
const HOURS: [u32; 24] = [0, 0, 0, 0, 0, 0, 1, 2, 11, 15, 13, 11, 7, 6, 9, 8, 8, 5, 2, 1, 1, 0, 0, 0];

/// Finished past calls of a practice as wire messages (`{"message": ...}`) with their instants: for every call its
/// `in-progress`, its `ended` and its report. Calls are in the order of their beginning; nothing is dated after
/// `until`. The same arguments give the same messages.
///
/// The error is a time zone that the zone data does not know.
pub fn history(
    seed: u64,
    practice: &Practice,
    until: Timestamp,
    days: u32,
) -> anyhow::Result<impl Iterator<Item = (Timestamp, Value)>> {
    let target = Target::of_practice(practice, "", None, "");
    let past = past(seed, target, practice.zone, until, days, None)?;
    Ok(past.flat_map(|call| {
        let created_at = call.truth.created_at;
        call.events.into_iter().map(move |event| {
            let at = created_at + SignedDuration::from_millis(i64::from(event.offset_ms));
            (at, json!({"message": event.message}))
        })
    }))
}

/// Posts the past of a practice to a target. Stops early when the token is cancelled. The provider, if there is one, knows
/// the calls from then on.
///
/// The truth that comes back expects what was acknowledged. The process must have installed its TLS provider.
pub async fn replay_history(
    seed: u64,
    target: &Target,
    zone: &str,
    until: Timestamp,
    days: u32,
    provider: Option<&Provider>,
    shutdown: &CancellationToken,
) -> anyhow::Result<Truth> {
    let client = deliver::client()?;
    let (ledger, _) = Ledger::new(seed, true, false);
    let mut posting = JoinSet::new();
    let recordings_base = provider.and_then(Provider::recordings_base);
    for call in past(seed, target.clone(), zone, until, days, recordings_base)? {
        if let Some(provider) = provider {
            provider.remember(&call.scenario, &call.wire, CallPace::Over);
        }
        if shutdown.is_cancelled() {
            break;
        }
        ledger.record(Line::Call(Box::new(call.truth))).await;
        posting.spawn(post_call(client.clone(), target.clone(), call.events, shutdown.clone()));
        while posting.len() >= POSTED_AT_ONCE {
            take_one(&mut posting, &ledger).await?;
        }
    }
    while !posting.is_empty() {
        take_one(&mut posting, &ledger).await?;
    }
    Ok(ledger.into_truth())
}

async fn take_one(posting: &mut JoinSet<anyhow::Result<Vec<Line>>>, ledger: &Ledger) -> anyhow::Result<()> {
    if let Some(ended) = posting.join_next().await {
        for line in ended.context("posting a past call broke off")?? {
            ledger.record(line).await;
        }
    }
    Ok(())
}

async fn post_call(
    client: reqwest::Client,
    target: Target,
    events: Vec<Event>,
    stop: CancellationToken,
) -> anyhow::Result<Vec<Line>> {
    let patience = Patience::default();
    let mut lines = Vec::new();
    for event in events {
        let delivery = Delivery { at: event.offset_ms, event, fault: None };
        let body = deliver::body(&delivery.event, 1);
        let parcel = Parcel { target: &target, event: &delivery.event, body: body.clone(), forged: false };
        let answer = deliver::post(&client, &parcel, &patience, &stop).await?;
        lines.push(Line::Event(record(&delivery, 1, Some((&body, &answer)))));
    }
    Ok(lines)
}

struct PastCall {
    scenario: Scenario,
    wire: WireOptions,
    truth: CallTruth,
    events: Vec<Event>,
}

fn past(
    seed: u64,
    target: Target,
    zone: &str,
    until: Timestamp,
    days: u32,
    recordings_base: Option<String>,
) -> anyhow::Result<impl Iterator<Item = PastCall>> {
    let mut wire = WireOptions {
        partial_transcripts: false,
        conversation_updates: false,
        speech_updates: false,
        ..WireOptions::default()
    };
    if let Some(base) = recordings_base {
        wire.recordings_base = base;
    }
    let zone = TimeZone::get(zone).with_context(|| format!("unknown time zone {zone}"))?;
    let last = until.to_zoned(zone.clone()).date();
    let first = last.checked_sub(i64::from(days).days())?;
    let scripts: Vec<_> =
        library().iter().filter(|script| script.fits(target.practice_kind, &target.language)).collect();
    let mut rng = rng::stream(seed, &format!("past of {}", target.org_label));
    let mut deck = Deck::new(scripts);
    let dates = first.series(1.day()).take_while(move |date| *date <= last);
    Ok(dates.flat_map(move |date| day(&mut rng, &mut deck, (&target, &wire), &zone, date, until)))
}

/// The calls of one day, in order.
fn day(
    rng: &mut ChaCha8Rng,
    deck: &mut Deck,
    (target, wire): (&Target, &WireOptions),
    zone: &TimeZone,
    date: Date,
    until: Timestamp,
) -> Vec<PastCall> {
    let mut times: Vec<Time> = (0..calls_on(rng, date.weekday())).map(|_| time_of_day(rng)).collect();
    times.sort_unstable();
    let mut taken = HashSet::new();
    times
        .into_iter()
        .filter(|time| taken.insert(*time))
        .filter_map(|time| {
            // An hour that the clocks skip in spring does not exist; the zone moves it to the next one that does.
            let created_at = zone.to_ambiguous_zoned(date.to_datetime(time)).compatible().ok()?.timestamp();
            let script = deck.draw(rng);
            let scenario = Scenario::draw(rng, target, script, created_at);
            (scenario.at(scenario.report_at) <= until).then(|| past_call(target, wire, scenario))
        })
        .collect()
}

fn past_call(target: &Target, options: &WireOptions, scenario: Scenario) -> PastCall {
    let mut timeline = wire::timeline(&scenario, options);
    let truth = CallTruth::of(&scenario, &timeline, target.practice_kind, target.connection_id);
    timeline.events.retain(|event| match &event.kind {
        EventKind::Status { status } => status == "in-progress" || status == "ended",
        kind => *kind == EventKind::Report,
    });
    PastCall { scenario, wire: options.clone(), truth, events: timeline.events }
}

fn calls_on(rng: &mut ChaCha8Rng, weekday: Weekday) -> u32 {
    let usual = match weekday {
        Weekday::Monday => 30,
        Weekday::Tuesday => 25,
        Weekday::Wednesday | Weekday::Thursday => 23,
        Weekday::Friday => 20,
        Weekday::Saturday => 7,
        Weekday::Sunday => 3,
    };
    usual * rng.random_range(80..=120) / 100
}

fn time_of_day(rng: &mut ChaCha8Rng) -> Time {
    let mut left = rng.random_range(0..HOURS.iter().sum::<u32>());
    let mut hour = 0;
    for (candidate, share) in (0_i8..).zip(HOURS) {
        hour = candidate;
        if left < share {
            break;
        }
        left -= share;
    }
    Time::constant(hour, rng.random_range(0..60), rng.random_range(0..60), 0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::practice::practices;

    fn until() -> Timestamp {
        // A Wednesday, in the afternoon in Europe.
        "2026-03-11T15:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_same_arguments_give_the_same_past() {
        let practice = &practices()[0];
        let all = |seed| -> Vec<String> {
            history(seed, practice, until(), 3).unwrap().map(|(at, message)| format!("{at} {message}")).collect()
        };
        assert_eq!(all(5), all(5));
        assert_ne!(all(5), all(6));
    }

    #[test]
    fn nothing_lies_in_the_future_and_every_call_is_finished() {
        for practice in practices() {
            let mut kinds: HashMap<String, Vec<String>> = HashMap::new();
            for (at, envelope) in history(1, practice, until(), 7).unwrap() {
                assert!(at <= until(), "{at}");
                let message = &envelope["message"];
                let kind = message["status"].as_str().or(message["type"].as_str()).unwrap().to_owned();
                kinds.entry(message["call"]["id"].as_str().unwrap().to_owned()).or_default().push(kind);
            }
            assert!((80..200).contains(&kinds.len()), "{}: {} calls in a week", practice.slug, kinds.len());
            for kinds in kinds.values() {
                let ended = ["ended", "end-of-call-report"];
                assert!(kinds == &ended || kinds == &["in-progress", ended[0], ended[1]], "{kinds:?}");
            }
        }
    }

    #[test]
    fn most_calls_come_in_office_hours_of_the_practice_and_few_on_sunday() {
        for practice in [&practices()[0], &practices()[3]] {
            let zone = TimeZone::get(practice.zone).unwrap();
            let begun: Vec<_> = past(3, Target::of_practice(practice, "", None, ""), practice.zone, until(), 14, None)
                .unwrap()
                .map(|call| call.truth.created_at.to_zoned(zone.clone()))
                .collect();
            let in_hours = begun.iter().filter(|at| (8..18).contains(&at.hour())).count();
            assert!(in_hours * 100 >= begun.len() * 85, "{}: {in_hours} of {}", practice.slug, begun.len());
            let on = |weekday| begun.iter().filter(|at| at.weekday() == weekday).count();
            assert!(on(Weekday::Monday) > 4 * on(Weekday::Sunday), "{}", practice.slug);
        }
    }

    #[test]
    fn an_unknown_zone_is_an_error() {
        let practice = Practice { zone: "Europe/Atlantis", ..practices()[0] };
        assert!(history(1, &practice, until(), 1).is_err());
    }
}
