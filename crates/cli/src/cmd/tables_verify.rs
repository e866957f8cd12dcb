//! `vitrine tables verify`: is the table whole and sound?

use crate::failure::Failure;
use crate::table;
use crate::ui::{Ui, bytes, count};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use vitrine_tables::{TableDir, VerifyReport};

/// Read every shard and the item table, and check them for themselves and against the manifest.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine tables verify table
  vitrine tables verify table --json")]
pub struct Verify {
    /// Table directory.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

/// Verifies the table and shows what was read.
///
/// # Errors
/// 1 with the first file that is not sound.
pub fn run(args: &Verify, ui: &Ui) -> Result<(), Failure> {
    let table = table::open(&args.dir)?;
    let report = verified(&table, ui)?;
    let build = &table.manifest().build;
    let value = json!({
        "build": build,
        "sound": true,
        "shards": report.n_shards,
        "rows": report.n_rows,
        "shards_bytes": report.shards_bytes,
        "items": report.n_items,
        "items_bytes": report.items_bytes,
    });
    ui.result(&value, || {
        format!(
            "{}: build {build} is sound: {} rows in {} shards ({}), {} items",
            args.dir.display(),
            count(report.n_rows),
            count(u64::from(report.n_shards)),
            bytes(report.shards_bytes),
            count(u64::from(report.n_items)),
        )
    })
}

/// Verifies a table, with a progress bar.
///
/// # Errors
/// 1 with the first file that is not sound.
pub fn verified(table: &TableDir, ui: &Ui) -> Result<VerifyReport, Failure> {
    let bar = ui.bar("verifying", u64::from(table.manifest().n_shards()));
    Ok(table.verify(|done, of| bar.set(done as u64, of as u64))?)
}
