//! SQL of retention: settings, holds, and taking the content of calls away.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::audit::Actor;
use platform::ids::{CallId, Id, OrgId};
use platform::tenancy::{DbError, SystemTx, TenantTx};

use super::model::{Candidate, Eraser, Hold, Keeping, Policy, Preview, Standing, Tombstone};

/// Marker for ids of legal holds.
enum LegalHold {}

/// The setting of the organization; keeps everything where there is none.
pub(super) async fn policy(tx: &mut TenantTx) -> Result<Policy, DbError> {
    let row: Option<(Option<i32>, Option<i32>)> =
        sqlx::query_as("select recording_days, content_days from retention_settings where org_id = $1")
            .bind(tx.org())
            .fetch_optional(tx.conn())
            .await?;
    Ok(row.map_or_else(Policy::default, |(recording_days, content_days)| Policy { recording_days, content_days }))
}

pub(super) async fn set_policy(tx: &mut TenantTx, policy: &Policy, now: Timestamp) -> Result<(), DbError> {
    sqlx::query(
        "insert into retention_settings (org_id, recording_days, content_days, changed_at) values ($1, $2, $3, $4)
         on conflict (org_id) do update set recording_days = excluded.recording_days,
           content_days = excluded.content_days, changed_at = excluded.changed_at",
    )
    .bind(tx.org())
    .bind(policy.recording_days)
    .bind(policy.content_days)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Organizations whose setting deletes something.
pub(super) async fn orgs_with_policy(tx: &mut SystemTx) -> Result<Vec<OrgId>, DbError> {
    Ok(sqlx::query_scalar("select org_id from retention_settings where recording_days is not null order by org_id")
        .fetch_all(tx.conn())
        .await?)
}

/// Locks the call and says how it stands; nothing when it is unknown or another organization's.
///
/// Recordings are locked first, as their copying does, then the live state and the record, as the ingest does: in one order
/// nobody waits in a circle. An imported call may have its record alone.
pub(super) async fn lock(tx: &mut TenantTx, call: CallId) -> Result<Option<Standing>, DbError> {
    let org = tx.org();
    sqlx::query("select 1 from call_recordings where org_id = $1 and call_id = $2 order by recording_id for update")
        .bind(org)
        .bind(call)
        .execute(tx.conn())
        .await?;
    let erased: Option<(bool,)> =
        sqlx::query_as("select erased from call_tracking where org_id = $1 and id = $2 for update")
            .bind(org)
            .bind(call)
            .fetch_optional(tx.conn())
            .await?;
    let record: Option<(jiff_sqlx::Timestamp, bool)> =
        sqlx::query_as("select at, status = 'ended' from call_logs where org_id = $1 and id = $2 for no key update")
            .bind(org)
            .bind(call)
            .fetch_optional(tx.conn())
            .await?;
    let Some((at, is_over)) = record else { return Ok(None) };
    let is_held = sqlx::query_scalar(
        "select exists (select 1 from call_holds where org_id = $1 and call_id = $2 and lifted_at is null)",
    )
    .bind(org)
    .bind(call)
    .fetch_one(tx.conn())
    .await?;
    Ok(Some(Standing { at: at.to_jiff(), is_over, is_held, is_erased: erased.is_some_and(|(erased,)| erased) }))
}

pub(super) async fn place_hold(tx: &mut TenantTx, call: CallId, reason: &str, now: Timestamp) -> Result<(), DbError> {
    sqlx::query("insert into call_holds (org_id, call_id, hold_id, reason, placed_at) values ($1, $2, $3, $4, $5)")
        .bind(tx.org())
        .bind(call)
        .bind(Id::<LegalHold>::new())
        .bind(reason)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(super) async fn lift_hold(tx: &mut TenantTx, call: CallId, now: Timestamp) -> Result<(), DbError> {
    sqlx::query("update call_holds set lifted_at = $3 where org_id = $1 and call_id = $2 and lifted_at is null")
        .bind(tx.org())
        .bind(call)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// How a call's content is kept.
pub(super) async fn keeping(tx: &mut TenantTx, call: CallId) -> Result<Keeping, DbError> {
    let org = tx.org();
    let hold: Option<(String, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "select reason, placed_at from call_holds where org_id = $1 and call_id = $2 and lifted_at is null",
    )
    .bind(org)
    .bind(call)
    .fetch_optional(tx.conn())
    .await?;
    let tombstone: Option<(jiff_sqlx::Timestamp, String, Option<String>)> = sqlx::query_as(
        "select e.erased_at, e.actor_kind, (select m.name from org_members() m where m.user_id = e.actor_id)
           from call_erasures e where e.org_id = $1 and e.call_id = $2",
    )
    .bind(org)
    .bind(call)
    .fetch_optional(tx.conn())
    .await?;
    Ok(Keeping {
        hold: hold.map(|(reason, placed_at)| Hold { reason, placed_at: placed_at.to_jiff() }),
        tombstone: tombstone.map(|(at, kind, name)| Tombstone { at: at.to_jiff(), by: eraser(&kind), name }),
    })
}

fn eraser(kind: &str) -> Eraser {
    match kind {
        "system" => Eraser::Setting,
        "api_key" => Eraser::ApiKey,
        _ => Eraser::Member,
    }
}

/// Takes the content of a locked call out of the database and leaves the tombstone. Its files are another matter.
pub(super) async fn erase(tx: &mut TenantTx, call: CallId, by: Actor, now: Timestamp) -> Result<(), DbError> {
    forget_live_state(tx, call).await?;
    forget_record(tx, call).await?;
    forget_words(tx, call).await?;
    forget_in_search(tx, call).await?;
    let (kind, id) = by.columns();
    sqlx::query(
        "insert into call_erasures (org_id, call_id, erased_at, actor_kind, actor_id) values ($1, $2, $3, $4, $5)",
    )
    .bind(tx.org())
    .bind(call)
    .bind(now.to_sqlx())
    .bind(kind)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// From here on the ingest discards what comes for the call. One without live state gets it for that.
async fn forget_live_state(tx: &mut TenantTx, call: CallId) -> Result<(), DbError> {
    sqlx::query(
        "insert into call_tracking (org_id, id, provider, provider_call_id, status, status_rank, at, started_at, ended_at,
           duration_seconds, erased)
         select org_id, id, provider, provider_call_id, status, status_rank(status), at, started_at, ended_at,
                duration_seconds, true
           from call_logs where org_id = $1 and id = $2
         on conflict (org_id, id) do update set erased = true, phone = null, lead_id = null, said_role = null,
           said_text = null, said_at = null, metadata = '{}'",
    )
    .bind(tx.org())
    .bind(call)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The practice's own number stays: it says which line rang.
async fn forget_record(tx: &mut TenantTx, call: CallId) -> Result<(), DbError> {
    sqlx::query(
        "update call_logs set
           from_number = case when direction = 'outbound' then from_number end,
           to_number = case when direction = 'inbound' then to_number end,
           lead_id = null, caller_name = null, summary = null, success_evaluation = null, structured_data = null,
           transferred_to = null, consent = null, transcript = null, transcript_text = null, recordings = null,
           recording_url = null, recording_storage_path = null, metadata = '{}',
           recording_state = case when recording_state = 'none' then 'none' else 'expired' end
          where org_id = $1 and id = $2",
    )
    .bind(tx.org())
    .bind(call)
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn forget_words(tx: &mut TenantTx, call: CallId) -> Result<(), DbError> {
    for sql in [
        "delete from call_turns where org_id = $1 and call_id = $2",
        "delete from call_tool_calls where org_id = $1 and call_id = $2",
        "delete from provider_events where org_id = $1 and call_id = $2",
        "update live_events set text = null where org_id = $1 and call_id = $2 and text is not null",
    ] {
        sqlx::query(sql).bind(tx.org()).bind(call).execute(tx.conn()).await?;
    }
    Ok(())
}

/// The note in the queue is taken first: an indexer that read the call as it was holds it until its own entry is there to
/// be deleted, and none can take it before this transaction ends.
async fn forget_in_search(tx: &mut TenantTx, call: CallId) -> Result<(), DbError> {
    for sql in [
        "select queue_for_search($1, $2)",
        "delete from call_search where org_id = $1 and call_id = $2",
        "delete from call_search_queue where org_id = $1 and call_id = $2",
    ] {
        sqlx::query(sql).bind(tx.org()).bind(call).execute(tx.conn()).await?;
    }
    Ok(())
}

/// Tells watchers that the call has changed; answers the event's number.
pub(super) async fn tell(tx: &mut TenantTx, call: CallId) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar("select append_live_event($1, 'call.updated', $2, null, null, null, null)")
        .bind(tx.org())
        .bind(call)
        .fetch_one(tx.conn())
        .await?)
}

/// Takes the recordings of a locked call out of reach; their files are another matter. False when there was none.
pub(super) async fn expire_recordings(tx: &mut TenantTx, call: CallId) -> Result<bool, DbError> {
    let org = tx.org();
    sqlx::query(
        "update call_recordings
            set state = 'expired', reason = null, detail = null, queued_at = coalesce(queued_at, created_at)
          where org_id = $1 and call_id = $2 and state <> 'expired'",
    )
    .bind(org)
    .bind(call)
    .execute(tx.conn())
    .await?;
    let changed = sqlx::query(
        "update call_logs set recording_state = 'expired', recording_storage_path = null
          where org_id = $1 and id = $2 and recording_state not in ('none', 'expired')",
    )
    .bind(org)
    .bind(call)
    .execute(tx.conn())
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// Calls over, older than `before`, not on hold, of which there is a recording, or any content and they are older than
/// `content_before`; oldest first, after `last`.
pub(super) async fn due(
    tx: &mut TenantTx,
    before: Timestamp,
    content_before: Option<Timestamp>,
    last: Option<Candidate>,
    limit: i64,
) -> Result<Vec<Candidate>, DbError> {
    let rows: Vec<(CallId, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "select l.id, l.at from call_logs l
          where l.org_id = $1 and l.at < $2 and ($4::timestamptz is null or (l.at, l.id) > ($4, $5)) and l.status = 'ended'
            and (l.recording_state not in ('none', 'expired') or ($3::timestamptz is not null and l.at < $3))
            and not exists (select 1 from call_erasures e where e.org_id = l.org_id and e.call_id = l.id)
            and not exists (select 1 from call_holds h
                             where h.org_id = l.org_id and h.call_id = l.id and h.lifted_at is null)
          order by l.at, l.id limit $6",
    )
    .bind(tx.org())
    .bind(before.to_sqlx())
    .bind(content_before.map(jiff_sqlx::ToSqlx::to_sqlx))
    .bind(last.map(|last| last.at.to_sqlx()))
    .bind(last.map(|last| last.id))
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|(id, at)| Candidate { id, at: at.to_jiff() }).collect())
}

/// Counts what [`due`] would find, and what a hold keeps from it.
pub(super) async fn preview(
    tx: &mut TenantTx,
    before: Timestamp,
    content_before: Option<Timestamp>,
) -> Result<Preview, DbError> {
    Ok(sqlx::query_as(
        "select count(*) filter (where not held and sounds) as recordings,
                coalesce(sum(bytes) filter (where not held and sounds), 0)::bigint as recording_bytes,
                count(*) filter (where not held and speaks) as calls,
                count(*) filter (where held) as held
           from (
             select l.recording_state not in ('none', 'expired') as sounds,
                    $3::timestamptz is not null and l.at < $3 as speaks,
                    exists (select 1 from call_holds h
                             where h.org_id = l.org_id and h.call_id = l.id and h.lifted_at is null) as held,
                    (select sum(r.size_bytes) from call_recordings r where r.org_id = l.org_id and r.call_id = l.id) as bytes
               from call_logs l
              where l.org_id = $1 and l.at < $2 and l.status = 'ended'
                and not exists (select 1 from call_erasures e where e.org_id = l.org_id and e.call_id = l.id)) c
          where sounds or speaks",
    )
    .bind(tx.org())
    .bind(before.to_sqlx())
    .bind(content_before.map(jiff_sqlx::ToSqlx::to_sqlx))
    .fetch_one(tx.conn())
    .await?)
}

/// Empties the bodies that the quarantine keeps of the call: those that were replayed into it, and those that nobody could
/// place. Events that collided with it are somebody else's.
pub(super) async fn empty_quarantined(tx: &mut SystemTx, org: OrgId, call: CallId) -> Result<(), DbError> {
    sqlx::query(
        "update quarantined_events q
            set body = '', body_bytes = 0, replayed_at = coalesce(q.replayed_at, now()), replayed_org_id = $1
           from call_routes r
          where r.org_id = $1 and r.call_id = $2 and q.provider = r.provider and q.provider_call_id = r.provider_call_id
            and (q.replayed_org_id = $1 or (q.replayed_at is null and q.reason = 'unknown'))",
    )
    .bind(org)
    .bind(call)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The files of the call's deleted recordings.
pub(super) async fn files_to_delete(tx: &mut TenantTx, call: CallId) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar(
        "select storage_key from call_recordings
          where org_id = $1 and call_id = $2 and state = 'expired' and storage_key is not null",
    )
    .bind(tx.org())
    .bind(call)
    .fetch_all(tx.conn())
    .await?)
}

/// The files of the call's recordings are gone. Those of a call without content leave no row either; a tombstone stands
/// for them, and says from now on that nothing is left anywhere.
pub(super) async fn complete(tx: &mut TenantTx, call: CallId, now: Timestamp) -> Result<(), DbError> {
    let org = tx.org();
    for sql in [
        "delete from call_recordings r
          where r.org_id = $1 and r.call_id = $2 and r.state = 'expired'
            and exists (select 1 from call_erasures e where e.org_id = r.org_id and e.call_id = r.call_id)",
        "update call_recordings set storage_key = null, source_url = null, size_bytes = null, sha256 = null, peaks = null
          where org_id = $1 and call_id = $2 and state = 'expired'",
    ] {
        sqlx::query(sql).bind(org).bind(call).execute(tx.conn()).await?;
    }
    sqlx::query(
        "update call_erasures set completed_at = $3 where org_id = $1 and call_id = $2 and completed_at is null",
    )
    .bind(tx.org())
    .bind(call)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}
