//! The drill: a running installation is backed up, its machine is lost, and another one serves what it served.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{ApiAccess, Credential, Kind, Progress, SimulateOptions, Target, Truth, run, verify};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::binary::{Installation, complaint};
use crate::support::{Client, PASSWORD, answer, eventually, fixture, new_call};

const NAME: &str = "Elm Street Dental";
const EMAIL: &str = "owner@elmstreet.example";
const SECRET: &str = "webhook-secret-of-elm-street";
const KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const OTHER_KEY: &str = "IB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgE=";
const START: &str = "2026-03-11T09:00:00Z";

/// An installation with a practice that has had calls.
struct Stage {
    place: Installation,
    target: Target,
    connection: Uuid,
    truth: Truth,
}

impl Stage {
    /// Leaves the server running.
    async fn new(calls: u64) -> (Self, crate::support::binary::Server) {
        let place = Installation::new();
        let org = place.create_org(NAME, EMAIL).await;
        let connection = place.connect(org, SECRET).await;
        let server = place.serve(&[], &[]).await;
        let played = Target::of_kind(Kind::Dental, &place.base(), Some(connection), SECRET).unwrap();
        let target = Target { org_label: NAME.to_owned(), ..played };
        let options = SimulateOptions::flat_out(7, calls, START.parse().unwrap());
        let truth = run(options, vec![target.clone()], CancellationToken::new(), |_| {}).await.unwrap();
        assert_eq!(truth.violations, []);
        (Self { place, target, connection, truth }, server)
    }

    /// Calls that go on coming in while `work` is done. Work begins when some have come.
    async fn while_it_rings<T>(&self, work: impl Future<Output = T>) -> T {
        let (stop, heard) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
        let options = SimulateOptions { calls: None, ..SimulateOptions::flat_out(8, 0, START.parse().unwrap()) };
        let counter = Arc::clone(&heard);
        let rush = run(options, vec![self.target.clone()], stop.clone(), move |progress| {
            if matches!(progress, Progress::Sent { status: Some(200), .. }) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        let working = async {
            eventually("calls come in", || async { (heard.load(Ordering::Relaxed) > 10).then_some(()) }).await;
            let before = heard.load(Ordering::Relaxed);
            let done = work.await;
            assert!(heard.load(Ordering::Relaxed) > before, "calls came in meanwhile");
            stop.cancel();
            done
        };
        let (rushed, done) = tokio::join!(rush, working);
        assert_eq!(rushed.unwrap().violations, []);
        done
    }
}

async fn sign_in(place: &Installation) -> Client {
    let nobody = Client::new(&place.base(), None);
    let answered = nobody.post("/api/v1/auth/login", &json!({"email": EMAIL, "password": PASSWORD})).await;
    Client::new(&place.base(), Some(answered.expect(200).json()["access_token"].as_str().unwrap().to_owned()))
}

/// What the API tells of every call.
async fn everything(client: &Client) -> Vec<Value> {
    let mut all = Vec::new();
    for call in client.calls().await {
        all.push(client.get(&format!("/api/v1/calls/{}", call["id"].as_str().unwrap())).await.expect(200).json());
    }
    all
}

/// The folders of backups in a folder.
fn backups_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
    entries.unwrap_or_default()
}

fn flip_a_byte(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

async fn note_of_the_backup(place: &Installation) -> String {
    let sql =
        "select outcome, ended_at >= started_at, bytes > 0, verified_at is not null, error is not null from backups";
    place.succeed(&["psql", "--", "-AtXc", sql], "").await
}

#[tokio::test]
async fn a_lost_machine_is_replaced_by_its_backup() {
    let (stage, server) = Stage::new(6).await;
    let folder = stage.place.file("backups");
    let to = folder.to_str().unwrap();
    let before = everything(&sign_in(&stage.place).await).await;
    assert!(before.len() >= 6);

    // Taken while calls come in, and while nobody rings.
    let said = stage.while_it_rings(stage.place.succeed(&["backup", "--to", to], "")).await;
    assert!(said.contains("was read back") && said.contains("not encrypted"), "{said}");
    assert_eq!(backups_in(&folder).len(), 1);
    assert_eq!(note_of_the_backup(&stage.place).await, "done|t|t|f|f\n");
    let said = stage.place.succeed(&["backup", "verify", "--from", to], "").await;
    assert!(said.contains("agree") && !said.contains("not noted"), "{said}");
    assert_eq!(note_of_the_backup(&stage.place).await, "done|t|t|t|f\n");
    let told = stage.place.fail(&["restore", "--from", to], "", &[]).await;
    assert!(told.contains("another Voxanne") && told.contains("stop it first"), "{told}");
    server.kill().await;
    let told = stage.place.fail(&["restore", "--from", to], "", &[]).await;
    assert!(told.contains("holds tables already"), "{told}");

    // Another machine, with nothing but the backup.
    let other = Installation::new();
    let said = other.succeed(&["restore", "--from", to], "").await;
    assert!(said.contains("all as they were backed up"), "{said}");
    let server = other.serve(&[], &[]).await;
    let owner = sign_in(&other).await;
    let after = everything(&owner).await;
    for call in &before {
        assert!(after.contains(call), "this call came back otherwise or not at all: {call}");
    }
    assert!(after.len() > before.len(), "what came in until the backup is there too");
    let access = ApiAccess {
        base_url: other.base(),
        credential: Credential::Token(owner.token.clone().unwrap()),
        org_label: Some(NAME.to_owned()),
    };
    let report = verify(&stage.truth, &access).await.unwrap();
    assert!(report.differences.is_empty() && report.complete == report.compared, "{report}");

    // The provider goes on: the sealed secret of its connection still opens.
    let call = new_call();
    let path = format!("/api/webhooks/vapi/{}", stage.connection);
    let event = owner.anonymous(Method::POST, &path).header("x-vapi-secret", SECRET);
    answer(event.json(&fixture("end-of-call-report", &call))).await.expect(200);
    assert_eq!(owner.call(&call).await["status"], "ended");
    assert!(server.stop().await.success());

    // Once more, as if the first attempt had been cut off.
    other.succeed(&["psql", "--", "-Xqc", "create schema voxanne_restore_unfinished"], "").await;
    let told = other.fail(&["serve"], "", &[]).await;
    assert!(told.contains("did not finish") && told.contains("voxanne restore"), "{told}");
    other.succeed(&["restore", "--from", to], "").await;
    let server = other.serve(&[], &[]).await;
    assert_eq!(everything(&sign_in(&other).await).await.len(), after.len());
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn an_encrypted_backup_opens_with_its_key_and_damage_is_named() {
    let (stage, server) = Stage::new(2).await;
    let folder = stage.place.file("backups");
    let to = folder.to_str().unwrap();
    let settings = [("VOXANNE_BACKUP_KEY", KEY), ("VOXANNE_BACKUP_TO", to)];
    let taken = stage.place.run(&["backup"], "", &settings).await;
    assert!(taken.status.success(), "{}", complaint(&taken));
    let backup = backups_in(&folder).pop().unwrap();
    let everything_there: Vec<u8> = backups_in(&backup).iter().flat_map(|file| std::fs::read(file).unwrap()).collect();
    for known in [NAME, EMAIL, "call_logs", "PGDMP"] {
        assert!(!everything_there.windows(known.len()).any(|part| part == known.as_bytes()), "{known} can be read");
    }

    let other = Installation::new();
    let told = other.fail(&["restore", "--from", to], "", &[]).await;
    assert!(told.contains("set VOXANNE_BACKUP_KEY"), "{told}");
    let told = other.fail(&["restore", "--from", to], "", &[("VOXANNE_BACKUP_KEY", OTHER_KEY)]).await;
    assert!(told.contains("another key than VOXANNE_BACKUP_KEY"), "{told}");
    assert!(!other.data().exists(), "a key that does not fit changes nothing");
    let restored = other.run(&["restore", "--from", to], "", &settings).await;
    assert!(restored.status.success(), "{}", complaint(&restored));
    let sql = ["psql", "--", "-AtXc", "select name from organizations"];
    assert_eq!(other.succeed(&sql, "").await, format!("{NAME}\n"));

    flip_a_byte(&backup.join("database.dump"));
    let told = stage.place.fail(&["backup", "verify"], "", &settings).await;
    assert!(told.contains("database.dump of the backup is damaged"), "{told}");
    assert_eq!(note_of_the_backup(&stage.place).await, "damaged|t|t|f|t\n");
    let third = Installation::new();
    let told = third.fail(&["restore", "--from", to], "", &settings).await;
    assert!(told.contains("damaged"), "{told}");
    std::fs::remove_file(backup.join("backup.json")).unwrap();
    let told = third.fail(&["restore", "--from", to], "", &settings).await;
    assert!(told.contains("there is no complete backup"), "{told}");
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn a_backup_that_cannot_be_written_says_so_and_leaves_nothing() {
    let place = Installation::new();
    let told = place.fail(&["backup", "--to", "backups"], "", &[]).await;
    assert!(told.contains("nothing was backed up") && !place.data().exists(), "{told}");
    place.create_org(NAME, EMAIL).await;
    let told = place.fail(&["backup"], "", &[]).await;
    assert!(told.contains("--to"), "{told}");

    std::fs::write(place.file("a-file"), "").unwrap();
    let to = place.file("a-file/backups");
    let told = place.fail(&["backup", "--to", to.to_str().unwrap()], "", &[]).await;
    assert!(told.contains("cannot list") && told.contains("a-file"), "{told}");

    // A disk with room for the first kilobytes. The server of the database does not share the limit.
    let server = place.serve(&[], &[]).await;
    let folder = place.file("backups");
    let full = tokio::process::Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 4; exec \"$0\" backup --to \"$1\"")
        .arg(env!("CARGO_BIN_EXE_voxanne"))
        .arg(&folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("VOXANNE_DATA_DIR", place.data())
        .output()
        .await
        .unwrap();
    assert!(!full.status.success());
    assert!(complaint(&full).contains("cannot write"), "{}", complaint(&full));
    assert_eq!(backups_in(&folder), Vec::<PathBuf>::new(), "half of a backup is nothing");
    let sql = "select count(*) filter (where outcome = 'failed' and error like 'cannot %'), count(*) from backups";
    assert_eq!(place.succeed(&["psql", "--", "-AtXc", sql], "").await, "2|2\n");
    place.succeed(&["backup", "--to", folder.to_str().unwrap()], "").await;
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn a_backup_without_its_master_key_is_restored_with_the_key_or_with_open_eyes() {
    let place = Installation::new();
    place.create_org(NAME, EMAIL).await;
    let folder = place.file("backups");
    let from = ["restore", "--from", folder.to_str().unwrap()];
    // The first command made a data directory, and the first start makes the key.
    assert!(place.serve(&[], &[]).await.stop().await.success());
    place.succeed(&["backup", "--without-master-key", "--to", folder.to_str().unwrap()], "").await;
    let key = std::fs::read_to_string(place.data().join("master.key")).unwrap();

    let other = Installation::new();
    let told = other.fail(&from, "", &[]).await;
    assert!(told.contains("this backup has no master key") && told.contains("provider secrets"), "{told}");
    let told = other.fail(&from, "", &[("VOXANNE_MASTER_KEY", OTHER_KEY)]).await;
    assert!(told.contains("VOXANNE_MASTER_KEY is not the master key of this backup"), "{told}");
    let restored = other.run(&from, "", &[("VOXANNE_MASTER_KEY", key.trim())]).await;
    assert!(restored.status.success(), "{}", complaint(&restored));

    let third = Installation::new();
    let output = third.run(&[from[0], from[1], from[2], "--without-master-key"], "", &[]).await;
    assert!(output.status.success(), "{}", complaint(&output));
    assert!(!third.data().join("master.key").exists());
}
