/**
 * The answers of the API as the console reads them: the members that it shows, and no others. The whole of them stands
 * in `openapi/mincommerce.json`.
 */

/**
 * @typedef {"upcoming" | "active" | "paused" | "ended"} SaleStatus where a sale is in its life
 * @typedef {"open" | "paused" | "ended" | "settled"} SaleState what people have decided about it
 * @typedef {import("./series.js").Answers} Answers
 */

/**
 * @typedef {object} SignedIn
 * @property {string} token
 * @property {"user" | "admin"} userType
 * @property {string} email
 * @property {string} userId
 * @property {string} expiresAt
 */

/**
 * @typedef {object} Sale
 * @property {string} saleId
 * @property {string} productId
 * @property {string} productName
 * @property {number} productPrice
 * @property {string} currency
 * @property {string | null} imageUrl
 * @property {string} startTime
 * @property {string} endTime
 * @property {SaleStatus} status
 * @property {SaleState} state
 * @property {number} totalQuantity
 * @property {number} availableQuantity
 * @property {number} soldQuantity
 * @property {boolean} warm
 */

/**
 * @typedef {object} SaleCounts
 * @property {number} totalQuantity
 * @property {number} availableQuantity
 * @property {number} soldQuantity
 * @property {number} returnedQuantity
 * @property {number} confirmedOrders
 * @property {number} pendingOrders
 * @property {number} cancelledOrders
 * @property {number} rejectedOrders
 * @property {string} timestamp
 */

/**
 * One event of the console's stream. What is not known at the moment is null.
 * @typedef {object} ConsoleEvent
 * @property {string} saleId
 * @property {SaleStatus} status
 * @property {number} units
 * @property {number | null} taken
 * @property {number | null} limit
 * @property {number | null} journalLength
 * @property {number | null} oldestEntryAgeMs
 * @property {number | null} posted
 * @property {number | null} confirmed
 * @property {number | null} rejected
 * @property {number | null} postingLagMs
 * @property {Answers | null} verdicts
 * @property {Answers | null} rates
 * @property {{ api: number, reconcilers: number } | null} processes
 * @property {string} serverTime
 */

/**
 * @typedef {object} Product
 * @property {string} productId
 * @property {string} name
 * @property {string | null} description
 * @property {number} price
 * @property {string} currency
 * @property {string | null} imageUrl
 * @property {number} quantity
 * @property {string} createdAt
 * @property {string} updatedAt
 * @property {string | null} archivedAt
 */

/**
 * @typedef {object} Order
 * @property {string} orderId
 * @property {string} userId
 * @property {string} saleId
 * @property {string} productId
 * @property {string} productName
 * @property {string | null} email
 * @property {number} price
 * @property {string} currency
 * @property {"confirmed" | "cancelled"} status
 * @property {string} createdAt
 * @property {string} updatedAt
 */

/**
 * @typedef {object} Rejection
 * @property {string} rejectionId
 * @property {string} saleId
 * @property {string | null} userId
 * @property {string | null} orderId
 * @property {string | null} email
 * @property {string} reason
 * @property {string} explanation
 * @property {string} buyerMessage
 * @property {boolean} counted
 * @property {string} createdAt
 * @property {{ orderId: string, status: string } | null} buyersOrder
 * @property {{ possible: boolean, obstacle: string | null, advice: string }} replay
 */

/**
 * @typedef {object} Difference
 * @property {string} kind
 * @property {"harmless" | "repairable" | "person"} remedy
 * @property {string} explanation
 * @property {string} whatToDo
 * @property {{ count: number, first: { userId: string, orderId: string }[] } | null} buyers
 */

/**
 * @typedef {object} Audit
 * @property {string} saleId
 * @property {number} epoch
 * @property {number} units
 * @property {number | null} limit
 * @property {number | null} taken
 * @property {number | null} journal
 * @property {number} posted
 * @property {number} confirmed
 * @property {number} rejected
 * @property {number} available
 * @property {"agrees" | "sync_pending" | "installing" | "differs"} verdict
 * @property {Difference[]} differences
 * @property {boolean} repairable
 * @property {string} auditedAt
 */

/**
 * @typedef {object} LogEntry
 * @property {number} id
 * @property {string} at
 * @property {string} actor
 * @property {string | null} actorEmail
 * @property {"api" | "cli" | "process"} via
 * @property {string | null} requestId
 * @property {string} action
 * @property {string} subjectKind
 * @property {string} subject
 * @property {Record<string, unknown>} details
 */

/**
 * @typedef {object} Process
 * @property {string} processId
 * @property {"api" | "reconciler"} kind
 * @property {string} host
 * @property {string | null} version
 * @property {string} startedAt
 * @property {string} seenAt
 * @property {{ answers: Answers | null, posted: number | null }} lastMinute
 */

/**
 * @typedef {object} RedisNode
 * @property {string} address
 * @property {string} role
 * @property {string} version
 * @property {number} memoryBytes
 * @property {number | null} memoryMaxBytes
 * @property {boolean | null} appendOnly
 * @property {string | null} appendFsync
 * @property {number} connectedReplicas
 */

/**
 * @typedef {object} SystemReport
 * @property {Process[] | null} processes
 * @property {{ reachable: boolean, nodes: RedisNode[] }} redis
 * @property {{ reachable: boolean, version: string | null, tables: string, databaseBytes: number | null,
 *   connections: number | null, connectionsMax: number | null, synchronousCommit: string | null }} postgres
 * @property {{ durability: string, givenOnce: string, canBeLost: string }} promise
 * @property {string} version
 * @property {string} timestamp
 */

/**
 * @typedef {object} QueueReport
 * @property {boolean} isRunning
 * @property {{ waiting: number, active: number, completed: number, failed: number }} queue
 * @property {{ total: number, active: number, idle: number }} workers
 * @property {{ sales: number, jobsPerSecond: number, oldestWaitingMilliseconds: number }} performance
 * @property {string[]} degradedSales
 * @property {string} timestamp
 */

export {};
