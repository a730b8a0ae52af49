//! SQL of the operator's view.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::http::{Cursor, Limit};
use platform::ids::{MailId, OrgId};
use platform::tenancy::{DbError, SystemTx};
use sqlx::types::Json;
use uuid::Uuid;

use super::model::{Happened, MailDetail, MailFilter, MailSummary, Person, Step, Stray, SuppressedAddress};
use crate::outbox::model::Suppression;
use crate::{Priority, State};

#[derive(sqlx::FromRow)]
struct SummaryRow {
    mail_id: MailId,
    to_address: String,
    subject: String,
    template: String,
    state: String,
    created_at: jiff_sqlx::Timestamp,
    due_at: jiff_sqlx::Timestamp,
}

impl TryFrom<SummaryRow> for MailSummary {
    type Error = DbError;

    fn try_from(row: SummaryRow) -> Result<Self, DbError> {
        Ok(Self {
            id: row.mail_id,
            to_address: row.to_address,
            subject: row.subject,
            template: row.template,
            state: State::parse(&row.state).ok_or_else(|| unreadable("state"))?,
            created_at: row.created_at.to_jiff(),
            due_at: row.due_at.to_jiff(),
        })
    }
}

fn unreadable(column: &str) -> DbError {
    DbError::from(sqlx::Error::Decode(format!("{column} holds a word of another version").into()))
}

/// Mails of all organizations, newest first, plus one to see whether another page follows.
pub(super) async fn list(
    tx: &mut SystemTx,
    filter: &MailFilter,
    cursor: Option<Cursor>,
    limit: Limit,
) -> Result<Vec<MailSummary>, DbError> {
    let rows: Vec<SummaryRow> = sqlx::query_as(
        "select mail_id, to_address, subject, template, state, created_at, due_at
           from mails
          where ($1::timestamptz is null or (created_at, mail_id) < ($1, $2))
            and ($3::text is null or position($3 in lower(to_address)) > 0)
            and ($4::text is null or state = $4)
            and ($5::text is null or template = $5)
          order by created_at desc, mail_id desc limit $6",
    )
    .bind(cursor.map(|cursor| cursor.at.to_sqlx()))
    .bind(cursor.map(|cursor| cursor.id))
    .bind(&filter.to)
    .bind(filter.state.map(State::as_str))
    .bind(&filter.template)
    .bind(limit.fetch())
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(MailSummary::try_from).collect()
}

#[derive(sqlx::FromRow)]
struct StrayRow {
    event_id: Uuid,
    source: String,
    kind: Option<String>,
    fault: String,
    recipient: Option<String>,
    message_id: Option<String>,
    at: Option<jiff_sqlx::Timestamp>,
    received_at: jiff_sqlx::Timestamp,
    raw: Option<String>,
}

/// Events without a mail, newest first, plus one to see whether another page follows.
pub(super) async fn strays(tx: &mut SystemTx, cursor: Option<Cursor>, limit: Limit) -> Result<Vec<Stray>, DbError> {
    let rows: Vec<StrayRow> = sqlx::query_as(
        "select event_id, source, kind, fault, recipient, message_id, at, received_at, raw
           from mail_events_unmatched
          where $1::timestamptz is null or (received_at, event_id) < ($1, $2)
          order by received_at desc, event_id desc limit $3",
    )
    .bind(cursor.map(|cursor| cursor.at.to_sqlx()))
    .bind(cursor.map(|cursor| cursor.id))
    .bind(limit.fetch())
    .fetch_all(tx.conn())
    .await?;
    let stray = |row: StrayRow| Stray {
        id: row.event_id,
        source: row.source,
        kind: row.kind,
        fault: row.fault,
        recipient: row.recipient,
        message_id: row.message_id,
        at: row.at.map(jiff_sqlx::Timestamp::to_jiff),
        received_at: row.received_at.to_jiff(),
        raw: row.raw,
    };
    Ok(rows.into_iter().map(stray).collect())
}

/// Every template that was used.
pub(super) async fn templates(tx: &mut SystemTx) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar("select distinct template from mails order by template").fetch_all(tx.conn()).await?)
}

#[derive(sqlx::FromRow)]
struct DetailRow {
    #[sqlx(flatten)]
    summary: SummaryRow,
    org_id: OrgId,
    organization: String,
    to_name: String,
    cc: Json<Vec<Person>>,
    priority: i16,
    locale: String,
    message_id: String,
    about_kind: Option<String>,
    about_id: Option<Uuid>,
    resend_of: Option<MailId>,
    relay: Option<String>,
    relay_queue_id: Option<String>,
    last_words: Option<String>,
    ended_at: Option<jiff_sqlx::Timestamp>,
    sealed: Option<Vec<u8>>,
}

/// A mail of any organization with its sealed words.
pub(super) async fn find(tx: &mut SystemTx, id: MailId) -> Result<Option<(MailDetail, Option<Vec<u8>>)>, DbError> {
    let row: Option<DetailRow> = sqlx::query_as(
        "select m.mail_id, m.to_address, m.subject, m.template, m.state, m.created_at, m.due_at, m.org_id,
                o.name as organization, m.to_name, m.cc, m.priority, m.locale, m.message_id, m.about_kind, m.about_id,
                m.resend_of, m.relay, m.relay_queue_id, m.last_words, m.ended_at, m.sealed
           from mails m join organizations o on o.org_id = m.org_id
          where m.mail_id = $1",
    )
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let ended_at = row.ended_at.map(jiff_sqlx::Timestamp::to_jiff);
    let mut mail = MailDetail {
        summary: row.summary.try_into()?,
        org: row.org_id,
        organization: row.organization,
        to_name: row.to_name,
        cc: row.cc.0,
        priority: Priority::from_number(row.priority).ok_or_else(|| unreadable("priority"))?,
        locale: row.locale,
        message_id: row.message_id,
        about: row.about_kind.zip(row.about_id),
        resend_of: row.resend_of,
        relay: row.relay,
        relay_queue_id: row.relay_queue_id,
        last_words: row.last_words,
        steps: Vec::new(),
        words: None,
        hidden: false,
    };
    mail.steps = steps(tx, &mail, ended_at).await?;
    Ok(Some((mail, row.sealed)))
}

#[derive(sqlx::FromRow)]
struct AttemptRow {
    relay: String,
    started_at: jiff_sqlx::Timestamp,
    outcome: Option<String>,
    words: Option<String>,
    ended_at: Option<jiff_sqlx::Timestamp>,
}

#[derive(sqlx::FromRow)]
struct EventRow {
    kind: String,
    kind_name: Option<String>,
    recipient: Option<String>,
    at: jiff_sqlx::Timestamp,
    words: Option<String>,
}

/// Our side and the provider's, in the order in which it happened as far as the clocks agree.
async fn steps(tx: &mut SystemTx, mail: &MailDetail, ended_at: Option<Timestamp>) -> Result<Vec<Step>, DbError> {
    let attempts: Vec<AttemptRow> = sqlx::query_as(
        "select relay, started_at, outcome, words, ended_at from mail_attempts
          where org_id = $1 and mail_id = $2 order by number",
    )
    .bind(mail.org)
    .bind(mail.summary.id)
    .fetch_all(tx.conn())
    .await?;
    let events: Vec<EventRow> = sqlx::query_as(
        "select kind, kind_name, recipient, at, words from mail_events
          where org_id = $1 and mail_id = $2 order by at, received_at, event_id limit 500",
    )
    .bind(mail.org)
    .bind(mail.summary.id)
    .fetch_all(tx.conn())
    .await?;
    let mut steps = vec![Step { at: mail.summary.created_at, what: Happened::Written, words: None }];
    steps.extend(attempts.into_iter().map(|row| Step {
        at: row.ended_at.unwrap_or(row.started_at).to_jiff(),
        what: Happened::Tried { relay: row.relay, outcome: row.outcome },
        words: row.words,
    }));
    steps.extend(events.into_iter().map(|row| {
        let copy = row.recipient.filter(|to| !to.eq_ignore_ascii_case(&mail.summary.to_address));
        let what = Happened::Told { kind: row.kind, name: row.kind_name, copy };
        Step { at: row.at.to_jiff(), what, words: row.words }
    }));
    if let (Some(at), State::Cancelled | State::Suppressed) = (ended_at, mail.summary.state) {
        steps.push(Step { at, what: Happened::Left, words: mail.last_words.clone() });
    }
    // Stable: what has one time stays in the order it was read in.
    steps.sort_by_key(|step| step.at);
    Ok(steps)
}

#[derive(sqlx::FromRow)]
struct SuppressionRow {
    address: String,
    reason: String,
    source: String,
    words: Option<String>,
    mail_id: Option<MailId>,
    created_at: jiff_sqlx::Timestamp,
}

impl TryFrom<SuppressionRow> for SuppressedAddress {
    type Error = DbError;

    fn try_from(row: SuppressionRow) -> Result<Self, DbError> {
        Ok(Self {
            address: row.address,
            reason: Suppression::parse(&row.reason).ok_or_else(|| unreadable("reason"))?,
            source: row.source,
            words: row.words,
            mail: row.mail_id,
            created_at: row.created_at.to_jiff(),
        })
    }
}

/// Suppressed addresses, in the order of the alphabet, after one of them.
pub(super) async fn suppressions(
    tx: &mut SystemTx,
    part: Option<&str>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<SuppressedAddress>, DbError> {
    let rows: Vec<SuppressionRow> = sqlx::query_as(
        "select address, reason, source, words, mail_id, created_at from mail_suppressions
          where ($1::text is null or position($1 in address) > 0) and ($2::text is null or address > $2)
          order by address limit $3",
    )
    .bind(part)
    .bind(after)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(SuppressedAddress::try_from).collect()
}

/// Takes an address off the list; answers why it was there.
pub(super) async fn unsuppress(tx: &mut SystemTx, address: &str) -> Result<Option<String>, DbError> {
    Ok(sqlx::query_scalar("delete from mail_suppressions where address = $1 returning reason")
        .bind(address)
        .fetch_optional(tx.conn())
        .await?)
}
