// Caps of all visitors together and budgets of campaigns: leased in portions, never passed, and counted over restarts.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { assertProblem, publishOffers } from "./support/fixture.mjs";
import { gist, send, TOKEN_KEY } from "./support/events.mjs";
import { vitrineOrSkip } from "./support/native.mjs";
import { ADMIN_TOKEN, read, startFleet, startWorker } from "./support/worker.mjs";

const HOUR_MS = 3_600_000;
const at = (ms) => new Date(Date.now() + ms).toISOString();

const offer = (id, more = {}) => ({ id, content: { title: id }, ...more });

/// A campaign with this budget, and what a campaign has to have.
const campaign = (id, offers, budget, more = {}) => ({
  id, offers, channels: ["web"], goal: { metric: "orders", target: 5, deadline: at(500 * HOUR_MS), owner: "ann" },
  budget: { currency: "EUR", ...budget }, evaluation: "target", starts: at(-10 * HOUR_MS), ends: at(90 * HOUR_MS), ...more,
});

/// The offers `first`, then `second`, then the fallback `welcome`: by priority.
function document({ first = {}, second = {}, campaigns = [], count = 1, placements = [] } = {}) {
  return {
    version: 1,
    settings: { consent: "assumed", time_zone: "UTC" },
    metrics: [{ id: "orders", type: "proportion", event: "purchase" }],
    offers: [offer("first", { priority: 9, ...first }), offer("second", { priority: 1, ...second }), offer("welcome")],
    ...(campaigns.length > 0 ? { campaigns } : {}),
    placements: [{ id: "hero", offers: ["first", "second"], count, fallback: "welcome" }, ...placements],
  };
}

const ASK = { placements: [{ id: "hero" }] };
const shown = ({ body }) => body.decisions.flatMap(({ items, fallback }) => (fallback ? [fallback.offer] : items.map((it) => it.offer)));

/// Asks `n` times, `at_once` at a time. Gives how often each offer was shown.
async function ask(worker, n, { at_once = 50, body = ASK, path } = {}) {
  const tally = {};
  for (let done = 0; done < n; done += at_once) {
    const calls = Array.from({ length: Math.min(at_once, n - done) }, async () => {
      const answer = path ? await read(await worker.fetch(path)) : await worker.decide(body);
      assert.equal(answer.status, 200, answer.text);
      for (const it of shown(answer)) tally[it] = (tally[it] ?? 0) + 1;
    });
    await Promise.all(calls);
  }
  return tally;
}

const budgets = async (worker) => {
  const answer = await worker.admin("GET", "budgets");
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
};

const why = async (worker) => {
  const answer = await worker.decide({ ...ASK, options: { explain: true, dry_run: true } }, { authorization: `Bearer ${ADMIN_TOKEN}` });
  return Object.fromEntries(answer.body.decisions[0].explain.map((it) => [it.offer, it.outcome]));
};

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/// Until something holds; fails after a while that is far longer than it takes.
async function until(what, holds) {
  for (const end = Date.now() + 20_000; Date.now() < end; await wait(50)) if (await holds()) return;
  assert.fail(`never: ${what}`);
}

/// Publishes, and waits until the isolate answers from it: requests that come together with the first one still get what was before.
async function publish(worker, document) {
  const version = await publishOffers(worker, document);
  const probe = { ...ASK, options: { dry_run: true } };
  await until("it runs", async () => (await worker.decide(probe)).body.bundle === version);
}

const vars = { TOKEN_KEY };
let fleet;
before(async () => {
  const shared = ["one", "other", "third"].map((name) => ({
    name, namespace: "shared", vars: { ...vars, PORTION_LIFE_MS: "1000", REFRESH_MS: "100" }, ...(name === "one" ? {} : { budgetOf: "one" }),
  }));
  fleet = await startFleet([
    ...["total", "small", "daily", "cpm", "pair", "cpc", "cpa", "even", "free", "mails", "raised"].map((name) => ({ name, vars: { ...vars, PORTION_LIFE_MS: "1000" } })),
    { name: "gone", vars, noBudget: true },
    ...shared,
  ]);
});
after(() => fleet?.stop());

describe("a cap in total", () => {
  test("is never passed by hundreds of calls at once, and is reached", async () => {
    const worker = fleet.worker("total");
    await publish(worker, document({ first: { caps: { total: 100 } } }));
    const tally = await ask(worker, 600, { at_once: 600 });
    // What portions still hold is shown by the calls that come after.
    const rest = await ask(worker, 200, { at_once: 20 });
    const sum = (tally.first ?? 0) + (rest.first ?? 0);
    assert.equal(sum, 100);
    assert.equal(tally.first + tally.second + (rest.first ?? 0) + rest.second, 800, "the other offer fills the place");
    const { caps, version } = await budgets(worker);
    assert.equal(version, 1);
    assert.deepEqual(caps.map(({ offer, cap, max, used, open }) => [offer, cap, max, used, open]), [["first", "total", 100, 100, false]]);
    assert.deepEqual(await why(worker), { first: "total_cap", second: "shown" });
    assert.equal((await worker.counters()).lease_failures, 0);
  });

  test("of one is shown once", async () => {
    const worker = fleet.worker("small");
    await publish(worker, document({ first: { caps: { total: 1 } } }));
    assert.deepEqual(await ask(worker, 100), { first: 1, second: 99 });
  });

  test("is spent by what is counted alone: no dry runs, no fallback offers", async () => {
    const worker = fleet.worker("free");
    const capped = { caps: { total: 3 } };
    const doc = document({ first: capped });
    doc.offers[2].caps = { total: 1 };
    doc.placements.push({ id: "bare", offers: [], fallback: "welcome" });
    doc.placements[1].offers = ["none"];
    doc.offers.push(offer("none", { ends: "2020-01-01T00:00:00Z" }));
    await publish(worker, doc);
    assert.deepEqual(await ask(worker, 20, { body: { ...ASK, options: { dry_run: true } } }), { first: 20 });
    assert.deepEqual(await ask(worker, 20, { body: { placements: [{ id: "bare" }] } }), { welcome: 20 });
    assert.deepEqual(await ask(worker, 20), { first: 3, second: 17 });
    const { caps } = await budgets(worker);
    assert.deepEqual(caps.map(({ offer, used }) => [offer, used]), [["first", 3], ["welcome", 0]]);
  });

  test("is spent by lines of a batch, by banners and by both placements of a page", async () => {
    const worker = fleet.worker("mails");
    const doc = document({ first: { caps: { total: 10 } }, placements: [{ id: "side", offers: ["first"], fallback: "welcome" }] });
    doc.offers[0].content = { image: "https://shop.example/first.png" };
    doc.offers[1].content = { image: "https://shop.example/second.png" };
    await publish(worker, doc);
    const { body: { key } } = await worker.admin("POST", "environments/production/keys", { kind: "server" });
    const lines = Array.from({ length: 4 }, () => JSON.stringify(ASK)).join("\n");
    const batch = await (await worker.fetch("/v1/decide/batch", { method: "POST", body: lines, headers: { authorization: `Bearer ${key}` } })).text();
    assert.deepEqual(batch.trim().split("\n").map((it) => shown({ body: JSON.parse(it) })[0]), Array(4).fill("first"));
    const banner = async () => (await worker.fetch("/v1/banner/hero", { redirect: "manual" })).headers.get("location");
    assert.deepEqual([await banner(), await banner()], Array(2).fill("https://shop.example/first.png"));
    const page = { placements: [{ id: "hero" }, { id: "side" }] };
    assert.deepEqual(await ask(worker, 5, { body: page, at_once: 1 }), { first: 4, second: 3, welcome: 3 });
    assert.equal(await banner(), "https://shop.example/second.png");
  });

  test("goes on when it is raised, and keeps its count over versions", async () => {
    const worker = fleet.worker("raised");
    await publish(worker, document({ first: { caps: { total: 5 } } }));
    assert.deepEqual(await ask(worker, 20), { first: 5, second: 15 });
    await publish(worker, document({ first: { caps: { total: 8 } } }));
    assert.deepEqual(await ask(worker, 20), { first: 3, second: 17 });
    await publish(worker, document({ first: { caps: { total: 2 } } }));
    assert.deepEqual(await ask(worker, 5), { second: 5 });
  });

  test("holds over isolates, which share one object", async () => {
    const isolates = ["one", "other", "third"].map((it) => fleet.worker(it));
    await publish(isolates[0], document({ first: { caps: { total: 120 } } }));
    // One after the other first, so that each has portions; then all at once.
    const tallies = [];
    for (const it of isolates) tallies.push(await ask(it, 10, { at_once: 1 }));
    tallies.push(...(await Promise.all(isolates.map((it) => ask(it, 200, { at_once: 100 })))));
    const shown = () => tallies.reduce((sum, it) => sum + (it.first ?? 0), 0);
    assert.ok(shown() <= 120, `${shown()} of 120`);
    // What an isolate holds and does not show it gives back when its portion ends, and another one shows it.
    await until("all is shown", async () => {
      for (const it of isolates) tallies.push(await ask(it, 5));
      assert.ok(shown() <= 120, `${shown()} of 120`);
      return shown() === 120;
    });
    for (const it of isolates) assert.deepEqual(await ask(it, 20), { second: 20 });
    assert.deepEqual((await budgets(isolates[0])).caps.map(({ max, used }) => [max, used]), [[120, 120]]);
  });

  test("survives a restart", async () => {
    const persist = mkdtempSync(join(tmpdir(), "vitrine-budget-"));
    try {
      const start = () => startWorker({ persist, vars });
      let worker = await start();
      await publish(worker, document({ first: { caps: { total: 200 } } }));
      const before = await ask(worker, 60);
      assert.equal(before.first, 60);
      await worker.stop();
      worker = await start();
      const rest = await ask(worker, 400);
      await worker.stop();
      // The isolate took along what it had leased: at most twice what it had shown of late, and it is never shown again.
      const sum = before.first + rest.first;
      assert.ok(sum <= 200, `${sum} of 200`);
      assert.ok(sum >= 200 - 2 * 60 - 4, `${sum} of 200`);
    } finally {
      rmSync(persist, { recursive: true, force: true });
    }
  });
});

test("a cap of the day is reached and not passed", async () => {
  const worker = fleet.worker("daily");
  await publish(worker, document({ first: { caps: { daily: 40, total: 1000 } } }));
  const tally = await ask(worker, 300);
  const rest = await ask(worker, 50);
  assert.equal(tally.first + (rest.first ?? 0), 40);
  const { caps } = await budgets(worker);
  assert.deepEqual(caps.map(({ cap, max, open }) => [cap, max, open]), [["total", 1000, true], ["daily", 40, false]]);
  assert.equal(caps[1].used, 40);
  assert.deepEqual(await why(worker), { first: "daily_cap", second: "shown" });
});

describe("the budget of a campaign", () => {
  test("by thousand impressions is spent by answers, and stops all offers of the campaign", async () => {
    const worker = fleet.worker("cpm");
    // 20 EUR, 1 EUR each.
    await publish(worker, document({ campaigns: [campaign("spring", ["first"], { amount: 20, cost: "cpm", price: 1000 })] }));
    const tally = await ask(worker, 100);
    const rest = await ask(worker, 40);
    assert.equal(tally.first + (rest.first ?? 0), 20);
    const { budgets: [spring] } = await budgets(worker);
    assert.deepEqual([spring.campaign, spring.cost, spring.budget_minor, spring.planned_minor, spring.spent_minor, spring.open], ["spring", "cpm", 2000, 2000, 2000, false]);
    assert.deepEqual(await why(worker), { first: "budget", second: "shown" });
  });

  test("is shared by offers of one answer, and not passed by the last one", async () => {
    const worker = fleet.worker("pair");
    const both = [campaign("spring", ["first", "second"], { amount: 11, cost: "cpm", price: 1000 })];
    await publish(worker, document({ count: 2, campaigns: both }));
    const tally = await ask(worker, 60, { at_once: 7 });
    assert.equal((tally.first ?? 0) + (tally.second ?? 0), 11);
    assert.ok(tally.welcome >= 60 - 11);
  });

  /// Shows the offer once, and gives the token.
  const token = async (worker) => (await worker.decide(ASK)).body.decisions[0].items[0].token;
  const click = (worker, id, token) => send(worker, { events: [{ id, type: "click", token }] });

  test("by click is spent by clicks; a click that is sent twice costs once", async () => {
    const worker = fleet.worker("cpc");
    // 2.50 EUR, 1 EUR a click: two of them.
    await publish(worker, document({ campaigns: [campaign("spring", ["first"], { amount: 2.5, cost: "cpc", price: 1 })] }));
    assert.deepEqual(await ask(worker, 50), { first: 50 });
    const [one, two] = [await token(worker), await token(worker)];
    assert.deepEqual(gist(await click(worker, "a", one)), [1, 0, 0, []]);
    for (const id of ["a", "b"]) assert.deepEqual(gist(await click(worker, id, one)), [0, 1, 0, []]);
    const spent = async () => (await budgets(worker)).budgets[0].spent_minor;
    assert.equal(await spent(), 100);
    assert.deepEqual(gist(await send(worker, { events: [{ id: "i", type: "impression", token: two }] })), [1, 0, 0, []]);
    assert.equal(await spent(), 100, "impressions cost nothing");
    await wait(1100);
    assert.deepEqual(await ask(worker, 5), { first: 5 }, "a second click is paid for");
    assert.deepEqual(gist(await click(worker, "c", two)), [1, 0, 0, []]);
    assert.equal(await spent(), 200);
    await until("it stops", async () => (await ask(worker, 1)).second === 1);
    assert.deepEqual(await ask(worker, 20), { second: 20 });
    assert.deepEqual(await why(worker), { first: "budget", second: "shown" });
  });

  test("by conversion is spent by conversions; an order that is told twice costs once", async () => {
    const worker = fleet.worker("cpa");
    await publish(worker, document({ campaigns: [campaign("spring", ["first"], { amount: 10, cost: "cpa", price: 10 })] }));
    const mine = await token(worker);
    const order = { type: "conversion", name: "purchase", value: 30, currency: "EUR", order_id: "o-1" };
    assert.deepEqual(gist(await send(worker, { events: [{ ...order, id: "x" }] })), [1, 0, 0, []]);
    assert.equal((await budgets(worker)).budgets[0].spent_minor, 0, "one that is nobody's merit costs nobody");
    assert.deepEqual(gist(await send(worker, { events: [{ ...order, id: "y", order_id: "o-2", token: mine }] })), [1, 0, 0, []]);
    assert.deepEqual(gist(await send(worker, { events: [{ ...order, id: "z", order_id: "o-2", token: mine }] })), [0, 1, 0, []]);
    const [spring] = (await budgets(worker)).budgets;
    assert.deepEqual([spring.spent_minor, spring.open], [1000, false]);
    await until("it stops", async () => (await ask(worker, 1)).second === 1);
  });

  test("that is spread evenly holds back what is not due yet", async () => {
    const worker = fleet.worker("even");
    // 100 EUR over 100 hours, 10 of which are over: 10 answers of 1 EUR each.
    const even = campaign("spring", ["first"], { amount: 100, cost: "cpm", price: 1000, pacing: "even" });
    await publish(worker, document({ campaigns: [even] }));
    const tally = await ask(worker, 100);
    const rest = await ask(worker, 40);
    assert.equal(tally.first + (rest.first ?? 0), 10);
    const [spring] = (await budgets(worker)).budgets;
    assert.equal(spring.budget_minor, 10_000);
    assert.ok(spring.planned_minor >= 1000 && spring.planned_minor < 1100, `${spring.planned_minor}`);
    assert.deepEqual(await why(worker), { first: "budget", second: "shown" });
  });
});

test("without the object, what is limited is left out, and everything else is served", async () => {
  const worker = fleet.worker("gone");
  const visitor = { caps: { visitor: [{ count: 3, per: "1d" }] } };
  await publish(worker, document({ first: visitor, campaigns: [campaign("spring", ["first"], { amount: 20 })] }));
  assert.deepEqual(await ask(worker, 20), { first: 20 });
  assert.equal((await worker.counters()).lease_failures, 0, "nobody is asked where nothing is limited for all");
  await publish(worker, document({ first: { caps: { total: 100 } } }));
  assert.deepEqual(await ask(worker, 30, { at_once: 10 }), { second: 30 });
  const { lease_failures } = await worker.counters();
  assert.ok(lease_failures >= 1, `${lease_failures}`);
  const answer = await worker.decide({ ...ASK, options: { explain: true } }, { authorization: `Bearer ${ADMIN_TOKEN}` });
  assert.deepEqual(answer.body.decisions[0].explain.map((it) => it.outcome), ["limit_unknown", "shown"]);
  assertProblem(await worker.admin("GET", "budgets"), 503, "unavailable");
});

test("the command shows what is left", async (t) => {
  const vitrine = vitrineOrSkip(t);
  if (!vitrine) return;
  const worker = fleet.worker("daily");
  const env = { ...process.env, VITRINE_ADMIN_TOKEN: ADMIN_TOKEN };
  const text = execFileSync(vitrine, ["budgets", "--url", worker.url], { encoding: "utf8", env });
  assert.match(text, /^production, version 1, /);
  assert.match(text, /first +daily +40 +40 +\d+ +stopped/);
  const { caps } = JSON.parse(execFileSync(vitrine, ["budgets", "--json", "--url", worker.url], { encoding: "utf8", env }));
  assert.deepEqual(caps.map((it) => it.cap), ["total", "daily"]);
});

test("the report is for those who may look, of an environment that there is", async () => {
  const worker = fleet.worker("total");
  assertProblem(await worker.admin("GET", "budgets?environment=nowhere"), 404, "not_found");
  assertProblem(await worker.admin("GET", "budgets?offer=first"), 400, "invalid_request", ["/offer"]);
  assertProblem(await worker.admin("POST", "budgets"), 405, "method_not_allowed");
  assertProblem(await read(await worker.fetch("/v1/admin/budgets")), 401, "unauthorized");
});
