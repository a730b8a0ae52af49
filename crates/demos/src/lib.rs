//! Demos that prospects book with the operator.
//!
//! - [`slots`]: when demos are offered. - [`bookings`]: who holds a time, who booked one, what became of it.
//! - [`words`]: dates and times in the public languages.
//!
//! All rows belong to the operator's own organization (`identity::organizations::actions::operator_organization`), under
//! row security like everything else.

pub mod bookings;
pub mod slots;
pub mod words;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRef;
use identity::Authority;
use identity::organizations::actions::operator_organization;
use jiff::{SignedDuration, Timestamp};
use mail::{MailError, Outbox};
use platform::clock::Clock;
use platform::config::Origin;
use platform::crypto::{CryptoError, MasterKey};
use platform::http::{Limiter, PublicRouter, TenantRouter};
use platform::ids::OrgId;
use platform::jobs::Jobs;
use platform::tenancy::{DbError, Tenancy, TenantTx};

use slots::model::{RulesError, Slot};

/// Tells whoever watches an organization that it has a new live event.
pub type Tell = Arc<dyn Fn(OrgId, i64) + Send + Sync>;

/// What the domain needs from the process.
pub struct Services {
    /// Who is this and may they; also the way to the database, and the time.
    pub authority: Authority,
    /// Seals the tokens of links, and the marks of forms.
    pub master_key: MasterKey,
    /// Keeps the mails.
    pub outbox: Outbox,
    /// The operator's name for the service, as it is in mails.
    pub name: String,
    /// Requests per client on the routes that anybody may call; `None` when they are not limited.
    pub public_limit: Option<Limiter<IpAddr>>,
    /// Bookings and holds per client.
    pub booking_limit: Option<Limiter<IpAddr>>,
    /// How long a booking is kept after its demo, or after it was last touched; `None`: for ever.
    pub keep_for: Option<SignedDuration>,
    /// Called after a change was committed.
    pub tell: Tell,
}

/// Demos. Cheap to clone.
#[derive(Clone)]
pub struct Demos(Arc<Services>);

impl Demos {
    /// Puts the parts together. Does not touch the database.
    pub fn new(services: Services) -> Self {
        Self(Arc::new(services))
    }

    /// Starts what a working node does in the background.
    pub fn start_worker(&self, jobs: &Jobs) {
        bookings::jobs::start(self, jobs);
    }

    /// Who is this and may they.
    pub fn authority(&self) -> &Authority {
        &self.0.authority
    }

    /// The operator's name for the service.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// Counts one booking or hold of a client, or says how long to wait.
    pub fn count_booking(&self, client: platform::http::ClientAddr) -> Result<(), platform::http::ApiError> {
        match &self.0.booking_limit {
            Some(limit) => limit.check(&client.limit_key()),
            None => Ok(()),
        }
    }

    /// Counts one public request of a client, or says how long to wait.
    pub fn count_request(&self, client: platform::http::ClientAddr) -> Result<(), platform::http::ApiError> {
        match &self.0.public_limit {
            Some(limit) => limit.check(&client.limit_key()),
            None => Ok(()),
        }
    }

    fn keep_for(&self) -> Option<SignedDuration> {
        self.0.keep_for
    }

    fn clock(&self) -> &Clock {
        self.0.authority.clock()
    }

    fn tenancy(&self) -> &Tenancy {
        self.0.authority.tenancy()
    }

    fn origin(&self) -> &Origin {
        self.0.authority.origin()
    }

    fn outbox(&self) -> &Outbox {
        &self.0.outbox
    }

    fn master_key(&self) -> &MasterKey {
        &self.0.master_key
    }

    /// A transaction in the operator's organization.
    async fn begin(&self) -> Result<TenantTx, DemoError> {
        let org = operator_organization(self.tenancy()).await?.ok_or(DemoError::NoOperator)?;
        Ok(self.tenancy().tenant(org).await?)
    }

    /// After a commit: mails may leave, and watchers may look.
    fn after_change(&self, org: OrgId, seq: i64) {
        self.outbox().wake();
        (self.0.tell)(org, seq);
    }
}

/// Why a demo was not offered, held, booked or changed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Nobody has started or set up the installation yet.
    #[error("this installation has no operator's organization yet")]
    NoOperator,
    /// Somebody else has the time. The nearest free ones.
    #[error("this time has just been taken")]
    Taken(Vec<Slot>),
    /// It is not among the offered times: too soon, too far, or outside the opening hours. The nearest free ones.
    #[error("this time is not offered")]
    NotOffered(Vec<Slot>),
    /// There is no such booking.
    #[error("there is no such booking")]
    NotFound,
    /// It has begun, is over, or was called off.
    #[error("this booking can no longer be changed that way")]
    Over,
    /// The key belongs to another person's booking.
    #[error("this idempotency key was used for another booking")]
    KeyReused,
    /// The mailbox has made many bookings today.
    #[error("this address has made several bookings today")]
    TooMany,
    /// The person is not one of the operator's.
    #[error("only an operator can be the owner of a booking")]
    UnknownOwner,
    /// The opening rules are wrong.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A mail could not be written.
    #[error("a mail about the booking could not be kept")]
    Mail(#[from] MailError),
    /// A token could not be sealed or opened.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl FromRef<Demos> for Authority {
    fn from_ref(demos: &Demos) -> Self {
        demos.0.authority.clone()
    }
}

/// Routes for the operator.
pub fn tenant_router(demos: Demos) -> TenantRouter<()> {
    slots::api::tenant_router().merge(bookings::api::tenant_router()).with_state(demos)
}

/// Routes that anybody may call.
pub fn public_router(demos: Demos) -> PublicRouter<()> {
    slots::api::public_router().merge(bookings::api::public_router()).with_state(demos)
}
