//! Rules about crates: the arrows between ours, their dependencies, their lints.

use super::Finding;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Which of our crates each of our crates may use. A crate that is missing here is a finding: a new crate is a decision.
const ARROWS: [(&str, &[&str]); 21] = [
    ("vitrine-engine", &[]),
    ("vitrine-flags", &[]),
    ("vitrine-tables", &[]),
    ("vitrine-learn", &[]),
    ("vitrine-intake", &[]),
    ("vitrine-charts", &[]),
    ("vitrine-bundle", &["vitrine-engine"]),
    ("vitrine-config", &["vitrine-engine", "vitrine-flags", "vitrine-bundle", "vitrine-tables"]),
    ("vitrine-api", &["vitrine-engine", "vitrine-flags", "vitrine-tables", "vitrine-bundle"]),
    ("vitrine-ledger", &["vitrine-engine", "vitrine-api"]),
    ("vitrine-loop", &["vitrine-engine", "vitrine-ledger"]),
    ("vitrine-rim", &["vitrine-engine", "vitrine-tables", "vitrine-api"]),
    ("vitrine-measure", &["vitrine-engine", "vitrine-api", "vitrine-ledger", "vitrine-rim"]),
    ("vitrine-openapi", &["vitrine-engine", "vitrine-api", "vitrine-ledger", "vitrine-loop"]),
    ("vitrine-profiles", &["vitrine-tables", "vitrine-intake", "vitrine-learn", "vitrine-charts"]),
    ("vitrine-demo", &[]),
    ("vitrine-simulate", &["vitrine-engine", "vitrine-demo"]),
    (
        "vitrine-cli",
        &[
            "vitrine-engine",
            "vitrine-flags",
            "vitrine-tables",
            "vitrine-bundle",
            "vitrine-config",
            "vitrine-api",
            "vitrine-ledger",
            "vitrine-loop",
            "vitrine-profiles",
            "vitrine-intake",
            "vitrine-learn",
            "vitrine-demo",
            "vitrine-simulate",
        ],
    ),
    (
        "vitrine-worker",
        &["vitrine-engine", "vitrine-flags", "vitrine-tables", "vitrine-bundle", "vitrine-api", "vitrine-rim"],
    ),
    (
        "vitrine-control",
        &[
            "vitrine-engine",
            "vitrine-flags",
            "vitrine-tables",
            "vitrine-bundle",
            "vitrine-config",
            "vitrine-api",
            "vitrine-ledger",
            "vitrine-loop",
            "vitrine-rim",
        ],
    ),
    ("xtask", &[]),
];

/// Lints that the workspace denies, so that the compiler proves what tidy need not.
const DENIED: [&str; 1] = ["missing_docs"];

/// A crate of the workspace.
#[derive(Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Path of its `Cargo.toml`.
    pub manifest: String,
    /// Normal and build dependencies, optional ones included.
    pub dependencies: BTreeSet<String>,
}

/// The committed allow-list.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// By crate, the packages that it may name in its `Cargo.toml`.
    pub direct: BTreeMap<String, BTreeSet<String>>,
    /// By crate, every package that may be compiled into it for the edge.
    pub trees: BTreeMap<String, BTreeSet<String>>,
}

/// Reads the output of `cargo metadata --no-deps`.
pub fn read_metadata(metadata: &Value) -> Result<Vec<Package>> {
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    packages.iter().map(read_package).collect()
}

fn read_package(package: &Value) -> Result<Package> {
    let text = |value: &Value| value.as_str().map(str::to_owned).context("cargo metadata has an unknown shape");
    let mut dependencies = BTreeSet::new();
    for dependency in package["dependencies"].as_array().context("a package has no dependencies")? {
        if dependency["kind"] != "dev" {
            dependencies.insert(text(&dependency["name"])?);
        }
    }
    Ok(Package { name: text(&package["name"])?, manifest: text(&package["manifest_path"])?, dependencies })
}

/// Reads lines of the shape `direct <crate>: <package> …` and `tree <crate>: <package> …`; `#` starts a comment, an
/// indented line goes on with the one before.
pub fn read_allowed(text: &str) -> Result<Allowed> {
    let mut allowed = Allowed::default();
    let mut open: Option<&mut BTreeSet<String>> = None;
    for line in text.lines() {
        let content = line.split('#').next().unwrap_or_default();
        if content.trim().is_empty() {
            continue;
        }
        let names = if content.starts_with(' ') {
            content
        } else {
            let Some((head, names)) = content.split_once(':') else { bail!("allow-list: no `:` in `{line}`") };
            let list = match head.split_once(' ') {
                Some(("direct", name)) => allowed.direct.entry(name.to_owned()),
                Some(("tree", name)) => allowed.trees.entry(name.to_owned()),
                _ => bail!("allow-list: `{line}` starts with neither `direct` nor `tree` and a crate"),
            };
            open = Some(list.or_default());
            names
        };
        let Some(list) = &mut open else { bail!("allow-list: `{line}` belongs to no crate") };
        list.extend(names.split_whitespace().map(str::to_owned));
    }
    Ok(allowed)
}

/// No crate uses one of ours that the design does not let it use.
pub fn arrows(packages: &[Package]) -> Vec<Finding> {
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in packages {
        let Some((_, targets)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
            findings.push(Finding::error(&package.name, "this crate has no place in the design (tidy's ARROWS)"));
            continue;
        };
        for used in package.dependencies.iter().filter(|name| ours.contains(name.as_str())) {
            if !targets.contains(&used.as_str()) {
                findings
                    .push(Finding::error(&package.name, format!("must not use {used}: the design has no such arrow")));
            }
        }
    }
    findings
}

/// Each dependency from outside stands in the allow-list, and the allow-list holds nothing else.
pub fn direct_dependencies(packages: &[Package], allowed: &Allowed) -> Vec<Finding> {
    let ours: BTreeSet<&String> = packages.iter().map(|package| &package.name).collect();
    let nothing = BTreeSet::new();
    let mut findings = Vec::new();
    for package in packages {
        let allowed = allowed.direct.get(&package.name).unwrap_or(&nothing);
        let outside: BTreeSet<String> =
            package.dependencies.iter().filter(|name| !ours.contains(name)).cloned().collect();
        for extra in outside.difference(allowed) {
            findings.push(Finding::error(
                &package.name,
                format!("depends on {extra}, which is not in xtask/allowed-dependencies.txt"),
            ));
        }
        for gone in allowed.difference(&outside) {
            findings.push(Finding::error(
                &package.name,
                format!("does not depend on {gone}: take it out of xtask/allowed-dependencies.txt"),
            ));
        }
    }
    findings
}

/// Everything that is compiled into a crate for the edge stands in the allow-list. `tree` is the output of `cargo tree`
/// with one `name version …` a line.
pub fn whole_tree(name: &str, tree: &str, allowed: &Allowed) -> Vec<Finding> {
    let nothing = BTreeSet::new();
    let allowed = allowed.trees.get(name).unwrap_or(&nothing);
    let found: BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split(' ').next()).filter(|found| *found != name).collect();
    let extra = found.iter().filter(|found| !found.is_empty() && !allowed.contains(**found));
    extra
        .map(|found| {
            Finding::error(
                name,
                format!("brings {found} to the edge, which is not in its tree of xtask/allowed-dependencies.txt"),
            )
        })
        .collect()
}

/// Each crate inherits the workspace's lints.
pub fn inherited_lints(name: &str, manifest: &str) -> Vec<Finding> {
    match section(manifest, "lints").any(|line| line == "workspace = true") {
        true => Vec::new(),
        false => vec![Finding::error(name, "its Cargo.toml lacks `[lints]` with `workspace = true`")],
    }
}

/// The workspace denies what the rules rest on.
pub fn denied_lints(root_manifest: &str) -> Vec<Finding> {
    let denied: Vec<&str> = section(root_manifest, "workspace.lints.rust").collect();
    let missing = DENIED.iter().filter(|lint| !denied.contains(&format!("{lint} = \"deny\"").as_str()));
    missing.map(|lint| Finding::error("Cargo.toml", format!("the workspace must deny {lint}"))).collect()
}

fn section<'a>(manifest: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let head = format!("[{name}]");
    let lines = manifest.lines().map(str::trim).skip_while(move |line| *line != head).skip(1);
    lines.take_while(|line| !line.starts_with('['))
}

#[cfg(test)]
mod crate_rule_tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            manifest: String::new(),
            dependencies: dependencies.iter().map(ToString::to_string).collect(),
        }
    }

    fn shown(findings: Vec<Finding>) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_arrow_against_the_design_is_found() {
        let packages = [package("vitrine-engine", &["vitrine-config"]), package("vitrine-config", &["vitrine-engine"])];
        assert_eq!(
            shown(arrows(&packages)),
            ["error: vitrine-engine: must not use vitrine-config: the design has no such arrow"]
        );
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(
            shown(arrows(&[package("vitrine-new", &[])])),
            ["error: vitrine-new: this crate has no place in the design (tidy's ARROWS)"]
        );
    }

    #[test]
    fn a_dependency_that_is_not_allowed_and_an_allowance_without_use_are_found() {
        let packages = [package("vitrine-engine", &["rand"])];
        let allowed = read_allowed("direct vitrine-engine: libm\n").unwrap();
        assert_eq!(
            shown(direct_dependencies(&packages, &allowed)),
            [
                "error: vitrine-engine: depends on rand, which is not in xtask/allowed-dependencies.txt",
                "error: vitrine-engine: does not depend on libm: take it out of xtask/allowed-dependencies.txt",
            ]
        );
    }

    #[test]
    fn a_package_that_comes_along_to_the_edge_is_found() {
        let allowed = read_allowed("tree vitrine-tables: libm\n  serde # the manifest\n").unwrap();
        let tree = "vitrine-tables v0.1.0 (/somewhere)\nlibm v0.2.15\nserde v1.0.0\nregex v1.0.0\n";
        assert_eq!(
            shown(whole_tree("vitrine-tables", tree, &allowed)),
            [
                "error: vitrine-tables: brings regex to the edge, which is not in its tree of xtask/allowed-dependencies.txt"
            ]
        );
    }

    #[test]
    fn a_broken_allow_list_is_an_error() {
        for text in ["libm", "direct: libm", "  libm", "both vitrine-engine: libm"] {
            assert!(read_allowed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lints_that_are_not_inherited_or_not_denied_are_found() {
        assert!(inherited_lints("a", "[package]\n[lints]\nworkspace = true\n").is_empty());
        assert_eq!(inherited_lints("a", "[package]\nedition.workspace = true\n").len(), 1);
        assert!(denied_lints("[workspace.lints.rust]\nmissing_docs = \"deny\"\n[profile.dev]\n").is_empty());
        assert_eq!(denied_lints("[workspace.lints.rust]\nmissing_docs = \"warn\"\n").len(), 1);
    }

    #[test]
    fn development_dependencies_are_no_walls() {
        let metadata = serde_json::json!({ "packages": [{
            "name": "vitrine-engine", "manifest_path": "Cargo.toml",
            "dependencies": [{ "name": "libm", "kind": null }, { "name": "proptest", "kind": "dev" }, { "name": "cc", "kind": "build" }],
        }]});
        assert_eq!(read_metadata(&metadata).unwrap()[0].dependencies, package("", &["cc", "libm"]).dependencies);
    }
}
