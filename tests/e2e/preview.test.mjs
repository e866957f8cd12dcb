// Preview links: signed, expiring, of a draft or of what runs; never counted, and not for search engines.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertProblem, offers } from "./support/fixture.mjs";
import { auditLog, body, person, titled } from "./support/registry.mjs";
import { read, startFleet } from "./support/worker.mjs";

const TOKEN_KEY = "0123456789abcdef".repeat(4);
const vars = { TOKEN_KEY };

/// One experiment, one flag with an audience and a schedule, and an offer for loyal customers.
function document(more = {}) {
  const base = offers();
  base.offers.push({ id: "for-loyal", when: { "profile.segment": "loyal" }, content: { title: "Thanks" } });
  base.offers.push({ id: "christmas", starts: "2030-12-24T00:00:00Z", content: { title: "Merry" } });
  base.offers.push({ id: "plain", content: { title: "Plain" } });
  base.placements.push({ id: "previewed", offers: ["christmas", "for-loyal"], count: 3, fallback: "plain" });
  return {
    ...base,
    experiments: [{ id: "hero-test", type: "string", coverage: 0, variations: [{ id: "calm", value: "blue", weight: 50 }, { id: "bold", value: "red", weight: 50 }] }],
    flags: [
      { id: "gift", type: "boolean", default: false, rules: [{ id: "china", when: { "context.country": "CN" }, value: true }] },
      { id: "sale", type: "boolean", default: false, rules: [{ id: "later", starts: "2030-01-01T00:00:00Z", value: true }] },
    ],
    ...more,
  };
}

let fleet, worker, other, bare;
before(async () => {
  fleet = await startFleet([
    { name: "worker", vars, unreliableKv: true },
    { name: "other", vars: { TOKEN_KEY: "f".repeat(64) } },
    { name: "bare" },
  ]);
  [worker, other, bare] = fleet.workers;
  for (const it of fleet.workers) body(await it.admin("PUT", "config", document()));
});
after(() => fleet?.stop());

const make = async (wanted, by = worker) => body(await by.admin("POST", "previews", wanted));

async function evaluate(headers = {}, { path = "/ofrep/v1/evaluate/flags", from = worker, context = { targetingKey: "u1" } } = {}) {
  const init = { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify({ context }) };
  return await read(await from.fetch(path, init));
}
const values = (answer) => Object.fromEntries(answer.body.flags.map((it) => [it.key, it.value]));

async function decided(headers = {}, path = "/v1/decide") {
  const init = { method: "POST", headers, body: JSON.stringify({ placements: [{ id: "previewed" }] }) };
  return await read(await worker.fetch(path, init));
}
const offered = ({ body }) => body.decisions[0].items.map((it) => it.offer);

function assertMarked(answer) {
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers.get("x-robots-tag"), /noindex/);
  assert.equal(answer.headers.get("cache-control"), "private, no-store");
  assert.ok(!/exposure/i.test(answer.text), "there is nothing to count it with");
}

describe("a preview of what runs", () => {
  test("shows a chosen variation and chosen values", async () => {
    assert.deepEqual(values(await evaluate()), { gift: false, "hero-test": "blue", sale: false });
    const { token, header, query } = await make({ experiments: { "hero-test": "bold" }, flags: { sale: true } });
    for (const answer of [
      await evaluate({ [header]: token }),
      await evaluate({}, { path: `/ofrep/v1/evaluate/flags?${query}` }),
      await evaluate({ [header]: token, authorization: "Bearer vtc_nowhere_x" }),
    ]) {
      assertMarked(answer);
      assert.deepEqual(values(answer), { gift: false, "hero-test": "red", sale: true });
    }
    const one = await evaluate({ [header]: token }, { path: "/ofrep/v1/evaluate/flags/hero-test" });
    assertMarked(one);
    assert.equal(one.body.value, "red");
  });

  test("shows it to a made-up visitor, at another time", async () => {
    const { token } = await make({ attributes: { country: "CN", profile: { segment: "loyal" } }, at: "2030-12-24T12:00:00Z" });
    const preview = { "vitrine-preview": token };
    assert.deepEqual(values(await evaluate(preview, { context: { targetingKey: "u1", country: "DE" } })), { gift: true, "hero-test": "blue", sale: true });
    assert.deepEqual(offered(await decided()), []);
    const answer = await decided(preview);
    assertMarked(answer);
    assert.deepEqual(offered(answer).sort(), ["christmas", "for-loyal"]);
    assert.deepEqual([answer.body.mode, answer.body.dry_run], ["personalised", true]);
    assert.deepEqual(offered(await decided({}, `/v1/decide?vitrine_preview=${token}`)).sort(), ["christmas", "for-loyal"]);
    const simple = await read(await worker.fetch(`/v1/offers/previewed?vitrine_preview=${token}`));
    assertMarked(simple);
    assert.deepEqual(offered(simple).sort(), ["christmas", "for-loyal"]);
    const nobody = await make({ attributes: { profile: { segment: "new" } } });
    assert.deepEqual(offered(await decided({ "vitrine-preview": nobody.token })), []);
  });

  test("is not counted", async () => {
    const { token } = await make({ experiments: { "hero-test": "bold" } });
    const before = await worker.counters();
    await evaluate({ "vitrine-preview": token });
    await decided({ "vitrine-preview": token });
    assert.deepEqual(await worker.counters(), before);
  });

  test("is only for its own call: the next one sees what everybody sees", async () => {
    const { token } = await make({ flags: { gift: true } });
    assert.equal(values(await evaluate({ "vitrine-preview": token })).gift, true);
    const plain = await evaluate();
    assert.equal(values(plain).gift, false);
    assert.equal(plain.headers.get("x-robots-tag"), null);
  });
});

describe("a preview of a draft", () => {
  test("shows it before it is published, as it was when the link was made", async () => {
    const changed = document();
    changed.flags[0].default = true;
    changed.offers.find((it) => it.id === "plain").content.title = "From the draft";
    const { id } = body(await worker.admin("POST", "drafts", { document: changed }));
    const { token } = await make({ draft: id });
    const preview = { "vitrine-preview": token };
    const seen = async () => [values(await evaluate(preview)).gift, (await decided(preview)).body.decisions[0].fallback.content.title];
    assert.deepEqual(await seen(), [true, "From the draft"]);
    assert.deepEqual([values(await evaluate()).gift, (await decided()).body.decisions[0].fallback.content.title], [false, "Plain"]);
    body(await worker.admin("PUT", `drafts/${id}`, { document: titled("gone on") }, { "if-match": "1" }));
    assert.deepEqual(await seen(), [true, "From the draft"]);
    body(await worker.admin("DELETE", `drafts/${id}`, undefined, { "if-match": "2" }));
    assert.deepEqual(await seen(), [true, "From the draft"]);
  });

  test("says so when it cannot be read", async () => {
    const { id } = body(await worker.admin("POST", "drafts", { document: document({ flags: [] }) }));
    const { token } = await make({ draft: id });
    await worker.faults({ "*": "throw" });
    try {
      assert.equal((await evaluate({ "vitrine-preview": token })).status, 429);
      assertProblem(await decided({ "vitrine-preview": token }), 429, "too_many_requests");
    } finally {
      await worker.faults({});
    }
    assert.equal((await evaluate({ "vitrine-preview": token })).status, 200);
  });

  test("a draft with errors has none", async () => {
    const broken = document();
    broken.offers[0].startz = 1;
    const { id } = body(await worker.admin("POST", "drafts", { document: broken }));
    assertProblem(await worker.admin("POST", "previews", { draft: id }), 422, "invalid_configuration", ["/offers/0/startz"]);
  });
});

test("another environment is previewed without its key", async () => {
  body(await worker.admin("PUT", "environments/staging", {}));
  const changed = document();
  changed.flags[0].default = true;
  body(await worker.admin("PUT", "config?environment=staging", changed));
  body(await worker.admin("POST", "environments/staging/keys", { kind: "server" }));
  const { token } = await make({ environment: "staging" });
  assert.equal(values(await evaluate({ "vitrine-preview": token })).gift, true);
});

describe("links that show nothing", () => {
  const part = (token, i, change) => token.split(".").map((it, at) => (at === i ? change(it) : it)).join(".");
  const CASES = [
    ["nothing", () => ""],
    ["no token", () => "preview"],
    ["another shop's", async () => (await make({}, other)).token],
    ["its end cut off", (token) => token.slice(0, -4)],
    ["its signature changed", (token) => part(token, 1, (it) => it.replace(/^./, (c) => (c === "A" ? "B" : "A")))],
    ["its content changed", (token) => part(token, 0, (it) => Buffer.from(Buffer.from(it, "base64url").toString().replace("production", "staging")).toString("base64url"))],
    ["without signature", (token) => token.split(".")[0]],
    ["an SDK key", () => "vtc_production_0123456789abcdefghijklmnopqrstuv"],
    ["far too long", (token) => token.repeat(40)],
  ];
  for (const [what, change] of CASES) {
    test(what, async () => {
      const { token } = await make({ flags: { gift: true } });
      const wrong = await change(token);
      const answer = await evaluate({ "vitrine-preview": wrong });
      assert.equal(answer.status, 401, answer.text);
      assert.ok(!answer.text.includes("true"), answer.text);
      assertProblem(await decided({ "vitrine-preview": wrong }), 401, "unauthorized");
      assert.equal((await worker.fetch(`/v1/offers/previewed?vitrine_preview=${encodeURIComponent(wrong)}`)).status, 401);
    });
  }

  test("where no secret signs", async () => {
    assertProblem(await bare.admin("POST", "previews", {}), 409, "conflict");
    const { token } = await make({});
    assert.equal((await evaluate({ "vitrine-preview": token }, { from: bare })).status, 401);
  });
});

describe("are refused", () => {
  const CASES = [
    [{ expires_in: 59 }, 400],
    [{ expires_in: 31 * 86_400 }, 400],
    [{ expires_in: "1d" }, 400],
    [{ environment: "nowhere" }, 404],
    [{ draft: "d999" }, 404],
    [{ draft: "d1", environment: "production" }, 400],
    [{ experiments: { "no-such-test": "bold" } }, 404],
    [{ experiments: { "hero-test": "brave" } }, 404],
    [{ experiments: { "hero-test": 1 } }, 400],
    [{ flags: { "no-such-flag": true } }, 404],
    [{ at: "tomorrow" }, 400],
    [{ attributes: [] }, 400],
    [{ attributes: { text: "x".repeat(6000) } }, 400],
    [{ experiment: { "hero-test": "bold" } }, 400],
  ];
  for (const [wanted, status] of CASES) {
    test(JSON.stringify(wanted).slice(0, 60), async () => {
      const answer = await worker.admin("POST", "previews", wanted);
      assert.equal(answer.status, status, answer.text);
    });
  }

  test("viewers", async () => {
    const viewer = await person(worker, "viewer", "viewer");
    assertProblem(await viewer("POST", "previews", {}), 403, "forbidden");
  });
});

test("the log tells of previews, and not what the made-up visitor is", async () => {
  await make({ experiments: { "hero-test": "bold" }, attributes: { city: "Atlantis" }, at: "2030-01-01T00:00:00Z" });
  const { action, target, summary } = (await auditLog(worker)).at(-1);
  assert.deepEqual([action, target], ["preview.create", "production"]);
  assert.match(summary, /^what runs in production until .*; experiments hero-test; attributes city; at 2030-01-01T00:00:00Z$/);
});

test("an expired one shows nothing, and its draft is forgotten by KV", async () => {
  const { id } = body(await worker.admin("POST", "drafts", { document: document() }));
  const { expires_at } = await make({ draft: id, expires_in: 60 });
  assert.ok(Math.abs(Date.parse(expires_at) - Date.now() - 60_000) < 10_000);
  const kept = Object.keys(await worker.stored()).filter((key) => key.startsWith("p/"));
  assert.ok(kept.length >= 1 && kept.every((key) => /^p\/[0-9a-f]{32}$/.test(key)));
});
