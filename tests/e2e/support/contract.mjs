// docs/api/openapi.json as a contract: holds an answer against what the document says of it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

export const DOCUMENT = JSON.parse(readFileSync(new URL("../../../docs/api/openapi.json", import.meta.url), "utf8"));

/// Every operation: `{ path, method, operation }`, the method in capitals.
export const OPERATIONS = Object.entries(DOCUMENT.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

/// What a reference leads to, or the value itself.
export function resolve(value) {
  if (!value?.$ref) return value;
  return value.$ref.slice(2).split("/").reduce((at, part) => at[part.replaceAll("~1", "/").replaceAll("~0", "~")], DOCUMENT);
}

/// The document for clients lets answers grow. Here a member that it does not name is a fault: somebody forgot to describe it.
function closed(document) {
  const copy = structuredClone(document);
  for (const schema of Object.values(copy.components.schemas)) {
    if (schema.type === "object" && schema.properties) schema.additionalProperties ??= false;
  }
  return copy;
}

function validators(document) {
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema(document, "vitrine", true, false);
  const compiled = new Map();
  return (pointer) => {
    if (!compiled.has(pointer)) compiled.set(pointer, ajv.compile({ $ref: `vitrine#${pointer}` }));
    return compiled.get(pointer);
  };
}

const validatorOfAnswer = validators(closed(DOCUMENT));
const validatorAsPublished = validators(DOCUMENT);

const escaped = (parts) => parts.map((it) => `/${encodeURIComponent(it.replaceAll("~", "~0").replaceAll("/", "~1"))}`).join("");

/// Asserts that a value fits the schema at a place of the document, as clients read it.
export function assertFits(value, parts, what) {
  const validate = validatorAsPublished(escaped(parts));
  assert.ok(validate(value), `${what}: ${shown(validate.errors ?? [])}`);
}

const shown = (errors) => errors.map((it) => `${it.instancePath || "/"} ${it.message} ${JSON.stringify(it.params)}`).join("; ");

/// The operation that answers a call, and the place of it in the document; `undefined` if none does.
export function operationOf(method, path) {
  const found = path.split("?")[0].split("/");
  const fits = (template) => {
    const parts = template.split("/");
    return parts.length === found.length && parts.every((part, i) => part.startsWith("{") || part === found[i]);
  };
  const nParameters = (template) => template.split("{").length;
  const template = Object.keys(DOCUMENT.paths).filter(fits).sort((a, b) => nParameters(a) - nParameters(b))[0];
  const asked = method === "HEAD" ? "get" : method.toLowerCase();
  const operation = DOCUMENT.paths[template]?.[asked];
  return operation && { template, method: asked, operation };
}

/// Asserts that an answer is one that the document describes: status, media type, headers, and every member of the body.
/// Gives the operation's id.
export function assertDescribed(method, path, { status, headers, text }) {
  const what = `${method} ${path}: ${status}`;
  const found = operationOf(method, path);
  assert.ok(found, `${what}: the document has no such operation`);
  const place = ["paths", found.template, found.method, "responses", String(status)];
  const reference = found.operation.responses[status];
  assert.ok(reference, `${what} is not described: ${text.slice(0, 300)}`);
  if (reference.$ref) place.splice(0, place.length, ...reference.$ref.slice(2).split("/"));
  const answer = resolve(reference);

  for (const [name, header] of Object.entries(answer.headers ?? {})) {
    const { required, schema } = resolve(header);
    const value = headers.get(name);
    if (required) assert.ok(value !== null, `${what}: no header ${name}`);
    if (value !== null && schema.type === "integer") assert.match(value, /^\d+$/, `${what}: ${name}`);
  }

  const media = Object.keys(answer.content ?? {});
  if (media.length === 0 || method === "HEAD") {
    assert.equal(text, "", `${what} has a body`);
    return found.operation.operationId;
  }
  const mediaType = headers.get("content-type")?.split(";")[0];
  assert.ok(media.includes(mediaType), `${what} is ${mediaType}, described: ${media}`);
  if (/\bjson$/.test(mediaType)) {
    const validate = validatorOfAnswer(escaped([...place, "content", mediaType, "schema"]));
    assert.ok(validate(JSON.parse(text)), `${what}: ${shown(validate.errors ?? [])}\n${text.slice(0, 2000)}`);
  }
  return found.operation.operationId;
}
