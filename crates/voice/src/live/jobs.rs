//! Background duties of the live view.

use std::time::Duration;

use identity::Authority;
use jiff::SignedDuration;
use platform::clock::Clock;
use platform::jobs::{Jobs, Report, Schedule};
use platform::realtime::Hub;
use platform::tasks::Tasks;
use platform::tenancy::{DbError, Tenancy};

use super::model::LiveEvent;
use super::session::Watchers;
use super::store;

/// How often the heads of watched organizations are read. The guarantee behind the wake-ups: an event that another node
/// stored, or whose wake-up was lost with its task, shows after at most this long.
const POLL: Duration = Duration::from_millis(500);
/// How often open connections are checked for credentials that ended.
const REVOCATIONS: Duration = Duration::from_secs(2);
/// How long events are kept for readers that come back.
const KEEP: SignedDuration = SignedDuration::from_hours(24);
const FORGET: Schedule =
    Schedule { name: "voice.forget_live_events", every: Duration::from_mins(5), patience: Duration::from_mins(2) };
/// Events forgotten in one transaction.
const CLEAN_BATCH: i64 = 5_000;

/// Reads the heads of watched organizations until the process stops.
pub fn keep_awake(tenancy: Tenancy, hub: Hub<LiveEvent>, tasks: &Tasks) {
    tasks.every(POLL, "live events could not be looked for", move || {
        let (tenancy, hub) = (tenancy.clone(), hub.clone());
        async move {
            let watched = hub.watched();
            if watched.is_empty() {
                return Ok::<_, DbError>(());
            }
            let mut tx = tenancy.system("wake watchers of organizations that other nodes wrote to").await?;
            let heads = store::heads(&mut tx, &watched).await?;
            tx.commit().await?;
            for (org, seq) in heads {
                hub.wake(org, seq);
            }
            Ok(())
        }
    });
}

/// Ends connections whose credential ended, until the process stops.
pub fn watch_revocations(authority: Authority, watchers: Watchers, tasks: &Tasks) {
    tasks.every(REVOCATIONS, "live connections could not be checked", move || {
        let (authority, watchers) = (authority.clone(), watchers.clone());
        async move {
            let open = watchers.open();
            if open.is_empty() {
                return Ok::<_, DbError>(());
            }
            let holders: Vec<_> = open.iter().map(|(_, holder)| *holder).collect();
            let valid = authority.still_valid(&holders).await?;
            watchers.end(open.iter().zip(valid).filter(|(_, valid)| !valid).map(|((key, _), _)| *key));
            Ok(())
        }
    });
}

/// Forgets old events and unused tickets, until the process stops.
pub fn keep_short(tenancy: Tenancy, clock: Clock, jobs: &Jobs) {
    jobs.schedule(FORGET, move || {
        let (tenancy, clock) = (tenancy.clone(), clock.clone());
        async move {
            let now = clock.now();
            let before = now.saturating_sub(KEEP).unwrap_or(now);
            let mut tx = tenancy.system("forget old live events").await?;
            store::forget_tickets(&mut tx, now).await?;
            let forgotten = store::forget_before(&mut tx, before, CLEAN_BATCH).await?;
            tx.commit().await?;
            Ok::<_, DbError>(Report::new().count("forgotten", forgotten))
        }
    });
}
