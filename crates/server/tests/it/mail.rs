//! How the operator learns how mail stands: `doctor mail` on the command line, and the mail part of `/ready`.

use serde_json::{Value, json};

use crate::support::binary::{Installation, complaint, free_port};
use crate::support::eventually;
use crate::support::relay::Relay;

const FROM: (&str, &str) = ("VOXANNE_MAIL_FROM", "Harbour Dental <hello@example.org>");
/// Base64 of "\0desk\0hunter2" without its end, and the bare word.
const SECRETS: [&str; 2] = ["AGRlc2sAaHVudGVyMg", "hunter2"];

/// What `doctor mail` prints, and whether it succeeds.
async fn diagnosed(place: &Installation, to: &str, url: &str) -> (bool, String) {
    let settings = [("VOXANNE_SMTP_URL", url), FROM];
    let settings = if url.is_empty() { &settings[1..] } else { &settings[..] };
    let output = place.run(&["doctor", "mail", "--to", to], "", settings).await;
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), complaint(&output));
    for secret in SECRETS {
        assert!(!told.contains(secret), "{told}");
    }
    (output.status.success(), told)
}

#[tokio::test]
async fn doctor_mail_prints_the_dialogue_without_secrets_and_says_in_words_what_is_wrong() {
    let place = Installation::new();
    place.succeed(&["migrate"], "").await;
    let ana = "ana@example.com";
    let mut relay = Relay::with(&["--user", "desk", "--password", "hunter2"]).await;
    let (sent, told) = diagnosed(&place, ana, &relay.url("desk:hunter2@")).await;
    assert!(sent, "{told}");
    for line in
        ["< 220 ", "> AUTH PLAIN (user and password)", "> RCPT TO:<ana@example.com>", "> DATA", "accepted the mail"]
    {
        assert!(told.contains(line), "{line} is missing in:\n{told}");
    }
    assert_eq!(relay.mail().await, ana);

    for (url, words) in [
        (String::new(), "Set VOXANNE_SMTP_URL"),
        (relay.url("desk:hunter22@"), "Check user and password"),
        (relay.url(""), "530"),
        (format!("smtp://desk:hunter2@127.0.0.1:{}", free_port()), "firewall"),
        ("smtps://desk:hunter2@relay.invalid".to_owned(), "cannot be found"),
    ] {
        let (sent, told) = diagnosed(&place, ana, &url).await;
        assert!(!sent && told.contains(words), "{words} is missing in:\n{told}");
    }
    let (sent, told) = diagnosed(&place, "ana at example", &relay.url("desk:hunter2@")).await;
    assert!(!sent && told.contains("--to must be one e-mail address"), "{told}");
    for (mode, words) in [("greylist", "try again later"), ("no_user", "for good: 550"), ("bad_sender", "Verify")] {
        relay.mode(mode).await;
        let (sent, told) = diagnosed(&place, ana, &relay.url("desk:hunter2@")).await;
        assert!(!sent && told.contains(words), "{words} is missing in:\n{told}");
    }
}

async fn mail_part(place: &Installation) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("{}/ready", place.base())).send().await.unwrap();
    assert_eq!(answer.status(), 200, "mail that waits makes nobody unready");
    answer.json::<Value>().await.unwrap()["parts"]["mail"].clone()
}

async fn ask_for_demo(place: &Installation) {
    let wish = json!({
        "name": "Ana Lima", "email": "ana@example.com", "phone": "+12025550123", "clinic_name": "Bright Dental",
    });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.post(format!("{}/api/book-demo", place.base())).json(&wish).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn ready_tells_how_mail_stands_with_no_relay_one_that_fails_and_one_that_works() {
    let place = Installation::new();
    place.create_org("Agency", "owner@agency.example").await;
    let server = place.serve(&[], &[]).await;
    ask_for_demo(&place).await;
    let part = mail_part(&place).await;
    assert_eq!((&part["relay"], &part["waiting"]), (&json!("none"), &json!(2)), "to the prospect and to sales: {part}");
    assert!(server.stop().await.success());

    let mut relay = Relay::with(&["--mode", "closing"]).await;
    let url = relay.url("");
    let settings = [("VOXANNE_SMTP_URL", url.as_str()), FROM];
    let server = place.serve(&[], &settings).await;
    let part = eventually("the relay is left alone", || async {
        let part = mail_part(&place).await;
        (part["relay"] == "paused").then_some(part)
    })
    .await;
    for known in ["paused_until", "failing_since", "oldest_due"] {
        assert!(part[known].is_string(), "{known}: {part}");
    }
    assert_eq!(part["waiting"], 2);

    relay.mode("fine").await;
    // Nobody waits a quarter of a minute here.
    let sooner =
        "update mail_relays set paused_until = now(); update mails set due_at = now() where state = 'deferred'";
    place.succeed(&["psql", "--", "-qXc", sooner], "").await;
    let part = eventually("both mails have left", || async {
        let part = mail_part(&place).await;
        (part["waiting"] == 0).then_some(part)
    })
    .await;
    assert_eq!((&part["relay"], &part["oldest_due"]), (&json!("ok"), &Value::Null), "{part}");
    assert_eq!(part["paused_until"], Value::Null);
    assert!(server.stop().await.success());
}
