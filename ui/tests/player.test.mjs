// The player of a call, with real sound: a minute of it, served in ranges.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startGallery } from "./programs.mjs";

const CALL = "/app/calls/01935e5a-0000-7000-8000-000000000064";

/** @type {Awaited<ReturnType<typeof startGallery>>} */
let gallery;
/** @type {Awaited<ReturnType<typeof launch>>} */
let chromium;
before(async () => {
  gallery = await startGallery();
  chromium = await launch();
});
after(async () => {
  await chromium?.close();
  gallery?.stop();
});

/** The call's page, and what is fetched of its sound. @param {string} [query] @param {{ width?: number, script?: boolean }} [options] */
async function open(query = "", options = {}) {
  const { page, complaints } = await openPage(chromium.browser, options);
  /** @type {{ range?: string, status: number }[]} */
  const fetched = [];
  page.on("response", (answer) => {
    if (answer.url().includes("/recording")) fetched.push({ range: answer.request().headers().range, status: answer.status() });
  });
  await page.goto(gallery.base + CALL + query, { waitUntil: "load" });
  return { page, complaints, fetched };
}

const SLIDER = "vx-player input[type=range]";
/** @typedef {import("puppeteer-core").Page} Page */
const now = (/** @type {Page} */ page) => page.$eval("audio", (audio) => audio.currentTime);
const says = (/** @type {Page} */ page) => page.$eval(SLIDER, (slider) => slider.getAttribute("aria-valuetext"));
const marked = (/** @type {Page} */ page) => page.$$eval(".turns > [aria-current]", (all) => all.map((turn) => turn.querySelector("time")?.textContent));
const passes = (/** @type {Page} */ page, /** @type {number} */ second) =>
  page.waitForFunction((second) => (document.querySelector("audio")?.currentTime ?? 0) > second, { timeout: 20_000 }, second);
const press = async (/** @type {Page} */ page, /** @type {import("puppeteer-core").KeyInput[]} */ ...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};

test("nothing is fetched before somebody plays; then it plays, time moves, and the words follow", async () => {
  const { page, complaints, fetched } = await open();
  assert.equal(await page.$eval("audio", (audio) => audio.checkVisibility()), false, "our own controls stand in its place");
  assert.equal(await page.$eval("[data-time]", (time) => time.textContent), "0:00 / 1:06");
  assert.deepEqual(await marked(page), []);
  assert.deepEqual(fetched, []);
  await page.click("[data-do=toggle]");
  await passes(page, 0.5);
  assert.equal(await page.$eval("[data-do=toggle] span", (word) => word.textContent), "Pause");
  assert.deepEqual(await marked(page), ["0:00"]);
  assert.ok(Number(await page.$eval("svg.wave line", (line) => line.getAttribute("x1"))) > 0, "the drawing shows where it is");
  assert.equal(await page.$eval("audio", (audio) => Math.round(audio.duration)), 66);
  await page.click("[data-do=toggle]");
  const stopped = await now(page);
  assert.equal(await page.$eval("[data-do=toggle] span", (word) => word.textContent), "Play");
  assert.equal(await now(page), stopped);
  assert.ok(fetched.every(({ range, status }) => range && status === 206), JSON.stringify(fetched));
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the keyboard goes through it, and every place is spoken", async () => {
  const { page, complaints } = await open();
  await page.focus(SLIDER);
  assert.deepEqual(await page.$eval(SLIDER, (slider) => [slider.getAttribute("aria-label"), slider.getAttribute("role") ?? slider.getAttribute("type")]),
    ["Position in the recording", "range"]);
  assert.equal(await says(page), "0 seconds of 1 minute 6 seconds");
  await press(page, "ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft");
  assert.equal(await now(page), 10);
  assert.equal(await says(page), "10 seconds of 1 minute 6 seconds");
  assert.deepEqual(await marked(page), ["0:07"]);
  await press(page, "PageUp");
  assert.equal(await says(page), "1 minute 5 seconds of 1 minute 6 seconds");
  await press(page, "Home");
  assert.equal(await now(page), 0);
  await press(page, "End");
  assert.ok(await now(page) > 65);
  await press(page, "Home", "Space");
  await passes(page, 0.3);
  await press(page, "Space");
  assert.equal(await page.$eval("audio", (audio) => audio.paused), true);
  await press(page, ".", ".", ",");
  assert.deepEqual(await marked(page), ["0:07"], "by turns");
  await press(page, "]", "]");
  assert.deepEqual(await page.$eval("audio", (audio) => audio.playbackRate), 1.5);
  assert.equal(await page.$eval("#speed", (menu) => /** @type {HTMLSelectElement} */ (menu).value), "1.5");
  await press(page, "[");
  assert.deepEqual(await page.$eval("audio", (audio) => audio.playbackRate), 1.25);
  await press(page, "p");
  await page.waitForFunction(() => document.querySelector("audio")?.paused === false);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("where single keys are turned off they do nothing, and the slider still works", async () => {
  const { page } = await open("?nokeys");
  await press(page, "p", "]", ".");
  assert.deepEqual(await page.$eval("audio", (audio) => [audio.paused, audio.playbackRate, audio.currentTime]), [true, 1, 0]);
  await page.focus(SLIDER);
  await press(page, "ArrowRight");
  assert.equal(await now(page), 5);
  await page.close();
});

test("a press on the drawing, on a turn and on the buttons goes there", async () => {
  const { page, complaints, fetched } = await open();
  const box = await (await page.$(SLIDER))?.boundingBox();
  assert.ok(box);
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  assert.ok(Math.abs(await now(page) - 33) < 1.5, String(await now(page)));
  await page.click("[data-do=on]");
  assert.ok(Math.abs(await now(page) - 48) < 1.5);
  await page.click("[data-do=back]");
  assert.ok(Math.abs(await now(page) - 43) < 1.5);
  await page.click("[data-seek='14000']");
  await passes(page, 14.3);
  assert.deepEqual(await marked(page), ["0:14"]);
  await page.click("[data-seek='39000'] ~ p");
  await passes(page, 39.3);
  assert.deepEqual(await marked(page), ["0:39"]);
  assert.equal(new URL(page.url()).search, "", "the page was not left");
  assert.ok(fetched.some(({ range }) => range && !range.startsWith("bytes=0-")), `it seeks by ranges: ${JSON.stringify(fetched)}`);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a finger is enough", async () => {
  const { page } = await open("", { width: 390 });
  const box = await (await page.$(SLIDER))?.boundingBox();
  assert.ok(box);
  await page.touchscreen.tap(box.x + box.width / 2, box.y + box.height / 2);
  await page.waitForFunction(() => Math.abs((document.querySelector("audio")?.currentTime ?? 0) - 33) < 2);
  await page.close();
});

test("a link into the call begins there, with script and without", async () => {
  const { page, fetched } = await open("?t=21");
  assert.equal(await page.$eval("[data-time]", (time) => time.textContent), "0:21 / 1:06");
  assert.deepEqual(await marked(page), ["0:20"]);
  assert.deepEqual(fetched, [], "a link is no listening");
  await page.click("[data-do=toggle]");
  await passes(page, 21.2);
  assert.ok(await now(page) < 25);
  await page.close();

  const { page: bare } = await open("?t=21", { script: false });
  assert.equal(await bare.$eval("audio", (audio) => audio.checkVisibility() && audio.controls), true);
  assert.equal(await bare.$eval(".controls", (controls) => controls.checkVisibility()), false);
  assert.match(await bare.$eval("audio", (audio) => audio.getAttribute("src") ?? ""), /\/recording#t=21$/);
  assert.equal(await bare.$eval("svg.wave", (wave) => wave.checkVisibility()), true, "the drawing needs no script");
  assert.equal(await bare.$eval("[data-seek='29000']", (link) => link.getAttribute("href")), "?t=29");
  await bare.close();
});

test("silence is skipped when asked, and only then", async () => {
  const { page, complaints } = await open("?t=22");
  await page.click("[data-do=toggle]");
  await passes(page, 23);
  assert.ok(await now(page) < 26, "as it was recorded");
  await page.click(".skip-silence input");
  await passes(page, 28.5);
  const spans = await page.$eval("audio", (audio) => {
    const spans = [];
    for (let i = 0; i < audio.played.length; i += 1) spans.push([audio.played.start(i), audio.played.end(i)]);
    return spans;
  });
  assert.ok(spans.every(([from = 0, to = 0]) => !(from < 26 && 27 < to)), `the middle of the silence was not played: ${JSON.stringify(spans)}`);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the spoken turn comes into view inside its list, unless the reader scrolls there themselves", async () => {
  const { page } = await open();
  await page.setViewport({ width: 1280, height: 420 });
  const scrolled = () => page.$eval(".turns", (list) => list.scrollTop);
  const top = await page.evaluate(() => scrollY);
  await page.focus(SLIDER);
  await press(page, "End");
  assert.ok(await scrolled() > 0, "the last turn was out of sight");
  const seen = await page.$eval(".turns > [aria-current]", (turn) => {
    const [line, box] = [turn.getBoundingClientRect(), turn.parentElement?.getBoundingClientRect()];
    return Boolean(box) && line.top >= (box?.top ?? 0) - 1 && line.bottom <= (box?.bottom ?? 0) + 1;
  });
  assert.equal(seen, true);
  assert.equal(await page.evaluate(() => scrollY), top, "the page itself stays where it is");
  await page.close();
});

test("a part of the page that is fetched again leaves the playing alone", async () => {
  const { page, complaints } = await open();
  await page.waitForFunction(() => document.querySelector("vx-live")?.getAttribute("data-is") === "live");
  await page.click("[data-do=toggle]");
  await passes(page, 0.4);
  const again = page.waitForResponse((answer) => Boolean(answer.request().headers()["hx-request"]) && answer.url().includes(CALL));
  await gallery.push({ t: "call.updated", id: CALL.split("/").at(-1) });
  await again;
  const before = await now(page);
  await passes(page, before + 0.4);
  assert.equal(await page.$eval("audio", (audio) => audio.paused), false);
  assert.deepEqual(await marked(page), ["0:00"]);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a recording that becomes ready appears by itself, and a failed one tells why", async () => {
  const { page, complaints } = await open("?recording=failed");
  await page.waitForFunction(() => document.querySelector("vx-live")?.getAttribute("data-is") === "live");
  const card = await page.$eval("[aria-labelledby=recording]", (card) => card.textContent ?? "");
  assert.match(card, /Failed.*could not be copied into your own storage in 12 tries\. The recording came incomplete\./s);
  assert.equal(await page.$$eval("form[action$='/recording/retry'] button", (all) => all.length), 1);
  await gallery.push({ t: "recording.ready", id: CALL.split("/").at(-1) });
  await page.waitForSelector("vx-player [data-do=toggle]");
  await page.click("[data-do=toggle]");
  await passes(page, 0.3);
  assert.deepEqual(complaints, []);
  await page.close();
});
