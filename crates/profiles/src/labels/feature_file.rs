//! A feature file: SQL that gives one row a customer, with the labels that it makes declared in its head.

use super::wire::{self, HeadWire};
use super::{Label, LabelError};
use std::path::{Path, PathBuf};

/// A feature file.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureFile {
    /// Name of the table that it makes: the file's name without `.sql`.
    pub name: String,
    /// The file; for those that are built in, their place in the source code.
    pub path: PathBuf,
    /// Whether the shop brought it.
    pub is_own: bool,
    /// Its text.
    pub sql: String,
    /// The labels that it declares, in order.
    pub labels: Vec<Label>,
    /// Source tables without which it has nothing to say. `None`: those that it reads itself.
    pub requires: Option<Vec<String>>,
}

impl FeatureFile {
    /// Reads the text of a feature file.
    ///
    /// Errors: a name that is no table name, a head that is no TOML or has unknown keys, labels that make no sense.
    pub fn parse(path: &Path, sql: &str, is_own: bool) -> Result<Self, LabelError> {
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let refuse = |line: usize, what: String| LabelError::Line { file: path.to_owned(), line, what };
        if !wire::is_name(&name) {
            return Err(refuse(
                1,
                format!(
                    "the file name {name:?} is no table name; use a lower-case letter, then lower-case letters, digits and _"
                ),
            ));
        }
        // Lines keep their numbers, so that messages of the parser point at the file.
        let head: Vec<&str> = sql.lines().map(|line| line.trim_start().strip_prefix("--#").unwrap_or("")).collect();
        let head = head.join("\n");
        let HeadWire { requires, always, labels } = wire::parse(path, &head)?;
        let mut declared = Vec::new();
        for (label, wire) in labels.in_order(&head) {
            let line = wire::line_of(&head, "labels", &label, None);
            let mut made = wire.into_label(&label, &name).map_err(|(key, what)| {
                refuse(
                    wire::line_of(&head, "labels", &label, Some(key)).max(line),
                    format!("labels.{label}.{key}: {what}"),
                )
            })?;
            made.always |= always;
            declared.push(made);
        }
        if declared.is_empty() && is_own {
            return Err(refuse(1, "declares no label; add lines such as: --# [labels.my_label]".into()));
        }
        Ok(Self { name, path: path.to_owned(), is_own, sql: sql.to_owned(), labels: declared, requires })
    }

    /// The feature files of a folder, by name.
    ///
    /// Errors: the folder cannot be read, a file is refused by [`FeatureFile::parse`].
    pub fn read_folder(dir: &Path) -> Result<Vec<Self>, LabelError> {
        let failed = |error: std::io::Error| LabelError::Read { file: dir.to_owned(), reason: error.to_string() };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                paths.push(path);
            }
        }
        paths.sort();
        paths
            .iter()
            .map(|path| {
                let sql = std::fs::read_to_string(path)
                    .map_err(|error| LabelError::Read { file: path.clone(), reason: error.to_string() })?;
                Self::parse(path, &sql, true)
            })
            .collect()
    }

    /// The line on which a label is declared; 1 if it is not.
    pub(crate) fn line_of(&self, label: &str) -> usize {
        let head: Vec<&str> =
            self.sql.lines().map(|line| line.trim_start().strip_prefix("--#").unwrap_or("")).collect();
        wire::line_of(&head.join("\n"), "labels", label, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{LabelType, Sensitivity};

    fn parsed(sql: &str) -> Result<FeatureFile, LabelError> {
        FeatureFile::parse(Path::new("features/colours.sql"), sql, true)
    }

    #[test]
    fn labels_are_read_from_the_head() {
        let file = parsed(
            "-- colours: what a customer wears.\n--# requires = [\"events\"]\n--# [labels.reds]\n--# means = \"red things\"\n\
             --# type = \"unsigned\"\n--# bits = 4\n--# default = 0\n--# [labels.blue_share]\n--# means = \"share of blue\"\n\
             --# type = \"linear\"\n--# bits = 4\n--# max = 1.5\n--# sensitivity = \"personal\"\nSELECT 1\n",
        )
        .unwrap();
        assert_eq!(file.name, "colours");
        assert_eq!(file.requires.as_deref(), Some(&["events".to_owned()][..]));
        // In the order of the file, not of the names.
        let names: Vec<&str> = file.labels.iter().map(|label| label.name.as_str()).collect();
        assert_eq!(names, ["reds", "blue_share"]);
        assert_eq!(file.labels[0].kind, LabelType::Unsigned { bits: 4 });
        assert_eq!(file.labels[0].default.as_deref(), Some("0"));
        assert_eq!(file.labels[1].kind, LabelType::Linear { bits: 4, zero: 0.0, step: 0.1 });
        assert_eq!(file.labels[1].sensitivity, Sensitivity::Personal);
        assert_eq!(file.line_of("blue_share"), 8);
    }

    #[test]
    fn wrong_heads_are_refused_with_their_line() {
        let head =
            "-- a\n--# [labels.reds]\n--# means = \"red things\"\n--# type = \"unsigned\"\n--# bits = 4\nSELECT 1\n";
        let cases = [
            ("bits = 4", "bits = 40", "features/colours.sql:5: labels.reds.bits: is 40, but must be 1 to 32"),
            ("bits = 4", "bit = 4", "unknown field `bit`"),
            ("--# bits = 4\n", "", "features/colours.sql:2: labels.reds.bits: is missing"),
            (
                "\"unsigned\"",
                "\"number\"",
                "features/colours.sql:4: labels.reds.type: \"number\" is unknown; types are bool,",
            ),
            ("labels.reds", "labels.Reds", "is no column name"),
            ("\"red things\"", "\"\"", "features/colours.sql:3: labels.reds.means: is empty"),
            ("\"unsigned\"", "\"log\"", "labels.reds.zero: is missing"),
            ("\"unsigned\"", "\"labels\"", "labels.reds.values: is missing"),
            ("\"unsigned\"", "\"top_k\"", "labels.reds.k: is missing"),
            ("\"unsigned\"", "\"vector\"", "labels.reds.dims: is missing"),
            ("bits = 4", "bits = 4\n--# expires = \"soon\"", "labels.reds.expires"),
            ("bits = 4", "bits = 4\n--# sensitivity = \"secret\"", "features/colours.sql:6"),
            ("bits = 4", "bits = \"4\"", "features/colours.sql:5"),
            (
                "--# [labels.reds]\n--# means = \"red things\"\n--# type = \"unsigned\"\n--# bits = 4\n",
                "",
                "declares no label",
            ),
        ];
        for (from, to, message) in cases {
            let error = parsed(&head.replacen(from, to, 1)).expect_err(to).to_string();
            assert!(error.contains(message), "{message:?} is not in: {error}");
        }
        assert!(parsed(head).is_ok());
        let error = FeatureFile::parse(Path::new("My Features.sql"), head, true).unwrap_err().to_string();
        assert!(error.contains("is no table name"), "{error}");
    }
}
