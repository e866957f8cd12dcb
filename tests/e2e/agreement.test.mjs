// Native and wasm agree: 10,000 random cases, evaluated by the `vitrine` command and by the compiled Worker.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { publishedFlags, sdkKey } from "./support/flags.mjs";
import { exampleOrSkip, vitrineOrSkip } from "./support/native.mjs";
import { read, startFleet } from "./support/worker.mjs";

const N_PAYLOADS = 100;
const N_VISITORS = 100;
/// A Worker looks up no more unknown environments than this in ten seconds.
const N_ENVIRONMENTS = 20;

test("native and wasm give 10,000 random visitors of random payloads the same values for the same reasons", async (t) => {
  const vitrine = vitrineOrSkip(t);
  const example = vitrine && exampleOrSkip(t, "random_cases");
  if (!example) return;
  const MAX_BYTES = 1 << 30;
  const cases = execFileSync(example, [`${N_PAYLOADS * N_VISITORS}`, "7"], { maxBuffer: MAX_BYTES, encoding: "utf8" })
    .trim().split("\n").map((line) => JSON.parse(line));
  // Each payload meets the attributes of a hundred cases.
  const groups = Array.from({ length: N_PAYLOADS }, (_, i) => ({
    environment: `e${i}`,
    payload: cases[i * N_VISITORS].payload,
    visitors: cases.slice(i * N_VISITORS, (i + 1) * N_VISITORS).map((it) => it.attributes),
  }));
  const lines = groups.flatMap(({ payload, visitors }) =>
    visitors.map((attributes) => JSON.stringify({ payload, attributes, context: { queryOverride: false, remoteGroupIds: [], now: Date.now() } })),
  );
  const native = execFileSync(vitrine, ["eval", "--format", "growthbook"], { input: `${lines.join("\n")}\n`, maxBuffer: MAX_BYTES, encoding: "utf8" })
    .trim().split("\n").map((line) => JSON.parse(line).features);
  assert.equal(native.length, N_PAYLOADS * N_VISITORS);

  const fleet = await startFleet(
    Array.from({ length: N_PAYLOADS / N_ENVIRONMENTS }, (_, n) => {
      const kv = groups.slice(n * N_ENVIRONMENTS, (n + 1) * N_ENVIRONMENTS).map(({ environment, payload }, i) => {
        const { entry } = sdkKey(environment, "k");
        return publishedFlags(payload, { version: i + 1, environment, pointer: { keys: [entry] } });
      });
      return { name: `worker-${n}`, kv: Object.assign({}, ...kv) };
    }),
  );
  const seen = { values: 0, exposures: 0 };
  try {
    for (const [i, { environment, visitors }] of groups.entries()) {
      const worker = fleet.workers[Math.floor(i / N_ENVIRONMENTS)];
      const path = `/api/eval/${sdkKey(environment, "k").key}`;
      const compare = async (attributes, j) => {
        const answer = await read(await worker.fetch(path, { method: "POST", body: JSON.stringify({ attributes }) }));
        assert.equal(answer.status, 200, answer.text);
        const expected = native[i * N_VISITORS + j];
        assert.deepEqual(Object.keys(answer.body.features).sort(), Object.keys(expected).sort());
        for (const [key, { value, experimentResult }] of Object.entries(expected)) {
          const { defaultValue, rules } = answer.body.features[key];
          const what = `${key} of payload ${i}, visitor ${j}: ${JSON.stringify(attributes)}`;
          assert.deepEqual(rules ? rules[0].force : defaultValue, value, what);
          seen.values += 1;
          if (experimentResult?.hashUsed) {
            assert.deepEqual(rules?.[0].tracks.map((it) => it.result).find((it) => it.featureId === key), experimentResult, what);
            seen.exposures += 1;
          }
        }
      };
      // The first question makes the environment known.
      await compare(visitors[0], 0);
      await Promise.all(visitors.map(compare));
    }
  } finally {
    await fleet.stop();
  }
  assert.ok(seen.values > 10_000 && seen.exposures > 500, JSON.stringify(seen));
});
