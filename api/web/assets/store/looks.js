/**
 * Owns when a sale's page asks for the status, which is the same for everybody: once shortly before the start, where an
 * answer to a purchase differs from what the stream says, and every few seconds while there is no stream. A random part
 * spreads the crowd each time.
 */

import { ApiError, pauseAfter, reportFault } from "../shared/api.js";

/** @typedef {import("./sale_state.js").Sale} Sale */

/** The last look before the start comes between these. */
const LAST_LOOK_MS = { earliest: 60_000, latest: 15_000 };
/** Without a stream there is a look every so often, and a random part of `SPREAD_MS` later. */
const EVERY_MS = 3_000;
const SPREAD_MS = 3_000;
/** The crowd that waits for the same start without a stream asks within this time. */
const START_SPREAD_MS = 2_000;

export class Looks {
  /** @type {() => Promise<void>} */
  #look;
  #lastLookMs = LAST_LOOK_MS.latest + Math.random() * (LAST_LOOK_MS.earliest - LAST_LOOK_MS.latest);
  /** When the status came last, by `performance.now()`. */
  #lookedAt = 0;
  #isLooking = false;
  #failed = 0;
  /** When it is time because the stream is away. */
  #awayAt = Infinity;
  /** When it is time whatever the stream does. */
  #wantedAt = Infinity;

  /** @param {() => Promise<void>} look */
  constructor(look) {
    this.#look = look;
  }

  /** When the status came last. */
  get lookedAt() {
    return this.#lookedAt;
  }

  /** The status has come. */
  note() {
    this.#lookedAt = performance.now();
  }

  /** Asks soon, although there is a stream. */
  want() {
    if (this.#wantedAt === Infinity && !this.#isLooking) {
      this.#wantedAt = performance.now() + Math.random() * SPREAD_MS;
    }
  }

  /**
   * Each second.
   * @param {Sale} sale
   * @param {number | null} now the server's time
   * @param {boolean} isOpen whether the stream is
   */
  tick(sale, now, isOpen) {
    const leftMs = now === null ? null : Date.parse(sale.startTime) - now;
    if (isOpen) {
      this.#awayAt = Infinity;
    } else if (this.#awayAt === Infinity) {
      this.#awayAt = performance.now() + pauseMs(leftMs);
    }
    const due = Math.min(this.#awayAt, this.#wantedAt);
    if (!this.#isLooking && (performance.now() >= due || this.#isLastLook(sale, leftMs))) {
      void this.#go();
    }
  }

  /**
   * @param {Sale} sale
   * @param {number | null} leftMs until the start
   */
  #isLastLook({ status }, leftMs) {
    const isDue = leftMs !== null && leftMs < this.#lastLookMs && leftMs > LAST_LOOK_MS.latest / 2;
    return status === "upcoming" && isDue && performance.now() - this.#lookedAt > LAST_LOOK_MS.earliest;
  }

  async #go() {
    this.#isLooking = true;
    this.#lookedAt = performance.now();
    try {
      await this.#look();
      this.#failed = 0;
      this.#awayAt = Infinity;
      this.#wantedAt = Infinity;
    } catch (error) {
      reportFault(error);
      this.#failed += 1;
      const failure = error instanceof ApiError ? error : new ApiError({ code: "UNKNOWN" });
      const nextAt = performance.now() + pauseAfter(failure, this.#failed);
      this.#awayAt = nextAt;
      this.#wantedAt = this.#wantedAt === Infinity ? Infinity : nextAt;
    } finally {
      this.#isLooking = false;
    }
  }
}

/** @param {number | null} leftMs until the start */
function pauseMs(leftMs) {
  const usual = EVERY_MS + Math.random() * SPREAD_MS;
  const isNear = leftMs !== null && leftMs > 0 && leftMs < usual;
  return isNear ? leftMs + Math.random() * START_SPREAD_MS : usual;
}
