// The Worker: wasm modules behind one door. The edge part answers storefronts and applications and is always there; the control
// part administers, the measure part counts, and both hold Durable Objects: each is loaded when one of these is first needed.

import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import Edge from "./edge/index.js";

let loadingControl;
const control = () => (loadingControl ??= import("./control/index.js"));
let loadingMeasure;
const measure = () => (loadingMeasure ??= import("./measure/index.js"));

export default class extends WorkerEntrypoint {
  async fetch(request) {
    // Preflights are the edge part's, whatever they are for.
    if (MEASURE.test(request.url) && request.method !== "OPTIONS") {
      const { default: Measure } = await measure();
      return new Measure(this.ctx, this.env).fetch(request);
    }
    const edge = new Edge(this.ctx, this.env);
    if (!CONTROL.test(request.url)) return edge.fetch(request);
    const { default: Control } = await control();
    const response = await new Control(this.ctx, this.env).fetch(request);
    // What was published through this isolate is seen by its next request.
    if (request.method !== "GET") edge.look_first();
    return response;
  }

  /// The cron trigger.
  async scheduled(event) {
    const { default: Control } = await control();
    await new Control(this.ctx, this.env).scheduled(event);
    new Edge(this.ctx, this.env).look_first();
  }
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

/** Addresses of administrative calls. */
const CONTROL = /^[^/]*\/\/[^/?#]*\/+v1\/admin(?:[/?#]|$)/;
/** Addresses of what is counted. */
const MEASURE = /^[^/]*\/\/[^/?#]*\/+v1\/(?:events|exposures)\/*(?:[?#]|$)/;
