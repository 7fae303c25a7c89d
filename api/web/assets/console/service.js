/**
 * The requests of the console: one function for each, by its purpose. The session, the server's clock
 * and the way to send are here, and nowhere else.
 */

import { Api } from "../shared/api.js";
import { ServerClock } from "../shared/clock.js";
import { Session } from "../shared/session.js";
import { Stream } from "../shared/stream.js";

/**
 * @typedef {import("./shapes.js").Sale} Sale
 * @typedef {import("./shapes.js").SaleCounts} SaleCounts
 * @typedef {import("./shapes.js").Product} Product
 * @typedef {import("./shapes.js").Order} Order
 * @typedef {import("./shapes.js").Rejection} Rejection
 * @typedef {import("./shapes.js").Audit} Audit
 * @typedef {import("./shapes.js").LogEntry} LogEntry
 * @typedef {import("./shapes.js").SystemReport} SystemReport
 * @typedef {import("./shapes.js").SignedIn} SignedIn
 * @typedef {import("./series.js").Traffic} Traffic
 */
/**
 * @template T
 * @typedef {{ data: T[], nextCursor: string | null }} Page
 */
/** @typedef {Record<string, string | number | boolean | null | undefined>} Query what is empty is left out */

export const session = new Session("console");
export const clock = new ServerClock();
const api = new Api(session);

/** An audit, a repair and a replay walk through all buyers of a sale. */
const LONG_MS = 30_000;
const ROWS = 50;

/** Now by the server's clock; null until an answer has named it. This computer's may be wrong by hours. */
export function now() {
  return clock.now();
}

/** Now by the server's clock, which is asked where nobody knows it yet. */
export async function askNow() {
  const sent = performance.now();
  const known = clock.now();
  if (known !== null) return known;
  const { timestamp } = await api.get("/api/health/live", { anonymous: true });
  clock.learn(timestamp, sent);
  return clock.now() ?? Date.parse(timestamp);
}

/** @param {Query} query */
function search(query) {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") pairs.set(name, String(value));
  }
  const text = pairs.toString();
  return text === "" ? "" : `?${text}`;
}

/**
 * @param {string} path
 * @param {Query} query
 * @param {AbortSignal} [signal]
 */
function list(path, query, signal) {
  return api.get(`${path}${search({ limit: ROWS, ...query })}`, { ...(signal && { signal }) });
}

/** @param {string} path @param {import("../shared/api.js").Options} [options] */
async function data(path, options) {
  return (await api.get(path, options)).data;
}

/** @param {string} path @param {unknown} [body] @param {string} [key] @param {number} [timeoutMs] */
async function posted(path, body, key, timeoutMs) {
  const headers = key === undefined ? {} : { "Idempotency-Key": key };
  return (await api.post(path, body, { headers, ...(timeoutMs && { timeoutMs }) })).data;
}

/** @param {string} email @param {string} password @returns {Promise<SignedIn>} */
export function signIn(email, password) {
  return api.post("/api/auth/login", { email, password }, { anonymous: true });
}

/** @param {Query} query @param {AbortSignal} [signal] @returns {Promise<Page<Sale>>} */
export function sales(query, signal) {
  return list("/api/admin/flash-sales", query, signal);
}

/** @param {string} id @returns {Promise<Sale>} */
export function sale(id) {
  return data(`/api/admin/flash-sale/${id}`);
}

/** @param {string} id @returns {Promise<SaleCounts>} */
export async function saleCounts(id) {
  const sent = performance.now();
  const counts = await data(`/api/admin/flash-sale/${id}/stats`);
  clock.learn(counts.timestamp, sent);
  return counts;
}

/** @param {string} id @param {Query} query @returns {Promise<Traffic>} */
export function traffic(id, query) {
  return data(`/api/admin/flash-sale/${id}/traffic${search(query)}`);
}

/**
 * The console's stream of a sale.
 * @param {string} id
 * @param {(event: import("./shapes.js").ConsoleEvent) => void} onEvent
 * @param {(state: import("../shared/stream.js").StreamState) => void} onState
 */
export function watch(id, onEvent, onState) {
  return new Stream({
    api,
    clock,
    path: `/api/admin/flash-sale/${id}/events`,
    onEvent: ({ name, data }) => {
      if (name !== "console") return;
      clock.learn(data.serverTime);
      onEvent(data);
    },
    onState,
  });
}

/** @param {unknown} body @param {string} key @returns {Promise<Sale>} */
export function planSale(body, key) {
  return posted("/api/admin/flash-sale", body, key);
}

/** @param {unknown} body @returns {Promise<Sale>} */
export function moveSale(body) {
  return posted("/api/admin/flash-sale", body);
}

/**
 * @param {string} id
 * @param {"warm" | "pause" | "resume" | "end" | "settle"} step
 * @returns {Promise<Sale>}
 */
export function stepSale(id, step) {
  return posted(`/api/admin/flash-sale/${id}/${step}`);
}

/** @param {string} id @param {unknown} body @param {string} key @returns {Promise<Sale>} */
export function restockSale(id, body, key) {
  return posted(`/api/admin/flash-sale/${id}/restock`, body, key);
}

/** @param {Query} query @param {AbortSignal} [signal] @returns {Promise<Page<Product>>} */
export function products(query, signal) {
  return list("/api/admin/products", query, signal);
}

/** @param {string} id @returns {Promise<Product>} */
export function product(id) {
  return data(`/api/admin/products/${id}`);
}

/** @param {unknown} body @param {string} key @returns {Promise<Product>} */
export function createProduct(body, key) {
  return posted("/api/admin/products", body, key);
}

/** @param {string} id @param {unknown} body @param {string} key @returns {Promise<Product>} */
export async function changeProduct(id, body, key) {
  const headers = { "Idempotency-Key": key };
  return (await api.patch(`/api/admin/products/${id}`, body, { headers })).data;
}

/** @param {string} id @param {"archive" | "unarchive"} step @returns {Promise<Product>} */
export function archiveProduct(id, step) {
  return posted(`/api/admin/products/${id}/${step}`);
}

/** @param {Query} query @param {AbortSignal} [signal] @returns {Promise<Page<Order>>} */
export function orders(query, signal) {
  return list("/api/admin/orders", query, signal);
}

/** @param {Query} query @param {AbortSignal} signal @returns {Promise<Blob>} */
export async function ordersAsCsv(query, signal) {
  const answer = await api.fetch("GET", `/api/admin/orders.csv${search(query)}`, { signal });
  return answer.blob();
}

/** @param {string} id @returns {Promise<Order>} */
export function cancelOrder(id) {
  return posted(`/api/admin/orders/${id}/cancel`);
}

/** @param {Query} query @param {AbortSignal} [signal] @returns {Promise<Page<Rejection>>} */
export function rejections(query, signal) {
  return list("/api/admin/rejections", query, signal);
}

/** @param {string} id @returns {Promise<{ result: string, orderId: string, orderStatus: string, message: string }>} */
export function replayRejection(id) {
  return posted(`/api/admin/rejections/${id}/replay`, undefined, undefined, LONG_MS);
}

/** @param {string} id @returns {Promise<Audit>} */
export function audit(id) {
  return data(`/api/admin/flash-sale/${id}/audit`, { timeoutMs: LONG_MS });
}

/** @param {string} id @returns {Promise<{ repair: { outcome: string, message: string }, audit: Audit }>} */
export function repair(id) {
  return posted(`/api/admin/flash-sale/${id}/audit/repair`, undefined, undefined, LONG_MS);
}

/** @param {Query} query @param {AbortSignal} [signal] @returns {Promise<Page<LogEntry>>} */
export function log(query, signal) {
  return list("/api/admin/audit-log", query, signal);
}

/** @returns {Promise<SystemReport>} */
export function systemReport() {
  return data("/api/admin/processes");
}

/** @returns {Promise<import("./shapes.js").QueueReport>} */
export function queueReport() {
  return data("/api/queue/stats");
}
