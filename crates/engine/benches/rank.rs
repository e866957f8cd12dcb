//! How long the rankers take: 200 and 2,000 eligible offers with directions of 32 numbers, each ranker beside `priority` in the same
//! run, which does all the rest of a decision.
#![allow(missing_docs)]

use std::hint::black_box;

mod shop;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use shop::{Case, Shop, bundle, rankers};
use vitrine_engine::decide;

fn ranking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("4 of n offers");
    for n_offers in [10, 200, 2_000] {
        let shop = Shop::new(u32::from(n_offers));
        for (name, ranker) in rankers() {
            let bundle = bundle(n_offers, ranker);
            let case = Case::new(&bundle, &shop);
            let mut bench = |name: String, placement: &str| {
                let placement = bundle.placement(placement).unwrap();
                group.bench_function(BenchmarkId::new(name, n_offers), |it| {
                    it.iter(|| decide(black_box(case.inputs()), placement, 4))
                });
            };
            bench(name.to_owned(), "home");
            if name == "relevance" {
                bench("relevance, by value and diverse".to_owned(), "diverse");
            }
        }
    }
    group.finish();
}

criterion_group!(benches, ranking);
criterion_main!(benches);
