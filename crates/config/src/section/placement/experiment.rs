//! `experiment` of a placement: what the variations of an experiment of the document change about it.

use vitrine_engine::{Experiment, ExperimentIdx, PlacementExperiment, Treatment};

use crate::compile::Compiler;
use crate::source::{At, Kind, shortened};

pub(crate) const KEYS: [&str; 2] = ["id", "variations"];
pub(crate) const TREATMENT_KEYS: [&str; 2] = ["ranker", "variant"];

/// What a placement says of its experiment; the experiments themselves are read later.
pub(crate) struct Wanted<'t> {
    /// Id of the placement.
    placement: &'t str,
    /// The text that names the experiment.
    id: At<'t>,
    /// By id of the variation: where it is said, and what it changes.
    treatments: Vec<(At<'t>, Treatment)>,
}

impl<'t> Compiler<'t, '_> {
    /// Reads the member `experiment` of a placement.
    pub(super) fn placement_experiment(&mut self, placement: &'t str, at: At<'t>) {
        let Some(at) = self.report.object(at, &KEYS) else { return };
        let id = self.report.required(at, "id", "name an experiment of the document: id: hero-test");
        let help = "say what the variations change: variations: { smart: { ranker: items } }";
        let Some(list) = self.report.required(at, "variations", help) else { return };
        if !matches!(list.kind(), Kind::Object(_)) {
            self.report.wrong_type(list, "an object", help);
            return;
        }
        let mut treatments = Vec::new();
        for at in list.children() {
            let Some(at) = self.report.object(at, &TREATMENT_KEYS) else { continue };
            let ranker = at.get("ranker").map(|at| self.ranker(at));
            let variant = at.get("variant").and_then(|at| self.report.id(at)).map(str::to_owned);
            treatments.push((at, Treatment { ranker, variant }));
        }
        if let Some(id) = id {
            self.facts.placement_experiments.push(Wanted { placement, id, treatments });
        }
    }

    /// Joins placements with experiments, when both are read.
    pub(crate) fn join_experiments(&mut self) {
        for wanted in std::mem::take(&mut self.facts.placement_experiments) {
            let Some(named) = self.draft.experiment_names.resolve(wanted.id, "unknown_experiment", self.report) else {
                continue;
            };
            let id = wanted.id.as_text();
            let Some(experiment) = self.draft.experiments.iter().find(|it| it.id == id) else { continue };
            if experiment.unit() != "id" {
                let message = format!("the experiment {:?} has another unit than id", shortened(id));
                let help = format!("remove unit from {}: placements know visitors by id", named.at.pointer());
                self.report.error(wanted.id, "experiment_unit", message, help);
            }
            let ids: Vec<&str> = experiment.variations.iter().map(|it| it.id).collect();
            let mut treatments = vec![Treatment::default(); ids.len()];
            for (at, treatment) in wanted.treatments {
                let slot = ids.iter().position(|it| *it == at.key()).and_then(|idx| treatments.get_mut(idx));
                match slot {
                    Some(slot) => *slot = treatment,
                    None => {
                        let suggestion = self.report.did_you_mean(at.key(), ids.iter().copied());
                        let message = format!("the experiment has no variation {:?}{suggestion}", shortened(at.key()));
                        let help = format!("its variations are {}", ids.join(", "));
                        self.report.key_error(at, "unknown_variation", message, help);
                    }
                }
            }
            let flag = experiment.flag.map_or(id, At::as_text).to_owned();
            let idx = self.experiment_idx(Experiment { id: id.to_owned(), flag });
            let placement = self.parts.placements.iter_mut().find(|it| it.id == wanted.placement);
            if let (Some(idx), Some(placement)) = (idx, placement) {
                placement.experiment = Some(PlacementExperiment { experiment: idx, treatments });
            }
        }
    }

    /// The position of an experiment among those of placements.
    fn experiment_idx(&mut self, experiment: Experiment) -> Option<ExperimentIdx> {
        let known = &mut self.parts.experiments;
        let at = known.iter().position(|it| it.id == experiment.id).unwrap_or_else(|| {
            known.push(experiment);
            known.len().saturating_sub(1)
        });
        u16::try_from(at).ok().map(ExperimentIdx)
    }
}
