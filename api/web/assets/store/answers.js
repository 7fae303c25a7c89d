/**
 * Owns what the pages believe of an answer or an event. What lacks a part is not the API's: it says nothing of a sale or a
 * purchase, whatever its status.
 */

import { ApiError } from "../shared/api.js";
import { SET_BACK_MS } from "../shared/clock.js";

/** @typedef {import("./sale_state.js").Sale} Sale */
/** @typedef {import("./sale_state.js").Purchase} Purchase */

const SALE_STATUSES = ["upcoming", "active", "paused", "ended"];
const STAGES = ["not_purchased", "queued", "processing", "completed", "failed", "cancelled"];

/**
 * @param {any} data
 * @returns {data is Sale}
 */
export function isSale(data) {
  const texts = [data?.saleId, data?.productId, data?.productName];
  const figures = [data?.productPrice, data?.totalQuantity, data?.availableQuantity];
  const times = [data?.startTime, data?.endTime, data?.serverTime];
  return (
    SALE_STATUSES.includes(data?.status) &&
    /^[A-Z]{3}$/u.test(data.currency) &&
    texts.every((text) => typeof text === "string") &&
    figures.every((figure) => Number.isFinite(figure)) &&
    times.every((time) => typeof time === "string" && !Number.isNaN(Date.parse(time)))
  );
}

/**
 * Whether this word of the sale comes after that one. Words come in order but for a short while, so one that seems far
 * older comes after the server's clock was set back.
 * @param {Sale} one
 * @param {Sale} other
 */
export function follows(one, other) {
  const afterMs = Date.parse(one.serverTime) - Date.parse(other.serverTime);
  return afterMs >= 0 || afterMs < -SET_BACK_MS;
}

/**
 * A purchase, or that there is none.
 * @param {any} data
 * @returns {data is Purchase}
 */
export function isPurchase(data) {
  const hasOrder = typeof data?.orderId === "string" && data.orderId !== "";
  return STAGES.includes(data?.status) && (hasOrder || data.status === "not_purchased");
}

/** The failure of a request whose answer is not the API's: what was asked for may have happened. */
export function notBelieved() {
  return new ApiError({ code: "NOT_THE_API", status: 502 });
}

/**
 * What has become of a purchase.
 * @param {import("../shared/api.js").Api} api
 * @param {string} orderId
 * @param {AbortSignal} [signal]
 * @returns {Promise<Purchase>}
 */
export async function askPurchase(api, orderId, signal) {
  const options = signal === undefined ? {} : { signal };
  const answer = await api.get(`/api/purchase/job/${encodeURIComponent(orderId)}`, options);
  if (!isPurchase(answer?.data)) {
    throw notBelieved();
  }
  return answer.data;
}

/**
 * Whether the purchase is not in the ledger yet.
 * @param {Purchase} purchase
 */
export function isPending({ status }) {
  return status === "queued" || status === "processing";
}
