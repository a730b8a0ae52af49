use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use crate::secret::Secret;

use super::{Config, ConfigErrors, DatabaseSource, LogFormat, Origin, Place, Rate, VARIABLES, example};

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn problems(pairs: &[(&str, &str)]) -> ConfigErrors {
    Config::from_env(&env(pairs)).unwrap_err()
}

/// A file that goes away with the test.
struct File(PathBuf);

impl File {
    fn with(content: &[u8]) -> Self {
        let name = format!("voxanne-config-{}", uuid::Uuid::now_v7());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, content).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

#[test]
fn an_empty_environment_gives_the_documented_defaults() {
    let config = Config::from_env(&BTreeMap::new()).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.metrics_listen.unwrap().to_string(), "127.0.0.1:9090");
    assert_eq!(config.server.public_origin(config.server.listen).as_str(), "http://127.0.0.1:8080");
    assert_eq!(config.server.data_dir, PathBuf::from("./data"));
    assert!(config.server.trusted_proxies.is_empty());
    assert!(config.server.cors_origins.is_empty());
    assert!(config.server.operator_org.is_none());
    assert!(matches!(config.database.source, DatabaseSource::Embedded));
    assert_eq!(config.database.pool_size, 16);
    assert_eq!(config.limits.public_api, "100/15m".parse().unwrap());
    assert_eq!(config.limits.booking, "20/1h".parse().unwrap());
    assert_eq!(config.limits.unverified_webhooks, Rate { limit: 30, period: Duration::from_mins(1) });
    assert_eq!(config.limits.max_webhook_bytes, 8 * 1024 * 1024);
    assert_eq!(config.limits.live_connections_per_user, 20);
    assert_eq!(config.limits.live_connections_per_org, 2000);
    assert!(config.vapi.webhook_secrets.is_empty());
    assert_eq!(config.vapi.api_url.as_str(), "https://api.vapi.ai");
    assert!(config.outbound.allow.is_empty());
    assert!(config.security.master_key.is_none());
    assert_eq!(config.log.filter, "info");
    assert_eq!(config.log.format, LogFormat::Text);
    assert!(config.mail.relay.is_none() && config.mail.from.is_none() && config.mail.sales_to.is_empty());
    assert_eq!(config.mail.daily_limit, 100);
    assert!(config.mail.events.sendgrid_keys.is_empty() && config.mail.events.mailgun_keys.is_empty());
    assert!(config.quotas.database_bytes.is_none() && config.quotas.provider_cost_usd.is_none());
    assert!(config.alerts.to.is_empty() && config.alerts.webhook.is_none() && config.alerts.heartbeat.is_none());
    assert!(config.alerts.sentry.is_none());
    assert_eq!(config.alerts.thresholds, super::Thresholds::default());
}

#[test]
fn an_alert_webhook_needs_its_key_and_what_is_secret_is_never_quoted() {
    let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let settings = [
        ("VOXANNE_ALERT_TO", "Ops <ops@example.com>, second@example.com"),
        ("VOXANNE_ALERT_WEBHOOK_URL", "https://alerts.example.com/hunter2"),
        ("VOXANNE_ALERT_WEBHOOK_SECRET", &format!("{key},{key}")),
        ("VOXANNE_HEARTBEAT_URL", "https://hc.example.com/hunter2"),
        ("VOXANNE_HEARTBEAT_MINUTES", "2"),
        ("VOXANNE_SENTRY_DSN", "https://hunter2@errors.example.com/1"),
    ];
    let config = Config::from_env(&env(&settings)).unwrap().alerts;
    assert_eq!((config.to.len(), config.webhook.as_ref().unwrap().keys.len()), (2, 2));
    assert_eq!(config.heartbeat.as_ref().unwrap().every, Duration::from_mins(2));
    assert!(!format!("{config:?}").contains("hunter2"));
    let text = problems(&[
        ("VOXANNE_ALERT_WEBHOOK_URL", "https://alerts.example.com/hunter2"),
        ("VOXANNE_HEARTBEAT_URL", "hunter2"),
        ("VOXANNE_SENTRY_DSN", "https://errors.example.com/hunter2"),
        ("VOXANNE_ALERT_DATABASE_CRITICAL_PERCENT", "70"),
        ("VOXANNE_ALERT_TO", "everybody"),
    ])
    .to_string();
    for said in [
        "ALERT_WEBHOOK_SECRET must be set",
        "HEARTBEAT_URL is not a URL",
        "SENTRY_DSN is not",
        "is 70, less",
        "ALERT_TO has",
    ] {
        assert!(text.contains(said), "{said} in {text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn what_verifies_mail_events_is_checked_and_never_quoted() {
    let key = super::variables::MAIL_SENDGRID_WEBHOOK_KEY.example;
    let config = Config::from_env(&env(&[
        ("VOXANNE_MAIL_SENDGRID_WEBHOOK_KEY", &format!("{key}, {key}")),
        ("VOXANNE_MAIL_POSTMARK_WEBHOOK_SECRET", "hunter2,hunter3"),
        ("VOXANNE_LIMIT_DATABASE_BYTES", "536870912"),
    ]));
    let config = config.unwrap();
    assert_eq!((config.mail.events.sendgrid_keys.len(), config.mail.events.postmark_secrets.len()), (2, 2));
    assert_eq!(config.quotas.database_bytes, Some(536_870_912));
    let text = problems(&[
        ("VOXANNE_MAIL_SENDGRID_WEBHOOK_KEY", "-----BEGIN PUBLIC KEY-----"),
        ("VOXANNE_MAIL_MAILGUN_WEBHOOK_KEY", " , "),
        ("VOXANNE_LIMIT_STORAGE_BYTES", "10 GB"),
    ])
    .to_string();
    assert!(text.contains("VOXANNE_MAIL_SENDGRID_WEBHOOK_KEY is not the base64 of a P-256 public key"), "{text}");
    assert!(text.contains("VOXANNE_MAIL_MAILGUN_WEBHOOK_KEY is a list without a secret"), "{text}");
    assert!(text.contains("VOXANNE_LIMIT_STORAGE_BYTES"), "{text}");
}

#[test]
fn a_relay_needs_a_sender_and_its_password_is_never_quoted() {
    let url = ("VOXANNE_SMTP_URL", "smtp://ana:hunter2@relay.example.com:587?tls=none");
    let text =
        problems(&[url, ("VOXANNE_MAIL_FROM", "desk at example.com"), ("VOXANNE_MAIL_DAILY_LIMIT", "0")]).to_string();
    assert!(text.contains("VOXANNE_SMTP_URL would send the password in clear"), "{text}");
    assert!(text.contains("VOXANNE_MAIL_FROM has something that is not an e-mail address"), "{text}");
    assert!(text.contains("VOXANNE_MAIL_DAILY_LIMIT is \"0\""), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let text = problems(&[("VOXANNE_SMTP_URL", "smtps://ana:hunter2@relay.example.com")]).to_string();
    assert!(text.contains("VOXANNE_MAIL_FROM must be set"), "{text}");
}

#[test]
fn every_problem_is_reported_in_one_go_with_variable_and_example() {
    let errors = problems(&[
        ("VOXANNE_LISTEN", "localhost"),
        ("VOXANNE_METRICS_LISTEN", "9090"),
        ("VOXANNE_PUBLIC_URL", "https://voice.example.com/app"),
        ("VOXANNE_TRUSTED_PROXIES", "10.0.0.0/8, proxy, 300.1.1.1"),
        ("VOXANNE_CORS_ORIGINS", "*"),
        ("VOXANNE_DB_POOL", "0"),
        ("VOXANNE_RATE_PUBLIC_API", "100 per hour"),
        ("VOXANNE_RATE_UNVERIFIED_WEBHOOKS", "0/1m"),
        ("VOXANNE_MAX_WEBHOOK_BYTES", "8MB"),
        ("VOXANNE_LIVE_CONNECTIONS_PER_USER", "+5"),
        ("VOXANNE_MASTER_KEY", "short"),
        ("VOXANNE_LOG", "platform=loud"),
        ("VOXANNE_LOG_FORMAT", "xml"),
        ("DATABASE_ADMIN_URL", "postgres://db.example.com/voxanne"),
        ("VOXANNE_LISTEM", "127.0.0.1:1"),
    ]);
    let named: Vec<&str> = errors.0.iter().map(|p| p.variable.as_str()).collect();
    for name in [
        "VOXANNE_LISTEN",
        "VOXANNE_METRICS_LISTEN",
        "VOXANNE_PUBLIC_URL",
        "VOXANNE_CORS_ORIGINS",
        "VOXANNE_DB_POOL",
        "VOXANNE_RATE_PUBLIC_API",
        "VOXANNE_RATE_UNVERIFIED_WEBHOOKS",
        "VOXANNE_MAX_WEBHOOK_BYTES",
        "VOXANNE_LIVE_CONNECTIONS_PER_USER",
        "VOXANNE_MASTER_KEY",
        "VOXANNE_LOG",
        "VOXANNE_LOG_FORMAT",
        "DATABASE_URL",
        "VOXANNE_LISTEM",
    ] {
        assert_eq!(named.iter().filter(|n| **n == name).count(), 1, "{name}: {errors}");
    }
    let proxies = named.iter().filter(|n| **n == "VOXANNE_TRUSTED_PROXIES");
    assert_eq!(proxies.count(), 2, "each wrong item is named: {errors}");

    let text = errors.to_string();
    assert!(text.contains("VOXANNE_LISTEN is \"localhost\""), "{text}");
    assert!(text.contains("(example: 127.0.0.1:8080)"), "{text}");
    assert_eq!(text.lines().count(), 1 + errors.0.len(), "one a line: {text}");
}

#[test]
fn an_unknown_variable_is_a_problem_that_names_the_nearest_known_one() {
    let text = problems(&[("VOXANNE_DATADIR", "/srv")]).to_string();
    assert!(text.contains("did you mean VOXANNE_DATA_DIR?"), "{text}");
    let text = problems(&[("VOXANNE_MASTERKEY_FILE", "/srv/key")]).to_string();
    assert!(text.contains("did you mean VOXANNE_MASTER_KEY_FILE?"), "{text}");
    let text = problems(&[("VOXANNE_COMPLETELY_DIFFERENT", "1")]).to_string();
    assert!(!text.contains("did you mean"), "{text}");
    let text = problems(&[("VOXANNE_LISTEN_FILE", "/srv/listen")]).to_string();
    assert!(text.contains("VOXANNE_LISTEN_FILE is not"), "only secrets have twins: {text}");
}

#[test]
fn variables_of_other_programs_and_of_our_tests_are_left_alone() {
    let pairs = [("PATH", "/usr/bin"), ("DATABASE_POOLER", "x"), ("VOXANNE_TEST_URL", "x"), ("VOXANNE_UI_DIR", "x")];
    assert!(Config::from_env(&env(&pairs)).is_ok());
}

#[test]
fn what_may_be_asked_inside_is_named_by_host_and_port() {
    let config = Config::from_env(&env(&[("VOXANNE_OUTBOUND_ALLOW", "MinIO.internal:9000, [::1]:8080,127.0.0.1:80")]));
    let allow = config.unwrap().outbound.allow;
    let is = |host: &str, port| {
        let url = url::Url::parse(&format!("http://{host}")).unwrap();
        allow.iter().any(|allowed| allowed.is(&url.host().unwrap(), port))
    };
    assert!(is("minio.internal", 9000) && is("[0:0::1]", 8080) && is("2130706433", 80));
    assert!(!is("minio.internal", 9001) && !is("other.internal", 9000) && !is("127.0.0.1", 8080));

    for wrong in ["minio.internal", "minio.internal:0", "minio.internal:70000", ":9000", "http://a:1", "a b:1", "a:+1"]
    {
        let text = problems(&[("VOXANNE_OUTBOUND_ALLOW", wrong)]).to_string();
        assert!(text.contains("VOXANNE_OUTBOUND_ALLOW"), "{wrong}: {text}");
    }
}

#[test]
fn an_empty_value_counts_as_unset() {
    let pairs: Vec<(&str, &str)> = VARIABLES.iter().map(|v| (v.name, " ")).collect();
    let config = Config::from_env(&env(&pairs)).unwrap();
    assert_eq!(config.server.listen.port(), 8080);
    assert!(matches!(config.database.source, DatabaseSource::Embedded));
}

#[test]
fn a_secret_may_come_from_a_file_and_loses_its_line_end() {
    let file = File::with(b"tell nobody\r\n");
    let config = Config::from_env(&env(&[("VOXANNE_VAPI_WEBHOOK_SECRET_FILE", file.path())])).unwrap();
    let secrets: Vec<&str> = config.vapi.webhook_secrets.iter().map(Secret::expose).collect();
    assert_eq!(secrets, ["tell nobody"]);
}

#[test]
fn a_secret_given_twice_or_in_a_bad_file_is_a_problem() {
    let text = problems(&[("VOXANNE_VAPI_WEBHOOK_SECRET", "a"), ("VOXANNE_VAPI_WEBHOOK_SECRET_FILE", "/dev/null")])
        .to_string();
    assert!(text.contains("are both set"), "{text}");

    let text = problems(&[("VOXANNE_MASTER_KEY_FILE", "/nowhere/key")]).to_string();
    assert!(text.contains("VOXANNE_MASTER_KEY_FILE names \"/nowhere/key\", which does not exist"), "{text}");

    let empty = File::with(b"\n");
    let text = problems(&[("VOXANNE_MASTER_KEY_FILE", empty.path())]).to_string();
    assert!(text.contains("which is empty"), "{text}");

    let binary = File::with(&[0xff, 0xfe, 0x00]);
    let text = problems(&[("DATABASE_URL_FILE", binary.path())]).to_string();
    assert!(text.contains("is not UTF-8"), "{text}");
}

#[test]
fn an_external_database_derives_the_system_login_and_keeps_the_rest() {
    let url = "postgres://voxanne_app:p%40ss@db.example.com:6432/vox?sslmode=require";
    let config = Config::from_env(&env(&[("DATABASE_URL", url)])).unwrap();
    let DatabaseSource::External { app_url, system_url, admin_url } = config.database.source else {
        panic!("external expected")
    };
    assert_eq!(app_url.expose(), url);
    assert_eq!(system_url.expose(), "postgres://voxanne_system:p%40ss@db.example.com:6432/vox?sslmode=require");
    assert!(admin_url.is_none());
}

#[test]
fn a_database_address_that_is_not_postgresql_or_not_complete_is_a_problem() {
    let text = problems(&[("DATABASE_URL", "mysql://u:hunter2@db/x")]).to_string();
    assert!(text.contains("must begin with postgres://"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let text = problems(&[("DATABASE_URL", "postgres:///vox?host=/run/postgresql&user=me")]).to_string();
    assert!(text.contains("DATABASE_SYSTEM_URL must be set"), "{text}");
}

#[test]
fn the_pool_must_fit_the_private_cluster_but_may_be_large_elsewhere() {
    assert!(Config::from_env(&env(&[("VOXANNE_DB_POOL", "45")])).is_ok());
    let text = problems(&[("VOXANNE_DB_POOL", "46")]).to_string();
    assert!(text.contains("has room for 45"), "{text}");
    let external = [("DATABASE_URL", "postgres://u@db.example.com/vox"), ("VOXANNE_DB_POOL", "200")];
    assert!(Config::from_env(&env(&external)).is_ok());
}

#[test]
fn the_webhook_secret_is_a_list_for_rotation() {
    let config = Config::from_env(&env(&[("VOXANNE_VAPI_WEBHOOK_SECRET", "new , old,")])).unwrap();
    let secrets: Vec<&str> = config.vapi.webhook_secrets.iter().map(Secret::expose).collect();
    assert_eq!(secrets, ["new", "old"]);
    let text = problems(&[("VOXANNE_VAPI_WEBHOOK_SECRET", ", ,")]).to_string();
    assert!(text.contains("without a secret"), "{text}");
}

#[test]
fn the_master_key_is_exactly_32_bytes() {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    for text in [key, key.trim_end_matches('=')] {
        let config = Config::from_env(&env(&[("VOXANNE_MASTER_KEY", text)])).unwrap();
        let bytes: Vec<u8> = (0..32).collect();
        assert_eq!(config.security.master_key.unwrap().expose().as_slice(), bytes);
    }
    let text = problems(&[("VOXANNE_MASTER_KEY", "AAECAwQF")]).to_string();
    assert!(text.contains("holds 6 bytes, not 32"), "{text}");
    assert!(!text.contains("AAECAwQF"), "{text}");
}

#[test]
fn origins_are_written_as_browsers_write_them() {
    let origin = |text: &str| text.parse::<Origin>();
    assert_eq!(origin("HTTPS://Voice.Example.com:443").unwrap().as_str(), "https://voice.example.com");
    assert_eq!(origin("http://127.0.0.1:8080").unwrap().as_str(), "http://127.0.0.1:8080");
    assert!(origin("https://voice.example.com").unwrap().is_https());
    for wrong in [
        "https://voice.example.com/",
        "https://voice.example.com/path",
        "https://voice.example.com?x",
        "https://user@voice.example.com",
        "voice.example.com",
        "null",
        "*",
    ] {
        assert!(origin(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_wildcard_listener_is_reached_through_loopback() {
    let of = |text: &str| Origin::of_listener(text.parse().unwrap()).to_string();
    assert_eq!(of("0.0.0.0:8080"), "http://127.0.0.1:8080");
    assert_eq!(of("[::]:8080"), "http://[::1]:8080");
    assert_eq!(of("192.0.2.7:80"), "http://192.0.2.7");
}

#[test]
fn rates_are_strict() {
    let rate: Rate = "5/2h".parse().unwrap();
    assert_eq!((rate.limit, rate.period), (5, Duration::from_hours(2)));
    for wrong in ["", "/", "5", "5/", "5/m", "/1m", "-5/1m", "+5/1m", "5/1d", "5/25h", "5/0s", "5/1é", "99999999999/1m"]
    {
        assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
    }
}

#[test]
fn debug_output_shows_no_secret() {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let config = Config::from_env(&env(&[
        ("VOXANNE_MASTER_KEY", key),
        ("VOXANNE_VAPI_WEBHOOK_SECRET", "canary-one,canary-two"),
        ("DATABASE_URL", "postgres://app:canary-three@db.example.com/vox"),
        ("DATABASE_ADMIN_URL", "postgres://own:canary-four@db.example.com/vox"),
    ]))
    .unwrap();
    let shown = format!("{config:?}");
    assert!(shown.contains("[secret]"));
    for canary in ["canary", key, "0, 1, 2, 3"] {
        assert!(!shown.contains(canary), "{canary} in {shown}");
    }
}

#[test]
fn the_example_file_lists_every_variable_and_is_itself_accepted() {
    let text = example();
    let mut lines = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with("# ") && !line.starts_with("##")) {
        if let Some((name, value)) = line.strip_prefix('#').and_then(|l| l.split_once('=')) {
            lines.insert(name.to_owned(), value.to_owned());
        } else {
            assert_eq!(line, "", "every other line is a comment");
        }
    }
    assert_eq!(lines.len(), VARIABLES.len());
    assert!(VARIABLES.iter().all(|v| lines.contains_key(v.name)));
    assert!(Config::from_env(&lines).is_ok(), "defaults are accepted");
}

#[test]
fn the_example_of_every_plain_variable_is_accepted() {
    // The example names a file of somebody else's machine.
    for variable in VARIABLES.iter().filter(|v| !v.secret && v.name != "VOXANNE_SITE_FILE") {
        let result = Config::from_env(&env(&[(variable.name, variable.example)]));
        assert!(result.is_ok(), "{}: {}", variable.name, result.unwrap_err());
    }
}

/// The file of the repository, and what it must be. With `VOXANNE_TEST_WRITE=1` it is written instead of compared.
fn committed(file: &str, wanted: impl Fn(&str) -> String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    let found = fs::read_to_string(&path).unwrap();
    let wanted = wanted(&found);
    if std::env::var_os("VOXANNE_TEST_WRITE").is_some() {
        fs::write(&path, wanted).unwrap();
    } else {
        assert!(found == wanted, "{file} is out of date: VOXANNE_TEST_WRITE=1 cargo nextest run -p platform config");
    }
}

#[test]
fn the_committed_example_file_is_up_to_date() {
    committed(".env.example", |_| example());
}

#[test]
fn the_table_in_the_operations_guide_is_up_to_date() {
    committed("docs/operations.md", |found| {
        let (begin, end) = ("<!-- variables -->\n", "<!-- end of variables -->");
        let (before, rest) = found.split_once(begin).unwrap();
        let (_, after) = rest.split_once(end).unwrap();
        format!("{before}{begin}{}{end}{after}", table())
    });
}

/// Every variable as Markdown tables, one a section.
fn table() -> String {
    let mut text = String::new();
    let mut section = None;
    for variable in VARIABLES {
        if section != Some(variable.section) {
            section = Some(variable.section);
            let title = variable.section.title();
            write!(text, "\n### {title}\n\n| Variable | Default | Meaning |\n|---|---|---|\n").unwrap();
        }
        let file = if variable.secret { "<br>or `…_FILE`" } else { "" };
        let default = match variable.default {
            None => "unset".to_owned(),
            Some("") => "empty".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        writeln!(text, "| `{}`{file} | {default} | {} |", variable.name, variable.meaning).unwrap();
    }
    text + "\n"
}

#[test]
fn every_problem_of_the_site_file_is_reported_with_its_line() {
    let file = File::with(b"name = \"\"\naccent = \"#ffff00\"\n");
    let problems = problems(&[("VOXANNE_SITE_FILE", file.path())]).to_string();
    let path = file.path();
    assert!(problems.contains(&format!("VOXANNE_SITE_FILE {path} line 1, name: is empty")), "{problems}");
    assert!(problems.contains(&format!("VOXANNE_SITE_FILE {path} line 2, accent: is too light")), "{problems}");
}

#[test]
fn a_site_file_that_is_not_there_stops_the_start() {
    let problems = problems(&[("VOXANNE_SITE_FILE", "/nowhere/site.toml")]).to_string();
    assert!(problems.contains("names /nowhere/site.toml, which cannot be read"), "{problems}");
}

#[test]
fn recordings_are_kept_in_the_data_directory_a_folder_or_s3() {
    let place = |pairs: &[(&str, &str)]| Config::from_env(&env(pairs)).unwrap().storage.place;
    assert!(matches!(place(&[]), Place::DataDirectory));
    let folder = place(&[("VOXANNE_STORAGE_URL", "file:///srv/recordings")]);
    assert!(matches!(folder, Place::Folder(path) if path.as_path() == FilePath::new("/srv/recordings")));
    let keys = [("VOXANNE_S3_ACCESS_KEY", "AKIATEST"), ("VOXANNE_S3_SECRET_KEY", "very-secret")];
    let url = ("VOXANNE_STORAGE_URL", "s3://example-recordings/voxanne/eu/");
    let Place::S3(s3) = place(&[&keys[..], &[url]].concat()) else { panic!("it is S3") };
    assert_eq!(
        (s3.bucket.as_str(), s3.prefix.as_str(), s3.region.as_str()),
        ("example-recordings", "voxanne/eu", "us-east-1")
    );
    assert!(!format!("{s3:?}").contains("very-secret"));

    let text = problems(&[url]).to_string();
    assert!(
        text.contains("VOXANNE_S3_ACCESS_KEY must be set") && text.contains("VOXANNE_S3_SECRET_KEY must be set"),
        "{text}"
    );
    for wrong in ["http://bucket/x", "s3://key:secret@bucket/x", "/srv", "s3://", "file://host/x", "s3://b/x?y=z"] {
        let text = problems(&[&keys[..], &[("VOXANNE_STORAGE_URL", wrong)]].concat()).to_string();
        assert!(text.contains("VOXANNE_STORAGE_URL"), "{wrong}: {text}");
        assert!(!text.contains("secret@"), "{text}");
    }
    let text = problems(&[("VOXANNE_STORAGE_KEY", "c2hvcnQ=")]).to_string();
    assert!(text.contains("holds 5 bytes, not 32") && !text.contains("c2hvcnQ"), "{text}");
}
