//! `voxanne doctor`: is this installation sound, and if not, what to do.

use std::process::ExitCode;
use std::sync::Arc;

use ::mail::relay::Patience;
use ::mail::{Outbox, Services};
use identity::organizations::actions as organizations;
use jiff::Timestamp;
use platform::clock::Clock;
use platform::config::Config;
use platform::http::problem::Chain;
use platform::ids::OrgId;
use platform::jobs::{Jobs, Overview, ScheduleState, ScheduleStatus};
use platform::tasks::Tasks;
use platform::tenancy::{DbError, Tenancy};

use crate::cli::say;
use crate::database::{self, Database};

/// A part to look at closely.
#[derive(clap::Subcommand, Debug)]
pub enum DoctorCommand {
    /// Sends a mail, prints the whole dialogue with the relay, and says what is wrong.
    Mail {
        /// Whom to send it to.
        #[arg(long)]
        to: String,
    },
}

/// Hands one mail to the relay and prints every line. Fails when the relay does not take it.
pub async fn mail(config: &Config, to: &str) -> anyhow::Result<ExitCode> {
    let database = Database::for_command(config).await?;
    let outcome = mail_through(config, &database, to).await;
    database.close().await?;
    Ok(if outcome? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn mail_through(config: &Config, database: &Database, to: &str) -> anyhow::Result<bool> {
    database.prepare().await?;
    let outbox = Outbox::new(Services {
        tenancy: database.tenancy(2).await?,
        clock: Clock::system(),
        master_key: database::master_key(config)?,
        config: config.mail.clone(),
    });
    let print = Arc::new(|line: &str| say(&format!("{line}\n")));
    Ok(::mail::doctor::diagnose(&outbox, to, Patience::default(), print).await?)
}

/// Checks part after part and prints a line for each. Fails when one does.
pub async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let mut sound = true;
    let mut report = |part: &str, fault: Option<String>| {
        sound &= fault.is_none();
        say(&match fault {
            None => format!("ok    {part}\n"),
            Some(fault) => format!("FAIL  {part}: {fault}\n"),
        });
    };
    report("configuration", None);
    report("master key", database::master_key(config).err().map(|error| format!("{error:#}")));
    match Database::for_command(config).await {
        Err(error) => report("database", Some(format!("{error:#}"))),
        Ok(database) => {
            report("database", None);
            let schema = database.prepare().await.err().map(|error| format!("{error:#}"));
            let current = schema.is_none();
            report("schema", schema);
            if current {
                match database.tenancy(2).await {
                    Err(error) => report("restricted logins", Some(format!("{error:#}"))),
                    Ok(tenancy) => {
                        report("restricted logins", None);
                        report(
                            "row security without an organization",
                            sees_nothing(&tenancy).await.err().map(|error| format!("{error:#}")),
                        );
                        let clock = Clock::system();
                        let overview = Jobs::new(tenancy, clock.clone(), Tasks::new()).overview().await;
                        report(
                            "duties",
                            overview.as_ref().map_or_else(|error| Some(words(error)), |seen| duties(seen, clock.now())),
                        );
                        report("jobs", overview.as_ref().map_or_else(|error| Some(words(error)), given_up));
                    }
                }
            }
            database.close().await?;
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn words(error: &DbError) -> String {
    Chain(error).to_string()
}

/// What is wrong with the duties of the installation. While no node works, nobody can be late.
fn duties(overview: &Overview, now: Timestamp) -> Option<String> {
    let is_worked = overview.nodes.iter().any(|node| node.works && !node.is_silent(now));
    let faults: Vec<String> = overview.schedules.iter().filter_map(|schedule| duty(schedule, is_worked, now)).collect();
    (!faults.is_empty()).then(|| faults.join("; "))
}

fn duty(schedule: &ScheduleStatus, is_worked: bool, now: Timestamp) -> Option<String> {
    let name = &schedule.name;
    match schedule.state(now) {
        ScheduleState::Failing => {
            let why = schedule.last_words.as_deref().unwrap_or("it did not say why");
            Some(format!("{name} failed {} times: {why}", schedule.failures))
        }
        ScheduleState::Late if is_worked => Some(format!("{name} is late by {} seconds", schedule.lag(now).as_secs())),
        ScheduleState::Late
        | ScheduleState::Running
        | ScheduleState::Fine
        | ScheduleState::New
        | ScheduleState::Retired => None,
    }
}

/// Jobs that wait for somebody to look at them.
fn given_up(overview: &Overview) -> Option<String> {
    let faults: Vec<String> = overview
        .queues
        .iter()
        .filter(|queue| queue.dead > 0)
        .map(|queue| format!("{} of {} were given up", queue.dead, queue.name))
        .collect();
    (!faults.is_empty()).then(|| format!("{}; see the page Jobs", faults.join("; ")))
}

/// Under the tenant login and a made-up organization, every list must be empty.
async fn sees_nothing(tenancy: &Tenancy) -> anyhow::Result<()> {
    let seen = organizations::count_seen_by(tenancy, OrgId::new()).await?;
    anyhow::ensure!(seen == 0, "an unknown organization sees rows: do not serve from this database");
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use platform::jobs::{NodeStatus, QueueStatus};
    use serde_json::Value;

    use super::*;

    fn noon() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn overview(failures: i32, next_at: Timestamp, seen_at: Timestamp, dead: i64) -> Overview {
        let schedule = ScheduleStatus {
            name: "voice.reap".into(),
            every: SignedDuration::from_mins(5),
            on_every_node: false,
            next_at,
            lease_until: None,
            node: None,
            started_at: None,
            ended_at: None,
            succeeded_at: Some(noon()),
            declared_at: noon(),
            last_words: (failures > 0).then(|| "the provider is silent".into()),
            failures,
            runs: 1,
            failed_runs: 0,
            report: Value::Null,
            is_retired: false,
        };
        let node = NodeStatus {
            name: "a".into(),
            version: "1".into(),
            works: true,
            started_at: noon(),
            seen_at,
            duties: vec!["voice.reap".into()],
            readings: Value::Null,
        };
        let name = "recordings.copy".into();
        let queue = QueueStatus { name, waiting: 0, later: 0, running: 0, dead, oldest_due: None, limits: None };
        Overview { schedules: vec![schedule], queues: vec![queue], running: vec![], dead: vec![], nodes: vec![node] }
    }

    #[test]
    fn a_failing_duty_is_named_and_a_late_one_while_somebody_works() {
        let past = noon() - SignedDuration::from_mins(10);
        assert_eq!(duties(&overview(0, noon(), noon(), 0), noon()), None);
        let failing = duties(&overview(2, noon(), noon(), 0), noon());
        assert_eq!(failing.as_deref(), Some("voice.reap failed 2 times: the provider is silent"));
        assert_eq!(duties(&overview(0, past, noon(), 0), noon()).as_deref(), Some("voice.reap is late by 600 seconds"));
        assert_eq!(duties(&overview(0, past, past, 0), noon()), None, "nobody works, so nobody is late");
    }

    #[test]
    fn jobs_that_were_given_up_are_counted() {
        assert_eq!(given_up(&overview(0, noon(), noon(), 0)), None);
        let told = given_up(&overview(0, noon(), noon(), 3));
        assert_eq!(told.as_deref(), Some("3 of recordings.copy were given up; see the page Jobs"));
    }
}
