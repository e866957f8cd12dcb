//! How long the fit of customer value takes for a large shop: `cargo run --release -p vitrine-learn --example clv_scale`.
//!
//! Two shops of 250,000 customers. One has made-up customers who joined on any day of two years, so that most rows of repeat
//! buyers differ; the other copies of a small one, so that rows collapse to a thousand.

use std::time::Instant;
use vitrine_learn::resample::Stream;
use vitrine_learn::value::{BgNbd, GammaGamma, Repeat, Terms, Valuation};

const N: usize = 250_000;

fn main() {
    let mut stream = Stream::new(1, "clv_scale");
    let rows: Vec<(Repeat, f64)> = (0..N).map(|_| customer(&mut stream, 730)).collect();
    measure("all days of two years", &rows);
    let small: Vec<(Repeat, f64)> = (0..N / 100).map(|_| customer(&mut stream, 90)).collect();
    measure("a hundred copies of 2,500", &small.repeat(100));
}

fn measure(what: &str, rows: &[(Repeat, f64)]) {
    let repeats: Vec<Repeat> = rows.iter().map(|(repeat, _)| *repeat).collect();
    let means: Vec<(u32, f64)> = rows.iter().map(|(repeat, mean)| (repeat.x, *mean)).collect();
    let start = Instant::now();
    let fit = BgNbd::fit(&repeats);
    let purchases_ms = start.elapsed().as_millis();
    let start = Instant::now();
    let values = GammaGamma::fit(&means);
    let values_ms = start.elapsed().as_millis();
    let (Ok(fit), Ok(values)) = (fit, values) else {
        println!("{what}: no fit");
        return;
    };
    println!(
        "{what}: {} customers, {} different rows; BG/NBD in {purchases_ms} ms ({} evaluations): r {:.4} alpha {:.4} a {:.4} b {:.4}; \
         Gamma-Gamma in {values_ms} ms ({} evaluations): p {:.3} q {:.3} v {:.3}",
        rows.len(),
        fit.n_rows,
        fit.n_evaluations,
        fit.r,
        fit.alpha,
        fit.a,
        fit.b,
        values.n_evaluations,
        values.p,
        values.q,
        values.v
    );
    let start = Instant::now();
    if let Ok(valuation) = Valuation::new(&fit, &values, Terms::default()) {
        let total: f64 = valuation.customers(rows).iter().map(|value| value.clv).sum();
        println!("{what}: values with intervals in {} ms, {total:.0} in all", start.elapsed().as_millis());
    }
}

/// A customer of r 1, alpha 8, a 1, b 3, p 4, q 4, v 30, who joined on any day before the last four weeks.
fn customer(stream: &mut Stream, days: u64) -> (Repeat, f64) {
    let mut wait = |n: u32| (0..n).map(|_| -(1.0 - stream.unit()).ln()).sum::<f64>();
    let rate = wait(1) / 8.0;
    let (one, other) = (wait(1), wait(3));
    let leaving = one / (one + other);
    let spending_rate = wait(4) / 30.0;
    let age = 28 + stream.below(days) as i64;
    let (mut now, mut x, mut last, mut spent) = (0.0, 0u32, 0, 0.0);
    loop {
        now -= 7.0 * (1.0 - stream.unit()).ln() / rate;
        // Purchases count by days; two of one day are one.
        let day = now.ceil() as i64;
        if day > age {
            break;
        }
        if day > last {
            spent -= (0..4).map(|_| (1.0 - stream.unit()).ln()).sum::<f64>() / spending_rate;
            (x, last) = (x + 1, day);
        }
        if stream.unit() < leaving {
            break;
        }
    }
    let mean = if x > 0 { (spent / f64::from(x) * 100.0).round().max(1.0) / 100.0 } else { 0.0 };
    (Repeat { x, t_x: last as f64 / 7.0, t: age as f64 / 7.0 }, mean)
}
