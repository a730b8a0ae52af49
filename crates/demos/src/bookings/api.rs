//! `/api/book-demo`, `/api/v1/demo-holds`, `/api/v1/demo-bookings`: what prospects call. [`operator`] is the other side.

mod operator;

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use platform::crypto::token_digest;
use platform::http::{
    ApiError, ClientAddr, FieldError, Json, Problem, PublicRouter, Report, TenantRouter, Validate, json, request_id,
};
use platform::i18n::Locale;
use platform::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actions::{self, Booked, Wish};
use super::form::{Fault, Typed};
use super::model::{BookingId, Source, State};
use crate::slots::api::SlotView;
use crate::slots::model::{Slot, zone};
use crate::{DemoError, Demos, words};

/// Largest body that a prospect's request has; a note of 2,000 characters fits many times.
const MAX_BODY: usize = 64 * 1024;

pub(crate) fn public_router() -> PublicRouter<Demos> {
    PublicRouter::new()
        .route(__path_book_demo, book_demo)
        .route(__path_create_demo_hold, create_demo_hold)
        .route(__path_create_demo_booking, create_demo_booking)
        .body_limit(MAX_BODY)
}

pub(crate) fn tenant_router() -> TenantRouter<Demos> {
    TenantRouter::new()
        .route(operator::__path_list_demo_bookings, operator::list_demo_bookings)
        .route(operator::__path_get_demo_booking, operator::get_demo_booking)
        .route(operator::__path_update_demo_booking, operator::update_demo_booking)
}

// --- The path of the original system ------------------------------------------------------------------------------------

/// A prospect's request, as the original system's pages send it.
#[derive(Debug, Default, Deserialize, ToSchema)]
struct BookDemo {
    /// Who.
    #[serde(default)]
    #[schema(example = "Amara Obi", max_length = 120, required = true)]
    name: Option<String>,
    /// Where the confirmation goes: one address.
    #[serde(default)]
    #[schema(example = "amara@example.com", max_length = 254, required = true)]
    email: Option<String>,
    /// With `+` and country code, or as it is dialled in `country`.
    #[serde(default)]
    #[schema(example = "+12025550123", max_length = 40, required = true)]
    phone: Option<String>,
    /// Whose phone is to be answered.
    #[serde(default)]
    #[schema(example = "Bright Dental", max_length = 160, required = true)]
    clinic_name: Option<String>,
    /// What kind of clinic.
    #[serde(default)]
    #[schema(max_length = 80)]
    clinic_type: Option<String>,
    /// What they hope for.
    #[serde(default)]
    #[schema(max_length = 200)]
    goal: Option<String>,
    /// Anything else.
    #[serde(default)]
    #[schema(max_length = 2000)]
    notes: Option<String>,
    /// Country (ISO 3166, two letters) whose way of dialling `phone` is written in. Without it and without `+` a number is
    /// read as one of the United States, as the original system did.
    #[serde(default)]
    country: Option<String>,
    /// The wanted time, RFC 3339. Without it: "contact me".
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    slot: Option<Timestamp>,
    /// The hold on that time.
    #[serde(default)]
    hold: Option<String>,
    /// IANA zone by which the mails tell the time.
    #[serde(default)]
    tz: Option<String>,
    /// Language of the mails, for example `fr`; by default from `Accept-Language`.
    #[serde(default)]
    locale: Option<String>,
}

impl Validate for BookDemo {
    fn validate(&self, _: &mut Report) {}
}

impl BookDemo {
    fn typed(&self) -> Typed {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        Typed {
            name: text(&self.name),
            email: text(&self.email),
            clinic: text(&self.clinic_name),
            phone: text(&self.phone),
            country: text(&self.country),
            clinic_type: text(&self.clinic_type),
            goal: text(&self.goal),
            notes: text(&self.notes),
        }
    }

    /// What is wrong besides the form: the names of zone and language.
    fn other_faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if self.tz.as_deref().is_some_and(|name| zone(name).is_none()) {
            faults.push(FieldError::new("tz", "must be an IANA zone like Europe/London"));
        }
        if self.locale.as_deref().is_some_and(|tag| Locale::from_tag(tag).is_none()) {
            faults.push(FieldError::new("locale", "must be one of en, fr, de, es, pt-BR, ar"));
        }
        faults
    }

    async fn wish(
        self,
        demos: &Demos,
        mut typed: Typed,
        headers: &HeaderMap,
        source: Source,
    ) -> Result<Wish, ApiError> {
        if source == Source::BookDemo && typed.country.is_empty() {
            "US".clone_into(&mut typed.country);
        }
        let mut faults = self.other_faults();
        let details = match typed.check() {
            Ok(details) if faults.is_empty() => details,
            checked => {
                faults.extend(checked.err().unwrap_or_default().iter().map(field_error));
                return Err(ApiError::invalid(faults));
            }
        };
        let visitor = match self.tz.as_deref().and_then(zone) {
            Some(zone) => zone,
            None => crate::slots::actions::opening_rules(demos).await?.zone,
        };
        let locale = self.locale.as_deref().and_then(Locale::from_tag);
        let wished =
            headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).and_then(Locale::negotiate);
        Ok(Wish {
            start: self.slot,
            hold: self.hold.map(Secret::new),
            details,
            zone: visitor,
            locale: locale.or(wished).unwrap_or(Locale::En),
            source,
            key: given_key(headers)?,
        })
    }
}

fn field_error(fault: &Fault) -> FieldError {
    FieldError::new(fault.field.name(), fault.text(Locale::En))
}

/// What is answered to a request that was stored.
#[derive(Debug, Serialize, ToSchema)]
struct BookDemoAnswer {
    /// True.
    success: bool,
    /// A sentence for the prospect.
    message: String,
    /// The booking.
    booking_id: BookingId,
    /// Where it can be seen, moved and called off.
    link: String,
}

/// A problem in words that the original system's pages show: they read `error` or `message`.
#[derive(Debug, Serialize, ToSchema)]
struct BookDemoProblem {
    /// False.
    success: bool,
    /// The same as `detail`.
    error: String,
    /// The same as `detail`.
    message: String,
    /// The problem.
    #[serde(flatten)]
    problem: Problem,
    /// The nearest free times, when the wanted one cannot be had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    alternatives: Vec<SlotView>,
}

/// Books a demo, or asks to be contacted when no time is given.
///
/// Kept for pages of the original system. Success is said only when the request is stored, with both of its mails.
#[utoipa::path(post, path = "/api/book-demo", operation_id = "book_demo", tag = "demos", security(()), request_body = BookDemo, responses(
    (status = 200, body = BookDemoAnswer),
    (status = 400, description = "A field is wrong; `errors` says which", body = BookDemoProblem, content_type = "application/problem+json"),
    (status = 409, description = "The time is taken; `alternatives` has others", body = BookDemoProblem, content_type = "application/problem+json"),
    (status = 413, body = BookDemoProblem, content_type = "application/problem+json"),
    (status = 415, body = BookDemoProblem, content_type = "application/problem+json"),
    (status = 429, body = BookDemoProblem, content_type = "application/problem+json"),
    (status = 503, description = "Not stored; come back after `Retry-After`", body = BookDemoProblem, content_type = "application/problem+json"),
))]
async fn book_demo(
    client: ClientAddr,
    Extract(demos): Extract<Demos>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let visitor = TimeZone::UTC;
    match book_demo_inner(&demos, client, &headers, body).await {
        Ok(booked) => {
            let name = demos.name();
            let message = match &booked.booking.slot {
                Some(slot) => Locale::En.text_with(
                    "booking-api-booked",
                    &[("when", words::moment(Locale::En, slot, &booked.booking.zone).into())],
                ),
                None => Locale::En.text_with("booking-api-asked", &[("name", name.into())]),
            };
            let answer =
                BookDemoAnswer { success: true, message, booking_id: booked.booking.id, link: link(&demos, &booked) };
            ([(header::CACHE_CONTROL, "no-store")], axum::Json(answer)).into_response()
        }
        Err(Refusal { error, others }) => in_their_words(error, &others, &visitor),
    }
}

struct Refusal {
    error: ApiError,
    others: Vec<Slot>,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self { error, others: Vec::new() }
    }
}

impl From<DemoError> for Refusal {
    fn from(error: DemoError) -> Self {
        let others = match &error {
            DemoError::Taken(others) | DemoError::NotOffered(others) => others.clone(),
            _ => Vec::new(),
        };
        Self { error: error.into(), others }
    }
}

async fn book_demo_inner(
    demos: &Demos,
    client: ClientAddr,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Booked, Refusal> {
    demos.count_booking(client)?;
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !declared.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let text = "Send the body as application/json.";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", text).into());
    }
    let body = body.map_err(|rejection| {
        ApiError::new(rejection.status(), "unreadable_body", "The body is too large or was cut off.")
    })?;
    let request: BookDemo = json::parse(&body)?;
    let typed = request.typed();
    let mut wish = request.wish(demos, typed, headers, Source::BookDemo).await?;
    // The original system's pages send again when they saw no answer, without a key. The same words of the same day are
    // the same request.
    if wish.key.is_none() {
        let day = demos.now().to_zoned(TimeZone::UTC).date();
        let details = &wish.details;
        let said = format!("{day}\u{0}{details:?}\u{0}{:?}", wish.start);
        wish.key = Some(format!("said/{}", hex::encode(token_digest(&said))));
    }
    Ok(actions::book(demos, &wish).await?)
}

fn in_their_words(error: ApiError, others: &[Slot], zone: &TimeZone) -> Response {
    // What is wrong with the fields is a 400 to callers of this path.
    let status =
        if error.status() == StatusCode::UNPROCESSABLE_ENTITY { StatusCode::BAD_REQUEST } else { error.status() };
    let sentence = match error.field_errors() {
        [] => error.detail().to_owned(),
        faults => faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join(" "),
    };
    let problem = Problem {
        status: status.as_u16(),
        code: error.code(),
        detail: sentence.clone(),
        errors: error.field_errors().to_vec(),
        request_id: request_id::current(),
    };
    let alternatives = others.iter().map(|slot| SlotView::of(slot, zone)).collect();
    let body = BookDemoProblem { success: false, error: sentence.clone(), message: sentence, problem, alternatives };
    as_problem(error, status, &body)
}

/// The error's own answer (its log line, its headers) with another body.
fn as_problem<T: Serialize>(error: ApiError, status: StatusCode, body: &T) -> Response {
    let bytes = match serde_json::to_vec(body) {
        Ok(bytes) => bytes,
        Err(fault) => return ApiError::internal(fault).into_response(),
    };
    let (mut parts, _) = error.into_response().into_parts();
    parts.status = status;
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    Response::from_parts(parts, bytes.into())
}

fn link(demos: &Demos, booked: &Booked) -> String {
    format!("{}{}", demos.origin().as_str(), actions::link_path(booked.booking.locale, booked.token.expose()))
}

fn given_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let wrong = || {
        let text = "The Idempotency-Key must be sent once, with 1 to 128 visible ASCII characters.";
        ApiError::bad_request("bad_idempotency_key", text)
    };
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let key = key.to_str().map_err(|_| wrong())?;
    let fits = (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if keys.next().is_some() || !fits { Err(wrong()) } else { Ok(Some(format!("client/{key}"))) }
}

// --- Holds and bookings ---------------------------------------------------------------------------------------------------

/// A time to be kept.
#[derive(Debug, Deserialize, ToSchema)]
struct CreateHold {
    /// Begins, RFC 3339; one of those that `demo-slots` lists.
    #[schema(value_type = String, example = "2026-11-26T10:30:00Z")]
    start: Timestamp,
    /// The hold that the visitor had before, to be let go.
    #[serde(default)]
    instead_of: Option<String>,
}

impl Validate for CreateHold {
    fn validate(&self, _: &mut Report) {}
}

/// A time that is kept.
#[derive(Debug, Serialize, ToSchema)]
struct HoldView {
    /// Send this with the booking.
    hold: String,
    /// The time, in UTC.
    slot: SlotView,
    /// Until when it is kept.
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

/// A time that cannot be had, and others.
#[derive(Debug, Serialize, ToSchema)]
struct SlotProblem {
    /// The problem.
    #[serde(flatten)]
    problem: Problem,
    /// The nearest free times.
    alternatives: Vec<SlotView>,
}

/// Keeps a time for ten minutes, while the visitor fills in the form.
#[utoipa::path(post, path = "/api/v1/demo-holds", operation_id = "create_demo_hold", tag = "demos", security(()), request_body = CreateHold, responses(
    (status = 201, body = HoldView),
    (status = 409, description = "The time cannot be had; `alternatives` has others", body = SlotProblem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
async fn create_demo_hold(
    client: ClientAddr,
    Extract(demos): Extract<Demos>,
    Json(body): Json<CreateHold>,
) -> Result<Response, ApiError> {
    demos.count_request(client)?;
    match actions::hold(&demos, body.start, client.limit_key(), body.instead_of.as_deref()).await {
        Ok((held, token)) => {
            let view = HoldView {
                hold: token.expose().to_owned(),
                slot: SlotView::of(&held.slot, &TimeZone::UTC),
                expires_at: held.until,
            };
            Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(view)).into_response())
        }
        Err(error) => Ok(with_alternatives(error, &TimeZone::UTC)),
    }
}

fn with_alternatives(error: DemoError, zone: &TimeZone) -> Response {
    let Refusal { error, others } = error.into();
    if !matches!(error.code(), "slot_taken" | "slot_not_offered") {
        return error.into_response();
    }
    let status = error.status();
    let problem = Problem {
        status: status.as_u16(),
        code: error.code(),
        detail: error.detail().to_owned(),
        errors: Vec::new(),
        request_id: request_id::current(),
    };
    let body = SlotProblem { problem, alternatives: others.iter().map(|slot| SlotView::of(slot, zone)).collect() };
    as_problem(error, status, &body)
}

/// A booking, as its prospect sees it.
#[derive(Debug, Serialize, ToSchema)]
struct BookedView {
    /// The booking.
    booking_id: BookingId,
    /// What has become of it.
    state: State,
    /// Its time by the prospect's clock; null without one.
    slot: Option<SlotView>,
    /// Where it can be seen, moved and called off.
    link: String,
    /// The number as it will be dialled.
    phone: String,
}

/// Books a demo. The same `Idempotency-Key` twice is one booking.
#[utoipa::path(post, path = "/api/v1/demo-bookings", operation_id = "create_demo_booking", tag = "demos", security(()), request_body = BookDemo,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")), responses(
    (status = 201, body = BookedView),
    (status = 200, description = "It was there already", body = BookedView),
    (status = 409, description = "The time cannot be had; `alternatives` has others", body = SlotProblem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
async fn create_demo_booking(
    client: ClientAddr,
    Extract(demos): Extract<Demos>,
    headers: HeaderMap,
    Json(body): Json<BookDemo>,
) -> Result<Response, ApiError> {
    demos.count_booking(client)?;
    let typed = body.typed();
    let wish = body.wish(&demos, typed, &headers, Source::Api).await?;
    match actions::book(&demos, &wish).await {
        Ok(booked) => {
            let booking = &booked.booking;
            let view = BookedView {
                booking_id: booking.id,
                state: booking.state,
                slot: booking.slot.map(|slot| SlotView::of(&slot, &booking.zone)),
                link: link(&demos, &booked),
                phone: booking.phone.clone(),
            };
            let status = if booked.repeated { StatusCode::OK } else { StatusCode::CREATED };
            Ok((status, [(header::CACHE_CONTROL, "no-store")], Json(view)).into_response())
        }
        Err(error) => Ok(with_alternatives(error, &wish.zone)),
    }
}
