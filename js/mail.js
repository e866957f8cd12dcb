// Pictures and links for mails and plain pages, which run no script: `GET /v1/banner/{placement}` leads to the picture of the offer that
// is decided now, `GET /c/{token}` counts a click and leads to the offer's page. Neither address names a person.

const PRIVATE = { "cache-control": "private, no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };

/**
 * @param {Request} request
 * @param {(request: Request) => Promise<Response>} offers answers `GET /v1/offers/{placement}`
 */
export async function banner(request, offers) {
  const address = new URL(request.url);
  address.pathname = address.pathname.replace(/^\/+v1\/banner\//, "/v1/offers/");
  if (!address.searchParams.has("channel")) address.searchParams.set("channel", "email");
  // Whose mail it is must not matter: only the place of the reader's server and what the address says.
  const answer = await offers(new Request(address, { cf: request.cf }));
  if (answer.status !== 200) return answer;
  const { decisions } = await answer.json();
  const [{ items, fallback }] = decisions;
  const { image } = items[0]?.content ?? fallback?.content ?? {};
  const source = image?.src ?? image;
  const target = URL.canParse(source, request.url) ? new URL(source, request.url) : null;
  if (typeof source !== "string" || target === null || !/^https?:$/.test(target.protocol)) return new Response(null, { status: 204, headers: PRIVATE });
  return new Response(null, { status: 302, headers: { ...PRIVATE, location: target.href } });
}

/**
 * @param {Request} request
 * @param {(request: Request) => Promise<Response>} follow answers with the redirection, or refuses
 * @param {(event: object, headers: Headers) => void} record counts an event as `POST /v1/events` does
 */
export async function click(request, follow, record) {
  const answer = await follow(request);
  const isPrefetch = /prefetch|prerender/.test(request.headers.get("sec-purpose") ?? request.headers.get("purpose") ?? "");
  if (answer.status === 302 && request.method === "GET" && !isPrefetch) {
    const token = new URL(request.url).pathname.split("/").at(-1);
    record({ id: crypto.randomUUID(), type: "click", token, at: new Date().toISOString() }, request.headers);
  }
  return answer;
}
