//! What the relay gets, as somebody else's parser reads it.

use mail::relay::Outcome;
use mail::{Calendar, CalendarMethod, Draft, Mailbox, Priority};
use serde_json::{Value, json};
use test_support::TestDb;

use crate::support::{TestRelay, draft, drain, enqueue, hasty, kept, outbox, spent, worker};

fn header<'a>(mail: &'a Value, name: &str) -> Option<&'a str> {
    let headers = mail["headers"].as_array().unwrap();
    headers.iter().find(|header| header[0] == name).map(|header| header[1].as_str().unwrap())
}

async fn sent(draft: Draft) -> Value {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let relay = TestRelay::start("fine").await;
    let outbox = outbox(&db, relay.settings(100));
    let id = enqueue(&db, &outbox, org, vec![draft]).await[0];
    drain(&worker(&outbox, hasty())).await;
    assert_eq!(kept(&db, id).await.0, "accepted");
    relay.mails(1).await.remove(0)
}

#[tokio::test]
async fn a_mail_is_read_by_another_parser_as_it_was_written() {
    let text = "Grüße,\n.\nein Punkt steht allein\nFrom here";
    let mail = sent(Draft {
        to: Mailbox { name: "Zoë \"Z\" Müller, DDS".into(), address: "zoe@example.com".into() },
        cc: vec![Mailbox { name: String::new(), address: "copy@example.com".into() }],
        reply_to: Some(Mailbox { name: "The desk".into(), address: "desk@example.org".into() }),
        subject: "Ihr Termin – موعدك – 予約".repeat(4),
        text: text.into(),
        html: "<!doctype html><p>Grüße</p>".into(),
        ..draft(Priority::Prospect, "zoe")
    })
    .await;
    assert_eq!(mail["defects"], json!([]), "{mail}");
    assert_eq!(mail["ascii"], true);
    assert_eq!(mail["structure"], json!(["multipart/alternative", "text/plain", "text/html"]));
    assert_eq!(mail["parts"][0]["text"].as_str().unwrap().trim_end().replace("\r\n", "\n"), text);
    assert!(mail["parts"][1]["text"].as_str().unwrap().contains("Grüße"));
    assert_eq!(header(&mail, "Subject").unwrap(), "Ihr Termin – موعدك – 予約".repeat(4));
    assert_eq!(header(&mail, "To").unwrap(), "\"Zoë \\\"Z\\\" Müller, DDS\" <zoe@example.com>");
    assert_eq!(header(&mail, "From").unwrap(), "Harbour Dental <hello@example.org>");
    assert_eq!(header(&mail, "Reply-To").unwrap(), "The desk <desk@example.org>");
    assert_eq!(header(&mail, "Auto-Submitted").unwrap(), "auto-generated");
    assert_eq!(header(&mail, "Date").unwrap(), "Tue, 24 Nov 2026 14:00:00 +0000");
    assert!(header(&mail, "Message-ID").unwrap().ends_with("@example.org>"));
    assert_eq!(header(&mail, "List-Unsubscribe"), None, "it is for bulk mails");
    assert_eq!(mail["envelope"], json!({ "from": "hello@example.org", "to": ["zoe@example.com", "copy@example.com"] }));
}

#[tokio::test]
async fn an_appointment_is_a_part_that_calendars_act_on_and_a_file() {
    let body = "BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\nSUMMARY:Vorführung für Zoë\r\nEND:VCALENDAR\r\n";
    let calendar = Some(Calendar { method: CalendarMethod::Cancel, body: body.to_owned() });
    let mail = sent(Draft { calendar, ..draft(Priority::Prospect, "ana") }).await;
    assert_eq!(mail["defects"], json!([]), "{mail}");
    assert_eq!(
        mail["structure"],
        json!([
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "text/calendar",
            "application/ics"
        ])
    );
    let (part, file) = (&mail["parts"][2], &mail["parts"][3]);
    assert_eq!((&part["method"], &part["charset"]), (&json!("CANCEL"), &json!("utf-8")));
    for one in [part, file] {
        assert_eq!(one["text"].as_str().unwrap().replace("\r\n", "\n"), body.replace("\r\n", "\n"));
    }
    assert_eq!(file["file"], "cancelled.ics");
}

#[tokio::test]
async fn a_mail_to_many_says_how_to_get_no_more() {
    let mail = sent(draft(Priority::Bulk, "ana")).await;
    assert_eq!(header(&mail, "List-Unsubscribe").unwrap(), "<mailto:hello@example.org?subject=unsubscribe>");
}

#[tokio::test]
async fn the_relays_answer_is_kept_and_called_accepted_and_not_delivered() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let relay = TestRelay::start("fine").await;
    let outbox = outbox(&db, relay.settings(100));
    let copy = Mailbox { name: String::new(), address: "copy@example.com".into() };
    let id = enqueue(&db, &outbox, org, vec![Draft { cc: vec![copy], ..draft(Priority::Sales, "ana") }]).await[0];
    let (outcomes, _) = drain(&worker(&outbox, hasty())).await;
    assert!(matches!(outcomes[..], [Outcome::Accepted { .. }]));
    let (state, queue_id, code, delivered): (String, String, i16, bool) = sqlx::query_as(
        "select state, relay_queue_id, last_code, delivered_at is not null from mails where mail_id = $1",
    )
    .bind(id)
    .fetch_one(&mut db.admin().await)
    .await
    .unwrap();
    assert_eq!((state.as_str(), queue_id.as_str(), code, delivered), ("accepted", "4F2A1B", 250, false));
    assert_eq!(spent(&db).await, 2, "copies count");
}

#[tokio::test]
async fn one_connection_carries_many_mails() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let relay = TestRelay::start("fine").await;
    let outbox = outbox(&db, relay.settings(100));
    let drafts = (0..5).map(|n| draft(Priority::Security, &format!("a{n}"))).collect();
    enqueue(&db, &outbox, org, drafts).await;
    let (outcomes, _) = drain(&worker(&outbox, hasty())).await;
    assert_eq!(outcomes.len(), 5);
    assert_eq!(relay.mails(5).await.len(), 5);
}
