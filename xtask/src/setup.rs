//! The tools that the tasks need, installed into the project's own folders when they are missing.
//!
//! Versions: npm packages by `package-lock.json`, wasm-bindgen by `Cargo.lock`, worker-build here.

use crate::command::{capture, cargo, command, find_in_path};
use crate::project::Project;
use crate::stamp;
use crate::steps::{Outcome, Step, Steps};
use anyhow::{Context, Result, anyhow, bail};
use std::process::Command;

/// The packager of Workers written in Rust. Its minor version must be that of the crate `worker`.
const WORKER_BUILD: &str = "0.8.7";
/// What miniflare and npm's lock file format need.
const NODE_MAJOR_MIN: u32 = 20;

/// How many steps [`ensure`] takes.
pub const N_STEPS: usize = 4;

/// The task `setup`.
pub fn run(project: &Project) -> Result<()> {
    ensure(project, &mut Steps::new(N_STEPS, &project.tools().join("log")))
}

/// Brings every tool into place. Errors: one line with what is missing and how to mend it.
pub fn ensure(project: &Project, steps: &mut Steps) -> Result<()> {
    steps.step("wasm target", |step| wasm_target(project, step))?;
    steps.step("npm packages", |step| npm_packages(project, step))?;
    steps.step(&format!("worker-build {WORKER_BUILD}"), |step| {
        install(
            project,
            step,
            &CargoTool { package: "worker-build", program: "worker-build", version: WORKER_BUILD, locked: true },
        )
    })?;
    let version = wasm_bindgen_version(project)?;
    steps.step(&format!("wasm-bindgen {version}"), |step| {
        // Without its own lock file: that one names versions that the registry has withdrawn.
        install(
            project,
            step,
            &CargoTool { package: "wasm-bindgen-cli", program: "wasm-bindgen", version: &version, locked: false },
        )
    })?;
    // Only the programs are needed from now on.
    let leftovers = project.tools().join("target");
    if leftovers.exists() {
        std::fs::remove_dir_all(&leftovers).with_context(|| format!("cannot remove {}", leftovers.display()))?;
    }
    Ok(())
}

fn wasm_target(project: &Project, step: &Step) -> Result<Outcome> {
    let libraries = capture(command("rustc", project.root()).args([
        "--print",
        "target-libdir",
        "--target",
        "wasm32-unknown-unknown",
    ]))
    .map_err(|error| mend(error, "rustc is needed", "install Rust with rustup"))?;
    if std::path::Path::new(&libraries).is_dir() {
        return Ok(Outcome::AlreadyThere);
    }
    step.run(command("rustup", project.root()).args(["target", "add", "wasm32-unknown-unknown"])).map_err(|error| {
        mend(
            error,
            "the Rust target wasm32-unknown-unknown is missing and could not be added",
            "check the network and run `rustup target add wasm32-unknown-unknown`",
        )
    })?;
    Ok(Outcome::Done)
}

fn npm_packages(project: &Project, step: &Step) -> Result<Outcome> {
    let node = capture(command("node", project.root()).arg("--version"))
        .map_err(|error| mend(error, "Node.js is needed", "install Node.js 20 or later, with npm"))?;
    if node_major(&node).is_none_or(|major| major < NODE_MAJOR_MIN) {
        bail!("Node.js {node} is too old: install Node.js {NODE_MAJOR_MIN} or later");
    }
    let inputs = stamp::Inputs::default()
        .path(&project.path("package.json"))?
        .path(&project.path("package-lock.json"))?
        .path(&project.path(".npmrc"))?
        .finish();
    let stamp_file = project.path("node_modules/.vitrine-stamp");
    if stamp::is_fresh(&stamp_file, &inputs) {
        return Ok(Outcome::AlreadyThere);
    }
    step.run(command("npm", project.root()).args(["ci", "--no-audit", "--no-fund"])).map_err(|error| {
        mend(
            error,
            "the npm packages could not be installed",
            "check the network and npm's registry setting, then run the task again",
        )
    })?;
    stamp::write(&stamp_file, &inputs)?;
    Ok(Outcome::Done)
}

/// A program that cargo installs into the tools folder.
struct CargoTool<'a> {
    package: &'a str,
    program: &'a str,
    version: &'a str,
    locked: bool,
}

fn install(project: &Project, step: &Step, tool: &CargoTool) -> Result<Outcome> {
    let program = project.tools().join("bin").join(tool.program);
    let installed = capture(command(&program, project.root()).arg("--version")).unwrap_or_default();
    if installed.split_whitespace().any(|word| word == tool.version) {
        return Ok(Outcome::AlreadyThere);
    }
    let mut install = cargo(project.root());
    install.args(["install", "--force", "--root"]).arg(project.tools());
    install.args([tool.package, "--version", tool.version]);
    if tool.locked {
        install.arg("--locked");
    }
    quick_release_profile(&mut install);
    install.env("CARGO_TARGET_DIR", project.tools().join("target"));
    step.run(&mut install).map_err(|error| {
        let remedy = if needs_openssl(project) {
            "install OpenSSL's headers (Debian: apt-get install pkg-config libssl-dev), then run the task again"
        } else {
            "check the network and that a C linker is installed, then run the task again"
        };
        mend(error, &format!("{} {} could not be installed", tool.package, tool.version), remedy)
    })?;
    Ok(Outcome::Done)
}

/// These programs run for a second at a time and are compiled once: short compilation wins over speed.
fn quick_release_profile(install: &mut Command) {
    for (setting, value) in
        [("OPT_LEVEL", "0"), ("LTO", "off"), ("CODEGEN_UNITS", "16"), ("DEBUG", "false"), ("STRIP", "symbols")]
    {
        install.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
    }
}

/// worker-build links OpenSSL on Linux, and finds it with pkg-config.
fn needs_openssl(project: &Project) -> bool {
    cfg!(target_os = "linux")
        && (find_in_path("pkg-config").is_none()
            || capture(command("pkg-config", project.root()).args(["--exists", "openssl"])).is_err())
}

/// The version that the Worker is linked with: the tool must be of exactly this one.
pub fn wasm_bindgen_version(project: &Project) -> Result<String> {
    let lock = std::fs::read_to_string(project.path("Cargo.lock")).context("cannot read Cargo.lock")?;
    locked_version(&lock, "wasm-bindgen").context("Cargo.lock has no wasm-bindgen")
}

fn locked_version(lock: &str, package: &str) -> Option<String> {
    let (_, entry) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    entry.split_once('"').map(|(version, _)| version.to_owned())
}

fn node_major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

fn mend(error: anyhow::Error, what: &str, remedy: &str) -> anyhow::Error {
    anyhow!("{what}: {remedy} ({error:#})")
}

#[cfg(test)]
mod version_tests {
    use super::*;

    #[test]
    fn the_locked_version_is_that_of_the_exact_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen").as_deref(), Some("0.2.130"));
        assert_eq!(locked_version(lock, "worker"), None);
    }

    #[test]
    fn node_versions_are_read() {
        assert_eq!([node_major("v20.20.2"), node_major("22.1.0"), node_major("what")], [Some(20), Some(22), None]);
    }

    #[test]
    fn an_error_is_one_line_with_its_remedy() {
        let shown = mend(
            anyhow!("npm ci failed: npm error 403"),
            "the npm packages could not be installed",
            "check the network",
        )
        .to_string();
        assert_eq!(shown, "the npm packages could not be installed: check the network (npm ci failed: npm error 403)");
    }
}
