//! Runs a command with a PostgreSQL cluster that lives as long as it does: `test-cluster cargo nextest run`.

use std::process::ExitCode;

use anyhow::Context as _;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().context("usage: test-cluster <command> [arguments]")?;
    let data_dir = std::env::temp_dir().join(format!("voxanne-test-{}", uuid::Uuid::now_v7()));
    let cluster = test_support::cluster::start(data_dir.clone()).await?;
    let status = tokio::process::Command::new(&program)
        .args(arguments)
        .env(test_support::cluster::SOCKET_VARIABLE, cluster.socket_dir())
        .status()
        .await;
    cluster.stop().await?;
    std::fs::remove_dir_all(&data_dir)?;
    let status = status.with_context(|| format!("{} could not be started", program.to_string_lossy()))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
