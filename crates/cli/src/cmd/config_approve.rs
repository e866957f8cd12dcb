//! `vitrine config approve`: a second person says yes.

use crate::args::EdgeArgs;
use crate::cmd::config_draft::diff_words;
use crate::edge::Edge;
use crate::failure::Failure;
use crate::ui::Ui;
use clap::Args;
use serde_json::json;

/// Approve a draft that somebody else wrote.
///
/// Shows in words what it changes, and approves exactly the revision that was shown. Whoever wrote a part of it cannot.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config draft diff d7 --url https://offers.shop.example      # look first
  vitrine config approve d7 --reason 'prices checked' --url https://offers.shop.example")]
pub struct Approve {
    /// The draft, such as `d7`.
    #[arg(value_name = "DRAFT")]
    pub id: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Approve only if it is still at this revision, the one that you have seen. Default: the present one, which is shown.
    #[arg(long, value_name = "N")]
    pub revision: Option<u64>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Shows the differences and approves them.
///
/// # Errors
/// 4 if the Worker refuses or does not answer.
pub fn run(args: &Approve, ui: &Ui) -> Result<(), Failure> {
    let edge = Edge::new(&args.edge)?;
    let path = format!("/v1/admin/drafts/{}", args.id);
    let shown = edge.get(&format!("{path}/diff"))?;
    ui.note(diff_words(&shown).trim_end());
    let revision = args.revision.or(shown["revision"].as_u64());
    let answer = edge.post_to(&format!("{path}/approve"), &json!({ "reason": args.reason }), revision)?;
    ui.result(&answer, || {
        let by = answer["approval"]["by"].as_str().unwrap_or_default();
        format!("revision {} of draft {} is approved by {by}", answer["revision"], args.id)
    })
}
