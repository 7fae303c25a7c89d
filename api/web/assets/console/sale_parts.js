/**
 * The parts that several pages show of a sale: its status.
 */

import { el } from "../shared/dom.js";
import { words } from "./words.js";

/**
 * @param {import("./shapes.js").SaleStatus} status
 * @param {import("./shapes.js").SaleState} state
 */
export function statusBadge(status, state) {
  const word = state === "settled" ? "settled" : status;
  const kinds = { upcoming: "accent", active: "good", paused: "warn", ended: "", settled: "" };
  return el("span", { class: `badge ${kinds[word]} ${word}` }, words.status[word]);
}
