// Another language's length: every word of ours accented and two fifths longer, over booking and mails, from the real server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cut, dress, launch, openPage, overflow, plainWords } from "./browser.mjs";
import { startServer } from "./programs.mjs";

const PASSWORD = "four words in a row";
const NARROW = [1280, 390, 320];

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof launch>>} */
let chromium;
before(async () => {
  server = await startServer({ VOXANNE_TEST_PSEUDO: "1", VOXANNE_RATE_PUBLIC_API: "100000/1m", VOXANNE_RATE_BOOKING: "100000/1m" });
  chromium = await launch();
  await server.practice("Agency", "moira@agency.example", PASSWORD);
});
after(async () => {
  await chromium?.close();
  await server?.stop();
});

/** @param {import("puppeteer-core").Page} page @param {string} selector */
const follow = (page, selector) => Promise.all([page.waitForNavigation({ waitUntil: "networkidle0" }), page.click(selector)]);

// What is not ours: what was typed, names of zones and languages, the operator's name.
const TYPED = "option, bdi, .facts dd, [lang], a[download], a[href^='mailto:']";
const OTHERS = /^(English|Français|Deutsch|Español|Português \(Brasil\))$|@|^[A-Z][a-z]+\/|UTC|GMT|\+44/;

/** @param {import("puppeteer-core").Page} page @param {string} what */
async function fits(page, what) {
  for (const width of NARROW) {
    await dress(page, width, "light");
    assert.equal(await overflow(page), 0, `${what} at ${width} px`);
    assert.deepEqual(await cut(page), [], `${what} at ${width} px`);
  }
}

test("no step of booking cuts longer words off or has words of its own", async () => {
  const { page, complaints } = await openPage(chromium.browser);
  const look = async (/** @type {string} */ what) => {
    await fits(page, what);
    assert.deepEqual((await plainWords(page, TYPED)).filter((text) => !OTHERS.test(text)), [], what);
  };
  await page.goto(`${server.base}/book?tz=Europe/London`, { waitUntil: "networkidle0" });
  await look("times");
  await page.click(".clock label");
  await follow(page, ".times button[type=submit]");
  await look("details");
  const fill = async (/** @type {Record<string, string>} */ values) => {
    for (const [name, value] of Object.entries(values)) {
      await page.$eval(`#${name}`, (input) => { /** @type {HTMLInputElement} */ (input).value = ""; });
      await page.type(`#${name}`, value);
    }
    await new Promise((then) => setTimeout(then, 1600));
    await follow(page, "form.details button[type=submit]");
  };
  await fill({ name: "A", email: "nobody", clinic_name: "B", phone: "12" });
  await look("faults");
  await fill({ name: "Amara Obi", email: "amara@clinic.example.com", clinic_name: "Bright Dental", phone: "+44 7700 900118" });
  await look("booked");
  await follow(page, ".acts a[href*=move]");
  await look("moving");
  await page.goBack({ waitUntil: "networkidle0" });
  await page.click(".confirm summary");
  await look("asked whether to cancel");
  await follow(page, ".confirm button");
  await look("cancelled");
  await page.goto(`${server.base}/book/${"x".repeat(43)}`);
  await look("unknown link");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("no mail cuts longer words off on a phone", async () => {
  const context = await chromium.browser.createBrowserContext();
  const { page } = await openPage(context);
  await page.goto(`${server.base}/signin`, { waitUntil: "load" });
  await page.type("#email", "moira@agency.example");
  await page.type("#password", PASSWORD);
  await follow(page, "main button[type=submit]");
  await page.goto(`${server.base}/app/operator/mail/previews`, { waitUntil: "load" });
  const templates = await page.$$eval("#template option", (all) => all.map((e) => /** @type {HTMLOptionElement} */ (e).value));
  assert.ok(templates.length >= 6, templates.join());
  for (const template of templates) {
    for (const language of ["en", "ar"]) {
      await page.goto(`${server.base}/app/operator/mail/previews/html?template=${template}&language=${language}`);
      for (const width of [600, 390, 320]) {
        await dress(page, width, "light");
        assert.equal(await overflow(page), 0, `${template}, ${language} at ${width} px`);
        assert.deepEqual(await cut(page), [], `${template}, ${language} at ${width} px`);
      }
    }
  }
  await context.close();
});
