//! Backups of real databases, taken and restored with the real programs.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backup::BackupError;
use backup::contents::Cover;
use backup::jobs::{Plan, by_plan, sweep, try_newest};
use backup::keep::Policy;
use backup::place::Place;
use backup::records::Outcome;
use backup::restore::{Opened, load};
use backup::take::{Installation, Order, take};
use backup::tools::Access;
use backup::trial::{Workshop, on_trial};
use jiff::SignedDuration;
use jiff::civil::Time;
use platform::config::{Place as StoragePlace, S3Access, StorageConfig};
use platform::crypto::stream::StreamKey;
use platform::embedded::client_directories;
use platform::http::Limit;
use platform::jobs::Report;
use platform::secret::Secret;
use platform::storage::{Key, Storage};
use platform::tenancy::{Logins, RESTORE_MARKER, refuse_unfinished_restore};
use sha2::Digest as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use test_support::TestDb;
use test_support::s3::{ACCESS_KEY, REGION, S3, SECRET_KEY};

/// A test's database and a folder for its backups.
struct Stage {
    db: TestDb,
    folder: PathBuf,
}

impl Stage {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let folder = db.scratch_dir().join("backups");
        // Before the storage closes what it makes: the account of a trial's database passes through here.
        std::fs::create_dir_all(db.scratch_dir().join("data")).unwrap();
        db.organization("Elm Street Dental").await;
        db.organization("Birch Lane Dental").await;
        Self { db, folder }
    }

    fn place(&self) -> Place {
        Place::parse(self.folder.to_str().unwrap(), None).unwrap()
    }

    fn workshop(&self) -> Workshop {
        Workshop { data_dir: self.db.scratch_dir().join("data"), pg_bin: None }
    }

    fn installation(&self) -> Installation {
        Installation {
            access: access(&self.db.admin_options(), None),
            tenancy: self.db.tenancy(),
            directories: client_directories(None),
            settings: BTreeMap::new(),
            site: None,
            master_key: self.db.master_key(),
            master_key_text: Secret::new("KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio="),
            storage: storage(&self.db.scratch_dir().join("sounds")),
            clock: self.db.clock(),
        }
    }

    /// A recording as the copying leaves it; `None`: its row alone.
    async fn recording(&self, key: &str, digest_of: &[u8], sound: Option<&[u8]>) {
        let mut admin = self.db.admin().await;
        sqlx::query(
            "with call as (
               insert into call_logs (org_id, id, provider, provider_call_id, direction, status, at)
               select org_id, gen_random_uuid(), 'vapi', $1, 'inbound', 'ended', now() from organizations limit 1
               returning org_id, id)
             insert into call_recordings (org_id, recording_id, call_id, channel, state, storage_key, size_bytes, sha256,
                                          content_type, copied_at)
             select org_id, gen_random_uuid(), id, 'stereo', 'ready', $1, $2, $3, 'audio/wav', now() from call",
        )
        .bind(key)
        .bind(i64::try_from(digest_of.len()).unwrap())
        .bind(sha2::Sha256::digest(digest_of).to_vec())
        .execute(&mut admin)
        .await
        .unwrap();
        if let Some(sound) = sound {
            let mut upload = self.installation().storage.create(&Key::new(key).unwrap()).await.unwrap();
            upload.write(sound.to_vec().into()).await.unwrap();
            upload.finish().await.unwrap();
        }
    }

    async fn take(&self) -> String {
        let order = Order { to: &self.place(), key: None, with_master_key: true };
        take(&self.installation(), &order).await.unwrap().name
    }

    async fn admin(&self, sql: &str) {
        self.db.admin().await.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    }
}

fn storage(folder: &Path) -> Storage {
    let folder = StoragePlace::Folder(folder.to_owned());
    let config = StorageConfig {
        place: folder,
        keys: Vec::new(),
        max_recording_bytes: 1 << 31,
        copies_at_once: 1,
        settle_orphans: false,
    };
    Storage::open(&config, Path::new("/nowhere")).unwrap()
}

/// Every file below a folder, by its path in it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

/// The way to a database of the test cluster, with the rights of a role if one is named.
fn access(options: &PgConnectOptions, role: Option<&str>) -> Access {
    let mut environment = vec![
        ("PGHOST", options.get_socket().unwrap().display().to_string()),
        ("PGPORT", options.get_port().to_string()),
        ("PGUSER", options.get_username().to_owned()),
    ];
    let mut admin = options.clone();
    if let Some(role) = role {
        environment.push(("PGOPTIONS", format!("-c role={role}")));
        admin = admin.options([("role", role)]);
    }
    Access { admin, environment }
}

/// An empty database of the test cluster.
async fn empty_database(owner: &str) -> PgConnectOptions {
    let name = format!("restored_{}", uuid::Uuid::now_v7().simple());
    let options = test_support::cluster::options();
    let mut admin = options.connect().await.unwrap();
    admin.execute(AssertSqlSafe(format!("create database {name} owner {owner}"))).await.unwrap();
    options.database(&name)
}

async fn count(options: &PgConnectOptions, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut options.connect().await.unwrap()).await.unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Rewrites a file of a backup together with its entry in the cover, as no accident would.
fn rewrite(backup: &Path, file: &str, change: impl Fn(String) -> String) {
    let text = change(std::fs::read_to_string(backup.join(file)).unwrap());
    let mut cover = Cover::read(&std::fs::read(backup.join("backup.json")).unwrap()).unwrap();
    let entry = cover.files.iter_mut().find(|entry| entry.name == file).unwrap();
    entry.bytes = text.len() as u64;
    entry.sha256 = hex::encode(sha2::Sha256::digest(text.as_bytes()));
    std::fs::write(backup.join(file), text).unwrap();
    std::fs::write(backup.join("backup.json"), serde_json::to_vec(&cover).unwrap()).unwrap();
}

#[tokio::test]
async fn what_is_restored_is_compared_to_the_row_and_stays_closed_until_it_agrees() {
    let stage = Stage::new().await;
    let name = stage.take().await;
    rewrite(&stage.folder.join(&name), "contents.json", |text| {
        let changed = text.replace(r#""table":"organizations","rows":2"#, r#""table":"organizations","rows":3"#);
        assert_ne!(text, changed);
        changed
    });
    let backup = Opened::open(&stage.place(), None, None).await.unwrap();
    let into = empty_database("postgres").await;
    let refused = load(&backup, &access(&into, None), &client_directories(None)).await.unwrap_err();
    assert_eq!(refused.to_string(), "what was restored is not what was backed up: organizations has 2 rows, not 3");
    assert!(refuse_unfinished_restore(&into).await.is_err(), "nobody serves from it");

    // The same database takes the next attempt, with a backup that agrees.
    let good = stage.take().await;
    let backup = Opened::open(&stage.place(), Some(&good), None).await.unwrap();
    load(&backup, &access(&into, None), &client_directories(None)).await.unwrap();
    assert_eq!(count(&into, "select count(*) from organizations").await, 2);
    let again = load(&backup, &access(&stage.db.admin_options(), None), &client_directories(None)).await.unwrap_err();
    assert!(matches!(again, BackupError::NotEmpty(_)), "{again}");
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_backs_up_and_restores_if_row_security_does_not_bind_it() {
    let stage = Stage::new().await;
    let owner = format!("owner_{}", uuid::Uuid::now_v7().simple());
    stage.admin(&format!("create role {owner} createrole bypassrls")).await;
    stage.take().await;
    let backup = Opened::open(&stage.place(), None, None).await.unwrap();
    let theirs = empty_database(&owner).await;
    let access_of_owner = access(&theirs, Some(&owner));
    load(&backup, &access_of_owner, &client_directories(None)).await.unwrap();
    let tables_of_theirs =
        format!("select count(*) from pg_class where relname = 'organizations' and relowner = '{owner}'::regrole");
    assert_eq!(count(&theirs, &tables_of_theirs).await, 1);

    // And from there again.
    let mut admin = theirs.connect().await.unwrap();
    admin.execute(AssertSqlSafe(format!("drop schema {RESTORE_MARKER}"))).await.unwrap();
    let logins =
        Logins { app: theirs.clone().username("voxanne_app"), system: theirs.clone().username("voxanne_system") };
    let tenancy = platform::tenancy::Tenancy::connect(logins, 2).await.unwrap();
    let from = Installation { access: access_of_owner.clone(), tenancy, ..stage.installation() };
    let order = Order { to: &stage.place(), key: None, with_master_key: false };
    assert!(take(&from, &order).await.unwrap().rows() > 2);

    admin.execute(AssertSqlSafe(format!("alter role {owner} nobypassrls"))).await.unwrap();
    let refused = take(&from, &order).await.unwrap_err();
    assert!(matches!(refused, BackupError::BoundLogin), "{refused}");
}

#[tokio::test]
async fn backups_by_plan_come_when_they_are_due_and_go_when_they_are_superfluous() {
    let stage = Stage::new().await;
    let plan = Plan {
        to: stage.place(),
        key: Some(StreamKey::from_bytes(&[5; 32])),
        at: vec![Time::constant(2, 30, 0, 0)],
        keep: Policy { daily: 2, weekly: 0 },
        trial_days: None,
        workshop: stage.workshop(),
    };
    let from = stage.installation();
    let mut taken = Vec::new();
    for _ in 0..4 {
        by_plan(&from, &plan).await.unwrap();
        let there = names(&stage.folder);
        by_plan(&from, &plan).await.unwrap();
        assert_eq!(names(&stage.folder), there, "once a day");
        taken.push(there.last().unwrap().clone());
        from.clock.advance(SignedDuration::from_hours(24));
    }
    assert_eq!(names(&stage.folder), taken[2..]);

    // Another installation's backup in the same folder is not ours to judge, and a damaged one stands for nothing.
    let foreign = stage.folder.join("voxanne-20200101-023000-00000000");
    std::fs::create_dir(&foreign).unwrap();
    let cover = r#"{"format":1,"backup_id":"0192f0c1-0000-7000-8000-000000000000","product":"0.1.0",
                    "taken_at":"2020-01-01T02:30:00Z","sealed":false,"files":[]}"#;
    std::fs::write(foreign.join("backup.json"), cover).unwrap();
    stage
        .admin("update backups set outcome = 'damaged' where started_at = (select max(started_at) from backups)")
        .await;
    let now = stage.db.clock().now();
    let removed =
        backup::jobs::prune(&stage.db.tenancy(), &stage.place(), Policy { daily: 1, weekly: 0 }, now).await.unwrap();
    assert_eq!(removed, 0, "the one before is the last good one, and the damaged one is newer");
    by_plan(&from, &Plan { keep: Policy { daily: 1, weekly: 0 }, ..plan.clone() }).await.unwrap();
    let left = names(&stage.folder);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(foreign.exists() && !left.contains(&taken[3]) && !left.contains(&taken[2]), "{left:?}");
    let outcomes = count(&stage.db.admin_options(), "select count(*) from backups where outcome = 'done'").await;
    assert_eq!(outcomes, 4);
    let told = backup::records::list(&stage.db.tenancy(), None, Limit::from_parameter(None).unwrap()).await.unwrap();
    let there: Vec<bool> = told.items.iter().map(|record| record.removed_at.is_none()).collect();
    assert_eq!(there, [true, false, false, false, false], "newest first, and those that went are said to be gone");
}

#[tokio::test]
async fn the_newest_backup_is_restored_on_trial_when_it_is_time_and_damage_is_told_once() {
    let stage = Stage::new().await;
    let plan = Plan {
        to: stage.place(),
        key: None,
        at: Vec::new(),
        keep: Policy { daily: 9, weekly: 0 },
        trial_days: Some(7),
        workshop: stage.workshop(),
    };
    let (tenancy, clock) = (stage.db.tenancy(), stage.db.clock());
    let newest = async || {
        let told = backup::records::list(&tenancy, None, Limit::from_parameter(None).unwrap()).await.unwrap();
        told.items.into_iter().next().map(|record| (record.outcome, record.verified_at, record.error))
    };
    assert_eq!(try_newest(&tenancy, &clock, &plan).await.unwrap(), Report::new(), "there is nothing to try");
    let name = stage.take().await;
    let agreed = Report::new().note("backup", name).note("outcome", "agreed");
    assert_eq!(try_newest(&tenancy, &clock, &plan).await.unwrap(), agreed);
    assert_eq!(newest().await, Some((Outcome::Done, Some(clock.now()), None)));
    assert_eq!(try_newest(&tenancy, &clock, &plan).await.unwrap(), Report::new(), "a week has not passed");

    clock.advance(SignedDuration::from_hours(8 * 24));
    let name = stage.take().await;
    let dump = stage.folder.join(&name).join("database.dump");
    let mut bytes = std::fs::read(&dump).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&dump, bytes).unwrap();
    let damaged = Report::new().note("backup", name).note("outcome", "damaged");
    assert_eq!(try_newest(&tenancy, &clock, &plan).await.unwrap(), damaged);
    let (outcome, verified_at, error) = newest().await.unwrap();
    assert_eq!((outcome, verified_at), (Outcome::Damaged, None));
    assert!(error.unwrap().starts_with("database.dump of the backup is damaged"));
    assert_eq!(try_newest(&tenancy, &clock, &plan).await.unwrap(), Report::new(), "it will not get better");
    clock.advance(SignedDuration::from_hours(1));
    let name = stage.take().await;
    let agreed = Report::new().note("backup", name).note("outcome", "agreed");
    assert_eq!(try_newest(&tenancy, &clock, &plan).await.unwrap(), agreed, "the next one is tried at once");
    let left = names(&stage.workshop().data_dir);
    assert!(left.iter().all(|name| !name.starts_with("trial-")), "{left:?}");
}

#[tokio::test]
async fn a_bucket_takes_a_backup_proves_it_and_gives_everything_back() {
    let (stage, server) = (Stage::new().await, S3::start("safe").await);
    let access_with = |access_key: &str| S3Access {
        region: REGION.to_owned(),
        endpoint: Some(server.endpoint().parse().unwrap()),
        access_key: Secret::new(access_key),
        secret_key: Secret::new(SECRET_KEY),
    };
    let place = Place::parse("s3://safe/voxanne/eu", Some(&access_with(ACCESS_KEY))).unwrap();
    let sound = vec![7; 300_000];
    stage.recording("org/call/long", &sound, Some(&sound)).await;
    let key = StreamKey::from_bytes(&[9; 32]);
    let order = Order { to: &place, key: Some(&key), with_master_key: true };
    let taken = take(&stage.installation(), &order).await.unwrap();
    assert_eq!((taken.recordings, taken.missing), (1, 0));
    assert_eq!(place.names().await.unwrap(), std::slice::from_ref(&taken.name));
    let files = ["backup.json", "contents.json", "database.dump", "master.key", "recordings.jsonl"];
    let wanted: Vec<String> = files.iter().map(|file| format!("voxanne/eu/backups/{}/{file}", taken.name)).collect();
    let kept = server.names();
    assert_eq!(kept[..5], wanted);
    assert!(kept.len() == 6 && kept[5].starts_with("voxanne/eu/recordings/"), "{kept:?}");

    // Proven, restored on trial, restored in earnest.
    let backup = Opened::open(&place, None, Some(&key)).await.unwrap();
    backup.prove().await.unwrap();
    on_trial(&backup, &stage.workshop()).await.unwrap();
    let into = empty_database("postgres").await;
    load(&backup, &access(&into, None), &client_directories(None)).await.unwrap();
    assert_eq!(count(&into, "select count(*) from organizations").await, 2);
    let other = stage.db.scratch_dir().join("other");
    assert_eq!(backup.bring_recordings_back(&storage(&other)).await.unwrap(), 0);
    assert_eq!(self::files(&other)["org/call/long"], sound);
    assert!(matches!(Opened::open(&place, None, None).await, Err(BackupError::KeyMissing)));

    // What is damaged is named, what has no cover is no backup, and what nobody wants any more goes after two days.
    server.change(&wanted[2], |dump| dump[100] ^= 1);
    let damaged = backup.prove().await.unwrap_err();
    assert!(matches!(&damaged, BackupError::Damaged { file, .. } if file == "database.dump"), "{damaged}");
    server.forget(&wanted[0]);
    assert_eq!(place.names().await.unwrap(), Vec::<String>::new());
    let clock = platform::clock::Clock::system();
    place.tidy(&clock).await.unwrap();
    assert_eq!(sweep(&place, Some(&key), &clock).await.unwrap(), 0);
    assert_eq!(server.names().len(), 5, "it may be at work");
    let later = platform::clock::Clock::frozen_at(clock.now() + SignedDuration::from_hours(72));
    place.tidy(&later).await.unwrap();
    assert_eq!(sweep(&place, Some(&key), &later).await.unwrap(), 1);
    assert_eq!(server.names(), Vec::<String>::new());

    // A second one goes by being removed, its cover first.
    let again = take(&stage.installation(), &order).await.unwrap();
    place.remove(&again.name).await.unwrap();
    assert_eq!(server.names().len(), 1, "the recording is shared by all backups");

    let stranger = Place::parse("s3://safe/voxanne/eu", Some(&access_with("AKIAOTHER"))).unwrap();
    let refused = stranger.names().await.unwrap_err().to_string();
    assert!(refused.starts_with("cannot list s3://safe/voxanne/eu: ") && !refused.contains(SECRET_KEY), "{refused}");
}

#[tokio::test]
async fn recordings_are_copied_once_each_and_come_back_byte_by_byte() {
    let stage = Stage::new().await;
    let (short, long) = (b"RIFF a short sound".to_vec(), vec![7; 300_000]);
    stage.recording("org/call/short", &short, Some(&short)).await;
    stage.recording("org/call/long", &long, Some(&long)).await;
    stage.recording("org/call/gone", b"gone", None).await;
    stage.recording("org/call/other", b"what it was", Some(b"what it is!")).await;
    let key = StreamKey::from_bytes(&[9; 32]);
    for key in [None, Some(&key)] {
        let order = Order { to: &stage.place(), key, with_master_key: false };
        let taken = take(&stage.installation(), &order).await.unwrap();
        assert_eq!((taken.recordings, taken.missing), (4, 2), "what is not there or not itself is left out, and said");
        let kept = files(&stage.folder.join("recordings"));
        assert_eq!(
            kept.keys().filter(|name| name.starts_with("plain/") == key.is_none()).count(),
            2,
            "{:?}",
            kept.keys()
        );

        // A second backup finds them there.
        let written = |file: &Path| std::fs::metadata(file).unwrap().modified().unwrap();
        let before: Vec<_> = kept.keys().map(|name| written(&stage.folder.join("recordings").join(name))).collect();
        take(&stage.installation(), &order).await.unwrap();
        let after: Vec<_> = kept.keys().map(|name| written(&stage.folder.join("recordings").join(name))).collect();
        assert_eq!(before, after);

        let backup = Opened::open(&stage.place(), None, key).await.unwrap();
        assert_eq!(backup.prove_recordings().await.unwrap(), 2);
        let other = stage.db.scratch_dir().join(format!("other-{}", key.is_some()));
        assert_eq!(backup.bring_recordings_back(&storage(&other)).await.unwrap(), 2);
        let back = files(&other);
        assert_eq!(back.len(), 2);
        assert_eq!((&back["org/call/short"], &back["org/call/long"]), (&short, &long));
    }

    // Damage is named, and what nobody speaks of any more goes after two days.
    let plain = files(&stage.folder.join("recordings/plain"));
    let (name, mut bytes) = plain.into_iter().next().unwrap();
    bytes[0] ^= 1;
    std::fs::write(stage.folder.join("recordings/plain").join(name), bytes).unwrap();
    let plain: Vec<String> = names(&stage.folder).into_iter().filter(|name| name.starts_with("voxanne-")).collect();
    let mut unreadable = 0;
    for name in &plain {
        match Opened::open(&stage.place(), Some(name), None).await {
            Ok(backup) => assert!(matches!(backup.prove_recordings().await, Err(BackupError::Damaged { .. }))),
            Err(BackupError::KeyMissing) => unreadable += 1,
            Err(other) => unreachable!("{other}"),
        }
    }
    assert_eq!(unreadable, 2);
    let clock = platform::clock::Clock::system();
    assert_eq!(sweep(&stage.place(), None, &clock).await.unwrap(), 0, "backups speak of them");
    for name in &plain {
        stage.place().remove(name).await.unwrap();
    }
    assert_eq!(sweep(&stage.place(), None, &clock).await.unwrap(), 0, "they are new");
    let later = platform::clock::Clock::frozen_at(clock.now() + SignedDuration::from_hours(72));
    assert_eq!(sweep(&stage.place(), None, &later).await.unwrap(), 2);
    assert_eq!(sweep(&stage.place(), Some(&key), &later).await.unwrap(), 2);
    assert_eq!(files(&stage.folder.join("recordings")), BTreeMap::new());
}
