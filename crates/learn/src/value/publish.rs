//! The rows of customer values that may leave: scaled as the holdout demands, in whole minor units, or held back.

use super::{Cohort, FitError, Models, Repeat, Terms, Valuation, ValueReport, Verdict};

/// One row of the result.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct PublishedCustomer {
    /// The caller's number of the customer.
    pub customer: u32,
    /// Counts and times until the end of the calibration.
    pub repeat: Repeat,
    /// Mean value of the repeat purchases; `None` without any. Unit: minor.
    pub mean_minor: Option<f64>,
    /// The chance of being still there. `None` if the model is refused.
    pub p_alive: Option<f64>,
    /// Expected purchases within the horizon, calibrated if need be. `None` if the model is refused.
    pub expected_purchases: Option<f64>,
    /// Expected discounted value over the horizon, calibrated if need be. Unit: minor. `None` if the model is refused or there
    /// is no fit of values.
    pub clv_minor: Option<i64>,
    /// Lower end of the interval of [`super::CustomerValue::low`], calibrated alike. Unit: minor.
    pub low_minor: Option<i64>,
    /// Upper end of the same. Unit: minor.
    pub high_minor: Option<i64>,
}

/// What may be shown of a cohort.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Published {
    /// One row a customer, in the order of [`Cohort::customers`].
    pub customers: Vec<PublishedCustomer>,
    /// What predictions were multiplied with: 1 where the verdict says publish, or where there was no holdout to tell.
    /// `None` if the model is refused.
    pub scale: Option<f64>,
    /// Sum of all `clv_minor`; `None` if there are none.
    pub clv_minor: Option<i64>,
}

/// The rows that may be shown, by the verdict of the report's holdout. Amounts of the cohort are in minor units, of which
/// `minor_digits` digits make a major one, as in [`super::fit_report`].
///
/// Errors: terms out of their range.
pub fn publish(
    cohort: &Cohort,
    models: &Models,
    report: &ValueReport,
    minor_digits: u8,
    terms: Terms,
) -> Result<Published, FitError> {
    terms.check()?;
    let verdict = report.holdout.as_ref().map_or(Verdict::Publish, |holdout| holdout.verdict);
    let scale = report.holdout.as_ref().map_or(Some(1.0), super::Holdout::scale);
    let mut customers: Vec<PublishedCustomer> = cohort
        .customers
        .iter()
        .map(|customer| PublishedCustomer {
            customer: customer.customer,
            repeat: customer.repeat,
            mean_minor: (customer.repeat.x > 0).then(|| customer.mean_repeat_minor()),
            p_alive: None,
            expected_purchases: None,
            clv_minor: None,
            low_minor: None,
            high_minor: None,
        })
        .collect();
    let Some(factor) = scale.filter(|_| verdict != Verdict::Refused) else {
        return Ok(Published { customers, scale: None, clv_minor: None });
    };
    let weeks = f64::from(terms.horizon_months) * super::WEEKS_PER_MONTH;
    for customer in &mut customers {
        customer.p_alive = Some(models.purchases.p_alive(customer.repeat));
        customer.expected_purchases = Some(factor * models.purchases.expected(customer.repeat, weeks));
    }
    let Some(values) = &models.values else {
        return Ok(Published { customers, scale, clv_minor: None });
    };
    let minor = 10f64.powi(i32::from(minor_digits));
    let rows: Vec<(Repeat, f64)> =
        customers.iter().map(|customer| (customer.repeat, customer.mean_minor.unwrap_or(0.0) / minor)).collect();
    let valued = Valuation::new(&models.purchases, values, terms)?.customers(&rows);
    let mut sum = 0i64;
    for (customer, value) in customers.iter_mut().zip(valued) {
        // Whole numbers from here on: their sum does not depend on an order. Beyond 64 bits they stay at the end.
        let whole = |value: f64| (factor * value * minor).round() as i64;
        customer.clv_minor = Some(whole(value.clv));
        customer.low_minor = Some(whole(value.low));
        customer.high_minor = Some(whole(value.high));
        sum = sum.saturating_add(whole(value.clv));
    }
    Ok(Published { customers, scale, clv_minor: Some(sum) })
}
