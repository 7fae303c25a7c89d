/**
 * Times on the page: elements that show an instant in the chosen zone, and change with it.
 */

import { el } from "../shared/dom.js";
import { dayAndHour, daysBetween, hour, second } from "../shared/format.js";
import { clock, now } from "./service.js";
import { words } from "./words.js";
import { onZone, zoneChoice } from "./zone.js";

/** @typedef {"minute" | "second" | "hour"} Precision `hour` leaves out the day: it stands beside it */

/**
 * A time, in the chosen zone: of today without its day.
 * @param {string | number} instant RFC 3339, or milliseconds
 * @param {Precision} [precision]
 */
export function when(instant, precision = "minute") {
  const exact = new Date(instant).toISOString();
  return el("time", { datetime: exact, title: exact, "data-precision": precision }, textOf(exact, precision));
}

/**
 * @param {string | number} instant
 * @param {Precision} precision
 */
function textOf(instant, precision) {
  const zone = zoneChoice();
  if (precision === "hour") return hour(instant, zone);
  const today = now();
  if (today === null || daysBetween(today, instant, zone) !== 0) return dayAndHour(instant, zone);
  return words.time.today(precision === "second" ? second(instant, zone) : hour(instant, zone));
}

/**
 * From one time to another: the day stands once where it is the same.
 * @param {string} start
 * @param {string} end
 */
export function span(start, end) {
  const isOneDay = daysBetween(Date.parse(start), end, zoneChoice()) === 0;
  const parts = [when(start), " \u2013 ", when(end, isOneDay ? "hour" : "minute")];
  return el("span", { class: "span", "data-start": start, "data-end": end }, ...parts);
}

/** Writes all times of the page again. */
function rewrite() {
  for (const place of document.querySelectorAll("[data-start]")) {
    place.replaceWith(span(place.getAttribute("data-start") ?? "", place.getAttribute("data-end") ?? ""));
  }
  for (const element of document.querySelectorAll("time[data-precision]")) {
    const { dateTime } = /** @type {HTMLTimeElement} */ (element);
    element.textContent = textOf(dateTime, /** @type {Precision} */ (element.getAttribute("data-precision")));
  }
}

onZone(rewrite);
clock.onKnown(rewrite);
