//! Everything that must be green before a change lands. `.ci/run` is this task, without a terminal.

use crate::command::{cargo, shown};
use crate::packages::{EDGE_ONLY, EDGE_TARGET, EDGE_TOO, WITH_DATAFUSION, WITHOUT_DATAFUSION, cargo_for};
use crate::project::Project;
use crate::steps::{Steps, shown_duration};
use crate::tests::{self, Scope, Verdict, colour};
use crate::{setup, tidy, worker};
use anyhow::{Result, bail};
use std::process::Command;
use std::time::{Duration, Instant};

/// The task `ci`. Cheap checks come first. The tests' closing line is the last one.
pub fn run(project: &Project) -> Result<()> {
    let mut board = Board::default();
    let result = checks(project, &mut board);
    board.show();
    result?.close()
}

fn checks(project: &Project, board: &mut Board) -> Result<Verdict> {
    board.check("format", || green(cargo(project.root()).args(["fmt", "--all", "--check"])))?;
    board.check("tidy", || tidy::run(project))?;
    board.check("set-up", || setup::ensure(project, &mut Steps::new(setup::N_STEPS, &project.tools().join("log"))))?;
    board.check("wasm check", || {
        let packages = [&EDGE_TOO[..], &EDGE_ONLY].concat();
        green(cargo_for(project, "check", &packages).args(["--target", EDGE_TARGET]))
    })?;
    board.check("Worker and its size", || {
        worker::build(project, &mut Steps::new(worker::N_STEPS, &project.tools().join("log")))?;
        println!("{}", worker::shown_sizes(project)?);
        worker::check_sizes(project)
    })?;
    let deny_warnings = ["--", "-D", "warnings"];
    board.check("clippy", || {
        green(cargo_for(project, "clippy", &EDGE_ONLY).args(["--target", EDGE_TARGET]).args(deny_warnings))?;
        green(cargo_for(project, "clippy", &WITHOUT_DATAFUSION).arg("--all-targets").args(deny_warnings))?;
        green(cargo_for(project, "clippy", &WITH_DATAFUSION).arg("--all-targets").args(deny_warnings))
    })?;
    board.check("docs", || {
        let docs = |packages: &[&str]| {
            let mut doc = cargo_for(project, "doc", packages);
            doc.arg("--no-deps").env("RUSTDOCFLAGS", "-D warnings");
            doc
        };
        green(docs(&EDGE_ONLY).args(["--target", EDGE_TARGET]))?;
        green(&mut docs(&WITHOUT_DATAFUSION))?;
        green(&mut docs(&WITH_DATAFUSION))
    })?;
    board.check("tests", || tests::count(project, Scope::All))
}

/// Runs cargo, showing what it says. Errors: it failed.
fn green(cargo: &mut Command) -> Result<()> {
    match shown(colour(cargo))? {
        (true, _) => Ok(()),
        (false, _) => bail!("cargo {} failed", cargo.get_args().next().unwrap_or_default().to_string_lossy()),
    }
}

/// How long each check took.
#[derive(Default)]
struct Board {
    lines: Vec<(&'static str, Duration)>,
}

impl Board {
    fn check<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("== {name}");
        let started = Instant::now();
        let result = work();
        self.lines.push((name, started.elapsed()));
        result.map_err(|error| error.context(format!("{name} is not green")))
    }

    fn show(&self) {
        println!();
        for (name, duration) in &self.lines {
            println!("{name:<22}{:>8}", shown_duration(*duration));
        }
        println!("{:<22}{:>8}", "all", shown_duration(self.lines.iter().map(|(_, duration)| *duration).sum()));
    }
}
