// The same document, checked by the `vitrine` command beside a table and by the Worker that runs this table: the same findings.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { activate, DATA, offers, TODAY, upload } from "./support/fixture.mjs";
import { vitrineOrSkip } from "./support/native.mjs";
import { body, person } from "./support/registry.mjs";
import { startFleet } from "./support/worker.mjs";

let fleet, worker, dir;
before(async () => {
  fleet = await startFleet([{ name: "vitrine" }, { name: "empty" }]);
  worker = fleet.worker("vitrine");
  await upload(worker, TODAY);
  await activate(worker, TODAY.build);
  dir = await mkdtemp(join(tmpdir(), "vitrine-e2e-"));
});
after(async () => {
  await fleet?.stop();
  if (dir) await rm(dir, { recursive: true });
});

/// A document in which an offer has this rule.
const ruled = (when) => ({
  version: 1,
  offers: [{ id: "a", when, content: { title: "A" } }, { id: "b", content: { title: "B" } }],
  placements: [{ id: "p", offers: ["a"], fallback: "b" }],
});

const experiment = (more) => ({
  version: 1,
  experiments: [{
    id: "button", type: "string", ...more,
    variations: [{ id: "grey", value: "grey", weight: 50 }, { id: "red", value: "red", weight: 50 }],
  }],
});

/// Documents, and the codes of what is wrong with them.
const CASES = [
  ["nothing to say", offers(), []],
  ["an unknown column", ruled({ "profile.segmnt": "loyal" }), ["unknown_column"]],
  ["a value that no row can have", ruled({ "profile.segment": "loyall" }), ["no_such_value"]],
  ["one of several values", ruled({ "profile.segment": { $in: ["champions", "nobody"] } }), ["no_such_value"]],
  ["a text for a number", ruled({ "profile.frequency": "many" }), ["no_such_value"]],
  ["in a flag", { version: 1, flags: [{ id: "f", type: "boolean", default: false, rules: [{ id: "r", when: { "profile.segmnt": 1 }, value: true }] }] }, ["unknown_column"]],
  ["in an experiment", experiment({ when: { "profile.segmnt": { $in: ["loyal"] } } }), ["unknown_column", "no_goal_metric"]],
  ["in an audience of offers and flags", { ...ruled({ "context.country": "FR" }), audiences: [{ id: "x", when: { "profile.segment": "gold" } }] }, ["unused_audience", "no_such_value"]],
  ["errors beside it", { ...ruled({ "profile.segment": "loyall" }), placements: [{ id: "p", offers: ["c"] }] }, ["no_such_value", "placement_without_fallback", "unknown_offer"]],
  ["a broken document", { version: 2 }, ["unsupported_version"]],
  ["values that nobody has together", ruled({ "profile.segment": "loyal", "profile.frequency": { $gt: 900 } }), ["audience_matches_nobody"]],
  ["bounds beyond the column", ruled({ "profile.frequency": { $gt: 1e9 } }), ["no_such_value"]],
];

const sorted = (list) => [...list].sort();

test("the command beside a table and the Worker with this table find the same", async (t) => {
  const vitrine = vitrineOrSkip(t);
  if (!vitrine) return;
  const check = (file, more) =>
    new Promise((resolve) => {
      execFile(vitrine, ["config", "check", file, "--json", ...more], { cwd: dir }, (_, out) => resolve(JSON.parse(out)));
    });
  for (const [name, document, codes] of CASES) {
    const text = JSON.stringify(document, null, 1);
    await writeFile(join(dir, "document.json"), text);
    const told = body(await worker.admin("POST", "config/check", text));
    const here = await check("document.json", ["--table", `${DATA}/today`]);
    assert.deepEqual(sorted(here.diagnostics.map((it) => it.code)), sorted(codes), name);
    // Only the command has the rows, and can count.
    const uncounted = here.diagnostics.filter((it) => it.code !== "audience_matches_nobody");
    assert.deepEqual(told.diagnostics, uncounted, name);
    assert.deepEqual([told.valid, told.table], [here.valid, TODAY.build], name);
  }

  // Without a table neither says anything about columns.
  const [, document] = CASES[1];
  await writeFile(join(dir, "document.json"), JSON.stringify(document));
  const told = body(await fleet.worker("empty").admin("POST", "config/check", JSON.stringify(document)));
  assert.deepEqual(told.diagnostics, (await check("document.json", [])).diagnostics);
  assert.deepEqual([told.diagnostics, told.table, told.valid], [[], null, true]);
});

test("a draft and a dry run tell of the table as well, and what they tell hinders nothing", async () => {
  const [, document] = CASES[1];
  const ann = await person(worker, "ann@shop.example", "approver");
  const codes = (list) => list.map((it) => it.code);
  const draft = body(await ann("POST", "drafts", { document }));
  assert.deepEqual(codes(draft.diagnostics), ["unknown_column"]);
  assert.deepEqual(codes(body(await ann("GET", `drafts/${draft.id}/diff`)).diagnostics), ["unknown_column"]);
  assert.deepEqual(codes(body(await ann("PUT", "config?dry_run=true", document)).warnings), ["unknown_column"]);
  assert.equal(body(await ann("PUT", "config", document)).version, 1);
});

test("a table that cannot be read hinders no check and no publication", async () => {
  const [, document] = CASES[1];
  const { stop, workers } = await startFleet([{ name: "broken" }]);
  try {
    const [worker] = workers;
    await upload(worker, TODAY);
    await activate(worker, TODAY.build);
    await worker.store({ [`t/${TODAY.build}/manifest`]: "{}" });
    const told = body(await worker.admin("POST", "config/check", document));
    assert.deepEqual([told.valid, told.table, told.diagnostics], [true, null, []]);
    assert.equal(body(await worker.admin("PUT", "config", document)).version, 1);
  } finally {
    await stop();
  }
});
