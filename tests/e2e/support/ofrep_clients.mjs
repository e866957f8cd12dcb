// OpenFeature clients, as applications use them. Each is asked questions `{ type, flag, default, context }` and gives answers
// `{ value, variant, error, … }`, whatever language it is written in.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { EventSource } from "eventsource";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { OpenFeature as ServerFeature } from "@openfeature/server-sdk";
import { OpenFeature as WebFeature } from "@openfeature/web-sdk";
import { ROOT } from "./worker.mjs";

/// The streams that clients for pages have opened.
export const streams = [];
// What browsers have, and the client for pages uses.
globalThis.EventSource = class extends EventSource {
  constructor(...args) {
    super(...args);
    streams.push(this);
  }
};

const CLIENTS = resolve(ROOT, process.env.VITRINE_CLIENTS ?? ".tools/clients");
const headersOf = (key) => (key ? [["Authorization", `Bearer ${key}`]] : []);
let n_opened = 0;

const ask = (client, { type, flag, default: value }, ...rest) => {
  const method = { boolean: "Boolean", string: "String", integer: "Number", number: "Number", object: "Object" }[type];
  return client[`get${method}Details`](flag, value, ...rest);
};
const answer = ({ value, variant, reason, errorCode, flagMetadata }) => ({ value, variant, reason, error: errorCode ?? null, metadata: flagMetadata });

/// The client for JavaScript on servers: one call for each evaluation.
async function openServer(url, key) {
  const domain = `client-${(n_opened += 1)}`;
  await ServerFeature.setProviderAndWait(domain, new OFREPProvider({ baseUrl: url, headers: headersOf(key) }));
  const client = ServerFeature.getClient(domain);
  return {
    ask: async (questions) => {
      const answers = [];
      for (const question of questions) answers.push(answer(await ask(client, question, question.context)));
      return answers;
    },
    close: async () => {},
  };
}

/// The client for pages: one call for all flags whenever the context changes. `calls` holds what it sent and got.
export async function openWeb(url, key, context = {}) {
  const domain = `client-${(n_opened += 1)}`;
  const calls = [];
  const fetchImplementation = async (request) => {
    const sent = request.clone();
    const response = await fetch(request);
    calls.push({ url: sent.url, if_none_match: sent.headers.get("if-none-match"), status: response.status, etag: response.headers.get("etag") });
    return response;
  };
  const provider = new OFREPWebProvider({ baseUrl: url, headers: headersOf(key), fetchImplementation, cacheMode: "disabled" });
  await WebFeature.setContext(domain, context);
  await WebFeature.setProviderAndWait(domain, provider);
  const client = WebFeature.getClient(domain);
  const setContext = (context) => WebFeature.setContext(domain, context);
  return {
    calls,
    client,
    setContext,
    ask: async (questions) => {
      const answers = [];
      let before;
      for (const question of questions) {
        const context = JSON.stringify(question.context);
        if (context !== before) await setContext(question.context);
        before = context;
        answers.push(answer(ask(client, question)));
      }
      return answers;
    },
    close: () => provider.onClose(),
  };
}

/// A client that is a program of its own, talked to by lines.
async function openProgram(program, args) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const failed = new Promise((_, reject) => child.once("error", reject));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    ask: async (questions) => {
      child.stdin.write(questions.map((it) => `${JSON.stringify(it)}\n`).join(""));
      const answers = [];
      for (const question of questions) {
        const { value, done } = await Promise.race([lines.next(), failed]);
        if (done) throw new Error(`${program} ended before it answered ${JSON.stringify(question)}`);
        answers.push(JSON.parse(value));
      }
      return answers;
    },
    close: async () => child.stdin.end(),
  };
}

const PYTHON = resolve(CLIENTS, "python/bin/python");
const RUST = resolve(CLIENTS, "rust/debug/vitrine-ofrep-client");
const missing = (path) => (existsSync(path) ? undefined : `${path} is not there; \`cargo xtask test\` makes it`);

/// All clients: a name, how to open one, and why it cannot be had.
export const CLIENTS_OF = [
  { name: "JavaScript, server", open: openServer },
  { name: "JavaScript, web", open: openWeb },
  {
    name: "Python",
    open: (url, key) => openProgram(PYTHON, [resolve(ROOT, "tests/e2e/clients/python/client.py"), url, ...(key ? [key] : [])]),
    reason: missing(PYTHON),
  },
  { name: "Rust", open: (url, key) => openProgram(RUST, [url, ...(key ? [key] : [])]), reason: missing(RUST) },
];
