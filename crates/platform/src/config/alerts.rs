//! The settings of alerts: who is told, and from where on something is worrying.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use super::reader::{Reader, Recorded};
use super::{values, variables};
use crate::email::NamedAddress;
use crate::secret::Secret;

/// Who is told of trouble, and what counts as such.
#[derive(Debug, Clone)]
pub struct AlertConfig {
    /// Who gets mails.
    pub to: Vec<NamedAddress>,
    /// Where signed notices are posted.
    pub webhook: Option<AlertWebhook>,
    /// What is asked for as long as the installation works.
    pub heartbeat: Option<Heartbeat>,
    /// Where faults of the program are reported: `https://KEY@HOST/PROJECT`.
    pub sentry: Option<SentryDsn>,
    /// From where on something is worrying.
    pub thresholds: Thresholds,
}

/// Where notices are posted, by the rules of Standard Webhooks.
#[derive(Debug, Clone)]
pub struct AlertWebhook {
    /// May hold a token, so it is as secret as one.
    pub url: Secret,
    /// The keys that sign, newest first. There is at least one.
    pub keys: Vec<WebhookKey>,
}

/// A key of a Standard Webhooks signature. `Debug` does not show it.
#[derive(Clone)]
pub struct WebhookKey(Vec<u8>);

impl WebhookKey {
    /// The bytes, for the one call that signs.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// The dead man's switch.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// Knowing it is enough to ping, so it is a secret.
    pub url: Secret,
    /// How often it is asked for.
    pub every: Duration,
}

/// The address of an error collector that speaks Sentry's protocol.
#[derive(Debug, Clone)]
pub struct SentryDsn {
    /// Where envelopes are posted.
    pub endpoint: String,
    /// Identifies the project.
    pub key: Secret,
}

/// From where on a sign is worrying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Copied recordings of an hour, in percent of those that were tried; below it is worrying.
    pub recordings_percent: u32,
    /// Recordings that an hour needs to be judged.
    pub recordings_least: u32,
    /// How long an event may wait to be stored or found, and a relay may fail.
    pub event_minutes: u32,
    /// How late background work may begin.
    pub job_minutes: u32,
    /// Spent share of the mail budget.
    pub mail_percent: u32,
    /// Used share of the database's budget.
    pub database_percent: u32,
    /// The same, from where on it is critical.
    pub database_critical_percent: u32,
    /// Free share of the disk.
    pub disk_percent: u32,
    /// Days that a certificate is still good.
    pub certificate_days: u32,
    /// How far the clock may be off.
    pub clock_seconds: u32,
    /// Failed calls of an hour, in percent of those that ended.
    pub provider_percent: u32,
    /// Calls that must be missing before a number is silent.
    pub silence_calls: u32,
    /// Age of the newest backup.
    pub backup_hours: u32,
}

impl Default for Thresholds {
    /// As documented; a test compares.
    fn default() -> Self {
        Self {
            recordings_percent: 95,
            recordings_least: 5,
            event_minutes: 5,
            job_minutes: 15,
            mail_percent: 80,
            database_percent: 80,
            database_critical_percent: 96,
            disk_percent: 10,
            certificate_days: 14,
            clock_seconds: 5,
            provider_percent: 20,
            silence_calls: 10,
            backup_hours: 26,
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<AlertConfig, Recorded> {
    let to = reader.list(&variables::ALERT_TO, super::mail::named_address);
    let webhook = webhook(reader);
    let heartbeat = heartbeat(reader);
    let sentry = sentry(reader);
    let thresholds = thresholds(reader);
    Ok(AlertConfig { to: to?, webhook: webhook?, heartbeat: heartbeat?, sentry: sentry?, thresholds: thresholds? })
}

fn webhook(reader: &mut Reader<'_>) -> Result<Option<AlertWebhook>, Recorded> {
    let url = secret_url(reader, &variables::ALERT_WEBHOOK_URL);
    let keys = reader.secret(&variables::ALERT_WEBHOOK_SECRET);
    let (url, keys) = (url?, keys?);
    let keys = keys.as_ref().map(webhook_keys).transpose();
    let keys = keys.map_err(|what| reader.problem(&variables::ALERT_WEBHOOK_SECRET, what))?;
    match (url, keys) {
        (None, None) => Ok(None),
        (Some(url), Some(keys)) => Ok(Some(AlertWebhook { url, keys })),
        (Some(_), None) => {
            Err(reader.problem(&variables::ALERT_WEBHOOK_SECRET, "must be set, as VOXANNE_ALERT_WEBHOOK_URL is"))
        }
        (None, Some(_)) => {
            Err(reader.problem(&variables::ALERT_WEBHOOK_URL, "must be set, as VOXANNE_ALERT_WEBHOOK_SECRET is"))
        }
    }
}

fn webhook_keys(text: &Secret) -> Result<Vec<WebhookKey>, String> {
    let keys = super::secret_list(text);
    if keys.is_empty() {
        return Err("is a list without a secret in it".to_owned());
    }
    keys.iter().map(|key| webhook_key(key.expose())).collect()
}

/// `whsec_` and the key in base64, as Standard Webhooks writes it: 24 to 64 bytes.
fn webhook_key(text: &str) -> Result<WebhookKey, String> {
    let coded = text.strip_prefix("whsec_").ok_or("must begin with whsec_")?;
    let key = STANDARD.decode(coded).map_err(|_| "is not base64 after whsec_")?;
    if (24..=64).contains(&key.len()) {
        Ok(WebhookKey(key))
    } else {
        Err(format!("holds a key of {} bytes, not 24 to 64", key.len()))
    }
}

fn heartbeat(reader: &mut Reader<'_>) -> Result<Option<Heartbeat>, Recorded> {
    let url = secret_url(reader, &variables::HEARTBEAT_URL);
    let minutes = reader.value(&variables::HEARTBEAT_MINUTES, |text| values::number_in(text, 1..=1_440));
    let (url, minutes) = (url?, minutes?);
    Ok(url.map(|url| Heartbeat { url, every: Duration::from_secs(u64::from(minutes) * 60) }))
}

/// An address that is a secret: checked, and never quoted.
fn secret_url(reader: &mut Reader<'_>, variable: &'static super::Variable) -> Result<Option<Secret>, Recorded> {
    let Some(secret) = reader.secret(variable)? else { return Ok(None) };
    let what = match Url::parse(secret.expose()) {
        Err(error) => Some(format!("is not a URL: {error}")),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => Some("must begin with https://".to_owned()),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Some("must not hold a user name or password".to_owned())
        }
        Ok(_) => None,
    };
    match what {
        None => Ok(Some(secret)),
        Some(what) => Err(reader.problem(variable, what)),
    }
}

fn sentry(reader: &mut Reader<'_>) -> Result<Option<SentryDsn>, Recorded> {
    let Some(secret) = reader.secret(&variables::SENTRY_DSN)? else { return Ok(None) };
    let dsn = sentry_dsn(secret.expose());
    dsn.map(Some).ok_or_else(|| reader.problem(&variables::SENTRY_DSN, "is not of the form https://KEY@HOST/PROJECT"))
}

/// `{scheme}://{key}@{host}{path}/{project}`; envelopes go to `{scheme}://{host}{path}/api/{project}/envelope/`.
fn sentry_dsn(text: &str) -> Option<SentryDsn> {
    let mut url = Url::parse(text).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.username().is_empty() {
        return None;
    }
    let key = Secret::new(url.username());
    let (path, project) = url.path().trim_end_matches('/').rsplit_once('/')?;
    if project.is_empty() || !project.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let path = format!("{path}/api/{project}/envelope/");
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Some(SentryDsn { endpoint: url.into(), key })
}

fn thresholds(reader: &mut Reader<'_>) -> Result<Thresholds, Recorded> {
    let mut number = |variable, range| reader.value(variable, |text| values::number_in(text, range));
    let recordings_percent = number(&variables::ALERT_RECORDINGS_PERCENT, 1..=100);
    let recordings_least = number(&variables::ALERT_RECORDINGS_LEAST, 1..=10_000);
    let event_minutes = number(&variables::ALERT_EVENT_MINUTES, 1..=1_440);
    let job_minutes = number(&variables::ALERT_JOB_MINUTES, 1..=1_440);
    let mail_percent = number(&variables::ALERT_MAIL_PERCENT, 1..=100);
    let database_percent = number(&variables::ALERT_DATABASE_PERCENT, 1..=100);
    let database_critical = number(&variables::ALERT_DATABASE_CRITICAL_PERCENT, 1..=100);
    let disk_percent = number(&variables::ALERT_DISK_PERCENT, 1..=90);
    let certificate_days = number(&variables::ALERT_CERTIFICATE_DAYS, 1..=365);
    let clock_seconds = number(&variables::ALERT_CLOCK_SECONDS, 1..=3_600);
    let provider_percent = number(&variables::ALERT_PROVIDER_PERCENT, 1..=100);
    let silence_calls = number(&variables::ALERT_SILENCE_CALLS, 3..=1_000);
    let backup_hours = number(&variables::ALERT_BACKUP_HOURS, 1..=8_760);
    let (database_percent, database_critical_percent) = (database_percent?, database_critical?);
    if database_critical_percent < database_percent {
        let what = format!("is {database_critical_percent}, less than VOXANNE_ALERT_DATABASE_PERCENT");
        return Err(reader.problem(&variables::ALERT_DATABASE_CRITICAL_PERCENT, what));
    }
    Ok(Thresholds {
        recordings_percent: recordings_percent?,
        recordings_least: recordings_least?,
        event_minutes: event_minutes?,
        job_minutes: job_minutes?,
        mail_percent: mail_percent?,
        database_percent,
        database_critical_percent,
        disk_percent: disk_percent?,
        certificate_days: certificate_days?,
        clock_seconds: clock_seconds?,
        provider_percent: provider_percent?,
        silence_calls: silence_calls?,
        backup_hours: backup_hours?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dsn_names_where_envelopes_go() {
        let endpoint = |text: &str| sentry_dsn(text).map(|dsn| dsn.endpoint);
        let plain = endpoint("https://abc123@o1.ingest.example.com/42").unwrap();
        assert_eq!(plain, "https://o1.ingest.example.com/api/42/envelope/");
        let deep = endpoint("http://abc:old@127.0.0.1:9000/errors/7?x=y#z").unwrap();
        assert_eq!(deep, "http://127.0.0.1:9000/errors/api/7/envelope/");
        for wrong in
            ["", "https://example.com/1", "https://key@example.com", "https://key@example.com/", "ftp://key@h/1"]
        {
            assert!(endpoint(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_key_of_a_webhook_is_long_enough() {
        let key = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        assert_eq!(webhook_key(&key(32)).unwrap().expose(), [7; 32]);
        assert!(webhook_key(&key(23)).is_err() && webhook_key(&key(65)).is_err());
        assert!(webhook_key("abc").is_err() && webhook_key("whsec_***").is_err());
        assert_eq!(format!("{:?}", webhook_key(&key(32)).unwrap()), "[secret]");
    }
}
