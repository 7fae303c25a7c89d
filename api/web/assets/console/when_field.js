/**
 * A field for an instant: a wall clock in the zone of the header.
 *
 * What the wall clock means stands below it, with its offset and in UTC. Where the clocks go forward over it, it says so;
 * where they go back, it asks which of the two is meant. An instant that nobody touches stays what it was, to the
 * microsecond. A dialog is open while there is such a field, so the zone stays the same meanwhile.
 */

import { el, show } from "../shared/dom.js";
import { dayAndHour, second } from "../shared/format.js";
import { field, input, select } from "./form.js";
import { words } from "./words.js";
import { instantsOf, offsetAt, offsetText, wallText, zoneChoice, zoneName } from "./zone.js";

const text = words.plan;

export class WhenField {
  #field;
  #twice;
  /** What was there before, as the API wrote it, and the wall clock that stands for it. */
  #kept = { instant: "", wall: "" };
  #zone = zoneName();
  /** The instant that the sale had when the form was opened. */
  #opened;

  /**
   * @param {string} label
   * @param {string | null} instant RFC 3339
   */
  constructor(label, instant) {
    this.#opened = instant;
    this.#field = field(label, input({ type: "datetime-local", step: 1, required: true }));
    this.#twice = field(text.twice, select([]));
    show(this.#twice.node, false);
    this.node = el("div", { class: "stack tight" }, this.#field.node, this.#twice.node);
    this.control = this.#field.control;
    this.control.addEventListener("input", () => this.#explain());
    this.#twice.control.addEventListener("input", () => this.#explain());
    if (instant) this.set(instant);
  }

  /** The parts of a form's field. */
  get field() {
    return { node: this.node, control: this.control, fail: this.#field.fail, setHint: this.#field.setHint };
  }

  /** @param {string | number} instant */
  set(instant) {
    const wall = wallText(Date.parse(new Date(instant).toISOString()), this.#zone);
    this.control.value = wall;
    this.#kept = { instant: typeof instant === "string" ? instant : new Date(instant).toISOString(), wall: this.control.value };
    this.#field.fail("");
    this.#explain();
  }

  /** The instant, RFC 3339; null where the wall clock does not name one. */
  get instant() {
    const { value } = this.control;
    if (value !== "" && value === this.#kept.wall) return this.#kept.instant;
    const found = instantsOf(value, this.#zone);
    const chosen = found.length === 2 ? found[Number(this.#twice.control.value)] : found[0];
    return chosen === undefined ? null : new Date(chosen).toISOString();
  }

  /** Says what is wrong, if anything is. */
  check() {
    const { value } = this.control;
    if (this.instant !== null) return true;
    this.#field.fail(value === "" ? text.badTime : text.skipped(this.#zone));
    return false;
  }

  /** Whether it names another instant than that with which it was opened. */
  get isChanged() {
    return this.instant !== this.#opened;
  }

  /**
   * Whether it changes an instant that somebody else has changed meanwhile. Then it says so, and agrees from now on.
   * @param {string} present
   */
  isStale(present) {
    const before = this.#opened;
    if (before === null || !this.isChanged || present === before || present === this.instant) return false;
    this.#opened = present;
    this.#field.fail(text.movedSince(written(Date.parse(before)), written(Date.parse(present))));
    return true;
  }

  /** @param {string} fault */
  fail(fault) {
    this.#field.fail(fault);
  }

  #explain() {
    const { value } = this.control;
    const found = value === this.#kept.wall ? [] : instantsOf(value, this.#zone);
    const isTwice = found.length === 2;
    if (isTwice && this.#twice.node.hidden) {
      const offsets = found.map((instant) => offsetText(offsetAt(instant, this.#zone)));
      this.#twice.control.replaceChildren(
        el("option", { value: "0" }, text.first(offsets[0] ?? "")),
        el("option", { value: "1" }, text.second(offsets[1] ?? "")),
      );
    }
    show(this.#twice.node, isTwice);
    const { instant } = this;
    if (instant === null) {
      this.#field.setHint("");
      if (value !== "") this.check();
      return;
    }
    const at = Date.parse(instant);
    this.#field.setHint(text.means(written(at), this.#zone, offsetText(offsetAt(at, this.#zone)), written(at, "utc")));
  }
}

/**
 * An instant with its day and its seconds.
 * @param {number} at
 * @param {"mine" | "utc"} [zone]
 */
function written(at, zone = zoneChoice()) {
  const isWhole = at % 60_000 === 0;
  const day = dayAndHour(at, zone);
  return isWhole ? day : `${day.slice(0, day.lastIndexOf(","))}, ${second(at, zone)}`;
}
