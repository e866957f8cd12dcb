//! The placement that is simulated, alone on its stage: the configuration's offers and rules, one ranker after another, and nobody kept out.

use std::collections::BTreeSet;
use vitrine_engine::{
    AttributeIdx, AttributeName, BANDIT_FEATURES_MAX, BanditFeature, Bundle, BundleError, BundleParts, Literal,
    Objective, OfferIdx, OfferIndex, Placement, Ranker, Scope,
};

use crate::cap::TrialCap;
use crate::learner::Learner;
use crate::person::{Column, Segmentation};
use crate::report::SimulateError;
use crate::shop::Shop;

/// What requests of made-up visitors tell.
pub(crate) const CONTEXT_NAMES: [&str; 5] = ["country", "daypart", "device", "hour", "weekday"];

/// A placement with all that it needs.
#[derive(Clone)]
pub(crate) struct Stage {
    parts: BundleParts,
    /// By attribute: the column of made-up visitors.
    columns: Vec<Option<Column>>,
    index: OfferIndex,
    features: Vec<BanditFeature>,
}

/// Chooses offers: one bundle for all, or one for each segment.
pub(crate) struct Policy {
    pub(crate) bundles: Vec<Bundle>,
    pub(crate) learner: Option<Learner>,
    /// Draws anew at each visit; others draw the same for a visitor until something is published.
    pub(crate) is_fresh: bool,
}

impl Stage {
    /// The stage of one placement of `bundle`. Control groups and experiments are left out: everybody sees what the ranker chooses.
    /// `by` says what linear bandits look at where the configuration does not.
    pub(crate) fn new(bundle: &Bundle, placement: &Placement, shop: &Shop, by: Segmentation) -> Self {
        let placement = Placement { holdout_bps: 0, experiment: None, ..placement.clone() };
        let mut parts = BundleParts {
            attributes: bundle.attributes().to_vec(),
            audiences: bundle.audiences().to_vec(),
            offers: bundle.offers().to_vec(),
            placements: vec![placement],
            campaigns: bundle.campaigns().to_vec(),
            experiments: Vec::new(),
            clock: bundle.clock().clone(),
            settings: vitrine_engine::Settings { holdout_bps: 0, ..bundle.settings() },
        };
        let features = features(&mut parts, by);
        let columns = Column::of_all(&parts.attributes);
        Self { index: OfferIndex::new(bundle, &shop.items), columns, features, parts }
    }

    /// The same with one cap for each candidate, in place of those that it has.
    pub(crate) fn with_cap(&self, cap: TrialCap) -> Self {
        let mut stage = self.clone();
        let candidates = self.placement().offers.clone();
        for (idx, offer) in (0..=u16::MAX).map(OfferIdx).zip(&mut stage.parts.offers) {
            if candidates.contains(&idx) {
                offer.caps.visitor = vec![cap.0];
            }
        }
        stage
    }

    /// The configuration with this ranker.
    pub(crate) fn bundle(&self, ranker: Ranker, objective: Objective) -> Result<Bundle, SimulateError> {
        let mut parts = self.parts.clone();
        if let Some(placement) = parts.placements.first_mut() {
            (placement.ranker, placement.objective) = (ranker, objective);
        }
        Bundle::new(parts).map_err(|why: BundleError| SimulateError::Engine { why: why.to_string() })
    }

    /// The placement, as it is configured.
    pub(crate) fn placement(&self) -> &Placement {
        // A stage is made with one.
        &self.parts.placements[0]
    }

    pub(crate) fn index(&self) -> &OfferIndex {
        &self.index
    }

    pub(crate) fn columns(&self) -> &[Option<Column>] {
        &self.columns
    }

    /// What linear bandits look at.
    pub(crate) fn features(&self) -> &[BanditFeature] {
        &self.features
    }

    /// Whether a candidate has a cap for single visitors.
    pub(crate) fn has_caps(&self) -> bool {
        let offers = &self.parts.offers;
        self.placement().offers.iter().any(|idx| !offers[usize::from(idx.0)].caps.visitor.is_empty())
    }

    /// What rules of the candidates ask for and made-up visitors lack.
    pub(crate) fn unknown_attributes(&self) -> Vec<String> {
        let mut asked = BTreeSet::new();
        for idx in &self.placement().offers {
            if let Some(audience) = self.parts.offers[usize::from(idx.0)].audience {
                let condition = &self.parts.audiences[usize::from(audience.0)].condition;
                condition.attributes(&mut |it| asked.extend([it]));
            }
        }
        let names = asked.into_iter().filter_map(|AttributeIdx(at)| self.parts.attributes.get(usize::from(at)));
        let is_unknown = |it: &&AttributeName| match it.scope {
            Scope::Profile => Column::of_all(std::slice::from_ref(it)) == [None],
            Scope::Context => !CONTEXT_NAMES.contains(&it.name.as_str()),
        };
        names.filter(is_unknown).map(ToString::to_string).collect()
    }
}

/// What shows the segment of a visitor, as far as a profile can: features, and their attributes among those of the bundle.
fn features(parts: &mut BundleParts, by: Segmentation) -> Vec<BanditFeature> {
    let (name, values): (&str, Vec<String>) = match by {
        Segmentation::Taste => {
            let candidates = parts.placements.iter().flat_map(|it| &it.offers);
            let offers = candidates.map(|idx| &parts.offers[usize::from(idx.0)]);
            let categories: BTreeSet<&String> = offers.flat_map(|it| &it.categories).collect();
            let of_tastes = || vitrine_demo::TASTES.iter().map(|it| it.categories[0].0.id().to_owned()).collect();
            let named: Vec<String> = categories.into_iter().cloned().collect();
            ("top_categories", if named.is_empty() { of_tastes() } else { named })
        }
        Segmentation::Discount => ("discounted_orders_share", Vec::new()),
        // The constant speaks for the first value.
        Segmentation::Device => ("main_device", by.segments().into_iter().skip(1).map(str::to_owned).collect()),
        Segmentation::Channel => ("main_channel", by.segments().into_iter().skip(1).map(str::to_owned).collect()),
        Segmentation::Country => ("country", by.segments().into_iter().skip(1).map(str::to_owned).collect()),
    };
    let name = AttributeName { scope: Scope::Profile, name: name.to_owned() };
    let at = parts.attributes.iter().position(|it| *it == name).unwrap_or_else(|| {
        parts.attributes.push(name);
        parts.attributes.len() - 1
    });
    let attribute = AttributeIdx(at as u16);
    if values.is_empty() {
        return vec![BanditFeature { attribute, equals: None, scale: 1.0 }];
    }
    let equals = |it: String| BanditFeature { attribute, equals: Some(Literal::Text(it)), scale: 1.0 };
    values.into_iter().take(BANDIT_FEATURES_MAX).map(equals).collect()
}
