//! Seeing, moving and calling off by the link.

use demos::DemoError;
use demos::bookings::actions::{self, Handle};
use demos::bookings::model::State;
use serde_json::json;

use crate::support::{SLOT, TestDesk, amara_with};

async fn booked(desk: &TestDesk) -> String {
    desk.post("/api/v1/demo-bookings", &amara_with(&json!({ "slot": SLOT }))).await.expect(201).token()
}

fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_moved_demo_keeps_its_uid_and_raises_its_sequence() {
    let desk = TestDesk::new().await;
    let token = booked(&desk).await;
    let uid = |calendar: &str| calendar.split("\r\n").find(|line| line.starts_with("UID:")).unwrap().to_owned();
    let first = uid(desk.mails().await[0].calendar.as_deref().unwrap());
    let moved = actions::move_booking(&desk.demos, Handle::Token(&token), at("2026-11-26T10:00:00Z")).await.unwrap();
    assert_eq!((moved.state, moved.sequence), (State::Moved, 1));
    let same = actions::move_booking(&desk.demos, Handle::Token(&token), at("2026-11-26T10:00:00Z")).await.unwrap();
    assert_eq!(same.sequence, 1, "to where it is already is no move");
    let mails = desk.mails().await;
    let templates: Vec<_> = mails.iter().map(|mail| mail.template.as_str()).collect();
    assert_eq!(templates, ["booking.booked", "booking.sales", "booking.moved", "booking.sales"]);
    let calendar = mails[2].calendar.as_deref().unwrap();
    assert_eq!(uid(calendar), first);
    assert!(calendar.contains("SEQUENCE:1\r\n") && calendar.contains("METHOD:REQUEST\r\n"));
    assert!(calendar.contains("DTSTART:20261126T100000Z"));
    assert!(mails[2].text.contains(&token), "the link still works and is in the mail");
    // Its old time is free again, and its history is kept.
    desk.post("/api/v1/demo-holds", &json!({ "start": SLOT })).await.expect(201);
    assert_eq!(desk.count("select count(*) from demo_booking_events where was_at = '2026-11-25T09:00:00Z'").await, 1);
}

#[tokio::test]
async fn moving_to_a_taken_time_keeps_the_own_one_and_offers_others() {
    let desk = TestDesk::new().await;
    let token = booked(&desk).await;
    let other = amara_with(&json!({ "email": "b@example.com", "slot": "2026-11-25T09:30:00Z" }));
    desk.post("/api/v1/demo-bookings", &other).await.expect(201);
    let refused = actions::move_booking(&desk.demos, Handle::Token(&token), at("2026-11-25T09:30:00Z")).await;
    match refused {
        Err(DemoError::Taken(others)) => assert_eq!(others.len(), 3),
        other => panic!("{other:?}"),
    }
    let booking = actions::find(&desk.demos, &token).await.unwrap();
    assert_eq!((booking.slot.unwrap().start, booking.sequence), (at(SLOT), 0));
    assert_eq!(desk.mails().await.len(), 4);
    let not_offered = actions::move_booking(&desk.demos, Handle::Token(&token), at("2026-11-28T09:30:00Z")).await;
    assert!(matches!(not_offered, Err(DemoError::NotOffered(_))));
}

#[tokio::test]
async fn calling_off_frees_the_time_tells_everybody_once_and_is_final() {
    let desk = TestDesk::new().await;
    let token = booked(&desk).await;
    for _ in 0..2 {
        let booking = actions::cancel(&desk.demos, Handle::Token(&token)).await.unwrap();
        assert_eq!((booking.state, booking.sequence), (State::Cancelled, 1));
    }
    let mails = desk.mails().await;
    assert_eq!(mails.len(), 4);
    let calendar = mails[2].calendar.as_deref().unwrap();
    for line in ["METHOD:CANCEL", "STATUS:CANCELLED", "SEQUENCE:1"] {
        assert!(calendar.contains(&format!("{line}\r\n")), "{calendar}");
    }
    let refused = actions::move_booking(&desk.demos, Handle::Token(&token), at("2026-11-26T10:00:00Z")).await;
    assert!(matches!(refused, Err(DemoError::Over)));
    desk.post("/api/v1/demo-holds", &json!({ "start": SLOT })).await.expect(201);
}

#[tokio::test]
async fn what_has_begun_cannot_be_changed_by_the_link() {
    let desk = TestDesk::new().await;
    let token = booked(&desk).await;
    desk.advance(24 * 60);
    for refused in [
        actions::cancel(&desk.demos, Handle::Token(&token)).await,
        actions::move_booking(&desk.demos, Handle::Token(&token), at("2026-11-27T10:00:00Z")).await,
    ] {
        assert!(matches!(refused, Err(DemoError::Over)));
    }
    assert_eq!(actions::find(&desk.demos, &token).await.unwrap().state, State::Booked);
}

#[tokio::test]
async fn a_made_up_link_finds_nothing() {
    let desk = TestDesk::new().await;
    booked(&desk).await;
    for token in ["", "x", &"A".repeat(43), &"A".repeat(5000)] {
        assert!(matches!(actions::find(&desk.demos, token).await, Err(DemoError::NotFound)));
        assert!(matches!(actions::cancel(&desk.demos, Handle::Token(token)).await, Err(DemoError::NotFound)));
    }
}

#[tokio::test]
async fn the_calendar_file_is_an_entry_without_a_method() {
    let desk = TestDesk::new().await;
    let token = booked(&desk).await;
    let file = actions::calendar_file(&desk.demos, &token).await.unwrap().unwrap();
    assert!(file.starts_with("BEGIN:VCALENDAR\r\n") && !file.contains("METHOD:"));
    let call = desk.post("/api/v1/demo-bookings", &amara_with(&json!({ "email": "c@example.com" }))).await.expect(201);
    assert!(actions::calendar_file(&desk.demos, &call.token()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_mail_that_waits_and_is_no_longer_true_is_taken_back() {
    let desk = TestDesk::new().await;
    let token = booked(&desk).await;
    let others = amara_with(&json!({ "email": "b@example.com", "slot": "2026-11-25T09:30:00Z" }));
    desk.post("/api/v1/demo-bookings", &others).await.expect(201);
    actions::move_booking(&desk.demos, Handle::Token(&token), at("2026-11-26T10:00:00Z")).await.unwrap();
    let theirs = ["booking.booked", "booking.sales"];
    assert_eq!(desk.waiting().await, [&theirs[..], &["booking.moved", "booking.sales"]].concat());
    actions::cancel(&desk.demos, Handle::Token(&token)).await.unwrap();
    assert_eq!(desk.waiting().await, [&theirs[..], &["booking.cancelled", "booking.sales"]].concat());
    let taken_back = "select count(*) from mails where state = 'cancelled' and ended_at is not null
                         and last_words = 'the booking was changed before this left'";
    assert_eq!(desk.count(taken_back).await, 4);
}

#[tokio::test]
async fn a_mail_that_has_left_or_is_on_its_way_stays_what_it_is() {
    let desk = TestDesk::new().await;
    let token = booked(&desk).await;
    let on_its_way = "with sending as (update mails set state = 'sending', attempt_id = mail_id, lease_until = now()
                         where template = 'booking.booked' returning 1) select count(*) from sending";
    desk.count(on_its_way).await;
    let left = "with left_us as (update mails set state = 'accepted', ended_at = now()
                   where template = 'booking.sales' returning 1) select count(*) from left_us";
    desk.count(left).await;
    actions::cancel(&desk.demos, Handle::Token(&token)).await.unwrap();
    assert_eq!(desk.count("select count(*) from mails where state = 'cancelled'").await, 0);
    assert_eq!(desk.waiting().await, ["booking.cancelled", "booking.sales"]);
}
