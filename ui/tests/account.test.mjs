// The pages around signing in, and pressing twice, with the real server, its database and a real mail server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { THEMES, WIDTHS, axe, dress, launch, openPage, overflow, skeleton, SOUND } from "./browser.mjs";
import { startRelay, startServer } from "./programs.mjs";

const PASSWORD = "four words in a row";
const EMAIL = "moira@harbour.example";

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof startRelay>>} */
let relay;
/** @type {Awaited<ReturnType<typeof launch>>} */
let chromium;
before(async () => {
  relay = await startRelay();
  server = await startServer({ VOXANNE_SMTP_URL: relay.url, VOXANNE_MAIL_FROM: "hello@example.org" });
  chromium = await launch();
  await server.practice("Harbour Lane Dental", EMAIL, PASSWORD);
});
after(async () => {
  await chromium?.close();
  await server?.stop();
  relay?.stop();
});

/** @param {import("puppeteer-core").Page} page @param {string} selector */
const follow = (page, selector) => Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.click(selector)]);
/** @param {import("puppeteer-core").Page} page @param {string} selector */
const text = (page, selector) => page.$eval(selector, (e) => e.textContent?.trim() ?? "");

/** @param {import("puppeteer-core").Page} page @param {string} what */
async function isSound(page, what) {
  assert.deepEqual(await skeleton(page), SOUND, what);
  for (const theme of THEMES) {
    for (const width of WIDTHS) {
      await dress(page, width, theme);
      assert.deepEqual(await axe(page), [], `${what}, ${theme}, ${width}`);
      assert.equal(await overflow(page), 0, `${what}, ${width}`);
    }
  }
}

/** @param {import("puppeteer-core").Page} page @param {string} password */
async function signIn(page, password) {
  await page.goto(`${server.base}/signin`, { waitUntil: "load" });
  await page.type("#email", EMAIL);
  await page.type("#password", password);
  await follow(page, "main button[type=submit]");
}

let password = PASSWORD;
for (const script of [true, false]) {
  test(`a forgotten password is replaced through the mail ${script ? "with" : "without"} script`, async () => {
    const context = await chromium.browser.createBrowserContext();
    const { page, complaints } = await openPage(context, { script });
    await page.goto(`${server.base}/signin`, { waitUntil: "load" });
    await follow(page, "a[href='/forgot']");
    if (script) await isSound(page, "forgot");
    await page.type("#email", EMAIL);
    await follow(page, "main button[type=submit]");
    if (script) await isSound(page, "sent");
    const said = await text(page, "main");
    const link = await relay.find(EMAIL, /http:\/\/[^\s"]+(\/reset\/[\w-]{43})/);
    assert.ok(!said.includes("/reset/"), "the page does not give away what the mail says");

    await page.goto(server.base + link, { waitUntil: "load" });
    if (script) await isSound(page, "reset");
    const fresh = `${password} and more`;
    // The browser itself asks for more characters; a form made by hand gets an answer too.
    await page.$eval("#password", (input) => input.removeAttribute("minlength"));
    await page.type("#password", "short");
    await follow(page, "main button[type=submit]");
    assert.equal(await page.$eval("#password", (input) => input.getAttribute("aria-invalid")), "true");
    if (script) await isSound(page, "reset refused");
    await page.type("#password", fresh);
    await follow(page, "main button[type=submit]");
    assert.equal(new URL(page.url()).pathname, "/signin");
    assert.match(await text(page, "main"), /new password/i);

    await page.goto(server.base + link, { waitUntil: "load" });
    assert.equal(await page.$("#password"), null, "the link works once");
    if (script) await isSound(page, "link gone");
    await signIn(page, password);
    assert.equal(new URL(page.url()).pathname, "/signin", "the old password is no more");
    await signIn(page, fresh);
    assert.equal(new URL(page.url()).pathname, "/app");
    password = fresh;
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("who has no account is told the same and gets no mail", async () => {
  const context = await chromium.browser.createBrowserContext();
  const { page } = await openPage(context);
  const asked = async (/** @type {string} */ email) => {
    await page.goto(`${server.base}/forgot`, { waitUntil: "load" });
    await page.type("#email", email);
    await follow(page, "main button[type=submit]");
    return text(page, "main");
  };
  assert.equal(await asked("nobody@harbour.example"), await asked(EMAIL));
  await relay.find(EMAIL, /(\/reset\/[\w-]{43})/);
  assert.ok(!relay.taken().some((mail) => mail.includes("nobody@harbour.example")));
  await context.close();
});

test("without script, a button that is pressed twice makes one key and shows it", async () => {
  const context = await chromium.browser.createBrowserContext();
  const { page } = await openPage(context, { script: false });
  await signIn(page, password);
  await page.goto(`${server.base}/app/settings/api-keys?create=1`, { waitUntil: "load" });
  await page.type("#create-key #name", "Practice software");
  /** @type {string[]} */
  const sent = [];
  page.on("request", (request) => { if (request.method() === "POST") sent.push(request.url()); });
  const until = async (/** @type {() => unknown} */ ready) => {
    for (const began = Date.now(); !(await ready()); await new Promise((then) => setTimeout(then, 50))) {
      assert.ok(Date.now() - began < 20_000, `still waiting; sent ${sent.length}`);
    }
  };
  // The first press gets stuck in the database, so that the second certainly comes before its answer. Neither is waited
  // for: the browser calls a press done when its page has come.
  const lock = await server.lock("api_keys");
  await page.focus("#create-key #name");
  const presses = [page.keyboard.press("Enter")];
  await until(async () => (await server.psql("select count(*) from pg_locks where not granted")) !== "0");
  presses.push(page.keyboard.press("Enter"));
  await until(() => sent.length === 2);
  const shown = page.waitForSelector("#fresh-key");
  await lock.release();
  await shown;
  await Promise.allSettled(presses);
  assert.match(await text(page, "#fresh-key"), /^vx_/);
  assert.equal(await server.psql("select count(*) from api_keys"), "1");
  await page.goto(`${server.base}/app/settings/api-keys`, { waitUntil: "load" });
  assert.equal(await page.$$eval("tbody tr", (rows) => rows.length), 1);
  await context.close();
});
