//! The rankers of `crates/engine/benches/rank.rs` as a wasm module that a script can time: `prepare` a case, then `decide` many times.
#![allow(missing_docs)]

#[path = "../../../crates/engine/benches/shop/mod.rs"]
mod shop;

use shop::{Case, Shop, bundle, rankers};
use std::cell::RefCell;
use vitrine_engine::{Bundle, Filled, Ranker};

thread_local! {
    static CASE: RefCell<Option<Case<'static>>> = const { RefCell::new(None) };
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
    CASE.with(|it| it.replace(Some(Case::new(bundle, shop))));
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
        let Some(case) = case.as_ref() else { return 0 };
        let Some(placement) = case.bundle.placement("home") else { return 0 };
        let mut sum = 0_u32;
        for _ in 0..n_times {
            let decision = vitrine_engine::decide(std::hint::black_box(case.inputs()), placement, 4);
            if let Filled::Offers(chosen) = decision.filled {
                sum = chosen.iter().fold(sum, |sum, it| sum.wrapping_add(u32::from(it.idx.0)));
            }
        }
        sum
    })
}
