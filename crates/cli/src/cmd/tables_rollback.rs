//! `vitrine tables rollback`: back to the build before.

use crate::args::EdgeArgs;
use crate::edge::{Edge, Repeat};
use crate::failure::Failure;
use crate::ui::Ui;
use clap::Args;
use serde_json::json;

/// Point the Worker back to the table that was active before.
///
/// Only the pointer moves, so it takes effect within seconds. Rolling back twice returns to where you were.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  vitrine tables rollback --url https://offers.shop.example --token-file admin.token")]
pub struct Rollback {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Moves the pointer.
///
/// # Errors
/// 4 if the Worker refuses (there may be no build before) or does not answer.
pub fn run(args: &Rollback, ui: &Ui) -> Result<(), Failure> {
    let edge = Edge::new(&args.edge)?;
    let answer = edge.post("/v1/admin/tables/rollback", &json!({}), Repeat::Never)?;
    ui.result(&answer, || match answer["build"].as_str() {
        Some(build) => format!("{} answers from build {build} again", edge.base()),
        None => format!("{} has rolled back", edge.base()),
    })
}
