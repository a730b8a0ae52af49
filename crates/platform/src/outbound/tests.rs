//! The guard against every form of address that leads inside, and the client against servers that misbehave.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::guard::Lookup;
use super::*;
use crate::tasks::Tasks;

/// Answers each connection with the next of the texts and keeps what it was sent.
struct Server {
    address: SocketAddr,
    heard: tokio::sync::mpsc::UnboundedReceiver<String>,
    _tasks: Tasks,
}

/// One answer: pieces with a pause after each; at the end the connection is closed.
type Script = Vec<(Vec<u8>, Duration)>;

fn says(text: impl AsRef<[u8]>) -> Script {
    vec![(text.as_ref().to_vec(), Duration::ZERO)]
}

impl Server {
    async fn start(answers: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, heard) = tokio::sync::mpsc::unbounded_channel();
        let tasks = Tasks::new();
        tasks.spawn(async move {
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                // 0x16 begins the hello of TLS, which has no such end.
                while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.first() != Some(&0x16) {
                    let read = socket.read(&mut buffer).await.unwrap();
                    request.extend_from_slice(&buffer[..read]);
                }
                tell.send(String::from_utf8_lossy(&request).into_owned()).unwrap();
                for (piece, pause) in answer {
                    if socket.write_all(&piece).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(pause).await;
                }
            }
        });
        Self { address, heard, _tasks: tasks }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn heard(&mut self) -> String {
        self.heard.recv().await.unwrap().to_ascii_lowercase()
    }
}

fn client(allow: &[SocketAddr]) -> Outbound {
    let allow = allow.iter().map(|address| address.to_string().parse().unwrap()).collect();
    Outbound::new(&OutboundConfig { allow }, Clock::system()).unwrap()
}

fn client_with(lookup: Lookup) -> Outbound {
    Outbound::with_lookup(&OutboundConfig::default(), Clock::system(), lookup).unwrap()
}

fn names(addresses: &'static [&'static str], asked: Arc<AtomicUsize>) -> Lookup {
    Arc::new(move |_| {
        asked.fetch_add(1, Ordering::SeqCst);
        let found = addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
        Box::pin(std::future::ready(Ok(found)))
    })
}

async fn refusal(client: &Outbound, url: &str) -> OutboundError {
    match Request::get(url) {
        Err(error) => error,
        Ok(request) => client.send(request, &Limits::default()).await.unwrap_err(),
    }
}

#[tokio::test]
async fn no_form_of_an_inside_address_is_asked() {
    let client = client(&[]);
    let inside = [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0177.1/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://017700000001/",
        "https://127.0.0.1./",
        "https://0.0.0.0/",
        "https://0/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::127.0.0.1]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[fd00:ec2::254]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[64:ff9b:1::1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:53aa:64c::1]/",
        "https://[ff02::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://100.100.100.200/",
        "https://192.0.0.192/",
        "https://168.63.129.16/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://198.18.0.1/",
        "https://255.255.255.255/",
        "https://224.0.0.1/",
        "https://%31%32%37.0.0.1/",
        "https://①②⑦.0.0.1/",
        "https://127。0。0。1/",
        "https://93.184.216.34:22/",
        "https://93.184.216.34:5432/",
        "https://93.184.216.34:6379/",
        "http://93.184.216.34/",
        "https:\\\\127.0.0.1\\x",
    ];
    for url in inside {
        assert!(matches!(refusal(&client, url).await, OutboundError::Refused { .. }), "{url}");
        assert!(client.check(url).is_err(), "{url}");
    }
    let no_address = [
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "data:text/plain,x",
        "ftp://example.com/",
        "javascript:1",
        "/x",
        "",
        "https://",
        "https://good.example@127.0.0.1/",
        "https://user:pass@93.184.216.34/",
        "https://localhost./",
        "https://metadata.google.internal./",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
        "https://a b/",
    ];
    for url in no_address {
        assert!(matches!(refusal(&client, url).await, OutboundError::Address { .. }), "{url}");
    }
    assert!(client.check("https://93.184.216.34/x?y").is_ok());
    assert!(client.check("https://example.com").is_ok());
    // Everything before the last slash is the host to us, as it is to whoever connects.
    assert_eq!(Request::get("https://good.example\\@127.0.0.1/").unwrap().url.host_str(), Some("good.example"));
    assert_eq!(Request::get("https://good.example#@127.0.0.1/").unwrap().url.host_str(), Some("good.example"));
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_all_of_its_addresses_count() {
    for addresses in
        [&["127.0.0.1"][..], &["93.184.216.34", "10.0.0.1"], &["::1"], &["169.254.169.254"], &["64:ff9b::7f00:1"]]
    {
        let asked = Arc::new(AtomicUsize::new(0));
        let client = client_with(names(addresses, asked.clone()));
        let error = refusal(&client, "https://rebind.example/secret?token=hunter2").await;
        let refused = OutboundError::Refused { host: "rebind.example".to_owned(), what: guard::NOT_PUBLIC };
        assert_eq!(error, refused, "{addresses:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{addresses:?}");
        assert!(!error.to_string().contains("hunter2") && !error.to_string().contains("secret"));
    }
    let client = client_with(names(&[], Arc::default()));
    assert!(matches!(refusal(&client, "https://nowhere.example/").await, OutboundError::Unresolved { .. }));
    // The machine's own resolver says what localhost is.
    assert!(matches!(refusal(&self::client(&[]), "https://localhost/").await, OutboundError::Refused { .. }));
}

#[tokio::test]
async fn a_redirect_to_the_inside_is_not_followed() {
    let targets = [
        "http://127.0.0.1:1/",
        "https://127.0.0.1/",
        "//2130706433/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
        "https://user@93.184.216.34/",
        "file:///etc/passwd",
        "https://169.254.169.254/latest",
        "https://0x7f.1/",
        "https://[64:ff9b::a00:1]/",
        "https://93.184.216.34:6379/",
        "gopher://93.184.216.34/",
    ];
    for (at, to) in targets.iter().enumerate() {
        let status = ["301 Moved", "302 Found", "303 See Other", "307 Same", "308 Same"][at % 5];
        let server =
            Server::start(vec![says(format!("HTTP/1.1 {status}\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"))])
                .await;
        let error = refusal(&client(&[server.address]), &server.url("/")).await;
        assert!(matches!(error, OutboundError::Refused { .. } | OutboundError::Address { .. }), "{to}: {error:?}");
    }
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let mut second = Server::start(vec![says("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"); 2]).await;
    let there = second.url("/audio?signature=1");
    let elsewhere = format!("HTTP/1.1 302 Found\r\nlocation: {there}\r\ncontent-length: 0\r\n\r\n");
    let same = "HTTP/1.1 307 Same\r\nlocation: /again\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let mut first = Server::start(vec![says(same), says(&elsewhere)]).await;
    let client = client(&[first.address, second.address]);

    let request = Request::get(&first.url("/call/1/stereo-recording")).unwrap();
    let request = request.bearer(&Secret::new("hunter2")).unwrap();
    let request = request.secret_header(HeaderName::from_static("x-key"), &Secret::new("hunter3")).unwrap();
    assert!(!format!("{request:?}").contains("hunter"), "{request:?}");
    let request = request.header(HeaderName::from_static("range"), HeaderValue::from_static("bytes=5-"));
    let answer = client.send(request, &Limits::default()).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.bytes().await.unwrap(), "ok");

    for path in ["get /call/1/stereo-recording ", "get /again "] {
        let heard = first.heard().await;
        assert!(heard.starts_with(path) && heard.contains("bearer hunter2") && heard.contains("hunter3"), "{heard}");
        assert!(!heard.contains("accept-encoding"), "nothing is to be packed: {heard}");
    }
    let heard = second.heard().await;
    assert!(heard.starts_with("get /audio?signature=1 "), "{heard}");
    assert!(!heard.contains(AUTHORIZATION.as_str()) && !heard.contains("hunter"), "{heard}");
    assert!(heard.contains("range: bytes=5-") && !heard.contains("referer"), "{heard}");
}

#[tokio::test]
async fn redirects_end_and_those_of_a_post_are_an_answer() {
    let on = says("HTTP/1.1 302 Found\r\nlocation: /on\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let server = Server::start(vec![on.clone(); 21]).await;
    let client = self::client(&[server.address]);
    assert!(matches!(refusal(&client, &server.url("/")).await, OutboundError::TooManyHops { .. }));
    let posted = client.send(Request::post(&server.url("/")).unwrap().body("x"), &Limits::default()).await.unwrap();
    assert_eq!(posted.status, StatusCode::FOUND);

    let bad = says("HTTP/1.1 302 Found\r\nlocation: https://[\r\ncontent-length: 0\r\n\r\n");
    let server = Server::start(vec![bad]).await;
    let error = refusal(&self::client(&[server.address]), &server.url("/")).await;
    assert!(matches!(error, OutboundError::BadRedirect { .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_that_is_too_long_too_slow_or_too_short_is_an_error() {
    let short = Limits { max_bytes: 10, idle: Duration::from_millis(200), ..Limits::default() };
    let mut endless = says("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    endless.extend(vec![(b"0123456".to_vec(), Duration::from_millis(1)); 20]);
    let mut drops = says("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    drops.push((b"a".to_vec(), Duration::from_mins(10)));
    let cases = [
        ("too_large", says("HTTP/1.1 200 OK\r\ncontent-length: 3000000000\r\n\r\n0123")),
        ("too_large", endless),
        ("timeout", drops),
        ("broken", says("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234")),
        ("broken", says("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n")),
    ];
    for (class, script) in cases {
        let server = Server::start(vec![script]).await;
        let request = Request::get(&server.url("/a/secret?token=hunter2")).unwrap();
        let answer = client(&[server.address]).send(request, &short).await.unwrap();
        let error = answer.bytes().await.unwrap_err();
        assert_eq!(error.class(), class, "{error:?}");
        assert!(!error.to_string().contains("secret") && !error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_body_that_drips_for_ever_ends_with_the_time_in_all() {
    let mut drips = says("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    drips.extend(vec![(b"x".to_vec(), Duration::from_millis(20)); 10_000]);
    let server = Server::start(vec![drips]).await;
    let limits = Limits { total: Duration::from_millis(500), ..Limits::default() };
    let answer = client(&[server.address]).send(Request::get(&server.url("/")).unwrap(), &limits).await.unwrap();
    let timed_out = OutboundError::TimedOut { host: "127.0.0.1".to_owned(), phase: Phase::Body };
    assert_eq!(answer.bytes().await.unwrap_err(), timed_out);
}

#[tokio::test]
async fn silence_and_nobody_there_have_their_own_classes() {
    let silent = Server::start(vec![vec![(Vec::new(), Duration::from_mins(10))]]).await;
    let limits = Limits { connect: Duration::from_millis(200), ..Limits::default() };
    let request = Request::get(&silent.url("/")).unwrap();
    let error = client(&[silent.address]).send(request, &limits).await.unwrap_err();
    assert_eq!(error.class(), "timeout");

    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = refusal(&client(&[gone]), &format!("http://{gone}/")).await;
    assert_eq!(error.class(), "unreachable");
    assert!(error.may_pass());

    let plain = Server::start(vec![says("HTTP/1.1 200 OK\r\n\r\n")]).await;
    let error = refusal(&client(&[plain.address]), &format!("https://{}/", plain.address)).await;
    assert_eq!(error.class(), "tls", "{error:?}");
}

#[tokio::test]
async fn an_answer_tells_its_type_its_length_and_how_long_to_wait() {
    let head = "HTTP/1.1 429 Slow\r\ncontent-type: Audio/WAV; x=y\r\ncontent-length: 2\r\n";
    let clock = Clock::frozen_at("2026-11-26T10:00:00Z".parse().unwrap());
    for (retry_after, seconds) in [
        ("7", Some(7)),
        ("Thu, 26 Nov 2026 10:02:00 GMT", Some(120)),
        ("Thu, 26 Nov 2020 10:02:00 GMT", Some(0)),
        ("soon", None),
    ] {
        let server = Server::start(vec![says(format!("{head}retry-after: {retry_after}\r\n\r\n{{}}"))]).await;
        let config = OutboundConfig { allow: vec![server.address.to_string().parse().unwrap()] };
        let client = Outbound::new(&config, clock.clone()).unwrap();
        let answer = client.send(Request::get(&server.url("/")).unwrap(), &Limits::default()).await.unwrap();
        assert_eq!(answer.retry_after(), seconds.map(Duration::from_secs), "{retry_after}");
        assert_eq!((answer.length(), answer.media_type().as_deref()), (Some(2), Some("audio/wav")));
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap(), serde_json::json!({}));
    }
}

/// Shared by thousands of cases.
static CLIENT: std::sync::LazyLock<Outbound> = std::sync::LazyLock::new(|| client(&[]));

proptest! {
    #[test]
    fn an_ipv4_address_is_judged_alike_in_every_dress(bits: u32) {
        let v4 = Ipv4Addr::from(bits);
        let public = is_public(IpAddr::V4(v4));
        prop_assert_eq!(is_public(IpAddr::V6(v4.to_ipv6_mapped())), public);
        let nat64 = Ipv6Addr::from((0x0064_ff9b_u128 << 96) | u128::from(bits));
        prop_assert_eq!(is_public(IpAddr::V6(nat64)), public);
        prop_assert!(!is_public(IpAddr::V6(Ipv6Addr::from(u128::from(bits)))), "compatible");
        // What the standard library knows to be special is never public.
        let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_broadcast()
            || v4.is_documentation() || v4.is_multicast() || v4.is_unspecified();
        prop_assert!(!(public && special));
    }

    #[test]
    fn a_public_ipv6_address_is_a_global_one(bits: u128) {
        let v6 = Ipv6Addr::from(bits);
        if is_public(IpAddr::V6(v6)) && v6.to_ipv4_mapped().is_none() && v6.segments()[0] != 0x64 {
            prop_assert_eq!(v6.segments()[0] >> 13, 1);
            prop_assert!(!v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unique_local() && !v6.is_multicast());
        }
    }

    #[test]
    fn no_spelling_of_a_private_ipv4_host_gets_through(bits: u32, form in 0..6_u8) {
        let v4 = Ipv4Addr::from(bits);
        let [a, b, c, d] = v4.octets();
        let host = match form {
            0 => v4.to_string(),
            1 => bits.to_string(),
            2 => format!("{bits:#x}"),
            3 => format!("0{bits:o}"),
            4 => format!("{a:#x}.0{b:o}.{}", u32::from(c) << 8 | u32::from(d)),
            _ => format!("{a}.{b}.{c}.{d}."),
        };
        let checked = CLIENT.check(&format!("https://{host}/"));
        prop_assert_eq!(checked.is_ok(), is_public(IpAddr::V4(v4)), "{}", host);
    }

    #[test]
    fn no_text_makes_the_guard_panic_or_lets_a_literal_inside_through(text in "\\PC{0,40}") {
        let url = format!("https://{text}/");
        if CLIENT.check(&url).is_ok() {
            match Url::parse(&url).unwrap().host().unwrap() {
                Host::Domain(name) => prop_assert!(!name.ends_with('.')),
                Host::Ipv4(address) => prop_assert!(is_public(address.into())),
                Host::Ipv6(address) => prop_assert!(is_public(address.into())),
            }
        }
    }
}
