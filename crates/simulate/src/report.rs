//! The whole simulation: who competes, what came of it, and what may be said about it.

use serde::Serialize;
use vitrine_engine::{Bundle, Objective, Placement, TimestampMs};

use crate::cap::TrialCap;
use crate::compare::{Lift, Measured, Resamples};
use crate::contender::Contender;
use crate::person::Segmentation;
use crate::replay::{Course, Rules, World, replay, weights};
use crate::shop::{Shop, VISITORS_MAX, VISITORS_MIN};
use crate::stage::Stage;
use crate::truth::{Truth, TruthError};
use crate::visits::{DAYS, Visit, visits};

/// The cap that is tried where no candidate has one: twice a week.
const TRIAL_CAP: &str = "2/7d";
/// Days at the beginning and at the end whose regret is shown apart.
const WEEK: usize = 7;

/// What is simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The placement, or the first with at least two candidates.
    pub placement: Option<String>,
    /// Who competes, as [`Contender::named`] gives them.
    pub rankers: Vec<Contender>,
    /// The cap whose effect is measured; `None` takes those of the offers, or twice a week.
    pub cap: Option<TrialCap>,
    /// Where the effect of caps is measured: what is left of the chance of a click each time that the visitor has seen the offer before.
    /// Range: 0..=1.
    pub fatigue: f64,
    /// When the first day begins; `None` takes the end of the shop's records.
    pub start: Option<TimestampMs>,
}

/// Why there is nothing to simulate.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SimulateError {
    /// Too few visitors, or too many.
    #[error("a simulation has {VISITORS_MIN} to {VISITORS_MAX} visitors, not {found}")]
    Visitors {
        /// What was asked for.
        found: u32,
    },
    /// No such placement.
    #[error("there is no placement {found:?}; there are {known}")]
    UnknownPlacement {
        /// The id.
        found: String,
        /// Those that there are.
        known: String,
    },
    /// No placement has a choice.
    #[error("no placement has two candidates to choose from")]
    NoChoice,
    /// The placement has no choice.
    #[error("the placement {placement:?} has fewer than two candidates, so every ranker shows the same")]
    FewCandidates {
        /// The placement.
        placement: String,
    },
    /// No such ranker.
    #[error("there is no ranker {found:?}; there are {known}, and bandit for all bandits")]
    UnknownRanker {
        /// The word.
        found: String,
        /// Those that there are.
        known: String,
    },
    /// Named twice.
    #[error("the ranker {found:?} is named twice")]
    RankerTwice {
        /// The word.
        found: String,
    },
    /// Not a share.
    #[error("the fatigue {found} is not from 0 to 1")]
    Fatigue {
        /// What was asked for.
        found: f64,
    },
    /// A truth that cannot be read.
    #[error(transparent)]
    Truth(#[from] TruthError),
    /// The engine refuses what was made of a checked configuration: a bug of Vitrine.
    #[error("the engine refuses its own configuration: {why}")]
    Engine {
        /// Its words.
        why: String,
    },
}

/// What is made as great as possible: the placement's objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Clicks.
    Clicks,
    /// What clicks are worth. Unit: minor units.
    Value,
}

/// What came of a simulation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The placement.
    pub placement: String,
    /// Its candidates.
    pub candidates: usize,
    /// The seed of everything.
    pub seed: u64,
    /// Visitors.
    pub visitors: u32,
    /// Their visits.
    pub visits: u64,
    /// When the first day began.
    pub start: String,
    /// Days.
    pub days: u16,
    /// What is compared.
    pub goal: Goal,
    /// What the truth tells visitors apart by.
    pub by: Segmentation,
    /// What is best for each segment.
    pub segments: Vec<SegmentReport>,
    /// How the contenders did; the best of what was expected first.
    pub rankers: Vec<RankerReport>,
    /// Who is best.
    pub winner: Winner,
    /// What learning cost, and what not learning costs.
    pub regret: Vec<RegretReport>,
    /// What caps do.
    pub caps: CapsReport,
    /// What the reader should know.
    pub notes: Vec<String>,
}

/// What the truth says of a segment that visited.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentReport {
    /// The segment.
    pub segment: &'static str,
    /// Its visits.
    pub visits: u64,
    /// The candidate that is clicked most, whoever may see it.
    pub best_offer: String,
    /// Chance of a click on it.
    pub click: f64,
}

/// How one contender did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RankerReport {
    /// The contender.
    pub ranker: Contender,
    /// Whether it is the placement's own.
    pub is_configured: bool,
    /// What it earned at a visit, in the unit of the goal.
    pub earned: Measured,
    /// What the truth expects at a visit of what it showed.
    pub expected: f64,
    /// That, as a part of what the best offers for each segment would earn.
    pub of_the_best: Option<f64>,
    /// Clicks at a visit.
    pub clicks: f64,
    /// Value at a visit. Unit: minor units.
    pub value_minor: f64,
    /// Share of visits at which only the fallback offer showed.
    pub fallback_share: f64,
    /// Against `popular`.
    pub over_popular: Lift,
    /// Against chance.
    pub over_random: Lift,
}

/// Who is best of those that do not know the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Winner {
    /// The one that earned most.
    pub first: Contender,
    /// Those that it cannot be told from. Empty: it has won, by more than chance.
    pub cannot_tell_from: Vec<Contender>,
}

/// What a contender missed, in the unit of the goal: the truth's expectation of the best offer for each visitor's segment, less that of what it
/// showed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegretReport {
    /// The contender.
    pub ranker: Contender,
    /// In all.
    pub total: f64,
    /// Against the best single offer for all; below 0 where telling visitors apart paid.
    pub over_single: f64,
    /// Of a thousand visits in the first week, and in the last.
    pub first_week: f64,
    /// See above.
    pub last_week: f64,
    /// In all until the end of each day.
    pub by_day: Vec<f64>,
}

/// The placement's own ranker with caps for single visitors and without, where visitors tire of what they have seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CapsReport {
    /// The cap that was tried on each candidate; `None`: the offers' own.
    pub cap: Option<String>,
    /// What is left of the chance of a click each time that the visitor has seen the offer before.
    pub fatigue: f64,
    /// The placement's own ranker.
    pub ranker: Contender,
    /// With caps.
    pub with: CapsSide,
    /// Without.
    pub without: CapsSide,
    /// Clicks with caps over those without.
    pub clicks: Lift,
    /// Value with caps over that without.
    pub value: Lift,
}

/// One of the two.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CapsSide {
    /// Showings of candidates.
    pub impressions: u64,
    /// Visits at which only the fallback offer showed.
    pub fallbacks: u64,
    /// Clicks, on fallback offers too.
    pub clicks: f64,
    /// What they are worth. Unit: minor units.
    pub value_minor: f64,
    /// Most showings of one offer to one visitor.
    pub repeats_max: usize,
}

/// The placement that is meant: the one with this id, or the first with a choice.
///
/// # Errors
/// [`SimulateError::UnknownPlacement`], [`SimulateError::NoChoice`], [`SimulateError::FewCandidates`].
pub fn placement<'b>(bundle: &'b Bundle, id: Option<&str>) -> Result<&'b Placement, SimulateError> {
    let Some(id) = id else {
        return bundle.placements().iter().find(|it| it.offers.len() > 1).ok_or(SimulateError::NoChoice);
    };
    let known = || bundle.placements().iter().map(|it| it.id.as_str()).collect::<Vec<_>>().join(", ");
    let found = bundle.placement(id);
    let found = found.ok_or_else(|| SimulateError::UnknownPlacement { found: id.to_owned(), known: known() })?;
    if found.offers.len() < 2 {
        return Err(SimulateError::FewCandidates { placement: id.to_owned() });
    }
    Ok(found)
}

/// Simulates a placement of `bundle`. `tick` is called now and then with the visits that are done, and those that there are in all runs.
///
/// # Errors
/// [`SimulateError`], but of the truth, which was read before.
pub fn simulate(
    shop: &Shop,
    bundle: &Bundle,
    truth: &Truth,
    settings: &Settings,
    tick: &mut dyn FnMut(u64, u64),
) -> Result<Report, SimulateError> {
    if !(0.0..=1.0).contains(&settings.fatigue) {
        return Err(SimulateError::Fatigue { found: settings.fatigue });
    }
    let placement = placement(bundle, settings.placement.as_deref())?;
    let goal = match placement.objective {
        Objective::Score => Goal::Clicks,
        Objective::Value => Goal::Value,
    };
    let start = settings.start.unwrap_or_else(|| shop.ends_at());
    let visits = visits(shop.seed, shop.n_visitors());
    let world = World { shop, truth, goal, visits: &visits, start };
    let stage = Stage::new(bundle, placement, shop, truth.by());
    let n_runs = settings.rankers.len() as u64 + 2;
    let mut progress = Progress { done: 0, of: n_runs * visits.len() as u64, tick };
    let by_segment = weights(shop, &visits, truth.by());

    let mut courses = Vec::with_capacity(settings.rankers.len());
    for contender in &settings.rankers {
        let policy = contender.policy(&stage, truth, goal, &by_segment)?;
        // The luck of a ranker does not hang on who else competes.
        let rules = Rules { are_caps_kept: true, fatigue: 1.0, run: *contender as u8 };
        courses.push(replay(&world, &stage, policy, rules, &mut || progress.step())?);
    }
    let mut by_person = vec![0.0; shop.people.len()];
    visits.iter().for_each(|it| by_person[it.person as usize] += 1.0);
    let runs = Runs { contenders: &settings.rankers, courses: &courses, visits: &visits };
    let earned: Vec<&[f64]> = courses.iter().map(|it| it.earned(goal)).collect();
    let resamples = Resamples::new(&earned, &by_person, shop.seed);

    let own = Contender::of(stage.placement());
    let rankers = runs.rankers(&resamples, own);
    Ok(Report {
        placement: placement.id.clone(),
        candidates: placement.offers.len(),
        seed: shop.seed,
        visitors: shop.n_visitors(),
        visits: visits.len() as u64,
        start: start.to_string(),
        days: DAYS,
        goal,
        by: truth.by(),
        segments: segments(bundle, placement, truth, &by_segment),
        winner: runs.winner(&resamples),
        regret: runs.regret(),
        caps: caps(&world, &stage, settings, &by_segment, &by_person, &mut progress)?,
        notes: notes(&stage, &rankers),
        rankers,
    })
}

struct Progress<'t> {
    done: u64,
    of: u64,
    tick: &'t mut dyn FnMut(u64, u64),
}

impl Progress<'_> {
    fn step(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of(512) || self.done == self.of {
            (self.tick)(self.done, self.of);
        }
    }
}

fn segments(bundle: &Bundle, placement: &Placement, truth: &Truth, weights: &[u64]) -> Vec<SegmentReport> {
    let names = truth.by().segments();
    let report = |(segment, (name, visits)): (usize, (&'static str, &u64))| {
        let click = |idx: &vitrine_engine::OfferIdx| truth.click(segment, *idx);
        let best = placement.offers.iter().reduce(|a, b| if click(b) > click(a) { b } else { a })?;
        let best_offer = bundle.offers().get(usize::from(best.0))?.id.clone();
        (*visits > 0).then(|| SegmentReport { segment: name, visits: *visits, best_offer, click: click(best) })
    };
    names.into_iter().zip(weights).enumerate().filter_map(report).collect()
}

/// Contenders and what came of them, in the same order.
struct Runs<'a> {
    contenders: &'a [Contender],
    courses: &'a [Course],
    visits: &'a [Visit],
}

impl Runs<'_> {
    fn place(&self, contender: Contender) -> usize {
        self.contenders.iter().position(|it| *it == contender).unwrap_or(0)
    }

    /// What the truth expects of what a contender showed.
    fn expected(&self, at: usize) -> f64 {
        self.courses[at].expected.iter().sum()
    }

    fn rankers(&self, resamples: &Resamples, own: Contender) -> Vec<RankerReport> {
        let n_visits = self.visits.len() as f64;
        let best = self.expected(self.place(Contender::Truth));
        let report = |(at, ranker): (usize, &Contender)| {
            let course = &self.courses[at];
            let over = |other: Contender| {
                let other = self.place(other);
                resamples.lift(at, other, (self.expected(at), self.expected(other)))
            };
            RankerReport {
                ranker: *ranker,
                is_configured: *ranker == own,
                earned: resamples.rate(at),
                expected: self.expected(at) / n_visits,
                of_the_best: (best > 0.0).then(|| self.expected(at) / best),
                clicks: course.clicks.iter().sum::<f64>() / n_visits,
                value_minor: course.value_minor.iter().sum::<f64>() / n_visits,
                fallback_share: course.fallbacks as f64 / n_visits,
                over_popular: over(Contender::Popular),
                over_random: over(Contender::Random),
            }
        };
        let mut rankers: Vec<RankerReport> = self.contenders.iter().enumerate().map(report).collect();
        rankers.sort_by(|a, b| b.expected.total_cmp(&a.expected).then(a.ranker.cmp(&b.ranker)));
        rankers
    }

    fn winner(&self, resamples: &Resamples) -> Winner {
        let known: Vec<usize> =
            (0..self.contenders.len()).filter(|at| !self.contenders[*at].knows_the_truth()).collect();
        let (first, close) = resamples.leader(&known).unwrap_or_default();
        let contender = |at: usize| self.contenders[at];
        Winner { first: contender(first), cannot_tell_from: close.into_iter().map(contender).collect() }
    }

    fn regret(&self) -> Vec<RegretReport> {
        let days = usize::from(DAYS);
        let mut visits_by_day = vec![0.0_f64; days];
        self.visits.iter().for_each(|it| visits_by_day[usize::from(it.day())] += 1.0);
        let best = &self.courses[self.place(Contender::Truth)].expected;
        let single = self.expected(self.place(Contender::Single));
        let of_thousand =
            |missed: &[f64], visits: &[f64]| 1_000.0 * missed.iter().sum::<f64>() / visits.iter().sum::<f64>().max(1.0);
        let report = |(ranker, course): (&Contender, &Course)| {
            let missed: Vec<f64> = best.iter().zip(&course.expected).map(|(best, it)| best - it).collect();
            let by_day: Vec<f64> = missed
                .iter()
                .scan(0.0, |sum, it| {
                    *sum += it;
                    Some(*sum)
                })
                .collect();
            RegretReport {
                ranker: *ranker,
                total: by_day.last().copied().unwrap_or(0.0),
                over_single: single - course.expected.iter().sum::<f64>(),
                first_week: of_thousand(&missed[..WEEK], &visits_by_day[..WEEK]),
                last_week: of_thousand(&missed[days - WEEK..], &visits_by_day[days - WEEK..]),
                by_day,
            }
        };
        self.contenders.iter().zip(self.courses).filter(|(it, _)| **it != Contender::Truth).map(report).collect()
    }
}

fn caps(
    world: &World<'_>,
    stage: &Stage,
    settings: &Settings,
    by_segment: &[u64],
    by_person: &[f64],
    progress: &mut Progress<'_>,
) -> Result<CapsReport, SimulateError> {
    let trial = settings.cap.or_else(|| if stage.has_caps() { None } else { TRIAL_CAP.parse().ok() });
    let capped = trial.map_or_else(|| stage.clone(), |cap| stage.with_cap(cap));
    let own = Contender::of(stage.placement());
    let mut run = |are_caps_kept: bool| {
        let policy = own.policy(&capped, world.truth, world.goal, by_segment)?;
        let run = if are_caps_kept { u8::MAX } else { u8::MAX - 1 };
        let rules = Rules { are_caps_kept, fatigue: settings.fatigue, run };
        replay(world, &capped, policy, rules, &mut || progress.step())
    };
    let (with, without) = (run(true)?, run(false)?);
    let lift = |of: &dyn Fn(&Course) -> &[f64]| {
        let mut lift = Resamples::new(&[of(&with), of(&without)], by_person, world.shop.seed).lift(0, 1, (0.0, 0.0));
        // What is expected is in the unit of the goal alone.
        lift.expected = None;
        lift
    };
    let side = |it: &Course| CapsSide {
        impressions: it.showings,
        fallbacks: it.fallbacks,
        clicks: it.clicks.iter().sum(),
        value_minor: it.value_minor.iter().sum(),
        repeats_max: it.repeats_max,
    };
    Ok(CapsReport {
        cap: trial.map(|it| it.to_string()),
        fatigue: settings.fatigue,
        ranker: own,
        clicks: lift(&|it| &it.clicks),
        value: lift(&|it| &it.value_minor),
        with: side(&with),
        without: side(&without),
    })
}

fn notes(stage: &Stage, rankers: &[RankerReport]) -> Vec<String> {
    let mut notes = Vec::new();
    let unknown = stage.unknown_attributes();
    if !unknown.is_empty() {
        notes.push(format!("made-up visitors have no {}: rules that ask for it find nothing", unknown.join(", ")));
    }
    let shown = rankers.iter().map(|it| it.fallback_share).fold(1.0, f64::min);
    if shown >= 1.0 {
        notes.push("only the fallback offer was ever shown: no candidate is eligible in these days".to_owned());
    } else if shown > 0.5 {
        notes.push("most visits saw the fallback offer: few candidates are eligible".to_owned());
    }
    if rankers.iter().any(|it| it.ranker.is_bandit()) {
        notes.push(
            "an interval of a bandit holds for the course that its learning took here; another seed, another course"
                .to_owned(),
        );
    }
    notes
}
