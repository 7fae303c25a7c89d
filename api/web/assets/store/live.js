/**
 * Owns a sale's event stream, one for all tabs of the same visitor.
 *
 * Tabs that show the same sale to the same user meet on a broadcast channel. The tab that holds the channel's lock
 * leads: it has the stream, and passes on what comes. When it closes, the browser gives the lock to the next tab. A
 * visible tab asks its leader for a sign of life, and takes the lock away from one that the browser has frozen.
 *
 *     ask            follower -> leader   say what you know
 *     sale, purchase leader -> followers  an event's data
 *     state          leader -> followers  how the stream is
 *
 * Where the browser has no locks (pages without TLS), each tab has its own stream.
 */

import { Stream } from "../shared/stream.js";

/** @typedef {import("../shared/api.js").Api} Api */
/** @typedef {import("../shared/clock.js").ServerClock} ServerClock */
/** @typedef {import("../shared/session.js").Session} Session */
/** @typedef {import("../shared/stream.js").StreamEvent} StreamEvent */
/**
 * @typedef {object} Connection
 * @property {"connecting" | "open" | "away"} state
 * @property {number | null} seenAt by this tab's `performance.now()`
 */
/** @typedef {{ now: number | null } & ({ type: "ask" } | { type: "sale" | "purchase", data: any } | { type: "state", state: Connection["state"], seenAgoMs: number | null })} Message */

const ASK_EVERY_MS = 3_000;
/** A leader that has not answered so many questions is frozen. */
const UNANSWERED_MAX = 2;
/** How often followers hear that the stream is still open. */
const STATE_EVERY_MS = 1_000;

export class Live {
  /** @type {Api} */
  #api;
  /** @type {Session} */
  #session;
  /** @type {ServerClock} */
  #clock;
  /** @type {string} */
  #saleId;
  /** @type {(name: string, data: any) => void} */
  #onEvent;
  /** @type {(connection: Connection) => void} */
  #onState;
  /** @type {BroadcastChannel | null} */
  #channel = null;
  /** @type {AbortController} */
  #joined = new AbortController();
  /** Of the leader. @type {Stream | null} */
  #stream = null;
  /** The leader's newest data by the name of the event. @type {Map<string, any>} */
  #newest = new Map();
  /** @type {Connection} */
  #connection = { state: "connecting", seenAt: null };
  #saidAt = 0;
  #unanswered = 0;
  #watching = 0;
  #isStopped = false;

  /**
   * @param {object} options
   * @param {Api} options.api
   * @param {Session} options.session
   * @param {ServerClock} options.clock
   * @param {string} options.saleId
   * @param {(name: string, data: any) => void} options.onEvent
   * @param {(connection: Connection) => void} options.onState
   */
  constructor({ api, session, clock, saleId, onEvent, onState }) {
    this.#api = api;
    this.#session = session;
    this.#clock = clock;
    this.#saleId = saleId;
    this.#onEvent = onEvent;
    this.#onState = onState;
  }

  start() {
    this.#join();
    let user = this.#session.signedIn?.userId;
    this.#session.onChange((signedIn) => {
      if (this.#isStopped) {
        return;
      }
      if (signedIn?.userId !== user) {
        user = signedIn?.userId;
        this.#leave();
        this.#join();
      } else {
        this.#stream?.reconnect();
      }
    });
    this.#watching = setInterval(() => this.#watch(), ASK_EVERY_MS);
    // A page that the browser keeps to come back to must not keep the lock.
    addEventListener("pagehide", () => this.#leave());
    addEventListener("pageshow", (event) => {
      if (event.persisted && !this.#isStopped) {
        this.#join();
      }
    });
  }

  /** Stops for good. */
  stop() {
    this.#isStopped = true;
    clearInterval(this.#watching);
    this.#leave();
  }

  #join() {
    const name = `mincommerce.${this.#saleId}.${this.#session.signedIn?.userId ?? "anyone"}`;
    const joined = new AbortController();
    this.#joined = joined;
    this.#unanswered = 0;
    this.#newest.clear();
    this.#channel = new BroadcastChannel(name);
    this.#channel.addEventListener("message", ({ data }) => this.#hear(data));
    this.#post({ type: "ask" });
    this.#queue(name, joined, false);
  }

  #leave() {
    this.#joined.abort();
    this.#channel?.close();
    this.#channel = null;
  }

  /**
   * Leads, once this tab has the lock.
   * @param {string} name
   * @param {AbortController} joined
   * @param {boolean} steal takes the lock away from a leader that is frozen
   */
  #queue(name, joined, steal) {
    const { signal } = joined;
    if (navigator.locks === undefined) {
      void this.#lead(signal);
      return;
    }
    const taking = new AbortController();
    signal.addEventListener("abort", () => taking.abort());
    // A request that steals cannot have a signal: it does not wait.
    const options = steal ? { steal } : { signal };
    const leading = navigator.locks.request(name, options, () => this.#lead(taking.signal));
    leading.catch(() => {
      // Another tab took the lock away, or this tab has left.
      taking.abort();
      if (!signal.aborted) {
        this.#queue(name, joined, false);
      }
    });
  }

  /**
   * @param {AbortSignal} signal ends it
   * @returns {Promise<void>} the lock is held until then
   */
  #lead(signal) {
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const stream = new Stream({
        api: this.#api,
        clock: this.#clock,
        path: `/api/flash-sale/events?saleId=${encodeURIComponent(this.#saleId)}`,
        onEvent: ({ name, data }) => this.#pass(name, data),
        onState: ({ state, seenAt }) => this.#passState({ state, seenAt }),
      });
      this.#stream = stream;
      signal.addEventListener("abort", () => {
        stream.stop();
        this.#stream = null;
        resolve();
      });
      stream.start();
    });
  }

  /**
   * @param {string} name
   * @param {any} data
   */
  #pass(name, data) {
    if (typeof data?.serverTime === "string") {
      this.#clock.learn(data.serverTime);
    }
    if (name === "sale" || name === "purchase") {
      this.#newest.set(name, data);
      this.#onEvent(name, data);
      this.#post({ type: name, data });
    }
  }

  /** @param {Connection} connection */
  #passState(connection) {
    const isNew = connection.state !== this.#connection.state;
    this.#connection = connection;
    this.#onState(connection);
    if (isNew || performance.now() - this.#saidAt > STATE_EVERY_MS) {
      this.#postState();
    }
  }

  #postState() {
    const { state, seenAt } = this.#connection;
    this.#saidAt = performance.now();
    const seenAgoMs = seenAt === null ? null : performance.now() - seenAt;
    this.#post({ type: "state", state, seenAgoMs });
  }

  /** @param {Message extends infer M ? M extends Message ? Omit<M, "now"> : never : never} message */
  #post(message) {
    this.#channel?.postMessage({ ...message, now: this.#clock.now() });
  }

  /** @param {Message} message */
  #hear(message) {
    if (message.type === "ask") {
      this.#answer();
      return;
    }
    if (this.#stream !== null) {
      return;
    }
    this.#unanswered = 0;
    if (message.now !== null) {
      this.#clock.learn(new Date(message.now).toISOString());
    }
    if (message.type === "state") {
      const { state, seenAgoMs } = message;
      const seenAt = seenAgoMs === null ? null : performance.now() - seenAgoMs;
      this.#connection = { state, seenAt };
      this.#onState(this.#connection);
    } else {
      this.#onEvent(message.type, message.data);
    }
  }

  #answer() {
    if (this.#stream === null) {
      return;
    }
    for (const [type, data] of this.#newest) {
      this.#post({ type: /** @type {"sale" | "purchase"} */ (type), data });
    }
    this.#postState();
  }

  /** A visible follower makes sure that its leader lives. */
  #watch() {
    const channel = this.#channel;
    if (this.#stream !== null || channel === null || document.hidden) {
      return;
    }
    if (this.#unanswered >= UNANSWERED_MAX && navigator.locks !== undefined) {
      const { name } = channel;
      this.#leave();
      this.#join();
      this.#queue(name, this.#joined, true);
      return;
    }
    this.#unanswered += 1;
    this.#post({ type: "ask" });
  }
}
