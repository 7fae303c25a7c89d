/**
 * Requests that change something, sent until their answer is known.
 *
 * A request that adds carries a key. The key is kept until an answer settles the request, also over a reload of the
 * page: a second click, a lost answer and a try after a 503 all send the same key, so the API adds once. Another content
 * is another request, with a key of its own beside it. A key that nobody has used for a while is dropped: by then the same content
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
  const name = purpose + content;
  const before = kept(name);
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
  dropOld();
  keep(name, { key, at: Date.now() });
  try {
    const answer = await untilKnown(attempt, onPause);
    forget(name);
    return answer;
  } catch (error) {
    const settles = error instanceof ApiError && !error.isPassing && !NOT_LET_IN.includes(error.status);
    if (settles) forget(name);
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

/** The key of a request that nothing has settled yet. @param {string} name */
function kept(name) {
  const found = read(PREFIX + name);
  return found && isFresh(found) ? found.key : null;
}

/** @typedef {{ key: string, at: number }} Kept */

/** @param {Kept} kept */
function isFresh({ at }) {
  return Date.now() - at < KEY_MS;
}

/** @param {string} place @returns {Kept | null} */
function read(place) {
  try {
    return JSON.parse(sessionStorage.getItem(place) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} name @param {Kept} value */
function keep(name, value) {
  try {
    sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Without storage a key lasts as long as the request.
  }
}

/** @param {string} name */
function forget(name) {
  try {
    sessionStorage.removeItem(PREFIX + name);
  } catch {
    // Nothing was kept.
  }
}

/** Makes room: keys that nobody has used for a while. */
function dropOld() {
  try {
    for (const place of Object.keys(sessionStorage)) {
      const found = place.startsWith(PREFIX) ? read(place) : null;
      if (found && !isFresh(found)) sessionStorage.removeItem(place);
    }
  } catch {
    // Nothing was kept.
  }
}
