// What visitors may ask about their own data: objections, tags, reasons of decisions, erasure; and that no store, log or address
// holds what was planted in every input.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { counts } from "./support/events.mjs";
import { activate, assertProblem, gist, offers, publishAll, request, STRANGER, TODAY, TOMORROW, upload, VISITORS } from "./support/fixture.mjs";
import { ADMIN_TOKEN, eventually, read, startFleet, startWorker } from "./support/worker.mjs";

const TOKEN_KEY = "0b".repeat(32);
const key = VISITORS.tea;

/// Sends JSON, or nothing, to a path.
const call = async (worker, method, path, body, headers = {}) =>
  await read(await worker.fetch(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }));

/// A secret key of kind server.
async function serverKey(worker, environment = "production") {
  const made = await worker.admin("POST", `environments/${environment}/keys`, { kind: "server" });
  assert.equal(made.status, 200, made.text);
  return { id: made.body.id, bearer: { authorization: `Bearer ${made.body.key}` } };
}

describe("an objection", () => {
  let worker;
  before(async () => {
    worker = await startWorker({ vars: { TOKEN_KEY } });
    await publishAll(worker);
  });
  after(() => worker?.stop());

  test("is a cookie that holds from the next request on", async () => {
    const answer = await call(worker, "POST", "/v1/me/preferences", { personalise: false });
    assert.equal(answer.status, 200);
    const [kept, forgotten] = answer.headers.getSetCookie();
    assert.match(kept, /^__Host-vitrine_opt_out=1\.\d+\.[\w-]{22}; Path=\/; Max-Age=34128000; Secure; SameSite=Lax$/);
    assert.match(forgotten, /^__Host-vitrine_state=; Path=\/; Max-Age=0; .*HttpOnly$/);
    assert.deepEqual(answer.body.set.map((it) => [it.name, it.max_age]), [["__Host-vitrine_opt_out", 34128000], ["__Host-vitrine_state", 0]]);
    const cookie = kept.split(";")[0];
    assert.equal(gist(await worker.decide(request(key), { cookie })).reason, "opt_out");
    assert.equal(gist(await worker.decide(request(key))).reason, "ok");
  });

  test("is taken back", async () => {
    const answer = await call(worker, "POST", "/v1/me/preferences", { personalise: true });
    assert.deepEqual(answer.body, { set: [{ name: "__Host-vitrine_opt_out", value: "", max_age: 0 }] });
    assert.equal(gist(await worker.decide(request(key), { cookie: "__Host-vitrine_opt_out=" })).reason, "ok");
  });

  test("takes text of any type from pages of the shop's other origins", async () => {
    const answer = await call(worker, "POST", "/v1/me/preferences", { personalise: false }, { origin: "https://shop.example", "content-type": "text/plain" });
    assert.deepEqual([answer.status, answer.headers.get("access-control-allow-origin")], [200, "https://shop.example"]);
    const preflight = await read(await worker.fetch("/v1/me/tags", { method: "OPTIONS", headers: { origin: "https://shop.example" } }));
    assert.equal(preflight.status, 204);
    assert.match(preflight.headers.get("access-control-allow-methods"), /DELETE/);
  });

  test("bodies that break a rule", async () => {
    assertProblem(await call(worker, "POST", "/v1/me/preferences", {}), 400, "invalid_request", [""]);
    assertProblem(await call(worker, "POST", "/v1/me/preferences", { personalise: "no" }), 400, "invalid_request", ["/personalise"]);
    assertProblem(await call(worker, "GET", "/v1/me/preferences"), 405, "method_not_allowed");
    assertProblem(await call(worker, "GET", "/v1/me/nothing"), 404, "not_found");
  });
});

test("gpc.json says what the configuration says", async () => {
  const worker = await startWorker();
  try {
    const ask = async () => await call(worker, "GET", "/.well-known/gpc.json");
    assert.deepEqual((await ask()).body, { gpc: true });
    await publishAll(worker);
    const answer = await ask();
    assert.equal(answer.body.gpc, true);
    assert.match(answer.body.lastUpdate, /^\d{4}-\d\d-\d\d$/);
    assert.equal(answer.headers.get("cache-control"), "public, max-age=3600");
    await worker.admin("PUT", "config", { ...offers(), settings: { consent: "required", gpc: "ignore" } });
    assert.equal((await ask()).body.gpc, false);
  } finally {
    await worker.stop();
  }
});

describe("tags and erasure", () => {
  let worker;
  let shop;
  before(async () => {
    worker = await startWorker({ unreliableKv: true, vars: { TOKEN_KEY } });
    const document = offers();
    document.settings.sensitive_attributes = ["profile.weekday"];
    await publishAll(worker, { document });
    shop = await serverKey(worker);
  });
  after(() => worker?.stop());
  const ofVisitor = (visitor) => ({ ...shop.bearer, "vitrine-visitor": visitor });

  test("tags are told to the shop's server", async () => {
    const answer = await call(worker, "GET", "/v1/me/tags", undefined, ofVisitor(key));
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual([answer.body.erased, answer.body.as_of], [false, JSON.parse(TODAY.manifest).as_of]);
    const names = answer.body.tags.map((it) => it.name);
    assert.ok(names.includes("segment") && names.includes("top_categories"), `${names}`);
    assert.ok(!names.includes("weekday"), "what the shop calls sensitive is hidden");
    assert.equal((await call(worker, "GET", "/v1/me/tags", undefined, ofVisitor(STRANGER))).body.tags.length, 0);
  });

  test("and to nobody else", async () => {
    const client = (await worker.admin("POST", "environments/production/keys", { kind: "client" })).body.key;
    for (const authorization of [undefined, "Bearer", "Bearer nonsense", `Bearer ${client}`, `Bearer ${ADMIN_TOKEN}`, "Bearer vts_production_wrong", "Bearer vts_nowhere_wrong"]) {
      const headers = { "vitrine-visitor": key, ...(authorization ? { authorization } : {}) };
      for (const method of ["GET", "DELETE"]) assertProblem(await call(worker, method, "/v1/me/tags", undefined, headers), 401, "unauthorized");
    }
    assertProblem(await call(worker, "GET", "/v1/me/tags", undefined, shop.bearer), 400, "invalid_request", ["/vitrine-visitor"]);
  });

  test("who is erased is a stranger from then on, without a read more", async () => {
    const reasons = async (visitor) => gist(await worker.decide(request(visitor))).reason;
    assert.equal(await reasons(key), "ok");
    assert.equal(await reasons(VISITORS.garden), "ok");
    const receipt = await call(worker, "DELETE", "/v1/me/tags", undefined, ofVisitor(key));
    assert.equal(receipt.status, 200, receipt.text);
    assert.deepEqual([receipt.body.receipt, receipt.body.visitors], ["e1", 1]);
    await eventually(() => reasons(key), (reason) => reason === "no_profile");
    await worker.keysRead();
    assert.equal(await reasons(key), "no_profile");
    assert.equal(await reasons(VISITORS.garden), "ok");
    assert.deepEqual(await worker.keysRead(), [], "neither for the erased visitor nor for another");
    assert.deepEqual((await call(worker, "GET", "/v1/me/tags", undefined, ofVisitor(key))).body, { erased: true, as_of: null, tags: [] });
  });

  test("the list is there for the next build, and can be verified", async () => {
    const { body } = await worker.admin("GET", "visitors");
    assert.equal(body.visitors.length, 1);
    const [{ row_key, receipt, at }] = body.visitors;
    assert.match(row_key, /^[0-9a-f]{16}$/);
    const verified = (await worker.admin("GET", `visitors/${row_key}`)).body;
    const tables = [{ build: TODAY.build, has_row: true }];
    assert.deepEqual(verified, { erased: { row_key, receipt, at }, honoured: true, tables, measured: 0 });
    const unknown = (await worker.admin("GET", "visitors/0123456789abcdef")).body;
    assert.deepEqual([unknown.erased, unknown.honoured], [null, false]);
  });

  test("a new table brings nobody back", async () => {
    await upload(worker, TOMORROW);
    await activate(worker, TOMORROW.build);
    assert.equal(gist(await worker.decide(request(key))).reason, "no_profile");
    await activate(worker, TODAY.build);
  });

  test("the operator erases by row key, many at once, and forgets", async () => {
    const keys = ["00000000000000aa", "00000000000000bb"];
    const answer = await worker.admin("POST", "visitors", { visitors: keys });
    assert.deepEqual([answer.status, answer.body.receipt, answer.body.visitors], [200, "e2", 2]);
    const one = await worker.admin("DELETE", `visitors/${keys[0]}`);
    assert.equal(one.body.receipt, "e3");
    const list = (await worker.admin("GET", "visitors")).body.visitors;
    assert.deepEqual(list.filter((it) => keys.includes(it.row_key)).map((it) => it.receipt), ["e2", "e2"], "the first receipt stays");
    const stored = Buffer.from((await worker.stored())["x/current"]).toString();
    assert.match(stored, /^vitrine-tombstones 1 \d+\n00000000000000aa\n00000000000000bb\n[0-9a-f]{16}\n$/);
    assertProblem(await worker.admin("POST", "visitors", { visitors: [] }), 400, "invalid_request", ["/visitors"]);
    assertProblem(await worker.admin("POST", "visitors", { visitors: [keys[0], key] }), 400, "invalid_request", ["/visitors/1"]);
    assertProblem(await worker.admin("DELETE", "visitors"), 400, "invalid_request", ["/before"]);
    assertProblem(await worker.admin("DELETE", "visitors?before=soon"), 400, "invalid_request", ["/before"]);
    assert.deepEqual((await worker.admin("DELETE", "visitors?before=2000-01-01T00:00:00Z")).body, { forgotten: 0 });
    assert.deepEqual((await worker.admin("DELETE", "visitors?before=2100-01-01T00:00:00Z")).body, { forgotten: 3 });
    await eventually(async () => gist(await worker.decide(request(key))).reason, (reason) => reason === "ok");
  });

  test("a list that KV refuses or that is broken brings nobody back", async () => {
    const { row_key } = { row_key: "00000000000000cc" };
    await worker.faults({ "x/current": "refuse" });
    assertProblem(await worker.admin("DELETE", `visitors/${row_key}`), 503, "unavailable");
    await worker.faults({});
    assert.equal((await worker.admin("DELETE", `visitors/${row_key}`)).status, 200, "the same call, given again");
    assert.equal((await worker.admin("GET", `visitors/${row_key}`)).body.honoured, true);
  });
});

describe("an erasure reaches what was measured", () => {
  let worker;
  /// Needed from when the environment has a key.
  let bearer = {};
  before(async () => {
    // Files are written rarely, so that events wait for theirs.
    worker = await startWorker({ bucket: true, vars: { TOKEN_KEY, REFRESH_MS: "50", EVENTS_SEGMENT_MS: "600000" } });
    await publishAll(worker);
  });
  after(() => worker?.stop());

  /// What a visitor does who agreed: sees an offer, clicks it, and buys.
  const live = async (visitor) => {
    const consent = { personalise: true, measure: true };
    const { body } = await worker.decide({ ...request(visitor), consent });
    const { token } = body.decisions[0].items[0] ?? body.decisions[0].fallback;
    const rows = [{ type: "impression", token }, { type: "click", token }, { type: "conversion", value: 3, currency: "EUR" }];
    const events = rows.map((it) => ({ id: crypto.randomUUID(), ...it }));
    const answer = await call(worker, "POST", "/v1/events", { visitor: { key: visitor }, consent, events }, bearer);
    assert.equal(answer.body.accepted, 3, answer.text);
  };
  const attributed = async () => {
    const conversions = (await counts(worker)).rows.filter((it) => it.type === "conversion");
    return Object.fromEntries(conversions.map((it) => [it.rule, it.n]));
  };
  const state = async (row_key) => (await worker.admin("GET", `visitors/${row_key}`)).body;

  test("by row key alone, and whatever comes later is joined with nobody", async () => {
    await live(key);
    await live(VISITORS.garden);
    assert.deepEqual(await attributed(), { visitor_click: 2 });
    const shop = await serverKey(worker);
    const before = (await worker.admin("GET", "visitors")).body.visitors;
    assert.deepEqual(before, []);
    // The shop's server names the visitor; the operator's command would send the row key that is made of it.
    const receipt = await call(worker, "DELETE", "/v1/me/tags", undefined, { ...shop.bearer, "vitrine-visitor": key });
    bearer = shop.bearer;
    // An impression and a click that the visitor met, and three lines that wait for their file.
    assert.deepEqual([receipt.status, receipt.body.forgotten], [200, 5], receipt.text);
    const [{ row_key }] = (await worker.admin("GET", "visitors")).body.visitors;
    assert.equal((await state(row_key)).measured, 0);
    await eventually(async () => {
      const { body } = await worker.decide(request(key));
      return body.mode_reason;
    }, (reason) => reason === "no_profile");
    await new Promise((done) => setTimeout(done, 100));
    await live(key);
    assert.equal((await state(row_key)).measured, 0);
    assert.deepEqual(await attributed(), { none: 1, visitor_click: 2 });
    // Others are still known.
    const other = (await worker.admin("DELETE", "visitors/0123456789abcdef")).body;
    assert.equal(other.forgotten, 0);
    await live(VISITORS.garden);
    assert.deepEqual(await attributed(), { none: 1, visitor_click: 3 });
  });
});

test("lines of raw events name who agreed as the table does", async () => {
  const worker = await startWorker({ bucket: true, vars: { TOKEN_KEY, EVENTS_SEGMENT_MS: "100" } });
  try {
    await publishAll(worker);
    const view = (visitor, measure) => ({ id: crypto.randomUUID(), type: "view", visitor: { key: visitor }, consent: { measure } });
    const sent = await call(worker, "POST", "/v1/events", { events: [view(key, true), view(VISITORS.garden, false)] });
    assert.equal(sent.body.accepted, 2, sent.text);
    const files = await eventually(() => worker.files(), (it) => Object.keys(it).length > 0 && Object.values(it).join("").split("\n").length === 3);
    const lines = Object.values(files).join("").trim().split("\n").map((it) => JSON.parse(it));
    const shop = await serverKey(worker);
    await call(worker, "DELETE", "/v1/me/tags", undefined, { ...shop.bearer, "vitrine-visitor": key });
    const [{ row_key }] = (await worker.admin("GET", "visitors")).body.visitors;
    assert.deepEqual(lines.map((it) => it.visitor).sort(), [row_key, null].sort());
    assert.ok(lines.every((it) => (it.visitor === null) === (it.unit === null) && it.unit !== row_key));
  } finally {
    await worker.stop();
  }
});

test("an isolate that cannot read who was erased uses no row at all", async () => {
  const fleet = await startFleet([{ name: "good" }, { name: "broken", unreliableKv: true }]);
  try {
    const [good, broken] = fleet.workers;
    await publishAll(good);
    await broken.store({ ...(await good.stored()), "x/current": "rubbish" });
    assert.equal(gist(await broken.decide(request(key))).reason, "profile_unavailable");
    assert.ok((await broken.counters()).refresh_failures > 0);
  } finally {
    await fleet.stop();
  }
});

describe("reasons of a decision", () => {
  let worker;
  before(async () => {
    worker = await startWorker({ vars: { TOKEN_KEY } });
    await publishAll(worker);
  });
  after(() => worker?.stop());

  /// A decision token as its specification says (crates/api/src/token/decision.rs).
  const token = ({ version = 1, placement = 0, offer = 0, at_s = Math.floor(Date.now() / 1000), flags = 0, secret = TOKEN_KEY } = {}) => {
    const bytes = Buffer.alloc(27);
    bytes.set([1, 2]);
    [at_s, version, 7].forEach((it, i) => bytes.writeUInt32LE(it, 2 + 4 * i));
    bytes.writeUInt16LE(placement, 14);
    bytes.writeUInt16LE(offer, 16);
    bytes.set([0, 0, flags], 18);
    bytes.writeUInt16LE(65535, 21);
    bytes[23] = 0;
    bytes.writeUInt16LE(65535, 24);
    const environment = Buffer.from("production");
    bytes[26] = environment.length;
    const signed = Buffer.concat([bytes, environment]);
    const mac = createHmac("sha256", Buffer.from(secret, "hex")).update(signed).digest().subarray(0, 16);
    return Buffer.concat([signed, mac]).toString("base64url");
  };
  const ask = async (text) => await call(worker, "GET", `/v1/explain?token=${text}`);

  test("are told in two languages", async () => {
    const answer = await ask(token());
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.body.mode, "personalised");
    const names = offers().placements.map((it) => it.id);
    assert.ok(names.includes(answer.body.placement));
    assert.match(answer.body.text.en, /what the shop knows of you/);
    assert.match(answer.body.text.zh, /展位/);
    assert.match((await ask(token({ flags: 1 }))).body.text.en, /nothing that the shop knows of you was used/);
  });

  test("a token that is none, forged, old, or of a version that is gone", async () => {
    assertProblem(await ask("AAAA"), 400, "invalid_request", ["/token"]);
    assertProblem(await ask(token({ secret: "0c".repeat(32) })), 400, "invalid_request", ["/token"]);
    assertProblem(await ask(token({ at_s: 1_600_000_000 })), 400, "invalid_request", ["/token"]);
    assertProblem(await ask(token({ version: 99 })), 404, "not_found");
    assertProblem(await ask(token({ offer: 9999 })), 404, "not_found");
    assertProblem(await call(worker, "GET", "/v1/explain"), 400, "invalid_request", ["/token"]);
    assertProblem(await call(worker, "GET", `/v1/explain?token=${token()}&who=me`), 400, "invalid_request", ["/who"]);
  });
});

test("what is planted in every input is found nowhere", async () => {
  const plant = "Zaphod.Beeblebrox@example.org";
  const fleet = await startFleet([{ name: "vitrine", vars: { TOKEN_KEY } }]);
  const [worker] = fleet.workers;
  const spellings = [plant, encodeURIComponent(plant), Buffer.from(plant).toString("base64").slice(0, 36), Buffer.from(plant).toString("base64url").slice(0, 36), Buffer.from(plant).toString("hex")];
  const clean = (text, what) => {
    for (const it of spellings) assert.ok(!text.toLowerCase().includes(it.toLowerCase()), `${what} holds ${it}`);
  };
  try {
    await publishAll(worker);
    const shop = await serverKey(worker);
    const consent = { personalise: true, measure: true, source: plant, version: plant };
    const context = { url: `https://shop.example/?mail=${plant}`, page_type: plant, locale: plant, tz: plant, device: plant, channel: plant, items: [plant], attributes: { mail: plant, [plant]: plant } };
    const decide = { visitor: { key: plant, anon: plant }, consent, state: plant, context, placements: [{ id: "home-hero" }] };
    const answers = [];
    const say = async (method, path, body, headers = {}) => answers.push([`${method} ${path}`, await call(worker, method, path, body, headers)]);
    for (const headers of [{}, { "sec-gpc": "1" }, { cookie: `__Host-vitrine_state=${plant}; euconsent-v2=${plant}; session=${plant}` }]) {
      await say("POST", "/v1/decide", decide, { ...headers, referer: `https://shop.example/${plant}`, "user-agent": plant, "x-forwarded-for": plant });
      await say("POST", "/v1/decide", { ...decide, consent: { ...consent, tcf: plant } }, headers);
      await say("POST", "/v1/decide", { ...decide, visitor: { ...decide.visitor, opt_out: true } }, headers);
    }
    await say("GET", "/v1/offers/home-hero", undefined, { "vitrine-visitor": plant });
    await say("POST", "/ofrep/v1/evaluate/flags", { context: { targetingKey: plant, email: plant, consent } });
    await say("POST", "/v1/exposures", { exposures: [{ token: plant }] });
    await say("POST", "/v1/me/preferences", { personalise: false }, { cookie: plant });
    await say("GET", "/v1/me/tags", undefined, { ...shop.bearer, "vitrine-visitor": plant });
    await say("DELETE", "/v1/me/tags", undefined, { ...shop.bearer, "vitrine-visitor": plant });
    await say("GET", "/healthz");
    for (const [what, { text, headers }] of answers) {
      // A refusal may tell a caller what the caller sent; nothing else may.
      if (!headers.get("content-type")?.includes("problem")) clean(text, what);
      for (const [name, value] of headers) clean(value, `${what}: ${name}`);
    }
    for (const [stored, bytes] of Object.entries(await worker.stored())) {
      clean(stored, "a key of KV");
      clean(Buffer.from(bytes).toString("latin1"), `KV ${stored}`);
    }
    const objects = ["visitors", "audit", "drafts", "tokens", "environments", "tables", "config"];
    for (const path of objects) clean((await worker.admin("GET", path)).text, `the registry's ${path}`);
  } finally {
    await fleet.stop();
    clean(fleet.log(), "the log");
  }
});
