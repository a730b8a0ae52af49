//! Reaching the installation's database, whoever runs it.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use anyhow::Context as _;
use backup::tools::Access;
use platform::config::{Config, DatabaseSource};
use platform::crypto::MasterKey;
use platform::embedded::{EmbeddedError, EmbeddedOptions, EmbeddedPostgres, client_directories, prepare_data_dir};
use platform::secret::Secret;
use platform::tenancy::{
    APP_ROLE, Logins, Roles, SYSTEM_ROLE, Tenancy, ensure_roles, migrate, refuse_unfinished_restore, schema_is_current,
};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Executor as _};

use crate::psql;

/// The database's name in the private cluster.
const DATABASE_NAME: &str = "voxanne";
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
                    .database(DATABASE_NAME);
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

    /// The database as its administrator reaches it, for backups; none when this process has no administrator login.
    pub fn access(&self, config: &Config) -> anyhow::Result<Option<Access>> {
        let Some(admin) = self.admin.clone() else { return Ok(None) };
        let environment = match (&config.database.source, &self.embedded) {
            (DatabaseSource::External { admin_url: Some(url), .. }, _) => psql::connection_environment(url.expose())?,
            (_, Some(cluster)) => vec![
                ("PGHOST", cluster.socket_dir().display().to_string()),
                ("PGPORT", cluster.port().to_string()),
                ("PGUSER", cluster.superuser().to_owned()),
            ],
            _ => return Ok(None),
        };
        Ok(Some(Access { admin, environment }))
    }

    /// Where `pg_dump` and `pg_restore` of this database may be.
    pub fn program_directories(&self, config: &Config) -> Vec<PathBuf> {
        match &self.embedded {
            Some(cluster) => vec![cluster.bin_dir().to_owned()],
            None => client_directories(config.database.pg_bin.as_deref()),
        }
    }

    /// Makes the restricted logins, for a database that a restore is about to fill.
    pub async fn make_roles(&self) -> anyhow::Result<()> {
        let admin = self.admin.as_ref().context("set DATABASE_ADMIN_URL: a restore makes the schema")?;
        Ok(ensure_roles(admin, &self.roles).await?)
    }

    /// Brings the schema up to date where this process may, and refuses one that does not fit.
    pub async fn prepare(&self) -> anyhow::Result<()> {
        refuse_unfinished_restore(self.admin.as_ref().unwrap_or(&self.logins.app)).await?;
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

/// The master key in base64, as a backup keeps it.
pub fn master_key_text(config: &Config) -> anyhow::Result<Secret> {
    if let Some(key) = &config.security.master_key {
        return Ok(key.to_base64());
    }
    let data_dir = prepare_data_dir(&config.server.data_dir)?;
    MasterKey::stored(&data_dir)?.context("there is no master key yet: start the server once")
}

async fn create_if_missing(admin: &PgConnectOptions) -> anyhow::Result<()> {
    let mut conn = PgConnection::connect_with(&admin.clone().database("postgres")).await?;
    let exists: bool = sqlx::query_scalar("select exists (select 1 from pg_database where datname = $1)")
        .bind(DATABASE_NAME)
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

/// A parameter in an address, if it is there.
pub(crate) fn parameter_of(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(percent_decode(value))
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
