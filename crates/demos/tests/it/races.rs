//! Many at once.

use serde_json::{Value, json};

use crate::support::{Answer, SLOT, TestDesk, amara_with, post, send};

async fn at_once(desk: &TestDesk, bodies: Vec<(Value, Option<String>)>) -> Vec<Answer> {
    let mut running = tokio::task::JoinSet::new();
    for (body, key) in bodies {
        let mut request = post("/api/v1/demo-bookings", &body);
        if let Some(key) = key {
            request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        }
        running.spawn(send(desk.router(), request));
    }
    running.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_hundred_at_once_for_ten_times_ten_are_booked_and_the_others_are_offered_times() {
    let desk = TestDesk::new().await;
    let slots: Vec<String> =
        (0..10).map(|slot| format!("2026-11-25T{:02}:{:02}:00Z", 9 + slot / 2, slot % 2 * 30)).collect();
    let bodies = (0..200).map(|visitor| {
        let email = format!("visitor{visitor}@example.com");
        (amara_with(&json!({ "email": email, "slot": slots[visitor % 10] })), None)
    });
    let answers = at_once(&desk, bodies.collect()).await;
    let booked: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(booked.len(), 10);
    let mut times: Vec<_> = booked.iter().map(|answer| answer.body["slot"]["start"].to_string()).collect();
    times.sort();
    times.dedup();
    assert_eq!(times.len(), 10, "each time once");
    for loser in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((loser.status.as_u16(), loser.body["code"].as_str()), (409, Some("slot_taken")), "{}", loser.text);
        assert_eq!(loser.body["alternatives"].as_array().unwrap().len(), 3);
    }
    assert_eq!(desk.count("select count(*) from demo_bookings").await, 10);
    assert_eq!(desk.count("select count(*) from mails").await, 20);
    let prospects = "select count(distinct to_address) from mails where template = 'booking.booked'";
    assert_eq!(desk.count(prospects).await, 10, "no prospect gets two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_form_sent_twenty_times_at_once_is_one_booking() {
    for with_hold in [false, true] {
        let desk = TestDesk::new().await;
        let mut body = amara_with(&json!({ "slot": SLOT }));
        if with_hold {
            let hold = desk.post("/api/v1/demo-holds", &json!({ "start": SLOT })).await.expect(201);
            body["hold"] = hold.body["hold"].clone();
        }
        let bodies = (0..20).map(|_| (body.clone(), Some("same-key".to_owned()))).collect();
        let answers = at_once(&desk, bodies).await;
        let first = answers[0].body["link"].clone();
        for answer in &answers {
            assert!(matches!(answer.status.as_u16(), 200 | 201), "{}", answer.text);
            assert_eq!(answer.body["link"], first);
        }
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        assert_eq!(desk.count("select count(*) from demo_bookings").await, 1);
        assert_eq!(desk.count("select count(*) from mails").await, 2);
    }
}

#[tokio::test]
async fn the_database_itself_refuses_two_demos_at_once() {
    let desk = TestDesk::new().await;
    let booked = desk.post("/api/v1/demo-bookings", &amara_with(&json!({ "slot": SLOT }))).await.expect(201);
    assert_eq!(booked.body["state"], "booked");
    let mut admin = desk.db.admin().await;
    let copy = "insert into demo_bookings (org_id, booking_id, state, starts_at, ends_at, blocked_until, held_until, \
                hold_digest, created_at, updated_at) \
                select org_id, gen_random_uuid(), 'held', starts_at + interval '29 minutes', ends_at + interval '29 minutes', \
                       blocked_until + interval '29 minutes', now(), sha256('x'), now(), now() from demo_bookings";
    let refused = sqlx::query(copy).execute(&mut admin).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().constraint(), Some("demo_bookings_one_at_a_time"));
    sqlx::query("update demo_bookings set state = 'cancelled'").execute(&mut admin).await.unwrap();
    sqlx::query(copy).execute(&mut admin).await.unwrap();
}
