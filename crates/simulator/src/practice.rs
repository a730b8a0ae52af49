//! The invented practices: who answers, where, in which language, on which numbers. The demonstration
//! organizations are made from this table. Every person, number and address is made up; the numbers lie in the
//! ranges that the regulators keep free for fiction.

use serde::{Deserialize, Serialize};

/// What sort of practice a script or a target belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A dental practice.
    Dental,
    /// A general (family) medical practice.
    Surgery,
    /// An aesthetic clinic.
    Aesthetic,
    /// A physiotherapy practice.
    Physio,
    /// A veterinary practice.
    Vet,
}

impl Kind {
    /// All kinds, in a fixed order.
    pub const ALL: [Self; 5] = [Self::Dental, Self::Surgery, Self::Aesthetic, Self::Physio, Self::Vet];

    /// The word used in script files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dental => "dental",
            Self::Surgery => "surgery",
            Self::Aesthetic => "aesthetic",
            Self::Physio => "physio",
            Self::Vet => "vet",
        }
    }

    /// The kind with this word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Where the practice and most of its callers live: decides the shape of phone numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Country {
    /// +44
    UnitedKingdom,
    /// +1
    UnitedStates,
    /// +49
    Germany,
    /// +61
    Australia,
}

/// A phone number of a practice, as the provider knows it.
#[derive(Clone, Copy, Debug)]
pub struct PracticeNumber {
    /// The provider's id of the number.
    pub phone_number_id: &'static str,
    /// The number, E.164.
    pub e164: &'static str,
    /// The provider's id of the assistant that answers. `None`: the provider asks before each call.
    pub assistant_id: Option<&'static str>,
    /// What people at the practice call this number.
    pub label: &'static str,
}

/// A person who works at a practice and signs in.
#[derive(Clone, Copy, Debug)]
pub struct Staff {
    /// Full name.
    pub name: &'static str,
    /// Address in the reserved domain `example.test`.
    pub email: &'static str,
    /// `owner`, `admin`, `member` or `viewer`.
    pub role: &'static str,
}

/// An invented practice.
#[derive(Clone, Copy, Debug)]
pub struct Practice {
    /// Short name for paths and labels: lower case, hyphens.
    pub slug: &'static str,
    /// Name as callers hear it.
    pub name: &'static str,
    /// What sort of practice it is.
    pub kind: Kind,
    /// Town.
    pub city: &'static str,
    /// Country.
    pub country: Country,
    /// IANA time zone.
    pub zone: &'static str,
    /// BCP 47 tag of the language in which the phone is answered.
    pub language: &'static str,
    /// What the agent calls itself.
    pub agent_name: &'static str,
    /// First words of the agent on an incoming call: says that it is automated and that the call is recorded.
    pub greeting: &'static str,
    /// Its numbers; the first is the main one.
    pub numbers: &'static [PracticeNumber],
    /// The people who sign in; the first is the owner.
    pub staff: &'static [Staff],
}

/// The invented practices, in a fixed order: London, New York, Berlin, Sydney, and a surgery in Leeds.
pub fn practices() -> &'static [Practice] {
    PRACTICES
}

const PRACTICES: &[Practice] = &[
    Practice {
        slug: "harbour-lane-dental",
        name: "Harbour Lane Dental",
        kind: Kind::Dental,
        city: "London",
        country: Country::UnitedKingdom,
        zone: "Europe/London",
        language: "en-GB",
        agent_name: "Ava",
        greeting: "Hello, you have reached Harbour Lane Dental. I'm Ava, the practice's automated assistant, and this call is recorded. How can I help?",
        numbers: &[
            PracticeNumber {
                phone_number_id: "5c0e8a34-3f5b-4a53-9d0e-6b1f0a7c1101",
                e164: "+442079460101",
                assistant_id: Some("a7d1f0c2-88f4-4a0b-8c36-1f2e3d4c1101"),
                label: "Main line",
            },
            PracticeNumber {
                phone_number_id: "5c0e8a34-3f5b-4a53-9d0e-6b1f0a7c1102",
                e164: "+442079460102",
                assistant_id: None,
                label: "New patients",
            },
        ],
        staff: &[
            Staff { name: "Moira Penhale", email: "moira.penhale@example.test", role: "owner" },
            Staff { name: "Desmond Achebe", email: "desmond.achebe@example.test", role: "admin" },
            Staff { name: "Tilly Wrenshaw", email: "tilly.wrenshaw@example.test", role: "member" },
        ],
    },
    Practice {
        slug: "fern-street-aesthetics",
        name: "Fern Street Aesthetics",
        kind: Kind::Aesthetic,
        city: "New York",
        country: Country::UnitedStates,
        zone: "America/New_York",
        language: "en-US",
        agent_name: "Nora",
        greeting: "Thank you for calling Fern Street Aesthetics. This is Nora, the clinic's automated assistant. This call is recorded. How may I help you today?",
        numbers: &[PracticeNumber {
            phone_number_id: "5c0e8a34-3f5b-4a53-9d0e-6b1f0a7c2101",
            e164: "+12125550142",
            assistant_id: Some("a7d1f0c2-88f4-4a0b-8c36-1f2e3d4c2101"),
            label: "Front desk",
        }],
        staff: &[
            Staff { name: "Camille Ostrander", email: "camille.ostrander@example.test", role: "owner" },
            Staff { name: "Reggie Vantongeren", email: "reggie.vantongeren@example.test", role: "member" },
        ],
    },
    Practice {
        slug: "physiopraxis-lindenufer",
        name: "Physiopraxis Lindenufer",
        kind: Kind::Physio,
        city: "Berlin",
        country: Country::Germany,
        zone: "Europe/Berlin",
        language: "de-DE",
        agent_name: "Lena",
        greeting: "Guten Tag, hier ist die Physiopraxis Lindenufer. Ich bin Lena, die automatische Assistentin der Praxis, und dieser Anruf wird aufgezeichnet. Wie kann ich Ihnen helfen?",
        numbers: &[PracticeNumber {
            phone_number_id: "5c0e8a34-3f5b-4a53-9d0e-6b1f0a7c3101",
            e164: "+493023125101",
            assistant_id: Some("a7d1f0c2-88f4-4a0b-8c36-1f2e3d4c3101"),
            label: "Empfang",
        }],
        staff: &[
            Staff { name: "Henrike Vossbeck", email: "henrike.vossbeck@example.test", role: "owner" },
            Staff { name: "Emre Tanyildiz", email: "emre.tanyildiz@example.test", role: "member" },
        ],
    },
    Practice {
        slug: "wattle-creek-vets",
        name: "Wattle Creek Vets",
        kind: Kind::Vet,
        city: "Sydney",
        country: Country::Australia,
        zone: "Australia/Sydney",
        language: "en-AU",
        agent_name: "Ruby",
        greeting: "G'day, you've called Wattle Creek Vets. I'm Ruby, an automated assistant, and this call is recorded. What can I do for you?",
        numbers: &[PracticeNumber {
            phone_number_id: "5c0e8a34-3f5b-4a53-9d0e-6b1f0a7c4101",
            e164: "+61255500101",
            assistant_id: Some("a7d1f0c2-88f4-4a0b-8c36-1f2e3d4c4101"),
            label: "Clinic",
        }],
        staff: &[
            Staff { name: "Bronwyn Teakle", email: "bronwyn.teakle@example.test", role: "owner" },
            Staff { name: "Arjun Malhan", email: "arjun.malhan@example.test", role: "viewer" },
        ],
    },
    Practice {
        slug: "beck-road-surgery",
        name: "Beck Road Surgery",
        kind: Kind::Surgery,
        city: "Leeds",
        country: Country::UnitedKingdom,
        zone: "Europe/London",
        language: "en-GB",
        agent_name: "Rowan",
        greeting: "Hello, this is Beck Road Surgery. You are speaking with Rowan, an automated assistant, and the call is recorded. If this is an emergency, hang up and dial 999. How can I help?",
        numbers: &[PracticeNumber {
            phone_number_id: "5c0e8a34-3f5b-4a53-9d0e-6b1f0a7c5101",
            e164: "+441134960101",
            assistant_id: Some("a7d1f0c2-88f4-4a0b-8c36-1f2e3d4c5101"),
            label: "Reception",
        }],
        staff: &[
            Staff { name: "Dr Sunniva Arkwright", email: "sunniva.arkwright@example.test", role: "owner" },
            Staff { name: "Kofi Battersby", email: "kofi.battersby@example.test", role: "member" },
        ],
    },
];
