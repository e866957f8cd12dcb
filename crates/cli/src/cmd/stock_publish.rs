//! `vitrine stock publish`: which items are sold out.

use crate::args::EdgeArgs;
use crate::edge::{Edge, Repeat};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::ui::Ui;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use vitrine_config::{StockFault, read_stock};

/// Publish which items are sold out. Offers that name only such items are no longer shown.
///
/// The feed has one row an item, with its id (`item`, `item_id`, `sku` or `id`) and what is left of it (`stock`, `quantity`, `qty` or
/// `available`): CSV with a header, or one JSON object a line. It takes the place of the feed before, whole; an item that is not in
/// it is not sold out. A feed with a fault changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine stock publish stock.csv --url https://offers.shop.example --token-file admin.token
  psql -c '\\copy (select sku, stock from items) to stdout csv header' | vitrine stock publish - --url https://offers.shop.example")]
pub struct Publish {
    /// The feed; `-` for standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Reads the feed, and sends what is sold out.
///
/// # Errors
/// 1 if the file cannot be read, 3 if it is no feed, 4 if the Worker refuses or does not answer.
pub fn run(args: &Publish, ui: &Ui) -> Result<(), Failure> {
    let bytes = files::read_or_stdin(&args.file)?;
    let feed = read_stock(&bytes).map_err(|faults| faulty(&args.file.display().to_string(), &faults))?;
    let edge = Edge::new(&args.edge)?;
    let body = json!({ "sold_out": feed.sold_out }).to_string();
    let answer = edge.put("/v1/admin/stock", "application/json", body.as_bytes(), Repeat::Safe)?;
    let result =
        json!({ "items": feed.n_items, "sold_out": answer["sold_out"], "published_at": answer["published_at"] });
    ui.result(&result, || format!("{} of {} items are sold out", feed.sold_out.len(), feed.n_items))
}

fn faulty(file: &str, faults: &[StockFault]) -> Failure {
    let lines: Vec<String> = faults.iter().map(|it| format!("{file}: {it}")).collect();
    Failure::new(Exit::Invalid, lines.join("\n")).help("nothing was published; mend the feed and send it again")
}
