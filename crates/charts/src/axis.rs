//! Where marks and numbers of an axis stand.

/// Round numbers from at or below `from` to at or above `to`, about `n_wanted` of them, in steps of 1, 2 or 5 times a power of ten.
pub(crate) fn ticks(from: f64, to: f64, n_wanted: usize) -> Vec<f64> {
    let span = to - from;
    if !(span.is_finite() && span > 0.0) {
        return vec![from.floor(), from.floor() + 1.0];
    }
    let rough = span / n_wanted.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|step| *step >= rough).unwrap_or(power);
    let (first, last) = ((from / step).floor() as i64, (to / step).ceil() as i64);
    (first..=last).map(|idx| idx as f64 * step).collect()
}

/// Whether a number has a place in a chart: not what is no finite number, nor what no figure of a shop reaches.
pub(crate) fn is_drawn(number: f64) -> bool {
    number.is_finite() && number.abs() <= 1e15
}

/// The least and the greatest number that is drawn.
pub(crate) fn range(numbers: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    numbers.filter(|number| is_drawn(*number)).fold(None, |range, number| match range {
        None => Some((number, number)),
        Some((least, greatest)) => Some((least.min(number), greatest.max(number))),
    })
}

#[cfg(test)]
mod axis_tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_range() {
        assert_eq!(ticks(0.0, 97.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(-3.0, 12.0, 4), [-5.0, 0.0, 5.0, 10.0, 15.0]);
        assert_eq!(ticks(5.0, 5.0, 4), [5.0, 6.0]);
        assert_eq!(ticks(f64::NAN, 5.0, 4).len(), 2);
    }

    #[test]
    fn what_is_no_number_has_no_part_in_the_range() {
        assert_eq!(range([2.0, f64::NAN, -1.0, f64::INFINITY].into_iter()), Some((-1.0, 2.0)));
        assert_eq!(range([f64::NAN].into_iter()), None);
    }
}
