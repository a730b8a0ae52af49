//! `call_transcripts`: what was said, line by line.

use jiff::Timestamp;
use providers::vapi::Role;

use super::cells::Cells;
use super::{Claims, Content, Read};
use crate::model::{Issue, Reason};

/// One utterance.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnWords {
    /// Who spoke.
    pub role: Role,
    /// What.
    pub text: String,
    /// When.
    pub at: Option<Timestamp>,
}

pub(super) fn turn(cells: &mut Cells<'_>) -> Result<Read, Issue> {
    let org = cells.org()?;
    let claims = Claims {
        parent: cells.id("call_id")?,
        provider_call_id: cells.line("vapi_call_id", 256)?,
        ..Claims::default()
    };
    let speaker = cells.line("speaker", 40)?.ok_or(Issue::of("speaker", Reason::Missing))?;
    let role = role_of(&speaker).ok_or(Issue::of("speaker", Reason::UnknownWord))?;
    let text = cells.words("text")?.filter(|text| !text.trim().is_empty()).ok_or(Issue::of("text", Reason::Missing))?;
    let at = cells.time("timestamp")?.or(cells.time("created_at")?);
    let created = at.unwrap_or(cells.now);
    Ok(Read { org, claims, content: Content::Turn(Box::new(TurnWords { role, text, at })), created })
}

pub(super) fn role_of(word: &str) -> Option<Role> {
    match word.trim().to_lowercase().as_str() {
        "agent" | "assistant" | "bot" | "ai" | "voxanne" => Some(Role::Agent),
        "customer" | "client" | "caller" | "user" => Some(Role::Caller),
        _ => None,
    }
}
