// The tokens' contrast, in numbers: axe cannot see every pair (a border, a focus ring, a state that no page shows).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("../../crates/web/assets/tokens.css", import.meta.url), "utf8");

/** @param {string} from */
function tokens(from) {
  const block = css.slice(css.indexOf(from)).match(/\{([^}]*)\}/)?.[1] ?? "";
  return Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map(([, name, value]) => [name, value]));
}
const light = tokens(":root {");
const dark = tokens(":root[data-theme=dark] {");
const system = tokens(":root:not([data-theme=light]) {");

/** @param {string} hex */
function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
/** @param {string} a @param {string} b */
function contrast(a, b) {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

const GROUNDS = ["bg", "surface", "sunken", "hover"];
const TEXT = ["text", "text-2", "text-3", "accent", "info", "warn", "bad"];
const SOFT = ["accent", "info", "warn", "bad", "neutral"];

/** @param {string} a @param {string} b @param {number} least @returns {[string, string, number]} */
const pair = (a, b, least) => [a, b, least];

for (const [name, theme] of Object.entries({ light, dark })) {
  test(`${name}: every text reaches 4.5 and every control 3`, () => {
    /** @type {[string, string, number][]} */
    const pairs = [
      ...GROUNDS.flatMap((ground) => TEXT.map((text) => pair(text, ground, 4.5))),
      ...SOFT.map((soft) => pair(`on-${soft}-soft`, `${soft}-soft`, 4.5)),
      ["on-accent", "accent", 4.5],
      ["on-accent", "accent-hover", 4.5],
      ["text", "accent-soft", 4.5],
      ...GROUNDS.flatMap((ground) => [pair("line-strong", ground, 3), pair("focus", ground, 3)]),
    ];
    const short = pairs.map(([a, b, least]) => ({ pair: `${a} on ${b}`, ratio: contrast(theme[a], theme[b]), least }))
      .filter(({ ratio, least }) => !(ratio >= least));
    assert.deepEqual(short, []);
  });
}

test("the chosen dark and the device's dark are the same", () => {
  assert.deepEqual(system, dark);
  assert.ok(Object.keys(dark).length > 20);
});
