// Decisions for mails: many at once for the sender, pictures and links for the reader.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { assertProblem, gist, offers, publishAll, request, VISITORS } from "./support/fixture.mjs";
import { read, startWorker } from "./support/worker.mjs";

const TOKEN_KEY = "0b".repeat(32);

let worker;
let bearer;
const document = () => {
  const document = offers();
  document.settings.link_hosts = ["partner.example", "shop.example"];
  const content = (id, content) => (document.offers.find((it) => it.id === id).content = content);
  content("garden-days", { title: "Garden days", image: { src: "/garden.avif", alt: "", width: 600, height: 200 }, link: "/garden?x=1" });
  content("toy-fair", { title: "Toys", image: "https://img.example/toys.png", link: "https://partner.example/toys" });
  content("back-soon", { title: "Back soon" });
  return document;
};
before(async () => {
  worker = await startWorker({ vars: { TOKEN_KEY } });
  await publishAll(worker, { document: document() });
  const made = await worker.admin("POST", "environments/production/keys", { kind: "server" });
  bearer = { authorization: `Bearer ${made.body.key}` };
});
after(() => worker?.stop());

describe("many decisions at once", () => {
  const batch = async (body, headers = bearer) => await read(await worker.fetch("/v1/decide/batch", { method: "POST", headers, body, duplex: "half" }));
  const lines = (answer) => answer.text.split("\n").slice(0, -1).map((it) => JSON.parse(it));

  test("are answered line by line as single ones are", async () => {
    const asked = [request(VISITORS.tea, "home-hero", { request_id: "r1" }), request(VISITORS.garden), request("nobody-here"), request(null)];
    const answer = await batch(asked.map((it) => JSON.stringify(it)).join("\n"));
    assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "application/x-ndjson"]);
    assert.equal(answer.headers.get("cache-control"), "private, no-store");
    const found = lines(answer).map((body) => gist({ status: 200, body }));
    const expected = [];
    for (const it of asked) expected.push(gist(await worker.decide(it)));
    assert.deepEqual(found, expected);
    assert.equal(lines(answer)[0].request_id, "r1");
  });

  test("a line with a fault spoils no other", async () => {
    const good = JSON.stringify(request(null));
    const answer = lines(await batch([good, "{", "", `{"placements":[]}`, "x".repeat(70_000), JSON.stringify({ ...request(null), options: { explain: true } }), good].join("\n")));
    assert.deepEqual(answer.map((it) => it.code ?? it.mode), ["contextual", "malformed_json", "invalid_request", "body_too_large", "unauthorized", "contextual"]);
  });

  test("are written while the rest is still to come", async () => {
    let send;
    const body = new ReadableStream({ start: (out) => (send = (text) => (text === null ? out.close() : out.enqueue(new TextEncoder().encode(text)))) });
    const line = `${JSON.stringify(request(null))}\n`;
    send(line.slice(0, 10));
    const asking = worker.fetch("/v1/decide/batch", { method: "POST", headers: bearer, body, duplex: "half" });
    send(line.slice(10) + line.slice(0, 5));
    const reader = (await asking).body.getReader();
    const first = new TextDecoder().decode((await reader.read()).value);
    assert.equal(JSON.parse(first).mode, "contextual");
    send(line.slice(5));
    send(null);
    let rest = "";
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) rest += new TextDecoder().decode(chunk.value);
    assert.equal(JSON.parse(rest).mode, "contextual");
  });

  test("have a limit", async () => {
    const answer = lines(await batch(`${JSON.stringify(request(null))}\n`.repeat(1003)));
    assert.equal(answer.length, 1001);
    assert.equal(answer.at(-1).code, "too_many");
    assert.deepEqual(lines(await batch("")), []);
  });

  test("are for the shop's server", async () => {
    for (const headers of [{}, { authorization: "Bearer vts_production_wrong" }]) assertProblem(await batch("{}", headers), 401, "unauthorized");
    assertProblem(await read(await worker.fetch("/v1/decide/batch")), 405, "method_not_allowed");
  });
});

describe("a picture", () => {
  const follow = async (path, headers = {}) => await worker.fetch(path, { redirect: "manual", headers });

  test("is that of the offer that is decided now", async () => {
    const answer = await follow("/v1/banner/home-hero?locale=en");
    assert.deepEqual([answer.status, answer.headers.get("location")], [302, `${worker.url}/garden.avif`]);
    assert.equal(answer.headers.get("cache-control"), "private, no-store");
    assert.equal((await follow("/v1/banner/closed")).status, 204, "an offer without a picture");
  });

  test("names nobody, and nobody's visit changes it", async () => {
    for (const headers of [{ "vitrine-visitor": VISITORS.toys }, { cookie: "a=b" }]) {
      const answer = await follow("/v1/banner/home-hero", headers);
      assert.deepEqual([answer.headers.get("location"), answer.headers.get("set-cookie")], [`${worker.url}/garden.avif`, null]);
    }
    assertProblem(await read(await follow(`/v1/banner/home-hero?visitor=${VISITORS.toys}`)), 400, "invalid_request", ["/visitor"]);
    assertProblem(await read(await follow("/v1/banner/nowhere")), 404, "unknown_placement");
  });
});

describe("a link", () => {
  const IDS = () => offers().offers.map((it) => it.id);
  /// The position of an offer in the bundle is learnt from the decision's own explanation.
  const token = (offer, more = {}) => {
    const { version = 1, creative = 0, secret = TOKEN_KEY } = more;
    const bytes = Buffer.alloc(27);
    bytes.set([1, 2]);
    [Math.floor(Date.now() / 1000), version, 7].forEach((it, i) => bytes.writeUInt32LE(it, 2 + 4 * i));
    bytes.writeUInt16LE(offer, 16);
    bytes.set([creative], 18);
    bytes.writeUInt16LE(65535, 21);
    bytes.writeUInt16LE(65535, 24);
    const environment = Buffer.from("production");
    bytes[26] = environment.length;
    const signed = Buffer.concat([bytes, environment]);
    const mac = createHmac("sha256", Buffer.from(secret, "hex")).update(signed).digest().subarray(0, 16);
    return Buffer.concat([signed, mac]).toString("base64url");
  };
  const follow = async (text, init = {}) => await worker.fetch(`/c/${text}`, { redirect: "manual", ...init });
  /// By id, the position of each offer.
  const positions = {};
  before(async () => {
    for (let at = 0; at < IDS().length; at += 1) {
      const { body } = await read(await worker.fetch(`/v1/explain?token=${token(at)}`));
      positions[body.offer] = at;
    }
    assert.equal(Object.keys(positions).length, IDS().length);
  });

  test("leads to the offer's page", async () => {
    for (const [offer, location] of [["garden-days", `${worker.url}/garden?x=1`], ["toy-fair", "https://partner.example/toys"]]) {
      const answer = await follow(token(positions[offer]));
      assert.deepEqual([answer.status, answer.headers.get("location")], [302, location]);
      assert.deepEqual([answer.headers.get("cache-control"), answer.headers.get("referrer-policy")], ["private, no-store", "no-referrer"]);
    }
  });

  test("leads to no host that is not registered", async () => {
    const evil = document();
    evil.settings.link_hosts = ["shop.example"];
    const checked = await worker.admin("PUT", "config", evil);
    assert.equal(checked.status, 422, "the check refuses it already");
    delete evil.settings.link_hosts;
    evil.offers.find((it) => it.id === "toy-fair").content = { title: "Toys", link: "https://evil.example/" };
    const { body } = await worker.admin("PUT", "config", evil);
    assertProblem(await read(await follow(token(positions["toy-fair"], { version: body.version }))), 403, "forbidden");
    assert.equal((await follow(token(positions["toy-fair"]))).status, 302, "a mail of yesterday still leads where it did");
  });

  test("that is none, or forged, or without a target", async () => {
    for (const bad of ["x", "https%3A%2F%2Fevil.example", token(0, { secret: "0c".repeat(32) }), token(9999), token(0, { version: 99 }), token(0, { creative: 200 }), token(positions["back-soon"])]) {
      assertProblem(await read(await follow(bad)), 404, "not_found");
    }
    assertProblem(await read(await follow(token(0), { method: "POST" })), 405, "method_not_allowed");
  });
});
