//! `voxanne reconcile`: is every call accounted for?

use std::process::ExitCode;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use platform::clock::Clock;
use platform::config::Config;
use platform::tasks::Tasks;
use voice::reconcile::{AccountReport, AskedBy};

use crate::app::{App, Foundation};
use crate::cli::say;
use crate::database::{self, Database};
use crate::demo;

/// Options of `reconcile`.
#[derive(Args, Debug)]
pub struct ReconcileArguments {
    /// Looks at calls that changed in the last so many days; by default at all that the provider keeps.
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=3_660))]
    days: u32,
    /// Prints JSON: a list of accounts.
    #[arg(long)]
    json: bool,
}

/// Compares, heals and reports. Fails when an account could not be looked at to the end, or a call is not accounted for.
pub async fn run(config: Config, arguments: &ReconcileArguments) -> anyhow::Result<ExitCode> {
    let database = Database::for_command(&config).await?;
    let done = reconcile(config, arguments, &database).await;
    database.close().await?;
    done
}

async fn reconcile(
    mut config: Config,
    arguments: &ReconcileArguments,
    database: &Database,
) -> anyhow::Result<ExitCode> {
    database.prepare().await?;
    let (clock, tasks) = (Clock::system(), Tasks::new());
    let simulated_api = demo::running_provider(&mut config)?;
    let foundation = Foundation {
        tenancy: database.tenancy(4).await?,
        clock: clock.clone(),
        master_key: database::master_key(&config)?,
        tasks: tasks.clone(),
        public_origin: config.server.public_origin(config.server.listen),
        demonstration: false,
        simulated_api,
    };
    let app = App::new(&config, foundation)?;
    let back_to = clock.now().checked_sub(SignedDuration::from_hours(24 * i64::from(arguments.days)))?;
    let reports = app.voice.reconciler.run(AskedBy::Command, Some(back_to)).await?;
    tasks.stop();
    if arguments.json {
        say(&format!("{}\n", serde_json::to_string(&reports)?));
    } else {
        say(&in_words(&reports));
    }
    let is_clean = reports.iter().all(AccountReport::is_clean);
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_words(reports: &[AccountReport]) -> String {
    if reports.is_empty() {
        return "Nothing was compared: no connection has a private key. Give it one with\n  \
             voxanne admin set-provider-key --org ORG --connection CONNECTION --api-key-file FILE\n"
            .to_owned();
    }
    let mut lines: Vec<String> = reports.iter().flat_map(account).collect();
    let calls = reports.iter().map(|report| report.calls).sum();
    let accounted = reports.iter().map(AccountReport::accounted).sum();
    lines.push(format!("{} of {} accounted\n", grouped(accounted), grouped(calls)));
    lines.join("\n")
}

fn account(report: &AccountReport) -> Vec<String> {
    let whose = match (report.org_id, report.connection_id) {
        (Some(org), Some(connection)) => format!("{} (connection {connection} of organization {org})", report.label),
        _ => report.label.clone(),
    };
    let mut lines = vec![
        whose,
        format!(
            "  {} of {} calls accounted for, changed between {} and {}",
            grouped(report.accounted()),
            grouped(report.calls),
            minute(report.from),
            minute(report.until),
        ),
    ];
    if report.healed > 0 {
        lines.push(format!("  {} healed", grouped(report.healed)));
    }
    lines.extend(report.differences.iter().map(|(kind, count)| format!("  {} x {}", grouped(*count), kind.words())));
    lines.extend(report.problem.iter().map(|problem| format!("  not to the end: {problem}")));
    lines
}

/// With commas between thousands.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_told_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_204, "1,204"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
