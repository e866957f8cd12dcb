//! `vitrine profiles map`: mappings, proposed and checked.

use crate::failure::{Exit, Exits, Failure};
use crate::files;
use crate::ui::Ui;
use anyhow::Context;
use clap::{ArgGroup, Args};
use serde_json::json;
use std::path::{Path, PathBuf};
use vitrine_intake::{IntakeError, Kind, Mapping, suggest_file};

/// Propose a mapping for a file, or check one: which column of a shop's file means what.
///
/// A proposal rests on the column names (English, German, Chinese) and on what the first rows look like. It is a file to read and
/// mend, not the last word: every match has its reason beside it, and what nothing was found for is marked.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("what").required(true)),
    after_help = "\
Examples:
  vitrine profiles map --suggest orders.csv --out our-shop.toml
  vitrine profiles map --suggest events.jsonl.gz
  vitrine profiles map --check our-shop.toml"
)]
pub struct Map {
    /// File to propose a mapping for: CSV, TSV, JSON lines or Parquet, packed or not.
    #[arg(long, value_name = "FILE", group = "what")]
    pub suggest: Option<PathBuf>,
    /// Mapping to check; all its mistakes are told at once.
    #[arg(long, value_name = "FILE", group = "what")]
    pub check: Option<PathBuf>,
    /// Where to write the proposal. Default: standard output.
    #[arg(long, value_name = "FILE", requires = "suggest")]
    pub out: Option<PathBuf>,
}

/// Proposes or checks.
///
/// # Errors
/// 3 for a mapping with mistakes or a file that cannot be understood, 1 if the proposal cannot be written.
pub fn run(args: &Map, ui: &Ui) -> Result<(), Failure> {
    match (&args.suggest, &args.check) {
        (Some(file), _) => propose(file, args.out.as_deref(), ui),
        (None, Some(file)) => check(file, ui),
        // The group of the arguments asks for one of them.
        (None, None) => Err(Failure::new(Exit::Usage, "give --suggest FILE or --check FILE")),
    }
}

fn propose(file: &Path, out: Option<&Path>, ui: &Ui) -> Result<(), Failure> {
    let proposed = suggest_file(file).map_err(failure)?;
    let matches: Vec<_> = proposed
        .matches
        .iter()
        .map(|it| json!({ "field": it.field, "column": it.column, "confidence": it.confidence, "why": it.why }))
        .collect();
    let value = json!({
        "kind": proposed.kind.name(),
        "mapping": proposed.text,
        "matches": matches,
        "unmatched": proposed.unmatched,
        "out": out,
    });
    let Some(out) = out else { return ui.result(&value, || proposed.text.clone()) };
    if out.exists() {
        let message = format!("{}: already exists", out.display());
        return Err(Failure::new(Exit::Failed, message).help("choose another name, or remove the file"));
    }
    std::fs::write(out, &proposed.text).with_context(|| format!("cannot write {}", out.display()))?;
    ui.result(&value, || {
        format!(
            "{}: {} of {} columns matched; read it, mend what is marked with \"?\", then try it: vitrine profiles map --check {}\n",
            out.display(),
            proposed.matches.len(),
            proposed.matches.len() + proposed.unmatched.len(),
            out.display()
        )
    })
}

fn check(file: &Path, ui: &Ui) -> Result<(), Failure> {
    // For the exit code of a file that is not there.
    files::read(file)?;
    let mapping = Mapping::from_file(file).invalid()?;
    let kinds: Vec<&str> =
        Kind::ALL.iter().filter(|kind| mapping.kind(**kind).is_some()).map(|kind| kind.name()).collect();
    let value = json!({ "name": mapping.name, "kinds": kinds, "currency": mapping.currency });
    ui.result(&value, || format!("{}: no mistakes; it maps {}\n", file.display(), kinds.join(", ")))
}

/// What the user can mend in what was given is invalid input.
fn failure(error: IntakeError) -> Failure {
    Failure::Told { exit: Exit::Invalid, error: error.into(), help: None }
}
