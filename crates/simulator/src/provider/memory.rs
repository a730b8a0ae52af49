//! The calls that the provider remembers.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use crate::scenario::Scenario;
use crate::wire::{self, WireOptions};

/// How a played call moves on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// It is over and reported.
    Over,
    /// It began at this instant and runs so many times faster than life.
    Since { begun: Instant, speed: f64 },
}

impl Pace {
    /// How far a call has come, in milliseconds of its own time.
    fn reached(self) -> u32 {
        match self {
            Self::Since { begun, speed } if speed.is_finite() => {
                let passed = begun.elapsed().as_secs_f64() * 1_000.0 * speed;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a cast from float saturates, and beyond 49 days a call is over"
                )]
                let reached = passed as u32;
                reached
            }
            Self::Over | Self::Since { .. } => u32::MAX,
        }
    }
}

/// What is known of a call.
#[derive(Clone)]
enum Life {
    Played { scenario: Box<Scenario>, options: Box<WireOptions>, pace: Pace },
    Given(Box<Value>),
}

/// A call that the provider remembers.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) id: Uuid,
    pub(super) org_label: String,
    pub(super) created_at: Timestamp,
    life: Life,
}

impl Known {
    pub(super) fn played(scenario: Scenario, options: WireOptions, pace: Pace) -> Self {
        Self {
            id: scenario.call_id,
            org_label: scenario.org_label.clone(),
            created_at: scenario.created_at,
            life: Life::Played { scenario: Box::new(scenario), options: Box::new(options), pace },
        }
    }

    pub(super) fn given(org_label: &str, call: Value) -> anyhow::Result<Self> {
        let text = |key: &str| call[key].as_str().with_context(|| format!("the call has no {key}"));
        Ok(Self {
            id: text("id")?.parse().context("the id is not a UUID")?,
            org_label: org_label.to_owned(),
            created_at: text("createdAt")?.parse().context("createdAt")?,
            life: match text("updatedAt")?.parse::<Timestamp>() {
                Ok(_) => Life::Given(Box::new(call)),
                Err(error) => return Err(error).context("updatedAt"),
            },
        })
    }

    /// The object as the API shows it now.
    pub(super) fn object(&self) -> Value {
        match &self.life {
            Life::Played { scenario, options, pace } => wire::call_object(scenario, options, pace.reached()),
            Life::Given(call) => (**call).clone(),
        }
    }

    pub(super) fn updated_at(&self) -> Timestamp {
        match &self.life {
            Life::Played { scenario, pace, .. } => scenario.at(wire::last_change(scenario, pace.reached())),
            Life::Given(call) => {
                call["updatedAt"].as_str().and_then(|text| text.parse().ok()).unwrap_or(self.created_at)
            }
        }
    }

    /// One of the texts that the list can be filtered by.
    pub(super) fn reference(&self, key: &str) -> Option<String> {
        match &self.life {
            Life::Played { scenario, .. } if key == "assistantId" => scenario.number.assistant_id.clone(),
            Life::Played { scenario, .. } => Some(scenario.number.phone_number_id.clone()),
            Life::Given(call) => call[key].as_str().map(str::to_owned),
        }
    }

    /// Who spoke when, once there is a recording: after the report of a call that was answered.
    pub(super) fn recorded(&self) -> Option<Recorded> {
        match &self.life {
            Life::Played { scenario, pace, .. } => (scenario.started_at.is_some()
                && pace.reached() >= scenario.report_at)
                .then(|| Recorded(Some(scenario.clone()))),
            Life::Given(call) => call["artifact"]["recording"].is_object().then_some(Recorded(None)),
        }
    }
}

/// What a recording is made from. None: a few seconds of silence.
pub(super) struct Recorded(pub(super) Option<Box<Scenario>>);

/// Calls by id, the oldest forgotten first.
pub(super) struct Memory {
    most: usize,
    calls: HashMap<Uuid, Arc<Known>>,
    order: VecDeque<Uuid>,
}

impl Memory {
    pub(super) fn new(most: usize) -> Self {
        Self { most, calls: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn put(&mut self, known: Known) {
        let id = known.id;
        if self.calls.insert(id, Arc::new(known)).is_none() {
            self.order.push_back(id);
        }
        while self.calls.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.calls.remove(&oldest);
        }
    }

    pub(super) fn forget(&mut self, id: Uuid) {
        self.calls.remove(&id);
        self.order.retain(|known| *known != id);
    }

    pub(super) fn get(&self, id: Uuid) -> Option<&Known> {
        self.calls.get(&id).map(|known| &**known)
    }

    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// The calls of an organization, or of all, in no order.
    pub(super) fn all(&self, org_label: Option<&str>) -> Vec<Arc<Known>> {
        let visible = |known: &&Arc<Known>| org_label.is_none_or(|label| label == known.org_label);
        self.calls.values().filter(visible).cloned().collect()
    }
}
