//! One call, drawn from a script: who calls, on which number, in which words, and at which millisecond everything
//! happens. Times are offsets from the creation of the call; nothing here knows the date.

use jiff::Timestamp;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use crate::people::{self, Person};
use crate::practice::Country;
use crate::rng;
use crate::script::{Medium, Script, Speaker, Step};
use crate::target::{Target, TargetNumber};

/// A moment of the conversation. Offsets are milliseconds since the creation of the call.
#[derive(Clone, Debug)]
pub(crate) enum Moment {
    Said { speaker: Speaker, text: String, from: u32, to: u32 },
    Tool { id: String, name: String, arguments: Vec<(String, String)>, result: String, at: u32, answered_at: u32 },
    Interrupted { at: u32 },
    Hung { at: u32 },
    LanguageChanged { tag: String, at: u32 },
    Forwarded { name: String, number: String, status: String, at: u32 },
}

impl Moment {
    /// When it is known: at its end where it lasts.
    pub(crate) fn at(&self) -> u32 {
        match self {
            Self::Said { to, .. } => *to,
            Self::Tool { answered_at, .. } => *answered_at,
            Self::Interrupted { at }
            | Self::Hung { at }
            | Self::LanguageChanged { at, .. }
            | Self::Forwarded { at, .. } => *at,
        }
    }
}

/// A call with its words and times fixed.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) call_id: Uuid,
    pub(crate) provider_org_id: Uuid,
    /// When the provider made the call object.
    pub(crate) created_at: Timestamp,
    pub(crate) org_label: String,
    pub(crate) agent_name: String,
    pub(crate) number: TargetNumber,
    /// Number of the other side; none for web calls and withheld numbers.
    pub(crate) customer_number: Option<String>,
    /// Name the practice gave the provider for calls that it started.
    pub(crate) customer_name: Option<String>,
    pub(crate) script_id: String,
    pub(crate) language: String,
    pub(crate) medium: Medium,
    pub(crate) moments: Vec<Moment>,
    pub(crate) ringing_at: u32,
    /// `None`: nobody answered.
    pub(crate) started_at: Option<u32>,
    pub(crate) ended_at: u32,
    pub(crate) report_at: u32,
    pub(crate) ended_reason: String,
    pub(crate) success: Option<bool>,
    pub(crate) outcome: String,
    pub(crate) summary: Option<String>,
    pub(crate) data: Vec<(String, String)>,
    /// Seed of the small numbers of the messages (latencies, provider ids), so that building them twice agrees.
    pub(crate) detail_seed: u64,
}

impl Scenario {
    /// Draws a call. `created_at` can be set later, when the length is known.
    pub(crate) fn draw(rng: &mut ChaCha8Rng, target: &Target, script: &Script, created_at: Timestamp) -> Self {
        let call_id = rng::uuid(rng);
        // Most people know the main line only.
        let on_main_line = rng.random_range(0..5) > 0;
        let number = if on_main_line { target.numbers[0].clone() } else { rng::pick(rng, &target.numbers) };
        let person = people::person(rng, &script.language);
        let customer_number = people::number(rng, target.country);
        let words = Words::draw(rng, target, script, &person);
        let mut clock = Dialogue::start(rng, script, target.country);
        for step in &script.steps {
            clock.step(rng, step, &words);
        }
        let ended_at = clock.ended_at(rng, script);
        let reachable = script.medium != Medium::Web && !script.withheld;
        Self {
            call_id,
            provider_org_id: rng::uuid(&mut rng::stream(0, &target.org_label)),
            created_at,
            org_label: target.org_label.clone(),
            agent_name: target.agent_name.clone(),
            number,
            customer_number: reachable.then_some(customer_number),
            customer_name: (script.medium == Medium::Outbound).then(|| person.full()),
            script_id: script.id.clone(),
            language: script.language.clone(),
            medium: script.medium,
            moments: clock.moments,
            ringing_at: clock.ringing_at,
            started_at: clock.started_at,
            ended_at,
            report_at: ended_at + rng.random_range(1_500..5_000),
            ended_reason: script.ended_reason.clone(),
            success: script.success,
            outcome: script.outcome.clone(),
            summary: script.summary.as_deref().map(|text| words.fill(text)),
            data: script.data.iter().map(|(name, value)| (name.clone(), words.fill(value))).collect(),
            detail_seed: rng.random(),
        }
    }

    /// The same call, cut off before it began: what the provider reports when nobody told it who should answer.
    pub(crate) fn refused(&self, reason: &str) -> Self {
        Self {
            moments: Vec::new(),
            started_at: None,
            ended_at: self.ringing_at + 50,
            report_at: self.ringing_at + 900,
            ended_reason: reason.to_owned(),
            success: None,
            outcome: "not_answered".to_owned(),
            summary: None,
            data: Vec::new(),
            ..self.clone()
        }
    }

    /// The instant of an offset.
    pub(crate) fn at(&self, offset: u32) -> Timestamp {
        self.created_at + jiff::SignedDuration::from_millis(i64::from(offset))
    }
}

/// The values of the placeholders for one call.
struct Words {
    values: [(&'static str, String); 14],
}

impl Words {
    fn draw(rng: &mut ChaCha8Rng, target: &Target, script: &Script, person: &Person) -> Self {
        let day = people::day(rng, &script.language);
        let [slot, slot2, slot3] = people::slots(rng);
        let mut day2 = people::day(rng, &script.language);
        while day2 == day {
            day2 = people::day(rng, &script.language);
        }
        let values = [
            ("practice", target.org_label.clone()),
            ("agent", target.agent_name.clone()),
            ("greeting", target.greeting.clone()),
            ("caller", person.full()),
            ("first", person.first.to_owned()),
            ("last", person.last.to_owned()),
            ("spelled", person.spelled()),
            ("day", day.to_owned()),
            ("day2", day2.to_owned()),
            ("slot", slot),
            ("slot2", slot2),
            ("slot3", slot3),
            ("pet", people::pet(rng).to_owned()),
            ("ref", format!("{}", rng.random_range(1000..10_000))),
        ];
        Self { values }
    }

    fn fill(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }
}

/// Walks the steps and hands out times: people speak some 14 letters a second, and the agent thinks before it
/// answers.
struct Dialogue {
    moments: Vec<Moment>,
    ringing_at: u32,
    started_at: Option<u32>,
    now: u32,
    last_speaker: Option<Speaker>,
    country: Country,
}

impl Dialogue {
    fn start(rng: &mut ChaCha8Rng, script: &Script, country: Country) -> Self {
        let ringing_at = if script.medium == Medium::Inbound { 0 } else { rng.random_range(400..1_200) };
        let picked_up = match script.medium {
            Medium::Inbound => rng.random_range(900..1_900),
            Medium::Web => ringing_at + 300,
            Medium::Outbound => ringing_at + rng.random_range(3_000..9_000),
        };
        Self {
            moments: Vec::new(),
            ringing_at,
            started_at: script.answered.then_some(picked_up),
            now: picked_up + 400,
            last_speaker: None,
            country,
        }
    }

    fn step(&mut self, rng: &mut ChaCha8Rng, step: &Step, words: &Words) {
        match step {
            Step::Say { speaker, text } => self.say(rng, *speaker, words.fill(text)),
            Step::Pause { ms } => self.now += ms,
            Step::Tool { name, arguments, result } => {
                let at = self.now + rng.random_range(300..700);
                let answered_at = at + rng.random_range(400..1_600);
                let id = format!("call_{}", rng::uuid(rng).simple());
                self.moments.push(Moment::Tool {
                    id,
                    name: name.clone(),
                    arguments: arguments.iter().map(|(key, value)| (key.clone(), words.fill(value))).collect(),
                    result: words.fill(result),
                    at,
                    answered_at,
                });
                self.now = answered_at;
            }
            Step::Interrupt => self.moments.push(Moment::Interrupted { at: self.now }),
            Step::Hang => {
                self.moments.push(Moment::Hung { at: self.now });
                self.now += rng.random_range(1_500..3_000);
            }
            Step::Language { tag } => self.moments.push(Moment::LanguageChanged { tag: tag.clone(), at: self.now }),
            Step::Transfer { name, status } => {
                let at = self.now + 500;
                self.moments.push(Moment::Forwarded {
                    name: name.clone(),
                    number: people::on_call(self.country).to_owned(),
                    status: status.clone(),
                    at,
                });
                self.now = at + if status == "connected" { 2_500 } else { 9_000 };
            }
        }
    }

    fn say(&mut self, rng: &mut ChaCha8Rng, speaker: Speaker, text: String) {
        let wait = match (self.last_speaker, speaker) {
            (None, _) => 0,
            (Some(_), Speaker::Agent) => rng.random_range(700..1_500),
            (Some(_), Speaker::Caller) => rng.random_range(300..1_400),
        };
        let letters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX / 1_000);
        let from = self.now + wait;
        let to = from + 350 + letters * rng.random_range(58..74);
        self.moments.push(Moment::Said { speaker, text, from, to });
        self.now = to;
        self.last_speaker = Some(speaker);
    }

    fn ended_at(&self, rng: &mut ChaCha8Rng, script: &Script) -> u32 {
        if script.answered {
            self.now + rng.random_range(500..1_800)
        } else {
            self.now + rng.random_range(14_000..26_000)
        }
    }
}
