//! What a request says about how its page should look, and the shell around a signed-in page.

use http::{HeaderMap, header};
use identity::access::Person;
use identity::accounts::actions as accounts;
use identity::{Caller, Role};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use platform::http::{ApiError, Speaks};
use platform::i18n::Locale;
use platform::tenancy::TenantTx;

use crate::State;
use crate::frame::{Chrome, Frame, Line, OrganizationLink, Theme, Toast};
use crate::security::Nonce;
use crate::store::{self, Surroundings};

/// How long after its last event a simulator counts as running.
const SIMULATOR_LINGERS: SignedDuration = SignedDuration::from_mins(2);

/// The value of a cookie of ours.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// For a page that anybody may see.
pub(crate) fn public_frame(state: &State, headers: &HeaderMap) -> Frame {
    Frame {
        lang: "en",
        dir: "ltr",
        theme: cookie(headers, "theme").map_or(Theme::System, Theme::from_cookie),
        nonce: Nonce::new(platform::crypto::random_bytes()),
        csrf: String::new(),
        form_key: uuid::Builder::from_bytes(platform::crypto::random_bytes()).into_uuid().simple().to_string(),
        now: state.now(),
        simulated: state.demonstration,
    }
}

/// For a page around signing in: in the language that was chosen on the website, else in the one that the browser likes
/// best. These pages have one address for all languages, as mails link to them.
pub(crate) fn account_frame(state: &State, headers: &HeaderMap) -> Frame {
    let chosen = cookie(headers, "lang").and_then(Locale::from_tag);
    let locale = chosen.unwrap_or_else(|| Speaks::of(headers).0);
    Frame { lang: locale.tag(), dir: locale.dir(), ..public_frame(state, headers) }
}

/// For a page of somebody who signed in and is in no organization.
pub(crate) fn personal_frame(state: &State, headers: &HeaderMap, person: &Person) -> Frame {
    let csrf = person.csrf.as_ref().map(|csrf| csrf.as_str().to_owned()).unwrap_or_default();
    Frame { csrf, ..public_frame(state, headers) }
}

/// The shell of a page in an organization. Read in the transaction of the page's own data, so that the number of the
/// last live event fits what the page shows.
pub(crate) async fn chrome(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    tx: &mut TenantTx,
) -> Result<Chrome, ApiError> {
    let around = store::surroundings(tx).await?;
    let frame = public_frame(state, headers);
    let csrf = caller.csrf.as_ref().map(|csrf| csrf.as_str().to_owned()).unwrap_or_default();
    let simulated = frame.simulated || is_recent(around.simulated_at(), frame.now);
    Ok(Chrome {
        person_name: caller.name.to_string(),
        person_email: caller.email.as_deref().unwrap_or_default().to_owned(),
        organization: OrganizationLink { id: caller.org.uuid(), name: around.name.clone() },
        others: Vec::new(),
        zone: zone(&around.zone),
        manages: caller.role >= Role::Admin,
        operates: caller.is_operator,
        shortcuts: cookie(headers, "keys") != Some("off"),
        line: line(&around),
        live_calls: u32::try_from(around.live_calls).unwrap_or(u32::MAX),
        live_seq: around.live_seq,
        toast: None,
        frame: Frame { csrf, simulated, ..frame },
    })
}

/// Adds what only a whole page shows: the person's other organizations, and what was just done.
pub(crate) async fn whole(
    state: &State,
    caller: &Caller,
    chrome: Chrome,
    done: Option<&str>,
) -> Result<Chrome, ApiError> {
    let memberships = match caller.user {
        Some(user) => accounts::list_memberships(&state.authority, user).await?,
        None => Vec::new(),
    };
    let others = memberships
        .into_iter()
        .filter(|membership| membership.org_id != caller.org)
        .map(|membership| OrganizationLink { id: membership.org_id.uuid(), name: membership.org_name })
        .collect();
    Ok(Chrome { others, toast: done.and_then(toast), ..chrome })
}

/// The organization's zone. One that this build does not know any more must not close the pages: they then tell UTC,
/// and say so beside every full time.
fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or_else(|error| {
        tracing::warn!(%error, zone = name, "an organization's time zone is unknown; its pages tell UTC");
        TimeZone::UTC
    })
}

fn is_recent(at: Option<Timestamp>, now: Timestamp) -> bool {
    at.is_some_and(|at| now.duration_since(at) < SIMULATOR_LINGERS)
}

fn line(around: &Surroundings) -> Line {
    match (around.connections, around.last_event_at()) {
        (0, _) => Line::NotConnected,
        (_, None) => Line::Waiting,
        (_, Some(_)) => Line::Answering,
    }
}

/// What `?done=` stands for. Words of ours only: a link must not put somebody else's sentence on our page.
fn toast(done: &str) -> Option<Toast> {
    let text = match done {
        "password" => "Password changed",
        "saved" => "Saved",
        "role" => "Role changed",
        "removed" => "Removed",
        "revoked" => "It no longer works",
        "retired" => "Only the newest secret works now",
        "off" => "Switched off",
        "key" => "The private key is kept",
        "nokey" => "The private key is forgotten",
        "retried" => "The job is tried again",
        "started" => "It runs as soon as a node takes it",
        "replayed" => "The event found its organization",
        "assigned" => "The rows belong to it now",
        "dropped" => "The rows are dropped",
        "resent" => "A new mail with the same words is in the queue",
        "fetched" => "The recording will be tried again",
        "held" => "The call is kept, whatever happens",
        "lifted" => "The hold is lifted",
        "erased" => "The content of this call is deleted",
        "cancelled" => "It will not be sent",
        "acknowledged" => "You have taken it on",
        "suppressed" => "It is written to no more",
        "unsuppressed" => "It is written to again",
        _ => return None,
    };
    Some(Toast { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_cannot_put_words_into_our_mouth() {
        assert_eq!(toast("password").map(|t| t.text).as_deref(), Some("Password changed"));
        assert!(toast("Your account is closed, call +1 202 555 0123").is_none());
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "xtheme=light; theme=dark; keys=off".parse().unwrap());
        assert_eq!(cookie(&headers, "theme"), Some("dark"));
        assert_eq!(cookie(&headers, "keys"), Some("off"));
        assert_eq!(cookie(&headers, "key"), None);
    }
}
