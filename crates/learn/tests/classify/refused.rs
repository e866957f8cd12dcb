//! Tables and settings that must be refused, each with its reason.

use vitrine_learn::classify::*;

fn base() -> TableBuilder {
    Table::builder(&[0., 1., 0., 1.]).number("x", vec![1., 2., 3., 4.])
}

fn time(features_until_s: i64, outcome_from_s: i64, outcome_until_s: i64) -> RowTime {
    RowTime { features_until_s, outcome_from_s, outcome_until_s }
}

fn times() -> Vec<RowTime> {
    (0..4).map(|row| time(row * 10, row * 10, row * 10 + 5)).collect()
}

#[test]
fn bad_tables() {
    let x = || vec![1., 2., 3., 4.];
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
    let cases: Vec<(TableBuilder, &str)> = vec![
        (
            Table::builder(&[]).number("x", vec![]),
            "the table has no rows; give at least one row for each of the two outcomes",
        ),
        (Table::builder(&[0., 1.]), "the table has no feature columns; give at least one"),
        (
            Table::builder(&[1., 1.]).number("x", vec![1., 2.]),
            "all 2 rows have outcome 1; there is nothing to tell apart",
        ),
        (Table::builder(&[0.]).number("x", vec![1.]), "all 1 rows have outcome 0; there is nothing to tell apart"),
        (Table::builder(&[0., f64::NAN]).number("x", vec![1., 2.]), "row 1: the outcome is NaN, it must be 0 or 1"),
        (Table::builder(&[0., 2.]).number("x", vec![1., 2.]), "row 1: the outcome is 2, it must be 0 or 1"),
        (base().number("y", vec![1., 2.]), "feature `y`: 2 entries, but there are 4 outcomes"),
        (base().number("x", x()), "feature 1: the name `x` is used twice"),
        (base().number("", x()), "feature 1: the name `` is empty"),
        (base().number(&"n".repeat(201), x()), "is longer than 200 bytes"),
        (base().number("y", vec![1., f64::INFINITY, 0., 0.]), "feature `y`, row 1: inf is no usable number"),
        (
            base().number("y", vec![1., 0., 0., -2e30]),
            "feature `y`, row 3: -2000000000000000000000000000000 is no usable number",
        ),
        (base().category("c", vec![0; 4], vec![]), "feature `c`: a category needs at least one value"),
        (base().category("c", vec![0; 4], texts(&["a", "a"])), "feature `c`: value `a` stands twice"),
        (base().category("c", vec![0; 3], texts(&["a"])), "feature `c`: 3 entries, but there are 4 outcomes"),
        (
            base().category("c", vec![0; 4], (0..256).map(|n| n.to_string()).collect()),
            "values of feature `c`: 256 are too many, at most 255 fit",
        ),
        (base().weights(vec![1., 1., 1.]), "weights: 3 entries, but there are 4 outcomes"),
        (base().weights(vec![1., 0., 1., 1.]), "row 1: the weight is 0, it must be positive"),
        (base().weights(vec![1., 1., f64::NAN, 1.]), "row 2: the weight is NaN, it must be positive"),
        (base().groups(vec![1]), "groups: 1 entries, but there are 4 outcomes"),
        (base().times(vec![time(0, 0, 1)]), "times: 1 entries, but there are 4 outcomes"),
        (base().seen(vec![0; 4]), "feature `x` has times, but the rows have none"),
        (base().seen(vec![0; 3]).times(times()), "times of feature `x`: 3 entries, but there are 4 outcomes"),
        (
            (0..513).fold(Table::builder(&[0., 1.]), |table, n| table.number(&n.to_string(), vec![0.; 2])),
            "features: 513 are too many, at most 512 fit",
        ),
    ];
    for (builder, expected) in cases {
        let found = builder.build().unwrap_err().to_string();
        assert!(found.contains(expected), "expected `{expected}`, found `{found}`");
    }
}

#[test]
fn features_must_not_know_the_future() {
    // A row as a whole.
    let mut late = times();
    late[2].features_until_s = 21;
    let found = base().times(late).build().unwrap_err();
    let outcome_from_s = 20;
    assert_eq!(found, ClassifyError::Future { what: "a feature".into(), row: 2, newest_s: 21, outcome_from_s });
    // One feature: purchases counted up to the end of the outcome's span.
    let table = base().number("n_orders", vec![0., 1., 0., 1.]).seen(vec![0, 15, 25, 35]).times(times());
    let found = table.build().unwrap_err();
    assert_eq!(
        found,
        ClassifyError::Future { what: "feature `n_orders`".into(), row: 1, newest_s: 15, outcome_from_s: 10 }
    );
    assert!(found.to_string().contains("a feature must not know the future"));
    // A span that ends as it begins.
    let mut empty = times();
    empty[3].outcome_until_s = 30;
    assert_eq!(base().times(empty).build().unwrap_err(), ClassifyError::Span { row: 3, from_s: 30, until_s: 30 });
    assert!(base().seen(vec![0, 10, 20, 30]).times(times()).build().is_ok());
}

#[test]
fn bad_settings() {
    let table = base().times(times()).build().unwrap();
    let usual = [Candidate::Logistic(LogisticParams::default())];
    let logistic = |params| validate_kfold(&table, 2, &[Candidate::Logistic(params)], None, 1).unwrap_err().to_string();
    let boosted = |params| validate_kfold(&table, 2, &[Candidate::Boosted(params)], None, 1).unwrap_err().to_string();
    let rolling =
        |origins: &[i64], window| validate_rolling(&table, origins, window, &usual, None, 1).unwrap_err().to_string();
    let untimed = base().build().unwrap();
    let wide = (0..5).fold(Table::builder(&[0., 1.]), |table, n| {
        table.category(&format!("c{n}"), vec![0, 1], (0..250).map(|n| n.to_string()).collect())
    });
    let cases = [
        (
            validate_kfold(&table, 5, &usual, None, 1).unwrap_err().to_string(),
            "5 parts need 5 rows of each outcome, but outcome 0 has 2",
        ),
        (validate_kfold(&table, 1, &usual, None, 1).unwrap_err().to_string(), "k is 1, it must be between 2 and 1,000"),
        (validate_kfold(&table, 2, &[], None, 1).unwrap_err().to_string(), "no candidate was given"),
        (
            validate_kfold(&table, 2, &usual, Some("y"), 1).unwrap_err().to_string(),
            "the rule column `y` is not a feature",
        ),
        (logistic(LogisticParams { l2: 0.0, ..Default::default() }), "l2 is 0, it must be between 1e-6 and 1e9"),
        (logistic(LogisticParams { l1: -1.0, ..Default::default() }), "l1 is -1, it must be between 0 and 1e9"),
        (logistic(LogisticParams { l2: f64::NAN, ..Default::default() }), "l2 is NaN"),
        (logistic(LogisticParams { steps_max: 0, ..Default::default() }), "steps_max is 0"),
        (
            logistic(LogisticParams { steps_max: 1, ..Default::default() }),
            "the regression did not settle within 1 steps",
        ),
        (boosted(BoostedParams { depth: 5, ..Default::default() }), "depth is 5, it must be between 1 and 4"),
        (boosted(BoostedParams { rate: 0.0, ..Default::default() }), "rate is 0, it must be between 0.0001 and 1"),
        (boosted(BoostedParams { bins_max: 256, ..Default::default() }), "bins_max is 256"),
        (boosted(BoostedParams { trees_max: 0, ..Default::default() }), "trees_max is 0"),
        (rolling(&[10], 10), "number of origins is 1, it must be at least 2"),
        (rolling(&[10, 10], 10), "origin 1 (10 s) is not later than the one before"),
        (rolling(&[10, 20], 0), "window_s is 0, it must be positive, in seconds"),
        (rolling(&[10, 20], 10), "origin 10 s: the training side has 1 rows, 0 of them with outcome 1"),
        (rolling(&[25, 30], 10), "origin 25 s: the test side has 1 rows, 1 of them with outcome 1"),
        (
            validate_rolling(&untimed, &[1, 2], 1, &usual, None, 1).unwrap_err().to_string(),
            "rolling validation needs the rows' times",
        ),
        (
            Logistic::fit(&wide.build().unwrap(), &LogisticParams::default()).unwrap_err().to_string(),
            "the regression would have 1255 coefficients, at most 1024 fit",
        ),
    ];
    for (found, expected) in cases {
        assert!(found.contains(expected), "expected `{expected}`, found `{found}`");
    }
}

#[test]
fn bad_scores() {
    let labels = [true, false];
    let text = |error: ClassifyError| error.to_string();
    let cases = [
        (text(auc(&[1.0], &labels, &[1.0; 2]).unwrap_err()), "scores: 1 entries, but there are 2 outcomes"),
        (text(auc(&[1.0, f64::NAN], &labels, &[1.0; 2]).unwrap_err()), "row 1: the score is NaN"),
        (text(auc(&[1.0, 2.0], &[true, true], &[1.0; 2]).unwrap_err()), "all 2 rows have outcome 1"),
        (text(brier(&[0.5, 1.5], &labels, &[1.0; 2]).unwrap_err()), "row 1: the score is 1.5"),
        (text(log_loss(&[0.5, -0.5], &labels, &[1.0; 2]).unwrap_err()), "row 1: the score is -0.5"),
        (text(log_loss(&[0.5, 0.5], &labels, &[1.0]).unwrap_err()), "weights: 1 entries, but there are 2 outcomes"),
        (text(brier(&[], &[], &[]).unwrap_err()), "the table has no rows"),
        (text(reliability(&[0.5, 0.5], &labels, &[1.0; 2], 0).unwrap_err()), "n_bins is 0, it must be at least 1"),
        (text(lift(&[f64::NAN, 0.5], &labels, &[1.0; 2]).unwrap_err()), "row 0: the score is NaN"),
    ];
    for (found, expected) in cases {
        assert!(found.contains(expected), "expected `{expected}`, found `{found}`");
    }
}
