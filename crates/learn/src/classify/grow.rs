//! One tree: features in bins, sums of slopes a bin, and the split that gains most, level by level.
//!
//! Slopes are whole numbers (units of 2^-30), so their sums are exact: they depend neither on the order of rows nor on the
//! number of threads, and the sums of one child are those of the parent less those of the other.

use rayon::prelude::*;

use super::{BoostedParams, Kind, Node, Table, Test, Tree};

/// Units of a slope in 1.
const ONE: f64 = (1_u64 << 30) as f64;
/// Curvature that a leaf needs, so that its value stays finite.
const CURVATURE_MIN: f64 = 1e-3;
/// Gain that a split needs, in nats over all rows.
const GAIN_MIN: f64 = 1e-6;
/// Added to the curvature of a category's value when values are put in order, so that rare ones lie near the middle.
const RARE: f64 = 10.0;
/// From this many cells on, features are counted by several threads.
const PARALLEL_CELLS_MIN: usize = 1 << 15;

/// First and second derivative of a row's loss, in units of 2^-30.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slope {
    slope: i64,
    curvature: i64,
}

impl Slope {
    pub fn new(label: bool, chance: f64, weight: f64) -> Self {
        let slope = weight * (chance - f64::from(u8::from(label)));
        let curvature = weight * chance * (1.0 - chance);
        // Weights have mean 1 and a table at most 2^31 rows, so no sum exceeds 2^61.
        Slope { slope: (slope * ONE).round() as i64, curvature: (curvature * ONE).round() as i64 }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    slope: i64,
    curvature: i64,
    n_rows: u32,
}

impl Sum {
    fn add(&mut self, slope: Slope) {
        self.slope += slope.slope;
        self.curvature += slope.curvature;
        self.n_rows += 1;
    }

    fn plus(self, other: Sum) -> Sum {
        Sum {
            slope: self.slope + other.slope,
            curvature: self.curvature + other.curvature,
            n_rows: self.n_rows + other.n_rows,
        }
    }

    fn less(self, other: Sum) -> Sum {
        Sum {
            slope: self.slope - other.slope,
            curvature: self.curvature - other.curvature,
            n_rows: self.n_rows.saturating_sub(other.n_rows),
        }
    }

    fn curvature(self) -> f64 {
        self.curvature as f64 / ONE
    }

    /// What the best single value would take off the loss, twice.
    fn gain(self, l2: f64) -> f64 {
        let slope = self.slope as f64 / ONE;
        slope * slope / (self.curvature() + l2).max(CURVATURE_MIN)
    }

    fn value(self, params: &BoostedParams) -> f32 {
        let newton = -(self.slope as f64 / ONE) / (self.curvature() + params.l2).max(CURVATURE_MIN);
        (params.rate * newton.clamp(-10.0, 10.0)) as f32
    }

    fn is_leaf(self, params: &BoostedParams) -> bool {
        self.n_rows >= params.leaf_rows_min && self.curvature() >= CURVATURE_MIN
    }
}

/// The bins of one feature. The last bin, `n_bins`, is for missing and unknown values.
enum Cuts {
    /// A value belongs to the first bin whose edge is above it.
    Edges(Vec<f32>),
    /// One bin a value.
    Values(usize),
}

impl Cuts {
    fn n_bins(&self) -> usize {
        match self {
            Cuts::Edges(edges) => edges.len() + 1,
            Cuts::Values(n_values) => *n_values,
        }
    }
}

struct Binned1 {
    cuts: Cuts,
    /// One a row.
    bins: Vec<u8>,
}

/// The training rows of a table, each value as the bin that it falls into.
pub(super) struct Binned {
    features: Vec<Binned1>,
    n_rows: usize,
}

/// A tree, and which rows (by position among the training rows) each leaf holds.
pub(super) struct Grown {
    pub tree: Tree,
    pub leaves: Vec<(f32, Vec<u32>)>,
}

/// A node that may still be split.
struct Open {
    node: usize,
    rows: Vec<u32>,
    all: Sum,
    /// Sums a bin, feature after feature.
    bins: Vec<Vec<Sum>>,
}

struct Split {
    gain: f64,
    feature: usize,
    test: Test,
    missing_yes: bool,
    /// Which bins answer yes, that of missing values included.
    yes: Vec<bool>,
}

impl Binned {
    pub fn of(table: &Table, rows: &[u32], bins_max: usize) -> Self {
        let kinds: Vec<&Kind> = table.features().map(|feature| &feature.kind).collect();
        let features = kinds
            .into_par_iter()
            .enumerate()
            .map(|(feature, kind)| {
                let column = table.column(feature);
                let value = |row: &u32| column.get(*row as usize).copied().unwrap_or(f64::NAN);
                match kind {
                    Kind::Category { values } => {
                        let n_values = values.len();
                        let bin = |value: f64| if value.is_nan() { n_values as u8 } else { value as u8 };
                        Binned1 { cuts: Cuts::Values(n_values), bins: rows.iter().map(|row| bin(value(row))).collect() }
                    }
                    Kind::Number => {
                        let edges = edges(rows.iter().map(value).filter(|value| !value.is_nan()).collect(), bins_max);
                        let bin = |value: f64| match value.is_nan() {
                            true => edges.len() as u8 + 1,
                            false => edges.partition_point(|edge| f64::from(*edge) <= value) as u8,
                        };
                        let bins = rows.iter().map(|row| bin(value(row))).collect();
                        Binned1 { cuts: Cuts::Edges(edges), bins }
                    }
                }
            })
            .collect();
        Binned { features, n_rows: rows.len() }
    }

    /// Grows a tree for these slopes, one a training row. None if no split gains anything.
    pub fn grow(&self, slopes: &[Slope], params: &BoostedParams) -> Option<Grown> {
        let rows: Vec<u32> = (0..self.n_rows as u32).collect();
        let mut all = Sum::default();
        slopes.iter().for_each(|slope| all.add(*slope));
        let mut nodes = vec![Node::Leaf(0.0)];
        let mut leaves = Vec::new();
        let mut level = vec![Open { node: 0, bins: self.count(&rows, slopes), rows, all }];
        for depth in 1..=params.depth {
            let mut next = Vec::new();
            for open in level {
                let Some(split) = self.best_split(&open, params) else {
                    close(open, params, &mut nodes, &mut leaves);
                    continue;
                };
                let (yes, no) = (nodes.len(), nodes.len() + 1);
                nodes.extend([Node::Leaf(0.0), Node::Leaf(0.0)]);
                let children = self.divide(open.rows, &split, slopes);
                if let Some(node) = nodes.get_mut(open.node) {
                    *node = Node::Split {
                        feature: split.feature as u32,
                        test: split.test,
                        yes: yes as u32,
                        no: no as u32,
                        missing: if split.missing_yes { yes as u32 } else { no as u32 },
                    };
                }
                // The last level needs no bins.
                let [yes_bins, no_bins] = match depth == params.depth {
                    true => [Vec::new(), Vec::new()],
                    false => self.count_children(open.bins, &children, slopes),
                };
                let [(yes_rows, yes_all), (no_rows, no_all)] = children;
                next.push(Open { node: yes, rows: yes_rows, all: yes_all, bins: yes_bins });
                next.push(Open { node: no, rows: no_rows, all: no_all, bins: no_bins });
            }
            level = next;
        }
        level.into_iter().for_each(|open| close(open, params, &mut nodes, &mut leaves));
        (nodes.len() > 1).then_some(Grown { tree: Tree { nodes }, leaves })
    }

    fn count(&self, rows: &[u32], slopes: &[Slope]) -> Vec<Vec<Sum>> {
        let of = |feature: &Binned1| {
            let mut sums = vec![Sum::default(); feature.cuts.n_bins() + 1];
            for row in rows {
                let row = *row as usize;
                let (Some(bin), Some(slope)) = (feature.bins.get(row), slopes.get(row)) else { continue };
                if let Some(sum) = sums.get_mut(usize::from(*bin)) {
                    sum.add(*slope);
                }
            }
            sums
        };
        if rows.len() * self.features.len() < PARALLEL_CELLS_MIN {
            self.features.iter().map(of).collect()
        } else {
            self.features.par_iter().map(of).collect()
        }
    }

    /// Counts the smaller child; the other one is what is left of the parent.
    fn count_children(
        &self,
        parent: Vec<Vec<Sum>>,
        children: &[(Vec<u32>, Sum); 2],
        slopes: &[Slope],
    ) -> [Vec<Vec<Sum>>; 2] {
        let [(yes, _), (no, _)] = children;
        let yes_is_smaller = yes.len() <= no.len();
        let smaller = self.count(if yes_is_smaller { yes } else { no }, slopes);
        let mut larger = parent;
        for (larger, smaller) in larger.iter_mut().zip(&smaller) {
            larger.iter_mut().zip(smaller).for_each(|(larger, smaller)| *larger = larger.less(*smaller));
        }
        if yes_is_smaller { [smaller, larger] } else { [larger, smaller] }
    }

    fn divide(&self, rows: Vec<u32>, split: &Split, slopes: &[Slope]) -> [(Vec<u32>, Sum); 2] {
        let bins = self.features.get(split.feature).map_or(&[][..], |feature| &feature.bins);
        let [mut yes, mut no] = [(Vec::new(), Sum::default()), (Vec::new(), Sum::default())];
        for row in rows {
            let bin = bins.get(row as usize).map_or(0, |bin| usize::from(*bin));
            let side = if split.yes.get(bin).copied().unwrap_or(false) { &mut yes } else { &mut no };
            side.0.push(row);
            side.1.add(slopes.get(row as usize).copied().unwrap_or_default());
        }
        [yes, no]
    }

    /// The split that gains most; of equal ones the first feature's first.
    fn best_split(&self, open: &Open, params: &BoostedParams) -> Option<Split> {
        let mut best: Option<Split> = None;
        for (idx, (feature, sums)) in self.features.iter().zip(&open.bins).enumerate() {
            let Some((missing, known)) = sums.split_last() else { continue };
            // Bins in the order in which a cut may run through them.
            let mut order: Vec<usize> = (0..known.len()).collect();
            if let Cuts::Values(_) = feature.cuts {
                order.retain(|bin| known.get(*bin).is_some_and(|sum| sum.n_rows > 0));
                let rank =
                    |bin: &usize| known.get(*bin).map_or(0.0, |sum| sum.slope as f64 / ONE / (sum.curvature() + RARE));
                order.sort_by(|a, b| rank(a).total_cmp(&rank(b)).then(a.cmp(b)));
            }
            let mut below = Sum::default();
            for (place, bin) in order.iter().enumerate().take(order.len().saturating_sub(1)) {
                below = below.plus(known.get(*bin).copied().unwrap_or_default());
                let above = open.all.less(below).less(*missing);
                for (missing_yes, gain) in gains(below, above, *missing, open.all, params) {
                    if gain > best.as_ref().map_or(GAIN_MIN, |best| best.gain) {
                        let yes_bins = order.get(..=place).unwrap_or(&[]);
                        best = split_at(idx, feature, yes_bins, known.len(), missing_yes, gain);
                    }
                }
            }
        }
        best
    }
}

/// What a cut gains with missing values on the yes side and on the no side; only the sides that leave both large enough. Where
/// no value is missing, later ones go with the larger side.
fn gains(below: Sum, above: Sum, missing: Sum, all: Sum, params: &BoostedParams) -> impl Iterator<Item = (bool, f64)> {
    let params = *params;
    let sides = match missing.n_rows {
        0 if below.n_rows > above.n_rows => [Some(true), None],
        0 => [Some(false), None],
        _ => [Some(true), Some(false)],
    };
    sides.into_iter().flatten().filter_map(move |missing_yes| {
        let (yes, no) = if missing_yes { (below.plus(missing), above) } else { (below, above.plus(missing)) };
        let gain = 0.5 * (yes.gain(params.l2) + no.gain(params.l2) - all.gain(params.l2));
        (yes.is_leaf(&params) && no.is_leaf(&params)).then_some((missing_yes, gain))
    })
}

fn split_at(
    idx: usize,
    feature: &Binned1,
    yes_bins: &[usize],
    n_bins: usize,
    missing_yes: bool,
    gain: f64,
) -> Option<Split> {
    let mut yes = vec![false; n_bins + 1];
    for bin in yes_bins {
        if let Some(answer) = yes.get_mut(*bin) {
            *answer = true;
        }
    }
    if let Some(answer) = yes.last_mut() {
        *answer = missing_yes;
    }
    let test = match &feature.cuts {
        Cuts::Edges(edges) => Test::Below(*edges.get(*yes_bins.last()?)?),
        Cuts::Values(n_values) => {
            let mut codes: Vec<u8> = yes_bins.iter().map(|bin| *bin as u8).collect();
            codes.sort_unstable();
            Test::Among { codes, n_values: *n_values }
        }
    };
    Some(Split { gain, feature: idx, test, missing_yes, yes })
}

fn close(open: Open, params: &BoostedParams, nodes: &mut [Node], leaves: &mut Vec<(f32, Vec<u32>)>) {
    let value = open.all.value(params);
    if let Some(node) = nodes.get_mut(open.node) {
        *node = Node::Leaf(value);
    }
    leaves.push((value, open.rows));
}

/// Edges between bins with about equally many values, at most `bins_max - 2` of them, so that a bin for missing values fits
/// into the byte. An edge lies between two values that occur, as nearly as single precision allows.
pub(super) fn edges(mut values: Vec<f64>, bins_max: usize) -> Vec<f32> {
    values.sort_by(f64::total_cmp);
    let n_values = values.len();
    let edges_max = bins_max.clamp(2, 254) - 1;
    let mut distinct: Vec<(f64, usize)> = Vec::new();
    for value in values {
        match distinct.last_mut().filter(|(last, _)| *last == value) {
            Some((_, n)) => *n += 1,
            None => distinct.push((value, 1)),
        }
    }
    let all_fit = distinct.len() <= edges_max + 1;
    let mut edges: Vec<f32> = Vec::new();
    let mut seen = 0;
    let mut filled = 0;
    for pair in distinct.windows(2) {
        let [(low, n), (high, _)] = pair else { continue };
        seen += n;
        // The next edge is due when its share of the values has been passed.
        let due = (edges_max + 1) * seen / n_values.max(1);
        if all_fit || due > filled {
            filled = due;
            let edge = (low + (high - low) * 0.5) as f32;
            if edges.last().is_none_or(|last| *last < edge) && edges.len() < edges_max {
                edges.push(edge);
            }
        }
    }
    edges
}
