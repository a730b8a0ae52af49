//! What a whole test run logs, and whether anything personal is in it.
//!
//! Every test that has a database writes its log, at debug level, to a file of the run; servers that tests start hand theirs over. When
//! the run is over, `test-cluster` crawls through all of it. Tests use invented people, reserved numbers, addresses at example domains
//! and a few passwords and secrets, so what must not be there can be recognised: one of those in a log line is what a real name or number
//! would have been.
//!
//! Statements that sqlx logs are left out: tests write SQL with values in it, which the product never does.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tracing_subscriber::EnvFilter;

/// Tells tests where the logs of this run are kept.
pub const LOGS_VARIABLE: &str = "VOXANNE_TEST_LOGS";

/// What tests call people, protect with and post. In lower case.
const WORDS: [&str; 26] = [
    "amara obi",
    "amara osei",
    "priya nair",
    "hannah webb",
    "ana lima",
    "moira penhale",
    "desmond achebe",
    "tilly wrenshaw",
    "camille ostrander",
    "reggie vantongeren",
    "henrike vossbeck",
    "emre tanyildiz",
    "bronwyn teakle",
    "arjun malhan",
    "correct horse battery",
    "four words in a row",
    "a-shared-secret",
    "webhook-secret-of",
    "platform-secret",
    "hunter2",
    "whsec_",
    "canary-",
    "wisdom tooth",
    "my knee hurts",
    "anything on thursday",
    "check-up booked",
];
/// Reserved numbers, as they begin with their country's code.
const NUMBERS: [&str; 3] = ["12025550", "447700900", "442079460"];
/// So many words in a row of what the simulator's people say are something that was said.
const SAID: usize = 5;

/// Keeps what this process logs, if the run wants it. Once is enough.
pub fn keep() {
    static KEPT: OnceLock<()> = OnceLock::new();
    KEPT.get_or_init(|| {
        let Some(dir) = std::env::var_os(LOGS_VARIABLE) else { return };
        let file =
            File::create(PathBuf::from(dir).join(format!("{}.log", uuid::Uuid::now_v7()))).expect("a file for the log");
        let filter = EnvFilter::new("debug,sqlx=off");
        // A test that listens to the log itself was first.
        let _kept = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(file).try_init();
    });
}

/// Keeps what a server logged that a test started.
pub fn keep_file(path: &Path) {
    let Some(dir) = std::env::var_os(LOGS_VARIABLE) else { return };
    if path.exists() {
        std::fs::copy(path, PathBuf::from(dir).join(format!("{}.log", uuid::Uuid::now_v7())))
            .expect("a copy of the log");
    }
}

/// A line with something personal in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was found.
    pub what: String,
    /// The line.
    pub line: String,
}

/// Looks through every file in `dir`: how many lines there were, and which should not have been.
pub fn crawl(dir: &Path) -> std::io::Result<(usize, Vec<Finding>)> {
    let said = said();
    let (mut lines, mut found) = (0, Vec::new());
    for entry in std::fs::read_dir(dir)? {
        for line in BufReader::new(File::open(entry?.path())?).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            lines += 1;
            if let Some(what) = personal(&line, &said) {
                found.push(Finding { what, line });
            }
        }
    }
    Ok((lines, found))
}

/// What is personal in a line.
fn personal(line: &str, said: &HashSet<String>) -> Option<String> {
    let lower = line.to_lowercase();
    let word = WORDS.iter().find(|word| lower.contains(**word)).map(|word| (*word).to_owned());
    word.or_else(|| address(&lower)).or_else(|| number(&lower.replace("%2b", " "))).or_else(|| speech(&lower, said))
}

/// An address of mail at an example domain.
fn address(line: &str) -> Option<String> {
    line.match_indices('@').find_map(|(at, _)| {
        let host: String = line[at + 1..]
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || ".-".contains(*letter))
            .collect();
        let has_name = line[..at].ends_with(|letter: char| letter.is_ascii_alphanumeric());
        (has_name && host.contains("example")).then(|| format!("…@{host}"))
    })
}

/// A reserved telephone number: eleven to thirteen digits that stand alone.
fn number(line: &str) -> Option<String> {
    let runs =
        line.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.' || letter == '-' || letter == '_'));
    let mut numbers =
        runs.filter(|run| (11..=13).contains(&run.len()) && run.bytes().all(|byte| byte.is_ascii_digit()));
    numbers.find(|run| NUMBERS.iter().any(|start| run.starts_with(start))).map(str::to_owned)
}

/// Something that one of the simulator's people says.
fn speech(line: &str, said: &HashSet<String>) -> Option<String> {
    let words: Vec<&str> = words(line).collect();
    words.windows(SAID).map(|window| window.join(" ")).find(|window| said.contains(window))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !(letter.is_alphanumeric() || letter == '\'')).filter(|word| !word.is_empty())
}

/// Every few words in a row of the simulator's scripts, where no name has to be put in.
fn said() -> HashSet<String> {
    let scripts = [
        include_str!("../../simulator/scripts/aesthetic.txt"),
        include_str!("../../simulator/scripts/any.txt"),
        include_str!("../../simulator/scripts/dental.txt"),
        include_str!("../../simulator/scripts/physio.txt"),
        include_str!("../../simulator/scripts/surgery.txt"),
        include_str!("../../simulator/scripts/vet.txt"),
    ];
    let lines = scripts.into_iter().flat_map(str::lines);
    let turns = lines.filter_map(|line| line.strip_prefix("A: ").or_else(|| line.strip_prefix("C: ")));
    let pieces = turns.flat_map(|turn| turn.split(['{', '}']).step_by(2).map(str::to_lowercase).collect::<Vec<_>>());
    let mut all = HashSet::new();
    for piece in pieces {
        let words: Vec<&str> = words(&piece).collect();
        all.extend(words.windows(SAID).map(|window| window.join(" ")));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_personal_is_recognised_in_whatever_it_is_wrapped() {
        let said = said();
        assert!(said.len() > 1_000, "the scripts are read: {}", said.len());
        for line in [
            r#"{"message":"sent","to":"somebody@clinic.example"}"#,
            r#"{"message":"ringing","from":"+442079460123"}"#,
            "query=from=%2B12025550123&x=1",
            "for Amara Obi",
            r#"{"text":"i can book a first check-up for you now"}"#,
            "secret=webhook-secret-of-elmstreet",
        ] {
            assert!(personal(line, &said).is_some(), "{line}");
        }
    }

    #[test]
    fn ids_times_hosts_and_our_own_words_are_not_personal() {
        let said = said();
        for line in [
            r#"{"timestamp":"2026-11-24T14:00:00.442079460Z","level":"INFO","request.id":"019442079460-7000"}"#,
            r#"{"message":"https://voice.example.com answers","duration_ms":120255501234567}"#,
            "a lease could not be extended; it is tried again",
            "postgres@localhost",
        ] {
            assert_eq!(personal(line, &said), None, "{line}");
        }
    }
}
