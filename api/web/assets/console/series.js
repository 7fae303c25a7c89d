/**
 * How the purchases of a sale were answered, by time: what `GET .../traffic` said, continued by the stream.
 *
 * A series is a list of slices, the oldest first. A slice has the answers that came from `from` to `to`. Time without a
 * slice had no answers. There are at most `SLICES_MAX` slices: beyond that, neighbours are put together, the oldest
 * first, so that the last minutes stay fine.
 */

/**
 * @typedef {{ admitted: number, duplicate: number, soldOut: number, tooEarly: number, ended: number, paused: number,
 *   unavailable: number }} Answers
 * @typedef {{ from: number, to: number, counts: number[] }} Slice `counts` in the order of `KINDS`
 * @typedef {{ buckets: (Answers & { at: string })[], bucketSeconds: number, from: string, to: string }} Traffic
 */

/** The kinds of answers, as they are stacked: the lowest first. */
export const KINDS = /** @type {const} */ ([
  "admitted",
  "soldOut",
  "duplicate",
  "tooEarly",
  "paused",
  "ended",
  "unavailable",
]);

const SLICES_MAX = 1200;
/**
 * For how long the stream's figures may stand still before that counts as silence. Processes write their counts once a
 * second, and the stream reads them once a second: between two writes there is at times none.
 */
const QUIET_MS = 2500;
/** How much of the time after the last answer is shown at least, if there is so much. */
const QUIET_SHOWN_MS = 20_000;

/**
 * The counts of answers, in the order of `KINDS`.
 * @param {Answers} answers
 * @returns {number[]}
 */
export function countsOf(answers) {
  return KINDS.map((kind) => answers[kind]);
}

/** @param {number[]} counts */
export function total(counts) {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}

/** A series of one sale. */
export class Series {
  /** @type {Slice[]} */
  slices = [];
  /** The instant of the newest figures, milliseconds. */
  end = 0;
  /** The most answers in a second, as far as the slices can tell. */
  peak = 0;
  /** Whether the peak was seen second by second. A wider slice says only that it was at least so high. */
  isPeakExact = false;
  /** @type {{ at: number, counts: number[] } | null} */
  #last = null;

  /**
   * Starts from what the ledger has, and forgets everything before.
   * @param {Traffic} traffic
   */
  load(traffic) {
    const width = traffic.bucketSeconds * 1000;
    const end = Date.parse(traffic.to);
    this.slices = [];
    this.peak = 0;
    this.end = end;
    this.#last = null;
    for (const bucket of traffic.buckets) {
      const from = Date.parse(bucket.at);
      // The last bucket may still be filling.
      this.#push({ from, to: from + width, counts: countsOf(bucket) });
    }
  }

  /**
   * Continues by an event of the stream. Its figures are totals: their growth since the event before is a slice.
   * @param {number} at the event's instant, milliseconds
   * @param {Answers} answers
   */
  append(at, answers) {
    const counts = countsOf(answers);
    const last = this.#last;
    if (!last) {
      this.#last = { at, counts };
      this.#endAt(at);
      return;
    }
    if (at <= last.at) return;
    const came = counts.map((count, kind) => Math.max(0, count - (last.counts[kind] ?? 0)));
    this.end = Math.max(this.end, at);
    if (total(came) > 0) this.#push({ from: last.at, to: at, counts: came });
    else if (at - last.at < QUIET_MS) return;
    this.#last = { at, counts };
  }

  /** @param {number} at the ledger's last bucket ends here: the stream continues it */
  #endAt(at) {
    const last = this.slices.at(-1);
    if (last && last.to > at && last.from < at) last.to = at;
    this.end = at;
  }

  /** @param {Slice} slice */
  #push(slice) {
    this.slices.push(slice);
    const seconds = Math.max(1, (slice.to - slice.from) / 1000);
    const rate = total(slice.counts) / seconds;
    if (rate > this.peak) {
      this.peak = rate;
      this.isPeakExact = seconds * 1000 <= QUIET_MS;
    }
    if (this.slices.length > SLICES_MAX) this.slices = thinned(this.slices);
  }

  /**
   * The slice at an instant, if it had answers.
   * @param {number} at milliseconds
   */
  at(at) {
    return this.slices.find((slice) => slice.from <= at && at < slice.to) ?? null;
  }

  /**
   * From the first answer to the last one, and a part of the quiet time after it; null while there is none. `end` is
   * where the figures end.
   */
  span() {
    const [first, last] = [this.slices.at(0), this.slices.at(-1)];
    if (!first || !last) return null;
    const end = Math.max(this.end, last.to);
    const quiet = Math.max(QUIET_SHOWN_MS, (last.to - first.from) / 4);
    return { from: first.from, to: Math.min(end, last.to + quiet), end };
  }
}

/**
 * Half as many slices in the older half.
 * @param {Slice[]} slices
 * @returns {Slice[]}
 */
function thinned(slices) {
  const half = Math.floor(slices.length / 4) * 2;
  /** @type {Slice[]} */
  const older = [];
  for (let i = 0; i < half; i += 2) {
    const [a, b] = [slices[i], slices[i + 1]];
    if (!a || !b) continue;
    const adjoin = b.from - a.to < b.to - b.from;
    if (adjoin) {
      older.push({ from: a.from, to: b.to, counts: a.counts.map((count, kind) => count + (b.counts[kind] ?? 0)) });
    } else {
      older.push(a, b);
    }
  }
  return older.concat(slices.slice(half));
}
