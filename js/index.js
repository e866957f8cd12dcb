// The Worker: two wasm modules behind one door. The edge part answers storefronts and applications and is always there; the
// control part administers and holds the Durable Objects, and is loaded when one of these is first needed.

import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { batch } from "./batch.js";
import Edge from "./edge/index.js";
import { banner, click } from "./mail.js";
import { page } from "./pages.js";
import { ETAG, TAG } from "./vitrine.js";

let loading;
const control = () => (loading ??= import("./control/index.js"));

export default class extends WorkerEntrypoint {
  async fetch(request) {
    if (TAG_PATH.test(request.url)) return tag(request);
    const edge = new Edge(this.ctx, this.env);
    const { url, method } = request;
    if (method === "POST" && BATCH.test(url)) return batch(request, (it) => this.#control(it), (it) => edge.fetch(it));
    if (method === "GET" && BANNER.test(url)) return banner(request, (it) => edge.fetch(it));
    if (CLICK.test(url)) return click(request, (it) => this.#control(it), (event, headers) => this.#record(event, headers));
    if (this.env.ORIGIN && !OURS.test(url)) return page(request, this.env, (it) => edge.fetch(it));
    if (!isControl(url)) return edge.fetch(request);
    const response = await this.#control(request);
    // What was published through this isolate is seen by its next request.
    if (request.method !== "GET" && !request.url.endsWith(PREFERENCES)) edge.look_first();
    return response;
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

/** A Durable Object whose class lives in the control part. */
const object = (name) =>
  class extends DurableObject {
    #inner;

    async #made() {
      return (this.#inner ??= new (await control())[name](this.ctx, this.env));
    }

    async fetch(request) {
      return (await this.#made()).fetch(request);
    }

    async alarm() {
      return (await this.#made()).alarm();
    }
  };

export const Registry = object("Registry");
export const Notifier = object("Notifier");

const CONTROL = /^[^/]*\/\/[^/?#]*\/+(?:v1\/(?:admin|me|explain|decide\/batch)|c\/[^/?#]+|\.well-known\/gpc\.json)(?:[/?#]|$)/;

/** Addresses that are never the origin's, where there is one. */
const OURS = /^[^/]*\/\/[^/?#]*\/+(?:v1|ofrep|api\/(?:features|eval)|sub|healthz|c|\.well-known\/gpc\.json)(?:[/?#]|$)/;
const BATCH = /^[^/]*\/\/[^/?#]*\/v1\/decide\/batch$/;
const BANNER = /^[^/]*\/\/[^/?#]*\/v1\/banner\/[^/?#]+(?:\?|$)/;
const CLICK = /^[^/]*\/\/[^/?#]*\/c\/[^/?#]+$/;
const TAG_PATH = /^[^/]*\/\/[^/?#]*\/vitrine\.js(?:[?#]|$)/;

/** Changes a cookie only, nothing that the edge holds. */
const PREFERENCES = "/v1/me/preferences";

/** Whether this is the address of an administrative call, or of one about a visitor's own data. */
function isControl(url) {
  return CONTROL.test(url);
}
