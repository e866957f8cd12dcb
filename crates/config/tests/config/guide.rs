//! The guide for marketers: its examples are documents that check without a word, its table of codes is whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use vitrine_config::{Format, check};

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/configuration.md");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fenced blocks whose fence says `language`.
fn blocks<'g>(guide: &'g str, language: &str) -> Vec<&'g str> {
    let fence = format!("```{language}\n");
    guide.split(&*fence).skip(1).map(|it| it.split("```").next().unwrap()).collect()
}

#[test]
fn examples_check_without_a_word() {
    let guide = guide();
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
    assert!(n_examples >= 5, "{n_examples}");
}

#[test]
fn the_refused_example_is_refused_in_the_words_of_the_guide() {
    let guide = guide();
    let [source] = blocks(&guide, "yaml refused")[..] else { panic!("one refused example is wanted") };
    let [expected] = blocks(&guide, "text diagnostics")[..] else { panic!("one list of diagnostics is wanted") };
    let found: String = check(source, Format::Yaml)
        .unwrap_err()
        .iter()
        .map(|it| format!("{}: {it}\n  help: {}\n", it.severity.as_str(), it.help))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_table_of_codes_lists_the_codes_of_the_source() {
    let guide = guide();
    let listed: BTreeSet<String> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .filter(|(_, rest)| rest.starts_with(" | error") || rest.starts_with(" | warning"))
        .map(|(code, _)| code.to_owned())
        .collect();
    let mut used = BTreeSet::new();
    for path in sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let source = fs::read_to_string(path).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap();
        // Codes are the only literals of this form.
        used.extend(
            source
                .split('"')
                .skip(1)
                .step_by(2)
                .filter(|it| {
                    it.contains('_')
                        && it.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
                })
                .map(str::to_owned),
        );
    }
    used.insert("syntax".to_owned());
    assert_eq!(listed, used);
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
