//! The signed-in app and the pages around it: components, pages, handlers, embedded files, browser modules.
//!
//! - [`site`]: the public website. - [`routes`]: the handlers. - [`pages`] and [`components`]: what they draw. - [`frame`] and [`page`]: what every page
//!   has, and the answer it travels in. - [`assets`]: the embedded files. - `assets/`: style sheets and browser modules.
//!
//! Rules. A page is a function from plain data to markup; handlers load the data through the domains' actions. One
//! address, one page; when htmx asks, the same page answers without the shell. A live event only says that something
//! changed: the page fetches its part again, so what a person may see is decided in one place. No inline script or
//! style anywhere. Forms work without script.

pub mod assets;
mod booking;
pub mod components;
mod context;
mod errors;
pub mod format;
pub mod frame;
mod mail_views;
pub mod page;
pub mod pages;
pub mod routes;
pub mod security;
pub mod site;
mod store;
mod usage;
mod views;

use std::path::PathBuf;
use std::sync::Arc;

use alarms::signs::actions::Alarms;
use axum::extract::FromRef;
use demos::Demos;
use identity::Authority;
use jiff::Timestamp;
use mail::{Outbox, Sample};
use platform::config::QuotaConfig;
use platform::jobs::Jobs;
use platform::tenancy::Tenancy;
use voice::VoiceState;

pub use routes::router;
use site::Site;

/// What the pages are made from.
pub struct Services {
    /// Sign-in, members, keys.
    pub identity: identity::State,
    /// Calls.
    pub voice: VoiceState,
    /// Demos of the operator.
    pub demos: Demos,
    /// Mails.
    pub outbox: Outbox,
    /// How the installation stands.
    pub alarms: Alarms,
    /// Work that happens later.
    pub jobs: Jobs,
    /// Every text that is sent, for the previews.
    pub samples: Vec<Sample>,
    /// What the installation may use up.
    pub quotas: QuotaConfig,
    /// Where its files are.
    pub data_dir: PathBuf,
    /// The public website.
    pub site: Site,
    /// The built-in simulator runs, and every page says so.
    pub demonstration: bool,
}

/// What the pages need. Cheap to clone.
#[derive(Clone)]
pub struct State {
    pub(crate) identity: identity::State,
    pub(crate) authority: Authority,
    pub(crate) voice: VoiceState,
    pub(crate) demos: Demos,
    pub(crate) outbox: Outbox,
    pub(crate) alarms: Alarms,
    pub(crate) jobs: Jobs,
    pub(crate) samples: Arc<[Sample]>,
    pub(crate) quotas: QuotaConfig,
    pub(crate) data_dir: PathBuf,
    pub(crate) site: Site,
    pub(crate) demonstration: bool,
}

impl State {
    /// Puts the parts together.
    pub fn new(services: Services) -> Self {
        let Services { identity, voice, demos, outbox, alarms, jobs, samples, quotas, data_dir, site, demonstration } =
            services;
        let authority = identity.authority.clone();
        Self {
            authority,
            identity,
            voice,
            demos,
            outbox,
            alarms,
            jobs,
            samples: samples.into(),
            quotas,
            data_dir,
            site,
            demonstration,
        }
    }

    pub(crate) fn tenancy(&self) -> &Tenancy {
        self.authority.tenancy()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.authority.clock().now()
    }
}

impl FromRef<State> for Authority {
    fn from_ref(state: &State) -> Self {
        state.authority.clone()
    }
}

impl FromRef<State> for Site {
    fn from_ref(state: &State) -> Self {
        state.site.clone()
    }
}
