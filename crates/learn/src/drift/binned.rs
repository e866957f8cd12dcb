//! A distribution in a form that the next build can compare with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Verdict, psi, psi_part};
use crate::rank_features::{bin_of, quantile_borders};
use crate::segment::storable;

/// What the bins of a distribution are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Bins {
    /// Ranges of numbers.
    Numbers {
        /// Ascending; bin i reaches from above border i - 1 up to and including border i, the first and last bin are open.
        borders: Vec<f64>,
    },
    /// Values of a category.
    Values {
        /// Each a bin; one more at the end is for all others.
        values: Vec<String>,
    },
}

/// How many rows fell into each bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinnedDistribution {
    /// The bins.
    pub bins: Bins,
    /// Rows in each.
    pub counts: Vec<u64>,
    /// Rows without value.
    pub n_missing: u64,
}

/// Why distributions cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriftError {
    /// Stored counts that do not fit their bins.
    #[error(
        "the stored distribution has {found} counts for {expected} bins: the earlier report is damaged, compare with another build"
    )]
    Counts {
        /// Bins.
        expected: usize,
        /// Counts.
        found: usize,
    },
    /// Stored borders that do not ascend.
    #[error(
        "border {border_idx} of the stored distribution is not above the one before: the earlier report is damaged, compare with another build"
    )]
    Borders {
        /// The border, from 0.
        border_idx: usize,
    },
    /// A category where a number was, or the other way round.
    #[error(
        "the feature was {earlier} in the earlier build and is {later} now: rename it, or compare with a later build"
    )]
    Kind {
        /// What the stored bins are.
        earlier: &'static str,
        /// What the values are.
        later: &'static str,
    },
    /// Two distributions over different bins.
    #[error("the distributions have different bins: count the later values with `recount` of the earlier one")]
    Bins,
}

/// What moved in one bin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BinDrift {
    /// The bin, such as "10 to 25" or a value; "(other)" and "(missing)" for those.
    pub bin: String,
    /// Its share of the earlier rows, 0 to 1.
    pub earlier_share: f64,
    /// Its share of the later rows.
    pub later_share: f64,
    /// What it adds to the index.
    pub psi_part: f64,
}

/// How far a distribution has moved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// Population stability index over all bins, that of missing values among them. `NaN` (null in JSON) without rows.
    pub psi: f64,
    /// What that means.
    pub verdict: Verdict,
    /// The same in English.
    pub words: String,
    /// The same in Chinese.
    pub words_zh: String,
    /// Every bin, in order.
    pub bins: Vec<BinDrift>,
}

impl BinnedDistribution {
    /// Numbers in up to `n_bins` bins (10 is customary) between their quantiles, as [`crate::rank_features::encode`] describes.
    ///
    /// `NaN` is missing; infinite values fall into the end bins.
    #[must_use]
    pub fn of_numbers(values: &[f64], n_bins: usize) -> Self {
        let mut borders: Vec<f64> = quantile_borders(values, n_bins).into_iter().map(storable).collect();
        borders.dedup();
        let mut counts = vec![0; borders.len() + 1];
        let n_missing = count_numbers(&borders, values, &mut counts);
        Self { bins: Bins::Numbers { borders }, counts, n_missing }
    }

    /// The `n_values_max` most frequent values of a category (of equal ones the first by name), and all others as one.
    #[must_use]
    pub fn of_values<'a>(values: impl IntoIterator<Item = Option<&'a str>>, n_values_max: usize) -> Self {
        let mut by_value: BTreeMap<&str, u64> = BTreeMap::new();
        let mut n_missing = 0;
        for value in values {
            match value {
                Some(value) => *by_value.entry(value).or_insert(0) += 1,
                None => n_missing += 1,
            }
        }
        let mut frequent: Vec<(&str, u64)> = by_value.into_iter().collect();
        frequent.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let others = frequent.iter().skip(n_values_max).map(|(_, count)| count).sum();
        frequent.truncate(n_values_max);
        let counts = frequent.iter().map(|(_, count)| *count).chain([others]).collect();
        let values = frequent.into_iter().map(|(value, _)| value.to_owned()).collect();
        Self { bins: Bins::Values { values }, counts, n_missing }
    }

    /// Later numbers in the bins of this distribution.
    ///
    /// Errors: [`DriftError::Kind`], and [`DriftError::Counts`] or [`DriftError::Borders`] if this one is damaged.
    pub fn recount(&self, values: &[f64]) -> Result<Self, DriftError> {
        self.check()?;
        let Bins::Numbers { borders } = &self.bins else {
            return Err(DriftError::Kind { earlier: "a category", later: "a number" });
        };
        let mut counts = vec![0; self.counts.len()];
        let n_missing = count_numbers(borders, values, &mut counts);
        Ok(Self { bins: self.bins.clone(), counts, n_missing })
    }

    /// Later values of a category in the bins of this distribution; values that it does not know count as others.
    ///
    /// Errors: as [`BinnedDistribution::recount`].
    pub fn recount_values<'a>(&self, values: impl IntoIterator<Item = Option<&'a str>>) -> Result<Self, DriftError> {
        self.check()?;
        let Bins::Values { values: known } = &self.bins else {
            return Err(DriftError::Kind { earlier: "a number", later: "a category" });
        };
        let places: BTreeMap<&str, usize> =
            known.iter().enumerate().map(|(place, value)| (value.as_str(), place)).collect();
        let mut counts = vec![0; self.counts.len()];
        let mut n_missing = 0;
        for value in values {
            match value {
                Some(value) => {
                    if let Some(count) = counts.get_mut(places.get(value).copied().unwrap_or(known.len())) {
                        *count += 1;
                    }
                }
                None => n_missing += 1,
            }
        }
        Ok(Self { bins: self.bins.clone(), counts, n_missing })
    }

    /// How far `later`, counted in the same bins, has moved from this distribution.
    ///
    /// Errors: [`DriftError::Bins`] if the bins differ, [`DriftError::Counts`] or [`DriftError::Borders`] if one is damaged.
    pub fn drift_to(&self, later: &Self) -> Result<Drift, DriftError> {
        self.check()?;
        later.check()?;
        if self.bins != later.bins {
            return Err(DriftError::Bins);
        }
        let with_missing = |distribution: &Self| {
            distribution.counts.iter().copied().chain([distribution.n_missing]).collect::<Vec<u64>>()
        };
        let (earlier_counts, later_counts) = (with_missing(self), with_missing(later));
        let psi = psi(&earlier_counts, &later_counts);
        let verdict = Verdict::of(psi);
        let (words, words_zh) = verdict.words();
        let shares = |counts: &[u64]| {
            let total = counts.iter().map(|count| *count as f64).sum::<f64>().max(1.0);
            counts.iter().map(|count| *count as f64 / total).collect::<Vec<f64>>()
        };
        let bins = self
            .names()
            .into_iter()
            .zip(shares(&earlier_counts).into_iter().zip(shares(&later_counts)))
            .map(|(bin, (earlier_share, later_share))| BinDrift {
                bin,
                earlier_share,
                later_share,
                psi_part: psi_part(earlier_share, later_share),
            })
            .collect();
        Ok(Drift { psi, verdict, words: words.to_owned(), words_zh: words_zh.to_owned(), bins })
    }

    /// What each bin is called, that of missing values last.
    fn names(&self) -> Vec<String> {
        let mut names = match &self.bins {
            Bins::Numbers { borders } => match (borders.first(), borders.last()) {
                (Some(first), Some(last)) => {
                    let between =
                        borders.iter().zip(borders.iter().skip(1)).map(|(low, high)| format!("{low} to {high}"));
                    let ends = (format!("up to {first}"), format!("above {last}"));
                    [ends.0].into_iter().chain(between).chain([ends.1]).collect()
                }
                _ => vec!["(all)".to_owned()],
            },
            Bins::Values { values } => values.iter().cloned().chain(["(other)".to_owned()]).collect(),
        };
        names.push("(missing)".to_owned());
        names
    }

    fn check(&self) -> Result<(), DriftError> {
        let expected = match &self.bins {
            Bins::Numbers { borders } => {
                let pairs = borders.iter().zip(borders.iter().skip(1));
                if let Some(place) =
                    pairs.clone().position(|(low, high)| low.partial_cmp(high) != Some(std::cmp::Ordering::Less))
                {
                    return Err(DriftError::Borders { border_idx: place + 1 });
                }
                if borders.first().is_some_and(|border| border.is_nan()) {
                    return Err(DriftError::Borders { border_idx: 0 });
                }
                borders.len() + 1
            }
            Bins::Values { values } => values.len() + 1,
        };
        if self.counts.len() != expected {
            return Err(DriftError::Counts { expected, found: self.counts.len() });
        }
        Ok(())
    }
}

/// Adds to `counts`; gives how many are missing.
fn count_numbers(borders: &[f64], values: &[f64], counts: &mut [u64]) -> u64 {
    let mut n_missing = 0;
    for value in values {
        if value.is_nan() {
            n_missing += 1;
        } else if let Some(count) = counts.get_mut(bin_of(borders, *value)) {
            *count += 1;
        }
    }
    n_missing
}
