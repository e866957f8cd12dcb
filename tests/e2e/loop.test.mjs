// The loop closes: what visitors did becomes what bandits know, by hand and by the cron trigger; what people publish meanwhile.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { counts, decisionToken, gist, positions, send, TOKEN_KEY } from "./support/events.mjs";
import { assertProblem, publishOffers } from "./support/fixture.mjs";
import { vitrineOrSkip } from "./support/native.mjs";
import { auditLog, body, person } from "./support/registry.mjs";
import { ADMIN_TOKEN, startFleet } from "./support/worker.mjs";

const learner = (more = {}) => ({ type: "bandit", model: "bernoulli", learn: { reward: "click" }, ...more });
const shop = (ranker = learner()) => ({
  version: 1,
  settings: { consent: "assumed" },
  offers: ["tulips", "spades", "welcome"].map((id) => ({ id, content: { title: id } })),
  placements: [{ id: "home", ranker, fallback: "welcome" }],
});

let fleet;
before(async () => {
  const vars = { TOKEN_KEY, REFRESH_MS: "0" };
  fleet = await startFleet([
    { name: "whole", vars }, { name: "cron", vars: { ...vars, LOOP_EVERY_S: "1" } }, { name: "off", vars: { ...vars, LOOP_EVERY_S: "0" } },
    { name: "people", vars }, { name: "approval", vars }, { name: "command", vars },
  ]);
});
after(() => fleet?.stop());

let n = 0;
/// Showings of an offer, some of them followed, with tokens of a decision of this version.
async function shown(worker, offer, { times, clicks, version = 1 }) {
  const { offers } = await positions(worker, version);
  const events = [];
  for (let i = 0; i < times; i += 1) {
    const token = decisionToken({ nonce: (n += 1), offer: offers.indexOf(offer), version });
    events.push({ id: `i${n}`, type: "impression", token });
    if (i < clicks) events.push({ id: `c${n}`, type: "click", token });
  }
  for (let at = 0; at < events.length; at += 100) {
    const batch = events.slice(at, at + 100);
    assert.deepEqual(gist(await send(worker, { events: batch })), [batch.length, 0, 0, []]);
  }
}
const loop = async (worker, wanted = {}) => body(await worker.admin("POST", "loop", wanted));
const history = async (worker) => body(await worker.admin("GET", "loop"));
const running = async (worker) => body(await worker.admin("GET", "config")).current.version;
const document = async (worker, version) => body(await worker.admin("GET", `config/versions/${version}`));
const arms = async (worker, version) => (await document(worker, version)).placements[0].ranker.arms;
/// For many visitors, which offer they see and with which propensity, as their tokens say.
async function decisions(worker) {
  const found = [];
  for (let i = 0; i < 40; i += 1) {
    const { body } = await worker.decide({ visitor: { key: `m-${i}` }, consent: { personalise: true }, placements: [{ id: "home" }] });
    const [{ offer, token }] = body.decisions[0].items;
    found.push({ offer, propensity: Buffer.from(token, "base64url").readUInt16LE(24) / 65_535 });
  }
  return found;
}
const share = (found, offer) => found.filter((it) => it.offer === offer).length / found.length;

test("events come in, bandits learn, decisions follow, the record is there, and a second turn does nothing", async () => {
  const worker = fleet.worker("whole");
  await publishOffers(worker, shop());
  const before = await decisions(worker);
  assert.ok(share(before, "spades") > 0.2 && share(before, "tulips") > 0.2, "nothing is known of either");
  await shown(worker, "tulips", { times: 120, clicks: 60 });
  await shown(worker, "spades", { times: 120, clicks: 2 });

  const trial = await loop(worker, { dry_run: true });
  assert.deepEqual([trial.outcome, trial.version_before, trial.version_after, await running(worker)], ["would_publish", 1, null, 1]);
  const record = await loop(worker, { reason: "first turn" });
  assert.deepEqual([record.outcome, record.version_before, record.version_after, record.by], ["published", 1, 2, "root"]);
  assert.deepEqual(record.bandits[0].arms, trial.bandits[0].arms);
  assert.deepEqual(record.bandits[0].arms, [
    { offer: "spades", shown: 120, rewards: 2, before: null, after: [3, 119] },
    { offer: "tulips", shown: 120, rewards: 60, before: null, after: [61, 61] },
  ]);
  assert.deepEqual(await arms(worker, 2), { spades: [3, 119], tulips: [61, 61] });
  // 240 impressions and 62 clicks, wherever they were counted.
  assert.equal(Object.values(record.position).reduce((sum, it) => sum + it, 0), 302);
  assert.deepEqual(record.position, (await counts(worker)).position);

  const later = await decisions(worker);
  assert.equal(share(later, "tulips"), 1, "the better one is all but certain");
  const mean = (found) => found.filter((it) => it.offer === "tulips").reduce((sum, it, _, { length }) => sum + it.propensity / length, 0);
  assert.ok(mean(before) < 0.8 && mean(later) > 0.95, `${mean(before)} -> ${mean(later)}`);

  const again = await loop(worker);
  assert.deepEqual([again.outcome, again.version_after, await running(worker)], ["unchanged", null, 2]);
  const { turns, last } = await history(worker);
  assert.deepEqual(turns, [record]);
  assert.equal(last.version, 2);
  // It is a version like any other.
  const { versions } = body(await worker.admin("GET", "config/versions"));
  assert.deepEqual([versions[0].version, versions[0].by, versions[0].reason, versions[0].runs_in], [2, "root", "first turn", ["production"]]);
  assert.match(versions[0].changes.join("; "), /tulips/);
  const entry = (await auditLog(worker)).at(-1);
  assert.deepEqual([entry.action, entry.target, entry.actor, entry.reason], ["config.publish", "production", "root", "first turn"]);
});

describe("the cron trigger", () => {
  test("lets bandits learn when it is time, as `loop`, and then again only what is new", async () => {
    const worker = fleet.worker("cron");
    await worker.schedule();
    assert.equal((await history(worker)).turns.length, 0, "nothing runs yet");
    await publishOffers(worker, shop());
    await shown(worker, "tulips", { times: 20, clicks: 5 });
    await worker.schedule();
    assert.equal(await running(worker), 2);
    assert.deepEqual(await arms(worker, 2), { tulips: [6, 16] });
    const entry = (await auditLog(worker)).at(-1);
    assert.deepEqual([entry.actor, entry.role, entry.action], ["loop", "approver", "config.publish"]);
    assert.match(entry.reason, /learnt from 25 events: home/);
    await worker.schedule();
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await worker.schedule();
    assert.equal(await running(worker), 2, "the counts are the same");
    await shown(worker, "spades", { times: 3, clicks: 0 });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await worker.schedule();
    assert.deepEqual(await arms(worker, 3), { spades: [1, 4], tulips: [6, 16] });
  });

  test("leaves an environment alone that was rolled back, until somebody publishes", async () => {
    const worker = fleet.worker("cron");
    const before = await running(worker);
    body(await worker.admin("POST", "config/rollback", { version: 1 }));
    await shown(worker, "spades", { times: 1, clicks: 1 });
    await worker.schedule();
    assert.equal(await running(worker), 1);
    const next = await publishOffers(worker, shop());
    assert.equal(next, before + 1);
    // Another version runs than the last turn left, so it does not wait.
    await worker.schedule();
    assert.deepEqual(await arms(worker, next + 1), { spades: [2, 4], tulips: [6, 16] });
  });

  test("does nothing where it is switched off", async () => {
    const worker = fleet.worker("off");
    await publishOffers(worker, shop());
    await shown(worker, "tulips", { times: 5, clicks: 5 });
    await worker.schedule();
    assert.deepEqual([await running(worker), (await history(worker)).last], [1, null]);
  });
});

describe("what people publish", () => {
  test("keeps what was learnt as long as the question is the same", async () => {
    const worker = fleet.worker("people");
    await publishOffers(worker, shop());
    await shown(worker, "tulips", { times: 10, clicks: 4 });
    assert.equal((await loop(worker)).version_after, 2);
    const renamed = shop();
    renamed.offers[0].content.title = "Roses";
    await publishOffers(worker, renamed);
    assert.deepEqual(await arms(worker, 3), { tulips: [5, 7] });
    assert.equal((await loop(worker)).outcome, "unchanged");
    // Another prior is another question; the counts are still there.
    await publishOffers(worker, shop(learner({ prior: [1, 9] })));
    assert.equal(await arms(worker, 4), undefined);
    assert.equal((await loop(worker)).version_after, 5);
    assert.deepEqual(await arms(worker, 5), { tulips: [5, 15] });
    // What is not told to learn is left alone.
    await publishOffers(worker, shop({ type: "bandit", model: "bernoulli", arms: { tulips: [2, 2] } }));
    assert.equal((await loop(worker)).outcome, "nothing_learns");
    assert.deepEqual(await arms(worker, 6), { tulips: [2, 2] });
  });

  test("does not become stale because bandits learn", async () => {
    const worker = fleet.worker("people");
    const version = await publishOffers(worker, shop());
    const draft = body(await worker.admin("POST", "drafts", { document: { ...shop(), settings: { consent: "required" } } }));
    assert.equal((await loop(worker)).outcome, "published");
    assert.equal(body(await worker.admin("GET", `drafts/${draft.id}/diff`)).stale, false);
    const pointer = body(await worker.admin("POST", `drafts/${draft.id}/publish`));
    assert.equal(pointer.version, version + 2);
    assert.deepEqual(await arms(worker, pointer.version), { tulips: [5, 7] });
    // What others wrote still makes it stale.
    const late = body(await worker.admin("POST", "drafts", { document: shop() }));
    await publishOffers(worker, shop(learner({ prior: [2, 2] })));
    const refused = await worker.admin("POST", `drafts/${late.id}/publish`);
    assert.deepEqual([refused.status, refused.body.code], [409, "conflict"]);
    assert.ok(refused.body.errors.some((it) => it.pointer === "/placements/0/ranker/prior"), refused.text);
  });
});

test("where a second person must approve, a draft is made and published by two", async () => {
  const worker = fleet.worker("approval");
  await publishOffers(worker, shop());
  body(await worker.admin("PUT", "environments/production", { settings: { approval: true } }));
  await shown(worker, "tulips", { times: 4, clicks: 1 });
  assert.equal((await loop(worker)).outcome, "needs_approval");
  await worker.schedule();
  assert.equal(await running(worker), 1);
  const record = await loop(worker, { draft: true });
  assert.equal(record.outcome, "drafted");
  const bob = await person(worker, "bob", "approver");
  body(await bob("POST", `drafts/${record.draft}/approve`, { reason: "read it" }));
  body(await bob("POST", `drafts/${record.draft}/publish`, {}));
  assert.deepEqual(await arms(worker, 2), { tulips: [2, 4] });
  assert.equal((await loop(worker)).outcome, "unchanged");
});

test("what a turn cannot do is said", async () => {
  const worker = fleet.worker("off");
  assertProblem(await worker.admin("POST", "loop", { dry_run: true, draft: true }), 400, "invalid_request", ["/draft"]);
  assertProblem(await worker.admin("POST", "loop", { environment: "nowhere" }), 404, "not_found");
  const viewer = await person(worker, "vera", "viewer");
  assertProblem(await viewer("POST", "loop", {}), 403, "forbidden");
  assert.equal(body(await viewer("POST", "loop", { dry_run: true })).outcome, "would_publish");
});

test("the command takes turns, shows them, and looks for alerts", async (t) => {
  const vitrine = vitrineOrSkip(t);
  if (!vitrine) return;
  const worker = fleet.worker("command");
  const run = (...args) =>
    new Promise((resolve) => {
      const env = { ...process.env, VITRINE_ADMIN_TOKEN: ADMIN_TOKEN, NO_COLOR: "1" };
      execFile(vitrine, [...args, "--url", worker.url], { env }, (error, out, err) => resolve({ exit: error?.code ?? 0, out, err }));
    });
  await publishOffers(worker, { ...shop(), alerts: { counters: [{ id: "many", event: "click", above: 2 }] } });
  await shown(worker, "tulips", { times: 20, clicks: 5 });
  const trial = await run("loop", "--dry-run", "--json");
  assert.equal(trial.exit, 0, trial.err);
  assert.equal(JSON.parse(trial.out).outcome, "would_publish");
  const turn = await run("loop", "--reason", "by hand");
  assert.match(turn.out, /^production: version 2 replaces version 1\nhome: bernoulli by click, counts from .*\noffer +shown +rewards +before +now\ntulips +20 +5 +prior +6, 16\n$/);
  assert.match((await run("loop")).out, /^production: version 2 stays: the counts say what is known already\n/);
  assert.match((await run("loop", "--history")).out, /version 2 replaces version 1 by root: home\nlast turn: /);
  body(await worker.admin("PUT", "environments/production", { settings: { approval: true } }));
  await shown(worker, "spades", { times: 2, clicks: 0 });
  const refused = await run("loop");
  assert.deepEqual([refused.exit, /vitrine loop --draft/.test(refused.err)], [4, true], refused.err);
  assert.match((await run("loop", "--draft")).out, /draft d1 is made from version 2/);

  const looked = await run("alerts", "--dry-run");
  assert.deepEqual([looked.exit, looked.out], [0, "ALERT  counter/many  many: 5 click in 1 h, above 2\n"]);
  const told = await run("alerts");
  assert.deepEqual([told.exit, /ALERT_WEBHOOK/.test(told.err)], [4, true], told.err);
  assert.match((await run("alerts", "--open")).out, /^open since .*, not told yet: counter\/many\n$/);
});
