// Lighthouse's scores of a page.
import lighthouse from "lighthouse";

export const PLACES = ["/", "/how-it-works", "/pricing", "/security", "/privacy", "/terms", "/fr", "/de", "/es", "/pt-BR", "/ar"];
/** Pages that search engines are asked to leave out lose a part of that score on purpose: here, those not configured yet. */
const UNLISTED = ["/privacy", "/terms"];
export const CATEGORIES = ["performance", "accessibility", "best-practices", "seo"];

/**
 * One run.
 * @param {import("puppeteer-core").Browser} browser
 * @param {string} url
 * @param {string[]} categories
 */
export async function measure(browser, url, categories) {
  const port = Number(new URL(browser.wsEndpoint()).port);
  const skipped = UNLISTED.includes(new URL(url).pathname) ? ["is-crawlable", "canonical"] : [];
  const result = await lighthouse(url, {
    port, output: "json", logLevel: "error", onlyCategories: categories, skipAudits: skipped,
  });
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
