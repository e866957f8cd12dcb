//! Lines: how one number goes with another.

use crate::axis::{is_drawn, range, ticks};
use crate::block::{Block, table};
use crate::number::shown;
use crate::words::Words;
use std::collections::BTreeSet;

const SIZE: (f64, f64) = (640.0, 320.0);
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
/// Room for the name of the upright axis, above its highest number.
const TOP: f64 = 28.0;
const BOTTOM: f64 = 48.0;

/// A line of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it shows.
    pub name: Words,
    /// Points by rising `x`. A point that is not finite, or beyond 10^15, parts the line.
    pub points: Vec<(f64, f64)>,
    /// Whether it is drawn broken: what should be, beside what is.
    pub is_reference: bool,
}

/// Lines over one pair of axes, up to six of them told apart by colour and by their names in order.
pub fn lines(name: &Words, x_name: &Words, y_name: &Words, series: &[Series]) -> Block {
    let points = || series.iter().flat_map(|line| line.points.iter());
    let x_ticks = axis(points().map(|(x, _)| *x));
    let y_ticks = axis(points().map(|(_, y)| *y).chain([0.0]));
    let ends = |ticks: &[f64]| (ticks.first().copied().unwrap_or(0.0), ticks.last().copied().unwrap_or(1.0));
    let ((x_from, x_to), (y_from, y_to)) = (ends(&x_ticks), ends(&y_ticks));
    let x_at = |x: f64| LEFT + (x - x_from) / (x_to - x_from) * (SIZE.0 - LEFT - RIGHT);
    let y_at = |y: f64| SIZE.1 - BOTTOM - (y - y_from) / (y_to - y_from) * (SIZE.1 - TOP - BOTTOM);
    let floor = SIZE.1 - BOTTOM;

    let mut marks = String::new();
    for tick in &x_ticks {
        let x = x_at(*tick);
        marks.push_str(&format!(
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{floor}\" class=\"rule\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" class=\"middle\">{}</text>",
            floor + 16.0,
            shown(*tick)
        ));
    }
    for tick in &y_ticks {
        let y = y_at(*tick);
        marks.push_str(&format!(
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" class=\"rule\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" class=\"label\">{}</text>",
            SIZE.0 - RIGHT,
            LEFT - 6.0,
            y + 4.0,
            shown(*tick)
        ));
    }
    marks.push_str(&format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" class=\"middle\">{}</text><text x=\"4\" y=\"12\">{}</text>",
        (LEFT + SIZE.0 - RIGHT) / 2.0,
        SIZE.1 - 8.0,
        x_name.svg(),
        y_name.svg()
    ));
    for (idx, line) in series.iter().enumerate() {
        let class = format!("line c{}{}", idx % 6, if line.is_reference { " reference" } else { "" });
        for part in line.points.split(|(x, y)| !(is_drawn(*x) && is_drawn(*y))).filter(|part| !part.is_empty()) {
            let path: Vec<String> = part.iter().map(|(x, y)| format!("{:.1},{:.1}", x_at(*x), y_at(*y))).collect();
            marks.push_str(&format!("<polyline points=\"{}\" class=\"{class}\"/>", path.join(" ")));
        }
    }
    let keys: Vec<String> = series
        .iter()
        .enumerate()
        .map(|(idx, line)| format!("<span class=\"key c{}\">{}</span>", idx % 6, line.name.html()))
        .collect();
    let svg = format!(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{marks}</svg><p class=\"keys\">{}</p>",
        SIZE.0,
        SIZE.1,
        name.attribute(),
        keys.concat()
    );
    Block::figure(name, &svg, &numbers(x_name, series))
}

fn axis(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let (least, greatest) = range(numbers).unwrap_or((0.0, 1.0));
    ticks(least, greatest, 6)
}

/// One row for each `x` that any line has.
fn numbers(x_name: &Words, series: &[Series]) -> Block {
    // Ordered by value: bit patterns of numbers of one sign rise with them, and total order covers the rest.
    let xs: BTreeSet<Ordered> =
        series.iter().flat_map(|line| &line.points).filter(|(x, _)| is_drawn(*x)).map(|(x, _)| Ordered(*x)).collect();
    let head: Vec<Words> = std::iter::once(x_name.clone()).chain(series.iter().map(|line| line.name.clone())).collect();
    let rows: Vec<Vec<Words>> = xs
        .into_iter()
        .map(|Ordered(x)| {
            let cell = |line: &Series| {
                let found = line.points.iter().find(|(at, _)| at.total_cmp(&x).is_eq());
                Words::same(found.map_or_else(String::new, |(_, y)| shown(*y)))
            };
            std::iter::once(Words::same(shown(x))).chain(series.iter().map(cell)).collect()
        })
        .collect();
    table(&head, &rows)
}

#[derive(Clone, Copy)]
struct Ordered(f64);

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
