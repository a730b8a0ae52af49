// How times read. Pure, so that they can be tested without a browser.

/**
 * Seconds as `m:ss` or `h:mm:ss`.
 * @param {number} seconds
 */
export function clock(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const rest = `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${rest}` : rest.replace(/^0/, "");
}

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/**
 * A past moment in words of the page's language: "3 minutes ago". Empty from a week on, when a date reads better.
 * @param {number} seconds since then
 * @param {string} lang
 */
export function ago(seconds, lang) {
  if (seconds >= 7 * 86400) return "";
  const s = Math.max(0, seconds);
  const [unit, size] = UNITS.find(([, size]) => s >= size) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(lang, { numeric: "auto" }).format(-Math.floor(s / size), unit);
}

/**
 * How long to wait before trying again: doubles from half a second to half a minute, spread out so that browsers do
 * not all come back in one instant after a restart.
 * @param {number} attempt from 0
 * @param {number} random 0 to 1
 * @returns milliseconds
 */
export function backoff(attempt, random) {
  const most = Math.min(30_000, 500 * 2 ** Math.min(attempt, 6));
  return Math.round(500 + random * (most - 500));
}
