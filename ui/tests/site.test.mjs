// The public website in a browser: every page, language, width and look; the sample call; another language's length.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SOUND, THEMES, WIDTHS, axe, cut, dress, launch, openPage, overflow, plainWords, skeleton } from "./browser.mjs";
import { startGallery } from "./programs.mjs";

const PLACES = ["/", "/how-it-works", "/pricing", "/security", "/privacy", "/terms"];
const LANGUAGES = ["fr", "de", "es", "pt-BR", "ar"];
const CONFIGURED = `name = "Harbour Voice"
accent = "#7a1f5c"

[contact]
email = "hello@example.com"
phone = "+442079460101"

[[plans]]
name = { en = "Practice", ar = "عيادة" }
amount = "249"
currency = "GBP"
per = "month"
setup = "500"
features = ["One line", "Six languages"]

[[plans]]
name = "Group"
amount = "1234.50"
currency = "GBP"
per = "month"
features = ["Ten lines"]

[legal]
name = "Harbour Voice Ltd"
address = "1 Example Street, Leeds"
privacy_email = "privacy@example.com"
law = "England and Wales"
updated = "2026-11-01"

[chat]
intercom_app_id = "abc12def"

[texts.en]
site-home-note = "Our own words about { $name }."
`;

const folder = mkdtempSync(join(tmpdir(), "voxanne-site-"));
/** @type {Awaited<ReturnType<typeof startGallery>>} */
let plain;
/** @type {Awaited<ReturnType<typeof startGallery>>} */
let configured;
/** @type {Awaited<ReturnType<typeof startGallery>>} */
let pseudo;
/** @type {Awaited<ReturnType<typeof launch>>} */
let chromium;
before(async () => {
  const file = join(folder, "site.toml");
  writeFileSync(file, CONFIGURED);
  plain = await startGallery();
  configured = await startGallery(["--site", file]);
  pseudo = await startGallery(["--pseudo"]);
  chromium = await launch();
});
after(async () => {
  await chromium?.close();
  for (const gallery of [plain, configured, pseudo]) gallery?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** @param {import("puppeteer-core").Page} page @param {string} url */
async function inspect(page, url) {
  await page.goto(url, { waitUntil: "load" });
  for (const width of WIDTHS) {
    for (const theme of THEMES) {
      await dress(page, width, theme);
      const where = `${url}, ${width} px, ${theme}`;
      assert.deepEqual(await axe(page), [], where);
      assert.equal(await overflow(page), 0, where);
    }
  }
}

for (const place of [...PLACES, "/gone", "/broken"]) {
  test(`${place}: no barrier, no complaint, no sideways scrolling`, async () => {
    const { page, complaints } = await openPage(chromium.browser);
    await inspect(page, plain.base + place);
    assert.deepEqual(await skeleton(page), SOUND);
    assert.deepEqual(complaints, []);
    await page.close();
  });
}

for (const language of LANGUAGES) {
  test(`${language}: the landing page has no barrier and fits`, async () => {
    const { page, complaints } = await openPage(chromium.browser);
    await inspect(page, `${plain.base}/${language}`);
    assert.equal(await page.$eval("html", (html) => html.lang), language);
    assert.deepEqual(complaints, []);
    await page.close();
  });
}

test("every page fits a phone in every language", async () => {
  const { page, complaints } = await openPage(chromium.browser, { width: 390 });
  for (const language of LANGUAGES) {
    for (const place of PLACES.slice(1)) {
      await page.goto(`${plain.base}/${language}${place}`, { waitUntil: "load" });
      assert.equal(await overflow(page), 0, `${language} ${place}`);
    }
  }
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a configured site says what its operator wrote, in the operator's colour, and stays readable", async () => {
  const { page, complaints } = await openPage(chromium.browser);
  for (const place of [...PLACES, "/chat", "/ar/pricing"]) await inspect(page, configured.base + place);
  await page.goto(configured.base, { waitUntil: "load" });
  await dress(page, 1280, "light");
  const words = await page.$eval("body", (body) => body.innerText);
  assert.match(words, /Our own words about Harbour Voice\./);
  assert.doesNotMatch(words, /Voxanne/);
  assert.match(words, /hello@example\.com/);
  assert.equal(await page.$eval(".btn.pri", (button) => getComputedStyle(button).backgroundColor), "rgb(122, 31, 92)");
  await page.goto(`${configured.base}/fr/pricing`, { waitUntil: "load" });
  assert.match(await page.$eval(".price", (price) => price.textContent ?? ""), /^249\u00a0£ par mois$/);
  assert.deepEqual(complaints, []);
  await page.close();
});

// Words from outside `locales/`: besides the operator's name and a request's id, the languages' own names.
const OTHERS = /^(English|Français|Deutsch|Español|Português \(Brasil\))$/;

test("no word stands outside the files of words, and longer words are not cut off", async () => {
  const { page, complaints } = await openPage(chromium.browser);
  for (const place of [...PLACES, "/gone", "/broken"]) {
    await page.goto(pseudo.base + place, { waitUntil: "load" });
    assert.deepEqual((await plainWords(page)).filter((text) => !OTHERS.test(text)), [], place);
    for (const width of [...WIDTHS, 320]) {
      await dress(page, width, "light");
      assert.equal(await overflow(page), 0, `${place} at ${width} px`);
      assert.deepEqual(await cut(page), [], `${place} at ${width} px`);
    }
  }
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the sample call is fetched when asked for, can be sought in, and marks the turn that is heard", async () => {
  const { page, complaints } = await openPage(chromium.browser);
  /** @type {string[]} */
  const fetched = [];
  page.on("request", (request) => { if (request.url().includes("/sample/")) fetched.push(request.url()); });
  await page.goto(plain.base, { waitUntil: "networkidle0" });
  assert.deepEqual(fetched, []);
  await page.click("[data-play]");
  await page.waitForSelector("[data-from][aria-current]");
  assert.ok(fetched.length > 0);
  const from = await page.$eval("[data-from]:nth-child(5)", (turn) => Number(/** @type {HTMLElement} */ (turn).dataset.from));
  await page.$eval("audio", (audio, at) => { audio.currentTime = at; }, from / 1000 + 0.2);
  // In one look: a moment later another turn may be the one that is heard.
  await page.waitForFunction(() => {
    const heard = [...document.querySelectorAll("[data-from][aria-current]")];
    return heard.length === 1 && heard[0]?.matches(":nth-child(5)");
  });
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the pages of a booking are shown in a dialog, one after the other, and what was typed stays", async () => {
  const { page, complaints } = await openPage(chromium.browser);
  await page.goto(plain.base, { waitUntil: "load" });
  const heading = (/** @type {string} */ text) =>
    page.waitForFunction((wanted) => document.querySelector("dialog[open] h1")?.textContent === wanted, {}, text);
  await page.focus(".hero [data-book]");
  await page.keyboard.press("Enter");
  await heading("Pick a time");
  assert.deepEqual(await axe(page), []);
  await page.click("dialog [name=slot]");
  await heading("Your details");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "email");
  await page.keyboard.type("nobody");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog [aria-invalid]");
  assert.equal(await page.$eval("#email", (field) => /** @type {HTMLInputElement} */ (field).value), "nobody");
  await page.waitForFunction(() => document.activeElement?.id === "email");
  await page.keyboard.press("End");
  await page.keyboard.type("@example.com");
  await page.keyboard.press("Enter");
  await heading("Booked");
  // Enter booked and did not press Close, and Escape gives the focus back to what opened it.
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.activeElement?.matches(".hero [data-book]"));
  assert.equal(new URL(page.url()).pathname, "/");
  assert.deepEqual(complaints.filter((line) => !String(line).includes("422")), []);
  await page.close();
});

test("the back button closes the dialog and stays on the page", async () => {
  const { page, complaints } = await openPage(chromium.browser, { width: 390 });
  await page.goto(plain.base, { waitUntil: "load" });
  await page.click(".hero [data-book]");
  await page.waitForSelector("dialog[open] [name=slot]");
  assert.equal(await overflow(page), 0);
  await page.goBack();
  await page.waitForSelector("dialog:not([open])");
  assert.equal(new URL(page.url()).pathname, "/");
  // Opened once more, it begins again.
  await page.click(".hero [data-book]");
  await page.waitForSelector("dialog[open] [name=slot]");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("without script everything is there: menu, look, language, player", async () => {
  const { page, complaints } = await openPage(chromium.browser, { width: 390, script: false });
  await page.goto(plain.base, { waitUntil: "load" });
  assert.equal(await page.$eval("audio", (audio) => audio.controls), true);
  await page.click(".opener");
  await page.waitForSelector("#menu:popover-open a");
  await page.goto(`${plain.base}/pricing`, { waitUntil: "load" });
  await Promise.all([page.waitForNavigation(), page.click("footer a[hreflang=de]")]);
  assert.equal(new URL(page.url()).pathname, "/de/pricing");
  assert.equal(await page.$eval("html", (html) => html.lang), "de");
  // The choice opens the home page from now on.
  await page.goto(plain.base, { waitUntil: "load" });
  assert.equal(new URL(page.url()).pathname, "/de");
  await page.deleteCookie({ name: "lang", url: plain.base });
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a chat that cannot be reached says so and leaves the other ways open", async () => {
  const { page, complaints } = await openPage(chromium.browser);
  /** @type {string[]} */
  const outside = [];
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    if (request.url().startsWith(configured.base)) return void request.continue();
    outside.push(request.url());
    void request.abort("namenotresolved");
  });
  await page.goto(`${configured.base}/chat`, { waitUntil: "load" });
  assert.deepEqual(outside, [], "nothing is asked for before the click");
  assert.deepEqual(complaints, []);
  await page.click("[data-chat] button");
  await page.waitForFunction(() => document.querySelector("[data-chat] [role=status]")?.textContent?.includes("not available"));
  assert.deepEqual(outside, ["https://widget.intercom.io/widget/abc12def"]);
  assert.equal(await page.$eval("[data-chat] button", (button) => button.disabled), false, "it can be tried again");
  assert.match(await page.$eval("main", (main) => main.innerText), /hello@example\.com/);
  // The browser itself notes the request that failed; nothing else may.
  const ours = complaints.filter((line) => !String(line).includes("ERR_NAME_NOT_RESOLVED"));
  assert.deepEqual(ours, []);
  await page.close();
});

test("a wrong chat id opens nothing, and the page says so", async () => {
  const { page, complaints } = await openPage(chromium.browser);
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    if (request.url().startsWith(configured.base)) return void request.continue();
    void request.respond({ status: 200, contentType: "text/javascript", body: "/* no such workspace */" });
  });
  await page.goto(`${configured.base}/chat`, { waitUntil: "load" });
  await page.click("[data-chat] button");
  await page.waitForFunction(() => document.querySelector("[data-chat] [role=status]")?.textContent?.includes("not available"));
  assert.deepEqual(complaints, []);
  await page.close();
});

test("without a chat in the configuration there is neither page nor link", async () => {
  const { page } = await openPage(chromium.browser);
  const answer = await page.goto(`${plain.base}/chat`, { waitUntil: "load" });
  assert.equal(answer?.status(), 404);
  assert.equal(await page.$("a[href$='/chat']"), null);
  await page.close();
});
