//! Ranges of buckets: variations, coverage, namespaces and filters.
//!
//! All of it in plain 64-bit floats, in exactly the specification's order of operations: another order would round other
//! ends of ranges, and a visitor there would see another variation than in every other client.

use crate::hash::{HashValue, HashVersion, Seed};
use crate::json::Json;

/// Buckets from `start` to below `end`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) start: f64,
    pub(crate) end: f64,
}

impl Range {
    #[inline]
    pub(crate) fn contains(self, bucket: f64) -> bool {
        self.start <= bucket && bucket < self.end
    }

    /// `[start, end]`. Anything else is a range without buckets.
    pub(crate) fn from_json(json: &Json) -> Self {
        let number = |at: usize| json.as_list().and_then(|list| list.get(at)).and_then(Json::as_number);
        match (number(0), number(1)) {
            (Some(start), Some(end)) => Self { start, end },
            _ => Self { start: 0.0, end: 0.0 },
        }
    }

    pub(crate) fn list_from_json(json: &Json) -> Vec<Self> {
        json.as_list().unwrap_or_default().iter().map(Self::from_json).collect()
    }
}

/// `n` equal weights.
pub(crate) fn equal_weights(n: usize) -> Vec<f64> {
    vec![1.0 / n as f64; n]
}

/// The weights that are used: `weights` if there is one for each variation, none is negative and their sum is one but for
/// rounding (0.99..=1.01); otherwise equal ones.
pub(crate) fn usable_weights(n: usize, weights: Option<&Json>) -> Vec<f64> {
    valid_weights(n, weights).unwrap_or_else(|| equal_weights(n))
}

/// `None` if [`usable_weights`] would not use them.
pub(crate) fn valid_weights(n: usize, weights: Option<&Json>) -> Option<Vec<f64>> {
    let weights = weights?.as_list()?.iter().map(Json::as_number).collect::<Option<Vec<f64>>>()?;
    let sum = weights.iter().fold(0.0, |sum, weight| sum + weight);
    let is_valid = weights.len() == n && weights.iter().all(|it| *it >= 0.0) && (0.99..=1.01).contains(&sum);
    is_valid.then_some(weights)
}

/// One range per weight, each as wide as `coverage` leaves of it. Coverage is taken into 0..=1.
#[inline]
pub(crate) fn ranges(coverage: f64, weights: &[f64]) -> impl Iterator<Item = Range> + '_ {
    // What is not a number stays so, and then no bucket is in any range.
    let coverage = coverage.clamp(0.0, 1.0);
    let mut cumulative = 0.0;
    weights.iter().map(move |weight| {
        let start = cumulative;
        cumulative += weight;
        Range { start, end: start + coverage * weight }
    })
}

/// A namespace: a slice of all visitors, so that experiments in other slices of the same namespace never share one.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    seed: Seed,
    range: Range,
}

impl Namespace {
    /// `[id, start, end]`. Anything else is a namespace without visitors.
    pub(crate) fn from_json(json: &Json) -> Self {
        let range = json.as_list().and_then(|list| list.get(1..)).map(|range| Json::List(range.to_vec()));
        let range = range.map_or(Range { start: 0.0, end: 0.0 }, |range| Range::from_json(&range));
        let id = json.as_list().and_then(|list| list.first()).and_then(Json::as_text);
        Self::new(id.unwrap_or_default(), range)
    }

    pub(crate) fn new(id: &str, range: Range) -> Self {
        Self { seed: Seed::new(&format!("__{id}")), range }
    }

    pub(crate) fn contains(&self, value: HashValue<'_>) -> bool {
        self.seed.bucket(value, HashVersion::One).is_some_and(|bucket| self.range.contains(bucket))
    }
}

/// A filter: like a namespace, with several slices and an attribute of its own.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) attribute: Box<str>,
    seed: Seed,
    ranges: Vec<Range>,
    version: HashVersion,
}

impl Filter {
    pub(crate) fn from_json(json: &Json) -> Self {
        let text = |name: &str| json.get(name).and_then(Json::as_text).filter(|text| !text.is_empty());
        Self {
            attribute: text("attribute").unwrap_or("id").into(),
            seed: Seed::new(text("seed").unwrap_or_default()),
            ranges: json.get("ranges").map(Range::list_from_json).unwrap_or_default(),
            version: HashVersion::from_json(json.get("hashVersion"), HashVersion::Two),
        }
    }

    pub(crate) fn contains(&self, value: HashValue<'_>) -> bool {
        let bucket = self.seed.bucket(value, self.version);
        bucket.is_some_and(|bucket| self.ranges.iter().any(|range| range.contains(bucket)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_weights_become_equal() {
        let weights = |source: &str| usable_weights(2, Some(&Json::parse(source.as_bytes()).unwrap()));
        assert_eq!(weights("[0.4, 0.6]"), [0.4, 0.6]);
        for source in ["[0.4]", "[0.4, 0.7]", "[-0.5, 1.5]", "[0.4, \"0.6\"]", "{}", "null", "[1e400, 0]", "[]"] {
            assert_eq!(weights(source), [0.5, 0.5], "{source}");
        }
        assert!(usable_weights(0, None).is_empty());
    }

    #[test]
    fn coverage_that_is_no_number_covers_nobody() {
        assert!(!ranges(f64::NAN, &[0.5, 0.5]).any(|range| range.contains(0.0)));
    }
}
