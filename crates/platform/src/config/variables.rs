//! The table of every environment variable: name, meaning, default, example, whether it is a secret.
//!
//! It is the only place where a default is written. The readers, `.env.example`, the documentation
//! and the check for unknown variables all use it, so they cannot disagree.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One environment variable.
#[derive(Debug)]
pub struct Variable {
    /// The name, as in the environment.
    pub name: &'static str,
    /// The group it is listed under.
    pub section: Section,
    /// What it does, in one or two sentences, with units.
    pub meaning: &'static str,
    /// What holds when it is unset, in the same form as a set value. `None`: unset has a meaning of
    /// its own, which `meaning` tells.
    pub default: Option<&'static str>,
    /// A value that is accepted, shown in error messages. For secrets it shows the form only.
    pub example: &'static str,
    /// A secret may come from the file named by the variable `<name>_FILE` instead, and its value is
    /// never quoted.
    pub secret: bool,
}

impl Variable {
    /// The name of the twin that holds a file name instead of the value. Only secrets have one.
    pub fn file_name(&self) -> Option<String> {
        self.secret.then(|| format!("{}_FILE", self.name))
    }
}

/// The groups, in the order in which they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Addresses and the data directory.
    Server,
    /// Which database.
    Database,
    /// Keys of the installation.
    Security,
    /// What one client may ask for.
    Limits,
    /// The voice provider Vapi.
    Vapi,
    /// Where recordings are kept.
    Storage,
    /// Requests that the server sends.
    Outbound,
    /// Sending mail.
    Mail,
    /// Backups.
    Backup,
    /// Who is told of trouble.
    Alerts,
    /// The public website.
    Website,
    /// Log output.
    Log,
}

impl Section {
    /// The heading in `.env.example`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Server => "Server",
            Self::Database => "Database",
            Self::Security => "Security",
            Self::Limits => "Limits",
            Self::Vapi => "Voice provider: Vapi",
            Self::Storage => "Recordings",
            Self::Outbound => "Requests to others",
            Self::Mail => "Mail",
            Self::Backup => "Backups",
            Self::Alerts => "Alerts",
            Self::Website => "Website",
            Self::Log => "Log",
        }
    }
}

pub(super) static LISTEN: Variable = Variable {
    name: "VOXANNE_LISTEN",
    section: Section::Server,
    meaning: "Address and port of the web server. Keep it on loopback behind a TLS proxy.",
    default: Some("127.0.0.1:8080"),
    example: "127.0.0.1:8080",
    secret: false,
};

pub(super) static METRICS_LISTEN: Variable = Variable {
    name: "VOXANNE_METRICS_LISTEN",
    section: Section::Server,
    meaning: "Address and port of the Prometheus metrics, or `off`.",
    default: Some("127.0.0.1:9090"),
    example: "127.0.0.1:9090",
    secret: false,
};

pub(super) static PUBLIC_URL: Variable = Variable {
    name: "VOXANNE_PUBLIC_URL",
    section: Section::Server,
    meaning: "Scheme and host under which people and providers reach this installation, without a path. \
              Unset: http:// and the address of VOXANNE_LISTEN.",
    default: None,
    example: "https://voice.example.com",
    secret: false,
};

pub(super) static DATA_DIR: Variable = Variable {
    name: "VOXANNE_DATA_DIR",
    section: Section::Server,
    meaning: "Directory of everything kept on disk: the private database, recordings, keys.",
    default: Some("./data"),
    example: "/var/lib/voxanne",
    secret: false,
};

pub(super) static TRUSTED_PROXIES: Variable = Variable {
    name: "VOXANNE_TRUSTED_PROXIES",
    section: Section::Server,
    meaning: "Comma list of addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are \
              believed. Empty: nobody's.",
    default: Some(""),
    example: "127.0.0.1,10.0.0.0/8",
    secret: false,
};

pub(super) static CORS_ORIGINS: Variable = Variable {
    name: "VOXANNE_CORS_ORIGINS",
    section: Section::Server,
    meaning: "Comma list of other web origins whose pages may call the API. Empty: none.",
    default: Some(""),
    example: "https://www.example.com",
    secret: false,
};

pub(super) static OPERATOR_ORG: Variable = Variable {
    name: "VOXANNE_OPERATOR_ORG",
    section: Section::Server,
    meaning: "Id of the operator's own organization, which demo bookings belong to. \
              Unset: the one that was made first. A change holds from the next start.",
    default: None,
    example: "0198c0de-7a5e-7000-8000-000000000001",
    secret: false,
};

pub(super) static DATABASE_URL: Variable = Variable {
    name: "DATABASE_URL",
    section: Section::Database,
    meaning: "An external PostgreSQL (15 or newer), as the restricted login of the application. \
              Unset: the server runs a private PostgreSQL in the data directory.",
    default: None,
    example: "postgres://voxanne_app:PASSWORD@db.example.com/voxanne",
    secret: true,
};

pub(super) static DATABASE_SYSTEM_URL: Variable = Variable {
    name: "DATABASE_SYSTEM_URL",
    section: Section::Database,
    meaning: "The same external database as the restricted login for work across organizations. \
              Unset: DATABASE_URL with the user name voxanne_system.",
    default: None,
    example: "postgres://voxanne_system:PASSWORD@db.example.com/voxanne",
    secret: true,
};

pub(super) static DATABASE_ADMIN_URL: Variable = Variable {
    name: "DATABASE_ADMIN_URL",
    section: Section::Database,
    meaning: "The same external database as the owner of the schema, for migrations and administration. \
              Unset: the server does not migrate.",
    default: None,
    example: "postgres://voxanne_owner:PASSWORD@db.example.com/voxanne",
    secret: true,
};

pub(super) static PG_BIN: Variable = Variable {
    name: "VOXANNE_PG_BIN",
    section: Section::Database,
    meaning: "Directory of the PostgreSQL programs (postgres, initdb, psql, pg_dump). \
              Unset: the newest suitable installation on this machine.",
    default: None,
    example: "/usr/lib/postgresql/15/bin",
    secret: false,
};

pub(super) static DB_POOL: Variable = Variable {
    name: "VOXANNE_DB_POOL",
    section: Section::Database,
    meaning: "The most database connections of each of the two runtime logins. \
              Webhooks take three in eight of the application's at once.",
    default: Some("16"),
    example: "16",
    secret: false,
};

pub(super) static MASTER_KEY: Variable = Variable {
    name: "VOXANNE_MASTER_KEY",
    section: Section::Security,
    meaning: "Key that encrypts stored credentials: 32 random bytes in base64. \
              Unset: one is made at the first start and kept in the data directory.",
    default: None,
    example: "the output of: openssl rand -base64 32",
    secret: true,
};

pub(super) static RATE_PUBLIC_API: Variable = Variable {
    name: "VOXANNE_RATE_PUBLIC_API",
    section: Section::Limits,
    meaning: "Requests to the public API that one client may make in a period (s, m, h).",
    default: Some("100/15m"),
    example: "100/15m",
    secret: false,
};

pub(super) static RATE_BOOKING: Variable = Variable {
    name: "VOXANNE_RATE_BOOKING",
    section: Section::Limits,
    meaning: "Demo bookings that one client may ask for in a period. Each sends mail to an address of its choice.",
    default: Some("20/1h"),
    example: "20/1h",
    secret: false,
};

pub(super) static RATE_UNVERIFIED_WEBHOOKS: Variable = Variable {
    name: "VOXANNE_RATE_UNVERIFIED_WEBHOOKS",
    section: Section::Limits,
    meaning: "Webhook requests without a valid signature that one address may make in a period. \
              Verified provider events are never refused by a limit.",
    default: Some("30/1m"),
    example: "30/1m",
    secret: false,
};

pub(super) static MAX_WEBHOOK_BYTES: Variable = Variable {
    name: "VOXANNE_MAX_WEBHOOK_BYTES",
    section: Section::Limits,
    meaning: "Largest accepted webhook body in bytes.",
    default: Some("8388608"),
    example: "8388608",
    secret: false,
};

pub(super) static LIVE_CONNECTIONS_PER_USER: Variable = Variable {
    name: "VOXANNE_LIVE_CONNECTIONS_PER_USER",
    section: Section::Limits,
    meaning: "Live connections that one user may hold open on one server.",
    default: Some("20"),
    example: "20",
    secret: false,
};

pub(super) static LIVE_CONNECTIONS_PER_ORG: Variable = Variable {
    name: "VOXANNE_LIVE_CONNECTIONS_PER_ORG",
    section: Section::Limits,
    meaning: "Live connections that one organization may hold open on one server.",
    default: Some("2000"),
    example: "2000",
    secret: false,
};

pub(super) static LIMIT_DATABASE_BYTES: Variable = Variable {
    name: "VOXANNE_LIMIT_DATABASE_BYTES",
    section: Section::Limits,
    meaning: "How large the database may become, in bytes, for the operator's page of limits. Nothing is stopped by it. \
              Unset: no limit is known.",
    default: None,
    example: "536870912",
    secret: false,
};

pub(super) static LIMIT_STORAGE_BYTES: Variable = Variable {
    name: "VOXANNE_LIMIT_STORAGE_BYTES",
    section: Section::Limits,
    meaning: "How large the files in the data directory may become, the private database not counted, in bytes, for the \
              operator's page of limits. Nothing is stopped by it. Unset: no limit is known.",
    default: None,
    example: "10737418240",
    secret: false,
};

pub(super) static LIMIT_PROVIDER_MINUTES: Variable = Variable {
    name: "VOXANNE_LIMIT_PROVIDER_MINUTES",
    section: Section::Limits,
    meaning: "Minutes of calls that the voice provider's plan allows in a month, for the operator's page of limits. Nothing \
              is stopped by it. Unset: no limit is known.",
    default: None,
    example: "1000",
    secret: false,
};

pub(super) static LIMIT_PROVIDER_COST_USD: Variable = Variable {
    name: "VOXANNE_LIMIT_PROVIDER_COST_USD",
    section: Section::Limits,
    meaning: "What the voice provider may cost in a month, in whole US dollars, for the operator's page of limits. Nothing \
              is stopped by it. Unset: no limit is known.",
    default: None,
    example: "100",
    secret: false,
};

pub(super) static VAPI_WEBHOOK_SECRET: Variable = Variable {
    name: "VOXANNE_VAPI_WEBHOOK_SECRET",
    section: Section::Vapi,
    meaning: "Secret of the platform-wide webhook /api/webhooks/vapi; a comma list while it is being \
              replaced. Unset: that webhook answers 401. Connections of organizations have their own.",
    default: None,
    example: "NEW_SECRET,OLD_SECRET",
    secret: true,
};

pub(super) static VAPI_API_URL: Variable = Variable {
    name: "VOXANNE_VAPI_API_URL",
    section: Section::Vapi,
    meaning: "Address of Vapi's API, without a path: recordings and missing calls are asked for there, with the private key \
              of the connection (voxanne admin connect-provider --api-key-file).",
    default: Some("https://api.vapi.ai"),
    example: "https://api.vapi.ai",
    secret: false,
};

pub(super) static VAPI_API_KEY: Variable = Variable {
    name: "VOXANNE_VAPI_API_KEY",
    section: Section::Vapi,
    meaning: "Private key of the account at Vapi whose events come to the platform-wide webhook: its missing calls and their \
              recordings are asked for with it. Unset: they are not asked for. Connections of organizations have their own.",
    default: None,
    example: "PRIVATE_KEY",
    secret: true,
};

pub(super) static SILENT_RINGING_MINUTES: Variable = Variable {
    name: "VOXANNE_SILENT_RINGING_MINUTES",
    section: Section::Vapi,
    meaning: "How long a call may ring without an event, in minutes, until the provider is asked what became of it.",
    default: Some("10"),
    example: "10",
    secret: false,
};

pub(super) static SILENT_CALL_MINUTES: Variable = Variable {
    name: "VOXANNE_SILENT_CALL_MINUTES",
    section: Section::Vapi,
    meaning: "How long a call that was answered may go on without an event, in minutes, until the provider is asked what \
              became of it. A call that the provider does not know either is closed then.",
    default: Some("120"),
    example: "120",
    secret: false,
};

pub(super) static STORAGE_URL: Variable = Variable {
    name: "VOXANNE_STORAGE_URL",
    section: Section::Storage,
    meaning: "Where recordings are kept: file:///folder, or s3://bucket/prefix. Unset: the folder `recordings` in the data \
              directory. Several nodes need one place that all of them reach.",
    default: None,
    example: "file:///srv/voxanne/recordings",
    secret: false,
};

pub(super) static STORAGE_KEY: Variable = Variable {
    name: "VOXANNE_STORAGE_KEY",
    section: Section::Storage,
    meaning: "Encrypts what is kept there from now on: 32 random bytes in base64 (openssl rand -base64 32); a comma list while \
              it is being replaced, the new one first. Without the key such recordings are lost. Unset: not encrypted.",
    default: None,
    example: "NEW_KEY,OLD_KEY",
    secret: true,
};

pub(super) static S3_ENDPOINT: Variable = Variable {
    name: "VOXANNE_S3_ENDPOINT",
    section: Section::Storage,
    meaning: "Address of an S3-compatible service. Unset: Amazon's.",
    default: None,
    example: "https://minio.example.com:9000",
    secret: false,
};

pub(super) static S3_REGION: Variable = Variable {
    name: "VOXANNE_S3_REGION",
    section: Section::Storage,
    meaning: "Region of the bucket.",
    default: Some("us-east-1"),
    example: "eu-central-1",
    secret: false,
};

pub(super) static S3_ACCESS_KEY: Variable = Variable {
    name: "VOXANNE_S3_ACCESS_KEY",
    section: Section::Storage,
    meaning: "Access key id for S3.",
    default: None,
    example: "AKIAEXAMPLE",
    secret: true,
};

pub(super) static S3_SECRET_KEY: Variable = Variable {
    name: "VOXANNE_S3_SECRET_KEY",
    section: Section::Storage,
    meaning: "Secret access key for S3.",
    default: None,
    example: "SECRET_ACCESS_KEY",
    secret: true,
};

pub(super) static RECORDING_MAX_BYTES: Variable = Variable {
    name: "VOXANNE_RECORDING_MAX_BYTES",
    section: Section::Storage,
    meaning: "Largest recording that is copied, in bytes. A larger one is refused, and its call says so.",
    default: Some("2147483648"),
    example: "2147483648",
    secret: false,
};

pub(super) static RECORDINGS_AT_ONCE: Variable = Variable {
    name: "VOXANNE_RECORDINGS_AT_ONCE",
    section: Section::Storage,
    meaning: "Recordings that one server copies at a time.",
    default: Some("4"),
    example: "4",
    secret: false,
};

pub(super) static ORPHANS: Variable = Variable {
    name: "VOXANNE_ORPHANS",
    section: Section::Storage,
    meaning: "What is done every day about files that no recording names and recordings whose file is gone, once they are a day \
              old: `report` counts them on the page Jobs, `settle` removes the former and copies the latter again.",
    default: Some("report"),
    example: "settle",
    secret: false,
};

pub(super) static OUTBOUND_ALLOW: Variable = Variable {
    name: "VOXANNE_OUTBOUND_ALLOW",
    section: Section::Outbound,
    meaning: "Comma list of host:port that this server may ask although the address is private, the port is not 443, or \
              the scheme is http. Everything else that recordings and webhooks lead to has to be https on a public address.",
    default: Some(""),
    example: "minio.internal:9000",
    secret: false,
};

pub(super) static SMTP_URL: Variable = Variable {
    name: "VOXANNE_SMTP_URL",
    section: Section::Mail,
    meaning: "The relay that sends mail: smtps:// for TLS from the start, smtp:// for STARTTLS, with user and password \
              percent-encoded. `?tls=required` (the rule), `opportunistic` or `none` (the rule on loopback). \
              Unset: mails are kept and shown to the operator, and none is sent.",
    default: None,
    example: "smtp://USER:PASSWORD@smtp.example.com:587?tls=required",
    secret: true,
};

pub(super) static SMTP_CA_FILE: Variable = Variable {
    name: "VOXANNE_SMTP_CA_FILE",
    section: Section::Mail,
    meaning: "PEM file of further certificate authorities that the relay's certificate may come from. \
              Unset: those of the system.",
    default: None,
    example: "/etc/voxanne/relay-ca.pem",
    secret: false,
};

pub(super) static MAIL_FROM: Variable = Variable {
    name: "VOXANNE_MAIL_FROM",
    section: Section::Mail,
    meaning: "The sender of every mail: an address, or a name with an address. Needed with VOXANNE_SMTP_URL.",
    default: None,
    example: "Example Dental <hello@example.com>",
    secret: false,
};

pub(super) static MAIL_SALES_TO: Variable = Variable {
    name: "VOXANNE_MAIL_SALES_TO",
    section: Section::Mail,
    meaning: "Comma list of the addresses that are told of each booking. Empty: nobody's.",
    default: Some(""),
    example: "sales@example.com",
    secret: false,
};

pub(super) static MAIL_SALES_CC: Variable = Variable {
    name: "VOXANNE_MAIL_SALES_CC",
    section: Section::Mail,
    meaning: "Comma list of the addresses that get a copy of what sales is told.",
    default: Some(""),
    example: "founder@example.com",
    secret: false,
};

pub(super) static MAIL_DAILY_LIMIT: Variable = Variable {
    name: "VOXANNE_MAIL_DAILY_LIMIT",
    section: Section::Mail,
    meaning: "The most recipients, copies included, that the relay is given in any 24 hours and any UTC day. What is \
              beyond waits. A part is kept for sign-in mails, then for confirmations.",
    default: Some("100"),
    example: "100",
    secret: false,
};

pub(super) static MAIL_KEEP_DAYS: Variable = Variable {
    name: "VOXANNE_MAIL_KEEP_DAYS",
    section: Section::Mail,
    meaning: "After how many days a mail that was sent or given up is removed with everything known of it, at least 30. \
              Unset: it is kept for ever. What it said is forgotten after 30 days in any case.",
    default: None,
    example: "365",
    secret: false,
};

pub(super) static MAIL_SENDGRID_WEBHOOK_KEY: Variable = Variable {
    name: "VOXANNE_MAIL_SENDGRID_WEBHOOK_KEY",
    section: Section::Mail,
    meaning: "Verification key of SendGrid's signed event webhook, as its console shows it; a comma list while it is being \
              replaced. The address to enter there ends in /api/webhooks/mail/sendgrid. Unset: that webhook answers 401.",
    default: None,
    example: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==",
    secret: false,
};

pub(super) static MAIL_POSTMARK_WEBHOOK_SECRET: Variable = Variable {
    name: "VOXANNE_MAIL_POSTMARK_WEBHOOK_SECRET",
    section: Section::Mail,
    meaning: "Password in the address that is entered at Postmark, https://voxanne:SECRET@HOST/api/webhooks/mail/postmark; a \
              comma list while it is being replaced. Unset: that webhook answers 401.",
    default: None,
    example: "NEW_SECRET,OLD_SECRET",
    secret: true,
};

pub(super) static MAIL_MAILGUN_WEBHOOK_KEY: Variable = Variable {
    name: "VOXANNE_MAIL_MAILGUN_WEBHOOK_KEY",
    section: Section::Mail,
    meaning: "Webhook signing key of the account at Mailgun; a comma list while it is being replaced. The address to enter \
              there ends in /api/webhooks/mail/mailgun. Unset: that webhook answers 401.",
    default: None,
    example: "NEW_KEY,OLD_KEY",
    secret: true,
};

pub(super) static MAIL_SES_TOPICS: Variable = Variable {
    name: "VOXANNE_MAIL_SES_TOPICS",
    section: Section::Mail,
    meaning: "ARNs of the Amazon SNS topics that SES publishes its events to (comma list). Their subscription, by HTTPS to \
              the address that ends in /api/webhooks/mail/ses, is confirmed by itself. Unset: that webhook answers 401.",
    default: None,
    example: "arn:aws:sns:eu-west-1:123456789012:voxanne-mail",
    secret: false,
};

pub(super) static BACKUP_TO: Variable = Variable {
    name: "VOXANNE_BACKUP_TO",
    section: Section::Backup,
    meaning: "Where backups go: a folder, best on another disk or machine, or s3://bucket/prefix, which is reached as \
              recordings in S3 are and needs VOXANNE_BACKUP_KEY. Unset: none is taken by itself.",
    default: None,
    example: "/mnt/backup/voxanne",
    secret: false,
};

pub(super) static BACKUP_AT: Variable = Variable {
    name: "VOXANNE_BACKUP_AT",
    section: Section::Backup,
    meaning: "Comma list of the times of day, in UTC, at which a backup is taken. One that was missed is taken when the \
              server is back.",
    default: Some("02:30"),
    example: "02:30,14:30",
    secret: false,
};

pub(super) static BACKUP_KEEP: Variable = Variable {
    name: "VOXANNE_BACKUP_KEEP",
    section: Section::Backup,
    meaning: "Of how many days and of how many weeks the last backup stays when a new one is there. The last good one \
              always stays.",
    default: Some("7d,4w"),
    example: "7d,4w",
    secret: false,
};

pub(super) static BACKUP_KEY: Variable = Variable {
    name: "VOXANNE_BACKUP_KEY",
    section: Section::Backup,
    meaning: "Key that encrypts backups: 32 random bytes in base64. Keep a copy of it apart from this machine: without it \
              no backup can be read. Unset: backups are not encrypted.",
    default: None,
    example: "the output of: openssl rand -base64 32",
    secret: true,
};

pub(super) static BACKUP_TRIAL_DAYS: Variable = Variable {
    name: "VOXANNE_BACKUP_TRIAL_DAYS",
    section: Section::Backup,
    meaning: "Every how many days the newest backup is restored on trial, into a database of its own that is thrown away, and \
              compared. Needs room for it in the data directory. 0: never.",
    default: Some("7"),
    example: "7",
    secret: false,
};

pub(super) static ALERT_TO: Variable = Variable {
    name: "VOXANNE_ALERT_TO",
    section: Section::Alerts,
    meaning: "Comma list of the addresses that are told when a vital sign of the installation is bad. Empty: nobody's; \
              alerts are then on the operator's page alone.",
    default: Some(""),
    example: "operator@example.com",
    secret: false,
};

pub(super) static ALERT_WEBHOOK_URL: Variable = Variable {
    name: "VOXANNE_ALERT_WEBHOOK_URL",
    section: Section::Alerts,
    meaning: "Address that alerts are posted to, signed by the rules of Standard Webhooks. It has to be https on a \
              public address, or in VOXANNE_OUTBOUND_ALLOW.",
    default: None,
    example: "https://alerts.example.com/voxanne",
    secret: true,
};

pub(super) static ALERT_WEBHOOK_SECRET: Variable = Variable {
    name: "VOXANNE_ALERT_WEBHOOK_SECRET",
    section: Section::Alerts,
    meaning: "The key that signs alerts: whsec_ and 24 to 64 random bytes in base64; a comma list while it is being \
              replaced. Needed with VOXANNE_ALERT_WEBHOOK_URL.",
    default: None,
    example: "the output of: echo whsec_$(openssl rand -base64 32)",
    secret: true,
};

pub(super) static HEARTBEAT_URL: Variable = Variable {
    name: "VOXANNE_HEARTBEAT_URL",
    section: Section::Alerts,
    meaning: "Address of a dead man's switch: it is asked for as long as the installation works, and whoever runs it \
              calls you when that stops. The only alarm that also works when this machine is gone.",
    default: None,
    example: "https://hc.example.com/0198c0de",
    secret: true,
};

pub(super) static HEARTBEAT_MINUTES: Variable = Variable {
    name: "VOXANNE_HEARTBEAT_MINUTES",
    section: Section::Alerts,
    meaning: "How often the dead man's switch is asked for.",
    default: Some("5"),
    example: "5",
    secret: false,
};

pub(super) static SENTRY_DSN: Variable = Variable {
    name: "VOXANNE_SENTRY_DSN",
    section: Section::Alerts,
    meaning: "Where faults of the program are reported (Sentry, or what speaks its protocol). Reports hold places in the \
              program, codes and ids; nothing that was said, no numbers, no addresses. Unset: nowhere.",
    default: None,
    example: "https://KEY@errors.example.com/1",
    secret: true,
};

pub(super) static ALERT_RECORDINGS_PERCENT: Variable = Variable {
    name: "VOXANNE_ALERT_RECORDINGS_PERCENT",
    section: Section::Alerts,
    meaning: "An hour in which a smaller share of recordings was copied is worrying.",
    default: Some("95"),
    example: "95",
    secret: false,
};

pub(super) static ALERT_RECORDINGS_LEAST: Variable = Variable {
    name: "VOXANNE_ALERT_RECORDINGS_LEAST",
    section: Section::Alerts,
    meaning: "Recordings that an hour needs to be judged.",
    default: Some("5"),
    example: "5",
    secret: false,
};

pub(super) static ALERT_EVENT_MINUTES: Variable = Variable {
    name: "VOXANNE_ALERT_EVENT_MINUTES",
    section: Section::Alerts,
    meaning: "How long an event may wait to be stored, a call to be found by search, and the mail relay to come back. \
              Critical after six times as long.",
    default: Some("5"),
    example: "5",
    secret: false,
};

pub(super) static ALERT_JOB_MINUTES: Variable = Variable {
    name: "VOXANNE_ALERT_JOB_MINUTES",
    section: Section::Alerts,
    meaning: "How late background work may begin.",
    default: Some("15"),
    example: "15",
    secret: false,
};

pub(super) static ALERT_MAIL_PERCENT: Variable = Variable {
    name: "VOXANNE_ALERT_MAIL_PERCENT",
    section: Section::Alerts,
    meaning: "From which spent share of the mail budget on it is worrying.",
    default: Some("80"),
    example: "80",
    secret: false,
};

pub(super) static ALERT_DATABASE_PERCENT: Variable = Variable {
    name: "VOXANNE_ALERT_DATABASE_PERCENT",
    section: Section::Alerts,
    meaning: "From which used share of VOXANNE_LIMIT_DATABASE_BYTES on it is worrying.",
    default: Some("80"),
    example: "80",
    secret: false,
};

pub(super) static ALERT_DATABASE_CRITICAL_PERCENT: Variable = Variable {
    name: "VOXANNE_ALERT_DATABASE_CRITICAL_PERCENT",
    section: Section::Alerts,
    meaning: "The same, from where on it is critical.",
    default: Some("96"),
    example: "96",
    secret: false,
};

pub(super) static ALERT_DISK_PERCENT: Variable = Variable {
    name: "VOXANNE_ALERT_DISK_PERCENT",
    section: Section::Alerts,
    meaning: "Down to which free share of the data directory's disk it is worrying; critical at a third of it.",
    default: Some("10"),
    example: "10",
    secret: false,
};

pub(super) static ALERT_CERTIFICATE_DAYS: Variable = Variable {
    name: "VOXANNE_ALERT_CERTIFICATE_DAYS",
    section: Section::Alerts,
    meaning: "How many days before its end the certificate of VOXANNE_PUBLIC_URL is worrying; critical at a quarter.",
    default: Some("14"),
    example: "14",
    secret: false,
};

pub(super) static ALERT_CLOCK_SECONDS: Variable = Variable {
    name: "VOXANNE_ALERT_CLOCK_SECONDS",
    section: Section::Alerts,
    meaning: "How far the clocks of this machine and of the database may be apart.",
    default: Some("5"),
    example: "5",
    secret: false,
};

pub(super) static ALERT_PROVIDER_PERCENT: Variable = Variable {
    name: "VOXANNE_ALERT_PROVIDER_PERCENT",
    section: Section::Alerts,
    meaning: "From which share of calls that failed within an hour on it is worrying, three calls at least.",
    default: Some("20"),
    example: "20",
    secret: false,
};

pub(super) static ALERT_SILENCE_CALLS: Variable = Variable {
    name: "VOXANNE_ALERT_SILENCE_CALLS",
    section: Section::Alerts,
    meaning: "How many calls, by its own history, must be missing before a number counts as silent.",
    default: Some("10"),
    example: "10",
    secret: false,
};

pub(super) static ALERT_BACKUP_HOURS: Variable = Variable {
    name: "VOXANNE_ALERT_BACKUP_HOURS",
    section: Section::Alerts,
    meaning: "How old the newest backup may be; critical at twice that.",
    default: Some("26"),
    example: "26",
    secret: false,
};

pub(super) static BOOKINGS_KEEP_DAYS: Variable = Variable {
    name: "VOXANNE_BOOKINGS_KEEP_DAYS",
    section: Section::Website,
    meaning: "After how many days a demo booking that is over, or that nobody touched any more, is removed with its history, \
              at least 30. Unset: it is kept for ever.",
    default: None,
    example: "730",
    secret: false,
};

pub(super) static SITE_FILE: Variable = Variable {
    name: "VOXANNE_SITE_FILE",
    section: Section::Website,
    meaning: "A TOML file with what the public website says about you: name, contact, accent colour, prices, texts, legal \
              details, chat. Unset: the name Voxanne, prices on request, and legal pages marked as unfinished.",
    default: None,
    example: "/etc/voxanne/site.toml",
    secret: false,
};

pub(super) static LOG: Variable = Variable {
    name: "VOXANNE_LOG",
    section: Section::Log,
    meaning: "What is logged: a level (error, warn, info, debug, trace), or levels per module.",
    default: Some("info"),
    example: "info,platform=debug",
    secret: false,
};

pub(super) static LOG_FORMAT: Variable = Variable {
    name: "VOXANNE_LOG_FORMAT",
    section: Section::Log,
    meaning: "Form of the log lines: `text` for people, `json` for collectors.",
    default: Some("text"),
    example: "json",
    secret: false,
};

/// Every variable, grouped by section, in the order of `.env.example`.
pub static VARIABLES: &[&Variable] = &[
    &LISTEN,
    &METRICS_LISTEN,
    &PUBLIC_URL,
    &DATA_DIR,
    &TRUSTED_PROXIES,
    &CORS_ORIGINS,
    &OPERATOR_ORG,
    &DATABASE_URL,
    &DATABASE_SYSTEM_URL,
    &DATABASE_ADMIN_URL,
    &PG_BIN,
    &DB_POOL,
    &MASTER_KEY,
    &RATE_PUBLIC_API,
    &RATE_BOOKING,
    &RATE_UNVERIFIED_WEBHOOKS,
    &MAX_WEBHOOK_BYTES,
    &LIVE_CONNECTIONS_PER_USER,
    &LIVE_CONNECTIONS_PER_ORG,
    &LIMIT_DATABASE_BYTES,
    &LIMIT_STORAGE_BYTES,
    &LIMIT_PROVIDER_MINUTES,
    &LIMIT_PROVIDER_COST_USD,
    &VAPI_WEBHOOK_SECRET,
    &VAPI_API_URL,
    &VAPI_API_KEY,
    &SILENT_RINGING_MINUTES,
    &SILENT_CALL_MINUTES,
    &STORAGE_URL,
    &STORAGE_KEY,
    &S3_ENDPOINT,
    &S3_REGION,
    &S3_ACCESS_KEY,
    &S3_SECRET_KEY,
    &RECORDING_MAX_BYTES,
    &RECORDINGS_AT_ONCE,
    &ORPHANS,
    &OUTBOUND_ALLOW,
    &SMTP_URL,
    &SMTP_CA_FILE,
    &MAIL_FROM,
    &MAIL_SALES_TO,
    &MAIL_SALES_CC,
    &MAIL_DAILY_LIMIT,
    &MAIL_KEEP_DAYS,
    &MAIL_SENDGRID_WEBHOOK_KEY,
    &MAIL_POSTMARK_WEBHOOK_SECRET,
    &MAIL_MAILGUN_WEBHOOK_KEY,
    &MAIL_SES_TOPICS,
    &BACKUP_TO,
    &BACKUP_AT,
    &BACKUP_KEEP,
    &BACKUP_KEY,
    &BACKUP_TRIAL_DAYS,
    &ALERT_TO,
    &ALERT_WEBHOOK_URL,
    &ALERT_WEBHOOK_SECRET,
    &HEARTBEAT_URL,
    &HEARTBEAT_MINUTES,
    &SENTRY_DSN,
    &ALERT_RECORDINGS_PERCENT,
    &ALERT_RECORDINGS_LEAST,
    &ALERT_EVENT_MINUTES,
    &ALERT_JOB_MINUTES,
    &ALERT_MAIL_PERCENT,
    &ALERT_DATABASE_PERCENT,
    &ALERT_DATABASE_CRITICAL_PERCENT,
    &ALERT_DISK_PERCENT,
    &ALERT_CERTIFICATE_DAYS,
    &ALERT_CLOCK_SECONDS,
    &ALERT_PROVIDER_PERCENT,
    &ALERT_SILENCE_CALLS,
    &ALERT_BACKUP_HOURS,
    &SITE_FILE,
    &BOOKINGS_KEEP_DAYS,
    &LOG,
    &LOG_FORMAT,
];

/// Names that the build and the tests read. They may be in the environment of a developer's server,
/// which ignores them.
const TOOLING: &[&str] = &["VOXANNE_UI_DIR"];
const TOOLING_PREFIX: &str = "VOXANNE_TEST_";

/// Whether `name` looks like ours but is in no table: most likely a typing mistake.
pub(super) fn is_unknown(name: &str) -> bool {
    name.starts_with("VOXANNE_")
        && !name.starts_with(TOOLING_PREFIX)
        && !TOOLING.contains(&name)
        && !known_names().any(|known| known == name)
}

/// The known name that `name` was most likely meant to be, if one is close.
pub(super) fn nearest(name: &str) -> Option<String> {
    known_names()
        .map(|known| (strsim::osa_distance(&known, name), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 4)
        .map(|(_, known)| known)
}

fn known_names() -> impl Iterator<Item = String> {
    VARIABLES.iter().flat_map(|variable| [Some(variable.name.to_owned()), variable.file_name()]).flatten()
}

/// The variables of ours that are set, for a backup. A secret's value is none.
pub fn without_secrets(env: &BTreeMap<String, String>) -> BTreeMap<String, Option<String>> {
    let value = |name: &str| env.get(name).filter(|value| !value.trim().is_empty()).cloned();
    let mut settings = BTreeMap::new();
    for variable in VARIABLES {
        if let Some(text) = value(variable.name) {
            settings.insert(variable.name.to_owned(), (!variable.secret).then_some(text));
        }
        // The name of a file is no secret.
        if let Some((name, path)) = variable.file_name().and_then(|name| value(&name).map(|path| (name, path))) {
            settings.insert(name, Some(path));
        }
    }
    settings
}

/// The text of `.env.example`: every variable with its meaning, commented out, showing its default.
pub fn example() -> String {
    let mut text = String::from(
        "# Configuration of Voxanne. Everything has a working default.\n\
         # A secret NAME may instead be given as NAME_FILE, the name of a file that holds it.\n",
    );
    let mut section = None;
    for variable in VARIABLES {
        if section != Some(variable.section) {
            section = Some(variable.section);
            let _ = write!(text, "\n## {}\n", variable.section.title());
        }
        text.push('\n');
        for line in wrapped(variable.meaning, 96) {
            let _ = writeln!(text, "# {line}");
        }
        if variable.default.is_none_or(|default| default != variable.example) {
            let _ = writeln!(text, "# Example: {}", variable.example);
        }
        let _ = writeln!(text, "#{}={}", variable.name, variable.default.unwrap_or(""));
    }
    text
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
