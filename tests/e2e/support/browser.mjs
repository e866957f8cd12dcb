// A real browser without a package for it: Chromium, driven by its DevTools protocol over a pipe.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const ANSWER_MAX_MS = 30_000;

/// Path of a browser: the variable `VITRINE_BROWSER`, or the first of the usual names; `null` if there is none.
export function findBrowser() {
  const named = process.env.VITRINE_BROWSER;
  if (named) return named;
  const folders = (process.env.PATH ?? "").split(":");
  const paths = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return paths.find((path) => existsSync(path)) ?? null;
}

/// Starts the browser. `stop` ends it.
export async function startBrowser(path) {
  const profile = mkdtempSync(join(tmpdir(), "vitrine-browser-"));
  const args = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
    `--user-data-dir=${profile}`,
    "about:blank",
  ];
  const child = spawn(path, args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const [, , , to, from] = child.stdio;
  const waiting = new Map();
  const listeners = new Set();
  let n_sent = 0;
  let rest = "";
  from.setEncoding("utf8").on("data", (text) => {
    const messages = (rest + text).split("\0");
    rest = messages.pop();
    for (const message of messages.map((it) => JSON.parse(it))) {
      const answer = waiting.get(message.id);
      waiting.delete(message.id);
      if (answer && message.error) answer.reject(new Error(`${answer.method}: ${message.error.message}`));
      else if (answer) answer.resolve(message.result);
      else for (const listener of listeners) listener(message);
    }
  });
  const send = (method, params = {}, sessionId = undefined) =>
    new Promise((resolve, reject) => {
      const id = (n_sent += 1);
      const late = setTimeout(() => reject(new Error(`${method}: the browser did not answer`)), ANSWER_MAX_MS);
      const ended = (end) => (value) => (clearTimeout(late), end(value));
      waiting.set(id, { method, resolve: ended(resolve), reject: ended(reject) });
      to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  return {
    newPage: () => newPage(send, listeners),
    stop: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      send("Browser.close").catch(() => child.kill("SIGKILL"));
      await gone;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/// A page in a context of its own: no cookies, no storage.
async function newPage(send, listeners) {
  const { browserContextId } = await send("Target.createBrowserContext");
  const { targetId } = await send("Target.createTarget", { url: "about:blank", browserContextId, width: 1000, height: 800 });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const told = [];
  const listener = (message) => {
    if (message.sessionId !== sessionId) return;
    if (message.method === "Runtime.exceptionThrown") told.push(message.params.exceptionDetails.exception?.description ?? "exception");
    if (message.method === "Log.entryAdded") told.push(message.params.entry.text);
  };
  listeners.add(listener);
  const ask = (method, params) => send(method, params, sessionId);
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await ask(`${domain}.enable`);
  return {
    ask,
    /// What the page complained of: exceptions, and what its policy refused.
    complaints: told,
    open: (url) => ask("Page.navigate", { url }),
    /// The value of an expression in the page; promises are waited for.
    value: async (expression) => {
      const { result, exceptionDetails } = await ask("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
    cookies: async () => (await send("Storage.getCookies", { browserContextId })).cookies,
    close: async () => {
      await send("Target.disposeBrowserContext", { browserContextId });
      listeners.delete(listener);
    },
  };
}
