/**
 * The page for an address that names nothing.
 */

import { el } from "../shared/dom.js";
import { words } from "./words.js";

/**
 * @param {string} text what is missing
 * @returns {import("./main.js").Page}
 */
export function missingPage(text) {
  return { title: words.notFound.title, nodes: missing(text) };
}

/** @param {string} text */
export function missing(text) {
  return [
    el("h1", {}, words.notFound.title),
    el("p", {}, text),
    el("p", {}, el("a", { href: "/admin" }, words.notFound.next)),
  ];
}
