//! Validation that reports every faulty field at once.

use super::{ApiError, FieldError};

/// Input that can say what is wrong with it.
pub trait Validate {
    /// Writes each fault into `report`.
    fn validate(&self, report: &mut Report);
}

/// Faults found so far.
#[derive(Debug, Default)]
pub struct Report(Vec<FieldError>);

impl Report {
    /// Notes a fault at `path`.
    pub fn fault(&mut self, path: &str, message: impl Into<String>) {
        self.0.push(FieldError::new(path, message));
    }

    /// Notes a fault unless `fine`.
    pub fn require(&mut self, fine: bool, path: &str, message: &str) {
        if !fine {
            self.fault(path, message);
        }
    }

    /// Requires between 1 and `max` characters after trimming, without control characters.
    pub fn text(&mut self, path: &str, value: &str, max: usize) {
        let length = value.trim().chars().count();
        self.require(length > 0, path, "must not be empty");
        self.require(length <= max, path, &format!("must be at most {max} characters"));
        self.require(!value.chars().any(char::is_control), path, "must not contain control characters");
    }

    /// Fails when anything was noted.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::invalid(self.0)) }
    }
}
