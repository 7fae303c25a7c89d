/**
 * Owns the note on a sale's page that says that the session has ended, or will before a start that is near.
 */

import { announce, el } from "../shared/dom.js";
import { signInPath } from "./sign_in.js";
import { words } from "./words.js";

/** @typedef {import("../shared/session.js").Session} Session */
/** @typedef {import("./sale_state.js").Sale} Sale */

/** So long before the start it matters whether the session lasts. */
const NEAR_MS = 3_600_000;
const NOTE = { class: "note warn" };

export class SessionNote {
  /** @type {Session} */
  #session;
  /** @type {(children: (Node | string)[] | null) => void} */
  #show;
  /** What it says. @type {"" | "expired" | "revoked" | "early"} */
  #said = "";

  /**
   * @param {Session} session
   * @param {(children: (Node | string)[] | null) => void} show
   */
  constructor(session, show) {
    this.#session = session;
    this.#show = show;
  }

  /**
   * @param {Sale} sale
   * @param {number | null} now the server's time
   */
  update(sale, now) {
    const says = this.#says(sale, now);
    if (says === this.#said) {
      return;
    }
    this.#said = says;
    if (says === "") {
      this.#show(null);
    } else if (says === "early") {
      this.#show([el("p", NOTE, `${words.session.endsEarly} `, this.#renew(), ` ${words.session.toBeReady}`)]);
    } else {
      const link = el("a", { href: signInPath() }, words.session.goOn);
      this.#show([el("p", NOTE, `${words.session[says]} `, link, ` ${words.session.keeps}`)]);
      announce(words.session[says]);
    }
  }

  /**
   * @param {Sale} sale
   * @param {number | null} now
   */
  #says({ startTime }, now) {
    const { signedIn, why } = this.#session;
    if (signedIn === null) {
      return why === "expired" || why === "revoked" ? why : "";
    }
    const start = Date.parse(startTime);
    const isNear = now !== null && start > now && start - now < NEAR_MS;
    return isNear && Date.parse(signedIn.expiresAt) < start ? "early" : "";
  }

  /** Signing in again replaces this session. */
  #renew() {
    const end = () => this.#session.lose(this.#session.signedIn?.token ?? "", "expired");
    return el("a", { href: signInPath(), onclick: end }, words.session.renew);
  }
}
