//! Decisions as data: a small shop, a visitor, a request, and the expected outcome with its reason.
#![allow(missing_docs, clippy::field_reassign_with_default)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use vitrine_engine::*;

/// A profile as a map from attribute name to value.
#[derive(Default)]
struct Visits {
    numbers: BTreeMap<u16, f64>,
    texts: BTreeMap<u16, String>,
    labels: BTreeMap<u16, Vec<String>>,
    items: Vec<(u32, f32)>,
}

impl Profile for Visits {
    fn value(&self, attribute: AttributeIdx) -> Value<'_> {
        if let Some(it) = self.numbers.get(&attribute.0) {
            return Value::Number(*it);
        }
        if self.labels.contains_key(&attribute.0) {
            return Value::Labels;
        }
        self.texts.get(&attribute.0).map_or(Value::Missing, |it| Value::Text(it))
    }
    fn has_label(&self, attribute: AttributeIdx, label: &str) -> bool {
        self.labels.get(&attribute.0).is_some_and(|it| it.iter().any(|it| it == label))
    }
    fn history(&self, visit: &mut dyn FnMut(ItemIdx, f32)) {
        self.items.iter().for_each(|(item, weight)| visit(ItemIdx(*item), *weight));
    }
}

/// Items `i0`, `i1`, …; even ones are of category `even`; each is followed by its two successors, strength 0.5 and 0.25.
struct Chain(u32);

impl ItemGraph for Chain {
    fn n_items(&self) -> u32 {
        self.0
    }
    fn find(&self, id: &str) -> Option<ItemIdx> {
        id.strip_prefix('i')?.parse().ok().filter(|it| *it < self.0).map(ItemIdx)
    }
    fn in_category(&self, category: &str, visit: &mut dyn FnMut(ItemIdx)) {
        if category == "even" {
            (0..self.0).step_by(2).for_each(|it| visit(ItemIdx(it)));
        }
    }
    fn neighbours(&self, item: ItemIdx, visit: &mut dyn FnMut(ItemIdx, f32)) {
        for (step, strength) in [(1, 0.5), (2, 0.25)] {
            if item.0 + step < self.0 {
                visit(ItemIdx(item.0 + step), strength);
            }
        }
    }
    fn popularity(&self, item: ItemIdx) -> f32 {
        1.0 / (1.0 + item.0 as f32)
    }
}

const SEGMENT: AttributeIdx = AttributeIdx(0);
const SPENT: AttributeIdx = AttributeIdx(1);
const TAGS: AttributeIdx = AttributeIdx(2);
const DEVICE: AttributeIdx = AttributeIdx(3);

fn attributes() -> Vec<AttributeName> {
    let name = |scope, name: &str| AttributeName { scope, name: name.into() };
    vec![
        name(Scope::Profile, "segment"),
        name(Scope::Profile, "spent"),
        name(Scope::Profile, "tags"),
        name(Scope::Context, "device"),
    ]
}

fn offer(id: &str) -> Offer {
    Offer::new(id, vec![Creative::new(format!("{{\"title\":\"{id}\"}}"))])
}

fn promoting(id: &str, items: &[&str]) -> Offer {
    Offer { items: items.iter().map(|it| (*it).into()).collect(), ..offer(id) }
}

/// One placement `home` over all offers but the last, which is the fallback.
fn shop(ranker: Ranker, mut offers: Vec<Offer>, audiences: Vec<(&str, Condition)>) -> Bundle {
    offers.push(offer("fallback"));
    let fallback = OfferIdx(offers.len() as u16 - 1);
    let audiences = audiences.into_iter().map(|(id, condition)| Audience { id: id.into(), condition }).collect();
    let placement = Placement {
        ranker,
        count_max: 10,
        ..Placement::new("home", (0..fallback.0).map(OfferIdx).collect(), fallback)
    };
    Bundle::new(BundleParts {
        attributes: attributes(),
        audiences,
        offers,
        placements: vec![placement],
        ..BundleParts::default()
    })
    .unwrap()
}

fn items_ranker() -> Ranker {
    Ranker::Items(ItemsRanker::default())
}

/// The decision in one line: `reason: offer offer …` or `reason: (fallback)`.
fn line(bundle: &Bundle, visitor: &Visitor<Visits>, context: &Context, now: i64, count: u8) -> String {
    let graph = Chain(10);
    let index = OfferIndex::new(bundle, &graph);
    let inputs = Inputs {
        bundle,
        graph: &graph,
        index: &index,
        visitor,
        context,
        now: TimestampMs(now),
        dedupe: Dedupe::Off,
        limits: &NoLimits,
        unit: None,
        seed: 0,
        variations: &[],
    };
    let placement = bundle.placement("home").unwrap();
    let decision = decide(inputs, placement, count);
    let filled = match &decision.filled {
        Filled::Offers(chosen) => chosen.iter().map(|it| it.offer.id.as_str()).collect::<Vec<_>>().join(" "),
        Filled::Fallback(it) => format!("({})", it.offer.id),
    };
    format!("{}: {filled}", decision.reason.as_str())
}

#[track_caller]
fn check(bundle: &Bundle, visitor: Visitor<Visits>, expected: &str) {
    assert_eq!(line(bundle, &visitor, &Context::default(), 0, 10), expected);
}

fn unknown() -> Visitor<Visits> {
    Visitor::Unknown(ModeReason::NoProfile)
}

fn bought(items: &[(u32, f32)]) -> Visitor<Visits> {
    Visitor::Known(Visits { items: items.to_vec(), ..Visits::default() })
}

#[test]
fn priority_orders_and_the_list_breaks_ties() {
    let high = Offer { priority: 5, ..offer("high") };
    let low = Offer { priority: -1, ..offer("low") };
    let bundle = shop(Ranker::Priority, vec![low, offer("a"), high, offer("b")], vec![]);
    check(&bundle, unknown(), "ranked: high a b low");
}

#[test]
fn count_cuts_and_never_exceeds_the_placement() {
    let bundle = shop(Ranker::Priority, vec![offer("a"), offer("b"), offer("c")], vec![]);
    let at = |count| line(&bundle, &unknown(), &Context::default(), 0, count);
    assert_eq!(at(2), "ranked: a b");
    assert_eq!(at(0), "ranked: a", "a count of nothing is a count of one");
    assert_eq!(at(255), "ranked: a b c");
}

#[test]
fn items_rank_by_history_neighbours_and_own_purchases() {
    let offers = vec![
        promoting("own", &["i3"]),
        promoting("next", &["i4"]),
        promoting("after", &["i5"]),
        promoting("far", &["i9"]),
    ];
    let bundle = shop(items_ranker(), offers, vec![]);
    // own 1 + popularity, next .5, after .25, far only popularity.
    check(&bundle, bought(&[(3, 1.0)]), "ranked: own next after far");
    // Without history the most popular item leads.
    check(&bundle, unknown(), "ranked: own next after far");
    check(&bundle, bought(&[(8, 1.0)]), "ranked: far own next after");
}

#[test]
fn session_items_work_without_a_profile() {
    let bundle = shop(items_ranker(), vec![promoting("a", &["i1"]), promoting("z", &["i9"])], vec![]);
    let mut context = Context::default();
    context.items = vec!["i8".into(), "unheard-of".into()];
    assert_eq!(line(&bundle, &unknown(), &Context::default(), 0, 10), "ranked: a z");
    assert_eq!(line(&bundle, &unknown(), &context, 0, 10), "ranked: z a");
}

#[test]
fn categories_promote_their_items() {
    let even = Offer { categories: vec!["even".into(), "unheard-of".into()], ..offer("even") };
    let bundle = shop(items_ranker(), vec![promoting("odd", &["i5"]), even], vec![]);
    // From i3: i4 (.5) is even, i5 (.25) is odd.
    check(&bundle, bought(&[(3, 1.0)]), "ranked: even odd");
}

#[test]
fn schedules_admit_from_start_to_before_the_end() {
    let schedule = Schedule::new(Some(TimestampMs(100)), Some(TimestampMs(200))).unwrap();
    let bundle = shop(Ranker::Priority, vec![Offer { schedule, ..offer("sale") }], vec![]);
    let at = |now| line(&bundle, &unknown(), &Context::default(), now, 1);
    assert_eq!(at(99), "nothing_eligible: (fallback)");
    assert_eq!(at(100), "ranked: sale");
    assert_eq!(at(199), "ranked: sale");
    assert_eq!(at(200), "nothing_eligible: (fallback)");
}

#[test]
fn the_modes_without_decisions_show_fallbacks() {
    let bundle = shop(Ranker::Priority, vec![offer("a")], vec![]);
    for reason in [ModeReason::KillSwitch, ModeReason::NoBundle] {
        assert_eq!(reason.mode(), Mode::FallbackOnly);
        check(&bundle, Visitor::Unknown(reason), "fallback_only: (fallback)");
    }
    for reason in [ModeReason::Gpc, ModeReason::OptOut, ModeReason::NoConsent, ModeReason::Minor, ModeReason::NoTable] {
        assert_eq!(reason.mode(), Mode::Contextual);
        check(&bundle, Visitor::Unknown(reason), "ranked: a");
    }
}

/// Whether `condition` admits a visitor with segment `loyal`, 100 spent, tags `vip` and `fr`, on device `mobile`.
#[track_caller]
fn holds(condition: Condition, expected: bool) {
    let mut visits = Visits::default();
    visits.texts.insert(SEGMENT.0, "loyal".into());
    visits.numbers.insert(SPENT.0, 100.0);
    visits.labels.insert(TAGS.0, vec!["vip".into(), "fr".into()]);
    let mut context = Context::default();
    context.set("device", ContextValue::Text("mobile".into()));
    let bundle = shop(
        Ranker::Priority,
        vec![Offer { audience: Some(AudienceIdx(0)), ..offer("a") }],
        vec![("it", condition.clone())],
    );
    let got = line(&bundle, &Visitor::Known(visits), &context, 0, 1);
    assert_eq!(got == "ranked: a", expected, "{} gave {got}", condition.display(&attributes()));
}

fn is(attribute: AttributeIdx, test: Test) -> Condition {
    Condition::Attribute(attribute, test)
}

fn text(it: &str) -> Literal {
    Literal::Text(it.into())
}

#[test]
fn tests_of_attributes() {
    holds(is(SEGMENT, Test::Equals(text("loyal"))), true);
    holds(is(SEGMENT, Test::Equals(text("new"))), false);
    holds(is(SEGMENT, Test::In(vec![text("new"), text("loyal")])), true);
    holds(is(SEGMENT, Test::In(vec![])), false);
    holds(is(SEGMENT, Test::Greater(1.0)), false);
    holds(is(SPENT, Test::Equals(Literal::Number(100.0))), true);
    holds(is(SPENT, Test::Equals(text("100"))), false);
    holds(is(SPENT, Test::Less(100.0)), false);
    holds(is(SPENT, Test::AtMost(100.0)), true);
    holds(is(SPENT, Test::Greater(99.9)), true);
    holds(is(SPENT, Test::AtLeast(100.1)), false);
    holds(is(TAGS, Test::Equals(text("vip"))), true);
    holds(is(TAGS, Test::In(vec![text("de"), text("fr")])), true);
    holds(is(TAGS, Test::HasAll(vec!["fr".into(), "vip".into()])), true);
    holds(is(TAGS, Test::HasAll(vec!["fr".into(), "de".into()])), false);
    holds(is(SEGMENT, Test::HasAll(vec![])), false);
    holds(is(DEVICE, Test::Equals(text("mobile"))), true);
    holds(is(DEVICE, Test::Exists), true);
}

#[test]
fn missing_attributes_equal_only_null() {
    // The context is empty, so the device is missing.
    let absent = |test| {
        let condition = is(DEVICE, test);
        let bundle = shop(
            Ranker::Priority,
            vec![Offer { audience: Some(AudienceIdx(0)), ..offer("a") }],
            vec![("it", condition)],
        );
        line(&bundle, &unknown(), &Context::default(), 0, 1) == "ranked: a"
    };
    assert!(absent(Test::Equals(Literal::Null)));
    assert!(absent(Test::In(vec![Literal::Null, text("x")])));
    assert!(!absent(Test::Exists));
    assert!(!absent(Test::Equals(text(""))));
    assert!(!absent(Test::Equals(Literal::Bool(false))));
    assert!(!absent(Test::Less(1.0)));
    assert!(!absent(Test::HasAll(vec![])));
}

#[test]
fn connectives() {
    let yes = || is(SPENT, Test::Exists);
    let no = || Condition::Not(Box::new(yes()));
    holds(Condition::All(vec![]), true);
    holds(Condition::Any(vec![]), false);
    holds(Condition::All(vec![yes(), no()]), false);
    holds(Condition::Any(vec![no(), yes()]), true);
    holds(Condition::Not(Box::new(no())), true);
}

#[test]
fn an_explanation_tells_the_fate_of_every_candidate() {
    let ended = Schedule::new(None, Some(TimestampMs(0))).unwrap();
    let german = Creative { locale: Some("de".into()), channel: None, variant: None, content: "{}".into() };
    let offers = vec![
        Offer { schedule: ended, ..offer("ended") },
        Offer { audience: Some(AudienceIdx(0)), ..offer("rich-only") },
        Offer { creatives: vec![german], ..offer("german") },
        offer("winner"),
        offer("second"),
    ];
    let rich = is(SPENT, Test::Greater(1e6));
    let bundle = shop(Ranker::Priority, offers, vec![("rich", rich.clone())]);
    let (graph, context, visitor) = (NoItems, Context::default(), bought(&[]));
    let index = OfferIndex::new(&bundle, &graph);
    let inputs = Inputs {
        bundle: &bundle,
        graph: &graph,
        index: &index,
        visitor: &visitor,
        context: &context,
        now: TimestampMs(5),
        dedupe: Dedupe::Off,
        limits: &NoLimits,
        unit: None,
        seed: 0,
        variations: &[],
    };
    let mut explanation = Explanation::default();
    Evaluation::new(inputs).decide(bundle.placement("home").unwrap(), 1, &mut explanation);
    let fates: Vec<_> = explanation.offers.into_iter().map(|it| it.rejection).collect();
    assert_eq!(
        fates,
        [
            Some(Rejection::Ended),
            Some(Rejection::Audience { audience: AudienceIdx(0), failed: &rich }),
            Some(Rejection::NoCreative),
            None,
            Some(Rejection::Outranked),
        ]
    );
    assert_eq!(rich.display(bundle.attributes()).to_string(), "profile.spent > 1000000");
}

/// Every offer but the last is limited, each for another reason.
struct Limited;

impl Limits for Limited {
    fn rejection(&self, offer: OfferIdx) -> Option<Limit> {
        Limit::ALL.get(usize::from(offer.0)).copied()
    }
}

#[test]
fn limits_keep_candidates_out_and_never_the_fallback() {
    let ids: Vec<String> = Limit::ALL.iter().map(|it| it.as_str().to_owned()).chain(["free".to_owned()]).collect();
    let mut offers: Vec<Offer> = ids.iter().map(|id| offer(id)).collect();
    let decided = |offers: &[Offer]| {
        let bundle = shop(Ranker::Priority, offers.to_vec(), vec![]);
        let (graph, context, visitor, index) = (NoItems, Context::default(), unknown(), OfferIndex::default());
        let inputs = Inputs {
            bundle: &bundle,
            graph: &graph,
            index: &index,
            visitor: &visitor,
            context: &context,
            now: TimestampMs(0),
            dedupe: Dedupe::Off,
            limits: &Limited,
            unit: None,
            seed: 0,
            variations: &[],
        };
        let mut explanation = Explanation::default();
        let decision = Evaluation::new(inputs).decide(bundle.placement("home").unwrap(), 10, &mut explanation);
        let fates: Vec<_> = explanation.offers.iter().map(|it| format!("{:?}", it.rejection)).collect();
        (decision.reason, fates)
    };
    let mut expected: Vec<_> = Limit::ALL.iter().map(|it| format!("{:?}", Some(Rejection::Limit(*it)))).collect();
    expected.push("None".to_owned());
    assert_eq!(decided(&offers), (Reason::Ranked, expected.clone()));
    offers.pop();
    expected.pop();
    assert_eq!(decided(&offers), (Reason::NothingEligible, expected));
}

#[test]
fn the_chosen_creative_is_named_by_its_position() {
    let creative = |locale: Option<&str>| Creative { locale: locale.map(Into::into), ..Creative::new("{}") };
    let several = Offer::new("several", vec![creative(Some("fr")), creative(None), creative(Some("de"))]);
    let bundle = shop(Ranker::Priority, vec![several], vec![]);
    let (graph, visitor, index) = (NoItems, unknown(), OfferIndex::default());
    for (locale, expected) in [("fr-BE", 0), ("en", 1), ("de", 2)] {
        let mut context = Context::default();
        context.locale = Some(locale.into());
        let inputs = Inputs {
            bundle: &bundle,
            graph: &graph,
            index: &index,
            visitor: &visitor,
            context: &context,
            now: TimestampMs(0),
            dedupe: Dedupe::Off,
            limits: &NoLimits,
            unit: None,
            seed: 0,
            variations: &[],
        };
        let Filled::Offers(chosen) = decide(inputs, bundle.placement("home").unwrap(), 1).filled else { panic!() };
        assert_eq!(chosen[0].creative_idx, expected, "{locale}");
    }
}

#[test]
fn a_page_does_not_repeat_offers_when_asked_not_to() {
    let mut parts = BundleParts {
        attributes: attributes(),
        offers: vec![offer("a"), offer("b"), offer("f")],
        ..BundleParts::default()
    };
    for id in ["one", "three", "two"] {
        let offers = vec![OfferIdx(0), OfferIdx(1)];
        parts.placements.push(Placement {
            ranker: Ranker::Priority,
            count_max: 1,
            ..Placement::new(id, offers, OfferIdx(2))
        });
    }
    let bundle = Bundle::new(parts).unwrap();
    let (graph, context, visitor, index) = (NoItems, Context::default(), unknown(), OfferIndex::default());
    let shown = |dedupe| {
        let inputs = Inputs {
            bundle: &bundle,
            graph: &graph,
            index: &index,
            visitor: &visitor,
            context: &context,
            now: TimestampMs(0),
            dedupe,
            limits: &NoLimits,
            unit: None,
            seed: 0,
            variations: &[],
        };
        let mut evaluation = Evaluation::new(inputs);
        ["one", "two", "three"].map(|id| {
            match evaluation.decide(bundle.placement(id).unwrap(), 1, &mut NoTrace).filled {
                Filled::Offers(chosen) => chosen[0].offer.id.clone(),
                Filled::Fallback(it) => it.offer.id.clone(),
            }
        })
    };
    assert_eq!(shown(Dedupe::Off), ["a", "a", "a"]);
    assert_eq!(shown(Dedupe::Page), ["a", "b", "f"]);
}

#[track_caller]
fn refused(change: impl FnOnce(&mut BundleParts), expected: &str) {
    let mut parts = BundleParts {
        attributes: attributes(),
        audiences: vec![Audience { id: "all".into(), condition: Condition::All(vec![]) }],
        offers: vec![offer("a"), offer("f")],
        placements: vec![Placement {
            ranker: Ranker::Priority,
            count_max: 1,
            ..Placement::new("home", vec![OfferIdx(0)], OfferIdx(1))
        }],
        ..BundleParts::default()
    };
    Bundle::new(parts.clone()).expect("the unchanged parts are a bundle");
    change(&mut parts);
    assert_eq!(Bundle::new(parts).unwrap_err().to_string(), expected);
}

#[test]
fn parts_that_are_not_a_bundle() {
    refused(|it| it.offers[0].audience = Some(AudienceIdx(1)), r#""a" points to an audience that does not exist"#);
    refused(|it| it.offers[0].creatives.clear(), r#"the offer "a" lacks a creative that fits every request"#);
    refused(
        |it| it.offers[1].creatives[0].locale = Some("de".into()),
        r#"the offer "f" lacks a creative that fits every request"#,
    );
    refused(|it| it.offers[0].id = "f".into(), r#"two offers have the id "f""#);
    refused(|it| it.placements[0].offers = vec![OfferIdx(2)], r#""home" points to an offer that does not exist"#);
    refused(|it| it.placements[0].fallback = OfferIdx(9), r#""home" points to an offer that does not exist"#);
    refused(|it| it.placements[0].count_max = 0, r#"count 0 of placement "home" is not in 1..=30"#);
    refused(|it| it.placements[0].count_max = 31, r#"count 31 of placement "home" is not in 1..=30"#);
    refused(|it| it.placements.push(it.placements[0].clone()), r#"two placements have the id "home""#);
    refused(|it| it.offers[0].campaign = Some(CampaignIdx(0)), r#""a" points to a campaign that does not exist"#);
    refused(
        |it| it.campaigns = vec![Campaign { id: "c".into(), ..Campaign::default() }; 2],
        r#"two campaigns have the id "c""#,
    );
    let cap = |count_max, window_s| vec![VisitorCap { count_max, window_s }];
    refused(|it| it.offers[0].caps.visitor = cap(0, 60), r#"a cap of the offer "a" is 0"#);
    refused(|it| it.offers[0].caps.visitor = cap(1, 0), r#"a cap of the offer "a" is 0"#);
    refused(|it| it.offers[0].caps.total = Some(0), r#"a cap of the offer "a" is 0"#);
    refused(|it| it.offers[0].caps.daily = Some(0), r#"a cap of the offer "a" is 0"#);
    refused(|it| it.offers[0].suppress_after_conversion = Some(Suppression::Days(0)), r#"a cap of the offer "a" is 0"#);
    refused(
        |it| it.offers[0].creatives = vec![it.offers[0].creatives[0].clone(); 257],
        "257 creatives, at most 256 fit a bundle",
    );
    refused(|it| it.audiences.push(it.audiences[0].clone()), r#"two audiences have the id "all""#);
    refused(
        |it| it.audiences[0].condition = is(AttributeIdx(4), Test::Exists),
        r#""all" points to an attribute that does not exist"#,
    );
    refused(
        |it| {
            for _ in 0..16 {
                let inner = std::mem::replace(&mut it.audiences[0].condition, Condition::All(vec![]));
                it.audiences[0].condition = Condition::Not(Box::new(inner));
            }
        },
        r#"the condition of "all" is nested deeper than 16 levels"#,
    );
    refused(
        |it| it.attributes = vec![it.attributes[0].clone(); 65_536],
        "65536 attributes, at most 65535 fit a bundle",
    );
}

proptest! {
    /// An offer that nobody may see, anywhere in the list, changes no answer; nor does the order of context attributes.
    #[test]
    fn unrelated_offers_and_attribute_order_change_nothing(
        history in prop::collection::vec((0u32..10, 0.0f32..1.0), 0..8),
        session in prop::collection::vec(0u32..12, 0..5),
        priorities in prop::collection::vec(-3i32..3, 1..8),
        at in 0usize..8,
    ) {
        let offers: Vec<_> = priorities.iter().enumerate()
            .map(|(i, priority)| Offer { priority: *priority, ..promoting(&format!("o{i}"), &[&format!("i{i}"), &format!("i{}", i + 1)]) })
            .collect();
        let mut more = offers.clone();
        let nobody = Offer { audience: Some(AudienceIdx(0)), ..promoting("nobody", &["i1"]) };
        more.insert(at.min(more.len()), nobody);
        let never = vec![("never", Condition::Any(vec![]))];
        let mut context = Context::default();
        context.items = session.iter().map(|it| format!("i{it}")).collect();
        let mut turned = context.clone();
        for (names, context) in [(["a", "b"], &mut context), (["b", "a"], &mut turned)] {
            names.iter().for_each(|name| context.set(name, ContextValue::Bool(true)));
        }
        let visitor = bought(&history);
        let expected = line(&shop(items_ranker(), offers, vec![]), &visitor, &context, 0, 10);
        prop_assert_eq!(line(&shop(items_ranker(), more, never), &visitor, &turned, 0, 10), expected);
    }
}
