//! Erasing visitors at a stand-in for the Worker, and making sure that they are gone.

use crate::edge::{FakeEdge, TOKEN};
use crate::fixture;
use crate::run::Place;
use serde_json::{Value, json};

const KEY: &str = "ffeeddccbbaa99887766554433221100";

fn place() -> Place {
    let place = Place::new();
    place.write("admin.token", format!("{TOKEN}\n"));
    place.write("other.key", format!("{KEY}\n"));
    place
}

/// A stand-in that knows of erasures; the row of everybody is still in the running table, `honoured` says whether it is used, and what was
/// measured is still there if it is.
fn edge(honoured: bool) -> FakeEdge {
    let measured = if honoured { 0 } else { 3 };
    FakeEdge::start_with(move |method, path, _| {
        let body = match (method, path) {
            ("POST", "/v1/admin/visitors") => json!({ "receipt": "e7", "at": "2026-12-01T00:00:00Z", "visitors": 2 }),
            ("GET", "/v1/admin/visitors") => json!({ "visitors": [
                { "row_key": "00000000000000bb", "at": "2026-12-01T00:00:00Z", "receipt": "e7" },
                { "row_key": "00000000000000aa", "at": "2026-12-01T00:00:00Z", "receipt": "e7" },
            ] }),
            ("GET", _) if path.starts_with("/v1/admin/visitors/") => {
                let tables = json!([{ "build": "0011223344556677", "has_row": true }]);
                json!({ "erased": null, "honoured": honoured, "tables": tables, "measured": measured })
            }
            _ => return None,
        };
        Some((200, "", body.to_string()))
    })
}

#[test]
fn ids_do_not_leave_the_machine() {
    let place = place();
    place.write("ids.txt", "alice@shop.example\n\nbob\n");
    let edge = edge(true);
    let line = format!(
        "privacy erase --visitor-file ids.txt --key-file other.key --url {} --token-file admin.token",
        edge.url()
    );
    let text = place.ok(&line);
    assert_eq!(text, "2 visitors erased, receipt e7; their rows go with the next build (--tombstones)\n");
    let sent: Value = serde_json::from_slice(&edge.bodies()[0]).unwrap();
    let keys: Vec<&str> = sent["visitors"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|it| it.len() == 16 && it.bytes().all(|it| it.is_ascii_hexdigit())), "{keys:?}");
}

#[test]
fn the_list_for_the_next_build_grows() {
    let place = place();
    place.write("erased.txt", "00000000000000aa\nsome-old-id\n");
    let edge = edge(true);
    let line = format!("privacy tombstones --out erased.txt --url {} --token-file admin.token", edge.url());
    assert_eq!(place.ok(&line), "erased.txt: 3 visitors, 1 of them new\n");
    assert_eq!(place.read("erased.txt"), "00000000000000aa\n00000000000000bb\nsome-old-id\n");
    assert_eq!(place.ok(&line), "erased.txt: 3 visitors, 0 of them new\n");
}

#[test]
fn who_is_not_gone_is_found() {
    let place = place();
    place.write("ids.txt", "alice\n");
    let line = |edge: &FakeEdge| {
        format!(
            "privacy verify --visitor-file ids.txt --key-file other.key --url {} --token-file admin.token",
            edge.url()
        )
    };
    let (good, bad) = (edge(true), edge(false));
    assert_eq!(place.ok(&line(&good)), "1 visitors: no store uses them\n");
    let ran = place.run(&line(&bad));
    let expected =
        "line 1: the edge uses the row in 0011223344556677\nline 1: the ledger knows 3 things that they met\n";
    assert_eq!((ran.exit, ran.out.as_str()), (3, expected));
}

#[test]
fn a_table_that_still_holds_a_visitor_is_found() {
    let place = place();
    fixture::table(&place);
    place.write("ids.txt", "nobody\nv7\n");
    let edge = edge(true);
    let ran = place.run(&format!(
        "privacy verify --visitor-file ids.txt --key-file table.key --table table --url {} --token-file admin.token",
        edge.url()
    ));
    assert_eq!((ran.exit, ran.out.as_str()), (3, "line 2: table holds a row\n"));
}

#[test]
fn files_that_cannot_be_right() {
    let place = place();
    let edge = edge(true);
    place.write("empty.txt", "\n\n");
    place.write("ids.txt", "alice\n");
    place.write("bad.key", "secret\n");
    let run = |files: &str| place.run(&format!("privacy erase {files} --url {} --token-file admin.token", edge.url()));
    let empty = run("--visitor-file empty.txt --key-file other.key");
    assert!(empty.exit == 3 && empty.err.contains("empty.txt names no visitor"), "{empty:?}");
    let key = run("--visitor-file ids.txt --key-file bad.key");
    assert!(key.exit == 3 && !key.err.contains("secret\n"), "{key:?}");
    assert_eq!(run("--visitor-file none.txt --key-file other.key").exit, 1);
    fixture::table(&place);
    let other = place.run(&format!(
        "privacy verify --visitor-file ids.txt --key-file other.key --table table --url {} --token-file admin.token",
        edge.url()
    ));
    assert!(other.exit == 3 && other.err.contains("is not the one that table was built with"), "{other:?}");
    assert!(edge.requests().is_empty(), "nothing was sent");
}
