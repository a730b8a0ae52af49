//! Any order, any repetition: the rows of a call are what its events say, however the network shuffled them.

use futures::StreamExt as _;
use platform::ids::OrgId;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::messages::{self, ASSISTANT, OURS, OURS_REF, Shows, at, clock, message};
use crate::rows;
use crate::support::Desk;

/// An organization whose number is answered by one agent while the provider may name another.
async fn practice(desk: &Desk, name: &str) -> OrgId {
    let org = desk.db.organization(name).await;
    desk.map(org, OURS, Some(OURS_REF), "By number", "asst-of-the-number").await;
    desk.agent(org, "By assistant", ASSISTANT).await;
    org
}

fn permutations(of: usize) -> Vec<Vec<usize>> {
    if of == 0 {
        return vec![Vec::new()];
    }
    permutations(of - 1)
        .into_iter()
        .flat_map(|shorter| {
            (0..of).map(move |place| {
                let mut longer = shorter.clone();
                longer.insert(place, of - 1);
                longer
            })
        })
        .collect()
}

/// Sends every permutation of `events`, each about a call of its own, and compares its rows with the in-order ones.
async fn every_order_ends_in_the_same_rows(events: &[Value]) {
    let desk = Desk::new().await;
    let mut orgs = Vec::new();
    for name in ["North", "East", "South", "West"] {
        orgs.push(practice(&desk, name).await);
    }
    let orders = permutations(events.len());
    futures::stream::iter(orders.iter().enumerate())
        .for_each_concurrent(orgs.len(), |(number, order)| {
            let (desk, org) = (&desk, orgs[number % orgs.len()]);
            async move {
                for event in order {
                    desk.take(Some(org), &messages::about(&events[*event], &format!("order-{number:04}"))).await;
                }
            }
        })
        .await;
    for org in &orgs {
        for event in events {
            desk.take(Some(*org), &messages::about(event, &format!("in-order-{org}"))).await;
        }
    }
    voice::calls::jobs::index_all(&desk.tenancy).await.unwrap();
    let mut admin = desk.db.admin().await;
    for (number, order) in orders.iter().enumerate() {
        let org = orgs[number % orgs.len()];
        let expected = rows::of_call(&mut admin, org, &format!("in-order-{org}")).await;
        let found = rows::of_call(&mut admin, org, &format!("order-{number:04}")).await;
        let differences: Vec<_> =
            rows::differences(&expected, &found).into_iter().filter(|line| !line.starts_with(".events")).collect();
        assert!(differences.is_empty(), "{order:?} differs from in-order: {differences:#?}");
        let count = |rows: &Value| rows["events"].as_array().map(Vec::len);
        assert_eq!(count(&expected), count(&found), "{order:?}");
    }
    desk.close().await;
}

#[tokio::test]
async fn all_720_orders_of_a_usual_call_end_in_the_same_rows() {
    every_order_ends_in_the_same_rows(&[
        messages::status("ringing", 0.0),
        messages::status("in-progress", 3.0),
        messages::said("user", "I would like a check-up.", 7.0),
        messages::tool_call("tool-1", "find_slot", 20.0),
        messages::ended(64.0, "customer-ended-call"),
        messages::report(),
    ])
    .await;
}

/// The order of reports is the hard one: each knows something the other does not, and live events know better than both.
#[tokio::test]
async fn all_orders_of_two_poor_reports_end_in_the_same_rows() {
    let bare = Shows(Shows::KIND | Shows::CREATED | Shows::TIMESTAMP);
    let reports = [
        json!({ "endedReason": "silence-timed-out", "durationSeconds": 50 }),
        json!({ "startedAt": clock(4.0), "analysis": { "summary": "Nothing was agreed." },
                "artifact": { "recordingUrl": "https://recordings.example.test/b.wav", "transcript": "AI: Good morning.\nUser: Hello." } }),
    ];
    let report = |at, extra| message("end-of-call-report", at, bare, "inboundPhoneCall", extra);
    every_order_ends_in_the_same_rows(&[
        message("status-update", 3.0, bare, "inboundPhoneCall", &json!({ "status": "in-progress" })),
        message(
            "status-update",
            64.0,
            bare,
            "inboundPhoneCall",
            &json!({ "status": "ended", "endedReason": "customer-ended-call" }),
        ),
        messages::said("assistant", "Good morning.", 5.0),
        report(66.0, &reports[0]),
        report(90.0, &reports[1]),
    ])
    .await;
}

// --- random calls --------------------------------------------------------------------------------------------------

const KINDS: [&str; 3] = ["inboundPhoneCall", "outboundPhoneCall", "webCall"];
const REASONS: [&str; 4] =
    ["customer-ended-call", "silence-timed-out", "assistant-forwarded-call", "a-reason-nobody-knows"];
const OUTCOMES: [&str; 3] = ["booked", "callback", "answered"];
const LANGUAGES: [&str; 3] = ["de", "en-GB", "fr"];
const WORDS: [&str; 6] = ["yes", "Tuesday please", "Zahnarzt", "a check-up", "no", "thank you"];

#[derive(Clone, Debug)]
struct ReportShape {
    has_start: bool,
    has_end: bool,
    reason: Option<usize>,
    turns: usize,
    recording: Option<usize>,
    outcome: Option<usize>,
    summary: Option<usize>,
    cost: Option<u32>,
}

fn report_shape() -> impl Strategy<Value = ReportShape> {
    (
        any::<bool>(),
        any::<bool>(),
        prop::option::of(0..REASONS.len()),
        0..4_usize,
        prop::option::of(0..2_usize),
        prop::option::of(0..3_usize),
        prop::option::of(0..3_usize),
        prop::option::of(0..900_u32),
    )
        .prop_map(|(has_start, has_end, reason, turns, recording, outcome, summary, cost)| ReportShape {
            has_start,
            has_end,
            reason,
            turns,
            recording,
            outcome,
            summary,
            cost,
        })
}

impl ReportShape {
    fn extra(&self, number: usize) -> Value {
        #[expect(clippy::cast_precision_loss, reason = "a handful of reports and turns")]
        let (number_f, turn) = (number as f64, |turn: usize| turn as f64);
        let mut extra = json!({ "artifact": {}, "analysis": {} });
        if self.has_start {
            extra["startedAt"] = json!(clock(3.5 + number_f));
        }
        if self.has_end {
            extra["endedAt"] = json!(clock(63.5 + number_f));
        }
        if let Some(reason) = self.reason {
            extra["endedReason"] = json!(REASONS[reason]);
        }
        if self.turns > 0 {
            let turns = (0..self.turns).map(|place| {
                let role = if place % 2 == 0 { "bot" } else { "user" };
                json!({ "role": role, "message": WORDS[place], "time": at(5.0 + turn(place)) })
            });
            extra["artifact"]["messages"] = turns.collect();
        }
        if let Some(recording) = self.recording {
            extra["artifact"]["recordingUrl"] = json!(format!("https://recordings.example.test/{recording}.wav"));
        }
        if let Some(outcome) = self.outcome {
            extra["analysis"]["structuredData"] = json!({ "outcome": OUTCOMES[outcome] });
        }
        if let Some(summary) = self.summary {
            extra["analysis"]["summary"] = json!(["Short.", "A longer summary.", "The other one."][summary]);
        }
        if let Some(cost) = self.cost {
            extra["cost"] = json!(f64::from(cost) / 1000.0);
        }
        extra
    }
}

/// The events of one call in the order in which they happened.
fn call() -> impl Strategy<Value = Vec<Value>> {
    let statuses = prop::collection::vec(any::<bool>(), 5);
    let turns = prop::collection::vec((any::<bool>(), 0..WORDS.len(), 0..12_u8, prop::bool::weighted(0.8)), 0..5);
    let languages = prop::collection::vec((0..3_usize, 0..3_u8), 0..3);
    let others = (any::<bool>(), 0..3_usize, prop::option::of(0..2_usize), any::<bool>());
    let reports = prop::collection::vec(report_shape(), 0..3);
    let shown = prop::collection::vec(0..=0x1ff_u16, 24);
    (0..KINDS.len(), statuses, turns, languages, others, reports, shown).prop_map(
        |(kind, statuses, turns, languages, (asks, tools, transfer, speech), reports, shown)| {
            let mut events: Vec<(&str, f64, Value)> = Vec::new();
            if asks && kind == 0 {
                events.push(("assistant-request", 0.25, json!({})));
            }
            for (place, status) in ["queued", "ringing", "in-progress", "forwarding", "ended"].into_iter().enumerate() {
                if statuses[place] {
                    let mut extra = json!({ "status": status });
                    if status == "ended" {
                        extra["endedReason"] = json!(REASONS[turns.len() % REASONS.len()]);
                    }
                    events.push(("status-update", [0.1, 1.0, 3.0, 55.0, 64.0][place], extra));
                }
            }
            for (caller, words, second, is_final) in turns {
                let role = if caller { "user" } else { "assistant" };
                let kind = if is_final { "final" } else { "partial" };
                let extra = json!({ "role": role, "transcriptType": kind, "transcript": WORDS[words] });
                events.push(("transcript", 5.0 + f64::from(second), extra));
            }
            for (language, second) in languages {
                let extra = json!({ "language": LANGUAGES[language] });
                events.push(("language-change-detected", 10.0 + f64::from(second), extra));
            }
            for tool in 0..tools {
                let call = |id: usize| json!({ "id": format!("tool-{id}"), "function": { "name": "find_slot", "arguments": "{}" } });
                // The second message repeats the first one's call beside its own.
                let calls: Vec<Value> = (0..=tool).map(call).collect();
                events.push(("tool-calls", 20.0, json!({ "toolCallList": calls })));
            }
            if let Some(place) = transfer {
                let number = ["+442079460199", "+12025550188"][place];
                events.push(("transfer-update", 50.0, json!({ "destination": { "type": "number", "number": number } })));
            }
            if speech {
                events.push(("speech-update", 6.0, json!({ "status": "started", "role": "user" })));
            }
            for (number, report) in reports.iter().enumerate() {
                events.push(("end-of-call-report", 66.0 + 9.0 * [0.0, 1.0, 2.0][number], report.extra(number)));
            }
            if events.is_empty() {
                events.push(("hang", 12.0, json!({})));
            }
            let mut made = Vec::new();
            let mut known = std::collections::HashSet::new();
            for (place, (name, seconds, extra)) in events.into_iter().enumerate() {
                // Without any time in any message the call's time would be the time of receipt.
                let always = if place == 0 { Shows::CREATED } else { 0 };
                let message = message(name, seconds, Shows(shown[place % shown.len()] | always), KINDS[kind], &extra);
                // Two messages of one identity are one event; whichever comes first is kept, so they would be no permutation.
                let received = providers::vapi::receive(message.to_string().as_bytes()).unwrap();
                if known.insert((received.dedup_key, received.facts_digest)) {
                    made.push(message);
                }
            }
            made
        },
    )
}

/// What happens: calls with their organization, and in which order their events arrive.
#[derive(Clone, Debug)]
struct Day {
    calls: Vec<(usize, Vec<Value>)>,
    arrivals: Vec<(usize, usize)>,
    /// After so many arrivals the search index is brought up to date in between.
    indexed_after: usize,
}

const ORGS: usize = 3;

fn day() -> impl Strategy<Value = Day> {
    prop::collection::vec((0..ORGS, call()), 1..4).prop_flat_map(|calls| {
        let all: Vec<(usize, usize)> = calls
            .iter()
            .enumerate()
            .flat_map(|(call, (_, events))| (0..events.len()).map(move |event| (call, event)))
            .collect();
        let again = prop::collection::vec(any::<Index>(), 0..6);
        (Just(calls), Just(all), again, any::<Index>()).prop_flat_map(|(calls, all, again, indexed)| {
            let mut arrivals = all.clone();
            arrivals.extend(again.iter().map(|index| all[index.index(all.len())]));
            let indexed_after = indexed.index(arrivals.len());
            (Just(calls), Just(arrivals).prop_shuffle(), Just(indexed_after))
                .prop_map(|(calls, arrivals, indexed_after)| Day { calls, arrivals, indexed_after })
        })
    })
}

/// The same cases in every run; with `PROPTEST_CASES` so many new ones.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 16, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        let asked = Config { failure_persistence: None, max_shrink_iters: 16, ..Config::default() };
        return TestRunner::new(asked);
    }
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn any_order_and_repetition_of_several_calls_ends_in_the_same_rows() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (desk, in_order, shuffled) = runtime.block_on(async {
        let desk = Desk::new().await;
        let (mut in_order, mut shuffled) = (Vec::new(), Vec::new());
        for number in 0..ORGS {
            in_order.push(practice(&desk, &format!("In order {number}")).await);
            shuffled.push(practice(&desk, &format!("Shuffled {number}")).await);
        }
        (desk, in_order, shuffled)
    });
    let counter = std::cell::Cell::new(0_usize);
    let result = runner(100).run(&day(), |day| {
        counter.set(counter.get() + 1);
        let case = counter.get();
        runtime.block_on(async {
            let name = |side: &str, call: usize| format!("{side}-{case:05}-{call}");
            for (number, (org, events)) in day.calls.iter().enumerate() {
                for event in events {
                    desk.take(Some(in_order[*org]), &messages::about(event, &name("straight", number))).await;
                }
            }
            for (place, (call, event)) in day.arrivals.iter().enumerate() {
                let (org, events) = &day.calls[*call];
                desk.take(Some(shuffled[*org]), &messages::about(&events[*event], &name("shuffled", *call))).await;
                if place == day.indexed_after {
                    voice::calls::jobs::index_all(&desk.tenancy).await.unwrap();
                }
            }
            voice::calls::jobs::index_all(&desk.tenancy).await.unwrap();
            let mut admin = desk.db.admin().await;
            for (number, (org, _)) in day.calls.iter().enumerate() {
                let expected = rows::of_call(&mut admin, in_order[*org], &name("straight", number)).await;
                let found = rows::of_call(&mut admin, shuffled[*org], &name("shuffled", number)).await;
                let mut differences = rows::differences(&expected, &found);
                if expected["log"]["status"] != "ended" {
                    // The words of a call that goes on are indexed when it ends.
                    differences.retain(|line| !line.starts_with(".words"));
                }
                if !differences.is_empty() || expected.is_null() {
                    return Err(TestCaseError::fail(format!("call {number}: {differences:#?}")));
                }
            }
            Ok(())
        })
    });
    if let Err(TestError::Fail(why, day)) = &result {
        let events: Vec<_> = day.arrivals.iter().map(|(call, event)| day.calls[*call].1[*event].to_string()).collect();
        panic!("{why}\narrivals: {events:#?}");
    }
    result.unwrap();
    runtime.block_on(async {
        let holes = "select count(*) from live_heads h
                      where h.seq <> (select count(*) from live_events e where e.org_id = h.org_id)";
        assert_eq!(desk.count(holes).await, 0, "live numbers have holes");
        desk.close().await;
    });
}

/// Eight deliveries at once, many of them of the same call: nothing is lost, doubled, or answered with an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_deliveries_end_in_the_same_rows() {
    let desk = Desk::new().await;
    let (calm, rush) = (practice(&desk, "Calm").await, practice(&desk, "Rush").await);
    let mut events = vec![
        messages::status("queued", 0.0),
        messages::status("ringing", 0.5),
        messages::status("in-progress", 3.0),
        messages::tool_call("tool-1", "find_slot", 20.0),
        messages::ended(64.0, "customer-ended-call"),
        messages::report(),
    ];
    events.extend((0..6_u8).map(|second| messages::said("user", "yes", 5.0 + f64::from(second))));
    for event in &events {
        desk.take(Some(calm), &messages::about(event, "calm")).await;
    }
    let deliveries = (0..12).flat_map(|call| events.iter().chain(&events).map(move |event| (call, event)));
    futures::stream::iter(deliveries)
        .for_each_concurrent(8, |(call, event)| {
            let desk = &desk;
            async move {
                desk.take(Some(rush), &messages::about(event, &format!("rush{}", call % 4))).await;
            }
        })
        .await;
    voice::calls::jobs::index_all(&desk.tenancy).await.unwrap();
    let mut admin = desk.db.admin().await;
    let expected = rows::of_call(&mut admin, calm, "calm").await;
    for call in 0..4 {
        let found = rows::of_call(&mut admin, rush, &format!("rush{call}")).await;
        let differences: Vec<_> =
            rows::differences(&expected, &found).into_iter().filter(|line| !line.starts_with(".events")).collect();
        assert!(differences.is_empty(), "{differences:#?}");
        assert_eq!(found["events"].as_array().unwrap().len(), events.len());
    }
    desk.close().await;
}
