//! SQL of `mails`, `mail_attempts`, `mail_relays`, `mail_spending` and `mail_suppressions`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::ids::{MailId, OrgId};
use platform::tenancy::{DbError, SystemTx, TenantTx};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::budget::{SPAN, Spent};
use super::model::{RelayHealth, State};
use crate::draft::{Draft, Mailbox};
use crate::relay::Refusal;

/// A mail that is about to be kept.
pub(super) struct NewMail<'a> {
    pub(super) org: OrgId,
    pub(super) id: MailId,
    pub(super) draft: &'a Draft,
    pub(super) sealed: &'a [u8],
    pub(super) message_id: &'a str,
    pub(super) now: Timestamp,
}

/// Keeps a mail of the transaction's organization. Answers the id of the one with the same `once`, if there is one.
pub(super) async fn insert(tx: &mut TenantTx, new: &NewMail<'_>) -> Result<MailId, DbError> {
    insert_on(tx.conn(), new).await
}

/// The same across organizations.
pub(super) async fn insert_for(tx: &mut SystemTx, new: &NewMail<'_>) -> Result<MailId, DbError> {
    insert_on(tx.conn(), new).await
}

async fn insert_on(conn: &mut PgConnection, new: &NewMail<'_>) -> Result<MailId, DbError> {
    let draft = new.draft;
    let recipients = i16::try_from(1 + draft.cc.len()).unwrap_or(i16::MAX);
    let kept: Option<MailId> = sqlx::query_scalar(
        "insert into mails (org_id, mail_id, template, priority, state, to_address, to_name, cc, reply_to, recipients, locale,
                            subject, sealed, message_id, once, about_kind, about_id, created_at, due_at)
         values ($1, $2, $3, $4, 'queued', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)
         on conflict (org_id, once) where once is not null do nothing
         returning mail_id",
    )
    .bind(new.org)
    .bind(new.id)
    .bind(draft.template)
    .bind(draft.priority.number())
    .bind(&draft.to.address)
    .bind(draft.to.name.trim())
    .bind(Json(&draft.cc))
    .bind(draft.reply_to.as_ref().map(Json))
    .bind(recipients)
    .bind(draft.locale.tag())
    .bind(draft.subject.trim())
    .bind(new.sealed)
    .bind(new.message_id)
    .bind(&draft.once)
    .bind(draft.about.map(|(kind, _)| kind))
    .bind(draft.about.map(|(_, id)| id))
    .bind(new.now.to_sqlx())
    .fetch_optional(&mut *conn)
    .await?;
    match kept {
        Some(id) => Ok(id),
        None => Ok(sqlx::query_scalar("select mail_id from mails where org_id = $1 and once = $2")
            .bind(new.org)
            .bind(&draft.once)
            .fetch_one(conn)
            .await?),
    }
}

/// The relay's state, locked: whoever holds it is the only one to claim.
pub(crate) struct RelayRow {
    pub(crate) failures: i32,
    pub(crate) paused_until: Option<Timestamp>,
}

/// Locks the relay's row, which is made when it is not there.
pub(crate) async fn lock_relay(tx: &mut SystemTx, relay: &str) -> Result<RelayRow, DbError> {
    sqlx::query("insert into mail_relays (relay) values ($1) on conflict do nothing")
        .bind(relay)
        .execute(tx.conn())
        .await?;
    let (failures, paused_until): (i32, Option<jiff_sqlx::Timestamp>) =
        sqlx::query_as("select failures, paused_until from mail_relays where relay = $1 for update")
            .bind(relay)
            .fetch_one(tx.conn())
            .await?;
    Ok(RelayRow { failures, paused_until: paused_until.map(jiff_sqlx::Timestamp::to_jiff) })
}

/// The mail whose turn it is.
#[derive(sqlx::FromRow)]
pub(super) struct Head {
    pub(super) org_id: OrgId,
    pub(super) mail_id: MailId,
    pub(super) template: String,
    pub(super) priority: i16,
    pub(super) to_address: String,
    pub(super) to_name: String,
    pub(super) cc: Json<Vec<Mailbox>>,
    pub(super) reply_to: Option<Json<Mailbox>>,
    pub(super) subject: String,
    pub(super) sealed: Option<Vec<u8>>,
    pub(super) message_id: String,
    pub(super) created_at: jiff_sqlx::Timestamp,
    /// Before this attempt, whatever came of them.
    pub(super) earlier: i64,
}

/// Locks the first due mail that nobody else is looking at.
pub(super) async fn lock_head(tx: &mut SystemTx, now: Timestamp) -> Result<Option<Head>, DbError> {
    Ok(sqlx::query_as(
        "select m.org_id, m.mail_id, m.template, m.priority, m.to_address, m.to_name, m.cc, m.reply_to, m.subject, m.sealed,
                m.message_id, m.created_at,
                (select count(*) from mail_attempts a where a.org_id = m.org_id and a.mail_id = m.mail_id) as earlier
           from mails m
          where m.state in ('queued', 'deferred') and m.due_at <= $1
          order by m.priority, m.due_at, m.mail_id
          limit 1 for update of m skip locked",
    )
    .bind(now.to_sqlx())
    .fetch_optional(tx.conn())
    .await?)
}

/// Which of these addresses (lower case) are not written to, and why.
pub(super) async fn suppressed(tx: &mut SystemTx, addresses: &[String]) -> Result<Vec<(String, String)>, DbError> {
    Ok(sqlx::query_as("select address, reason from mail_suppressions where address = any ($1)")
        .bind(addresses)
        .fetch_all(tx.conn())
        .await?)
}

/// When the earliest waiting mail is due.
pub(super) async fn next_due(tx: &mut SystemTx) -> Result<Option<Timestamp>, DbError> {
    let due: Option<jiff_sqlx::Timestamp> =
        sqlx::query_scalar("select min(due_at) from mails where state in ('queued', 'deferred')")
            .fetch_one(tx.conn())
            .await?;
    Ok(due.map(jiff_sqlx::Timestamp::to_jiff))
}

/// What was spent of the relay's budget less than a span before or after `now`; see [`super::budget::used`].
pub(crate) async fn spent(tx: &mut SystemTx, relay: &str, now: Timestamp) -> Result<u32, DbError> {
    let sum: i64 = sqlx::query_scalar(
        "select coalesce(sum(recipients), 0)::int8 from mail_spending where relay = $1 and at > $2 and at < $3",
    )
    .bind(relay)
    .bind((now - SPAN).to_sqlx())
    .bind((now + SPAN).to_sqlx())
    .fetch_one(tx.conn())
    .await?;
    Ok(u32::try_from(sum).unwrap_or(u32::MAX))
}

/// The same, piece by piece, for telling when there will be room.
pub(super) async fn spending(tx: &mut SystemTx, relay: &str, now: Timestamp) -> Result<Vec<Spent>, DbError> {
    let rows: Vec<(jiff_sqlx::Timestamp, i16)> =
        sqlx::query_as("select at, recipients from mail_spending where relay = $1 and at > $2 and at < $3 order by at")
            .bind(relay)
            .bind((now - SPAN).to_sqlx())
            .bind((now + SPAN).to_sqlx())
            .fetch_all(tx.conn())
            .await?;
    Ok(rows
        .into_iter()
        .map(|(at, recipients)| Spent { at: at.to_jiff(), recipients: u32::try_from(recipients).unwrap_or(0) })
        .collect())
}

/// Writes down what an attempt may cost, before it is made.
pub(crate) async fn spend(
    tx: &mut SystemTx,
    id: Uuid,
    relay: &str,
    recipients: u32,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("insert into mail_spending (spending_id, relay, at, recipients) values ($1, $2, $3, $4)")
        .bind(id)
        .bind(relay)
        .bind(now.to_sqlx())
        .bind(i16::try_from(recipients).unwrap_or(i16::MAX))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What an attempt cost after all. Nothing: it is given back.
pub(crate) async fn correct_spending(tx: &mut SystemTx, id: Uuid, recipients: u32) -> Result<(), DbError> {
    let sql = if recipients == 0 {
        "delete from mail_spending where spending_id = $1 and $2 = 0"
    } else {
        "update mail_spending set recipients = $2 where spending_id = $1"
    };
    sqlx::query(sql).bind(id).bind(i16::try_from(recipients).unwrap_or(i16::MAX)).execute(tx.conn()).await?;
    Ok(())
}

/// Takes a mail for one attempt, under a lease.
pub(super) async fn take(
    tx: &mut SystemTx,
    head: &Head,
    attempt: Uuid,
    relay: &str,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "insert into mail_attempts (org_id, mail_id, attempt_id, number, relay, started_at) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(head.org_id)
    .bind(head.mail_id)
    .bind(attempt)
    .bind(i32::try_from(head.earlier + 1).unwrap_or(i32::MAX))
    .bind(relay)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "update mails set state = 'sending', attempts = attempts + 1, attempt_id = $3, lease_until = $4, relay = $5
          where org_id = $1 and mail_id = $2",
    )
    .bind(head.org_id)
    .bind(head.mail_id)
    .bind(attempt)
    .bind(lease_until.to_sqlx())
    .bind(relay)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes down that the relay may have the mail from now on. False: the lease was given to somebody else.
pub(super) async fn enter_data(tx: &mut SystemTx, held: &Held) -> Result<bool, DbError> {
    let changed = sqlx::query(
        "with holds as (select 1 from mails where org_id = $1 and mail_id = $2 and attempt_id = $3 for update)
         update mail_attempts set phase = 'data'
          where org_id = $1 and mail_id = $2 and attempt_id = $3 and exists (select 1 from holds)",
    )
    .bind(held.org)
    .bind(held.mail)
    .bind(held.attempt)
    .execute(tx.conn())
    .await?
    .rows_affected();
    Ok(changed == 1)
}

/// An attempt and the mail it is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) org: OrgId,
    pub(super) mail: MailId,
    pub(super) attempt: Uuid,
}

/// Locks a mail: its state, whether this attempt still holds it, and how often it was tried.
pub(super) struct Locked {
    pub(super) state: State,
    pub(super) holds: bool,
    pub(super) attempts: i32,
}

/// Locks the mail of an attempt.
pub(super) async fn lock_mail(tx: &mut SystemTx, held: &Held) -> Result<Locked, DbError> {
    let (state, holds, attempts): (String, bool, i32) = sqlx::query_as(
        "select state, attempt_id is not distinct from $3 and state = 'sending', attempts
           from mails where org_id = $1 and mail_id = $2 for update",
    )
    .bind(held.org)
    .bind(held.mail)
    .bind(held.attempt)
    .fetch_one(tx.conn())
    .await?;
    // The column's check admits no other words.
    Ok(Locked { state: State::parse(&state).unwrap_or(State::Failed), holds, attempts })
}

/// What becomes of a mail after an attempt.
pub(super) struct After<'a> {
    pub(super) state: State,
    pub(super) attempts: i32,
    pub(super) code: Option<u16>,
    pub(super) words: &'a str,
    pub(super) queue_id: Option<String>,
    /// When it is tried again.
    pub(super) due_at: Option<Timestamp>,
    pub(super) accepted: bool,
}

/// Lets go of a mail.
pub(super) async fn release(tx: &mut SystemTx, held: &Held, after: &After<'_>, now: Timestamp) -> Result<(), DbError> {
    sqlx::query(
        "update mails set state = $3, attempts = $4, attempt_id = null, lease_until = null, last_code = $5, last_words = $6,
                relay_queue_id = coalesce($7, relay_queue_id), due_at = coalesce($8, due_at),
                accepted_at = case when $9 then $10 else accepted_at end,
                ended_at = case when $3 in ('queued', 'deferred') then null else $10 end
          where org_id = $1 and mail_id = $2",
    )
    .bind(held.org)
    .bind(held.mail)
    .bind(after.state.as_str())
    .bind(after.attempts)
    .bind(after.code.and_then(|code| i16::try_from(code).ok()))
    .bind(after.words)
    .bind(&after.queue_id)
    .bind(after.due_at.map(jiff_sqlx::ToSqlx::to_sqlx))
    .bind(after.accepted)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends an attempt.
pub(super) async fn end_attempt(
    tx: &mut SystemTx,
    held: &Held,
    outcome: &str,
    code: Option<u16>,
    words: &str,
    refused: &[Refusal],
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "update mail_attempts set outcome = $4, code = $5, words = $6, refused = $7, ended_at = $8
          where org_id = $1 and mail_id = $2 and attempt_id = $3",
    )
    .bind(held.org)
    .bind(held.mail)
    .bind(held.attempt)
    .bind(outcome)
    .bind(code.and_then(|code| i16::try_from(code).ok()))
    .bind(words)
    .bind(Json(refused))
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes a mail out of the queue without an attempt.
pub(super) async fn give_up(
    tx: &mut SystemTx,
    org: OrgId,
    mail: MailId,
    state: State,
    words: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("update mails set state = $3, last_words = $4, ended_at = $5 where org_id = $1 and mail_id = $2")
        .bind(org)
        .bind(mail)
        .bind(state.as_str())
        .bind(words)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Takes every waiting mail about something out of the queue. Answers their templates.
pub(super) async fn withdraw(
    tx: &mut TenantTx,
    (kind, id): (&str, Uuid),
    words: &str,
    now: Timestamp,
) -> Result<Vec<String>, DbError> {
    let org = tx.org();
    Ok(sqlx::query_scalar(
        "update mails set state = 'cancelled', last_words = $4, ended_at = $5
          where org_id = $1 and about_kind = $2 and about_id = $3 and state in ('queued', 'deferred')
          returning template",
    )
    .bind(org)
    .bind(kind)
    .bind(id)
    .bind(words)
    .bind(now.to_sqlx())
    .fetch_all(tx.conn())
    .await?)
}

/// Notes that the relay answers.
pub(super) async fn relay_answers(tx: &mut SystemTx, relay: &str, now: Timestamp) -> Result<(), DbError> {
    sqlx::query(
        "update mail_relays set failures = 0, paused_until = null, fault = null, failing_since = null, answered_at = $2
          where relay = $1",
    )
    .bind(relay)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Leaves the relay alone for a while.
pub(super) async fn pause_relay(
    tx: &mut SystemTx,
    relay: &str,
    fault: Option<&str>,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "update mail_relays set paused_until = $3,
                failures = failures + (case when $2::text is null then 0 else 1 end),
                failing_since = case when $2::text is null then failing_since else coalesce(failing_since, $4) end,
                fault = coalesce($2, fault)
          where relay = $1",
    )
    .bind(relay)
    .bind(fault)
    .bind(until.to_sqlx())
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Locks what dead workers left, with the phase each attempt had reached.
pub(super) async fn lock_left_behind(tx: &mut SystemTx, now: Timestamp) -> Result<Vec<(Held, bool)>, DbError> {
    let rows: Vec<(OrgId, MailId, Uuid, bool)> = sqlx::query_as(
        "select m.org_id, m.mail_id, m.attempt_id, a.phase = 'data'
           from mails m join mail_attempts a using (org_id, mail_id, attempt_id)
          where m.state = 'sending' and m.lease_until < $1
          order by m.lease_until limit 100 for update of m skip locked",
    )
    .bind(now.to_sqlx())
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|(org, mail, attempt, in_data)| (Held { org, mail, attempt }, in_data)).collect())
}

/// Forgets the words of mails that ended before `ended_before`, and spending from before `spent_before`. Answers how many rows.
pub(super) async fn forget(
    tx: &mut SystemTx,
    ended_before: Timestamp,
    spent_before: Timestamp,
) -> Result<u64, DbError> {
    let words = sqlx::query("update mails set sealed = null where sealed is not null and ended_at < $1")
        .bind(ended_before.to_sqlx())
        .execute(tx.conn())
        .await?
        .rows_affected();
    let spending = sqlx::query("delete from mail_spending where at < $1")
        .bind(spent_before.to_sqlx())
        .execute(tx.conn())
        .await?
        .rows_affected();
    Ok(words + spending)
}

/// Removes a portion of the mails that ended before a time, with everything that is known of them. Answers how many. One
/// that was sent again goes after its copy.
pub(super) async fn remove(tx: &mut SystemTx, ended_before: Timestamp) -> Result<u64, DbError> {
    let old: Vec<(OrgId, MailId)> = sqlx::query_as(
        "select org_id, mail_id from mails m
          where ended_at < $1
            and not exists (select 1 from mails c where c.org_id = m.org_id and c.resend_of = m.mail_id)
          order by ended_at limit 500 for update skip locked",
    )
    .bind(ended_before.to_sqlx())
    .fetch_all(tx.conn())
    .await?;
    let (orgs, mails): (Vec<OrgId>, Vec<MailId>) = old.into_iter().unzip();
    let mut removed = 0;
    for table in ["mail_events", "mail_attempts", "mails"] {
        let sql = format!(
            "delete from {table} t using unnest($1::uuid[], $2::uuid[]) as old (org_id, mail_id)
              where t.org_id = old.org_id and t.mail_id = old.mail_id"
        );
        removed =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(&orgs).bind(&mails).execute(tx.conn()).await?.rows_affected();
    }
    Ok(removed)
}

/// How many mails wait, by priority, and since when the oldest due one does.
pub(super) async fn waiting(tx: &mut SystemTx, now: Timestamp) -> Result<Vec<(i16, i64, Option<Timestamp>)>, DbError> {
    let rows: Vec<(i16, i64, Option<jiff_sqlx::Timestamp>)> = sqlx::query_as(
        "select priority, count(*), min(due_at) filter (where due_at <= $1) from mails
          where state in ('queued', 'deferred') group by priority order by priority",
    )
    .bind(now.to_sqlx())
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|(priority, count, due)| (priority, count, due.map(jiff_sqlx::Timestamp::to_jiff)))
        .collect())
}

/// The waiting mails in the order in which they will go: who, priority, recipients.
pub(super) async fn queue(tx: &mut SystemTx, most: i64) -> Result<Vec<(MailId, i16, i16)>, DbError> {
    Ok(sqlx::query_as(
        "select mail_id, priority, recipients from mails where state in ('queued', 'deferred')
          order by priority, due_at, mail_id limit $1",
    )
    .bind(most)
    .fetch_all(tx.conn())
    .await?)
}

/// A relay's pause and fault, without a lock.
pub(super) async fn relay_health(tx: &mut SystemTx, relay: &str) -> Result<Option<RelayHealth>, DbError> {
    type Row = (i32, Option<jiff_sqlx::Timestamp>, Option<String>, Option<jiff_sqlx::Timestamp>);
    let row: Option<Row> =
        sqlx::query_as("select failures, paused_until, fault, failing_since from mail_relays where relay = $1")
            .bind(relay)
            .fetch_optional(tx.conn())
            .await?;
    Ok(row.map(|(failures, paused_until, fault, failing_since)| RelayHealth {
        failures,
        paused_until: paused_until.map(jiff_sqlx::Timestamp::to_jiff),
        fault,
        failing_since: failing_since.map(jiff_sqlx::Timestamp::to_jiff),
    }))
}

/// What sending again needs of a mail, locked.
pub(super) struct Original {
    pub(super) state: State,
    pub(super) sealed: Option<Vec<u8>>,
}

/// Locks a mail by its id.
pub(super) async fn lock_original(tx: &mut SystemTx, org: OrgId, mail: MailId) -> Result<Option<Original>, DbError> {
    let row: Option<(String, Option<Vec<u8>>)> =
        sqlx::query_as("select state, sealed from mails where org_id = $1 and mail_id = $2 for update")
            .bind(org)
            .bind(mail)
            .fetch_optional(tx.conn())
            .await?;
    Ok(row.map(|(state, sealed)| Original { state: State::parse(&state).unwrap_or(State::Failed), sealed }))
}

/// Keeps a mail again under a new id, to be sent anew.
pub(super) async fn copy(
    tx: &mut SystemTx,
    org: OrgId,
    original: MailId,
    copy: MailId,
    sealed: &[u8],
    message_id: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "insert into mails (org_id, mail_id, template, priority, state, to_address, to_name, cc, reply_to, recipients, locale,
                            subject, sealed, message_id, about_kind, about_id, resend_of, created_at, due_at)
         select org_id, $3, template, priority, 'queued', to_address, to_name, cc, reply_to, recipients, locale,
                subject, $4, $5, about_kind, about_id, mail_id, $6, $6
           from mails where org_id = $1 and mail_id = $2",
    )
    .bind(org)
    .bind(original)
    .bind(copy)
    .bind(sealed)
    .bind(message_id)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}
