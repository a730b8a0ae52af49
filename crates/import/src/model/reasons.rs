//! What can be wrong with a row, and what becomes of it for that.

use serde::{Deserialize, Serialize};

/// What becomes of a row because of something in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It waits, sealed, for somebody to decide.
    Quarantined,
    /// It is no row that could be kept, or that somebody wanted.
    Refused,
    /// It is taken all the same.
    Noted,
}

impl Fate {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
            Self::Noted => "noted",
        }
    }
}

/// What is wrong with a row, or worth knowing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing in it, and nothing that is known of its call, says whose it is.
    NoOrganization,
    /// What speaks for an organization speaks for several.
    Ambiguous,
    /// The organization that it names is not here.
    UnknownOrganization,
    /// Its agent is another organization's.
    ForeignAgent,
    /// Its lead is another organization's.
    ForeignLead,
    /// Its call is another organization's.
    Collision,
    /// The same row was taken for another organization.
    RowOfAnother,
    /// The call that it belongs to is not here.
    CallNotFound,
    /// The mapping file says that this organization is none.
    SetAside,
    /// This installation has no operator's organization yet, to which bookings belong.
    NoOperator,
    /// A value that must be there is missing.
    Missing,
    /// A value is of the wrong type.
    WrongType,
    /// Not an id.
    NotAnId,
    /// Not a time.
    NotATime,
    /// A time without an offset, and the mapping file names no zone.
    TimeWithoutZone,
    /// Before the provider existed, or in the future.
    TimeOutOfRange,
    /// Not a number.
    NotANumber,
    /// Less than nothing.
    Negative,
    /// More than there can be.
    TooMuch,
    /// Longer than there is room for.
    TooLong,
    /// A word that is not known here; the mapping file can name it.
    UnknownWord,
    /// Not a phone number in E.164 form.
    NotAPhone,
    /// Not an e-mail address that can be written to.
    NotAnAddress,
    /// Holds what this field cannot: a web address, or characters that cannot be seen.
    NotPlain,
    /// The database refused the row.
    DatabaseRefused,

    /// The first line is no list of different column names.
    UnusableHeader,
    /// It has more or fewer columns than the first line.
    WrongNumberOfColumns,
    /// Not text in UTF-8.
    NotUtf8,
    /// Not JSON.
    NotJson,
    /// JSON, and not an object.
    NotAnObject,
    /// A column stands in it twice.
    ColumnTwice,
    /// The array of rows is broken here; what follows cannot be read.
    BrokenJson,
    /// Longer than a row can be, most likely because a quotation mark is missing; what follows cannot be read.
    RowTooLarge,
    /// An operator dropped it.
    Dropped,

    /// A phone number that is not in E.164 form stands in the stored row only.
    PhoneLeftOut,
    /// Whether somebody rang or was rung is not known, so neither is whose number is whose.
    DirectionUnknown,
    /// Its agent is not here.
    UnknownAgent,
    /// Its lead is not here.
    UnknownLead,
    /// A time was read by the clock of the mapping file's zone.
    ZoneAssumed,
    /// Its recording lies in the original's own storage only.
    RecordingOnlyThere,
    /// It names the original's default organization, which was given every row that had none.
    DefaultOrganization,
}

impl Reason {
    /// What becomes of a row for it.
    pub fn fate(self) -> Fate {
        match self {
            Self::UnusableHeader
            | Self::WrongNumberOfColumns
            | Self::NotUtf8
            | Self::NotJson
            | Self::NotAnObject
            | Self::ColumnTwice
            | Self::BrokenJson
            | Self::RowTooLarge
            | Self::Dropped => Fate::Refused,
            Self::PhoneLeftOut
            | Self::DirectionUnknown
            | Self::UnknownAgent
            | Self::UnknownLead
            | Self::ZoneAssumed
            | Self::RecordingOnlyThere
            | Self::DefaultOrganization => Fate::Noted,
            _ => Fate::Quarantined,
        }
    }

    /// Whether nothing after it can be read.
    pub fn ends_the_file(self) -> bool {
        matches!(self, Self::BrokenJson | Self::RowTooLarge)
    }

    /// As it is stored.
    pub fn code(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(code)) => code,
            _ => String::new(),
        }
    }

    /// The reason with that code.
    pub fn of_code(code: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(code.to_owned())).ok()
    }

    /// For a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NoOrganization => "nothing says whose it is",
            Self::Ambiguous => "what it says points to several organizations",
            Self::UnknownOrganization => "its organization is not here",
            Self::ForeignAgent => "its agent belongs to another organization",
            Self::ForeignLead => "its lead belongs to another organization",
            Self::Collision => "its call belongs to another organization",
            Self::RowOfAnother => "the same row was taken for another organization",
            Self::CallNotFound => "its call is not here",
            Self::SetAside => "the mapping file sets this organization aside",
            Self::NoOperator => "there is no operator's organization yet",
            Self::Missing => "is missing",
            Self::WrongType => "is of the wrong type",
            Self::NotAnId => "is not an id",
            Self::NotATime => "is not a time",
            Self::TimeWithoutZone => "is a time without an offset, and the mapping file names no zone",
            Self::TimeOutOfRange => "is a time that cannot be",
            Self::NotANumber => "is not a number",
            Self::Negative => "is less than nothing",
            Self::TooMuch => "is more than there can be",
            Self::TooLong => "is too long",
            Self::UnknownWord => "is a word that is not known here",
            Self::NotAPhone => "is not a phone number in E.164 form",
            Self::NotAnAddress => "is not an e-mail address",
            Self::NotPlain => "holds a web address or characters that cannot be seen",
            Self::DatabaseRefused => "the database refused it",
            Self::UnusableHeader => "the first line is no list of different column names",
            Self::WrongNumberOfColumns => "has more or fewer columns than the first line",
            Self::NotUtf8 => "is not text in UTF-8",
            Self::NotJson => "is not JSON",
            Self::NotAnObject => "is not a JSON object",
            Self::ColumnTwice => "stands in it twice",
            Self::BrokenJson => "the array of rows is broken here; what follows was not read",
            Self::RowTooLarge => "no end of this row was found; what follows was not read",
            Self::Dropped => "was dropped by an operator",
            Self::PhoneLeftOut => "is not a phone number in E.164 form and was left out",
            Self::DirectionUnknown => "does not say who rang whom",
            Self::UnknownAgent => "names an agent that is not here",
            Self::UnknownLead => "names a lead that is not here",
            Self::ZoneAssumed => "has no offset and was read by the zone of the mapping file",
            Self::RecordingOnlyThere => "lies in the original's storage only",
            Self::DefaultOrganization => "is the original's default organization",
        }
    }
}

/// Something about one column of a row. Never quotes the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The column; empty when it is about the whole row.
    pub column: String,
    /// What.
    pub reason: Reason,
}

impl Issue {
    /// About the whole row.
    pub fn of_row(reason: Reason) -> Self {
        Self { column: String::new(), reason }
    }

    /// About one column.
    pub fn of(column: &str, reason: Reason) -> Self {
        Self { column: column.to_owned(), reason }
    }
}
