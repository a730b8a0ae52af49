//! What the operator does with bookings.

use demos::DemoError;
use demos::bookings::actions::{self, Filter, Handle};
use demos::bookings::model::{BookingId, OwnerChange, State};
use demos::slots::actions::{opening_rules, save_opening_rules};
use demos::slots::model::{OpeningRules, WeeklyHours, zone};
use identity::organizations::actions::create_organization;
use identity::organizations::model::NewOrganization;
use platform::audit::Actor;
use platform::http::Limit;
use platform::ids::UserId;
use platform::secret::Secret;
use serde_json::json;

use crate::support::{SLOT, TestDesk, amara_with};

async fn operator(desk: &TestDesk) -> UserId {
    let new = NewOrganization {
        name: "Agency".to_owned(),
        zone: "UTC".to_owned(),
        owner_email: "olive@example.com".to_owned(),
        owner_name: "Olive".to_owned(),
        owner_password: Secret::new("correct horse battery"),
        first_user_is_operator: true,
        is_demo: false,
    };
    create_organization(&desk.db.tenancy(), &desk.db.clock(), new).await.unwrap().user_id
}

async fn booked(desk: &TestDesk) -> BookingId {
    let answer = desk.post("/api/v1/demo-bookings", &amara_with(&json!({ "slot": SLOT }))).await.expect(201);
    answer.body["booking_id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_booking_goes_through_its_states_and_its_history_is_kept() {
    let desk = TestDesk::new().await;
    let user = operator(&desk).await;
    let id = booked(&desk).await;
    let staff = Handle::Staff(id, user);
    for (to, expected) in
        [(State::Confirmed, true), (State::Done, true), (State::NoShow, true), (State::Cancelled, false)]
    {
        assert_eq!(actions::set_state(&desk.demos, staff, to).await.is_ok(), expected, "{to}");
    }
    let (booking, events) = actions::show(&desk.demos, id).await.unwrap();
    assert_eq!(booking.state, State::NoShow);
    let what: Vec<_> = events.iter().map(|event| (event.what.as_str(), event.by_prospect)).collect();
    assert_eq!(what, [("booked", true), ("confirmed", false), ("done", false), ("no_show", false)]);
    assert_eq!(desk.mails().await.len(), 2, "none of these is the prospect's concern");
    assert_eq!(desk.told.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn the_operator_cancels_and_moves_beyond_the_hours_and_only_the_prospect_is_told() {
    let desk = TestDesk::new().await;
    let user = operator(&desk).await;
    let id = booked(&desk).await;
    desk.send_mails().await;
    let sunday = "2026-11-29T20:00:00Z".parse().unwrap();
    actions::move_booking(&desk.demos, Handle::Staff(id, user), sunday).await.unwrap();
    actions::set_state(&desk.demos, Handle::Staff(id, user), State::Cancelled).await.unwrap();
    let templates: Vec<_> = desk.mails().await.into_iter().map(|mail| mail.template).collect();
    assert_eq!(templates, ["booking.booked", "booking.sales", "booking.moved", "booking.cancelled"]);
}

#[tokio::test]
async fn sales_hears_of_a_booking_that_was_changed_before_its_mail_left() {
    let desk = TestDesk::new().await;
    let user = operator(&desk).await;
    let id = booked(&desk).await;
    let sunday = "2026-11-29T20:00:00Z".parse().unwrap();
    actions::move_booking(&desk.demos, Handle::Staff(id, user), sunday).await.unwrap();
    assert_eq!(desk.waiting().await, ["booking.moved", "booking.sales"]);
    let sales = desk.mails().await.pop().unwrap();
    assert!(sales.text.contains("29 November"), "its time now: {}", sales.text);
}

#[tokio::test]
async fn an_owner_is_one_of_the_operators_people_and_notes_stay_with_us() {
    let desk = TestDesk::new().await;
    let user = operator(&desk).await;
    let id = booked(&desk).await;
    let stranger = OwnerChange::To(Some(UserId::new()));
    assert!(matches!(actions::set_papers(&desk.demos, id, user, stranger, None).await, Err(DemoError::UnknownOwner)));
    actions::set_papers(&desk.demos, id, user, OwnerChange::To(Some(user)), Some("Call first")).await.unwrap();
    let kept = actions::set_papers(&desk.demos, id, user, OwnerChange::Keep, None).await.unwrap();
    assert_eq!((kept.owner, kept.staff_notes.as_str()), (Some(user), "Call first"));
    let cleared = actions::set_papers(&desk.demos, id, user, OwnerChange::To(None), None).await.unwrap();
    assert_eq!(cleared.owner, None);
}

#[tokio::test]
async fn lists_are_filtered_and_leave_holds_out_unless_asked() {
    let desk = TestDesk::new().await;
    booked(&desk).await;
    desk.post("/api/v1/demo-bookings", &amara_with(&json!({ "email": "call@example.com" }))).await.expect(201);
    desk.post("/api/v1/demo-holds", &json!({ "start": "2026-11-25T10:00:00Z" })).await.expect(201);
    let count = async |filter: Filter| {
        let limit = Limit::from_parameter(None).unwrap();
        actions::list(&desk.demos, &filter, limit, None).await.unwrap().items.len()
    };
    assert_eq!(count(Filter::default()).await, 2);
    assert_eq!(count(Filter { states: vec![State::Held], ..Filter::default() }).await, 1);
    assert_eq!(count(Filter { text: Some("BRIGHT".to_owned()), ..Filter::default() }).await, 2);
    assert_eq!(count(Filter { text: Some("call@".to_owned()), ..Filter::default() }).await, 1);
    assert_eq!(count(Filter { text: Some("%".to_owned()), ..Filter::default() }).await, 0);
    assert_eq!(count(Filter { without_time: true, ..Filter::default() }).await, 1);
    let day = Filter { from: Some(SLOT.parse().unwrap()), ..Filter::default() };
    assert_eq!(count(day.clone()).await, 1);
    assert_eq!(actions::agenda(&desk.demos, &day).await.unwrap().len(), 1);
}

#[tokio::test]
async fn changed_rules_change_what_is_offered_and_leave_bookings_alone() {
    let desk = TestDesk::new().await;
    let id = booked(&desk).await;
    let rules = OpeningRules {
        hours: WeeklyHours::from_texts(&["", "", "08:00-10:00", "", "", "", ""]).unwrap(),
        length_minutes: 60,
        buffer_minutes: 0,
        days_off: vec!["2026-12-02".parse().unwrap(), "2026-12-02".parse().unwrap()],
        ..OpeningRules::default_in(zone("Europe/Paris").unwrap())
    };
    save_opening_rules(&desk.demos, Actor::System, rules.clone()).await.unwrap();
    let stored = opening_rules(&desk.demos).await.unwrap();
    assert_eq!((stored.zone_name(), stored.days_off.len(), &stored.hours), ("Europe/Paris", 1, &rules.hours));
    let list = desk.get("/api/v1/demo-slots?from=2026-11-25&days=14&tz=Europe/Paris").await.expect(200);
    let days = list.body["days"].as_array().unwrap();
    assert_eq!((days.len(), days[0]["slots"].as_array().unwrap().len()), (1, 2), "{days:?}");
    assert_eq!(actions::show(&desk.demos, id).await.unwrap().0.state, State::Booked);
    let wrong = OpeningRules { length_minutes: 1, ..rules };
    assert!(matches!(save_opening_rules(&desk.demos, Actor::System, wrong).await, Err(DemoError::Rules(_))));
}

#[tokio::test]
async fn the_desk_is_for_operators_only() {
    let desk = TestDesk::new().await;
    let id = booked(&desk).await;
    for path in ["/api/v1/demo-bookings", "/api/v1/demo-rules", &format!("/api/v1/demo-bookings/{id}")] {
        desk.get(path).await.refuses(401, "unauthenticated");
    }
}

#[tokio::test]
async fn bookings_are_kept_for_ever_or_as_long_as_the_operator_says() {
    let desk = TestDesk::with(&[("VOXANNE_BOOKINGS_KEEP_DAYS", "90")], None).await;
    let id = booked(&desk).await;
    let call = amara_with(&json!({ "email": "call@example.com" }));
    desk.post("/api/v1/demo-bookings", &call).await.expect(201);
    desk.advance(60 * 24 * 60);
    let later = json!({ "email": "later@example.com", "slot": "2027-01-27T09:00:00Z" });
    desk.post("/api/v1/demo-bookings", &amara_with(&later)).await.expect(201);
    // 91 days after the first demo, 29 after the last.
    desk.advance(32 * 24 * 60);
    desk.start_worker();
    while desk.count("select count(*) from demo_bookings").await > 1 {
        tokio::task::yield_now().await;
    }
    assert!(matches!(actions::show(&desk.demos, id).await, Err(DemoError::NotFound)));
    assert_eq!(desk.count("select count(*) from demo_booking_events").await, 1);
    let told = "select count(*) from audit_log where action = 'demo.forgotten' and detail ->> 'bookings' = '2'";
    assert_eq!(desk.count(told).await, 1);

    let keeping = TestDesk::new().await;
    booked(&keeping).await;
    keeping.advance(3_650 * 24 * 60);
    keeping.start_worker();
    let done = "select count(*) from schedules where name = 'demos.forget_bookings' and succeeded_at is not null";
    while keeping.count(done).await == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(keeping.count("select count(*) from demo_bookings").await, 1);
}
