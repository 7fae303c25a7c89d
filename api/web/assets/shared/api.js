/**
 * Owns requests to the API: the token, the time limit, and failures as one class.
 *
 * A request is sent once. `retrying` is for callers who want more than that.
 */

/** @typedef {import("./session.js").Session} Session */

/** How long an answer may take, milliseconds. */
const TIMEOUT_MS = 10_000;
/** The longest pause that `retrying` makes where the server names none, milliseconds. */
const PAUSE_MAX_MS = 10_000;
/** The longest pause that a server can name: a proxy may name hours, milliseconds. */
export const RETRY_AFTER_MAX_MS = 60_000;
/** The shortest pause that a server can name: it may name none, milliseconds. */
const RETRY_AFTER_MIN_MS = 500;

/**
 * Why there is no answer, or which failure the answer names.
 *
 * `code` is one of the API's (`OUT_OF_STOCK`, ...), or one of these, with status 0:
 * - `NETWORK`: the answer did not come; the request may have arrived.
 * - `TIMEOUT`: the same, after the time limit.
 *
 * An answer of 4xx that is not the API's, such as a proxy's page, says nothing of what became of the request. It counts as
 * 502, `NOT_THE_API`. (A proxy that says 429 has not passed the request on.)
 */
export class ApiError extends Error {
  /**
   * @param {object} failure
   * @param {string} failure.code
   * @param {number} [failure.status] the HTTP status
   * @param {string} [failure.detail] a sentence for people
   * @param {number | null} [failure.retryAfter] seconds
   * @param {Record<string, any>} [failure.problem] the whole answer: `field`, `reason`, `orderId`, ...
   */
  constructor({ code, status = 0, detail = "", retryAfter = null, problem = {} }) {
    super(detail || code);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.retryAfter = retryAfter;
    this.problem = problem;
  }

  /** Whether the same request may be answered differently in a moment. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** Whether what was asked for may have happened all the same. */
  get isUnsure() {
    return [0, 502, 504].includes(this.status) || this.problem["outcomeUnknown"] === true;
  }
}

/**
 * @typedef {object} Options
 * @property {unknown} [body] sent as JSON
 * @property {Record<string, string>} [headers]
 * @property {number} [timeoutMs]
 * @property {AbortSignal} [signal] ends the request; the failure is then the signal's reason
 * @property {boolean} [anonymous] sends no token: shared caches may answer
 */

export class Api {
  /** @type {Session} */
  #session;

  /** @param {Session} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * @param {string} path
   * @param {Options} [options]
   * @returns {Promise<any>} the answer's JSON
   */
  get(path, options) {
    return this.#send("GET", path, options);
  }

  /**
   * The answer's JSON, and when it was true by the server that sent it or has confirmed it since: milliseconds since
   * 1970, null if nobody says. A cache that learns that its copy still holds keeps the body, and takes the new `Date`.
   * @param {string} path
   * @param {Options} [options]
   * @returns {Promise<{ body: any, date: number | null }>}
   */
  async getDated(path, options) {
    /** @type {number | null} */
    let date = null;
    const onHeaders = (/** @type {Headers} */ headers) => {
      const said = Date.parse(headers.get("Date") ?? "") + Number(headers.get("Age") ?? 0) * 1_000;
      date = Number.isFinite(said) ? said : null;
    };
    const body = await this.#send("GET", path, options, onHeaders);
    return { body, date };
  }

  /**
   * @param {string} path
   * @param {unknown} [body]
   * @param {Options} [options]
   * @returns {Promise<any>}
   */
  post(path, body, options) {
    return this.#send("POST", path, { ...options, body });
  }

  /**
   * @param {string} path
   * @param {unknown} body
   * @param {Options} [options]
   * @returns {Promise<any>}
   */
  patch(path, body, options) {
    return this.#send("PATCH", path, { ...options, body });
  }

  /**
   * The answer itself, once its headers are there: for streams and files.
   * @param {string} method
   * @param {string} path
   * @param {Options & { signal: AbortSignal }} options its signal ends the request, also while the body is read
   * @returns {Promise<Response>} an answer of success
   */
  async fetch(method, path, { body, headers = {}, signal, anonymous = false }) {
    const token = anonymous ? undefined : this.#session.signedIn?.token;
    /** @type {RequestInit} */
    const init = { method, signal, headers: { ...headers }, credentials: "omit" };
    const sent = /** @type {Record<string, string>} */ (init.headers);
    if (token !== undefined) {
      sent["Authorization"] = `Bearer ${token}`;
    }
    if (body !== undefined) {
      sent["Content-Type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    let response;
    try {
      response = await fetch(path, init);
    } catch (error) {
      throw lost(error, signal);
    }
    if (response.ok) {
      return response;
    }
    const failure = await failureOf(response);
    if (failure.status === 401 && token !== undefined) {
      this.#session.lose(token, failure.code === "TOKEN_EXPIRED" ? "expired" : "revoked");
    }
    throw failure;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Options} [options]
   * @param {(headers: Headers) => void} [onHeaders]
   */
  async #send(method, path, { signal, timeoutMs = TIMEOUT_MS, ...options } = {}, onHeaders) {
    const limit = new AbortController();
    const end = () => limit.abort(signal?.reason);
    const timer = setTimeout(() => limit.abort(new ApiError({ code: "TIMEOUT" })), timeoutMs);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) {
      end();
    }
    try {
      const response = await this.fetch(method, path, { ...options, signal: limit.signal });
      onHeaders?.(response.headers);
      const text = await response.text();
      return text === "" ? null : JSON.parse(text);
    } catch (error) {
      throw lost(error, limit.signal);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    }
  }
}

/**
 * @param {unknown} error
 * @param {AbortSignal} signal
 */
function lost(error, signal) {
  if (error instanceof ApiError) {
    return error;
  }
  return signal.aborted ? signal.reason : new ApiError({ code: "NETWORK", detail: String(error) });
}

/** @param {Response} response */
async function failureOf(response) {
  const text = await response.text().catch(() => "");
  /** @type {Record<string, any>} */
  let problem = {};
  try {
    problem = JSON.parse(text) ?? {};
  } catch {
    // A proxy's page, not the API's answer.
  }
  const seconds = Number(response.headers.get("Retry-After") ?? "none");
  const retryAfter = seconds >= 0 && Number.isFinite(seconds) ? seconds : null;
  const { status } = response;
  if (status < 500 && status !== 429 && !isProblem(response, problem)) {
    return new ApiError({ code: "NOT_THE_API", status: 502, retryAfter });
  }
  const code = problem["code"] ?? "UNKNOWN";
  return new ApiError({ code, status, detail: problem["detail"] ?? "", retryAfter, problem });
}

/**
 * Whether a failure is the API's word.
 * @param {Response} response
 * @param {Record<string, any>} problem
 */
function isProblem(response, problem) {
  const type = response.headers.get("Content-Type") ?? "";
  return type.startsWith("application/problem+json") && typeof problem["code"] === "string";
}

/**
 * Has the browser report a fault of the page's own. A failed request is none.
 * @param {unknown} error
 */
export function reportFault(error) {
  if (!(error instanceof ApiError)) {
    reportError(error);
  }
}

/**
 * How long to wait before a request is sent again: what the server said, else longer each time. A random part spreads
 * those who failed together.
 * @param {ApiError} failure
 * @param {number} tries how many failed, from 1
 * @returns {number} milliseconds
 */
export function pauseAfter(failure, tries) {
  const named = failure.retryAfter === null ? null : Math.max(RETRY_AFTER_MIN_MS, failure.retryAfter * 1_000);
  const pause = named ?? Math.min(PAUSE_MAX_MS, 1_000 * 2 ** (tries - 1));
  return Math.min(pause, RETRY_AFTER_MAX_MS) + Math.random() * 1_000;
}

/**
 * Sends a request again while it fails in passing (see `ApiError.isPassing`).
 * @template T
 * @param {() => Promise<T>} request
 * @param {object} options
 * @param {AbortSignal} [options.signal] ends it
 * @param {number} [options.tries] how often to send it at most
 * @param {(failure: ApiError, pauseMs: number) => void} [options.onPause] called before each pause
 * @returns {Promise<T>}
 */
export async function retrying(request, { signal, tries = Infinity, onPause }) {
  for (let failed = 1; ; failed += 1) {
    signal?.throwIfAborted();
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isPassing || failed >= tries) {
        throw error;
      }
      const pauseMs = pauseAfter(error, failed);
      onPause?.(error, pauseMs);
      await sleep(pauseMs, signal);
    }
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} [signal] ends it early: then it fails with the signal's reason
 * @returns {Promise<void>}
 */
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, ms);
    signal?.addEventListener("abort", end, { once: true });
    if (signal?.aborted) {
      end();
    }
  });
}

/** A new key for `Idempotency-Key`. (`crypto.randomUUID` is missing where a page came without TLS.) */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
