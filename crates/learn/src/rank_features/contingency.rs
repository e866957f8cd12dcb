//! Tables of a feature's codes against an outcome's classes, and what they say.

use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Rows by code and class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contingency {
    n_classes: usize,
    /// Code by code, class by class.
    counts: Vec<u64>,
}

impl Contingency {
    /// Counts pairs. Codes and classes beyond their number are passed over, as is what one of the two has more.
    #[must_use]
    pub fn count(codes: &[u32], n_codes: usize, classes: &[u32], n_classes: usize) -> Self {
        let mut counts = vec![0u64; n_codes * n_classes];
        for (code, class) in codes.iter().zip(classes) {
            if (*class as usize) < n_classes
                && let Some(count) = counts.get_mut(*code as usize * n_classes + *class as usize)
            {
                *count += 1;
            }
        }
        Self { n_classes, counts }
    }

    /// A table from its rows (codes), each with one count a class. Rows of another length than the first are cut or filled with 0.
    #[must_use]
    pub fn from_rows(rows: &[&[u64]]) -> Self {
        let n_classes = rows.first().map_or(0, |row| row.len());
        let counts =
            rows.iter().flat_map(|row| row.iter().copied().chain(std::iter::repeat(0)).take(n_classes)).collect();
        Self { n_classes, counts }
    }

    /// Totals by code and by class, and of all.
    fn totals(&self) -> (Vec<u64>, Vec<u64>, u64) {
        let mut by_class = vec![0; self.n_classes];
        let mut by_code = Vec::new();
        for row in self.counts.chunks(self.n_classes.max(1)) {
            by_code.push(row.iter().sum());
            by_class.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
        }
        let n = by_class.iter().sum();
        (by_code, by_class, n)
    }

    /// Every cell: its count, and the count that unrelated feature and outcome would give. Codes and classes without rows are left out.
    fn cells(&self) -> (Vec<(f64, f64)>, usize, f64) {
        let (by_code, by_class, n) = self.totals();
        let mut cells = Vec::with_capacity(self.counts.len());
        for (row, code_total) in self.counts.chunks(self.n_classes.max(1)).zip(&by_code) {
            for (count, class_total) in row.iter().zip(&by_class) {
                if *code_total > 0 && *class_total > 0 {
                    cells.push((*count as f64, *code_total as f64 * *class_total as f64 / n as f64));
                }
            }
        }
        let used = |totals: &[u64]| totals.iter().filter(|total| **total > 0).count();
        let degrees = used(&by_code).saturating_sub(1) * used(&by_class).saturating_sub(1);
        (cells, degrees, n as f64)
    }
}

/// Pearson's test of independence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChiSquare {
    /// Sum over the cells of (count - expected)^2 / expected. No continuity correction.
    pub statistic: f64,
    /// (codes - 1) (classes - 1), of those that have rows.
    pub degrees: usize,
    /// Chance of a statistic as large if feature and outcome are unrelated. 1 without degrees of freedom.
    pub p_value: f64,
    /// Cramér's V: strength from 0 (unrelated) to 1, whatever the number of rows.
    pub cramers_v: f64,
    /// Share of the cells where fewer than 5 rows are expected; beyond 0.2 the p-value is only a hint.
    pub sparse_share: f64,
}

/// The test for a table. Source: K. Pearson (1900); H. Cramér (1946) for V.
#[must_use]
pub fn chi_square(table: &Contingency) -> ChiSquare {
    let (cells, degrees, n) = table.cells();
    let statistic: f64 = cells.iter().map(|(count, expected)| (count - expected) * (count - expected) / expected).sum();
    // Without degrees of freedom there is no such distribution, and nothing is to be told.
    let Ok(distribution) = ChiSquared::new(degrees as f64) else {
        return ChiSquare { statistic: 0.0, degrees: 0, p_value: 1.0, cramers_v: 0.0, sparse_share: 0.0 };
    };
    let (by_code, by_class, _) = table.totals();
    let used = |totals: &[u64]| totals.iter().filter(|total| **total > 0).count();
    let smaller = used(&by_code).min(used(&by_class)).saturating_sub(1);
    let sparse = cells.iter().filter(|(_, expected)| *expected < 5.0).count();
    ChiSquare {
        statistic,
        degrees,
        p_value: distribution.sf(statistic).clamp(0.0, 1.0),
        cramers_v: (statistic / (n * smaller as f64)).sqrt().min(1.0),
        sparse_share: sparse as f64 / cells.len() as f64,
    }
}

/// How much a feature tells about the outcome. Unit: bits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MutualInformation {
    /// As counted. Too high: unrelated features give more than 0, the more codes they have.
    pub counted_bits: f64,
    /// Less the expected excess, (codes - 1)(classes - 1) / (2 n ln 2), but not below 0.
    pub bits: f64,
}

/// Mutual information of a table. Source of the correction: G. Miller (1955), W. Madow.
#[must_use]
pub fn mutual_information(table: &Contingency) -> MutualInformation {
    let (cells, degrees, n) = table.cells();
    let told =
        cells.iter().filter(|(count, _)| *count > 0.0).map(|(count, expected)| count * libm::log2(count / expected));
    let counted_bits = if n > 0.0 { (told.sum::<f64>() / n).max(0.0) } else { 0.0 };
    let excess = if n > 0.0 { degrees as f64 / (2.0 * n * std::f64::consts::LN_2) } else { 0.0 };
    MutualInformation { counted_bits, bits: (counted_bits - excess).max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_by_hand() {
        // Expected 40 60 / 40 60: 100/40 + 100/60 + 100/40 + 100/60 = 8 1/3.
        let table = Contingency::from_rows(&[&[30, 70], &[50, 50]]);
        let found = chi_square(&table);
        assert!((found.statistic - 25.0 / 3.0).abs() < 1e-12);
        assert_eq!(found.degrees, 1);
        // With one degree, p = erfc(sqrt(x / 2)).
        assert!((found.p_value - libm::erfc((25.0f64 / 6.0).sqrt())).abs() < 1e-12, "{}", found.p_value);
        assert!((found.cramers_v - (25.0f64 / 3.0 / 200.0).sqrt()).abs() < 1e-12);
        assert_eq!(found.sparse_share, 0.0);
    }

    #[test]
    fn known_joint_distributions() {
        // The outcome is the feature: one bit. Three quarters right: 1 - H(1/4) bits.
        let same = mutual_information(&Contingency::from_rows(&[&[500, 0], &[0, 500]]));
        assert!((same.counted_bits - 1.0).abs() < 1e-12);
        assert!((same.bits - (1.0 - 1.0 / (2000.0 * std::f64::consts::LN_2))).abs() < 1e-12);
        let noisy = mutual_information(&Contingency::from_rows(&[&[375, 125], &[125, 375]]));
        assert!((noisy.counted_bits - 0.188_721_875_540_867).abs() < 1e-12, "{noisy:?}");
        let unrelated = mutual_information(&Contingency::from_rows(&[&[20, 40], &[10, 20]]));
        assert!(unrelated.counted_bits < 1e-12 && unrelated.bits == 0.0);
    }

    #[test]
    fn empty_and_single_tables_say_nothing() {
        for rows in
            [vec![], vec![[0u64, 0].as_slice()], vec![[3u64, 4].as_slice()], vec![[3u64, 0].as_slice(), &[4, 0]]]
        {
            let table = Contingency::from_rows(&rows);
            let found = chi_square(&table);
            assert_eq!((found.statistic, found.degrees, found.p_value, found.cramers_v), (0.0, 0, 1.0, 0.0));
            assert_eq!(mutual_information(&table).bits, 0.0);
        }
    }
}
