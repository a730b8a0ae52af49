//! What happens later: times that were held and not booked become free in the table too.

use std::time::Duration;

use platform::jobs::{Jobs, Report, Schedule};

use super::actions;
use crate::{DemoError, Demos};

/// A hold that is over takes nothing from anybody; this only keeps the table small.
const SCHEDULE: Schedule =
    Schedule { name: "demos.forget_holds", every: Duration::from_mins(10), patience: Duration::from_mins(2) };

pub(crate) fn start(demos: &Demos, jobs: &Jobs) {
    let demos = demos.clone();
    jobs.schedule(SCHEDULE, move || {
        let demos = demos.clone();
        async move {
            match actions::forget_expired(&demos).await {
                Ok(freed) => Ok(Report::new().count("forgotten", freed)),
                // Nobody can have held anything yet.
                Err(DemoError::NoOperator) => Ok(Report::new()),
                Err(error) => Err(error),
            }
        }
    });
}
