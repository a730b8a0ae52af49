//! A folder of exports, a database to import it into, and a look at what is there afterwards.

use std::collections::BTreeMap;
use std::path::PathBuf;

use import::actions::{CHUNK_ROWS, Importer, import_folder};
use import::mapping::Mapping;
use import::model::{Reason, Table};
use import::reading::Folder;
use import::report::{Report, Tally};
use jiff::Timestamp;
use platform::clock::Clock;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use test_support::TestDb;
use uuid::Uuid;

/// An export of yesterday, seen from here.
pub const NOW: &str = "2026-11-24T14:00:00Z";

/// An installation to move into, and a folder to move from.
pub struct Move {
    pub db: TestDb,
    pub importer: Importer,
    pub folder: PathBuf,
}

impl Move {
    pub async fn new() -> Self {
        let db = TestDb::new().await;
        let folder = db.scratch_dir().join("export");
        std::fs::create_dir_all(&folder).unwrap();
        let now: Timestamp = NOW.parse().unwrap();
        let (tenancy, clock) = (db.tenancy(), Clock::frozen_at(now));
        let importer = Importer { tenancy, clock, key: db.master_key(), chunk_rows: CHUNK_ROWS };
        Self { db, importer, folder }
    }

    /// Writes a file of the export.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.folder.join(name), content).unwrap();
    }

    /// Writes rows as JSON, one a line.
    pub fn lines(&self, table: Table, rows: &[Value]) {
        let text: Vec<String> = rows.iter().map(Value::to_string).collect();
        self.file(&format!("{table}.jsonl"), text.join("\n"));
    }

    /// Writes two practices, `a` and `b`, with an agent each.
    pub fn practices(&self) {
        self.lines(
            Table::Organizations,
            &[
                json!({ "id": org(1), "name": "Elm Street Dental", "created_at": "2025-11-01T08:00:00Z" }),
                json!({ "id": org(2), "name": "Birch Lane Dental", "created_at": "2025-11-02T08:00:00Z" }),
            ],
        );
        self.lines(
            Table::Agents,
            &[
                json!({ "id": id("agent", 1), "org_id": org(1), "name": "Paige", "role": "inbound",
                        "vapi_assistant_id": "assistant-1", "system_prompt": "Be kind.", "created_at": "2025-11-01T08:00:00Z" }),
                json!({ "id": id("agent", 2), "org_id": org(2), "role": "outbound", "vapi_assistant_id": "assistant-2",
                        "created_at": "2025-11-02T08:00:00Z" }),
            ],
        );
    }

    pub async fn run(&self) -> Report {
        self.import(&Mapping::default(), false).await
    }

    pub async fn import(&self, mapping: &Mapping, dry_run: bool) -> Report {
        let folder = Folder::open(&self.folder).unwrap();
        import_folder(&self.importer, &folder, mapping, dry_run, &mut |_| {}, None).await.unwrap()
    }

    /// A dry run first, which has to say what the run then does.
    pub async fn rehearsed(&self, mapping: &Mapping) -> Report {
        let before = self.everything().await;
        let foreseen = self.import(mapping, true).await;
        assert_eq!(self.everything().await, before, "a dry run writes nothing");
        assert!(foreseen.dry_run && foreseen.run.is_none());
        let report = self.import(mapping, false).await;
        assert_eq!(without_run(&foreseen), without_run(&report), "a dry run says what a run does");
        report
    }

    /// One value of the database, past all row security.
    pub async fn one<T>(&self, sql: &str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.db.admin().await).await.unwrap()
    }

    /// All rows of every table, as text; without what differs from one life to the next.
    pub async fn everything(&self) -> BTreeMap<String, Vec<String>> {
        let mut admin = self.db.admin().await;
        let tables: Vec<String> = sqlx::query_scalar(
            "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'",
        )
        .fetch_all(&mut admin)
        .await
        .unwrap();
        let mut all = BTreeMap::new();
        for table in tables {
            let drop = "- 'created_at' - 'received_at' - 'queued_at' - 'reported_at' - 'sealed' - 'sealed_token' \
                        - 'token_digest' - 'run_id' - 'started_at_' - 'waiting_since' - 'resolved_at'";
            let (condition, drop) = match table.as_str() {
                "audit_log" => ("", format!("{drop} - 'id' - 'at'")),
                "import_quarantine" => ("", format!("{drop} - 'id'")),
                "import_runs" | "import_progress" | "import_issues" => ("where false", drop.to_owned()),
                _ => ("", drop.to_owned()),
            };
            let sql = format!("select (to_jsonb(t) {drop})::text from {table} t {condition}");
            let mut rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut admin).await.unwrap();
            rows.sort();
            all.insert(table, rows);
        }
        all
    }
}

/// An organization's id.
pub fn org(number: u128) -> Uuid {
    id("organization", number)
}

/// An id that is the same in every run.
pub fn id(kind: &str, number: u128) -> Uuid {
    let kind: u128 = kind.bytes().fold(7, |sum, byte| sum * 31 + u128::from(byte)) & 0xffff_ffff;
    uuid::Builder::from_random_bytes(((kind << 64) | number).to_be_bytes()).into_uuid()
}

/// A call of `call_logs` without anything that says whose it is.
pub fn call_log(number: u128) -> Value {
    json!({
        "id": id("log", number), "vapi_call_id": format!("call-{number}"), "status": "completed",
        "started_at": "2025-12-01T10:00:00Z", "ended_at": "2025-12-01T10:02:30Z", "duration_seconds": 150,
        "created_at": "2025-12-01T09:59:55Z", "call_type": "inbound", "from_number": "+12025550123",
    })
}

/// A row with more or other columns.
pub fn with(mut row: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("columns") };
    row.as_object_mut().unwrap().extend(changes);
    row
}

pub fn tally(report: &Report, table: Table) -> Tally {
    report.tables.get(&table).copied().unwrap_or_default()
}

/// How many rows a reason met.
pub fn met(report: &Report, reason: Reason) -> i64 {
    report.reasons.iter().filter(|count| count.reason == reason).map(|count| count.rows).sum()
}

pub fn without_run(report: &Report) -> Report {
    Report { run: None, dry_run: false, ..report.clone() }
}

/// `read, imported, already there, merged, quarantined, refused`.
pub fn counts(tally: Tally) -> [u64; 6] {
    assert!(tally.is_accounted(), "{tally:?}");
    [tally.read, tally.imported, tally.already_there, tally.merged, tally.quarantined, tally.refused]
}
