//! `vitrine config rollback`: back to an earlier version.

use crate::args::{EdgeArgs, EnvironmentArg};
use crate::edge::{Edge, Repeat};
use crate::failure::Failure;
use crate::ui::Ui;
use clap::Args;
use serde_json::json;

/// Return to the version that ran before, or to any other.
///
/// Only the pointer moves, so it takes effect within seconds. Rolling back twice returns to where you were.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config rollback --url https://offers.shop.example --reason 'prices were wrong'
  vitrine config rollback --to 12 --environment staging --url https://offers.shop.example")]
pub struct Rollback {
    /// The version to return to. Default: the one that ran before.
    #[arg(long, value_name = "N")]
    pub to: Option<u64>,
    /// Why, for the audit log.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub environment: EnvironmentArg,
}

/// Moves the pointer.
///
/// # Errors
/// 4 if the Worker refuses (there may be no version before) or does not answer.
pub fn run(args: &Rollback, ui: &Ui) -> Result<(), Failure> {
    let edge = Edge::new(&args.edge)?;
    let environment = &args.environment.environment;
    let mut body = json!({ "environment": environment, "reason": args.reason });
    if let Some(version) = args.to {
        body["version"] = json!(version);
    }
    let answer = edge.post("/v1/admin/config/rollback", &body, Repeat::Never)?;
    ui.result(&answer, || match answer["version"].as_u64() {
        Some(version) => format!("{environment} runs version {version} again on {}", edge.base()),
        None => format!("{} has rolled back", edge.base()),
    })
}
