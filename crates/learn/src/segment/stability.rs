//! Whether groups come back when the customers are drawn again.

use rayon::prelude::*;
use serde::Serialize;

use super::{KMeans, Rows, SegmentError, adjusted_rand_index, best_jaccards};
use crate::resample::Stream;

/// How [`stability`] resamples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StabilitySettings {
    /// Resamples. Default 20.
    pub n_resamples: usize,
    /// Starts of k-means for each. Default 3.
    pub n_starts: usize,
    /// Rows considered; of more, a random sample of that many. Default 10,000.
    pub rows_max: usize,
    /// Seed of the samples, resamples and starts. Default 0.
    pub seed: u64,
}

impl Default for StabilitySettings {
    fn default() -> Self {
        Self { n_resamples: 20, n_starts: 3, rows_max: 10_000, seed: 0 }
    }
}

/// How far a group can be trusted, from its mean Jaccard index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Firmness {
    /// Below 0.6: it does not come back; do not build on it.
    Loose,
    /// 0.6 up to 0.75: a tendency, with an uncertain border.
    Doubtful,
    /// 0.75 up to 0.85: it comes back.
    Firm,
    /// 0.85 or more: it comes back almost whole.
    VeryFirm,
}

impl Firmness {
    /// The firmness of a mean Jaccard index. The limits are those that C. Hennig proposes for bootstrapped clusters (2007, 2008).
    #[must_use]
    pub fn of(jaccard: f64) -> Self {
        match jaccard {
            x if x >= 0.85 => Self::VeryFirm,
            x if x >= 0.75 => Self::Firm,
            x if x >= 0.6 => Self::Doubtful,
            _ => Self::Loose,
        }
    }

    /// In English and Chinese.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Loose => {
                ("loose: it does not come back when customers are drawn again", "不稳定：重新抽样后不再出现")
            }
            Self::Doubtful => ("doubtful: a tendency, its border is uncertain", "存疑：只是一种倾向，边界不确定"),
            Self::Firm => ("firm: it comes back when customers are drawn again", "稳定：重新抽样后仍会出现"),
            Self::VeryFirm => ("very firm: it comes back almost whole", "非常稳定：重新抽样后几乎完整重现"),
        }
    }
}

/// How a grouping fared over resamples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stability {
    /// Mean adjusted Rand index between the grouping and those of the resamples: 1 is the same each time, 0 is chance.
    pub ari_mean: f64,
    /// The index of each resample.
    pub ari: Vec<f64>,
    /// For each group the mean of its best Jaccard index.
    pub jaccard_by_group: Vec<f64>,
    /// [`Firmness::of`] each.
    pub firmness_by_group: Vec<Firmness>,
    /// Rows considered.
    pub n_rows_used: usize,
}

/// Draws customers again (with replacement), groups them anew, and compares.
///
/// For each resample, k-means with the same k is fitted to the drawn rows, and then *all* rows considered are assigned to its
/// centres; so groupings are compared on the same rows. The Jaccard index of a group is that with the most similar new one.
/// `rows` are those that `groups` was fitted on, or others scaled alike.
///
/// Errors: [`SegmentError::Zero`], those of [`KMeans::fit`] and [`KMeans::assign`]. A resample with too few different rows
/// counts as an index of 0.
pub fn stability(rows: &Rows, groups: &KMeans, settings: &StabilitySettings) -> Result<Stability, SegmentError> {
    rows.check_finite()?;
    if settings.n_resamples == 0 {
        return Err(SegmentError::Zero { setting: "n_resamples" });
    }
    let used = Stream::new(settings.seed, "stability.sample").sample_indices(rows.n_rows(), settings.rows_max);
    let rows = rows.pick(&used);
    let (n, k) = (rows.n_rows(), groups.k());
    if n < k || k == 0 {
        return Err(SegmentError::BadK { k, n_rows: n });
    }
    let reference = groups.assign(&rows)?;
    // Each resample has a stream of its own, so that threads change nothing. What it found: the index, and a Jaccard index a group.
    let one = |number: u64| {
        let mut stream = Stream::numbered(settings.seed, "stability.resample", number);
        let drawn = rows.pick(&stream.resample_indices(n));
        let again = match KMeans::fit(&drawn, k, settings.n_starts, stream.next_u64()) {
            Ok(again) => again.assign(&rows)?,
            Err(SegmentError::TooFewDistinct { .. }) => return Ok((0.0, Vec::new())),
            Err(error) => return Err(error),
        };
        Ok((adjusted_rand_index(&reference, &again)?, best_jaccards(&reference, &again, k)?))
    };
    let found: Vec<(f64, Vec<f64>)> =
        (0..settings.n_resamples as u64).into_par_iter().map(one).collect::<Result<_, _>>()?;
    let mut jaccard_sums = vec![0.0; k];
    for (_, jaccards) in &found {
        for (sum, jaccard) in jaccard_sums.iter_mut().zip(jaccards) {
            *sum += jaccard;
        }
    }
    let ari: Vec<f64> = found.into_iter().map(|(ari, _)| ari).collect();
    let jaccard_by_group: Vec<f64> = jaccard_sums.iter().map(|sum| sum / settings.n_resamples as f64).collect();
    Ok(Stability {
        ari_mean: ari.iter().sum::<f64>() / ari.len() as f64,
        ari,
        firmness_by_group: jaccard_by_group.iter().map(|jaccard| Firmness::of(*jaccard)).collect(),
        jaccard_by_group,
        n_rows_used: n,
    })
}
