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
use crate::page::Page;
use crate::pages::entry::{self, Invitation, SignIn};
use crate::pages::team::role_word;
use crate::{State, context};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
    #[serde(default)]
    done: String,
}

pub(super) async fn show(Extract(state): Extract<State>, Query(asked): Query<Next>, headers: HeaderMap) -> Page {
    let frame = context::public_frame(&state, &headers);
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
    let refused = match accounts::sign_in(&state.authority, &email, Secret::new(password), client).await {
        Ok(user) => return enter(&state, &user, &headers, local_path(&next)).await,
        Err(error) => refusal(error)?,
    };
    let frame = context::public_frame(&state, &headers);
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
    Page::public(entry::forgot(&context::public_frame(&state, &headers), None))
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
    let frame = context::public_frame(&state, &headers);
    match resets::request_reset(&state.authority, &email, locale, client).await {
        Ok(()) => Ok(Page::public(entry::forgot_sent(&frame)).into_response()),
        Err(error) => {
            let refused = refusal(error)?;
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
    let frame = context::public_frame(&state, &headers);
    if resets::is_open(&state.authority, &token).await? {
        return Ok(Page::public(entry::reset(&frame, &token, None)).into_response());
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
    headers: HeaderMap,
    form: PublicForm<NewPassword>,
) -> Result<Response, ApiError> {
    let NewPassword { password } = form.input.map_err(ApiError::invalid)?;
    let Speaks(locale) = Speaks::of(&headers);
    let frame = context::public_frame(&state, &headers);
    match resets::reset_password(&state.authority, &token, Secret::new(password), locale).await {
        Ok(()) => Ok(Redirect::to("/signin?done=reset").into_response()),
        Err(AccountError::LinkDead) => {
            Ok(Page::public(entry::reset_gone(&frame)).with_status(StatusCode::NOT_FOUND).into_response())
        }
        Err(error @ AccountError::BadPassword) => {
            let words = sentence("", &error.to_string());
            let page = Page::public(entry::reset(&frame, &token, Some(words.trim())));
            Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

pub(super) async fn show_invitation(
    Extract(state): Extract<State>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let view = offer(&state, token).await;
    answer_invitation(&state, &headers, view, StatusCode::OK)
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
    let authority = &state.authority;
    let error = match organizations::accept_invitation(authority, &token, &name, Secret::new(password), client).await {
        Ok(user) => return enter(&state, &user, &headers, "/app").await,
        Err(error) => error,
    };
    let view = offer(&state, token).await.map(|view| Invitation { name, ..view });
    let (view, status) = match error {
        OrganizationError::LinkDead => (Err(OrganizationError::LinkDead), StatusCode::OK),
        OrganizationError::Invalid { field: "name", what } => {
            let view = view.map(|view| Invitation { name_error: Some(sentence("Your name", &what)), ..view });
            (view, StatusCode::UNPROCESSABLE_ENTITY)
        }
        OrganizationError::Invalid { what, .. } => {
            let view = view.map(|view| Invitation { password_error: Some(sentence("A password", &what)), ..view });
            (view, StatusCode::UNPROCESSABLE_ENTITY)
        }
        OrganizationError::Account(AccountError::WrongCredentials) => {
            let words = Some("The password is wrong.".to_owned());
            (view.map(|view| Invitation { password_error: words, ..view }), StatusCode::UNAUTHORIZED)
        }
        OrganizationError::Account(error) => {
            let refused = refusal(error)?;
            (view.map(|view| Invitation { problem: Some(refused.words), ..view }), refused.status)
        }
        other => return Err(other.into()),
    };
    answer_invitation(&state, &headers, view, status)
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

fn refusal(error: AccountError) -> Result<Refused, ApiError> {
    match error {
        AccountError::WrongCredentials => Ok(Refused {
            words: "Email or password is wrong.".to_owned(),
            status: StatusCode::UNAUTHORIZED,
            retry_after: None,
        }),
        AccountError::Throttled { retry_after_seconds } => Ok(Refused {
            words: format!("Too many tries. Wait {} and try again.", wait(retry_after_seconds)),
            status: StatusCode::TOO_MANY_REQUESTS,
            retry_after: Some(retry_after_seconds),
        }),
        other => Err(other.into()),
    }
}

fn wait(seconds: u64) -> String {
    match seconds.div_ceil(60) {
        0 | 1 => "a minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

async fn offer(state: &State, token: String) -> Result<Invitation, OrganizationError> {
    let offer = organizations::find_invitation(&state.authority, &token).await?;
    Ok(Invitation {
        token,
        organization: offer.org_name,
        email: offer.email,
        role: role_word(offer.role).to_owned(),
        known: offer.has_account,
        name: String::new(),
        name_error: None,
        password_error: None,
        problem: None,
    })
}

fn answer_invitation(
    state: &State,
    headers: &HeaderMap,
    view: Result<Invitation, OrganizationError>,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let frame = context::public_frame(state, headers);
    match view {
        Ok(view) => Ok(Page::public(entry::invitation(&frame, &view)).with_status(status).into_response()),
        Err(OrganizationError::LinkDead) => {
            Ok(Page::public(entry::invitation_gone(&frame)).with_status(StatusCode::NOT_FOUND).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

fn sentence(subject: &str, what: &str) -> String {
    format!("{subject} {what}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_minutes() {
        assert_eq!([wait(1), wait(60), wait(61), wait(900)], ["a minute", "a minute", "2 minutes", "15 minutes"]);
    }
}
