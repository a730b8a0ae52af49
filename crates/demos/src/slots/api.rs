//! `/api/v1/demo-slots`, `/api/v1/demo-rules`.

use axum::extract::State as Extract;
use axum::http::header;
use axum::response::IntoResponse;
use identity::Operator;
use identity::access::OperatorsOnly;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use platform::http::{ApiError, ClientAddr, Json, Problem, PublicRouter, Query, Report, TenantRouter, Validate};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::actions;
use super::model::{OpeningRules, Slot, WeeklyHours, zone};
use crate::{DemoError, Demos, words};

/// Most days that can be asked for at once.
const MOST_DAYS: i32 = 62;

impl From<DemoError> for ApiError {
    fn from(error: DemoError) -> Self {
        let text = |error: &DemoError| {
            let text = error.to_string();
            let mut letters = text.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            format!("{first}{}.", letters.as_str())
        };
        match error {
            error @ DemoError::NoOperator => Self::unavailable(error),
            DemoError::Taken(_) => Self::conflict("slot_taken", text(&error)),
            DemoError::NotOffered(_) => Self::conflict("slot_not_offered", text(&error)),
            DemoError::NotFound => Self::not_found(),
            DemoError::Over => Self::conflict("booking_over", text(&error)),
            DemoError::KeyReused => {
                Self::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", text(&error))
            }
            DemoError::TooMany => {
                Self::new(axum::http::StatusCode::TOO_MANY_REQUESTS, "too_many_bookings", text(&error))
                    .retry_after(3600)
            }
            DemoError::UnknownOwner => Self::invalid_field("owner_id", text(&error)),
            DemoError::Rules(rules) => Self::invalid_field("rules", rules.to_string()),
            DemoError::Database(error) | DemoError::Mail(mail::MailError::Database(error)) => error.into(),
            error @ (DemoError::Mail(_) | DemoError::Crypto(_)) => Self::internal(error),
        }
    }
}

pub(crate) fn public_router() -> PublicRouter<Demos> {
    PublicRouter::new().route(__path_list_demo_slots, list_demo_slots)
}

pub(crate) fn tenant_router() -> TenantRouter<Demos> {
    TenantRouter::new().route(__path_get_demo_rules, get_demo_rules).route(__path_update_demo_rules, update_demo_rules)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// First day by the visitor's calendar; by default today.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-26")]
    from: Option<String>,
    /// How many days, 1 to 62; by default 14.
    days: Option<i32>,
    /// IANA zone of the visitor; by default the operator's.
    #[param(example = "Europe/London")]
    tz: Option<String>,
}

/// A time that can be booked.
#[derive(Debug, Serialize, ToSchema)]
pub struct SlotView {
    /// Begins: RFC 3339 with the offset of the visitor's zone.
    #[schema(example = "2026-11-26T10:30:00+00:00")]
    pub start: String,
    /// Ends.
    #[schema(example = "2026-11-26T10:55:00+00:00")]
    pub end: String,
}

impl SlotView {
    pub(crate) fn of(slot: &Slot, zone: &TimeZone) -> Self {
        Self { start: words::with_offset(slot.start, zone), end: words::with_offset(slot.end, zone) }
    }
}

/// A day by the visitor's calendar.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayView {
    /// Which day.
    #[schema(value_type = String, format = Date, example = "2026-11-26")]
    pub date: Date,
    /// Whether demos are offered on it and all are taken.
    pub full: bool,
    /// What is free.
    pub slots: Vec<SlotView>,
}

/// The times that can be booked.
#[derive(Debug, Serialize, ToSchema)]
pub struct SlotList {
    /// The zone by whose clock the times are told.
    #[schema(example = "Europe/London")]
    pub zone: String,
    /// The zone of who gives the demos.
    #[schema(example = "Europe/London")]
    pub host_zone: String,
    /// How long a demo is.
    pub length_minutes: i32,
    /// The days on which demos are offered.
    pub days: Vec<DayView>,
}

/// Lists the times that can be booked, by the visitor's days.
#[utoipa::path(get, path = "/api/v1/demo-slots", operation_id = "list_demo_slots", tag = "demos", security(()), params(Wanted), responses(
    (status = 200, body = SlotList),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
async fn list_demo_slots(
    client: ClientAddr,
    Extract(demos): Extract<Demos>,
    Query(wanted): Query<Wanted>,
) -> Result<impl IntoResponse, ApiError> {
    demos.count_request(client)?;
    let from = wanted.from.as_deref().map(|date| read_date("from", date)).transpose()?;
    let days = wanted.days.unwrap_or(14);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(ApiError::bad_parameter("days", "must be from 1 to 62"));
    }
    let visitor = match wanted.tz.as_deref() {
        Some(name) => {
            zone(name).ok_or_else(|| ApiError::bad_parameter("tz", "must be an IANA zone like Europe/London"))?
        }
        None => actions::opening_rules(&demos).await?.zone,
    };
    let offer = actions::offer(&demos, &visitor, from, days, None).await?;
    let day = |day: &super::model::Day| DayView {
        date: day.date,
        full: day.free.is_empty(),
        slots: day.free.iter().map(|slot| SlotView::of(slot, &visitor)).collect(),
    };
    let list = SlotList {
        zone: visitor.iana_name().unwrap_or("UTC").to_owned(),
        host_zone: offer.rules.zone_name().to_owned(),
        length_minutes: offer.rules.length_minutes,
        days: offer.days.iter().map(day).collect(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(list)))
}

/// A date of a query, within what calendars hold and this side of the year 2200.
fn read_date(path: &str, text: &str) -> Result<Date, ApiError> {
    text.parse::<Date>()
        .ok()
        .filter(|date| (2000..2200).contains(&date.year()))
        .ok_or_else(|| ApiError::bad_parameter(path, "must be a date like 2026-11-26"))
}

/// When demos are offered.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RulesView {
    /// IANA zone by whose clock the hours are told.
    #[schema(example = "Europe/London")]
    pub zone: String,
    /// For each day from `mon` to `sun` its openings, as pairs of times. A day that is missing is closed.
    #[schema(value_type = Object)]
    pub hours: WeeklyHours,
    /// How long a demo is: 5 to 240.
    pub length_minutes: i32,
    /// What is kept free after one: 0 to 240.
    pub buffer_minutes: i32,
    /// How long beforehand one has to be booked: 0 to 43200.
    pub notice_minutes: i32,
    /// How many days ahead can be booked: 1 to 365.
    pub horizon_days: i32,
    /// Days on which nothing is offered.
    #[schema(value_type = Vec<String>)]
    pub days_off: Vec<Date>,
}

impl From<OpeningRules> for RulesView {
    fn from(rules: OpeningRules) -> Self {
        Self {
            zone: rules.zone_name().to_owned(),
            hours: rules.hours,
            length_minutes: rules.length_minutes,
            buffer_minutes: rules.buffer_minutes,
            notice_minutes: rules.notice_minutes,
            horizon_days: rules.horizon_days,
            days_off: rules.days_off,
        }
    }
}

impl Validate for RulesView {
    fn validate(&self, report: &mut Report) {
        report.require(zone(&self.zone).is_some(), "zone", "must be an IANA zone like Europe/London");
        report.require(self.days_off.len() <= 1000, "days_off", "must be at most 1000 days");
    }
}

/// Shows when demos are offered.
#[utoipa::path(get, path = "/api/v1/demo-rules", operation_id = "get_demo_rules", tag = "demos", security(("bearer" = [])), responses(
    (status = 200, body = RulesView),
    OperatorsOnly,
))]
async fn get_demo_rules(_: Operator, Extract(demos): Extract<Demos>) -> Result<Json<RulesView>, ApiError> {
    Ok(Json(actions::opening_rules(&demos).await?.into()))
}

/// Changes when demos are offered. Bookings that are there stay.
#[utoipa::path(put, path = "/api/v1/demo-rules", operation_id = "update_demo_rules", tag = "demos", security(("bearer" = [])),
    request_body = RulesView, responses(
    (status = 200, body = RulesView),
    OperatorsOnly,
    (status = 422, body = Problem, content_type = "application/problem+json"),
))]
async fn update_demo_rules(
    operator: Operator,
    Extract(demos): Extract<Demos>,
    Json(body): Json<RulesView>,
) -> Result<Json<RulesView>, ApiError> {
    let zone = zone(&body.zone).ok_or_else(|| ApiError::invalid_field("zone", "must be a time zone"))?;
    let rules = OpeningRules {
        zone,
        hours: body.hours,
        length_minutes: body.length_minutes,
        buffer_minutes: body.buffer_minutes,
        notice_minutes: body.notice_minutes,
        horizon_days: body.horizon_days,
        days_off: body.days_off,
    };
    Ok(Json(actions::save_opening_rules(&demos, operator.actor(), rules).await?.into()))
}
