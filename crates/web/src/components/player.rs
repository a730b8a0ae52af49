//! The player of a recording: a drawing of who spoke when, which is also the way through it.
//!
//! Without script the browser's own player stands here, and a link into the call (`?t=`) is part of its address. The drawing
//! comes with the page, so it is there before any sound is; and no sound is fetched before somebody plays.

use maud::{Markup, html};

use super::{Icon, icon};
use crate::format;

/// Bars of the drawing, whatever the number of peaks: as many as a wide screen tells apart.
const BARS: usize = 240;
/// Units of the drawing to a bar.
const STEP: usize = 3;
/// Half the height of a bar at its loudest, in units of the drawing.
const HALF: usize = 21;
/// Heights of the two lanes' middles.
const MIDDLES: [usize; 2] = [24, 72];
/// How loud silence may be, of 255.
const HUSH: u8 = 6;
/// The shortest silence that is worth skipping, in milliseconds.
const SHORTEST: u64 = 1_500;

/// A recording as the player gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Player {
    /// Address of the sound.
    pub src: String,
    /// Its length in milliseconds.
    pub millis: u64,
    /// Loudness over the call, 0 to 255: the caller's and the agent's, or of both together, or nothing where the sound
    /// could not be measured.
    pub lanes: Vec<Vec<u8>>,
    /// Where to begin, in seconds.
    pub start: u32,
}

impl Player {
    /// The player with its drawing.
    pub fn render(&self) -> Markup {
        let width = BARS * STEP;
        let seconds = format!("{}.{:03}", self.millis / 1000, self.millis % 1000);
        let whole = format::clock(u32::try_from(self.millis / 1000).unwrap_or(u32::MAX));
        let fragment = if self.start > 0 { format!("#t={}", self.start) } else { String::new() };
        html! {
            vx-player.player id="player" hx-morph-skip seconds=(seconds) start=(self.start) quiet=(self.quiet())
                data-of="{at} of {all}" data-failed="The recording cannot be played here. It can still be downloaded." {
                // Time runs from left to right in every language, as in the browser's own player.
                div.track dir="ltr" {
                    svg.wave viewBox={ "0 0 " (width) " 96" } data-width=(width) preserveAspectRatio="none" aria-hidden="true" {
                        clipPath id="heard" { rect x="0" y="0" width="0" height="96" {} }
                        g.rest { (self.drawing()) }
                        g clip-path="url(#heard)" {
                            @for lane in 0..self.lanes.len().clamp(1, 2) {
                                use class=(self.lane_class(lane)) href={ "#lane-" (lane) } {}
                            }
                        }
                        line.head x1="0" x2="0" y1="0" y2="96" {}
                    }
                    input type="range" data-scripted hidden min="0" max=(seconds) step="any" value="0"
                        aria-label="Position in the recording";
                }
                audio controls preload="none" src={ (self.src) (fragment) } aria-label="Recording of the call" {}
                div.controls data-scripted hidden {
                    button.btn.pri type="button" data-do="toggle" data-play="Play" data-pause="Pause" {
                        (icon(Icon::Play)) (icon(Icon::Pause)) span { "Play" }
                    }
                    button.btn.quiet type="button" data-do="back" { "Back 5 s" }
                    button.btn.quiet type="button" data-do="on" { "On 15 s" }
                    label.vh for="speed" { "Speed" }
                    select.in.fit id="speed" {
                        @for speed in ["0.75", "1", "1.25", "1.5", "2"] {
                            option value=(speed) selected[speed == "1"] { (speed) "×" }
                        }
                    }
                    @if self.lanes.len() == 2 {
                        label.vh for="sides" { "Who is heard" }
                        select.in.fit id="sides" {
                            option value="both" selected { "Both sides" }
                            option value="caller" { "Caller only" }
                            option value="agent" { "Agent only" }
                        }
                    }
                    label.check.skip-silence { input type="checkbox"; span { "Skip silence" } }
                    button.btn.quiet type="button" hidden data-do="share" data-done="Link to {at} copied"
                        data-refused="The browser did not let the link be copied" { (icon(Icon::Link)) "Copy link from here" }
                    span.num.time data-time { "0:00 / " (whole) }
                }
                p.err role="alert" {}
            }
        }
    }

    fn lane_class(&self, lane: usize) -> &'static str {
        match (self.lanes.len(), lane) {
            (2, 0) => "caller",
            (2, _) => "agent",
            _ => "both",
        }
    }

    /// The lanes as paths, a bar every few units around their middle. One lane stands in the middle.
    fn drawing(&self) -> Markup {
        let flat = [Vec::new()];
        let lanes = if self.lanes.is_empty() { &flat[..] } else { &self.lanes };
        html! {
            @for (index, lane) in lanes.iter().take(2).enumerate() {
                path id={ "lane-" (index) } d=(path(lane, if lanes.len() == 1 { 48 } else { MIDDLES[index] })) {}
            }
        }
    }

    /// The silences in milliseconds, `1200-4000 9000-12500`.
    fn quiet(&self) -> String {
        let spans = silences(&self.lanes, self.millis);
        spans.iter().map(|(from, to)| format!("{from}-{to}")).collect::<Vec<_>>().join(" ")
    }
}

fn path(lane: &[u8], middle: usize) -> String {
    let mut path = String::with_capacity(BARS * 12);
    for bar in 0..BARS {
        let (from, to) = (bar * lane.len() / BARS, ((bar + 1) * lane.len()).div_ceil(BARS));
        let peak = lane.get(from..to).into_iter().flatten().copied().max().unwrap_or(0);
        let half = (usize::from(peak) * HALF / 255).max(1);
        let [x, top, height] = [bar * STEP + 1, middle - half, half * 2].map(|number| number.to_string());
        path.extend(["M", &x, " ", &top, "v", &height]);
    }
    path
}

/// Spans in which nobody speaks, in milliseconds, long enough to be worth skipping.
fn silences(lanes: &[Vec<u8>], millis: u64) -> Vec<(u64, u64)> {
    let peaks = lanes.iter().map(Vec::len).min().unwrap_or(0);
    let at = |peak: usize| millis * peak as u64 / peaks as u64;
    let mut spans = Vec::new();
    let mut since = None;
    for peak in 0..=peaks {
        let hushed = peak < peaks && lanes.iter().all(|lane| lane[peak] <= HUSH);
        match (since, hushed) {
            (None, true) => since = Some(peak),
            (Some(first), false) => {
                since = None;
                let (from, to) = (at(first), at(peak));
                if to - from >= SHORTEST {
                    spans.push((from, to));
                }
            }
            _ => {}
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_silence_is_a_span_in_which_neither_side_speaks() {
        let caller = vec![9, 0, 0, 0, 0, 0, 0, 0, 90, 0];
        let agent = vec![0, 0, 99, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(silences(&[caller, agent], 10_000), [(3_000, 8_000)], "a second of it is not worth skipping");
        assert_eq!(silences(&[vec![0; 4]], 8_000), [(0, 8_000)]);
        assert_eq!(silences(&[], 8_000), []);
        assert_eq!(silences(&[vec![0; 4], Vec::new()], 8_000), []);
    }

    proptest! {
        #[test]
        fn silences_lie_apart_inside_the_call_and_hold_no_sound(
            lanes in (1_usize..60).prop_flat_map(|n| prop::collection::vec(prop::collection::vec(prop::num::u8::ANY.prop_map(|p| p % 12), n), 1..3)),
            millis in 0_u64..4_000_000,
        ) {
            let spans = silences(&lanes, millis);
            let peaks = lanes[0].len() as u64;
            prop_assert!(spans.windows(2).all(|two| two[0].1 < two[1].0));
            for (from, to) in spans {
                prop_assert!(from + SHORTEST <= to && to <= millis);
                for peak in 0..peaks {
                    let (start, end) = (millis * peak / peaks, millis * (peak + 1) / peaks);
                    if from <= start && end <= to && start < end {
                        prop_assert!(lanes.iter().all(|lane| lane[usize::try_from(peak).unwrap()] <= HUSH));
                    }
                }
            }
        }

        #[test]
        fn every_drawing_has_its_bars_inside_its_lane(lane in prop::collection::vec(prop::num::u8::ANY, 0..2_000)) {
            let path = path(&lane, 24);
            prop_assert_eq!(path.matches('M').count(), BARS);
            for bar in path.split('M').skip(1) {
                let (_, rest) = bar.split_once(' ').unwrap();
                let (top, height) = rest.split_once('v').unwrap();
                let (top, height): (usize, usize) = (top.parse().unwrap(), height.parse().unwrap());
                prop_assert!(top >= 3 && top + height <= 45);
            }
        }
    }

    #[test]
    fn a_loud_moment_is_seen_however_long_the_call_is() {
        let mut lane = vec![0; 800];
        lane[401] = 255;
        assert_eq!(path(&lane, 24).matches("v42").count(), 1);
    }
}
