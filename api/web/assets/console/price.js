/**
 * A price that somebody has typed: read strictly, so that nobody saves another amount than the one that was meant.
 */

import { words } from "./words.js";

const text = words.products;
/** Currencies with three decimals by ISO 4217. */
const THREE_DECIMALS = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
/** The largest price that the ledger keeps has so many digits before its decimals. */
const DIGITS_MAX = 10;
const WRITTEN = /^(\d+)(?:[.,](\d{1,3}))?$/;

/**
 * @param {string} typed
 * @param {string} currency
 * @returns {{ amount: number } | { fault: string }}
 */
export function readPrice(typed, currency) {
  const [, whole, decimals = ""] = WRITTEN.exec(typed.trim()) ?? [];
  if (whole === undefined) return { fault: text.priceUnread };
  if (whole.replace(/^0+/, "").length > DIGITS_MAX) return { fault: text.priceTooLarge };
  // 1.500 is one and a half to some, and one and a half thousand to others. The API itself refuses 1.999 of such a currency.
  const isGrouped = decimals.length === 3 && decimals.endsWith("0") && !THREE_DECIMALS.includes(currency);
  return isGrouped ? { fault: text.priceTwoWays(currency) } : { amount: Number(`${whole}.${decimals || "0"}`) };
}
