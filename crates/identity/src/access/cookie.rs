//! The session cookie: its name, its flags, and its renewal.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{FromFnLayer, Next, from_fn_with_state};
use axum::response::{IntoResponseParts, Response, ResponseParts};
use platform::config::Origin;
use platform::secret::Secret;

use super::Authority;
use crate::State;
use crate::accounts::model::LIVES_FOR;

/// `__Host-` makes browsers insist on TLS, on our host alone and on the path `/`, so that a neighbouring subdomain cannot
/// plant a session. Over plain HTTP browsers would drop such a cookie.
fn name(origin: &Origin) -> &'static str {
    if origin.is_https() { "__Host-vx" } else { "vx" }
}

/// The token in the request's session cookie, if it has one.
pub(crate) fn session_token<'a>(headers: &'a HeaderMap, origin: &Origin) -> Option<&'a str> {
    let wanted = name(origin);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted && !value.is_empty()).then_some(value))
}

/// A `Set-Cookie` header for the session cookie. Put it into a response tuple: `(cookie, Redirect::to("/"))`.
#[derive(Clone)]
pub struct SetCookie(HeaderValue);

impl SetCookie {
    /// Hands the browser its session.
    pub(crate) fn session(token: &Secret, origin: &Origin) -> Self {
        Self::build(token.expose(), LIVES_FOR.as_secs(), origin)
    }

    /// Takes the session cookie away.
    pub(crate) fn removal(origin: &Origin) -> Self {
        Self::build("", 0, origin)
    }

    fn build(value: &str, seconds: i64, origin: &Origin) -> Self {
        let secure = if origin.is_https() { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}", name(origin));
        let Ok(mut header) = HeaderValue::from_str(&text) else { unreachable!("tokens are base64url") };
        // Keeps the token out of debug output of the response.
        header.set_sensitive(true);
        Self(header)
    }

    /// The header's value.
    pub fn value(&self) -> &HeaderValue {
        &self.0
    }
}

impl IntoResponseParts for SetCookie {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Self::Error> {
        response.headers_mut().append(header::SET_COOKIE, self.0);
        Ok(response)
    }
}

/// Where an extractor leaves a session's new token for the response.
#[derive(Clone, Default)]
pub(super) struct RotationSlot(Arc<Mutex<Option<Secret>>>);

impl RotationSlot {
    pub(super) fn fill(&self, token: Secret) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    fn take(&self) -> Option<Secret> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;
type Middleware = fn(Extract<Authority>, Request, Next) -> Answer;

/// The layer around everything that takes the session cookie, pages and API: it sends a session's new token when the
/// token was renewed during the request. Without it sessions work and keep their first token.
pub fn rotation_layer(state: State) -> FromFnLayer<Middleware, Authority, (Extract<Authority>, Request)> {
    let middleware: Middleware = |Extract(authority), request, next| Box::pin(send_renewed(authority, request, next));
    from_fn_with_state(state.authority, middleware)
}

async fn send_renewed(authority: Authority, mut request: Request, next: Next) -> Response {
    if session_token(request.headers(), authority.origin()).is_none() {
        return next.run(request).await;
    }
    let slot = RotationSlot::default();
    request.extensions_mut().insert(slot.clone());
    let mut response = next.run(request).await;
    if let Some(token) = slot.take()
        && !sets_session(response.headers(), authority.origin())
    {
        let cookie = SetCookie::session(&token, authority.origin());
        response.headers_mut().append(header::SET_COOKIE, cookie.0);
    }
    response
}

/// Sign-in and sign-out in the same response have the last word.
fn sets_session(headers: &HeaderMap, origin: &Origin) -> bool {
    let prefix = format!("{}=", name(origin));
    headers.get_all(header::SET_COOKIE).iter().any(|value| value.as_bytes().starts_with(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_has_every_protection_its_origin_allows() {
        let secret = Secret::new("t0ken");
        let tls = SetCookie::session(&secret, &"https://desk.example".parse().unwrap());
        assert_eq!(
            tls.value().to_str().unwrap(),
            "__Host-vx=t0ken; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000; Secure"
        );
        let plain = SetCookie::session(&secret, &"http://127.0.0.1:8080".parse().unwrap());
        assert_eq!(plain.value().to_str().unwrap(), "vx=t0ken; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000");
        assert!(plain.value().is_sensitive());
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let origin: Origin = "https://desk.example".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("theme=dark; __Host-vx=abc; vx=other"));
        assert_eq!(session_token(&headers, &origin), Some("abc"));
        headers.clear();
        headers.append(header::COOKIE, HeaderValue::from_static("vx=abc; x__Host-vx=1; __Host-vx="));
        assert_eq!(session_token(&headers, &origin), None);
    }
}
