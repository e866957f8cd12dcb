//! The command line.

use crate::cmd::{
    alerts, audit_export, audit_verify, config_approve, config_calendar, config_check, config_diff, config_draft,
    config_export,
};
use crate::cmd::{budgets, stock_publish, tables_publish, tables_rollback, tables_verify, tokens};
use crate::cmd::{
    config_import, config_init, config_preview, config_publish, config_rollback, config_versions, counts, decide,
};
use crate::cmd::{
    demo_data, environments, eval, experiments_explain, flags_kill, keys_generate, loop_turn, privacy, simulate,
    tables_inspect,
};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Profiles, tables, configuration and experiments of a Vitrine edge.
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
  1  failed: a file cannot be read or written, a table or the audit log does not verify
  2  usage: the command line has a mistake, or a key or token is missing
  3  invalid input: a configuration, request, key, mapping, payload or order file has errors
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

  An experiment, from a spreadsheet to the shop and back:
    vitrine config init offers.csv
    vitrine config check offers.csv
    vitrine config diff offers.csv --url https://offers.shop.example
    vitrine config publish offers.csv --url https://offers.shop.example
    vitrine config rollback --url https://offers.shop.example

Secrets may come from the environment: VITRINE_TABLE_KEY and VITRINE_ADMIN_TOKEN.";

/// The subcommands.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Command {
    /// Build profiles from a shop's raw data; look at, compare and compile them.
    #[cfg(feature = "profiles")]
    #[command(subcommand)]
    Profiles(Profiles),
    /// Estimate from a log what another policy would have earned.
    #[cfg(feature = "profiles")]
    #[command(subcommand)]
    Policy(Policy),
    /// Look at, check, publish and roll back profile tables.
    #[command(subcommand)]
    Tables(Tables),
    /// What is sold out.
    #[command(subcommand)]
    Stock(Stock),
    /// Check, compare, publish and roll back what marketers write.
    #[command(subcommand)]
    Config(Config),
    /// Say why a visitor gets a variation.
    #[command(subcommand)]
    Experiments(Experiments),
    /// Switch single flags off and on, without a publication.
    #[command(subcommand)]
    Flags(flags_kill::Flags),
    /// Environments (production, staging, …): settings, and keys of applications.
    #[command(subcommand)]
    Environments(environments::Environments),
    /// Tokens of people and programs that administer.
    #[command(subcommand)]
    Tokens(tokens::Tokens),
    /// Erase visitors, and make sure that they are gone.
    #[command(subcommand)]
    Privacy(privacy::Privacy),
    /// The log of all changes.
    #[command(subcommand)]
    Audit(Audit),
    Counts(counts::Counts),
    Simulate(simulate::Simulate),
    Loop(loop_turn::Loop),
    Alerts(alerts::Alerts),
    Budgets(budgets::Budgets),
    Decide(decide::Decide),
    Eval(eval::Eval),
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
    Map(crate::cmd::profiles_map::Map),
    Clv(crate::cmd::profiles_clv::Clv),
    Compile(crate::cmd::profiles_compile::Compile),
    Evaluate(crate::cmd::profiles_evaluate::Evaluate),
    Explain(crate::cmd::profiles_explain::Explain),
    Diff(crate::cmd::profiles_diff::Diff),
    Rank(crate::cmd::profiles_rank::Rank),
    Lookalike(crate::cmd::profiles_lookalike::Lookalike),
    Schema(crate::cmd::profiles_schema::Schema),
}

/// `vitrine policy …`
#[cfg(feature = "profiles")]
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Policy {
    Evaluate(crate::cmd::policy_evaluate::Evaluate),
}

/// `vitrine stock …`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Stock {
    Publish(stock_publish::Publish),
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
    Init(config_init::Init),
    Check(config_check::Check),
    Calendar(config_calendar::Calendar),
    Diff(config_diff::Diff),
    Publish(config_publish::Publish),
    /// Drafts: changes that others look at before they are published.
    #[command(subcommand)]
    Draft(config_draft::Draft),
    Approve(config_approve::Approve),
    Rollback(config_rollback::Rollback),
    Versions(config_versions::Versions),
    Export(config_export::Export),
    Import(config_import::Import),
    Preview(config_preview::Preview),
}

/// `vitrine experiments …`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Experiments {
    Explain(experiments_explain::Explain),
}

/// `vitrine audit …`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Audit {
    Verify(audit_verify::Verify),
    Export(audit_export::Export),
}

/// `vitrine keys …`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Keys {
    Generate(keys_generate::Generate),
}

/// Where the Worker is, and who is asking.
#[derive(Clone, Debug, Args)]
pub struct EdgeArgs {
    /// Address of the Worker, such as `https://offers.shop.example`.
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// File with the admin token. Default: the variable VITRINE_ADMIN_TOKEN.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// As [`EdgeArgs`], where a command can do without.
#[derive(Clone, Debug, Args)]
pub struct PerhapsEdgeArgs {
    /// Address of the Worker, such as `https://offers.shop.example`.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// File with the admin token. Default: the variable VITRINE_ADMIN_TOKEN.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub token_file: Option<PathBuf>,
}

impl PerhapsEdgeArgs {
    /// The Worker, if one is named.
    pub fn given(&self) -> Option<EdgeArgs> {
        self.url.clone().map(|url| EdgeArgs { url, token_file: self.token_file.clone() })
    }
}

/// Which environment.
#[derive(Clone, Debug, Args)]
pub struct EnvironmentArg {
    /// The environment.
    #[arg(long, value_name = "NAME", default_value = vitrine_api::PRODUCTION)]
    pub environment: String,
}
