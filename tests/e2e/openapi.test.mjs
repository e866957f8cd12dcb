// docs/api/openapi.json and the Worker say the same: every documented call exists and no other, and what comes back is what
// the document describes.

import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, before, describe, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { DOCUMENT, OPERATIONS, assertDescribed, assertFits, resolve } from "./support/contract.mjs";
import { TODAY, VISITORS, offers, publishAll, request, vectorsOf } from "./support/fixture.mjs";
import { publishedFlags, sdkKey } from "./support/flags.mjs";
import { ADMIN_TOKEN, read, startFleet } from "./support/worker.mjs";

const AUTHORIZATION = `Bearer ${ADMIN_TOKEN}`;
const { key: KEY, entry } = sdkKey("production", "c1");
/// A Worker that nobody reads from without a key, so that no stream opens by chance.
const LOCKED = publishedFlags({ features: { a: { defaultValue: true } } }, { pointer: { keys: [entry] } });
const { key: SERVER_KEY } = sdkKey("production", "s1", { kind: "server" });

/// Values for the parameters of paths.
const SAMPLES = {
  placement: "home-hero", key: "a", clientKey: "none", version: "1", flag: "a", draft: "d1", environment: "staging",
  token: "t1", visitor: "00000000000000aa", build: TODAY.build, shard: "0",
};
const filled = (path) => path.replace(/\{(\w+)\}/g, (_, name) => SAMPLES[name] ?? assert.fail(`no sample for {${name}}`));

let fleet;
before(async () => {
  fleet = await startFleet([
    { name: "locked", kv: LOCKED },
    { name: "vitrine", vars: { TOKEN_KEY: "5".repeat(64), REFRESH_MS: "0" } },
    { name: "empty" },
  ]);
});
after(() => fleet?.stop());

describe("the document", () => {
  test("is OpenAPI 3.1", async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(DOCUMENT));
    assert.ok(valid, JSON.stringify(errors, null, 1));
    assert.equal(DOCUMENT.openapi, "3.1.0");
  });

  test("has examples that fit their schemas", () => {
    let count = 0;
    for (const { path, method, operation } of OPERATIONS) {
      const at = ["paths", path, method.toLowerCase()];
      const bodies = [[[...at, "requestBody"], operation.requestBody]];
      for (const [status, answer] of Object.entries(operation.responses)) bodies.push([[...at, "responses", status], answer]);
      for (const [place, body] of bodies) {
        for (const [mediaType, media] of Object.entries(body?.content ?? {})) {
          for (const [name, example] of Object.entries(media.examples ?? {})) {
            assertFits(example.value, [...place, "content", mediaType, "schema"], `${method} ${path}: example ${name}`);
            count += 1;
          }
        }
      }
    }
    assert.ok(count > 40, `${count} examples`);
  });

  test("names no security scheme that it does not describe", () => {
    const schemes = Object.keys(DOCUMENT.components.securitySchemes);
    const used = new Set(OPERATIONS.flatMap(({ operation }) => operation.security.flatMap(Object.keys)));
    assert.deepEqual([...used].sort(), schemes.sort());
  });
});

describe("every path", () => {
  const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "QUERY", "PURGE"];
  for (const [path, item] of Object.entries(DOCUMENT.paths)) {
    const documented = Object.keys(item).map((it) => it.toUpperCase());
    test(`${path} has the methods ${documented.join(", ")} and no other`, async () => {
      const worker = fleet.worker("locked");
      for (const method of METHODS) {
        const init = { method, headers: { authorization: AUTHORIZATION } };
        const answer = await read(await worker.fetch(filled(path), init));
        if (documented.includes(method)) {
          assert.notEqual(answer.status, 405, method);
          assert.doesNotMatch(answer.text, /there is nothing at|no such administrative call/, method);
        } else {
          assert.equal(answer.status, 405, `${method}: ${answer.text}`);
          const allowed = answer.headers.get("allow").split(", ").filter((it) => it !== "HEAD");
          assert.deepEqual(allowed.sort(), [...documented].sort());
        }
      }
    });
  }

  test("that is not documented is not there", async () => {
    const worker = fleet.worker("locked");
    for (const path of ["/", "/v1", "/v1/decide/x", "/v2/decide", "/healthz/x", "/v1/admin", "/v1/admin/x", "/v1/admin/drafts/d1/x", "/ofrep/v1/configuration"]) {
      const answer = await read(await worker.fetch(path, { headers: { authorization: AUTHORIZATION } }));
      assert.equal(answer.status, 404, path);
    }
  });
});

describe("every limit of a body", () => {
  for (const { path, method, operation } of OPERATIONS.filter((it) => it.operation.requestBody)) {
    const bytesMax = operation.requestBody["x-bytes-max"];
    test(`${method} ${path}: ${bytesMax} bytes`, async () => {
      const worker = fleet.worker("vitrine");
      // Tables want their parts in order: the manifest of what is uploaded comes first.
      if (/items|shards|vectors/.test(path)) {
        assert.equal((await worker.admin("PUT", `tables/${TODAY.build}/manifest`, TODAY.manifest)).status, 204);
      }
      const answer = await announced(worker, method, filled(path), bytesMax + 1);
      assert.equal(answer.status, 413, answer.text);
      assertDescribed(method, filled(path), answer);
    });
  }
});

/// Sends the head of a request whose body is said to have this many bytes. No more is needed for a refusal.
function announced(worker, method, path, nBytes) {
  return new Promise((resolved, rejected) => {
    const headers = { authorization: AUTHORIZATION, "if-match": '"1"', "content-type": "application/json", "content-length": nBytes };
    const call = httpRequest(`${worker.url}${path}`, { method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => (text += chunk)).on("end", () => {
        call.destroy();
        resolved({ status: response.statusCode, headers: new Headers(response.headers), text });
      });
    });
    call.on("error", rejected).flushHeaders();
    call.write("{");
  });
}

describe("answers", () => {
  /// What was seen: by operation, the statuses.
  const seen = {};
  let worker;

  /// Sends a call, holds the answer against the document, and gives it.
  async function call(method, path, body, headers = {}, at = worker) {
    const raw = body === undefined || typeof body === "string" || ArrayBuffer.isView(body);
    const answer = await read(await at.fetch(path, { method, headers, body: raw ? body : JSON.stringify(body) }));
    const id = assertDescribed(method, path, answer);
    (seen[id] ??= new Set()).add(answer.status);
    return answer;
  }
  const admin = (method, path, body, headers = {}) =>
    call(method, `/v1/admin/${path}`, body, { authorization: AUTHORIZATION, ...headers });
  /// The same, and the status must be as expected.
  const expect = async (status, answer) => {
    const { status: found, body, text, headers } = await answer;
    assert.equal(found, status, text);
    return body ?? headers;
  };

  const experiments = {
    ...offers(),
    metrics: [{ id: "orders", type: "proportion", event: "purchase", goal: "increase" }],
    flags: [
      { id: "base", type: "boolean", default: true },
      { id: "ratio", type: "number", default: 1 },
      { id: "theme", type: "object", default: { colour: "red" } },
      { id: "off", type: "string", default: "x", enabled: false },
      { id: "tea", type: "boolean", default: false, rules: [{ id: "tea", when: { "profile.top_categories": "tea" }, value: true }] },
    ],
    experiments: [
      { id: "cta", variations: [{ id: "control", value: "buy" }, { id: "now", value: "buy now" }], metrics: { goal: ["orders"] } },
    ],
  };

  before(async () => {
    worker = fleet.worker("vitrine");
    await publishAll(worker, { document: experiments });
  });

  test("of decisions", async () => {
    for (const body of [
      request(VISITORS.tea, ["home-hero"], { request_id: "r1" }), request(null), request("nobody"),
      request(VISITORS.toys, ["home-hero", "no-such-placement"], { options: { dedupe: "page", dry_run: true } }),
    ]) {
      await expect(200, call("POST", "/v1/decide", body));
      await expect(200, call("POST", "/v1/decide", body, { "content-type": "text/plain", "sec-gpc": "1" }));
    }
    const explained = request(VISITORS.garden, "home-hero", { options: { explain: true, at: "2026-12-01T00:00:00Z" } });
    const { decisions } = await expect(200, call("POST", "/v1/decide", explained, { authorization: AUTHORIZATION }));
    assert.ok(decisions[0].explain.length > 0);
    await expect(401, call("POST", "/v1/decide", explained));
    for (const wrong of ["{", "[]", {}, { placements: [] }, { ...request(null), more: 1 }]) await expect(400, call("POST", "/v1/decide", wrong));
    await expect(200, call("POST", "/v1/decide", request(VISITORS.tea), {}, fleet.worker("empty")));
    await expect(200, call("GET", "/v1/offers/home-hero?count=2&item=a&item=b&locale=de", undefined, { "vitrine-visitor": VISITORS.tea }));
    await expect(200, call("HEAD", "/v1/offers/home-hero"));
    await expect(400, call("GET", "/v1/offers/home-hero?count=31"));
    await expect(404, call("GET", "/v1/offers/no-such-placement"));
  });

  test("of health", async () => {
    await expect(200, call("GET", "/healthz"));
    await expect(200, call("GET", "/healthz", undefined, {}, fleet.worker("empty")));
    await expect(200, call("GET", "/healthz", undefined, {}, fleet.worker("locked")));
  });

  test("of evaluations, and of reports that visitors met them", async () => {
    const flags = "/ofrep/v1/evaluate/flags";
    const body = { context: { targetingKey: VISITORS.tea, consent: { personalise: true } } };
    const all = await call("POST", flags, body);
    assert.equal(all.status, 200, all.text);
    await expect(304, call("POST", flags, body, { "if-none-match": all.headers.get("etag") }));
    const stamp = `flagConfigLastModified=${all.body.metadata.lastModified}`;
    await expect(200, call("POST", `${flags}?flagConfigEtag=v1.1.x&${stamp}`, body));
    const tokens = [];
    for (const { key } of all.body.flags) {
      const { metadata } = await expect(200, call("POST", `${flags}/${key}`, body));
      if (metadata.exposureToken) tokens.push(metadata.exposureToken);
    }
    assert.equal(tokens.length, 1);
    for (const wrong of ["{", "[]", { context: [] }, { context: { targetingKey: 1 } }]) {
      await expect(400, call("POST", flags, wrong));
      await expect(400, call("POST", `${flags}/base`, wrong));
    }
    await expect(404, call("POST", `${flags}/no-such-flag`, body));
    for (const path of [flags, `${flags}/a`]) {
      await expect(401, call("POST", path, body, {}, fleet.worker("locked")));
      await expect(200, call("POST", path, body, { "x-api-key": KEY }, fleet.worker("locked")));
    }
    for (const path of [flags, `${flags}/a`]) {
      await expect(403, call("POST", path, body, { "x-api-key": SERVER_KEY, origin: "https://shop.example" }));
    }
    await expect(200, call("POST", flags, body, {}, fleet.worker("empty")));

    const rows = [{ token: tokens[0], at: "2026-12-01T08:00:00Z" }, { token: tokens[0] }, { token: "x" }, { token: tokens[0], at: "x" }, 1];
    const report = await expect(202, call("POST", "/v1/exposures", { exposures: rows }));
    assert.deepEqual([report.accepted, report.rejected.length], [1, 4]);
    await expect(202, call("POST", "/v1/exposures", { exposures: [{ token: tokens[0] }], key: KEY }, {}, fleet.worker("locked")));
    await expect(401, call("POST", "/v1/exposures", { exposures: [] }, {}, fleet.worker("locked")));
    await expect(403, call("POST", "/v1/exposures", { exposures: [], key: SERVER_KEY }));
    for (const wrong of ["{", {}, [null, []], { exposures: Array(101).fill({ token: "x" }) }]) await expect(400, call("POST", "/v1/exposures", wrong));
  });

  test("of events and counts", async () => {
    const events = [
      { id: "e1", type: "view", channel: "web" }, { id: "e1", type: "view" }, { id: "e2", type: "impression" }, 1,
      { id: "e3", type: "conversion", value: 1.5, currency: "CNY", order_id: "o1", visitor: { anon: "x" }, consent: { measure: true }, props: { a: 1 } },
    ];
    const told = await expect(202, call("POST", "/v1/events", { events }));
    assert.deepEqual([told.accepted, told.duplicate, told.rejected.length], [2, 1, 2]);
    const headers = { "idempotency-key": "b1" };
    await expect(202, call("POST", "/v1/events", { events: [{ type: "cart" }] }, headers));
    await expect(409, call("POST", "/v1/events", { events: [{ type: "share" }] }, headers));
    await expect(401, call("POST", "/v1/events", { events: [] }, {}, fleet.worker("locked")));
    for (const wrong of ["{", {}, [null, []], { events: Array(101).fill({}) }]) await expect(400, call("POST", "/v1/events", wrong));

    const all = "placement,offer,creative,experiment,variation,channel,name,hour";
    const { rows } = await expect(200, admin("GET", `counts?by=${all}`));
    assert.ok(rows.length >= 3);
    await expect(200, admin("GET", "counts?from=2026-01-01T00:00:00Z&channel=web&environment=staging"));
    for (const body of [{}, { dry_run: true }, { draft: true, reason: "r", environment: "production" }]) await expect(200, admin("POST", "loop", body));
    for (const wrong of [{ dry_run: 1 }, { dry_run: true, draft: true }, { environment: "X" }, "{"]) await expect(400, admin("POST", "loop", wrong));
    await expect(404, admin("POST", "loop", { environment: "nowhere" }));
    await expect(200, admin("GET", "loop?limit=5"));
    await expect(400, admin("GET", "loop?limit=x"));
    await expect(404, admin("GET", "loop?environment=nowhere"));
    for (const body of [{}, { dry_run: true, environment: "production" }]) await expect(200, admin("POST", "alerts", body));
    for (const wrong of [{ test: 1 }, { dry_run: true, test: true }, { environment: "X" }, "{"]) await expect(400, admin("POST", "alerts", wrong));
    await expect(409, admin("POST", "alerts", { test: true }));
    for (const [method, path, body] of [["POST", "alerts", { environment: "nowhere" }], ["GET", "alerts?environment=nowhere"]]) await expect(404, admin(method, path, body));
    await expect(200, admin("GET", "alerts"));
    await expect(400, admin("GET", "alerts?more=1"));
    await expect(200, admin("GET", "budgets"));
    await expect(400, admin("GET", "budgets?more=1"));
    await expect(404, admin("GET", "budgets?environment=nowhere"));
    await expect(200, admin("PUT", "stock", { sold_out: ["nobody-sells-this"] }));
    for (const wrong of ["{", {}, { sold_out: [""] }]) await expect(400, admin("PUT", "stock", wrong));
    assert.deepEqual(await expect(200, admin("POST", "counts/forget", { visitor: "x" })), { forgotten: 0 });
    for (const wrong of [{}, { visitor: 1 }, { visitor: "x", y: 1 }]) await expect(400, admin("POST", "counts/forget", wrong));
    for (const wrong of ["by=colour", "from=x", "environment=X", "from=2020-01-01T00:00:00Z"]) await expect(400, admin("GET", `counts?${wrong}`));
  });

  test("of GrowthBook's endpoints", async () => {
    const { headers } = await call("GET", "/api/features/any");
    await expect(304, call("GET", "/api/features/any", undefined, { "if-none-match": headers.get("etag") }));
    await expect(401, call("GET", "/api/features/none", undefined, {}, fleet.worker("locked")));
    await expect(200, call("GET", "/api/features/any", undefined, {}, fleet.worker("empty")));
    const visitor = { attributes: { id: "u1" }, forcedVariations: { cta: 1 }, forcedFeatures: [["base", false]], url: "https://shop.example/" };
    await expect(200, call("POST", "/api/eval/any", visitor));
    const { features } = await expect(200, call("POST", "/api/eval/any", { attributes: { id: "u1" } }));
    assert.ok(features.cta.rules[0].tracks[0].result.exposureToken.length > 0);
    await expect(400, call("POST", "/api/eval/any", "{"));
    await expect(400, call("POST", "/api/eval/any", { attributes: [] }));
    await expect(401, call("POST", "/api/eval/none", visitor, {}, fleet.worker("locked")));
    await expect(401, call("GET", "/sub/none", undefined, {}, fleet.worker("locked")));
    for (const [method, path] of [["GET", "/api/features/"], ["POST", "/api/eval/"], ["GET", "/sub/"]]) {
      await expect(403, call(method, `${path}${SERVER_KEY}`, method === "POST" ? visitor : undefined));
    }
  });

  test("of streams", async () => {
    const { body } = await call("POST", "/ofrep/v1/evaluate/flags", {});
    const { pathname, search } = new URL(body.eventStreams[0].url);
    for (const path of [pathname + search, "/sub/any"]) {
      const ending = new AbortController();
      const response = await worker.fetch(path, { signal: ending.signal });
      const { value } = await response.body.getReader().read();
      const answer = { status: response.status, headers: response.headers, text: new TextDecoder().decode(value) };
      const id = assertDescribed("GET", path, answer);
      (seen[id] ??= new Set()).add(answer.status);
      assert.match(answer.text, /^: open\n\n/);
      ending.abort();
    }
    await expect(401, call("GET", "/v1/stream?token=x"));
    await expect(401, call("GET", "/v1/stream"));
  });

  test("of configurations", async () => {
    await expect(200, admin("GET", "config"));
    const other = { ...experiments, offers: [...experiments.offers, { id: "more", content: { title: "More" } }] };
    const { version } = await expect(200, admin("PUT", "config?reason=test", other));
    await expect(200, admin("PUT", "config?dry_run=true", experiments));
    await expect(409, admin("PUT", "config?base_version=1", { ...experiments, offers: [] }).then((it) => (it.status === 422 ? admin("PUT", "config?base_version=1", experiments) : it)));
    await expect(400, admin("PUT", "config?dry_run=1", experiments));
    await expect(400, admin("PUT", "config?more=1", experiments));
    await expect(400, admin("PUT", "config", new Uint8Array([0xff])));
    await expect(404, admin("PUT", "config?environment=nowhere", experiments));
    await expect(422, admin("PUT", "config", "{"));
    await expect(422, admin("PUT", "config", { version: 1, placements: [{ id: "p" }] }));
    for (const document of [experiments, { ...experiments, offers: [] }, "{"]) await expect(200, admin("POST", "config/check", document));
    await expect(200, admin("POST", "config/rollback"));
    await expect(200, admin("POST", "config/rollback", { version, reason: "back again" }));
    await expect(409, admin("POST", "config/rollback", { version }));
    await expect(404, admin("POST", "config/rollback", { version: 999 }));
    await expect(400, admin("POST", "config/rollback", { version: "1" }));
    for (const wrong of ["{", "[]", "1", " "]) await expect(400, admin("POST", "config/rollback", wrong));
    await expect(409, admin("POST", "config/publish", { version }));
    await expect(200, admin("GET", "config/versions?limit=1"));
    await expect(200, admin("GET", "config/versions?before=2"));
    await expect(400, admin("GET", "config/versions?limit=x"));
    await expect(200, admin("GET", `config/versions/${version}`));
    await expect(404, admin("GET", "config/versions/999"));
    await expect(200, admin("POST", "flags/base/kill", { killed: true }));
    await expect(200, call("POST", "/ofrep/v1/evaluate/flags", {}));
    await expect(200, admin("GET", "environments/production"));
    await expect(200, admin("POST", "flags/base/kill", { killed: false }));
    await expect(404, admin("POST", "flags/none/kill", { killed: true }));
    await expect(401, call("GET", "/v1/admin/config"));
    const history = await expect(200, admin("GET", "config"));
    assert.ok(history.history.length >= 5);
  });

  test("of drafts", async () => {
    const draft = await expect(200, admin("POST", "drafts", { note: "a copy" }));
    await expect(200, admin("PUT", `drafts/${draft.id}`, { document: { ...experiments, offers: [...experiments.offers, { id: "new", content: { title: "New" } }] } }, { "if-match": '"1"' }));
    await expect(409, admin("PUT", `drafts/${draft.id}`, { note: "late" }, { "if-match": '"1"' }));
    await expect(400, admin("PUT", `drafts/${draft.id}`, { note: "blind" }));
    await expect(404, admin("PUT", "drafts/d999", { note: "none" }, { "if-match": '"1"' }));
    await expect(200, admin("GET", "drafts"));
    await expect(200, admin("GET", `drafts/${draft.id}`));
    await expect(404, admin("GET", "drafts/d999"));
    await expect(200, admin("GET", `drafts/${draft.id}/diff`));
    await expect(403, admin("POST", `drafts/${draft.id}/approve`, { reason: "my own" }));
    const { token } = await expect(200, admin("POST", "tokens", { name: "bob", role: "approver" }));
    await expect(200, admin("POST", `drafts/${draft.id}/approve`, { reason: "read it" }, { authorization: `Bearer ${token}` }));
    await expect(403, admin("POST", "tokens", { name: "eve", role: "admin" }, { authorization: `Bearer ${token}` }));
    const later = new Date(Date.now() + 3_600_000).toISOString();
    await expect(200, admin("POST", `drafts/${draft.id}/publish`, { at: later }));
    await expect(200, admin("GET", `drafts/${draft.id}`));
    await expect(200, admin("DELETE", `drafts/${draft.id}/schedule`));
    await expect(200, admin("POST", `drafts/${draft.id}/publish`));
    await expect(409, admin("POST", `drafts/${draft.id}/publish`));
    const other = await expect(200, admin("POST", "drafts", { document: { version: 1, placements: [{ id: "p" }] } }));
    assert.ok(other.diagnostics.length > 0);
    await expect(422, admin("POST", `drafts/${other.id}/publish`));
    // Numbers that JavaScript cannot hold.
    for (const big of ["9223372036854775809", "18446744073709551615"]) {
      await expect(404, admin("PUT", `drafts/${other.id}`, `{"base_version":${big}}`, { "if-match": '"1"' }));
      await expect(404, admin("POST", "drafts", `{"version":${big}}`));
      await expect(404, admin("POST", "config/rollback", `{"version":${big}}`));
      await expect(404, admin("POST", "config/publish", `{"version":${big}}`));
    }
    const exact = { version: 1, flags: [{ id: "n", type: "number", default: 1 }] };
    const typed = await expect(200, admin("POST", "drafts", JSON.stringify({ document: exact }).replace(":1}]", ":1.0}]")));
    assert.match((await admin("GET", `drafts/${typed.id}`)).text, /"default":1\.0/);
    await expect(200, admin("DELETE", `drafts/${other.id}`, undefined, { "if-match": '"1"' }));
    await expect(400, admin("POST", "drafts", { more: 1 }));
  });

  test("of environments, keys, tokens and the log", async () => {
    await expect(200, admin("PUT", "environments/staging", { settings: { query_override: true } }));
    await expect(400, admin("PUT", "environments/Staging"));
    await expect(200, admin("GET", "environments"));
    await expect(200, admin("GET", "environments/staging"));
    await expect(404, admin("GET", "environments/nowhere"));
    await expect(200, admin("POST", "config/publish", { environment: "staging", version: 1 }));
    const { id } = await expect(200, admin("POST", "environments/staging/keys", { kind: "server", note: "the till" }));
    await expect(200, admin("GET", "environments/staging"));
    await expect(400, admin("DELETE", `environments/staging/keys/${id}?overlap_s=x`));
    await expect(200, admin("DELETE", `environments/staging/keys/${id}?overlap_s=60`));
    await expect(404, admin("DELETE", "environments/staging/keys/k999"));
    await expect(400, admin("POST", "environments/staging/keys", { kind: "root" }));
    const made = await expect(200, admin("POST", "tokens", { name: "carol", role: "viewer", environments: ["staging"], expires_at: "2100-01-01T00:00:00Z" }));
    await expect(200, admin("GET", "tokens"));
    await expect(200, admin("DELETE", `tokens/${made.id}`));
    await expect(409, admin("DELETE", `tokens/${made.id}`));
    await expect(404, admin("DELETE", "tokens/t999"));
    await expect(400, admin("POST", "tokens", { name: "", role: "viewer" }));
    const { entries } = await expect(200, admin("GET", "audit?limit=1000"));
    assert.ok(entries.length > 5);
    await expect(200, admin("GET", "audit?after=2&limit=2"));
    await expect(400, admin("GET", "audit?after=-1"));
  });

  test("of previews", async () => {
    const preview = { experiments: { cta: "now" }, attributes: { country: "CN" }, at: "2026-12-01T00:00:00+08:00" };
    const { token, header, query } = await expect(200, admin("POST", "previews", preview));
    const shown = await call("POST", "/v1/decide", request(null), { [header]: token });
    assert.deepEqual([shown.status, shown.headers.get("vitrine-preview")], [200, "shown"]);
    await expect(200, call("GET", `/v1/offers/home-hero?${query}`));
    const cta = await expect(200, call("POST", "/ofrep/v1/evaluate/flags/cta", {}, { [header]: token }));
    assert.equal(cta.value, "buy now");
    await expect(200, call("POST", "/ofrep/v1/evaluate/flags", {}, { [header]: token }));
    for (const path of ["/v1/decide", "/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/cta"]) {
      await expect(401, call("POST", path, request(null), { [header]: "forged" }));
    }
    await expect(401, call("GET", "/v1/offers/home-hero?vitrine_preview=forged"));
    await expect(404, admin("POST", "previews", { experiments: { cta: "none" } }));
    await expect(400, admin("POST", "previews", { expires_in: 1 }));
  });

  test("of tables", async () => {
    const { build, manifest, items, shards } = TODAY;
    const vectors = vectorsOf(items);
    await expect(200, admin("GET", "tables"));
    await expect(204, admin("PUT", `tables/${build}/manifest`, manifest).then((it) => ({ ...it, body: {} })));
    await expect(204, admin("PUT", `tables/${build}/items`, items).then((it) => ({ ...it, body: {} })));
    const [shard, bytes] = Object.entries(shards)[0];
    await expect(204, admin("PUT", `tables/${build}/shards/${shard}`, bytes).then((it) => ({ ...it, body: {} })));
    await expect(422, admin("PUT", `tables/${build}/shards/${shard}`, new Uint8Array(3)));
    await expect(422, admin("PUT", `tables/${build}/manifest`, "{}"));
    await expect(400, admin("PUT", "tables/x/manifest", manifest));
    await expect(204, admin("PUT", `tables/${build}/vectors`, vectors).then((it) => ({ ...it, body: {} })));
    await expect(422, admin("PUT", `tables/${build}/vectors`, items));
    await expect(409, admin("PUT", `tables/${"0".repeat(16)}/items`, items));
    await expect(200, admin("POST", `tables/${build}/activate`));
    await expect(409, admin("POST", "tables/rollback"));
    await expect(200, admin("POST", "tables/kill", { kill: true }));
    await expect(200, call("GET", "/healthz"));
    await expect(200, admin("POST", "tables/kill", { kill: false }));
    for (const wrong of [{ kill: 1 }, [true]]) await expect(400, admin("POST", "tables/kill", wrong));
  });

  // The last one: an environment that once had keys stays closed to those without.
  test("of visitors' own data", async () => {
    const visitor = { "vitrine-visitor": VISITORS.tea };
    const { id, key } = (await worker.admin("POST", "environments/production/keys", { kind: "server" })).body;
    const shop = { ...visitor, authorization: `Bearer ${key}` };
    for (const personalise of [false, true]) await expect(200, call("POST", "/v1/me/preferences", { personalise }));
    for (const wrong of ["{", "[]", { personalise: 1 }]) await expect(400, call("POST", "/v1/me/preferences", wrong));
    await expect(200, call("GET", "/v1/me/tags", undefined, shop));
    await expect(401, call("GET", "/v1/me/tags", undefined, visitor));
    await expect(400, call("GET", "/v1/me/tags", undefined, { authorization: shop.authorization }));
    await expect(200, call("DELETE", "/v1/me/tags", undefined, { ...shop, "vitrine-visitor": "nobody" }));
    await expect(400, call("GET", "/v1/explain?token=x"));
    await expect(200, call("GET", "/.well-known/gpc.json"));
    await expect(200, call("GET", "/.well-known/gpc.json", undefined, {}, fleet.worker("empty")));
    await expect(401, call("POST", "/v1/decide/batch", "{}"));
    await expect(200, call("POST", "/v1/decide/batch", `${JSON.stringify(request(VISITORS.tea))}\n{}\n`, { authorization: shop.authorization }));
    await expect(204, call("GET", "/v1/banner/home-hero").then((it) => ({ ...it, body: {} })));
    await expect(404, call("GET", "/v1/banner/no-such-placement"));
    await expect(404, call("GET", "/c/x"));
    const { headers } = await call("GET", "/vitrine.js");
    await expect(304, call("GET", "/vitrine.js", undefined, { "if-none-match": headers.get("etag") }));
    const [row] = (await expect(200, admin("GET", "visitors"))).visitors;
    await expect(200, admin("GET", `visitors/${row.row_key}`));
    await expect(400, admin("GET", "visitors/x"));
    await expect(200, admin("DELETE", "visitors/00000000000000aa"));
    await expect(400, admin("DELETE", "visitors/x"));
    await expect(200, admin("POST", "visitors", { visitors: ["00000000000000bb"] }));
    await expect(400, admin("POST", "visitors", { visitors: [] }));
    await expect(400, admin("DELETE", "visitors?before=x"));
    await expect(200, admin("DELETE", "visitors?before=2100-01-01T00:00:00Z"));
    await worker.admin("DELETE", `environments/production/keys/${id}`);
  });

  test("were seen of every operation", () => {
    // No second build is uploaded here, so there is none to return to; `visitor_rights` explains decisions, `mails` follows links.
    const EXCEPT = ["rollBackTable", "explainDecision", "banner", "click"];
    const missing = OPERATIONS.map((it) => it.operation.operationId)
      .filter((id) => !EXCEPT.includes(id) && ![...(seen[id] ?? [])].some((status) => status < 300));
    assert.deepEqual(missing, []);
  });
});
