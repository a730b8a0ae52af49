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
