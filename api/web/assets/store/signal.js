/**
 * Owns what the page says of its connection. A connection that comes back at once is not mentioned.
 */

import { announce } from "../shared/dom.js";
import { words } from "./words.js";

/** @typedef {import("./live.js").Connection} Connection */

/** The page does not mention a connection that comes back sooner than this. */
const AWAY_AFTER_MS = 1_500;

export class Signal {
  /** @type {(state: Connection["state"], agoMs: number | null) => void} */
  #show;
  #awaySince = 0;
  #isSaidAway = false;

  /** @param {(state: Connection["state"], agoMs: number | null) => void} show */
  constructor(show) {
    this.#show = show;
  }

  /** The connection has gone. */
  goAway() {
    this.#awaySince = performance.now();
  }

  /**
   * @param {Connection} connection
   * @param {number} lookedAt when the status came last, by `performance.now()`
   */
  update({ state, seenAt }, lookedAt) {
    const isBrief = performance.now() - this.#awaySince < AWAY_AFTER_MS;
    if (state === "away" && isBrief) {
      return;
    }
    if (state !== "connecting" && (state === "away") !== this.#isSaidAway) {
      this.#isSaidAway = state === "away";
      announce(this.#isSaidAway ? words.announce.away : words.announce.back);
    }
    const seen = Math.max(seenAt ?? 0, lookedAt);
    this.#show(state, seen === 0 ? null : performance.now() - seen);
  }
}
