//! Posted forms: url-encoded bodies whose faults point at the field, guarded against other sites.

use axum::extract::{FromRef, FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use bytes::Bytes;
use platform::http::{ApiError, FieldError, Report, Validate};
use serde::de::DeserializeOwned;

use super::extract::Denied;
use super::model::{CsrfToken, Principal};
use super::{Authority, Identified, cross_site, origin};

/// The field that carries [`super::CsrfToken`].
pub const CSRF_FIELD: &str = "_csrf";

/// The field that carries the form's idempotency key ([`crate::idempotency::form_layer`]).
pub const KEY_FIELD: &str = "_key";

/// A form of a signed-in browser: the session is valid, the form is one that we made for it.
///
/// What the person typed is kept in `values`, so that a page can show it again beside the faults.
#[derive(Debug)]
pub struct Form<T> {
    /// The fields, or what is wrong with them.
    pub input: Result<T, Vec<FieldError>>,
    /// The fields as they were sent. Do not show passwords again.
    pub values: FormValues,
}

/// A form that somebody fills in before signing in. Refused when another site sent it.
#[derive(Debug)]
pub struct PublicForm<T> {
    /// The fields, or what is wrong with them.
    pub input: Result<T, Vec<FieldError>>,
    /// The fields as they were sent. Do not show passwords again.
    pub values: FormValues,
}

/// The fields of a form as they were sent.
#[derive(Clone, Default)]
pub struct FormValues(Vec<(String, String)>);

impl FormValues {
    /// The first value of a field; empty when it was not sent.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Every value of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// Whether the form is one that we made for this session.
    pub(crate) fn carry(&self, csrf: &CsrfToken) -> bool {
        csrf.matches(self.get(CSRF_FIELD))
    }

    fn read<T: DeserializeOwned + Validate>(&self) -> Result<T, Vec<FieldError>> {
        let mut writer = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.0.iter().filter(|(name, _)| ![CSRF_FIELD, KEY_FIELD].contains(&name.as_str())) {
            writer.append_pair(name, value);
        }
        let encoded = writer.finish();
        let reader = serde_html_form::Deserializer::new(form_urlencoded::parse(encoded.as_bytes()));
        let value: T = serde_path_to_error::deserialize(reader)
            .map_err(|error| vec![FieldError::new(error.path().to_string(), error.inner().to_string())])?;
        let mut report = Report::default();
        value.validate(&mut report);
        report.finish().map_err(|error| error.field_errors().to_vec())?;
        Ok(value)
    }
}

impl std::fmt::Debug for FormValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Passwords are among the values.
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl<T, S> FromRequest<S> for Form<T>
where
    T: DeserializeOwned + Validate,
    S: Send + Sync,
    Authority: FromRef<S>,
{
    type Rejection = Denied;

    async fn from_request(request: Request, state: &S) -> Result<Self, Denied> {
        let (parts, body) = request.into_parts();
        let principal = Authority::from_ref(state).identify(&parts).await;
        let principal = principal.map_err(|error| Denied::new(error, &parts))?;
        let values = read_body(&parts, body, state).await.map_err(Denied::Problem)?;
        let expected = match &*principal {
            Principal::Person(person) => person.csrf.as_ref(),
            Principal::Program(_) => None,
        };
        if !expected.is_some_and(|csrf| values.carry(csrf)) {
            return Err(Denied::Problem(outdated_form()));
        }
        Ok(Self { input: values.read(), values })
    }
}

impl<T, S> FromRequest<S> for PublicForm<T>
where
    T: DeserializeOwned + Validate,
    S: Send + Sync,
    Authority: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let authority = Authority::from_ref(state);
        // Another site must not sign somebody in under its own account and watch what they do there.
        if origin::provenance(&parts, authority.origin()) == origin::Provenance::Foreign {
            return Err(cross_site());
        }
        let values = read_body(&parts, body, state).await?;
        Ok(Self { input: values.read(), values })
    }
}

async fn read_body<S: Send + Sync>(parts: &Parts, body: axum::body::Body, state: &S) -> Result<FormValues, ApiError> {
    let declared = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = declared.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_a_form", "Send the form url-encoded."));
    }
    let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await.map_err(|rejection| {
        ApiError::new(rejection.status(), "unreadable_body", "The form is too large or was cut off.")
    })?;
    Ok(FormValues::parse(&bytes))
}

fn outdated_form() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "outdated_form",
        "This form is out of date: you signed in again or selected another organization since it was opened. Go back, \
         reload the page and try again.",
    )
}

/// Puts the principal on a request that was authenticated outside an extractor.
pub(crate) fn note_principal(parts: &mut Parts, principal: std::sync::Arc<Principal>) {
    parts.extensions.insert(Identified(principal));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Invite {
        email: String,
        #[serde(default)]
        scopes: Vec<String>,
    }

    impl Validate for Invite {
        fn validate(&self, report: &mut Report) {
            report.text("email", &self.email, 20);
        }
    }

    #[test]
    fn a_form_is_read_without_its_token_and_key_and_with_repeated_fields() {
        let values = FormValues::parse(b"_csrf=abc&_key=k&email=a%40example.com&scopes=x&scopes=y");
        let invite: Invite = values.read().unwrap();
        assert_eq!((invite.email.as_str(), invite.scopes), ("a@example.com", vec!["x".to_owned(), "y".to_owned()]));
        assert_eq!(values.get(CSRF_FIELD), "abc");
        assert_eq!(values.all("scopes").count(), 2);
    }

    #[test]
    fn faults_name_the_field_and_the_values_stay() {
        let values = FormValues::parse(b"email=");
        assert_eq!(values.read::<Invite>().unwrap_err()[0].path, "email");
        assert!(FormValues::parse(b"").read::<Invite>().is_err());
        let long = FormValues::parse(b"email=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        assert!(long.read::<Invite>().is_err());
        assert_eq!(long.get("email").len(), 32);
        assert!(!format!("{long:?}").contains("aaaa"));
    }
}
