/**
 * The flow, the picture of the whole design, live: gate -> journal -> ledger, the equation between them, and the audit's
 * verdict.
 */

import { el, setAttribute, setText, show } from "../shared/dom.js";
import { decimal, number } from "../shared/format.js";
import { AuditView } from "./audit.js";
import { LineChart } from "./charts.js";
import { EquationCheck } from "./equation.js";
import { words } from "./words.js";

/** @typedef {import("./shapes.js").ConsoleEvent} ConsoleEvent */

/** Two minutes of events. */
const POINTS = 120;
/** Longer than this is shown in seconds. */
const MS_MAX = 10_000;
const text = words.flow;

export class Flow {
  #check = new EquationCheck();
  #gate = box(text.gate, text.gateNote, text.taken, [text.limit]);
  #journal = box(text.journal, text.journalNote, text.inIt, [text.entries, text.oldest]);
  #ledger = box(text.ledger, text.ledgerNote, text.posted, [text.confirmed, text.rejected, text.lag]);
  #equation = el("p", { class: "equation figures" });
  #verdict = el("p", { class: "verdict" });
  #difference = el("a", { href: "#audit-heading" }, text.seeDifference);
  #audit;

  /** @param {() => import("./shapes.js").Sale} sale */
  constructor(sale) {
    this.#audit = new AuditView(sale, () => this.#showVerdict());
    show(this.#difference, false);
    this.node = el(
      "section",
      { class: "flow-section stack", "aria-labelledby": "flow-heading" },
      el("h2", { id: "flow-heading" }, text.title),
      el("p", { class: "muted small" }, text.about),
      el("div", { class: "flow" }, this.#gate.node, arrow(), this.#journal.node, arrow(), this.#ledger.node),
      el("div", { class: "balance" }, this.#equation, this.#verdict, this.#difference),
      this.#audit.node,
    );
  }

  /** @type {import("./equation.js").Equation} */
  #last = { state: "unknown", inIt: null };

  /** @param {ConsoleEvent} event */
  show(event) {
    const { taken, limit, posted, confirmed, rejected, journalLength } = event;
    this.#last = this.#check.check(event);
    const { state, inIt } = this.#last;
    this.#gate.say(count(taken), [count(limit)], taken, text.takenLine);
    const oldest = journalLength === 0 ? words.time.none : time(event.oldestEntryAgeMs);
    const carried = inIt === null ? journalLength === 0 ? 0 : null : Math.max(0, inIt);
    this.#journal.say(count(carried), [count(journalLength), oldest], journalLength, text.entriesLine);
    const figures = [count(confirmed), count(rejected), time(event.postingLagMs)];
    this.#ledger.say(count(posted), figures, event.postingLagMs, text.lagLine);
    setAttribute(this.#journal.node, "data-busy", (inIt ?? 0) > 0 && "true");
    if (state === "holds" || state === "comparing" || state === "suspicious") {
      const sign = state === "holds" ? "=" : "\u2260";
      setText(this.#equation, `${count(taken)} ${sign} ${count(inIt)} + ${count(posted)}`);
    } else {
      setText(this.#equation, text.equation);
    }
    if (state === "suspicious") this.#audit.askSoon();
    this.#audit.take(event);
    this.#showVerdict();
  }

  #showVerdict() {
    const differs = this.#audit.verdict === "differs";
    const { state } = this.#last;
    const kind = differs ? "bad" : state === "holds" ? "good" : state === "suspicious" ? "warn" : "";
    setAttribute(this.#equation, "class", `equation figures ${kind}`);
    const said = {
      holds: text.holds,
      comparing: text.comparing,
      suspicious: text.suspicious,
      noGate: text.noGate,
      unknown: text.unknown,
    };
    setText(this.#verdict, differs ? text.differs : said[state]);
    show(this.#difference, differs);
  }

  /** Once a second, also while no event comes. */
  tick() {
    this.#audit.tick();
  }

  restyle() {
    for (const { line } of [this.#gate, this.#journal, this.#ledger]) line.restyle();
  }

  close() {
    for (const { line } of [this.#gate, this.#journal, this.#ledger]) line.close();
    this.#audit.close();
  }
}

/** @param {number | null} value */
function count(value) {
  return value === null ? words.time.none : number(value);
}

/** @param {number | null} ms */
function time(ms) {
  if (ms === null) return words.time.none;
  return ms < MS_MAX ? text.ms(number(ms)) : text.seconds(decimal(ms / 1000));
}

/** @param {string} name */
function hintOf(name) {
  return /** @type {Record<string, string>} */ (text.hints)[name] ?? "";
}

function arrow() {
  return el("span", { class: "arrow", "aria-hidden": "true" });
}

/**
 * A box of the flow.
 * @param {string} name
 * @param {string} about
 * @param {string} main the name of its large figure
 * @param {string[]} others the names of its small ones
 */
function box(name, about, main, others) {
  const large = el("span", { class: "value figures" }, words.time.none);
  const small = others.map(() => el("dd", { class: "figures" }, words.time.none));
  const canvas = el("canvas", { class: "line", role: "img" });
  const line = new LineChart(canvas, { points: POINTS, colour: () => getComputedStyle(canvas).color });
  const list = el("dl", {});
  others.forEach((other, i) => list.append(el("div", { title: hintOf(other) }, el("dt", {}, other), small[i] ?? "")));
  const node = el(
    "section",
    { class: "box", "aria-label": name },
    el("h3", {}, name, " ", el("span", { class: "muted small" }, about)),
    el("p", { class: "main", title: hintOf(main) }, large, " ", el("span", { class: "muted" }, main)),
    list,
    canvas,
  );
  return {
    node,
    line,
    /**
     * @param {string} value
     * @param {string[]} values
     * @param {number | null} point of the line
     * @param {(label: string) => string} label of the line
     */
    say(value, values, point, label) {
      setText(large, value);
      values.forEach((figure, i) => {
        const place = small[i];
        if (place) setText(place, figure);
      });
      line.add(point);
      setAttribute(canvas, "aria-label", label(count(point)));
    },
  };
}
