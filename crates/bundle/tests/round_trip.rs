//! What is stored comes back, and what was stored before a member was added is still read.
#![allow(missing_docs)]

use vitrine_bundle::{Groups, Stored, decode, encode};
use vitrine_engine::*;

fn offer(id: &str) -> Offer {
    Offer::new(id, vec![Creative { locale: None, channel: None, content: r#"{"title":"A"}"#.into() }])
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
            id: "home".into(),
            offers: vec![OfferIdx(0), OfferIdx(1)],
            ranker: Ranker::Items(ItemsRanker { profile: 0.1, ..ItemsRanker::default() }),
            fallback: OfferIdx(2),
            count_max: 2,
        }],
        campaigns: vec![
            campaign("fixed", CostModel::Fixed),
            campaign("clicks", CostModel::Cpc),
            paced,
            campaign("sales", CostModel::Cpa),
        ],
        settings: Settings { consent: ConsentRule::Assumed },
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
    assert_eq!(
        read.bundle.offers(),
        [Offer::new("a", vec![Creative { locale: None, channel: None, content: "{}".into() }])]
    );
    assert_eq!(encode(&read).unwrap(), old, "what is not said is not written");
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
