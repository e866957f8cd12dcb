//! How long a decision takes: a shop of real shape, warm, with and without an explanation, beside a plain scan as baseline.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use vitrine_engine::*;

/// 2,000 items with 32 neighbours each, and a visitor who bought eight of them.
struct Shop;

impl ItemGraph for Shop {
    fn n_items(&self) -> u32 {
        2_000
    }
    fn find(&self, id: &str) -> Option<ItemIdx> {
        id.parse().ok().map(ItemIdx)
    }
    fn in_category(&self, _: &str, _: &mut dyn FnMut(ItemIdx)) {}
    fn neighbours(&self, item: ItemIdx, visit: &mut dyn FnMut(ItemIdx, f32)) {
        for step in 1..=32u32 {
            visit(ItemIdx((item.0 * 31 + step * 97) % 2_000), 1.0 / step as f32);
        }
    }
    fn popularity(&self, item: ItemIdx) -> f32 {
        1.0 / (1.0 + item.0 as f32)
    }
}

struct Buyer;

impl Profile for Buyer {
    fn value(&self, _: AttributeIdx) -> Value<'_> {
        Value::Text("loyal")
    }
    fn has_label(&self, _: AttributeIdx, _: &str) -> bool {
        false
    }
    fn history(&self, visit: &mut dyn FnMut(ItemIdx, f32)) {
        (0..8).for_each(|it| visit(ItemIdx(it * 200), 1.0 - it as f32 / 10.0));
    }
}

/// 200 offers of three items each, every fourth for one audience; one placement.
fn bundle(ranker: Ranker) -> Bundle {
    let offers = (0..200u32)
        .map(|i| Offer {
            priority: (i % 7) as i32,
            schedule: Schedule::new(Some(TimestampMs(0)), Some(TimestampMs(i64::MAX))).unwrap(),
            audience: (i % 4 == 0).then_some(AudienceIdx(0)),
            items: (0..3).map(|j| (i * 10 + j).to_string()).collect(),
            ..Offer::new(format!("offer-{i}"), vec![Creative::new("{}")])
        })
        .collect();
    let segment = AttributeName { scope: Scope::Profile, name: "segment".into() };
    let loyal = Condition::Attribute(
        AttributeIdx(0),
        Test::In(vec![Literal::Text("new".into()), Literal::Text("loyal".into())]),
    );
    let placement =
        Placement { ranker, count_max: 4, ..Placement::new("home", (0..200).map(OfferIdx).collect(), OfferIdx(0)) };
    Bundle::new(BundleParts {
        attributes: vec![segment],
        audiences: vec![Audience { id: "loyal".into(), condition: loyal }],
        offers,
        placements: vec![placement],
        ..BundleParts::default()
    })
    .unwrap()
}

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("200 offers, 8 items in the profile");
    let (context, visitor) = (Context::default(), Visitor::Known(Buyer));
    for (name, ranker) in [("priority", Ranker::Priority), ("items", Ranker::Items(ItemsRanker::default()))] {
        let bundle = bundle(ranker);
        let index = OfferIndex::new(&bundle, &Shop);
        let inputs = || Inputs {
            bundle: &bundle,
            graph: &Shop,
            index: &index,
            visitor: &visitor,
            context: &context,
            now: TimestampMs(1),
            dedupe: Dedupe::Off,
            limits: &NoLimits,
            unit: None,
            seed: 0,
            variations: &[],
        };
        let placement = bundle.placement("home").unwrap();
        group.bench_function(name, |it| it.iter(|| decide(black_box(inputs()), placement, 4)));
        group.bench_function(format!("{name}, explained"), |it| {
            it.iter(|| {
                let mut explanation = Explanation::default();
                Evaluation::new(black_box(inputs())).decide(placement, 4, &mut explanation);
                explanation
            })
        });
    }
    // The least that any ranker must do: look at every offer's schedule and priority, and sort.
    let bundle = bundle(Ranker::Priority);
    group.bench_function("baseline: scan and sort", |it| {
        it.iter(|| {
            let running = |offer: &&Offer| offer.schedule.state(black_box(TimestampMs(1))) == ScheduleState::Running;
            let mut offers: Vec<&Offer> = bundle.offers().iter().filter(running).collect();
            offers.sort_by_key(|it| -it.priority);
            offers.truncate(4);
            offers
        })
    });
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
