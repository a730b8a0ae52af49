//! All SQL of `demo_rules`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use jiff_sqlx::ToSqlx as _;
use platform::tenancy::{DbError, TenantTx};
use sqlx::types::Json;

use super::model::{OpeningRules, WeeklyHours, zone};

#[derive(sqlx::FromRow)]
struct RulesRow {
    zone: String,
    hours: Json<WeeklyHours>,
    length_minutes: i32,
    buffer_minutes: i32,
    notice_minutes: i32,
    horizon_days: i32,
    days_off: Vec<jiff_sqlx::Date>,
}

/// The opening rules, or the default by the organization's clock.
pub(crate) async fn rules(tx: &mut TenantTx) -> Result<OpeningRules, DbError> {
    let row: Option<RulesRow> = sqlx::query_as(
        "select zone, hours, length_minutes, buffer_minutes, notice_minutes, horizon_days, days_off from demo_rules \
          where org_id = $1",
    )
    .bind(tx.org())
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else {
        let name: String = sqlx::query_scalar("select zone from organizations where org_id = $1")
            .bind(tx.org())
            .fetch_one(tx.conn())
            .await?;
        return Ok(OpeningRules::default_in(known(&name)));
    };
    Ok(OpeningRules {
        zone: known(&row.zone),
        hours: row.hours.0,
        length_minutes: row.length_minutes,
        buffer_minutes: row.buffer_minutes,
        notice_minutes: row.notice_minutes,
        horizon_days: row.horizon_days,
        days_off: row.days_off.into_iter().map(jiff_sqlx::Date::to_jiff).collect(),
    })
}

/// A zone that this build does not know any more must not close the booking.
fn known(name: &str) -> TimeZone {
    zone(name).unwrap_or_else(|| {
        tracing::warn!(zone = name, "a time zone is unknown; demos are offered by UTC");
        TimeZone::UTC
    })
}

pub(crate) async fn save_rules(tx: &mut TenantTx, rules: &OpeningRules, now: Timestamp) -> Result<(), DbError> {
    let days_off: Vec<jiff_sqlx::Date> = rules.days_off.iter().map(|date| date.to_sqlx()).collect();
    sqlx::query(
        "insert into demo_rules (org_id, zone, hours, length_minutes, buffer_minutes, notice_minutes, horizon_days, \
                                 days_off, updated_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         on conflict (org_id) do update set zone = excluded.zone, hours = excluded.hours, \
           length_minutes = excluded.length_minutes, buffer_minutes = excluded.buffer_minutes, \
           notice_minutes = excluded.notice_minutes, horizon_days = excluded.horizon_days, \
           days_off = excluded.days_off, updated_at = excluded.updated_at",
    )
    .bind(tx.org())
    .bind(rules.zone_name())
    .bind(Json(&rules.hours))
    .bind(rules.length_minutes)
    .bind(rules.buffer_minutes)
    .bind(rules.notice_minutes)
    .bind(rules.horizon_days)
    .bind(days_off)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}
