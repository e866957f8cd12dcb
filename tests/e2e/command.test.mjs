// The `vitrine` command against a real Worker: what it publishes is what visitors get, and what is refused changes nothing.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { DATA, gist, offers, request, TODAY, TOMORROW, VISITORS } from "./support/fixture.mjs";
import { vitrineOrSkip } from "./support/native.mjs";
import { ADMIN_TOKEN, startFleet } from "./support/worker.mjs";

describe("the vitrine command", () => {
  let dir;
  let fleet;
  let worker;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "vitrine-e2e-"));
    fleet = await startFleet([{ name: "vitrine" }, { name: "other-key", vars: { TABLE_KEY: "0".repeat(32) } }]);
    worker = fleet.worker("vitrine");
    await writeFile(join(dir, "token"), `${ADMIN_TOKEN}\n`);
    await writeFile(join(dir, "wrong-token"), "guess");
    await writeFile(join(dir, "broken.json"), JSON.stringify({ ...offers(), placements: [{ id: "home-hero" }] }));
    // Publishing remembers beside the table how far it came.
    await cp(`${DATA}/today`, join(dir, "today"), { recursive: true });
    await cp(`${DATA}/tomorrow`, join(dir, "tomorrow"), { recursive: true });
    await cp(`${DATA}/today`, join(dir, "damaged"), { recursive: true });
    await writeFile(join(dir, "damaged/shards/3"), TODAY.shards[3].slice(0, -1));
  });
  after(async () => {
    await fleet?.stop();
    await rm(dir, { recursive: true });
  });

  /// Runs the command. Gives its exit code, and its result or error as JSON.
  const run = (vitrine, args) =>
    new Promise((resolve) => {
      execFile(vitrine, [...args, "--json"], { cwd: dir }, (error, stdout, stderr) => {
        const said = stdout || stderr.trim().split("\n").at(-1);
        resolve({ exit: error?.code ?? 0, said: JSON.parse(said) });
      });
    });
  const at = (url, token = "token") => ["--url", url, "--token-file", token];
  const shown = async () => gist(await worker.decide(request(VISITORS.tea))).offers[0];

  const steps = [
    ["refuses a wrong token", () => ["config", "publish", `${DATA}/offers.json`, ...at(worker.url, "wrong-token")], 4, "fallback:null"],
    ["refuses a configuration with errors", () => ["config", "publish", "broken.json", ...at(worker.url)], 3, "fallback:null"],
    ["refuses a damaged table", () => ["tables", "publish", "damaged", ...at(worker.url)], 1, "fallback:null"],
    ["tries a configuration", () => ["config", "publish", `${DATA}/offers.json`, ...at(worker.url), "--dry-run"], 0, "fallback:null"],
    ["publishes a configuration", () => ["config", "publish", `${DATA}/offers.json`, ...at(worker.url)], 0, "toy-fair"],
    ["publishes a table", () => ["tables", "publish", "today", ...at(worker.url)], 0, "tea-time"],
    ["publishes the same again", () => ["tables", "publish", "today", ...at(worker.url)], 0, "tea-time"],
    ["publishes the next", () => ["tables", "publish", "tomorrow", ...at(worker.url)], 0, "garden-days"],
    ["rolls back", () => ["tables", "rollback", ...at(worker.url)], 0, "tea-time"],
    ["is refused by a Worker with another key", () => ["tables", "publish", "today", ...at(fleet.worker("other-key").url)], 4, "tea-time"],
    ["says when nobody is there", () => ["tables", "rollback", ...at("http://127.0.0.1:1")], 4, "tea-time"],
  ];
  for (const [what, args, exit, offer] of steps) {
    test(what, async (t) => {
      const vitrine = vitrineOrSkip(t);
      if (!vitrine) return;
      const { exit: found, said } = await run(vitrine, args());
      assert.equal(found, exit, JSON.stringify(said));
      if (exit !== 0) assert.ok(said.error.message.length > 0);
      assert.equal(await shown(), offer);
    });
  }

  test("leaves in KV what it was given, byte for byte", async (t) => {
    if (!vitrineOrSkip(t)) return;
    const stored = await worker.stored();
    for (const table of [TODAY, TOMORROW]) {
      for (const [name, bytes] of Object.entries({ ...table.shards, manifest: table.manifest, items: table.items })) {
        assert.deepEqual(Buffer.from(stored[`t/${table.build}/${name}`]), bytes, `${table.build}/${name}`);
      }
    }
  });
});
