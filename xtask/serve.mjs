// Serves the Worker in build/ on local workerd, with KV and Durable Objects kept in a folder.
//
// Started by `cargo xtask demo` (src/local.rs), which passes its settings in VITRINE_SERVE. Prints `ready <url>`, then what the
// Worker logs. Ends when its standard input closes, so that it never outlives the task that started it.

import { mkdirSync, readFileSync } from "node:fs";
import { Miniflare } from "miniflare";

const { port, state, vars } = JSON.parse(process.env.VITRINE_SERVE ?? "{}");
mkdirSync(state, { recursive: true });

const wrangler = readFileSync("wrangler.toml", "utf8");
const compatibilityDate = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(wrangler)?.[1];

const miniflare = new Miniflare({
  host: "127.0.0.1",
  port,
  compatibilityDate,
  modules: true,
  scriptPath: "build/index.js",
  modulesRules: [{ type: "ESModule", include: ["**/*.js"] }, { type: "CompiledWasm", include: ["**/*.wasm"] }],
  bindings: vars,
  kvNamespaces: ["VITRINE"],
  kvPersist: `${state}/kv`,
  durableObjects: {
    REGISTRY: { className: "Registry", useSQLite: true },
    NOTIFIER: { className: "Notifier", useSQLite: true },
    LEDGER: { className: "Ledger", useSQLite: true },
    BUDGET: { className: "Budget", useSQLite: true },
  },
  durableObjectsPersist: `${state}/objects`,
  r2Buckets: ["EVENTS"],
  r2Persist: `${state}/events`,
  // An object, because `true` would ask the internet for one.
  cf: { country: "GB", city: "London", timezone: "Europe/London" },
});

async function end() {
  await miniflare.dispose();
  process.exit(0);
}
process.stdin.on("end", end).on("close", end).resume();
process.on("SIGINT", end).on("SIGTERM", end);

try {
  console.log(`ready ${await miniflare.ready}`);
} catch (error) {
  console.error(error);
  process.exit(1);
}
