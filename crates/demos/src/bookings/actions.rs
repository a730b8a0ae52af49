//! Holding a time, booking it, and what happens to the booking after.

use std::net::IpAddr;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mail::CalendarMethod;
use platform::audit::{self, Actor};
use platform::crypto::{MasterKey, new_token, token_digest};
use platform::http::{Cursor, Limit, Page};
use platform::i18n::Locale;
use platform::ids::{OrgId, UserId};
use platform::secret::Secret;
use platform::tenancy::TenantTx;
use serde_json::json;

use super::form::Details;
use super::letters::{ABOUT, Desk, News, TO_SALES};
use super::model::{Booking, BookingEvent, BookingId, HOLD_LASTS, Held, MOST_OF_MAILBOX, OwnerChange, Source, State};
use super::store::{self, NewBooking, Wanted};
use crate::slots::actions::alternatives;
use crate::slots::model::OpeningRules;
use crate::slots::store as slots;
use crate::{DemoError, Demos};

/// Said of a mail that was overtaken.
const NO_LONGER_TRUE: &str = "the booking was changed before this left";
/// The constraint that keeps two demos apart.
const ONE_AT_A_TIME: &str = "demo_bookings_one_at_a_time";

/// Keeps a time for ten minutes, and lets go of the one that the same visitor held before.
pub async fn hold(
    demos: &Demos,
    start: Timestamp,
    client: IpAddr,
    before: Option<&str>,
) -> Result<(Held, Secret), DemoError> {
    let now = demos.now();
    let mut tx = demos.begin().await?;
    let rules = slots::rules(&mut tx).await?;
    let slot = rules.slot_at(start);
    if let Some(before) = before {
        store::free_hold(&mut tx, &token_digest(before)).await?;
    }
    let holder = token_digest(&format!("demo-hold/{client}"));
    store::free_oldest_holds(&mut tx, &holder).await?;
    store::free_expired(&mut tx, now, Some(&slot)).await?;
    let token = new_token();
    let until = now.saturating_add(HOLD_LASTS).unwrap_or(Timestamp::MAX);
    let is_offered = rules.offers(now, start);
    let is_held =
        is_offered && store::insert_hold(&mut tx, &slot, &token_digest(token.expose()), &holder, until, now).await?;
    if is_held {
        tx.commit().await?;
        return Ok((Held { slot, until }, token));
    }
    let others = alternatives(&mut tx, &rules, now, start).await?;
    // The visitor's earlier hold is given up all the same: they chose another time.
    tx.commit().await?;
    Err(if is_offered { DemoError::Taken(others) } else { DemoError::NotOffered(others) })
}

/// The time that a hold keeps, if it still does.
pub async fn held(demos: &Demos, token: &str) -> Result<Option<Held>, DemoError> {
    let mut tx = demos.begin().await?;
    let found = store::find_hold(&mut tx, &token_digest(token)).await?;
    tx.commit().await?;
    Ok(found.map(|(_, slot, until)| Held { slot, until }).filter(|held| held.until > demos.now()))
}

/// A wish to book.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Begins; none: "contact me".
    pub start: Option<Timestamp>,
    /// Token of the hold on that time.
    pub hold: Option<Secret>,
    /// The form.
    pub details: Details,
    /// By whose clock the prospect reads.
    pub zone: TimeZone,
    /// The language of their mails.
    pub locale: Locale,
    /// Where it comes from.
    pub source: Source,
    /// The same key twice is one booking.
    pub key: Option<String>,
}

/// What came of a wish.
#[derive(Clone, Debug)]
pub struct Booked {
    /// The booking.
    pub booking: Booking,
    /// The token of its link.
    pub token: Secret,
    /// Whether it was there already, under the same key.
    pub repeated: bool,
}

/// Books, and writes both mails in the same transaction. The loser of a race gets the nearest free times.
pub async fn book(demos: &Demos, wish: &Wish) -> Result<Booked, DemoError> {
    let mut tx = demos.begin().await?;
    let made = book_in(demos, &mut tx, wish).await;
    match made {
        Ok((booked, seq)) => {
            tx.commit().await?;
            if let Some((org, seq)) = seq {
                demos.after_change(org, seq);
            }
            Ok(booked)
        }
        Err(error) => {
            tx.rollback().await?;
            Err(error)
        }
    }
}

async fn book_in(demos: &Demos, tx: &mut TenantTx, wish: &Wish) -> Result<(Booked, Option<(OrgId, i64)>), DemoError> {
    let now = demos.now();
    if let Some(booked) = repeated(demos, tx, wish).await? {
        return Ok((booked, None));
    }
    let a_day_ago = now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now);
    if store::count_of_mailbox(tx, &wish.details.email, a_day_ago).await? >= MOST_OF_MAILBOX {
        return Err(DemoError::TooMany);
    }
    let rules = slots::rules(tx).await?;
    let id = BookingId::new();
    let token = new_token();
    let digest = token_digest(token.expose());
    let sealed = demos.seal(tx.org(), id, &token)?;
    let hold_digest = wish.hold.as_ref().map(|hold| token_digest(hold.expose()));
    let kept = match &hold_digest {
        Some(digest) => store::find_hold(tx, digest).await?.map(|(_, slot, _)| slot),
        None => None,
    };
    // Whoever holds one time and asks for another gets the other one.
    let kept = kept.filter(|slot| wish.start.is_none_or(|start| start == slot.start));
    let slot = kept.or_else(|| wish.start.map(|start| rules.slot_at(start)));
    let zone = wish.zone.iana_name().unwrap_or("UTC");
    let new = NewBooking {
        id,
        slot,
        details: &wish.details,
        zone,
        locale: wish.locale,
        source: wish.source,
        token_digest: &digest,
        sealed_token: &sealed,
        idempotency_key: wish.key.as_deref(),
        now,
    };
    let by_hold = match (&hold_digest, kept) {
        (Some(digest), Some(_)) => store::book_hold(tx, &new, digest).await?,
        _ => false,
    };
    if !by_hold {
        if let Some(slot) = slot {
            if !rules.offers(now, slot.start) {
                return Err(DemoError::NotOffered(alternatives(tx, &rules, now, slot.start).await?));
            }
            store::free_expired(tx, now, Some(&slot)).await?;
        }
        if !store::insert_booking(tx, &new).await? {
            // The same request may have won a moment ago.
            if let Some(booked) = repeated(demos, tx, wish).await? {
                return Ok((booked, None));
            }
            let wanted = slot.map_or(now, |slot| slot.start);
            return Err(DemoError::Taken(alternatives(tx, &rules, now, wanted).await?));
        }
    }
    let (booking, _) = store::lock_by_id(tx, id).await?.ok_or(DemoError::NotFound)?;
    store::insert_event(tx, id, "booked", None, None, now).await?;
    let org = tx.org();
    audit::record(tx, Actor::System, "demo.booked", Some(&id.to_string()), json!({ "source": wish.source.as_str() }))
        .await?;
    let desk = demos.desk(&rules);
    demos.outbox().enqueue(tx, desk.to_prospect(News::Booked, &booking, token.expose())).await?;
    demos.outbox().enqueue(tx, desk.to_sales(News::Booked, &booking)).await?;
    let seq = store::tell(tx, id, State::Booked).await?;
    Ok((Booked { booking, token, repeated: false }, Some((org, seq))))
}

/// The booking that was made with the wish's key. Somebody else's key tells nothing: it is another person's request.
async fn repeated(demos: &Demos, tx: &mut TenantTx, wish: &Wish) -> Result<Option<Booked>, DemoError> {
    let Some(key) = &wish.key else { return Ok(None) };
    let Some((booking, sealed)) = store::find_by_key(tx, key).await? else { return Ok(None) };
    if booking.email != wish.details.email || booking.phone != wish.details.phone.e164 {
        return Err(DemoError::KeyReused);
    }
    let token = demos.open(tx.org(), booking.id, &sealed)?;
    Ok(Some(Booked { booking, token, repeated: true }))
}

/// A booking by the token of its link.
pub async fn find(demos: &Demos, token: &str) -> Result<Booking, DemoError> {
    let mut tx = demos.begin().await?;
    let found = store::lock_by_token(&mut tx, &token_digest(token)).await?;
    tx.commit().await?;
    found.map(|(booking, _)| booking).ok_or(DemoError::NotFound)
}

/// A booking as a file for calendar programs; none without a time.
pub async fn calendar_file(demos: &Demos, token: &str) -> Result<Option<String>, DemoError> {
    let booking = find(demos, token).await?;
    let rules = crate::slots::actions::opening_rules(demos).await?;
    let desk = demos.desk(&rules);
    let link = desk.link(booking.locale, token);
    let method = (booking.state == State::Cancelled).then_some(CalendarMethod::Cancel);
    Ok(desk.entry(&booking, &link, method))
}

/// Which booking, and who acts.
#[derive(Clone, Copy, Debug)]
pub enum Handle<'a> {
    /// The prospect, by the token of the link.
    Token(&'a str),
    /// The operator's person.
    Staff(BookingId, UserId),
}

impl Handle<'_> {
    fn user(self) -> Option<UserId> {
        match self {
            Self::Token(_) => None,
            Self::Staff(_, user) => Some(user),
        }
    }

    fn actor(self) -> Actor {
        self.user().map_or(Actor::System, Actor::Operator)
    }

    async fn lock(self, tx: &mut TenantTx) -> Result<(Booking, Vec<u8>), DemoError> {
        let found = match self {
            Self::Token(token) => store::lock_by_token(tx, &token_digest(token)).await?,
            Self::Staff(id, _) => store::lock_by_id(tx, id).await?,
        };
        found.ok_or(DemoError::NotFound)
    }
}

/// Gives a booking another time, and tells the prospect, and the sales team if the prospect did it. The operator may
/// choose any time to come, the prospect one that is offered.
pub async fn move_booking(demos: &Demos, handle: Handle<'_>, start: Timestamp) -> Result<Booking, DemoError> {
    let now = demos.now();
    let mut tx = demos.begin().await?;
    let rules = slots::rules(&mut tx).await?;
    match move_in(demos, &mut tx, &rules, handle, start).await {
        Ok((booking, None)) => {
            tx.rollback().await?;
            Ok(booking)
        }
        Ok((booking, Some(seq))) => {
            let org = tx.org();
            tx.commit().await?;
            demos.after_change(org, seq);
            Ok(booking)
        }
        Err(DemoError::Database(error)) if error.violated_constraint() == Some(ONE_AT_A_TIME) => {
            tx.rollback().await?;
            let mut tx = demos.begin().await?;
            let others = alternatives(&mut tx, &rules, now, start).await?;
            tx.commit().await?;
            Err(DemoError::Taken(others))
        }
        Err(error) => {
            tx.rollback().await?;
            Err(error)
        }
    }
}

async fn move_in(
    demos: &Demos,
    tx: &mut TenantTx,
    rules: &OpeningRules,
    handle: Handle<'_>,
    start: Timestamp,
) -> Result<(Booking, Option<i64>), DemoError> {
    let now = demos.now();
    let (before, sealed) = handle.lock(tx).await?;
    if !before.is_changeable(now) {
        return Err(DemoError::Over);
    }
    if before.slot.is_some_and(|slot| slot.start == start) {
        return Ok((before, None));
    }
    let may = match handle {
        Handle::Token(_) => rules.offers(now, start),
        Handle::Staff(..) => start > now,
    };
    if !may {
        return Err(DemoError::NotOffered(alternatives(tx, rules, now, start).await?));
    }
    let slot = rules.slot_at(start);
    store::free_expired(tx, now, Some(&slot)).await?;
    store::move_to(tx, before.id, &slot, now).await?;
    store::insert_event(tx, before.id, "moved", handle.user(), before.slot.map(|slot| slot.start), now).await?;
    audit::record(tx, handle.actor(), "demo.moved", Some(&before.id.to_string()), json!({})).await?;
    let (booking, _) = store::lock_by_id(tx, before.id).await?.ok_or(DemoError::NotFound)?;
    write(demos, tx, rules, News::Moved, &booking, &sealed, handle).await?;
    let seq = store::tell(tx, booking.id, booking.state).await?;
    Ok((booking, Some(seq)))
}

/// Calls a booking off, and tells the prospect, and the sales team if the prospect did it. Once is enough.
pub async fn cancel(demos: &Demos, handle: Handle<'_>) -> Result<Booking, DemoError> {
    set_state(demos, handle, State::Cancelled).await
}

/// Says what has become of a booking.
pub async fn set_state(demos: &Demos, handle: Handle<'_>, to: State) -> Result<Booking, DemoError> {
    let mut tx = demos.begin().await?;
    match set_state_in(demos, &mut tx, handle, to).await {
        Ok((booking, seq)) => {
            let org = tx.org();
            tx.commit().await?;
            if let Some(seq) = seq {
                demos.after_change(org, seq);
            }
            Ok(booking)
        }
        Err(DemoError::Database(error)) if error.violated_constraint() == Some(ONE_AT_A_TIME) => {
            tx.rollback().await?;
            Err(DemoError::Taken(Vec::new()))
        }
        Err(error) => {
            tx.rollback().await?;
            Err(error)
        }
    }
}

async fn set_state_in(
    demos: &Demos,
    tx: &mut TenantTx,
    handle: Handle<'_>,
    to: State,
) -> Result<(Booking, Option<i64>), DemoError> {
    let now = demos.now();
    let (before, sealed) = handle.lock(tx).await?;
    if before.state == to {
        return Ok((before, None));
    }
    let may = match handle {
        Handle::Token(_) => to == State::Cancelled && before.is_changeable(now),
        Handle::Staff(..) => before.state.may_become(to),
    };
    if !may {
        return Err(DemoError::Over);
    }
    store::set_state(tx, before.id, to, to == State::Cancelled, now).await?;
    let what = match to {
        State::Confirmed if !before.state.is_open() => "reopened",
        State::Held | State::Booked => "booked",
        other => other.as_str(),
    };
    store::insert_event(tx, before.id, what, handle.user(), None, now).await?;
    let (booking, _) = store::lock_by_id(tx, before.id).await?.ok_or(DemoError::NotFound)?;
    audit::record(tx, handle.actor(), "demo.state_changed", Some(&booking.id.to_string()), json!({ "to": to })).await?;
    if to == State::Cancelled {
        let rules = slots::rules(tx).await?;
        write(demos, tx, &rules, News::Cancelled, &booking, &sealed, handle).await?;
    }
    let seq = store::tell(tx, booking.id, booking.state).await?;
    Ok((booking, Some(seq)))
}

/// Writes what is new, in the place of what waits to be sent and is no longer true.
async fn write(
    demos: &Demos,
    tx: &mut TenantTx,
    rules: &OpeningRules,
    news: News,
    booking: &Booking,
    sealed: &[u8],
    handle: Handle<'_>,
) -> Result<(), DemoError> {
    let token = demos.open(tx.org(), booking.id, sealed)?;
    let desk = demos.desk(rules);
    let withdrawn = demos.outbox().withdraw(tx, (ABOUT, booking.id.uuid()), NO_LONGER_TRUE).await?;
    demos.outbox().enqueue(tx, desk.to_prospect(news, booking, token.expose())).await?;
    // The sales team knows what its own people do, but not of a booking whose mail has just been taken back.
    if matches!(handle, Handle::Token(_)) || withdrawn.iter().any(|template| template == TO_SALES) {
        demos.outbox().enqueue(tx, desk.to_sales(news, booking)).await?;
    }
    Ok(())
}

/// Sets who gives a demo and what is written down about it; what is `None` stays.
pub async fn set_papers(
    demos: &Demos,
    id: BookingId,
    user: UserId,
    owner: OwnerChange,
    notes: Option<&str>,
) -> Result<Booking, DemoError> {
    if let OwnerChange::To(Some(owner)) = owner
        && !staff(demos).await?.iter().any(|(person, _)| *person == owner)
    {
        return Err(DemoError::UnknownOwner);
    }
    let mut tx = demos.begin().await?;
    if store::lock_by_id(&mut tx, id).await?.is_none() {
        tx.rollback().await?;
        return Err(DemoError::NotFound);
    }
    store::set_papers(&mut tx, id, owner, notes, demos.now()).await?;
    let (booking, _) = store::lock_by_id(&mut tx, id).await?.ok_or(DemoError::NotFound)?;
    let subject = id.to_string();
    audit::record(&mut tx, Actor::Operator(user), "demo.papers_changed", Some(&subject), json!({})).await?;
    let (org, seq) = (tx.org(), store::tell(&mut tx, id, booking.state).await?);
    tx.commit().await?;
    demos.after_change(org, seq);
    Ok(booking)
}

/// The operator's people, who may give demos: id and name.
pub async fn staff(demos: &Demos) -> Result<Vec<(UserId, String)>, DemoError> {
    Ok(identity::accounts::actions::list_operators(demos.tenancy()).await?)
}

/// A booking and what happened to it.
pub async fn show(demos: &Demos, id: BookingId) -> Result<(Booking, Vec<BookingEvent>), DemoError> {
    let mut tx = demos.begin().await?;
    let found = store::lock_by_id(&mut tx, id).await?;
    let events = store::events_of(&mut tx, id).await?;
    tx.commit().await?;
    found.map(|(booking, _)| (booking, events)).ok_or(DemoError::NotFound)
}

/// What a list of bookings is asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Begins at this moment or later.
    pub from: Option<Timestamp>,
    /// Begins before this moment.
    pub until: Option<Timestamp>,
    /// In one of these states; empty: in any but held.
    pub states: Vec<State>,
    /// Given by this person.
    pub owner: Option<UserId>,
    /// In name, clinic, address or number.
    pub text: Option<String>,
    /// Without a time.
    pub without_time: bool,
}

impl Filter {
    fn wanted(&self) -> Wanted {
        Wanted {
            from: self.from,
            until: self.until,
            states: self.states.clone(),
            owner: self.owner,
            text: self.text.clone().filter(|text| !text.trim().is_empty()),
            without_time: self.without_time,
        }
    }
}

/// Whose live events tell of bookings, and the number of the newest one. To be asked before the bookings are read, so
/// that none is missed in between.
pub async fn newest_event(demos: &Demos) -> Result<(OrgId, i64), DemoError> {
    let mut tx = demos.begin().await?;
    let found = (tx.org(), store::newest_event(&mut tx).await?);
    tx.commit().await?;
    Ok(found)
}

/// Bookings, the newest first.
pub async fn list(
    demos: &Demos,
    filter: &Filter,
    limit: Limit,
    after: Option<Cursor>,
) -> Result<Page<Booking>, DemoError> {
    let after = after.map(|cursor| (cursor.at, cursor.id));
    let mut tx = demos.begin().await?;
    let rows = store::list(&mut tx, &filter.wanted(), demos.now(), after, limit.fetch()).await?;
    tx.commit().await?;
    Ok(Page::of(rows, limit, |booking| Cursor { at: booking.created_at, id: booking.id.uuid() }))
}

/// Bookings that begin within a span, in order of time; at most a thousand.
pub async fn agenda(demos: &Demos, filter: &Filter) -> Result<Vec<Booking>, DemoError> {
    let mut tx = demos.begin().await?;
    let mut rows = store::list(&mut tx, &filter.wanted(), demos.now(), None, 1000).await?;
    tx.commit().await?;
    rows.sort_by_key(|booking| booking.slot.map(|slot| slot.start));
    Ok(rows)
}

/// Frees what is held past its time.
pub(crate) async fn forget_expired(demos: &Demos) -> Result<u64, DemoError> {
    let mut tx = demos.begin().await?;
    let freed = store::free_expired(&mut tx, demos.now(), None).await?;
    tx.commit().await?;
    Ok(freed)
}

/// Removes bookings that are older than the operator keeps them; none when they are kept for ever.
pub(crate) async fn remove_old(demos: &Demos) -> Result<u64, DemoError> {
    let Some(keep_for) = demos.keep_for() else { return Ok(0) };
    let mut removed = 0;
    loop {
        // A portion at a time: nobody waits long for a lock, and what is done stays done.
        let mut tx = demos.begin().await?;
        let portion = store::remove_old(&mut tx, demos.now() - keep_for).await?;
        if portion > 0 {
            audit::record(&mut tx, Actor::System, "demo.forgotten", None, json!({ "bookings": portion })).await?;
        }
        tx.commit().await?;
        removed += portion;
        if portion == 0 {
            return Ok(removed);
        }
    }
}

impl Demos {
    /// The desk that mails are written at.
    fn desk<'a>(&'a self, rules: &'a OpeningRules) -> Desk<'a> {
        Desk {
            name: self.name(),
            config: self.outbox().config(),
            origin: self.origin().as_str(),
            zone: &rules.zone,
            now: self.now(),
        }
    }

    fn seal(&self, org: OrgId, id: BookingId, token: &Secret) -> Result<Vec<u8>, DemoError> {
        Ok(self.master_key().seal(&place(org, id), token.expose().as_bytes())?)
    }

    fn open(&self, org: OrgId, id: BookingId, sealed: &[u8]) -> Result<Secret, DemoError> {
        let plain = self.master_key().open(&place(org, id), sealed)?;
        Ok(Secret::new(String::from_utf8_lossy(&plain).into_owned()))
    }
}

/// A booking that another system took. Its time, if one was agreed, is not known there.
#[derive(Debug)]
pub struct KnownBooking {
    /// The id there, and here.
    pub id: BookingId,
    /// The form.
    pub details: Details,
    /// What has become of it; never [`State::Held`].
    pub state: State,
    /// By whose clock the prospect reads.
    pub zone: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Keeps a booking under the id that it has elsewhere, in the transaction of the operator's organization. Nobody gets a mail.
/// One that is there stays as it is.
pub async fn keep_booking(tx: &mut TenantTx, key: &MasterKey, known: &KnownBooking) -> Result<(), DemoError> {
    let token = new_token();
    let new = NewBooking {
        id: known.id,
        slot: None,
        details: &known.details,
        zone: &known.zone,
        locale: Locale::En,
        source: Source::BookDemo,
        token_digest: &token_digest(token.expose()),
        sealed_token: &key.seal(&place(tx.org(), known.id), token.expose().as_bytes())?,
        idempotency_key: None,
        now: known.created_at,
    };
    if store::insert_booking(tx, &new).await? && known.state != State::Booked {
        store::set_state(tx, known.id, known.state, false, known.created_at).await?;
    }
    Ok(())
}

fn place(org: OrgId, id: BookingId) -> String {
    format!("demo_bookings/{org}/{id}")
}

/// Where the prospect sees, moves and cancels the booking.
pub fn link_path(locale: Locale, token: &str) -> String {
    match locale {
        Locale::En => format!("/book/{token}"),
        other => format!("/{}/book/{token}", other.tag()),
    }
}
