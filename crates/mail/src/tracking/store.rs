//! SQL of `mail_events`, `mail_events_unmatched`, and what events change of `mails` and `mail_suppressions`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::ids::{Id, MailId, OrgId};
use platform::tenancy::{DbError, SystemTx};
use providers::mail_events::{EventKind, Faulty, MailEvent};
use uuid::Uuid;

use super::model::{BY_STRENGTH, Told};
use crate::State;
use crate::outbox::model::Suppression;

/// Longest kept of an event that could not be read, in characters.
const MAX_RAW: usize = 4000;

/// A mail that events are about, locked.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) org: OrgId,
    pub(super) id: MailId,
    pub(super) message_id: String,
    pub(super) to_address: String,
    pub(super) state: State,
    pub(super) told: Told,
}

#[derive(sqlx::FromRow)]
struct KnownRow {
    org_id: OrgId,
    mail_id: MailId,
    message_id: String,
    to_address: String,
    state: String,
    delivered_at: Option<jiff_sqlx::Timestamp>,
    deferred_at: Option<jiff_sqlx::Timestamp>,
    bounced_at: Option<jiff_sqlx::Timestamp>,
    blocked_at: Option<jiff_sqlx::Timestamp>,
    complained_at: Option<jiff_sqlx::Timestamp>,
    opened_at: Option<jiff_sqlx::Timestamp>,
    clicked_at: Option<jiff_sqlx::Timestamp>,
    unsubscribed_at: Option<jiff_sqlx::Timestamp>,
}

impl TryFrom<KnownRow> for Known {
    type Error = DbError;

    fn try_from(row: KnownRow) -> Result<Self, DbError> {
        let time = |at: Option<jiff_sqlx::Timestamp>| at.map(jiff_sqlx::Timestamp::to_jiff);
        Ok(Self {
            org: row.org_id,
            id: row.mail_id,
            message_id: row.message_id,
            to_address: row.to_address,
            state: State::parse(&row.state).ok_or_else(|| unreadable("state"))?,
            told: Told {
                delivered: time(row.delivered_at),
                deferred: time(row.deferred_at),
                bounced: time(row.bounced_at),
                blocked: time(row.blocked_at),
                complained: time(row.complained_at),
                opened: time(row.opened_at),
                clicked: time(row.clicked_at),
                unsubscribed: time(row.unsubscribed_at),
            },
        })
    }
}

fn unreadable(column: &str) -> DbError {
    DbError::from(sqlx::Error::Decode(format!("{column} holds a word of another version").into()))
}

/// The mails that these ids and `Message-ID`s name. Locked in one order, so that two requests about the same mails wait
/// for each other and never both.
pub(super) async fn lock(tx: &mut SystemTx, ids: &[Uuid], message_ids: &[&str]) -> Result<Vec<Known>, DbError> {
    let rows: Vec<KnownRow> = sqlx::query_as(
        "select org_id, mail_id, message_id, to_address, state, delivered_at, deferred_at, bounced_at, blocked_at,
                complained_at, opened_at, clicked_at, unsubscribed_at
           from mails where mail_id = any($1) or message_id = any($2)
          order by org_id, mail_id for update",
    )
    .bind(ids)
    .bind(message_ids)
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Known::try_from).collect()
}

/// Writes down what was learned of mails.
pub(super) async fn update(tx: &mut SystemTx, mails: &[&Known]) -> Result<(), DbError> {
    let times = |of: fn(&Told) -> Option<Timestamp>| -> Vec<_> {
        mails.iter().map(|mail| of(&mail.told).map(jiff_sqlx::ToSqlx::to_sqlx)).collect()
    };
    sqlx::query(
        "update mails m
            set state = n.state, delivered_at = n.delivered_at, deferred_at = n.deferred_at, bounced_at = n.bounced_at,
                blocked_at = n.blocked_at, complained_at = n.complained_at, opened_at = n.opened_at,
                clicked_at = n.clicked_at, unsubscribed_at = n.unsubscribed_at
           from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],
                       $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[])
             as n (org_id, mail_id, state, delivered_at, deferred_at, bounced_at, blocked_at, complained_at, opened_at,
                   clicked_at, unsubscribed_at)
          where m.org_id = n.org_id and m.mail_id = n.mail_id",
    )
    .bind(mails.iter().map(|mail| mail.org).collect::<Vec<_>>())
    .bind(mails.iter().map(|mail| mail.id).collect::<Vec<_>>())
    .bind(mails.iter().map(|mail| mail.state.as_str()).collect::<Vec<_>>())
    .bind(times(|told| told.delivered))
    .bind(times(|told| told.deferred))
    .bind(times(|told| told.bounced))
    .bind(times(|told| told.blocked))
    .bind(times(|told| told.complained))
    .bind(times(|told| told.opened))
    .bind(times(|told| told.clicked))
    .bind(times(|told| told.unsubscribed))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Marker for ids of events.
enum Event {}

/// Keeps events; answers the places of those that were not known yet.
pub(super) async fn insert(
    tx: &mut SystemTx,
    source: &str,
    events: &[(&Known, &MailEvent)],
    now: Timestamp,
) -> Result<Vec<usize>, DbError> {
    let ids: Vec<Id<Event>> = events.iter().map(|_| Id::new()).collect();
    let texts = |of: fn(&MailEvent) -> Option<&str>| -> Vec<Option<String>> {
        events.iter().map(|(_, event)| of(event).map(str::to_owned)).collect()
    };
    let inserted: Vec<Id<Event>> = sqlx::query_scalar(
        "insert into mail_events (org_id, mail_id, event_id, source, dedup_key, kind, kind_name, recipient, at, received_at,
                                  code, words)
         select n.org_id, n.mail_id, n.event_id, $1, n.dedup_key, n.kind, n.kind_name, n.recipient, n.at, $2, n.code, n.words
           from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
                       $10::timestamptz[], $11::text[], $12::text[])
             as n (org_id, mail_id, event_id, dedup_key, kind, kind_name, recipient, at, code, words)
         on conflict (org_id, source, dedup_key) do nothing
         returning event_id",
    )
    .bind(source)
    .bind(now.to_sqlx())
    .bind(events.iter().map(|(mail, _)| mail.org).collect::<Vec<_>>())
    .bind(events.iter().map(|(mail, _)| mail.id).collect::<Vec<_>>())
    .bind(&ids)
    .bind(texts(|event| Some(&event.event_id)))
    .bind(texts(|event| Some(event.kind.word())))
    .bind(texts(|event| match &event.kind {
        EventKind::Other(name) => Some(name),
        _ => None,
    }))
    .bind(texts(|event| event.recipient.as_deref()))
    .bind(events.iter().map(|(_, event)| event.at.unwrap_or(now).to_sqlx()).collect::<Vec<_>>())
    .bind(texts(|event| event.status.as_deref()))
    .bind(texts(|event| event.words.as_deref()))
    .fetch_all(tx.conn())
    .await?;
    Ok(ids.iter().enumerate().filter(|(_, id)| inserted.contains(id)).map(|(place, _)| place).collect())
}

/// The kind and recipient of everything that was told about a mail.
pub(super) async fn events_of(
    tx: &mut SystemTx,
    org: OrgId,
    mail: MailId,
) -> Result<Vec<(EventKind, Option<String>)>, DbError> {
    let rows: Vec<(String, Option<String>, Option<String>)> =
        sqlx::query_as("select kind, kind_name, recipient from mail_events where org_id = $1 and mail_id = $2")
            .bind(org)
            .bind(mail)
            .fetch_all(tx.conn())
            .await?;
    Ok(rows.into_iter().map(|(kind, name, to)| (EventKind::from_word(&kind, name.as_deref()), to)).collect())
}

/// Why an address is no longer written to.
pub(crate) struct NewSuppression<'a> {
    pub(crate) reason: Suppression,
    pub(crate) source: &'a str,
    pub(crate) words: Option<&'a str>,
    pub(crate) mail: Option<MailId>,
}

/// Adds an address, or gives one that is there a reason that stops more.
pub(crate) async fn suppress(
    tx: &mut SystemTx,
    address: &str,
    new: &NewSuppression<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = sqlx::query(
        "insert into mail_suppressions as s (address, reason, source, words, mail_id, created_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (address) do update
            set reason = excluded.reason, source = excluded.source, words = excluded.words, mail_id = excluded.mail_id,
                created_at = excluded.created_at
          where array_position($7, excluded.reason) > array_position($7, s.reason)",
    )
    .bind(address)
    .bind(new.reason.as_str())
    .bind(new.source)
    .bind(new.words)
    .bind(new.mail)
    .bind(now.to_sqlx())
    .bind(BY_STRENGTH.map(Suppression::as_str).as_slice())
    .execute(tx.conn())
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// Keeps events that name no mail of ours; answers how many were not known yet.
pub(super) async fn keep_strays(
    tx: &mut SystemTx,
    source: &str,
    events: &[&MailEvent],
    now: Timestamp,
) -> Result<u64, DbError> {
    let texts = |of: fn(&MailEvent) -> Option<&str>| -> Vec<Option<String>> {
        events.iter().map(|event| of(event).map(str::to_owned)).collect()
    };
    let kept = sqlx::query(
        "insert into mail_events_unmatched (event_id, source, dedup_key, kind, fault, recipient, message_id, at, received_at)
         select n.event_id, $1, n.dedup_key, n.kind, 'no_mail', n.recipient, n.message_id, n.at, $2
           from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
             as n (event_id, dedup_key, kind, recipient, message_id, at)
         on conflict (source, dedup_key) do nothing",
    )
    .bind(source)
    .bind(now.to_sqlx())
    .bind(events.iter().map(|_| Id::<Event>::new()).collect::<Vec<_>>())
    .bind(texts(|event| Some(&event.event_id)))
    .bind(texts(|event| match &event.kind {
        EventKind::Other(name) => Some(name),
        kind => Some(kind.word()),
    }))
    .bind(texts(|event| event.recipient.as_deref()))
    .bind(texts(|event| event.message_id.as_deref()))
    .bind(events.iter().map(|event| event.at.map(jiff_sqlx::ToSqlx::to_sqlx)).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(kept.rows_affected())
}

/// Keeps events that could not be read; answers how many were not known yet.
pub(super) async fn keep_faulty(
    tx: &mut SystemTx,
    source: &str,
    faulty: &[Faulty],
    now: Timestamp,
) -> Result<u64, DbError> {
    let kept = sqlx::query(
        "insert into mail_events_unmatched (event_id, source, dedup_key, fault, received_at, raw)
         select n.event_id, $1, n.dedup_key, n.fault, $2, n.raw
           from unnest($3::uuid[], $4::text[], $5::text[], $6::text[]) as n (event_id, dedup_key, fault, raw)
         on conflict (source, dedup_key) do nothing",
    )
    .bind(source)
    .bind(now.to_sqlx())
    .bind(faulty.iter().map(|_| Id::<Event>::new()).collect::<Vec<_>>())
    .bind(faulty.iter().map(|one| format!("faulty:{}", one.digest())).collect::<Vec<_>>())
    .bind(faulty.iter().map(|one| one.fault.to_owned()).collect::<Vec<_>>())
    .bind(faulty.iter().map(|one| one.raw.chars().take(MAX_RAW).collect()).collect::<Vec<String>>())
    .execute(tx.conn())
    .await?;
    Ok(kept.rows_affected())
}

/// How many events name no mail of ours or could not be read.
pub(super) async fn count_strays(tx: &mut SystemTx) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar("select count(*) from mail_events_unmatched").fetch_one(tx.conn()).await?)
}

/// Forgets those that came before a time.
pub(super) async fn forget_strays(tx: &mut SystemTx, before: Timestamp) -> Result<u64, DbError> {
    let gone = sqlx::query("delete from mail_events_unmatched where received_at < $1")
        .bind(before.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(gone.rows_affected())
}
