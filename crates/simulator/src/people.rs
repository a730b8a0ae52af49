//! Invented callers: names, numbers, days and hours to fill the scripts with. The numbers come from ranges kept
//! free for fiction by Ofcom (UK), NANPA (555-01xx), the Bundesnetzagentur (Berlin 23125) and the ACMA (02 5550).

use rand::Rng;

use crate::practice::Country;
use crate::rng::pick;

/// A caller, or a person called.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
}

impl Person {
    pub(crate) fn full(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// The surname letter by letter, as people spell it on the phone.
    pub(crate) fn spelled(&self) -> String {
        let letters: Vec<String> = self
            .last
            .chars()
            .filter(|letter| letter.is_alphabetic())
            .map(|letter| letter.to_uppercase().to_string())
            .collect();
        letters.join(", ")
    }
}

/// The part of a language tag before the first hyphen.
pub(crate) fn primary(language: &str) -> &str {
    language.split('-').next().unwrap_or(language)
}

pub(crate) fn person(rng: &mut impl Rng, language: &str) -> Person {
    let (firsts, lasts) = names(primary(language));
    Person { first: pick(rng, firsts), last: pick(rng, lasts) }
}

/// A number in the country's range for fiction, E.164.
pub(crate) fn number(rng: &mut impl Rng, country: Country) -> String {
    match country {
        Country::UnitedKingdom => format!("+447700900{:03}", rng.random_range(0..1000)),
        Country::UnitedStates => {
            let area = pick(rng, &[201, 212, 332, 347, 516, 646, 718, 917]);
            format!("+1{area}55501{:02}", rng.random_range(0..100))
        }
        Country::Germany => format!("+493023125{:03}", rng.random_range(200..1000)),
        Country::Australia => format!("+612555{:05}", rng.random_range(1000..10_000)),
    }
}

/// The on-call person's number to which urgent calls go: fixed for each country, outside what [`number`] draws.
pub(crate) fn on_call(country: Country) -> &'static str {
    match country {
        Country::UnitedKingdom => "+442079460199",
        Country::UnitedStates => "+12125550199",
        Country::Germany => "+493023125199",
        Country::Australia => "+61255500199",
    }
}

/// Name of a working day (Monday to Friday) in the language; English for languages without a table.
pub(crate) fn day(rng: &mut impl Rng, language: &str) -> &'static str {
    let days: [&'static str; 5] = match primary(language) {
        "de" => ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag"],
        "fr" => ["lundi", "mardi", "mercredi", "jeudi", "vendredi"],
        "es" => ["lunes", "martes", "miércoles", "jueves", "viernes"],
        "pt" => ["segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira"],
        "it" => ["lunedì", "martedì", "mercoledì", "giovedì", "venerdì"],
        _ => ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"],
    };
    days[rng.random_range(0..days.len())]
}

/// Three different hours of one day, in order, on ten-minute marks.
pub(crate) fn slots(rng: &mut impl Rng) -> [String; 3] {
    let mut at = |hours: std::ops::Range<u32>| {
        let hour = rng.random_range(hours);
        let minute = rng.random_range(0..6) * 10;
        format!("{hour}:{minute:02}")
    };
    [at(8..11), at(11..14), at(14..18)]
}

/// A name for an animal.
pub(crate) fn pet(rng: &mut impl Rng) -> &'static str {
    pick(
        rng,
        &[
            "Biscuit",
            "Mango",
            "Ziggy",
            "Olive",
            "Banjo",
            "Pepper",
            "Waffles",
            "Nugget",
            "Clementine",
            "Dash",
            "Pickle",
            "Maple",
        ],
    )
}

type Names = (&'static [&'static str], &'static [&'static str]);

fn names(language: &str) -> Names {
    match language {
        "de" => (
            &["Annika", "Jonas", "Birgit", "Matthias", "Leyla", "Torsten", "Greta", "Holger", "Mareike", "Uwe"],
            &[
                "Brandhoff",
                "Kellersohn",
                "Wiesinger",
                "Aydemir",
                "Rothbarth",
                "Lüdecke",
                "Steinhage",
                "Pohlmeier",
                "Grünfeld",
                "Tesmer",
            ],
        ),
        "fr" => (
            &["Mathilde", "Étienne", "Solène", "Bastien", "Inès", "Gaspard"],
            &["Vauquelin", "Delorme", "Rochambeau", "Kervella", "Marchand", "Benhaddou"],
        ),
        "es" => (
            &["Lucía", "Andrés", "Pilar", "Joaquín", "Ximena", "Rafael"],
            &["Arizmendi", "Quintanilla", "Belmonte", "Carvajal", "Huerta", "Villalobos"],
        ),
        "pt" => (
            &["Beatriz", "Thiago", "Luana", "Otávio", "Renata", "Caio"],
            &["Vasconcelos", "Albuquerque", "Figueira", "Nogueira", "Sampaio", "Tavares"],
        ),
        "it" => (&["Chiara", "Lorenzo", "Ginevra", "Matteo"], &["Bonfanti", "Tagliaferri", "Morandi", "Sartori"]),
        "ar" => (&["ليلى", "سامر", "هدى", "كريم"], &["الحداد", "النجار", "منصور", "الخطيب"]),
        "pl" => (&["Agnieszka", "Tomasz", "Zofia", "Krzysztof"], &["Wrońska-Lis", "Jagielak", "Sobczyk", "Dąbek"]),
        "cy" => (&["Eleri", "Gethin", "Nia", "Rhodri"], &["Prydderch", "Llewelyn", "Bowen", "Gwilym"]),
        "tr" => (&["Elif", "Murat", "Zeynep", "Kerem"], &["Karaca", "Yıldırımer", "Özbek", "Sayın"]),
        "uk" => (&["Оксана", "Андрій", "Марія", "Богдан"], &["Коваленчук", "Гончар", "Мельничук", "Шевчук"]),
        "zh" => (&["美玲", "志强", "晓燕", "建国"], &["欧阳", "林", "陈", "周"]),
        _ => (
            &[
                "Amara", "Gregory", "Priya", "Callum", "Siobhan", "Marcus", "Hannah", "Winston", "Josie", "Faisal",
                "Edith", "Rupert", "Naomi", "Theo", "Gwen", "Darnell", "Paulette", "Ivor", "Mei", "Caroline",
            ],
            &[
                "Okafor",
                "Thistlewood",
                "Ramanathan",
                "Bexley",
                "Fairweather",
                "Delacroix",
                "Hargreave",
                "Osei",
                "Pemberton",
                "Quigley",
                "Lockhart",
                "Abernathy",
                "Nakagawa",
                "Winterbourne",
                "Castellane",
                "Sandoval",
                "Mbeki-Jones",
                "Trevithick",
                "Ashdown",
                "Yarrow",
            ],
        ),
    }
}
