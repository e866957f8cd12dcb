//! All tests: the crates with `cargo test`, then end to end against local workerd with Node's test runner.

use crate::command::{command, shown};
use crate::counts::Counts;
use crate::packages::{WITH_DATAFUSION, WITHOUT_DATAFUSION, cargo_for};
use crate::project::Project;
use crate::steps::{Outcome, Steps};
use crate::{clients, setup, worker};
use anyhow::{Result, bail};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Command;

/// Which tests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// Only `cargo test`: quick, but proves nothing about the Worker.
    Crates,
}

/// The task `test`. The last line of its output is `N passed, N failed, N skipped`.
pub fn run(project: &Project, scope: Scope) -> Result<()> {
    let mut steps = Steps::new(setup::N_STEPS, &project.tools().join("log"));
    setup::ensure(project, &mut steps)?;
    count(project, scope)?.close()
}

/// What all runners together found.
pub struct Verdict {
    counts: Counts,
    ok: bool,
}

impl Verdict {
    fn of(success: bool, output: &str) -> Self {
        let counts = Counts::read(output);
        Self { counts, ok: success && counts.failed == 0 && counts.passed > 0 }
    }

    fn and(self, other: Self) -> Self {
        Self { counts: self.counts + other.counts, ok: self.ok && other.ok }
    }

    /// Prints the closing line. Errors: a test failed, or a runner found no test.
    pub fn close(self) -> Result<()> {
        println!("\n{}", self.counts);
        if !self.ok {
            bail!("not all tests passed, or a runner found none");
        }
        Ok(())
    }
}

/// Runs the tests. The tools must be in place.
pub fn count(project: &Project, scope: Scope) -> Result<Verdict> {
    let mut steps = Steps::new(clients::N_RAW_DATA_STEPS, &project.tools().join("log"));
    clients::ensure_raw_data(project, &mut steps)?;
    let crates = cargo_test(project, &WITHOUT_DATAFUSION)?.and(cargo_test(project, &WITH_DATAFUSION)?);
    match scope {
        Scope::Crates => {
            println!("\nend-to-end tests left out: --fast");
            Ok(crates)
        }
        Scope::All => Ok(crates.and(end_to_end(project)?)),
    }
}

fn cargo_test(project: &Project, packages: &[&str]) -> Result<Verdict> {
    let mut cargo = cargo_for(project, "test", packages);
    cargo.arg("--no-fail-fast").envs(clients::raw_data_env(project));
    let (success, output) = shown(colour(&mut cargo))?;
    Ok(Verdict::of(success, &output))
}

fn end_to_end(project: &Project) -> Result<Verdict> {
    let mut steps = Steps::new(worker::N_STEPS + 1 + clients::N_STEPS, &project.tools().join("log"));
    worker::build(project, &mut steps)?;
    build_vitrine(project, &mut steps)?;
    clients::ensure(project, &mut steps)?;
    let files = test_files(project)?;
    if files.is_empty() {
        println!("no end-to-end tests in tests/e2e");
        return Ok(Verdict::of(false, ""));
    }
    let mut node = command(project.node(), project.root());
    // A test waits for workerd as often as it works: two at a time, also where Node would run one.
    node.args(["--test", "--test-concurrency=2", "--test-reporter=spec"]).args(files);
    node.env("VITRINE_BIN", project.vitrine()).env("VITRINE_BUILD_DIR", project.worker_build());
    node.env("VITRINE_CLIENTS", clients::dir(project));
    let (success, output) = shown(&mut node)?;
    Ok(Verdict::of(success, &output))
}

/// Builds the `vitrine` command as the tests build it.
pub fn build_vitrine(project: &Project, steps: &mut Steps) -> Result<()> {
    steps.step("vitrine command", |step| {
        step.run(cargo_for(project, "build", &WITH_DATAFUSION).args(["--bin", "vitrine"]))?;
        Ok(Outcome::Done)
    })
}

fn test_files(project: &Project) -> Result<Vec<PathBuf>> {
    let dir = project.path("tests/e2e");
    let mut files = Vec::new();
    if dir.is_dir() {
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(".test.mjs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Cargo writes into a pipe here; it shall look as it does without one.
pub fn colour(cargo: &mut Command) -> &mut Command {
    if std::io::stdout().is_terminal() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    cargo
}
