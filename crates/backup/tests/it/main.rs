//! Backups of real databases, taken and restored with the real programs.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backup::BackupError;
use backup::contents::Cover;
use backup::jobs::{Plan, by_plan};
use backup::keep::Policy;
use backup::place::Place;
use backup::restore::{Opened, load};
use backup::take::{Installation, Order, take};
use backup::tools::Access;
use jiff::SignedDuration;
use jiff::civil::Time;
use platform::crypto::stream::StreamKey;
use platform::embedded::client_directories;
use platform::secret::Secret;
use platform::tenancy::{Logins, RESTORE_MARKER, refuse_unfinished_restore};
use sha2::Digest as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use test_support::TestDb;

/// A test's database and a folder for its backups.
struct Stage {
    db: TestDb,
    folder: PathBuf,
}

impl Stage {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let folder = db.scratch_dir().join("backups");
        db.organization("Elm Street Dental").await;
        db.organization("Birch Lane Dental").await;
        Self { db, folder }
    }

    fn place(&self) -> Place {
        Place::parse(self.folder.to_str().unwrap()).unwrap()
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
            clock: self.db.clock(),
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
    let removed =
        backup::jobs::prune(&stage.db.tenancy(), &stage.place(), Policy { daily: 1, weekly: 0 }).await.unwrap();
    assert_eq!(removed, 0, "the one before is the last good one, and the damaged one is newer");
    by_plan(&from, &Plan { keep: Policy { daily: 1, weekly: 0 }, ..plan.clone() }).await.unwrap();
    let left = names(&stage.folder);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(foreign.exists() && !left.contains(&taken[3]) && !left.contains(&taken[2]), "{left:?}");
    let outcomes = count(&stage.db.admin_options(), "select count(*) from backups where outcome = 'done'").await;
    assert_eq!(outcomes, 4);
}
