//! Churn and propensity models: against hand-computed values, against made-up truth, with bad inputs, and as documents.

#[path = "classify/document.rs"]
mod document;
#[path = "classify/known.rs"]
mod known;
#[path = "classify/naive.rs"]
mod naive;
#[path = "classify/refused.rs"]
mod refused;
#[path = "classify/truth.rs"]
mod truth;

use vitrine_learn::classify::{Table, TableBuilder, sigmoid};
use vitrine_learn::resample::Stream;

/// `n_columns` standard normal features `x0`, `x1`, …, and outcomes whose log-odds `margin` gives.
fn made_up(n_rows: usize, n_columns: usize, seed: u64, margin: impl Fn(&[f64]) -> f64) -> TableBuilder {
    let mut stream = Stream::new(seed, "made-up table");
    let mut columns = vec![Vec::with_capacity(n_rows); n_columns];
    let mut labels = Vec::with_capacity(n_rows);
    for _ in 0..n_rows {
        let row: Vec<f64> = (0..n_columns).map(|_| stream.normal()).collect();
        labels.push(f64::from(u8::from(stream.unit() < sigmoid(margin(&row)))));
        columns.iter_mut().zip(&row).for_each(|(column, value)| column.push(*value));
    }
    let mut builder = Table::builder(&labels);
    for (idx, column) in columns.into_iter().enumerate() {
        builder = builder.number(&format!("x{idx}"), column);
    }
    builder
}

/// A table with two numbers (one often missing), a category and weights.
fn mixed(n_rows: usize, seed: u64) -> Table {
    let mut stream = Stream::new(seed, "mixed table");
    let (mut labels, mut days, mut spend, mut channel, mut weights) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..n_rows {
        let recency = (stream.unit() * 365.0).floor();
        let amount = if stream.unit() < 0.3 { f64::NAN } else { 20.0 + 10.0 * stream.normal() };
        let code = stream.below(4) as u32;
        let spent = if amount.is_nan() { -1.0 } else { (amount - 20.0) / 10.0 };
        let margin = 2.0 - recency / 60.0 + spent + [0.0, 1.0, -1.0, 0.5][code as usize];
        labels.push(f64::from(u8::from(stream.unit() < sigmoid(margin))));
        days.push(recency);
        spend.push(amount);
        channel.push(code);
        weights.push(1.0 + stream.below(3) as f64);
    }
    let values = ["web", "app", "store"].map(str::to_owned).to_vec();
    let builder = Table::builder(&labels).number("recency_days", days).number("spend_minor", spend);
    builder.category("channel", channel, values).weights(weights).build().unwrap()
}
