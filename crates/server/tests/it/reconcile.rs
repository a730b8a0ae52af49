//! `voxanne reconcile` beside a running server: what was lost on the way is there afterwards.

use serde_json::Value;
use simulator::{ApiAccess, Credential, Faults, Kind, Provider, ProviderOptions, SimulateOptions, Target, run, verify};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::PASSWORD;
use crate::support::binary::{Installation, complaint};

const NAME: &str = "Elm Street Dental";
const EMAIL: &str = "owner@elmstreet.example";
const SECRET: &str = "webhook-secret-of-elm-street";
const KEY: &str = "private-key-of-elm-street";

#[tokio::test]
async fn after_a_comparison_every_call_is_as_if_nothing_had_been_lost() {
    let place = Installation::new();
    let provider = Provider::new(ProviderOptions { keys: vec![(KEY.into(), None)], ..ProviderOptions::default() });
    let mut answering = JoinSet::new();
    answering.spawn(provider.listen("127.0.0.1:0".parse().unwrap(), CancellationToken::new()).await.unwrap());
    let (url, allowed) = (provider.base_url().unwrap(), provider.authority().unwrap());
    let settings = [("VOXANNE_VAPI_API_URL", url.as_str()), ("VOXANNE_OUTBOUND_ALLOW", allowed.as_str())];

    let org = place.create_org(NAME, EMAIL).await;
    let connection = place.connect(org, SECRET).await;
    let nothing = place.succeed(&["reconcile"], "").await;
    assert!(nothing.contains("Nothing was compared: no connection has a private key"), "{nothing}");
    std::fs::write(place.file("key"), KEY).unwrap();
    let (org, id) = (org.to_string(), connection.to_string());
    place
        .succeed(&["admin", "set-provider-key", "--org", &org, "--connection", &id, "--api-key-file", "key"], "")
        .await;

    let server = place.serve(&[], &settings).await;
    let played = Target::of_kind(Kind::Dental, &place.base(), Some(connection), SECRET).unwrap();
    let target = Target { org_label: NAME.to_owned(), ..played };
    let options = SimulateOptions {
        faults: Faults { lost: 0.3, ..Faults::default() },
        start: None,
        provider: Some(provider.clone()),
        ..SimulateOptions::flat_out(3, 12, "2026-03-11T09:00:00Z".parse().unwrap())
    };
    let truth = run(options, vec![target], CancellationToken::new(), |_| {}).await.unwrap();
    assert!(truth.counters.lost > 20, "{:?}", truth.counters);

    let compared = place.run(&["reconcile", "--json"], "", &settings).await;
    assert!(compared.status.success(), "{}", complaint(&compared));
    let reports: Value = serde_json::from_slice(&compared.stdout).unwrap();
    assert_eq!((&reports[0]["calls"], &reports[0]["complete"]), (&12.into(), &true.into()), "{reports}");
    assert!(reports[0]["healed"].as_i64().unwrap() > 0, "{reports}");

    let access = ApiAccess {
        base_url: place.base(),
        credential: Credential::Password { email: EMAIL.into(), password: PASSWORD.into() },
        org_label: Some(NAME.to_owned()),
    };
    let report = verify(&truth.reconciled(), &access).await.unwrap();
    assert!(report.is_clean() && report.complete == 12, "{report}");

    let again = place.run(&["reconcile"], "", &settings).await;
    let told = String::from_utf8(again.stdout).unwrap();
    assert!(again.status.success() && told.contains("12 of 12 accounted") && !told.contains("healed"), "{told}");
    provider.revoke_keys();
    let refused = place.run(&["reconcile"], "", &settings).await;
    let told = String::from_utf8(refused.stdout).unwrap();
    assert!(!refused.status.success() && told.contains("does not accept the private key"), "{told}");
    assert!(!told.contains(KEY));
    assert!(server.stop().await.success());
}
