/**
 * The page of a sale: its head, the four figures, the flow, the rush, its orders and its log. All of it is live: one stream
 * brings new figures each second.
 */

import { announce, el, fill, setText, show } from "../shared/dom.js";
import { countdown, money, number } from "../shared/format.js";
import { picture } from "../shared/picture.js";
import { ApiError, reportFault } from "../shared/api.js";
import { failureNote } from "./failures.js";
import { Figures, stockOf } from "./figures.js";
import { Flow } from "./flow.js";
import { setTitle } from "./frame.js";
import { logTable } from "./log.js";
import { missing } from "./missing_page.js";
import { ordersTable } from "./orders.js";
import { Rush } from "./rush.js";
import { statusBadge } from "./sale_parts.js";
import { stepsOf } from "./sale_steps.js";
import * as service from "./service.js";
import { span } from "./times.js";
import { focusHeading, refill } from "./update.js";
import { words } from "./words.js";

/** @typedef {import("./shapes.js").ConsoleEvent} ConsoleEvent */

/** Between two readings of the newest orders while the sale sells. */
const ORDERS_MS = 5_000;
/** An event that is older than this says nothing about now. */
const STALE_MS = 5_000;
const text = words.sale;

/** @param {string} id @returns {import("./main.js").Page} */
export function salePage(id) {
  const place = el("div", { class: "stack wide", "aria-busy": "true" }, ...waiting());
  /** @type {SaleView | null} */
  let view = null;
  let isLeft = false;
  const read = async () => {
    try {
      const [sale, counts] = await Promise.all([service.sale(id), service.saleCounts(id)]);
      // A second try may have been quicker: a view has a stream.
      if (isLeft || view) return;
      view = new SaleView(sale, counts);
      setTitle(sale.productName);
      refill(place, ...view.nodes);
    } catch (error) {
      const isUnknown = error instanceof ApiError && error.status === 404;
      if (isLeft || view) return;
      refill(place, ...(isUnknown ? missing(words.notFound.sale) : [el("h1", {}, words.pages.sales), failureNote(error, () => void read())]));
    }
  };
  void read().then(() => place.removeAttribute("aria-busy"));
  const close = () => {
    isLeft = true;
    view?.close();
  };
  return { title: words.pages.sales, section: "sales", nodes: [place], close };
}

/** The page in its size, before anything is known. */
function waiting() {
  const tile = () => el("div", { class: "tile skeleton" });
  return [
    el("h1", { class: "skeleton" }, words.pages.sales),
    el("div", { class: "tiles" }, tile(), tile(), tile(), tile()),
    el("div", { class: "skeleton waiting" }),
    el("div", { class: "skeleton waiting" }),
  ];
}

class SaleView {
  /** @type {import("./figures.js").Known} */
  #known;
  #live = el("p", { class: "live" }, text.connecting);
  #badge = el("span", {});
  #window = el("span", {});
  #countdown = el("span", { class: "figures", role: "timer" });
  #buttons = el("div", { class: "buttons" });
  #figures = new Figures();
  #flow = new Flow(() => this.#known.sale);
  #rush;
  #orders;
  #log;
  #stream;
  #watch;
  #heardAt = 0;
  #postedSeen = /** @type {number | null} */ (null);
  #ordersAt = 0;
  /** The facts that the steps depend on: buttons are made again only if these have changed. */
  #stepsFor = "";
  #theme = matchMedia("(prefers-color-scheme: dark)");
  #restyle = () => {
    this.#flow.restyle();
    this.#rush.restyle();
  };

  /**
   * @param {import("./shapes.js").Sale} sale
   * @param {import("./shapes.js").SaleCounts} counts
   */
  constructor(sale, counts) {
    this.#rush = new Rush(sale.saleId);
    this.#known = { sale, counts, event: null, series: this.#rush.series };
    this.#orders = ordersTable(sale, () => void this.#readAgain());
    this.#log = logTable({ saleId: sale.saleId }, text.emptyLog);
    this.nodes = [this.#head(sale), this.#figures.node, this.#flow.node, this.#rush.node, this.#ordersPart(), this.#logPart()];
    this.#stream = service.watch(sale.saleId, (event) => this.#take(event), (state) => this.#takeState(state));
    this.#watch = setInterval(() => this.#showAge(), 1000);
    this.#theme.addEventListener("change", this.#restyle);
    this.#refresh();
    void this.#rush.load().then(() => this.#refresh());
    this.#stream.start();
  }

  close() {
    this.#stream.stop();
    clearInterval(this.#watch);
    this.#theme.removeEventListener("change", this.#restyle);
    this.#flow.close();
    this.#rush.close();
    this.#orders.close();
    this.#log.close();
  }

  /** @param {import("./shapes.js").Sale} sale */
  #head(sale) {
    return el(
      "header",
      { class: "sale-head" },
      picture(sale, "thumb"),
      el(
        "div",
        { class: "stack tight" },
        el("h1", {}, sale.productName),
        el("p", { class: "facts" }, this.#badge, this.#window, this.#countdown, el("span", {}, money(sale.productPrice, sale.currency)), el("a", { href: `/sales/${sale.saleId}`, target: "_blank" }, words.action.view)),
        this.#live,
      ),
      this.#buttons,
    );
  }

  #ordersPart() {
    const { sale } = this.#known;
    const link = el("a", { href: `/admin/orders?saleId=${sale.saleId}` }, words.action.allOrders);
    return el("section", { class: "stack" }, el("div", { class: "section-head" }, el("h2", {}, text.orders), link), this.#orders.node);
  }

  #logPart() {
    const link = el("a", { href: `/admin/log?saleId=${this.#known.sale.saleId}` }, words.action.allLog);
    return el("section", { class: "stack" }, el("div", { class: "section-head" }, el("h2", {}, text.log), link), this.#log.node);
  }

  /** @param {ConsoleEvent} event */
  #take(event) {
    const before = this.#known.event?.status ?? this.#known.sale.status;
    this.#heardAt = performance.now();
    this.#known.event = event;
    this.#rush.append(event);
    this.#flow.show(event);
    this.#refresh();
    if (event.status !== before) void this.#readAgain();
    this.#readOrders(event);
  }

  /** @param {import("../shared/stream.js").StreamState} state */
  #takeState({ state }) {
    // The ledger's traffic has the answers of the meantime.
    if (state === "open" && this.#wasAway) void this.#rush.load();
    if (state !== "connecting") this.#wasAway = state === "away";
    this.#showAge();
  }

  #wasAway = false;

  #showAge() {
    const age = performance.now() - this.#heardAt;
    const isOld = this.#heardAt > 0 && age > STALE_MS;
    this.#flow.tick();
    this.#showCountdown();
    for (const node of [this.#figures.node, this.#flow.node]) node.toggleAttribute("data-old", isOld);
    if (isOld !== this.#live.classList.contains("old")) announce(isOld ? text.lost : text.live);
    this.#live.className = isOld ? "live old" : "live";
    if (isOld) setText(this.#live, text.away(words.time.age(Math.floor(age / 1000))));
    else setText(this.#live, this.#known.sale.state === "settled" ? text.standing : this.#heardAt === 0 ? text.connecting : text.live);
  }

  /** Until the start, by the server's clock. */
  #showCountdown() {
    const { sale, event } = this.#known;
    const now = service.now();
    const waits = now !== null && (event?.status ?? sale.status) === "upcoming";
    const { days, clock } = countdown(waits ? Date.parse(sale.startTime) - now : 0);
    setText(this.#countdown, waits ? text.startsIn(days === 0 ? "" : number(days), clock) : "");
    show(this.#countdown, waits);
  }

  #refresh() {
    const known = this.#known;
    this.#figures.show(known);
    const { left } = stockOf(known);
    const { sale } = known;
    const status = known.event?.status ?? sale.status;
    // A gate that has taken something is loaded, whatever the last reading said.
    const warm = sale.warm || (known.event?.taken ?? null) !== null;
    const shown = JSON.stringify([status, sale.state, warm, sale.startTime, sale.endTime, left]);
    if (shown === this.#stepsFor) return;
    this.#stepsFor = shown;
    fill(this.#badge, statusBadge(status, sale.state, left));
    fill(this.#window, span(sale.startTime, sale.endTime));
    this.#showSteps({ ...sale, status, warm }, left);
  }

  /** @param {import("./shapes.js").Sale} sale @param {number} left */
  #showSteps(sale, left) {
    const steps = stepsOf(sale, left, () => void this.#readAgain());
    const names = steps.map(({ name }) => name).join();
    this.#acts = new Map(steps.map(({ name, act }) => [name, act]));
    if (names === this.#buttons.dataset["names"]) return;
    this.#buttons.dataset["names"] = names;
    const button = (/** @type {import("./sale_steps.js").Step} */ { name, kind }) =>
      el("button", { class: `button ${kind === "danger" ? "risky" : kind}`, type: "button", onclick: () => this.#acts.get(name)?.() }, name);
    const focused = this.#buttons.contains(document.activeElement) ? document.activeElement?.textContent : null;
    const made = steps.map(button);
    fill(this.#buttons, ...made);
    show(this.#buttons, steps.length > 0);
    if (focused === null) return;
    const next = made.find(({ textContent }) => textContent === focused) ?? made[0];
    if (next) next.focus();
    else focusHeading();
  }

  /** What each button does with the newest figures. @type {Map<string, () => void>} */
  #acts = new Map();

  /** After a step, and after the gate has changed the sale's status by itself. */
  async #readAgain() {
    const { saleId } = this.#known.sale;
    try {
      const [sale, counts] = await Promise.all([service.sale(saleId), service.saleCounts(saleId)]);
      Object.assign(this.#known, { sale, counts });
      // While the stream is away this reading is newer than its last event.
      if (performance.now() - this.#heardAt > STALE_MS) this.#known.event = null;
      this.#refresh();
    } catch (error) {
      // The stream goes on, and the next step reads again.
      reportFault(error);
    }
    void this.#log.reload();
    void this.#orders.reload();
  }

  /** @param {ConsoleEvent} event */
  #readOrders({ posted }) {
    const now = performance.now();
    if (posted === null || posted === this.#postedSeen || now - this.#ordersAt < ORDERS_MS) return;
    const isFirst = this.#postedSeen === null;
    this.#postedSeen = posted;
    this.#ordersAt = now;
    if (!isFirst && !document.hidden) this.#orders.follow();
  }
}
