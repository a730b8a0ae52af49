//! Languages and words: what is said to visitors, prospects and recipients of mails, from `locales/` at the root.
//!
//! Each language is a folder of Fluent files with the same keys; a test compares the keys with each other and with what
//! the code asks for. A language is chosen by its tag in the address, a cookie or `Accept-Language`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::resolver::ResolverError;
use fluent_bundle::resolver::errors::ReferenceKind;
use fluent_bundle::{FluentArgs, FluentError, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// A language that Voxanne speaks to the public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Locale {
    /// English, the language that a missing word is taken from.
    En,
    /// French.
    Fr,
    /// German.
    De,
    /// Spanish.
    Es,
    /// Portuguese as in Brazil.
    PtBr,
    /// Arabic, written from right to left.
    Ar,
}

/// A value put into a sentence.
pub type Value<'a> = FluentValue<'a>;

impl Locale {
    /// Every language, English first.
    pub const ALL: [Self; 6] = [Self::En, Self::Fr, Self::De, Self::Es, Self::PtBr, Self::Ar];

    /// The BCP 47 tag, as in `lang`, in addresses and in the database.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
            Self::De => "de",
            Self::Es => "es",
            Self::PtBr => "pt-BR",
            Self::Ar => "ar",
        }
    }

    /// The language with exactly this tag, whatever its case.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|locale| locale.tag().eq_ignore_ascii_case(tag))
    }

    /// `ltr` or `rtl`, for the attribute `dir`.
    pub fn dir(self) -> &'static str {
        if self == Self::Ar { "rtl" } else { "ltr" }
    }

    /// The language's name for itself.
    pub fn native_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Fr => "Français",
            Self::De => "Deutsch",
            Self::Es => "Español",
            Self::PtBr => "Português (Brasil)",
            Self::Ar => "العربية",
        }
    }

    /// The language that an `Accept-Language` header (RFC 9110, 12.5.4) likes best among ours. A region that we do not
    /// have is served by its language: `fr-CA` gets French, `pt-PT` the Portuguese we have.
    pub fn negotiate(accept_language: &str) -> Option<Self> {
        let mut wishes: Vec<(f32, Self)> = accept_language
            .split(',')
            .take(32)
            .filter_map(|wish| {
                let (tag, weight) = wish.split_once(";q=").unwrap_or((wish, "1"));
                let weight: f32 = weight.trim().parse().ok().filter(|weight| *weight > 0.0)?;
                Some((weight, Self::of_language(tag.trim())?))
            })
            .collect();
        // The sort is stable: of equal weights the first one named wins.
        wishes.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        wishes.first().map(|(_, locale)| *locale)
    }

    fn of_language(tag: &str) -> Option<Self> {
        let language = tag.split('-').next().unwrap_or(tag);
        Self::ALL
            .into_iter()
            .find(|locale| locale.tag().split('-').next().is_some_and(|ours| ours.eq_ignore_ascii_case(language)))
    }

    /// The sentence under `key`.
    pub fn text(self, key: &str) -> String {
        self.text_with(key, &[])
    }

    /// The sentence under `key` with values put in. A key that this language lacks is taken from English, and one that
    /// nobody has is answered as itself; a test finds both before a person does.
    pub fn text_with(self, key: &str, values: &[(&str, Value<'_>)]) -> String {
        self.find(key, values).or_else(|| Self::En.find(key, values)).unwrap_or_else(|| {
            tracing::error!(key, "no file in locales/ has this key");
            key.to_owned()
        })
    }

    fn find(self, key: &str, values: &[(&str, Value<'_>)]) -> Option<String> {
        sentence(&CATALOGUE.get(self as usize)?.bundle, key, values)
    }
}

/// Words that take the place of ours, as the operator wrote them.
#[derive(Clone, Default)]
pub struct OwnWords(Arc<Vec<(Locale, FluentBundle<FluentResource>)>>);

impl OwnWords {
    /// Takes texts by language and key, each of which [`check_own_words`] has found good. Others are left out.
    pub fn new(texts: &[(Locale, String, String)]) -> Self {
        let bundles = Locale::ALL.into_iter().map(|locale| {
            let mut bundle = empty_bundle(locale);
            for (_, key, text) in texts.iter().filter(|(of, ..)| *of == locale) {
                if let Ok(resource) = own_resource(key, text) {
                    bundle.add_resource_overriding(resource);
                }
            }
            (locale, bundle)
        });
        Self(Arc::new(bundles.collect()))
    }

    /// The operator's sentence under `key`, if there is one in this language.
    pub fn text_with(&self, locale: Locale, key: &str, values: &[(&str, Value<'_>)]) -> Option<String> {
        let (_, bundle) = self.0.iter().find(|(of, _)| *of == locale)?;
        sentence(bundle, key, values)
    }
}

impl fmt::Debug for OwnWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnWords(..)")
    }
}

/// Whether a text may take the place of ours under `key`; says what is wrong as the rest of a sentence.
pub fn check_own_words(key: &str, text: &str) -> Result<(), String> {
    let ours = CATALOGUE.first().map(|language| &language.bundle);
    let known = key.starts_with("site-") && ours.is_some_and(|bundle| bundle.has_message(key));
    let Some(ours) = ours.filter(|_| known) else {
        return Err("is not a text of the website; locales/en/site.ftl lists them".to_owned());
    };
    let resource = own_resource(key, text)?;
    let mut bundle = empty_bundle(Locale::En);
    bundle.add_resource_overriding(resource);
    let mut given = values_of(ours, key);
    given.insert("name".to_owned());
    match values_of(&bundle, key).difference(&given).next() {
        Some(stranger) => Err(format!("asks for {{ ${stranger} }}, which it does not get")),
        None => Ok(()),
    }
}

fn own_resource(key: &str, text: &str) -> Result<FluentResource, String> {
    let lines: Vec<&str> = text.trim().lines().map(str::trim).collect();
    FluentResource::try_new(format!("{key} =\n    {}\n", lines.join("\n    ")))
        .map_err(|_| "cannot be read: write {\"{\"} for a brace, and begin no line with [, * or .".to_owned())
}

/// The values that a sentence asks for, found by giving it none.
fn values_of(bundle: &FluentBundle<FluentResource>, key: &str) -> BTreeSet<String> {
    let mut missing = Vec::new();
    if let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) {
        bundle.format_pattern(pattern, None, &mut missing);
    }
    missing
        .into_iter()
        .filter_map(|error| match error {
            FluentError::ResolverError(ResolverError::Reference(ReferenceKind::Variable { id })) => Some(id),
            _ => None,
        })
        .collect()
}

fn sentence(bundle: &FluentBundle<FluentResource>, key: &str, values: &[(&str, Value<'_>)]) -> Option<String> {
    let pattern = bundle.get_message(key)?.value()?;
    let args: FluentArgs<'_> = values.iter().map(|(name, value)| (*name, value.clone())).collect();
    Some(bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned())
}

struct Language {
    bundle: FluentBundle<FluentResource>,
}

static CATALOGUE: LazyLock<Vec<Language>> =
    LazyLock::new(|| Locale::ALL.into_iter().map(|locale| Language { bundle: bundle(locale) }).collect());

/// Faulty lines are left out here and found by a test: a page with a missing word is better than no page.
fn bundle(locale: Locale) -> FluentBundle<FluentResource> {
    let mut bundle = empty_bundle(locale);
    for text in files(locale) {
        let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(resource, _)| resource);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

fn empty_bundle(locale: Locale) -> FluentBundle<FluentResource> {
    let language: LanguageIdentifier = locale.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // The marks would show as boxes in plain-text mails, and pages isolate by `dir` and `bdi`.
    bundle.set_use_isolating(false);
    if PSEUDO.load(Ordering::Relaxed) {
        bundle.set_transform(Some(pseudo));
    }
    bundle
}

static PSEUDO: AtomicBool = AtomicBool::new(false);

/// From now on every word of ours is accented and two fifths longer, in every language: so that a test sees which words
/// are not from `locales/`, and which places are too narrow for a longer language. To be called before any word is
/// asked for; for tests, and without effect in a release build.
pub fn speak_pseudo() {
    PSEUDO.store(cfg!(debug_assertions), Ordering::Relaxed);
}

fn pseudo(text: &str) -> Cow<'_, str> {
    let mut longer = String::with_capacity(text.len() * 2);
    for (index, letter) in text.chars().enumerate() {
        let accented = match letter {
            'A'..='Z' => PSEUDO_UPPER.chars().nth(letter as usize - 'A' as usize),
            'a'..='z' => PSEUDO_LOWER.chars().nth(letter as usize - 'a' as usize),
            _ => None,
        };
        longer.push(accented.unwrap_or(letter));
        // Two letters in five stand twice.
        if let Some(again) = accented.filter(|_| matches!(index % 5, 1 | 3)) {
            longer.push(again);
        }
    }
    Cow::Owned(longer)
}

const PSEUDO_UPPER: &str = "ÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽ";
const PSEUDO_LOWER: &str = "åƀçðéƒĝĥîĵķļɱñöþǫŕšţûṽŵẋýž";

macro_rules! folder {
    ($tag:literal) => {
        [
            include_str!(concat!("../../../locales/", $tag, "/site.ftl")),
            include_str!(concat!("../../../locales/", $tag, "/booking.ftl")),
            include_str!(concat!("../../../locales/", $tag, "/mail.ftl")),
            include_str!(concat!("../../../locales/", $tag, "/account.ftl")),
        ]
    };
}

/// The texts of a language's files.
fn files(locale: Locale) -> [&'static str; 4] {
    match locale {
        Locale::En => folder!("en"),
        Locale::Fr => folder!("fr"),
        Locale::De => folder!("de"),
        Locale::Es => folder!("es"),
        Locale::PtBr => folder!("pt-BR"),
        Locale::Ar => folder!("ar"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_language_of_ours_wins() {
        for (header, expected) in [
            ("fr-CA,fr;q=0.8,en;q=0.5", Some(Locale::Fr)),
            ("nl,de;q=0.7,en;q=0.9", Some(Locale::En)),
            ("pt-PT", Some(Locale::PtBr)),
            ("ar-EG;q=1.0", Some(Locale::Ar)),
            ("en;q=0,es;q=0.1", Some(Locale::Es)),
            ("xx", None),
            ("", None),
            (";q=,;;q=nan", None),
        ] {
            assert_eq!(Locale::negotiate(header), expected, "{header}");
        }
    }

    #[test]
    fn a_value_is_put_into_its_sentence() {
        let text = Locale::En.text_with("mail-greeting", &[("name", "Ada".into())]);
        assert_eq!(text, "Hello Ada,");
        assert_eq!(Locale::Fr.text_with("mail-greeting", &[("name", "Ada".into())]), "Bonjour Ada,");
    }
}
