//! The subcommands, one file each.

pub mod config_check;
pub mod config_publish;
pub mod decide;
pub mod demo_data;
pub mod keys_generate;
#[cfg(feature = "profiles")]
pub mod profiles_build;
pub mod tables_inspect;
pub mod tables_publish;
pub mod tables_rollback;
pub mod tables_verify;

use crate::args::{Command, Config, Keys, Tables};
use crate::failure::Failure;
use crate::ui::Ui;

/// Does what the command line says.
///
/// # Errors
/// Whatever stopped the subcommand.
pub fn run(command: Command, ui: &Ui) -> Result<(), Failure> {
    match command {
        #[cfg(feature = "profiles")]
        Command::Profiles(crate::args::Profiles::Build(args)) => profiles_build::run(&args, ui),
        Command::Tables(Tables::Inspect(args)) => tables_inspect::run(&args, ui),
        Command::Tables(Tables::Verify(args)) => tables_verify::run(&args, ui),
        Command::Tables(Tables::Publish(args)) => tables_publish::run(&args, ui),
        Command::Tables(Tables::Rollback(args)) => tables_rollback::run(&args, ui),
        Command::Config(Config::Check(args)) => config_check::run(&args, ui),
        Command::Config(Config::Publish(args)) => config_publish::run(&args, ui),
        Command::Decide(args) => decide::run(&args, ui),
        Command::DemoData(args) => demo_data::run(&args, ui),
        Command::Keys(Keys::Generate(args)) => keys_generate::run(&args, ui),
    }
}
