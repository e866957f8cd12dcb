// Pages of an origin behind the Worker: slots are filled while the page streams, and all else stays as the origin sent it.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { offers, publishAll, VISITORS } from "./support/fixture.mjs";
import { pieceOf } from "../../js/piece.js";
import { startFleet } from "./support/worker.mjs";

const PAGE = `<!doctype html><html><head><title>Garden</title></head><body><main><!--vitrine:home-hero--><p>ünd</p><!-- vitrine:closed --><!-- else --></main></body></html>`;
const NAMES = { "content-type": "text/html; charset=utf-8", "vitrine-placements": "home-hero, closed" };

/// What the origin has, by path.
const ORIGIN = {
  "/": () => new Response(PAGE, { headers: { ...NAMES, "cache-control": "public, max-age=600", etag: '"1"', expires: "Thu, 01 Dec 2026 16:00:00 GMT" } }),
  "/plain": () => new Response(PAGE, { headers: { "content-type": "text/html", "cache-control": "public, max-age=600", etag: '"2"' } }),
  "/cookies": () => {
    const headers = new Headers(NAMES);
    headers.append("set-cookie", "a=1; Path=/");
    headers.append("set-cookie", "b=2; Path=/; HttpOnly");
    headers.set("content-security-policy", "default-src 'self'; script-src 'nonce-abc'");
    headers.set("x-of-the-shop", "kept");
    return new Response(PAGE, { headers });
  },
  "/gzip": () => new Response(gzipSync(PAGE), { headers: { ...NAMES, "content-encoding": "gzip" } }),
  "/br": () => new Response(brotliCompressSync(PAGE), { headers: { ...NAMES, "content-encoding": "br" } }),
  "/big": () => new Response(`<!doctype html>${"<p>filler of a long page</p>".repeat(80_000)}<!--vitrine:home-hero-->`, { headers: NAMES }),
  "/deep": () => new Response(`${"<div>".repeat(20_000)}<!--vitrine:home-hero-->${"</div>".repeat(20_000)}`, { headers: NAMES }),
  "/no-slot": () => new Response("<p>no slot</p>", { headers: NAMES }),
  "/json": () => new Response(JSON.stringify({ page: "<!--vitrine:home-hero-->" }), { headers: { ...NAMES, "content-type": "application/json" } }),
  "/script": () => new Response(`<script>let a = "<!--vitrine:home-hero-->";</script>`, { headers: NAMES }),
};
for (const status of [201, 203, 404, 410, 500, 503]) ORIGIN[`/status-${status}`] = () => new Response(PAGE, { status, headers: NAMES });
for (const status of [301, 302, 307]) ORIGIN[`/status-${status}`] = () => new Response(null, { status, headers: { location: "/elsewhere" } });

const asked = [];
function origin(url) {
  const { pathname, searchParams } = url;
  if (pathname === "/split") {
    const bytes = new TextEncoder().encode(PAGE);
    const at = Number(searchParams.get("at"));
    const body = new ReadableStream({ start: (out) => (out.enqueue(bytes.slice(0, at)), out.enqueue(bytes.slice(at)), out.close()) });
    return new Response(body, { headers: NAMES });
  }
  return ORIGIN[pathname]?.() ?? new Response("not here", { status: 404, headers: { "content-type": "text/plain" } });
}

const server = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString();
  const url = new URL(request.url, "http://origin.example");
  asked.push({ path: url.pathname, method: request.method, headers: request.headers, body });
  const answer = origin(url);
  const headers = [...answer.headers].filter(([name]) => name !== "set-cookie");
  for (const [name, value] of headers) response.setHeader(name, value);
  if (answer.headers.getSetCookie().length > 0) response.setHeader("set-cookie", answer.headers.getSetCookie());
  response.writeHead(answer.status);
  for await (const chunk of answer.body ?? []) {
    response.write(chunk);
    // Else the parts would travel together.
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
});

let fleet;
let shop;
before(async () => {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const vars = { ORIGIN: `http://127.0.0.1:${server.address().port}`, VISITOR_COOKIE: "member", DEADLINE_MS: "5000", TOKEN_KEY: "0b".repeat(32) };
  fleet = await startFleet([
    { name: "shop", vars },
    { name: "hurried", vars: { ...vars, DEADLINE_MS: "0" }, unreliableKv: true },
    { name: "without" },
  ]);
  shop = fleet.worker("shop");
  const document = offers();
  document.settings.consent = "assumed";
  const content = (id, content) => (document.offers.find((it) => it.id === id).content = content);
  content("garden-days", { title: `<b>"Garden" & 'days'</b></script>`, image: { src: "/g.avif", alt: 'a "garden"', width: 600, height: 200 }, link: "/garden?a=1&b=2" });
  content("back-soon", { title: "Back soon" });
  for (const it of [shop, fleet.worker("hurried")]) await publishAll(it, { document });
  await shop.fetch("/v1/offers/home-hero");
});
after(async () => {
  await fleet?.stop();
  server.closeAllConnections();
  server.close();
});

const open = async (path, headers = {}, init = {}) => {
  const answer = await shop.fetch(path, { redirect: "manual", headers: { "sec-fetch-dest": "document", ...headers }, ...init });
  return { status: answer.status, headers: answer.headers, html: await answer.text() };
};
const GARDEN = `<div class="vitrine-offer" data-offer="garden-days"`;
const without = (html) => html.replace(/ data-token="[^"]*"/g, "").replace(/<script type="application\/json".*?<\/script>/s, "");
const dataOf = (html) => JSON.parse(/<script type="application\/json" id="vitrine-answer">(.*?)<\/script>/s.exec(html)[1]);

describe("a page", () => {
  test("has offers where its slots were, as typed fields", async () => {
    const { status, html, headers } = await open("/");
    assert.equal(status, 200);
    const hero = `<div data-vitrine="home-hero" data-vitrine-filled>${GARDEN}><a class="vitrine" href="/garden?a=1&amp;b=2"><img class="vitrine-image" data-field="image" src="/g.avif" alt="a &quot;garden&quot;" width="600" height="200" fetchpriority="high"><span class="vitrine-title" data-field="title">&lt;b&gt;&quot;Garden&quot; &amp; &#39;days&#39;&lt;/b&gt;&lt;/script&gt;</span></a></div></div>`;
    const closed = `<div data-vitrine="closed" data-vitrine-filled><div class="vitrine-offer" data-offer="back-soon"><div class="vitrine"><span class="vitrine-title" data-field="title">Back soon</span></div></div></div>`;
    assert.equal(without(html), PAGE.replace("<!--vitrine:home-hero-->", hero).replace("<!-- vitrine:closed -->", closed));
    assert.equal(headers.get("cache-control"), "private, no-store");
    for (const name of ["etag", "content-length", "expires", "vitrine-placements"]) assert.equal(headers.get(name), null, name);
  });

  test("holds the decision as data, which is the decision that it shows", async () => {
    const { html } = await open("/");
    const { decisions } = dataOf(html);
    assert.deepEqual(decisions.map((it) => it.placement), ["home-hero", "closed"]);
    assert.match(decisions[0].items[0].content.title, /<\/script>$/, "the data is whole");
    const token = decisions[0].items[0].token;
    if (token) assert.ok(html.includes(`data-token="${token}"`));
  });

  test("is the visitor's own", async () => {
    const { html } = await open("/", { cookie: `a=b; member=${VISITORS.tea}` });
    assert.match(html, /data-offer="tea-time"/);
    assert.equal(dataOf(html).mode, "personalised");
    const objected = await open("/", { cookie: `member=${VISITORS.tea}; vitrine_opt_out=1` });
    assert.deepEqual([dataOf(objected.html).mode_reason, objected.headers.get("set-cookie")], ["opt_out", null]);
    const gpc = await open("/", { cookie: `member=${VISITORS.tea}`, "sec-gpc": "1" });
    assert.equal(dataOf(gpc.html).mode_reason, "gpc");
  });

  test("keeps every header of the origin, also two cookies and the policy", async () => {
    const { headers, html } = await open("/cookies");
    assert.deepEqual(headers.getSetCookie(), ["a=1; Path=/", "b=2; Path=/; HttpOnly"]);
    assert.equal(headers.get("content-security-policy"), "default-src 'self'; script-src 'nonce-abc'");
    assert.equal(headers.get("x-of-the-shop"), "kept");
    assert.ok(!/<script(?! type="application\/json")/.test(html), "no script that would need a nonce");
  });

  test("is the same wherever its bytes are split", async () => {
    const whole = without((await open("/")).html);
    const n_bytes = new TextEncoder().encode(PAGE).length;
    for (let at = 1; at < n_bytes; at += 1) assert.equal(without((await open(`/split?at=${at}`)).html), whole, `${at}`);
  });

  test("may be packed, long, or deep", async () => {
    const whole = without((await open("/")).html);
    for (const path of ["/gzip", "/br"]) assert.equal(without((await open(path)).html), whole, path);
    const big = await open("/big");
    assert.ok(big.html.length > 2_000_000 && big.html.includes(GARDEN));
    const start_ms = Date.now();
    assert.ok((await open("/deep")).html.includes(GARDEN));
    assert.ok(Date.now() - start_ms < 5000);
  });

  test("asks its origin once, as the visitor did", async () => {
    asked.splice(0);
    await open("/?q=1", { cookie: "session=s", "vitrine-placements": "sidebar" });
    assert.equal(asked.length, 1);
    const [{ path, headers }] = asked;
    assert.deepEqual([path, headers.cookie, headers["vitrine-placements"]], ["/", "session=s", undefined]);
    await open("/form", {}, { method: "POST", body: "a=1" });
    assert.deepEqual([asked.length, asked[1].method, asked[1].body], [2, "POST", "a=1"]);
  });

  test("that is only fetched ahead is not counted", async () => {
    const { html } = await open("/", { "sec-purpose": "prefetch;prerender" });
    assert.equal(dataOf(html).dry_run, true);
    assert.ok(!html.includes("data-token"));
  });
});

describe("stays as it is:", () => {
  const untouched = async (path, headers = {}) => {
    const found = await open(path, headers);
    const own = await ORIGIN[path]();
    assert.deepEqual([found.status, found.html], [own.status, await own.text()], path);
    return found.headers;
  };

  test("a page without named slots, with its cache and tag", async () => {
    const headers = await untouched("/plain");
    assert.deepEqual([headers.get("cache-control"), headers.get("etag")], ["public, max-age=600", '"2"']);
  });

  test("any other status", async () => {
    for (const status of [201, 203, 404, 410, 500, 503, 301, 302, 307]) await untouched(`/status-${status}`);
  });

  test("what is no page, or is not asked for as one", async () => {
    await untouched("/json");
    for (const destination of ["image", "empty", "iframe"]) {
      const headers = await untouched("/", { "sec-fetch-dest": destination });
      assert.equal(headers.get("cache-control"), "public, max-age=600");
    }
  });

  test("a page whose slots are not in it, but for its cache", async () => {
    const { html, headers } = await open("/no-slot");
    assert.deepEqual([html, headers.get("cache-control")], ["<p>no slot</p>", "private, no-store"]);
  });

  test("a text in a script that looks like a slot", async () => {
    assert.equal((await open("/script")).html, await ORIGIN["/script"]().text());
  });

  test("a page when the decision is late", async () => {
    const hurried = fleet.worker("hurried");
    await hurried.faults({ "*": "hang" });
    const answer = await hurried.fetch("/", { headers: { "sec-fetch-dest": "document" } });
    assert.equal(await answer.text(), PAGE);
    assert.equal(answer.headers.get("cache-control"), "public, max-age=600");
    await hurried.faults({});
  });
});

test("a piece leads nowhere unsafe, whatever was published", () => {
  const piece = (content) => pieceOf({ placement: `"p'`, items: [{ offer: "<o>", content, token: '"t' }], fallback: null });
  for (const link of ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "//evil.example", "/\\evil.example", "data:text/html,x", "", 7, {}, { url: "vbscript:x" }]) {
    assert.equal(piece({ title: "t", link }), `<div data-vitrine="&quot;p&#39;" data-vitrine-filled><div class="vitrine-offer" data-offer="&lt;o&gt;" data-token="&quot;t"><div class="vitrine"><span class="vitrine-title" data-field="title">t</span></div></div></div>`);
  }
  for (const link of ["/a", "https://shop.example/", { url: "tel:+861" }, "mailto:a@shop.example"]) assert.match(piece({ link }), /<a class="vitrine" href="/);
  for (const image of ["javascript:x", "data:image/svg+xml,<svg onload=alert(1)>", { src: "tel:1" }, null, 3]) assert.ok(!piece({ image }).includes("<img"), `${image}`);
  assert.ok(!piece({ image: { src: "/a.png", alt: 'x" onerror="alert(1)', width: '1" onload="x', height: 2 } }).includes(' onerror="'));
  assert.ok(!piece({ image: { src: "/a.png", width: '1" onload="x' } }).includes("onload"));
  assert.equal(pieceOf({ placement: "p", items: [], fallback: { offer: null, content: null } }), undefined);
});

test("the Worker's own addresses are not the origin's", async () => {
  asked.splice(0);
  for (const path of ["/healthz", "/v1/offers/home-hero", "/v1/nothing", "/ofrep/v1/configuration", "/vitrine.js", "/api/features/x"]) await shop.fetch(path);
  assert.deepEqual(asked, []);
  assert.equal((await fleet.worker("without").fetch("/")).status, 404, "without an origin there is nothing else");
});
