//! `vitrine profiles clv`: customer value from a file of transactions.

use crate::cmd::profiles_build::{Stages, failure, mapping};
use crate::cmd::profiles_evaluate::How;
use crate::failure::Failure;
use crate::ui::{Ui, count};
use clap::Args;
use std::path::PathBuf;
use vitrine_profiles::{AsOf, ClvFound, ClvOptions, Terms, clv};

/// Estimate customer value from transactions: fit BG/NBD and Gamma-Gamma, and judge them by what came later.
///
/// What a customer bought on a day is one purchase, also if it cost nothing. The models learn from what came until the end of
/// the calibration; what came after it says whether their numbers may be shown (docs/guides/customer-value.md).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine profiles clv --transactions CDNOW_sample.txt --mapping cdnow --calibration-end 1997-09-30 --json
  vitrine profiles clv --transactions orders.csv --mapping our-shop.toml --calibration-end 2026-03-31 \\
    --customers values.csv --horizon-months 24

values.csv has one row a customer: customer ids, so keep it where orders are kept.")]
pub struct Clv {
    /// Files of transactions: CSV, JSON lines or Parquet, packed or not; also folders and patterns.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub transactions: Vec<PathBuf>,
    /// How columns become order lines: a built-in mapping or a mapping file (.toml).
    #[arg(long, value_name = "NAME_OR_FILE")]
    pub mapping: String,
    /// Last day of what the models learn from.
    #[arg(long, value_name = "DATE")]
    pub calibration_end: AsOf,
    /// Last day of what judges them. Default: that of the last transaction.
    #[arg(long, value_name = "DATE")]
    pub holdout_end: Option<AsOf>,
    /// Whether cancellations take purchases back, or are dropped.
    #[arg(long, value_name = "HOW", value_enum, default_value_t = How::Net)]
    pub cancellations: How,
    /// File for one row a customer (.csv): chance of being there, expected purchases, value and its interval.
    #[arg(long, value_name = "FILE")]
    pub customers: Option<PathBuf>,
    /// Months that values look ahead.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub horizon_months: u32,
    /// Discount of a month.
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    pub monthly_discount: f64,
    /// Memory for sorting and grouping; beyond it data goes to disk. Unit: MiB.
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(64..))]
    pub memory: u32,
    /// Seed of the intervals.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
}

/// Fits, judges, and shows what was found.
///
/// # Errors
/// 3 for a mapping, transactions or terms that will not do, 1 for what cannot be read or written.
pub fn run(args: &Clv, ui: &Ui) -> Result<(), Failure> {
    let mut options = ClvOptions::new(args.transactions.clone(), mapping(&args.mapping)?, args.calibration_end);
    options.holdout_end = args.holdout_end;
    options.cancellations = args.cancellations.into();
    options.customers = args.customers.clone();
    options.memory_bytes = (args.memory as usize) << 20;
    options.terms = Terms {
        horizon_months: args.horizon_months,
        monthly_discount: args.monthly_discount,
        seed: args.seed,
        ..Terms::default()
    };
    let mut stages = Stages::new(ui);
    let found = clv(&options, &mut stages);
    drop(stages);
    let found = found.map_err(failure)?;
    for warning in &found.report.warnings {
        ui.note(&format!("warning: {warning}"));
    }
    if let Some(path) = &args.customers {
        ui.note(&format!("wrote {}", path.display()));
    }
    ui.result(&found, || shown(&found))
}

fn shown(found: &ClvFound) -> String {
    let report = &found.report;
    let mut text = format!(
        "{} customers until {}, {} with a repeat purchase; {} of {} rows kept\n",
        count(report.n_customers),
        found.calibration_end,
        count(report.n_repeat_buyers),
        count(found.rows.kept),
        count(found.rows.read),
    );
    let it = &report.bgnbd;
    text.push_str(&format!(
        "BG/NBD: r {:.3}, alpha {:.3} weeks, a {:.3}, b {:.3}, log-likelihood {:.1}\n",
        it.r, it.alpha, it.a, it.b, it.log_likelihood
    ));
    if let Some(it) = &report.gamma_gamma {
        text.push_str(&format!("Gamma-Gamma: p {:.2}, q {:.2}, v {:.2} {}\n", it.p, it.q, it.v, found.currency));
    }
    match &report.holdout {
        None => text.push_str("nothing came later: nothing says that these numbers are right\n"),
        Some(holdout) => text.push_str(&format!(
            "the {} days after: {} purchases came, {:.1} were expected; error {:.3} a customer, {:.3} by the plain count: {}\n",
            found.holdout_days,
            count(holdout.actual),
            holdout.predicted,
            holdout.model_mae,
            holdout.naive_mae,
            holdout.reasons.join("; "),
        )),
    }
    let major = 10_f64.powi(i32::from(found.minor_digits));
    if let Some((total, values)) = found.values.as_ref().and_then(|it| Some((it.clv_minor?, it))) {
        text.push_str(&format!(
            "all customers in {} months: {:.0} {}\n",
            values.terms.horizon_months,
            total as f64 / major,
            found.currency
        ));
    }
    text
}
