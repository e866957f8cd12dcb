//! Everything that must be green before a change lands. `.ci/run` is this task, without a terminal.

use crate::command::{cargo, shown};
use crate::project::Project;
use crate::steps::{Steps, shown_duration};
use crate::tests::{self, SAME_FEATURES, Scope, Verdict, colour};
use crate::{setup, tidy, worker};
use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// Crates that run at the edge.
const WASM_CRATES: [&str; 5] = ["vitrine-engine", "vitrine-config", "vitrine-tables", "vitrine-api", "vitrine-worker"];

/// The task `ci`. Cheap checks come first. The tests' closing line is the last one.
pub fn run(project: &Project) -> Result<()> {
    let mut board = Board::default();
    let result = checks(project, &mut board);
    board.show();
    result?.close()
}

fn checks(project: &Project, board: &mut Board) -> Result<Verdict> {
    board.check("format", || cargo_task(project, &["fmt", "--all", "--check"], &[]))?;
    board.check("tidy", || tidy::run(project))?;
    board.check("set-up", || setup::ensure(project, &mut Steps::new(setup::N_STEPS, &project.tools().join("log"))))?;
    board.check("wasm check", || {
        let mut args = vec!["check", "--locked", "--target", "wasm32-unknown-unknown"];
        args.extend(WASM_CRATES.iter().flat_map(|name| ["-p", *name]));
        cargo_task(project, &args, &[])
    })?;
    board.check("Worker and its size", || {
        worker::build(project, &mut Steps::new(worker::N_STEPS, &project.tools().join("log")))?;
        let size = worker::Size::of(project)?;
        println!("{}", size.shown());
        size.check()
    })?;
    board.check("clippy", || {
        cargo_task(project, &["clippy", "--workspace", "--locked", "--all-targets", "--", "-D", "warnings"], &[])
    })?;
    board.check("docs", || {
        let mut args = vec!["doc", "--no-deps", "--lib", "--bins"];
        args.extend(SAME_FEATURES);
        cargo_task(project, &args, &[("RUSTDOCFLAGS", "-D warnings")])
    })?;
    board.check("tests", || tests::count(project, Scope::All))
}

fn cargo_task(project: &Project, args: &[&str], env: &[(&str, &str)]) -> Result<()> {
    let mut cargo = cargo(project.root());
    cargo.args(args).envs(env.iter().copied());
    match shown(colour(&mut cargo))? {
        (true, _) => Ok(()),
        (false, _) => bail!("cargo {} failed", args.first().unwrap_or(&"")),
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
