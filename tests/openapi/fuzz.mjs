// Fuzzes the compiled Worker on local workerd through its OpenAPI document, with schemathesis. Started by `cargo xtask fuzz-api`.
//
//   VITRINE_SCHEMATHESIS=<program> [VITRINE_FUZZ_CASES=<n>] [VITRINE_FUZZ_SEED=<n>] [VITRINE_FUZZ_REPORT=<folder>] node tests/openapi/fuzz.mjs
//
// Two Workers, each with a table, offers, flags and an SDK key, so that calls reach what lies behind the checks: one for the calls of
// storefronts and applications, one for administrators, who may take away what the first needs.

import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { DOCUMENT } from "../e2e/support/contract.mjs";
import { publishAll, offers } from "../e2e/support/fixture.mjs";
import { ADMIN_TOKEN, startFleet } from "../e2e/support/worker.mjs";

const { VITRINE_SCHEMATHESIS, VITRINE_FUZZ_CASES = "100", VITRINE_FUZZ_SEED = "1", VITRINE_FUZZ_REPORT } = process.env;
const FOLDER = VITRINE_FUZZ_REPORT ?? mkdtempSync(`${tmpdir()}/vitrine-fuzz-`);
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

/// What both Workers run.
const document = {
  ...offers(),
  metrics: [{ id: "orders", type: "proportion", event: "purchase", goal: "increase" }],
  flags: [
    { id: "a", type: "boolean", default: true },
    { id: "ratio", type: "number", default: 1 },
    { id: "theme", type: "object", default: { colour: "red" }, rules: [{ id: "de", when: { "context.country": "DE" }, value: { colour: "blue" } }] },
    { id: "tea", type: "boolean", default: false, rules: [{ id: "tea", when: { "profile.top_categories": "tea" }, value: true }] },
  ],
  experiments: [
    { id: "cta", variations: [{ id: "control", value: "buy" }, { id: "now", value: "buy now" }], metrics: { goal: ["orders"] } },
  ],
};

/// The document without the parameters that carry previews: made-up ones would keep calls from getting any further.
const withoutPreviews = structuredClone(DOCUMENT);
for (const item of Object.values(withoutPreviews.paths)) {
  for (const operation of Object.values(item)) {
    operation.parameters = (operation.parameters ?? []).filter(({ name }) => !/^vitrine.preview$/i.test(name));
  }
}

/// Runs schemathesis on some operations of a document. Gives whether it found nothing.
function fuzz(name, api, worker, clientKey, args) {
  const file = `${FOLDER}/${name}.openapi.json`;
  writeFileSync(file, JSON.stringify(api));
  const all = [
    "--config-file", path("schemathesis.toml"), "run", file, "--url", worker.url, "--max-examples", VITRINE_FUZZ_CASES,
    "--seed", VITRINE_FUZZ_SEED, "--workers", "1", "--report", "json", "--report-json-path", `${FOLDER}/${name}.json`, ...args,
  ];
  console.log(`\n== ${name}`);
  const env = { ...process.env, VITRINE_CLIENT_KEY: clientKey, NO_COLOR: "1" };
  // It keeps files of its own where it runs.
  const program = spawn(VITRINE_SCHEMATHESIS, all, { stdio: ["ignore", "inherit", "inherit"], env, cwd: FOLDER });
  return new Promise((resolved, rejected) => {
    program.on("error", rejected).on("exit", (code, signal) => {
      if (signal) console.log(`schemathesis was ended by ${signal}`);
      resolved(code === 0);
    });
  });
}

async function prepared(worker) {
  await publishAll(worker, { document });
  return (await made(worker, "environments/production/keys", { kind: "client", note: "fuzzing" })).key;
}

async function made(worker, at, body) {
  const answer = await worker.admin("POST", at, body);
  if (answer.status !== 200) throw new Error(`${at}: ${answer.text}`);
  return answer.body;
}

const vars = { TOKEN_KEY: "5".repeat(64), REFRESH_MS: "0" };
const fleet = await startFleet([{ name: "edge", vars }, { name: "control", vars }]);
const [edge, control] = fleet.workers;
const results = [];
try {
  const key = await prepared(edge);
  // What one answer gives to the next call only matters to administrators.
  const phases = ["--phases", "examples,coverage,fuzzing"];
  const open = ["--exclude-path-regex", "^/v1/admin/", "--header", `X-API-Key: ${key}`, ...phases];
  results.push(await fuzz("storefront-and-applications", withoutPreviews, edge, key, open));
  const { header, token } = await made(edge, "previews", {
    experiments: { cta: "now" }, attributes: { country: "DE", profile: { segment: "champions" } },
  });
  const previewed = ["--include-path-regex", "^/(v1/(decide|offers)|ofrep)", ...phases];
  results.push(await fuzz("previews", withoutPreviews, edge, key, [...previewed, "--header", `${header}: ${token}`]));
  results.push(await fuzz("forged-previews", DOCUMENT, edge, key, previewed));
  const ofControl = await prepared(control);
  const admin = ["--include-path-regex", "^/v1/(admin/|decide)", "--header", `Authorization: Bearer ${ADMIN_TOKEN}`];
  results.push(await fuzz("administrators", withoutPreviews, control, ofControl, admin));
} finally {
  // Fails if an instance was lost on the way.
  await fleet.stop();
}
process.exitCode = results.every(Boolean) ? 0 : 1;
