//! `/app/settings/profile`, and the look of this browser.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{REFERER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use identity::access::local_path;
use identity::accounts::actions::{self, AccountError};
use identity::{Caller, Form, PublicForm, SignedIn, Viewer};
use platform::http::{ApiError, ClientAddr, Query, Report, Speaks, Validate};
use platform::secret::Secret;
use serde::Deserialize;

use super::Asked;
use crate::frame::Theme;
use crate::page::Page;
use crate::pages::profile::{self, Profile};
use crate::pages::team::role_word;
use crate::{State, context};

/// A year, in seconds.
const REMEMBERED: u32 = 31_536_000;

pub(super) async fn show(
    caller: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    answer(&state, &headers, &caller, asked.done.as_deref(), Profile::default()).await
}

async fn answer(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    done: Option<&str>,
    view: Profile,
) -> Result<Page, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(state, headers, caller, &mut tx).await?;
    tx.commit().await?;
    let chrome = context::whole(state, caller, chrome, done).await?;
    let view = Profile { role: role_word(caller.role).to_owned(), ..view };
    Ok(Page::app(&chrome, profile::page(&chrome, &view)))
}

#[derive(Deserialize)]
pub(super) struct Passwords {
    current: String,
    new: String,
}

impl Validate for Passwords {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn change_password(
    caller: Viewer,
    person: SignedIn,
    Extract(state): Extract<State>,
    client: ClientAddr,
    headers: HeaderMap,
    form: Form<Passwords>,
) -> Result<Response, ApiError> {
    let Passwords { current, new } = form.input.map_err(ApiError::invalid)?;
    let (current, new) = (Secret::new(current), Secret::new(new));
    let Speaks(locale) = Speaks::of(&headers);
    let (view, status) = match actions::change_password(&state.authority, &person, current, new, locale, client).await {
        Ok(()) => return Ok(Redirect::to("/app/settings/profile?done=password").into_response()),
        Err(AccountError::WrongPassword) => {
            let current_error = Some("This is not your present password.".to_owned());
            (Profile { current_error, ..Profile::default() }, StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(error @ AccountError::BadPassword) => {
            let new_error = Some(crate::format::sentence(&error.to_string()));
            (Profile { new_error, ..Profile::default() }, StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(AccountError::Throttled { .. }) => {
            let problem = Some("Too many tries. Wait a few minutes and try again.".to_owned());
            (Profile { problem, ..Profile::default() }, StatusCode::TOO_MANY_REQUESTS)
        }
        Err(other) => return Err(other.into()),
    };
    Ok(answer(&state, &headers, &caller, None, view).await?.with_status(status).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct Preferences {
    theme: String,
    /// Sent only when the box is ticked.
    keys: Option<String>,
}

impl Validate for Preferences {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn save_preferences(
    _: SignedIn,
    Extract(state): Extract<State>,
    form: Form<Preferences>,
) -> Result<Response, ApiError> {
    let preferences = form.input.map_err(ApiError::invalid)?;
    let keys = if preferences.keys.is_some() { "on" } else { "off" };
    let mut answer = Redirect::to("/app/settings/profile?done=saved").into_response();
    remember(&state, &mut answer, "theme", Theme::from_cookie(&preferences.theme).as_str());
    remember(&state, &mut answer, "keys", keys);
    Ok(answer)
}

#[derive(Debug, Deserialize)]
pub(super) struct Look {
    theme: String,
}

impl Validate for Look {
    fn validate(&self, _: &mut Report) {}
}

/// The look without script: sets the cookie and goes back to the page.
pub(super) async fn change_theme(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: PublicForm<Look>,
) -> Result<Response, ApiError> {
    let look = form.input.map_err(ApiError::invalid)?;
    let from = headers.get(REFERER).and_then(|value| value.to_str().ok()).and_then(|url| url.parse::<http::Uri>().ok());
    let back = from.as_ref().and_then(|url| url.path_and_query()).map_or("/", http::uri::PathAndQuery::as_str);
    let mut answer = Redirect::to(local_path(back)).into_response();
    remember(&state, &mut answer, "theme", Theme::from_cookie(&look.theme).as_str());
    Ok(answer)
}

/// Readable by script, which changes the look without a round trip. Nothing depends on who wrote it.
fn remember(state: &State, answer: &mut Response, name: &str, value: &'static str) {
    let secure = if state.authority.origin().is_https() { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={REMEMBERED}; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
}
