//! From the first look at the times to the two mails.

use axum::http::header;
use serde_json::json;

use crate::support::{SLOT, TestDesk, amara, amara_with, post};

#[tokio::test]
async fn the_times_are_told_by_the_visitors_clock_and_calendar() {
    let desk = TestDesk::new().await;
    let list = desk.get("/api/v1/demo-slots?from=2026-11-25&days=2&tz=Pacific/Auckland").await.expect(200);
    assert_eq!(list.body["zone"], "Pacific/Auckland");
    assert_eq!((list.body["host_zone"].as_str(), list.body["length_minutes"].as_i64()), (Some("UTC"), Some(25)));
    let first = &list.body["days"][0];
    assert_eq!(first["date"], "2026-11-25");
    assert_eq!(first["slots"][0]["start"], "2026-11-25T05:00:00+13:00", "two hours' notice after Tuesday 14:00 UTC");
    for wrong in ["from=2026-02-30", "from=9999-01-01", "days=0", "days=63", "tz=Etc/Unknown", "tz=Mars", "days=x"] {
        desk.get(&format!("/api/v1/demo-slots?{wrong}")).await.refuses(400, "invalid_input");
    }
}

#[tokio::test]
async fn a_booking_is_stored_whole_with_both_mails_and_told_to_watchers() {
    let sales = [
        ("VOXANNE_MAIL_SALES_TO", "Sales <sales@example.com>,second@example.com"),
        ("VOXANNE_MAIL_SALES_CC", "founder@example.org"),
        ("VOXANNE_MAIL_FROM", "Voxanne <hello@example.com>"),
    ];
    let desk = TestDesk::with(&sales, None).await;
    let hold = desk.post("/api/v1/demo-holds", &json!({ "start": SLOT })).await.expect(201);
    let body = amara_with(&json!({
        "hold": hold.body["hold"], "slot": SLOT, "tz": "Africa/Lagos", "locale": "fr",
        "goal": "More bookings", "clinic_type": "dental", "notes": "Two lines\nof <b>notes</b>",
    }));
    let booked = desk.post("/api/v1/demo-bookings", &body).await.expect(201);
    assert_eq!(booked.body["slot"]["start"], "2026-11-25T10:00:00+01:00");
    assert_eq!(booked.body["phone"], "+447700900118");
    assert!(booked.body["link"].as_str().unwrap().starts_with("https://voice.example.com/fr/book/"));

    let row: (String, String, String, String, String, String, String) =
        sqlx::query_as("select org_id::text, state, prospect_email, notes, goal, zone, locale from demo_bookings")
            .fetch_one(&mut desk.db.admin().await)
            .await
            .unwrap();
    let expected = (desk.org.to_string(), "booked", "amara@brightdental.example.com");
    assert_eq!((row.0, row.1.as_str(), row.2.as_str()), expected);
    let said = (row.3.as_str(), row.4.as_str(), row.5.as_str(), row.6.as_str());
    assert_eq!(said, ("Two lines\nof <b>notes</b>", "More bookings", "Africa/Lagos", "fr"));

    let mails = desk.mails().await;
    let [prospect, team] = mails.as_slice() else { panic!("two mails: {mails:?}") };
    assert_eq!(
        (prospect.template.as_str(), prospect.to.as_str()),
        ("booking.booked", "amara@brightdental.example.com")
    );
    assert!(prospect.subject.contains("mercredi 25 novembre 2026, 10:00 à 10:25"), "{}", prospect.subject);
    assert!(prospect.text.contains(booked.body["link"].as_str().unwrap()), "{}", prospect.text);
    let calendar = prospect.calendar.as_deref().unwrap();
    for line in [
        "METHOD:REQUEST",
        "SEQUENCE:0",
        "DTSTART:20261125T090000Z",
        "DTEND:20261125T092500Z",
        "ORGANIZER;CN=Voxanne:mailto:hello@example.com",
    ] {
        assert!(calendar.contains(&format!("{line}\r\n")), "{line}: {calendar}");
    }
    assert_eq!((team.template.as_str(), team.to.as_str()), ("booking.sales", "sales@example.com"));
    assert!(team.html.contains("of &lt;b&gt;notes&lt;/b&gt;"), "{}", team.html);
    assert!(team.text.contains("Time: Wednesday 25 November 2026, 09:00 to 09:25 UTC"), "{}", team.text);
    assert!(team.text.contains("10:00 to 10:25"), "and by the prospect's clock");
    let copies = desk.count("select jsonb_array_length(cc)::bigint from mails where template = 'booking.sales'").await;
    assert_eq!(copies, 2);

    assert_eq!(*desk.told.lock().unwrap(), [desk.org]);
    assert_eq!(desk.count("select count(*) from live_events where kind = 'booking.changed'").await, 1);
    assert_eq!(desk.count("select count(*) from audit_log where action = 'demo.booked'").await, 1);
    let stored: (bool,) = sqlx::query_as("select position($1 in demo_bookings::text) > 0 from demo_bookings")
        .bind(booked.token())
        .fetch_one(&mut desk.db.admin().await)
        .await
        .unwrap();
    assert!(!stored.0, "the token is stored as a digest and sealed");
}

#[tokio::test]
async fn the_path_of_the_original_system_answers_as_its_pages_expect() {
    let desk = TestDesk::new().await;
    let body =
        amara_with(&json!({ "phone": "202 555 0123", "clinic_type": "cosmetic_surgery", "notes": "Primary goal: x" }));
    let answer = desk.post("/api/book-demo", &body).await.expect(200);
    assert_eq!(answer.body["success"], true);
    assert!(answer.body["message"].as_str().unwrap().contains("contact you"));
    let id: uuid::Uuid = answer.body["booking_id"].as_str().unwrap().parse().unwrap();
    let row: (uuid::Uuid, bool, String) =
        sqlx::query_as("select booking_id, starts_at is null, prospect_phone from demo_bookings")
            .fetch_one(&mut desk.db.admin().await)
            .await
            .unwrap();
    assert_eq!(row, (id, true, "+12025550123".to_owned()));
    let templates: Vec<_> = desk.mails().await.into_iter().map(|mail| mail.template).collect();
    assert_eq!(templates, ["booking.asked", "booking.sales"]);

    let again = desk.post("/api/book-demo", &body).await.expect(200);
    assert_eq!(again.body["booking_id"], answer.body["booking_id"], "its pages send again when they saw no answer");
    assert_eq!(desk.mails().await.len(), 2);

    let timed = desk.post("/api/book-demo", &amara_with(&json!({ "slot": SLOT }))).await.expect(200);
    assert!(timed.body["message"].as_str().unwrap().contains("09:00"));
    assert_ne!(timed.body["booking_id"], answer.body["booking_id"]);
}

#[tokio::test]
async fn the_same_key_is_one_booking_and_another_persons_key_tells_nothing() {
    let desk = TestDesk::new().await;
    let send = async |body: &serde_json::Value| {
        let mut request = post("/api/v1/demo-bookings", body);
        request.headers_mut().insert("idempotency-key", "k-1".parse().unwrap());
        desk.send(request).await
    };
    let body = amara_with(&json!({ "slot": SLOT }));
    let first = send(&body).await.expect(201);
    let second = send(&body).await.expect(200);
    assert_eq!((&first.body["booking_id"], &first.body["link"]), (&second.body["booking_id"], &second.body["link"]));
    let other = send(&amara_with(&json!({ "email": "other@example.org", "slot": SLOT }))).await;
    other.refuses(422, "idempotency_key_reused");
    assert_eq!(desk.count("select count(*) from demo_bookings").await, 1);
    assert_eq!(desk.mails().await.len(), 2);
}

#[tokio::test]
async fn a_held_time_is_its_holders_until_the_hold_is_over() {
    let desk = TestDesk::new().await;
    let hold = desk.post("/api/v1/demo-holds", &json!({ "start": SLOT })).await.expect(201);
    let refused = desk.post("/api/v1/demo-holds", &json!({ "start": SLOT })).await.refuses(409, "slot_taken");
    let others: Vec<_> =
        refused.body["alternatives"].as_array().unwrap().iter().map(|slot| slot["start"].clone()).collect();
    assert_eq!(others, ["2026-11-25T09:30:00+00:00", "2026-11-25T10:00:00+00:00", "2026-11-25T10:30:00+00:00"]);
    let free = desk.get("/api/v1/demo-slots?from=2026-11-25&days=1&tz=UTC").await.expect(200);
    assert_eq!(free.body["days"][0]["slots"].as_array().unwrap().len(), 15);

    desk.advance(11);
    desk.post("/api/v1/demo-holds", &json!({ "start": SLOT })).await.expect(201);
    let late = amara_with(&json!({ "hold": hold.body["hold"], "slot": SLOT }));
    desk.post("/api/v1/demo-bookings", &late).await.refuses(409, "slot_taken");
    assert_eq!(desk.count("select count(*) from mails").await, 0, "no mail without a booking");
}

#[tokio::test]
async fn a_hold_that_is_over_still_books_when_nobody_came_in_between() {
    let desk = TestDesk::new().await;
    let hold = desk.post("/api/v1/demo-holds", &json!({ "start": SLOT })).await.expect(201);
    desk.advance(30);
    let late = amara_with(&json!({ "hold": hold.body["hold"] }));
    let booked = desk.post("/api/v1/demo-bookings", &late).await.expect(201);
    assert_eq!(booked.body["slot"]["start"], "2026-11-25T09:00:00+00:00");
}

#[tokio::test]
async fn one_client_holds_few_times_and_choosing_again_lets_go() {
    let desk = TestDesk::new().await;
    let hold =
        async |hour: &str| desk.post("/api/v1/demo-holds", &json!({ "start": format!("2026-11-25T{hour}:00Z") })).await;
    let kept = async || desk.count("select count(*) from demo_bookings where state = 'held'").await;
    let first = hold("09:00").await.expect(201);
    let instead = json!({ "start": "2026-11-25T09:30:00Z", "instead_of": first.body["hold"] });
    desk.post("/api/v1/demo-holds", &instead).await.expect(201);
    assert_eq!(kept().await, 1);
    for hour in ["10:00", "11:00", "12:00", "13:00"] {
        desk.advance(1);
        hold(hour).await.expect(201);
    }
    assert_eq!(kept().await, 3);
    desk.advance(20);
    desk.start_worker();
    while kept().await > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn times_outside_the_rules_cannot_be_held_or_booked() {
    let desk = TestDesk::new().await;
    for start in [
        "2026-11-25T09:10:00Z",
        "2026-11-28T09:00:00Z",
        "2026-11-24T15:00:00Z",
        "2027-11-24T09:00:00Z",
        "2020-01-01T09:00:00Z",
        "9999-12-30T22:00:00Z",
    ] {
        desk.post("/api/v1/demo-holds", &json!({ "start": start })).await.refuses(409, "slot_not_offered");
        let body = amara_with(&json!({ "slot": start }));
        desk.post("/api/v1/demo-bookings", &body).await.refuses(409, "slot_not_offered");
    }
    assert_eq!(desk.count("select count(*) from demo_bookings").await, 0);
}

#[tokio::test]
async fn a_demo_in_the_night_of_the_change_of_clocks_is_at_one_moment() {
    let desk = TestDesk::new().await;
    sqlx::query(
        "insert into demo_rules (org_id, zone, hours, length_minutes, buffer_minutes, notice_minutes, horizon_days, updated_at)
         values ($1, 'Europe/London', '{\"sun\": [[\"00:00\", \"04:00\"]]}', 30, 0, 0, 200, now())",
    )
    .bind(desk.org)
    .execute(&mut desk.db.admin().await)
    .await
    .unwrap();
    let list = desk.get("/api/v1/demo-slots?from=2027-03-28&days=1&tz=Europe/London").await.expect(200);
    let starts: Vec<_> = list.body["days"][0]["slots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| slot["start"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(&starts[..3], ["2027-03-28T00:00:00+00:00", "2027-03-28T00:30:00+00:00", "2027-03-28T02:00:00+01:00"]);
    assert_eq!(starts.len(), 6);
    let body = amara_with(&json!({ "slot": starts[2], "tz": "Europe/London" }));
    let booked = desk.post("/api/v1/demo-bookings", &body).await.expect(201);
    assert_eq!(booked.body["slot"]["end"], "2027-03-28T02:30:00+01:00");
    let mails = desk.mails().await;
    assert!(mails[0].calendar.as_deref().unwrap().contains("DTSTART:20270328T010000Z"));
    assert!(mails[0].subject.contains("02:00 to 02:30 BST"), "{}", mails[0].subject);
}

#[tokio::test]
async fn the_languages_of_a_request_are_those_it_names_else_those_its_browser_likes() {
    let desk = TestDesk::new().await;
    let mut request = post("/api/v1/demo-bookings", &amara_with(&json!({ "slot": SLOT })));
    request.headers_mut().insert(header::ACCEPT_LANGUAGE, "de-AT, en;q=0.5".parse().unwrap());
    desk.send(request).await.expect(201);
    assert!(desk.mails().await[0].subject.starts_with("Ihre Vorführung ist gebucht: Mittwoch, 25. November"));
    desk.post("/api/v1/demo-bookings", &amara_with(&json!({ "locale": "tlh" }))).await.refuses(422, "invalid_input");
    desk.post("/api/v1/demo-bookings", &amara_with(&json!({ "tz": "Mars" }))).await.refuses(422, "invalid_input");
    assert_eq!(amara()["name"], "Amara Obi");
}
