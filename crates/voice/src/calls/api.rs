//! `GET /api/v1/calls` and `GET /api/v1/calls/{id}`.

use axum::extract::{Path, State};
use identity::Can;
use identity::access::permission;
use jiff::Timestamp;
use platform::http::pages::EARLIEST;
use platform::http::{ApiError, Cursor, Json, Limit, Page, Problem, Query, TenantRouter};
use platform::ids::CallId;
use platform::tenancy::Tenancy;
use serde::Deserialize;
use utoipa::IntoParams;

use super::actions;
use super::model::{CallDetail, CallFilter, CallSummary, Direction, Status};
use crate::VoiceState;

/// Longest search text, in characters.
const MAX_WORDS: usize = 200;

/// Routes of calls.
pub fn router() -> TenantRouter<VoiceState> {
    TenantRouter::new().route(__path_list_calls, list_calls).route(__path_get_call, get_call)
}

/// The query string of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListCalls {
    /// Rows on a page, 1 to 100; 20 by default.
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Only calls in this status.
    #[param(inline)]
    pub status: Option<Status>,
    /// Only this direction.
    #[param(inline)]
    pub direction: Option<Direction>,
    /// Not before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
    /// Words said or written about the call, a name, or digits of a number (four or more from its end).
    pub q: Option<String>,
}

impl ListCalls {
    /// Checks the parameters against each other.
    pub fn filter(&self) -> Result<CallFilter, ApiError> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            return Err(ApiError::bad_parameter("from", "must not be after `to`"));
        }
        for (name, at) in [("from", self.from), ("to", self.to)] {
            if at.is_some_and(|at| at < EARLIEST) {
                return Err(ApiError::bad_parameter(name, "must not be before the year 1"));
            }
        }
        let words = self.q.as_deref().map(str::trim).filter(|words| !words.is_empty());
        if words.is_some_and(|words| words.chars().count() > MAX_WORDS) {
            return Err(ApiError::bad_parameter("q", format!("must be at most {MAX_WORDS} characters")));
        }
        if words.is_some_and(|words| words.contains('\0')) {
            return Err(ApiError::bad_parameter("q", "must not contain NUL characters"));
        }
        Ok(CallFilter {
            status: self.status,
            direction: self.direction,
            from: self.from,
            to: self.to,
            words: words.map(search_words),
        })
    }
}

/// A number typed with spaces, brackets or a leading plus is searched as its digits.
fn search_words(words: &str) -> String {
    let is_number = words.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c));
    if is_number { words.chars().filter(char::is_ascii_digit).collect() } else { words.to_owned() }
}

/// Lists calls, newest first.
#[utoipa::path(
    get, path = "/api/v1/calls", tag = "calls", params(ListCalls), security(("bearer" = [])),
    responses(
        (status = 200, description = "One page.", body = Page<CallSummary>),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The key may not read calls.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list_calls(
    caller: Can<permission::CallsRead>,
    State(tenancy): State<Tenancy>,
    Query(query): Query<ListCalls>,
) -> Result<Json<Page<CallSummary>>, ApiError> {
    let limit = Limit::from_parameter(query.limit)?;
    let cursor = query.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    let filter = query.filter()?;
    Ok(Json(actions::list_calls(&tenancy, caller.org, &filter, cursor, limit).await?))
}

/// Gets one call with transcript, tool calls and events.
#[utoipa::path(
    get, path = "/api/v1/calls/{id}", tag = "calls", security(("bearer" = [])),
    params(("id" = String, Path, description = "The call.")),
    responses(
        (status = 200, description = "The call.", body = CallDetail),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The key may not read calls.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such call here.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get_call(
    caller: Can<permission::CallsRead>,
    State(tenancy): State<Tenancy>,
    Path(id): Path<String>,
) -> Result<Json<CallDetail>, ApiError> {
    let id: CallId = id.parse().map_err(|_| ApiError::not_found())?;
    let mut tx = tenancy.tenant(caller.org).await?;
    let call = actions::find_call(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Json(call.ok_or_else(ApiError::not_found)?))
}
