//! A small S3 for tests: keeps one bucket in memory, and checks that requests are those that are documented.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use platform::clock::Clock;
use platform::tasks::Tasks;

/// The region that requests have to be signed for.
pub const REGION: &str = "eu-central-1";
/// Who may.
pub const ACCESS_KEY: &str = "AKIATEST";
/// What requests are signed with.
pub const SECRET_KEY: &str = "very-secret";

/// The server. It ends with the value.
pub struct S3 {
    address: SocketAddr,
    bucket: Shared,
    tasks: Tasks,
}

struct Bucket {
    name: String,
    files: BTreeMap<String, File>,
    uploads: BTreeMap<String, BTreeMap<u32, Bytes>>,
    asked: u32,
}

struct File {
    bytes: Bytes,
    modified: Timestamp,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Bucket>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Bucket> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl S3 {
    /// Serves an empty bucket of this name.
    pub async fn start(bucket: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let name = bucket.to_owned();
        let bucket = Bucket { name, files: BTreeMap::default(), uploads: BTreeMap::default(), asked: 0 };
        let bucket = Shared(Arc::new(Mutex::new(bucket)));
        let router = Router::new().fallback(answer).with_state(bucket.clone());
        let tasks = Tasks::new();
        let stop = tasks.stopping();
        tasks.spawn(async move {
            tokio::select! {
                served = axum::serve(listener, router) => served.unwrap(),
                () = stop.cancelled() => {}
            }
        });
        Self { address, bucket, tasks }
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The names of all files, in order.
    pub fn names(&self) -> Vec<String> {
        self.bucket.lock().files.keys().cloned().collect()
    }

    /// Deletes a file behind everybody's back.
    pub fn forget(&self, name: &str) {
        self.bucket.lock().files.remove(name).unwrap();
    }

    /// Changes a file behind everybody's back.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bucket = self.bucket.lock();
        let file = bucket.files.get_mut(name).unwrap();
        let mut bytes = file.bytes.to_vec();
        change(&mut bytes);
        file.bytes = bytes.into();
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.tasks.stop();
    }
}

/// The part of S3 that is used: `PutObject` in parts, `GetObject` with `Range`, `HeadObject`, `DeleteObject(s)`,
/// `ListObjectsV2` (API reference, version 2006-03-01). Refuses what is not signed for this region and service.
async fn answer(State(bucket): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let signed = parts.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let names_us = signed.starts_with(&format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/"))
        && signed.contains(&format!("/{REGION}/s3/aws4_request"));
    if !names_us || !signed.contains("Signature=") || !parts.headers.contains_key("x-amz-date") {
        return (StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code></Error>").into_response();
    }
    let path = parts.uri.path().to_owned();
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let body = to_bytes(body, 64 << 20).await.unwrap();
    let mut bucket = bucket.lock();
    bucket.asked += 1;
    let Some(rest) = path.strip_prefix(&format!("/{}", bucket.name)) else {
        return (StatusCode::NOT_FOUND, "<Error><Code>NoSuchBucket</Code></Error>").into_response();
    };
    let name = rest.trim_start_matches('/').to_owned();
    if name.is_empty() {
        return if parts.method == Method::POST { delete_many(&mut bucket, &body) } else { list(&bucket, &query) };
    }
    match (parts.method.as_str(), query.get("uploadId")) {
        ("POST", None) if query.contains_key("uploads") => {
            let id = format!("upload-{}", bucket.asked);
            bucket.uploads.insert(id.clone(), BTreeMap::new());
            let xml =
                format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>");
            xml.into_response()
        }
        ("PUT", Some(id)) => {
            let number = query["partNumber"].parse().unwrap();
            bucket.uploads.get_mut(id).unwrap().insert(number, body);
            [("etag", format!("\"part-{number}\""))].into_response()
        }
        ("POST", Some(id)) => {
            let parts = bucket.uploads.remove(id).unwrap();
            let whole: Vec<u8> = parts.values().flat_map(|part| part.to_vec()).collect();
            bucket.files.insert(name, File { bytes: whole.into(), modified: Clock::system().now() });
            "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>".into_response()
        }
        ("DELETE", Some(id)) => {
            bucket.uploads.remove(id);
            StatusCode::NO_CONTENT.into_response()
        }
        ("GET" | "HEAD", None) => match bucket.files.get(&name) {
            Some(file) => ranged(file, &parts.headers),
            None => (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response(),
        },
        _ => (StatusCode::BAD_REQUEST, format!("{} {path} {query:?}", parts.method)).into_response(),
    }
}

fn ranged(file: &File, headers: &HeaderMap) -> Response {
    let modified = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&file.modified).unwrap();
    let about = [("etag", "\"1\"".to_owned()), ("last-modified", modified)];
    let Some(range) = headers.get("range") else { return (about, file.bytes.clone()).into_response() };
    let (from, to) = range.to_str().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse::<usize>().unwrap() + 1);
    let to = to.min(file.bytes.len());
    if from >= to {
        return (StatusCode::RANGE_NOT_SATISFIABLE, "<Error><Code>InvalidRange</Code></Error>").into_response();
    }
    let range = [("content-range", format!("bytes {from}-{}/{}", to - 1, file.bytes.len()))];
    (StatusCode::PARTIAL_CONTENT, about, range, file.bytes.slice(from..to)).into_response()
}

fn list(bucket: &Bucket, query: &BTreeMap<String, String>) -> Response {
    assert_eq!(query["list-type"], "2");
    let prefix = query.get("prefix").cloned().unwrap_or_default();
    let contents: Vec<String> = bucket
        .files
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(name, file)| {
            let (size, modified) = (file.bytes.len(), file.modified);
            format!("<Contents><Key>{name}</Key><LastModified>{modified}</LastModified><ETag>1</ETag><Size>{size}</Size></Contents>")
        })
        .collect();
    format!("<ListBucketResult><IsTruncated>false</IsTruncated>{}</ListBucketResult>", contents.concat())
        .into_response()
}

fn delete_many(bucket: &mut Bucket, body: &[u8]) -> Response {
    let text = String::from_utf8_lossy(body).into_owned();
    let names: Vec<&str> = text.split("<Key>").skip(1).map(|rest| rest.split_once("</Key>").unwrap().0).collect();
    let deleted: Vec<String> = names.iter().map(|name| format!("<Deleted><Key>{name}</Key></Deleted>")).collect();
    for name in names {
        bucket.files.remove(name);
    }
    format!("<DeleteResult>{}</DeleteResult>", deleted.concat()).into_response()
}
