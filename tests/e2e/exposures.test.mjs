// Exposure reports: every row stands for itself, and only what this deployment has signed counts.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { counts } from "./support/events.mjs";
import { assertProblem, assertTooLarge } from "./support/fixture.mjs";
import { PAYLOAD, TOKEN_KEY, TOKEN_KEY_PREVIOUS } from "./support/ofrep_flags.mjs";
import { publishedFlags, sdkKey } from "./support/flags.mjs";
import { read, startFleet } from "./support/worker.mjs";

const CLIENT = sdkKey("production", "c1");
const SERVER = sdkKey("production", "s0", { kind: "server" });
const STAGING = sdkKey("staging", "s1");
const now_s = () => Math.floor(Date.now() / 1000);

/// A token as its form is specified, written in another language than the Worker's.
function signed({ kind = 1, form = 1, issued_at_s = now_s(), version = 7, unit = 1n, variation = 0, environment = "production", experiment = "button-colour", key = TOKEN_KEY } = {}) {
  const name = (text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
  const numbers = Buffer.alloc(19);
  numbers.writeUInt8(form, 0);
  numbers.writeUInt8(kind, 1);
  numbers.writeUInt32LE(issued_at_s, 2);
  numbers.writeUInt32LE(version, 6);
  numbers.writeBigUInt64LE(unit, 10);
  numbers.writeUInt8(variation, 18);
  const bytes = Buffer.concat([numbers, name(environment), name(experiment)]);
  const mac = createHmac("sha256", Buffer.from(key, "hex")).update(bytes).digest().subarray(0, 16);
  return Buffer.concat([bytes, mac]).toString("base64url");
}

let fleet;
let open;
before(async () => {
  const kv = publishedFlags(PAYLOAD, { version: 7 });
  fleet = await startFleet([
    { name: "open", vars: { TOKEN_KEY, TOKEN_KEY_PREVIOUS }, kv },
    { name: "unsigned", kv },
    { name: "bad-key", vars: { TOKEN_KEY: "secret" }, kv },
    { name: "keyed", vars: { TOKEN_KEY }, kv: {
      ...publishedFlags(PAYLOAD, { version: 7, pointer: { keys: [CLIENT.entry, SERVER.entry] } }),
      ...publishedFlags(PAYLOAD, { version: 8, environment: "staging", pointer: { keys: [STAGING.entry] } }),
    } },
  ]);
  open = fleet.worker("open");
});
after(() => fleet?.stop());

async function report(body, { worker = open, headers = {} } = {}) {
  const raw = typeof body === "string" || ArrayBuffer.isView(body);
  const init = { method: "POST", headers: { "content-type": "application/json", ...headers }, body: raw ? body : JSON.stringify(body) };
  return await read(await worker.fetch("/v1/exposures", init));
}
const rows = (...tokens) => ({ exposures: tokens.map((token) => ({ token })) });
const codes = ({ status, body }) => {
  assert.equal(status, 202, JSON.stringify(body));
  for (const it of body.rejected) assert.ok(it.detail.length > 0);
  return [body.accepted, body.rejected.map((it) => [it.index, it.code])];
};
const evaluate = async (key, n, worker = open, headers = {}) => {
  const body = JSON.stringify({ context: { targetingKey: `visitor-${n}` } });
  return (await read(await worker.fetch(`/ofrep/v1/evaluate/flags/${key}`, { method: "POST", headers, body }))).body;
};

describe("a token that was issued", () => {
  test("is taken, of one flag and of all", async () => {
    const one = (await evaluate("button", 3)).metadata.exposureToken;
    const { flags } = await evaluate("", 3);
    const tokens = flags.map((it) => it.metadata?.exposureToken).filter(Boolean);
    assert.ok(tokens.length >= 2 && tokens.every((it) => it.length <= 200));
    assert.deepEqual(codes(await report(rows(one, ...tokens.filter((it) => it !== one)))).at(1), []);
  });

  test("says who was assigned what, and nothing about the visitor", async () => {
    const { metadata } = await evaluate("button", 3);
    const bytes = Buffer.from(metadata.exposureToken, "base64url");
    const unit = bytes.readBigUInt64LE(10);
    const again = signed({ issued_at_s: bytes.readUInt32LE(2), unit, variation: metadata.variationId });
    assert.equal(metadata.exposureToken, again, "byte for byte as specified");
    assert.ok(Math.abs(bytes.readUInt32LE(2) - now_s()) < 60);
    assert.ok(!bytes.includes("visitor-3"));
    const other = Buffer.from((await evaluate("button", 4)).metadata.exposureToken, "base64url").readBigUInt64LE(10);
    assert.notEqual(other, unit);
    const size = (await evaluate("size", 3)).metadata.exposureToken;
    if (size) assert.equal(Buffer.from(size, "base64url").readBigUInt64LE(10), unit, "the same visitor in every experiment");
  });

  test("is taken while its key is being replaced", async () => {
    assert.deepEqual(codes(await report(rows(signed({ key: TOKEN_KEY_PREVIOUS })))), [1, []]);
  });
});

describe("a row is refused alone", () => {
  const flipped = (token, at) => {
    const bytes = Buffer.from(token, "base64url");
    bytes[bytes.length + at] ^= 1;
    return bytes.toString("base64url");
  };
  const good = signed();
  const CASES = [
    ["another key", { token: signed({ key: "ab".repeat(32) }) }, "forged"],
    ["a changed signature", { token: flipped(good, -1) }, "forged"],
    ["a changed experiment", { token: flipped(good, -17) }, "forged"],
    ["a day and a minute old", { token: signed({ issued_at_s: now_s() - 86_460 }) }, "stale"],
    ["from 1970", { token: signed({ issued_at_s: 0 }) }, "stale"],
    ["six minutes from the future", { token: signed({ issued_at_s: now_s() + 360 }) }, "not_yet"],
    ["another environment's", { token: signed({ environment: "staging" }) }, "other_environment"],
    ["no base64url", { token: "+/+/" }, "malformed"],
    ["empty", { token: "" }, "malformed"],
    ["cut off", { token: good.slice(0, 40) }, "malformed"],
    ["another form", { token: signed({ form: 2 }) }, "malformed"],
    ["another kind", { token: signed({ kind: 2 }) }, "malformed"],
    ["too long", { token: "A".repeat(201) }, "malformed"],
    ["padded", { token: `${good}=` }, "malformed"],
    ["no token", {}, "malformed"],
    ["a number", { token: 1 }, "malformed"],
    ["a list", [good], "malformed"],
    ["null", null, "malformed"],
    ["an unknown member", { token: good, mood: "good" }, "malformed"],
    ["a time that is none", { token: good, at: "yesterday" }, "invalid_time"],
  ];
  for (const [what, row, code] of CASES) {
    test(what, async () => {
      assert.deepEqual(codes(await report({ exposures: [{ token: signed({ unit: 2n }) }, row, { token: signed({ unit: 3n }) }] })), [2, [[1, code]]]);
    });
  }
  test("an earlier row's token again", async () => {
    assert.deepEqual(codes(await report(rows(good, signed({ unit: 5n }), good, good))), [2, [[2, "duplicate"], [3, "duplicate"]]]);
  });
  test("nearly too old, nearly too early, with a time, is taken", async () => {
    const exposures = [
      { token: signed({ issued_at_s: now_s() - 86_000 }) }, { token: signed({ issued_at_s: now_s() + 240 }) },
      { token: signed({ unit: 9n }), at: "2026-12-01T08:00:00+08:00" },
    ];
    assert.deepEqual(codes(await report({ exposures })), [3, []]);
  });
});

describe("a report", () => {
  test("of text/plain is taken, as pages send it without asking before", async () => {
    const answer = await report(JSON.stringify(rows(signed())), { headers: { "content-type": "text/plain;charset=UTF-8", origin: "https://shop.example" } });
    assert.deepEqual(codes(answer), [1, []]);
    assert.equal(answer.headers.get("access-control-allow-origin"), "https://shop.example");
    assert.equal(answer.headers.get("content-type"), "application/json");
  });
  test("may be empty, and has 100 rows at most", async () => {
    assert.deepEqual(codes(await report({ exposures: [] })), [0, []]);
    const tokens = Array.from({ length: 100 }, (_, i) => signed({ unit: BigInt(i) }));
    assert.deepEqual(codes(await report(rows(...tokens))), [100, []]);
    assertProblem(await report(rows(...tokens, signed({ unit: 100n }))), 400, "invalid_request", ["/exposures"]);
  });
  const BAD = [["", "malformed_json", []], ["{", "malformed_json", []], ["[]", "invalid_request", [""]], ["{}", "invalid_request", [""]],
    ['{"exposures":{}}', "invalid_request", ["/exposures"]], ['{"exposures":[],"x":1}', "invalid_request", ["/x"]], ['{"exposures":[],"key":1}', "invalid_request", ["/key"]], [Buffer.from([0x7b, 0xff]), "malformed_json", []]];
  for (const [body, code, pointers] of BAD) {
    test(`is refused: ${String(body)}`, async () => assertProblem(await report(body), 400, code, pointers));
  }
  test("of more than 60 KB is refused", async () => {
    await assertTooLarge(report(JSON.stringify(rows("x".repeat(62_000)))));
  });
  test("with another method is refused", async () => {
    const answer = await read(await open.fetch("/v1/exposures"));
    assertProblem(answer, 405, "method_not_allowed");
    assert.equal(answer.headers.get("allow"), "POST");
  });
  test("counts each visitor once for each variation, and what is refused apart", async () => {
    const found = async () => {
      const { rows, apart } = await counts(open, "?by=experiment,variation&experiment=counted");
      return [rows.map((it) => [it.type, it.variation, it.n]), apart.stale ?? 0];
    };
    // What other tests left waiting goes along with this one.
    await report(rows(signed({ unit: 77n })));
    const [, stale] = await found();
    const of = (unit, variation) => signed({ experiment: "counted", unit, variation, issued_at_s: now_s() - Number(unit) });
    await report(rows(of(1n, 0), of(2n, 0), of(3n, 1), signed({ issued_at_s: 0 })));
    await report({ exposures: [{ token: of(1n, 0) }, { token: signed({ experiment: "counted", unit: 2n }) }, { token: of(1n, 1) }] });
    assert.deepEqual(await found(), [[["exposure", "0", 2], ["exposure", "1", 2]], stale + 1]);
  });
});

describe("a deployment without TOKEN_KEY", () => {
  for (const name of ["unsigned", "bad-key"]) {
    test(`issues no tokens and takes none: ${name}`, async () => {
      const worker = fleet.worker(name);
      assert.equal((await evaluate("button", 3, worker)).metadata.exposureToken, undefined);
      assert.deepEqual(codes(await report(rows(signed()), { worker })), [0, [[0, "no_key"]]]);
    });
  }
});

describe("where an environment has keys, a report needs one", () => {
  const ask = (body, headers) => report(body, { worker: fleet.worker("keyed"), headers });
  test("in a header or, for pages that are closed, in the body", async () => {
    assert.deepEqual(codes(await ask(rows(signed()), { "x-api-key": CLIENT.key })), [1, []]);
    assert.deepEqual(codes(await ask(rows(signed()), { authorization: `Bearer ${CLIENT.key}` })), [1, []]);
    assert.deepEqual(codes(await ask({ ...rows(signed()), key: CLIENT.key }, {})), [1, []]);
    assert.deepEqual(codes(await ask({ ...rows(signed(), signed({ environment: "staging" })), key: STAGING.key }, {})), [1, [[0, "other_environment"]]]);
  });
  for (const [body, headers] of [[rows(signed()), {}], [rows(signed()), { "x-api-key": "wrong" }], [{ ...rows(signed()), key: "vtc_production_x" }, {}]]) {
    test(`not ${JSON.stringify([body.key, headers])}`, async () => assertProblem(await ask(body, headers), 401, "unauthorized"));
  }
  test("a server's in a header, from a program", async () => {
    for (const headers of [{ "x-api-key": SERVER.key }, { authorization: `Bearer ${SERVER.key}` }]) {
      assert.deepEqual(codes(await ask(rows(signed()), headers)), [1, []]);
    }
  });
  const PAGE = { origin: "https://shop.example" };
  for (const [what, body, headers] of [
    ["in a body", { ...rows(signed()), key: SERVER.key }, {}],
    ["in the body of a page", { ...rows(signed()), key: SERVER.key }, PAGE],
    ["in a header of a page", rows(signed()), { ...PAGE, "x-api-key": SERVER.key }],
    ["in a header of a sandboxed page", rows(signed()), { origin: "null", authorization: `Bearer ${SERVER.key}` }],
    ["that is not even valid", { ...rows(signed()), key: "vts_nowhere_x" }, {}],
  ]) {
    test(`a server key ${what} is refused`, async () => {
      const answer = await ask(body, headers);
      assertProblem(answer, 403, "forbidden");
      assert.match(answer.body.detail, /client key/);
    });
  }
});
