//! One experiment: in or out, and which variation.

use super::Evaluation;
use crate::bucket::{Filter, ranges};
use crate::experiment::{Experiment, Status};
use crate::hash::HashValue;
use crate::json::{Json, NULL};
use crate::result::{ExperimentResult, ExperimentRun, Leaf, Source};
use crate::url::query_string_override;

/// What was decided.
#[derive(Clone, Copy)]
pub(super) struct Outcome {
    pub(super) variation: usize,
    pub(super) is_in: bool,
    is_sticky: bool,
    /// Only if the hash decided.
    bucket: Option<f64>,
}

/// An experiment, its visitor, and what was decided, before it is spelled out. Results are large: they are written where they
/// stay, not passed on.
#[derive(Clone, Copy)]
pub(super) struct Assigned<'a> {
    pub(super) experiment: &'a Experiment,
    feature: Option<&'a str>,
    ramp_coverage: Option<f64>,
    leaf: Option<&'a Leaf>,
    pub(super) attribute: &'a str,
    pub(super) value: &'a Json,
    pub(super) outcome: Outcome,
}

impl<'a> Assigned<'a> {
    /// Whether the visitor is in a variation that lets the feature go on to its next rule.
    pub(super) fn passes_through(&self) -> bool {
        self.passthrough() == Some(true)
    }

    fn passthrough(&self) -> Option<bool> {
        self.experiment.passthrough.get(self.outcome.variation).copied().flatten()
    }

    fn key(&self) -> &'a str {
        self.experiment.variation_keys().get(self.outcome.variation).map_or("", String::as_str)
    }

    /// The variation's value.
    pub(super) fn variation(&self) -> &'a Json {
        self.experiment.variations().get(self.outcome.variation).unwrap_or(&NULL)
    }

    #[inline(always)]
    pub(super) fn run(&self) -> ExperimentRun<'a> {
        ExperimentRun {
            experiment: self.experiment,
            leaf: self.leaf,
            is_leaf_used: self.leaf.is_some() && self.outcome.bucket.is_some(),
            ramp_coverage: self.ramp_coverage,
        }
    }

    #[inline(always)]
    pub(super) fn result(&self) -> ExperimentResult<'a> {
        let Outcome { variation, is_in, is_sticky, bucket } = self.outcome;
        ExperimentResult {
            key: self.key(),
            feature_id: self.feature,
            in_experiment: is_in,
            hash_used: bucket.is_some(),
            variation_id: variation,
            value: self.variation(),
            hash_attribute: self.attribute,
            hash_value: self.value,
            sticky_bucket_used: is_sticky,
            name: self.experiment.names.get(variation).and_then(|name| name.as_deref()),
            bucket,
            passthrough: self.passthrough(),
            leaf: if bucket.is_some() { self.leaf } else { None },
        }
    }
}

/// The visitor is not in.
const OUT: Outcome = Outcome { variation: 0, is_in: false, is_sticky: false, bucket: None };

impl Outcome {
    /// A variation chosen by hand.
    fn forced(index: i64, n_variations: usize) -> Self {
        match usize::try_from(index) {
            Ok(variation) if variation < n_variations => Self { variation, is_in: true, ..OUT },
            _ => OUT,
        }
    }
}

impl<'a> Evaluation<'a> {
    /// Runs `experiment` in the specification's order.
    #[inline]
    pub(super) fn assign(
        &mut self,
        experiment: &'a Experiment,
        feature: Option<&'a str>,
        ramp_coverage: Option<f64>,
    ) -> Assigned<'a> {
        let bandit = experiment.bandit.as_ref();
        let leaf = bandit.map(|bandit| bandit.leaf(self.visitor(), &self.payload.groups));
        let (attribute, value) = self.hash_value(&experiment.hashing, experiment.sticky.is_disabled);
        let hashable = HashValue::from_json(value);
        let outcome = self.decide(experiment, hashable, leaf, ramp_coverage);
        let assigned = Assigned { experiment, feature, ramp_coverage, leaf, attribute, value, outcome };
        if outcome.bucket.is_some() {
            if let Some(hashable) = hashable {
                self.keep_sticky(experiment, attribute, hashable, assigned.key());
            }
            self.exposed.add(&assigned);
        }
        assigned
    }

    fn decide(
        &mut self,
        experiment: &'a Experiment,
        value: Option<HashValue<'a>>,
        leaf: Option<&'a Leaf>,
        ramp_coverage: Option<f64>,
    ) -> Outcome {
        let context = self.context;
        let n = experiment.variations().len();
        if n < 2 || !context.enabled {
            return OUT;
        }
        if let Some(targets) = &experiment.page.targets
            && !targets.contain(context.url.as_deref().unwrap_or_default())
        {
            return OUT;
        }
        if context.query_override
            && let Some(url) = &context.url
            && let Some(variation) = query_string_override(experiment.key(), url, n)
        {
            return Outcome { variation, is_in: true, ..OUT };
        }
        if !context.forced_variations.is_empty()
            && let Some(chosen) = context.forced_variations.get(experiment.key())
        {
            return Outcome::forced(*chosen, n);
        }
        if experiment.status == Status::Draft {
            return OUT;
        }
        let Some(value) = value else { return OUT };
        let sticky = self.sticky_assignment(experiment);
        if sticky.variation.is_none() && !self.is_invited(experiment, value) {
            return OUT;
        }
        let Some(bucket) = experiment.hashing.seed.bucket(value, experiment.hashing.version) else { return OUT };
        if sticky.is_blocked {
            return Outcome { is_sticky: true, ..OUT };
        }
        let assigned = match (sticky.variation, &experiment.ranges) {
            (Some(variation), _) => Some(variation),
            (None, Some(given)) => given.iter().take(n).position(|range| range.contains(bucket)),
            (None, None) => {
                let weights = leaf.map_or(&experiment.weights, |leaf| &leaf.weights);
                let coverage = ramp_coverage.unwrap_or(experiment.coverage);
                ranges(coverage, weights).position(|range| range.contains(bucket))
            }
        };
        let Some(variation) = assigned else { return OUT };
        if let Some(forced) = experiment.force {
            return Outcome::forced(forced, n);
        }
        if context.qa_mode || experiment.status == Status::Stopped {
            return OUT;
        }
        Outcome { variation, is_in: true, is_sticky: sticky.variation.is_some(), bucket: Some(bucket) }
    }

    /// Whether an experiment takes a visitor whom it did not assign before.
    fn is_invited(&mut self, experiment: &'a Experiment, value: HashValue<'_>) -> bool {
        let is_outside = match (&experiment.filters, &experiment.namespace) {
            (Some(filters), _) => self.is_filtered_out(filters),
            (None, Some(namespace)) => !namespace.contains(value),
            (None, None) => false,
        };
        if is_outside {
            return false;
        }
        let condition = experiment.condition.as_ref();
        if !condition.is_none_or(|it| it.passes(self.visitor(), &self.payload.groups)) {
            return false;
        }
        for prerequisite in &experiment.prerequisites {
            let parent = self.feature_on(&prerequisite.feature, None);
            let subject = crate::condition::Subject::Value(parent.value);
            let condition = prerequisite.condition.as_ref();
            let is_met = condition.is_none_or(|it| it.passes(subject, &self.payload.groups));
            if parent.source == Source::CyclicPrerequisite || !is_met {
                return false;
            }
        }
        !experiment.page.has_groups && self.is_old_page(experiment)
    }

    pub(super) fn is_filtered_out(&self, filters: &[Filter]) -> bool {
        filters.iter().any(|filter| {
            let value = self.context.attributes.get(&filter.attribute).and_then(HashValue::from_json);
            !value.is_some_and(|value| filter.contains(value))
        })
    }
}
