// The tables and the configuration in tests/data, and how they get into a Worker: as an administrator publishes them.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startWorker } from "./worker.mjs";

export const DATA = fileURLToPath(new URL("../../data", import.meta.url));

/// A table directory, as `vitrine profiles build` and the example `e2e_table` write it.
export function readTable(dir) {
  const manifest = readFileSync(`${dir}/manifest.json`);
  const names = readdirSync(`${dir}/shards`).sort();
  const { build } = JSON.parse(manifest);
  const shards = Object.fromEntries(names.map((name) => [name, readFileSync(`${dir}/shards/${name}`)]));
  return { dir, build, manifest, shards, items: readFileSync(`${dir}/items/items.bin`) };
}

export const TODAY = readTable(`${DATA}/today`);
export const TOMORROW = readTable(`${DATA}/tomorrow`);

/// Vectors of two numbers for the items of an item table, as docs/formats/item-vectors.md has them: all point the same way.
export function vectorsOf(items) {
  const nItems = items.readUInt32LE(20);
  const bytes = Buffer.alloc(36 + 2 * nItems, 1);
  bytes.write("VTRVECTS", 0, "latin1");
  bytes.writeUInt32LE(1, 8);
  bytes.writeUInt32LE(bytes.length, 16);
  bytes.writeUInt32LE(items.readUInt32LE(12), 20);
  bytes.writeUInt32LE(nItems, 24);
  bytes.writeUInt32LE(2, 28);
  bytes.writeFloatLE(1, 32);
  bytes.writeUInt32LE(crc32c(bytes.subarray(16)), 12);
  return bytes;
}

function crc32c(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/// The configuration; a fresh copy, so that a test may change it.
export const offers = () => JSON.parse(readFileSync(`${DATA}/offers.json`, "utf8"));
/// The same, for shops that may assume consent.
export const offersWithAssumedConsent = () => ({ ...offers(), settings: { consent: "assumed" } });

/// Visitors of the table `today`, by what they like. See tests/data/README.md.
export const VISITORS = { tea: "v0003", garden: "v0001", toys: "v0002" };
export const STRANGER = "nobody-knows-me";

/// A decide request of a visitor who agreed, for one placement or a list of them.
export function request(key, placements = "home-hero", more = {}) {
  const wanted = [placements].flat().map((it) => (typeof it === "string" ? { id: it } : it));
  return { visitor: key ? { key } : {}, consent: { personalise: true }, placements: wanted, ...more };
}

/// The offers of a decision, best first; `fallback:<id>` if it is the fallback offer.
export function offersOf({ items, fallback }) {
  assert.equal(items.length === 0, fallback !== null, "either items or a fallback, never both");
  return fallback ? [`fallback:${fallback.offer}`] : items.map((it) => it.offer);
}

/// What an answer comes to: mode, reason, and the offers of each decision.
export function gist({ status, body }) {
  assert.equal(status, 200, JSON.stringify(body));
  return { mode: body.mode, reason: body.mode_reason, offers: body.decisions.map((it) => offersOf(it).join(" ")) };
}

/// Uploads the parts of a table.
export async function upload(worker, table, { except = [] } = {}) {
  const parts = [["manifest", table.manifest], ["items", table.items]];
  parts.push(...Object.entries(table.shards).map(([name, bytes]) => [`shards/${name}`, bytes]));
  for (const [part, bytes] of parts.filter(([part]) => !except.includes(part))) {
    const answer = await worker.admin("PUT", `tables/${table.build}/${part}`, bytes);
    assert.equal(answer.status, 204, `${part}: ${answer.text}`);
  }
}

/// Calls `activate` until it is done. Gives the answers.
export async function activate(worker, build) {
  const answers = [];
  do {
    answers.push(await worker.admin("POST", `tables/${build}/activate`));
    assert.equal(answers.at(-1).status, 200, answers.at(-1).text);
  } while (!answers.at(-1).body.done);
  return answers.map((it) => it.body);
}

/// Publishes a configuration. Gives its version.
export async function publishOffers(worker, document = offers()) {
  const answer = await worker.admin("PUT", "config", document);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.version;
}

/// Publishes the table `today` and the configuration.
export async function publishAll(worker, { table = TODAY, document = offers() } = {}) {
  await upload(worker, table);
  await activate(worker, table.build);
  await publishOffers(worker, document);
}

/// What KV holds after everything was published: for Workers that shall find it there when they start.
export async function publishedKv() {
  const worker = await startWorker();
  try {
    await publishAll(worker);
    return await worker.stored();
  } finally {
    await worker.stop();
  }
}

/// Asserts that an answer is a problem document with this status, code and, if about fields, these pointers.
export function assertProblem(answer, status, code, pointers = []) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  const { type, title, status: said, code: word, detail, errors = [] } = answer.body;
  assert.equal(type, "about:blank");
  assert.ok(title.length > 0 && detail.length > 0);
  assert.deepEqual([said, word, errors.map((it) => it.pointer)], [status, code, pointers]);
  for (const error of errors) assert.ok(error.code.length > 0 && error.detail.length > 0);
}

/// Asserts that a body far over the limit is refused: with 413, unless the caller was still sending when workerd closed the
/// connection and so missed the answer.
export async function assertTooLarge(asking) {
  const answer = await asking.catch((error) => error);
  if (answer instanceof Error) return assert.match(String(answer.cause), /ECONNRESET|EPIPE|other side closed/);
  assertProblem(answer, 413, "body_too_large");
}
