//! Demo bookings of the operator: by week, as a list, one with its history, and when demos are offered.

use demos::bookings::model::{Booking, BookingEvent, State};
use demos::bookings::phone;
use demos::slots::model::OpeningRules;
use demos::words;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use platform::i18n::Locale;
use uuid::Uuid;

use crate::components::{
    Choice, Column, Icon, Look, Nav, Tone, confirm, empty, error_summary, filter_bar, heading, icon, key_values,
    moment, pager, post_form, row_link, select, setting_form, shell, submit, table, tag,
};
use crate::frame::Chrome;

const HOME: &str = "/app/operator/bookings";

/// One of the operator's people: id and name.
pub type Person = (Uuid, String);

/// What the filters hold, as typed.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// Words.
    pub q: String,
    /// A state; empty for all but held.
    pub state: String,
    /// Who gives it; empty for anybody.
    pub owner: String,
}

impl Filters {
    fn any(&self) -> bool {
        [&self.q, &self.state, &self.owner].iter().any(|value| !value.is_empty())
    }
}

/// A week or a list of bookings.
#[derive(Debug)]
pub struct Bookings {
    /// Monday of the shown week; none: a list, the newest first.
    pub week: Option<Date>,
    /// The filters.
    pub filters: Filters,
    /// What is wrong with them.
    pub problem: Option<String>,
    /// The bookings.
    pub rows: Vec<Booking>,
    /// Who may give demos.
    pub staff: Vec<Person>,
    /// The operator's clock.
    pub zone: TimeZone,
    /// This very page, to fetch it again.
    pub here: String,
    /// The same as a file.
    pub export: String,
    /// The week before and the one after, or the newest and the older page.
    pub back: Option<String>,
    /// See `back`.
    pub forth: Option<String>,
    /// The other view.
    pub other: String,
    /// The last live event of the operator's organization, for somebody who looks at another one: their own connection
    /// hears nothing of bookings.
    pub elsewhere: Option<i64>,
}

/// The whole page.
pub fn page(chrome: &Chrome, view: &Bookings) -> Markup {
    shell(chrome, Nav::Bookings, "Bookings", &content(chrome, view))
}

fn content(chrome: &Chrome, view: &Bookings) -> Markup {
    let acts = html! {
        div.acts {
            a.btn href=(view.other) { @if view.week.is_some() { "As a list" } @else { "By week" } }
            a.btn href=(view.export) download { "Export CSV" }
            a.btn href={ (HOME) "/rules" } { (icon(Icon::CalendarClock)) "Opening hours" }
        }
    };
    let states: Vec<Choice<'_>> = std::iter::once(Choice { value: "", label: "Any" })
        .chain(State::ALL.iter().map(|state| Choice { value: state.as_str(), label: label(*state) }))
        .collect();
    let ids: Vec<String> = view.staff.iter().map(|(id, _)| id.to_string()).collect();
    let owners: Vec<Choice<'_>> = std::iter::once(Choice { value: "", label: "Anybody" })
        .chain(ids.iter().zip(&view.staff).map(|(id, (_, name))| Choice { value: id, label: name }))
        .collect();
    let clear = if view.week.is_some() { HOME } else { "/app/operator/bookings?view=list" };
    html! {
        (heading(&html! { "Bookings" }, &html! { "Demos that prospects booked, by the clock of " (view.zone.iana_name().unwrap_or("UTC")) "." }, Some(&acts)))
        section.card aria-label="Bookings" {
            (filter_bar(HOME, view.filters.any().then_some(clear), &html! {
                @if view.week.is_none() { input type="hidden" name="view" value="list"; }
                @if let Some(week) = view.week { input type="hidden" name="week" value=(week); }
                div.field { label for="q" { "Name, clinic, address or number" } input.in id="q" name="q" type="search" value=(view.filters.q); }
                (select("state", "state", "State", &states, &view.filters.state, false))
                (select("owner", "owner", "Given by", &owners, &view.filters.owner, false))
            }))
            (error_summary(view.problem.as_deref()))
            @if let Some(since) = view.elsewhere { vx-live src="/api/v1/live?feed=bookings" since=(since) data-bookings hidden {} }
            div.region id="bookings" hx-get=(view.here) hx-trigger="vx:booking.changed from:document" hx-swap="innerMorph" hx-nonce=(chrome.frame.nonce.as_str()) {
                (rows(view))
            }
        }
    }
}

/// The bookings without the page around them.
pub fn rows(view: &Bookings) -> Markup {
    match view.week {
        Some(monday) => week(view, monday),
        None => list(view),
    }
}

fn week(view: &Bookings, monday: Date) -> Markup {
    let turn = |href: Option<&String>, text: &str| html! { @if let Some(href) = href { a.btn href=(href) { (text) } } };
    html! {
        div.row.wrap.between.week {
            h2 { "Week of " (words::full_date(Locale::En, monday)) }
            div.acts { (turn(view.back.as_ref(), "Week before")) (turn(view.forth.as_ref(), "Week after")) }
        }
        @if view.rows.is_empty() {
            (empty(Icon::CalendarClock, "Nothing in this week", &html! { p { "A demo that somebody books appears here by itself." } }))
        } @else {
            @if view.rows.iter().any(|booking| booking.slot.is_none()) {
                div.week {
                    h3 { "To be called back" }
                    (table_of(view, "Prospects who asked to be called", |booking| booking.slot.is_none()))
                }
            }
            @for day in days_of(view) {
                div.week {
                    h3 { (words::date(Locale::En, day)) }
                    (table_of(view, &format!("Bookings of {day}"), |booking| day_in(booking, &view.zone) == Some(day)))
                }
            }
        }
    }
}

fn days_of(view: &Bookings) -> Vec<Date> {
    let mut days: Vec<Date> = view.rows.iter().filter_map(|booking| day_in(booking, &view.zone)).collect();
    days.dedup();
    days
}

fn day_in(booking: &Booking, zone: &TimeZone) -> Option<Date> {
    booking.slot.map(|slot| zone.to_datetime(slot.start).date())
}

fn list(view: &Bookings) -> Markup {
    html! {
        @if view.rows.is_empty() && view.filters.any() {
            (empty(Icon::Search, "No booking matches", &html! { p { "Change a filter, or look at all of them." } }))
        } @else if view.rows.is_empty() {
            (empty(Icon::CalendarClock, "No bookings yet", &html! {
                p { "A demo that somebody books on the website appears here by itself." }
                div.acts { a.btn href="/book" { "See the booking page" } }
            }))
        } @else {
            (table_of(view, "Bookings", |_| true))
            (pager(view.back.as_deref(), view.forth.as_deref()))
        }
    }
}

const COLUMNS: [Column; 5] = [
    Column { title: "Time", class: "" },
    Column { title: "Clinic", class: "" },
    Column { title: "Who", class: "" },
    Column { title: "State", class: "" },
    Column { title: "Given by", class: "" },
];

fn table_of(view: &Bookings, caption: &str, wanted: impl Fn(&Booking) -> bool) -> Markup {
    table(
        caption,
        "cards",
        &COLUMNS,
        &html! {
            @for booking in view.rows.iter().filter(|booking| wanted(booking)) {
                tr id={ "b-" (booking.id) } {
                    td.nowrap data-label="Time" { (time(booking, view)) }
                    td data-label="Clinic" {
                        @if booking.state == State::Held { span.muted { "Somebody fills in the form" } }
                        @else { (row_link(&format!("{HOME}/{}", booking.id), &html! { bdi { (booking.clinic) } })) }
                    }
                    td data-label="Who" { bdi { (booking.name) } }
                    td data-label="State" { (tag(tone(booking.state), label(booking.state))) }
                    td data-label="Given by" { (owner_of(booking, &view.staff)) }
                }
            }
        },
    )
}

fn time(booking: &Booking, view: &Bookings) -> Markup {
    html! {
        @match booking.slot {
            Some(slot) if view.week.is_some() => time datetime=(slot.start) { (words::clock(slot.start, &view.zone)) },
            Some(slot) => time datetime=(slot.start) { (words::short_date(Locale::En, view.zone.to_datetime(slot.start).date())) ", " (words::clock(slot.start, &view.zone)) },
            None => (tag(Tone::Warn, "Wants a call")),
        }
    }
}

fn owner_of(booking: &Booking, staff: &[Person]) -> Markup {
    let name = booking.owner.and_then(|owner| staff.iter().find(|(id, _)| *id == owner.uuid()));
    html! { @match name { Some((_, name)) => (name), None => span.muted { "Nobody" } } }
}

/// A state in a word.
pub fn label(state: State) -> &'static str {
    match state {
        State::Held => "Held",
        State::Booked => "Booked",
        State::Confirmed => "Confirmed",
        State::Moved => "Moved",
        State::Done => "Done",
        State::NoShow => "No-show",
        State::Cancelled => "Cancelled",
    }
}

fn tone(state: State) -> Tone {
    match state {
        State::Confirmed | State::Done => Tone::Ok,
        State::Booked | State::Moved => Tone::Info,
        State::NoShow | State::Cancelled => Tone::Bad,
        State::Held => Tone::Neutral,
    }
}

/// One booking.
#[derive(Debug)]
pub struct OneBooking {
    /// It.
    pub booking: Booking,
    /// What happened to it.
    pub events: Vec<BookingEvent>,
    /// Who may give demos.
    pub staff: Vec<Person>,
    /// The operator's clock.
    pub zone: TimeZone,
    /// What went wrong with an action.
    pub problem: Option<String>,
    /// Notes as typed, when they were not stored.
    pub typed_notes: Option<String>,
}

/// The whole page.
pub fn one(chrome: &Chrome, view: &OneBooking) -> Markup {
    shell(chrome, Nav::Bookings, &view.booking.clinic, &one_content(chrome, view))
}

fn one_content(chrome: &Chrome, view: &OneBooking) -> Markup {
    let booking = &view.booking;
    html! {
        p { a href=(HOME) { "All bookings" } }
        (heading(&html! { bdi { (booking.clinic) } " " (tag(tone(booking.state), label(booking.state))) }, &html! { (when(booking, &view.zone)) }, None))
        div.stack {
            (error_summary(view.problem.as_deref()))
            section.card aria-labelledby="what-now" {
                header { h2 id="what-now" { "What became of it" } }
                div.body.acts { (states(chrome, booking)) }
            }
            section.card aria-labelledby="who" {
                header { h2 id="who" { "Prospect" } }
                div.body.narrow { (facts(booking)) }
            }
            section.card aria-labelledby="papers" {
                header { h2 id="papers" { "Ours" } }
                div.body.narrow { (papers(chrome, view)) }
            }
            @if booking.state.is_open() {
                section.card aria-labelledby="move" {
                    header { h2 id="move" { @if booking.slot.is_some() { "Move" } @else { "Set a time" } } }
                    div.body { (mover(chrome, booking, &view.zone)) }
                }
            }
            section.card aria-labelledby="history" {
                header { h2 id="history" { "History" } }
                div.body { (history(chrome, view)) }
            }
        }
    }
}

fn when(booking: &Booking, zone: &TimeZone) -> String {
    match &booking.slot {
        Some(slot) if words::agree(slot.start, zone, &booking.zone) => words::moment(Locale::En, slot, zone),
        Some(slot) => format!(
            "{}. For them: {}.",
            words::moment(Locale::En, slot, zone),
            words::moment(Locale::En, slot, &booking.zone)
        ),
        None => "No time chosen: wants a call.".to_owned(),
    }
}

fn states(chrome: &Chrome, booking: &Booking) -> Markup {
    let action = format!("{HOME}/{}/state", booking.id);
    html! {
        @for to in [State::Confirmed, State::Done, State::NoShow] {
            @if booking.state.may_become(to) {
                (post_form(&chrome.frame, &action, "", &html! {
                    input type="hidden" name="state" value=(to.as_str());
                    (submit(if to == State::Confirmed { Look::Primary } else { Look::Default }, label(to)))
                }))
            }
        }
        @if booking.state.may_become(State::Cancelled) {
            (confirm(&chrome.frame, "Cancel the demo", "The prospect is told by mail, and the time becomes free.", &action, &[("state", "cancelled")]))
        }
        @if booking.state == State::Cancelled { p.muted { "Cancelled, and the prospect was told." } }
    }
}

fn facts(booking: &Booking) -> Markup {
    let text = |value: &Option<String>| html! { @match value { Some(text) => bdi { (text) }, None => span.muted { "Not said" } } };
    key_values(&[
        ("Name", html! { bdi { (booking.name) } }),
        ("E-mail", html! { a href={ "mailto:" (booking.email) } { (booking.email) } }),
        ("Phone", html! { a href={ "tel:" (booking.phone) } { bdi { (phone::shown(&booking.phone)) } } }),
        ("Kind of clinic", text(&booking.clinic_type)),
        ("Goal", text(&booking.goal)),
        (
            "Notes",
            html! { @match &booking.notes { Some(notes) => span.lines { (notes) }, None => span.muted { "None" } } },
        ),
        ("Language", html! { (booking.locale.native_name()) }),
        ("Their zone", html! { (booking.zone.iana_name().unwrap_or("UTC")) }),
        (
            "Came through",
            html! { (match booking.source.as_str() { "page" => "Our page", "api" => "The API", _ => "/api/book-demo" }) },
        ),
    ])
}

fn papers(chrome: &Chrome, view: &OneBooking) -> Markup {
    let booking = &view.booking;
    let owner = booking.owner.map(|owner| owner.to_string()).unwrap_or_default();
    let ids: Vec<String> = view.staff.iter().map(|(id, _)| id.to_string()).collect();
    let owners: Vec<Choice<'_>> = std::iter::once(Choice { value: "", label: "Nobody yet" })
        .chain(ids.iter().zip(&view.staff).map(|(id, (_, name))| Choice { value: id, label: name }))
        .collect();
    let notes = view.typed_notes.as_ref().unwrap_or(&booking.staff_notes);
    setting_form(
        &chrome.frame,
        &format!("{HOME}/{}/papers", booking.id),
        "stack",
        &html! {
            (select("owner", "owner", "Given by", &owners, &owner, false))
            div.field {
                label for="notes" { "Notes, for us only" }
                textarea.in id="notes" name="notes" rows="4" maxlength="4000" { "\n" (notes) }
            }
            div.acts { (submit(Look::Default, "Save")) }
        },
    )
}

fn mover(chrome: &Chrome, booking: &Booking, zone: &TimeZone) -> Markup {
    let now = booking.slot.map(|slot| zone.to_datetime(slot.start).strftime("%Y-%m-%dT%H:%M").to_string());
    post_form(
        &chrome.frame,
        &format!("{HOME}/{}/move", booking.id),
        "row wrap low",
        &html! {
            div.field {
                label for="at" { "Time by our clock" }
                input.in id="at" name="at" type="datetime-local" required value=[now];
            }
            (submit(Look::Default, "Move and tell the prospect"))
        },
    )
}

fn history(chrome: &Chrome, view: &OneBooking) -> Markup {
    html! {
        ol.stack {
            @for event in &view.events {
                li {
                    (moment(event.at, chrome.frame.now, &view.zone)) " "
                    (event_word(&event.what))
                    @if let Some(was) = event.was_at { ", was " (words::short_date(Locale::En, view.zone.to_datetime(was).date())) " " (words::clock(was, &view.zone)) }
                    span.muted { " by " (doer(event, view)) }
                }
            }
        }
    }
}

fn doer(event: &BookingEvent, view: &OneBooking) -> String {
    if event.by_prospect {
        return "the prospect".to_owned();
    }
    let name = event.user.and_then(|user| view.staff.iter().find(|(id, _)| *id == user.uuid()));
    name.map_or_else(|| "somebody who left".to_owned(), |(_, name)| name.clone())
}

fn event_word(what: &str) -> &'static str {
    match what {
        "booked" => "Booked",
        "moved" => "Moved",
        "confirmed" => "Confirmed",
        "done" => "Done",
        "no_show" => "No-show",
        "cancelled" => "Cancelled",
        "reopened" => "Opened again",
        _ => "Changed",
    }
}

/// The opening rules, as typed.
#[derive(Clone, Debug)]
pub struct RulesForm {
    /// IANA zone.
    pub zone: String,
    /// A text for each day, Monday first.
    pub hours: [String; 7],
    /// Minutes.
    pub length: String,
    /// Minutes.
    pub buffer: String,
    /// Minutes.
    pub notice: String,
    /// Days.
    pub horizon: String,
    /// A date in each line.
    pub days_off: String,
    /// What is wrong.
    pub problem: Option<String>,
}

impl From<&OpeningRules> for RulesForm {
    fn from(rules: &OpeningRules) -> Self {
        let days: Vec<String> = rules.days_off.iter().map(ToString::to_string).collect();
        Self {
            zone: rules.zone_name().to_owned(),
            hours: rules.hours.texts(),
            length: rules.length_minutes.to_string(),
            buffer: rules.buffer_minutes.to_string(),
            notice: rules.notice_minutes.to_string(),
            horizon: rules.horizon_days.to_string(),
            days_off: days.join("\n"),
            problem: None,
        }
    }
}

/// The whole page of the opening rules.
pub fn rules(chrome: &Chrome, form: &RulesForm) -> Markup {
    const NAMES: [(&str, &str); 7] = [
        ("mon", "Monday"),
        ("tue", "Tuesday"),
        ("wed", "Wednesday"),
        ("thu", "Thursday"),
        ("fri", "Friday"),
        ("sat", "Saturday"),
        ("sun", "Sunday"),
    ];
    let number = |id: &str, label: &str, value: &str, least: i32, most: i32| {
        html! { div.field { label for=(id) { (label) } input.in id=(id) name=(id) type="number" required min=(least) max=(most) value=(value); } }
    };
    let content = html! {
        p { a href=(HOME) { "All bookings" } }
        (heading(&html! { "Opening hours" }, &html! { "When demos are offered. Bookings that are there stay as they are." }, None))
        (error_summary(form.problem.as_deref()))
        section.card aria-label="Opening hours" {
            div.body {
                (setting_form(&chrome.frame, &format!("{HOME}/rules"), "stack", &html! {
                    div.field {
                        label for="zone" { "Time zone" }
                        input.in id="zone" name="zone" value=(form.zone) required maxlength="64" autocomplete="off" aria-describedby="zone-hint";
                        p.hint id="zone-hint" { "An IANA name like Europe/London." }
                    }
                    @for ((id, name), hours) in NAMES.iter().zip(&form.hours) {
                        div.field {
                            label for=(id) { (name) }
                            input.in id=(id) name=(id) value=(hours) placeholder="closed" maxlength="200" autocomplete="off";
                        }
                    }
                    p.hint { "Hours like 09:00-12:30, 13:30-17:00. Leave a day empty to close it." }
                    (number("length", "Length of a demo, minutes", &form.length, 5, 240))
                    (number("buffer", "Kept free after one, minutes", &form.buffer, 0, 240))
                    (number("notice", "Booked at least so long before, minutes", &form.notice, 0, 43_200))
                    (number("horizon", "Booked at most so far ahead, days", &form.horizon, 1, 365))
                    div.field {
                        label for="days_off" { "Days off" }
                        textarea.in id="days_off" name="days_off" rows="4" placeholder="2026-12-25" { "\n" (form.days_off) }
                        p.hint { "A date in each line." }
                    }
                    div.acts { (submit(Look::Primary, "Save")) }
                }))
            }
        }
    };
    shell(chrome, Nav::Bookings, "Opening hours", &content)
}
