/**
 * The system: alerts, the processes that are alive, the way from gate to ledger, Redis, Postgres, and what a 202 promises.
 * It is read again every few seconds while somebody looks.
 */

import { el } from "../shared/dom.js";
import { decimal, number } from "../shared/format.js";
import { failureNote } from "./failures.js";
import { total, countsOf } from "./series.js";
import * as service from "./service.js";
import { when } from "./times.js";
import { update } from "./update.js";
import { words } from "./words.js";

/** @typedef {import("./shapes.js").SystemReport} SystemReport */
/** @typedef {import("./shapes.js").QueueReport} QueueReport */
/** @typedef {[name: string, value: import("../shared/dom.js").Child][]} Facts */

const EVERY_MS = 5_000;
const text = words.system;

/** @returns {import("./main.js").Page} */
export function systemPage() {
  const place = el("div", { class: "stack wide" }, el("p", { class: "skeleton" }, words.pages.system));
  let isReading = false;
  const read = async () => {
    if (isReading) return;
    isReading = true;
    const [report, queue] = await Promise.allSettled([service.systemReport(), service.queueReport()]);
    isReading = false;
    if (report.status === "rejected") update(place, failureNote(report.reason, () => void read()));
    else update(place, ...view(report.value, queue.status === "fulfilled" ? queue.value : null));
  };
  void read();
  const timer = setInterval(() => {
    if (!document.hidden) void read();
  }, EVERY_MS);
  return { title: words.pages.system, section: "system", nodes: [el("h1", {}, words.pages.system), place], close: () => clearInterval(timer) };
}

/** @param {SystemReport} report @param {QueueReport | null} queue */
function view(report, queue) {
  return [
    alerts(report, queue),
    processes(report),
    el("div", { class: "columns even" }, ...(queue ? [queueCard(queue)] : []), ...report.redis.nodes.map(redisCard), ...(report.redis.reachable ? [] : [awayCard(text.redis)]), postgresCard(report), promiseCard(report)),
    el("p", { class: "muted small" }, text.byVersion(report.version), " \u00b7 ", when(report.timestamp, "second")),
  ];
}

/** @param {SystemReport} report @param {QueueReport | null} queue */
function alerts({ redis, postgres, processes }, queue) {
  const on = [
    !redis.reachable && text.alert.redis,
    !postgres.reachable && text.alert.postgres,
    postgres.reachable && postgres.tables !== "up_to_date" && text.alert.tables,
    processes?.every(({ kind }) => kind !== "reconciler") && text.alert.reconciler,
    queue && !queue.isRunning && text.alert.queue,
  ].filter((alert) => typeof alert === "string");
  const notes = on.map((alert) => el("p", { class: "note bad" }, alert));
  const sales = (queue?.degradedSales ?? []).map((id) =>
    el("p", { class: "note warn" }, text.alert.degraded, " ", el("a", { href: `/admin/sales/${id}` }, id)),
  );
  const all = [...notes, ...sales];
  return el(
    "section",
    { class: "stack", "aria-labelledby": "alerts-heading" },
    el("h2", { id: "alerts-heading" }, text.alerts),
    ...(all.length > 0 ? all : [el("p", { class: "note good" }, text.allWell)]),
  );
}

/** @param {SystemReport} report */
function processes({ processes }) {
  const { columns } = text;
  const heading = el("h2", { id: "processes-heading" }, text.processes);
  if (!processes) return el("section", { class: "stack" }, heading, el("p", { class: "note warn" }, text.noProcesses));
  const names = [columns.kind, columns.host, columns.version, columns.since, columns.seen, columns.did];
  const rows = processes.map((process) => {
    const cells = [
      process.host,
      process.version ?? text.unknown,
      when(process.startedAt, "second"),
      when(process.seenAt, "second"),
      didOf(process),
    ];
    return el(
      "tr",
      { role: "row" },
      el("th", { scope: "row", role: "rowheader", "data-name": columns.kind }, text.kind[process.kind]),
      ...cells.map((cell, i) => el("td", { role: "cell", "data-name": names[i + 1] }, cell)),
    );
  });
  const head = el("tr", { role: "row" }, ...names.map((name) => el("th", { scope: "col", role: "columnheader" }, name)));
  const table = el("table", { role: "table", "aria-labelledby": "processes-heading" }, el("thead", { role: "rowgroup" }, head), el("tbody", { role: "rowgroup" }, ...rows));
  return el("section", { class: "stack" }, heading, el("div", { class: "table", tabindex: 0, role: "region", "aria-labelledby": "processes-heading" }, table));
}

/** @param {import("./shapes.js").Process} process */
function didOf({ lastMinute: { answers, posted } }) {
  if (answers) return text.answered(number(total(countsOf(answers))), number(answers.admitted));
  return posted === null ? words.time.none : text.posted(number(posted));
}

/**
 * @param {string} title
 * @param {Facts} facts
 * @param {...import("../shared/dom.js").Child} children
 */
function card(title, facts, ...children) {
  const items = facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", { class: "figures" }, value)));
  return el("section", { class: "card stack", "aria-label": title }, el("h2", {}, title), ...children, items.length > 0 && el("dl", { class: "facts-list" }, ...items));
}

/** @param {boolean} isReachable */
function reach(isReachable) {
  return el("p", {}, el("span", { class: `badge ${isReachable ? "good" : "bad"}` }, isReachable ? text.reachable : text.unreachable));
}

/** @param {string} title */
function awayCard(title) {
  return card(title, [], reach(false));
}

/** @param {QueueReport} report */
function queueCard({ queue, workers, performance }) {
  return card(text.queue, [
    [text.waiting, number(queue.waiting)],
    [text.active, number(queue.active)],
    [text.oldest, words.flow.ms(number(performance.oldestWaitingMilliseconds))],
    [text.rate, decimal(performance.jobsPerSecond)],
    [text.completed, number(queue.completed)],
    [text.reconcilers, number(workers.total)],
  ]);
}

/** @param {import("./shapes.js").RedisNode} node */
function redisCard(node) {
  const most = node.memoryMaxBytes;
  const used = bytes(node.memoryBytes);
  const policies = /** @type {Record<string, string>} */ (text.fsync);
  const fsync = policies[node.appendFsync ?? ""] ?? node.appendFsync ?? text.unknown;
  return card(
    text.redis,
    [
      [text.memory, most ? text.memoryOf(used, bytes(most)) : used],
      [text.appendOnly, node.appendOnly === null ? text.unknown : node.appendOnly ? fsync : text.off],
      [text.role, node.role],
      [text.replicas, number(node.connectedReplicas)],
      [text.version, node.version],
      [text.address, node.address],
    ],
    reach(true),
  );
}

/** @param {SystemReport} report */
function postgresCard({ postgres }) {
  if (!postgres.reachable) return awayCard(text.postgres);
  const tables = /** @type {Record<string, string>} */ (text.tableWords);
  const { connections, connectionsMax, databaseBytes } = postgres;
  return card(
    text.postgres,
    [
      [text.size, databaseBytes === null ? text.unknown : bytes(databaseBytes)],
      [text.tables, tables[postgres.tables] ?? postgres.tables],
      [text.connections, connections === null ? text.unknown : text.memoryOf(number(connections), number(connectionsMax ?? 0))],
      [text.commit, postgres.synchronousCommit ?? text.unknown],
      [text.version, postgres.version ?? text.unknown],
    ],
    reach(true),
  );
}

/** @param {SystemReport} report */
function promiseCard({ promise }) {
  return card(
    text.promise,
    [[text.durability, promise.durability]],
    el("p", {}, el("strong", {}, text.promiseGiven), ": ", promise.givenOnce),
    el("p", {}, el("strong", {}, text.promiseLost), ": ", promise.canBeLost),
  );
}

/** @param {number} count */
function bytes(count) {
  const units = /** @type {const} */ (["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"]);
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const style = /** @type {const} */ ({ style: "unit", unitDisplay: "short", maximumFractionDigits: value < 10 ? 1 : 0 });
  return new Intl.NumberFormat(navigator.languages, { ...style, unit: units[unit] ?? "byte" }).format(value);
}
