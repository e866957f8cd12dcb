//! The decision itself: eligible, ranked, the first `count`, else the fallback offer.

use alloc::vec;
use alloc::vec::Vec;
use core::cell::OnceCell;
use core::cmp::Ordering;

use crate::attribute::{Context, NoProfile, Profile};
use crate::bundle::{AudienceIdx, Bundle, ItemsRanker, Offer, OfferIdx, Placement, Ranker};
use crate::condition::{Condition, Sources};
use crate::creative::{self, Creative};
use crate::explain::{NoTrace, Rejection, Trace};
use crate::items::{ItemGraph, OfferIndex};
use crate::limits::Limits;
use crate::schedule::ScheduleState;
use crate::timestamp::TimestampMs;

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
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ranked, Self::NothingEligible, Self::FallbackOnly];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ranked => "ranked",
            Self::NothingEligible => "nothing_eligible",
            Self::FallbackOnly => "fallback_only",
        }
    }
}

/// The parts of an offer's score. The score is their sum, taken in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoreParts {
    /// From neighbours of the profile's items.
    pub profile: f64,
    /// From neighbours of the session's items.
    pub session: f64,
    /// From items that the visitor bought before.
    pub own: f64,
    /// From the popularity of the offer's items.
    pub popularity: f64,
}

impl ScoreParts {
    /// The score. Unit: none, comparable within one decision only.
    pub fn total(&self) -> f64 {
        self.profile + self.session + self.own + self.popularity
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
}

/// Decides the placements of one request. Audiences and item scores are worked out once, when first needed.
pub struct Evaluation<'a, P, G> {
    inputs: Inputs<'a, P, G>,
    /// By audience: whether it admits the visitor, or the part that does not hold.
    audiences: Vec<OnceCell<Result<(), &'a Condition>>>,
    scores: OnceCell<ItemScores>,
    /// By offer: shown by an earlier placement. Empty unless [`Dedupe::Page`].
    shown: Vec<bool>,
}

/// Unweighted sums, each by offer.
struct ItemScores {
    profile: Vec<f64>,
    session: Vec<f64>,
    own: Vec<f64>,
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
            shown,
            inputs,
        }
    }

    /// Fills `placement`, a placement of the bundle, with at most `count` offers (at most [`Placement::count_max`]).
    pub fn decide(&mut self, placement: &'a Placement, count: u8, trace: &mut impl Trace<'a>) -> Decision<'a> {
        let fallback_only = self.inputs.visitor.reason().mode() == Mode::FallbackOnly;
        let n_max = usize::from(count.clamp(1, placement.count_max));
        let chosen = if fallback_only { Vec::new() } else { self.best(placement, n_max, trace) };
        if chosen.is_empty() {
            let reason = if fallback_only { Reason::FallbackOnly } else { Reason::NothingEligible };
            return Decision { placement, filled: self.fallback(placement), reason };
        }
        for it in &chosen {
            if let Some(shown) = self.shown.get_mut(usize::from(it.idx.0)) {
                *shown = true;
            }
        }
        Decision { placement, filled: Filled::Offers(chosen), reason: Reason::Ranked }
    }

    /// The best `n_max` eligible candidates, best first. Never more are kept, so that nothing but them is sorted.
    fn best(&self, placement: &'a Placement, n_max: usize, trace: &mut impl Trace<'a>) -> Vec<Chosen<'a>> {
        let mut best: Vec<Chosen<'a>> = Vec::with_capacity(n_max);
        for idx in &placement.offers {
            let Some(offer) = self.inputs.bundle.offer(*idx) else { continue };
            let (creative_idx, creative) = match self.admit(*idx, offer) {
                Ok(fitting) => fitting,
                Err(rejection) => {
                    trace.rejected(*idx, rejection);
                    continue;
                }
            };
            let score = self.score(*idx, placement.ranker);
            trace.scored(*idx, score);
            let candidate = Chosen { idx: *idx, offer, creative, creative_idx, score };
            // Among equals the earlier one stays ahead.
            if let Some(last) = best.last().filter(|_| best.len() >= n_max) {
                if ahead(last, &candidate).is_le() {
                    trace.rejected(*idx, Rejection::Outranked);
                    continue;
                }
                trace.rejected(last.idx, Rejection::Outranked);
                best.pop();
            }
            let at = best.partition_point(|it| ahead(it, &candidate).is_le());
            best.insert(at, candidate);
        }
        best
    }

    /// The eligibility rules, cheapest first.
    fn admit(&self, idx: OfferIdx, offer: &'a Offer) -> Result<(u8, &'a Creative), Rejection<'a>> {
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
        let context = self.inputs.context;
        creative::best(&offer.creatives, context.locale.as_deref(), context.channel.as_deref())
            .ok_or(Rejection::NoCreative)
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

    fn score(&self, idx: OfferIdx, ranker: Ranker) -> ScoreParts {
        match ranker {
            Ranker::Priority => ScoreParts::default(),
            Ranker::Items(ItemsRanker { profile, session, own, popularity }) => {
                let scores = self.scores.get_or_init(|| self.item_scores());
                let sum = |of: &[f64]| of.get(usize::from(idx.0)).copied().unwrap_or(0.0);
                ScoreParts {
                    profile: profile * sum(&scores.profile),
                    session: session * sum(&scores.session),
                    own: own * sum(&scores.own),
                    popularity: popularity * f64::from(self.inputs.index.popularity(idx)),
                }
            }
        }
    }

    /// Sums the neighbour weights of the visitor's items into the offers that they lead to.
    ///
    /// The order of additions is fixed by the history, the session and the neighbour lists, so sums are the same everywhere.
    fn item_scores(&self) -> ItemScores {
        let Inputs { graph, index, visitor, context, .. } = &self.inputs;
        let (mut profile, mut session, mut own) = (index.sums(), index.sums(), index.sums());
        if let Visitor::Known(known) = visitor {
            known.history(&mut |item, weight| {
                let weight = f64::from(weight);
                own.add(item, weight);
                graph.neighbours(item, &mut |neighbour, strength| {
                    profile.add(neighbour, weight * f64::from(strength));
                });
            });
        }
        for item in context.items.iter().filter_map(|id| graph.find(id)) {
            graph.neighbours(item, &mut |neighbour, strength| session.add(neighbour, f64::from(strength)));
        }
        ItemScores { profile: profile.finish(), session: session.finish(), own: own.finish() }
    }

    fn fallback(&self, placement: &'a Placement) -> Filled<'a> {
        let context = self.inputs.context;
        let offer = self.inputs.bundle.offer(placement.fallback);
        let creative = offer
            .and_then(|offer| creative::best(&offer.creatives, context.locale.as_deref(), context.channel.as_deref()));
        match (offer, creative) {
            (Some(offer), Some((creative_idx, creative))) => {
                let score = ScoreParts::default();
                Filled::Fallback(Chosen { idx: placement.fallback, offer, creative, creative_idx, score })
            }
            // Unreachable for a checked bundle: a fallback offer has a creative that fits everywhere.
            _ => Filled::Offers(Vec::new()),
        }
    }
}

/// Higher score, then higher priority.
fn ahead(a: &Chosen<'_>, b: &Chosen<'_>) -> Ordering {
    b.score.total().total_cmp(&a.score.total()).then(b.offer.priority.cmp(&a.offer.priority))
}

/// Decides a single placement without an explanation. See [`Evaluation`] for several.
pub fn decide<'a, P: Profile, G: ItemGraph>(
    inputs: Inputs<'a, P, G>,
    placement: &'a Placement,
    count: u8,
) -> Decision<'a> {
    Evaluation::new(inputs).decide(placement, count, &mut NoTrace)
}
