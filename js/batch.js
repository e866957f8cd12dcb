// `POST /v1/decide/batch`: many decisions for one caller, one request a line (NDJSON), one answer a line in the same order, written
// while the rest is still being read. For mail senders: the call needs a secret key.

const LINES_MAX = 1000;
const LINE_CHARS_MAX = 65536;
/** As the API's document says. */
const BYTES_MAX = 8 << 20;

const refusal = (status, title, code, detail) => JSON.stringify({ type: "about:blank", title, status, code, detail });

/** Texts in, lines out. The last line needs no end. */
class Lines extends TransformStream {
  constructor() {
    let rest = "";
    super({
      transform(text, out) {
        const lines = (rest + text).split("\n");
        rest = lines.pop();
        // Too long a line is cut where the decision refuses it.
        if (rest.length > LINE_CHARS_MAX) rest = rest.slice(0, LINE_CHARS_MAX + 1);
        for (const line of lines) out.enqueue(line);
      },
      flush(out) {
        if (rest !== "") out.enqueue(rest);
      },
    });
  }
}

/**
 * @param {Request} request
 * @param {(request: Request) => Promise<Response>} admit an answer that is good, or the refusal
 * @param {(request: Request) => Promise<Response>} decide answers `POST /v1/decide`
 */
export async function batch(request, admit, decide) {
  const headers = new Headers(request.headers);
  if (Number(headers.get("content-length")) > BYTES_MAX) {
    const problem = refusal(413, "The body is too large", "body_too_large", `the body is larger than ${BYTES_MAX} bytes`);
    return new Response(problem, { status: 413, headers: { ...HEADERS, "content-type": "application/problem+json" } });
  }
  // Only who asks is asked here: the body stays for the answers.
  headers.delete("content-length");
  const admitted = await admit(new Request(request.url, { method: "POST", headers }));
  if (!admitted.ok || request.body === null) return admitted.ok ? new Response("", { headers: HEADERS }) : admitted;
  const address = new URL("/v1/decide", request.url);
  let n_lines = 0;
  const answers = new TransformStream({
    async transform(line, out) {
      if (line.trim() === "") return;
      n_lines += 1;
      if (n_lines > LINES_MAX) {
        if (n_lines === LINES_MAX + 1) {
          const detail = `a call has at most ${LINES_MAX} lines; send the rest in another`;
          out.enqueue(`${refusal(400, "The request breaks a rule", "too_many", detail)}\n`);
        }
        return;
      }
      const body = new TextEncoder().encode(line);
      const headers = { "content-type": "application/json", "content-length": `${body.length}` };
      const answer = await decide(new Request(address, { method: "POST", headers, body }));
      out.enqueue(`${await answer.text()}\n`);
    },
  });
  const read = request.body.pipeThrough(new TextDecoderStream()).pipeThrough(new Lines());
  return new Response(read.pipeThrough(answers).pipeThrough(new TextEncoderStream()), { headers: HEADERS });
}

const HEADERS = {
  "content-type": "application/x-ndjson",
  "cache-control": "private, no-store",
  "x-content-type-options": "nosniff",
};
