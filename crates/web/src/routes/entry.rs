//! `/signin`, `/forgot`, `/reset/{token}`, `/invite/{token}` and `/sign-out`.

use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use identity::access::local_path;
use identity::accounts::actions::{self as accounts, AccountError};
use identity::accounts::model::SignedInUser;
use identity::accounts::resets;
use identity::organizations::actions::{self as organizations, OrganizationError};
use identity::{Form, PublicForm, SignedIn};
use platform::http::{ApiError, ClientAddr, Query, Report, Speaks, Validate};
use platform::secret::Secret;
use serde::Deserialize;

use super::Nothing;
use crate::frame::Frame;
use crate::page::Page;
use crate::pages::entry::{self, Invitation, SignIn};
use crate::{State, context};

/// Longest name of a person, in characters.
const LONGEST_NAME: usize = 200;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
    #[serde(default)]
    done: String,
}

pub(super) async fn show(Extract(state): Extract<State>, Query(asked): Query<Next>, headers: HeaderMap) -> Page {
    let frame = context::account_frame(&state, &headers);
    Page::public(entry::sign_in(
        &frame,
        &SignIn { next: asked.next, password_is_new: asked.done == "reset", ..SignIn::default() },
    ))
}

/// Everything is optional here: an empty field is answered on the page, like a wrong one.
#[derive(Deserialize)]
pub(super) struct Credentials {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

impl Validate for Credentials {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn sign_in(
    Extract(state): Extract<State>,
    client: ClientAddr,
    headers: HeaderMap,
    form: PublicForm<Credentials>,
) -> Result<Response, ApiError> {
    let Credentials { email, password, next } = form.input.map_err(ApiError::invalid)?;
    let frame = context::account_frame(&state, &headers);
    let refused = match accounts::sign_in(&state.authority, &email, Secret::new(password), client).await {
        Ok(user) => return enter(&state, &user, &headers, local_path(&next)).await,
        Err(error) => refusal(error, &frame)?,
    };
    let status = refused.status;
    let view = SignIn { email, next, problem: Some(refused.words), password_is_new: false };
    let answer = Page::public(entry::sign_in(&frame, &view)).with_status(status).into_response();
    Ok(with_retry(answer, refused.retry_after))
}

fn with_retry(mut answer: Response, retry_after: Option<u64>) -> Response {
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
    answer
}

pub(super) async fn show_forgot(Extract(state): Extract<State>, headers: HeaderMap) -> Page {
    Page::public(entry::forgot(&context::account_frame(&state, &headers), None))
}

#[derive(Deserialize)]
pub(super) struct Forgotten {
    #[serde(default)]
    email: String,
}

impl Validate for Forgotten {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn forgot(
    Extract(state): Extract<State>,
    client: ClientAddr,
    headers: HeaderMap,
    form: PublicForm<Forgotten>,
) -> Result<Response, ApiError> {
    let Forgotten { email } = form.input.map_err(ApiError::invalid)?;
    let Speaks(locale) = Speaks::of(&headers);
    let frame = context::account_frame(&state, &headers);
    match resets::request_reset(&state.authority, &email, locale, client).await {
        Ok(()) => Ok(Page::public(entry::forgot_sent(&frame)).into_response()),
        Err(error) => {
            let refused = refusal(error, &frame)?;
            let page = Page::public(entry::forgot(&frame, Some(&refused.words))).with_status(refused.status);
            Ok(with_retry(page.into_response(), refused.retry_after))
        }
    }
}

pub(super) async fn show_reset(
    Extract(state): Extract<State>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let frame = context::account_frame(&state, &headers);
    if resets::is_open(&state.authority, &token).await? {
        return Ok(Page::public(entry::reset(&frame, &token, false)).into_response());
    }
    Ok(Page::public(entry::reset_gone(&frame)).with_status(StatusCode::NOT_FOUND).into_response())
}

#[derive(Deserialize)]
pub(super) struct NewPassword {
    #[serde(default)]
    password: String,
}

impl Validate for NewPassword {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn reset(
    Extract(state): Extract<State>,
    Path(token): Path<String>,
    client: ClientAddr,
    headers: HeaderMap,
    form: PublicForm<NewPassword>,
) -> Result<Response, ApiError> {
    let NewPassword { password } = form.input.map_err(ApiError::invalid)?;
    let (authority, password) = (&state.authority, Secret::new(password));
    let Speaks(locale) = Speaks::of(&headers);
    let frame = context::account_frame(&state, &headers);
    match resets::reset_password(authority, &token, password.clone(), locale).await {
        Ok(()) => Ok(password_is_set()),
        Err(AccountError::LinkDead) if resets::was_just_set(authority, &token, password, client).await? => {
            Ok(password_is_set())
        }
        Err(AccountError::LinkDead) => {
            Ok(Page::public(entry::reset_gone(&frame)).with_status(StatusCode::NOT_FOUND).into_response())
        }
        Err(AccountError::BadPassword) => {
            let page = Page::public(entry::reset(&frame, &token, true));
            Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

fn password_is_set() -> Response {
    Redirect::to("/signin?done=reset").into_response()
}

pub(super) async fn show_invitation(
    Extract(state): Extract<State>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let frame = context::account_frame(&state, &headers);
    let view = offer(&state, &frame, token).await;
    answer_invitation(&frame, view, StatusCode::OK)
}

#[derive(Deserialize)]
pub(super) struct Joining {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
}

impl Validate for Joining {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn accept_invitation(
    Extract(state): Extract<State>,
    Path(token): Path<String>,
    client: ClientAddr,
    headers: HeaderMap,
    form: PublicForm<Joining>,
) -> Result<Response, ApiError> {
    let Joining { name, password } = form.input.map_err(ApiError::invalid)?;
    let (authority, password) = (&state.authority, Secret::new(password));
    let joined = match organizations::accept_invitation(authority, &token, &name, password.clone(), client).await {
        Err(OrganizationError::LinkDead) => organizations::accept_again(authority, &token, password, client).await,
        joined => joined,
    };
    let error = match joined {
        Ok(user) => return enter(&state, &user, &headers, "/app").await,
        Err(error) => error,
    };
    let frame = context::account_frame(&state, &headers);
    let words = frame.locale();
    let view = offer(&state, &frame, token).await.map(|view| Invitation { name, ..view });
    let (view, status) = match error {
        OrganizationError::LinkDead => (Err(OrganizationError::LinkDead), StatusCode::OK),
        OrganizationError::Invalid { field: "name", .. } => {
            let error = words.text_with("account-join-name-bad", &[("most", LONGEST_NAME.to_string().into())]);
            (view.map(|view| Invitation { name_error: Some(error), ..view }), StatusCode::UNPROCESSABLE_ENTITY)
        }
        OrganizationError::Invalid { .. } => {
            let error = Some(entry::password_bad(&frame));
            (view.map(|view| Invitation { password_error: error, ..view }), StatusCode::UNPROCESSABLE_ENTITY)
        }
        OrganizationError::Account(AccountError::WrongCredentials) => {
            let error = Some(words.text("account-join-wrong"));
            (view.map(|view| Invitation { password_error: error, ..view }), StatusCode::UNAUTHORIZED)
        }
        OrganizationError::Account(error) => {
            let refused = refusal(error, &frame)?;
            (view.map(|view| Invitation { problem: Some(refused.words), ..view }), refused.status)
        }
        other => return Err(other.into()),
    };
    answer_invitation(&frame, view, status)
}

pub(super) async fn sign_out(
    person: SignedIn,
    Extract(state): Extract<State>,
    form: Form<Nothing>,
) -> Result<Response, ApiError> {
    form.input.map_err(ApiError::invalid)?;
    let cookie = accounts::sign_out(&state.authority, &person).await?;
    Ok((cookie, Redirect::to("/signin")).into_response())
}

/// Opens a session and goes on. A path of `/` means the app's first page.
async fn enter(state: &State, user: &SignedInUser, headers: &HeaderMap, next: &str) -> Result<Response, ApiError> {
    let cookie = accounts::open_session(&state.authority, user, headers).await?;
    let next = if next == "/" { "/app" } else { next };
    Ok((cookie, Redirect::to(next)).into_response())
}

/// Why somebody is not let in, for the page.
struct Refused {
    words: String,
    status: StatusCode,
    retry_after: Option<u64>,
}

fn refusal(error: AccountError, frame: &Frame) -> Result<Refused, ApiError> {
    match error {
        AccountError::WrongCredentials => Ok(Refused {
            words: frame.locale().text("account-wrong"),
            status: StatusCode::UNAUTHORIZED,
            retry_after: None,
        }),
        AccountError::Throttled { retry_after_seconds } => Ok(Refused {
            words: frame.locale().text_with("account-wait", &[("minutes", minutes(retry_after_seconds).into())]),
            status: StatusCode::TOO_MANY_REQUESTS,
            retry_after: Some(retry_after_seconds),
        }),
        other => Err(other.into()),
    }
}

/// Whole minutes to wait; at least one.
fn minutes(seconds: u64) -> u64 {
    seconds.div_ceil(60).max(1)
}

async fn offer(state: &State, frame: &Frame, token: String) -> Result<Invitation, OrganizationError> {
    let offer = organizations::find_invitation(&state.authority, &token).await?;
    Ok(Invitation {
        token,
        organization: offer.org_name,
        email: offer.email,
        role: entry::role_of(frame, offer.role),
        known: offer.has_account,
        name: String::new(),
        name_error: None,
        password_error: None,
        problem: None,
    })
}

fn answer_invitation(
    frame: &Frame,
    view: Result<Invitation, OrganizationError>,
    status: StatusCode,
) -> Result<Response, ApiError> {
    match view {
        Ok(view) => Ok(Page::public(entry::invitation(frame, &view)).with_status(status).into_response()),
        Err(OrganizationError::LinkDead) => {
            Ok(Page::public(entry::invitation_gone(frame)).with_status(StatusCode::NOT_FOUND).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_minutes() {
        assert_eq!([minutes(0), minutes(1), minutes(60), minutes(61), minutes(900)], [1, 1, 1, 2, 15]);
    }
}
