/**
 * The audit of a sale: its verdict and how old that is, each difference with its explanation, and the repair.
 *
 * The audit reads gate, journal and ledger in their order, so it is exact also while the sale sells. It is asked when the
 * page opens, from time to time while somebody looks, and at once where the page's own figures do not add up.
 */

import { announce, el, fill, setText, show } from "../shared/dom.js";
import { ask } from "./dialog.js";
import { failureText } from "./failures.js";
import { untilKnown } from "./once.js";
import * as service from "./service.js";
import { words } from "./words.js";

/** @typedef {import("./shapes.js").Audit} Audit */

/** Between two audits while a sale moves, and while it stands still. */
const MOVING_MS = 15_000;
const STILL_MS = 60_000;
/** Between two audits in any case. */
const LEAST_MS = 3_000;
const text = words.audit;

export class AuditView {
  /** @type {Audit | null} */
  #audit = null;
  /** Why the newest audit came to no result; empty once one has. */
  #failure = "";
  #askedAt = -Infinity;
  #answeredAt = 0;
  #isAsking = false;
  #isClosed = false;
  #line = el("span", { class: "figures" }, text.none);
  #mark = el("span", { class: "badge" }, text.title);
  #now = el("button", { class: "button plain", type: "button", onclick: () => void this.#ask() }, words.action.audit);
  #found = el("div", { class: "stack" });
  #heading = el("h3", { id: "audit-heading", tabindex: -1 }, text.title);
  #sale;
  #onVerdict;

  /**
   * @param {() => import("./shapes.js").Sale} sale
   * @param {() => void} onVerdict called after each answer
   */
  constructor(sale, onVerdict) {
    this.#sale = sale;
    this.#onVerdict = onVerdict;
    this.node = el(
      "section",
      { class: "audit stack", "aria-labelledby": "audit-heading" },
      el("div", { class: "audit-line" }, el("div", { class: "unseen" }, this.#heading), this.#mark, this.#line, this.#now),
      this.#found,
    );
  }

  /** The newest verdict; null before the first one. */
  get verdict() {
    return this.#audit?.verdict ?? null;
  }

  /** Once a second, also while no event comes: the age of the verdict. */
  tick() {
    this.#showLine();
  }

  /**
   * With each event: whether it is time for another audit.
   * @param {import("./shapes.js").ConsoleEvent} event
   */
  take(event) {
    if (document.hidden) return;
    const isMoving = event.status === "active" || (event.journalLength ?? 0) > 0;
    if (performance.now() - this.#askedAt > (isMoving ? MOVING_MS : STILL_MS)) void this.#ask();
  }

  /** The page's own figures do not add up. */
  askSoon() {
    if (performance.now() - this.#askedAt > LEAST_MS) void this.#ask();
  }

  close() {
    this.#isClosed = true;
  }

  async #ask() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#askedAt = performance.now();
    try {
      const audit = await service.audit(this.#sale().saleId);
      if (!this.#isClosed) this.#take(audit);
    } catch (error) {
      this.#failure = text.failed(failureText(error));
      this.#mark.className = "badge warn";
      this.#showLine();
    } finally {
      this.#isAsking = false;
    }
  }

  /** @param {Audit} audit */
  #take(audit) {
    const before = this.#audit;
    this.#audit = audit;
    this.#failure = "";
    this.#answeredAt = performance.now();
    this.#showLine();
    const kinds = { agrees: "good", sync_pending: "", installing: "warn", differs: "bad" };
    this.#mark.className = `badge ${kinds[audit.verdict]}`;
    // An explanation that somebody has opened stays open while nothing new is found.
    if (JSON.stringify(before?.differences) !== JSON.stringify(audit.differences)) this.#showFound(audit);
    if (before && before.verdict !== audit.verdict) announce(text.verdict[audit.verdict]);
    this.#onVerdict();
  }

  #showLine() {
    if (this.#failure !== "") {
      setText(this.#line, this.#failure);
      return;
    }
    if (!this.#audit) return;
    const age = Math.floor((performance.now() - this.#answeredAt) / 1000);
    setText(this.#line, text.at(text.verdict[this.#audit.verdict], words.time.ago(age)));
  }

  /** @param {Audit} audit */
  #showFound(audit) {
    const repair =
      audit.repairable &&
      el("p", {}, el("button", { class: "button", type: "button", onclick: () => this.#repair(audit) }, words.action.repair));
    fill(this.#found, ...audit.differences.map(difference), repair);
    show(this.#found, audit.differences.length > 0);
  }

  /** @param {Audit} audit */
  #repair(audit) {
    ask({
      title: text.repairTitle,
      consequences: [text.repairSays(audit.differences.length), text.repairThen],
      confirm: words.action.repair,
      danger: true,
      act: async (onPause) => {
        const { repair, audit: after } = await untilKnown(() => service.repair(audit.saleId), onPause);
        this.#take(after);
        fill(this.#found, el("p", { class: "note good", role: "status" }, repair.message), ...after.differences.map(difference));
        show(this.#found, true);
        return text.repaired;
      },
    });
  }
}

/** @param {import("./shapes.js").Difference} found */
function difference(found) {
  const kinds = /** @type {Record<string, string>} */ (text.kind);
  const { buyers } = found;
  const named =
    buyers &&
    el(
      "details",
      {},
      el("summary", {}, text.buyers(buyers.count, buyers.first.length)),
      el("ul", { class: "ids" }, ...buyers.first.map(({ userId, orderId }) => el("li", {}, text.buyer(userId, orderId)))),
    );
  return el(
    "article",
    { class: `note stack ${found.remedy === "harmless" ? "" : found.remedy === "person" ? "bad" : "warn"}` },
    el("p", {}, el("strong", {}, kinds[found.kind] ?? found.kind), " \u00b7 ", text.remedy[found.remedy]),
    el("p", {}, sentence(found.explanation)),
    el("p", {}, el("strong", {}, text.what), ": ", found.whatToDo),
    named,
  );
}

/** @param {string} clause the API's explanations begin small */
function sentence(clause) {
  return clause.charAt(0).toUpperCase() + clause.slice(1) + (/[.!?]$/.test(clause) ? "" : ".");
}
