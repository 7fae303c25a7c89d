/**
 * Requests that change something, sent until their answer is known.
 *
 * A request that adds carries a key. The key is kept until an answer settles the request, also over a reload of the
 * page: a second click, a lost answer and a try after a 503 all send the same key, so the API adds once. Another content
 * is another request, with a key of its own. A key that nobody has used for a while is dropped: by then the same content
 * means another addition.
 */

import { ApiError, newKey, retrying } from "../shared/api.js";
import { MayBeDone } from "./failures.js";

const TRIES = 5;
/** For how long after its last use an unsettled key is kept, milliseconds. The text of `MayBeDone` names it. */
const KEY_MS = 10 * 60_000;
/** Answers that say who asks is not let in, and nothing about the requests before. */
const NOT_LET_IN = [401, 403];
const PREFIX = "mincommerce.console.once.";

/** Requests on their way, by purpose and content. @type {Map<string, Promise<any>>} */
const running = new Map();

/**
 * Sends a request that adds something.
 * @template T
 * @param {string} purpose what for, such as `restock:` and the sale
 * @param {unknown} body
 * @param {(key: string) => Promise<T>} send
 * @param {(pauseMs: number) => void} [onPause] called before each pause
 * @returns {Promise<T>}
 */
export function addOnce(purpose, body, send, onPause) {
  const content = JSON.stringify(body);
  const name = purpose + content;
  const known = running.get(name);
  if (known) return known;
  const sent = sendKept(purpose, content, send, onPause).finally(() => running.delete(name));
  running.set(name, sent);
  return sent;
}

/**
 * @template T
 * @param {string} purpose
 * @param {string} content
 * @param {(key: string) => Promise<T>} send
 * @param {(pauseMs: number) => void} [onPause]
 */
async function sendKept(purpose, content, send, onPause) {
  const before = kept(purpose, content);
  const key = before ?? newKey();
  let mayBeDone = before !== null;
  const attempt = async () => {
    try {
      return await send(key);
    } catch (error) {
      mayBeDone ||= !(error instanceof ApiError) || error.isUnsure || error.status === 500;
      throw error;
    }
  };
  keep(purpose, { content, key, at: Date.now() });
  try {
    const answer = await untilKnown(attempt, onPause);
    keep(purpose, null);
    return answer;
  } catch (error) {
    const settles = error instanceof ApiError && !error.isPassing && !NOT_LET_IN.includes(error.status);
    if (settles) keep(purpose, null);
    throw mayBeDone && !settles ? new MayBeDone(error) : error;
  }
}

/**
 * Sends a request that may be repeated, until there is an answer.
 * @template T
 * @param {() => Promise<T>} send
 * @param {(pauseMs: number) => void} [onPause]
 * @returns {Promise<T>}
 */
export function untilKnown(send, onPause) {
  const signal = new AbortController().signal;
  return retrying(send, { signal, tries: TRIES, onPause: (_, pauseMs) => onPause?.(pauseMs) });
}

/** @param {string} purpose @param {string} content */
function kept(purpose, content) {
  try {
    const found = JSON.parse(sessionStorage.getItem(PREFIX + purpose) ?? "null");
    const isUsable = found?.content === content && Date.now() - found.at < KEY_MS;
    return isUsable ? /** @type {string} */ (found.key) : null;
  } catch {
    return null;
  }
}

/** @param {string} purpose @param {{ content: string, key: string, at: number } | null} value */
function keep(purpose, value) {
  try {
    if (value) sessionStorage.setItem(PREFIX + purpose, JSON.stringify(value));
    else sessionStorage.removeItem(PREFIX + purpose);
  } catch {
    // Without storage a key lasts as long as the request.
  }
}
