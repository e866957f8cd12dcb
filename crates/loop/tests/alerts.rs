//! Alerts on documents that may be published: which counts are asked for, what fires, what does not.

use serde_json::{Value, json};
use vitrine_config::{Format, check};
use vitrine_engine::TimestampMs;
use vitrine_ledger::{CountQuery, CountRow, Dimension, HOUR_MS, Kind, Rule, Tally};
use vitrine_loop::{AlertState, Alerts, Finding, judge};

/// Half past an hour, which is hour 490,000.
const HOUR: i64 = 490_000;
const NOW: TimestampMs = TimestampMs(HOUR * HOUR_MS + HOUR_MS / 2);

use AlertState::{Clear, Fires, Unknown};

/// A document with this section, and a weight for each variation of its experiment.
fn document(section: Value, weights: [f64; 3]) -> Value {
    let variation = |(id, weight): (&str, f64)| json!({ "id": id, "value": id, "weight": weight });
    let variations: Vec<Value> = ["a", "b", "c"].into_iter().zip(weights).map(variation).collect();
    let document = json!({
        "version": 1,
        "settings": { "time_zone": "Europe/Berlin" },
        "metrics": [{ "id": "orders", "type": "proportion", "event": "purchase", "goal": "increase" }],
        "experiments": [
            {
                "id": "hero-test", "type": "string", "metrics": { "goal": ["orders"] },
                "variations": variations,
            },
            { "id": "later", "type": "string", "status": "draft", "variations": [{ "id": "x", "value": "x" }, { "id": "y", "value": "y" }] },
        ],
        "offers": [{ "id": "tulips", "content": { "title": "t" } }, { "id": "welcome", "content": { "title": "w" } }],
        "placements": [{ "id": "home", "fallback": "welcome" }, { "id": "cart", "fallback": "welcome" }],
        "alerts": section,
    });
    check(&document.to_string(), Format::Json).unwrap_or_else(|it| panic!("{it:?}")).document
}

/// What is counted: the hour, the dimensions that it has, the kind, how many.
type Counted<'c> = (i64, &'c [(Dimension, &'c str)], Kind, u64);

/// What the ledger would answer.
fn answer(query: &CountQuery, counted: &[Counted<'_>]) -> Vec<CountRow> {
    let value = |of: &[(Dimension, &str)], hour: i64, wanted: Dimension| match wanted {
        Dimension::Hour => TimestampMs(hour * HOUR_MS).to_string(),
        _ => of.iter().find(|(it, _)| *it == wanted).map(|(_, it)| (*it).to_owned()).unwrap_or_default(),
    };
    let fits = |(hour, of, _, _): &&Counted<'_>| {
        (query.from_hour..query.to_hour).contains(hour)
            && query.only.iter().all(|(dimension, it)| value(of, *hour, *dimension) == *it)
    };
    counted
        .iter()
        .filter(fits)
        .map(|(hour, of, kind, n)| CountRow::Count {
            of: query.by.iter().map(|it| value(of, *hour, *it)).collect(),
            kind: *kind,
            rule: if *kind == Kind::Exposure { Rule::None } else { Rule::Token },
            currency: String::new(),
            tally: Tally { n: *n, ..Tally::default() },
        })
        .collect()
}

fn found(document: &Value, counted: &[Counted<'_>]) -> Vec<Finding> {
    let alerts = Alerts::of(document);
    let queries = alerts.queries("production", NOW);
    let answers: Vec<_> = queries
        .into_iter()
        .map(|it| {
            let rows = answer(&it, counted);
            (it, rows)
        })
        .collect();
    judge(&alerts, "production", NOW, &answers)
}

/// Keys and states of what is found.
#[track_caller]
fn states(section: Value, weights: [f64; 3], counted: &[Counted<'_>], expected: &[(&str, AlertState)]) {
    let found = found(&document(section, weights), counted);
    let found: Vec<_> = found.iter().map(|it| (it.key.as_str(), it.state)).collect();
    assert_eq!(found, expected);
}

const EQUAL: [f64; 3] = [40.0, 40.0, 20.0];

#[track_caller]
fn counter(more: Value, counted: &[Counted<'_>], expected: AlertState) {
    let mut counter = json!({ "id": "it", "event": "click" });
    counter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    states(json!({ "counters": [counter] }), EQUAL, counted, &[("counter/it", expected)]);
}

const NOWHERE: &[(Dimension, &str)] = &[];
const HOME: &[(Dimension, &str)] = &[(Dimension::Placement, "home")];
const CART: &[(Dimension, &str)] = &[(Dimension::Placement, "cart")];

#[test]
fn counters_are_held_against_thresholds() {
    let clicks = |hour, n| (hour, NOWHERE, Kind::Click, n);
    counter(json!({ "below": 10 }), &[clicks(HOUR - 1, 9)], Fires);
    counter(json!({ "below": 10 }), &[clicks(HOUR - 1, 10)], Clear);
    counter(json!({ "below": 10 }), &[], Fires);
    // The present hour has only begun, and what is older than the window is none of it.
    counter(json!({ "below": 10 }), &[clicks(HOUR, 50)], Fires);
    counter(json!({ "below": 10 }), &[clicks(HOUR - 2, 50)], Fires);
    counter(json!({ "below": 10, "window_hours": 2 }), &[clicks(HOUR - 2, 50)], Clear);
    counter(json!({ "above": 10 }), &[clicks(HOUR, 11)], Fires);
    counter(json!({ "above": 10 }), &[clicks(HOUR, 10)], Clear);
    counter(json!({ "above": 10 }), &[clicks(HOUR - 1, 50)], Clear);
    counter(json!({ "above": 10, "window_hours": 3 }), &[clicks(HOUR - 2, 6), clicks(HOUR, 5)], Fires);
    counter(json!({ "below": 5, "above": 10 }), &[clicks(HOUR - 1, 7)], Clear);
    counter(json!({ "below": 5, "above": 10 }), &[clicks(HOUR - 1, 4), clicks(HOUR, 2)], Fires);
}

#[test]
fn counters_count_only_what_they_name() {
    let of: &[(Dimension, &str)] =
        &[(Dimension::Placement, "home"), (Dimension::Offer, "tulips"), (Dimension::Channel, "app")];
    let rows = [(HOUR - 1, of, Kind::Click, 5), (HOUR - 1, CART, Kind::Click, 70), (HOUR - 1, of, Kind::View, 90)];
    counter(json!({ "above": 20, "window_hours": 2 }), &rows, Fires);
    for only in [
        json!({ "placement": "home" }),
        json!({ "offer": "tulips" }),
        json!({ "channel": "app" }),
        json!({ "event": "cart" }),
    ] {
        let mut more = json!({ "above": 20, "window_hours": 2 });
        more.as_object_mut().unwrap().extend(only.as_object().unwrap().clone());
        counter(more, &rows, Clear);
    }
    let named: &[(Dimension, &str)] = &[(Dimension::Name, "purchase")];
    let orders = [(HOUR - 1, named, Kind::Conversion, 3), (HOUR - 1, NOWHERE, Kind::Conversion, 40)];
    counter(json!({ "event": "conversion", "below": 10 }), &orders, Clear);
    counter(json!({ "event": "conversion", "name": "purchase", "below": 10 }), &orders, Fires);
}

#[test]
fn quotients_need_enough_to_divide_by() {
    let rate = |clicks, seen| [(HOUR - 1, HOME, Kind::Click, clicks), (HOUR - 1, HOME, Kind::Impression, seen)];
    let of = |more: Value| {
        let mut all = json!({ "per": "impression", "below": 0.01 });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    counter(of(json!({})), &rate(1, 200), Fires);
    counter(of(json!({})), &rate(2, 200), Clear);
    counter(of(json!({})), &rate(0, 99), Unknown);
    counter(of(json!({ "at_least": 1000 })), &rate(0, 999), Unknown);
    counter(of(json!({ "above": 0.5, "window_hours": 2 })), &rate(150, 200), Fires);
    // The name is that of the event, not of what it is divided by.
    let named: &[(Dimension, &str)] = &[(Dimension::Name, "purchase")];
    let rows = [(HOUR - 1, named, Kind::Conversion, 1), (HOUR - 1, NOWHERE, Kind::Impression, 1000)];
    counter(of(json!({ "event": "conversion", "name": "purchase" })), &rows, Fires);
}

#[test]
fn bands_compare_with_the_same_hours_of_the_days_before() {
    let days = |counts: &[u64], now: u64| {
        let mut rows = vec![(HOUR - 1, NOWHERE, Kind::Click, now), (HOUR, NOWHERE, Kind::Click, 10_000)];
        // Another hour of each day, which is none of its business.
        rows.extend((1..).zip(counts).flat_map(|(day, n)| {
            [(HOUR - 1 - 24 * day, NOWHERE, Kind::Click, *n), (HOUR - 5 - 24 * day, NOWHERE, Kind::Click, 7_000)]
        }));
        rows
    };
    let band = || json!({ "band": {} });
    let usual = [100, 110, 90, 105, 95, 100, 100];
    counter(band(), &days(&usual, 101), Clear);
    // The mean is 100; as independent events the deviation is at least 10.
    counter(band(), &days(&usual, 130), Clear);
    counter(band(), &days(&usual, 131), Fires);
    counter(band(), &days(&usual, 70), Clear);
    counter(band(), &days(&usual, 69), Fires);
    counter(json!({ "band": { "deviations": 5 } }), &days(&usual, 131), Clear);
    // Days that differ much make the band wide.
    counter(band(), &days(&[10, 200, 50, 180, 20, 90, 150], 260), Clear);
    // Three days must have been counted; of a rare event one more is nothing.
    counter(band(), &days(&[100, 100], 0), Unknown);
    counter(band(), &days(&[1, 0, 1, 0, 0, 1], 3), Clear);
    counter(band(), &days(&[1, 0, 1, 0, 0, 1], 4), Fires);
    counter(json!({ "band": { "days": 3 } }), &days(&[100, 100, 100, 9_000], 100), Clear);
    let text = &found(
        &document(json!({ "counters": [{ "id": "it", "event": "click", "band": {} }] }), EQUAL),
        &days(&usual, 131),
    )[0]
    .text;
    assert_eq!(text, "it: 131 click in 1 h; in these hours of the 7 days before 70.0 to 130.0 are normal");
}

fn exposed<'c>(of: &'c [[(Dimension, &'c str); 2]], n: [u64; 3]) -> Vec<Counted<'c>> {
    of.iter().zip(n).map(|(of, n)| (HOUR - 30, of.as_slice(), Kind::Exposure, n)).collect()
}

const VARIATIONS: [[(Dimension, &str); 2]; 3] = [
    [(Dimension::Experiment, "hero-test"), (Dimension::Variation, "0")],
    [(Dimension::Experiment, "hero-test"), (Dimension::Variation, "1")],
    [(Dimension::Experiment, "hero-test"), (Dimension::Variation, "2")],
];

#[test]
fn sample_ratios_are_held_against_the_weights() {
    let ratio = |section: Value, weights, n, expected| {
        states(
            json!({ "sample_ratio": section }),
            weights,
            &exposed(&VARIATIONS, n),
            &[("sample_ratio/hero-test", expected)],
        );
    };
    ratio(json!({}), EQUAL, [4000, 4000, 2000], Clear);
    ratio(json!({}), EQUAL, [4100, 3900, 2000], Clear);
    ratio(json!({}), EQUAL, [4300, 3700, 2000], Fires);
    ratio(json!({}), EQUAL, [2, 2, 1], Unknown);
    ratio(json!({}), EQUAL, [0, 0, 0], Unknown);
    // p is 0.0256 for 4100 to 3900 of equal shares.
    ratio(json!({ "alpha": 0.05 }), [50.0, 50.0, 0.0], [4100, 3900, 0], Fires);
    ratio(json!({ "alpha": 0.01 }), [50.0, 50.0, 0.0], [4100, 3900, 0], Clear);
    // A variation without weight is not a matter of ratios.
    ratio(json!({}), [50.0, 50.0, 0.0], [4000, 4000, 900], Clear);
    // What is older than the window, or than the weights, does not count.
    ratio(json!({ "window_days": 1 }), EQUAL, [4300, 3700, 2000], Unknown);
    let since = TimestampMs((HOUR - 29) * HOUR_MS).to_string();
    ratio(json!({ "since": since }), EQUAL, [4300, 3700, 2000], Unknown);
}

#[test]
fn traffic_without_weight_is_found() {
    let zero = |section: Value, weights, n, expected: &[(&str, AlertState)]| {
        states(json!({ "zero_weight": section }), weights, &exposed(&VARIATIONS, n), expected);
    };
    let week = || json!({ "window_hours": 168 });
    zero(week(), [50.0, 50.0, 0.0], [4000, 4000, 1], &[("zero_weight/hero-test/c", Fires)]);
    zero(week(), [50.0, 50.0, 0.0], [4000, 4000, 0], &[("zero_weight/hero-test/c", Clear)]);
    zero(week(), EQUAL, [4000, 4000, 1], &[]);
    zero(
        json!({ "window_hours": 168, "at_least": 10 }),
        [50.0, 50.0, 0.0],
        [1, 1, 9],
        &[("zero_weight/hero-test/c", Clear)],
    );
    zero(json!({}), [50.0, 50.0, 0.0], [1, 1, 9], &[("zero_weight/hero-test/c", Clear)]);
}

#[test]
fn missing_impressions_are_found() {
    let missing = |section: Value, rows: &[Counted<'_>], expected: [AlertState; 2]| {
        let keys = ["missing_impressions/home", "missing_impressions/cart"];
        let expected: Vec<_> = keys.into_iter().zip(expected).collect();
        states(json!({ "missing_impressions": section }), EQUAL, rows, &expected);
    };
    let seen = |hour, of, n| (hour, of, Kind::Impression, n);
    let clicked = |hour, of, n| (hour, of, Kind::Click, n);
    missing(json!({}), &[seen(HOUR, HOME, 9), seen(HOUR - 30, CART, 5)], [Clear, Fires]);
    missing(json!({}), &[seen(HOUR - 22, HOME, 9)], [Clear, Unknown]);
    missing(json!({ "window_hours": 2 }), &[seen(HOUR - 22, HOME, 9)], [Fires, Unknown]);
    missing(json!({}), &[seen(HOUR, HOME, 3), clicked(HOUR, HOME, 3), clicked(HOUR, CART, 1)], [Clear, Fires]);
    missing(json!({}), &[seen(HOUR, HOME, 3), clicked(HOUR, HOME, 4)], [Fires, Unknown]);
    // Longer ago than the week before: not expected.
    missing(json!({}), &[seen(HOUR - 24 - 7 * 24, HOME, 3)], [Unknown, Unknown]);
    let listed = json!({ "missing_impressions": { "placements": ["cart"] } });
    states(listed, EQUAL, &[], &[("missing_impressions/cart", Fires)]);
}

#[test]
fn without_the_section_nothing_is_watched() {
    for document in [Value::Null, json!({ "version": 1 }), document(json!({}), EQUAL)] {
        let alerts = Alerts::of(&document);
        assert_eq!((alerts.queries("production", NOW).len(), found(&document, &[]).len()), (0, 0));
        assert!(!alerts.is_quiet(0));
    }
}

#[test]
fn the_same_counts_are_asked_for_once() {
    let counter = |id: &str| json!({ "id": id, "event": "click", "below": 1, "placement": "home" });
    let section = json!({ "counters": [counter("a"), counter("b"), { "id": "c", "event": "view", "placement": "home", "above": 9 }] });
    assert_eq!(Alerts::of(&document(section, EQUAL)).queries("staging", NOW).len(), 1);
}

#[test]
fn quiet_hours_may_pass_midnight() {
    let quiet =
        |from: &str, to: &str| Alerts::of(&document(json!({ "quiet_hours": { "from": from, "to": to } }), EQUAL));
    let night = quiet("22:00", "07:30");
    assert_eq!(night.time_zone(), "Europe/Berlin");
    let at = |hour: u16, minute: u16| night.is_quiet(hour * 60 + minute);
    assert_eq!(
        [at(21, 59), at(22, 0), at(0, 0), at(7, 29), at(7, 30), at(12, 0)],
        [false, true, true, true, false, false]
    );
    let noon = quiet("12:00", "13:00");
    assert_eq!([719, 720, 779, 780].map(|it| noon.is_quiet(it)), [false, true, true, false]);
}
