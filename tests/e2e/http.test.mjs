// HTTP as browsers, proxies and monitors see it: origins, caches, methods, content types, health.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertProblem, gist, publishAll, request, TODAY, VISITORS } from "./support/fixture.mjs";
import { ADMIN_TOKEN, read, startFleet } from "./support/worker.mjs";

const SHOP = "https://shop.example";
const good = request(VISITORS.tea);

let fleet;
let worker;
before(async () => {
  fleet = await startFleet([
    { name: "listed" },
    { name: "any", vars: { ALLOWED_ORIGINS: "*" } },
    { name: "none", vars: { ALLOWED_ORIGINS: null } },
  ]);
  worker = fleet.worker("listed");
  await publishAll(worker);
});
after(() => fleet?.stop());

describe("origins", () => {
  const preflight = { "access-control-request-method": "POST", "access-control-request-headers": "content-type" };
  /// The Worker's setting, the page's origin, and the origin that the answer allows.
  const CASES = [
    ["listed", SHOP, SHOP],
    ["listed", "https://m.shop.example", "https://m.shop.example"],
    ["listed", "https://evil.example", null],
    ["listed", "https://shop.example.evil.example", null],
    ["listed", "http://shop.example", null],
    ["listed", "null", null],
    ["listed", undefined, null],
    ["any", "https://anybody.example", "*"],
    ["none", SHOP, null],
  ];
  for (const [setting, origin, allowed] of CASES) {
    test(`${setting}: ${origin}`, async () => {
      const target = fleet.worker(setting);
      const headers = origin ? { origin } : {};
      const answers = [
        await target.decide(good, headers),
        await target.decide("{", headers),
        await read(await target.fetch("/v1/offers/home-hero", { headers })),
        await read(await target.fetch("/no/such/path", { headers })),
        await read(await target.fetch("/v1/decide", { method: "OPTIONS", headers: { ...headers, ...preflight } })),
      ];
      for (const answer of answers) {
        assert.equal(answer.headers.get("access-control-allow-origin"), allowed);
        assert.equal(answer.headers.get("access-control-allow-credentials"), null);
        assert.match(answer.headers.get("vary"), /origin/i);
      }
      assert.deepEqual(answers.map((it) => it.status).slice(1), [400, 200, 404, 204]);
    });
  }

  test("a preflight names methods and headers, and may be kept", async () => {
    const { status, headers, text } = await read(
      await worker.fetch("/v1/decide", { method: "OPTIONS", headers: { origin: SHOP, ...preflight } }),
    );
    assert.deepEqual([status, text], [204, ""]);
    assert.match(headers.get("access-control-allow-methods"), /\bPOST\b/);
    assert.match(headers.get("access-control-allow-headers"), /\bcontent-type\b.*\bvitrine-visitor\b/);
    assert.equal(headers.get("access-control-max-age"), "86400");
  });

  test("no page may call the administrative interface", async () => {
    const headers = { origin: SHOP };
    const shown = await worker.admin("GET", "config", undefined, headers);
    const asked = await worker.fetch("/v1/admin/config", { method: "OPTIONS", headers: { ...headers, ...preflight } });
    for (const answer of [shown, await read(asked)]) assert.equal(answer.headers.get("access-control-allow-origin"), null);
  });
});

describe("every answer", () => {
  const ANSWERS = [
    ["decide", () => worker.decide(good)],
    ["a refusal", () => worker.decide("{")],
    ["the simple call", async () => read(await worker.fetch("/v1/offers/home-hero"))],
    ["health", async () => read(await worker.fetch("/healthz"))],
    ["a wrong path", async () => read(await worker.fetch("/v2/decide"))],
    ["the administrator's", () => worker.admin("GET", "tables")],
    ["the administrator's refusal", () => worker.admin("PUT", "config", "{")],
  ];
  for (const [what, ask] of ANSWERS) {
    test(`stays out of caches and is what it says: ${what}`, async () => {
      const { headers } = await ask();
      assert.equal(headers.get("cache-control"), "private, no-store");
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.match(headers.get("content-type"), /^application\/(problem\+)?json$/);
    });
  }

  test("of a decision tells how long its parts took", async () => {
    for (const { headers } of [await worker.decide(good), await read(await worker.fetch("/v1/offers/home-hero"))]) {
      const parts = headers.get("server-timing").split(", ");
      assert.deepEqual(parts.map((it) => /^(\w+);dur=\d+$/.exec(it)?.[1]), ["snapshot", "lookup", "decide", "total"]);
    }
  });
});

describe("a body of any content type is taken", () => {
  for (const type of ["application/json", "text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded"]) {
    test(type, async () => {
      const answer = await worker.decide(good, { "content-type": type });
      assert.deepEqual(gist(answer).offers, ["tea-time"]);
    });
  }
});

describe("a decision that needs nothing to be read has a way of its own, which cannot be told from the general one", () => {
  // A body without a length, or a call with an Authorization header, takes the general way.
  const inPieces = (text) => new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from(text));
      controller.close();
    },
  });
  const BODIES = [
    ["a known visitor", JSON.stringify(good)],
    ["a stranger", JSON.stringify(request("nobody-knows-me", ["home-hero", "sidebar", "no-such-slot"]))],
    ["everything asked for", JSON.stringify(request(VISITORS.tea, ["home-hero", "everything"], {
      request_id: "„ü“ \u2028 🫖", context: { locale: "de-AT", items: ["toys-1"], attributes: { hour: 20 } }, options: { dedupe: "page", dry_run: true },
    }))],
    ["a privileged question", JSON.stringify({ ...good, options: { explain: true } })],
    ["a rule broken", JSON.stringify({ ...good, colour: "red" })],
    ["no JSON", "{"],
    ["not UTF-8", Buffer.from([0x7b, 0xff])],
    ["nothing", ""],
  ];
  const HEADERS = [
    {},
    { origin: SHOP },
    { origin: "https://evil.example" },
    { "sec-gpc": "1", cookie: "a=b" },
    { cookie: "a=b; vitrine_opt_out=1" },
    { "content-type": "text/plain" },
  ];
  const seen = ({ status, text, headers }) => {
    const told = Object.fromEntries(headers);
    for (const name of ["date", "content-length", "transfer-encoding", "connection", "keep-alive"]) delete told[name];
    told["server-timing"] &&= told["server-timing"].replaceAll(/\d+/g, "n");
    return { status, text, headers: told };
  };
  for (const [what, body] of BODIES) {
    test(what, async () => {
      await worker.decide(good); // Whatever can be held is held now.
      for (const headers of HEADERS) {
        const quick = seen(await worker.decide(body, headers));
        assert.deepEqual(seen(await worker.decide(inPieces(body), headers)), quick);
        assert.deepEqual(seen(await worker.decide(body, { ...headers, authorization: "Basic x" })), quick);
      }
    });
  }

  for (const path of ["/x/v1/decide", "/v2/v1/decide", "/no?path=/v1/decide", "/v1/admin/no?path=/v1/decide", "/v1/decidee", "/V1/DECIDE"]) {
    test(`and it is at its own path only, not at ${path}`, async () => {
      const answer = await read(await worker.fetch(path, { method: "POST", body: JSON.stringify(good) }));
      assertProblem(answer, ...(path.includes("admin") ? [401, "unauthorized"] : [404, "not_found"]));
    });
  }

  for (const path of ["/v1/decide?x=1", "/v1/decide/", "//v1/decide"]) {
    test(`and is the same at ${path}`, async () => {
      const answer = await read(await worker.fetch(path, { method: "POST", body: JSON.stringify(good) }));
      assert.deepEqual(seen(answer), seen(await worker.decide(good)));
    });
  }
});

describe("methods and paths", () => {
  const WRONG_METHOD = [
    ["GET", "/v1/decide", "POST"],
    ["PUT", "/v1/decide", "POST"],
    ["HEAD", "/v1/decide", "POST"],
    ["POST", "/v1/offers/home-hero", "GET, HEAD"],
    ["DELETE", "/v1/offers/home-hero", "GET, HEAD"],
    ["POST", "/healthz", "GET, HEAD"],
    ["DELETE", "/v1/admin/config", "GET, PUT"],
    ["PUT", "/v1/admin/tables", "GET"],
    ["GET", "/v1/admin/config/rollback", "POST"],
    ["GET", `/v1/admin/tables/${TODAY.build}/activate`, "POST"],
    ["POST", `/v1/admin/tables/${TODAY.build}/manifest`, "PUT"],
    ["GET", `/v1/admin/tables/${TODAY.build}/shards/0`, "PUT"],
  ];
  for (const [method, path, allowed] of WRONG_METHOD) {
    test(`${method} ${path}: use ${allowed}`, async () => {
      const headers = path.includes("admin") ? { authorization: `Bearer ${ADMIN_TOKEN}` } : {};
      const answer = await read(await worker.fetch(path, { method, headers }));
      assert.equal(answer.headers.get("allow"), allowed);
      if (method === "HEAD") return assert.equal(answer.status, 405);
      assertProblem(answer, 405, "method_not_allowed");
    });
  }

  const NOT_FOUND = ["/", "/v1", "/v1/offers", "/v1/offers/a/b", "/v1/decide/more", "/V1/decide", "/healthz/x", "/..%2f..%2fetc/passwd", "/%00"];
  for (const path of NOT_FOUND) {
    test(`GET ${path}: nothing there`, async () => assertProblem(await read(await worker.fetch(path)), 404, "not_found"));
  }

  for (const path of ["/v1/offers/home-hero", "/healthz"]) {
    test(`HEAD ${path} is GET without a body`, async () => {
      const head = await read(await worker.fetch(path, { method: "HEAD" }));
      assert.deepEqual([head.status, head.text], [200, ""]);
      assert.equal(head.headers.get("content-type"), "application/json");
    });
  }

  test("a placement is known by its id only", async () => {
    for (const id of ["HOME-HERO", "home-hero%20", "%E4%B8%AD", "%ff", "x".repeat(2000)]) {
      const answer = await read(await worker.fetch(`/v1/offers/${id}`));
      assert.ok([400, 404].includes(answer.status), answer.text);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
    }
  });
});

describe("GET /healthz", () => {
  test("tells what runs and how old it is", async () => {
    const { status, bundle, table, isolate } = await worker.health();
    assert.equal(status, "ok");
    const published = { version: bundle.version, age_is_small: bundle.age_s >= 0 && bundle.age_s < 600 };
    assert.deepEqual(published, { version: 1, age_is_small: true });
    assert.ok(Math.abs(Date.parse(bundle.published_at) - Date.now()) < 600_000);
    const { activated_at, age_s, data_age_s, ...rest } = table;
    assert.deepEqual(rest, { build: TODAY.build, previous: null, epoch: 1, kill: false, as_of: "2026-06-01T00:00:00Z", rows: 2000 });
    assert.ok(age_s >= 0 && age_s < 600 && Number.isInteger(data_age_s));
    assert.ok(Date.parse(activated_at) > 0);
    assert.deepEqual(Object.keys(isolate), ["shards", "shard_bytes", "counters"]);
    assert.deepEqual(Object.keys(isolate.counters), ["kv_reads", "answers", "evaluations", "refresh_failures", "lease_failures", "shard_failures"]);
  });

  test("is 200 and degraded before anything is published", async () => {
    const { status, bundle, table } = await fleet.worker("none").health();
    assert.deepEqual({ status, bundle, table }, { status: "degraded", bundle: null, table: null });
  });
});
