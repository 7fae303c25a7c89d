/**
 * Charts on a canvas: stacked areas over time, and a small line.
 *
 * A chart draws in an animation frame, and only if something has changed. Sizes come from a ResizeObserver in device
 * pixels, so that lines are sharp on any screen, and no frame asks the layout for anything. The pixels bound the work:
 * slices that share a column are added up first.
 */

/**
 * @typedef {import("./series.js").Slice} Slice
 * @typedef {{ ink: string, muted: string, line: string, surface: string, kinds: string[] }} Colours
 * @typedef {{ slices: Slice[], from: number, to: number }} Shown
 * @typedef {{ x0: number, x1: number, counts: number[], from: number, to: number }} Gathered slices of one column
 * @typedef {{ x0: number, x1: number, rates: number[], sum: number }} Column
 * @typedef {{ x0: number, x1: number, below: number, above: number }} Piece one kind's part of a column
 */

/** Room for the labels, CSS pixels. */
const LEFT = 52;
const BOTTOM = 24;
const TOP = 24;
const RIGHT = 8;
/** About how far apart the labels of the time are, CSS pixels. */
const LABEL_PX = 110;
/** The narrowest column, CSS pixels. */
const COLUMN_PX = 2;
const SECOND = 1000;
/** Steps between the labels of the time, seconds. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800];

/**
 * A canvas that keeps the size of its box, and calls `draw` in the next frame once something has changed.
 */
class Surface {
  width = 0;
  height = 0;
  ratio = 1;
  #frame = 0;
  #observer;
  #draw;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(context: CanvasRenderingContext2D) => void} draw
   */
  constructor(canvas, draw) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.#draw = draw;
    this.#observer = new ResizeObserver((entries) => entries.forEach((entry) => this.#resize(entry)));
    try {
      this.#observer.observe(canvas, { box: "device-pixel-content-box" });
    } catch {
      // Some browsers do not say how many of the screen's pixels a box covers: the ratio of both is near enough.
      this.#observer.observe(canvas);
    }
  }

  /** @param {ResizeObserverEntry} entry */
  #resize(entry) {
    const { width, height } = entry.contentRect;
    const exact = entry.devicePixelContentBoxSize?.[0];
    this.ratio = devicePixelRatio;
    this.width = width;
    this.height = height;
    this.canvas.width = exact?.inlineSize ?? Math.round(width * this.ratio);
    this.canvas.height = exact?.blockSize ?? Math.round(height * this.ratio);
    // A canvas is empty once it has another size: a frame without a picture would flicker.
    this.#paint();
  }

  changed() {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.width === 0) return;
    const { context, canvas } = this;
    context.setTransform(canvas.width / this.width, 0, 0, canvas.height / this.height, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    this.#draw(context);
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
  }
}

/** Stacked areas: answers in a second, by kind, over time. */
export class StackChart {
  /** @type {Shown} */
  #shown = { slices: [], from: 0, to: 1 };
  /** @type {number | null} */
  #cursor = null;
  /** Read in the first frame, and again after a change: style is not ready before. @type {Colours | null} */
  #read = null;
  #surface;
  #how;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{ colours: () => Colours, timeLabel: (at: number, step: number) => string,
   *   unit: string,
   *   numberLabel: (value: number) => string, offset: (at: number) => number }} how `offset` is the wall clock's, so
   *   that labels stand at its whole hours
   */
  constructor(canvas, how) {
    this.#how = how;
    this.#surface = new Surface(canvas, (context) => this.#draw(context));
  }

  /** @param {Shown} shown */
  show(shown) {
    this.#shown = shown;
    this.#surface.changed();
  }

  /** @param {number | null} at an instant, milliseconds */
  pointAt(at) {
    if (at === this.#cursor) return;
    this.#cursor = at;
    this.#surface.changed();
  }

  /** After another theme or zone was chosen. */
  restyle() {
    this.#read = null;
    this.#surface.changed();
  }

  get #colours() {
    this.#read ??= this.#how.colours();
    return this.#read;
  }

  /**
   * The instant below a place of the canvas, or null beside the areas.
   * @param {number} x CSS pixels from the left edge
   */
  instantAt(x) {
    const { from, to } = this.#shown;
    const share = (x - LEFT) / (this.#surface.width - LEFT - RIGHT);
    return share < 0 || share > 1 ? null : from + share * (to - from);
  }

  close() {
    this.#surface.close();
  }

  /** @param {CanvasRenderingContext2D} context */
  #draw(context) {
    const { from, to, slices } = this.#shown;
    const right = this.#surface.width - RIGHT;
    const floor = this.#surface.height - BOTTOM;
    const x = (/** @type {number} */ at) => LEFT + ((at - from) / (to - from)) * (right - LEFT);
    const columns = columnsOf(slices, x, LEFT, right);
    let highest = 0;
    for (const column of columns) highest = Math.max(highest, column.sum);
    const top = niceTop(highest);
    const y = (/** @type {number} */ value) => floor - (value / top) * (floor - TOP);
    context.font = "13px system-ui, sans-serif";
    this.#drawGrid(context, top, y, right);
    this.#drawTimes(context, x, right, floor);
    this.#drawAreas(context, columns, y);
    context.fillStyle = this.#colours.muted;
    context.fillRect(LEFT, floor, right - LEFT, 1);
    if (this.#cursor !== null && this.#cursor >= from && this.#cursor <= to) {
      context.fillStyle = this.#colours.ink;
      context.fillRect(Math.round(x(this.#cursor)) - 0.5, TOP, 1, floor - TOP);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} top
   * @param {(value: number) => number} y
   * @param {number} right
   */
  #drawGrid(context, top, y, right) {
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (let i = 1; i <= 2; i += 1) {
      const value = (top / 2) * i;
      const at = Math.round(y(value));
      context.fillStyle = this.#colours.line;
      context.fillRect(LEFT, at, right - LEFT, 1);
      context.fillStyle = this.#colours.muted;
      context.fillText(this.#how.numberLabel(value), LEFT - 8, at + 1);
    }
    context.fillText(this.#how.numberLabel(0), LEFT - 8, Math.round(y(0)));
    context.textAlign = "left";
    context.fillText(this.#how.unit, LEFT, TOP / 2 - 2);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {(at: number) => number} x
   * @param {number} right
   * @param {number} floor
   */
  #drawTimes(context, x, right, floor) {
    const { from, to } = this.#shown;
    const wanted = ((to - from) / SECOND / (right - LEFT)) * LABEL_PX;
    const step = (STEPS.find((step) => step >= wanted) ?? wanted) * SECOND;
    const offset = this.#how.offset(from);
    context.textAlign = "center";
    context.textBaseline = "top";
    for (let at = Math.ceil((from + offset) / step) * step - offset; at <= to; at += step) {
      const place = Math.round(x(at));
      context.fillStyle = this.#colours.line;
      context.fillRect(place, floor, 1, 5);
      const label = this.#how.timeLabel(at, step);
      const half = context.measureText(label).width / 2;
      context.fillStyle = this.#colours.muted;
      if (place - half >= LEFT - 8 && place + half <= right + RIGHT) context.fillText(label, place, floor + 8);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Column[]} columns
   * @param {(value: number) => number} y
   */
  #drawAreas(context, columns, y) {
    this.#colours.kinds.forEach((colour, kind) => {
      context.fillStyle = colour;
      context.beginPath();
      for (const run of runsOf(columns, kind)) trace(context, run, y);
      context.fill();
    });
  }
}

/**
 * One kind's pieces, as shapes: those that adjoin are one.
 * @param {Column[]} columns
 * @param {number} kind
 * @returns {Piece[][]}
 */
function runsOf(columns, kind) {
  /** @type {Piece[][]} */
  const runs = [];
  /** @type {Piece[]} */
  let run = [];
  let end = -Infinity;
  for (const { x0, x1, rates } of columns) {
    let below = 0;
    for (const rate of rates.slice(0, kind)) below += rate;
    if (x0 - end >= 0.5) {
      run = [];
      runs.push(run);
    }
    run.push({ x0, x1, below, above: below + (rates[kind] ?? 0) });
    end = x1;
  }
  return runs.filter((run) => run.some(({ below, above }) => above > below));
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Piece[]} run
 * @param {(value: number) => number} y
 */
function trace(context, run, y) {
  let isFirst = true;
  for (const { x0, x1, above } of run) {
    if (isFirst) context.moveTo(x0, y(above));
    else context.lineTo(x0, y(above));
    context.lineTo(x1, y(above));
    isFirst = false;
  }
  for (const { x0, x1, below } of [...run].reverse()) {
    context.lineTo(x1, y(below));
    context.lineTo(x0, y(below));
  }
  context.closePath();
}

/**
 * The slices as columns, none narrower than `COLUMN_PX`.
 * @param {Slice[]} slices
 * @param {(at: number) => number} x
 * @param {number} left
 * @param {number} right
 * @returns {Column[]}
 */
function columnsOf(slices, x, left, right) {
  /** @type {Column[]} */
  const columns = [];
  /** @type {Gathered | null} */
  let open = null;
  for (const { from, to, counts } of slices) {
    const x0 = Math.max(left, x(from));
    const x1 = Math.min(right, x(to));
    if (x1 <= left || x0 >= right) continue;
    if (open && x1 - open.x0 < COLUMN_PX) {
      open = joined(open, { x0, x1, counts, from, to });
    } else {
      if (open) columns.push(columnOf(open));
      open = { x0, x1, counts, from, to };
    }
  }
  if (open) columns.push(columnOf(open));
  return columns;
}

/**
 * @param {Gathered} a
 * @param {Gathered} b comes after it
 * @returns {Gathered}
 */
function joined(a, b) {
  return { ...b, x0: a.x0, from: a.from, counts: a.counts.map((count, kind) => count + (b.counts[kind] ?? 0)) };
}

/**
 * @param {Gathered} gathered
 * @returns {Column}
 */
function columnOf({ x0, x1, counts, from, to }) {
  const seconds = Math.max(0.5, (to - from) / SECOND);
  const rates = counts.map((count) => count / seconds);
  let sum = 0;
  for (const rate of rates) sum += rate;
  return { x0, x1: Math.max(x1, x0 + 1), rates, sum };
}

/**
 * The next higher of 2, 4, 6, 8, 10, 12, 16, 20, 30, 40, ...: its half is easy to read, too.
 * @param {number} value
 */
function niceTop(value) {
  if (value <= 2) return 2;
  const power = 10 ** Math.floor(Math.log10(value));
  const steps = power === 1 ? [2, 4, 6, 8, 10] : [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10];
  return power * (steps.find((step) => step * power >= value) ?? 10);
}

/** A small line of the last figures, without labels: the figure itself stands beside it. */
export class LineChart {
  /** @type {(number | null)[]} */
  #values = [];
  /** @type {string | null} */
  #colour = null;
  #surface;
  #how;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{ colour: () => string, points: number }} how `points` is how many figures fit
   */
  constructor(canvas, how) {
    this.#how = how;
    this.#surface = new Surface(canvas, (context) => this.#draw(context));
  }

  /** @param {number | null} value null where it is not known */
  add(value) {
    this.#values.push(value);
    if (this.#values.length > this.#how.points) this.#values.shift();
    this.#surface.changed();
  }

  restyle() {
    this.#colour = null;
    this.#surface.changed();
  }

  close() {
    this.#surface.close();
  }

  /** @param {CanvasRenderingContext2D} context */
  #draw(context) {
    const { width, height } = this.#surface;
    let highest = 1;
    for (const value of this.#values) highest = Math.max(highest, value ?? 0);
    const step = width / (this.#how.points - 1);
    const first = this.#how.points - this.#values.length;
    this.#colour ??= this.#how.colour();
    context.strokeStyle = this.#colour;
    context.lineWidth = 1.5;
    context.lineJoin = "round";
    context.beginPath();
    let isDown = false;
    this.#values.forEach((value, i) => {
      if (value !== null) {
        const place = height - 1 - (value / highest) * (height - 3);
        if (isDown) context.lineTo((first + i) * step, place);
        else context.moveTo((first + i) * step, place);
      }
      isDown = value !== null;
    });
    context.stroke();
  }
}
