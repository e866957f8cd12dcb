//! Rankers on a made-up shop whose truth is known, and input that is refused.

use vitrine_learn::recommend::*;
use vitrine_learn::resample::Stream;

const N_USERS: u32 = 300;
const N_ITEMS: u32 = 60;
const N_KINDS: u32 = 3;

/// Customers are of three kinds and buy mostly the twenty items of their kind, each of which is also named after it. Every
/// customer has one staple, which is in most orders. The last two items of a kind are new after day 80; the first six are
/// no longer sold after day 60. Orders on 100 days.
fn shop() -> Purchases {
    let mut stream = Stream::new(11, "made-up shop");
    let mut rows = Vec::new();
    let mut order = 0;
    for user in 0..N_USERS {
        let kind = user % N_KINDS;
        let staple = kind * 20 + 6 + stream.below(12) as u32;
        for _ in 0..3 + stream.below(6) {
            order += 1;
            let day = stream.below(100) as i32;
            let mut buy = |item| rows.push(Purchase { user, item, day, order });
            if stream.unit() < 0.7 {
                buy(staple);
            }
            for _ in 0..1 + stream.below(3) {
                let of = if stream.unit() < 0.9 { kind } else { stream.below(3) as u32 };
                let place = stream.below(20) as u32;
                let is_sold = (place >= 6 || day < 60) && (place < 18 || day >= 80);
                if is_sold {
                    buy(of * 20 + place);
                }
            }
        }
    }
    Purchases::new(N_USERS, N_ITEMS, rows).unwrap()
}

fn words() -> Vec<ItemWords> {
    (0..N_ITEMS).map(|item| ItemWords { values: vec![format!("kind {}", item / 20)], text: String::new() }).collect()
}

#[test]
fn rankers_find_what_was_put_in() {
    let split = shop().split(85, 101);
    let binary = split.before.interactions(Weighing::Binary, 85).unwrap();
    let protocol = |mode| Protocol { n_resamples: 100, ..Protocol::new(mode) };
    let measure = |ranker: &dyn Ranker, mode| evaluate("r", ranker, &binary, &split.cases, protocol(mode));
    let novel = |ranker: &dyn Ranker| measure(ranker, Mode::Novel).ndcg.value;
    let popularity = Popularity::of_buyers(&binary);
    let ease = EaseCounts::new(&binary, 1).unwrap().fit(50.0).unwrap();
    let als = Als::fit(&binary, AlsOptions { n_factors: 3, ..AlsOptions::default() }).unwrap();
    let cosine = item_cosine(&binary, 10.0, 20).unwrap();
    let users = UserNeighbours::new(&binary, 5.0, 50).unwrap();
    let content = content_lists(&words(), 20).unwrap();
    let all: [(&str, &dyn Ranker); 6] = [
        ("ease", &ease),
        ("ease lists", &ease.lists(20)),
        ("als", &als),
        ("cosine", &cosine),
        ("users", &users),
        ("content", &content),
    ];
    // Whoever knows the kinds ranks among a third of the items.
    let base = novel(&popularity);
    for (name, ranker) in all {
        let found = novel(ranker);
        assert!(found > base * 1.3, "{name}: {found} and popularity {base}");
    }
    // What is no longer sold is not bought again: freshness helps.
    let fresh = split.before.freshness(25.0, 85);
    let ease_fresh = novel(&Scaled::new(&ease, fresh.clone()).unwrap());
    assert!(ease_fresh > novel(&ease), "{ease_fresh} and {}", novel(&ease));
    assert!(
        (0..3).all(|kind| fresh[kind * 20] < fresh[kind * 20 + 10] && fresh[kind * 20 + 10] < fresh[kind * 20 + 19])
    );
    // The staple is bought again.
    let own = OwnCounts::new(&popularity);
    assert!(measure(&own, Mode::Repeat).ndcg.value > measure(&ease, Mode::Repeat).ndcg.value + 0.05);
    // Two of the three share a kind as often as chance; vectors in bytes know better.
    let vectors = CodedVectors::of_items(&als).unwrap();
    let alike = (2..18).filter(|item| vectors.most_alike(*item, 3).iter().all(|(other, _)| other / 20 == 0)).count();
    assert!(alike >= 14, "{alike} of 16");
}

#[test]
fn figures_are_those_of_the_lists() {
    let split = shop().split(85, 101);
    let binary = split.before.interactions(Weighing::Binary, 85).unwrap();
    let popularity = Popularity::of_buyers(&binary);
    for mode in [Mode::Novel, Mode::Repeat] {
        let found = evaluate("popularity", &popularity, &binary, &split.cases, Protocol::new(mode));
        assert_eq!((found.lists.len(), found.ndcg_of.len()), (found.n_users, found.n_users));
        // Recomputed from the lists alone.
        let (mut precision, mut recall) = (0.0, 0.0);
        for list in &found.lists {
            let case = split.cases.iter().find(|case| case.user == list.user).unwrap();
            let is_own = |item: &u32| case.own.iter().any(|own| own.item == *item);
            assert!(mode == Mode::Repeat || !list.items.iter().any(is_own));
            assert!(list.scores.windows(2).all(|pair| pair[0] >= pair[1]));
            let hits = list.items.iter().filter(|item| case.later.contains(item)).count() as f64;
            let relevant = case.later.iter().filter(|item| mode == Mode::Repeat || !is_own(item)).count() as f64;
            precision += hits / 10.0;
            recall += hits / relevant;
        }
        let n = found.n_users as f64;
        assert!((precision / n - found.precision.value).abs() < 1e-12);
        assert!((recall / n - found.recall.value).abs() < 1e-12);
        let f1 = 2.0 * precision * recall / (precision + recall) / n;
        assert!((f1 - found.f1.value).abs() < 1e-12);
        let mean = found.ndcg_of.iter().sum::<f64>() / n;
        assert!((mean - found.ndcg.value).abs() < 1e-12);
        assert!((mean - ndcg(&popularity, &binary, &split.cases, mode, 10)).abs() < 1e-12);
        for estimate in [found.precision, found.recall, found.f1, found.ndcg, found.diversity, found.novelty] {
            assert!(estimate.low <= estimate.value && estimate.value <= estimate.high, "{estimate:?}");
        }
        assert!(found.ndcg.low < found.ndcg.value && found.ndcg.value < found.ndcg.high);
        assert!(found.coverage.low <= found.coverage.high && found.coverage.high <= found.coverage.value);
        // Everybody alike: nobody differs from oneself.
        let same = paired_difference(&found, &found).unwrap();
        assert_eq!((same.value, same.low, same.high), (0.0, 0.0, 0.0));
        assert_eq!(found, evaluate("popularity", &popularity, &binary, &split.cases, Protocol::new(mode)));
    }
}

#[test]
fn ndcg_coverage_diversity_and_novelty_of_a_small_case() {
    // Customer 0 bought item 0, later 0, 2 and 3. Popularity ranks 1, 2, 0, 3.
    let entries = [(0, 0), (1, 1), (2, 1), (3, 1), (1, 2), (2, 2)].map(|(user, item)| (user, item, 1.0));
    let before = Interactions::new(4, 4, entries.to_vec()).unwrap();
    let case = Case { user: 0, own: vec![Own::now(0)], later: vec![0, 2, 3] };
    let popularity = Popularity::of_buyers(&before);
    let gain = |place: f64| 1.0 / (place + 1.0).log2();
    let protocol = |mode| Protocol { k: 3, n_resamples: 0, ..Protocol::new(mode) };
    let novel = evaluate("p", &popularity, &before, std::slice::from_ref(&case), protocol(Mode::Novel));
    assert_eq!(novel.lists[0].items, [1, 2, 3]);
    assert!((novel.ndcg.value - (gain(2.0) + gain(3.0)) / (gain(1.0) + gain(2.0))).abs() < 1e-12);
    assert_eq!((novel.precision.value, novel.recall.value), (2.0 / 3.0, 1.0));
    assert_eq!((novel.ndcg.low, novel.ndcg.high), (novel.ndcg.value, novel.ndcg.value));
    assert_eq!(novel.coverage.value, 0.75);
    // Items 1 and 2 share two buyers of three and two; item 3 has none.
    assert!((novel.diversity.value - (1.0 - 2.0 / 6.0_f64.sqrt() / 3.0)).abs() < 1e-12);
    let bits = [4.0, 3.0, 1.0].map(|n: f64| -(n / 5.0).log2());
    assert!((novel.novelty.value - bits.iter().sum::<f64>() / 3.0).abs() < 1e-12);
    let repeat = evaluate("p", &popularity, &before, &[case], protocol(Mode::Repeat));
    assert_eq!(repeat.lists[0].items, [1, 2, 0]);
    let nothing_new = Case { user: 0, own: vec![Own::now(0)], later: vec![0] };
    let nobody = evaluate("p", &popularity, &before, &[nothing_new], Protocol::new(Mode::Novel));
    assert_eq!((nobody.n_users, nobody.ndcg.value, nobody.ndcg.high, nobody.coverage.value), (0, 0.0, 0.0, 0.0));
    assert_eq!(paired_difference(&nobody, &repeat), None);
}

#[test]
fn a_hybrid_is_chosen_without_the_test() {
    let choose = |shop: &Purchases| {
        let split = shop.split(70, 85);
        let binary = split.before.interactions(Weighing::Binary, 70).unwrap();
        let ease = EaseCounts::new(&binary, 1).unwrap().fit(50.0).unwrap();
        let parts = [
            Part::new("popularity", Popularity::of_buyers(&binary)),
            Part::new("ease", Scaled::new(ease, split.before.freshness(10.0, 70)).unwrap()),
            Part::as_is("own", OwnCounts::new(&Popularity::of_buyers(&binary))),
        ];
        tune_blend("hybrid", &parts, N_ITEMS, &split.cases, Mode::Repeat, 10).unwrap()
    };
    let tuning = choose(&shop());
    // Whatever happens from the first day of the test on, the choice is the same.
    assert_eq!(tuning, choose(&shop().before(85)));
    let alone = tuning.trials.iter().take(3).filter_map(|trial| trial.score).fold(0.0, f64::max);
    assert!(tuning.score() > alone);
    let json = serde_json::to_string(&tuning).unwrap();
    assert!(json.contains(r#""trials":[{"params":{"ease":0.0,"own":0.0,"popularity":1.0},"score":"#), "{json}");
}

#[test]
fn threads_change_nothing() {
    let run = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let split = shop().split(85, 101);
            let binary = split.before.interactions(Weighing::Orders, 85).unwrap();
            let lists = EaseCounts::new(&binary, 2).unwrap().fit(50.0).unwrap().lists(10);
            let cosine = item_cosine(&binary, 1.0, 10).unwrap();
            let als = Als::fit(&binary, AlsOptions { n_factors: 8, ..AlsOptions::default() }).unwrap();
            let found = evaluate("als", &als, &binary, &split.cases, Protocol::new(Mode::Repeat));
            (lists, cosine, als, found)
        })
    };
    assert!(run(1) == run(2) && run(2) == run(5));
}

#[test]
fn bad_input_says_where_and_how_to_mend_it() {
    let matrix = |entries: &[(u32, u32, f32)]| Interactions::new(2, 3, entries.to_vec()).unwrap_err().to_string();
    assert_eq!(matrix(&[(0, 0, 1.0), (2, 0, 1.0)]), "entry 1: customer 2 is not one of 2; positions count from 0");
    assert_eq!(matrix(&[(0, 3, 1.0)]), "entry 0: item 3 is not one of 3; positions count from 0");
    for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert_eq!(
            matrix(&[(1, 2, weight)]),
            format!(
                "entry 0 (customer 1, item 2): the weight {weight} is not finite and above 0; leave out what was not bought"
            )
        );
    }
    assert_eq!(
        matrix(&[(0, 1, 3e38), (0, 1, 3e38)]),
        "customer 0, item 1: the sum of the weights is not finite; use a smaller unit"
    );
    let good = Interactions::new(2, 3, vec![(0, 0, 1.0), (1, 0, 1.0), (1, 2, 1.0)]).unwrap();
    let ease = EaseCounts::new(&good, 1).unwrap();
    assert_eq!(ease.fit(-1.0).unwrap_err().to_string(), "`lambda` is -1, but it is finite and above 0");
    let cosine = item_cosine(&good, -1.0, 5).unwrap_err();
    assert_eq!(cosine.to_string(), "`shrinkage` is -1, but it is finite and at least 0");
    let als = Als::fit(&good, AlsOptions { n_factors: 0, ..AlsOptions::default() }).unwrap_err();
    assert_eq!(als.to_string(), "`n_factors` is 0, but it is 1 to 512");
    let coded = CodedVectors::new(2, &[1.0]).unwrap_err();
    assert_eq!(coded.to_string(), "`n_dims` is 2, but it divides the values");
    let purchases = Purchases::new(1, 1, vec![]).unwrap();
    let weights = purchases.interactions(Weighing::Decayed { half_life_days: 0.0 }, 1).unwrap_err();
    assert_eq!(weights.to_string(), "the half-life is 0 days, but it is finite and above 0");
    let nobody = tune_blend("hybrid", &[], 3, &[], Mode::Novel, 10).unwrap_err();
    assert_eq!(
        nobody.to_string(),
        "`hybrid` cannot be tuned: no customer bought anything that may be recommended; choose an earlier split"
    );
}
