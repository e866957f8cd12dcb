//! `tests/sheet/cases`: CSV files with what is expected of them beside, `<file>.expect`.
//!
//! A file without expectation fails. `VITRINE_UPDATE=1` writes what the check says now, and still fails: read it, then run again
//! without.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use vitrine_config::{Diagnostic, Format, Options, Severity, check_bytes};

#[test]
fn good_sheets_are_the_expected_documents() {
    run("good", 10, |path, bytes| match check_bytes(bytes, Format::Csv, Options::default()) {
        Ok(checked) => {
            let document = serde_json::to_string_pretty(&checked.document).unwrap();
            format!("{document}\n{}", list(&checked.warnings))
        }
        Err(diagnostics) => format!("{} is refused\n{}", path.display(), list(&diagnostics)),
    });
}

#[test]
fn bad_sheets_are_refused_as_expected() {
    run("bad", 25, |path, bytes| match check_bytes(bytes, Format::Csv, Options::default()) {
        Ok(_) => format!("{} is not refused\n", path.display()),
        Err(diagnostics) => {
            assert!(diagnostics.iter().any(|it| it.severity == Severity::Error));
            list(&diagnostics)
        }
    });
}

#[track_caller]
fn run(kind: &str, n_min: usize, answer: impl Fn(&Path, &[u8]) -> String) {
    let paths = sheets(kind);
    assert!(paths.len() >= n_min, "{} {kind} sheets, at least {n_min} are wanted", paths.len());
    let mut failures = String::new();
    for path in &paths {
        let found = answer(path, &fs::read(path).unwrap());
        let expect_path = PathBuf::from(format!("{}.expect", path.display()));
        let expected = fs::read_to_string(&expect_path).unwrap_or_default();
        if expected != found || found.starts_with(&path.display().to_string()) {
            if std::env::var_os("VITRINE_UPDATE").is_some() {
                fs::write(&expect_path, &found).unwrap();
            }
            writeln!(failures, "{}\n--- expected\n{expected}--- found\n{found}", path.display()).unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// The CSV files of a folder.
pub fn sheets(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sheet/cases").join(kind);
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|it| it.extension().is_some_and(|it| it == "csv")).collect();
    paths.sort();
    paths
}

/// Diagnostics, one below the other.
pub fn list(diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for it in diagnostics {
        let pointer = if it.pointer.is_empty() { String::new() } else { format!(" {}", it.pointer) };
        writeln!(text, "{} {}{pointer}\n  {it}\n  help: {}", it.severity.as_str(), it.code, it.help).unwrap();
    }
    text
}
