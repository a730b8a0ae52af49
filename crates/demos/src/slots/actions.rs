//! What is offered, and the rules behind it.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};
use platform::audit;
use platform::tenancy::TenantTx;
use serde_json::json;

use super::model::{Day, OpeningRules, RulesError, Slot, by_day, nearest, start_of_day};
use super::store;
use crate::bookings::model::ALTERNATIVES;
use crate::bookings::store as bookings;
use crate::{DemoError, Demos};

/// What a visitor may choose from.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The days on which demos are offered, by the visitor's calendar.
    pub days: Vec<Day>,
    /// The rules, for length and zone.
    pub rules: OpeningRules,
}

/// The times of some days by the visitor's calendar: `days` of them from `from`, or from today.
pub async fn offer(
    demos: &Demos,
    visitor: &TimeZone,
    from: Option<Date>,
    days: i32,
    own_hold: Option<&[u8]>,
) -> Result<Offer, DemoError> {
    let now = demos.now();
    let first = from.unwrap_or_else(|| visitor.to_datetime(now).date());
    let ahead: Span = days.days();
    let (begins, ends) = (start_of_day(visitor, first), start_of_day(visitor, first.saturating_add(ahead)));
    let mut tx = demos.begin().await?;
    let rules = store::rules(&mut tx).await?;
    let taken = bookings::taken(&mut tx, now, begins, ends, own_hold).await?;
    tx.commit().await?;
    let offered = rules.offered(now, begins, ends);
    Ok(Offer { days: by_day(&offered, &taken, visitor), rules })
}

/// The free times nearest to one that cannot be had.
pub(crate) async fn alternatives(
    tx: &mut TenantTx,
    rules: &OpeningRules,
    now: Timestamp,
    wanted: Timestamp,
) -> Result<Vec<Slot>, DemoError> {
    let until = rules.end_of_horizon(now);
    let taken = bookings::taken(tx, now, now, until, None).await?;
    Ok(nearest(&rules.offered(now, now, until), &taken, wanted, ALTERNATIVES))
}

/// The opening rules.
pub async fn opening_rules(demos: &Demos) -> Result<OpeningRules, DemoError> {
    let mut tx = demos.begin().await?;
    let rules = store::rules(&mut tx).await?;
    tx.commit().await?;
    Ok(rules)
}

/// Changes when demos are offered. Bookings that are there stay.
pub async fn save_opening_rules(
    demos: &Demos,
    actor: audit::Actor,
    mut rules: OpeningRules,
) -> Result<OpeningRules, DemoError> {
    rules.check()?;
    if rules.zone.iana_name().is_none() {
        return Err(RulesError::Zone.into());
    }
    rules.days_off.sort_unstable();
    rules.days_off.dedup();
    let mut tx = demos.begin().await?;
    store::save_rules(&mut tx, &rules, demos.now()).await?;
    audit::record(&mut tx, actor, "demo.rules_changed", None, json!({})).await?;
    tx.commit().await?;
    Ok(rules)
}
