//! The description of the API for programs (`/api/v1/openapi.json`) and for people (`/api/docs`).
//!
//! The page is drawn from the description by the server: no script, nothing from elsewhere, so the strict policy holds.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use maud::{DOCTYPE, Markup, html};
use platform::http::{ApiError, PublicRouter};
use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::openapi;

/// Methods in the order in which an address lists them.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = include_str!("docs.css");

/// Both forms, made once when the router is complete.
#[derive(Clone, Default)]
pub struct Docs(Arc<OnceLock<Published>>);

struct Published {
    json: Bytes,
    page: Bytes,
}

impl Docs {
    /// Publishes the description. What was published before stays: the routes of a process do not change.
    pub fn publish(&self, description: &OpenApi) {
        let json = match openapi::text(description) {
            Ok(json) => json,
            Err(error) => {
                tracing::error!(%error, "the API is served without its description");
                return;
            }
        };
        let value: Value = serde_json::from_str(&json).unwrap_or_default();
        let page = page(&value).into_string();
        self.0.get_or_init(|| Published { json: json.into(), page: page.into() });
    }

    fn get(&self) -> Result<&Published, ApiError> {
        self.0.get().ok_or_else(ApiError::not_found)
    }
}

/// The routes of the description.
pub fn router(docs: Docs) -> PublicRouter<()> {
    PublicRouter::new()
        .route(__path_get_openapi, get_openapi)
        .page("GET", "/api/docs", show)
        .page("GET", "/api/docs/style.css", style)
        .with_state(docs)
}

/// Gets this description.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "documentation", security(()),
    responses((status = 200, description = "OpenAPI 3.1.", body = serde_json::Value))
)]
async fn get_openapi(State(docs): State<Docs>) -> Result<Response, ApiError> {
    let json = docs.get()?.json.clone();
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], json).into_response())
}

async fn show(State(docs): State<Docs>) -> Result<Response, ApiError> {
    let page = docs.get()?.page.clone();
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    Ok((headers, page).into_response())
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")], STYLE).into_response()
}

/// An operation and where it is.
struct Operation<'a> {
    method: &'static str,
    path: &'a str,
    says: &'a Value,
}

impl<'a> Operation<'a> {
    fn id(&self) -> &'a str {
        text(&self.says["operationId"])
    }

    fn tag(&self) -> &'a str {
        text(&self.says["tags"][0])
    }
}

fn page(description: &Value) -> Markup {
    let operations = operations(description);
    let mut tags: Vec<_> = operations.iter().map(Operation::tag).collect();
    tags.sort_unstable();
    tags.dedup();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Voxanne API" }
                link rel="stylesheet" href="/api/docs/style.css";
            }
            body {
                header {
                    h1 { "Voxanne API" }
                    p { (text(&description["info"]["description"])) }
                    p {
                        "Version " (text(&description["info"]["version"])) ". For programs: "
                        a href="/api/v1/openapi.json" { "openapi.json" } "."
                    }
                    nav aria-label="Groups" { @for tag in &tags { a href={ "#" (tag) } { (tag) } " " } }
                }
                main {
                    @for tag in &tags {
                        section id=(tag) aria-labelledby={ "about-" (tag) } {
                            h2 id={ "about-" (tag) } { (tag) }
                            @for operation in operations.iter().filter(|operation| operation.tag() == *tag) {
                                (article(operation))
                            }
                        }
                    }
                    section id="schemas" aria-labelledby="about-schemas" {
                        h2 id="about-schemas" { "Schemas" }
                        @for (name, schema) in entries(&description["components"]["schemas"]) { (of_schema(name, schema)) }
                    }
                }
            }
        }
    }
}

fn article(operation: &Operation<'_>) -> Markup {
    let says = operation.says;
    let body = &says["requestBody"]["content"];
    html! {
        article id=(operation.id()) {
            h3 { code { (operation.method.to_uppercase()) " " (operation.path) } }
            p { (text(&says["summary"])) }
            @if says["description"] != says["summary"] { p { (text(&says["description"])) } }
            p.who { (who(&says["security"])) }
            @if let Some(parameters) = says["parameters"].as_array() {
                h4 { "Parameters" }
                dl { @for parameter in parameters {
                    dt { code { (text(&parameter["name"])) } " " (kind(&parameter["schema"])) }
                    dd { (text(&parameter["description"])) }
                } }
            }
            @for (media, content) in entries(body) {
                h4 { "Body" }
                p { code { (media) } ": " (kind(&content["schema"])) }
            }
            h4 { "Answers" }
            dl { @for (status, answer) in entries(&says["responses"]) {
                dt { code { (status) } @for (_, content) in entries(&answer["content"]) { " " (kind(&content["schema"])) } }
                dd { (text(&answer["description"])) }
            } }
        }
    }
}

fn of_schema(name: &str, schema: &Value) -> Markup {
    html! {
        article id={ "schema-" (name) } {
            h3 { code { (name) } }
            p { (text(&schema["description"])) }
            @if let Some(values) = schema["enum"].as_array() {
                p { "One of " @for value in values { code { (text(value)) } " " } }
            }
            dl { @for (field, of) in entries(&schema["properties"]) {
                dt { code { (field) } " " (kind(of)) }
                dd { (text(&of["description"])) }
            } }
        }
    }
}

/// The type of a value in a word, with a link to its schema.
fn kind(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return html! { a href={ "#schema-" (name) } { (name) } };
    }
    for either in ["oneOf", "anyOf", "allOf"] {
        if let Some(options) = schema[either].as_array() {
            return html! { @for (index, option) in options.iter().enumerate() { @if index > 0 { " or " } (kind(option)) } };
        }
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => html! { "list of " (kind(&schema["items"])) },
        Value::String(name) => html! { (name) },
        Value::Array(names) => html! { (names.iter().map(text).collect::<Vec<_>>().join(" or ")) },
        _ => html! {},
    }
}

fn who(security: &Value) -> &'static str {
    let signed_in = security.as_array().is_some_and(|ways| ways.iter().any(|way| way.get("bearer").is_some()));
    if signed_in { "Needs an access token, or an API key where its scope allows." } else { "Needs no token." }
}

fn operations(description: &Value) -> Vec<Operation<'_>> {
    entries(&description["paths"])
        .flat_map(|(path, item)| METHODS.map(|method| Operation { method, path, says: &item[method] }))
        .filter(|operation| operation.says.is_object())
        .collect()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
