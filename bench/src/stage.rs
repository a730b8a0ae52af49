//! The installation that is measured: a server on a private cluster, fsync on, in a directory of its own.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::http::Connection;
use crate::{Options, machine, say};

/// Organizations that events are spread over.
pub const ORGS: u64 = 50;
/// What every connection is verified with.
pub const SECRET: &str = "bench-webhook-secret-0123456789";
/// Sign-in of the organization whose calls are listed.
const OWNER: &str = "owner@bench.example.test";
const PASSWORD: &str = "bench passphrase 0123";
/// How long the first start, which makes the cluster, may take.
const FIRST_START: Duration = Duration::from_mins(2);

/// A running installation. Ends with [`Stage::stop`].
pub struct Stage {
    voxanne: PathBuf,
    data: PathBuf,
    /// Where the server listens.
    pub address: SocketAddr,
    /// Programs of PostgreSQL.
    pub pg_bin: PathBuf,
    server: Child,
    /// Path of the webhook of each organization.
    pub webhooks: Vec<String>,
    /// The organization whose calls are listed.
    pub list_org: String,
}

impl Stage {
    /// Starts a server and makes the organizations.
    pub async fn set(options: &Options) -> anyhow::Result<Self> {
        let data = options.dir.join("data");
        // Free when looked at; nobody else on the machine hurries to take it.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let server = spawn(&options.voxanne, &data, address, &["--no-worker"], &[])?;
        let mut stage = Self {
            voxanne: options.voxanne.clone(),
            data,
            address,
            pg_bin: pg_bin()?,
            server,
            webhooks: Vec::new(),
            list_org: String::new(),
        };
        stage.wait_until_ready(FIRST_START).await?;
        for patch in &options.patch {
            stage.sql(&std::fs::read_to_string(patch)?)?;
        }
        stage.make_organizations()?;
        Ok(stage)
    }

    fn make_organizations(&mut self) -> anyhow::Result<()> {
        self.sql(&format!(
            "insert into organizations (org_id, name) select {org}, 'Practice ' || n from generate_series(0, {last}) n;
             insert into agents (org_id, agent_id, name, provider_assistant_id)
             select {org}, {org}, 'Receptionist', 'bench-assistant' from generate_series(0, {last}) n;
             insert into phone_numbers (org_id, number_id, e164, provider_number_id, agent_id)
             select {org}, {org}, '+12025550143', 'bench-number', {org} from generate_series(0, {last}) n;",
            org = org_expression("n"),
            last = ORGS - 1
        ))?;
        for org in 0..ORGS {
            let org = org_id(org);
            let made = self.voxanne(
                &["admin", "connect-provider", "--org", &org, "--provider", "vapi", "--secret-stdin", "--json"],
                SECRET,
            )?;
            let id = made["connection_id"].as_str().context("no connection_id")?;
            self.webhooks.push(format!("/api/webhooks/vapi/{id}"));
        }
        let made = self.voxanne(
            &["admin", "create-org", "--name", "Large practice", "--owner-email", OWNER, "--password-stdin", "--json"],
            PASSWORD,
        )?;
        made["org_id"].as_str().context("no org_id")?.clone_into(&mut self.list_org);
        Ok(())
    }

    /// Process of the server.
    pub fn server_pid(&self) -> u32 {
        self.server.id()
    }

    /// Process of the postmaster.
    pub fn postgres_pid(&self) -> anyhow::Result<u32> {
        let text = std::fs::read_to_string(self.data.join("pgdata/postmaster.pid"))?;
        Ok(text.lines().next().context("an empty postmaster.pid")?.trim().parse()?)
    }

    /// Directory of the cluster's socket.
    pub fn socket_dir(&self) -> PathBuf {
        self.data.join("run")
    }

    /// Runs SQL as the administrator; answers the rows as psql prints them unaligned.
    pub fn sql(&self, text: &str) -> anyhow::Result<String> {
        let mut command = Command::new(self.pg_bin.join("psql"));
        command
            .args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "voxanne", "-h"])
            .arg(self.socket_dir());
        let output = feed(&mut command, text)?;
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    fn voxanne(&self, arguments: &[&str], input: &str) -> anyhow::Result<serde_json::Value> {
        let mut command = Command::new(&self.voxanne);
        set_environment(&mut command, &self.data, self.address);
        let output = feed(command.args(arguments), input)?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Runs a command beside the server, on its data directory or another; answers how long it took.
    pub fn time(&self, data: &Path, arguments: &[&str]) -> anyhow::Result<Duration> {
        let mut command = Command::new(&self.voxanne);
        set_environment(&mut command, data, self.address);
        let began = Instant::now();
        feed(command.args(arguments), "")?;
        Ok(began.elapsed())
    }

    /// The data directory of the server.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// An access token of the owner of the listed organization.
    pub async fn token(&self) -> anyhow::Result<String> {
        let body = serde_json::json!({ "email": OWNER, "password": PASSWORD }).to_string();
        let request = format!(
            "POST /api/v1/auth/login HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut connection = Connection::open(self.address).await?;
        let status = connection.exchange(request.as_bytes()).await?;
        anyhow::ensure!(status == 200, "signing in was answered {status}");
        let answer: serde_json::Value = serde_json::from_slice(connection.body())?;
        Ok(answer["access_token"].as_str().context("no access_token")?.to_owned())
    }

    /// Waits until `/ready` answers 200; answers how long it took since now.
    pub async fn wait_until_ready(&mut self, patience: Duration) -> anyhow::Result<Duration> {
        let began = Instant::now();
        loop {
            if let Ok(mut connection) = Connection::open(self.address).await
                && connection
                    .exchange(b"GET /ready HTTP/1.1\r\nhost: bench\r\n\r\n")
                    .await
                    .is_ok_and(|status| status == 200)
            {
                return Ok(began.elapsed());
            }
            if let Some(status) = self.server.try_wait()? {
                anyhow::bail!(
                    "the server ended: {status}; its log is {}",
                    self.data.with_file_name("server.log").display()
                );
            }
            anyhow::ensure!(began.elapsed() < patience, "the server did not become ready");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops the server and starts it again as an operator would; answers the time until it was ready.
    pub async fn restart(&mut self, arguments: &[&str]) -> anyhow::Result<Duration> {
        self.restart_with(arguments, &[]).await
    }

    /// The same with more settings.
    pub async fn restart_with(&mut self, arguments: &[&str], settings: &[(&str, &str)]) -> anyhow::Result<Duration> {
        self.end()?;
        let began = Instant::now();
        self.server = spawn(&self.voxanne, &self.data, self.address, arguments, settings)?;
        self.wait_until_ready(FIRST_START).await?;
        Ok(began.elapsed())
    }

    fn end(&mut self) -> anyhow::Result<()> {
        let told = Command::new("kill").args(["-TERM", &self.server.id().to_string()]).status()?;
        anyhow::ensure!(told.success(), "the server could not be told to stop");
        self.server.wait()?;
        Ok(())
    }

    /// Stops the server and its cluster.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.end()
    }

    /// A line about the cluster's settings that decide about speed.
    pub fn settings(&self) -> anyhow::Result<String> {
        self.sql(
            "select string_agg(name || ' ' || setting, ', ' order by name) from pg_settings
              where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'server_version')",
        )
    }

    /// CPU time of server, cluster, this program with its children, and of everything on the machine.
    pub fn meter(&self) -> anyhow::Result<Meter> {
        let (busy, all) = machine::processor_time()?;
        Ok(Meter {
            server: machine::cpu(self.server_pid())?,
            postgres: machine::cpu_with_children(self.postgres_pid()?)?,
            generator: machine::cpu_with_ended_children(std::process::id())?,
            busy,
            all,
        })
    }
}

impl Drop for Stage {
    /// After an error: nothing of ours may stay behind.
    fn drop(&mut self) {
        if matches!(self.server.try_wait(), Ok(None))
            && let Err(error) = self.end()
        {
            say(&format!("the server could not be stopped: {error:#}"));
        }
    }
}

/// CPU times at one moment.
#[derive(Clone, Copy)]
pub struct Meter {
    server: Duration,
    postgres: Duration,
    generator: Duration,
    busy: Duration,
    all: Duration,
}

/// CPU times between two moments.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// Of the server.
    pub server: Duration,
    /// Of the cluster.
    pub postgres: Duration,
    /// Part of the machine that somebody else used, 0 to 1.
    pub others: f64,
}

impl Meter {
    /// What was spent since `self`.
    pub fn until(&self, now: &Self) -> Spent {
        let server = now.server.saturating_sub(self.server);
        let postgres = now.postgres.saturating_sub(self.postgres);
        let ours = server + postgres + now.generator.saturating_sub(self.generator);
        let busy = now.busy.saturating_sub(self.busy);
        let all = now.all.saturating_sub(self.all);
        Spent { server, postgres, others: busy.saturating_sub(ours).as_secs_f64() / all.as_secs_f64().max(0.001) }
    }
}

/// The id of the organization of a call number, as text.
pub fn org_id(number: u64) -> String {
    format!("018f0000-0000-7000-8000-{:012}", number % ORGS)
}

/// The same as an SQL expression.
pub fn org_expression(number: &str) -> String {
    format!("('018f0000-0000-7000-8000-' || lpad(({number} % {ORGS})::text, 12, '0'))::uuid")
}

fn spawn(
    voxanne: &Path,
    data: &Path,
    address: SocketAddr,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> anyhow::Result<Child> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(data.with_file_name("server.log"))?;
    let mut command = Command::new(voxanne);
    set_environment(&mut command, data, address);
    command.envs(settings.iter().copied());
    let child = command.arg("serve").args(arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
    child.with_context(|| format!("{} does not start", voxanne.display()))
}

fn set_environment(command: &mut Command, data: &Path, address: SocketAddr) {
    command
        .env("VOXANNE_DATA_DIR", data)
        .env("VOXANNE_LISTEN", address.to_string())
        .env("VOXANNE_METRICS_LISTEN", "off")
        .env("VOXANNE_LIVE_CONNECTIONS_PER_USER", "100000")
        .env("VOXANNE_LIVE_CONNECTIONS_PER_ORG", "100000")
        .env("VOXANNE_RATE_PUBLIC_API", "1000000/1s");
}

/// Runs a program that must succeed, with text on its standard input.
pub fn feed(command: &mut Command, text: &str) -> anyhow::Result<Output> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    anyhow::ensure!(
        output.status.success(),
        "{} failed: {}",
        command.get_program().display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output)
}

fn pg_bin() -> anyhow::Result<PathBuf> {
    let newest = std::fs::read_dir("/usr/lib/postgresql").ok().and_then(|versions| {
        let found = versions.filter_map(Result::ok).map(|version| version.path().join("bin"));
        found.filter(|path| path.join("pgbench").exists()).max()
    });
    if let Some(path) = newest {
        return Ok(path);
    }
    let asked = Command::new("pg_config").arg("--bindir").output().context("pgbench is not installed")?;
    Ok(PathBuf::from(String::from_utf8(asked.stdout)?.trim()))
}
