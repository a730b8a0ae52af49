//! Languages and words: what is said to visitors, prospects and recipients of mails, from `locales/` at the root.
//!
//! Each language is a folder of Fluent files with the same keys; a test compares the keys with each other and with what
//! the code asks for. A language is chosen by its tag in the address, a cookie or `Accept-Language`.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
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
        let bundle = &CATALOGUE.get(self as usize)?.bundle;
        let pattern = bundle.get_message(key)?.value()?;
        let args: FluentArgs<'_> = values.iter().map(|(name, value)| (*name, value.clone())).collect();
        Some(bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned())
    }
}

struct Language {
    bundle: FluentBundle<FluentResource>,
}

static CATALOGUE: LazyLock<Vec<Language>> =
    LazyLock::new(|| Locale::ALL.into_iter().map(|locale| Language { bundle: bundle(locale) }).collect());

/// Faulty lines are left out here and found by a test: a page with a missing word is better than no page.
fn bundle(locale: Locale) -> FluentBundle<FluentResource> {
    let language: LanguageIdentifier = locale.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // The marks would show as boxes in plain-text mails, and pages isolate by `dir` and `bdi`.
    bundle.set_use_isolating(false);
    for text in files(locale) {
        let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(resource, _)| resource);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

macro_rules! folder {
    ($tag:literal) => {
        [
            include_str!(concat!("../../../locales/", $tag, "/site.ftl")),
            include_str!(concat!("../../../locales/", $tag, "/booking.ftl")),
            include_str!(concat!("../../../locales/", $tag, "/mail.ftl")),
        ]
    };
}

/// The texts of a language's files.
fn files(locale: Locale) -> [&'static str; 3] {
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
