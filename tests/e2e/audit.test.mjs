// The audit log: an entry for every change, chained by hashes that anybody can compute again.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { activate, assertProblem, TODAY, upload } from "./support/fixture.mjs";
import { auditLog, body, person, titled } from "./support/registry.mjs";
import { sha256, startWorker } from "./support/worker.mjs";

/// The rules of docs/formats/audit-log.md, written down once more. Gives the first entry that breaks one.
function firstBreak(entries) {
  let previous = "0".repeat(64);
  for (const [i, entry] of entries.entries()) {
    const { hash, ...rest } = entry;
    const canonical = JSON.stringify(Object.fromEntries(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))));
    if (entry.seq !== i + 1 || hash !== sha256(canonical) || entry.previous !== previous) return entry.seq;
    previous = hash;
  }
  return null;
}

describe("the audit log", () => {
  let worker, ann, bob;
  before(async () => {
    worker = await startWorker({ unreliableKv: true });
    ann = await person(worker, "ann", "approver");
    bob = await person(worker, "bob", "approver");
  });
  after(() => worker?.stop());

  test("tells every change: who, what, why, and in words", async () => {
    const begin = (await auditLog(worker)).length;
    body(await ann("PUT", "config?reason=%E5%8F%8C%E5%8D%81%E4%B8%80%20%22sale%22", titled("one")));
    const { id } = body(await ann("POST", "drafts", { document: titled("two"), note: "colder" }));
    body(await ann("PUT", `drafts/${id}`, { document: titled("three") }, { "if-match": "1" }));
    body(await bob("POST", `drafts/${id}/approve`, { reason: "seen" }));
    body(await ann("POST", `drafts/${id}/publish`, { at: new Date(Date.now() + 3_600_000).toISOString() }));
    body(await ann("DELETE", `drafts/${id}/schedule`));
    body(await ann("POST", `drafts/${id}/publish`, { reason: "winter" }));
    body(await bob("POST", "config/rollback", { reason: "a mistake" }));
    body(await worker.admin("PUT", "environments/staging", { settings: { approval: true }, reason: "four eyes" }));
    body(await worker.admin("PUT", "environments/staging", { settings: { approval: false } }));
    body(await worker.admin("POST", "config/publish", { environment: "staging", version: 1 }));
    const key = body(await worker.admin("POST", "environments/staging/keys", { kind: "client", note: "the app" }));
    body(await worker.admin("DELETE", `environments/staging/keys/${key.id}`));
    const eve = await person(worker, "eve", "viewer");
    body(await worker.admin("DELETE", `tokens/${eve.id}`));
    const dropped = body(await ann("POST", "drafts", { document: titled("x") }));
    body(await ann("DELETE", `drafts/${dropped.id}`, undefined, { "if-match": "1" }));
    await upload(worker, TODAY);
    await activate(worker, TODAY.build);
    body(await worker.admin("POST", "tables/kill", { kill: true }));
    body(await worker.admin("POST", "tables/kill", { kill: false }));

    const entries = (await auditLog(worker)).slice(begin);
    const told = entries.map((it) => [it.action, it.actor, it.role, it.target, it.reason]);
    const table = `build ${TODAY.build}`;
    assert.deepEqual(told, [
      ["config.publish", "ann", "approver", "production", '双十一 "sale"'],
      ["draft.create", "ann", "approver", `draft ${id}`, ""],
      ["draft.change", "ann", "approver", `draft ${id}`, ""],
      ["draft.approve", "bob", "approver", `draft ${id}`, "seen"],
      ["draft.schedule", "ann", "approver", `draft ${id}`, ""],
      ["draft.unschedule", "ann", "approver", `draft ${id}`, ""],
      ["config.publish", "ann", "approver", "production", "winter"],
      ["config.rollback", "bob", "approver", "production", "a mistake"],
      ["environment.create", "root", "admin", "staging", "four eyes"],
      ["environment.settings", "root", "admin", "staging", ""],
      ["config.promote", "root", "admin", "staging", ""],
      ["key.create", "root", "admin", "staging", ""],
      ["key.retire", "root", "admin", "staging", ""],
      ["token.create", "root", "admin", `token ${eve.id}`, ""],
      ["token.revoke", "root", "admin", `token ${eve.id}`, ""],
      ["draft.create", "ann", "approver", `draft ${dropped.id}`, ""],
      ["draft.discard", "ann", "approver", `draft ${dropped.id}`, ""],
      ["table.activate", "root", "admin", table, ""],
      ["table.kill", "root", "admin", table, ""],
      ["table.revive", "root", "admin", table, ""],
    ]);
    const summary = (action) => entries.find((it) => it.action === action).summary;
    assert.match(summary("draft.change"), /^revision 2: .*back-soon/);
    assert.match(summary("config.rollback"), /^from version 2 back to 1: .*back-soon/);
    assert.match(summary("environment.create"), /^approval on$/);
    assert.match(summary("draft.create"), /against version 1: colder/);
  });

  test("is chained, and the chain can be computed by anybody", async () => {
    const entries = await auditLog(worker);
    assert.ok(entries.length > 20);
    assert.equal(firstBreak(entries), null);
    const { head } = body(await worker.admin("GET", `audit?after=${entries.length}`));
    assert.deepEqual(head, { seq: entries.length, hash: entries.at(-1).hash });
    const tampered = structuredClone(entries);
    tampered[4].actor = "somebody else";
    assert.equal(firstBreak(tampered), 5);
    assert.equal(firstBreak(entries.toSpliced(6, 1)), 8, "a missing entry shows");
  });

  test("reads and refusals leave no entry; what was tried and failed does", async () => {
    const begin = (await auditLog(worker)).length;
    await ann("GET", "config");
    await ann("POST", "config/check", titled("x"));
    assertProblem(await ann("POST", "tokens", { name: "z", role: "admin" }), 403, "forbidden");
    await worker.admin("PUT", "config", { version: 2 });
    assert.equal((await auditLog(worker)).length, begin);
    await worker.faults({ "c/current": "refuse" });
    assertProblem(await ann("PUT", "config?reason=try", titled("y")), 503, "unavailable");
    await worker.faults({});
    const entry = (await auditLog(worker)).at(-1);
    assert.deepEqual([entry.seq, entry.action, entry.reason], [begin + 1, "config.publish.failed", "try"]);
    assert.equal(firstBreak(await auditLog(worker)), null);
  });

  test("changes at once keep one chain", async () => {
    await Promise.all(Array.from({ length: 12 }, (_, i) => worker.admin("POST", "drafts", { document: titled(`at once ${i}`) })));
    assert.equal(firstBreak(await auditLog(worker)), null);
  });

  test("pages", async () => {
    const { entries, more } = body(await worker.admin("GET", "audit?after=2&limit=3"));
    assert.deepEqual([entries.map((it) => it.seq), more], [[3, 4, 5], true]);
    assert.deepEqual(body(await worker.admin("GET", "audit?after=100000")).entries, []);
    for (const query of ["after=x", "after=-1", "limit=x", "before=3"]) {
      assert.equal((await worker.admin("GET", `audit?${query}`)).status, 400);
    }
  });
});
