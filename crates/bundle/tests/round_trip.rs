//! What is stored comes back, and what was stored before a member was added is still read.
#![allow(missing_docs)]

use vitrine_bundle::{Groups, Stored, decode, encode};
use vitrine_engine::*;

fn offer(id: &str) -> Offer {
    Offer::new(id, vec![Creative::new(r#"{"title":"A"}"#)])
}

fn parts() -> BundleParts {
    let everything = Offer {
        priority: -3,
        schedule: Schedule::new(Some(TimestampMs(1)), Some(TimestampMs(2))).unwrap(),
        audience: Some(AudienceIdx(0)),
        items: vec!["i".into()],
        categories: vec!["c".into()],
        caps: Caps {
            visitor: vec![VisitorCap { count_max: 3, window_s: 604_800 }, VisitorCap { count_max: 1, window_s: 60 }],
            total: Some(u32::MAX),
            daily: Some(1),
        },
        suppress_after_conversion: Some(Suppression::Days(30)),
        campaign: Some(CampaignIdx(1)),
        ..offer("everything")
    };
    let capped = Offer {
        caps: Caps { daily: Some(7), ..Caps::default() },
        suppress_after_conversion: Some(Suppression::ForGood),
        ..offer("capped")
    };
    let campaign = |id: &str, cost| Campaign { id: id.into(), cost, ..Campaign::default() };
    let paced = Campaign {
        schedule: Schedule::new(Some(TimestampMs(5)), Some(TimestampMs(9))).unwrap(),
        budget_minor: Some(500_000),
        cost_minor: 80,
        pacing: Pacing::Even,
        ..campaign("paced", CostModel::Cpm)
    };
    BundleParts {
        attributes: vec![AttributeName { scope: Scope::Profile, name: "spent".into() }],
        audiences: vec![Audience { id: "a".into(), condition: Condition::Attribute(AttributeIdx(0), Test::Less(0.1)) }],
        offers: vec![everything, capped, offer("fallback")],
        placements: vec![Placement {
            ranker: Ranker::Items(ItemsRanker { profile: 0.1, ..ItemsRanker::default() }),
            count_max: 2,
            ..Placement::new("home", vec![OfferIdx(0), OfferIdx(1)], OfferIdx(2))
        }],
        campaigns: vec![
            campaign("fixed", CostModel::Fixed),
            campaign("clicks", CostModel::Cpc),
            paced,
            campaign("sales", CostModel::Cpa),
        ],
        settings: Settings { consent: ConsentRule::Assumed, ..Settings::default() },
        ..BundleParts::default()
    }
}

fn stored(parts: BundleParts) -> Stored {
    Stored { bundle: Bundle::new(parts).unwrap(), flags: "{}".into(), groups: Groups::new() }
}

#[test]
fn what_is_stored_comes_back() {
    let stored = stored(parts());
    let text = encode(&stored).unwrap();
    let back = decode(&text).unwrap();
    assert_eq!(format!("{:?}", back.bundle), format!("{:?}", stored.bundle));
    assert_eq!(encode(&back).unwrap(), text);
}

#[test]
fn a_bundle_without_the_newer_members_is_read() {
    let old = concat!(
        r#"{"format":1,"consent":"required","attributes":[],"audiences":[],"offers":[{"id":"a","creatives":[{"content":{}}]}],"#,
        r#""placements":[{"id":"home","offers":[],"ranker":"priority","fallback":0,"count":1}],"flags":{},"groups":{}}"#
    );
    let read = decode(old).unwrap();
    assert_eq!(read.bundle.offers(), [Offer::new("a", vec![Creative::new("{}")])]);
    assert_eq!(encode(&read).unwrap(), old, "what is not said is not written");
}

/// Every ranker, and whatever else a placement can say.
fn placements() -> Vec<Placement> {
    use Step::{Attribute, Number, One as F, Select, Two as G};
    let mut steps = vec![Number(0.1), Attribute(AttributeIdx(0)), Step::Test(AttributeIdx(0), Test::Exists)];
    steps.extend([Step::Test(AttributeIdx(0), Test::Equals(Literal::Text("a b \"c\"".into()))), Number(-1e15), Select]);
    let fields =
        [OfferField::Priority, OfferField::Margin, OfferField::Popularity, OfferField::Relevance, OfferField::Items];
    let twos =
        [Two::Add, Two::Subtract, Two::Multiply, Two::Divide, Two::Min, Two::Max, Two::Less, Two::AtMost, Two::Equal];
    for (at, two) in twos.into_iter().chain([Two::And, Two::Or]).enumerate() {
        steps.extend([Step::Offer(fields[at % fields.len()]), G(two)]);
    }
    steps.extend([One::Negative, One::Not, One::Abs, One::Ln, One::Exp, One::Sqrt].map(F));
    // Two are on the stack at the end.
    steps.push(G(Two::Add));
    let formula = Ranker::Formula(Formula::new(steps).unwrap());
    let bandit = |model, numbers: &[f64]| {
        let (prior, arms) = (numbers.to_vec(), vec![(OfferIdx(0), numbers.to_vec()), (OfferIdx(2), numbers.to_vec())]);
        Bandit { model, features: Vec::new(), prior, arms }
    };
    let feature = |equals, scale| BanditFeature { attribute: AttributeIdx(0), equals, scale };
    let features = vec![
        feature(Some(Literal::Bool(true)), 1.0),
        feature(None, 0.1),
        feature(Some(Literal::Text("x".into())), 1.0),
    ];
    let linear = |model| Ranker::Bandit(Bandit { features: features.clone(), ..bandit(model, &[0.1; 14]) });
    let rankers = vec![
        Ranker::Priority,
        Ranker::Popular,
        Ranker::Relevance,
        formula.clone(),
        Ranker::Hybrid(vec![(0.1, Ranker::Popular), (-2.0, formula), (1.0, Ranker::Items(ItemsRanker::default()))]),
        Ranker::Bandit(bandit(BanditModel::Bernoulli, &[0.5, 1e9])),
        Ranker::Bandit(bandit(BanditModel::Gaussian, &[-0.5, 0.0])),
        linear(BanditModel::LinearThompson),
        linear(BanditModel::LinUcb { width: 0.3 }),
    ];
    let mut placements: Vec<Placement> = rankers
        .into_iter()
        .enumerate()
        .map(|(at, ranker)| Placement { ranker, ..Placement::new(format!("p{at}"), vec![OfferIdx(0)], OfferIdx(2)) })
        .collect();
    let treatments = vec![
        Treatment::default(),
        Treatment { ranker: Some(Ranker::Popular), variant: None },
        Treatment { ranker: None, variant: Some("bold".into()) },
    ];
    placements.push(Placement {
        objective: Objective::Value,
        diversity: Diversity { per_category_max: Some(2), variety: 0.3 },
        holdout_bps: 250,
        experiment: Some(PlacementExperiment { experiment: ExperimentIdx(0), treatments }),
        ..Placement::new("z", vec![OfferIdx(0)], OfferIdx(2))
    });
    placements
}

#[test]
fn every_ranker_comes_back() {
    let mut parts = parts();
    parts.placements = placements();
    parts.experiments = vec![Experiment { id: "hero".into(), flag: "hero-flag".into() }];
    parts.settings.holdout_bps = 100;
    parts.clock = Clock::new(vec![(TimestampMs(0), 60), (TimestampMs(9), 120)]).unwrap();
    parts.offers[0].margin_minor = Some(1_250);
    parts.offers[0].creatives.push(Creative { variant: Some("bold".into()), ..Creative::new("{}") });
    let stored = stored(parts);
    let text = encode(&stored).unwrap();
    let back = decode(&text).unwrap();
    assert_eq!(format!("{:?}", back.bundle), format!("{:?}", stored.bundle));
    assert_eq!(encode(&back).unwrap(), text);
    for (from, to, expected) in [
        ("neg not", "neg nut", "a formula is no program"),
        ("neg not", "+ + + + not", "do not leave one number"),
        ("?0", "?9", "a formula is no program"),
        (r#"[[0,[0.5,1000000000.0]]"#, r#"[[0,[0.0,1000000000.0]]"#, "cannot work"),
        (r#""clock":[[0,60],[9,120]]"#, r#""clock":[[9,60],[0,120]]"#, "not a rising list"),
        (r#""holdout":250"#, r#""holdout":10001"#, "out of range"),
    ] {
        assert!(text.contains(from), "{from} is not in {text}");
        let error = decode(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[track_caller]
fn refused(from: &str, to: &str, expected: &str) {
    let text = encode(&stored(parts())).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    let error = decode(&text.replace(from, to)).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_makes_no_bundle_is_refused() {
    refused(r#""format":1"#, r#""format":2"#, "form 2");
    refused(r#""campaign":1"#, r#""campaign":4"#, "a campaign that does not exist");
    refused(r#""visitor":[[3,604800]"#, r#""visitor":[[0,604800]"#, "a cap of the offer");
    refused(r#""cost":"cpm""#, r#""cost":"cpx""#, "unknown variant");
    refused(r#""starts":5"#, r#""starts":9"#, "at or before it starts");
}
