// The way of the hot calls, `POST /v1/decide` and OFREP's evaluations: the body goes into wasm as bytes, the answer comes out
// as one string.
//
// Crossing between JavaScript and wasm costs more than deciding, so here it happens once. Whatever cannot be answered at
// once (another call, a shard to be read, a request with a fault) goes to `general`, which can do everything.

const DECIDE = "/v1/decide";
const FLAGS = "/ofrep/v1/evaluate/flags";
const BODY_BYTES_MAX = 65536;

/** What may stand behind `FLAGS`: nothing, or the key of a flag that needs no decoding. */
const ONE_FLAG = /^\/[\w.-]+$/;

/**
 * @param {Request} request
 * @param {(body: Uint8Array, gpc?: string, cookie?: string, country?: string, now_ms: number) => string | undefined} decide
 * @param {(body: Uint8Array, origin: string, flag?: string, headers: object, now_ms: number) => string | undefined} evaluate
 * @param {(origin: string) => string | undefined} allow the value of Access-Control-Allow-Origin for an origin
 * @param {(request: Request, env: object, ctx: object, body?: Uint8Array) => Promise<Response>} general
 */
export async function serve(request, env, ctx, decide, evaluate, allow, general) {
  const { headers, url } = request;
  const origin_end = url.indexOf("/", "https://".length);
  const path = url.slice(origin_end);
  const is_decide = path === DECIDE;
  const rest = !is_decide && path.startsWith(FLAGS) ? path.slice(FLAGS.length) : undefined;
  const is_one = rest === "" || (rest !== undefined && ONE_FLAG.test(rest));
  const is_hot = (is_decide ? !headers.has("authorization") : is_one) && !headers.has("vitrine-preview");
  const length = headers.get("content-length");
  if (!is_hot || request.method !== "POST" || length === null || Number(length) > BODY_BYTES_MAX) {
    return general(request, env, ctx);
  }
  const body = new Uint8Array(await request.arrayBuffer());
  const header = (name) => headers.get(name) ?? undefined;
  const start_ms = Date.now();
  const answer = is_decide
    ? decide(body, header("sec-gpc"), header("cookie"), request.cf?.country, start_ms)
    : evaluate(body, url.slice(0, origin_end), rest === "" ? undefined : rest.slice(1), {
        authorization: header("authorization"),
        api_key: header("x-api-key"),
        if_none_match: header("if-none-match"),
        gpc: header("sec-gpc"),
        cookie: header("cookie"),
        has_origin: headers.has("origin"),
      }, start_ms);
  if (answer === undefined) return general(request, env, ctx, body);
  const told = {
    "content-type": "application/json",
    "cache-control": "private, no-store",
    "x-content-type-options": "nosniff",
    vary: "origin",
  };
  const origin = header("origin");
  const allowed = origin === undefined ? undefined : allow(origin);
  if (allowed !== undefined) {
    told["access-control-allow-origin"] = allowed;
    told["access-control-expose-headers"] = "etag, retry-after";
    told["timing-allow-origin"] = allowed;
  }
  if (is_decide) {
    const took_ms = Date.now() - start_ms;
    told["server-timing"] = `snapshot;dur=0, lookup;dur=0, decide;dur=${took_ms}, total;dur=${took_ms}`;
    // The cookie to set, a line feed, and the body. Only a page of the shop itself has its cookies set.
    const cookie_end = answer.indexOf("\n");
    if (cookie_end > 0 && header("sec-fetch-site") === "same-origin") told["set-cookie"] = answer.slice(0, cookie_end);
    return new Response(answer.slice(cookie_end + 1), { headers: told });
  }
  // `<status> <etag>`, a line feed, and the body.
  const line_end = answer.indexOf("\n");
  const status = Number(answer.slice(0, 3));
  const etag = answer.slice(4, line_end);
  if (etag !== "") told.etag = etag;
  return new Response(status === 304 ? null : answer.slice(line_end + 1), { status, headers: told });
}
