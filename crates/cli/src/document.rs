//! Configurations as files: JSON, YAML, CSV or a workbook, told apart by their names; and the ids of saved groups, which are
//! hashed here, so that none leaves this machine.

use crate::failure::{Exit, Exits, Failure};
use crate::files;
use crate::headcount;
use crate::ui::Ui;
use crate::yaml;
use anstyle::{AnsiColor, Style};
use anyhow::{Context, anyhow};
use serde_json::Value;
use std::path::Path;
use vitrine_config::sheet::{CsvOptions, Sheet, read_workbook, to_csv};
use vitrine_config::{Checked, Column, Counts, Diagnostic, Format, GroupFile, GroupFiles, Options, Severity};
use vitrine_tables::{TableDir, TableKey};

/// How a configuration is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Face {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// CSV, for spreadsheet programs: UTF-8 with the byte-order mark that Excel needs.
    Csv,
    /// A workbook of Excel; can be read, not written.
    #[value(skip)]
    Workbook,
}

impl Face {
    /// The face that a file's name says; JSON for every other name.
    pub fn of(file: &Path) -> Self {
        let extension = file.extension().and_then(|it| it.to_str()).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("yaml" | "yml") => Self::Yaml,
            Some("csv" | "tsv") => Self::Csv,
            Some("xlsx" | "xlsm") => Self::Workbook,
            _ => Self::Json,
        }
    }

    /// A document in this face.
    ///
    /// # Errors
    /// 2 for a workbook, which is only read; 3 for a document that no sheet can say.
    pub fn write(self, document: &Value) -> Result<String, Failure> {
        match self {
            Self::Json => Ok(format!("{document:#}\n")),
            Self::Yaml => Ok(yaml::write(document)),
            Self::Csv => to_csv(document, CsvOptions::default())
                .ok_or_else(|| Failure::new(Exit::Invalid, "the configuration is no object with a version")),
            Self::Workbook => Err(Failure::new(Exit::Usage, "a workbook can be read, not written")
                .help("write CSV: Excel and WPS open it")),
        }
    }
}

/// What a check takes besides the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around<'a> {
    /// A profile table: rules are compared with what its columns can hold.
    pub table: Option<&'a TableDir>,
    /// Whether every row of the table is read too, to say which rules match nobody.
    pub is_counted: bool,
    /// File with the table key, for saved groups in files of ids.
    pub key_file: Option<&'a Path>,
}

/// A configuration as it was read, and the ids that its saved groups name.
enum Read {
    Sheets(Vec<Sheet>, GroupFiles),
    Csv(Vec<u8>, GroupFiles),
    Text(String, Format, GroupFiles),
}

impl Read {
    fn check(&self, columns: Option<&[Column<'_>]>, counts: Option<&Counts>) -> Result<Checked, Vec<Diagnostic>> {
        let names: Option<Vec<&str>> = columns.map(|columns| columns.iter().map(|it| it.name).collect());
        let options = |groups| Options { columns: names.as_deref(), table: columns, group_files: Some(groups), counts };
        match self {
            Self::Sheets(sheets, groups) => vitrine_config::check_sheets(sheets, options(groups)),
            Self::Csv(bytes, groups) => vitrine_config::check_bytes(bytes, Format::Csv, options(groups)),
            Self::Text(source, format, groups) => vitrine_config::check_with(source, *format, options(groups)),
        }
    }
}

/// Reads and checks a configuration.
///
/// # Errors
/// 1 if a file cannot be read, 3 if it is not text, 2 if there is no key for its saved groups. Findings are no failure but
/// the inner result.
pub fn check(file: &Path, around: Around<'_>, ui: &Ui) -> Result<Result<Checked, Vec<Diagnostic>>, Failure> {
    let read = match read(file, around.key_file)? {
        Ok(read) => read,
        Err(diagnostics) => return Ok(Err(diagnostics)),
    };
    let columns = around.table.map(|it| vitrine_config::columns(&it.manifest().schema));
    let found = read.check(columns.as_deref(), None);
    match (around.table, &found) {
        // Only the rules of a sound document can be counted; what comes of it has its place in the document, too.
        (Some(table), Ok(checked)) if around.is_counted => {
            let counts = headcount::counts(table, checked, ui)?;
            Ok(read.check(columns.as_deref(), Some(&counts)))
        }
        _ => Ok(found),
    }
}

fn read(file: &Path, key_file: Option<&Path>) -> Result<Result<Read, Vec<Diagnostic>>, Failure> {
    let face = Face::of(file);
    let bytes = files::read_or_stdin(file)?;
    let with_groups = |groups: Result<Vec<GroupFile>, Vec<Diagnostic>>| -> Result<GroupFiles, Failure> {
        // What is broken is told by the check.
        group_files(file, &groups.unwrap_or_default(), key_file)
    };
    if face == Face::Workbook {
        let sheets = match read_workbook(&bytes) {
            Ok(sheets) => sheets,
            Err(diagnostics) => return Ok(Err(diagnostics)),
        };
        let groups = with_groups(vitrine_config::group_files_of_sheets(&sheets))?;
        return Ok(Ok(Read::Sheets(sheets, groups)));
    }
    if face == Face::Csv {
        let groups = with_groups(vitrine_config::sheet::read_csv(&bytes).map(|(document, _)| named_files(&document)))?;
        return Ok(Ok(Read::Csv(bytes, groups)));
    }
    let source = String::from_utf8(bytes)
        .map_err(|error| anyhow!("{}: not UTF-8 from byte {} on", file.display(), error.utf8_error().valid_up_to()))
        .invalid()
        .map_err(|failure| failure.help("save the file with the encoding UTF-8"))?;
    let format = if face == Face::Yaml { Format::Yaml } else { Format::Json };
    let groups = with_groups(vitrine_config::group_files(&source, format))?;
    Ok(Ok(Read::Text(source, format, groups)))
}

/// Reads a configuration that must be without errors; shows what else there is to say.
///
/// # Errors
/// As [`check`], and 3 after the errors have been shown on standard error.
pub fn checked(file: &Path, around: Around<'_>, ui: &Ui) -> Result<Checked, Failure> {
    match check(file, around, ui)? {
        Ok(checked) => {
            for warning in &checked.warnings {
                ui.note(shown(file, warning).trim_end());
            }
            Ok(checked)
        }
        Err(diagnostics) => {
            let n_errors = diagnostics.iter().filter(|it| it.severity == Severity::Error).count();
            let errors = if n_errors == 1 { "error" } else { "errors" };
            let list: String = diagnostics.iter().map(|it| format!("\n{}", shown(file, it).trim_end())).collect();
            let message = format!("{} has {n_errors} {errors}{list}", file.display());
            Err(Failure::new(Exit::Invalid, message))
        }
    }
}

/// One finding for people: `offers.json:12:5: error: …`, `offers.csv:E5: error: …`.
pub fn shown(file: &Path, diagnostic: &Diagnostic) -> String {
    let style: Style = match diagnostic.severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
    };
    let severity = diagnostic.severity.as_str();
    let place = match (&diagnostic.cell, diagnostic.line, diagnostic.column) {
        (Some(cell), ..) => format!(": {cell}"),
        (None, Some(line), Some(column)) => format!(":{line}:{column}"),
        (None, Some(line), None) => format!(":{line}"),
        (None, None, _) => String::new(),
    };
    // A cell says enough to people.
    let names_pointer = !diagnostic.pointer.is_empty() && diagnostic.cell.is_none();
    let pointer = if names_pointer { format!("{}: ", diagnostic.pointer) } else { String::new() };
    let file = file.display();
    let Diagnostic { code, message, help, .. } = diagnostic;
    format!("{file}{place}: {style}{severity}[{code}]{style:#}: {pointer}{message}\n  help: {help}\n")
}

/// The files that the saved groups of a document name.
fn named_files(document: &Value) -> Vec<GroupFile> {
    let groups = document["saved_groups"].as_array().into_iter().flatten();
    let text = |it: &Value, key: &str| it[key].as_str().map(str::to_owned);
    groups.filter_map(|it| Some(GroupFile { id: text(it, "id")?, file: text(it, "file")? })).collect()
}

/// Reads the files of ids beside a document, and hashes the ids.
fn group_files(document: &Path, groups: &[GroupFile], key_file: Option<&Path>) -> Result<GroupFiles, Failure> {
    if groups.is_empty() {
        return Ok(GroupFiles::new());
    }
    let key = files::table_key(key_file)?;
    let dir = document.parent().unwrap_or(Path::new(""));
    groups.iter().map(|group| Ok((group.id.clone(), hashed_ids(&dir.join(&group.file), &key)?))).collect()
}

/// The hashes of the ids in a file: one a line, or the first cell of each row of a CSV file with one or several columns.
fn hashed_ids(file: &Path, key: &TableKey) -> Result<Vec<u64>, Failure> {
    let bytes = files::read(file)?;
    let text = String::from_utf8(bytes)
        .with_context(|| format!("{} is not UTF-8", file.display()))
        .invalid()
        .map_err(|failure| failure.help("save the file with the encoding UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}');
    let ids = text.lines().map(first_cell).filter(|it| !it.is_empty());
    Ok(ids.map(|it| key.hash(&it).0).collect())
}

/// The first cell of a row. Ids hold no commas; quotes are those of CSV.
fn first_cell(line: &str) -> String {
    let line = line.trim();
    match line.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
        None => line.split([',', ';', '\t']).next().unwrap_or_default().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_by_name() {
        for (name, face) in [
            ("a.json", Face::Json),
            ("a.yaml", Face::Yaml),
            ("a.YML", Face::Yaml),
            ("a.csv", Face::Csv),
            ("a.xlsx", Face::Workbook),
            ("-", Face::Json),
            ("csv", Face::Json),
        ] {
            assert_eq!(Face::of(Path::new(name)), face, "{name}");
        }
    }

    #[test]
    fn ids_are_the_first_cells() {
        for (line, id) in [
            ("17850", "17850"),
            (" 17850 ", "17850"),
            ("17850,Ann", "17850"),
            ("17850;Ann", "17850"),
            ("\"17850\",\"Ann\"", "17850"),
            ("", ""),
            ("张三\t1", "张三"),
        ] {
            assert_eq!(first_cell(line), id, "{line:?}");
        }
    }
}
