//! What caps for single visitors do.

use crate::kit::{offers, run, settings, shop};
use serde_json::json;
use vitrine_simulate::{Segmentation, Settings, Verdict};

const TRUTH: &str = "segment,offer,click\n*,a,0.30\n*,b,0.28\n*,c,0.28\n*,hello,0.05\n";

fn with_cap(cap: Option<&str>, fatigue: f64) -> Settings {
    Settings { cap: cap.map(|it| it.parse().unwrap()), fatigue, ..settings(&["priority"]) }
}

#[test]
fn who_tires_is_better_shown_something_else() {
    let document = offers(&["a", "b", "c"], &json!({}));
    let report = run(&shop(1, 1_000), &document, TRUTH, Segmentation::Taste, &with_cap(Some("1/28d"), 0.5));
    let caps = &report.caps;
    assert_eq!((caps.cap.as_deref(), caps.with.repeats_max), (Some("1/28d"), 1));
    assert!(caps.without.repeats_max > 5, "{caps:?}");
    assert_eq!((caps.clicks.verdict, caps.value.verdict), (Verdict::Better, Verdict::Better), "{caps:?}");
    for side in [&caps.with, &caps.without] {
        assert_eq!(side.impressions + side.fallbacks, report.visits);
    }
    // Three offers, each once: whoever comes a fourth time sees the fallback offer.
    assert!(caps.with.fallbacks > 0 && caps.without.fallbacks == 0);
    assert!(caps.with.impressions < caps.without.impressions);
}

#[test]
fn who_never_tires_is_only_shown_worse() {
    let document = offers(&["a", "b", "c"], &json!({}));
    let report = run(&shop(1, 1_000), &document, TRUTH, Segmentation::Taste, &with_cap(Some("1/28d"), 1.0));
    assert_eq!(report.caps.clicks.verdict, Verdict::Worse, "{:?}", report.caps);
    assert!(report.caps.clicks.measured.unwrap().high < 0.0);
}

#[test]
fn without_caps_twice_a_week_is_tried_and_own_caps_go_first() {
    let mut document = offers(&["a", "b"], &json!({}));
    let shop = shop(2, 300);
    let report =
        run(&shop, &document, TRUTH.replace("*,c,0.28\n", "").as_str(), Segmentation::Taste, &with_cap(None, 0.8));
    assert_eq!(report.caps.cap.as_deref(), Some("2/7d"));
    // Four weeks of at most two.
    assert!(report.caps.with.repeats_max <= 10, "{:?}", report.caps);
    document["offers"][0]["caps"] = json!({ "visitor": [{ "count": 1, "per": "400d" }] });
    let report =
        run(&shop, &document, TRUTH.replace("*,c,0.28\n", "").as_str(), Segmentation::Taste, &with_cap(None, 0.8));
    assert_eq!(report.caps.cap, None);
    // `a` once, then `b` as often as they come.
    assert!(report.caps.with.repeats_max > 1 && report.caps.with.repeats_max < report.caps.without.repeats_max);
    assert_eq!(report.caps.with.fallbacks, 0);
}
