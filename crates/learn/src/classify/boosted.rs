//! Boosted shallow trees: settings, the fitted model, and the loop that adds tree after tree until validation says stop.

use serde::Serialize;

use super::grow::{Binned, Slope};
use super::newton::loss;
use super::parts::early_stopping_part;
use super::score::{sigmoid, trees_margin};
use super::{ClassifyError, Table};

/// Settings of boosted trees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BoostedParams {
    /// Questions from root to leaf at most. Range: 1 to 4. Default: 3.
    pub depth: u32,
    /// Trees at most. Range: 1 to 1,000. Default: 300; early stopping usually ends before.
    pub trees_max: u32,
    /// Share of each tree's correction that is taken. Range: above 0 to 1. Default: 0.1.
    pub rate: f64,
    /// Rows in a leaf at least. Range: 1 to 1,000,000. Default: 20.
    pub leaf_rows_min: u32,
    /// Penalty on squares of leaf values. Range: 0 to 1e6. Default: 1.
    pub l2: f64,
    /// Bins of a number at most. Range: 2 to 255. Default: 64.
    pub bins_max: u32,
    /// Trees without gain on the validation part after which to stop. Range: 1 to 1,000. Default: 20.
    pub patience: u32,
}

impl Default for BoostedParams {
    fn default() -> Self {
        BoostedParams { depth: 3, trees_max: 300, rate: 0.1, leaf_rows_min: 20, l2: 1.0, bins_max: 64, patience: 20 }
    }
}

impl BoostedParams {
    pub(super) fn check(&self) -> Result<(), ClassifyError> {
        let checks = [
            ("depth", f64::from(self.depth), 1.0, 4.0, "between 1 and 4"),
            ("trees_max", f64::from(self.trees_max), 1.0, 1000.0, "between 1 and 1,000"),
            ("rate", self.rate, 1e-4, 1.0, "between 0.0001 and 1"),
            ("leaf_rows_min", f64::from(self.leaf_rows_min), 1.0, 1e6, "between 1 and 1,000,000"),
            ("l2", self.l2, 0.0, 1e6, "between 0 and 1e6"),
            ("bins_max", f64::from(self.bins_max), 2.0, 255.0, "between 2 and 255"),
            ("patience", f64::from(self.patience), 1.0, 1000.0, "between 1 and 1,000"),
        ];
        for (setting, found, min, max, expected) in checks {
            if !(min..=max).contains(&found) {
                return Err(ClassifyError::Setting { setting, found, expected });
            }
        }
        Ok(())
    }
}

/// A question that a tree asks of one feature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Test {
    /// Is the number smaller than this? Unit: the feature's.
    Below(f32),
    /// Is the value one of these?
    Among {
        /// Positions of values, rising.
        codes: Vec<u8>,
        /// How many values the feature has; positions from there on are unknown.
        n_values: usize,
    },
}

/// A place in a tree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Node {
    /// The end: log-odds to add.
    Leaf(f32),
    /// A question, and at which node to go on. Both lie further back in the list.
    Split {
        /// Position of the feature.
        feature: u32,
        /// The question.
        test: Test,
        /// Where to go if the answer is yes.
        yes: u32,
        /// Where to go if it is no.
        no: u32,
        /// Where to go if the value is missing or unknown: `yes` or `no`.
        missing: u32,
    },
}

/// A tree of up to 31 nodes; the first is the root.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tree {
    /// The nodes; each but the first is the target of exactly one question before it.
    pub nodes: Vec<Node>,
}

/// Fitted trees. Their numbers are single-precision from the start, so that what is validated is what is exported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Boosted {
    /// Log-odds of the training rows' rate; every row starts with it.
    pub base: f32,
    /// What is added, in order.
    pub trees: Vec<Tree>,
    /// Mean loss of the training rows in nats.
    pub training_loss: f64,
    /// Mean loss of the rows that decided when to stop; none if the table was too small to set rows aside.
    pub stopping_loss: Option<f64>,
}

/// Trees without early stopping, for tables too small to set rows aside.
const SMALL_TREES: u32 = 40;

impl Boosted {
    /// Fits trees to a table. A fifth of the rows is set aside and decides how many trees are kept; a table with fewer than
    /// 200 rows, or with fewer than 20 of an outcome, is used whole and gets at most 40 trees.
    ///
    /// # Errors
    /// [`ClassifyError::Setting`].
    pub fn fit(table: &Table, params: &BoostedParams, seed: u64) -> Result<Self, ClassifyError> {
        Self::fit_rows(table, &table.all_rows(), params, seed)
    }

    pub(super) fn fit_rows(
        table: &Table,
        rows: &[u32],
        params: &BoostedParams,
        seed: u64,
    ) -> Result<Self, ClassifyError> {
        params.check()?;
        match early_stopping_part(table, rows, seed) {
            Some((training, stopping)) => Ok(grow_all(table, &training, &stopping, params, params.trees_max)),
            None => Ok(grow_all(table, rows, &[], params, params.trees_max.min(SMALL_TREES))),
        }
    }

    /// The log-odds of outcome 1 for a row, before calibration.
    pub fn margin(&self, row: &[f64]) -> f64 {
        trees_margin(self.base, &self.trees, row)
    }
}

fn grow_all(table: &Table, training: &[u32], stopping: &[u32], params: &BoostedParams, trees_max: u32) -> Boosted {
    let rate = table.rate(training).clamp(1e-6, 1.0 - 1e-6);
    let base = libm::log(rate / (1.0 - rate)) as f32;
    let binned = Binned::of(table, training, params.bins_max as usize);
    let mut margins = vec![f64::from(base); training.len()];
    let mut slopes = vec![Slope::default(); training.len()];
    // Rows that decide when to stop, with their margins.
    let mut judged: Vec<(Vec<f64>, u32, f64)> =
        stopping.iter().map(|row| (table.row(*row as usize), *row, f64::from(base))).collect();
    let judged_loss =
        |judged: &[(Vec<f64>, u32, f64)]| mean_loss(table, judged.iter().map(|(_, row, margin)| (*row, *margin)));
    let mut trees: Vec<Tree> = Vec::new();
    let (mut best_loss, mut best_n_trees) = (judged_loss(&judged), 0);
    while trees.len() < trees_max as usize {
        for ((slope, margin), row) in slopes.iter_mut().zip(&margins).zip(training) {
            let chance = sigmoid(*margin);
            *slope = Slope::new(table.label(*row), chance, table.weight(*row));
        }
        let Some(grown) = binned.grow(&slopes, params) else { break };
        for (leaf, rows) in &grown.leaves {
            for row in rows {
                if let Some(margin) = margins.get_mut(*row as usize) {
                    *margin += f64::from(*leaf);
                }
            }
        }
        for (values, _, margin) in &mut judged {
            *margin += f64::from(grown.tree.value(values));
        }
        trees.push(grown.tree);
        if judged.is_empty() {
            best_n_trees = trees.len();
            continue;
        }
        let loss = judged_loss(&judged);
        if loss < best_loss {
            (best_loss, best_n_trees) = (loss, trees.len());
        } else if trees.len() >= best_n_trees + params.patience as usize {
            break;
        }
    }
    trees.truncate(best_n_trees);
    let kept = |row: u32| (row, trees_margin(base, &trees, &table.row(row as usize)));
    let training_loss = mean_loss(table, training.iter().map(|row| kept(*row)));
    Boosted { base, training_loss, stopping_loss: (!stopping.is_empty()).then_some(best_loss), trees }
}

fn mean_loss(table: &Table, rows: impl Iterator<Item = (u32, f64)>) -> f64 {
    let (mut sum, mut all) = (0.0, 0.0);
    for (row, margin) in rows {
        let weight = table.weight(row);
        sum += weight * loss(margin, f64::from(u8::from(table.label(row))));
        all += weight;
    }
    if all > 0.0 { sum / all } else { 0.0 }
}
