//! `/app/operator/bookings`: demos of the operator. The bookings are the operator's organization's, whatever organization
//! the shell shows.

use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Redirect, Response};
use demos::DemoError;
use demos::bookings::actions::{self, Filter, Handle};
use demos::bookings::export;
use demos::bookings::model::{Booking, BookingId, OwnerChange, State as BookingState};
use demos::slots::actions::{opening_rules, save_opening_rules};
use demos::slots::model::{OpeningRules, WeeklyHours, start_of_day, zone};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use identity::{Caller, Form, Operator, Viewer};
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use platform::http::{ApiError, Cursor, Limit, Query, Report, Validate};
use platform::ids::UserId;
use serde::Deserialize;

use crate::format::sentence;
use crate::frame::Chrome;
use crate::page::{Page, wants_fragment};
use crate::pages::bookings::{self as pages, Bookings, Filters, OneBooking, RulesForm};
use crate::{State, context};

const HOME: &str = "/app/operator/bookings";
/// Rows on a page of the list.
const ROWS: i64 = 25;

/// The filters as texts: one that makes no sense is shown again with words beside it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    view: String,
    #[serde(default)]
    week: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    owner: String,
    cursor: Option<String>,
    done: Option<String>,
}

impl Asked {
    fn is_list(&self) -> bool {
        self.view == "list"
    }

    fn filter(&self) -> Result<Filter, String> {
        if self.q.chars().count() > 200 || self.q.contains('\0') {
            return Err("The words to look for are too long.".to_owned());
        }
        let state = Some(self.state.as_str()).filter(|state| !state.is_empty());
        let state =
            state.map(str::parse::<BookingState>).transpose().map_err(|_| "There is no such state.".to_owned())?;
        let owner = Some(self.owner.as_str()).filter(|owner| !owner.is_empty());
        let owner = owner.map(str::parse::<UserId>).transpose().map_err(|_| "There is no such person.".to_owned())?;
        Ok(Filter { states: state.into_iter().collect(), owner, text: Some(self.q.clone()), ..Filter::default() })
    }

    /// This page's address with its filters and more.
    fn address(&self, place: &str, more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("q", &self.q), ("state", &self.state), ("owner", &self.owner)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.extend_pairs(more);
        let query = query.finish();
        if query.is_empty() { place.to_owned() } else { format!("{place}?{query}") }
    }
}

async fn chrome_of(state: &State, headers: &HeaderMap, caller: &Caller) -> Result<Chrome, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(state, headers, caller, &mut tx).await?;
    tx.commit().await?;
    Ok(chrome)
}

pub(super) async fn list(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let chrome = chrome_of(&state, &headers, &caller).await?;
    let rules = opening_rules(&state.demos).await?;
    let (operator, newest) = actions::newest_event(&state.demos).await?;
    let mut view = if asked.is_list() {
        in_order(&state, &asked, &rules.zone).await?
    } else {
        in_week(&state, &asked, &rules.zone).await?
    };
    view.staff = staff(&state).await?;
    view.elsewhere = Some(newest).filter(|_| operator != caller.org);
    if wants_fragment(&headers) {
        return Ok(Page::app(&chrome, pages::rows(&view)));
    }
    let chrome = context::whole(&state, &caller, chrome, asked.done.as_deref()).await?;
    Ok(Page::app(&chrome, pages::page(&chrome, &view)))
}

async fn staff(state: &State) -> Result<Vec<pages::Person>, ApiError> {
    Ok(actions::staff(&state.demos).await?.into_iter().map(|(id, name)| (id.uuid(), name)).collect())
}

fn filters(asked: &Asked) -> Filters {
    Filters { q: asked.q.clone(), state: asked.state.clone(), owner: asked.owner.clone() }
}

async fn in_order(state: &State, asked: &Asked, zone: &TimeZone) -> Result<Bookings, ApiError> {
    let cursor = asked.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    let (found, problem) = match asked.filter() {
        Ok(filter) => {
            (Some(actions::list(&state.demos, &filter, Limit::from_parameter(Some(ROWS))?, cursor).await?), None)
        }
        Err(problem) => (None, Some(problem)),
    };
    let (rows, next) = found.map(|page| (page.items, page.next_cursor)).unwrap_or_default();
    let list = ("view", "list");
    let at = |cursor: Option<&str>| match cursor {
        Some(cursor) => asked.address(HOME, &[list, ("cursor", cursor)]),
        None => asked.address(HOME, &[list]),
    };
    Ok(Bookings {
        week: None,
        filters: filters(asked),
        problem,
        rows,
        staff: Vec::new(),
        zone: zone.clone(),
        here: at(asked.cursor.as_deref()),
        export: asked.address("/app/operator/bookings/export.csv", &[list]),
        back: cursor.map(|_| at(None)),
        forth: next.as_deref().map(|next| at(Some(next))),
        other: asked.address(HOME, &[]),
        elsewhere: None,
    })
}

fn monday(asked: &Asked, today: Date) -> Date {
    let day = asked.week.parse::<Date>().ok().filter(|date| (2000..2200).contains(&date.year())).unwrap_or(today);
    let back = i64::from(day.weekday().to_monday_zero_offset());
    day.saturating_sub(back.days())
}

fn week_filter(asked: &Asked, zone: &TimeZone, monday: Date) -> Result<Filter, String> {
    let next = monday.saturating_add(7.days());
    let filter = asked.filter()?;
    Ok(Filter { from: Some(start_of_day(zone, monday)), until: Some(start_of_day(zone, next)), ..filter })
}

/// The newest prospects who chose no time and have not been seen to, within the page's other filters.
async fn to_be_called(state: &State, filter: &Filter) -> Result<Vec<Booking>, ApiError> {
    if !(filter.states.is_empty() || filter.states.contains(&BookingState::Booked)) {
        return Ok(Vec::new());
    }
    let states = vec![BookingState::Booked];
    let wanted = Filter { from: None, until: None, without_time: true, states, ..filter.clone() };
    Ok(actions::list(&state.demos, &wanted, Limit::from_parameter(Some(ROWS))?, None).await?.items)
}

async fn in_week(state: &State, asked: &Asked, zone: &TimeZone) -> Result<Bookings, ApiError> {
    let monday = monday(asked, zone.to_datetime(state.now()).date());
    let (rows, problem) = match week_filter(asked, zone, monday) {
        Ok(filter) => {
            // Who asked to be called is in no week, and must not be missed in any.
            let mut rows = to_be_called(state, &filter).await?;
            rows.extend(actions::agenda(&state.demos, &filter).await?);
            (rows, None)
        }
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let week = |date: Date| date.to_string();
    let shown = week(monday);
    Ok(Bookings {
        week: Some(monday),
        filters: filters(asked),
        problem,
        rows,
        staff: Vec::new(),
        zone: zone.clone(),
        here: asked.address(HOME, &[("week", &shown)]),
        export: asked.address("/app/operator/bookings/export.csv", &[("week", &shown)]),
        back: Some(asked.address(HOME, &[("week", &week(monday.saturating_sub(7.days())))])),
        forth: Some(asked.address(HOME, &[("week", &week(monday.saturating_add(7.days())))])),
        other: asked.address(HOME, &[("view", "list")]),
        elsewhere: None,
    })
}

pub(super) async fn export(
    _: Operator,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    let rules = opening_rules(&state.demos).await?;
    let filter = if asked.is_list() {
        asked.filter()
    } else {
        week_filter(&asked, &rules.zone, monday(&asked, rules.zone.to_datetime(state.now()).date()))
    };
    let filter = filter.map_err(|what| ApiError::bad_parameter("filter", what))?;
    let rows = actions::agenda(&state.demos, &filter).await?;
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"bookings.csv\""),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, export::csv(&rows, &rules.zone)).into_response())
}

pub(super) async fn show(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    one(&state, &headers, &caller, &id, asked.done.as_deref(), None, None).await
}

async fn one(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    id: &str,
    done: Option<&str>,
    problem: Option<String>,
    typed_notes: Option<String>,
) -> Result<Page, ApiError> {
    let chrome = chrome_of(state, headers, caller).await?;
    let (booking, events) = actions::show(&state.demos, booking_id(id)?).await?;
    let zone = opening_rules(&state.demos).await?.zone;
    let view = OneBooking { booking, events, staff: staff(state).await?, zone, problem, typed_notes };
    let chrome = context::whole(state, caller, chrome, done).await?;
    Ok(Page::app(&chrome, pages::one(&chrome, &view)))
}

fn booking_id(text: &str) -> Result<BookingId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found())
}

/// Back to the booking; or the booking again, with what went wrong.
async fn answer(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    id: &str,
    outcome: Result<(), DemoError>,
) -> Result<Response, ApiError> {
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("{HOME}/{id}?done=saved")).into_response()),
        Err(error @ (DemoError::Taken(_) | DemoError::NotOffered(_) | DemoError::Over | DemoError::UnknownOwner)) => {
            let page = one(state, headers, caller, id, None, Some(sentence(&error.to_string())), None).await?;
            Ok(page.with_status(StatusCode::CONFLICT).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct NewState {
    state: BookingState,
}

impl Validate for NewState {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn set_state(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Form<NewState>,
) -> Result<Response, ApiError> {
    let to = form.input.map_err(ApiError::invalid)?.state;
    let handle = Handle::Staff(booking_id(&id)?, operator.user);
    let outcome = actions::set_state(&state.demos, handle, to).await.map(drop);
    answer(&state, &headers, &caller, &id, outcome).await
}

#[derive(Debug, Deserialize)]
pub(super) struct Papers {
    #[serde(default)]
    owner: String,
    #[serde(default)]
    notes: String,
}

impl Validate for Papers {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn set_papers(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Form<Papers>,
) -> Result<Response, ApiError> {
    let papers = form.input.map_err(ApiError::invalid)?;
    let notes = papers.notes.replace("\r\n", "\n");
    if notes.chars().count() > 4000 || notes.contains('\0') {
        let problem = Some("Notes may have 4000 characters.".to_owned());
        let page = one(&state, &headers, &caller, &id, None, problem, Some(notes)).await?;
        return Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
    }
    let owner =
        if papers.owner.is_empty() { None } else { Some(papers.owner.parse().map_err(|_| ApiError::not_found())?) };
    let change = OwnerChange::To(owner);
    let outcome =
        actions::set_papers(&state.demos, booking_id(&id)?, operator.user, change, Some(notes.trim())).await.map(drop);
    answer(&state, &headers, &caller, &id, outcome).await
}

#[derive(Debug, Deserialize)]
pub(super) struct NewTime {
    #[serde(default)]
    at: String,
}

impl Validate for NewTime {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn change_time(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Form<NewTime>,
) -> Result<Response, ApiError> {
    let at = form.input.map_err(ApiError::invalid)?.at;
    let zone = opening_rules(&state.demos).await?.zone;
    let start = at.parse::<DateTime>().ok().and_then(|at| zone.to_ambiguous_timestamp(at).compatible().ok());
    let Some(start) = start else {
        let problem = Some("A time is written like 2026-11-26T10:30.".to_owned());
        let page = one(&state, &headers, &caller, &id, None, problem, None).await?;
        return Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
    };
    let handle = Handle::Staff(booking_id(&id)?, operator.user);
    let outcome = actions::move_booking(&state.demos, handle, start).await.map(drop);
    answer(&state, &headers, &caller, &id, outcome).await
}

pub(super) async fn show_rules(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let form = RulesForm::from(&opening_rules(&state.demos).await?);
    rules_page(&state, &headers, &caller, asked.done.as_deref(), &form).await
}

async fn rules_page(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    done: Option<&str>,
    form: &RulesForm,
) -> Result<Page, ApiError> {
    let chrome = chrome_of(state, headers, caller).await?;
    let chrome = context::whole(state, caller, chrome, done).await?;
    Ok(Page::app(&chrome, pages::rules(&chrome, form)))
}

/// The opening rules as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TypedRules {
    zone: String,
    mon: String,
    tue: String,
    wed: String,
    thu: String,
    fri: String,
    sat: String,
    sun: String,
    length: String,
    buffer: String,
    notice: String,
    horizon: String,
    days_off: String,
}

impl Validate for TypedRules {
    fn validate(&self, _: &mut Report) {}
}

impl TypedRules {
    fn read(&self) -> Result<OpeningRules, String> {
        let number =
            |text: &str, what: &str| text.trim().parse().map_err(|_| format!("{what} must be a whole number."));
        let days = [&self.mon, &self.tue, &self.wed, &self.thu, &self.fri, &self.sat, &self.sun];
        let days_off = self.days_off.lines().map(str::trim).filter(|line| !line.is_empty());
        let days_off: Result<Vec<Date>, _> = days_off.map(str::parse).collect();
        let rules = OpeningRules {
            zone: zone(self.zone.trim()).ok_or("The time zone must be one like Europe/London.")?,
            hours: WeeklyHours::from_texts(&days.map(String::as_str)).map_err(|error| sentence(&error.to_string()))?,
            length_minutes: number(&self.length, "The length")?,
            buffer_minutes: number(&self.buffer, "What is kept free")?,
            notice_minutes: number(&self.notice, "The notice")?,
            horizon_days: number(&self.horizon, "How far ahead")?,
            days_off: days_off.map_err(|_| "Write days off like 2026-12-25, one in a line.")?,
        };
        if rules.days_off.len() > 1000 {
            return Err("There may be 1000 days off.".to_owned());
        }
        rules.check().map_err(|error| sentence(&error.to_string()))?;
        Ok(rules)
    }

    fn shown(self, problem: String) -> RulesForm {
        RulesForm {
            zone: self.zone,
            hours: [self.mon, self.tue, self.wed, self.thu, self.fri, self.sat, self.sun],
            length: self.length,
            buffer: self.buffer,
            notice: self.notice,
            horizon: self.horizon,
            days_off: self.days_off,
            problem: Some(problem),
        }
    }
}

pub(super) async fn save_rules(
    operator: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<TypedRules>,
) -> Result<Response, ApiError> {
    let typed = form.input.map_err(ApiError::invalid)?;
    match typed.read() {
        Ok(rules) => {
            save_opening_rules(&state.demos, operator.actor(), rules).await?;
            Ok(Redirect::to(&format!("{HOME}/rules?done=saved")).into_response())
        }
        Err(problem) => {
            let page = rules_page(&state, &headers, &caller, None, &typed.shown(problem)).await?;
            Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
        }
    }
}
