//! Encryption and signing in.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use mail::relay::{FaultKind, Outcome};
use mail::{Priority, Turn};
use test_support::TestDb;

use crate::support::{TestRelay, draft, drain, enqueue, hasty, outbox, settings, worker};

/// A certificate for this machine that nobody vouches for; goes away with the test.
struct Certificate {
    folder: PathBuf,
}

impl Certificate {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("voxanne-relay-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        let this = Self { folder };
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(this.path("key.pem"))
            .arg("-out")
            .arg(this.path("certificate.pem"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        this
    }

    fn path(&self, name: &str) -> String {
        Path::join(&self.folder, name).to_str().unwrap().to_owned()
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// A relay with TLS and a user, and one mail for it. `trusted`: its certificate is known to us.
async fn tried(tls: &str, scheme: &str, credentials: &str, query: &str, trusted: bool) -> (Outcome, TestRelay) {
    let certificate = Certificate::new();
    let (pem, key) = (certificate.path("certificate.pem"), certificate.path("key.pem"));
    let mut arguments =
        vec!["--certificate", &pem, "--key", &key, "--user", "desk@example.org", "--password", "pa:ss/w@rd"];
    if tls != "none" {
        arguments.extend(["--tls", tls]);
    }
    let relay = TestRelay::with(&arguments).await;
    let url = format!("{scheme}://{credentials}localhost:{}{query}", relay.port());
    let mut variables = vec![("VOXANNE_SMTP_URL", url.as_str()), ("VOXANNE_MAIL_FROM", "hello@example.org")];
    if trusted {
        variables.push(("VOXANNE_SMTP_CA_FILE", &pem));
    }
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let outbox = outbox(&db, settings(&variables));
    enqueue(&db, &outbox, org, vec![draft(Priority::Security, "ana")]).await;
    let (mut outcomes, turn) = drain(&worker(&outbox, hasty())).await;
    assert_eq!(outcomes.len(), 1, "{turn:?}");
    assert!(matches!(turn, Turn::Idle(_) | Turn::Paused(_)));
    (outcomes.remove(0), relay)
}

const GOOD: &str = "desk%40example.org:pa%3Ass%2Fw%40rd@";

fn fault(outcome: Outcome) -> (FaultKind, String) {
    match outcome {
        Outcome::RelayDown(fault) => (fault.kind, fault.words),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_mail_goes_through_starttls_with_user_and_password() {
    let (outcome, relay) = tried("starttls", "smtp", GOOD, "?tls=required", true).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(relay.until(|seen| seen["saw"] == "auth").await["good"], true);
    assert_eq!(relay.mails(1).await.len(), 1);
}

#[tokio::test]
async fn a_mail_goes_through_tls_from_the_start() {
    let (outcome, relay) = tried("implicit", "smtps", GOOD, "", true).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(relay.mails(1).await.len(), 1);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_said() {
    for (tls, scheme) in [("starttls", "smtp"), ("implicit", "smtps")] {
        let query = if tls == "starttls" { "?tls=required" } else { "" };
        let (kind, words) = fault(tried(tls, scheme, GOOD, query, false).await.0);
        assert_eq!(kind, FaultKind::Tls);
        assert!(words.contains("certificate"), "{words}");
    }
}

#[tokio::test]
async fn what_somebody_says_in_clear_behind_starttls_is_not_believed() {
    for intruder in ["at-once", "later"] {
        let (certificate, db) = (Certificate::new(), TestDb::new().await);
        let (pem, key) = (certificate.path("certificate.pem"), certificate.path("key.pem"));
        let arguments = ["--certificate", &pem, "--key", &key, "--tls", "starttls", "--user", "desk@example.org"];
        let more = ["--password", "pa:ss/w@rd", "--intruder", intruder];
        let relay = TestRelay::with(&[&arguments[..], &more].concat()).await;
        let url = format!("smtp://{GOOD}localhost:{}?tls=required", relay.port());
        let config = settings(&[
            ("VOXANNE_SMTP_URL", &url),
            ("VOXANNE_MAIL_FROM", "hello@example.org"),
            ("VOXANNE_SMTP_CA_FILE", &pem),
        ]);
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writer = lines.clone();
        let line = Arc::new(move |line: &str| writer.lock().unwrap().push(line.to_owned()));
        let sent = mail::doctor::diagnose(&outbox(&db, config), "ana@example.com", hasty(), line).await.unwrap();
        let text = lines.lock().unwrap().join("\n");
        assert!(!sent && !text.contains("welcome"), "{intruder}: {text}");
        assert_eq!(text.matches("> EHLO").count(), 1, "{intruder}: nothing more is said: {text}");
        assert!(!text.contains("> AUTH") && text.contains("TLS"), "{intruder}: {text}");
    }
}

#[tokio::test]
async fn a_relay_without_starttls_gets_nothing_when_it_is_required() {
    let (kind, _) = fault(tried("none", "smtp", GOOD, "?tls=required", true).await.0);
    assert_eq!(kind, FaultKind::NoTls);
}

#[tokio::test]
async fn tls_from_the_start_against_a_port_without_it_is_said_to_be_a_tls_fault() {
    let (kind, _) = fault(tried("none", "smtps", GOOD, "", true).await.0);
    assert_eq!(kind, FaultKind::Tls);
}

#[tokio::test]
async fn a_wrong_password_pauses_the_relay_and_is_in_no_words() {
    let (kind, words) = fault(tried("starttls", "smtp", "desk%40example.org:hunter2@", "?tls=required", true).await.0);
    assert_eq!(kind, FaultKind::SignIn);
    assert!(words.contains("535") && !words.contains("hunter2"), "{words}");
}

#[tokio::test]
async fn a_relay_that_knows_only_login_is_signed_in_to() {
    let certificate = Certificate::new();
    let (pem, key) = (certificate.path("certificate.pem"), certificate.path("key.pem"));
    let arguments = ["--certificate", &pem, "--key", &key, "--tls", "starttls", "--only-login"];
    let relay = TestRelay::with(&[&arguments[..], &["--user", "desk", "--password", "pass"]].concat()).await;
    let url = format!("smtp://desk:pass@localhost:{}?tls=opportunistic", relay.port());
    let config = settings(&[
        ("VOXANNE_SMTP_URL", &url),
        ("VOXANNE_MAIL_FROM", "hello@example.org"),
        ("VOXANNE_SMTP_CA_FILE", &pem),
    ]);
    let db = TestDb::new().await;
    let org = db.organization("Harbour Dental").await;
    let outbox = outbox(&db, config);
    enqueue(&db, &outbox, org, vec![draft(Priority::Security, "ana")]).await;
    let (outcomes, _) = drain(&worker(&outbox, hasty())).await;
    assert!(matches!(outcomes[..], [Outcome::Accepted { .. }]), "{outcomes:?}");
    assert_eq!(relay.until(|seen| seen["saw"] == "auth").await["mechanism"], "LOGIN");
}
