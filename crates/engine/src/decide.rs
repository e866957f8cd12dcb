//! The decision itself: eligible, ranked, the first `count`, else the fallback offer.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::OnceCell;

use crate::attribute::{Context, NoProfile, Profile};
use crate::bundle::{AudienceIdx, Bundle, Objective, Offer, OfferIdx, Placement};
use crate::condition::{Condition, Sources};
use crate::creative::{self, Creative, Wanted};
use crate::experiment::{ExperimentIdx, Treatment, Unit};
use crate::explain::{NoTrace, Rejection, Trace};
use crate::items::{ItemGraph, OfferIndex};
use crate::limits::Limits;
use crate::random::{mixed, number_of};
use crate::rank::ItemScores;
use crate::schedule::ScheduleState;
use crate::select::select;
use crate::timestamp::TimestampMs;
use crate::vector::Directions;

/// How much of the visitor an answer rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Profile and context.
    Personalised,
    /// Context only.
    Contextual,
    /// The placements' fallback offers.
    FallbackOnly,
}

/// Why an answer has its [`Mode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModeReason {
    /// The profile was used.
    Ok,
    /// The request named no visitor.
    NoVisitor,
    /// The visitor opted out.
    OptOut,
    /// The browser sent `Sec-GPC: 1`.
    Gpc,
    /// The request carries no consent, and the bundle asks for it.
    NoConsent,
    /// The visitor is under the age for profiling.
    Minor,
    /// The running table has no row for the visitor.
    NoProfile,
    /// No table has been published yet.
    NoTable,
    /// The table announces a row that could not be read: missing, late or corrupt.
    ProfileUnavailable,
    /// The operator has switched decisions off.
    KillSwitch,
    /// No configuration has been published yet.
    NoBundle,
}

impl ModeReason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::NoVisitor,
        Self::OptOut,
        Self::Gpc,
        Self::NoConsent,
        Self::Minor,
        Self::NoProfile,
        Self::NoTable,
        Self::ProfileUnavailable,
        Self::KillSwitch,
        Self::NoBundle,
    ];

    /// The mode that this reason leads to.
    pub fn mode(self) -> Mode {
        match self {
            Self::Ok => Mode::Personalised,
            Self::NoVisitor
            | Self::OptOut
            | Self::Gpc
            | Self::NoConsent
            | Self::Minor
            | Self::NoProfile
            | Self::NoTable
            | Self::ProfileUnavailable => Mode::Contextual,
            Self::KillSwitch | Self::NoBundle => Mode::FallbackOnly,
        }
    }

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoVisitor => "no_visitor",
            Self::OptOut => "opt_out",
            Self::Gpc => "gpc",
            Self::NoConsent => "no_consent",
            Self::Minor => "minor",
            Self::NoProfile => "no_profile",
            Self::NoTable => "no_table",
            Self::ProfileUnavailable => "profile_unavailable",
            Self::KillSwitch => "kill_switch",
            Self::NoBundle => "no_bundle",
        }
    }
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Personalised, Self::Contextual, Self::FallbackOnly];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Personalised => "personalised",
            Self::Contextual => "contextual",
            Self::FallbackOnly => "fallback_only",
        }
    }
}

/// The visitor of a request: a profile, or the reason why there is none.
#[derive(Clone, Copy, Debug)]
pub enum Visitor<P> {
    /// A profile that may be used.
    Known(P),
    /// No profile, and why. Never [`ModeReason::Ok`].
    Unknown(ModeReason),
}

impl<P> Visitor<P> {
    /// Why the answer will have its mode.
    pub fn reason(&self) -> ModeReason {
        match self {
            Self::Known(_) => ModeReason::Ok,
            Self::Unknown(reason) => *reason,
        }
    }
}

/// Whether two placements of one request may show the same offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dedupe {
    /// They may.
    #[default]
    Off,
    /// They may not: an earlier placement takes it. Fallback offers are exempt.
    Page,
}

/// Why a decision holds what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Eligible offers were ranked.
    Ranked,
    /// No candidate was eligible.
    NothingEligible,
    /// The mode allows only fallback offers.
    FallbackOnly,
    /// The visitor is kept out of decisions, so that their effect can be measured.
    Holdout,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ranked, Self::NothingEligible, Self::FallbackOnly, Self::Holdout];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ranked => "ranked",
            Self::NothingEligible => "nothing_eligible",
            Self::FallbackOnly => "fallback_only",
            Self::Holdout => "holdout",
        }
    }
}

/// The parts of an offer's score. The score is their sum, taken in the order of the fields, times the factor of the margin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreParts {
    /// From neighbours of the profile's items.
    pub profile: f64,
    /// From neighbours of the session's items.
    pub session: f64,
    /// From items that the visitor bought before.
    pub own: f64,
    /// From the popularity of the offer's items.
    pub popularity: f64,
    /// What a ranker measures as one number: relevance, formula, mix of a hybrid, draw of a bandit.
    pub measure: f64,
    /// The offer's margin over the mean margin of the candidates, where the objective is value; `None` elsewhere.
    pub margin: Option<f64>,
}

impl Default for ScoreParts {
    fn default() -> Self {
        Self { profile: 0.0, session: 0.0, own: 0.0, popularity: 0.0, measure: 0.0, margin: None }
    }
}

impl ScoreParts {
    /// The score. Unit: none, comparable within one decision only.
    pub fn total(&self) -> f64 {
        let sum = self.profile + self.session + self.own + self.popularity + self.measure;
        match self.margin {
            None => sum,
            Some(factor) => sum.max(0.0) * factor,
        }
    }
}

/// An offer in a decision, with the creative that fits the request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen<'b> {
    /// Its position in the bundle.
    pub idx: OfferIdx,
    /// The offer.
    pub offer: &'b Offer,
    /// What to render.
    pub creative: &'b Creative,
    /// Position of the creative in [`Offer::creatives`].
    pub creative_idx: u8,
    /// Its score.
    pub score: ScoreParts,
    /// Chance with which it was among the offers shown, 0..=1, by the ranker's draws and before diversity; 1 where nothing is
    /// drawn. An estimate: its share of 17 to 65 draws (1,024 over the number of candidates), the one that decided among them.
    pub propensity: f64,
}

/// What fills a placement: offers, or the fallback offer. Never both, never neither.
#[derive(Clone, Debug, PartialEq)]
pub enum Filled<'b> {
    /// At least one offer, best first.
    Offers(Vec<Chosen<'b>>),
    /// The fallback offer, without a score.
    Fallback(Chosen<'b>),
}

/// The answer for one placement.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<'b> {
    /// The placement.
    pub placement: &'b Placement,
    /// What fills it.
    pub filled: Filled<'b>,
    /// Why.
    pub reason: Reason,
    /// The experiment and the variation that it is part of.
    pub experiment: Option<(ExperimentIdx, u8)>,
}

/// Everything that a request is decided from.
pub struct Inputs<'a, P, G> {
    /// The published configuration.
    pub bundle: &'a Bundle,
    /// The item table of the running build.
    pub graph: G,
    /// The bundle joined with that item table.
    pub index: &'a OfferIndex,
    /// The visitor.
    pub visitor: &'a Visitor<P>,
    /// What the caller told about the request.
    pub context: &'a Context,
    /// The time of the request.
    pub now: TimestampMs,
    /// Whether placements may repeat offers.
    pub dedupe: Dedupe,
    /// What is capped, spent, sold out, or was declined by the visitor.
    pub limits: &'a dyn Limits,
    /// The visitor, for control groups; without it the visitor is in none.
    pub unit: Option<Unit>,
    /// Seed of all draws. Equal seeds draw the same.
    pub seed: u64,
    /// By experiment of the bundle: the visitor's variation, if the visitor is in it. May be shorter.
    pub variations: &'a [Option<u8>],
}

/// Decides the placements of one request. Audiences and item scores are worked out once, when first needed.
pub struct Evaluation<'a, P, G> {
    pub(crate) inputs: Inputs<'a, P, G>,
    /// By audience: whether it admits the visitor, or the part that does not hold.
    audiences: Vec<OnceCell<Result<(), &'a Condition>>>,
    pub(crate) scores: OnceCell<ItemScores>,
    /// The visitor's direction, as the only one.
    pub(crate) direction: OnceCell<Directions>,
    /// By offer: shown by an earlier placement. Empty unless [`Dedupe::Page`].
    shown: Vec<bool>,
}

impl<'a, P: Profile, G: ItemGraph> Evaluation<'a, P, G> {
    /// Begins the decisions of one request.
    pub fn new(inputs: Inputs<'a, P, G>) -> Self {
        let shown = match inputs.dedupe {
            Dedupe::Off => Vec::new(),
            Dedupe::Page => vec![false; inputs.bundle.offers().len()],
        };
        Self {
            audiences: vec![OnceCell::new(); inputs.bundle.audiences().len()],
            scores: OnceCell::new(),
            direction: OnceCell::new(),
            shown,
            inputs,
        }
    }

    /// Fills `placement`, a placement of the bundle, with at most `count` offers (at most [`Placement::count_max`]).
    pub fn decide(&mut self, placement: &'a Placement, count: u8, trace: &mut impl Trace<'a>) -> Decision<'a> {
        let fallback_only = self.inputs.visitor.reason().mode() == Mode::FallbackOnly;
        let n_max = usize::from(count.clamp(1, placement.count_max));
        if fallback_only || self.is_held_out(placement) {
            let reason = if fallback_only { Reason::FallbackOnly } else { Reason::Holdout };
            return Decision { placement, filled: self.fallback(placement, None), reason, experiment: None };
        }
        let (experiment, treatment) = self.treatment(placement).unzip();
        let mut chosen = self.best(placement, treatment, n_max, trace);
        chosen.retain(|it| match self.inputs.limits.show(it.idx) {
            None => true,
            Some(limit) => {
                trace.rejected(it.idx, Rejection::Limit(limit));
                false
            }
        });
        if chosen.is_empty() {
            let variant = treatment.and_then(|it| it.variant.as_deref());
            let filled = self.fallback(placement, variant);
            return Decision { placement, filled, reason: Reason::NothingEligible, experiment };
        }
        for it in &chosen {
            if let Some(shown) = self.shown.get_mut(usize::from(it.idx.0)) {
                *shown = true;
            }
        }
        Decision { placement, filled: Filled::Offers(chosen), reason: Reason::Ranked, experiment }
    }

    /// Whether the visitor is in the control group of everything or of this placement.
    fn is_held_out(&self, placement: &Placement) -> bool {
        let everywhere = self.inputs.bundle.settings().holdout_bps;
        self.inputs.unit.is_some_and(|unit| {
            (everywhere > 0 && unit.is_among("holdout", everywhere))
                || (placement.holdout_bps > 0
                    && unit.is_among(&format!("holdout {}", placement.id), placement.holdout_bps))
        })
    }

    /// The variation of the placement's experiment that the visitor is in.
    fn treatment(&self, placement: &'a Placement) -> Option<((ExperimentIdx, u8), &'a Treatment)> {
        let experiment = placement.experiment.as_ref()?;
        let variation = self.inputs.variations.get(usize::from(experiment.experiment.0)).copied().flatten()?;
        Some(((experiment.experiment, variation), experiment.treatments.get(usize::from(variation))?))
    }

    /// The best `n_max` eligible candidates, best first.
    fn best(
        &self,
        placement: &'a Placement,
        treatment: Option<&'a Treatment>,
        n_max: usize,
        trace: &mut impl Trace<'a>,
    ) -> Vec<Chosen<'a>> {
        let variant = treatment.and_then(|it| it.variant.as_deref());
        let mut pool: Vec<Chosen<'a>> = Vec::with_capacity(placement.offers.len());
        for idx in &placement.offers {
            let Some(offer) = self.inputs.bundle.offer(*idx) else { continue };
            match self.admit(*idx, offer, variant) {
                Ok(fitting) => {
                    trace.admitted(*idx);
                    pool.push(unscored(*idx, offer, fitting));
                }
                Err(rejection) => trace.rejected(*idx, rejection),
            }
        }
        let ranker = treatment.and_then(|it| it.ranker.as_ref()).unwrap_or(&placement.ranker);
        if placement.objective == Objective::Value {
            weigh_margins(&mut pool);
        }
        self.score(&mut pool, ranker, mixed(self.inputs.seed, number_of(&placement.id)), n_max);
        pool.iter().for_each(|it| trace.scored(it.idx, it.score));
        select(pool, n_max, &placement.diversity, self.inputs.index, trace)
    }

    /// The eligibility rules, cheapest first.
    fn admit(
        &self,
        idx: OfferIdx,
        offer: &'a Offer,
        variant: Option<&str>,
    ) -> Result<(u8, &'a Creative), Rejection<'a>> {
        if self.shown.get(usize::from(idx.0)).copied().unwrap_or(false) {
            return Err(Rejection::AlreadyShown);
        }
        match offer.schedule.state(self.inputs.now) {
            ScheduleState::NotStarted => return Err(Rejection::NotStarted),
            ScheduleState::Ended => return Err(Rejection::Ended),
            ScheduleState::Running => {}
        }
        if let Some(limit) = self.inputs.limits.rejection(idx) {
            return Err(Rejection::Limit(limit));
        }
        if let Some(audience) = offer.audience {
            self.admits(audience).map_err(|failed| Rejection::Audience { audience, failed })?;
        }
        creative::best(&offer.creatives, self.wanted(variant)).ok_or(Rejection::NoCreative)
    }

    fn wanted<'w>(&'w self, variant: Option<&'w str>) -> Wanted<'w> {
        let context = self.inputs.context;
        Wanted { locale: context.locale.as_deref(), channel: context.channel.as_deref(), variant }
    }

    fn admits(&self, audience: AudienceIdx) -> Result<(), &'a Condition> {
        let at = usize::from(audience.0);
        // A bundle's audience indices are in range, so the default is never taken.
        let (Some(memo), Some(audience)) = (self.audiences.get(at), self.inputs.bundle.audiences().get(at)) else {
            return Ok(());
        };
        *memo.get_or_init(|| {
            let names = self.inputs.bundle.attributes();
            let context = self.inputs.context;
            match self.inputs.visitor {
                Visitor::Known(profile) => audience.condition.check(&Sources { names, profile, context }),
                Visitor::Unknown(_) => audience.condition.check(&Sources { names, profile: &NoProfile, context }),
            }
        })
    }

    fn fallback(&self, placement: &'a Placement, variant: Option<&str>) -> Filled<'a> {
        let offer = self.inputs.bundle.offer(placement.fallback);
        let creative = offer.and_then(|offer| creative::best(&offer.creatives, self.wanted(variant)));
        match (offer, creative) {
            (Some(offer), Some(fitting)) => Filled::Fallback(unscored(placement.fallback, offer, fitting)),
            // Unreachable for a checked bundle: a fallback offer has a creative that fits everywhere.
            _ => Filled::Offers(Vec::new()),
        }
    }
}

fn unscored<'b>(idx: OfferIdx, offer: &'b Offer, (creative_idx, creative): (u8, &'b Creative)) -> Chosen<'b> {
    Chosen { idx, offer, creative, creative_idx, score: ScoreParts::default(), propensity: 1.0 }
}

/// Each candidate's margin over their mean.
fn weigh_margins(pool: &mut [Chosen<'_>]) {
    let (mut sum, mut n) = (0.0, 0.0);
    for margin in pool.iter().filter_map(|it| it.offer.margin_minor) {
        sum += f64::from(margin);
        n += 1.0;
    }
    // Without any margin, or where all are 0, nothing sets them apart.
    let factor = |margin: Option<u32>| match margin {
        Some(margin) if sum > 0.0 => f64::from(margin) * n / sum,
        _ => 1.0,
    };
    pool.iter_mut().for_each(|it| it.score.margin = Some(factor(it.offer.margin_minor)));
}

/// Decides a single placement without an explanation. See [`Evaluation`] for several.
pub fn decide<'a, P: Profile, G: ItemGraph>(
    inputs: Inputs<'a, P, G>,
    placement: &'a Placement,
    count: u8,
) -> Decision<'a> {
    Evaluation::new(inputs).decide(placement, count, &mut NoTrace)
}
