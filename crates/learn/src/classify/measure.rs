//! How good chances are: ranking, sharpness, calibration and lift, with ties treated exactly.

use serde::Serialize;

use super::ClassifyError;

/// What is said of a set of chances and outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measures {
    /// Rows.
    pub n_rows: usize,
    /// Rows with outcome 1.
    pub n_positive: usize,
    /// Chance that a row with outcome 1 has the higher score, ties half. Range: 0 to 1, 0.5 knows nothing.
    pub auc: f64,
    /// Mean squared difference of chance and outcome. Range: 0 to 1, lower is better.
    pub brier: f64,
    /// Mean loss in nats, chances cut to 1e-12..=1-1e-12. Range: 0 to 27.7, lower is better.
    pub log_loss: f64,
    /// Mean absolute difference of predicted and observed rate over ten bins of about equal weight. Range: 0 to 1.
    pub calibration_error: f64,
}

impl Measures {
    /// Measures chances against outcomes. `weights` may be 1 for all.
    ///
    /// # Errors
    /// [`ClassifyError::Length`], [`ClassifyError::Score`] for a chance outside of 0..=1, [`ClassifyError::OneClass`].
    pub fn of(chances: &[f64], labels: &[bool], weights: &[f64]) -> Result<Self, ClassifyError> {
        let bins = reliability(chances, labels, weights, 10)?;
        let all: f64 = bins.iter().map(|bin| bin.weight).sum();
        let off: f64 = bins.iter().map(|bin| bin.weight * (bin.predicted - bin.observed).abs()).sum();
        Ok(Measures {
            n_rows: labels.len(),
            n_positive: labels.iter().filter(|label| **label).count(),
            auc: auc(chances, labels, weights)?,
            brier: brier(chances, labels, weights)?,
            log_loss: log_loss(chances, labels, weights)?,
            calibration_error: off / all,
        })
    }
}

/// One bin of a reliability table: rows with similar chances.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliabilityRow {
    /// Rows in it.
    pub n_rows: usize,
    /// Their weight.
    pub weight: f64,
    /// Lowest chance in it.
    pub from: f64,
    /// Highest chance in it.
    pub until: f64,
    /// Mean chance.
    pub predicted: f64,
    /// Share of outcome 1.
    pub observed: f64,
    /// Lower end of the 95 % interval (Wilson) of `observed`.
    pub observed_low: f64,
    /// Upper end of it.
    pub observed_high: f64,
}

/// One tenth of a lift table, from the highest scores down.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LiftRow {
    /// Which tenth, from 1 for the highest scores.
    pub tenth: u32,
    /// Weight of its rows.
    pub weight: f64,
    /// Share of outcome 1 in it. Rows of equal score share their outcomes evenly, so the order of rows is no matter.
    pub rate: f64,
    /// `rate` against that of all rows; 1 is no better than chance.
    pub lift: f64,
    /// Share of all rows with outcome 1 that lie in this tenth and those above (cumulative gain). Range: 0 to 1.
    pub gain: f64,
    /// `gain` against that of chance.
    pub lift_so_far: f64,
}

/// Rows of one score taken together.
struct Tie {
    score: f64,
    n_rows: usize,
    weight: f64,
    positive: f64,
}

/// Area under the ROC curve, exact with ties. Scores may be any numbers but NaN.
///
/// # Errors
/// [`ClassifyError::Length`], [`ClassifyError::Score`], [`ClassifyError::OneClass`].
pub fn auc(scores: &[f64], labels: &[bool], weights: &[f64]) -> Result<f64, ClassifyError> {
    let ties = ties(scores, labels, weights)?;
    let (mut negative_below, mut won, mut positive_all) = (0.0, 0.0, 0.0);
    for tie in &ties {
        let negative = tie.weight - tie.positive;
        won += tie.positive * (negative_below + 0.5 * negative);
        negative_below += negative;
        positive_all += tie.positive;
    }
    Ok(won / (positive_all * negative_below))
}

/// Mean squared difference of chance and outcome.
///
/// # Errors
/// [`ClassifyError::Length`], [`ClassifyError::Score`].
pub fn brier(chances: &[f64], labels: &[bool], weights: &[f64]) -> Result<f64, ClassifyError> {
    check_chances(chances, labels, weights)?;
    Ok(mean(chances, labels, weights, |chance, label| (chance - label) * (chance - label)))
}

/// Mean loss in nats, chances cut to 1e-12..=1-1e-12.
///
/// # Errors
/// [`ClassifyError::Length`], [`ClassifyError::Score`].
pub fn log_loss(chances: &[f64], labels: &[bool], weights: &[f64]) -> Result<f64, ClassifyError> {
    check_chances(chances, labels, weights)?;
    Ok(mean(chances, labels, weights, chance_loss))
}

/// Loss of one chance in nats.
pub(super) fn chance_loss(chance: f64, label: f64) -> f64 {
    let of_label = if label == 1.0 { chance } else { 1.0 - chance };
    -libm::log(of_label.clamp(1e-12, 1.0 - 1e-12))
}

/// Predicted against observed rates in `n_bins` bins of about equal weight; rows of equal chance stay together.
///
/// # Errors
/// [`ClassifyError::Length`], [`ClassifyError::Score`], [`ClassifyError::OneClass`], [`ClassifyError::Setting`] for no bins.
pub fn reliability(
    chances: &[f64],
    labels: &[bool],
    weights: &[f64],
    n_bins: usize,
) -> Result<Vec<ReliabilityRow>, ClassifyError> {
    if n_bins == 0 {
        return Err(ClassifyError::Setting { setting: "n_bins", found: 0.0, expected: "at least 1" });
    }
    check_chances(chances, labels, weights)?;
    let ties = ties(chances, labels, weights)?;
    let all: f64 = ties.iter().map(|tie| tie.weight).sum();
    let mut bins: Vec<ReliabilityRow> = Vec::with_capacity(n_bins);
    let (mut seen, mut place) = (0.0, usize::MAX);
    for tie in &ties {
        // A tie belongs to the bin of its middle.
        let own = (((seen + 0.5 * tie.weight) / all * n_bins as f64) as usize).min(n_bins - 1);
        seen += tie.weight;
        match bins.last_mut().filter(|_| own == place) {
            Some(bin) => {
                bin.n_rows += tie.n_rows;
                bin.weight += tie.weight;
                bin.until = tie.score;
                bin.predicted += tie.score * tie.weight;
                bin.observed += tie.positive;
            }
            None => bins.push(ReliabilityRow {
                n_rows: tie.n_rows,
                weight: tie.weight,
                from: tie.score,
                until: tie.score,
                predicted: tie.score * tie.weight,
                observed: tie.positive,
                observed_low: 0.0,
                observed_high: 1.0,
            }),
        }
        place = own;
    }
    for bin in &mut bins {
        bin.predicted /= bin.weight;
        bin.observed /= bin.weight;
        (bin.observed_low, bin.observed_high) = wilson(bin.observed, bin.n_rows as f64);
    }
    Ok(bins)
}

/// Lift by tenths of the rows' weight, from the highest scores down.
///
/// # Errors
/// [`ClassifyError::Length`], [`ClassifyError::Score`], [`ClassifyError::OneClass`].
pub fn lift(scores: &[f64], labels: &[bool], weights: &[f64]) -> Result<Vec<LiftRow>, ClassifyError> {
    let ties = ties(scores, labels, weights)?;
    let all: f64 = ties.iter().map(|tie| tie.weight).sum();
    let positive_all: f64 = ties.iter().map(|tie| tie.positive).sum();
    // Weight of outcome 1 among the highest `share` of the weight; linear within a tie.
    let captured = |share: f64| {
        let (mut room, mut positive) = (share * all, 0.0);
        for tie in ties.iter().rev() {
            if room <= tie.weight {
                return positive + tie.positive * (room / tie.weight);
            }
            room -= tie.weight;
            positive += tie.positive;
        }
        positive_all
    };
    let mut rows = Vec::with_capacity(10);
    let mut before = 0.0;
    for tenth in 1..=10_u32 {
        let share = f64::from(tenth) / 10.0;
        let until = if tenth == 10 { positive_all } else { captured(share) };
        let rate = (until - before) / (all / 10.0);
        let gain = until / positive_all;
        let lift = rate / (positive_all / all);
        rows.push(LiftRow { tenth, weight: all / 10.0, rate, lift, gain, lift_so_far: gain / share });
        before = until;
    }
    Ok(rows)
}

/// Wilson's 95 % interval of a share that was seen in `n` rows.
fn wilson(share: f64, n: f64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    let middle = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
}

fn mean(chances: &[f64], labels: &[bool], weights: &[f64], of: impl Fn(f64, f64) -> f64) -> f64 {
    let rows = chances.iter().zip(labels).zip(weights);
    let sum: f64 = rows.map(|((chance, label), weight)| weight * of(*chance, f64::from(u8::from(*label)))).sum();
    sum / weights.iter().sum::<f64>()
}

fn check_lengths(scores: &[f64], labels: &[bool], weights: &[f64]) -> Result<(), ClassifyError> {
    for (what, found) in [("scores", scores.len()), ("weights", weights.len())] {
        if found != labels.len() {
            return Err(ClassifyError::Length { what: what.to_owned(), found, expected: labels.len() });
        }
    }
    if labels.is_empty() { Err(ClassifyError::NoRows) } else { Ok(()) }
}

fn check_chances(chances: &[f64], labels: &[bool], weights: &[f64]) -> Result<(), ClassifyError> {
    check_lengths(chances, labels, weights)?;
    match chances.iter().enumerate().find(|(_, chance)| !(0.0..=1.0).contains(*chance)) {
        Some((row, &found)) => Err(ClassifyError::Score { row, found }),
        None => Ok(()),
    }
}

/// Rows by rising score, those of one score together.
fn ties(scores: &[f64], labels: &[bool], weights: &[f64]) -> Result<Vec<Tie>, ClassifyError> {
    check_lengths(scores, labels, weights)?;
    let mut rows: Vec<(f64, bool, f64)> = Vec::with_capacity(scores.len());
    for (row, ((&score, &label), &weight)) in scores.iter().zip(labels).zip(weights).enumerate() {
        if score.is_nan() {
            return Err(ClassifyError::Score { row, found: score });
        }
        // -0 and 0 are one score.
        rows.push((score + 0.0, label, weight));
    }
    let n_positive = labels.iter().filter(|label| **label).count();
    if n_positive == 0 || n_positive == labels.len() {
        return Err(ClassifyError::OneClass { label: u8::from(n_positive > 0), n_rows: labels.len() });
    }
    // By weight too, so that the sums do not depend on the order of rows.
    rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.total_cmp(&b.2)).then(a.1.cmp(&b.1)));
    let mut ties: Vec<Tie> = Vec::new();
    for (score, label, weight) in rows {
        let positive = if label { weight } else { 0.0 };
        match ties.last_mut().filter(|tie| tie.score == score) {
            Some(tie) => {
                tie.n_rows += 1;
                tie.weight += weight;
                tie.positive += positive;
            }
            None => ties.push(Tie { score, n_rows: 1, weight, positive }),
        }
    }
    Ok(ties)
}
