// The registry: drafts, approvals, schedules, versions, environments and keys, on real SQLite and KV.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertProblem, offers } from "./support/fixture.mjs";
import { auditLog, body, person, shown, titled } from "./support/registry.mjs";
import { ADMIN_TOKEN, eventually, read, sha256, startFleet, startWorker } from "./support/worker.mjs";

const pointer = async (worker, environment = "production") =>
  JSON.parse(Buffer.from((await worker.stored())[environment === "production" ? "c/current" : `c/${environment}/current`] ?? "null").toString());
const draft = async (call, more = {}) => body(await call("POST", "drafts", { document: titled("draft"), ...more }));
const ifMatch = (revision) => ({ "if-match": `"${revision}"` });

describe("drafts", () => {
  let worker, ann, bob;
  before(async () => {
    worker = await startWorker();
    [ann, bob] = [await person(worker, "ann", "approver"), await person(worker, "bob", "approver")];
    body(await worker.admin("PUT", "config", titled("one")));
  });
  after(() => worker?.stop());

  test("are kept as they were written, with revisions", async () => {
    const made = await draft(ann, { note: "the sale" });
    assert.deepEqual(
      [made.environment, made.base_version, made.revision, made.state, made.note, made.authors],
      ["production", 1, 1, "open", "the sale", ["ann"]],
    );
    const got = body(await bob("GET", `drafts/${made.id}`));
    assert.deepEqual(got.document, titled("draft"));
    const changed = body(await bob("PUT", `drafts/${made.id}`, { document: titled("more") }, ifMatch(1)));
    assert.deepEqual([changed.revision, changed.authors, changed.updated_by], [2, ["ann", "bob"], "bob"]);
    assert.deepEqual(body(await ann("GET", `drafts/${made.id}`)).document, titled("more"));
    const noted = body(await ann("PUT", `drafts/${made.id}`, { note: "another" }, ifMatch(2)));
    assert.deepEqual([noted.revision, noted.note], [3, "another"]);
    assert.deepEqual((await ann("GET", "drafts")).body.drafts.map((it) => [it.id, it.revision]), [[made.id, 3]]);
    assert.deepEqual(body(await ann("DELETE", `drafts/${made.id}`, undefined, ifMatch(3))), { id: made.id, discarded: true });
    assertProblem(await ann("GET", `drafts/${made.id}`), 404, "not_found");
    assert.deepEqual(await shown(worker), [1, "one"], "a draft changes nothing");
  });

  test("begin as what runs, or as a version", async () => {
    const { id } = body(await ann("POST", "drafts", {}));
    assert.deepEqual(body(await ann("GET", `drafts/${id}`)).document, titled("one"));
    const other = body(await ann("POST", "drafts", { version: 1 }));
    assert.deepEqual(body(await ann("GET", `drafts/${other.id}`)).document, titled("one"));
  });

  test("a stale change is refused, and shows what the other one changed", async () => {
    const { id } = await draft(ann);
    body(await bob("PUT", `drafts/${id}`, { document: titled("bob's") }, ifMatch(1)));
    for (const [method, change] of [["PUT", { document: titled("ann's") }], ["DELETE", undefined]]) {
      const answer = await ann(method, `drafts/${id}`, change, ifMatch(1));
      assert.equal(answer.status, 409, answer.text);
      assert.match(answer.body.detail, /revision 1 .* revision 2, by bob .*back-soon/);
      assert.ok(answer.body.errors.length > 0);
      for (const error of answer.body.errors) {
        assert.equal(error.code, "changed_meanwhile");
        assert.match(error.pointer, /^\/offers\/\d+/);
        assert.match(error.detail, /back-soon/);
      }
    }
    assert.deepEqual(body(await ann("GET", `drafts/${id}`)).document, titled("bob's"), "nothing is overwritten");
  });

  test("at once: one change of two from the same revision is taken", async () => {
    const { id } = await draft(ann);
    const answers = await Promise.all(["x", "y", "z"].map((title) => ann("PUT", `drafts/${id}`, { document: titled(title) }, ifMatch(1))));
    assert.deepEqual(answers.map((it) => it.status).sort(), [200, 409, 409]);
    assert.equal(body(await ann("GET", `drafts/${id}`)).revision, 2);
  });

  test("tell all that is wrong with them, and are not published then", async () => {
    const document = offers();
    document.offers[0].startz = "2026-01-01T00:00:00Z";
    const made = await draft(ann, { document });
    assert.deepEqual(made.diagnostics.map((it) => [it.code, it.pointer]), [["unknown_key", "/offers/0/startz"]]);
    const refused = await ann("POST", `drafts/${made.id}/publish`);
    assertProblem(refused, 422, "invalid_configuration", ["/offers/0/startz"]);
    assertProblem(await bob("POST", `drafts/${made.id}/approve`, { reason: "fine" }), 422, "invalid_configuration", ["/offers/0/startz"]);
    const { diagnostics } = body(await ann("GET", `drafts/${made.id}/diff`));
    assert.equal(diagnostics.length, 1);
  });

  test("differ in words from what runs", async () => {
    const { id } = await draft(ann);
    const diff = body(await ann("GET", `drafts/${id}/diff`));
    assert.deepEqual([diff.against, diff.stale, diff.revision], [1, false, 1]);
    assert.ok(diff.changes.length > 0);
    for (const change of diff.changes) assert.match(change.text, /back-soon/);
  });

  test("become a version, once", async () => {
    const { id } = await draft(ann, { document: titled("two") });
    const published = body(await ann("POST", `drafts/${id}/publish`, { reason: "the sale begins" }));
    assert.deepEqual([published.version, published.previous], [2, 1]);
    assert.deepEqual(await shown(worker), [2, "two"]);
    const { state, version } = body(await ann("GET", `drafts/${id}`));
    assert.deepEqual([state, version], ["published", 2]);
    for (const [method, path, change] of [
      ["POST", `drafts/${id}/publish`, undefined],
      ["PUT", `drafts/${id}`, { note: "late" }],
      ["POST", `drafts/${id}/approve`, { reason: "late" }],
      ["DELETE", `drafts/${id}`, undefined],
    ]) {
      assertProblem(await bob(method, path, change, method === "POST" ? {} : ifMatch(1)), 409, "conflict");
    }
    assert.deepEqual(await shown(worker), [2, "two"]);
  });

  test("one whose base is no longer running is refused with the conflict shown, until it is rebased", async () => {
    const stale = await draft(ann, { document: titled("three") });
    body(await worker.admin("PUT", "config", titled("from elsewhere")));
    const answer = await ann("POST", `drafts/${stale.id}/publish`);
    assert.equal(answer.status, 409, answer.text);
    assert.match(answer.body.detail, /against version 2, but production runs version 3.*back-soon/);
    assert.ok(answer.body.errors.every((it) => it.code === "changed_meanwhile" && /back-soon/.test(it.detail)));
    assert.equal(body(await ann("GET", `drafts/${stale.id}/diff`)).stale, true);
    assert.deepEqual(await shown(worker), [3, "from elsewhere"]);
    const rebased = body(await ann("PUT", `drafts/${stale.id}`, { base_version: 3 }, ifMatch(1)));
    assert.equal(rebased.base_version, 3);
    assert.equal(body(await ann("POST", `drafts/${stale.id}/publish`, {}, ifMatch(2))).version, 4);
  });

  test("only the revision that was seen is published", async () => {
    const { id } = await draft(ann);
    body(await bob("PUT", `drafts/${id}`, { document: titled("sneaked in") }, ifMatch(1)));
    assert.equal((await ann("POST", `drafts/${id}/publish`, {}, ifMatch(1))).status, 409);
    assert.deepEqual((await shown(worker))[0], 4);
  });

  const REFUSED = [
    ["no such draft", "GET", "drafts/d999", undefined, {}, 404],
    ["no such draft: approve", "POST", "drafts/d999/approve", { reason: "x" }, {}, 404],
    ["a name that is none", "GET", "drafts/1", undefined, {}, 404],
    ["a change without If-Match", "PUT", "drafts/d1", { note: "x" }, {}, 400],
    ["an If-Match that is no revision", "PUT", "drafts/d1", { note: "x" }, { "if-match": '"x"' }, 400],
    ["any revision at all", "PUT", "drafts/d1", { note: "x" }, { "if-match": "*" }, 400],
    ["a draft and a version at once", "POST", "drafts", { document: titled("x"), version: 1 }, {}, 400],
    ["a document that is a list", "POST", "drafts", { document: [] }, {}, 400],
    ["a base that there never was", "POST", "drafts", { document: titled("x"), base_version: 77 }, {}, 404],
    ["a version that there never was", "POST", "drafts", { version: 77 }, {}, 404],
    ["an unknown member", "POST", "drafts", { document: titled("x"), enviroment: "staging" }, {}, 400],
    ["another environment", "POST", "drafts", { document: titled("x"), environment: "staging" }, {}, 404],
    ["a name that cannot be an environment", "POST", "drafts", { document: titled("x"), environment: "../x" }, {}, 400],
    ["a long note", "POST", "drafts", { document: titled("x"), note: "x".repeat(3000) }, {}, 400],
    ["no JSON", "POST", "drafts", "{", {}, 400],
    ["deep nesting", "POST", "drafts", `{"document":${"[".repeat(100_000)}`, {}, 400],
    ["a parameter that there is not", "POST", "drafts?environment=staging", { document: titled("x") }, {}, 400],
    ["an approval without a reason", "POST", "drafts/d1/approve", {}, {}, 400],
  ];
  for (const [what, method, path, change, headers, status] of REFUSED) {
    test(`are refused: ${what}`, async () => {
      const answer = await ann(method, path, change, headers);
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
    });
  }

  test("hold documents that are greater than a row of the database", async () => {
    const document = offers();
    for (let i = 0; i < 700; i++) document.offers.push({ id: `long-${i}`, content: { title: "ä".repeat(1000), text: "日".repeat(500) } });
    const made = await draft(ann, { document });
    assert.deepEqual(body(await ann("GET", `drafts/${made.id}`)).document, document);
  });
});

describe("approval by a second person", () => {
  let worker, ann, bob, eve;
  before(async () => {
    worker = await startWorker();
    ann = await person(worker, "ann", "approver");
    bob = await person(worker, "bob", "approver");
    eve = await person(worker, "eve", "editor");
    body(await worker.admin("PUT", "config", titled("one")));
    body(await worker.admin("PUT", "environments/production", { settings: { approval: true } }));
  });
  after(() => worker?.stop());

  test("closes every way around it", async () => {
    assertProblem(await ann("PUT", "config", titled("around")), 409, "conflict");
    assertProblem(await worker.admin("PUT", "config", titled("around")), 409, "conflict");
    assertProblem(await ann("POST", "config/publish", { version: 1 }), 409, "conflict");
    const { id } = await draft(ann);
    for (const more of [{}, { allow_reshuffle: true }, { at: new Date(Date.now() + 3_600_000).toISOString() }]) {
      const answer = await ann("POST", `drafts/${id}/publish`, more);
      assertProblem(answer, 409, "conflict");
      assert.match(answer.body.detail, /somebody else than ann must approve revision 1/);
    }
    assert.deepEqual(await shown(worker), [1, "one"]);
  });

  test("author and approver are two", async () => {
    const { id } = await draft(eve, { document: titled("two") });
    body(await ann("PUT", `drafts/${id}`, { note: "a word" }, ifMatch(1)));
    const own = await ann("POST", `drafts/${id}/approve`, { reason: "I wrote it" });
    assertProblem(own, 403, "forbidden");
    assertProblem(await eve("POST", `drafts/${id}/approve`, { reason: "I wrote it" }), 403, "forbidden");
    assertProblem(await bob("POST", `drafts/${id}/approve`, { reason: "  " }), 400, "invalid_request", ["/reason"]);
    assertProblem(await bob("POST", `drafts/${id}/approve`, { reason: "an older one" }, ifMatch(1)), 409, "conflict");
    const { approval } = body(await bob("POST", `drafts/${id}/approve`, { reason: "checked with legal" }, ifMatch(2)));
    assert.deepEqual([approval.by, approval.reason], ["bob", "checked with legal"]);
    assertProblem(await eve("POST", `drafts/${id}/publish`), 403, "forbidden");
    assert.equal(body(await ann("POST", `drafts/${id}/publish`)).version, 2);
    assert.deepEqual(await shown(worker), [2, "two"]);
  });

  test("an edit afterwards voids it", async () => {
    const { id } = await draft(ann, { document: titled("three") });
    body(await bob("POST", `drafts/${id}/approve`, { reason: "fine" }));
    body(await ann("PUT", `drafts/${id}`, { document: titled("not what bob saw") }, ifMatch(1)));
    assert.equal(body(await ann("GET", `drafts/${id}`)).approval, undefined);
    assertProblem(await ann("POST", `drafts/${id}/publish`), 409, "conflict");
    body(await bob("POST", `drafts/${id}/approve`, { reason: "fine too" }));
    assert.equal(body(await ann("POST", `drafts/${id}/publish`)).version, 3);
  });

  test("going back needs none, to what has run here", async () => {
    assert.equal(body(await ann("POST", "config/rollback", {})).version, 2);
    assert.equal(body(await ann("POST", "config/rollback", { version: 1 })).version, 1);
    body(await worker.admin("PUT", "environments/lab", {}));
    const { version } = body(await worker.admin("PUT", "config?environment=lab", titled("never approved")));
    assertProblem(await ann("POST", "config/rollback", { version }), 409, "conflict");
    const { id } = body(await eve("POST", "drafts", { version }));
    body(await bob("POST", `drafts/${id}/approve`, { reason: "it went well in the lab" }));
    assert.equal(body(await bob("POST", `drafts/${id}/publish`)).version, version, "an unchanged version keeps its number");
  });
});

describe("scheduled publications", () => {
  let worker, ann;
  before(async () => {
    worker = await startWorker({ vars: { REFRESH_MS: "0" } });
    ann = await person(worker, "ann", "approver");
    body(await worker.admin("PUT", "config", titled("one")));
  });
  after(() => worker?.stop());

  const soon = (ms) => new Date(Date.now() + ms).toISOString();
  const state = async (id) => body(await ann("GET", `drafts/${id}`));

  test("are carried out at their time", async () => {
    const { id } = await draft(ann, { document: titled("two") });
    const at = soon(1500);
    const scheduled = body(await ann("POST", `drafts/${id}/publish`, { at, reason: "the sale" }));
    assert.deepEqual([scheduled.state, scheduled.schedule.at, scheduled.schedule.by], ["scheduled", at, "ann"]);
    assert.deepEqual(await shown(worker), [1, "one"]);
    const done = await eventually(() => state(id), (it) => it.state !== "scheduled");
    assert.deepEqual([done.state, done.version, done.schedule], ["published", 2, undefined]);
    assert.deepEqual((await eventually(() => shown(worker), ([version]) => version === 2))[1], "two");
    const entry = (await auditLog(worker)).at(-1);
    assert.deepEqual([entry.action, entry.actor, entry.reason], ["config.publish", "ann", "the sale"]);
    assert.ok(entry.at >= at, "not before its time");
  });

  test("can be taken back", async () => {
    const { id } = await draft(ann, { document: titled("never") });
    body(await ann("POST", `drafts/${id}/publish`, { at: soon(3_600_000) }));
    assertProblem(await ann("PUT", `drafts/${id}`, { note: "x" }, ifMatch(1)), 409, "conflict");
    assertProblem(await ann("POST", `drafts/${id}/publish`), 409, "conflict");
    const open = body(await ann("DELETE", `drafts/${id}/schedule`));
    assert.deepEqual([open.state, open.schedule], ["open", undefined]);
    assertProblem(await ann("DELETE", `drafts/${id}/schedule`), 409, "conflict");
  });

  test("a stale one is not carried out, and why is recorded", async () => {
    const { id } = await draft(ann, { document: titled("stale") });
    body(await ann("POST", `drafts/${id}/publish`, { at: soon(1500) }));
    body(await worker.admin("PUT", "config", titled("meanwhile")));
    const done = await eventually(() => state(id), (it) => it.state !== "scheduled");
    assert.equal(done.state, "open");
    assert.match(done.outcome, /not published in production at .*: this was written against version 2, but production runs version 3.*back-soon/);
    const entry = (await auditLog(worker)).at(-1);
    assert.deepEqual([entry.action, entry.target, entry.summary], ["config.publish.refused", `draft ${id}`, done.outcome]);
    assert.deepEqual((await eventually(() => shown(worker), ([version]) => version === 3))[1], "meanwhile");
  });

  test("several are carried out in the order of their times, each against what it was written for", async () => {
    const first = await draft(ann, { document: titled("first") });
    const second = await draft(ann, { document: titled("second") });
    const [early, late] = [soon(1200), soon(1300)];
    body(await ann("POST", `drafts/${second.id}/publish`, { at: late }));
    body(await ann("POST", `drafts/${first.id}/publish`, { at: early }));
    const done = await eventually(() => state(second.id), (it) => it.state !== "scheduled");
    assert.equal((await state(first.id)).state, "published");
    assert.equal(done.state, "open", "the second was written against what the first replaced");
  });

  for (const at of ["tomorrow", "2026-01-01", "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"]) {
    test(`not at ${at}`, async () => {
      const { id } = await draft(ann);
      assertProblem(await ann("POST", `drafts/${id}/publish`, { at }), 400, "invalid_request", ["/at"]);
    });
  }
});

describe("a scheduled publication while KV fails", () => {
  test("is tried again, and nobody else is hindered", async () => {
    const worker = await startWorker({ unreliableKv: true });
    try {
      body(await worker.admin("PUT", "config", titled("one")));
      const { id } = body(await worker.admin("POST", "drafts", { document: titled("two") }));
      await worker.faults({ "c/2": "refuse" });
      body(await worker.admin("POST", `drafts/${id}/publish`, { at: new Date(Date.now() + 300).toISOString() }));
      await eventually(async () => (await worker.admin("GET", "drafts")).body.drafts[0], (it) => Date.parse(it.schedule.at) + 700 < Date.now());
      assert.equal((await worker.admin("GET", "drafts")).body.drafts[0].state, "scheduled");
      await worker.faults({});
      body(await worker.admin("DELETE", `drafts/${id}/schedule`));
      assert.equal(body(await worker.admin("POST", `drafts/${id}/publish`)).version, 2);
    } finally {
      await worker.stop();
    }
  });
});

describe("versions and environments", () => {
  let worker;
  before(async () => {
    worker = await startWorker();
    for (const title of ["one", "two", "three"]) body(await worker.admin("PUT", "config", titled(title)));
  });
  after(() => worker?.stop());

  test("any version is listed and exported as it was written", async () => {
    const { versions } = body(await worker.admin("GET", "config/versions"));
    assert.deepEqual(versions.map((it) => it.version), [3, 2, 1]);
    assert.deepEqual(versions.map((it) => it.runs_in), [["production"], [], []]);
    for (const it of versions) {
      assert.deepEqual([it.by, it.sha256.length], ["root", 64]);
      assert.ok(Array.isArray(it.changes));
    }
    assert.deepEqual(body(await worker.admin("GET", "config/versions?limit=1&before=3")).versions.map((it) => it.version), [2]);
    assert.deepEqual(body(await worker.admin("GET", "config/versions/2")), titled("two"));
    for (const version of ["4", "0", "-1", "x", "1e3", "99999999999999999999"]) {
      assertProblem(await worker.admin("GET", `config/versions/${version}`), 404, "not_found");
    }
  });

  test("roll back in one call, to the one before or to any", async () => {
    const to = async (rollback) => {
      const { version, previous } = body(await worker.admin("POST", "config/rollback", rollback));
      return [version, previous, ...(await shown(worker))];
    };
    assert.deepEqual(await to({ version: 1, reason: "prices were wrong" }), [1, 3, 1, "one"]);
    assert.deepEqual(await to({}), [3, 1, 3, "three"]);
    assertProblem(await worker.admin("POST", "config/rollback", { version: 3 }), 409, "conflict");
    assertProblem(await worker.admin("POST", "config/rollback", { version: 4 }), 404, "not_found");
    assertProblem(await worker.admin("POST", "config/rollback", { version: "2" }), 400, "invalid_request");
  });

  test("environments are made, and each has a pointer of its own", async () => {
    assertProblem(await worker.admin("GET", "environments/staging"), 404, "not_found");
    assertProblem(await worker.admin("PUT", "config?environment=staging", titled("x")), 404, "not_found");
    const made = body(await worker.admin("PUT", "environments/staging", { settings: { query_override: true } }));
    assert.deepEqual([made.name, made.version, made.settings.query_override, made.settings.approval], ["staging", null, true, false]);
    const { version } = body(await worker.admin("PUT", "config?environment=staging&reason=a%20try", titled("only staging")));
    assert.equal(version, 4);
    assert.deepEqual(await shown(worker), [3, "three"], "production is as it was");
    const { epoch, ...staging } = await pointer(worker, "staging");
    assert.deepEqual([staging.version, staging.settings.query_override, epoch], [4, true, 2]);
    const names = body(await worker.admin("GET", "environments")).environments.map((it) => [it.name, it.version]);
    assert.deepEqual(names, [["production", 3], ["staging", 4]]);
  });

  test("a version is promoted as it is", async () => {
    const { version, previous } = body(await worker.admin("POST", "config/publish", { version: 4, reason: "staging went well" }));
    assert.deepEqual([version, previous, ...(await shown(worker))], [4, 3, 4, "only staging"]);
    assertProblem(await worker.admin("POST", "config/publish", { version: 4 }), 409, "conflict");
    assertProblem(await worker.admin("POST", "config/publish", { version: 99 }), 404, "not_found");
    assertProblem(await worker.admin("POST", "config/publish", {}), 400, "invalid_request");
    assert.deepEqual(body(await worker.admin("GET", "config/versions")).versions[0].runs_in, ["production", "staging"]);
  });

  test("what was written against another version is refused, if it says so", async () => {
    const answer = await worker.admin("PUT", "config?base_version=3", titled("five"));
    assert.equal(answer.status, 409, answer.text);
    assert.match(answer.body.detail, /against version 3, but production runs version 4/);
    assert.equal(body(await worker.admin("PUT", "config?base_version=4", titled("five"))).version, 5);
  });

  test("settings change one by one, and nothing is written when nothing changes", async () => {
    const before = await pointer(worker);
    body(await worker.admin("PUT", "environments/production", { settings: { require_targeting_key: true } }));
    const after = await pointer(worker);
    assert.deepEqual([after.settings.require_targeting_key, after.version, after.epoch], [true, before.version, before.epoch + 1]);
    body(await worker.admin("PUT", "environments/production", { settings: { require_targeting_key: true } }));
    assert.equal((await pointer(worker)).epoch, after.epoch);
    body(await worker.admin("PUT", "environments/production", { settings: { require_targeting_key: false } }));
  });

  const REFUSED = [
    ["PUT", "environments/Staging", {}, 400],
    ["PUT", "environments/1st", {}, 400],
    ["PUT", `environments/${"x".repeat(33)}`, {}, 400],
    ["PUT", "environments/a%2Fb", {}, 400],
    ["PUT", "environments/lab", { settings: { aproval: true } }, 400],
    ["PUT", "environments/lab", { approval: true }, 400],
    ["GET", "environments/nowhere", undefined, 404],
    ["GET", "config?environment=nowhere", undefined, 404],
    ["GET", "config?enviroment=staging", undefined, 400],
    ["PUT", "config?enviroment=staging", titled("x"), 400],
    ["PUT", "config?environment=staging&environment=production", titled("x"), 400],
    ["DELETE", "environments/staging", undefined, 405],
    ["POST", "config/rollback", { environment: "nowhere" }, 404],
    ["POST", "environments/nowhere/keys", { kind: "client" }, 404],
    ["POST", "environments/staging/keys", { kind: "admin" }, 400],
    ["DELETE", "environments/staging/keys/k99", undefined, 404],
  ];
  for (const [method, path, sent, status] of REFUSED) {
    test(`are refused: ${method} ${path} ${sent ? JSON.stringify(sent).slice(0, 40) : ""}`, async () => {
      const before = await pointer(worker, "staging");
      const answer = await worker.admin(method, path, sent);
      assert.equal(answer.status, status, answer.text);
      assert.deepEqual(await pointer(worker, "staging"), before);
    });
  }

  test("keys are shown once, kept as SHA-256, and rotate with overlap", async () => {
    const made = body(await worker.admin("POST", "environments/staging/keys", { kind: "client", note: "the app" }));
    assert.match(made.key, /^vtc_staging_[0-9A-Za-z]{32}$/);
    const server = body(await worker.admin("POST", "environments/staging/keys", { kind: "server" }));
    assert.match(server.key, /^vts_staging_[0-9A-Za-z]{32}$/);
    assert.notEqual(made.key.slice(12), server.key.slice(12));
    const { keys } = await pointer(worker, "staging");
    assert.deepEqual(keys, [
      { id: made.id, kind: "client", sha256: sha256(made.key) },
      { id: server.id, kind: "server", sha256: sha256(server.key) },
    ]);
    const everything = JSON.stringify(body(await worker.admin("GET", "environments"))) + JSON.stringify(await auditLog(worker));
    assert.ok(!everything.includes(made.key) && !everything.includes(sha256(made.key)));

    const { expires_at } = body(await worker.admin("DELETE", `environments/staging/keys/${made.id}?overlap_s=3600`));
    assert.ok(Math.abs(Date.parse(expires_at) - Date.now() - 3_600_000) < 60_000);
    assert.equal((await pointer(worker, "staging")).keys.find((it) => it.id === made.id).expires_at, expires_at, "both are valid for a while");
    body(await worker.admin("DELETE", `environments/staging/keys/${made.id}`));
    assert.deepEqual((await pointer(worker, "staging")).keys.map((it) => it.id), [server.id]);
    assertProblem(await worker.admin("DELETE", `environments/staging/keys/${made.id}`), 409, "conflict");
    assertProblem(await worker.admin("DELETE", `environments/production/keys/${server.id}`), 404, "not_found");
    for (const overlap of ["-1", "x", "99999999"]) {
      assert.equal((await worker.admin("DELETE", `environments/staging/keys/${server.id}?overlap_s=${overlap}`)).status, 400);
    }
    const listed = body(await worker.admin("GET", "environments/staging")).keys;
    assert.deepEqual(listed.map((it) => [it.id, it.note, it.valid]), [[made.id, "the app", false], [server.id, "", true]]);
    body(await worker.admin("DELETE", `environments/staging/keys/${server.id}`));
    const [last, ...more] = (await pointer(worker, "staging")).keys;
    assert.deepEqual([last.id, more], [server.id, []], "an environment that had keys does not become open to all");
    assert.ok(Date.parse(last.expires_at) <= Date.now());
  });

  test("flags are switched off and on without a publication", async () => {
    const document = { ...offers(), flags: [{ id: "new-search", type: "boolean", default: false, rules: [{ id: "all", value: true }] }] };
    body(await worker.admin("PUT", "config?environment=staging", document));
    const kill = async (flag, killed) => await worker.admin("POST", `flags/${flag}/kill`, { environment: "staging", killed, reason: "errors" });
    const { version } = await pointer(worker, "staging");
    assert.deepEqual(body(await kill("new-search", true)).killed, ["new-search"]);
    assert.deepEqual((await pointer(worker, "staging")).killed, ["new-search"]);
    assert.equal((await pointer(worker, "staging")).version, version);
    assert.equal((await pointer(worker)).killed, undefined, "production is as it was");
    assertProblem(await kill("no-such-flag", true), 404, "not_found");
    assertProblem(await kill("no-such-flag", false), 404, "not_found");
    body(await kill("new-search", false));
    assert.equal((await pointer(worker, "staging")).killed, undefined);
    assertProblem(await worker.admin("POST", "flags/new-search/kill", { killed: "yes" }), 400, "invalid_request");
    assert.deepEqual((await auditLog(worker)).slice(-2).map((it) => [it.action, it.target, it.reason]), [
      ["flag.kill", "staging", "errors"], ["flag.revive", "staging", "errors"],
    ]);
  });

  test("a document is checked against what runs, and nothing is written", async () => {
    const before = await worker.stored();
    const good = body(await worker.admin("POST", "config/check", titled("six")));
    assert.deepEqual([good.valid, good.diagnostics, good.comparison.against], [true, [], 5]);
    assert.ok(good.comparison.changes.every((it) => /back-soon/.test(it.text)));
    const document = titled("six");
    document.offers[0].startz = 1;
    const bad = body(await worker.admin("POST", "config/check?environment=staging", JSON.stringify(document, null, 2)));
    assert.deepEqual([bad.valid, bad.comparison], [false, null]);
    assert.deepEqual(bad.diagnostics.map((it) => [it.severity, it.code, it.line > 1]), [["error", "unknown_key", true]]);
    assert.deepEqual(await worker.stored(), before);
  });
});

describe("running experiments", () => {
  let worker;
  before(async () => {
    worker = await startWorker();
    body(await worker.admin("PUT", "config", heroTest(50, 50)));
  });
  after(() => worker?.stop());

  /// The configuration with one running experiment.
  function heroTest(a, b, more = {}) {
    const variations = [{ id: "calm", value: "blue", weight: a }, { id: "bold", value: "red", weight: b }];
    return { ...offers(), experiments: [{ id: "hero-test", type: "string", variations, ...more }] };
  }
  const assertReshuffle = (answer) => {
    assertProblem(answer, 409, "conflict", ["/experiments/0"]);
    assert.equal(answer.body.errors[0].code, "reshuffle");
    assert.match(answer.body.errors[0].detail, /^hero-test: \d+\.\d % of its visitors would change their variation \(.+\)$/);
    assert.match(answer.body.detail, /new phase .* allow_reshuffle/);
  };
  const runs = async () => body(await worker.admin("GET", "config")).current.version;

  test("other weights are refused, and said in words", async () => {
    assertReshuffle(await worker.admin("PUT", "config", heroTest(30, 70)));
    const { comparison } = body(await worker.admin("POST", "config/check", heroTest(30, 70)));
    assert.deepEqual(comparison.changes.map((it) => it.text), ["hero-test: calm 50 % -> 30 %", "hero-test: bold 50 % -> 70 %"]);
    const [moved] = comparison.reshuffle;
    assert.deepEqual([moved.experiment, moved.needs_allow], ["hero-test", true]);
    assert.ok(Math.abs(moved.moved_percent - 20) < 3, `${moved.moved_percent}`);
    const { id } = body(await worker.admin("POST", "drafts", { document: heroTest(30, 70) }));
    assertReshuffle(await worker.admin("POST", `drafts/${id}/publish`, {}));
    assertReshuffle(await worker.admin("POST", `drafts/${id}/publish`, { at: new Date(Date.now() + 3_600_000).toISOString() }));
    assert.equal(await runs(), 1);
  });

  test("a new phase needs no permission, nor does what moves nobody", async () => {
    body(await worker.admin("PUT", "config", heroTest(30, 70, { phase: 2 })));
    body(await worker.admin("PUT", "config", heroTest(30, 70, { phase: 2, hypothesis: "red sells" })));
  });

  test("with permission they are published, and the log says so", async () => {
    body(await worker.admin("PUT", "config?allow_reshuffle=true&reason=a%20mistake", heroTest(60, 40, { phase: 2 })));
    const entry = (await auditLog(worker)).at(-1);
    assert.deepEqual([entry.action, entry.reason], ["config.publish", "a mistake"]);
    assert.match(entry.summary, /^version 4, reshuffle allowed: hero-test: calm 30 % -> 60 %/);
  });

  test("promotion is guarded as well; going back is not hindered", async () => {
    body(await worker.admin("PUT", "environments/staging", {}));
    body(await worker.admin("PUT", "config?environment=staging", heroTest(10, 90, { phase: 2 })));
    assertReshuffle(await worker.admin("POST", "config/publish", { version: 5 }));
    assert.equal(body(await worker.admin("POST", "config/publish", { version: 5, allow_reshuffle: true })).version, 5);
    assert.equal(body(await worker.admin("POST", "config/rollback", {})).version, 4);
  });
});

describe("two Workers on one store", () => {
  test("see a publication within the refresh time; health and every answer name the version", async () => {
    const fleet = await startFleet([
      { name: "publisher", namespace: "shared" },
      { name: "reader", namespace: "shared", vars: { REFRESH_MS: "500" } },
    ]);
    try {
      const [publisher, reader] = fleet.workers;
      body(await publisher.admin("PUT", "config", titled("one")));
      await eventually(() => shown(reader), ([version]) => version === 1);
      for (const [version, title] of [[2, "two"], [3, "three"], [4, "four"]]) {
        assert.equal(body(await publisher.admin("PUT", "config", titled(title))).version, version);
        const published_ms = Date.now();
        assert.deepEqual(await shown(publisher), [version, title], "at once where it was published");
        let asked = 0;
        // Every isolate looks again after REFRESH_MS, behind an answer: so the answer after that is the new one. KV itself may
        // hold back a new pointer for another 30 s in production; the local one does not.
        await eventually(() => (asked++, shown(reader)), ([found]) => found === version);
        const seen_after_ms = Date.now() - published_ms;
        console.log(`version ${version} was seen by the other isolate after ${seen_after_ms} ms (${asked} requests)`);
        assert.ok(seen_after_ms < 500 + 5000, `${seen_after_ms} ms`);
        assert.equal((await reader.health()).bundle.version, version);
        assert.deepEqual(await shown(reader), [version, title]);
      }
      body(await publisher.admin("POST", "config/rollback", { version: 1 }));
      await eventually(() => shown(reader), ([version]) => version === 1);
    } finally {
      await fleet.stop();
    }
  });
});

test("what is no administrative call", async () => {
  const worker = await startWorker();
  try {
    for (const [method, path, allow] of [
      ["DELETE", "config", "GET, PUT"],
      ["GET", "config/check", "POST"],
      ["PUT", "drafts", "GET, POST"],
      ["POST", "drafts/d1", "GET, PUT, DELETE"],
      ["GET", "drafts/d1/approve", "POST"],
      ["POST", "drafts/d1/schedule", "DELETE"],
      ["GET", "flags/x/kill", "POST"],
      ["POST", "environments", "GET"],
      ["GET", "environments/production/keys", "POST"],
      ["PUT", "tokens", "GET, POST"],
      ["POST", "audit", "GET"],
    ]) {
      const answer = await worker.admin(method, path);
      assertProblem(answer, 405, "method_not_allowed");
      assert.equal(answer.headers.get("allow"), allow);
    }
    for (const path of ["", "x", "drafts/d1/x", "config/versions/1/x", "environments/a/b/c/d"]) {
      assertProblem(await worker.admin("GET", path), 404, "not_found");
    }
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const answer = await read(await worker.fetch("/v1/admin/drafts", { headers }));
    assert.equal(answer.headers.get("cache-control"), "private, no-store");
  } finally {
    await worker.stop();
  }
});
