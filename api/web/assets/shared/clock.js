/**
 * Owns the server's time. The visitor's clock has no say in it: it may be wrong by an hour.
 *
 * Every answer with a `serverTime` is a sample: that was the time half a round trip before the answer came. Between
 * samples `performance.now()` counts, which nobody can set. A slow answer makes the estimate too early, never too
 * late, so the sample that says the latest time wins.
 *
 * The body of an answer may be older than the answer: a cache that learns that its copy still holds keeps the body. The
 * answer's `Date` is new then, to the second.
 *
 * `performance.now()` stops in some browsers while the computer sleeps. The clock notices it by `Date.now()`, which
 * does not stop: then it forgets what it knew and asks for a new sample (`onSleep`). A browser that has frozen a tab
 * says so afterwards (`resume`): a connection that was open meanwhile may bring nothing any more.
 */

/** How often the clock checks for a sleep of the computer, milliseconds. */
const LOOK_EVERY_MS = 1_000;
/** A difference between the two clocks from which the computer has slept, or somebody has set its clock. */
const SLEPT_MS = 2_000;
/** How far two clocks may drift apart: 100 parts in a million. */
const DRIFT = 0.0001;
/** An answer is no older than this: caches may keep it for a second. */
const STALE_MAX_MS = 2_000;
/** Events come in order. One that says a time so far before the known one says that the server's clock was set back. */
export const SET_BACK_MS = 60_000;

export class ServerClock {
  /** Server's time less `performance.now()`, milliseconds. @type {number | null} */
  #offset = null;
  #learnedAt = 0;
  #difference = Date.now() - performance.now();
  /** @type {Set<() => void>} */
  #sleepListeners = new Set();
  /** @type {Set<() => void>} */
  #knownListeners = new Set();

  constructor() {
    setInterval(() => this.#look(), LOOK_EVERY_MS);
    document.addEventListener("visibilitychange", () => this.#look());
    document.addEventListener("resume", () => this.#wake());
  }

  /** The server's time, milliseconds since 1970; null until it is known. */
  now() {
    // A timer may fire after a sleep before the look that notices it.
    this.#look();
    return this.#offset === null ? null : this.#offset + performance.now();
  }

  /**
   * Takes a sample.
   * @param {string} serverTime RFC 3339
   * @param {number} [sent] when the question was sent, by `performance.now()`; left out for events of a stream
   * @param {number | null} [date] when the answer was true by its headers, milliseconds since 1970
   */
  learn(serverTime, sent, date = null) {
    const received = performance.now();
    const said = Date.parse(serverTime);
    if (Number.isNaN(said)) {
      return;
    }
    const time = date !== null && date - said > STALE_MAX_MS ? date : said;
    const roundTrip = sent === undefined ? 0 : received - sent;
    const sample = time - received + roundTrip / 2;
    if (this.#offset !== null) {
      const kept = this.#offset - DRIFT * (received - this.#learnedAt);
      const latest = sent === undefined ? kept : Math.min(kept, time - sent + STALE_MAX_MS);
      const isSetBack = sent === undefined && kept - sample > SET_BACK_MS;
      this.#offset = isSetBack ? sample : Math.max(sample, latest);
      this.#learnedAt = received;
      return;
    }
    this.#offset = sample;
    this.#learnedAt = received;
    for (const listener of this.#knownListeners) {
      listener();
    }
  }

  /**
   * @param {() => void} listener called after the computer or the tab has slept: the time is unknown until the next sample
   * @returns {() => void} stops it
   */
  onSleep(listener) {
    this.#sleepListeners.add(listener);
    return () => this.#sleepListeners.delete(listener);
  }

  /** @param {() => void} listener called when the time becomes known: at first, and after each sleep */
  onKnown(listener) {
    this.#knownListeners.add(listener);
  }

  #look() {
    const difference = Date.now() - performance.now();
    const slept = Math.abs(difference - this.#difference) > SLEPT_MS;
    // Small steps add up: a clock that is slewed has not slept.
    this.#difference = difference;
    if (slept) {
      this.#wake();
    }
  }

  #wake() {
    this.#offset = null;
    for (const listener of this.#sleepListeners) {
      listener();
    }
  }
}
