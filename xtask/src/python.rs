//! Virtual environments of Python: what tests and tasks need from its package index, each in a folder of its own.

use crate::command::{capture, command};
use crate::project::Project;
use crate::stamp;
use crate::steps::{Outcome, Step};
use anyhow::{Context, Result};
use std::path::Path;

/// A virtual environment in `env` with the packages of a `requirements.txt`, which names every package with its version.
///
/// Errors: there is no Python 3, or its packages cannot be had.
pub fn environment(project: &Project, step: &Step, env: &Path, requirements: &str) -> Result<Outcome> {
    let version = capture(command("python3", project.root()).arg("--version")).context("Python 3 is needed")?;
    let requirements = project.path(requirements);
    let inputs = stamp::Inputs::default().word(&version).path(&requirements)?.finish();
    let stamp_file = env.with_extension("stamp");
    if stamp::is_fresh(&stamp_file, &inputs) {
        return Ok(Outcome::AlreadyThere);
    }
    step.run(command("python3", project.root()).args(["-m", "venv", "--clear"]).arg(env))?;
    let mut pip = command(env.join("bin/python"), project.root());
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
    step.run(pip.arg(&requirements))?;
    stamp::write(&stamp_file, &inputs)?;
    Ok(Outcome::Done)
}
