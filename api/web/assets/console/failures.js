/**
 * Failures as sentences: what the API says, and our own words where there is no answer.
 */

import { ApiError } from "../shared/api.js";
import { el } from "../shared/dom.js";
import { words } from "./words.js";

/** A request that adds has failed, and it or one of its tries may have arrived all the same. */
export class MayBeDone extends Error {
  /** @param {unknown} failure of the last try */
  constructor(failure) {
    super(String(failure), { cause: failure });
  }
}

/**
 * @param {unknown} error
 * @returns {string}
 */
export function failureText(error) {
  if (error instanceof MayBeDone) return words.failure.mayBeDone(failureText(error.cause));
  if (!(error instanceof ApiError)) {
    reportError(error);
    return words.failure.page;
  }
  if (error.code === "NETWORK" || error.code === "TIMEOUT") return words.failure.lost;
  if (error.status === 429) return words.failure.tooMany(error.retryAfter ?? 1);
  return error.detail || words.failure.answer(error.status);
}

/**
 * A note in the place of what could not be read, with a way to try again.
 * @param {unknown} error
 * @param {() => void} again
 */
export function failureNote(error, again) {
  return el(
    "div",
    { class: "note bad stack", role: "alert" },
    el("p", {}, failureText(error)),
    el("button", { class: "button again", type: "button", onclick: again }, words.action.again),
  );
}
