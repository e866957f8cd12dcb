// What is out of order is told to a webhook, once: by the cron trigger, over real HTTP.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { decisionToken, gist, now_s, send, TOKEN_KEY } from "./support/events.mjs";
import { assertProblem, publishOffers } from "./support/fixture.mjs";
import { body } from "./support/registry.mjs";
import { read, startFleet } from "./support/worker.mjs";

const shop = (alerts, weights = [50, 50]) => ({
  version: 1,
  settings: { consent: "assumed" },
  metrics: [{ id: "orders", type: "proportion", event: "purchase", goal: "increase" }],
  experiments: [{
    id: "hero-test", type: "string", metrics: { goal: ["orders"] },
    variations: ["control", "bold"].map((id, at) => ({ id, value: id, weight: weights[at] })),
  }],
  offers: ["tulips", "welcome"].map((id) => ({ id, content: { title: id } })),
  placements: [{ id: "home", fallback: "welcome" }],
  ...(alerts ? { alerts } : {}),
});

/// A receiver of webhooks. `status` is what it answers; `messages` what it got, by the path that it was sent to.
let receiver;
let hook;
const messages = {};
let status = 200;
let fleet;
before(async () => {
  receiver = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk) => (text += chunk)).on("end", () => {
      assert.deepEqual([request.method, request.headers["content-type"]], ["POST", "application/json"]);
      (messages[request.url] ??= []).push(JSON.parse(text));
      response.writeHead(status).end("ok");
    });
  });
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  hook = `http://127.0.0.1:${receiver.address().port}`;
  const worker = (name, more = {}) => ({ name, vars: { TOKEN_KEY, REFRESH_MS: "0", ALERT_WEBHOOK: `${hook}/${name}`, ...more } });
  fleet = await startFleet([
    worker("once"), worker("ratio"), worker("missing"), worker("quiet"), worker("broken"), worker("trial"),
    worker("silent", { ALERT_WEBHOOK: null }), worker("nobody", { ALERT_WEBHOOK: "http://127.0.0.1:1/hook" }),
  ]);
});
after(async () => {
  await fleet?.stop();
  receiver?.close();
});

/// What the receiver got since the last call: of each message the keys and changes.
const told = (worker) => (messages[`/${worker.name}`] ?? []).splice(0).map((it) => it.alerts.map(({ key, change }) => `${change} ${key}`));
let n = 0;
async function events(worker, type, times, more = {}) {
  const batch = Array.from({ length: times }, () => ({ id: `e${(n += 1)}`, type, ...more }));
  assert.deepEqual(gist(await send(worker, { events: batch })), [times, 0, 0, []]);
}
const open = async (worker) => body(await worker.admin("GET", "alerts")).open.map((it) => it.key);
const many = (above) => ({ counters: [{ id: "many", event: "view", above }] });

describe("an alert", () => {
  test("is told once when it begins, and once when it is over", async () => {
    const worker = fleet.worker("once");
    await publishOffers(worker, shop(many(3)));
    await worker.schedule();
    assert.deepEqual([told(worker), await open(worker)], [[], []]);
    await events(worker, "view", 4);
    await worker.schedule();
    const [message] = messages["/once"];
    assert.equal(message.text, "Vitrine, production:\nalert: many: 4 view in 1 h, above 3");
    assert.deepEqual([message.environment, message.test, message.alerts[0].since], ["production", false, message.at]);
    assert.deepEqual(told(worker), [["fired counter/many"]]);
    await events(worker, "view", 1);
    await worker.schedule();
    await worker.schedule();
    assert.deepEqual([told(worker), await open(worker)], [[], ["counter/many"]]);
    assert.match(body(await worker.admin("GET", "alerts")).open[0].text, /5 view/);
    await publishOffers(worker, shop(many(100)));
    await worker.schedule();
    assert.deepEqual(told(worker), [["cleared counter/many"]]);
    await worker.schedule();
    await publishOffers(worker, shop(many(3)));
    await worker.schedule();
    assert.deepEqual(told(worker), [["fired counter/many"]]);
    // What is no longer watched is no longer open.
    await publishOffers(worker, shop());
    await worker.schedule();
    assert.deepEqual([told(worker), await open(worker)], [[], []]);
  });

  test("waits until the quiet hours are over", async () => {
    const worker = fleet.worker("quiet");
    const clock = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);
    const quiet = { quiet_hours: { from: clock(-2), to: clock(2) } };
    await publishOffers(worker, shop({ ...many(3), ...quiet }));
    await events(worker, "view", 9);
    await worker.schedule();
    assert.deepEqual([told(worker), await open(worker)], [[], ["counter/many"]]);
    const { quiet: is_quiet, told: n_told } = body(await worker.admin("POST", "alerts", {}));
    assert.deepEqual([is_quiet, n_told], [true, 0]);
    await publishOffers(worker, shop({ ...many(3), quiet_hours: { from: clock(2), to: clock(3) } }));
    await worker.schedule();
    assert.deepEqual(told(worker), [["fired counter/many"]]);
  });

  test("is told again until the webhook takes it", async () => {
    const worker = fleet.worker("broken");
    await publishOffers(worker, shop(many(3)));
    await events(worker, "view", 9);
    status = 500;
    const { failure } = body(await worker.admin("POST", "alerts", {}));
    assert.equal(failure, "the webhook answered 500");
    await worker.schedule();
    status = 204;
    await worker.schedule();
    await worker.schedule();
    status = 200;
    assert.deepEqual(told(worker), Array(3).fill(["fired counter/many"]));
    const nobody = fleet.worker("nobody");
    await publishOffers(nobody, shop(many(3)));
    await events(nobody, "view", 9);
    assert.equal(body(await nobody.admin("POST", "alerts", {})).failure, "the webhook cannot be reached");
    await nobody.schedule();
    assert.deepEqual(await open(nobody), ["counter/many"]);
  });
});

test("a sample ratio against the weights, and traffic of a variation without weight, are found in exposures", async () => {
  const worker = fleet.worker("ratio");
  const watched = { sample_ratio: {}, zero_weight: {} };
  await publishOffers(worker, shop(watched));
  const exposures = [];
  for (let i = 0; i < 80; i += 1) {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ context: { targetingKey: `u${i}` } }) };
    const { body } = await read(await worker.fetch("/ofrep/v1/evaluate/flags/hero-test", init));
    exposures.push({ token: body.metadata.exposureToken });
  }
  const report = { method: "POST", body: JSON.stringify({ exposures }) };
  assert.equal((await read(await worker.fetch("/v1/exposures", report))).body.accepted, 80);
  const { findings } = body(await worker.admin("POST", "alerts", { dry_run: true }));
  assert.deepEqual(findings.map((it) => [it.key, it.state]), [["sample_ratio/hero-test", "clear"]]);
  assert.ok(findings[0].observed > 0.001 && findings[0].observed <= 1);
  const changed = await worker.admin("PUT", "config?allow_reshuffle=true", shop(watched, [90, 10]));
  assert.equal(changed.status, 200, changed.text);
  await worker.schedule();
  assert.deepEqual(told(worker), [["fired sample_ratio/hero-test"]]);
  assert.equal((await worker.admin("PUT", "config?allow_reshuffle=true", shop(watched, [100, 0]))).status, 200);
  await worker.schedule();
  // With one variation there is nothing to compare, so the open alert stays open.
  assert.deepEqual(told(worker), [["fired zero_weight/hero-test/bold"]]);
  assert.deepEqual(await open(worker), ["sample_ratio/hero-test", "zero_weight/hero-test/bold"]);
});

test("impressions that stop are found, and that they are back", async () => {
  const worker = fleet.worker("missing");
  await publishOffers(worker, shop({ missing_impressions: {} }));
  await worker.schedule();
  assert.deepEqual(told(worker), [], "never seen so far");
  const days = (n) => new Date(Date.now() - n * 86_400_000).toISOString();
  const token = (nonce) => decisionToken({ nonce, issued_at_s: now_s() - 4 * 86_400 });
  await events(worker, "impression", 1, { token: token(1), at: days(3) });
  await worker.schedule();
  assert.equal(messages["/missing"][0].alerts[0].text, "home: no impressions, after 1 in the week before");
  assert.deepEqual(told(worker), [["fired missing_impressions/home"]]);
  await events(worker, "impression", 1, { token: token(2) });
  await worker.schedule();
  assert.deepEqual(told(worker), [["cleared missing_impressions/home"]]);
});

describe("a look", () => {
  test("that is a trial tells nobody and notes nothing", async () => {
    const worker = fleet.worker("trial");
    await publishOffers(worker, shop(many(3)));
    await events(worker, "view", 9);
    const { findings, open } = body(await worker.admin("POST", "alerts", { dry_run: true }));
    assert.deepEqual([findings.map((it) => it.state), open, told(worker)], [["fires"], [], []]);
    const report = body(await worker.admin("POST", "alerts"));
    assert.deepEqual([report.told, report.open.map((it) => it.key), report.open[0].told_at], [1, ["counter/many"], report.judged_at]);
    assert.deepEqual(told(worker), [["fired counter/many"]]);
  });

  test("that is a test sends one message", async () => {
    const worker = fleet.worker("trial");
    const report = body(await worker.admin("POST", "alerts", { test: true }));
    assert.equal(report.told, 1);
    const [message] = messages["/trial"].splice(0);
    assert.deepEqual([message.test, message.alerts, message.text], [true, [], "Vitrine, production: this is a test of the alerts"]);
    assertProblem(await fleet.worker("silent").admin("POST", "alerts", { test: true }), 409, "conflict");
    assertProblem(await worker.admin("POST", "alerts", { test: true, dry_run: true }), 400, "invalid_request", ["/test"]);
    assertProblem(await worker.admin("POST", "alerts", { environment: "nowhere" }), 404, "not_found");
  });

  test("without a webhook finds, and says that nobody was told", async () => {
    const worker = fleet.worker("silent");
    await publishOffers(worker, shop(many(3)));
    await events(worker, "view", 9);
    const report = body(await worker.admin("POST", "alerts", {}));
    assert.deepEqual([report.told, report.open.length], [0, 1]);
    assert.match(report.failure, /ALERT_WEBHOOK/);
  });
});
