/**
 * The rush as a table: what the chart shows, in at most so many rows as one reads.
 */

import { el, fill } from "../shared/dom.js";
import { decimal, number, second } from "../shared/format.js";
import { KINDS, total } from "./series.js";
import { words } from "./words.js";
import { zoneChoice } from "./zone.js";

/** @typedef {import("./series.js").Slice} Slice */

const ROWS_MAX = 60;
const text = words.rush;

export class RushTable {
  #body = el("tbody");

  constructor() {
    const names = [text.time, text.seconds, text.all, ...KINDS.map((kind) => text.kinds[kind])];
    const head = names.map((name, i) => el("th", { scope: "col", class: i > 0 && "number" }, name));
    this.node = el(
      "div",
      { class: "table short", tabindex: 0, role: "region", "aria-label": text.chartName },
      el("table", {}, el("thead", {}, el("tr", {}, ...head)), this.#body),
    );
  }

  /** @param {import("./charts.js").Shown} shown */
  show({ slices, from }) {
    const rows = gathered(slices.filter((slice) => slice.to > from));
    fill(this.#body, ...rows.reverse().map(row));
  }
}

/** Neighbours together, until they are few. @param {Slice[]} slices @returns {Slice[]} */
function gathered(slices) {
  const each = Math.ceil(slices.length / ROWS_MAX);
  if (each <= 1) return [...slices];
  /** @type {Slice[]} */
  const rows = [];
  for (let i = 0; i < slices.length; i += each) {
    const group = slices.slice(i, i + each);
    const [first, last] = [group[0], group[group.length - 1]];
    if (!first || !last) continue;
    const counts = KINDS.map((_, kind) => group.reduce((sum, slice) => sum + (slice.counts[kind] ?? 0), 0));
    rows.push({ from: first.from, to: last.to, counts });
  }
  return rows;
}

/** @param {Slice} slice */
function row({ from, to, counts }) {
  const figures = [decimal((to - from) / 1000), number(total(counts)), ...counts.map((count) => number(count))];
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, second(from, zoneChoice())),
    ...figures.map((figure) => el("td", { class: "number" }, figure)),
  );
}
