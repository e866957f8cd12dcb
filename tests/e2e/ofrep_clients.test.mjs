// The real OpenFeature clients against the compiled Worker: what an application gets, in four languages.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CLIENTS_OF, openWeb, streams } from "./support/ofrep_clients.mjs";
import { PAYLOAD, TOKEN_KEY } from "./support/ofrep_flags.mjs";
import { publishedFlags, sdkKey } from "./support/flags.mjs";
import { skip } from "./support/native.mjs";
import { eventually, startFleet } from "./support/worker.mjs";

const { key: KEY, entry } = sdkKey("production", "c1");
const visitor = (n, more = {}) => ({ targetingKey: `visitor-${n}`, ...more });

let fleet;
let open;
let keyed;
before(async () => {
  fleet = await startFleet([
    { name: "open", vars: { TOKEN_KEY }, kv: publishedFlags(PAYLOAD) },
    { name: "keyed", vars: { TOKEN_KEY }, kv: publishedFlags(PAYLOAD, { pointer: { keys: [entry] } }) },
    { name: "published", vars: { TOKEN_KEY } },
  ]);
  [open, keyed] = [fleet.worker("open"), fleet.worker("keyed")];
});
after(async () => {
  // Else they would keep this process alive.
  for (const stream of streams) stream.close();
  await fleet?.stop();
});

/// Type, flag, the caller's default, context, the value that the caller gets.
const QUESTIONS = [
  ["boolean", "bool-on", false, visitor(1), true],
  ["string", "text", "default", visitor(1), "„ü“ \u2028 🫖 \"\\\n"],
  ["integer", "whole", 9, visitor(1), 1],
  ["integer", "whole-negative", 9, visitor(1), -3],
  ["number", "decimal", 9.5, visitor(1), 1],
  ["number", "fraction", 9.5, visitor(1), 0.25],
  ["number", "big-decimal", 9.5, visitor(1), 1e21],
  ["boolean", "dotted.key-1_x", false, visitor(1), true],
  ["string", "forced", "mine", visitor(1), "always"],
  ["boolean", "targeted", false, visitor(1, { country: "CN" }), true],
  ["boolean", "targeted", true, visitor(1, { country: "DE" }), false],
  ["boolean", "half", false, visitor(2), true],
  ["boolean", "ramped", false, visitor(2), true],
  ["string", "by-id", "mine", { targetingKey: "alice" }, "id"],
  ["string", "gated", "mine", visitor(1, { country: "CN" }), "open"],
];
/// As before; there is nothing to get, so it is the caller's default.
const WITHOUT_VALUE = [
  ["boolean", "off", false, visitor(1)],
  ["boolean", "off", true, visitor(1)],
  ["string", "null-default", "mine", visitor(1)],
  ["string", "gated", "mine", visitor(1)],
];

for (const { name, open: openClient, reason } of CLIENTS_OF) {
  describe(`the client for ${name}`, { skip: reason }, () => {
    let client;
    before(async () => {
      client = await openClient(open.url);
    });
    after(() => client?.close());
    const asked = async (rows) => await client.ask(rows.map(([type, flag, value, context]) => ({ type, flag, default: value, context })));

    test("gets values of every type, targeted, split and gated", async () => {
      const answers = await asked(QUESTIONS);
      for (const [i, [, flag, , context, value]] of QUESTIONS.entries()) {
        assert.deepEqual([answers[i].value, answers[i].error], [value, null], `${flag} ${JSON.stringify(context)}`);
      }
    });

    test("gets structured values", async () => {
      const [{ value, error }] = await asked([["object", "tree", {}, visitor(1)]]);
      assert.equal(error, null);
      assert.deepEqual([value.a.slice(0, 2), value.a.at(-1), value[""]], [[1, 1.5], { b: "c" }, ""]);
    });

    test("gets the caller's default where there is no value", async () => {
      const answers = await asked(WITHOUT_VALUE);
      assert.deepEqual(answers.map((it) => it.value), WITHOUT_VALUE.map(([, , value]) => value));
    });

    test("gets the caller's default for a flag that is not there, and is told so", async () => {
      const [answer] = await asked([["string", "no-such-flag", "mine", visitor(1)]]);
      assert.deepEqual([answer.value, answer.error], ["mine", "FLAG_NOT_FOUND"]);
    });

    test("gets the caller's default for a flag of another type", async () => {
      const [answer] = await asked([["boolean", "forced", true, visitor(1)]]);
      assert.equal(answer.value, true);
      assert.match(answer.error, /^(TYPE_MISMATCH|PARSE_ERROR|GENERAL)$/);
    });

    test("gets the variation of an experiment, with what is needed to report it", async () => {
      const [{ value, variant, metadata }] = await asked([["string", "button", "none", visitor(3)]]);
      assert.equal({ control: "grey", treatment: "red" }[variant], value);
      if (name === "Rust") return; // It drops metadata.
      assert.deepEqual([metadata.experimentKey, metadata.variationKey, metadata.inExperiment], ["button-colour", variant, true]);
      const report = { method: "POST", body: JSON.stringify({ exposures: [{ token: metadata.exposureToken }] }) };
      assert.deepEqual(await (await open.fetch("/v1/exposures", report)).json(), { accepted: 1, rejected: [] });
    });

    test("is let in with its key only", async () => {
      const question = [{ type: "boolean", flag: "bool-on", default: false, context: visitor(1) }];
      const known = await openClient(keyed.url, KEY);
      assert.equal((await known.ask(question))[0].value, true);
      await known.close();
      const refused = await openClient(keyed.url, `${KEY}x`).catch((error) => error);
      if (refused instanceof Error) return assert.match(`${refused.message} ${refused.cause}`, /failed|unauthor/i);
      const [answer] = await refused.ask(question);
      assert.deepEqual([answer.value, answer.error === null], [false, false]);
      await refused.close();
    });
  });
}

test("a visitor gets the same variation from every client", async (t) => {
  const questions = Array.from({ length: 1000 }, (_, n) => [
    { type: "string", flag: "button", default: "none", context: visitor(n, { country: n % 3 ? "DE" : "US" }) },
    { type: "integer", flag: "size", default: -1, context: visitor(n, { country: n % 3 ? "DE" : "US" }) },
  ]).flat();
  let first;
  for (const { name, open: openClient, reason } of CLIENTS_OF) {
    if (reason) {
      await t.test(name, (t) => skip(t, reason));
      continue;
    }
    const client = await openClient(open.url);
    const values = (await client.ask(questions)).map((it) => it.value);
    await client.close();
    first ??= values;
    assert.deepEqual(values, first, name);
  }
  const count = (value) => first.filter((it) => it === value).length;
  assert.ok(count("grey") > 430 && count("red") > 430 && count("grey") + count("red") === 1000);
  assert.ok([0, 1, 2, 3].every((size) => count(size) > 50) && count(-1) === 0);
});

describe("the client for pages", () => {
  test("asks with the tag of what it has, and keeps it when nothing has changed", async () => {
    const client = await openWeb(open.url, undefined, visitor(3));
    const before = client.client.getStringDetails("button", "none");
    await client.setContext(visitor(3));
    await client.setContext(visitor(3, { country: "CN" }));
    await client.setContext(visitor(4));
    const [first, again, changed, other] = client.calls;
    assert.deepEqual([first.if_none_match, first.status], [null, 200]);
    assert.deepEqual([again.if_none_match, again.status], [first.etag, 304]);
    assert.deepEqual([changed.if_none_match, changed.status], [first.etag, 200]);
    assert.deepEqual([other.if_none_match, other.status], [null, 200]);
    assert.notEqual(changed.etag, first.etag);
    assert.equal(client.client.getBooleanValue("targeted", true), false);
    await client.setContext(visitor(3));
    assert.equal(client.client.getStringDetails("button", "none").value, before.value);
    await client.close();
  });

  test("is notified of a publication, and asks for nothing less", async () => {
    const worker = fleet.worker("published");
    const publish = async (value) => {
      const flags = [{ id: "greeting", type: "string", default: value }];
      const answer = await worker.admin("PUT", "config", { version: 1, flags });
      assert.equal(answer.status, 200, answer.text);
    };
    await publish("hello");
    const client = await openWeb(worker.url, undefined, visitor(1));
    const greeting = () => client.client.getStringValue("greeting", "none");
    assert.equal(greeting(), "hello");
    // The stream must stand before there is something to hear.
    const changed = new Promise((resolve) => client.client.addHandler("PROVIDER_CONFIGURATION_CHANGED", resolve));
    const stream = streams.at(-1);
    await eventually(async () => void (await worker.health()) ?? stream.readyState, (state) => state === EventSource.OPEN);
    await publish("你好");
    await changed;
    assert.equal(greeting(), "你好");
    const { searchParams } = new URL(client.calls.at(-1).url);
    assert.match(searchParams.get("flagConfigEtag"), /^v2\.2\.[\w-]{22}$/);
    assert.ok(Math.abs(Number(searchParams.get("flagConfigLastModified")) * 1000 - Date.now()) < 600_000);
    await client.close();
  });
});
