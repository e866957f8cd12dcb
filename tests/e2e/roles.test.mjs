// Roles: what each may do, and that tokens can be made, limited, and taken away.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertProblem, TODAY } from "./support/fixture.mjs";
import { auditLog, body, caller, person, titled } from "./support/registry.mjs";
import { sha256, startWorker } from "./support/worker.mjs";

const ROLES = ["viewer", "editor", "approver", "admin"];

/// Every call and the least role that it needs.
const CALLS = [
  ["viewer", "GET", "config"],
  ["viewer", "GET", "config/versions"],
  ["viewer", "GET", "config/versions/1"],
  ["viewer", "GET", "drafts"],
  ["viewer", "GET", "drafts/d1"],
  ["viewer", "GET", "drafts/d1/diff"],
  ["viewer", "GET", "environments"],
  ["viewer", "GET", "environments/production"],
  ["viewer", "GET", "audit"],
  ["viewer", "GET", "tables"],
  ["viewer", "GET", "counts"],
  ["viewer", "GET", "loop"],
  ["viewer", "POST", "loop", { dry_run: true }],
  ["viewer", "GET", "alerts"],
  ["viewer", "POST", "alerts", { dry_run: true }],
  ["editor", "POST", "alerts", {}],
  ["editor", "POST", "loop", { draft: true }],
  ["approver", "POST", "loop", {}],
  ["editor", "POST", "config/check", titled("x")],
  ["editor", "POST", "drafts", { document: titled("x") }],
  ["editor", "PUT", "drafts/d1", { note: "x" }, { "if-match": '"1"' }],
  ["editor", "DELETE", "drafts/d1", undefined, { "if-match": '"1"' }],
  ["approver", "PUT", "config", titled("x")],
  ["approver", "POST", "counts/forget", { visitor: "x" }],
  ["approver", "POST", "config/rollback", {}],
  ["approver", "POST", "config/publish", { version: 1 }],
  ["approver", "POST", "drafts/d1/approve", { reason: "x" }],
  ["approver", "POST", "drafts/d1/publish", {}],
  ["approver", "DELETE", "drafts/d1/schedule"],
  ["approver", "POST", "flags/x/kill", { killed: true }],
  ["approver", "POST", "tables/kill", { kill: true }],
  ["approver", "POST", "tables/rollback"],
  ["approver", "POST", `tables/${TODAY.build}/activate`],
  ["approver", "PUT", `tables/${TODAY.build}/manifest`, TODAY.manifest],
  ["approver", "PUT", `tables/${TODAY.build}/items`, TODAY.items],
  ["approver", "PUT", `tables/${TODAY.build}/vectors`, TODAY.items],
  ["approver", "PUT", `tables/${TODAY.build}/shards/0`, TODAY.shards[0]],
  ["admin", "PUT", "environments/production", { settings: {} }],
  ["admin", "POST", "environments/production/keys", { kind: "client" }],
  ["admin", "DELETE", "environments/production/keys/k1"],
  ["admin", "GET", "tokens"],
  ["admin", "POST", "tokens", { name: "x", role: "viewer" }],
  ["admin", "DELETE", "tokens/t1"],
];

describe("roles", () => {
  let worker;
  const people = {};
  before(async () => {
    worker = await startWorker();
    for (const role of ROLES) people[role] = await person(worker, `the-${role}`, role);
    body(await worker.admin("PUT", "config", titled("one")));
  });
  after(() => worker?.stop());

  for (const [role, ...call] of CALLS) {
    test(`${call[0]} ${call[1]} needs ${role}`, async () => {
      const before = [await worker.stored(), (await auditLog(worker)).length];
      for (const lower of ROLES.slice(0, ROLES.indexOf(role))) {
        const answer = await people[lower](...call);
        assertProblem(answer, 403, "forbidden");
        assert.match(answer.body.detail, new RegExp(`needs the role ${role}; the-${lower} is ${lower}`));
      }
      assert.deepEqual([await worker.stored(), (await auditLog(worker)).length], before, "nothing was done");
      const answer = await people[role](...call);
      assert.ok(![401, 403].includes(answer.status), `${answer.status} ${answer.text}`);
    });
  }

  test("tokens are shown once and kept as SHA-256", async () => {
    const made = body(await worker.admin("POST", "tokens", { name: "carol@shop.example", role: "editor" }));
    assert.match(made.token, /^vta_[0-9A-Za-z]{43}$/);
    const { tokens } = body(await worker.admin("GET", "tokens"));
    const listed = tokens.find((it) => it.id === made.id);
    assert.deepEqual([listed.name, listed.role, listed.valid, listed.created_by], ["carol@shop.example", "editor", true, "root"]);
    const everything = JSON.stringify(tokens) + JSON.stringify(await auditLog(worker)) + JSON.stringify(await worker.stored());
    assert.ok(!everything.includes(made.token) && !everything.includes(sha256(made.token)));
    assert.equal((await caller(worker, made.token)("GET", "config")).status, 200);
  });

  test("a revoked token is worth nothing from then on", async () => {
    const dave = await person(worker, "dave", "admin");
    body(await dave("GET", "tokens"));
    assertProblem(await worker.admin("POST", "tokens", { name: "dave", role: "viewer" }), 409, "conflict");
    assert.equal(body(await worker.admin("DELETE", `tokens/${dave.id}`)).name, "dave");
    assertProblem(await dave("GET", "tokens"), 401, "unauthorized");
    assertProblem(await dave("GET", "config"), 401, "unauthorized");
    assertProblem(await worker.admin("DELETE", `tokens/${dave.id}`), 409, "conflict");
    assertProblem(await worker.admin("DELETE", "tokens/t999"), 404, "not_found");
    await person(worker, "dave", "viewer");
  });

  test("a token ends at its time", async () => {
    const soon = await person(worker, "erin", "viewer", { expires_at: new Date(Date.now() + 1000).toISOString() });
    body(await soon("GET", "config"));
    const until = Date.now() + 20_000;
    let answer;
    do answer = await soon("GET", "config");
    while (answer.status === 200 && Date.now() < until);
    assertProblem(answer, 401, "unauthorized");
  });

  test("a token may be for some environments only", async () => {
    body(await worker.admin("PUT", "environments/staging", {}));
    const frank = await person(worker, "frank", "admin", { environments: ["staging"] });
    body(await frank("PUT", "config?environment=staging", titled("staging")));
    body(await frank("GET", "config"));
    const { id } = body(await worker.admin("POST", "drafts", { document: titled("x") }));
    for (const call of [
      ["PUT", "config", titled("x")],
      ["POST", "config/rollback", {}],
      ["POST", "config/publish", { version: 1 }],
      ["POST", "drafts", { document: titled("x") }],
      ["PUT", `drafts/${id}`, { note: "x" }, { "if-match": '"1"' }],
      ["POST", `drafts/${id}/approve`, { reason: "x" }],
      ["POST", `drafts/${id}/publish`, {}],
      ["DELETE", `drafts/${id}`, undefined, { "if-match": '"1"' }],
      ["PUT", "environments/production", { settings: { approval: true } }],
      ["PUT", "environments/new", {}],
      ["POST", "environments/production/keys", { kind: "client" }],
      ["POST", "flags/x/kill", { killed: true }],
      ["POST", "tables/kill", { kill: true }],
      ["PUT", `tables/${TODAY.build}/manifest`, TODAY.manifest],
      ["POST", "tokens", { name: "y", role: "admin" }],
      ["DELETE", "tokens/t1"],
    ]) {
      assertProblem(await frank(...call), 403, "forbidden");
    }
    body(await frank("PUT", "environments/staging", { settings: { approval: true } }));
    body(await frank("POST", "environments/staging/keys", { kind: "server" }));
  });

  const REFUSED = [
    { name: "", role: "viewer" },
    { name: "two words", role: "viewer" },
    { name: "x".repeat(101), role: "viewer" },
    { name: "root", role: "viewer" },
    { name: "Root", role: "viewer" },
    { name: "a\nb", role: "viewer" },
    { name: "gina", role: "owner" },
    { name: "gina", role: "Viewer" },
    { name: "gina" },
    { role: "viewer" },
    { name: "gina", role: "viewer", environments: [] },
    { name: "gina", role: "viewer", expires_at: "2020-01-01T00:00:00Z" },
    { name: "gina", role: "viewer", expires_at: "soon" },
    { name: "gina", role: "viewer", scope: "all" },
    [],
  ];
  for (const sent of REFUSED) {
    test(`no token for ${JSON.stringify(sent).slice(0, 60)}`, async () => {
      const answer = await worker.admin("POST", "tokens", sent);
      assert.equal(answer.status, 400, answer.text);
    });
  }

  test("no token for an environment that there is not", async () => {
    assertProblem(await worker.admin("POST", "tokens", { name: "gina", role: "viewer", environments: ["nowhere"] }), 404, "not_found");
  });

  test("tokens that nobody has", async () => {
    for (const token of ["vta_", `vta_${"0".repeat(43)}`, `vta_${"0".repeat(42)}`, `vta_${"'".repeat(43)}`, `vtc_production_${"0".repeat(32)}`]) {
      assertProblem(await caller(worker, token)("GET", "config"), 401, "unauthorized");
    }
  });
});
