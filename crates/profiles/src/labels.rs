//! The label registry: what is known of every column that a customer row has.
//!
//! A label is declared where it is computed: in the head of a feature file, in lines that begin with `--#` and hold
//! TOML. A shop changes labels and adds its own in `labels.toml`. `docs/guides/features.md` describes every key.

mod feature_file;
mod wire;

pub use feature_file::FeatureFile;
pub(crate) use wire::Changes;

use crate::{AsOf, BuildError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What values a label has, and how many bits they get in the profile table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LabelType {
    /// True or false.
    Bool,
    /// A whole number from 0.
    Unsigned {
        /// Width in the table. Unit: bits. Range: 1..=32.
        bits: u8,
    },
    /// A number in equal steps: `zero + code * step`.
    Linear {
        /// Width in the table. Unit: bits. Range: 1..=32.
        bits: u8,
        /// The number of code 0. Unit: the label's.
        zero: f64,
        /// Distance of two codes. Unit: the label's. Above 0.
        step: f64,
    },
    /// A number with about the same relative error everywhere: `zero * exp(code * step)`.
    Log {
        /// Width in the table. Unit: bits. Range: 1..=32.
        bits: u8,
        /// The number of code 0. Unit: the label's. Above 0.
        zero: f64,
        /// Distance of two codes, in powers of e. Above 0.
        step: f64,
    },
    /// One name of a dictionary.
    Category(Names),
    /// A set of names, one bit each.
    Labels {
        /// The names. Range: 1..=64.
        values: Vec<String>,
    },
    /// Up to `k` names or items with weights above 0, the strongest first.
    TopK {
        /// Places. Range: 1..=64.
        k: u8,
        /// Width of a weight. Unit: bits. Range: 1..=16.
        weight_bits: u8,
        /// Where the names come from. The dictionary `items` is the item table.
        #[serde(flatten)]
        names: Names,
    },
    /// Numbers, each in a signed byte.
    Vector {
        /// How many. Range: 1..=1024.
        dims: u16,
        /// The value of code 1. Above 0.
        scale: f32,
    },
    /// Text, for features.parquet only.
    Text,
    /// A time, for features.parquet only.
    Time,
}

/// The names of a category or a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Names {
    /// The dictionary of the table that gives names their codes. Labels may share one.
    pub dictionary: String,
    /// All names, when they are known beforehand. Empty: the most frequent names of the data, and `OTHER`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// How many names of the data keep their own code. Range: 1..=65000.
    pub values_max: u32,
    /// `table.column` whose names are counted, in place of the label's own column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// How carefully a label is to be handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Says little of a person.
    #[default]
    Ordinary,
    /// Says something of a person: age, region, income.
    Personal,
    /// Of the kind that the law protects, or near it: health, belief, values. Needs a declared purpose.
    Sensitive,
}

/// Whether a label is in the table, and why not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LabelState {
    /// A column of the table and of features.parquet.
    InTable,
    /// A column of features.parquet only (`in_table = false`).
    FeaturesOnly,
    /// Nowhere: there is nothing to compute it from.
    Absent {
        /// Why.
        why: String,
    },
    /// Switched off: the column is there, without any value.
    Off {
        /// Why.
        why: String,
    },
    /// Nowhere: sensitive, and no purpose is declared.
    Withheld,
}

/// A column that customer rows have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// Name of the column; rules say `profile.<name>`.
    pub name: String,
    /// What it means, in words.
    pub means: String,
    /// Values and bits.
    #[serde(flatten)]
    pub kind: LabelType,
    /// Whether a customer may lack it. A label that turns out to be missing somewhere is nullable all the same.
    pub nullable: bool,
    /// SQL literal for customers without a row in the feature's table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Unit of the values, if they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Where it comes from, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How often it is made anew, in words. Default: with every build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
    /// How carefully it is to be handled.
    pub sensitivity: Sensitivity,
    /// What it is used for. A sensitive label without it is withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// From this date on it is switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Whether it is meant for the table, not for features.parquet alone.
    pub in_table: bool,
    /// Whether it is in the table even when no customer has a value.
    pub always: bool,
    /// The feature file, or the key of `labels.toml`, that makes it.
    #[serde(rename = "made_by")]
    pub step: String,
    /// The expression that makes it, for labels and segments of `labels.toml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// Steps that it rests on, all of them, in the order in which they ran.
    pub steps: Vec<String>,
    /// Source tables that it rests on, by name.
    pub tables: Vec<String>,
    /// What became of it.
    #[serde(flatten)]
    pub state: LabelState,
}

/// Why labels are refused. Names the file, the line where one is known, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// A file or folder cannot be read.
    #[error("{}: {reason}", file.display())]
    Read {
        /// The file or folder.
        file: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// What a file says makes no sense.
    #[error("{}:{line}: {what}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong and how to mend it.
        what: String,
    },
}

/// All labels of a build, in the order of their columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Registry {
    /// Version of this document: 1.
    pub version: u32,
    /// The labels.
    pub labels: Vec<Label>,
}

impl Label {
    /// A label with nothing said of it yet.
    pub(crate) fn plain(name: &str, step: &str) -> Self {
        Self {
            name: name.to_owned(),
            means: String::new(),
            kind: LabelType::Text,
            nullable: true,
            default: None,
            unit: None,
            owner: None,
            source: None,
            refresh: None,
            sensitivity: Sensitivity::Ordinary,
            purpose: None,
            expires: None,
            in_table: true,
            always: false,
            step: step.to_owned(),
            sql: None,
            steps: Vec::new(),
            tables: Vec::new(),
            state: LabelState::FeaturesOnly,
        }
    }

    /// Whether the label has a column of the table.
    pub fn has_column(&self) -> bool {
        match self.state {
            LabelState::InTable => true,
            LabelState::Off { .. } => self.in_table && !matches!(self.kind, LabelType::Text | LabelType::Time),
            LabelState::FeaturesOnly | LabelState::Absent { .. } | LabelState::Withheld => false,
        }
    }

    /// The name of the type, as feature files write it.
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            LabelType::Bool => "bool",
            LabelType::Unsigned { .. } => "unsigned",
            LabelType::Linear { .. } => "linear",
            LabelType::Log { .. } => "log",
            LabelType::Category(_) => "category",
            LabelType::Labels { .. } => "labels",
            LabelType::TopK { .. } => "top_k",
            LabelType::Vector { .. } => "vector",
            LabelType::Text => "text",
            LabelType::Time => "time",
        }
    }

    /// The columns of features.parquet that hold the label.
    pub fn columns(&self) -> Vec<String> {
        match self.kind {
            LabelType::TopK { .. } => vec![self.name.clone(), self.weights_column()],
            _ => vec![self.name.clone()],
        }
    }

    /// The column with the weights of a top-k label.
    pub fn weights_column(&self) -> String {
        // `top_categories` has had `top_category_weights` from the beginning.
        let singular = match self.name.strip_suffix("ies") {
            Some(stem) => format!("{stem}y"),
            None => self.name.strip_suffix('s').unwrap_or(&self.name).to_owned(),
        };
        format!("{singular}_weights")
    }

    /// Whether the label may not leave the machine.
    pub(crate) fn is_withheld(&self) -> bool {
        self.sensitivity == Sensitivity::Sensitive
            && self.purpose.as_deref().is_none_or(|purpose| purpose.trim().is_empty())
    }

    /// The reason for which the label is off at a time, if it is.
    pub(crate) fn expired(&self, as_of_s: i64) -> Option<String> {
        let expires = self.expires.as_deref()?;
        let at = expires.parse::<AsOf>().ok()?;
        (at.unix_seconds() <= as_of_s).then(|| format!("the label expired on {expires}"))
    }
}

impl Registry {
    /// A label by name.
    pub fn get(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name == name)
    }

    /// Reads `labels.json` of a build.
    ///
    /// Errors: no such file, or not one that this version writes.
    pub fn from_file(path: &std::path::Path) -> Result<Self, LabelError> {
        let refuse = |reason: String| LabelError::Read { file: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
        let registry: Self = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        if registry.version != 1 {
            return Err(refuse(format!("is version {}, but this program reads version 1", registry.version)));
        }
        Ok(registry)
    }

    /// The bytes of `labels.json`.
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, BuildError> {
        let mut json = serde_json::to_vec_pretty(self)
            .map_err(|error| BuildError::Inconsistent { what: format!("the labels are no JSON: {error}") })?;
        json.push(b'\n');
        Ok(json)
    }

    /// Adds the labels of a feature file, changed as the shop says.
    ///
    /// Errors: a name that is taken.
    pub(crate) fn add(&mut self, file: &FeatureFile, changes: &Changes) -> Result<(), LabelError> {
        for declared in &file.labels {
            let columns = declared.columns();
            let is_taken = |label: &&Label| label.columns().iter().any(|column| columns.contains(column));
            if columns.iter().any(|column| column == "customer_id") {
                return Err(LabelError::Line {
                    file: file.path.clone(),
                    line: file.line_of(&declared.name),
                    what: "customer_id names the customers and can be no label; choose another name".into(),
                });
            }
            if let Some(other) = self.labels.iter().find(is_taken) {
                return Err(LabelError::Line {
                    file: file.path.clone(),
                    line: file.line_of(&declared.name),
                    what: format!("label {} is declared in {} already; choose another name", declared.name, other.step),
                });
            }
            let mut label = declared.clone();
            changes.apply(&mut label)?;
            self.labels.push(label);
        }
        Ok(())
    }

    /// Adds the labels and segments that `labels.toml` makes.
    ///
    /// Errors: a name that is taken, a change of a label that does not exist.
    pub(crate) fn add_own(&mut self, changes: &Changes) -> Result<(), LabelError> {
        changes.check_names(self)?;
        self.labels.extend(changes.own.iter().cloned());
        Ok(())
    }

    /// The labels by the dictionary that they use.
    pub(crate) fn dictionaries(&self) -> BTreeMap<&str, Vec<&Label>> {
        let mut by_name: BTreeMap<&str, Vec<&Label>> = BTreeMap::new();
        for label in self.labels.iter().filter(|label| label.has_column()) {
            if let LabelType::Category(names) | LabelType::TopK { names, .. } = &label.kind {
                by_name.entry(names.dictionary.as_str()).or_default().push(label);
            }
        }
        by_name
    }
}
