// The whole way with a shop's real order file: the UCI data set "Online Retail" becomes profiles with `vitrine profiles
// build`, goes to the Worker with `vitrine tables publish` and `vitrine config publish`, and customers get their offers.
//
// What is true of a customer is worked out here, from the same file, without anything of Vitrine's.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { gist, request, STRANGER } from "./support/fixture.mjs";
import { skip, vitrineOrSkip } from "./support/native.mjs";
import { ADMIN_TOKEN, ROOT, startWorker, TABLE_KEY } from "./support/worker.mjs";

const ORDERS = resolve(
  process.env.VITRINE_TEST_DATA ?? resolve(ROOT, "../shared/data"),
  "online_retail/online_retail_2010_2011.parquet",
);
/// Midnight after the last order of the file.
const AS_OF_MS = Date.UTC(2011, 11, 10);
const DAY_MS = 86_400_000;

/// What is left of every customer's purchases once cancellations have taken back theirs: the latest purchase of the same item
/// first, never more than there is. Exact duplicates count once; lines without customer or price do not count.
function purchasesLeft(rows) {
  const seen = new Set();
  const byPair = new Map();
  for (const row of rows) {
    const { InvoiceNo: order, StockCode: item, CustomerID: customer, UnitPrice: price } = row;
    const line = JSON.stringify(Object.values(row).map(String));
    if (seen.has(line)) continue;
    seen.add(line);
    if (customer === null || customer === undefined) continue;
    const quantity = Number(row.Quantity);
    const isCancellation = order.startsWith("C");
    if (!isCancellation && (quantity <= 0 || price <= 0)) continue;
    const pair = `${customer} ${item}`;
    if (!byPair.has(pair)) byPair.set(pair, []);
    // Prices have three decimals of a pound: thousandths are whole numbers.
    const mills = Math.round(price * 1000);
    const at_ms = Date.parse(`${row.InvoiceDate.replace(" ", "T")}Z`);
    byPair.get(pair).push({ customer: String(customer), order, item, quantity, mills, at_ms, isCancellation, country: row.Country });
  }
  const left = new Map();
  for (const events of byPair.values()) {
    events.sort((a, b) =>
      a.at_ms - b.at_ms || a.isCancellation - b.isCancellation || (a.order < b.order ? -1 : a.order > b.order ? 1 : 0) ||
      a.mills - b.mills || a.quantity - b.quantity);
    const stack = [];
    for (const event of events) {
      if (!event.isCancellation) {
        stack.push({ ...event });
        continue;
      }
      for (let toTake = Math.abs(event.quantity); toTake > 0 && stack.length > 0; ) {
        const taken = Math.min(stack.at(-1).quantity, toTake);
        stack.at(-1).quantity -= taken;
        toTake -= taken;
        if (stack.at(-1).quantity === 0) stack.pop();
      }
    }
    for (const purchase of stack) {
      if (!left.has(purchase.customer)) left.set(purchase.customer, []);
      left.get(purchase.customer).push(purchase);
    }
  }
  return left;
}

/// Recency, frequency, money in pence, country, and the items bought in most orders.
function factsOf(purchases) {
  const last = purchases.reduce((a, b) => (b.at_ms > a.at_ms ? b : a));
  const ordersOf = Map.groupBy
    ? Map.groupBy(purchases, (it) => it.item)
    : purchases.reduce((map, it) => map.set(it.item, [...(map.get(it.item) ?? []), it]), new Map());
  const goods = [...ordersOf].filter(([item]) => /^\d{5}/.test(item));
  goods.sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
  return {
    recency_days: Math.floor((AS_OF_MS - last.at_ms) / DAY_MS),
    frequency: new Set(purchases.map((it) => it.order)).size,
    monetary_minor: purchases.reduce((sum, it) => sum + Math.floor((it.quantity * it.mills + 5) / 10), 0),
    country: last.country,
    favourites: goods.slice(0, 5).map(([item]) => item),
  };
}

/// For each customer: an offer that only somebody with these numbers may see, three that miss by a little, and a placement;
/// and one offer with the items that the customer buys most, all of them competing in one placement.
function configurationFor(facts) {
  const offers = [{ id: "nothing-for-you", content: {} }];
  const placements = [];
  for (const [customer, { recency_days, frequency, monetary_minor, country, favourites }] of facts) {
    // Money is kept within 0.3 %.
    const about = { $gte: monetary_minor * 0.997, $lte: monetary_minor * 1.003 };
    const exact = { "profile.recency_days": recency_days, "profile.frequency": frequency, "profile.monetary_minor": about, "profile.country": country };
    const CASES = {
      exact,
      "later": { ...exact, "profile.recency_days": { $lt: recency_days } },
      "earlier": { ...exact, "profile.recency_days": { $gt: recency_days } },
      "rarer": { ...exact, "profile.frequency": { $lt: frequency } },
      "oftener": { ...exact, "profile.frequency": { $gt: frequency } },
      "poorer": { ...exact, "profile.monetary_minor": { $lt: about.$gte } },
      "richer": { ...exact, "profile.monetary_minor": { $gt: about.$lte } },
    };
    const ids = Object.entries(CASES).map(([what, when]) => {
      offers.push({ id: `${what}-${customer}`, when, content: { customer } });
      return `${what}-${customer}`;
    });
    placements.push({ id: `facts-${customer}`, offers: ids, count: 7, fallback: "nothing-for-you" });
    offers.push({ id: `favourites-${customer}`, items: favourites, content: { customer } });
  }
  const favourites = facts.map(([customer]) => `favourites-${customer}`);
  placements.push({ id: "favourites", offers: favourites, ranker: "items", fallback: "nothing-for-you" });
  return { version: 1, offers, placements };
}

describe("the real order file, from the file to the offer", () => {
  let worker;
  let dir;
  let vitrine;
  let facts;
  let customers;

  const run = async (...args) => {
    const env = { ...process.env, VITRINE_TABLE_KEY: TABLE_KEY, VITRINE_ADMIN_TOKEN: ADMIN_TOKEN };
    const { stdout } = await promisify(execFile)(vitrine, [...args, "--json", "--quiet"], { env, maxBuffer: 1 << 26 });
    return JSON.parse(stdout);
  };

  /// Whether all that is needed is there; else the test is skipped.
  const ready = (t) => {
    if (worker) return true;
    if (!vitrineOrSkip(t)) return false;
    skip(t, existsSync(ORDERS) ? "the table was not built" : `${ORDERS} is not there`);
    return false;
  };

  before(async () => {
    const binary = process.env.VITRINE_BIN && resolve(ROOT, process.env.VITRINE_BIN);
    if (!binary || !existsSync(binary) || !existsSync(ORDERS)) return;
    vitrine = binary;
    dir = await mkdtemp(join(tmpdir(), "vitrine-e2e-"));
    const building = run("profiles", "build", "--orders", ORDERS, "--mapping", "online-retail", "--out", join(dir, "table"));
    const left = purchasesLeft(await parquetReadObjects({ file: await asyncBufferFromFile(ORDERS) }));
    const all = [...left].filter(([, purchases]) => purchases.length > 0).map(([id, purchases]) => [id, factsOf(purchases)]);
    const byId = new Map(all);
    const by = (column) => [...all].sort((a, b) => b[1][column] - a[1][column]);
    // Named customers, the extremes, and some from all over.
    const wanted = ["17850", "12347", by("monetary_minor")[0][0], by("frequency")[0][0], by("recency_days")[0][0], by("frequency").at(-1)[0]];
    for (let i = 1; i <= 6; i += 1) wanted.push(all[Math.floor((all.length * i) / 7)][0]);
    customers = [...new Set(wanted)];
    facts = customers.map((id) => [id, byId.get(id)]);
    const { report } = await building;
    assert.equal(report.customers, all.length);

    const started = await startWorker();
    await writeFile(join(dir, "offers.json"), JSON.stringify(configurationFor(facts)));
    await run("tables", "publish", join(dir, "table"), "--url", started.url);
    await run("config", "publish", join(dir, "offers.json"), "--url", started.url);
    worker = started;
  });
  after(async () => {
    await worker?.stop();
    if (dir) await rm(dir, { recursive: true });
  });

  test("known facts of two customers", (t) => {
    if (!ready(t)) return;
    const known = Object.fromEntries(facts);
    const { recency_days, frequency, monetary_minor } = known["12347"];
    assert.deepEqual({ recency_days, frequency, monetary_minor }, { recency_days: 2, frequency: 7, monetary_minor: 431_000 });
    assert.equal(known["17850"].recency_days, 372);
    assert.ok(known["17850"].favourites.includes("71053"), "the white metal lantern");
  });

  test("the table holds what is true of each customer", async (t) => {
    if (!ready(t)) return;
    for (const [customer, { recency_days, frequency, monetary_minor, country }] of facts) {
      const { found, columns } = await run("tables", "inspect", join(dir, "table"), "--visitor", customer);
      assert.ok(found, customer);
      const exact = [columns.recency_days, columns.frequency, columns.country];
      assert.deepEqual(exact, [recency_days, frequency, country], `customer ${customer}`);
      assert.ok(Math.abs(columns.monetary_minor / monetary_minor - 1) <= 0.003, `customer ${customer}: ${columns.monetary_minor} for ${monetary_minor}`);
    }
  });

  test("the Worker sees the same: the exact audience admits, its neighbours do not", async (t) => {
    if (!ready(t)) return;
    for (const [customer] of facts) {
      const { mode, reason, offers } = gist(await worker.decide(request(customer, `facts-${customer}`)));
      assert.deepEqual({ mode, reason, offers }, { mode: "personalised", reason: "ok", offers: [`exact-${customer}`] });
      const stranger = gist(await worker.decide(request(STRANGER, `facts-${customer}`)));
      assert.deepEqual([stranger.reason, stranger.offers], ["no_profile", ["fallback:nothing-for-you"]]);
    }
  });

  test("customers are offered what they like, and not all the same", async (t) => {
    if (!ready(t)) return;
    const shown = new Set();
    for (const customer of ["17850", "12347"]) {
      const { reason, offers } = gist(await worker.decide(request(customer, "favourites")));
      assert.deepEqual([reason, offers], ["ok", [`favourites-${customer}`]]);
    }
    for (const customer of customers) shown.add(gist(await worker.decide(request(customer, "favourites"))).offers[0]);
    assert.ok(shown.size > customers.length / 2, [...shown].join(" "));
  });

  test("no customer number is in KV", async (t) => {
    if (!ready(t)) return;
    for (const [key, bytes] of Object.entries(await worker.stored())) {
      if (/^[cd]\//.test(key)) continue; // This configuration and its document name customers; that is this test's doing.
      const text = Buffer.from(bytes).toString("latin1");
      for (const customer of customers) {
        // Item ids have five digits too; a customer number is looked for as a word where ids are text.
        assert.ok(!new RegExp(`"${customer}"`).test(text), `${key} holds ${customer}`);
      }
    }
  });
});
