//! Rules about files: how they begin, how long they are, what they must not hold.

use super::Finding;

/// Above this, look for a second idea in the file. Unit: lines outside tests.
const LINES_MAX: usize = 500;

/// Crates that the compiler must prove pure: no unsafe code, and nothing of the standard library that knows a clock, a file
/// or a network (`tables` asks for `std` only in the feature that writes).
const PURE: [&str; 2] = ["crates/engine/src/lib.rs", "crates/tables/src/lib.rs"];
/// What such a crate says.
const PURE_SAYS: [&str; 2] = ["#![forbid(unsafe_code)]", "#![no_std]"];

/// Hosts of package registries, in pieces so that this file does not hold them. A lock file or a script that names one
/// ties the project to it.
const REGISTRY_HOSTS: [(&str, &str); 9] = [
    ("npmjs", ".org"),
    ("npmjs", ".com"),
    ("index.crates", ".io"),
    ("static.crates", ".io"),
    ("//crates", ".io"),
    ("pypi", ".org"),
    ("pythonhosted", ".org"),
    ("deb.debian", ".org"),
    ("proxy.golang", ".org"),
];

/// What must not be left in Rust code, in pieces so that this file does not hold it.
const LEFT_OVER: [(&str, &str); 5] =
    [("todo", "!("), ("unimplemented", "!("), ("dbg", "!("), ("#[", "ignore]"), ("#[", "ignore =")];

/// Folders in which people keep their work, in pieces for the same reason.
const PERSONAL_FOLDERS: [(&str, &str); 4] = [("/ro", "ot/"), ("/ho", "me/"), ("/Us", "ers/"), ("/wo", "rk/")];

/// All rules on one file. `name` is its path from the root, with `/`.
pub fn check(name: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(head(name, text));
    findings.extend(length(name, text));
    findings.extend(purity(name, text));
    for (line_idx, line) in text.lines().enumerate() {
        let place = || format!("{name}:{}", line_idx + 1);
        findings
            .extend(registry_host(line).map(|host| Finding::error(place(), format!("names the registry host {host}"))));
        findings.extend(
            personal_path(line).map(|path| Finding::error(place(), format!("names a path of one machine: {path}"))),
        );
        if name.ends_with(".rs") {
            findings.extend(left_over(line).map(|what| Finding::error(place(), format!("`{what}` is left over"))));
        }
    }
    findings
}

/// Every source file says first what it owns.
fn head(name: &str, text: &str) -> Option<Finding> {
    let (_, extension) = name.rsplit_once('.')?;
    let heads: &[&str] = match extension {
        "rs" => &["//!"],
        "mjs" | "js" => &["//", "/*", "#!"],
        "sql" => &["--", "/*"],
        "sh" => &["#!"],
        _ => return None,
    };
    let first = text.lines().next().unwrap_or_default();
    (!heads.iter().any(|head| first.starts_with(head)))
        .then(|| Finding::error(name, format!("must start with a comment ({}) that says what the file owns", heads[0])))
}

fn length(name: &str, text: &str) -> Option<Finding> {
    let is_code = [".rs", ".mjs"].iter().any(|extension| name.ends_with(extension));
    let is_test = name.split('/').any(|part| part == "tests" || part == "tests.rs");
    let n_lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
    (is_code && !is_test && n_lines > LINES_MAX)
        .then(|| Finding::warning(name, format!("{n_lines} lines: past {LINES_MAX} look for a second idea")))
}

fn purity(name: &str, text: &str) -> Vec<Finding> {
    if !PURE.contains(&name) {
        return Vec::new();
    }
    let missing = PURE_SAYS.iter().filter(|says| !text.lines().any(|line| line == **says));
    missing.map(|says| Finding::error(name, format!("must say {says}"))).collect()
}

fn registry_host(line: &str) -> Option<String> {
    joined(&REGISTRY_HOSTS).find(|host| line.contains(host.as_str()))
}

fn left_over(line: &str) -> Option<String> {
    joined(&LEFT_OVER).find(|what| line.contains(what.as_str()))
}

/// A personal folder at the start of a path: nothing that could belong to a longer path or an address stands before it.
fn personal_path(line: &str) -> Option<String> {
    joined(&PERSONAL_FOLDERS).find(|folder| {
        line.match_indices(folder.as_str()).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            before.is_none_or(|c| !(c.is_alphanumeric() || "._-~/$})]*{".contains(c)))
        })
    })
}

fn joined<const N: usize>(pieces: &[(&str, &str); N]) -> impl Iterator<Item = String> {
    pieces.iter().map(|(front, back)| format!("{front}{back}"))
}

#[cfg(test)]
mod file_rule_tests {
    use super::*;

    #[track_caller]
    fn found(name: &str, text: &str, expected: &[&str]) {
        let shown: Vec<String> = check(name, text).iter().map(ToString::to_string).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_tidy_file_has_no_findings() {
        found("src/lib.rs", "//! The Worker.\n\npub fn answer() {}\n", &[]);
        found("crates/engine/src/lib.rs", "//! The engine.\n#![no_std]\n#![forbid(unsafe_code)]\n", &[]);
        found("README.md", "Anything: https://example.org/home/page, ../work/here, ~/work/x\n", &[]);
    }

    #[test]
    fn a_file_without_a_head_is_found() {
        found(
            "src/lib.rs",
            "use std::fs;\n",
            &["error: src/lib.rs: must start with a comment (//!) that says what the file owns"],
        );
        found("a.sql", "select 1\n", &["error: a.sql: must start with a comment (--) that says what the file owns"]);
        found("a.mjs", "import x\n", &["error: a.mjs: must start with a comment (//) that says what the file owns"]);
    }

    #[test]
    fn a_long_file_is_a_warning_and_its_tests_do_not_count() {
        let long = format!("//! Long.\n{}", "fn f() {}\n".repeat(LINES_MAX));
        found("src/lib.rs", &long, &["warning: src/lib.rs: 501 lines: past 500 look for a second idea"]);
        found("src/lib.rs", &format!("//! Short.\n#[cfg(test)]\n{long}"), &[]);
        found("tests/all.rs", &long, &[]);
    }

    #[test]
    fn a_pure_crate_that_does_not_say_so_is_found() {
        found(
            "crates/tables/src/lib.rs",
            "//! Tables.\n",
            &[
                "error: crates/tables/src/lib.rs: must say #![forbid(unsafe_code)]",
                "error: crates/tables/src/lib.rs: must say #![no_std]",
            ],
        );
    }

    #[test]
    fn a_registry_host_is_found_in_any_file() {
        for host in joined(&REGISTRY_HOSTS) {
            let text = format!("\n\"resolved\": \"https:{host}/x.tgz\"\n");
            found(
                "package-lock.json",
                &text,
                &[&format!("error: package-lock.json:2: names the registry host {host}")],
            );
        }
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        for folder in joined(&PERSONAL_FOLDERS) {
            let text = format!("path = \"{folder}someone/vitrine\"\n");
            found("a.toml", &text, &[&format!("error: a.toml:1: names a path of one machine: {folder}")]);
        }
    }

    #[test]
    fn what_is_left_over_is_found_in_code() {
        for what in joined(&LEFT_OVER) {
            found(
                "src/lib.rs",
                &format!("//! Code.\n    {what}\n"),
                &[&format!("error: src/lib.rs:2: `{what}` is left over")],
            );
            found("README.md", &what, &[]);
        }
    }
}
