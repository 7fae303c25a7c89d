/**
 * Owns a sale's page: it brings together what the shop says, what the visitor does and what the page shows.
 *
 * | what | from |
 * | --- | --- |
 * | the product, once | `GET /api/flash-sale/status` |
 * | the sale and the visitor's purchase, as they change | live.js |
 * | an attempt to buy | attempt.js |
 *
 * Shortly before the start it asks for the status once more, at a random moment: the clock is right then and a
 * connection is open, and nothing but the purchase is sent at the start.
 */

import { ApiError, reportFault, retrying } from "../shared/api.js";
import { announce, fill } from "../shared/dom.js";
import { Attempt } from "./attempt.js";
import { Live } from "./live.js";
import { Milestones } from "./milestones.js";
import { notice, problem } from "./notices.js";
import { stateOf } from "./sale_state.js";
import { SessionNote } from "./session_note.js";
import { SaleView } from "./sale_view.js";
import { signInPath } from "./sign_in.js";
import { Ticket } from "./ticket.js";
import { eachSecond } from "./timing.js";
import { words } from "./words.js";

/** @typedef {import("./sale_state.js").Sale} Sale */
/** @typedef {import("./sale_state.js").Purchase} Purchase */
/** @typedef {import("./live.js").Connection} Connection */
/** @typedef {import("./main.js").Shop} Shop */

/** The page does not mention a connection that comes back sooner than this. */
const AWAY_AFTER_MS = 1_500;
/** An answer to a purchase counts more than the stream's figures for so long. */
const REFUSAL_MS = 3_000;
/** The last look before the start comes between these. */
const LAST_LOOK_MS = { earliest: 60_000, latest: 15_000 };

/** How far a purchase has come. It never goes back. */
const ORDER = { not_purchased: 0, queued: 1, processing: 1, failed: 2, completed: 3, cancelled: 4 };

export class SalePage {
  /** @type {Shop} */
  #shop;
  /** @type {string} */
  #saleId;
  /** @type {HTMLElement} */
  #place;
  #view = new SaleView(() => this.#press());
  #milestones = new Milestones();
  /** @type {SessionNote} */
  #note;
  /** @type {Attempt} */
  #attempt;
  /** @type {Live} */
  #live;
  /** @type {Sale | null} */
  #sale = null;
  /** @type {Purchase | null} */
  #purchase = null;
  /** The failed order after which the visitor buys again; empty at the first try. */
  #dismissed = "";
  /** @type {Ticket | null} */
  #ticket = null;
  /** @type {number | null} */
  #soldOutMs = null;
  /** Whether the connection was away since the last figures: what has happened meanwhile has happened sometime. */
  #hasMissed = true;
  /** @type {Connection} */
  #connection = { state: "connecting", seenAt: null, failureStatus: 0 };
  #awaySince = 0;
  #isSaidAway = false;
  #lastState = "";
  #lookedAt = 0;
  #isLooking = false;
  #lastLookMs = LAST_LOOK_MS.latest + Math.random() * (LAST_LOOK_MS.earliest - LAST_LOOK_MS.latest);
  /** Whose purchase is shown. @type {string | undefined} */
  #user;

  /**
   * @param {Shop} shop
   * @param {string} saleId
   * @param {HTMLElement} place what it fills
   */
  constructor(shop, saleId, place) {
    const { api, session, clock } = shop;
    this.#shop = shop;
    this.#saleId = saleId;
    this.#place = place;
    this.#user = session.signedIn?.userId;
    this.#note = new SessionNote(session, (children) => this.#view.showNote(children));
    this.#attempt = new Attempt({
      api,
      session,
      clock,
      saleId,
      onChange: () => this.#show(),
      onAccepted: ({ status, orderId }) =>
        this.#takePurchase({ status: /** @type {Purchase["status"]} */ (status), orderId }),
    });
    this.#live = new Live({
      api,
      session,
      clock,
      saleId,
      onEvent: (name, data) => this.#takeEvent(name, data),
      onState: (connection) => this.#takeConnection(connection),
    });
  }

  async start() {
    const { clock, session } = this.#shop;
    this.#adopt();
    this.#live.start();
    session.onChange(() => this.#changeUser());
    try {
      await this.#load();
    } catch (error) {
      this.#giveUp(error);
      return;
    }
    this.#attempt.resume();
    eachSecond(clock, (now) => this.#tick(now));
  }

  /** Takes over what the server has written into the page. */
  #adopt() {
    const early = this.#place.querySelector("article");
    if (early !== null) {
      this.#view.adopt(early);
    }
    fill(this.#place, this.#view.element);
  }

  async #load() {
    const pause = problem(words.problem.loading);
    let status;
    try {
      status = await retrying(() => this.#askStatus(), {
        onPause: (_failure, pauseMs) => {
          pause.showFor(pauseMs);
          this.#view.showNote([pause.element]);
        },
      });
    } finally {
      pause.end();
      this.#view.showNote(null);
    }
    this.#takeStatus(status);
  }

  async #look() {
    try {
      this.#takeStatus(await this.#askStatus());
    } catch (error) {
      // The stream goes on, and there will be another look.
      reportFault(error);
    }
  }

  /**
   * Asks for the status, which is the same for everybody.
   * @returns {Promise<Sale>}
   */
  async #askStatus() {
    const { api, clock } = this.#shop;
    const sent = performance.now();
    this.#isLooking = true;
    try {
      const path = `/api/flash-sale/status?saleId=${encodeURIComponent(this.#saleId)}`;
      const { data } = await api.get(path, { anonymous: true });
      if (data === null) {
        throw new ApiError({ code: "SALE_NOT_FOUND", status: 404 });
      }
      clock.learn(data.serverTime, sent);
      this.#lookedAt = performance.now();
      return data;
    } finally {
      this.#isLooking = false;
    }
  }

  /** @param {Sale} status */
  #takeStatus(status) {
    const known = this.#sale;
    // The stream's event may be newer.
    const isNewer = known === null || Date.parse(status.serverTime) >= Date.parse(known.serverTime);
    this.#takeSale(isNewer ? status : { ...status, ...known });
  }

  /** @param {unknown} error */
  #giveUp(error) {
    const isUnknown = error instanceof ApiError && [400, 404].includes(error.status);
    this.#live.stop();
    if (!isUnknown) {
      throw error;
    }
    document.title = `${words.titles.notFound} · ${this.#shop.name}`;
    fill(this.#place, notice(words.problem.noSale, words.problem.noSaleLine, "/", words.problem.toSales));
  }

  /**
   * @param {string} name
   * @param {any} data
   */
  #takeEvent(name, data) {
    if (name === "purchase") {
      this.#takePurchase(data);
    } else if (this.#sale === null) {
      // Of the product it says nothing: the status does.
      this.#early = data;
    } else if (Date.parse(data.serverTime) >= Date.parse(this.#sale.serverTime)) {
      this.#takeSale({ ...this.#sale, ...data });
    }
  }

  /** A sale's event that came before the status. @type {Partial<Sale> | null} */
  #early = null;

  /** @param {Sale} sale */
  #takeSale(sale) {
    const known = this.#sale;
    const isEarlyNewer = Date.parse(this.#early?.serverTime ?? "") >= Date.parse(sale.serverTime);
    this.#sale = isEarlyNewer ? { ...sale, ...this.#early } : sale;
    this.#early = null;
    document.title = `${sale.productName} · ${this.#shop.name}`;
    const attempt = this.#attempt.state;
    if (attempt?.phase === "refused" && performance.now() - attempt.at > REFUSAL_MS) {
      this.#attempt.dismiss();
    }
    if (sale.availableQuantity > 0) {
      this.#soldOutMs = null;
    } else if (known !== null && known.availableQuantity > 0 && sale.status === "active" && !this.#hasMissed) {
      this.#soldOutMs = Date.parse(sale.serverTime) - Date.parse(sale.startTime);
    }
    this.#hasMissed = this.#connection.state !== "open";
    this.#milestones.seeSale(known, sale, this.#shop.clock.now());
    this.#show();
  }

  /** @param {Purchase} purchase */
  #takePurchase(purchase) {
    const known = this.#purchase;
    const orderId = purchase.orderId ?? "";
    // An operator may yet complete a purchase that failed.
    const isDismissed = orderId !== "" && (orderId === this.#dismissed || this.#attempt.follows(orderId));
    const isOther = known !== null && purchase.orderId !== known.orderId;
    if (purchase.status === "not_purchased" || (isDismissed && purchase.status === "failed")) {
      return;
    }
    if (known !== null && !isOther && ORDER[purchase.status] < ORDER[known.status]) {
      return;
    }
    this.#purchase = purchase;
    this.#attempt.settle();
    this.#show();
  }

  /** @param {Connection} connection */
  #takeConnection(connection) {
    const wasAway = this.#connection.state === "away";
    const isAway = connection.state === "away";
    if (isAway && !wasAway) {
      this.#awaySince = performance.now();
    }
    this.#connection = connection;
    this.#hasMissed ||= connection.state !== "open";
    if (isAway && [429, 503].includes(connection.failureStatus) && !this.#isLooking && this.#sale !== null) {
      // There is no place for another stream: the status has to do.
      void this.#look();
    }
    if (wasAway !== isAway) {
      this.#show();
    }
  }

  /** Another user's purchase is not this one's. The same user who comes back finds the page as it was. */
  #changeUser() {
    const user = this.#shop.session.signedIn?.userId;
    const { why } = this.#shop.session;
    const isOther = user !== undefined && user !== this.#user;
    if (isOther || why === "out") {
      this.#purchase = null;
      this.#dismissed = "";
      this.#ticket = null;
      this.#user = user;
    }
    this.#show();
  }

  #press() {
    const { action } = this.#state() ?? {};
    if (action === "sign-in") {
      location.assign(signInPath());
    } else if (action === "buy") {
      if (this.#purchase?.status === "failed") {
        this.#dismissed = this.#purchase.orderId ?? "";
        this.#purchase = null;
        this.#ticket = null;
      }
      this.#attempt.buy(this.#dismissed);
    }
  }

  #state() {
    const sale = this.#sale;
    if (sale === null) {
      return null;
    }
    return stateOf({
      sale,
      now: this.#shop.clock.now() ?? Date.parse(sale.serverTime),
      isSignedIn: this.#shop.session.signedIn !== null,
      purchase: this.#purchase,
      attempt: this.#attempt.state,
      soldOutMs: this.#soldOutMs,
    });
  }

  #show() {
    const sale = this.#sale;
    const state = this.#state();
    if (sale === null || state === null) {
      return;
    }
    const now = this.#shop.clock.now();
    this.#view.showSale(sale, now ?? Date.parse(sale.serverTime));
    if (now !== null) {
      this.#view.showTime(sale, now);
    }
    this.#view.showState(state);
    this.#showConnection();
    this.#showTicket(sale, now);
    this.#note.update(sale, now);
    this.#announce(state);
  }

  #showConnection() {
    const { state, seenAt } = this.#connection;
    const isBrief = performance.now() - this.#awaySince < AWAY_AFTER_MS;
    if (state === "away" && isBrief) {
      return;
    }
    if (state !== "connecting" && (state === "away") !== this.#isSaidAway) {
      this.#isSaidAway = state === "away";
      announce(this.#isSaidAway ? words.announce.away : words.announce.back);
    }
    const seen = Math.max(seenAt ?? 0, this.#lookedAt);
    this.#view.showConnection(state, seen === 0 ? null : performance.now() - seen);
  }

  /**
   * @param {Sale} sale
   * @param {number | null} now
   */
  #showTicket(sale, now) {
    if (this.#purchase === null) {
      this.#view.showTicket(null);
      return;
    }
    this.#ticket ??= new Ticket({ ...sale, price: sale.productPrice }, { withSale: false });
    this.#ticket.update(this.#purchase, now);
    this.#view.showTicket(this.#ticket.element);
  }

  /** @param {import("./sale_state.js").State} state */
  #announce({ kind, label, next }) {
    // Between two tries it is asking again each time, which is said once.
    if (kind === this.#lastState || kind === "asking") {
      return;
    }
    const isFirst = this.#lastState === "";
    this.#lastState = kind;
    if (isFirst || kind === "active" || kind === "upcoming" || kind === "starting") {
      // The milestones say when it opens.
      return;
    }
    announce(`${label}. ${next}`);
  }

  /** @param {number | null} now */
  #tick(now) {
    const sale = this.#sale;
    if (sale === null) {
      return;
    }
    this.#show();
    if (now === null) {
      return;
    }
    this.#milestones.seeTime(sale, now);
    const leftMs = Date.parse(sale.startTime) - now;
    const isDue = leftMs < this.#lastLookMs && leftMs > LAST_LOOK_MS.latest / 2;
    if (sale.status === "upcoming" && isDue && performance.now() - this.#lookedAt > LAST_LOOK_MS.earliest) {
      this.#lookedAt = performance.now();
      void this.#look();
    }
  }
}
