// The player of a call: the drawing that the server sent is the way through it, and the words follow. Without this module
// the browser's own player stands in its place.
//
// Nothing is fetched before somebody plays: a call that is only looked at was not listened to, and the audit list says so.
import { toast } from "./app.js";
import { clock } from "./time.js";

const BACK = 5;
const ON = 15;
// Silence that is left where it is cut out, so that turns do not run into each other.
const BREATH = 0.4;
const SPEEDS = [0.75, 1, 1.25, 1.5, 2];
// What is heard of a recording with a channel for each side, and which of the three ways to the ear is then open.
const WAYS = ["both", "caller", "agent"];

/**
 * A length of time as it is spoken: "1 minute 6 seconds".
 * @param {number} seconds
 * @param {string} lang
 */
export function spoken(seconds, lang) {
  const whole = Math.max(0, Math.floor(seconds));
  const say = (/** @type {number} */ n, /** @type {string} */ unit) =>
    new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "long" }).format(n);
  const minutes = Math.floor(whole / 60);
  const rest = say(whole % 60, "second");
  return minutes ? `${say(minutes, "minute")} ${rest}` : rest;
}

/**
 * Where to go on instead, when this moment is in the middle of a silence; the same moment when it is not.
 * @param {number} now in seconds
 * @param {[number, number][]} quiet spans in seconds
 */
export function beyondSilence(now, quiet) {
  const span = quiet.find(([from, to]) => from + BREATH <= now && now < to - BREATH);
  return span ? span[1] - BREATH : now;
}

/**
 * Which of the turns is being spoken: the last one that has begun.
 * @param {number} now in seconds
 * @param {number[]} starts in seconds
 */
export function turnAt(now, starts) {
  let found = -1;
  starts.forEach((start, index) => {
    if (start <= now && (found < 0 || start >= (starts[found] ?? 0))) found = index;
  });
  return found;
}

/** @param {Element | null} element */
const typing = (element) => element instanceof Element && Boolean(element.closest("input:not([type=range], [type=checkbox]), textarea, select, [contenteditable], dialog"));

export class Player extends HTMLElement {
  /** @type {[number, number][]} */
  quiet = [];
  seconds = 0;
  frame = 0;
  /** The reader scrolls through the words by themselves, until they choose a place to listen to. */
  wanders = false;
  /** @type {Element | null} */
  marked = null;
  /** The ways to the ear, once somebody wanted to hear one side alone. @type {GainNode[]} */
  ways = [];
  leave = new AbortController();

  connectedCallback() {
    const audio = this.querySelector("audio");
    const slider = this.querySelector("input[type=range]");
    if (!(audio instanceof HTMLAudioElement) || !(slider instanceof HTMLInputElement)) return;
    this.audio = audio;
    this.slider = slider;
    this.lang_ = document.documentElement.lang;
    this.seconds = Number(this.getAttribute("seconds"));
    this.quiet = (this.getAttribute("quiet") ?? "").split(" ").filter(Boolean).map((span) => {
      const [from, to] = span.split("-");
      return [Number(from) / 1000, Number(to) / 1000];
    });
    audio.removeAttribute("controls");
    for (const part of this.querySelectorAll("[data-scripted]")) part.removeAttribute("hidden");
    // Only a page that came safely may write to the clipboard.
    if (navigator.clipboard) this.querySelector("[data-do=share]")?.removeAttribute("hidden");

    this.leave = new AbortController();
    const { signal } = this.leave;
    /** @param {EventTarget} target @param {string} type @param {(event: any) => void} then */
    const on = (target, type, then) => target.addEventListener(type, then, { signal });
    for (const type of ["play", "pause", "ended"]) on(audio, type, () => this.turned());
    on(audio, "durationchange", () => this.measured());
    for (const type of ["timeupdate", "seeked"]) on(audio, type, () => this.show());
    on(audio, "waiting", () => this.setAttribute("aria-busy", "true"));
    for (const type of ["playing", "pause", "error"]) on(audio, type, () => this.removeAttribute("aria-busy"));
    on(audio, "error", () => this.failed());
    on(slider, "input", () => this.seek(Number(slider.value)));
    on(this, "click", (event) => this.pressed(event));
    on(this, "change", (event) => this.chosen(event));
    on(document, "keydown", (event) => this.key(event));
    on(document, "click", (event) => this.picked(event));
    // Somebody looks for words: the list is theirs until they choose a place to listen to.
    on(document, "vx:found", () => { this.wanders = true; });
    // After a part of the page was fetched again its marks are gone.
    on(document, "htmx:after:swap", () => { this.marked = null; this.follow(); });
    for (const type of ["wheel", "touchmove"]) {
      on(document, type, (event) => { if (event.target instanceof Element && event.target.closest(".turns")) this.wanders = true; });
    }

    const start = Number(this.getAttribute("start"));
    // Before anything was fetched this is where playing will begin.
    if (start > 0) audio.currentTime = Math.min(start, this.seconds);
    this.show();
  }

  disconnectedCallback() {
    this.leave.abort();
    cancelAnimationFrame(this.frame);
    this.audio?.pause();
    void this.context?.suspend();
  }

  get now() { return this.audio?.currentTime ?? 0; }

  /** @param {number} to in seconds */
  seek(to) {
    if (!this.audio) return;
    this.audio.currentTime = Math.min(Math.max(0, to), Math.max(0, this.seconds - 0.05));
    this.wanders = false;
    this.show();
  }

  play() {
    void this.context?.resume();
    this.audio?.play().catch((/** @type {Error} */ error) => {
      // Interrupted by a pause that came right after it: nothing has failed.
      if (error.name !== "AbortError") this.failed();
    });
  }

  toggle() {
    if (this.audio?.paused) this.play();
    else this.audio?.pause();
    // The event comes a moment later; who presses twice meanwhile would press on a word that is no longer true.
    this.turned();
  }

  /** Lets both sides be heard, or one of them, in both ears. @param {string} side */
  hear(side) {
    if (side !== "both" && !this.ways.length) this.divide();
    this.ways.forEach((way, index) => { way.gain.value = WAYS[index] === side ? 1 : 0; });
    this.setAttribute("side", side);
  }

  /** Until somebody asks for one side nothing stands between the file and the ear. */
  divide() {
    if (!this.audio) return;
    this.context = new AudioContext();
    const { destination } = this.context;
    const sound = this.context.createMediaElementSource(this.audio);
    const channels = this.context.createChannelSplitter(2);
    sound.connect(channels);
    this.ways = WAYS.map(() => new GainNode(destination.context));
    const [both, caller, agent] = this.ways;
    sound.connect(both).connect(destination);
    channels.connect(caller, 0).connect(destination);
    channels.connect(agent, 1).connect(destination);
  }

  /** Copies an address that begins here. It opens for members of the organization who sign in, like the page itself. */
  async share() {
    const link = new URL(location.pathname, location.href);
    const second = Math.floor(this.now);
    if (second > 0) link.searchParams.set("t", String(second));
    const button = this.querySelector("[data-do=share]");
    try {
      await navigator.clipboard.writeText(link.href);
      toast((button?.getAttribute("data-done") ?? "").replace("{at}", clock(second)));
    } catch {
      toast(button?.getAttribute("data-refused") ?? "");
    }
  }

  /** @param {number} by steps up or down */
  change(by) {
    const menu = /** @type {HTMLSelectElement | null} */ (this.querySelector("#speed"));
    if (!menu || !this.audio) return;
    const at = SPEEDS.indexOf(this.audio.playbackRate);
    const rate = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + by))] ?? 1;
    menu.value = String(rate);
    this.audio.playbackRate = rate;
  }

  /** @param {number} by turns up or down */
  step(by) {
    const links = this.links();
    const starts = links.map((link) => this.startOf(link));
    const link = links[Math.max(0, turnAt(this.now + 0.05, starts) + by)];
    if (link) this.seek(this.startOf(link));
  }

  /** The true length is the sound's own. */
  measured() {
    const length = this.audio?.duration ?? 0;
    if (!Number.isFinite(length) || length <= 0 || !this.slider) return;
    this.seconds = length;
    this.slider.max = String(length);
    this.show();
  }

  turned() {
    const on = Boolean(this.audio && !this.audio.paused);
    const button = this.querySelector("[data-do=toggle]");
    this.toggleAttribute("playing", on);
    const words = button?.querySelector("span");
    if (words) words.textContent = button?.getAttribute(on ? "data-pause" : "data-play") ?? "";
    cancelAnimationFrame(this.frame);
    if (on) this.run();
    this.show();
  }

  run() {
    this.frame = requestAnimationFrame(() => {
      if (this.querySelector("input[type=checkbox]:checked") && this.audio) {
        const on = beyondSilence(this.now, this.quiet);
        if (on > this.now) this.audio.currentTime = on;
      }
      this.show();
      this.run();
    });
  }

  show() {
    const { slider, seconds, now } = this;
    if (!slider) return;
    slider.value = String(now);
    const all = this.getAttribute("data-of") ?? "";
    const words = all.replace("{at}", spoken(now, this.lang_ ?? "en")).replace("{all}", spoken(seconds, this.lang_ ?? "en"));
    if (slider.getAttribute("aria-valuetext") !== words) slider.setAttribute("aria-valuetext", words);
    const text = `${clock(now)} / ${clock(seconds)}`;
    const time = this.querySelector("[data-time]");
    if (time && time.textContent !== text) time.textContent = text;
    const wave = this.querySelector("svg.wave");
    const width = Number(wave?.getAttribute("data-width"));
    const x = seconds > 0 ? String((Math.min(1, now / seconds) * width).toFixed(1)) : "0";
    wave?.querySelector("clipPath rect")?.setAttribute("width", x);
    for (const end of ["x1", "x2"]) wave?.querySelector("line")?.setAttribute(end, x);
    this.follow();
  }

  links() { return /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".turns [data-seek]")]); }

  /** @param {HTMLElement} link */
  startOf(link) { return Number(link.dataset.seek) / 1000; }

  /** Marks the turn that is being spoken, and brings it into view inside the list. */
  follow() {
    const links = this.links();
    const heard = this.now > 0 || this.hasAttribute("playing");
    const turn = links[heard ? turnAt(this.now + 0.05, links.map((link) => this.startOf(link))) : -1]?.closest("li") ?? null;
    if (turn === this.marked) return;
    this.marked?.removeAttribute("aria-current");
    turn?.setAttribute("aria-current", "true");
    this.marked = turn;
    const list = turn?.parentElement;
    if (!turn || !list || this.wanders) return;
    const [box, line] = [list.getBoundingClientRect(), turn.getBoundingClientRect()];
    if (line.top < box.top || line.bottom > box.bottom) list.scrollTop += line.top - box.top - box.height / 3;
  }

  failed() {
    const says = this.querySelector("[role=alert]");
    if (says) says.textContent = this.getAttribute("data-failed");
  }

  /** @param {MouseEvent} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-do]") : null;
    const what = button?.getAttribute("data-do");
    if (what === "toggle") this.toggle();
    else if (what === "back") this.seek(this.now - BACK);
    else if (what === "on") this.seek(this.now + ON);
    else if (what === "share") void this.share();
  }

  /** @param {Event} event */
  chosen(event) {
    const menu = event.target;
    if (!(menu instanceof HTMLSelectElement) || !this.audio) return;
    if (menu.id === "speed") this.audio.playbackRate = Number(menu.value);
    else this.hear(menu.value);
  }

  /** A press on a turn: its time, or its words unless somebody is marking them. @param {MouseEvent} event */
  picked(event) {
    if (!(event.target instanceof Element) || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    const turn = event.target.closest(".turns > li");
    const link = /** @type {HTMLElement | null} */ (turn?.querySelector("[data-seek]"));
    if (!link || !getSelection()?.isCollapsed) return;
    event.preventDefault();
    this.seek(this.startOf(link));
    this.play();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(document.activeElement)) return;
    const on = document.activeElement;
    const here = on instanceof Element && this.contains(on);
    // A button, a box or a link has its own use for the space bar, and the page scrolls with the arrows.
    const free = on === document.body || on === this.slider || on?.id === "main";
    /** @type {Record<string, () => void>} */
    const keys = {};
    if (free) keys[" "] = () => this.toggle();
    if (here || free) {
      keys.ArrowLeft = () => this.seek(this.now - BACK);
      keys.ArrowRight = () => this.seek(this.now + BACK);
    }
    if (on === this.slider) {
      keys.ArrowDown = () => this.seek(this.now - BACK);
      keys.ArrowUp = () => this.seek(this.now + BACK);
      keys.PageDown = () => this.seek(this.now - 60);
      keys.PageUp = () => this.seek(this.now + 60);
      keys.Home = () => this.seek(0);
      keys.End = () => this.seek(this.seconds);
    }
    if (document.body.dataset.keys === "on" || here) {
      keys.p = () => this.toggle();
      keys["["] = () => this.change(-1);
      keys["]"] = () => this.change(1);
      keys[","] = () => this.step(-1);
      keys["."] = () => this.step(1);
    }
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
customElements.define("vx-player", Player);
