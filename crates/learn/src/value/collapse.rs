//! Equal rows become one with a weight: a shop of a quarter of a million customers has some thousands of different rows.

use super::{FitError, Repeat};

/// Rows above this number are searched on a coarser grid first.
const ROUGH_ABOVE: usize = 4_000;
/// Steps of time of the coarser grid.
const ROUGH_STEPS: f64 = 16.0;

/// Equal rows, once each.
///
/// Shape: `rows` ascend by count, last and age, so that sums over them do not depend on the order of the input.
pub(super) struct Collapsed {
    /// The different numbers of repeat purchases, ascending.
    pub(super) counts: Vec<u32>,
    /// The different times, `t_x` and `t` together, ascending. Unit: weeks.
    pub(super) times: Vec<f64>,
    pub(super) rows: Vec<Row>,
    pub(super) n_customers: u64,
}

/// One of the different rows, by places in the lists of [`Collapsed`].
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) count_idx: u32,
    pub(super) last_idx: u32,
    pub(super) age_idx: u32,
    /// How many customers are so.
    pub(super) weight: f64,
}

impl Collapsed {
    /// Checks and collapses. Errors: a row that cannot be, no row, or nobody with a repeat purchase.
    pub(super) fn new(rows: &[Repeat]) -> Result<Self, FitError> {
        if rows.is_empty() {
            return Err(FitError::Empty);
        }
        for (row, repeat) in rows.iter().enumerate() {
            check(row, repeat)?;
        }
        if rows.iter().all(|repeat| repeat.x == 0) {
            return Err(FitError::NoRepeat { n_customers: rows.len() as u64 });
        }
        Ok(Self::of(rows.iter().map(|repeat| (*repeat, 1.0)).collect(), rows.len() as u64))
    }

    fn of(mut rows: Vec<(Repeat, f64)>, n_customers: u64) -> Self {
        rows.sort_unstable_by(|(one, _), (other, _)| order(one, other));
        let mut distinct: Vec<(Repeat, f64)> = Vec::new();
        for (repeat, weight) in rows {
            match distinct.last_mut() {
                // Minus zero and zero are one time.
                Some((last, sum)) if last == &repeat => *sum += weight,
                _ => distinct.push((repeat, weight)),
            }
        }
        let mut counts: Vec<u32> = distinct.iter().map(|(repeat, _)| repeat.x).collect();
        counts.dedup();
        let mut times: Vec<f64> = distinct.iter().flat_map(|(repeat, _)| [repeat.t_x, repeat.t]).collect();
        times.sort_unstable_by(f64::total_cmp);
        times.dedup();
        // Every time is in the list by construction; a place near it would be as good.
        let place = |time: f64| times.partition_point(|other| *other < time) as u32;
        let rows = distinct
            .iter()
            .map(|(repeat, weight)| Row {
                count_idx: counts.partition_point(|count| *count < repeat.x) as u32,
                last_idx: place(repeat.t_x),
                age_idx: place(repeat.t),
                weight: *weight,
            })
            .collect();
        Self { counts, times, rows, n_customers }
    }

    /// Similar rows taken together, for a first search; `None` if there are few anyway.
    pub(super) fn rough(&self) -> Option<Self> {
        if self.rows.len() <= ROUGH_ABOVE {
            return None;
        }
        let step = self.times.last().copied().unwrap_or(0.0) / ROUGH_STEPS;
        // The middle of its step, so that what was above zero stays so, and the order of two times stays too.
        let rounded = |time: f64| if time > 0.0 { ((time / step).ceil() - 0.5) * step } else { 0.0 };
        let rows = self
            .iter()
            .map(|(repeat, weight)| (Repeat { x: repeat.x, t_x: rounded(repeat.t_x), t: rounded(repeat.t) }, weight));
        Some(Self::of(rows.collect(), self.n_customers))
    }

    /// The different rows with their weights, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Repeat, f64)> + '_ {
        self.rows.iter().map(|row| (self.repeat(row), row.weight))
    }

    fn repeat(&self, row: &Row) -> Repeat {
        let time = |idx: u32| self.times.get(idx as usize).copied().unwrap_or(0.0);
        let x = self.counts.get(row.count_idx as usize).copied().unwrap_or(0);
        Repeat { x, t_x: time(row.last_idx), t: time(row.age_idx) }
    }

    /// Places of counts and ages only, with weights, ascending: what the model without dropout needs.
    pub(super) fn by_age(&self) -> Vec<(u32, u32, f64)> {
        let mut rows: Vec<(u32, u32, f64)> =
            self.rows.iter().map(|row| (row.count_idx, row.age_idx, row.weight)).collect();
        rows.sort_unstable_by_key(|(count_idx, age_idx, _)| (*count_idx, *age_idx));
        rows.dedup_by(|next, kept| {
            let is_same = (next.0, next.1) == (kept.0, kept.1);
            // Weights are whole numbers: their sum does not depend on the order.
            kept.2 += if is_same { next.2 } else { 0.0 };
            is_same
        });
        rows
    }

    /// Customers with a repeat purchase.
    pub(super) fn n_repeat(&self) -> u64 {
        self.iter().filter(|(repeat, _)| repeat.x > 0).map(|(_, weight)| weight as u64).sum()
    }
}

/// Ascending by count, last purchase and age.
fn order(one: &Repeat, other: &Repeat) -> std::cmp::Ordering {
    (one.x.cmp(&other.x)).then(one.t_x.total_cmp(&other.t_x)).then(one.t.total_cmp(&other.t))
}

fn check(row: usize, repeat: &Repeat) -> Result<(), FitError> {
    let Repeat { x, t_x, t } = *repeat;
    for (field, value) in [("t_x", t_x), ("t", t)] {
        if !value.is_finite() {
            return Err(FitError::NotFinite { row, field, value });
        }
        if value < 0.0 {
            return Err(FitError::NegativeTime { row, field, value });
        }
    }
    if t_x > t {
        return Err(FitError::LastAfterEnd { row, t_x, t });
    }
    match (x > 0, t_x > 0.0) {
        (true, false) => Err(FitError::CountWithoutTime { row, x }),
        (false, true) => Err(FitError::TimeWithoutCount { row, t_x }),
        _ => Ok(()),
    }
}
