// The visitor's state: caps by visitor hold over calls although no server keeps a count, and what is dismissed stays away.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gist, offers, publishAll, request, STRANGER, VISITORS } from "./support/fixture.mjs";
import { read, startWorker } from "./support/worker.mjs";

const NAME = "__Host-vitrine_state";
const key = VISITORS.tea;

/// The configuration with a cap on one offer, which is spared for a day after a conversion.
function capped(id) {
  const document = offers();
  Object.assign(document.offers.find((it) => it.id === id), { caps: { visitor: [{ count: 2, per: "7d" }] }, suppress_after_conversion: "1d" });
  return document;
}

let worker;
before(async () => {
  worker = await startWorker({ vars: { TOKEN_KEY: "0b".repeat(32) }, unreliableKv: true });
  await publishAll(worker, { document: capped("tea-time") });
  await worker.decide(request(key));
});
after(() => worker?.stop());

/// A call, and what it asks to keep.
async function ask(state, more = {}, headers = {}) {
  const answer = await worker.decide(request(key, "home-hero", { ...(state ? { state } : {}), ...more }), headers);
  const { reason, offers } = gist(answer);
  const [set] = answer.body.set ?? [];
  return { reason, offer: offers[0], set, answer, token: answer.body.decisions[0].items[0]?.token };
}

describe("a cap by visitor", () => {
  test("holds over calls of a server that relays what is to be kept", async () => {
    let state;
    const seen = [];
    for (let i = 0; i < 4; i += 1) {
      const { offer, set } = await ask(state);
      seen.push(offer);
      if (set) {
        assert.deepEqual([set.name, set.max_age], [NAME, 34128000]);
        assert.ok(set.value.length <= 1500);
        state = set.value;
      }
    }
    assert.deepEqual(seen, ["tea-time", "tea-time", "garden-days", "garden-days"]);
  });

  test("holds by cookie for the shop's own pages", async () => {
    const page = { "sec-fetch-site": "same-origin" };
    let cookie = "theme=dark";
    const seen = [];
    for (let i = 0; i < 3; i += 1) {
      const { offer, answer } = await ask(undefined, {}, { ...page, cookie });
      seen.push(offer);
      const set = answer.headers.get("set-cookie");
      if (set) {
        assert.match(set, /^__Host-vitrine_state=[\w-]+; Path=\/; Max-Age=34128000; Secure; SameSite=Lax; HttpOnly$/);
        cookie = `theme=dark; ${set.split(";")[0]}`;
      }
    }
    assert.deepEqual(seen, ["tea-time", "tea-time", "garden-days"]);
  });

  test("sets no cookie for other callers", async () => {
    for (const headers of [{}, { "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "none" }]) {
      const { set, answer } = await ask(undefined, {}, headers);
      assert.deepEqual([set?.name, answer.headers.get("set-cookie")], [NAME, null]);
    }
  });

  test("the general way says the same as the hot one", async () => {
    const chunked = new ReadableStream({ start: (out) => (out.enqueue(new TextEncoder().encode(JSON.stringify(request(key)))), out.close()) });
    const answer = await worker.decide(chunked, { "sec-fetch-site": "same-origin" });
    assert.equal(answer.body.set[0].name, NAME);
    assert.match(answer.headers.get("set-cookie"), /^__Host-vitrine_state=/);
  });

  test("costs no read of KV", async () => {
    const { set } = await ask();
    await worker.keysRead();
    await ask(set.value);
    assert.deepEqual(await worker.keysRead(), []);
  });
});

describe("nothing is kept", () => {
  const cases = [
    ["without consent", { consent: {} }, {}, "no_consent"],
    ["for who objects", { visitor: { key, opt_out: true } }, {}, "opt_out"],
    ["under Global Privacy Control", {}, { "sec-gpc": "1" }, "gpc"],
    ["for minors", { visitor: { key, minor: true } }, {}, "minor"],
    ["for who is not named", { visitor: {} }, {}, "no_visitor"],
    // Purposes 3 to 6 without purpose 1: the profile, but nothing on the device.
    ["where the device is not to be touched", { consent: { tcf: "CAAAAAAAAAAAAAAAAAAAAAAAADwAAAAAAAAA" } }, {}, "ok"],
    ["by dry runs", { options: { dry_run: true } }, {}, "ok"],
  ];
  for (const [what, more, headers, reason] of cases) {
    test(what, async () => {
      const found = await ask(undefined, more, { "sec-fetch-site": "same-origin", ...headers });
      assert.deepEqual([found.reason, found.set, found.answer.headers.get("set-cookie")], [reason, undefined, null]);
    });
  }

  test("of offers without a cap", async () => {
    const { body } = await worker.decide(request(VISITORS.garden, "home-hero"));
    assert.deepEqual([body.decisions[0].items[0].offer, body.set], ["garden-days", undefined]);
  });

  test("and a state without consent is not looked at", async () => {
    const full = (await ask((await ask()).set.value)).set.value;
    assert.equal((await ask(full)).offer, "garden-days");
    const { reason, offer } = await ask(full, { consent: {} });
    assert.deepEqual([reason, offer], ["no_consent", "garden-days"], "garden-days is the best for everybody");
  });
});

test("a state of another visitor, changed, or none at all is as good as none", async () => {
  const full = (await ask((await ask()).set.value)).set.value;
  assert.equal((await ask(full)).offer, "garden-days");
  for (const state of [`${full.slice(0, -2)}AA`, "rubbish", "A".repeat(1600)]) assert.equal((await ask(state)).offer, "tea-time");
  const other = await worker.decide(request("v0006", "home-hero", { state: full }));
  assert.equal(gist(other).reason, "ok");
});

test("what is dismissed stays away from the next call on", async () => {
  const first = await ask();
  assert.equal(first.offer, "tea-time");
  const wish = { dismiss: first.token, visitor: { key }, state: first.set.value };
  const answer = await read(await worker.fetch("/v1/me/preferences", { method: "POST", body: JSON.stringify(wish) }));
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers.get("set-cookie"), /^__Host-vitrine_state=.*HttpOnly$/);
  const [{ name, value }] = answer.body.set;
  assert.equal(name, NAME);
  assert.equal((await ask(value)).offer, "garden-days");
  const explained = await worker.decide(request(key, "home-hero", { state: value, options: { explain: true } }), { authorization: "Bearer e2e-admin-token" });
  assert.equal(explained.body.decisions[0].explain.find((it) => it.offer === "tea-time").outcome, "dismissed");
  const refused = await read(await worker.fetch("/v1/me/preferences", { method: "POST", body: JSON.stringify({ ...wish, dismiss: "x" }) }));
  assert.equal(refused.status, 400);
});

describe("what events say reaches the state", () => {
  const send = async (body, headers = {}) => await read(await worker.fetch("/v1/events", { method: "POST", headers, body: JSON.stringify(body) }));
  const batch = (token, type, more = {}) => ({
    visitor: { key }, consent: { measure: true }, events: [{ id: crypto.randomUUID(), type, token }], ...more,
  });
  const measured = { consent: { personalise: true, measure: true } };

  test("a dismissal, at once and without consent to be measured", async () => {
    const { token, set } = await ask();
    const answer = await send(batch(token, "dismiss", { state: set.value, consent: {} }));
    assert.deepEqual([answer.status, answer.body.accepted, answer.body.set[0].name, answer.headers.get("set-cookie")], [202, 1, NAME, null]);
    assert.equal((await ask(answer.body.set[0].value)).offer, "garden-days");
  });

  test("by cookie for the shop's own pages", async () => {
    const { token } = await ask();
    const answer = await send(batch(token, "dismiss"), { "sec-fetch-site": "same-origin", "content-type": "text/plain" });
    const [cookie] = answer.headers.get("set-cookie").split(";");
    assert.match(answer.headers.get("set-cookie"), /^__Host-vitrine_state=[\w-]+; .*HttpOnly$/);
    assert.equal((await ask(undefined, {}, { cookie })).offer, "garden-days");
  });

  test("a conversion spares its offer, where the visitor is measured", async () => {
    const { token } = await ask(undefined, measured);
    const answer = await send(batch(token, "conversion"));
    assert.equal((await ask(answer.body.set[0].value)).offer, "garden-days");
    const explained = await worker.decide(request(key, "home-hero", { state: answer.body.set[0].value, options: { explain: true } }), { authorization: "Bearer e2e-admin-token" });
    assert.equal(explained.body.decisions[0].explain.find((it) => it.offer === "tea-time").outcome, "converted");
    for (const refused of [batch(token, "conversion", { consent: {} }), batch((await ask()).token, "conversion"), batch(token, "click")]) {
      assert.equal((await send(refused)).body.set, undefined);
    }
    assert.equal((await send(batch(token, "conversion"), { "sec-gpc": "1" })).body.set, undefined);
  });

  test("not of a visitor who is not named, or who objects", async () => {
    const { token } = await ask();
    assert.equal((await send(batch(token, "dismiss", { visitor: undefined }))).body.set, undefined);
    assert.equal((await send(batch(token, "dismiss"), { cookie: "__Host-vitrine_opt_out=1" })).body.set, undefined);
  });
});

test("caps hold for visitors whom no table knows, by key or first-party id, and go on when one logs in", async () => {
  const other = await startWorker({ vars: { TOKEN_KEY: "0b".repeat(32) } });
  try {
    await publishAll(other, { document: capped("garden-days") });
    const one = async (visitor, state, more = {}) => {
      const { body } = await other.decide({ ...request(null), visitor, ...(state ? { state } : {}), ...more });
      return { reason: body.mode_reason, offer: body.decisions[0].items[0]?.offer, state: body.set?.[0].value };
    };
    for (const [visitor, reason] of [[{ key: STRANGER }, "no_profile"], [{ anon: "a1" }, "no_visitor"]]) {
      const first = await one(visitor);
      assert.deepEqual([first.reason, first.offer], [reason, "garden-days"]);
      const second = await one(visitor, first.state);
      const third = await one(visitor, second.state);
      assert.ok(second.offer === "garden-days" && third.offer !== "garden-days" && third.state === undefined, JSON.stringify(third));
      assert.equal((await one({ ...visitor, opt_out: true }, second.state)).offer, "garden-days", "no history for who objects");
      const asOther = await one({ anon: "a2" }, second.state);
      assert.equal(asOther.offer, "garden-days", "a state is one visitor's");
    }
    const seen = (await one({ anon: "a1" }, (await one({ anon: "a1" })).state)).state;
    assert.notEqual((await one({ anon: "a1", key: STRANGER }, seen)).offer, "garden-days");
  } finally {
    await other.stop();
  }
});
