//! The real file of a UK gift wholesaler: each ranker reaches the level that public packages reach with the same method
//! and the same protocol, and the hybrid, chosen on an earlier split, is better than all of them.
//!
//! The example `recommend_online_retail` prints all figures.

#[path = "online_retail/recommend.rs"]
mod online_retail;

use online_retail::*;
use vitrine_learn::recommend::*;

/// nDCG at 10 that was measured with public packages, by mode.
const ITEM_COSINE: [f64; 2] = [0.1146, 0.2443];
const EASE: [f64; 2] = [0.1205, 0.2968];
const EASE_50: [f64; 2] = [0.1214, 0.2880];
const POPULARITY: [f64; 2] = [0.0507, 0.1117];
const ALS_64: f64 = 0.111;
const ALS_128: f64 = 0.116;
const OWN_COUNTS: f64 = 0.3762;

#[test]
fn as_good_as_public_packages_and_the_hybrid_better() {
    let Some(shop) = shop() else { return };
    let earlier = fit(&shop, VALIDATION_DAY, TEST_DAY);
    let later = fit(&shop, TEST_DAY, i32::MAX);
    let counts = (later.binary.n_users(), later.binary.n_items(), later.binary.n_entries(), later.split.cases.len());
    assert_eq!(counts, (3_360, 3_431, 167_106, 1_917));
    let own_counts = OwnCounts::new(&later.buyers);
    for (at, mode) in [Mode::Novel, Mode::Repeat].into_iter().enumerate() {
        let protocol = Protocol { n_resamples: 200, ..Protocol::new(mode) };
        let measure = |name: &str, ranker: &dyn Ranker| {
            let found = evaluate(name, ranker, &later.binary, &later.split.cases, protocol);
            println!("{mode:?} {name}: {:.4} ({:.4} to {:.4})", found.ndcg.value, found.ndcg.low, found.ndcg.high);
            found
        };
        let near = |name: &str, ranker: &dyn Ranker, expected: f64| {
            let found = measure(name, ranker);
            let gap = found.ndcg.value - expected;
            assert!(gap.abs() < 0.001, "{mode:?} {name}: {} instead of {expected}", found.ndcg.value);
            found
        };
        let mut rivals = vec![
            near("popularity", &later.buyers, POPULARITY[at]),
            near("item cosine", &later.cosine, ITEM_COSINE[at]),
            near("EASE", &later.ease, EASE[at]),
            near("EASE 50", &later.ease_lists, EASE_50[at]),
            measure("ALS 64", &later.als),
        ];
        if mode == Mode::Novel {
            assert!(rivals.iter().any(|rival| rival.ranker == "ALS 64" && rival.ndcg.value > ALS_64));
            let als_128 = Als::fit(&later.binary, als_options(128)).unwrap();
            rivals.push(measure("ALS 128", &als_128));
            assert!(rivals.iter().any(|rival| rival.ranker == "ALS 128" && rival.ndcg.value > ALS_128));
            // The items' freshness alone is worth more than any other model.
            rivals.push(measure("content", &later.content));
            assert!(measure("EASE 50 fresh", &later.ease_fresh).ndcg.value > EASE_50[at] + 0.015);
        } else {
            rivals.push(near("own counts", &own_counts, OWN_COUNTS));
        }
        let tuning = earlier.choose(mode);
        println!("{mode:?} hybrid, validation {:.4}: {:?}", tuning.score(), tuning.best());
        let parts = later.parts();
        let hybrid = measure("hybrid", &Blend::new(&parts, &weights_of(&tuning, &parts)).unwrap());
        let level = [0.146, 0.381][at];
        assert!(hybrid.ndcg.value > level, "{mode:?}: {}", hybrid.ndcg.value);
        for rival in &rivals {
            let gap = paired_difference(&hybrid, rival).unwrap();
            assert!(gap.low > 0.0, "{mode:?}: not surely better than {}: {gap:?}", rival.ranker);
        }
    }
}
