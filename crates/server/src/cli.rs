//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use platform::config::{Config, process_environment};
use platform::secret::Secret;
use tokio::io::AsyncReadExt as _;

use crate::{admin, backup, doctor, import, openapi, psql, reconcile, replay, serve, simulate};

/// The AI receptionist platform you run yourself.
///
/// Configuration comes from the environment; `voxanne check-config` explains it.
#[derive(Parser, Debug)]
#[command(name = "voxanne", version, about, long_about = None)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Starts the server.
    Serve(ServeArguments),
    /// Brings the database schema up to date.
    Migrate,
    /// Reads the configuration and says everything that is wrong with it.
    CheckConfig {
        /// Prints a commented example of every variable instead.
        #[arg(long)]
        example: bool,
    },
    /// Prints the description of the API.
    Openapi,
    /// Checks an installation and says what to do about each fault.
    Doctor {
        #[command(subcommand)]
        part: Option<doctor::DoctorCommand>,
    },
    /// Opens psql as the administrator on the installation's database.
    Psql {
        /// Arguments for psql, after `--`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Administration.
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Moves in from another system.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Backs the installation up while it runs.
    Backup(backup::BackupArguments),
    /// Restores a backup into an empty installation.
    Restore(backup::RestoreArguments),
    /// Rebuilds calls from their stored events and reports differences.
    Replay(replay::ReplayArguments),
    /// Compares our calls with what every connection's provider says of them, now, and heals the difference.
    Reconcile(reconcile::ReconcileArguments),
    /// Plays invented calls against a running server, as the voice provider would.
    Simulate(Box<simulate::SimulateArguments>),
}

/// Options of `serve`.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ServeArguments {
    /// Adds invented practices and lets simulated calls come in, plainly labelled.
    #[arg(long)]
    pub demo: bool,
    /// Leaves background duties to another node.
    #[arg(long)]
    pub no_worker: bool,
    /// Does background duties only.
    #[arg(long, conflicts_with = "demo")]
    pub no_api: bool,
}

/// Runs the command.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::CheckConfig { example: true } => say(&platform::config::example()),
        Command::CheckConfig { example: false } => {
            let config = config()?;
            for warning in mail::warnings(&config.mail) {
                say(&format!("Note: {warning}.\n"));
            }
            say("The configuration is in order.\n");
        }
        Command::Openapi => say(&openapi::document()?),
        // Boxed: it holds the whole server, and this stack would carry its size through every command.
        Command::Serve(arguments) => Box::pin(serve::run(config()?, arguments)).await?,
        Command::Migrate => serve::migrate(&config()?).await?,
        Command::Doctor { part: None } => return doctor::run(&config()?).await,
        Command::Doctor { part: Some(doctor::DoctorCommand::Mail { to }) } => {
            return doctor::mail(&config()?, &to).await;
        }
        Command::Psql { arguments } => return psql::run(&config()?, &arguments).await,
        Command::Admin(command) => admin::run(&config()?, command).await?,
        Command::Import(command) => return Box::pin(import::run(&config()?, command)).await,
        Command::Backup(arguments) => {
            let environment = process_environment()?;
            // Boxed like the server: it would make every command's stack as large.
            Box::pin(backup::run(&Config::from_env(&environment)?, &environment, arguments)).await?;
        }
        Command::Restore(arguments) => Box::pin(backup::restore(&config()?, &arguments)).await?,
        Command::Replay(arguments) => return replay::run(&config()?, &arguments).await,
        Command::Reconcile(arguments) => {
            return Box::pin(reconcile::run(config()?, &arguments)).await;
        }
        Command::Simulate(arguments) => return simulate::run(*arguments).await,
    }
    Ok(ExitCode::SUCCESS)
}

fn config() -> anyhow::Result<Config> {
    Ok(Config::from_env(&process_environment()?)?)
}

/// Prints to standard output, where scripts read.
#[expect(clippy::print_stdout, reason = "the command line answers on the terminal")]
pub(crate) fn say(text: &str) {
    print!("{text}");
}

/// Reads a secret from standard input, without the line break at its end. Never from the arguments, which every process
/// on the machine can read.
pub(crate) async fn secret_from_stdin(what: &str) -> anyhow::Result<Secret> {
    let mut text = String::new();
    tokio::io::stdin().read_to_string(&mut text).await.with_context(|| format!("the {what} could not be read"))?;
    secret_from(&text, what)
}

/// Reads a secret from a file.
pub(crate) fn secret_from_file(path: &PathBuf, what: &str) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the {what} could not be read from {}", path.display()))?;
    secret_from(&text, what)
}

fn secret_from(text: &str, what: &str) -> anyhow::Result<Secret> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    anyhow::ensure!(!line.is_empty(), "the {what} is empty");
    Ok(Secret::new(line))
}
