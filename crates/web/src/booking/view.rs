//! What the booking pages draw: functions from plain data to markup.

use demos::bookings::form::{Fault, Field, Typed};
use demos::bookings::model::{Booking, State};
use demos::bookings::phone;
use demos::slots::model::{Day, Slot};
use demos::words;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use platform::i18n::Locale;

use crate::components::{Icon, icon};
use crate::site::{Site, Visit, Words};

/// How many days are shown at once.
pub(super) const DAYS_SHOWN: usize = 10;

/// Who sees which page.
pub(super) struct Seen<'a> {
    /// The website.
    pub(super) site: &'a Site,
    /// The visit.
    pub(super) visit: &'a Visit,
    /// By whose clock the visitor reads.
    pub(super) zone: &'a TimeZone,
    /// By whose clock the operator reads.
    pub(super) host: &'a TimeZone,
    /// How long a demo is.
    pub(super) minutes: i32,
    /// The time.
    pub(super) now: Timestamp,
}

impl Seen<'_> {
    fn words(&self) -> Words<'_> {
        self.site.words(self.visit.locale)
    }

    fn locale(&self) -> Locale {
        self.visit.locale
    }

    fn text(&self, key: &str) -> String {
        self.words().text(key)
    }

    fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// An address of ours in the visit's language.
    fn to(&self, place: &str, query: &[(&str, &str)]) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        for (name, value) in query {
            pairs.append_pair(name, value);
        }
        let query = pairs.finish();
        let path = self.visit.to(place);
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    /// `Wednesday 25 November 2026, 09:00 to 09:25 GMT`.
    fn moment(&self, slot: &Slot) -> String {
        words::moment(self.locale(), slot, self.zone)
    }

    /// The same by the operator's clock, where that differs.
    fn host_moment(&self, slot: &Slot) -> Option<String> {
        let differs = !words::agree(slot.start, self.zone, self.host);
        differs.then(|| words::moment(self.locale(), slot, self.host))
    }
}

/// Which of the two steps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Time,
    Details,
}

/// Step 1.
pub(super) struct Times<'a> {
    /// The days from the first shown on.
    pub(super) days: &'a [Day],
    /// The day whose times are shown.
    pub(super) day: Option<Date>,
    /// The first shown day, when it is not the first of all.
    pub(super) from: Option<Date>,
    /// The chosen time.
    pub(super) slot: Option<Timestamp>,
    /// The visitor's hold, to be let go when another time is chosen.
    pub(super) hold: Option<&'a str>,
    /// What is wrong, and the nearest free times.
    pub(super) conflict: Option<(String, &'a [Slot])>,
}

/// Step 1: zone, day, time.
pub(super) fn choose_time(seen: &Seen<'_>, times: &Times<'_>) -> Markup {
    around(
        seen,
        Some(Step::Time),
        &html! {
            (conflict(seen, times))
            (zones(seen, "/book", &[]))
            (days(seen, times, "/book", &[]))
            (clock_form(seen, times, "/book/hold", &[], &seen.text("booking-next")))
            p.hint { a href=(seen.to("/book/details", &[("tz", seen.zone_name()), ("call", "1")])) data-step { (seen.text("booking-contact-link")) } }
        },
    )
}

/// Two columns: what it is about, and the step.
fn around(seen: &Seen<'_>, step: Option<Step>, body: &Markup) -> Markup {
    let points = [
        (Icon::CalendarClock, seen.words().text_with("booking-point-length", &[("minutes", seen.minutes.into())])),
        (Icon::Phone, seen.text("booking-point-question")),
        (Icon::Check, seen.text("booking-point-invite")),
    ];
    html! {
        div.bookbox data-check=(seen.visit.to("/book/check")) {
            div.aside {
                h1 { (seen.text("booking-lede")) }
                p { (seen.text("booking-about")) }
                ul { @for (sign, text) in &points { li { (icon(*sign)) span { (text) } } } }
            }
            div.step {
                @if let Some(step) = step { (steps(seen, step)) }
                (body)
            }
        }
    }
}

fn steps(seen: &Seen<'_>, step: Step) -> Markup {
    let entry = |this: Step, key: &str| {
        html! { li.on[this == Step::Time || step == Step::Details] aria-current=[(this == step).then_some("step")] { (seen.text(key)) } }
    };
    html! {
        ol.stages aria-label=(seen.text("booking-steps")) {
            (entry(Step::Time, "booking-step-time"))
            (entry(Step::Details, "booking-step-details"))
        }
    }
}

fn conflict(seen: &Seen<'_>, times: &Times<'_>) -> Markup {
    html! {
        @if let Some((what, others)) = &times.conflict {
            div.banner.warn role="alert" tabindex="-1" autofocus {
                (icon(Icon::CircleAlert))
                div {
                    p { strong { (what) } @if !others.is_empty() { " " (seen.text("booking-others")) ":" } }
                    @if !others.is_empty() {
                        ul.others { @for slot in *others {
                            li { a href=(seen.to("/book", &[("tz", seen.zone_name()), ("day", &day_of(seen, slot)), ("slot", &slot.start.to_string())])) data-step { (seen.moment(slot)) } }
                        } }
                    }
                }
            }
        }
    }
}

fn day_of(seen: &Seen<'_>, slot: &Slot) -> String {
    seen.zone.to_datetime(slot.start).date().to_string()
}

/// The zones that are offered by name; the visitor's own comes first.
const ZONES: [&str; 48] = [
    "Pacific/Honolulu",
    "America/Anchorage",
    "America/Los_Angeles",
    "America/Phoenix",
    "America/Denver",
    "America/Chicago",
    "America/Mexico_City",
    "America/New_York",
    "America/Toronto",
    "America/Bogota",
    "America/Lima",
    "America/Halifax",
    "America/Santiago",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Argentina/Buenos_Aires",
    "Atlantic/Azores",
    "UTC",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Lisbon",
    "Africa/Casablanca",
    "Africa/Lagos",
    "Europe/Paris",
    "Europe/Berlin",
    "Europe/Madrid",
    "Europe/Rome",
    "Europe/Zurich",
    "Africa/Johannesburg",
    "Africa/Cairo",
    "Europe/Athens",
    "Europe/Istanbul",
    "Africa/Nairobi",
    "Asia/Riyadh",
    "Asia/Dubai",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Dhaka",
    "Asia/Bangkok",
    "Asia/Singapore",
    "Asia/Hong_Kong",
    "Australia/Perth",
    "Asia/Tokyo",
    "Australia/Adelaide",
    "Australia/Brisbane",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Pacific/Tongatapu",
];

fn zones(seen: &Seen<'_>, place: &str, keep: &[(&str, &str)]) -> Markup {
    let own = seen.zone_name();
    let host = seen.host.iana_name().unwrap_or("UTC");
    let more = [own, host].into_iter().filter(|name| !ZONES.contains(name));
    let mut names: Vec<&str> = more.chain(ZONES).collect();
    names.dedup();
    let label = |name: &str| {
        let zone = demos::slots::model::zone(name).unwrap_or(TimeZone::UTC);
        let values = [
            ("city", words::city(name).into()),
            ("time", words::clock(seen.now, &zone).into()),
            ("zone", words::zone_letters(seen.now, &zone).into()),
        ];
        seen.words().text_with("booking-zone-now", &values)
    };
    html! {
        form.zone method="get" action=(seen.visit.to(place)) data-zone {
            @for (name, value) in keep { input type="hidden" name=(name) value=(value); }
            div.field {
                label for="tz" { (seen.text("booking-zone")) }
                select.in id="tz" name="tz" autocomplete="off" {
                    @for name in names { option value=(name) selected[name == own] { (label(name)) } }
                }
            }
            button.btn type="submit" { (seen.text("booking-zone-show")) }
        }
    }
}

fn days(seen: &Seen<'_>, times: &Times<'_>, place: &str, keep: &[(&str, &str)]) -> Markup {
    let shown = &times.days[..times.days.len().min(DAYS_SHOWN)];
    let later = times.days.get(DAYS_SHOWN).map(|day| day.date.to_string());
    let address = |more: &[(&str, &str)]| {
        let all: Vec<_> = keep.iter().copied().chain([("tz", seen.zone_name())]).chain(more.iter().copied()).collect();
        seen.to(place, &all)
    };
    let from = times.from.map(|date| date.to_string());
    html! {
        @if !shown.is_empty() {
            nav aria-labelledby="days-label" {
                p.label id="days-label" { (seen.text("booking-day")) }
                ul.days {
                    @for day in shown {
                        li { (tile(seen, times, day, address, from.as_deref())) }
                    }
                }
                @if times.from.is_some() || later.is_some() {
                    p.turn {
                        @if times.from.is_some() { a href=(address(&[])) data-step { (seen.text("booking-days-earlier")) } }
                        @if let Some(later) = &later { a href=(address(&[("from", later)])) data-step { (seen.text("booking-days-later")) } }
                    }
                }
            }
        }
    }
}

fn tile(
    seen: &Seen<'_>,
    times: &Times<'_>,
    day: &Day,
    address: impl Fn(&[(&str, &str)]) -> String,
    from: Option<&str>,
) -> Markup {
    let (weekday, date) = (words::short_weekday(seen.locale(), day.date), words::short_date(seen.locale(), day.date));
    let text = day.date.to_string();
    let mut query = vec![("day", text.as_str())];
    query.extend(from.map(|from| ("from", from)));
    html! {
        @if day.free.is_empty() {
            span.tile.full { b { (weekday) } " " span { (date) } " " small { (seen.text("booking-day-full")) } }
        } @else {
            a.tile href=(address(&query)) data-step aria-current=[(times.day == Some(day.date)).then_some("date")] { b { (weekday) } " " span { (date) } }
        }
    }
}

/// The times of the chosen day, as one question with one answer.
fn clock_form(seen: &Seen<'_>, times: &Times<'_>, place: &str, keep: &[(&str, &str)], go: &str) -> Markup {
    let free = times.days.iter().find(|day| Some(day.date) == times.day).map(|day| day.free.as_slice());
    let chosen = free.and_then(|free| free.iter().find(|slot| Some(slot.start) == times.slot));
    html! {
        @match (times.day, free) {
            (Some(date), Some(free)) => {
                form.times method="post" action=(seen.to(place, &[])) data-send {
                    @for (name, value) in keep { input type="hidden" name=(name) value=(value); }
                    input type="hidden" name="tz" value=(seen.zone_name());
                    input type="hidden" name="day" value=(date);
                    @if let Some(hold) = times.hold { input type="hidden" name="hold" value=(hold); }
                    fieldset {
                        legend.label { (seen.words().text_with("booking-time-on", &[("date", words::date(seen.locale(), date).into())])) }
                        div.clock {
                            @for slot in free {
                                label.tile {
                                    input type="radio" name="slot" value=(slot.start) required checked[Some(slot.start) == times.slot]
                                        autofocus[Some(slot.start) == times.slot && times.conflict.is_none()] data-said=(said(seen, slot));
                                    span { (words::clock(slot.start, seen.zone)) }
                                }
                            }
                        }
                    }
                    div.go {
                        p.said role="status" data-said-here { @if let Some(slot) = chosen { (said(seen, slot)) } }
                        button.btn.pri.lg type="submit" { (go) }
                    }
                }
            }
            _ => p.empty { (seen.text("booking-no-slots")) }
        }
    }
}

/// The chosen time in words, with the operator's where it differs.
fn said(seen: &Seen<'_>, slot: &Slot) -> String {
    let own = seen.moment(slot);
    match seen.host_moment(slot) {
        Some(host) => format!("{own}. {}", seen.words().text_with("booking-host-time", &[("when", host.into())])),
        None => own,
    }
}

/// Step 2.
pub(super) struct DetailsForm<'a> {
    /// The chosen time; none: "contact me".
    pub(super) slot: Option<Slot>,
    /// The hold on it, and until when.
    pub(super) hold: Option<(&'a str, Option<Timestamp>)>,
    /// As typed.
    pub(super) typed: &'a Typed,
    /// What is wrong with the fields.
    pub(super) faults: &'a [Fault],
    /// What is wrong with the whole.
    pub(super) problem: Option<String>,
    /// Other times, when the chosen one cannot be had.
    pub(super) others: &'a [Slot],
    /// The sealed mark of this form.
    pub(super) mark: &'a str,
    /// The likely address, when the typed one looks mistyped.
    pub(super) suggestion: Option<String>,
}

/// Step 2: who and where.
pub(super) fn ask_details(seen: &Seen<'_>, form: &DetailsForm<'_>) -> Markup {
    let start = form.slot.map(|slot| slot.start.to_string()).unwrap_or_default();
    around(
        seen,
        form.slot.map(|_| Step::Details),
        &html! {
            @match form.slot {
                Some(slot) => div.chosen {
                    p { strong { (seen.moment(&slot)) } @if let Some(host) = seen.host_moment(&slot) { br; small { (seen.words().text_with("booking-host-time", &[("when", host.into())])) } } }
                    a href=(seen.to("/book", &[("tz", seen.zone_name()), ("day", &day_of(seen, &slot)), ("slot", &start)])) data-step { (seen.text("booking-change")) }
                },
                None => p.label.big { (seen.text("booking-contact-title")) }
            }
            @if let Some((_, Some(until))) = form.hold {
                p.hint { (seen.words().text_with("booking-kept", &[("time", words::clock(until, seen.zone).into())])) }
            }
            (summary(seen, form))
            form.details method="post" action=(seen.to("/book/details", &[])) novalidate data-send data-busy=(seen.text("booking-submitting")) {
                (other_times(seen, form, &start))
                input type="hidden" name="tz" value=(seen.zone_name());
                input type="hidden" name="mark" value=(form.mark);
                @if let Some((hold, _)) = form.hold { input type="hidden" name="hold" value=(hold); }
                (line(seen, form, Field::Name, "text", None))
                (line(seen, form, Field::Email, "email", form.suggestion.as_deref()))
                (line(seen, form, Field::Clinic, "text", None))
                (phone_field(seen, form))
                (choice(seen, form, Field::ClinicType, &CLINIC_TYPES))
                (choice(seen, form, Field::Goal, &GOALS))
                (notes(seen, form))
                div.trap aria-hidden="true" {
                    label for="website" { (seen.text("booking-trap")) }
                    input id="website" name="website" type="text" tabindex="-1" autocomplete="off";
                }
                div.go {
                    button.btn.pri.lg type="submit" { (seen.text(if form.slot.is_some() { "booking-submit" } else { "booking-submit-call" })) }
                }
                p.hint { (seen.text("booking-privacy")) " " a href=(seen.visit.to("/privacy")) { (seen.text("booking-privacy-link")) } }
            }
        },
    )
}

fn fault_of(form: &DetailsForm<'_>, field: Field) -> Option<Fault> {
    form.faults.iter().find(|fault| fault.field == field).copied()
}

fn summary(seen: &Seen<'_>, form: &DetailsForm<'_>) -> Markup {
    html! {
        @if let Some(problem) = &form.problem {
            div.banner.warn role="alert" { (icon(Icon::CircleAlert)) p { (problem) } }
        }
        @if form.faults.len() > 1 {
            div.banner.bad role="alert" {
                (icon(Icon::CircleAlert))
                div {
                    p { (seen.text("booking-errors")) }
                    ul { @for fault in form.faults { li { a href={ "#" (fault.field.name()) } { (fault.text(seen.locale())) } } } }
                }
            }
        }
    }
}

fn other_times(seen: &Seen<'_>, form: &DetailsForm<'_>, start: &str) -> Markup {
    html! {
        @if form.others.is_empty() {
            input type="hidden" name="slot" value=(start);
        } @else {
            fieldset {
                legend.label { (seen.text("booking-others")) }
                div.others {
                    @for (index, slot) in form.others.iter().enumerate() {
                        label.check { input type="radio" name="slot" value=(slot.start) checked[index == 0] autofocus[index == 0]; span { (seen.moment(slot)) } }
                    }
                }
            }
        }
    }
}

fn label(seen: &Seen<'_>, field: Field, key: &str) -> Markup {
    let rules = field.rules();
    html! { label for=(rules.name) { (seen.text(key)) @if !rules.required { " " span.muted { "(" (seen.text("booking-optional")) ")" } } } }
}

fn key_of(field: Field) -> &'static str {
    match field {
        Field::Name => "booking-name",
        Field::Email => "booking-email",
        Field::Clinic => "booking-clinic",
        Field::Phone => "booking-phone",
        Field::Country => "booking-country",
        Field::ClinicType => "booking-clinic-type",
        Field::Goal => "booking-goal",
        Field::Notes => "booking-notes",
    }
}

/// The focus goes to the first fault.
fn is_first_fault(form: &DetailsForm<'_>, field: Field) -> bool {
    form.others.is_empty() && form.faults.first().is_some_and(|fault| fault.field == field)
}

fn error(seen: &Seen<'_>, fault: Option<Fault>) -> Markup {
    html! { @if let Some(fault) = fault { p.err id={ (fault.field.name()) "-error" } { (fault.text(seen.locale())) } } }
}

fn line(seen: &Seen<'_>, form: &DetailsForm<'_>, field: Field, kind: &str, suggestion: Option<&str>) -> Markup {
    let rules = field.rules();
    let fault = fault_of(form, field);
    let name = rules.name;
    let described = if fault.is_some() { format!("{name}-error {name}-hint") } else { format!("{name}-hint") };
    let meant = suggestion.map(|email| seen.words().text_with("booking-did-you-mean", &[("email", email.into())]));
    html! {
        div.field {
            (label(seen, field, key_of(field)))
            input.in id=(rules.name) name=(rules.name) type=(kind) value=(form.typed.get(field)) required[rules.required]
                maxlength=(rules.max_length) autocomplete=(rules.autocomplete) aria-invalid=[fault.map(|_| "true")]
                aria-describedby=(described) autofocus[is_first_fault(form, field)] dir=[(field == Field::Email).then_some("ltr")];
            (error(seen, fault))
            p.hint id={ (rules.name) "-hint" } data-echo=(rules.name) aria-live="polite" { @if let Some(meant) = meant { (meant) } }
        }
    }
}

fn phone_field(seen: &Seen<'_>, form: &DetailsForm<'_>) -> Markup {
    let (rules, fault) = (Field::Phone.rules(), fault_of(form, Field::Phone));
    let echo = phone::parse(&form.typed.country, &form.typed.phone).ok();
    let help = if form.slot.is_some() { "booking-phone-help" } else { "booking-phone-help-call" };
    let described = if fault.is_some() { "phone-error phone-hint" } else { "phone-hint" };
    html! {
        div.field {
            (label(seen, Field::Phone, "booking-phone"))
            div.number dir="ltr" {
                select.in name="country" aria-label=(seen.text("booking-country")) autocomplete="country" {
                    option value="" selected[form.typed.country.is_empty()] { (seen.text("booking-country-other")) }
                    @for (country, code) in phone::COUNTRIES { option value=(country) selected[form.typed.country == country] { (country) " " (code) } }
                }
                input.in id="phone" name="phone" type="tel" inputmode="tel" value=(form.typed.phone) required maxlength=(rules.max_length)
                    autocomplete="tel" aria-invalid=[fault.map(|_| "true")] aria-describedby=(described) autofocus[is_first_fault(form, Field::Phone)];
            }
            (error(seen, fault))
            p.hint id="phone-hint" {
                (seen.text(help)) " "
                span data-echo="phone" aria-live="polite" { @if let Some(phone) = echo { (seen.words().text_with("booking-phone-echo", &[("number", phone.shown.into())])) } }
            }
        }
    }
}

/// Values of the optional questions, with the key of what is read.
const CLINIC_TYPES: [(&str, &str); 5] = [
    ("dental", "booking-type-dental"),
    ("medical", "booking-type-medical"),
    ("aesthetic", "booking-type-aesthetic"),
    ("veterinary", "booking-type-veterinary"),
    ("other", "booking-type-other"),
];
const GOALS: [(&str, &str); 3] =
    [("bookings", "booking-goal-bookings"), ("automate", "booking-goal-automate"), ("cost", "booking-goal-cost")];

fn choice(seen: &Seen<'_>, form: &DetailsForm<'_>, field: Field, choices: &[(&str, &str)]) -> Markup {
    let name = field.name();
    html! {
        div.field {
            (label(seen, field, key_of(field)))
            select.in id=(name) name=(name) {
                option value="" { (seen.text("booking-none-chosen")) }
                @for (value, key) in choices { option value=(value) selected[form.typed.get(field) == *value] { (seen.text(key)) } }
            }
            (error(seen, fault_of(form, field)))
        }
    }
}

fn notes(seen: &Seen<'_>, form: &DetailsForm<'_>) -> Markup {
    let (rules, fault) = (Field::Notes.rules(), fault_of(form, Field::Notes));
    html! {
        div.field {
            (label(seen, Field::Notes, "booking-notes"))
            // A browser drops one line break right after the tag.
            textarea.in id="notes" name="notes" rows="3" maxlength=(rules.max_length) aria-invalid=[fault.map(|_| "true")]
                aria-describedby=[fault.map(|_| "notes-error")] autofocus[is_first_fault(form, Field::Notes)] { "\n" (form.typed.notes) }
            (error(seen, fault))
        }
    }
}

/// A booking as its holder sees it.
pub(super) struct Own<'a> {
    /// The booking.
    pub(super) booking: &'a Booking,
    /// The token of the link.
    pub(super) token: &'a str,
    /// Just made.
    pub(super) fresh: bool,
    /// Just moved.
    pub(super) moved: bool,
    /// Other times to choose from, when it is being moved.
    pub(super) times: Option<&'a Times<'a>>,
    /// The likely address, when the given one looks mistyped.
    pub(super) suggestion: Option<String>,
}

/// The title of a booking's page.
pub(super) fn title(seen: &Seen<'_>, booking: &Booking) -> String {
    seen.text(match (booking.state, booking.slot.is_some()) {
        (State::Cancelled, _) => "booking-cancelled",
        (_, true) => "booking-done",
        (_, false) => "booking-done-call",
    })
}

/// A booking: see, move, cancel, add to the calendar.
pub(super) fn own(seen: &Seen<'_>, own: &Own<'_>) -> Markup {
    let booking = own.booking;
    let place = format!("/book/{}", own.token);
    let keep = [("move", "1")];
    let changeable = booking.is_changeable(seen.now);
    let title = title(seen, booking);
    html! {
        div.booked {
            h1 { (title) }
            @if own.fresh { p.banner.ok role="status" { (icon(Icon::Check)) span { (seen.words().text_with("booking-mail-on-its-way", &[("email", booking.email.as_str().into())])) } } }
            @if let Some(meant) = own.suggestion.as_deref().filter(|_| own.fresh) {
                p.banner.warn { (icon(Icon::CircleAlert)) span { (seen.words().text_with("booking-did-you-mean", &[("email", meant.into())])) } }
            }
            @if own.moved { p.banner.ok role="status" { (icon(Icon::Check)) span { (seen.text("booking-moved")) } } }
            dl.facts {
                @if let Some(slot) = &booking.slot {
                    div { dt { (seen.text("booking-your-time")) } dd { time datetime=(slot.start) { (seen.moment(slot)) } } }
                    @if let Some(host) = seen.host_moment(slot) { div { dt { (seen.text("booking-our-time")) } dd { (host) } } }
                }
                div { dt { (seen.text("booking-state")) } dd { (seen.text(state_key(booking, seen.now))) } }
                div { dt { (seen.text("booking-clinic")) } dd { bdi { (booking.clinic) } } }
                div { dt { (seen.text("booking-phone")) } dd { bdi dir="ltr" { (phone::shown(&booking.phone)) } } }
            }
            @if let Some(times) = own.times.filter(|_| changeable) {
                section aria-labelledby="move-title" {
                    h2 id="move-title" { (seen.text("booking-move")) }
                    (conflict_on(seen, times))
                    (zones(seen, &place, &keep))
                    (days(seen, times, &place, &keep))
                    (clock_form(seen, times, &format!("{place}/move"), &[], &seen.text("booking-move-here")))
                    p { a href=(seen.to(&place, &[])) data-step { (seen.text("booking-keep")) } }
                }
            } @else {
                div.acts {
                    @if booking.slot.is_some() && booking.state.is_open() { a.btn.pri href=(seen.visit.to(&format!("{place}/calendar.ics"))) download="demo.ics" { (seen.text("booking-add")) } }
                    @if changeable {
                        a.btn href=(seen.to(&place, &[("move", "1"), ("tz", seen.zone_name())])) data-step { (seen.text("booking-move")) }
                        details.confirm {
                            summary.btn.bad { (seen.text("booking-cancel")) }
                            form method="post" action=(seen.to(&format!("{place}/cancel"), &[])) data-send {
                                p { (seen.text("booking-cancel-sure")) }
                                button.btn.bad type="submit" { (seen.text("booking-cancel")) }
                            }
                        }
                    } @else if booking.state == State::Cancelled {
                        a.btn.pri href=(seen.to("/book", &[("tz", seen.zone_name())])) data-step { (seen.text("booking-again")) }
                    }
                }
                @if !changeable && booking.state.is_open() { p.hint { (seen.text("booking-over")) } }
            }
        }
    }
}

fn conflict_on(seen: &Seen<'_>, times: &Times<'_>) -> Markup {
    html! {
        @if let Some((what, others)) = &times.conflict {
            div.banner.warn role="alert" {
                (icon(Icon::CircleAlert))
                div {
                    p { strong { (what) } }
                    @if !others.is_empty() { p { (seen.text("booking-others")) ":" } ul { @for slot in *others { li { (seen.moment(slot)) } } } }
                }
            }
        }
    }
}

fn state_key(booking: &Booking, now: Timestamp) -> &'static str {
    match booking.state {
        State::Cancelled => "booking-state-cancelled",
        State::Done | State::NoShow => "booking-state-over",
        _ if booking.slot.is_some_and(|slot| slot.end < now) => "booking-state-over",
        State::Confirmed => "booking-state-confirmed",
        State::Moved => "booking-state-moved",
        State::Held | State::Booked => "booking-state-booked",
    }
}

/// For a link that is nobody's.
pub(super) fn unknown(seen: &Seen<'_>) -> Markup {
    html! {
        div.booked {
            h1 { (seen.text("booking-unknown")) }
            p { (seen.text("booking-unknown-line")) }
            div.acts { a.btn.pri href=(seen.visit.to("/book")) { (seen.text("booking-title")) } }
        }
    }
}
