//! How columns of different units become comparable, in a form that is stored and applied again later.

use serde::{Deserialize, Serialize};

use super::{Rows, SegmentError};

/// How a column is scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// As it is.
    None,
    /// Less the mean, by the standard deviation: mean 0, standard deviation 1.
    ZScore,
    /// Less the smallest, by the range: 0 to 1 for the rows it was fitted on.
    MinMax,
    /// ln(1 + x); for x < 0, -ln(1 - x). For counts and money, whose large values would drown all else.
    Log,
    /// [`Scaling::Log`], then [`Scaling::ZScore`] of the result.
    LogZScore,
}

/// The scaling of one column: `(f(x) - centre) / width`, where `f` is the logarithm of [`Scaling::Log`] or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnScale {
    /// Which kind of scaling this is.
    pub scaling: Scaling,
    /// What is taken away, after `f`.
    pub centre: f64,
    /// What is divided by, after `f`; 1 for a column whose rows are all equal.
    pub width: f64,
    /// What a missing value counts as, after `f` and before the centre is taken away: the mean.
    pub missing: f64,
}

impl ColumnScale {
    /// Fits a column. `values` may have missing ones (`NaN`), which are passed over.
    ///
    /// `None` if no value is finite. Standard deviations divide by the number of values.
    #[must_use]
    pub fn fit(values: impl Iterator<Item = f64> + Clone, scaling: Scaling) -> Option<Self> {
        let values = values.filter(|value| value.is_finite()).map(|value| curved(value, scaling));
        let (mut n, mut sum) = (0u64, 0.0);
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.clone() {
            n += 1;
            sum += value;
            min = value.min(min);
            max = value.max(max);
        }
        if n == 0 {
            return None;
        }
        let mean = sum / n as f64;
        let (centre, width) = match scaling {
            Scaling::None | Scaling::Log => (0.0, 1.0),
            // Of equal values the mean may be off by a rounding, which must not become a width.
            Scaling::ZScore | Scaling::LogZScore if min < max => {
                (mean, (values.map(|value| (value - mean) * (value - mean)).sum::<f64>() / n as f64).sqrt())
            }
            Scaling::ZScore | Scaling::LogZScore => (min, 1.0),
            Scaling::MinMax => (min, max - min),
        };
        // A width that underflows or overflows scales nothing.
        let width = if width.is_normal() { storable(width) } else { 1.0 };
        Some(Self { scaling, centre: storable(centre), width, missing: storable(mean) })
    }

    /// A value scaled. What is not finite counts as missing.
    #[must_use]
    pub fn apply(&self, value: f64) -> f64 {
        let curved = if value.is_finite() { curved(value, self.scaling) } else { self.missing };
        (curved - self.centre) / self.width
    }

    /// The value that [`ColumnScale::apply`] makes `scaled` of, but for rounding.
    #[must_use]
    pub fn undo(&self, scaled: f64) -> f64 {
        let curved = scaled * self.width + self.centre;
        match self.scaling {
            Scaling::Log | Scaling::LogZScore => libm::expm1(curved.abs()).copysign(curved),
            Scaling::None | Scaling::ZScore | Scaling::MinMax => curved,
        }
    }
}

/// The number next to `value` that has 15 decimal figures at most.
///
/// Readers of JSON may be off by one last bit with the 17 figures that a float can need; 15 come back as they were from any
/// reader. What is stored is rounded before it is used, so that stored and fresh parameters give the same results.
pub(crate) fn storable(value: f64) -> f64 {
    format!("{value:.14e}").parse().unwrap_or(value)
}

fn curved(value: f64, scaling: Scaling) -> f64 {
    match scaling {
        Scaling::Log | Scaling::LogZScore => libm::log1p(value.abs()).copysign(value),
        Scaling::None | Scaling::ZScore | Scaling::MinMax => value,
    }
}

/// The scaling of all columns, to be stored beside what was learned from the scaled rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// One entry a column, in their order.
    pub columns: Vec<ColumnScale>,
}

impl Scale {
    /// Fits every column of `rows` as `scalings` says (one entry a column). Missing values (`NaN`) are passed over.
    ///
    /// Errors: [`SegmentError::Length`], [`SegmentError::NoRows`], [`SegmentError::EmptyColumn`], those of [`Rows::new`].
    pub fn fit(rows: &Rows, scalings: &[Scaling]) -> Result<Self, SegmentError> {
        rows.check_shape()?;
        if scalings.len() != rows.n_cols {
            return Err(SegmentError::Length {
                what: "scalings, one a column",
                expected: rows.n_cols,
                found: scalings.len(),
            });
        }
        if rows.values.is_empty() {
            return Err(SegmentError::NoRows);
        }
        let columns = scalings
            .iter()
            .enumerate()
            .map(|(col_idx, scaling)| {
                ColumnScale::fit(rows.values.iter().skip(col_idx).step_by(rows.n_cols).copied(), *scaling)
                    .ok_or(SegmentError::EmptyColumn { col_idx })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { columns })
    }

    /// `rows` scaled; what is missing takes the mean of the rows that were fitted. Every value of the result is finite.
    ///
    /// Errors: [`SegmentError::Length`] if the number of columns is another, those of [`Rows::new`].
    pub fn apply(&self, rows: &Rows) -> Result<Rows, SegmentError> {
        rows.check_shape()?;
        if self.columns.len() != rows.n_cols {
            return Err(SegmentError::Length {
                what: "columns of the rows to scale",
                expected: self.columns.len(),
                found: rows.n_cols,
            });
        }
        let values =
            rows.values.iter().zip(self.columns.iter().cycle()).map(|(value, column)| column.apply(*value)).collect();
        Ok(Rows { n_cols: rows.n_cols, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_scaled_by_hand() {
        let rows = Rows::new(4, vec![1.0, 0.0, 5.0, 2.0, 3.0, 3.0, 5.0, f64::NAN, 5.0, 9.0, 5.0, 4.0]).unwrap();
        let scalings = [Scaling::ZScore, Scaling::MinMax, Scaling::ZScore, Scaling::Log];
        let scale = Scale::fit(&rows, &scalings).unwrap();
        let scaled = scale.apply(&rows).unwrap();
        let third = 1.0 / 3.0;
        // Mean 3, standard deviation sqrt(8/3).
        let z = 2.0 / (8.0f64 / 3.0).sqrt();
        assert!((scaled.row(0)[0] + z).abs() < 1e-12 && (scaled.row(2)[0] - z).abs() < 1e-12);
        assert_eq!([scaled.row(0)[1], scaled.row(1)[1], scaled.row(2)[1]], [0.0, third, 1.0]);
        // A constant column says nothing.
        assert_eq!([scaled.row(0)[2], scaled.row(1)[2]], [0.0, 0.0]);
        // Missing is the mean of the logarithms.
        assert!((scaled.row(1)[3] - (3.0f64.ln() + 5.0f64.ln()) / 2.0).abs() < 1e-12);
        for row in 0..3 {
            let undone = scale.columns[1].undo(scaled.row(row)[1]);
            assert!((undone - rows.row(row)[1]).abs() < 1e-12);
        }
    }

    #[test]
    fn stored_and_read_again_it_scales_alike() {
        let rows = Rows::new(1, vec![-3.5, 0.1, 19.99, 1e9]).unwrap();
        let scale = Scale::fit(&rows, &[Scaling::LogZScore]).unwrap();
        let read: Scale = serde_json::from_str(&serde_json::to_string(&scale).unwrap()).unwrap();
        assert_eq!(scale.apply(&rows).unwrap(), read.apply(&rows).unwrap());
        assert!((read.columns[0].undo(scale.columns[0].apply(-3.5)) + 3.5).abs() < 1e-9);
    }
}
