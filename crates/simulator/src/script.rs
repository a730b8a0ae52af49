//! Scripted conversations: the text format of `scripts/*.txt` and its parser.
//!
//! A file holds many scripts. Each begins with `=== name`, then `key: value` lines, an empty line, and the steps:
//!
//! ```text
//! === booking-check-up
//! kind: dental
//! language: en
//! ended: customer-ended-call
//! outcome: booked
//! summary: {caller} booked a check-up for {day} at {slot}.
//! data: intent=booking; new_patient=true
//!
//! A: {greeting}
//! C: Hello, I would like a check-up.
//! * tool check_availability day="{day}" -> {slot} and {slot2} are free
//! A: I have {slot} or {slot2} on {day}.
//! ```
//!
//! `A:` is the agent, `C:` the caller, a line starting with two spaces continues the one before, `#` is a comment,
//! and `*` is something that happens: `pause MS`, `tool NAME key="value" -> RESULT`, `interrupt`, `hang`,
//! `language TAG`, `transfer "NAME" STATUS` (status: connected, no-answer, busy).
//!
//! Placeholders are listed in [`PLACEHOLDERS`]; one that is unknown is a mistake in the script and found by the
//! parser, not spoken to a caller.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::people::primary;
use crate::practice::Kind;

/// What may stand in braces in a script.
pub(crate) const PLACEHOLDERS: [&str; 14] = [
    "practice", "agent", "greeting", "caller", "first", "last", "spelled", "day", "day2", "slot", "slot2", "slot3",
    "pet", "ref",
];

/// How the call reaches or leaves the practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    Inbound,
    Outbound,
    Web,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    Agent,
    Caller,
}

/// One step of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Say { speaker: Speaker, text: String },
    Pause { ms: u32 },
    Tool { name: String, arguments: Vec<(String, String)>, result: String },
    Interrupt,
    Hang,
    Language { tag: String },
    Transfer { name: String, status: String },
}

/// A scripted conversation.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) id: String,
    /// `None`: fits every kind of practice.
    pub(crate) kind: Option<Kind>,
    /// BCP 47 tag of what the caller speaks.
    pub(crate) language: String,
    /// Primary tag of the practice's own language; `None`: fits a practice of any language.
    pub(crate) practice_language: Option<String>,
    pub(crate) medium: Medium,
    /// The caller hides the number.
    pub(crate) withheld: bool,
    /// The other side never answered: no start, no words.
    pub(crate) answered: bool,
    pub(crate) weight: u32,
    pub(crate) ended_reason: String,
    pub(crate) success: Option<bool>,
    pub(crate) outcome: String,
    pub(crate) summary: Option<String>,
    pub(crate) data: Vec<(String, String)>,
    pub(crate) steps: Vec<Step>,
}

impl Script {
    /// Whether a practice of this kind and language could get this call.
    pub(crate) fn fits(&self, kind: Kind, language: &str) -> bool {
        self.kind.is_none_or(|own| own == kind)
            && self.practice_language.as_deref().is_none_or(|own| own == primary(language))
    }
}

/// All scripts that ship with the simulator. The test `every_script_parses` keeps them free of mistakes; a script
/// that does not parse is left out, so that a mistake cannot stop a demonstration.
pub(crate) fn library() -> &'static [Script] {
    static LIBRARY: LazyLock<Vec<Script>> =
        LazyLock::new(|| FILES.iter().flat_map(|(_, text)| parse(text).unwrap_or_default()).collect());
    &LIBRARY
}

const FILES: [(&str, &str); 6] = [
    ("dental.txt", include_str!("../scripts/dental.txt")),
    ("surgery.txt", include_str!("../scripts/surgery.txt")),
    ("aesthetic.txt", include_str!("../scripts/aesthetic.txt")),
    ("physio.txt", include_str!("../scripts/physio.txt")),
    ("vet.txt", include_str!("../scripts/vet.txt")),
    ("any.txt", include_str!("../scripts/any.txt")),
];

/// Reads a script file; the error names the line.
pub(crate) fn parse(text: &str) -> Result<Vec<Script>, String> {
    let mut scripts = Vec::new();
    let mut draft: Option<Draft> = None;
    for (index, line) in text.lines().enumerate() {
        let at = |problem: String| format!("line {}: {problem}", index + 1);
        if let Some(id) = line.strip_prefix("=== ") {
            if let Some(done) = draft.replace(Draft::new(id.trim())) {
                scripts.push(done.finish().map_err(at)?);
            }
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        match &mut draft {
            Some(draft) => draft.line(line).map_err(at)?,
            None if line.trim().is_empty() => {}
            None => return Err(at("text before the first script".into())),
        }
    }
    if let Some(done) = draft {
        scripts.push(done.finish()?);
    }
    Ok(scripts)
}

struct Draft {
    script: Script,
    in_head: bool,
    has_language_of_practice: bool,
}

impl Draft {
    fn new(id: &str) -> Self {
        Self {
            script: Script {
                id: id.to_owned(),
                kind: None,
                language: String::new(),
                practice_language: None,
                medium: Medium::Inbound,
                withheld: false,
                answered: true,
                weight: 2,
                ended_reason: String::new(),
                success: None,
                outcome: String::new(),
                summary: None,
                data: Vec::new(),
                steps: Vec::new(),
            },
            in_head: true,
            has_language_of_practice: false,
        }
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.trim().is_empty() {
            // The empty line after the heading starts the conversation; later ones are for the eye.
            if !self.script.language.is_empty() {
                self.in_head = false;
            }
            return Ok(());
        }
        if self.in_head {
            let (key, value) = line.split_once(": ").ok_or_else(|| format!("not `key: value`: {line}"))?;
            return self.heading(key, value.trim());
        }
        if let Some(more) = line.strip_prefix("  ") {
            return match self.script.steps.last_mut() {
                Some(Step::Say { text, .. }) => {
                    text.push(' ');
                    text.push_str(more.trim());
                    known_placeholders(text)
                }
                _ => Err("continues a line that is not speech".into()),
            };
        }
        let step = match line.split_at_checked(2) {
            Some(("A:", text)) => say(Speaker::Agent, text)?,
            Some(("C:", text)) => say(Speaker::Caller, text)?,
            Some(("* ", happening)) => parse_happening(happening.trim())?,
            _ => return Err(format!("neither speech nor happening: {line}")),
        };
        self.script.steps.push(step);
        Ok(())
    }

    fn heading(&mut self, key: &str, value: &str) -> Result<(), String> {
        let script = &mut self.script;
        match key {
            "kind" => script.kind = Some(Kind::parse(value).ok_or_else(|| format!("unknown kind {value}"))?),
            "language" => value.clone_into(&mut script.language),
            "practice-language" => {
                self.has_language_of_practice = true;
                script.practice_language = (value != "any").then(|| value.to_owned());
            }
            "medium" => {
                script.medium = match value {
                    "inbound" => Medium::Inbound,
                    "outbound" => Medium::Outbound,
                    "web" => Medium::Web,
                    _ => return Err(format!("unknown medium {value}")),
                }
            }
            "number" if value == "withheld" => script.withheld = true,
            "answered" => script.answered = boolean(value)?,
            "weight" => script.weight = value.parse().map_err(|_| format!("not a weight: {value}"))?,
            "ended" => value.clone_into(&mut script.ended_reason),
            "success" => script.success = Some(boolean(value)?),
            "outcome" => value.clone_into(&mut script.outcome),
            "summary" => {
                known_placeholders(value)?;
                script.summary = Some(value.to_owned());
            }
            "data" => {
                known_placeholders(value)?;
                for pair in value.split("; ") {
                    let (name, value) = pair.split_once('=').ok_or_else(|| format!("not name=value: {pair}"))?;
                    script.data.push((name.trim().to_owned(), value.trim().to_owned()));
                }
            }
            _ => return Err(format!("unknown heading {key}: {value}")),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Script, String> {
        let script = &mut self.script;
        if !self.has_language_of_practice {
            script.practice_language = Some(primary(&script.language).to_owned());
        }
        let missing: Vec<&str> = [
            ("language", script.language.is_empty()),
            ("ended", script.ended_reason.is_empty()),
            ("outcome", script.outcome.is_empty()),
            ("steps", script.answered && script.steps.is_empty()),
        ]
        .into_iter()
        .filter_map(|(name, missing)| missing.then_some(name))
        .collect();
        if missing.is_empty() {
            Ok(self.script)
        } else {
            Err(format!("script {} lacks {}", script.id, missing.join(", ")))
        }
    }
}

fn say(speaker: Speaker, text: &str) -> Result<Step, String> {
    let text = text.trim().to_owned();
    known_placeholders(&text)?;
    if text.is_empty() {
        return Err("nothing is said".into());
    }
    Ok(Step::Say { speaker, text })
}

fn boolean(word: &str) -> Result<bool, String> {
    word.parse().map_err(|_| format!("neither true nor false: {word}"))
}

fn parse_happening(text: &str) -> Result<Step, String> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    match word {
        "pause" => Ok(Step::Pause { ms: rest.parse().map_err(|_| format!("not milliseconds: {rest}"))? }),
        "interrupt" => Ok(Step::Interrupt),
        "hang" => Ok(Step::Hang),
        "language" => Ok(Step::Language { tag: rest.to_owned() }),
        "tool" => {
            known_placeholders(rest)?;
            let (call, result) = rest.split_once("->").ok_or("a tool call needs `-> result`")?;
            let (name, arguments) = call.split_once(' ').unwrap_or((call, ""));
            Ok(Step::Tool {
                name: name.trim().to_owned(),
                arguments: parse_arguments(arguments)?,
                result: result.trim().to_owned(),
            })
        }
        "transfer" => {
            let mut parts = rest.splitn(3, '"');
            match (parts.next(), parts.next(), parts.next().map(str::trim)) {
                (Some(""), Some(name), Some(status @ ("connected" | "no-answer" | "busy"))) => {
                    Ok(Step::Transfer { name: name.to_owned(), status: status.to_owned() })
                }
                _ => Err(format!("not `transfer \"NAME\" STATUS`: {rest}")),
            }
        }
        _ => Err(format!("unknown happening: {text}")),
    }
}

/// Reads `key="value" key="value"`.
fn parse_arguments(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut arguments = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once("=\"").ok_or_else(|| format!("not key=\"value\": {rest}"))?;
        let (value, after) = after.split_once('"').ok_or_else(|| format!("unclosed value: {rest}"))?;
        arguments.push((key.trim().to_owned(), value.to_owned()));
        rest = after.trim();
    }
    Ok(arguments)
}

fn known_placeholders(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| format!("unclosed placeholder: {text}"))?;
        if !PLACEHOLDERS.contains(&name) {
            return Err(format!("unknown placeholder {{{name}}}"));
        }
        rest = after;
    }
    Ok(())
}

/// The names of all scripts, for `--only` on the command line.
pub fn script_names() -> BTreeSet<&'static str> {
    library().iter().map(|script| script.id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::practice::practices;

    #[test]
    fn every_script_parses() {
        for (name, text) in FILES {
            if let Err(problem) = parse(text) {
                panic!("{name}: {problem}");
            }
        }
    }

    #[test]
    fn script_names_are_unique_and_there_are_dozens() {
        assert_eq!(script_names().len(), library().len());
        assert!(library().len() >= 50, "{} scripts", library().len());
    }

    #[test]
    fn every_practice_has_a_varied_day() {
        for practice in practices() {
            let fitting: Vec<_> = library().iter().filter(|s| s.fits(practice.kind, practice.language)).collect();
            assert!(fitting.len() >= 12, "{}: {} scripts", practice.slug, fitting.len());
            let outcomes: HashSet<_> = fitting.iter().map(|s| &s.outcome).collect();
            assert!(outcomes.len() >= 7, "{}: {outcomes:?}", practice.slug);
        }
    }

    #[test]
    fn an_agent_says_first_that_it_is_automated_and_recorded() {
        for script in library().iter().filter(|script| script.answered) {
            let first = script.steps.iter().find_map(|step| match step {
                Step::Say { speaker: Speaker::Agent, text } => Some(text.to_lowercase()),
                _ => None,
            });
            let first = first.unwrap_or_else(|| panic!("{}: the agent never speaks", script.id));
            let automated = ["automat", "automá", "awtomatig"].iter().any(|word| first.contains(word));
            let recorded = ["recorded", "aufgezeichnet", "enregistr", "grabada", "gravada", "recordio"]
                .iter()
                .any(|word| first.contains(word));
            assert!(first.contains("{greeting}") || (automated && recorded), "{}: {first}", script.id);
        }
        for practice in practices() {
            let greeting = practice.greeting.to_lowercase();
            assert!(greeting.contains("automat"), "{greeting}");
            assert!(greeting.contains("recorded") || greeting.contains("aufgezeichnet"), "{greeting}");
        }
    }

    #[test]
    fn a_mistake_in_a_script_is_named_with_its_line() {
        let head = "=== x\nlanguage: en\nended: customer-ended-call\noutcome: none\n\n";
        for (body, problem) in [
            ("A: Hello {nobody}.", "line 6: unknown placeholder {nobody}"),
            ("* dance", "line 6: unknown happening: dance"),
            ("B: Hello", "line 6: neither speech nor happening: B: Hello"),
            ("* tool book", "line 6: a tool call needs `-> result`"),
            ("* transfer \"Desk\" perhaps", "line 6: not `transfer \"NAME\" STATUS`: \"Desk\" perhaps"),
        ] {
            assert_eq!(parse(&format!("{head}{body}\n")).unwrap_err(), problem);
        }
        assert_eq!(parse("=== y\nlanguage: en\n\nA: Hi\n").unwrap_err(), "script y lacks ended, outcome");
    }
}
