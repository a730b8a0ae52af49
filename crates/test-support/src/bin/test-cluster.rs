//! Runs a command with a PostgreSQL cluster that lives as long as it does: `test-cluster cargo nextest run`. When it is over, everything
//! that was logged is looked through for what a log must never hold, and the run fails when something is found.

#![expect(clippy::print_stderr, reason = "a program for people at a terminal")]

use std::process::ExitCode;

use anyhow::Context as _;
use test_support::logs;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().context("usage: test-cluster <command> [arguments]")?;
    let data_dir = std::env::temp_dir().join(format!("voxanne-test-{}", uuid::Uuid::now_v7()));
    let logs = std::env::temp_dir().join(format!("voxanne-test-logs-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&logs)?;
    let cluster = test_support::cluster::start(data_dir.clone()).await?;
    let status = tokio::process::Command::new(&program)
        .args(arguments)
        .env(test_support::cluster::SOCKET_VARIABLE, cluster.socket_dir())
        .env(logs::LOGS_VARIABLE, &logs)
        .status()
        .await;
    cluster.stop().await?;
    std::fs::remove_dir_all(&data_dir)?;
    let (lines, found) = logs::crawl(&logs)?;
    std::fs::remove_dir_all(&logs)?;
    let status = status.with_context(|| format!("{} could not be started", program.to_string_lossy()))?;
    for finding in found.iter().take(20) {
        eprintln!("logged: {}\n    {:.800}", finding.what, finding.line);
    }
    if !found.is_empty() {
        eprintln!("{} of {lines} lines that were logged hold something personal; no log may", found.len());
        return Ok(ExitCode::FAILURE);
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
