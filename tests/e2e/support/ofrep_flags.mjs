// Flags of every kind and type, for tests of OFREP and its clients; as the compiler of configurations writes them.

import { TABLE_KEY } from "./worker.mjs";

/// The secret that signs tokens, and the one before it.
export const TOKEN_KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
export const TOKEN_KEY_PREVIOUS = "ff".repeat(32);

const DAY_MS = 86_400_000;
const flag = (type, defaultValue, rules = [], vitrine = {}) => ({ defaultValue, rules, vitrine: { type, ...vitrine } });

export const FLAGS = {
  "bool-on": flag("boolean", true),
  text: flag("string", "„ü“ \u2028 🫖 \"\\\n"),
  whole: flag("integer", 1),
  "whole-negative": flag("integer", -3),
  decimal: flag("number", 1),
  fraction: flag("number", 0.25),
  "big-decimal": flag("number", 1e21),
  undeclared: { defaultValue: 1 },
  tree: flag("object", { a: [1, 1.5, null, { b: "c" }], "": "" }),
  list: flag("object", [1, 2]),
  "dotted.key-1_x": flag("boolean", true),
  forced: flag("string", "default", [{ id: "for-all", force: "always" }]),
  anonymous: flag("string", "default", [{ force: "rule" }]),
  targeted: flag("boolean", false, [{ id: "chinese", condition: { country: "CN" }, force: true }]),
  half: flag("boolean", false, [{ id: "some", coverage: 0.5, hashAttribute: "id", seed: "half", force: true }]),
  ramped: flag("boolean", false, [{ id: "growing", hashAttribute: "id", seed: "ramp", force: true, vitrine: { ramp: [[1, 0], [2, 1]] } }]),
  "not-yet": flag("string", "before", [{ id: "later", force: "after", vitrine: { starts: Date.now() + 400 * DAY_MS } }]),
  "by-id": flag("string", "neither", [
    { id: "a", condition: { id: "alice" }, force: "id" },
    { id: "b", condition: { targetingKey: "alice" }, force: "key" },
  ]),
  button: flag("string", "grey", [
    {
      id: "button-test", key: "button-colour", hashVersion: 2, hashAttribute: "id", seed: "button-colour",
      variations: ["grey", "red"], weights: [0.5, 0.5], coverage: 1, meta: [{ key: "control" }, { key: "treatment" }],
    },
  ]),
  size: flag("integer", 0, [
    {
      id: "size-test", key: "size", hashVersion: 2, hashAttribute: "id", seed: "size", condition: { country: { $ne: "US" } },
      variations: [1, 2, 3], weights: [0.2, 0.3, 0.5], coverage: 0.8, meta: [{ key: "s" }, { key: "m" }, { key: "l" }],
    },
  ]),
  bandit: flag("string", "a", [
    {
      id: "bandit-test", key: "bandit", hashVersion: 2, hashAttribute: "id", seed: "bandit", contextualBanditRef: "cb",
      variations: ["a", "b"], weights: [0.5, 0.5], coverage: 1, meta: [{ key: "a" }, { key: "b" }],
    },
  ]),
  off: flag("boolean", true, [], { enabled: false }),
  "null-default": flag("string", null),
  "null-forced": flag("string", "x", [{ id: "n", force: null }]),
  gated: flag("string", "open", [{ id: "g", parentConditions: [{ id: "targeted", condition: { value: true }, gate: true }] }]),
  required: flag("boolean", true),
  requiring: flag("boolean", true, [{ id: "g", parentConditions: [{ id: "required", condition: { value: true }, gate: true }] }]),
  "cycle-a": flag("boolean", true, [{ id: "g", parentConditions: [{ id: "cycle-b", condition: { value: true }, gate: true }] }]),
  "cycle-b": flag("boolean", true, [{ id: "g", parentConditions: [{ id: "cycle-a", condition: { value: true }, gate: true }] }]),
  staff: flag("boolean", false, [{ id: "s", condition: { $savedGroup: { id: "staff" } }, force: true }]),
  regular: flag("string", "unknown", [{ id: "r", condition: { "profile.recency_days": { $exists: true } }, force: "known" }]),
};

/// What the payload says of its groups, and who is in them.
export const SAVED_GROUPS = { staff: { type: "remote", attributeKey: "id" } };
export const GROUPS = { staff: { attribute: "id", hashes: [rowKey("anna"), rowKey("otto")].sort().join("") } };
export const PAYLOAD = {
  features: FLAGS,
  savedGroups: SAVED_GROUPS,
  contextualBandits: { cb: { banditVersion: 3, contexts: [{ leafId: 4, condition: { country: "CN" }, weights: [0.1, 0.9] }] } },
};

/// SipHash-2-4 of a text with the table's key, as 16 hex digits: written from its paper, so that it checks ours.
export function rowKey(text) {
  const key = Buffer.from(TABLE_KEY, "hex");
  const [k0, k1] = [key.readBigUInt64LE(0), key.readBigUInt64LE(8)];
  const rotated = (it, by) => BigInt.asUintN(64, (it << by) | (it >> (64n - by)));
  const sum = (a, b) => BigInt.asUintN(64, a + b);
  let [v0, v1, v2, v3] = [0x736f6d6570736575n ^ k0, 0x646f72616e646f6dn ^ k1, 0x6c7967656e657261n ^ k0, 0x7465646279746573n ^ k1];
  const rounds = (n) => {
    for (let i = 0; i < n; i += 1) {
      v0 = sum(v0, v1);
      v2 = sum(v2, v3);
      [v1, v3] = [rotated(v1, 13n) ^ v0, rotated(v3, 16n) ^ v2];
      v0 = sum(rotated(v0, 32n), v3);
      v2 = sum(v2, v1);
      [v1, v3] = [rotated(v1, 17n) ^ v2, rotated(v3, 21n) ^ v0];
      v2 = rotated(v2, 32n);
    }
  };
  const bytes = Buffer.from(text);
  const padded = Buffer.alloc(Math.floor(bytes.length / 8) * 8 + 8);
  bytes.copy(padded);
  padded[padded.length - 1] = bytes.length & 0xff;
  for (let at = 0; at < padded.length; at += 8) {
    const word = padded.readBigUInt64LE(at);
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
  v2 ^= 0xffn;
  rounds(4);
  return (v0 ^ v1 ^ v2 ^ v3).toString(16).padStart(16, "0");
}
