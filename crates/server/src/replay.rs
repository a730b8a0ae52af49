//! `voxanne replay`: are the rows what the events say?

use std::process::ExitCode;

use clap::Args;
use platform::config::Config;
use platform::ids::{CallId, OrgId};
use voice::ingress::replay::{calls_with_events, replay_call};

use crate::cli::say;
use crate::database::Database;

/// Options of `replay`.
#[derive(Args, Debug)]
pub struct ReplayArguments {
    /// The organization.
    #[arg(long)]
    org: OrgId,
    /// One call; all calls of the organization when left out.
    #[arg(long)]
    call: Option<CallId>,
    /// Writes what the events say where rows differ.
    #[arg(long)]
    apply: bool,
    /// Prints one JSON object per differing call.
    #[arg(long)]
    json: bool,
}

/// Replays and reports. Fails when rows differ and were not written.
pub async fn run(config: &Config, arguments: &ReplayArguments) -> anyhow::Result<ExitCode> {
    let database = Database::for_command(config).await?;
    let done = replay(&database, arguments).await;
    database.close().await?;
    done
}

async fn replay(database: &Database, arguments: &ReplayArguments) -> anyhow::Result<ExitCode> {
    database.prepare().await?;
    let tenancy = database.tenancy(2).await?;
    let calls = match arguments.call {
        Some(call) => vec![call],
        None => calls_with_events(&tenancy, arguments.org).await?,
    };
    let (mut events, mut differing) = (0, 0);
    for call in &calls {
        let report = replay_call(&tenancy, arguments.org, *call, arguments.apply).await?;
        events += report.events;
        if report.differences.is_empty() {
            continue;
        }
        differing += 1;
        if arguments.json {
            say(&format!("{}\n", serde_json::to_string(&report)?));
        } else {
            // Fields only: values may be what a patient said.
            let fields: Vec<_> = report.differences.iter().map(|difference| difference.field.as_str()).collect();
            say(&format!("{call}: {}{}\n", fields.join(", "), if report.applied { " (written)" } else { "" }));
        }
    }
    if !arguments.json {
        say(&format!("{} calls, {events} events, {differing} calls differ.\n", calls.len()));
    }
    Ok(if differing == 0 || arguments.apply { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
