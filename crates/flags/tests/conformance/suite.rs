//! Finds the suite, runs it, and counts.

use crate::cases;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use vitrine_flags::Json;

/// The crate that carries the suite.
const CRATE: &str = "growthbook-rust";

/// A file of the suite's folder.
pub fn read(name: &str) -> Vec<u8> {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let path = FOLDER.get_or_init(folder).join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn folder() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/Cargo.toml");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--locked", "--format-version", "1", "--manifest-path"]).arg(&manifest);
    let output = cargo.output().expect("cargo can be started");
    assert!(output.status.success(), "{cargo:?}: {}", String::from_utf8_lossy(&output.stderr));
    let metadata = Json::parse(&output.stdout).unwrap();
    let packages = metadata.get("packages").and_then(Json::as_list).unwrap();
    let name = |package: &&Json| package.get("name").and_then(Json::as_text) == Some(CRATE);
    let package = packages.iter().find(name).unwrap_or_else(|| panic!("bench/ does not depend on {CRATE}"));
    let manifest = package.get("manifest_path").and_then(Json::as_text).unwrap();
    Path::new(manifest).with_file_name("tests").join("cases")
}

/// How the cases of a suite turned out.
pub struct Suite {
    /// Section, name, and what was wrong.
    cases: Vec<(String, String, Result<(), String>)>,
}

impl Suite {
    /// Runs every case of every section. A section that nobody knows fails.
    pub fn run(suite: &Json) -> Self {
        let mut outcome = Self { cases: Vec::new() };
        for (section, cases) in suite.as_object().unwrap().iter() {
            match cases {
                Json::List(cases) => outcome.section(section, section, cases),
                Json::Object(sections) => {
                    for (kind, cases) in sections.iter() {
                        outcome.section(&format!("{section}.{kind}"), kind, cases.as_list().unwrap());
                    }
                }
                _ => assert_eq!(section, "specVersion"),
            }
        }
        outcome
    }

    fn section(&mut self, section: &str, kind: &str, cases: &[Json]) {
        for case in cases {
            let case = case.as_list().unwrap();
            let name = match kind {
                "hash" | "getEqualWeights" => Json::List(case.to_vec()).to_string(),
                _ => case[0].as_text().unwrap().to_owned(),
            };
            self.cases.push((section.to_owned(), name, cases::run(kind, case)));
        }
    }

    pub fn n_cases(&self) -> usize {
        self.cases.len()
    }

    pub fn n_passed(&self) -> usize {
        self.cases.iter().filter(|(.., result)| result.is_ok()).count()
    }

    /// `section: name` of what does not hold.
    pub fn failed(&self) -> impl Iterator<Item = String> {
        self.cases.iter().filter(|(.., result)| result.is_err()).map(|(section, name, _)| format!("{section}: {name}"))
    }

    /// One line for each section: passed and all.
    pub fn sections(&self) -> String {
        let mut text = String::new();
        let mut sections: Vec<&str> = self.cases.iter().map(|(section, ..)| section.as_str()).collect();
        sections.dedup();
        for section in sections {
            let cases = self.cases.iter().filter(|(of, ..)| of == section);
            let n_passed = cases.clone().filter(|(.., result)| result.is_ok()).count();
            let _ = write!(text, "\n  {section:<42} {n_passed:>4} of {:>4}", cases.count());
        }
        text.trim_start_matches('\n').to_owned()
    }

    /// Panics unless exactly the cases of `excluded` fail.
    #[track_caller]
    pub fn check(&self, excluded: &[(&str, &str)]) {
        let mut wrong = String::new();
        for (section, name, result) in &self.cases {
            let is_excluded = excluded.iter().any(|(case, _)| *case == format!("{section}: {name}"));
            match result {
                Err(found) if !is_excluded => writeln!(wrong, "{section}: {name}\n    {found}").unwrap(),
                Ok(()) if is_excluded => {
                    writeln!(wrong, "{section}: {name}\n    holds, so exclude it no more").unwrap()
                }
                _ => {}
            }
        }
        for (case, _) in excluded {
            if !self.cases.iter().any(|(section, name, _)| *case == format!("{section}: {name}")) {
                writeln!(wrong, "{case}\n    is excluded, but there is no such case").unwrap();
            }
        }
        assert!(wrong.is_empty(), "{} of {} cases hold\n{wrong}", self.n_passed(), self.n_cases());
    }
}
