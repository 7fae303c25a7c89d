/**
 * Owns the words for times, and what happens each second.
 */

import { day, daysBetween, hour, zoneName } from "../shared/format.js";
import { words } from "./words.js";

/** @typedef {import("../shared/clock.js").ServerClock} ServerClock */

/**
 * "today"; from two days on, and while the server's time is unknown, the name of the day.
 * @param {string} time RFC 3339
 * @param {number | null} now the server's time
 */
export function dayInWords(time, now) {
  if (now === null) {
    return day(time);
  }
  const near = { "-1": words.time.yesterday, 0: words.time.today, 1: words.time.tomorrow };
  return near[/** @type {-1 | 0 | 1} */ (daysBetween(now, time))] ?? day(time, "mine", now);
}

/**
 * As the beginning of a line.
 * @param {string} text
 */
export function atBeginning(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * "today, 20:00"; from two days on, with the name of the day.
 * @param {string} time RFC 3339
 * @param {number} now the server's time
 */
export function dayAndHour(time, now) {
  return words.time.at(dayInWords(time, now), hour(time));
}

/**
 * "Today, 20:00 to 21:00 (Berlin time)"
 * @param {string} start
 * @param {string} end
 * @param {number} now
 */
export function windowInWords(start, end, now) {
  const isSameDay = daysBetween(Date.parse(start), end) === 0;
  const until = isSameDay ? hour(end) : dayAndHour(end, now);
  return atBeginning(inZone(words.time.fromTo(dayAndHour(start, now), until)));
}

/**
 * Adds the visitor's zone.
 * @param {string} time
 */
export function inZone(time) {
  const zone = zoneName();
  return zone === "UTC" ? words.time.inUtc(time) : words.time.inZone(time, zone);
}

/**
 * Calls back at each full second of the server's clock, and each second while that is unknown. Hidden pages are
 * called less often: nobody sees them.
 * @param {ServerClock} clock
 * @param {(now: number | null) => void} callback
 */
export function eachSecond(clock, callback) {
  const tick = () => {
    const now = clock.now();
    callback(now);
    // A little later than the full second, so that a timer that is early does not show the same second twice.
    const pauseMs = now === null ? 1_000 : 1_000 - (now % 1_000) + 15;
    setTimeout(tick, pauseMs);
  };
  tick();
}
