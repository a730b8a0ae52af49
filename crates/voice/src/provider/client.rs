//! The one client for the provider's API.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use platform::clock::Clock;
use platform::crypto::MasterKey;
use platform::ids::{ConnectionId, OrgId};
use platform::outbound::{Limits, Outbound, Request};
use platform::recent::Recent;
use platform::secret::Secret;
use platform::tenancy::Tenancy;
use providers::vapi::Channel;
use providers::vapi::rest::{self, CallObject, ListCalls};

use super::model::{Account, AccountError, ProviderError};
use crate::connections::actions::secret_place;
use crate::connections::store::{self, ApiKey};

/// A list of a hundred calls with their transcripts is a few megabytes; nothing sensible is beyond this.
const ANSWER: Limits = Limits {
    total: Duration::from_mins(1),
    connect: Duration::from_secs(20),
    idle: Duration::from_secs(20),
    hops: 0,
    max_bytes: 64 << 20,
};

/// Where the provider is and how the platform-wide account is asked.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Address of the provider's API without path.
    pub api_url: String,
    /// Address of the built-in simulator's API, where it runs: simulated connections are asked there and nowhere else.
    pub simulated_url: Option<String>,
    /// Private key of the platform-wide account.
    pub platform_key: Option<Secret>,
}

/// Asks the provider. Cheap to clone.
#[derive(Clone)]
pub struct ProviderClient {
    parts: Arc<Parts>,
}

struct Parts {
    tenancy: Tenancy,
    clock: Clock,
    master_key: MasterKey,
    outbound: Outbound,
    settings: ProviderSettings,
    requests: Recent,
}

impl ProviderClient {
    /// Puts the parts together.
    pub fn new(
        tenancy: Tenancy,
        clock: Clock,
        master_key: MasterKey,
        outbound: Outbound,
        settings: ProviderSettings,
    ) -> Self {
        let requests = Recent::default();
        Self { parts: Arc::new(Parts { tenancy, clock, master_key, outbound, settings, requests }) }
    }

    /// Every account we have a key of: the connections in use, the oldest first, then the platform-wide one.
    pub async fn accounts(&self) -> Result<Vec<Account>, AccountError> {
        let mut tx = self.parts.tenancy.system("ask every provider account about its calls").await?;
        let keys = store::all_api_keys(&mut tx).await?;
        tx.commit().await?;
        let accounts = keys.into_iter().map(|key| self.open(key)).collect::<Result<Vec<_>, _>>()?;
        Ok(accounts.into_iter().chain(self.platform_wide()).collect())
    }

    /// The account that a call of `org` came through: its connection's, or the platform-wide one. None: we have no key,
    /// or the connection is switched off.
    pub async fn account_of(
        &self,
        org: OrgId,
        connection: Option<ConnectionId>,
    ) -> Result<Option<Account>, AccountError> {
        let Some(connection) = connection else { return Ok(self.platform_wide()) };
        let mut tx = self.parts.tenancy.tenant(org).await?;
        let key = store::api_key(&mut tx, connection).await?;
        tx.commit().await?;
        key.map(|key| self.open(key)).transpose()
    }

    /// Whether the account can be asked: the provider of a simulated one runs inside a demonstration only.
    pub fn can_ask(&self, account: &Account) -> bool {
        !account.simulated || self.parts.settings.simulated_url.is_some()
    }

    fn platform_wide(&self) -> Option<Account> {
        let key = self.parts.settings.platform_key.clone()?;
        Some(Account {
            org: None,
            connection: None,
            label: "Platform-wide".to_owned(),
            simulated: false,
            since: self.parts.clock.now().checked_sub(SignedDuration::from_hours(24)).unwrap_or_default(),
            key,
        })
    }

    fn open(&self, sealed: ApiKey) -> Result<Account, AccountError> {
        let place = secret_place(sealed.org, sealed.connection, sealed.secret);
        let plain = self.parts.master_key.open(&place, &sealed.sealed)?;
        let key = String::from_utf8(plain).map_err(|_| platform::crypto::CryptoError::CannotOpen)?;
        Ok(Account {
            org: Some(sealed.org),
            connection: Some(sealed.connection),
            label: sealed.label,
            simulated: sealed.simulated,
            since: sealed.created_at.to_jiff(),
            key: Secret::new(key),
        })
    }

    /// The calls that changed in a window of time.
    pub async fn list(&self, account: &Account, window: &ListCalls) -> Result<Vec<CallObject>, ProviderError> {
        let answer = self.get(account, &window.path()).await;
        self.counted(answer.and_then(|body| Ok(rest::read_calls(&body)?)))
    }

    /// One call.
    pub async fn call(&self, account: &Account, provider_call_id: &str) -> Result<CallObject, ProviderError> {
        let path = rest::call_path(provider_call_id).ok_or(ProviderError::BadId)?;
        let answer = self.get(account, &path).await;
        self.counted(answer.and_then(|body| Ok(rest::read_call(&body)?)))
    }

    /// The request for a recording, to be sent with limits that suit one. Its answer is a redirect, which must be followed
    /// at once: the address works for a short while.
    pub fn recording(
        &self,
        account: &Account,
        provider_call_id: &str,
        channel: Channel,
    ) -> Result<Request, ProviderError> {
        let path = rest::recording_path(provider_call_id, channel).ok_or(ProviderError::BadId)?;
        self.request(account, &path)
    }

    /// The guarded client, for [`ProviderClient::recording`].
    pub fn outbound(&self) -> &Outbound {
        &self.parts.outbound
    }

    /// How often this process asked within the last hour, and how often in vain.
    pub fn requests(&self) -> &Recent {
        &self.parts.requests
    }

    fn counted<T>(&self, answer: Result<T, ProviderError>) -> Result<T, ProviderError> {
        let was_asked = !matches!(answer, Err(ProviderError::BadId | ProviderError::NotRunning));
        if was_asked {
            let failed = answer.as_ref().is_err_and(ProviderError::is_a_failure);
            self.parts.requests.note(self.parts.clock.now(), failed);
        }
        answer
    }

    fn request(&self, account: &Account, path: &str) -> Result<Request, ProviderError> {
        let settings = &self.parts.settings;
        let base = match (account.simulated, &settings.simulated_url) {
            (false, _) => &settings.api_url,
            (true, Some(url)) => url,
            (true, None) => return Err(ProviderError::NotRunning),
        };
        Ok(Request::get(&format!("{base}{path}"))?.bearer(&account.key)?)
    }

    async fn get(&self, account: &Account, path: &str) -> Result<Vec<u8>, ProviderError> {
        let request = self.request(account, path)?;
        let response = self.parts.outbound.send(request, &ANSWER).await;
        let outcome = match &response {
            Ok(response) => response.status.as_str().to_owned(),
            Err(error) => error.class().to_owned(),
        };
        metrics::counter!("voxanne_provider_requests_total", "outcome" => outcome).increment(1);
        let response = response?;
        match response.status.as_u16() {
            200 => Ok(response.bytes().await?.into()),
            401 | 403 => Err(ProviderError::Unauthorised),
            404 => Err(ProviderError::NotFound),
            429 => Err(ProviderError::Throttled { after: response.retry_after() }),
            status => Err(ProviderError::Status(status)),
        }
    }
}
