// What every signed-in page does besides live updates: timers, relative times, dialogs, copying, toasts, keys, look.
// Writes text with textContent only, so Trusted Types has nothing to object to.
import { ago, clock } from "./time.js";

/**
 * @template {Element} T
 * @param {string} selector
 * @param {(element: T, event: any) => void} then
 * @param {string} type
 */
function on(selector, then, type = "click") {
  document.addEventListener(type, (event) => {
    const element = event.target instanceof Element ? event.target.closest(selector) : null;
    if (element) then(/** @type {T} */ (element), event);
  });
}

// A running clock. The server says how many seconds had passed, so a wrong clock in the browser does no harm.
/** @type {Set<Timer>} */
const timers = new Set();
class Timer extends HTMLElement {
  static observedAttributes = ["seconds"];
  base = 0;
  connectedCallback() { timers.add(this); }
  disconnectedCallback() { timers.delete(this); }
  attributeChangedCallback() { this.base = performance.now() - Number(this.getAttribute("seconds")) * 1000; }
  tick() {
    const text = clock((performance.now() - this.base) / 1000);
    if (this.textContent !== text) this.textContent = text;
  }
}
customElements.define("vx-timer", Timer);
setInterval(() => timers.forEach((timer) => timer.tick()), 250);

function relate() {
  for (const element of document.querySelectorAll("time[data-ago]")) {
    const then = Date.parse(element.getAttribute("datetime") ?? "");
    const text = ago((Date.now() - then) / 1000, document.documentElement.lang);
    if (text && element.textContent !== text) element.textContent = text;
  }
}
relate();
setInterval(relate, 30_000);

/** @param {string} text */
export function toast(text) {
  const blank = document.querySelector("template#toast");
  if (!(blank instanceof HTMLTemplateElement)) return;
  const box = /** @type {HTMLElement} */ (blank.content.cloneNode(true)).firstElementChild;
  const words = box?.querySelector("span");
  if (words) words.textContent = text;
  if (box) document.querySelector(".toasts")?.replaceChildren(box);
}
for (const button of document.querySelectorAll("[data-dismiss]")) button.removeAttribute("hidden");
on("[data-dismiss]", (button) => button.closest(".toast")?.remove());

// The word about what was done is said once: not again when the page is loaded again.
const address = new URL(location.href);
if (address.searchParams.has("done")) {
  address.searchParams.delete("done");
  history.replaceState(null, "", address);
}

function showCopyButtons() {
  for (const button of document.querySelectorAll("[data-copy][hidden]")) button.removeAttribute("hidden");
}
if (navigator.clipboard) {
  showCopyButtons();
  on("[data-copy]", async (button) => {
    const source = document.getElementById(button.getAttribute("data-copy") ?? "");
    await navigator.clipboard.writeText(source?.textContent ?? "");
    toast(button.getAttribute("data-done") ?? "");
  });
}

on("[data-dialog]", (link, event) => {
  const box = document.getElementById(link.getAttribute("data-dialog") ?? "");
  if (!(box instanceof HTMLDialogElement) || box.open) return;
  event.preventDefault();
  box.showModal();
  const first = box.querySelector(".body input:not([type=hidden]), .body select, .body button");
  if (first instanceof HTMLElement) first.focus();
});

// A second press on a form that is on its way would do the thing twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-once") || event.defaultPrevented) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) form.removeAttribute("data-sent");
});

on(".look", (button, event) => {
  event.preventDefault();
  const theme = /** @type {HTMLButtonElement} */ (button).value;
  document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const next = document.querySelector(`.look.${theme}`);
  if (next instanceof HTMLElement) next.focus();
});

on("[data-announce]", (box) => {
  const log = document.getElementById(box.getAttribute("data-announce") ?? "");
  log?.setAttribute("aria-live", /** @type {HTMLInputElement} */ (box).checked ? "polite" : "off");
}, "change");

// After htmx has changed a part: words that only the browser knows, and the count in the title.
document.addEventListener("htmx:after:swap", () => {
  relate();
  if (navigator.clipboard) showCopyButtons();
  if (location.pathname === "/app/live") {
    const count = parseInt(document.getElementById("live-count")?.textContent ?? "", 10);
    const bare = document.title.replace(/^\(\d+\) /, "");
    document.title = count > 0 ? `(${count}) ${bare}` : bare;
  }
});
document.addEventListener("htmx:before:request", (event) => busy(event.target, "true"));
document.addEventListener("htmx:finally:request", (event) => busy(event.target, null));
/** @param {EventTarget | null} target @param {string | null} value */
function busy(target, value) {
  if (!(target instanceof Element) || !target.matches(".region")) return;
  if (value) target.setAttribute("aria-busy", value);
  else target.removeAttribute("aria-busy");
}

// Keys. Single letters are off while typing, with a modifier, under a dialog, and where the person turned them off.
const PLACES = { t: "/app", l: "/app/live", c: "/app/calls" };
let going = 0;
/** @type {Record<string, () => void>} */
const KEYS = {
  "/": () => focusOn("#find") || focusOn("[data-filters]"),
  "?": () => {
    const box = document.getElementById("keys");
    if (box instanceof HTMLDialogElement) box.showModal();
  },
  f: () => focusOn("[data-filters]"),
  g: () => { going = performance.now(); },
  j: () => step(1),
  k: () => step(-1),
};
addEventListener("keydown", (event) => {
  if (document.body.dataset.keys === "off" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const at = event.target;
  if (at instanceof HTMLElement && (at.isContentEditable || at.matches("input:not([type=checkbox]), textarea, select"))) return;
  if (document.querySelector("dialog:modal")) return;
  const place = going && performance.now() - going < 1500 ? PLACES[/** @type {"t"} */ (event.key)] : undefined;
  going = 0;
  if (place) location.assign(place);
  else if (Object.hasOwn(KEYS, event.key)) KEYS[event.key]();
  else return;
  event.preventDefault();
});

/** @param {string} selector */
function focusOn(selector) {
  const element = document.querySelector(selector);
  if (!(element instanceof HTMLInputElement) || !element.checkVisibility()) return false;
  element.focus();
  element.select();
  return true;
}

/** @param {1 | -1} by */
function step(by) {
  const rows = [...document.querySelectorAll(".rowlink, [data-row]")];
  const here = document.activeElement ? rows.indexOf(document.activeElement) : -1;
  const next = rows[here < 0 ? (by > 0 ? 0 : rows.length - 1) : here + by];
  if (next instanceof HTMLElement) next.focus();
}
