// The storefront's tag: fills the slots of a page (`data-vitrine="<placement>"`) with one call, and tells what was seen and clicked.
// It sets no cookie, writes no HTML and no style attribute, and does nothing while a page is only prerendered. See docs/guides/storefront.md.

(() => {
  const settings = window.vitrine ?? {};
  const script = document.currentScript;
  const api = settings.api ?? (script?.src ? new URL(script.src).origin : "");
  const EVENTS_MAX = 100;
  const BYTES_MAX = 60_000;
  const SEEN_MS = 1000;
  const WAIT_MS = 3000;
  const KEPT = "vitrine_events";
  const slots = new Map();
  const answered = new WeakMap();
  let queue = [];
  let timer;
  const STATE = "__Host-vitrine_state";
  const OPT_OUT = "__Host-vitrine_opt_out";
  // On the shop's own zone cookies do this; elsewhere the page keeps what answers ask it to keep.
  const isForeign = api !== location.origin && api !== "";
  const kept = (name) => (isForeign ? (localStorage.getItem(name) ?? undefined) : undefined);
  const keep = (set) => {
    for (const { name, value, max_age } of (isForeign && set) || []) {
      max_age > 0 ? localStorage.setItem(name, value) : localStorage.removeItem(name);
    }
  };
  let optedOut = settings.optOut ?? !!kept(OPT_OUT);

  const post = (path, body, init) => fetch(api + path, { method: "POST", body: JSON.stringify(body), ...init });
  const tell = (name, detail) => document.dispatchEvent(new CustomEvent(`vitrine:${name}`, { detail }));
  const mayKeep = () => settings.consent?.measure === true && !optedOut;
  const safe = (link) => {
    try {
      const url = new URL(link?.url ?? link, location.href);
      return /^(https?|tel|mailto):$/.test(url.protocol) ? url.href : undefined;
    } catch {
      return undefined;
    }
  };

  /** Keeps the room of a slot before anything is painted into it: `data-vitrine-size="1200x400"`. */
  const reserve = (slot) => {
    if (slots.has(slot)) return;
    slots.set(slot, slot.dataset.vitrine);
    const [, width, height] = /^(\d+)x(\d+)$/.exec(slot.dataset.vitrineSize ?? "") ?? [];
    if (!height) return;
    const { style } = slot;
    Object.assign(style, { display: "block", maxWidth: `${width}px`, aspectRatio: `${width} / ${height}`, overflow: "hidden" });
  };

  const element = (name, className, parent) => {
    const made = document.createElement(name);
    made.className = className;
    parent.append(made);
    return made;
  };

  /** The fields of a creative, as texts, an image and links. */
  const render = (content, slot) => {
    const own = slot.querySelector("template");
    const root = own ? own.content.cloneNode(true) : document.createDocumentFragment();
    const link = safe(content.link ?? content.cta?.link ?? "#");
    if (!own) {
      const box = element(content.link ?? content.cta?.link ? "a" : "div", "vitrine", root);
      for (const name of ["image", "title", "text", "cta", "ad_label"]) {
        if (content[name] == null) continue;
        element(name === "image" ? "img" : "span", `vitrine-${name}`, box).dataset.field = name;
      }
    }
    for (const at of root.querySelectorAll("[data-field]")) {
      const value = content[at.dataset.field];
      if (at.tagName === "IMG") {
        const src = safe(value?.src ?? value ?? "");
        if (value && src) at.src = src;
        at.alt = value?.alt ?? "";
        if (value?.width) at.width = value.width;
        if (value?.height) at.height = value.height;
      } else at.textContent = value?.label ?? value?.text ?? (typeof value === "object" ? "" : value) ?? "";
    }
    for (const at of root.querySelectorAll("a:not([href])")) if (link) at.href = link;
    return root;
  };

  const flush = (isLast) => {
    clearTimeout(timer);
    timer = undefined;
    while (queue.length > 0 && navigator.onLine) {
      const events = queue.splice(0, EVENTS_MAX);
      const body = () =>
        JSON.stringify({
          sent_at: new Date().toISOString(),
          visitor: mayKeep() ? { key: settings.visitor?.key, anon: settings.visitor?.anon } : {},
          consent: { measure: mayKeep() },
          events,
        });
      // A beacon's budget is shared by all that are under way.
      while (body().length > BYTES_MAX && events.length > 1) queue.unshift(events.pop());
      const text = body();
      const again = () => {
        queue.unshift(...events);
        timer ??= setTimeout(flush, WAIT_MS * 10);
      };
      const sent = isLast && navigator.sendBeacon?.(`${api}/v1/events`, new Blob([text], { type: "text/plain" }));
      if (sent) continue;
      fetch(`${api}/v1/events`, { method: "POST", body: text, keepalive: true }).then(
        (answer) => answer.status >= 500 && again(),
        again,
      );
    }
    // What could not be sent waits for the next page, on the device only with consent.
    if (isLast && mayKeep()) {
      if (queue.length > 0) localStorage.setItem(KEPT, JSON.stringify(queue.slice(-EVENTS_MAX)));
      queue = [];
    }
  };

  const event = (type, token) => {
    if (!token) return;
    queue.push({ id: crypto.randomUUID(), type, token, at: new Date().toISOString() });
    timer ??= setTimeout(flush, WAIT_MS);
  };

  /** An impression is half of an offer in sight for a second, once. */
  const timers = new Map();
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { target, intersectionRatio } of entries) {
        clearTimeout(timers.get(target));
        if (intersectionRatio < 0.5) continue;
        const seen = () => {
          if (document.visibilityState !== "visible") return;
          watcher.unobserve(target);
          event("impression", answered.get(target));
        };
        timers.set(target, setTimeout(seen, SEEN_MS));
      }
    },
    { threshold: [0, 0.5] },
  );

  const watch = (box, token) => {
    answered.set(box, token);
    watcher.observe(box);
  };

  const fill = (slot, decision) => {
    const { items, fallback } = decision;
    const chosen = items.length > 0 ? items : fallback?.content ? [fallback] : [];
    for (const old of slot.querySelectorAll(".vitrine-offer")) old.remove();
    if (chosen.length === 0) return;
    for (const { offer, content, token } of chosen) {
      const box = element("div", "vitrine-offer", slot);
      box.dataset.offer = offer;
      box.append(render(content, slot));
      watch(box, token ?? decision.token);
    }
    for (const at of slot.querySelectorAll("[data-vitrine-placeholder]")) at.remove();
  };

  const decide = async () => {
    const placements = [...new Set(slots.values())].slice(0, 30).map((id) => ({ id }));
    if (placements.length === 0) return;
    const { consent, visitor, context } = settings;
    const body = {
      visitor: { ...visitor, ...(optedOut ? { opt_out: true } : {}) },
      consent,
      context: {
        url: location.origin + location.pathname,
        locale: document.documentElement.lang || navigator.language,
        tz: Intl.DateTimeFormat().resolvedOptions().timeZone,
        channel: "web",
        ...context,
      },
      state: optedOut ? undefined : kept(STATE),
      placements,
      options: { dedupe: "page" },
    };
    try {
      const answer = await (await post("/v1/decide", body)).json();
      keep(answer.set);
      for (const decision of answer.decisions ?? []) {
        for (const [slot, id] of slots) if (id === decision.placement) fill(slot, decision);
      }
      tell("answer", answer);
    } catch (error) {
      // The page keeps what it shows of its own.
      tell("error", error);
    }
  };

  const wish = async (body) => {
    try {
      keep((await (await post("/v1/me/preferences", body)).json()).set);
    } catch (error) {
      tell("error", error);
    }
  };

  const preferences = async (personalise) => {
    optedOut = !personalise;
    localStorage.removeItem(KEPT);
    await wish({ personalise });
    await decide();
  };

  const start = () => {
    const scan = () => document.querySelectorAll("[data-vitrine]:not([data-vitrine-filled])").forEach(reserve);
    const growth = new MutationObserver(scan);
    growth.observe(document, { childList: true, subtree: true });
    scan();
    const begin = () => {
      growth.disconnect();
      scan();
      const waiting = mayKeep() && localStorage.getItem(KEPT);
      if (waiting) {
        localStorage.removeItem(KEPT);
        queue.push(...JSON.parse(waiting));
        timer ??= setTimeout(flush, WAIT_MS);
      }
      // What was decided before the page came is shown already, and not decided again.
      for (const box of document.querySelectorAll("[data-vitrine-filled] .vitrine-offer")) watch(box, box.dataset.token);
      const before = document.getElementById("vitrine-answer");
      if (before) tell("answer", JSON.parse(before.textContent));
      decide();
    };
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", begin);
    else begin();
    addEventListener("click", ({ target }) => {
      const optOut = target.closest?.("[data-vitrine-opt-out]");
      if (optOut) return preferences(optOut.dataset.vitrineOptOut === "off");
      const box = target.closest?.(".vitrine-offer");
      if (!box) return;
      if (target.closest("[data-vitrine-dismiss]")) {
        const dismiss = answered.get(box);
        event("dismiss", dismiss);
        const { key, anon } = settings.visitor ?? {};
        if (dismiss && (key || anon) && !optedOut) wish({ dismiss, visitor: { key, anon }, state: kept(STATE) });
        box.remove();
      } else if (target.closest("a, button")) event("click", answered.get(box));
    });
    addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flush(true), true);
    addEventListener("pagehide", () => flush(true));
    addEventListener("online", () => flush());
  };

  window.vitrine = { ...settings, decide, preferences, flush };
  if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
  else start();
})();
