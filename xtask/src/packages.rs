//! Which packages cargo builds together.
//!
//! Cargo gives a crate every feature that a package of the same build asks for. Were all packages built at once, the
//! Worker's wishes would give DataFusion's crates other features than the `vitrine` command does, and compile them twice.

use crate::command::cargo;
use crate::project::Project;
use std::process::Command;

/// The packages that need DataFusion, and what only they use.
pub const WITH_DATAFUSION: [&str; 4] = ["vitrine-learn", "vitrine-intake", "vitrine-profiles", "vitrine-cli"];
/// The packages for this machine that do not.
pub const WITHOUT_DATAFUSION: [&str; 13] = [
    "vitrine-engine",
    "vitrine-config",
    "vitrine-tables",
    "vitrine-api",
    "vitrine-demo",
    "xtask",
    "vitrine-bundle",
    "vitrine-flags",
    "vitrine-openapi",
    "vitrine-charts",
    "vitrine-ledger",
    "vitrine-simulate",
    "vitrine-loop",
];
/// The packages for the edge alone; compiled for wasm.
pub const EDGE_ONLY: [&str; 4] = ["vitrine-worker", "vitrine-rim", "vitrine-control", "vitrine-measure"];
/// The libraries that run at the edge as well as on this machine.
pub const EDGE_TOO: [&str; 8] = [
    "vitrine-engine",
    "vitrine-config",
    "vitrine-tables",
    "vitrine-api",
    "vitrine-bundle",
    "vitrine-flags",
    "vitrine-ledger",
    "vitrine-loop",
];
/// Where the edge packages run.
pub const EDGE_TARGET: &str = "wasm32-unknown-unknown";

/// `cargo <verb> --locked -p …` for packages that are always built together.
pub fn cargo_for(project: &Project, verb: &str, packages: &[&str]) -> Command {
    let mut cargo = cargo(project.root());
    cargo.args([verb, "--locked"]).args(packages.iter().flat_map(|name| ["-p", *name]));
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_in_one_group() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        let output = std::process::Command::new(env!("CARGO"))
            .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path", manifest])
            .output()
            .unwrap();
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let packages = metadata["packages"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap());
        let mut expected: Vec<&str> = packages.collect();
        let mut found = [&WITH_DATAFUSION[..], &WITHOUT_DATAFUSION, &EDGE_ONLY].concat();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
        assert!(EDGE_TOO.iter().all(|name| WITHOUT_DATAFUSION.contains(name)));
    }
}
