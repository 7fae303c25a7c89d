/**
 * The rush: how purchases were answered, by time, as stacked areas and as a table. It begins with the ledger's traffic, and
 * the stream continues it.
 */

import { el, setAttribute, setText, show } from "../shared/dom.js";
import { hour, number, second } from "../shared/format.js";
import { StackChart } from "./charts.js";
import { failureText } from "./failures.js";
import { RushTable } from "./rush_table.js";
import { KINDS, Series, countsOf, total } from "./series.js";
import * as service from "./service.js";
import { words } from "./words.js";
import { offsetAt, onZone, zoneChoice, zoneName } from "./zone.js";

const text = words.rush;
const MINUTE = 60_000;
/** How much time each range shows, milliseconds. */
const RANGES = { all: 0, minutes: 10 * MINUTE, minute: MINUTE };
/** @typedef {keyof typeof RANGES} Range */
/** The least that the chart shows, milliseconds. */
const SPAN_MIN = 20_000;
/** After a reading that failed, the next try comes so much later, milliseconds. */
const AGAIN_MS = 5_000;

export class Rush {
  series = new Series();
  /** @type {Range} */
  #range = "all";
  #saleId;
  #isLoaded = false;
  #isClosed = false;
  /** The timer of the next try, after a reading that failed. */
  #again = 0;
  /** What the ledger says of all answers; null before the first event. @type {number[] | null} */
  #totals = null;
  /** The instant below the crosshair. @type {number | null} */
  #cursor = null;
  #canvas = el("canvas", { tabindex: 0, role: "slider", "aria-label": text.chartName, "aria-valuenow": 0 });
  #readout = el("p", { class: "muted small figures" }, "\u2007");
  #legend = el("ul", { class: "legend" });
  /** @type {HTMLElement[]} */
  #figures = [];
  #empty = el("p", { class: "empty" }, text.empty);
  #fault = el("p", { class: "note bad", role: "alert", hidden: true });
  #table = new RushTable();
  #toggle = el("button", { class: "button plain", type: "button", onclick: () => this.#turn() }, text.table);
  #chartPlace = el("div", { class: "chart" }, this.#canvas);
  #chart;

  /** @param {string} saleId */
  constructor(saleId) {
    this.#saleId = saleId;
    this.#makeLegend();
    show(this.#table.node, false);
    show(this.#empty, false);
    this.node = el(
      "section",
      { class: "card stack rush", "aria-labelledby": "rush-heading" },
      el("div", { class: "section-head" }, el("h2", { id: "rush-heading" }, text.title), this.#ranges(), this.#toggle),
      this.#fault,
      this.#empty,
      this.#chartPlace,
      this.#table.node,
      el("div", { class: "legend-line" }, this.#readout, this.#legend),
      el("p", { class: "muted small" }, text.note),
    );
    this.#chart = new StackChart(this.#canvas, {
      colours: () => this.#colours(),
      timeLabel: (at, step) => (step < MINUTE ? second(at, zoneChoice()) : hour(at, zoneChoice())),
      unit: text.unit,
      numberLabel: (value) => shortNumber(value),
      offset: (at) => offsetAt(at, zoneName()),
    });
    this.#listen();
    this.endZone = onZone(() => {
      this.#chart.restyle();
      this.#refresh();
    });
  }

  /** Reads the ledger's traffic, until that has succeeded. The events that come afterwards continue it. */
  async load() {
    clearTimeout(this.#again);
    try {
      const traffic = await service.traffic(this.#saleId, {});
      if (this.#isClosed) return;
      this.series.load(traffic);
      this.#isLoaded = true;
      show(this.#fault, false);
    } catch (error) {
      if (this.#isClosed) return;
      clearTimeout(this.#again);
      this.#again = setTimeout(() => void this.load(), AGAIN_MS);
      setText(this.#fault, failureText(error));
      show(this.#fault, true);
    }
    this.#refresh();
  }

  /** @param {import("./shapes.js").ConsoleEvent} event */
  append({ serverTime, verdicts }) {
    if (!this.#isLoaded || !verdicts) return;
    this.#totals = countsOf(verdicts);
    this.series.append(Date.parse(serverTime), verdicts);
    this.#refresh();
  }

  restyle() {
    this.#chart.restyle();
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#again);
    this.endZone();
    this.#chart.close();
  }

  /** What is shown now, of all slices. */
  #shown() {
    const span = this.series.span();
    if (!span) return null;
    if (this.#range === "all") {
      return { slices: this.series.slices, from: span.from, to: Math.max(span.to, span.from + SPAN_MIN) };
    }
    return { slices: this.series.slices, from: span.end - RANGES[this.#range], to: span.end };
  }

  #refresh() {
    const shown = this.#shown();
    const isTable = !this.#table.node.hidden;
    show(this.#empty, !shown && this.#isLoaded);
    show(this.#chartPlace, !isTable && (shown !== null || !this.#isLoaded));
    if (!shown) return;
    if (isTable) this.#table.show(shown);
    else this.#chart.show(shown);
    setAttribute(this.#canvas, "aria-valuemin", shown.from);
    setAttribute(this.#canvas, "aria-valuemax", shown.to);
    this.#read();
  }

  /** Figures of the instant below the crosshair, else of all. */
  #read() {
    const at = this.#cursor;
    let counts;
    if (at === null) {
      counts = this.#totals ?? KINDS.map((_, kind) => this.series.slices.reduce((sum, slice) => sum + (slice.counts[kind] ?? 0), 0));
      setText(this.#readout, text.totals(number(total(counts))));
    } else {
      const slice = this.series.at(at);
      const seconds = slice ? Math.max(0.5, (slice.to - slice.from) / 1000) : 1;
      counts = KINDS.map((_, kind) => (slice?.counts[kind] ?? 0) / seconds);
      setText(this.#readout, text.at(second(at, zoneChoice()), number(Math.round(total(counts)))));
    }
    counts.forEach((count, kind) => {
      const place = this.#figures[kind];
      if (place) setText(place, number(Math.round(count)));
    });
    setAttribute(this.#canvas, "aria-valuenow", at ?? this.series.end);
    const named = KINDS.map((kind, i) => `${text.kinds[kind]} ${this.#figures[i]?.textContent ?? ""}`);
    setAttribute(this.#canvas, "aria-valuetext", `${this.#readout.textContent}. ${named.join(", ")}`);
  }

  #makeLegend() {
    for (const kind of KINDS) {
      const value = el("span", { class: "figures" }, "0");
      this.#figures.push(value);
      this.#legend.append(el("li", {}, el("span", { class: `swatch ${kind}` }), text.kinds[kind], " ", value));
    }
  }

  #colours() {
    const style = getComputedStyle(this.#canvas);
    const swatches = [...this.#legend.querySelectorAll(".swatch")];
    return {
      ink: style.color,
      muted: style.accentColor,
      line: style.outlineColor,
      surface: style.backgroundColor,
      kinds: swatches.map((swatch) => getComputedStyle(swatch).backgroundColor),
    };
  }

  #ranges() {
    const buttons = /** @type {Range[]} */ (Object.keys(RANGES)).map((range) =>
      el(
        "button",
        { type: "button", "data-range": range, "aria-pressed": String(range === this.#range), onclick: () => this.#choose(range) },
        text.ranges[range],
      ),
    );
    this.rangeButtons = buttons;
    return el("div", { class: "switch", role: "group", "aria-label": text.range }, ...buttons);
  }

  /** @param {Range} range */
  #choose(range) {
    this.#range = range;
    for (const button of this.rangeButtons ?? []) {
      button.setAttribute("aria-pressed", String(button.dataset["range"] === range));
    }
    this.#refresh();
  }

  #turn() {
    const isTable = this.#table.node.hidden === true;
    show(this.#table.node, isTable);
    setText(this.#toggle, isTable ? text.chart : text.table);
    this.#refresh();
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointermove", (event) => this.#point(this.#chart.instantAt(event.offsetX)));
    canvas.addEventListener("pointerleave", () => this.#point(null));
    canvas.addEventListener("blur", () => this.#point(null));
    canvas.addEventListener("keydown", (event) => {
      const shown = this.#shown();
      if (!shown) return;
      const step = Math.max(1000, (shown.to - shown.from) / 60);
      const from = this.#cursor ?? shown.to;
      const places = {
        ArrowLeft: Math.max(shown.from, from - step),
        ArrowRight: Math.min(shown.to, from + step),
        Home: shown.from,
        End: shown.to,
        Escape: null,
      };
      if (!(event.key in places)) return;
      event.preventDefault();
      this.#point(places[/** @type {keyof typeof places} */ (event.key)]);
    });
  }

  /** @param {number | null} at */
  #point(at) {
    this.#cursor = at;
    this.#chart.pointAt(at);
    this.#read();
  }
}

const short = new Intl.NumberFormat(navigator.languages, { notation: "compact", maximumFractionDigits: 1 });

/** @param {number} value */
function shortNumber(value) {
  return value < 10_000 ? number(value) : short.format(value);
}
