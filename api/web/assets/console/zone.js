/**
 * The zone that times are shown in, and the calculation between an instant and a wall clock in that zone.
 *
 * The zone is chosen once, in the header: the visitor's own, or UTC. Forms take wall-clock times in that zone. A wall
 * clock that stands still or jumps, as at a change to summer time, names no instant or two: `instantsOf` says so, and
 * nothing is guessed.
 */

import { read, write } from "../shared/session.js";

/** @typedef {"mine" | "utc"} ZoneChoice */

const KEY = "mincommerce.console.zone";
const DAY_MS = 86_400_000;

/** @type {Set<() => void>} */
const listeners = new Set();
/** @type {ZoneChoice} */
let choice = read(KEY) === "utc" ? "utc" : "mine";

/** @returns {ZoneChoice} */
export function zoneChoice() {
  return choice;
}

/** The IANA name of the zone that is chosen, such as `Europe/Berlin`. */
export function zoneName() {
  return choice === "utc" ? "UTC" : ownZone();
}

/** The IANA name of the visitor's zone. */
export function ownZone() {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** @param {ZoneChoice} next */
export function chooseZone(next) {
  if (next === choice) return;
  choice = next;
  write(KEY, next);
  for (const listener of listeners) listener();
}

/**
 * Calls `listener` after each change of the zone.
 * @param {() => void} listener
 * @returns {() => void} ends it
 */
export function onZone(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const partFormats = new Map();

/** @param {string} zone */
function partFormat(zone) {
  let format = partFormats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      calendar: "iso8601",
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    partFormats.set(zone, format);
  }
  return format;
}

/**
 * What the wall clock of a zone shows at an instant, as if that were UTC, in whole seconds.
 * @param {number} instant milliseconds
 * @param {string} zone
 * @returns {number} milliseconds
 */
function wallOf(instant, zone) {
  const whole = Math.floor(instant / 1000) * 1000;
  /** @type {Record<string, number>} */
  const parts = {};
  for (const { type, value } of partFormat(zone).formatToParts(whole)) parts[type] = Number(value);
  const part = (/** @type {string} */ name) => parts[name] ?? 0;
  const wall = new Date(Date.UTC(2000, 0, 1, part("hour"), part("minute"), part("second")));
  // `Date.UTC` takes the year 26 for 1926.
  return wall.setUTCFullYear(part("year"), part("month") - 1, part("day"));
}

/**
 * How far the wall clock of a zone is ahead of UTC at an instant, milliseconds.
 * @param {number} instant milliseconds
 * @param {string} zone
 */
export function offsetAt(instant, zone) {
  return wallOf(instant, zone) - Math.floor(instant / 1000) * 1000;
}

/**
 * The value of a `datetime-local` field for an instant, to the second.
 * @param {number} instant milliseconds
 * @param {string} zone
 */
export function wallText(instant, zone) {
  return new Date(wallOf(instant, zone)).toISOString().slice(0, 19);
}

/**
 * The instants at which the wall clock of a zone shows this: one; none where the clock jumps over it; two, the earlier
 * first, where the clock goes back and shows it twice.
 * @param {string} text `2026-03-29T02:30` or with seconds
 * @param {string} zone
 * @returns {number[]} milliseconds
 */
export function instantsOf(text, zone) {
  const wall = Date.parse(`${text}Z`);
  if (Number.isNaN(wall)) return [];
  const offsets = new Set([offsetAt(wall - DAY_MS, zone), offsetAt(wall + DAY_MS, zone)]);
  const found = [...offsets].map((offset) => wall - offset);
  return found.filter((instant) => wallOf(instant, zone) === wall).sort((a, b) => a - b);
}

/**
 * An offset as people write it: `UTC+2`, `UTC-3:30`, `UTC`.
 * @param {number} offset milliseconds
 */
export function offsetText(offset) {
  if (offset === 0) return "UTC";
  const minutes = Math.round(Math.abs(offset) / 60_000);
  const rest = minutes % 60;
  const sign = offset < 0 ? "\u2212" : "+";
  return `UTC${sign}${Math.floor(minutes / 60)}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}
