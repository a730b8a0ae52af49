//! SQL of `alerts` and `alert_notices`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::ids::UserId;
use platform::tenancy::{DbError, SystemTx};

use super::model::{Alert, AlertId, Delivery, Level, News, NoticeId, Trouble};
use crate::signs::model::Sign;

#[derive(sqlx::FromRow)]
struct TroubleRow {
    alert_id: AlertId,
    sign: String,
    level: String,
    worst: String,
    words: String,
    opened_at: jiff_sqlx::Timestamp,
    fine_since: Option<jiff_sqlx::Timestamp>,
    resolved_at: Option<jiff_sqlx::Timestamp>,
    told_at: jiff_sqlx::Timestamp,
    told_over: bool,
    repeats: i32,
    flapped: bool,
    acknowledged: bool,
}

/// The last alert of a sign.
#[derive(Clone, Debug)]
pub(super) struct Last {
    pub(super) id: AlertId,
    pub(super) words: String,
    pub(super) trouble: Trouble,
}

/// The last alert of every sign, open or over. Locked until the transaction ends.
pub(super) async fn last(tx: &mut SystemTx) -> Result<BTreeMap<Sign, Last>, DbError> {
    let rows: Vec<TroubleRow> = sqlx::query_as(
        "select a.alert_id, a.sign, a.level, a.worst, a.words, a.opened_at, a.fine_since, a.resolved_at, a.told_at, a.told_over,
                a.repeats, a.flapped, a.acknowledged_at is not null as acknowledged
           from alerts a
          where a.alert_id in (select distinct on (sign) alert_id from alerts order by sign, opened_at desc, alert_id desc)
          order by a.sign for update",
    )
    .fetch_all(tx.conn())
    .await?;
    let rows = rows.into_iter().filter_map(|row| {
        let at = jiff_sqlx::Timestamp::to_jiff;
        let trouble = Trouble {
            opened_at: at(row.opened_at),
            level: Level::parse(&row.level)?,
            worst: Level::parse(&row.worst)?,
            fine_since: row.fine_since.map(at),
            resolved_at: row.resolved_at.map(at),
            told_at: at(row.told_at),
            told_over: row.told_over,
            repeats: u32::try_from(row.repeats).unwrap_or(0),
            flapped: row.flapped,
            acknowledged: row.acknowledged,
        };
        Some((Sign::parse(&row.sign)?, Last { id: row.alert_id, words: row.words, trouble }))
    });
    Ok(rows.collect())
}

/// Writes an alert down, new or changed. An acknowledgement is only ever taken away here; [`acknowledge`] gives it.
pub(super) async fn save(
    tx: &mut SystemTx,
    id: AlertId,
    sign: Sign,
    words: &str,
    trouble: &Trouble,
) -> Result<(), DbError> {
    sqlx::query(
        "insert into alerts (alert_id, sign, level, worst, words, opened_at, fine_since, resolved_at, told_at, told_over, repeats,
                             flapped)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $13)
         on conflict (alert_id) do update set level = excluded.level, worst = excluded.worst, words = excluded.words,
           fine_since = excluded.fine_since, resolved_at = excluded.resolved_at, told_at = excluded.told_at,
           told_over = excluded.told_over, repeats = excluded.repeats, flapped = excluded.flapped,
           acknowledged_at = case when $12 then alerts.acknowledged_at end,
           acknowledged_by = case when $12 then alerts.acknowledged_by end",
    )
    .bind(id)
    .bind(sign.as_str())
    .bind(trouble.level.as_str())
    .bind(trouble.worst.as_str())
    .bind(words)
    .bind(trouble.opened_at.to_sqlx())
    .bind(trouble.fine_since.map(Timestamp::to_sqlx))
    .bind(trouble.resolved_at.map(Timestamp::to_sqlx))
    .bind(trouble.told_at.to_sqlx())
    .bind(trouble.told_over)
    .bind(i32::try_from(trouble.repeats).unwrap_or(i32::MAX))
    .bind(trouble.acknowledged)
    .bind(trouble.flapped)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A notice that is to be told.
pub(super) struct NewNotice<'a> {
    pub(super) id: NoticeId,
    pub(super) alert: AlertId,
    pub(super) news: News,
    pub(super) at: Timestamp,
    pub(super) body: &'a str,
    pub(super) mails: usize,
    pub(super) webhook: bool,
}

pub(super) async fn insert_notice(tx: &mut SystemTx, notice: &NewNotice<'_>) -> Result<(), DbError> {
    sqlx::query(
        "insert into alert_notices (notice_id, alert_id, kind, at, body, mails, webhook) values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(notice.id)
    .bind(notice.alert)
    .bind(notice.news.as_str())
    .bind(notice.at.to_sqlx())
    .bind(notice.body)
    .bind(i32::try_from(notice.mails).unwrap_or(i32::MAX))
    .bind(notice.webhook.then_some(Delivery::Waiting.as_str()))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The body of a notice that the webhook has not taken yet.
pub(super) async fn waiting_body(tx: &mut SystemTx, id: NoticeId) -> Result<Option<String>, DbError> {
    Ok(sqlx::query_scalar("select body from alert_notices where notice_id = $1 and webhook <> 'delivered'")
        .bind(id)
        .fetch_optional(tx.conn())
        .await?)
}

pub(super) async fn set_delivery(
    tx: &mut SystemTx,
    id: NoticeId,
    delivery: Delivery,
    words: &str,
) -> Result<(), DbError> {
    sqlx::query(
        "update alert_notices set webhook = $2, webhook_words = $3 where notice_id = $1 and webhook <> 'delivered'",
    )
    .bind(id)
    .bind(delivery.as_str())
    .bind(words)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes an open alert on for somebody. False when there is none of this id, or somebody has taken it on.
pub(super) async fn acknowledge(
    tx: &mut SystemTx,
    id: AlertId,
    by: UserId,
    now: Timestamp,
) -> Result<Option<String>, DbError> {
    Ok(sqlx::query_scalar(
        "update alerts set acknowledged_at = coalesce(acknowledged_at, $3), acknowledged_by = coalesce(acknowledged_by, $2)
          where alert_id = $1 and resolved_at is null returning sign",
    )
    .bind(id)
    .bind(by)
    .bind(now.to_sqlx())
    .fetch_optional(tx.conn())
    .await?)
}

#[derive(sqlx::FromRow)]
struct AlertRow {
    alert_id: AlertId,
    sign: String,
    level: String,
    words: String,
    opened_at: jiff_sqlx::Timestamp,
    resolved_at: Option<jiff_sqlx::Timestamp>,
    told_at: jiff_sqlx::Timestamp,
    acknowledged_at: Option<jiff_sqlx::Timestamp>,
    acknowledged_by: Option<UserId>,
    acknowledged_name: Option<String>,
    told: i64,
    webhook: Option<String>,
}

impl AlertRow {
    fn into_alert(self) -> Option<Alert> {
        let at = jiff_sqlx::Timestamp::to_jiff;
        let who = self.acknowledged_by.zip(self.acknowledged_at);
        Some(Alert {
            id: self.alert_id,
            sign: Sign::parse(&self.sign)?,
            // The worst is what a person wants to see of an alert that is over.
            level: Level::parse(&self.level)?,
            words: self.words,
            opened_at: at(self.opened_at),
            resolved_at: self.resolved_at.map(at),
            acknowledged: who.map(|(by, when)| (by, self.acknowledged_name.unwrap_or_default(), at(when))),
            told: u64::try_from(self.told).unwrap_or(0),
            told_at: at(self.told_at),
            webhook: self.webhook.as_deref().and_then(Delivery::parse),
        })
    }
}

/// Alerts: those that are open, the worst first; or those that are over, the newest first.
pub(super) async fn list(tx: &mut SystemTx, open: bool, most: i64) -> Result<Vec<Alert>, DbError> {
    let rows: Vec<AlertRow> = sqlx::query_as(
        "select a.alert_id, a.sign, case when $1 then a.level else a.worst end as level, a.words, a.opened_at, a.resolved_at,
                a.told_at, a.acknowledged_at, a.acknowledged_by, u.name as acknowledged_name,
                (select count(*) from alert_notices n where n.alert_id = a.alert_id) as told,
                (select n.webhook from alert_notices n where n.alert_id = a.alert_id order by n.at desc limit 1) as webhook
           from alerts a left join users u on u.id = a.acknowledged_by
          where (a.resolved_at is null) = $1
          order by case when $1 then array_position(array['critical', 'warning', 'unknown'], a.level) end,
                   a.opened_at desc, a.alert_id desc
          limit $2",
    )
    .bind(open)
    .bind(most)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().filter_map(AlertRow::into_alert).collect())
}

/// How many alerts are open, of each level.
pub(super) async fn count_open(tx: &mut SystemTx) -> Result<BTreeMap<Level, i64>, DbError> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("select level, count(*) from alerts where resolved_at is null group by level")
            .fetch_all(tx.conn())
            .await?;
    Ok(rows.into_iter().filter_map(|(level, count)| Some((Level::parse(&level)?, count))).collect())
}
