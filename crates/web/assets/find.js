// Words looked for in the transcript of a call: the turns that have them are marked, and one after the other comes into view.
// The browser paints over the words what was found and nothing in them is changed, so that a part of the page that is fetched
// again stays what the server sent.

/**
 * A text without case and accents, and where each of its letters begins in the original; one place more for the end.
 * @param {string} text
 */
export function fold(text) {
  let plain = "";
  /** @type {number[]} */
  const places = [];
  let at = 0;
  for (const letter of text) {
    const bare = letter.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    for (let unit = 0; unit < bare.length; unit += 1) places.push(at);
    plain += bare;
    at += letter.length;
  }
  places.push(at);
  return { plain, places };
}

/**
 * Where words stand in a text, from and to.
 * @param {string} text
 * @param {string} words
 * @returns {[number, number][]}
 */
export function occurrences(text, words) {
  const { plain, places } = fold(text);
  const wanted = fold(words.trim()).plain;
  /** @type {[number, number][]} */
  const spans = [];
  if (!wanted) return spans;
  for (let at = plain.indexOf(wanted); at >= 0; at = plain.indexOf(wanted, at + wanted.length)) {
    spans.push([places[at], places[at + wanted.length]]);
  }
  return spans;
}

class Finder extends HTMLElement {
  /** The turns that have the words. @type {Element[]} */
  found = [];
  at = 0;
  leave = new AbortController();

  connectedCallback() {
    const field = this.querySelector("input");
    if (!field) return;
    this.field = field;
    this.removeAttribute("hidden");
    this.leave = new AbortController();
    const { signal } = this.leave;
    field.addEventListener("input", () => this.look(), { signal });
    field.addEventListener("keydown", (event) => this.key(event), { signal });
    this.addEventListener("click", (event) => this.pressed(event), { signal });
    // The marks are gone where the page was fetched again, and there may be new turns; the place stays.
    document.addEventListener("htmx:after:swap", () => this.mark(), { signal });
    this.look();
  }

  disconnectedCallback() {
    this.leave.abort();
    CSS.highlights?.delete("found");
  }

  look() {
    this.at = 0;
    this.mark();
    this.reach();
  }

  mark() {
    const words = this.field?.value ?? "";
    /** @type {Range[]} */
    const ranges = [];
    this.found = [...document.querySelectorAll(".turns > li")].filter((turn) => {
      const text = turn.querySelector("p")?.firstChild;
      const spans = text instanceof Text ? occurrences(text.data, words) : [];
      for (const [from, to] of spans) {
        const range = new Range();
        range.setStart(/** @type {Text} */ (text), from);
        range.setEnd(/** @type {Text} */ (text), to);
        ranges.push(range);
      }
      turn.removeAttribute("data-found");
      return spans.length > 0;
    });
    // A browser that cannot paint over words still marks the turns.
    if (CSS.highlights) CSS.highlights.set("found", new Highlight(...ranges));
    this.at = Math.max(0, Math.min(this.at, this.found.length - 1));
    this.found.forEach((turn, index) => turn.setAttribute("data-found", index === this.at ? "here" : ""));
    this.tell(Boolean(words.trim()));
  }

  /** @param {boolean} wanted */
  tell(wanted) {
    const here = this.found[this.at];
    const count = this.querySelector("[data-count]");
    if (count) count.textContent = !wanted ? "" : here ? `${this.at + 1} of ${this.found.length}` : "Not found";
    const spoken = this.querySelector("[data-spoken]");
    if (spoken) spoken.textContent = here ? `${here.querySelector(".sp")?.textContent ?? ""}: ${here.querySelector("p")?.textContent}` : "";
    for (const button of this.querySelectorAll("button")) {
      const useless = button.getAttribute("data-go") === "hear" && !here?.querySelector("[data-seek]");
      button.toggleAttribute("hidden", !here || useless);
    }
  }

  /** Brings the turn into view. */
  reach() {
    const here = this.found[this.at];
    if (!here) return;
    document.dispatchEvent(new CustomEvent("vx:found"));
    here.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} by turns on or back, around the end */
  step(by) {
    const all = this.found.length;
    if (!all) return;
    this.at = (this.at + by + all) % all;
    this.mark();
    this.reach();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      this.step(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape" && this.field?.value) {
      event.preventDefault();
      this.field.value = "";
      this.look();
    }
  }

  /** @param {MouseEvent} event */
  pressed(event) {
    const go = event.target instanceof Element ? event.target.closest("[data-go]")?.getAttribute("data-go") : null;
    if (go === "back") this.step(-1);
    else if (go === "on") this.step(1);
    // The player listens for presses on the times of turns.
    else if (go === "hear") /** @type {HTMLElement | null | undefined} */ (this.found[this.at]?.querySelector("[data-seek]"))?.click();
  }
}
customElements.define("vx-find", Finder);
