/**
 * The parts that several pages show of a sale: its status.
 */

import { el } from "../shared/dom.js";
import { words } from "./words.js";

/**
 * The word for where a sale is.
 * @param {import("./shapes.js").SaleStatus} status
 * @param {import("./shapes.js").SaleState} state
 * @param {number} left units that are not sold
 */
export function statusWord(status, state, left) {
  if (state === "settled") return "settled";
  return status === "active" && left === 0 ? "soldOut" : status;
}

/**
 * @param {import("./shapes.js").SaleStatus} status
 * @param {import("./shapes.js").SaleState} state
 * @param {number} left units that are not sold
 */
export function statusBadge(status, state, left) {
  const word = statusWord(status, state, left);
  const kinds = { upcoming: "accent", active: "good", soldOut: "", paused: "warn", ended: "", settled: "" };
  return el("span", { class: `badge ${kinds[word]} ${word}` }, words.status[word]);
}
