//! Wrong input and what is said of it.

use crate::repeat;
use vitrine_learn::value::{
    BgNbd, Cohort, FitError, GammaGamma, GammaGammaLaw, Holdout, MbgNbd, PurchaseLaw, PurchaseModel, Repeat, Terms,
    Transaction,
};

#[test]
fn rows_that_cannot_be() {
    let good = repeat(2, 5.0, 9.0);
    let cases: [(&str, Repeat); 9] = [
        ("row 1: t_x is NaN; it must be a finite number", repeat(1, f64::NAN, 9.0)),
        ("row 1: t is NaN; it must be a finite number", repeat(0, 0.0, f64::NAN)),
        ("row 1: t is inf; it must be a finite number", repeat(1, 3.0, f64::INFINITY)),
        (
            "row 1: t_x is -1 weeks; times start at the customer's first purchase and are not negative",
            repeat(1, -1.0, 9.0),
        ),
        (
            "row 1: t is -3 weeks; times start at the customer's first purchase and are not negative",
            repeat(0, 0.0, -3.0),
        ),
        (
            "row 1: the last purchase (t_x = 9.5) comes after the end of the watched period (t = 9); leave out purchases after the end",
            repeat(1, 9.5, 9.0),
        ),
        (
            "row 1: 3 repeat purchases but t_x = 0; merge the purchases of one day, they count as one",
            repeat(3, 0.0, 9.0),
        ),
        (
            "row 1: 1 repeat purchases but t_x = 0; merge the purchases of one day, they count as one",
            repeat(1, -0.0, 9.0),
        ),
        ("row 1: t_x = 4 without a repeat purchase; t_x must be 0 where x is 0", repeat(0, 4.0, 9.0)),
    ];
    for (message, row) in cases {
        assert_eq!(BgNbd::fit(&[good, row]).unwrap_err().to_string(), message);
        assert_eq!(MbgNbd::fit(&[good, row]).unwrap_err().to_string(), message);
    }
}

#[test]
fn cohorts_without_anything_to_learn() {
    assert_eq!(BgNbd::fit(&[]).unwrap_err(), FitError::Empty);
    assert_eq!(BgNbd::fit(&[repeat(0, 0.0, 9.0); 3]).unwrap_err(), FitError::NoRepeat { n_customers: 3 });
    assert_eq!(
        BgNbd::fit(&[repeat(0, 0.0, 9.0); 3]).unwrap_err().to_string(),
        "none of 3 customers bought twice: there is nothing to learn from; take a longer period"
    );
    assert_eq!(GammaGamma::fit(&[]).unwrap_err(), FitError::Empty);
    assert_eq!(GammaGamma::fit(&[(0, 0.0), (0, 5.0)]).unwrap_err(), FitError::NoRepeat { n_customers: 2 });
    assert!(Holdout::of(&[], 39.0, 1).is_none());
}

#[test]
fn means_that_cannot_be() {
    for (message, mean) in [
        ("row 2: mean is NaN; it must be a finite number", f64::NAN),
        ("row 2: mean is inf; it must be a finite number", f64::INFINITY),
        (
            "row 2: the mean value of 3 repeat purchases is 0; it must be above 0 (leave out customers who paid nothing)",
            0.0,
        ),
        (
            "row 2: the mean value of 3 repeat purchases is -4.5; it must be above 0 (leave out customers who paid nothing)",
            -4.5,
        ),
    ] {
        assert_eq!(GammaGamma::fit(&[(1, 10.0), (0, f64::NAN), (3, mean)]).unwrap_err().to_string(), message);
    }
}

#[test]
fn parameters_and_terms_out_of_range() {
    for (message, parameters) in [
        ("parameter r is 0; it must be a finite number above 0", [0.0, 1.0, 1.0, 1.0]),
        ("parameter alpha is -1; it must be a finite number above 0", [1.0, -1.0, 1.0, 1.0]),
        ("parameter b is NaN; it must be a finite number above 0", [1.0, 1.0, 1.0, f64::NAN]),
    ] {
        assert_eq!(PurchaseLaw::new(PurchaseModel::BgNbd, parameters).unwrap_err().to_string(), message);
    }
    let error = GammaGammaLaw::new(6.0, 1.0, 15.0).unwrap_err();
    assert_eq!(error.to_string(), "parameter q is 1; it must be a finite number above 1");
    let good = Terms::default();
    for (message, terms) in [
        ("horizon_months is 0; it must be 1 to 600", Terms { horizon_months: 0, ..good }),
        ("horizon_months is 601; it must be 1 to 600", Terms { horizon_months: 601, ..good }),
        ("monthly_discount is -0.1; it must be 0 to 1, without 1", Terms { monthly_discount: -0.1, ..good }),
        ("monthly_discount is NaN; it must be 0 to 1, without 1", Terms { monthly_discount: f64::NAN, ..good }),
        ("level is 1; it must be above 0 and below 1", Terms { level: 1.0, ..good }),
        ("n_draws is 2; it must be 50 to 100000", Terms { n_draws: 2, ..good }),
    ] {
        assert_eq!(terms.check().unwrap_err().to_string(), message);
    }
}

#[test]
fn transactions_that_cannot_be() {
    let on = |customer, day, amount_minor| Transaction { customer, day, amount_minor };
    let good = [on(1, 100, 500), on(1, 120, 700), on(2, 105, 100)];
    let with = |more: Transaction| [&good[..], &[more]].concat();
    for (message, transactions, calibration_end, holdout_end) in [
        ("no transactions: give at least one", vec![], 110, None),
        (
            "transaction 3 (customer 2): amount -5 is negative; leave out refunds or take them off the purchase",
            with(on(2, 106, -5)),
            110,
            None,
        ),
        (
            "the day of a transaction is 19970930000, which is no day; give days since 1970-01-01",
            with(on(2, 19_970_930_000, 5)),
            110,
            None,
        ),
        (
            "the end of the calibration is 20240101, which is no day; give days since 1970-01-01",
            good.to_vec(),
            20_240_101,
            None,
        ),
        (
            "the end of the holdout is -20240101, which is no day; give days since 1970-01-01",
            good.to_vec(),
            110,
            Some(-20_240_101),
        ),
        (
            "nobody bought until the end of the calibration (day 99); the first purchase is on day 100",
            good.to_vec(),
            99,
            None,
        ),
        (
            "the holdout ends on day 110, which is not after the end of the calibration (day 110)",
            good.to_vec(),
            110,
            Some(110),
        ),
        (
            "customer 1: the amounts add up to more than 64 bits hold",
            with(on(1, 107, i64::MAX)).into_iter().chain([on(1, 108, i64::MAX)]).collect(),
            110,
            None,
        ),
    ] {
        assert_eq!(Cohort::new(&transactions, calibration_end, holdout_end).unwrap_err().to_string(), message);
    }
}
