// The whole way on real workerd: a table and a configuration are published, and storefronts get their answers.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gist, offers, offersOf, publishAll, request, assertProblem, STRANGER, TODAY, VISITORS } from "./support/fixture.mjs";
import { ADMIN_TOKEN, read, startWorker } from "./support/worker.mjs";

const AS_ADMIN = { authorization: `Bearer ${ADMIN_TOKEN}` };

describe("decide", () => {
  let worker;
  before(async () => {
    worker = await startWorker({ cf: { country: "DE" } });
    await publishAll(worker);
  });
  after(() => worker?.stop());

  describe("each visitor gets what fits", () => {
    const ok = { mode: "personalised", reason: "ok" };
    const cases = [
      ["likes tea", VISITORS.tea, { ...ok, offers: ["tea-time"] }],
      ["likes the garden", VISITORS.garden, { ...ok, offers: ["garden-days"] }],
      ["likes toys", VISITORS.toys, { ...ok, offers: ["toy-fair"] }],
      ["is not in the table", STRANGER, { mode: "contextual", reason: "no_profile", offers: ["garden-days"] }],
      ["is not named", undefined, { mode: "contextual", reason: "no_visitor", offers: ["garden-days"] }],
    ];
    for (const [who, key, expected] of cases) {
      test(`who ${who}`, async () => assert.deepEqual(gist(await worker.decide(request(key))), expected));
    }
  });

  test("an answer has the documented shape", async () => {
    const { body } = await worker.decide({ ...request(VISITORS.tea, ["home-hero", "closed"]), request_id: "r-1" });
    const { score } = body.decisions[0].items[0];
    assert.ok(score > 0);
    assert.deepEqual(body, {
      request_id: "r-1",
      bundle: 1,
      table: TODAY.build,
      mode: "personalised",
      mode_reason: "ok",
      dry_run: false,
      decisions: [
        {
          placement: "home-hero",
          reason: "ranked",
          items: [{ offer: "tea-time", score, content: { title: "Time for tea", link: "/tea" } }],
          fallback: null,
        },
        {
          placement: "closed",
          reason: "nothing_eligible",
          items: [],
          fallback: { offer: "back-soon", content: { title: "Back soon" } },
        },
      ],
    });
  });

  test("a content is handed out as it was written", async () => {
    const written = offers().offers.find((it) => it.id === "welcome");
    const { body } = await worker.decide(request("v0001", "banner", { options: { at: "2026-06-01T00:00:00Z" } }), AS_ADMIN);
    assert.deepEqual(body.decisions[0].fallback, { offer: "welcome", content: written.content });
  });

  describe("what was viewed in this session shifts the ranking", () => {
    const cases = [
      ["of a stranger", STRANGER, "home-hero", ["toys-3"], "toy-fair"],
      ["of a visitor with another taste", VISITORS.tea, "home-hero", ["toys-3", "toys-4", "toys-5"], "toy-fair"],
      ["only for items that the table knows", STRANGER, "home-hero", ["nothing-like-it"], "garden-days"],
    ];
    for (const [what, key, placement, items, expected] of cases) {
      test(what, async () => {
        const answer = await worker.decide(request(key, { id: placement, count: 1 }, { context: { items } }));
        assert.deepEqual(gist(answer).offers, [expected]);
      });
    }
  });

  // v0003 bought tea-4, tea-7 and garden-4: neighbours of the first two are all of tea, two of them the teapot's items.
  describe("count and dedupe", () => {
    const cases = [
      ["the placement's own count", ["sidebar"], {}, ["tea-time one-teapot garden-days toy-fair"]],
      ["fewer", [{ id: "sidebar", count: 2 }], {}, ["tea-time one-teapot"]],
      ["never more than the placement's own", [{ id: "home-hero", count: 30 }], {}, ["tea-time"]],
      ["without dedupe offers repeat", ["home-hero", { id: "sidebar", count: 2 }], {}, ["tea-time", "tea-time one-teapot"]],
      ["on one page they do not", ["home-hero", { id: "sidebar", count: 2 }], { dedupe: "page" }, ["tea-time", "one-teapot garden-days"]],
    ];
    for (const [what, placements, options, expected] of cases) {
      test(what, async () => {
        const { offers } = gist(await worker.decide(request(VISITORS.tea, placements, { options })));
        assert.deepEqual(offers, expected);
      });
    }
  });

  describe("creatives fit locale and channel", () => {
    const cases = [
      [{}, "Time for tea"],
      [{ locale: "fr" }, "Time for tea"],
      [{ locale: "de" }, "Zeit für Tee"],
      [{ locale: "DE-ch" }, "Zeit für Tee"],
      [{ locale: "de-AT" }, "Zeit für a Schale Tee"],
      [{ locale: "de", channel: "email" }, "Zeit für Tee", "Nur diese Woche"],
      [{ locale: "de", channel: "web" }, "Zeit für Tee"],
    ];
    for (const [context, title, preheader] of cases) {
      test(JSON.stringify(context), async () => {
        const { body } = await worker.decide(request(VISITORS.tea, "home-hero", { context }));
        const { content } = body.decisions[0].items[0];
        assert.deepEqual([content.title, content.preheader], [title, preheader]);
      });
    }
  });

  describe("an administrator may look behind and ahead", () => {
    const inDecember = { at: "2026-12-03T12:00:00Z" };

    test("options.at decides as if it were then", async () => {
      const answer = await worker.decide(request(VISITORS.tea, "banner", { options: inDecember }), AS_ADMIN);
      assert.deepEqual(gist(answer).offers, ["early-access tea-club"]);
      assert.equal(answer.body.decisions[0].items[0].valid_until, "2026-12-07T23:00:00Z");
    });

    test("options.explain says for each candidate why", async () => {
      const options = { ...inDecember, explain: true };
      const { body } = await worker.decide(request("v0006", "banner", { options, context: { country: "DE" } }), AS_ADMIN);
      const told = body.decisions[0].explain.map(({ offer, outcome, audience }) => [offer, outcome, audience]);
      assert.deepEqual(told, [
        ["early-access", "not_in_audience", "best-customers"],
        ["servus", "no_creative", undefined],
        ["join-us", "not_in_audience", "strangers"],
        ["gift-sale", "not_in_audience", "thrifty-gift-givers"],
        ["good-evening", "not_in_audience", "evening-in-the-app"],
        ["tea-club", "shown", undefined],
      ]);
      assert.match(body.decisions[0].explain[0].failed, /profile\.segment/);
    });

    test("explained scores add up", async () => {
      const { body } = await worker.decide(request(VISITORS.tea, "sidebar", { options: { explain: true } }), AS_ADMIN);
      const [{ items, explain }] = body.decisions;
      for (const { offer, score } of explain) {
        const { total, profile, session, own, popularity } = score;
        assert.equal(total, profile + session + own + popularity);
        assert.equal(items.find((it) => it.offer === offer).score, total);
      }
      assert.equal(explain.length, 4);
    });

    for (const options of [{ explain: true }, inDecember]) {
      for (const [who, headers] of [["nobody", {}], ["somebody", { authorization: "Bearer guess" }]]) {
        test(`${who} else may ask for ${Object.keys(options)}`, async () => {
          const answer = await worker.decide(request(VISITORS.tea, "banner", { options }), headers);
          assertProblem(answer, 401, "unauthorized");
          assert.doesNotMatch(answer.text, /tea-club|best-customers/);
        });
      }
    }
  });

  test("a dry run answers the same, says so, and is not counted", async () => {
    const before = await worker.counters();
    const { body } = await worker.decide(request(VISITORS.tea, "home-hero", { options: { dry_run: true } }));
    const real = (await worker.decide(request(VISITORS.tea))).body;
    assert.deepEqual(body, { ...real, dry_run: true });
    const after = await worker.counters();
    assert.equal(after.answers.ok - before.answers.ok, 1);
  });

  test("an unknown placement does not spoil the others", async () => {
    const { status, body } = await worker.decide(request(VISITORS.tea, ["no-such-slot", "home-hero"]));
    assert.equal(status, 200);
    const [unknown, known] = body.decisions;
    assert.deepEqual(unknown, {
      placement: "no-such-slot",
      reason: "unknown_placement",
      items: [],
      fallback: { offer: null, content: null },
    });
    assert.deepEqual(offersOf(known), ["tea-time"]);
  });

  describe("the country", () => {
    const german = (body) => body.decisions[0].items.some((it) => it.offer === "servus");
    const ask = (context) => ({ ...request(undefined, "banner", { context: { locale: "de", ...context } }) });
    const init = (body) => ({ method: "POST", body: JSON.stringify(body) });

    test("is where the connection comes from", async () => {
      const answer = await read(await worker.fetchThroughEntrance("/v1/decide", init(ask({}))));
      assert.ok(german(answer.body), answer.text);
    });
    test("is what the caller says, if it says it", async () => {
      const answer = await read(await worker.fetchThroughEntrance("/v1/decide", init(ask({ country: "FR" }))));
      assert.ok(!german(answer.body), answer.text);
    });
    test("may be unknown", async () => {
      const { body } = await worker.decide(ask({}));
      assert.ok(!german(body));
    });
  });

  describe("GET /v1/offers/{placement}", () => {
    const cases = [
      ["a visitor who agreed", "home-hero?personalise=true", VISITORS.tea, request(VISITORS.tea)],
      ["a visitor who was not asked", "home-hero", VISITORS.tea, { ...request(VISITORS.tea), consent: {} }],
      ["nobody", "home-hero", undefined, { placements: [{ id: "home-hero" }] }],
      [
        "count, items and context",
        "sidebar?personalise=true&count=2&item=toys-1&item=toys-2&locale=de&channel=email&country=DE&device=tv",
        VISITORS.garden,
        request(VISITORS.garden, { id: "sidebar", count: 2 }, {
          context: { items: ["toys-1", "toys-2"], locale: "de", channel: "email", country: "DE", device: "tv" },
        }),
      ],
    ];
    for (const [what, path, key, body] of cases) {
      test(`says what decide says: ${what}`, async () => {
        const headers = key ? { "vitrine-visitor": key } : {};
        const simple = await read(await worker.fetch(`/v1/offers/${path}`, { headers }));
        assert.equal(simple.status, 200, simple.text);
        assert.equal(simple.text, (await worker.decide(body)).text);
      });
    }

    const refusals = [
      ["no-such-slot", 404, "unknown_placement", []],
      ["home-hero?visitor=v0003", 400, "invalid_request", ["/visitor"]],
      ["home-hero?email=a%40shop.example", 400, "invalid_request", ["/email"]],
      ["home-hero?key=v0003", 400, "invalid_request", ["/key"]],
      ["home-hero?colour=red", 400, "invalid_request", ["/colour"]],
      ["home-hero?count=0", 400, "invalid_request", ["/placements/0/count"]],
      ["home-hero?count=many", 400, "invalid_request", ["/count"]],
      ["home-hero?personalise=perhaps", 400, "invalid_request", ["/personalise"]],
      [`home-hero?locale=${"x".repeat(300)}`, 400, "invalid_request", ["/context/locale"]],
    ];
    for (const [path, status, code, pointers] of refusals) {
      test(`refuses ${path.slice(0, 40)}`, async () => {
        assertProblem(await read(await worker.fetch(`/v1/offers/${path}`)), status, code, pointers);
      });
    }
  });
});
