//! `vitrine flags …`: single flags off and on, without a publication.

use crate::args::{EdgeArgs, EnvironmentArg};
use crate::edge::{Edge, Repeat};
use crate::failure::Failure;
use crate::ui::Ui;
use clap::{Args, Subcommand};
use serde_json::json;

/// `vitrine flags …`
#[derive(Debug, Subcommand)]
pub enum Flags {
    /// Switch a flag off: applications fall back to their own default, its experiment has nobody in it.
    Kill(One),
    /// Switch a flag on again.
    Revive(One),
}

/// Which flag.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine flags kill new-search --reason 'errors in the log' --url https://offers.shop.example
  vitrine flags revive new-search --url https://offers.shop.example")]
pub struct One {
    /// The flag.
    #[arg(value_name = "FLAG")]
    pub flag: String,
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

/// Switches it.
///
/// # Errors
/// 4 if the Worker refuses (there may be no such flag) or does not answer.
pub fn run(args: &Flags, ui: &Ui) -> Result<(), Failure> {
    let (one, killed) = match args {
        Flags::Kill(one) => (one, true),
        Flags::Revive(one) => (one, false),
    };
    let environment = &one.environment.environment;
    let body = json!({ "environment": environment, "killed": killed, "reason": one.reason });
    let answer = Edge::new(&one.edge)?.post(&format!("/v1/admin/flags/{}/kill", one.flag), &body, Repeat::Safe)?;
    let word = if killed { "off" } else { "on again" };
    ui.result(&answer, || format!("flag {} is {word} in {environment}", one.flag))
}
