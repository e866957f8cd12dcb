// Fuzzes the compiled Worker on local workerd through its OpenAPI document, with schemathesis. Started by `cargo xtask fuzz-api`.
//
//   VITRINE_SCHEMATHESIS=<program> [VITRINE_FUZZ_CASES=<n>] [VITRINE_FUZZ_SEED=<n>] [VITRINE_FUZZ_REPORT=<folder>] node tests/openapi/fuzz.mjs
//
// Two Workers, each with a table, offers, flags and an SDK key, so that calls reach what lies behind the checks: one for the calls of
// storefronts and applications, one for administrators, who may take away what the first needs.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { publishAll, offers } from "../e2e/support/fixture.mjs";
import { ADMIN_TOKEN, startFleet } from "../e2e/support/worker.mjs";

const { VITRINE_SCHEMATHESIS, VITRINE_FUZZ_CASES = "100", VITRINE_FUZZ_SEED = "1", VITRINE_FUZZ_REPORT = "" } = process.env;
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

/// Runs schemathesis on the operations below some paths. Gives whether it found nothing.
function fuzz(name, worker, clientKey, args) {
  const config = path("schemathesis.toml");
  const all = [
    "--config-file", config, "run", path("../../docs/api/openapi.json"), "--url", worker.url,
    "--max-examples", VITRINE_FUZZ_CASES, "--seed", VITRINE_FUZZ_SEED, "--workers", "1", ...args,
  ];
  if (VITRINE_FUZZ_REPORT) all.push("--report", "json", "--report-json-path", `${VITRINE_FUZZ_REPORT}/${name}.json`);
  console.log(`\n== ${name}`);
  const env = { ...process.env, VITRINE_CLIENT_KEY: clientKey, NO_COLOR: "1" };
  const program = spawn(VITRINE_SCHEMATHESIS, all, { stdio: ["ignore", "inherit", "inherit"], env });
  return new Promise((resolved, rejected) => program.on("error", rejected).on("exit", (code) => resolved(code === 0)));
}

async function prepared(worker) {
  await publishAll(worker, { document });
  const made = await worker.admin("POST", "environments/production/keys", { kind: "client", note: "fuzzing" });
  if (made.status !== 200) throw new Error(`no SDK key: ${made.text}`);
  return made.body.key;
}

const vars = { TOKEN_KEY: "5".repeat(64), REFRESH_MS: "0" };
const fleet = await startFleet([{ name: "edge", vars }, { name: "control", vars }]);
const [edge, control] = fleet.workers;
const results = [];
try {
  const key = await prepared(edge);
  const open = ["--exclude-path-regex", "^/v1/admin/", "--header", `X-API-Key: ${key}`];
  results.push(await fuzz("storefront-and-applications", edge, key, open));
  const ofControl = await prepared(control);
  const admin = ["--include-path-regex", "^/v1/(admin/|decide)", "--header", `Authorization: Bearer ${ADMIN_TOKEN}`];
  results.push(await fuzz("administrators", control, ofControl, admin));
} finally {
  // Fails if an instance was lost on the way.
  await fleet.stop();
}
process.exitCode = results.every(Boolean) ? 0 : 1;
