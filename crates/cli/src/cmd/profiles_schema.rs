//! `vitrine profiles schema`: what rules can use.

use crate::cmd::profiles_explain::failure;
use crate::failure::Failure;
use crate::ui::Ui;
use clap::Args;
use std::path::PathBuf;
use vitrine_profiles::{SchemaColumn, schema};

/// List what audiences and rules can say of a visitor: attribute, type, values or range, meaning.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine profiles schema table
  vitrine profiles schema table --json | jq -r '.[].attribute'")]
pub struct Schema {
    /// Directory of a build.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

/// Values of one attribute that are shown to people; --json has all.
const VALUES_SHOWN: usize = 12;

/// Reads the columns and shows them.
///
/// # Errors
/// 1 if a file cannot be read or is not sound.
pub fn run(args: &Schema, ui: &Ui) -> Result<(), Failure> {
    let columns = schema(&args.dir).map_err(failure)?;
    ui.result(&columns, || columns.iter().map(in_words).collect())
}

fn in_words(column: &SchemaColumn) -> String {
    let mut text = format!("{}  {}", column.attribute, column.kind);
    if let Some((least, most)) = &column.range {
        text.push_str(&format!(", {least} to {most}"));
    }
    if let Some(unit) = &column.unit {
        text.push_str(&format!(" {unit}"));
    }
    if column.nullable {
        text.push_str(", may be missing");
    }
    text.push_str(&format!("\n    {}\n", column.means));
    if !column.values.is_empty() {
        let shown: Vec<&str> = column.values.iter().take(VALUES_SHOWN).map(String::as_str).collect();
        let more = match column.values.len().saturating_sub(VALUES_SHOWN) {
            0 => String::new(),
            n => format!(", and {n} more"),
        };
        text.push_str(&format!("    {}{more}\n", shown.join(", ")));
    }
    text
}
