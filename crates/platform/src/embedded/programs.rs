//! Finds the database's programs on this machine.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;

use super::account::Account;
use super::command::command;
use super::error::{self, EmbeddedError};
use super::layout::closed_directory;

/// The oldest major version whose SQL we use.
pub(super) const OLDEST_MAJOR: u32 = 15;

/// One installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    pub(super) bin_dir: PathBuf,
    pub(super) version: Version,
}

/// A version as the programs print it: `15.18`, or `19beta1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) major: u32,
    pub(super) text: String,
}

/// The programs to use: of the configured directory, or the newest suitable ones of this machine.
/// Data files that exist pin the major version. They are tried as `account`, in `directory`, which
/// proves that the account can reach both.
pub(super) fn find(
    configured: Option<&Path>,
    data: Option<(u32, PathBuf)>,
    account: &Account,
    directory: &Path,
) -> Result<Programs, EmbeddedError> {
    let found = match configured {
        Some(dir) => vec![configured_programs(dir, account, directory)?],
        None => installed(account, directory)?,
    };
    choose(found, data)
}

fn choose(mut found: Vec<Programs>, data: Option<(u32, PathBuf)>) -> Result<Programs, EmbeddedError> {
    found.sort_by_key(|programs| programs.version.major);
    if let Some((major, pgdata)) = data {
        if let Some(at) = found.iter().position(|programs| programs.version.major == major) {
            return Ok(found.swap_remove(at));
        }
        if !found.is_empty() {
            let versions: Vec<&str> = found.iter().map(|programs| programs.version.text.as_str()).collect();
            return Err(EmbeddedError::WrongMajor { pgdata, data: major, found: versions.join(", ") });
        }
    }
    let newest = found.pop().ok_or(EmbeddedError::NotInstalled)?;
    if newest.version.major < OLDEST_MAJOR {
        return Err(EmbeddedError::TooOld { found: newest.version.text, bin_dir: newest.bin_dir });
    }
    Ok(newest)
}

fn configured_programs(dir: &Path, account: &Account, directory: &Path) -> Result<Programs, EmbeddedError> {
    let bad = |program| EmbeddedError::BadProgramDirectory { dir: dir.to_owned(), program };
    let bin_dir = dir.canonicalize().map_err(|_| bad("postgres"))?;
    for program in ["postgres", "initdb"] {
        if !bin_dir.join(program).is_file() {
            return Err(bad(program));
        }
    }
    let version = version(&bin_dir, account, directory)?.ok_or_else(|| bad("postgres"))?;
    Ok(Programs { bin_dir, version })
}

fn installed(account: &Account, directory: &Path) -> Result<Vec<Programs>, EmbeddedError> {
    let found = working(distinct(usual_dirs()), account, directory)?;
    if found.is_empty() {
        // Asked last, because the answer costs a process and is almost always among the usual ones.
        return working(distinct(pg_config_dir()), account, directory);
    }
    Ok(found)
}

/// The installations that run. One that does not only matters when there is no other.
fn working(bin_dirs: BTreeSet<PathBuf>, account: &Account, directory: &Path) -> Result<Vec<Programs>, EmbeddedError> {
    let mut found = Vec::new();
    let mut failure = None;
    for bin_dir in bin_dirs {
        match version(&bin_dir, account, directory) {
            Ok(Some(version)) => found.push(Programs { bin_dir, version }),
            Ok(None) => tracing::warn!(bin_dir = %bin_dir.display(), "not a working database installation"),
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

/// Directories that may hold `pg_dump` and `pg_restore` for an external server: the configured one alone, or all usual ones.
pub fn client_directories(configured: Option<&Path>) -> Vec<PathBuf> {
    if let Some(dir) = configured {
        return vec![dir.to_owned()];
    }
    let real: BTreeSet<PathBuf> = usual_dirs()
        .filter_map(|dir| dir.join("pg_restore").canonicalize().ok())
        .filter_map(|program| program.parent().map(Path::to_owned))
        .collect();
    real.into_iter().collect()
}

/// Where distributions put the programs, then the directories of `PATH`.
fn usual_dirs() -> impl Iterator<Item = PathBuf> {
    let versioned = [("/usr/lib/postgresql", ""), ("/usr", "pgsql-"), ("/usr/local", "pgsql")];
    let distributions = versioned.into_iter().flat_map(|(parent, prefix)| {
        fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| entry.path().join("bin"))
    });
    let path = env::var_os("PATH").unwrap_or_default();
    distributions.chain(env::split_paths(&path).collect::<Vec<_>>())
}

fn pg_config_dir() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(text.trim()))
}

/// The real directories that hold both programs. Links are followed, because the programs find their
/// other files by where they really are.
fn distinct(dirs: impl IntoIterator<Item = PathBuf>) -> BTreeSet<PathBuf> {
    dirs.into_iter()
        .filter_map(|dir| dir.join("postgres").canonicalize().ok())
        .filter_map(|program| program.parent().map(Path::to_owned))
        .filter(|dir| dir.join("initdb").is_file())
        .collect()
}

/// What `postgres --version` says, run as `account`. `None`: it is not a working server program.
fn version(bin_dir: &Path, account: &Account, directory: &Path) -> Result<Option<Version>, EmbeddedError> {
    let program = bin_dir.join("postgres");
    match command(&program, account, directory, Signal::SIGKILL).arg("--version").output() {
        Ok(output) if output.status.success() => Ok(parse_version(&String::from_utf8_lossy(&output.stdout))),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            for target in [directory, &program] {
                if let Some(closed) = closed_directory(target, account) {
                    return Err(EmbeddedError::Unreachable {
                        account: account.name.clone(),
                        directory: closed,
                        target: target.to_owned(),
                    });
                }
            }
            Err(error::io("run", &program)(error))
        }
        Err(error) => Err(error::io("run", &program)(error)),
    }
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn parse_version(text: &str) -> Option<Version> {
    let text = text.strip_prefix("postgres (PostgreSQL) ")?.split_whitespace().next()?;
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let major = text.get(..digits)?.parse().ok()?;
    Some(Version { major, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::{EmbeddedError, PathBuf, Programs, Version, choose, parse_version};

    fn programs(text: &str) -> Programs {
        let version = parse_version(&format!("postgres (PostgreSQL) {text}")).unwrap();
        Programs { bin_dir: PathBuf::from(format!("/pg/{text}/bin")), version }
    }

    #[test]
    fn versions_are_read_as_the_programs_print_them() {
        let version = |text| parse_version(text).map(|Version { major, text }| (major, text));
        assert_eq!(version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some((15, "15.18".into())));
        assert_eq!(version("postgres (PostgreSQL) 19beta1"), Some((19, "19beta1".into())));
        assert_eq!(version("postgres (PostgreSQL) 9.6.24"), Some((9, "9.6.24".into())));
        assert_eq!(version("PostgreSQL 15"), None);
        assert_eq!(version("postgres (PostgreSQL) "), None);
    }

    #[test]
    fn without_data_the_newest_suitable_installation_wins() {
        let chosen = choose(vec![programs("16.2"), programs("18.4"), programs("14.1")], None).unwrap();
        assert_eq!(chosen.version.major, 18);
    }

    #[test]
    fn data_pins_its_major_version() {
        let data = || Some((15, PathBuf::from("/data/pgdata")));
        let chosen = choose(vec![programs("18.4"), programs("15.3")], data()).unwrap();
        assert_eq!(chosen.version.major, 15);
        let error = choose(vec![programs("18.4"), programs("16.1")], data()).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, EmbeddedError::WrongMajor { .. }));
        assert!(text.contains("PostgreSQL 15, but only PostgreSQL 16.1, 18.4"), "{text}");
    }

    #[test]
    fn an_old_or_missing_installation_is_said_with_the_remedy() {
        let old = choose(vec![programs("13.9"), programs("14.1")], None).unwrap_err().to_string();
        assert!(old.contains("14.1") && old.contains("apt-get install"), "{old}");
        let missing = choose(Vec::new(), None).unwrap_err().to_string();
        assert!(missing.contains("not installed") && missing.contains("apt-get install"), "{missing}");
    }
}
