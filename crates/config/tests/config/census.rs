//! Counting the visitors of a table: whom rules admit, whom a step from one document to the next would move, and what a check says of
//! rules that nobody meets.

use serde_json::{Value, json};
use vitrine_config::{Census, Checked, Counts, Format, Options, Tally, check, check_with, count_changes};
use vitrine_engine::{AttributeIdx, ItemIdx, Profile, Value as EngineValue};
use vitrine_flags::{Json, Object};

/// Visitors: segment and number of orders. 6 are loyal, of whom 2 have many orders.
const ROWS: [(&str, f64); 10] = [
    ("loyal", 12.0),
    ("loyal", 9.0),
    ("loyal", 3.0),
    ("loyal", 2.0),
    ("loyal", 2.0),
    ("loyal", 1.0),
    ("new", 1.0),
    ("new", 1.0),
    ("new", 1.0),
    ("at_risk", 4.0),
];

/// A row as the engine sees it.
struct Row<'r> {
    names: Vec<&'r str>,
    segment: &'r str,
    orders: f64,
}

impl Profile for Row<'_> {
    fn value(&self, attribute: AttributeIdx) -> EngineValue<'_> {
        match self.names.get(usize::from(attribute.0)) {
            Some(&"segment") => EngineValue::Text(self.segment),
            Some(&"orders") => EngineValue::Number(self.orders),
            _ => EngineValue::Missing,
        }
    }

    fn has_label(&self, _: AttributeIdx, _: &str) -> bool {
        false
    }

    fn history(&self, _: &mut dyn FnMut(ItemIdx, f32)) {}
}

fn columns(segment: &str, orders: f64) -> Object {
    let mut columns = Object::new();
    columns.insert("segment", segment);
    columns.insert("orders", Json::Number(orders));
    columns
}

fn counted(checked: &Checked) -> Counts {
    let names: Vec<&str> = checked.bundle.attributes().iter().map(|it| it.name.as_str()).collect();
    let mut census = Census::new(checked);
    for (segment, orders) in ROWS {
        census.add(&Row { names: names.clone(), segment, orders }, &columns(segment, orders));
    }
    census.finish()
}

/// A document in which an offer (`of: offer`) or a flag uses the audience `a` with this rule.
fn with_audience(of: &str, when: &Value) -> String {
    let mut document = json!({ "version": 1, "audiences": [{ "id": "a", "when": when }] });
    if of == "flag" {
        let rule = json!({ "id": "r", "audience": "a", "value": true });
        document["flags"] = json!([{ "id": "f", "type": "boolean", "default": false, "rules": [rule] }]);
    } else {
        let offers =
            json!([{ "id": "o", "audience": "a", "content": { "t": 1 } }, { "id": "d", "content": { "t": 1 } }]);
        document["offers"] = offers;
        document["placements"] = json!([{ "id": "p", "offers": ["o"], "fallback": "d" }]);
    }
    document.to_string()
}

#[test]
fn rules_admit_whom_they_can() {
    let cases: [(Value, u64, bool); 11] = [
        (json!({ "profile.segment": "loyal" }), 6, false),
        (json!({ "profile.segment": { "$ne": "loyal" } }), 4, false),
        (json!({ "profile.segment": "loyal", "profile.orders": { "$gte": 9 } }), 2, false),
        (json!({ "profile.segment": "new", "profile.orders": { "$gte": 9 } }), 0, false),
        (json!({ "$or": [{ "profile.segment": "new" }, { "profile.orders": { "$gt": 3 } }] }), 6, false),
        (json!({ "$nor": [{ "profile.segment": "new" }, { "profile.segment": "loyal" }] }), 1, false),
        // What the request says is not known: whoever could be admitted counts.
        (json!({ "profile.segment": "loyal", "context.country": "FR" }), 6, true),
        (json!({ "profile.segment": "loyal", "$not": { "context.country": "FR" } }), 6, true),
        (json!({ "$or": [{ "profile.segment": "loyal" }, { "context.country": "FR" }] }), 10, true),
        (json!({ "$nor": [{ "profile.segment": "loyal" }, { "context.country": { "$exists": true } }] }), 4, true),
        (json!({ "$not": { "$or": [{ "profile.orders": { "$lt": 9 } }, { "context.country": "FR" }] } }), 2, true),
    ];
    for of in ["offer", "flag"] {
        for (when, n_visitors, is_at_most) in &cases {
            let counts = counted(&check(&with_audience(of, when), Format::Json).unwrap());
            let found: Vec<_> = counts.rules.iter().map(|it| (it.id.as_str(), it.n_visitors, it.is_at_most)).collect();
            assert_eq!(found, [("a", *n_visitors, *is_at_most)], "{of}: {when}");
            assert_eq!(counts.n_visitors, 10);
        }
    }
}

/// What a check says when it knows the counts.
fn warned(source: &str, format: Format) -> Vec<String> {
    let counts = counted(&check(source, format).unwrap());
    let options = Options { counts: Some(&counts), ..Options::default() };
    let checked = check_with(source, format, options).unwrap();
    checked.warnings.iter().map(|it| format!("{}: {it}", it.code)).collect()
}

#[test]
fn a_rule_that_nobody_meets_is_named_with_its_place() {
    let nobody = "audience_matches_nobody: line";
    let new_and_many = json!({ "profile.segment": "new", "profile.orders": { "$gte": 9 } });
    for of in ["offer", "flag"] {
        assert_eq!(
            warned(&with_audience(of, &new_and_many), Format::Json),
            [format!(
                r#"{nobody} 1, /audiences/0/when: the audience "a" matches none of the 10 visitors of the table"#
            )]
        );
        assert_eq!(warned(&with_audience(of, &json!({ "profile.segment": "new" })), Format::Json), [""; 0]);
        let of_request = json!({ "profile.segment": "new", "context.country": "FR" });
        assert_eq!(warned(&with_audience(of, &of_request), Format::Json), [""; 0], "the request may say FR");
        let stranger = json!({ "profile.segment": { "$exists": false } });
        assert_eq!(warned(&with_audience(of, &stranger), Format::Json), [""; 0], "strangers have no row");
    }
    let own_rules = "version: 1
offers:
  - { id: rich, when: { profile.segment: new, profile.orders: { $gt: 1 } }, content: { t: 1 } }
  - { id: plain, content: { t: 1 } }
placements: [{ id: p, offers: [rich], fallback: plain }]
metrics: [{ id: sales, type: proportion, event: purchase, goal: increase }]
experiments:
  - id: button
    type: string
    when: { profile.segment: at_risk, profile.orders: 3 }
    variations: [{ id: grey, value: grey, weight: 50 }, { id: red, value: red, weight: 50 }]
    metrics: { goal: [sales] }
";
    assert_eq!(
        warned(own_rules, Format::Yaml),
        [
            format!(
                r#"{nobody} 3, /offers/0/when: the rule of the offer "rich" matches none of the 10 visitors of the table"#
            ),
            format!(
                r#"{nobody} 10, /experiments/0/when: the rule of the experiment "button" matches none of the 10 visitors of the table"#
            ),
        ]
    );
}

#[test]
fn an_empty_table_says_nothing() {
    let source = with_audience("offer", &json!({ "profile.segment": "new" }));
    let counts = Census::new(&check(&source, Format::Json).unwrap()).finish();
    assert_eq!((counts.n_visitors, counts.rules[0].n_visitors), (0, 0));
    let options = Options { counts: Some(&counts), ..Options::default() };
    assert_eq!(check_with(&source, Format::Json, options).unwrap().warnings, []);
}

#[test]
fn changed_counts_in_words() {
    let counts = |when: Value| counted(&check(&with_audience("offer", &when), Format::Json).unwrap());
    let words = |old: Value, new: Value| -> Vec<String> {
        count_changes(&counts(old), &counts(new)).into_iter().map(|it| it.text).collect()
    };
    let loyal = json!({ "profile.segment": "loyal" });
    let many = json!({ "profile.orders": { "$gte": 3 } });
    assert_eq!(words(loyal.clone(), many.clone()), ["audience a: 4 visitors (-2)"]);
    assert_eq!(words(many.clone(), loyal.clone()), ["audience a: 6 visitors (+2)"]);
    assert_eq!(words(loyal.clone(), loyal.clone()), [""; 0]);
    let others = json!({ "profile.segment": { "$ne": "loyal" } });
    assert_eq!(words(loyal.clone(), others), ["audience a: 4 visitors (-2), and whoever is not in the table"]);
    let at_risk = json!({ "profile.segment": "at_risk", "context.country": "FR" });
    assert_eq!(words(loyal.clone(), at_risk), ["audience a: at most 1 visitor (-5)"]);
    let new: Vec<String> = count_changes(&Counts::default(), &counts(loyal)).into_iter().map(|it| it.text).collect();
    assert_eq!(new, ["audience a: 6 visitors"]);
}

/// An experiment for visitors with at least so many orders.
fn experiment(orders: u32, red: u32) -> Checked {
    let grey = 100 - red;
    let source = format!(
        "version: 1
metrics: [{{ id: sales, type: proportion, event: purchase, goal: increase }}]
experiments:
  - id: button
    type: string
    when: {{ profile.orders: {{ $gte: {orders} }} }}
    variations: [{{ id: grey, value: grey, weight: {grey} }}, {{ id: red, value: red, weight: {red} }}]
    metrics: {{ goal: [sales] }}
"
    );
    check(&source, Format::Yaml).unwrap()
}

#[test]
fn visitors_of_the_table_change_their_variation() {
    let moved = |old: &Checked, new: &Checked, n_rows: usize| {
        let mut tally = Tally::new(old, new, None).expect("the flag differs");
        assert_eq!(tally.columns().into_iter().collect::<Vec<_>>(), ["orders"]);
        for row in 0..n_rows {
            tally.add(columns("loyal", f64::from(u32::try_from(row % 10).unwrap())));
        }
        tally.finish()
    };
    // Whom the audience loses is known exactly, whatever their ids: of orders 0..10, those with 5 and 6.
    let found = moved(&experiment(5, 50), &experiment(7, 50), 1000);
    assert_eq!((found[0].n_visitors, found[0].n_changed), (500, 200));
    assert!(found[0].needs_allow);
    assert_eq!(
        found[0].text_of_table(1),
        "button: about 200 of its 500 visitors would change their variation (audience)"
    );
    assert_eq!(
        found[0].text_of_table(40),
        "button: about 8,000 of its 20,000 visitors would change their variation (audience)"
    );
    // Weights move a share of them: 20 % of 5,000, give or take what chance does.
    let found = moved(&experiment(5, 50), &experiment(5, 70), 10_000);
    assert_eq!(found[0].n_visitors, 5000);
    assert!((900..1100).contains(&found[0].n_changed), "{found:?}");
    // Nobody is in the experiment: nobody changes, and nothing is divided by.
    let found = moved(&experiment(100, 50), &experiment(100, 70), 100);
    assert_eq!((found[0].n_visitors, found[0].n_changed, found[0].share()), (0, 0, None));
    assert!(Tally::new(&experiment(5, 50), &experiment(5, 50), None).is_none());
}

#[test]
fn offers_take_over_the_audience_of_their_campaign() {
    let document = |audience: &str| {
        format!(
            "version: 1
metrics: [{{ id: sales, type: proportion, event: purchase, goal: increase }}]
audiences: [{{ id: partners, when: {{ profile.segment: loyal }} }}]
offers:
  - {{ id: a, content: {{ t: 1 }} }}
  - {{ id: b, when: {{ profile.segment: new }}, content: {{ t: 1 }} }}
  - {{ id: c, content: {{ t: 1 }} }}
campaigns:
  - id: tea
    form: joint
    partner: Tea House
    brand: Tea & Cups
    audience: {audience}
    channels: [web]
    goal: {{ metric: sales, target: 5, owner: anna, deadline: 2026-12-01T00:00:00Z }}
    budget: {{ amount: 0, currency: EUR }}
    evaluation: more orders
    offers: [a, b]
placements: [{{ id: p, offers: [a, b], fallback: c }}]
"
        )
    };
    let checked = check(&document("partners"), Format::Yaml).unwrap();
    assert_eq!(checked.warnings, []);
    let bundle = &checked.bundle;
    let audiences: Vec<Option<&str>> = bundle
        .offers()
        .iter()
        .map(|it| bundle.audiences().get(usize::from(it.audience?.0)).map(|it| it.id.as_str()))
        .collect();
    assert_eq!(audiences, [Some("partners"), Some("offer:b"), None]);
    let found: Vec<_> = counted(&checked).rules.into_iter().map(|it| (it.id, it.n_visitors)).collect();
    assert_eq!(found, [("partners".to_owned(), 6), ("b".to_owned(), 3)]);
    let refused = check(&document("partner"), Format::Yaml).unwrap_err();
    assert_eq!((refused[0].code, refused[0].pointer.as_str()), ("unknown_audience", "/campaigns/0/audience"));
}
