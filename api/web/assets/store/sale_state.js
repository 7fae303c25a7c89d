/**
 * Owns what a sale's page says in each state: the label of its one button, what the button does, and the line below.
 *
 * It decides by what the server has said. The clock only counts down: a sale whose start has passed is not open until
 * the server says so.
 */

import { daysBetween, duration, hour, money, orderShort, second } from "../shared/format.js";
import { dayAndHour } from "./timing.js";
import { words } from "./words.js";

/** @typedef {import("./attempt.js").AttemptState} AttemptState */
/**
 * @typedef {object} Sale
 * @property {string} saleId
 * @property {string} productId
 * @property {string} productName
 * @property {string | null} [productDescription]
 * @property {number} productPrice
 * @property {string} currency
 * @property {string | null} [imageUrl]
 * @property {"upcoming" | "active" | "paused" | "ended"} status
 * @property {string} startTime
 * @property {string} endTime
 * @property {number} totalQuantity
 * @property {number} availableQuantity
 * @property {string} serverTime
 */
/**
 * @typedef {object} Purchase
 * @property {"not_purchased" | "queued" | "processing" | "completed" | "failed" | "cancelled"} status
 * @property {string | null} [orderId]
 * @property {string | null} [purchasedAt]
 * @property {string | null} [reason]
 * @property {string} [message]
 */
/**
 * @typedef {object} Situation
 * @property {Sale} sale
 * @property {number} now the server's time
 * @property {boolean} isSignedIn
 * @property {Purchase | null} purchase
 * @property {AttemptState | null} attempt
 * @property {number | null} soldOutMs how long after its start everything was sold; null if this page did not see it
 */
/**
 * @typedef {object} State
 * @property {string} kind names it
 * @property {string} label of the button
 * @property {string} next the line below
 * @property {"buy" | "sign-in" | null} action what the button does
 * @property {boolean} [isBusy]
 * @property {boolean} [leadsToOrders] whether the line goes on with a link to the list of orders
 */

/**
 * @param {Situation} situation
 * @returns {State}
 */
export function stateOf(situation) {
  return ofPurchase(situation) ?? ofAttempt(situation) ?? ofSale(situation);
}

/**
 * @param {Situation} situation
 * @returns {State | null}
 */
function ofPurchase({ sale, purchase }) {
  const order = orderShort(purchase?.orderId ?? "");
  switch (purchase?.status) {
    case "queued":
    case "processing":
      return { kind: "on-its-way", label: words.button.won, next: words.next.onItsWay(order), action: null };
    case "completed": {
      const at = purchase.purchasedAt;
      const next = at ? words.next.won(order, second(at)) : words.next.wonSometime(order);
      return { kind: "won", label: words.button.won, next, action: null, leadsToOrders: true };
    }
    case "cancelled":
      return { kind: "cancelled", label: words.button.cancelled, next: words.next.cancelled(order), action: null };
    case "failed": {
      const next = words.failed[purchase.reason ?? ""] ?? purchase.message ?? words.next.failed(order);
      if (purchase.reason === "superseded" && sale.status === "active" && sale.availableQuantity > 0) {
        return { kind: "buy-again", label: words.button.buyAgain(priceOf(sale)), next, action: "buy" };
      }
      const leadsToOrders = purchase.reason === "buyer_has_order";
      return { kind: "failed", label: words.button.failed, next, action: null, leadsToOrders };
    }
    default:
      return null;
  }
}

/**
 * @param {Situation} situation
 * @returns {State | null}
 */
function ofAttempt({ sale, attempt, now, isSignedIn, soldOutMs }) {
  switch (attempt?.phase) {
    case "asking":
      return { kind: "asking", label: words.button.asking, next: words.next.asking, action: null, isBusy: true };
    case "waiting": {
      const seconds = Math.max(1, Math.ceil((attempt.until - performance.now()) / 1_000));
      const label = words.button.askingIn(String(seconds));
      return { kind: "unsure", label, next: whyWaiting(attempt.failure), action: null, isBusy: true };
    }
    case "signed-out":
      return {
        kind: "signed-out",
        label: words.button.signInToGoOn,
        next: words.next.signInToGoOn,
        action: isSignedIn ? null : "sign-in",
      };
    case "late":
      return { kind: "late", label: words.button.buy(priceOf(sale)), next: words.next.late, action: "buy" };
    case "refused":
      return ofRefusal(sale, attempt.failure, now, soldOutMs);
    default:
      return null;
  }
}

/** @param {import("../shared/api.js").ApiError} failure */
function whyWaiting(failure) {
  if (failure.isUnsure) {
    return words.next.unsure;
  }
  return failure.problem["reason"] === "not_started" ? words.next.early : words.next.busy;
}

/**
 * The answer to a purchase may be newer than what the stream has said.
 * @param {Sale} sale
 * @param {import("../shared/api.js").ApiError} failure
 * @param {number} now
 * @param {number | null} soldOutMs
 * @returns {State}
 */
function ofRefusal(sale, { code, problem, detail }, now, soldOutMs) {
  if (code === "OUT_OF_STOCK") {
    return soldOut(soldOutMs);
  }
  if (code === "SALE_NOT_ACTIVE") {
    const status = { not_started: "upcoming", paused: "paused", ended: "ended" }[/** @type {string} */ (problem["reason"])];
    const refused = /** @type {Sale} */ ({ ...sale, status: status ?? sale.status });
    return ofSale({ sale: refused, now, isSignedIn: true, purchase: null, attempt: null, soldOutMs });
  }
  const next = words.refused[code] ?? detail ?? words.refused["UNKNOWN"] ?? "";
  return { kind: "refused", label: words.button.buy(priceOf(sale)), next, action: "buy" };
}

/**
 * @param {Situation} situation
 * @returns {State}
 */
function ofSale({ sale, now, isSignedIn, soldOutMs }) {
  switch (sale.status) {
    case "upcoming":
      return upcoming(sale, now, isSignedIn);
    case "active":
      if (sale.availableQuantity === 0) {
        return soldOut(soldOutMs);
      }
      return isSignedIn
        ? { kind: "active", label: words.button.buy(priceOf(sale)), next: words.next.active, action: "buy" }
        : { kind: "sign-in", label: words.button.signIn(priceOf(sale)), next: words.next.signIn, action: "sign-in" };
    case "paused":
      return { kind: "paused", label: words.button.paused, next: words.next.paused, action: null };
    case "ended": {
      const isToday = daysBetween(now, sale.endTime) === 0;
      const at = isToday ? words.time.atHour(hour(sale.endTime)) : dayAndHour(sale.endTime, now);
      const next = sale.availableQuantity === 0 ? words.next.endedSold(at) : words.next.ended(at);
      return { kind: "ended", label: words.button.ended, next, action: null };
    }
  }
}

/**
 * @param {Sale} sale
 * @param {number} now
 * @param {boolean} isSignedIn
 * @returns {State}
 */
function upcoming(sale, now, isSignedIn) {
  if (!isSignedIn) {
    const next = words.next.signInUpcoming;
    return { kind: "sign-in-upcoming", label: words.button.signInUpcoming, next, action: "sign-in" };
  }
  const leftMs = Date.parse(sale.startTime) - now;
  if (leftMs <= 0) {
    return { kind: "starting", label: words.button.starting, next: words.next.starting, action: null };
  }
  const isNear = leftMs < 18 * 3_600_000;
  const label = isNear
    ? words.button.startsAt(hour(sale.startTime))
    : words.button.startsOn(dayAndHour(sale.startTime, now));
  return { kind: "upcoming", label, next: words.next.upcoming, action: null };
}

/**
 * @param {number | null} soldOutMs
 * @returns {State}
 */
function soldOut(soldOutMs) {
  const next =
    soldOutMs === null
      ? words.next.soldOut
      : words.next.soldOutIn(soldOutMs < 1_000 ? words.time.aMoment : duration(soldOutMs));
  return { kind: "sold-out", label: words.button.soldOut, next, action: null };
}

/**
 * The sale with one unit taken at least: an answer to a purchase may be here before the figure that it changed.
 * @param {Sale} sale
 * @param {Purchase | null} purchase
 * @returns {Sale}
 */
export function lessOwn(sale, purchase) {
  const hasOne = ["queued", "processing", "completed"].includes(purchase?.status ?? "");
  const atMost = sale.totalQuantity - 1;
  return hasOne && sale.availableQuantity > atMost ? { ...sale, availableQuantity: atMost } : sale;
}

/** @param {Sale} sale */
export function priceOf({ productPrice, currency }) {
  return money(productPrice, currency);
}
