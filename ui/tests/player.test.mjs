// The player of a call, with real sound: a minute of it, served in ranges.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { THEMES, WIDTHS, axe, dress, launch, openPage, overflow } from "./browser.mjs";
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
/** The turn that is marked is the one that is being spoken, however fast this machine is. */
const follows = (/** @type {Page} */ page) => page.waitForFunction(() => {
  const now = (document.querySelector("audio")?.currentTime ?? 0) + 0.05;
  const begun = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".turns [data-seek]"))].filter((link) => Number(link.dataset.seek) / 1000 <= now);
  const marked = [...document.querySelectorAll(".turns > [aria-current]")];
  return marked.length === 1 && marked[0] === begun.at(-1)?.closest("li");
});
/** What was played, from and to, in seconds. */
const played = (/** @type {Page} */ page) => page.$eval("audio", (audio) =>
  Array.from({ length: audio.played.length }, (_, n) => [audio.played.start(n), audio.played.end(n)]));
const word = (/** @type {Page} */ page) => page.$eval("[data-do=toggle] span", (word) => word.textContent);
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
  assert.equal(await word(page), "Pause");
  await follows(page);
  assert.ok(Number(await page.$eval("svg.wave line", (line) => line.getAttribute("x1"))) > 0, "the drawing shows where it is");
  assert.equal(await page.$eval("audio", (audio) => Math.round(audio.duration)), 66);
  await page.click("[data-do=toggle]");
  assert.deepEqual([await word(page), await page.$eval("audio", (audio) => audio.paused)], ["Play", true]);
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
  // It stood at 43.
  await page.waitForFunction(() => { const now = document.querySelector("audio")?.currentTime ?? 0; return now > 14 && now < 39; });
  await follows(page);
  await page.click("[data-seek='39000'] ~ p");
  await passes(page, 39.3);
  await follows(page);
  assert.ok((await played(page)).some(([from = 0]) => Math.abs(from - 39) < 0.1), `it went there: ${await played(page)}`);
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
  assert.equal(await now(page), 21);
  assert.deepEqual(fetched, [], "a link is no listening");
  await page.click("[data-do=toggle]");
  await passes(page, 21.2);
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
  await page.click(".skip-silence input");
  await page.click("[data-do=toggle]");
  await passes(page, 28.5);
  const heard = async () => (await played(page)).some(([from = 0, to = 0]) => from < 26 && 27 < to);
  assert.equal(await heard(), false, `the middle of the silence was not played: ${await played(page)}`);
  await page.click(".skip-silence input");
  await page.focus(SLIDER);
  await press(page, "Home");
  for (let n = 0; n < 5; n += 1) await press(page, "ArrowRight");
  await passes(page, 27.1);
  assert.equal(await heard(), true, "as it was recorded");
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
  await follows(page);
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

/** Puts an ear where the sound leaves the page. @param {Page} page */
const listen = (page) => page.evaluateOnNewDocument(() => {
  const world = /** @type {any} */ (window);
  const connect = /** @type {any} */ (AudioNode.prototype.connect);
  AudioNode.prototype.connect = /** @type {any} */ (function (/** @type {AudioNode} */ target, /** @type {number[]} */ ...rest) {
    if (target instanceof AudioDestinationNode) {
      world.ear ??= new AnalyserNode(target.context, { fftSize: 8192 });
      connect.call(this, world.ear, ...rest);
    }
    return connect.call(this, target, ...rest);
  });
});

/**
 * Waits until somebody hears a sound, or nothing, while this part of the recording plays; it is played again and again.
 * @param {Page} page @param {boolean} loud @param {number} from @param {number} to in seconds
 */
const hears = (page, loud, from, to) => page.waitForFunction((loud, from, to) => {
  const audio = document.querySelector("audio");
  const ear = /** @type {AnalyserNode | undefined} */ (/** @type {any} */ (window).ear);
  if (!audio || !ear) return false;
  if (audio.currentTime < from || audio.currentTime > to) audio.currentTime = from;
  const wave = new Float32Array(ear.fftSize);
  ear.getFloatTimeDomainData(wave);
  const peak = Math.max(...wave.map(Math.abs));
  return audio.currentTime > from + 0.7 && (loud ? peak > 0.05 : peak < 0.0001);
}, { timeout: 30_000 }, loud, from, to);

test("one side can be heard alone, from the keyboard, and the other way round", async () => {
  const { page, complaints } = await openPage(chromium.browser);
  await listen(page);
  await page.goto(gallery.base + CALL, { waitUntil: "load" });
  await page.click("[data-do=toggle]");
  await passes(page, 0.2);
  assert.equal(await page.evaluate(() => "ear" in window), false, "nothing stands between file and ear until somebody asks");
  await page.focus("#sides");
  assert.equal(await page.$eval("label[for=sides]", (label) => label.textContent), "Who is heard");
  await press(page, "ArrowDown");
  assert.equal(await page.$eval("#sides", (menu) => /** @type {HTMLSelectElement} */ (menu).value), "caller");
  await hears(page, true, 7.2, 12.8);
  await hears(page, false, 1, 5.8);
  const dim = (/** @type {string} */ side) => page.$eval(`svg.wave use.${side}`, (lane) => getComputedStyle(lane).opacity !== "1");
  assert.deepEqual([await dim("caller"), await dim("agent")], [false, true], "the drawing shows who is not heard");
  await press(page, "ArrowDown");
  await hears(page, true, 1, 5.8);
  await hears(page, false, 7.2, 12.8);
  await press(page, "ArrowUp", "ArrowUp");
  await hears(page, true, 1, 5.8);
  await hears(page, true, 7.2, 12.8);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("where both sides share a channel there is nothing to choose", async () => {
  const { page } = await open("?recording=mono");
  assert.equal(await page.$("#sides"), null);
  await page.click("[data-do=toggle]");
  await passes(page, 0.2);
  await page.close();
});

const SOUGHT = "#finder-words";
const count = (/** @type {Page} */ page) => page.$eval("[data-count]", (count) => count.textContent);
const here = (/** @type {Page} */ page) => page.$$eval(".turns > [data-found=here]", (all) => all.map((turn) => turn.querySelector("time")?.textContent));
const seen = (/** @type {Page} */ page, /** @type {string} */ what) => page.$eval(what, (turn) => {
  const line = turn.getBoundingClientRect();
  return document.elementFromPoint(line.left + line.width / 2, line.top + line.height / 2)?.closest("li") === turn;
});

for (const width of WIDTHS) {
  test(`words are found in the transcript, from the keyboard, at ${width} px`, async () => {
    const { page, complaints, fetched } = await open("", { width });
    if (width > 600) await page.setViewport({ width, height: 420 });
    await press(page, "f");
    assert.equal(await page.evaluate(() => document.activeElement?.id), SOUGHT.slice(1));
    await page.keyboard.type("thursday");
    assert.deepEqual([await count(page), await here(page)], ["1 of 3", ["0:29"]]);
    assert.equal(await page.$$eval(".turns > [data-found]", (all) => all.length), 3);
    assert.equal(await page.evaluate(() => CSS.highlights.get("found")?.size), 3, "the words themselves are painted");
    assert.match(await page.$eval("[data-spoken]", (spoken) => spoken.textContent ?? ""), /^Agent: Thank you\. I have Thursday/);
    assert.equal(await seen(page, "[data-found=here]"), true);
    await press(page, "Enter", "Enter");
    assert.deepEqual([await count(page), await here(page)], ["3 of 3", ["0:48"]]);
    assert.equal(await seen(page, "[data-found=here]"), true, "it came into view");
    await press(page, "Enter");
    assert.deepEqual(await here(page), ["0:29"], "around the end");
    await page.keyboard.down("Shift");
    await press(page, "Enter");
    await page.keyboard.up("Shift");
    assert.deepEqual(await here(page), ["0:48"]);
    assert.deepEqual(await axe(page), []);
    assert.equal(await overflow(page), 0);
    await press(page, "Tab", "Tab", "Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Play from this turn");
    assert.deepEqual(fetched, [], "looking is no listening");
    await press(page, "Enter");
    await passes(page, 48.2);
    await page.focus(SOUGHT);
    await press(page, "Escape");
    assert.deepEqual([await count(page), await here(page), await page.evaluate(() => CSS.highlights.get("found")?.size)], ["", [], 0]);
    assert.deepEqual(complaints, []);
    await page.close();
  });
}

test("accents and capitals do not matter, what is not there is said, and a fetched part keeps the marks", async () => {
  const { page, complaints } = await open();
  await page.waitForFunction(() => document.querySelector("vx-live")?.getAttribute("data-is") === "live");
  await page.type(SOUGHT, "HYGIÉNIST");
  assert.deepEqual([await count(page), await here(page)], ["1 of 1", ["0:07"]]);
  const again = page.waitForResponse((answer) => Boolean(answer.request().headers()["hx-request"]) && answer.url().includes(CALL));
  await gallery.push({ t: "call.updated", id: CALL.split("/").at(-1) });
  await again;
  await page.waitForFunction(() => document.querySelectorAll(".turns > [data-found=here]").length === 1 && CSS.highlights.get("found")?.size === 1);
  assert.equal(await page.$eval(SOUGHT, (field) => /** @type {HTMLInputElement} */ (field).value), "HYGIÉNIST");
  await page.type(SOUGHT, " and something else");
  assert.deepEqual([await count(page), await here(page)], ["Not found", []]);
  assert.equal(await page.$$eval(".finder button:not([hidden])", (all) => all.length), 0);
  assert.deepEqual(complaints, []);
  await page.close();

  const { page: bare } = await open("", { script: false });
  assert.equal(await bare.$eval(".finder", (finder) => finder.checkVisibility()), false);
  await bare.close();
});

for (const width of WIDTHS) {
  test(`a link to this moment is copied, and opens there, at ${width} px`, async () => {
    await chromium.browser.defaultBrowserContext().overridePermissions(gallery.base, ["clipboard-read", "clipboard-write", "clipboard-sanitized-write"]);
    const { page, complaints } = await open("", { width });
    await page.focus(SLIDER);
    for (let n = 0; n < 4; n += 1) await press(page, "ArrowRight");
    await page.focus("[data-do=share]");
    await press(page, "Enter");
    await page.waitForSelector(".toasts .toast");
    assert.match(await page.$eval(".toasts .toast", (toast) => toast.textContent ?? ""), /Link to 0:20 copied/);
    const link = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(link, `${gallery.base}${CALL}?t=20`);
    for (const theme of THEMES) {
      await dress(page, width, theme);
      assert.deepEqual(await axe(page), [], theme);
      assert.equal(await overflow(page), 0);
    }
    await page.goto(link, { waitUntil: "load" });
    assert.equal(await page.$eval("[data-time]", (time) => time.textContent), "0:20 / 1:06");
    assert.deepEqual(complaints, []);
    await page.close();
  });
}
