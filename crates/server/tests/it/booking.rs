//! A power cut between a booking and its mails: both leave all the same, once each. The mail server is Debian's aiosmtpd.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::binary::Installation;
use crate::support::relay::Relay;

/// How many demos are booked, each before a power cut.
const CUTS: usize = 3;

#[tokio::test]
async fn a_power_cut_between_booking_and_mail_loses_neither_mail_and_sends_none_twice() {
    let place = Installation::new();
    place.create_org("Agency", "owner@agency.example").await;
    let mut relay = Relay::start().await;
    let url = relay.url("");
    let settings = [
        ("VOXANNE_SMTP_URL", url.as_str()),
        ("VOXANNE_MAIL_FROM", "hello@agency.example"),
        ("VOXANNE_MAIL_SALES_TO", "sales@agency.example"),
    ];
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for cut in 0..CUTS {
        // No worker: whatever is kept is not sent before the power goes.
        let server = place.serve(&["--no-worker"], &settings).await;
        let wish = json!({
            "name": format!("Visitor {cut}"), "email": format!("visitor{cut}@example.com"), "phone": "+12025550123",
            "clinic_name": "Bright Dental",
        });
        let answer = client.post(format!("{}/api/book-demo", place.base())).json(&wish).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        server.kill().await;
    }
    let server = place.serve(&[], &settings).await;
    let mut taken = BTreeMap::<String, usize>::new();
    for _ in 0..2 * CUTS {
        *taken.entry(relay.mail().await).or_default() += 1;
    }
    // One more booking shows that nothing else was on its way before it: mails leave in order.
    let last = json!({
        "name": "Last", "email": "last@example.com", "phone": "+12025550123", "clinic_name": "Bright Dental",
    });
    client
        .post(format!("{}/api/book-demo", place.base()))
        .json(&last)
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    for _ in 0..2 {
        *taken.entry(relay.mail().await).or_default() += 1;
    }
    let of = |address: &str| taken.iter().filter(|(to, _)| to.contains(address)).map(|(_, count)| count).sum::<usize>();
    for cut in 0..CUTS {
        assert_eq!(of(&format!("visitor{cut}@example.com")), 1, "{taken:?}");
    }
    assert_eq!((of("last@example.com"), of("sales@agency.example")), (1, CUTS + 1), "{taken:?}");
    assert!(server.stop().await.success());
}
