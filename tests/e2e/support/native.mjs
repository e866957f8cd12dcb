// Programs of this machine that some tests need: the `vitrine` command and an example. Without them those tests are skipped,
// and the reason is printed.

import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ROOT } from "./worker.mjs";

/// Skips a test and prints why.
export function skip(t, reason) {
  console.log(`skipped: ${t.name}: ${reason}`);
  t.skip(reason);
}

const binary = process.env.VITRINE_BIN && resolve(ROOT, process.env.VITRINE_BIN);

/// Path of the `vitrine` command, or nothing after skipping the test.
export function vitrineOrSkip(t) {
  if (binary && existsSync(binary)) return binary;
  skip(t, binary ? `VITRINE_BIN is ${binary}, which is not there` : "VITRINE_BIN does not name the vitrine command");
}

/// Path of an example that lies beside the `vitrine` command, or nothing after skipping the test.
export function exampleOrSkip(t, name) {
  const path = process.env.VITRINE_EXAMPLES ?? (binary && join(dirname(binary), "examples"));
  const example = path && join(path, name);
  if (example && existsSync(example)) return example;
  skip(t, `the example ${name} is not built: cargo build --workspace --examples`);
}
