// Lighthouse on pages of the storefront, as a phone on a slow network loads them.
//
//   npm ci --prefix system/browser/lighthouse
//   npm run --prefix system/browser/lighthouse storefront -- http://127.0.0.1:3001/ http://127.0.0.1:3001/sales/<id>
//
// Prints the scores and what costs points. Fails where performance, accessibility or best practices is below 95.

import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";

/** Of 100. */
const SCORE_MIN = 95;
const CATEGORIES = ["performance", "accessibility", "best-practices"];

const pages = process.argv.slice(2);
if (pages.length === 0) {
  throw new Error("usage: node storefront.mjs <address of a page> ...");
}

const chrome = await launch({
  chromePath: process.env["MINCOMMERCE_CHROMIUM"] ?? "/usr/bin/chromium",
  chromeFlags: ["--headless=new", "--disable-dev-shm-usage", ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])],
});
let isGood = true;
try {
  for (const page of pages) {
    const result = await lighthouse(page, { port: chrome.port, onlyCategories: CATEGORIES, logLevel: "error" });
    if (result === undefined) {
      throw new Error(`no result for ${page}`);
    }
    const { categories, audits } = result.lhr;
    console.log(page);
    for (const { title, score, auditRefs } of Object.values(categories)) {
      const points = Math.round((score ?? 0) * 100);
      isGood &&= points >= SCORE_MIN;
      console.log(`  ${title}: ${points}`);
      for (const { id, weight } of auditRefs) {
        const audit = audits[id];
        if (weight > 0 && audit !== undefined && audit.score !== null && audit.score < 1) {
          console.log(`    ${id}: ${Math.round(audit.score * 100)} ${audit.displayValue ?? ""}`);
        }
      }
    }
  }
} finally {
  chrome.kill();
}
process.exit(isGood ? 0 : 1);
