//! What happens later: times that were held and not booked become free in the table too.

use std::time::Duration;

use super::actions;
use crate::{DemoError, Demos};

/// A hold that is over takes nothing from anybody; this only keeps the table small.
const EVERY: Duration = Duration::from_mins(10);

pub(crate) fn start(demos: &Demos) {
    let tasks = demos.tasks().clone();
    let demos = demos.clone();
    tasks.every(EVERY, "holds that are over could not be removed", move || {
        let demos = demos.clone();
        async move {
            match actions::forget_expired(&demos).await {
                // Nobody can have held anything yet.
                Err(DemoError::NoOperator) => Ok(()),
                done => done,
            }
        }
    });
}
