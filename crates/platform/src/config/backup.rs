//! Backups: where to, when, how many, sealed with what.

use jiff::civil::Time;

use super::reader::{Reader, Recorded};
use super::storage::{S3Access, S3Settings};
use super::values::MasterKey;
use super::{DatabaseSource, variables};

/// Backups.
#[derive(Debug, Clone)]
pub struct BackupConfig {
    /// The place of scheduled backups, and of the commands that name none; `None`: none is taken by itself.
    pub to: Option<String>,
    /// How a bucket is reached, if it is configured.
    pub s3: Option<S3Access>,
    /// The key that seals them; `None`: they are not sealed.
    pub key: Option<MasterKey>,
    /// The times of day, in UTC, at which one is taken.
    pub at: Vec<Time>,
    /// Of how many days the last one stays.
    pub daily: u32,
    /// Of how many weeks the last one stays.
    pub weekly: u32,
    /// Every how many days the newest one is restored on trial; `None`: never, or there is no place for backups.
    pub trial_days: Option<u32>,
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    source: Option<&DatabaseSource>,
    s3: &S3Settings,
) -> Result<BackupConfig, Recorded> {
    let to = reader.optional(&variables::BACKUP_TO, place);
    let at = reader.list(&variables::BACKUP_AT, time_of_day);
    let keep = reader.value(&variables::BACKUP_KEEP, keep);
    let key = reader
        .secret(&variables::BACKUP_KEY)?
        .map(|text| text.expose().parse())
        .transpose()
        .map_err(|what: String| reader.problem(&variables::BACKUP_KEY, what));
    let trial_days = reader.value(&variables::BACKUP_TRIAL_DAYS, |text| super::values::number_in(text, 0..=365));
    let (to, at, (daily, weekly), key, trial_days) = (to?, at?, keep?, key?, trial_days?);
    if to.is_some() && matches!(source, Some(DatabaseSource::External { admin_url: None, .. })) {
        let what = "is set, but a backup reads the whole database and needs DATABASE_ADMIN_URL";
        return Err(reader.problem(&variables::BACKUP_TO, what));
    }
    if to.as_ref().is_some_and(|to| to.starts_with("s3://")) {
        s3.needed(reader, "as backups are to be kept in S3")?;
        if key.is_none() {
            let what = "must be set, as backups leave the machine and hold everything";
            return Err(reader.problem(&variables::BACKUP_KEY, what));
        }
    }
    let trial_days = Some(trial_days).filter(|days| *days > 0 && to.is_some());
    Ok(BackupConfig { to, s3: s3.whole(), key, at, daily, weekly, trial_days })
}

fn place(text: &str) -> Result<String, String> {
    match text.split_once("://") {
        None | Some(("s3", _)) => Ok(text.to_owned()),
        Some(_) => Err("is neither a folder nor s3://bucket/prefix".to_owned()),
    }
}

fn time_of_day(text: &str) -> Result<Time, String> {
    Time::strptime("%H:%M", text).map_err(|_| format!("has {text:?}, not a time of day like 02:30"))
}

/// Reads `7d,4w`.
fn keep(text: &str) -> Result<(u32, u32), String> {
    let wrong = || format!("is {text:?}, not a number of days and of weeks like 7d,4w");
    let (mut daily, mut weekly) = (None, None);
    for part in text.split(',').map(str::trim) {
        let (kind, number) = match (part.strip_suffix('d'), part.strip_suffix('w')) {
            (Some(days), _) => (&mut daily, days),
            (_, Some(weeks)) => (&mut weekly, weeks),
            _ => return Err(wrong()),
        };
        let number = super::values::number_in(number, 0..=10_000).map_err(|_| wrong())?;
        if kind.replace(number).is_some() {
            return Err(wrong());
        }
    }
    match (daily.unwrap_or(0), weekly.unwrap_or(0)) {
        (0, 0) => Err(format!("is {text:?}, which would keep none")),
        kept => Ok(kept),
    }
}

#[cfg(test)]
mod tests {
    use super::{keep, time_of_day};

    #[test]
    fn what_is_kept_is_days_and_weeks() {
        assert_eq!(keep("7d,4w"), Ok((7, 4)));
        assert_eq!(keep("4w, 7d"), Ok((7, 4)));
        assert_eq!(keep("30d"), Ok((30, 0)));
        for wrong in ["", "7", "d", "7d,7d", "0d", "-1d", "7d;4w", "0d,0w"] {
            assert!(keep(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn times_of_day_are_hours_and_minutes() {
        assert_eq!(time_of_day("02:30").unwrap().to_string(), "02:30:00");
        for wrong in ["24:00", "2", "02:60", "half two", ""] {
            assert!(time_of_day(wrong).is_err(), "{wrong:?}");
        }
    }
}
