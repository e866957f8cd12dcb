// Requests that break a rule: each is refused with a problem document that names the field and the rule, and a good request
// right after it is answered as ever.

import assert from "node:assert/strict";
import { Agent, request as httpRequest } from "node:http";
import { after, before, describe, test } from "node:test";
import { assertProblem, assertTooLarge, gist, publishAll, request, VISITORS } from "./support/fixture.mjs";
import { startWorker } from "./support/worker.mjs";

const KIB = 1024;
const good = request(VISITORS.tea);
const withContext = (context) => ({ ...good, context });
const withAttributes = (attributes) => withContext({ attributes });
const many = (n, make) => Array.from({ length: n }, (_, i) => make(i));
const nested = (n, open, close, inside = "") => open.repeat(n) + inside + close.repeat(n);
const bytes = (...parts) => Buffer.concat(parts.map((it) => (typeof it === "string" ? Buffer.from(it) : Buffer.from([it]))));
const padded = (n_bytes) => {
  const body = JSON.stringify({ ...good, request_id: "padded" });
  return body + " ".repeat(n_bytes - body.length);
};
/// A body that comes in pieces, without a length.
const streamed = (text) => new ReadableStream({
  start(controller) {
    for (let i = 0; i < text.length; i += 10_000) controller.enqueue(Buffer.from(text.slice(i, i + 10_000)));
    controller.close();
  },
});

/// What is sent, its body, and the problem: status, code, pointers.
const REFUSED = [
  ["no body", "", 400, "malformed_json"],
  ["no JSON", "placements=home-hero", 400, "malformed_json"],
  ["JSON cut off", '{"placements":[{"id":"home-', 400, "malformed_json"],
  ["JSON and more", `${JSON.stringify(good)}{}`, 400, "malformed_json"],
  ["a byte order mark", `\ufeff${JSON.stringify(good)}`, 400, "malformed_json"],
  ["bytes that are not UTF-8", bytes('{"placements":[{"id":"', 0xff, 0xfe, '"}]}'), 400, "malformed_json"],
  ["an overlong UTF-8 form", bytes('{"placements":[{"id":"', 0xc0, 0xaf, '"}]}'), 400, "malformed_json"],
  ["half a surrogate pair", '{"placements":[{"id":"\\ud800"}]}', 400, "malformed_json"],
  ["a raw control character", '{"placements":[{"id":"a\u0000b"}]}', 400, "malformed_json"],
  ["30,000 brackets", nested(30_000, "[", "]"), 400],
  ["10,000 objects in an attribute", `{"placements":[{"id":"a"}],"context":{"attributes":{"x":${nested(10_000, '{"a":', "}", "1")}}}}`, 400],
  ["10,000 lists in an attribute", `{"placements":[{"id":"a"}],"context":{"attributes":{"x":${nested(10_000, "[", "]")}}}}`, 400],
  ["10,000 lists in an unknown field", `{"x":${nested(10_000, "[", "]")}}`, 400],
  ["100,000 brackets", nested(100_000, "[", "]"), 413, "body_too_large"],

  ["a list", [good], 400],
  ["null", "null", 400, "invalid_request", [""]],
  ["an unknown field", { ...good, colour: "red" }, 400, "invalid_request", ["/colour"]],
  ["an unknown field inside", { ...good, visitor: { key: "a", email: "b@shop.example" } }, 400, "invalid_request", ["/visitor/email"]],
  ["a field twice", '{"placements":[{"id":"a"}],"placements":[]}', 400, "invalid_request"],
  ["a visitor that is a text", { ...good, visitor: "v0003" }, 400, "invalid_request", ["/visitor"]],
  ["a key that is a number", { ...good, visitor: { key: 17850 } }, 400, "invalid_request", ["/visitor/key"]],
  ["an empty key", { ...good, visitor: { key: "" } }, 400, "invalid_request", ["/visitor/key"]],
  ["a key too long", { ...good, visitor: { key: "k".repeat(257) } }, 400, "invalid_request", ["/visitor/key"]],
  ["consent that is a text", { ...good, consent: { personalise: "yes" } }, 400, "invalid_request", ["/consent/personalise"]],
  ["a request id too long", { ...good, request_id: "r".repeat(257) }, 400, "invalid_request", ["/request_id"]],

  ["no placements", { visitor: { key: "a" } }, 400, "invalid_request"],
  ["empty placements", { placements: [] }, 400, "invalid_request", ["/placements"]],
  ["31 placements", { placements: many(31, (i) => ({ id: `p${i}` })) }, 400, "invalid_request", ["/placements"]],
  ["a placement twice", { placements: [{ id: "a" }, { id: "b" }, { id: "a" }] }, 400, "invalid_request", ["/placements/2/id"]],
  ["a placement without id", { placements: [{ count: 1 }] }, 400, "invalid_request", ["/placements/0"]],
  ["an empty id", { placements: [{ id: "" }] }, 400, "invalid_request", ["/placements/0/id"]],
  ["a placement that is a text", { placements: ["home-hero"] }, 400, "invalid_request", ["/placements/0"]],
  ["a count of 0", { placements: [{ id: "a", count: 0 }] }, 400, "invalid_request", ["/placements/0/count"]],
  ["a count of 31", { placements: [{ id: "a", count: 31 }] }, 400, "invalid_request", ["/placements/0/count"]],
  ["a count of 300", { placements: [{ id: "a", count: 300 }] }, 400, "invalid_request", ["/placements/0/count"]],
  ["a count of -1", { placements: [{ id: "a", count: -1 }] }, 400, "invalid_request", ["/placements/0/count"]],
  ["a count of 1.5", { placements: [{ id: "a", count: 1.5 }] }, 400, "invalid_request", ["/placements/0/count"]],

  ["51 items", withContext({ items: many(51, (i) => `i${i}`) }), 400, "invalid_request", ["/context/items"]],
  ["an empty item", withContext({ items: ["a", ""] }), 400, "invalid_request", ["/context/items/1"]],
  ["an item that is a number", withContext({ items: [22423] }), 400, "invalid_request", ["/context/items/0"]],
  ["a locale too long", withContext({ locale: "d".repeat(257) }), 400, "invalid_request", ["/context/locale"]],
  ["an URL too long", withContext({ url: "u".repeat(2049) }), 400, "invalid_request", ["/context/url"]],
  ["65 attributes", withAttributes(Object.fromEntries(many(65, (i) => [`a${i}`, i]))), 400, "invalid_request", ["/context/attributes"]],
  ["an attribute that is null", withAttributes({ x: null }), 400, "invalid_request", ["/context/attributes/x"]],
  ["an attribute that is an object", withAttributes({ "a/b~c": {} }), 400, "invalid_request", ["/context/attributes/a~1b~0c"]],
  ["an attribute with a field of its own", withAttributes({ country: "DE" }), 400, "invalid_request", ["/context/attributes/country"]],
  ["a number beyond all numbers", '{"placements":[{"id":"a"}],"context":{"attributes":{"x":1e999}}}', 400],
  ["65 labels", withAttributes({ x: many(65, (i) => `l${i}`) }), 400, "invalid_request", ["/context/attributes/x"]],
  ["labels of mixed types", withAttributes({ x: ["a", 1] }), 400, "invalid_request", ["/context/attributes/x/1"]],

  ["an unknown option", { ...good, options: { debug: true } }, 400, "invalid_request", ["/options/debug"]],
  ["an unknown choice", { ...good, options: { dedupe: "cart" } }, 400, "invalid_request", ["/options/dedupe"]],
  ["a time without offset", { ...good, options: { at: "2026-12-01T08:00:00" } }, 400, "invalid_request", ["/options/at"]],
  ["a time that is none", { ...good, options: { at: "2026-02-30T08:00:00Z" } }, 400, "invalid_request", ["/options/at"]],

  ["one byte too many", padded(64 * KIB + 1), 413, "body_too_large"],
  ["one byte too many, in pieces", () => streamed(padded(64 * KIB + 1)), 413, "body_too_large"],
  ["128 KiB", "x".repeat(128 * KIB), 413, "body_too_large"],
  ["128 KiB in pieces", () => streamed("x".repeat(128 * KIB)), 413, "body_too_large"],
];

/// At the limit, but not beyond.
const TAKEN = [
  ["64 KiB", padded(64 * KIB)],
  ["64 KiB in pieces", () => streamed(padded(64 * KIB))],
  ["a key of 256 bytes", { ...good, visitor: { key: "k".repeat(256) } }],
  ["a key of other scripts", { ...good, visitor: { key: "客户-Ω-🫖" } }],
  ["30 placements", { placements: many(30, (i) => ({ id: `p${i}`, count: 30 })) }],
  ["50 items", withContext({ items: many(50, (i) => `i${i}`) })],
  ["the same item often", withContext({ items: many(50, () => "tea-1") })],
  ["64 attributes", withAttributes(Object.fromEntries(many(64, (i) => [`a${i}`, [true, i / 7, "text", ["a", "b"]][i % 4]])))],
  ["64 labels", withAttributes({ x: many(64, (i) => `l${i}`) })],
  ["an URL of 2,048 bytes", withContext({ url: "u".repeat(2048) })],
  ["numbers at the ends", withAttributes({ a: 1.7976931348623157e308, b: -0, c: 5e-324, d: 2 ** 64 })],
  ["a placement that no shop has", { placements: [{ id: "__proto__" }] }],
];

describe("POST /v1/decide", () => {
  let worker;
  let n_good = 0;
  before(async () => {
    worker = await startWorker();
    await publishAll(worker);
  });
  after(() => worker?.stop());

  const materialise = (body) => (typeof body === "function" ? body() : body);
  async function goodOneAfterwards() {
    assert.deepEqual(gist(await worker.decide(good)), { mode: "personalised", reason: "ok", offers: ["tea-time"] });
    n_good += 1;
    assert.ok((await worker.counters()).answers.ok >= n_good, "the instance lives on");
  }

  for (const [what, body, status, code, pointers] of REFUSED) {
    test(`refuses ${what}`, async () => {
      const answer = await worker.decide(materialise(body));
      assertProblem(answer, status, code ?? answer.body.code, pointers ?? (answer.body.errors ?? []).map((it) => it.pointer));
      assert.ok(["malformed_json", "invalid_request", "body_too_large"].includes(answer.body.code), answer.text);
      assert.ok(answer.text.length < 2 * KIB, "a refusal is short whatever was sent");
      await goodOneAfterwards();
    });
  }

  for (const [what, body] of TAKEN) {
    test(`takes ${what}`, async () => {
      const answer = await worker.decide(materialise(body));
      assert.equal(answer.status, 200, answer.text);
      await goodOneAfterwards();
    });
  }

  for (const [what, body] of [["at once", () => "x".repeat(5_000_000)], ["in pieces", () => streamed("x".repeat(5_000_000))]]) {
    test(`does not read 5 MB ${what}`, async () => {
      await assertTooLarge(worker.decide(body()));
      await goodOneAfterwards();
    });
  }

  test("a caller that goes away in the middle of its body harms nobody", async () => {
    const agent = new Agent();
    await new Promise((resolve) => {
      const call = httpRequest(`${worker.url}/v1/decide`, { method: "POST", agent, headers: { "content-length": 5000 } });
      call.on("error", resolve).on("response", (response) => response.resume().on("end", resolve));
      call.write('{"placements":', () => call.destroy());
    });
    agent.destroy();
    await goodOneAfterwards();
  });

  test("many at once, good and bad, get each what is theirs", async () => {
    const answers = await Promise.all(
      many(60, (i) => (i % 3 === 0 ? worker.decide('{"placements":') : worker.decide(request(`v${String(1 + i).padStart(4, "0")}`)))),
    );
    const tastes = ["tea-time", "garden-days", "toy-fair"];
    answers.forEach((answer, i) => {
      if (i % 3 === 0) return assertProblem(answer, 400, "malformed_json");
      assert.deepEqual(gist(answer).offers, [tastes[(1 + i) % 3]]);
    });
  });
});
