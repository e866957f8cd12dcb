// Copies every key of a local KV into a folder, one file a key, as kv.mjs reads them.
//
// Started by `cargo xtask bench edge` (src/bench/edge.rs) with the state folder and the target folder as arguments.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Miniflare } from "miniflare";

const [state, target] = process.argv.slice(2);
mkdirSync(target, { recursive: true });
const miniflare = new Miniflare({
  modules: true,
  script: "export default {}",
  kvNamespaces: ["VITRINE"],
  kvPersist: `${state}/kv`,
});
const namespace = await miniflare.getKVNamespace("VITRINE");
let n_keys = 0;
let cursor;
do {
  const page = await namespace.list({ cursor });
  for (const { name } of page.keys) {
    const file = join(target, name.replaceAll("/", "_"));
    writeFileSync(file, new Uint8Array(await namespace.get(name, "arrayBuffer")));
    n_keys += 1;
  }
  cursor = page.cursor;
} while (cursor);
await miniflare.dispose();
console.log(`${n_keys} keys`);
