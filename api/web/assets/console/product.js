/**
 * The page of a product: its details, its stock, its archive, and its log.
 */

import { ApiError } from "../shared/api.js";
import { announce, el, setText } from "../shared/dom.js";
import { money, number } from "../shared/format.js";
import { picture } from "../shared/picture.js";
import { ask } from "./dialog.js";
import { failureNote } from "./failures.js";
import { field, form, select } from "./form.js";
import { setTitle } from "./frame.js";
import { logTable } from "./log.js";
import { missing } from "./missing_page.js";
import { addOnce, untilKnown } from "./once.js";
import { planSale } from "./plan.js";
import { detailFields, unitsField } from "./product_fields.js";
import * as service from "./service.js";
import { refill } from "./update.js";
import { words } from "./words.js";

/** @typedef {import("./shapes.js").Product} Product */
/** @typedef {(pauseMs: number) => void} OnPause */

const text = words.products;

/** @param {string} id @returns {import("./main.js").Page} */
export function productPage(id) {
  const place = el("div", { class: "stack wide" }, el("h1", { class: "skeleton" }, words.pages.products));
  const log = logTable({ productId: id }, words.log.empty);
  let isLeft = false;
  const shown = (/** @type {Product} */ product) => {
    refill(place, ...productView(product, changed, log));
    setTitle(product.name);
  };
  const changed = (/** @type {Product} */ product) => {
    if (isLeft) return;
    shown(product);
    void log.reload();
    // The button that was pressed is gone.
    place.querySelector("h1")?.focus();
  };
  const read = async () => {
    try {
      const product = await service.product(id);
      if (!isLeft) shown(product);
    } catch (error) {
      const isUnknown = error instanceof ApiError && error.status === 404;
      if (isLeft) return;
      refill(place, ...(isUnknown ? missing(words.notFound.product) : [el("h1", {}, words.pages.products), failureNote(error, () => void read())]));
    }
  };
  void read();
  const close = () => {
    isLeft = true;
    log.close();
  };
  return { title: words.pages.products, section: "products", nodes: [place], close };
}

/**
 * @param {Product} product
 * @param {(product: Product) => void} changed
 * @param {import("./table.js").Table<import("./shapes.js").LogEntry>} log
 */
function productView(product, changed, log) {
  const inStock = el("span", {}, text.inStock(number(product.quantity)));
  // What somebody has typed into the details stays.
  const stocked = () => {
    setText(inStock, text.inStock(number(product.quantity)));
    void log.reload();
  };
  const head = el(
    "header",
    { class: "sale-head" },
    picture(product, "thumb"),
    el(
      "div",
      { class: "stack tight" },
      el("h1", { tabindex: -1 }, product.name),
      el("p", { class: "facts" }, product.archivedAt && el("span", { class: "badge" }, text.archived), el("span", {}, money(product.price, product.currency)), inStock),
    ),
    el("div", { class: "buttons" }, !product.archivedAt && planButton(product), archiveButton(product, changed)),
  );
  return [
    head,
    product.archivedAt && el("p", { class: "note" }, text.archivedNote),
    el("div", { class: "columns" }, detailsCard(product, changed), stockCard(product, stocked)),
    el("section", { class: "stack" }, el("h2", {}, words.pages.log), log.node),
  ].filter((node) => node instanceof Node);
}

/** @param {Product} product */
function planButton({ productId }) {
  return el("button", { class: "button primary", type: "button", onclick: () => planSale(productId) }, words.action.plan);
}

/** @param {Product} product @param {(product: Product) => void} changed */
function detailsCard(product, changed) {
  const details = detailFields(product);
  const unchanged = el("p", { class: "note", role: "status", hidden: true }, text.unchanged);
  const send = async (/** @type {OnPause} */ onPause) => {
    const patch = differing(product, details.values());
    unchanged.hidden = Object.keys(patch).length > 0;
    if (!unchanged.hidden) return;
    changed(await addOnce(`product:${product.productId}`, patch, (key) => service.changeProduct(product.productId, patch, key), onPause));
    announce(text.saved);
  };
  return el(
    "section",
    { class: "card stack" },
    el("h2", {}, text.details),
    form({ fields: details.fields, submit: text.save, send }, ...details.nodes, unchanged),
  );
}

/**
 * Only what is different is sent: what somebody else changes meanwhile stays.
 * @param {Product} product
 * @param {Record<string, unknown>} values
 * @returns {Record<string, unknown>}
 */
function differing(product, values) {
  const before = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (product));
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => before[name] !== value));
}

/**
 * @param {Product} product its quantity follows the stock
 * @param {() => void} stocked called after a change of the stock
 */
function stockCard(product, stocked) {
  const now = el("p", {}, text.stockNow(number(product.quantity)));
  const how = field(text.stockHow, select([["set", text.stockSet], ["add", text.stockAdd], ["remove", text.stockRemove]], "set"));
  const units = unitsField(text.units, 0);
  const start = () => {
    units.control.value = how.control.value === "set" ? String(product.quantity) : "";
    units.control.setAttribute("min", how.control.value === "set" ? "0" : "1");
  };
  start();
  how.control.addEventListener("input", start);
  const take = (/** @type {number} */ quantity) => {
    product.quantity = quantity;
    setText(now, text.stockNow(number(quantity)));
    stocked();
  };
  const send = async (/** @type {OnPause} */ onPause) => {
    const read = product.quantity;
    const body = stockChange(how.control.value, Number(units.control.value), read);
    try {
      const after = await addOnce(`stock:${product.productId}`, body, (key) => service.changeProduct(product.productId, body, key), onPause);
      take(after.quantity);
      start();
      announce(text.saved);
    } catch (error) {
      const present = error instanceof ApiError && error.status === 409 ? error.problem["currentQuantity"] : undefined;
      if (typeof present !== "number") throw error;
      units.fail(text.stockMoved(number(read), number(present)));
      units.control.focus();
      take(present);
    }
  };
  const fields = { quantity: units, addQuantity: units, removeQuantity: units };
  return el(
    "section",
    { class: "card stack" },
    el("h2", {}, text.stockTitle),
    now,
    form({ fields, submit: text.stockSave, send }, el("div", { class: "pair" }, how.node, units.node)),
  );
}

/**
 * @param {string} how
 * @param {number} units
 * @param {number} read the stock that the admin saw
 */
function stockChange(how, units, read) {
  if (how === "add") return { addQuantity: units };
  return how === "remove" ? { removeQuantity: units } : { quantity: units, expectedQuantity: read };
}

/** @param {Product} product @param {(product: Product) => void} changed */
function archiveButton(product, changed) {
  const step = product.archivedAt ? "unarchive" : "archive";
  const act = async (/** @type {OnPause} */ onPause) => {
    changed(await untilKnown(() => service.archiveProduct(product.productId, step), onPause));
    return step === "archive" ? text.archivedDone : text.unarchivedDone;
  };
  const start = () =>
    ask({
      title: step === "archive" ? text.archiveTitle(product.name) : text.unarchiveTitle(product.name),
      consequences: step === "archive" ? [text.archive(number(product.quantity)), text.archiveUndo] : [text.unarchiveSays],
      confirm: words.action[step],
      act,
    });
  return el("button", { class: "button", type: "button", onclick: start }, words.action[step]);
}
