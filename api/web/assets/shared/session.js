/**
 * Owns who is signed in: the token, kept in this browser and the same in all of its tabs.
 *
 * The server decides how long a token counts. Nothing here compares its expiry with the visitor's clock, which may be
 * wrong: a 401 ends the session (see api.js).
 */

/**
 * @typedef {object} SignedIn
 * @property {string} token sent as `Authorization: Bearer`
 * @property {string} userId
 * @property {string} email
 * @property {"user" | "admin"} userType
 * @property {string} expiresAt RFC 3339, by the server's clock
 */

/** @typedef {"in" | "out" | "expired" | "revoked"} Why why a session began or ended */
/** @typedef {(signedIn: SignedIn | null, why: Why) => void} Listener */

/**
 * @typedef {object} Kept
 * @property {SignedIn | null} signedIn
 * @property {Why} why
 * @property {string} email the address of the last session, to offer it again
 */

/** @type {Kept} */
const NOBODY = { signedIn: null, why: "out", email: "" };

export class Session {
  /** @type {string} */
  #name;
  /** @type {Kept} */
  #kept;
  /** @type {Set<Listener>} */
  #listeners = new Set();

  /** @param {string} name the session's name in this browser's storage: pages with other names sign in separately */
  constructor(name) {
    this.#name = `mincommerce.${name}`;
    this.#kept = parsed(read(this.#name));
    addEventListener("storage", (event) => {
      if (event.key === this.#name || event.key === null) {
        this.#take(parsed(event.newValue));
      }
    });
    // A page that the browser had put aside, to come back to, has heard nothing meanwhile.
    addEventListener("pageshow", (event) => {
      if (event.persisted) {
        this.#take(parsed(read(this.#name)));
      }
    });
  }

  /** Who is signed in. */
  get signedIn() {
    return this.#kept.signedIn;
  }

  /** Why the last session ended; "in" while there is one. */
  get why() {
    return this.#kept.why;
  }

  /** The address of this session, or of the last one. */
  get email() {
    return this.#kept.email;
  }

  /** @param {SignedIn} signedIn what a login answered */
  begin({ token, userId, email, userType, expiresAt }) {
    this.#keep({ signedIn: { token, userId, email, userType, expiresAt }, why: "in", email });
  }

  /** Signs out, in all tabs. No attempt to buy goes on for somebody who has left (see store/attempt.js). */
  end() {
    const user = this.#kept.signedIn?.userId;
    if (user !== undefined) {
      removeAll(`mincommerce.attempt.${user}.`);
    }
    this.#keep(NOBODY);
  }

  /**
   * The server does not take this token any more.
   * @param {string} token a session that began meanwhile stays
   * @param {"expired" | "revoked"} why
   */
  lose(token, why) {
    const { signedIn, email } = this.#kept;
    if (signedIn?.token === token) {
      this.#keep({ signedIn: null, why, email });
    }
  }

  /**
   * @param {Listener} listener called after each change, whichever tab made it
   * @returns {() => void} stops it
   */
  onChange(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @param {Kept} kept */
  #keep(kept) {
    write(this.#name, JSON.stringify(kept));
    this.#take(kept);
  }

  /** @param {Kept} kept */
  #take(kept) {
    this.#kept = kept;
    for (const listener of this.#listeners) {
      listener(kept.signedIn, kept.why);
    }
  }
}

/**
 * @param {string | null} text
 * @returns {Kept}
 */
function parsed(text) {
  try {
    const kept = JSON.parse(text ?? "null");
    return typeof kept?.email === "string" ? kept : NOBODY;
  } catch {
    return NOBODY;
  }
}

/**
 * Reads from the browser's storage. Some browsers forbid it: then everything lasts as long as the page.
 * @param {string} name
 */
export function read(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/**
 * Writes to the browser's storage, or removes what is there.
 * @param {string} name
 * @param {string | null} text
 */
export function write(name, text) {
  try {
    if (text === null) {
      localStorage.removeItem(name);
    } else {
      localStorage.setItem(name, text);
    }
  } catch {
    // The page goes on without.
  }
}

/**
 * Removes everything from the browser's storage whose name begins so.
 * @param {string} prefix
 */
function removeAll(prefix) {
  try {
    for (const name of Object.keys(localStorage).filter((one) => one.startsWith(prefix))) {
      localStorage.removeItem(name);
    }
  } catch {
    // Nothing was kept.
  }
}
