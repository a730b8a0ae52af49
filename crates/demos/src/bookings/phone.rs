//! Phone numbers as people write them, and as they will be dialled.

use phonenumber::{Mode, country};

/// Why a number is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneFault {
    /// No country was chosen and the number does not begin with `+`.
    NoCountry,
    /// Not a number that can be dialled.
    Invalid,
}

/// A number that can be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// `+442079460018`, as it is stored and dialled.
    pub e164: String,
    /// `+44 20 7946 0018`, as people read it.
    pub shown: String,
}

/// Reads a number: with `+` and country code, or as it is dialled within `country` (ISO 3166, two letters).
///
/// The rules are libphonenumber's; a number that can be read but not be anybody's is refused. Numbers that regulators
/// keep for stories and examples are taken, so that a demonstration can use them.
pub fn parse(country: &str, text: &str) -> Result<Phone, PhoneFault> {
    let text = text.trim();
    let text = text.strip_prefix("00").map_or_else(|| text.to_owned(), |rest| format!("+{rest}"));
    let region = if country.is_empty() { None } else { country.to_ascii_uppercase().parse::<country::Id>().ok() };
    if region.is_none() && !text.starts_with('+') {
        return Err(PhoneFault::NoCountry);
    }
    let written = |c: char| c.is_ascii_digit() || matches!(c, '+' | ' ' | '(' | ')' | '-' | '.' | '/' | '\u{a0}');
    if !text.chars().all(written) {
        return Err(PhoneFault::Invalid);
    }
    let number = phonenumber::parse(region, &text).map_err(|_| PhoneFault::Invalid)?;
    let e164 = number.format().mode(Mode::E164).to_string();
    if !(number.is_valid() || is_for_stories(&e164)) {
        return Err(PhoneFault::Invalid);
    }
    let shown = number.format().mode(Mode::International).to_string();
    Ok(Phone { e164, shown })
}

/// How a stored number is shown to people.
pub fn shown(e164: &str) -> String {
    match phonenumber::parse(None, e164) {
        Ok(number) => number.format().mode(Mode::International).to_string(),
        Err(_) => e164.to_owned(),
    }
}

/// Ofcom's mobile numbers for drama (+44 7700 900000 to 900999), and the 555-01xx numbers of North America.
fn is_for_stories(e164: &str) -> bool {
    let british = e164.strip_prefix("+447700900").is_some_and(|rest| rest.len() == 3);
    let american = e164.strip_prefix("+1").is_some_and(|rest| rest.len() == 10 && &rest[3..8] == "55501");
    british || american
}

/// The countries offered first, by how many English, French, German, Spanish, Portuguese and Arabic speaking clinics they
/// have; the rest of the world begins with `+`.
pub const COUNTRIES: [(&str, &str); 40] = [
    ("AE", "+971"),
    ("AR", "+54"),
    ("AT", "+43"),
    ("AU", "+61"),
    ("BE", "+32"),
    ("BR", "+55"),
    ("CA", "+1"),
    ("CH", "+41"),
    ("CL", "+56"),
    ("CO", "+57"),
    ("DE", "+49"),
    ("DK", "+45"),
    ("DZ", "+213"),
    ("EG", "+20"),
    ("ES", "+34"),
    ("FI", "+358"),
    ("FR", "+33"),
    ("GB", "+44"),
    ("GH", "+233"),
    ("IE", "+353"),
    ("IN", "+91"),
    ("IT", "+39"),
    ("JO", "+962"),
    ("KE", "+254"),
    ("LB", "+961"),
    ("MA", "+212"),
    ("MX", "+52"),
    ("NG", "+234"),
    ("NL", "+31"),
    ("NO", "+47"),
    ("NZ", "+64"),
    ("PE", "+51"),
    ("PT", "+351"),
    ("QA", "+974"),
    ("SA", "+966"),
    ("SE", "+46"),
    ("TN", "+216"),
    ("US", "+1"),
    ("UY", "+598"),
    ("ZA", "+27"),
];

/// The country that most likely belongs to a time zone, to choose it beforehand.
pub fn country_of_zone(zone: &str) -> &'static str {
    match zone {
        "Europe/London" | "Europe/Belfast" => "GB",
        "Europe/Dublin" => "IE",
        "Europe/Paris" => "FR",
        "Europe/Berlin" | "Europe/Busingen" => "DE",
        "Europe/Vienna" => "AT",
        "Europe/Zurich" => "CH",
        "Europe/Madrid" | "Atlantic/Canary" => "ES",
        "Europe/Lisbon" => "PT",
        "Europe/Amsterdam" => "NL",
        "Europe/Brussels" => "BE",
        "Europe/Rome" => "IT",
        "Africa/Lagos" => "NG",
        "Africa/Accra" => "GH",
        "Africa/Nairobi" => "KE",
        "Africa/Johannesburg" => "ZA",
        "Africa/Cairo" => "EG",
        "Africa/Casablanca" => "MA",
        "Asia/Dubai" => "AE",
        "Asia/Riyadh" => "SA",
        "Asia/Kolkata" => "IN",
        "America/Sao_Paulo" => "BR",
        "America/Mexico_City" => "MX",
        "America/Bogota" => "CO",
        "America/Toronto" | "America/Vancouver" => "CA",
        "Pacific/Auckland" => "NZ",
        zone if zone.starts_with("Australia/") => "AU",
        zone if zone.starts_with("America/Argentina/") => "AR",
        "America/New_York" | "America/Chicago" | "America/Denver" | "America/Los_Angeles" | "America/Phoenix" => "US",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn e164(country: &str, text: &str) -> Result<String, PhoneFault> {
        parse(country, text).map(|phone| phone.e164)
    }

    #[test]
    fn a_number_is_read_as_it_is_dialled_in_its_country() {
        for (country, text, dialled) in [
            ("GB", "07700 900118", "+447700900118"),
            ("GB", "020 7946 0018", "+442079460018"),
            ("US", "(202) 555-0123", "+12025550123"),
            ("", "+1 202 555 0123", "+12025550123"),
            ("GB", "+49 30 123456", "+4930123456"),
            ("gb", "0049 30 123456", "+4930123456"),
            ("NG", "0803 123 4567", "+2348031234567"),
        ] {
            assert_eq!(e164(country, text).as_deref(), Ok(dialled), "{country} {text}");
        }
        assert_eq!(parse("GB", "02079460018").unwrap().shown, "+44 20 7946 0018");
    }

    #[test]
    fn what_nobody_can_be_called_under_is_refused() {
        for text in [
            "12345",
            "000",
            "+44",
            "+999 123456",
            "call me",
            "+1 202 555 0123 ext. 5",
            "+1 555 000 0000",
            "",
            "+442079460018\r\nBcc: x",
            "٠٢٠٧٩٤٦٠٠١٨",
            &"1".repeat(300),
            "+1(202)555-0123;phone-context=x",
        ] {
            assert!(matches!(e164("GB", text), Err(PhoneFault::Invalid)), "{text}");
        }
        assert_eq!(e164("", "020 7946 0018"), Err(PhoneFault::NoCountry));
        assert_eq!(e164("XX", "020 7946 0018"), Err(PhoneFault::NoCountry));
    }

    #[test]
    fn every_offered_country_is_one_that_numbers_can_be_read_in() {
        for (country, _) in COUNTRIES {
            assert!(country.parse::<country::Id>().is_ok(), "{country}");
        }
    }
}
