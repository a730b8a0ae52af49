//! The real binary on a data directory of its own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::{PASSWORD, PATIENCE};

/// A data directory and a port. Goes away with the test.
pub struct Installation {
    dir: PathBuf,
    pub port: u16,
}

impl Installation {
    pub fn new() -> Self {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let dir = std::env::temp_dir().join(format!("voxanne-server-{}", Uuid::now_v7().simple()));
        std::fs::create_dir(&dir).unwrap();
        // The database runs as another account when the tests run as root.
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir, port: free_port() }
    }

    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.file("data")
    }

    /// The command with the environment of a fresh machine and these settings.
    pub fn command(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_voxanne"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("VOXANNE_DATA_DIR", self.data())
            .env("VOXANNE_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("VOXANNE_METRICS_LISTEN", "off")
            .envs(settings.iter().copied())
            .current_dir(&self.dir)
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str], input: &str, settings: &[(&str, &str)]) -> Output {
        let mut command = self.command(arguments, settings);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that reads nothing may be gone already.
        let _written = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        timeout(2 * PATIENCE, child.wait_with_output()).await.unwrap_or_else(|_| panic!("{arguments:?} hangs")).unwrap()
    }

    /// Runs a command that must work, and answers what it printed.
    pub async fn succeed(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input, &[]).await;
        assert!(output.status.success(), "{arguments:?}: {}", complaint(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail, and answers what it complained of.
    pub async fn fail(&self, arguments: &[&str], input: &str, settings: &[(&str, &str)]) -> String {
        let output = self.run(arguments, input, settings).await;
        assert!(!output.status.success(), "{arguments:?} succeeded");
        complaint(&output)
    }

    /// Makes an organization: its id.
    pub async fn create_org(&self, name: &str, email: &str) -> Uuid {
        let arguments = ["admin", "create-org", "--name", name, "--owner-email", email, "--password-stdin", "--json"];
        let made: Value = serde_json::from_str(&self.succeed(&arguments, PASSWORD).await).unwrap();
        assert!(made["user_id"].as_str().unwrap().parse::<Uuid>().is_ok());
        made["org_id"].as_str().unwrap().parse().unwrap()
    }

    /// Makes a connection: its id.
    pub async fn connect(&self, org: Uuid, secret: &str) -> Uuid {
        let org = org.to_string();
        let arguments = ["admin", "connect-provider", "--org", &org, "--provider", "vapi", "--secret-stdin", "--json"];
        let made: Value = serde_json::from_str(&self.succeed(&arguments, secret).await).unwrap();
        let id = made["connection_id"].as_str().unwrap();
        assert_eq!(made["webhook_url"], format!("{}/api/webhooks/vapi/{id}", self.base()));
        id.parse().unwrap()
    }

    /// Starts the server and waits until it is ready. What it prints is added to `out.log` and `err.log`.
    pub async fn serve(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Server {
        let log = |name: &str| {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(self.file(name)).unwrap();
            Stdio::from(file)
        };
        let all: Vec<&str> = ["serve"].iter().chain(arguments).copied().collect();
        // As much as an operator may ask for: the log of the whole run is looked through.
        let settings: Vec<_> = [("VOXANNE_LOG", "debug,sqlx=off")].iter().chain(settings).copied().collect();
        let child = self.command(&all, &settings).stdout(log("out.log")).stderr(log("err.log")).spawn().unwrap();
        let mut server = Server { child };
        self.until_ready(&mut server).await;
        server
    }

    async fn until_ready(&self, server: &mut Server) {
        let deadline = Instant::now() + 2 * PATIENCE;
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
        loop {
            let answer = client.get(format!("{}/ready", self.base())).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            let ended = server.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "not ready, ended {ended:?}: {}",
                self.text("err.log")
            );
            sleep(Duration::from_millis(25)).await;
        }
    }

    /// Answered events that the database does not have yet, and those that nobody can read.
    pub fn spooled(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.data().join("spool")) else { return Vec::new() };
        let files = entries.map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_none_or(|ending| ending != "part")).collect()
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// The process that the private database consists of, if it runs.
    pub fn postmaster(&self) -> Option<Pid> {
        let text = std::fs::read_to_string(self.data().join("pgdata/postmaster.pid")).ok()?;
        Some(Pid::from_raw(text.lines().next()?.parse().ok()?)).filter(|pid| is_there(*pid))
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        test_support::logs::keep_file(&self.file("err.log"));
        // The database ends by itself when its server is killed; the directory must outlast it.
        for _ in 0..200 {
            if self.postmaster().is_none() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        // The message of a failed test matters more than a directory that stays.
        let _removed = std::fs::remove_dir_all(&self.dir);
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn is_there(pid: Pid) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running server. Does not outlive the test.
pub struct Server {
    child: Child,
}

impl Server {
    fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// How large a file of the server may become from now on, in bytes.
    pub fn limit_files(&self, most: &str) {
        let pid = self.pid().to_string();
        let limit = format!("--fsize={most}:unlimited");
        let done = std::process::Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap();
        assert!(done.success());
    }

    /// Lets the peak of its memory begin anew. Answers what it uses now, in bytes.
    pub fn forget_peak(&self) -> u64 {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").unwrap();
        self.memory("VmRSS:")
    }

    /// The most memory that it used since then, in bytes.
    pub fn peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// As a power cut would end it.
    pub async fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().await.unwrap();
    }

    /// As an operator would end it.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap()
    }
}
