//! `vitrine config versions`: what was published, by whom, and why.

use crate::args::EdgeArgs;
use crate::edge::Edge;
use crate::failure::Failure;
use crate::ui::Ui;
use clap::Args;
use serde_json::Value;

/// List versions, newest first: when, by whom, why, and what changed.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  vitrine config versions --url https://offers.shop.example --limit 5")]
pub struct Versions {
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Shows the list.
///
/// # Errors
/// 4 if the Worker refuses or does not answer.
pub fn run(args: &Versions, ui: &Ui) -> Result<(), Failure> {
    let answer = Edge::new(&args.edge)?.get(&format!("/v1/admin/config/versions?limit={}", args.limit))?;
    ui.result(&answer["versions"], || {
        let versions = answer["versions"].as_array().into_iter().flatten();
        let texts: Vec<String> = versions.map(shown).collect();
        if texts.is_empty() { "nothing has been published".to_owned() } else { texts.join("\n") }
    })
}

fn shown(version: &Value) -> String {
    let word = |name: &str| version[name].as_str().unwrap_or_default();
    let list = |name: &str| -> Vec<&str> {
        version[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let mut text = format!("version {}, {}", version["version"], word("published_at"));
    if !word("by").is_empty() {
        text.push_str(&format!(", by {}", word("by")));
    }
    let runs_in = list("runs_in");
    if !runs_in.is_empty() {
        text.push_str(&format!(", runs in {}", runs_in.join(" and ")));
    }
    if !word("reason").is_empty() {
        text.push_str(&format!("\n  because: {}", word("reason")));
    }
    for change in list("changes") {
        text.push_str(&format!("\n  {change}"));
    }
    text
}
