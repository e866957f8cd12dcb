//! Sections about customers as they are: segments, the grid of recency and frequency, personas.

use super::{chinese, number, percent};
use crate::Report;
use serde_json::Value;
use vitrine_charts::{Block, Words, bars, facts, heat_grid, paragraph, table};

/// Customers by segment.
pub(super) fn segments(report: &Report) -> Vec<Block> {
    if report.segments.iter().all(|segment| segment.customers == 0) {
        return Vec::new();
    }
    let values: Vec<(Words, f64)> =
        report.segments.iter().map(|segment| (chinese::segment(&segment.segment), segment.customers as f64)).collect();
    vec![bars(&Words::new("Customers by segment", "各细分的客户数"), &values)]
}

/// Customers by fifths of recency and frequency.
pub(super) fn rfm_grid(report: &Report) -> Vec<Block> {
    if report.rfm_grid.iter().flatten().all(|customers| *customers == 0) {
        return Vec::new();
    }
    let fifth = |letter: &str, at: usize| Words::same(format!("{letter} {at}"));
    // The best customers stand at the top right.
    let rows: Vec<Words> = (1..=5).rev().map(|at| fifth("R", at)).collect();
    let columns: Vec<Words> = (1..=5).map(|at| fifth("F", at)).collect();
    let values: Vec<Vec<f64>> =
        report.rfm_grid.iter().rev().map(|row| row.iter().map(|customers| *customers as f64).collect()).collect();
    vec![
        heat_grid(
            &Words::new("Customers by recency (R) and frequency (F)", "按最近购买 (R) 与频率 (F) 的客户数"),
            &rows,
            &columns,
            &values,
        ),
        paragraph(&Words::new(
            "5 is the best fifth. Equal customers are in the same fifth, so where most have ordered once, F 1 is large and F 2 may be empty.",
            "5 为最好的五分之一。相同的客户总在同一档，因此多数客户只下过一单时，F 1 很大而 F 2 可能为空。",
        )),
    ]
}

/// Cards of groups and segments. Groups with fewer than five customers have none.
pub(super) fn personas(report: &Report) -> Vec<Block> {
    let mut blocks = Vec::new();
    for list in ["clusters", "segments"] {
        let cards = report.models.personas.get(list).and_then(Value::as_array);
        for card in cards.into_iter().flatten() {
            blocks.extend(persona(card).into_iter().flatten());
        }
    }
    blocks
}

fn persona(card: &Value) -> Option<[Block; 2]> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let share = |value: &Value, key: &str| value.get(key).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let head = facts(&[
        (Words::new("persona", "人物"), Words::new(text(card, "name").replace('_', " "), text(card, "name_zh"))),
        (Words::new("customers", "客户"), number(card.get("size")?.as_u64()?)),
        (Words::new("of all", "占比"), percent(share(card, "share"))),
    ]);
    let mut rows = Vec::new();
    for contrast in card.get("contrasts").and_then(Value::as_array).into_iter().flatten() {
        rows.push(vec![
            Words::new(text(contrast, "text"), text(contrast, "text_zh")),
            Words::same(""),
            Words::same(""),
        ]);
    }
    for label in card.get("top_labels").and_then(Value::as_array).into_iter().flatten() {
        let named = format!("{}: {}", text(label, "label"), text(label, "value"));
        rows.push(vec![Words::same(named), percent(share(label, "share")), percent(share(label, "overall_share"))]);
    }
    let columns = [Words::new("what is typical", "典型特征"), Words::new("here", "本群"), Words::new("of all", "全体")];
    Some([head, table(&columns, &rows)])
}
