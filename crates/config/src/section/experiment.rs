//! `experiments`: variations with weights, for whom and when, in which layer, and the metrics that judge them.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::compile::Compiler;
use crate::limits::{
    BANDIT_CONTEXTS_MAX, EXPERIMENT_ID_CHARS_MAX, FLAGS_MAX, PREREQUISITES_MAX, REFERENCES_MAX, VARIATIONS_MAX,
};
use crate::payload::condition::Target;
use crate::section::flag_rule::Delivery;
use crate::section::flag_value::TYPES;
use crate::source::{At, Kind, shortened};
use vitrine_flags::ValueType;

/// Keys of an experiment.
pub(crate) const KEYS: [&str; 32] = [
    "id",
    "description",
    "name",
    "hypothesis",
    "owner",
    "tags",
    "status",
    "phase",
    "flag",
    "type",
    "unit",
    "fallback_unit",
    "sticky",
    "variations",
    "coverage",
    "ramp",
    "audience",
    "when",
    "starts",
    "ends",
    "time_zone",
    "layer",
    "holdouts",
    "prerequisites",
    "metrics",
    "winner",
    "qa",
    "bandit",
    "seed",
    "hash_version",
    "bucket_version",
    "min_bucket_version",
];

/// Keys of a variation.
pub(crate) const VARIATION_KEYS: [&str; 5] = ["id", "name", "description", "value", "weight"];

/// Keys of an experiment's place in a layer.
pub(crate) const SLOT_KEYS: [&str; 4] = ["id", "from", "to", "share"];

/// Keys of the metrics of an experiment.
pub(crate) const METRICS_KEYS: [&str; 3] = ["goal", "secondary", "guardrails"];

/// Keys of a row of `qa`.
pub(crate) const QA_KEYS: [&str; 4] = ["description", "variation", "audience", "when"];

const BANDIT_KEYS: [&str; 2] = ["version", "contexts"];
const CONTEXT_KEYS: [&str; 3] = ["id", "when", "weights"];

/// By how much weights may miss 100. Unit: percent.
const WEIGHTS_TOLERANCE: f64 = 0.05;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Draft,
    Running,
    Stopped,
}

const STATUS: [(&str, Status); 3] =
    [("draft", Status::Draft), ("running", Status::Running), ("stopped", Status::Stopped)];

/// An experiment as written.
pub(crate) struct Experiment<'t> {
    pub id: &'t str,
    pub name: Option<&'t str>,
    pub at: At<'t>,
    pub status: Status,
    /// From 1.
    pub phase: i64,
    /// The text that names its flag, if it is not the flag with the experiment's id.
    pub flag: Option<At<'t>>,
    pub value_type: Option<(At<'t>, ValueType)>,
    pub fallback_unit: Option<String>,
    pub sticky: bool,
    pub variations: Vec<Variation<'t>>,
    /// One for each variation, or none at all: equal ones. Unit: percent.
    pub weights: Vec<f64>,
    pub delivery: Delivery<'t>,
    pub slot: Option<Slot<'t>>,
    /// Texts that name holdouts.
    pub holdouts: Vec<At<'t>>,
    pub winner: Option<usize>,
    pub qa: Vec<Qa<'t>>,
    pub bandit: Option<Bandit<'t>>,
    pub bucket_version: i64,
    pub min_bucket_version: i64,
}

pub(crate) struct Variation<'t> {
    pub id: &'t str,
    pub name: Option<&'t str>,
    /// The value as written; `None` when it is missing, which is reported.
    pub value: Option<At<'t>>,
}

/// An experiment's place in a layer.
pub(crate) struct Slot<'t> {
    pub at: At<'t>,
    pub layer: &'t str,
    pub wanted: Share,
}

/// How much of a layer. Unit: percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Share {
    Range(f64, f64),
    /// Anywhere.
    Any(f64),
}

/// Visitors who always get a variation, and do not count.
pub(crate) struct Qa<'t> {
    pub at: At<'t>,
    pub variation_idx: usize,
    pub who: Option<Rc<Target<'t>>>,
}

/// Weights that depend on the visitor.
pub(crate) struct Bandit<'t> {
    pub version: Option<i64>,
    pub contexts: Vec<Context<'t>>,
}

pub(crate) struct Context<'t> {
    pub id: i64,
    pub who: Option<Target<'t>>,
    /// Unit: percent.
    pub weights: Vec<f64>,
}

impl Experiment<'_> {
    /// What shuffles its visitors.
    pub fn seed(&self) -> String {
        match (&self.delivery.seed, self.phase) {
            (Some(seed), _) => seed.clone(),
            (None, 1) => self.id.to_owned(),
            (None, phase) => format!("{}:{phase}", self.id),
        }
    }

    pub fn unit(&self) -> &str {
        self.delivery.unit.as_deref().unwrap_or("id")
    }
}

impl<'t> Compiler<'t, '_> {
    /// Reads the section `experiments`.
    pub fn experiments(&mut self, at: At<'t>) {
        for (idx, at) in self.report.list(at, "experiments", "too_many_experiments", FLAGS_MAX).enumerate() {
            self.experiment(at, idx);
        }
    }

    fn experiment(&mut self, at: At<'t>, idx: usize) {
        let Some(at) = self.report.object(at, &KEYS) else { return };
        let id = self.draft.experiment_names.declare_key(at, idx, EXPERIMENT_ID_CHARS_MAX, self.report);
        self.about(at);
        let status = at.get("status").and_then(|at| self.report.word(at, &STATUS)).unwrap_or(Status::Running);
        let phase = at.get("phase").and_then(|at| self.report.integer(at, 1..=1_000_000)).unwrap_or(1);
        let flag = at.get("flag").filter(|at| self.report.text(*at).is_some());
        let value_type = at.get("type").and_then(|at| self.report.word(at, &TYPES).map(|value_type| (at, value_type)));
        let fallback_unit = self.unit(at, "fallback_unit");
        let sticky = at.get("sticky").and_then(|at| self.report.bool(at)).unwrap_or(false);
        if let (Some(fallback_at), false) = (at.get("fallback_unit"), sticky) {
            let message = "the fallback unit is only used by an experiment that is sticky";
            self.report.warning(fallback_at, "fallback_unit_ignored", message, "add sticky: true, or remove it");
        }
        let (variations, weights) = self.variations(at);
        let delivery = self.delivery(at);
        let slot = at.get("layer").and_then(|at| self.slot(at));
        let holdouts = at.get("holdouts").map(|at| self.holdout_references(at)).unwrap_or_default();
        self.metrics_of(at, status);
        let winner = self.winner(at, status, &variations);
        let qa = at.get("qa").map(|at| self.qa(at, &variations)).unwrap_or_default();
        let bandit = at.get("bandit").and_then(|at| self.bandit(at, variations.len()));
        let version = |key, this: &mut Self| {
            at.get(key).and_then(|at| this.report.integer(at, 0..=1_000_000)).unwrap_or_default()
        };
        let (bucket_version, min_bucket_version) =
            (version("bucket_version", self), version("min_bucket_version", self));
        if let Some(min_at) = at.get("min_bucket_version")
            && min_bucket_version > bucket_version
        {
            let message = format!("{min_bucket_version} is beyond the bucket version, {bucket_version}");
            self.report.error(min_at, "not_in_range", message, "raise bucket_version as well");
        }
        let Some(id) = id else { return };
        self.draft.experiments.push(Experiment {
            id,
            name: at.get("name").map(At::as_text),
            at,
            status,
            phase,
            flag,
            value_type,
            fallback_unit,
            sticky,
            variations,
            weights,
            delivery,
            slot,
            holdouts,
            winner,
            qa,
            bandit,
            bucket_version,
            min_bucket_version,
        });
    }

    fn variations(&mut self, experiment: At<'t>) -> (Vec<Variation<'t>>, Vec<f64>) {
        let help = "write at least two: variations: [{ id: control, value: … }, { id: bold, value: … }]";
        let Some(list) = self.report.required(experiment, "variations", help) else { return Default::default() };
        if matches!(list.kind(), Kind::List(entries) if entries.len() < 2) {
            let message = format!("an experiment compares at least two variations, found {}", list.children().len());
            self.report.error(list, "too_few_variations", message, "add a variation; the first one is the control");
        }
        let mut seen = BTreeSet::new();
        let mut variations = Vec::new();
        let mut weights = Vec::new();
        let mut without_weight = None;
        for at in self.report.list(list, "variations", "too_many_variations", VARIATIONS_MAX) {
            let Some(at) = self.report.object(at, &VARIATION_KEYS) else { continue };
            let id_at = self.report.required(at, "id", "give the variation an id, for example control");
            let id = id_at.and_then(|at| self.report.key_id(at, EXPERIMENT_ID_CHARS_MAX));
            if let (Some(id), Some(at)) = (id, id_at)
                && !seen.insert(id)
            {
                let message = format!("another variation has the id {id:?} already");
                self.report.error(at, "duplicate_id", message, "give one of the two another id");
            }
            for key in ["name", "description"] {
                if let Some(at) = at.get(key) {
                    self.report.text(at);
                }
            }
            let value = self.report.required(at, "value", "say which value the flag has in this variation");
            match at.get("weight") {
                Some(at) => weights.push(self.report.percent(at).unwrap_or(f64::NAN)),
                None => without_weight = without_weight.or(Some(at)),
            }
            variations.push(Variation { id: id.unwrap_or_default(), name: at.get("name").map(At::as_text), value });
        }
        if let (Some(at), false) = (without_weight, weights.is_empty()) {
            let message = "the variation has no weight, but others have";
            self.report.error(at, "missing_weight", message, "give every variation a weight, or none of them");
            weights.clear();
        }
        self.check_weights(list, &weights);
        (variations, weights)
    }

    /// Weights sum to 100. What is no number is reported already.
    fn check_weights(&mut self, at: At<'t>, weights: &[f64]) {
        let sum: f64 = weights.iter().sum();
        if weights.is_empty() || sum.is_nan() || (sum - 100.0).abs() <= WEIGHTS_TOLERANCE + 1e-9 {
            return;
        }
        // As people add: without the noise of binary fractions.
        let sum = (sum * 1e6).round() / 1e6;
        let message = format!("the weights sum to {sum}, not to 100");
        self.report.error(
            at,
            "weights_do_not_sum",
            message,
            "weights are percentages; leave out all of them for equal ones",
        );
    }

    fn slot(&mut self, at: At<'t>) -> Option<Slot<'t>> {
        let at = self.report.object(at, &SLOT_KEYS)?;
        let help = "write layer: { id: checkout, share: 50 }";
        let layer = self
            .report
            .required(at, "id", help)
            .and_then(|at| self.draft.layers.resolve(at, "unknown_layer", self.report).map(|_| at.as_text()));
        self.report.contradiction(at, "share", "from", "keep one: share finds a free range, from and to name one");
        self.report.contradiction(at, "share", "to", "keep one: share finds a free range, from and to name one");
        let wanted = match at.get("share") {
            Some(at) => self.report.percent(at).map(Share::Any),
            None => {
                let from = self.report.required(at, "from", help).and_then(|at| self.report.percent(at));
                let to = self.report.required(at, "to", help).and_then(|at| self.report.percent(at));
                from.zip(to).map(|(from, to)| Share::Range(from, to))
            }
        };
        let is_empty = match wanted? {
            Share::Range(from, to) => to <= from,
            Share::Any(share) => share <= 0.0,
        };
        if is_empty {
            let at = at.get("share").or(at.get("to")).unwrap_or(at);
            let message = "the range of the layer is empty, so nobody would be in the experiment";
            self.report.error(at, "not_in_range", message, "write from below to, or a share above 0");
            return None;
        }
        Some(Slot { at, layer: layer?, wanted: wanted? })
    }

    fn holdout_references(&mut self, at: At<'t>) -> Vec<At<'t>> {
        let entries: Vec<At<'t>> = self.report.list(at, "holdouts", "too_many_holdouts", PREREQUISITES_MAX).collect();
        entries
            .into_iter()
            .filter(|at| self.draft.holdout_names.resolve(*at, "unknown_holdout", self.report).is_some())
            .collect()
    }

    fn metrics_of(&mut self, experiment: At<'t>, status: Status) {
        let metrics = experiment.get("metrics").and_then(|at| self.report.object(at, &METRICS_KEYS));
        let mut n_goals = 0_usize;
        for key in METRICS_KEYS {
            let Some(at) = metrics.and_then(|it| it.get(key)) else { continue };
            for at in self.report.list(at, "metrics", "too_many_metrics", REFERENCES_MAX) {
                self.metrics.resolve(at, "unknown_metric", self.report);
                if key == "goal" {
                    n_goals = n_goals.saturating_add(1);
                }
            }
        }
        if status == Status::Running && n_goals == 0 {
            let message = "the experiment runs without a goal metric, so nobody knows what decides it";
            let help = "add metrics: { goal: [the id of a metric] }";
            self.report.warning(experiment, "no_goal_metric", message, help);
        }
    }

    fn winner(&mut self, experiment: At<'t>, status: Status, variations: &[Variation<'t>]) -> Option<usize> {
        let at = experiment.get("winner")?;
        if status != Status::Stopped {
            let message = "only a stopped experiment has a winner";
            self.report.key_error(at, "contradictory_keys", message, "add status: stopped, or remove the winner");
        }
        self.variation(at, variations)
    }

    /// The position of the variation that `at` names.
    fn variation(&mut self, at: At<'t>, variations: &[Variation<'t>]) -> Option<usize> {
        let id = self.report.text(at)?;
        let found = variations.iter().position(|it| it.id == id);
        if found.is_none() {
            let suggestion = self.report.did_you_mean(id, variations.iter().map(|it| it.id));
            let ids: Vec<&str> = variations.iter().map(|it| it.id).filter(|it| !it.is_empty()).collect();
            let message = format!("the experiment has no variation {:?}{suggestion}", shortened(id));
            self.report.error(at, "unknown_variation", message, format!("its variations are {}", ids.join(", ")));
        }
        found
    }

    fn qa(&mut self, at: At<'t>, variations: &[Variation<'t>]) -> Vec<Qa<'t>> {
        let mut rows = Vec::new();
        for at in self.report.list(at, "rows", "too_many_prerequisites", PREREQUISITES_MAX) {
            let Some(at) = self.report.object(at, &QA_KEYS) else { continue };
            if let Some(at) = at.get("description") {
                self.report.text(at);
            }
            let help = "say which variation these visitors get: variation: bold";
            let variation = self.report.required(at, "variation", help);
            let variation_idx = variation.and_then(|at| self.variation(at, variations));
            if at.get("audience").is_none() && at.get("when").is_none() {
                let message = "the row is for nobody in particular, so everybody would get the variation";
                self.report.error(at, "missing_key", message, "add audience or when");
            }
            let who = self.who(at);
            if let Some(variation_idx) = variation_idx {
                rows.push(Qa { at, variation_idx, who });
            }
        }
        rows
    }

    fn bandit(&mut self, at: At<'t>, n_variations: usize) -> Option<Bandit<'t>> {
        let at = self.report.object(at, &BANDIT_KEYS)?;
        let version = at.get("version").and_then(|at| self.report.integer(at, 0..=i64::from(i32::MAX)));
        let mut contexts: Vec<Context<'t>> = Vec::new();
        let list = self.report.required(at, "contexts", "write contexts: [{ id: 0, when: …, weights: [50, 50] }]");
        let list = list.map(|at| self.report.list(at, "contexts", "too_many_contexts", BANDIT_CONTEXTS_MAX));
        for at in list.into_iter().flatten() {
            let Some(at) = self.report.object(at, &CONTEXT_KEYS) else { continue };
            let id_at = self.report.required(at, "id", "number the context: id: 0");
            let id = id_at.and_then(|at| self.report.integer(at, 0..=i64::from(i32::MAX)));
            if let (Some(id), Some(at)) = (id, id_at)
                && contexts.iter().any(|it| it.id == id)
            {
                let message = format!("another context has the id {id} already");
                self.report.error(at, "duplicate_id", message, "give one of the two another id");
            }
            let who = at.get("when").map(|at| self.target(at));
            let help = "write one percentage for each variation: weights: [60, 40]";
            let Some(weights_at) = self.report.required(at, "weights", help) else { continue };
            let list: Vec<At<'t>> =
                self.report.list(weights_at, "weights", "too_many_variations", VARIATIONS_MAX).collect();
            let weights: Vec<f64> = list.into_iter().map(|at| self.report.percent(at).unwrap_or(f64::NAN)).collect();
            if weights.len() != n_variations {
                let message = format!("{} weights for {n_variations} variations", weights.len());
                self.report.error(weights_at, "missing_weight", message, help);
            } else {
                self.check_weights(weights_at, &weights);
            }
            contexts.push(Context { id: id.unwrap_or_default(), who, weights });
        }
        Some(Bandit { version, contexts })
    }
}
