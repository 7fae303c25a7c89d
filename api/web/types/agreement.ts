// Holds the pages against the API: `tsc` fails here where the API answers something else than what a page reads.
// The pages describe the members that they use (JSDoc in their modules); `api.d.ts` is generated from the API's document.
// Nothing runs of this.

import type * as console from "../assets/console/shapes.js";
import type * as series from "../assets/console/series.js";
import type * as session from "../assets/shared/session.js";
import type * as sale from "../assets/store/sale_state.js";
import type { components } from "./api.d.ts";

type Schemas = components["schemas"];

/** As it is sent: the API sends null for what the document calls optional. */
type Sent<T> = T extends (infer Item)[] ? Sent<Item>[] : T extends object ? { [K in keyof T]-?: Sent<T[K]> } : T;

/** An answer with everything that a page reads. */
type Reads<Read, Answer extends Read> = [Read, Answer];

export type Agreement = [
  Reads<session.SignedIn, Sent<Schemas["LoggedIn"]>>,
  Reads<sale.Sale, Sent<Schemas["FlashSale"]>>,
  Reads<sale.Purchase, Sent<Schemas["PurchaseStatus"]>>,
  Reads<console.SignedIn, Sent<Schemas["LoggedIn"]>>,
  Reads<console.Sale, Sent<Schemas["AdminSale"]>>,
  Reads<console.SaleCounts, Sent<Schemas["SaleStatistics"]>>,
  Reads<console.ConsoleEvent, Sent<Schemas["ConsoleEvent"]>>,
  Reads<series.Answers, Sent<Schemas["AnswerCounts"]>>,
  Reads<console.Product, Sent<Schemas["Product"]>>,
  Reads<console.Order, Sent<Schemas["AdminOrder"]>>,
  Reads<console.Rejection, Sent<Schemas["Rejection"]>>,
  Reads<console.Difference, Sent<Schemas["AuditDifference"]>>,
  Reads<console.Audit, Sent<Schemas["SaleAudit"]>>,
  Reads<console.LogEntry, Sent<Schemas["AuditLogEntry"]>>,
  Reads<console.Process, Sent<Schemas["RunningProcess"]>>,
  Reads<console.RedisNode, Sent<Schemas["RedisServer"]>>,
  Reads<console.SystemReport, Sent<Schemas["SystemReport"]>>,
  Reads<console.QueueReport, Sent<Schemas["QueueReport"]>>,
];
