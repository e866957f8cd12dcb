//! Statistics of the numbers of a column, from its distinct values with their counts. Everything is summed in the order of
//! the values, so equal data gives equal bits.

/// Distinct values with how often each occurs, by rising value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Numbers(Vec<(f64, u64)>);

impl Numbers {
    /// Takes values with counts in any order; what is not finite is left out.
    pub(super) fn new(mut counted: Vec<(f64, u64)>) -> Self {
        counted.retain(|(value, n)| value.is_finite() && *n > 0);
        counted.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(counted)
    }

    pub(super) fn n(&self) -> u64 {
        self.0.iter().map(|(_, n)| n).sum()
    }

    pub(super) fn min(&self) -> Option<f64> {
        self.0.first().map(|(value, _)| *value)
    }

    pub(super) fn max(&self) -> Option<f64> {
        self.0.last().map(|(value, _)| *value)
    }

    /// The value at a share of the way through the sorted values, between two of them on the straight line.
    /// Source: Hyndman and Fan (1996), definition 7.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let n = self.n();
        let place = share.clamp(0.0, 1.0) * n.checked_sub(1)? as f64;
        let below = place.floor();
        let (low, high) = (self.at(below as u64)?, self.at((below as u64 + 1).min(n - 1))?);
        Some(low + (high - low) * (place - below))
    }

    /// The value at a place of the sorted values, from 0.
    fn at(&self, place: u64) -> Option<f64> {
        let mut before = 0;
        self.0
            .iter()
            .find(|(_, n)| {
                before += n;
                before > place
            })
            .map(|(value, _)| *value)
    }

    pub(super) fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    /// The middle value; of an even number of values the lower one, so that it is one of them.
    pub(super) fn lower_median(&self) -> Option<f64> {
        self.at(self.n().checked_sub(1)? / 2)
    }

    /// The most frequent value; of equally frequent ones the least.
    pub(super) fn mode(&self) -> Option<f64> {
        let most = self.0.iter().map(|(_, n)| *n).max()?;
        self.0.iter().find(|(_, n)| *n == most).map(|(value, _)| *value)
    }

    /// The median of the distances from the median.
    pub(super) fn absolute_deviation(&self) -> Option<f64> {
        let median = self.median()?;
        Self::new(self.0.iter().map(|(value, n)| ((value - median).abs(), *n)).collect()).median()
    }

    pub(super) fn mean(&self) -> Option<f64> {
        let n = self.n();
        (n > 0).then(|| self.0.iter().map(|(value, n)| value * *n as f64).sum::<f64>() / n as f64)
    }

    /// Standard deviation of all values (divided by their number).
    pub(super) fn deviation(&self) -> Option<f64> {
        let mean = self.mean()?;
        let squares = self.0.iter().map(|(value, n)| (value - mean).powi(2) * *n as f64).sum::<f64>();
        Some((squares / self.n() as f64).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::Numbers;

    #[test]
    fn statistics_are_those_of_the_values_written_out() {
        // 1 2 2 3 10
        let numbers = Numbers::new(vec![(10.0, 1), (2.0, 2), (1.0, 1), (3.0, 1), (f64::NAN, 4)]);
        assert_eq!((numbers.n(), numbers.min(), numbers.max()), (5, Some(1.0), Some(10.0)));
        assert_eq!((numbers.median(), numbers.mode()), (Some(2.0), Some(2.0)));
        assert_eq!((numbers.quantile(0.25), numbers.quantile(0.75)), (Some(2.0), Some(3.0)));
        assert!((numbers.quantile(0.9).unwrap() - 7.2).abs() < 1e-9);
        // Distances 1 0 0 1 8.
        assert_eq!(numbers.absolute_deviation(), Some(1.0));
        assert_eq!(numbers.mean(), Some(3.6));
        assert!((numbers.deviation().unwrap() - 10.64_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn nothing_has_no_statistics() {
        let none = Numbers::default();
        assert_eq!((none.median(), none.mode(), none.mean(), none.deviation()), (None, None, None, None));
        assert_eq!((none.absolute_deviation(), none.quantile(0.3)), (None, None));
    }
}
