// Starts the compiled Worker on local workerd, one isolate a Worker, and talks to it as a client does: over TCP.
//
// `startFleet` starts many Workers in one workerd, each with KV, Durable Object and isolate of its own; it takes about as
// long as starting one. `startWorker` is a fleet of one.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Miniflare } from "miniflare";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const BUILD = resolve(ROOT, process.env.VITRINE_BUILD_DIR ?? "build");
const wrangler = readFileSync(`${ROOT}/wrangler.toml`, "utf8");
const COMPATIBILITY_DATE = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(wrangler)[1];

/// Longest wait for workerd to start, and for an answer: far beyond what either takes, so that a test fails and never hangs.
const START_MAX_MS = 90_000;
const ANSWER_MAX_MS = 30_000;

export const ADMIN_TOKEN = "e2e-admin-token";
export const TABLE_KEY = readFileSync(new URL("../../data/table.key", import.meta.url), "utf8").trim();
export const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/// The variables of a Worker in these tests. Pointers are read again only after an hour unless a test says otherwise, so
/// that every read of KV has one known cause.
const VARS = {
  TABLE_KEY,
  ADMIN_TOKEN_SHA256: sha256(ADMIN_TOKEN),
  ALLOWED_ORIGINS: "https://shop.example, https://m.shop.example",
  REFRESH_MS: "3600000",
  KV_TIMEOUT_MS: "5000",
};

const OBJECTS = {
  REGISTRY: { className: "Registry", useSQLite: true },
  NOTIFIER: { className: "Notifier", useSQLite: true },
  LEDGER: { className: "Ledger", useSQLite: true },
  BUDGET: { className: "Budget", useSQLite: true },
};

/// A KV namespace that fails when told so: keys in `faults` throw or never answer. Everything else goes to the real one.
/// It writes down which keys were asked for.
const UNRELIABLE_KV = `
import { WorkerEntrypoint } from "cloudflare:workers";
const faults = new Map();
const reads = [];
export default class extends WorkerEntrypoint {
  async get(key, options) {
    reads.push({ key, ttl_s: options.cacheTtl });
    const fault = faults.get(key) ?? faults.get("*");
    if (fault === "throw") throw new Error("KV GET failed: 503 Service Unavailable");
    if (fault === "hang") await scheduler.wait(3_600_000);
    return this.env.REAL.get(key, options);
  }
  put(key, value, options) {
    if (faults.get(key) === "refuse") throw new Error("KV PUT failed: 429 Too Many Requests");
    return this.env.REAL.put(key, value, options);
  }
  async fetch(request) {
    if (request.method === "PUT") {
      faults.clear();
      for (const [key, fault] of Object.entries(await request.json())) faults.set(key, fault);
    }
    return Response.json(reads.splice(0));
  }
}`;

/// An R2 bucket that refuses writes when told so, and may lose the answer to one that it has done.
const UNRELIABLE_R2 = `
import { WorkerEntrypoint } from "cloudflare:workers";
let fault;
let tries = 0;
export default class extends WorkerEntrypoint {
  async put(key, value) {
    tries += 1;
    if (fault === "refuse") throw new Error("R2 PUT failed: 503 Service Unavailable");
    await this.env.REAL.put(key, value);
    if (fault === "forget") throw new Error("R2 PUT: the answer was lost");
  }
  async fetch(request) {
    fault = await request.text();
    return Response.json(tries);
  }
}`;

/// Starts one Worker. See [`startFleet`] for the options.
export async function startWorker({ persist, ...options } = {}) {
  const { workers, stop } = await startFleet([{ name: "vitrine", ...options }], { persist });
  return Object.assign(workers[0], { stop });
}

/// Starts a Worker for each of `fleet`: `{ name, vars, unreliableKv, noKv, cf, kv, namespace, outbound, bucket, noLedger, noBudget, budgetOf }`.
///
/// - `vars` replaces variables; `null` takes one away.
/// - `unreliableKv: true` puts the KV of [`Worker.faults`] in front of the real one; `noKv: true` binds none.
/// - `bucket: true` binds an R2 bucket as EVENTS, `bucket: "unreliable"` one that fails as [`Worker.bucketFault`] says.
/// - `noLedger: true` takes the ledger away, as if none of its objects could be reached.
/// - `noBudget: true` takes the object of caps and budgets away likewise.
/// - `budgetOf` names the Worker whose object of caps and budgets this one asks, as isolates of one deployment share it.
/// - `outbound` answers what the Worker asks of the world: a function from request to response.
/// - `namespace` names the KV namespace, so that Workers can share one.
/// - `kv` is what its namespace holds before the first request: an object from key to bytes or text.
///
/// `persist` is a folder in which they keep what they store, for those who are started after them.
///
/// `stop` ends them all, and fails if their log tells of a panic or names a visitor.
export async function startFleet(fleet, { persist } = {}) {
  const script = {
    modules: true,
    rootPath: BUILD,
    modulesRoot: BUILD,
    scriptPath: resolve(BUILD, "index.js"),
    modulesRules: [{ type: "ESModule", include: ["**/*.js"] }, { type: "CompiledWasm", include: ["**/*.wasm"] }],
    compatibilityDate: COMPATIBILITY_DATE,
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
  const definitions = fleet.flatMap(({ name, vars = {}, unreliableKv, noKv, outbound, namespace = `kv-of-${name}`, bucket, noLedger, noBudget, budgetOf }) => {
    const bindings = Object.fromEntries(Object.entries({ ...VARS, ...vars }).filter(([, value]) => value !== null));
    const { LEDGER, BUDGET, ...others } = OBJECTS;
    const durableObjects = { ...(noLedger ? {} : { LEDGER }), ...(noBudget ? {} : { BUDGET: budgetOf ? { ...BUDGET, scriptName: budgetOf } : BUDGET }), ...others };
    const worker = { ...script, name, bindings, durableObjects, ...(outbound ? { outboundService: outbound } : {}) };
    const files = `events-of-${name}`;
    if (bucket === true) worker.r2Buckets = { EVENTS: files };
    if (bucket === "unreliable") {
      const proxy = { name: files, modules: true, script: UNRELIABLE_R2, compatibilityDate: COMPATIBILITY_DATE, r2Buckets: { REAL: files } };
      return [{ ...worker, kvNamespaces: { VITRINE: namespace }, serviceBindings: { EVENTS: files } }, proxy];
    }
    if (noKv) return [worker];
    if (!unreliableKv) return [{ ...worker, kvNamespaces: { VITRINE: namespace } }];
    const proxy = {
      name: namespace,
      modules: true,
      script: UNRELIABLE_KV,
      compatibilityDate: COMPATIBILITY_DATE,
      kvNamespaces: { REAL: namespace },
    };
    return [{ ...worker, serviceBindings: { VITRINE: namespace } }, proxy];
  });
  let log = "";
  const handleRuntimeStdio = (...streams) => {
    for (const stream of streams) stream.setEncoding("utf8").on("data", (text) => (log += text));
  };
  const kept = persist ? { kvPersist: `${persist}/kv`, durableObjectsPersist: `${persist}/objects`, r2Persist: `${persist}/r2` } : {};
  const miniflare = new Miniflare({ cf: fleet[0].cf ?? {}, handleRuntimeStdio, workers: definitions, ...kept });
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error("workerd did not start in time")), START_MAX_MS).unref();
  });
  try {
    await Promise.race([miniflare.ready, late]);
  } catch (cause) {
    // Else what is left of it would keep this process alive.
    miniflare.dispose().catch(() => {});
    throw new Error(`workerd did not start; it said: ${log || "nothing"}`, { cause });
  }
  const workers = [];
  for (const options of fleet) {
    const worker = new Worker(miniflare, options, await miniflare.unsafeGetDirectURL(options.name));
    await worker.store(options.kv ?? {});
    workers.push(worker);
  }
  return {
    workers,
    worker: (name) => workers.find((it) => it.name === name),
    /// What the Workers wrote to their log.
    log: () => log,
    stop: async () => {
      await miniflare.dispose();
      assert.doesNotMatch(log, /panick|RuntimeError|unreachable|hung/i, "no instance was lost");
      assert.doesNotMatch(log, /\bv\d{4}\b/, "no visitor is named in the log");
    },
  };
}

/// One running Worker.
class Worker {
  #miniflare;

  constructor(miniflare, { name, unreliableKv, noKv, bucket }, url) {
    this.#miniflare = miniflare;
    this.name = name;
    this.url = url.origin;
    this.kvOwner = unreliableKv ? [`kv-of-${name}`, "REAL"] : [name, "VITRINE"];
    this.hasKv = !noKv;
    this.bucketOwner = bucket === "unreliable" ? [`events-of-${name}`, "REAL"] : [name, "EVENTS"];
  }

  /// Sends a request to a path.
  async fetch(path, init = {}) {
    return await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(ANSWER_MAX_MS), ...init });
  }

  /// Sends a request through miniflare's entrance, which knows where the client is (`request.cf`).
  async fetchThroughEntrance(path, init = {}) {
    return await this.#miniflare.dispatchFetch(`http://vitrine.example${path}`, init);
  }

  /// Sends a decide request. The answer: `{ status, headers, text, body }`.
  async decide(body, headers = {}) {
    const raw = typeof body === "string" || ArrayBuffer.isView(body) || body instanceof ReadableStream;
    const init = { method: "POST", headers: { "content-type": "application/json", ...headers }, duplex: "half" };
    return await read(await this.fetch("/v1/decide", { ...init, body: raw ? body : JSON.stringify(body) }));
  }

  /// Sends a call below `/v1/admin/` with the administrator's token.
  async admin(method, path, body, headers = {}) {
    const authorization = `Bearer ${ADMIN_TOKEN}`;
    const raw = body === undefined || typeof body === "string" || ArrayBuffer.isView(body);
    const init = { method, headers: { authorization, ...headers }, body: raw ? body : JSON.stringify(body) };
    return await read(await this.fetch(`/v1/admin/${path}`, init));
  }

  /// Lets the cron trigger fire once.
  async schedule() {
    const { outcome } = await (await this.#miniflare.getWorker(this.name)).scheduled({ cron: "*/5 * * * *" });
    assert.equal(outcome, "ok");
  }

  /// The answer of `/healthz`.
  async health() {
    return (await read(await this.fetch("/healthz"))).body;
  }

  /// The counters of the isolate.
  async counters() {
    return (await this.health()).isolate.counters;
  }

  /// Writes values straight into KV; `null` takes one away.
  async store(entries) {
    if (!this.hasKv) return;
    const kv = await this.#kv();
    for (const [key, value] of Object.entries(entries)) {
      await (value === null ? kv.delete(key) : kv.put(key, value));
    }
  }

  /// Everything in KV, from key to bytes.
  async stored() {
    const kv = await this.#kv();
    const entries = {};
    let page = { cursor: undefined, list_complete: false };
    while (!page.list_complete) {
      page = await kv.list({ cursor: page.cursor });
      for (const { name } of page.keys) entries[name] = new Uint8Array(await kv.get(name, "arrayBuffer"));
    }
    return entries;
  }

  /// Makes keys of an unreliable KV fail from now on: `throw`, `hang` or `refuse` (a write); `*` is every key.
  async faults(faults) {
    await this.#unreliable("PUT", JSON.stringify(faults));
  }

  /// What was asked of an unreliable KV since the last call: keys, and how long the answer may be kept.
  async reads() {
    return await this.#unreliable("GET");
  }

  /// The keys of [`Worker.reads`].
  async keysRead() {
    return (await this.reads()).map((it) => it.key);
  }

  /// Makes writes of an unreliable bucket fail from now on: `refuse`, or `forget` (it is done, and said to have failed); nothing ends it.
  /// Gives how many writes were tried so far.
  async bucketFault(fault = "") {
    const proxy = await this.#miniflare.getWorker(this.bucketOwner[0]);
    return await (await proxy.fetch("http://r2.example/", { method: "POST", body: fault })).json();
  }

  /// All files of the bucket, from name to text.
  async files() {
    const [owner, binding] = this.bucketOwner;
    const bucket = await this.#miniflare.getR2Bucket(binding, owner);
    const files = {};
    let page = { truncated: true, cursor: undefined };
    while (page.truncated) {
      page = await bucket.list({ cursor: page.cursor });
      // One at a time: a slow machine writes many files, and each read is a connection.
      for (const { key } of page.objects) files[key] = await (await bucket.get(key)).text();
    }
    return files;
  }

  async #unreliable(method, body) {
    const proxy = await this.#miniflare.getWorker(this.kvOwner[0]);
    return await (await proxy.fetch("http://kv.example/", { method, body })).json();
  }

  #kv() {
    const [owner, binding] = this.kvOwner;
    return this.#miniflare.getKVNamespace(binding, owner);
  }
}

/// Reads a response whole. `body` is its JSON, `null` if there is none.
export async function read(response) {
  const text = await response.text();
  const isJson = /\bjson$/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, headers: response.headers, text, body: isJson && text ? JSON.parse(text) : null };
}

/// Asks until the answer is as wanted. Each try is a request, and requests are what makes a Worker look again.
export async function eventually(ask, isWanted) {
  const until_ms = Date.now() + ANSWER_MAX_MS;
  let answer;
  while (Date.now() < until_ms) {
    answer = await ask();
    if (isWanted(answer)) return answer;
  }
  throw new Error(`not in ${ANSWER_MAX_MS / 1000} s; the last answer: ${JSON.stringify(answer?.body ?? answer)}`);
}

export { ROOT };
