//! Made-up tables whose truth is known.

use vitrine_learn::classify::*;
use vitrine_learn::resample::Stream;

use crate::{made_up, mixed};

fn few() -> Vec<Candidate> {
    let boosted = BoostedParams { trees_max: 120, ..Default::default() };
    vec![Candidate::Logistic(LogisticParams::default()), Candidate::Boosted(boosted)]
}

#[test]
fn coefficients_are_recovered() {
    let table = made_up(20_000, 3, 1, |x| -1.0 + x[0] - 0.5 * x[1]).build().unwrap();
    let model = Logistic::fit(&table, &LogisticParams::default()).unwrap();
    // Standard errors are about 0.02.
    for (row, margin) in [([0., 0., 0.], -1.0), ([1., 0., 0.], 0.0), ([0., 1., 0.], -1.5), ([0., 0., 1.], -1.0)] {
        assert!((model.margin(&row) - margin).abs() < 0.1, "{row:?} {}", model.margin(&row));
    }
}

#[test]
fn separable_outcomes_stay_finite() {
    let x: Vec<f64> = (0..100).map(f64::from).collect();
    let labels: Vec<f64> = x.iter().map(|x| f64::from(u8::from(*x >= 50.0))).collect();
    let table = Table::builder(&labels).number("x", x).build().unwrap();
    for l2 in [1e-6, 1.0] {
        let model = Logistic::fit(&table, &LogisticParams { l2, ..Default::default() }).unwrap();
        assert!(model.margin(&[99.0]).is_finite() && model.margin(&[99.0]) > 1.0);
        assert!(model.margin(&[0.0]) < -1.0);
    }
    let model = Boosted::fit(&table, &BoostedParams { leaf_rows_min: 1, ..Default::default() }, 1).unwrap();
    assert!(model.margin(&[0.0]) < -1.0 && model.margin(&[99.0]) > 1.0);
}

#[test]
fn odd_columns_do_no_harm() {
    let table = made_up(300, 1, 2, |x| 2.0 * x[0]);
    let table = table.number("constant", vec![1e9; 300]).number("empty", vec![f64::NAN; 300]);
    let mut huge = vec![0.0; 300];
    huge[7] = 1e30;
    let table = table.number("huge", huge).build().unwrap();
    let logistic = Logistic::fit(&table, &LogisticParams::default()).unwrap();
    let boosted = Boosted::fit(&table, &BoostedParams::default(), 1).unwrap();
    for row in [[1.0, 0.0, 5.0, -1e30], [f64::NAN; 4], [f64::INFINITY, f64::MAX, -0.0, f64::MIN_POSITIVE]] {
        assert!(logistic.margin(&row).is_finite() && boosted.margin(&row).is_finite());
    }
    assert!(logistic.margin(&[1.0]) > logistic.margin(&[-1.0]));
    let found = validate_kfold(&table, 3, &few()[..1], None, 1).unwrap().report.warnings;
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn trees_see_what_a_regression_cannot() {
    let table = made_up(4000, 2, 4, |x| if (x[0] > 0.0) == (x[1] > 0.0) { 2.2 } else { -2.2 }).build().unwrap();
    let found = validate_kfold(&table, 4, &few(), None, 7).unwrap();
    let aucs: Vec<f64> = found.report.trials.iter().map(|trial| trial.parts[0].auc).collect();
    assert!(aucs[0] < 0.56 && aucs[1] > 0.85, "{aucs:?}");
    assert!(matches!(found.chosen, Candidate::Boosted(_)));
    assert_eq!(found.report.verdict, Verdict::Publish);
    let export = found.publish(&table, "corners", "same sign").unwrap();
    assert!(score(&export, &[1.0, 1.0]) > 0.8 && score(&export, &[1.0, -1.0]) < 0.2);
}

#[test]
fn missing_values_may_carry_the_outcome() {
    let mut stream = Stream::new(6, "missing");
    let labels: Vec<f64> = (0..1000).map(|_| stream.below(2) as f64).collect();
    let column = labels.iter().map(|label| match (*label == 1.0) == (stream.unit() < 0.9) {
        true => f64::NAN,
        false => stream.unit(),
    });
    let column = column.collect();
    let table = Table::builder(&labels).number("x", column).build().unwrap();
    for candidate in few() {
        let report = validate_kfold(&table, 4, &[candidate], None, 1).unwrap().report;
        assert!(report.measures.auc > 0.85, "{candidate:?}: {}", report.measures.auc);
    }
}

#[test]
fn calibration_mends_distorted_margins() {
    // Rates are a step; a regression's slope is too flat in the middle. Enough rows for an isotonic curve.
    let step = made_up(6000, 1, 9, |x| if x[0] > 0.0 { 2.2 } else { -2.2 }).build().unwrap();
    let report = validate_kfold(&step, 5, &few()[..1], None, 3).unwrap().report;
    let [none, curve] = &report.calibration[..] else { panic!() };
    assert_eq!((none.method, curve.method, curve.is_chosen), ("none", "isotonic", true));
    assert!(curve.log_loss < none.log_loss - 0.005, "{} {}", none.log_loss, curve.log_loss);
    assert!(report.measures.calibration_error < 0.03, "{}", report.measures.calibration_error);
    // A far too strong penalty flattens margins; few rows, so Platt's curve.
    let table = made_up(800, 1, 10, |x| 2.0 * x[0]).build().unwrap();
    let flat = [Candidate::Logistic(LogisticParams { l2: 2000.0, ..Default::default() })];
    let found = validate_kfold(&table, 5, &flat, None, 3).unwrap();
    let [none, curve] = &found.report.calibration[..] else { panic!() };
    assert_eq!((curve.method, curve.is_chosen), ("platt", true));
    assert!(curve.log_loss < none.log_loss - 0.05, "{} {}", none.log_loss, curve.log_loss);
    let Calibration::Platt { slope, .. } = found.calibration else { panic!() };
    assert!(slope > 2.0, "{slope}");
    // True chances need no curve, or hardly gain by one.
    let good = validate_kfold(&table, 5, &few()[..1], None, 3).unwrap().report;
    assert!(good.measures.log_loss < found.report.measures.log_loss + 0.01);
}

#[test]
fn noise_is_not_published() {
    let table = made_up(1500, 5, 11, |_| -0.5).build().unwrap();
    let found = validate_kfold(&table, 5, &Candidate::usual(), None, 2).unwrap();
    let Verdict::Refused { reason } = &found.report.verdict else { panic!("{:?}", found.report.baselines) };
    assert!(reason.contains("does not lie above 0"), "{reason}");
    let error = found.publish(&table, "noise", "").unwrap_err().to_string();
    assert!(error.starts_with("the model is not published"), "{error}");
}

#[test]
fn a_model_that_only_repeats_the_rule_is_not_published() {
    // The outcome follows one feature in two steps: the rule of ten bins knows all there is.
    let table = made_up(3000, 1, 12, |x| if x[0] > 0.0 { 1.0 } else { -1.0 }).build().unwrap();
    let found = validate_kfold(&table, 5, &few()[..1], Some("x0"), 2).unwrap();
    let Verdict::Refused { reason } = &found.report.verdict else { panic!("{:?}", found.report.baselines) };
    assert!(reason.contains("rule by `x0`"), "{reason}");
}

#[test]
fn rare_outcomes_are_not_published() {
    let labels: Vec<f64> = (0..400).map(|row| f64::from(u8::from(row < 20))).collect();
    let table = Table::builder(&labels).number("x", (0..400).map(f64::from).collect()).build().unwrap();
    let found = validate_kfold(&table, 5, &few()[..1], None, 2).unwrap();
    let Verdict::Refused { reason } = &found.report.verdict else { panic!() };
    assert_eq!(reason, "only 20 judged rows have the rarer outcome, at least 30 are needed");
    // A feature that tells the outcome alone is pointed at.
    assert!(found.report.warnings[0].contains("does it know the future?"), "{:?}", found.report.warnings);
}

#[test]
fn groups_are_not_torn() {
    // The outcome is a coin per customer, and the only feature is who the customer is.
    let mut stream = Stream::new(13, "groups");
    let coins: Vec<(f64, f64)> = (0..60).map(|_| (stream.unit(), stream.below(2) as f64)).collect();
    let rows = || (0..1200_usize).map(|row| row % 60);
    let labels: Vec<f64> = rows().map(|customer| coins[customer].1).collect();
    let table = || Table::builder(&labels).number("who", rows().map(|customer| coins[customer].0).collect());
    let torn = table().build().unwrap();
    let whole = table().groups(rows().map(|customer| customer as u64).collect()).build().unwrap();
    let auc = |table: &Table| validate_kfold(table, 4, &few()[1..], None, 1).unwrap().report.measures.auc;
    assert!(auc(&torn) > 0.95);
    assert!(auc(&whole) < 0.75, "{}", auc(&whole));
    let verdict = validate_kfold(&whole, 4, &few()[1..], None, 1).unwrap().report.verdict;
    assert!(matches!(verdict, Verdict::Refused { .. }));
}

const DAY_S: i64 = 86_400;

/// One row a day and a half for 400 days; outcomes take 30 days. From day 200 on the feature means the opposite.
fn turning(turns: bool) -> Table {
    let mut stream = Stream::new(14, "turning");
    let (mut labels, mut x, mut times) = (vec![], vec![], vec![]);
    for row in 0..4000_i64 {
        let from_s = row * DAY_S / 10;
        let value = stream.normal();
        let sign = if turns && from_s >= 200 * DAY_S { -1.0 } else { 1.0 };
        labels.push(f64::from(u8::from(stream.unit() < sigmoid(sign * 3.0 * value))));
        x.push(value);
        times.push(RowTime { features_until_s: from_s, outcome_from_s: from_s, outcome_until_s: from_s + 30 * DAY_S });
    }
    Table::builder(&labels).number("x", x).times(times).build().unwrap()
}

#[test]
fn origins_train_on_what_was_known() {
    let origins = [150 * DAY_S, 200 * DAY_S, 300 * DAY_S];
    let report = |turns: bool| validate_rolling(&turning(turns), &origins, 20 * DAY_S, &few(), None, 1).unwrap().report;
    let (turned, steady) = (report(true), report(false));
    assert_eq!((turned.scheme, turned.parts.len()), ("rolling origin", 3));
    // Ten rows a day: those up to 30 days before the origin, whose outcome is known, and 20 days from it on.
    let sizes: Vec<(usize, usize)> = turned.parts.iter().map(|part| (part.n_training, part.n_test)).collect();
    assert_eq!(sizes, [(1201, 200), (1701, 200), (2701, 200)]);
    assert!(turned.parts[0].measures.is_none() && turned.parts[0].trial.is_none());
    // Nothing of the turn is known at the second origin, so the forecast is upside down; folds would never show it.
    let auc = |report: &Report, part: usize| report.parts[part].measures.unwrap().auc;
    assert!(auc(&turned, 1) < 0.2, "{}", auc(&turned, 1));
    assert!(auc(&steady, 1) > 0.85 && auc(&steady, 2) > 0.85);
    assert!(matches!(turned.verdict, Verdict::Refused { .. }));
}

#[test]
fn threads_and_repeats_change_nothing() {
    let table = mixed(3000, 15);
    let run = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let found = validate_kfold(&table, 4, &Candidate::usual(), None, 5).unwrap();
            let report = serde_json::to_string(&found.report).unwrap();
            (report, found.publish(&table, "mixed", "bought").unwrap().to_json())
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(1));
    let other_seed = validate_kfold(&table, 4, &few(), None, 6).unwrap().report;
    assert_ne!(validate_kfold(&table, 4, &few(), None, 5).unwrap().report.parts, other_seed.parts);
}

#[test]
fn trees_do_not_depend_on_the_order_of_rows() {
    let labels: Vec<f64> = (0..150).map(|row| f64::from(u8::from(row * 7 % 11 < 5))).collect();
    let x: Vec<f64> = (0..150).map(|row| f64::from(row * 7 % 11) + f64::from(row % 3)).collect();
    let fit = |order: &[usize]| {
        let labels: Vec<f64> = order.iter().map(|row| labels[*row]).collect();
        let table = Table::builder(&labels).number("x", order.iter().map(|row| x[*row]).collect());
        let table =
            table.category("c", order.iter().map(|row| (*row % 5) as u32).collect(), vec!["a".into(), "b".into()]);
        Boosted::fit(&table.build().unwrap(), &BoostedParams { leaf_rows_min: 5, ..Default::default() }, 1)
            .unwrap()
            .trees
    };
    let mut order: Vec<usize> = (0..150).collect();
    let trees = fit(&order);
    assert_eq!(trees.len(), 40);
    Stream::new(1, "order").shuffle(&mut order);
    assert_eq!(trees, fit(&order));
}

#[test]
fn every_trial_is_on_record() {
    let table = mixed(1500, 16);
    let candidates = Candidate::usual();
    let report = validate_kfold(&table, 3, &candidates, Some("recency_days"), 5).unwrap().report;
    let tried: Vec<Candidate> = report.trials.iter().map(|trial| trial.candidate).collect();
    assert_eq!(tried, candidates);
    assert!(report.trials.iter().all(|trial| trial.parts.len() == 3 && trial.failure.is_none()));
    let best = report.trials.iter().map(|trial| trial.log_loss.unwrap()).fold(f64::INFINITY, f64::min);
    let chosen: Vec<f64> = report.trials.iter().filter(|t| t.is_chosen).map(|t| t.log_loss.unwrap()).collect();
    assert_eq!(chosen, [best]);
    assert_eq!(report.baselines[1].feature.as_deref(), Some("recency_days"));
    assert!(report.baselines.iter().all(|baseline| baseline.gain_low > 0.0 && baseline.gain < baseline.gain_high));
    assert_eq!(report.reliability.iter().map(|row| row.n_rows).sum::<usize>(), 1500);
    assert!((report.lift[9].gain - 1.0).abs() < 1e-12 && report.lift[0].lift > 1.3);
}
