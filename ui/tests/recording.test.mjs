// From the provider to somebody's ears: the server copies a real recording, the open page shows it, Chromium plays it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { THEMES, WIDTHS, axe, dress, launch, openPage, overflow } from "./browser.mjs";
import { providerCall, startServer } from "./programs.mjs";

const PASSWORD = "four words in a row";
const KEY = "private-key-of-the-browser-tests";
const RATE = 16_000;
const SECONDS = 12;

/** A WAV file: the caller hums on the left from the fourth to the sixth second, the agent on the right in the first three. */
function wave() {
  const samples = RATE * SECONDS;
  const file = Buffer.alloc(44 + samples * 4);
  file.write("RIFF", 0);
  file.writeUInt32LE(36 + samples * 4, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(2, 22);
  file.writeUInt32LE(RATE, 24);
  file.writeUInt32LE(RATE * 4, 28);
  file.writeUInt16LE(4, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(samples * 4, 40);
  for (let n = 0; n < samples; n += 1) {
    const time = n / RATE;
    const hum = (/** @type {number} */ pitch, /** @type {boolean} */ on) => on ? Math.round(Math.sin(2 * Math.PI * pitch * time) * 12_000) : 0;
    file.writeInt16LE(hum(220, time >= 4 && time < 6), 44 + n * 4);
    file.writeInt16LE(hum(150, time < 3), 46 + n * 4);
  }
  return file;
}

/** The provider's recording route: an address of a few minutes, and behind it the sound. */
async function startProvider() {
  const sound = wave();
  const state = { open: false, asked: 0 };
  const server = createServer((request, answer) => {
    const path = request.url ?? "";
    if (path === "/short-lived.wav") {
      answer.writeHead(200, { "content-type": "audio/wav", "content-length": sound.length }).end(sound);
    } else if (/^\/call\/[^/]+\/stereo-recording$/.test(path) && request.headers.authorization === `Bearer ${KEY}`) {
      state.asked += 1;
      if (state.open) answer.writeHead(302, { location: "/short-lived.wav" }).end();
      else answer.writeHead(404, { "content-type": "application/json" }).end("{}");
    } else {
      answer.writeHead(401).end();
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { host: `127.0.0.1:${port}`, state, length: sound.length, stop: () => server.close() };
}

/** @type {Awaited<ReturnType<typeof startProvider>>} */
let provider;
/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof launch>>} */
let chromium;
before(async () => {
  provider = await startProvider();
  server = await startServer({ VOXANNE_VAPI_API_URL: `http://${provider.host}`, VOXANNE_OUTBOUND_ALLOW: provider.host });
  chromium = await launch();
});
after(async () => {
  await chromium?.close();
  await server?.stop();
  provider?.stop();
});

test("a recording is copied, appears on the open page, and is heard, in step with the words", { timeout: 180_000 }, async () => {
  provider.state.open = true;
  const practice = await server.practice("Harbour Lane Dental", "moira@harbour.example", PASSWORD, KEY);
  const call = providerCall(practice.hear, "call-one", "+447700900118");
  await call.ring();
  await call.answer();

  const { page, complaints } = await openPage(chromium.browser);
  await page.goto(`${server.base}/app/calls`, { waitUntil: "load" });
  await page.type("#email", practice.email);
  await page.type("#password", PASSWORD);
  await Promise.all([page.waitForNavigation(), page.click("button[type=submit]")]);
  await Promise.all([page.waitForNavigation(), page.click(".rowlink")]);
  await page.waitForFunction(() => document.querySelector("vx-live")?.getAttribute("data-is") === "live");
  await call.end("Check-up booked.", { stereoUrl: `http://${provider.host}/short-lived.wav` });

  await page.waitForSelector("vx-player [data-do=toggle]", { timeout: 60_000, visible: true });
  assert.ok(provider.state.asked >= 1);
  assert.equal(await page.$eval("[data-time]", (time) => time.textContent), "0:00 / 0:12");
  /** @type {{ range?: string, status: number }[]} */
  const fetched = [];
  page.on("response", (answer) => {
    if (answer.url().includes("/recording")) fetched.push({ range: answer.request().headers().range, status: answer.status() });
  });
  // The turns that were marked, in order: what is marked right now depends on how fast this machine is.
  const spoken = await page.evaluateHandle(() => {
    /** @type {(string | null | undefined)[]} */
    const said = [];
    new MutationObserver(() => {
      const turn = document.querySelector(".turns > [aria-current] p")?.textContent;
      if (turn && said.at(-1) !== turn) said.push(turn);
    }).observe(document.body, { subtree: true, attributeFilter: ["aria-current"] });
    return said;
  });
  await page.click("[data-do=toggle]");
  const passes = (/** @type {number} */ second) =>
    page.waitForFunction((second) => (document.querySelector("audio")?.currentTime ?? 0) > second, { timeout: 20_000 }, second);
  await passes(1.5);
  await page.focus("vx-player input[type=range]");
  await page.keyboard.press("ArrowRight");
  await passes(6.4);
  await page.waitForFunction((said) => said.length === 2, {}, spoken);
  assert.deepEqual(await spoken.jsonValue(), ["Harbour Lane Dental, an automated receptionist.", "I would like a check-up."]);
  assert.ok(fetched.length > 0 && fetched.every(({ range, status }) => range && status === 206), JSON.stringify(fetched));
  // The caller is drawn in the upper lane, in the middle; the agent in the lower, at the beginning.
  const loud = await page.$$eval("svg.wave path", (paths) => paths.map((path) => {
    const bars = (path.getAttribute("d") ?? "").split("M").slice(1).map((bar) => Number(bar.split("v")[1]));
    return bars.map((bar, n) => [n / bars.length * 12, bar]).filter(([, bar = 0]) => bar > 6).map(([second = 0]) => second);
  }));
  const [caller = [], agent = []] = loud;
  assert.ok(Math.min(...caller) > 3.8 && Math.max(...caller) < 6.2, `caller: ${caller}`);
  assert.ok(Math.min(...agent) < 0.2 && Math.max(...agent) < 3.2, `agent: ${agent}`);

  await page.keyboard.press("Space");
  for (const width of WIDTHS) {
    for (const theme of THEMES) {
      await dress(page, width, theme);
      assert.deepEqual(await axe(page), [], `${width} px, ${theme}`);
      assert.equal(await overflow(page), 0, `${width} px`);
    }
  }
  assert.deepEqual(complaints, []);

  const kept = await page.evaluate(async () => {
    const answer = await fetch(document.querySelector("a[download]")?.getAttribute("href") ?? "");
    return { name: answer.headers.get("content-disposition"), length: (await answer.arrayBuffer()).byteLength };
  });
  assert.equal(kept.length, provider.length, "the original, whole");
  assert.match(kept.name ?? "", /^attachment; filename="call-[0-9a-f-]+-stereo\.wav"$/);
  await page.close();
});
