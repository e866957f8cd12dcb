//! OpenFeature clients in other languages, for the end-to-end tests. They are extras: where one cannot be had, its tests are
//! skipped, and the reason is printed.

use crate::command::{capture, cargo, command};
use crate::project::Project;
use crate::stamp;
use crate::steps::{Outcome, Step, Steps};
use anyhow::Result;
use std::path::PathBuf;

/// How many steps [`ensure`] takes.
pub const N_STEPS: usize = 2;

/// Where the clients are.
pub fn dir(project: &Project) -> PathBuf {
    project.tools().join("clients")
}

/// Brings the clients into place, as far as this machine can.
pub fn ensure(project: &Project, steps: &mut Steps) -> Result<()> {
    steps.step("OpenFeature client for Python", |step| or_left_out(python(project, step)))?;
    steps.step("OpenFeature client for Rust", |step| or_left_out(rust(project, step)))
}

fn or_left_out(outcome: Result<Outcome>) -> Result<Outcome> {
    Ok(outcome.unwrap_or_else(|error| Outcome::DoneWith(format!("left out, its tests are skipped: {error:#}"))))
}

/// A virtual environment with the packages of `requirements.txt`.
fn python(project: &Project, step: &Step) -> Result<Outcome> {
    let version = capture(command("python3", project.root()).arg("--version"))?;
    let requirements = project.path("tests/e2e/clients/python/requirements.txt");
    let inputs = stamp::Inputs::default().word(&version).path(&requirements)?.finish();
    let (env, stamp_file) = (dir(project).join("python"), dir(project).join("python.stamp"));
    if stamp::is_fresh(&stamp_file, &inputs) {
        return Ok(Outcome::AlreadyThere);
    }
    step.run(command("python3", project.root()).args(["-m", "venv", "--clear"]).arg(&env))?;
    let mut pip = command(env.join("bin/python"), project.root());
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
    step.run(pip.arg(&requirements))?;
    stamp::write(&stamp_file, &inputs)?;
    Ok(Outcome::Done)
}

/// A program of a workspace of its own. Cargo knows best whether there is anything to do.
fn rust(project: &Project, step: &Step) -> Result<Outcome> {
    let manifest = project.path("tests/e2e/clients/rust/Cargo.toml");
    let mut build = cargo(project.root());
    build.args(["build", "--locked", "--manifest-path"]).arg(manifest);
    build.env("CARGO_TARGET_DIR", dir(project).join("rust"));
    step.run(&mut build)?;
    Ok(Outcome::Done)
}
