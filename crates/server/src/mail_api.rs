//! `/api/v1/mails` and what belongs to it: the operator's e-mail pages for programs.
//!
//! Elsewhere a noun's `api.rs` stands in its own crate. This one cannot: who is asking is known to `identity`, and `identity`
//! stands above `mail`, because invitations and resets are mails. So `mail` has the use cases (`mail::overview`), and their
//! routes stand here, where everything is known.

use std::sync::Arc;

use axum::extract::{FromRef, Path, State};
use axum::http::StatusCode;
use identity::access::OperatorsOnly;
use identity::{Authority, Operator, Viewer};
use jiff::Timestamp;
use mail::overview::actions;
use mail::overview::model::{
    Happened, MailDetail, MailFilter, MailSummary, OverviewError, Step, Stray, SuppressedAddress,
};
use mail::{MailError, Outbox, Priority, State as MailState};
use platform::http::{ApiError, Cursor, Json, Limit, Page, Problem, Query, Report, TenantRouter, Validate};
use platform::ids::MailId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, IntoResponses, ToSchema};
use uuid::Uuid;

/// Longest part of an address, and longest name of a text, that is looked for.
const MAX_PART: usize = 254;

/// State of the routes. Cheap to clone.
#[derive(Clone)]
pub struct MailApi(Arc<(Authority, Outbox)>);

impl MailApi {
    /// Puts the parts together.
    pub fn new(authority: Authority, outbox: Outbox) -> Self {
        Self(Arc::new((authority, outbox)))
    }

    fn outbox(&self) -> &Outbox {
        &self.0.1
    }
}

impl FromRef<MailApi> for Authority {
    fn from_ref(api: &MailApi) -> Self {
        api.0.0.clone()
    }
}

/// The routes, for operators.
pub fn router(api: MailApi) -> TenantRouter<()> {
    TenantRouter::new()
        .route(__path_list_mails, list_mails)
        .route(__path_get_mail, get_mail)
        .route(__path_resend_mail, resend_mail)
        .route(__path_cancel_mail, cancel_mail)
        .route(__path_get_mail_status, get_mail_status)
        .route(__path_list_unmatched_mail_events, list_unmatched_mail_events)
        .route(__path_list_suppressions, list_suppressions)
        .route(__path_suppress_address, suppress_address)
        .route(__path_release_address, release_address)
        .with_state(api)
}

/// A mail in the list.
#[derive(Serialize, ToSchema)]
struct MailView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: MailId,
    /// Whom it is for.
    to: String,
    /// Its subject.
    subject: String,
    /// Which text it is.
    template: String,
    /// `queued`, `sending`, `deferred`, `failed`, `suppressed`, `cancelled`, `unknown`, `accepted` (by the relay, which says
    /// nothing of the mailbox), `rejected`, `delivered`, `bounced` or `complained`.
    state: &'static str,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Not tried before, while it waits.
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
}

impl From<MailSummary> for MailView {
    fn from(mail: MailSummary) -> Self {
        Self {
            id: mail.id,
            to: mail.to_address,
            subject: mail.subject,
            template: mail.template,
            state: mail.state.as_str(),
            created_at: mail.created_at,
            due_at: mail.due_at,
        }
    }
}

/// Which mails.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MailQuery {
    /// Part of the recipient's address.
    to: Option<String>,
    /// A state.
    state: Option<String>,
    /// A text.
    template: Option<String>,
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// Where the last page ended.
    cursor: Option<String>,
}

impl MailQuery {
    fn filter(&self) -> Result<MailFilter, ApiError> {
        let state = |word: &String| {
            MailState::parse(word).ok_or_else(|| ApiError::bad_parameter("state", "is no state of a mail"))
        };
        Ok(MailFilter {
            to: part("to", self.to.as_deref())?,
            state: self.state.as_ref().map(state).transpose()?,
            template: plain("template", self.template.as_deref())?,
        })
    }
}

/// A text to look for: short and without what PostgreSQL could not take.
fn plain(name: &'static str, text: Option<&str>) -> Result<Option<String>, ApiError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.len() > MAX_PART || text.chars().any(char::is_control)) {
        return Err(ApiError::bad_parameter(name, "is too long or holds control characters"));
    }
    Ok(text.map(str::to_owned))
}

/// Part of an address: these are compared in lower case.
fn part(name: &'static str, text: Option<&str>) -> Result<Option<String>, ApiError> {
    Ok(plain(name, text)?.map(|text| text.to_ascii_lowercase()))
}

/// Lists the mails of all organizations, newest first.
#[utoipa::path(
    get, path = "/api/v1/mails", tag = "mail", security(("bearer" = [])), params(MailQuery),
    responses(
        (status = 200, body = Page<MailView>),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        OperatorsOnly,
    )
)]
async fn list_mails(
    _: Operator,
    State(api): State<MailApi>,
    Query(query): Query<MailQuery>,
) -> Result<Json<Page<MailView>>, ApiError> {
    let filter = query.filter()?;
    let cursor = query.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    let limit = Limit::from_parameter(query.limit)?;
    let Page { items, next_cursor } = actions::list_mails(api.outbox(), &filter, cursor, limit).await?;
    Ok(Json(Page { items: items.into_iter().map(MailView::from).collect(), next_cursor }))
}

/// Something that happened to a mail.
#[derive(Serialize, ToSchema)]
struct StepView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `written`, `tried` (we handed it to the relay), `told` (the relay's provider says) or `left` (the queue, unsent).
    what: &'static str,
    /// What came of a try, or what was told.
    outcome: Option<String>,
    /// The relay that it was handed to.
    relay: Option<String>,
    /// Whose copy it is about, when not the recipient's own.
    copy: Option<String>,
    /// What was said.
    words: Option<String>,
}

impl From<Step> for StepView {
    fn from(step: Step) -> Self {
        let (what, outcome, relay, copy) = match step.what {
            Happened::Written => ("written", None, None, None),
            Happened::Tried { relay, outcome } => ("tried", outcome, Some(relay), None),
            Happened::Told { kind, name, copy } => ("told", Some(name.unwrap_or(kind)), None, copy),
            Happened::Left => ("left", None, None, None),
        };
        Self { at: step.at, what, outcome, relay, copy, words: step.words }
    }
}

/// A mail with its timeline.
#[derive(Serialize, ToSchema)]
struct MailDetailView {
    #[serde(flatten)]
    mail: MailView,
    /// Whose mail it is.
    org_id: Uuid,
    /// The organization's name.
    organization: String,
    /// `security`, `prospect`, `sales` or `bulk`: who goes first.
    priority: &'static str,
    /// BCP 47 tag of its language.
    locale: String,
    /// Addresses of its copies.
    cc: Vec<String>,
    /// Without the angle brackets.
    message_id: String,
    /// The mail that this one repeats.
    #[schema(value_type = Option<Uuid>)]
    resend_of: Option<MailId>,
    /// What happened to it, oldest first.
    steps: Vec<StepView>,
    /// Its words as plain text; null when they are forgotten, or open an account and went to somebody.
    text: Option<String>,
}

impl From<MailDetail> for MailDetailView {
    fn from(mail: MailDetail) -> Self {
        let priority = match mail.priority {
            Priority::Security => "security",
            Priority::Prospect => "prospect",
            Priority::Sales => "sales",
            Priority::Bulk => "bulk",
        };
        Self {
            mail: mail.summary.into(),
            org_id: mail.org.uuid(),
            organization: mail.organization,
            priority,
            locale: mail.locale,
            cc: mail.cc.into_iter().map(|copy| copy.address).collect(),
            message_id: mail.message_id,
            resend_of: mail.resend_of,
            steps: mail.steps.into_iter().map(StepView::from).collect(),
            text: mail.words.map(|words| words.text),
        }
    }
}

/// For the description of a route that names a mail.
#[expect(dead_code, reason = "a description; the answer itself is an `ApiError`")]
#[derive(IntoResponses)]
#[response(status = 404, description = "No such mail.", content_type = "application/problem+json")]
struct NoSuchMail(Problem);

async fn find(api: &MailApi, id: &str) -> Result<MailDetail, ApiError> {
    let id: MailId = id.parse().map_err(|_| ApiError::not_found())?;
    actions::find_mail(api.outbox(), id).await.map_err(overview_failure)
}

/// Shows a mail with what became of it.
#[utoipa::path(
    get, path = "/api/v1/mails/{id}", tag = "mail", security(("bearer" = [])), params(("id" = Uuid, Path, description = "The mail.")),
    responses(
        (status = 200, body = MailDetailView),
        OperatorsOnly,
        NoSuchMail,
    )
)]
async fn get_mail(
    _: Operator,
    State(api): State<MailApi>,
    Path(id): Path<String>,
) -> Result<Json<MailDetailView>, ApiError> {
    Ok(Json(find(&api, &id).await?.into()))
}

/// A mail that was made.
#[derive(Serialize, ToSchema)]
struct MadeMail {
    /// The new mail.
    #[schema(value_type = Uuid)]
    id: MailId,
}

/// Sends a mail again that left the queue, as a new mail with the same words.
#[utoipa::path(
    post, path = "/api/v1/mails/{id}/resend", tag = "mail", security(("bearer" = [])), params(("id" = Uuid, Path, description = "The mail.")),
    responses(
        (status = 201, description = "It is in the queue.", body = MadeMail),
        OperatorsOnly,
        NoSuchMail,
        (status = 409, description = "It waits still, or its words are forgotten.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn resend_mail(
    operator: Operator,
    State(api): State<MailApi>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<MadeMail>), ApiError> {
    let mail = find(&api, &id).await?;
    let id = api.outbox().resend(operator.actor(), mail.org, mail.summary.id).await.map_err(failure)?;
    Ok((StatusCode::CREATED, Json(MadeMail { id })))
}

/// Takes a mail out of the queue.
#[utoipa::path(
    post, path = "/api/v1/mails/{id}/cancel", tag = "mail", security(("bearer" = [])), params(("id" = Uuid, Path, description = "The mail.")),
    responses(
        (status = 204, description = "It will not be sent."),
        OperatorsOnly,
        NoSuchMail,
        (status = 409, description = "It is being sent or has left.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn cancel_mail(
    operator: Operator,
    State(api): State<MailApi>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let mail = find(&api, &id).await?;
    match api.outbox().cancel(operator.actor(), mail.org, mail.summary.id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        // The mail is there: it has left the queue, or is leaving it at this moment.
        Err(MailError::NotFound) => Err(ApiError::conflict(
            "mail_has_left",
            "It is being sent or has left the queue, so it cannot be held back.",
        )),
        Err(error) => Err(failure(error)),
    }
}

/// How mail stands.
#[derive(Serialize, ToSchema)]
struct MailStatus {
    /// The relay's host; null when none is configured and mails are only kept.
    relay: Option<String>,
    /// Nothing is tried before then, because the relay fails.
    #[schema(value_type = Option<String>, format = DateTime)]
    paused_until: Option<Timestamp>,
    /// What failed last.
    fault: Option<String>,
    /// Recipients handed to the relay in the last 24 hours.
    used: u32,
    /// Recipients it may be handed in any 24 hours.
    limit: u32,
    /// Mails that wait.
    waiting: i64,
    /// Since when the oldest mail that could go has been waiting.
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_due: Option<Timestamp>,
    /// Events of the provider that name no mail, kept aside.
    unmatched_events: u64,
}

/// Tells how mail stands: the relay, the queue, what is used of the day's budget.
#[utoipa::path(
    get, path = "/api/v1/mail-status", tag = "mail", security(("bearer" = [])),
    responses(
        (status = 200, body = MailStatus),
        OperatorsOnly,
    )
)]
async fn get_mail_status(_: Operator, State(api): State<MailApi>) -> Result<Json<MailStatus>, ApiError> {
    let outbox = api.outbox();
    let health = outbox.health().await.map_err(failure)?;
    let now = outbox.clock().now();
    let relay = health.relay.as_ref();
    Ok(Json(MailStatus {
        relay: outbox.config().relay.as_ref().map(|relay| relay.host.clone()),
        paused_until: relay.and_then(|relay| relay.paused_until).filter(|until| *until > now),
        fault: relay.and_then(|relay| relay.fault.clone()),
        used: health.used,
        limit: health.limit,
        waiting: health.waiting,
        oldest_due: health.oldest_due,
        unmatched_events: mail::tracking::actions::count_strays(outbox.tenancy()).await?,
    }))
}

/// Part of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// Where the last page ended.
    cursor: Option<String>,
}

/// An event that names no mail of this installation, or could not be read.
#[derive(Serialize, ToSchema)]
struct StrayView {
    /// Its row.
    id: Uuid,
    /// `sendgrid`, `postmark`, `mailgun` or `ses`.
    source: String,
    /// What it says happened.
    kind: Option<String>,
    /// `no_mail`, or what is wrong with it.
    fault: String,
    /// Whose mail it is about.
    recipient: Option<String>,
    /// The `Message-ID` it names.
    message_id: Option<String>,
    /// When it happened, by the provider's clock.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
}

impl From<Stray> for StrayView {
    fn from(stray: Stray) -> Self {
        let Stray { id, source, kind, fault, recipient, message_id, at, received_at, raw: _ } = stray;
        Self { id, source, kind, fault, recipient, message_id, at, received_at }
    }
}

/// Lists events of mail providers that name no mail of this installation, newest first. Kept for 90 days.
#[utoipa::path(
    get, path = "/api/v1/mail-events/unmatched", tag = "mail", security(("bearer" = [])), params(ListQuery),
    responses(
        (status = 200, body = Page<StrayView>),
        OperatorsOnly,
    )
)]
async fn list_unmatched_mail_events(
    _: Operator,
    State(api): State<MailApi>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<StrayView>>, ApiError> {
    let cursor = query.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    let limit = Limit::from_parameter(query.limit)?;
    let Page { items, next_cursor } = actions::list_strays(api.outbox(), cursor, limit).await?;
    Ok(Json(Page { items: items.into_iter().map(StrayView::from).collect(), next_cursor }))
}

/// An address that is not written to.
#[derive(Serialize, ToSchema)]
struct SuppressionView {
    /// Lower case.
    address: String,
    /// `bounced` and `manual` stop every mail, `complained` all but sign-in mails and invitations, `unsubscribed` bulk only.
    reason: &'static str,
    /// A provider, `relay` or `operator`.
    source: String,
    /// What was said.
    words: Option<String>,
    /// The mail it came from.
    #[schema(value_type = Option<Uuid>)]
    mail_id: Option<MailId>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<SuppressedAddress> for SuppressionView {
    fn from(row: SuppressedAddress) -> Self {
        Self {
            address: row.address,
            reason: row.reason.as_str(),
            source: row.source,
            words: row.words,
            mail_id: row.mail,
            created_at: row.created_at,
        }
    }
}

/// Which addresses.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SuppressionQuery {
    /// Part of the address.
    q: Option<String>,
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// Where the last page ended.
    cursor: Option<String>,
}

/// Lists the addresses that are not written to, in the order of the alphabet.
#[utoipa::path(
    get, path = "/api/v1/mail-suppressions", tag = "mail", security(("bearer" = [])), params(SuppressionQuery),
    responses(
        (status = 200, body = Page<SuppressionView>),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        OperatorsOnly,
    )
)]
async fn list_suppressions(
    _: Operator,
    State(api): State<MailApi>,
    Query(query): Query<SuppressionQuery>,
) -> Result<Json<Page<SuppressionView>>, ApiError> {
    let (q, after) = (part("q", query.q.as_deref())?, part("cursor", query.cursor.as_deref())?);
    let limit = Limit::from_parameter(query.limit)?;
    let (rows, next_cursor) = actions::list_suppressions(api.outbox(), q.as_deref(), after.as_deref(), limit).await?;
    Ok(Json(Page { items: rows.into_iter().map(SuppressionView::from).collect(), next_cursor }))
}

/// An address.
#[derive(Deserialize, ToSchema)]
struct OneAddress {
    /// One e-mail address.
    #[schema(example = "ana@example.com", max_length = 254)]
    address: String,
}

impl Validate for OneAddress {
    fn validate(&self, report: &mut Report) {
        report.text("address", &self.address, MAX_PART);
    }
}

/// Writes to an address no more. Once it is on the list, saying so again changes nothing.
#[utoipa::path(
    post, path = "/api/v1/mail-suppressions", tag = "mail", security(("bearer" = [])), request_body = OneAddress,
    responses(
        (status = 204, description = "It is written to no more."),
        OperatorsOnly,
        (status = 422, description = "Not an address.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn suppress_address(
    operator: Operator,
    caller: Viewer,
    State(api): State<MailApi>,
    Json(body): Json<OneAddress>,
) -> Result<StatusCode, ApiError> {
    let suppressed = actions::suppress_by_hand(api.outbox(), operator.actor(), caller.org, &body.address).await;
    suppressed.map(|()| StatusCode::NO_CONTENT).map_err(overview_failure)
}

/// Writes to an address again. The address stands in the body, as addresses of requests are logged.
#[utoipa::path(
    post, path = "/api/v1/mail-suppressions/release", tag = "mail", security(("bearer" = [])), request_body = OneAddress,
    responses(
        (status = 204, description = "It is written to again."),
        OperatorsOnly,
        (status = 404, description = "It is not on the list.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn release_address(
    operator: Operator,
    caller: Viewer,
    State(api): State<MailApi>,
    Json(body): Json<OneAddress>,
) -> Result<StatusCode, ApiError> {
    let released = actions::unsuppress(api.outbox(), operator.actor(), caller.org, &body.address).await;
    released.map(|()| StatusCode::NO_CONTENT).map_err(overview_failure)
}

fn failure(error: MailError) -> ApiError {
    match error {
        MailError::Database(error) => error.into(),
        MailError::NotFound => ApiError::not_found(),
        MailError::StillWaiting => ApiError::conflict("mail_waits", error.to_string()),
        MailError::Forgotten => ApiError::conflict("mail_forgotten", error.to_string()),
        other => ApiError::internal(other),
    }
}

fn overview_failure(error: OverviewError) -> ApiError {
    match error {
        OverviewError::NotFound => ApiError::not_found(),
        OverviewError::Database(error) => error.into(),
        OverviewError::Mail(error) => failure(error),
        OverviewError::NotAnAddress => ApiError::invalid_field("address", error.to_string()),
    }
}
