//! The guide for marketers: its examples are documents that check without a word, its table of codes is whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use vitrine_config::codes::CODES;
use vitrine_config::{Format, check};

/// The guides, in the folder `docs/guides`.
const GUIDES: [&str; 3] = ["configuration.md", "experiments.md", "campaigns.md"];

/// Guides that show documents and explain no diagnostics.
const MORE_GUIDES: [&str; 2] = ["alerts.md", "learning.md"];

fn guide(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fenced blocks whose fence says `language`.
fn blocks<'g>(guide: &'g str, language: &str) -> Vec<&'g str> {
    let fence = format!("```{language}\n");
    guide.split(&*fence).skip(1).map(|it| it.split("```").next().unwrap()).collect()
}

#[test]
fn examples_check_without_a_word() {
    for (name, n_min) in GUIDES.iter().map(|it| (it, 5)).chain(MORE_GUIDES.iter().map(|it| (it, 1))) {
        let guide = guide(name);
        let mut n_examples = 0;
        for (language, format) in [("yaml", Format::Yaml), ("json", Format::Json)] {
            for block in blocks(&guide, language) {
                n_examples += 1;
                match check(block, format) {
                    Ok(checked) => assert_eq!(checked.warnings, [], "{block}"),
                    Err(diagnostics) => panic!("{diagnostics:#?}\n{block}"),
                }
            }
        }
        assert!(n_examples >= n_min, "{name}: {n_examples}");
    }
}

#[test]
fn refused_examples_are_refused_in_the_words_of_the_guide() {
    for name in GUIDES {
        let guide = guide(name);
        let sources = blocks(&guide, "yaml refused");
        let expected = blocks(&guide, "text diagnostics");
        assert!(!sources.is_empty(), "{name}: a refused example is wanted");
        assert_eq!(sources.len(), expected.len(), "{name}: each refused example needs its list of diagnostics");
        for (source, expected) in sources.into_iter().zip(expected) {
            let found: String = check(source, Format::Yaml)
                .unwrap_err()
                .iter()
                .map(|it| format!("{}: {it}\n  help: {}\n", it.severity.as_str(), it.help))
                .collect();
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn the_tables_of_codes_list_all_codes() {
    // The guide to spreadsheets has tests of its own examples.
    let listed: Vec<String> = GUIDES
        .iter()
        .chain(&["spreadsheet.md"])
        .flat_map(|name| {
            let rows: Vec<String> = guide(name)
                .lines()
                .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
                .filter(|(_, rest)| rest.starts_with(" | error") || rest.starts_with(" | warning"))
                .map(|(code, _)| code.to_owned())
                .collect();
            rows
        })
        .collect();
    let unique: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
    assert_eq!(unique.len(), listed.len(), "a code is listed twice");
    let codes: BTreeSet<&str> = CODES.iter().copied().collect();
    let difference: Vec<_> = unique.symmetric_difference(&codes).collect();
    assert!(difference.is_empty(), "in a guide but not in codes.rs, or the other way round: {difference:?}");
    assert_eq!(CODES.len(), listed.len(), "codes.rs lists a code twice");
}

#[test]
fn every_code_is_reported_somewhere() {
    let paths = sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let reporting = paths.iter().filter(|it| it.file_name().is_some_and(|it| it != "codes.rs"));
    let texts: Vec<String> = reporting.map(|path| fs::read_to_string(path).unwrap_or_default()).collect();
    let is_used = |code: &str| {
        let literal = format!("\"{code}\"");
        texts.iter().any(|text| text.split("#[cfg(test)]").next().is_some_and(|it| it.contains(&literal)))
    };
    let unused: Vec<_> = CODES.iter().filter(|it| !is_used(it)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

fn sources(folder: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(path));
        } else {
            found.push(path);
        }
    }
    assert!(!found.is_empty());
    found
}
