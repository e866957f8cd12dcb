// The registry as its callers see it: people with tokens, drafts, documents that differ a little.

import assert from "node:assert/strict";
import { offers } from "./fixture.mjs";

/// A caller with a token: `call(method, path, body, headers)` below `/v1/admin/`.
export const caller = (worker, token) => async (method, path, body, headers = {}) =>
  await worker.admin(method, path, body, token === undefined ? headers : { authorization: `Bearer ${token}`, ...headers });

/// Makes a token and gives its caller. `more` is what else the body says.
export async function person(worker, name, role, more = {}) {
  const made = await worker.admin("POST", "tokens", { name, role, ...more });
  assert.equal(made.status, 200, made.text);
  return Object.assign(caller(worker, made.body.token), { token: made.body.token, id: made.body.id });
}

/// The body of an answer that must be good.
export function body(answer) {
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

/// The configuration with another title of one offer.
export function titled(title) {
  const document = offers();
  document.offers.find((it) => it.id === "back-soon").content = { title };
  return document;
}

/// What visitors see of [`titled`]: version and title.
export async function shown(worker, ask = (it) => it.decide({ visitor: {}, placements: [{ id: "closed" }] })) {
  const { body } = await ask(worker);
  return [body.bundle, body.decisions[0].fallback.content?.title];
}

/// All entries of the audit log.
export async function auditLog(worker) {
  const entries = [];
  for (let more = true; more; ) {
    const page = body(await worker.admin("GET", `audit?after=${entries.length}&limit=7`));
    entries.push(...page.entries);
    ({ more } = page);
  }
  return entries;
}
