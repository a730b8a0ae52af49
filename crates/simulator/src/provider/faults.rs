//! What goes wrong at the provider.

use std::collections::HashMap;
use std::time::Duration;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::rng;

/// A fault of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingFault {
    /// 404, as when it is not ready yet.
    Missing,
    /// This status, with a `Retry-After` of so many seconds if given.
    Refused(u16, Option<u32>),
    /// A page of HTML with status 200.
    Html,
    /// Status 200 and no bytes.
    Empty,
    /// The connection breaks in the middle.
    Cut,
    /// The header says it is longer than it is.
    WrongLength,
    /// A few bytes a second, without end.
    Slow,
    /// Zeros without end, as fast as they are read.
    Endless,
    /// Says it has so many bytes, and sends them.
    Huge(u64),
    /// The API points somewhere else.
    RedirectTo(String),
    /// The address that the API hands out has expired already.
    Expired,
}

/// A fault of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiFault {
    /// This status.
    Status(u16),
    /// 429, with a `Retry-After` of so many seconds if given.
    Throttled(Option<u32>),
    /// Status 200 and a page of HTML.
    Html,
    /// No answer for so long, then a right one.
    Hang(Duration),
    /// No answer until [`crate::Provider::release`], then a right one.
    Held,
}

/// A route of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiRoute {
    /// `GET /call`
    List,
    /// `GET /call/{id}`
    Call,
    /// `GET /call/{id}/…-recording`
    Recording,
}

/// How often each fault happens: rates from 0 (never) to 1 (always). Those of recordings count per call, and pass after
/// one to three requests for it; those of the API count per request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProviderFaults {
    /// The recording is not there yet.
    pub recording_missing: f64,
    /// A page of HTML comes instead of the recording.
    pub recording_html: f64,
    /// The recording is empty.
    pub recording_empty: f64,
    /// The recording breaks off.
    pub recording_cut: f64,
    /// The address of the recording has expired.
    pub recording_expired: f64,
    /// 500.
    pub api_error: f64,
    /// 429 with a `Retry-After` of one second.
    pub api_throttled: f64,
}

impl ProviderFaults {
    /// Each rate with its name, in a fixed order.
    pub fn rates_mut(&mut self) -> [(&'static str, &mut f64); 7] {
        [
            ("recording-missing", &mut self.recording_missing),
            ("recording-html", &mut self.recording_html),
            ("recording-empty", &mut self.recording_empty),
            ("recording-cut", &mut self.recording_cut),
            ("recording-expired", &mut self.recording_expired),
            ("api-error", &mut self.api_error),
            ("api-throttled", &mut self.api_throttled),
        ]
    }

    /// The fault of a call's recordings and for how many requests it lasts.
    fn of_recording(&self, seed: u64, call: Uuid) -> Option<(RecordingFault, u32)> {
        let mut rng = rng::stream(seed, &format!("recording of {call}"));
        let requests = rng.random_range(1..=3);
        let mut left: f64 = rng.random();
        [
            (self.recording_missing, RecordingFault::Missing),
            (self.recording_html, RecordingFault::Html),
            (self.recording_empty, RecordingFault::Empty),
            (self.recording_cut, RecordingFault::Cut),
            (self.recording_expired, RecordingFault::Expired),
        ]
        .into_iter()
        .find(|(rate, _)| {
            let hit = left < *rate;
            left -= rate;
            hit
        })
        .map(|(_, fault)| (fault, requests))
    }
}

/// The faults that are waiting to happen.
pub(super) struct Faulty {
    seed: u64,
    rates: ProviderFaults,
    rng: ChaCha8Rng,
    /// By call; the requests that are left.
    by_rate: HashMap<Uuid, Option<(RecordingFault, u32)>>,
    recordings: Vec<(Option<Uuid>, RecordingFault, u32)>,
    api: Vec<(ApiRoute, ApiFault, u32)>,
}

impl Faulty {
    pub(super) fn new(seed: u64, rates: ProviderFaults) -> Self {
        let rng = rng::stream(seed, "faults of the provider");
        Self { seed, rates, rng, by_rate: HashMap::new(), recordings: Vec::new(), api: Vec::new() }
    }

    pub(super) fn spoil_recording(&mut self, call: Option<Uuid>, fault: RecordingFault, requests: u32) {
        self.recordings.push((call, fault, requests));
    }

    pub(super) fn spoil_api(&mut self, route: ApiRoute, fault: ApiFault, requests: u32) {
        self.api.push((route, fault, requests));
    }

    /// The fault of this request to the API; it counts as happened.
    pub(super) fn of_api(&mut self, route: ApiRoute) -> Option<ApiFault> {
        if let Some(place) = self.api.iter().position(|(spoilt, _, left)| *spoilt == route && *left > 0) {
            let (_, fault, left) = &mut self.api[place];
            *left -= 1;
            return Some(fault.clone());
        }
        let [error, throttled] = std::array::from_fn(|_| self.rng.random::<f64>());
        if error < self.rates.api_error {
            return Some(ApiFault::Status(500));
        }
        (throttled < self.rates.api_throttled).then_some(ApiFault::Throttled(Some(1)))
    }

    /// The fault of this request for a recording; it counts as happened.
    pub(super) fn of_recording(&mut self, call: Uuid) -> Option<RecordingFault> {
        let asked_for = |(spoilt, _, left): &(Option<Uuid>, RecordingFault, u32)| {
            *left > 0 && spoilt.is_none_or(|spoilt| spoilt == call)
        };
        if let Some(place) = self.recordings.iter().position(asked_for) {
            let (_, fault, left) = &mut self.recordings[place];
            *left = left.saturating_sub(1);
            return Some(fault.clone());
        }
        let drawn = self.by_rate.entry(call).or_insert_with(|| self.rates.of_recording(self.seed, call));
        let (fault, left) = drawn.as_mut().filter(|(_, left)| *left > 0)?;
        *left -= 1;
        Some(fault.clone())
    }
}
