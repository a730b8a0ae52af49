//! The handlers of the pages. Each reads: authorised context, load, decide, write, respond.

mod accounting;
mod api_keys;
mod backups;
mod bookings;
mod calls;
mod connections;
mod entry;
mod import;
mod jobs;
mod limits;
mod live;
mod mail;
mod organization;
mod profile;
mod quarantine;
mod retention;
mod status;
mod team;
mod today;

use axum::Router;
use platform::http::{PublicRouter, Report, TenantRouter, Validate};
use serde::Deserialize;

use crate::{State, assets, errors, site};

/// The pages with everything around them.
pub fn router(state: State) -> Router {
    let tenant = TenantRouter::new()
        .page("GET", "/app", today::show)
        .page("GET", "/app/live", live::show)
        .page("GET", "/app/calls", calls::list)
        .page("GET", "/app/calls/{id}", calls::show)
        .page("POST", "/app/calls/{id}/recording/retry", calls::retry_recording)
        .page("POST", "/app/calls/{id}/hold", calls::place_hold)
        .page("POST", "/app/calls/{id}/hold/lift", calls::lift_hold)
        .page("POST", "/app/calls/{id}/erase", calls::erase)
        .page("GET", "/app/organization", organization::choose)
        .page("POST", "/app/organization", organization::select)
        .page("GET", "/app/settings/profile", profile::show)
        .page("POST", "/app/settings/profile/password", profile::change_password)
        .page("POST", "/app/settings/profile/preferences", profile::save_preferences)
        .page("GET", "/app/settings/team", team::show)
        .page("POST", "/app/settings/team/invite", team::invite)
        .page("POST", "/app/settings/team/renew", team::renew)
        .page("POST", "/app/settings/team/revoke", team::revoke)
        .page("POST", "/app/settings/team/role", team::change_role)
        .page("POST", "/app/settings/team/remove", team::remove)
        .page("GET", "/app/settings/api-keys", api_keys::show)
        .page("POST", "/app/settings/api-keys/create", api_keys::create)
        .page("POST", "/app/settings/api-keys/revoke", api_keys::revoke)
        .page("GET", "/app/settings/connections", connections::show)
        .page("POST", "/app/settings/connections/create", connections::create)
        .page("POST", "/app/settings/connections/test", connections::test)
        .page("POST", "/app/settings/connections/rotate", connections::rotate)
        .page("POST", "/app/settings/connections/retire", connections::retire)
        .page("POST", "/app/settings/connections/key", connections::set_key)
        .page("POST", "/app/settings/connections/remove-key", connections::remove_key)
        .page("POST", "/app/settings/connections/disable", connections::disable)
        .page("GET", "/app/settings/retention", retention::show)
        .page("POST", "/app/settings/retention", retention::save)
        .page("GET", "/app/operator/mail", mail::list)
        .page("GET", "/app/operator/mail/suppressions", mail::list_suppressions)
        .page("GET", "/app/operator/mail/unmatched", mail::list_strays)
        .page("GET", "/app/operator/mail/previews", mail::show_previews)
        .page("GET", "/app/operator/mail/previews/html", mail::show_preview_html)
        .page("GET", "/app/operator/mail/{id}", mail::show)
        .page("GET", "/app/operator/mail/{id}/html", mail::show_html)
        .page("POST", "/app/operator/mail/resend", mail::resend)
        .page("POST", "/app/operator/mail/cancel", mail::cancel)
        .page("POST", "/app/operator/mail/suppress", mail::suppress)
        .page("POST", "/app/operator/mail/unsuppress", mail::unsuppress)
        .page("GET", "/app/operator/limits", limits::show)
        .page("GET", "/app/operator/accounting", accounting::show)
        .page("GET", "/app/operator/status", status::show)
        .page("GET", "/app/operator/alerts", status::show_alerts)
        .page("POST", "/app/operator/alerts/acknowledge", status::acknowledge)
        .page("GET", "/app/operator/backups", backups::show)
        .page("GET", "/app/operator/jobs", jobs::show)
        .page("POST", "/app/operator/jobs/retry", jobs::retry)
        .page("POST", "/app/operator/jobs/run", jobs::run)
        .page("GET", "/app/operator/bookings", bookings::list)
        .page("GET", "/app/operator/bookings/export.csv", bookings::export)
        .page("GET", "/app/operator/bookings/rules", bookings::show_rules)
        .page("POST", "/app/operator/bookings/rules", bookings::save_rules)
        .page("GET", "/app/operator/bookings/{id}", bookings::show)
        .page("POST", "/app/operator/bookings/{id}/state", bookings::set_state)
        .page("POST", "/app/operator/bookings/{id}/papers", bookings::set_papers)
        .page("POST", "/app/operator/bookings/{id}/move", bookings::change_time)
        .page("GET", "/app/operator/import", import::show)
        .page("POST", "/app/operator/import/assign", import::assign)
        .page("POST", "/app/operator/import/drop", import::drop_rows)
        .page("GET", "/app/operator/quarantine", quarantine::show)
        .page("POST", "/app/operator/quarantine/replay", quarantine::replay)
        .page("POST", "/sign-out", entry::sign_out)
        .with_state(state.clone());
    let public = PublicRouter::new()
        .page("GET", "/signin", entry::show)
        .page("POST", "/signin", entry::sign_in)
        .page("GET", "/forgot", entry::show_forgot)
        .page("POST", "/forgot", entry::forgot)
        .page("GET", "/reset/{token}", entry::show_reset)
        .page("POST", "/reset/{token}", entry::reset)
        .page("GET", "/invite/{token}", entry::show_invitation)
        .page("POST", "/invite/{token}", entry::accept_invitation)
        .page("POST", "/theme", profile::change_theme)
        .merge(crate::booking::router())
        .with_state(state.clone());
    let (tenant, _) = tenant.split();
    let tenant = tenant.layer(identity::idempotency::form_layer(state.authority.clone()));
    let (public, _) = public.split();
    let pages = tenant
        .merge(public)
        .merge(site::router(state.site.clone()))
        .fallback_service(axum::routing::any(errors::not_found).with_state(state.clone()))
        .layer(axum::middleware::from_fn_with_state(state.clone(), errors::layer))
        .layer(identity::access::rotation_layer(state.identity));
    pages.merge(assets::router())
}

/// The query string of a page with little of its own.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// What was just done, for a word about it.
    pub(crate) done: Option<String>,
    /// Which part of the page is wanted.
    pub(crate) part: Option<String>,
    /// The chosen call.
    pub(crate) call: Option<String>,
    /// Where the page of a list begins.
    pub(crate) cursor: Option<String>,
    /// Any of these puts the page's dialog into the page.
    pub(crate) invite: Option<String>,
    /// See `invite`.
    pub(crate) create: Option<String>,
    /// See `invite`.
    pub(crate) connect: Option<String>,
}

/// A form without fields of its own.
#[derive(Debug, Deserialize)]
pub(crate) struct Nothing {}

impl Validate for Nothing {
    fn validate(&self, _: &mut Report) {}
}
