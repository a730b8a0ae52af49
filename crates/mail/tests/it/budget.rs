//! The queue as the database works it, against a model of a page.

use jiff::{SignedDuration, Timestamp};
use mail::outbox::budget::{Spent, Verdict, used, verdict};
use mail::{Draft, Mailbox, Priority};
use platform::ids::MailId;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use test_support::TestDb;

use crate::support::{TestRelay, draft, drain, enqueue, hasty, outbox, worker};

struct Waiting {
    priority: Priority,
    due_at: Timestamp,
    id: MailId,
    recipients: u32,
}

/// What the worker should do at `now`: take the first due mail for as long as it fits.
fn model(queue: &mut Vec<Waiting>, ledger: &mut Vec<Spent>, sent: &mut Vec<MailId>, limit: u32, now: Timestamp) {
    queue.sort_by_key(|mail| (mail.priority, mail.due_at, mail.id));
    while let Some(at) = queue.iter().position(|mail| mail.due_at <= now) {
        let mail = &queue[at];
        match verdict(mail.priority, mail.recipients, used(ledger, now), limit) {
            Verdict::Waits => return,
            Verdict::NeverFits => drop(queue.remove(at)),
            Verdict::Fits => {
                let mail = queue.remove(at);
                ledger.push(Spent { at: now, recipients: mail.recipients });
                sent.push(mail.id);
            }
        }
    }
}

#[tokio::test]
async fn random_days_with_restarts_and_wrong_clocks_send_what_the_model_says() {
    let relay = TestRelay::start("fine").await;
    let priorities = vec![Priority::Security, Priority::Prospect, Priority::Sales, Priority::Bulk];
    let minutes = prop_oneof![6 => 0_i64..300, 1 => -2_000_i64..0, 1 => 300_i64..3_000];
    let step = (minutes, proptest::collection::vec((proptest::sample::select(priorities), 0_usize..3), 0..4));
    let life = (proptest::collection::vec(step, 5..15), 2_u32..12);
    let mut runner = TestRunner::deterministic();
    let mut taken = 0;
    for _ in 0..8 {
        let (steps, limit) = life.new_tree(&mut runner).unwrap().current();
        let db = TestDb::new().await;
        let org = db.organization("Harbour Dental").await;
        let (mut queue, mut ledger, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for (minutes, wanted) in steps {
            db.clock().advance(SignedDuration::from_mins(minutes));
            let now = db.clock().now();
            // A new worker each time: nothing is remembered but what is in the database.
            let outbox = outbox(&db, relay.settings(limit));
            for (priority, copies) in wanted {
                let copy = |n| Mailbox { name: String::new(), address: format!("copy{n}@example.com") };
                let mail = Draft { cc: (0..copies).map(copy).collect(), ..draft(priority, "ana") };
                let id = enqueue(&db, &outbox, org, vec![mail]).await[0];
                let recipients = u32::try_from(copies).unwrap() + 1;
                queue.push(Waiting { priority, due_at: now, id, recipients });
            }
            drain(&worker(&outbox, hasty())).await;
            model(&mut queue, &mut ledger, &mut gone, limit, now);
        }
        let mut accepted: Vec<MailId> = sqlx::query_scalar("select mail_id from mails where state = 'accepted'")
            .fetch_all(&mut db.admin().await)
            .await
            .unwrap();
        let rows: Vec<(jiff_sqlx::Timestamp, i16)> =
            sqlx::query_as("select at, recipients from mail_spending order by spending_id")
                .fetch_all(&mut db.admin().await)
                .await
                .unwrap();
        let written: Vec<Spent> = rows
            .into_iter()
            .map(|(at, recipients)| Spent { at: at.to_jiff(), recipients: u32::try_from(recipients).unwrap() })
            .collect();
        taken += accepted.len();
        accepted.sort();
        gone.sort();
        assert_eq!(accepted, gone);
        assert_eq!(written, ledger);
    }
    assert!(taken > 30, "{taken}: the lives are too quiet to prove anything");
    assert_eq!(relay.mails(taken).await.len(), taken);
}
