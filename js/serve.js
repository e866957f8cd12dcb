// The way of the hot call, `POST /v1/decide`: the body goes into wasm as bytes, the answer comes out as one string.
//
// Crossing between JavaScript and wasm costs more than deciding, so here it happens once. Whatever cannot be answered at
// once (another call, a shard to be read, a request with a fault) goes to `general`, which can do everything.

const PATH = "/v1/decide";
const BODY_BYTES_MAX = 65536;

/**
 * @param {Request} request
 * @param {(body: Uint8Array, gpc?: string, cookie?: string, country?: string, now_ms: number) => string | undefined} decide
 * @param {(origin: string) => string | undefined} allow the value of Access-Control-Allow-Origin for an origin
 * @param {(request: Request, env: object, ctx: object, body?: Uint8Array) => Promise<Response>} general
 */
export async function serve(request, env, ctx, decide, allow, general) {
  if (request.method !== "POST" || !isDecide(request.url)) return general(request, env, ctx);
  const { headers } = request;
  const length = headers.get("content-length");
  if (length === null || Number(length) > BODY_BYTES_MAX || headers.has("authorization")) {
    return general(request, env, ctx);
  }
  const body = new Uint8Array(await request.arrayBuffer());
  const start_ms = Date.now();
  const answer = decide(
    body, headers.get("sec-gpc") ?? undefined, headers.get("cookie") ?? undefined, request.cf?.country, start_ms,
  );
  if (answer === undefined) return general(request, env, ctx, body);
  const took_ms = Date.now() - start_ms;
  const response = {
    "content-type": "application/json",
    "cache-control": "private, no-store",
    "x-content-type-options": "nosniff",
    "server-timing": `snapshot;dur=0, lookup;dur=0, decide;dur=${took_ms}, total;dur=${took_ms}`,
    vary: "origin",
  };
  const origin = headers.get("origin");
  const allowed = origin === null ? undefined : allow(origin);
  if (allowed !== undefined) {
    response["access-control-allow-origin"] = allowed;
    response["timing-allow-origin"] = allowed;
  }
  return new Response(answer, { headers: response });
}

/** Whether this is the address of the call: nothing but scheme and host before it, nothing behind it. */
function isDecide(url) {
  return url.endsWith(PATH) && url.indexOf("/", "https://".length) === url.length - PATH.length;
}
