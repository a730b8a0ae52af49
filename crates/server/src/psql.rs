//! `voxanne psql`: the administrator's look at the database, past row security.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use platform::config::{Config, DatabaseSource};

use crate::database::Database;

/// Runs psql and passes its exit status on.
pub async fn run(config: &Config, arguments: &[String]) -> anyhow::Result<ExitCode> {
    let database = Database::for_command(config).await?;
    let mut command = tokio::process::Command::new(program(config, &database));
    match (&config.database.source, &database.embedded) {
        (DatabaseSource::Embedded, Some(cluster)) => {
            database.prepare().await?;
            command
                .env("PGHOST", cluster.socket_dir())
                .env("PGPORT", cluster.port().to_string())
                .env("PGUSER", cluster.superuser())
                .env("PGDATABASE", "voxanne");
        }
        (DatabaseSource::External { app_url, admin_url, .. }, _) => {
            // In the environment and not in the arguments, which every process on the machine can read.
            let url = admin_url.as_ref().unwrap_or(app_url);
            for (name, value) in connection_environment(url.expose())? {
                command.env(name, value);
            }
        }
        (DatabaseSource::Embedded, None) => anyhow::bail!("the private cluster did not start"),
    }
    let status = command.args(arguments).status().await.context("psql could not be started")?;
    database.close().await?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn program(config: &Config, database: &Database) -> PathBuf {
    let directory = database
        .embedded
        .as_ref()
        .map(|cluster| cluster.bin_dir().to_owned())
        .or_else(|| config.database.pg_bin.clone());
    directory
        .map(|directory| directory.join("psql"))
        .filter(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from("psql"))
}

/// libpq's variables for an address, read by sqlx's own reader so that both mean the same server.
pub(crate) fn connection_environment(url: &str) -> anyhow::Result<Vec<(&'static str, String)>> {
    let options: sqlx::postgres::PgConnectOptions =
        url.parse().map_err(|_| anyhow::anyhow!("the database address cannot be read"))?;
    let mut variables = vec![
        (
            "PGHOST",
            options.get_socket().map_or_else(|| options.get_host().to_owned(), |path| path.display().to_string()),
        ),
        ("PGPORT", options.get_port().to_string()),
        ("PGUSER", options.get_username().to_owned()),
    ];
    if let Some(name) = options.get_database() {
        variables.push(("PGDATABASE", name.to_owned()));
    }
    for (parameter, variable) in [("sslmode", "PGSSLMODE"), ("sslrootcert", "PGSSLROOTCERT")] {
        if let Some(value) = crate::database::parameter_of(url, parameter) {
            variables.push((variable, value));
        }
    }
    if let Some(password) = crate::database::password_of(url) {
        variables.push(("PGPASSWORD", password));
    }
    Ok(variables)
}
