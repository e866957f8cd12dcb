//! `vitrine config export`: a configuration in another form, from a file or from the edge.

use crate::args::{EnvironmentArg, PerhapsEdgeArgs};
use crate::document::{self, Around, Face};
use crate::edge::{Edge, EdgeError};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::ui::Ui;
use anyhow::Context;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::PathBuf;
use vitrine_config::{Checked, Format};
use vitrine_engine::TimestampMs;

/// Write a configuration as JSON, YAML or CSV, or as a GrowthBook payload.
///
/// Takes a file, or with --url what runs in an environment, any version, or a draft. Importing what was exported gives the
/// same configuration; a GrowthBook payload holds flags and experiments only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config export offers.yaml --out offers.csv                   # for Excel and WPS
  vitrine config export --url https://offers.shop.example --version 12 --out offers.yaml
  vitrine config export --url https://offers.shop.example --draft d7 --format csv > draft.csv
  vitrine config export offers.yaml --format growthbook > payload.json")]
pub struct Export {
    /// The configuration. Without one, --url says where it is.
    #[arg(value_name = "FILE", required_unless_present = "url", conflicts_with = "url")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: PerhapsEdgeArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub environment: EnvironmentArg,
    /// This version. Default: the one that runs in the environment.
    #[arg(long, value_name = "N", requires = "url", conflicts_with_all = ["draft", "file"])]
    pub version: Option<u64>,
    /// This draft.
    #[arg(long, value_name = "ID", requires = "url", conflicts_with = "file")]
    pub draft: Option<String>,
    /// Where to write it; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
    /// Default: what the name of --out says, else JSON.
    #[arg(long)]
    pub format: Option<To>,
    /// File with the table key, for saved groups in files of ids. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// What can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum To {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// CSV for spreadsheet programs.
    Csv,
    /// A GrowthBook payload, as its SDKs read it: what runs now.
    Growthbook,
}

/// Writes the document.
///
/// # Errors
/// 3 if a file has errors, 4 if the Worker refuses or does not answer, 1 if the result cannot be written.
pub fn run(args: &Export, ui: &Ui) -> Result<(), Failure> {
    let face = match args.format {
        None => Face::of(&args.out),
        Some(To::Json) => Face::Json,
        Some(To::Yaml) => Face::Yaml,
        Some(To::Csv) => Face::Csv,
        Some(To::Growthbook) => {
            let checked = match &args.file {
                Some(file) => {
                    document::checked(file, Around { key_file: args.key_file.as_deref(), ..Around::default() }, ui)?
                }
                None => checked_again(&fetched(args)?)?,
            };
            return write(args, &growthbook(&checked, ui), ui);
        }
    };
    let document = match &args.file {
        Some(file) => {
            document::checked(file, Around { key_file: args.key_file.as_deref(), ..Around::default() }, ui)?.document
        }
        None => fetched(args)?,
    };
    write(args, &face.write(&document)?, ui)
}

/// The document from the edge.
fn fetched(args: &Export) -> Result<Value, Failure> {
    let edge_args = args.edge.given().ok_or_else(|| Failure::new(Exit::Usage, "give a file, or --url"))?;
    let edge = Edge::new(&edge_args)?;
    if let Some(draft) = &args.draft {
        return Ok(edge.get(&format!("/v1/admin/drafts/{draft}"))?["document"].take());
    }
    let version = match args.version {
        Some(version) => version,
        None => running(&edge, &args.environment.environment)?,
    };
    Ok(edge.get(&format!("/v1/admin/config/versions/{version}"))?)
}

/// The version that runs in an environment.
///
/// # Errors
/// 4 if nothing runs there.
pub fn running(edge: &Edge, environment: &str) -> Result<u64, Failure> {
    let answer: Result<Value, EdgeError> = edge.get(&format!("/v1/admin/environments/{environment}"));
    answer?["version"].as_u64().ok_or_else(|| {
        Failure::new(Exit::Edge, format!("nothing has been published in {environment}")).help("publish something first")
    })
}

/// Checks a document that was published: it was without errors then.
///
/// # Errors
/// 3 if this release of the command refuses it.
pub fn checked_again(document: &Value) -> Result<Checked, Failure> {
    vitrine_config::check(&document.to_string(), Format::Json).map_err(|diagnostics| {
        let list: String = diagnostics.iter().map(|it| format!("\n  {it}")).collect();
        Failure::new(Exit::Invalid, format!("this release of the command refuses the published configuration:{list}"))
    })
}

fn growthbook(checked: &Checked, ui: &Ui) -> String {
    let exported = vitrine_config::export_growthbook(checked, TimestampMs(Timestamp::now().as_millisecond()));
    for note in &exported.notes {
        ui.note(&format!("{}: {}", note.pointer, note.message));
    }
    if let Some(at) = exported.changes_at {
        ui.note(&format!("by schedule, the payload changes at {at}"));
    }
    format!("{}\n", exported.payload)
}

fn write(args: &Export, text: &str, ui: &Ui) -> Result<(), Failure> {
    if files::is_stdio(&args.out) {
        return ui.line(text);
    }
    std::fs::write(&args.out, text).with_context(|| format!("cannot write {}", args.out.display()))?;
    ui.result(&json!({ "file": args.out }), || format!("{} is written", args.out.display()))
}
