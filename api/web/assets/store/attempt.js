/**
 * Owns an attempt to buy: one request, sent until the truth is known, always with the same Idempotency-Key.
 *
 *     asking -> (accepted or refused)
 *     asking -> waiting -> asking        the answer was lost, or the shop is busy
 *     asking -> signed-out -> asking     the session ended; it goes on when the same user is back
 *
 * The key is kept in this browser by user and sale before the first request, so that a reload, a second tab and a
 * second click all mean the same purchase. It goes when the answer is known, when the user signs out, and after ten
 * minutes: a page that is opened the day after buys nothing by itself. (What the request did is known without the key.)
 */

import { ApiError, newKey, pauseAfter, sleep } from "../shared/api.js";
import { read, write } from "../shared/session.js";

/** @typedef {import("../shared/api.js").Api} Api */
/** @typedef {import("../shared/clock.js").ServerClock} ServerClock */
/** @typedef {import("../shared/session.js").Session} Session */
/**
 * @typedef {{ phase: "asking" }
 *   | { phase: "waiting", until: number, failure: ApiError }
 *   | { phase: "signed-out" }
 *   | { phase: "refused", at: number, failure: ApiError }} AttemptState
 *   `until` and `at` are by `performance.now()`
 */
/**
 * @typedef {object} Accepted
 * @property {string} status a stage of the purchase
 * @property {string} orderId
 */

/** A sale that refuses because it has not started yet is asked again if it names at most this, seconds. */
const EARLY_MAX_SECONDS = 10;
/** How long a key counts. */
const KEY_MAX_MS = 600_000;

export class Attempt {
  /** @type {Api} */
  #api;
  /** @type {Session} */
  #session;
  /** @type {ServerClock} */
  #clock;
  /** @type {string} */
  #saleId;
  /** @type {() => void} */
  #onChange;
  /** @type {(accepted: Accepted) => void} */
  #onAccepted;
  /** @type {AttemptState | null} */
  #state = null;
  /** Whose attempt is running. @type {string | undefined} */
  #user;
  /** Ends the requests of now. @type {AbortController | null} */
  #running = null;
  #pause = new AbortController();

  /**
   * @param {object} options
   * @param {Api} options.api
   * @param {Session} options.session
   * @param {ServerClock} options.clock
   * @param {string} options.saleId
   * @param {() => void} options.onChange called after each change of `state`
   * @param {(accepted: Accepted) => void} options.onAccepted
   */
  constructor({ api, session, clock, saleId, onChange, onAccepted }) {
    this.#api = api;
    this.#session = session;
    this.#clock = clock;
    this.#saleId = saleId;
    this.#onChange = onChange;
    this.#onAccepted = onAccepted;
    addEventListener("online", () => this.#pause.abort());
    session.onChange((signedIn) => {
      if (signedIn === null) {
        this.#interrupt();
        return;
      }
      if (signedIn.userId !== this.#user) {
        this.#stop();
      }
      this.resume();
    });
  }

  /** How it stands; null if there is none. */
  get state() {
    return this.#state;
  }

  /** Buys, once, however often it is called. */
  buy() {
    const name = this.#name();
    if (name === null || this.#running !== null) {
      return;
    }
    if (this.#keyIn(name) === null) {
      write(name, `${newKey()} ${this.#clock.now() ?? 0}`);
    }
    this.resume();
  }

  /** Goes on with an attempt whose answer is not known: after a reload, or when the user is back. */
  resume() {
    const name = this.#name();
    const key = name === null ? null : this.#keyIn(name);
    if (name === null || key === null) {
      this.#say(null);
    } else if (this.#running === null) {
      void this.#run(name, key);
    }
  }

  /** The answer is known from elsewhere. */
  settle() {
    const name = this.#name();
    if (name !== null) {
      write(name, null);
    }
    this.#stop();
    if (this.#state !== null) {
      this.#say(null);
    }
  }

  #name() {
    const user = this.#session.signedIn?.userId;
    return user === undefined ? null : this.#nameFor(user);
  }

  /** @param {string} user */
  #nameFor(user) {
    return `mincommerce.attempt.${user}.${this.#saleId}`;
  }

  /** @param {string} name */
  #keyIn(name) {
    const [key, madeAt] = read(name)?.split(" ") ?? [];
    const age = (this.#clock.now() ?? 0) - Number(madeAt);
    return key !== undefined && age < KEY_MAX_MS ? key : null;
  }

  #stop() {
    this.#running?.abort();
    this.#running = null;
  }

  /** The session has ended. What was asked for may have happened, so it is not forgotten. */
  #interrupt() {
    const isOut = this.#session.why === "out";
    const wasAsking = this.#running !== null || this.#state?.phase === "signed-out";
    if (isOut && this.#user !== undefined) {
      write(this.#nameFor(this.#user), null);
    }
    this.#stop();
    this.#say(wasAsking && !isOut ? { phase: "signed-out" } : null);
  }

  /**
   * @param {string} name where the key is kept
   * @param {string} key
   */
  async #run(name, key) {
    const running = new AbortController();
    this.#running = running;
    this.#user = this.#session.signedIn?.userId;
    const { signal } = running;
    for (let tries = 1; !signal.aborted; tries += 1) {
      this.#say({ phase: "asking" });
      const outcome = await this.#ask(key, signal).catch((error) => error);
      if (signal.aborted) {
        return;
      }
      const failure = outcome instanceof Error ? asFailure(outcome) : null;
      if (failure !== null && isPassing(failure)) {
        await this.#wait(failure, pauseAfter(failure, tries), signal);
        continue;
      }
      this.#running = null;
      write(name, null);
      const accepted = failure === null ? outcome : acceptedBefore(failure);
      if (accepted !== null) {
        this.#say(null);
        this.#onAccepted(accepted);
      } else if (failure !== null) {
        this.#say({ phase: "refused", at: performance.now(), failure });
      }
      return;
    }
  }

  /**
   * @param {string} key
   * @param {AbortSignal} signal
   * @returns {Promise<Accepted>}
   */
  async #ask(key, signal) {
    const options = { headers: { "Idempotency-Key": key }, signal };
    const { data } = await this.#api.post("/api/purchase", { saleId: this.#saleId }, options);
    return { status: data.status, orderId: data.orderId };
  }

  /**
   * @param {ApiError} failure
   * @param {number} pauseMs
   * @param {AbortSignal} signal
   */
  async #wait(failure, pauseMs, signal) {
    this.#pause = new AbortController();
    const pause = AbortSignal.any([this.#pause.signal, signal]);
    this.#say({ phase: "waiting", until: performance.now() + pauseMs, failure });
    // A pause that ends early is as good as one that ends.
    await sleep(pauseMs, pause).catch(() => {});
  }

  /** @param {AttemptState | null} state */
  #say(state) {
    this.#state = state;
    this.#onChange();
  }
}

/** @param {Error} error */
function asFailure(error) {
  return error instanceof ApiError ? error : new ApiError({ code: "UNKNOWN", detail: String(error) });
}

/**
 * Whether to ask again.
 * @param {ApiError} failure
 */
function isPassing(failure) {
  const isEarly =
    failure.problem["reason"] === "not_started" && (failure.retryAfter ?? Infinity) <= EARLY_MAX_SECONDS;
  return failure.isPassing || isEarly;
}

/**
 * The purchase that the answer names, if the request only repeats it.
 * @param {ApiError} failure
 * @returns {Accepted | null}
 */
function acceptedBefore({ code, problem }) {
  return code === "ALREADY_PURCHASED" ? { status: problem["purchaseStatus"], orderId: problem["orderId"] } : null;
}
