//! All SQL: what the administrator asks of a whole database, and the table `backups` under the system login.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::http::Cursor;
use platform::tenancy::{DbError, RESTORE_MARKER, SystemTx};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use uuid::Uuid;

use crate::BackupError;
use crate::contents::{RecordingEntry, TableState};
use crate::records::Record;

/// Settings under which a row has one text, whatever the server's or the login's own say; and no limit of time, as a large
/// table takes long.
const SETTINGS: &str = "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; \
    set bytea_output = 'hex'; set extra_float_digits = 1; set row_security = off; set client_min_messages = warning; \
    set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0; \
    set search_path = pg_catalog, public";

/// Connects as the administrator.
pub(crate) async fn connect(admin: &PgConnectOptions) -> Result<PgConnection, BackupError> {
    let options = admin.clone().application_name("voxanne backup").disable_statement_logging();
    let mut conn = PgConnection::connect_with(&options).await?;
    conn.execute(SETTINGS).await?;
    Ok(conn)
}

/// The server's version as it says it, and its major number.
pub(crate) async fn server_version(conn: &mut PgConnection) -> Result<(String, u32), BackupError> {
    let (text, number): (String, i32) =
        sqlx::query_as("select current_setting('server_version'), current_setting('server_version_num')::int")
            .fetch_one(conn)
            .await?;
    // "15.18 (Debian 15.18-0+deb12u1)": the first word is the version.
    let version = text.split_whitespace().next().unwrap_or_default().to_owned();
    Ok((version, number.unsigned_abs() / 10_000))
}

/// Whether row security does not bind this login.
pub(crate) async fn sees_every_row(conn: &mut PgConnection) -> Result<bool, BackupError> {
    Ok(sqlx::query_scalar("select rolsuper or rolbypassrls from pg_roles where rolname = current_user")
        .fetch_one(conn)
        .await?)
}

/// The version of the schema.
pub(crate) async fn schema_version(conn: &mut PgConnection) -> Result<i64, BackupError> {
    Ok(sqlx::query_scalar("select coalesce(max(version), 0) from _sqlx_migrations where success")
        .fetch_one(conn)
        .await?)
}

/// Begins a transaction that sees one moment, and answers the name under which others see the same moment.
pub(crate) async fn begin_snapshot(conn: &mut PgConnection) -> Result<String, BackupError> {
    conn.execute("begin transaction isolation level repeatable read read only").await?;
    Ok(sqlx::query_scalar("select pg_export_snapshot()").fetch_one(conn).await?)
}

/// Begins a transaction that sees one moment.
pub(crate) async fn begin_reading(conn: &mut PgConnection) -> Result<(), BackupError> {
    conn.execute("begin transaction isolation level repeatable read read only").await?;
    Ok(())
}

/// Ends a transaction that only read.
pub(crate) async fn end_reading(conn: &mut PgConnection) -> Result<(), BackupError> {
    conn.execute("commit").await?;
    Ok(())
}

/// Counts and digests every table of the schema.
pub(crate) async fn table_states(conn: &mut PgConnection) -> Result<Vec<TableState>, BackupError> {
    // Quoted by the server. Generated columns follow from the others, and how may change with the server's version.
    let tables: Vec<(String, String, String)> = sqlx::query_as(
        "select c.relname::text, quote_ident(c.relname),
                (select string_agg('t.' || quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
                  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '')
           from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' order by c.relname",
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut states = Vec::with_capacity(tables.len());
    for (table, quoted, columns) in tables {
        // The sum of parts of the rows' digests depends on every row and on no order.
        let sql = format!(
            "select count(*), coalesce(sum(('x' || left(h, 14))::bit(56)::bigint), 0)::text || '.' ||
                    coalesce(sum(('x' || substr(h, 15, 14))::bit(56)::bigint), 0)::text
               from (select encode(sha256(convert_to(row({columns})::text, 'UTF8')), 'hex') as h
                       from only public.{quoted} t) s"
        );
        let (rows, digest): (i64, String) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut *conn).await?;
        states.push(TableState { table, rows, digest });
    }
    Ok(states)
}

/// Counts and digests everything about the schema that is not a row: what tables, rules, rights and functions are there. The
/// owner's name is left out, as it may be another one where a backup is restored; so are brackets, because a rule that was read
/// back from its text may have fewer of them, and the rights to the constructors of types, which a dump does not hold.
pub(crate) async fn shape(conn: &mut PgConnection) -> Result<Vec<TableState>, BackupError> {
    let parts: Vec<(String, i64, String)> = sqlx::query_as(
        "with outsiders as (
           select 0::oid as id, 'PUBLIC'::name as name
           union all select oid, rolname from pg_roles where rolname in ('voxanne_app', 'voxanne_system')),
         things as (
           select oid, oid::regclass::text as thing, coalesce(relacl, acldefault('r', relowner)) as acl
             from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')
           union all
           select attrelid, attrelid::regclass || '.' || attname, attacl from pg_attribute a
             join pg_class c on c.oid = a.attrelid and c.relnamespace = 'public'::regnamespace where attacl is not null
           union all
           select oid, oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner))
             from pg_proc p where pronamespace = 'public'::regnamespace
              and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'i')),
         lines (part, line) as (
           select 'columns', format('%s.%s %s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                                    a.attnotnull, a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
             from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
             left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
            where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'c')
           union all
           select 'row security', format('%s %s %s', relname, relrowsecurity, relforcerowsecurity)
             from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
           union all
           select 'policies', p::text from pg_policies p where schemaname = 'public'
           union all
           select 'indexes', pg_get_indexdef(indexrelid) || ' ' || indisvalid
             from pg_index i join pg_class c on c.oid = i.indrelid and c.relnamespace = 'public'::regnamespace
           union all
           select 'constraints', format('%s %s %s %s %s', conrelid::regclass, contypid::regtype, conname,
                                        pg_get_constraintdef(oid), convalidated)
             from pg_constraint where connamespace = 'public'::regnamespace
           union all
           select 'triggers', pg_get_triggerdef(t.oid) from pg_trigger t
             join pg_class c on c.oid = t.tgrelid and c.relnamespace = 'public'::regnamespace where not tgisinternal
           union all
           select 'functions', format('%s %s %s %s %s %s %s', oid::regprocedure, prosrc, prosecdef, proconfig, provolatile,
                                      proleakproof, proowner = (select id from outsiders where name = 'voxanne_system'))
             from pg_proc where pronamespace = 'public'::regnamespace
           union all
           select 'rights', format('%s %s %s %s', thing, o.name, a.privilege_type, a.is_grantable)
             from things, aclexplode(acl) a join outsiders o on o.id = a.grantee),
         plain (part, line) as (select part, translate(line, '() ', '') from lines)
         select 'schema: ' || part, count(*), encode(sha256(convert_to(string_agg(line, e'\\n' order by line collate \"C\"),
                'UTF8')), 'hex') from plain group by part order by part",
    )
    .fetch_all(conn)
    .await?;
    Ok(parts.into_iter().map(|(table, rows, digest)| TableState { table, rows, digest }).collect())
}

/// Every recording that the database says it has.
pub(crate) async fn recordings(conn: &mut PgConnection) -> Result<Vec<RecordingEntry>, BackupError> {
    let found: Vec<(String, i64, String)> = sqlx::query_as(
        "select storage_key, size_bytes, encode(sha256, 'hex') from call_recordings
          where state = 'ready' order by storage_key",
    )
    .fetch_all(conn)
    .await?;
    Ok(found
        .into_iter()
        .map(|(key, bytes, sha256)| RecordingEntry { key, bytes: bytes.unsigned_abs(), sha256, kept: false })
        .collect())
}

/// Whether nothing is in the schema.
pub(crate) async fn is_empty(conn: &mut PgConnection) -> Result<bool, BackupError> {
    Ok(sqlx::query_scalar(
        "select not exists (select 1 from pg_class where relnamespace = to_regnamespace('public'))
            and not exists (select 1 from pg_proc where pronamespace = to_regnamespace('public'))",
    )
    .fetch_one(conn)
    .await?)
}

/// Whether a restore began here and did not end.
pub(crate) async fn is_marked(conn: &mut PgConnection) -> Result<bool, BackupError> {
    Ok(sqlx::query_scalar("select to_regnamespace($1) is not null").bind(RESTORE_MARKER).fetch_one(conn).await?)
}

/// Marks the database as one whose restore has not ended, so that nobody serves from it.
pub(crate) async fn mark(conn: &mut PgConnection) -> Result<(), BackupError> {
    conn.execute(AssertSqlSafe(format!("create schema if not exists {RESTORE_MARKER}"))).await?;
    Ok(())
}

/// Takes the mark away: the restore has ended.
pub(crate) async fn unmark(conn: &mut PgConnection) -> Result<(), BackupError> {
    conn.execute(AssertSqlSafe(format!("drop schema {RESTORE_MARKER} cascade"))).await?;
    Ok(())
}

/// Empties a marked database: what an interrupted restore left.
pub(crate) async fn empty(conn: &mut PgConnection) -> Result<(), BackupError> {
    conn.execute(
        "begin; drop schema public cascade; create schema public authorization pg_database_owner;
         grant usage on schema public to public; comment on schema public is 'standard public schema'; commit",
    )
    .await?;
    Ok(())
}

/// Gives the functions with system rights back to the system role, as the migrations did: the dump is restored without
/// owners, because the administrator may have another name here.
pub(crate) async fn settle_owners(conn: &mut PgConnection) -> Result<(), BackupError> {
    conn.execute(
        "do $$ begin
           if not (select rolsuper from pg_roles where rolname = current_user) then
             execute format('grant voxanne_system to %I', current_user);
           end if;
           perform public.system_function(p.oid::regprocedure)
              from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef;
         end $$",
    )
    .await?;
    // What the planner knows of the tables is not in a dump.
    conn.execute("analyze").await?;
    Ok(())
}

/// What came of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is being made, or its process died.
    Running,
    /// It is complete, and good as far as is known.
    Done,
    /// It was not completed.
    Failed,
    /// It was complete, and a later look found it bad.
    Damaged,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Running, Self::Done, Self::Failed, Self::Damaged];

    /// As it is stored, and for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Damaged => "damaged",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// Notes that a backup began.
pub(crate) async fn began(tx: &mut SystemTx, id: Uuid, place: &str, now: Timestamp) -> Result<(), DbError> {
    sqlx::query("insert into backups (backup_id, started_at, outcome, place) values ($1, $2, 'running', $3)")
        .bind(id)
        .bind(now.to_sqlx())
        .bind(place)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Notes what came of it.
pub(crate) async fn ended(
    tx: &mut SystemTx,
    id: Uuid,
    outcome: Outcome,
    now: Timestamp,
    bytes: Option<u64>,
    error: Option<&str>,
) -> Result<(), DbError> {
    sqlx::query("update backups set ended_at = $2, outcome = $3, bytes = $4, error = $5 where backup_id = $1")
        .bind(id)
        .bind(now.to_sqlx())
        .bind(outcome.word())
        .bind(bytes.and_then(|bytes| i64::try_from(bytes).ok()))
        .bind(error)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Notes that a backup was restored on trial, and whether it is good. False: this installation knows nothing of it.
pub(crate) async fn verified(
    tx: &mut SystemTx,
    id: Uuid,
    now: Timestamp,
    fault: Option<&str>,
) -> Result<bool, DbError> {
    let outcome = if fault.is_some() { Outcome::Damaged } else { Outcome::Done };
    let done = sqlx::query(
        "update backups set outcome = $3, error = $4, verified_at = case when $4 is null then $2 else verified_at end
          where backup_id = $1 and outcome in ('done', 'damaged')",
    )
    .bind(id)
    .bind(now.to_sqlx())
    .bind(outcome.word())
    .bind(fault)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// When the last success and the last attempt began. One that began and never ended counts as an attempt.
pub(crate) async fn last_times(tx: &mut SystemTx) -> Result<(Option<Timestamp>, Option<Timestamp>), DbError> {
    type Times = (Option<jiff_sqlx::Timestamp>, Option<jiff_sqlx::Timestamp>);
    let (success, attempt): Times =
        sqlx::query_as("select max(started_at) filter (where outcome = 'done'), max(started_at) from backups")
            .fetch_one(tx.conn())
            .await?;
    let time = |at: Option<jiff_sqlx::Timestamp>| at.map(jiff_sqlx::Timestamp::to_jiff);
    Ok((time(success), time(attempt)))
}

/// Which backup a trial is about.
pub(crate) struct Newest {
    pub(crate) id: Uuid,
    /// As far as is known.
    pub(crate) is_good: bool,
}

/// The newest complete backup at a place, and when one of there was last restored on trial and agreed.
pub(crate) async fn newest(tx: &mut SystemTx, place: &str) -> Result<(Option<Newest>, Option<Timestamp>), DbError> {
    let newest: Option<(Uuid, bool)> = sqlx::query_as(
        "select backup_id, outcome = 'done' from backups
          where place = $1 and outcome in ('done', 'damaged') and removed_at is null order by started_at desc limit 1",
    )
    .bind(place)
    .fetch_optional(tx.conn())
    .await?;
    let agreed: Option<jiff_sqlx::Timestamp> =
        sqlx::query_scalar("select max(verified_at) from backups where place = $1")
            .bind(place)
            .fetch_one(tx.conn())
            .await?;
    let newest = newest.map(|(id, is_good)| Newest { id, is_good });
    Ok((newest, agreed.map(jiff_sqlx::Timestamp::to_jiff)))
}

#[derive(sqlx::FromRow)]
struct RecordRow {
    backup_id: Uuid,
    started_at: jiff_sqlx::Timestamp,
    ended_at: Option<jiff_sqlx::Timestamp>,
    outcome: String,
    place: String,
    bytes: Option<i64>,
    verified_at: Option<jiff_sqlx::Timestamp>,
    removed_at: Option<jiff_sqlx::Timestamp>,
    error: Option<String>,
}

/// What was tried, newest first, after `from`.
pub(crate) async fn list(tx: &mut SystemTx, from: Option<Cursor>, most: i64) -> Result<Vec<Record>, DbError> {
    let (at, id) = from.map(|cursor| (cursor.at.to_sqlx(), cursor.id)).unzip();
    let rows: Vec<RecordRow> = sqlx::query_as(
        "select backup_id, started_at, ended_at, outcome, place, bytes, verified_at, removed_at, error from backups
          where $1::timestamptz is null or (started_at, backup_id) < ($1, $2)
          order by started_at desc, backup_id desc limit $3",
    )
    .bind(at)
    .bind(id)
    .bind(most)
    .fetch_all(tx.conn())
    .await?;
    let time = jiff_sqlx::Timestamp::to_jiff;
    // A word of another version is nobody's to show here.
    let rows = rows.into_iter().filter_map(|row| {
        Some(Record {
            id: row.backup_id,
            started_at: time(row.started_at),
            ended_at: row.ended_at.map(time),
            outcome: Outcome::parse(&row.outcome)?,
            place: row.place,
            bytes: row.bytes.and_then(|bytes| u64::try_from(bytes).ok()),
            verified_at: row.verified_at.map(time),
            removed_at: row.removed_at.map(time),
            error: row.error,
        })
    });
    Ok(rows.collect())
}

/// Notes which backups are not at their place any more.
pub(crate) async fn removed(tx: &mut SystemTx, ids: &[Uuid], now: Timestamp) -> Result<(), DbError> {
    sqlx::query("update backups set removed_at = $2 where backup_id = any($1) and removed_at is null")
        .bind(ids)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The backups of this installation, each with whether it is good as far as is known.
pub(crate) async fn known(tx: &mut SystemTx) -> Result<Vec<(Uuid, bool)>, DbError> {
    Ok(sqlx::query_as("select backup_id, outcome = 'done' from backups").fetch_all(tx.conn()).await?)
}

/// Ends what a process left running when it died.
pub(crate) async fn close_abandoned(tx: &mut SystemTx, before: Timestamp, now: Timestamp) -> Result<(), DbError> {
    sqlx::query(
        "update backups set outcome = 'failed', ended_at = $2, error = 'the process ended before the backup did'
          where outcome = 'running' and started_at < $1",
    )
    .bind(before.to_sqlx())
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}
