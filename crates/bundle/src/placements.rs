//! Placements, with their experiments, as they are stored.

use serde::{Deserialize, Serialize};
use vitrine_engine::{
    Diversity, Experiment, ExperimentIdx, Objective, OfferIdx, Placement, PlacementExperiment, Treatment,
};

use crate::error::BundleFormatError;
use crate::exact::Exact;
use crate::rankers::RankerWire;

/// A placement. Absent members have the engine's defaults.
#[derive(Serialize, Deserialize)]
pub struct PlacementWire {
    id: String,
    offers: Vec<u16>,
    ranker: RankerWire,
    fallback: u16,
    count: u8,
    /// The objective is value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    value: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_category: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variety: Option<Exact>,
    #[serde(default, skip_serializing_if = "is_zero")]
    holdout: u16,
    /// The experiment, and what its variations change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    experiment: Option<(u16, Vec<TreatmentWire>)>,
}

#[derive(Serialize, Deserialize)]
struct TreatmentWire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ranker: Option<RankerWire>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
}

/// An experiment: its id and its flag.
pub type ExperimentWire = (String, String);

/// For members that 0 leaves out.
pub fn is_zero(it: &u16) -> bool {
    *it == 0
}

/// What is stored of an experiment.
pub fn experiment_wire(experiment: &Experiment) -> ExperimentWire {
    (experiment.id.clone(), experiment.flag.clone())
}

/// Reads [`experiment_wire`].
pub fn experiment((id, flag): ExperimentWire) -> Experiment {
    Experiment { id, flag }
}

impl From<&Placement> for PlacementWire {
    fn from(placement: &Placement) -> Self {
        let treatment =
            |it: &Treatment| TreatmentWire { ranker: it.ranker.as_ref().map(Into::into), variant: it.variant.clone() };
        let Diversity { per_category_max, variety } = placement.diversity;
        Self {
            id: placement.id.clone(),
            offers: placement.offers.iter().map(|it| it.0).collect(),
            ranker: (&placement.ranker).into(),
            fallback: placement.fallback.0,
            count: placement.count_max,
            value: placement.objective == Objective::Value,
            per_category: per_category_max,
            variety: (variety != 0.0).then_some(Exact(variety)),
            holdout: placement.holdout_bps,
            experiment: placement
                .experiment
                .as_ref()
                .map(|it| (it.experiment.0, it.treatments.iter().map(treatment).collect())),
        }
    }
}

impl PlacementWire {
    /// Errors: a formula that is no program.
    pub fn read(self) -> Result<Placement, BundleFormatError> {
        let treatment = |it: TreatmentWire| {
            Ok(Treatment { ranker: it.ranker.map(RankerWire::read).transpose()?, variant: it.variant })
        };
        let experiment = match self.experiment {
            None => None,
            Some((experiment, treatments)) => Some(PlacementExperiment {
                experiment: ExperimentIdx(experiment),
                treatments: treatments.into_iter().map(treatment).collect::<Result<_, BundleFormatError>>()?,
            }),
        };
        Ok(Placement {
            id: self.id,
            offers: self.offers.into_iter().map(OfferIdx).collect(),
            ranker: self.ranker.read()?,
            fallback: OfferIdx(self.fallback),
            count_max: self.count,
            objective: if self.value { Objective::Value } else { Objective::Score },
            diversity: Diversity { per_category_max: self.per_category, variety: self.variety.map_or(0.0, |it| it.0) },
            holdout_bps: self.holdout,
            experiment,
        })
    }
}
