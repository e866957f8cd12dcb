// A published configuration of flags and experiments, as KV holds it (docs/formats/bundle.md).

import { sha256 } from "./worker.mjs";

/// What KV holds when `payload` runs as `version` in `environment`. `pointer` adds to the pointer (keys, settings, killed).
export function publishedFlags(payload, { version = 1, epoch = version, environment = "production", pointer = {}, groups = {}, consent = "assumed" } = {}) {
  const bundle = JSON.stringify({
    format: 1, consent, attributes: [], audiences: [], offers: [], placements: [], flags: payload, groups,
  });
  const published_at = new Date(Date.UTC(2026, 5, version)).toISOString();
  const key = environment === "production" ? "c/current" : `c/${environment}/current`;
  return {
    [`c/${version}`]: `{"version":${version},"published_at":"${published_at}","sha256":"${sha256(bundle)}","bundle":${bundle}}`,
    [key]: JSON.stringify({ version, epoch, published_at, ...pointer }),
  };
}

/// An SDK key of an environment, and how the pointer lists it.
export function sdkKey(environment, secret, { kind = "client", expires_at } = {}) {
  const key = `${kind === "client" ? "vtc" : "vts"}_${environment}_${secret}`;
  return { key, entry: { id: secret, kind, sha256: sha256(key), ...(expires_at && { expires_at }) } };
}
