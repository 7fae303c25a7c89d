/**
 * Owns the ticket: a card that shows one purchase and what has become of it.
 */

import { el, setAttribute, setText, show } from "../shared/dom.js";
import { money, orderNumber, orderShort, second } from "../shared/format.js";
import { picture } from "../shared/picture.js";
import { atBeginning, dayInWords } from "./timing.js";
import { words } from "./words.js";

/** @typedef {import("./sale_state.js").Purchase} Purchase */
/**
 * @typedef {object} Bought
 * @property {string} productId
 * @property {string} productName
 * @property {string | null} [imageUrl]
 * @property {number} price
 * @property {string} currency
 * @property {string} saleId
 */

/** The look of each state's badge. */
const TONES = /** @type {const} */ ({
  queued: "accent",
  processing: "accent",
  completed: "good",
  failed: "bad",
  cancelled: "warn",
});

export class Ticket {
  #badge = el("p", { class: "badge" });
  #number = el("dd", { class: "order-number" });
  #time = el("dd");
  #bought = el("div", {}, el("dt", {}, words.ticket.time), this.#time);
  #link = el("a", { class: "small" }, words.ticket.link);
  /** @type {HTMLElement} */
  element;

  /**
   * @param {Bought} bought
   * @param {{ withSale: boolean }} options whether to link to the sale
   */
  constructor(bought, { withSale }) {
    const heading = el("h2", { dir: "auto" }, bought.productName);
    const facts = el(
      "dl",
      { class: "facts" },
      el("div", {}, el("dt", {}, words.ticket.order), this.#number),
      this.#bought,
      el("div", {}, el("dt", {}, words.ticket.price), el("dd", {}, money(bought.price, bought.currency))),
    );
    const sale = withSale && el("a", { class: "small", href: `/sales/${bought.saleId}` }, words.ticket.sale);
    const links = el("p", { class: "links" }, this.#link, sale);
    const body = el("div", { class: "ticket-body" }, this.#badge, heading, facts, links);
    this.element = el("article", { class: "ticket" }, picture(bought, "ticket-picture"), body);
  }

  /**
   * @param {Purchase} purchase one that has an order
   * @param {number | null} now the server's time
   */
  update({ status, orderId, purchasedAt }, now) {
    const id = orderId ?? "";
    const state = status === "not_purchased" ? "queued" : status;
    setAttribute(this.element, "id", id);
    setAttribute(this.element, "aria-label", words.ticket.label(orderShort(id)));
    setAttribute(this.element, "class", `ticket ${TONES[state]}`);
    setAttribute(this.#badge, "class", `badge ${TONES[state]}`);
    setText(this.#badge, words.ticket.states[state]);
    setText(this.#number, orderNumber(id));
    setText(this.#time, purchasedAt ? timeInWords(purchasedAt, now) : words.ticket.pending);
    setAttribute(this.#link, "href", `/orders#${id}`);
    // What failed was not bought.
    show(this.#bought, status !== "failed");
  }
}

/**
 * "Today, 20:00:03"
 * @param {string} time
 * @param {number | null} now
 */
function timeInWords(time, now) {
  return atBeginning(words.time.at(dayInWords(time, now), second(time)));
}
