// How many bytes a first visit of each page loads, as the API serves them: the page and everything that it and its
// modules and styles name.
//
//   node sizes.mjs http://127.0.0.1:3001
//
// Fails where a page is above its limit.

const [site] = process.argv.slice(2);
if (site === undefined) {
  throw new Error("usage: node sizes.mjs <address of the API>");
}

/** Bytes, compressed. */
const LIMITS = { "/": 60_000, "/sales/x": 60_000, "/orders": 60_000, "/sign-in": 60_000, "/admin": 150_000 };

/** What a file names: links and scripts of pages, imports of modules, pictures of styles. */
const NAMES = [
  /<(?:link|script|img)\b[^>]*?\b(?:href|src)="([^"]+)"/gu,
  /\bimport\s*\(?\s*(?:[^"';()]*?\bfrom\s*)?"([^"]+)"/gu,
  /\bexport\b[^"';]*?\bfrom\s*"([^"]+)"/gu,
  /\burl\("?([^")]+)"?\)/gu,
];

/**
 * The bytes that travel, and the text.
 * @param {URL} address
 */
async function load(address) {
  const response = await fetch(address, { headers: { "Accept-Encoding": "br" } });
  const isPage = (response.headers.get("Content-Type") ?? "").startsWith("text/html");
  if (!response.ok && !isPage) {
    throw new Error(`${address}: ${response.status}`);
  }
  const coded = response.headers.get("Content-Encoding");
  const text = await response.text();
  const bytes = Number(response.headers.get("Content-Length"));
  if (!Number.isInteger(bytes) || bytes === 0) {
    throw new Error(`${address} does not say how long it is`);
  }
  return { bytes, text, coded };
}

/** @param {string} page */
async function weigh(page) {
  const seen = new Set();
  const waiting = [new URL(page, site)];
  let sum = 0;
  for (let address = waiting.pop(); address !== undefined; address = waiting.pop()) {
    if (seen.has(address.href) || address.origin !== new URL(site).origin) {
      continue;
    }
    seen.add(address.href);
    const { bytes, text, coded } = await load(address);
    sum += bytes;
    const isText = /\.(?:js|css)$/u.test(address.pathname) || !address.pathname.startsWith("/assets/");
    if (isText && bytes > 1_400 && coded === null) {
      throw new Error(`${address} came without compression`);
    }
    for (const [, name] of NAMES.flatMap((pattern) => (isText ? [...text.matchAll(pattern)] : []))) {
      if (!name.startsWith("data:") && !/^\/(?:$|admin|orders|sign-in|sales)/u.test(name)) {
        waiting.push(new URL(name, address));
      }
    }
  }
  return { sum, files: seen.size };
}

let isTooLarge = false;
for (const [page, limit] of Object.entries(LIMITS)) {
  const { sum, files } = await weigh(page);
  const verdict = sum <= limit ? "" : "  TOO LARGE";
  console.log(`${page}: ${sum} bytes in ${files} files, of ${limit}${verdict}`);
  isTooLarge ||= sum > limit;
}
process.exit(isTooLarge ? 1 : 0);
