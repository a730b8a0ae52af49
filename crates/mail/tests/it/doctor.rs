//! What the operator is shown when mail does not work.

use std::sync::{Arc, Mutex};

use mail::doctor::diagnose;
use platform::config::MailConfig;
use test_support::TestDb;

use crate::support::{TestRelay, hasty, outbox, relay_settings, settings, spent};

async fn told(db: &TestDb, config: MailConfig) -> (bool, String) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let writer = lines.clone();
    let line = Arc::new(move |line: &str| writer.lock().unwrap().push(line.to_owned()));
    let sent = diagnose(&outbox(db, config), "ana@example.com", hasty(), line).await.unwrap();
    let text = lines.lock().unwrap().join("\n");
    (sent, text)
}

#[tokio::test]
async fn the_whole_dialogue_is_shown_without_the_password() {
    let db = TestDb::new().await;
    let relay = TestRelay::with(&["--user", "desk", "--password", "hunter2"]).await;
    let (sent, text) = told(&db, relay_settings(&format!("smtp://desk:hunter2@127.0.0.1:{}", relay.port()), 100)).await;
    assert!(sent, "{text}");
    for line in [
        "< 220 ",
        "> EHLO example.org",
        "> AUTH PLAIN (user and password)",
        "< 235 ",
        "> MAIL FROM:<hello@example.org>",
        "> RCPT TO:<ana@example.com>",
        "> DATA",
        "< 354 ",
        "queued as 4F2A1B",
        "> QUIT",
        "accepted the mail",
        "VOXANNE_MAIL_DAILY_LIMIT",
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
    use_no_secret(&text);
    assert_eq!(spent(&db).await, 1, "it counts");
    assert_eq!(relay.mails(1).await.len(), 1);
}

fn use_no_secret(text: &str) {
    // Base64 of "\0desk\0hunter2", and the bare words.
    for secret in ["hunter2", "AGRlc2sAaHVudGVyMg"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn each_fault_is_told_in_words_and_costs_nothing() {
    let db = TestDb::new().await;
    let (_, text) = told(&db, settings(&[])).await;
    assert!(text.contains("Set VOXANNE_SMTP_URL"), "{text}");
    let (_, text) = told(&db, relay_settings("smtp://relay.invalid:2525?tls=none", 100)).await;
    assert!(text.contains("relay.invalid cannot be found") && text.contains("look names up"), "{text}");
    let (_, text) = told(&db, relay_settings("smtp://127.0.0.1:9", 100)).await;
    assert!(text.contains("refused") && text.contains("firewall"), "{text}");
    let relay = TestRelay::with(&["--user", "desk", "--password", "right"]).await;
    let (_, text) = told(&db, relay_settings(&format!("smtp://desk:wrong@127.0.0.1:{}", relay.port()), 100)).await;
    assert!(text.contains("does not let us sign in: 535") && text.contains("Check user and password"), "{text}");
    for (mode, words) in [
        ("bad_sender", "Verify the address or domain"),
        ("quota", "own limit is used up"),
        ("greylist", "try again later"),
        ("no_user", "refuses this mail for good: 550"),
    ] {
        let relay = TestRelay::start(mode).await;
        let (sent, text) = told(&db, relay.settings(100)).await;
        assert!(!sent && text.contains(words), "{mode}:\n{text}");
    }
    assert_eq!(spent(&db).await, 0);
}

#[tokio::test]
async fn a_diagnosis_does_not_go_beyond_the_budget() {
    let db = TestDb::new().await;
    let relay = TestRelay::start("fine").await;
    assert!(told(&db, relay.settings(1)).await.0);
    let (sent, text) = told(&db, relay.settings(1)).await;
    assert!(!sent && text.contains("nothing is left of VOXANNE_MAIL_DAILY_LIMIT"), "{text}");
    assert_eq!(relay.mails(1).await.len(), 1);
}
