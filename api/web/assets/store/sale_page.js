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
 * connection is open, and nothing but the purchase is sent at the start. Without a stream the status has to do: looks.js
 * says when.
 */

import { ApiError, retrying } from "../shared/api.js";
import { announce, fill } from "../shared/dom.js";
import { askPurchase, follows, isPending, isPurchase, isSale, notBelieved } from "./answers.js";
import { Attempt } from "./attempt.js";
import { Live } from "./live.js";
import { Looks } from "./looks.js";
import { Milestones } from "./milestones.js";
import { notice, problem } from "./notices.js";
import { lessOwn, stateOf } from "./sale_state.js";
import { SessionNote } from "./session_note.js";
import { SaleView } from "./sale_view.js";
import { signInPath } from "./sign_in.js";
import { Signal } from "./signal.js";
import { Ticket } from "./ticket.js";
import { eachSecond } from "./timing.js";
import { words } from "./words.js";

/** @typedef {import("./sale_state.js").Sale} Sale */
/** @typedef {import("./sale_state.js").Purchase} Purchase */
/** @typedef {import("./live.js").Connection} Connection */
/** @typedef {import("./main.js").Shop} Shop */

/** An answer to a purchase counts more than the stream's figures for so long. */
const REFUSAL_MS = 3_000;
/** Refusals that the sale's state explains. */
const OF_STATE = ["OUT_OF_STOCK", "SALE_NOT_ACTIVE"];

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
  #connection = { state: "connecting", seenAt: null };
  #signal = new Signal((state, agoMs) => this.#view.showConnection(state, agoMs));
  #lastState = "";
  #looks = new Looks(() => this.#look());
  /** When the shop last said how the sale is, by `performance.now()`. */
  #heardAt = 0;
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
    this.#takeStatus(await this.#askStatus());
    const { api, session } = this.#shop;
    const orderId = this.#purchase?.orderId ?? "";
    if (session.signedIn !== null && this.#purchase !== null && isPending(this.#purchase)) {
      this.#takePurchase(await askPurchase(api, orderId));
    }
  }

  /**
   * Asks for the status, which is the same for everybody.
   * @returns {Promise<Sale>}
   */
  async #askStatus() {
    const { api, clock } = this.#shop;
    const sent = performance.now();
    const path = `/api/flash-sale/status?saleId=${encodeURIComponent(this.#saleId)}`;
    const { body, date } = await api.getDated(path, { anonymous: true });
    if (body?.data === null) {
      throw new ApiError({ code: "SALE_NOT_FOUND", status: 404 });
    }
    if (!isSale(body?.data)) {
      throw notBelieved();
    }
    clock.learn(body.data.serverTime, sent, date);
    this.#looks.note();
    return body.data;
  }

  /** @param {Sale} status */
  #takeStatus(status) {
    const known = this.#sale;
    // The stream's event may be newer.
    const isNewer = known === null || follows(status, known);
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
      if (isPurchase(data)) {
        this.#takePurchase(data);
      }
    } else if (this.#sale === null) {
      // Of the product it says nothing: the status does.
      this.#early = data;
    } else {
      const sale = { ...this.#sale, ...data };
      if (isSale(sale) && typeof data.serverTime === "string" && follows(sale, this.#sale)) {
        this.#takeSale(sale);
      }
    }
  }

  /** A sale's event that came before the status. @type {Partial<Sale> | null} */
  #early = null;

  /** @param {Sale} sale */
  #takeSale(sale) {
    const known = this.#sale;
    const early = { ...sale, ...this.#early };
    this.#sale = this.#early !== null && isSale(early) && follows(early, sale) ? early : sale;
    this.#early = null;
    this.#heardAt = performance.now();
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
      this.#signal.goAway();
    }
    this.#connection = connection;
    this.#hasMissed ||= connection.state !== "open";
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

  #state(attempt = this.#attempt.state) {
    const sale = this.#sale;
    if (sale === null) {
      return null;
    }
    return stateOf({
      sale,
      now: this.#shop.clock.now() ?? Date.parse(sale.serverTime),
      isSignedIn: this.#shop.session.signedIn !== null,
      purchase: this.#purchase,
      attempt,
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
    this.#view.showSale(lessOwn(sale, this.#purchase), now ?? Date.parse(sale.serverTime));
    if (now !== null) {
      this.#view.showTime(sale, now);
    }
    this.#view.showState(state);
    this.#signal.update(this.#connection, this.#looks.lookedAt);
    this.#showTicket(sale, now);
    this.#note.update(sale, now);
    this.#announce(state);
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
    this.#reviewRefusal();
    this.#show();
    this.#looks.tick(sale, now, this.#connection.state === "open");
    if (now !== null) {
      this.#milestones.seeTime(sale, now);
    }
  }

  /** A refusal that the sale's state explains counts until the shop has said the state since. If it does not, the page asks. */
  #reviewRefusal() {
    const attempt = this.#attempt.state;
    if (attempt?.phase !== "refused" || !OF_STATE.includes(attempt.failure.code)) {
      return;
    }
    if (performance.now() - attempt.at <= REFUSAL_MS) {
      return;
    }
    const saysTheSame = this.#state(null)?.kind === this.#state()?.kind;
    if (saysTheSame || this.#heardAt > attempt.at) {
      this.#attempt.dismiss();
    } else {
      this.#looks.want();
    }
  }
}
