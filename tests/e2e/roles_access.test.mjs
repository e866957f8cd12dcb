// Cloudflare Access in front of the administrative interface: assertions signed by a team's keys, good ones and bad ones.

import assert from "node:assert/strict";
import { createSign, generateKeyPairSync } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { assertProblem } from "./support/fixture.mjs";
import { auditLog, body, titled } from "./support/registry.mjs";
import { read, startFleet } from "./support/worker.mjs";

const TEAM = "shop.cloudflareaccess.com";
const AUDIENCE = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2";
const vars = {
  ACCESS_TEAM_DOMAIN: TEAM,
  ACCESS_AUD: AUDIENCE,
  ACCESS_ROLES: "ann@shop.example=approver, ci.access=editor, *@shop.example=viewer",
};

const pair = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
const KEYS = { now: pair(), before: pair(), stranger: pair() };
const jwk = (kid) => ({ ...KEYS[kid].publicKey.export({ format: "jwk" }), kid, alg: "RS256", use: "sig" });

/// What the team's domain serves, and how often it was asked.
let certs = { keys: [jwk("now"), jwk("before")] };
const asked = [];
const outbound = (request) => {
  asked.push(request.url);
  if (request.url !== `https://${TEAM}/cdn-cgi/access/certs`) return new Response("not here", { status: 404 });
  return typeof certs === "string" ? new Response(certs, { status: certs ? 200 : 503 }) : Response.json(certs);
};

const base64url = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const now_s = () => Math.floor(Date.now() / 1000);

/// An assertion as Access makes them, with changes.
function assertion({ header = {}, claims = {}, key = "now", signature } = {}) {
  const head = { alg: "RS256", kid: "now", typ: "JWT", ...header };
  const body = {
    aud: [AUDIENCE], email: "ann@shop.example", exp: now_s() + 600, iat: now_s(), nbf: now_s(), iss: `https://${TEAM}`, type: "app", sub: "u", ...claims,
  };
  const signed = `${base64url(head)}.${base64url(body)}`;
  const proof = signature ?? createSign("RSA-SHA256").update(signed).sign(KEYS[key].privateKey).toString("base64url");
  return `${signed}.${proof}`;
}

let fleet, worker;
before(async () => {
  const names = ["worker", "rotated", "broken", "late", "half", "unset"];
  fleet = await startFleet([
    ...names.slice(0, 4).map((name) => ({ name, vars, outbound })),
    { name: "half", vars: { ...vars, ACCESS_ROLES: "ann@shop.example=boss" }, outbound },
    { name: "unset", outbound },
  ]);
  worker = fleet.worker("worker");
});
after(() => fleet?.stop());

async function call(jwt, method = "GET", path = "config", { from = worker, headers = {}, sent } = {}) {
  const init = { method, headers: { ...(jwt === undefined ? {} : { "cf-access-jwt-assertion": jwt }), ...headers } };
  if (sent !== undefined) init.body = JSON.stringify(sent);
  return await read(await from.fetch(`/v1/admin/${path}`, init));
}

describe("people", () => {
  test("have the role that their address has", async () => {
    body(await call(assertion(), "PUT", "config?reason=by%20hand", { sent: titled("one") }));
    const entry = (await auditLog(worker)).at(-1);
    assert.deepEqual([entry.actor, entry.role, entry.action], ["ann@shop.example", "approver", "config.publish"]);
    assertProblem(await call(assertion(), "GET", "tokens"), 403, "forbidden");
    const bob = { claims: { email: "Bob@shop.example" } };
    body(await call(assertion(bob)));
    assertProblem(await call(assertion(bob), "POST", "drafts", { sent: {} }), 403, "forbidden");
    const ci = { claims: { email: undefined, common_name: "ci.access" } };
    body(await call(assertion(ci), "POST", "drafts", { sent: {} }));
    const mallory = await call(assertion({ claims: { email: "mallory@evil.example" } }));
    assertProblem(mallory, 403, "forbidden");
    assert.match(mallory.body.detail, /mallory@evil.example has no role/);
  });

  test("get in with the key before, too, and the keys are read once", async () => {
    const before = asked.length;
    for (const key of ["now", "before", "now"]) body(await call(assertion({ header: { kid: key }, key })));
    assert.equal(asked.length, before);
    assert.deepEqual([...new Set(asked)], [`https://${TEAM}/cdn-cgi/access/certs`]);
  });

  test("author and approver are told apart by address", async () => {
    const { id } = body(await call(assertion(), "POST", "drafts", { sent: { document: titled("x") } }));
    assertProblem(await call(assertion(), "POST", `drafts/${id}/approve`, { sent: { reason: "mine" } }), 403, "forbidden");
  });

  test("a token goes first", async () => {
    const headers = { authorization: "Bearer nonsense" };
    assertProblem(await call(assertion(), "GET", "config", { headers }), 401, "unauthorized");
    assert.equal((await worker.admin("GET", "tokens", undefined, { "cf-access-jwt-assertion": "nonsense" })).status, 200);
  });
});

describe("nobody gets in with", () => {
  const CASES = [
    ["nothing", () => undefined],
    ["an empty assertion", () => ""],
    ["no assertion", () => "nonsense"],
    ["an expired one", () => assertion({ claims: { exp: now_s() - 120 } })],
    ["one that is not valid yet", () => assertion({ claims: { nbf: now_s() + 120 } })],
    ["one without end", () => assertion({ claims: { exp: undefined } })],
    ["one for another application", () => assertion({ claims: { aud: ["other"] } })],
    ["one for no application", () => assertion({ claims: { aud: undefined } })],
    ["one of another team", () => assertion({ claims: { iss: "https://evil.cloudflareaccess.com" } })],
    ["one of nobody", () => assertion({ claims: { email: "" } })],
    ["a stranger's key by the team's name", () => assertion({ key: "stranger" })],
    ["a stranger's key by its own name", () => assertion({ header: { kid: "stranger" }, key: "stranger" })],
    ["the team's other key", () => assertion({ header: { kid: "before" }, key: "now" })],
    ["no key's name", () => assertion({ header: { kid: undefined } })],
    ["alg none", () => assertion({ header: { alg: "none" }, signature: "" })],
    ["alg none, signed", () => assertion({ header: { alg: "none" } })],
    ["alg HS256", () => assertion({ header: { alg: "HS256" } })],
    ["no signature", () => assertion({ signature: "" })],
    ["another signature", () => assertion({ signature: assertion({ claims: { email: "x@shop.example" } }).split(".")[2] })],
    ["a key of its own in the header", () => assertion({ header: { jwk: jwk("stranger"), jku: "https://evil.example/certs" }, key: "stranger" })],
    ["changed claims", () => {
      const [head, , signature] = assertion().split(".");
      const claims = { aud: [AUDIENCE], email: "root@shop.example", exp: now_s() + 600, iss: `https://${TEAM}` };
      return `${head}.${base64url(claims)}.${signature}`;
    }],
  ];
  for (const [what, make] of CASES) {
    test(what, async () => {
      const answer = await call(make());
      assertProblem(answer, 401, "unauthorized");
      assert.ok(asked.every((url) => url === `https://${TEAM}/cdn-cgi/access/certs`), "nobody else is asked for keys");
    });
  }
});

describe("pages of other sites", () => {
  const sent = titled("x");
  const origin = () => worker.url;
  test("cannot use a person's browser", async () => {
    for (const headers of [{ origin: "https://evil.example" }, { "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "same-site" }, { origin: "null" }]) {
      assertProblem(await call(assertion(), "PUT", "config", { sent, headers }), 403, "forbidden");
    }
  });
  test("but the Worker's own can", async () => {
    body(await call(assertion(), "PUT", "config", { sent, headers: { origin: origin(), "sec-fetch-site": "same-origin" } }));
  });
});

describe("keys of the team", () => {
  test("that are new are read again, but not for every stranger", async () => {
    const rotated = fleet.worker("rotated");
    const was = certs;
    certs = { keys: [jwk("before")] };
    body(await call(assertion({ header: { kid: "before" }, key: "before" }), "GET", "config", { from: rotated }));
    const before = asked.length;
    for (let i = 0; i < 5; i++) {
      assertProblem(await call(assertion({ header: { kid: `x${i}` } }), "GET", "config", { from: rotated }), 401, "unauthorized");
    }
    assert.equal(asked.length, before, "looked for at most once a minute");
    certs = was;
  });

  for (const [what, served] of [["do not answer", ""], ["are no JSON", "<html>"], ["are none", { keys: [] }], ["are of another kind", { keys: [{ kid: "now", kty: "EC", crv: "P-256" }] }]]) {
    test(`that ${what} let nobody in`, async () => {
      const broken = fleet.worker(served === "" ? "broken" : "late");
      const was = certs;
      certs = served;
      const answer = await call(assertion(), "GET", "config", { from: broken });
      assert.ok([401, 503].includes(answer.status), answer.text);
      certs = was;
    });
  }

  test("that did not answer are read again by the next call", async () => {
    body(await call(assertion(), "GET", "config", { from: fleet.worker("broken") }));
  });
});

test("without settings, or with broken ones, assertions mean nothing", async () => {
  for (const name of ["half", "unset"]) {
    assertProblem(await call(assertion(), "GET", "config", { from: fleet.worker(name) }), 401, "unauthorized");
    assert.equal((await fleet.worker(name).admin("GET", "config")).status, 200);
  }
});
