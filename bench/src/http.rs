//! Requests over kept-alive connections, one at a time on each (closed loop), with as little work per request as a
//! generator can do that shares two processors with the server.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// What a closed loop did.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Answers with status 200.
    pub done: u64,
    /// Answers with another status.
    pub refused: u64,
    /// From first request to last answer.
    pub took: Duration,
    /// Microseconds of each answered request, sorted.
    pub latencies: Vec<u32>,
}

impl Outcome {
    /// Answers per second.
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.took.as_secs_f64()
    }

    /// Milliseconds within which this part of the requests was answered.
    pub fn percentile(&self, part: f64) -> f64 {
        let at = (self.latencies.len() as f64 * part) as usize;
        self.latencies
            .get(at.min(self.latencies.len().saturating_sub(1)))
            .map_or(f64::NAN, |micros| f64::from(*micros) / 1000.0)
    }
}

/// Runs `clients` connections for a time. `write` puts the next request of a client into the buffer, given the client and
/// how many it has sent.
pub async fn closed_loop(
    address: SocketAddr,
    clients: u32,
    length: Duration,
    write: impl Fn(u32, u64, &mut Vec<u8>) + 'static,
) -> anyhow::Result<Outcome> {
    let write = Rc::new(write);
    let refused = Rc::new(Cell::new(0));
    let latencies = Rc::new(RefCell::new(Vec::with_capacity(100_000)));
    let local = LocalSet::new();
    let started = Instant::now();
    let mut loops = Vec::new();
    for client in 0..clients {
        let (write, refused, latencies) = (Rc::clone(&write), Rc::clone(&refused), Rc::clone(&latencies));
        loops.push(local.spawn_local(async move {
            let mut connection = Connection::open(address).await?;
            let mut request = Vec::new();
            let mut sent = 0;
            while started.elapsed() < length {
                request.clear();
                write(client, sent, &mut request);
                sent += 1;
                let asked = Instant::now();
                let status = connection.exchange(&request).await?;
                if status == 200 {
                    latencies.borrow_mut().push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
                } else {
                    refused.set(refused.get() + 1);
                }
            }
            anyhow::Ok(())
        }));
    }
    local
        .run_until(async {
            for client in loops {
                client.await.context("a client died")??;
            }
            anyhow::Ok(())
        })
        .await?;
    let took = started.elapsed();
    let mut latencies = latencies.take();
    latencies.sort_unstable();
    Ok(Outcome { done: latencies.len() as u64, refused: refused.get(), took, latencies })
}

/// One HTTP/1.1 connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads its whole answer; answers the status.
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = self.read_head().await?;
        let length = content_length(&self.buffer[..head]).context("an answer without content-length")?;
        while self.buffer.len() < head + length {
            self.read_more().await?;
        }
        status(&self.buffer)
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        find(&self.buffer, b"\r\n\r\n").map_or(&[], |at| &self.buffer[at + 4..])
    }

    /// Sends an upgrade and reads the head of its answer; answers the status.
    pub async fn upgrade(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        self.read_head().await?;
        status(&self.buffer)
    }

    async fn read_head(&mut self) -> anyhow::Result<usize> {
        loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                return Ok(at + 4);
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        anyhow::ensure!(read > 0, "the server closed the connection");
        Ok(())
    }
}

fn status(answer: &[u8]) -> anyhow::Result<u16> {
    let digits = answer.get(9..12).context("a short answer")?;
    Ok(std::str::from_utf8(digits)?.parse()?)
}

fn content_length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
