// Lighthouse's scores of a page.
import { fileURLToPath } from "node:url";
import lighthouse from "lighthouse";

export const PLACES = ["/", "/how-it-works", "/pricing", "/security", "/privacy", "/terms", "/fr", "/de", "/es", "/pt-BR", "/ar"];
/** What only the server itself has, with a database behind it. */
export const SERVED = ["/book", "/ar/book"];
/** The pages are judged as an operator has them who has filled in the file: then none is kept from search engines. */
export const OPTIONS = ["--site", fileURLToPath(new URL("../../docs/site.example.toml", import.meta.url))];
/** The same for the server. */
export const SETTINGS = { VOXANNE_SITE_FILE: OPTIONS[1] };
export const CATEGORIES = ["performance", "accessibility", "best-practices", "seo"];

/**
 * One run.
 * @param {import("puppeteer-core").Browser} browser
 * @param {string} url
 * @param {string[]} categories
 */
export async function measure(browser, url, categories) {
  const port = Number(new URL(browser.wsEndpoint()).port);
  const result = await lighthouse(url, { port, output: "json", logLevel: "error", onlyCategories: categories });
  if (!result || result.lhr.runtimeError) throw new Error(`${url}: ${result?.lhr.runtimeError?.message ?? "no result"}`);
  const { lhr } = result;
  const value = (/** @type {string} */ audit) => lhr.audits[audit]?.numericValue ?? 0;
  return {
    scores: Object.fromEntries(categories.map((name) => [name, Math.round((lhr.categories[name].score ?? 0) * 100)])),
    faults: categories.filter((name) => name !== "performance").flatMap((name) => lhr.categories[name].auditRefs)
      .filter(({ id, weight }) => weight > 0 && (lhr.audits[id].score ?? 1) < 1).map(({ id }) => id),
    machine: lhr.environment.benchmarkIndex,
    lcp: value("largest-contentful-paint"),
    tbt: value("total-blocking-time"),
    cls: value("cumulative-layout-shift"),
  };
}
