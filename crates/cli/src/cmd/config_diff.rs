//! `vitrine config diff`: what a publication would change, in words.

use crate::args::{EnvironmentArg, PerhapsEdgeArgs};
use crate::cmd::config_export::checked_again;
use crate::comparison::{self, Told};
use crate::document::{self, Around};
use crate::edge::{Edge, Repeat};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;
use clap::Args;
use jiff::Timestamp;
use std::path::PathBuf;
use vitrine_engine::TimestampMs;

/// Say in words what a configuration changes, and how many visitors would get another variation.
///
/// Two files are compared on this machine; one file with --url is compared with what runs in an environment. With --table the
/// visitors of the table are counted: whom rules admit, and who would get another variation. Without one, made-up visitors
/// give an estimate.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config diff offers.yaml --url https://offers.shop.example
  vitrine config diff offers-old.csv offers.csv
  vitrine config diff offers-old.csv offers.csv --table table
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
    /// Table directory: count its visitors.
    #[arg(long, value_name = "DIR")]
    pub table: Option<PathBuf>,
    /// File with the table key, for saved groups in files of ids. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// Compares, and shows the differences.
///
/// # Errors
/// 3 if a file has errors, 4 if the Worker refuses or does not answer, 1 if the table cannot be read.
pub fn run(args: &Diff, ui: &Ui) -> Result<(), Failure> {
    let table = args.table.as_deref().map(crate::table::open).transpose()?;
    let plain = Around { key_file: args.key_file.as_deref(), ..Around::default() };
    let around = Around { table: table.as_ref(), is_counted: true, ..plain };
    let (told, against) = match (&args.newer, args.edge.given()) {
        (Some(newer), _) => {
            let older = document::checked(&args.file, plain, ui)?;
            let newer = document::checked(newer, around, ui)?;
            let comparison = comparison::local(&older, &newer);
            let told = match &table {
                Some(table) => comparison::with_table(comparison, table, [&older, &newer], None, ui)?,
                None => Told { comparison, table: None },
            };
            (told, args.file.display().to_string())
        }
        (None, Some(edge_args)) => {
            let checked = document::checked(&args.file, around, ui)?;
            let edge = Edge::new(&edge_args)?;
            let environment = &args.environment.environment;
            let path = format!("/v1/admin/config/check?environment={environment}");
            let answer = edge.post(&path, &checked.document, Repeat::Safe)?;
            let comparison = comparison::read(&answer["comparison"]);
            let runs = match comparison.against {
                Some(version) => format!("version {version}, which runs in {environment}"),
                None => format!("{environment}, where nothing runs"),
            };
            let told = match (&table, comparison.against) {
                (Some(table), Some(version)) => {
                    let running = checked_again(&edge.get(&format!("/v1/admin/config/versions/{version}"))?)?;
                    let now = TimestampMs(Timestamp::now().as_millisecond());
                    comparison::with_table(comparison, table, [&running, &checked], Some(now), ui)?
                }
                _ => Told { comparison, table: None },
            };
            (told, runs)
        }
        (None, None) => return Err(Failure::new(Exit::Usage, "give a second file, or --url")),
    };
    ui.result(&told, || comparison::told(&told, &against))
}
