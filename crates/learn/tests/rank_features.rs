//! Features whose relation to the outcome is known.

use vitrine_learn::rank_features::{
    Column, Contingency, Feature, Importance, RankError, RankSettings, chi_square, encode, mutual_information,
    rank_features,
};
use vitrine_learn::resample::Stream;

fn numbers(name: &str, values: Vec<f64>) -> Feature {
    Feature { name: name.into(), column: Column::Numbers(values) }
}

/// An outcome that follows from `signal`, from the bend of `bent` and from `city`, and features around them.
fn shop(n: usize) -> (Vec<Feature>, Vec<u32>) {
    let mut stream = Stream::new(3, "test.rank");
    let mut columns: [Vec<f64>; 5] = Default::default();
    let mut city = Vec::new();
    let mut holed = Vec::new();
    let mut outcome = Vec::new();
    for _ in 0..n {
        let [signal, bent, unrelated, more] = [stream.normal(), stream.normal(), stream.normal(), stream.normal()];
        let place = ["beijing", "shanghai", "chengdu"][stream.index(3)];
        let odds = 1.5 * signal + 1.5 * (bent * bent - 1.0) + if place == "beijing" { 1.5 } else { 0.0 };
        let class = stream.unit() < 1.0 / (1.0 + (-odds).exp());
        for (column, value) in columns.iter_mut().zip([signal, bent, unrelated, signal + 0.01 * more, 7.0]) {
            column.push(value);
        }
        city.push((stream.unit() < 0.95).then(|| place.to_owned()));
        // What is missing tells: mostly those without the outcome.
        holed.push(if stream.unit() < if class { 0.1 } else { 0.5 } { f64::NAN } else { stream.normal() });
        outcome.push(u32::from(class));
    }
    let [signal, bent, unrelated, copy, constant] = columns;
    let features = vec![
        numbers("unrelated", unrelated),
        numbers("signal", signal),
        numbers("copy_of_signal", copy),
        numbers("bent", bent),
        Feature { name: "city".into(), column: Column::Categories(city) },
        numbers("constant", constant),
        numbers("holed", holed),
        numbers("empty", vec![f64::NAN; n]),
    ];
    (features, outcome)
}

#[test]
fn what_tells_is_found_and_copies_go() {
    let (features, outcome) = shop(6_000);
    let ranking = rank_features(&features, &outcome, &RankSettings::default(), None).unwrap();
    let mut kept = ranking.kept.clone();
    kept.sort();
    assert_eq!(kept, ["bent", "city", "holed", "signal"], "{ranking:#?}");
    let find = |name: &str| ranking.features.iter().find(|feature| feature.name == name).unwrap();
    let unrelated = find("unrelated");
    assert!(!unrelated.is_kept && unrelated.p_adjusted > 0.05 && unrelated.mutual_information.bits < 0.002);
    // Related without doubt, but it adds nothing to what it is a copy of.
    assert!(find("copy_of_signal").p_adjusted < 1e-9 && !find("copy_of_signal").is_kept);
    for constant in ["constant", "empty"] {
        let found = find(constant);
        assert!(
            found.is_constant && found.rank >= 7 && found.elimination_rank.is_none() && found.chi_square.p_value == 1.0
        );
    }
    assert_eq!(find("empty").missing_share, 1.0);
    assert!((find("city").missing_share - 0.05).abs() < 0.02 && find("city").n_codes == 4);
    let ranks: Vec<usize> = ranking.features.iter().map(|feature| feature.rank).collect();
    assert_eq!(ranks, (1..=8).collect::<Vec<_>>());
    assert_eq!(ranking.classes.iter().map(|(_, rows)| rows).sum::<u64>(), 6_000);
    assert!(
        ranking.elimination_fits.windows(2).all(|pair| pair[1].1 <= pair[0].1 + 1e-9),
        "{:?}",
        ranking.elimination_fits
    );
    assert!(serde_json::to_string(&ranking).unwrap().contains("\"cramers_v\""));
}

#[test]
fn a_number_of_kept_features_can_be_asked() {
    let (features, outcome) = shop(1_000);
    let settings = RankSettings { n_keep: Some(2), ..RankSettings::default() };
    let ranking = rank_features(&features, &outcome, &settings, None).unwrap();
    assert_eq!(ranking.kept, [ranking.features[0].name.clone(), ranking.features[1].name.clone()]);
    // Constants are not kept even then.
    let settings = RankSettings { n_keep: Some(99), ..RankSettings::default() };
    assert_eq!(rank_features(&features, &outcome, &settings, None).unwrap().kept.len(), 6);
}

#[test]
fn a_model_of_the_callers_decides_the_elimination() {
    let (features, outcome) = shop(500);
    // It likes features that come late in the list.
    let mut asked = Vec::new();
    let mut importance = |positions: &[usize]| {
        asked.push(positions.to_vec());
        Ok(Importance { scores: positions.iter().map(|position| *position as f64).collect(), fit: 0.5 })
    };
    let ranking = rank_features(&features, &outcome, &RankSettings::default(), Some(&mut importance)).unwrap();
    let rank = |name: &str| ranking.features.iter().find(|feature| feature.name == name).unwrap().elimination_rank;
    assert_eq!(asked.len(), 6);
    // The constants never get there: 6 features, of which `holed` (position 6) is the last.
    assert!(asked.iter().flatten().all(|position| ![5, 7].contains(position)));
    assert_eq!(
        asked.last().unwrap(),
        &[*asked[0].iter().max_by_key(|position| features[**position].name == "holed").unwrap()]
    );
    assert_eq!((rank("holed"), rank("unrelated")), (Some(1), Some(6)));
    let mut broken = |_: &[usize]| Ok(Importance { scores: vec![f64::NAN], fit: 0.5 });
    let error = rank_features(&features, &outcome, &RankSettings::default(), Some(&mut broken)).unwrap_err();
    assert_eq!(error, RankError::BadImportance { expected: 6, found: 0 });
}

#[test]
fn unrelated_features_are_seldom_called_related() {
    let mut stream = Stream::new(8, "test.unrelated");
    let outcome: Vec<u32> = (0..2_000).map(|_| stream.index(3) as u32).collect();
    let features: Vec<Feature> =
        (0..60).map(|i| numbers(&format!("f{i}"), (0..2_000).map(|_| stream.normal()).collect())).collect();
    let ranking = rank_features(&features, &outcome, &RankSettings::default(), None).unwrap();
    assert!(ranking.kept.len() <= 1, "{:?}", ranking.kept);
    let small = ranking.features.iter().filter(|feature| feature.chi_square.p_value < 0.1).count();
    assert!((1..=14).contains(&small), "{small}");
    // The correction takes the bias away: the mean is near 0, not near its (9 * 2) / (2 n ln 2) = 0.0065 bits.
    let mean =
        |f: fn(&vitrine_learn::rank_features::FeatureRank) -> f64| ranking.features.iter().map(f).sum::<f64>() / 60.0;
    assert!(mean(|feature| feature.mutual_information.counted_bits) > 0.005);
    assert!(mean(|feature| feature.mutual_information.bits) < 0.0015);
}

#[test]
fn a_published_table() {
    // Hair and eye colours of 592 students (R. Snee 1974, R's HairEyeColor): X-squared = 138.29, df = 9, V = 0.279.
    let table = Contingency::from_rows(&[&[68, 20, 15, 5], &[119, 84, 54, 29], &[26, 17, 14, 14], &[7, 94, 10, 16]]);
    let found = chi_square(&table);
    assert!((found.statistic - 138.29).abs() < 0.005 && found.degrees == 9, "{found:?}");
    assert!((found.cramers_v - 0.279).abs() < 0.0005 && found.p_value < 2.2e-16 && found.p_value > 0.0);
    assert!(mutual_information(&table).bits > 0.15);
}

#[test]
fn the_order_of_rows_and_threads_change_nothing() {
    let (features, outcome) = shop(800);
    let ranked = |features: &[Feature], outcome: &[u32]| {
        serde_json::to_string(&rank_features(features, outcome, &RankSettings::default(), None).unwrap()).unwrap()
    };
    let expected = ranked(&features, &outcome);
    let backwards: Vec<Feature> = features
        .iter()
        .map(|Feature { name, column }| {
            let column = match column {
                Column::Numbers(values) => Column::Numbers(values.iter().rev().copied().collect()),
                Column::Categories(values) => Column::Categories(values.iter().rev().cloned().collect()),
            };
            Feature { name: name.clone(), column }
        })
        .collect();
    let outcome_backwards: Vec<u32> = outcome.iter().rev().copied().collect();
    assert_eq!(ranked(&backwards, &outcome_backwards), expected);
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| ranked(&features, &outcome)), expected);
    }
}

#[track_caller]
fn refused(features: &[Feature], outcome: &[u32], settings: RankSettings, says: &str) {
    let message = rank_features(features, outcome, &settings, None).unwrap_err().to_string();
    assert!(message.contains(says), "`{message}` should contain `{says}`");
}

#[test]
fn bad_inputs_are_refused_with_reasons() {
    let good = || vec![numbers("a", vec![1.0, 2.0, 3.0]), numbers("b", vec![3.0, f64::NAN, 1.0])];
    let default = RankSettings::default;
    refused(&[], &[0, 1, 0], default(), "no features");
    refused(&good(), &[], default(), "no rows");
    refused(&good(), &[0, 1], default(), "feature `a` has 3 rows, the outcome has 2");
    refused(&good(), &[4, 4, 4], default(), "every customer has the same outcome (class 4)");
    refused(&[numbers("a", vec![1.0, f64::INFINITY, 2.0])], &[0, 1, 0], default(), "feature `a`, row 1 is inf");
    refused(&[good()[0].clone(), good()[0].clone()], &[0, 1, 0], default(), "two features are called `a`");
    let many: Vec<u32> = (0..60).collect();
    refused(&[numbers("a", vec![1.0; 60])], &many, default(), "60 classes, at most 50");
    refused(&good(), &[0, 1, 0], RankSettings { n_bins: 1, ..default() }, "n_bins is 1: it must be 2 or more");
    refused(&good(), &[0, 1, 0], RankSettings { n_values_max: 0, ..default() }, "n_values_max is 0");
    refused(&good(), &[0, 1, 0], RankSettings { false_share: 1.0, ..default() }, "false_share is 1");
    refused(&good(), &[0, 1, 0], RankSettings { false_share: f64::NAN, ..default() }, "false_share is NaN");
    refused(&good(), &[0, 1, 0], RankSettings { fit_share: 0.0, ..default() }, "fit_share is 0");
    refused(&good(), &[0, 1, 0], RankSettings { n_keep: Some(0), ..default() }, "n_keep is 0");
    refused(&good(), &[0, 1, 0], RankSettings { n_eliminated_max: 0, ..default() }, "n_eliminated_max is 0");
    refused(&good(), &[0, 1, 0], RankSettings { elimination_rows_max: 0, ..default() }, "elimination_rows_max is 0");
    // Two rows are enough, and a feature of missing values is no error.
    let few = [numbers("a", vec![1.0, 2.0]), numbers("b", vec![f64::NAN; 2])];
    assert_eq!(rank_features(&few, &[0, 1], &default(), None).unwrap().features.len(), 2);
    assert_eq!(encode(&few[1].column, 10, 10).n_codes, 1);
}
