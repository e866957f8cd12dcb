//! Customer value: how often customers will come back, what they will spend, and whether these numbers may be shown.
//!
//! A cohort of purchases becomes one [`Repeat`] a customer ([`Cohort`]). [`BgNbd`] or [`MbgNbd`] learns from them how often
//! customers buy and when they stop, [`GammaGamma`] what they spend on a purchase; together they give the value over a horizon
//! ([`clv`], [`Valuation`]). [`Holdout`] compares the prediction with what happened and with the plainest baseline, and says
//! whether the numbers may be published. [`fit_report`] does all of it, [`publish`] gives
//! the rows that may be shown.
//!
//! Unit of time: weeks, since the published parameters are in weeks. Money: whatever unit the means have; its scale does not
//! matter to the fit. Left out: covariates, and customers with a contract, whose end is seen.
//!
//! Sources: Fader, Hardie, Lee, "Counting Your Customers the Easy Way" (2005); Batislam, Denizel, Filiztekin (2007) with the
//! erratum of Wagner and Hoppe (2008); Fader, Hardie, "The Gamma-Gamma Model of Monetary Value" (2013).

mod cohort;
mod collapse;
mod draws;
mod dropout;
mod error;
mod expect;
mod gamma_gamma;
mod holdout;
mod lifetime;
mod nbd;
mod publish;
mod purchases;
mod report;
mod simplex;

pub use cohort::{Cohort, CohortCustomer, CohortError, Transaction};
pub use error::{FitError, Warning};
pub use gamma_gamma::{GammaGamma, GammaGammaFit, GammaGammaLaw};
pub use holdout::{CurveRow, Holdout, HoldoutRow, Naive, Verdict};
pub use lifetime::{CustomerValue, SegmentValue, Terms, Valuation, WEEKS_PER_MONTH, by_repeat, clv};
pub use nbd::NbdFit;
pub use publish::{Published, PublishedCustomer, publish};
pub use purchases::{BgNbd, BgNbdFit, MbgNbd, PurchaseFit, PurchaseLaw, PurchaseModel};
pub use report::{GammaGammaParameters, Models, PurchaseParameters, ValueReport, fit_report};

/// What the models need to know of one customer.
///
/// Range: `x == 0` exactly when `t_x == 0.0`, and `t_x <= t`; the fits refuse rows that break it.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Repeat {
    /// Repeat purchases: purchases after the first one.
    pub x: u32,
    /// Time from the first purchase to the last one; 0 if there was no other. Unit: weeks.
    pub t_x: f64,
    /// Time from the first purchase to the end of the watched period. Unit: weeks.
    pub t: f64,
}
