//! The handlers of the booking pages.

use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Redirect, Response};
use demos::DemoError;
use demos::bookings::actions::{self, Handle, Wish, link_path};
use demos::bookings::form::{Typed, suggestion};
use demos::bookings::mark::Mark;
use demos::bookings::model::Source;
use demos::bookings::phone;
use demos::slots::actions::{Offer, offer, opening_rules};
use demos::slots::model::{OpeningRules, Slot, zone};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use identity::PublicForm;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use maud::Markup;
use platform::http::{ApiError, ClientAddr, Query, Report, Validate};
use platform::secret::Secret;
use serde::Deserialize;
use serde_json::json;

use super::view::{self, DetailsForm, Own, Seen, Times};
use crate::page::Page;
use crate::site::{About, Visit, page};
use crate::{State, assets};

/// How many days are looked through for offered ones.
const DAYS_LOOKED_AT: i32 = 62;

/// What the addresses of the booking pages carry. A value that makes no sense is as if it were missing.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    tz: String,
    #[serde(default)]
    day: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    slot: String,
    #[serde(default)]
    hold: String,
    #[serde(default)]
    call: String,
    #[serde(default)]
    r#move: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    moved: String,
}

impl Asked {
    fn slot(&self) -> Option<Timestamp> {
        self.slot.parse().ok()
    }

    fn date(text: &str) -> Option<Date> {
        text.parse::<Date>().ok().filter(|date| (2000..2200).contains(&date.year()))
    }
}

/// Who looks, by which clock.
struct Look {
    visit: Visit,
    zone: TimeZone,
    rules: OpeningRules,
}

impl Look {
    async fn new(state: &State, visit: Visit, tz: &str) -> Result<Self, ApiError> {
        let rules = opening_rules(&state.demos).await?;
        let zone = zone(tz).unwrap_or_else(|| rules.zone.clone());
        Ok(Self { visit, zone, rules })
    }

    fn seen<'a>(&'a self, state: &'a State) -> Seen<'a> {
        Seen {
            site: &state.site,
            visit: &self.visit,
            zone: &self.zone,
            host: &self.rules.zone,
            minutes: self.rules.length_minutes,
            now: state.now(),
        }
    }

    /// The page around its content.
    fn answer(&self, state: &State, title: String, indexed: bool, content: &Markup) -> Page {
        let description = state.site.words(self.visit.locale).text("booking-description");
        let about = if indexed { About::new(title, description) } else { About::unlisted(title, description) };
        let about = About { modules: vec![assets::BOOKING_JS], ..about };
        let page = page(&state.site, &self.visit, &about, content);
        page.private()
    }

    fn title(&self, state: &State) -> String {
        state.site.words(self.visit.locale).text("booking-title")
    }
}

pub(super) async fn choose_time(
    visit: Visit,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
) -> Result<Page, ApiError> {
    let look = Look::new(&state, visit, &asked.tz).await?;
    times_page(&state, &look, &asked, None).await
}

async fn times_page(
    state: &State,
    look: &Look,
    asked: &Asked,
    conflict: Option<(String, &[Slot])>,
) -> Result<Page, ApiError> {
    let found = look_up(state, look, asked).await?;
    let times = times(&found, look, asked, conflict);
    let content = view::choose_time(&look.seen(state), &times);
    Ok(look.answer(state, look.title(state), true, &content))
}

async fn look_up(state: &State, look: &Look, asked: &Asked) -> Result<Offer, ApiError> {
    let own = (!asked.hold.is_empty()).then(|| platform::crypto::token_digest(&asked.hold));
    Ok(offer(&state.demos, &look.zone, Asked::date(&asked.from), DAYS_LOOKED_AT, own.as_deref()).await?)
}

fn times<'a>(found: &'a Offer, look: &Look, asked: &'a Asked, conflict: Option<(String, &'a [Slot])>) -> Times<'a> {
    let slot = asked.slot();
    let of_slot = slot.map(|slot| look.zone.to_datetime(slot).date());
    let free = |date: &Date| found.days.iter().any(|day| day.date == *date && !day.free.is_empty());
    let first = found.days.iter().find(|day| !day.free.is_empty()).map(|day| day.date);
    let day = Asked::date(&asked.day).filter(free).or(of_slot.filter(free)).or(first);
    Times {
        days: &found.days,
        day,
        from: Asked::date(&asked.from),
        slot,
        hold: (!asked.hold.is_empty()).then_some(asked.hold.as_str()),
        conflict,
    }
}

/// A chosen time.
#[derive(Debug, Deserialize)]
pub(super) struct Chosen {
    #[serde(default)]
    slot: String,
    #[serde(default)]
    tz: String,
    #[serde(default)]
    day: String,
    #[serde(default)]
    hold: String,
}

impl Validate for Chosen {
    fn validate(&self, _: &mut Report) {}
}

impl Chosen {
    fn asked(&self) -> Asked {
        Asked {
            tz: self.tz.clone(),
            day: self.day.clone(),
            slot: self.slot.clone(),
            hold: self.hold.clone(),
            ..Asked::default()
        }
    }
}

pub(super) async fn hold(
    client: ClientAddr,
    visit: Visit,
    Extract(state): Extract<State>,
    form: PublicForm<Chosen>,
) -> Result<Response, ApiError> {
    state.demos.count_request(client)?;
    let chosen = form.input.map_err(ApiError::invalid)?;
    let look = Look::new(&state, visit, &chosen.tz).await?;
    let again = chosen.asked();
    let words = state.site.words(look.visit.locale);
    let Some(start) = again.slot() else {
        let page = times_page(&state, &look, &again, Some((words.text("booking-pick"), &[]))).await?;
        return Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
    };
    let before = (!chosen.hold.is_empty()).then_some(chosen.hold.as_str());
    match actions::hold(&state.demos, start, client.limit_key(), before).await {
        Ok((_, token)) => {
            let start = start.to_string();
            let query = [("tz", chosen.tz.as_str()), ("slot", &start), ("hold", token.expose())];
            Ok(see_other(&look.visit, "/book/details", &query))
        }
        Err(DemoError::Taken(others)) => {
            let page = times_page(&state, &look, &again, Some((words.text("booking-taken"), &others))).await?;
            Ok(page.with_status(StatusCode::CONFLICT).into_response())
        }
        Err(DemoError::NotOffered(others)) => {
            let page = times_page(&state, &look, &again, Some((words.text("booking-not-offered"), &others))).await?;
            Ok(page.with_status(StatusCode::CONFLICT).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

fn see_other(visit: &Visit, place: &str, query: &[(&str, &str)]) -> Response {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(query);
    let query = pairs.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    Redirect::to(&format!("{}{mark}{query}", visit.to(place))).into_response()
}

pub(super) async fn ask_details(
    visit: Visit,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    let look = Look::new(&state, visit, &asked.tz).await?;
    let slot = asked.slot().map(|start| look.rules.slot_at(start));
    if slot.is_none() && asked.call.is_empty() {
        return Ok(see_other(&look.visit, "/book", &[("tz", &asked.tz)]));
    }
    let held = match asked.hold.as_str() {
        "" => None,
        hold => Some((hold, actions::held(&state.demos, hold).await?.map(|held| held.until))),
    };
    let mark = Mark::make(&state.demos)?;
    let country = phone::country_of_zone(look.zone.iana_name().unwrap_or_default()).to_owned();
    let form = DetailsForm {
        slot,
        hold: held,
        typed: &Typed { country, ..Typed::default() },
        faults: &[],
        problem: None,
        others: &[],
        mark: &mark,
        suggestion: None,
    };
    let content = view::ask_details(&look.seen(&state), &form);
    Ok(look.answer(&state, look.title(&state), false, &content).into_response())
}

/// Step 2 as it was sent.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    slot: String,
    #[serde(default)]
    hold: String,
    #[serde(default)]
    tz: String,
    #[serde(default)]
    mark: String,
    #[serde(default)]
    website: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    clinic_name: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    country: String,
    #[serde(default)]
    clinic_type: String,
    #[serde(default)]
    goal: String,
    #[serde(default)]
    notes: String,
}

impl Validate for Sent {
    fn validate(&self, _: &mut Report) {}
}

impl Sent {
    fn typed(&self) -> Typed {
        Typed {
            name: self.name.clone(),
            email: self.email.clone(),
            clinic: self.clinic_name.clone(),
            phone: self.phone.clone(),
            country: self.country.clone(),
            clinic_type: self.clinic_type.clone(),
            goal: self.goal.clone(),
            notes: self.notes.clone(),
        }
    }
}

/// What is wrong with a sent form as a whole.
struct Wrong {
    status: StatusCode,
    problem: Option<String>,
    faults: Vec<demos::bookings::form::Fault>,
    others: Vec<Slot>,
    retry: bool,
}

impl Wrong {
    fn said(status: StatusCode, problem: String) -> Self {
        Self { status, problem: Some(problem), faults: Vec::new(), others: Vec::new(), retry: false }
    }
}

pub(super) async fn book(
    client: ClientAddr,
    visit: Visit,
    Extract(state): Extract<State>,
    form: PublicForm<Sent>,
) -> Result<Response, ApiError> {
    let sent = form.input.map_err(ApiError::invalid)?;
    // Even with the database away the page is shown again with everything on it.
    let tz = sent.tz.clone();
    let look = match Look::new(&state, visit.clone(), &tz).await {
        Ok(look) => look,
        Err(error) if error.status() == StatusCode::SERVICE_UNAVAILABLE => {
            error.log();
            let zone = zone(&tz).unwrap_or(TimeZone::UTC);
            Look { visit, zone: zone.clone(), rules: OpeningRules::default_in(zone) }
        }
        Err(error) => return Err(error),
    };
    let wrong = match try_to_book(&state, client, &look, &sent).await {
        Ok(answer) => return Ok(answer),
        Err(wrong) => wrong,
    };
    let typed = sent.typed();
    let slot = sent.slot.parse::<Timestamp>().ok().map(|start| look.rules.slot_at(start));
    // The mark is the idempotency key: it stays, so that pressing the button again is the same request.
    let mark = match Mark::read(&state.demos, &sent.mark) {
        Some(_) => sent.mark.clone(),
        None => Mark::make(&state.demos)?,
    };
    let form = DetailsForm {
        slot,
        hold: (!sent.hold.is_empty()).then_some((sent.hold.as_str(), None)),
        suggestion: suggestion(&typed.email),
        typed: &typed,
        faults: &wrong.faults,
        problem: wrong.problem,
        others: &wrong.others,
        mark: &mark,
    };
    let content = view::ask_details(&look.seen(&state), &form);
    let page = look.answer(&state, look.title(&state), false, &content).with_status(wrong.status);
    let mut answer = page.into_response();
    if wrong.retry {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    Ok(answer)
}

async fn try_to_book(state: &State, client: ClientAddr, look: &Look, sent: &Sent) -> Result<Response, Wrong> {
    let words = state.site.words(look.visit.locale);
    let said = |status: StatusCode, key: &str| Wrong::said(status, words.text(key));
    if !sent.website.is_empty() {
        return Err(said(StatusCode::UNPROCESSABLE_ENTITY, "booking-automatic"));
    }
    let details = sent.typed().check().map_err(|faults| Wrong {
        faults,
        problem: None,
        ..Wrong::said(StatusCode::UNPROCESSABLE_ENTITY, String::new())
    })?;
    let Some(mark) = Mark::read(&state.demos, &sent.mark).filter(|mark| !mark.is_too_fast(state.now())) else {
        return Err(said(StatusCode::UNPROCESSABLE_ENTITY, "booking-too-fast"));
    };
    state.demos.count_booking(client).map_err(|_| said(StatusCode::TOO_MANY_REQUESTS, "booking-too-many"))?;
    let wish = Wish {
        start: sent.slot.parse().ok(),
        hold: (!sent.hold.is_empty()).then(|| Secret::new(sent.hold.clone())),
        details,
        zone: look.zone.clone(),
        locale: look.visit.locale,
        source: Source::Page,
        key: Some(mark.key),
    };
    match actions::book(&state.demos, &wish).await {
        Ok(booked) => {
            let path = link_path(look.visit.locale, booked.token.expose());
            Ok(Redirect::to(&format!("{path}?new=1")).into_response())
        }
        Err(DemoError::Taken(others)) => Err(Wrong { others, ..said(StatusCode::CONFLICT, "booking-taken") }),
        Err(DemoError::NotOffered(others)) => {
            Err(Wrong { others, ..said(StatusCode::CONFLICT, "booking-not-offered") })
        }
        Err(DemoError::TooMany) => Err(said(StatusCode::TOO_MANY_REQUESTS, "booking-too-many")),
        Err(error) => {
            let error = ApiError::from(error);
            error.log();
            Err(Wrong { retry: true, ..said(StatusCode::SERVICE_UNAVAILABLE, "booking-unavailable") })
        }
    }
}

/// What the page asks while somebody types.
#[derive(Debug, Deserialize)]
pub(super) struct Check {
    #[serde(default)]
    email: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    country: String,
}

impl Validate for Check {
    fn validate(&self, _: &mut Report) {}
}

/// The number as it will be dialled and the likely address, in words. Stores nothing.
pub(super) async fn check(
    client: ClientAddr,
    visit: Visit,
    Extract(state): Extract<State>,
    form: PublicForm<Check>,
) -> Result<Response, ApiError> {
    state.demos.count_request(client)?;
    let typed = form.input.map_err(ApiError::invalid)?;
    let words = state.site.words(visit.locale);
    let email =
        suggestion(&typed.email).map(|meant| words.text_with("booking-did-you-mean", &[("email", meant.into())]));
    let phone = phone::parse(&typed.country, &typed.phone).ok();
    let phone = phone.map(|phone| words.text_with("booking-phone-echo", &[("number", phone.shown.into())]));
    let body = json!({ "email": email.unwrap_or_default(), "phone": phone.unwrap_or_default() });
    Ok(([(CACHE_CONTROL, "no-store")], axum::Json(body)).into_response())
}

pub(super) async fn show(
    visit: Visit,
    Extract(state): Extract<State>,
    Path(token): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    own_page(&state, visit, &token, &asked, None).await
}

async fn own_page(
    state: &State,
    visit: Visit,
    token: &str,
    asked: &Asked,
    conflict: Option<(String, &[Slot])>,
) -> Result<Response, ApiError> {
    let booking = match actions::find(&state.demos, token).await {
        Ok(booking) => booking,
        Err(DemoError::NotFound) => {
            let look = Look::new(state, visit, "").await?;
            let content = view::unknown(&look.seen(state));
            let title = state.site.words(look.visit.locale).text("booking-unknown");
            return Ok(look.answer(state, title, false, &content).with_status(StatusCode::NOT_FOUND).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    let name = booking.zone.iana_name().unwrap_or("UTC").to_owned();
    let tz = if asked.tz.is_empty() { name } else { asked.tz.clone() };
    let look = Look::new(state, visit, &tz).await?;
    let found = if asked.r#move.is_empty() { None } else { Some(look_up(state, &look, asked).await?) };
    let times = found.as_ref().map(|found| times(found, &look, asked, conflict));
    let own = Own {
        booking: &booking,
        token,
        fresh: !asked.new.is_empty(),
        moved: !asked.moved.is_empty(),
        times: times.as_ref(),
        suggestion: suggestion(&booking.email),
    };
    let seen = look.seen(state);
    let (title, content) = (view::title(&seen, &booking), view::own(&seen, &own));
    Ok(look.answer(state, title, false, &content).into_response())
}

pub(super) async fn change_time(
    client: ClientAddr,
    visit: Visit,
    Extract(state): Extract<State>,
    Path(token): Path<String>,
    form: PublicForm<Chosen>,
) -> Result<Response, ApiError> {
    state.demos.count_booking(client)?;
    let chosen = form.input.map_err(ApiError::invalid)?;
    let again = Asked { r#move: "1".to_owned(), ..chosen.asked() };
    let words = state.site.words(visit.locale);
    let place = format!("/book/{token}");
    let Some(start) = again.slot() else {
        let mut answer =
            own_page(&state, visit.clone(), &token, &again, Some((words.text("booking-pick"), &[]))).await?;
        *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(answer);
    };
    let (key, others) = match actions::move_booking(&state.demos, Handle::Token(&token), start).await {
        Ok(_) => return Ok(see_other(&visit, &place, &[("moved", "1")])),
        Err(DemoError::Taken(others)) => ("booking-taken", others),
        Err(DemoError::NotOffered(others)) => ("booking-not-offered", others),
        Err(DemoError::Over | DemoError::NotFound) => return Ok(see_other(&visit, &place, &[])),
        Err(error) => return Err(error.into()),
    };
    let mut answer = own_page(&state, visit.clone(), &token, &again, Some((words.text(key), &others))).await?;
    *answer.status_mut() = StatusCode::CONFLICT;
    Ok(answer)
}

/// A form without fields.
#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

impl Validate for Nothing {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn cancel(
    client: ClientAddr,
    visit: Visit,
    Extract(state): Extract<State>,
    Path(token): Path<String>,
    form: PublicForm<Nothing>,
) -> Result<Response, ApiError> {
    state.demos.count_request(client)?;
    form.input.map_err(ApiError::invalid)?;
    match actions::cancel(&state.demos, Handle::Token(&token)).await {
        Ok(_) | Err(DemoError::Over | DemoError::NotFound) => {
            Ok(see_other(&visit, &format!("/book/{token}"), &[("cancelled", "1")]))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn calendar(Extract(state): Extract<State>, Path(token): Path<String>) -> Result<Response, ApiError> {
    let file = actions::calendar_file(&state.demos, &token).await?.ok_or_else(ApiError::not_found)?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/calendar; charset=utf-8"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"demo.ics\""));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok((headers, file).into_response())
}
