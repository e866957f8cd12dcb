//! Groups of made-up customers whose truth is known.

use vitrine_learn::resample::Stream;
use vitrine_learn::segment::{
    ChoiceSettings, FeatureWords, Firmness, KMeans, LabelColumn, LookalikeMethod, Rows, Scale, Scaling, SegmentError,
    StabilitySettings, Vectors, adjusted_rand_index, choose_k, describe, lookalikes, persona_cards, silhouette,
    stability,
};

/// Normal clouds of `n_each` rows around `k` centres far apart, mixed; and the cloud of each row.
fn clouds(k: usize, n_each: usize, n_cols: usize, spread: f64) -> (Rows, Vec<u32>) {
    let mut stream = Stream::new(1, "test.clouds");
    let centres: Vec<f64> = (0..k * n_cols).map(|_| stream.normal() * 10.0).collect();
    let mut truth: Vec<u32> = (0..k * n_each).map(|row| (row % k) as u32).collect();
    stream.shuffle(&mut truth);
    let mut values = Vec::new();
    for cloud in &truth {
        for col in 0..n_cols {
            values.push(centres[*cloud as usize * n_cols + col] + spread * stream.normal());
        }
    }
    (Rows::new(n_cols, values).unwrap(), truth)
}

fn noise(n: usize, n_cols: usize) -> Rows {
    let mut stream = Stream::new(2, "test.noise");
    Rows::new(n_cols, (0..n * n_cols).map(|_| stream.normal()).collect()).unwrap()
}

fn with_threads<T: Send>(n: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap().install(work)
}

#[test]
fn clouds_are_recovered() {
    let (rows, truth) = clouds(5, 300, 4, 1.0);
    let groups = KMeans::fit(&rows, 5, 5, 7).unwrap();
    assert_eq!(adjusted_rand_index(&truth, &groups.assignment).unwrap(), 1.0);
    assert_eq!(groups.sizes, [300; 5]);
    assert!(groups.has_converged);
    // Inertia is that of the assignment, and new rows find their group.
    let by_hand: f64 = (0..rows.n_rows())
        .map(|row| {
            let centre = groups.centre(groups.assignment[row] as usize);
            rows.row(row).iter().zip(centre).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
        })
        .sum();
    assert!((by_hand / groups.inertia - 1.0).abs() < 1e-12);
    assert_eq!(groups.assign(&rows).unwrap(), groups.assignment);
    let found = silhouette(&rows, &groups.assignment, 2_000, 0).unwrap();
    assert!(found.is_exact && found.mean > 0.7, "{found:?}");
}

#[test]
fn silhouette_by_hand() {
    // Rows 0, 1 | 4, 6: (3.5.. ) a and b of each row, by hand.
    let rows = Rows::new(1, vec![0.0, 1.0, 4.0, 6.0]).unwrap();
    let found = silhouette(&rows, &[0, 0, 1, 1], 10, 0).unwrap();
    let expected = [(5.0 - 1.0) / 5.0, (4.0 - 1.0) / 4.0, (3.5 - 2.0) / 3.5, (5.5 - 2.0) / 5.5];
    assert!((found.mean - expected.iter().sum::<f64>() / 4.0).abs() < 1e-12);
    assert!((found.by_group[0].unwrap() - 0.775).abs() < 1e-12);
    // A single row has 0; an empty group none.
    let found = silhouette(&rows, &[0, 0, 0, 2], 10, 0).unwrap();
    assert_eq!((found.by_group[1], found.by_group[2]), (None, Some(0.0)));
}

#[test]
fn a_sampled_silhouette_is_close() {
    let (rows, truth) = clouds(3, 1_000, 3, 3.0);
    let exact = silhouette(&rows, &truth, 10_000, 0).unwrap();
    let sampled = silhouette(&rows, &truth, 800, 0).unwrap();
    assert!(!sampled.is_exact && sampled.n_rows_used == 800);
    assert!((exact.mean - sampled.mean).abs() < 0.03, "{} {}", exact.mean, sampled.mean);
}

#[test]
fn threads_change_no_bit() {
    // Above two blocks of rows, and overlapping, so that sums are long.
    let (rows, _) = clouds(5, 900, 5, 6.0);
    let work = || {
        let stability = StabilitySettings { n_resamples: 2, n_starts: 1, rows_max: 3_000, seed: 0 };
        let settings = ChoiceSettings {
            n_starts: 2,
            silhouette_rows_max: 300,
            stability,
            ari_min: 0.0,
            ..ChoiceSettings::default()
        };
        let (choice, groups) = choose_k(&rows, 2..=3, &settings).unwrap();
        let vectors: Vec<f32> = rows.values.iter().map(|value| *value as f32).collect();
        let like = lookalikes(Vectors::F32(&vectors), 5, &[1, 2, 3], 50, LookalikeMethod::Logistic, 3).unwrap();
        let stored = serde_json::to_string(&(&choice, &groups, &like)).unwrap();
        (stored, groups.assignment)
    };
    let alone = with_threads(1, work);
    assert_eq!(alone, with_threads(2, work));
    assert_eq!(alone, with_threads(3, work));
}

#[test]
fn k_is_found_and_said_why() {
    let (rows, truth) = clouds(4, 80, 3, 1.0);
    let (choice, groups) = choose_k(&rows, 2..=6, &ChoiceSettings::default()).unwrap();
    assert_eq!(choice.k, 4, "{choice:?}");
    assert!(choice.is_trusted && choice.reason.starts_with("k = 4: the highest silhouette"), "{}", choice.reason);
    assert!(choice.reason_zh.starts_with("k = 4"));
    assert_eq!(adjusted_rand_index(&truth, &groups.assignment).unwrap(), 1.0);
    let inertias: Vec<f64> = choice.trials.iter().map(|trial| trial.inertia).collect();
    assert!(inertias.windows(2).all(|pair| pair[1] < pair[0]));
}

#[test]
fn noise_is_not_trusted() {
    let settings = ChoiceSettings { seed: 5, ..ChoiceSettings::default() };
    let (choice, _) = choose_k(&noise(400, 6), 3..=5, &settings).unwrap();
    assert!(!choice.is_trusted, "{choice:?}");
    assert!(choice.reason.contains("do not build on these groups"));
}

#[test]
fn stability_is_high_on_clouds_and_low_on_noise() {
    let (rows, _) = clouds(4, 150, 4, 1.0);
    let firm = stability(&rows, &KMeans::fit(&rows, 4, 5, 1).unwrap(), &StabilitySettings::default()).unwrap();
    assert_eq!(firm.ari_mean, 1.0);
    assert!(firm.firmness_by_group.iter().all(|firmness| *firmness == Firmness::VeryFirm));
    let rows = noise(600, 6);
    let loose = stability(&rows, &KMeans::fit(&rows, 4, 5, 1).unwrap(), &StabilitySettings::default()).unwrap();
    assert!(loose.ari_mean < 0.5, "{}", loose.ari_mean);
    assert!(loose.firmness_by_group.contains(&Firmness::Loose), "{loose:?}");
}

#[test]
fn numbers_of_groups_stay() {
    let (rows, _) = clouds(4, 100, 3, 1.0);
    let first = KMeans::fit(&rows, 4, 4, 1).unwrap();
    // Another seed starts elsewhere; equal sizes are told apart by their centres.
    let mut second = KMeans::fit(&rows, 4, 4, 99).unwrap();
    assert_eq!(first.assignment, second.assignment);
    second.renumber_by_column(0);
    let firsts: Vec<f64> = (0..4).map(|group| second.centre(group)[0]).collect();
    assert!(firsts.windows(2).all(|pair| pair[0] > pair[1]));
    let distances = second.renumber_like(&first).unwrap();
    assert_eq!(second.assignment, first.assignment);
    assert!(distances.iter().all(|distance| distance.unwrap() < 1e-9));
    // A fifth group has no partner and comes last.
    let mut more = KMeans::fit(&rows, 5, 4, 1).unwrap();
    let distances = more.renumber_like(&first).unwrap();
    assert_eq!(distances.iter().filter(|distance| distance.is_none()).count(), 1);
    assert_eq!(distances[4], None);
}

#[test]
fn stored_groups_assign_alike() {
    let (raw, _) = clouds(3, 200, 4, 6.0);
    let scale = Scale::fit(&raw, &[Scaling::ZScore, Scaling::MinMax, Scaling::LogZScore, Scaling::None]).unwrap();
    let groups = KMeans::fit(&scale.apply(&raw).unwrap(), 3, 3, 1).unwrap();
    let stored = serde_json::to_string(&(&scale, &groups)).unwrap();
    let (scale_read, groups_read): (Scale, KMeans) = serde_json::from_str(&stored).unwrap();
    assert_eq!((&scale_read, &groups_read.centres), (&scale, &groups.centres));
    assert_eq!(groups_read.assign(&scale_read.apply(&raw).unwrap()).unwrap(), groups.assignment);
}

#[test]
fn fewer_iterations_never_hide_an_empty_group() {
    // Two far rows among many equal ones: every group keeps a row.
    let mut values = vec![0.0; 50];
    values.extend([100.0, 200.0]);
    let groups = KMeans::fit(&Rows::new(1, values).unwrap(), 3, 3, 0).unwrap();
    assert_eq!((groups.sizes.as_slice(), groups.inertia), ([50, 1, 1].as_slice(), 0.0));
    assert_eq!(groups.centres, [0.0, 200.0, 100.0]);
}

fn shop() -> (Rows, Vec<u32>, Vec<FeatureWords>) {
    // Orders, money, city tier 1 (or not): ten heavy buyers of big cities among thirty others.
    let mut values = Vec::new();
    let mut assignment = Vec::new();
    for row in 0..40 {
        let heavy = row % 4 == 0;
        values.extend(if heavy { [9.0, 500.0, 1.0] } else { [1.0, 100.0, f64::from(u8::from(row % 4 == 1))] });
        assignment.push(u32::from(!heavy));
    }
    let words =
        |feature: &str, title: &str, title_zh: &str, high: &str, low: &str, high_zh: &str, low_zh: &str| FeatureWords {
            feature: feature.into(),
            title: title.into(),
            title_zh: title_zh.into(),
            high: high.into(),
            low: low.into(),
            high_zh: high_zh.into(),
            low_zh: low_zh.into(),
        };
    let words = vec![
        words("frequency", "orders", "订单数", "frequent", "rare", "高频", "低频"),
        words("monetary", "money spent", "消费金额", "high-spending", "thrifty", "高消费", "低消费"),
        words("tier_1", "share in first-tier cities", "一线城市占比", "first-tier-city", "", "一线城市", ""),
    ];
    (Rows::new(3, values).unwrap(), assignment, words)
}

#[test]
fn groups_are_described_in_words() {
    let (rows, assignment, words) = shop();
    let described = describe(&rows, &assignment, 2, &words).unwrap();
    let heavy = &described[0];
    assert_eq!((heavy.size, heavy.share), (10, 0.25));
    assert_eq!((heavy.name.as_str(), heavy.name_zh.as_str()), ("Frequent, high-spending customers", "高频高消费用户"));
    let orders = &heavy.contrasts[0];
    assert_eq!(orders.text, "orders 3 x the average (9 against 3)");
    assert_eq!(orders.text_zh, "订单数为平均值的 3 倍（9，平均 3）");
    assert!((orders.sds - 6.0 / 12.0f64.sqrt()).abs() < 1e-12 && orders.ratio == Some(3.0));
    assert_eq!(described[1].name, "Rare, thrifty customers");
    assert_eq!(described[1].contrasts[0].text, "orders 0.33 x the average (1 against 3)");
}

#[test]
fn names_are_never_shared() {
    let (rows, _, words) = shop();
    // Three groups cut at random: the two heavy ones would both be "frequent".
    let assignment: Vec<u32> = (0..40).map(|row| if row % 4 == 0 { u32::from(row % 8 == 0) } else { 2 }).collect();
    let described = describe(&rows, &assignment, 3, &words).unwrap();
    assert_eq!(described[0].name, "Frequent, high-spending customers");
    assert_eq!(described[1].name, "Frequent, high-spending, first-tier-city customers");
    assert_eq!(described[1].name_zh, "高频高消费一线城市用户");
    // Nothing to tell apart: numbered averages.
    let rows = Rows::new(1, vec![1.0; 4]).unwrap();
    let described = describe(&rows, &[0, 1, 2, 1], 3, &[FeatureWords::plain("n_orders")]).unwrap();
    let names: Vec<&str> = described.iter().map(|group| group.name_zh.as_str()).collect();
    assert_eq!(names, ["普通用户", "普通用户2", "普通用户3"]);
    assert!(described.iter().all(|group| group.contrasts.is_empty()));
}

#[test]
fn persona_cards_show_what_is_typical() {
    let (rows, assignment, words) = shop();
    let described = describe(&rows, &assignment, 2, &words).unwrap();
    let tea = LabelColumn {
        label: "top_category".into(),
        values: (0..40)
            .map(|row| match row % 4 {
                0 if row < 32 => Some("tea".to_owned()),
                0 => Some("rare".to_owned()),
                1 => None,
                _ => Some(if row % 8 < 4 { "tea" } else { "soap" }.to_owned()),
            })
            .collect(),
    };
    let cards = persona_cards(&described, &assignment, &[tea], 3).unwrap();
    let top = &cards[0].top_labels;
    // 8 of 10 against 18 of 30; the two who like "rare" are too few to show.
    assert_eq!(top.len(), 1);
    assert_eq!((top[0].value.as_str(), top[0].share, top[0].overall_share), ("tea", 0.8, 0.6));
    assert_eq!(cards[1].top_labels[0].value, "soap");
    let json = serde_json::to_value(&cards[0]).unwrap();
    assert_eq!(json["name_zh"], "高频高消费用户");
    assert_eq!(json["contrasts"][0]["ratio"], 3.0);
}

#[test]
fn lookalikes_are_the_closest() {
    // Directions at 0, 10, 20 ... degrees; the seeds are at 0 and 20.
    let vectors: Vec<f32> = (0..18)
        .flat_map(|step| [(step as f32 * 10.0).to_radians().cos(), (step as f32 * 10.0).to_radians().sin()])
        .collect();
    let found = lookalikes(Vectors::F32(&vectors), 2, &[0, 2], 3, LookalikeMethod::Centroid, 0).unwrap();
    let rows: Vec<usize> = found.iter().map(|m| m.row_idx).collect();
    assert_eq!(rows, [1, 3, 4]);
    assert!((found[0].score - 1.0).abs() < 1e-6 && (found[1].score - 20f64.to_radians().cos()).abs() < 1e-6);
    // Lengths do not matter, zeros are passed over, equal ones keep their order.
    let small: Vec<i8> = vec![100, 0, 1, 0, 0, 0, 127, 0, 0, 127];
    let found = lookalikes(Vectors::I8(&small), 2, &[0], 9, LookalikeMethod::Centroid, 0).unwrap();
    assert_eq!(found.iter().map(|m| (m.row_idx, m.score)).collect::<Vec<_>>(), [(1, 1.0), (3, 1.0), (4, 0.0)]);
}

#[test]
fn logistic_lookalikes_find_two_kinds() {
    // Members are of two opposite kinds, so their centroid says little; all others lie at right angles to both.
    let mut stream = Stream::new(4, "test.kinds");
    let mut vectors: Vec<f32> = Vec::new();
    for row in 0..2_000 {
        let mut vector = [0.0f32; 32];
        vector.iter_mut().for_each(|value| *value = 0.15 * stream.normal() as f32);
        vector[match row % 20 {
            0 => 0,
            1 => 1,
            _ => 2 + row % 20,
        }] += 1.0;
        vectors.extend(vector);
    }
    let seeds: Vec<usize> = (0..1_000).filter(|row| row % 20 < 2).collect();
    let found = lookalikes(Vectors::F32(&vectors), 32, &seeds, 100, LookalikeMethod::Logistic, 1).unwrap();
    let right = found.iter().filter(|m| m.row_idx % 20 < 2).count();
    assert!(right >= 98, "{right} of 100");
    assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, SegmentError>, says: &str) {
    let message = result.unwrap_err().to_string();
    assert!(message.contains(says), "`{message}` should contain `{says}`");
}

#[test]
fn bad_inputs_are_refused_with_reasons() {
    let rows = Rows::new(2, vec![1.0, 2.0, 3.0, 4.0, 1.0, 2.0]).unwrap();
    refused(Rows::new(0, vec![]), "no columns");
    refused(Rows::new(2, vec![1.0; 3]), "3 values do not make whole rows of 2 columns");
    let holed = Rows::new(2, vec![1.0, 2.0, 3.0, f64::NAN]).unwrap();
    refused(KMeans::fit(&holed, 1, 1, 0), "row 1, column 1 is NaN");
    let endless = Rows::new(2, vec![1.0, f64::INFINITY]).unwrap();
    refused(KMeans::fit(&endless, 1, 1, 0), "row 0, column 1 is inf");
    refused(KMeans::fit(&rows, 0, 1, 0), "0 groups asked of 3 rows");
    refused(KMeans::fit(&rows, 4, 1, 0), "4 groups asked of 3 rows");
    refused(KMeans::fit(&rows, 2, 0, 0), "n_starts is 0");
    refused(KMeans::fit(&rows, 3, 1, 0), "only 2 rows differ");
    refused(choose_k(&rows, 1..=3, &ChoiceSettings::default()), "k from 1 to 3");
    refused(choose_k(&rows, std::ops::RangeInclusive::new(5, 3), &ChoiceSettings::default()), "k from 5 to 3");
    let groups = KMeans::fit(&rows, 2, 1, 0).unwrap();
    refused(groups.assign(&Rows::new(1, vec![1.0]).unwrap()), "columns of the rows to assign: 2 expected, 1 found");
    refused(silhouette(&rows, &[0, 0, 0], 9, 0), "at least two groups with rows, found 1");
    refused(silhouette(&rows, &[0, 1], 9, 0), "groups, one a row: 3 expected, 2 found");
    let none = StabilitySettings { n_resamples: 0, ..StabilitySettings::default() };
    refused(stability(&rows, &groups, &none), "n_resamples is 0");
    refused(Scale::fit(&rows, &[Scaling::None]), "scalings, one a column: 2 expected, 1 found");
    refused(Scale::fit(&Rows::new(1, vec![f64::NAN]).unwrap(), &[Scaling::Log]), "column 0 has no value");
    refused(Scale::fit(&Rows::new(1, vec![]).unwrap(), &[Scaling::Log]), "no rows");
    let words = [FeatureWords::plain("a"), FeatureWords::plain("b")];
    refused(describe(&rows, &[0, 1, 2], 2, &words), "row 2 is in group 2, but there are 2 groups");
    refused(describe(&rows, &[0, 1, 0], 2, &words[..1]), "feature words, one a column: 2 expected, 1 found");
    let centroid = LookalikeMethod::Centroid;
    refused(lookalikes(Vectors::I8(&[1, 2, 3]), 2, &[0], 1, centroid, 0), "do not make whole rows");
    refused(lookalikes(Vectors::I8(&[1, 2]), 2, &[1], 1, centroid, 0), "seed member 1 does not exist");
    refused(lookalikes(Vectors::I8(&[0, 0, 1, 1]), 2, &[0], 1, centroid, 0), "no vector other than zero");
    refused(lookalikes(Vectors::I8(&[1, 1, 0, 0]), 2, &[0], 1, centroid, 0), "nobody to rank");
    refused(lookalikes(Vectors::I8(&[1, 1, 0, 0]), 2, &[0], 1, LookalikeMethod::Logistic, 0), "nobody to rank");
}
