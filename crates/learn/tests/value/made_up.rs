//! Made-up customers of known parameters: what was put in must come out.

use crate::{near, repeat, within};
use vitrine_learn::resample::Stream;
use vitrine_learn::value::{
    BgNbd, GammaGamma, MbgNbd, PurchaseLaw, PurchaseModel, Repeat, Terms, Valuation, Warning, clv,
};

fn exponential(stream: &mut Stream) -> f64 {
    -(1.0 - stream.unit()).ln()
}

/// A gamma draw of a whole shape: the sum of waiting times. Another way than that of the library.
fn gamma(stream: &mut Stream, shape: u32) -> f64 {
    (0..shape).map(|_| exponential(stream)).sum()
}

/// Customers of `[r, alpha, a, b]` (whole shapes), watched for up to 52 weeks, by days. With the purchases of the year after.
fn customers(model: PurchaseModel, [r, alpha, a, b]: [u32; 4], n: u32, seed: u64) -> Vec<(Repeat, u32)> {
    let mut stream = Stream::new(seed, "value.made_up");
    (0..n)
        .map(|_| {
            let rate = gamma(&mut stream, r) / f64::from(alpha);
            let (one, other) = (gamma(&mut stream, a), gamma(&mut stream, b));
            let leaving = one / (one + other);
            let t = (182 + stream.below(183)) as f64 / 7.0;
            let (mut now, mut x, mut t_x, mut n_after) = (0.0, 0, 0.0, 0);
            let mut is_there = model == PurchaseModel::BgNbd || stream.unit() >= leaving;
            while is_there {
                now += exponential(&mut stream) / rate;
                if now > t + 52.0 {
                    break;
                }
                if now > t {
                    n_after += 1;
                } else {
                    // A fraction of a day, so that no purchase falls on the first one or after the end.
                    (x, t_x) = (x + 1, ((now * 70.0).ceil() / 70.0).min(t));
                }
                is_there = stream.unit() >= leaving;
            }
            (repeat(x, t_x, t), n_after)
        })
        .collect()
}

#[test]
fn parameters_are_recovered() {
    for (model, truth) in [(PurchaseModel::BgNbd, [1, 6, 1, 3]), (PurchaseModel::MbgNbd, [2, 12, 1, 2])] {
        let made = customers(model, truth, 30_000, 5);
        let rows: Vec<Repeat> = made.iter().map(|(repeat, _)| *repeat).collect();
        let fit = if model == PurchaseModel::BgNbd { BgNbd::fit(&rows) } else { MbgNbd::fit(&rows) }.unwrap();
        println!("{fit:?}");
        assert!(fit.warnings.is_empty(), "{:?}", fit.warnings);
        let covariance = fit.covariance.unwrap();
        for (idx, (found, truth)) in [fit.r, fit.alpha, fit.a, fit.b].into_iter().zip(truth).enumerate() {
            // Within four standard errors, which are small.
            let error = covariance[idx][idx].sqrt();
            assert!(error < 0.1, "standard error {error}");
            within("logarithm of a parameter", found.ln(), f64::from(truth).ln(), 4.0 * error);
        }
        let known = PurchaseLaw::new(model, truth.map(f64::from)).unwrap();
        let of_truth = known.log_likelihood(&rows).unwrap();
        assert!(fit.log_likelihood >= of_truth && fit.log_likelihood - of_truth < 12.0);
        within("same function", fit.law.log_likelihood(&rows).unwrap(), fit.log_likelihood, 1e-6);

        // The model's own customers do what it expects of them.
        let expected: f64 = rows.iter().map(|repeat| fit.expected(*repeat, 52.0)).sum();
        let happened: f64 = made.iter().map(|(_, n_after)| f64::from(*n_after)).sum();
        near("purchases of the next year", expected, happened, 0.03);
        // By number of repeat purchases too.
        for x in 0..6 {
            let of_x = made.iter().filter(|(repeat, _)| repeat.x == x);
            let expected: f64 = of_x.clone().map(|(repeat, _)| fit.expected(*repeat, 52.0)).sum();
            let happened: f64 = of_x.map(|(_, n_after)| f64::from(*n_after)).sum();
            near(&format!("purchases after {x}"), expected, happened, 0.12);
        }
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let mut rows: Vec<Repeat> =
        customers(PurchaseModel::BgNbd, [1, 6, 1, 3], 3_000, 6).into_iter().map(|(repeat, _)| repeat).collect();
    let fit = BgNbd::fit(&rows).unwrap();
    Stream::new(1, "order").shuffle(&mut rows);
    assert_eq!(BgNbd::fit(&rows).unwrap(), fit);
}

/// Each customer ten times over: the same optimum, ten times the likelihood.
#[test]
fn copies_change_nothing_but_the_certainty() {
    let rows: Vec<Repeat> =
        customers(PurchaseModel::BgNbd, [1, 6, 1, 3], 2_000, 7).into_iter().map(|(repeat, _)| repeat).collect();
    let (one, ten) = (BgNbd::fit(&rows).unwrap(), BgNbd::fit(&rows.repeat(10)).unwrap());
    near("likelihood", ten.log_likelihood, 10.0 * one.log_likelihood, 1e-9);
    for (one, ten) in [(one.r, ten.r), (one.alpha, ten.alpha), (one.a, ten.a), (one.b, ten.b)] {
        near("parameter", ten, one, 1e-3);
    }
    near("variance", ten.covariance.unwrap()[0][0], one.covariance.unwrap()[0][0] / 10.0, 1e-2);
    assert_eq!(one.n_rows, ten.n_rows);
}

/// Customers who never stop: the fit stays in its box, and says that dropout is not to be seen.
#[test]
fn without_dropout_the_fit_says_so() {
    let mut stream = Stream::new(8, "value.made_up.nbd");
    let rows: Vec<Repeat> = (0..4_000)
        .map(|_| {
            let rate = gamma(&mut stream, 1) / 10.0;
            let (mut now, mut x, mut t_x) = (0.0, 0, 0.0);
            loop {
                now += exponential(&mut stream) / rate;
                if now > 52.0 {
                    return repeat(x, t_x, 52.0);
                }
                (x, t_x) = (x + 1, now);
            }
        })
        .collect();
    let fit = BgNbd::fit(&rows).unwrap();
    println!("{fit:?}");
    assert!(fit.log_likelihood.is_finite() && (fit.log_likelihood - fit.nbd.log_likelihood).abs() < 5.0);
    assert!(fit.warnings.iter().any(|warning| matches!(warning, Warning::DropoutUnclear { .. })), "{:?}", fit.warnings);
    let alive: f64 = rows.iter().map(|repeat| fit.p_alive(*repeat)).sum::<f64>() / 4_000.0;
    assert!(alive > 0.97, "{alive}");
    near("expected", rows.iter().map(|r| fit.expected(*r, 10.0)).sum::<f64>(), 4_000.0, 0.08);
}

#[test]
fn few_customers_are_a_warning() {
    let rows = [repeat(2, 10.0, 30.0), repeat(1, 3.0, 25.0), repeat(0, 0.0, 20.0), repeat(4, 19.0, 20.0)];
    let fit = BgNbd::fit(&rows).unwrap();
    assert!(fit.warnings.iter().any(|warning| matches!(warning, Warning::FewRepeat { n_repeat: 3, .. })));
    assert!(rows.iter().all(|row| fit.expected(*row, 52.0).is_finite()));
    assert!(BgNbd::fit(&[repeat(1, 2.0, 3.0)]).is_ok());
}

/// Means of repeat purchases of known p, q, v.
fn means([p, q, v]: [u32; 3], n: u32) -> Vec<(u32, f64)> {
    let mut stream = Stream::new(9, "value.made_up.means");
    (0..n)
        .map(|_| {
            let x = stream.below(6) as u32;
            let rate = gamma(&mut stream, q) / f64::from(v);
            let sum: f64 = (0..x).map(|_| gamma(&mut stream, p) / rate).sum();
            (x, if x == 0 { 0.0 } else { sum / f64::from(x) })
        })
        .collect()
}

#[test]
fn values_are_recovered_in_any_currency() {
    let rows = means([4, 3, 20], 20_000);
    let fit = GammaGamma::fit(&rows).unwrap();
    println!("{fit:?}");
    let covariance = fit.covariance.unwrap();
    for (idx, (found, truth)) in [fit.p, fit.q, fit.v].into_iter().zip([4.0f64, 3.0, 20.0]).enumerate() {
        let error = covariance[idx][idx].sqrt();
        assert!(error < 0.1, "standard error {error}");
        within("logarithm of a parameter", found.ln(), truth.ln(), 4.0 * error);
    }
    for unit in [100.0, 1e-3, 1e6] {
        let scaled: Vec<(u32, f64)> = rows.iter().map(|(x, mean)| (*x, mean * unit)).collect();
        let other = GammaGamma::fit(&scaled).unwrap();
        near("v", other.v, fit.v * unit, 1e-4);
        near("mean", other.expected_mean(2, 30.0 * unit), fit.expected_mean(2, 30.0) * unit, 1e-4);
        near("likelihood", other.log_likelihood, fit.log_likelihood - fit.n_customers as f64 * f64::ln(unit), 1e-6);
    }
}

/// One price for all, and means without a mean: the fit stays usable and says what is strange.
#[test]
fn strange_values_keep_finite() {
    let one_price: Vec<(u32, f64)> = (1..500).map(|x| (x % 5 + 1, 9.99)).collect();
    let fit = GammaGamma::fit(&one_price).unwrap();
    println!("{fit:?}");
    near("price", fit.expected_mean(0, 0.0), 9.99, 0.01);
    near("price", fit.expected_mean(3, 9.99), 9.99, 0.01);
    assert!(!fit.warnings.is_empty());
    let wild: Vec<(u32, f64)> = (0..400).map(|idx| (1, f64::from(idx % 40 - 20).exp())).collect();
    let fit = GammaGamma::fit(&wild).unwrap();
    println!("{fit:?}");
    assert!(fit.q > 1.0 && fit.expected_mean(0, 0.0).is_finite());
    assert!(
        fit.warnings.iter().any(|warning| matches!(warning, Warning::NoPopulationMean { .. })),
        "{:?}",
        fit.warnings
    );
}

/// The simulation behind the intervals has the mean that the formula has.
#[test]
fn simulated_lives_agree_with_the_formula() {
    let rows: Vec<Repeat> =
        customers(PurchaseModel::BgNbd, [1, 6, 1, 3], 3_000, 10).into_iter().map(|(repeat, _)| repeat).collect();
    let values = GammaGamma::fit(&means([4, 6, 60], 4_000)).unwrap();
    for purchases in [BgNbd::fit(&rows).unwrap(), MbgNbd::fit(&rows).unwrap()] {
        let customer = repeat(5, 24.0, 30.0);
        // Narrow intervals around the middle: with level near 0 both ends are the median, so the mean is checked by a sum of
        // quantiles instead.
        let n = 20;
        let mut mean = 0.0;
        for part in 0..n {
            let level = (2.0 * f64::from(part) + 1.0) / (2.0 * f64::from(n));
            let terms = Terms { level, n_draws: 10_000, seed: 3, ..Terms::default() };
            let value = Valuation::new(&purchases, &values, terms).unwrap().customers(&[(customer, 12.0)])[0];
            mean += (value.low + value.high) / (2.0 * f64::from(n));
        }
        let expected = clv(&purchases, &values, customer, 12.0, 12, 0.01);
        near("mean of the simulation", mean, expected, 0.05);
    }
}

#[test]
fn intervals_do_not_depend_on_company() {
    let rows: Vec<Repeat> =
        customers(PurchaseModel::BgNbd, [1, 6, 1, 3], 500, 11).into_iter().map(|(repeat, _)| repeat).collect();
    let values = GammaGamma::fit(&means([4, 6, 60], 1_000)).unwrap();
    let purchases = BgNbd::fit(&rows).unwrap();
    let valuation = Valuation::new(&purchases, &values, Terms { n_draws: 100, ..Terms::default() }).unwrap();
    let all: Vec<(Repeat, f64)> = rows.iter().enumerate().map(|(idx, row)| (*row, 10.0 + (idx % 7) as f64)).collect();
    let valued = valuation.customers(&all);
    for (row, value) in all.iter().zip(&valued).step_by(37) {
        assert_eq!(valuation.customers(&[*row])[0], *value);
    }
    let segments: Vec<u32> = (0..500).map(|idx| idx % 3).collect();
    let found = valuation.segments(&all, &segments);
    let (mut pairs, mut n) = (all.iter().copied().zip(segments).collect::<Vec<_>>(), 0);
    Stream::new(2, "order").shuffle(&mut pairs);
    let (all, segments): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    for (one, other) in found.iter().zip(valuation.segments(&all, &segments)) {
        assert_eq!(*one, other);
        n += 1;
    }
    assert_eq!(n, 3);
    // A customer who surely left brings nothing, one who may have left perhaps nothing.
    let gone = valuation.customers(&[(repeat(30, 3.0, 52.0), 12.0)])[0];
    assert_eq!((gone.low.to_bits(), gone.high.to_bits()), (0, 0));
}
