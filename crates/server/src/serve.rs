//! `voxanne serve` and `voxanne migrate`.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use identity::organizations::actions::ensure_operator_organization;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use nix::sys::signal::Signal;
use platform::clock::Clock;
use platform::config::Config;
use platform::outbound::Outbound;
use platform::tasks::Tasks;
use platform::telemetry::faults::{self, Faults};
use simulator::Provider;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::{App, Foundation};
use crate::cli::ServeArguments;
use crate::database::{self, Database};
use crate::{backup, demo, listener};

/// Makes a debug build speak with longer words, for the browser tests.
const PSEUDO: &str = "VOXANNE_TEST_PSEUDO";
/// The log filter when the operator chose none.
const DEFAULT_LOG_FILTER: &str = "info";
/// How long a client may take to send the head of a request. Longer than the minute that proxies keep an idle connection
/// for, so that the proxy is the one to close it and no request is sent into a closing connection.
const HEADER_PATIENCE: Duration = Duration::from_secs(75);
/// How long requests and tasks may take to end when the server is asked to stop. A second signal ends it at once.
const DRAIN: Duration = Duration::from_secs(15);

/// Applies migrations and ends.
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    let database = Database::for_command(config).await?;
    anyhow::ensure!(database.admin.is_some(), "set DATABASE_ADMIN_URL: migrations need the owner of the schema");
    let prepared = database.prepare().await;
    database.close().await?;
    prepared
}

/// Runs the server until it is told to stop.
pub async fn run(mut config: Config, arguments: ServeArguments) -> anyhow::Result<()> {
    if arguments.demo && config.log.filter == DEFAULT_LOG_FILTER {
        // A line per simulated event would wash the sign-in off the terminal.
        "warn".clone_into(&mut config.log.filter);
    }
    let (layer, faults) = config.alerts.sentry.as_ref().map(|_| faults::channel()).unzip();
    platform::telemetry::start_logging(&config.log, layer.clone())?;
    faults::catch_panics(layer);
    outlive_file_limits().context("the signal of a file that grows too large could not be caught")?;
    if std::env::var_os(PSEUDO).is_some() {
        platform::i18n::speak_pseudo();
    }
    for warning in mail::warnings(&config.mail) {
        tracing::warn!("{warning}");
    }
    // Before anything else is started: a port that is taken is the most likely thing to be wrong.
    let listener = listen(config.server.listen).await?;
    let address = listener.local_addr()?;
    let master_key = database::master_key(&config)?;
    let database = Database::for_server(&config).await?;
    let served = serve(&config, arguments, listener, address, master_key, &database, faults).await;
    let closed = database.close().await;
    served.and(closed)
}

async fn serve(
    config: &Config,
    arguments: ServeArguments,
    listener: TcpListener,
    address: SocketAddr,
    master_key: platform::crypto::MasterKey,
    database: &Database,
    faults: Option<Faults>,
) -> anyhow::Result<()> {
    let tasks = Tasks::new();
    if let (Some(faults), Some(dsn)) = (faults, &config.alerts.sentry) {
        faults.report(dsn.clone(), Outbound::new(&config.outbound, Clock::system())?, Clock::system(), &tasks);
    }
    database.prepare().await?;
    let tenancy = database.tenancy(config.database.pool_size).await?;
    let (clock, named) = (Clock::system(), config.server.operator_org);
    ensure_operator_organization(&tenancy, &clock, named, arguments.demo).await.context(
        "the operator's organization could not be settled; is VOXANNE_OPERATOR_ORG the id of one that exists?",
    )?;
    let mut config = config.clone();
    let simulated = if arguments.demo {
        Some(demo::start_provider(&mut config, &tasks).await?)
    } else {
        demo::no_provider(&config)?;
        None
    };
    let metrics = PrometheusBuilder::new().install_recorder().context("metrics could not be set up")?;
    platform::telemetry::metrics::describe();
    let foundation = Foundation {
        tenancy: tenancy.clone(),
        clock,
        master_key: master_key.clone(),
        tasks: tasks.clone(),
        public_origin: config.server.public_origin(address),
        demonstration: arguments.demo,
        simulated_api: simulated.as_ref().and_then(Provider::base_url),
    };
    let app = App::new(&config, foundation)?;
    app.voice.storage.prepare().context("recordings cannot be kept")?;
    app.start_forgetting(&tasks);
    if database.embedded.is_some() {
        app.jobs().take_back().await?;
        app.voice.start_clearing();
    }
    if !arguments.no_worker {
        app.start_worker();
        backup::start(&config, database, tenancy.clone(), Clock::system(), app.jobs())?;
    }
    // After the duties, so that the first thing it says of them is complete.
    app.start_presence(!arguments.no_worker);
    if let Some(address) = config.server.metrics_listen {
        serve_metrics(address, metrics, &tasks).await?;
    }
    if database.embedded.is_none() {
        app.voice.start_neighbours();
    }
    let answering = CancellationToken::new();
    let mut api = None;
    if arguments.no_api {
        drop(listener);
    } else {
        app.voice.start_receiving().await?;
        app.voice.start_live();
        let router = app.router();
        let stop = answering.clone();
        api = Some(tasks.spawn(listener::answer(listener, router, stop, tasks.clone(), HEADER_PATIENCE)));
        tracing::info!(listen = %address, "answering");
    }
    if let Some(provider) = simulated {
        let stage = demo::Stage {
            config: &config,
            provider,
            tenancy: &tenancy,
            voice: &app.voice,
            master_key: &master_key,
            address,
            tasks: &tasks,
        };
        demo::open(stage).await?;
    }

    let outcome = wait_for_the_end(database).await;
    tracing::info!("stopping");
    let drained = tokio::select! {
        drained = drain(&tasks, &answering) => drained,
        () = told_to_stop() => false,
    };
    if !drained {
        tracing::warn!("some work was cut off; what was acknowledged is stored");
    }
    if let Some(api) = api {
        api.abort();
    }
    outcome
}

/// A file that grows beyond a limit of the process (`LimitFSIZE`) becomes an error of whoever writes it, as on a full disk. By
/// itself the system would end the process. What is caught once stays caught.
fn outlive_file_limits() -> std::io::Result<()> {
    signal(SignalKind::from_raw(Signal::SIGXFSZ as i32)).map(drop)
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("{address} cannot be listened on: stop what uses it, or set VOXANNE_LISTEN to another address")
    })
}

async fn serve_metrics(address: SocketAddr, handle: PrometheusHandle, tasks: &Tasks) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("{address} cannot be listened on for metrics: set VOXANNE_METRICS_LISTEN to another address or to off")
    })?;
    let upkeep = handle.clone();
    let router = Router::new().route("/metrics", axum::routing::get(async move || handle.render()));
    tasks.spawn(answer_metrics(listener, router, tasks.stopping()));
    tasks.every(Duration::from_secs(5), "metrics could not be tidied", move || {
        upkeep.run_upkeep();
        async { Ok::<_, std::convert::Infallible>(()) }
    });
    Ok(())
}

async fn answer_metrics(listener: TcpListener, router: Router, stop: CancellationToken) {
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::error!(%error, "the metrics listener ended");
    }
}

/// Ends when somebody says so, or when the private cluster is gone for good.
async fn wait_for_the_end(database: &Database) -> anyhow::Result<()> {
    match &database.embedded {
        None => {
            told_to_stop().await;
            Ok(())
        }
        Some(cluster) => tokio::select! {
            () = told_to_stop() => Ok(()),
            exit = cluster.failed() => Err(anyhow::anyhow!("the private PostgreSQL ended and did not come back: {exit}")),
        },
    }
}

async fn told_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be listened to; stop the server with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Lets requests finish, then tasks. True when nothing was cut off.
async fn drain(tasks: &Tasks, answering: &CancellationToken) -> bool {
    answering.cancel();
    tasks.stop_and_wait(DRAIN).await
}
