// What Lighthouse says about every public page, but for performance: that is a measurement, and `npm run lighthouse` takes it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./browser.mjs";
import { startGallery, startServer } from "./programs.mjs";
import { CATEGORIES, OPTIONS, PLACES, SERVED, SETTINGS, measure } from "./scores.mjs";

const JUDGED = CATEGORIES.filter((category) => category !== "performance");
/** @type {Awaited<ReturnType<typeof startGallery>>} */
let gallery;
/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof launch>>} */
let chromium;
before(async () => {
  gallery = await startGallery(OPTIONS);
  server = await startServer(SETTINGS);
  chromium = await launch();
});
after(async () => {
  await chromium?.close();
  gallery?.stop();
  await server?.stop();
});

// One language from each direction of writing: the others have the same pages.
for (const place of [...PLACES, ...SERVED].filter((place) => !/^\/(fr|de|es|pt-BR)$/.test(place))) {
  test(`${place}: accessibility, good practice and search engines score 100`, async () => {
    const { scores, faults } = await measure(chromium.browser, (SERVED.includes(place) ? server : gallery).base + place, JUDGED);
    assert.deepEqual(scores, Object.fromEntries(JUDGED.map((category) => [category, 100])), faults.join(", "));
  });
}
