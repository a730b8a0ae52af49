// The server itself, as its people use it: a real database, real provider messages, a real browser.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { THEMES, WIDTHS, axe, dress, launch, openPage, overflow, skeleton, SOUND } from "./browser.mjs";
import { providerCall, startServer } from "./programs.mjs";

const PASSWORD = "four words in a row";

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof launch>>} */
let chromium;
/** @type {Awaited<ReturnType<Awaited<ReturnType<typeof startServer>>["practice"]>>} */
let practice;
before(async () => {
  server = await startServer();
  chromium = await launch();
  practice = await server.practice("Harbour Lane Dental", "moira@harbour.example", PASSWORD);
});
after(async () => {
  await chromium?.close();
  await server?.stop();
});

/**
 * A browser of its own, signed in through the page.
 * @param {{ width?: number, script?: boolean, email?: string }} [options]
 */
async function signedIn({ email = practice.email, ...options } = {}) {
  const context = await chromium.browser.createBrowserContext();
  const { page, complaints } = await openPage(context, options);
  await page.goto(`${server.base}/app`, { waitUntil: "load" });
  await page.type("#email", email);
  await page.type("#password", PASSWORD);
  await Promise.all([page.waitForNavigation(), page.click("button[type=submit]")]);
  assert.equal(new URL(page.url()).pathname, "/app");
  return { page, complaints, close: () => context.close() };
}

/** @param {import("puppeteer-core").Page} page @param {string} state */
const becomes = (page, state) => page.waitForFunction(
  (state) => document.querySelector("vx-live")?.getAttribute("data-is") === state, { timeout: 20_000 }, state);
/** @param {import("puppeteer-core").Page} page @param {string} selector @param {string} text */
const shows = (page, selector, text) => page.waitForFunction(
  (selector, text) => [...document.querySelectorAll(selector)].some((e) => e.textContent?.includes(text)),
  { timeout: 10_000 }, selector, text);

test("a call appears, speaks, ends and is opened, without a reload", async () => {
  const { page, complaints, close } = await signedIn();
  await becomes(page, "live");
  await page.evaluate(() => { /** @type {any} */ (window).mark = 1; });
  const call = providerCall(practice.hear, "call-one", "+447700900118");
  await call.ring();
  await shows(page, "[data-live-row]", "Ringing");
  await call.answer();
  await shows(page, "[data-live-row]", "Talking");
  await shows(page, "h1 + p", "One call is live.");
  await call.say("user", "Do you have", "partial");
  await shows(page, "[data-caption]", "Do you have");
  await call.say("user", "Do you have anything on Thursday?");
  await shows(page, "[data-caption]", "Do you have anything on Thursday?");
  assert.equal(await page.$eval("#live-count", (n) => parseInt(n.textContent ?? "", 10)), 1);

  await call.end("Check-up booked for Thursday at ten.");
  await shows(page, "tbody tr", "Check-up booked for Thursday at ten.");
  await shows(page, "h1 + p", "No calls are live.");
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).mark), 1, "the page was not loaded again");

  await Promise.all([page.waitForNavigation(), page.click(".rowlink")]);
  assert.match(await page.$eval("h1", (h1) => h1.textContent ?? ""), /\+44 7700 900118 Booked/);
  const words = await page.$$eval(".turns p", (all) => all.map((p) => p.textContent));
  assert.deepEqual(words, ["Harbour Lane Dental, an automated receptionist.", "I would like a check-up."]);
  assert.deepEqual(complaints, []);
  await close();
});

test("somebody reads along while a call is going on", async () => {
  const { page, complaints, close } = await signedIn();
  const call = providerCall(practice.hear, "call-two", "+447700900233");
  await call.ring();
  await call.answer();
  await page.goto(`${server.base}/app/live`, { waitUntil: "load" });
  await Promise.all([page.waitForNavigation(), page.click("[data-row]")]);
  await becomes(page, "live");
  await call.say("assistant", "Harbour Lane Dental, how can I help?");
  await shows(page, ".turns p", "how can I help?");
  await call.say("user", "My tooth", "partial");
  await shows(page, "#speaking", "My tooth");
  await call.say("user", "My tooth hurts.");
  await shows(page, ".turns p", "My tooth hurts.");
  assert.equal(await page.$eval("#speaking", (p) => p.textContent?.trim()), "");
  assert.match(await page.title(), /^\(1\) Live calls/);
  await call.end("Pain. Seen today.");
  await shows(page, "[data-live-row] .tag", "Booked");
  await page.waitForFunction(() => document.title.startsWith("Live calls"));
  assert.deepEqual(complaints, []);
  await close();
});

test("another practice sees nothing of it", async () => {
  const other = await server.practice("North Road Physio", "jonas@physio.example", PASSWORD);
  const { page, close } = await signedIn({ email: other.email });
  await becomes(page, "live");
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  const call = providerCall(practice.hear, "call-three", "+447700900552");
  await call.ring();
  await call.end("Wrong number.");
  await page.waitForNetworkIdle({ idleTime: 1_000 });
  assert.deepEqual(asked, [], "not even that something happened");
  assert.match(await page.$eval("main", (main) => main.textContent ?? ""), /No calls yet/);
  await close();
});

test("every page is free of barriers and complaints, in both themes, on a phone too", async () => {
  const { page, complaints, close } = await signedIn();
  await page.goto(`${server.base}/app/calls`, { waitUntil: "load" });
  const call = await page.$eval(".rowlink", (link) => link.getAttribute("href"));
  const paths = [
    "/app", "/app/live", "/app/calls", "/app/calls?q=zzz", call, "/app/settings/profile", "/app/settings/team",
    "/app/settings/team?invite=1", "/app/settings/api-keys", "/app/settings/connections", "/app/operator/accounting",
    "/app/operator/quarantine", "/app/operator/jobs", "/app/operator/backups",
    "/app/organization", "/nowhere",
  ];
  for (const path of paths) {
    await page.goto(server.base + path, { waitUntil: "load" });
    assert.deepEqual(await skeleton(page), SOUND, String(path));
    for (const width of WIDTHS) {
      for (const theme of THEMES) {
        await dress(page, width, theme);
        assert.deepEqual(await axe(page), [], `${path}, ${width} px, ${theme}`);
        assert.equal(await overflow(page), 0, `${path}, ${width} px`);
      }
    }
  }
  assert.deepEqual(complaints, []);
  await close();
});

test("the keyboard is enough", async () => {
  const { page, complaints, close } = await signedIn();
  await page.keyboard.press("g");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("c")]);
  await page.keyboard.press("j");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  assert.match(page.url(), /\/app\/calls\/[0-9a-f-]{36}$/);
  await page.keyboard.press("/");
  await page.keyboard.type("thursday");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  assert.equal(new URL(page.url()).search, "?q=thursday");
  assert.deepEqual(complaints, []);
  await close();
});

test("without script one signs in, filters, makes a key and signs out", async () => {
  const { page, close } = await signedIn({ script: false, width: 390 });
  await page.goto(`${server.base}/app/calls`, { waitUntil: "load" });
  await page.select("#direction", "web");
  await Promise.all([page.waitForNavigation(), page.click(".filters button")]);
  assert.match(await page.$eval("main", (main) => main.textContent ?? ""), /No call matches/);
  await page.goto(`${server.base}/app/settings/api-keys`, { waitUntil: "load" });
  await Promise.all([page.waitForNavigation(), page.click("[data-dialog=create-key]")]);
  await page.type("#create-key #name", "Practice software");
  await Promise.all([page.waitForNavigation(), page.click("#create-key .body button")]);
  assert.match(await page.$eval("#fresh-key", (code) => code.textContent ?? ""), /^vx_/);
  await page.click("[popovertarget=side]");
  await Promise.all([page.waitForNavigation(), page.click("form[action='/sign-out'] button")]);
  assert.equal(new URL(page.url()).pathname, "/signin");
  await page.goto(`${server.base}/app`, { waitUntil: "load" });
  assert.equal(new URL(page.url()).pathname, "/signin");
  await close();
});

test("signing out in one tab ends the live connection of the other", async () => {
  const { page, complaints, close } = await signedIn();
  await becomes(page, "live");
  const { page: second } = await openPage(page.browserContext());
  await second.goto(`${server.base}/app/settings/profile`, { waitUntil: "load" });
  await Promise.all([second.waitForNavigation(), second.click("form[action='/sign-out'] button")]);
  await page.bringToFront();
  await becomes(page, "out");
  assert.deepEqual(complaints, []);
  await close();
});

test("a restart of the server is told and healed, and no call is missed", async () => {
  const { page, close } = await signedIn();
  await page.goto(`${server.base}/app/live`, { waitUntil: "load" });
  await becomes(page, "live");
  await server.halt();
  await becomes(page, "lost");
  assert.match(await page.$eval("[data-state]", (tag) => tag.textContent ?? ""), /^Reconnecting, list may be old/);
  await server.start();
  const call = providerCall(practice.hear, "call-four", "+447700900805");
  await call.ring();
  await becomes(page, "live");
  await shows(page, "[data-live-row]", "+44 7700 900805");
  await call.end("After the restart.");
  await close();
});

test("the operator tries a dead job again and runs a duty now", async () => {
  await server.psql(
    `insert into jobs (org_id, job_id, queue, key, payload, state, attempts, created_at, due_at, died_at, last_words)
     select org_id, gen_random_uuid(), 'test.nobody', 'call-1', '{"call_id": "call-1"}', 'dead', 3, now(), now(), now(), 'no answer'
       from organizations where name = '${practice.name}'`);
  const { page, complaints, close } = await signedIn();
  await page.goto(`${server.base}/app/operator/jobs`, { waitUntil: "load" });
  await shows(page, "h1 + p", "1 job given up.");
  const press = async (/** @type {string} */ label) => {
    const buttons = await page.$$("main button[type=submit]");
    const labels = await Promise.all(buttons.map((button) => button.evaluate((b) => b.textContent ?? "")));
    const at = labels.findIndex((text) => text.startsWith(label));
    assert.ok(at >= 0, `${label} among ${labels.join(", ")}`);
    await Promise.all([page.waitForNavigation(), buttons[at].click()]);
  };
  await press(`Retry test.nobody of ${practice.name}`);
  await shows(page, ".toast", "The job is tried again");
  await shows(page, "h1 + p", "Every duty is done in its time.");
  assert.equal(await server.psql("select state || attempts from jobs where queue = 'test.nobody'"), "waiting0");

  const runs = async () => Number(await server.psql("select runs from schedules where name = 'identity.sweep'"));
  const before = await runs();
  await press("Run now identity.sweep");
  await shows(page, ".toast", "It runs as soon as a node takes it");
  for (let waited = 0; (await runs()) === before; waited += 250) {
    assert.ok(waited < 40_000, "the duty is done once more");
    await new Promise((then) => setTimeout(then, 250));
  }
  assert.equal(await server.psql("select string_agg(action, ' ' order by at) from audit_log where action in ('job.retried', 'schedule.run')"),
    "job.retried schedule.run");
  await server.psql("delete from jobs where queue = 'test.nobody'");
  assert.deepEqual(complaints, []);
  await close();
});
