//! SQL of `import_runs`, `import_progress`, `import_issues`, `import_quarantine` and `import_rows`, and the look-ups across
//! organizations that tell whose a row is.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::ids::{Id, OrgId};
use platform::tenancy::{DbError, SystemTx, TenantTx};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Executor as _};
use uuid::Uuid;

use crate::model::{Fact, Fate, Issue, Outcome, Place, Reason, Rule, Table};
use crate::report::{LegTally, ReasonCount};

/// A stored word that this version cannot read.
fn undecodable(what: &'static str) -> DbError {
    DbError::from(sqlx::Error::Decode(what.into()))
}

/// A count or place as the database holds it.
fn number(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

// --- runs ----------------------------------------------------------------------------------------------------------------

/// The unfinished run of the same folder, or a new one; and whether it was there.
pub(crate) async fn open_run(tx: &mut SystemTx, fingerprint: &[u8], now: Timestamp) -> Result<(Uuid, bool), DbError> {
    let open = "select run_id from import_runs where fingerprint = $1 and finished_at is null for update";
    let found: Option<Uuid> = sqlx::query_scalar(open).bind(fingerprint).fetch_optional(tx.conn()).await?;
    if let Some(run) = found {
        return Ok((run, true));
    }
    sqlx::query("insert into import_runs (run_id, fingerprint, started_at) values ($1, $2, $3) on conflict do nothing")
        .bind(Uuid::now_v7())
        .bind(fingerprint)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    // Two of the same folder begin at the same moment: both work on the one run.
    Ok((sqlx::query_scalar(open).bind(fingerprint).fetch_one(tx.conn()).await?, false))
}

pub(crate) async fn finish_run(tx: &mut SystemTx, run: Uuid, now: Timestamp) -> Result<(), DbError> {
    sqlx::query("update import_runs set finished_at = $2 where run_id = $1 and finished_at is null")
        .bind(run)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// How far each leg has come.
pub(crate) async fn progress(tx: &mut SystemTx, run: Uuid) -> Result<HashMap<i32, (u64, LegTally)>, DbError> {
    let rows: Vec<(i32, i64, Json<LegTally>)> =
        sqlx::query_as("select leg, rows_seen, tally from import_progress where run_id = $1")
            .bind(run)
            .fetch_all(tx.conn())
            .await?;
    Ok(rows.into_iter().map(|(leg, seen, tally)| (leg, (seen.unsigned_abs(), tally.0))).collect())
}

/// Notes how far a leg has come. False when another process has come as far: what this one counted is counted already.
pub(crate) async fn save_progress(
    tx: &mut SystemTx,
    run: Uuid,
    leg: i32,
    before: u64,
    seen: u64,
    tally: &LegTally,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "insert into import_progress as p (run_id, leg, rows_seen, tally) values ($1, $2, $4, $5)
         on conflict (run_id, leg) do update set rows_seen = excluded.rows_seen, tally = excluded.tally
           where p.rows_seen = $3",
    )
    .bind(run)
    .bind(leg)
    .bind(number(before))
    .bind(number(seen))
    .bind(Json(tally))
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

// --- dry runs ------------------------------------------------------------------------------------------------------------

/// Turns the transaction into one that can write nothing but what it forgets at its end: two temporary tables, and then
/// PostgreSQL itself refuses every other write.
pub(crate) async fn begin_rehearsal(tx: &mut SystemTx) -> Result<(), DbError> {
    tx.conn()
        .execute(
            "create temporary table rehearsed_facts (key text not null, fact jsonb not null) on commit drop;
             create index on rehearsed_facts (key);
             create temporary table rehearsed_issues (like import_issues including all) on commit drop;
             set transaction read only",
        )
        .await?;
    Ok(())
}

/// Remembers what a real run would know now.
pub(crate) async fn rehearse(tx: &mut SystemTx, facts: &[Fact]) -> Result<(), DbError> {
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for fact in facts {
        let value = serde_json::to_value(fact).map_err(|error| DbError::from(sqlx::Error::Encode(Box::new(error))))?;
        if let Fact::Agent { assistant: Some(assistant), .. } = fact {
            keys.push(format!("assistant {assistant}"));
            values.push(value.clone());
        }
        keys.push(key_of(fact));
        values.push(value);
    }
    sqlx::query("insert into rehearsed_facts (key, fact) select * from unnest($1::text[], $2::jsonb[])")
        .bind(keys)
        .bind(values)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What the rehearsal has come to know of these.
pub(crate) async fn rehearsed(tx: &mut SystemTx, keys: &Keys) -> Result<Vec<Fact>, DbError> {
    let mut wanted: Vec<String> = keys.ids.iter().map(ToString::to_string).collect();
    wanted.extend(keys.calls.iter().map(|id| format!("call {id}")));
    wanted.extend(keys.assistants.iter().map(|id| format!("assistant {id}")));
    let rows: Vec<Json<Fact>> = sqlx::query_scalar("select fact from rehearsed_facts where key = any($1)")
        .bind(wanted)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.into_iter().map(|Json(fact)| fact).collect())
}

fn key_of(fact: &Fact) -> String {
    match fact {
        Fact::Organization(id) | Fact::Agent { id, .. } | Fact::Row { id, .. } | Fact::Dropped { id, .. } => {
            id.to_string()
        }
        Fact::Number { e164, .. } => e164.clone(),
        Fact::Call { provider_call_id, .. } => format!("call {provider_call_id}"),
    }
}

// --- what is known -------------------------------------------------------------------------------------------------------

/// What a handful of rows names.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// Ids of rows, organizations, agents, leads.
    pub(crate) ids: BTreeSet<Uuid>,
    /// The provider's ids of assistants.
    pub(crate) assistants: BTreeSet<String>,
    /// E.164.
    pub(crate) numbers: BTreeSet<String>,
    /// The provider's ids of calls.
    pub(crate) calls: BTreeSet<String>,
}

#[derive(sqlx::FromRow)]
struct RowFact {
    org_id: Uuid,
    source_table: String,
    source_id: Uuid,
    digest: Vec<u8>,
    subject_id: Uuid,
    outcome: String,
    run_id: Uuid,
    place: String,
    provider_call_id: Option<String>,
}

impl RowFact {
    fn fact(self) -> Result<Fact, DbError> {
        Ok(Fact::Row {
            table: Table::named(&self.source_table).ok_or_else(|| undecodable("an unknown table"))?,
            id: self.source_id,
            org: self.org_id,
            digest: hex::encode(&self.digest),
            subject: self.subject_id,
            outcome: if self.outcome == Outcome::Merged.as_str() { Outcome::Merged } else { Outcome::Imported },
            run: self.run_id,
            place: self.place,
            provider_call_id: self.provider_call_id,
        })
    }
}

/// Which of these organizations are here, and open.
pub(crate) async fn organizations(tx: &mut SystemTx, orgs: &BTreeSet<Uuid>) -> Result<Vec<Fact>, DbError> {
    let found: Vec<Uuid> =
        sqlx::query_scalar("select org_id from organizations where org_id = any($1) and deleted_at is null")
            .bind(orgs.iter().copied().collect::<Vec<_>>())
            .fetch_all(tx.conn())
            .await?;
    Ok(found.into_iter().map(Fact::Organization).collect())
}

/// What the database knows of these, but for the organizations.
pub(crate) async fn look_up(tx: &mut SystemTx, keys: &Keys) -> Result<Vec<Fact>, DbError> {
    let ids: Vec<Uuid> = keys.ids.iter().copied().collect();
    let list = |texts: &BTreeSet<String>| texts.iter().cloned().collect::<Vec<_>>();
    let mut facts = Vec::new();

    let agents: Vec<(Uuid, Uuid, Option<String>, Option<String>)> = sqlx::query_as(
        "select a.agent_id, a.org_id, a.provider_assistant_id,
                (select lower(r.kept ->> 'role') from import_rows r
                  where r.org_id = a.org_id and r.source_table = 'agents' and r.source_id = a.agent_id limit 1)
           from agents a where (a.agent_id = any($1) or a.provider_assistant_id = any($2)) and a.deleted_at is null",
    )
    .bind(&ids)
    .bind(list(&keys.assistants))
    .fetch_all(tx.conn())
    .await?;
    facts.extend(agents.into_iter().map(|(id, org, assistant, role)| Fact::Agent { id, org, assistant, role }));

    let numbers: Vec<(String, Uuid)> = sqlx::query_as("select e164, org_id from phone_numbers where e164 = any($1)")
        .bind(list(&keys.numbers))
        .fetch_all(tx.conn())
        .await?;
    facts.extend(numbers.into_iter().map(|(e164, org)| Fact::Number { e164, org }));

    let rows: Vec<RowFact> = sqlx::query_as(
        "select r.org_id, r.source_table, r.source_id, r.digest, r.subject_id, r.outcome, r.run_id, r.place,
                c.provider_call_id
           from import_rows r
           left join call_routes c on c.org_id = r.org_id and c.call_id = r.subject_id
          where r.source_id = any($1)",
    )
    .bind(&ids)
    .fetch_all(tx.conn())
    .await?;
    for row in rows {
        facts.push(row.fact()?);
    }

    let dropped: Vec<(String, Uuid, Vec<u8>)> = sqlx::query_as(
        "select source_table, source_id, digest from import_quarantine
          where source_id = any($1) and resolved_at is not null and resolved_org_id is null",
    )
    .bind(&ids)
    .fetch_all(tx.conn())
    .await?;
    for (table, id, digest) in dropped {
        let table = Table::named(&table).ok_or_else(|| undecodable("an unknown table"))?;
        facts.push(Fact::Dropped { table, id, digest: hex::encode(digest) });
    }

    let calls: Vec<(String, Uuid, Uuid)> = sqlx::query_as(
        "select provider_call_id, org_id, call_id from call_routes where provider = 'vapi' and provider_call_id = any($1)",
    )
    .bind(list(&keys.calls))
    .fetch_all(tx.conn())
    .await?;
    facts.extend(calls.into_iter().map(|(id, org, call)| Fact::Call { provider_call_id: id, org, id: call }));
    Ok(facts)
}

// --- what was taken ------------------------------------------------------------------------------------------------------

/// A row that was taken.
pub(crate) struct TakenRow<'a> {
    pub(crate) table: Table,
    pub(crate) id: Uuid,
    pub(crate) digest: &'a str,
    pub(crate) subject: Uuid,
    pub(crate) outcome: Outcome,
    pub(crate) rule: Rule,
    pub(crate) run: Uuid,
    pub(crate) place: String,
    pub(crate) kept: Option<&'a Value>,
}

/// Remembers rows of the transaction's organization.
pub(crate) async fn insert_rows(tx: &mut TenantTx, rows: &[TakenRow<'_>]) -> Result<(), DbError> {
    let org = tx.org();
    insert_rows_on(tx.conn(), org, rows).await
}

/// Remembers the row of an organization itself.
pub(crate) async fn insert_organization_row(tx: &mut SystemTx, org: OrgId, row: TakenRow<'_>) -> Result<(), DbError> {
    insert_rows_on(tx.conn(), org, &[row]).await
}

async fn insert_rows_on(conn: &mut PgConnection, org: OrgId, rows: &[TakenRow<'_>]) -> Result<(), DbError> {
    sqlx::query(
        "insert into import_rows (org_id, source_table, source_id, digest, subject_id, outcome, rule, run_id, place, kept)
         select $1, r.* from unnest($2::text[], $3::uuid[], $4::bytea[], $5::uuid[], $6::text[], $7::text[], $8::uuid[],
                                    $9::text[], $10::jsonb[]) r
         on conflict do nothing",
    )
    .bind(org)
    .bind(rows.iter().map(|row| row.table.name()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.id).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| digest_bytes(row.digest)).collect::<Result<Vec<_>, _>>()?)
    .bind(rows.iter().map(|row| row.subject).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.outcome.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.rule.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.run).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.place.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.kept).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

fn digest_bytes(digest: &str) -> Result<Vec<u8>, DbError> {
    hex::decode(digest).map_err(|_| undecodable("a digest that is not hexadecimal"))
}

// --- what waits ----------------------------------------------------------------------------------------------------------

/// Marker for ids of waiting rows.
pub enum WaitingRow {}
/// A row that waits for somebody to decide.
pub type WaitingId = Id<WaitingRow>;

/// A row that is to wait.
pub(crate) struct NewWaiting<'a> {
    pub(crate) table: Table,
    pub(crate) id: Uuid,
    pub(crate) digest: &'a str,
    pub(crate) place: &'a Place,
    pub(crate) issue: &'a Issue,
    pub(crate) sealed: Vec<u8>,
}

/// Lets rows wait. One that waits already, or was settled, stays as it is.
pub(crate) async fn insert_waiting(
    tx: &mut SystemTx,
    run: Uuid,
    rows: &[NewWaiting<'_>],
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "insert into import_quarantine (id, run_id, source_table, source_id, digest, file, line, row_number, column_name, reason,
                                        sealed, waiting_since)
         select q.id, $1, q.source_table, q.source_id, q.digest, q.file, q.line, q.row_number, q.column_name, q.reason,
                q.sealed, $2
           from unnest($3::uuid[], $4::text[], $5::uuid[], $6::bytea[], $7::text[], $8::bigint[], $9::bigint[],
                       $10::text[], $11::text[], $12::bytea[])
                q (id, source_table, source_id, digest, file, line, row_number, column_name, reason, sealed)
         on conflict do nothing",
    )
    .bind(run)
    .bind(now.to_sqlx())
    .bind(rows.iter().map(|_| WaitingId::new()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.table.name()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.id).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| digest_bytes(row.digest)).collect::<Result<Vec<_>, _>>()?)
    .bind(rows.iter().map(|row| row.place.file.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| number(row.place.line)).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| number(row.place.row)).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.issue.column.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.issue.reason.code()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.sealed.as_slice()).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that rows that waited have been taken.
pub(crate) async fn settle_waiting(
    tx: &mut SystemTx,
    rows: &[(Table, Uuid, &str, OrgId)],
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "update import_quarantine q set resolved_at = $1, resolved_org_id = r.org_id
           from unnest($2::text[], $3::uuid[], $4::bytea[], $5::uuid[]) r (source_table, source_id, digest, org_id)
          where q.source_table = r.source_table and q.source_id = r.source_id and q.digest = r.digest
            and q.resolved_at is null",
    )
    .bind(now.to_sqlx())
    .bind(rows.iter().map(|(table, ..)| table.name()).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, id, ..)| *id).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, _, digest, _)| digest_bytes(digest)).collect::<Result<Vec<_>, _>>()?)
    .bind(rows.iter().map(|(.., org)| *org).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A row that waits.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Waiting {
    /// Its id here.
    pub id: WaitingId,
    /// The run that met it.
    pub run: Uuid,
    /// Of which table.
    pub table: Table,
    /// Its id there, or one made from what identifies it.
    pub source_id: Uuid,
    /// Where it stands.
    pub place: Place,
    /// About which column; empty for the whole row.
    pub column: String,
    /// Why it waits.
    pub reason: Reason,
    /// Since when.
    pub since: Timestamp,
}

#[derive(sqlx::FromRow)]
struct WaitingColumns {
    id: WaitingId,
    run_id: Uuid,
    source_table: String,
    source_id: Uuid,
    file: String,
    line: i64,
    row_number: i64,
    column_name: String,
    reason: String,
    waiting_since: jiff_sqlx::Timestamp,
}

impl WaitingColumns {
    fn read(self) -> Result<Waiting, DbError> {
        Ok(Waiting {
            id: self.id,
            run: self.run_id,
            table: Table::named(&self.source_table).ok_or_else(|| undecodable("an unknown table"))?,
            source_id: self.source_id,
            place: Place { file: self.file, line: self.line.unsigned_abs(), row: self.row_number.unsigned_abs() },
            column: self.column_name,
            reason: Reason::of_code(&self.reason).ok_or_else(|| undecodable("an unknown reason"))?,
            since: self.waiting_since.to_jiff(),
        })
    }
}

/// Rows that wait in the same way: of one table, for one reason in one column.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Alike {
    /// Of which table.
    pub table: Table,
    /// About which column; empty for the whole row.
    pub column: String,
    /// Why they wait.
    pub reason: Reason,
}

/// Rows that wait, in the order of their ids, after one of them; all, or those that are alike.
pub(crate) async fn waiting(
    tx: &mut SystemTx,
    alike: Option<&Alike>,
    after: Option<WaitingId>,
    limit: i64,
) -> Result<Vec<Waiting>, DbError> {
    let rows: Vec<WaitingColumns> = sqlx::query_as(
        "select id, run_id, source_table, source_id, file, line, row_number, column_name, reason, waiting_since from import_quarantine
          where resolved_at is null and ($1::uuid is null or id > $1)
            and ($3::text is null or (source_table = $3 and column_name = $4 and reason = $5))
          order by id limit $2",
    )
    .bind(after)
    .bind(limit)
    .bind(alike.map(|alike| alike.table.name()))
    .bind(alike.map(|alike| alike.column.as_str()))
    .bind(alike.map(|alike| alike.reason.code()))
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(WaitingColumns::read).collect()
}

/// How many rows wait.
pub(crate) async fn count_waiting(tx: &mut SystemTx) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar("select count(*) from import_quarantine where resolved_at is null")
        .fetch_one(tx.conn())
        .await?)
}

/// How many rows wait in which way, the most first.
pub(crate) async fn waiting_by_reason(tx: &mut SystemTx) -> Result<Vec<(Alike, i64)>, DbError> {
    let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
        "select source_table, column_name, reason, count(*) from import_quarantine where resolved_at is null
          group by source_table, column_name, reason order by count(*) desc, source_table, column_name, reason",
    )
    .fetch_all(tx.conn())
    .await?;
    let mut groups = Vec::with_capacity(rows.len());
    for (table, column, reason, rows) in rows {
        let reason = Reason::of_code(&reason).ok_or_else(|| undecodable("an unknown reason"))?;
        let table = Table::named(&table).ok_or_else(|| undecodable("an unknown table"))?;
        groups.push((Alike { table, column, reason }, rows));
    }
    Ok(groups)
}

/// Drops rows that wait: what they say is deleted, and that they were dropped is remembered. Answers how many.
pub(crate) async fn drop_waiting(tx: &mut SystemTx, ids: &[WaitingId], now: Timestamp) -> Result<u64, DbError> {
    let done = sqlx::query(
        "update import_quarantine set resolved_at = $2, sealed = '' where id = any($1) and resolved_at is null",
    )
    .bind(ids)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// The same for all rows that are alike.
pub(crate) async fn drop_alike(tx: &mut SystemTx, alike: &Alike, now: Timestamp) -> Result<u64, DbError> {
    let done = sqlx::query(
        "update import_quarantine set resolved_at = $4, sealed = ''
          where source_table = $1 and column_name = $2 and reason = $3 and resolved_at is null",
    )
    .bind(alike.table.name())
    .bind(&alike.column)
    .bind(alike.reason.code())
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Rows that wait and what they say, sealed, in the order of their ids. What waits no more is left out.
pub(crate) async fn find_waiting(tx: &mut SystemTx, ids: &[WaitingId]) -> Result<Vec<(Waiting, Vec<u8>)>, DbError> {
    #[derive(sqlx::FromRow)]
    struct Found {
        #[sqlx(flatten)]
        columns: WaitingColumns,
        sealed: Vec<u8>,
    }
    let rows: Vec<Found> = sqlx::query_as(
        "select id, run_id, source_table, source_id, file, line, row_number, column_name, reason, waiting_since, sealed
           from import_quarantine where id = any($1) and resolved_at is null order by id",
    )
    .bind(ids)
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|found| Ok((found.columns.read()?, found.sealed))).collect()
}

/// Notes why rows still wait.
pub(crate) async fn note_still_waiting(tx: &mut SystemTx, rows: &[(WaitingId, &Issue)]) -> Result<(), DbError> {
    sqlx::query(
        "update import_quarantine q set column_name = r.column_name, reason = r.reason
           from unnest($1::uuid[], $2::text[], $3::text[]) r (id, column_name, reason)
          where q.id = r.id and q.resolved_at is null",
    )
    .bind(rows.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, issue)| issue.column.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, issue)| issue.reason.code()).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

// --- what was wrong ------------------------------------------------------------------------------------------------------

/// Something about one row.
pub(crate) struct NewIssue {
    pub(crate) table: Table,
    pub(crate) place: Place,
    pub(crate) issue: Issue,
}

fn issues_table(rehearsal: bool) -> &'static str {
    if rehearsal { "rehearsed_issues" } else { "import_issues" }
}

/// Notes what was wrong with rows.
pub(crate) async fn insert_issues(
    tx: &mut SystemTx,
    rehearsal: bool,
    run: Uuid,
    issues: &[NewIssue],
) -> Result<(), DbError> {
    let sql = format!(
        "insert into {} (run_id, source_table, file, line, row_number, column_name, reason, fate)
         select $1, i.* from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[]) i
         on conflict do nothing",
        issues_table(rehearsal)
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(run)
        .bind(issues.iter().map(|issue| issue.table.name()).collect::<Vec<_>>())
        .bind(issues.iter().map(|issue| issue.place.file.as_str()).collect::<Vec<_>>())
        .bind(issues.iter().map(|issue| number(issue.place.line)).collect::<Vec<_>>())
        .bind(issues.iter().map(|issue| number(issue.place.row)).collect::<Vec<_>>())
        .bind(issues.iter().map(|issue| issue.issue.column.as_str()).collect::<Vec<_>>())
        .bind(issues.iter().map(|issue| issue.issue.reason.code()).collect::<Vec<_>>())
        .bind(issues.iter().map(|issue| issue.issue.reason.fate().as_str()).collect::<Vec<_>>())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Every reason of a run, with how many rows it met and the first of them.
pub(crate) async fn reasons(tx: &mut SystemTx, rehearsal: bool, run: Uuid) -> Result<Vec<ReasonCount>, DbError> {
    let sql = format!(
        "select source_table, column_name, reason, count(*), (array_agg(file order by file, row_number))[1],
                (array_agg(line order by file, row_number))[1], (array_agg(row_number order by file, row_number))[1]
           from {} where run_id = $1 group by source_table, column_name, reason",
        issues_table(rehearsal)
    );
    let rows: Vec<(String, String, String, i64, String, i64, i64)> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(run).fetch_all(tx.conn()).await?;
    let mut counts = Vec::with_capacity(rows.len());
    for (table, column, reason, rows, file, line, row) in rows {
        let reason = Reason::of_code(&reason).ok_or_else(|| undecodable("an unknown reason"))?;
        let table = Table::named(&table).ok_or_else(|| undecodable("an unknown table"))?;
        let first = Place { file, line: line.unsigned_abs(), row: row.unsigned_abs() };
        counts.push(ReasonCount { table, column, reason, fate: reason.fate(), rows, first });
    }
    counts.sort_by(|a, b| (a.fate, a.table, &a.column, a.reason).cmp(&(b.fate, b.table, &b.column, b.reason)));
    Ok(counts)
}

/// One issue of a run.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct IssueLine {
    /// Of which table.
    pub table: Table,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// In which column; empty for the whole row.
    pub column: String,
    /// What.
    pub reason: Reason,
    /// What became of the row.
    pub fate: Fate,
}

/// Issues of a run after one of them, for the written report.
pub(crate) async fn issues_after(
    tx: &mut SystemTx,
    rehearsal: bool,
    run: Uuid,
    after: Option<&IssueLine>,
    limit: i64,
) -> Result<Vec<IssueLine>, DbError> {
    let sql = format!(
        "select source_table, file, line, row_number, column_name, reason from {}
          where run_id = $1 and ($2::text is null or (file, row_number, column_name, reason) > ($2, $3, $4, $5))
          order by file, row_number, column_name, reason limit $6",
        issues_table(rehearsal)
    );
    let rows: Vec<(String, String, i64, i64, String, String)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(run)
        .bind(after.map(|issue| issue.place.file.as_str()))
        .bind(after.map(|issue| number(issue.place.row)))
        .bind(after.map(|issue| issue.column.as_str()))
        .bind(after.map(|issue| issue.reason.code()))
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
    rows.into_iter()
        .map(|(table, file, line, row, column, reason)| {
            let reason = Reason::of_code(&reason).ok_or_else(|| undecodable("an unknown reason"))?;
            let table = Table::named(&table).ok_or_else(|| undecodable("an unknown table"))?;
            Ok(IssueLine {
                table,
                place: Place { file, line: line.unsigned_abs(), row: row.unsigned_abs() },
                column,
                reason,
                fate: reason.fate(),
            })
        })
        .collect()
}
