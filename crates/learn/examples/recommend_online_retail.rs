//! Every ranker on the real file, with all figures and their intervals.
//!
//! `cargo run --release -p vitrine-learn --example recommend_online_retail`

#[path = "../tests/online_retail/recommend.rs"]
mod online_retail;

use online_retail::*;
use std::time::Instant;
use vitrine_learn::recommend::*;

fn main() {
    let Some(shop) = shop() else { return };
    let begun = Instant::now();
    let seconds = move || begun.elapsed().as_secs_f64();
    let earlier = fit(&shop, VALIDATION_DAY, TEST_DAY);
    println!("validation fitted at {:.1} s: {} customers", seconds(), earlier.split.cases.len());
    let later = fit(&shop, TEST_DAY, i32::MAX);
    println!("test fitted at {:.1} s: {} customers", seconds(), later.split.cases.len());
    println!("{} users, {} items, {} pairs", later.binary.n_users(), later.binary.n_items(), later.binary.n_entries());
    for mode in [Mode::Novel, Mode::Repeat] {
        let parts = earlier.parts();
        let n_items = earlier.binary.n_items();
        let tuning = tune_blend("hybrid", &parts, n_items, &earlier.split.cases, mode, 10).unwrap();
        println!(
            "\n{mode:?}: {} trials, validation {:.4}: {:?} at {:.1} s",
            tuning.trials.len(),
            tuning.score(),
            tuning.best(),
            seconds()
        );
        let parts = later.parts();
        let blend = Blend::new(&parts, &weights_of(&tuning, &parts)).unwrap();
        let own = OwnCounts::new(&later.buyers);
        let ease20 = later.ease.lists(20);
        let ease50 = later.ease.lists(50);
        let ease50_fresh = later.ease.scaled_lists(&later.fresh, 50);
        let served = Served::new(&ease50_fresh, ProfileShape::default());
        let als64 = Als::fit(&later.binary, als_options(64)).unwrap();
        let named: Vec<(&str, &dyn Ranker)> = vec![
            ("popularity", &later.buyers),
            ("popular lately", &later.lately),
            ("own counts", &own),
            ("item cosine", &later.cosine),
            ("user neighbours", &later.users),
            ("content", &later.content),
            ("ALS 64", &als64),
            ("ALS 128", &later.als),
            ("EASE", &later.ease),
            ("EASE 20", &ease20),
            ("EASE 50", &ease50),
            ("EASE 50 fresh", &ease50_fresh),
            ("EASE 50 fresh served", &served),
            ("hybrid", &blend),
        ];
        println!("| ranker | P@10 | R@10 | F1 | nDCG@10 | interval | coverage | diversity | novelty |");
        println!("|---|---|---|---|---|---|---|---|---|");
        let mut found: Vec<Evaluation> = Vec::new();
        for (name, ranker) in named {
            let e = evaluate(name, ranker, &later.binary, &later.split.cases, Protocol::new(mode));
            println!(
                "| {name} | {:.4} | {:.4} | {:.4} | {:.4} | {:.4} to {:.4} | {:.3} | {:.3} | {:.2} |",
                e.precision.value,
                e.recall.value,
                e.f1.value,
                e.ndcg.value,
                e.ndcg.low,
                e.ndcg.high,
                e.coverage.value,
                e.diversity.value,
                e.novelty.value
            );
            found.push(e);
        }
        let hybrid = found.last().unwrap();
        println!("{} customers; hybrid less each:", hybrid.n_users);
        for other in &found[..found.len() - 1] {
            let gap = paired_difference(hybrid, other).unwrap();
            println!("  {:22} {:+.4} ({:+.4} to {:+.4})", other.ranker, gap.value, gap.low, gap.high);
        }
    }
    println!("done at {:.1} s", seconds());
}
