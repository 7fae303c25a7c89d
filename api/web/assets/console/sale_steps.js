/**
 * The steps of a sale's life: which of them are possible now, and what each one says before it is taken.
 */

import { announce, el, fill } from "../shared/dom.js";
import { number } from "../shared/format.js";
import { ask, openDialog } from "./dialog.js";
import { field, form, input } from "./form.js";
import { addOnce, untilKnown } from "./once.js";
import { moveSale } from "./plan.js";
import * as service from "./service.js";
import { span } from "./times.js";
import { words } from "./words.js";

/** @typedef {import("./shapes.js").Sale} Sale */
/** @typedef {{ name: string, kind: "primary" | "" | "danger", act: () => void }} Step */

const text = words.steps;
const action = words.action;

/**
 * The steps that are possible now, the most likely one first.
 * @param {Sale} sale
 * @param {number} left units that are not sold
 * @param {() => void} done called after a step
 * @returns {Step[]}
 */
export function stepsOf(sale, left, done) {
  const { state, status, warm } = sale;
  /** @type {Step[]} */
  const steps = [];
  const isOpen = state === "open" || state === "paused";
  const isOver = status === "ended";
  if (isOpen && !warm && !isOver) steps.push({ name: action.warm, kind: "primary", act: () => warmUp(sale, done) });
  if (state === "paused" && !isOver) steps.push({ name: action.resume, kind: "primary", act: () => resume(sale, left, done) });
  if (state === "open" && !isOver) steps.push({ name: action.pause, kind: "", act: () => pause(sale, left, done) });
  if (isOpen && !isOver) {
    steps.push({ name: action.restock, kind: "", act: () => restock(sale, done) });
    steps.push({ name: action.move, kind: "", act: () => moveSale(sale, () => said(words.plan.moved, done)) });
    steps.push({ name: action.end, kind: "danger", act: () => end(sale, left, done) });
  }
  if (isOver && state !== "settled") steps.push({ name: action.settle, kind: "danger", act: () => settle(sale, left, done) });
  return steps;
}

/** Which of the sales of one name it is. @param {Sale} sale */
function which({ saleId, startTime, endTime }) {
  return el("span", { title: saleId }, text.which(saleId.slice(-4)), span(startTime, endTime), ".");
}

/** @param {string} sentence @param {() => void} done */
function said(sentence, done) {
  announce(sentence);
  done();
}

/**
 * @param {Sale} sale
 * @param {"warm" | "pause" | "resume" | "end" | "settle"} step
 * @param {() => void} done
 * @param {string} sentence
 * @returns {(onPause: (pauseMs: number) => void) => Promise<string>}
 */
function taking(sale, step, done, sentence) {
  return async (onPause) => {
    await untilKnown(() => service.stepSale(sale.saleId, step), onPause);
    done();
    return sentence;
  };
}

/** @param {Sale} sale @param {() => void} done */
function warmUp(sale, done) {
  ask({ title: text.warmTitle, consequences: [text.warm], confirm: action.warm, act: taking(sale, "warm", done, text.warmed) });
}

/** @param {Sale} sale @param {number} left @param {() => void} done */
function pause(sale, left, done) {
  ask({
    title: text.pauseTitle(sale.productName),
    consequences: [text.pause(number(left), left)],
    confirm: action.pause,
    act: taking(sale, "pause", done, text.paused),
  });
}

/** @param {Sale} sale @param {number} left @param {() => void} done */
function resume(sale, left, done) {
  ask({
    title: text.resumeTitle(sale.productName),
    consequences: [text.resume(number(left), left)],
    confirm: action.resume,
    act: taking(sale, "resume", done, text.resumed),
  });
}

/** @param {Sale} sale @param {number} left @param {() => void} done */
function end(sale, left, done) {
  ask({
    title: text.endTitle(sale.productName),
    consequences: [which(sale), text.end(number(sale.totalQuantity - left), number(left)), text.endFinal],
    confirm: action.end,
    danger: true,
    typed: sale.productName,
    act: taking(sale, "end", done, text.ended),
  });
}

/** @param {Sale} sale @param {number} left @param {() => void} done */
function settle(sale, left, done) {
  ask({
    title: text.settleTitle(sale.productName),
    consequences: [which(sale), text.settle(number(left), left), text.settleFinal],
    confirm: action.settle,
    danger: true,
    typed: sale.productName,
    act: taking(sale, "settle", done, text.settled),
  });
}

/** @param {Sale} sale @param {() => void} done */
function restock(sale, done) {
  openDialog(text.restockTitle(sale.productName), (close) => {
    const place = el("div", {}, el("p", { class: "skeleton" }, text.restock));
    const read = async () => {
      const stock = await service.product(sale.productId).then(({ quantity }) => quantity, () => null);
      fill(place, stock === 0 ? withoutStock(sale, close) : restockForm(sale, stock, close, done));
      const first = place.querySelector("input, a");
      if (first instanceof HTMLElement) first.focus();
    };
    void read();
    return place;
  });
}

/** @param {Sale} sale @param {() => void} close */
function withoutStock(sale, close) {
  const link = el("a", { class: "button primary", href: `/admin/products/${sale.productId}`, onclick: close }, words.products.stockTitle);
  return el("div", { class: "stack" }, el("p", {}, text.restockNone), el("div", { class: "buttons" }, link, el("button", { class: "button", type: "button", onclick: close }, action.close)));
}

/**
 * @param {Sale} sale
 * @param {number | null} stock of the product; null where it could not be read
 * @param {() => void} close
 * @param {() => void} done
 */
function restockForm(sale, stock, close, done) {
  const control = input({ type: "number", min: 1, max: stock, step: 1, required: true, inputmode: "numeric" });
  const units = field(text.restock, control, stock === null ? "" : text.restockHint(number(stock)));
  const send = async (/** @type {(pauseMs: number) => void} */ onPause) => {
    const body = { quantity: Number(control.value) };
    await addOnce(`restock:${sale.saleId}`, body, (key) => service.restockSale(sale.saleId, body, key), onPause);
    close();
    said(text.restocked(number(body.quantity), body.quantity), done);
  };
  return form({ fields: { quantity: units }, submit: action.restock, cancel: close, send }, units.node);
}
