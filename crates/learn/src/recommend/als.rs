//! Implicit matrix factorisation by alternating least squares: a vector for each customer and each item, so that their
//! product is near 1 where something was bought and near 0 elsewhere, and the more so the surer it is.
//!
//! Minimises `sum c (p - x y)^2 + regularisation (|x|^2 + |y|^2)` with `p` 1 or 0 and the confidence `c = 1 + alpha
//! weight`. Source: Y. Hu, Y. Koren, C. Volinsky, ICDM 2008; conjugate gradients: G. Takács et al., RecSys 2011. Every
//! row is solved by one thread in one order, so the number of threads changes nothing.

mod solve;

use super::RecommendError;
use super::interactions::Interactions;
use super::ranker::{Own, Ranker};
use crate::resample::Stream;
use solve::{Side, dot};

/// How to factorise.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct AlsOptions {
    /// Length of the vectors. Range: 1..=512.
    pub n_factors: usize,
    /// Range: finite, above 0.
    pub regularisation: f64,
    /// How much surer a weight of 1 makes. Range: finite, above 0.
    pub alpha: f64,
    /// Rounds over both sides. Range: at least 1.
    pub n_iterations: u32,
    /// Where the vectors start.
    pub seed: u64,
}

impl Default for AlsOptions {
    fn default() -> Self {
        Self { n_factors: 64, regularisation: 10.0, alpha: 4.0, n_iterations: 15, seed: 1 }
    }
}

/// Vectors of customers and items.
#[derive(Clone, Debug, PartialEq)]
pub struct Als {
    options: AlsOptions,
    users: Side,
    items: Side,
}

impl Als {
    /// Factorises.
    ///
    /// Errors: an option out of range; numbers that ran away (the regularisation is too small).
    pub fn fit(interactions: &Interactions, options: AlsOptions) -> Result<Self, RecommendError> {
        let AlsOptions { n_factors, regularisation, alpha, n_iterations, seed } = options;
        for (name, found) in [("regularisation", regularisation), ("alpha", alpha)] {
            if !(found.is_finite() && found > 0.0) {
                return Err(RecommendError::Parameter { name, found, rule: "is finite and above 0" });
            }
        }
        if !(1..=512).contains(&n_factors) {
            let found = n_factors as f64;
            return Err(RecommendError::Parameter { name: "n_factors", found, rule: "is 1 to 512" });
        }
        if n_iterations == 0 {
            return Err(RecommendError::Parameter { name: "n_iterations", found: 0.0, rule: "is at least 1" });
        }
        let columns = interactions.transposed();
        let mut stream = Stream::new(seed, "recommend: als");
        let mut start = |n: u32| {
            let n = n as usize * n_factors;
            Side { n_factors, values: (0..n).map(|_| ((stream.unit() - 0.5) * 0.02) as f32).collect() }
        };
        let mut users = start(interactions.n_users());
        let mut items = start(interactions.n_items());
        for _ in 0..n_iterations {
            users.solve(interactions, &items, regularisation, alpha)?;
            items.solve(&columns, &users, regularisation, alpha)?;
        }
        // Customers last, so that they fit the items that they are multiplied with.
        users.solve(interactions, &items, regularisation, alpha)?;
        Ok(Self { options, users, items })
    }

    /// The options of the fit.
    pub fn options(&self) -> AlsOptions {
        self.options
    }

    /// The vector of an item; none for one that does not exist.
    pub fn item(&self, item: u32) -> Option<&[f32]> {
        self.items.get(item)
    }

    /// The vector of a customer; none for one that does not exist.
    pub fn user(&self, user: u32) -> Option<&[f32]> {
        self.users.get(user)
    }

    /// All vectors of items, one after the other.
    pub fn items(&self) -> &[f32] {
        &self.items.values
    }

    /// All vectors of customers, one after the other.
    pub fn users(&self) -> &[f32] {
        &self.users.values
    }

    /// The vector of somebody who was not in the fit, from the items that they bought.
    ///
    /// Errors: an item that does not exist, or a weight that is not above 0.
    pub fn fold_in(&self, items: &[(u32, f32)]) -> Result<Vec<f32>, RecommendError> {
        let entries = items.iter().map(|(item, weight)| (0, *item, *weight)).collect();
        let row = Interactions::new(1, self.items.len(), entries)?;
        let n_factors = self.options.n_factors;
        let mut side = Side { n_factors, values: vec![0.0; n_factors] };
        for _ in 0..10 {
            side.solve(&row, &self.items, self.options.regularisation, self.options.alpha)?;
        }
        Ok(side.values)
    }
}

impl Ranker for Als {
    /// The product with the customer's vector. Somebody new has none here: see [`Als::fold_in`].
    fn score(&self, _own: &[Own], user: Option<u32>, scores: &mut [f64]) {
        let Some(user) = user.and_then(|user| self.user(user)) else { return };
        for (score, item) in scores.iter_mut().zip(self.items.values.chunks_exact(self.options.n_factors)) {
            *score += f64::from(dot(user, item));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two kinds of customers with ten items each; the last customer of each kind lacks an item of it.
    fn blocks() -> Interactions {
        let mut entries = Vec::new();
        for user in 0..40_u32 {
            for item in 0..20_u32 {
                if (user < 20) == (item < 10) && (user, item) != (19, 9) && (user, item) != (39, 19) {
                    entries.push((user, item, 1.0));
                }
            }
        }
        Interactions::new(40, 20, entries).unwrap()
    }

    fn options() -> AlsOptions {
        AlsOptions { n_factors: 2, regularisation: 0.1, alpha: 5.0, n_iterations: 10, seed: 3 }
    }

    #[test]
    fn what_is_missing_is_found() {
        let als = Als::fit(&blocks(), options()).unwrap();
        for (user, missing, foreign) in [(19, 9, 15), (39, 19, 5)] {
            let mut scores = vec![0.0; 20];
            als.score(&[], Some(user), &mut scores);
            assert!(scores[missing] > 0.5 && scores[foreign] < 0.2, "{scores:?}");
        }
        let mut scores = vec![0.0; 20];
        als.score(&[], None, &mut scores);
        assert_eq!(scores, [0.0; 20]);
    }

    #[test]
    fn seeds_decide_and_threads_do_not() {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Als::fit(&blocks(), options()).unwrap())
        };
        assert_eq!(on(1), on(3));
        assert_ne!(on(1), Als::fit(&blocks(), AlsOptions { seed: 4, ..options() }).unwrap());
    }

    #[test]
    fn somebody_new_is_placed_as_one_of_the_same_past() {
        let als = Als::fit(&blocks(), options()).unwrap();
        let row: Vec<(u32, f32)> = (0..10).map(|item| (item, 1.0)).collect();
        let new = als.fold_in(&row).unwrap();
        let known = als.user(0).unwrap();
        assert!(new.iter().zip(known).all(|(a, b)| (a - b).abs() < 1e-3), "{new:?} {known:?}");
        assert!(als.fold_in(&[(20, 1.0)]).is_err());
        assert!(als.fold_in(&[(2, -1.0)]).is_err());
    }

    #[test]
    fn options_are_checked() {
        let bad = |options: AlsOptions, begin: &str| {
            let error = Als::fit(&blocks(), options).unwrap_err().to_string();
            assert!(error.starts_with(begin), "{error}");
        };
        bad(AlsOptions { n_factors: 0, ..options() }, "`n_factors` is 0");
        bad(AlsOptions { n_factors: 513, ..options() }, "`n_factors` is 513");
        bad(AlsOptions { regularisation: 0.0, ..options() }, "`regularisation` is 0");
        bad(AlsOptions { regularisation: f64::NAN, ..options() }, "`regularisation` is NaN");
        bad(AlsOptions { alpha: -1.0, ..options() }, "`alpha` is -1");
        bad(AlsOptions { n_iterations: 0, ..options() }, "`n_iterations` is 0");
    }
}
