//! Charts drawn as SVG on the server: classes instead of colours, attributes instead of styles, and the same numbers
//! as a table.

use maud::{Markup, html};

/// One hour of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourBar {
    /// 0 to 23 on the organization's clock.
    pub hour: u8,
    /// Calls that began in it and were answered.
    pub answered: u32,
    /// Calls that began in it and that nobody answered.
    pub missed: u32,
    /// All calls of that hour on the day to compare with.
    pub before: Option<u32>,
}

impl HourBar {
    const fn calls(&self) -> u32 {
        self.answered + self.missed
    }
}

const WIDTH: f32 = 360.0;
const HEIGHT: f32 = 165.0;
const LEFT: f32 = 26.0;
const BOTTOM: f32 = 24.0;
const TOP: f32 = 10.0;

/// Bars by hour, with a dashed line for the day named `before`.
pub fn calls_by_hour(bars: &[HourBar], before: &str) -> Markup {
    let highest = bars.iter().map(|b| b.calls().max(b.before.unwrap_or(0))).max().unwrap_or(0);
    let top = float(2 * step(highest));
    let y = |value: f32| HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP);
    let slot = (WIDTH - LEFT) / float(u32::try_from(bars.len()).unwrap_or(1).max(1));
    let x = |index: usize| LEFT + slot * float(u32::try_from(index).unwrap_or(0));
    let line =
        |(index, bar): (usize, &HourBar)| Some(format!("{:.1},{:.1}", x(index) + slot / 2.0, y(float(bar.before?))));
    let line: Vec<String> = bars.iter().enumerate().filter_map(line).collect();
    let compares = line.len() > 1;
    let misses = bars.iter().any(|b| b.missed > 0);
    let said = said(bars);
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(said) {
            title { (said) }
            @for value in [0.0, top / 2.0, top] {
                line.grid x1=(LEFT) x2=(WIDTH) y1=(coordinate(y(value))) y2=(coordinate(y(value))) {}
                text x="0" y=(coordinate(y(value) + 4.0)) { (format!("{value:.0}")) }
            }
            @for (index, bar) in bars.iter().enumerate() {
                @let left = coordinate(x(index) + slot * 0.17);
                @let width = coordinate(slot * 0.66);
                @for (class, from, to) in [("bar", 0, bar.answered), ("bar miss", bar.answered, bar.calls())] {
                    @if to > from {
                        rect class=(class) x=(left) width=(width) rx="2"
                            y=(coordinate(y(float(to)))) height=(coordinate(y(float(from)) - y(float(to)))) {}
                    }
                }
                @if bars.len() <= 12 || index % 2 == 0 {
                    text x=(coordinate(x(index) + slot / 2.0)) y=(HEIGHT - 6.0) text-anchor="middle" { (format!("{:02}", bar.hour)) }
                }
            }
            @if compares { polyline.before points=(line.join(" ")) {} }
        }
        p.small.muted {
            "Bars: today." @if misses { " Red: not answered." } @if compares { " Dashes: " (before) "." }
        }
        details.more {
            summary { "Show as table" }
            (as_table(bars, compares.then_some(before)))
        }
    }
}

fn as_table(bars: &[HourBar], before: Option<&str>) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Hour" }
                    th.end scope="col" { "Answered" }
                    th.end scope="col" { "Not answered" }
                    @if let Some(before) = before { th.end scope="col" { (before) } }
                }
            }
            tbody {
                @for bar in bars {
                    tr {
                        th scope="row" { (format!("{:02}:00", bar.hour)) }
                        td.end.num { (bar.answered) }
                        td.end.num { (bar.missed) }
                        @if before.is_some() { td.end.num { @if let Some(count) = bar.before { (count) } @else { "–" } } }
                    }
                }
            }
        }
    }
}

fn said(bars: &[HourBar]) -> String {
    let total: u32 = bars.iter().map(HourBar::calls).sum();
    match bars.iter().max_by_key(|b| b.calls()).filter(|b| b.calls() > 0) {
        None => "Calls by hour: none yet.".to_owned(),
        Some(b) => format!("Calls by hour: {total} in all, most in the hour from {:02}:00, {}.", b.hour, b.calls()),
    }
}

/// Half of the scale's top: a step that people count in.
fn step(highest: u32) -> u32 {
    let steps = [1, 2, 4, 5, 10, 20, 40, 50, 100, 200, 500, 1000];
    steps.into_iter().find(|step| step * 2 >= highest).unwrap_or_else(|| highest.div_ceil(2))
}

fn coordinate(value: f32) -> String {
    format!("{value:.1}")
}

#[expect(clippy::cast_precision_loss, reason = "pixels of a chart; counts above 16 million are drawn a hair off")]
fn float(count: u32) -> f32 {
    count as f32
}
