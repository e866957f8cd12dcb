// What is sold out: published whole, seen with the pointers, back when it is back.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { assertProblem, assertTooLarge, publishOffers } from "./support/fixture.mjs";
import { vitrineOrSkip } from "./support/native.mjs";
import { ADMIN_TOKEN, read, startFleet } from "./support/worker.mjs";

const REFRESH_MS = 300;

const DOCUMENT = {
  version: 1,
  settings: { consent: "assumed" },
  offers: [
    { id: "kettle", items: ["kettle-1"], priority: 9, content: { title: "Kettle" } },
    { id: "teas", items: ["tea-1", "tea-2"], priority: 5, content: { title: "Teas" } },
    { id: "brand", priority: 1, content: { title: "Brand" } },
    { id: "gone", items: ["kettle-1"], content: { title: "Fallback" } },
  ],
  placements: [
    { id: "hero", offers: ["kettle", "teas", "brand"], fallback: "gone" },
    { id: "single", offers: ["kettle"], fallback: "gone" },
  ],
};

let fleet;
before(async () => {
  const vars = { REFRESH_MS: `${REFRESH_MS}` };
  fleet = await startFleet([
    { name: "shop", vars, namespace: "shared" },
    // Another isolate, which learns it only from KV.
    { name: "far", vars, namespace: "shared" },
    { name: "stale", vars: { ...vars, STOCK_AGE_MAX_S: "1" } },
    { name: "broken", vars },
    { name: "command", vars },
  ]);
});
after(() => fleet?.stop());

const top = async (worker, placement = "hero") => {
  const { body } = await worker.decide({ placements: [{ id: placement }] });
  const [{ items, fallback }] = body.decisions;
  return fallback ? `fallback:${fallback.offer}` : items[0].offer;
};
const publish = async (worker, ...sold_out) => {
  const answer = await worker.admin("PUT", "stock", { sold_out });
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
};
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/// Until the answer is this one: within the delay that is documented, and the time that answers take here. KV's own cache, 30 s at
/// most, is not part of the local one.
async function becomes(worker, expected, placement) {
  for (const end = Date.now() + REFRESH_MS + 5_000; Date.now() < end; await wait(50)) if ((await top(worker, placement)) === expected) return;
  assert.equal(await top(worker, placement), expected);
}

describe("an offer of which everything is sold out", () => {
  test("is not shown within the delay, is explained, and is back with its goods", async () => {
    const [shop, far] = ["shop", "far"].map((it) => fleet.worker(it));
    await publishOffers(shop, DOCUMENT);
    for (const worker of [shop, far]) await becomes(worker, "kettle");
    assert.equal((await shop.health()).stock, null);
    const { sold_out, published_at } = await publish(shop, "kettle-1", "tea-1", "nobody-sells-this");
    assert.equal(sold_out, 3);
    for (const worker of [shop, far]) {
      await becomes(worker, "teas");
      assert.equal(await top(worker, "single"), "fallback:gone", "fallback offers stay");
      const { stock } = await worker.health();
      assert.deepEqual([stock.published_at, stock.stale, stock.items_sold_out, stock.offers_left_out], [published_at, false, 3, 2]);
      assert.ok(stock.age_s >= 0 && stock.age_s < 60, `${stock.age_s}`);
    }
    const asked = await shop.decide({ placements: [{ id: "hero" }], options: { explain: true, dry_run: true } }, { authorization: `Bearer ${ADMIN_TOKEN}` });
    assert.deepEqual(asked.body.decisions[0].explain.map((it) => it.outcome), ["out_of_stock", "shown", "outranked"]);
    await publish(shop, "tea-1", "tea-2", "kettle-1");
    for (const worker of [shop, far]) await becomes(worker, "brand");
    await publish(shop);
    for (const worker of [shop, far]) await becomes(worker, "kettle");
    assert.equal((await far.health()).stock.offers_left_out, 0);
  });

  test("is shown again when nobody has told for longer than a feed holds", async () => {
    const worker = fleet.worker("stale");
    await publishOffers(worker, DOCUMENT);
    await publish(worker, "kettle-1");
    await becomes(worker, "kettle");
    const { stock } = await worker.health();
    assert.deepEqual([stock.stale, stock.items_sold_out, stock.offers_left_out], [true, 1, 0]);
  });
});

test("a list that breaks a rule changes nothing", async () => {
  const worker = fleet.worker("broken");
  await publishOffers(worker, DOCUMENT);
  await publish(worker, "kettle-1");
  await becomes(worker, "teas");
  const put = (body) => worker.admin("PUT", "stock", body);
  const before = Buffer.from((await worker.stored())["s/current"]);
  assertProblem(await put({ sold_out: Array.from({ length: 20_001 }, (_, it) => `${it}`) }), 400, "invalid_request", ["/sold_out"]);
  assertProblem(await put({ sold_out: ["a", ""] }), 400, "invalid_request", ["/sold_out/1"]);
  assertProblem(await put({ sold_out: ["a\nb"] }), 400, "invalid_request", ["/sold_out/0"]);
  assertProblem(await put({ sold_out: ["x".repeat(257)] }), 400, "invalid_request", ["/sold_out/0"]);
  assertProblem(await put({ sold_out: [1] }), 400, "invalid_request");
  assertProblem(await put({}), 400, "invalid_request");
  assertProblem(await put("{"), 400, "malformed_json");
  await assertTooLarge(put("x".repeat(9 << 20)));
  assertProblem(await worker.admin("PUT", "stock?environment=staging", { sold_out: [] }), 400, "invalid_request", ["/environment"]);
  assertProblem(await worker.admin("GET", "stock"), 405, "method_not_allowed");
  assertProblem(await read(await worker.fetch("/v1/admin/stock", { method: "PUT", body: "{}" })), 401, "unauthorized");
  assert.deepEqual(Buffer.from((await worker.stored())["s/current"]), before);
  // One that is damaged in KV leaves the one before.
  await worker.store({ "s/current": "rubbish" });
  await wait(REFRESH_MS + 100);
  assert.equal(await top(worker), "teas");
  await becomes(worker, "teas");
  assert.ok((await worker.counters()).refresh_failures >= 1);
});

test("the command reads feeds, from a file and from standard input, and publishes whole or not at all", async (t) => {
  const vitrine = vitrineOrSkip(t);
  if (!vitrine) return;
  const worker = fleet.worker("command");
  await publishOffers(worker, DOCUMENT);
  const run = (input, ...more) =>
    execFileSync(vitrine, ["stock", "publish", "-", "--url", worker.url, ...more], {
      input, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, VITRINE_ADMIN_TOKEN: ADMIN_TOKEN },
    });
  assert.match(run("sku,qty\nkettle-1,0\ntea-1,4\n"), /1 of 2 items are sold out/);
  await becomes(worker, "teas");
  const { items, sold_out } = JSON.parse(run('{"item":"kettle-1","stock":3}\n{"item":"tea-1","stock":0}\n', "--json"));
  assert.deepEqual([items, sold_out], [2, 1]);
  await becomes(worker, "kettle");
  assert.throws(() => run("sku,qty\nkettle-1,0\ntea-1,many\n"), (error) => {
    assert.equal(error.status, 3);
    assert.match(error.stderr, /line 3, column 7: "many" is not a number/);
    return true;
  });
  await wait(REFRESH_MS + 100);
  assert.equal(await top(worker), "kettle");
});
