//! What happens later, and again and again.

use std::time::Duration;

use jiff::SignedDuration;
use platform::clock::Clock;
use platform::jobs::{Jobs, Report, Schedule};
use platform::tenancy::{DbError, Tenancy};

use super::store;

/// How long an event that names no mail is kept.
const STRAYS_KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Forgets old events that name no mail, so that a provider's account which serves others too does not fill the disk.
pub fn keep_short(tenancy: Tenancy, clock: Clock, jobs: &Jobs) {
    let schedule =
        Schedule { name: "mail.forget_strays", every: Duration::from_hours(1), patience: Duration::from_mins(10) };
    jobs.schedule(schedule, move || {
        let (tenancy, clock) = (tenancy.clone(), clock.clone());
        async move { Ok::<_, DbError>(Report::new().count("forgotten", forget_strays(&tenancy, &clock).await?)) }
    });
}

/// Forgets them once; answers how many.
pub async fn forget_strays(tenancy: &Tenancy, clock: &Clock) -> Result<u64, DbError> {
    let before = clock.now().checked_sub(STRAYS_KEPT_FOR).unwrap_or(jiff::Timestamp::MIN);
    let mut tx = tenancy.system("forget old events that name no mail").await?;
    let forgotten = store::forget_strays(&mut tx, before).await?;
    tx.commit().await?;
    Ok(forgotten)
}
