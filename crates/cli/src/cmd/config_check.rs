//! `vitrine config check`: everything that is wrong with a configuration, at once.

use crate::failure::{Exit, Exits, Failure};
use crate::files;
use crate::ui::Ui;
use anstyle::{AnsiColor, Style};
use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use vitrine_config::{Checked, Diagnostic, Format, Severity};
use vitrine_tables::TableDir;

/// Check a configuration (JSON or YAML) and say all that is wrong with it.
///
/// Each finding says where (line, column and JSON pointer), what is wrong and how to mend it. Warnings do not hinder a
/// publication. Errors end with exit code 3.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config check offers.yaml
  vitrine config check offers.json --table table       # also: are all profile columns there?
  vitrine config check offers.json --json | jq '.diagnostics[] | .code'")]
pub struct Check {
    /// The configuration; `-` reads JSON from standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Table directory: warn about profile columns that it lacks.
    #[arg(long, value_name = "DIR")]
    pub table: Option<PathBuf>,
}

/// Checks the file and shows the findings.
///
/// # Errors
/// 3 if there are errors, 1 if a file cannot be read.
pub fn run(args: &Check, ui: &Ui) -> Result<(), Failure> {
    let table = args.table.as_deref().map(crate::table::open).transpose()?;
    let checked = check(&args.file, table.as_ref())?;
    let (diagnostics, summary) = match &checked {
        Ok(checked) => (checked.warnings.as_slice(), summary(checked)),
        Err(diagnostics) => (diagnostics.as_slice(), Value::Null),
    };
    let value = json!({
        "valid": checked.is_ok(),
        "summary": summary,
        "diagnostics": diagnostics.iter().map(Diagnostic::to_json).collect::<Vec<_>>(),
    });
    ui.result(&value, || {
        let mut text: String = diagnostics.iter().map(|it| shown(&args.file, it)).collect();
        if let Ok(checked) = &checked {
            text.push_str(&format!("{}: ok, {}", args.file.display(), described(checked)));
        }
        text
    })?;
    match checked {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::Shown(Exit::Invalid)),
    }
}

/// Reads and checks a configuration.
///
/// # Errors
/// 1 if the file cannot be read, 3 if it is not text. Findings are no failure but the inner result.
pub fn check(file: &Path, table: Option<&TableDir>) -> Result<Result<Checked, Vec<Diagnostic>>, Failure> {
    let bytes = files::read_or_stdin(file)?;
    let source = String::from_utf8(bytes)
        .map_err(|error| anyhow!("{}: not UTF-8 from byte {} on", file.display(), error.utf8_error().valid_up_to()))
        .invalid()
        .map_err(|failure| failure.help("save the file with the encoding UTF-8"))?;
    let columns: Option<Vec<&str>> =
        table.map(|table| table.manifest().schema.columns().iter().map(|column| column.name.as_str()).collect());
    Ok(vitrine_config::check_with_columns(&source, format(file), columns.as_deref()))
}

/// Reads a configuration that must be without errors; shows what else there is to say.
///
/// # Errors
/// As [`check`], and 3 after the errors have been shown on standard error.
pub fn checked(file: &Path, table: Option<&TableDir>, ui: &Ui) -> Result<Checked, Failure> {
    match check(file, table)? {
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

/// YAML by its file name, else JSON.
fn format(file: &Path) -> Format {
    match file.extension().and_then(|it| it.to_str()) {
        Some("yaml" | "yml") => Format::Yaml,
        _ => Format::Json,
    }
}

/// One finding for people: `offers.json:12:5: error: …`.
fn shown(file: &Path, diagnostic: &Diagnostic) -> String {
    let style: Style = match diagnostic.severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
    };
    let severity = diagnostic.severity.as_str();
    let place = match (diagnostic.line, diagnostic.column) {
        (Some(line), Some(column)) => format!(":{line}:{column}"),
        (Some(line), None) => format!(":{line}"),
        (None, _) => String::new(),
    };
    let pointer = if diagnostic.pointer.is_empty() { String::new() } else { format!("{}: ", diagnostic.pointer) };
    let file = file.display();
    let Diagnostic { code, message, help, .. } = diagnostic;
    format!("{file}{place}: {style}{severity}[{code}]{style:#}: {pointer}{message}\n  help: {help}\n")
}

/// What a document without errors holds.
pub fn summary(checked: &Checked) -> Value {
    let bundle = &checked.bundle;
    json!({
        "placements": bundle.placements().len(),
        "offers": bundle.offers().len(),
        "audiences": bundle.audiences().len(),
    })
}

fn described(checked: &Checked) -> String {
    let bundle = &checked.bundle;
    let many = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    format!(
        "{}, {}, {}, {}",
        many(bundle.placements().len(), "placement"),
        many(bundle.offers().len(), "offer"),
        many(bundle.audiences().len(), "audience"),
        many(checked.warnings.len(), "warning"),
    )
}
