//! SQL of `vital_signs`, and the figures that signs are measured by. All across organizations: counts and times.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use platform::ids::{Id, OrgId};
use platform::tenancy::{DbError, SystemTx};
use uuid::Uuid;

use super::model::{Measurement, Reading, Sign, State};
use super::silence::{HOURS, Profile, WEEKS};

/// A sign as it was written down last.
#[derive(Clone, Debug)]
pub struct Known {
    /// How it stood.
    pub reading: Reading,
    /// When it was looked at.
    pub measured_at: Timestamp,
    /// Since when it has been in this state.
    pub since: Timestamp,
    /// Since when it has not been fine.
    pub bad_since: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct SignRow {
    sign: String,
    state: String,
    value: Option<f64>,
    words: String,
    measured_at: jiff_sqlx::Timestamp,
    since: jiff_sqlx::Timestamp,
    bad_since: Option<jiff_sqlx::Timestamp>,
}

/// Every sign that was ever looked at. Locked until the transaction ends, where it is to be written again.
pub async fn known(tx: &mut SystemTx, lock: bool) -> Result<BTreeMap<Sign, Known>, DbError> {
    let sql = if lock {
        "select sign, state, value, words, measured_at, since, bad_since from vital_signs order by sign for update"
    } else {
        "select sign, state, value, words, measured_at, since, bad_since from vital_signs order by sign"
    };
    let rows: Vec<SignRow> = sqlx::query_as(sql).fetch_all(tx.conn()).await?;
    // A sign of another version is nobody's to judge here.
    let rows = rows.into_iter().filter_map(|row| {
        let sign = Sign::parse(&row.sign)?;
        let reading = Reading { state: State::parse(&row.state)?, value: row.value, words: row.words };
        let known = Known {
            reading,
            measured_at: row.measured_at.to_jiff(),
            since: row.since.to_jiff(),
            bad_since: row.bad_since.map(jiff_sqlx::Timestamp::to_jiff),
        };
        Some((sign, known))
    });
    Ok(rows.collect())
}

pub(crate) async fn save(tx: &mut SystemTx, sign: Sign, known: &Known) -> Result<(), DbError> {
    sqlx::query(
        "insert into vital_signs (sign, state, value, words, measured_at, since, bad_since)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (sign) do update set state = excluded.state, value = excluded.value, words = excluded.words,
           measured_at = excluded.measured_at, since = excluded.since, bad_since = excluded.bad_since",
    )
    .bind(sign.as_str())
    .bind(known.reading.state.as_str())
    .bind(known.reading.value)
    .bind(&known.reading.words)
    .bind(known.measured_at.to_sqlx())
    .bind(known.since.to_sqlx())
    .bind(known.bad_since.map(Timestamp::to_sqlx))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Recordings that were tried since then: those that were copied, and those that were given up or still fail after a second try.
pub(super) async fn recordings(tx: &mut SystemTx, since: Timestamp) -> Result<Measurement, DbError> {
    let (ready, failed): (i64, i64) = sqlx::query_as(
        "select count(*) filter (where r.state = 'ready'),
                count(*) filter (where r.state = 'failed'
                                    or (r.state in ('pending', 'copying') and r.attempts > 1 and r.reason is not null))
           from call_recordings r join organizations o on o.org_id = r.org_id
          where r.last_attempt_at > $1 and o.deleted_at is null and not o.is_demo",
    )
    .bind(since.to_sqlx())
    .fetch_one(tx.conn())
    .await?;
    Ok(Measurement::Recordings { ready: count(ready), failed: count(failed) })
}

/// Since when the oldest call has been waiting for search.
pub(super) async fn search(tx: &mut SystemTx) -> Result<Measurement, DbError> {
    let oldest: Option<jiff_sqlx::Timestamp> =
        sqlx::query_scalar("select min(queued_at) from call_search_queue").fetch_one(tx.conn()).await?;
    Ok(Measurement::Search(oldest.map(jiff_sqlx::Timestamp::to_jiff)))
}

/// Events without an organization that nobody has played again.
pub(super) async fn quarantine(tx: &mut SystemTx) -> Result<Measurement, DbError> {
    let waiting: i64 = sqlx::query_scalar("select count(*) from quarantined_events where replayed_at is null")
        .fetch_one(tx.conn())
        .await?;
    Ok(Measurement::Quarantine(count(waiting)))
}

/// Imported rows that nobody has decided about; `None` when nothing was ever imported.
pub(super) async fn import(tx: &mut SystemTx) -> Result<Option<Measurement>, DbError> {
    let (imported, waiting): (bool, i64) = sqlx::query_as(
        "select exists (select from import_runs), (select count(*) from import_quarantine where resolved_at is null)",
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((imported || waiting > 0).then(|| Measurement::Import(count(waiting))))
}

/// Mails that were given up since then. The words of such a mail are kept for longer than that, and the condition on them
/// lets an index be used.
pub(super) async fn dead_mails(tx: &mut SystemTx, since: Timestamp) -> Result<Measurement, DbError> {
    let dead: i64 = sqlx::query_scalar(
        "select count(*) from mails
          where sealed is not null and ended_at is not null and ended_at > $1 and state in ('failed', 'unknown')",
    )
    .bind(since.to_sqlx())
    .fetch_one(tx.conn())
    .await?;
    Ok(Measurement::DeadMails(count(dead)))
}

/// Bytes of the whole database.
pub(super) async fn database_bytes(tx: &mut SystemTx) -> Result<u64, DbError> {
    let bytes: i64 = sqlx::query_scalar("select pg_database_size(current_database())").fetch_one(tx.conn()).await?;
    Ok(count(bytes))
}

/// What the database's clock says.
pub(super) async fn database_now(tx: &mut SystemTx) -> Result<Timestamp, DbError> {
    let now: jiff_sqlx::Timestamp = sqlx::query_scalar("select clock_timestamp()").fetch_one(tx.conn()).await?;
    Ok(now.to_jiff())
}

/// Calls that ended since then, and those of them that broke at the provider or behind it. What we configured wrongly is not the
/// provider's failure, but nobody answers the phone either. Organization by organization, as the index is ordered; a call
/// that began more than a day before is not looked at.
pub(super) async fn provider(tx: &mut SystemTx, since: Timestamp) -> Result<Measurement, DbError> {
    let (ended, failed): (i64, i64) = sqlx::query_as(
        "select coalesce(sum(c.ended), 0)::bigint, coalesce(sum(c.failed), 0)::bigint
           from organizations o
          cross join lateral (
            select count(*) as ended, count(*) filter (where l.ended_class like 'failed%') as failed
              from call_logs l where l.org_id = o.org_id and l.at > $2 and l.ended_at > $1) c
          where o.deleted_at is null and not o.is_demo",
    )
    .bind(since.to_sqlx())
    .bind(since.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(since).to_sqlx())
    .fetch_one(tx.conn())
    .await?;
    Ok(Measurement::Provider { ended: count(ended), failed: count(failed) })
}

/// When the newest backup was made that nobody has found to be bad.
pub(super) async fn backups(tx: &mut SystemTx) -> Result<Measurement, DbError> {
    let newest: Option<jiff_sqlx::Timestamp> =
        sqlx::query_scalar("select started_at from backups where outcome = 'done' order by started_at desc limit 1")
            .fetch_optional(tx.conn())
            .await?;
    Ok(Measurement::Backups(newest.map(jiff_sqlx::Timestamp::to_jiff)))
}

/// How the trial restores stand, which are due every so many days; `None` while there is no backup to try.
pub(super) async fn trials(tx: &mut SystemTx, every_days: u32) -> Result<Option<Measurement>, DbError> {
    let (verified, first, newest): (Option<jiff_sqlx::Timestamp>, Option<jiff_sqlx::Timestamp>, Option<String>) =
        sqlx::query_as(
            "select max(verified_at), min(started_at) filter (where outcome = 'done'),
                    (array_agg(outcome order by started_at desc) filter (where outcome in ('done', 'damaged')))[1]
               from backups",
        )
        .fetch_one(tx.conn())
        .await?;
    let is_damaged = newest.as_deref() == Some("damaged");
    let since = verified.or(first).map(jiff_sqlx::Timestamp::to_jiff);
    let since = since.or(is_damaged.then_some(Timestamp::UNIX_EPOCH));
    Ok(since.map(|since| Measurement::Trials { since, was_tried: verified.is_some(), is_damaged, every_days }))
}

/// A number with what is usual for it.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) org: OrgId,
    pub(super) number: Uuid,
    /// IANA zone of its practice.
    pub(super) zone: String,
    pub(super) profile: Profile,
}

#[derive(sqlx::FromRow)]
struct ProfileRow {
    org_id: OrgId,
    number_id: Uuid,
    zone: String,
    /// 0 to 167 by the practice's clock; null for a number without calls.
    hour: Option<i32>,
    calls: Option<i64>,
    first_at: Option<jiff_sqlx::Timestamp>,
}

/// What is usual for every number: inbound calls of the last weeks by the hour of the week. Reads much; ask rarely.
pub(super) async fn profiles(tx: &mut SystemTx, now: Timestamp) -> Result<Vec<Watched>, DbError> {
    let since = now.saturating_sub(SignedDuration::from_hours(i64::from(WEEKS) * 168)).unwrap_or(now);
    let rows: Vec<ProfileRow> = sqlx::query_as(
        "select o.org_id, o.zone, c.number_id, c.hour, c.calls, c.first_at
           from organizations o
          cross join lateral (
            select l.number_id,
                   ((extract(isodow from l.at at time zone o.zone) - 1) * 24
                     + extract(hour from l.at at time zone o.zone))::int as hour,
                   count(*) as calls, min(l.at) as first_at
              from call_logs l
             where l.org_id = o.org_id and l.at >= $1 and l.at < $2 and l.number_id is not null
               and l.direction = 'inbound'
             group by 1, 2) c
          where o.deleted_at is null and not o.is_demo
          order by o.org_id, c.number_id",
    )
    .bind(since.to_sqlx())
    .bind(now.to_sqlx())
    .fetch_all(tx.conn())
    .await?;
    let mut watched: Vec<(Watched, Timestamp)> = Vec::new();
    for row in rows {
        let (Some(hour), Some(calls), Some(first)) = (row.hour, row.calls, row.first_at) else { continue };
        let first = first.to_jiff();
        if watched.last().is_none_or(|(last, _)| (last.org, last.number) != (row.org_id, row.number_id)) {
            let profile = Profile { calls: vec![0; HOURS], weeks: 0 };
            watched.push((Watched { org: row.org_id, number: row.number_id, zone: row.zone, profile }, first));
        }
        if let Some((one, earliest)) = watched.last_mut() {
            *earliest = (*earliest).min(first);
            if let Some(slot) = usize::try_from(hour).ok().and_then(|hour| one.profile.calls.get_mut(hour)) {
                *slot = u32::try_from(calls).unwrap_or(u32::MAX);
            }
        }
    }
    let weeks = |first: Timestamp| u32::try_from((now.duration_since(first).as_hours() + 23) / 168).unwrap_or(0);
    Ok(watched
        .into_iter()
        .map(|(mut one, first)| {
            one.profile.weeks = weeks(first).min(WEEKS);
            one
        })
        .collect())
}

/// When each number rang last, of the calls since then.
pub(super) async fn last_calls(
    tx: &mut SystemTx,
    since: Timestamp,
) -> Result<BTreeMap<(OrgId, Uuid), Timestamp>, DbError> {
    let rows: Vec<(OrgId, Uuid, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "select o.org_id, c.number_id, c.at
           from organizations o
          cross join lateral (
            select l.number_id, max(l.at) as at from call_logs l
             where l.org_id = o.org_id and l.at >= $1 and l.number_id is not null and l.direction = 'inbound'
             group by l.number_id) c
          where o.deleted_at is null",
    )
    .bind(since.to_sqlx())
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|(org, number, at)| ((org, number), at.to_jiff())).collect())
}

/// The operator's own organization, to which the installation's mails and jobs belong.
pub(crate) async fn operator_organization(tx: &mut SystemTx) -> Result<Option<OrgId>, DbError> {
    let id: Option<Uuid> =
        sqlx::query_scalar("select operator_org_id from installation").fetch_optional(tx.conn()).await?;
    Ok(id.map(Id::from_uuid))
}

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
