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
        let tuning = earlier.choose(mode);
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
        let weights = weights_of(&tuning, &parts);
        let cosine50 = later.cosine.scaled(&vec![1.0; later.fresh.len()], 50);
        let table = table(&later, &parts, &weights, 50);
        let table_shape = |items_max, weight_steps, half_life_days| {
            Served::new(&table, ProfileShape { items_max, weight_steps, half_life_days })
        };
        let table32 = table_shape(32, 15, 180.0);
        let table64 = table_shape(64, 15, 180.0);
        let table32_flat = table_shape(32, 1, 180.0);
        let edge = edge(&earlier, mode);
        println!("edge, validation {:.4}: {:?}", edge.score(), edge.best());
        let edge_blend = edge_ranker(&later, &edge, ProfileShape::default());
        let served = Served::new(&later.ease_fresh, ProfileShape::default());
        let als128 = Als::fit(&later.binary, als_options(128)).unwrap();
        let users = UserNeighbours::new(&later.binary, 20.0, 100).unwrap();
        let named: Vec<(&str, &dyn Ranker)> = vec![
            ("popularity", &later.buyers),
            ("popular lately", &later.lately),
            ("own counts", &own),
            ("item cosine", &later.cosine),
            ("user neighbours", &users),
            ("content", &later.content),
            ("ALS 64", &later.als),
            ("ALS 128", &als128),
            ("EASE", &later.ease),
            ("EASE 20", &ease20),
            ("EASE 50", &later.ease_lists),
            ("EASE 50 fresh", &later.ease_fresh),
            ("EASE 50 fresh served", &served),
            ("item cosine 50", &cosine50),
            ("hybrid's lists 50", &table),
            ("  served 32", &table32),
            ("  served 64", &table64),
            ("  served 32, weights 1", &table32_flat),
            ("edge blend", &edge_blend),
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

/// The item-based parts of a blend as the lists of one item table.
fn table(fitted: &Fitted, parts: &[Part<'_>], weights: &[f64], per_item: usize) -> NeighbourLists {
    let weight = |name: &str| {
        let at = parts.iter().position(|part| part.name == name);
        at.and_then(|at| weights.get(at)).copied().unwrap_or(0.0)
    };
    let lists = [
        (fitted.ease.lists(300), weight("ease")),
        (fitted.ease.scaled_lists(&fitted.fresh, 300), weight("ease_fresh")),
        (fitted.cosine.scaled(&fitted.fresh, 300), weight("cosine_fresh")),
        (fitted.content.scaled(&fitted.fresh, 300), weight("content_fresh")),
    ];
    let customers = || fitted.split.cases.iter().take(500).map(|case| case.own.as_slice());
    let sized: Vec<(&NeighbourLists, f64)> =
        lists.iter().map(|(lists, weight)| (lists, weight / lists.mean_highest(customers()))).collect();
    NeighbourLists::mixed(&sized, per_item)
}

/// Chooses, on the validation split, what an own item and popularity add to the sums that the edge makes.
fn edge(fitted: &Fitted, mode: Mode) -> Tuning {
    let space = [
        Dimension::new("own", &[0.0, 0.5, 1.0, 2.0, 4.0]),
        Dimension::new("lately", &[0.0, 0.05, 0.2, 0.5, 1.0]),
        Dimension::new("half_life_days", &[180.0, 1e6]),
    ];
    let score = |params: &Params| {
        let shape = ProfileShape { half_life_days: params["half_life_days"], ..ProfileShape::default() };
        let ranker = blended(fitted, params["own"], params["lately"], shape);
        Ok::<_, String>(ndcg(&ranker, &fitted.binary, &fitted.split.cases, mode, 10))
    };
    tune("edge", &space, Search::Grid, score).unwrap()
}

fn edge_ranker(fitted: &Fitted, tuning: &Tuning, shape: ProfileShape) -> Served {
    let shape = ProfileShape { half_life_days: tuning.get("half_life_days"), ..shape };
    blended(fitted, tuning.get("own"), tuning.get("lately"), shape)
}

fn blended(fitted: &Fitted, own: f64, lately: f64, shape: ProfileShape) -> Served {
    let most = fitted.lately.numbers().iter().fold(1e-9_f64, |most, number| most.max(*number));
    let popularity: Vec<f64> = fitted.lately.numbers().iter().map(|number| number / most * lately).collect();
    Served::new(&fitted.ease_fresh, shape).with(own, &popularity)
}
