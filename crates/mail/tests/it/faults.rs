//! Everything that goes wrong at a relay, with a relay at which it goes wrong.

use jiff::SignedDuration;
use mail::relay::{FaultKind, Outcome, Patience};
use mail::{Draft, Mailbox, Outbox, Priority, Turn};
use platform::ids::MailId;
use std::time::Duration;
use test_support::TestDb;

use crate::support::{TestRelay, draft, drain, enqueue, hasty, kept, outbox, relay_settings, spent, worker};

/// One mail through a relay in some mode.
struct Case {
    db: TestDb,
    relay: TestRelay,
    outbox: Outbox,
    id: MailId,
}

async fn case(mode: &str, draft: Draft) -> Case {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let relay = TestRelay::start(mode).await;
    let outbox = outbox(&db, relay.settings(100));
    let id = enqueue(&db, &outbox, org, vec![draft]).await[0];
    Case { db, relay, outbox, id }
}

impl Case {
    async fn tried(&self) -> Outcome {
        self.tried_with(hasty()).await
    }

    async fn tried_with(&self, patience: Patience) -> Outcome {
        match worker(&self.outbox, patience).turn().await.unwrap() {
            Turn::Tried(outcome) => outcome,
            turn => panic!("{turn:?}"),
        }
    }

    async fn state(&self) -> String {
        kept(&self.db, self.id).await.0
    }
}

fn fault(outcome: &Outcome) -> FaultKind {
    match outcome {
        Outcome::RelayDown(fault) => fault.kind,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_greylisted_mail_waits_a_while_and_goes() {
    let case = case("greylist", draft(Priority::Prospect, "ana")).await;
    assert!(matches!(case.tried().await, Outcome::Deferred(reply) if reply.code == 451));
    assert_eq!(
        kept(&case.db, case.id).await,
        ("deferred".into(), Some("4.7.1 Greylisted, please try again later".into()), 1)
    );
    assert_eq!(spent(&case.db).await, 0, "what was refused is given back");
    let worker = worker(&case.outbox, hasty());
    assert!(matches!(worker.turn().await.unwrap(), Turn::Idle(Some(_))), "it is not tried again at once");
    case.db.clock().advance(SignedDuration::from_mins(3));
    assert!(matches!(worker.turn().await.unwrap(), Turn::Tried(Outcome::Accepted { .. })));
    assert_eq!(case.state().await, "accepted");
    assert_eq!(case.relay.mails(1).await.len(), 1);
}

#[tokio::test]
async fn a_mail_that_is_never_taken_is_given_up_with_the_relays_words() {
    let case = case("later", draft(Priority::Prospect, "ana")).await;
    let worker = worker(&case.outbox, hasty());
    for _ in 0..mail::outbox::model::MOST_ATTEMPTS {
        assert!(matches!(worker.turn().await.unwrap(), Turn::Tried(Outcome::Deferred(_))));
        case.db.clock().advance(SignedDuration::from_hours(8));
    }
    assert_eq!(kept(&case.db, case.id).await, ("failed".into(), Some("4.2.0 Not now".into()), 12));
    assert_eq!(worker.turn().await.unwrap(), Turn::Idle(None));
}

#[tokio::test]
async fn a_full_mailbox_is_final_and_no_reason_to_stop_writing_to_it() {
    let case = case("full", draft(Priority::Prospect, "ana")).await;
    assert!(matches!(case.tried().await, Outcome::Refused(reply) if reply.code == 552));
    assert_eq!(kept(&case.db, case.id).await, ("failed".into(), Some("5.2.2 Mailbox over quota".into()), 1));
    assert_eq!(spent(&case.db).await, 0);
    let suppressed: i64 = sqlx::query_scalar("select count(*) from mail_suppressions")
        .fetch_one(&mut case.db.admin().await)
        .await
        .unwrap();
    assert_eq!(suppressed, 0);
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_is_not_written_to_again() {
    let mut case = case("no_user", draft(Priority::Security, "ana")).await;
    assert!(matches!(case.tried().await, Outcome::Refused(_)));
    case.relay.mode("fine").await;
    let again = case.outbox.resend(platform::audit::Actor::System, org_of(&case).await, case.id).await.unwrap();
    assert_eq!(drain(&worker(&case.outbox, hasty())).await, (vec![], Turn::Idle(None)));
    assert_eq!(kept(&case.db, again).await.0, "suppressed");
}

async fn org_of(case: &Case) -> platform::ids::OrgId {
    sqlx::query_scalar("select org_id from mails limit 1").fetch_one(&mut case.db.admin().await).await.unwrap()
}

#[tokio::test]
async fn one_refused_copy_does_not_stop_the_others() {
    let copy = |name: &str| Mailbox { name: String::new(), address: format!("{name}@example.com") };
    let cc = vec![copy("first"), copy("bad"), copy("last")];
    let case = case("fine", Draft { cc, ..draft(Priority::Sales, "ana") }).await;
    assert!(matches!(case.tried().await, Outcome::Accepted { refused, .. } if refused.len() == 1));
    let mail = case.relay.mails(1).await.remove(0);
    assert_eq!(mail["envelope"]["to"], serde_json::json!(["ana@example.com", "first@example.com", "last@example.com"]));
    let refused: String = sqlx::query_scalar("select refused::text from mail_attempts")
        .fetch_one(&mut case.db.admin().await)
        .await
        .unwrap();
    assert!(refused.contains("bad@example.com") && refused.contains("No such user"), "{refused}");
    assert_eq!(spent(&case.db).await, 3, "the refused copy is given back");
}

#[tokio::test]
async fn a_connection_cut_after_the_words_leaves_a_mail_that_is_not_sent_again() {
    let case = case("cut_after_data", draft(Priority::Security, "ana")).await;
    assert!(matches!(case.tried().await, Outcome::Unknown(_)));
    assert_eq!(case.state().await, "unknown");
    assert_eq!(spent(&case.db).await, 1, "it may have counted");
    case.db.clock().advance(SignedDuration::from_hours(30));
    assert_eq!(drain(&worker(&case.outbox, hasty())).await, (vec![], Turn::Idle(None)));
    assert_eq!(case.relay.mails(1).await.len(), 1);
}

#[tokio::test]
async fn a_connection_cut_before_the_words_costs_nothing_and_the_mail_goes_later() {
    let mut case = case("cut_at_rcpt", draft(Priority::Security, "ana")).await;
    assert_eq!(fault(&case.tried().await), FaultKind::Broken);
    assert_eq!((kept(&case.db, case.id).await.2, spent(&case.db).await), (0, 0));
    case.relay.mode("fine").await;
    case.db.clock().advance(SignedDuration::from_mins(1));
    assert!(matches!(case.tried().await, Outcome::Accepted { .. }));
}

#[tokio::test]
async fn a_slow_relay_is_given_up_for_now() {
    let quick = Duration::from_millis(300);
    let impatient = Patience { command: quick, before_words: quick, words: quick, ..hasty() };
    let case = case("slow_at_rcpt", draft(Priority::Security, "ana")).await;
    assert_eq!(fault(&case.tried_with(impatient).await), FaultKind::Silent);
    assert_eq!(case.state().await, "queued");
}

#[tokio::test]
async fn a_relay_that_does_not_answer_the_words_leaves_us_not_knowing() {
    let quick = Duration::from_millis(300);
    let case = case("slow_at_data", draft(Priority::Security, "ana")).await;
    assert!(matches!(case.tried_with(Patience { words: quick, ..hasty() }).await, Outcome::Unknown(_)));
    assert_eq!(case.state().await, "unknown");
}

#[tokio::test]
async fn what_is_the_relays_fault_stops_no_mail_and_pauses_the_relay() {
    for (mode, kind) in [("bad_sender", FaultKind::Sender), ("quota", FaultKind::Quota), ("closing", FaultKind::Closed)]
    {
        let mut case = case(mode, draft(Priority::Prospect, "ana")).await;
        assert_eq!(fault(&case.tried().await), kind);
        assert_eq!(kept(&case.db, case.id).await.2, 0, "{mode}: no attempt is counted");
        assert_eq!((case.state().await.as_str(), spent(&case.db).await), ("queued", 0), "{mode}");
        assert!(matches!(worker(&case.outbox, hasty()).turn().await.unwrap(), Turn::Paused(_)), "{mode}");
        let health = case.outbox.health().await.unwrap();
        assert!(health.relay.unwrap().fault.unwrap().contains("the relay"), "{mode}");
        case.relay.mode("fine").await;
        case.db.clock().advance(SignedDuration::from_mins(30));
        assert!(matches!(case.tried().await, Outcome::Accepted { .. }), "{mode}");
        assert_eq!(case.outbox.health().await.unwrap().relay.unwrap().fault, None, "{mode}");
    }
}

#[tokio::test]
async fn a_relay_that_is_down_all_day_gets_everything_in_order_when_it_is_back() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    // A port that nobody listens on, and on which somebody will.
    let relay = TestRelay::start("fine").await;
    let port = relay.port();
    drop(relay);
    let outbox = outbox(&db, relay_settings(&format!("smtp://127.0.0.1:{port}"), 20));
    let worker = worker(&outbox, hasty());
    let order = [Priority::Bulk, Priority::Sales, Priority::Prospect, Priority::Security];
    let mut ids = Vec::new();
    for hour in 0..24 {
        let priority = order[hour % 4];
        ids.extend(enqueue(&db, &outbox, org, vec![draft(priority, &format!("{}{hour}", priority.as_str()))]).await);
        drain(&worker).await;
        db.clock().advance(SignedDuration::from_hours(1));
    }
    for id in &ids {
        assert_eq!(kept(&db, *id).await, ("queued".to_owned(), kept(&db, *id).await.1, 0));
    }
    assert!(outbox.health().await.unwrap().relay.unwrap().fault.unwrap().contains("refused"));

    let relay = TestRelay::with(&["--port", &port.to_string()]).await;
    let (outcomes, stopped) = drain(&worker).await;
    assert_eq!(outcomes.len(), 15, "sales may use three quarters of 20, and bulk waits behind");
    assert!(matches!(stopped, Turn::Spent(Some(_))));
    let sent: Vec<String> = relay
        .mails(15)
        .await
        .iter()
        .map(|mail| mail["envelope"]["to"][0].as_str().unwrap().trim_end_matches(char::is_numeric).to_owned())
        .collect();
    let expected = [("security", 6), ("prospect", 6), ("sales", 3)];
    let expected: Vec<&str> = expected.iter().flat_map(|(name, count)| vec![*name; *count]).collect();
    let sent: Vec<&str> = sent.iter().map(|to| to.split(|c: char| !c.is_alphabetic()).next().unwrap()).collect();
    assert_eq!(sent, expected);
    let forecast = outbox.forecast().await.unwrap();
    assert_eq!(forecast.len(), 9, "the rest waits and is told until when");
    assert!(forecast.iter().all(|(_, at)| at.is_some_and(|at| at > db.clock().now())));
    db.clock().advance(SignedDuration::from_hours(24));
    drain(&worker).await;
    db.clock().advance(SignedDuration::from_hours(24));
    drain(&worker).await;
    assert_eq!(relay.mails(24).await.len(), 24, "none is dropped");
}

#[tokio::test]
async fn a_mail_with_more_recipients_than_the_limit_is_given_up_visibly() {
    let copies = (0..3).map(|n| Mailbox { name: String::new(), address: format!("c{n}@example.com") }).collect();
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let relay = TestRelay::start("fine").await;
    let outbox = outbox(&db, relay.settings(3));
    let id = enqueue(&db, &outbox, org, vec![Draft { cc: copies, ..draft(Priority::Sales, "ana") }]).await[0];
    drain(&worker(&outbox, hasty())).await;
    let (state, words, _) = kept(&db, id).await;
    assert_eq!(state, "failed");
    assert!(words.unwrap().contains("VOXANNE_MAIL_DAILY_LIMIT"));
}

#[tokio::test]
async fn without_a_relay_mails_are_kept_and_nothing_is_tried() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let outbox = outbox(&db, crate::support::settings(&[]));
    let id = enqueue(&db, &outbox, org, vec![draft(Priority::Security, "ana")]).await[0];
    assert!(mail::Worker::new(&outbox, hasty()).unwrap().is_none());
    let health = outbox.health().await.unwrap();
    assert_eq!((health.relay, health.waiting), (None, 1));
    assert_eq!(kept(&db, id).await.0, "queued");
}
