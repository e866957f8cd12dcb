//! `vitrine config diff`: what a publication would change, in words.

use crate::args::{EnvironmentArg, PerhapsEdgeArgs};
use crate::comparison;
use crate::document::{self, Around};
use crate::edge::{Edge, Repeat};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;
use clap::Args;
use std::path::PathBuf;

/// Say in words what a configuration changes, and how many visitors would get another variation.
///
/// Two files are compared on this machine; one file with --url is compared with what runs in an environment.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config diff offers.yaml --url https://offers.shop.example
  vitrine config diff offers-old.csv offers.csv
  vitrine config diff offers.yaml --url https://offers.shop.example --environment staging --json | jq '.changes[].text'")]
pub struct Diff {
    /// The configuration; with a second file the older one.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The newer configuration.
    #[arg(value_name = "NEWER", required_unless_present = "url", conflicts_with = "url")]
    pub newer: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: PerhapsEdgeArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub environment: EnvironmentArg,
    /// File with the table key, for saved groups in files of ids. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// Compares, and shows the differences.
///
/// # Errors
/// 3 if a file has errors, 4 if the Worker refuses or does not answer.
pub fn run(args: &Diff, ui: &Ui) -> Result<(), Failure> {
    let around = Around { table: None, key_file: args.key_file.as_deref() };
    let checked = document::checked(&args.file, around, ui)?;
    let (comparison, against) = match (&args.newer, args.edge.given()) {
        (Some(newer), _) => {
            let newer = document::checked(newer, around, ui)?;
            (comparison::local(&checked, &newer), args.file.display().to_string())
        }
        (None, Some(edge_args)) => {
            let edge = Edge::new(&edge_args)?;
            let environment = &args.environment.environment;
            let path = format!("/v1/admin/config/check?environment={environment}");
            let answer = edge.post(&path, &checked.document, Repeat::Safe)?;
            let comparison = comparison::read(&answer["comparison"]);
            let runs = match comparison.against {
                Some(version) => format!("version {version}, which runs in {environment}"),
                None => format!("{environment}, where nothing runs"),
            };
            (comparison, runs)
        }
        (None, None) => return Err(Failure::new(Exit::Usage, "give a second file, or --url")),
    };
    ui.result(&comparison, || comparison::shown(&comparison, &against))
}
