//! Distributions that moved by a known amount, and reports that were stored, read and damaged.

use vitrine_learn::drift::{BinnedDistribution, Bins, DriftError, Verdict, ks_test, psi};
use vitrine_learn::resample::Stream;

fn normals(n: usize, shift: f64, seed: u64) -> Vec<f64> {
    let mut stream = Stream::new(seed, "test.drift");
    (0..n).map(|_| shift + stream.normal()).collect()
}

#[test]
fn a_build_compares_with_the_stored_one() {
    let earlier = BinnedDistribution::of_numbers(&normals(20_000, 0.0, 1), 10);
    let stored = serde_json::to_string(&earlier).unwrap();
    let earlier: BinnedDistribution = serde_json::from_str(&stored).unwrap();
    assert!(earlier.counts.iter().all(|count| (1_990..=2_010).contains(count)));
    let drift = |shift| earlier.drift_to(&earlier.recount(&normals(20_000, shift, 2)).unwrap()).unwrap();
    assert!(drift(0.0).psi < 0.005 && drift(0.0).verdict == Verdict::Stable);
    // Without bins, the index of two normals a distance d apart is d^2: ten bins lose a little.
    assert!((drift(0.4).psi - 0.16).abs() < 0.02, "{}", drift(0.4).psi);
    assert_eq!(drift(0.4).verdict, Verdict::Shifted);
    assert_eq!(drift(0.8).verdict, Verdict::Different);
    let sum: f64 = drift(0.8).bins.iter().map(|bin| bin.psi_part).sum();
    assert!((sum - drift(0.8).psi).abs() < 1e-12);
    assert_eq!(drift(0.8).bins.len(), 11);
}

#[test]
fn numbers_that_equal_a_border_stay_in_their_bin() {
    // Prices with cents: the borders are stored with 15 figures, and equal prices fall into equal bins before and after.
    let prices: Vec<f64> = (0..5_000).map(|i| f64::from(i % 997) * 0.1 + 0.07).collect();
    let earlier = BinnedDistribution::of_numbers(&prices, 10);
    let read: BinnedDistribution = serde_json::from_str(&serde_json::to_string(&earlier).unwrap()).unwrap();
    assert_eq!(read, earlier);
    let again = read.recount(&prices).unwrap();
    assert_eq!(again, earlier);
    assert_eq!(earlier.drift_to(&again).unwrap().psi, 0.0);
}

#[test]
fn missing_and_new_values_count() {
    let earlier = BinnedDistribution::of_values([Some("web"), Some("web"), Some("app"), Some("store"), None], 2);
    assert_eq!(earlier.bins, Bins::Values { values: vec!["web".into(), "app".into()] });
    assert_eq!((earlier.counts.as_slice(), earlier.n_missing), ([2, 1, 1].as_slice(), 1));
    let later = earlier.recount_values([Some("web"), Some("fax"), Some("app"), Some("app"), None]).unwrap();
    assert_eq!((later.counts.as_slice(), later.n_missing), ([1, 2, 1].as_slice(), 1));
    let drift = earlier.drift_to(&later).unwrap();
    // web .4 to .2, app .2 to .4: .2 ln 2 each.
    assert!((drift.psi - 0.4 * 2f64.ln()).abs() < 1e-12);
    assert_eq!(drift.verdict, Verdict::Different);
    let names: Vec<&str> = drift.bins.iter().map(|bin| bin.bin.as_str()).collect();
    assert_eq!(names, ["web", "app", "(other)", "(missing)"]);
    // Values that vanish are drift too.
    let numbers = BinnedDistribution::of_numbers(&[1.0, 2.0, 3.0, 4.0], 2);
    let drift = numbers.drift_to(&numbers.recount(&[1.0, f64::NAN, f64::NAN, 4.0]).unwrap()).unwrap();
    assert_eq!(drift.bins[2].later_share, 0.5);
    assert_eq!(drift.verdict, Verdict::Different);
    assert_eq!(drift.bins[0].bin, "up to 2");
}

#[test]
fn a_constant_becomes_one_bin() {
    let constant = BinnedDistribution::of_numbers(&[5.0; 9], 10);
    assert_eq!(constant.counts, [9]);
    let drift = constant.drift_to(&constant.recount(&[6.0]).unwrap()).unwrap();
    assert_eq!((drift.psi, drift.bins[0].bin.as_str()), (0.0, "(all)"));
    let nothing = BinnedDistribution::of_numbers(&[], 10);
    assert_eq!(nothing.drift_to(&constant).unwrap().verdict, Verdict::Unknown);
}

#[test]
fn p_values_are_even_without_drift_and_small_with() {
    let mut small = 0;
    for trial in 0..400 {
        let test = ks_test(&normals(80, 0.0, 2 * trial + 10), &normals(120, 0.0, 2 * trial + 11));
        small += u32::from(test.p_value < 0.1);
    }
    // 40 expected, standard deviation 6.
    assert!((22..=60).contains(&small), "{small}");
    assert!(ks_test(&normals(200, 0.0, 1), &normals(200, 1.0, 2)).p_value < 1e-6);
}

#[test]
fn damaged_and_foreign_reports_are_refused() {
    let numbers = BinnedDistribution::of_numbers(&[1.0, 2.0, 3.0, 4.0], 4);
    let values = BinnedDistribution::of_values([Some("a")], 3);
    let says = |error: DriftError, words: &str| assert!(error.to_string().contains(words), "{error}");
    says(numbers.recount_values([Some("a")]).unwrap_err(), "was a number in the earlier build and is a category now");
    says(values.recount(&[1.0]).unwrap_err(), "was a category in the earlier build and is a number now");
    says(numbers.drift_to(&values).unwrap_err(), "different bins");
    says(numbers.drift_to(&BinnedDistribution::of_numbers(&[1.0, 9.0], 4)).unwrap_err(), "different bins");
    let mut cut = numbers.clone();
    cut.counts.pop();
    says(cut.recount(&[1.0]).unwrap_err(), "3 counts for 4 bins");
    says(numbers.drift_to(&cut).unwrap_err(), "3 counts for 4 bins");
    let with = |borders: Vec<f64>| BinnedDistribution { bins: Bins::Numbers { borders }, ..numbers.clone() };
    says(with(vec![1.0, 3.0, 2.0]).recount(&[]).unwrap_err(), "border 2 of the stored distribution");
    says(with(vec![1.0, 1.0, 2.0]).recount(&[]).unwrap_err(), "border 1 of the stored distribution");
    says(with(vec![1.0, f64::NAN, 2.0]).recount(&[]).unwrap_err(), "border 1 of the stored distribution");
    for broken in [
        r#"{"bins":{"kind":"numbers","borders":[1.0]},"counts":[1,2]}"#,
        r#"{"bins":{"kind":"numbers","borders":[null]},"counts":[1,2],"n_missing":0}"#,
        r#"{"bins":{"kind":"letters"},"counts":[1,2],"n_missing":0}"#,
        r#"{"bins":{"kind":"values","values":["a"]},"counts":[1,-2],"n_missing":0}"#,
        r#"{"bins":{"kind":"values","values":["a"]},"counts":[1,2],"n_missing":0,"more":1}"#,
    ] {
        assert!(serde_json::from_str::<BinnedDistribution>(broken).is_err(), "{broken}");
    }
    assert!(psi(&[1, 2], &[1]).is_nan());
}
