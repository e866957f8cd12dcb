//! Cohorts and verdicts worked out by hand.

use crate::{repeat, within};
use vitrine_learn::resample::Stream;
use vitrine_learn::value::{
    Cohort, Holdout, HoldoutRow, Naive, Terms, Transaction, Verdict, Warning, fit_report, publish,
};

#[test]
fn a_cohort_by_hand() {
    let on = |customer, day, amount_minor| Transaction { customer, day, amount_minor };
    let transactions = [
        on(7, 114, 300),
        // Two purchases of one day are one; the first day's amounts do not count.
        on(7, 100, 1_000),
        on(7, 100, 9_000),
        on(7, 107, 200),
        on(7, 107, 50),
        on(7, 135, 800),
        on(7, 136, 800),
        on(7, 141, 5),
        // Bought once, then in the holdout.
        on(3, 128, 450),
        on(3, 138, 70),
        // First bought in the holdout: not in the cohort.
        on(4, 137, 99),
    ];
    let cohort = Cohort::new(&transactions, 128, Some(140)).unwrap();
    assert_eq!((cohort.n_merged, cohort.n_later, cohort.n_after_holdout, cohort.holdout_days), (2, 1, 1, 12));
    let [third, seventh] = cohort.customers[..] else { panic!("{:?}", cohort.customers) };
    assert_eq!((third.customer, third.repeat), (3, repeat(0, 0.0, 0.0)));
    assert_eq!((third.n_last_period, third.n_last_period_repeat), (1, 0));
    assert_eq!((third.n_holdout, third.holdout_amount_minor), (1, 70));
    assert_eq!(third.mean_repeat_minor().to_bits(), 0);
    assert_eq!((seventh.customer, seventh.repeat), (7, repeat(2, 2.0, 4.0)));
    assert_eq!((seventh.repeat_amount_minor, seventh.n_holdout, seventh.holdout_amount_minor), (550, 2, 1_600));
    within("mean", seventh.mean_repeat_minor(), 275.0, 0.0);
    // The last twelve days begin with day 117.
    assert_eq!(seventh.n_last_period, 0);

    let mut shuffled = transactions;
    shuffled.reverse();
    assert_eq!(Cohort::new(&shuffled, 128, Some(140)).unwrap(), cohort);
    // Without an end the holdout goes on until the last transaction; without a later one there is none.
    assert_eq!(Cohort::new(&transactions, 128, None).unwrap().holdout_days, 13);
    assert_eq!(Cohort::new(&transactions, 141, None).unwrap().holdout_days, 0);
}

fn rows(predicted: impl Fn(u32) -> f64, naive: impl Fn(u32) -> u32) -> Vec<HoldoutRow> {
    (0..400)
        .map(|idx| {
            let actual = idx % 5;
            let n_last_period = naive(idx);
            HoldoutRow {
                x: actual + 1,
                predicted: predicted(actual),
                actual,
                n_last_period,
                n_last_period_repeat: n_last_period,
            }
        })
        .collect()
}

#[test]
fn verdicts() {
    let off_by_two = |idx: u32| idx % 5 + 2;
    for (what, rows, verdict, factor) in [
        ("right", rows(f64::from, off_by_two), Verdict::Publish, 1.0),
        ("a tenth too much", rows(|actual| 1.1 * f64::from(actual), off_by_two), Verdict::Publish, 1.0 / 1.1),
        ("half too much", rows(|actual| 1.5 * f64::from(actual), off_by_two), Verdict::Calibrated, 1.0 / 1.5),
        ("half of it", rows(|actual| 0.5 * f64::from(actual), off_by_two), Verdict::Calibrated, 2.0),
        ("ten times", rows(|actual| 10.0 * f64::from(actual), off_by_two), Verdict::Refused, 0.1),
        ("the same for all", rows(|_| 2.0, |idx| idx % 5), Verdict::Refused, 1.0),
        ("half too much, and blind", rows(|_| 3.0, |idx| idx % 5 + 1), Verdict::Refused, 2.0 / 3.0),
        ("nothing expected", rows(|_| 0.0, off_by_two), Verdict::Refused, 1.0),
        ("endless", rows(|_| f64::INFINITY, off_by_two), Verdict::Refused, 1.0),
    ] {
        let holdout = Holdout::of(&rows, 10.0, 4).unwrap();
        assert_eq!(holdout.verdict, verdict, "{what}: {holdout:?}");
        assert!(!holdout.reasons.is_empty());
        within(what, holdout.factor, factor, 1e-9);
        assert_eq!(holdout.scale().is_some(), verdict != Verdict::Refused);
    }
}

#[test]
fn figures_by_hand() {
    let row = |x, predicted, actual, n_last_period, n_last_period_repeat| HoldoutRow {
        x,
        predicted,
        actual,
        n_last_period,
        n_last_period_repeat,
    };
    let rows = [row(0, 0.5, 1, 1, 0), row(0, 0.5, 0, 1, 0), row(9, 4.0, 3, 4, 4), row(12, 5.0, 8, 6, 6)];
    let holdout = Holdout::of(&rows, 10.0, 4).unwrap();
    assert_eq!((holdout.actual, holdout.naive), (12, Naive::LastPeriodRepeat));
    within("predicted", holdout.predicted, 10.0, 1e-12);
    within("mae", holdout.model_mae, (0.5 + 0.5 + 1.0 + 3.0) / 4.0, 1e-12);
    within("rmse", holdout.model_rmse, (10.5f64 / 4.0).sqrt(), 1e-12);
    within("naive", holdout.naive_mae, (1.0 + 0.0 + 1.0 + 2.0) / 4.0, 1e-12);
    assert_eq!(holdout.verdict, Verdict::Refused);
    assert_eq!(holdout.reasons[0], "10 purchases were expected and 12 happened (-17 %)", "{:?}", holdout.reasons);
    let [none, many] = holdout.curve[..] else { panic!("{:?}", holdout.curve) };
    assert_eq!((none.x_min, none.x_max, none.n_customers), (0, Some(0), 2));
    assert_eq!((many.x_min, many.x_max, many.n_customers), (7, None, 2));
    within("actual", many.mean_actual, 5.5, 1e-12);
    within("predicted", many.mean_predicted, 4.5, 1e-12);
    let mut reversed = rows;
    reversed.reverse();
    assert_eq!(Holdout::of(&reversed, 10.0, 4).unwrap(), holdout);
}

/// A wholesaler's customers: nobody leaves, but all buy less in the second year. The fit is right about the first year, its
/// prediction half too high; it must not be shown as it is.
#[test]
fn a_shop_that_slows_down_is_calibrated_or_refused() {
    let mut stream = Stream::new(12, "value.holdout.slow");
    let mut wait = || -(1.0 - stream.unit()).ln();
    let mut transactions = Vec::new();
    for customer in 0..3_000 {
        let rate = wait() / 10.0;
        let mut now = 7.0 * wait() * 8.0;
        while now < 728.0 {
            transactions.push(Transaction { customer, day: now as i64, amount_minor: 500 + (now as i64 * 37) % 900 });
            let slow = if now < 364.0 { 1.0 } else { 0.6 };
            now += 7.0 * wait() / (rate * slow);
        }
    }
    let cohort = Cohort::new(&transactions, 363, Some(727)).unwrap();
    let (models, report) = fit_report(&cohort, 2, 1).unwrap();
    let holdout = report.holdout.as_ref().unwrap();
    println!("{:?} {holdout:?}", report.bgnbd);
    assert!(holdout.predicted > 1.4 * holdout.actual as f64, "{} {}", holdout.predicted, holdout.actual);
    assert!(holdout.model_mae > holdout.calibrated_mae);
    assert_ne!(holdout.verdict, Verdict::Publish);
    assert!(report.warnings.iter().any(|warning| matches!(warning, Warning::DropoutUnclear { .. })));
    assert!(report.mean_p_alive > 0.97);
    let published = publish(&cohort, &models, &report, 2, Terms { n_draws: 50, ..Terms::default() }).unwrap();
    assert!(published.scale.is_none_or(|scale| scale < 0.75));
}
