//! One ranker through all visits: the engine decides, the truth says what is clicked, bandits publish what they learnt each night.

use vitrine_engine::{
    AttributeName, Bundle, Chosen, Context, ContextValue, Dedupe, Evaluation, Filled, Inputs, Limits, ModeReason,
    NoLimits, NoTrace, OfferIdx, Scope, TimestampMs, Visitor,
};

use crate::cap::{Log, Seen};
use crate::person::{Person, PersonProfile, Segmentation};
use crate::report::{Goal, SimulateError};
use crate::shop::Shop;
use crate::stage::{Policy, Stage};
use crate::stream::luck;
use crate::truth::Truth;
use crate::visits::{DAYS, Visit};

/// What all rankers share.
pub(crate) struct World<'a> {
    pub(crate) shop: &'a Shop,
    pub(crate) truth: &'a Truth,
    pub(crate) goal: Goal,
    pub(crate) visits: &'a [Visit],
    pub(crate) start: TimestampMs,
}

/// What a replay holds to.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// Whether caps for single visitors are kept.
    pub(crate) are_caps_kept: bool,
    /// What is left of the chance of a click each time that the visitor has seen the offer before. 1: all of it.
    pub(crate) fatigue: f64,
    /// Which luck.
    pub(crate) run: u8,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Course {
    /// By visitor.
    pub(crate) clicks: Vec<f64>,
    /// By visitor. Unit: minor units.
    pub(crate) value_minor: Vec<f64>,
    /// By day: what the truth expects of what was shown, in the unit of the goal.
    pub(crate) expected: Vec<f64>,
    /// Showings of offers, and of the fallback offer.
    pub(crate) showings: u64,
    pub(crate) fallbacks: u64,
    /// Most showings of one offer to one visitor.
    pub(crate) repeats_max: usize,
}

impl Course {
    /// What was earned by visitor, in the unit of the goal.
    pub(crate) fn earned(&self, goal: Goal) -> &[f64] {
        match goal {
            Goal::Clicks => &self.clicks,
            Goal::Value => &self.value_minor,
        }
    }
}

/// Lets a policy choose at every visit. `tick` is called after each.
pub(crate) fn replay(
    world: &World<'_>,
    stage: &Stage,
    mut policy: Policy,
    rules: Rules,
    tick: &mut dyn FnMut(),
) -> Result<Course, SimulateError> {
    let n_people = world.shop.people.len();
    let mut course = Course {
        clicks: vec![0.0; n_people],
        value_minor: vec![0.0; n_people],
        expected: vec![0.0; usize::from(DAYS)],
        ..Course::default()
    };
    let mut logs: Vec<Log> = vec![Log::new(); n_people];
    let by = world.truth.by();
    let (mut day, mut version) = (0, 1_u64);
    for (number, visit) in (1_u64..).zip(world.visits) {
        while day < visit.day() {
            day += 1;
            if let Some(learner) = &policy.learner {
                version += 1;
                let learnt = vitrine_engine::Ranker::Bandit(learner.learnt());
                policy.bundles = vec![stage.bundle(learnt, stage.placement().objective)?];
            }
        }
        let person = &world.shop.people[visit.person as usize];
        let segment = by.of(person);
        let at = segment.min(policy.bundles.len() - 1);
        let bundle = &policy.bundles[at];
        // As the edge does it: who is known draws the same until something is published.
        let seed = person.unit.0 ^ if policy.is_fresh { number << 8 } else { version };
        let request = Request { person, seed, now: TimestampMs(world.start.0 + visit.at_ms) };
        let log = &mut logs[visit.person as usize];
        let seen = Seen { offers: bundle.offers(), log, now_ms: visit.at_ms };
        let limits: &dyn Limits = if rules.are_caps_kept { &seen } else { &NoLimits };
        let (shown, features) = request.decide(bundle, stage, world.shop, limits, &policy);
        let mut showings = Showings { world, segment, visit, rules, day: usize::from(day), course: &mut course };
        for (place, shown) in (0_u8..).zip(&shown) {
            let is_click = showings.show(place, *shown, log);
            if let (Some(learner), false) = (&mut policy.learner, shown.is_fallback) {
                learner.count(shown.offer, &features, is_click);
            }
        }
        tick();
    }
    Ok(course)
}

/// What is shown in one place.
#[derive(Clone, Copy)]
struct Shown {
    offer: OfferIdx,
    is_fallback: bool,
}

/// One visit, as the engine is asked.
struct Request<'a> {
    person: &'a Person,
    seed: u64,
    now: TimestampMs,
}

impl Request<'_> {
    /// What is shown, best first, and what a linear bandit saw of the visitor.
    fn decide(
        &self,
        bundle: &Bundle,
        stage: &Stage,
        shop: &Shop,
        limits: &dyn Limits,
        policy: &Policy,
    ) -> (Vec<Shown>, Vec<f64>) {
        let context = context(bundle, self.person, self.now);
        let visitor = match &self.person.facts {
            Some(facts) => Visitor::Known(PersonProfile { person: self.person, facts, columns: stage.columns() }),
            None => Visitor::Unknown(ModeReason::NoProfile),
        };
        let features = match (&policy.learner, &visitor) {
            (Some(learner), Visitor::Known(profile)) if learner.is_linear() => {
                learner.bandit().features(bundle.attributes(), profile, &context)
            }
            (Some(learner), Visitor::Unknown(_)) if learner.is_linear() => {
                learner.bandit().features(bundle.attributes(), &vitrine_engine::NoProfile, &context)
            }
            _ => Vec::new(),
        };
        let mut evaluation = Evaluation::new(Inputs {
            bundle,
            graph: &shop.items,
            index: stage.index(),
            visitor: &visitor,
            context: &context,
            now: self.now,
            dedupe: Dedupe::Off,
            limits,
            unit: Some(self.person.unit),
            seed: self.seed,
            variations: &[],
        });
        // A stage has one placement.
        let placement = &bundle.placements()[0];
        let shown = |is_fallback| move |it: &Chosen<'_>| Shown { offer: it.idx, is_fallback };
        let shown = match evaluation.decide(placement, placement.count_max, &mut NoTrace).filled {
            Filled::Offers(chosen) => chosen.iter().map(shown(false)).collect(),
            Filled::Fallback(chosen) => vec![shown(true)(&chosen)],
        };
        (shown, features)
    }
}

/// What the request of a visitor tells, of all that rules ask for.
fn context(bundle: &Bundle, person: &Person, now: TimestampMs) -> Context {
    const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let mut context = Context::default();
    context.channel = Some(if person.channel == vitrine_demo::Channel::App { "app" } else { "web" }.to_owned());
    let clock = bundle.clock().at(now);
    for AttributeName { scope, name } in bundle.attributes() {
        let text = |it: &str| ContextValue::Text(it.to_owned());
        let value = match (scope, name.as_str()) {
            (Scope::Context, "country") => text(person.country_code()),
            (Scope::Context, "device") => text(person.device.id()),
            (Scope::Context, "hour") => ContextValue::Number(clock.hour.into()),
            (Scope::Context, "weekday") => text(WEEKDAYS[usize::from(clock.weekday) % 7]),
            (Scope::Context, "daypart") => {
                let from = clock.hour / 4 * 4;
                ContextValue::Text(format!("h{from:02}_{:02}", from + 3))
            }
            _ => continue,
        };
        context.set(name, value);
    }
    context
}

/// Counts what one visit shows.
struct Showings<'w, 'c> {
    world: &'w World<'w>,
    segment: usize,
    visit: &'w Visit,
    rules: Rules,
    day: usize,
    course: &'c mut Course,
}

impl Showings<'_, '_> {
    /// Shows an offer; whether it is clicked.
    fn show(&mut self, place: u8, Shown { offer, is_fallback }: Shown, log: &mut Log) -> bool {
        let truth = self.world.truth;
        let n_seen = log.iter().filter(|(seen, _)| *seen == offer).count();
        log.push((offer, self.visit.at_ms));
        // Multiplied one by one: powers of the standard library may differ between machines.
        let chance = (0..n_seen).fold(truth.click(self.segment, offer), |chance, _| chance * self.rules.fatigue);
        let value_minor = truth.value_minor(self.segment, offer);
        let course = &mut *self.course;
        course.expected[self.day] += match self.world.goal {
            Goal::Clicks => chance,
            Goal::Value => chance * value_minor,
        };
        if is_fallback {
            course.fallbacks += 1;
        } else {
            course.showings += 1;
            course.repeats_max = course.repeats_max.max(n_seen + 1);
        }
        let is_click = luck(self.visit.luck, self.rules.run, place) < chance;
        if is_click {
            let person = self.visit.person as usize;
            course.clicks[person] += 1.0;
            course.value_minor[person] += value_minor;
        }
        is_click
    }
}

/// Visits by segment.
pub(crate) fn weights(shop: &Shop, visits: &[Visit], by: Segmentation) -> Vec<u64> {
    let mut weights = vec![0; by.segments().len()];
    visits.iter().for_each(|it| weights[by.of(&shop.people[it.person as usize])] += 1);
    weights
}
