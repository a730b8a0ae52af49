// Every page in every state: accessible, quiet, inside the window, in both themes and at both widths.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SOUND, THEMES, WIDTHS, axe, dress, launch, openPage, overflow, skeleton } from "./browser.mjs";
import { startGallery } from "./programs.mjs";

const LIVE = "01935e5a-0000-7000-8000-000000000001";
const PAGES = {
  "sign in": "/signin",
  "sign in refused": "/signin?problem",
  "password forgotten": "/forgot",
  "password forgotten, told": "/forgot/sent",
  "new password": "/reset/sample",
  "new password refused": "/reset/sample?problem",
  "new password, link gone": "/reset/gone",
  invitation: "/invite/sample",
  "invitation with errors": "/invite/sample?problem",
  "invitation of a known person": "/invite/sample?known",
  "invitation gone": "/invite/gone",
  today: "/app",
  "today, simulated": "/app?simulated&toast",
  "today, first day": "/app?empty",
  live: "/app/live",
  "live, one chosen": `/app/live?call=${LIVE}`,
  "live, none": "/app/live?empty",
  calls: "/app/calls?cursor=older",
  "calls, filtered to none": "/app/calls?q=zzz",
  "calls, first day": "/app/calls?empty",
  call: "/app/calls/01935e5a-0000-7000-8000-000000000064",
  "call, live": `/app/calls/${LIVE}`,
  "call, in one lane, on hold": "/app/calls/01935e5a-0000-7000-8000-000000000064?recording=mono&hold&t=21",
  "call, recording failed, silent": "/app/calls/01935e5a-0000-7000-8000-000000000064?recording=failed&empty&problem",
  "call, recording waiting": "/app/calls/01935e5a-0000-7000-8000-000000000064?recording=pending",
  "call, content deleted": "/app/calls/01935e5a-0000-7000-8000-000000000064?erased",
  profile: "/app/settings/profile?problem",
  team: "/app/settings/team?fresh",
  "team, inviting": "/app/settings/team?invite&problem",
  "api keys": "/app/settings/api-keys?fresh",
  "api keys, creating": "/app/settings/api-keys?create&empty",
  connections: "/app/settings/connections?fresh&test",
  "connections, none": "/app/settings/connections?empty",
  "connections, connecting": "/app/settings/connections?connect",
  retention: "/app/settings/retention?problem",
  "retention, shown before it is in force": "/app/settings/retention?show",
  "retention, nothing to delete": "/app/settings/retention?show&empty",
  accounting: "/app/operator/accounting",
  "accounting, empty": "/app/operator/accounting?empty",
  quarantine: "/app/operator/quarantine",
  "quarantine, empty": "/app/operator/quarantine?empty",
  "imported rows": "/app/operator/import?problem",
  "imported rows of one reason": "/app/operator/import?alike",
  "imported rows, none": "/app/operator/import?empty",
  "e-mail": "/app/operator/mail",
  "e-mail, filtered to none": "/app/operator/mail?to=zzz",
  "e-mail, nothing yet, no relay": "/app/operator/mail?empty&relay=none",
  "e-mail, relay failing": "/app/operator/mail?relay=paused",
  "e-mail, relay that tells nothing": "/app/operator/mail?relay=silent",
  mail: "/app/operator/mail/sample?waiting&problem",
  "mail, words hidden": "/app/operator/mail/sample?words=hidden",
  suppressions: "/app/operator/mail/suppressions?problem",
  "suppressions, none": "/app/operator/mail/suppressions?empty",
  "unmatched events": "/app/operator/mail/unmatched",
  "unmatched events, none": "/app/operator/mail/unmatched?empty",
  previews: "/app/operator/mail/previews?template",
  "previews, none": "/app/operator/mail/previews?empty",
  limits: "/app/operator/limits?full",
  status: "/app/operator/status",
  "status, bad": "/app/operator/status?bad",
  alerts: "/app/operator/alerts?problem",
  "alerts, none": "/app/operator/alerts?empty",
  backups: "/app/operator/backups?older",
  "backups, none": "/app/operator/backups?empty",
  "not found": "/nowhere",
  forbidden: "/forbidden",
  stale: "/stale",
  "too many tries": "/too-many",
  "not understood": "/not-understood",
  "choosing an organization": "/choose",
  "belonging to none": "/choose-none",
  failed: "/failed",
  unavailable: "/unavailable",
  "right to left": "/app?rtl",
};

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

for (const [name, path] of Object.entries(PAGES)) {
  test(`${name}: no barrier, no complaint, no sideways scrolling`, async () => {
    const { page, complaints } = await openPage(chromium.browser);
    await page.goto(gallery.base + path, { waitUntil: "load" });
    assert.deepEqual(await skeleton(page), SOUND);
    for (const width of WIDTHS) {
      for (const theme of THEMES) {
        await dress(page, width, theme);
        const where = `${width} px, ${theme}`;
        assert.deepEqual(await axe(page), [], where);
        assert.equal(await overflow(page), 0, where);
      }
    }
    assert.deepEqual(complaints, []);
    await page.close();
  });
}

test("a chosen look wins over the device's, and stays", async () => {
  const { page, complaints } = await openPage(chromium.browser, { theme: "light" });
  await page.goto(`${gallery.base}/app`, { waitUntil: "load" });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.click(".look.system");
  assert.notEqual(await ground(), light);
  await page.goto(`${gallery.base}/app/calls`, { waitUntil: "load" });
  assert.notEqual(await ground(), light);
  assert.equal(await page.$eval("html", (html) => html.dataset.theme), "dark");
  await page.click(".look.dark");
  await page.click(".look.light");
  assert.equal(await page.$eval("html", (html) => html.dataset.theme ?? "none"), "none");
  assert.deepEqual(complaints, []);
  await page.deleteCookie({ name: "theme", url: gallery.base });
  await page.close();
});

test("on a phone the menu opens, leads on and closes, without script too", async () => {
  for (const script of [true, false]) {
    const { page } = await openPage(chromium.browser, { width: 390, script });
    await page.goto(`${gallery.base}/app`, { waitUntil: "load" });
    assert.equal(await page.$eval("#side", (side) => side.checkVisibility()), false);
    await page.click("[popovertarget=side]");
    assert.equal(await page.$eval("#side", (side) => side.checkVisibility()), true);
    await page.keyboard.press("Escape");
    assert.equal(await page.$eval("#side", (side) => side.checkVisibility()), false);
    await page.click("[popovertarget=side]");
    await Promise.all([page.waitForNavigation(), page.click("#side a[href='/app/calls']")]);
    assert.equal(await page.$eval("h1", (h1) => h1.textContent), "Calls");
    await page.close();
  }
});

test("keys lead about, stay out of typing, and can be turned off", async () => {
  const { page, complaints } = await openPage(chromium.browser);
  const active = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent?.trim());
  await page.goto(`${gallery.base}/app`, { waitUntil: "load" });
  await page.keyboard.press("/");
  assert.equal(await active(), "find");
  await page.keyboard.type("gc?");
  assert.equal(await page.$eval("#find", (input) => /** @type {HTMLInputElement} */ (input).value), "gc?");
  await page.keyboard.press("Tab");

  await page.keyboard.press("?");
  assert.equal(await page.$eval("#keys", (box) => box.matches(":modal")), true);
  await page.keyboard.press("j");
  await page.keyboard.press("Escape");
  assert.equal(await page.$eval("#keys", (box) => box.matches(":modal")), false);

  await page.keyboard.press("g");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("c")]);
  await page.keyboard.press("f");
  assert.equal(await active(), "q");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Escape");
  await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur());
  await page.keyboard.press("j");
  assert.equal(await active(), "Hannah Webb");
  await page.keyboard.press("j");
  assert.equal(await active(), "+44 7700 900552");
  await page.keyboard.press("k");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  assert.match(page.url(), /\/app\/calls\/01935e5a/);

  await page.goto(`${gallery.base}/app?nokeys`, { waitUntil: "load" });
  await page.keyboard.press("/");
  assert.notEqual(await active(), "find");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a dialog opens over the page with the focus in its first field, and gives it back", async () => {
  const { page, complaints } = await openPage(chromium.browser);
  await page.goto(`${gallery.base}/app/settings/team`, { waitUntil: "load" });
  await page.focus("[data-dialog=invite]");
  await page.keyboard.press("Enter");
  assert.equal(await page.$eval("#invite", (box) => box.matches(":modal")), true);
  assert.equal(await page.evaluate(() => document.activeElement?.id), "email");
  assert.deepEqual(await axe(page), []);
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("data-dialog")), "invite");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a code is copied with one press, and the page says so", async () => {
  const { page, complaints } = await openPage(chromium.browser);
  await chromium.browser.defaultBrowserContext().overridePermissions(gallery.base, ["clipboard-read", "clipboard-write", "clipboard-sanitized-write"]);
  await page.goto(`${gallery.base}/app/settings/team?fresh`, { waitUntil: "load" });
  await page.bringToFront();
  await page.click("[data-copy=invitation-link]");
  await page.waitForFunction(() => document.querySelector(".toast span")?.textContent === "link copied");
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^https:\/\/voxanne\.example\/invite\//);
  await page.click(".toast [data-dismiss]");
  assert.equal(await page.$(".toasts .toast"), null);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a mail is shown in a frame that may do nothing", async () => {
  const { page, complaints } = await openPage(chromium.browser);
  await page.goto(`${gallery.base}/app/operator/mail/sample?script`, { waitUntil: "load" });
  assert.equal(await page.$eval("iframe.paper", (frame) => frame.getAttribute("sandbox")), "");
  await page.$eval("iframe.paper", (frame) => frame.scrollIntoView());
  const frame = await page.waitForFrame((frame) => frame.url().endsWith("/previews/html?script"));
  await frame.waitForSelector("h1");
  assert.equal(await frame.title(), "Mail", "its script did not run");
  const answer = await fetch(`${gallery.base}/app/operator/mail/previews/html?script`);
  const policy = answer.headers.get("content-security-policy") ?? "";
  assert.match(policy, /default-src 'none'.*sandbox.*frame-ancestors 'self'/);
  assert.match(await answer.text(), /<script>/);
  assert.ok(complaints.every((line) => line.includes("Blocked script execution")), complaints.join());
  await page.close();
});

test("what is used of a limit is said in words and drawn as a meter that has a name", async () => {
  const { page, complaints } = await openPage(chromium.browser, { script: false });
  await page.goto(`${gallery.base}/app/operator/limits?full`, { waitUntil: "load" });
  const meters = await page.$$eval("meter", (all) => all.map((meter) => ({
    name: document.getElementById(meter.getAttribute("aria-labelledby") ?? "")?.textContent,
    share: Math.round((meter.value / meter.max) * 100),
  })));
  assert.deepEqual(meters, [
    { name: "Mail, last 24 hours", share: 87 }, { name: "Database", share: 100 },
    { name: "Call minutes, this month", share: 24 }, { name: "Provider cost, this month", share: 96 },
  ]);
  const words = await page.$eval("main", (main) => main.textContent ?? "");
  for (const said of ["87 %, near the limit", "100 %, limit reached", "No limit set", "What helps:"]) assert.ok(words.includes(said), said);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("markup that somebody smuggled in gets no power from htmx", async () => {
  const { page, complaints } = await openPage(chromium.browser);
  await page.goto(`${gallery.base}/app`, { waitUntil: "load" });
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.evaluate(() => {
    const trap = document.createElement("div");
    trap.id = "trap";
    trap.setAttribute("hx-get", "/smuggled");
    trap.setAttribute("hx-trigger", "load");
    document.querySelector("main")?.append(trap);
    // @ts-ignore htmx has no types here
    window.htmx.process(trap);
  });
  assert.equal(await page.$eval("#trap", (trap) => trap.getAttribute("hx-get")), null);
  assert.ok(!asked.includes("/smuggled"));
  assert.ok(complaints.some((line) => line.includes("blocked <div#trap>")), complaints.join());
  await page.close();
});
