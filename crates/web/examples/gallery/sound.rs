//! The recording of the gallery's call: a hum for each turn, the caller's on the left and the agent's on the right.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderMap, StatusCode};
use platform::http::range::Part;
use uuid::Uuid;
use web::components::Player;

/// High enough that a browser does not have all of it at once, and has to fetch what somebody jumps to.
const RATE: usize = 44_100;
const SECONDS: usize = 66;
/// Peaks in a second.
const PEAKS: usize = 8;
/// From when to when somebody speaks, in seconds; the agent begins, the last silence is long.
const SPOKEN: [(usize, usize); 7] = [(0, 6), (7, 13), (14, 19), (20, 22), (29, 34), (39, 42), (48, 60)];

static WAV: LazyLock<Vec<u8>> = LazyLock::new(wav);

pub fn player(call: Uuid, mono: bool, asked: &HashMap<String, String>) -> Player {
    let caller: Vec<u8> = (0..SECONDS * PEAKS).map(|peak| level(1, peak)).collect();
    let agent: Vec<u8> = (0..SECONDS * PEAKS).map(|peak| level(0, peak)).collect();
    let both = caller.iter().zip(&agent).map(|(one, other)| *one.max(other)).collect();
    Player {
        src: format!("/api/v1/calls/{call}/recording"),
        millis: SECONDS as u64 * 1_000,
        lanes: if mono { vec![both] } else { vec![caller, agent] },
        start: asked.get("t").and_then(|t| t.parse().ok()).unwrap_or(0),
    }
}

/// Loudness of one side in an eighth of a second: words come and go.
fn level(side: usize, peak: usize) -> u8 {
    let second = peak / PEAKS;
    let speaks = SPOKEN.iter().skip(side).step_by(2).any(|(from, to)| (*from..*to).contains(&second));
    if speaks { u8::try_from(90 + (peak * 7_919) % 160).unwrap() } else { 0 }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a minute of sound")]
fn wav() -> Vec<u8> {
    let samples = RATE * SECONDS;
    let size = u32::try_from(samples * 4).unwrap();
    let mut file = Vec::with_capacity(samples * 4 + 44);
    file.extend(b"RIFF");
    file.extend((size + 36).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(u32::try_from(RATE).unwrap().to_le_bytes());
    file.extend(u32::try_from(RATE * 4).unwrap().to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    file.extend(16_u16.to_le_bytes());
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    for sample in 0..samples {
        let time = sample as f32 / RATE as f32;
        for (side, pitch) in [(1, 220.0), (0, 150.0)] {
            let loud = f32::from(level(side, sample * PEAKS / RATE)) * 60.0;
            file.extend((((std::f32::consts::TAU * pitch * time).sin() * loud) as i16).to_le_bytes());
        }
    }
    file
}

pub async fn serve(headers: HeaderMap) -> Response {
    let asked = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let length = WAV.len() as u64;
    let part = Part::read(asked, length);
    let kind = [(CONTENT_TYPE, "audio/wav"), (ACCEPT_RANGES, "bytes")];
    match part {
        Part::Whole => (kind, WAV.as_slice()).into_response(),
        Part::From { first, last } => {
            let bytes = &WAV[usize::try_from(first).unwrap()..=usize::try_from(last).unwrap()];
            let range = [(CONTENT_RANGE, part.content_range(length).unwrap())];
            (StatusCode::PARTIAL_CONTENT, kind, range, bytes).into_response()
        }
        Part::Beyond => StatusCode::RANGE_NOT_SATISFIABLE.into_response(),
    }
}
