// The GrowthBook SDK endpoints, asked by GrowthBook's own SDKs: they and Vitrine must give every visitor the same variation.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { GrowthBook, GrowthBookClient, configureCache, setPolyfills } from "@growthbook/growthbook";
import { EventSource } from "eventsource";
import { assertProblem } from "./support/fixture.mjs";
import { publishedFlags, sdkKey } from "./support/flags.mjs";
import { skip } from "./support/native.mjs";
import { TOKEN_KEY } from "./support/ofrep_flags.mjs";
import { ROOT, eventually, read, startFleet } from "./support/worker.mjs";

/// The SDK leaves its stream open when a client ends, and a stream reconnects for ever: the tests close it.
const streams = [];
class Stream extends EventSource {
  constructor(...options) {
    super(...options);
    streams.push(this);
  }
}
setPolyfills({ EventSource: Stream });
configureCache({ disableCache: true });

const DAY_MS = 86_400_000;

/// Flags of every kind that SDKs evaluate by themselves.
const PAYLOAD = {
  features: {
    "dark-mode": { defaultValue: false, rules: [{ id: "de", condition: { country: "DE" }, force: true }] },
    rollout: { defaultValue: 0, rules: [{ id: "fifth", force: 1, coverage: 0.2, hashAttribute: "id", seed: "rollout" }] },
    "checkout-cta": {
      defaultValue: "buy",
      rules: [
        {
          id: "exp", key: "checkout-cta", hashVersion: 2, hashAttribute: "id", seed: "checkout-cta",
          variations: ["buy", "buy now", "购买"], weights: [0.5, 0.3, 0.2], coverage: 0.9,
          meta: [{ key: "control" }, { key: "now" }, { key: "zh" }],
        },
      ],
    },
    "new-search": {
      defaultValue: { engine: "old" },
      rules: [
        { parentConditions: [{ id: "dark-mode", condition: { value: true }, gate: true }] , force: { engine: "dark" } },
        { condition: { age: { $gt: 30 }, version: { $vgte: "1.10.0" } }, variations: [{ engine: "a" }, { engine: "b" }], key: "search", hashVersion: 1 },
      ],
    },
    scheduled: {
      defaultValue: "before",
      rules: [{ force: "after", vitrine: { starts: Date.UTC(2020, 0, 1) } }, { force: "never", vitrine: { ends: 1 } }],
    },
    planned: { defaultValue: "quiet", rules: [{ force: "loud", vitrine: { starts: Date.now() + 400 * DAY_MS } }] },
    off: { defaultValue: "x", vitrine: { enabled: false } },
    killed: { defaultValue: "x", rules: [{ force: "y" }] },
  },
};

const { key: KEY, entry } = sdkKey("production", "c1");
const { key: OLD_KEY, entry: old } = sdkKey("production", "c0", { expires_at: "2026-01-01T00:00:00Z" });
const { key: STAGING_KEY, entry: staging } = sdkKey("staging", "c2");
const { key: SERVER_KEY, entry: server } = sdkKey("production", "s1", { kind: "server" });
const POINTER = { keys: [entry, old, server], killed: ["killed"] };

const visitors = Array.from({ length: 10_000 }, (_, i) => ({
  id: `visitor-${i}`,
  country: ["DE", "FR", "CN", "US"][i % 4],
  age: 18 + (i % 60),
  version: `1.${i % 20}.0`,
}));

let fleet;
let worker;
before(async () => {
  fleet = await startFleet([
    {
      name: "vitrine",
      vars: { TOKEN_KEY },
      unreliableKv: true,
      kv: {
        ...publishedFlags(PAYLOAD, { pointer: POINTER }),
        ...publishedFlags({ features: { only: { defaultValue: "staging" } } }, { version: 2, environment: "staging", pointer: { keys: [staging] } }),
      },
    },
    { name: "open", kv: publishedFlags(PAYLOAD) },
    { name: "empty" },
  ]);
  worker = fleet.worker("vitrine");
});
after(async () => {
  for (const stream of streams) stream.close();
  await fleet?.stop();
});

describe("the payload", () => {
  const features = (key, headers = {}, from = worker) => from.fetch(`/api/features/${key}`, { headers }).then(read);

  test("is plain GrowthBook: schedules are resolved, nothing of Vitrine's own is in it", async () => {
    const { status, headers, body, text } = await features(KEY);
    assert.equal(status, 200);
    assert.equal(headers.get("content-type"), "application/json");
    assert.equal(headers.get("x-sse-support"), "enabled");
    assert.match(headers.get("cache-control"), /^public, max-age=30, stale-while-revalidate=\d+/);
    assert.doesNotMatch(text, /vitrine/);
    assert.equal(body.status, 200);
    assert.equal(body.dateUpdated, "2026-06-01T00:00:00.000Z");
    assert.deepEqual(body.features.scheduled.rules, [{ force: "after" }]);
    assert.deepEqual(body.features.planned.rules ?? [], []);
    const { coverage, ...rollout } = PAYLOAD.features.rollout.rules[0];
    assert.deepEqual(body.features.rollout.rules, [{ ...rollout, range: [0, coverage] }]);
    assert.deepEqual([body.features.off, body.features.killed], [{ defaultValue: null }, { defaultValue: null }]);
  });

  test("is not sent again to those who hold it", async () => {
    const first = await features(KEY);
    const etag = first.headers.get("etag");
    for (const held of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const again = await features(KEY, { "if-none-match": held });
      assert.deepEqual([again.status, again.text, again.headers.get("etag")], [304, "", etag]);
    }
    assert.equal((await features(KEY, { "if-none-match": '"other"' })).status, 200);
  });

  test("is for holders of a key", async () => {
    for (const key of ["sdk-abc", "vtc_production_c2", OLD_KEY, "vtc_nowhere_x", STAGING_KEY.replace("staging", "production"), "%00"]) {
      const refused = await features(key);
      assert.deepEqual([key, refused.status, refused.body.code], [key, 401, "unauthorized"]);
    }
    assert.equal((await features(STAGING_KEY)).body.features.only.defaultValue, "staging");
    assert.equal((await features("sdk-abc", {}, fleet.worker("open"))).status, 200);
  });

  test("is never given for a server key: the address of a call is no secret", async () => {
    const unknown = sdkKey("production", "s9", { kind: "server" }).key;
    const elsewhere = sdkKey("nowhere", "s9", { kind: "server" }).key;
    await worker.keysRead();
    for (const key of [SERVER_KEY, unknown, elsewhere]) {
      for (const [method, path] of [["GET", `/api/features/${key}`], ["POST", `/api/eval/${key}`], ["GET", `/sub/${key}`]]) {
        const answer = await read(await worker.fetch(path, { method, ...(method === "POST" && { body: "{}" }) }));
        assertProblem(answer, 403, "forbidden");
        assert.match(answer.body.detail, /client key/);
      }
      const { status } = await worker.fetch(`/api/features/${key}`, { method: "HEAD" });
      assert.equal(status, 403);
      assertProblem(await features(key, {}, fleet.worker("open")), 403, "forbidden");
    }
    assert.deepEqual((await worker.keysRead()).filter((it) => it.includes("nowhere")), [], "it is not even looked up");
  });

  test("is empty before the first publication, and no error", async () => {
    const { status, body } = await features("sdk-abc", {}, fleet.worker("empty"));
    assert.deepEqual([status, body.features], [200, {}]);
  });

  test("other methods are refused", async () => {
    const { status, headers } = await read(await worker.fetch(`/api/features/${KEY}`, { method: "DELETE" }));
    assert.deepEqual([status, headers.get("allow")], [405, "GET, HEAD"]);
  });
});

describe("the JavaScript SDK", () => {
  test("loads the payload and gives 10,000 visitors what the Worker gives them", async () => {
    const client = new GrowthBookClient({ apiHost: worker.url, clientKey: KEY });
    const { success, error } = await client.init({ timeout: 10_000 });
    assert.ok(success, String(error));
    const keys = Object.keys(PAYLOAD.features).filter((it) => it !== "off" && it !== "killed");
    const counts = {};
    for (const batch of Array.from({ length: 100 }, (_, i) => visitors.slice(i * 100, i * 100 + 100))) {
      await Promise.all(
        batch.map(async (attributes) => {
          const answer = await read(await worker.fetch(`/api/eval/${KEY}`, { method: "POST", body: JSON.stringify({ attributes }) }));
          assert.equal(answer.status, 200);
          for (const key of keys) {
            const { defaultValue, rules } = answer.body.features[key];
            const theirs = client.evalFeature(key, { attributes });
            assert.deepEqual(rules?.[0].force ?? defaultValue, theirs.value, `${key} of ${attributes.id}`);
            const result = rules?.[0].tracks.at(-1).result;
            assert.equal(result?.variationId, theirs.experimentResult?.variationId, `${key} of ${attributes.id}`);
            counts[`${key}=${JSON.stringify(theirs.value)}`] = (counts[`${key}=${JSON.stringify(theirs.value)}`] ?? 0) + 1;
          }
        }),
      );
    }
    // Every value of the experiment and of the rollout occurs, so the comparison compares something.
    for (const value of ["checkout-cta=\"buy\"", "checkout-cta=\"buy now\"", "checkout-cta=\"购买\"", "rollout=1", "rollout=0"]) {
      assert.ok(counts[value] > 500, `${value}: ${counts[value]}`);
    }
    client.destroy();
  });

  /// Who is in the experiment, and who is not, by the SDK itself.
  async function visitorWho(isIn) {
    for (const { id } of visitors) {
      const own = new GrowthBook({ attributes: { id, country: "DE" } });
      await own.setPayload(PAYLOAD);
      const expected = own.evalFeature("checkout-cta");
      if ((expected.experimentResult !== undefined) === isIn) return { attributes: { id, country: "DE" }, expected };
    }
    assert.fail("nobody");
  }
  /// A page that reports what its tracking callback was told, as it may while it is closed.
  async function page(attributes, from = worker) {
    const tracked = [];
    const gb = new GrowthBook({
      apiHost: from.url, clientKey: KEY, remoteEval: true, attributes,
      trackingCallback: (experiment, result) => tracked.push({ experiment, result }),
    });
    const { success } = await gb.init({ timeout: 10_000 });
    assert.ok(success);
    const report = async () => {
      const exposures = tracked.map(({ result }) => ({ token: result.exposureToken }));
      const init = { method: "POST", headers: { "content-type": "text/plain", origin: "https://shop.example" }, body: JSON.stringify({ key: KEY, exposures }) };
      return await read(await from.fetch("/v1/exposures", init));
    };
    return { gb, tracked, report };
  }

  test("hands the tracking callback the token by which the page reports the exposure", async () => {
    const { attributes, expected } = await visitorWho(true);
    const { gb, tracked, report } = await page(attributes);
    assert.deepEqual(tracked, [], "nothing was met before the feature was used");
    assert.equal(gb.getFeatureValue("checkout-cta", "none"), expected.value);
    assert.deepEqual(tracked.map(({ experiment, result }) => [experiment.key, result.variationId]), [["checkout-cta", expected.experimentResult.variationId]]);
    const bytes = Buffer.from(tracked[0].result.exposureToken, "base64url");
    assert.deepEqual([bytes.readUInt32LE(6), bytes[18]], [1, expected.experimentResult.variationId], "version and variation");
    assert.ok(bytes.includes("production") && bytes.includes("checkout-cta") && !bytes.includes(attributes.id));
    const { status, body } = await report();
    assert.deepEqual([status, body], [202, { accepted: 1, rejected: [] }]);
    // The same visitor is the same unit over OFREP, so that nobody is counted twice.
    const asked = { method: "POST", headers: { "x-api-key": KEY }, body: JSON.stringify({ context: { targetingKey: attributes.id, country: "DE" } }) };
    const { metadata } = (await read(await worker.fetch("/ofrep/v1/evaluate/flags/checkout-cta", asked))).body;
    assert.equal(Buffer.from(metadata.exposureToken, "base64url").readBigUInt64LE(10), bytes.readBigUInt64LE(10));
    gb.destroy();
  });

  test("gets no token for a visitor who is not in, nor for a variation chosen by hand, nor without TOKEN_KEY", async () => {
    const { attributes } = await visitorWho(false);
    const outside = await page(attributes);
    outside.gb.getFeatureValue("checkout-cta", "none");
    assert.deepEqual(outside.tracked, []);
    const { attributes: inside } = await visitorWho(true);
    const eval_ = (body, from) => from.fetch(`/api/eval/${KEY}`, { method: "POST", body: JSON.stringify(body) }).then(read);
    assert.doesNotMatch((await eval_({ attributes: inside, forcedVariations: { "checkout-cta": 1, search: 0 } }, worker)).text, /exposureToken/);
    const unsigned = await page(inside, fleet.worker("open"));
    unsigned.gb.getFeatureValue("checkout-cta", "none");
    assert.deepEqual(unsigned.tracked.map((it) => [it.experiment.key, it.result.exposureToken]), [["checkout-cta", undefined]]);
    for (const { gb } of [outside, unsigned]) gb.destroy();
  });

  test("has its flags evaluated at the edge, and tracks what it must", async () => {
    const tracked = [];
    const inside = { id: "visitor-1", country: "DE" };
    const gb = new GrowthBook({
      apiHost: worker.url, clientKey: KEY, remoteEval: true, attributes: inside,
      trackingCallback: (experiment, result) => tracked.push([experiment.key, result.variationId]),
    });
    const { success } = await gb.init({ timeout: 10_000 });
    assert.ok(success);
    assert.equal(gb.isOn("dark-mode"), true);
    const value = gb.getFeatureValue("checkout-cta", "none");
    const own = new GrowthBook({ attributes: inside });
    await own.setPayload(PAYLOAD);
    const expected = own.evalFeature("checkout-cta");
    assert.equal(value, expected.value);
    assert.deepEqual(tracked, expected.experimentResult ? [["checkout-cta", expected.experimentResult.variationId]] : []);
    assert.equal(gb.getFeatureValue("killed", "own default"), "own default");
    gb.destroy();
  });

  test("hears of a publication at once", async () => {
    const open = fleet.worker("open");
    const client = new GrowthBookClient({ apiHost: open.url, clientKey: "any" });
    await client.init({ timeout: 10_000, streaming: true });
    assert.equal(client.evalFeature("rollout", { attributes: { id: "x" } }).source !== "unknownFeature", true);
    const published = await open.admin("PUT", "config", { version: 1, offers: [{ id: "a", content: { title: "A" } }], placements: [{ id: "p", fallback: "a" }] });
    assert.equal(published.status, 200, published.text);
    await eventually(
      // The event comes between two looks, not during one.
      () => new Promise((resolve) => setTimeout(() => resolve(client.evalFeature("rollout", { attributes: { id: "x" } })), 20)),
      (it) => it.source === "unknownFeature",
    );
    client.destroy();
  });
});

test("the Python SDK gives 10,000 visitors what the JavaScript SDK gives them", async (t) => {
  const python = resolve(ROOT, process.env.VITRINE_CLIENTS ?? ".tools/clients", "python/bin/python");
  if (!existsSync(python)) return skip(t, `${python} is not there: python3 is missing, or its packages could not be installed`);
  const client = new GrowthBookClient({ apiHost: worker.url, clientKey: KEY });
  await client.init({ timeout: 10_000 });
  const script = resolve(ROOT, "tests/e2e/clients/python/growthbook_client.py");
  // Not execFileSync: this process answers for the Worker meanwhile.
  const asked = promisify(execFile)(python, [script, worker.url, KEY], { maxBuffer: 1 << 28 });
  asked.child.stdin.end(`${visitors.map((it) => JSON.stringify(it)).join("\n")}\n`);
  const answers = (await asked).stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(answers.length, visitors.length);
  for (const [i, attributes] of visitors.entries()) {
    const theirs = Object.entries(answers[i]);
    assert.equal(theirs.length, Object.keys(PAYLOAD.features).length);
    for (const [key, [value, variation]] of theirs) {
      const ours = client.evalFeature(key, { attributes });
      assert.deepEqual([value, variation ?? undefined], [ours.value, ours.experimentResult?.variationId], `${key} of ${attributes.id}`);
    }
  }
  client.destroy();
});

describe("remote evaluation", () => {
  const evaluate = (body) => worker.fetch(`/api/eval/${KEY}`, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) }).then(read);

  const BAD = [
    ["no JSON", "{", 400, "malformed_json", undefined],
    ["a list", [], 400, "invalid_request", undefined],
    ["attributes that are a list", { attributes: [] }, 400, "invalid_request", "/attributes"],
    ["a forced variation that is a text", { forcedVariations: { a: "1" } }, 400, "invalid_request", "/forcedVariations/a"],
    ["half a variation", { forcedVariations: { a: 0.5 } }, 400, "invalid_request", "/forcedVariations/a"],
    ["forced features that are an object", { forcedFeatures: {} }, 400, "invalid_request", "/forcedFeatures"],
    ["a forced feature without value", { forcedFeatures: [["a"]] }, 400, "invalid_request", "/forcedFeatures/0"],
    ["a url that is a number", { url: 1 }, 400, "invalid_request", "/url"],
    ["more than 64 KiB", { attributes: { a: "x".repeat(70_000) } }, 413, "body_too_large", undefined],
  ];
  for (const [name, body, status, code, pointer] of BAD) {
    test(`refuses ${name}`, async () => {
      const answer = await evaluate(body);
      assert.deepEqual([answer.status, answer.body.code, answer.body.errors?.[0]?.pointer], [status, code, pointer]);
    });
  }

  test("takes no attributes at all: rules that need none still work", async () => {
    const { status, body } = await evaluate({});
    assert.equal(status, 200);
    assert.deepEqual(body.features.scheduled, { defaultValue: "after" });
    assert.deepEqual(body.features["checkout-cta"], { defaultValue: "buy" });
  });
});
