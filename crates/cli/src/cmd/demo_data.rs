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
/// tastes, counts of every kind of dirt in the order file, and visitors that show each taste well. Two years of orders
/// end on 2026-06-30.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine demo-data --out shop
  vitrine demo-data --out shop --customers 1000000 --seed 7 --json

Writes catalogue.csv, orders.csv, events.csv, customers.csv, truth_customers.csv, offers.json and truth.json; files of these
names in DIR are replaced.")]
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
/// 3 if the number is out of range, 1 if a file cannot be written.
pub fn run(args: &DemoData, ui: &Ui) -> std::result::Result<(), Failure> {
    let shop = DemoShop::new(args.seed, args.customers).invalid()?;
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
