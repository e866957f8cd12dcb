//! Rankers, diversity, margins, control groups and experiments as data: a shop, a visitor, and the order that comes out.
#![allow(missing_docs, clippy::field_reassign_with_default)]

use vitrine_engine::*;

const SPENT: AttributeIdx = AttributeIdx(0);
const SEGMENT: AttributeIdx = AttributeIdx(1);
const DEVICE: AttributeIdx = AttributeIdx(2);

/// A visitor who spent something, with a vector or items.
#[derive(Clone, Default)]
struct Row {
    spent: Option<f64>,
    vector: Vec<u8>,
    items: Vec<(u32, f32)>,
}

impl Profile for Row {
    fn value(&self, attribute: AttributeIdx) -> Value<'_> {
        match attribute {
            SPENT => self.spent.map_or(Value::Missing, Value::Number),
            SEGMENT => Value::Text("loyal"),
            _ => Value::Missing,
        }
    }
    fn has_label(&self, _: AttributeIdx, _: &str) -> bool {
        false
    }
    fn history(&self, visit: &mut dyn FnMut(ItemIdx, f32)) {
        self.items.iter().for_each(|(item, weight)| visit(ItemIdx(*item), *weight));
    }
    fn vector(&self, visit: &mut dyn FnMut(&[u8])) {
        if !self.vector.is_empty() {
            visit(&self.vector);
        }
    }
}

/// Items `i0` to `i3` with vectors east, north-east, north and west, less and less popular.
struct Compass;

const VECTORS: [[i8; 2]; 4] = [[100, 0], [70, 70], [0, 50], [-20, 0]];

impl ItemGraph for Compass {
    fn n_items(&self) -> u32 {
        4
    }
    fn find(&self, id: &str) -> Option<ItemIdx> {
        id.strip_prefix('i')?.parse().ok().map(ItemIdx)
    }
    fn in_category(&self, _: &str, _: &mut dyn FnMut(ItemIdx)) {}
    fn neighbours(&self, _: ItemIdx, _: &mut dyn FnMut(ItemIdx, f32)) {}
    fn popularity(&self, item: ItemIdx) -> f32 {
        1.0 / (item.0 + 1) as f32
    }
    fn n_dims(&self) -> usize {
        2
    }
    fn vector(&self, item: ItemIdx, visit: &mut dyn FnMut(&[u8])) {
        visit(&VECTORS[item.0 as usize].map(i8::cast_unsigned));
    }
}

fn offer(id: &str, item: &str) -> Offer {
    Offer { items: vec![item.into()], ..Offer::new(id, vec![Creative::new("{}")]) }
}

/// Offers of the four directions.
fn compass() -> Vec<Offer> {
    vec![offer("west", "i3"), offer("north", "i2"), offer("north-east", "i1"), offer("east", "i0")]
}

struct Asked<'a> {
    offers: Vec<Offer>,
    placement: Placement,
    holdout_bps: u16,
    row: Option<Row>,
    session: Vec<&'a str>,
    unit: Option<Unit>,
    seed: u64,
    variations: Vec<Option<u8>>,
    n_max: u8,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Self {
            offers: compass(),
            placement: Placement { count_max: 10, ..Placement::new("home", Vec::new(), OfferIdx(0)) },
            holdout_bps: 0,
            row: Some(Row::default()),
            session: Vec::new(),
            unit: None,
            seed: 0,
            variations: Vec::new(),
            n_max: 10,
        }
    }
}

/// What was decided: ids with scores and propensities, the reason, and the explanation in short.
#[derive(Debug)]
struct Answered {
    shown: Vec<(String, f64, f64)>,
    reason: Reason,
    experiment: Option<(ExperimentIdx, u8)>,
    creatives: Vec<String>,
    fates: Vec<String>,
}

impl Answered {
    fn ids(&self) -> String {
        self.shown.iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>().join(" ")
    }
}

impl Asked<'_> {
    fn bundle(&self) -> Bundle {
        let mut offers = self.offers.clone();
        let fallback = OfferIdx(offers.len() as u16);
        offers.push(Offer::new("fallback", vec![Creative::new("{}")]));
        let name = |scope, name: &str| AttributeName { scope, name: name.into() };
        Bundle::new(BundleParts {
            attributes: vec![
                name(Scope::Profile, "spent"),
                name(Scope::Profile, "segment"),
                name(Scope::Context, "device"),
            ],
            placements: vec![Placement {
                offers: (0..fallback.0).map(OfferIdx).collect(),
                fallback,
                ..self.placement.clone()
            }],
            experiments: vec![Experiment { id: "e".into(), flag: "e".into() }],
            settings: Settings { holdout_bps: self.holdout_bps, ..Settings::default() },
            offers,
            ..BundleParts::default()
        })
        .unwrap()
    }

    fn answer(&self) -> Answered {
        let bundle = self.bundle();
        let index = OfferIndex::new(&bundle, &Compass);
        let visitor = match self.row.clone() {
            Some(row) => Visitor::Known(row),
            None => Visitor::Unknown(ModeReason::NoProfile),
        };
        let mut context = Context::default();
        context.items = self.session.iter().map(|it| (*it).into()).collect();
        context.set("device", ContextValue::Text("mobile".into()));
        let inputs = Inputs {
            bundle: &bundle,
            graph: &Compass,
            index: &index,
            visitor: &visitor,
            context: &context,
            now: TimestampMs(0),
            dedupe: Dedupe::Off,
            limits: &NoLimits,
            unit: self.unit,
            seed: self.seed,
            variations: &self.variations,
        };
        let mut explanation = Explanation::default();
        let decision = Evaluation::new(inputs).decide(bundle.placement("home").unwrap(), self.n_max, &mut explanation);
        let chosen = match decision.filled {
            Filled::Offers(chosen) => chosen,
            Filled::Fallback(chosen) => vec![chosen],
        };
        Answered {
            shown: chosen.iter().map(|it| (it.offer.id.clone(), it.score.total(), it.propensity)).collect(),
            reason: decision.reason,
            experiment: decision.experiment,
            creatives: chosen.iter().map(|it| it.creative.content.clone()).collect(),
            fates: explanation.offers.iter().map(|it| format!("{:?}", it.rejection)).collect(),
        }
    }
}

fn by(ranker: Ranker) -> Asked<'static> {
    let mut asked = Asked::default();
    asked.placement.ranker = ranker;
    asked
}

#[track_caller]
fn order(asked: &Asked<'_>, expected: &str) {
    assert_eq!(asked.answer().ids(), expected);
}

#[test]
fn popular_goes_by_the_most_popular_item() {
    order(&by(Ranker::Popular), "east north-east north west");
}

#[test]
fn relevance_goes_by_the_angle_between_visitor_and_offer() {
    let row =
        |vector: &[i8]| Some(Row { vector: vector.iter().map(|it| it.cast_unsigned()).collect(), ..Row::default() });
    let of = |row, session| Asked { row, session, ..by(Ranker::Relevance) };
    order(&of(row(&[3, 10]), vec![]), "north north-east east west");
    order(&of(row(&[-9, 1]), vec!["i0"]), "west north north-east east");
    // Vectors of another space say nothing; then the items do.
    order(&of(row(&[1, 2, 3]), vec!["i0"]), "east north-east north west");
    let bought = Some(Row { items: vec![(3, 0.9), (2, 0.1)], ..Row::default() });
    order(&of(bought, vec![]), "west north north-east east");
    order(&of(None, vec!["i2"]), "north north-east west east");
    // Of whom nothing is known, all are as relevant: the list decides.
    order(&of(None, vec![]), "west north north-east east");
    let scores: Vec<f64> = of(row(&[127, 0]), vec![]).answer().shown.iter().map(|(_, score, _)| *score).collect();
    assert!((scores[0] - 1.0).abs() < 1e-9 && (scores[1] - 0.5_f64.sqrt()).abs() < 1e-6, "{scores:?}");
}

#[test]
fn formulas_see_profile_context_and_offer() {
    use Step::*;
    let formula = |steps: Vec<Step>| by(Ranker::Formula(Formula::new(steps).unwrap()));
    let mut by_margin = formula(vec![Offer(OfferField::Margin)]);
    by_margin.offers[1].margin_minor = Some(250);
    let answer = by_margin.answer();
    assert_eq!((answer.shown[0].0.as_str(), answer.shown[0].1), ("north", 2.5));
    let total = |asked: Asked<'_>| asked.answer().shown[0].1;
    let spent = || vec![Number(-1.0), Attribute(SPENT)];
    assert_eq!(total(formula(spent())), -1.0);
    assert_eq!(total(Asked { row: Some(Row { spent: Some(7.0), ..Row::default() }), ..formula(spent()) }), 7.0);
    let is = |attribute, text: &str| {
        formula(vec![Test(attribute, vitrine_engine::Test::Equals(Literal::Text(text.into())))])
    };
    assert_eq!([total(is(SEGMENT, "loyal")), total(is(SEGMENT, "new")), total(is(DEVICE, "mobile"))], [1.0, 0.0, 1.0]);
    order(
        &formula(vec![Offer(OfferField::Popularity), One(vitrine_engine::One::Negative)]),
        "west north north-east east",
    );
    let relevance = formula(vec![Offer(OfferField::Relevance)]);
    order(&Asked { session: vec!["i2"], ..relevance }, "north north-east west east");
}

#[test]
fn hybrids_add_what_each_part_brings_to_one_scale() {
    // Popularity of west is 1/4, of north 1/3, of north-east 1/2, of east 1: 0, 1/9, 1/3, 1.
    let parts =
        |weights: [f64; 2]| Ranker::Hybrid(vec![(weights[0], Ranker::Popular), (weights[1], Ranker::Relevance)]);
    let of = |weights| Asked { session: vec!["i3"], ..by(parts(weights)) };
    order(&of([1.0, 0.0]), "east north-east north west");
    order(&of([0.0, 1.0]), "west north north-east east");
    // Relevance for the west: -1, -0.7, 0, 1 become 0, 0.15, 0.5, 1.
    let answer = of([1.0, 2.0]).answer();
    assert_eq!(answer.ids(), "west north east north-east");
    assert!((answer.shown[1].1 - (1.0 / 9.0 + 1.0)).abs() < 1e-6, "{answer:?}");
    // Where a part knows no difference, it has no say.
    let unknown = Asked { row: None, ..by(parts([1.0, 5.0])) };
    order(&unknown, "east north-east north west");
}

fn arms(model: BanditModel, arms: &[(u16, &[f64])]) -> Bandit {
    let arms = arms.iter().map(|(idx, numbers)| (OfferIdx(*idx), numbers.to_vec())).collect();
    Bandit { model, features: Vec::new(), prior: vec![1.0, 1.0], arms }
}

/// How often each offer is first in many answers, and the mean of what was said of the chance of the one that was.
fn firsts(bandit: &Bandit) -> ([f64; 4], f64) {
    let mut asked = Asked { n_max: 1, ..by(Ranker::Bandit(bandit.clone())) };
    let ids: Vec<String> = asked.offers.iter().map(|it| it.id.clone()).collect();
    let (mut firsts, mut said) = ([0.0; 4], [(0.0, 0.0); 4]);
    const N: u64 = 1_500;
    for seed in 0..N {
        asked.seed = seed;
        let (id, _, propensity) = asked.answer().shown[0].clone();
        let at = ids.iter().position(|it| *it == id).unwrap();
        firsts[at] += 1.0 / N as f64;
        said[at].0 += propensity;
        said[at].1 += 1.0;
    }
    (firsts, said[3].0 / said[3].1)
}

#[test]
fn thompson_sampling_shows_offers_as_often_as_they_may_be_best() {
    // East succeeds in 4 %, the others in 1 %, of a hundred showings each.
    let numbers: [(u16, &[f64]); 4] = [(0, &[2.0, 100.0]), (1, &[2.0, 100.0]), (2, &[2.0, 100.0]), (3, &[5.0, 97.0])];
    let (firsts, said) = firsts(&arms(BanditModel::Bernoulli, &numbers));
    assert!(firsts[3] > 0.6 && firsts[..3].iter().all(|it| (0.02..0.2).contains(it)), "{firsts:?}");
    // The chance that goes with an answer is the share of answers, but for the draw that decided.
    assert!((said - firsts[3]).abs() < 0.02, "{said} {firsts:?}");
}

#[test]
fn gaussian_arms_of_which_nothing_is_known_are_as_likely() {
    let (firsts, said) = firsts(&Bandit { prior: vec![5.0, 2.0], ..arms(BanditModel::Gaussian, &[]) });
    assert!(firsts.iter().all(|it| (0.21..0.29).contains(it)), "{firsts:?}");
    assert!((said - 0.25).abs() < 0.02, "{said}");
    let certain = arms(BanditModel::Gaussian, &[(2, &[9.0, 0.0])]);
    let answer = Asked { n_max: 1, ..by(Ranker::Bandit(certain)) }.answer();
    assert_eq!((answer.ids().as_str(), answer.shown[0].2), ("north-east", 1.0));
}

#[test]
fn an_answer_repeats_and_another_seed_gives_others() {
    let of = |seed| Asked { seed, ..by(Ranker::Bandit(arms(BanditModel::Bernoulli, &[]))) }.answer().ids();
    assert_eq!(of(1), of(1));
    assert!((0..50).any(|seed| of(seed) != of(1)));
    // An arm more changes no draw of the others.
    let mut asked = Asked { seed: 9, ..by(Ranker::Bandit(arms(BanditModel::Bernoulli, &[]))) };
    let before = asked.answer();
    asked.offers.push(offer("south", "i0"));
    let mut after = asked.answer();
    after.shown.retain(|(id, ..)| id != "south");
    assert_eq!(before.ids(), after.ids());
}

#[test]
fn linear_bandits_go_by_the_context() {
    // Score of east: 1 on phones, 0 elsewhere; of all others 0.5. Nothing is uncertain.
    let features = vec![BanditFeature { attribute: DEVICE, equals: Some(Literal::Text("mobile".into())), scale: 1.0 }];
    let fixed: &[f64] = &[0.5, 0.0, 0.0, 0.0, 0.0];
    let bandit =
        |model, arm: &[f64]| Bandit { features: features.clone(), prior: fixed.to_vec(), ..arms(model, &[(3, arm)]) };
    let first = |bandit| by(Ranker::Bandit(bandit)).answer().shown[0].clone();
    let on_phones = bandit(BanditModel::LinearThompson, &[0.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(first(on_phones.clone()).0, "east");
    let elsewhere = Bandit {
        features: vec![BanditFeature { equals: Some(Literal::Text("tv".into())), ..features[0].clone() }],
        ..on_phones
    };
    assert_eq!(first(elsewhere).0, "west");
    // Root [[0.3, 0], [0.4, 0]]: x' Σ x = (0.3 + 0.4)^2. The bound is 0.2 + 2 * 0.7.
    let (id, score, propensity) = first(bandit(BanditModel::LinUcb { width: 2.0 }, &[0.2, 0.0, 0.3, 0.4, 0.0]));
    assert_eq!((id.as_str(), propensity), ("east", 1.0));
    assert!((score - 1.6).abs() < 1e-12, "{score}");
}

#[test]
fn value_weighs_scores_by_margins() {
    let mut asked = by(Ranker::Popular);
    asked.placement.objective = Objective::Value;
    order(&asked, "east north-east north west");
    // Means 300: north 1/3 * 2, west 1/4 * 0, the others as the mean: 1 and 1/2.
    asked.offers[1].margin_minor = Some(600);
    asked.offers[0].margin_minor = Some(0);
    order(&asked, "east north north-east west");
    asked.placement.ranker = Ranker::Items(ItemsRanker { popularity: 1.0, ..ItemsRanker::default() });
    order(&asked, "east north north-east west");
    // What speaks against an offer is not multiplied.
    asked.placement.ranker = Ranker::Items(ItemsRanker { popularity: -1.0, ..ItemsRanker::default() });
    assert!(asked.answer().shown.iter().all(|(_, score, _)| *score == 0.0));
}

#[test]
fn a_category_has_no_more_places_than_it_may() {
    let mut asked = by(Ranker::Popular);
    for (at, categories) in [(0, vec!["a"]), (1, vec!["b"]), (2, vec!["a", "b"]), (3, vec!["a"])] {
        asked.offers[at].categories = categories.into_iter().map(Into::into).collect();
    }
    asked.placement.diversity.per_category_max = Some(1);
    let answer = asked.answer();
    assert_eq!(answer.ids(), "east north");
    assert_eq!(answer.fates, ["Some(CategoryFull)", "None", "Some(CategoryFull)", "None"]);
    asked.placement.diversity.per_category_max = Some(2);
    order(&asked, "east north-east north");
}

#[test]
fn variety_moves_what_is_unlike() {
    let mut asked = by(Ranker::Popular);
    order(&asked, "east north-east north west");
    asked.placement.diversity.variety = 0.5;
    // North-east is much like east: north goes before it, and west, which is like neither.
    order(&asked, "east north west north-east");
    asked.placement.diversity.variety = 1.0;
    asked.n_max = 2;
    assert!(!asked.answer().ids().contains("north-east"));
}

#[test]
fn control_groups_see_the_fallback() {
    let mut asked = Asked { holdout_bps: 10_000, ..Asked::default() };
    assert_eq!(asked.answer().reason, Reason::Ranked, "without a unit nobody is in a group");
    asked.unit = Some(Unit(5));
    let answer = asked.answer();
    assert_eq!((answer.reason, answer.ids().as_str()), (Reason::Holdout, "fallback"));
    asked.holdout_bps = 0;
    asked.placement.holdout_bps = 5_000;
    let n_held = (0..1_000).filter(|it| {
        asked.unit = Some(Unit(*it));
        asked.answer().reason == Reason::Holdout
    });
    let n_held = n_held.count();
    assert!((430..570).contains(&n_held), "{n_held}");
}

#[test]
fn variations_change_ranker_and_creative() {
    let mut asked = Asked::default();
    asked.offers[0].creatives.push(Creative { variant: Some("bold".into()), ..Creative::new("bold") });
    let treatment = |ranker, variant: Option<&str>| Treatment { ranker, variant: variant.map(Into::into) };
    asked.placement.experiment = Some(PlacementExperiment {
        experiment: ExperimentIdx(0),
        treatments: vec![treatment(None, None), treatment(Some(Ranker::Popular), Some("bold"))],
    });
    let of = |variations: &[Option<u8>]| {
        let answer = Asked {
            variations: variations.to_vec(),
            ..Asked { placement: asked.placement.clone(), offers: asked.offers.clone(), ..Asked::default() }
        }
        .answer();
        let west = answer.shown.iter().position(|(id, ..)| id == "west").unwrap();
        (answer.ids(), answer.creatives[west].clone(), answer.experiment)
    };
    let own = "west north north-east east".to_owned();
    let in_variation = |it| Some((ExperimentIdx(0), it));
    assert_eq!(of(&[]), (own.clone(), "{}".into(), None));
    assert_eq!(of(&[None]), (own.clone(), "{}".into(), None));
    assert_eq!(of(&[Some(0)]), (own.clone(), "{}".into(), in_variation(0)));
    assert_eq!(of(&[Some(1)]), ("east north-east north west".into(), "bold".into(), in_variation(1)));
    // A variation that the placement says nothing of is no part of it.
    assert_eq!(of(&[Some(2)]), (own, "{}".into(), None));
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Placement), expected: &str) {
    let mut placement = Placement::new("home", vec![OfferIdx(0)], OfferIdx(0));
    change(&mut placement);
    let parts = BundleParts { offers: compass(), placements: vec![placement], ..BundleParts::default() };
    assert_eq!(Bundle::new(parts).unwrap_err().to_string(), expected);
}

#[test]
fn what_cannot_work_is_refused() {
    let ranker = r#"the ranker of the placement "home" cannot work"#;
    let share = r#"a share or the diversity of the placement "home" is out of range"#;
    let hybrid = |parts| Ranker::Hybrid(parts);
    refused(|it| it.ranker = hybrid(vec![]), ranker);
    refused(|it| it.ranker = hybrid(vec![(1.0, hybrid(vec![(1.0, Ranker::Popular)]))]), ranker);
    refused(|it| it.ranker = hybrid(vec![(f64::NAN, Ranker::Popular)]), ranker);
    let unknown = Formula::new(vec![Step::Number(0.0), Step::Attribute(AttributeIdx(0))]).unwrap();
    refused(|it| it.ranker = Ranker::Formula(unknown), ranker);
    for numbers in [&[0.0, 1.0][..], &[1.0], &[1.0, f64::INFINITY], &[1.0, 1.0, 1.0]] {
        refused(|it| it.ranker = Ranker::Bandit(arms(BanditModel::Bernoulli, &[(0, numbers)])), ranker);
    }
    refused(|it| it.ranker = Ranker::Bandit(arms(BanditModel::Gaussian, &[(0, &[0.0, -1.0])])), ranker);
    refused(|it| it.ranker = Ranker::Bandit(arms(BanditModel::Gaussian, &[(9, &[0.0, 1.0])])), ranker);
    let twice: [(u16, &[f64]); 2] = [(1, &[0.0, 1.0]), (1, &[0.0, 1.0])];
    refused(|it| it.ranker = Ranker::Bandit(arms(BanditModel::Gaussian, &twice)), ranker);
    refused(|it| it.ranker = Ranker::Bandit(arms(BanditModel::LinUcb { width: -1.0 }, &[])), ranker);
    refused(|it| it.holdout_bps = 10_001, share);
    refused(|it| it.diversity.per_category_max = Some(0), share);
    refused(|it| it.diversity.variety = 1.5, share);
    refused(
        |it| it.experiment = Some(PlacementExperiment { experiment: ExperimentIdx(0), treatments: vec![] }),
        r#""home" points to an experiment that does not exist"#,
    );
}
