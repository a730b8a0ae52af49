//! SQL of `mails`, `mail_attempts`, `mail_relays`, `mail_spending` and `mail_suppressions`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::ids::{MailId, OrgId};
use platform::tenancy::{DbError, SystemTx, TenantTx};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use crate::draft::Draft;

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
