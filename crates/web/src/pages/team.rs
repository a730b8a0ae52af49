//! Team: who may see the calls, and inviting more people by link.

use identity::Role;
use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use crate::components::{
    Choice, Column, Field, Icon, Look, Nav, Tone, avatar, banner, code, confirm, dialog, error_summary, heading,
    moment, moment_ago, opener, post_form, select, setting_form, shell, submit, table, tag,
};
use crate::frame::Chrome;

/// A member.
#[derive(Clone, Debug)]
pub struct Member {
    /// Of the person.
    pub user_id: Uuid,
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// When they were last here.
    pub last_seen: Option<Timestamp>,
    /// The person looking.
    pub you: bool,
    /// The viewer may change this member.
    pub changeable: bool,
}

/// An invitation that waits.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Its id.
    pub id: Uuid,
    /// Whom.
    pub email: String,
    /// As what.
    pub role: Role,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// It has stopped already.
    pub expired: bool,
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Team {
    /// The members.
    pub members: Vec<Member>,
    /// Invitations that wait.
    pub pending: Vec<Pending>,
    /// Roles that the viewer may give.
    pub grantable: Vec<Role>,
    /// The invitation dialog stands in the page.
    pub inviting: bool,
    /// Address typed into it.
    pub email: String,
    /// What is wrong with that address.
    pub email_error: Option<String>,
    /// A link just made: for whom, and the link. Shown this once.
    pub fresh_link: Option<(String, String)>,
    /// What went wrong with another action.
    pub problem: Option<String>,
}

/// The role on the page.
pub const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Viewer",
        Role::Member => "Member",
        Role::Admin => "Admin",
        Role::Owner => "Owner",
    }
}

const COLUMNS: [Column; 4] = [
    Column { title: "Person", class: "" },
    Column { title: "Role", class: "" },
    Column { title: "Last seen", class: "" },
    Column { title: "Actions", class: "end" },
];

const PENDING: [Column; 4] = [
    Column { title: "Email", class: "" },
    Column { title: "Role", class: "" },
    Column { title: "Works until", class: "" },
    Column { title: "Actions", class: "end" },
];

/// The whole page.
pub fn page(chrome: &Chrome, view: &Team) -> Markup {
    shell(chrome, Nav::Team, "Team", &content(chrome, view))
}

fn content(chrome: &Chrome, view: &Team) -> Markup {
    html! {
        (heading(&html! { "Team" }, &html! { "Who sees the calls of " (chrome.organization.name) "." },
            Some(&opener(Look::Primary, "invite", "/app/settings/team?invite=1", Some(Icon::Plus), "Invite"))))
        div.stack {
            (error_summary(view.problem.as_deref()))
            @if let Some((email, link)) = &view.fresh_link { (fresh_link(email, link)) }
            (invite(chrome, view))
            section.card aria-label="Members" { (table("Members", "cards", &COLUMNS, &html! {
                @for member in &view.members { (member_row(chrome, view, member)) }
            })) }
            @if !view.pending.is_empty() {
                section.card aria-labelledby="pending" {
                    header { h2 id="pending" { "Invited" } }
                    (table("Invitations that wait", "cards", &PENDING, &html! {
                        @for pending in &view.pending { (pending_row(chrome, pending)) }
                    }))
                }
            }
        }
    }
}

fn fresh_link(email: &str, link: &str) -> Markup {
    banner(
        Tone::Ok,
        &html! {
            p { strong { "Send this link to " (email) "." } " It works once, and is shown only now." }
            (code("invitation-link", link, "link"))
        },
    )
}

fn invite(chrome: &Chrome, view: &Team) -> Markup {
    let choices: Vec<Choice<'_>> =
        view.grantable.iter().map(|r| Choice { value: r.as_str(), label: role_word(*r) }).collect();
    dialog(
        "invite",
        "Invite somebody",
        view.inviting || view.email_error.is_some(),
        &post_form(
            &chrome.frame,
            "/app/settings/team/invite",
            "stack",
            &html! {
                (Field { name: "email", label: "Email", kind: "email", value: &view.email, autocomplete: "off", required: true,
                    error: view.email_error.as_deref(), hint: "You get a link to send them.", ..Field::default() }.render())
                (select("invite-role", "role", "Role", &choices, Role::Member.as_str(), false))
                ul.hint.stack-s {
                    li { strong { "Admin" } ": everything but owners." }
                    li { strong { "Member" } ": sees calls and works on them." }
                    li { strong { "Viewer" } ": sees calls." }
                }
                (submit(Look::Primary, "Make the link"))
            },
        ),
    )
}

fn member_row(chrome: &Chrome, view: &Team, member: &Member) -> Markup {
    let id = member.user_id.to_string();
    let choices: Vec<Choice<'_>> = Role::ALL
        .iter()
        .filter(|r| view.grantable.contains(r) || **r == member.role)
        .map(|r| Choice { value: r.as_str(), label: role_word(*r) })
        .collect();
    html! {
        tr {
            th scope="row" {
                span.inline {
                    (avatar(&member.name))
                    span { span.who { (member.name) } @if member.you { " " (tag(Tone::Neutral, "You")) } br; span.small.muted { (member.email) } }
                }
            }
            td data-label="Role" {
                @if member.changeable {
                    (setting_form(&chrome.frame, "/app/settings/team/role", "inline", &html! {
                        input type="hidden" name="user_id" value=(id);
                        (select(&format!("role-{id}"), "role", &format!("Role of {}", member.name), &choices, member.role.as_str(), true))
                        (submit(Look::Quiet, "Save"))
                    }))
                } @else { (role_word(member.role)) }
            }
            td data-label="Last seen" {
                @if let Some(at) = member.last_seen { (moment_ago(at, chrome.frame.now, &chrome.zone)) } @else { span.muted { "Not yet" } }
            }
            td.end {
                @if member.changeable {
                    (confirm(&chrome.frame, "Remove", &format!("Remove {}? They lose access at once.", member.name),
                        "/app/settings/team/remove", &[("user_id", &id)]))
                }
            }
        }
    }
}

fn pending_row(chrome: &Chrome, pending: &Pending) -> Markup {
    let id = pending.id.to_string();
    html! {
        tr {
            th scope="row" { (pending.email) }
            td data-label="Role" { (role_word(pending.role)) }
            td data-label="Works until" {
                @if pending.expired { (tag(Tone::Warn, "Expired")) } @else { (moment(pending.expires_at, chrome.frame.now, &chrome.zone)) }
            }
            td.end {
                div.inline {
                    (post_form(&chrome.frame, "/app/settings/team/renew", "", &html! {
                        input type="hidden" name="invitation_id" value=(id);
                        (submit(Look::Quiet, "New link"))
                    }))
                    (confirm(&chrome.frame, "Take back", "The link stops working.", "/app/settings/team/revoke", &[("invitation_id", &id)]))
                }
            }
        }
    }
}
