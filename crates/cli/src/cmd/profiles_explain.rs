//! `vitrine profiles explain`: one visitor's row in words.

use crate::failure::{Exit, Failure};
use crate::files;
use crate::ui::Ui;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use vitrine_profiles::{ReadError, explain};

/// Say what a table knows of a visitor, label by label, with what each label means.
///
/// Values are those of the table, so as exact as its columns are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine profiles explain table --visitor 17850 --key-file table.key
  vitrine profiles explain table --visitor 17850 --json | jq '.labels[] | select(.value != null)'")]
pub struct Explain {
    /// Directory of a build.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Who, by the id that the shop uses.
    #[arg(long, value_name = "ID")]
    pub visitor: String,
    /// File with the table key. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// Reads the row and shows it.
///
/// # Errors
/// 3 for a wrong key or a visitor without a row, 1 if a file cannot be read or is not sound.
pub fn run(args: &Explain, ui: &Ui) -> Result<(), Failure> {
    let key = files::table_key(args.key_file.as_deref())?;
    let Some(labels) = explain(&args.dir, &key, &args.visitor).map_err(failure)? else {
        let message = format!("{} has no row for this visitor", args.dir.display());
        let help = "check the id; customers without a purchase that is left after cleaning have no row";
        return Err(Failure::new(Exit::Invalid, message).help(help));
    };
    let value = json!({ "visitor": args.visitor, "labels": labels });
    ui.result(&value, || {
        let width = labels.iter().map(|label| label.name.chars().count()).max().unwrap_or(0);
        labels
            .iter()
            .map(|label| {
                let value = label.value.as_deref().unwrap_or("not known");
                format!("{:<width$}  {value}\n{:<width$}    {}\n", label.name, "", label.means)
            })
            .collect()
    })
}

/// Which exit code it means that a finished directory cannot be read.
pub fn failure(error: ReadError) -> Failure {
    let exit = match &error {
        ReadError::Key { .. } => Exit::Invalid,
        ReadError::Table(_) | ReadError::Shard { .. } | ReadError::Labels(_) => Exit::Failed,
    };
    Failure::Told { exit, error: error.into(), help: None }
}
