// The live connection. Events say only that something changed; this module tells the page, and the page fetches its
// parts again. The one exception is captions, which come too often for that and are written here.
//
// WebSocket first, then server-sent events, then asking every few seconds. Every event carries a number; a new
// connection says which number it has, and gets what it missed or the advice to fetch everything again.
import { backoff } from "./time.js";

const TRANSPORTS = /** @type {const} */ (["socket", "stream", "poll"]);
const POLL_EVERY = 5_000;
const FULL_WAIT = 30_000;
// Long enough for the events of one change to arrive together, short enough not to be noticed.
const GATHER = 150;
// Says nothing about the first moments of a page: a connection that takes a second is not a lost one.
const PATIENCE = 2_000;

/** @typedef {{ t: string, id?: string, seq?: number, resumed?: boolean, role?: string, text?: string, final?: boolean, calls?: unknown[], reset?: boolean, events?: Message[] }} Message */

export class Live extends HTMLElement {
  seq = 0;
  attempt = 0;
  transport = 0;
  /** @type {WebSocket | EventSource | null} */
  wire = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  gathering;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  patience;
  /** @type {Map<string, Set<string>>} */
  changed = new Map();
  open = false;
  closed = false;
  worked = false;

  connectedCallback() {
    this.seq = Number(this.getAttribute("since"));
    this.connect();
    // A page that comes back from the browser's cache, or a laptop that wakes up, has no live wire any more.
    addEventListener("pagehide", this.stop);
    addEventListener("pageshow", this.shown);
    addEventListener("online", this.again);
  }

  disconnectedCallback() {
    this.stop();
    removeEventListener("pagehide", this.stop);
    removeEventListener("pageshow", this.shown);
    removeEventListener("online", this.again);
  }

  stop = () => {
    clearTimeout(this.retry);
    clearTimeout(this.patience);
    this.patience = undefined;
    const wire = this.wire;
    this.wire = null;
    wire?.close();
    this.open = false;
  };

  /** @param {PageTransitionEvent} event */
  shown = (event) => {
    if (event.persisted) this.again();
  };

  again = () => {
    if (this.open || this.closed) return;
    this.stop();
    this.attempt = 0;
    this.connect();
  };

  address() {
    const url = new URL(this.getAttribute("src") ?? "", location.href);
    url.searchParams.set("since", String(this.seq));
    return url;
  }

  connect() {
    this.patience ??= setTimeout(() => this.lost(), PATIENCE);
    const kind = TRANSPORTS[this.transport];
    if (kind === "socket") this.socket();
    else if (kind === "stream") this.stream();
    else void this.poll();
  }

  socket() {
    const url = this.address();
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.wire = socket;
    let opened = false;
    socket.onmessage = (event) => {
      opened = this.worked = true;
      this.take(event.data);
    };
    socket.onclose = (event) => {
      if (this.wire !== socket) return;
      if (event.code === 4001) return this.out();
      if (event.code === 4003) return this.later(FULL_WAIT, "full");
      // Two refusals mean that something on the way does not let sockets through, and the next way is tried. Where one
      // has worked, a refusal means that the server is starting again: then more patience.
      if (!opened && this.attempt >= (this.worked ? 6 : 1)) this.transport = 1;
      this.later(backoff(this.attempt, Math.random()));
    };
  }

  stream() {
    const source = new EventSource(this.address());
    this.wire = source;
    source.onmessage = (event) => this.take(event.data);
    source.onerror = () => {
      if (this.wire !== source) return;
      source.close();
      this.transport = this.open ? 0 : 2;
      this.later(backoff(this.attempt, Math.random()));
    };
  }

  async poll() {
    try {
      const answer = await fetch(this.address(), { headers: { Accept: "application/json" }, cache: "no-store" });
      if (answer.status === 401) return this.out();
      if (!answer.ok) throw new Error(String(answer.status));
      /** @type {Message} */
      const page = await answer.json();
      if (page.reset) this.everything();
      for (const event of page.events ?? []) this.event(event);
      this.seq = page.seq ?? this.seq;
      this.found();
      this.retry = setTimeout(() => void this.poll(), POLL_EVERY);
    } catch {
      this.transport = 0;
      this.later(backoff(this.attempt, Math.random()));
    }
  }

  /**
   * Tries again after a while, and meanwhile says that what stands here may be old.
   * @param {number} wait
   * @param {"lost" | "full"} why
   */
  later(wait, why = "lost") {
    const before = this.open;
    this.open = false;
    this.wire = null;
    this.attempt += 1;
    if (before || why === "full") this.lost(why);
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), wait);
  }

  /** @param {string} text */
  take(text) {
    /** @type {Message} */
    const message = JSON.parse(text);
    if (message.t === "hello") {
      this.found();
      // Not resumed means that events between this page and now are unknown.
      if (message.resumed === false) this.everything();
    } else if (message.t === "reset") {
      this.everything();
    } else if (message.t !== "snapshot") {
      this.event(message);
    }
    // The greeting of a resumed connection names the newest event, and those before it are still to come.
    if (typeof message.seq === "number" && !message.resumed) this.seq = message.seq;
  }

  /** @param {Message} message */
  event(message) {
    if (message.t === "call.caption" && message.id) {
      this.caption(message);
      // Words that are not final stand nowhere but here.
      if (!message.final) return;
    }
    this.gather(message.t, message.id);
  }

  /** @param {Message} message */
  caption({ id, role, text, final }) {
    for (const line of document.querySelectorAll(`[data-caption="${CSS.escape(id ?? "")}"]`)) {
      const [who, words] = line.children;
      const done = final && line.hasAttribute("data-until-final");
      if (who) who.textContent = done ? "" : line.getAttribute(role === "agent" ? "data-agent" : "data-caller");
      if (words) words.textContent = done ? "" : (text ?? "");
    }
  }

  /** What is on the page may be wrong in any way: all of it is fetched again, once. */
  everything() {
    if (this.hasAttribute("data-bookings")) {
      this.gather("booking.changed", undefined);
      return;
    }
    this.gather("call.updated", undefined);
    for (const part of document.querySelectorAll("[data-call]")) this.gather("call.updated", part.getAttribute("data-call") ?? "");
  }

  /**
   * @param {string} type
   * @param {string | undefined} id
   */
  gather(type, id) {
    const ids = this.changed.get(type) ?? new Set();
    if (id) ids.add(id);
    this.changed.set(type, ids);
    this.gathering ??= setTimeout(() => {
      this.gathering = undefined;
      const changed = this.changed;
      this.changed = new Map();
      this.tell(changed);
    }, GATHER);
  }

  /** @param {Map<string, Set<string>>} changed */
  tell(changed) {
    const touched = new Set();
    let lists = false;
    for (const [type, ids] of changed) {
      document.dispatchEvent(new CustomEvent(`vx:${type}`, { detail: { ids: [...ids] } }));
      ids.forEach((id) => touched.add(id));
      if (type !== "call.caption") lists = true;
    }
    if (lists) document.dispatchEvent(new CustomEvent("vx:calls"));
    for (const part of document.querySelectorAll("[data-call]")) {
      if (touched.has(part.getAttribute("data-call"))) part.dispatchEvent(new CustomEvent("vx:call"));
    }
  }

  found() {
    clearTimeout(this.patience);
    this.patience = undefined;
    this.open = true;
    this.attempt = 0;
    this.show("live", "", this.getAttribute("data-live") ?? "");
  }

  /** @param {"lost" | "full"} why */
  lost(why = "lost") {
    const now = new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    if (why === "full") this.show(why, this.getAttribute("data-full") ?? "", this.getAttribute("data-full") ?? "");
    // The time of the loss stays while it lasts.
    else if (this.dataset.is !== "lost") {
      this.show("lost", (this.getAttribute("data-lost") ?? "").replace("{time}", now), this.getAttribute("data-lost-short") ?? "");
    }
  }

  /** The session is over: no point in trying again, and nothing here may be trusted to be for this person's eyes. */
  out() {
    this.stop();
    this.closed = true;
    this.show("out", "", "");
    const link = this.querySelector("[data-sign-in]");
    if (link) link.textContent = this.getAttribute("data-out");
    link?.removeAttribute("hidden");
  }

  /**
   * @param {string} state
   * @param {string} tag
   * @param {string} word
   */
  show(state, tag, word) {
    this.dataset.is = state;
    // One that only listens for bookings leaves the words to the one beside it.
    if (this.hasAttribute("data-bookings")) return;
    const mark = this.querySelector("[data-state]");
    if (mark) mark.textContent = tag;
    mark?.toggleAttribute("hidden", !tag);
    this.querySelector("[data-line]")?.toggleAttribute("hidden", Boolean(tag) || state === "out");
    for (const place of document.querySelectorAll("[data-live-word]")) place.textContent = word;
  }
}
customElements.define("vx-live", Live);
