//! Keeping mails, and what a person may do with them.

use std::sync::Arc;

use platform::clock::Clock;
use platform::config::MailConfig;
use platform::crypto::MasterKey;
use platform::ids::{MailId, OrgId};
use platform::tenancy::{SystemTx, Tenancy, TenantTx};
use tokio::sync::Notify;

use super::model::{CalendarWords, MailError, Words, check};
use super::store::{self, NewMail};
use crate::draft::Draft;

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

    /// Tells the worker of this process that there is something to send. A worker elsewhere finds it at its next look.
    pub fn wake(&self) {
        self.inner.wake.notify_one();
    }

    /// The settings of mail.
    pub fn config(&self) -> &MailConfig {
        &self.inner.services.config
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
