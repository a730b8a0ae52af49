//! Every metric that the server has, with its meaning.
//!
//! The table is the only place where a metric is described: what Prometheus shows as HELP and docs/metrics.md are made from it, and a
//! test compares it with the code, the dashboard and the alert rules. Labels hold names and codes of ours, never an organization,
//! a person or anything that somebody outside could choose.

use std::fmt::Write as _;

/// What a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from the start of the process on.
    Counter,
    /// How something stands now.
    Gauge,
    /// How something is distributed: `_sum`, `_count`, and quantiles over the last minutes.
    Summary,
}

/// A metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it counts.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says, in one sentence.
    pub says: &'static str,
}

const fn metric(kind: Kind, name: &'static str, labels: &'static [&'static str], says: &'static str) -> Metric {
    Metric { name, kind, labels, says }
}

/// Every metric, in the order of the document.
pub static METRICS: &[Metric] = {
    use Kind::{Counter, Gauge, Summary};
    &[
        metric(
            Summary,
            "voxanne_http_request_seconds",
            &["route", "status"],
            "How long requests took, by route template.",
        ),
        metric(Counter, "voxanne_limited_total", &["limit"], "Requests refused by a rate limit."),
        metric(Counter, "voxanne_sign_in_failures_total", &[], "Sign-ins that failed."),
        metric(
            Counter,
            "voxanne_events_total",
            &["type", "outcome"],
            "Provider events taken in: applied, repeated, quarantined.",
        ),
        metric(Counter, "voxanne_events_refused_total", &["reason"], "Webhook requests that nobody signed."),
        metric(Counter, "voxanne_recordings_copied_total", &[], "Recordings that were copied."),
        metric(
            Counter,
            "voxanne_recordings_failed_total",
            &["reason", "final"],
            "Runs that did not copy a recording; final when it was given up.",
        ),
        metric(Counter, "voxanne_recording_bytes_total", &[], "Bytes of recordings that were copied."),
        metric(Summary, "voxanne_recording_copy_seconds", &[], "How long copying a recording took."),
        metric(
            Counter,
            "voxanne_recording_orphans_removed_total",
            &[],
            "Files removed because no recording names them.",
        ),
        metric(
            Counter,
            "voxanne_provider_requests_total",
            &["outcome"],
            "Requests to the voice provider, by what came of them.",
        ),
        metric(
            Counter,
            "voxanne_reconcile_calls_total",
            &[],
            "Calls of the provider's list that were compared with ours.",
        ),
        metric(
            Counter,
            "voxanne_reconcile_differences_total",
            &["kind", "healed"],
            "Differences to the provider's list that were found, by what they are.",
        ),
        metric(
            Counter,
            "voxanne_silent_calls_total",
            &["answer"],
            "Calls that were silent for too long, by what the provider said of them.",
        ),
        metric(
            Counter,
            "voxanne_mail_attempts_total",
            &["outcome", "priority"],
            "What came of each attempt to send a mail: accepted, deferred, refused, relay_down, unknown, lost.",
        ),
        metric(
            Counter,
            "voxanne_mail_relay_faults_total",
            &["kind"],
            "Faults of the relay: name, unreachable, silent, tls, no_tls, closed, sign_in, sender, quota, broken.",
        ),
        metric(Gauge, "voxanne_mail_waiting", &[], "Mails that wait."),
        metric(Gauge, "voxanne_mail_oldest_waiting_seconds", &[], "How long the oldest mail that could go has waited."),
        metric(Gauge, "voxanne_mail_budget_used", &[], "Recipients of the last 24 hours."),
        metric(Gauge, "voxanne_mail_budget_limit", &[], "How many recipients there may be in 24 hours."),
        metric(Gauge, "voxanne_mail_relay_failures", &[], "Failures of the relay in a row; 0 when it answers."),
        metric(Counter, "voxanne_mail_events_total", &["source", "kind"], "Events of mail providers taken in."),
        metric(
            Counter,
            "voxanne_mail_events_unmatched_total",
            &["source", "why"],
            "Events of mail providers that name no mail of ours, or make no sense.",
        ),
        metric(
            Counter,
            "voxanne_mail_events_refused_total",
            &["reason", "source"],
            "Requests to the mail webhooks that nobody signed.",
        ),
        metric(Gauge, "voxanne_jobs", &["queue", "state"], "Jobs: waiting (could run now), later, running, dead."),
        metric(
            Gauge,
            "voxanne_jobs_oldest_waiting_seconds",
            &["queue"],
            "How long the oldest job that could run has waited.",
        ),
        metric(
            Counter,
            "voxanne_job_runs_total",
            &["queue", "outcome"],
            "What came of runs of jobs: done, later, failed, dead, lost.",
        ),
        metric(Gauge, "voxanne_schedule_seconds_since_success", &["schedule"], "How long ago a duty last succeeded."),
        metric(
            Gauge,
            "voxanne_schedule_lag_seconds",
            &["schedule"],
            "How long a duty's turn has been over without anybody beginning.",
        ),
        metric(Gauge, "voxanne_schedule_failures", &["schedule"], "Failures of a duty since its last success."),
        metric(Counter, "voxanne_schedule_runs_total", &["schedule", "outcome"], "What came of runs of duties."),
        metric(
            Gauge,
            "voxanne_vital_sign_state",
            &["sign"],
            "How a vital sign stands: 0 fine or off, 1 warning, 2 critical, 3 unknown. On the node that looks.",
        ),
        metric(
            Gauge,
            "voxanne_vital_sign_value",
            &["sign"],
            "The figure behind a vital sign: percent, seconds, days or a count, as the page of the status says it.",
        ),
        metric(Gauge, "voxanne_alerts_open", &["level"], "Alerts that are open, by level."),
        metric(
            Counter,
            "voxanne_alert_notices_total",
            &["kind"],
            "Times that the operator was told: opened, worse, again, resolved.",
        ),
        metric(
            Counter,
            "voxanne_alert_webhooks_total",
            &["outcome"],
            "Attempts to post a notice: done, later, failed, dead.",
        ),
        metric(Counter, "voxanne_heartbeats_total", &["outcome"], "Turns of the dead man's switch: sent, not_sent."),
        metric(
            Counter,
            "voxanne_fault_reports_total",
            &["outcome"],
            "Faults of the program: sent to the collector, repeated (not sent again), limited, failed, dropped.",
        ),
    ]
};

/// Tells the recorder what each metric is, so that Prometheus shows it. Once, after the recorder is installed.
pub fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => ::metrics::describe_counter!(metric.name, metric.says),
            Kind::Gauge => ::metrics::describe_gauge!(metric.name, metric.says),
            Kind::Summary => ::metrics::describe_histogram!(metric.name, metric.says),
        }
    }
}

/// The text of docs/metrics.md.
pub fn document() -> String {
    let mut text = String::from(
        "# Metrics\n\n`GET /metrics` on `VOXANNE_METRICS_LISTEN` answers in Prometheus' text format. Counters begin at 0 with each process. No \
         label names an\norganization or a person. [`deploy/prometheus/alerts.yml`](../deploy/prometheus/alerts.yml) and \
         [`deploy/grafana/voxanne.json`](../deploy/grafana/voxanne.json)\nuse them; the server's own alerts need neither.\n\n\
         This page is made from the table in `platform::telemetry::metrics`.\n\n| Metric | Kind | Labels | Says |\n|---|---|---|---|\n",
    );
    for metric in METRICS {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Summary => "summary",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(text, "| `{}` | {kind} | {} | {} |", metric.name, labels.join(", "), metric.says);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }

    /// Names and kinds of every metric that the code writes.
    fn written() -> BTreeSet<(String, &'static str)> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(repository().join("crates")).unwrap() {
            let src = entry.unwrap().path().join("src");
            if src.is_dir() {
                sources(&src, &mut files);
            }
        }
        let mut all = BTreeSet::new();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for kind in ["counter", "gauge", "histogram"] {
                for after in text.split(&format!("{kind}!(")).skip(1) {
                    let Some(name) = after.trim_start().strip_prefix('"') else { continue };
                    let name = name.split('"').next().unwrap();
                    if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && !name.is_empty() {
                        all.insert((name.to_owned(), kind));
                    }
                }
            }
        }
        all
    }

    #[test]
    fn every_metric_in_the_code_is_described_and_every_described_one_is_written() {
        let described: BTreeSet<(String, &str)> = METRICS
            .iter()
            .map(|metric| {
                let kind = match metric.kind {
                    Kind::Counter => "counter",
                    Kind::Gauge => "gauge",
                    Kind::Summary => "histogram",
                };
                (metric.name.to_owned(), kind)
            })
            .collect();
        let written = written();
        let missing: Vec<_> = written.difference(&described).collect();
        let gone: Vec<_> = described.difference(&written).collect();
        assert!(
            missing.is_empty(),
            "give these a line in METRICS (crates/platform/src/telemetry/metrics.rs): {missing:?}"
        );
        assert!(gone.is_empty(), "nobody writes these: {gone:?}");
        for metric in METRICS {
            assert!(metric.name.starts_with("voxanne_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            assert!(metric.says.ends_with('.') && !metric.says.contains('|'), "{}", metric.name);
        }
    }

    #[test]
    fn the_document_is_up_to_date() {
        let path = repository().join("docs/metrics.md");
        if std::env::var_os("VOXANNE_TEST_WRITE").is_some() {
            std::fs::write(&path, document()).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, document(), "write it with VOXANNE_TEST_WRITE=1 cargo nextest run -p platform metrics");
    }

    #[test]
    fn the_dashboard_and_the_rules_name_only_what_is_there() {
        let known: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        for (file, at_least) in [("deploy/grafana/voxanne.json", 15), ("deploy/prometheus/alerts.yml", 8)] {
            let text = std::fs::read_to_string(repository().join(file)).unwrap();
            let names: BTreeSet<&str> = text
                .split(|letter: char| !(letter.is_ascii_lowercase() || letter == '_'))
                .filter(|word| word.starts_with("voxanne_"))
                .map(|word| word.trim_end_matches("_sum").trim_end_matches("_count"))
                .collect();
            let unknown: Vec<_> = names.difference(&known).collect();
            assert!(unknown.is_empty(), "{file} names {unknown:?}");
            assert!(names.len() >= at_least, "{file} names {}", names.len());
        }
    }

    #[test]
    fn the_dashboard_can_be_read_as_what_it_is() {
        let text = std::fs::read_to_string(repository().join("deploy/grafana/voxanne.json")).unwrap();
        let board: serde_json::Value = serde_json::from_str(&text).unwrap();
        let panels = board["panels"].as_array().unwrap();
        let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
        for panel in panels {
            let targets = panel["targets"].as_array().unwrap();
            assert!(targets.iter().all(|target| target["expr"].is_string()), "{}", panel["title"]);
        }
    }
}
