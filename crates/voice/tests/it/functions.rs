//! The three atomic functions on a clean database, under the login of the application: every outcome they promise.

use platform::ids::OrgId;
use platform::tenancy::TenantTx;
use serde_json::{Value, json};
use sqlx::Executor as _;
use uuid::Uuid;

use crate::support::Desk;

const CALL: &str = "call-1";
const CALLER: &str = "+12025550123";

#[derive(Debug, sqlx::FromRow)]
struct Created {
    call_tracking_id: Option<Uuid>,
    call_logs_id: Option<Uuid>,
    success: bool,
    outcome: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
}

#[derive(Debug, sqlx::FromRow)]
struct Updated {
    logs: i32,
    others: i32,
    success: bool,
    outcome: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
}

impl Created {
    fn is(&self, outcome: &str) -> Uuid {
        assert!(self.success && self.error_code.is_none() && self.error_message.is_none(), "{self:?}");
        assert_eq!(self.outcome.as_deref(), Some(outcome), "{self:?}");
        assert_eq!(self.call_logs_id, self.call_tracking_id, "both rows have one id");
        self.call_logs_id.unwrap()
    }

    fn fails(&self, code: &str) {
        assert_eq!((self.success, self.error_code.as_deref()), (false, Some(code)), "{self:?}");
        assert_eq!((self.call_logs_id, self.call_tracking_id, self.outcome.as_deref()), (None, None, None), "{self:?}");
        assert!(self.error_message.is_some(), "{self:?}");
    }
}

impl Updated {
    fn is(&self, outcome: &str) {
        assert!(self.success && self.error_code.is_none() && self.error_message.is_none(), "{self:?}");
        assert_eq!((self.logs, self.others), (1, 1), "{self:?}");
        assert_eq!(self.outcome.as_deref(), Some(outcome), "{self:?}");
    }

    fn fails(&self, code: &str) {
        assert_eq!((self.success, self.error_code.as_deref()), (false, Some(code)), "{self:?}");
        assert_eq!((self.logs, self.others), (0, 0), "{self:?}");
        assert!(self.outcome.is_none() && self.error_message.is_some(), "{self:?}");
    }
}

/// What `create_inbound_call_atomically` is given; a test changes what it is about.
#[derive(Clone)]
struct Create {
    org: Option<OrgId>,
    call: Option<String>,
    agent: Option<Uuid>,
    phone: Option<String>,
    lead: Option<Uuid>,
    metadata: Option<Value>,
}

impl Create {
    async fn run(&self, tx: &mut TenantTx) -> Created {
        sqlx::query_as("select * from create_inbound_call_atomically($1, $2, $3, $4, $5, $6)")
            .bind(self.org)
            .bind(&self.call)
            .bind(self.agent)
            .bind(&self.phone)
            .bind(self.lead)
            .bind(&self.metadata)
            .fetch_one(tx.conn())
            .await
            .unwrap()
    }
}

#[derive(Clone, Default)]
struct Recording<'a> {
    url: Option<&'a str>,
    path: Option<&'a str>,
    transcript: Option<&'a str>,
    kind: Option<&'a str>,
}

async fn complete(tx: &mut TenantTx, call: Option<&str>, seconds: Option<i32>, tracking: Option<Uuid>) -> Updated {
    complete_for(tx.org().into(), tx, call, seconds, tracking).await
}

async fn complete_for(
    org: Option<OrgId>,
    tx: &mut TenantTx,
    call: Option<&str>,
    seconds: Option<i32>,
    tracking: Option<Uuid>,
) -> Updated {
    sqlx::query_as(
        "select call_logs_updated as logs, call_tracking_updated as others, success, outcome, error_code, error_message
           from update_call_completed_atomically($1, $2, $3, $4)",
    )
    .bind(org)
    .bind(call)
    .bind(seconds)
    .bind(tracking)
    .fetch_one(tx.conn())
    .await
    .unwrap()
}

async fn record(tx: &mut TenantTx, call: Option<&str>, recording: &Recording<'_>) -> Updated {
    record_for(tx.org().into(), tx, call, recording).await
}

async fn record_for(org: Option<OrgId>, tx: &mut TenantTx, call: Option<&str>, recording: &Recording<'_>) -> Updated {
    sqlx::query_as(
        "select call_logs_updated as logs, calls_updated as others, success, outcome, error_code, error_message
           from update_call_with_recording_atomically($1, $2, $3, $4, $5, $6)",
    )
    .bind(org)
    .bind(call)
    .bind(recording.url)
    .bind(recording.path)
    .bind(recording.transcript)
    .bind(recording.kind)
    .fetch_one(tx.conn())
    .await
    .unwrap()
}

/// Two practices with an agent and a lead each.
struct Office {
    desk: Desk,
    org: OrgId,
    other: OrgId,
    agent: Uuid,
    other_agent: Uuid,
    lead: Uuid,
    other_lead: Uuid,
}

impl Office {
    async fn new() -> Self {
        let desk = Desk::new().await;
        let (org, other) = (desk.db.organization("Harbour").await, desk.db.organization("Hill").await);
        let (agent, other_agent) = (agent(&desk, org).await, agent(&desk, other).await);
        let (lead, other_lead) = (lead(&desk, org).await, lead(&desk, other).await);
        Self { desk, org, other, agent, other_agent, lead, other_lead }
    }

    fn create(&self) -> Create {
        Create {
            org: Some(self.org),
            call: Some(CALL.to_owned()),
            agent: Some(self.agent),
            phone: Some(CALLER.to_owned()),
            lead: Some(self.lead),
            metadata: Some(json!({ "campaign": "spring" })),
        }
    }

    fn create_other(&self) -> Create {
        let (org, agent) = (Some(self.other), Some(self.other_agent));
        Create { org, agent, lead: Some(self.other_lead), ..self.create() }
    }

    async fn tx(&self) -> TenantTx {
        self.desk.tenancy.tenant(self.org).await.unwrap()
    }

    /// Creates the call and keeps it.
    async fn created(&self) -> Uuid {
        let mut tx = self.tx().await;
        let id = self.create().run(&mut tx).await.is("created");
        tx.commit().await.unwrap();
        id
    }

    /// How many rows there are of routes, records, live states and audit, over all organizations.
    async fn written(&self) -> Vec<i64> {
        let counts = [
            "select count(*) from call_routes",
            "select count(*) from call_logs",
            "select count(*) from call_tracking",
            "select count(*) from audit_log",
        ];
        let mut written = Vec::new();
        for sql in counts {
            written.push(self.desk.count(sql).await);
        }
        written
    }

    /// Both rows of the call as JSON.
    async fn rows(&self) -> (Value, Value) {
        sqlx::query_as(
            "select to_jsonb(l), to_jsonb(t) from call_logs l join call_tracking t on t.org_id = l.org_id and t.id = l.id
              where l.org_id = $1 and l.provider_call_id = $2",
        )
        .bind(self.org)
        .bind(CALL)
        .fetch_one(&mut self.desk.db.admin().await)
        .await
        .unwrap()
    }

    async fn audit(&self, action: &str) -> i64 {
        sqlx::query_scalar("select count(*) from audit_log where org_id = $1 and action = $2 and actor_kind = 'system'")
            .bind(self.org)
            .bind(action)
            .fetch_one(&mut self.desk.db.admin().await)
            .await
            .unwrap()
    }

    /// Deletes one of a call's rows, as only an administrator can.
    async fn lose(&self, table: &str) {
        let sql = format!("delete from {table} where provider_call_id = '{CALL}'");
        self.desk.db.admin().await.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    }
}

async fn agent(desk: &Desk, org: OrgId) -> Uuid {
    sqlx::query_scalar(
        "insert into agents (org_id, agent_id, name) values ($1, gen_random_uuid(), 'Reception') returning agent_id",
    )
    .bind(org)
    .fetch_one(&mut desk.db.admin().await)
    .await
    .unwrap()
}

async fn lead(desk: &Desk, org: OrgId) -> Uuid {
    sqlx::query_scalar(
        "insert into leads (org_id, lead_id, name) values ($1, gen_random_uuid(), 'Ada Marsh') returning lead_id",
    )
    .bind(org)
    .fetch_one(&mut desk.db.admin().await)
    .await
    .unwrap()
}

// --- create_inbound_call_atomically -------------------------------------------------------------------------------------

#[tokio::test]
async fn a_new_call_has_both_rows_its_route_and_an_audit_row() {
    let office = Office::new().await;
    let id = office.created().await;
    let (log, tracking) = office.rows().await;
    assert_eq!(office.written().await, [1, 1, 1, 1]);
    assert_eq!(office.audit("call.created").await, 1);
    for row in [&log, &tracking] {
        assert_eq!(row["id"], json!(id));
        assert_eq!(row["status"], "ringing");
        assert_eq!(row["agent_id"], json!(office.agent));
        assert_eq!(row["lead_id"], json!(office.lead));
        assert_eq!(row["metadata"], json!({ "campaign": "spring" }));
        assert_eq!(row["started_at"], Value::Null);
    }
    assert_eq!((&log["from_number"], &log["direction"]), (&json!(CALLER), &json!("inbound")));
    assert_eq!((&tracking["phone"], &tracking["answered"]), (&json!(CALLER), &json!(false)));
}

#[tokio::test]
async fn a_retry_answers_the_same_ids_and_writes_nothing() {
    let office = Office::new().await;
    let id = office.created().await;
    let before = (office.rows().await, office.written().await);
    for call in [CALL, "  call-1 ", "call-1   "] {
        let mut tx = office.tx().await;
        let create = Create { call: Some(call.to_owned()), phone: None, metadata: None, ..office.create() };
        assert_eq!(create.run(&mut tx).await.is("idempotent_retry"), id);
        tx.commit().await.unwrap();
    }
    assert_eq!((office.rows().await, office.written().await), before);
}

#[tokio::test]
async fn a_missing_half_is_added_under_the_id_of_the_other() {
    for (lost, routes) in [("call_logs", true), ("call_tracking", true), ("call_logs", false), ("call_tracking", false)]
    {
        let office = Office::new().await;
        let id = office.created().await;
        office.lose(lost).await;
        if !routes {
            office.lose("call_routes").await;
        }
        let mut tx = office.tx().await;
        assert_eq!(office.create().run(&mut tx).await.is("completed_partial"), id, "{lost}");
        tx.commit().await.unwrap();
        assert_eq!(office.written().await, [1, 1, 1, 2], "{lost}");
        let (log, tracking) = office.rows().await;
        assert_eq!((&log["from_number"], &tracking["phone"]), (&json!(CALLER), &json!(CALLER)));
    }
}

#[tokio::test]
async fn another_organizations_call_id_is_a_collision_that_writes_nothing() {
    let office = Office::new().await;
    office.created().await;
    let before = (office.rows().await, office.written().await);
    let mut tx = office.desk.tenancy.tenant(office.other).await.unwrap();
    office.create_other().run(&mut tx).await.fails("COLLISION_ERROR");
    tx.commit().await.unwrap();
    assert_eq!((office.rows().await, office.written().await), before);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_call_is_said_and_nothing_is_written() {
    let office = Office::new().await;
    let deleted = agent(&office.desk, office.org).await;
    sqlx::query("update agents set deleted_at = now() where agent_id = $1")
        .bind(deleted)
        .execute(&mut office.desk.db.admin().await)
        .await
        .unwrap();
    let usual = office.create();
    let call = |text: &str| Some(text.to_owned());
    let cases = [
        ("no organization", Create { org: None, ..usual.clone() }),
        ("an unknown organization", Create { org: Some(OrgId::new()), ..usual.clone() }),
        ("another organization than the transaction's", office.create_other()),
        ("no call id", Create { call: None, ..usual.clone() }),
        ("an empty call id", Create { call: call(""), ..usual.clone() }),
        ("a blank call id", Create { call: call("   "), ..usual.clone() }),
        ("a long call id", Create { call: Some("x".repeat(257)), ..usual.clone() }),
        ("no agent", Create { agent: None, ..usual.clone() }),
        ("an unknown agent", Create { agent: Some(Uuid::now_v7()), ..usual.clone() }),
        ("a deleted agent", Create { agent: Some(deleted), ..usual.clone() }),
        ("another organization's agent", Create { agent: Some(office.other_agent), ..usual.clone() }),
        ("another organization's lead", Create { lead: Some(office.other_lead), ..usual.clone() }),
        ("an unknown lead", Create { lead: Some(Uuid::now_v7()), ..usual.clone() }),
        ("a number that is none", Create { phone: call("front desk"), ..usual.clone() }),
        ("a national number", Create { phone: call("020 7946 0123"), ..usual.clone() }),
        ("metadata that is a list", Create { metadata: Some(json!(["spring"])), ..usual.clone() }),
        ("metadata that is null", Create { metadata: Some(Value::Null), ..usual.clone() }),
        (
            "metadata that is too large",
            Create { metadata: Some(json!({ "notes": "x".repeat(17_000) })), ..usual.clone() },
        ),
    ];
    let mut tx = office.tx().await;
    for (what, create) in cases {
        let created = create.run(&mut tx).await;
        assert_eq!(created.error_code.as_deref(), Some("VALIDATION_ERROR"), "{what}: {created:?}");
        created.fails("VALIDATION_ERROR");
    }
    // The transaction is as good as new.
    Create { call: call(&"x".repeat(256)), lead: None, phone: None, metadata: None, ..usual }
        .run(&mut tx)
        .await
        .is("created");
    tx.commit().await.unwrap();
    assert_eq!(office.written().await, [1, 1, 1, 1]);
}

#[tokio::test]
async fn a_database_error_comes_back_as_a_row_and_undoes_its_own_half() {
    let office = Office::new().await;
    let mut admin = office.desk.db.admin().await;
    admin.execute("alter table call_tracking add constraint planted check (phone <> '+12025550123')").await.unwrap();
    let mut tx = office.tx().await;
    office.create().run(&mut tx).await.fails("DATABASE_ERROR_23514");
    Create { call: Some("call-2".into()), phone: None, ..office.create() }.run(&mut tx).await.is("created");
    tx.commit().await.unwrap();
    assert_eq!(office.written().await, [1, 1, 1, 1], "of the first call nothing is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_simultaneous_creations_make_one_call() {
    let office = Office::new().await;
    let attempts = futures::future::join_all((0..16).map(|_| async {
        let mut tx = office.tx().await;
        let created = office.create().run(&mut tx).await;
        tx.commit().await.unwrap();
        created
    }))
    .await;
    let news = attempts.iter().filter(|created| created.outcome.as_deref() == Some("created")).count();
    assert_eq!(news, 1);
    let id = attempts[0].call_logs_id;
    for created in attempts.iter().filter(|created| created.outcome.as_deref() != Some("created")) {
        created.is("idempotent_retry");
    }
    assert!(id.is_some() && attempts.iter().all(|created| created.call_logs_id == id));
    assert_eq!(office.written().await, [1, 1, 1, 1]);
}

// --- update_call_completed_atomically -----------------------------------------------------------------------------------

#[tokio::test]
async fn a_completed_call_is_over_in_both_rows_once() {
    let office = Office::new().await;
    let id = office.created().await;
    let mut tx = office.tx().await;
    complete(&mut tx, Some(" call-1 "), Some(93), Some(id)).await.is("completed");
    tx.commit().await.unwrap();
    let first = office.rows().await;
    for row in [&first.0, &first.1] {
        assert_eq!((&row["status"], &row["duration_seconds"]), (&json!("ended"), &json!(93)));
        assert!(row["ended_at"].is_string());
    }
    assert_eq!(first.1["answered"], json!(false), "nobody was connected, however long it rang");
    assert_eq!(office.audit("call.completed").await, 1);

    for seconds in [Some(500), None, Some(93)] {
        let mut tx = office.tx().await;
        complete(&mut tx, Some(CALL), seconds, None).await.is("idempotent_retry");
        tx.commit().await.unwrap();
    }
    assert_eq!(office.rows().await, first, "a replay moves neither end nor duration");
    assert_eq!(office.audit("call.completed").await, 1);
}

#[tokio::test]
async fn a_duration_that_is_learnt_later_is_kept() {
    let office = Office::new().await;
    office.created().await;
    let mut tx = office.tx().await;
    complete(&mut tx, Some(CALL), None, None).await.is("completed");
    complete(&mut tx, Some(CALL), Some(41), None).await.is("idempotent_retry");
    tx.commit().await.unwrap();
    assert_eq!(office.rows().await.0["duration_seconds"], json!(41));
}

#[tokio::test]
async fn what_is_wrong_with_an_end_is_said_and_nothing_is_written() {
    let office = Office::new().await;
    let id = office.created().await;
    let before = (office.rows().await, office.written().await);
    let mut tx = office.tx().await;
    let long = 604_801;
    complete_for(None, &mut tx, Some(CALL), Some(1), None).await.fails("VALIDATION_ERROR");
    complete(&mut tx, None, Some(1), None).await.fails("VALIDATION_ERROR");
    complete(&mut tx, Some("  "), Some(1), None).await.fails("VALIDATION_ERROR");
    complete(&mut tx, Some(CALL), Some(-1), None).await.fails("VALIDATION_ERROR");
    complete(&mut tx, Some(CALL), Some(long), None).await.fails("VALIDATION_ERROR");
    complete(&mut tx, Some("call-2"), Some(1), None).await.fails("INTEGRITY_ERROR");
    complete(&mut tx, Some(CALL), Some(1), Some(Uuid::now_v7())).await.fails("INTEGRITY_ERROR");
    let second = Create { call: Some("call-2".into()), ..office.create() }.run(&mut tx).await.is("created");
    complete(&mut tx, Some(CALL), Some(1), Some(second)).await.fails("INTEGRITY_ERROR");
    tx.rollback().await.unwrap();
    let mut foreign = office.desk.tenancy.tenant(office.other).await.unwrap();
    complete_for(Some(office.org), &mut foreign, Some(CALL), Some(1), Some(id)).await.fails("INTEGRITY_ERROR");
    complete(&mut foreign, Some(CALL), Some(1), None).await.fails("INTEGRITY_ERROR");
    foreign.commit().await.unwrap();
    assert_eq!((office.rows().await, office.written().await), before);

    let mut tx = office.tx().await;
    complete(&mut tx, Some(CALL), Some(long - 1), Some(id)).await.is("completed");
    tx.commit().await.unwrap();
    assert_eq!(office.rows().await.0["duration_seconds"], json!(604_800), "a week to the second is believed");
}

#[tokio::test]
async fn an_end_without_one_of_its_rows_writes_nothing() {
    for (lost, stays) in [("call_logs", "call_tracking"), ("call_tracking", "call_logs")] {
        let office = Office::new().await;
        office.created().await;
        office.lose(lost).await;
        let mut tx = office.tx().await;
        complete(&mut tx, Some(CALL), Some(1), None).await.fails("INTEGRITY_ERROR");
        record(&mut tx, Some(CALL), &Recording { transcript: Some("AI: Hello."), ..Recording::default() })
            .await
            .fails("INTEGRITY_ERROR");
        tx.commit().await.unwrap();
        let status: String = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select status from {stays}")))
            .fetch_one(&mut office.desk.db.admin().await)
            .await
            .unwrap();
        assert_eq!(status, "ringing", "{stays}");
        assert_eq!(office.audit("call.completed").await, 0);
    }
}

// --- update_call_with_recording_atomically ------------------------------------------------------------------------------

#[tokio::test]
async fn a_recording_is_kept_and_a_null_erases_nothing() {
    let office = Office::new().await;
    office.created().await;
    let url = "https://recordings.example.test/1.wav";
    let mut tx = office.tx().await;
    let first = Recording { url: Some(url), path: None, transcript: Some("AI: Good morning."), kind: Some("inbound") };
    record(&mut tx, Some(" call-1 "), &first).await.is("updated");
    tx.commit().await.unwrap();
    let rows = office.rows().await;
    assert_eq!(rows.0["recording_url"], url);
    assert_eq!(rows.0["transcript_text"], "AI: Good morning.");
    assert_eq!(rows.0["recording_state"], "pending");
    assert_eq!(office.audit("call.recording_updated").await, 1);

    for poorer in [Recording::default(), Recording { url: Some("  "), transcript: Some("AI:"), ..Recording::default() }]
    {
        let mut tx = office.tx().await;
        record(&mut tx, Some(CALL), &poorer).await.is("updated");
        tx.commit().await.unwrap();
        assert_eq!(office.rows().await, rows);
    }
    let mut tx = office.tx().await;
    let copied = Recording { path: Some("calls/1.wav"), transcript: Some("AI: Good morning. User: Hello."), ..first };
    record(&mut tx, Some(CALL), &copied).await.is("updated");
    tx.commit().await.unwrap();
    let rows = office.rows().await.0;
    assert_eq!((&rows["recording_state"], &rows["recording_storage_path"]), (&json!("ready"), &json!("calls/1.wav")));
    assert_eq!(rows["transcript_text"], "AI: Good morning. User: Hello.");
    assert_eq!(rows["direction"], "inbound");
}

#[tokio::test]
async fn what_is_wrong_with_a_recording_is_said_and_nothing_is_written() {
    let office = Office::new().await;
    office.created().await;
    let before = (office.rows().await, office.written().await);
    let (most, too_much) = ("x".repeat(1_000_000), "x".repeat(1_000_001));
    let long_url = format!("https://recordings.example.test/{}", "x".repeat(2048));
    let long_path = "x".repeat(1025);
    let none = Recording::default();
    let wrong = [
        Recording { transcript: Some(&too_much), ..none.clone() },
        Recording { url: Some("ftp://recordings.example.test/1.wav"), ..none.clone() },
        Recording { url: Some("javascript:alert(1)"), ..none.clone() },
        Recording { url: Some(&long_url), ..none.clone() },
        Recording { path: Some(&long_path), ..none.clone() },
        Recording { kind: Some("sideways"), ..none.clone() },
    ];
    let mut tx = office.tx().await;
    for recording in &wrong {
        record(&mut tx, Some(CALL), recording).await.fails("VALIDATION_ERROR");
    }
    record_for(None, &mut tx, Some(CALL), &none).await.fails("VALIDATION_ERROR");
    record(&mut tx, None, &none).await.fails("VALIDATION_ERROR");
    record(&mut tx, Some(" "), &none).await.fails("VALIDATION_ERROR");
    record(&mut tx, Some("call-2"), &none).await.fails("INTEGRITY_ERROR");
    tx.commit().await.unwrap();
    let mut foreign = office.desk.tenancy.tenant(office.other).await.unwrap();
    record(&mut foreign, Some(CALL), &none).await.fails("INTEGRITY_ERROR");
    record_for(Some(office.org), &mut foreign, Some(CALL), &none).await.fails("INTEGRITY_ERROR");
    foreign.commit().await.unwrap();
    assert_eq!((office.rows().await, office.written().await), before);

    let mut tx = office.tx().await;
    record(&mut tx, Some(CALL), &Recording { transcript: Some(&most), ..none }).await.is("updated");
    tx.commit().await.unwrap();
}

// --- who may run them ---------------------------------------------------------------------------------------------------

#[tokio::test]
async fn only_the_application_may_run_the_atomic_functions() {
    let desk = Desk::new().await;
    let mut admin = desk.db.admin().await;
    let stranger = format!("stranger_{}", Uuid::now_v7().simple());
    admin.execute(sqlx::AssertSqlSafe(format!("create role {stranger}"))).await.unwrap();
    let allowed: Vec<(String, bool, bool, bool, bool)> = sqlx::query_as(
        "select p.proname::text, has_function_privilege('voxanne_app', p.oid, 'execute'),
                has_function_privilege('voxanne_system', p.oid, 'execute'),
                has_function_privilege($1, p.oid, 'execute'), p.prosecdef
           from pg_proc p
          where p.proname in ('create_inbound_call_atomically', 'update_call_completed_atomically',
                              'update_call_with_recording_atomically') order by 1",
    )
    .bind(&stranger)
    .fetch_all(&mut admin)
    .await
    .unwrap();
    admin.execute(sqlx::AssertSqlSafe(format!("drop role {stranger}"))).await.unwrap();
    assert_eq!(allowed.len(), 3);
    for (name, app, system, public, definer) in allowed {
        assert_eq!((app, system, public, definer), (true, false, false, false), "{name}");
    }
}
