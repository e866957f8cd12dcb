//! `vitrine demo-data`: a made-up shop with known tastes.

use crate::failure::{Exits, Failure};
use crate::ui::{Ui, count};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use vitrine_demo::{DemoShop, Truth};

/// Make up a shop: customers with known tastes, catalogue, orders, events and offers.
///
/// The same seed and number give the same bytes on every machine. truth.json tells what is true about the shop:
/// tastes, counts of every kind of dirt in each file, and visitors that show each taste well. truth_customers.csv tells
/// of each customer whether they have left, what they buy in the 90 days after the records, and how they shop. Two years
/// of orders end on 2026-06-30; page events are those of the last 90 days.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine demo-data --out shop
  vitrine demo-data --out shop --customers 1000000 --seed 7 --json
  vitrine demo-data --out large --customers 500000 --events-scale 3.6

Writes orders.csv, events.jsonl, catalogue.csv, customers.csv, surveys.csv, contacts.csv, identities.csv, costs.csv,
partner.csv, erased.txt; shop.toml with mapping.toml, for `vitrine profiles build --shop`; offers.json for
`vitrine config publish`; truth.json, truth_customers.csv and truth_identities.csv. Files of these names in DIR are
replaced.")]
pub struct DemoData {
    /// Directory to write to; it is made if need be.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Number of customers, 1 to 9,999,999.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub customers: u32,
    /// Which shop; another seed is another shop.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// How many times as much as usual people look around, above 0 and up to 1000. Orders stay the same.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub events_scale: f64,
}

#[derive(Serialize)]
struct Result<'a> {
    dir: &'a PathBuf,
    files: &'a [PathBuf],
    truth: &'a Truth,
}

/// Makes the shop and writes it.
///
/// # Errors
/// 3 if a number is out of range, 1 if a file cannot be written.
pub fn run(args: &DemoData, ui: &Ui) -> std::result::Result<(), Failure> {
    let shop = DemoShop::new(args.seed, args.customers).invalid()?;
    let shop = shop.with_events_scale(args.events_scale).invalid()?;
    let bar = ui.bar("customers", u64::from(args.customers));
    let written = shop.write_dir(&args.out, |done, of| {
        if done.is_multiple_of(256) || done == of {
            bar.set(u64::from(done), u64::from(of));
        }
    });
    drop(bar);
    let summary = written.map_err(anyhow::Error::from)?;
    let truth = &summary.truth;
    ui.result(&Result { dir: &args.out, files: &summary.files, truth }, || {
        format!(
            "{} customers, {} items, {} order rows ({} of them dirty), {} events in {}\n{}",
            count(u64::from(truth.n_customers)),
            count(truth.n_items as u64),
            count(truth.orders.rows),
            count(truth.dirt.total()),
            count(truth.events),
            args.out.display(),
            truth.samples.iter().map(|it| format!("  {} has the taste {}\n", it.visitor, it.taste)).collect::<String>(),
        )
    })
}
