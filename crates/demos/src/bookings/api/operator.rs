//! The operator's side of `/api/v1/demo-bookings`.

use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use identity::Operator;
use identity::access::OperatorsOnly;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use platform::http::{ApiError, Cursor, Json, Limit, Page, Problem, Query, Report, Validate};
use platform::ids::UserId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::actions::{self, Filter, Handle};
use super::super::model::{Booking, BookingId, OwnerChange, State};
use super::{SlotProblem, with_alternatives};
use crate::{DemoError, Demos};

/// Longest note about a booking, in characters.
const MOST_NOTES: usize = 4000;

/// A booking, as the operator sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BookingView {
    /// Which.
    id: BookingId,
    /// What has become of it.
    state: State,
    /// Begins, UTC; null without a time.
    #[schema(value_type = Option<String>)]
    starts_at: Option<Timestamp>,
    /// Ends, UTC.
    #[schema(value_type = Option<String>)]
    ends_at: Option<Timestamp>,
    /// Who.
    name: String,
    /// Where mails go.
    email: String,
    /// E.164.
    phone: String,
    /// Whose phone is to be answered.
    clinic_name: String,
    /// What kind of clinic.
    clinic_type: Option<String>,
    /// What they hope for.
    goal: Option<String>,
    /// What else they said.
    notes: Option<String>,
    /// The prospect's IANA zone.
    tz: String,
    /// The language of their mails.
    locale: &'static str,
    /// `page`, `api` or `book-demo`.
    source: String,
    /// Who gives the demo.
    owner_id: Option<UserId>,
    /// What the operator wrote down.
    staff_notes: String,
    /// When it was made.
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// When anything of it last changed.
    #[schema(value_type = String)]
    updated_at: Timestamp,
}

impl From<Booking> for BookingView {
    fn from(booking: Booking) -> Self {
        Self {
            id: booking.id,
            state: booking.state,
            starts_at: booking.slot.map(|slot| slot.start),
            ends_at: booking.slot.map(|slot| slot.end),
            name: booking.name,
            email: booking.email,
            phone: booking.phone,
            clinic_name: booking.clinic,
            clinic_type: booking.clinic_type,
            goal: booking.goal,
            notes: booking.notes,
            tz: booking.zone.iana_name().unwrap_or("UTC").to_owned(),
            locale: booking.locale.tag(),
            source: booking.source,
            owner_id: booking.owner,
            staff_notes: booking.staff_notes,
            created_at: booking.created_at,
            updated_at: booking.updated_at,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListWanted {
    /// Begins at this moment or later, RFC 3339.
    #[param(value_type = Option<String>)]
    from: Option<Timestamp>,
    /// Begins before this moment.
    #[param(value_type = Option<String>)]
    to: Option<Timestamp>,
    /// In one of these states.
    #[serde(default)]
    state: Vec<State>,
    /// Given by this person.
    owner: Option<UserId>,
    /// In name, clinic, address or number.
    q: Option<String>,
    /// Where the last page ended.
    cursor: Option<String>,
    /// How many, 1 to 100.
    limit: Option<i64>,
}

/// Lists bookings, the newest first.
#[utoipa::path(get, path = "/api/v1/demo-bookings", operation_id = "list_demo_bookings", tag = "demos", security(("bearer" = [])), params(ListWanted), responses(
    (status = 200, body = Page<BookingView>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    OperatorsOnly,
))]
pub(super) async fn list_demo_bookings(
    _: Operator,
    Extract(demos): Extract<Demos>,
    Query(wanted): Query<ListWanted>,
) -> Result<Json<Page<BookingView>>, ApiError> {
    let limit = Limit::from_parameter(wanted.limit)?;
    let cursor = wanted.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    for (name, at) in [("from", wanted.from), ("to", wanted.to)] {
        if at.is_some_and(|at| at < platform::http::pages::EARLIEST) {
            return Err(ApiError::bad_parameter(name, "must be in our era"));
        }
    }
    if wanted.q.as_deref().is_some_and(|q| q.chars().count() > 200 || q.contains('\0')) {
        return Err(ApiError::bad_parameter("q", "must be at most 200 characters"));
    }
    let filter = Filter {
        from: wanted.from,
        until: wanted.to,
        states: wanted.state,
        owner: wanted.owner,
        text: wanted.q,
        without_time: false,
    };
    let page = actions::list(&demos, &filter, limit, cursor).await?;
    Ok(Json(Page { items: page.items.into_iter().map(Into::into).collect(), next_cursor: page.next_cursor }))
}

/// Shows a booking.
#[utoipa::path(get, path = "/api/v1/demo-bookings/{id}", operation_id = "get_demo_booking", tag = "demos", security(("bearer" = [])),
    params(("id" = BookingId, Path, description = "The booking")), responses(
    (status = 200, body = BookingView),
    OperatorsOnly,
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn get_demo_booking(
    _: Operator,
    Extract(demos): Extract<Demos>,
    Path(id): Path<String>,
) -> Result<Json<BookingView>, ApiError> {
    let (booking, _) = actions::show(&demos, booking_id(&id)?).await?;
    Ok(Json(booking.into()))
}

/// A change to a booking; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct UpdateBooking {
    /// What has become of it: `confirmed`, `done`, `no_show` or `cancelled`.
    #[serde(default)]
    state: Option<State>,
    /// Its new time, RFC 3339. The prospect is told.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    start: Option<Timestamp>,
    /// Who gives the demo; null for nobody.
    #[serde(default)]
    #[schema(value_type = Option<UserId>)]
    owner_id: OwnerChange,
    /// What is written down about it.
    #[serde(default)]
    #[schema(max_length = 4000)]
    staff_notes: Option<String>,
}

impl Validate for UpdateBooking {
    fn validate(&self, report: &mut Report) {
        let changes = self.state.is_some() || self.start.is_some() || self.owner_id != OwnerChange::Keep;
        report.require(changes || self.staff_notes.is_some(), "", "must name something to change");
        let notes = self.staff_notes.as_deref().unwrap_or_default();
        report.require(notes.chars().count() <= MOST_NOTES, "staff_notes", "must be at most 4000 characters");
        report.require(!notes.contains('\0'), "staff_notes", "must not contain control characters");
    }
}

/// Changes a booking: its state, its time, who gives it, what is written down.
#[utoipa::path(patch, path = "/api/v1/demo-bookings/{id}", operation_id = "update_demo_booking", tag = "demos", security(("bearer" = [])),
    params(("id" = BookingId, Path, description = "The booking")), request_body = UpdateBooking, responses(
    (status = 200, body = BookingView),
    OperatorsOnly,
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "Not from its present state, or the time is taken", body = SlotProblem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn update_demo_booking(
    operator: Operator,
    Extract(demos): Extract<Demos>,
    Path(id): Path<String>,
    Json(body): Json<UpdateBooking>,
) -> Result<Response, ApiError> {
    let id = booking_id(&id)?;
    match update(&demos, Handle::Staff(id, operator.user), id, operator.user, &body).await {
        Ok(()) => {
            let (booking, _) = actions::show(&demos, id).await?;
            Ok(Json(BookingView::from(booking)).into_response())
        }
        Err(error) => Ok(with_alternatives(error, &TimeZone::UTC)),
    }
}

async fn update(
    demos: &Demos,
    handle: Handle<'_>,
    id: BookingId,
    user: UserId,
    body: &UpdateBooking,
) -> Result<(), DemoError> {
    if body.owner_id != OwnerChange::Keep || body.staff_notes.is_some() {
        actions::set_papers(demos, id, user, body.owner_id, body.staff_notes.as_deref()).await?;
    }
    if let Some(start) = body.start {
        actions::move_booking(demos, handle, start).await?;
    }
    if let Some(state) = body.state {
        actions::set_state(demos, handle, state).await?;
    }
    Ok(())
}

fn booking_id(text: &str) -> Result<BookingId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found())
}
