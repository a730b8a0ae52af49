//! The command line as operators and scripts use it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::support::binary::{Installation, complaint};
use crate::support::{Client, PASSWORD, answer, eventually, fixture, new_call};

#[tokio::test]
async fn the_configuration_is_judged_as_a_whole() {
    let place = Installation::new();
    assert_eq!(place.succeed(&["check-config"], "").await, "The configuration is in order.\n");
    let wrong = [
        ("VOXANNE_LISTEN", "nonsense"),
        ("VOXANNE_PUBLIC_URL", "ftp://x"),
        ("VOXANNE_RATE_PUBLIC_API", "many"),
        ("VOXANNE_CORS_ORIGINS", "*"),
        ("VOXANNE_LISSEN", "127.0.0.1:1"),
        ("VOXANNE_MASTER_KEY", "my-secret-master-key"),
    ];
    let told = place.fail(&["check-config"], "", &wrong).await;
    for (name, _) in wrong {
        assert!(told.contains(name), "{name} is not in: {told}");
    }
    assert!(!told.contains("my-secret-master-key"), "a secret is never quoted: {told}");
    assert!(!place.data().exists(), "looking at the configuration changes nothing");
    let served = place.fail(&["serve"], "", &wrong).await;
    assert!(wrong.iter().all(|(name, _)| served.contains(name)), "{served}");

    assert_eq!(place.succeed(&["check-config"], "").await, "The configuration is in order.\n");

    let example = place.succeed(&["check-config", "--example"], "").await;
    assert!(example.contains("#VOXANNE_LISTEN=127.0.0.1:8080"), "{example}");
    let openapi = place.succeed(&["openapi"], "").await;
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json")).unwrap();
    assert_eq!(openapi, committed);
}

#[tokio::test]
async fn an_installation_is_made_and_looked_after_from_the_command_line() {
    let place = Installation::new();
    place.succeed(&["migrate"], "").await;
    place.succeed(&["migrate"], "").await;

    // Alone.
    let org = place.create_org("Elm Street Dental", "owner@elmstreet.example").await;
    assert_refuses_passwords_it_should_not_take(&place).await;
    let connection = place.connect(org, "webhook-secret-of-elm-street").await;
    let nowhere = Uuid::now_v7().to_string();
    let arguments = ["admin", "connect-provider", "--org", &nowhere, "--provider", "vapi", "--secret-stdin"];
    assert!(place.fail(&arguments, "a-good-secret", &[]).await.contains("there is no organization"));
    let sql = ["psql", "--", "-AtXc", "select name from organizations"];
    assert_eq!(place.succeed(&sql, "").await, "Elm Street Dental\n");
    let sound = place.succeed(&["doctor"], "").await;
    assert!(sound.contains("ok    restricted logins") && !sound.contains("FAIL"), "{sound}");
    assert!(place.postmaster().is_none(), "a command leaves no database behind");

    // Beside a server.
    let server = place.serve(&[], &[]).await;
    assert_eq!(place.succeed(&sql, "").await, "Elm Street Dental\n");
    place.create_org("Birch Lane Dental", "owner@birchlane.example").await;
    assert!(place.succeed(&["doctor"], "").await.contains("ok    schema"));
    let owner = sign_in(&place, "owner@elmstreet.example").await;
    let call = new_call();
    let path = format!("/api/webhooks/vapi/{connection}");
    for name in ["status-update", "end-of-call-report"] {
        let event = owner.anonymous(Method::POST, &path).header("x-vapi-secret", "webhook-secret-of-elm-street");
        answer(event.json(&fixture(name, &call))).await.expect(200);
    }
    assert_eq!(owner.call(&call).await["status"], "ended");
    assert_replays(&place, org).await;
    assert_simulates(&place, connection).await;

    // Nobody else on this data directory or port.
    let second = Installation::new();
    let data = place.data();
    let same_data = [("VOXANNE_DATA_DIR", data.to_str().unwrap())];
    let told = second.fail(&["serve"], "", &same_data).await;
    assert!(told.contains("another Voxanne") && told.contains("stop it first"), "{told}");
    let listen = format!("127.0.0.1:{}", place.port);
    let told = second.fail(&["serve"], "", &[("VOXANNE_LISTEN", &listen)]).await;
    assert!(told.contains(&listen) && told.contains("VOXANNE_LISTEN"), "{told}");
    assert!(!second.data().join("pgdata").exists(), "nothing was made for a server that cannot listen");

    let asked = Instant::now();
    assert!(server.stop().await.success());
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    assert!(place.postmaster().is_none(), "the database ends with its server");
}

async fn assert_refuses_passwords_it_should_not_take(place: &Installation) {
    let names = ["admin", "create-org", "--name", "Oak Road Vets", "--owner-email", "owner@oakroad.example"];
    let with = |more: &[&'static str]| names.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    place.fail(&with(&["--password", PASSWORD]), "", &[]).await;
    place.fail(&with(&[]), PASSWORD, &[]).await;
    for password in ["", "\n", "short"] {
        let told = place.fail(&with(&["--password-stdin"]), password, &[]).await;
        assert!(told.contains("password") && !told.contains("short\n"), "{told}");
    }
    let existing =
        ["admin", "create-org", "--name", "X", "--owner-email", "owner@elmstreet.example", "--password-stdin"];
    place.fail(&existing, "not the password of this person", &[]).await;
}

async fn assert_replays(place: &Installation, org: Uuid) {
    let org = org.to_string();
    let told = place.succeed(&["replay", "--org", &org], "").await;
    assert_eq!(told, "1 calls, 2 events, 0 calls differ.\n");
    place.succeed(&["psql", "--", "-qXc", "update call_logs set summary = 'something else'"], "").await;
    let differing = place.run(&["replay", "--org", &org], "", &[]).await;
    assert!(!differing.status.success(), "{}", complaint(&differing));
    let told = String::from_utf8(differing.stdout).unwrap();
    assert!(told.contains("summary") && !told.contains("something else"), "{told}");
    place.succeed(&["replay", "--org", &org, "--apply"], "").await;
    assert!(place.succeed(&["replay", "--org", &org], "").await.contains("0 calls differ"));
}

async fn assert_simulates(place: &Installation, connection: Uuid) {
    let (url, connection) = (place.base(), connection.to_string());
    std::fs::write(place.file("password"), PASSWORD).unwrap();
    let arguments = [
        "simulate",
        "--url",
        &url,
        "--connection",
        &connection,
        "--secret-stdin",
        "--calls",
        "6",
        "--speed",
        "0",
        "--fault",
        "doubled=0.3",
        "--verify",
        "--email",
        "owner@elmstreet.example",
        "--password-file",
        "password",
    ];
    let told = place.succeed(&arguments, "webhook-secret-of-elm-street").await;
    assert!(told.contains("6 calls compared (6 complete)") && told.contains("0 differences"), "{told}");
}

async fn sign_in(place: &Installation, email: &str) -> Client {
    sign_in_with(place, email, PASSWORD).await
}

async fn sign_in_with(place: &Installation, email: &str, password: &str) -> Client {
    let nobody = Client::new(&place.base(), None);
    let body = json!({"email": email, "password": password});
    let issued = nobody.post("/api/v1/auth/login", &body).await.expect(200).json();
    Client::new(&place.base(), issued["access_token"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn a_demonstration_says_how_to_sign_in_and_has_calls_at_once() {
    let place = Installation::new();
    let server = place.serve(&["--demo"], &[]).await;
    let printed = eventually("the sign-in is printed", || async {
        let text = place.text("out.log");
        text.contains("Stop with").then_some(text)
    })
    .await;
    let started = Instant::now();
    let said = |what: &str| {
        let line = printed.lines().find(|line| line.trim_start().starts_with(what)).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };
    assert_eq!(said("Open"), place.base());
    let owner = sign_in_with(&place, &said("Sign in"), &said("Password")).await;
    let live = eventually("a simulated call is in progress", || async {
        let page = owner.get("/api/v1/calls?limit=100").await.expect(200).json();
        let calls = page["items"].as_array().unwrap().clone();
        calls.into_iter().find(|call| call["status"] != "ended")
    })
    .await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(live["provider_call_id"].is_string());
    let told: Value = owner.get("/api/v1/connections").await.expect(200).json();
    assert_eq!(told[0]["simulated"], true);
    assert!(server.stop().await.success());
}
