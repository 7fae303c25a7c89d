/**
 * Owns an attempt to buy: one request, sent until the truth is known, always with the same Idempotency-Key.
 *
 *     asking -> (accepted or refused)
 *     asking -> waiting -> asking        the answer was lost, or the shop is busy
 *     asking -> signed-out -> asking     the session ended; it goes on when the same user is back
 *     asking -> late                     the key is too old: the visitor decides
 *
 * The key is kept in this browser by user and sale before the first request, so that a reload, a second tab and a
 * second click all mean the same purchase. It goes when the answer is known, when the user signs out, and after ten
 * minutes: a page that is opened the day after buys nothing by itself. (What the request did is known without the key.)
 *
 * Tabs share the key, and one tab may begin another try while another one still learns of the first. So each removes only
 * a key that it knows, and a key names the failed order after which it was made: that failure is no answer to it.
 *
 * How old a kept key is, the server's time alone says. After a sleep that is unknown: the attempt stops, and goes on with
 * the next sample. A purchase that the visitor begins meanwhile has its key in memory until then.
 */

import { ApiError, newKey, pauseAfter, sleep } from "../shared/api.js";
import { read, write } from "../shared/session.js";
import { isPurchase, notBelieved } from "./answers.js";

/** @typedef {import("../shared/api.js").Api} Api */
/** @typedef {import("../shared/clock.js").ServerClock} ServerClock */
/** @typedef {import("../shared/session.js").Session} Session */
/**
 * @typedef {{ phase: "asking" }
 *   | { phase: "waiting", until: number, failure: ApiError }
 *   | { phase: "signed-out" }
 *   | { phase: "late" }
 *   | { phase: "refused", at: number, failure: ApiError }} AttemptState
 *   `until` and `at` are by `performance.now()`
 */
/**
 * @typedef {object} Accepted
 * @property {string} status a stage of the purchase
 * @property {string} orderId
 */

/**
 * @typedef {object} Key
 * @property {string} name where it is kept
 * @property {string} key
 * @property {number} since when it was made, by `performance.now()`
 * @property {string} after the failed order after which the buyer tries again; empty at the first try
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
  /** With which they are sent. @type {Key | null} */
  #key = null;
  /** The newest key that this page has sent, or has found when it was opened. */
  #known = "";
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
    this.#known = kept(this.#name()).key;
    addEventListener("online", () => this.#pause.abort());
    clock.onSleep(() => this.#stop());
    clock.onKnown(() => this.#knowTime());
    session.onChange((signedIn) => {
      if (signedIn === null) {
        this.#interrupt();
        return;
      }
      if (signedIn.userId !== this.#user) {
        this.#stop();
        this.#known = kept(this.#name()).key;
        this.#say(null);
      }
      this.resume();
    });
  }

  /** How it stands; null if there is none. */
  get state() {
    return this.#state;
  }

  /**
   * Buys, once, however often it is called.
   * @param {string} [after] the failed order after which the buyer tries again; empty at the first try
   */
  buy(after = "") {
    const name = this.#name();
    if (name === null || this.#running !== null) {
      return;
    }
    let key = this.#keyIn(name);
    if (key === null || (after !== "" && key.after !== after)) {
      key = { name, key: newKey(), since: performance.now(), after };
      this.#keep(key);
    }
    void this.#run(key);
  }

  /**
   * Whether this buyer tries again after this order has failed, in whichever tab.
   * @param {string} orderId
   */
  follows(orderId) {
    const name = this.#name();
    const key = this.#key ?? (name === null ? null : this.#keyIn(name));
    return orderId !== "" && key?.after === orderId;
  }

  /** Goes on with an attempt whose answer is not known: after a reload, or when the user is back. */
  resume() {
    const name = this.#name();
    if (name === null || this.#running !== null || this.#clock.now() === null) {
      return;
    }
    const key = this.#keyIn(name);
    if (key !== null) {
      void this.#run(key);
    } else if (this.#isOpen()) {
      this.#say({ phase: "late" });
    }
  }

  /** The refusal does not count any more. */
  dismiss() {
    if (this.#state?.phase === "refused") {
      this.#say(null);
    }
  }

  /** The answer is known from elsewhere. */
  settle() {
    const name = this.#name();
    if (name !== null) {
      forget(name, this.#known);
    }
    this.#stop();
    if (this.#state !== null) {
      this.#say(null);
    }
  }

  #name() {
    const user = this.#session.signedIn?.userId;
    return user === undefined ? null : `mincommerce.attempt.${user}.${this.#saleId}`;
  }

  /**
   * The key that is kept there, while it counts.
   * @param {string} name
   * @returns {Key | null}
   */
  #keyIn(name) {
    const now = this.#clock.now();
    if (now === null) {
      return null;
    }
    const { key, madeAt, after } = kept(name);
    const age = now - madeAt;
    return key !== "" && age < KEY_MAX_MS ? { name, key, since: performance.now() - age, after } : null;
  }

  /** @param {Key} key */
  #keep({ name, key, since, after }) {
    const now = this.#clock.now();
    if (now !== null) {
      write(name, `${key} ${now - (performance.now() - since)} ${after}`);
    }
  }

  #knowTime() {
    if (this.#key === null) {
      this.resume();
    } else {
      this.#keep(this.#key);
    }
  }

  /** Whether the answer of an attempt is not known yet. */
  #isOpen() {
    return ["asking", "waiting", "signed-out"].includes(this.#state?.phase ?? "");
  }

  #stop() {
    this.#running?.abort();
    this.#running = null;
    this.#key = null;
  }

  /** The session has ended. What was asked for may have happened, so it is not forgotten. */
  #interrupt() {
    const goesOn = this.#session.why !== "out" && this.#isOpen();
    this.#stop();
    this.#say(goesOn ? { phase: "signed-out" } : null);
  }

  /** @param {Key} key */
  async #run(key) {
    const running = new AbortController();
    this.#running = running;
    this.#key = key;
    this.#known = key.key;
    this.#user = this.#session.signedIn?.userId;
    const { signal } = running;
    for (let tries = 1; ; tries += 1) {
      this.#say({ phase: "asking" });
      const outcome = await this.#ask(key.key, signal).catch((error) => error);
      if (signal.aborted) {
        return;
      }
      const failure = outcome instanceof Error ? asFailure(outcome) : null;
      if (failure === null || !isPassing(failure)) {
        this.#end(key);
        this.#conclude(failure === null ? outcome : acceptedBefore(failure), failure);
        return;
      }
      await this.#wait(failure, pauseAfter(failure, tries), signal);
      // The clock notices a sleep when it is asked. A sleep stops this.
      this.#clock.now();
      if (signal.aborted) {
        return;
      }
      if (performance.now() - key.since >= KEY_MAX_MS) {
        this.#end(key);
        this.#say({ phase: "late" });
        return;
      }
    }
  }

  /** @param {Key} key */
  #end({ name, key }) {
    this.#stop();
    forget(name, key);
  }

  /**
   * @param {Accepted | null} accepted
   * @param {ApiError | null} failure
   */
  #conclude(accepted, failure) {
    if (accepted !== null) {
      this.#say(null);
      this.#onAccepted(accepted);
    } else if (failure !== null) {
      this.#say({ phase: "refused", at: performance.now(), failure });
    }
  }

  /**
   * @param {string} key
   * @param {AbortSignal} signal
   * @returns {Promise<Accepted>}
   */
  async #ask(key, signal) {
    const options = { headers: { "Idempotency-Key": key }, signal };
    const answer = await this.#api.post("/api/purchase", { saleId: this.#saleId }, options);
    const data = answer?.data;
    if (!isPurchase(data) || data.status === "not_purchased" || !data.orderId) {
      throw notBelieved();
    }
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

/**
 * What is kept there; nothing is empty.
 * @param {string | null} name
 */
function kept(name) {
  const text = name === null ? null : read(name);
  const [key = "", madeAt, after = ""] = text?.split(" ") ?? [];
  return { key, madeAt: Number(madeAt), after };
}

/**
 * Removes a key, unless another tab has begun another attempt there.
 * @param {string} name
 * @param {string} key
 */
function forget(name, key) {
  if (kept(name).key === key) {
    write(name, null);
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
  // One that does not name the purchase says nothing.
  const isUnnamed = failure.code === "ALREADY_PURCHASED" && acceptedBefore(failure) === null;
  return failure.isPassing || isEarly || isUnnamed;
}

/**
 * The purchase that the answer names, if the request only repeats it.
 * @param {ApiError} failure
 * @returns {Accepted | null}
 */
function acceptedBefore({ code, problem }) {
  const purchase = { status: problem["purchaseStatus"], orderId: problem["orderId"] };
  return code === "ALREADY_PURCHASED" && purchase.orderId && isPurchase(purchase) ? purchase : null;
}
