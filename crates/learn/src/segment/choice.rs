//! How many groups there are.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::{KMeans, Rows, SegmentError, StabilitySettings, silhouette, stability};

/// How [`choose_k`] tries and judges. The defaults are the rule that reports state.
#[derive(Debug, Clone, PartialEq)]
pub struct ChoiceSettings {
    /// Starts of k-means for each k. Default 8.
    pub n_starts: usize,
    /// Rows up to which silhouettes are exact, and rows sampled beyond. Default 3,000.
    pub silhouette_rows_max: usize,
    /// Resamples for each k. Their seed is replaced by [`ChoiceSettings::seed`]. Default 10 resamples, 3 starts, 4,000 rows.
    pub stability: StabilitySettings,
    /// Least mean adjusted Rand index of a k that may be chosen. Default 0.75.
    pub ari_min: f64,
    /// Least share of the rows in the smallest group of a k that may be chosen. Default 0.01.
    pub share_min: f64,
    /// Silhouettes this close to the best count as equal; of equal ones the smallest k is taken. Default 0.005.
    pub silhouette_slack: f64,
    /// Seed of everything random. Default 0.
    pub seed: u64,
}

impl Default for ChoiceSettings {
    fn default() -> Self {
        Self {
            n_starts: 8,
            silhouette_rows_max: 3_000,
            stability: StabilitySettings { n_resamples: 10, n_starts: 3, rows_max: 4_000, seed: 0 },
            ari_min: 0.75,
            share_min: 0.01,
            silhouette_slack: 0.005,
            seed: 0,
        }
    }
}

/// What was found for one k.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KTrial {
    /// Number of groups.
    pub k: usize,
    /// Sum of squared distances to the centres. It always falls with k, so it chooses nothing; its bend may interest.
    pub inertia: f64,
    /// Mean silhouette, -1 to 1.
    pub silhouette: f64,
    /// Mean adjusted Rand index over resamples.
    pub ari: f64,
    /// Share of the rows in the smallest group.
    pub smallest_share: f64,
    /// Whether it may be chosen.
    pub is_eligible: bool,
}

/// The k that was chosen, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// Number of groups.
    pub k: usize,
    /// Every k that was tried, ascending.
    pub trials: Vec<KTrial>,
    /// Whether any k met the conditions. If not, the most stable was taken and the groups are not to be trusted.
    pub is_trusted: bool,
    /// The rule and its outcome, in English.
    pub reason: String,
    /// The same in Chinese.
    pub reason_zh: String,
}

/// Tries every k of `range` and chooses one, with its groups.
///
/// The rule: of all k whose groups come back when customers are drawn again (mean adjusted Rand index at least
/// [`ChoiceSettings::ari_min`]) and whose smallest group is no splinter ([`ChoiceSettings::share_min`]), the one with the highest
/// mean silhouette; within [`ChoiceSettings::silhouette_slack`] the smallest. If none is eligible, the most stable (of equal ones the smallest), and
/// the choice says that it is not to be trusted. A k beyond the number of different rows ends the range.
///
/// Errors: [`SegmentError::BadRange`], those of [`KMeans::fit`].
pub fn choose_k(
    rows: &Rows,
    range: RangeInclusive<usize>,
    settings: &ChoiceSettings,
) -> Result<(Choice, KMeans), SegmentError> {
    let (from, to) = (*range.start(), *range.end());
    if from < 2 || from > to {
        return Err(SegmentError::BadRange { from, to });
    }
    let mut tried: Vec<(KTrial, KMeans)> = Vec::new();
    for k in range {
        let groups = match KMeans::fit(rows, k, settings.n_starts, settings.seed) {
            Ok(groups) => groups,
            Err(SegmentError::TooFewDistinct { .. } | SegmentError::BadK { .. }) if k > from => break,
            Err(error) => return Err(error),
        };
        tried.push((trial(rows, &groups, settings)?, groups));
    }
    let most = |score: fn(&KTrial) -> f64, only_eligible: bool, slack: f64| {
        let candidates = || tried.iter().filter(|(trial, _)| trial.is_eligible || !only_eligible);
        let best = candidates().map(|(trial, _)| score(trial)).max_by(f64::total_cmp)?;
        candidates().find(|(trial, _)| score(trial) >= best - slack)
    };
    let eligible = most(|trial| trial.silhouette, true, settings.silhouette_slack);
    let is_trusted = eligible.is_some();
    let (trial, groups) =
        eligible.or_else(|| most(|trial| trial.ari, false, 0.0)).ok_or(SegmentError::BadRange { from, to })?.clone();
    let (reason, reason_zh) = reasons(&trial, is_trusted, settings);
    let trials = tried.into_iter().map(|(trial, _)| trial).collect();
    Ok((Choice { k: trial.k, trials, is_trusted, reason, reason_zh }, groups))
}

fn trial(rows: &Rows, groups: &KMeans, settings: &ChoiceSettings) -> Result<KTrial, SegmentError> {
    // A sample that happens to lie in one group has no silhouette; nothing speaks for such a k.
    let silhouette = match silhouette(rows, &groups.assignment, settings.silhouette_rows_max, settings.seed) {
        Ok(silhouette) => silhouette.mean,
        Err(SegmentError::OneGroup { .. }) => 0.0,
        Err(error) => return Err(error),
    };
    let ari =
        stability(rows, groups, &StabilitySettings { seed: settings.seed, ..settings.stability.clone() })?.ari_mean;
    let smallest_share = groups.sizes.iter().min().copied().unwrap_or(0) as f64 / rows.n_rows() as f64;
    let is_eligible = ari >= settings.ari_min && smallest_share >= settings.share_min;
    Ok(KTrial { k: groups.k(), inertia: groups.inertia, silhouette, ari, smallest_share, is_eligible })
}

fn reasons(trial: &KTrial, is_trusted: bool, settings: &ChoiceSettings) -> (String, String) {
    let (k, ari, silhouette) = (trial.k, trial.ari, trial.silhouette);
    let (ari_min, share_min) = (settings.ari_min, settings.share_min * 100.0);
    if is_trusted {
        (
            format!(
                "k = {k}: the highest silhouette ({silhouette:.3}) of all k whose groups come back when customers are drawn \
                 again (index {ari:.2}, at least {ari_min}) and whose smallest group holds {share_min} % or more"
            ),
            format!(
                "k = {k}：在重新抽样后仍能重现（一致性指数 {ari:.2}，至少 {ari_min}）且最小群体占比不低于 {share_min}% 的各个 k 中，\
                 轮廓系数最高（{silhouette:.3}）"
            ),
        )
    } else {
        (
            format!(
                "no k gives groups that come back when customers are drawn again (index {ari_min} or more) and hold {share_min} % \
                 or more each: k = {k} comes closest (index {ari:.2}); do not build on these groups"
            ),
            format!(
                "没有任何 k 能得到重新抽样后仍能重现（一致性指数不低于 {ari_min}）且每个群体占比不低于 {share_min}% 的分群：\
                 k = {k} 最接近（指数 {ari:.2}）；请勿依赖这些分群"
            ),
        )
    }
}
