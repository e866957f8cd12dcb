//! Publishing to a stand-in for the Worker: order, patience, resumption, refusals.

use crate::edge::{FakeEdge, TOKEN, problem};
use crate::fixture::{self, N_SHARDS, OFFERS, OFFERS_YAML};
use crate::run::{Place, Ran};
use serde_json::{Value, json};
use std::net::TcpListener;

fn place_with_table() -> Place {
    let place = Place::new();
    fixture::table(&place);
    place.write("admin.token", format!("{TOKEN}\n"));
    place
}

fn publish(place: &Place, edge: &FakeEdge, more: &str) -> Ran {
    place.run(&format!("tables publish table --url {} --token-file admin.token {more}", edge.url()))
}

#[test]
fn a_table_arrives_whole_before_it_is_activated() {
    let place = place_with_table();
    let edge = FakeEdge::start();
    let ran = publish(&place, &edge, "--json");
    assert_eq!((ran.exit, ran.err.as_str()), (0, ""));
    let told: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((&told["shards"], &told["shards_uploaded"]), (&json!(N_SHARDS), &json!(N_SHARDS)));
    let requests = edge.requests();
    let build = told["build"].as_str().expect("a build");
    assert_eq!(requests[0], format!("PUT /v1/admin/tables/{build}/manifest"));
    assert_eq!(requests[1], format!("PUT /v1/admin/tables/{build}/items"));
    assert!(requests[2..2 + N_SHARDS].iter().all(|it| it.contains("/shards/")), "{requests:?}");
    // Three shards a call, as the stand-in has it.
    assert_eq!(edge.n_requests("POST"), 3);
    let stored = edge.stored();
    let same = |path: &str, file: &str| {
        let bytes = std::fs::read(place.path().join("table").join(file)).expect("read");
        assert_eq!(stored[&format!("/v1/admin/tables/{build}/{path}")], bytes, "{path}");
    };
    same("manifest", "manifest.json");
    same("items", "items/items.bin");
    (0..N_SHARDS).for_each(|shard| same(&format!("shards/{shard}"), &format!("shards/{shard}")));
    assert!(edge.connections() <= 5, "{} connections for {} requests", edge.connections(), requests.len());
    assert!(!place.path().join("table.publish.json").exists());
    let text = publish(&place, &edge, "").out;
    let start = format!("{} answers from build {build}: 200 visitors in 8 shards (", edge.url());
    assert!(text.starts_with(&start), "{text}");
}

#[test]
fn what_passes_is_waited_for() {
    let place = place_with_table();
    let edge = FakeEdge::start_with(|_, _, number| match number {
        0 => Some((503, "retry-after: 0\r\n", json!({ "code": "unavailable", "detail": "later" }).to_string())),
        3 => Some((429, "retry-after: 0\r\n", "slow down".to_owned())),
        5 => Some((502, "", "<html>bad gateway</html>".to_owned())),
        _ => None,
    });
    let ran = publish(&place, &edge, "--connections 1");
    assert_eq!((ran.exit, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert_eq!(edge.n_requests("PUT"), 2 + N_SHARDS + 3);
}

#[test]
fn a_publication_that_broke_off_goes_on() {
    let place = place_with_table();
    let edge = FakeEdge::start_with(|method, path, number| {
        let breaks = method == "PUT" && path.ends_with("/shards/5") && number < 20;
        breaks.then(|| problem(422, "invalid_table", "the shard is broken"))
    });
    let ran = publish(&place, &edge, "--connections 1");
    assert_eq!((ran.exit, ran.out.as_str()), (4, ""));
    assert!(ran.err.starts_with(&format!("error: {}/v1/admin/tables/", edge.url())), "{}", ran.err);
    assert!(ran.err.ends_with("/shards/5 refused (422 invalid_table): the shard is broken\n"), "{}", ran.err);
    let journal: Value = serde_json::from_str(&place.read("table.publish.json")).expect("JSON");
    assert_eq!(journal["n_uploaded"], 5);
    for number in edge.requests().len()..20 {
        place.run(&format!("tables rollback --url {} --token-file admin.token", edge.url()));
        assert!(number < 20);
    }
    let ran = publish(&place, &edge, "--connections 1 --json");
    let told: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((ran.exit, &told["shards_uploaded"]), (0, &json!(3)));
    assert!(!place.path().join("table.publish.json").exists());
}

/// The journal says that shards are there, but the store has lost them.
#[test]
fn a_store_that_forgot_gets_everything_again() {
    let place = place_with_table();
    let edge = FakeEdge::start();
    let build = place.json("tables inspect table --json")["build"].as_str().expect("a build").to_owned();
    let journal = json!({ "url": edge.url(), "build": build, "n_uploaded": 6 });
    place.write("table.publish.json", journal.to_string());
    edge.lose_all();
    let ran = publish(&place, &edge, "--patience 0");
    assert_eq!(ran.exit, 0, "{}", ran.err);
    assert_eq!(
        ran.err,
        "going on after 6 shards that are there already\n\
         the edge lacks what was uploaded before; uploading everything again\n"
    );
    // A journal of another build, or one that is no journal, counts as none.
    for other in ["{\"url\":\"x\",\"build\":\"y\",\"n_uploaded\":7}", "no journal"] {
        place.write("table.publish.json", other);
        assert_eq!(publish(&place, &edge, "").err, "");
    }
}

#[test]
fn activation_waits_for_a_slow_store() {
    let place = place_with_table();
    let edge = FakeEdge::start_with(|_, path, number| {
        let is_early = path.ends_with("/activate") && number < 12;
        is_early.then(|| problem(422, "invalid_table", "t/x/3: announced and missing"))
    });
    assert_eq!(publish(&place, &edge, "").exit, 0);
    let never = FakeEdge::start_with(|_, path, _| {
        path.ends_with("/activate").then(|| problem(422, "invalid_table", "t/x/3: announced and missing"))
    });
    let ran = publish(&place, &never, "--patience 0");
    assert_eq!(ran.exit, 4);
    assert!(ran.err.ends_with(
        "/activate refused (422 invalid_table): t/x/3: announced and missing\n help: the table before goes on answering; \
         give the same command again to go on\n"
    ));
}

#[test]
fn a_broken_table_is_not_even_started() {
    let place = place_with_table();
    std::fs::remove_file(place.path().join("table/shards/7")).expect("removed");
    let edge = FakeEdge::start();
    assert_eq!(publish(&place, &edge, "").exit, 1);
    assert_eq!(edge.requests(), Vec::<String>::new());
}

#[test]
fn tokens_with_mistakes() {
    let place = place_with_table();
    let edge = FakeEdge::start();
    let url = edge.url();
    place.write("wrong.token", "another-token");
    let line = format!("tables rollback --url {url}");
    place.fails(&line, 2, "error: no admin token: give --token-file FILE or set VITRINE_ADMIN_TOKEN");
    place.fails(
        &format!("{line} --token-file wrong.token"),
        4,
        &format!(
            "error: {url}/v1/admin/tables/rollback refused (401 unauthorized): the token is not the administrator's\n \
             help: give a valid token of `vitrine tokens list`, or the one whose SHA-256 is the Worker's ADMIN_TOKEN_SHA256"
        ),
    );
    place.write("two.token", "two words");
    place.fails(
        &format!("{line} --token-file two.token"),
        3,
        "error: two.token: an admin token is one word of visible ASCII characters\n \
         help: make one with `vitrine keys generate --admin-token-file admin.token`",
    );
    let ran = place.run_with(&line, &[("VITRINE_ADMIN_TOKEN", TOKEN)], "");
    assert_eq!((ran.exit, ran.out), (0, format!("{url} answers from build 0123456789abcdef again\n")));
}

#[test]
fn addresses_with_mistakes() {
    let place = place_with_table();
    let line = "tables rollback --token-file admin.token --url";
    place.fails(
        &format!("{line} http://shop.example"),
        2,
        "error: http://shop.example would send the admin token unprotected\n help: use https",
    );
    // A port that nobody listens on: taken, then left.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
    let ran = place.run(&format!("{line} http://127.0.0.1:{port}"));
    assert_eq!(ran.exit, 4);
    let start = format!("error: no answer from http://127.0.0.1:{port}/v1/admin/tables/rollback: ");
    assert!(ran.err.starts_with(&start), "{}", ran.err);
    assert!(ran.err.ends_with("\n help: is the Worker running, and is --url right?\n"), "{}", ran.err);
    let other = FakeEdge::start_with(|_, _, _| Some((404, "", "<html>".to_owned())));
    place.fails(
        &format!("{line} {}", other.url()),
        4,
        &format!(
            "error: {}/v1/admin/tables/rollback answered 404, but not as Vitrine does\n \
             help: is --url the address of the Worker itself, without a path?",
            other.url()
        ),
    );
}

#[test]
fn configurations_are_published_as_json() {
    let place = Place::new();
    place.write("admin.token", TOKEN);
    place.write("offers.yaml", OFFERS_YAML);
    place.write("offers.json", OFFERS);
    let edge = FakeEdge::start();
    let url = edge.url();
    let line = format!("config publish offers.yaml --url {url} --token-file admin.token");
    assert_eq!(place.ok(&format!("{line} --dry-run")), format!("offers.yaml would be accepted by {url}\n"));
    assert!(edge.stored().is_empty());
    assert_eq!(place.ok(&line), format!("offers.yaml is version 3 on {url}\n"));
    let sent: Value = serde_json::from_slice(&edge.stored()["/v1/admin/config"]).expect("JSON");
    assert_eq!(sent, serde_json::from_str::<Value>(OFFERS).expect("JSON"));
}

#[test]
fn a_publication_is_never_repeated_by_itself() {
    let place = Place::new();
    place.write("admin.token", TOKEN);
    place.write("offers.json", OFFERS);
    let edge = FakeEdge::start_with(|_, _, _| Some(problem(503, "unavailable", "the registry did not answer")));
    let url = edge.url();
    place.fails(
        &format!("config publish offers.json --url {url} --token-file admin.token"),
        4,
        &format!("error: {url}/v1/admin/config refused (503 unavailable): the registry did not answer"),
    );
    assert_eq!(edge.requests().len(), 1);
}

#[test]
fn a_configuration_with_errors_is_not_sent() {
    let place = Place::new();
    place.write("admin.token", TOKEN);
    place.write("offers.json", OFFERS.replace("\"hello\"", "\"helo\"").replacen("\"helo\"", "\"hello\"", 1));
    let edge = FakeEdge::start();
    let ran = place.run(&format!("config publish offers.json --url {} --token-file admin.token", edge.url()));
    assert_eq!(ran.exit, 3);
    assert!(ran.err.starts_with("error: offers.json has 2 errors\n"), "{}", ran.err);
    assert_eq!(edge.requests(), Vec::<String>::new());
}
