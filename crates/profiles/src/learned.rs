//! Models that run inside of a build, on the small tables with a row a customer that SQL ends in: what a customer will
//! bring, groups of alike customers, and who stays away.
//!
//! Each model is judged before anybody sees it. What is not good enough, or has too little to learn from, gives no label:
//! `labels.json` and the report say why. Results are kept like those of a step, so an unchanged shop is not learned again.

mod churn;
mod groups;
mod propensity;
mod value;
mod vectors;

use crate::engine::Engine;
use crate::labels::{FeatureFile, LabelError, LabelType, Registry};
use crate::{BuildError, LabelState, Sensitivity};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use vitrine_learn::classify::{Export, Models};

/// Part of every key of what is kept: changes with the way of computing.
const WAY: &str = "learned 3";

/// The files that declare the labels of the models.
const FILES: [(&str, &str); 5] = [
    ("customer_value", include_str!("../sql/learned/customer_value.sql")),
    ("customer_groups", include_str!("../sql/learned/customer_groups.sql")),
    ("customer_churn", include_str!("../sql/learned/customer_churn.sql")),
    ("customer_propensity", include_str!("../sql/learned/customer_propensity.sql")),
    ("customer_vectors", include_str!("../sql/learned/customer_vectors.sql")),
];

/// Which models a build makes. Default: all, with the number of groups and the horizon of churn by the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelOptions {
    /// Whether customer value is estimated: `clv_minor`, `expected_orders_90d`, `p_alive`, `value_tier`. Default: yes.
    pub value: bool,
    /// How many groups of alike customers there are: `cluster`. Default: as many as come back when customers are drawn again.
    pub clusters: Clusters,
    /// Whether the chance that a customer stays away is learned: `churn_risk`. Default: yes.
    pub churn: bool,
    /// Whoever does not order within this time has stayed away. Unit: days. Range: 7 to 365. Default: 90, or a quarter of the
    /// history where that is shorter.
    pub churn_days: Option<u32>,
    /// Whether each customer gets the direction of the taste: `taste_vector`, 32 bytes a row. Default: no.
    pub vectors: bool,
    /// Of how many of the most bought categories the chance is learned that a customer orders from them: `likely_categories`.
    /// Range: 0 to 20. Default: 0, none.
    pub categories: u8,
}

/// How many groups of alike customers are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clusters {
    /// The number, from 2 to 8, whose groups are firm and lie apart best; none if there is no such number.
    Auto,
    /// No groups.
    Off,
    /// This many. Range: 2 to 32.
    Exactly(u8),
}

impl Default for ModelOptions {
    fn default() -> Self {
        Self { value: true, clusters: Clusters::Auto, churn: true, churn_days: None, vectors: false, categories: 0 }
    }
}

impl ModelOptions {
    /// No model at all.
    pub fn none() -> Self {
        Self { value: false, clusters: Clusters::Off, churn: false, churn_days: None, vectors: false, categories: 0 }
    }

    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let refuse = |option, what: &str| Err(BuildError::Option { option, what: what.to_owned() });
        if let Clusters::Exactly(k) = self.clusters
            && !(2..=32).contains(&k)
        {
            return refuse("models.clusters", "must be 2 to 32, or automatic, or off");
        }
        if self.churn_days.is_some_and(|days| !(7..=365).contains(&days)) {
            return refuse("models.churn_days", "must be 7 to 365");
        }
        if self.categories > 20 {
            return refuse("models.categories", "must be 0 to 20");
        }
        Ok(())
    }
}

/// What became of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelState {
    /// Good enough: its labels are made.
    Published,
    /// Made, and not good enough to be shown.
    Refused,
    /// Not made: there is too little to learn from.
    Skipped,
    /// Not asked for.
    #[default]
    Off,
}

/// What a report says of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelSection {
    /// What became of it.
    pub state: ModelState,
    /// Why, in words.
    pub why: String,
    /// The labels that it made.
    pub labels: Vec<String>,
    /// Everything that was found, in the form that `docs/guides/models.md` describes; `null` where nothing was.
    pub found: serde_json::Value,
}

/// The models of a build: sections of the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ModelReport {
    /// Customer value.
    pub value: ModelSection,
    /// Groups of alike customers.
    pub groups: ModelSection,
    /// Cards of the groups and of the segments.
    pub personas: serde_json::Value,
    /// Who stays away.
    pub churn: ModelSection,
    /// Chances of categories.
    pub propensity: ModelSection,
    /// Directions of customers.
    pub vectors: ModelSection,
}

/// What the models are made from, beside tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    pub(crate) options: &'a ModelOptions,
    pub(crate) as_of_s: i64,
    pub(crate) seed: u64,
    pub(crate) minor_digits: u8,
}

/// What is kept beside the rows of a model.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) section: ModelSection,
    /// Why a label is not made although others of the model are.
    pub(crate) not_made: BTreeMap<String, String>,
    /// What a label means, where that depends on what was found.
    pub(crate) means: BTreeMap<String, String>,
    /// The values of a category, where they depend on what was found.
    pub(crate) values: BTreeMap<String, Vec<String>>,
    /// Models for models.json.
    pub(crate) exports: Vec<String>,
    pub(crate) personas: serde_json::Value,
    pub(crate) warnings: Vec<String>,
}

impl Note {
    /// A model of which nothing came.
    fn without(state: ModelState, why: impl Into<String>) -> Self {
        let section = ModelSection { state, why: why.into(), ..ModelSection::default() };
        Self { section, ..Self::default() }
    }

    fn to_json(&self) -> Result<String, BuildError> {
        serde_json::to_string(self)
            .map_err(|error| BuildError::Inconsistent { what: format!("a model's findings are no JSON: {error}") })
    }
}

/// A finished model: the file that declares its labels, the table of its rows, the tables that it read, and its note.
pub(crate) struct Made {
    pub(crate) file: FeatureFile,
    pub(crate) rows_table: &'static str,
    pub(crate) reads: Vec<String>,
    pub(crate) note: Note,
}

/// What the models say beside their labels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Learned {
    pub(crate) report: ModelReport,
    /// For models.json.
    pub(crate) models: Models,
}

/// The files that declare the labels of the models.
pub(crate) fn files() -> Result<Vec<FeatureFile>, LabelError> {
    FILES
        .iter()
        .map(|(name, sql)| FeatureFile::parse(&PathBuf::from(format!("sql/learned/{name}.sql")), sql, false))
        .collect()
}

/// Whether a table of that name is the models'.
pub(crate) fn is_table(name: &str) -> bool {
    FILES.iter().any(|(file, _)| *file == name) || name.starts_with("learned_")
}

/// Makes the models. `filled`: the source tables that have rows.
pub(crate) fn run(
    engine: &Engine,
    job: &Job<'_>,
    registry: &Registry,
    filled: &BTreeSet<String>,
) -> Result<Vec<Made>, BuildError> {
    let mut made = Vec::new();
    for file in files()? {
        made.push(match file.name.as_str() {
            "customer_value" => value::made(engine, job, file)?,
            "customer_groups" => groups::made(engine, job, registry, file)?,
            "customer_propensity" => propensity::made(engine, job, file)?,
            "customer_vectors" => vectors::made(engine, job, file)?,
            _ => churn::made(engine, job, filled, file)?,
        });
    }
    Ok(made)
}

impl Made {
    /// The labels that the model makes, as a feature file over its rows, and those that it does not make, each with the
    /// reason. A name that the shop has taken is left to it.
    pub(crate) fn split(&self, registry: &Registry) -> (Option<FeatureFile>, FeatureFile, Vec<String>) {
        let is_made = |name: &str| self.note.section.labels.iter().any(|label| label == name);
        let mut there = self.file.clone();
        let mut taken = Vec::new();
        there.labels.retain(|label| {
            let other = registry.get(&label.name);
            if let Some(other) = other {
                taken.push(format!(
                    "label {} of the models is left out: {} makes one of that name",
                    label.name, other.step
                ));
            }
            other.is_none()
        });
        for label in &mut there.labels {
            if let Some(means) = self.note.means.get(&label.name) {
                label.means.clone_from(means);
            }
            if let (LabelType::Category(names), Some(values)) = (&mut label.kind, self.note.values.get(&label.name)) {
                names.values.clone_from(values);
            }
        }
        let mut missing = there.clone();
        there.labels.retain(|label| is_made(&label.name));
        missing.labels.retain(|label| !is_made(&label.name));
        // In quotes: `cluster` is a word of SQL.
        let columns = there.labels.iter().flat_map(|label| label.columns());
        let columns: Vec<String> = columns.map(|column| format!("\"{column}\"")).collect();
        there.sql = format!("SELECT customer_id, {} FROM {}", columns.join(", "), self.rows_table);
        (Some(there).filter(|there| !there.labels.is_empty()), missing, taken)
    }

    /// Why a label is not made.
    pub(crate) fn why_not(&self, label: &str) -> LabelState {
        let why = self.note.not_made.get(label).unwrap_or(&self.note.section.why);
        LabelState::Absent { why: why.clone() }
    }
}

impl Learned {
    /// Adds what a model found.
    pub(crate) fn add(&mut self, made: &Made) -> Result<(), BuildError> {
        let note = &made.note;
        match made.file.name.as_str() {
            "customer_value" => self.report.value = note.section.clone(),
            "customer_groups" => {
                self.report.groups = note.section.clone();
                self.report.personas = note.personas.clone();
            }
            "customer_propensity" => self.report.propensity = note.section.clone(),
            "customer_vectors" => self.report.vectors = note.section.clone(),
            _ => self.report.churn = note.section.clone(),
        }
        let wrong = |error: &dyn std::fmt::Display| BuildError::Inconsistent { what: format!("models.json: {error}") };
        let mut exports = self.models.models().to_vec();
        for export in &note.exports {
            exports.push(Export::from_json(export.as_bytes()).map_err(|error| wrong(&error))?);
        }
        self.models = Models::new(exports).map_err(|error| wrong(&error))?;
        Ok(())
    }
}

/// Labels that may be told of groups: those that are there and say little of a person.
fn is_ordinary(registry: &Registry, label: &str) -> bool {
    registry.get(label).is_some_and(|label| {
        label.sensitivity == Sensitivity::Ordinary
            && !matches!(label.state, LabelState::Withheld | LabelState::Off { .. } | LabelState::Absent { .. })
    })
}

/// A number for a file: rounded to 15 figures, so that every reader gives back the same. `None` if it is no number.
fn stored(value: f64) -> Option<f64> {
    value.is_finite().then(|| format!("{value:.14e}").parse().unwrap_or(value))
}

/// Findings as JSON.
fn json(found: &impl Serialize) -> Result<serde_json::Value, BuildError> {
    serde_json::to_value(found)
        .map_err(|error| BuildError::Inconsistent { what: format!("a model's findings are no JSON: {error}") })
}

fn read_note(note: &str) -> Result<Note, BuildError> {
    serde_json::from_str(note)
        .map_err(|error| BuildError::Inconsistent { what: format!("what a model left cannot be read: {error}") })
}
