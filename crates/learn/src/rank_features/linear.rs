//! The small linear algebra that ranking needs: a Cholesky solver and a ridge logistic regression.

/// Solves `a x = b` for a symmetric positive definite `a` (`n * n` values, of which the lower half is read and overwritten) and
/// `b` of `n` values, which becomes `x`. `false`, with both spoilt, if `a` is not positive definite.
pub(super) fn factor(a: &mut [f64], n: usize) -> bool {
    for j in 0..n {
        let (done, rest) = a.split_at_mut(j * n + j);
        let Some((pivot, below)) = rest.split_first_mut() else { return false };
        let row_j = done.get(j * n..).unwrap_or_default();
        let left = *pivot - row_j.iter().map(|x| x * x).sum::<f64>();
        if !left.is_finite() || left <= 0.0 {
            return false;
        }
        let root = left.sqrt();
        *pivot = root;
        // Below the pivot: row i of the lower half starts at i * n; `below` starts at j * n + j + 1.
        for i in j + 1..n {
            let start = i * n - (j * n + j + 1);
            let Some(row_i) = below.get_mut(start..=start + j) else { return false };
            let Some((last, before)) = row_i.split_last_mut() else { return false };
            let product: f64 = before.iter().zip(row_j).map(|(x, y)| x * y).sum();
            *last = (*last - product) / root;
        }
    }
    true
}

/// Solves `l lᵀ x = b` with the `l` that [`factor`] left.
pub(super) fn solve(l: &[f64], n: usize, b: &mut [f64]) {
    let at = |i: usize, j: usize| l.get(i * n + j).copied().unwrap_or(0.0);
    for i in 0..n {
        let (before, rest) = b.split_at_mut(i);
        let Some(value) = rest.first_mut() else { return };
        let row = l.get(i * n..i * n + i).unwrap_or_default();
        *value = (*value - row.iter().zip(&*before).map(|(x, y)| x * y).sum::<f64>()) / at(i, i);
    }
    for i in (0..n).rev() {
        let (before, rest) = b.split_at_mut(i);
        let Some(value) = rest.first_mut() else { return };
        *value /= at(i, i);
        let row = l.get(i * n..i * n + i).unwrap_or_default();
        before.iter_mut().zip(row).for_each(|(other, x)| *other -= x * *value);
    }
}

/// A logistic regression whose weights are kept small (ridge), with an intercept that is not.
///
/// For ranking and look-alikes; the propensities that are calibrated and exported are in [`crate::classify`].
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeLogistic {
    /// One weight an input.
    pub weights: Vec<f64>,
    /// The log odds of an input of zeros.
    pub intercept: f64,
}

impl RidgeLogistic {
    /// Maximises log-likelihood less `ridge / 2` times the sum of squared weights, by Newton's method (up to 50 steps).
    ///
    /// `examples`: `n_dims` inputs and whether the outcome came. `ridge` must be above 0, which also keeps separable examples finite;
    /// at or below it counts as 1e-9. Without examples all weights are 0.
    #[must_use]
    pub fn fit(n_dims: usize, examples: &[(&[f64], bool)], ridge: f64) -> Self {
        let ridge = if ridge > 0.0 { ridge } else { 1e-9 };
        let n = n_dims + 1;
        let mut model = Self { weights: vec![0.0; n_dims], intercept: 0.0 };
        for _ in 0..50 {
            // The intercept is the last input, always 1; its tiny ridge only keeps the matrix definite.
            let mut gradient: Vec<f64> = model.weights.iter().map(|weight| -ridge * weight).chain([0.0]).collect();
            let mut hessian = vec![0.0; n * n];
            for place in 0..n {
                if let Some(diagonal) = hessian.get_mut(place * n + place) {
                    *diagonal = if place < n_dims { ridge } else { 1e-9 };
                }
            }
            for (inputs, outcome) in examples {
                let chance = model.chance(inputs);
                let error = f64::from(u8::from(*outcome)) - chance;
                let weight = chance * (1.0 - chance);
                let with_one = || inputs.iter().copied().take(n_dims).chain([1.0]);
                for ((row, input), slope) in hessian.chunks_exact_mut(n).zip(with_one()).zip(&mut gradient) {
                    *slope += error * input;
                    let scaled = weight * input;
                    row.iter_mut().zip(with_one()).for_each(|(cell, other)| *cell += scaled * other);
                }
            }
            if !factor(&mut hessian, n) {
                break;
            }
            solve(&hessian, n, &mut gradient);
            // Far from the optimum a full step may overshoot; a cut one never leaves the slope.
            let longest = gradient.iter().fold(0.0, |longest: f64, step| longest.max(step.abs()));
            let cut = if longest > 5.0 { 5.0 / longest } else { 1.0 };
            model.weights.iter_mut().zip(&gradient).for_each(|(weight, step)| *weight += cut * step);
            model.intercept += cut * gradient.last().copied().unwrap_or(0.0);
            if longest < 1e-9 {
                break;
            }
        }
        model
    }

    /// The chance of the outcome for an input; missing inputs count as 0.
    #[must_use]
    pub fn chance(&self, inputs: &[f64]) -> f64 {
        let odds = inputs.iter().zip(&self.weights).map(|(x, w)| x * w).sum::<f64>() + self.intercept;
        1.0 / (1.0 + libm::exp(-odds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_by_hand() {
        // L = [[2], [1, 3], [-1, 2, 1]]; A = L Lᵀ; x = [1, -2, 3].
        let a = [4.0, 2.0, -2.0, 2.0, 10.0, 5.0, -2.0, 5.0, 6.0];
        let mut l = a;
        assert!(factor(&mut l, 3));
        assert_eq!([l[0], l[3], l[4], l[6], l[7], l[8]], [2.0, 1.0, 3.0, -1.0, 2.0, 1.0]);
        let mut b = [-6.0, -3.0, 6.0];
        solve(&l, 3, &mut b);
        assert!(b.iter().zip([1.0, -2.0, 3.0]).all(|(found, x)| (found - x).abs() < 1e-12), "{b:?}");
        assert!(!factor(&mut [1.0, 2.0, 2.0, 1.0], 2));
    }

    #[test]
    fn odds_of_a_two_by_two_table() {
        // 30 of 100 without, 60 of 100 with: log odds ln(3/7), and ln(1.5) - ln(3/7) for the input.
        let mut examples: Vec<(&[f64], bool)> = Vec::new();
        for (inputs, hits) in [([0.0].as_slice(), 30), (&[1.0], 60)] {
            examples.extend((0..100).map(|i| (inputs, i < hits)));
        }
        let model = RidgeLogistic::fit(1, &examples, 1e-9);
        assert!((model.intercept - (3.0f64 / 7.0).ln()).abs() < 1e-6);
        assert!((model.weights[0] - 3.5f64.ln()).abs() < 1e-6);
        // Separable examples stay finite.
        let model = RidgeLogistic::fit(1, &[(&[-1.0], false), (&[1.0], true)], 0.1);
        assert!(model.weights[0].is_finite() && model.weights[0] > 1.0);
    }
}
