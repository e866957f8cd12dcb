//! The walls of the house, proved: what may depend on what, and what every file must have.
//!
//! Each rule is a pure function from text to findings, in `crates` and `files`; this file reads and reports.

mod crates;
mod files;

use crate::command::{capture, cargo, command};
use crate::project::Project;
use anyhow::{Context, Result, bail};
use std::fmt;

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file or crate, with a line number where there is one.
    pub place: String,
    /// What is wrong and what would be right.
    pub what: String,
    /// Whether the check fails by it.
    pub weight: Weight,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// The check fails.
    Error,
    /// Shown only.
    Warning,
}

impl Finding {
    fn error(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), weight: Weight::Error }
    }

    fn warning(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), weight: Weight::Warning }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::Error => "error",
            Weight::Warning => "warning",
        };
        write!(f, "{weight}: {}: {}", self.place, self.what)
    }
}

/// The task `tidy`. Errors: a rule is broken; each break was printed.
pub fn run(project: &Project) -> Result<()> {
    let mut findings = Vec::new();
    let n_crates = check_crates(project, &mut findings)?;
    let n_files = check_files(project, &mut findings)?;
    for finding in &findings {
        println!("{finding}");
    }
    let n_errors = findings.iter().filter(|finding| finding.weight == Weight::Error).count();
    if n_errors > 0 {
        bail!("{n_errors} findings against the rules of the house");
    }
    println!("tidy: {n_crates} crates and {n_files} files keep the rules");
    Ok(())
}

fn check_crates(project: &Project, findings: &mut Vec<Finding>) -> Result<usize> {
    let metadata = capture(cargo(project.root()).args(["metadata", "--format-version=1", "--no-deps", "--locked"]))?;
    let packages = crates::read_metadata(&serde_json::from_str(&metadata).context("cargo metadata gave no JSON")?)?;
    let allowed_file = "xtask/allowed-dependencies.txt";
    let allowed =
        std::fs::read_to_string(project.path(allowed_file)).with_context(|| format!("cannot read {allowed_file}"))?;
    let allowed = crates::read_allowed(&allowed)?;
    findings.extend(crates::arrows(&packages));
    findings.extend(crates::direct_dependencies(&packages, &allowed));
    for name in allowed.trees.keys() {
        let tree = capture(
            cargo(project.root())
                .args(["tree", "--locked", "--package", name, "--edges", "normal,no-proc-macro"])
                .args(["--target", "wasm32-unknown-unknown", "--prefix", "none", "--format", "{p}"]),
        )?;
        findings.extend(crates::whole_tree(name, &tree, &allowed));
    }
    for package in &packages {
        let manifest =
            std::fs::read_to_string(&package.manifest).with_context(|| format!("cannot read {}", package.manifest))?;
        findings.extend(crates::inherited_lints(&package.name, &manifest));
    }
    let root_manifest = std::fs::read_to_string(project.path("Cargo.toml"))?;
    findings.extend(crates::denied_lints(&root_manifest));
    Ok(packages.len())
}

fn check_files(project: &Project, findings: &mut Vec<Finding>) -> Result<usize> {
    let listed = capture(command("git", project.root()).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ]))
    .context("the list of files comes from git")?;
    let mut n_files = 0;
    for name in listed.lines() {
        // A deleted file is listed until the deletion is committed.
        let Ok(bytes) = std::fs::read(project.path(name)) else { continue };
        let Ok(text) = String::from_utf8(bytes) else { continue };
        n_files += 1;
        findings.extend(files::check(name, &text));
    }
    Ok(n_files)
}
