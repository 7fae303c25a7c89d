/**
 * Owns how money, numbers, times and durations look.
 *
 * Numbers, money and the hours of the day follow the visitor's languages; the names of days and months follow the
 * page's language, among whose words they stand.
 */

const visitor = [...navigator.languages];
const page = document.documentElement.lang || "en";
const wording = visitor.find((tag) => tag.split("-")[0] === page.split("-")[0]) ?? page;
const { hourCycle } = new Intl.DateTimeFormat(visitor, { hour: "numeric" }).resolvedOptions();

const whole = new Intl.NumberFormat(visitor, { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat(visitor, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** @type {Map<string, Intl.NumberFormat>} */
const currencies = new Map();
/** @type {Map<string, number>} */
const usualDecimals = new Map();

/**
 * An amount in the visitor's format, never rounded. The API's prices have at most 13 digits: a double tells them all
 * apart, and is never calculated with. Dollars of several countries keep what tells them apart.
 * @param {number} amount
 * @param {string} currency ISO 4217
 */
export function money(amount, currency) {
  const decimals = decimalsOf(amount, currency);
  const key = `${currency} ${decimals}`;
  let format = currencies.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(visitor, {
      style: "currency",
      currency,
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    currencies.set(key, format);
  }
  return format.format(amount);
}

/**
 * How many decimals an amount is written with: as many as browsers give its currency, and more where it has more. Browsers
 * give some currencies none, such as HUF, of which the API takes two.
 * @param {number} amount
 * @param {string} currency
 */
export function decimalsOf(amount, currency) {
  let usual = usualDecimals.get(currency);
  if (usual === undefined) {
    const format = new Intl.NumberFormat("en", { style: "currency", currency });
    usual = format.resolvedOptions().maximumFractionDigits ?? 0;
    usualDecimals.set(currency, usual);
  }
  const has = String(amount).split(".")[1]?.length ?? 0;
  // No currency has one decimal.
  return Math.max(usual, has === 1 ? 2 : has);
}

/** @param {number} value */
export function number(value) {
  return whole.format(value);
}

/** @param {number} value */
export function decimal(value) {
  return oneDecimal.format(value);
}

/** @typedef {"mine" | "utc"} Zone */

/** @param {Zone} zone */
function zoneOf(zone) {
  return zone === "utc" ? "UTC" : undefined;
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * @param {string} name
 * @param {Zone} zone
 * @param {Intl.DateTimeFormatOptions} options
 */
function dates(name, zone, options) {
  const key = `${name} ${zone}`;
  let format = formats.get(key);
  if (format === undefined) {
    const hours = options.timeStyle === undefined ? {} : { hourCycle };
    format = new Intl.DateTimeFormat(wording, { ...options, ...hours, timeZone: zoneOf(zone) });
    formats.set(key, format);
  }
  return format;
}

/**
 * The hour and the minute: 20:00.
 * @param {string | number} time RFC 3339, or milliseconds since 1970
 * @param {Zone} [zone]
 */
export function hour(time, zone = "mine") {
  return dates("hour", zone, { timeStyle: "short" }).format(new Date(time));
}

/**
 * To the second: 20:00:03.
 * @param {string | number} time
 * @param {Zone} [zone]
 */
export function second(time, zone = "mine") {
  return dates("second", zone, { timeStyle: "medium" }).format(new Date(time));
}

/**
 * The day: Monday, 30 November; with the year where it is another than now.
 * @param {string | number} time
 * @param {Zone} [zone]
 * @param {number} [now]
 */
export function day(time, zone = "mine", now = Date.now()) {
  const year = dates("year", zone, { year: "numeric" });
  /** @type {Intl.DateTimeFormatOptions} */
  const options = { weekday: "long", day: "numeric", month: "long" };
  return year.format(new Date(time)) === year.format(now)
    ? dates("day", zone, options).format(new Date(time))
    : dates("day and year", zone, { ...options, year: "numeric" }).format(new Date(time));
}

/**
 * Day, hour and minute for tables: 30 Nov 2026, 20:00.
 * @param {string | number} time
 * @param {Zone} [zone]
 */
export function dayAndHour(time, zone = "mine") {
  return `${dates("date", zone, { dateStyle: "medium" }).format(new Date(time))}, ${hour(time, zone)}`;
}

/**
 * How many days lie between two times by the calendar of the zone: 0 on the same day, 1 on the day after.
 * @param {number} from milliseconds since 1970
 * @param {string | number} to
 * @param {Zone} [zone]
 */
export function daysBetween(from, to, zone = "mine") {
  const format = dates("numbers", zone, { year: "numeric", month: "numeric", day: "numeric" });
  const dayNumber = (/** @type {number} */ time) => {
    /** @type {Record<string, number>} */
    const parts = {};
    for (const { type, value } of format.formatToParts(time)) {
      parts[type] = Number(value);
    }
    return Date.UTC(parts["year"] ?? 0, (parts["month"] ?? 1) - 1, parts["day"]) / 86_400_000;
  };
  return dayNumber(new Date(to).getTime()) - dayNumber(from);
}

/**
 * The name of the visitor's zone, as people say it: Berlin, UTC, GMT+3.
 * @param {Zone} [zone]
 */
export function zoneName(zone = "mine") {
  const { timeZone } = dates("hour", zone, { timeStyle: "short" }).resolvedOptions();
  if (timeZone.includes("/") && !timeZone.startsWith("Etc/")) {
    return (timeZone.split("/").pop() ?? timeZone).replaceAll("_", " ");
  }
  const parts = dates("zone", zone, { hour: "2-digit", timeZoneName: "short" }).formatToParts(0);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? timeZone;
}

/**
 * A countdown: 00:02:14, and from two days on only whole days count as days: "2" and "03:04:05".
 * @param {number} ms never below 0
 * @returns {{ days: number, clock: string }}
 */
export function countdown(ms) {
  // A second that has begun counts: 00:00:00 is the instant itself.
  const seconds = Math.ceil(Math.max(0, ms) / 1_000);
  const days = seconds >= 2 * 86_400 ? Math.floor(seconds / 86_400) : 0;
  const rest = seconds - days * 86_400;
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const clock = [Math.floor(rest / 3_600), Math.floor((rest % 3_600) / 60), rest % 60].map(two).join(":");
  return { days, clock };
}

/** @typedef {"second" | "minute" | "hour" | "day"} Unit */

/**
 * A duration in its largest unit, rounded: "7 seconds", "3 minutes"; or narrow: "7s", "3m".
 * @param {number} ms
 * @param {"long" | "narrow"} [unitDisplay]
 */
export function duration(ms, unitDisplay = "long") {
  const seconds = Math.max(0, ms / 1_000);
  /** @type {[Unit, number]} */
  const [unit, length] =
    seconds < 90 ? ["second", 1] : seconds < 5_400 ? ["minute", 60] : seconds < 172_800 ? ["hour", 3_600] : ["day", 86_400];
  return new Intl.NumberFormat(wording, { style: "unit", unit, unitDisplay }).format(
    Math.round(seconds / length),
  );
}

/**
 * An order's number in groups of four, as people read it to each other.
 * @param {string} id a UUID
 */
export function orderNumber(id) {
  return (id.replaceAll("-", "").match(/.{1,4}/gu) ?? []).join(" ");
}

/**
 * The beginning of an order's number, where the whole of it stands nearby.
 * @param {string} id a UUID
 */
export function orderShort(id) {
  return orderNumber(id).slice(0, 9);
}
