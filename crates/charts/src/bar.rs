//! Bars: how much there is of each.

use crate::axis::{is_drawn, range};
use crate::block::{Block, table};
use crate::number::shown;
use crate::words::Words;

const WIDTH: f64 = 640.0;
const ROW: f64 = 24.0;
/// Room for labels: as much as the longest needs, within bounds.
const LABEL: (f64, f64) = (190.0, 340.0);
const NUMBER: f64 = 80.0;

/// Horizontal bars in the order given, each with its number. Bars of numbers below zero go to the left of the others' beginning; what is no
/// finite number, or above 10^15, has no bar.
pub fn bars(name: &Words, values: &[(Words, f64)]) -> Block {
    let (least, greatest) = range(values.iter().map(|(_, value)| *value)).unwrap_or((0.0, 1.0));
    let (least, greatest) = (least.min(0.0), greatest.max(0.0));
    let span = if greatest > least { greatest - least } else { 1.0 };
    let label_room = room(values.iter().map(|(label, _)| label));
    let at = |value: f64| label_room + (value - least) / span * (WIDTH - label_room - NUMBER);
    let mut marks = String::new();
    for (idx, (label, value)) in values.iter().enumerate() {
        let top = idx as f64 * ROW;
        let middle = top + ROW * 0.65;
        let end = if is_drawn(*value) { at(*value) } else { at(0.0) };
        let (left, right) = if end < at(0.0) { (end, at(0.0)) } else { (at(0.0), end) };
        marks.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{middle:.1}\" class=\"label\">{}</text>\
             <rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" class=\"bar\"/>\
             <text x=\"{:.1}\" y=\"{middle:.1}\">{}</text>",
            label_room - 8.0,
            label.svg(),
            top + 4.0,
            right - left,
            ROW - 8.0,
            right + 6.0,
            shown(*value)
        ));
    }
    let height = (values.len() as f64 * ROW).max(ROW);
    let svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">{marks}</svg>", name.attribute());
    let rows: Vec<Vec<Words>> =
        values.iter().map(|(label, value)| vec![label.clone(), Words::same(shown(*value))]).collect();
    Block::figure(name, &svg, &table(&[Words::same(""), Words::new("value", "数值")], &rows))
}

/// Width that labels need, about: a letter is half as wide as a Chinese character.
fn room<'a>(labels: impl Iterator<Item = &'a Words>) -> f64 {
    let width = |text: &str| text.chars().map(|char| if char.is_ascii() { 7.0 } else { 13.5 }).sum::<f64>();
    let widest = labels.map(|label| width(&label.en).max(width(&label.zh))).fold(0.0, f64::max);
    (widest + 28.0).clamp(LABEL.0, LABEL.1)
}
