// Lighthouse on every public page, as a phone sees it: `npm run lighthouse --prefix ui [-- BASE]`. Without an address it
// measures the gallery, which has the same pages, and for booking a server of its own. Prints the median of five runs and
// fails below 100. To be run alone: on a busy machine the score says how busy it is.
import { launch } from "./tests/browser.mjs";
import { CATEGORIES, OPTIONS, PLACES, SERVED, SETTINGS, measure } from "./tests/scores.mjs";
import { startGallery, startServer } from "./tests/programs.mjs";

const RUNS = 5;
/** Lighthouse's own measure of the machine; below it, performance says nothing about the page. */
const FAST_ENOUGH = 1000;

const given = process.argv[2];
const gallery = given ? undefined : await startGallery(OPTIONS);
const server = given ? undefined : await startServer(SETTINGS);
const base = (/** @type {string} */ place) => given ?? (SERVED.includes(place) ? server?.base : gallery?.base) ?? "";
const { browser, close } = await launch();

/** A run; once more where the trace of the first was of no use, as happens on a busy machine. @param {string} url */
const run = (url) => measure(browser, url, CATEGORIES).catch(() => measure(browser, url, CATEGORIES));

/** @param {number[]} values */
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

let short = 0;
console.log(["page", ...CATEGORIES, "LCP ms", "TBT ms", "CLS", "machine"].join("\t"));
for (const place of [...PLACES, ...SERVED]) {
  const runs = [];
  while (runs.length < RUNS) runs.push(await run(base(place) + place));
  const row = CATEGORIES.map((category) => median(runs.map(({ scores }) => scores[category])));
  const machine = median(runs.map((one) => one.machine));
  const [lcp, tbt, cls] = ["lcp", "tbt", "cls"].map((name) => median(runs.map((one) => one[/** @type {"lcp"} */ (name)])));
  console.log([place, ...row, Math.round(lcp), Math.round(tbt), cls.toFixed(3), Math.round(machine)].join("\t"));
  if (machine < FAST_ENOUGH) console.error(`${place}: the machine is too busy to judge performance (${Math.round(machine)})`);
  short += row.filter((score) => score < 100).length;
}
await close();
gallery?.stop();
await server?.stop();
process.exit(short === 0 ? 0 : 1);
