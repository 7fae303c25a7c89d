/**
 * The page of a product: its details, its stock, its archive, and its log.
 *
 * Each change is shown in its place. What somebody has typed into another form, or into the same one meanwhile, stays.
 */

import { ApiError } from "../shared/api.js";
import { el, fill, setText, show } from "../shared/dom.js";
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
  const read = async () => {
    try {
      const product = await service.product(id);
      if (isLeft) return;
      refill(place, ...productView(product, log));
      setTitle(product.name);
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
 * @param {import("./table.js").Table<import("./shapes.js").LogEntry>} log
 */
function productView(product, log) {
  const head = el("header", { class: "sale-head" });
  const archived = el("p", { class: "note" }, text.archivedNote);
  let newest = product;
  const showNewest = () => {
    fill(head, ...headOf(newest, changed));
    show(archived, newest.archivedAt !== null);
    details.show(newest);
    stock.show(newest);
  };
  const changed = (/** @type {Partial<Product>} */ next) => {
    // The page of something else may be open by now.
    if (!head.isConnected) return;
    newest = { ...newest, ...next };
    setTitle(newest.name);
    showNewest();
    void log.reload();
  };
  const details = detailsCard(product, changed);
  const stock = stockCard(product, changed);
  showNewest();
  return [
    head,
    archived,
    el("div", { class: "columns" }, details.node, stock.node),
    el("section", { class: "stack" }, el("h2", {}, words.pages.log), log.node),
  ];
}

/** @param {Product} product @param {(next: Partial<Product>) => void} changed */
function headOf(product, changed) {
  const { name, price, currency, quantity, archivedAt } = product;
  return [
    picture(product, "thumb"),
    el(
      "div",
      { class: "stack tight" },
      el("h1", { tabindex: -1 }, name),
      el("p", { class: "facts" }, archivedAt && el("span", { class: "badge" }, text.archived), el("span", {}, money(price, currency)), el("span", {}, text.inStock(number(quantity)))),
    ),
    el("div", { class: "buttons" }, !archivedAt && planButton(product), archiveButton(product, changed)),
  ];
}

/** @param {Product} product */
function planButton({ productId }) {
  return el("button", { class: "button primary", type: "button", onclick: () => planSale(productId) }, words.action.plan);
}

/** What a form has done, until somebody types again. */
function outcome() {
  const node = el("p", { class: "note", role: "status", hidden: true });
  /** @param {string} sentence @param {"good" | ""} kind */
  const say = (sentence, kind) => {
    setText(node, sentence);
    node.classList.toggle("good", kind === "good");
    show(node, sentence !== "");
  };
  return { node, say };
}

/** @param {Product} product @param {(next: Partial<Product>) => void} changed */
function detailsCard(product, changed) {
  const { productId } = product;
  const details = detailFields(product);
  const { node: said, say } = outcome();
  const send = async (/** @type {OnPause} */ onPause) => {
    const patch = details.changes();
    if (Object.keys(patch).length === 0) {
      say(text.unchanged, "");
      return;
    }
    const present = await untilKnown(() => service.product(productId), onPause);
    if (details.areStale(present)) {
      changed(present);
      return;
    }
    const saved = await addOnce(`product:${productId}`, patch, (key) => service.changeProduct(productId, patch, key), onPause);
    details.follow(saved, patch);
    changed(saved);
    say(text.saved, "good");
  };
  const node = el(
    "section",
    { class: "card stack", oninput: () => say("", "") },
    el("h2", {}, text.details),
    form({ fields: details.fields, submit: text.save, check: details.check, send }, ...details.nodes, said),
  );
  return { node, show: (/** @type {Product} */ next) => details.follow(next) };
}

/** @param {Product} product @param {(next: Partial<Product>) => void} changed */
function stockCard({ productId, quantity }, changed) {
  const now = el("p", {}, text.stockNow(number(quantity)));
  const how = field(text.stockHow, select([["set", text.stockSet], ["add", text.stockAdd], ["remove", text.stockRemove]], "set"));
  const units = unitsField(text.units, 0);
  const { node: said, say } = outcome();
  /** The stock that the admin saw when the change was begun. */
  let seen = quantity;
  let isTyped = false;
  const begin = () => {
    units.control.setAttribute("min", how.control.value === "set" ? "0" : "1");
    if (!isTyped) units.control.value = how.control.value === "set" ? String(seen) : "";
  };
  begin();
  how.control.addEventListener("input", begin);
  units.control.addEventListener("input", () => {
    isTyped = units.control.value !== "";
  });
  const follow = (/** @type {Product} */ next) => {
    setText(now, text.stockNow(number(next.quantity)));
    if (isTyped) return;
    seen = next.quantity;
    begin();
  };
  const send = async (/** @type {OnPause} */ onPause) => {
    const sent = units.control.value;
    const body = stockChange(how.control.value, Number(sent), seen);
    try {
      const after = await addOnce(`stock:${productId}`, body, (key) => service.changeProduct(productId, body, key), onPause);
      isTyped &&= units.control.value !== sent;
      changed(after);
      say(text.saved, "good");
    } catch (error) {
      const present = error instanceof ApiError && error.status === 409 ? error.problem["currentQuantity"] : undefined;
      if (typeof present !== "number") throw error;
      units.fail(text.stockMoved(number(seen), number(present)));
      units.control.focus();
      seen = present;
      changed({ quantity: present });
    }
  };
  const fields = { quantity: units, addQuantity: units, removeQuantity: units };
  const node = el(
    "section",
    { class: "card stack", oninput: () => say("", "") },
    el("h2", {}, text.stockTitle),
    now,
    form({ fields, submit: text.stockSave, send }, el("div", { class: "pair" }, how.node, units.node), said),
  );
  return { node, show: follow };
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

/** @param {Product} product @param {(next: Partial<Product>) => void} changed */
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
