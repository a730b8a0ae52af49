// The live connection against a server that speaks the protocol on command.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startGallery } from "./programs.mjs";

const FIRST = "01935e5a-0000-7000-8000-000000000001";

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

/** @param {import("puppeteer-core").Page} page @param {string} state */
const becomes = (page, state) => page.waitForFunction(
  (state) => document.querySelector("vx-live")?.getAttribute("data-is") === state, { timeout: 15_000 }, state);
const call = (/** @type {number} */ n) => `01935e5a-0000-7000-8000-${String(n).padStart(12, "0")}`;

/** @param {string} path */
async function open(path) {
  const { page, complaints } = await openPage(chromium.browser);
  await page.goto(gallery.base + path, { waitUntil: "load" });
  await becomes(page, "live");
  return { page, complaints };
}

test("a call appears and goes without a reload, and the count and title follow", async () => {
  const { page, complaints } = await open("/app/live");
  await page.evaluate(() => { /** @type {any} */ (window).mark = 1; });
  await gallery.push({ t: "call.created", id: call(71) });
  await page.waitForSelector(`[data-live-row="${call(71)}"]`, { timeout: 5_000 });
  await page.waitForFunction(() => document.title.startsWith("(3)"));
  assert.equal(await page.$eval("#live-count", (n) => parseInt(n.textContent ?? "", 10)), 3);
  await gallery.push({ t: "call.ended", id: call(71) });
  await page.waitForFunction((id) => !document.querySelector(`[data-live-row="${id}"]`), {}, call(71));
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).mark), 1, "the page was not loaded again");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("captions are written as they come; a final one leaves the line for the transcript", async () => {
  const { page, complaints } = await open(`/app/live?call=${FIRST}`);
  const line = () => page.$eval(`#said-${FIRST}`, (p) => p.textContent?.trim());
  await gallery.push({ t: "call.caption", id: FIRST, role: "caller", text: "Could I <b>come", final: false });
  await page.waitForFunction(() => document.querySelector("#speaking")?.textContent?.includes("come"));
  assert.equal(await line(), "Caller Could I <b>come");
  const fetched = page.waitForResponse((r) => r.url().includes("part=words"));
  await gallery.push({ t: "call.caption", id: FIRST, role: "caller", text: "Could I come at nine?", final: true });
  await fetched;
  assert.equal(await page.$eval("#speaking", (p) => p.textContent?.trim()), "");
  assert.equal(await line(), "Caller Could I come at nine?");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("after a cut it says so with the time, comes back by itself, and has missed nothing", async () => {
  const { page } = await open("/app/live");
  await gallery.allow("none");
  await becomes(page, "lost");
  assert.match(await page.$eval("[data-state]", (s) => s.textContent ?? ""), /^Reconnecting, list may be old \(\d\d:\d\d.*\)$/);
  assert.equal(await page.$eval("[data-line]", (s) => s.checkVisibility()), false);
  await gallery.push({ t: "call.created", id: call(72) });
  await gallery.allow("socket,stream,poll");
  await becomes(page, "live");
  await page.waitForSelector(`[data-live-row="${call(72)}"]`, { timeout: 5_000 });
  assert.equal(await page.$eval("[data-state]", (s) => s.checkVisibility()), false);
  await gallery.push({ t: "call.ended", id: call(72) });
  await page.close();
});

for (const way of ["stream", "poll"]) {
  test(`where sockets do not get through, it goes on by ${way}`, async () => {
    await gallery.allow(way);
    const { page } = await openPage(chromium.browser);
    await page.goto(`${gallery.base}/app/live`, { waitUntil: "load" });
    await becomes(page, "live");
    await gallery.push({ t: "call.created", id: call(73) });
    await page.waitForSelector(`[data-live-row="${call(73)}"]`, { timeout: 15_000 });
    await gallery.push({ t: "call.ended", id: call(73) });
    await page.close();
    await gallery.allow("socket,stream,poll");
  });
}

test("told to start over, it fetches every part of the page once", async () => {
  const { page, complaints } = await open(`/app/live?call=${FIRST}`);
  const parts = [];
  page.on("request", (r) => { if (r.headers()["hx-request"]) parts.push(new URL(r.url()).searchParams.get("part")); });
  await gallery.push({ t: "reset" });
  await page.waitForNetworkIdle({ idleTime: 600 });
  assert.deepEqual(parts.sort(), ["count", "list", "words"]);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a call page follows its own call and no other", async () => {
  const { page } = await open(`/app/calls/${FIRST}`);
  const asked = [];
  page.on("request", (r) => { if (r.headers()["hx-request"]) asked.push(new URL(r.url()).pathname); });
  await gallery.push({ t: "call.updated", id: call(99) });
  await page.waitForNetworkIdle({ idleTime: 600 });
  assert.deepEqual(asked, ["/app/live"], "only the count");
  await gallery.push({ t: "call.updated", id: FIRST });
  await page.waitForNetworkIdle({ idleTime: 600 });
  assert.deepEqual(asked.filter((path) => path !== "/app/live"), [`/app/calls/${FIRST}`]);
  await page.close();
});

test("a refetch keeps the focus and an opened table", async () => {
  const { page } = await open("/app");
  await page.click("details.more summary");
  await page.focus(`#call-${call(64)} a`);
  const fetched = page.waitForResponse((r) => r.request().headers()["hx-request"] === "true" && new URL(r.url()).pathname === "/app");
  await gallery.push({ t: "call.updated", id: FIRST });
  await fetched;
  await page.waitForNetworkIdle({ idleTime: 300 });
  assert.equal(await page.$eval("details.more", (d) => d.hasAttribute("open")), true);
  assert.equal(await page.evaluate(() => document.activeElement?.closest("tr")?.id), `call-${call(64)}`);
  await page.close();
});

test("a burst of events makes few fetches", async () => {
  const { page } = await open("/app/live");
  let fetches = 0;
  page.on("request", (r) => { if (r.url().includes("part=list")) fetches += 1; });
  for (let n = 0; n < 40; n += 1) await gallery.push({ t: "call.updated", id: FIRST });
  await page.waitForNetworkIdle({ idleTime: 600 });
  assert.ok(fetches >= 1 && fetches <= 12, `${fetches} fetches for 40 events`);
  await page.close();
});

test("too many tabs: it says so and keeps trying slowly", async () => {
  const { page } = await open("/app/live");
  await gallery.close(4003);
  await becomes(page, "full");
  assert.equal(await page.$eval("[data-state]", (s) => s.textContent), "Not live: too many open tabs");
  await page.close();
});

test("signed out elsewhere: it stops, and offers the way back in", async () => {
  const { page } = await open("/app/live");
  await gallery.close(4001);
  await becomes(page, "out");
  const asked = [];
  page.on("request", (r) => asked.push(r.url()));
  assert.equal(await page.$eval("[data-sign-in]", (a) => a.checkVisibility() && a.textContent), "Signed out. Sign in again");
  await gallery.push({ t: "call.updated", id: FIRST });
  await page.waitForNetworkIdle({ idleTime: 1_200 });
  assert.deepEqual(asked, []);
  await page.close();
});
