//! Several workers, dead workers, sleeping workers: a mail goes at most once.

use jiff::SignedDuration;
use mail::relay::Outcome;
use mail::{Priority, Turn};
use platform::audit::Actor;
use platform::ids::MailId;
use platform::tasks::Tasks;
use std::time::Duration;
use test_support::TestDb;

use crate::support::{TestRelay, draft, drain, enqueue, hasty, kept, outbox, settings, spent, worker};

/// Longer than a lease.
const LATER: SignedDuration = SignedDuration::from_mins(20);

#[tokio::test]
async fn eight_workers_at_once_send_each_mail_once_and_stay_within_the_budget() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let relay = TestRelay::start("fine").await;
    let drafts = (0..30).map(|n| draft(Priority::Security, &format!("a{n}"))).collect();
    enqueue(&db, &outbox(&db, relay.settings(20)), org, drafts).await;
    let tasks = Tasks::new();
    let hands: Vec<_> = (0..8)
        .map(|_| {
            // Each has an outbox of its own, as another node would.
            let worker = worker(&outbox(&db, relay.settings(20)), hasty());
            tasks.spawn(async move { drain(&worker).await.0.len() })
        })
        .collect();
    let mut sent = 0;
    for hand in hands {
        sent += hand.await.unwrap();
    }
    assert_eq!(sent, 20);
    let mut to: Vec<String> =
        relay.mails(20).await.iter().map(|mail| mail["envelope"]["to"][0].as_str().unwrap().to_owned()).collect();
    to.sort();
    to.dedup();
    assert_eq!(to.len(), 20, "each once");
    assert_eq!(spent(&db).await, 20);
}

#[tokio::test]
async fn a_worker_that_dies_before_the_words_leaves_a_mail_that_another_sends() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let mut relay = TestRelay::start("slow_at_rcpt").await;
    let outbox = outbox(&db, relay.settings(100));
    let id = enqueue(&db, &outbox, org, vec![draft(Priority::Security, "ana")]).await[0];
    let first = worker(&outbox, hasty());
    let task = Tasks::new().spawn(async move { first.turn().await.unwrap() });
    relay.until(|seen| seen["saw"] == "rcpt").await;
    task.abort();
    assert_eq!(kept(&db, id).await.0, "sending");
    relay.mode("fine").await;
    let second = worker(&outbox, hasty());
    assert!(matches!(second.turn().await.unwrap(), Turn::Idle(_)), "nobody takes it while the lease runs");
    db.clock().advance(LATER);
    assert!(matches!(second.turn().await.unwrap(), Turn::Tried(Outcome::Accepted { .. })));
    assert_eq!((relay.mails(1).await.len(), spent(&db).await), (1, 1));
}

#[tokio::test]
async fn a_worker_that_dies_over_the_words_leaves_a_mail_that_nobody_sends_again() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let mut relay = TestRelay::start("slow_at_data").await;
    let outbox = outbox(&db, relay.settings(100));
    let id = enqueue(&db, &outbox, org, vec![draft(Priority::Security, "ana")]).await[0];
    let first = worker(&outbox, hasty());
    let task = Tasks::new().spawn(async move { first.turn().await.unwrap() });
    relay.until(|seen| seen["saw"] == "data").await;
    task.abort();
    relay.mode("fine").await;
    db.clock().advance(LATER);
    assert_eq!(drain(&worker(&outbox, hasty())).await, (vec![], Turn::Idle(None)));
    let (state, words, _) = kept(&db, id).await;
    assert_eq!(state, "unknown");
    assert!(words.unwrap().contains("died"));
    assert_eq!(spent(&db).await, 1, "it may have counted");
}

#[tokio::test]
async fn a_worker_that_slept_through_its_lease_sends_nothing() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let mut relay = TestRelay::start("slow_at_rcpt").await;
    let outbox = outbox(&db, relay.settings(100));
    let id = enqueue(&db, &outbox, org, vec![draft(Priority::Security, "ana")]).await[0];
    let sleeper = worker(&outbox, hasty());
    let task = Tasks::new().spawn(async move { sleeper.turn().await.unwrap() });
    relay.until(|seen| seen["saw"] == "rcpt").await;
    relay.mode("fine").await;
    db.clock().advance(LATER);
    assert!(matches!(worker(&outbox, hasty()).turn().await.unwrap(), Turn::Tried(Outcome::Accepted { .. })));
    relay.go().await;
    assert_eq!(task.await.unwrap(), Turn::Tried(Outcome::Lost));
    assert_eq!(kept(&db, id).await.0, "accepted");
    assert_eq!(relay.mails(1).await.len(), 1);
    assert_eq!(spent(&db).await, 1);
}

#[tokio::test]
async fn a_worker_taken_for_dead_over_the_words_still_tells_what_it_learned() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let mut relay = TestRelay::start("slow_at_data").await;
    let outbox = outbox(&db, relay.settings(100));
    let id = enqueue(&db, &outbox, org, vec![draft(Priority::Security, "ana")]).await[0];
    let slow = worker(&outbox, hasty());
    let task = Tasks::new().spawn(async move { slow.turn().await.unwrap() });
    relay.until(|seen| seen["saw"] == "data").await;
    db.clock().advance(LATER);
    assert!(matches!(worker(&outbox, hasty()).turn().await.unwrap(), Turn::Idle(None)));
    assert_eq!(kept(&db, id).await.0, "unknown");
    relay.go().await;
    assert!(matches!(task.await.unwrap(), Turn::Tried(Outcome::Accepted { .. })));
    assert_eq!(kept(&db, id).await.0, "accepted");
}

#[tokio::test]
async fn a_waked_worker_sends_without_being_asked() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let relay = TestRelay::start("fine").await;
    let outbox = outbox(&db, relay.settings(100));
    let tasks = Tasks::new();
    worker(&outbox, hasty()).start(&tasks);
    enqueue(&db, &outbox, org, vec![draft(Priority::Security, "ana"), draft(Priority::Sales, "bob")]).await;
    outbox.wake();
    assert_eq!(relay.mails(2).await.len(), 2);
    assert!(tasks.stop_and_wait(Duration::from_secs(20)).await);
}

#[tokio::test]
async fn sending_again_is_another_mail_with_an_audit_row() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let relay = TestRelay::start("fine").await;
    let outbox = outbox(&db, relay.settings(100));
    let id = enqueue(&db, &outbox, org, vec![draft(Priority::Prospect, "ana")]).await[0];
    assert!(outbox.resend(Actor::System, org, id).await.is_err(), "it still waits");
    let worker = worker(&outbox, hasty());
    drain(&worker).await;
    let again = outbox.resend(Actor::System, org, id).await.unwrap();
    drain(&worker).await;
    let mails = relay.mails(2).await;
    let message_id = |mail: &serde_json::Value| {
        let headers = mail["headers"].as_array().unwrap();
        headers.iter().find(|header| header[0] == "Message-ID").unwrap()[1].as_str().unwrap().to_owned()
    };
    assert_ne!(message_id(&mails[0]), message_id(&mails[1]));
    assert_eq!(mails[0]["parts"], mails[1]["parts"]);
    let actions: Vec<String> =
        sqlx::query_scalar("select action from audit_log").fetch_all(&mut db.admin().await).await.unwrap();
    assert_eq!(actions, ["mail.resent"]);
    assert_eq!(kept(&db, again).await.0, "accepted");
}

#[tokio::test]
async fn words_are_forgotten_and_the_record_stays() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let relay = TestRelay::start("fine").await;
    let outbox = outbox(&db, relay.settings(100));
    let id = enqueue(&db, &outbox, org, vec![draft(Priority::Prospect, "ana")]).await[0];
    drain(&worker(&outbox, hasty())).await;
    assert_eq!(mail::outbox::jobs::forget(&outbox).await.unwrap(), 0);
    db.clock().advance(SignedDuration::from_hours(31 * 24));
    assert_eq!(mail::outbox::jobs::forget(&outbox).await.unwrap(), 1);
    assert_eq!(kept(&db, id).await.0, "accepted");
    assert!(matches!(outbox.resend(Actor::System, org, id).await, Err(mail::MailError::Forgotten)));
}

#[tokio::test]
async fn mails_are_kept_for_ever_or_as_long_as_the_operator_says() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let keeping = |days: &[(&str, &str)]| outbox(&db, settings(days));
    let ids = enqueue(
        &db,
        &keeping(&[]),
        org,
        vec![draft(Priority::Prospect, "old"), draft(Priority::Prospect, "waits"), draft(Priority::Prospect, "fresh")],
    )
    .await;
    let day = jiff::SignedDuration::from_hours(24);
    let set = "update mails set state = 'delivered', ended_at = $2 where mail_id = $1";
    for (id, ended_at) in [(ids[0], db.clock().now()), (ids[2], db.clock().now() + 100 * day)] {
        sqlx::query(set)
            .bind(id)
            .bind(jiff_sqlx::ToSqlx::to_sqlx(ended_at))
            .execute(&mut db.admin().await)
            .await
            .unwrap();
    }
    let told = "insert into mail_events (org_id, mail_id, event_id, source, dedup_key, kind, at, received_at)
                select org_id, mail_id, mail_id, 'x', mail_id::text, 'delivered', now(), now() from mails";
    sqlx::query(told).execute(&mut db.admin().await).await.unwrap();
    let again = keeping(&[]).resend(Actor::System, org, ids[0]).await.unwrap();
    db.clock().advance(91 * day);
    let kept = async || -> Vec<MailId> {
        sqlx::query_scalar("select mail_id from mails order by mail_id").fetch_all(&mut db.admin().await).await.unwrap()
    };
    mail::outbox::jobs::forget(&keeping(&[])).await.unwrap();
    assert_eq!(kept().await.len(), 4, "by default every mail stays");
    let ninety = keeping(&[("VOXANNE_MAIL_KEEP_DAYS", "90")]);
    mail::outbox::jobs::forget(&ninety).await.unwrap();
    assert_eq!(kept().await.len(), 4, "one that was sent again stays as long as its copy");
    sqlx::query(set)
        .bind(again)
        .bind(jiff_sqlx::ToSqlx::to_sqlx(db.clock().now() - 91 * day))
        .execute(&mut db.admin().await)
        .await
        .unwrap();
    mail::outbox::jobs::forget(&ninety).await.unwrap();
    assert_eq!(kept().await, [ids[1], ids[2]], "one that waits is never removed");
}
