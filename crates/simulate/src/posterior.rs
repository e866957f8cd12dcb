//! What is known of an arm after it was shown: the prior, and what was counted.
//!
//! The numbers are those that [`vitrine_engine::BanditModel`] keeps for an arm, so what these functions give can be published as it is.

/// Alpha and beta of a share: the prior's, and a success more for each click, a failure more for each showing without.
///
/// `prior`: alpha and beta, both above 0. Clicks beyond the showings count as showings.
#[must_use]
pub fn bernoulli(prior: [f64; 2], showings: u64, clicks: u64) -> [f64; 2] {
    let [alpha, beta] = prior;
    [alpha + clicks as f64, beta + showings.saturating_sub(clicks) as f64]
}

/// Mean and standard deviation of what a mean may be, for rewards of a known variance.
///
/// `prior`: mean and standard deviation; a deviation of 0 is certain and stays so. `sum`: of the rewards of all showings. `noise`: variance of one
/// reward, above 0. Source: conjugate prior of a normal mean, e.g. Gelman et al., "Bayesian Data Analysis" (2013), §2.5.
#[must_use]
pub fn gaussian(prior: [f64; 2], showings: u64, sum: f64, noise: f64) -> [f64; 2] {
    let [mean, deviation] = prior;
    if deviation <= 0.0 || noise <= 0.0 {
        return prior;
    }
    let prior_precision = 1.0 / (deviation * deviation);
    let precision = prior_precision + showings as f64 / noise;
    [(prior_precision * mean + sum / noise) / precision, (1.0 / precision).sqrt()]
}

/// Means of coefficients and the root of their covariance, for rewards of a known variance that are linear in the features.
///
/// `prior`: the d means, then the lower triangle of the covariance's Cholesky factor, row by row; d(d+3)/2 numbers. `squares`: the sum of x xᵀ over
/// all showings, d × d, row by row. `products`: the sum of x times reward, d. `noise`: variance of one reward, above 0. What cannot be solved (a
/// prior that is certain of something, wrong lengths) leaves the prior as it is.
/// Source: Bayesian linear regression, as in Agrawal and Goyal, "Thompson Sampling for Contextual Bandits with Linear Payoffs" (2013).
#[must_use]
pub fn linear(prior: &[f64], squares: &[f64], products: &[f64], noise: f64) -> Vec<f64> {
    solved(prior, squares, products, noise).unwrap_or_else(|| prior.to_vec())
}

fn solved(prior: &[f64], squares: &[f64], products: &[f64], noise: f64) -> Option<Vec<f64>> {
    let d = products.len();
    if squares.len() != d * d || prior.len() != d + d * (d + 1) / 2 || noise <= 0.0 || noise.is_nan() {
        return None;
    }
    let (means, triangle) = prior.split_at(d);
    let mut root = vec![0.0; d * d];
    let mut entries = triangle.iter();
    for row in 0..d {
        for column in 0..=row {
            root[row * d + column] = *entries.next()?;
        }
    }
    let prior_precision = inverse_of_root(&root, d)?;
    let mut precision = prior_precision.clone();
    precision.iter_mut().zip(squares).for_each(|(it, sum)| *it += sum / noise);
    let covariance = inverse_of_root(&cholesky(&precision, d)?, d)?;
    let weighted: Vec<f64> =
        (0..d).map(|row| dot(row_of(&prior_precision, row, d), means) + products[row] / noise).collect();
    let mut numbers: Vec<f64> = (0..d).map(|row| dot(row_of(&covariance, row, d), &weighted)).collect();
    let root = cholesky(&covariance, d)?;
    for row in 0..d {
        numbers.extend_from_slice(&root[row * d..=row * d + row]);
    }
    numbers.iter().all(|it| it.is_finite()).then_some(numbers)
}

fn row_of(matrix: &[f64], row: usize, d: usize) -> &[f64] {
    &matrix[row * d..(row + 1) * d]
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The lower triangular L with L Lᵀ = `matrix`, d × d; `None` unless it is positive definite.
fn cholesky(matrix: &[f64], d: usize) -> Option<Vec<f64>> {
    let mut root = vec![0.0; d * d];
    for row in 0..d {
        for column in 0..=row {
            let known = dot(&root[row * d..row * d + column], &root[column * d..column * d + column]);
            let rest = matrix[row * d + column] - known;
            root[row * d + column] = if row == column {
                if !(rest > 0.0 && rest.is_finite()) {
                    return None;
                }
                rest.sqrt()
            } else {
                rest / root[column * d + column]
            };
        }
    }
    Some(root)
}

/// The inverse of L Lᵀ, for a lower triangular `root`; `None` if L has a 0 on its diagonal.
fn inverse_of_root(root: &[f64], d: usize) -> Option<Vec<f64>> {
    // The inverse of L, column by column; it is lower triangular too.
    let mut inverse = vec![0.0; d * d];
    for column in 0..d {
        for row in column..d {
            let unit = if row == column { 1.0 } else { 0.0 };
            let known: f64 = (column..row).map(|it| root[row * d + it] * inverse[it * d + column]).sum();
            let diagonal = root[row * d + row];
            if diagonal == 0.0 {
                return None;
            }
            inverse[row * d + column] = (unit - known) / diagonal;
        }
    }
    let mut product = vec![0.0; d * d];
    for row in 0..d {
        for column in 0..d {
            let from = row.max(column);
            product[row * d + column] = (from..d).map(|it| inverse[it * d + row] * inverse[it * d + column]).sum();
        }
    }
    Some(product)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found} of {expected}");
        }
    }

    #[test]
    fn shares_count_clicks_and_the_rest() {
        assert_eq!(bernoulli([1.0, 1.0], 300, 12), [13.0, 289.0]);
        assert_eq!(bernoulli([2.5, 7.5], 0, 0), [2.5, 7.5]);
        assert_eq!(bernoulli([1.0, 1.0], 3, 5), [6.0, 1.0]);
    }

    #[test]
    fn means_are_weighed_by_what_is_known() {
        // Three rewards of variance 1 and a prior that is worth one of them.
        near(&gaussian([0.0, 1.0], 3, 6.0, 1.0), &[1.5, 0.5]);
        near(&gaussian([4.0, 2.0], 0, 0.0, 1.0), &[4.0, 2.0]);
        near(&gaussian([4.0, 0.0], 9, 0.0, 1.0), &[4.0, 0.0]);
    }

    #[test]
    fn a_line_through_the_constant_alone_is_a_mean() {
        let [mean, deviation] = gaussian([0.3, 0.7], 5, 2.0, 0.4);
        near(&linear(&[0.3, 0.7], &[5.0], &[2.0], 0.4), &[mean, deviation]);
    }

    /// Coefficients that rewards without noise were made with come back, and the root squares to the covariance.
    #[test]
    fn coefficients_come_back() {
        let truth = [0.5, -0.2, 0.9];
        let rows = [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [1.0, 0.5, 2.0]];
        let (mut squares, mut products) = (vec![0.0; 9], vec![0.0; 3]);
        for x in rows {
            let reward = dot(&x, &truth);
            for a in 0..3 {
                products[a] += 1_000.0 * x[a] * reward;
                (0..3).for_each(|b| squares[a * 3 + b] += 1_000.0 * x[a] * x[b]);
            }
        }
        let unit = [0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0];
        let found = linear(&unit, &squares, &products, 0.01);
        for (found, expected) in found[..3].iter().zip(truth) {
            assert!((found - expected).abs() < 1e-4, "{found} of {expected}");
        }
        // L Lᵀ times the precision is the unit matrix.
        let root = [[found[3], 0.0, 0.0], [found[4], found[5], 0.0], [found[6], found[7], found[8]]];
        let covariance = |a: usize, b: usize| dot(&root[a], &root[b]);
        for a in 0..3 {
            for b in 0..3 {
                let precision = |c: usize| squares[c * 3 + b] / 0.01 + if c == b { 1.0 } else { 0.0 };
                let product: f64 = (0..3).map(|c| covariance(a, c) * precision(c)).sum();
                assert!((product - if a == b { 1.0 } else { 0.0 }).abs() < 1e-6, "{a} {b} {product}");
            }
        }
    }

    #[test]
    fn what_cannot_be_solved_leaves_the_prior() {
        let certain = [0.5, 0.0];
        assert_eq!(linear(&certain, &[1.0], &[1.0], 0.1), certain);
        assert_eq!(linear(&[0.5, 1.0], &[1.0, 1.0], &[1.0], 0.1), [0.5, 1.0]);
        assert_eq!(linear(&[0.5, 1.0], &[1.0], &[1.0], 0.0), [0.5, 1.0]);
    }
}
