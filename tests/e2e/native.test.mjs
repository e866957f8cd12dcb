// Native and wasm agree: the `vitrine` command and the Worker on workerd give the same bytes for the same request, but for
// the version of the bundle, which the command does not know.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { DATA, publishAll, readTable, STRANGER, TODAY, TOMORROW } from "./support/fixture.mjs";
import { exampleOrSkip, vitrineOrSkip } from "./support/native.mjs";
import { ADMIN_TOKEN, startWorker } from "./support/worker.mjs";

const SEED = 20260601;
const N_REQUESTS = 240;

/// Numbers from 0 to below 1 that depend on the seed alone (mulberry32).
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/// A request of any kind that the configuration in tests/data can tell apart.
function makeRequest(random, i) {
  const below = (n) => Math.floor(random() * n);
  const pick = (list) => list[below(list.length)];
  const maybe = (share, make) => (random() < share ? make() : undefined);
  const some = (n_max, make) => Array.from({ length: below(n_max + 1) }, make);
  const item = () => `${pick(["tea", "garden", "toys", "unknown"])}-${1 + below(9)}`;
  const placements = ["home-hero", "sidebar", "banner", "everything", "closed", "no-such-slot"]
    .filter(() => random() < 0.6)
    .map((id) => ({ id, count: maybe(0.4, () => 1 + below(30)) }));
  const request = {
    request_id: maybe(0.5, () => `r-${i} „${pick(["ü", "\u2028", '"', "\\", "🫖"])}“`),
    visitor: {
      key: maybe(0.9, () => (random() < 0.1 ? STRANGER : `v${String(1 + below(2000)).padStart(4, "0")}`)),
      opt_out: maybe(0.05, () => random() < 0.5),
      minor: maybe(0.05, () => random() < 0.5),
    },
    consent: maybe(0.95, () => ({ personalise: random() < 0.9 })),
    context: {
      locale: maybe(0.5, () => pick(["de", "DE-AT", "de-CH", "en", "fr-FR"])),
      channel: maybe(0.3, () => pick(["web", "email", "app"])),
      country: maybe(0.4, () => pick(["DE", "GB", "FR"])),
      device: maybe(0.4, () => pick(["tv", "phone"])),
      url: maybe(0.2, () => "https://shop.example/tea?x=1"),
      items: some(6, item),
      attributes: maybe(0.6, () => ({ hour: below(24), price: random() * 1e6 - 5e5, labels: some(3, item), member: random() < 0.5 })),
    },
    placements: placements.length > 0 ? placements : [{ id: "home-hero" }],
    options: {
      dry_run: maybe(0.1, () => true),
      explain: maybe(0.5, () => true),
      dedupe: maybe(0.5, () => pick(["off", "page"])),
      at: new Date(Date.UTC(2026, below(12), 1 + below(28), below(24), below(60))).toISOString(),
    },
  };
  return { body: JSON.stringify(request), gpc: random() < 0.05 };
}

/// Asks the `vitrine` command.
function decideNatively(vitrine, { body, gpc }) {
  const files = ["--config", `${DATA}/offers.json`, "--table", `${DATA}/today`, "--key-file", `${DATA}/table.key`];
  return new Promise((resolve, reject) => {
    const args = ["decide", "--quiet", ...files, "--request", "-", ...(gpc ? ["--gpc"] : [])];
    const child = execFile(vitrine, args, (error, stdout, stderr) => (error ? reject(new Error(`${error.message}\n${stderr}`)) : resolve(stdout)));
    child.stdin.end(body);
  });
}

test("the committed tables are what the example makes of them", async (t) => {
  const example = exampleOrSkip(t, "e2e_table");
  if (!example) return;
  const dir = await mkdtemp(join(tmpdir(), "vitrine-e2e-"));
  try {
    for (const [which, committed] of [["today", TODAY], ["tomorrow", TOMORROW]]) {
      await promisify(execFile)(example, [which, join(dir, which)]);
      assert.deepEqual({ ...readTable(join(dir, which)), dir: null }, { ...committed, dir: null });
    }
  } finally {
    await rm(dir, { recursive: true });
  }
});

const withoutVersion = (text) => text.trimEnd().replace(/"bundle":\d+,/, "");

test(`native and wasm give the same bytes for ${N_REQUESTS} requests`, async (t) => {
  const vitrine = vitrineOrSkip(t);
  if (!vitrine) return;
  const worker = await startWorker();
  try {
    await publishAll(worker);
    const random = randomNumbers(SEED);
    const requests = Array.from({ length: N_REQUESTS }, (_, i) => makeRequest(random, i));
    const reasons = new Map();
    const offers = new Set();
    let next = 0;
    const compare = async () => {
      while (next < requests.length) {
        const i = next;
        next += 1;
        const { body, gpc } = requests[i];
        const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, ...(gpc ? { "sec-gpc": "1" } : {}) };
        const answer = await worker.decide(body, headers);
        assert.equal(answer.status, 200, `request ${i} of seed ${SEED}: ${body}\n${answer.text}`);
        const native = await decideNatively(vitrine, requests[i]);
        assert.equal(withoutVersion(answer.text), withoutVersion(native), `request ${i} of seed ${SEED}: ${body}`);
        assert.notEqual(withoutVersion(native), native.trimEnd(), "there is a version to leave out");
        reasons.set(answer.body.mode_reason, 1 + (reasons.get(answer.body.mode_reason) ?? 0));
        for (const decision of answer.body.decisions) for (const { offer } of decision.items) offers.add(offer);
      }
    };
    await Promise.all([compare(), compare(), compare()]);
    // The comparison means something only if the requests were of many kinds.
    assert.deepEqual([...reasons.keys()].sort(), ["gpc", "minor", "no_consent", "no_profile", "no_visitor", "ok", "opt_out"]);
    assert.ok(reasons.get("ok") > N_REQUESTS / 2);
    assert.equal(offers.size, 10, [...offers].join(" "));
  } finally {
    await worker.stop();
  }
});
