//! `vitrine tables publish`: a table goes to the edge, shard by shard, and becomes the one that answers.

use crate::args::EdgeArgs;
use crate::cmd::tables_verify::verified;
use crate::edge::{Edge, EdgeError, Repeat};
use crate::failure::{Exit, Failure};
use crate::table;
use crate::ui::{Ui, bytes, count};
use crate::upload::{Journal, upload_shards};
use clap::Args;
use serde_json::{Value, json};
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};
use vitrine_tables::TableDir;

/// Upload a table and make it the one that answers.
///
/// The table is verified here first. The Worker checks each shard as it arrives, reads all of them back, and only then
/// moves its pointer; until then, and after a failure, it answers from the table before. A publication that broke off goes on
/// where it stopped when the same command is given again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine tables publish table --url https://offers.shop.example --token-file admin.token
  VITRINE_ADMIN_TOKEN=… vitrine tables publish table --url http://127.0.0.1:8787 --connections 8")]
pub struct Publish {
    /// Table directory.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
    /// Uploads at the same time.
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub connections: u8,
    /// Wait at most so long for the edge to show what was uploaded. Unit: seconds.
    #[arg(long, value_name = "S", default_value_t = 90)]
    pub patience: u64,
    /// Upload everything again, also what an earlier run that broke off has uploaded.
    #[arg(long)]
    pub from_start: bool,
}

/// Verifies, uploads and activates the table.
///
/// # Errors
/// 1 if the table is not sound, 4 if the Worker refuses or does not answer.
pub fn run(args: &Publish, ui: &Ui) -> Result<(), Failure> {
    let edge = Edge::new(&args.edge)?;
    let table = table::open(&args.dir)?;
    let report = verified(&table, ui)?;
    let mut journal = Journal::open(&table, &edge, args.from_start);
    let resumed_at = journal.n_uploaded();
    if resumed_at > 0 {
        ui.note(&format!("going on after {} shards that are there already", count(u64::from(resumed_at))));
    }
    upload(args, &edge, &table, &mut journal, ui)?;
    let activated = match activate(args, &edge, &table, ui) {
        // The earlier run may have spoken to another store; what it left is not to be relied on.
        Err(EdgeError::Refused { status: 422, .. }) if resumed_at > 0 => {
            ui.note("the edge lacks what was uploaded before; uploading everything again");
            journal.forget();
            upload(args, &edge, &table, &mut journal, ui)?;
            activate(args, &edge, &table, ui)
        }
        other => other,
    };
    let answer = activated.map_err(|error| {
        Failure::from(error).help("the table before goes on answering; give the same command again to go on")
    })?;
    journal.forget();
    let build = &table.manifest().build;
    let value = json!({
        "build": build,
        "shards": report.n_shards,
        "shards_uploaded": report.n_shards - resumed_at,
        "rows": report.n_rows,
        "shards_bytes": report.shards_bytes,
        "activation": answer,
    });
    ui.result(&value, || {
        format!(
            "{} answers from build {build}: {} visitors in {} shards ({})",
            edge.base(),
            count(report.n_rows),
            count(u64::from(report.n_shards)),
            bytes(report.shards_bytes),
        )
    })
}

/// Uploads the manifest, the items and all shards that are not there yet.
fn upload(args: &Publish, edge: &Edge, table: &TableDir, journal: &mut Journal, ui: &Ui) -> Result<(), Failure> {
    let manifest = table.manifest();
    let base = format!("/v1/admin/tables/{}", manifest.build);
    edge.put(&format!("{base}/manifest"), "application/json", &manifest.to_json(), Repeat::Safe)?;
    if let Some(items) = &manifest.items {
        let found = table.items()?.ok_or_else(|| {
            Failure::new(Exit::Failed, format!("no item table, but {} items are announced", items.n_items))
        })?;
        edge.put(&format!("{base}/items"), "application/octet-stream", found.as_bytes(), Repeat::Safe)?;
        if let Some(vectors) = table.vectors(&found)? {
            edge.put(&format!("{base}/vectors"), "application/octet-stream", vectors.as_bytes(), Repeat::Safe)?;
        }
    }
    let n_shards = manifest.n_shards();
    let bar = ui.bar("uploading", u64::from(n_shards));
    let connections = NonZeroU8::new(args.connections).unwrap_or(NonZeroU8::MIN);
    upload_shards(edge, table, journal, connections, |done| bar.set(u64::from(done), u64::from(n_shards)))
}

/// Lets the Worker verify what it holds, step by step, until it has moved the pointer.
fn activate(args: &Publish, edge: &Edge, table: &TableDir, ui: &Ui) -> Result<Value, EdgeError> {
    let path = format!("/v1/admin/tables/{}/activate", table.manifest().build);
    let bar = ui.bar("activating", u64::from(table.manifest().n_shards()));
    let until = Instant::now() + Duration::from_secs(args.patience);
    let mut wait = Duration::from_millis(500);
    loop {
        match edge.post(&path, &json!({}), Repeat::Safe) {
            Ok(answer) => {
                let number = |name: &str| answer[name].as_u64().unwrap_or(0);
                bar.set(number("verified"), number("of"));
                if answer["done"] == json!(true) {
                    return Ok(answer);
                }
            }
            // A store that is spread over the world shows a write after a while; another change ends sometime.
            Err(EdgeError::Refused { status: 409 | 422, problem, .. }) if Instant::now() + wait < until => {
                bar.message(format!("waiting: {}", problem.detail));
                thread::sleep(wait);
                wait = (wait * 2).min(Duration::from_secs(15));
            }
            Err(error) => return Err(error),
        }
    }
}
