//! One experiment: in or out, and which variation.

use super::Evaluation;
use crate::bucket::{Filter, ranges};
use crate::experiment::{Experiment, Status};
use crate::hash::HashValue;
use crate::json::{Json, NULL};
use crate::result::{ExperimentResult, ExperimentRun, Exposure, Leaf, Source};
use crate::url::query_string_override;

impl<'a> Evaluation<'a> {
    /// Runs `experiment` in the specification's order.
    pub(super) fn assign(
        &mut self,
        experiment: &'a Experiment,
        feature: Option<&'a str>,
        ramp_coverage: Option<f64>,
    ) -> (ExperimentRun<'a>, ExperimentResult<'a>) {
        let bandit = experiment.bandit.as_ref();
        let leaf = bandit.map(|bandit| bandit.leaf(experiment, self.visitor(), &self.payload.groups));
        let mut run = ExperimentRun { experiment, leaf, is_leaf_used: false, ramp_coverage };
        let (attribute, value) = self.hash_value(&experiment.hashing, experiment.sticky.is_disabled);
        let case = Case { experiment, feature, attribute, value };
        let result = self.decide(&case, leaf, ramp_coverage);
        run.is_leaf_used = result.leaf.is_some();
        if result.in_experiment && result.hash_used {
            self.expose(run, &result);
        }
        (run, result)
    }

    fn decide(&mut self, case: &Case<'a>, leaf: Option<Leaf<'a>>, ramp_coverage: Option<f64>) -> ExperimentResult<'a> {
        let (experiment, context) = (case.experiment, self.context);
        let n = experiment.variations().len();
        let targets = experiment.page.targets.as_ref();
        if n < 2 || !context.enabled {
            return case.out();
        }
        if let Some(targets) = targets
            && !targets.contain(context.url.as_deref().unwrap_or_default())
        {
            return case.out();
        }
        if context.query_override
            && let Some(url) = &context.url
            && let Some(chosen) = query_string_override(experiment.key(), url, n)
        {
            return case.forced(chosen as i64);
        }
        if !context.forced_variations.is_empty()
            && let Some(chosen) = context.forced_variations.get(experiment.key())
        {
            return case.forced(*chosen);
        }
        if experiment.status == Status::Draft {
            return case.out();
        }
        let Some(value) = HashValue::from_json(case.value) else { return case.out() };
        let sticky = self.sticky_assignment(experiment);
        if sticky.variation.is_none() && !self.is_invited(experiment, value) {
            return case.out();
        }
        let Some(bucket) = experiment.hashing.seed.bucket(value, experiment.hashing.version) else {
            return case.out();
        };
        let assigned = sticky.variation.or_else(|| {
            let weights = leaf.map_or(experiment.weights.as_slice(), |leaf| leaf.weights);
            match &experiment.ranges {
                Some(given) => given.iter().take(n).position(|range| range.contains(bucket)),
                None => {
                    let coverage = ramp_coverage.unwrap_or(experiment.coverage);
                    ranges(coverage, weights).position(|range| range.contains(bucket))
                }
            }
        });
        if sticky.is_blocked {
            return ExperimentResult { sticky_bucket_used: true, ..case.out() };
        }
        let Some(assigned) = assigned else { return case.out() };
        if let Some(forced) = experiment.force {
            return case.forced(forced);
        }
        if context.qa_mode || experiment.status == Status::Stopped {
            return case.out();
        }
        let result = ExperimentResult {
            hash_used: true,
            sticky_bucket_used: sticky.variation.is_some(),
            bucket: Some(bucket),
            leaf,
            ..case.variation(assigned)
        };
        self.keep_sticky(experiment, case.attribute, value, result.key);
        result
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

    fn expose(&mut self, run: ExperimentRun<'a>, result: &ExperimentResult<'a>) {
        let is_same = |exposure: &Exposure<'a>| {
            exposure.result.variation_id == result.variation_id
                && exposure.experiment.experiment.key() == run.experiment.key()
                && exposure.result.hash_attribute == result.hash_attribute
                && exposure.result.hash_value == result.hash_value
        };
        if !self.exposures.iter().any(is_same) {
            self.exposures.push(Exposure { experiment: run, result: result.clone() });
        }
    }
}

/// An experiment, and what would be hashed for it.
struct Case<'a> {
    experiment: &'a Experiment,
    feature: Option<&'a str>,
    attribute: &'a str,
    value: &'a Json,
}

impl<'a> Case<'a> {
    /// The visitor is not in.
    fn out(&self) -> ExperimentResult<'a> {
        ExperimentResult { in_experiment: false, ..self.variation(0) }
    }

    /// A variation chosen by hand.
    fn forced(&self, index: i64) -> ExperimentResult<'a> {
        match usize::try_from(index) {
            Ok(index) if index < self.experiment.variations().len() => self.variation(index),
            _ => self.out(),
        }
    }

    /// The visitor is in variation `at`, for whatever reason.
    fn variation(&self, at: usize) -> ExperimentResult<'a> {
        let experiment = self.experiment;
        ExperimentResult {
            key: experiment.variation_keys().get(at).map_or("", String::as_str),
            feature_id: self.feature,
            in_experiment: true,
            hash_used: false,
            variation_id: at,
            value: experiment.variations().get(at).unwrap_or(&NULL),
            hash_attribute: self.attribute,
            hash_value: self.value,
            sticky_bucket_used: false,
            name: experiment.names.get(at).and_then(|name| name.as_deref()),
            bucket: None,
            passthrough: experiment.passthrough.get(at).copied().flatten(),
            leaf: None,
        }
    }
}
