//! The JSON form of models, as it is written. Nothing here is checked but the shape; `export` does the rest.

use serde::{Deserialize, Serialize};

use super::{Calibration, EXPORT_VERSION, Export, ExportFault, Feature, Kind, Model, Models, Node, Term, Test, Tree};

/// A model. Members in the order of writing.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportWire {
    version: u32,
    name: String,
    outcome: String,
    features: Vec<FeatureWire>,
    model: ModelWire,
    calibration: CalibrationWire,
}

/// `models.json`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelsWire {
    models: Vec<Export>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeatureWire {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    values: Option<Vec<String>>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum ModelWire {
    Logistic { intercept: f32, terms: Vec<TermWire> },
    Trees { base: f32, trees: Vec<Vec<NodeWire>> },
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "a term needs mean, scale, weight and missing, or weights and unknown")]
enum TermWire {
    Number(NumberWire),
    Category(CategoryWire),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NumberWire {
    mean: f32,
    scale: f32,
    weight: f32,
    missing: f32,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CategoryWire {
    weights: Vec<f32>,
    unknown: f32,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "a node is a number, or [feature, limit or positions of values, yes, no, missing]")]
enum NodeWire {
    Leaf(f32),
    Below(u32, f32, u32, u32, u32),
    Among(u32, Vec<u8>, u32, u32, u32),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum CalibrationWire {
    None,
    Platt { slope: f32, offset: f32 },
    Isotonic { margins: Vec<f32>, chances: Vec<f32> },
}

impl From<Export> for ExportWire {
    fn from(export: Export) -> Self {
        let features = export.features().iter().map(|feature| FeatureWire {
            name: feature.name.clone(),
            values: match &feature.kind {
                Kind::Number => None,
                Kind::Category { values } => Some(values.clone()),
            },
        });
        ExportWire {
            version: EXPORT_VERSION,
            name: export.name().to_owned(),
            outcome: export.outcome().to_owned(),
            features: features.collect(),
            model: export.model().into(),
            calibration: export.calibration().into(),
        }
    }
}

impl TryFrom<ExportWire> for Export {
    type Error = ExportFault;

    fn try_from(wire: ExportWire) -> Result<Self, ExportFault> {
        if wire.version != EXPORT_VERSION {
            return Err(ExportFault::Version { found: wire.version });
        }
        let feature = |feature: FeatureWire| Feature {
            name: feature.name,
            kind: feature.values.map_or(Kind::Number, |values| Kind::Category { values }),
        };
        let features: Vec<Feature> = wire.features.into_iter().map(feature).collect();
        let model = match wire.model {
            ModelWire::Logistic { intercept, terms } => {
                Model::Logistic { intercept, terms: terms.into_iter().map(Term::from).collect() }
            }
            ModelWire::Trees { base, trees } => {
                let tree =
                    |nodes: Vec<NodeWire>| Tree { nodes: nodes.into_iter().map(|one| node(one, &features)).collect() };
                Model::Trees { base, trees: trees.into_iter().map(tree).collect() }
            }
        };
        let calibration = match wire.calibration {
            CalibrationWire::None => Calibration::None,
            CalibrationWire::Platt { slope, offset } => Calibration::Platt { slope, offset },
            CalibrationWire::Isotonic { margins, chances } => Calibration::Isotonic { margins, chances },
        };
        Export::new(&wire.name, &wire.outcome, features, model, calibration)
    }
}

impl From<Models> for ModelsWire {
    fn from(models: Models) -> Self {
        ModelsWire { models: models.into_models() }
    }
}

impl TryFrom<ModelsWire> for Models {
    type Error = ExportFault;

    fn try_from(wire: ModelsWire) -> Result<Self, ExportFault> {
        Models::new(wire.models)
    }
}

impl From<&Model> for ModelWire {
    fn from(model: &Model) -> Self {
        match model {
            Model::Logistic { intercept, terms } => ModelWire::Logistic {
                intercept: *intercept,
                terms: terms.iter().cloned().map(TermWire::from).collect(),
            },
            Model::Trees { base, trees } => {
                let tree = |tree: &Tree| tree.nodes.iter().cloned().map(NodeWire::from).collect();
                ModelWire::Trees { base: *base, trees: trees.iter().map(tree).collect() }
            }
        }
    }
}

impl From<TermWire> for Term {
    fn from(term: TermWire) -> Self {
        match term {
            TermWire::Number(NumberWire { mean, scale, weight, missing }) => {
                Term::Number { mean, scale, weight, missing }
            }
            TermWire::Category(CategoryWire { weights, unknown }) => Term::Category { weights, unknown },
        }
    }
}

impl From<Term> for TermWire {
    fn from(term: Term) -> Self {
        match term {
            Term::Number { mean, scale, weight, missing } => {
                TermWire::Number(NumberWire { mean, scale, weight, missing })
            }
            Term::Category { weights, unknown } => TermWire::Category(CategoryWire { weights, unknown }),
        }
    }
}

fn node(node: NodeWire, features: &[Feature]) -> Node {
    match node {
        NodeWire::Leaf(value) => Node::Leaf(value),
        NodeWire::Below(feature, limit, yes, no, missing) => {
            Node::Split { feature, test: Test::Below(limit), yes, no, missing }
        }
        NodeWire::Among(feature, codes, yes, no, missing) => {
            let n_values = match features.get(feature as usize).map(|feature| &feature.kind) {
                Some(Kind::Category { values }) => values.len(),
                _ => 0,
            };
            Node::Split { feature, test: Test::Among { codes, n_values }, yes, no, missing }
        }
    }
}

impl From<Node> for NodeWire {
    fn from(node: Node) -> Self {
        match node {
            Node::Leaf(value) => NodeWire::Leaf(value),
            Node::Split { feature, test: Test::Below(limit), yes, no, missing } => {
                NodeWire::Below(feature, limit, yes, no, missing)
            }
            Node::Split { feature, test: Test::Among { codes, .. }, yes, no, missing } => {
                NodeWire::Among(feature, codes, yes, no, missing)
            }
        }
    }
}

impl From<&Calibration> for CalibrationWire {
    fn from(calibration: &Calibration) -> Self {
        match calibration {
            Calibration::None => CalibrationWire::None,
            Calibration::Platt { slope, offset } => CalibrationWire::Platt { slope: *slope, offset: *offset },
            Calibration::Isotonic { margins, chances } => {
                CalibrationWire::Isotonic { margins: margins.clone(), chances: chances.clone() }
            }
        }
    }
}
