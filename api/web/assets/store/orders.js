/**
 * Owns the list of the visitor's orders at `/orders`. A link to one order, `/orders#{orderId}`, leads to its ticket.
 */

import { retrying } from "../shared/api.js";
import { el, fill, show } from "../shared/dom.js";
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
 * @property {number} price
 * @property {string} currency
 * @property {"confirmed" | "cancelled"} status
 * @property {string} createdAt
 */

const PAGE = 12;

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
  /** What was sold, by the sale. @type {Map<string, Promise<{ productName: string, imageUrl?: string | null }>>} */
  #products = new Map();

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
    addEventListener("hashchange", () => this.#find(false));
    await this.#begin();
  }

  async #begin() {
    this.#begun.abort();
    this.#begun = new AbortController();
    this.#isLoading = false;
    const heading = el("h1", {}, words.orders.heading);
    if (this.#shop.session.signedIn === null) {
      const { why } = this.#shop.session;
      const line = why === "expired" || why === "revoked" ? words.session[why] : words.orders.signIn;
      fill(this.#place, notice(words.orders.heading, line, signInPath(), words.account.signIn));
      return;
    }
    this.#cursor = null;
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
    this.#isLoading = true;
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
      const tickets = await Promise.all(data.map((/** @type {Order} */ order) => this.#ticketOf(order)));
      // Another buyer may have signed in meanwhile.
      if (!signal.aborted) {
        fill(this.#note);
        this.#add(tickets, nextCursor);
        if (isFirst) {
          this.#find(true);
        }
      }
    } catch {
      if (!signal.aborted) {
        this.#fail(isFirst);
      }
    } finally {
      pause.end();
      if (!signal.aborted) {
        this.#isLoading = false;
      }
    }
  }

  /** @param {boolean} isFirst */
  #fail(isFirst) {
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
    this.#list.append(...tickets);
    this.#cursor = nextCursor;
    show(this.#more, nextCursor !== null);
  }

  /** @param {Order} order */
  async #ticketOf(order) {
    const { orderId, saleId, productId, price, currency, status, createdAt } = order;
    const product = await this.#productOf(saleId);
    const ticket = new Ticket({ ...product, saleId, productId, price, currency }, { withSale: true });
    const stage = status === "confirmed" ? "completed" : "cancelled";
    ticket.update({ status: stage, orderId, purchasedAt: createdAt }, this.#shop.clock.now());
    return ticket.element;
  }

  /**
   * The order does not say what its product is called; the sale does.
   * @param {string} saleId
   */
  #productOf(saleId) {
    let product = this.#products.get(saleId);
    if (product === undefined) {
      product = this.#askProduct(saleId).catch(() => ({ productName: words.orders.unknownProduct }));
      this.#products.set(saleId, product);
    }
    return product;
  }

  /** @param {string} saleId */
  async #askProduct(saleId) {
    const { api, clock } = this.#shop;
    const sent = performance.now();
    const { data } = await api.get(`/api/flash-sale/status?saleId=${saleId}`, { anonymous: true });
    clock.learn(data.serverTime, sent);
    return { productName: data.productName, imageUrl: data.imageUrl };
  }

  /**
   * Leads to the order that the address names.
   * @param {boolean} isFirst
   */
  #find(isFirst) {
    const id = location.hash.slice(1);
    if (id === "" || this.#shop.session.signedIn === null) {
      return;
    }
    const ticket = document.getElementById(id);
    if (ticket !== null) {
      ticket.setAttribute("tabindex", "-1");
      ticket.scrollIntoView({ block: "center" });
      ticket.focus({ preventScroll: true });
    } else if (isFirst && this.#cursor === null) {
      fill(this.#note, el("p", { class: "note warn" }, words.orders.notHere));
    }
  }
}
