//! The operator's pages of bookings.

use http::StatusCode;
use serde_json::json;

use crate::desk::Desk;

#[tokio::test]
async fn who_asked_to_be_called_is_seen_in_every_week_until_somebody_did() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let asked = desk
        .ask_for_demo(&json!({
            "name": "Nadia Example", "email": "nadia@example.com", "phone": "+447700900123", "clinic_name": "Harbour <Dental>"
        }))
        .await;
    assert_eq!(asked, StatusCode::OK);
    let mut browser = desk.signed_in(&practice.owner).await;
    for week in ["/app/operator/bookings", "/app/operator/bookings?week=2026-12-21"] {
        let page = browser.get(week).await.body;
        assert!(page.contains("To be called back") && page.contains("Harbour &lt;Dental&gt;"), "{week}: {page}");
    }
    let other = browser.get("/app/operator/bookings?state=done").await.body;
    assert!(!other.contains("To be called back"), "a filter for another state is kept to");
}

#[tokio::test]
async fn with_the_database_away_the_form_is_there_again_with_everything_typed() {
    let mut desk = Desk::new().await;
    desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let page = desk.browser().get("/book/details?call=1&tz=Europe/London").await;
    let mark = page.between("name=\"mark\" value=\"", "\"").to_owned();
    desk.clock.advance(jiff::SignedDuration::from_secs(10));
    desk.lose_database();
    let typed = [
        ("name", "Nadia Example"),
        ("email", "nadia@example.com"),
        ("clinic_name", "Harbour & Sons"),
        ("phone", "+44 7700 900123"),
        ("notes", "Two lines\nof notes"),
    ];
    let sent: Vec<_> = typed.into_iter().chain([("mark", mark.as_str()), ("tz", "Europe/London")]).collect();
    for _ in 0..2 {
        let answer = desk.browser().post("/book/details", &sent).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
        assert_eq!(answer.headers["retry-after"], "2");
        for kept in
            ["Nadia Example", "nadia@example.com", "Harbour &amp; Sons", "+44 7700 900123", "Two lines\nof notes"]
        {
            assert!(answer.body.contains(kept), "{kept} is lost: {}", answer.body);
        }
        let again = answer.between("name=\"mark\" value=\"", "\"");
        assert_eq!(again, mark, "pressing again is the same request");
        assert!(answer.body.contains("role=\"alert\"") && !answer.body.contains("is booked"));
    }
    let times = desk.browser().get("/book").await;
    assert_eq!(times.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(times.headers.contains_key("retry-after") && times.body.contains("<h1"), "{}", times.body);
}
