//! SQL of `reconcile_windows`, `reconcile_differences` and `silent_calls`, and what comparing needs to know of calls.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use platform::ids::{CallId, ConnectionId, Id, OrgId};
use platform::tenancy::{DbError, SystemTx, TenantTx};
use serde_json::Value;

use super::model::{AskedBy, Claims, Kind, Ours, Silent};

/// Marker for window ids.
pub enum ReconcileWindow {}
/// A window of comparison.
pub type WindowId = Id<ReconcileWindow>;

/// A window that is being gone through.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Running {
    pub(super) window_id: WindowId,
    pub(super) from_at: jiff_sqlx::Timestamp,
    pub(super) position_at: jiff_sqlx::Timestamp,
    pub(super) not_before: Option<jiff_sqlx::Timestamp>,
}

/// The unfinished window of an account, locked.
pub(super) async fn running(
    tx: &mut TenantTx,
    connection: Option<ConnectionId>,
    asked_by: AskedBy,
) -> Result<Option<Running>, DbError> {
    Ok(sqlx::query_as(
        "select window_id, from_at, position_at, not_before from reconcile_windows
          where org_id = $1 and connection_id is not distinct from $2 and asked_by = $3 and state = 'running' for update",
    )
    .bind(tx.org())
    .bind(connection)
    .bind(asked_by.as_str())
    .fetch_optional(tx.conn())
    .await?)
}

/// Where the last complete window of an account ended.
pub(super) async fn complete_until(
    tx: &mut TenantTx,
    connection: Option<ConnectionId>,
) -> Result<Option<Timestamp>, DbError> {
    let until: Option<jiff_sqlx::Timestamp> = sqlx::query_scalar(
        "select max(until_at) from reconcile_windows
          where org_id = $1 and connection_id is not distinct from $2 and state = 'complete'",
    )
    .bind(tx.org())
    .bind(connection)
    .fetch_one(tx.conn())
    .await?;
    Ok(until.map(jiff_sqlx::Timestamp::to_jiff))
}

/// Opens a window. None: somebody else has opened one in the meantime.
pub(super) async fn open(
    tx: &mut TenantTx,
    connection: Option<ConnectionId>,
    asked_by: AskedBy,
    (from, until): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<Option<WindowId>, DbError> {
    Ok(sqlx::query_scalar(
        "insert into reconcile_windows
           (org_id, window_id, connection_id, asked_by, from_at, until_at, position_at, started_at, touched_at)
         values ($1, $2, $3, $4, $5, $6, $5, $7, $7) on conflict do nothing returning window_id",
    )
    .bind(tx.org())
    .bind(WindowId::new())
    .bind(connection)
    .bind(asked_by.as_str())
    .bind(from.to_sqlx())
    .bind(until.to_sqlx())
    .bind(now.to_sqlx())
    .fetch_optional(tx.conn())
    .await?)
}

/// Lets an unfinished window reach further.
pub(super) async fn extend(
    tx: &mut TenantTx,
    window: WindowId,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "update reconcile_windows set until_at = greatest(until_at, $3), problem = null, not_before = null, touched_at = $4
          where org_id = $1 and window_id = $2",
    )
    .bind(tx.org())
    .bind(window)
    .bind(until.to_sqlx())
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Lets an unfinished window begin anew, further back.
pub(super) async fn restart(
    tx: &mut TenantTx,
    window: WindowId,
    from: Timestamp,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("delete from reconcile_differences where org_id = $1 and window_id = $2")
        .bind(tx.org())
        .bind(window)
        .execute(tx.conn())
        .await?;
    sqlx::query(
        "update reconcile_windows set from_at = $3, position_at = $3, until_at = $4, calls = 0, agreed = 0, healed = 0,
                problem = null, not_before = null, touched_at = $5
          where org_id = $1 and window_id = $2",
    )
    .bind(tx.org())
    .bind(window)
    .bind(from.to_sqlx())
    .bind(until.to_sqlx())
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What a page brought.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) calls: i64,
    pub(super) agreed: i64,
    pub(super) healed: i64,
}

/// Notes a page that has been gone through. False: somebody else has gone on from the same place.
pub(super) async fn advance(
    tx: &mut TenantTx,
    window: WindowId,
    (from, to): (Timestamp, Timestamp),
    counts: Counts,
    now: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "update reconcile_windows
            set position_at = $4, calls = calls + $5, agreed = agreed + $6, healed = healed + $7, touched_at = $8,
                state = case when $4 >= until_at then 'complete' else state end
          where org_id = $1 and window_id = $2 and position_at = $3 and state = 'running'",
    )
    .bind(tx.org())
    .bind(window)
    .bind(from.to_sqlx())
    .bind(to.to_sqlx())
    .bind(counts.calls)
    .bind(counts.agreed)
    .bind(counts.healed)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes why a window is not gone on with.
pub(super) async fn stop(
    tx: &mut TenantTx,
    window: WindowId,
    problem: &str,
    not_before: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "update reconcile_windows set problem = left($3, 300), not_before = $4, touched_at = $5
          where org_id = $1 and window_id = $2 and state = 'running'",
    )
    .bind(tx.org())
    .bind(window)
    .bind(problem)
    .bind(not_before.map(jiff_sqlx::ToSqlx::to_sqlx))
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes differences. The same call and kind twice is one. What is only `foreseen` changes nothing that stands already.
pub(super) async fn note(
    tx: &mut TenantTx,
    window: WindowId,
    found: &[(String, Kind, bool)],
    foreseen: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    let calls: Vec<&str> = found.iter().map(|(call, ..)| call.as_str()).collect();
    let kinds: Vec<&str> = found.iter().map(|(_, kind, _)| kind.as_str()).collect();
    let healed: Vec<bool> = found.iter().map(|(.., healed)| *healed).collect();
    sqlx::query(
        "insert into reconcile_differences (org_id, window_id, provider_call_id, kind, healed, found_at)
         select $1, $2, f.call, f.kind, bool_and(f.healed), $6
           from unnest($3::text[], $4::text[], $5::boolean[]) f (call, kind, healed) group by f.call, f.kind
         on conflict (org_id, window_id, provider_call_id, kind) do update
           set healed = case when $7 then reconcile_differences.healed else excluded.healed end",
    )
    .bind(tx.org())
    .bind(window)
    .bind(calls)
    .bind(kinds)
    .bind(healed)
    .bind(now.to_sqlx())
    .bind(foreseen)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Of calls that lack nothing now: notes as healed what a run foresaw of them that was cut off. Answers of how many calls.
pub(super) async fn settle_foreseen(tx: &mut TenantTx, window: WindowId, calls: &[String]) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar(
        "with settled as (
           update reconcile_differences set healed = true
            where org_id = $1 and window_id = $2 and provider_call_id = any ($3::text[]) and not healed
              and kind <> 'window_overfull'
            returning provider_call_id)
         select count(distinct provider_call_id::text) from settled",
    )
    .bind(tx.org())
    .bind(window)
    .bind(calls)
    .fetch_one(tx.conn())
    .await?)
}

/// A window with its numbers.
#[derive(sqlx::FromRow)]
pub(super) struct Totals {
    pub(super) from_at: jiff_sqlx::Timestamp,
    pub(super) until_at: jiff_sqlx::Timestamp,
    pub(super) state: String,
    pub(super) calls: i64,
    pub(super) agreed: i64,
    pub(super) healed: i64,
    pub(super) problem: Option<String>,
    pub(super) kinds: Value,
}

pub(super) async fn totals(tx: &mut TenantTx, window: WindowId) -> Result<Totals, DbError> {
    Ok(sqlx::query_as(
        "select w.from_at, w.until_at, w.state, w.calls, w.agreed, w.healed, w.problem,
                coalesce((select jsonb_object_agg(k.kind, k.count) from (
                   select d.kind, count(*) from reconcile_differences d
                    where d.org_id = w.org_id and d.window_id = w.window_id group by d.kind) k), '{}') as kinds
           from reconcile_windows w where w.org_id = $1 and w.window_id = $2",
    )
    .bind(tx.org())
    .bind(window)
    .fetch_one(tx.conn())
    .await?)
}

/// What we hold of calls of the organization, by the provider's ids.
pub(super) async fn ours(tx: &mut TenantTx, ids: &[&str]) -> Result<HashMap<String, Ours>, DbError> {
    let rows: Vec<Ours> = sqlx::query_as(
        // What was deleted on purpose is not missing.
        "select l.provider_call_id::text as provider_call_id, t.status_rank::int as rank, t.erased or t.reported as reported,
                t.erased or l.from_number is not null as from_number, t.erased or l.to_number is not null as to_number,
                t.erased or coalesce(jsonb_array_length(l.recordings), 0) > 0 as recordings,
                t.erased or l.transcript is not null or l.transcript_text is not null as transcript,
                t.erased or l.summary is not null as summary, t.erased or l.cost_micros is not null as cost
           from call_logs l join call_tracking t on t.org_id = l.org_id and t.id = l.id
          where l.org_id = $1 and l.provider_call_id = any ($2::text[])",
    )
    .bind(tx.org())
    .bind(ids)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|ours| (ours.provider_call_id.clone(), ours)).collect())
}

/// What the provider says of whose a call is.
pub(super) struct Signs<'a> {
    pub(super) provider_call_id: &'a str,
    pub(super) number_ref: Option<&'a str>,
    pub(super) our_number: Option<&'a str>,
    pub(super) assistant_ref: Option<&'a str>,
}

/// Whose calls are, as far as we know: by the call, by its number, else by its assistant.
pub(super) async fn claims(tx: &mut SystemTx, calls: &[Signs<'_>]) -> Result<Vec<Claims>, DbError> {
    let rows: Vec<(Option<OrgId>, Option<Vec<OrgId>>)> = sqlx::query_as(
        "select (select r.org_id from call_routes r where r.provider = 'vapi' and r.provider_call_id = c.id),
                coalesce(
                  (select array_agg(distinct n.org_id) from phone_numbers n
                     join organizations o on o.org_id = n.org_id and o.deleted_at is null
                    where n.provider_number_id = c.number_ref),
                  (select array_agg(distinct n.org_id) from phone_numbers n
                     join organizations o on o.org_id = n.org_id and o.deleted_at is null
                    where n.e164 = c.number),
                  (select array_agg(distinct a.org_id) from agents a
                     join organizations o on o.org_id = a.org_id and o.deleted_at is null
                    where a.provider_assistant_id = c.assistant and a.deleted_at is null))
           from unnest($1::text[], $2::text[], $3::text[], $4::text[]) with ordinality
                c (id, number_ref, number, assistant, place)
          order by c.place",
    )
    .bind(calls.iter().map(|call| call.provider_call_id).collect::<Vec<_>>())
    .bind(calls.iter().map(|call| call.number_ref).collect::<Vec<_>>())
    .bind(calls.iter().map(|call| call.our_number).collect::<Vec<_>>())
    .bind(calls.iter().map(|call| call.assistant_ref).collect::<Vec<_>>())
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|(route, mapped)| Claims { route, mapped: mapped.unwrap_or_default() }).collect())
}

/// Forgets windows that began before `before`; answers how many. An unfinished one is kept.
pub(super) async fn forget(tx: &mut SystemTx, before: Timestamp) -> Result<u64, DbError> {
    let done = sqlx::query(
        "delete from reconcile_windows w where w.started_at < $1 and w.state = 'complete'
            and exists (select 1 from reconcile_windows n where n.org_id = w.org_id
                         and n.connection_id is not distinct from w.connection_id
                         and n.state = 'complete' and n.until_at > w.until_at)",
    )
    .bind(before.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

// --- silent calls ------------------------------------------------------------------------------------------------------

/// Calls that may have been silent for `limit`, across organizations, the longest first: by the provider's clock, so this
/// may name some that are not, and each is judged by ours.
pub(super) async fn maybe_silent(
    tx: &mut SystemTx,
    limit: SignedDuration,
    now: Timestamp,
    most: i64,
) -> Result<Vec<(OrgId, CallId)>, DbError> {
    let before = now.checked_sub(limit).unwrap_or(Timestamp::MIN);
    Ok(sqlx::query_as(
        "select t.org_id, t.id from call_tracking t
          where t.status_rank < 5 and coalesce(t.last_event_at, t.at) < $1
            and not exists (select 1 from silent_calls s where s.org_id = t.org_id and s.call_id = t.id and s.asked_at > $1)
          order by coalesce(t.last_event_at, t.at) limit $2",
    )
    .bind(before.to_sqlx())
    .bind(most)
    .fetch_all(tx.conn())
    .await?)
}

/// A call that is not over, with when it was last heard of by our own clock.
pub(super) async fn silent(tx: &mut TenantTx, call: CallId) -> Result<Option<Silent>, DbError> {
    type Row = (String, Option<ConnectionId>, i32, jiff_sqlx::Timestamp, Option<jiff_sqlx::Timestamp>);
    let row: Option<Row> = sqlx::query_as(
        "select t.provider_call_id, r.connection_id, t.status_rank::int,
                greatest(l.created_at, (select max(e.received_at) from provider_events e
                                         where e.org_id = t.org_id and e.call_id = t.id)),
                s.asked_at
           from call_tracking t
           join call_logs l on l.org_id = t.org_id and l.id = t.id
           join call_routes r on r.org_id = t.org_id and r.call_id = t.id
           left join silent_calls s on s.org_id = t.org_id and s.call_id = t.id
          where t.org_id = $1 and t.id = $2 and t.status_rank < 5",
    )
    .bind(tx.org())
    .bind(call)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|(provider_call_id, connection, rank, heard_at, asked_at)| Silent {
        call,
        provider_call_id,
        connection,
        rank,
        heard_at: heard_at.to_jiff(),
        asked_at: asked_at.map(jiff_sqlx::Timestamp::to_jiff),
    }))
}

/// Notes what became of a silent call.
pub(super) async fn note_silent(tx: &mut TenantTx, call: CallId, answer: &str, now: Timestamp) -> Result<(), DbError> {
    sqlx::query(
        "insert into silent_calls (org_id, call_id, asked_at, answer) values ($1, $2, $3, $4)
         on conflict (org_id, call_id) do update
           set asked_at = excluded.asked_at, answer = excluded.answer, times = silent_calls.times + 1",
    )
    .bind(tx.org())
    .bind(call)
    .bind(now.to_sqlx())
    .bind(answer)
    .execute(tx.conn())
    .await?;
    Ok(())
}

// --- the operator's page -----------------------------------------------------------------------------------------------

/// The newest window of an account.
#[derive(Clone, Debug)]
pub struct WindowRow {
    /// Whose account; the operator's organization for the platform-wide one.
    pub org_name: String,
    /// The connection's name; none for the platform-wide account.
    pub label: Option<String>,
    /// `schedule` or `command`.
    pub asked_by: String,
    /// What was looked at: everything that changed after this.
    pub from: Timestamp,
    /// Until here.
    pub until: Timestamp,
    /// Up to here it has been looked at.
    pub position: Timestamp,
    /// Whether that is the end.
    pub complete: bool,
    /// Calls the provider listed.
    pub calls: i64,
    /// Of these, calls that were as they should be.
    pub agreed: i64,
    /// Calls that lacked something and have it now.
    pub healed: i64,
    /// Why it is not at its end.
    pub problem: Option<String>,
    /// When it was last gone on with.
    pub touched_at: Timestamp,
}

/// The newest windows of all accounts.
pub(super) async fn newest_windows(tx: &mut SystemTx, most: i64) -> Result<Vec<WindowRow>, DbError> {
    #[derive(sqlx::FromRow)]
    struct Flat {
        name: String,
        label: Option<String>,
        asked_by: String,
        from_at: jiff_sqlx::Timestamp,
        until_at: jiff_sqlx::Timestamp,
        position_at: jiff_sqlx::Timestamp,
        state: String,
        calls: i64,
        agreed: i64,
        healed: i64,
        problem: Option<String>,
        touched_at: jiff_sqlx::Timestamp,
    }
    let rows: Vec<Flat> = sqlx::query_as(
        "select o.name, c.label, w.asked_by, w.from_at, w.until_at, w.position_at, w.state, w.calls, w.agreed, w.healed,
                w.problem, w.touched_at
           from reconcile_windows w
           join organizations o on o.org_id = w.org_id
           left join provider_connections c on c.org_id = w.org_id and c.connection_id = w.connection_id
          order by w.started_at desc limit $1",
    )
    .bind(most)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| WindowRow {
            org_name: row.name,
            label: row.label,
            asked_by: row.asked_by,
            from: row.from_at.to_jiff(),
            until: row.until_at.to_jiff(),
            position: row.position_at.to_jiff(),
            complete: row.state == "complete",
            calls: row.calls,
            agreed: row.agreed,
            healed: row.healed,
            problem: row.problem,
            touched_at: row.touched_at.to_jiff(),
        })
        .collect())
}

/// A call that was not as it should be.
#[derive(Clone, Debug)]
pub struct DifferenceRow {
    /// Whose account listed it.
    pub org_name: String,
    /// The provider's id of the call.
    pub provider_call_id: String,
    /// What was wrong.
    pub kind: Kind,
    /// Whether it is as it should be now.
    pub healed: bool,
    /// When it was found.
    pub found_at: Timestamp,
}

/// The newest differences of all accounts, those that stand first.
pub(super) async fn newest_differences(tx: &mut SystemTx, most: i64) -> Result<Vec<DifferenceRow>, DbError> {
    let rows: Vec<(String, String, String, bool, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "select o.name, d.provider_call_id::text, d.kind, d.healed, d.found_at
           from reconcile_differences d join organizations o on o.org_id = d.org_id
          order by d.healed, d.found_at desc limit $1",
    )
    .bind(most)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(org_name, provider_call_id, kind, healed, found_at)| {
            let kind = Kind::from_stored(&kind)?;
            Some(DifferenceRow { org_name, provider_call_id, kind, healed, found_at: found_at.to_jiff() })
        })
        .collect())
}

/// A call that was silent for too long.
#[derive(Clone, Debug)]
pub struct SilentRow {
    /// Whose call.
    pub org_name: String,
    /// Which.
    pub call_id: CallId,
    /// What became of it.
    pub answer: String,
    /// When it was asked for last.
    pub asked_at: Timestamp,
}

/// The calls that were asked for last.
pub(super) async fn newest_silent(tx: &mut SystemTx, most: i64) -> Result<Vec<SilentRow>, DbError> {
    let rows: Vec<(String, CallId, String, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "select o.name, s.call_id, s.answer, s.asked_at
           from silent_calls s join organizations o on o.org_id = s.org_id
          order by s.asked_at desc limit $1",
    )
    .bind(most)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|(org_name, call_id, answer, asked_at)| SilentRow {
            org_name,
            call_id,
            answer,
            asked_at: asked_at.to_jiff(),
        })
        .collect())
}
