//! Propensities: logistic regression and boosted trees, calibrated, validated, and exported for the edge.
//!
//! The way through: a [`Table`] of features with 0/1 outcomes → [`validate_kfold`] or [`validate_rolling`] over a list of
//! [`Candidate`]s → a [`Validation`] with every trial, a calibration that was learned on scores that no model had trained on,
//! and a verdict against plain baselines → [`Validation::publish`], which gives an [`Export`], or says why there is none.
//! [`score`] turns an export and one row into a chance; `docs/formats/models.md` describes both.
//!
//! Both learners are written here. The maintained crate for them (linfa-logistic, linfa-trees) brings ndarray, argmin and a
//! second generator of random numbers, has no boosting with a branch for missing values, and its sums depend on the machine's
//! vector width; what is needed fits into three files, sums in a fixed order or in integers, and is tested against known results.
//!
//! Whatever the number of threads, and on every machine: equal tables, candidates and seeds give equal bytes. So sums run in
//! the table's row order or over integers, and `exp` and `log` are `libm`'s.

mod boosted;
mod calibrate;
mod export;
mod fault;
mod grow;
mod judge;
mod logistic;
mod measure;
mod newton;
mod parts;
mod report;
mod score;
mod table;
mod validate;
mod wire;

pub use boosted::{Boosted, BoostedParams, Node, Test, Tree};
pub use calibrate::{Block, Calibration, CalibrationTrial, isotonic_blocks};
pub use export::{EXPORT_VERSION, Export, ExportFault, Model, Models};
pub use fault::ClassifyError;
pub use judge::{Baseline, Verdict};
pub use logistic::{Logistic, LogisticParams, Term};
pub use measure::{LiftRow, Measures, ReliabilityRow, auc, brier, lift, log_loss, reliability};
pub use report::{PartReport, Report, Trial};
pub use score::{score, sigmoid};
pub use table::{Feature, Kind, RowTime, Table, TableBuilder};
pub use validate::{Candidate, Validation, validate_kfold, validate_rolling};
