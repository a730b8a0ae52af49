//! `/api/v1/operator/jobs` and `/api/v1/operator/schedules`: what the operator's page of jobs shows and does, for programs.

use axum::extract::{FromRef, Path, State};
use axum::http::StatusCode;
use identity::{Authority, Operator, Viewer};
use jiff::Timestamp;
use platform::http::{ApiError, Cursor, Json, Limit, Page, Problem, Query, Report, TenantRouter, Validate};
use platform::ids::{JobId, OrgId};
use platform::jobs::{DeadJob, Jobs, NodeStatus, Overview, QueueStatus, RunningJob, ScheduleStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// What the routes look at.
#[derive(Clone)]
pub struct JobsState {
    authority: Authority,
    jobs: Jobs,
}

impl JobsState {
    /// Looks at these.
    pub fn new(authority: Authority, jobs: Jobs) -> Self {
        Self { authority, jobs }
    }
}

impl FromRef<JobsState> for Authority {
    fn from_ref(state: &JobsState) -> Self {
        state.authority.clone()
    }
}

/// The routes, for operators.
pub fn router(state: JobsState) -> TenantRouter<()> {
    TenantRouter::new()
        .route(__path_get_jobs, get_jobs)
        .route(__path_list_dead_jobs, list_dead_jobs)
        .route(__path_retry_job, retry_job)
        .route(__path_run_schedule, run_schedule)
        .with_state(state)
}

/// Duties, queues, jobs at work, jobs that were given up, nodes.
#[derive(Debug, Serialize, ToSchema)]
struct JobsView {
    schedules: Vec<ScheduleView>,
    queues: Vec<QueueView>,
    /// Jobs at work, longest first; the first hundred.
    running: Vec<RunningView>,
    /// Jobs that were given up, newest first; the first hundred. `/api/v1/operator/jobs/dead` lists all.
    dead: Vec<DeadView>,
    nodes: Vec<NodeView>,
}

/// A duty that comes again and again.
#[derive(Debug, Serialize, ToSchema)]
struct ScheduleView {
    name: String,
    /// From one start to the next.
    every_seconds: i64,
    /// Whether each node does it all the time.
    on_every_node: bool,
    /// `running`, `fine`, `new`, `failing`, `late`, or `retired` when no node that lives knows it any more.
    state: &'static str,
    #[schema(value_type = String, format = DateTime)]
    next_at: Timestamp,
    /// For how long its turn has been over without anybody beginning.
    lag_seconds: i64,
    /// Of the last run.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// When a run last succeeded.
    #[schema(value_type = Option<String>, format = DateTime)]
    succeeded_at: Option<Timestamp>,
    /// Who does it, or did it last.
    node: Option<String>,
    /// Failures since the last success.
    failures: i32,
    /// Why the last run failed.
    last_error: Option<String>,
    runs: i64,
    failed_runs: i64,
    /// What the last success did, in small numbers and words.
    #[schema(value_type = Object)]
    report: Value,
}

/// A queue of jobs.
#[derive(Debug, Serialize, ToSchema)]
struct QueueView {
    name: String,
    /// Jobs that could run now.
    waiting: i64,
    /// Jobs that wait for their time.
    later: i64,
    running: i64,
    /// Jobs that were given up.
    dead: i64,
    /// Since when the oldest that could run has been waiting.
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_due: Option<Timestamp>,
}

/// A job at work.
#[derive(Debug, Serialize, ToSchema)]
struct RunningView {
    org_id: OrgId,
    job_id: JobId,
    queue: String,
    /// What it is about.
    key: String,
    node: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When another worker may take this one for dead.
    #[schema(value_type = Option<String>, format = DateTime)]
    lease_until: Option<Timestamp>,
    /// Runs so far, this one included.
    attempts: i32,
}

/// A job that was given up.
#[derive(Debug, Serialize, ToSchema)]
struct DeadView {
    org_id: OrgId,
    job_id: JobId,
    queue: String,
    /// What it is about.
    key: String,
    /// Ids and small facts.
    #[schema(value_type = Object)]
    payload: Value,
    attempts: i32,
    /// Why.
    last_error: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    died_at: Option<Timestamp>,
}

/// A process of the installation.
#[derive(Debug, Serialize, ToSchema)]
struct NodeView {
    name: String,
    version: String,
    /// Whether it does jobs and duties.
    works: bool,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    seen_at: Timestamp,
    /// It has said nothing for so long that it was probably killed.
    is_silent: bool,
}

/// Answers how the duties and queues of the whole installation stand.
#[utoipa::path(
    get, path = "/api/v1/operator/jobs", tag = "operator", security(("bearer" = [])),
    responses(
        (status = 200, description = "All of it.", body = JobsView),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an operator.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get_jobs(_operator: Operator, State(state): State<JobsState>) -> Result<Json<JobsView>, ApiError> {
    let overview = state.jobs.overview().await?;
    Ok(Json(view(overview, state.authority.clock().now())))
}

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// Where the last page ended.
    cursor: Option<String>,
}

/// Lists the jobs of all organizations that were given up, newest first.
#[utoipa::path(
    get, path = "/api/v1/operator/jobs/dead", tag = "operator", security(("bearer" = [])), params(ListQuery),
    responses(
        (status = 200, body = Page<DeadView>),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an operator.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list_dead_jobs(
    _: Operator,
    State(state): State<JobsState>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<DeadView>>, ApiError> {
    let cursor = query.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    let limit = Limit::from_parameter(query.limit)?;
    let Page { items, next_cursor } = state.jobs.list_dead(cursor, limit).await?;
    Ok(Json(Page { items: items.into_iter().map(dead_view).collect(), next_cursor }))
}

/// Whose job it is.
#[derive(Deserialize, ToSchema)]
struct RetryJob {
    /// The organization that the list of dead jobs names beside it.
    #[schema(value_type = Uuid)]
    org_id: OrgId,
}

impl Validate for RetryJob {
    fn validate(&self, _: &mut Report) {}
}

/// Lets a job that was given up run again, with all its attempts.
#[utoipa::path(
    post, path = "/api/v1/operator/jobs/{id}/retry", tag = "operator", security(("bearer" = [])), request_body = RetryJob,
    params(("id" = Uuid, Path, description = "The job.")),
    responses(
        (status = 204, description = "It waits for a worker."),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an operator.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such job was given up.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn retry_job(
    operator: Operator,
    State(state): State<JobsState>,
    Path(id): Path<String>,
    Json(body): Json<RetryJob>,
) -> Result<StatusCode, ApiError> {
    let job: JobId = id.parse().map_err(|_| ApiError::not_found())?;
    let retried = state.jobs.retry_by(operator.actor(), body.org_id, job).await?;
    if retried { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found()) }
}

/// Makes a duty due at once, whenever its turn would be.
#[utoipa::path(
    post, path = "/api/v1/operator/schedules/{name}/run", tag = "operator", security(("bearer" = [])),
    params(("name" = String, Path, description = "Its name, for example `backup.take`.")),
    responses(
        (status = 202, description = "It runs as soon as a node takes it."),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an operator.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no duty of this name, or every node does it all the time.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn run_schedule(
    operator: Operator,
    caller: Viewer,
    State(state): State<JobsState>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    let is_name = name.bytes().all(|letter| letter.is_ascii_graphic());
    if is_name && state.jobs.run_by(operator.actor(), caller.org, &name).await? {
        Ok(StatusCode::ACCEPTED)
    } else {
        Err(ApiError::not_found())
    }
}

fn view(overview: Overview, now: Timestamp) -> JobsView {
    JobsView {
        schedules: overview.schedules.into_iter().map(|schedule| schedule_view(schedule, now)).collect(),
        queues: overview.queues.into_iter().map(queue_view).collect(),
        running: overview.running.into_iter().map(running_view).collect(),
        dead: overview.dead.into_iter().map(dead_view).collect(),
        nodes: overview.nodes.into_iter().map(|node| node_view(node, now)).collect(),
    }
}

fn schedule_view(schedule: ScheduleStatus, now: Timestamp) -> ScheduleView {
    ScheduleView {
        state: schedule.state(now).as_str(),
        lag_seconds: schedule.lag(now).as_secs(),
        every_seconds: schedule.every.as_secs(),
        name: schedule.name,
        on_every_node: schedule.on_every_node,
        next_at: schedule.next_at,
        started_at: schedule.started_at,
        ended_at: schedule.ended_at,
        succeeded_at: schedule.succeeded_at,
        node: schedule.node,
        failures: schedule.failures,
        last_error: schedule.last_words,
        runs: schedule.runs,
        failed_runs: schedule.failed_runs,
        report: schedule.report,
    }
}

fn queue_view(queue: QueueStatus) -> QueueView {
    QueueView {
        name: queue.name,
        waiting: queue.waiting,
        later: queue.later,
        running: queue.running,
        dead: queue.dead,
        oldest_due: queue.oldest_due,
    }
}

fn running_view(job: RunningJob) -> RunningView {
    RunningView {
        org_id: job.org,
        job_id: job.id,
        queue: job.queue,
        key: job.key,
        node: job.node,
        started_at: job.started_at,
        lease_until: job.lease_until,
        attempts: job.attempts,
    }
}

fn dead_view(job: DeadJob) -> DeadView {
    DeadView {
        org_id: job.org,
        job_id: job.id,
        queue: job.queue,
        key: job.key,
        payload: job.payload,
        attempts: job.attempts,
        last_error: job.last_words,
        created_at: job.created_at,
        died_at: job.died_at,
    }
}

fn node_view(node: NodeStatus, now: Timestamp) -> NodeView {
    NodeView {
        is_silent: node.is_silent(now),
        name: node.name,
        version: node.version,
        works: node.works,
        started_at: node.started_at,
        seen_at: node.seen_at,
    }
}
