//! The wiring: states, routers, layers. Reads from top to bottom.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alarms::signs::actions::Alarms;
use anyhow::Context as _;
use axum::Router;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse as _;
use demos::Demos;
use jiff::SignedDuration;
use mail::relay::Patience;
use mail::{Outbox, Worker};
use platform::clock::Clock;
use platform::config::{Config, Origin, QuotaConfig, Rate};
use platform::crypto::MasterKey;
use platform::http::client::TrustedProxies;
use platform::http::{ApiError, Limiter, PublicRouter, TenantRouter, client, cors, headers, problem, request_id};
use platform::jobs::Jobs;
use platform::outbound::Outbound;
use platform::storage::Storage;
use platform::tasks::Tasks;
use platform::tenancy::Tenancy;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::openapi::OpenApi;
use voice::VoiceState;
use voice::provider::ProviderSettings;
use voice::reconcile::model::SilenceLimits;
use voice::recordings::orphans::Mode;

use crate::alerts::{self, AlertsState};
use crate::backups_api::{self, BackupsState};
use crate::docs::{self, Docs};
use crate::health::{self, HealthState};
use crate::jobs::{self, JobsState};
use crate::{mail_api, openapi};

/// Longest time for one request. Live connections are upgraded or streamed and not bound by it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How often limiters forget clients that have been quiet.
const FORGET: Duration = Duration::from_mins(5);
/// Largest body of an ordinary request; webhooks have their own limit.
const MAX_BODY: usize = 1 << 20;

/// Everything a process of Voxanne consists of, apart from its listeners.
pub struct App {
    /// Sign-in, members, keys.
    pub identity: identity::State,
    /// Calls.
    pub voice: VoiceState,
    /// Mails.
    pub outbox: Outbox,
    /// Demos of the operator.
    pub demos: Demos,
    /// How the installation stands.
    pub alarms: Alarms,
    mail_worker: Option<Worker>,
    mail_events: mail::tracking::api::WebhookState,
    health: HealthState,
    docs: Docs,
    public_limit: Option<Limiter<IpAddr>>,
    unverified: Option<Limiter<IpAddr>>,
    booking_limit: Option<Limiter<IpAddr>>,
    proxies: TrustedProxies,
    cors_origins: Vec<HeaderValue>,
    samples: Vec<mail::Sample>,
    quotas: QuotaConfig,
    data_dir: PathBuf,
    site: web::site::Site,
    jobs: Jobs,
    tasks: Tasks,
    demonstration: bool,
}

/// What the parts have in common.
pub struct Foundation {
    /// The way to the database.
    pub tenancy: Tenancy,
    /// The time.
    pub clock: Clock,
    /// Seals stored secrets.
    pub master_key: MasterKey,
    /// Owner of background tasks.
    pub tasks: Tasks,
    /// Where browsers and the provider find this installation.
    pub public_origin: Origin,
    /// Whether the built-in simulator runs: every page says so.
    pub demonstration: bool,
    /// Address of the built-in simulator's API, where it runs.
    pub simulated_api: Option<String>,
}

impl App {
    /// Puts the parts together. Does not touch the database.
    pub fn new(config: &Config, foundation: Foundation) -> anyhow::Result<Self> {
        let Foundation { tenancy, clock, master_key, tasks, public_origin, demonstration, simulated_api } = foundation;
        let outbound = Outbound::new(&config.outbound, clock.clone()).context("the client for requests of ours")?;
        let jobs = Jobs::new(tenancy.clone(), clock.clone(), tasks.clone());
        let storage = Storage::open(&config.storage, &config.server.data_dir).context("VOXANNE_STORAGE_URL")?;
        let public_limit = limiter("public_api", config.limits.public_api);
        let site = web::site::Site::new(config.site.clone(), public_origin.clone());
        let unverified = limiter("unverified_webhooks", config.limits.unverified_webhooks);
        let booking_limit = limiter("booking", config.limits.booking);
        let outbox = Outbox::new(mail::Services {
            tenancy: tenancy.clone(),
            clock: clock.clone(),
            master_key: master_key.clone(),
            config: config.mail.clone(),
        });
        let identity = identity::State::new(identity::Services {
            tenancy: tenancy.clone(),
            clock: clock.clone(),
            master_key: master_key.clone(),
            public_origin: public_origin.clone(),
            public_limit: public_limit.clone(),
            tasks: tasks.clone(),
            outbox: outbox.clone(),
        });
        let voice = VoiceState::new(voice::Services {
            tenancy: tenancy.clone(),
            clock: clock.clone(),
            master_key: master_key.clone(),
            tasks: tasks.clone(),
            authority: identity.authority.clone(),
            public_origin: public_origin.clone(),
            other_origins: config.server.cors_origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
            platform_secrets: config.vapi.webhook_secrets.clone(),
            outbound: outbound.clone(),
            jobs: jobs.clone(),
            storage,
            max_recording_bytes: config.storage.max_recording_bytes,
            copies_at_once: config.storage.copies_at_once,
            orphans: if config.storage.settle_orphans { Mode::Settle } else { Mode::Report },
            provider: ProviderSettings {
                api_url: config.vapi.api_url.as_str().to_owned(),
                simulated_url: simulated_api,
                platform_key: config.vapi.api_key.clone(),
            },
            silence: SilenceLimits {
                ringing: SignedDuration::from_mins(config.vapi.silent_ringing_minutes.into()),
                talking: SignedDuration::from_mins(config.vapi.silent_call_minutes.into()),
            },
            unverified: unverified.clone(),
            max_webhook_bytes: usize::try_from(config.limits.max_webhook_bytes)?,
            spool_dir: config.server.data_dir.join("spool"),
            live_per_user: usize::try_from(config.limits.live_connections_per_user)?,
            live_per_org: usize::try_from(config.limits.live_connections_per_org)?,
        });
        let alarms = Alarms::new(alarms::signs::actions::Services {
            tenancy: tenancy.clone(),
            clock: clock.clone(),
            outbox: outbox.clone(),
            jobs: jobs.clone(),
            outbound: outbound.clone(),
            config: config.alerts.clone(),
            database_limit: config.quotas.database_bytes,
            public_origin: public_origin.clone(),
            data_dir: config.server.data_dir.clone(),
            storage: voice.storage.clone(),
            provider_requests: voice.provider.requests().clone(),
            trial_days: config.backup.trial_days,
        });
        let mail_events = mail::tracking::api::WebhookState::new(
            tenancy,
            clock,
            unverified.clone(),
            &config.mail.events,
            mail::tracking::ses::fetch_through(outbound),
        )?;
        let announcing = voice.clone();
        let demos = Demos::new(demos::Services {
            authority: identity.authority.clone(),
            master_key,
            outbox: outbox.clone(),
            name: site.name().to_owned(),
            public_limit: public_limit.clone(),
            booking_limit: booking_limit.clone(),
            keep_for: config.bookings_keep_for,
            tell: Arc::new(move |org, seq| announcing.announce(org, seq)),
        });
        // Each crate that writes mails offers its own.
        let mut samples = identity::samples(public_origin.as_str(), outbox.sender_name());
        samples.extend(demos::bookings::samples::samples(
            outbox.sender_name(),
            public_origin.as_str(),
            &config.mail,
            outbox.clock(),
        ));
        samples.extend(alarms::alerts::samples(&public_origin, outbox.sender_name(), outbox.clock().now()));
        let cors_origins = config
            .server
            .cors_origins
            .iter()
            .map(|origin| HeaderValue::from_str(origin.as_str()))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            health: HealthState::new(alarms.clone(), outbox.clock().clone(), tasks.clone()),
            docs: Docs::default(),
            identity,
            voice,
            mail_worker: Worker::new(&outbox, Patience::default())?,
            outbox,
            demos,
            alarms,
            mail_events,
            public_limit,
            unverified,
            booking_limit,
            proxies: TrustedProxies::new(config.server.trusted_proxies.clone()),
            cors_origins,
            samples,
            quotas: config.quotas.clone(),
            data_dir: config.server.data_dir.clone(),
            site,
            jobs,
            tasks,
            demonstration,
        })
    }

    /// The router with every layer, for the main listener.
    pub fn router(&self) -> Router {
        let (api, description) = self.api();
        self.docs.publish(&description);
        let api = api
            .layer(identity::idempotency::layer(self.identity.clone()))
            .layer(identity::access::rotation_layer(self.identity.clone()))
            .layer(cors::layer(&self.cors_origins));
        Router::new()
            .merge(api)
            .merge(web::router(web::State::new(web::Services {
                identity: self.identity.clone(),
                voice: self.voice.clone(),
                demos: self.demos.clone(),
                outbox: self.outbox.clone(),
                alarms: self.alarms.clone(),
                jobs: self.jobs.clone(),
                samples: self.samples.clone(),
                quotas: self.quotas.clone(),
                data_dir: self.data_dir.clone(),
                site: self.site.clone(),
                demonstration: self.demonstration,
            })))
            .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY))
            .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIMEOUT))
            .layer(CatchPanicLayer::custom(|_| ApiError::internal("a handler panicked").into_response()))
            .layer(from_fn(problem::layer))
            .layer(from_fn(headers::layer))
            .layer(from_fn(request_id::layer))
            .layer(from_fn_with_state(self.proxies.clone(), client::layer))
    }

    /// The router of the API alone and its description.
    pub fn api(&self) -> (Router, OpenApi) {
        let tenant: TenantRouter<()> = identity::tenant_router(self.identity.clone())
            .merge(voice::tenant_router(self.voice.clone()))
            .merge(demos::tenant_router(self.demos.clone()))
            .merge(mail_api::router(mail_api::MailApi::new(self.identity.authority.clone(), self.outbox.clone())))
            .merge(jobs::router(JobsState::new(self.identity.authority.clone(), self.jobs.clone())))
            .merge(alerts::router(AlertsState::new(self.identity.authority.clone(), self.alarms.clone())))
            .merge(backups_api::router(BackupsState::new(self.identity.authority.clone())));
        let public: PublicRouter<()> = identity::public_router(self.identity.clone())
            .merge(voice::public_router(&self.voice))
            .merge(mail::tracking::api::router(self.mail_events.clone()))
            .merge(demos::public_router(self.demos.clone()))
            .merge(health::router(self.health.clone()))
            .merge(docs::router(self.docs.clone()));
        let (tenant, mut description) = tenant.split();
        let (public, public_description) = public.split();
        description.merge(public_description);
        let description = openapi::complete(description);
        (tenant.merge(public).method_not_allowed_fallback(wrong_method), description)
    }

    /// Where duties are declared that the parts of the app know nothing of.
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// Says that this node is there, whether it does jobs and duties, and what it finds of its machine, until the process stops.
    pub fn start_presence(&self, works: bool) {
        let alarms = self.alarms.clone();
        self.jobs.start_presence(env!("CARGO_PKG_VERSION"), works, move || {
            let alarms = alarms.clone();
            async move { alarms.look_here().await.into() }
        });
    }

    /// Starts the duties that one node of an installation must do.
    pub fn start_worker(&self) {
        self.jobs.start_measuring();
        self.voice.start_worker();
        alarms::alerts::jobs::start(&self.alarms);
        alarms::heartbeat::start(&self.alarms);
        mail::tracking::jobs::keep_short(self.outbox.tenancy().clone(), self.outbox.clock().clone(), &self.jobs);
        self.demos.start_worker(&self.jobs);
        self.identity.start_worker(&self.jobs);
        mail::outbox::jobs::start_forgetting(&self.outbox, &self.jobs);
        if let Some(worker) = &self.mail_worker {
            worker.start(&self.tasks);
        }
    }

    /// Forgets idle clients in the limiters, now and then, until the process stops.
    pub fn start_forgetting(&self, tasks: &Tasks) {
        let limiters: Vec<_> =
            [&self.public_limit, &self.unverified, &self.booking_limit].into_iter().flatten().cloned().collect();
        tasks.every(FORGET, "idle clients could not be forgotten", move || {
            limiters.iter().for_each(Limiter::forget_idle);
            async { Ok::<_, std::convert::Infallible>(()) }
        });
    }
}

/// For paths that are there and methods that are not; the router adds which are.
async fn wrong_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This address does not take this method; the header Allow names those it takes.",
    )
}

fn limiter(name: &'static str, rate: Rate) -> Option<Limiter<IpAddr>> {
    Limiter::new(name, rate.limit, rate.period)
}
