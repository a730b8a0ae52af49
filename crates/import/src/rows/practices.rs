//! `organizations`, `agents` and `leads`: practices, who answers for them, and whom they know.

use providers::vapi::normalise_number;

use super::cells::Cells;
use super::{Claims, Content, Read};
use crate::model::{Issue, Reason};

pub(super) fn organization(cells: &mut Cells<'_>) -> Result<Read, Issue> {
    let id = cells.id("id")?.ok_or(Issue::of("id", Reason::Missing))?;
    let org = match cells.mapping.organizations.get(&id) {
        Some(mapped) => *mapped,
        None => Some(id),
    };
    let name = cells.line("name", 200)?.or(cells.line("clinic_name", 200)?);
    let name = name.ok_or(Issue::of("name", Reason::Missing))?;
    let zone = cells.line("timezone", 64)?.unwrap_or_else(|| "UTC".to_owned());
    if !identity::organizations::actions::is_zone(&zone) {
        return Err(Issue::of("timezone", Reason::UnknownWord));
    }
    let created = cells.created()?;
    Ok(Read { org, claims: Claims::default(), content: Content::Organization { name, zone }, created })
}

pub(super) fn agent(cells: &mut Cells<'_>) -> Result<Read, Issue> {
    let org = cells.org()?;
    let assistant = cells.line("vapi_assistant_id", 200)?;
    let role = cells.line("role", 40)?.map(|role| role.to_lowercase());
    let role = match role.as_deref() {
        None => None,
        Some("inbound") => Some("inbound"),
        Some("outbound") => Some("outbound"),
        Some(_) => return Err(Issue::of("role", Reason::UnknownWord)),
    };
    let fallback = if role == Some("outbound") { "Outbound agent" } else { "Receptionist" };
    let name = cells.line("name", 100)?.unwrap_or_else(|| fallback.to_owned());
    let claims = Claims { assistant: assistant.clone(), ..Claims::default() };
    let created = cells.created()?;
    Ok(Read { org, claims, content: Content::Agent { name, assistant, role }, created })
}

pub(super) fn lead(cells: &mut Cells<'_>) -> Result<Read, Issue> {
    let org = cells.org()?;
    let mut name = None;
    for column in ["contact_name", "name", "clinic_name", "company_name"] {
        name = name.or(cells.line(column, 200)?);
    }
    let phone = match cells.line("phone", 100)? {
        Some(phone) => Some(normalise_number(&phone).ok_or(Issue::of("phone", Reason::NotAPhone))?),
        None => None,
    };
    if name.is_none() && phone.is_none() {
        return Err(Issue::of("phone", Reason::Missing));
    }
    let created = cells.created()?;
    Ok(Read { org, claims: Claims::default(), content: Content::Lead { name, phone }, created })
}
