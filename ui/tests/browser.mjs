// What every browser test shares: one Chromium, pages that fail on anything the browser complains about, axe.
import { readFileSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

export const WIDTHS = [1280, 390];
export const THEMES = ["light", "dark"];

/** Starts Chromium with a profile of its own; `close` removes it. */
export async function launch() {
  const profile = mkdtempSync(join(tmpdir(), "voxanne-browser-"));
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROME_PATH ?? "/usr/bin/chromium",
    headless: true,
    userDataDir: profile,
    args: FLAGS,
  });
  const close = async () => {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { browser, close };
}

/** Gives the page a width and a device theme. @param {import("puppeteer-core").Page} page @param {number} width @param {string} theme */
export async function dress(page, width, theme) {
  await page.setViewport({ width, height: width < 600 ? 844 : 900 });
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: theme },
    { name: "prefers-reduced-motion", value: "reduce" },
  ]);
}

/**
 * A page that collects complaints: console errors and warnings, uncaught exceptions, policy violations. Look at them
 * with `complaints` and expect none.
 * @param {import("puppeteer-core").Browser | import("puppeteer-core").BrowserContext} browser
 * @param {{ width?: number, theme?: string, script?: boolean }} [options]
 */
export async function openPage(browser, { width = 1280, theme = "light", script = true } = {}) {
  const page = await browser.newPage();
  const complaints = [];
  await dress(page, width, theme);
  await page.setJavaScriptEnabled(script);
  page.on("console", (message) => {
    // An error page answers with its own status, and Chromium logs that.
    const expected = message.location().url === page.url() && /status of [45]\d\d/.test(message.text());
    if (["error", "warn"].includes(message.type()) && !expected) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.evaluateOnNewDocument(() => {
    addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
    });
  });
  return { page, complaints };
}

/**
 * What axe finds on the page, as lines to compare with an empty list.
 * A frame is another document: the mails that ours show have no rights and answer no questions.
 * Runs in a world of its own, which the page's Trusted Types and Content-Security-Policy do not govern.
 * @param {import("puppeteer-core").Page} page
 */
export async function axe(page) {
  await page.evaluate(() => document.fonts.ready);
  const session = await page.createCDPSession();
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
  const run = async (/** @type {string} */ expression) => {
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
      expression, contextId: executionContextId, awaitPromise: true, returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  await run(`${AXE};0`);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await run(`axe.run(document, { iframes: false, runOnly: { type: "tag", values: ${JSON.stringify(tags)} } })
    .then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.target.join(" ")).join(" | ")))`);
  await session.detach();
  return found;
}

/** Pixels by which the page is wider than the window. @param {import("puppeteer-core").Page} page */
export const overflow = (page) => page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));

/** The page's structure that every page owes: one h1, landmarks, a title, a skip link that works. @param {import("puppeteer-core").Page} page */
export const skeleton = (page) => page.evaluate(() => ({
  h1: document.querySelectorAll("h1").length,
  main: document.querySelectorAll("main").length,
  title: document.title.endsWith("Voxanne"),
  lang: document.documentElement.lang !== "" && document.documentElement.dir !== "",
  skip: document.querySelector(document.querySelector("a.skip")?.getAttribute("href") ?? "none")?.tagName === "MAIN",
  inline: document.querySelectorAll("[style], style, script:not([src]):not([type='application/ld+json'])").length,
}));
export const SOUND = { h1: 1, main: 1, title: true, lang: true, skip: true, inline: 0 };

/**
 * Texts of the page with plain Latin letters: where every word of ours is accented, these are not from `locales/`.
 * @param {import("puppeteer-core").Page} page @param {string} [except] selector of what is somebody else's words
 */
export const plainWords = (page, except = "script, style") => page.evaluate((except) => {
  const found = [];
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.parentElement?.closest(`script, style, ${except}`)) found.push(node.textContent ?? "");
  }
  for (const element of document.querySelectorAll("[aria-label], [title], [placeholder], [alt], meta[name=description]")) {
    for (const name of ["aria-label", "title", "placeholder", "alt", "content"]) found.push(element.getAttribute(name) ?? "");
  }
  return found.map((text) => text.trim()).filter((text) => /[A-Za-z]{2}/.test(text.replaceAll(/Voxanne|sample-request/g, "")));
}, except);

/** Elements whose words do not fit into them. @param {import("puppeteer-core").Page} page */
export const cut = (page) => page.evaluate(() => [...document.querySelectorAll("main *, header *, footer *, body > table *")]
  .filter((e) => e.getClientRects().length > 0 && !e.closest(".vh, svg, thead, select") && e.scrollWidth > e.clientWidth + 1
    && !["inline", "contents"].includes(getComputedStyle(e).display))
  .map((e) => `${e.tagName} ${e.className}: ${e.textContent}`));
