//! Assignment as a statistician sees it. The ids are fixed, so these tests cannot fail by chance.

use crate::{payload, visitor};
use vitrine_flags::specification::{bucket_ranges, choose_variation, hash};
use vitrine_flags::{Context, Evaluation, Json};

const N_IDS: u32 = 1_000_000;

/// Counts `of(id)` for a million ids.
fn counted(n: usize, of: impl Fn(&str) -> Option<usize>) -> Vec<u32> {
    let mut counts = vec![0; n];
    for id in 0..N_IDS {
        if let Some(at) = of(&format!("visitor-{id}")) {
            counts[at] += 1;
        }
    }
    counts
}

fn chi_square(observed: &[u32], expected: &[f64]) -> f64 {
    observed.iter().zip(expected).map(|(seen, expected)| (f64::from(*seen) - expected).powi(2) / expected).sum()
}

#[test]
fn buckets_are_uniform() {
    // 99.9 % of fair hashes stay below 135.8 with 99 degrees of freedom.
    for (seed, version) in [("checkout", 2), ("hero", 2), ("", 2), ("checkout", 1)] {
        let counts = counted(100, |id| hash(seed, id, version).map(|bucket| (bucket * 100.0 + 1e-9) as usize));
        let statistic = chi_square(&counts, &[f64::from(N_IDS) / 100.0; 100]);
        assert!(statistic < 148.2, "{seed} {version}: {statistic}");
    }
}

#[test]
fn variations_get_their_weights_of_the_coverage() {
    let weights = [0.5, 0.3, 0.2];
    let ranges = bucket_ranges(3, 0.4, Some(&weights));
    let counts = counted(3, |id| choose_variation(hash("layout", id, 2).unwrap(), &ranges));
    let expected = weights.map(|weight| weight * 0.4 * f64::from(N_IDS));
    // 99.9 % stay below 16.3 with 3 degrees of freedom (the visitors who are out are the fourth cell).
    let n_out = N_IDS - counts.iter().sum::<u32>();
    let statistic = chi_square(&counts, &expected) + chi_square(&[n_out], &[0.6 * f64::from(N_IDS)]);
    assert!(statistic < 16.3, "{counts:?}: {statistic}");
}

#[test]
fn experiments_are_independent_of_each_other() {
    let ranges = bucket_ranges(4, 1.0, None);
    let cell = |id: &str| {
        let one = choose_variation(hash("first", id, 2)?, &ranges)?;
        Some(one * 4 + choose_variation(hash("second", id, 2)?, &ranges)?)
    };
    let counts = counted(16, cell);
    let row = |at: usize| f64::from(counts[at * 4..at * 4 + 4].iter().sum::<u32>());
    let column = |at: usize| f64::from((0..4).map(|row| counts[row * 4 + at]).sum::<u32>());
    let expected: Vec<f64> = (0..16).map(|at| row(at / 4) * column(at % 4) / f64::from(N_IDS)).collect();
    // 99.9 % of independent pairs stay below 27.9 with 9 degrees of freedom.
    let statistic = chi_square(&counts, &expected);
    assert!(statistic < 27.9, "{statistic}");
}

#[test]
fn evaluation_assigns_as_the_hash_says() {
    let payload = payload(
        r#"{"features": {"f": {"rules": [
          {"variations": [0, 1, 2], "weights": [0.5, 0.3, 0.2], "coverage": 0.4, "key": "layout", "hashVersion": 2}
        ]}}}"#,
    );
    let ranges = bucket_ranges(3, 0.4, Some(&[0.5, 0.3, 0.2]));
    for id in 0..20_000 {
        let id = format!("visitor-{id}");
        let context: Context = visitor(&id);
        let expected = choose_variation(hash("layout", &id, 2).unwrap(), &ranges);
        let found = Evaluation::new(&payload, &context).feature("f");
        assert_eq!(found.value, &Json::from(expected.map(|at| at as f64)), "{id}");
    }
}
