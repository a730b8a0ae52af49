//! All SQL of `demo_bookings` and `demo_booking_events`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use jiff_sqlx::ToSqlx;
use platform::i18n::Locale;
use platform::ids::{Id, UserId};
use platform::tenancy::{DbError, TenantTx};

use super::form::{Details, mailbox};
use super::model::{Booking, BookingEvent, BookingId, MOST_HOLDS, OwnerChange, Source, State};
use crate::slots::model::{Slot, Taken};

/// A stored booking that this version cannot read.
fn undecodable(error: impl std::error::Error + Send + Sync + 'static) -> DbError {
    DbError::from(sqlx::Error::Decode(Box::new(error)))
}

/// The times that are taken and reach into `[from, until)`. A hold that is over takes nothing, nor does the one whose
/// holder asks.
pub(crate) async fn taken(
    tx: &mut TenantTx,
    now: Timestamp,
    from: Timestamp,
    until: Timestamp,
    own_hold: Option<&[u8]>,
) -> Result<Vec<Taken>, DbError> {
    let rows: Vec<(jiff_sqlx::Timestamp, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "select starts_at, blocked_until from demo_bookings \
          where org_id = $1 and starts_at < $3 and starts_at > $2::timestamptz - interval '1 day' and blocked_until > $2 \
            and (state in ('booked', 'confirmed', 'moved') or state = 'held' and held_until > $4) \
            and (hold_digest is null or $5::bytea is null or hold_digest <> $5) \
          order by starts_at",
    )
    .bind(tx.org())
    .bind(from.to_sqlx())
    .bind(until.to_sqlx())
    .bind(now.to_sqlx())
    .bind(own_hold)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|(start, until)| Taken { start: start.to_jiff(), until: until.to_jiff() }).collect())
}

/// Frees what is held past its time: all of it, or only what meets a slot.
pub(crate) async fn free_expired(tx: &mut TenantTx, now: Timestamp, slot: Option<&Slot>) -> Result<u64, DbError> {
    let done = sqlx::query(
        "delete from demo_bookings where org_id = $1 and state = 'held' and held_until <= $2 \
            and ($3::timestamptz is null or starts_at < $4 and blocked_until > $3)",
    )
    .bind(tx.org())
    .bind(now.to_sqlx())
    .bind(slot.map(|slot| slot.start.to_sqlx()))
    .bind(slot.map(|slot| slot.blocked_until.to_sqlx()))
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Frees a hold by its token.
pub(crate) async fn free_hold(tx: &mut TenantTx, digest: &[u8]) -> Result<(), DbError> {
    sqlx::query("delete from demo_bookings where org_id = $1 and hold_digest = $2 and state = 'held'")
        .bind(tx.org())
        .bind(digest)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Frees the oldest holds of a client, so that it may have one more.
pub(crate) async fn free_oldest_holds(tx: &mut TenantTx, holder: &[u8]) -> Result<(), DbError> {
    sqlx::query(
        "delete from demo_bookings where org_id = $1 and booking_id in ( \
           select booking_id from demo_bookings where org_id = $1 and state = 'held' and holder = $2 \
            order by held_until desc offset $3)",
    )
    .bind(tx.org())
    .bind(holder)
    .bind(MOST_HOLDS - 1)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps a time for somebody. False when it is taken.
pub(crate) async fn insert_hold(
    tx: &mut TenantTx,
    slot: &Slot,
    digest: &[u8],
    holder: &[u8],
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "insert into demo_bookings (org_id, booking_id, state, starts_at, ends_at, blocked_until, held_until, \
                                    hold_digest, holder, created_at, updated_at) \
         values ($1, $2, 'held', $3, $4, $5, $6, $7, $8, $9, $9) on conflict do nothing",
    )
    .bind(tx.org())
    .bind(BookingId::new())
    .bind(slot.start.to_sqlx())
    .bind(slot.end.to_sqlx())
    .bind(slot.blocked_until.to_sqlx())
    .bind(until.to_sqlx())
    .bind(digest)
    .bind(holder)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The time that a hold keeps, over or not.
pub(crate) async fn find_hold(
    tx: &mut TenantTx,
    digest: &[u8],
) -> Result<Option<(BookingId, Slot, Timestamp)>, DbError> {
    let row: Option<(
        BookingId,
        jiff_sqlx::Timestamp,
        jiff_sqlx::Timestamp,
        jiff_sqlx::Timestamp,
        jiff_sqlx::Timestamp,
    )> = sqlx::query_as(
        "select booking_id, starts_at, ends_at, blocked_until, held_until from demo_bookings \
              where org_id = $1 and hold_digest = $2 and state = 'held'",
    )
    .bind(tx.org())
    .bind(digest)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|(id, start, end, blocked, until)| {
        (id, Slot { start: start.to_jiff(), end: end.to_jiff(), blocked_until: blocked.to_jiff() }, until.to_jiff())
    }))
}

/// A booking to be.
pub(crate) struct NewBooking<'a> {
    pub(crate) id: BookingId,
    pub(crate) slot: Option<Slot>,
    pub(crate) details: &'a Details,
    pub(crate) zone: &'a str,
    pub(crate) locale: Locale,
    pub(crate) source: Source,
    pub(crate) token_digest: &'a [u8],
    pub(crate) sealed_token: &'a [u8],
    pub(crate) idempotency_key: Option<&'a str>,
    pub(crate) now: Timestamp,
}

type Statement<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Binds what the prospect said, from `prospect_name` to `created_at`: fifteen values.
fn filled<'q>(statement: Statement<'q>, new: &'q NewBooking<'_>) -> Statement<'q> {
    statement
        .bind(&new.details.name)
        .bind(&new.details.email)
        .bind(mailbox(&new.details.email))
        .bind(&new.details.phone.e164)
        .bind(&new.details.clinic)
        .bind(&new.details.clinic_type)
        .bind(&new.details.goal)
        .bind(&new.details.notes)
        .bind(new.zone)
        .bind(new.locale.tag())
        .bind(new.source.as_str())
        .bind(new.token_digest)
        .bind(new.sealed_token)
        .bind(new.idempotency_key)
        .bind(new.now.to_sqlx())
}

/// Turns a hold into a booking. False when the hold is gone, or has been turned already.
pub(crate) async fn book_hold(tx: &mut TenantTx, new: &NewBooking<'_>, hold: &[u8]) -> Result<bool, DbError> {
    let statement = sqlx::query(
        "update demo_bookings set state = 'booked', held_until = null, hold_digest = null, holder = null, \
                prospect_name = $3, prospect_email = $4, mailbox = $5, prospect_phone = $6, clinic_name = $7, \
                clinic_type = $8, goal = $9, notes = $10, zone = $11, locale = $12, source = $13, token_digest = $14, \
                sealed_token = $15, idempotency_key = $16, created_at = $17, updated_at = $17, booking_id = $18 \
          where org_id = $1 and hold_digest = $2 and state = 'held'",
    );
    let done = filled(statement.bind(tx.org()).bind(hold), new).bind(new.id).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// Books. False when the time is taken or the key was used.
pub(crate) async fn insert_booking(tx: &mut TenantTx, new: &NewBooking<'_>) -> Result<bool, DbError> {
    let statement = sqlx::query(
        "insert into demo_bookings (org_id, booking_id, state, prospect_name, prospect_email, mailbox, prospect_phone, \
                clinic_name, clinic_type, goal, notes, zone, locale, source, token_digest, sealed_token, idempotency_key, \
                created_at, updated_at, starts_at, ends_at, blocked_until) \
         values ($1, $2, 'booked', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18, $19, $20) \
         on conflict do nothing",
    );
    let done = filled(statement.bind(tx.org()).bind(new.id), new)
        .bind(new.slot.map(|slot| slot.start.to_sqlx()))
        .bind(new.slot.map(|slot| slot.end.to_sqlx()))
        .bind(new.slot.map(|slot| slot.blocked_until.to_sqlx()))
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The booking that was made with this key, and its sealed token.
pub(crate) async fn find_by_key(tx: &mut TenantTx, key: &str) -> Result<Option<(Booking, Vec<u8>)>, DbError> {
    let row: Option<BookingRow> = sqlx::query_as(
        "select booking_id, state, starts_at, ends_at, blocked_until, prospect_name, prospect_email, prospect_phone, \
                clinic_name, clinic_type, goal, notes, zone, locale, source, sequence, owner_id, staff_notes, created_at, \
                updated_at, sealed_token \
           from demo_bookings where org_id = $1 and idempotency_key = $2",
    )
    .bind(tx.org())
    .bind(key)
    .fetch_optional(tx.conn())
    .await?;
    row.map(BookingRow::with_token).transpose()
}

/// How many bookings a mailbox has made since `since`.
pub(crate) async fn count_of_mailbox(tx: &mut TenantTx, email: &str, since: Timestamp) -> Result<i64, DbError> {
    let count =
        sqlx::query_scalar("select count(*) from demo_bookings where org_id = $1 and mailbox = $2 and created_at > $3")
            .bind(tx.org())
            .bind(mailbox(email))
            .bind(since.to_sqlx())
            .fetch_one(tx.conn())
            .await?;
    Ok(count)
}

/// The booking that a link belongs to, held until the transaction ends, and its sealed token.
pub(crate) async fn lock_by_token(tx: &mut TenantTx, digest: &[u8]) -> Result<Option<(Booking, Vec<u8>)>, DbError> {
    let row: Option<BookingRow> = sqlx::query_as(
        "select booking_id, state, starts_at, ends_at, blocked_until, prospect_name, prospect_email, prospect_phone, \
                clinic_name, clinic_type, goal, notes, zone, locale, source, sequence, owner_id, staff_notes, created_at, \
                updated_at, sealed_token \
           from demo_bookings where org_id = $1 and token_digest = $2 for update",
    )
    .bind(tx.org())
    .bind(digest)
    .fetch_optional(tx.conn())
    .await?;
    row.map(BookingRow::with_token).transpose()
}

/// A booking by its id, held until the transaction ends, and its sealed token.
pub(crate) async fn lock_by_id(tx: &mut TenantTx, id: BookingId) -> Result<Option<(Booking, Vec<u8>)>, DbError> {
    let row: Option<BookingRow> = sqlx::query_as(
        "select booking_id, state, starts_at, ends_at, blocked_until, prospect_name, prospect_email, prospect_phone, \
                clinic_name, clinic_type, goal, notes, zone, locale, source, sequence, owner_id, staff_notes, created_at, \
                updated_at, sealed_token \
           from demo_bookings where org_id = $1 and booking_id = $2 and state <> 'held' for update",
    )
    .bind(tx.org())
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.map(BookingRow::with_token).transpose()
}

/// Gives a booking another time. Fails on `demo_bookings_one_at_a_time` when that is taken.
pub(crate) async fn move_to(tx: &mut TenantTx, id: BookingId, slot: &Slot, now: Timestamp) -> Result<(), DbError> {
    let done = sqlx::query(
        "update demo_bookings set state = 'moved', starts_at = $3, ends_at = $4, blocked_until = $5, \
                sequence = sequence + 1, updated_at = $6 \
          where org_id = $1 and booking_id = $2",
    )
    .bind(tx.org())
    .bind(id)
    .bind(slot.start.to_sqlx())
    .bind(slot.end.to_sqlx())
    .bind(slot.blocked_until.to_sqlx())
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(DbError::RowMissing) }
}

/// Sets what has become of a booking; `sequence` goes up when its calendar entry changes by it.
pub(crate) async fn set_state(
    tx: &mut TenantTx,
    id: BookingId,
    state: State,
    changes_calendar: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    let done = sqlx::query(
        "update demo_bookings set state = $3, sequence = sequence + $4, updated_at = $5 \
          where org_id = $1 and booking_id = $2",
    )
    .bind(tx.org())
    .bind(id)
    .bind(state.as_str())
    .bind(i32::from(changes_calendar))
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(DbError::RowMissing) }
}

/// Sets who gives a demo and what is written down about it; what is `None` stays.
pub(crate) async fn set_papers(
    tx: &mut TenantTx,
    id: BookingId,
    owner: OwnerChange,
    staff_notes: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    let done = sqlx::query(
        "update demo_bookings set owner_id = case when $3 then $4 else owner_id end, \
                staff_notes = coalesce($5, staff_notes), updated_at = $6 \
          where org_id = $1 and booking_id = $2",
    )
    .bind(tx.org())
    .bind(id)
    .bind(owner != OwnerChange::Keep)
    .bind(if let OwnerChange::To(owner) = owner { owner } else { None })
    .bind(staff_notes)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(DbError::RowMissing) }
}

/// Marker for ids of booking events.
pub(crate) enum EventRow {}

/// Notes what happened to a booking.
pub(crate) async fn insert_event(
    tx: &mut TenantTx,
    id: BookingId,
    what: &str,
    by: Option<UserId>,
    was_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "insert into demo_booking_events (org_id, event_id, booking_id, at, what, by_whom, user_id, was_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(tx.org())
    .bind(Id::<EventRow>::new())
    .bind(id)
    .bind(now.to_sqlx())
    .bind(what)
    .bind(if by.is_some() { "operator" } else { "prospect" })
    .bind(by)
    .bind(was_at.map(ToSqlx::to_sqlx))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What happened to a booking, the oldest first.
pub(crate) async fn events_of(tx: &mut TenantTx, id: BookingId) -> Result<Vec<BookingEvent>, DbError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        at: jiff_sqlx::Timestamp,
        what: String,
        by_whom: String,
        user_id: Option<UserId>,
        was_at: Option<jiff_sqlx::Timestamp>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select at, what, by_whom, user_id, was_at from demo_booking_events \
          where org_id = $1 and booking_id = $2 order by at, event_id",
    )
    .bind(tx.org())
    .bind(id)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| BookingEvent {
            at: row.at.to_jiff(),
            what: row.what,
            by_prospect: row.by_whom == "prospect",
            user: row.user_id,
            was_at: row.was_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
        .collect())
}

/// Tells whoever watches that a booking changed; answers the number of the event.
pub(crate) async fn tell(tx: &mut TenantTx, id: BookingId, state: State) -> Result<i64, DbError> {
    let org = tx.org();
    let seq = sqlx::query_scalar("select append_live_event($1, 'booking.changed', $2, $3, null, null, null)")
        .bind(org)
        .bind(id)
        .bind(state.as_str())
        .fetch_one(tx.conn())
        .await?;
    Ok(seq)
}

/// Removes a portion of the bookings that were over and untouched before a time, with their history. Answers how many.
pub(crate) async fn remove_old(tx: &mut TenantTx, before: Timestamp) -> Result<u64, DbError> {
    let org = tx.org();
    let old: Vec<BookingId> = sqlx::query_scalar(
        "select booking_id from demo_bookings \
          where org_id = $1 and state <> 'held' and greatest(coalesce(ends_at, updated_at), updated_at) < $2 \
          order by created_at limit 500 for update skip locked",
    )
    .bind(org)
    .bind(before.to_sqlx())
    .fetch_all(tx.conn())
    .await?;
    sqlx::query("delete from demo_booking_events where org_id = $1 and booking_id = any ($2)")
        .bind(org)
        .bind(&old)
        .execute(tx.conn())
        .await?;
    let removed = sqlx::query("delete from demo_bookings where org_id = $1 and booking_id = any ($2)")
        .bind(org)
        .bind(&old)
        .execute(tx.conn())
        .await?;
    Ok(removed.rows_affected())
}

/// The number of the newest live event of the transaction's organization.
pub(crate) async fn newest_event(tx: &mut TenantTx) -> Result<i64, DbError> {
    let org = tx.org();
    let seq: Option<i64> =
        sqlx::query_scalar("select seq from live_heads where org_id = $1").bind(org).fetch_optional(tx.conn()).await?;
    Ok(seq.unwrap_or(0))
}

/// What a list of bookings is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Begins in here; bookings without a time are left out when either is given.
    pub(crate) from: Option<Timestamp>,
    /// See `from`.
    pub(crate) until: Option<Timestamp>,
    /// Only these; empty: all but holds.
    pub(crate) states: Vec<State>,
    /// Only this person's.
    pub(crate) owner: Option<UserId>,
    /// In name, clinic, address or number.
    pub(crate) text: Option<String>,
    /// Only those without a time.
    pub(crate) without_time: bool,
}

/// Bookings, the newest first, at most `limit` after the one where the last page ended.
pub(crate) async fn list(
    tx: &mut TenantTx,
    wanted: &Wanted,
    now: Timestamp,
    after: Option<(Timestamp, uuid::Uuid)>,
    limit: i64,
) -> Result<Vec<Booking>, DbError> {
    let states: Vec<&str> = wanted.states.iter().map(|state| state.as_str()).collect();
    let rows: Vec<BookingRow> = sqlx::query_as(
        "select booking_id, state, starts_at, ends_at, blocked_until, prospect_name, prospect_email, prospect_phone, \
                clinic_name, clinic_type, goal, notes, zone, locale, source, sequence, owner_id, staff_notes, created_at, \
                updated_at, sealed_token \
           from demo_bookings \
          where org_id = $1 \
            and ($2::timestamptz is null or starts_at >= $2) and ($3::timestamptz is null or starts_at < $3) \
            and (case when cardinality($4::text[]) = 0 then state <> 'held' else state = any ($4) end) \
            and (state <> 'held' or held_until > $5) \
            and ($6::uuid is null or owner_id = $6) \
            and ($7::text is null or strpos(lower(concat_ws(' ', prospect_name, clinic_name, prospect_email, \
                                                             prospect_phone)), lower($7)) > 0) \
            and (not $8 or starts_at is null) \
            and ($9::timestamptz is null or (created_at, booking_id) < ($9, $10)) \
          order by created_at desc, booking_id desc limit $11",
    )
    .bind(tx.org())
    .bind(wanted.from.map(ToSqlx::to_sqlx))
    .bind(wanted.until.map(ToSqlx::to_sqlx))
    .bind(states)
    .bind(now.to_sqlx())
    .bind(wanted.owner)
    .bind(wanted.text.as_deref())
    .bind(wanted.without_time)
    .bind(after.map(|(at, _)| at.to_sqlx()))
    .bind(after.map(|(_, id)| id))
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(BookingRow::booking).collect())
}

/// The columns of a booking; those of the form are null while it is only held.
#[derive(sqlx::FromRow)]
struct BookingRow {
    booking_id: BookingId,
    #[sqlx(try_from = "String")]
    state: State,
    starts_at: Option<jiff_sqlx::Timestamp>,
    ends_at: Option<jiff_sqlx::Timestamp>,
    blocked_until: Option<jiff_sqlx::Timestamp>,
    prospect_name: Option<String>,
    prospect_email: Option<String>,
    prospect_phone: Option<String>,
    clinic_name: Option<String>,
    clinic_type: Option<String>,
    goal: Option<String>,
    notes: Option<String>,
    zone: Option<String>,
    locale: Option<String>,
    source: Option<String>,
    sequence: i32,
    owner_id: Option<UserId>,
    staff_notes: String,
    created_at: jiff_sqlx::Timestamp,
    updated_at: jiff_sqlx::Timestamp,
    sealed_token: Option<Vec<u8>>,
}

impl BookingRow {
    fn booking(self) -> Booking {
        let slot = match (self.starts_at, self.ends_at, self.blocked_until) {
            (Some(start), Some(end), Some(blocked)) => {
                Some(Slot { start: start.to_jiff(), end: end.to_jiff(), blocked_until: blocked.to_jiff() })
            }
            _ => None,
        };
        // A zone that this build does not know any more must not hide the booking.
        let zone = self.zone.as_deref().and_then(crate::slots::model::zone).unwrap_or(TimeZone::UTC);
        Booking {
            id: self.booking_id,
            state: self.state,
            slot,
            name: self.prospect_name.unwrap_or_default(),
            email: self.prospect_email.unwrap_or_default(),
            phone: self.prospect_phone.unwrap_or_default(),
            clinic: self.clinic_name.unwrap_or_default(),
            clinic_type: self.clinic_type,
            goal: self.goal,
            notes: self.notes,
            zone,
            locale: self.locale.as_deref().and_then(Locale::from_tag).unwrap_or(Locale::En),
            source: self.source.unwrap_or_default(),
            sequence: self.sequence,
            owner: self.owner_id,
            staff_notes: self.staff_notes,
            created_at: self.created_at.to_jiff(),
            updated_at: self.updated_at.to_jiff(),
        }
    }

    fn with_token(mut self) -> Result<(Booking, Vec<u8>), DbError> {
        let sealed = self.sealed_token.take().ok_or_else(|| undecodable(super::model::UnknownWord))?;
        Ok((self.booking(), sealed))
    }
}
