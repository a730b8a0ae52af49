//! The words in `locales/`: the same in every language, and exactly those that the code asks for.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fluent_bundle::FluentResource;
use platform::i18n::Locale;

const FILES: [&str; 4] = ["site", "booking", "mail", "account"];

/// Texts in the code that look like a key and are none.
const NOT_WORDS: &[&str] = &["site-", "mail-", "account-"];

/// Words that wait for the code that says them. To be empty when that code is in.
const WAITING: &[&str] = &[];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(locale: Locale, file: &str) -> String {
    fs::read_to_string(root().join(format!("locales/{}/{file}.ftl", locale.tag()))).unwrap()
}

/// The keys of a file with the text of each, by the one rule of Fluent that a key begins its line.
fn entries(text: &str) -> Vec<(String, String)> {
    let mut entries: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once('=') {
            Some((key, rest)) if line.starts_with(|c: char| c.is_ascii_lowercase()) => {
                entries.push((key.trim().to_owned(), rest.to_owned()));
            }
            _ => {
                if let Some((_, body)) = entries.last_mut() {
                    body.push_str(line);
                }
            }
        }
    }
    entries
}

fn all(locale: Locale) -> BTreeMap<String, String> {
    FILES.into_iter().flat_map(|file| entries(&text(locale, file))).collect()
}

fn values(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.split('$').skip(1).map(|rest| rest.chars().take_while(|c| is_name(*c)).collect()).collect()
}

#[test]
fn every_file_is_read_without_a_fault() {
    for locale in Locale::ALL {
        for file in FILES {
            let faults = FluentResource::try_new(text(locale, file)).err().map(|(_, faults)| faults);
            assert!(faults.is_none(), "{}/{file}.ftl: {faults:?}", locale.tag());
        }
    }
}

#[test]
fn no_key_stands_twice_or_in_another_file() {
    for locale in Locale::ALL {
        for file in FILES {
            let keys: Vec<String> = entries(&text(locale, file)).into_iter().map(|(key, _)| key).collect();
            let strangers: Vec<_> = keys.iter().filter(|key| !key.starts_with(&format!("{file}-"))).collect();
            assert!(strangers.is_empty(), "{}/{file}.ftl: {strangers:?}", locale.tag());
            let twice: Vec<_> =
                keys.iter().filter(|key| keys.iter().filter(|other| other == key).count() > 1).collect();
            assert!(twice.is_empty(), "{}/{file}.ftl: {twice:?}", locale.tag());
        }
    }
}

#[test]
fn every_language_says_everything_with_the_same_values() {
    let english = all(Locale::En);
    for locale in Locale::ALL {
        let words = all(locale);
        let missing: Vec<_> = english.keys().filter(|key| !words.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{} lacks {missing:?}", locale.tag());
        let extra: Vec<_> = words.keys().filter(|key| !english.contains_key(*key)).collect();
        assert!(extra.is_empty(), "only {} has {extra:?}", locale.tag());
        for (key, text) in &words {
            assert!(!text.trim().is_empty(), "{}: {key} is empty", locale.tag());
            assert_eq!(values(text), values(&english[key]), "{}: {key}", locale.tag());
        }
    }
}

#[test]
fn the_code_asks_for_every_word_and_for_no_other() {
    let known: BTreeSet<String> = all(Locale::En).into_keys().collect();
    let mut asked = BTreeSet::new();
    for source in sources(&root().join("crates")) {
        asked.extend(literals(&fs::read_to_string(source).unwrap()));
    }
    let unknown: Vec<_> = asked.difference(&known).filter(|key| !NOT_WORDS.contains(&key.as_str())).collect();
    assert!(unknown.is_empty(), "no file has {unknown:?}");
    let unused: Vec<_> = known.difference(&asked).filter(|key| !WAITING.contains(&key.as_str())).collect();
    assert!(unused.is_empty(), "nothing asks for {unused:?}");
}

/// The sources of every crate. Tests may say what they like.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !["tests", "examples"].iter().any(|name| path.ends_with(name)) {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// What looks like a key in a source. A key is always written whole, so that a search finds where it is used.
fn literals(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or(source);
    let is_key = |text: &str| {
        FILES.iter().any(|file| text.strip_prefix(file).is_some_and(|rest| rest.starts_with('-')))
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find('"') {
        let (before, after) = rest.split_at(at);
        let end = after[1..].find('"').unwrap_or(after.len() - 1);
        let text = &after[1..=end];
        // `id="booking-form"` is an attribute's value.
        if is_key(text) && !before.ends_with('=') {
            found.push(text.to_owned());
            rest = &after[end + 2..];
        } else {
            // The next quote may open a text where this one closed another.
            rest = &after[1..];
        }
    }
    found
}
