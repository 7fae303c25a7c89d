/**
 * Owns the list of the visitor's orders at `/orders`. A link to one order, `/orders#{orderId}`, leads to its ticket.
 */

import { ApiError, reportFault, retrying, sleep } from "../shared/api.js";
import { el, fill, setAttribute, setText, show } from "../shared/dom.js";
import { orderShort } from "../shared/format.js";
import { askPurchase, isPending } from "./answers.js";
import { notice, problem } from "./notices.js";
import { signInPath } from "./sign_in.js";
import { Ticket } from "./ticket.js";
import { words } from "./words.js";

/** @typedef {import("./main.js").Shop} Shop */
/**
 * @typedef {object} Order
 * @property {string} orderId
 * @property {string} saleId
 * @property {string} productId
 * @property {string} productName
 * @property {string | null} imageUrl
 * @property {number} price
 * @property {string} currency
 * @property {"confirmed" | "cancelled"} status
 * @property {string} createdAt
 */

const PAGE = 12;
/** How often it asks for an order that is being written down. */
const ASK_EVERY_MS = 2_000;

export class Orders {
  /** @type {Shop} */
  #shop;
  /** @type {HTMLElement} */
  #place;
  #list = el("div", { class: "tickets" });
  #more = el("button", { class: "button", type: "button", hidden: true, onclick: () => void this.#load() }, words.orders.more);
  #note = el("div");
  /** @type {string | null} */
  #cursor = null;
  #isLoading = false;
  /** Ends what was asked for another buyer. */
  #begun = new AbortController();

  /**
   * @param {Shop} shop
   * @param {HTMLElement} place
   */
  constructor(shop, place) {
    this.#shop = shop;
    this.#place = place;
    document.title = `${words.titles.orders} · ${shop.name}`;
  }

  async start() {
    const { session } = this.#shop;
    let user = session.signedIn?.userId;
    session.onChange((signedIn) => {
      if (signedIn?.userId !== user) {
        user = signedIn?.userId;
        void this.#begin();
      }
    });
    addEventListener("hashchange", () => void this.#find());
    await this.#begin();
  }

  async #begin() {
    this.#begun.abort();
    this.#begun = new AbortController();
    this.#setLoading(false);
    const heading = el("h1", {}, words.orders.heading);
    if (this.#shop.session.signedIn === null) {
      const { why } = this.#shop.session;
      const line = why === "expired" || why === "revoked" ? words.session[why] : words.orders.signIn;
      fill(this.#place, notice(words.orders.heading, line, signInPath(), words.account.signIn));
      return;
    }
    this.#cursor = null;
    show(this.#more, false);
    const skeletons = [1, 2].map(() => el("div", { class: "ticket skeleton", "aria-hidden": "true" }));
    fill(this.#list, ...skeletons);
    fill(this.#note);
    fill(this.#place, heading, this.#note, this.#list, el("p", { class: "more" }, this.#more));
    await this.#load();
  }

  async #load() {
    const user = this.#shop.session.signedIn?.userId;
    if (user === undefined || this.#isLoading) {
      return;
    }
    this.#setLoading(true);
    const { signal } = this.#begun;
    const isFirst = this.#cursor === null;
    const pause = problem(words.problem.loading);
    try {
      const cursor = this.#cursor === null ? "" : `&cursor=${encodeURIComponent(this.#cursor)}`;
      const path = `/api/purchase/user/${user}?limit=${PAGE}${cursor}`;
      const { data, nextCursor } = await retrying(() => this.#shop.api.get(path, { signal }), {
        signal,
        onPause: (_failure, pauseMs) => {
          pause.showFor(pauseMs);
          fill(this.#note, pause.element);
        },
      });
      const tickets = data.map((/** @type {Order} */ order) => this.#ticketOf(order));
      // Another buyer may have signed in meanwhile.
      if (!signal.aborted) {
        fill(this.#note);
        this.#add(tickets, nextCursor);
      }
    } catch (error) {
      if (!signal.aborted) {
        this.#fail(isFirst, error);
      }
      return;
    } finally {
      pause.end();
      if (!signal.aborted) {
        this.#setLoading(false);
      }
    }
    if (isFirst && !signal.aborted) {
      await this.#find();
    }
  }

  /** @param {boolean} isLoading */
  #setLoading(isLoading) {
    this.#isLoading = isLoading;
    setAttribute(this.#more, "aria-disabled", isLoading && "true");
    setText(this.#more, isLoading ? words.orders.loading : words.orders.more);
  }

  /** @param {boolean} isFirst @param {unknown} error */
  #fail(isFirst, error) {
    reportFault(error);
    if (isFirst) {
      fill(this.#list);
    }
    const again = el("button", { class: "button", type: "button", onclick: () => void this.#load() }, words.problem.again);
    fill(this.#note, el("div", { class: "note bad" }, el("p", {}, words.problem.loading), again));
  }

  /**
   * @param {HTMLElement[]} tickets
   * @param {string | null} nextCursor
   */
  #add(tickets, nextCursor) {
    if (this.#cursor === null) {
      fill(this.#list);
      if (tickets.length === 0) {
        fill(this.#list, notice(words.orders.none, words.orders.noneLine, "/", words.orders.toSales, "h2"));
      }
    }
    const hadFocus = document.activeElement === this.#more;
    this.#list.append(...tickets);
    this.#cursor = nextCursor;
    show(this.#more, nextCursor !== null);
    // The button that was pressed is gone: go on with what it brought.
    const next = tickets[0];
    if (hadFocus && nextCursor === null && next !== undefined) {
      focusOn(next);
    }
  }

  /** @param {Order} order */
  #ticketOf(order) {
    const { orderId, status, createdAt } = order;
    const ticket = new Ticket(order, { withSale: true });
    const stage = status === "confirmed" ? "completed" : "cancelled";
    ticket.update({ status: stage, orderId, purchasedAt: createdAt }, this.#shop.clock.now());
    return ticket.element;
  }

  /** Leads to the order that the address names, however old it is. */
  async #find() {
    const id = location.hash.slice(1);
    const { signal } = this.#begun;
    const find = () => [...this.#list.children].find((one) => one.id === id);
    if (id === "" || this.#shop.session.signedIn === null) {
      return;
    }
    let asked = null;
    while (find() === undefined && this.#cursor !== null && this.#cursor !== asked && !signal.aborted) {
      asked = this.#cursor;
      await this.#load();
    }
    const ticket = find();
    if (ticket instanceof HTMLElement) {
      ticket.scrollIntoView({ block: "center" });
      focusOn(ticket);
    } else if (this.#cursor === null && !signal.aborted) {
      await this.#explain(id, signal).catch((error) => signal.aborted || this.#fail(false, error));
    }
  }

  /**
   * Says what has become of an order that is not in the list. One that is being written down comes into it.
   * @param {string} id
   * @param {AbortSignal} signal ends it
   */
  async #explain(id, signal) {
    for (let wasPending = false; ; wasPending = true) {
      const purchase = await retrying(() => askPurchase(this.#shop.api, id, signal), { signal }).catch(unlessUnknown);
      if (signal.aborted || location.hash.slice(1) !== id) {
        return;
      }
      if (purchase?.status === "failed") {
        const why = words.failed[purchase.reason ?? ""] ?? words.next.failed(orderShort(id));
        fill(this.#note, el("p", { class: "note bad" }, `${words.ticket.states.failed}. ${why}`));
        return;
      }
      if (purchase === null || !(wasPending || isPending(purchase))) {
        fill(this.#note, el("p", { class: "note warn" }, words.orders.notHere));
        return;
      }
      if (!isPending(purchase)) {
        await this.#begin();
        return;
      }
      this.#showPending(id);
      await sleep(ASK_EVERY_MS, signal);
    }
  }

  /** @param {string} id */
  #showPending(id) {
    if (this.#list.querySelector(".ticket") === null) {
      // The buyer has one.
      fill(this.#list);
    }
    if (this.#note.querySelector("[role=status]") === null) {
      fill(this.#note, el("p", { class: "note", role: "status" }, words.orders.onItsWay(orderShort(id))));
    }
  }
}

/**
 * The shop knows no such order of this buyer.
 * @param {unknown} error
 */
function unlessUnknown(error) {
  if (error instanceof ApiError && [400, 404].includes(error.status)) {
    return null;
  }
  throw error;
}

/** @param {HTMLElement} ticket */
function focusOn(ticket) {
  ticket.setAttribute("tabindex", "-1");
  ticket.focus({ preventScroll: true });
}
