/**
 * Requests that change something, sent until their answer is known.
 *
 * A request that adds carries a key. The key is kept until an answer has come, also over a reload of the page: a second
 * click, a lost answer and a try after a 503 all send the same key, so the API adds once. Another content is another
 * request, with a key of its own.
 */

import { newKey, retrying } from "../shared/api.js";

const TRIES = 5;
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
  const key = kept(purpose, content) ?? newKey();
  keep(purpose, { content, key });
  try {
    const answer = await untilKnown(() => send(key), onPause);
    keep(purpose, null);
    return answer;
  } catch (error) {
    const passing = error instanceof Error && "isPassing" in error && error.isPassing;
    if (!passing) keep(purpose, null);
    throw error;
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
    return found?.content === content ? /** @type {string} */ (found.key) : null;
  } catch {
    return null;
  }
}

/** @param {string} purpose @param {{ content: string, key: string } | null} value */
function keep(purpose, value) {
  try {
    if (value) sessionStorage.setItem(PREFIX + purpose, JSON.stringify(value));
    else sessionStorage.removeItem(PREFIX + purpose);
  } catch {
    // Without storage a key lasts as long as the request.
  }
}
