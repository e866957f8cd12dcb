//! Nelder and Mead's search in a box, from several starts: four parameters need nothing greater.
//!
//! Deterministic: no random numbers, and ties keep their order. The box matters: without it the likelihood of BG/NBD lets
//! parameters run off to where the arithmetic fails.

/// Edges of the searched box, for the logarithm of each parameter: 0.0003 to 2981.
pub(super) const LOG_BOUND: f64 = 8.0;
/// A parameter closer to the edge than this counts as lying at it.
const AT_EDGE: f64 = 1e-3;

/// The lower and upper edge of each parameter.
pub(super) type Bounds<const N: usize> = [(f64, f64); N];

/// What is minimised, over the logarithms of the parameters.
pub(super) type Objective<'a, const N: usize> = &'a mut dyn FnMut(&[f64; N]) -> f64;

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Minimum<const N: usize> {
    pub(super) at: [f64; N],
    pub(super) value: f64,
    pub(super) n_evaluations: u32,
    pub(super) is_converged: bool,
}

impl<const N: usize> Minimum<N> {
    /// Whether parameter `idx` lies at an edge of the box.
    pub(super) fn is_at_edge(&self, idx: usize, bounds: &Bounds<N>) -> bool {
        match (self.at.get(idx), bounds.get(idx)) {
            (Some(at), Some((low, high))) => at - low < AT_EDGE || high - at < AT_EDGE,
            _ => false,
        }
    }
}

/// How long and how exactly one descent searches.
#[derive(Clone, Copy)]
struct Effort {
    /// Length of the first simplex's edges.
    step: f64,
    /// Greatest difference of values in a simplex at rest.
    value_tolerance: f64,
    /// Greatest difference of positions in a simplex at rest.
    position_tolerance: f64,
    evaluations_max: u32,
}

const ROUGH: Effort = Effort { step: 0.7, value_tolerance: 1e-4, position_tolerance: 1e-3, evaluations_max: 400 };
const FINE: Effort = Effort { step: 0.08, value_tolerance: 1e-9, position_tolerance: 1e-7, evaluations_max: 1_500 };
/// The fine search starts anew from where it ended, as the simplex may have collapsed on the way.
const RESTARTS_MAX: u32 = 4;
/// A new start that gains less than this ends the search.
const RESTART_GAIN: f64 = 1e-8;

/// Steps of the polish, and the length of one that ends it.
const POLISH_MAX: u32 = 12;
const POLISH_TOLERANCE: f64 = 1e-7;

/// The lowest point of `exact`, searched from all `starts`. If it is costly, `rough` is a cheaper function that is similar: all
/// of the search goes there, and `exact` only corrects what comes out. `None` if no start has a finite value.
pub(super) fn search<const N: usize>(
    rough: Option<Objective<'_, N>>,
    exact: &mut dyn FnMut(&[f64; N]) -> f64,
    starts: &[[f64; N]],
    bounds: &Bounds<N>,
) -> Option<Minimum<N>> {
    let Some(rough) = rough else {
        return search_all(exact, starts, bounds, RESTARTS_MAX);
    };
    // One restart is enough: the correction needs a point nearby only.
    let near = search_all(rough, starts, bounds, 1)?;
    let mut found =
        polish(rough, exact, &near, bounds).or_else(|| search_all(exact, &[near.at], bounds, RESTARTS_MAX))?;
    found.n_evaluations += near.n_evaluations;
    Some(found)
}

/// Short descents from all starts, a long one from where the best of them ended.
fn search_all<const N: usize>(
    objective: &mut dyn FnMut(&[f64; N]) -> f64,
    starts: &[[f64; N]],
    bounds: &Bounds<N>,
    restarts_max: u32,
) -> Option<Minimum<N>> {
    let mut n_evaluations = 0;
    let mut best: Option<Minimum<N>> = None;
    for start in starts {
        let found = descend(objective, start, bounds, ROUGH);
        n_evaluations += found.n_evaluations;
        if found.value.is_finite() && best.is_none_or(|best| found.value < best.value) {
            best = Some(found);
        }
    }
    let mut found = descend(objective, &best?.at, bounds, FINE);
    n_evaluations += found.n_evaluations;
    for _ in 0..restarts_max {
        let again = descend(objective, &found.at, bounds, FINE);
        n_evaluations += again.n_evaluations;
        let gain = found.value - again.value;
        if gain > 0.0 {
            found = again;
        }
        if gain < RESTART_GAIN {
            break;
        }
    }
    found.n_evaluations = n_evaluations;
    found.value.is_finite().then_some(found)
}

/// Newton's steps on `exact` from `near`, with the curvature of `rough`, which changes little. `None` if they lead nowhere.
fn polish<const N: usize>(
    rough: &mut dyn FnMut(&[f64; N]) -> f64,
    exact: &mut dyn FnMut(&[f64; N]) -> f64,
    near: &Minimum<N>,
    bounds: &Bounds<N>,
) -> Option<Minimum<N>> {
    const SLOPE_STEP: f64 = 1e-3;
    let inverse = covariance(rough, near, bounds)?;
    let mut n_evaluations = 1;
    let mut found = Minimum { value: exact(&near.at), n_evaluations, is_converged: false, ..*near };
    for _ in 0..POLISH_MAX {
        let mut slopes = [0.0; N];
        for (idx, slope) in slopes.iter_mut().enumerate().filter(|(idx, _)| !near.is_at_edge(*idx, bounds)) {
            let mut at = |by: f64| {
                let mut point = found.at;
                if let Some(x) = point.get_mut(idx) {
                    *x += by;
                }
                exact(&point)
            };
            *slope = (at(SLOPE_STEP) - at(-SLOPE_STEP)) / (2.0 * SLOPE_STEP);
            n_evaluations += 2;
        }
        let mut at = found.at;
        for (x, row) in at.iter_mut().zip(&inverse) {
            *x -= row.iter().zip(&slopes).map(|(c, slope)| c * slope).sum::<f64>();
        }
        let at = clamped(&at, bounds);
        let value = exact(&at);
        n_evaluations += 1;
        let length = distance(&at, &found.at);
        // Rounding of a sum over all customers may hide the gain of a last, short step.
        if !value.is_finite() || value > found.value + 1e-9 * (1.0 + found.value.abs()) {
            return None;
        }
        found = Minimum { at, value, n_evaluations, is_converged: length < POLISH_TOLERANCE };
        if found.is_converged {
            return Some(found);
        }
    }
    None
}

fn descend<const N: usize>(
    objective: &mut dyn FnMut(&[f64; N]) -> f64,
    start: &[f64; N],
    bounds: &Bounds<N>,
    effort: Effort,
) -> Minimum<N> {
    let mut n_evaluations = 0;
    let mut evaluate = |at: [f64; N]| {
        n_evaluations += 1;
        let value = objective(&at);
        (at, if value.is_nan() { f64::INFINITY } else { value })
    };
    let mut simplex = Vec::with_capacity(N + 1);
    simplex.push(evaluate(clamped(start, bounds)));
    for idx in 0..N {
        let mut at = clamped(start, bounds);
        // Towards the inside, where the start lies at an edge.
        if let (Some(x), Some((_, high))) = (at.get_mut(idx), bounds.get(idx)) {
            *x += if *x + effort.step > *high { -effort.step } else { effort.step };
        }
        simplex.push(evaluate(clamped(&at, bounds)));
    }
    let mut is_converged = false;
    let mut n_spent = N as u32 + 1;
    while n_spent < effort.evaluations_max {
        simplex.sort_by(|one, other| one.1.total_cmp(&other.1));
        let (Some(best), Some(worst), Some(second)) =
            (simplex.first().copied(), simplex.last().copied(), simplex.get(N.saturating_sub(1)).copied())
        else {
            break;
        };
        let spread = simplex.iter().map(|(at, _)| distance(at, &best.0)).fold(0.0, f64::max);
        let is_level = (worst.1 - best.1) <= effort.value_tolerance.max(best.1.abs() * 1e-15);
        if is_level && spread <= effort.position_tolerance {
            is_converged = true;
            break;
        }
        // A simplex that can shrink no more has come to rest too: values differ by rounding only.
        if spread <= 1e-12 {
            is_converged = true;
            break;
        }
        let centre = centroid(&simplex, N);
        let mut along = |factor: f64| {
            n_spent += 1;
            let at = std::array::from_fn(|idx| {
                let (c, w) = (at_or_zero(&centre, idx), at_or_zero(&worst.0, idx));
                c + factor * (w - c)
            });
            evaluate(clamped(&at, bounds))
        };
        let reflected = along(-1.0);
        let replacement = if reflected.1 < best.1 {
            let expanded = along(-2.0);
            Some(if expanded.1 < reflected.1 { expanded } else { reflected })
        } else if reflected.1 < second.1 {
            Some(reflected)
        } else if reflected.1 < worst.1 {
            let outside = along(-0.5);
            (outside.1 <= reflected.1).then_some(outside)
        } else {
            let inside = along(0.5);
            (inside.1 < worst.1).then_some(inside)
        };
        match (replacement, simplex.last_mut()) {
            (Some(point), Some(last)) => *last = point,
            _ => {
                for point in simplex.iter_mut().skip(1) {
                    let at: [f64; N] = std::array::from_fn(|idx| {
                        let (b, p) = (at_or_zero(&best.0, idx), at_or_zero(&point.0, idx));
                        b + 0.5 * (p - b)
                    });
                    *point = evaluate(at);
                    n_spent += 1;
                }
            }
        }
    }
    simplex.sort_by(|one, other| one.1.total_cmp(&other.1));
    let (at, value) = simplex.first().copied().unwrap_or((*start, f64::INFINITY));
    Minimum { at, value, n_evaluations, is_converged }
}

fn at_or_zero<const N: usize>(at: &[f64; N], idx: usize) -> f64 {
    at.get(idx).copied().unwrap_or(0.0)
}

fn clamped<const N: usize>(at: &[f64; N], bounds: &Bounds<N>) -> [f64; N] {
    let mut out = *at;
    for (x, (low, high)) in out.iter_mut().zip(bounds) {
        *x = x.clamp(*low, *high);
    }
    out
}

fn distance<const N: usize>(one: &[f64; N], other: &[f64; N]) -> f64 {
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// The middle of the first `n` points.
fn centroid<const N: usize>(simplex: &[([f64; N], f64)], n: usize) -> [f64; N] {
    let mut centre = [0.0; N];
    for (at, _) in simplex.iter().take(n) {
        for (sum, x) in centre.iter_mut().zip(at) {
            *sum += x / n as f64;
        }
    }
    centre
}

/// The covariance of the parameters: the inverse of the curvature of `objective`, a negative log-likelihood, at its minimum.
///
/// Parameters at an edge are held: their rows and columns are 0. `None` if the curvature is not positive.
pub(super) fn covariance<const N: usize>(
    objective: &mut dyn FnMut(&[f64; N]) -> f64,
    minimum: &Minimum<N>,
    bounds: &Bounds<N>,
) -> Option<[[f64; N]; N]> {
    // A step that balances the rounding of values of size 1e4..1e6 with the fourth derivative.
    const STEP: f64 = 2e-3;
    let free: Vec<usize> = (0..N).filter(|idx| !minimum.is_at_edge(*idx, bounds)).collect();
    let n = free.len();
    let mut at = |moves: &[(usize, f64)]| {
        let mut point = minimum.at;
        for (idx, by) in moves {
            if let Some(x) = point.get_mut(*idx) {
                *x += by;
            }
        }
        objective(&point)
    };
    let middle = at(&[]);
    let mut hessian = vec![vec![0.0; n]; n];
    for (i, &pi) in free.iter().enumerate() {
        for (j, &pj) in free.iter().enumerate().take(i + 1) {
            let second = if i == j {
                (at(&[(pi, STEP)]) - 2.0 * middle + at(&[(pi, -STEP)])) / (STEP * STEP)
            } else {
                (at(&[(pi, STEP), (pj, STEP)]) - at(&[(pi, STEP), (pj, -STEP)]) - at(&[(pi, -STEP), (pj, STEP)])
                    + at(&[(pi, -STEP), (pj, -STEP)]))
                    / (4.0 * STEP * STEP)
            };
            hessian[i][j] = second;
            hessian[j][i] = second;
        }
    }
    let inverse = inverse_positive(&hessian)?;
    let mut covariance = [[0.0; N]; N];
    for (i, &pi) in free.iter().enumerate() {
        for (j, &pj) in free.iter().enumerate() {
            covariance[pi][pj] = inverse[i][j];
        }
    }
    Some(covariance)
}

/// The inverse of a symmetric positive matrix by Cholesky's factors; `None` if it is not positive.
fn inverse_positive(matrix: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let n = matrix.len();
    let mut factor = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| factor[i][k] * factor[j][k]).sum();
            let rest = matrix[i][j] - sum;
            if i == j {
                if !(rest > 0.0 && rest.is_finite()) {
                    return None;
                }
                factor[i][i] = rest.sqrt();
            } else {
                factor[i][j] = rest / factor[j][j];
            }
        }
    }
    let mut inverse = vec![vec![0.0; n]; n];
    for column in 0..n {
        let mut x = vec![0.0; n];
        for i in 0..n {
            let unit = f64::from(u8::from(i == column));
            let sum: f64 = (0..i).map(|k| factor[i][k] * x[k]).sum();
            x[i] = (unit - sum) / factor[i][i];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|k| factor[k][i] * x[k]).sum();
            x[i] = (x[i] - sum) / factor[i][i];
        }
        for (row, value) in inverse.iter_mut().zip(x) {
            row[column] = value;
        }
    }
    Some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Bounds<2> = [(-8.0, 8.0); 2];

    fn find(f: fn(&[f64; 2]) -> f64, starts: &[[f64; 2]]) -> Minimum<2> {
        search(None, &mut { f }, starts, &BOX).unwrap()
    }

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        let rosenbrock = |p: &[f64; 2]| (1.0 - p[0]).powi(2) + 100.0 * (p[1] - p[0] * p[0]).powi(2);
        let found = find(rosenbrock, &[[-1.2, 1.0]]);
        assert!(found.is_converged && distance(&found.at, &[1.0, 1.0]) < 1e-5, "{found:?}");
    }

    #[test]
    fn a_minimum_outside_of_the_box_ends_at_its_edge() {
        let found = find(|p| (p[0] - 20.0).powi(2) + p[1] * p[1], &[[0.0, 3.0]]);
        assert!(distance(&found.at, &[8.0, 0.0]) < 1e-5, "{found:?}");
        assert!(found.is_at_edge(0, &BOX) && !found.is_at_edge(1, &BOX));
    }

    #[test]
    fn the_deepest_of_several_valleys_wins() {
        let two = |p: &[f64; 2]| {
            let near = |x: f64, depth: f64| -depth * (-((p[0] - x).powi(2) + p[1] * p[1])).exp();
            near(-4.0, 1.0) + near(4.0, 2.0)
        };
        let found = find(two, &[[-4.5, 0.5], [4.5, 0.5]]);
        assert!(distance(&found.at, &[4.0, 0.0]) < 1e-4, "{found:?}");
    }

    #[test]
    fn a_similar_function_leads_to_the_exact_minimum() {
        let valley =
            |at: f64| move |p: &[f64; 2]| 10.0 * (p[0] - at).powi(2) + (p[1] - p[0]).powi(2) + p[0].powi(4) / 50.0;
        let mut n_exact = 0;
        let mut exact = |p: &[f64; 2]| {
            n_exact += 1;
            valley(1.0)(p)
        };
        let found = search(Some(&mut valley(1.05)), &mut exact, &[[-3.0, 4.0], [2.0, 2.0]], &BOX).unwrap();
        // The slope 20 (p - 1) + 4 p^3 / 50 is zero there.
        let root = 0.996_047_245_8;
        assert!(found.is_converged && distance(&found.at, &[root, root]) < 1e-6, "{found:?}");
        assert!(n_exact < 40, "{n_exact}");
    }

    #[test]
    fn without_a_finite_value_there_is_no_minimum() {
        assert!(search(None, &mut |_: &[f64; 2]| f64::NAN, &[[0.0; 2]], &BOX).is_none());
    }

    #[test]
    fn covariance_is_the_inverse_of_the_curvature() {
        // Curvature [[4, 1], [1, 3]], whose inverse is [[3, -1], [-1, 4]] / 11.
        let bowl = |p: &[f64; 2]| 2.0 * p[0] * p[0] + p[0] * p[1] + 1.5 * p[1] * p[1];
        let found = find(bowl, &[[1.0, 1.0]]);
        let covariance = covariance(&mut { bowl }, &found, &BOX).unwrap();
        for (row, expected) in covariance.iter().zip([[3.0, -1.0], [-1.0, 4.0]]) {
            assert!(row.iter().zip(expected).all(|(c, e)| (c - e / 11.0).abs() < 1e-6), "{covariance:?}");
        }
        let saddle = |p: &[f64; 2]| p[0] * p[0] - p[1] * p[1];
        let middle = Minimum { at: [0.0; 2], value: 0.0, n_evaluations: 0, is_converged: true };
        assert!(super::covariance(&mut { saddle }, &middle, &BOX).is_none());
    }
}
