//! The bundle: a published configuration, checked once and ready to decide with.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::attribute::{AttributeIdx, AttributeName};
use crate::bandit::Bandit;
use crate::campaign::{Campaign, CampaignIdx};
use crate::clock::Clock;
use crate::condition::{CONDITION_DEPTH_MAX, Condition};
use crate::creative::Creative;
use crate::experiment::{Experiment, PlacementExperiment};
use crate::formula::Formula;
use crate::limits::{Caps, Suppression};
use crate::schedule::Schedule;

/// Position of an offer in [`Bundle::offers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferIdx(pub u16);

/// Position of a placement in [`Bundle::placements`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlacementIdx(pub u16);

/// Position of an audience in [`Bundle::audiences`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AudienceIdx(pub u16);

/// A named condition that admits visitors.
#[derive(Clone, Debug, PartialEq)]
pub struct Audience {
    /// Its id; for a condition written inside an offer, a name made from the offer's id.
    pub id: String,
    /// Whom it admits.
    pub condition: Condition,
}

/// What can fill a placement.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Unique id.
    pub id: String,
    /// The greater goes first where nothing else decides. Default 0.
    pub priority: i32,
    /// When it may be shown.
    pub schedule: Schedule,
    /// Who may see it; `None` admits everybody.
    pub audience: Option<AudienceIdx>,
    /// Ids of the items that it promotes.
    pub items: Vec<String>,
    /// Categories whose items it promotes.
    pub categories: Vec<String>,
    /// Its content; at least one, at most 256.
    pub creatives: Vec<Creative>,
    /// How often it may be shown.
    pub caps: Caps,
    /// For how long a visitor who has done what it asks for is spared it; `None` shows it on.
    pub suppress_after_conversion: Option<Suppression>,
    /// The campaign that it belongs to.
    pub campaign: Option<CampaignIdx>,
    /// What is earned when it succeeds. Unit: hundredths of the currency's unit.
    pub margin_minor: Option<u32>,
}

impl Offer {
    /// An offer with this id and these creatives: always, to everybody, without limits.
    pub fn new(id: impl Into<String>, creatives: Vec<Creative>) -> Self {
        Self {
            id: id.into(),
            priority: 0,
            schedule: Schedule::default(),
            audience: None,
            items: Vec::new(),
            categories: Vec::new(),
            creatives,
            caps: Caps::default(),
            suppress_after_conversion: None,
            campaign: None,
            margin_minor: None,
        }
    }
}

/// Weights of the `items` ranker. The score of an offer is
/// `profile * neighbours(history) + session * neighbours(session items) + own * weight of history items in the offer + popularity * popularity`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ItemsRanker {
    /// Weight of neighbours of the profile's items. Default 1.
    pub profile: f64,
    /// Weight of neighbours of the session's items. Default 1.
    pub session: f64,
    /// Weight of items that the visitor bought before and the offer names (repeat purchases). Default 1.
    pub own: f64,
    /// Weight of the popularity (0..=1) of the offer's most popular item; ranks visitors without history. Default 0.1.
    pub popularity: f64,
}

impl Default for ItemsRanker {
    fn default() -> Self {
        Self { profile: 1.0, session: 1.0, own: 1.0, popularity: 0.1 }
    }
}

/// How eligible offers are ordered. Ties go to the higher priority, then to the earlier place in the placement's list.
#[derive(Clone, Debug, PartialEq)]
pub enum Ranker {
    /// By [`Offer::priority`] alone.
    Priority,
    /// By what the visitor's items and their neighbours say.
    Items(ItemsRanker),
    /// By the popularity of the offer's most popular item.
    Popular,
    /// By the cosine of the visitor's direction and the offer's, the mean of its items' vectors.
    Relevance,
    /// By a formula.
    Formula(Formula),
    /// By the weighted sum of other rankers' scores, each brought to 0..=1 over the eligible candidates. None of them is a
    /// hybrid or a bandit; 1 to 8.
    Hybrid(Vec<(f64, Ranker)>),
    /// By how likely each is to be the best, for all that is known.
    Bandit(Bandit),
}

/// What is made as great as possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// The score of the ranker.
    #[default]
    Score,
    /// What is earned: the score (at least 0) times the offer's margin over the mean margin of the candidates. An offer without
    /// margin counts as the mean.
    Value,
}

/// How far offers of one decision must differ. The default asks for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Diversity {
    /// Most offers of one category; at least 1.
    pub per_category_max: Option<u8>,
    /// Marginal relevance: how much likeness to offers that rank higher takes off, 0 (nothing) to 1 (nothing else counts). Scores
    /// are brought to 0..=1 first. In the literature, 1 less lambda.
    pub variety: f64,
}

/// A slot that offers fill.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// Unique id.
    pub id: String,
    /// Candidates, in the author's order.
    pub offers: Vec<OfferIdx>,
    /// How eligible candidates are ordered.
    pub ranker: Ranker,
    /// Shown when no candidate is eligible. Needs a creative that fits every locale and channel.
    pub fallback: OfferIdx,
    /// Most offers that one decision may hold, 1..=30.
    pub count_max: u8,
    /// What is made as great as possible.
    pub objective: Objective,
    /// How far the offers must differ.
    pub diversity: Diversity,
    /// The share of visitors who see the fallback offer, so that the effect of the placement can be measured. Unit: basis points.
    pub holdout_bps: u16,
    /// The experiment that the placement takes part in.
    pub experiment: Option<PlacementExperiment>,
}

impl Placement {
    /// One offer by priority, and nothing more.
    pub fn new(id: impl Into<String>, offers: Vec<OfferIdx>, fallback: OfferIdx) -> Self {
        Self {
            id: id.into(),
            offers,
            ranker: Ranker::Priority,
            fallback,
            count_max: 1,
            objective: Objective::default(),
            diversity: Diversity::default(),
            holdout_bps: 0,
            experiment: None,
        }
    }
}

/// Whether a request that says nothing about consent may be personalised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConsentRule {
    /// No: only a request that says `personalise: true` reads the profile.
    #[default]
    Required,
    /// Yes, until the request says `personalise: false`. For shops that rest on another legal basis.
    Assumed,
}

/// What a browser's Global Privacy Control (`Sec-GPC: 1`) leads to. Source: W3C, Global Privacy Control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GpcRule {
    /// Nothing. For shops that the signal does not bind.
    Ignore,
    /// The shop may go on personalising with its own data; the answer says that nothing of it may go to others.
    LimitSharing,
    /// No personalisation, and events are not joined with the visitor.
    #[default]
    NonPersonalised,
}

/// What holds for the whole bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Treatment of requests that do not mention consent.
    pub consent: ConsentRule,
    /// The share of visitors who see fallback offers everywhere, so that the effect of all of it can be measured. Unit: basis points.
    pub holdout_bps: u16,
    /// Treatment of requests with the signal of Global Privacy Control.
    pub gpc: GpcRule,
}

/// The parts of a bundle before they are checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BundleParts {
    /// Attributes that conditions ask about; [`AttributeIdx`] points here.
    pub attributes: Vec<AttributeName>,
    /// Audiences; [`AudienceIdx`] points here.
    pub audiences: Vec<Audience>,
    /// Offers; [`OfferIdx`] points here.
    pub offers: Vec<Offer>,
    /// Placements.
    pub placements: Vec<Placement>,
    /// Campaigns; [`CampaignIdx`] points here.
    pub campaigns: Vec<Campaign>,
    /// Experiments of placements; [`crate::ExperimentIdx`] points here.
    pub experiments: Vec<Experiment>,
    /// The clock of the shop.
    pub clock: Clock,
    /// What holds everywhere.
    pub settings: Settings,
}

/// A checked configuration. Immutable: a new one replaces it whole.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Every index inside is in range; placements are sorted by id, ids are unique.
    parts: BundleParts,
}

/// Why parts do not make a bundle. Authors see the diagnostics of `vitrine-config` first; this is the last wall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// More entries than an index can name.
    TooMany {
        /// Which list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// Greatest length.
        max: usize,
    },
    /// Two entries of one list have the same id.
    Duplicate {
        /// Which list.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// An index that points nowhere.
    Dangling {
        /// What holds the index.
        holder: String,
        /// What it should point to.
        what: &'static str,
    },
    /// A condition nested deeper than [`CONDITION_DEPTH_MAX`].
    TooDeep {
        /// The audience.
        audience: String,
    },
    /// An offer without a creative, or a fallback offer whose creatives do not fit everywhere.
    NoCreative {
        /// The offer.
        offer: String,
    },
    /// A cap that allows nothing, or a window without length.
    Cap {
        /// The offer.
        offer: String,
    },
    /// A ranker with numbers that it cannot work with, or with parts that it cannot have.
    Ranker {
        /// The placement.
        placement: String,
    },
    /// A share of more than all, or a diversity that leaves nothing.
    Share {
        /// The placement; empty for the settings.
        placement: String,
    },
    /// A placement whose `count_max` is outside 1..=30.
    Count {
        /// The placement.
        placement: String,
        /// The refused value.
        found: u8,
    },
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { what, found, max } => write!(f, "{found} {what}, at most {max} fit a bundle"),
            Self::Duplicate { what, id } => write!(f, "two {what} have the id {id:?}"),
            Self::Dangling { holder, what } => write!(f, "{holder:?} points to {what} that does not exist"),
            Self::TooDeep { audience } => {
                write!(f, "the condition of {audience:?} is nested deeper than {CONDITION_DEPTH_MAX} levels")
            }
            Self::NoCreative { offer } => write!(f, "the offer {offer:?} lacks a creative that fits every request"),
            Self::Cap { offer } => write!(f, "a cap of the offer {offer:?} is 0"),
            Self::Ranker { placement } => write!(f, "the ranker of the placement {placement:?} cannot work"),
            Self::Share { placement } => {
                write!(f, "a share or the diversity of the placement {placement:?} is out of range")
            }
            Self::Count { placement, found } => write!(f, "count {found} of placement {placement:?} is not in 1..=30"),
        }
    }
}

impl core::error::Error for BundleError {}

const COUNT_MAX: u8 = 30;

impl Bundle {
    /// Checks `parts` and makes them a bundle.
    ///
    /// Errors: the first [`BundleError`] found.
    pub fn new(mut parts: BundleParts) -> Result<Self, BundleError> {
        let max = usize::from(u16::MAX);
        for (what, found) in [
            ("attributes", parts.attributes.len()),
            ("audiences", parts.audiences.len()),
            ("offers", parts.offers.len()),
            ("placements", parts.placements.len()),
            ("campaigns", parts.campaigns.len()),
            ("experiments", parts.experiments.len()),
        ] {
            if found > max {
                return Err(BundleError::TooMany { what, found, max });
            }
        }
        for audience in &parts.audiences {
            check_audience(audience, parts.attributes.len())?;
        }
        for offer in &parts.offers {
            check_offer(offer, &parts)?;
        }
        for placement in &parts.placements {
            check_placement(placement, &parts)?;
        }
        if parts.settings.holdout_bps > BPS {
            return Err(BundleError::Share { placement: String::new() });
        }
        parts.placements = by_id(parts.placements);
        unique("placements", parts.placements.iter().map(|it| it.id.as_str()))?;
        unique("offers", parts.offers.iter().map(|it| it.id.as_str()))?;
        unique("audiences", parts.audiences.iter().map(|it| it.id.as_str()))?;
        unique("experiments", parts.experiments.iter().map(|it| it.id.as_str()))?;
        unique("campaigns", parts.campaigns.iter().map(|it| it.id.as_str()))?;
        Ok(Self { parts })
    }

    /// Attributes that conditions ask about, in [`AttributeIdx`] order.
    pub fn attributes(&self) -> &[AttributeName] {
        &self.parts.attributes
    }

    /// Audiences, in [`AudienceIdx`] order.
    pub fn audiences(&self) -> &[Audience] {
        &self.parts.audiences
    }

    /// Offers, in [`OfferIdx`] order.
    pub fn offers(&self) -> &[Offer] {
        &self.parts.offers
    }

    /// Placements, by id.
    pub fn placements(&self) -> &[Placement] {
        &self.parts.placements
    }

    /// Campaigns, in [`CampaignIdx`] order.
    pub fn campaigns(&self) -> &[Campaign] {
        &self.parts.campaigns
    }

    /// Experiments of placements, in [`crate::ExperimentIdx`] order.
    pub fn experiments(&self) -> &[Experiment] {
        &self.parts.experiments
    }

    /// The clock of the shop.
    pub fn clock(&self) -> &Clock {
        &self.parts.clock
    }

    /// What holds everywhere.
    pub fn settings(&self) -> Settings {
        self.parts.settings
    }

    /// The placement with this id.
    pub fn placement(&self, id: &str) -> Option<&Placement> {
        self.placement_with_idx(id).map(|(_, placement)| placement)
    }

    /// The placement with this id, and its position.
    pub fn placement_with_idx(&self, id: &str) -> Option<(PlacementIdx, &Placement)> {
        let at = self.parts.placements.binary_search_by(|it| it.id.as_str().cmp(id)).ok()?;
        Some((PlacementIdx(u16::try_from(at).ok()?), self.parts.placements.get(at)?))
    }

    pub(crate) fn offer(&self, idx: OfferIdx) -> Option<&Offer> {
        self.parts.offers.get(usize::from(idx.0))
    }

    pub(crate) fn offers_with_idx(&self) -> impl Iterator<Item = (OfferIdx, &Offer)> {
        (0..=u16::MAX).map(OfferIdx).zip(&self.parts.offers)
    }
}

fn check_audience(audience: &Audience, n_attributes: usize) -> Result<(), BundleError> {
    if audience.condition.depth() > CONDITION_DEPTH_MAX {
        return Err(BundleError::TooDeep { audience: audience.id.clone() });
    }
    let mut dangling = false;
    audience.condition.attributes(&mut |AttributeIdx(at)| dangling |= usize::from(at) >= n_attributes);
    if dangling {
        return Err(BundleError::Dangling { holder: audience.id.clone(), what: "an attribute" });
    }
    Ok(())
}

const CREATIVES_MAX: usize = 256;

fn check_offer(offer: &Offer, parts: &BundleParts) -> Result<(), BundleError> {
    let dangling = |what| BundleError::Dangling { holder: offer.id.clone(), what };
    if offer.creatives.is_empty() {
        return Err(BundleError::NoCreative { offer: offer.id.clone() });
    }
    if offer.creatives.len() > CREATIVES_MAX {
        return Err(BundleError::TooMany { what: "creatives", found: offer.creatives.len(), max: CREATIVES_MAX });
    }
    if offer.audience.is_some_and(|it| usize::from(it.0) >= parts.audiences.len()) {
        return Err(dangling("an audience"));
    }
    if offer.campaign.is_some_and(|it| usize::from(it.0) >= parts.campaigns.len()) {
        return Err(dangling("a campaign"));
    }
    let Caps { visitor, total, daily } = &offer.caps;
    let is_nothing = visitor.iter().any(|it| it.count_max == 0 || it.window_s == 0)
        || [*total, *daily].contains(&Some(0))
        || offer.suppress_after_conversion == Some(Suppression::Days(0));
    if is_nothing { Err(BundleError::Cap { offer: offer.id.clone() }) } else { Ok(()) }
}

/// All, in basis points.
const BPS: u16 = 10_000;
const HYBRID_PARTS_MAX: usize = 8;

/// Whether a ranker can work; `is_part`: it is one of a hybrid.
fn is_sound(ranker: &Ranker, parts: &BundleParts, is_part: bool) -> bool {
    let is_attribute = |it: AttributeIdx| usize::from(it.0) < parts.attributes.len();
    match ranker {
        Ranker::Priority | Ranker::Popular | Ranker::Relevance => true,
        Ranker::Items(ItemsRanker { profile, session, own, popularity }) => {
            [profile, session, own, popularity].into_iter().all(|it| it.is_finite())
        }
        Ranker::Formula(formula) => {
            let mut are_attributes = true;
            formula.attributes(&mut |it| are_attributes &= is_attribute(it));
            are_attributes
        }
        Ranker::Hybrid(of) => {
            !is_part
                && (1..=HYBRID_PARTS_MAX).contains(&of.len())
                && of.iter().all(|(weight, part)| weight.is_finite() && is_sound(part, parts, true))
        }
        Ranker::Bandit(bandit) => {
            !is_part
                && bandit.is_sound()
                && bandit.features.iter().all(|it| is_attribute(it.attribute))
                && bandit.arms.iter().all(|(idx, _)| usize::from(idx.0) < parts.offers.len())
        }
    }
}

fn check_placement(placement: &Placement, parts: &BundleParts) -> Result<(), BundleError> {
    let offers = &parts.offers;
    let treatments = placement.experiment.iter().flat_map(|it| &it.treatments);
    let mut rankers = treatments.filter_map(|it| it.ranker.as_ref()).chain([&placement.ranker]);
    if !rankers.all(|it| is_sound(it, parts, false)) {
        return Err(BundleError::Ranker { placement: placement.id.clone() });
    }
    let Diversity { per_category_max, variety } = placement.diversity;
    if placement.holdout_bps > BPS || per_category_max == Some(0) || !(0.0..=1.0).contains(&variety) {
        return Err(BundleError::Share { placement: placement.id.clone() });
    }
    if placement.experiment.as_ref().is_some_and(|it| usize::from(it.experiment.0) >= parts.experiments.len()) {
        return Err(BundleError::Dangling { holder: placement.id.clone(), what: "an experiment" });
    }
    if !(1..=COUNT_MAX).contains(&placement.count_max) {
        return Err(BundleError::Count { placement: placement.id.clone(), found: placement.count_max });
    }
    let offer = |idx: OfferIdx| {
        offers
            .get(usize::from(idx.0))
            .ok_or_else(|| BundleError::Dangling { holder: placement.id.clone(), what: "an offer" })
    };
    for idx in &placement.offers {
        offer(*idx)?;
    }
    let fallback = offer(placement.fallback)?;
    if !fallback.creatives.iter().any(Creative::fits_everywhere) {
        return Err(BundleError::NoCreative { offer: fallback.id.clone() });
    }
    Ok(())
}

/// The placements in order of their ids. They are few and mostly in order already, so each is put in its place: the general
/// sort is compiled for every type that it sorts, and weighs more than all else here.
fn by_id(placements: Vec<Placement>) -> Vec<Placement> {
    let mut sorted: Vec<Placement> = Vec::with_capacity(placements.len());
    for placement in placements {
        let at = sorted.partition_point(|it| it.id <= placement.id);
        sorted.insert(at, placement);
    }
    sorted
}

fn unique<'a>(what: &'static str, mut ids: impl Iterator<Item = &'a str>) -> Result<(), BundleError> {
    let mut seen = BTreeSet::new();
    match ids.find(|id| !seen.insert(*id)) {
        Some(id) => Err(BundleError::Duplicate { what, id: id.into() }),
        None => Ok(()),
    }
}
