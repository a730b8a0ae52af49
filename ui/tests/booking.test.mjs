// Booking a demo as visitors do: with a mouse, with keys alone, without script, on a phone, in Arabic, in other zones,
// across a change of clocks, and when somebody else was faster.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { THEMES, WIDTHS, axe, dress, launch, openPage, overflow, skeleton, SOUND } from "./browser.mjs";
import { post, startServer } from "./programs.mjs";

const PASSWORD = "four words in a row";

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof launch>>} */
let chromium;
/** @type {Record<string, string>} */
let operator;
before(async () => {
  server = await startServer({ VOXANNE_RATE_PUBLIC_API: "100000/1m", VOXANNE_RATE_BOOKING: "100000/1m" });
  chromium = await launch();
  await server.practice("Agency", "moira@agency.example", PASSWORD);
  const answer = await post(`${server.base}/api/v1/auth/login`, { email: "moira@agency.example", password: PASSWORD });
  operator = { authorization: `Bearer ${(await answer.json()).access_token}` };
});
after(async () => {
  await chromium?.close();
  await server?.stop();
});

/** @param {Parameters<typeof openPage>[1] & { zone?: string }} [options] */
async function visitor({ zone = "Europe/London", ...options } = {}) {
  const context = await chromium.browser.createBrowserContext();
  const { page, complaints } = await openPage(context, options);
  await page.emulateTimezone(zone);
  return { page, complaints, close: () => context.close() };
}

let people = 0;
const address = () => `visitor${people += 1}@clinic.example.com`;

/** @param {import("puppeteer-core").Page} page @param {string} selector */
const follow = (page, selector) => Promise.all([page.waitForNavigation({ waitUntil: "networkidle0" }), page.click(selector)]);
/** @param {import("puppeteer-core").Page} page @param {string} selector */
const text = (page, selector) => page.$eval(selector, (e) => e.textContent?.trim() ?? "");

/** Chooses the first free time and goes on. @param {import("puppeteer-core").Page} page */
async function choose(page) {
  const slot = await page.$eval(".clock input", (input) => /** @type {HTMLInputElement} */ (input).value);
  await page.click(".clock label");
  await follow(page, ".times button[type=submit]");
  return slot;
}

/** Quicker than this nobody is taken for a person. */
const unhurried = () => new Promise((then) => setTimeout(then, 1600));

/** @param {import("puppeteer-core").Page} page @param {Record<string, string>} [given] */
async function fill(page, given = {}) {
  const values = { name: "Amara Obi", email: address(), clinic_name: "Bright Dental", phone: "+44 7700 900118", ...given };
  for (const [name, value] of Object.entries(values)) {
    await page.$eval(`#${name}`, (input) => { /** @type {HTMLInputElement} */ (input).value = ""; });
    await page.type(`#${name}`, value);
  }
  await unhurried();
  return values;
}

const bookings = async (/** @type {string} */ words) => {
  const answer = await fetch(`${server.base}/api/v1/demo-bookings?q=${encodeURIComponent(words)}`, { headers: operator });
  return (await answer.json()).items;
};

for (const script of [true, false]) {
  test(`a demo is booked, moved and called off ${script ? "with a mouse" : "without script"}`, async () => {
    const { page, complaints, close } = await visitor({ script });
    await page.goto(`${server.base}/book`, { waitUntil: "networkidle0" });
    if (script) assert.equal(new URL(page.url()).searchParams.get("tz"), "Europe/London", "the zone is guessed");
    const slot = await choose(page);
    const typed = await fill(page);
    await follow(page, "form.details button[type=submit]");
    assert.equal(await text(page, "h1"), "Your demo is booked");
    assert.match(await text(page, "[role=status]"), new RegExp(typed.email));
    const [booking] = await bookings(typed.email);
    assert.equal(Date.parse(booking.starts_at), Date.parse(slot));
    assert.deepEqual([booking.state, booking.phone, booking.source], ["booked", "+447700900118", "page"]);

    const file = await page.$eval("a[download]", (a) => /** @type {HTMLAnchorElement} */ (a).href);
    const calendar = await (await fetch(file)).text();
    assert.match(calendar, /BEGIN:VEVENT\r\n[^]*SEQUENCE:0\r\n/);

    await follow(page, ".acts a[href*=move]");
    await page.click(".clock label:nth-child(3)");
    await follow(page, ".times button[type=submit]");
    assert.match(await text(page, "[role=status]"), /moved/);
    assert.match(await (await fetch(file)).text(), /SEQUENCE:1\r\n/);

    await page.click(".confirm summary");
    await follow(page, ".confirm button");
    assert.equal(await text(page, "h1"), "This demo is cancelled");
    assert.equal((await bookings(typed.email))[0].state, "cancelled");
    assert.deepEqual(complaints, []);
    await close();
  });
}

test("a demo is booked with keys alone", async () => {
  const { page, close } = await visitor();
  await page.goto(`${server.base}/book`, { waitUntil: "networkidle0" });
  const at = () => page.evaluate(() => document.activeElement?.getAttribute("name") ?? document.activeElement?.textContent ?? "");
  const press = async (/** @type {string} */ wanted) => {
    for (let pressed = 0; pressed < 60 && (await at()) !== wanted; pressed += 1) await page.keyboard.press("Tab");
    assert.equal(await at(), wanted, "can be reached with Tab");
  };
  await press("slot");
  await page.keyboard.press("Space");
  await press("Next: your details");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  const email = address();
  for (const [name, value] of [["name", "Amara Obi"], ["email", email], ["clinic_name", "Bright Dental"], ["phone", "+12025550123"]]) {
    await press(name);
    await page.keyboard.type(value);
  }
  await unhurried();
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  assert.equal(await text(page, "h1"), "Your demo is booked");
  assert.equal((await bookings(email)).length, 1);
  await close();
});

test("what is wrong stands beside its field, what was typed stays, and the focus is where to go on", async () => {
  const { page, close } = await visitor({ script: false });
  await page.goto(`${server.base}/book?tz=Europe/London`);
  await choose(page);
  await fill(page, { email: "amara@brightdental", phone: "12345", notes: "Two lines\nof notes" });
  await page.select("select[name=country]", "GB");
  await follow(page, "form.details button[type=submit]");
  assert.match(await text(page, "#email-error"), /no domain ending/);
  assert.match(await text(page, "#phone-error"), /Nobody can be called/);
  assert.equal(await page.$$eval("[role=alert] li", (all) => all.length), 2);
  const field = await page.$eval("#email", (e) => ({
    invalid: e.getAttribute("aria-invalid"), by: e.getAttribute("aria-describedby"), value: /** @type {HTMLInputElement} */ (e).value,
    focus: e.hasAttribute("autofocus"),
  }));
  assert.deepEqual(field, { invalid: "true", by: "email-error email-hint", value: "amara@brightdental", focus: true });
  assert.equal(await page.$eval("#notes", (e) => /** @type {HTMLTextAreaElement} */ (e).value), "Two lines\nof notes");
  assert.equal(await page.$eval("select[name=country]", (e) => /** @type {HTMLSelectElement} */ (e).value), "GB");
  await close();
});

test("the number is echoed as it will be dialled and a likely typing mistake is asked about", async () => {
  const { page, complaints, close } = await visitor();
  await page.goto(`${server.base}/book`, { waitUntil: "networkidle0" });
  await choose(page);
  await page.select("select[name=country]", "GB");
  await page.type("#email", "amara@gmial.com");
  await page.type("#phone", "07700 900118");
  await page.focus("#notes");
  const said = (/** @type {string} */ key, /** @type {string} */ words) => page.waitForFunction(
    (key, words) => document.querySelector(`[data-echo=${key}]`)?.textContent?.includes(words), { timeout: 10_000 }, key, words);
  await said("phone", "+44 7700 900118");
  await said("email", "amara@gmail.com");
  assert.deepEqual(complaints, []);
  await close();
});

test("whoever is late keeps what they typed and gets other times", async () => {
  const { page, close } = await visitor({ script: false });
  await page.goto(`${server.base}/book?tz=Europe/London`);
  const slot = await page.$eval(".clock input", (input) => /** @type {HTMLInputElement} */ (input).value);
  // Somebody with the same page open is faster.
  await post(`${server.base}/api/v1/demo-bookings`, {
    name: "Ben", email: address(), clinic_name: "Faster", phone: "+12025550123", slot,
  });
  await page.click(".clock label");
  await follow(page, ".times button[type=submit]");
  assert.match(await text(page, "[role=alert]"), /just been taken/);
  assert.equal(await page.$$eval("[role=alert] li", (all) => all.length), 3);
  await follow(page, "[role=alert] li a");
  await follow(page, ".times button[type=submit]");
  const chosen = new URL(page.url()).searchParams.get("slot") ?? "";
  const hold = new URL(page.url()).searchParams.get("hold") ?? "";
  // Its hold is taken over by the operator's move of another booking to the very time.
  await post(`${server.base}/api/v1/demo-holds`, { start: new Date(Date.parse(chosen) + 86_400_000 * 7).toISOString(), instead_of: hold });
  await post(`${server.base}/api/v1/demo-bookings`, {
    name: "Cy", email: address(), clinic_name: "Faster still", phone: "+12025550123", slot: chosen,
  });
  const typed = await fill(page, { notes: "Keep this" });
  await follow(page, "form.details button[type=submit]");
  assert.match(await text(page, "[role=alert]"), /just been taken/);
  assert.equal(await page.$eval("#notes", (e) => /** @type {HTMLTextAreaElement} */ (e).value), "Keep this");
  assert.equal(await page.$$eval(".others input", (all) => all.length), 3);
  await follow(page, "form.details button[type=submit]");
  assert.equal(await text(page, "h1"), "Your demo is booked");
  assert.equal((await bookings(typed.email)).length, 1);
  await close();
});

test("a form that is sent twice is one booking, and the way back leads to the times", async () => {
  const { page, close } = await visitor({ script: false });
  await page.goto(`${server.base}/book?tz=Europe/London`);
  await choose(page);
  const typed = await fill(page);
  const fields = await page.$$eval("form.details [name]", (all) => all.map((e) => [
    /** @type {HTMLInputElement} */ (e).name, /** @type {HTMLInputElement} */ (e).value]));
  const send = () => fetch(`${server.base}/book/details`, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" });
  const answers = await Promise.all([send(), send(), send()]);
  const places = new Set(answers.map((answer) => `${answer.status} ${answer.headers.get("location")}`));
  assert.equal(places.size, 1, [...places].join());
  assert.match([...places][0], /^303 \/book\/[\w-]{43}\?new=1$/);
  assert.equal((await bookings(typed.email)).length, 1);
  await page.goBack();
  assert.equal(new URL(page.url()).pathname, "/book");
  assert.ok(await page.$(".clock"));
  await close();
});

test("a program that fills every field books nothing", async () => {
  const { page, close } = await visitor({ script: false });
  await page.goto(`${server.base}/book?tz=Europe/London`);
  await choose(page);
  const typed = await fill(page);
  await page.$eval("#website", (e) => { /** @type {HTMLInputElement} */ (e).value = "https://spam.example"; });
  await follow(page, "form.details button[type=submit]");
  assert.match(await text(page, "[role=alert]"), /filled in by a program/);
  assert.equal((await bookings(typed.email)).length, 0);
  await close();
});

for (const zone of ["Africa/Lagos", "Pacific/Auckland"]) {
  test(`times are told by the clock of ${zone}, and by ours`, async () => {
    const { page, close } = await visitor({ zone });
    await page.goto(`${server.base}/book`, { waitUntil: "networkidle0" });
    assert.equal(await page.$eval("#tz", (e) => /** @type {HTMLSelectElement} */ (e).value), zone);
    const [value, label, day] = await page.$eval(".clock label", (e) => [
      e.querySelector("input")?.value ?? "", e.textContent?.trim() ?? "",
      document.querySelector(".tile[aria-current]")?.getAttribute("href") ?? ""]);
    const local = new Intl.DateTimeFormat("sv", { timeZone: zone, dateStyle: "short", timeStyle: "short" }).format(new Date(value));
    assert.equal(local.slice(11), label);
    assert.ok(day.includes(`day=${local.slice(0, 10)}`), `${day} is the visitor's day of ${local}`);
    await page.click(".clock label");
    await page.waitForFunction(() => document.querySelector("[data-said-here]")?.textContent?.includes("For us that is"));
    await close();
  });
}

test("in the night when clocks go forward the missing hour is not offered", async () => {
  const today = new Date();
  const change = [0, 1].map((more) => {
    const last = new Date(Date.UTC(today.getUTCFullYear() + more, 2, 31));
    last.setUTCDate(31 - last.getUTCDay());
    return last;
  }).find((day) => day.getTime() > today.getTime() + 3 * 86_400_000);
  const day = change?.toISOString().slice(0, 10) ?? "";
  const rules = await (await fetch(`${server.base}/api/v1/demo-rules`, { headers: operator })).json();
  const put = (/** @type {object} */ body) => fetch(`${server.base}/api/v1/demo-rules`, {
    method: "PUT", headers: { ...operator, "content-type": "application/json" }, body: JSON.stringify(body),
  });
  const night = { ...rules, zone: "Europe/London", hours: { sun: [["00:00", "04:00"]] }, horizon_days: 365 };
  assert.equal((await put(night)).status, 200);
  const { page, close } = await visitor();
  await page.goto(`${server.base}/book?tz=Europe/London&from=${day}&day=${day}`, { waitUntil: "networkidle0" });
  const clocks = await page.$$eval(".clock label", (all) => all.map((e) => e.textContent?.trim()));
  assert.deepEqual(clocks, ["00:00", "00:30", "02:00", "02:30", "03:00", "03:30"]);
  assert.equal((await put(rules)).status, 200);
  await close();
});

for (const width of WIDTHS) test(`the dialog on the landing page shows the same pages and books too, at ${width} px`, async () => {
  const { page, complaints, close } = await visitor({ zone: "Africa/Lagos", width });
  const fits = async (/** @type {string} */ what) => {
    assert.equal(await overflow(page), 0, what);
    const box = await page.$eval("dialog[open]", (dialog) => ({ right: dialog.getBoundingClientRect().right, more: dialog.scrollWidth - dialog.clientWidth }));
    assert.ok(box.right <= width && box.more <= 0, `${what}: ${JSON.stringify(box)}`);
  };
  await page.goto(`${server.base}/`, { waitUntil: "networkidle0" });
  await page.click("main a[data-book]");
  await page.waitForFunction(() => {
    const select = document.querySelector("dialog[open] #tz");
    return select instanceof HTMLSelectElement && select.value === "Africa/Lagos";
  });
  assert.deepEqual(await axe(page), []);
  await fits("times");
  await page.click("dialog .clock label");
  await page.waitForFunction(() => document.querySelector("dialog [data-said-here]")?.textContent?.includes("For us that is"));
  await page.click("dialog .times button[type=submit]");
  await page.waitForSelector("dialog #name");
  await fits("details");
  await fill(page, { email: "amara@nowhere" });
  await page.click("dialog form.details button[type=submit]");
  await page.waitForSelector("dialog #email-error");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "email");
  await fits("faults");
  const typed = await fill(page);
  await page.click("dialog form.details button[type=submit]");
  await page.waitForSelector("dialog .booked");
  assert.equal(await text(page, "dialog h1"), "Your demo is booked");
  assert.deepEqual(await axe(page), []);
  await fits("booked");
  assert.equal(new URL(page.url()).pathname, "/", "the page underneath is still there");
  assert.equal((await bookings(typed.email)).length, 1);
  // Chromium logs the answer with the fault in it.
  assert.deepEqual(complaints.filter((complaint) => !complaint.includes("status of 422")), []);
  await close();
});

test("every step is sound in every look, width and direction", async () => {
  const { page, complaints, close } = await visitor();
  const look = async (/** @type {string} */ what) => {
    for (const theme of THEMES) {
      for (const width of WIDTHS) {
        await dress(page, width, theme);
        assert.deepEqual(await axe(page), [], `${what}, ${theme}, ${width}`);
        assert.equal(await overflow(page), 0, `${what}, ${width}`);
      }
    }
    assert.deepEqual(await skeleton(page), SOUND, what);
  };
  for (const language of ["", "/ar"]) {
    await page.setExtraHTTPHeaders({ "accept-language": language === "" ? "en" : "ar" });
    await page.goto(`${server.base}${language}/book?tz=Africa/Cairo`, { waitUntil: "networkidle0" });
    assert.equal(await page.evaluate(() => document.documentElement.dir), language === "" ? "ltr" : "rtl");
    await look(`${language} times`);
    await choose(page);
    await look(`${language} details`);
    await fill(page, { email: "nobody" });
    await follow(page, "form.details button[type=submit]");
    await look(`${language} faults`);
    await fill(page);
    await follow(page, "form.details button[type=submit]");
    await look(`${language} done`);
    await follow(page, ".acts a[href*=move]");
    await look(`${language} move`);
  }
  await page.goto(`${server.base}/book/${"x".repeat(43)}`);
  await look("unknown link");
  assert.deepEqual(complaints, []);
  await close();
});

test("the operator sees a new booking without a reload and goes through it", async () => {
  const { page, complaints, close } = await visitor();
  await page.goto(`${server.base}/signin`, { waitUntil: "load" });
  await page.type("#email", "moira@agency.example");
  await page.type("#password", PASSWORD);
  await follow(page, "button[type=submit]");
  await page.goto(`${server.base}/app/operator/bookings?view=list`, { waitUntil: "load" });
  await page.waitForFunction(() => document.querySelector("vx-live")?.getAttribute("data-is") === "live");
  const email = address();
  await post(`${server.base}/api/book-demo`, { name: "=cmd()", email, phone: "+12025550123", clinic_name: "Harbour <b>Vets</b>" });
  await page.waitForFunction(() => document.querySelector("#bookings")?.textContent?.includes("Harbour <b>Vets</b>"), { timeout: 15_000 });
  for (const theme of THEMES) {
    for (const width of WIDTHS) {
      await dress(page, width, theme);
      assert.deepEqual(await axe(page), [], `${theme} ${width}`);
      assert.equal(await overflow(page), 0);
    }
  }
  await follow(page, "#bookings .rowlink");
  assert.deepEqual(await axe(page), []);
  await page.type("#notes", "Call before ten");
  await follow(page, "form[action$=papers] button");
  assert.equal(await page.$eval("#notes", (e) => /** @type {HTMLTextAreaElement} */ (e).value), "Call before ten");
  await follow(page, "form[action$=state] button");
  assert.match(await text(page, "h1"), /Confirmed/);
  const csv = await page.evaluate(async () => (await fetch("/app/operator/bookings/export.csv?view=list")).text());
  assert.ok(csv.includes(`"'=cmd()"`), "a name is no formula");
  await page.goto(`${server.base}/app/operator/bookings`, { waitUntil: "load" });
  assert.deepEqual(await axe(page), []);
  await page.goto(`${server.base}/app/operator/bookings/rules`, { waitUntil: "load" });
  assert.deepEqual(await axe(page), []);
  await page.$eval("#mon", (e) => { /** @type {HTMLInputElement} */ (e).value = "soon"; });
  await follow(page, "main form button[type=submit]");
  assert.match(await text(page, "[role=alert]"), /Mon: write hours/);
  assert.equal(await page.$eval("#mon", (e) => /** @type {HTMLInputElement} */ (e).value), "soon");
  assert.deepEqual(complaints, []);
  await close();
});
