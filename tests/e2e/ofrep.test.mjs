// OFREP 0.3.0 over HTTP: every rule that its clients need, on the compiled Worker. The clients themselves are asked in
// ofrep_clients.test.mjs.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { assertProblem, offers, publishAll, publishOffers, VISITORS } from "./support/fixture.mjs";
import { FLAGS, GROUPS, PAYLOAD, TOKEN_KEY } from "./support/ofrep_flags.mjs";
import { publishedFlags, sdkKey } from "./support/flags.mjs";
import { eventually, read, startFleet } from "./support/worker.mjs";

const SHOP = "https://shop.example";
const ALL = "/ofrep/v1/evaluate/flags";
const VARS = { TOKEN_KEY };

const CLIENT = sdkKey("production", "c1");
const SERVER = sdkKey("production", "s1", { kind: "server" });
const OLD = sdkKey("production", "c0", { expires_at: "2026-01-01T00:00:00Z" });
const STAGING = sdkKey("staging", "s2");

let fleet;
let open;
let keyed;
let strict;
let empty;
before(async () => {
  const kv = publishedFlags(PAYLOAD, { version: 7, groups: GROUPS });
  const keys = [CLIENT.entry, SERVER.entry, OLD.entry];
  fleet = await startFleet([
    { name: "open", vars: VARS, kv },
    {
      name: "keyed",
      vars: VARS,
      unreliableKv: true,
      kv: {
        ...publishedFlags(PAYLOAD, { version: 7, pointer: { keys } }),
        ...publishedFlags({ features: { "only-staging": { defaultValue: true } } }, { version: 8, environment: "staging", pointer: { keys: [STAGING.entry] } }),
      },
    },
    { name: "strict", vars: VARS, kv: publishedFlags(PAYLOAD, { pointer: { settings: { require_targeting_key: true, query_override: true }, killed: ["bool-on", "no-such-flag", "required"] } }) },
    { name: "empty", vars: VARS },
    { name: "no-kv", vars: VARS, noKv: true },
    { name: "unsigned", kv },
    { name: "profiled", vars: VARS, unreliableKv: true },
    { name: "newer", vars: VARS, unreliableKv: true },
    { name: "behind", vars: VARS },
    { name: "streams", vars: VARS },
  ]);
  [open, keyed, strict, empty] = ["open", "keyed", "strict", "empty"].map((name) => fleet.worker(name));
});
after(() => fleet?.stop());

/// Asks, and checks what every answer must be.
async function ask(worker, path, body, headers = {}, init = {}) {
  const raw = typeof body === "string" || body === undefined || ArrayBuffer.isView(body) || body instanceof ReadableStream;
  const answer = await read(await worker.fetch(path, {
    method: "POST", duplex: "half", headers: { "content-type": "application/json", ...headers }, body: raw ? body : JSON.stringify(body), ...init,
  }));
  assert.equal(answer.headers.get("content-type"), "application/json", `${answer.status} ${path}`);
  assert.equal(answer.headers.get("cache-control"), "private, no-store");
  assert.equal(answer.headers.has("retry-after"), answer.status === 429);
  assert.ok(answer.status < 500);
  return answer;
}
const one = (key, context = {}, worker = open, headers = {}) => ask(worker, `${ALL}/${key}`, { context }, headers);
const all = (context = {}, worker = open, headers = {}, query = "") => ask(worker, `${ALL}${query}`, { context }, headers);
const visitor = (n, more = {}) => ({ targetingKey: `visitor-${n}`, ...more });

describe("one flag", () => {
  /// Key, context, and the answer without metadata.
  const CASES = [
    ["bool-on", {}, { value: true, reason: "STATIC", variant: "default" }],
    ["text", {}, { value: "„ü“ \u2028 🫖 \"\\\n", reason: "STATIC", variant: "default" }],
    ["tree", {}, { value: { a: [1, 1.5, null, { b: "c" }], "": "" }, reason: "STATIC", variant: "default" }],
    ["list", {}, { value: [1, 2], reason: "STATIC", variant: "default" }],
    ["forced", {}, { value: "always", reason: "STATIC", variant: "for-all" }],
    ["targeted", { country: "CN" }, { value: true, reason: "TARGETING_MATCH", variant: "chinese" }],
    ["targeted", { country: "DE" }, { value: false, reason: "STATIC", variant: "default" }],
    ["half", visitor(1), { value: false, reason: "STATIC", variant: "default" }],
    ["half", visitor(2), { value: true, reason: "SPLIT", variant: "some" }],
    ["ramped", visitor(2), { value: true, reason: "SPLIT", variant: "growing" }],
    ["not-yet", {}, { value: "before", reason: "STATIC", variant: "default" }],
    ["off", {}, { reason: "DISABLED", variant: "none" }],
    ["null-default", {}, { reason: "DISABLED", variant: "none" }],
    ["null-forced", {}, { reason: "DISABLED", variant: "none" }],
    ["gated", {}, { reason: "DISABLED", variant: "none" }],
    ["gated", { country: "CN" }, { value: "open", reason: "STATIC", variant: "default" }],
    ["anonymous", {}, { value: "rule", reason: "STATIC", variant: "rule" }],
  ];
  for (const [key, context, expected] of CASES) {
    test(`${key} ${JSON.stringify(context)}`, async () => {
      const { status, body } = await one(key, context);
      const { metadata, ...rest } = body;
      assert.equal(status, 200);
      assert.deepEqual(rest, { key, ...expected });
      assert.equal(metadata.configVersion, 7);
      for (const value of Object.values(metadata)) assert.match(typeof value, /^(string|number|boolean)$/);
    });
  }

  test("numbers are written by the flag's type: clients tell 1 from 1.0", async () => {
    const texts = { whole: '"value":1,', "whole-negative": '"value":-3,', decimal: '"value":1.0,', fraction: '"value":0.25,', "big-decimal": '"value":1e+21,', undeclared: '"value":1,' };
    for (const [key, text] of Object.entries(texts)) {
      assert.ok((await one(key)).text.includes(text), key);
      assert.ok((await all()).text.includes(`{"key":"${key}","reason":"STATIC","variant":"default",${text}`), key);
    }
  });

  test("of an experiment: the assignment, flat", async () => {
    const { body } = await one("button", visitor(3));
    const { exposureToken, bucket, ...metadata } = body.metadata;
    assert.equal(body.reason, "SPLIT");
    assert.deepEqual(metadata, {
      configVersion: 7, ruleId: "button-test", experimentKey: "button-colour", variationId: metadata.variationId,
      variationKey: body.variant, inExperiment: true, hashAttribute: "id",
    });
    assert.equal(["control", "treatment"][metadata.variationId], body.variant);
    assert.equal(["grey", "red"][metadata.variationId], body.value);
    assert.ok(bucket >= 0 && bucket < 1 && exposureToken.length <= 200);
  });

  test("of a bandit: the leaf and the chance of what was chosen", async () => {
    const { body } = await one("bandit", visitor(3, { country: "CN" }));
    assert.equal(typeof body.metadata.leafId, "number");
    assert.ok(body.metadata.propensity > 0 && body.metadata.propensity <= 1);
  });

  test("keys are known raw and encoded, under any number of slashes", async () => {
    for (const path of [`${ALL}/dotted.key-1_x`, `${ALL}/dotted%2Ekey-1_x`, `/${ALL}/dotted.key-1_x`, `//${ALL}/dotted.key-1_x`, `${ALL}/dotted.key-1_x/`, `${ALL}/dotted.key-1_x?x=1`]) {
      const { status, body } = await ask(open, path, { context: {} });
      assert.deepEqual([status, body.key, body.value], [200, "dotted.key-1_x", true], path);
    }
    assert.equal((await ask(open, `/${ALL}`, { context: {} })).body.flags.length, Object.keys(FLAGS).length);
  });

  for (const key of ["no-such-flag", "Bool-on", "%E4%B8%AD", "%ff", "a%2Fb", "%22%5C", "__proto__", "constructor", "x".repeat(300)]) {
    test(`404 for ${key.slice(0, 20)}`, async () => {
      const { status, body } = await one(key);
      assert.deepEqual([status, body.errorCode], [404, "FLAG_NOT_FOUND"]);
      assert.ok(body.errorDetails.length > 0 && typeof body.key === "string");
    });
  }

  test("prerequisites that need each other: 400, and an entry among the others", async () => {
    const { status, body } = await one("cycle-a");
    assert.deepEqual([status, body.key, body.errorCode], [400, "cycle-a", "PARSE_ERROR"]);
    const { flags } = (await all()).body;
    assert.deepEqual(flags.find((it) => it.key === "cycle-b"), { ...body, key: "cycle-b" });
  });
});

describe("a body", () => {
  const GOOD = ['{"context":{}}', "{}", '{"context":null}', '{"context":{"targetingKey":null}}', '{"context":{"targetingKey":""}}', ' {"more":1,"context":{"a":[{}]}} '];
  for (const body of GOOD) {
    test(`taken: ${body}`, async () => {
      assert.equal((await ask(open, `${ALL}/bool-on`, body)).body.value, true);
      assert.equal((await ask(open, ALL, body)).status, 200);
    });
  }
  const BAD = [
    ["", "PARSE_ERROR"], ["{", "PARSE_ERROR"], ["null", "PARSE_ERROR"], ["[]", "PARSE_ERROR"], ['"context"', "PARSE_ERROR"],
    ["{}{}", "PARSE_ERROR"], [Buffer.from([0x7b, 0xff]), "PARSE_ERROR"], [`${"[".repeat(5000)}`, "PARSE_ERROR"],
    ['{"context":[]}', "INVALID_CONTEXT"], ['{"context":"x"}', "INVALID_CONTEXT"], ['{"context":1}', "INVALID_CONTEXT"],
    ['{"context":{"targetingKey":1}}', "INVALID_CONTEXT"], ['{"context":{"targetingKey":{}}}', "INVALID_CONTEXT"],
  ];
  for (const [body, code] of BAD) {
    test(`refused: ${String(body).slice(0, 40)}`, async () => {
      const single = await ask(open, `${ALL}/bool-on`, body);
      assert.deepEqual([single.status, single.body.key, single.body.errorCode], [400, "bool-on", code]);
      const bulk = await ask(open, ALL, body);
      assert.deepEqual([bulk.status, bulk.body.errorCode, bulk.body.key], [400, code, undefined]);
      for (const answer of [single, bulk]) assert.ok(answer.body.errorDetails.length > 0);
    });
  }
  test("too large", async () => {
    const { status, body } = await ask(open, ALL, { context: { targetingKey: "x".repeat(70_000) } });
    assert.deepEqual([status, body.errorCode], [413, "GENERAL"]);
  });
});

describe("the targeting key", () => {
  test("is the attribute id as well, unless there is one", async () => {
    assert.equal((await one("by-id", { targetingKey: "alice" })).body.value, "id");
    assert.equal((await one("by-id", { targetingKey: "alice", id: "bob" })).body.value, "key");
    assert.equal((await one("by-id", { targetingKey: "carol", id: "alice" })).body.value, "id");
    assert.equal((await one("by-id", { targetingKey: "carol" })).body.value, "neither");
  });

  test("is not needed by rules that hash nothing", async () => {
    assert.equal((await one("targeted", { country: "CN" })).body.value, true);
    assert.deepEqual((await one("button")).body.value, "grey");
  });

  test("is needed where the environment says so", async () => {
    for (const context of [{}, { targetingKey: "" }, { targetingKey: null }, { id: "a" }]) {
      const single = await one("text", context, strict);
      assert.deepEqual([single.status, single.body.errorCode, single.body.key], [400, "TARGETING_KEY_MISSING", "text"]);
      assert.deepEqual([(await all(context, strict)).status, (await all(context, strict)).body.errorCode], [400, "TARGETING_KEY_MISSING"]);
    }
    assert.equal((await one("text", visitor(1), strict)).status, 200);
  });
});

test("a flag that the operator has switched off has no value, and shuts what needs it", async () => {
  const { flags } = (await all(visitor(1), strict)).body;
  const reasons = Object.fromEntries(flags.map((it) => [it.key, [it.reason, it.value]]));
  assert.deepEqual(reasons["bool-on"], ["DISABLED", undefined]);
  assert.deepEqual(reasons.requiring, ["DISABLED", undefined]);
  assert.deepEqual((await one("bool-on", visitor(1), strict)).body.reason, "DISABLED");
  assert.deepEqual((await one("requiring", visitor(1))).body.value, true);
});

test("the page's address chooses a variation only where the environment says so, and that is no exposure", async () => {
  const context = visitor(3, { url: "https://shop.example/?button-colour=1" });
  const chosen = [0, 1].map((index) => one("button", { ...context, url: `https://shop.example/?button-colour=${index}` }, strict));
  assert.deepEqual((await Promise.all(chosen)).map(({ body }) => [body.value, body.metadata.exposureToken]), [["grey", undefined], ["red", undefined]]);
  assert.equal((await one("button", context)).body.value, (await one("button", visitor(3))).body.value);
});

describe("groups of hashed ids", () => {
  test("are matched by the edge, and by nobody who claims it", async () => {
    assert.equal((await one("staff", { targetingKey: "anna" })).body.value, true);
    assert.equal((await one("staff", { targetingKey: "eve" })).body.value, false);
    assert.equal((await one("staff", { targetingKey: "eve", __gb_remoteGroupIds: ["staff"] })).body.value, false);
  });
});

describe("all flags", () => {
  test("come in order, each as it is alone, with what the set is", async () => {
    const { status, body } = await all(visitor(3, { country: "CN" }));
    assert.equal(status, 200);
    assert.deepEqual(body.flags.map((it) => it.key), Object.keys(FLAGS));
    const lastModified = Date.UTC(2026, 5, 7) / 1000;
    assert.deepEqual(body.metadata, { environment: "production", configVersion: 7, lastModified, profile: "no_table" });
    for (const flag of body.flags) {
      const alone = (await one(flag.key, visitor(3, { country: "CN" }))).body;
      for (const it of [flag, alone]) if (it.metadata?.exposureToken) it.metadata.exposureToken = "…";
      assert.deepEqual(flag, alone);
    }
  });

  test("count as no exposure", async () => {
    await all(visitor(3));
    assert.deepEqual((await open.admin("GET", "counts")).body.rows, []);
  });

  test("bring the address of a stream with a signed token, the same for an hour", async () => {
    const streams = (await all()).body.eventStreams;
    assert.equal(streams.length, 1);
    const { type, url } = streams[0];
    assert.deepEqual([type, new URL(url).origin, new URL(url).pathname], ["sse", open.url, "/v1/stream"]);
    const [json, mac] = new URL(url).searchParams.get("token").split(".");
    const claims = JSON.parse(Buffer.from(json, "base64url"));
    const expected = createHmac("sha256", Buffer.from(TOKEN_KEY, "hex")).update("stream\0").update(Buffer.from(json, "base64url")).digest();
    assert.equal(mac, expected.subarray(0, 16).toString("base64url"));
    assert.equal(claims.e, "production");
    assert.ok(claims.x > Date.now() + 3_500_000 && claims.x <= Date.now() + 7_200_000 && claims.x % 3_600_000 === 0);
    assert.equal((await all(visitor(9))).body.eventStreams[0].url, url);
  });

  test("bring neither streams nor tokens without TOKEN_KEY", async () => {
    const { body } = await all(visitor(3), fleet.worker("unsigned"));
    assert.equal(body.eventStreams, undefined);
    assert.equal(JSON.stringify(body).includes("exposureToken"), false);
  });
});

describe("the entity tag", () => {
  const tag = async (context, worker = open) => (await all(context, worker)).headers.get("etag");

  test("depends on the whole context and on nothing that differs between two calls", async () => {
    const first = await tag(visitor(3));
    assert.match(first, /^"[0-9a-f]{32}"$/);
    assert.equal(await tag(visitor(3)), first);
    const others = await Promise.all([visitor(3, { country: "CN" }), visitor(4), {}, visitor(3, { tier: "gold" })].map((it) => tag(it)));
    assert.equal(new Set([first, ...others]).size, others.length, "country, visitor and nobody differ; an attribute that no rule reads does not");
    assert.notEqual(await tag(visitor(3), fleet.worker("unsigned")), first);
  });

  test("is compared weakly, in lists, quoted or not, and with *", async () => {
    const etag = await tag(visitor(3));
    const opaque = etag.slice(1, -1);
    for (const header of [etag, `W/${etag}`, `"x", ${etag}`, `"x",W/${etag} , "y"`, "*", opaque]) {
      const answer = await all(visitor(3), open, { "if-none-match": header });
      assert.deepEqual([answer.status, answer.text, answer.headers.get("etag")], [304, "", etag], header);
    }
    for (const header of ['"x"', "", "W/", `"${opaque}x"`, `"${opaque.slice(1)}"`, '"x", "y"']) {
      assert.equal((await all(visitor(3), open, { "if-none-match": header })).status, 200, header);
    }
    assert.equal((await all(visitor(4), open, { "if-none-match": etag })).status, 200);
    assert.equal((await one("bool-on", {}, open, { "if-none-match": "*" })).status, 200, "one flag has no tag");
  });
});

describe("what is chosen by hand in a preview", () => {
  const DAY_MS = 86_400_000;
  /// A preview of production, as the Worker signs it, in another language.
  const preview = (shown) => {
    const json = JSON.stringify({ e: "production", x: Date.now() + DAY_MS, ...shown });
    const mac = createHmac("sha256", Buffer.from(TOKEN_KEY, "hex")).update("preview\0").update(json).digest().subarray(0, 16);
    return { "vitrine-preview": `${Buffer.from(json).toString("base64url")}.${mac.toString("base64url")}` };
  };
  const VALUES = { text: "by hand", whole: 7, decimal: 7, button: "blue", off: true };

  test("is STATIC with the variant override, and says so in its metadata", async () => {
    const shown = preview({ f: VALUES });
    const { body } = await all(visitor(3), open, shown);
    for (const [key, value] of Object.entries(VALUES)) {
      const expected = { key, reason: "STATIC", variant: "override", value, metadata: { configVersion: 7, override: true } };
      const single = await one(key, visitor(3), open, shown);
      assert.deepEqual([single.status, single.body], [200, expected]);
      assert.deepEqual(body.flags.find((it) => it.key === key), expected);
    }
    const written = (await one("decimal", {}, open, shown)).text;
    assert.ok(written.includes('"value":7.0,'), `a number of a flag of type number: ${written}`);
    const others = body.flags.filter((it) => !(it.key in VALUES));
    assert.ok(others.length > 10 && others.every((it) => it.metadata?.override === undefined));
  });

  test("is the code's default where it is null, and seen by nobody else", async () => {
    assert.deepEqual((await one("text", visitor(3), open, preview({ f: { text: null } }))).body, {
      key: "text", reason: "DISABLED", variant: "none", metadata: { configVersion: 7, override: true },
    });
    const { body } = await one("text", visitor(3));
    assert.deepEqual([body.variant, body.metadata.override], ["default", undefined]);
    assert.equal((await one("no-such-flag", visitor(3), open, preview({ f: { "no-such-flag": 1 } }))).status, 404);
  });

  test("is no override where a variation was chosen: SPLIT, without exposure", async () => {
    for (const [idx, value, variant] of [[0, "grey", "control"], [1, "red", "treatment"]]) {
      const { body } = await one("button", visitor(3), open, preview({ v: { "button-colour": idx } }));
      assert.deepEqual([body.value, body.reason, body.variant], [value, "SPLIT", variant]);
      assert.deepEqual([body.metadata.override, body.metadata.exposureToken], [undefined, undefined]);
    }
  });
});

describe("earlier assignments", () => {
  const ids = { id: "visitor-3" };
  const doc = (key, more = {}) => ({ attributeName: "id", attributeValue: ids.id, assignments: { "button-colour__0": key }, ...more });
  const kept = (docs, headers, worker = keyed) => one("button", { targetingKey: ids.id, stickyBucketAssignmentDocs: docs }, worker, headers);
  const server = { "x-api-key": SERVER.key };

  test("that a server sends keep the visitor where they were, and are told under which name to keep new ones", async () => {
    const { body: first } = await kept({}, server);
    assert.deepEqual([first.metadata.stickyId, first.metadata.stickyBucketUsed], ["button-colour__0", false]);
    for (const key of ["control", "treatment"]) {
      for (const docs of [{ [`id||${ids.id}`]: doc(key) }, [doc(key)]]) {
        const { body } = await kept(docs, server);
        assert.deepEqual([body.variant, body.metadata.stickyBucketUsed, body.reason], [key, true, "SPLIT"]);
        assert.equal(Buffer.from(body.metadata.exposureToken, "base64url")[18], body.metadata.variationId);
        const bulk = await all({ targetingKey: ids.id, stickyBucketAssignmentDocs: docs }, keyed, server);
        assert.equal(bulk.body.flags.find((it) => it.key === "button").variant, key);
      }
    }
    assert.equal((await kept([doc("treatment", { attributeValue: "somebody-else" })], server)).body.variant, first.variant);
  });

  test("that anybody can write count nowhere: with a client key, without key, with a key that nobody checked", async () => {
    const { variant } = (await kept({}, server)).body;
    const other = variant === "control" ? "treatment" : "control";
    for (const [headers, worker] of [[{ "x-api-key": CLIENT.key }, keyed], [{}, open], [server, open]]) {
      const { body } = await kept([doc(other)], headers, worker);
      assert.deepEqual([body.variant, body.metadata.stickyId], [variant, undefined]);
    }
    assert.equal((await kept([doc(other)], { "x-api-key": `${SERVER.key}x` })).status, 401);
  });
});

describe("a stream", () => {
  const HOUR_MS = 3_600_000;
  const sealed = (kind, json, key = TOKEN_KEY) => {
    const mac = createHmac("sha256", Buffer.from(key, "hex")).update(`${kind}\0`).update(json).digest().subarray(0, 16);
    return `${Buffer.from(json).toString("base64url")}.${mac.toString("base64url")}`;
  };
  const claims = (e = "production", x = Date.now() + HOUR_MS) => JSON.stringify({ e, x });
  const streamToken = (e, x) => sealed("stream", claims(e, x));
  const opened = (token, worker = open, init = {}) => worker.fetch(`/v1/stream?token=${encodeURIComponent(token)}`, init);
  const swapped = (token, json) => `${Buffer.from(json).toString("base64url")}.${token.split(".")[1]}`;
  const flipped = (token) => {
    const [json, mac] = token.split(".");
    const bytes = Buffer.from(mac, "base64url");
    bytes[15] ^= 1;
    return `${json}.${bytes.toString("base64url")}`;
  };

  const good = streamToken();
  const FORGED = /not one of this Worker's/;
  const BAD = [
    ["signed with another key", sealed("stream", claims(), "ab".repeat(32)), FORGED],
    ["with a changed signature", flipped(good), FORGED],
    ["without signature", good.split(".")[0], FORGED],
    ["with an empty signature", `${good.split(".")[0]}.`, FORGED],
    ["made for another environment, its name changed", swapped(streamToken("staging"), claims()), FORGED],
    ["made for longer, its time changed", swapped(streamToken("production", 1), claims()), FORGED],
    ["that is a preview", sealed("preview", claims()), FORGED],
    ["that is a stamp of a configuration", sealed("config", claims()), FORGED],
    ["for no environment", sealed("stream", claims("Staging/..")), FORGED],
    ["that names none", sealed("stream", JSON.stringify({ x: Date.now() + HOUR_MS })), FORGED],
    ["without time", sealed("stream", '{"e":"production"}'), FORGED],
    ["with a time that is a text", sealed("stream", '{"e":"production","x":"9999999999999"}'), FORGED],
    ["that is no JSON", sealed("stream", "production"), FORGED],
    ["that is empty", "", FORGED],
    ["whose time is over since a second", streamToken("production", Date.now() - 1_000), /expired/],
    ["from 1970", streamToken("production", 0), /expired/],
  ];
  for (const [what, token, detail] of BAD) {
    test(`is not opened with a token ${what}`, async () => {
      const answer = await read(await opened(token));
      assertProblem(answer, 401, "unauthorized");
      assert.match(answer.body.detail, detail);
    });
  }
  test("is not opened with an exposure token, nor without TOKEN_KEY", async () => {
    const { metadata } = (await one("button", visitor(3))).body;
    assertProblem(await read(await opened(metadata.exposureToken)), 401, "unauthorized");
    assertProblem(await read(await opened(good, fleet.worker("unsigned"))), 401, "unauthorized");
  });

  test("tells of its own environment only", async () => {
    const worker = fleet.worker("streams");
    assert.equal((await worker.admin("PUT", "environments/staging", {})).status, 200);
    const ending = new AbortController();
    /// The first event of a stream: its data.
    const listen = async (environment) => {
      const response = await opened(streamToken(environment), worker, { signal: ending.signal });
      assert.deepEqual([response.status, response.headers.get("content-type")], [200, "text/event-stream"]);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      assert.match((await reader.read()).value, /^: open/);
      return async () => {
        let text = "";
        while (!/^data: .*$/m.test(text)) text += (await reader.read()).value;
        assert.match(text, /^event: message$/m);
        return JSON.parse(/^data: (.*)$/m.exec(text)[1]);
      };
    };
    const [production, staging] = [await listen("production"), await listen("staging")];
    for (const environment of ["production", "staging"]) {
      assert.equal((await worker.admin("PUT", `config?environment=${environment}`, offers())).status, 200);
    }
    for (const [environment, next] of [["production", production], ["staging", staging]]) {
      const { type, etag } = await next();
      const [, said, mac] = /^(v\d+\.\d+)\.(.+)$/.exec(etag);
      const expected = createHmac("sha256", Buffer.from(TOKEN_KEY, "hex")).update(`config\0${environment}\0${said}`).digest().subarray(0, 16);
      assert.deepEqual([type, mac], ["refetchEvaluation", expected.toString("base64url")], `the first that ${environment} hears`);
    }
    ending.abort();
  });
});

describe("SDK keys", () => {
  const keyedCall = (headers, path = ALL) => ask(keyed, path, { context: visitor(1) }, headers);
  const GOOD = [
    { authorization: `Bearer ${CLIENT.key}` }, { authorization: `bearer  ${CLIENT.key}` }, { "x-api-key": CLIENT.key },
    { "x-api-key": SERVER.key }, { authorization: `Bearer ${SERVER.key}`, "x-api-key": "wrong" },
  ];
  for (const headers of GOOD) {
    test(`taken: ${JSON.stringify(headers)}`, async () => assert.equal((await keyedCall(headers)).status, 200));
  }
  const BAD = [
    {}, { "x-api-key": OLD.key }, { "x-api-key": `${CLIENT.key}x` }, { "x-api-key": "vtc_production_zzz" }, { "x-api-key": "abc" },
    { authorization: `Basic ${CLIENT.key}` }, { authorization: CLIENT.key }, { "x-api-key": "vtc_nowhere_abc" },
    { "x-api-key": CLIENT.key.replace("production", "staging") }, { authorization: "Bearer " },
  ];
  for (const headers of BAD) {
    test(`refused: ${JSON.stringify(headers)}`, async () => {
      for (const path of [ALL, `${ALL}/bool-on`]) {
        const answer = await keyedCall(headers, path);
        assert.deepEqual([answer.status, answer.body.errorCode], [401, "GENERAL"]);
        assert.ok(answer.body.errorDetails.length > 0 && !answer.text.includes("sha256"));
        assert.equal(answer.headers.get("www-authenticate"), "Bearer");
      }
    });
  }
  test("of servers are refused in pages, quickly and in general, valid or not", async () => {
    const inPieces = () => new ReadableStream({ start: (it) => (it.enqueue(Buffer.from('{"context":{}}')), it.close()) });
    for (const key of [SERVER.key, "vts_production_zzz", "vts_nowhere_x"]) {
      for (const origin of [SHOP, "https://evil.example", "null"]) {
        for (const body of [{ context: {} }, inPieces()]) {
          const answer = await ask(keyed, ALL, body, { origin, "x-api-key": key });
          assert.deepEqual([answer.status, answer.body.errorCode], [403, "GENERAL"]);
          assert.match(answer.body.errorDetails, /client key/);
        }
      }
      assert.equal((await ask(keyed, `${ALL}/bool-on`, { context: {} }, { origin: SHOP, authorization: `Bearer ${key}` })).body.key, "bool-on");
    }
    assert.equal((await keyedCall({ origin: SHOP, "x-api-key": CLIENT.key })).status, 200, "a client key is for pages");
    assert.equal((await keyedCall({ "x-api-key": SERVER.key })).status, 200);
  });
  test("name their environment", async () => {
    const { body } = await keyedCall({ "x-api-key": STAGING.key });
    assert.deepEqual([body.metadata.environment, body.metadata.configVersion, body.flags.map((it) => it.key)], ["staging", 8, ["only-staging"]]);
  });
  test("that nobody has heard of do not hammer KV", async () => {
    await keyed.keysRead();
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => keyedCall({ "x-api-key": `vtc_env${i}_x` })));
    const statuses = answers.map((it) => it.status);
    assert.ok(statuses.every((it) => it === 401 || it === 429) && statuses.includes(429));
    for (const it of answers) if (it.status === 429) assert.match(it.headers.get("retry-after"), /^[1-9]\d*$/);
    const asked = (await keyed.keysRead()).filter((it) => /^c\/env/.test(it));
    assert.ok(asked.length > 0 && asked.length <= 20, `${asked.length} reads`);
    assert.equal((await keyedCall({ "x-api-key": STAGING.key })).status, 200, "who is known is served");
    assert.equal((await keyedCall({ "x-api-key": CLIENT.key })).status, 200);
  });
});

describe("pages of other origins", () => {
  test("may send what clients send, and ask before without a key", async () => {
    const headers = { origin: SHOP, "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type,if-none-match,x-api-key" };
    const { status, headers: told } = await read(await keyed.fetch(ALL, { method: "OPTIONS", headers }));
    assert.equal(status, 204);
    assert.equal(told.get("access-control-allow-origin"), SHOP);
    for (const name of ["authorization", "x-api-key", "content-type", "if-none-match"]) {
      assert.match(told.get("access-control-allow-headers"), new RegExp(`\\b${name}\\b`));
    }
    assert.ok(Number(told.get("access-control-max-age")) >= 600);
  });
  test("may read the tag and when to come back, also in refusals", async () => {
    for (const answer of [await all({}, open, { origin: SHOP }), await one("x", {}, open, { origin: SHOP }), await all({}, keyed, { origin: SHOP })]) {
      assert.equal(answer.headers.get("access-control-allow-origin"), SHOP);
      assert.match(answer.headers.get("access-control-expose-headers"), /\betag\b.*\bretry-after\b/);
    }
    assert.equal((await all({}, open, { origin: "https://evil.example" })).headers.get("access-control-allow-origin"), null);
  });
});

describe("methods and paths", () => {
  for (const [method, path] of [["GET", ALL], ["PUT", ALL], ["DELETE", `${ALL}/bool-on`], ["GET", `${ALL}/bool-on`]]) {
    test(`${method} ${path}`, async () => {
      const answer = await ask(open, path, undefined, {}, { method });
      assert.deepEqual([answer.status, answer.body.errorCode, answer.headers.get("allow")], [405, "GENERAL", "POST"]);
    });
  }
  for (const path of ["/ofrep/v1/configuration", "/ofrep", `${ALL}/a/b`, "/ofrep/v2/evaluate/flags", "/ofrep/v1/evaluate"]) {
    test(`nothing at ${path}`, async () => {
      const answer = await ask(open, path, {});
      assert.deepEqual([answer.status, answer.body.errorCode], [404, "GENERAL"]);
    });
  }
});

describe("nothing published", () => {
  test("is no flags, and no flag", async () => {
    const bulk = await all(visitor(1), empty);
    assert.deepEqual([bulk.status, bulk.body.flags, bulk.body.metadata], [200, [], { environment: "production" }]);
    const single = await one("bool-on", visitor(1), empty);
    assert.deepEqual([single.status, single.body.errorCode], [404, "FLAG_NOT_FOUND"]);
  });
  test("that can be read: the caller's default for one flag; for all, try again, so that clients keep what they have", async () => {
    const worker = fleet.worker("no-kv");
    const single = await one("bool-on", visitor(1), worker);
    assert.deepEqual(single.body, { key: "bool-on", reason: "DISABLED", variant: "none", metadata: { unavailable: true } });
    const bulk = await all(visitor(1), worker);
    assert.deepEqual([bulk.status, bulk.body.errorCode, bulk.headers.get("retry-after")], [429, "GENERAL", "5"]);
    assert.equal((await all(visitor(1), worker, { "x-api-key": CLIENT.key })).status, 429, "a key that cannot be checked is not called wrong");
  });
});

describe("the visitor's profile", () => {
  const agreed = { consent: { personalise: true } };
  const value = async (context, headers) => {
    const worker = fleet.worker("profiled");
    await worker.keysRead();
    const { body } = await all(context, worker, headers);
    const { value } = body.flags.find((it) => it.key === "regular");
    return [value, body.metadata.profile, (await worker.keysRead()).filter((it) => it.startsWith("t/")).length];
  };
  before(async () => {
    const worker = fleet.worker("profiled");
    await publishAll(worker);
    // Then flags of our own, newer than what was published.
    await worker.store(publishedFlags(PAYLOAD, { version: 9, epoch: 99, consent: "required" }));
    await all({}, worker);
  });

  test("is read with consent only, and the strongest signal wins", async () => {
    const key = { targetingKey: VISITORS.tea };
    const shown = await value({ ...key, ...agreed });
    assert.deepEqual(shown.slice(0, 2), ["known", "ok"]);
    assert.ok(shown[2] <= 1, "at most one shard is read");
    const CASES = [
      [key, {}, "no_consent"],
      [{ ...key, consent: { personalise: false } }, {}, "no_consent"],
      [{ ...key, consent: true }, {}, "no_consent"],
      [{ ...key, ...agreed }, { "sec-gpc": "1" }, "gpc"],
      [{ ...key, ...agreed }, { cookie: "a=b; vitrine_opt_out=1" }, "opt_out"],
      [{ ...key, ...agreed }, { "sec-gpc": "1", cookie: "vitrine_opt_out=1" }, "opt_out"],
      [agreed, {}, "no_visitor"],
      [{ targetingKey: "nobody-knows-me", ...agreed }, {}, "no_profile"],
      [{ ...key, profile: { segment: "champion", country: "AT" } }, {}, "no_consent"],
    ];
    for (const [context, headers, reason] of CASES) {
      const [found, why, n_reads] = await value(context, headers);
      assert.deepEqual([found, why], ["unknown", reason]);
      if (reason !== "no_profile") assert.equal(n_reads, 0, "the row is not even looked up");
    }
  });
});

describe("a client that was notified", () => {
  /// As the Worker signs it, in another language.
  const etag = (version, epoch, environment = "production") => {
    const said = `v${version}.${epoch}`;
    const mac = createHmac("sha256", Buffer.from(TOKEN_KEY, "hex")).update(`config\0${environment}\0${said}`).digest().subarray(0, 16);
    return `${said}.${mac.toString("base64url")}`;
  };
  const asked = async (query) => ask(fleet.worker("newer"), `${ALL}?${query}`, { context: visitor(1) });
  const versionOf = ({ status, body }) => (status === 200 ? body.metadata.configVersion : status);

  test("is never answered with less than it was told of", async () => {
    const worker = fleet.worker("newer");
    await worker.store(publishedFlags(PAYLOAD, { version: 1, epoch: 1 }));
    assert.equal(versionOf(await all(visitor(1), worker)), 1);
    await worker.store(publishedFlags(PAYLOAD, { version: 2, epoch: 2 }));
    assert.equal(versionOf(await all(visitor(1), worker)), 1, "pointers are read again only after an hour here");
    assert.equal(versionOf(await asked(`flagConfigEtag=${etag(1, 1)}`)), 1);
    await worker.keysRead();
    for (const forged of ["v2.2", "2", "", etag(2, 2, "staging"), `${etag(2, 2).slice(0, -3)}AAA`, `v3.3.${etag(2, 2).split(".")[2]}`]) {
      assert.equal(versionOf(await asked(`flagConfigEtag=${encodeURIComponent(forged)}`)), 1, forged);
    }
    assert.deepEqual(await worker.keysRead(), [], "a claim that nobody signed is not followed");
    assert.equal(versionOf(await asked(`flagConfigEtag=${encodeURIComponent(etag(2, 2))}&flagConfigLastModified=1`)), 2);
    assert.equal(versionOf(await all(visitor(1), worker)), 2, "and so is everybody after");
    // Neither KV nor the registry has it: the caller shall come back.
    const answer = await asked(`flagConfigEtag=${etag(9, 9)}`);
    assert.deepEqual([answer.status, answer.headers.get("retry-after"), answer.body.errorCode], [429, "2", "GENERAL"]);
  });

  test("with a date alone makes the edge look again, as far as KV goes and once a second", async () => {
    const worker = fleet.worker("newer");
    await worker.store(publishedFlags(PAYLOAD, { version: 3, epoch: 3 }));
    assert.equal(versionOf(await asked("flagConfigLastModified=2026-06-02T00:00:00Z")), 2, "that is what is held");
    const newer = await eventually(() => asked(`flagConfigLastModified=${Date.UTC(2026, 5, 3) / 1000}`), (it) => versionOf(it) !== 2);
    assert.equal(versionOf(newer), 3);
    await worker.keysRead();
    await Promise.all(Array.from({ length: 20 }, () => asked("flagConfigLastModified=9999999999")));
    assert.ok((await worker.keysRead()).filter((it) => it === "c/current").length <= 3);
    assert.equal(versionOf(await asked("flagConfigLastModified=soon")), 3);
  });

  test("is answered from the registry where KV is behind", async () => {
    const worker = fleet.worker("behind");
    const ask = (query = "") => all(visitor(1), worker, {}, query);
    await publishOffers(worker);
    assert.equal(versionOf(await ask()), 1);
    const { "c/current": first } = await worker.stored();
    await publishOffers(worker, { ...offers(), settings: { consent: "assumed" } });
    // What another place of the world still sees.
    await worker.store({ "c/current": first });
    assert.equal(versionOf(await ask()), 1);
    assert.equal(versionOf(await ask(`?flagConfigEtag=${etag(2, 2)}`)), 2);
    assert.equal(versionOf(await ask()), 2);
  });
});

describe("the quick way and the general one give the same answer", () => {
  const inPieces = (text) => new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from(text));
      controller.close();
    },
  });
  const seen = ({ status, text, headers }) => {
    const told = Object.fromEntries(headers);
    for (const name of ["date", "content-length", "transfer-encoding", "connection", "keep-alive"]) delete told[name];
    return { status, text: text.replaceAll(/"exposureToken":"[^"]+"/g, "token"), told };
  };
  const BODIES = ['{"context":{"targetingKey":"visitor-3","country":"CN"}}', "{}", "", "{", '{"context":[]}', '{"context":{"targetingKey":1}}'];
  const PATHS = [ALL, `${ALL}/button`, `${ALL}/off`, `${ALL}/no-such-flag`, `${ALL}/cycle-a`, `${ALL}/text`];
  const HEADERS = [{}, { origin: SHOP }, { origin: "https://evil.example" }, { "if-none-match": "*" }, { "sec-gpc": "1", cookie: "a=b" }, { "x-api-key": "abc" }, { authorization: "Bearer abc" }];
  for (const name of ["open", "keyed", "strict", "empty", "no-kv"]) {
    test(name, async () => {
      const worker = fleet.worker(name);
      for (const path of PATHS) {
        for (const body of BODIES) {
          for (const headers of HEADERS) {
            const quick = seen(await ask(worker, path, body, headers));
            assert.deepEqual(seen(await ask(worker, path, inPieces(body), headers)), quick, `${path} ${body}`);
          }
        }
      }
    });
  }
});
