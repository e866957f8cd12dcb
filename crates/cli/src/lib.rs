//! The `vitrine` command: makes, checks, publishes and tries what the edge decides with.
//!
//! It owns: the command line ([`args`]), reading and writing files, talking to the admin API ([`edge`]), progress and
//! messages ([`ui`]), exit codes ([`failure`]). It leaves out: every computation. A subcommand, one file each in
//! [`cmd`], joins the libraries and shows what they say.
#![forbid(unsafe_code)]

pub mod args;
pub mod cmd;
pub mod comparison;
#[cfg(feature = "profiles")]
pub mod decision_log;
pub mod document;
pub mod edge;
pub mod failure;
pub mod files;
pub mod headcount;
pub mod table;
pub mod ui;
pub mod upload;
pub mod yaml;

use clap::Parser;
use failure::Failure;
use std::process::ExitCode;
use ui::Ui;

/// Reads the command line, does what it says, and tells how it went.
pub fn main() -> ExitCode {
    let args = match args::Vitrine::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // clap prints help and versions to standard output and mistakes to standard error.
            let exit = if error.use_stderr() { failure::Exit::Usage } else { failure::Exit::Done };
            return if error.print().is_ok() { exit.into() } else { failure::Exit::Failed.into() };
        }
    };
    let ui = Ui::new(args.json, args.quiet);
    match cmd::run(args.command, &ui) {
        Ok(()) => failure::Exit::Done.into(),
        Err(Failure::Pipe) => failure::Exit::Done.into(),
        Err(failure) => {
            ui.failure(&failure);
            failure.exit().into()
        }
    }
}
