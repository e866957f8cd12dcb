//! BG/NBD and MBG/NBD: who is still there, and how often they will buy.

use super::expect::purchases_while_there;
use super::{FitError, NbdFit, Repeat, Warning, dropout};

/// When a customer may leave for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PurchaseModel {
    /// After each repeat purchase: whoever bought once only counts as still there.
    BgNbd,
    /// After the first purchase too, so that those who bought once may have left.
    MbgNbd,
}

impl PurchaseModel {
    /// The name that papers use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BgNbd => "BG/NBD",
            Self::MbgNbd => "MBG/NBD",
        }
    }

    /// How often a customer could leave before the first repeat purchase.
    pub(super) fn chances_before_first(self) -> f64 {
        match self {
            Self::BgNbd => 0.0,
            Self::MbgNbd => 1.0,
        }
    }
}

/// Parameters with what follows from them.
///
/// A customer buys at a rate which varies between customers by a gamma distribution of `r` and `alpha`, and leaves after a
/// purchase with a chance that varies by a beta distribution of `a` and `b`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct PurchaseLaw {
    /// When customers may leave.
    pub model: PurchaseModel,
    /// Shape of the rates. Range: above 0.
    pub r: f64,
    /// Inverse scale of the rates. Unit: weeks. Range: above 0.
    pub alpha: f64,
    /// First shape of the chance to leave. Range: above 0.
    pub a: f64,
    /// Second shape of the chance to leave. Range: above 0.
    pub b: f64,
}

impl PurchaseLaw {
    /// A law of known parameters, `[r, alpha, a, b]`, such as published ones. Errors: [`FitError::BadParameter`].
    pub fn new(model: PurchaseModel, parameters: [f64; 4]) -> Result<Self, FitError> {
        for (parameter, value) in ["r", "alpha", "a", "b"].into_iter().zip(parameters) {
            if !(value.is_finite() && value > 0.0) {
                return Err(FitError::BadParameter { parameter, value, above: 0.0 });
            }
        }
        let [r, alpha, a, b] = parameters;
        Ok(Self { model, r, alpha, a, b })
    }

    /// The chance that a customer is still there at the end of the watched period. Range: 0 to 1.
    #[must_use]
    pub fn p_alive(&self, repeat: Repeat) -> f64 {
        let x = f64::from(repeat.x);
        let stayed = x + self.model.chances_before_first();
        if stayed <= 0.0 {
            return 1.0;
        }
        let ratio = ((self.alpha + repeat.t) / (self.alpha + repeat.t_x)).ln();
        let ln_odds = self.a.ln() - (self.b + stayed - 1.0).ln() + (self.r + x) * ratio;
        1.0 / (1.0 + ln_odds.exp())
    }

    /// Expected purchases in the `weeks` after the watched period. Range: 0 or more.
    #[must_use]
    pub fn expected(&self, repeat: Repeat, weeks: f64) -> f64 {
        self.p_alive(repeat) * self.expected_if_there(repeat, weeks)
    }

    /// Expected repeat purchases of a customer nothing is known of, in the `weeks` after the first purchase.
    #[must_use]
    pub fn expected_new(&self, weeks: f64) -> f64 {
        self.expected(Repeat { x: 0, t_x: 0.0, t: 0.0 }, weeks)
    }

    /// Expected purchases of a customer who is known to be still there.
    pub(super) fn expected_if_there(&self, repeat: Repeat, weeks: f64) -> f64 {
        let stayed = f64::from(repeat.x) + self.model.chances_before_first();
        let (count, rate) = (self.r + f64::from(repeat.x), self.alpha + repeat.t);
        purchases_while_there(count, rate, self.a, self.b + stayed, weeks)
    }

    /// The logarithm of the likelihood of `rows`. Errors: rows that cannot be, see [`FitError`].
    pub fn log_likelihood(&self, rows: &[Repeat]) -> Result<f64, FitError> {
        dropout::log_likelihood(self, rows)
    }

    /// The parameters as an array: r, alpha, a, b.
    pub(super) fn parameters(&self) -> [f64; 4] {
        [self.r, self.alpha, self.a, self.b]
    }
}

/// A law learned from a cohort. Its law's fields and methods are at hand directly: `fit.p_alive(..)`, `fit.alpha`.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct PurchaseFit {
    /// What was learned.
    #[serde(flatten)]
    pub law: PurchaseLaw,
    /// Natural logarithm of the likelihood of the cohort.
    pub log_likelihood: f64,
    /// The fit of the model in which nobody leaves, on the same cohort.
    pub nbd: NbdFit,
    /// Customers of the cohort.
    pub n_customers: u64,
    /// Different rows of the cohort.
    pub n_rows: usize,
    /// Evaluations of a likelihood, those of the NBD included.
    pub n_evaluations: u32,
    /// Covariance of the logarithms of r, alpha, a, b, in this order; 0 for those at an edge of the searched box. `None` if
    /// the likelihood is flat.
    pub covariance: Option<[[f64; 4]; 4]>,
    /// What must be known of the fit.
    pub warnings: Vec<Warning>,
}

/// A fit of [`BgNbd`].
pub type BgNbdFit = PurchaseFit;

impl std::ops::Deref for PurchaseFit {
    type Target = PurchaseLaw;

    fn deref(&self) -> &PurchaseLaw {
        &self.law
    }
}

/// The model of Fader, Hardie and Lee (2005): customers may leave after each repeat purchase.
#[derive(Clone, Copy, Debug)]
pub struct BgNbd;

impl BgNbd {
    /// Learns from a cohort, one row a customer, in any order.
    ///
    /// Errors: [`FitError`]; among them a fit that ran away. What else must be known is in [`PurchaseFit::warnings`].
    pub fn fit(rows: &[Repeat]) -> Result<BgNbdFit, FitError> {
        dropout::fit(PurchaseModel::BgNbd, rows)
    }
}

/// The model of Batislam, Denizel and Filiztekin (2007): customers may leave after their first purchase too.
#[derive(Clone, Copy, Debug)]
pub struct MbgNbd;

impl MbgNbd {
    /// Learns from a cohort, one row a customer, in any order. Errors: as [`BgNbd::fit`].
    pub fn fit(rows: &[Repeat]) -> Result<PurchaseFit, FitError> {
        dropout::fit(PurchaseModel::MbgNbd, rows)
    }
}
