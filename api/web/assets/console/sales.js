/**
 * The overview: what sells now, what is to come, what is over, and how the whole is doing.
 */

import { el } from "../shared/dom.js";
import { number } from "../shared/format.js";
import { picture } from "../shared/picture.js";
import { failureNote } from "./failures.js";
import { fillTiles } from "./figures.js";
import { plain } from "./form.js";
import { planSale } from "./plan.js";
import { statusBadge, statusWord } from "./sale_parts.js";
import * as service from "./service.js";
import { Table } from "./table.js";
import { span } from "./times.js";
import { update } from "./update.js";
import { words } from "./words.js";

/** @typedef {import("./shapes.js").Sale} Sale */

/** Between two readings while somebody looks. */
const EVERY_MS = 5_000;
/** Between two readings of a filtered list: each walks through all sales. */
const FILTERED_MS = 30_000;
/** Rows that a filter looks for before it shows them. */
const ROWS = 50;
const text = words.sales;

/** @returns {import("./main.js").Page} */
export function salesPage() {
  const tiles = el("section", { class: "tiles", "aria-label": text.tiles.name });
  fillTiles(tiles, tilesOf(null, null));
  const table = new Table({
    caption: text.caption,
    isShared: true,
    filters: [
      { name: "name", label: text.search },
      { name: "status", label: text.status, options: [["", words.table.all], ...Object.entries(words.status)] },
    ],
    columns: [
      { name: text.product, isHead: true, cell: named },
      { name: text.status, cell: ({ status, state, availableQuantity }) => statusBadge(status, state, availableQuantity) },
      { name: text.window, cell: ({ startTime, endTime }) => span(startTime, endTime) },
      { name: text.sold, isNumber: true, cell: sold },
      { name: text.gate, hint: text.gateHint, cell: gate },
    ],
    load: matching,
    empty: () => [el("p", {}, text.empty), planButton()],
  });
  let isReading = false;
  const readTiles = async () => {
    if (isReading) return;
    isReading = true;
    try {
      const [queue, sales] = await Promise.all([service.queueReport(), service.sales({ limit: 100 })]);
      fillTiles(tiles, tilesOf(queue, sales.data));
    } catch (error) {
      update(tiles, failureNote(error, () => void readTiles()));
    } finally {
      isReading = false;
    }
  };
  void readTiles();
  let followedAt = performance.now();
  const timer = setInterval(() => {
    if (document.hidden) return;
    void readTiles();
    const now = performance.now();
    const isFiltered = Object.values(table.query).some((value) => value !== "");
    if (isFiltered && now - followedAt < FILTERED_MS) return;
    followedAt = now;
    table.follow();
  }, EVERY_MS);
  const head = el("div", { class: "section-head" }, el("h1", {}, words.pages.sales), planButton());
  const close = () => {
    clearInterval(timer);
    table.close();
  };
  return { title: words.pages.sales, section: "sales", nodes: [head, tiles, table.node], close };
}

function planButton() {
  return el("button", { class: "button primary", type: "button", onclick: () => planSale() }, words.action.plan);
}

/**
 * The API lists sales without filters: pages are read until enough of them match.
 * @param {Record<string, string | null>} query
 * @param {AbortSignal} signal
 */
async function matching({ name, status, cursor }, signal) {
  const isFiltered = Boolean(name) || Boolean(status);
  /** @type {Sale[]} */
  const data = [];
  let next = cursor ?? null;
  do {
    const page = await service.sales({ cursor: next, limit: isFiltered ? 100 : ROWS }, signal);
    data.push(...page.data.filter((sale) => fits(sale, name ?? "", status ?? "")));
    next = page.nextCursor;
  } while (isFiltered && data.length < ROWS && next !== null);
  return { data, nextCursor: next };
}

/** @param {Sale} sale @param {string} name @param {string} wanted */
function fits({ productName, status, state, availableQuantity }, name, wanted) {
  if (!plain(productName).toLowerCase().includes(name.toLowerCase())) return false;
  return wanted === "" || wanted === statusWord(status, state, availableQuantity);
}

/** @param {Sale} sale */
function named(sale) {
  return el("span", { class: "named" }, picture(sale, "thumb"), el("a", { href: `/admin/sales/${sale.saleId}` }, sale.productName), el("span", { class: "muted small whole", title: sale.saleId }, words.sale.short(sale.saleId.slice(-4))));
}

/** @param {Sale} sale */
function sold({ soldQuantity, totalQuantity }) {
  const said = text.soldOf(number(soldQuantity), number(totalQuantity));
  return el("span", { class: "sold" }, said, el("progress", { max: Math.max(1, totalQuantity), value: soldQuantity, "aria-label": said }));
}

/** @param {Sale} sale */
function gate({ state, warm }) {
  if (state === "settled") return el("span", { class: "muted" }, text.none);
  return warm ? text.warm : el("span", { class: "badge warn" }, text.cold);
}

/**
 * @param {import("./shapes.js").QueueReport | null} report
 * @param {Sale[] | null} sales the newest
 */
function tilesOf(report, sales) {
  const names = text.tiles;
  const figure = (/** @type {number | undefined} */ value) => (value === undefined ? words.time.none : number(value));
  const selling = sales?.filter(({ status, state, availableQuantity }) => statusWord(status, state, availableQuantity) === "active").length;
  const coming = sales?.filter(({ status }) => status === "upcoming").length;
  const waiting = report ? report.queue.waiting + report.queue.active : undefined;
  const workers = report?.workers.total ?? 0;
  return [
    { name: names.selling, value: figure(selling), note: names.sellingNote(figure(coming)) },
    { name: names.orders, value: figure(report?.queue.completed), note: names.ordersNote, href: "/admin/orders" },
    { name: names.waiting, value: figure(waiting), note: names.waitingNote(number(workers), workers), href: "/admin/system" },
    { name: names.rejected, value: figure(report?.queue.failed), note: names.rejectedNote, href: "/admin/rejections" },
  ];
}
