/**
 * Small parts that several pages show of a sale or a product: its status and its picture.
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

/**
 * The picture of a product; where it has none, or none can be read, its first letter.
 * @param {{ productName?: string, name?: string, imageUrl: string | null }} of
 */
export function picture({ productName, name, imageUrl }) {
  const letter = () => el("span", { class: "picture letter", "aria-hidden": "true" }, (productName ?? name ?? "").charAt(0).toUpperCase());
  if (!imageUrl) return letter();
  const image = el("img", { class: "picture", src: imageUrl, alt: "", width: 64, height: 64, loading: "lazy" });
  image.addEventListener("error", () => image.replaceWith(letter()));
  return image;
}
