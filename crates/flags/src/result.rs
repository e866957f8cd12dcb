//! What an evaluation says, and its JSON as the specification spells it.

use crate::experiment::Experiment;
use crate::json::{Json, Object};

/// Where the value of a feature comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// No rule applied, or the feature is disabled.
    DefaultValue,
    /// A force rule.
    Force,
    /// An experiment, its visitor assigned or forced into a variation.
    Experiment,
    /// [`crate::Context::forced_features`].
    Override,
    /// The payload has no such feature.
    UnknownFeature,
    /// A prerequisite that gates the whole feature is not met.
    Prerequisite,
    /// Prerequisites that need each other.
    CyclicPrerequisite,
}

impl Source {
    /// The specification's word: `defaultValue`, `force`, `experiment`, `override`, `unknownFeature`, `prerequisite`,
    /// `cyclicPrerequisite`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DefaultValue => "defaultValue",
            Self::Force => "force",
            Self::Experiment => "experiment",
            Self::Override => "override",
            Self::UnknownFeature => "unknownFeature",
            Self::Prerequisite => "prerequisite",
            Self::CyclicPrerequisite => "cyclicPrerequisite",
        }
    }
}

/// The value of one feature for one visitor.
#[derive(Clone, Debug)]
pub struct FeatureResult<'a> {
    /// The value; `null` if nothing gives one.
    pub value: &'a Json,
    /// Where it comes from.
    pub source: Source,
    /// The rule that gave it; empty if none did or it has no id.
    pub rule_id: &'a str,
    /// The experiment that gave the value. Only with [`Source::Experiment`].
    pub experiment: Option<ExperimentRun<'a>>,
    /// Its result.
    pub experiment_result: Option<ExperimentResult<'a>>,
    /// Whether the feature is switched off (`vitrine.enabled` is false): the value is `null`, and callers use their own default.
    pub disabled: bool,
}

impl FeatureResult<'_> {
    /// Whether the value is true for JavaScript: all but `null`, `false`, 0 and "".
    pub fn on(&self) -> bool {
        self.value.is_truthy()
    }

    /// The opposite of [`Self::on`].
    pub fn off(&self) -> bool {
        !self.on()
    }

    /// The specification's JSON: `value`, `on`, `off`, `source`, `ruleId`, and `experiment` and `experimentResult` if there
    /// are.
    pub fn to_json(&self) -> Json {
        let mut json = Object::new();
        json.insert("value", self.value.clone());
        json.insert("on", self.on());
        json.insert("off", self.off());
        json.insert("source", self.source.as_str());
        json.insert("ruleId", self.rule_id);
        if let Some(experiment) = &self.experiment {
            json.insert("experiment", experiment.to_json());
        }
        if let Some(result) = &self.experiment_result {
            json.insert("experimentResult", result.to_json());
        }
        Json::Object(json)
    }
}

/// An experiment as it ran: its definition, with what a bandit or a ramp replaced.
#[derive(Clone, Copy, Debug)]
pub struct ExperimentRun<'a> {
    /// The definition.
    pub experiment: &'a Experiment,
    /// The leaf of a contextual bandit whose weights were used.
    pub leaf: Option<&'a Leaf>,
    /// Whether the leaf counts: the visitor was assigned by its weights.
    pub is_leaf_used: bool,
    /// The coverage that a ramp gave. Range: 0..=1.
    pub ramp_coverage: Option<f64>,
}

impl ExperimentRun<'_> {
    /// The experiment as the specification's feature result repeats it.
    pub fn to_json(&self) -> Json {
        self.experiment.echo(self)
    }
}

/// The leaf of a contextual bandit that gave the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Its id; -1 if no leaf fits and the rule's own weights were used.
    pub leaf_id: i64,
    /// The weights in use: the chance of each variation, which an evaluation of the bandit needs.
    ///
    /// Shape: one entry per variation. Unit: share, 0..=1.
    pub weights: Vec<f64>,
    /// Version of the bandit's model, if the payload tells it.
    pub bandit_version: Option<Json>,
}

impl Leaf {
    /// Adds the members that the specification names.
    pub(crate) fn write(&self, json: &mut Object) {
        json.insert("leafId", self.leaf_id as f64);
        json.insert("variationWeights", self.weights.clone());
        if let Some(version) = &self.bandit_version {
            json.insert("banditVersion", version.clone());
        }
    }
}

/// What an experiment decided for one visitor.
#[derive(Clone, Debug)]
pub struct ExperimentResult<'a> {
    /// The variation's key: `meta[i].key`, else its index.
    pub key: &'a str,
    /// The feature that ran the experiment, if one did.
    pub feature_id: Option<&'a str>,
    /// Whether the visitor is in the experiment.
    pub in_experiment: bool,
    /// Whether the visitor was assigned by hash (or by an earlier such assignment): only then it is an exposure.
    pub hash_used: bool,
    /// Index of the variation; 0 if the visitor is not in.
    pub variation_id: usize,
    /// Its value.
    pub value: &'a Json,
    /// The attribute that was hashed, or would have been.
    pub hash_attribute: &'a str,
    /// Its value as the caller sent it; "" if there is none.
    pub hash_value: &'a Json,
    /// Whether an earlier assignment decided.
    pub sticky_bucket_used: bool,
    /// The variation's name.
    pub name: Option<&'a str>,
    /// Where the visitor's hash lies. Range: 0..1. `None` unless the hash decided.
    pub bucket: Option<f64>,
    /// Whether the feature goes on to its next rule (holdouts).
    pub passthrough: Option<bool>,
    /// The leaf of a contextual bandit, if it decided.
    pub leaf: Option<&'a Leaf>,
}

impl ExperimentResult<'_> {
    /// The specification's JSON; members without a value are left out.
    pub fn to_json(&self) -> Json {
        let mut json = Object::new();
        json.insert("key", self.key);
        if let Some(feature) = self.feature_id {
            json.insert("featureId", feature);
        }
        json.insert("inExperiment", self.in_experiment);
        json.insert("hashUsed", self.hash_used);
        json.insert("variationId", self.variation_id as f64);
        json.insert("value", self.value.clone());
        json.insert("hashAttribute", self.hash_attribute);
        json.insert("hashValue", self.hash_value.clone());
        json.insert("stickyBucketUsed", self.sticky_bucket_used);
        if let Some(name) = self.name {
            json.insert("name", name);
        }
        if let Some(bucket) = self.bucket {
            json.insert("bucket", bucket);
        }
        if let Some(passthrough) = self.passthrough {
            json.insert("passthrough", passthrough);
        }
        if let Some(leaf) = self.leaf {
            leaf.write(&mut json);
        }
        Json::Object(json)
    }
}

/// A visitor who was assigned a variation by hash.
#[derive(Clone, Debug)]
pub struct Exposure<'a> {
    /// The experiment.
    pub experiment: ExperimentRun<'a>,
    /// What it decided.
    pub result: ExperimentResult<'a>,
}

/// Where an experiment on the whole page sends the visitor.
#[derive(Clone, Debug)]
pub struct Redirect<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// What it decided.
    pub result: ExperimentResult<'a>,
    /// The target as the variation writes it.
    pub url: &'a str,
    /// The target with the page's own parameters, if the experiment keeps them.
    pub url_with_params: String,
}
