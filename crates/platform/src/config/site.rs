//! What the public website says about the operator: the file that `VOXANNE_SITE_FILE` names.
//!
//! Everything in it is optional, and nothing is made up in its absence: no price, no address, no promise. The reader
//! walks through the whole file and names the line and the field of everything that is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::accent::{Accent, Colour};
use crate::i18n::{self, Locale};

/// The public website's own settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteConfig {
    /// What the operator calls the service, in headings, mails and calendar entries.
    pub name: String,
    /// Where visitors write to.
    pub email: Option<String>,
    /// Where visitors call, E.164.
    pub phone: Option<String>,
    /// Colour of links and main buttons; `None`: our green.
    pub accent: Option<Accent>,
    /// What it costs; empty: prices on request.
    pub plans: Vec<Plan>,
    /// Who is responsible; `None`: the privacy page and the terms are marked as unfinished.
    pub legal: Option<Legal>,
    /// The Intercom workspace that visitors may chat with; `None`: there is no chat.
    pub intercom_app_id: Option<String>,
    /// The operator's own words: language, key of `site.ftl`, Fluent text.
    pub texts: Vec<(Locale, String, String)>,
}

impl Default for SiteConfig {
    fn default() -> Self {
        Self {
            name: "Voxanne".to_owned(),
            email: None,
            phone: None,
            accent: None,
            plans: Vec::new(),
            legal: None,
            intercom_app_id: None,
            texts: Vec::new(),
        }
    }
}

/// Something that is sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: Wording,
    /// The price.
    pub price: Money,
    /// What the price is for.
    pub per: Per,
    /// Paid once at the beginning.
    pub setup: Option<Money>,
    /// What is in it.
    pub features: Vec<Wording>,
}

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// Millionths of the currency's unit.
    pub micros: i64,
    /// ISO 4217.
    pub currency: String,
}

/// What a price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// A month.
    Month,
    /// A year.
    Year,
    /// A call.
    Call,
    /// A minute on the line.
    Minute,
}

/// Words of the operator, in one language for all or in several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    any: String,
    by_language: BTreeMap<&'static str, String>,
}

impl Wording {
    /// The words for readers of a language.
    pub fn in_language(&self, locale: Locale) -> &str {
        self.by_language.get(locale.tag()).unwrap_or(&self.any)
    }
}

/// Who runs the service, for the privacy page and the terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legal {
    /// Registered name.
    pub name: String,
    /// Postal address.
    pub address: String,
    /// Where questions about privacy go.
    pub privacy_email: String,
    /// Register and number.
    pub registration: Option<String>,
    /// Country whose law the terms are under.
    pub law: String,
    /// When the two pages were last changed.
    pub updated: Date,
}

impl SiteConfig {
    /// Reads the file. Fails with everything that is wrong with it, each as the rest of a sentence.
    pub fn read(path: &Path) -> Result<Self, Vec<String>> {
        let text = fs::read_to_string(path)
            .map_err(|error| vec![format!("names {}, which cannot be read: {error}", path.display())])?;
        Self::parse(&text)
            .map_err(|problems| problems.into_iter().map(|what| format!("{} {what}", path.display())).collect())
    }

    /// Reads the file's text. Fails with everything that is wrong, one line each: `line 7, plans[0].amount: …`.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let (document, faults) = DeTable::parse_recoverable(text);
        let mut file = File { text, problems: Vec::new() };
        for fault in faults {
            file.problem(fault.span().unwrap_or_default(), "", fault.message());
        }
        let config = file.site(document.get_ref(), document.span());
        if file.problems.is_empty() {
            return Ok(config);
        }
        file.problems.sort();
        Err(file.problems.into_iter().map(|(line, what)| format!("line {line}, {what}")).collect())
    }
}

/// A table with the name it is known by in messages.
struct Table<'t, 'i> {
    entries: &'t DeTable<'i>,
    span: Range<usize>,
    path: String,
}

impl<'t, 'i> Table<'t, 'i> {
    fn field(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn get(&self, name: &str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.entries.get(name)
    }
}

struct File<'a> {
    text: &'a str,
    problems: Vec<(usize, String)>,
}

impl File<'_> {
    fn problem(&mut self, span: Range<usize>, field: &str, what: &str) {
        let line = 1 + self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count();
        let what = if field.is_empty() { what.to_owned() } else { format!("{field}: {what}") };
        self.problems.push((line, what));
    }

    fn site(&mut self, entries: &DeTable<'_>, span: Range<usize>) -> SiteConfig {
        let root = Table { entries, span, path: String::new() };
        self.only(&root, &["name", "accent", "contact", "plans", "legal", "chat", "texts"]);
        let mut site = SiteConfig::default();
        if let Some(name) = self.line_of_text(&root, "name", 60) {
            site.name = name;
        }
        site.accent = self.parsed(&root, "accent", |text| {
            Accent::new(Colour::parse(text).ok_or("is not a colour like \"#0a6b50\"")?)
        });
        if let Some(contact) = self.table(&root, "contact") {
            self.only(&contact, &["email", "phone"]);
            site.email = self.parsed(&contact, "email", address);
            site.phone = self.parsed(&contact, "phone", number);
        }
        if let Some(chat) = self.table(&root, "chat") {
            self.only(&chat, &["intercom_app_id"]);
            site.intercom_app_id = self.parsed(&chat, "intercom_app_id", app_id);
        }
        if let Some(legal) = self.table(&root, "legal") {
            site.legal = self.legal(&legal);
        }
        site.plans = self.plans(&root);
        site.texts = self.texts(&root);
        site
    }

    fn legal(&mut self, table: &Table<'_, '_>) -> Option<Legal> {
        self.only(table, &["name", "address", "privacy_email", "registration", "law", "updated"]);
        for needed in ["name", "address", "privacy_email", "law", "updated"] {
            self.needed(table, needed);
        }
        let name = self.line_of_text(table, "name", 200);
        let address_line = self.line_of_text(table, "address", 500);
        let privacy_email = self.parsed(table, "privacy_email", address);
        let registration = self.line_of_text(table, "registration", 200);
        let law = self.line_of_text(table, "law", 100);
        let updated = self
            .parsed(table, "updated", |text| text.parse().map_err(|_| "is not a date like \"2026-11-25\"".to_owned()));
        Some(Legal {
            name: name?,
            address: address_line?,
            privacy_email: privacy_email?,
            registration,
            law: law?,
            updated: updated?,
        })
    }

    fn plans(&mut self, root: &Table<'_, '_>) -> Vec<Plan> {
        let Some(value) = root.get("plans") else {
            return Vec::new();
        };
        let Some(list) = value.get_ref().as_array() else {
            self.problem(value.span(), "plans", "must be a list: write [[plans]] above each plan");
            return Vec::new();
        };
        let mut plans = Vec::new();
        for (index, item) in list.iter().enumerate() {
            let path = format!("plans[{index}]");
            match item.get_ref().as_table() {
                Some(entries) => plans.extend(self.plan(&Table { entries, span: item.span(), path })),
                None => self.problem(item.span(), &path, "must be a table"),
            }
        }
        plans
    }

    fn plan(&mut self, table: &Table<'_, '_>) -> Option<Plan> {
        self.only(table, &["name", "amount", "currency", "per", "setup", "features"]);
        for needed in ["name", "amount", "currency", "per"] {
            self.needed(table, needed);
        }
        let name = table.get("name").and_then(|value| self.wording(value, &table.field("name")));
        let amount = self.parsed(table, "amount", micros);
        let setup = self.parsed(table, "setup", micros);
        let currency = self.parsed(table, "currency", currency);
        let per = self.parsed(table, "per", per);
        let features = self.features(table);
        let currency = currency?;
        Some(Plan {
            name: name?,
            price: Money { micros: amount?, currency: currency.clone() },
            per: per?,
            setup: setup.map(|micros| Money { micros, currency }),
            features,
        })
    }

    fn features(&mut self, table: &Table<'_, '_>) -> Vec<Wording> {
        let Some(value) = table.get("features") else {
            return Vec::new();
        };
        let field = table.field("features");
        let Some(list) = value.get_ref().as_array() else {
            self.problem(value.span(), &field, "must be a list of texts");
            return Vec::new();
        };
        list.iter().enumerate().filter_map(|(index, item)| self.wording(item, &format!("{field}[{index}]"))).collect()
    }

    /// A text for all languages, or a table of languages.
    fn wording(&mut self, value: &Spanned<DeValue<'_>>, field: &str) -> Option<Wording> {
        if let Some(text) = value.get_ref().as_str() {
            if text.trim().is_empty() {
                self.problem(value.span(), field, "is empty");
                return None;
            }
            return Some(Wording { any: text.to_owned(), by_language: BTreeMap::new() });
        }
        let Some(entries) = value.get_ref().as_table() else {
            self.problem(value.span(), field, "must be a text, or texts by language like { en = \"…\", fr = \"…\" }");
            return None;
        };
        let table = Table { entries, span: value.span(), path: field.to_owned() };
        let mut by_language = BTreeMap::new();
        for locale in self.languages(&table) {
            if let Some(text) = self.line_of_text(&table, locale.tag(), 500) {
                by_language.insert(locale.tag(), text);
            }
        }
        let any = by_language.get("en").or_else(|| by_language.values().next()).cloned();
        if any.is_none() {
            self.problem(table.span, field, "has no text");
        }
        Some(Wording { any: any?, by_language })
    }

    fn texts(&mut self, root: &Table<'_, '_>) -> Vec<(Locale, String, String)> {
        let Some(table) = self.table(root, "texts") else {
            return Vec::new();
        };
        let mut texts = Vec::new();
        for locale in self.languages(&table) {
            let Some(words) = self.table(&table, locale.tag()) else {
                continue;
            };
            for (key, value) in words.entries {
                let field = words.field(key.get_ref());
                match value.get_ref().as_str() {
                    None => self.problem(value.span(), &field, "must be a text"),
                    Some(text) => match i18n::check_own_words(key.get_ref(), text) {
                        Ok(()) => texts.push((locale, key.get_ref().to_string(), text.to_owned())),
                        Err(what) => self.problem(key.span(), &field, &what),
                    },
                }
            }
        }
        texts
    }

    /// The languages that a table is keyed by.
    fn languages(&mut self, table: &Table<'_, '_>) -> Vec<Locale> {
        let tags: Vec<&str> = Locale::ALL.iter().map(|locale| locale.tag()).collect();
        self.only(table, &tags);
        Locale::ALL.into_iter().filter(|locale| table.get(locale.tag()).is_some()).collect()
    }

    /// Refuses fields that nobody reads: most likely a typing mistake.
    fn only(&mut self, table: &Table<'_, '_>, known: &[&str]) {
        for key in table.entries.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let nearest = known.iter().min_by_key(|name| strsim::osa_distance(name, key.get_ref()));
            let hint = match nearest.filter(|name| strsim::osa_distance(name, key.get_ref()) <= 2) {
                Some(name) => format!("is not known; did you mean {name}?"),
                None => format!("is not known; known are {}", known.join(", ")),
            };
            self.problem(key.span(), &table.field(key.get_ref()), &hint);
        }
    }

    fn needed(&mut self, table: &Table<'_, '_>, name: &str) {
        if table.get(name).is_none() {
            self.problem(table.span.clone(), &table.field(name), "is missing");
        }
    }

    fn table<'t, 'i>(&mut self, parent: &Table<'t, 'i>, name: &str) -> Option<Table<'t, 'i>> {
        let value = parent.get(name)?;
        let path = parent.field(name);
        if let Some(entries) = value.get_ref().as_table() {
            return Some(Table { entries, span: value.span(), path });
        }
        self.problem(value.span(), &path, "must be a table");
        None
    }

    fn line_of_text(&mut self, table: &Table<'_, '_>, name: &str, longest: usize) -> Option<String> {
        self.parsed(table, name, |text| {
            let text = text.trim();
            if text.is_empty() {
                return Err("is empty".to_owned());
            }
            if text.chars().count() > longest {
                return Err(format!("is longer than {longest} characters"));
            }
            if text.chars().any(char::is_control) {
                return Err("has a line break or another control character in it".to_owned());
            }
            Ok(text.to_owned())
        })
    }

    fn parsed<T>(
        &mut self,
        table: &Table<'_, '_>,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = table.get(name)?;
        let read = match value.get_ref().as_str() {
            Some(text) => read(text),
            None => Err(format!("must be a text in quotes, and is {}", value.get_ref().type_str())),
        };
        read.map_err(|what| self.problem(value.span(), &table.field(name), &what)).ok()
    }
}

fn address(text: &str) -> Result<String, String> {
    let is_plain =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"()@,;:".contains(&b));
    match text.split_once('@') {
        Some((local, domain)) if is_plain(local) && is_plain(domain) && domain.contains('.') => Ok(text.to_owned()),
        _ => Err("is not an e-mail address like \"hello@example.com\"".to_owned()),
    }
}

fn number(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix('+').unwrap_or_default();
    if (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("is not a number in international form like \"+442079460101\"".to_owned())
    }
}

/// An Intercom workspace's id is a short word of small letters and digits. It stands in an address that browsers load, so
/// nothing else may get through.
fn app_id(text: &str) -> Result<String, String> {
    if (4..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("is not an app id like \"abc12def\"".to_owned())
    }
}

/// A decimal amount in quotes, so that no binary fraction gets into a price.
fn micros(text: &str) -> Result<i64, String> {
    let wrong = || "is not an amount like \"249\" or \"0.12\"".to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || whole.len() > 9 || fraction.len() > 6 {
        return Err(wrong());
    }
    let whole: i64 = whole.parse().map_err(|_| wrong())?;
    let fraction: i64 = format!("{fraction:0<6}").parse().map_err(|_| wrong())?;
    Ok(whole * 1_000_000 + fraction)
}

fn currency(text: &str) -> Result<String, String> {
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(text.to_owned())
    } else {
        Err("is not a currency code like \"GBP\"".to_owned())
    }
}

fn per(text: &str) -> Result<Per, String> {
    match text {
        "month" => Ok(Per::Month),
        "year" => Ok(Per::Year),
        "call" => Ok(Per::Call),
        "minute" => Ok(Per::Minute),
        _ => Err("must be month, year, call or minute".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r##"
name = "Bright Voice"
accent = "#1f5fa8"

[contact]
email = "hello@example.com"
phone = "+442079460101"

[[plans]]
name = { en = "Practice", fr = "Cabinet" }
amount = "249.50"
currency = "GBP"
per = "month"
setup = "500"
features = ["One line", { en = "Two languages", de = "Zwei Sprachen" }]

[legal]
name = "Bright Voice Ltd"
address = "1 Example Street, Leeds"
privacy_email = "privacy@example.com"
law = "England and Wales"
updated = "2026-11-01"

[chat]
intercom_app_id = "abc12def"

[texts.en]
site-home-title = "{ $name } answers"
"##;

    #[test]
    fn a_whole_file_is_read() {
        let site = SiteConfig::parse(WHOLE).unwrap();
        assert_eq!(site.name, "Bright Voice");
        assert_eq!(site.email.as_deref(), Some("hello@example.com"));
        let plan = &site.plans[0];
        assert_eq!(plan.price, Money { micros: 249_500_000, currency: "GBP".to_owned() });
        assert_eq!(plan.setup.as_ref().map(|setup| setup.micros), Some(500_000_000));
        assert_eq!([plan.name.in_language(Locale::Fr), plan.name.in_language(Locale::Ar)], ["Cabinet", "Practice"]);
        assert_eq!(plan.features[1].in_language(Locale::De), "Zwei Sprachen");
        assert_eq!(site.legal.as_ref().map(|legal| legal.updated.to_string()).as_deref(), Some("2026-11-01"));
        assert_eq!(site.texts.len(), 1);
        assert!(site.accent.is_some());
    }

    #[test]
    fn the_example_in_the_documentation_is_accepted() {
        let site = SiteConfig::parse(include_str!("../../../../docs/site.example.toml"));
        assert_eq!(site.map(|site| site.texts.len()), Ok(2));
    }

    #[test]
    fn an_empty_file_promises_nothing() {
        let site = SiteConfig::parse("").unwrap();
        assert_eq!(site.name, "Voxanne");
        assert!(
            site.plans.is_empty() && site.legal.is_none() && site.email.is_none() && site.intercom_app_id.is_none()
        );
    }

    #[test]
    fn everything_wrong_is_said_at_once_with_its_line_and_field() {
        let text = r##"name = ""
acent = "#0a6b50"
accent = "#52c99d"

[contact]
email = "nobody"
phone = 5

[[plans]]
name = { xx = "Practice" }
amount = "12,50"
currency = "pounds"

[chat]
intercom_app_id = "x/../../evil"

[legal]
name = "Bright Voice Ltd"

[texts.en]
site-nothing = "Hello"
site-home-title = "{ $nam }"
site-book = "{ broken"
"##;
        let problems = SiteConfig::parse(text).unwrap_err().join("\n");
        for expected in [
            "line 1, name: is empty",
            "line 2, acent: is not known; did you mean accent?",
            "line 3, accent: is too light: #52c99d reaches",
            "line 6, contact.email: is not an e-mail address",
            "line 7, contact.phone: must be a text in quotes, and is integer",
            "line 9, plans[0].per: is missing",
            "line 10, plans[0].name.xx: is not known",
            "line 10, plans[0].name: has no text",
            "line 11, plans[0].amount: is not an amount",
            "line 12, plans[0].currency: is not a currency code",
            "line 15, chat.intercom_app_id: is not an app id",
            "line 17, legal.address: is missing",
            "line 21, texts.en.site-nothing: is not a text of the website",
            "line 22, texts.en.site-home-title: asks for { $nam }, which it does not get",
            "line 23, texts.en.site-book: cannot be read",
        ] {
            assert!(problems.contains(expected), "{expected}\n\n{problems}");
        }
    }

    #[test]
    fn a_file_that_is_no_toml_says_where() {
        let problems = SiteConfig::parse("name = \"a\"\n[contact\nemail = = 3\n").unwrap_err();
        assert!(problems.iter().any(|problem| problem.starts_with("line 2, ")), "{problems:?}");
    }

    #[test]
    fn amounts_are_exact() {
        for (text, expected) in [("0", 0), ("0.1", 100_000), ("249", 249_000_000), ("1.000001", 1_000_001)] {
            assert_eq!(micros(text), Ok(expected));
        }
        for text in ["", ".5", "5.", "-1", "1e3", "1 000", "1,5", "0.0000001", "9999999999"] {
            assert!(micros(text).is_err(), "{text}");
        }
    }
}
