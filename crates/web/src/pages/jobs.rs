//! Jobs: every duty of the installation with its last success, the queues, and what was given up.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use platform::jobs::{DeadJob, NodeStatus, Overview, QueueStatus, RunningJob, ScheduleState, ScheduleStatus};
use serde_json::Value;

use crate::components::{
    Column, Icon, Look, Nav, Tone, card, empty, error_summary, heading, moment, pager, post_form, shell, table, tag,
};
use crate::format;
use crate::frame::Chrome;

/// A queue that keeps its rows elsewhere and only tells how many there are.
#[derive(Clone, Debug)]
pub struct OtherQueue {
    /// What it holds.
    pub title: &'static str,
    /// Where more is told; none when this page is all there is.
    pub href: Option<&'static str>,
    /// How many wait.
    pub waiting: u64,
    /// Since when the oldest has been waiting, if that is known.
    pub oldest: Option<Timestamp>,
}

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Jobs {
    /// Schedules, queues, leases, nodes.
    pub overview: Overview,
    /// A page of the jobs that were given up, newest first.
    pub dead: Vec<DeadJob>,
    /// Address of the page of older ones.
    pub older: Option<String>,
    /// Whether this is a later page.
    pub paged: bool,
    /// Mails and the spool.
    pub others: Vec<OtherQueue>,
    /// What went wrong with an action.
    pub problem: Option<String>,
}

/// The page's address.
pub const HOME: &str = "/app/operator/jobs";

/// The whole page.
pub fn page(chrome: &Chrome, view: &Jobs) -> Markup {
    shell(chrome, Nav::Jobs, "Jobs", &content(chrome, view))
}

fn content(chrome: &Chrome, view: &Jobs) -> Markup {
    let now = chrome.frame.now;
    html! {
        (heading(&html! { "Jobs" }, &html! { (summary(&view.overview, now)) }, None))
        div.stack {
            (error_summary(view.problem.as_deref()))
            (schedules(chrome, &view.overview.schedules))
            (queues(chrome, &view.overview.queues, &view.others))
            @if !view.overview.running.is_empty() { (running(chrome, &view.overview)) }
            @if !view.dead.is_empty() || view.paged { (dead(chrome, view)) }
            (nodes(chrome, &view.overview.nodes))
        }
    }
}

/// The state of it all in one line.
fn summary(overview: &Overview, now: Timestamp) -> String {
    let is = |state| move |schedule: &&ScheduleStatus| schedule.state(now) == state;
    let failing = overview.schedules.iter().filter(is(ScheduleState::Failing)).count();
    let late = overview.schedules.iter().filter(is(ScheduleState::Late)).count();
    let dead: i64 = overview.queues.iter().map(|queue| queue.dead).sum();
    let parts: Vec<String> = [
        (failing > 0).then(|| format!("{} failing", duties(failing))),
        (late > 0).then(|| format!("{} late", duties(late))),
        (dead > 0).then(|| if dead == 1 { "1 job given up".to_owned() } else { format!("{dead} jobs given up") }),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() { "Every duty is done in its time.".to_owned() } else { format!("{}.", parts.join(", ")) }
}

fn duties(count: usize) -> String {
    if count == 1 { "1 duty is".to_owned() } else { format!("{count} duties are") }
}

const SCHEDULES: [Column; 6] = [
    Column { title: "Duty", class: "" },
    Column { title: "State", class: "" },
    Column { title: "Last success", class: "" },
    Column { title: "Next run", class: "" },
    Column { title: "Last report", class: "" },
    Column { title: "Actions", class: "end" },
];

fn schedules(chrome: &Chrome, schedules: &[ScheduleStatus]) -> Markup {
    let body = html! {
        @if schedules.is_empty() {
            (empty(Icon::ListChecks, "No node does any duty yet", &html! { p { "They appear when a server runs that was not started with " code { "--no-worker" } "." } }))
        } @else {
            (table("Duties", "cards", &SCHEDULES, &html! { @for schedule in schedules { (schedule_row(chrome, schedule)) } }))
        }
    };
    card("duties", &html! { "Duties" }, None, &body)
}

fn schedule_row(chrome: &Chrome, schedule: &ScheduleStatus) -> Markup {
    let now = chrome.frame.now;
    html! {
        tr {
            td data-label="Duty" {
                code.mono.small { (schedule.name) }
                div.small.muted { "every " (format::span(schedule.every)) @if schedule.on_every_node { ", on every node" } }
            }
            td data-label="State" { (schedule_state(schedule, now)) }
            td data-label="Last success" { (at(chrome, schedule.succeeded_at, "never")) (last_run(chrome, schedule)) }
            td data-label="Next run" { @if schedule.is_retired { "–" } @else if schedule.on_every_node { "all the time" } @else { (at(chrome, Some(schedule.next_at), "")) } }
            td data-label="Last report" { (report(&schedule.report)) }
            td.end {
                @if !schedule.on_every_node && !schedule.is_retired {
                    (post_form(&chrome.frame, "/app/operator/jobs/run", "", &html! {
                        input type="hidden" name="name" value=(schedule.name);
                        button class=(Look::Default.class()) type="submit" { "Run now" span.vh { " " (schedule.name) } }
                    }))
                }
            }
        }
    }
}

/// When it was last tried, where that is not when it last succeeded.
fn last_run(chrome: &Chrome, schedule: &ScheduleStatus) -> Markup {
    html! {
        @if let Some(ended) = schedule.ended_at.filter(|ended| Some(*ended) != schedule.succeeded_at) {
            div.small.muted { "last run " (moment(ended, chrome.frame.now, &chrome.zone)) }
        }
    }
}

fn schedule_state(schedule: &ScheduleStatus, now: Timestamp) -> Markup {
    let node = schedule.node.as_deref().unwrap_or_default();
    match schedule.state(now) {
        ScheduleState::Running => html! { (tag(Tone::Info, "Running")) div.small.muted { "on " (node) } },
        ScheduleState::Fine => tag(Tone::Ok, "Fine"),
        ScheduleState::New => tag(Tone::Neutral, "Not run yet"),
        ScheduleState::Retired => html! {
            (tag(Tone::Neutral, "Retired"))
            div.small.muted { "No node knows it any more: it was renamed, or is not configured." }
        },
        ScheduleState::Late => tag(Tone::Warn, &format!("Late by {}", format::span(schedule.lag(now)))),
        ScheduleState::Failing => {
            let times = if schedule.failures == 1 {
                "Failed".to_owned()
            } else {
                format!("Failed {} times", schedule.failures)
            };
            html! { (tag(Tone::Bad, &times)) div.small { (schedule.last_words.as_deref().unwrap_or_default()) } }
        }
    }
}

/// A report as words: `forgotten 12`.
fn report(report: &Value) -> Markup {
    let lines: Vec<(String, String)> =
        report.as_object().map(|facts| facts.iter().map(fact).collect()).unwrap_or_default();
    html! { @for (name, value) in &lines { div.small { span.muted { (name) " " } (value) } } }
}

fn fact((name, value): (&String, &Value)) -> (String, String) {
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    (name.replace('_', " "), value)
}

fn at(chrome: &Chrome, at: Option<Timestamp>, never: &str) -> Markup {
    html! { @match at { Some(at) => (moment(at, chrome.frame.now, &chrome.zone)), None => span.muted { (never) } } }
}

const QUEUES: [Column; 6] = [
    Column { title: "Queue", class: "" },
    Column { title: "Waiting", class: "end" },
    Column { title: "Running", class: "end" },
    Column { title: "Later", class: "end" },
    Column { title: "Given up", class: "end" },
    Column { title: "Oldest waits", class: "" },
];

fn queues(chrome: &Chrome, queues: &[QueueStatus], others: &[OtherQueue]) -> Markup {
    let now = chrome.frame.now;
    let waits =
        |since: Option<Timestamp>| since.map(|since| format::span(now.duration_since(since).max(SignedDuration::ZERO)));
    let rows = html! {
        @for queue in queues {
            tr {
                td data-label="Queue" {
                    code.mono.small { (queue.name) }
                    @if let Some((attempts, at_once)) = queue.limits {
                        div.small.muted { "given up after " (attempts) " runs, " (at_once) " at a time on a node" }
                    }
                }
                td.end.num data-label="Waiting" { (queue.waiting) }
                td.end.num data-label="Running" { (queue.running) }
                td.end.num data-label="Later" { (queue.later) }
                td.end.num data-label="Given up" { @if queue.dead > 0 { (tag(Tone::Bad, &queue.dead.to_string())) } @else { "0" } }
                td data-label="Oldest waits" { @if let Some(span) = waits(queue.oldest_due) { (span) } @else { "–" } }
            }
        }
        @for other in others {
            tr {
                td data-label="Queue" { @if let Some(href) = other.href { a href=(href) { (other.title) } } @else { (other.title) } }
                td.end.num data-label="Waiting" { (other.waiting) }
                td.end.num data-label="Running" { "–" }
                td.end.num data-label="Later" { "–" }
                td.end.num data-label="Given up" { "–" }
                td data-label="Oldest waits" { @if let Some(span) = waits(other.oldest) { (span) } @else { "–" } }
            }
        }
    };
    card("queues", &html! { "Queues" }, None, &table("Queues", "cards", &QUEUES, &rows))
}

const RUNNING: [Column; 4] = [
    Column { title: "Job", class: "" },
    Column { title: "Who", class: "" },
    Column { title: "Since", class: "" },
    Column { title: "Lease until", class: "" },
];

fn running(chrome: &Chrome, overview: &Overview) -> Markup {
    let jobs: &[RunningJob] = &overview.running;
    let all: i64 = overview.queues.iter().map(|queue| queue.running).sum();
    let note = i64::try_from(jobs.len())
        .is_ok_and(|shown| shown < all)
        .then(|| html! { "The " (jobs.len()) " that have been running longest, of " (all) });
    let rows = html! {
        @for job in jobs {
            tr {
                td data-label="Job" { code.mono.small { (job.queue) } div.small { code.mono { (job.key) } } }
                td data-label="Who" { (job.node.as_deref().unwrap_or_default()) div.small.muted { "run " (job.attempts) } }
                td data-label="Since" { (at(chrome, job.started_at, "")) }
                td data-label="Lease until" { @if let Some(until) = job.lease_until { time datetime=(until) { (format::second(until, &chrome.zone)) } } }
            }
        }
    };
    card("running", &html! { "Running" }, note.as_ref(), &table("Running jobs", "cards", &RUNNING, &rows))
}

const DEAD: [Column; 5] = [
    Column { title: "Job", class: "" },
    Column { title: "Organization", class: "" },
    Column { title: "Why", class: "" },
    Column { title: "Given up", class: "" },
    Column { title: "Actions", class: "end" },
];

fn dead(chrome: &Chrome, view: &Jobs) -> Markup {
    let rows = html! {
        @for job in &view.dead {
            tr {
                td data-label="Job" {
                    code.mono.small { (job.queue) }
                    (report(&job.payload))
                }
                td data-label="Organization" { (job.org_name) }
                td data-label="Why" { (job.last_words.as_deref().unwrap_or_default()) div.small.muted { "after " (job.attempts) @if job.attempts == 1 { " run" } @else { " runs" } } }
                td.nowrap data-label="Given up" { (at(chrome, job.died_at, "")) }
                td.end {
                    (post_form(&chrome.frame, "/app/operator/jobs/retry", "", &html! {
                        input type="hidden" name="org_id" value=(job.org);
                        input type="hidden" name="job_id" value=(job.id);
                        button class=(Look::Default.class()) type="submit" { "Retry" span.vh { " " (job.queue) " of " (job.org_name) } }
                    }))
                }
            }
        }
    };
    let body = html! {
        (table("Jobs that were given up", "cards", &DEAD, &rows))
        (pager(view.paged.then_some(HOME), view.older.as_deref()))
    };
    card("dead", &html! { "Given up" }, None, &body)
}

const NODES: [Column; 4] = [
    Column { title: "Node", class: "" },
    Column { title: "State", class: "" },
    Column { title: "Version", class: "" },
    Column { title: "Since", class: "" },
];

fn nodes(chrome: &Chrome, nodes: &[NodeStatus]) -> Markup {
    let now = chrome.frame.now;
    let rows = html! {
        @for node in nodes {
            tr {
                td data-label="Node" { code.mono.small { (node.name) } }
                td data-label="State" {
                    @if node.is_silent(now) { (tag(Tone::Warn, &format!("Silent for {}", format::span(now.duration_since(node.seen_at))))) }
                    @else if node.works { (tag(Tone::Ok, "Working")) }
                    @else { (tag(Tone::Neutral, "Answers only")) }
                }
                td data-label="Version" { (node.version) }
                td data-label="Since" { (moment(node.started_at, now, &chrome.zone)) }
            }
        }
    };
    let body = html! {
        @if nodes.is_empty() { (empty(Icon::Activity, "No node has been heard of yet", &html! { p { "A server says that it is there twice a minute." } })) }
        @else { (table("Nodes", "cards", &NODES, &rows)) }
    };
    card("nodes", &html! { "Nodes" }, None, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(failures: i32, next_at: &str) -> ScheduleStatus {
        ScheduleStatus {
            name: "test.sweep".into(),
            every: SignedDuration::from_hours(1),
            on_every_node: false,
            next_at: next_at.parse().unwrap(),
            lease_until: None,
            node: None,
            started_at: None,
            ended_at: None,
            succeeded_at: Some(Timestamp::UNIX_EPOCH),
            declared_at: Timestamp::UNIX_EPOCH,
            last_words: None,
            failures,
            runs: 1,
            failed_runs: 0,
            report: Value::Null,
            is_retired: false,
        }
    }

    #[test]
    fn the_first_line_says_what_is_wrong() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let (soon, past) = ("2026-11-24T12:30:00Z", "2026-11-24T11:00:00Z");
        let told = |schedules: Vec<ScheduleStatus>, dead| {
            let queue = QueueStatus {
                name: "x".into(),
                waiting: 0,
                later: 0,
                running: 0,
                dead,
                oldest_due: None,
                limits: None,
            };
            let overview = Overview { schedules, queues: vec![queue], running: vec![], dead: vec![], nodes: vec![] };
            summary(&overview, now)
        };
        assert_eq!(told(vec![schedule(0, soon)], 0), "Every duty is done in its time.");
        let retired = ScheduleStatus { is_retired: true, ..schedule(3, past) };
        assert_eq!(told(vec![retired], 0), "Every duty is done in its time.");
        let all = vec![schedule(1, soon), schedule(0, past), schedule(0, past)];
        assert_eq!(told(all, 1), "1 duty is failing, 2 duties are late, 1 job given up.");
    }
}
