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
    forget(purpose, key);
    return answer;
  } catch (error) {
    const settles = error instanceof ApiError && !error.isPassing && !NOT_LET_IN.includes(error.status);
    if (settles) forget(purpose, key);
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
  return retrying(send, { tries: TRIES, onPause: (_, pauseMs) => onPause?.(pauseMs) });
}

/** @param {string} purpose @param {string} content */
function kept(purpose, content) {
  const found = read(purpose);
  return found?.content === content && Date.now() - found.at < KEY_MS ? found.key : null;
}

/** @typedef {{ content: string, key: string, at: number }} Kept */

/** @param {string} purpose @returns {Kept | null} */
function read(purpose) {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + purpose) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} purpose @param {Kept} value */
function keep(purpose, value) {
  try {
    sessionStorage.setItem(PREFIX + purpose, JSON.stringify(value));
  } catch {
    // Without storage a key lasts as long as the request.
  }
}

/**
 * Removes a key, unless a request of another content has its own there by now.
 * @param {string} purpose
 * @param {string} key
 */
function forget(purpose, key) {
  try {
    if (read(purpose)?.key === key) sessionStorage.removeItem(PREFIX + purpose);
  } catch {
    // Nothing was kept.
  }
}
