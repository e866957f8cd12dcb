//! The document holds together, is the one in `docs/api`, and has every path that the routers have.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every operation: path, method, operation.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect()
}

#[test]
fn the_snapshot_is_this_document() {
    let file = root().join("docs/api/openapi.json");
    let snapshot = std::fs::read_to_string(&file).unwrap_or_default();
    let text = vitrine_openapi::text();
    if snapshot == text {
        return;
    }
    let different = snapshot.lines().zip(text.lines()).position(|(snapshot, text)| snapshot != text);
    let line = different.unwrap_or_else(|| snapshot.lines().count().min(text.lines().count())) + 1;
    panic!(
        "docs/api/openapi.json differs from the types of the wire, first in line {line}.\n\
         Is the change of the API meant? Then write the document with `cargo xtask openapi`, and read the difference."
    );
}

#[test]
fn operations_are_told_apart_and_described() {
    let document = vitrine_openapi::document();
    let tags: Vec<&str> = document["tags"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{place}: the id is taken");
        assert!(!operation["summary"].as_str().unwrap().ends_with('.'), "{place}: a summary is no sentence");
        assert!(tags.contains(&operation["tags"][0].as_str().unwrap()), "{place}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|it| it.starts_with(['2', '3'])), "{place}: nothing goes well");
        // Whoever takes a body says how large it may be, and refuses what is larger.
        // Lines are bounded and refused one by one.
        let is_lines = |body: &Value| body["content"].get("application/x-ndjson").is_some();
        if let Some(body) = operation.get("requestBody").filter(|body| !is_lines(body)) {
            assert!(body["x-bytes-max"].is_u64(), "{place}: no limit");
            assert!(responses.contains_key("413"), "{place}: no refusal of what is too large");
        }
        // No storefront's or application's call ends in a 5xx.
        let knows_5xx = responses.keys().any(|it| it.starts_with('5'));
        assert_eq!(knows_5xx, path.starts_with("/v1/admin/"), "{place}");
    }
    for (path, method, operation) in operations(&document) {
        let answers = operation["responses"].as_object().unwrap().values();
        for link in answers.filter_map(|it| it.get("links")).flat_map(|it| it.as_object().unwrap().values()) {
            assert!(ids.contains(link["operationId"].as_str().unwrap()), "{method} {path}: {link}");
        }
    }
    assert!(ids.len() > 30, "{}", ids.len());
}

#[test]
fn parameters_of_paths_are_described() {
    let document = vitrine_openapi::document();
    for (path, method, operation) in operations(&document) {
        let expected: BTreeSet<&str> =
            path.split('/').filter_map(|it| it.strip_prefix('{')).map(|it| it.trim_end_matches('}')).collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let mut names = BTreeSet::new();
        for parameter in &parameters {
            let name = (parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap());
            assert!(names.insert(name), "{method} {path}: {name:?} twice");
            assert!(parameter["description"].as_str().is_some_and(|it| !it.is_empty()), "{method} {path}: {name:?}");
        }
        let found: BTreeSet<&str> = names.iter().filter(|(place, _)| *place == "path").map(|(_, name)| *name).collect();
        assert_eq!(found, expected, "{method} {path}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = vitrine_openapi::document();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    for reference in &used {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for section in ["schemas", "responses", "headers"] {
        for name in document["components"][section].as_object().unwrap().keys() {
            assert!(used.contains(&format!("#/components/{section}/{name}")), "{section}/{name} is not used");
        }
    }
}

fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            into.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|it| references(it, into));
        }
        Value::Array(values) => values.iter().for_each(|it| references(it, into)),
        _ => {}
    }
}

#[test]
fn members_are_described() {
    let document = vitrine_openapi::document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert!(schemas.len() > 60);
    for (name, schema) in schemas {
        // Variants of a choice speak for themselves.
        let is_choice = schema.get("anyOf").is_some();
        assert!(is_choice || schema.get("description").is_some(), "{name} has no description");
        for (member, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(schema.get("description").is_some(), "{name}.{member} has no description");
        }
    }
}

#[test]
fn every_path_of_the_routers_is_documented() {
    let document = vitrine_openapi::document();
    let documented: Vec<Vec<&str>> =
        document["paths"].as_object().unwrap().keys().map(|it| it.trim_matches('/').split('/').collect()).collect();
    let tables = [
        ("src/router.rs", "match (method, segments", "", 9),
        ("measure/src/lib.rs", "match (method, segments", "", 2),
        ("control/src/admin.rs", "fn allowed(", "v1/admin", 10),
    ];
    for (file, start, prefix, n_min) in tables {
        let source = std::fs::read_to_string(root().join(file)).unwrap();
        let (_, table) = source.split_once(start).unwrap_or_else(|| panic!("{file} has no `{start}`"));
        let table = table.split("\n}").next().unwrap();
        let patterns = patterns(table);
        assert!(patterns.len() >= n_min, "{file}: {patterns:?}");
        for pattern in patterns {
            let path: Vec<&str> =
                prefix.split('/').filter(|it| !it.is_empty()).chain(pattern.iter().map(String::as_str)).collect();
            let is_it = |documented: &Vec<&str>| {
                documented.len() == path.len()
                    && documented
                        .iter()
                        .zip(&path)
                        .all(|(one, other)| one == other || one.starts_with('{') && *other == "_")
            };
            assert!(documented.iter().any(is_it), "{file}: /{} is not documented", path.join("/"));
        }
    }
}

/// Paths in patterns such as `["tables", "rollback" | "kill"]`, one for each choice; a name stands for any part.
fn patterns(source: &str) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for group in source.split("[\"").skip(1) {
        let group = format!("\"{}", group.split(']').next().unwrap());
        if group.contains("..") {
            continue;
        }
        let mut paths = vec![Vec::new()];
        for part in group.split(',') {
            let choices: Vec<String> = part
                .split('|')
                .map(str::trim)
                .map(|it| if it.starts_with('"') { it.trim_matches('"').to_owned() } else { "_".to_owned() })
                .collect();
            paths = paths
                .iter()
                .flat_map(|path: &Vec<String>| {
                    choices.iter().map(|choice| path.iter().cloned().chain([choice.clone()]).collect::<Vec<_>>())
                })
                .collect();
        }
        found.extend(paths);
    }
    found
}

#[test]
fn patterns_of_a_router_are_read() {
    let source = r#"(Method::Get, ["healthz"]) => a, (_, ["tables", "rollback" | "kill"] | ["tables", _, "activate"]) => b, ["ofrep", ..] => c"#;
    let expected =
        [vec!["healthz"], vec!["tables", "_", "activate"], vec!["tables", "kill"], vec!["tables", "rollback"]];
    assert_eq!(patterns(source).into_iter().collect::<Vec<_>>(), expected);
}
