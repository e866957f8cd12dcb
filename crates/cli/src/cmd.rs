//! The subcommands, one file each.

pub mod alerts;
pub mod audit_export;
pub mod audit_verify;
pub mod budgets;
pub mod config_approve;
pub mod config_calendar;
pub mod config_check;
pub mod config_diff;
pub mod config_draft;
pub mod config_export;
pub mod config_import;
pub mod config_init;
pub mod config_preview;
pub mod config_publish;
pub mod config_rollback;
pub mod config_versions;
pub mod counts;
pub mod decide;
pub mod demo_data;
pub mod environments;
pub mod eval;
pub mod experiments_explain;
pub mod flags_kill;
pub mod keys_generate;
pub mod loop_turn;
#[cfg(feature = "profiles")]
pub mod policy_evaluate;
pub mod privacy;
#[cfg(feature = "profiles")]
pub mod profiles_build;
#[cfg(feature = "profiles")]
pub mod profiles_clv;
#[cfg(feature = "profiles")]
pub mod profiles_compile;
#[cfg(feature = "profiles")]
pub mod profiles_diff;
#[cfg(feature = "profiles")]
pub mod profiles_evaluate;
#[cfg(feature = "profiles")]
pub mod profiles_explain;
#[cfg(feature = "profiles")]
pub mod profiles_lookalike;
#[cfg(feature = "profiles")]
pub mod profiles_map;
#[cfg(feature = "profiles")]
pub mod profiles_rank;
#[cfg(feature = "profiles")]
pub mod profiles_schema;
pub mod simulate;
pub mod stock_publish;
pub mod tables_inspect;
pub mod tables_publish;
pub mod tables_rollback;
pub mod tables_verify;
pub mod tokens;

use crate::args::{Audit, Command, Config, Experiments, Keys, Stock, Tables};
#[cfg(feature = "profiles")]
use crate::args::{Policy, Profiles};
use crate::failure::Failure;
use crate::ui::Ui;

/// Does what the command line says.
///
/// # Errors
/// Whatever stopped the subcommand.
pub fn run(command: Command, ui: &Ui) -> Result<(), Failure> {
    match command {
        #[cfg(feature = "profiles")]
        Command::Profiles(command) => run_profiles(command, ui),
        #[cfg(feature = "profiles")]
        Command::Policy(Policy::Evaluate(args)) => policy_evaluate::run(&args, ui),
        Command::Stock(Stock::Publish(args)) => stock_publish::run(&args, ui),
        Command::Tables(Tables::Inspect(args)) => tables_inspect::run(&args, ui),
        Command::Tables(Tables::Verify(args)) => tables_verify::run(&args, ui),
        Command::Tables(Tables::Publish(args)) => tables_publish::run(&args, ui),
        Command::Tables(Tables::Rollback(args)) => tables_rollback::run(&args, ui),
        Command::Config(Config::Init(args)) => config_init::run(&args, ui),
        Command::Config(Config::Check(args)) => config_check::run(&args, ui),
        Command::Config(Config::Calendar(args)) => config_calendar::run(&args, ui),
        Command::Config(Config::Diff(args)) => config_diff::run(&args, ui),
        Command::Config(Config::Publish(args)) => config_publish::run(&args, ui),
        Command::Config(Config::Draft(args)) => config_draft::run(&args, ui),
        Command::Config(Config::Approve(args)) => config_approve::run(&args, ui),
        Command::Config(Config::Rollback(args)) => config_rollback::run(&args, ui),
        Command::Config(Config::Versions(args)) => config_versions::run(&args, ui),
        Command::Config(Config::Export(args)) => config_export::run(&args, ui),
        Command::Config(Config::Import(args)) => config_import::run(&args, ui),
        Command::Config(Config::Preview(args)) => config_preview::run(&args, ui),
        Command::Experiments(Experiments::Explain(args)) => experiments_explain::run(&args, ui),
        Command::Flags(args) => flags_kill::run(&args, ui),
        Command::Environments(args) => environments::run(&args, ui),
        Command::Tokens(args) => tokens::run(&args, ui),
        Command::Privacy(args) => privacy::run(&args, ui),
        Command::Audit(Audit::Verify(args)) => audit_verify::run(&args, ui),
        Command::Audit(Audit::Export(args)) => audit_export::run(&args, ui),
        Command::Counts(args) => counts::run(&args, ui),
        Command::Simulate(args) => simulate::run(&args, ui),
        Command::Alerts(args) => alerts::run(&args, ui),
        Command::Budgets(args) => budgets::run(&args, ui),
        Command::Loop(args) => loop_turn::run(&args, ui),
        Command::Decide(args) => decide::run(&args, ui),
        Command::Eval(args) => eval::run(&args, ui),
        Command::DemoData(args) => demo_data::run(&args, ui),
        Command::Keys(Keys::Generate(args)) => keys_generate::run(&args, ui),
    }
}

#[cfg(feature = "profiles")]
fn run_profiles(command: Profiles, ui: &Ui) -> Result<(), Failure> {
    match command {
        Profiles::Build(args) => profiles_build::run(&args, ui),
        Profiles::Map(args) => profiles_map::run(&args, ui),
        Profiles::Clv(args) => profiles_clv::run(&args, ui),
        Profiles::Compile(args) => profiles_compile::run(&args, ui),
        Profiles::Evaluate(args) => profiles_evaluate::run(&args, ui),
        Profiles::Explain(args) => profiles_explain::run(&args, ui),
        Profiles::Diff(args) => profiles_diff::run(&args, ui),
        Profiles::Rank(args) => profiles_rank::run(&args, ui),
        Profiles::Lookalike(args) => profiles_lookalike::run(&args, ui),
        Profiles::Schema(args) => profiles_schema::run(&args, ui),
    }
}
