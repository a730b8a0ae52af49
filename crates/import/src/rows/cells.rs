//! One cell of a row as what it should be, or what is wrong with it.

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use providers::vapi::normalise_number;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::mapping::Mapping;
use crate::model::{Issue, ORIGINAL_DEFAULT, Reason};
use crate::reading::Row;

/// The provider has made no calls before 2023, nor the original.
const FIRST_SECOND: i64 = 1_672_531_200;
/// A clock may be a little fast.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// A call that seems longer is a broken clock.
pub(super) const LONGEST_SECONDS: f64 = 604_800.0;

pub(super) struct Cells<'a> {
    pub(super) row: &'a Row,
    pub(super) mapping: &'a Mapping,
    pub(super) now: Timestamp,
    pub(super) notes: Vec<Issue>,
}

impl Cells<'_> {
    pub(super) fn note(&mut self, column: &str, reason: Reason) {
        let note = Issue::of(column, reason);
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Text of any length; a number counts as its digits.
    pub(super) fn words(&self, column: &str) -> Result<Option<String>, Issue> {
        match self.row.get(column) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            // A document in a column that the original kept as text.
            Some(Value::Array(_)) if column == "transcript" => Ok(None),
            Some(_) => Err(Issue::of(column, Reason::WrongType)),
        }
    }

    /// One trimmed line with something in it.
    pub(super) fn line(&self, column: &str, max: usize) -> Result<Option<String>, Issue> {
        let text = self.words(column)?.map(|text| text.trim().to_owned()).filter(|text| !is_null(text));
        match text {
            Some(text) if text.chars().count() > max => Err(Issue::of(column, Reason::TooLong)),
            Some(text) if text.chars().any(char::is_control) => Err(Issue::of(column, Reason::NotPlain)),
            text => Ok(text),
        }
    }

    /// A label of somebody else's making: cut, never refused, as the ingest does it.
    pub(super) fn label(&self, column: &str) -> Result<Option<String>, Issue> {
        let text = self.words(column)?.map(|text| text.trim().chars().take(200).collect::<String>());
        Ok(text.filter(|text| !is_null(text)))
    }

    pub(super) fn id(&self, column: &str) -> Result<Option<Uuid>, Issue> {
        let text = self.line(column, 100)?;
        text.map(|text| text.parse().map_err(|_| Issue::of(column, Reason::NotAnId))).transpose()
    }

    /// The organization, by its id here; none when it is missing or the mapping sets it aside.
    pub(super) fn org(&mut self) -> Result<Option<Uuid>, Issue> {
        let Some(stated) = self.id("org_id")? else { return Ok(None) };
        if let Some(mapped) = self.mapping.organizations.get(&stated) {
            return Ok(*mapped);
        }
        if stated == ORIGINAL_DEFAULT {
            self.note("org_id", Reason::DefaultOrganization);
        }
        Ok(Some(stated))
    }

    /// A number in E.164 form; another one is left out and noted, because a call does not stop being one for it.
    pub(super) fn phone(&mut self, column: &str) -> Result<Option<String>, Issue> {
        let Some(text) = self.line(column, 200)? else { return Ok(None) };
        let number = normalise_number(&text);
        if number.is_none() {
            self.note(column, Reason::PhoneLeftOut);
        }
        Ok(number)
    }

    pub(super) fn time(&mut self, column: &str) -> Result<Option<Timestamp>, Issue> {
        let text = match self.row.get(column) {
            None => return Ok(None),
            Some(Value::String(text)) => text.trim(),
            Some(_) => return Err(Issue::of(column, Reason::WrongType)),
        };
        if is_null(text) {
            return Ok(None);
        }
        let time = if let Ok(time) = text.parse::<Timestamp>() {
            time
        } else if let Ok(clock) = text.parse::<DateTime>() {
            let zone = self.mapping.zone.clone().ok_or(Issue::of(column, Reason::TimeWithoutZone))?;
            self.note(column, Reason::ZoneAssumed);
            clock.to_zoned(zone).map_err(|_| Issue::of(column, Reason::TimeOutOfRange))?.timestamp()
        } else {
            return Err(Issue::of(column, Reason::NotATime));
        };
        let latest = self.now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
        if time.as_second() < FIRST_SECOND || time > latest {
            return Err(Issue::of(column, Reason::TimeOutOfRange));
        }
        Ok(Some(time))
    }

    /// When the row was made; now, if it does not say.
    pub(super) fn created(&mut self) -> Result<Timestamp, Issue> {
        Ok(self.time("created_at")?.unwrap_or(self.now))
    }

    pub(super) fn number(&self, column: &str) -> Result<Option<f64>, Issue> {
        let number = match self.row.get(column) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) if is_null(text.trim()) => return Ok(None),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => return Err(Issue::of(column, Reason::WrongType)),
        };
        number.filter(|number: &f64| number.is_finite()).map(Some).ok_or(Issue::of(column, Reason::NotANumber))
    }

    pub(super) fn seconds(&self, column: &str) -> Result<Option<i64>, Issue> {
        let Some(number) = self.number(column)? else { return Ok(None) };
        if number < 0.0 {
            return Err(Issue::of(column, Reason::Negative));
        }
        if number > LONGEST_SECONDS {
            return Err(Issue::of(column, Reason::TooMuch));
        }
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked above")]
        Ok(Some(number.round() as i64))
    }

    pub(super) fn flag(&self, column: &str) -> Result<Option<bool>, Issue> {
        match self.row.get(column) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) => match text.trim().to_lowercase().as_str() {
                "t" | "true" | "1" | "yes" => Ok(Some(true)),
                "f" | "false" | "0" | "no" | "null" | "" => Ok(Some(false)),
                _ => Err(Issue::of(column, Reason::WrongType)),
            },
            Some(_) => Err(Issue::of(column, Reason::WrongType)),
        }
    }

    /// An object, also as JSON in a text.
    pub(super) fn object(&self, column: &str) -> Result<Map<String, Value>, Issue> {
        match self.row.get(column) {
            None => Ok(Map::new()),
            Some(Value::Object(members)) => Ok(members.clone()),
            Some(Value::String(text)) if is_null(text.trim()) => Ok(Map::new()),
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(Value::Object(members)) => Ok(members),
                _ => Err(Issue::of(column, Reason::WrongType)),
            },
            Some(_) => Err(Issue::of(column, Reason::WrongType)),
        }
    }
}

/// What stands for nothing in an export.
fn is_null(text: &str) -> bool {
    matches!(text, "" | "null" | "NULL" | "\\N")
}
