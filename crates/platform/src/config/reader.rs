//! Reads variables out of an environment map and collects everything that is wrong with them.
//!
//! A reader never stops at the first problem: an operator who fixes one mistake per restart loses
//! an evening. Every way of reading returns the value, or [`Recorded`] once the problem is noted.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use super::variables::{self, Variable};
use crate::secret::Secret;

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable to change.
    pub variable: String,
    /// What is wrong with it, as the rest of a sentence that begins with the variable. Never holds
    /// the value of a secret.
    pub what: String,
    /// A value that would be accepted.
    pub example: Option<&'static str>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.variable, self.what)?;
        match self.example {
            Some(example) => write!(f, " (example: {example})"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with the configuration, one problem a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<Problem>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} problem(s):", self.0.len())?;
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

/// The value could not be read, and the reader holds the problem.
pub(super) struct Recorded;

pub(super) struct Reader<'a> {
    env: &'a BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(env: &'a BTreeMap<String, String>) -> Self {
        Self { env, problems: Vec::new() }
    }

    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        for name in self.env.keys().filter(|name| variables::is_unknown(name)) {
            let hint = variables::nearest(name).map(|known| format!("; did you mean {known}?")).unwrap_or_default();
            let what = format!("is not a variable of this version{hint}");
            self.record(name, what, None);
        }
        self.problems
    }

    /// Notes a problem with a variable.
    pub(super) fn problem(&mut self, variable: &Variable, what: impl Into<String>) -> Recorded {
        self.record(variable.name, what.into(), Some(variable.example))
    }

    /// Notes everything that is wrong in the file that a variable names.
    pub(super) fn problems_in(&mut self, variable: &Variable, problems: Vec<String>) -> Recorded {
        for what in problems {
            self.record(variable.name, what, None);
        }
        Recorded
    }

    /// The value of a variable that has a default. `parse` says what is wrong as the rest of a
    /// sentence ("is not a number").
    pub(super) fn value<T>(
        &mut self,
        variable: &Variable,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Recorded> {
        let text = self.text(variable.name).or(variable.default).unwrap_or("");
        self.parsed(variable, text, parse)
    }

    /// The value of a variable that may be unset.
    pub(super) fn optional<T>(
        &mut self,
        variable: &Variable,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Recorded> {
        match self.text(variable.name) {
            None => Ok(None),
            Some(text) => self.parsed(variable, text, parse).map(Some),
        }
    }

    /// A comma list. Spaces around the items do not count; every item that is wrong is a problem.
    pub(super) fn list<T>(
        &mut self,
        variable: &Variable,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, Recorded> {
        let text = self.text(variable.name).or(variable.default).unwrap_or("");
        let items: Vec<Result<T, Recorded>> = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| self.parsed(variable, item, &parse))
            .collect();
        items.into_iter().collect()
    }

    /// A secret, from the variable or from the file that its `_FILE` twin names.
    pub(super) fn secret(&mut self, variable: &Variable) -> Result<Option<Secret>, Recorded> {
        let twin = variable.file_name().unwrap_or_default();
        match (self.text(variable.name), self.text(&twin)) {
            (None, None) => Ok(None),
            (Some(text), None) => Ok(Some(Secret::new(text))),
            (None, Some(path)) => {
                secret_file(path).map(Some).map_err(|what| self.record(&twin, what, Some("/run/secrets/voxanne")))
            }
            (Some(_), Some(_)) => {
                let what = format!("and {twin} are both set; keep one of them");
                Err(self.record(variable.name, what, None))
            }
        }
    }

    /// An empty value counts as unset: compose files pass `${NAME:-}` through as an empty text.
    fn text(&self, name: &str) -> Option<&'a str> {
        self.env.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    fn parsed<T>(
        &mut self,
        variable: &Variable,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Recorded> {
        parse(text).map_err(|what| self.problem(variable, what))
    }

    fn record(&mut self, variable: &str, what: String, example: Option<&'static str>) -> Recorded {
        self.problems.push(Problem { variable: variable.to_owned(), what, example });
        Recorded
    }
}

/// The content of a secret's file without the line end that editors and `echo` add.
fn secret_file(path: &str) -> Result<Secret, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("names {path:?}, which {}", why(&error)))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(format!("names {path:?}, which is empty"));
    }
    Ok(Secret::new(text))
}

fn why(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this account may not read".to_owned(),
        std::io::ErrorKind::InvalidData => "is not UTF-8 text".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
