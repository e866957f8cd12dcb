//! Customer value: how many orders and how much money to expect of each buyer, judged on the last part of the history.

use super::{Job, Made, ModelSection, ModelState, Note, json, stored};
use crate::BuildError;
use crate::engine::{Computed, Engine, Values};
use crate::labels::FeatureFile;
use crate::table::SEGMENTS;
use serde::Serialize;
use std::collections::BTreeMap;
use vitrine_learn::value::{
    Cohort, Holdout, Models, PurchaseFit, Repeat, SegmentValue, Terms, Transaction, Valuation, ValueReport, Verdict,
    Warning, by_repeat, fit_report,
};

const ROWS: &str = "learned_value";
/// Fewer buyers, or fewer who came back, teach nothing.
const BUYERS_MIN: usize = 100;
const REPEAT_BUYERS_MIN: usize = 50;
/// The history must have room for four spans of this length: the last one is the holdout. Unit: days.
const HOLDOUT_MIN_DAYS: i64 = 28;
/// Longest holdout. Unit: days.
const HOLDOUT_MAX_DAYS: i64 = 182;
const WEEKS_OF_90_DAYS: f64 = 90.0 / 7.0;
const LABELS: [&str; 4] = ["clv_minor", "expected_orders_90d", "p_alive", "value_tier"];
const TIERS: [&str; 5] = ["least", "low", "middle", "high", "top"];

/// Buyers with their purchases.
#[derive(Default)]
struct Buyers {
    ids: Vec<String>,
    segments: Vec<u32>,
    transactions: Vec<Transaction>,
}

/// The money that a group of customers is expected to bring.
#[derive(Serialize)]
struct Worth {
    /// The segment; none for all customers.
    segment: Option<&'static str>,
    customers: u64,
    clv_minor: i64,
    low_minor: i64,
    high_minor: i64,
}

#[derive(Serialize)]
struct Found<'a> {
    /// Whose numbers the labels are: `BG/NBD` or `MBG/NBD`.
    model: &'static str,
    horizon_months: u32,
    monthly_discount: f64,
    /// What predictions were multiplied with.
    factor: Option<f64>,
    /// The comparison of this model with the last part of the history.
    holdout: &'a Holdout,
    /// Fits of the part before it, and the other model's comparison.
    calibration: &'a ValueReport,
    /// Fits of the whole history, from which the labels come.
    fits: Option<&'a ValueReport>,
    /// The chance with which what really comes lies between `low_minor` and `high_minor`, if the model is right.
    level: f64,
    total: Option<Worth>,
    segments: Vec<Worth>,
}

pub(super) fn made(engine: &Engine, job: &Job<'_>, file: FeatureFile) -> Result<Made, BuildError> {
    let reads = ["orders", "people", "rfm"].map(str::to_owned).to_vec();
    let note = if job.options.value {
        let settings =
            format!("{} value as_of={} seed={} minor={}", super::WAY, job.as_of_s, job.seed, job.minor_digits);
        let note = engine.keep_rows(ROWS, &reads, &settings, || computed(engine, job))?;
        super::read_note(&note)?
    } else {
        Note::without(ModelState::Off, "not asked for")
    };
    Ok(Made { file, rows_table: ROWS, reads, note })
}

fn computed(engine: &Engine, job: &Job<'_>) -> Result<Computed, BuildError> {
    let buyers = Buyers::read(engine)?;
    let last_day = (job.as_of_s - 1).div_euclid(86_400);
    let (note, columns) = match learned(&buyers, last_day, job)? {
        Ok((note, rows)) => (note, rows.columns(&buyers.ids)),
        Err(note) => (note, vec![("customer_id".to_owned(), Values::Texts(Vec::new()))]),
    };
    Ok(Computed { columns, note: note.to_json()? })
}

impl Buyers {
    /// Orders by customer and day.
    fn read(engine: &Engine) -> Result<Self, BuildError> {
        let sql = "SELECT o.customer_id, max(r.segment), o.ordered_s / 86400 AS day, sum(o.amount_minor) FROM orders AS o \
                   JOIN people AS p ON p.customer_id = o.customer_id LEFT JOIN rfm AS r ON r.customer_id = o.customer_id \
                   GROUP BY o.customer_id, o.ordered_s / 86400 ORDER BY o.customer_id, day";
        let read = engine.read_rows(ROWS, sql, 2)?;
        let ([ids, segments], [days, amounts]) = (read.texts.as_slice(), read.numbers.as_slice()) else {
            return Ok(Self::default());
        };
        let mut buyers = Self::default();
        for (((id, segment), day), amount) in ids.iter().zip(segments).zip(days).zip(amounts) {
            let Some(id) = id else { continue };
            if buyers.ids.last() != Some(id) {
                buyers.ids.push(id.clone());
                let place = SEGMENTS.iter().position(|name| Some(*name) == segment.as_deref());
                buyers.segments.push(place.unwrap_or(SEGMENTS.len()) as u32);
            }
            // A day on which more was taken back than bought is a day with a purchase all the same.
            let amount_minor = amount.max(0.0) as i64;
            buyers.transactions.push(Transaction {
                customer: buyers.ids.len() as u32 - 1,
                day: *day as i64,
                amount_minor,
            });
        }
        Ok(buyers)
    }
}

/// What is known of each buyer.
struct Rows {
    p_alive: Option<Vec<Option<f64>>>,
    expected: Vec<Option<f64>>,
    clv_minor: Option<Vec<Option<i64>>>,
}

impl Rows {
    fn columns(self, ids: &[String]) -> Vec<(String, Values)> {
        let ids: Vec<Option<String>> = ids.iter().cloned().map(Some).collect();
        let mut columns = vec![
            ("customer_id".to_owned(), Values::Texts(ids)),
            ("expected_orders_90d".to_owned(), Values::Numbers(self.expected)),
        ];
        if let Some(p_alive) = self.p_alive {
            columns.push(("p_alive".to_owned(), Values::Numbers(p_alive)));
        }
        if let Some(clv_minor) = self.clv_minor {
            columns.push(("value_tier".to_owned(), Values::Texts(tiers(&clv_minor))));
            columns.push(("clv_minor".to_owned(), Values::Whole(clv_minor)));
        }
        columns
    }
}

/// Fits and judges; the rows if they may be shown, or else a note that says why not.
fn learned(buyers: &Buyers, last_day: i64, job: &Job<'_>) -> Result<Result<(Note, Rows), Note>, BuildError> {
    let skipped = |why: String| Ok(Err(Note::without(ModelState::Skipped, why)));
    let n_buyers = buyers.ids.len();
    if n_buyers < BUYERS_MIN {
        return skipped(format!("{n_buyers} customers bought; at least {BUYERS_MIN} are needed to learn from"));
    }
    let first_day = buyers.transactions.iter().map(|one| one.day).min().unwrap_or(last_day);
    let history_days = last_day - first_day + 1;
    let holdout_days = (history_days / 4).min(HOLDOUT_MAX_DAYS);
    if holdout_days < HOLDOUT_MIN_DAYS {
        let needed = 4 * HOLDOUT_MIN_DAYS;
        return skipped(format!("the orders span {history_days} days; {needed} are needed to judge a prediction"));
    }
    let cohorts = Cohort::new(&buyers.transactions, last_day - holdout_days, Some(last_day))
        .and_then(|calibration| Ok((calibration, Cohort::new(&buyers.transactions, last_day, None)?)));
    let (calibration, whole) = match cohorts {
        Ok(cohorts) => cohorts,
        Err(error) => return skipped(error.to_string()),
    };
    let n_repeat = calibration.customers.iter().filter(|customer| customer.repeat.x > 0).count();
    if n_repeat < REPEAT_BUYERS_MIN {
        return skipped(format!(
            "{n_repeat} customers bought on two days or more before the last {holdout_days} days; at least {REPEAT_BUYERS_MIN} are needed"
        ));
    }
    let (fits, judged) = match fit_report(&calibration, job.minor_digits, job.seed) {
        Ok(found) => found,
        Err(error) => return skipped(error.to_string()),
    };
    let is_mbg = takes_alternative(&fits, &judged);
    let holdout = if is_mbg { judged.mbgnbd_holdout.as_ref() } else { judged.holdout.as_ref() };
    let Some(holdout) = holdout else { return skipped("there is no later part of the history to judge by".into()) };
    let terms = Terms { n_draws: if n_buyers > 20_000 { 60 } else { 200 }, seed: job.seed, ..Terms::default() };
    let mut found = Found {
        model: if is_mbg { "MBG/NBD" } else { "BG/NBD" },
        horizon_months: terms.horizon_months,
        monthly_discount: terms.monthly_discount,
        factor: holdout.scale(),
        holdout,
        calibration: &judged,
        fits: None,
        level: terms.level,
        total: None,
        segments: Vec::new(),
    };
    let Some(factor) = holdout.scale() else {
        let why = format!("worse than a plain count: {}", holdout.reasons.join("; "));
        let mut note = Note::without(ModelState::Refused, why.clone());
        note.section.found = json(&found)?;
        note.warnings.push(format!("customer value is not shown: {why}"));
        return Ok(Err(note));
    };
    let (fits, of_whole) = match fit_report(&whole, job.minor_digits, job.seed) {
        Ok(found) => found,
        Err(error) => return skipped(error.to_string()),
    };
    let (Models { purchases, alternative, values }, mut not_made) = (fits, BTreeMap::new());
    let law = if is_mbg { alternative.unwrap_or(purchases) } else { purchases };
    found.fits = Some(&of_whole);

    let major = 10_f64.powi(i32::from(job.minor_digits));
    let known: Vec<(Repeat, f64)> =
        whole.customers.iter().map(|customer| (customer.repeat, customer.mean_repeat_minor() / major)).collect();
    let at_end = |value: f64| (factor * value * major).round() as i64;
    let n = buyers.ids.len();
    let by_customer = |values: Vec<f64>| {
        let mut column = vec![None; n];
        for (customer, value) in whole.customers.iter().zip(values) {
            if let Some(place) = column.get_mut(customer.customer as usize) {
                *place = Some(value);
            }
        }
        column
    };
    let expected = by_customer(by_repeat(&known, |repeat| factor * law.expected(*repeat, WEEKS_OF_90_DAYS)));
    let p_alive = match unclear(&law) {
        None => Some(by_customer(by_repeat(&known, |repeat| law.p_alive(*repeat)))),
        Some(why) => {
            not_made.insert("p_alive".to_owned(), why);
            None
        }
    };
    let clv_minor = if let Some(values) = &values {
        let valuation = Valuation::new(&law, values, terms)
            .map_err(|error| BuildError::Inconsistent { what: format!("the terms of customer value: {error}") })?;
        let of_segment: Vec<u32> = (whole.customers.iter())
            .map(|customer| buyers.segments.get(customer.customer as usize).copied().unwrap_or(u32::MAX))
            .collect();
        let worth = |value: &SegmentValue, segment| Worth {
            segment,
            customers: value.n_customers,
            clv_minor: at_end(value.clv),
            low_minor: at_end(value.low),
            high_minor: at_end(value.high),
        };
        let clv = valuation.clv(&known);
        found.total =
            valuation.segments_of(&known, &vec![0; known.len()], &clv).first().map(|value| worth(value, None));
        let segments = valuation.segments_of(&known, &of_segment, &clv);
        found.segments = segments
            .iter()
            .filter_map(|value| Some(worth(value, Some(*SEGMENTS.get(value.segment as usize)?))))
            .collect();
        let column = by_customer(clv);
        Some(column.into_iter().map(|value| value.map(at_end)).collect())
    } else {
        let why = of_whole.warnings.iter().find(|warning| matches!(warning, Warning::NoValues { .. }));
        let why = why.map_or_else(|| "there is no fit of what a purchase brings".to_owned(), ToString::to_string);
        for label in ["clv_minor", "value_tier"] {
            not_made.insert(label.to_owned(), why.clone());
        }
        None
    };
    let labels = LABELS.into_iter().filter(|label| !not_made.contains_key(*label)).map(str::to_owned).collect();
    let why = match holdout.verdict {
        Verdict::Calibrated => format!("multiplied with {factor:.3}: {}", holdout.reasons.join("; ")),
        Verdict::Publish | Verdict::Refused => holdout.reasons.join("; "),
    };
    let warnings = not_made.iter().map(|(label, why)| format!("label {label} is not made: {why}")).collect();
    let section = ModelSection { state: ModelState::Published, why, labels, found: json(&found)? };
    let note = Note { section, not_made, warnings, ..Note::default() };
    let rounded = |column: Vec<Option<f64>>| column.into_iter().map(|value| value.and_then(stored)).collect();
    Ok(Ok((note, Rows { p_alive: p_alive.map(rounded), expected: rounded(expected), clv_minor })))
}

/// Whether MBG/NBD fits better: by its likelihood, unless the later part of the history speaks against it.
fn takes_alternative(fits: &Models, judged: &ValueReport) -> bool {
    let rank = |holdout: &Holdout| match holdout.verdict {
        Verdict::Publish => 0,
        Verdict::Calibrated => 1,
        Verdict::Refused => 2,
    };
    match (&fits.alternative, &judged.holdout, &judged.mbgnbd_holdout) {
        (Some(alternative), Some(one), Some(other)) if rank(one) == rank(other) => {
            alternative.log_likelihood > fits.purchases.log_likelihood
        }
        (Some(_), Some(one), Some(other)) => rank(other) < rank(one),
        _ => false,
    }
}

/// Why the chance of being there says nothing, if it does not.
fn unclear(law: &PurchaseFit) -> Option<String> {
    let warning = law.warnings.iter().find(|warning| matches!(warning, Warning::DropoutUnclear { .. }));
    warning.map(ToString::to_string)
}

/// The fifth of each value: by the share of customers with less, so equal ones are in one fifth.
fn tiers(values: &[Option<i64>]) -> Vec<Option<String>> {
    let mut sorted: Vec<i64> = values.iter().flatten().copied().collect();
    sorted.sort_unstable();
    let tier = |value: i64| {
        let below = sorted.partition_point(|other| *other < value);
        TIERS.get(5 * below / sorted.len().max(1)).map(|tier| (*tier).to_owned())
    };
    values.iter().map(|value| value.and_then(tier)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_fifths_and_equal_values_are_in_one() {
        let values: Vec<Option<i64>> = [0, 0, 0, 30, 40, 50, 60, 70, 80, 90].map(Some).to_vec();
        let tiers: Vec<String> = tiers(&values).into_iter().flatten().collect();
        assert_eq!(tiers, ["least", "least", "least", "low", "middle", "middle", "high", "high", "top", "top"]);
        assert_eq!(super::tiers(&[None]), [None]);
    }
}
