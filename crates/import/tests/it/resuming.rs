//! Twice is once, and interrupted anywhere is as if it had not been.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use import::actions::import_folder;
use import::mapping::Mapping;
use import::model::{Reason, Table};
use import::reading::Folder;
use import::report::Report;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Value, json};

use crate::support::{Move, call_log, counts, id, met, org, tally, with};

/// A little of everything: rows of two practices in one file, calls in three tables, rows without organization, bad ones.
pub fn a_little_of_everything(moving: &Move) {
    moving.practices();
    let leads: Vec<Value> = (0..6)
        .map(|number| json!({ "id": id("lead", number), "org_id": org(1 + number % 2), "contact_name": "Amara Obi", "created_at": "2025-12-01T10:00:00Z" }))
        .collect();
    moving.lines(Table::Leads, &leads);
    let logs: Vec<Value> = (0..40)
        .map(|number| match number % 10 {
            0..5 => with(call_log(number), json!({ "org_id": org(1 + number % 2), "lead_id": id("lead", number % 6) })),
            5 => with(call_log(number), json!({ "agent_id": id("agent", 2) })),
            6 => with(call_log(number), json!({ "org_id": org(1), "duration_seconds": -1 })),
            7 => {
                with(call_log(number - 7), json!({ "org_id": org(1 + (number - 7) % 2), "id": id("log", number - 7) }))
            }
            _ => call_log(number),
        })
        .collect();
    moving.lines(Table::CallLogs, &logs);
    let tracked: Vec<Value> = (0..20)
        .map(|number| {
            json!({ "id": id("tracking", number), "org_id": org(1 + number * 2 % 2), "vapi_call_id": format!("call-{}", number * 2), "status": "completed",
                    "called_at": "2025-12-01T09:00:00Z", "phone": "nobody" })
        })
        .collect();
    moving.lines(Table::CallTracking, &tracked);
    let said: Vec<Value> = (0..25)
        .map(|number| {
            json!({ "id": id("line", number), "call_id": id("tracking", number), "speaker": "agent", "text": format!("sentence {number}"),
                    "timestamp": "2025-12-01T10:00:01Z" })
        })
        .collect();
    moving.lines(Table::CallTranscripts, &said);
}

#[tokio::test]
async fn twice_is_once() {
    let moving = Move::new().await;
    a_little_of_everything(&moving);
    let first = moving.rehearsed(&Mapping::default()).await;
    assert!(first.complete, "{}", first.text());
    let there = moving.everything().await;
    let second = moving.rehearsed(&Mapping::default()).await;
    assert_eq!(moving.everything().await, there, "the second time changes nothing");
    let (before, now) = (first.total(), second.total());
    assert_eq!((now.imported, now.merged, now.quarantined), (0, 0, before.quarantined), "{}", second.text());
    assert_eq!(now.already_there, before.imported + before.merged + before.already_there);
    assert!(met(&first, Reason::NoOrganization) > 0 && before.merged > 0, "{}", first.text());
}

#[tokio::test]
async fn a_later_export_adds_what_it_knows_and_changes_nothing_else() {
    let moving = Move::new().await;
    moving.practices();
    let row = with(call_log(1), json!({ "org_id": org(1) }));
    moving.lines(Table::CallLogs, std::slice::from_ref(&row));
    moving.run().await;
    moving.lines(Table::CallLogs, &[with(row, json!({ "caller_name": "Amara Obi", "cost": 0.5 }))]);
    let report = moving.rehearsed(&Mapping::default()).await;
    assert_eq!(counts(tally(&report, Table::CallLogs)), [1, 0, 0, 1, 0, 0]);
    assert_eq!(counts(tally(&report, Table::Agents)), [2, 0, 2, 0, 0, 0]);
    let call: Value = moving.one("select to_jsonb(l) from call_logs l").await;
    assert_eq!((&call["caller_name"], &call["cost_micros"]), (&json!("Amara Obi"), &json!(500_000)));
}

#[tokio::test]
async fn a_call_that_came_by_webhook_and_by_export_is_one_call() {
    let moving = Move::new().await;
    moving.practices();
    moving.run().await;
    moving.lines(Table::CallLogs, &[with(call_log(1), json!({ "org_id": org(1) }))]);
    let twin = Move::new().await;
    twin.practices();
    twin.lines(Table::CallLogs, &[with(call_log(1), json!({ "org_id": org(1) }))]);
    twin.run().await;
    report_by_webhook(&twin).await;
    report_by_webhook(&moving).await;
    let report = moving.rehearsed(&Mapping::default()).await;
    assert_eq!(counts(tally(&report, Table::CallLogs)), [1, 0, 0, 1, 0, 0], "{}", report.text());
    let facts = "select to_jsonb(l) - 'id' - 'created_at' - 'reported_at' from call_logs l";
    assert_eq!(moving.one::<Value>(facts).await, twin.one::<Value>(facts).await, "whichever came first");
}

async fn report_by_webhook(moving: &Move) {
    use voice::ingress::imports::{Imported, take_imported};
    let message = json!({ "message": { "type": "end-of-call-report", "timestamp": "2025-12-01T10:02:31Z", "endedReason": "customer-ended-call",
        "call": { "id": "call-1", "type": "inboundPhoneCall" }, "startedAt": "2025-12-01T10:00:01Z", "endedAt": "2025-12-01T10:02:30Z",
        "customer": { "number": "+12025550123" }, "analysis": { "summary": "They wanted to come in." } } });
    let event =
        voice::ingress::model::Event::from_received(providers::vapi::receive(message.to_string().as_bytes()).unwrap());
    let event = Imported { event, new_id: platform::ids::CallId::new(), agent: None, lead: None, plain_text: None };
    let mut tx = moving.importer.tenancy.tenant(platform::ids::OrgId::from_uuid(org(1))).await.unwrap();
    take_imported(&mut tx, &[&event]).await.unwrap();
    tx.commit().await.unwrap();
}

/// A future that is dropped after it has been polled so many times: a process that is killed there.
struct Killed<F> {
    future: F,
    polls: usize,
}

impl<F: Future + Unpin> Future for Killed<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        Pin::new(&mut self.future).poll(context).map(Some)
    }
}

async fn import_killed_after(moving: &Move, polls: usize) -> Option<Report> {
    let folder = Folder::open(&moving.folder).unwrap();
    let (mapping, mut watch) = (Mapping::default(), |_: import::actions::Progress<'_>| {});
    let future = pin!(import_folder(&moving.importer, &folder, &mapping, false, &mut watch, None));
    Killed { future, polls }.await.map(Result::unwrap)
}

proptest! {
    #![proptest_config(Config { cases: 10, max_shrink_iters: 0, ..Config::default() })]

    #[test]
    fn an_import_that_is_killed_anywhere_and_started_again_ends_the_same(
        kills in prop::collection::vec(1_usize..350, 1..7), chunk_rows in 3_usize..20
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let mut killed = Move::new().await;
            killed.importer.chunk_rows = chunk_rows;
            a_little_of_everything(&killed);
            let mut report = None;
            for polls in kills {
                report = import_killed_after(&killed, polls).await;
                if report.is_some() {
                    break;
                }
            }
            let report = match report {
                Some(report) => report,
                None => killed.run().await,
            };
            let mut whole = Move::new().await;
            whole.importer.chunk_rows = chunk_rows;
            a_little_of_everything(&whole);
            let expected = whole.run().await;
            // Killed after its last commit and before it could say so, everything is there already.
            let settled = |report: &Report| {
                let tallies = report.tables.iter();
                let count = |tally: &import::report::Tally| {
                    let here = tally.imported + tally.merged + tally.already_there;
                    (tally.read, here, tally.quarantined, tally.refused)
                };
                tallies.map(|(table, tally)| (*table, count(tally))).collect::<Vec<_>>()
            };
            assert_eq!(settled(&report), settled(&expected));
            assert_eq!(killed.everything().await, whole.everything().await);
        });
    }
}

#[tokio::test]
async fn two_imports_of_one_folder_at_once_take_everything_once() {
    let mut moving = Move::new().await;
    moving.importer.chunk_rows = 7;
    a_little_of_everything(&moving);
    let import = || async {
        let folder = Folder::open(&moving.folder).unwrap();
        import_folder(&moving.importer, &folder, &Mapping::default(), false, &mut |_| {}, None).await
    };
    let (one, other) = futures::join!(import(), import());
    assert!(one.is_ok() || other.is_ok(), "one of them goes through");
    let whole = Move::new().await;
    a_little_of_everything(&whole);
    let expected = whole.run().await;
    let report = moving.run().await;
    assert_eq!(report.total().imported + report.total().merged, 0, "nothing was left");
    assert_eq!(
        report.total().already_there,
        expected.total().imported + expected.total().merged + expected.total().already_there
    );
}
