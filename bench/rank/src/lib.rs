//! The rankers of `crates/engine/benches/rank.rs` as a wasm module that a script can time: `prepare` a case, then `decide` many times.
#![allow(missing_docs)]

#[path = "../../../crates/engine/benches/shop/mod.rs"]
mod shop;

use shop::{Buyer, Shop, bundle, rankers};
use std::cell::RefCell;
use vitrine_engine::*;

struct Case {
    bundle: &'static Bundle,
    shop: &'static Shop,
    index: OfferIndex,
    visitor: Visitor<Buyer>,
}

thread_local! {
    static CASE: RefCell<Option<Case>> = const { RefCell::new(None) };
}

/// Makes offers and a ranker ready. Gives the number of rankers.
#[unsafe(no_mangle)]
pub extern "C" fn prepare(n_offers: u32, ranker: u32) -> u32 {
    let rankers = rankers();
    let n_rankers = rankers.len() as u32;
    let Some((_, ranker)) = rankers.into_iter().nth(ranker as usize) else { return n_rankers };
    // For as long as the module lives.
    let shop: &Shop = Box::leak(Box::new(Shop::new(n_offers)));
    let bundle: &Bundle = Box::leak(Box::new(bundle(n_offers as u16, ranker)));
    let (index, visitor) = (OfferIndex::new(bundle, shop), Visitor::Known(Buyer(shop.0[7])));
    CASE.with(|it| it.replace(Some(Case { bundle, shop, index, visitor })));
    n_rankers
}

/// The letter of a ranker's name at a place; 0 after its end.
#[unsafe(no_mangle)]
pub extern "C" fn name_at(ranker: u32, at: u32) -> u32 {
    let letter = |(name, _): (&str, Ranker)| name.as_bytes().get(at as usize).copied();
    rankers().into_iter().nth(ranker as usize).and_then(letter).map_or(0, u32::from)
}

/// Chooses 4 offers, so many times. Gives a sum over what was chosen, so that nothing of it is left out.
#[unsafe(no_mangle)]
pub extern "C" fn decide(n_times: u32) -> u32 {
    CASE.with(|it| {
        let case = it.borrow();
        let Some(Case { bundle, shop, index, visitor }) = case.as_ref() else { return 0 };
        let Some(placement) = bundle.placement("home") else { return 0 };
        let context = Context::default();
        let mut sum = 0_u32;
        for _ in 0..n_times {
            let inputs = Inputs {
                bundle,
                graph: *shop,
                index,
                visitor,
                context: &context,
                now: TimestampMs(1),
                dedupe: Dedupe::Off,
                limits: &NoLimits,
                unit: None,
                seed: 7,
                variations: &[],
            };
            let decision = vitrine_engine::decide(std::hint::black_box(inputs), placement, 4);
            if let Filled::Offers(chosen) = decision.filled {
                sum = chosen.iter().fold(sum, |sum, it| sum.wrapping_add(u32::from(it.idx.0)));
            }
        }
        sum
    })
}
