/**
 * Owns the list of sales at `/`. It asks again when a sale starts or ends, when the visitor comes back to the page,
 * and every half minute while somebody looks at it: a shared cache can answer.
 */

import { ApiError, pauseAfter, reportFault, retrying } from "../shared/api.js";
import { el, fill, setAttribute, setText } from "../shared/dom.js";
import { countdown, number } from "../shared/format.js";
import { picture } from "../shared/picture.js";
import { isSale, notBelieved } from "./answers.js";
import { notice, problem } from "./notices.js";
import { priceOf } from "./sale_state.js";
import { atBeginning, dayAndHour, eachSecond, inZone } from "./timing.js";
import { words } from "./words.js";

/** @typedef {import("./sale_state.js").Sale} Sale */
/** @typedef {import("./main.js").Shop} Shop */

const ASK_EVERY_MS = 30_000;
/** The crowd that waits for the same start asks within this time. */
const SPREAD_MS = 3_000;

export class Home {
  /** @type {Shop} */
  #shop;
  #list = el("div", { class: "sales" });
  /** @type {Map<string, Card>} */
  #cards = new Map();
  #askAt = 0;
  #isAsking = false;
  #pause = problem(words.problem.loading);
  #failed = 0;

  /**
   * @param {Shop} shop
   * @param {HTMLElement} place
   */
  constructor(shop, place) {
    this.#shop = shop;
    document.title = `${words.titles.sales} · ${shop.name}`;
    const skeletons = [1, 2, 3].map(() => el("div", { class: "sale-card skeleton", "aria-hidden": "true" }));
    fill(this.#list, ...skeletons);
    fill(place, el("h1", { class: "unseen" }, words.home.heading), this.#list);
  }

  async start() {
    await retrying(() => this.#ask(), { onPause: (_failure, pauseMs) => this.#showPause(pauseMs) });
    eachSecond(this.#shop.clock, (now) => this.#tick(now));
    document.addEventListener("visibilitychange", () => {
      this.#askAt = 0;
    });
    this.#shop.clock.onSleep(() => {
      this.#askAt = 0;
    });
  }

  /** @param {number} pauseMs until it asks again */
  #showPause(pauseMs) {
    this.#pause.showFor(pauseMs);
    this.#list.before(this.#pause.element);
    this.#list.classList.add("away");
  }

  async #askAgain() {
    try {
      await this.#ask();
    } catch (error) {
      this.#failed += 1;
      reportFault(error);
      const failure = error instanceof ApiError ? error : new ApiError({ code: "UNKNOWN" });
      const pauseMs = pauseAfter(failure, this.#failed);
      this.#askAt = performance.now() + pauseMs;
      this.#showPause(pauseMs);
    }
  }

  async #ask() {
    const { api, clock } = this.#shop;
    this.#isAsking = true;
    try {
      const sent = performance.now();
      const { body, date } = await api.getDated("/api/flash-sales", { anonymous: true });
      if (!Array.isArray(body?.data)) {
        throw notBelieved();
      }
      const sales = /** @type {any[]} */ (body.data).filter(isSale);
      for (const { serverTime } of sales) {
        clock.learn(serverTime, sent, date);
      }
      this.#failed = 0;
      this.#pause.end();
      this.#list.classList.remove("away");
      this.#show(sales);
    } finally {
      this.#isAsking = false;
      this.#askAt = performance.now() + ASK_EVERY_MS;
    }
  }

  /** @param {Sale[]} sales */
  #show(sales) {
    if (sales.length === 0) {
      this.#cards.clear();
      fill(this.#list, notice(words.home.none, words.home.noneLine, undefined, undefined, "h2"));
      return;
    }
    const sorted = sales.toSorted((one, other) => rank(one) - rank(other));
    const cards = sorted.map((sale) => {
      const card = this.#cards.get(sale.saleId) ?? new Card(sale);
      card.update(sale);
      return card;
    });
    this.#cards = new Map(cards.map((card) => [card.saleId, card]));
    const elements = cards.map(({ element }) => element);
    if (elements.some((element, at) => this.#list.children[at] !== element) || this.#list.children.length !== elements.length) {
      fill(this.#list, ...elements);
    }
    this.#tick(this.#shop.clock.now());
  }

  /** @param {number | null} now */
  #tick(now) {
    if (now !== null) {
      for (const card of this.#cards.values()) {
        if (card.tick(now)) {
          this.#askAt = Math.min(this.#askAt, performance.now() + Math.random() * SPREAD_MS);
        }
      }
    }
    if (performance.now() >= this.#askAt && !document.hidden && !this.#isAsking) {
      void this.#askAgain();
    }
  }
}

/**
 * What can be bought comes first, then what is to come, then what is sold out; else they stay in the API's order.
 * @param {Sale} sale
 */
function rank({ status, availableQuantity }) {
  const ranks = { active: 0, paused: 1, upcoming: 2, ended: 4 };
  return status === "active" && availableQuantity === 0 ? 3 : ranks[status];
}

/** One sale in the list. */
class Card {
  #badge = el("span", { class: "badge" });
  #name = el("a", { dir: "auto" });
  #price = el("p", { class: "price" });
  /** @type {HTMLElement} */
  #picture = el("div", { class: "picture" });
  #pictureOf = "";
  #when = el("p", { class: "card-when figures" });
  #window = el("p", { class: "muted small" });
  #left = el("p", { class: "small figures" });
  #bar = el("div", { class: "bar", "aria-hidden": "true" }, el("div"));
  /** The name is the link for screen readers. */
  #go = el("p", { class: "card-go", "aria-hidden": "true" });
  /** @type {Sale} */
  #sale;
  #isPast = false;
  /** @type {HTMLElement} */
  element;

  /** @param {Sale} sale */
  constructor(sale) {
    this.#sale = sale;
    this.#name.href = `/sales/${sale.saleId}`;
    this.element = el(
      "article",
      { class: "sale-card" },
      this.#picture,
      el(
        "div",
        { class: "card-body" },
        el("p", {}, this.#badge),
        el("h2", {}, this.#name),
        this.#price,
        this.#when,
        this.#window,
        el("div", { class: "stock" }, this.#bar, this.#left),
        this.#go,
      ),
    );
  }

  get saleId() {
    return this.#sale.saleId;
  }

  /** @param {Sale} sale */
  update(sale) {
    this.#sale = sale;
    this.#isPast = false;
    setText(this.#name, sale.productName);
    setText(this.#price, priceOf(sale));
    this.#showPicture(sale);
    const { status, availableQuantity, totalQuantity } = sale;
    const isSoldOut = status === "active" && availableQuantity === 0;
    const shown = isSoldOut ? "soldOut" : status;
    setText(this.#badge, words.status[shown]);
    setText(this.#go, words.home.go[shown]);
    const tone = { upcoming: "accent", active: "good", soldOut: "", paused: "warn", ended: "" }[shown];
    setAttribute(this.#badge, "class", `badge ${tone}`);
    this.#bar.style.setProperty("--part", String(totalQuantity === 0 ? 0 : availableQuantity / totalQuantity));
    const total = number(totalQuantity);
    const left =
      status === "upcoming"
        ? words.stock.units(total, totalQuantity)
        : availableQuantity === 0
          ? words.stock.none(total)
          : words.stock.left(number(availableQuantity), total);
    setText(this.#left, left);
  }

  /** @param {Sale} sale */
  #showPicture(sale) {
    const pictureOf = sale.imageUrl ?? sale.productId;
    if (this.#pictureOf !== pictureOf) {
      this.#pictureOf = pictureOf;
      const shown = picture(sale, "");
      this.#picture.replaceWith(shown);
      this.#picture = shown;
    }
  }

  /**
   * @param {number} now
   * @returns {boolean} whether the sale has passed its start or its end since it was updated
   */
  tick(now) {
    const { status, startTime, endTime } = this.#sale;
    const isComing = status === "upcoming";
    const leftMs = Date.parse(isComing ? startTime : endTime) - now;
    const { days, clock } = countdown(leftMs);
    const left = days === 0 ? clock : `${words.time.days(days)} ${clock}`;
    const isOver = leftMs <= 0;
    const label = isOver
      ? isComing ? words.time.starting : words.time.ending
      : `${isComing ? words.time.startsIn : words.time.endsIn} ${left}`;
    setText(this.#when, label);
    setText(this.#window, atBeginning(inZone(dayAndHour(isComing ? startTime : endTime, now))));
    const passes = isOver && !this.#isPast;
    this.#isPast = isOver;
    return passes;
  }
}
