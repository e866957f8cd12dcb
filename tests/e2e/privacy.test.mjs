// Consent and privacy: with personalisation off the answer is contextual and the profile is not even looked up.
//
// Two witnesses count the reads of KV: the Worker's own counter, and a KV in front of the real one that writes down keys.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gist, offers, offersWithAssumedConsent, publishAll, request, STRANGER, TODAY, TOMORROW, VISITORS } from "./support/fixture.mjs";
import { read, startFleet } from "./support/worker.mjs";

const OPT_OUT = { cookie: "theme=dark; vitrine_opt_out=1; lang=en" };
const GPC = { "sec-gpc": "1" };
/// Purposes 1, 3 to 6 and 8.
const TCF_ALL = "CAAAAAAAAAAAAAAAAAAAAAAAAL0AAAAAAAAA";

/// Asks, and tells what the answer comes to and what was read from KV for it.
async function watched(worker, ask) {
  await worker.keysRead();
  const before = await worker.counters();
  const answer = await ask();
  const { kv_reads } = await worker.counters();
  const keys = await worker.keysRead();
  assert.equal(kv_reads - before.kv_reads, keys.length, "the Worker counts its reads rightly");
  return { gist: gist(answer), keys, answer };
}

describe("personalisation is off", () => {
  let fleet;
  before(async () => {
    fleet = await startFleet(["required", "assumed", "limited", "ignoring"].map((name) => ({ name, unreliableKv: true })));
    const withGpc = (gpc) => ({ ...offers(), settings: { consent: "required", gpc } });
    await publishAll(fleet.worker("limited"), { document: withGpc("limit_sharing") });
    await publishAll(fleet.worker("ignoring"), { document: withGpc("ignore") });
    await publishAll(fleet.worker("required"));
    await publishAll(fleet.worker("assumed"), { document: offersWithAssumedConsent() });
    for (const worker of fleet.workers) await worker.decide({ placements: [{ id: "home-hero" }] });
  });
  after(() => fleet?.stop());

  // The visitor likes tea; without the profile the most popular offer wins, which is the garden's.
  const agreed = { consent: { personalise: true } };
  const key = VISITORS.tea;
  const cases = [
    // consent of the shop, what, headers, body, expected reason
    ["required", "the visitor opted out", {}, { visitor: { key, opt_out: true }, ...agreed }, "opt_out"],
    ["required", "the opt-out cookie is set", OPT_OUT, { visitor: { key }, ...agreed }, "opt_out"],
    ["required", "Sec-GPC: 1", GPC, { visitor: { key }, ...agreed }, "gpc"],
    ["required", "nothing is said about consent", {}, { visitor: { key } }, "no_consent"],
    ["required", "consent was refused", {}, { visitor: { key }, consent: { personalise: false } }, "no_consent"],
    ["required", "the visitor is a minor", {}, { visitor: { key, minor: true }, ...agreed }, "minor"],
    ["required", "no visitor is named", {}, agreed, "no_visitor"],
    ["assumed", "consent was refused", {}, { visitor: { key }, consent: { personalise: false } }, "no_consent"],
    ["assumed", "Sec-GPC: 1", GPC, { visitor: { key } }, "gpc"],
    ["assumed", "the visitor is a minor", {}, { visitor: { key, minor: true } }, "minor"],
    ["required", "the platform's string refuses", {}, { visitor: { key }, consent: { personalise: true, tcf: `CA${"A".repeat(34)}` } }, "no_consent"],
    ["required", "the platform's string is none", {}, { visitor: { key }, consent: { personalise: true, tcf: "rubbish" } }, "no_consent"],
    ["required", "the platform's cookie refuses", { cookie: `euconsent-v2=CA${"A".repeat(34)}` }, { visitor: { key }, ...agreed }, "no_consent"],
    ["required", "Google's consent mode refuses", {}, { visitor: { key }, consent: { personalise: true, gcm: { personalization_storage: "denied" } } }, "no_consent"],
    ["required", "the signed opt-out cookie is set", { cookie: "__Host-vitrine_opt_out=1.1800000000.c2ln" }, { visitor: { key }, ...agreed }, "opt_out"],
    ["required", "a state comes without consent", { cookie: "__Host-vitrine_state=AAAA" }, { visitor: { key, anon: "a1" }, state: "AAAA" }, "no_consent"],
    ["limited", "Sec-GPC: 1 and no consent", GPC, { visitor: { key } }, "no_consent"],
    // The strongest signal is the one that is told.
    ["required", "everything at once", { ...OPT_OUT, ...GPC }, { visitor: { key, minor: true } }, "opt_out"],
    ["required", "GPC, no consent, a minor", GPC, { visitor: { key, minor: true } }, "gpc"],
    ["required", "no consent, a minor", {}, { visitor: { key, minor: true } }, "no_consent"],
  ];
  for (const [shop, what, headers, body, reason] of cases) {
    test(`consent ${shop}: ${what}`, async () => {
      const worker = fleet.worker(shop);
      const placements = [{ id: "home-hero" }];
      const seen = await watched(worker, () => worker.decide({ ...body, placements }, headers));
      assert.deepEqual(seen.gist, { mode: "contextual", reason, offers: ["garden-days"] });
      assert.deepEqual(seen.keys, [], "nothing is read from KV");
      assert.equal(seen.answer.headers.get("set-cookie"), null, "no identifier is set");
    });
  }

  const on = [
    ["required", "the visitor agreed", {}, { visitor: { key }, ...agreed }],
    ["required", "Sec-GPC: 0 is no signal", { "sec-gpc": "0" }, { visitor: { key }, ...agreed }],
    ["required", "a cookie of another value is no opt-out", { cookie: "vitrine_opt_out=0; xvitrine_opt_out=1" }, { visitor: { key }, ...agreed }],
    ["assumed", "nothing is said about consent", {}, { visitor: { key } }],
    ["required", "the platform's string agrees", {}, { visitor: { key }, consent: { tcf: TCF_ALL } }],
    ["required", "the platform's cookie agrees", { cookie: `a=b; euconsent-v2=${TCF_ALL}.YAAA` }, { visitor: { key } }],
    ["required", "Google's consent mode agrees", {}, { visitor: { key }, consent: { gcm: { personalization_storage: "granted", ad_storage: "denied" } } }],
    ["limited", "Sec-GPC: 1 limits sharing only", GPC, { visitor: { key }, ...agreed }],
    ["ignoring", "Sec-GPC: 1 does not bind this shop", GPC, { visitor: { key }, ...agreed }],
  ];
  for (const [shop, what, headers, body] of on) {
    test(`and it is on, consent ${shop}: ${what}`, async () => {
      const answer = await fleet.worker(shop).decide({ ...body, placements: [{ id: "home-hero" }] }, headers);
      assert.deepEqual(gist(answer), { mode: "personalised", reason: "ok", offers: ["tea-time"] });
      assert.equal(answer.body.limit_sharing, shop === "limited" ? true : undefined, "the page shares nothing of it");
    });
  }

  test("the simple call obeys the same signals", async () => {
    const worker = fleet.worker("required");
    const path = "/v1/offers/home-hero?personalise=true";
    const seen = await watched(worker, async () => read(await worker.fetch(path, { headers: { ...GPC, "vitrine-visitor": key } })));
    assert.deepEqual(seen.gist, { mode: "contextual", reason: "gpc", offers: ["garden-days"] });
    assert.deepEqual(seen.keys, []);
  });
});

describe("reads of KV", () => {
  let worker;
  let fleet;
  before(async () => {
    // `small` has room for one shard only: each is about 7 KiB.
    fleet = await startFleet([
      { name: "vitrine", unreliableKv: true },
      { name: "small", unreliableKv: true, vars: { SHARD_CACHE_BYTES: "10000" } },
    ]);
    worker = fleet.worker("vitrine");
    for (const it of fleet.workers) {
      await publishAll(it);
      await it.decide({ placements: [{ id: "home-hero" }] });
    }
  });
  after(() => fleet?.stop());

  const shardKey = new RegExp(`^t/${TODAY.build}/[0-7]$`);

  test("warm, a personalised decision reads one shard, and later none", async () => {
    const first = await watched(worker, () => worker.decide(request(VISITORS.tea)));
    assert.equal(first.gist.reason, "ok");
    assert.equal(first.keys.length, 1);
    assert.match(first.keys[0], shardKey);
    const second = await watched(worker, () => worker.decide(request(VISITORS.tea)));
    assert.equal(second.gist.reason, "ok");
    assert.deepEqual(second.keys, []);
  });

  test("many placements are still one visitor", async () => {
    const seen = await watched(worker, () => worker.decide(request("v0500", ["home-hero", "sidebar", "banner", "everything", "closed"])));
    assert.equal(seen.gist.reason, "ok");
    assert.ok(seen.keys.length <= 1);
  });

  test("all 2,000 visitors are found with eight reads, and a stranger is then known to be one", async () => {
    const before = await worker.counters();
    for (let i = 1; i <= 2000; i += 37) {
      const answer = await worker.decide(request(`v${String(i).padStart(4, "0")}`));
      assert.equal(gist(answer).reason, "ok");
    }
    const { isolate } = await worker.health();
    assert.ok(isolate.counters.kv_reads - before.kv_reads <= 8);
    assert.equal(isolate.shards, 8);
    const held = Object.values(TODAY.shards).reduce((sum, shard) => sum + shard.length, 0);
    assert.equal(isolate.shard_bytes, held);
    const stranger = await watched(worker, () => worker.decide(request(STRANGER)));
    assert.deepEqual([stranger.gist.reason, stranger.keys], ["no_profile", []]);
  });

  test("what an isolate holds is bounded by bytes", async () => {
    const small = fleet.worker("small");
    for (const key of ["v0001", "v0002", "v0003", "v0004", "v0005", "v0006", "v0007", "v0008"]) {
      const seen = await watched(small, () => small.decide(request(key)));
      assert.equal(seen.gist.reason, "ok");
      assert.ok(seen.keys.length <= 1);
      const { isolate } = await small.health();
      assert.equal(isolate.shards, 1);
      assert.ok(isolate.shard_bytes <= 10_000, `${isolate.shard_bytes}`);
    }
  });
});

test("only what is announced may be kept long: KV also remembers that a key is not there", async () => {
  const fleet = await startFleet([{ name: "vitrine", unreliableKv: true }]);
  try {
    const [worker] = fleet.workers;
    // Too early: neither manifest nor shard is there yet.
    await worker.admin("PUT", `tables/${TODAY.build}/shards/0`, TODAY.shards[0]);
    await worker.admin("POST", `tables/${TODAY.build}/activate`);
    await publishAll(worker);
    const administrative = await worker.reads();
    assert.ok(administrative.length > 10);
    for (const { key, ttl_s } of administrative) assert.equal(ttl_s, 30, key);
    await worker.decide(request(VISITORS.tea));
    for (const { key, ttl_s } of await worker.reads()) assert.equal(ttl_s, key.endsWith("/current") ? 30 : 7 * 86_400, key);
  } finally {
    await fleet.stop();
  }
});

test("KV holds no visitor id, neither in keys nor in values", async () => {
  const fleet = await startFleet([{ name: "vitrine" }]);
  try {
    const [worker] = fleet.workers;
    await publishAll(worker);
    await publishAll(worker, { table: TOMORROW });
    for (let i = 1; i <= 50; i += 1) await worker.decide(request(`v${String(i).padStart(4, "0")}`));
    await worker.decide(request(STRANGER));
    const stored = await worker.stored();
    assert.ok(Object.keys(stored).length >= 2 * (8 + 2) + 3, "tables, bundles and pointers are there");
    let n_looked = 0;
    for (const [key, bytes] of Object.entries(stored)) {
      for (const text of [key, Buffer.from(bytes).toString("latin1")]) {
        assert.ok(!text.includes(STRANGER), key);
        const id = /v\d{4}/.exec(text);
        assert.ok(id === null || Number(id[0].slice(1)) > 2000, `${key} holds ${id}`);
        n_looked += 1;
      }
    }
    assert.ok(n_looked > 40);
  } finally {
    await fleet.stop();
  }
});
