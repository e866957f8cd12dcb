//! `vitrine config check`: everything that is wrong with a configuration, at once.

use crate::document::{self, Around, shown};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use vitrine_config::{Checked, Diagnostic};

/// Check a configuration (JSON, YAML, CSV or a workbook) and say all that is wrong with it.
///
/// Each finding says where (line and column, or the cell), what is wrong and how to mend it. Warnings do not hinder a
/// publication. Errors end with exit code 3.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config check offers.yaml
  vitrine config check offers.csv                      # a spreadsheet; offers.xlsx works too
  vitrine config check offers.json --table table       # also: does somebody have the profile that a rule asks for?
  vitrine config check offers.yaml --key-file table.key   # saved groups in files of ids
  vitrine config check offers.json --json | jq '.diagnostics[] | .code'")]
pub struct Check {
    /// The configuration; `-` reads JSON from standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Table directory: warn about profile columns that it lacks, values that they cannot have, and rules that none of its
    /// visitors meets.
    #[arg(long, value_name = "DIR")]
    pub table: Option<PathBuf>,
    /// File with the table key, for saved groups in files of ids. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// Checks the file and shows the findings.
///
/// # Errors
/// 3 if there are errors, 1 if a file cannot be read.
pub fn run(args: &Check, ui: &Ui) -> Result<(), Failure> {
    let table = args.table.as_deref().map(crate::table::open).transpose()?;
    let around = Around { table: table.as_ref(), is_counted: true, key_file: args.key_file.as_deref() };
    let checked = document::check(&args.file, around, ui)?;
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

/// What a document without errors holds.
pub fn summary(checked: &Checked) -> Value {
    let bundle = &checked.bundle;
    json!({
        "placements": bundle.placements().len(),
        "offers": bundle.offers().len(),
        "audiences": bundle.audiences().len(),
        "flags": section(checked, "flags"),
        "experiments": section(checked, "experiments"),
        "campaigns": section(checked, "campaigns"),
    })
}

/// How many entries a section of the document has.
fn section(checked: &Checked, name: &str) -> usize {
    checked.document[name].as_array().map_or(0, Vec::len)
}

fn described(checked: &Checked) -> String {
    let bundle = &checked.bundle;
    let many = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let mut parts = vec![
        many(bundle.placements().len(), "placement"),
        many(bundle.offers().len(), "offer"),
        many(bundle.audiences().len(), "audience"),
    ];
    for (name, one) in [("flags", "flag"), ("experiments", "experiment"), ("campaigns", "campaign")] {
        let n = section(checked, name);
        if n > 0 {
            parts.push(many(n, one));
        }
    }
    parts.push(many(checked.warnings.len(), "warning"));
    let mut text = parts.join(", ");
    for layer in &checked.layers {
        text.push_str(&format!("\n  {}", layer_words(layer)));
    }
    text
}

/// Which part of a layer each experiment has, and what is free.
fn layer_words(layer: &vitrine_config::LayerPlan) -> String {
    let percent = |it: f64| format!("{}", (it * 10_000.0).round() / 100.0);
    let range = |(from, to): (f64, f64)| format!("{}-{} %", percent(from), percent(to));
    let mut parts: Vec<String> = layer.taken.iter().map(|(id, it)| format!("{id} {}", range(*it))).collect();
    parts.extend(layer.free.iter().map(|it| format!("free {}", range(*it))));
    format!("layer {}: {}", layer.id, parts.join(", "))
}
