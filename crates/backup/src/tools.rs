//! `pg_dump` and `pg_restore`, of the server's own version or newer.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::BackupError;
use crate::stored::{Sink, Source};

/// Bytes of a program's complaint that are kept.
const LONGEST_COMPLAINT: usize = 300;

/// A database as its administrator reaches it, for us and for the programs.
#[derive(Clone, Debug)]
pub struct Access {
    /// For us.
    pub admin: PgConnectOptions,
    /// For the programs: libpq's variables, so that no password is in the arguments, which everybody can read.
    pub environment: Vec<(&'static str, String)>,
}

/// The programs that were found.
#[derive(Clone, Debug)]
pub struct Tools {
    directory: PathBuf,
}

impl Tools {
    /// Chooses among directories: the programs of the server's own version, else the oldest that are newer, as a newer dump
    /// speaks of what an older server does not know.
    pub async fn choose(directories: &[PathBuf], server_major: u32) -> Result<Self, BackupError> {
        let mut found = Vec::new();
        for directory in directories {
            if let Some(major) = major_of(directory).await {
                found.push((major, directory.clone()));
            }
        }
        found.sort();
        if let Some((_, directory)) = found.iter().find(|(major, _)| *major >= server_major) {
            return Ok(Self { directory: directory.clone() });
        }
        let what = match found.last() {
            Some((newest, _)) => format!("the newest pg_dump here is of version {newest}"),
            None => "pg_dump and pg_restore are not installed".to_owned(),
        };
        Err(BackupError::Tools(format!(
            "{what}, and the server is PostgreSQL {server_major}; on Debian or Ubuntu run: apt-get install -y \
             postgresql-client-{server_major}, or name the directory of the programs in VOXANNE_PG_BIN"
        )))
    }

    /// Dumps what a snapshot shows.
    pub(crate) async fn dump(&self, access: &Access, snapshot: &str, sink: &mut Sink) -> Result<(), BackupError> {
        let mut command = self.command("pg_dump", access);
        // Most of the bytes are compressed already, so a higher level costs time and saves nothing.
        command.args(["--format=custom", "--compress=1", "--no-password"]).arg(format!("--snapshot={snapshot}"));
        command.arg(format!("--dbname={}", access.admin.get_database().unwrap_or_default()));
        let mut child = spawn("pg_dump", command.stdin(Stdio::null()))?;
        let stdout = child.stdout.take();
        let passed_on = async {
            let Some(mut stdout) = stdout else { return Ok(()) };
            let mut bytes = vec![0; 256 * 1024];
            loop {
                let read = stdout.read(&mut bytes).await.map_err(BackupError::place("read from", "pg_dump"))?;
                if read == 0 {
                    return Ok(());
                }
                sink.push(&bytes[..read]).await?;
            }
        };
        finish("pg_dump", child, passed_on).await
    }

    /// Restores a dump in one transaction: all of it or nothing.
    pub(crate) async fn restore(&self, access: &Access, source: &mut Source) -> Result<(), BackupError> {
        let database = access.admin.get_database().unwrap_or_default();
        let mut command = self.command("pg_restore", access);
        command
            .args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-password"])
            .arg(format!("--dbname={database}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        feed("pg_restore", spawn("pg_restore", &mut command)?, source).await
    }

    /// Reads a dump's table of contents, as the proof that the program can.
    pub(crate) async fn list(&self, source: &mut Source) -> Result<(), BackupError> {
        let mut command = bare(self.directory.join("pg_restore"));
        command.arg("--list").stdin(Stdio::piped()).stdout(Stdio::null());
        feed("pg_restore", spawn("pg_restore", &mut command)?, source).await
    }

    fn command(&self, program: &str, access: &Access) -> Command {
        let mut command = bare(self.directory.join(program));
        command.envs(access.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The major version of the programs in a directory; none where they do not run.
async fn major_of(directory: &std::path::Path) -> Option<u32> {
    if !directory.join("pg_restore").is_file() {
        return None;
    }
    let output = bare(directory.join("pg_dump")).arg("--version").stdin(Stdio::null()).output().await.ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

/// Reads `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn parse_major(text: &str) -> Option<u32> {
    let version = text.split("(PostgreSQL) ").nth(1)?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// A program with an empty environment. Does not outlive us.
fn bare(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").env("PGPASSFILE", "/dev/null").kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn spawn(program: &'static str, command: &mut Command) -> Result<Child, BackupError> {
    command.spawn().map_err(BackupError::place("run", program))
}

/// Gives a program a file on its standard input. A program that has read enough closes it.
async fn feed(program: &'static str, mut child: Child, source: &mut Source) -> Result<(), BackupError> {
    let stdin = child.stdin.take();
    let fed = async {
        let Some(mut stdin) = stdin else { return Ok(()) };
        while let Some(bytes) = source.next().await? {
            match stdin.write_all(&bytes).await {
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                written => written.map_err(BackupError::place("write to", program))?,
            }
        }
        Ok(())
    };
    finish(program, child, fed).await
}

/// Waits for a program while `work` moves its bytes. Its own complaint says more than that its pipe broke.
async fn finish(
    program: &'static str,
    mut child: Child,
    work: impl Future<Output = Result<(), BackupError>>,
) -> Result<(), BackupError> {
    let stderr = child.stderr.take();
    let complaint = async {
        let mut text = Vec::new();
        if let Some(stderr) = stderr {
            stderr.take(64 * 1024).read_to_end(&mut text).await.map_err(BackupError::place("read from", program))?;
        }
        Ok::<_, BackupError>(text)
    };
    let (worked, complaint) = tokio::join!(work, complaint);
    worked?;
    let status = child.wait().await.map_err(BackupError::place("wait for", program))?;
    if status.success() {
        return Ok(());
    }
    Err(BackupError::Program { program, why: first_complaint(program, &String::from_utf8_lossy(&complaint?), status) })
}

/// The first line of what went wrong. Later lines may quote rows.
fn first_complaint(program: &str, text: &str, status: std::process::ExitStatus) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{program}: error: ")));
    line.map_or_else(|| status.to_string(), |line| line.chars().take(LONGEST_COMPLAINT).collect())
}

#[cfg(test)]
mod tests {
    use super::parse_major;

    #[test]
    fn versions_are_read_as_the_programs_print_them() {
        assert_eq!(parse_major("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_major("pg_dump (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_major("something else"), None);
    }
}
