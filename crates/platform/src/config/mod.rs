//! The configuration: environment variables become one typed struct per section.
//!
//! Rules: nothing here reads the process environment behind the caller's back; every problem is
//! reported in one go; a default is written once, in the table of [`variables`]; a secret is a type
//! that cannot be printed and may come from a file.

pub mod accent;
mod alerts;
mod backup;
mod mail;
mod reader;
mod site;
mod storage;
mod values;
mod variables;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use url::Url;

use crate::ids::OrgId;
use crate::secret::Secret;
use reader::{Reader, Recorded};

pub use alerts::{AlertConfig, AlertWebhook, Heartbeat, SentryDsn, Thresholds, WebhookKey};
pub use backup::BackupConfig;
pub use mail::{MailConfig, MailEventsConfig, RelayConfig, RelayTls};
pub use reader::{ConfigErrors, Problem};
pub use site::{Legal, Money, Per, Plan, SiteConfig, Wording};
pub use storage::{Place, S3Access, S3Config, StorageConfig};
pub use values::{HostPort, LogFormat, MasterKey, Origin, Rate};
pub use variables::{Section, VARIABLES, Variable, example, without_secrets};

/// Connections that a private cluster accepts in all.
pub const PRIVATE_CLUSTER_CONNECTIONS: u32 = 100;

/// Of these, how many stay free for administration, migrations, backups and the notifier.
const CONNECTIONS_KEPT_FREE: u32 = 10;

/// Everything an operator can set.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses and the data directory.
    pub server: ServerConfig,
    /// Which database.
    pub database: DatabaseConfig,
    /// Keys of the installation.
    pub security: SecurityConfig,
    /// What one client may ask for.
    pub limits: LimitConfig,
    /// The voice provider Vapi.
    pub vapi: VapiConfig,
    /// Where recordings are kept.
    pub storage: StorageConfig,
    /// What may be asked outside.
    pub outbound: OutboundConfig,
    /// Sending mail.
    pub mail: MailConfig,
    /// Backups.
    pub backup: BackupConfig,
    /// Who is told of trouble.
    pub alerts: AlertConfig,
    /// What the installation may use up.
    pub quotas: QuotaConfig,
    /// What the public website says.
    pub site: SiteConfig,
    /// How long a demo booking is kept; `None`: for ever.
    pub bookings_keep_for: Option<jiff::SignedDuration>,
    /// Log output.
    pub log: LogConfig,
}

/// Addresses and the data directory.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where the web server listens. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where the metrics listen; `None` turns them off.
    pub metrics_listen: Option<SocketAddr>,
    /// The public address, where one was given; see [`ServerConfig::public_origin`].
    pub public_url: Option<Origin>,
    /// Everything kept on disk. May be relative to the working directory.
    pub data_dir: PathBuf,
    /// Networks whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Other origins whose pages may call the API.
    pub cors_origins: Vec<Origin>,
    /// The operator's own organization, where one was named.
    pub operator_org: Option<OrgId>,
}

impl ServerConfig {
    /// The public address: the configured one, or that of the listener, whose port is known only
    /// once it is bound.
    pub fn public_origin(&self, bound: SocketAddr) -> Origin {
        self.public_url.clone().unwrap_or_else(|| Origin::of_listener(bound))
    }
}

/// Which database, and how many connections to it.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Private or external.
    pub source: DatabaseSource,
    /// Directory of the database programs, where one was given. Used for the private cluster and
    /// for `psql` and `pg_dump` on an external one.
    pub pg_bin: Option<PathBuf>,
    /// The most connections of each runtime login.
    pub pool_size: u32,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub enum DatabaseSource {
    /// A private cluster in the data directory, run by the server.
    Embedded,
    /// Somebody else's server.
    External {
        /// As the restricted login of the application.
        app_url: Secret,
        /// As the restricted login for work across organizations.
        system_url: Secret,
        /// As the owner of the schema; `None`: migrations are somebody else's step.
        admin_url: Option<Secret>,
    },
}

/// Keys of the installation.
#[derive(Debug, Clone)]
pub struct SecurityConfig {
    /// Encrypts stored credentials; `None`: the one kept in the data directory.
    pub master_key: Option<MasterKey>,
}

/// What one client may ask for.
#[derive(Debug, Clone)]
pub struct LimitConfig {
    /// Public API requests of one client.
    pub public_api: Rate,
    /// Demo bookings of one client.
    pub booking: Rate,
    /// Webhook requests without a valid signature, of one address.
    pub unverified_webhooks: Rate,
    /// Largest accepted webhook body in bytes.
    pub max_webhook_bytes: u32,
    /// Open live connections of one user on one server.
    pub live_connections_per_user: u32,
    /// Open live connections of one organization on one server.
    pub live_connections_per_org: u32,
}

/// The voice provider Vapi.
#[derive(Debug, Clone)]
pub struct VapiConfig {
    /// Secrets of the platform-wide webhook, newest first. Empty: that webhook answers 401.
    pub webhook_secrets: Vec<Secret>,
    /// Where its API is.
    pub api_url: Origin,
    /// Private key of the platform-wide account. `None`: it is not asked about its calls.
    pub api_key: Option<Secret>,
    /// Minutes that a call may ring without an event.
    pub silent_ringing_minutes: u32,
    /// Minutes that an answered call may go on without an event.
    pub silent_call_minutes: u32,
}

/// What may be asked outside; see [`crate::outbound`].
#[derive(Debug, Clone, Default)]
pub struct OutboundConfig {
    /// Hosts and ports that may be asked although they are not https on a public address.
    pub allow: Vec<HostPort>,
}

/// What the installation may use up, for the operator's page of limits. Nothing is stopped by these; `None`: no limit is
/// known.
#[derive(Debug, Clone, Default)]
pub struct QuotaConfig {
    /// Size of the database in bytes.
    pub database_bytes: Option<u64>,
    /// Size of the files in the data directory, the private database not counted, in bytes.
    pub storage_bytes: Option<u64>,
    /// Minutes of calls in a month.
    pub provider_minutes: Option<u64>,
    /// What the voice provider may cost in a month, in whole US dollars.
    pub provider_cost_usd: Option<u64>,
}

/// Log output.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// A filter that `tracing_subscriber::EnvFilter` accepts.
    pub filter: String,
    /// The form of the lines.
    pub format: LogFormat,
}

impl Config {
    /// Reads the configuration from an environment. Reads the files that `_FILE` variables name, and
    /// nothing else.
    pub fn from_env(env: &BTreeMap<String, String>) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(env);
        // Every section is read before any is looked at, so that all problems are found.
        let server = server(&mut reader);
        let database = database(&mut reader);
        let security = security(&mut reader);
        let limits = limits(&mut reader);
        let vapi = vapi(&mut reader);
        let s3 = storage::s3(&mut reader);
        let storage = s3.as_ref().map_err(|_| Recorded).and_then(|s3| storage::read(&mut reader, s3));
        let outbound = outbound(&mut reader);
        let mail = mail::read(&mut reader);
        let alerts = alerts::read(&mut reader);
        let site = site(&mut reader);
        let source = database.as_ref().ok().map(|database| &database.source);
        let backup = s3.and_then(|s3| backup::read(&mut reader, source, &s3));
        let bookings_keep_for = reader.optional(&variables::BOOKINGS_KEEP_DAYS, values::days);
        let quotas = quotas(&mut reader);
        let log = log(&mut reader);
        let problems = reader.into_problems();
        // Whatever is missing has left a problem behind.
        let all = || -> Result<Self, Recorded> {
            Ok(Self {
                server: server?,
                database: database?,
                security: security?,
                limits: limits?,
                vapi: vapi?,
                storage: storage?,
                outbound: outbound?,
                mail: mail?,
                backup: backup?,
                alerts: alerts?,
                quotas: quotas?,
                site: site?,
                bookings_keep_for: bookings_keep_for?,
                log: log?,
            })
        };
        match all() {
            Ok(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigErrors(problems)),
        }
    }
}

/// The process environment as text, for [`Config::from_env`]. Other programs' variables are left
/// out; one of ours that is not UTF-8 is a problem.
pub fn process_environment() -> Result<BTreeMap<String, String>, ConfigErrors> {
    let mut env = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else {
            continue;
        };
        if !name.starts_with("VOXANNE_") && !name.starts_with("DATABASE_") {
            continue;
        }
        match value.into_string() {
            Ok(value) => {
                env.insert(name, value);
            }
            Err(_) => problems.push(Problem { variable: name, what: "is not UTF-8 text".to_owned(), example: None }),
        }
    }
    if problems.is_empty() { Ok(env) } else { Err(ConfigErrors(problems)) }
}

fn server(reader: &mut Reader<'_>) -> Result<ServerConfig, Recorded> {
    let listen = reader.value(&variables::LISTEN, values::listener);
    let metrics_listen = reader.value(&variables::METRICS_LISTEN, values::listener_or_off);
    let public_url = reader.optional(&variables::PUBLIC_URL, str::parse);
    let data_dir = reader.value(&variables::DATA_DIR, values::path);
    let trusted_proxies = reader.list(&variables::TRUSTED_PROXIES, values::network);
    let cors_origins = reader.list(&variables::CORS_ORIGINS, str::parse);
    let operator_org = reader.optional(&variables::OPERATOR_ORG, values::organization);
    Ok(ServerConfig {
        listen: listen?,
        metrics_listen: metrics_listen?,
        public_url: public_url?,
        data_dir: data_dir?,
        trusted_proxies: trusted_proxies?,
        cors_origins: cors_origins?,
        operator_org: operator_org?,
    })
}

fn database(reader: &mut Reader<'_>) -> Result<DatabaseConfig, Recorded> {
    let source = database_source(reader);
    let pg_bin = reader.optional(&variables::PG_BIN, values::path);
    let pool_size = reader.value(&variables::DB_POOL, |text| values::number_in(text, 1..=1000));
    let (source, pool_size) = (source?, pool_size?);
    let most = (PRIVATE_CLUSTER_CONNECTIONS - CONNECTIONS_KEPT_FREE) / 2;
    if matches!(source, DatabaseSource::Embedded) && pool_size > most {
        return Err(reader.problem(
            &variables::DB_POOL,
            format!("is {pool_size}, but the private PostgreSQL has room for {most} for each login"),
        ));
    }
    Ok(DatabaseConfig { source, pg_bin: pg_bin?, pool_size })
}

fn database_source(reader: &mut Reader<'_>) -> Result<DatabaseSource, Recorded> {
    let app = database_url(reader, &variables::DATABASE_URL);
    let system = database_url(reader, &variables::DATABASE_SYSTEM_URL);
    let admin = database_url(reader, &variables::DATABASE_ADMIN_URL);
    let (app, system, admin) = (app?, system?, admin?);
    let Some(app_url) = app else {
        if system.is_none() && admin.is_none() {
            return Ok(DatabaseSource::Embedded);
        }
        return Err(
            reader.problem(&variables::DATABASE_URL, "is not set, although another address of the same database is")
        );
    };
    let Some(system_url) = system.or_else(|| as_system_login(&app_url)) else {
        return Err(reader.problem(
            &variables::DATABASE_SYSTEM_URL,
            "must be set, as its user name cannot be put into DATABASE_URL",
        ));
    };
    Ok(DatabaseSource::External { app_url, system_url, admin_url: admin })
}

/// A database address, checked but never quoted.
fn database_url(reader: &mut Reader<'_>, variable: &'static Variable) -> Result<Option<Secret>, Recorded> {
    let secret = reader.secret(variable)?;
    match secret.as_ref().map(|secret| Url::parse(secret.expose())) {
        Some(Err(error)) => Err(reader.problem(variable, format!("is not a URL: {error}"))),
        Some(Ok(url)) if !matches!(url.scheme(), "postgres" | "postgresql") => {
            Err(reader.problem(variable, "must begin with postgres://"))
        }
        _ => Ok(secret),
    }
}

/// The same database under the login for work across organizations. `None` where the user name is
/// not in its usual place (a socket address, or `?user=`).
fn as_system_login(app_url: &Secret) -> Option<Secret> {
    let mut url = Url::parse(app_url.expose()).ok()?;
    if url.query_pairs().any(|(name, _)| name == "user") {
        return None;
    }
    url.set_username("voxanne_system").ok()?;
    Some(Secret::new(String::from(url)))
}

fn security(reader: &mut Reader<'_>) -> Result<SecurityConfig, Recorded> {
    let master_key = reader
        .secret(&variables::MASTER_KEY)?
        .map(|text| text.expose().parse())
        .transpose()
        .map_err(|what: String| reader.problem(&variables::MASTER_KEY, what))?;
    Ok(SecurityConfig { master_key })
}

fn limits(reader: &mut Reader<'_>) -> Result<LimitConfig, Recorded> {
    let public_api = reader.value(&variables::RATE_PUBLIC_API, str::parse);
    let booking = reader.value(&variables::RATE_BOOKING, str::parse);
    let unverified_webhooks = reader.value(&variables::RATE_UNVERIFIED_WEBHOOKS, str::parse);
    let max_webhook_bytes =
        reader.value(&variables::MAX_WEBHOOK_BYTES, |text| values::number_in(text, 65_536..=67_108_864));
    let per_user = reader.value(&variables::LIVE_CONNECTIONS_PER_USER, |text| values::number_in(text, 1..=1_000_000));
    let per_org = reader.value(&variables::LIVE_CONNECTIONS_PER_ORG, |text| values::number_in(text, 1..=1_000_000));
    Ok(LimitConfig {
        public_api: public_api?,
        booking: booking?,
        unverified_webhooks: unverified_webhooks?,
        max_webhook_bytes: max_webhook_bytes?,
        live_connections_per_user: per_user?,
        live_connections_per_org: per_org?,
    })
}

fn vapi(reader: &mut Reader<'_>) -> Result<VapiConfig, Recorded> {
    let webhook_secrets = secrets(reader, &variables::VAPI_WEBHOOK_SECRET);
    let api_url = reader.value(&variables::VAPI_API_URL, str::parse);
    let api_key = reader.secret(&variables::VAPI_API_KEY);
    let ringing = reader.value(&variables::SILENT_RINGING_MINUTES, |text| values::number_in(text, 1..=1_440));
    let talking = reader.value(&variables::SILENT_CALL_MINUTES, |text| values::number_in(text, 1..=10_080));
    Ok(VapiConfig {
        webhook_secrets: webhook_secrets?,
        api_url: api_url?,
        api_key: api_key?,
        silent_ringing_minutes: ringing?,
        silent_call_minutes: talking?,
    })
}

fn outbound(reader: &mut Reader<'_>) -> Result<OutboundConfig, Recorded> {
    Ok(OutboundConfig { allow: reader.list(&variables::OUTBOUND_ALLOW, str::parse)? })
}

/// A comma list of secrets.
fn secrets(reader: &mut Reader<'_>, variable: &'static Variable) -> Result<Vec<Secret>, Recorded> {
    let secrets = reader.secret(variable)?.as_ref().map(secret_list);
    if secrets.as_ref().is_some_and(Vec::is_empty) {
        return Err(reader.problem(variable, "is a list without a secret in it"));
    }
    Ok(secrets.unwrap_or_default())
}

fn secret_list(secrets: &Secret) -> Vec<Secret> {
    secrets.expose().split(',').map(str::trim).filter(|secret| !secret.is_empty()).map(Secret::new).collect()
}

fn quotas(reader: &mut Reader<'_>) -> Result<QuotaConfig, Recorded> {
    let mut most = |variable| reader.optional(variable, values::amount);
    let database_bytes = most(&variables::LIMIT_DATABASE_BYTES);
    let storage_bytes = most(&variables::LIMIT_STORAGE_BYTES);
    let provider_minutes = most(&variables::LIMIT_PROVIDER_MINUTES);
    let provider_cost_usd = most(&variables::LIMIT_PROVIDER_COST_USD);
    Ok(QuotaConfig {
        database_bytes: database_bytes?,
        storage_bytes: storage_bytes?,
        provider_minutes: provider_minutes?,
        provider_cost_usd: provider_cost_usd?,
    })
}

fn site(reader: &mut Reader<'_>) -> Result<SiteConfig, Recorded> {
    let Some(path) = reader.optional(&variables::SITE_FILE, values::path)? else {
        return Ok(SiteConfig::default());
    };
    match SiteConfig::read(&path) {
        Ok(site) => Ok(site),
        Err(problems) => Err(reader.problems_in(&variables::SITE_FILE, problems)),
    }
}

fn log(reader: &mut Reader<'_>) -> Result<LogConfig, Recorded> {
    let filter = reader.value(&variables::LOG, values::log_filter);
    let format = reader.value(&variables::LOG_FORMAT, str::parse);
    Ok(LogConfig { filter: filter?, format: format? })
}
