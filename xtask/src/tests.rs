//! All tests: the crates with `cargo test`, then end to end against local workerd with Node's test runner.

use crate::command::{cargo, command, shown};
use crate::counts::Counts;
use crate::project::Project;
use crate::steps::{Outcome, Steps};
use crate::{setup, worker};
use anyhow::{Result, bail};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Command;

/// What every build of the workspace for this machine selects, so that all of them give the same features to the same
/// crates and none is compiled twice. `--examples` (there are none) makes cargo count the features of dev-dependencies,
/// as `cargo test` always does.
pub const SAME_FEATURES: [&str; 3] = ["--workspace", "--locked", "--examples"];

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
    let mut cargo_test = cargo(project.root());
    cargo_test.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    let (success, output) = shown(colour(&mut cargo_test))?;
    let crates = Verdict::of(success, &output);
    match scope {
        Scope::Crates => {
            println!("\nend-to-end tests left out: --fast");
            Ok(crates)
        }
        Scope::All => {
            let end_to_end = end_to_end(project)?;
            Ok(Verdict { counts: crates.counts + end_to_end.counts, ok: crates.ok && end_to_end.ok })
        }
    }
}

fn end_to_end(project: &Project) -> Result<Verdict> {
    let mut steps = Steps::new(worker::N_STEPS + 1, &project.tools().join("log"));
    worker::build(project, &mut steps)?;
    build_vitrine(project, &mut steps)?;
    let files = test_files(project)?;
    if files.is_empty() {
        println!("no end-to-end tests in tests/e2e");
        return Ok(Verdict::of(false, ""));
    }
    let mut node = command(project.node(), project.root());
    node.args(["--test", "--test-reporter=spec"]).args(files);
    node.env("VITRINE_BIN", project.vitrine()).env("VITRINE_BUILD_DIR", project.worker_build());
    let (success, output) = shown(&mut node)?;
    Ok(Verdict::of(success, &output))
}

/// Builds the `vitrine` command as the tests build it.
pub fn build_vitrine(project: &Project, steps: &mut Steps) -> Result<()> {
    steps.step("vitrine command", |step| {
        let mut build = cargo(project.root());
        build.arg("build").args(SAME_FEATURES).args(["--bin", "vitrine"]);
        step.run(&mut build)?;
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
