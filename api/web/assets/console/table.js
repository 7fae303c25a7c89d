/**
 * Tables: a list of the API with its filters, in pages, newest first.
 *
 * Pages follow the API's cursors. The table remembers the cursors of the pages before, so that one can go back. Filters
 * stand in the address, so that a filtered list can be shared. On a narrow screen each row is a card.
 */

import { retrying } from "../shared/api.js";
import { announce, el, fill, setAttribute, show } from "../shared/dom.js";
import { number } from "../shared/format.js";
import { rename } from "./address.js";
import { failureNote } from "./failures.js";
import { field, input, plain, select } from "./form.js";
import { refill, update } from "./update.js";
import { words } from "./words.js";

/** @typedef {import("../shared/dom.js").Child} Child */
/** @typedef {[value: string, text: string][]} Options */
/**
 * @template T
 * @typedef {object} Column
 * @property {string} name
 * @property {(row: T) => Child} cell
 * @property {string} [hint] what the name means
 * @property {boolean} [isNumber]
 * @property {boolean} [isHead] the cell that names the row
 * @property {boolean} [isUnnamed] the name is for screen readers only
 */
/**
 * @typedef {object} Filter
 * @property {string} name the API's name of it
 * @property {string} label
 * @property {Options} [options] a choice; left out: a text
 * @property {string} [hint]
 * @property {() => Promise<Options>} [more] further options, read once
 */
/**
 * @template T
 * @typedef {object} Listing
 * @property {string} caption names the table
 * @property {Column<T>[]} columns
 * @property {Filter[]} [filters]
 * @property {boolean} [isShared] its filters stand in the address
 * @property {(query: Record<string, string | null>, signal: AbortSignal) => Promise<{ data: T[], nextCursor: string | null }>} load
 * @property {() => Child[]} empty what stands where there is nothing yet: the next step
 * @property {(query: () => Record<string, string>) => Child[]} [tools] beside the filters; `query` is what they say
 */

const TYPING_MS = 300;
/** How often the further options of a filter are asked for. */
const OPTIONS_TRIES = 5;

/** @template T */
export class Table {
  /** @type {(string | null)[]} */
  #cursors = [null];
  /** @type {string | null} */
  #next = null;
  #reading = new AbortController();
  #isReading = false;
  #closed = new AbortController();
  /** The timer of a change of the filters, which follows the typing. */
  #typing = 0;
  /** The filters by their names. @type {Map<string, import("./form.js").Control>} */
  #controls = new Map();
  /** @type {Record<string, string>} */
  #query = {};
  #listing;
  #body = el("tbody");
  #place = el("div", { class: "listing" });
  #frame;
  #newer = el("button", { class: "button", type: "button", onclick: () => this.#page(-1) }, words.table.newer);
  #older = el("button", { class: "button", type: "button", onclick: () => this.#page(1) }, words.table.older);
  #count = el("p", { class: "muted small" });
  #pages = el("div", { class: "pages" }, this.#newer, this.#older, this.#count);

  /** @param {Listing<T>} listing */
  constructor(listing) {
    this.#listing = listing;
    if (listing.isShared) this.#query = asked(listing.filters ?? []);
    this.#frame = el(
      "div",
      { class: "table", tabindex: 0, role: "region", "aria-label": listing.caption },
      el("table", { role: "table" }, this.#head(), this.#body),
    );
    this.#body.setAttribute("role", "rowgroup");
    this.node = el("div", { class: "stack" }, this.#filters(), this.#place);
    fill(this.#place, this.#frame, this.#pages);
    this.#waiting();
    void this.reload();
  }

  /** What the filters say. */
  get query() {
    return { ...this.#query };
  }

  close() {
    this.#closed.abort();
    this.#reading.abort();
    clearTimeout(this.#typing);
  }

  /** Reads the first page again, unless somebody is at work in it. */
  follow() {
    const focused = document.activeElement;
    const isUsed = this.#body.contains(focused) || this.#place.querySelector(".empty")?.contains(focused);
    const isOpen = this.#body.querySelector("details[open]") !== null;
    // A reading that is on its way is not begun again: it may walk through many pages.
    if (this.#cursors.length === 1 && !isUsed && !isOpen && !this.#isReading) void this.reload();
  }

  /**
   * Reads the page that is shown again.
   * @returns {Promise<boolean>} whether it is shown; a failure is shown in its place
   */
  async reload() {
    this.#reading.abort();
    const reading = new AbortController();
    this.#reading = reading;
    this.#isReading = true;
    const cursor = this.#cursors[this.#cursors.length - 1] ?? null;
    setAttribute(this.#frame, "aria-busy", "true");
    try {
      const { data, nextCursor } = await this.#listing.load({ ...this.#query, cursor }, reading.signal);
      if (reading.signal.aborted) return false;
      this.#next = nextCursor;
      this.#show(data);
      return true;
    } catch (error) {
      if (!reading.signal.aborted) update(this.#place, failureNote(error, () => void this.reload()));
      return false;
    } finally {
      if (this.#reading === reading) this.#isReading = false;
    }
  }

  /** @param {T[]} rows */
  #show(rows) {
    setAttribute(this.#frame, "aria-busy", null);
    const hasPages = this.#cursors.length > 1 || this.#next !== null;
    setAttribute(this.#newer, "aria-disabled", this.#cursors.length === 1 && "true");
    setAttribute(this.#older, "aria-disabled", this.#next === null && "true");
    show(this.#newer, hasPages);
    show(this.#older, hasPages);
    this.#count.textContent = words.table.rows(number(rows.length), rows.length);
    if (rows.length === 0) {
      refill(this.#place, el("div", { class: "empty" }, ...this.#nothing()), ...(hasPages ? [this.#pages] : []));
      return;
    }
    const hadFocus = this.#place.contains(document.activeElement);
    fill(this.#body, ...rows.map((row) => this.#row(row)));
    // Moved nodes lose the focus and their scroll position.
    if (this.#place.firstChild !== this.#frame) fill(this.#place, this.#frame, this.#pages);
    if (hadFocus && !this.#place.contains(document.activeElement)) this.#frame.focus({ preventScroll: true });
  }

  #nothing() {
    const filtered = Object.values(this.#query).some((value) => value !== "");
    if (!filtered) return this.#listing.empty();
    return [
      el("p", {}, words.table.nothingFound),
      el("button", { class: "button", type: "button", onclick: () => this.#clear() }, words.table.clear),
    ];
  }

  #clear() {
    for (const control of this.#controls.values()) control.value = "";
    this.#ask();
  }

  #head() {
    const cells = this.#listing.columns.map((column) =>
      el(
        "th",
        { scope: "col", role: "columnheader", class: column.isNumber && "number", title: column.hint },
        column.isUnnamed ? el("span", { class: "unseen" }, column.name) : column.name,
      ),
    );
    return el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...cells));
  }

  /** @param {T} row */
  #row(row) {
    const cells = this.#listing.columns.map((column) => {
      const attributes = { class: column.isNumber && "number", "data-name": column.isUnnamed ? null : column.name };
      return column.isHead
        ? el("th", { ...attributes, scope: "row", role: "rowheader" }, column.cell(row))
        : el("td", { ...attributes, role: "cell" }, column.cell(row));
    });
    return el("tr", { role: "row" }, ...cells);
  }

  /** Rows in their size, before there are any. */
  #waiting() {
    const row = () => {
      const cells = this.#listing.columns.map(() => el("td", { role: "cell" }, el("span", { class: "skeleton" }, "\u2007\u2007\u2007\u2007")));
      return el("tr", { role: "row" }, ...cells);
    };
    fill(this.#body, row(), row(), row());
    fill(this.#pages, this.#newer, this.#older, this.#count);
    show(this.#newer, false);
    show(this.#older, false);
  }

  #filters() {
    const { filters = [], tools } = this.#listing;
    if (filters.length === 0 && !tools) return null;
    const fields = filters.map(({ name, label, options, hint, more }) => {
      const value = this.#query[name] ?? "";
      const control = options ? select(known(options, value), value) : input({ type: "search", value, autocomplete: "off" });
      this.#controls.set(name, control);
      control.addEventListener("input", () => {
        clearTimeout(this.#typing);
        this.#typing = setTimeout(() => this.#ask(), options ? 0 : TYPING_MS);
      });
      const made = field(label, control, hint);
      if (options && more) void this.#addOptions(made, options, more);
      return made.node;
    });
    const tooling = tools ? el("div", { class: "tools" }, ...tools(() => this.query)) : null;
    return el("form", { class: "filters", role: "search", "aria-label": words.table.filters(this.#listing.caption), onsubmit: (/** @type {Event} */ event) => event.preventDefault() }, ...fields, tooling);
  }

  /**
   * @param {import("./form.js").Field} filter
   * @param {Options} first those that it has
   * @param {() => Promise<Options>} more
   */
  async #addOptions({ control, setHint }, first, more) {
    const { signal } = this.#closed;
    try {
      const options = [...first, ...(await retrying(more, { signal, tries: OPTIONS_TRIES }))];
      const { value } = control;
      control.replaceChildren(...select(known(options, value)).children);
      control.value = value;
    } catch {
      if (!signal.aborted) setHint(words.table.optionsFail);
    }
  }

  /** Reads the first page of what the filters say. */
  #ask() {
    clearTimeout(this.#typing);
    this.#query = Object.fromEntries([...this.#controls].map(([name, { value }]) => [name, plain(value)]));
    this.#cursors = [null];
    if (this.#listing.isShared) share(this.#query);
    void this.reload().then((isShown) => {
      if (isShown) announce(this.#count.textContent ?? "");
    });
  }

  /** @param {1 | -1} direction */
  #page(direction) {
    if (direction === 1 && this.#next !== null) this.#cursors.push(this.#next);
    else if (direction === -1 && this.#cursors.length > 1) this.#cursors.pop();
    else return;
    void this.reload();
  }
}

/**
 * The options with the one that is chosen, which the address may name: the list has only the newest.
 * @param {Options} options
 * @param {string} chosen
 * @returns {Options}
 */
function known(options, chosen) {
  const isKnown = chosen === "" || options.some(([value]) => value === chosen);
  return isKnown ? options : [...options, [chosen, words.table.other(chosen.slice(-4))]];
}

/** The filters of the address. @param {Filter[]} filters */
function asked(filters) {
  const pairs = new URLSearchParams(location.search);
  /** @type {Record<string, string>} */
  const query = {};
  for (const { name } of filters) query[name] = plain(pairs.get(name) ?? "");
  return query;
}

/** @param {Record<string, string>} query */
function share(query) {
  const pairs = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ""));
  const text = pairs.toString();
  rename(location.pathname + (text === "" ? "" : `?${text}`));
}
