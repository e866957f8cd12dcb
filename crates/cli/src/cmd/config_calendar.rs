//! `vitrine config calendar`: when campaigns run, and where.

use crate::document::{self, Around};
use crate::failure::Failure;
use crate::ui::Ui;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use vitrine_config::CampaignRun;
use vitrine_engine::TimestampMs;

/// List the campaigns of a configuration in the order in which they begin.
///
/// Festivals are resolved to their days, times are UTC. Campaigns that compete for a placement are told as warnings.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config calendar offers.yaml
  vitrine config calendar offers.csv --json | jq '.[] | select(.placements | index(\"home-hero\"))'")]
pub struct Calendar {
    /// The configuration: JSON, YAML, CSV or a workbook; `-` reads JSON from standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// File with the table key, for saved groups in files of ids. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// Reads the file and shows its campaigns.
///
/// # Errors
/// 3 if the file has errors, 1 if it cannot be read.
pub fn run(args: &Calendar, ui: &Ui) -> Result<(), Failure> {
    let around = Around { key_file: args.key_file.as_deref(), ..Around::default() };
    let mut campaigns = document::checked(&args.file, around, ui)?.campaigns;
    // What has no beginning comes first; the order of the document decides between equals.
    campaigns.sort_by_key(|it| it.starts);
    let value: Vec<Value> = campaigns.iter().map(to_json).collect();
    ui.result(&value, || match campaigns.as_slice() {
        [] => format!("{} has no campaigns", args.file.display()),
        some => some.iter().map(words).collect(),
    })
}

fn to_json(campaign: &CampaignRun) -> Value {
    let CampaignRun { id, starts, ends, priority, offers, placements } = campaign;
    let [starts, ends] = [starts, ends].map(|it| it.map(|it| it.to_string()));
    json!({ "id": id, "starts": starts, "ends": ends, "priority": priority, "offers": offers, "placements": placements })
}

fn words(campaign: &CampaignRun) -> String {
    let CampaignRun { id, starts, ends, priority, offers, placements } = campaign;
    let time = |it: &Option<TimestampMs>, none: &str| it.map_or_else(|| none.to_owned(), |it| it.to_string());
    let list = |ids: &[String]| if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
    format!(
        "{} to {}  {id} (priority {priority})\n  offers: {}\n  placements: {}\n",
        time(starts, "always"),
        time(ends, "no end"),
        list(offers),
        list(placements)
    )
}
