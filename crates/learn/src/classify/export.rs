//! A model as it leaves: checked, single-precision, and scored the same everywhere. The form is `docs/formats/models.md`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::logistic::margin;
use super::score::trees_margin;
use super::table::{FEATURES_MAX, NAME_BYTES_MAX, NUMBER_MAX, VALUES_MAX};
use super::wire::{ExportWire, ModelsWire};
use super::{Boosted, Calibration, Feature, Kind, Logistic, Node, Term, Test, Tree};

/// The version of the form that is written, and the only one that is read.
pub const EXPORT_VERSION: u32 = 1;
/// Bytes of a document at most.
const DOCUMENT_BYTES_MAX: usize = 16 << 20;
/// Models of a document at most.
const MODELS_MAX: usize = 64;
const NAME_MAX: usize = 100;
const TREES_MAX: usize = 1000;
const NODES_MAX: usize = 31;
const DEPTH_MAX: u32 = 4;
const KNOTS_MAX: usize = 1000;

/// What turns a row into a margin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Model {
    /// A regression.
    Logistic {
        /// Log-odds that every row starts with.
        intercept: f32,
        /// One a feature.
        terms: Vec<Term>,
    },
    /// Boosted trees.
    Trees {
        /// Log-odds that every row starts with.
        base: f32,
        /// What is added, in order.
        trees: Vec<Tree>,
    },
}

impl Model {
    /// The log-odds of outcome 1 for a row, before calibration.
    pub fn margin(&self, row: &[f64]) -> f64 {
        match self {
            Model::Logistic { intercept, terms } => margin(f64::from(*intercept), terms, row),
            Model::Trees { base, trees } => trees_margin(*base, trees, row),
        }
    }
}

impl From<Logistic> for Model {
    fn from(model: Logistic) -> Self {
        Model::Logistic { intercept: model.intercept, terms: model.terms }
    }
}

impl From<Boosted> for Model {
    fn from(model: Boosted) -> Self {
        Model::Trees { base: model.base, trees: model.trees }
    }
}

/// A model with its features and its calibration, checked: scoring it cannot fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ExportWire", into = "ExportWire")]
pub struct Export {
    name: String,
    outcome: String,
    features: Vec<Feature>,
    model: Model,
    calibration: Calibration,
}

/// The models of a build, in `models.json`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "ModelsWire", into = "ModelsWire")]
pub struct Models {
    models: Vec<Export>,
}

/// Why a document is refused. Positions count from 0.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ExportFault {
    /// No JSON of this form, a wrong version, or any fault of a model in a document; with line and column.
    #[error("{text}")]
    Document {
        /// What the reader said.
        text: String,
    },
    /// Another version.
    #[error("version is {found}, this reader knows {EXPORT_VERSION}; build the models again or update the reader")]
    Version {
        /// What was found.
        found: u32,
    },
    /// Too few or too many of something, or not as many as of something else.
    #[error("{what}: {found}, expected {expected}")]
    Count {
        /// Of what.
        what: String,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: String,
    },
    /// A name or text that is empty, too long, used twice, or has other characters.
    #[error("{what} `{found}` is {fault}")]
    Name {
        /// Which text.
        what: &'static str,
        /// What was found.
        found: String,
        /// What is wrong.
        fault: &'static str,
    },
    /// A number out of its range.
    #[error("{what} is {found}, it must be {expected}")]
    Number {
        /// Which number.
        what: String,
        /// What was found.
        found: f32,
        /// Its range.
        expected: &'static str,
    },
    /// A term or a question of another kind than its feature.
    #[error("{what}: feature {feature} is {kind}")]
    Kind {
        /// Which term or node.
        what: String,
        /// Which feature.
        feature: usize,
        /// What it is.
        kind: &'static str,
    },
    /// A node that leads nowhere, in a circle, or where another one leads already.
    #[error("tree {tree}, node {node}: {fault}")]
    Node {
        /// Which tree.
        tree: usize,
        /// Which node.
        node: usize,
        /// What is wrong.
        fault: String,
    },
    /// Knots that do not rise.
    #[error("calibration, knot {knot}: its {what} is not above that of the knot before")]
    Knot {
        /// Which knot.
        knot: usize,
        /// `margin` or `chance`.
        what: &'static str,
    },
}

impl Export {
    /// Puts a model together, with the same checks as reading one.
    ///
    /// # Errors
    /// The first fault that is found, in the order of `docs/formats/models.md`.
    pub fn new(
        name: &str,
        outcome: &str,
        features: Vec<Feature>,
        model: Model,
        calibration: Calibration,
    ) -> Result<Self, ExportFault> {
        let export = Export { name: name.to_owned(), outcome: outcome.to_owned(), features, model, calibration };
        export.check()?;
        Ok(export)
    }

    /// Reads a model.
    ///
    /// # Errors
    /// The first fault that is found.
    pub fn from_json(document: &[u8]) -> Result<Self, ExportFault> {
        read(document)
    }

    /// The model as JSON, without white space. Equal models give equal bytes.
    pub fn to_json(&self) -> String {
        // Strings and finite numbers can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Name of the model, 1 to 100 of `a-z 0-9 _`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What outcome 1 is, in words, at most 200 bytes.
    pub fn outcome(&self) -> &str {
        &self.outcome
    }

    /// The features, in the order in which [`super::score`] takes them.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// What turns a row into a margin.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What turns a margin into a chance.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    fn check(&self) -> Result<(), ExportFault> {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        count("bytes of the name", self.name.len(), 1, NAME_MAX)?;
        if !self.name.chars().all(is_name) {
            let fault = "not made of a-z, 0-9 and _ alone";
            return Err(ExportFault::Name { what: "the name", found: self.name.clone(), fault });
        }
        count("bytes of the outcome", self.outcome.len(), 0, NAME_BYTES_MAX)?;
        check_features(&self.features)?;
        match &self.model {
            Model::Logistic { intercept, terms } => {
                finite(|| "intercept".to_owned(), *intercept)?;
                check_terms(terms, &self.features)?;
            }
            Model::Trees { base, trees } => {
                finite(|| "base".to_owned(), *base)?;
                count("trees", trees.len(), 0, TREES_MAX)?;
                trees.iter().enumerate().try_for_each(|(idx, tree)| check_tree(idx, tree, &self.features))?;
            }
        }
        check_calibration(&self.calibration)
    }
}

impl Models {
    /// Puts models together.
    ///
    /// # Errors
    /// More than 64 models, or two of one name.
    pub fn new(models: Vec<Export>) -> Result<Self, ExportFault> {
        count("models", models.len(), 0, MODELS_MAX)?;
        let mut names = BTreeSet::new();
        if let Some(twice) = models.iter().find(|model| !names.insert(model.name())) {
            let found = twice.name().to_owned();
            return Err(ExportFault::Name { what: "the model's name", found, fault: "used twice" });
        }
        Ok(Models { models })
    }

    /// Reads `models.json`.
    ///
    /// # Errors
    /// The first fault that is found.
    pub fn from_json(document: &[u8]) -> Result<Self, ExportFault> {
        read(document)
    }

    /// The document, without white space.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The models, in the document's order.
    pub fn models(&self) -> &[Export] {
        &self.models
    }

    /// The models, taken out.
    pub fn into_models(self) -> Vec<Export> {
        self.models
    }

    /// The model of a name.
    pub fn get(&self, name: &str) -> Option<&Export> {
        self.models.iter().find(|model| model.name() == name)
    }
}

fn read<T: for<'de> Deserialize<'de>>(document: &[u8]) -> Result<T, ExportFault> {
    count("bytes of the document", document.len(), 1, DOCUMENT_BYTES_MAX)?;
    serde_json::from_slice(document).map_err(|error| ExportFault::Document { text: error.to_string() })
}

fn count(what: &str, found: usize, min: usize, max: usize) -> Result<(), ExportFault> {
    if (min..=max).contains(&found) {
        return Ok(());
    }
    Err(ExportFault::Count { what: what.to_owned(), found, expected: format!("{min} to {max}") })
}

fn equal(what: &str, found: usize, expected: usize) -> Result<(), ExportFault> {
    if found == expected {
        return Ok(());
    }
    Err(ExportFault::Count { what: what.to_owned(), found, expected: expected.to_string() })
}

fn finite(what: impl Fn() -> String, found: f32) -> Result<(), ExportFault> {
    // Numbers of this size cannot add up to an infinite margin.
    if f64::from(found).abs() <= NUMBER_MAX {
        return Ok(());
    }
    Err(ExportFault::Number { what: what(), found, expected: "finite and at most 1e30 in size" })
}

fn check_features(features: &[Feature]) -> Result<(), ExportFault> {
    count("features", features.len(), 1, FEATURES_MAX)?;
    let mut names = BTreeSet::new();
    for (idx, feature) in features.iter().enumerate() {
        count(&format!("bytes of the name of feature {idx}"), feature.name.len(), 1, NAME_BYTES_MAX)?;
        if !names.insert(&feature.name) {
            let found = feature.name.clone();
            return Err(ExportFault::Name { what: "the feature's name", found, fault: "used twice" });
        }
        let Kind::Category { values } = &feature.kind else { continue };
        count(&format!("values of feature {idx}"), values.len(), 1, VALUES_MAX)?;
        let mut seen = BTreeSet::new();
        for (place, value) in values.iter().enumerate() {
            count(&format!("bytes of value {place} of feature {idx}"), value.len(), 0, NAME_BYTES_MAX)?;
            if !seen.insert(value) {
                return Err(ExportFault::Name { what: "the value", found: value.clone(), fault: "used twice" });
            }
        }
    }
    Ok(())
}

fn check_terms(terms: &[Term], features: &[Feature]) -> Result<(), ExportFault> {
    equal("terms", terms.len(), features.len())?;
    for (idx, (term, feature)) in terms.iter().zip(features).enumerate() {
        match (term, &feature.kind) {
            (Term::Number { mean, scale, weight, missing }, Kind::Number) => {
                finite(|| format!("mean of term {idx}"), *mean)?;
                if !(1e-30..=1e30).contains(scale) {
                    let what = format!("scale of term {idx}");
                    return Err(ExportFault::Number { what, found: *scale, expected: "between 1e-30 and 1e30" });
                }
                finite(|| format!("weight of term {idx}"), *weight)?;
                finite(|| format!("missing of term {idx}"), *missing)?;
            }
            (Term::Category { weights, unknown }, Kind::Category { values }) => {
                equal(&format!("weights of term {idx}"), weights.len(), values.len())?;
                weights.iter().try_for_each(|weight| finite(|| format!("weight of term {idx}"), *weight))?;
                finite(|| format!("unknown of term {idx}"), *unknown)?;
            }
            (_, kind) => return Err(wrong_kind(format!("term {idx}"), idx, kind)),
        }
    }
    Ok(())
}

fn wrong_kind(what: String, feature: usize, kind: &Kind) -> ExportFault {
    let kind = if *kind == Kind::Number { "a number" } else { "a category" };
    ExportFault::Kind { what, feature, kind }
}

fn check_tree(idx: usize, tree: &Tree, features: &[Feature]) -> Result<(), ExportFault> {
    count(&format!("nodes of tree {idx}"), tree.nodes.len(), 1, NODES_MAX)?;
    // Questions between the root and each node; none as long as nothing leads there.
    let mut depths: Vec<Option<u32>> = vec![None; tree.nodes.len()];
    if let Some(root) = depths.first_mut() {
        *root = Some(0);
    }
    for (place, node) in tree.nodes.iter().enumerate() {
        let fault = |fault: String| Err(ExportFault::Node { tree: idx, node: place, fault });
        let Some(depth) = depths.get(place).copied().flatten() else {
            return fault("no node before it leads here".to_owned());
        };
        match node {
            Node::Leaf(value) => finite(|| format!("leaf {place} of tree {idx}"), *value)?,
            Node::Split { feature, test, yes, no, missing } => {
                let Some(feature_of) = features.get(*feature as usize) else {
                    return fault(format!("asks of feature {feature}, but there are {}", features.len()));
                };
                check_test(idx, place, test, *feature as usize, feature_of)?;
                if depth >= DEPTH_MAX {
                    return fault(format!("is more than {DEPTH_MAX} questions deep"));
                }
                if missing != yes && missing != no {
                    return fault(format!("missing values go to node {missing}, neither {yes} nor {no}"));
                }
                for next in [*yes, *no] {
                    match depths.get_mut(next as usize) {
                        Some(free @ None) if next as usize > place => *free = Some(depth + 1),
                        Some(Some(_)) => return fault(format!("leads to node {next}, where another way leads too")),
                        Some(None) => return fault(format!("leads back to node {next}")),
                        None => return fault(format!("leads to node {next}, but there are {}", tree.nodes.len())),
                    }
                }
            }
        }
    }
    Ok(())
}

fn check_test(tree: usize, node: usize, test: &Test, idx: usize, feature: &Feature) -> Result<(), ExportFault> {
    match (test, &feature.kind) {
        (Test::Below(limit), Kind::Number) => finite(|| format!("limit of node {node} of tree {tree}"), *limit),
        (Test::Among { codes, n_values }, Kind::Category { values }) => {
            equal(&format!("values of the question of node {node} of tree {tree}"), *n_values, values.len())?;
            let fault = |fault: String| Err(ExportFault::Node { tree, node, fault });
            if codes.is_empty() || codes.windows(2).any(|pair| matches!(pair, [a, b] if a >= b)) {
                return fault("the positions of its values do not rise, or there are none".to_owned());
            }
            match codes.last() {
                Some(last) if usize::from(*last) >= values.len() => {
                    fault(format!("value {last} is asked for, but feature {idx} has {}", values.len()))
                }
                _ => Ok(()),
            }
        }
        (_, kind) => Err(wrong_kind(format!("tree {tree}, node {node}"), idx, kind)),
    }
}

fn check_calibration(calibration: &Calibration) -> Result<(), ExportFault> {
    match calibration {
        Calibration::None => Ok(()),
        Calibration::Platt { slope, offset } => {
            if !(0.0..=1e6).contains(slope) {
                let what = "slope of the calibration".to_owned();
                return Err(ExportFault::Number { what, found: *slope, expected: "between 0 and 1e6" });
            }
            finite(|| "offset of the calibration".to_owned(), *offset)
        }
        Calibration::Isotonic { margins, chances } => {
            count("knots of the calibration", margins.len(), 1, KNOTS_MAX)?;
            equal("chances of the calibration", chances.len(), margins.len())?;
            let (mut margin_before, mut chance_before) = (f32::NEG_INFINITY, 0.0);
            for (knot, (&margin, &chance)) in margins.iter().zip(chances).enumerate() {
                finite(|| format!("margin of knot {knot}"), margin)?;
                if !(chance > 0.0 && chance < 1.0) {
                    let what = format!("chance of knot {knot}");
                    return Err(ExportFault::Number { what, found: chance, expected: "above 0 and below 1" });
                }
                if margin <= margin_before {
                    return Err(ExportFault::Knot { knot, what: "margin" });
                }
                if chance < chance_before {
                    return Err(ExportFault::Knot { knot, what: "chance" });
                }
                (margin_before, chance_before) = (margin, chance);
            }
            Ok(())
        }
    }
}
