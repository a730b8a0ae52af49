//! What the operator looks at and decides.

use platform::audit::{self, Actor};
use platform::email::is_address;
use platform::http::{Cursor, Limit, Page};
use platform::ids::{MailId, OrgId};
use platform::tenancy::DbError;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::model::{MailDetail, MailFilter, MailSummary, OverviewError, Stray, SuppressedAddress, may_be_read};
use super::store;
use crate::Outbox;
use crate::outbox::model::Suppression;
use crate::tracking::store::{NewSuppression, suppress};

/// Mails of all organizations, newest first.
pub async fn list_mails(
    outbox: &Outbox,
    filter: &MailFilter,
    cursor: Option<Cursor>,
    limit: Limit,
) -> Result<Page<MailSummary>, DbError> {
    let mut tx = outbox.tenancy().system("an operator looks at the mails").await?;
    let rows = store::list(&mut tx, filter, cursor, limit).await?;
    tx.commit().await?;
    Ok(Page::of(rows, limit, |mail| Cursor { at: mail.created_at, id: mail.id.uuid() }))
}

/// Every template that was used so far.
pub async fn list_templates(outbox: &Outbox) -> Result<Vec<String>, DbError> {
    let mut tx = outbox.tenancy().system("an operator looks at the mails").await?;
    let names = store::templates(&mut tx).await?;
    tx.commit().await?;
    Ok(names)
}

/// One mail with its timeline, and with its words where they may be read.
pub async fn find_mail(outbox: &Outbox, id: MailId) -> Result<MailDetail, OverviewError> {
    let mut tx = outbox.tenancy().system("an operator looks at a mail").await?;
    let found = store::find(&mut tx, id).await?;
    tx.commit().await?;
    let (mut mail, sealed) = found.ok_or(OverviewError::NotFound)?;
    match sealed {
        Some(_) if !may_be_read(mail.priority, outbox.config().relay.is_some()) => mail.hidden = true,
        Some(sealed) => mail.words = Some(outbox.open(mail.org, id, &sealed)?),
        None => {}
    }
    Ok(mail)
}

/// Suppressed addresses in the order of the alphabet, those with `part` in them, after `after`. The second value is the
/// `after` of the next page.
pub async fn list_suppressions(
    outbox: &Outbox,
    part: Option<&str>,
    after: Option<&str>,
    limit: Limit,
) -> Result<(Vec<SuppressedAddress>, Option<String>), DbError> {
    let mut tx = outbox.tenancy().system("an operator looks at the suppressed addresses").await?;
    let mut rows = store::suppressions(&mut tx, part, after, limit.fetch()).await?;
    tx.commit().await?;
    let more = rows.len() > limit.rows();
    rows.truncate(limit.rows());
    let next = if more { rows.last().map(|row| row.address.clone()) } else { None };
    Ok((rows, next))
}

/// Events that name no mail of ours or could not be read, newest first.
pub async fn list_strays(outbox: &Outbox, cursor: Option<Cursor>, limit: Limit) -> Result<Page<Stray>, DbError> {
    let mut tx = outbox.tenancy().system("an operator looks at events that name no mail").await?;
    let rows = store::strays(&mut tx, cursor, limit).await?;
    tx.commit().await?;
    Ok(Page::of(rows, limit, |stray| Cursor { at: stray.received_at, id: stray.id }))
}

/// Writes to an address no more. The audit row is in `org`, the operator's organization.
pub async fn suppress_by_hand(
    outbox: &Outbox,
    operator: Actor,
    org: OrgId,
    address: &str,
) -> Result<(), OverviewError> {
    let address = address.trim().to_ascii_lowercase();
    if !is_address(&address) {
        return Err(OverviewError::NotAnAddress);
    }
    let new = NewSuppression { reason: Suppression::Manual, source: "operator", words: None, mail: None };
    let mut tx = outbox.tenancy().system("an operator suppresses an address").await?;
    suppress(&mut tx, &address, &new, outbox.clock().now()).await?;
    let subject = subject(&address);
    audit::record_system(&mut tx, org, operator, "mail.suppressed", Some(&subject), json!({})).await?;
    tx.commit().await?;
    Ok(())
}

/// Writes to an address again. The audit row is in `org`, the operator's organization.
pub async fn unsuppress(outbox: &Outbox, operator: Actor, org: OrgId, address: &str) -> Result<(), OverviewError> {
    let address = address.trim().to_ascii_lowercase();
    let mut tx = outbox.tenancy().system("an operator takes an address off the suppressions").await?;
    let reason = store::unsuppress(&mut tx, &address).await?.ok_or(OverviewError::NotFound)?;
    let subject = subject(&address);
    audit::record_system(&mut tx, org, operator, "mail.unsuppressed", Some(&subject), json!({ "was": reason })).await?;
    tx.commit().await?;
    Ok(())
}

/// Names an address in the audit list without telling it: whoever knows the address can find its rows.
fn subject(address: &str) -> String {
    let digest = Sha256::digest(address);
    format!("address:{}", uuid::Uuid::from_slice(&digest[..16]).unwrap_or_default().simple())
}
