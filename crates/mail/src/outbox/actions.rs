//! Keeping mails, and what a person may do with them.

use std::sync::Arc;

use jiff::Timestamp;
use platform::audit::{self, Actor};
use platform::clock::Clock;
use platform::config::MailConfig;
use platform::crypto::MasterKey;
use platform::ids::{MailId, OrgId};
use platform::tenancy::{SystemTx, Tenancy, TenantTx};
use serde_json::json;
use tokio::sync::Notify;
use uuid::Uuid;

use super::budget;
use super::model::{CalendarWords, Health, MailError, RelayHealth, State, Words, check};
use super::store::{self, NewMail};
use crate::draft::{Draft, Priority};

/// What the outbox needs from the process.
pub struct Services {
    /// The way to the database.
    pub tenancy: Tenancy,
    /// The time.
    pub clock: Clock,
    /// Seals the words of mails.
    pub master_key: MasterKey,
    /// Relay, sender and budget.
    pub config: MailConfig,
}

/// The mails that wait and those that went. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    inner: Arc<Inner>,
}

struct Inner {
    services: Services,
    wake: Notify,
}

impl Outbox {
    /// Puts the parts together. Touches neither database nor network.
    pub fn new(services: Services) -> Self {
        Self { inner: Arc::new(Inner { services, wake: Notify::new() }) }
    }

    /// Keeps a mail in the transaction's organization: it goes out if and only if the transaction commits. Call
    /// [`Outbox::wake`] after the commit. With `once`, a mail that is there already is answered instead.
    pub async fn enqueue(&self, tx: &mut TenantTx, draft: Draft) -> Result<MailId, MailError> {
        let org = tx.org();
        let packed = self.pack(org, &draft)?;
        Ok(store::insert(tx, &packed.row(self, org, &draft)).await?)
    }

    /// The same for an organization that is known by other means than a caller's membership.
    pub async fn enqueue_for(&self, tx: &mut SystemTx, org: OrgId, draft: Draft) -> Result<MailId, MailError> {
        let packed = self.pack(org, &draft)?;
        Ok(store::insert_for(tx, &packed.row(self, org, &draft)).await?)
    }

    /// Takes the mails about something out of the queue, in the transaction that makes them untrue, and answers which
    /// texts they were. What a worker holds may be on its way already and stays.
    pub async fn withdraw(
        &self,
        tx: &mut TenantTx,
        about: (&'static str, Uuid),
        words: &str,
    ) -> Result<Vec<String>, MailError> {
        Ok(store::withdraw(tx, about, words, self.clock().now()).await?)
    }

    /// Tells the worker of this process that there is something to send. A worker elsewhere finds it at its next look.
    pub fn wake(&self) {
        self.inner.wake.notify_one();
    }

    /// Waits until there may be something to send.
    pub(crate) async fn woken(&self) {
        self.inner.wake.notified().await;
    }

    /// Sends a mail again that left the queue: a copy with an id and a Message-ID of its own, so that neither its timeline
    /// nor the provider's events are mixed up with the first one's. Refused while the first one waits.
    pub async fn resend(&self, actor: Actor, org: OrgId, id: MailId) -> Result<MailId, MailError> {
        let mut tx = self.tenancy().system("the operator sends a mail of any organization again").await?;
        let original = store::lock_original(&mut tx, org, id).await?.ok_or(MailError::NotFound)?;
        if original.state.is_waiting() {
            return Err(MailError::StillWaiting);
        }
        let words =
            self.inner.services.master_key.open(&place(org, id), &original.sealed.ok_or(MailError::Forgotten)?)?;
        let copy = MailId::new();
        let sealed = self.inner.services.master_key.seal(&place(org, copy), &words)?;
        let now = self.clock().now();
        store::copy(&mut tx, org, id, copy, &sealed, &self.message_id(copy), now).await?;
        let detail = json!({ "as": copy, "was": original.state.as_str() });
        audit::record_system(&mut tx, org, actor, "mail.resent", Some(&id.to_string()), detail).await?;
        tx.commit().await?;
        self.wake();
        Ok(copy)
    }

    /// Takes a mail out of the queue that nobody wants any more. One that a worker holds may be on its way already and is
    /// answered with [`MailError::NotFound`], like one that left.
    pub async fn cancel(&self, actor: Actor, org: OrgId, id: MailId) -> Result<(), MailError> {
        let mut tx = self.tenancy().system("the operator cancels a mail of any organization").await?;
        let original = store::lock_original(&mut tx, org, id).await?.ok_or(MailError::NotFound)?;
        if !matches!(original.state, State::Queued | State::Deferred) {
            return Err(MailError::NotFound);
        }
        store::give_up(&mut tx, org, id, State::Cancelled, "cancelled by hand", self.clock().now()).await?;
        audit::record_system(&mut tx, org, actor, "mail.cancelled", Some(&id.to_string()), json!({})).await?;
        tx.commit().await?;
        Ok(())
    }

    /// How it stands: relay, queue, budget.
    pub async fn health(&self) -> Result<Health, MailError> {
        let now = self.clock().now();
        let mut tx = self.tenancy().system("the outbox is looked at as a whole").await?;
        let waiting = store::waiting(&mut tx, now).await?;
        let (relay, used) = match &self.config().relay {
            None => (None, 0),
            Some(relay) => {
                let health = store::relay_health(&mut tx, &relay.host).await?;
                let unused = RelayHealth { failures: 0, paused_until: None, fault: None, failing_since: None };
                (Some(health.unwrap_or(unused)), store::spent(&mut tx, &relay.host, now).await?)
            }
        };
        tx.commit().await?;
        Ok(Health {
            relay,
            waiting: waiting.iter().map(|(_, count, _)| count).sum(),
            oldest_due: waiting.iter().filter_map(|(_, _, due)| *due).min(),
            used,
            limit: self.config().daily_limit,
        })
    }

    /// When each waiting mail can go as far as the budget is concerned, in the order of the queue; the first thousand.
    /// `None`: never, the limit is too small for it. Empty without a relay.
    pub async fn forecast(&self) -> Result<Vec<(MailId, Option<Timestamp>)>, MailError> {
        let Some(relay) = &self.config().relay else {
            return Ok(Vec::new());
        };
        let now = self.clock().now();
        let mut tx = self.tenancy().system("the outbox is looked at as a whole").await?;
        let spent = store::spending(&mut tx, &relay.host, now).await?;
        let queue = store::queue(&mut tx, 1_000).await?;
        tx.commit().await?;
        let wanted: Vec<(Priority, u32)> = queue
            .iter()
            .map(|(_, priority, recipients)| {
                (Priority::from_number(*priority).unwrap_or(Priority::Bulk), u32::try_from(*recipients).unwrap_or(1))
            })
            .collect();
        let times = budget::forecast(&spent, &wanted, self.config().daily_limit, now);
        Ok(queue.into_iter().map(|(id, ..)| id).zip(times).collect())
    }

    /// The settings of mail.
    pub fn config(&self) -> &MailConfig {
        &self.inner.services.config
    }

    /// The name that mails are written under.
    pub fn sender_name(&self) -> &str {
        let from = self.config().from.as_ref();
        from.map(|from| from.name.as_str()).filter(|name| !name.is_empty()).unwrap_or("Voxanne")
    }

    /// The way to the database.
    pub fn tenancy(&self) -> &Tenancy {
        &self.inner.services.tenancy
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.inner.services.clock
    }

    /// Opens what a mail says.
    pub fn open(&self, org: OrgId, id: MailId, sealed: &[u8]) -> Result<Words, MailError> {
        let plain = self.inner.services.master_key.open(&place(org, id), sealed)?;
        Ok(serde_json::from_slice(&plain)?)
    }

    fn pack(&self, org: OrgId, draft: &Draft) -> Result<Packed, MailError> {
        check(draft)?;
        let id = MailId::new();
        let calendar = draft
            .calendar
            .as_ref()
            .map(|calendar| CalendarWords { method: calendar.method.as_str().to_owned(), body: calendar.body.clone() });
        let words = Words { text: draft.text.clone(), html: draft.html.clone(), calendar };
        let sealed = self.inner.services.master_key.seal(&place(org, id), &serde_json::to_vec(&words)?)?;
        Ok(Packed { id, sealed, message_id: self.message_id(id) })
    }

    /// Its right half is the sender's domain, as receivers like it best.
    fn message_id(&self, id: MailId) -> String {
        let domain = self.config().from.as_ref().map_or("voxanne.invalid", |from| from.domain());
        format!("{}@{domain}", id.uuid().simple())
    }
}

struct Packed {
    id: MailId,
    sealed: Vec<u8>,
    message_id: String,
}

impl Packed {
    fn row<'a>(&'a self, outbox: &Outbox, org: OrgId, draft: &'a Draft) -> NewMail<'a> {
        let (id, sealed, message_id) = (self.id, self.sealed.as_slice(), self.message_id.as_str());
        NewMail { org, id, draft, sealed, message_id, now: outbox.clock().now() }
    }
}

/// Where a mail's sealed words belong.
fn place(org: OrgId, id: MailId) -> String {
    format!("mails/{org}/{id}")
}
