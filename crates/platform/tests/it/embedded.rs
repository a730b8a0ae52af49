//! The private database with real programs, real processes and real kills. As root it runs as another
//! account, as anybody else under its own; the tests hold for both.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs::{self, DirBuilder, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use platform::embedded::{EmbeddedError, EmbeddedOptions, EmbeddedPostgres, Health};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::{Instant, sleep, timeout};

/// Generous, because other work may share the machine. Nothing waits this long when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// A directory that goes away with the test.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("voxanne-it-{}", uuid::Uuid::now_v7()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // The message of a failed test matters more than a directory that stays.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A child that does not outlive the test.
struct Killed(Child);

impl Killed {
    fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id().cast_signed())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn options(data_dir: &Path) -> EmbeddedOptions {
    EmbeddedOptions { data_dir: data_dir.to_owned(), pg_bin: None, roles: vec!["voxanne_app".to_owned()] }
}

async fn start(data_dir: &Path) -> EmbeddedPostgres {
    EmbeddedPostgres::start(options(data_dir)).await.unwrap()
}

async fn connect_as(postgres: &EmbeddedPostgres, login: &str) -> Result<PgConnection, sqlx::Error> {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(postgres.socket_dir())
        .port(postgres.port())
        .username(login)
        .database("postgres")
        .ssl_mode(PgSslMode::Disable);
    PgConnection::connect_with(&options).await
}

async fn connect(postgres: &EmbeddedPostgres) -> PgConnection {
    connect_as(postgres, postgres.superuser()).await.unwrap()
}

async fn text(connection: &mut PgConnection, sql: &str) -> String {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(connection).await.unwrap()
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

/// The main process of the server on a data directory.
fn postmaster(data_dir: &Path) -> Pid {
    let text = fs::read_to_string(data_dir.join("pgdata/postmaster.pid")).unwrap();
    Pid::from_raw(text.lines().next().unwrap().parse().unwrap())
}

/// Alive, and not merely waiting to be collected.
fn is_alive(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z')))
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "still waiting until {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// The network sockets that a process listens on or has open.
fn network_sockets(pid: Pid) -> Vec<String> {
    let tables: String = ["tcp", "tcp6", "udp", "udp6"]
        .iter()
        .map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default())
        .collect();
    fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .filter(|inode| tables.lines().any(|line| line.split_whitespace().nth(9) == Some(inode)))
        .collect()
}

#[tokio::test]
async fn a_new_directory_becomes_a_durable_cluster_without_a_network() {
    let dir = TempDir::new();
    let data = dir.data();
    // What an interrupted creation leaves.
    fs::create_dir_all(data.join("pgdata.init/base")).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    let postgres = start(&data).await;
    assert_eq!(postgres.health(), Health::Ready);
    let mut connection = connect(&postgres).await;
    for (setting, value) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("timezone", "UTC"),
        ("max_connections", "100"),
    ] {
        assert_eq!(text(&mut connection, &format!("show {setting}")).await, value, "{setting}");
    }
    assert!(text(&mut connection, "show server_version").await.starts_with(postgres.version()));
    assert_eq!(text(&mut connection, "select lower('ÄÖ') || upper('é')").await, "äöÉ");
    assert_eq!(network_sockets(postmaster(&data)), Vec::<String>::new());
    assert!(postgres.bin_dir().join("pg_dump").exists() || postgres.bin_dir().join("postgres").exists());
    assert!(!data.join("pgdata.init").exists());

    // Who may log in.
    run(&mut connection, "create role voxanne_app login; create role stranger login").await;
    let mut app = connect_as(&postgres, "voxanne_app").await.unwrap();
    assert_eq!(text(&mut app, "select session_user::text").await, "voxanne_app");
    let refused = connect_as(&postgres, "stranger").await.unwrap_err().to_string();
    assert!(refused.contains("Peer authentication failed"), "{refused}");
    let modes = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(modes(postgres.socket_dir()), 0o700);
    assert_eq!(modes(&data.join("pgdata")), 0o700);
    let cluster_owner = fs::metadata(data.join("pgdata")).unwrap().uid();
    assert_ne!(cluster_owner, 0, "the database never runs as root");

    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn one_live_server_per_directory_and_others_attach_to_it() {
    let dir = TempDir::new();
    let data = dir.data();
    assert!(matches!(EmbeddedPostgres::attach(&options(&data)).await, Err(EmbeddedError::NotRunning { .. })));
    let postgres = start(&data).await;
    run(&mut connect(&postgres).await, "create table t as select 41 as n").await;

    let error = EmbeddedPostgres::start(options(&data)).await.unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, EmbeddedError::AnotherInstance { .. }), "{message}");
    assert!(message.contains(&format!("(process {})", std::process::id())), "{message}");

    for attached in [
        EmbeddedPostgres::attach(&options(&data)).await.unwrap(),
        EmbeddedPostgres::start_or_attach(options(&data)).await.unwrap(),
    ] {
        assert!(attached.is_attached());
        assert_eq!(attached.socket_dir(), postgres.socket_dir());
        assert_eq!(text(&mut connect(&attached).await, "select n::text from t").await, "41");
        attached.stop().await.unwrap();
    }
    assert_eq!(postgres.health(), Health::Ready, "an attached one stops nothing");

    let server = postmaster(&data);
    postgres.stop().await.unwrap();
    assert!(!is_alive(server));
    assert!(matches!(EmbeddedPostgres::attach(&options(&data)).await, Err(EmbeddedError::NotRunning { .. })));

    // Warm: the data is still there, and now start_or_attach starts.
    let postgres = EmbeddedPostgres::start_or_attach(options(&data)).await.unwrap();
    assert!(!postgres.is_attached());
    assert_eq!(text(&mut connect(&postgres).await, "select n::text from t").await, "41");

    // Dropped without a stop, it still goes down in order and frees the directory.
    let server = postmaster(&data);
    drop(postgres);
    until("the dropped server is gone", || !is_alive(server)).await;
    start(&data).await.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_server_comes_back_until_it_dies_too_often() {
    let dir = TempDir::new();
    let data = dir.data();
    let postgres = start(&data).await;
    run(&mut connect(&postgres).await, "create table t (n int); insert into t values (42)").await;
    let failed = postgres.failed();

    for round in 1..=3 {
        let (server, exited) = (postmaster(&data), postgres.exited());
        kill(server, Signal::SIGKILL).unwrap();
        let exit = timeout(PATIENCE, exited).await.unwrap();
        assert!(exit.status.contains("SIGKILL"), "{exit}");
        let killed_at = Instant::now();
        let mut again = loop {
            match connect_as(&postgres, "postgres").await {
                Ok(connection) => break connection,
                Err(error) => assert!(killed_at.elapsed() < PATIENCE, "round {round}: {error}"),
            }
            sleep(Duration::from_millis(5)).await;
        };
        assert_eq!(text(&mut again, "select n::text from t").await, "42");
        assert_ne!(postmaster(&data), server);
        until("the server is ready", || postgres.health() == Health::Ready).await;
    }

    kill(postmaster(&data), Signal::SIGKILL).unwrap();
    let exit = timeout(PATIENCE, failed).await.unwrap();
    assert!(exit.status.contains("SIGKILL"), "{exit}");
    assert!(matches!(postgres.health(), Health::Failed(_)));
    postgres.stop().await.unwrap();
    start(&data).await.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_we_or_both_are_killed() {
    let dir = TempDir::new();
    let data = dir.data();
    let mut acknowledged = 0;
    for both in [false, true] {
        let mut child = child("write", &data, |_| {});
        let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
        let mut written = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("ack ")?.parse::<i64>().ok());
        acknowledged = written.by_ref().nth(50).unwrap();
        let server = postmaster(&data);
        if both {
            kill(server, Signal::SIGKILL).unwrap();
        }
        child.kill();
        acknowledged = written.last().unwrap_or(acknowledged);
        if !both {
            // Nobody is left to stop it: it goes down by itself.
            until("the abandoned server is gone", || !is_alive(server)).await;
        }

        let started = start(&data).await;
        assert!(!is_alive(server));
        let mut connection = connect(&started).await;
        let found = text(&mut connection, "select count(*)::text || ' ' || max(n) from t").await;
        let (count, highest) = found.split_once(' ').unwrap();
        assert_eq!(count, highest, "no gaps");
        assert!(highest.parse::<i64>().unwrap() >= acknowledged, "{highest} < {acknowledged}");
        started.stop().await.unwrap();
    }
    assert!(acknowledged > 100);
}

#[tokio::test]
async fn what_a_crash_left_does_not_prevent_the_next_start() {
    let dir = TempDir::new();
    let data = dir.data();
    let postgres = start(&data).await;
    let (program, socket_dir) = (postgres.bin_dir().join("postgres"), postgres.socket_dir().to_owned());
    postgres.stop().await.unwrap();
    let pgdata = data.join("pgdata");
    let (uid, gid) = fs::metadata(&pgdata).map(|metadata| (metadata.uid(), metadata.gid())).unwrap();
    let as_owner = |program: &Path| {
        let mut command = Command::new(program);
        command.env_clear().current_dir("/").process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        if geteuid().is_root() {
            command.gid(gid).uid(uid);
        }
        command
    };

    // A server without anybody who looks after it.
    let orphan = as_owner(&program)
        .arg("-D")
        .arg(&pgdata)
        .args(["-c", "listen_addresses=", "-c"])
        .arg(format!("unix_socket_directories={}", socket_dir.display()))
        .spawn();
    let orphan = Killed(orphan.unwrap());
    until("the orphan is ready", || {
        fs::read_to_string(pgdata.join("postmaster.pid")).is_ok_and(|text| text.contains("\nready"))
    })
    .await;
    let postgres = start(&data).await;
    assert!(!is_alive(orphan.pid()), "the orphan was stopped first");
    assert_eq!(text(&mut connect(&postgres).await, "select 'up'").await, "up");
    postgres.stop().await.unwrap();

    // Files that name a process id which somebody else has been given since.
    let bystander = Killed(as_owner(Path::new("/bin/sleep")).arg("600").spawn().unwrap());
    let claim = format!(
        "{}\n{}\n1700000000\n5432\n{}\n\n  5432001         0\nready   \n",
        bystander.pid(),
        pgdata.display(),
        socket_dir.display()
    );
    for file in [pgdata.join("postmaster.pid"), socket_dir.join(".s.PGSQL.5432.lock"), socket_dir.join(".s.PGSQL.5432")]
    {
        fs::write(&file, &claim).unwrap();
        chown(&file, Some(uid), Some(gid)).unwrap();
    }
    let postgres = start(&data).await;
    assert_eq!(text(&mut connect(&postgres).await, "select 'up'").await, "up");
    assert!(is_alive(bystander.pid()), "a stranger is never signalled");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_gets_a_short_one() {
    let dir = TempDir::new();
    let data = dir.0.join("d".repeat(120));
    let postgres = start(&data).await;
    let socket_dir = postgres.socket_dir().to_owned();
    assert!(socket_dir.starts_with("/tmp/") && !socket_dir.starts_with(&dir.0), "{socket_dir:?}");
    assert_eq!(text(&mut connect(&postgres).await, "select 'up'").await, "up");
    let attached = EmbeddedPostgres::attach(&options(&data)).await.unwrap();
    assert_eq!(attached.socket_dir(), socket_dir);
    postgres.stop().await.unwrap();

    // Somebody else's directory under that name is refused, not used.
    fs::set_permissions(&socket_dir, Permissions::from_mode(0o777)).unwrap();
    let error = EmbeddedPostgres::start(options(&data)).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::SocketDirectory { .. }), "{error}");
    fs::remove_dir(&socket_dir).unwrap();
}

/// A directory with programs that say they are of some version.
fn fake_programs(dir: &TempDir, version: &str) -> PathBuf {
    let bin = dir.0.join("bin");
    fs::create_dir_all(&bin).unwrap();
    for program in ["postgres", "initdb"] {
        let path = bin.join(program);
        fs::write(&path, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    bin
}

#[tokio::test]
async fn unsuitable_programs_are_refused_in_one_sentence() {
    let dir = TempDir::new();
    let with = |pg_bin: PathBuf| EmbeddedOptions { pg_bin: Some(pg_bin), ..options(&dir.data()) };

    let error = EmbeddedPostgres::start(with(dir.0.join("nowhere"))).await.unwrap_err().to_string();
    assert!(error.contains("nowhere, which has no working program postgres"), "{error}");

    let bin = fake_programs(&dir, "14.9 (Debian 14.9-1)");
    let error = EmbeddedPostgres::start(with(bin.clone())).await.unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, EmbeddedError::TooOld { .. }), "{message}");
    assert!(message.contains("PostgreSQL 14.9 in") && message.contains("apt-get install -y postgresql"), "{message}");

    // Data of another major version than the programs'.
    fs::remove_file(bin.join("initdb")).unwrap();
    let error = EmbeddedPostgres::start(with(bin)).await.unwrap_err().to_string();
    assert!(error.contains("no working program initdb"), "{error}");
    let bin = fake_programs(&dir, "18.1");
    let pgdata = dir.data().join("pgdata");
    fs::create_dir_all(&pgdata).unwrap();
    fs::write(pgdata.join("PG_VERSION"), "15\n").unwrap();
    if geteuid().is_root() {
        chown(&pgdata, Some(65534), Some(65534)).unwrap();
    }
    let error = EmbeddedPostgres::start(with(bin)).await.unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, EmbeddedError::WrongMajor { .. }), "{message}");
    assert!(message.contains("belongs to PostgreSQL 15, but only PostgreSQL 18.1 is here"), "{message}");
}

#[tokio::test]
async fn a_directory_that_the_database_cannot_reach_is_named_with_the_remedy() {
    if !geteuid().is_root() {
        return; // Only root runs the database as somebody else.
    }
    let dir = TempDir::new();
    let closed = dir.0.join("closed");
    DirBuilder::new().mode(0o700).create(&closed).unwrap();
    let error = EmbeddedPostgres::start(options(&closed.join("data"))).await.unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, EmbeddedError::Unreachable { .. }), "{message}");
    assert!(message.ends_with(&format!("run: chmod o+x {}", closed.display())), "{message}");
}

#[tokio::test]
async fn it_runs_under_an_ordinary_account_but_not_under_a_nameless_one() {
    if !geteuid().is_root() {
        return; // The other tests have just shown it.
    }
    let dir = TempDir::new();
    // The account may not be able to reach the place where the test was built.
    let program = dir.0.join("it");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let outcome = |uid: u32| {
        let data = dir.0.join(format!("home-{uid}")).join("data");
        DirBuilder::new().mode(0o700).create(data.parent().unwrap()).unwrap();
        chown(data.parent().unwrap(), Some(uid), Some(uid)).unwrap();
        let child = child_of(&program, "visit", &data, |command| {
            command.gid(uid).uid(uid);
        });
        let mut child = child;
        let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
        lines.map_while(Result::ok).find_map(|line| Some(line.strip_prefix("visit ")?.to_owned())).unwrap()
    };
    assert_eq!(outcome(65534), "nobody 65534 65534");
    assert_eq!(
        outcome(4242),
        "error: user id 4242 has no name on this machine and PostgreSQL refuses to run without one; \
         use an account of /etc/passwd"
    );
}

fn child(role: &str, data_dir: &Path, prepare: impl FnOnce(&mut Command)) -> Killed {
    child_of(&std::env::current_exe().unwrap(), role, data_dir, prepare)
}

/// This test binary again, running only [`in_a_child`].
fn child_of(program: &Path, role: &str, data_dir: &Path, prepare: impl FnOnce(&mut Command)) -> Killed {
    let mut command = Command::new(program);
    command
        .args(["--exact", "embedded::in_a_child", "--ignored", "--nocapture"])
        .env("VOXANNE_TEST_ROLE", role)
        .env("VOXANNE_TEST_DATA", data_dir)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    prepare(&mut command);
    Killed(command.spawn().unwrap())
}

#[tokio::test]
#[ignore = "runs in a process of its own that other tests start"]
async fn in_a_child() {
    let Some(role) = std::env::var_os("VOXANNE_TEST_ROLE") else { return };
    let data = PathBuf::from(std::env::var_os("VOXANNE_TEST_DATA").unwrap());
    let say = |line: &str| {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "\n{line}").and_then(|()| stdout.flush()).unwrap();
    };
    if role == "visit" {
        match EmbeddedPostgres::start(options(&data)).await {
            Ok(postgres) => {
                let user = text(&mut connect(&postgres).await, "select current_setting('server_version_num')").await;
                assert!(user.parse::<u32>().unwrap() >= 150_000);
                let owner = fs::metadata(data.join("pgdata")).unwrap();
                let process = fs::metadata(format!("/proc/{}", postmaster(&data))).unwrap();
                let name = nix::unistd::User::from_uid(owner.uid().into()).unwrap().unwrap().name;
                postgres.stop().await.unwrap();
                say(&format!("visit {name} {} {}", owner.uid(), process.uid()));
            }
            Err(error) => say(&format!("visit error: {error}")),
        }
        return;
    }
    // Writes and says what is committed until it is killed.
    let postgres = start(&data).await;
    let mut connection = connect(&postgres).await;
    run(&mut connection, "create table if not exists t (n bigint)").await;
    loop {
        let n: i64 = sqlx::query_scalar(
            "insert into t select max_n + 1 from (select coalesce(max(n), 0) as max_n from t) as highest returning n",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        say(&format!("ack {n}"));
    }
}
