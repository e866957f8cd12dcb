//! `vitrine audit verify`: is the log of all changes whole?

use crate::args::PerhapsEdgeArgs;
use crate::cmd::audit_export;
use crate::edge::Edge;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::ui::Ui;
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use vitrine_api::{AuditEntry, AuditHead, verify_audit};

/// Check the chain of the audit log: that no entry was changed, taken out or moved.
///
/// Entries that were cut off at the end leave a sound chain; --head compares it with an end that was noted earlier.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine audit verify audit.ndjson
  vitrine audit verify --url https://offers.shop.example
  vitrine audit verify audit.ndjson --head 812:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
pub struct Verify {
    /// The log as `vitrine audit export` writes it; `-` is standard input.
    #[arg(value_name = "FILE", required_unless_present = "url", conflicts_with = "url")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: PerhapsEdgeArgs,
    /// The end of the log as it was printed earlier.
    #[arg(long, value_name = "SEQ:HASH", value_parser = head)]
    pub head: Option<AuditHead>,
}

fn head(text: &str) -> Result<AuditHead, String> {
    let (seq, hash) = text.split_once(':').ok_or("write <seq>:<hash>")?;
    let seq = seq.parse().map_err(|_| format!("{seq:?} is no number of an entry"))?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it));
    if !is_hash {
        return Err(format!("{hash:?} is no hash: 64 lower-case hex digits"));
    }
    Ok(AuditHead { seq, hash: hash.to_owned() })
}

/// Follows the chain and says where it breaks.
///
/// # Errors
/// 1 if it breaks, 3 if a line is no entry, 4 if the Worker refuses or does not answer.
pub fn run(args: &Verify, ui: &Ui) -> Result<(), Failure> {
    let (entries, told, origin) = match (&args.file, args.edge.given()) {
        (Some(file), _) => (read(file)?, None, file.display().to_string()),
        (None, Some(edge_args)) => {
            let edge = Edge::new(&edge_args)?;
            let (entries, head) = audit_export::fetch(&edge, 0, ui)?;
            (entries, Some(head), edge.base().to_owned())
        }
        (None, None) => return Err(Failure::new(Exit::Usage, "give a file, or --url")),
    };
    let broken = |error| Failure::new(Exit::Failed, format!("{origin}: {error}"));
    let head = verify_audit(&entries, args.head.as_ref()).map_err(broken)?;
    if let Some(told) = told
        && told != head
    {
        let message = format!("{origin}: it says that the log ends at entry {}, but sent {}", told.seq, head.seq);
        return Err(Failure::new(Exit::Failed, message));
    }
    let value = json!({ "entries": head.seq, "head": format!("{}:{}", head.seq, head.hash) });
    ui.result(&value, || format!("{origin}: {} entries, whole; the end is {}:{}", head.seq, head.seq, head.hash))
}

fn read(file: &Path) -> Result<Vec<AuditEntry>, Failure> {
    let bytes = files::read_or_stdin(file)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let entry = |(idx, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| {
            Failure::new(Exit::Invalid, format!("{}:{}: no entry of the audit log: {error}", file.display(), idx + 1))
        })
    };
    lines.map(entry).collect()
}
