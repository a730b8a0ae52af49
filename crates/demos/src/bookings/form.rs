//! What a prospect fills in: one set of rules for the page's attributes, the page's handler and the API.

use identity::accounts::model::EmailAddress;
use platform::i18n::Locale;

use super::phone::{self, Phone, PhoneFault};

/// A field of the form, by the name it has in the page and in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// Who.
    Name,
    /// Where the confirmation goes.
    Email,
    /// Whose phone is to be answered.
    Clinic,
    /// Where to reach them.
    Phone,
    /// The country whose way of dialling the number is written in.
    Country,
    /// What kind of clinic.
    ClinicType,
    /// What they hope for.
    Goal,
    /// Anything else.
    Notes,
}

/// What a field takes, in the form of HTML attributes.
#[derive(Clone, Copy, Debug)]
pub struct FieldRules {
    /// Its name.
    pub name: &'static str,
    /// Most characters.
    pub max_length: usize,
    /// Whether it may be left empty.
    pub required: bool,
    /// What browsers may fill in (HTML, `autocomplete`).
    pub autocomplete: &'static str,
}

impl Field {
    /// Every field in the order of the form.
    pub const ALL: [Self; 8] =
        [Self::Name, Self::Email, Self::Clinic, Self::Country, Self::Phone, Self::ClinicType, Self::Goal, Self::Notes];

    /// What it takes.
    pub fn rules(self) -> FieldRules {
        let (name, max_length, required, autocomplete) = match self {
            Self::Name => ("name", 120, true, "name"),
            Self::Email => ("email", 254, true, "email"),
            Self::Clinic => ("clinic_name", 160, true, "organization"),
            Self::Phone => ("phone", 40, true, "tel"),
            Self::Country => ("country", 2, false, "country"),
            Self::ClinicType => ("clinic_type", 80, false, "off"),
            Self::Goal => ("goal", 200, false, "off"),
            Self::Notes => ("notes", 2000, false, "off"),
        };
        FieldRules { name, max_length, required, autocomplete }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.rules().name
    }
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is empty.
    Missing,
    /// It is longer than this many characters.
    TooLong(usize),
    /// It holds line breaks or other characters that cannot be seen.
    Unprintable,
    /// It holds more than one address.
    SeveralAddresses,
    /// It is no address.
    NotAnAddress,
    /// Its domain has no ending.
    NoEnding,
    /// A country, or a `+`, is missing.
    NoCountry,
    /// Nobody can be called under it.
    NotAPhone,
    /// It holds a web address. Our mail greets by these fields, and must not carry somebody's advertisement to a stranger.
    Link,
}

/// A field and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub field: Field,
    /// What.
    pub wrong: Wrong,
}

impl Fault {
    /// The sentence for a person.
    pub fn text(&self, locale: Locale) -> String {
        match self.wrong {
            Wrong::Missing => locale.text(match self.field {
                Field::Name => "booking-fault-missing-name",
                Field::Email => "booking-fault-missing-email",
                Field::Clinic => "booking-fault-missing-clinic",
                Field::Phone => "booking-fault-missing-phone",
                _ => "booking-fault-missing",
            }),
            Wrong::TooLong(most) => {
                let most = i64::try_from(most).unwrap_or(i64::MAX);
                locale.text_with("booking-fault-too-long", &[("most", most.into())])
            }
            Wrong::Unprintable => locale.text("booking-fault-unprintable"),
            Wrong::SeveralAddresses => locale.text("booking-fault-several-addresses"),
            Wrong::NotAnAddress => locale.text("booking-fault-not-an-address"),
            Wrong::NoEnding => locale.text("booking-fault-no-ending"),
            Wrong::NoCountry => locale.text("booking-fault-no-country"),
            Wrong::NotAPhone => locale.text("booking-fault-not-a-phone"),
            Wrong::Link => locale.text("booking-fault-link"),
        }
    }
}

/// The fields as they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// See [`Field::Name`].
    pub name: String,
    /// See [`Field::Email`].
    pub email: String,
    /// See [`Field::Clinic`].
    pub clinic: String,
    /// See [`Field::Phone`].
    pub phone: String,
    /// See [`Field::Country`].
    pub country: String,
    /// See [`Field::ClinicType`].
    pub clinic_type: String,
    /// See [`Field::Goal`].
    pub goal: String,
    /// See [`Field::Notes`].
    pub notes: String,
}

/// The fields of somebody who can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Who.
    pub name: String,
    /// One address.
    pub email: String,
    /// Whose phone is to be answered.
    pub clinic: String,
    /// Where to reach them.
    pub phone: Phone,
    /// What kind of clinic.
    pub clinic_type: Option<String>,
    /// What they hope for.
    pub goal: Option<String>,
    /// Anything else; may have several lines.
    pub notes: Option<String>,
}

impl Typed {
    /// The value of a field.
    pub fn get(&self, field: Field) -> &str {
        match field {
            Field::Name => &self.name,
            Field::Email => &self.email,
            Field::Clinic => &self.clinic,
            Field::Phone => &self.phone,
            Field::Country => &self.country,
            Field::ClinicType => &self.clinic_type,
            Field::Goal => &self.goal,
            Field::Notes => &self.notes,
        }
    }

    /// The details, or everything that is wrong with them, in the order of the form.
    pub fn check(&self) -> Result<Details, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut text = |field| match checked(field, self.get(field)) {
            Ok(text) => text,
            Err(wrong) => {
                faults.push(Fault { field, wrong });
                String::new()
            }
        };
        let (name, email, clinic) = (text(Field::Name), text(Field::Email), text(Field::Clinic));
        let (typed_phone, clinic_type) = (text(Field::Phone), text(Field::ClinicType));
        let (goal, notes) = (text(Field::Goal), text(Field::Notes));
        if let Some(wrong) = address_fault(&email) {
            faults.push(Fault { field: Field::Email, wrong });
        }
        let phone = phone::parse(&self.country, &typed_phone);
        match &phone {
            _ if typed_phone.is_empty() => {}
            Ok(_) => {}
            Err(PhoneFault::NoCountry) => faults.push(Fault { field: Field::Phone, wrong: Wrong::NoCountry }),
            Err(PhoneFault::Invalid) => faults.push(Fault { field: Field::Phone, wrong: Wrong::NotAPhone }),
        }
        faults.sort_by_key(|fault| Field::ALL.iter().position(|field| *field == fault.field));
        match phone {
            Ok(phone) if faults.is_empty() => {
                let some = |text: String| (!text.is_empty()).then_some(text);
                let (clinic_type, goal, notes) = (some(clinic_type), some(goal), some(notes));
                Ok(Details { name, email, clinic, phone, clinic_type, goal, notes })
            }
            _ => Err(faults),
        }
    }
}

/// The value, trimmed, or what is wrong with it as a text.
fn checked(field: Field, value: &str) -> Result<String, Wrong> {
    let rules = field.rules();
    let several_lines = field == Field::Notes;
    let value = if several_lines { value.replace("\r\n", "\n") } else { value.to_owned() };
    let value = value.trim_matches(|c: char| c == ' ' || (several_lines && c.is_whitespace()));
    if value.chars().any(|c| is_unprintable(c) && !(several_lines && matches!(c, '\n' | '\t'))) {
        return Err(Wrong::Unprintable);
    }
    let value = value.trim();
    if matches!(field, Field::Name | Field::Clinic) && has_link(value) {
        return Err(Wrong::Link);
    }
    match value.chars().count() {
        0 if rules.required => Err(Wrong::Missing),
        length if length > rules.max_length => Err(Wrong::TooLong(rules.max_length)),
        _ => Ok(value.to_owned()),
    }
}

/// Control characters, line separators, and marks that change the direction of what follows: none belongs into a name,
/// and each can make a mail or a list read as something that was not written.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn has_link(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("://") || text.contains("www.")
}

fn address_fault(email: &str) -> Option<Wrong> {
    if email.is_empty() {
        return None;
    }
    if email.contains([',', ';']) || email.matches('@').count() > 1 {
        return Some(Wrong::SeveralAddresses);
    }
    match EmailAddress::parse(email) {
        Err(_) => Some(Wrong::NotAnAddress),
        Ok(address) if !address.as_str().rsplit('@').next().is_some_and(|domain| domain.contains('.')) => {
            Some(Wrong::NoEnding)
        }
        Ok(_) => None,
    }
}

/// What mails to one person are counted by: the address in lower case, without a `+tag`.
pub fn mailbox(email: &str) -> String {
    let email = email.to_ascii_lowercase();
    match email.split_once('@') {
        Some((local, domain)) => {
            let person = local.split('+').next().filter(|person| !person.is_empty()).unwrap_or(local);
            format!("{person}@{domain}")
        }
        None => email,
    }
}

/// Domains of which people make typing mistakes, because many have them.
const COMMON_DOMAINS: [&str; 16] = [
    "gmail.com",
    "googlemail.com",
    "hotmail.com",
    "outlook.com",
    "yahoo.com",
    "icloud.com",
    "live.com",
    "gmx.de",
    "web.de",
    "orange.fr",
    "wanadoo.fr",
    "free.fr",
    "hotmail.co.uk",
    "yahoo.co.uk",
    "btinternet.com",
    "uol.com.br",
];

/// The address that was most likely meant, when the domain is one typing mistake away from a common one. Only a question
/// to the visitor: nobody is kept from booking by it.
pub fn suggestion(email: &str) -> Option<String> {
    let (local, domain) = email.trim().rsplit_once('@')?;
    let domain = domain.to_ascii_lowercase();
    if local.is_empty() || COMMON_DOMAINS.contains(&domain.as_str()) {
        return None;
    }
    let near = |common: &&&str| {
        let distance = strsim::osa_distance(&domain, common);
        distance == 1 || (distance == 2 && common.len() > 8 && domain.split('.').count() == common.split('.').count())
    };
    COMMON_DOMAINS.iter().find(near).map(|common| format!("{local}@{common}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed() -> Typed {
        Typed {
            name: " Amara Obi ".to_owned(),
            email: "amara@brightdental.example.com".to_owned(),
            clinic: "Bright Dental".to_owned(),
            phone: "07700 900118".to_owned(),
            country: "GB".to_owned(),
            ..Typed::default()
        }
    }

    fn faults(change: impl FnOnce(&mut Typed)) -> Vec<(Field, Wrong)> {
        let mut typed = typed();
        change(&mut typed);
        typed.check().err().unwrap_or_default().into_iter().map(|fault| (fault.field, fault.wrong)).collect()
    }

    #[test]
    fn details_are_trimmed_and_the_number_is_as_it_is_dialled() {
        let details = typed().check().unwrap();
        assert_eq!((details.name.as_str(), details.phone.e164.as_str()), ("Amara Obi", "+447700900118"));
        assert_eq!(details.notes, None);
    }

    #[test]
    fn line_breaks_are_refused_in_every_field_but_notes() {
        for break_ in ["\r\nBcc: victim@example.org", "\n", "\r", "\0", "\u{2028}", "\u{202e}", "\u{1b}[2J", "\u{85}"] {
            let broken = |text: &str| format!("{text}{break_}x");
            assert_eq!(faults(|t| t.name = broken("A")), [(Field::Name, Wrong::Unprintable)], "{break_:?}");
            assert_eq!(faults(|t| t.email = broken("a@example.com")), [(Field::Email, Wrong::Unprintable)]);
            assert_eq!(faults(|t| t.clinic = broken("A")), [(Field::Clinic, Wrong::Unprintable)]);
            assert_eq!(faults(|t| t.phone = broken("+12025550123")), [(Field::Phone, Wrong::Unprintable)]);
            assert_eq!(faults(|t| t.clinic_type = broken("A")), [(Field::ClinicType, Wrong::Unprintable)]);
            assert_eq!(faults(|t| t.goal = broken("A")), [(Field::Goal, Wrong::Unprintable)]);
        }
        let mut notes = typed();
        notes.notes = "One\r\ntwo\n\tthree".to_owned();
        assert_eq!(notes.check().unwrap().notes.as_deref(), Some("One\ntwo\n\tthree"));
        assert_eq!(faults(|t| t.notes = "a\0b".to_owned()), [(Field::Notes, Wrong::Unprintable)]);
        assert_eq!(faults(|t| t.notes = "a\rb".to_owned()), [(Field::Notes, Wrong::Unprintable)]);
    }

    #[test]
    fn one_address_and_only_one() {
        for (email, wrong) in [
            ("a@example.com,b@example.com", Wrong::SeveralAddresses),
            ("a@example.com; b@example.com", Wrong::SeveralAddresses),
            ("a@example.com b@example.com", Wrong::SeveralAddresses),
            ("Amara <a@example.com>", Wrong::NotAnAddress),
            ("a@", Wrong::NotAnAddress),
            ("amara@brightdental", Wrong::NoEnding),
            ("", Wrong::Missing),
            ("   ", Wrong::Missing),
        ] {
            assert_eq!(faults(|t| t.email = email.to_owned()), [(Field::Email, wrong)], "{email}");
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once_in_the_order_of_the_form() {
        let fields: Vec<_> = Typed::default().check().unwrap_err().into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, [Field::Name, Field::Email, Field::Clinic, Field::Phone]);
        assert_eq!(faults(|t| t.name = "x".repeat(121)), [(Field::Name, Wrong::TooLong(120))]);
        assert_eq!(faults(|t| t.name = "ß".repeat(120)), []);
        assert_eq!(faults(|t| t.phone = "12345".to_owned()), [(Field::Phone, Wrong::NotAPhone)]);
        assert_eq!(faults(|t| t.country = String::new()), [(Field::Phone, Wrong::NoCountry)]);
        assert_eq!(faults(|t| t.name = "Win at https://spam.example".to_owned()), [(Field::Name, Wrong::Link)]);
    }

    #[test]
    fn html_is_just_text() {
        let html = "<img src=x onerror=alert(1)>\"'&";
        let mut typed = typed();
        typed.name = html.to_owned();
        assert_eq!(typed.check().unwrap().name, html);
    }

    #[test]
    fn a_likely_typing_mistake_is_asked_about_and_others_are_not() {
        for (email, meant) in [
            ("ana@gmial.com", Some("ana@gmail.com")),
            ("ana@gmail.con", Some("ana@gmail.com")),
            ("ana@hotmial.com", Some("ana@hotmail.com")),
            ("ana@gmail.com", None),
            ("ana@email.com", None),
            ("ana@brightdental.example.com", None),
            ("ana@mail.com", None),
            ("@gmial.com", None),
        ] {
            let asked = suggestion(email);
            if meant.is_some() || matches!(email, "ana@gmail.com" | "ana@brightdental.example.com" | "@gmial.com") {
                assert_eq!(asked.as_deref(), meant, "{email}");
            }
        }
    }

    #[test]
    fn tags_of_one_mailbox_count_as_one() {
        assert_eq!(mailbox("Ana+1@Example.com"), mailbox("ana+2@example.com"));
        assert_eq!(mailbox("+x@example.com"), "+x@example.com");
    }

    proptest! {
        #[test]
        fn what_passes_fits_the_table_and_a_header(name in ".{0,140}", email in ".{0,40}", notes in "(?s).{0,60}") {
            let typed = Typed { name, email, notes, ..typed() };
            if let Ok(details) = typed.check() {
                prop_assert!((1..=120).contains(&details.name.chars().count()));
                prop_assert!(!details.name.chars().any(char::is_control) && !details.email.chars().any(char::is_control));
                prop_assert_eq!(details.email.matches('@').count(), 1);
            }
        }
    }
}
