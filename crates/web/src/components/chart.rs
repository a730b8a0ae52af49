//! Charts drawn as SVG on the server: classes instead of colours, attributes instead of styles, and the same numbers
//! as a table.

use maud::{Markup, html};

/// One hour of a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HourBar {
    /// 0 to 23 on the organization's clock.
    pub hour: u8,
    /// Calls that began in it.
    pub calls: u32,
    /// What is usual in it, when there is enough history to say.
    pub usual: Option<f32>,
}

const WIDTH: f32 = 360.0;
const HEIGHT: f32 = 165.0;
const LEFT: f32 = 26.0;
const BOTTOM: f32 = 24.0;
const TOP: f32 = 10.0;

/// Bars by hour, with a dashed line for the usual day.
pub fn calls_by_hour(bars: &[HourBar], usual_name: &str) -> Markup {
    let highest = bars.iter().map(|b| as_float(b.calls).max(b.usual.unwrap_or(0.0))).fold(0.0, f32::max);
    let step = step(highest);
    let top = (highest / step).ceil().max(2.0) * step;
    let y = |value: f32| HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP);
    let slot = (WIDTH - LEFT) / as_float(u32::try_from(bars.len()).unwrap_or(1).max(1));
    let x = |index: usize| LEFT + slot * as_float(u32::try_from(index).unwrap_or(0));
    let usual = bars
        .iter()
        .enumerate()
        .filter_map(|(i, b)| Some(format!("{:.1},{:.1}", x(i) + slot / 2.0, y(b.usual?))))
        .collect::<Vec<_>>();
    let total: u32 = bars.iter().map(|b| b.calls).sum();
    let busiest = bars.iter().max_by_key(|b| b.calls).filter(|b| b.calls > 0);
    let said = busiest.map_or_else(
        || "Calls by hour: none yet.".to_owned(),
        |b| format!("Calls by hour: {total} in all, most in the hour from {:02}:00, {}.", b.hour, b.calls),
    );
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(said) {
            title { (said) }
            @for line in 0..=2u32 {
                @let value = top / 2.0 * as_float(line);
                line.grid x1=(LEFT) x2=(WIDTH) y1=(coordinate(y(value))) y2=(coordinate(y(value))) {}
                text x="0" y=(coordinate(y(value) + 4.0)) { (tick(value)) }
            }
            @for (index, bar) in bars.iter().enumerate() {
                @if bar.calls > 0 {
                    rect.bar x=(coordinate(x(index) + slot * 0.17)) y=(coordinate(y(as_float(bar.calls)))) rx="2"
                        width=(coordinate(slot * 0.66)) height=(coordinate(HEIGHT - BOTTOM - y(as_float(bar.calls)))) {
                        title { (format!("{:02}:00: {}", bar.hour, bar.calls)) }
                    }
                }
                @if bars.len() <= 12 || index % 2 == 0 {
                    text x=(coordinate(x(index) + slot / 2.0)) y=(HEIGHT - 6.0) text-anchor="middle" { (format!("{:02}", bar.hour)) }
                }
            }
            @if usual.len() > 1 { polyline.usual points=(usual.join(" ")) {} }
        }
        p.small.muted { "Bars: today." @if usual.len() > 1 { " Dashes: " (usual_name) "." } }
        details.more {
            summary { "Show as table" }
            table {
                thead { tr { th scope="col" { "Hour" } th.end scope="col" { "Calls" } @if usual.len() > 1 { th.end scope="col" { "Usual" } } } }
                tbody {
                    @for bar in bars {
                        tr {
                            th scope="row" { (format!("{:02}:00", bar.hour)) }
                            td.end.num { (bar.calls) }
                            @if usual.len() > 1 { td.end.num { @if let Some(usual) = bar.usual { (format!("{usual:.1}")) } @else { "–" } } }
                        }
                    }
                }
            }
        }
    }
}

/// A step of the scale that people count in.
fn step(highest: f32) -> f32 {
    [1.0, 2.0, 4.0, 5.0, 10.0, 20.0, 40.0, 50.0, 100.0, 200.0, 500.0, 1000.0]
        .into_iter()
        .find(|step| step * 2.0 >= highest)
        .unwrap_or(highest / 2.0)
}

fn tick(value: f32) -> String {
    if value.fract().abs() < f32::EPSILON { format!("{value:.0}") } else { format!("{value:.1}") }
}

fn coordinate(value: f32) -> String {
    format!("{value:.1}")
}

#[expect(clippy::cast_precision_loss, reason = "pixels of a chart; counts above 16 million are drawn a hair off")]
fn as_float(count: u32) -> f32 {
    count as f32
}
