//! How long the rankers take: 200 and 2,000 eligible offers with directions of 32 numbers, each ranker beside `priority` in the same
//! run, which does all the rest of a decision.
#![allow(missing_docs)]

use std::hint::black_box;

mod shop;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use shop::{Buyer, Shop, bundle, rankers};
use vitrine_engine::*;

fn ranking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("4 of n offers");
    let context = Context::default();
    for n_offers in [10, 200, 2_000] {
        let shop = Shop::new(u32::from(n_offers));
        let visitor = Visitor::Known(Buyer(shop.0[7]));
        for (name, ranker) in rankers() {
            let bundle = bundle(n_offers, ranker);
            let index = OfferIndex::new(&bundle, &shop);
            let inputs = || Inputs {
                bundle: &bundle,
                graph: &shop,
                index: &index,
                visitor: &visitor,
                context: &context,
                now: TimestampMs(1),
                dedupe: Dedupe::Off,
                limits: &NoLimits,
                unit: None,
                seed: 7,
                variations: &[],
            };
            let mut bench = |name: String, placement: &str| {
                let placement = bundle.placement(placement).unwrap();
                group.bench_function(BenchmarkId::new(name, n_offers), |it| {
                    it.iter(|| decide(black_box(inputs()), placement, 4))
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
