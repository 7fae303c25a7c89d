/**
 * Rejections: purchases that were accepted and became no order, each with what it means, and their replay.
 */

import { el, setText, show } from "../shared/dom.js";
import { orderNumber } from "../shared/format.js";
import { ask } from "./dialog.js";
import { untilKnown } from "./once.js";
import { saleOptions } from "./orders.js";
import * as service from "./service.js";
import { Table } from "./table.js";
import { when } from "./times.js";
import { words } from "./words.js";

/** @typedef {import("./shapes.js").Rejection} Rejection */

const text = words.rejections;
const reasons = /** @type {Record<string, string>} */ (text.reasons);

/** @returns {import("./main.js").Page} */
export function rejectionsPage() {
  const outcome = el("p", { class: "note good", hidden: true });
  /** @type {Table<Rejection>} */
  const table = new Table({
    caption: text.caption,
    isShared: true,
    filters: [
      { name: "reason", label: text.reason, options: [["", words.table.all], ...Object.entries(text.reasons)] },
      { name: "saleId", label: text.sale, options: [["", words.table.all]], more: saleOptions },
    ],
    columns: [
      { name: text.at, isHead: true, cell: ({ createdAt }) => when(createdAt, "second") },
      { name: text.buyer, cell: ({ email, userId }) => email ?? userId?.slice(0, 8) ?? text.unknownBuyer },
      { name: text.reason, cell: reasonOf },
      { name: text.buyersOrder, cell: ({ buyersOrder }) => (buyersOrder ? orderNumber(buyersOrder.orderId) : text.noOrder) },
      { name: text.sale, cell: ({ saleId }) => el("a", { href: `/admin/sales/${saleId}`, title: saleId }, saleId.slice(-4)) },
      { name: words.table.actions, isUnnamed: true, cell: (rejection) => replayButton(rejection, say) },
    ],
    load: (query, signal) => service.rejections(query, signal),
    empty: () => [el("p", {}, text.empty)],
  });
  /** @param {string} message */
  const say = (message) => {
    setText(outcome, message);
    show(outcome, true);
    void table.reload();
  };
  return {
    title: words.pages.rejections,
    section: "rejections",
    nodes: [el("h1", {}, words.pages.rejections), el("p", { class: "muted" }, text.lead), outcome, table.node],
    close: () => table.close(),
  };
}

/** @param {Rejection} rejection */
function reasonOf({ reason, explanation, buyerMessage, counted, replay }) {
  return el(
    "details",
    { class: "reason" },
    el("summary", {}, reasons[reason] ?? reason),
    el("p", {}, explanation),
    el("p", {}, counted ? text.counted : text.notCounted),
    el("p", {}, text.buyerReads(buyerMessage)),
    !replay.possible && el("p", {}, replay.advice),
  );
}

/** @param {Rejection} rejection @param {(message: string) => void} done */
function replayButton({ rejectionId, email, userId, replay }, done) {
  if (!replay.possible) return el("span", { class: "muted small" }, text.notNow);
  const buyer = email ?? userId ?? text.unknownBuyer;
  const start = () =>
    ask({
      title: text.replayTitle,
      consequences: [text.replay(buyer), replay.advice, text.replayThen],
      confirm: words.action.replay,
      danger: true,
      act: async (onPause) => {
        const { message } = await untilKnown(() => service.replayRejection(rejectionId), onPause);
        done(message);
        return message;
      },
    });
  return el("button", { class: "button small-button", type: "button", "aria-label": text.replayOf(buyer), onclick: start }, words.action.replay);
}
