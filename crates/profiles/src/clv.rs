//! Customer value from a file of transactions alone: fits of the models, their check, and a row a customer.
//!
//! Transactions are cleaned as a build cleans orders. What a customer bought on a day is one purchase. A purchase that cost
//! nothing is one all the same: whoever took it was there. The models and the verdict are those of `vitrine_learn::value`.

use crate::csv_out;
use crate::engine::{Engine, Lines};
use crate::reading::{Orders, Reading, day_shown};
use crate::{AsOf, BuildError, Cancellations, Mapping, Progress, Rows};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
pub use vitrine_learn::value::Terms;
use vitrine_learn::value::{Cohort, FitError, Published, Transaction, ValueReport, Verdict, fit_report, publish};

const DAY_S: i64 = 86_400;

/// Everything that the values depend on.
#[derive(Clone, Debug)]
pub struct ClvOptions {
    /// Files of transactions, read as order files. Range: at least one.
    pub transactions: Vec<PathBuf>,
    /// How the columns of the files become order lines.
    pub mapping: Mapping,
    /// Last day of what the models learn from. What comes after it is the holdout that judges them.
    pub calibration_end: AsOf,
    /// Last day of the holdout; later transactions are passed over. Default: the day of the last transaction.
    pub holdout_end: Option<AsOf>,
    /// What becomes of cancelled purchases. Default: netted.
    pub cancellations: Cancellations,
    /// Horizon, discount, interval and seed of the values.
    pub terms: Terms,
    /// Memory for sorting and grouping. Unit: bytes. Default 2 GiB.
    pub memory_bytes: usize,
    /// A CSV file with one row a customer. Replaced if it is there. Default: none.
    pub customers: Option<PathBuf>,
}

impl ClvOptions {
    /// The defaults of every option that has one.
    pub fn new(transactions: Vec<PathBuf>, mapping: Mapping, calibration_end: AsOf) -> Self {
        Self {
            transactions,
            mapping,
            calibration_end,
            holdout_end: None,
            cancellations: Cancellations::default(),
            terms: Terms::default(),
            memory_bytes: 2 << 30,
            customers: None,
        }
    }
}

/// What was found. Holds no customer id.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClvFound {
    /// Name of the mapping.
    pub mapping: String,
    /// ISO 4217 code of every amount.
    pub currency: String,
    /// An amount in minor units is `amount / 10^minor_digits` of the currency.
    pub minor_digits: u8,
    /// Last day of what the models learned from. `2026-01-31`.
    pub calibration_end: String,
    /// Days after it that judge the models; 0 without a holdout.
    pub holdout_days: u32,
    /// Rows read, kept and put aside. What cost nothing is kept.
    pub rows: Rows,
    /// Customers whose first purchase comes after the calibration; they are left out.
    pub customers_later: u64,
    /// Fits (`bgnbd`, `gamma_gamma`, …), `holdout` and `warnings`.
    #[serde(flatten)]
    pub report: ValueReport,
    /// What may be done with the numbers; absent without a holdout, when nothing says that they are right.
    pub verdict: Option<Verdict>,
    /// What the rows of customers add up to; absent where none were asked for.
    pub values: Option<ClvTotal>,
}

/// What all customers are expected to bring.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClvTotal {
    /// Horizon, discount and interval.
    pub terms: Terms,
    /// What predictions were multiplied with; absent if the model is refused, and no value is told.
    pub scale: Option<f64>,
    /// Sum of the values of all customers. Unit: minor units.
    pub clv_minor: Option<i64>,
}

/// Reads transactions, fits the models to what came until the end of the calibration, and judges them by what came after.
///
/// Blocks until it is done; starts its own threads. Equal input gives an equal result.
///
/// Errors: [`BuildError`]: files that cannot be read, too little to fit, or terms out of their range.
pub fn clv(options: &ClvOptions, progress: &mut dyn Progress) -> Result<ClvFound, BuildError> {
    options.terms.check().map_err(|error| term(&error))?;
    let Reading { engine, cleaned, .. } = &Orders {
        files: &options.transactions,
        mapping: &options.mapping,
        as_of: None,
        memory_bytes: options.memory_bytes,
    }
    .read(progress)?;
    let lines = Lines::from(options.cancellations);
    let (ids, transactions) = purchases(engine, lines)?;
    if transactions.is_empty() {
        return Err(cleaned.nothing_left());
    }
    let day = |at: AsOf| at.unix_seconds().div_euclid(DAY_S);
    let minor_digits = options.mapping.minor_digits;
    let cohort = Cohort::new(&transactions, day(options.calibration_end), options.holdout_end.map(day));
    let cohort = cohort.map_err(|error| BuildError::Option { option: "calibration_end", what: error.to_string() })?;
    let unfit = |error: FitError| BuildError::Option { option: "transactions", what: error.to_string() };
    let (models, report) = fit_report(&cohort, minor_digits, options.terms.seed).map_err(unfit)?;

    let mut values = None;
    if let Some(path) = &options.customers {
        let published =
            publish(&cohort, &models, &report, minor_digits, options.terms).map_err(|error| term(&error))?;
        write_customers(path, &published, &ids)?;
        values = Some(ClvTotal { terms: options.terms, scale: published.scale, clv_minor: published.clv_minor });
    }
    let read = cleaned.files.iter().map(|(_, rows)| rows).sum();
    let kept = engine.count(&lines.kept_rows())?;
    Ok(ClvFound {
        mapping: options.mapping.name.clone(),
        currency: options.mapping.currency.clone(),
        minor_digits,
        calibration_end: day_shown(cohort.calibration_end),
        holdout_days: cohort.holdout_days,
        rows: Rows { read, kept, quarantined: u64::saturating_sub(read, kept) },
        customers_later: cohort.n_later,
        verdict: report.holdout.as_ref().map(|holdout| holdout.verdict),
        report,
        values,
    })
}

fn term(error: &FitError) -> BuildError {
    BuildError::Option { option: "terms", what: error.to_string() }
}

/// Customers by position, and what each bought on a day.
fn purchases(engine: &Engine, lines: Lines) -> Result<(Vec<String>, Vec<Transaction>), BuildError> {
    let (mut ids, mut transactions) = (Vec::<String>::new(), Vec::new());
    engine.each_purchase_day(lines, |customer_id, day, amount_minor| {
        if ids.last().is_none_or(|last| last != customer_id) {
            ids.push(customer_id.to_owned());
        }
        transactions.push(Transaction { customer: ids.len() as u32 - 1, day, amount_minor });
    })?;
    Ok((ids, transactions))
}

/// Writes one row a customer. What the verdict holds back stays empty.
fn write_customers(path: &Path, published: &Published, ids: &[String]) -> Result<(), BuildError> {
    let mut text = String::from(
        "customer_id,repeat_purchases,recency_weeks,age_weeks,mean_minor,p_alive,expected_purchases,clv_minor,low_minor,high_minor\n",
    );
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.6}"));
    let whole = |value: Option<i64>| value.map_or_else(String::new, |value| value.to_string());
    for row in &published.customers {
        let id = ids.get(row.customer as usize).map_or("", String::as_str);
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "{},{},{:.6},{:.6},{},{},{},{},{},{}",
            csv_out::field(id),
            row.repeat.x,
            row.repeat.t_x,
            row.repeat.t,
            number(row.mean_minor),
            number(row.p_alive),
            number(row.expected_purchases),
            whole(row.clv_minor),
            whole(row.low_minor),
            whole(row.high_minor),
        );
    }
    csv_out::write(path, &text)
}
