/**
 * The answers of the API as the console reads them, by their names in the API's document.
 *
 * The document calls a member that may be null optional, too. The API sends all of them: what is not known is null.
 */

/** @typedef {import("../../types/api.js").components["schemas"]} Schemas */
/**
 * @template T
 * @typedef {T extends object ? { [K in keyof T]-?: Whole<Exclude<T[K], undefined>> } : T} Whole with all its members
 */
/**
 * @typedef {Whole<Schemas["LoggedIn"]>} SignedIn
 * @typedef {Whole<Schemas["AdminSale"]>} Sale
 * @typedef {Sale["status"]} SaleStatus where a sale is in its life
 * @typedef {Sale["state"]} SaleState what people have decided about it
 * @typedef {Whole<Schemas["SaleStatistics"]>} SaleCounts
 * @typedef {Whole<Schemas["SaleTraffic"]>} Traffic
 * @typedef {Whole<Schemas["ConsoleEvent"]>} ConsoleEvent
 * @typedef {Whole<Schemas["Product"]>} Product
 * @typedef {Whole<Schemas["AdminOrder"]>} Order
 * @typedef {Whole<Schemas["Rejection"]>} Rejection
 * @typedef {Whole<Schemas["SaleAudit"]>} Audit
 * @typedef {Audit["differences"][number]} Difference
 * @typedef {Whole<Schemas["AuditLogEntry"]>} LogEntry
 * @typedef {Whole<Schemas["SystemReport"]>} SystemReport
 * @typedef {NonNullable<SystemReport["processes"]>[number]} Process
 * @typedef {SystemReport["redis"]["nodes"][number]} RedisNode
 * @typedef {Whole<Schemas["QueueReport"]>} QueueReport
 */

export {};
