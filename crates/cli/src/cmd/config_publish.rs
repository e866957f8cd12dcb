//! `vitrine config publish`: a configuration goes to the edge.

use crate::args::EdgeArgs;
use crate::cmd::config_check;
use crate::edge::{Edge, Repeat};
use crate::failure::Failure;
use crate::ui::Ui;
use anyhow::Context;
use clap::Args;
use std::path::PathBuf;

/// Check a configuration and publish it.
///
/// It is checked here first and by the Worker again; with errors nothing is sent. The Worker gives it the next version
/// number and answers from it within seconds.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config publish offers.yaml --url https://offers.shop.example --token-file admin.token --dry-run
  VITRINE_ADMIN_TOKEN=… vitrine config publish offers.json --url http://127.0.0.1:8787")]
pub struct Publish {
    /// The configuration, JSON or YAML; `-` reads JSON from standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
    /// Let the Worker check it, and publish nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Checks the file and sends it.
///
/// # Errors
/// 3 if it has errors, 4 if the Worker refuses or does not answer.
pub fn run(args: &Publish, ui: &Ui) -> Result<(), Failure> {
    let edge = Edge::new(&args.edge)?;
    let checked = config_check::checked(&args.file, None, ui)?;
    let body = serde_json::to_vec(&checked.document).context("cannot write the configuration as JSON")?;
    let spinner = ui.spinner(if args.dry_run { "checking" } else { "publishing" });
    let answer = if args.dry_run {
        edge.put("/v1/admin/config?dry_run=true", "application/json", &body, Repeat::Safe)
    } else {
        edge.put("/v1/admin/config", "application/json", &body, Repeat::Never)
    };
    drop(spinner);
    let answer = answer?;
    ui.result(&answer, || match (args.dry_run, answer["version"].as_u64()) {
        (true, _) => format!("{} would be accepted by {}", args.file.display(), edge.base()),
        (false, Some(version)) => format!("{} is version {version} on {}", args.file.display(), edge.base()),
        (false, None) => format!("{} is published on {}", args.file.display(), edge.base()),
    })
}
