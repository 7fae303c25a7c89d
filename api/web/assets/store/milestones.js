/**
 * Owns what a screen reader says of time and stock, each once: the timer and the figures themselves are silent.
 */

import { announce } from "../shared/dom.js";
import { duration, number } from "../shared/format.js";
import { dayAndHour, inZone } from "./timing.js";
import { words } from "./words.js";

/** @typedef {import("./sale_state.js").Sale} Sale */

const BEFORE_START_MS = [600_000, 60_000, 10_000];
/** "Last ones": so many units, or so small a part of all, whichever is less. */
const LAST_UNITS = 10;
const LAST_PART = 0.1;

export class Milestones {
  /** @type {number | null} */
  #leftMs = null;

  /**
   * @param {Sale | null} before
   * @param {Sale} sale
   * @param {number | null} now
   */
  seeSale(before, sale, now) {
    if (before === null) {
      return;
    }
    if (before.status === "upcoming" && sale.status === "active") {
      announce(words.announce.started);
    }
    if (before.startTime !== sale.startTime && sale.status === "upcoming" && now !== null) {
      this.#leftMs = null;
      announce(words.announce.moved(inZone(dayAndHour(sale.startTime, now))));
    }
    if (sale.status === "active") {
      this.#seeStock(before.availableQuantity, sale);
    }
  }

  /**
   * @param {Sale} sale
   * @param {number} now
   */
  seeTime(sale, now) {
    if (sale.status !== "upcoming") {
      this.#leftMs = null;
      return;
    }
    const leftMs = Date.parse(sale.startTime) - now;
    const passed = BEFORE_START_MS.find((ms) => this.#leftMs !== null && this.#leftMs > ms && leftMs <= ms);
    this.#leftMs = leftMs;
    if (passed !== undefined) {
      announce(words.announce.startsIn(duration(passed)));
    }
  }

  /**
   * @param {number} before
   * @param {Sale} sale
   */
  #seeStock(before, { availableQuantity: left, totalQuantity: total }) {
    const passes = (/** @type {number} */ mark) => before > mark && left <= mark && left > 0;
    if (passes(Math.min(LAST_UNITS, Math.floor(total * LAST_PART)))) {
      announce(words.announce.lastOnes(number(left)));
    } else if (passes(total / 4)) {
      announce(words.announce.quarter(number(left)));
    } else if (passes(total / 2)) {
      announce(words.announce.half(number(left)));
    }
  }
}
