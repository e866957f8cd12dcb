//! From single purchases to one row a customer, by the conventions of the CDNOW papers.
//!
//! A customer's clock starts with the first purchase and runs until the end of the calibration, in weeks of seven days.
//! Purchases of one day are one. The first purchase is not counted, nor its amount. Who first buys after the calibration is
//! left out. Left out too: refunds; net amounts are the caller's matter.

use super::Repeat;

/// Days further from 1970 than this are no days of a shop: some 30,000 years.
const DAY_MAX: i64 = 11_000_000;

/// One purchase, or a part of one: those of one customer and day are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transaction {
    /// The caller's number of the customer.
    pub customer: u32,
    /// Days since 1970-01-01.
    pub day: i64,
    /// What was paid. Unit: minor units of the currency. Range: 0 or more.
    pub amount_minor: i64,
}

/// Why no cohort is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CohortError {
    /// No transaction at all.
    #[error("no transactions: give at least one")]
    Empty,
    /// An amount below zero.
    #[error(
        "transaction {position} (customer {customer}): amount {amount_minor} is negative; leave out refunds or take them off the purchase"
    )]
    NegativeAmount {
        /// Position of the transaction, from 0.
        position: usize,
        /// The customer.
        customer: u32,
        /// What it holds.
        amount_minor: i64,
    },
    /// A day that cannot be.
    #[error("{what} is {day}, which is no day; give days since 1970-01-01")]
    NoDay {
        /// What holds it.
        what: &'static str,
        /// The number.
        day: i64,
    },
    /// All purchases come after the end of the calibration.
    #[error(
        "nobody bought until the end of the calibration (day {calibration_end}); the first purchase is on day {first_day}"
    )]
    NobodyYet {
        /// Last day of the calibration.
        calibration_end: i64,
        /// Day of the first purchase.
        first_day: i64,
    },
    /// A holdout that ends before it begins.
    #[error(
        "the holdout ends on day {holdout_end}, which is not after the end of the calibration (day {calibration_end})"
    )]
    NoHoldout {
        /// Last day of the holdout.
        holdout_end: i64,
        /// Last day of the calibration.
        calibration_end: i64,
    },
    /// More money than can be counted.
    #[error("customer {customer}: the amounts add up to more than 64 bits hold")]
    TooMuch {
        /// The customer.
        customer: u32,
    },
}

/// What the purchases say of one customer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CohortCustomer {
    /// The caller's number of the customer.
    pub customer: u32,
    /// Counts and times until the end of the calibration.
    pub repeat: Repeat,
    /// Days since 1970 of the first purchase.
    pub first_day: i64,
    /// Sum of the repeat purchases until the end of the calibration. Unit: minor.
    pub repeat_amount_minor: i64,
    /// Purchases in the last days of the calibration, as many as the holdout has.
    pub n_last_period: u32,
    /// The same, without the first purchase.
    pub n_last_period_repeat: u32,
    /// Purchases in the holdout.
    pub n_holdout: u32,
    /// Sum of the purchases in the holdout. Unit: minor.
    pub holdout_amount_minor: i64,
}

impl CohortCustomer {
    /// Mean value of the repeat purchases; 0 without any. Unit: minor.
    #[must_use]
    pub fn mean_repeat_minor(&self) -> f64 {
        if self.repeat.x == 0 { 0.0 } else { self.repeat_amount_minor as f64 / f64::from(self.repeat.x) }
    }
}

/// Customers who bought until the end of the calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct Cohort {
    /// One row a customer, by rising number.
    pub customers: Vec<CohortCustomer>,
    /// Last day of the calibration, since 1970.
    pub calibration_end: i64,
    /// Days of the holdout; 0 without one.
    pub holdout_days: u32,
    /// Transactions that were added to another of the same customer and day.
    pub n_merged: u64,
    /// Customers whose first purchase comes after the calibration; they are left out.
    pub n_later: u64,
    /// Transactions after the end of the holdout, which were passed over.
    pub n_after_holdout: u64,
}

impl Cohort {
    /// Makes the cohort. Both ends belong to their period. Without `holdout_end` the holdout goes on until the last
    /// transaction; there is none if that is not after the calibration.
    ///
    /// Errors: [`CohortError`].
    pub fn new(
        transactions: &[Transaction],
        calibration_end: i64,
        holdout_end: Option<i64>,
    ) -> Result<Self, CohortError> {
        let (first_day, last_day) = check(transactions)?;
        for (what, day) in
            [("the end of the calibration", Some(calibration_end)), ("the end of the holdout", holdout_end)]
        {
            day.map_or(Ok(()), |day| check_day(what, day))?;
        }
        if first_day > calibration_end {
            return Err(CohortError::NobodyYet { calibration_end, first_day });
        }
        if let Some(holdout_end) = holdout_end.filter(|end| *end <= calibration_end) {
            return Err(CohortError::NoHoldout { holdout_end, calibration_end });
        }
        let end = holdout_end.unwrap_or(last_day).max(calibration_end);
        let holdout_days = u32::try_from(end - calibration_end).unwrap_or(0);

        let mut sorted = transactions.to_vec();
        sorted.sort_unstable();
        let n_before = sorted.len();
        sorted.retain(|transaction| transaction.day <= end);
        let mut cohort = Self {
            customers: Vec::new(),
            calibration_end,
            holdout_days,
            n_merged: 0,
            n_later: 0,
            n_after_holdout: (n_before - sorted.len()) as u64,
        };
        for of_customer in sorted.chunk_by(|one, other| one.customer == other.customer) {
            cohort.add(of_customer)?;
        }
        Ok(cohort)
    }

    /// What the models learn from, in the order of [`Cohort::customers`].
    #[must_use]
    pub fn repeats(&self) -> Vec<Repeat> {
        self.customers.iter().map(|customer| customer.repeat).collect()
    }

    /// Length of the holdout. Unit: weeks.
    #[must_use]
    pub fn holdout_weeks(&self) -> f64 {
        weeks(i64::from(self.holdout_days))
    }

    /// Adds a customer. `transactions` ascend by day.
    fn add(&mut self, transactions: &[Transaction]) -> Result<(), CohortError> {
        let Some(Transaction { customer, day: first_day, .. }) = transactions.first().copied() else {
            return Ok(());
        };
        if first_day > self.calibration_end {
            self.n_later += 1;
            return Ok(());
        }
        let last_period_after = self.calibration_end - i64::from(self.holdout_days);
        let mut found = CohortCustomer {
            customer,
            repeat: Repeat { x: 0, t_x: 0.0, t: weeks(self.calibration_end - first_day) },
            first_day,
            repeat_amount_minor: 0,
            n_last_period: 0,
            n_last_period_repeat: 0,
            n_holdout: 0,
            holdout_amount_minor: 0,
        };
        let too_much = CohortError::TooMuch { customer };
        for of_day in transactions.chunk_by(|one, other| one.day == other.day) {
            let Some(day) = of_day.first().map(|transaction| transaction.day) else { continue };
            self.n_merged += of_day.len() as u64 - 1;
            let mut amounts = of_day.iter().map(|transaction| transaction.amount_minor);
            let amount = amounts.try_fold(0i64, i64::checked_add).ok_or(too_much)?;
            let is_repeat = day > first_day;
            if day > self.calibration_end {
                found.n_holdout += 1;
                found.holdout_amount_minor = found.holdout_amount_minor.checked_add(amount).ok_or(too_much)?;
                continue;
            }
            if is_repeat {
                found.repeat.x += 1;
                found.repeat.t_x = weeks(day - first_day);
                found.repeat_amount_minor = found.repeat_amount_minor.checked_add(amount).ok_or(too_much)?;
            }
            if day > last_period_after {
                found.n_last_period += 1;
                found.n_last_period_repeat += u32::from(is_repeat);
            }
        }
        self.customers.push(found);
        Ok(())
    }
}

/// First and last day. Errors: no transaction, or one that cannot be.
fn check(transactions: &[Transaction]) -> Result<(i64, i64), CohortError> {
    for (position, transaction) in transactions.iter().enumerate() {
        let Transaction { customer, day, amount_minor } = *transaction;
        check_day("the day of a transaction", day)?;
        if amount_minor < 0 {
            return Err(CohortError::NegativeAmount { position, customer, amount_minor });
        }
    }
    let days = || transactions.iter().map(|transaction| transaction.day);
    days().min().zip(days().max()).ok_or(CohortError::Empty)
}

fn check_day(what: &'static str, day: i64) -> Result<(), CohortError> {
    if (-DAY_MAX..=DAY_MAX).contains(&day) { Ok(()) } else { Err(CohortError::NoDay { what, day }) }
}

fn weeks(days: i64) -> f64 {
    days as f64 / 7.0
}
