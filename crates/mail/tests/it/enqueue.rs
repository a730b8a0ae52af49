//! A mail and what it tells about are one transaction.

use mail::{MailError, Priority};
use test_support::TestDb;

use crate::support::{draft, outbox, settings};

async fn count(db: &TestDb) -> i64 {
    sqlx::query_scalar("select count(*) from mails").fetch_one(&mut db.admin().await).await.unwrap()
}

#[tokio::test]
async fn a_mail_exists_if_and_only_if_its_transaction_committed() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let outbox = outbox(&db, settings(&[]));
    let mut tx = db.tenancy().tenant(org).await.unwrap();
    outbox.enqueue(&mut tx, draft(Priority::Prospect, "ana")).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(count(&db).await, 0);
    let mut tx = db.tenancy().tenant(org).await.unwrap();
    outbox.enqueue(&mut tx, draft(Priority::Prospect, "ana")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn the_same_key_twice_is_one_mail_and_another_organizations_is_another() {
    let db = TestDb::new().await;
    let (one, two) = (db.organization("Harbour Dental").await, db.organization("Hill Dental").await);
    let outbox = outbox(&db, settings(&[]));
    let keyed = || mail::Draft { once: Some("booking/1/confirmed".into()), ..draft(Priority::Prospect, "ana") };
    let mut tx = db.tenancy().system("a test").await.unwrap();
    let first = outbox.enqueue_for(&mut tx, one, keyed()).await.unwrap();
    let again = outbox.enqueue_for(&mut tx, one, keyed()).await.unwrap();
    let other = outbox.enqueue_for(&mut tx, two, keyed()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert_eq!(count(&db).await, 2);
}

#[tokio::test]
async fn what_is_written_is_sealed() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let outbox = outbox(&db, settings(&[]));
    let mut tx = db.tenancy().tenant(org).await.unwrap();
    let id = outbox.enqueue(&mut tx, draft(Priority::Security, "ana")).await.unwrap();
    tx.commit().await.unwrap();
    let (sealed, row): (Vec<u8>, String) =
        sqlx::query_as("select sealed, m::text from mails m").fetch_one(&mut db.admin().await).await.unwrap();
    assert!(!row.contains("Tuesday"), "{row}");
    assert_eq!(outbox.open(org, id, &sealed).unwrap().text, "Tuesday at nine.");
    assert!(outbox.open(org, mail_id_of_another(), &sealed).is_err(), "sealed words open in their own row only");
}

fn mail_id_of_another() -> platform::ids::MailId {
    platform::ids::MailId::new()
}

#[tokio::test]
async fn a_line_break_in_a_name_is_refused_and_named() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let outbox = outbox(&db, settings(&[]));
    let mut evil = draft(Priority::Prospect, "ana");
    evil.to.name = "Ana\r\nBcc: everybody@example.org".into();
    let mut tx = db.tenancy().tenant(org).await.unwrap();
    let refused = outbox.enqueue(&mut tx, evil).await.unwrap_err();
    tx.commit().await.unwrap();
    assert!(matches!(&refused, MailError::Invalid { field, .. } if field == "to.name"), "{refused}");
    assert!(!refused.to_string().contains("everybody"));
    assert_eq!(count(&db).await, 0);
}
