// Events: every row stands for itself, counts exactly once, and is attributed by a stated rule.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { counts, decisionToken, gist, now_s, positions, send, shown, TOKEN_KEY } from "./support/events.mjs";
import { assertProblem, assertTooLarge, publishAll, publishOffers, request, VISITORS } from "./support/fixture.mjs";
import { sdkKey, publishedFlags } from "./support/flags.mjs";
import { eventually, read, startFleet, startWorker } from "./support/worker.mjs";

const CLIENT = sdkKey("production", "c1");
let fleet;
let worker;
let at;
/// A Worker with the configuration of the tests, and nothing counted.
const fresh = (name) => fleet.worker(name);

before(async () => {
  const vars = { TOKEN_KEY, EVENTS_SEGMENT_MS: "100" };
  fleet = await startFleet([
    { name: "rows", vars }, { name: "once", vars }, { name: "orders", vars }, { name: "joined", vars }, { name: "apart", vars },
    { name: "batches", vars }, { name: "files", vars, bucket: "unreliable" }, { name: "lost", vars, noLedger: true },
    { name: "unsigned" }, { name: "keyed", vars, kv: publishedFlags({ features: {} }, { pointer: { keys: [CLIENT.entry] } }) },
  ]);
  for (const it of fleet.workers.filter((it) => it.name !== "keyed")) await publishOffers(it);
  worker = fresh("rows");
  at = await positions(worker);
});
after(() => fleet?.stop());

let n = 0;
const id = () => `e-${(n += 1)}`;
const row = (type, more = {}) => ({ id: id(), type, ...more });
const sale = (more = {}) => row("conversion", { value: 199, currency: "CNY", ...more });
const ofAnn = (events, more = {}) => ({ visitor: { key: "ann" }, consent: { measure: true }, events, ...more });

describe("a row", () => {
  const CASES = [
    ["of no type", () => row("smile"), "invalid_type"],
    ["without id", () => ({ type: "view" }), "invalid_id"],
    ["that is no object", () => [1], "malformed"],
    ["with a member of its own", () => row("view", { mood: "good" }), "malformed"],
    ["without a token that it needs", () => row("impression"), "token_required"],
    ["with a forged token", () => row("click", { token: decisionToken({ key: "ab".repeat(32) }) }), "forged"],
    ["with an old token", () => row("click", { token: decisionToken({ issued_at_s: now_s() - 31 * 86_400 }) }), "stale"],
    ["with another environment's token", () => row("click", { token: decisionToken({ environment: "staging" }) }), "other_environment"],
    ["of a version that there is not", () => row("click", { token: decisionToken({ version: 77 }) }), "unknown_decision"],
    ["of an offer that there is not", () => row("click", { token: decisionToken({ offer: 999 }) }), "unknown_decision"],
    ["of a preview", () => row("click", { token: decisionToken({ version: 0 }) }), "unknown_decision"],
    ["with what names a person", () => sale({ props: { note: "call 138 1234 5678" } }), "personal_data"],
  ];
  for (const [what, make, code] of CASES) {
    test(`${what} is refused alone`, async () => {
      assert.deepEqual(gist(await send(worker, { events: [row("view"), make(), row("cart")] })), [2, 0, 0, [[1, code]]]);
    });
  }

  test("of every type counts, by name of what was shown", async () => {
    const token = decisionToken({ nonce: 40, placement: 1, offer: 2 });
    const types = ["impression", "click", "dismiss", "conversion", "custom", "service_contact", "share", "interaction", "feedback", "view", "cart"];
    const events = types.map((type) => row(type, { token, channel: "app" }));
    assert.deepEqual(gist(await send(worker, { events })), [11, 0, 0, []]);
    const found = shown(await counts(worker, `?by=placement,offer&channel=app`), "placement", "offer");
    assert.deepEqual(found, types.map((type) => `${type} token ${at.placements[1]} ${at.offers[2]} 1 0 0`).sort());
  });

  test("that is refused is counted apart, by its reason", async () => {
    const it = fresh("apart");
    await send(it, { events: [row("view"), row("smile"), row("smile"), row("impression")] });
    // What was refused goes along with the next events.
    await send(it, { events: [row("view")] });
    const { apart } = await eventually(() => counts(it), ({ apart }) => apart.invalid_type === 2);
    assert.deepEqual(apart, { invalid_type: 2, token_required: 1 });
  });
});

describe("a batch", () => {
  test("of a page needs no preflight, and is answered to its origin", async () => {
    const answer = await send(worker, { events: [row("view")] }, { origin: "https://shop.example" });
    assert.deepEqual(gist(answer), [1, 0, 0, []]);
    assert.equal(answer.headers.get("access-control-allow-origin"), "https://shop.example");
    assert.equal(answer.headers.get("cache-control"), "private, no-store");
  });
  test("may be empty, and has 100 rows at most", async () => {
    assert.deepEqual(gist(await send(worker, { events: [] })), [0, 0, 0, []]);
    const events = Array.from({ length: 100 }, () => row("view"));
    assert.deepEqual(gist(await send(worker, { events })), [100, 0, 0, []]);
    assertProblem(await send(worker, { events: [...events, row("view")] }), 400, "invalid_request", ["/events"]);
  });
  const BAD = [["", "malformed_json", []], ["[]", "invalid_request", [""]], ["{}", "invalid_request", [""]], ['{"events":[],"x":1}', "invalid_request", ["/x"]], [Buffer.from([0x7b, 0xff]), "malformed_json", []]];
  for (const [body, code, pointers] of BAD) {
    test(`is refused: ${String(body)}`, async () => assertProblem(await send(worker, body), 400, code, pointers));
  }
  test("of more than 64 KB is refused", async () => {
    await assertTooLarge(send(worker, { events: [row("view", { token: "x".repeat(66_000) })] }));
  });
  test("with another method is refused", async () => {
    const answer = await read(await worker.fetch("/v1/events"));
    assertProblem(answer, 405, "method_not_allowed");
    assert.equal(answer.headers.get("allow"), "POST");
  });
  test("needs a key where the environment has keys, in a header or the body", async () => {
    const keyed = fresh("keyed");
    assertProblem(await send(keyed, { events: [row("view")] }), 401, "unauthorized");
    assert.deepEqual(gist(await send(keyed, { events: [row("view")] }, { "x-api-key": CLIENT.key })), [1, 0, 0, []]);
    assert.deepEqual(gist(await send(keyed, { key: CLIENT.key, events: [row("view")] })), [1, 0, 0, []]);
  });
  test("of a deployment without TOKEN_KEY counts nothing", async () => {
    assert.deepEqual(gist(await send(fresh("unsigned"), { events: [row("view")] })), [0, 0, 0, [[0, "no_key"]]]);
  });
  test("that the ledger does not take is to be sent again", async () => {
    const answer = await send(fresh("lost"), ofAnn([row("view"), row("smile"), sale()]));
    assert.deepEqual(gist(answer), [0, 0, 0, [[0, "retry"], [1, "invalid_type"], [2, "retry"]]]);
    const batch = await send(fresh("lost"), { events: [{ type: "view" }, { type: "view" }] }, { "idempotency-key": "k" });
    assert.deepEqual(gist(batch), [0, 0, 0, [[0, "retry"], [1, "retry"]]]);
  });
});

describe("programs and pages that are fetched ahead", () => {
  test("are counted apart, and nothing of them counts", async () => {
    const it = fresh("apart");
    const before = await counts(it);
    const bot = await send(it, { events: [row("view"), row("view")] }, { "user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1)" });
    assert.deepEqual(gist(bot), [0, 0, 2, []]);
    const ahead = await send(it, { events: [row("view")] }, { "sec-purpose": "prefetch;prerender" });
    assert.deepEqual(gist(ahead), [0, 0, 1, []]);
    await send(it, { events: [row("cart")] });
    const { rows, apart } = await eventually(() => counts(it), ({ apart }) => apart.prefetch === 1);
    assert.deepEqual([apart.bot, apart.prefetch], [2, 1]);
    const views = (from) => from.find((it) => it.type === "view").n;
    assert.equal(views(rows), views(before.rows));
  });
});

describe("exactly once", () => {
  test("counts an event that is sent again, alone, in another batch, or twice in one", async () => {
    const it = fresh("once");
    const events = [sale(), sale({ value: 1 }), row("view")];
    assert.deepEqual(gist(await send(it, { events: [...events, events[0]] })), [3, 1, 0, []]);
    assert.deepEqual(gist(await send(it, { events: [row("view"), ...events] })), [1, 3, 0, []]);
    const found = shown(await counts(it));
    assert.deepEqual(found, ["conversion none 2 20000 396020000", "view none 2 0 0"]);
  });
  test("counts a showing's impression, click and dismissal once under whatever ids", async () => {
    const it = fresh("once");
    const token = decisionToken({ nonce: 91 });
    const other = decisionToken({ nonce: 91, rank: 1 });
    assert.deepEqual(gist(await send(it, { events: ["impression", "click", "dismiss"].map((type) => row(type, { token })) })), [3, 0, 0, []]);
    assert.deepEqual(gist(await send(it, { events: ["impression", "click", "dismiss"].map((type) => row(type, { token })) })), [0, 3, 0, []]);
    assert.deepEqual(gist(await send(it, { events: [row("impression", { token: other }), row("share", { token }), row("share", { token })] })), [3, 0, 0, []]);
  });
  test("counts an order once, whoever reports it", async () => {
    const it = fresh("orders");
    const token = decisionToken({ nonce: 5, offer: 1 });
    assert.deepEqual(gist(await send(it, ofAnn([sale({ order_id: "A-1", token })]))), [1, 0, 0, []]);
    assert.deepEqual(gist(await send(it, { events: [sale({ order_id: "A-1" }), sale({ order_id: "A-2" }), sale({ order_id: "A-1", token })] })), [1, 2, 0, []]);
    assert.deepEqual(shown(await counts(it, "?by=offer"), "offer"), ["conversion none  1 19900 396010000", `conversion token ${at.offers[1]} 1 19900 396010000`]);
  });
  test("holds when the same rows come at the same time", async () => {
    const it = fresh("once");
    const before = shown(await counts(it, "?by=name&name=race"), "name");
    assert.deepEqual(before, []);
    const events = Array.from({ length: 20 }, () => row("custom", { name: "race" }));
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(it, { events })));
    const sums = answers.map(gist).reduce(([a, b], [accepted, duplicate]) => [a + accepted, b + duplicate], [0, 0]);
    assert.deepEqual(sums, [20, 140]);
    assert.deepEqual(shown(await counts(it, "?by=name&name=race"), "name"), ["custom none race 20 0 0"]);
  });
});

describe("a conversion without token", () => {
  test("goes to the visitor's last click, else the last view, within the window; and to the variations met", async () => {
    const it = fresh("joined");
    const of = (key, events, consent = { measure: true }) => send(it, { visitor: { key }, consent, events });
    const click = (offer, nonce, more) => row("click", { token: decisionToken({ offer, nonce }), ...more });
    const view = (offer, nonce) => row("impression", { token: decisionToken({ offer, nonce }) });
    await of("b1", [click(1, 1), view(2, 2)]);
    assert.deepEqual(gist(await of("b1", [sale()])), [1, 0, 0, []]);
    await of("b2", [view(2, 3), sale()]);
    await of("b3", [sale()]);
    await of("b4", [click(1, 4), sale()], {});
    await send(it, { visitor: { key: "b5" }, consent: { measure: true }, events: [click(1, 5), sale()] }, { "sec-gpc": "1" });
    await of("b6", [click(3, 6, { at: new Date(Date.now() - 8 * 86_400_000).toISOString() }), sale()]);
    await of("b7", [row("click", { token: decisionToken({ offer: 1, nonce: 7, measure: false }) }), sale()]);
    await of("b8", [click(1, 8, { at: new Date(Date.now() - 60_000).toISOString() }), click(2, 9), sale()]);
    const found = shown(await counts(it, "?by=offer"), "offer").filter((it) => it.startsWith("conversion"));
    const squares = (n) => `${n} ${n * 19_900} ${n * 396_010_000}`;
    assert.deepEqual(found, [
      `conversion none  ${squares(5)}`, `conversion visitor_click ${at.offers[1]} ${squares(1)}`,
      `conversion visitor_click ${at.offers[2]} ${squares(1)}`, `conversion visitor_view ${at.offers[2]} ${squares(1)}`,
    ].sort());
  });
  test("is attributed to nothing once its visitor is forgotten", async () => {
    const it = fresh("joined");
    const of = (events) => send(it, { visitor: { anon: "gone" }, consent: { measure: true }, events });
    await of([row("click", { token: decisionToken({ offer: 1, nonce: 20 }) }), row("impression", { token: decisionToken({ offer: 1, nonce: 21 }) })]);
    const forgotten = async () => (await it.admin("POST", "counts/forget", { visitor: "gone" })).body;
    assert.deepEqual([await forgotten(), await forgotten()], [{ forgotten: 2 }, { forgotten: 0 }]);
    await of([sale({ name: "later" })]);
    assert.deepEqual(shown(await counts(it, "?by=name&name=later"), "name"), ["conversion none later 1 19900 396010000"]);
  });
  test("says by which rule and window", async () => {
    const { rules, window_s, environment, from, to } = await counts(fresh("joined"));
    assert.equal(window_s, 604_800);
    assert.match(rules.visitor_click, /last click/);
    assert.equal(environment, "production");
    assert.ok(Date.parse(from) < Date.now() && Date.now() < Date.parse(to));
  });
});

describe("a server's batch", () => {
  test("has its answer again under its key, and needs no ids", async () => {
    const it = fresh("batches");
    const body = { events: [{ type: "view" }, { type: "smile" }, { type: "view", visitor: { key: "x" }, consent: { measure: true } }] };
    const headers = { "idempotency-key": "import-7", "user-agent": "python-requests/2.32" };
    const first = await send(it, body, headers);
    assert.deepEqual(gist(first), [2, 0, 0, [[1, "invalid_type"]]]);
    assert.equal((await send(it, body, headers)).text, first.text);
    assertProblem(await send(it, { events: [{ type: "cart" }] }, headers), 409, "conflict");
    assert.deepEqual(gist(await send(it, body, { ...headers, "idempotency-key": "import-8" })), [2, 0, 0, [[1, "invalid_type"]]]);
    assert.deepEqual(shown(await counts(it)), ["view none 4 0 0"]);
    assertProblem(await send(it, body, { ...headers, "idempotency-key": "x".repeat(129) }), 400, "invalid_request", ["/idempotency-key"]);
  });
});

describe("raw events", () => {
  const lines = async (it) => Object.values(await it.files()).flatMap((text) => text.trim().split("\n").map((line) => JSON.parse(line)));
  test("are in files, each once, whatever fails between", async () => {
    const it = fresh("files");
    const sent = [];
    const some = async () => {
      const events = Array.from({ length: 30 }, () => row("view"));
      sent.push(...events.map((it) => it.id));
      assert.deepEqual(gist(await send(it, ofAnn(events))), [30, 0, 0, []]);
    };
    await it.bucketFault("refuse");
    await some();
    await eventually(() => it.bucketFault("refuse"), (tries) => tries > 0);
    assert.deepEqual(await it.files(), {});
    // The file is written, and the ledger does not learn of it: it writes it again, with what has come meanwhile.
    await it.bucketFault("forget");
    await eventually(() => it.files(), (files) => Object.keys(files).length > 0);
    await some();
    await it.bucketFault();
    await some();
    const found = await eventually(() => lines(it), (found) => new Set(found.map((it) => it.id)).size === sent.length);
    assert.deepEqual(found.map((it) => it.id).sort(), [...sent].sort(), "each is in one file");
    for (const name of Object.keys(await it.files())) assert.match(name, /^events\/production\/\d{4}-\d\d-\d\d\/[0-7]-\d{12}\.ndjson$/);
    assert.deepEqual([found[0].v, found[0].type, found[0].offer, found[0].visitor.length], [1, "view", null, 16]);
  });
});

test("5,000 visitors shop, and counts equal the driver's own through retries, duplicates, disorder and a restart in the middle", async () => {
  const persist = mkdtempSync(join(tmpdir(), "vitrine-events-"));
  const options = { persist, bucket: true, vars: { TOKEN_KEY, EVENTS_SEGMENT_MS: "2000" } };
  let it = await startWorker(options);
  try {
    await publishAll(it);
    const N_VISITORS = 5_000;
    let seed = 42;
    const random = (below) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return seed % below;
    };
    const shuffled = (list) => {
      for (let i = list.length - 1; i > 0; i -= 1) {
        const j = random(i + 1);
        [list[i], list[j]] = [list[j], list[i]];
      }
      return list;
    };
    // What each visitor does, and the driver's own counts of it.
    const own = {};
    const raise = (type, rule, offer, value = 0) => {
      const sum = (own[`${type} ${rule} ${offer}`] ??= [0, 0, 0n]);
      sum[0] += 1;
      sum[1] += value;
      sum[2] += BigInt(value) * BigInt(value);
    };
    const batches = [];
    // Everybody asks for two placements: known customers, strangers, and people who want nothing that is theirs.
    const known = Object.values(VISITORS);
    const shown_to = Array(N_VISITORS);
    const asking = [...shown_to.keys()];
    const visit = async () => {
      for (let visitor = asking.pop(); visitor !== undefined; visitor = asking.pop()) {
        const key = visitor % 7 === 0 ? undefined : visitor % 3 === 0 ? known[visitor % known.length] : `visitor-${visitor}`;
        const consent = { personalise: visitor % 5 !== 0, measure: true };
        const answer = await it.decide(request(key, ["home-hero", "banner"], { consent }));
        assert.equal(answer.status, 200, answer.text);
        shown_to[visitor] = answer.body.decisions.flatMap(({ items }) => items.slice(0, 1).map(({ offer, token }) => ({ offer, token })));
      }
    };
    await Promise.all(Array.from({ length: 8 }, visit));
    assert.ok(new Set(shown_to.flat().map(({ offer }) => offer)).size > 2);
    for (const [visitor, showings] of shown_to.entries()) {
      const events = [];
      for (const [showing, { offer, token }] of showings.entries()) {
        events.push(row("impression", { token }));
        raise("impression", "token", offer);
        if (random(3) === 0) {
          events.push(row("click", { token }));
          raise("click", "token", offer);
          if (random(2) === 0) {
            const value = random(100_000);
            events.push(row("conversion", { token, value: value / 100, currency: "CNY", order_id: `o-${visitor}-${showing}` }));
            raise("conversion", "token", offer, value);
          }
        }
      }
      if (random(10) === 0) {
        events.push(row("conversion", { value: 1, currency: "CNY" }));
        raise("conversion", "none", "", 100);
      }
      // Visitors send in one or two batches, some rows twice.
      const doubled = shuffled([...events, ...events.filter(() => random(5) === 0)]);
      const cut = random(doubled.length + 1);
      for (const part of [doubled.slice(0, cut), doubled.slice(cut)].filter((part) => part.length > 0)) {
        batches.push({ sent_at: new Date().toISOString(), events: part });
      }
    }
    const n_rows = batches.reduce((sum, it) => sum + it.events.length, 0);
    let waiting = shuffled([...batches, ...batches.filter(() => random(10) === 0)]);
    const started_ms = Date.now();
    let restarts = 0;
    while (waiting.length > 0) {
      const again = [];
      const queue = [...waiting];
      const half = restarts === 0 ? Math.floor(queue.length / 2) : 0;
      let stopping;
      const work = async () => {
        for (let body = queue.pop(); body; body = queue.pop()) {
          // In the middle it is ended while calls are under way.
          if (restarts === 0 && queue.length === half) {
            restarts += 1;
            stopping = it.stop();
          }
          const answer = await send(it, body).catch(() => undefined);
          const [, , , rejected] = answer?.status === 202 ? gist(answer) : [0, 0, 0, [[0, "retry"]]];
          assert.ok(rejected.every(([, code]) => code === "retry"), JSON.stringify(rejected));
          if (rejected.length > 0) again.push(body);
          if (stopping) {
            again.push(...queue.splice(0));
          }
        }
      };
      await Promise.all(Array.from({ length: 8 }, work));
      if (stopping) {
        await stopping;
        it = await startWorker(options);
      }
      waiting = again;
    }
    assert.equal(restarts, 1);
    const seconds = (Date.now() - started_ms) / 1000;
    console.log(`# ${n_rows} rows in ${batches.length} batches, restart included: ${Math.round(n_rows / seconds)} rows/s`);
    const expected = Object.entries(own).map(([key, [count, value, squares]]) => `${key} ${count} ${value} ${squares}`);
    assert.deepEqual(shown(await counts(it, "?by=offer"), "offer"), expected.sort());
    const n_events = Object.values(own).reduce((sum, [count]) => sum + count, 0);
    const files = await eventually(() => it.files(), (files) => Object.values(files).join("").split("\n").length - 1 >= n_events);
    const ids = Object.values(files).join("").trim().split("\n").map((line) => JSON.parse(line).id);
    assert.equal(new Set(ids).size, n_events);
    assert.equal(ids.length, n_events);
  } finally {
    await it.stop();
    rmSync(persist, { recursive: true, force: true });
  }
});
