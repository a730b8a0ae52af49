//! Pages for when something is wrong: what happened, what to do, how to name it to somebody.

use http::StatusCode;
use maud::{Markup, html};

use crate::components::solo;
use crate::frame::Frame;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No such page, or not for this person: the two look alike on purpose.
    NotFound,
    /// The person's role does not allow it.
    Forbidden,
    /// The form was too old or came from elsewhere.
    Stale,
    /// The person or their address tries too often.
    TooMany,
    /// The request was not understood.
    NotUnderstood,
    /// The database or another part is away for the moment.
    Unavailable,
    /// Our fault.
    Failed,
}

impl Problem {
    /// By the status and the stable code of an error answer.
    pub fn of(status: StatusCode, code: &str) -> Self {
        match (status, code) {
            (_, "outdated_form" | "cross_site") => Self::Stale,
            (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => Self::NotFound,
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Self::Forbidden,
            (StatusCode::TOO_MANY_REQUESTS, _) => Self::TooMany,
            (StatusCode::SERVICE_UNAVAILABLE, _) => Self::Unavailable,
            (status, _) if status.is_client_error() => Self::NotUnderstood,
            _ => Self::Failed,
        }
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NotFound => {
                ("Page not found", "There is nothing at this address, or it is not part of your organization.")
            }
            Self::Forbidden => {
                ("Not allowed", "Your role does not allow this. An owner of your organization can change it.")
            }
            Self::Stale => {
                ("This form is too old", "Nothing was changed. Go back, load the page again and repeat what you did.")
            }
            Self::TooMany => ("Too many tries", "Wait a little and try again."),
            Self::NotUnderstood => {
                ("Not understood", "Something in the address or the form is wrong. Nothing was changed.")
            }
            Self::Unavailable => {
                ("Not available for a moment", "The server cannot reach its database. Try again in a moment.")
            }
            Self::Failed => {
                ("Something went wrong", "It is our fault, and it is in the log. What you did may not have been saved.")
            }
        }
    }
}

/// The page. `request_id` lets somebody find the request in the log.
pub fn page(frame: &Frame, problem: Problem, request_id: Option<&str>) -> Markup {
    let (title, words) = problem.words();
    let body = html! {
        section.card {
            div.body.stack {
                h1 { (title) }
                p { (words) }
                @if let Some(id) = request_id { p.hint { "Request " code.mono { (id) } } }
                div.acts {
                    a.btn.pri href="/app" { "Go to Today" }
                    a.btn href="/app/calls" { "Calls" }
                }
            }
        }
    };
    solo(frame, title, &body)
}
