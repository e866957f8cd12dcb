// What is missing, late or corrupt in KV: the storefront always gets the best answer left, with the reason, a counter goes
// up, and the next good request is answered as if nothing had been.
//
// A panic would rebuild the wasm instance and set its counters back, so the tests also look whether the counters went on.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { TODAY, TOMORROW, VISITORS, gist, offers, publishAll, publishedKv, request, upload } from "./support/fixture.mjs";
import { eventually, read, sha256, startFleet, startWorker } from "./support/worker.mjs";

const { build } = TODAY;
const MANIFEST = `t/${build}/manifest`;
const ITEMS = `t/${build}/items`;
const PLACEMENTS = ["home-hero", "closed"];

// What the visitor who likes tea gets.
const personalised = { mode: "personalised", reason: "ok", offers: ["tea-time", "fallback:back-soon"] };
const contextual = (reason) => ({ mode: "contextual", reason, offers: ["garden-days", "fallback:back-soon"] });
/// Without the item table there are no scores either: the higher priority wins.
const unranked = (reason) => ({ mode: "contextual", reason, offers: ["toy-fair", "fallback:back-soon"] });
const nothing = { mode: "fallback_only", reason: "no_bundle", offers: ["fallback:null", "fallback:null"] };

const ask = (worker) => worker.decide(request(VISITORS.tea, PLACEMENTS));
const edited = (bytes, edit) => JSON.stringify({ ...JSON.parse(Buffer.from(bytes).toString()), ...edit });
const flipped = (bytes, position) => Uint8Array.from(bytes, (byte, i) => (i === position ? byte ^ 0x10 : byte));
const envelope = (bundle, { version = 1, checksum } = {}) => {
  const written = JSON.stringify(bundle);
  return `{"version":${version},"published_at":"2026-06-01T00:00:00Z","sha256":"${checksum ?? sha256(written)}","bundle":${written}}`;
};
const bundle = () => JSON.parse(Buffer.from(published["c/1"]).toString()).bundle;

/// What KV holds when all is well, and the shard of the visitor who likes tea.
let published;
let shardName;
const shard = () => `t/${build}/${shardName}`;
const own = () => TODAY.shards[shardName];

before(async () => {
  published = await publishedKv();
  const finder = await startWorker({ kv: published, unreliableKv: true });
  await ask(finder);
  shardName = (await finder.keysRead()).at(-1).split("/").at(-1);
  await finder.stop();
});

describe("a Worker that starts with", () => {
  /// What is wrong, how KV differs from what was published (`null`: is absent), the answer, and options of the Worker.
  const CASES = [
    ["nothing published", () => Object.fromEntries(Object.keys(published).map((key) => [key, null])), nothing],
    ["no configuration published", () => ({ "c/current": null }), nothing],
    ["no table published", () => ({ "t/current": null }), unranked("no_table")],
    ["a missing manifest", () => ({ [MANIFEST]: null }), unranked("profile_unavailable")],
    ["a manifest cut off", () => ({ [MANIFEST]: published[MANIFEST].slice(0, 300) }), unranked("profile_unavailable")],
    ["a manifest of another version", () => ({ [MANIFEST]: edited(published[MANIFEST], { version: 2 }) }), unranked("profile_unavailable")],
    ["a manifest that was changed", () => ({ [MANIFEST]: edited(published[MANIFEST], { rows: 1 }) }), unranked("profile_unavailable")],
    ["the manifest of another build", () => ({ [MANIFEST]: TOMORROW.manifest }), unranked("profile_unavailable")],
    ["missing items", () => ({ [ITEMS]: null }), unranked("profile_unavailable")],
    ["a flipped bit in the items", () => ({ [ITEMS]: flipped(published[ITEMS], 100) }), unranked("profile_unavailable")],
    ["a table pointer that is no JSON", () => ({ "t/current": "{{{" }), unranked("profile_unavailable")],
    ["a table pointer with an unknown field", () => ({ "t/current": edited(published["t/current"], { mood: "good" }) }), unranked("profile_unavailable")],
    ["another table key", () => ({}), unranked("profile_unavailable"), { vars: { TABLE_KEY: "f".repeat(32) } }],
    ["no table key", () => ({}), unranked("profile_unavailable"), { vars: { TABLE_KEY: null } }],
    ["a table key that is none", () => ({}), unranked("profile_unavailable"), { vars: { TABLE_KEY: "secret" } }],
    [
      "the kill switch on and no readable table",
      () => ({ [MANIFEST]: null, "t/current": edited(published["t/current"], { kill: true }) }),
      { mode: "fallback_only", reason: "kill_switch", offers: ["fallback:welcome", "fallback:back-soon"] },
    ],
    ["no KV bound", () => ({}), nothing, { noKv: true }],
    ["settings that are no numbers", () => ({}), personalised, { vars: { REFRESH_MS: "soon", KV_TIMEOUT_MS: "-1", SHARD_CACHE_BYTES: "lots" } }],
    ["all well", () => ({}), personalised],
  ];
  /// Absence is no failure; the operator has not published yet.
  const NO_FAILURE = ["ok", "no_table"];
  const nameOf = (what) => what.replaceAll(" ", "-");

  let fleet;
  before(async () => {
    fleet = await startFleet(
      CASES.map(([what, changes, , options = {}]) => {
        const kv = Object.entries({ ...published, ...changes() }).filter(([, value]) => value !== null);
        return { name: nameOf(what), kv: Object.fromEntries(kv), ...options };
      }),
    );
  });
  after(() => fleet?.stop());

  for (const [what, , expected] of CASES) {
    test(what, async () => {
      const worker = fleet.worker(nameOf(what));
      for (let n_asked = 1; n_asked <= 2; n_asked += 1) {
        assert.deepEqual(gist(await ask(worker)), expected);
        const simple = await read(await worker.fetch("/v1/offers/home-hero"));
        assert.equal(simple.status, 200, simple.text);
        const { status, isolate } = await worker.health();
        assert.ok(isolate.counters.answers[expected.reason] >= n_asked, "the instance lives on");
        assert.equal(status, expected.reason === "ok" ? "ok" : "degraded");
        const mayFail = !NO_FAILURE.includes(expected.reason) && !/^(nothing|no configuration)/.test(what);
        assert.equal(isolate.counters.refresh_failures > 0, mayFail);
      }
    });
  }
});

describe("a shard that is", () => {
  const CASES = [
    ["missing", () => null],
    ["empty", () => ""],
    ["cut off in its header", () => own().slice(0, 20)],
    ["cut off in its rows", () => own().slice(0, -1)],
    ["too long", () => Buffer.concat([own(), own()])],
    ["damaged by one bit", () => flipped(own(), own().length - 5)],
    ["of another format version", () => flipped(own(), 8)],
    ["that of another place", () => TODAY.shards[shardName === "0" ? "1" : "0"]],
    ["something else", () => "<html>502 Bad Gateway</html>"],
  ];
  let worker;
  before(async () => {
    worker = await startWorker({ kv: published });
  });
  after(() => worker?.stop());

  for (const [what, damage] of CASES) {
    test(what, async () => {
      const before = await worker.counters();
      await worker.store({ [shard()]: damage() });
      assert.deepEqual(gist(await ask(worker)), contextual("profile_unavailable"));
      const after = await worker.counters();
      assert.equal(after.shard_failures, before.shard_failures + 1, "it is counted, and nothing was lost");
    });
  }

  test("damaged harms only its own visitors", async () => {
    const reasons = new Set();
    for (let i = 1; i <= 40; i += 1) {
      reasons.add(gist(await worker.decide(request(`v${String(i).padStart(4, "0")}`))).reason);
    }
    assert.deepEqual([...reasons].sort(), ["ok", "profile_unavailable"]);
  });

  test("well again is used at once", async () => {
    await worker.store({ [shard()]: own() });
    assert.deepEqual(gist(await ask(worker)), personalised);
  });
});

describe("a bundle that is", () => {
  const CASES = [
    ["announced by a broken pointer", () => ({ "c/current": "\u0000\u0001" })],
    ["missing", () => ({ "c/1": null })],
    ["cut off", () => ({ "c/1": published["c/1"].slice(0, -200) })],
    ["not what its checksum says", () => ({ "c/1": envelope(bundle(), { checksum: "0".repeat(64) }) })],
    ["no configuration", () => ({ "c/1": envelope({ ...bundle(), offers: "none" }) })],
    ["of another release", () => ({ "c/1": envelope({ ...bundle(), format: 2 }) })],
    ["full of references to nothing", () => ({ "c/1": envelope({ ...bundle(), offers: [] }) })],
    ["nested 20,000 deep", () => ({ "c/1": "[".repeat(20_000) + "]".repeat(20_000) })],
  ];
  let worker;
  let n_failures = 0;
  before(async () => {
    worker = await startWorker({ kv: published });
  });
  after(() => worker?.stop());

  // A Worker without a bundle looks for one with every request, so it must not be asked while all is well.
  for (const [what, damage] of CASES) {
    test(what, async () => {
      await worker.store({ "c/1": published["c/1"], "c/current": published["c/current"], ...damage() });
      assert.deepEqual(gist(await ask(worker)), nothing);
      const { refresh_failures } = await worker.counters();
      assert.ok(refresh_failures > n_failures);
      n_failures = refresh_failures;
    });
  }

  test("well again is used at once", async () => {
    await worker.store({ "c/1": published["c/1"] });
    assert.deepEqual(gist(await ask(worker)), personalised);
  });
});

describe("KV that throws or never answers", () => {
  /// Faults that a Worker meets with its first request.
  const COLD = [
    ["pointer-throws", { "t/current": "throw" }, unranked("profile_unavailable")],
    ["items-throw", { [ITEMS]: "throw" }, unranked("profile_unavailable")],
    ["everything-throws", { "*": "throw" }, nothing],
    ["everything-hangs", { "*": "hang" }, nothing],
  ];
  let fleet;
  before(async () => {
    const vars = { KV_TIMEOUT_MS: "500" };
    const names = ["shard", ...COLD.map(([name]) => name)];
    fleet = await startFleet(names.map((name) => ({ name, unreliableKv: true, kv: published, vars })));
  });
  after(() => fleet?.stop());

  for (const fault of ["throw", "hang"]) {
    test(`for a shard: ${fault}`, async () => {
      const worker = fleet.worker("shard");
      await worker.faults({ [shard()]: fault });
      const before = await worker.counters();
      assert.deepEqual(gist(await ask(worker)), contextual("profile_unavailable"));
      assert.equal((await worker.counters()).shard_failures, before.shard_failures + 1);
    });
  }

  test("and when it is well again, the profile is back, and is then held", async () => {
    const worker = fleet.worker("shard");
    await worker.faults({});
    assert.deepEqual(gist(await ask(worker)), personalised);
    await worker.faults({ "*": "throw" });
    assert.deepEqual(gist(await ask(worker)), personalised);
  });

  for (const [name, faults, expected] of COLD) {
    test(`from the start: ${name}`, async () => {
      const worker = fleet.worker(name);
      await worker.faults(faults);
      for (let n_asked = 1; n_asked <= 2; n_asked += 1) assert.deepEqual(gist(await ask(worker)), expected);
    });
  }

  for (const name of ["everything-throws", "everything-hangs"]) {
    test(`${name}, and then no longer`, async () => {
      const worker = fleet.worker(name);
      await worker.faults({});
      assert.deepEqual(gist(await ask(worker)), personalised);
    });
  }
});

test("many first requests at once are all answered: none waits for another's reading", async () => {
  const worker = await startWorker({ kv: published, unreliableKv: true });
  try {
    const answers = await Promise.all(Array.from({ length: 24 }, () => ask(worker)));
    for (const answer of answers) assert.deepEqual(gist(answer), personalised);
    const { isolate } = await worker.health();
    assert.equal(isolate.counters.answers.ok, 24);
    assert.equal(isolate.shards, 1);
    assert.equal(isolate.shard_bytes, own().length);
  } finally {
    await worker.stop();
  }
});

describe("a refresh that fails leaves the last good one in use", () => {
  // Pointers are read again behind every answer.
  const vars = { REFRESH_MS: "0", KV_TIMEOUT_MS: "500" };
  const newer = (key, edit) => edited(published[key], { ...edit, epoch: JSON.parse(Buffer.from(published[key])).epoch + 1000 });
  const CASES = [
    ["the bundle's pointer is damaged", () => ({ "c/current": "oops" })],
    ["the bundle's pointer leads nowhere", () => ({ "c/current": newer("c/current", { version: 99 }) })],
    ["the new bundle is damaged", () => ({ "c/99": "{}", "c/current": newer("c/current", { version: 99 }) })],
    ["the bundle's pointer is gone for a moment", () => ({ "c/current": null })],
    ["the table's pointer is damaged", () => ({ "t/current": "oops" })],
    ["the table's pointer leads nowhere", () => ({ "t/current": newer("t/current", { build: TOMORROW.build }) })],
    ["the table's pointer is gone for a moment", () => ({ "t/current": null })],
    ["KV throws", () => ({}), { "*": "throw" }],
    ["KV hangs", () => ({}), { "*": "hang" }],
  ];
  let fleet;
  let worker;
  before(async () => {
    const fresh = { "c/1": published["c/1"], "c/current": published["c/current"] };
    fleet = await startFleet([
      { name: "vitrine", unreliableKv: true, kv: published, vars },
      { name: "published-through", unreliableKv: true, vars: { ...vars, REFRESH_MS: "3600000" } },
      { name: "fresh", unreliableKv: true, kv: fresh, vars },
    ]);
    worker = fleet.worker("vitrine");
    assert.deepEqual(gist(await ask(worker)), personalised);
  });
  after(() => fleet?.stop());

  test("an older pointer that comes late is no news", async () => {
    await worker.store({ "c/current": edited(published["c/current"], { epoch: 0, version: 7 }) });
    const { kv_reads, refresh_failures } = await worker.counters();
    await eventually(() => worker.counters(), (counters) => counters.kv_reads > kv_reads + 6);
    assert.deepEqual(gist(await ask(worker)), personalised);
    assert.equal((await worker.counters()).refresh_failures, refresh_failures);
    await worker.store({ "c/current": published["c/current"] });
  });

  for (const [what, damage, faults = {}] of CASES) {
    test(what, async () => {
      const { refresh_failures } = await worker.counters();
      await worker.store(damage());
      await worker.faults(faults);
      const goodAnswer = async () => {
        const answer = await ask(worker);
        assert.deepEqual(gist(answer), personalised);
        assert.deepEqual([answer.body.bundle, answer.body.table], [1, build]);
        return worker.counters();
      };
      await eventually(goodAnswer, (counters) => counters.refresh_failures > refresh_failures);
      await goodAnswer();
      await worker.faults({});
      await worker.store({ "c/99": null, "c/current": published["c/current"], "t/current": published["t/current"] });
    });
  }

  test("also right after the administrator has called", async () => {
    const through = fleet.worker("published-through");
    await publishAll(through);
    assert.deepEqual(gist(await ask(through)), personalised);
    assert.equal((await through.admin("GET", "tables")).status, 200);
    await through.faults({ "*": "throw" });
    assert.deepEqual(gist(await ask(through)), personalised);
  });

  test("and what is published then is taken up behind the answers", async () => {
    const changed = bundle();
    changed.offers.find((it) => it.id === "back-soon").id = "back-later";
    await worker.store({ "c/2": envelope(changed, { version: 2 }) });
    await worker.store({ "c/current": newer("c/current", { version: 2, previous: 1 }) });
    const answer = await eventually(() => ask(worker), (it) => it.body.bundle === 2);
    assert.deepEqual(gist(answer), { ...personalised, offers: ["tea-time", "fallback:back-later"] });
  });

  test("a table that is published then is taken up too, with the tastes of tomorrow", async () => {
    await upload(worker, TOMORROW);
    await worker.store({ "t/current": newer("t/current", { build: TOMORROW.build, previous: build }) });
    const answer = await eventually(() => ask(worker), (it) => it.body.table === TOMORROW.build);
    assert.deepEqual(gist(answer), { ...personalised, offers: ["garden-days", "fallback:back-later"] });
  });

  test("a failure to read the table's pointer is forgotten when there turns out to be none", async () => {
    const fresh = fleet.worker("fresh");
    await fresh.faults({ "t/current": "throw" });
    assert.deepEqual(gist(await ask(fresh)), unranked("profile_unavailable"));
    await fresh.faults({});
    const answer = await eventually(() => ask(fresh), (it) => it.body.mode_reason !== "profile_unavailable");
    assert.deepEqual(gist(answer), unranked("no_table"));
  });
});
