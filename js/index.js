// The Worker: two wasm modules behind one door. The edge part answers storefronts and applications and is always there; the
// control part administers and holds the Durable Objects, and is loaded when one of these is first needed.

import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import Edge from "./edge/index.js";

let loading;
const control = () => (loading ??= import("./control/index.js"));

export default class extends WorkerEntrypoint {
  async fetch(request) {
    const edge = new Edge(this.ctx, this.env);
    if (!isControl(request.url)) return edge.fetch(request);
    const { default: Control } = await control();
    const response = await new Control(this.ctx, this.env).fetch(request);
    // What was published through this isolate is seen by its next request.
    if (request.method !== "GET") edge.look_first();
    return response;
  }
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

const CONTROL = /^[^/]*\/\/[^/?#]*\/+v1\/admin(?:[/?#]|$)/;

/** Whether this is the address of an administrative call. */
function isControl(url) {
  return CONTROL.test(url);
}
