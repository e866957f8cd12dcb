//! Drafts, versions, environments, tokens and the audit log: what is sent to the Worker, and what is said of its answers.

use crate::edge::{FakeEdge, TOKEN, problem};
use crate::fixture::OFFERS_YAML;
use crate::run::Place;
use serde_json::{Value, json};
use vitrine_api::{AuditDraft, AuditEntry, AuditHead, Role};

/// A Worker that gives this answer to every call.
fn answering(answer: Value) -> FakeEdge {
    FakeEdge::start_with(move |_, _, _| Some((200, "", answer.to_string())))
}

fn place() -> Place {
    let place = Place::new();
    place.write("admin.token", TOKEN);
    place.write("offers.yaml", OFFERS_YAML);
    place
}

/// Runs a command against a Worker that gives this answer. Gives the last call, its body, and what was printed.
#[track_caller]
fn ran(line: &str, answer: Value) -> (String, Value, String) {
    let (place, edge) = (place(), answering(answer));
    let out = place.run(&format!("{line} --url {} --token-file admin.token --quiet", edge.url()));
    assert_eq!((out.exit, out.err.as_str()), (0, ""), "{line}");
    let body = edge.bodies().pop().unwrap_or_default();
    let call = edge.requests().pop().expect("a call");
    (call, serde_json::from_slice(&body).unwrap_or(Value::Null), out.out.replace(edge.url(), "EDGE"))
}

#[test]
fn calls_and_their_words() {
    let draft = json!({ "id": "d7", "environment": "production", "revision": 2, "updated_by": "ann", "base_version": 3,
        "state": "open", "note": "winter", "authors": ["ann"], "created_at": "", "updated_at": "" });
    let pointer = json!({ "version": 4, "epoch": 9 });
    let cases = [
        (
            "config publish --draft d7 --reason sale",
            "POST /v1/admin/drafts/d7/publish",
            json!({ "allow_reshuffle": false, "at": null, "reason": "sale" }),
            pointer.clone(),
            "draft d7 is version 4 on EDGE\n",
        ),
        (
            "config publish --draft d7 --at 2026-12-01T00:00:00Z --allow-reshuffle",
            "POST /v1/admin/drafts/d7/publish",
            json!({ "allow_reshuffle": true, "at": "2026-12-01T00:00:00Z", "reason": "" }),
            json!({ "schedule": { "at": "2026-12-01T00:00:00Z" } }),
            "draft d7 will be published at 2026-12-01T00:00:00Z on EDGE\n",
        ),
        (
            "config publish --version 4 --environment staging",
            "POST /v1/admin/config/publish",
            json!({ "environment": "staging", "version": 4, "allow_reshuffle": false, "reason": "" }),
            pointer.clone(),
            "version 4 runs in staging on EDGE\n",
        ),
        (
            "config rollback --reason wrong",
            "POST /v1/admin/config/rollback",
            json!({ "environment": "production", "reason": "wrong" }),
            pointer.clone(),
            "production runs version 4 again on EDGE\n",
        ),
        (
            "config rollback --to 2 --environment staging",
            "POST /v1/admin/config/rollback",
            json!({ "environment": "staging", "reason": "", "version": 2 }),
            pointer,
            "staging runs version 4 again on EDGE\n",
        ),
        (
            "config draft create --version 4 --note winter",
            "POST /v1/admin/drafts",
            json!({ "environment": "production", "note": "winter", "version": 4 }),
            draft.clone(),
            "draft d7 for production, revision 2 by ann, against version 3: open: winter\n\
          look at it with `vitrine config draft diff d7`, publish it with `vitrine config publish --draft d7`\n",
        ),
        (
            "config draft change d7 --revision 1 --note x --base-version 3",
            "PUT /v1/admin/drafts/d7",
            json!({ "base_version": 3, "note": "x" }),
            draft,
            "draft d7 for production, revision 2 by ann, against version 3: open: winter\n",
        ),
        (
            "config draft discard d7 --revision 2",
            "DELETE /v1/admin/drafts/d7",
            Value::Null,
            json!({}),
            "draft d7 is dropped\n",
        ),
        (
            "config draft unschedule d7",
            "DELETE /v1/admin/drafts/d7/schedule",
            Value::Null,
            json!({}),
            "draft d7 will not be published by itself\n",
        ),
        ("config draft list", "GET /v1/admin/drafts", Value::Null, json!({ "drafts": [] }), "no drafts\n"),
        (
            "config versions --limit 5",
            "GET /v1/admin/config/versions?limit=5",
            Value::Null,
            json!({ "versions": [{ "version": 4, "published_at": "T", "by": "ann", "runs_in": ["production", "staging"],
           "reason": "sale", "changes": ["a: 1 -> 2"] }] }),
            "version 4, T, by ann, runs in production and staging\n  because: sale\n  a: 1 -> 2\n",
        ),
        (
            "environments set staging --approval on --query-override off --reason eyes",
            "PUT /v1/admin/environments/staging",
            json!({ "settings": { "approval": true, "query_override": false }, "reason": "eyes" }),
            json!({ "name": "staging", "version": 4, "settings": { "approval": true }, "killed": ["x"], "keys": [] }),
            "staging runs version 4; on: approval; switched off: x\n",
        ),
        (
            "environments keys add staging --kind client --note app",
            "POST /v1/admin/environments/staging/keys",
            json!({ "kind": "client", "note": "app" }),
            json!({ "id": "k1", "key": "vtc_staging_x" }),
            "vtc_staging_x\n",
        ),
        (
            "environments keys retire staging k1 --overlap 2h",
            "DELETE /v1/admin/environments/staging/keys/k1?overlap_s=7200",
            Value::Null,
            json!({ "expires_at": "T" }),
            "key k1 of staging is refused from T on\n",
        ),
        (
            "tokens add ann@shop.example --role approver --environment staging",
            "POST /v1/admin/tokens",
            json!({ "name": "ann@shop.example", "role": "approver", "environments": ["staging"] }),
            json!({ "id": "t1", "token": "vta_x" }),
            "vta_x\n",
        ),
        (
            "tokens revoke t1",
            "DELETE /v1/admin/tokens/t1",
            Value::Null,
            json!({ "name": "ann" }),
            "token t1 of ann is worth nothing from now on\n",
        ),
        (
            "tokens list",
            "GET /v1/admin/tokens",
            Value::Null,
            json!({ "tokens": [{ "id": "t1", "name": "ann", "role": "editor", "environments": ["lab"], "created_at": "T", "revoked_at": "U" }] }),
            "t1 ann is editor for lab, since T, revoked U\n",
        ),
        (
            "flags kill search --reason errors",
            "POST /v1/admin/flags/search/kill",
            json!({ "environment": "production", "killed": true, "reason": "errors" }),
            json!({}),
            "flag search is off in production\n",
        ),
        (
            "flags revive search --environment lab",
            "POST /v1/admin/flags/search/kill",
            json!({ "environment": "lab", "killed": false, "reason": "" }),
            json!({}),
            "flag search is on again in lab\n",
        ),
        (
            "config preview --force hero=bold --flag n=5 --attributes {\"country\":\"CN\"} --expires-in 2h --page https://shop.example/",
            "POST /v1/admin/previews",
            json!({ "environment": "production", "expires_in": 7200, "experiments": { "hero": "bold" }, "flags": { "n": 5 },
           "attributes": { "country": "CN" } }),
            json!({ "token": "T.T", "expires_at": "U" }),
            "https://shop.example/?vitrine_preview=T.T\n",
        ),
    ];
    for (line, call, body, answer, says) in cases {
        assert_eq!(ran(line, answer), (call.to_owned(), body, says.to_owned()), "{line}");
    }
}

#[test]
fn a_file_is_sent_as_it_was_checked() {
    let place = place();
    let edge = answering(
        json!({ "version": 4, "id": "d1", "comparison": { "against": 3, "changes": [{ "pointer": "/a", "text": "a: 1 -> 2" }], "reshuffle": [] } }),
    );
    let tail = format!("--url {} --token-file admin.token", edge.url());
    let document = place.json("config export offers.yaml");
    let sent = |n: usize| -> Value { serde_json::from_slice(&edge.bodies()[n]).expect("JSON") };
    place.ok(&format!(
        "config publish offers.yaml --environment staging --allow-reshuffle --base-version 3 --reason sale {tail}"
    ));
    assert_eq!(
        edge.requests()[0],
        "PUT /v1/admin/config?environment=staging&allow_reshuffle=true&base_version=3&reason=sale"
    );
    assert_eq!(sent(0), document);
    place.ok(&format!("config draft create offers.yaml {tail}"));
    assert_eq!(sent(1)["document"], document);
    let told = place.ok(&format!("config diff offers.yaml --environment lab {tail}"));
    assert_eq!(told, "1 difference to version 3, which runs in lab:\n  a: 1 -> 2\n");
    assert_eq!((edge.requests()[2].as_str(), sent(2)), ("POST /v1/admin/config/check?environment=lab", document));
}

/// The revision that was shown is the one that is approved.
#[test]
fn approvals_are_for_what_was_shown() {
    let place = place();
    let edge = FakeEdge::start_with(|method, _, _| {
        let answer = if method == "GET" {
            json!({ "against": 3, "revision": 5, "stale": false, "changes": [{ "pointer": "", "text": "hero: 50 % -> 70 %" }], "reshuffle": [], "diagnostics": [] })
        } else {
            json!({ "revision": 5, "approval": { "by": "bob" } })
        };
        Some((200, "", answer.to_string()))
    });
    let line = format!("config approve d7 --reason checked --url {} --token-file admin.token", edge.url());
    let ran = place.run(&line);
    assert_eq!((ran.exit, ran.out.as_str()), (0, "revision 5 of draft d7 is approved by bob\n"));
    assert!(ran.err.contains("hero: 50 % -> 70 %"), "{}", ran.err);
    assert_eq!(edge.requests(), ["GET /v1/admin/drafts/d7/diff", "POST /v1/admin/drafts/d7/approve"]);
    assert_eq!(edge.if_match(), [None, Some("\"5\"".to_owned())]);
    place.run(&format!("{line} --revision 4"));
    assert_eq!(edge.if_match()[3], Some("\"4\"".to_owned()));
}

#[test]
fn documents_are_fetched_and_written() {
    let place = place();
    let document = place.json("config export offers.yaml");
    let shown = document.clone();
    let edge = FakeEdge::start_with(move |_, path, _| {
        let answer = match path {
            "/v1/admin/environments/production" => json!({ "version": 3 }),
            "/v1/admin/environments/empty" => json!({ "version": null }),
            "/v1/admin/drafts/d1" => json!({ "id": "d1", "document": shown }),
            _ => shown.clone(),
        };
        Some((200, "", answer.to_string()))
    });
    let tail = format!("--url {} --token-file admin.token", edge.url());
    for (which, calls) in [("", 2), ("--version 2", 1), ("--draft d1", 1)] {
        let before = edge.requests().len();
        assert_eq!(place.json(&format!("config export {which} {tail}")), document, "{which}");
        assert_eq!(edge.requests().len() - before, calls);
    }
    place.ok(&format!("config export --out got.csv {tail}"));
    assert_eq!(place.json("config export got.csv"), document);
    place.ok(&format!("config draft show d1 --out got.yaml {tail}"));
    assert_eq!(place.json("config export got.yaml"), document);
    let nothing = "error: nothing has been published in empty\n help: publish something first";
    place.fails(&format!("config export --environment empty {tail}"), 4, nothing);
}

#[test]
fn refusals_show_the_conflict() {
    let place = place();
    let conflict = json!({ "status": 409, "code": "conflict", "detail": "this was written against version 2", "errors": [
        { "pointer": "/offers/3", "code": "changed_meanwhile", "detail": "back-soon: title changed" }] });
    let edge = FakeEdge::start_with(move |_, _, _| Some((409, "", conflict.to_string())));
    let url = edge.url();
    for line in ["config publish --draft d7", "config publish offers.yaml", "config draft change d7 --revision 1"] {
        let ran = place.run(&format!("{line} --url {url} --token-file admin.token"));
        assert_eq!(ran.exit, 4);
        assert!(
            ran.err.contains(
                "refused (409 conflict): this was written against version 2\n  /offers/3: back-soon: title changed"
            ),
            "{}",
            ran.err
        );
    }
    assert_eq!(edge.requests().len(), 3, "none is sent twice");
    let edge = FakeEdge::start_with(|_, _, _| {
        Some(problem(403, "forbidden", "publishing needs the role approver; ann is editor"))
    });
    let ran = place.run(&format!("config rollback --url {} --token-file admin.token", edge.url()));
    assert_eq!(ran.exit, 4);
    assert!(
        ran.err.ends_with("refused (403 forbidden): publishing needs the role approver; ann is editor\n"),
        "{}",
        ran.err
    );
}

/// A log of so many entries.
fn log(n: u64) -> Vec<AuditEntry> {
    let mut head = AuditHead::default();
    let entry = |i: u64| {
        let entry = head.seal(AuditDraft {
            action: "config.publish".into(),
            actor: "ann".into(),
            at: format!("2026-11-{i:02}T00:00:00Z"),
            reason: "双十一".into(),
            role: Role::Approver,
            summary: format!("version {i}"),
            target: "production".into(),
        });
        head.follow(&entry).expect("sound");
        entry
    };
    (1..=n).map(entry).collect()
}

fn lines(entries: &[AuditEntry]) -> String {
    entries.iter().map(|it| it.to_json() + "\n").collect()
}

#[test]
fn an_audit_log_is_exported_in_pages_and_verifies() {
    let place = place();
    let entries = log(25);
    let served = entries.clone();
    let edge = FakeEdge::start_with(move |_, path, _| {
        let after: usize = path.split(['=', '&']).nth(1).and_then(|it| it.parse().ok()).expect("after");
        let page: Vec<&AuditEntry> = served.iter().skip(after).take(10).collect();
        let more = after + page.len() < served.len();
        let head = json!({ "seq": 25, "hash": served[24].hash });
        Some((200, "", json!({ "entries": page, "more": more, "head": head }).to_string()))
    });
    let tail = format!("--url {} --token-file admin.token", edge.url());
    assert_eq!(place.ok(&format!("audit export --out audit.ndjson {tail}")), "25 entries are in audit.ndjson\n");
    assert_eq!(place.read("audit.ndjson"), lines(&entries));
    assert_eq!(place.ok(&format!("audit export --after 20 {tail}")), lines(&entries[20..]));
    let end = format!("25:{}", entries[24].hash);
    assert_eq!(place.ok("audit verify audit.ndjson"), format!("audit.ndjson: 25 entries, whole; the end is {end}\n"));
    assert_eq!(
        place.ok(&format!("audit verify {tail}")),
        format!("{}: 25 entries, whole; the end is {end}\n", edge.url())
    );
    assert_eq!(
        place.json(&format!("audit verify audit.ndjson --json --head 7:{}", entries[6].hash))["head"],
        end.as_str()
    );
    let ran = place.run_with("audit verify -", &[], &place.read("audit.ndjson"));
    assert_eq!(ran.exit, 0);
}

#[test]
fn a_log_that_was_tampered_with_is_found_out() {
    let place = place();
    let check = |entries: &[AuditEntry], head: &str, says: &str| {
        place.write("audit.ndjson", lines(entries));
        let ran = place.run(&format!("audit verify audit.ndjson {head}"));
        assert_eq!((ran.exit, ran.out.as_str()), (1, ""), "{says}");
        assert!(ran.err.starts_with(&format!("error: audit.ndjson: {says}")), "{}", ran.err);
    };
    let sound = log(9);
    let noted = format!("--head 9:{}", sound[8].hash);
    let mut tampered = sound.clone();
    tampered[3].actor = "eve".into();
    check(&tampered, "", "entry 4 was changed: it has SHA-256 ");
    tampered[3].hash = tampered[3].expected_hash();
    check(&tampered, "", "entry 5 does not follow the entry before it");
    let mut removed = sound.clone();
    removed.remove(5);
    check(&removed, "", "entry 6 is missing: entry 7 comes in its place");
    let mut swapped = sound.clone();
    swapped.swap(1, 2);
    check(&swapped, "", "entry 2 is missing: entry 3 comes in its place");
    let mut repeated = sound.clone();
    repeated.insert(4, sound[3].clone());
    check(&repeated, "", "entries are not in their order: entry 4 comes in place of 5");
    check(&sound[1..], "", "entry 1 is missing: entry 2 comes in its place");
    check(&sound[..8], &noted, "entries are cut off: the log ends before entry 9, which was noted");
    let mut rewritten = log(8);
    let mut head = AuditHead { seq: 8, hash: rewritten[7].hash.clone() };
    let other = AuditDraft {
        action: "token.create".into(),
        actor: "eve".into(),
        at: String::new(),
        reason: String::new(),
        role: Role::Admin,
        summary: String::new(),
        target: String::new(),
    };
    let entry = head.seal(other);
    head.follow(&entry).expect("sound");
    rewritten.push(entry);
    check(&rewritten, &noted, "this is another log: entry 9 has hash ");
    place.write("audit.ndjson", "{\"seq\":1}\n");
    let ran = place.run("audit verify audit.ndjson");
    assert!(ran.exit == 3 && ran.err.starts_with("error: audit.ndjson:1: no entry of the audit log: "), "{}", ran.err);
    place.fails(
        "audit verify none.ndjson",
        1,
        "error: cannot read none.ndjson: No such file or directory (os error 2)",
    );
}

/// A Worker that hides the end of its log is found out by what it says of the end.
#[test]
fn a_worker_that_sends_less_than_it_says() {
    let (place, entries) = (place(), log(3));
    let page = json!({ "entries": &entries[..2], "more": false, "head": { "seq": 3, "hash": entries[2].hash } });
    let edge = answering(page);
    let ran = place.run(&format!("audit verify --url {} --token-file admin.token", edge.url()));
    assert!(ran.exit == 1 && ran.err.contains("it says that the log ends at entry 3, but sent 2"), "{}", ran.err);
}

#[test]
fn arguments_that_are_not_of_their_form() {
    let place = place();
    for (line, says) in [
        ("config preview --force hero", "--force hero: write NAME=VALUE"),
        ("config preview --flag =5", "--flag =5: write NAME=VALUE"),
        ("config preview --attributes 5", "--attributes: write a JSON object"),
        ("config preview --attributes {", "--attributes is not JSON"),
        ("config preview --expires-in soon", "\"soon\" is no span of time"),
        ("environments keys retire staging k1 --overlap 1w", "\"1w\" is no span of time"),
    ] {
        let edge = answering(json!({}));
        let ran = place.run(&format!("{line} --url {} --token-file admin.token", edge.url()));
        assert_eq!((ran.exit, edge.requests().len()), (2, 0), "{line}: {}", ran.err);
        assert!(ran.err.starts_with(&format!("error: {says}")), "{line}: {}", ran.err);
    }
}
