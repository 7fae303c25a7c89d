/**
 * The four figures of a sale: sold, purchases a second, refused by reason, and until when there is something left.
 */

import { el, setText } from "../shared/dom.js";
import { decimal, duration, number } from "../shared/format.js";
import { KINDS } from "./series.js";
import { update } from "./update.js";
import { words } from "./words.js";

/**
 * What is known of a sale at the moment: the stream's newest event, or what was read before there is one.
 * @typedef {object} Known
 * @property {import("./shapes.js").Sale} sale
 * @property {import("./shapes.js").SaleCounts} counts
 * @property {import("./shapes.js").ConsoleEvent | null} event
 * @property {{ peak: number, isPeakExact: boolean }} series the most answers in a second, and whether it may have been more
 */

const REFUSALS = KINDS.filter((kind) => kind !== "admitted");
/** Below this rate nothing is said about when it is sold out. */
const RATE_MIN = 0.05;

export class Figures {
  #sold = figure(words.sale.sold);
  #rate = figure(words.sale.rate);
  #refused = figure(words.sale.refused);
  #until = figure(words.sale.until);
  #bar = el("progress", { max: 1, value: 0, "aria-label": words.sale.sold });

  constructor() {
    this.#sold.node.append(this.#bar);
    const all = [this.#sold, this.#rate, this.#refused, this.#until];
    this.node = el("section", { class: "tiles", "aria-label": words.sale.figures }, ...all.map(({ node }) => node));
  }

  /** @param {Known} known */
  show(known) {
    const { units, left, sold } = stockOf(known);
    const share = units === 0 ? 0 : sold / units;
    const of = words.sale.soldNote(number(units), percent(share));
    const { cancelledOrders } = known.counts;
    this.#sold.say(number(sold), cancelledOrders > 0 ? words.sale.cancelledNote(of, number(cancelledOrders)) : of);
    this.#bar.value = share;
    this.#showRate(known);
    this.#showRefused(known);
    const [value, note] = untilSoldOut(known, left);
    this.#until.say(value, note);
  }

  /** @param {Known} known */
  #showRate({ event, series: { peak, isPeakExact } }) {
    const rates = event?.rates;
    let rate = 0;
    for (const kind of KINDS) rate += rates?.[kind] ?? 0;
    const note = isPeakExact ? words.sale.rateNote : words.sale.rateRough;
    const admitted = rates?.admitted ?? 0;
    const parts = words.sale.rateParts(shortRate(admitted), shortRate(Math.max(0, rate - admitted)));
    this.#rate.say(rates ? shortRate(rate) : words.time.none, peak === 0 ? "" : note(parts, shortRate(peak)));
  }

  /** @param {Known} known */
  #showRefused({ event }) {
    const verdicts = event?.verdicts;
    if (!verdicts) {
      this.#refused.say(words.time.none, "");
      return;
    }
    const reasons = REFUSALS.filter((kind) => verdicts[kind] > 0);
    let refused = 0;
    for (const kind of reasons) refused += verdicts[kind];
    const note = reasons.map((kind) => `${number(verdicts[kind])} ${words.rush.kinds[kind].toLowerCase()}`);
    this.#refused.say(number(refused), note.join(", ") || words.sale.refusedNone);
  }
}

/** @param {string} name */
function figure(name) {
  const value = el("span", { class: "value figures" }, "\u2007");
  const note = el("span", { class: "small muted figures" }, "\u2007");
  return {
    node: el("div", { class: "tile" }, el("span", { class: "name" }, name), value, note),
    /** @param {string} text @param {string} about */
    say(text, about) {
      setText(value, text);
      setText(note, about);
    },
  };
}

/** Everything and nothing only where that is so. @param {number} share */
function percent(share) {
  const tenths = Math.round(share * 1000);
  const shown = share < 1 && share > 0 ? Math.min(999, Math.max(1, tenths)) : tenths;
  return shown % 10 === 0 ? number(shown / 10) : decimal(shown / 10);
}

/** @param {number} rate */
function shortRate(rate) {
  return rate < 100 && rate > 0 ? decimal(rate) : number(Math.round(rate));
}

/**
 * Units, and how many of them are sold and left.
 * @param {Known} known
 */
export function stockOf({ counts, event }) {
  if (event?.taken !== null && event?.taken !== undefined && event.limit !== null) {
    const left = Math.max(0, event.limit - event.taken);
    return { units: event.units, left, sold: event.units - left };
  }
  const sold = event?.confirmed ?? counts.soldQuantity;
  const units = event?.units ?? counts.totalQuantity;
  return { units, sold, left: Math.max(0, units - sold) };
}

/**
 * @param {Known} known
 * @param {number} left
 * @returns {[value: string, note: string]}
 */
function untilSoldOut({ sale, counts, event }, left) {
  const text = words.sale;
  if (left === 0) return [text.untilDone, text.untilDoneNote];
  if (sale.state === "settled") return [text.untilOver, text.untilReturned(number(counts.returnedQuantity))];
  const status = event?.status ?? sale.status;
  if (status === "ended") return [text.untilOver, text.untilOverNote(number(left))];
  if (status !== "active") return [text.untilUnknown, text.untilWaits[status](number(left))];
  const rate = event?.rates?.admitted ?? 0;
  if (rate < RATE_MIN) return [text.untilUnknown, text.untilLeft(number(left))];
  return [text.untilIn(duration((left / rate) * 1000)), text.untilNote(number(left), shortRate(rate))];
}

/**
 * The figures of an overview, as they were read.
 * @param {HTMLElement} place
 * @param {{ name: string, value: string, note: string, href?: string }[]} tiles
 */
export function fillTiles(place, tiles) {
  update(
    place,
    ...tiles.map(({ name, value, note, href }) => {
      const shown = figure(name);
      shown.say(value, note);
      if (href) shown.node.append(el("a", { href, class: "cover" }, el("span", { class: "unseen" }, name)));
      return shown.node;
    }),
  );
}
