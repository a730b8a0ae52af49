//! What happens later, and again and again.

use std::time::Duration;

use jiff::SignedDuration;
use platform::clock::Clock;
use platform::tasks::Tasks;
use platform::tenancy::{DbError, Tenancy};

use super::store;

/// How long an event that names no mail is kept.
const STRAYS_KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Forgets old events that name no mail, so that a provider's account which serves others too does not fill the disk.
pub fn keep_short(tenancy: Tenancy, clock: Clock, tasks: &Tasks) {
    tasks.every(Duration::from_hours(1), "old events without a mail could not be forgotten", move || {
        let (tenancy, clock) = (tenancy.clone(), clock.clone());
        async move { forget_strays(&tenancy, &clock).await }
    });
}

/// Forgets them once.
pub async fn forget_strays(tenancy: &Tenancy, clock: &Clock) -> Result<(), DbError> {
    let before = clock.now().checked_sub(STRAYS_KEPT_FOR).unwrap_or(jiff::Timestamp::MIN);
    let mut tx = tenancy.system("forget old events that name no mail").await?;
    store::forget_strays(&mut tx, before).await?;
    tx.commit().await
}
