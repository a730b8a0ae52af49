//! Organizations, people, credentials, and who may do what.
//!
//! - [`access`]: the extractors that guard every route, and [`Authority`], which answers "who is this and may they".
//! - [`accounts`]: people, passwords, sign-in with its throttle, browser sessions.
//! - [`tokens`]: access tokens (JWT), refresh tokens, and the keys that sign them.
//! - [`organizations`]: organizations, their members, invitations, the audit list.
//! - [`api_keys`]: keys for programs.
//! - [`idempotency`]: the same answer for a repeated request.
//! - [`jobs`]: forgetting what has expired.
//!
//! Membership rows are the only source of tenancy: a session or token selects an organization, and each use looks up
//! whether the person still belongs to it.

pub mod access;
pub mod accounts;
pub mod api_keys;
pub mod idempotency;
pub mod jobs;
pub mod organizations;
mod samples;
pub mod tokens;

use std::net::IpAddr;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use mail::Outbox;
use platform::clock::Clock;
use platform::config::Origin;
use platform::crypto::MasterKey;
use platform::http::{ApiError, ClientAddr, Limiter, PublicRouter, TenantRouter};
use platform::jobs::Jobs;
use platform::tasks::Tasks;
use platform::tenancy::Tenancy;

pub use access::{
    Admin, Authority, Caller, Can, CredentialId, CredentialRef, Denied, Form, Member, Operator, Owner, Person,
    PublicForm, Role, Scope, Scopes, SignedIn, Viewer,
};
pub use samples::samples;

/// What identity needs from the process.
pub struct Services {
    /// The way to the database.
    pub tenancy: Tenancy,
    /// The time.
    pub clock: Clock,
    /// Seals signing keys and stored answers.
    pub master_key: MasterKey,
    /// Where browsers find this installation: cookies, links and token issuer follow it.
    pub public_origin: Origin,
    /// Requests per client on the routes that anybody may call; `None` when they are not limited.
    pub public_limit: Option<Limiter<IpAddr>>,
    /// Owner of background tasks.
    pub tasks: Tasks,
    /// Where mails are kept to be sent.
    pub outbox: Outbox,
}

/// The state of identity's own routes. Cheap to clone.
#[derive(Clone)]
pub struct State {
    /// Who is this and may they.
    pub authority: Authority,
    public_limit: Option<Limiter<IpAddr>>,
}

impl State {
    /// Puts the parts together. Does not touch the database.
    pub fn new(services: Services) -> Self {
        let public_limit = services.public_limit.clone();
        Self { authority: Authority::new(services), public_limit }
    }

    /// Starts what a working node does in the background: forgetting what has expired, hourly.
    pub fn start_worker(&self, jobs: &Jobs) {
        jobs::start(&self.authority, jobs);
    }
}

impl FromRef<State> for Authority {
    fn from_ref(state: &State) -> Self {
        state.authority.clone()
    }
}

/// A request within the rate of the public API. First argument of every handler that anybody may call and that works
/// for it.
pub(crate) struct Limited(pub(crate) ClientAddr);

impl FromRequestParts<State> for Limited {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        let client = ClientAddr::from_request_parts(parts, state).await?;
        if let Some(limit) = &state.public_limit {
            limit.check(&client.limit_key())?;
        }
        Ok(Self(client))
    }
}

/// Routes for signed-in callers.
pub fn tenant_router(state: State) -> TenantRouter<()> {
    accounts::api::tenant_router()
        .merge(tokens::api::tenant_router())
        .merge(organizations::api::tenant_router())
        .merge(api_keys::api::tenant_router())
        .with_state(state)
}

/// Routes that anybody may call: sign-in, token exchange, accepting an invitation, the public keys.
pub fn public_router(state: State) -> PublicRouter<()> {
    tokens::api::public_router()
        .merge(accounts::api::public_router())
        .merge(organizations::api::public_router())
        .with_state(state)
}
