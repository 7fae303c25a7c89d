// Holds the storefront against the API: `tsc` fails here where the API answers something else than what a page reads. The
// storefront describes the members that it uses; the console takes them from `api.d.ts`, which is generated from the API's
// document. Nothing runs of this.

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
  Reads<series.Answers, Sent<Schemas["AnswerCounts"]>>,
];
