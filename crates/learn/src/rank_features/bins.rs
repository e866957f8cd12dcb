//! Features as a few codes each: bins of numbers, values of categories, and missing as a code of its own.

use std::collections::BTreeMap;

/// A feature, one value a customer.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Numbers; `NaN` is missing.
    Numbers(Vec<f64>),
    /// Names; `None` is missing.
    Categories(Vec<Option<String>>),
}

impl Column {
    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Categories(values) => values.len(),
        }
    }
}

/// A feature as codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codes {
    /// Code of each row, below [`Codes::n_codes`].
    pub codes: Vec<u32>,
    /// Number of codes; each has a row at least.
    pub n_codes: usize,
    /// Rows whose value is missing; if any, theirs is the last code.
    pub n_missing: usize,
}

/// Gives every row a code.
///
/// Numbers: with up to `n_bins` different values each is a code. With more, the borders are the values at the i/n_bins quantiles; a
/// bin reaches from above one border up to and including the next, so equal values are never parted, and borders that fall
/// together make fewer bins. Categories: with more than `n_values_max` different values, all but the `n_values_max - 1` most
/// frequent (of equal ones the first by name) share one code. Missing values have a code of their own.
#[must_use]
pub fn encode(column: &Column, n_bins: usize, n_values_max: usize) -> Codes {
    match column {
        Column::Numbers(values) => {
            let borders = quantile_borders(values, n_bins);
            let code = |value: f64| (!value.is_nan()).then(|| bin_of(&borders, value) as u32);
            from_codes(values.iter().map(|value| code(*value)))
        }
        Column::Categories(values) => {
            let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
            for value in values.iter().flatten() {
                *counts.entry(value).or_insert(0) += 1;
            }
            let mut by_count: Vec<(&str, u64)> = counts.into_iter().collect();
            by_count.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
            let rest = if by_count.len() > n_values_max { n_values_max.max(1) - 1 } else { by_count.len() };
            let codes: BTreeMap<&str, u32> =
                by_count.iter().enumerate().map(|(idx, (value, _))| (*value, idx.min(rest) as u32)).collect();
            from_codes(values.iter().map(|value| value.as_deref().and_then(|value| codes.get(value)).copied()))
        }
    }
}

/// Renumbers codes without gaps, in their order; `None` becomes the last.
fn from_codes(codes: impl Iterator<Item = Option<u32>> + Clone) -> Codes {
    let mut new_codes: BTreeMap<u32, u32> = codes.clone().flatten().map(|code| (code, 0)).collect();
    for (new, code) in new_codes.values_mut().enumerate() {
        *code = new as u32;
    }
    let missing = new_codes.len() as u32;
    let mut n_missing = 0;
    let codes = codes
        .map(|code| {
            code.and_then(|code| new_codes.get(&code)).copied().unwrap_or_else(|| {
                n_missing += 1;
                missing
            })
        })
        .collect();
    Codes { codes, n_codes: new_codes.len() + usize::from(n_missing > 0), n_missing }
}

/// Ascending borders between up to `n_bins` bins of finite values, as [`encode`] describes; what is not finite is passed over.
pub(crate) fn quantile_borders(values: &[f64], n_bins: usize) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut distinct = sorted.clone();
    distinct.dedup();
    let mut borders = if distinct.len() <= n_bins {
        distinct
    } else {
        let n = sorted.len();
        let mut borders: Vec<f64> =
            (1..n_bins).filter_map(|bin| sorted.get((n * bin).div_ceil(n_bins) - 1)).copied().collect();
        borders.dedup();
        borders.push(f64::INFINITY);
        borders
    };
    // Above the last border there must be something: the largest value is none.
    borders.pop();
    let most = sorted.last().copied();
    borders.retain(|border| Some(*border) != most);
    borders
}

/// The bin of a value: how many borders are below it.
pub(crate) fn bin_of(borders: &[f64], value: f64) -> usize {
    borders.partition_point(|border| *border < value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fall_into_even_bins() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile_borders(&values, 4), [25.0, 50.0, 75.0]);
        let codes = encode(&Column::Numbers(values), 4, 9);
        assert_eq!(codes.n_codes, 4);
        assert!((0..4).all(|code| codes.codes.iter().filter(|other| **other == code).count() == 25));
    }

    #[test]
    fn equal_values_stay_together() {
        let values = [vec![0.0; 90], (1..=10).map(f64::from).collect()].concat();
        assert_eq!(quantile_borders(&values, 10), [0.0]);
        assert_eq!(quantile_borders(&[2.0, 1.0, 2.0], 10), [1.0]);
        assert!(quantile_borders(&[5.0; 8], 3).is_empty());
        assert!(quantile_borders(&[], 3).is_empty());
    }

    #[test]
    fn missing_is_a_code_and_rare_values_share_one() {
        let codes = encode(&Column::Numbers(vec![1.0, f64::NAN, 2.0]), 5, 5);
        assert_eq!((codes.codes.as_slice(), codes.n_codes, codes.n_missing), ([0, 2, 1].as_slice(), 3, 1));
        let names = ["b", "b", "a", "c", "d", ""].map(|name| (!name.is_empty()).then(|| name.to_owned()));
        let codes = encode(&Column::Categories(names.to_vec()), 5, 3);
        assert_eq!(codes.codes, [0, 0, 1, 2, 2, 3]);
        assert_eq!(codes.n_codes, 4);
        assert_eq!(encode(&Column::Numbers(vec![f64::NAN; 3]), 5, 5).n_codes, 1);
    }
}
