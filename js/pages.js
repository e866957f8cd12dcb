// Pages of the shop's own origin, with offers put into them while they stream (the variable `ORIGIN`). A slot is a comment,
// `<!--vitrine:home-hero-->`; the origin names a page's slots in the header `Vitrine-Placements`, or the variable `PLACEMENTS` does for all.
//
// The page is never held: the decision is made while the origin answers, and what is not decided in `DEADLINE_MS` after that leaves the page
// as it was. A page that holds a decision is private to its visitor; every other byte and header of the origin stays.

import { pieceOf } from "./piece.js";

const SLOT = /^\s*vitrine:([\w.-]+)\s*$/;
const PLACEMENTS_MAX = 30;

/**
 * @param {Request} request
 * @param {{ORIGIN: string, PLACEMENTS?: string, DEADLINE_MS?: string, VISITOR_COOKIE?: string}} env
 * @param {(request: Request) => Promise<Response>} decide answers `POST /v1/decide`
 */
export async function page(request, env, decide) {
  const { pathname, search } = new URL(request.url);
  const asked = new Request(new URL(pathname + search, env.ORIGIN), request);
  // Whoever sends it from outside must not choose what is decided.
  asked.headers.delete("vitrine-placements");
  const answer = await fetch(asked, { redirect: "manual" });
  const placements = wanted(request, answer, env);
  if (placements.length === 0) return answer;
  const decision = await beforeLong(decided(request, placements, env, decide), Number(env.DEADLINE_MS ?? 15));
  try {
    return decision === undefined ? answer : filled(answer, decision);
  } catch (error) {
    console.error(`a page could not be filled: ${error}`);
    return answer;
  }
}

/** The slots to decide for; none where nothing is to be rewritten. */
function wanted(request, answer, env) {
  const destination = request.headers.get("sec-fetch-dest");
  const isPage = request.method === "GET" && answer.status === 200 && (destination === null || destination === "document");
  const isHtml = /^text\/html\b/i.test(answer.headers.get("content-type") ?? "");
  if (!isPage || !isHtml || answer.body === null) return [];
  const named = answer.headers.get("vitrine-placements") ?? env.PLACEMENTS ?? "";
  return [...new Set(named.split(",").map((it) => it.trim()).filter((it) => it !== ""))].slice(0, PLACEMENTS_MAX);
}

async function decided(request, placements, env, decide) {
  const { headers, url } = request;
  const { origin, pathname } = new URL(url);
  const cookies = headers.get("cookie") ?? "";
  const key = env.VISITOR_COOKIE ? cookie(cookies, env.VISITOR_COOKIE) : undefined;
  const isAhead = /prefetch|prerender/.test(headers.get("sec-purpose") ?? headers.get("purpose") ?? "");
  const body = new TextEncoder().encode(
    JSON.stringify({
      visitor: key ? { key } : {},
      context: { url: origin + pathname, channel: "web", ...language(headers.get("accept-language")) },
      placements: placements.map((id) => ({ id })),
      // Who only looks ahead has seen nothing yet.
      options: { dedupe: "page", dry_run: isAhead },
    }),
  );
  const told = { "content-type": "application/json", "content-length": `${body.length}`, "sec-fetch-site": "same-origin" };
  for (const name of ["cookie", "sec-gpc"]) if (headers.has(name)) told[name] = headers.get(name);
  const answer = await decide(new Request(`${origin}/v1/decide`, { method: "POST", headers: told, body, cf: request.cf }));
  if (answer.status !== 200) return undefined;
  return { set: answer.headers.getSetCookie(), ...(await answer.json()) };
}

/** The page with the decision in its slots, and as data for scripts that go on with it. */
function filled(answer, { set, ...decision }) {
  // Before the page is touched: what cannot be shown leaves it as it was.
  const pieces = new Map(decision.decisions.map((it) => [it.placement, pieceOf(it)]));
  const response = new Response(answer.body, answer);
  const { headers } = response;
  headers.set("cache-control", "private, no-store");
  for (const name of ["content-length", "etag", "last-modified", "vitrine-placements", "cdn-cache-control", "expires"]) headers.delete(name);
  for (const it of set) headers.append("set-cookie", it);
  let isTold = false;
  const slots = {
    comments(comment) {
      const [, placement] = SLOT.exec(comment.text) ?? [];
      const piece = pieces.get(placement);
      if (piece === undefined) return;
      const data = isTold ? "" : `<script type="application/json" id="vitrine-answer">${asData(decision)}</script>`;
      isTold = true;
      comment.replace(`${data}${piece}`, { html: true });
    },
  };
  return new HTMLRewriter().onDocument(slots).transform(response);
}

/** JSON that no reader of HTML takes for anything else. */
const asData = (value) =>
  JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** What a promise comes to, or `undefined` when that takes too long or fails. */
function beforeLong(promise, ms) {
  const late = new Promise((resolve) => setTimeout(resolve, ms));
  return Promise.race([promise.catch(() => undefined), late]);
}

function cookie(cookies, name) {
  const pair = cookies.split(";").find((it) => it.trim().startsWith(`${name}=`));
  return pair?.slice(pair.indexOf("=") + 1).trim() || undefined;
}

function language(accepted) {
  const tag = /^\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)/.exec(accepted ?? "")?.[1];
  return tag ? { locale: tag } : {};
}
