/**
 * The equation of a sale, checked at each event of the stream: the gate has taken as many buyers as the journal carries
 * and the ledger has, together.
 *
 *     taken = in it + posted
 *
 * The journal's length counts entries, and an entry has 1 to 512 buyers. So `taken - posted` are in it. That must be
 * possible: never below nothing, and never more than the entries can hold. Gate and ledger are read beside each
 * other, not at one instant: only a difference that stays is one, and the audit has the last word.
 */

/** @typedef {import("./shapes.js").ConsoleEvent} ConsoleEvent */
/**
 * @typedef {object} Equation
 * @property {"holds" | "comparing" | "suspicious" | "noGate" | "unknown"} state
 * @property {number | null} inIt buyers on their way; null where it is not known
 */

/** Buyers of one entry: the winners of one batch. */
const ENTRY_BUYERS_MAX = 512;
/** Events after which a difference is no coincidence. */
const PATIENCE = 4;

export class EquationCheck {
  #wrong = 0;

  /**
   * @param {ConsoleEvent} event
   * @returns {Equation}
   */
  check({ taken, posted, journalLength }) {
    if (posted === null || journalLength === null) return { state: "unknown", inIt: null };
    if (taken === null) return { state: "noGate", inIt: null };
    const inIt = taken - posted;
    if (inIt >= 0 && inIt <= journalLength * ENTRY_BUYERS_MAX) {
      this.#wrong = 0;
      return { state: "holds", inIt };
    }
    this.#wrong += 1;
    return { state: this.#wrong < PATIENCE ? "comparing" : "suspicious", inIt };
  }
}
