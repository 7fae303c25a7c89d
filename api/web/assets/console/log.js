/**
 * The log of all changes by admins, by the command line and by the processes.
 */

import { el } from "../shared/dom.js";
import { number } from "../shared/format.js";
import { saleOptions } from "./orders.js";
import * as service from "./service.js";
import { Table } from "./table.js";
import { when } from "./times.js";
import { words } from "./words.js";

/** @typedef {import("./shapes.js").LogEntry} LogEntry */

const text = words.log;
const vias = /** @type {Record<string, string>} */ (text.via);
const actions = /** @type {Record<string, string>} */ (text.actions);
const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

/** @returns {import("./main.js").Page} */
export function logPage() {
  const kinds = /** @type {[string, string][]} */ (Object.entries(text.kinds));
  const table = new Table({
    caption: text.caption,
    isShared: true,
    filters: [
      { name: "saleId", label: words.orders.sale, options: [["", words.table.all]], more: saleOptions },
      { name: "action", label: text.action, options: kinds },
      { name: "actor", label: text.actor, hint: text.actorHint },
    ],
    columns: columns(true),
    load: (query, signal) => service.log(query, signal),
    empty: () => [el("p", {}, text.empty)],
  });
  return { title: words.pages.log, section: "log", nodes: [el("h1", {}, words.pages.log), table.node], close: () => table.close() };
}

/**
 * The log of one sale or one product.
 * @param {{ saleId: string } | { productId: string }} of
 * @param {string} empty
 * @returns {Table<LogEntry>}
 */
export function logTable(of, empty) {
  return new Table({
    caption: text.caption,
    columns: columns(false),
    load: (query, signal) => service.log({ limit: 10, ...of, ...query }, signal),
    empty: () => [el("p", {}, empty)],
  });
}

/**
 * @param {boolean} isOfAll whether the entries are about many things
 * @returns {import("./table.js").Column<LogEntry>[]}
 */
function columns(isOfAll) {
  /** @type {import("./table.js").Column<LogEntry>[]} */
  const subject = [{ name: text.what, cell: subjectOf }];
  return [
    { name: text.at, isHead: true, cell: ({ at }) => when(at, "second") },
    { name: text.action, cell: ({ action }) => el("span", { class: "wide-cell" }, actions[action] ?? action) },
    ...(isOfAll ? subject : []),
    { name: text.details, cell: detailsOf },
    { name: text.who, cell: who },
  ];
}

/** @param {LogEntry} entry */
function who({ actor, actorEmail, via }) {
  return el("span", {}, actorEmail ?? actor, " ", el("span", { class: "muted small under" }, vias[via] ?? via));
}

/** @param {LogEntry} entry */
function subjectOf({ subjectKind, subject }) {
  const name = /** @type {Record<string, string>} */ (text.subjects)[subjectKind] ?? subjectKind;
  const shown = text.subject(name, subject.slice(-4));
  if (subjectKind === "sale") return el("a", { class: "whole", href: `/admin/sales/${subject}`, title: subject }, shown);
  if (subjectKind === "product") return el("a", { class: "whole", href: `/admin/products/${subject}`, title: subject }, shown);
  return el("span", { class: "whole", title: subject }, shown);
}

/** How the gate was found, and counts of what was wrong: only where anything was. */
const INNER = ["epoch", "found"];
const WRONG = ["lost", "rejected", "saved"];

/** What was asked for, member by member. @param {LogEntry} entry */
function detailsOf({ action, details }) {
  const isWorthIt = (/** @type {[string, unknown]} */ [name, value]) =>
    value !== null && !name.endsWith("Id") && (action !== "sale.install" || !(INNER.includes(name) || (WRONG.includes(name) && value === 0)));
  const members = Object.entries(/** @type {Record<string, unknown>} */ (details)).filter(isWorthIt);
  if (members.length === 0) return words.time.none;
  const items = members.map(([name, value]) => el("div", {}, el("dt", {}, spaced(name)), el("dd", {}, valueOf(value))));
  return el("dl", { class: "details" }, ...items);
}

/** @param {unknown} value */
function valueOf(value) {
  if (typeof value === "string" && INSTANT.test(value)) return when(value, "second");
  if (typeof value === "number") return number(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** `plannedEndTime` as people write it. @param {string} name */
function spaced(name) {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
