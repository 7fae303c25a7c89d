/**
 * The forms that plan a sale and move one.
 */

import { el, fill, setAttribute } from "../shared/dom.js";
import { number } from "../shared/format.js";
import { go } from "./address.js";
import { openDialog } from "./dialog.js";
import { failureNote, failureText } from "./failures.js";
import { field, form, input, select } from "./form.js";
import { addOnce, untilKnown } from "./once.js";
import * as service from "./service.js";
import { refill } from "./update.js";
import { WhenField } from "./when_field.js";
import { words } from "./words.js";
import { zoneName } from "./zone.js";

/** @typedef {import("./shapes.js").Product} Product */
/** @typedef {{ startTime: string, endTime: string }} Window */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** How many products one can choose from. */
const PRODUCTS_MAX = 500;
const UNITS_MAX = 2_147_483_647;
const text = words.plan;

/**
 * Opens the form that plans a sale.
 * @param {string} [productId] chosen from the beginning
 */
export function planSale(productId) {
  openDialog(text.title, (close) => {
    const place = el("div", {}, el("p", { class: "skeleton" }, text.product));
    const read = async () => {
      try {
        const [products] = await Promise.all([productsInStock(), service.askNow()]);
        fill(place, planForm(products, productId, close));
        place.querySelector("select")?.focus();
      } catch (error) {
        refill(place, failureNote(error, () => void read()));
      }
    };
    void read();
    return place;
  });
}

/** @returns {Promise<Product[]>} */
async function productsInStock() {
  /** @type {Product[]} */
  const found = [];
  /** @type {string | null} */
  let cursor = null;
  do {
    /** @type {service.Page<Product>} */
    const page = await service.products({ limit: 100, cursor });
    found.push(...page.data.filter((product) => product.quantity > 0));
    cursor = page.nextCursor;
  } while (cursor !== null && found.length < PRODUCTS_MAX);
  return found;
}

/**
 * @param {Product[]} products with units in stock
 * @param {string | undefined} chosen
 * @param {() => void} close
 */
function planForm(products, chosen, close) {
  if (products.length === 0) {
    const link = el("a", { class: "button primary", href: "/admin/products", onclick: close }, words.pages.products);
    return el("div", { class: "stack" }, el("p", {}, text.noStock), el("div", { class: "buttons" }, link, el("button", { class: "button", type: "button", onclick: close }, words.action.close)));
  }
  const namesakes = (/** @type {string} */ wanted) => products.filter(({ name }) => name === wanted).length;
  /** @type {[string, string][]} */
  const options = products.map(({ productId, name, quantity }) => [productId, text.option(name, number(quantity), namesakes(name) > 1 ? productId.slice(-4) : "")]);
  const product = field(text.product, select([["", text.choose], ...options], chosen ?? (products.length === 1 ? options[0]?.[0] : "")));
  product.control.required = true;
  const units = field(text.units, input({ type: "number", min: 1, max: UNITS_MAX, step: 1, required: true, inputmode: "numeric" }));
  const stock = () => products.find(({ productId }) => productId === product.control.value)?.quantity;
  let isTyped = false;
  units.control.addEventListener("input", () => {
    isTyped = units.control.value !== "";
  });
  const choose = () => {
    const quantity = stock();
    setAttribute(units.control, "max", quantity ?? UNITS_MAX);
    if (!isTyped) units.control.value = quantity === undefined ? "" : String(quantity);
    units.setHint(quantity === undefined ? "" : text.unitsHint(number(quantity)));
    units.fail("");
  };
  product.control.addEventListener("input", choose);
  choose();
  const times = windowFields(null, null);
  const other = el("p", { class: "small" }, el("a", { href: "/admin/products", onclick: close }, text.otherProduct));
  const fields = { productId: product, quantity: units, ...times.fields };
  const send = async (/** @type {(pauseMs: number) => void} */ onPause) => {
    const body = { productId: product.control.value, quantity: Number(units.control.value), ...times.window() };
    const sale = await addOnce("plan", body, (key) => service.planSale(body, key), onPause);
    close();
    go(`/admin/sales/${sale.saleId}`);
  };
  return form({ fields, submit: text.submit, cancel: close, check: times.check, send }, product.node, other, units.node, ...times.nodes);
}

/**
 * Opens the form that moves a sale.
 * @param {import("./shapes.js").Sale} sale
 * @param {() => void} done
 */
export function moveSale(sale, done) {
  openDialog(text.moveTitle(sale.productName), (close) => {
    const times = windowFields(sale.startTime, sale.endTime);
    const send = async (/** @type {(pauseMs: number) => void} */ onPause) => {
      const present = await untilKnown(() => service.sale(sale.saleId), onPause);
      if (times.isStale(present)) return;
      const body = { saleId: sale.saleId, productId: sale.productId, ...times.window(present) };
      await untilKnown(() => service.moveSale(body), onPause);
      close();
      done();
    };
    const stays = sale.soldQuantity > 0 && el("p", {}, text.soldStays(number(sale.soldQuantity)));
    return form({ fields: times.fields, submit: text.move, cancel: close, check: times.check, send }, stays, ...times.nodes);
  });
}

/**
 * The fields of a window, with presets.
 * @param {string | null} start RFC 3339
 * @param {string | null} end
 */
function windowFields(start, end) {
  const starts = new WhenField(text.start, start);
  const ends = new WhenField(text.end, end);
  const setStart = (/** @type {number} */ now, /** @type {number} */ later) => {
    const length = lengthOf(starts, ends);
    // Whole minutes read better, where they are not much later; never earlier than now.
    const grain = later > MINUTE ? MINUTE : SECOND;
    const at = Math.ceil((now + later) / grain) * grain;
    starts.set(at);
    ends.set(at + (length ?? HOUR));
  };
  const begin = (/** @type {number} */ later) => async () => {
    try {
      setStart(await service.askNow(), later);
    } catch (error) {
      starts.fail(failureText(error));
    }
  };
  const setLength = (/** @type {number} */ length) => {
    if (starts.instant === null) starts.check();
    else ends.set(Date.parse(starts.instant) + length);
  };
  const opened = service.now();
  if (start === null && opened !== null) setStart(opened, 2 * MINUTE);
  const zone = el("p", { class: "hint muted small" }, text.zone(zoneName()));
  return {
    fields: { startTime: starts.field, endTime: ends.field },
    nodes: [
      zone,
      starts.node,
      presets(text.starting, [
        [text.now, begin(0)],
        [text.soon, begin(MINUTE)],
        [text.hour, begin(HOUR)],
        [text.tomorrow, begin(DAY)],
      ]),
      ends.node,
      presets(text.lasting, [
        [text.lasts.quarter, () => setLength(15 * MINUTE)],
        [text.lasts.hour, () => setLength(HOUR)],
        [text.lasts.day, () => setLength(DAY)],
      ]),
    ],
    /** What a time that nobody has touched is by now, the sale says. @param {Window} [present] */
    window: (present) => ({
      startTime: present && !starts.isChanged ? present.startTime : starts.instant,
      endTime: present && !ends.isChanged ? present.endTime : ends.instant,
    }),
    /**
     * Whether somebody else has changed meanwhile what this form is about to change: then the field says so, and the next
     * time it is sent.
     * @param {Window} present
     */
    isStale: ({ startTime, endTime }) => [starts.isStale(startTime), ends.isStale(endTime)].some(Boolean),
    check() {
      const good = [starts.check(), ends.check()].every(Boolean);
      if (!good) return false;
      const [from, to] = [Date.parse(starts.instant ?? ""), Date.parse(ends.instant ?? "")];
      // Where nobody knows the server's time, the API has the last word.
      const now = service.now() ?? -Infinity;
      if (to <= from) ends.fail(text.order);
      else if (to <= now) ends.fail(text.past);
      else if (starts.isChanged && from < now - DAY) starts.fail(text.longPast);
      else return true;
      return false;
    },
  };
}

/** @param {WhenField} starts @param {WhenField} ends */
function lengthOf(starts, ends) {
  if (starts.instant === null || ends.instant === null) return null;
  const length = Date.parse(ends.instant) - Date.parse(starts.instant);
  return length > 0 ? length : null;
}

/** @param {string} label @param {[name: string, act: () => void][]} choices */
function presets(label, choices) {
  const buttons = choices.map(([name, act]) => el("button", { class: "button chip", type: "button", onclick: act }, name));
  return el("div", { class: "presets", role: "group", "aria-label": label }, ...buttons);
}
