//! `vitrine audit export`: the log of all changes as a file.

use crate::args::EdgeArgs;
use crate::edge::Edge;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::ui::Ui;
use anyhow::Context;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use vitrine_api::{AuditEntry, AuditHead};

/// Write the audit log, one entry a line (NDJSON).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine audit export --out audit.ndjson --url https://offers.shop.example
  vitrine audit export --url https://offers.shop.example | jq -r '[.at, .actor, .action, .summary] | @tsv'")]
pub struct Export {
    /// Where to write it; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
    /// Only entries after this one.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub after: u64,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Reads all pages and writes them.
///
/// # Errors
/// 4 if the Worker refuses or does not answer, 1 if the file cannot be written.
pub fn run(args: &Export, ui: &Ui) -> Result<(), Failure> {
    let (entries, _) = fetch(&Edge::new(&args.edge)?, args.after, ui)?;
    let lines: String = entries.iter().map(|it| format!("{}\n", it.to_json())).collect();
    if files::is_stdio(&args.out) {
        return if lines.is_empty() { Ok(()) } else { ui.line(&lines) };
    }
    std::fs::write(&args.out, lines).with_context(|| format!("cannot write {}", args.out.display()))?;
    let value = json!({ "file": args.out, "entries": entries.len() });
    ui.result(&value, || format!("{} entries are in {}", entries.len(), args.out.display()))
}

/// All entries after one, and the end that the Worker tells.
///
/// # Errors
/// 4 if the Worker refuses, does not answer, or answers something else.
pub fn fetch(edge: &Edge, after: u64, ui: &Ui) -> Result<(Vec<AuditEntry>, AuditHead), Failure> {
    let not_vitrine =
        |error: serde_json::Error| Failure::new(Exit::Edge, format!("the audit log is not readable: {error}"));
    let bar = ui.spinner("reading");
    let (mut entries, mut last): (Vec<AuditEntry>, u64) = (Vec::new(), after);
    loop {
        let mut page = edge.get(&format!("/v1/admin/audit?after={last}&limit=1000"))?;
        let head: AuditHead = serde_json::from_value(page["head"].take()).map_err(not_vitrine)?;
        let more: Vec<AuditEntry> = serde_json::from_value(page["entries"].take()).map_err(not_vitrine)?;
        let next = more.iter().map(|it| it.seq).max();
        entries.extend(more);
        bar.message(format!("{} entries", entries.len()));
        match next {
            Some(next) if page["more"] == json!(true) && next > last => last = next,
            _ => return Ok((entries, head)),
        }
    }
}
