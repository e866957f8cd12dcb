//! Evaluation: features in the specification's order.

use crate::context::Context;
use crate::experiment::Experiment;
use crate::json::{EMPTY, Json, NULL};
use crate::payload::Payload;
use crate::result::{ExperimentResult, Exposure, FeatureResult, Redirect, Source};
use crate::sticky::StickyDoc;

/// One visitor's evaluations in one request. Collects exposures and new sticky assignments on the way.
#[derive(Debug)]
pub struct Evaluation<'a> {
    payload: &'a Payload,
    context: &'a Context,
    exposures: Vec<Exposure<'a>>,
    sticky_changes: Vec<StickyDoc>,
}

impl<'a> Evaluation<'a> {
    /// Nothing is evaluated yet.
    pub fn new(payload: &'a Payload, context: &'a Context) -> Self {
        Self { payload, context, exposures: Vec::new(), sticky_changes: Vec::new() }
    }

    /// The value of the feature `key`.
    pub fn feature(&mut self, key: &str) -> FeatureResult<'a> {
        let source = if self.payload.contains(key) { Source::DefaultValue } else { Source::UnknownFeature };
        let forced = self.context.forced_features.get(key);
        FeatureResult {
            value: forced.unwrap_or(&NULL),
            source: if forced.is_some() { Source::Override } else { source },
            rule_id: "",
            experiment: None,
            experiment_result: None,
            disabled: false,
        }
    }

    /// What `experiment` decides for the visitor.
    pub fn run(&mut self, experiment: &'a Experiment) -> ExperimentResult<'a> {
        ExperimentResult {
            key: "0",
            feature_id: None,
            in_experiment: false,
            hash_used: false,
            variation_id: 0,
            value: experiment.variations().first().unwrap_or(&NULL),
            hash_attribute: "id",
            hash_value: &EMPTY,
            sticky_bucket_used: false,
            name: None,
            bucket: None,
            passthrough: None,
            leaf: None,
        }
    }

    /// Where the payload's experiments on whole pages send the visitor: the first of them that does.
    pub fn redirect(&mut self) -> Option<Redirect<'a>> {
        None
    }

    /// Assignments by hash so far, each once, in order.
    pub fn exposures(&self) -> &[Exposure<'a>] {
        &self.exposures
    }

    /// Exposures that the payload orders to tell (`tracks` of a force rule that gave the value), in order.
    pub fn tracks(&self) -> &[&'a Json] {
        &[]
    }

    /// Whole documents that differ from [`Context::sticky`], to be stored.
    pub fn sticky_changes(&self) -> &[StickyDoc] {
        &self.sticky_changes
    }
}
