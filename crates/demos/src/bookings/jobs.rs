//! What happens later: times that were held and not booked become free in the table too, and bookings are forgotten when
//! the operator keeps them for a time only.

use std::time::Duration;

use platform::jobs::{Jobs, Report, Schedule};

use super::actions;
use crate::{DemoError, Demos};

/// A hold that is over takes nothing from anybody; this only keeps the table small.
const SCHEDULE: Schedule =
    Schedule { name: "demos.forget_holds", every: Duration::from_mins(10), patience: Duration::from_mins(2) };

/// Old bookings; hourly, as nobody waits for it.
const KEEPING: Schedule =
    Schedule { name: "demos.forget_bookings", every: Duration::from_hours(1), patience: Duration::from_mins(10) };

pub(crate) fn start(demos: &Demos, jobs: &Jobs) {
    let holds = demos.clone();
    jobs.schedule(SCHEDULE, move || {
        let demos = holds.clone();
        async move { told(actions::forget_expired(&demos).await) }
    });
    let bookings = demos.clone();
    jobs.schedule(KEEPING, move || {
        let demos = bookings.clone();
        async move { told(actions::remove_old(&demos).await) }
    });
}

fn told(forgotten: Result<u64, DemoError>) -> Result<Report, DemoError> {
    match forgotten {
        Ok(rows) => Ok(Report::new().count("forgotten", rows)),
        // Nobody can have held or booked anything yet.
        Err(DemoError::NoOperator) => Ok(Report::new()),
        Err(error) => Err(error),
    }
}
