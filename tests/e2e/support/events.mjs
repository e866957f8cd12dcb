// Events as callers send them: decision tokens as their form is specified, batches, and what the ledger has counted.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { read } from "./worker.mjs";

export const TOKEN_KEY = "5c".repeat(32);
export const now_s = () => Math.floor(Date.now() / 1000);

/// A decision token, written in another language than the Worker's.
export function decisionToken({
  kind = 2, issued_at_s = now_s(), version = 1, nonce = 1, placement = 0, offer = 0, creative = 0, rank = 0, mode = 0,
  measure = true, environment = "production", key = TOKEN_KEY, propensity = 1,
} = {}) {
  const bytes = Buffer.alloc(27);
  bytes.writeUInt8(1, 0);
  bytes.writeUInt8(kind, 1);
  bytes.writeUInt32LE(issued_at_s, 2);
  bytes.writeUInt32LE(version, 6);
  bytes.writeUInt32LE(nonce, 10);
  bytes.writeUInt16LE(placement, 14);
  bytes.writeUInt16LE(offer, 16);
  bytes.writeUInt8(creative, 18);
  bytes.writeUInt8(rank, 19);
  bytes.writeUInt8(mode | (measure ? 16 : 0), 20);
  bytes.writeUInt16LE(0xffff, 21);
  bytes.writeUInt8(0, 23);
  bytes.writeUInt16LE(Math.floor(propensity * 65_535), 24);
  bytes.writeUInt8(environment.length, 26);
  const signed = Buffer.concat([bytes, Buffer.from(environment)]);
  const mac = createHmac("sha256", Buffer.from(key, "hex")).update(signed).digest().subarray(0, 16);
  return Buffer.concat([signed, mac]).toString("base64url");
}

/// The ids of a published bundle's placements and offers, in the order of their positions.
export async function positions(worker, version = 1) {
  const { bundle } = JSON.parse(Buffer.from((await worker.stored())[`c/${version}`]).toString());
  return { placements: bundle.placements.map((it) => it.id).sort(), offers: bundle.offers.map((it) => it.id) };
}

/// Sends a batch. The answer: `{ status, headers, text, body }`.
export async function send(worker, body, headers = {}) {
  const raw = typeof body === "string" || ArrayBuffer.isView(body);
  const init = { method: "POST", headers: { "content-type": "text/plain;charset=UTF-8", ...headers }, body: raw ? body : JSON.stringify(body) };
  return await read(await worker.fetch("/v1/events", init));
}

/// What became of a batch: `[accepted, duplicate, excluded, [[index, code], …]]`.
export function gist({ status, body }) {
  assert.equal(status, 202, JSON.stringify(body));
  for (const it of body.rejected) assert.ok(it.detail.length > 0);
  return [body.accepted, body.duplicate, body.excluded, body.rejected.map((it) => [it.index, it.code])];
}

/// Counts by dimensions: `{ rows, apart, … }`.
export async function counts(worker, query = "") {
  const answer = await worker.admin("GET", `counts${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

/// Rows as texts: `type rule <dimensions> n value_minor value_squares`.
export const shown = ({ rows }, ...dimensions) =>
  rows.map((it) => [it.type, it.rule, ...dimensions.map((name) => it[name]), it.n, it.value_minor, it.value_squares].join(" ")).sort();
