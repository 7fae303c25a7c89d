/**
 * Owns server-sent events (HTML standard, section 9.2), read with fetch: `EventSource` sends no token.
 *
 *     connecting -> open -> away -> open -> ...
 *
 * A stream that ends is connected again, after the server's `retry` and a random part, longer each time while that
 * fails. It says which event it had last, so that it does not come again. The API sends something every 15 s: a
 * stream that is silent for longer than 35 s is dead, whatever the network says.
 */

import { ApiError, RETRY_AFTER_MAX_MS, sleep } from "./api.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./clock.js").ServerClock} ServerClock */
/** @typedef {{ name: string, data: any, id: string }} StreamEvent `data` is parsed JSON */
/**
 * @typedef {object} StreamState
 * @property {"connecting" | "open" | "away"} state
 * @property {number | null} seenAt when the last byte came, by `performance.now()`
 * @property {ApiError | null} failure why it is away
 */

const SILENCE_MAX_MS = 35_000;
const WATCH_EVERY_MS = 5_000;
/** How long the first bytes of a stream may take. */
const OPENING_MAX_MS = 10_000;
/** Until the server says otherwise. */
const RETRY_MS = 2_000;
const RETRY_MAX_MS = 30_000;
/** Statuses after which asking again is no use. */
const FINAL = [400, 403, 404];
/** Why a connection ended that this page did not want any more. */
const STOPPED = "STOPPED";
const RECONNECT = "RECONNECT";

/** Cuts the text of a stream into events. Pieces may end anywhere, also between CR and LF. */
class EventParser {
  #rest = "";
  #data = "";
  #name = "";
  /** The id of the newest event. */
  lastId = "";
  /** What the server wants to pass before the next connection, milliseconds. @type {number | null} */
  retryMs = null;

  /**
   * @param {string} piece
   * @returns {StreamEvent[]}
   */
  push(piece) {
    const text = this.#rest + piece;
    // The last line may go on, and a CR at the end may be half of a CRLF.
    const lines = text.split(/\r\n|\r(?!$)|\n/u);
    this.#rest = lines.pop() ?? "";
    const events = [];
    for (const line of lines) {
      if (line !== "") {
        this.#take(line);
      } else if (this.#data !== "") {
        try {
          events.push({ name: this.#name || "message", data: JSON.parse(this.#data), id: this.lastId });
        } catch (error) {
          // The events after it count all the same.
          reportError(error);
        }
        this.#clear();
      } else {
        this.#clear();
      }
    }
    return events;
  }

  /** Begins with a new connection: what was not complete is not an event. */
  begin() {
    this.#rest = "";
    this.#clear();
  }

  #clear() {
    this.#data = "";
    this.#name = "";
  }

  /** @param {string} line */
  #take(line) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /u, "");
    if (field === "event") {
      this.#name = value;
    } else if (field === "data") {
      this.#data += this.#data === "" ? value : `\n${value}`;
    } else if (field === "id" && !value.includes("\0")) {
      this.lastId = value;
    } else if (field === "retry" && /^\d+$/u.test(value)) {
      this.retryMs = Number(value);
    }
  }
}

export class Stream {
  /** @type {Api} */
  #api;
  /** @type {string} */
  #path;
  /** @type {ServerClock} */
  #clock;
  /** @type {(event: StreamEvent) => void} */
  #onEvent;
  /** @type {(state: StreamState) => void} */
  #onState;
  #parser = new EventParser();
  /** Ends the stream for good. @type {AbortController | null} */
  #running = null;
  /** Ends the connection or the pause of now. */
  #turn = new AbortController();
  /** Connections that failed since the last byte. */
  #failed = 0;
  /** @type {StreamState} */
  #state = { state: "connecting", seenAt: null, failure: null };

  /**
   * @param {object} options
   * @param {Api} options.api sends the token of its session with each connection
   * @param {ServerClock} options.clock notices when the computer has slept
   * @param {string} options.path
   * @param {(event: StreamEvent) => void} options.onEvent
   * @param {(state: StreamState) => void} options.onState called with each change, and with each piece that comes
   */
  constructor({ api, clock, path, onEvent, onState }) {
    this.#api = api;
    this.#clock = clock;
    this.#path = path;
    this.#onEvent = onEvent;
    this.#onState = onState;
  }

  /** How it is now. */
  get state() {
    return this.#state;
  }

  start() {
    if (this.#running !== null) {
      return;
    }
    const running = new AbortController();
    this.#running = running;
    const { signal } = running;
    addEventListener("online", () => this.reconnect(), { signal });
    addEventListener("offline", () => this.#turn.abort(new ApiError({ code: "NETWORK" })), { signal });
    signal.addEventListener("abort", this.#clock.onSleep(() => this.reconnect()));
    void this.#run(running);
  }

  stop() {
    this.#running?.abort();
    this.#running = null;
    this.#turn.abort(new ApiError({ code: STOPPED }));
  }

  /** Connects again at once, and gets everything: after a sleep, or with another token. */
  reconnect() {
    this.#parser = new EventParser();
    this.#failed = 0;
    this.#turn.abort(new ApiError({ code: RECONNECT }));
  }

  /** @param {AbortController} running */
  async #run(running) {
    const { signal } = running;
    while (!signal.aborted) {
      this.#turn = new AbortController();
      const failure = await this.#connect(this.#turn);
      if (signal.aborted) {
        return;
      }
      const { seenAt } = this.#state;
      if (failure?.code === RECONNECT) {
        this.#say({ state: "connecting", seenAt, failure: null });
        continue;
      }
      this.#failed += 1;
      this.#say({ state: "away", seenAt, failure });
      if (failure !== null && FINAL.includes(failure.status)) {
        running.abort();
        return;
      }
      this.#turn = new AbortController();
      // A pause that ends early is as good as one that ends.
      await sleep(this.#pauseMs(failure), this.#turn.signal).catch(() => {});
    }
  }

  /**
   * Reads one connection to its end.
   * @param {AbortController} turn ends it early
   * @returns {Promise<ApiError | null>} why it ended; null if the server ended it
   */
  async #connect(turn) {
    let heardAt = performance.now();
    let silenceMaxMs = OPENING_MAX_MS;
    const watchdog = setInterval(() => {
      if (performance.now() - heardAt > silenceMaxMs) {
        turn.abort(new ApiError({ code: "TIMEOUT" }));
      }
    }, WATCH_EVERY_MS);
    const parser = this.#parser;
    parser.begin();
    try {
      const reader = await this.#open(parser.lastId, turn.signal);
      const decoder = new TextDecoder();
      silenceMaxMs = SILENCE_MAX_MS;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) {
          return null;
        }
        heardAt = performance.now();
        this.#failed = 0;
        this.#say({ state: "open", seenAt: heardAt, failure: null });
        for (const event of parser.push(decoder.decode(value, { stream: true }))) {
          this.#give(event);
        }
      }
    } catch (error) {
      const reason = turn.signal.aborted ? turn.signal.reason : error;
      return reason instanceof ApiError ? reason : new ApiError({ code: "NETWORK", detail: String(reason) });
    } finally {
      clearInterval(watchdog);
      // Whatever ended it, the connection must not stay open. The reason is known by now.
      turn.abort();
    }
  }

  /** @param {StreamEvent} event */
  #give(event) {
    try {
      this.#onEvent(event);
    } catch (error) {
      // A fault of the page's is no fault of the connection.
      reportError(error);
    }
  }

  /**
   * @param {string} lastId
   * @param {AbortSignal} signal
   */
  async #open(lastId, signal) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "text/event-stream" };
    if (lastId !== "") {
      headers["Last-Event-ID"] = lastId;
    }
    const response = await this.#api.fetch("GET", this.#path, { headers, signal });
    const type = response.headers.get("Content-Type") ?? "";
    if (response.body === null || !type.startsWith("text/event-stream")) {
      throw new ApiError({ code: "NETWORK", detail: "The answer is no stream of events." });
    }
    return response.body.getReader();
  }

  /** @param {ApiError | null} failure */
  #pauseMs(failure) {
    const retryMs = this.#parser.retryMs ?? RETRY_MS;
    const longer = Math.min(RETRY_MAX_MS, retryMs * 2 ** (this.#failed - 1));
    const named = Math.min(RETRY_AFTER_MAX_MS, (failure?.retryAfter ?? 0) * 1_000);
    return Math.max(named, longer) * (1 + Math.random() / 2);
  }

  /** @param {StreamState} state */
  #say(state) {
    this.#state = state;
    this.#onState(state);
  }
}
