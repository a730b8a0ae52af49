//! A mail relay in a process of its own: Debian's aiosmtpd.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::PATIENCE;

/// Ends with the test.
pub struct Relay {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: u64,
}

impl Relay {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these arguments of the script.
    pub async fn with(arguments: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../mail/tests/relay.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next_line().await.unwrap().unwrap();
        let port = serde_json::from_str::<Value>(&first).unwrap()["port"].as_u64().unwrap();
        Self { child, lines, port }
    }

    /// Where it is; `credentials` end with an at sign.
    pub fn url(&self, credentials: &str) -> String {
        format!("smtp://{credentials}127.0.0.1:{}", self.port)
    }

    /// Changes what is wrong with it.
    pub async fn mode(&mut self, mode: &str) {
        self.child.stdin.as_mut().unwrap().write_all(format!("mode {mode}\n").as_bytes()).await.unwrap();
        self.until(|said| said["now"] == mode).await;
    }

    /// The next mail it takes: whom it is for.
    pub async fn mail(&mut self) -> String {
        let said = self.until(|said| said["mail"].is_object()).await;
        let headers = said["mail"]["headers"].as_array().unwrap();
        let to = headers.iter().find(|header| header[0].as_str() == Some("To")).unwrap();
        to[1].as_str().unwrap().to_owned()
    }

    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap().unwrap();
            let said: Value = serde_json::from_str(&line).unwrap();
            if wanted(&said) {
                return said;
            }
        }
    }
}
