//! The command line.

use crate::cmd::{config_check, config_publish, decide, demo_data, keys_generate, tables_inspect, tables_publish};
use crate::cmd::{tables_rollback, tables_verify};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Profiles, tables and configuration of a Vitrine edge.
#[derive(Debug, Parser)]
#[command(name = "vitrine", version, after_help = AFTER_HELP, max_term_width = 110)]
pub struct Vitrine {
    /// Print results and errors as JSON.
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
    /// Show no progress and no notes, only results and errors.
    #[arg(long, short, global = true, display_order = 901)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  failed: a file cannot be read or written, a table does not verify
  2  usage: the command line has a mistake, or a key or token is missing
  3  invalid input: a configuration, request, key, mapping or order file has errors
  4  edge: the Worker cannot be reached, or it refused

Examples:
  A made-up shop, its profiles, and a decision, all on this machine:
    vitrine keys generate --table-key-file table.key
    vitrine demo-data --out shop --customers 20000 --seed 1
    vitrine profiles build --orders shop/orders.csv --mapping vitrine-demo \\
      --out table --key-file table.key
    echo '{\"visitor\":{\"key\":\"c0000001\"},\"consent\":{\"personalise\":true},
           \"placements\":[{\"id\":\"home-hero\"}]}' |
      vitrine decide --config shop/offers.json --table table --key-file table.key --request -

Secrets may come from the environment: VITRINE_TABLE_KEY and VITRINE_ADMIN_TOKEN.";

/// The subcommands.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Command {
    /// Build profiles from a shop's raw data.
    #[cfg(feature = "profiles")]
    #[command(subcommand)]
    Profiles(Profiles),
    /// Look at, check, publish and roll back profile tables.
    #[command(subcommand)]
    Tables(Tables),
    /// Check and publish what marketers write.
    #[command(subcommand)]
    Config(Config),
    Decide(decide::Decide),
    DemoData(demo_data::DemoData),
    /// Secrets of a shop.
    #[command(subcommand)]
    Keys(Keys),
}

/// `vitrine profiles …`
#[cfg(feature = "profiles")]
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Profiles {
    Build(crate::cmd::profiles_build::Build),
}

/// `vitrine tables …`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Tables {
    Inspect(tables_inspect::Inspect),
    Verify(tables_verify::Verify),
    Publish(tables_publish::Publish),
    Rollback(tables_rollback::Rollback),
}

/// `vitrine config …`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Config {
    Check(config_check::Check),
    Publish(config_publish::Publish),
}

/// `vitrine keys …`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Keys {
    Generate(keys_generate::Generate),
}

/// Where the Worker is, and who is asking.
#[derive(Debug, Args)]
pub struct EdgeArgs {
    /// Address of the Worker, such as `https://offers.shop.example`.
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// File with the admin token. Default: the variable VITRINE_ADMIN_TOKEN.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}
