//! Reaching the installation's database, whoever runs it.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use anyhow::Context as _;
use platform::config::{Config, DatabaseSource};
use platform::crypto::MasterKey;
use platform::embedded::{EmbeddedError, EmbeddedOptions, EmbeddedPostgres, prepare_data_dir};
use platform::secret::Secret;
use platform::tenancy::{APP_ROLE, Logins, Roles, SYSTEM_ROLE, Tenancy, ensure_roles, migrate, schema_is_current};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Executor as _};

/// The database's name in the private cluster.
const NAME: &str = "voxanne";
/// How long a server waits for a command that holds the data directory. Another server holds it for good, and is named.
const COMMAND_PATIENCE: Duration = Duration::from_secs(5);

/// The installation's database: its own private cluster, or somebody's server.
pub struct Database {
    /// The private cluster, when there is one.
    pub embedded: Option<EmbeddedPostgres>,
    /// As the administrator; none when migrations are somebody else's step.
    pub admin: Option<PgConnectOptions>,
    /// As the restricted logins.
    pub logins: Logins,
    roles: Roles,
}

impl Database {
    /// Starts the private cluster for a server, or finds the configured one.
    pub async fn for_server(config: &Config) -> anyhow::Result<Self> {
        Self::open(config, false).await
    }

    /// For a command beside a server: uses the private cluster that runs, or starts it for the time of the command.
    pub async fn for_command(config: &Config) -> anyhow::Result<Self> {
        Self::open(config, true).await
    }

    async fn open(config: &Config, beside: bool) -> anyhow::Result<Self> {
        match &config.database.source {
            DatabaseSource::Embedded => {
                let options = EmbeddedOptions {
                    data_dir: config.server.data_dir.clone(),
                    pg_bin: config.database.pg_bin.clone(),
                    roles: vec![APP_ROLE.to_owned(), SYSTEM_ROLE.to_owned()],
                };
                let cluster = if beside {
                    EmbeddedPostgres::start_or_attach(options).await?
                } else {
                    start_when_free(options).await?
                };
                let base = PgConnectOptions::new_without_pgpass()
                    .socket(cluster.socket_dir())
                    .port(cluster.port())
                    .database(NAME);
                let admin = base.clone().username(cluster.superuser());
                create_if_missing(&admin).await?;
                Ok(Self {
                    embedded: Some(cluster),
                    admin: Some(admin),
                    logins: Logins { app: base.clone().username(APP_ROLE), system: base.username(SYSTEM_ROLE) },
                    roles: Roles::default(),
                })
            }
            DatabaseSource::External { app_url, system_url, admin_url } => Ok(Self {
                embedded: None,
                admin: admin_url.as_ref().map(parse).transpose()?,
                logins: Logins { app: parse(app_url)?, system: parse(system_url)? },
                roles: Roles {
                    app_password: password_for(app_url, APP_ROLE),
                    system_password: password_for(system_url, SYSTEM_ROLE),
                },
            }),
        }
    }

    /// Brings the schema up to date where this process may, and refuses one that does not fit.
    pub async fn prepare(&self) -> anyhow::Result<()> {
        match &self.admin {
            Some(admin) => {
                ensure_roles(admin, &self.roles).await?;
                migrate(admin).await?;
            }
            None => schema_is_current(&self.logins.app).await?,
        }
        Ok(())
    }

    /// Connects the restricted logins.
    pub async fn tenancy(&self, connections: u32) -> anyhow::Result<Tenancy> {
        let connections = usize::try_from(connections).context("too many connections")?;
        Ok(Tenancy::connect(self.logins.clone(), connections).await?)
    }

    /// Stops the private cluster if this process runs it.
    pub async fn close(self) -> anyhow::Result<()> {
        if let Some(cluster) = self.embedded
            && !cluster.is_attached()
        {
            cluster.stop().await?;
        }
        Ok(())
    }
}

/// Starts the cluster, waiting a moment for a command that is just finishing on the same data directory.
async fn start_when_free(options: EmbeddedOptions) -> Result<EmbeddedPostgres, EmbeddedError> {
    let patience = tokio::time::Instant::now() + COMMAND_PATIENCE;
    loop {
        match EmbeddedPostgres::start(options.clone()).await {
            Err(EmbeddedError::AnotherInstance { .. }) if tokio::time::Instant::now() < patience => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            started => return started,
        }
    }
}

/// The master key: from the configuration, else from the data directory.
pub fn master_key(config: &Config) -> anyhow::Result<MasterKey> {
    if let Some(key) = &config.security.master_key {
        return Ok(MasterKey::from_bytes(*key.expose()));
    }
    let data_dir: PathBuf = prepare_data_dir(&config.server.data_dir)?;
    Ok(MasterKey::load_or_create(&data_dir)?)
}

async fn create_if_missing(admin: &PgConnectOptions) -> anyhow::Result<()> {
    let mut conn = PgConnection::connect_with(&admin.clone().database("postgres")).await?;
    let exists: bool = sqlx::query_scalar("select exists (select 1 from pg_database where datname = $1)")
        .bind(NAME)
        .fetch_one(&mut conn)
        .await?;
    if !exists {
        match conn.execute("create database voxanne").await {
            // A command and a server that start at the same moment both find it missing; one of them is first.
            Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("42P04" | "23505")) => {}
            created => {
                created?;
            }
        }
    }
    conn.close().await?;
    Ok(())
}

fn parse(url: &Secret) -> anyhow::Result<PgConnectOptions> {
    // The cause would print the address, and with it the password.
    PgConnectOptions::from_str(url.expose()).map_err(|_| anyhow::anyhow!("a database address cannot be read"))
}

/// The password in an address that signs in as `role`; with another login the roles' passwords are not ours to set.
fn password_for(url: &Secret, role: &str) -> Option<Secret> {
    (parse(url).ok()?.get_username() == role).then(|| password_of(url.expose()))?.map(Secret::new)
}

/// The password in an address, if there is one.
pub(crate) fn password_of(url: &str) -> Option<String> {
    let (credentials, _) = url.split_once("://")?.1.split_once('@')?;
    Some(percent_decode(credentials.split_once(':')?.1))
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let decoded = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(decoded.unwrap_or(bytes[at]));
        at += if decoded.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}
