//! Which rows train and which rows judge: folds by group and outcome, origins in time, and the part that stops the trees.

use std::collections::BTreeMap;

use super::{ClassifyError, Table};
use crate::resample::{Stream, folds};

/// Rows to train on and rows to judge by, both rising and apart.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The origin in time, seconds since 1970; none for a fold.
    pub origin_s: Option<i64>,
    pub training: Vec<u32>,
    pub test: Vec<u32>,
}

/// `k` folds in which each outcome is spread evenly and no group is torn.
pub(super) fn kfold_parts(table: &Table, k: usize, seed: u64) -> Result<Vec<Part>, ClassifyError> {
    if !(2..=1000).contains(&k) {
        return Err(ClassifyError::Setting { setting: "k", found: k as f64, expected: "between 2 and 1,000" });
    }
    let rows = table.all_rows();
    let units = Units::of(table, &rows);
    for label in [0, 1] {
        let found = units.of_label(label == 1);
        if found < k {
            let unit = if table.has_groups() { "groups" } else { "rows" };
            return Err(ClassifyError::Parts { k, unit, label, found });
        }
    }
    let fold_of_row = units.folds(k, Stream::new(seed, "classify folds").next_u64());
    let part = |fold: u32| {
        let is_test = |row: &u32| fold_of_row.get(*row as usize) == Some(&fold);
        let (test, training) = rows.iter().copied().partition(is_test);
        Part { origin_s: None, training, test }
    };
    Ok((0..k as u32).map(part).collect())
}

/// One part an origin: it trains on rows whose outcome was known by then, and is judged by rows that would have been scored
/// from then on, up to `window_s` seconds later.
pub(super) fn rolling_parts(table: &Table, origins_s: &[i64], window_s: i64) -> Result<Vec<Part>, ClassifyError> {
    let Some(times) = table.times() else { return Err(ClassifyError::NoTimes) };
    let origins_fault =
        |found| Err(ClassifyError::Setting { setting: "number of origins", found, expected: "at least 2" });
    if origins_s.len() < 2 {
        return origins_fault(origins_s.len() as f64);
    }
    if window_s <= 0 {
        let expected = "positive, in seconds";
        return Err(ClassifyError::Setting { setting: "window_s", found: window_s as f64, expected });
    }
    if let Some(idx) = origins_s.windows(2).position(|pair| matches!(pair, [a, b] if b <= a)) {
        let found = origins_s.get(idx + 1).copied().unwrap_or(0);
        return Err(ClassifyError::Origins { idx: idx + 1, found });
    }
    let mut parts = Vec::with_capacity(origins_s.len());
    for &origin_s in origins_s {
        let end_s = origin_s.saturating_add(window_s);
        let rows = || (0_u32..).zip(times);
        let training: Vec<u32> =
            rows().filter(|(_, time)| time.outcome_until_s <= origin_s).map(|(row, _)| row).collect();
        let is_test = |from_s: i64| from_s >= origin_s && from_s < end_s;
        let test: Vec<u32> = rows().filter(|(_, time)| is_test(time.outcome_from_s)).map(|(row, _)| row).collect();
        for (side, rows) in [("training", &training), ("test", &test)] {
            let n_positive = table.n_positive(rows);
            if n_positive == 0 || n_positive == rows.len() {
                return Err(ClassifyError::Origin { origin_s, side, n_rows: rows.len(), n_positive });
            }
        }
        parts.push(Part { origin_s: Some(origin_s), training, test });
    }
    Ok(parts)
}

/// A fifth of the rows, by group and outcome, to stop the trees with; none if too few rows would be left on either side.
pub(super) fn early_stopping_part(table: &Table, rows: &[u32], seed: u64) -> Option<(Vec<u32>, Vec<u32>)> {
    let n_positive = table.n_positive(rows);
    if rows.len() < 200 || n_positive.min(rows.len() - n_positive) < 20 {
        return None;
    }
    let units = Units::of(table, rows);
    if units.of_label(true).min(units.of_label(false)) < 20 {
        return None;
    }
    let fold_of_row = units.folds(5, Stream::new(seed, "classify early stopping").next_u64());
    let (mut training, mut stopping) = (Vec::new(), Vec::new());
    for (row, fold) in rows.iter().zip(fold_of_row) {
        if fold == 0 { &mut stopping } else { &mut training }.push(*row);
    }
    Some((training, stopping))
}

/// Rows gathered into groups; a group counts as outcome 1 if any of its rows does.
struct Units {
    /// Unit of each row, in the rows' order.
    of_row: Vec<usize>,
    labels: Vec<bool>,
}

impl Units {
    fn of(table: &Table, rows: &[u32]) -> Units {
        let mut of_group: BTreeMap<u64, usize> = BTreeMap::new();
        let mut units = Units { of_row: Vec::with_capacity(rows.len()), labels: Vec::new() };
        for row in rows {
            let label = table.label(*row);
            // Without groups each row is its own unit, and needs no look-up.
            let next = units.labels.len();
            let unit = match table.has_groups() {
                true => *of_group.entry(table.group(*row as usize)).or_insert(next),
                false => next,
            };
            match units.labels.get_mut(unit) {
                Some(known) => *known |= label,
                None => units.labels.push(label),
            }
            units.of_row.push(unit);
        }
        units
    }

    fn of_label(&self, label: bool) -> usize {
        self.labels.iter().filter(|one| **one == label).count()
    }

    /// The fold of each row: units of each outcome are dealt out apart.
    fn folds(&self, k: usize, seed: u64) -> Vec<u32> {
        let mut of_unit = vec![0_u32; self.labels.len()];
        for label in [false, true] {
            let units: Vec<usize> =
                (0..self.labels.len()).filter(|unit| self.labels.get(*unit) == Some(&label)).collect();
            let dealt = folds(units.len(), k as u32, seed ^ u64::from(label));
            for (unit, fold) in units.into_iter().zip(dealt) {
                if let Some(place) = of_unit.get_mut(unit) {
                    *place = fold;
                }
            }
        }
        self.of_row.iter().map(|unit| of_unit.get(*unit).copied().unwrap_or(0)).collect()
    }
}
