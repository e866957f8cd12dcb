//! From the sections on flags and experiments to the payload: GrowthBook's JSON, with members `vitrine` for what it has no words for.
//!
//! The sections are read first, in `section`; here they meet. What is wrong only between entries (cycles, tracking keys, layers, types)
//! is found here as well.

pub(crate) mod condition;
mod contradiction;
mod layers;
mod prerequisites;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;
use vitrine_flags::{Json, Payload};

use crate::compile::{Compiler, Names};
use crate::limits::{PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_WARN};
use crate::report::Report;
use crate::section::experiment::{Experiment, Status};
use crate::section::flag::{Flag, Rule};
use crate::section::flag_value::type_of_all;
use crate::section::holdout::Holdout;
use crate::section::saved_group::Group;
use crate::source::At;
use crate::time_zone::Zone;
use vitrine_flags::ValueType;

use condition::Target;
pub use layers::LayerPlan;
pub(crate) use write::{GENERAL, HELD_OUT};

/// What is read of flags and experiments, until they become the payload.
pub(crate) struct Draft<'t> {
    /// The time zone of the settings.
    pub zone: Option<Zone>,
    /// Conditions of the audiences that flags and experiments refer to.
    pub targets: BTreeMap<&'t str, Rc<Target<'t>>>,
    pub groups: Vec<Group>,
    pub group_names: Names<'t>,
    pub layers: Names<'t>,
    pub holdouts: Vec<Holdout<'t>>,
    pub holdout_names: Names<'t>,
    pub flags: Vec<Flag<'t>>,
    pub flag_names: Names<'t>,
    pub experiments: Vec<Experiment<'t>>,
    pub experiment_names: Names<'t>,
}

impl<'t> Draft<'t> {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self {
            zone: None,
            targets: BTreeMap::new(),
            groups: Vec::new(),
            group_names: Names::new("saved group"),
            layers: Names::new("layer"),
            holdouts: Vec::new(),
            holdout_names: Names::new("holdout"),
            flags: Vec::new(),
            flag_names: Names::new("flag"),
            experiments: Vec::new(),
            experiment_names: Names::new("experiment"),
        }
    }

    pub fn warn_unused(&self, report: &mut Report) {
        self.group_names.warn_unused(report, "unused_saved_group", "no condition asks about the saved group");
        self.layers.warn_unused(report, "unused_layer", "no experiment is in the layer");
    }
}

/// One flag of the payload: declared, or made for an experiment.
pub(crate) struct Feature<'d, 't> {
    pub id: &'t str,
    /// The flag, or the experiment that it is made for.
    pub at: At<'t>,
    pub flag: Option<&'d Flag<'t>>,
    pub value_type: Option<ValueType>,
    /// Rules and experiments in the order in which they are asked.
    pub rules: Vec<FeatureRule<'d, 't>>,
}

pub(crate) enum FeatureRule<'d, 't> {
    Value(&'d Rule<'t>),
    Experiment(&'d Experiment<'t>),
}

/// The flags half of a checked document.
#[derive(Clone, Debug)]
pub(crate) struct Flags {
    pub payload: Json,
    pub groups: Vec<Group>,
    pub layers: Vec<LayerPlan>,
    /// Conditions of the audiences that flags and experiments name.
    pub audiences: BTreeMap<String, Json>,
}

impl<'t> Compiler<'t, '_> {
    /// Brings flags and experiments together; `None` when the report has errors.
    pub fn flags_payload(&mut self, root: At<'t>) -> Option<Flags> {
        let flags = std::mem::take(&mut self.draft.flags);
        let experiments = std::mem::take(&mut self.draft.experiments);
        let holdouts = std::mem::take(&mut self.draft.holdouts);
        let features = self.features(&flags, &experiments);
        self.check_variations(&features);
        self.check_unreachable(&features);
        self.check_prerequisites(&features);
        let layers = layers::plan(&experiments, self.report);
        let covered = self.covered(&holdouts, &experiments);
        if self.report.has_errors() {
            return None;
        }
        let mut writer =
            write::Writer { holdouts: &holdouts, covered: &covered, ranges: &layers.ranges, places: Vec::new() };
        let value = writer.payload(&features, &self.draft.groups);
        let places = writer.places;
        let payload = self.checked_payload(root, &value, &places)?;
        // A value of serde_json is JSON, so this cannot fail.
        let condition = |it: &Target<'_>| Json::parse(it.condition.to_string().as_bytes()).unwrap_or(Json::Null);
        let audiences = self.draft.targets.iter().map(|(id, it)| ((*id).to_owned(), condition(it))).collect();
        Some(Flags { payload, groups: std::mem::take(&mut self.draft.groups), layers: layers.plans, audiences })
    }

    /// The flags of the document and those that experiments bring, by id.
    fn features<'d>(
        &mut self,
        flags: &'d [Flag<'t>],
        experiments: &'d [Experiment<'t>],
    ) -> BTreeMap<&'t str, Feature<'d, 't>> {
        let mut features: BTreeMap<&'t str, Feature<'d, 't>> = BTreeMap::new();
        let by_id: BTreeMap<&str, &'d Experiment<'t>> = experiments.iter().map(|it| (it.id, it)).collect();
        let mut placed: BTreeMap<&str, At<'t>> = BTreeMap::new();
        for flag in flags {
            let mut rules = Vec::new();
            for rule in &flag.rules {
                let Rule::Experiment(at) = rule else {
                    rules.push(FeatureRule::Value(rule));
                    continue;
                };
                let Some(named) = self.draft.experiment_names.resolve(*at, "unknown_experiment", self.report) else {
                    continue;
                };
                let id = at.as_text();
                if let Some(first) = placed.insert(id, *at) {
                    let message = format!(
                        "the experiment {id:?} stands in {} already; its exposures of both flags would be mixed",
                        first.pointer()
                    );
                    let help = "remove one of the two, or make a second experiment with an id of its own";
                    self.report.error(*at, "duplicate_tracking_key", message, help);
                    continue;
                }
                // One that could not be read is reported.
                let Some(experiment) = by_id.get(id).copied() else { continue };
                let own = experiment.flag.map_or(experiment.id, At::as_text);
                if own != flag.id && experiment.flag.is_some() {
                    let message = format!("the experiment {id:?} says that its flag is {own:?}, not {:?}", flag.id);
                    let help = format!("change its flag, at {}, or remove it here", named.at.pointer());
                    self.report.error(*at, "contradictory_keys", message, help);
                }
                rules.push(FeatureRule::Experiment(experiment));
            }
            let feature = Feature { id: flag.id, at: flag.at, flag: Some(flag), value_type: flag.value_type, rules };
            features.entry(flag.id).or_insert(feature);
        }
        let mut seen = BTreeSet::new();
        for experiment in experiments.iter().filter(|it| seen.insert(it.id)) {
            if !placed.contains_key(experiment.id) {
                self.append(experiment, &mut features);
            }
        }
        features
    }

    /// Puts an experiment that no rule mentions behind the rules of its flag.
    fn append<'d>(&mut self, experiment: &'d Experiment<'t>, features: &mut BTreeMap<&'t str, Feature<'d, 't>>) {
        let id = experiment.flag.map_or(experiment.id, At::as_text);
        if let Some(feature) = features.get_mut(id) {
            feature.rules.push(FeatureRule::Experiment(experiment));
            return;
        }
        if let Some(at) = experiment.flag
            && id != experiment.id
        {
            // A flag that could not be read is reported.
            self.draft.flag_names.resolve(at, "unknown_flag", self.report);
            return;
        }
        if self.draft.flag_names.contains(id) {
            return;
        }
        let values = experiment.variations.iter().filter_map(|it| it.value);
        let value_type = match experiment.value_type {
            Some((_, value_type)) => Some(value_type),
            None => type_of_all(values.clone()),
        };
        if value_type.is_none() && values.count() > 0 {
            let message = "the values of the variations are not all of one type";
            let help = "write all of them as texts, numbers, truth values or objects";
            let at = experiment.at.get("variations").unwrap_or(experiment.at);
            self.report.error(at, "value_does_not_fit", message, help);
        }
        let rules = vec![FeatureRule::Experiment(experiment)];
        features.insert(experiment.id, Feature { id: experiment.id, at: experiment.at, flag: None, value_type, rules });
    }

    /// Values of variations fit the flag.
    fn check_variations(&mut self, features: &BTreeMap<&'t str, Feature<'_, 't>>) {
        for feature in features.values() {
            let schema = feature.flag.and_then(|it| it.schema.as_ref());
            for rule in &feature.rules {
                let FeatureRule::Experiment(experiment) = rule else { continue };
                if let (Some((at, own)), Some(of_flag)) = (experiment.value_type, feature.value_type)
                    && own != of_flag
                {
                    let message = format!("the flag {:?} has the type {}", feature.id, of_flag.as_str());
                    self.report.error(
                        at,
                        "value_does_not_fit",
                        message,
                        "remove the type here, or change one of the two",
                    );
                    continue;
                }
                for value in experiment.variations.iter().filter_map(|it| it.value) {
                    self.value(value, feature.value_type, schema);
                }
            }
        }
    }

    /// Warns of rules behind one that nobody passes.
    fn check_unreachable(&mut self, features: &BTreeMap<&'t str, Feature<'_, 't>>) {
        for feature in features.values() {
            let Some(flag) = feature.flag else { continue };
            let mut last = None;
            for rule in &flag.rules {
                let at = match rule {
                    Rule::Value { at, .. } | Rule::Experiment(at) => *at,
                };
                if let Some(last) = last {
                    let message =
                        format!("the rule is never reached: the one at {} serves everybody", At::pointer(last));
                    let help = "move it up, or give the other rule an audience, a coverage or an end";
                    self.report.warning(at, "unreachable_rule", message, help);
                } else if matches!(rule, Rule::Value { .. }) && serves_everybody(at) {
                    last = Some(at);
                }
            }
        }
    }

    /// For each experiment the holdouts that its visitors must not be in.
    fn covered<'d>(
        &mut self,
        holdouts: &'d [Holdout<'t>],
        experiments: &[Experiment<'t>],
    ) -> BTreeMap<&'t str, BTreeSet<&'t str>> {
        let mut covered: BTreeMap<&'t str, BTreeSet<&'t str>> = BTreeMap::new();
        for experiment in experiments {
            covered.entry(experiment.id).or_default().extend(experiment.holdouts.iter().map(|it| it.as_text()));
        }
        for holdout in holdouts {
            match &holdout.covers {
                crate::section::holdout::Covers::All => {
                    for experiment in experiments {
                        covered.entry(experiment.id).or_default().insert(holdout.id);
                    }
                }
                crate::section::holdout::Covers::Listed(list) => {
                    for at in list {
                        if self.draft.experiment_names.resolve(*at, "unknown_experiment", self.report).is_some() {
                            covered.entry(at.as_text()).or_default().insert(holdout.id);
                        }
                    }
                }
            }
        }
        if !self.report.has_errors() {
            for holdout in holdouts.iter().filter(|it| !covered.values().any(|ids| ids.contains(it.id))) {
                let message = format!("the holdout {:?} keeps nobody out of anything", holdout.id);
                let help = "add experiments: all, or name it in the holdouts of experiments";
                self.report.warning(holdout.at, "unused_holdout", message, help);
            }
        }
        covered
    }

    /// Compiles the payload as the edge does, and says what it refuses at the place where it was written.
    fn checked_payload(&mut self, root: At<'t>, value: &Value, places: &[(String, At<'t>)]) -> Option<Json> {
        let text = value.to_string();
        let at = root.get("flags").or_else(|| root.get("experiments")).unwrap_or(root);
        if text.len() > PAYLOAD_BYTES_WARN {
            let message = format!("flags and experiments have {} bytes as a payload", text.len());
            let help = "shorten values, put large ones behind a link, remove flags that are no longer used";
            if text.len() > PAYLOAD_BYTES_MAX {
                let message = format!("{message}, at most {PAYLOAD_BYTES_MAX} are allowed");
                self.report.error(at, "payload_too_large", message, help);
                return None;
            }
            let message = format!("{message}; each client that evaluates by itself fetches all of it");
            self.report.warning(at, "payload_large", message, help);
        }
        // A value of serde_json is JSON, so this cannot fail.
        let json = Json::parse(text.as_bytes()).unwrap_or(Json::Null);
        let payload = Payload::from_json(json.clone());
        for fault in payload.faults() {
            let place = places.iter().rev().find(|(pointer, _)| {
                fault
                    .pointer
                    .strip_prefix(pointer.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            let at = place.map_or(at, |(_, at)| *at);
            let is_pattern = at.key().starts_with("$regex") || at.key().starts_with("$notRegex");
            let code = if is_pattern { "pattern_not_supported" } else { "refused_by_flags" };
            let help = match code {
                "pattern_not_supported" => {
                    "write it without look-around and back references, or use several conditions"
                }
                _ => "write the condition in another way",
            };
            self.report.error(at, code, fault.message.clone(), help);
        }
        (!self.report.has_errors()).then_some(json)
    }
}

/// Whether nobody passes a rule that gives a value.
fn serves_everybody(rule: At<'_>) -> bool {
    let limits = ["audience", "when", "coverage", "ramp", "starts", "ends", "prerequisites"];
    limits.iter().all(|key| rule.get(key).is_none())
}

/// Whether the experiment assigns visitors now.
pub(crate) fn is_running(experiment: &Experiment<'_>) -> bool {
    experiment.status == Status::Running
}
