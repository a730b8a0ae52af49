//! The description of the API, from the routes themselves.

use std::collections::BTreeMap;

use anyhow::Context as _;
use platform::clock::Clock;
use platform::config::Config;
use platform::crypto::MasterKey;
use platform::http::Problem;
use platform::tasks::Tasks;
use platform::tenancy::{Logins, Tenancy};
use sqlx::postgres::PgConnectOptions;
use utoipa::PartialSchema as _;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Info, OpenApi};

use crate::app::{App, Foundation};

/// Completes what the routes say of themselves.
pub fn complete(mut description: OpenApi) -> OpenApi {
    description.info = Info::new("Voxanne", env!("CARGO_PKG_VERSION"));
    description.info.description = Some(
        "Calls of your practice as data: list them, read them, follow them as they happen. Errors are \
         `application/problem+json` with a stable `code`. Send an access token or an API key as bearer token; send \
         `Idempotency-Key` with POST requests that must not happen twice."
            .to_owned(),
    );
    let components = description.components.get_or_insert_default();
    components.schemas.insert("Problem".to_owned(), Problem::schema());
    let bearer =
        Http::builder().scheme(HttpAuthScheme::Bearer).description(Some("An access token or an API key.")).build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    description
}

/// The document as it is committed in `openapi.json`.
pub fn document() -> anyhow::Result<String> {
    let config = Config::from_env(&BTreeMap::new())?;
    // Nothing connects: the routes are built and never called.
    let nowhere = PgConnectOptions::new_without_pgpass();
    let tenancy = Tenancy::unconnected(Logins { app: nowhere.clone(), system: nowhere }, 1);
    let app = App::new(
        &config,
        Foundation {
            tenancy,
            clock: Clock::system(),
            master_key: MasterKey::from_bytes([0; 32]),
            tasks: Tasks::new(),
            public_origin: config.server.public_origin(config.server.listen),
            demonstration: false,
            simulated_api: None,
        },
    )?;
    let (_, description) = app.api();
    text(&description)
}

/// A description as it is printed and served.
pub fn text(description: &OpenApi) -> anyhow::Result<String> {
    let mut text = description.to_pretty_json().context("the description is not JSON")?;
    text.push('\n');
    Ok(text)
}
