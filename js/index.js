// The Worker: wasm modules behind one door. The edge part answers storefronts and applications and is always there; the control
// part administers, the measure part counts, and both hold Durable Objects: each is loaded when one of these is first needed.

import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { batch } from "./batch.js";
import Edge from "./edge/index.js";
import { banner, click } from "./mail.js";
import { page } from "./pages.js";
import { ETAG, TAG } from "./vitrine.js";

let loadingControl;
const control = () => (loadingControl ??= import("./control/index.js"));
let loadingMeasure;
const measure = () => (loadingMeasure ??= import("./measure/index.js"));

export default class extends WorkerEntrypoint {
  async fetch(request) {
    const { url, method } = request;
    if (TAG_PATH.test(url)) return tag(request);
    // Preflights are the edge part's, whatever they are for.
    if (MEASURE.test(url) && method !== "OPTIONS") {
      const { default: Measure } = await measure();
      return new Measure(this.ctx, this.env).fetch(request);
    }
    const edge = new Edge(this.ctx, this.env);
    if (method === "POST" && BATCH.test(url)) return batch(request, (it) => this.#control(it), (it) => edge.fetch(it));
    if (method === "GET" && BANNER.test(url)) return banner(request, (it) => edge.fetch(it));
    if (CLICK.test(url)) return click(request, (it) => this.#control(it), (event, headers) => this.#record(event, headers));
    if (this.env.ORIGIN && !OURS.test(url)) return page(request, this.env, (it) => edge.fetch(it));
    if (!CONTROL.test(url)) return edge.fetch(request);
    const response = await this.#control(request);
    // What was published through this isolate is seen by its next request.
    if (request.method !== "GET" && !request.url.endsWith(PREFERENCES)) edge.look_first();
    return response;
  }

  /// The cron trigger.
  async scheduled(event) {
    const { default: Control } = await control();
    await new Control(this.ctx, this.env).scheduled(event);
    new Edge(this.ctx, this.env).look_first();
  }

  async #control(request) {
    const { default: Control } = await control();
    return new Control(this.ctx, this.env).fetch(request);
  }

  /** Counts an event behind the answer, as if a page had sent it. */
  #record(event, headers) {
    const told = { "content-type": "application/json" };
    const agent = headers.get("user-agent");
    if (agent !== null) told["user-agent"] = agent;
    const body = JSON.stringify({ sent_at: event.at, events: [event] });
    this.ctx.waitUntil(this.fetch(new Request("https://internal/v1/events", { method: "POST", headers: told, body })));
  }
}

/** The storefront's tag, for any page. */
function tag(request) {
  const isAsked = request.method === "GET" || request.method === "HEAD";
  if (!isAsked) return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
  const headers = {
    "content-type": "text/javascript; charset=utf-8",
    "cache-control": "public, max-age=600",
    "x-content-type-options": "nosniff",
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    etag: ETAG,
  };
  const known = request.headers.get("if-none-match")?.split(",").some((it) => it.trim().replace(/^W\//, "") === ETAG);
  if (known) return new Response(null, { status: 304, headers });
  return new Response(request.method === "HEAD" ? null : TAG, { headers });
}

/** A Durable Object whose class lives in a part that is loaded for it. */
const object = (part, name) =>
  class extends DurableObject {
    #inner;

    async #made() {
      return (this.#inner ??= new (await part())[name](this.ctx, this.env));
    }

    async fetch(request) {
      return (await this.#made()).fetch(request);
    }

    async alarm() {
      return (await this.#made()).alarm();
    }
  };

export const Registry = object(control, "Registry");
export const Notifier = object(control, "Notifier");
export const Ledger = object(measure, "Ledger");
export const Budget = object(measure, "Budget");

/** Addresses of administrative calls, and of what visitors rarely ask. */
const CONTROL = /^[^/]*\/\/[^/?#]*\/+(?:v1\/(?:admin|me|explain|decide\/batch|banner\/[^/?#]+)|c\/[^/?#]+|\.well-known\/gpc\.json)(?:[/?#]|$)/;
/** Addresses of what is counted. */
const MEASURE = /^[^/]*\/\/[^/?#]*\/+v1\/(?:events|exposures)\/*(?:[?#]|$)/;

/** Addresses that are never the origin's, where there is one. */
const OURS = /^[^/]*\/\/[^/?#]*\/+(?:v1|ofrep|api\/(?:features|eval)|sub|healthz|c|\.well-known\/gpc\.json)(?:[/?#]|$)/;
const BATCH = /^[^/]*\/\/[^/?#]*\/v1\/decide\/batch$/;
const BANNER = /^[^/]*\/\/[^/?#]*\/v1\/banner\/[^/?#]+(?:\?|$)/;
const CLICK = /^[^/]*\/\/[^/?#]*\/c\/[^/?#]+$/;
const TAG_PATH = /^[^/]*\/\/[^/?#]*\/vitrine\.js(?:[?#]|$)/;

/** Changes a cookie only, nothing that the edge holds. */
const PREFERENCES = "/v1/me/preferences";
