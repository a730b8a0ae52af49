//! `/app/operator/mail`: the mails of the whole installation, the suppressions, the previews. The shell is that of the
//! operator's own organization.

use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use identity::{Caller, Form, Operator, Viewer};
use mail::overview::actions;
use mail::overview::model::{MailDetail, MailFilter, OverviewError};
use mail::{MailError, State as MailState};
use platform::http::{ApiError, Cursor, Limit, Query, Report, Validate};
use platform::i18n::Locale;
use platform::ids::MailId;
use serde::Deserialize;

use crate::format::sentence;
use crate::frame::Chrome;
use crate::mail_views as views;
use crate::page::{Page, framed_mail};
use crate::pages::mail::{self as pages, Filters, LIST, Mails, PREVIEWS, Previews, STRAYS, SUPPRESSIONS, Suppressions};
use crate::{State, context};

/// Longest part of an address that is looked for.
const MAX_PART: usize = 254;
/// Rows on a page.
const ROWS: i64 = 25;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AskedMails {
    to: String,
    state: String,
    template: String,
    cursor: Option<String>,
    done: Option<String>,
}

pub(super) async fn list(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<AskedMails>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let chrome = shell(&state, &headers, &caller).await?;
    let cursor = asked.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    let (found, problem) = match filter(&asked) {
        Ok(filter) => {
            let limit = Limit::from_parameter(Some(ROWS))?;
            (Some(actions::list_mails(&state.outbox, &filter, cursor, limit).await?), None)
        }
        Err(problem) => (None, Some(problem)),
    };
    let health = state.outbox.health().await.map_err(failure)?;
    let forecast = state.outbox.forecast().await.map_err(failure)?;
    let older = found.as_ref().and_then(|page| page.next_cursor.clone());
    let rows = found.map(|page| page.items).unwrap_or_default();
    let view = Mails {
        states: views::states(),
        templates: actions::list_templates(&state.outbox).await?,
        problem,
        relay: views::relay(state.outbox.config(), &health),
        budget: views::budget(&health, &forecast, chrome.frame.now),
        strays: mail::tracking::actions::count_strays(state.tenancy()).await?,
        rows: rows.into_iter().map(|mail| views::row(mail, &forecast, chrome.frame.now)).collect(),
        newest: address(&asked, None),
        paged: cursor.is_some(),
        older: older.map(|cursor| address(&asked, Some(&cursor))),
        filters: Filters { to: asked.to, state: asked.state, template: asked.template },
    };
    let chrome = context::whole(&state, &caller, chrome, asked.done.as_deref()).await?;
    Ok(Page::app(&chrome, pages::page(&chrome, &view)))
}

async fn shell(state: &State, headers: &HeaderMap, caller: &Caller) -> Result<Chrome, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(state, headers, caller, &mut tx).await?;
    tx.commit().await?;
    Ok(chrome)
}

/// Reads the filters. The error is a sentence for the page.
fn filter(asked: &AskedMails) -> Result<MailFilter, String> {
    let state = match asked.state.as_str() {
        "" => None,
        word => Some(MailState::parse(word).ok_or("There is no such state.")?),
    };
    let template = Some(asked.template.trim()).filter(|name| !name.is_empty()).map(str::to_owned);
    if template.as_deref().is_some_and(|name| name.len() > 80 || name.contains('\0')) {
        return Err("There is no such text.".to_owned());
    }
    Ok(MailFilter { to: part(&asked.to)?, state, template })
}

/// Part of an address to look for.
fn part(text: &str) -> Result<Option<String>, String> {
    let text = text.trim().to_ascii_lowercase();
    if text.len() > MAX_PART || text.chars().any(char::is_control) {
        return Err("No address is that long or holds such characters.".to_owned());
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// The list's address with its filters, beginning after a cursor.
fn address(asked: &AskedMails, cursor: Option<&str>) -> String {
    let filters = [("to", asked.to.as_str()), ("state", &asked.state), ("template", &asked.template)];
    with_query(LIST, filters.into_iter().chain(cursor.map(|cursor| ("cursor", cursor))))
}

fn with_query<'a>(path: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A fault of the outbox that is not the operator's.
fn failure(error: MailError) -> ApiError {
    match error {
        MailError::Database(error) => error.into(),
        MailError::NotFound => ApiError::not_found(),
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

async fn find(state: &State, id: &str) -> Result<MailDetail, ApiError> {
    let id: MailId = id.parse().map_err(|_| ApiError::not_found())?;
    actions::find_mail(&state.outbox, id).await.map_err(overview_failure)
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct AskedDone {
    done: Option<String>,
}

pub(super) async fn show(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    Query(asked): Query<AskedDone>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let mail = find(&state, &id).await?;
    one(&state, &headers, &caller, mail, asked.done.as_deref(), None).await
}

async fn one(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    mail: MailDetail,
    done: Option<&str>,
    problem: Option<String>,
) -> Result<Page, ApiError> {
    let chrome = shell(state, headers, caller).await?;
    let tells = views::tells(state.outbox.config());
    let view = pages::Mail { problem, ..views::mail(mail, tells) };
    let chrome = context::whole(state, caller, chrome, done).await?;
    Ok(Page::app_with_frame(&chrome, pages::mail_page(&chrome, &view)))
}

/// The HTML of a mail, for the frame on its page.
pub(super) async fn show_html(
    _: Operator,
    _: Viewer,
    Extract(state): Extract<State>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let words = find(&state, &id).await?.words.ok_or_else(ApiError::not_found)?;
    Ok(framed_mail(words.html))
}

#[derive(Debug, Deserialize)]
pub(super) struct OneMail {
    mail_id: MailId,
}

impl Validate for OneMail {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn resend(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<OneMail>,
) -> Result<Response, ApiError> {
    let id = form.input.map_err(ApiError::invalid)?.mail_id;
    let mail = actions::find_mail(&state.outbox, id).await.map_err(overview_failure)?;
    match state.outbox.resend(operator.actor(), mail.org, id).await {
        Ok(copy) => Ok(Redirect::to(&format!("{LIST}/{copy}?done=resent")).into_response()),
        Err(error @ (MailError::StillWaiting | MailError::Forgotten)) => {
            let words = Some(sentence(&error.to_string()));
            let page = one(&state, &headers, &caller, mail, None, words).await?;
            Ok(page.with_status(StatusCode::CONFLICT).into_response())
        }
        Err(error) => Err(failure(error)),
    }
}

pub(super) async fn cancel(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<OneMail>,
) -> Result<Response, ApiError> {
    let id = form.input.map_err(ApiError::invalid)?.mail_id;
    let mail = actions::find_mail(&state.outbox, id).await.map_err(overview_failure)?;
    match state.outbox.cancel(operator.actor(), mail.org, id).await {
        Ok(()) => Ok(Redirect::to(&format!("{LIST}/{id}?done=cancelled")).into_response()),
        // The mail is there: it has left the queue, or is leaving it at this moment.
        Err(MailError::NotFound) => {
            let words = Some("It is being sent or has left the queue, so it cannot be held back.".to_owned());
            let page = one(&state, &headers, &caller, mail, None, words).await?;
            Ok(page.with_status(StatusCode::CONFLICT).into_response())
        }
        Err(error) => Err(failure(error)),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AskedSuppressions {
    q: String,
    after: Option<String>,
    done: Option<String>,
}

pub(super) async fn list_suppressions(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<AskedSuppressions>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    suppressions(&state, &headers, &caller, &asked, Suppressions::default()).await
}

async fn suppressions(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    asked: &AskedSuppressions,
    view: Suppressions,
) -> Result<Page, ApiError> {
    let chrome = shell(state, headers, caller).await?;
    let after =
        asked.after.as_deref().map(part).transpose().map_err(|words| ApiError::bad_parameter("after", words))?;
    let after = after.flatten();
    let (q, problem) = match part(&asked.q) {
        Ok(part) => (part, view.problem.clone()),
        Err(words) => (None, Some(words)),
    };
    let limit = Limit::from_parameter(Some(ROWS))?;
    let (rows, next) = actions::list_suppressions(&state.outbox, q.as_deref(), after.as_deref(), limit).await?;
    let older =
        next.map(|next| with_query(SUPPRESSIONS, [("q", asked.q.as_str()), ("after", next.as_str())].into_iter()));
    let rows = rows.into_iter().map(views::suppressed).collect();
    let view = Suppressions { rows, q: asked.q.clone(), paged: after.is_some(), older, problem, ..view };
    let chrome = context::whole(state, caller, chrome, asked.done.as_deref()).await?;
    Ok(Page::app(&chrome, pages::suppressions_page(&chrome, &view)))
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct AskedStrays {
    cursor: Option<String>,
}

pub(super) async fn list_strays(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<AskedStrays>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let chrome = shell(&state, &headers, &caller).await?;
    let cursor = asked.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    let found = actions::list_strays(&state.outbox, cursor, Limit::from_parameter(Some(ROWS))?).await?;
    let older = found.next_cursor.map(|cursor| with_query(STRAYS, [("cursor", cursor.as_str())].into_iter()));
    let rows = found.items.into_iter().map(views::stray).collect();
    let view = pages::Strays { rows, paged: cursor.is_some(), older };
    let chrome = context::whole(&state, &caller, chrome, None).await?;
    Ok(Page::app(&chrome, pages::strays_page(&chrome, &view)))
}

#[derive(Debug, Deserialize)]
pub(super) struct OneAddress {
    address: String,
}

impl Validate for OneAddress {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn suppress(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<OneAddress>,
) -> Result<Response, ApiError> {
    let address = form.input.map_err(ApiError::invalid)?.address;
    match actions::suppress_by_hand(&state.outbox, operator.actor(), caller.org, &address).await {
        Ok(()) => Ok(Redirect::to(&format!("{SUPPRESSIONS}?done=suppressed")).into_response()),
        Err(error @ OverviewError::NotAnAddress) => {
            let address_error = Some(sentence(&error.to_string()));
            let view = Suppressions { address, address_error, ..Suppressions::default() };
            let page = suppressions(&state, &headers, &caller, &AskedSuppressions::default(), view).await?;
            Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
        }
        Err(error) => Err(overview_failure(error)),
    }
}

pub(super) async fn unsuppress(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    form: Form<OneAddress>,
) -> Result<Response, ApiError> {
    let address = form.input.map_err(ApiError::invalid)?.address;
    match actions::unsuppress(&state.outbox, operator.actor(), caller.org, &address).await {
        // Gone already is what was wanted.
        Ok(()) | Err(OverviewError::NotFound) => {
            Ok(Redirect::to(&format!("{SUPPRESSIONS}?done=unsuppressed")).into_response())
        }
        Err(error) => Err(overview_failure(error)),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AskedPreview {
    template: String,
    language: String,
}

pub(super) async fn show_previews(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<AskedPreview>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let chrome = shell(&state, &headers, &caller).await?;
    let locale = Locale::from_tag(&asked.language).unwrap_or(Locale::En);
    let chosen = state.samples.iter().find(|sample| sample.template == asked.template).or(state.samples.first());
    let shown = chosen.map(|sample| {
        let draft = sample.draft(locale);
        let html = with_query(
            &format!("{PREVIEWS}/html"),
            [("template", sample.template), ("language", locale.tag())].into_iter(),
        );
        (draft.subject, draft.text, html)
    });
    let view = Previews {
        samples: state.samples.iter().map(|one| pages::Sample { template: one.template, what: one.what }).collect(),
        languages: Locale::ALL.into_iter().map(|one| (one.tag(), one.native_name())).collect(),
        template: chosen.map(|sample| sample.template.to_owned()).unwrap_or_default(),
        language: locale.tag().to_owned(),
        shown,
    };
    let chrome = context::whole(&state, &caller, chrome, None).await?;
    Ok(Page::app_with_frame(&chrome, pages::previews_page(&chrome, &view)))
}

/// The HTML of a preview, for the frame on its page.
pub(super) async fn show_preview_html(
    _: Operator,
    _: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<AskedPreview>,
) -> Result<Response, ApiError> {
    let locale = Locale::from_tag(&asked.language).ok_or_else(ApiError::not_found)?;
    let sample = state.samples.iter().find(|sample| sample.template == asked.template);
    Ok(framed_mail(sample.ok_or_else(ApiError::not_found)?.draft(locale).html))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_and_nonsense_is_answered_in_words() {
        let asked = AskedMails { to: " Ana@Example ".to_owned(), state: "bounced".to_owned(), ..AskedMails::default() };
        let found = filter(&asked).unwrap();
        assert_eq!((found.to.as_deref(), found.state), (Some("ana@example"), Some(MailState::Bounced)));
        for wrong in [
            AskedMails { state: "lost".to_owned(), ..AskedMails::default() },
            AskedMails { to: "a\0b".to_owned(), ..AskedMails::default() },
            AskedMails { to: "x".repeat(1_000), ..AskedMails::default() },
            AskedMails { template: "x".repeat(1_000), ..AskedMails::default() },
        ] {
            assert!(filter(&wrong).unwrap_err().ends_with('.'), "{wrong:?}");
        }
    }

    #[test]
    fn the_address_of_a_page_keeps_the_filters() {
        let asked = AskedMails { to: "a&b".to_owned(), state: "queued".to_owned(), ..AskedMails::default() };
        assert_eq!(address(&asked, Some("abc")), "/app/operator/mail?to=a%26b&state=queued&cursor=abc");
        assert_eq!(address(&AskedMails::default(), None), LIST);
    }
}
