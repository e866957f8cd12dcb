//! Configurations, truths and runs for the tests.

use serde_json::{Value, json};
use vitrine_config::{Format, check};
use vitrine_engine::Bundle;
use vitrine_simulate::{
    Contender, RankerReport, RegretReport, Report, Segmentation, Settings, Shop, SimulateError, Truth, placement,
    simulate,
};

/// A checked configuration.
pub fn bundle(document: &Value) -> Bundle {
    check(&document.to_string(), Format::Json).expect("sound").bundle
}

/// The configuration of the made-up shop.
pub fn demo() -> Bundle {
    bundle(&vitrine_demo::offers_document())
}

/// A placement with these offers, without goods and without rules; `extra` goes into the placement.
pub fn offers(ids: &[&str], extra: &Value) -> Value {
    let offer = |id: &str| json!({ "id": id, "content": { "title": id } });
    let mut placement = json!({ "id": "hero", "offers": ids, "fallback": "hello" });
    let members = extra.as_object().expect("an object").clone();
    placement.as_object_mut().expect("an object").extend(members);
    json!({
        "version": 1,
        "offers": ids.iter().map(|id| offer(id)).chain([offer("hello")]).collect::<Vec<_>>(),
        "placements": [placement]
    })
}

pub fn settings(rankers: &[&str]) -> Settings {
    let rankers = Contender::named(rankers).expect("known");
    Settings { placement: None, rankers, cap: None, fatigue: 0.8, start: None }
}

pub fn shop(seed: u64, n_visitors: u32) -> Shop {
    Shop::new(seed, n_visitors, |_| {}).expect("in range")
}

/// Simulates with a truth that is written down.
pub fn run(shop: &Shop, document: &Value, truth: &str, by: Segmentation, settings: &Settings) -> Report {
    try_run(shop, document, truth, by, settings).expect("simulated")
}

pub fn try_run(
    shop: &Shop,
    document: &Value,
    truth: &str,
    by: Segmentation,
    settings: &Settings,
) -> Result<Report, SimulateError> {
    let bundle = bundle(document);
    let truth = Truth::read(truth, by, &bundle, placement(&bundle, settings.placement.as_deref())?)?;
    simulate(shop, &bundle, &truth, settings, &mut |_, _| {})
}

/// Simulates the made-up shop with its own truth.
pub fn run_demo(shop: &Shop, settings: &Settings) -> Report {
    let bundle = demo();
    let truth = Truth::made_up(shop, &bundle);
    simulate(shop, &bundle, &truth, settings, &mut |_, _| {}).expect("simulated")
}

pub fn ranker(report: &Report, ranker: Contender) -> &RankerReport {
    report.rankers.iter().find(|it| it.ranker == ranker).expect("there")
}

pub fn regret(report: &Report, ranker: Contender) -> &RegretReport {
    report.regret.iter().find(|it| it.ranker == ranker).expect("there")
}
