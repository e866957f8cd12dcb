//! Results that can be computed by hand, or in another plain way.

use vitrine_learn::classify::*;
use vitrine_learn::resample::Stream;

use crate::{made_up, mixed};

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected} within {tolerance}");
}

fn bools(labels: &[u8]) -> Vec<bool> {
    labels.iter().map(|label| *label == 1).collect()
}

#[test]
fn a_two_by_two_table_gives_its_log_odds_ratio() {
    // x = 0: 10 of 40, x = 1: 30 of 40. Log-odds -ln 3 and ln 3; x has mean 0.5 and deviation 0.5.
    let mut x = vec![0.0; 40];
    x.extend(vec![1.0; 40]);
    let labels: Vec<f64> =
        (0..80).map(|row| if row < 40 { row < 10 } else { row < 70 }).map(|l| f64::from(u8::from(l))).collect();
    let table = Table::builder(&labels).number("x", x).build().unwrap();
    let model = Logistic::fit(&table, &LogisticParams { l2: 1e-6, ..Default::default() }).unwrap();
    near(f64::from(model.intercept), 0.0, 1e-6);
    let Term::Number { mean, scale, weight, missing } = model.terms[0] else { panic!() };
    assert_eq!((mean, scale, missing), (0.5, 0.5, 0.0));
    near(f64::from(weight), 3_f64.ln(), 1e-6);
    near(sigmoid(model.margin(&[1.0])), 0.75, 1e-6);
    assert!(model.steps <= 10, "{}", model.steps);
}

#[test]
fn a_category_alone_gives_its_rates() {
    // 1 of 4, 3 of 4, and the unknown value 2 of 4.
    let labels = [1., 0., 0., 0., 1., 1., 1., 0., 1., 1., 0., 0.];
    let codes = [0, 0, 0, 0, 1, 1, 1, 1, 7, 7, 7, 7].to_vec();
    let table = Table::builder(&labels).category("c", codes, vec!["a".into(), "b".into()]).build().unwrap();
    let model = Logistic::fit(&table, &LogisticParams { l2: 1e-6, ..Default::default() }).unwrap();
    for (code, rate) in [(0.0, 0.25), (1.0, 0.75), (2.0, 0.5), (0.5, 0.5), (-1.0, 0.5), (f64::NAN, 0.5)] {
        near(sigmoid(model.margin(&[code])), rate, 1e-5);
    }
}

#[test]
fn penalised_coefficients_lie_at_the_minimum() {
    let table = mixed(400, 3);
    for (l2, l1) in [(0.5, 0.0), (20.0, 0.0), (0.5, 4.0)] {
        let model = Logistic::fit(&table, &LogisticParams { l2, l1, ..Default::default() }).unwrap();
        // The objective, written down once more.
        let objective = |model: &Logistic| {
            let loss = |row: usize| {
                let margin = model.margin(&table.row(row));
                let label = f64::from(u8::from(table.labels()[row]));
                table.weights()[row] * ((1.0 + margin.exp()).ln() - label * margin)
            };
            let penalty = |c: f32| 0.5 * l2 * f64::from(c * c) + l1 * f64::from(c.abs());
            let penalties = model.terms.iter().map(|term| match term {
                Term::Number { weight, missing, .. } => penalty(*weight) + penalty(*missing),
                Term::Category { weights, unknown } => {
                    weights.iter().map(|w| penalty(*w)).sum::<f64>() + penalty(*unknown)
                }
            });
            (0..table.n_rows()).map(loss).sum::<f64>() + penalties.sum::<f64>()
        };
        let best = objective(&model);
        let mut n_moved = 0;
        for by in [-0.02_f32, 0.02] {
            for place in 0..9 {
                let mut moved = model.clone();
                let mut cells: Vec<&mut f32> = vec![&mut moved.intercept];
                for term in &mut moved.terms {
                    match term {
                        Term::Number { weight, missing, .. } => cells.extend([weight, missing]),
                        Term::Category { weights, unknown } => cells.extend(weights.iter_mut().chain([unknown])),
                    }
                }
                assert_eq!(cells.len(), 9);
                *cells[place] += by;
                assert!(objective(&moved) > best, "l2 {l2}, l1 {l1}, coefficient {place} moved by {by}");
                n_moved += 1;
            }
        }
        assert_eq!(n_moved, 18);
    }
}

#[test]
fn a_penalty_on_sizes_takes_noise_out() {
    let table = made_up(2000, 4, 8, |x| 1.5 * x[0]).build().unwrap();
    let model = Logistic::fit(&table, &LogisticParams { l1: 80.0, ..Default::default() }).unwrap();
    let weights: Vec<f32> = model
        .terms
        .iter()
        .map(|term| match term {
            Term::Number { weight, .. } => *weight,
            Term::Category { .. } => panic!(),
        })
        .collect();
    assert!(weights[0] > 0.8, "{weights:?}");
    assert_eq!(weights[1..], [0.0; 3]);
}

#[test]
fn weights_count_as_copies() {
    let labels = [0., 1., 0., 1., 1.];
    let x = [0., 1., 2., 3., 1.];
    let weighted = Table::builder(&labels).number("x", x.to_vec()).weights(vec![2., 1., 1., 1., 3.]).build().unwrap();
    let copies = [0, 0, 1, 2, 3, 4, 4, 4].map(|row: usize| (labels[row], x[row]));
    let copied = Table::builder(&copies.map(|c| c.0)).number("x", copies.map(|c| c.1).to_vec()).build().unwrap();
    let params = LogisticParams { l2: 1e-6, ..Default::default() };
    let (a, b) = (Logistic::fit(&weighted, &params).unwrap(), Logistic::fit(&copied, &params).unwrap());
    for x in x {
        near(a.margin(&[x]), b.margin(&[x]), 1e-4);
    }
    let scores = [0.3, 0.9, 0.3, 0.5, 0.2];
    let copied_scores: Vec<f64> = [0, 0, 1, 2, 3, 4, 4, 4].map(|row: usize| scores[row]).to_vec();
    let of_weights = auc(&scores, weighted.labels(), weighted.weights()).unwrap();
    near(of_weights, auc(&copied_scores, copied.labels(), copied.weights()).unwrap(), 1e-12);
}

#[test]
fn one_split_gives_newton_steps() {
    // 40 rows each side, 10 and 30 with outcome 1: base 0, slopes +10 and -10, curvature 10 each.
    let mut x = vec![0.0; 40];
    x.extend(vec![1.0; 40]);
    let labels: Vec<f64> =
        (0..80).map(|row| if row < 40 { row < 10 } else { row < 70 }).map(|l| f64::from(u8::from(l))).collect();
    let table = Table::builder(&labels).number("x", x).build().unwrap();
    let params = BoostedParams { depth: 1, trees_max: 1, rate: 1.0, l2: 2.0, ..Default::default() };
    let model = Boosted::fit(&table, &params, 1).unwrap();
    let split = Node::Split { feature: 0, test: Test::Below(0.5), yes: 1, no: 2, missing: 2 };
    let step = (10.0 / 12.0) as f32;
    assert_eq!((model.base, &model.trees[0].nodes), (0.0, &vec![split, Node::Leaf(-step), Node::Leaf(step)]));
    near(model.margin(&[0.0]), -f64::from(step), 0.0);
}

#[test]
fn areas_under_the_curve() {
    let ones = |n: usize| vec![1.0; n];
    let check = |scores: &[f64], labels: &[u8], expected: f64| {
        near(auc(scores, &bools(labels), &ones(scores.len())).unwrap(), expected, 1e-15);
    };
    check(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1], 0.75);
    check(&[1., 1., 2., 2.], &[0, 1, 0, 1], 0.5);
    check(&[1., 2., 2., 3.], &[0, 0, 1, 1], 0.875);
    check(&[-0.0, 0.0], &[1, 0], 0.5);
    check(&[f64::NEG_INFINITY, f64::INFINITY], &[0, 1], 1.0);
    // Against all pairs, with many ties.
    let mut stream = Stream::new(5, "pairs");
    let scores: Vec<f64> = (0..200).map(|_| stream.below(20) as f64).collect();
    let labels: Vec<bool> = (0..200).map(|_| stream.below(3) == 0).collect();
    let (mut won, mut pairs) = (0.0, 0.0);
    for (a, is_a) in scores.iter().zip(&labels).filter(|(_, l)| **l) {
        for (b, _) in scores.iter().zip(&labels).filter(|(_, l)| **l != *is_a) {
            won += if a > b {
                1.0
            } else if a == b {
                0.5
            } else {
                0.0
            };
            pairs += 1.0;
        }
    }
    near(auc(&scores, &labels, &ones(200)).unwrap(), won / pairs, 1e-14);
}

#[test]
fn losses_by_hand() {
    let labels = bools(&[0, 1, 1, 0]);
    near(brier(&[0.1, 0.9, 0.8, 0.3], &labels, &[1.; 4]).unwrap(), 0.0375, 1e-15);
    near(log_loss(&[0.1, 0.9, 0.65, 0.2], &labels, &[1.; 4]).unwrap(), 0.216_161_874_68, 1e-10);
    // -ln of 1e-12, and nothing.
    near(log_loss(&[1.0, 1.0], &bools(&[0, 1]), &[1.; 2]).unwrap(), 27.631_021_115_928_547 / 2.0, 1e-3);
    near(brier(&[0.0, 1.0], &bools(&[1, 0]), &[3.0, 1.0]).unwrap(), 1.0, 0.0);
}

#[test]
fn isotonic_steps_by_hand() {
    let steps = |scores: &[f64], labels: &[u8], weights: &[f64]| -> Vec<(f64, f64, f64, f64)> {
        let blocks = isotonic_blocks(scores, &bools(labels), weights);
        blocks.iter().map(|b| (b.from, b.until, b.rate, b.weight)).collect()
    };
    assert_eq!(steps(&[1., 2., 3., 4., 5., 6.], &[1, 0, 1, 0, 1, 1], &[1.; 6]), [(1., 4., 0.5, 4.), (5., 6., 1., 2.)]);
    assert_eq!(steps(&[1., 2., 3.], &[1, 0, 1], &[1., 3., 1.]), [(1., 2., 0.25, 4.), (3., 3., 1., 1.)]);
    // Equal scores share a step, in any order of rows.
    assert_eq!(steps(&[2., 1., 2., 1.], &[0, 0, 1, 0], &[1.; 4]), [(1., 1., 0., 2.), (2., 2., 0.5, 2.)]);
    assert_eq!(steps(&[3., 2., 1.], &[0, 0, 1], &[1.; 3]), [(1., 3., 1. / 3., 3.)]);
    assert!(steps(&[f64::NAN], &[1], &[1.]).is_empty());
}

#[test]
fn reliability_by_hand() {
    // Ten of chance 0.2 with one outcome, ten of 0.9 with eight.
    let chances: Vec<f64> = (0..20).map(|row| if row < 10 { 0.2 } else { 0.9 }).collect();
    let labels: Vec<bool> = (0..20).map(|row| row == 3 || row >= 12).collect();
    let rows = reliability(&chances, &labels, &[1.0; 20], 10).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].n_rows, rows[0].from, rows[0].until), (10, 0.2, 0.2));
    near(rows[0].predicted, 0.2, 1e-15);
    near(rows[0].observed, 0.1, 1e-15);
    // Wilson's interval of 8 in 10.
    near(rows[1].observed_low, 0.490_162, 1e-6);
    near(rows[1].observed_high, 0.943_318, 1e-6);
    near(Measures::of(&chances, &labels, &[1.0; 20]).unwrap().calibration_error, 0.1, 1e-12);
}

#[test]
fn lift_by_hand() {
    let scores: Vec<f64> = (1..=10).map(f64::from).collect();
    let labels = bools(&[0, 0, 0, 0, 1, 0, 0, 0, 1, 1]);
    let rows = lift(&scores, &labels, &[1.0; 10]).unwrap();
    let gains = [1., 2., 2., 2., 2., 3., 3., 3., 3., 3.].map(|n| n / 3.0);
    for (row, gain) in rows.iter().zip(gains) {
        near(row.gain, gain, 1e-12);
        near(row.lift_so_far, gain / (f64::from(row.tenth) / 10.0), 1e-12);
    }
    near(rows[0].lift, 10.0 / 3.0, 1e-12);
    near(rows[2].lift, 0.0, 1e-12);
    // Without differences nothing is gained, whatever the order.
    for row in lift(&[0.5; 25], &(0..25).map(|row| row < 5).collect::<Vec<bool>>(), &[1.0; 25]).unwrap() {
        near(row.lift, 1.0, 1e-12);
    }
}
