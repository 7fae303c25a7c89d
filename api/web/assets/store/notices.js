/**
 * Owns what pages show in the place of what they cannot show.
 */

import { el, setText } from "../shared/dom.js";
import { words } from "./words.js";

/**
 * Nothing is here, and where to go from here.
 * @param {string} heading
 * @param {string} line
 * @param {string} [href]
 * @param {string} [label]
 * @param {"h1" | "h2"} [level] of the heading: the second where the page has its own first
 * @returns {HTMLElement}
 */
export function notice(heading, line, href, label, level = "h1") {
  const link = href !== undefined && label !== undefined && el("p", {}, el("a", { class: "button", href }, label));
  return el("section", { class: "notice" }, el(level, {}, heading), el("p", { class: "muted" }, line), link);
}

/**
 * Something failed and is tried again.
 * @param {string} what
 */
export function problem(what) {
  // A screen reader would say each second of it.
  const when = el("span", { class: "figures", "aria-hidden": "true" });
  const element = el("p", { class: "note warn problem", role: "status" }, `${what} `, when);
  let timer = 0;
  return {
    element,
    /** @param {number} pauseMs */
    showFor(pauseMs) {
      const until = performance.now() + pauseMs;
      clearInterval(timer);
      const tick = () => {
        const seconds = Math.max(1, Math.ceil((until - performance.now()) / 1_000));
        setText(when, words.problem.tryingIn(String(seconds)));
      };
      tick();
      timer = setInterval(tick, 500);
    },
    end() {
      clearInterval(timer);
      element.remove();
    },
  };
}

/**
 * The page cannot go on; the visitor can have it begin from scratch.
 * @returns {HTMLElement}
 */
export function failed() {
  const again = el("button", { class: "button", type: "button", onclick: () => location.reload() }, words.problem.again);
  return el("section", { class: "notice" }, el("h1", {}, words.problem.loading), el("p", {}, again));
}
