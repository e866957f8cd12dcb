//! Portions of caps and budgets, as one isolate holds them: what it may show, what it lacks, what it gives back.

use std::cell::RefCell;

use vitrine_api::{Granted, LEAVE, LeaseCall, Leased, Meter, Metered, PortionLimits, Portions, SILENCE_MS, Shortage};
use vitrine_engine::{
    Bundle, BundleParts, Campaign, CampaignIdx, Caps, CostModel, Creative, Limit, Limits, Offer, OfferIdx,
};

/// Noon of a day, UTC. Unit: ms.
const NOW: u64 = 20_000 * 86_400_000 + 43_200_000;
const LIFE_MS: u64 = 60_000;
const TOTAL: Meter = Meter::Total(OfferIdx(0));
const DAILY: Meter = Meter::Daily(OfferIdx(0));
const BUDGET: Meter = Meter::Budget(CampaignIdx(0));

/// Offer 0 has caps, offers 1 and 2 share a budget, offer 3 is free.
fn bundle() -> Bundle {
    let offer = |id: &str| Offer::new(id, vec![Creative::new(r#"{"title":"x"}"#)]);
    let mut capped = offer("capped");
    capped.caps = Caps { total: Some(10), daily: Some(5), ..Caps::default() };
    let paid = |id| Offer { campaign: Some(CampaignIdx(0)), ..offer(id) };
    let spring = Campaign {
        id: "spring".into(),
        budget_minor: Some(100),
        cost: CostModel::Cpm,
        cost_minor: 1000,
        ..Campaign::default()
    };
    Bundle::new(BundleParts {
        offers: vec![capped, paid("one"), paid("two"), offer("free")],
        campaigns: vec![spring],
        ..BundleParts::default()
    })
    .unwrap()
}

fn granted(meter: Meter, id: u64, n: u32) -> Granted {
    Granted { meter, id, n }
}

/// A call for nothing, of the version that the tests are about.
fn any_call() -> LeaseCall {
    LeaseCall { version: 3, ..LeaseCall::default() }
}

fn leased(granted: Vec<Granted>, closed: Vec<Meter>) -> Leased {
    Leased { life_ms: LIFE_MS, look_again_ms: 5_000, closed, granted }
}

fn holding(it: Vec<Granted>) -> RefCell<Portions> {
    let mut portions = Portions::default();
    portions.turn_to(3);
    portions.take(&any_call(), leased(it, Vec::new()), NOW);
    RefCell::new(portions)
}

/// What becomes of offers that are chosen one after the other in one answer.
fn answer(
    portions: &RefCell<Portions>,
    offers: &[u16],
    shortage: Shortage,
    now_ms: u64,
) -> (Vec<Option<Limit>>, Metered) {
    let bundle = bundle();
    let limits = PortionLimits::new(&bundle, portions, now_ms, shortage, true);
    let fate = |it: &u16| limits.rejection(OfferIdx(*it)).or_else(|| limits.show(OfferIdx(*it)));
    let fates = offers.iter().map(fate).collect();
    (fates, limits.into_metered())
}

#[test]
fn an_answer_shows_what_is_held_and_lacks_the_rest() {
    let portions = holding(vec![granted(TOTAL, 1, 2), granted(DAILY, 2, 1), granted(BUDGET, 3, 2)]);
    let (fates, metered) = answer(&portions, &[0, 1, 2, 3], Shortage::Asks, NOW);
    assert_eq!(fates, [None; 4]);
    assert_eq!(metered, Metered { shown: vec![TOTAL, DAILY, BUDGET, BUDGET], ..Metered::default() });
    // Twice the same offer on a page: the cap of the day has one left.
    let (fates, metered) = answer(&portions, &[0, 0], Shortage::Asks, NOW);
    assert_eq!((fates, metered.lacking), (vec![None; 2], vec![DAILY]));
    let (fates, metered) = answer(&portions, &[0, 0, 1, 2, 1], Shortage::LeavesOut, NOW);
    assert_eq!(fates, [None, Some(Limit::DailyCap), None, None, Some(Limit::Budget)]);
    assert_eq!(metered.shown, [TOTAL, DAILY, BUDGET, BUDGET]);
    assert!(metered.met_closed && metered.lacking.is_empty());
}

#[test]
fn offers_that_share_a_budget_are_refused_at_the_last_moment() {
    let portions = holding(vec![granted(BUDGET, 3, 1)]);
    let bundle = bundle();
    let limits = PortionLimits::new(&bundle, &portions, NOW, Shortage::LeavesOut, true);
    assert_eq!([1, 2].map(|it| limits.rejection(OfferIdx(it))), [None, None], "both are admitted");
    assert_eq!([1, 2].map(|it| limits.show(OfferIdx(it))), [None, Some(Limit::Budget)]);
}

#[test]
fn what_is_spent_is_gone() {
    let portions = holding(vec![granted(TOTAL, 1, 2), granted(DAILY, 2, 5)]);
    for _ in 0..2 {
        let (_, metered) = answer(&portions, &[0], Shortage::LeavesOut, NOW);
        portions.borrow_mut().spend(&metered.shown, NOW);
    }
    let (fates, metered) = answer(&portions, &[0], Shortage::Asks, NOW);
    assert_eq!((fates, metered.lacking), (vec![None], vec![TOTAL]));
    assert_eq!(answer(&portions, &[0], Shortage::LeavesOut, NOW).0, [Some(Limit::TotalCap)]);
    let call = portions.borrow_mut().call(&[TOTAL], NOW);
    assert_eq!(call.to_text(), "lease 1 3\nw t0 4\nb 1 0");
    assert_eq!(portions.borrow_mut().call(&[], NOW).to_text(), "lease 1 3", "given back once");
}

#[test]
fn portions_end_with_their_time_and_the_ones_of_a_day_with_the_day() {
    let portions = holding(vec![granted(TOTAL, 1, 2), granted(DAILY, 2, 2)]);
    assert_eq!(answer(&portions, &[0], Shortage::Asks, NOW + LIFE_MS - 1).1.lacking, []);
    assert_eq!(answer(&portions, &[0], Shortage::Asks, NOW + LIFE_MS).1.lacking, [TOTAL, DAILY]);
    let call = portions.borrow_mut().call(&[TOTAL], NOW + LIFE_MS);
    assert_eq!(call.back, [(1, 2), (2, 2)], "what was not shown is given back");
    let mut late = Portions::default();
    late.turn_to(3);
    let midnight = 20_001 * 86_400_000;
    late.take(&any_call(), leased(vec![granted(TOTAL, 1, 2), granted(DAILY, 2, 2)], vec![BUDGET]), midnight - 1);
    let late = RefCell::new(late);
    assert_eq!(answer(&late, &[0, 1], Shortage::Asks, midnight - 1).0, [None, Some(Limit::Budget)]);
    let (fates, metered) = answer(&late, &[0, 1], Shortage::Asks, midnight);
    assert_eq!(
        (fates, metered.lacking),
        (vec![None; 2], vec![DAILY, BUDGET]),
        "nor is it known any more what is closed"
    );
}

#[test]
fn what_is_closed_is_left_out_at_once_until_it_is_looked_at_again() {
    let portions = holding(Vec::new());
    portions.borrow_mut().take(&any_call(), leased(Vec::new(), vec![DAILY]), NOW);
    let (fates, metered) = answer(&portions, &[0, 3], Shortage::Asks, NOW + 1);
    assert_eq!((fates, metered.lacking, metered.met_closed), (vec![Some(Limit::DailyCap), None], vec![], true));
    let mut portions = portions.into_inner();
    assert_eq!(portions.renewal(&[], true, NOW + 4_999), None);
    assert_eq!(portions.renewal(&[], true, NOW + 5_000), Some(Vec::new()));
    assert_eq!(portions.renewal(&[], true, NOW + 5_001), None, "it has begun");
    // An answer that was overtaken changes nothing.
    portions.take(&any_call(), leased(Vec::new(), Vec::new()), NOW + 5_000);
    portions.take(&any_call(), leased(Vec::new(), vec![DAILY]), NOW + 100);
    assert!(!answer(&RefCell::new(portions), &[0], Shortage::Asks, NOW + 5_001).1.met_closed);
}

#[test]
fn portions_are_renewed_when_they_run_low_or_grow_old() {
    let portions = holding(vec![granted(TOTAL, 1, 8), granted(DAILY, 2, 100)]);
    let shown = [TOTAL, DAILY];
    assert_eq!(portions.borrow_mut().renewal(&shown, false, NOW + 1_000), None);
    portions.borrow_mut().spend(&[TOTAL; 6], NOW + 1_000);
    assert_eq!(portions.borrow_mut().renewal(&shown, false, NOW + 1_000), Some(vec![TOTAL]));
    let call = portions.borrow_mut().call(&[TOTAL], NOW + 1_000);
    assert_eq!(call.to_text(), "lease 1 3\nw t0 12", "what is held is kept while it is good");
    portions.borrow_mut().take(&any_call(), leased(vec![granted(TOTAL, 9, 12)], Vec::new()), NOW + 1_000);
    assert_eq!(
        portions.borrow_mut().renewal(&shown, false, NOW + 30_000),
        Some(vec![DAILY]),
        "half of its life is over"
    );
    portions.borrow_mut().take(&any_call(), leased(vec![granted(DAILY, 10, 4)], Vec::new()), NOW + 30_000);
    let call = portions.borrow_mut().call(&[], NOW + 30_000);
    assert_eq!(call.back, [(2, 100)], "the new one takes the place of the old one");
}

#[test]
fn another_version_gives_everything_back() {
    let portions = holding(vec![granted(TOTAL, 1, 8), granted(BUDGET, LEAVE, u32::MAX)]);
    portions.borrow_mut().spend(&[TOTAL], NOW);
    portions.borrow_mut().turn_to(4);
    // An answer to the version before comes late.
    portions.borrow_mut().take(
        &any_call(),
        leased(vec![granted(TOTAL, 5, 3), granted(BUDGET, LEAVE, u32::MAX)], vec![DAILY]),
        NOW,
    );
    assert_eq!(answer(&portions, &[0], Shortage::Asks, NOW).1.lacking, [TOTAL, DAILY]);
    assert_eq!(portions.borrow_mut().call(&[TOTAL], NOW).to_text(), "lease 1 4\nw t0 4\nb 1 7\nb 5 3");
}

#[test]
fn leave_is_taken_away_by_the_next_answer_and_never_given_back() {
    let portions = holding(vec![granted(BUDGET, LEAVE, u32::MAX)]);
    assert_eq!(answer(&portions, &[1, 2, 1], Shortage::LeavesOut, NOW).0, [None; 3]);
    portions.borrow_mut().take(&any_call(), leased(Vec::new(), vec![BUDGET]), NOW + 10);
    assert_eq!(answer(&portions, &[1], Shortage::Asks, NOW + 11).0, [Some(Limit::Budget)]);
    assert_eq!(portions.borrow_mut().call(&[], NOW + LIFE_MS).back, []);
}

#[test]
fn while_the_object_is_silent_it_is_not_known_what_is_left() {
    let portions = holding(vec![granted(TOTAL, 1, 1), granted(DAILY, 2, 1)]);
    portions.borrow_mut().failed(&any_call(), NOW);
    assert!(!portions.borrow().may_ask(NOW + SILENCE_MS - 1) && portions.borrow().may_ask(NOW + SILENCE_MS));
    let (fates, _) = answer(&portions, &[0, 1], Shortage::LeavesOut, NOW + 1);
    assert_eq!(fates, [None, Some(Limit::Unknown)], "what is held is shown all the same");
    assert_eq!(portions.borrow_mut().renewal(&[TOTAL], true, NOW + 1), None);
}

#[test]
fn a_crowd_asks_for_one_portion_and_for_one_showing_each() {
    let portions = holding(Vec::new());
    let mut portions = portions.borrow_mut();
    let calls: Vec<LeaseCall> = (0..3).map(|_| portions.call(&[TOTAL, DAILY], NOW)).collect();
    let wanted = |it: &LeaseCall| it.wanted.iter().map(|it| it.n).collect::<Vec<_>>();
    assert_eq!(calls.iter().map(wanted).collect::<Vec<_>>(), [[4, 4], [1, 1], [1, 1]]);
    portions.take(&calls[0], leased(vec![granted(TOTAL, 1, 4)], Vec::new()), NOW);
    portions.failed(&calls[1], NOW);
    assert_eq!(wanted(&portions.call(&[TOTAL], NOW)), [1], "two still ask");
    portions.take(&calls[2], leased(Vec::new(), Vec::new()), NOW);
    assert_eq!(wanted(&portions.call(&[DAILY], NOW)), [4]);
}

#[test]
fn what_does_not_count_asks_only_what_is_closed() {
    let bundle = bundle();
    let empty = RefCell::new(Portions::default());
    let limits = |portions, shortage| {
        let limits = PortionLimits::new(&bundle, portions, NOW, shortage, false);
        let fates = [0, 1, 3].map(|it| limits.rejection(OfferIdx(it)).or_else(|| limits.show(OfferIdx(it))));
        (fates, limits.into_metered())
    };
    let (fates, metered) = limits(&empty, Shortage::Asks);
    assert_eq!((fates, metered.lacking.is_empty()), ([None; 3], false));
    assert_eq!(limits(&empty, Shortage::LeavesOut).1, Metered::default());
    let known = holding(Vec::new());
    known.borrow_mut().take(&any_call(), leased(Vec::new(), vec![TOTAL]), NOW);
    assert_eq!(limits(&known, Shortage::Asks).0, [Some(Limit::TotalCap), None, None]);
}
