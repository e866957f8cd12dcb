// A creative as HTML, for pages that are filled before they reach the browser: the same elements as `vitrine.js` makes. Fields are
// texts and never HTML; links lead to the web, a telephone or a mail.

const ESCAPED = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const text = (value) => `${value}`.replace(/[&<>"']/g, (it) => ESCAPED[it]);

/** An address that may stand in a page: of the shop itself, or absolute and of a known kind. */
function safe(link) {
  const address = link?.url ?? link;
  if (typeof address !== "string") return undefined;
  if (/^\/(?!\/|\\)/.test(address)) return address;
  if (!URL.canParse(address)) return undefined;
  return /^(https?|tel|mailto):$/.test(new URL(address).protocol) ? address : undefined;
}

/** The offers of a decision; `undefined` when it has none, and the page keeps what it has. */
export function pieceOf({ placement, items, fallback }) {
  const chosen = items.length > 0 ? items : fallback?.content ? [fallback] : [];
  if (chosen.length === 0) return undefined;
  return `<div data-vitrine="${text(placement)}" data-vitrine-filled>${chosen.map(offerOf).join("")}</div>`;
}

function offerOf({ offer, content, token }) {
  const field = (name) => {
    const value = content[name];
    if (value === undefined || value === null) return "";
    const shown = value?.label ?? value?.text ?? (typeof value === "object" ? undefined : value);
    return shown === undefined ? "" : `<span class="vitrine-${name}" data-field="${name}">${text(shown)}</span>`;
  };
  const body = `${image(content.image)}${["title", "text", "cta", "ad_label"].map(field).join("")}`;
  const link = safe(content.link ?? content.cta?.link);
  const inner = link ? `<a class="vitrine" href="${text(link)}">${body}</a>` : `<div class="vitrine">${body}</div>`;
  const data = token ? ` data-token="${text(token)}"` : "";
  return `<div class="vitrine-offer" data-offer="${text(offer)}"${data}>${inner}</div>`;
}

function image(value) {
  const source = safe(value?.src ?? value);
  if (source === undefined || !/^(\/|https?:)/i.test(source)) return "";
  const size = ["width", "height"].map((it) => (Number.isInteger(value[it]) ? ` ${it}="${value[it]}"` : "")).join("");
  return `<img class="vitrine-image" data-field="image" src="${text(source)}" alt="${text(value.alt ?? "")}"${size} fetchpriority="high">`;
}
