//! Evaluation: features in the specification's order.

mod assign;
mod exposed;
mod page;
mod sticky;

use crate::condition::Subject;
use crate::context::Context;
use crate::experiment::{Experiment, Hashing};
use crate::feature::{Effect, Force, Rule};
use crate::hash::HashValue;
use crate::json::{EMPTY, Json, NULL};
use crate::payload::Payload;
use crate::result::{ExperimentResult, Exposure, FeatureResult, Source};
use crate::sticky::StickyDoc;
use exposed::Exposed;

/// Longest chain of prerequisites; a longer one is held for a cycle. Unit: features.
const PREREQUISITES_MAX: u32 = 128;
/// Features that one call may evaluate, each counted as often as it is asked for; beyond that, a cycle as well.
const FEATURES_MAX: u32 = 4_096;

/// One visitor's evaluations in one request. Collects exposures and new sticky assignments on the way.
#[derive(Debug)]
pub struct Evaluation<'a> {
    payload: &'a Payload,
    context: &'a Context,
    remote_groups: Option<Json>,
    exposed: Exposed<'a>,
    tracks: Vec<&'a Json>,
    sticky_changes: Vec<StickyDoc>,
    /// Features that the running call may still evaluate.
    n_features_left: u32,
}

/// The features whose prerequisites are being evaluated, the innermost first.
#[derive(Clone, Copy)]
struct Trail<'t> {
    key: &'t str,
    up: Option<&'t Trail<'t>>,
    n_features: u32,
}

/// What the prerequisites of a rule say.
enum Gate {
    Open,
    Skip,
    Closed,
    Cyclic,
}

impl<'a> Evaluation<'a> {
    /// Nothing is evaluated yet.
    pub fn new(payload: &'a Payload, context: &'a Context) -> Self {
        let ids = context.remote_group_ids.as_ref();
        Self {
            payload,
            context,
            remote_groups: ids.map(|ids| Json::List(ids.iter().map(|id| Json::from(id.as_str())).collect())),
            exposed: Exposed::None,
            tracks: Vec::new(),
            sticky_changes: Vec::new(),
            n_features_left: FEATURES_MAX,
        }
    }

    /// The value of the feature `key`.
    pub fn feature(&mut self, key: &str) -> FeatureResult<'a> {
        self.n_features_left = FEATURES_MAX;
        self.feature_on(key, None)
    }

    /// What `experiment` decides for the visitor.
    pub fn run(&mut self, experiment: &'a Experiment) -> ExperimentResult<'a> {
        self.n_features_left = FEATURES_MAX;
        self.assign(experiment, None, None).result()
    }

    /// Assignments by hash so far, each once, in order.
    pub fn exposures(&self) -> &[Exposure<'a>] {
        self.exposed.as_slice()
    }

    /// Exposures that the payload orders to tell (`tracks` of a force rule that gave the value), in order.
    pub fn tracks(&self) -> &[&'a Json] {
        &self.tracks
    }

    /// Whole documents that differ from [`Context::sticky`], to be stored.
    pub fn sticky_changes(&self) -> &[StickyDoc] {
        &self.sticky_changes
    }

    fn feature_on(&mut self, key: &str, up: Option<&Trail<'_>>) -> FeatureResult<'a> {
        let n_features = up.map_or(0, |trail| trail.n_features).saturating_add(1);
        let Some(left) = self.n_features_left.checked_sub(1).filter(|_| n_features <= PREREQUISITES_MAX) else {
            return plain(&NULL, Source::CyclicPrerequisite, "");
        };
        self.n_features_left = left;
        let mut above = up;
        while let Some(trail) = above {
            if trail.key == key {
                return plain(&NULL, Source::CyclicPrerequisite, "");
            }
            above = trail.up;
        }
        if let Some(value) = self.context.forced_features.get(key) {
            return plain(value, Source::Override, "");
        }
        let payload = self.payload;
        let Some(feature) = payload.feature(key) else {
            return plain(&NULL, Source::UnknownFeature, "");
        };
        if feature.is_disabled {
            return FeatureResult { disabled: true, ..plain(&NULL, Source::DefaultValue, "") };
        }
        let trail = Trail { key: &feature.key, up, n_features };
        for rule in &feature.rules {
            if let Some(result) = self.rule(rule, &feature.key, &trail) {
                return result;
            }
        }
        plain(&feature.default, Source::DefaultValue, "")
    }

    /// What `rule` says, if it says anything.
    fn rule(&mut self, rule: &'a Rule, feature: &'a str, trail: &Trail<'_>) -> Option<FeatureResult<'a>> {
        let mut ramp_coverage = None;
        if let Some(schedule) = &rule.schedule {
            if !schedule.runs(self.context.now_ms) {
                return None;
            }
            ramp_coverage = schedule.coverage(self.context.now_ms);
        }
        if !rule.prerequisites.is_empty() {
            match self.gate(rule, trail) {
                Gate::Open => {}
                Gate::Skip => return None,
                Gate::Closed => return Some(plain(&NULL, Source::Prerequisite, "")),
                Gate::Cyclic => return Some(plain(&NULL, Source::CyclicPrerequisite, "")),
            }
        }
        if self.is_filtered_out(&rule.filters) {
            return None;
        }
        match &rule.effect {
            Effect::Nothing => None,
            Effect::Force(force) => {
                let fits = force.condition.as_ref().is_none_or(|it| it.passes(self.visitor(), &self.payload.groups));
                if !fits || !self.is_rolled_out(force, ramp_coverage.or(force.coverage)) {
                    return None;
                }
                self.tracks.extend(&force.tracks);
                Some(plain(&force.value, Source::Force, &rule.id))
            }
            Effect::Experiment(experiment) => {
                let assigned = self.assign(experiment, Some(feature), ramp_coverage);
                if !assigned.outcome.is_in || assigned.passes_through() {
                    return None;
                }
                Some(FeatureResult {
                    value: assigned.variation(),
                    source: Source::Experiment,
                    rule_id: &rule.id,
                    experiment: Some(assigned.run()),
                    experiment_result: Some(assigned.result()),
                    disabled: false,
                })
            }
        }
    }

    fn gate(&mut self, rule: &'a Rule, trail: &Trail<'_>) -> Gate {
        for prerequisite in &rule.prerequisites {
            let parent = self.feature_on(&prerequisite.feature, Some(trail));
            if parent.source == Source::CyclicPrerequisite {
                return Gate::Cyclic;
            }
            let subject = Subject::Value(parent.value);
            if !prerequisite.condition.as_ref().is_none_or(|it| it.passes(subject, &self.payload.groups)) {
                return if prerequisite.is_gate { Gate::Closed } else { Gate::Skip };
            }
        }
        Gate::Open
    }

    fn is_rolled_out(&self, force: &'a Force, coverage: Option<f64>) -> bool {
        match (force.range, coverage) {
            (None, None) => return true,
            (None, Some(0.0)) => return false,
            _ => {}
        }
        let (_, value) = self.hash_value(&force.hashing, force.is_sticky_disabled);
        let Some(value) = HashValue::from_json(value) else { return false };
        let Some(bucket) = force.hashing.seed.bucket(value, force.hashing.version) else { return false };
        match force.range {
            Some(range) => range.contains(bucket),
            None => coverage.is_some_and(|coverage| bucket < coverage),
        }
    }

    #[inline]
    fn visitor(&self) -> Subject<'_> {
        Subject::Visitor { attributes: &self.context.attributes, remote_groups: self.remote_groups.as_ref() }
    }

    /// The attribute to hash, and its value as the caller sent it; "" if it cannot be hashed.
    fn hash_value(&self, hashing: &'a Hashing, is_sticky_disabled: bool) -> (&'a str, &'a Json) {
        let hashable =
            |name: &str| self.context.attributes.get(name).filter(|value| HashValue::from_json(value).is_some());
        if let Some(value) = hashable(&hashing.attribute) {
            return (&hashing.attribute, value);
        }
        match &hashing.fallback {
            Some(fallback) if self.context.sticky.is_some() && !is_sticky_disabled => match hashable(fallback) {
                Some(value) => (fallback, value),
                None => (&hashing.attribute, &EMPTY),
            },
            _ => (&hashing.attribute, &EMPTY),
        }
    }
}

/// A result without an experiment.
fn plain<'a>(value: &'a Json, source: Source, rule_id: &'a str) -> FeatureResult<'a> {
    FeatureResult { value, source, rule_id, experiment: None, experiment_result: None, disabled: false }
}
