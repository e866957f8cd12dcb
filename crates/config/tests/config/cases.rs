//! `tests/cases`: documents with what is expected of them beside, `<document>.expect`.
//!
//! A document without expectation fails. `VITRINE_UPDATE=1` writes what the check says now, and still fails: read it, then
//! run again without.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use vitrine_config::{Checked, Diagnostic, Format, Severity, check};
use vitrine_engine::{Bundle, Campaign, Caps, CostModel, GpcRule, Pacing, Ranker};

#[test]
fn good_documents_compile_as_expected() {
    run("good", 10, |path, source| match check(source, format(path)) {
        Ok(checked) => describe(&checked),
        Err(diagnostics) => panic!("{}: {}", path.display(), list(&diagnostics)),
    });
}

#[test]
fn bad_documents_are_refused_as_expected() {
    run("bad", 40, |path, source| match check(source, format(path)) {
        Ok(_) => panic!("{} was not refused", path.display()),
        Err(diagnostics) => {
            assert!(diagnostics.iter().any(|it| it.severity == Severity::Error));
            list(&diagnostics)
        }
    });
}

#[test]
fn twins_in_json_and_yaml_are_equal() {
    let mut n_twins = 0;
    for yaml in documents("good").iter().filter(|it| it.extension().is_some_and(|it| it == "yaml")) {
        let json = yaml.with_extension("json");
        if json.exists() {
            n_twins += 1;
            let [yaml, json] = [yaml, &json].map(|path| check(&read(path), format(path)).unwrap());
            assert_eq!(yaml.document, json.document);
            assert_eq!(format!("{:?}", yaml.bundle), format!("{:?}", json.bundle));
        }
    }
    assert!(n_twins > 0);
}

#[test]
fn the_canonical_document_compiles_to_the_same_bundle() {
    for path in documents("good") {
        let checked = check(&read(&path), format(&path)).unwrap();
        let text = checked.document.to_string();
        let again = check(&text, Format::Json).unwrap_or_else(|it| panic!("{}: {}", path.display(), list(&it)));
        assert_eq!(format!("{:?}", checked.bundle), format!("{:?}", again.bundle), "{}", path.display());
        assert_eq!(checked.document, again.document);
        assert_eq!(text, serde_json::to_string(&again.document).unwrap());
    }
}

#[test]
fn every_pointer_of_a_json_document_leads_to_a_value() {
    let mut n_pointers = 0;
    for path in documents("bad").iter().filter(|it| it.extension().is_some_and(|it| it == "json")) {
        let source = read(path);
        let Ok(document) = serde_json::from_str::<serde_json::Value>(&source) else { continue };
        for diagnostic in check(&source, Format::Json).unwrap_err() {
            n_pointers += 1;
            assert!(document.pointer(&diagnostic.pointer).is_some(), "{}: {diagnostic:?}", path.display());
        }
    }
    assert!(n_pointers > 0);
}

#[track_caller]
fn run(kind: &str, n_min: usize, answer: impl Fn(&Path, &str) -> String) {
    let paths = documents(kind);
    assert!(paths.len() >= n_min, "{} {kind} documents, at least {n_min} are wanted", paths.len());
    let mut failures = String::new();
    for path in &paths {
        let found = answer(path, &read(path));
        let expect_path = PathBuf::from(format!("{}.expect", path.display()));
        let expected = fs::read_to_string(&expect_path).unwrap_or_default();
        if expected != found {
            if std::env::var_os("VITRINE_UPDATE").is_some() {
                fs::write(&expect_path, &found).unwrap();
            }
            writeln!(failures, "{}\n--- expected\n{expected}--- found\n{found}", path.display()).unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

fn documents(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(kind);
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|it| it.extension().is_some_and(|it| it != "expect")).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn format(path: &Path) -> Format {
    if path.extension().is_some_and(|it| it == "yaml") { Format::Yaml } else { Format::Json }
}

fn list(diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for it in diagnostics {
        let column = it.column.map(|it| format!(" (column {it})")).unwrap_or_default();
        writeln!(text, "{} {}{column}\n  {it}\n  help: {}", it.severity.as_str(), it.code, it.help).unwrap();
    }
    text
}

/// A checked document in words.
fn describe(checked: &Checked) -> String {
    let bundle: &Bundle = &checked.bundle;
    let audience = |idx: usize| bundle.audiences()[idx].id.as_str();
    let offer = |idx: u16| bundle.offers()[usize::from(idx)].id.as_str();
    let mut text = format!("consent {:?}\n", bundle.settings().consent);
    if bundle.settings().gpc != GpcRule::default() {
        writeln!(text, "gpc {:?}", bundle.settings().gpc).unwrap();
    }
    for it in bundle.audiences() {
        writeln!(text, "audience {}: {}", it.id, it.condition.display(bundle.attributes())).unwrap();
    }
    for it in bundle.offers() {
        let audience = it.audience.map_or("everybody", |it| audience(usize::from(it.0)));
        writeln!(text, "offer {}: priority {}, {audience}, {:?}", it.id, it.priority, it.schedule).unwrap();
        if !it.items.is_empty() || !it.categories.is_empty() {
            writeln!(text, "  items {:?}, categories {:?}", it.items, it.categories).unwrap();
        }
        if it.caps != Caps::default() || it.suppress_after_conversion.is_some() {
            writeln!(text, "  {:?}, after conversion {:?}", it.caps, it.suppress_after_conversion).unwrap();
        }
        for it in &it.creatives {
            let [locale, channel] = [&it.locale, &it.channel].map(|it| it.as_deref().unwrap_or("*"));
            writeln!(text, "  {locale}/{channel} {}", it.content).unwrap();
        }
    }
    for it in bundle.placements() {
        let offers: Vec<_> = it.offers.iter().map(|it| offer(it.0)).collect();
        let ranker = match &it.ranker {
            Ranker::Priority => "priority".to_owned(),
            Ranker::Items(weights) => format!("{weights:?}"),
            other => format!("{other:?}"),
        };
        writeln!(
            text,
            "placement {}: {} of {offers:?}, else {}\n  {ranker}",
            it.id,
            it.count_max,
            offer(it.fallback.0)
        )
        .unwrap();
    }
    text + &describe_campaigns(checked) + &describe_flags(checked) + &list(&checked.warnings)
}

/// When and where campaigns run; nothing when the document has none.
fn describe_campaigns(checked: &Checked) -> String {
    let mut text = String::new();
    for it in &checked.campaigns {
        let [starts, ends] = [it.starts, it.ends].map(|it| it.map_or("(open)".to_owned(), |it| it.to_string()));
        writeln!(text, "campaign {}: {starts} to {ends}, priority {}", it.id, it.priority).unwrap();
        writeln!(text, "  {:?} in {:?}", it.offers, it.placements).unwrap();
        let run = checked.bundle.campaigns().iter().find(|run| run.id == it.id).unwrap();
        if run.cost != CostModel::Fixed || run.pacing != Pacing::Asap {
            let Campaign { budget_minor, cost, cost_minor, pacing, .. } = run;
            writeln!(text, "  {budget_minor:?} of budget, {cost:?} {cost_minor}, {pacing:?}").unwrap();
        }
    }
    text
}

/// The payload, each rule in a line of its own; nothing when the document has no flags.
fn describe_flags(checked: &Checked) -> String {
    let mut text = String::new();
    for (section, entries) in checked.flags.as_object().unwrap().iter() {
        for (key, entry) in entries.as_object().unwrap().iter() {
            writeln!(text, "{section} {key}").unwrap();
            for (name, member) in entry.as_object().unwrap().iter() {
                match member.as_list().filter(|_| matches!(name, "rules" | "contexts")) {
                    Some(rules) => rules.iter().for_each(|it| writeln!(text, "  {name} {it}").unwrap()),
                    None => writeln!(text, "  {name} {member}").unwrap(),
                }
            }
        }
    }
    for it in &checked.groups {
        writeln!(text, "group {} by {}: {:016x?}", it.id, it.attribute, it.hashes).unwrap();
    }
    for it in &checked.layers {
        writeln!(text, "layer {}: taken {:?}, free {:?}", it.id, it.taken, it.free).unwrap();
    }
    text
}
