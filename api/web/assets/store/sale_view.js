/**
 * Owns the elements of a sale's page, and changes what differs. It decides nothing: see sale_state.js.
 *
 * Every area has its size before it has its data, so that nothing moves.
 */

import { el, fill, setAttribute, setText, show } from "../shared/dom.js";
import { countdown, duration, hour, number } from "../shared/format.js";
import { drawIfBroken, picture } from "../shared/picture.js";
import { priceOf } from "./sale_state.js";
import { windowInWords } from "./timing.js";
import { words } from "./words.js";

/** @typedef {import("./sale_state.js").Sale} Sale */
/** @typedef {import("./sale_state.js").State} State */
/** @typedef {import("./live.js").Connection} Connection */

export class SaleView {
  #badge = el("p", { class: "badge" });
  #connection = el("p", { class: "connection" });
  #name = el("h1", { dir: "auto" });
  #price = el("p", { class: "price" });
  #whenLabel = el("p", { class: "when-label" });
  #days = el("span", { class: "days" });
  #digits = el("span");
  #window = el("p", { class: "muted small" });
  #bar = el("div", { class: "bar", "aria-hidden": "true" }, el("div"));
  #left = el("p", { class: "left figures" });
  #nextWords = el("span");
  #nextLink = el("a", { href: "/orders", hidden: true }, words.next.toOrders);
  #next = el("p", { class: "next", id: "next" }, this.#nextWords, " ", this.#nextLink);
  #note = el("div", { hidden: true });
  #ticket = el("div", { class: "ticket-place" });
  /** @type {HTMLElement} */
  #pictureFrame = el("div", { class: "picture skeleton" });
  #about = el("p", { class: "about", dir: "auto" });
  /** @type {HTMLButtonElement} */
  #button;
  /** @type {HTMLElement} */
  element;
  #pictureOf = "";

  /** @param {() => void} onPress the button was pressed, whatever it says */
  constructor(onPress) {
    this.#button = el(
      "button",
      { class: "button primary buy", type: "button", "aria-describedby": "next", "aria-disabled": "true", onclick: onPress },
      words.button.loading,
    );
    this.element = el(
      "article",
      { class: "sale loading" },
      this.#pictureFrame,
      el(
        "div",
        { class: "panel" },
        el("div", { class: "signals" }, this.#badge, this.#connection),
        this.#name,
        this.#price,
        el(
          "div",
          { class: "when" },
          this.#whenLabel,
          el("p", { class: "countdown", role: "timer" }, this.#days, this.#digits),
          this.#window,
        ),
        el("div", { class: "stock" }, this.#bar, this.#left),
        this.#button,
        this.#next,
        this.#note,
        this.#ticket,
      ),
      this.#about,
    );
    setText(this.#nextWords, words.next.loading);
    setText(this.#connection, words.connection.connecting);
  }

  /**
   * Takes over what the server has written into the page.
   * @param {Element} early
   */
  adopt(early) {
    setText(this.#name, early.querySelector("h1")?.textContent ?? "");
    setText(this.#price, early.querySelector(".price")?.textContent ?? "");
    setText(this.#about, early.querySelector(".about")?.textContent ?? "");
    const image = early.querySelector("img");
    if (image?.parentElement) {
      this.#pictureOf = image.getAttribute("src") ?? "";
      this.#showPicture(image.parentElement);
    }
  }

  /** @param {HTMLElement} frame */
  #showPicture(frame) {
    this.#pictureFrame.replaceWith(frame);
    this.#pictureFrame = frame;
  }

  /**
   * What the shop has said of the product and the sale.
   * @param {Sale} sale
   * @param {number} now
   */
  showSale(sale, now) {
    const isFirst = this.element.classList.contains("loading");
    this.element.classList.remove("loading");
    setText(this.#name, sale.productName);
    setText(this.#price, priceOf(sale));
    setText(this.#about, sale.productDescription ?? "");
    show(this.#about, Boolean(sale.productDescription));
    const pictureOf = sale.imageUrl ?? sale.productId;
    if (this.#pictureOf !== pictureOf) {
      this.#pictureOf = pictureOf;
      this.#showPicture(picture(sale, ""));
    } else if (isFirst) {
      drawIfBroken(this.#pictureFrame, sale.productId);
    }
    setText(this.#window, windowInWords(sale.startTime, sale.endTime, now));
    this.#showStock(sale);
    const isSoldOut = sale.status === "active" && sale.availableQuantity === 0;
    const status = isSoldOut ? "soldOut" : sale.status;
    setText(this.#badge, words.status[status]);
    setAttribute(this.#badge, "class", `badge ${TONES[status]}`);
  }

  /** @param {Sale} sale */
  #showStock({ status, availableQuantity, totalQuantity }) {
    const total = number(totalQuantity);
    const part = totalQuantity === 0 ? 0 : availableQuantity / totalQuantity;
    const isLow = status === "active" && part <= 0.1;
    this.#bar.style.setProperty("--part", String(part));
    this.#bar.classList.toggle("low", isLow);
    if (status === "upcoming") {
      setText(this.#left, words.stock.units(total, totalQuantity));
    } else if (availableQuantity === 0) {
      setText(this.#left, words.stock.none(total));
    } else {
      setText(this.#left, words.stock.left(number(availableQuantity), total));
    }
  }

  /**
   * What passes with time alone.
   * @param {Sale} sale
   * @param {number} now
   */
  showTime({ status, startTime, endTime }, now) {
    if (status === "ended") {
      setText(this.#whenLabel, words.time.ended);
      setText(this.#days, "");
      setText(this.#digits, hour(endTime));
      return;
    }
    const isComing = status === "upcoming";
    const leftMs = Date.parse(isComing ? startTime : endTime) - now;
    const { days, clock } = countdown(leftMs);
    const passed = isComing ? words.time.starting : words.time.ending;
    setText(this.#whenLabel, leftMs <= 0 ? passed : isComing ? words.time.startsIn : words.time.endsIn);
    setText(this.#days, days === 0 ? "" : words.time.days(days));
    setText(this.#digits, clock);
  }

  /** @param {State} state */
  showState({ kind, label, next, action, isBusy = false, leadsToOrders = false }) {
    this.element.dataset["state"] = kind;
    setText(this.#button, label);
    setAttribute(this.#button, "aria-disabled", action === null ? "true" : null);
    setAttribute(this.#button, "aria-busy", isBusy ? "true" : null);
    setText(this.#nextWords, next);
    show(this.#nextLink, leadsToOrders);
  }

  /**
   * @param {Connection["state"]} state
   * @param {number | null} agoMs how long ago the shop was last heard
   */
  showConnection(state, agoMs) {
    this.element.classList.toggle("away", state === "away");
    setAttribute(this.#connection, "class", `connection ${state}`);
    if (state === "open") {
      setText(this.#connection, words.connection.live);
    } else if (state === "connecting") {
      setText(this.#connection, words.connection.connecting);
    } else {
      const ago = agoMs === null ? null : duration(agoMs, "narrow");
      setText(this.#connection, ago === null ? words.connection.away : words.connection.lastSeen(ago));
    }
  }

  /** @param {HTMLElement | null} ticket */
  showTicket(ticket) {
    if (this.#ticket.firstElementChild !== ticket) {
      fill(this.#ticket, ticket);
    }
  }

  /**
   * A note below everything else: the session, or what fails at the moment.
   * @param {(Node | string)[] | null} children
   */
  showNote(children) {
    show(this.#note, children !== null);
    fill(this.#note, ...(children ?? []));
  }
}

/** The look of the badge of each status. */
const TONES = /** @type {const} */ ({
  upcoming: "accent",
  active: "good",
  soldOut: "",
  paused: "warn",
  ended: "",
});
