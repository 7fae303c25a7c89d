/**
 * Orders: those of all sales with their filters, those of one sale, their export as CSV, and their cancellation.
 */

import { el, setAttribute, setText } from "../shared/dom.js";
import { money, orderNumber } from "../shared/format.js";
import { ask, openDialog } from "./dialog.js";
import { failureText } from "./failures.js";
import { untilKnown } from "./once.js";
import * as service from "./service.js";
import { Table } from "./table.js";
import { when } from "./times.js";
import { words } from "./words.js";

/** @typedef {import("./shapes.js").Order} Order */
/** @typedef {import("./table.js").Column<Order>} Column */

const text = words.orders;
/** Half of an order's number, without the gap in its middle. */
const HALF = 19;

/** @returns {import("./main.js").Page} */
export function ordersPage() {
  /** @type {Table<Order>} */
  const table = new Table({
    caption: text.caption,
    isShared: true,
    filters: [
      { name: "email", label: text.email, hint: text.emailHint },
      statusFilter(),
      { name: "saleId", label: text.sale, options: [["", words.table.all]], more: saleOptions },
    ],
    columns: columns(true, () => void table.reload()),
    load: (query, signal) => service.orders(query, signal),
    empty: () => [el("p", {}, text.empty), el("a", { class: "button", href: "/admin" }, words.notFound.next)],
    tools: (query) => [csvButton(query)],
  });
  return { title: words.pages.orders, section: "orders", nodes: [el("h1", {}, words.pages.orders), table.node], close: () => table.close() };
}

/**
 * The orders of one sale.
 * @param {import("./shapes.js").Sale} sale
 * @param {() => void} changed called after a cancellation
 * @returns {Table<Order>}
 */
export function ordersTable({ saleId }, changed) {
  return new Table({
    caption: text.caption,
    filters: [{ name: "email", label: text.email }, statusFilter()],
    columns: columns(false, changed),
    load: (query, signal) => service.orders({ saleId, limit: 10, ...query }, signal),
    empty: () => [el("p", {}, words.sale.emptyOrders)],
    tools: (query) => [csvButton(() => ({ saleId, ...query() }))],
  });
}

/** @returns {import("./table.js").Filter} */
function statusFilter() {
  return {
    name: "status",
    label: text.status,
    options: [["", words.table.all], ["confirmed", text.confirmed], ["cancelled", text.cancelled]],
  };
}

/** The newest sales, to choose from. @returns {Promise<[string, string][]>} */
export async function saleOptions() {
  const { data } = await service.sales({ limit: 100 });
  return data.map(({ saleId, productName }) => [saleId, words.sale.option(productName, saleId.slice(-4))]);
}

/**
 * @param {boolean} isOfAll whether the orders are of many sales
 * @param {() => void} changed
 * @returns {Column[]}
 */
function columns(isOfAll, changed) {
  /** @type {Column[]} */
  const product = [{ name: text.product, cell: ({ saleId, productName }) => el("a", { class: "wide-cell", href: `/admin/sales/${saleId}` }, productName) }];
  return [
    { name: text.order, isHead: true, cell: numberOf },
    { name: text.buyer, cell: (order) => buyer(order) },
    ...(isOfAll ? product : []),
    { name: text.price, isNumber: true, cell: ({ price, currency }) => money(price, currency) },
    { name: text.status, cell: statusOf },
    { name: text.at, cell: ({ createdAt }) => when(createdAt, "second") },
    { name: words.table.actions, isUnnamed: true, cell: (order) => order.status === "confirmed" && cancelButton(order, changed) },
  ];
}

/** Its number in two lines of four groups. @param {Order} order */
function numberOf({ orderId }) {
  const whole = orderNumber(orderId);
  return el("span", { class: "figures order-number", title: orderId }, whole.slice(0, HALF), el("br"), whole.slice(HALF + 1));
}

/** @param {Order} order */
function buyer({ email, userId }) {
  if (email) return el("span", { class: "wide-cell", title: userId }, email);
  return el("span", {}, el("span", { class: "figures", title: userId }, userId.slice(0, 8)), " ", el("span", { class: "muted" }, text.byToken));
}

/** @param {Order} order */
function statusOf({ status, updatedAt }) {
  if (status === "confirmed") return el("span", { class: "badge good" }, text.confirmed);
  return el("span", {}, el("span", { class: "badge bad" }, text.cancelled), el("span", { class: "small under" }, when(updatedAt, "second")));
}

/** @param {Order} order @param {() => void} changed */
function cancelButton(order, changed) {
  const name = text.cancelTitle(orderNumber(order.orderId));
  const cancel = () =>
    ask({
      title: name,
      consequences: [text.cancel(order.email ?? order.userId, money(order.price, order.currency)), text.cancelFinal],
      confirm: text.cancelConfirm,
      back: text.cancelNot,
      danger: true,
      typed: order.productName,
      act: async (onPause) => {
        await untilKnown(() => service.cancelOrder(order.orderId), onPause);
        changed();
        return text.cancelledDone;
      },
    });
  return el("button", { class: "button small-button", type: "button", "aria-label": name, onclick: cancel }, words.action.cancelOrder);
}

/**
 * The file needs the token, so it is fetched and then saved.
 * @param {() => Record<string, string>} query
 */
function csvButton(query) {
  const button = el("button", { class: "button", type: "button", title: text.fileTimes, onclick: () => void download() }, words.action.csv);
  const download = async () => {
    if (button.hasAttribute("aria-disabled")) return;
    setAttribute(button, "aria-disabled", "true");
    setText(button, text.downloading);
    try {
      const asked = query();
      save(await service.ordersAsCsv(asked, new AbortController().signal), fileName(asked["saleId"]));
    } catch (error) {
      openDialog(words.action.csv, (close) =>
        el("div", { class: "stack" }, el("p", { class: "note bad" }, failureText(error)), el("p", {}, el("button", { class: "button", type: "button", onclick: close }, words.action.close))),
      );
    } finally {
      setAttribute(button, "aria-disabled", null);
      setText(button, words.action.csv);
    }
  };
  return button;
}

/** Names the sale, or the day by the server's clock. @param {string | undefined} saleId */
function fileName(saleId) {
  if (saleId) return text.file(saleId.slice(-4));
  const today = service.now();
  return text.file(today === null ? "" : new Date(today).toISOString().slice(0, 10));
}

/** @param {Blob} file @param {string} name */
function save(file, name) {
  const address = URL.createObjectURL(file);
  el("a", { href: address, download: name }).click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
