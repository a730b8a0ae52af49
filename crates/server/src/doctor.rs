//! `voxanne doctor`: is this installation sound, and if not, what to do.

use std::process::ExitCode;
use std::sync::Arc;

use ::mail::relay::Patience;
use ::mail::{Outbox, Services};
use platform::clock::Clock;
use platform::config::Config;
use platform::tenancy::Tenancy;

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
                    }
                }
            }
            database.close().await?;
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Under the tenant login and a made-up organization, every list must be empty.
async fn sees_nothing(tenancy: &Tenancy) -> anyhow::Result<()> {
    let mut tx = tenancy.tenant(platform::ids::OrgId::new()).await?;
    let seen: i64 = sqlx::query_scalar("select count(*) from organizations").fetch_one(tx.conn()).await?;
    tx.commit().await?;
    anyhow::ensure!(seen == 0, "an unknown organization sees rows: do not serve from this database");
    Ok(())
}
