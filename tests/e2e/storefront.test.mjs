// The storefront's tag in a real browser: what a visitor sees, what is told of it, and what is not done without consent.
//
// A small server stands for the shop's own zone: it serves pages and hands the rest to the Worker, as a route would, and keeps a copy
// of every event.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { findBrowser, startBrowser } from "./support/browser.mjs";
import { offers, publishAll } from "./support/fixture.mjs";
import { eventually, read, startWorker } from "./support/worker.mjs";

const NONCE = "n0nce-of-this-page";
const POLICY = `default-src 'none'; script-src 'nonce-${NONCE}'; connect-src 'self'; img-src 'self'; style-src 'nonce-${NONCE}'`;
const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="100"><rect width="400" height="100" fill="green"/></svg>`;

const ATTACK = `<img src=x onerror="document.title='broken in'">`;

function document() {
  const document = offers();
  const content = (id, content) => (document.offers.find((it) => it.id === id).content = content);
  content("garden-days", { title: "Garden days", text: ATTACK, image: { src: "/garden.svg", alt: "A garden", width: 400, height: 100 }, link: "/garden" });
  content("back-soon", { title: "Back soon", link: { url: "/soon", text: "when" } });
  return document;
}

const page = (settings, body) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<script nonce="${NONCE}">window.vitrine = ${JSON.stringify(settings)};
  window.shift = 0;
  new PerformanceObserver((list) => { for (const it of list.getEntries()) window.shift += it.value; }).observe({ type: "layout-shift", buffered: true });
  window.answers = []; document.addEventListener("vitrine:answer", (it) => window.answers.push(it.detail));
</script><script nonce="${NONCE}" src="/vitrine.js"></script>
<style nonce="${NONCE}">img { width: 100%; height: auto } .far { height: 3000px }</style></head><body>${body}</body></html>`;

const SLOTS = `<div id="hero" data-vitrine="home-hero" data-vitrine-size="400x200"></div><p id="below">What is below.</p>
<button id="out" data-vitrine-opt-out>No personal offers</button><div class="far"></div>
<div id="closed" data-vitrine="closed" data-vitrine-size="400x100"><template><h2 data-field="title"></h2><a data-field="link">…</a></template></div>`;

const PAGES = {
  "/": page({}, SLOTS),
  "/agreed": page({ consent: { personalise: true, measure: true }, visitor: { key: "v0001", anon: "a1" } }, SLOTS),
  "/filled": page(
    {},
    `<div data-vitrine="home-hero" data-vitrine-filled><div class="vitrine-offer" data-offer="a" data-token="t1"><a class="vitrine" href="/a">A</a></div></div>
     <script type="application/json" id="vitrine-answer">{"mode":"contextual","decisions":[]}</script>`,
  ),
  "/empty": page({}, "<p>No slot.</p>"),
};

/// The shop's zone in front of the Worker.
async function startShop(worker) {
  const seen = { events: [], decided: [], cookies: [] };
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const path = request.url.split("?")[0];
    if (PAGES[path]) {
      response.writeHead(200, { "content-type": "text/html", "content-security-policy": POLICY, "cache-control": "no-store" });
      return response.end(PAGES[path]);
    }
    if (path === "/garden.svg") return response.writeHead(200, { "content-type": "image/svg+xml" }).end(PICTURE);
    if (path === "/favicon.ico") return response.writeHead(204).end();
    if (path === "/v1/events") {
      seen.events.push(...JSON.parse(body).events);
      seen.bodies = [...(seen.bodies ?? []), JSON.parse(body)];
      return response.writeHead(202, { "content-type": "application/json" }).end("{}");
    }
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !["host", "connection", "content-length"].includes(name)));
    const answer = await worker.fetch(request.url, { method: request.method, headers, body: body.length > 0 ? body : undefined });
    let text = await answer.text();
    if (path === "/v1/decide") {
      seen.decided.push(JSON.parse(body));
      seen.cookies.push(request.headers.cookie ?? "");
      // A deployment without a signing secret gives no tokens; here each offer has one in any case.
      const told = JSON.parse(text);
      for (const { placement, items, fallback } of told.decisions) {
        for (const it of [...items, fallback]) if (it?.offer) it.token ??= `token-of-${placement}`;
      }
      text = JSON.stringify(told);
    }
    const set = answer.headers.getSetCookie();
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "text/plain", ...(set.length > 0 ? { "set-cookie": set } : {}) });
    response.end(text);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { seen, url: `http://localhost:${server.address().port}`, stop: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())) };
}

test("the tag is small, cacheable, and tells when it is unchanged", async () => {
  const worker = await startWorker();
  try {
    const first = await read(await worker.fetch("/vitrine.js"));
    assert.equal(first.status, 200);
    assert.equal(first.headers.get("content-type"), "text/javascript; charset=utf-8");
    assert.match(first.headers.get("cache-control"), /^public, max-age=\d+$/);
    assert.ok(gzipSync(first.text, { level: 9 }).length <= 3072);
    const etag = first.headers.get("etag");
    const again = await read(await worker.fetch("/vitrine.js", { headers: { "if-none-match": `"other", W/${etag}` } }));
    assert.deepEqual([again.status, again.text, again.headers.get("etag")], [304, "", etag]);
    const head = await read(await worker.fetch("/vitrine.js?v=1", { method: "HEAD" }));
    assert.deepEqual([head.status, head.text], [200, ""]);
    assert.equal((await worker.fetch("/vitrine.js", { method: "POST" })).status, 405);
  } finally {
    await worker.stop();
  }
});

const path = findBrowser();
const skip = path === null && "skipped: no Chromium: install it (Debian: apt-get install chromium), or name one in VITRINE_BROWSER";
if (skip) console.log(skip);

describe("in a browser", { skip }, () => {
  let worker;
  let shop;
  let browser;
  before(async () => {
    worker = await startWorker({ vars: { TOKEN_KEY: "0b".repeat(32) } });
    await publishAll(worker, { document: document() });
    browser = await startBrowser(path);
  });
  after(async () => {
    await browser?.stop();
    await worker?.stop();
  });
  beforeEach(async () => {
    await shop?.stop();
    shop = await startShop(worker);
  });
  after(() => shop?.stop());

  const shown = (tab) => eventually(() => tab.value("window.answers?.length > 0 && document.querySelectorAll('.vitrine-offer').length"), (n) => n > 0);
  /// Waits for so many events; asking the page is what lets time pass.
  const events = (tab, n) => eventually(async () => (await tab.value("0"), shop.seen.events), (list) => list.length >= n);
  const types = () => shop.seen.events.map((it) => it.type);

  test("offers are shown as they were written, without a shift and within the strictest policy", async () => {
    const tab = await browser.newPage();
    await tab.open(`${shop.url}/`);
    await shown(tab);
    await eventually(() => tab.value("document.querySelector('#hero img').complete"), (it) => it);
    const hero = await tab.value(`(() => { const it = document.querySelector("#hero"); return {
      title: it.querySelector(".vitrine-title").textContent, text: it.querySelector(".vitrine-text").textContent,
      src: it.querySelector("img").src, alt: it.querySelector("img").alt, href: it.querySelector("a").href, n: it.querySelectorAll("*").length }; })()`);
    assert.deepEqual(hero, { title: "Garden days", text: ATTACK, src: `${shop.url}/garden.svg`, alt: "A garden", href: `${shop.url}/garden`, n: 5 });
    const closed = await tab.value(`[document.querySelector("#closed h2").textContent, document.querySelector("#closed a").textContent, document.querySelector("#closed a").href]`);
    assert.deepEqual(closed, ["Back soon", "when", `${shop.url}/soon`]);
    assert.equal(await tab.value("document.title"), "Shop", "a text is no HTML");
    assert.equal(await tab.value("window.shift"), 0, "nothing moved");
    assert.deepEqual(tab.complaints, []);
    assert.equal(shop.seen.decided.length, 1, "one call for all slots");
    assert.deepEqual(shop.seen.decided[0].placements, [{ id: "home-hero" }, { id: "closed" }]);
    assert.equal(shop.seen.decided[0].context.url, `${shop.url}/`);
    await tab.close();
  });

  test("without consent nothing is kept on the device", async () => {
    const tab = await browser.newPage();
    await tab.open(`${shop.url}/`);
    await shown(tab);
    await events(tab, 1);
    assert.deepEqual(await tab.cookies(), []);
    assert.equal(await tab.value("localStorage.length + sessionStorage.length"), 0);
    assert.ok(shop.seen.bodies.every((it) => it.consent.measure === false && Object.keys(it.visitor).length === 0));
    await tab.close();
  });

  test("what was in sight for a second is told once, and so is a click", async () => {
    const tab = await browser.newPage();
    await tab.open(`${shop.url}/agreed`);
    await shown(tab);
    await events(tab, 1);
    assert.deepEqual(types(), ["impression"], "the slot far below was not seen");
    await tab.value(`document.querySelector("#closed").scrollIntoView()`);
    await events(tab, 2);
    await tab.value(`scrollTo(0, 0)`);
    await tab.value(`document.querySelector("#hero a").addEventListener("click", (it) => it.preventDefault()); document.querySelector("#hero a").click()`);
    await events(tab, 3);
    await tab.value(`document.querySelector("#closed").scrollIntoView(); new Promise((done) => setTimeout(done, 1500))`);
    await tab.open(`${shop.url}/empty`);
    await eventually(() => tab.value("document.title + document.querySelectorAll('p').length"), (it) => it === "Shop1");
    await tab.value("new Promise((done) => setTimeout(done, 500))");
    assert.deepEqual(types().sort(), ["click", "impression", "impression"]);
    assert.equal(new Set(shop.seen.events.map((it) => it.id)).size, 3);
    assert.ok(shop.seen.events.every((it) => it.token.length > 0 && !Number.isNaN(Date.parse(it.at))));
    assert.deepEqual(shop.seen.bodies[0].visitor, { key: "v0001", anon: "a1" });
    await tab.close();
  });

  test("a visitor who leaves is told of by a beacon", async () => {
    const tab = await browser.newPage();
    await tab.open(`${shop.url}/agreed`);
    await shown(tab);
    await tab.value("new Promise((done) => setTimeout(done, 1200))");
    await tab.open(`${shop.url}/empty`);
    await events(tab, 1);
    assert.deepEqual(types(), ["impression"]);
    await tab.close();
  });

  test("events wait while there is no network", async () => {
    const tab = await browser.newPage();
    await tab.open(`${shop.url}/agreed`);
    await shown(tab);
    const network = (offline) => tab.ask("Network.emulateNetworkConditions", { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
    await network(true);
    await tab.value("new Promise((done) => setTimeout(done, 4500))");
    assert.deepEqual(types(), []);
    await network(false);
    await events(tab, 1);
    assert.deepEqual(types(), ["impression"]);
    await tab.close();
  });

  test("an objection holds at once, and on the next page", async () => {
    const tab = await browser.newPage();
    await tab.open(`${shop.url}/agreed`);
    await shown(tab);
    assert.equal(await tab.value("answers[0].mode"), "personalised");
    await tab.value(`document.querySelector("#out").click()`);
    await eventually(() => tab.value("answers.length"), (n) => n === 2);
    assert.equal(await tab.value("answers[1].mode_reason"), "opt_out");
    const names = (await tab.cookies()).map((it) => it.name);
    assert.deepEqual(names, ["__Host-vitrine_opt_out"]);
    await tab.open(`${shop.url}/agreed`);
    await eventually(() => tab.value("window.answers?.length"), (n) => n === 1);
    assert.equal(await tab.value("answers[0].mode_reason"), "opt_out");
    assert.match(shop.seen.cookies.at(-1), /__Host-vitrine_opt_out=1/);
    await tab.close();
  });

  test("what was decided before the page came is not decided again", async () => {
    const tab = await browser.newPage();
    await tab.open(`${shop.url}/filled`);
    await events(tab, 1);
    assert.deepEqual([types(), shop.seen.events[0].token, shop.seen.decided], [["impression"], "t1", []]);
    assert.equal(await tab.value("answers[0].mode"), "contextual");
    await tab.close();
  });

  test("a page that is only prerendered asks for nothing", async () => {
    const tab = await browser.newPage();
    const source = `Object.defineProperty(Document.prototype, "prerendering", { get: () => !window.activated, configurable: true })`;
    await tab.ask("Page.addScriptToEvaluateOnNewDocument", { source });
    await tab.open(`${shop.url}/agreed`);
    await eventually(() => tab.value("document.readyState"), (it) => it === "complete");
    await tab.value("new Promise((done) => setTimeout(done, 1500))");
    assert.deepEqual([shop.seen.decided.length, shop.seen.events.length], [0, 0]);
    await tab.value(`window.activated = true; document.dispatchEvent(new Event("prerenderingchange"))`);
    await shown(tab);
    await events(tab, 1);
    await tab.close();
  });
});
