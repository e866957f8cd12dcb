//! What sets each group apart, in numbers and plain words.

use serde::{Deserialize, Serialize};

use super::{Rows, SegmentError};

/// Contrasts listed for a group, at most.
const CONTRASTS_MAX: usize = 6;
/// Contrasts smaller than this many standard deviations are not worth a sentence.
const SDS_LISTED: f64 = 0.2;
/// Contrasts smaller than this many standard deviations give no name.
const SDS_NAMED: f64 = 0.5;

/// What to call a feature, and customers who have much or little of it.
///
/// Names are built of the labels: with `high` "frequent" and `high_zh` "高频" a group is called "Frequent customers" and "高频用户". An
/// empty label is never used in a name: leave `low` of a yes-or-no feature empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureWords {
    /// Key of the feature, such as `frequency`.
    pub feature: String,
    /// What it is in English, such as "orders".
    pub title: String,
    /// What it is in Chinese, such as "订单数".
    pub title_zh: String,
    /// English adjective for much of it.
    pub high: String,
    /// English adjective for little of it.
    pub low: String,
    /// Chinese adjective for much of it.
    pub high_zh: String,
    /// Chinese adjective for little of it.
    pub low_zh: String,
}

impl FeatureWords {
    /// Words for a feature about which nothing is known but its key.
    #[must_use]
    pub fn plain(feature: &str) -> Self {
        let title = feature.replace('_', " ");
        Self {
            high: format!("high-{title}"),
            low: format!("low-{title}"),
            high_zh: format!("高{title}"),
            low_zh: format!("低{title}"),
            title_zh: title.clone(),
            feature: feature.to_owned(),
            title,
        }
    }
}

/// How a group differs from all customers in one feature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contrast {
    /// Key of the feature.
    pub feature: String,
    /// Mean of the group, in the feature's own unit.
    pub mean: f64,
    /// Mean of all.
    pub overall_mean: f64,
    /// Difference of the means in standard deviations of all.
    pub sds: f64,
    /// `mean / overall_mean`, for features that are never negative and not always 0.
    pub ratio: Option<f64>,
    /// In English, such as "orders 3.1 x the average (9.3 against 3)".
    pub text: String,
    /// In Chinese.
    pub text_zh: String,
    /// The adjective that fits, in English; empty if the words have none.
    pub label: String,
    /// The adjective that fits, in Chinese; empty if the words have none.
    pub label_zh: String,
}

/// A group in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Description {
    /// Number of the group.
    pub group: u32,
    /// A name to start from, in English. No two groups have the same.
    pub name: String,
    /// A name to start from, in Chinese. No two groups have the same.
    pub name_zh: String,
    /// Customers in it.
    pub size: u64,
    /// Share of all customers, 0 to 1.
    pub share: f64,
    /// What differs most from the average, the most different first: up to 6, each by 0.2 standard deviations or more.
    pub contrasts: Vec<Contrast>,
}

/// Describes the groups `0..k` of customers.
///
/// `rows` are the raw features, not the scaled ones, so that means have their units; missing values (`NaN`) are passed over.
/// `words`: one entry a column. A name is made of the labels of the two strongest contrasts of half a standard deviation or more; of a
/// third, a fourth ... where two groups would share it; a number where that does not help.
///
/// Errors: [`SegmentError::Length`], [`SegmentError::BadGroup`], those of [`Rows::new`].
pub fn describe(
    rows: &Rows,
    assignment: &[u32],
    k: usize,
    words: &[FeatureWords],
) -> Result<Vec<Description>, SegmentError> {
    rows.check_shape()?;
    let n = rows.n_rows();
    if assignment.len() != n {
        return Err(SegmentError::Length { what: "groups, one a row", expected: n, found: assignment.len() });
    }
    if words.len() != rows.n_cols {
        return Err(SegmentError::Length {
            what: "feature words, one a column",
            expected: rows.n_cols,
            found: words.len(),
        });
    }
    let sizes = group_sizes(assignment, k)?;
    let mut contrasts: Vec<Vec<Contrast>> = vec![Vec::new(); k];
    for (col_idx, words) in words.iter().enumerate() {
        let column = || rows.values.iter().skip(col_idx).step_by(rows.n_cols).copied().zip(assignment);
        let Some(overall) = Moments::of(column().map(|(value, _)| value)) else { continue };
        if overall.sd <= 0.0 {
            continue;
        }
        let mut sums = vec![(0.0, 0u64); k];
        for (value, group) in column().filter(|(value, _)| value.is_finite()) {
            if let Some((sum, count)) = sums.get_mut(*group as usize) {
                *sum += value;
                *count += 1;
            }
        }
        for (contrasts, (sum, count)) in contrasts.iter_mut().zip(sums) {
            if count > 0 {
                contrasts.push(contrast(words, sum / count as f64, &overall));
            }
        }
    }
    let mut used: Vec<(String, String)> = Vec::new();
    let described = sizes.iter().zip(contrasts).enumerate().map(|(group, (size, mut contrasts))| {
        // Equal ones stay in the order of the columns.
        contrasts.sort_by(|a, b| b.sds.abs().total_cmp(&a.sds.abs()));
        let (name, name_zh) = suggest(&contrasts, &mut used);
        contrasts.retain(|contrast| contrast.sds.abs() >= SDS_LISTED);
        contrasts.truncate(CONTRASTS_MAX);
        let share = if n == 0 { 0.0 } else { *size as f64 / n as f64 };
        Description { group: group as u32, name, name_zh, size: *size, share, contrasts }
    });
    Ok(described.collect())
}

pub(super) fn group_sizes(assignment: &[u32], k: usize) -> Result<Vec<u64>, SegmentError> {
    let mut sizes = vec![0u64; k];
    for (row_idx, group) in assignment.iter().enumerate() {
        *sizes.get_mut(*group as usize).ok_or(SegmentError::BadGroup { row_idx, found: *group, k })? += 1;
    }
    Ok(sizes)
}

struct Moments {
    mean: f64,
    sd: f64,
    min: f64,
}

impl Moments {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let values = values.filter(|value| value.is_finite());
        let n = values.clone().count();
        if n == 0 {
            return None;
        }
        let mean = values.clone().sum::<f64>() / n as f64;
        let (min, max) =
            values.clone().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (x.min(low), x.max(high)));
        // Of equal values the mean may be off by a rounding, which must not become a spread.
        let sd = if min < max { (values.map(|x| (x - mean) * (x - mean)).sum::<f64>() / n as f64).sqrt() } else { 0.0 };
        Some(Self { mean, sd, min })
    }
}

fn contrast(words: &FeatureWords, mean: f64, overall: &Moments) -> Contrast {
    let sds = (mean - overall.mean) / overall.sd;
    let ratio = (overall.min >= 0.0 && overall.mean > 0.0).then(|| mean / overall.mean);
    let (own, all) = (figures(mean), figures(overall.mean));
    let (title, title_zh) = (&words.title, &words.title_zh);
    let (text, text_zh) = match ratio {
        // A ratio near 1 says less than the distance in standard deviations.
        Some(ratio) if !(0.8..1.25).contains(&ratio) => (
            format!("{title} {} x the average ({own} against {all})", figures(ratio)),
            format!("{title_zh}为平均值的 {} 倍（{own}，平均 {all}）", figures(ratio)),
        ),
        _ => {
            let (side, side_zh) = if sds >= 0.0 { ("above", "高于") } else { ("below", "低于") };
            let distance = figures(sds.abs());
            (
                format!("{title} {distance} standard deviations {side} the average ({own} against {all})"),
                format!("{title_zh}{side_zh}平均值 {distance} 个标准差（{own}，平均 {all}）"),
            )
        }
    };
    let (label, label_zh) = if sds >= 0.0 { (&words.high, &words.high_zh) } else { (&words.low, &words.low_zh) };
    Contrast {
        feature: words.feature.clone(),
        mean,
        overall_mean: overall.mean,
        sds,
        ratio,
        text,
        text_zh,
        label: label.clone(),
        label_zh: label_zh.clone(),
    }
}

/// A name that no earlier group has, in both languages.
fn suggest(contrasts: &[Contrast], used: &mut Vec<(String, String)>) -> (String, String) {
    let named: Vec<&Contrast> = contrasts
        .iter()
        .filter(|contrast| {
            contrast.sds.abs() >= SDS_NAMED && !contrast.label.is_empty() && !contrast.label_zh.is_empty()
        })
        .collect();
    let with = |n_labels: usize| {
        let labels = named.get(..n_labels).unwrap_or(&named);
        if labels.is_empty() {
            return ("Average customers".to_owned(), "普通用户".to_owned());
        }
        let english: Vec<&str> = labels.iter().map(|contrast| contrast.label.as_str()).collect();
        let chinese: String = labels.iter().map(|contrast| contrast.label_zh.as_str()).collect();
        (format!("{} customers", capitalised(&english.join(", "))), format!("{chinese}用户"))
    };
    let is_free = |name: &(String, String), used: &[(String, String)]| {
        used.iter().all(|other| other.0 != name.0 && other.1 != name.1)
    };
    let free = (2..=named.len().max(2)).map(with).find(|name| is_free(name, used));
    let name = free.or_else(|| {
        let (name, name_zh) = with(2);
        (2..used.len() + 3).map(|n| (format!("{name} {n}"), format!("{name_zh}{n}"))).find(|name| is_free(name, used))
    });
    let name = name.unwrap_or_else(|| with(2));
    used.push(name.clone());
    name
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A number for people: about three figures, no needless zeros.
fn figures(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        x if x >= 100.0 || x == 0.0 => 0,
        x if x >= 10.0 => 1,
        x if x >= 0.1 => 2,
        x if x >= 0.001 => 4,
        _ => return format!("{value:.2e}"),
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (3.0, "3"),
            (3.125, "3.12"),
            (31.25, "31.2"),
            (1234.5, "1234"),
            (-0.5, "-0.5"),
            (0.0123, "0.0123"),
            (0.00001, "1.00e-5"),
            (99.99, "100"),
        ];
        for (value, expected) in cases {
            assert_eq!(figures(value), expected);
        }
    }
}
