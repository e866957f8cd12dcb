//! Programs that the tests talk to: OpenFeature clients in other languages, a browser, a bucket, a warehouse. They are extras: where one cannot be had, its tests are
//! skipped, and the reason is printed.

use crate::command::{cargo, command, find_in_path};
use crate::project::Project;
use crate::python;
use crate::steps::{Outcome, Step, Steps};
use anyhow::{Context, Result};
use std::path::PathBuf;

/// How many steps [`ensure`] takes.
pub const N_STEPS: usize = 3;
/// How many steps [`ensure_raw_data`] takes.
pub const N_RAW_DATA_STEPS: usize = 1;

/// Where the clients are.
pub fn dir(project: &Project) -> PathBuf {
    project.tools().join("clients")
}

/// Brings the clients into place, as far as this machine can.
pub fn ensure(project: &Project, steps: &mut Steps) -> Result<()> {
    steps.step("OpenFeature client for Python", |step| {
        let requirements = "tests/e2e/clients/python/requirements.txt";
        or_left_out(python::environment(project, step, &dir(project).join("python"), requirements))
    })?;
    steps.step("OpenFeature client for Rust", |step| or_left_out(rust(project, step)))?;
    steps.step("Chromium", |step| or_left_out(browser(project, step)))
}

/// Names of the browser, as `tests/e2e/support/browser.mjs` looks for them.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A browser for the storefront's tag: one that is there, or Debian's.
fn browser(project: &Project, step: &Step) -> Result<Outcome> {
    if std::env::var_os("VITRINE_BROWSER").is_some() || BROWSERS.iter().any(|it| find_in_path(it).is_some()) {
        return Ok(Outcome::AlreadyThere);
    }
    let mut install = command("apt-get", project.root());
    install.args(["install", "--yes", "--no-install-recommends", "chromium"]).env("DEBIAN_FRONTEND", "noninteractive");
    let remedy = "install Chromium (Debian, as root: apt-get install chromium), or name a browser in VITRINE_BROWSER";
    step.run(&mut install).context(remedy)?;
    Ok(Outcome::Done)
}

/// A bucket and a warehouse for the tests of reading raw data, as far as this machine can; see [`raw_data_env`].
pub fn ensure_raw_data(project: &Project, steps: &mut Steps) -> Result<()> {
    steps.step("bucket and warehouse for tests", |step| {
        or_left_out(python::environment(project, step, &raw_data(project), "tests/raw_data/requirements.txt"))
    })
}

/// What tells tests where the bucket's server and the warehouse's Python are. A variable is left out when its program is
/// missing, and the tests that need it are skipped.
pub fn raw_data_env(project: &Project) -> Vec<(&'static str, PathBuf)> {
    let bin = raw_data(project).join("bin");
    let programs = [("VITRINE_MOTO_SERVER", bin.join("moto_server")), ("VITRINE_DUCKDB_PYTHON", bin.join("python"))];
    programs.into_iter().filter(|(_, program)| program.exists()).collect()
}

fn raw_data(project: &Project) -> PathBuf {
    project.tools().join("raw-data")
}

fn or_left_out(outcome: Result<Outcome>) -> Result<Outcome> {
    Ok(outcome.unwrap_or_else(|error| Outcome::DoneWith(format!("left out, its tests are skipped: {error:#}"))))
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
