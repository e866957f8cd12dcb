//! A finished directory, read back for questions about its customers: the Parquet files that stay on the machine, beside
//! what `labels.json` says of their columns.

use crate::engine::{Engine, Part, ReadRows, text_literal};
use crate::labels::{Label, LabelType, Registry};
use crate::stages::{self, Stages};
use crate::table::SEGMENTS;
use crate::{BuildError, LabelState};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The files of a directory as tables of an engine.
pub(crate) struct Finished {
    pub(crate) engine: Engine,
    pub(crate) registry: Registry,
    dir: PathBuf,
    _work: TempDir,
}

/// Customers by what a label says of them.
pub(crate) struct Outcome {
    /// The label.
    pub(crate) label: String,
    /// An SQL expression over features.parquet.
    pub(crate) sql: String,
    /// Whether the expression gives names; otherwise numbers.
    pub(crate) is_text: bool,
}

impl Finished {
    /// Opens a directory of a build.
    ///
    /// Errors: no `labels.json`, or not one of this version.
    pub(crate) fn open(dir: &Path, memory_bytes: usize) -> Result<Self, BuildError> {
        let registry = Registry::from_file(&dir.join("labels.json"))?;
        let work = tempfile::Builder::new().prefix("vitrine-stages-").tempdir();
        let work = work.map_err(|source| BuildError::Io { path: std::env::temp_dir(), source })?;
        let engine = Engine::start(Stages::open(work.path())?, memory_bytes)?;
        Ok(Self { engine, registry, dir: dir.to_owned(), _work: work })
    }

    /// Makes the table `name` of `<name>.parquet`.
    pub(crate) fn read(&self, name: &str) -> Result<(), BuildError> {
        let file = self.file(&format!("{name}.parquet"));
        let refuse = |what: String| BuildError::Input { file: file.clone(), what };
        let path = file.canonicalize().map_err(|error| refuse(format!("{error}; give a directory of a build")))?;
        let key = stages::hash_file(&path).map_err(|error| refuse(error.to_string()))?;
        let rows = crate::engine::file_rows(&path)
            .map_err(|reason| refuse(format!("{reason}; is it a Parquet file, and whole?")))?;
        self.engine.adopt(name, vec![Part { path, key, rows }])
    }

    /// A file of the directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Labels with a column in features.parquet that may have values.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &Label> {
        let has_values = |label: &&Label| matches!(label.state, LabelState::InTable | LabelState::FeaturesOnly);
        self.registry.labels.iter().filter(has_values)
    }

    /// What `LABEL` or `LABEL=VALUE` says of a customer. The name of a segment by recency and frequency alone will do too.
    ///
    /// Errors: a label that is not there or cannot be asked so.
    pub(crate) fn outcome(&self, option: &'static str, said: &str) -> Result<Outcome, BuildError> {
        let refuse = |what: String| BuildError::Option { option, what };
        let (name, value) = match said.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None if self.registry.get(said).is_none() && SEGMENTS.contains(&said) => ("segment", Some(said)),
            None => (said, None),
        };
        let Some(label) = self.labels().find(|label| label.name == name) else {
            let what = match self.registry.get(name).map(|label| &label.state) {
                None => format!("no label is called {name:?}; `vitrine profiles schema` lists those of the table"),
                Some(LabelState::Absent { why } | LabelState::Off { why }) => {
                    format!("label {name} has no values: {why}")
                }
                Some(_) => format!("label {name} is withheld: it is sensitive and has no purpose"),
            };
            return Err(refuse(what));
        };
        let column = format!("\"{name}\"");
        let is_value = |sql: String| Outcome { label: name.to_owned(), sql, is_text: false };
        match (&label.kind, value) {
            (LabelType::Bool, None) => Ok(is_value(format!("CAST(CAST({column} AS INT) AS DOUBLE)"))),
            (LabelType::Category(_), None) => {
                Ok(Outcome { label: name.to_owned(), sql: format!("CAST({column} AS VARCHAR)"), is_text: true })
            }
            (LabelType::Category(_), Some(value)) => Ok(is_value(format!(
                "CASE WHEN {column} = {} THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END",
                text_literal(value)
            ))),
            (LabelType::Labels { values }, Some(value)) if values.iter().any(|known| known == value) => {
                Ok(is_value(format!(
                    "CASE WHEN array_has({column}, {}) THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END",
                    text_literal(value)
                )))
            }
            (LabelType::Unsigned { .. } | LabelType::Linear { .. } | LabelType::Log { .. }, None) => {
                Ok(is_value(format!("CAST({column} AS DOUBLE)")))
            }
            (LabelType::Labels { values }, _) => {
                Err(refuse(format!("label {name} is a set; write {name}=VALUE with one of {}", values.join(", "))))
            }
            (_, Some(_)) => Err(refuse(format!("label {name} is of type {}; leave out the value", label.type_name()))),
            (_, None) => Err(refuse(format!(
                "label {name} is of type {}, which tells no groups apart; choose a flag, a category, a set or a number",
                label.type_name()
            ))),
        }
    }

    /// Rows of a query whose first `n_texts` columns are texts and the others numbers.
    pub(crate) fn rows(&self, what: &str, sql: &str, n_texts: usize) -> Result<ReadRows, BuildError> {
        self.engine.read_rows(what, sql, n_texts)
    }
}
