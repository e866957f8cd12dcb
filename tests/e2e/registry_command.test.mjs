// The `vitrine` command against the registry of a real Worker: a change's whole way, by two people.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { vitrineOrSkip } from "./support/native.mjs";
import { ADMIN_TOKEN, eventually, read, startWorker } from "./support/worker.mjs";

let worker, dir;
before(async () => {
  worker = await startWorker({ vars: { TOKEN_KEY: "0123456789abcdef".repeat(4), REFRESH_MS: "0" } });
  dir = await mkdtemp(join(tmpdir(), "vitrine-e2e-"));
});
after(async () => {
  await worker?.stop();
  if (dir) await rm(dir, { recursive: true });
});

/// A person at a terminal: runs `vitrine` with the person's token. Gives `{ exit, out, err }`.
const terminal = (vitrine, token) => (...args) =>
  new Promise((resolve) => {
    const needs_edge = !["init", "import"].includes(args[1]) && !args.includes("--local");
    const all = [...args.filter((it) => it !== "--local"), ...(needs_edge ? ["--url", worker.url] : [])];
    const env = { ...process.env, VITRINE_ADMIN_TOKEN: token };
    execFile(vitrine, all, { cwd: dir, env }, (error, out, err) => resolve({ exit: error?.code ?? 0, out, err }));
  });

async function ok(ran) {
  const { exit, out, err } = await ran;
  assert.equal(exit, 0, `${out}${err}`);
  return out;
}

const evaluated = async (headers = {}) => {
  const init = { method: "POST", headers: { "content-type": "application/json", ...headers }, body: '{"context":{"targetingKey":"u1"}}' };
  return (await read(await worker.fetch("/ofrep/v1/evaluate/flags/buy-button", init))).body.value;
};

test("a change from a spreadsheet to the shop, approved by a second person, and back", async (t) => {
  const vitrine = vitrineOrSkip(t);
  if (!vitrine) return;
  const root = terminal(vitrine, ADMIN_TOKEN);

  // Ann and Bob get tokens.
  const ann = terminal(vitrine, (await ok(root("tokens", "add", "ann@shop.example", "--role", "approver"))).trim());
  const bob = terminal(vitrine, (await ok(root("tokens", "add", "bob@shop.example", "--role", "approver"))).trim());
  assert.match(await ok(root("tokens", "list")), /^t1 ann@shop.example is approver, since .*\nt2 bob@shop.example/);

  // The first version comes from a spreadsheet.
  await ok(ann("config", "init", "offers.csv"));
  assert.match(await ok(ann("config", "check", "offers.csv", "--local")), /ok, 1 placement, 2 offers/);
  assert.match(await ok(ann("config", "diff", "offers.csv")), /production, where nothing runs/);
  assert.match(await ok(ann("config", "publish", "offers.csv", "--reason", "we begin")), /offers.csv is version 1 on /);
  assert.ok(["grey", "red"].includes(await evaluated()));

  // From now on two people are needed.
  assert.match(await ok(root("environments", "set", "production", "--approval", "on", "--reason", "four eyes")), /on: approval/);
  const csv = await readFile(join(dir, "offers.csv"), "utf8");
  await writeFile(join(dir, "offers.csv"), csv.replace(/,50\b/, ",0").replace(/,50\b/, ",100"));
  const refused = await ann("config", "publish", "offers.csv");
  assert.equal(refused.exit, 4);
  assert.match(refused.err, /needs the approval of a second person/);
  assert.match(await ok(ann("config", "draft", "create", "offers.csv", "--note", "all red")), /^draft d1 for production, revision 1 by ann@shop.example, against version 1: open: all red/);
  assert.match(await ok(bob("config", "draft", "diff", "d1")), /buy-button: grey 50 % -> 0 %\n.*buy-button: red 50 % -> 100 %[^]*needs a new phase/);

  // Somebody with the link sees it already.
  const link = (await ok(ann("config", "preview", "--draft", "d1", "--page", "https://shop.example/"))).trim();
  const token = new URL(link).searchParams.get("vitrine_preview");
  assert.equal(await evaluated({ "vitrine-preview": token }), "red");

  // Ann cannot approve it herself, Bob can; it needs permission, because visitors would move.
  assert.equal((await ann("config", "approve", "d1", "--reason", "mine")).exit, 4);
  const approved = await bob("config", "approve", "d1", "--reason", "looks good");
  assert.equal(approved.out, "revision 1 of draft d1 is approved by bob@shop.example\n");
  assert.match(approved.err, /red 50 % -> 100 %/);
  assert.match((await ann("config", "publish", "--draft", "d1")).err, /visitors of running experiments would change their variation/);
  assert.match(await ok(ann("config", "publish", "--draft", "d1", "--allow-reshuffle", "--reason", "red won")), /draft d1 is version 2 on /);
  assert.equal(await evaluated(), "red");

  // Why, for one visitor.
  assert.match(await ok(bob("experiments", "explain", "buy-button", "--visitor", "u1")), /^buy-button = "red", variation red\n {2}rule 1 \(buy-button\): the visitor is in variation red/);

  // An emergency: off, on again, back.
  await ok(bob("flags", "kill", "buy-button", "--reason", "errors"));
  assert.equal(await evaluated(), undefined);
  assert.match(await ok(bob("environments", "list")), /switched off: buy-button/);
  await ok(bob("flags", "revive", "buy-button"));
  assert.equal(await ok(bob("config", "rollback", "--reason", "grey again")), `production runs version 1 again on ${worker.url}\n`);

  // Export gives back what was published, in any form.
  await ok(ann("config", "export", "--version", "2", "--out", "v2.csv"));
  await ok(ann("config", "export", "--version", "2", "--out", "v2.yaml"));
  const documents = await Promise.all(["v2.csv", "v2.yaml", "offers.csv"].map((it) => ok(ann("config", "export", it, "--local"))));
  assert.equal(new Set(documents).size, 1);
  assert.match(await ok(ann("config", "versions")), /^version 2, .*, by ann@shop.example\n {2}because: red won\n[^]*version 1, .*runs in production\n {2}because: we begin/);

  // A scheduled publication, in an environment without approval.
  await ok(root("environments", "set", "staging"));
  const key = (await ok(root("environments", "keys", "add", "staging", "--kind", "client"))).trim();
  assert.match(key, /^vtc_staging_/);
  await ok(ann("config", "draft", "create", "v2.yaml", "--environment", "staging"));
  const at = new Date(Date.now() + 1500).toISOString();
  assert.match(await ok(ann("config", "publish", "--draft", "d2", "--at", at)), /draft d2 will be published at /);
  await eventually(() => ok(ann("config", "draft", "list")), (it) => /draft d2 .*: published as version 3/.test(it));
  assert.equal(await evaluated({ authorization: `Bearer ${key}` }), "red");

  // The log knows it all, and is whole.
  const verified = await ok(bob("audit", "verify"));
  const head = /the end is (\d+:[0-9a-f]{64})/.exec(verified)[1];
  await ok(bob("audit", "export", "--out", "audit.ndjson"));
  assert.match(await ok(bob("audit", "verify", "audit.ndjson", "--head", head, "--local")), /whole/);
  const lines = (await readFile(join(dir, "audit.ndjson"), "utf8")).trim().split("\n");
  const told = lines.map((it) => JSON.parse(it)).map((it) => `${it.actor.split("@")[0]} ${it.action}`);
  assert.deepEqual(told, [
    "root token.create", "root token.create", "ann config.publish", "root environment.settings", "ann draft.create", "ann preview.create",
    "bob draft.approve", "ann config.publish", "bob flag.kill", "bob flag.revive", "bob config.rollback", "root environment.create",
    "root key.create", "ann draft.create", "ann draft.schedule", "ann config.publish",
  ]);
  await writeFile(join(dir, "tampered.ndjson"), lines.map((it) => it.replace("we begin", "I begin")).join("\n"));
  const tampered = await bob("audit", "verify", "tampered.ndjson", "--local");
  assert.deepEqual([tampered.exit, tampered.err.startsWith("error: tampered.ndjson: entry 3 was changed")], [1, true], tampered.err);

  // A revoked token is worth nothing.
  await ok(root("tokens", "revoke", "t2"));
  assert.match((await bob("config", "versions")).err, /refused \(401 unauthorized\)/);
});
