/**
 * Owns every text of the storefront. A translation replaces this file, and the page's `lang`.
 */

/**
 * "1 unit", "2 units"
 * @param {number} count
 * @param {string} one
 * @param {string} many
 */
const counted = (count, one, many) => (count === 1 ? one : many);

export const words = {
  /** The direction of this language: "ltr" or "rtl". */
  direction: "ltr",
  skip: "Skip to the content",

  account: {
    label: "Account",
    signIn: "Sign in",
    signOut: "Sign out",
    orders: "My orders",
    sales: "All sales",
    menu: "Menu",
  },

  titles: {
    sales: "Sales",
    orders: "My orders",
    signIn: "Sign in",
    notFound: "Not found",
  },

  home: {
    heading: "Sales",
    go: { upcoming: "See the sale", active: "See and buy", soldOut: "See the sale", paused: "See the sale", ended: "See the sale" },
    none: "No sale is planned yet",
    noneLine: "The shop announces its next sale here. Keep this page open, or come back later.",
  },

  status: {
    upcoming: "Coming up",
    active: "On now",
    soldOut: "Sold out",
    paused: "Paused",
    ended: "Ended",
  },

  time: {
    startsIn: "Starts in",
    starting: "Starts any moment",
    endsIn: "Ends in",
    ending: "Ends any moment",
    ended: "Ended",
    days: (/** @type {number} */ days) => `${days} ${counted(days, "day", "days")}`,
    aMoment: "less than a second",
    today: "today",
    tomorrow: "tomorrow",
    yesterday: "yesterday",
    atHour: (/** @type {string} */ hour) => `at ${hour}`,
    at: (/** @type {string} */ day, /** @type {string} */ hour) => `${day}, ${hour}`,
    inZone: (/** @type {string} */ time, /** @type {string} */ zone) => `${time} (${zone} time)`,
    fromTo: (/** @type {string} */ from, /** @type {string} */ to) => `${from} to ${to}`,
    inUtc: (/** @type {string} */ time) => `${time} (UTC)`,
  },

  stock: {
    left: (/** @type {string} */ left, /** @type {string} */ total) => `${left} of ${total} left`,
    units: (/** @type {string} */ total, /** @type {number} */ count) =>
      `${total} ${counted(count, "unit", "units")} in this sale`,
    none: (/** @type {string} */ total) => `None of ${total} left`,
  },

  button: {
    signInUpcoming: "Sign in to be ready",
    signIn: (/** @type {string} */ price) => `Sign in to buy for ${price}`,
    startsAt: (/** @type {string} */ hour) => `Starts at ${hour}`,
    startsOn: (/** @type {string} */ time) => `Starts ${time}`,
    starting: "Opening …",
    buy: (/** @type {string} */ price) => `Buy for ${price}`,
    buyAgain: (/** @type {string} */ price) => `Buy again for ${price}`,
    asking: "Asking …",
    askingIn: (/** @type {string} */ seconds) => `Asking again in ${seconds} s`,
    signInToGoOn: "Sign in to go on",
    won: "You got it",
    soldOut: "Sold out",
    paused: "Paused",
    ended: "Ended",
    cancelled: "Cancelled",
    failed: "Could not be completed",
    loading: "Loading …",
  },

  next: {
    signInUpcoming: "You need an account before the start.",
    signIn: "You need an account to buy. We bring you back here.",
    upcoming: "Keep this page open: it opens by itself.",
    starting: "It opens the moment the shop says so.",
    active: "One a person. You can try again safely.",
    asking: "Closing the page loses nothing: asking again is safe.",
    unsure: "Your request may have arrived. We keep asking. You cannot buy twice.",
    busy: "The shop is busy. We keep asking for you. You cannot buy twice.",
    early: "Your request came a moment too early. We ask again.",
    late: "Your request may have arrived. Try again.",
    signInToGoOn: "Your request may have arrived. Sign in, and we ask again. You cannot buy twice.",
    onItsWay: (/** @type {string} */ order) => `Order ${order}, being written down.`,
    won: (/** @type {string} */ order, /** @type {string} */ time) => `Order ${order}, ${time}.`,
    wonSometime: (/** @type {string} */ order) => `Order ${order}.`,
    toOrders: "See it under My orders",
    soldOut: "Everything is sold. If a unit comes back, this page opens again.",
    soldOutIn: (/** @type {string} */ duration) =>
      `Everything went in ${duration}. If a unit comes back, this page opens again.`,
    paused: "The shop has paused the sale. Keep this page open.",
    ended: (/** @type {string} */ time) => `It ended ${time}.`,
    endedSold: (/** @type {string} */ time) => `It ended ${time}. Everything was sold.`,
    cancelled: (/** @type {string} */ order) =>
      `The shop has cancelled order ${order}. Ask the shop if you did not expect this.`,
    failed: (/** @type {string} */ order) => `Ask the shop why, and name order ${order}.`,
    loading: "We ask the shop what is left.",
  },

  /** Why a purchase could not be completed, by the API's reason, and what to do. */
  failed: /** @type {Record<string, string>} */ ({
    unknown_sale: "The shop does not know this sale any more. Nothing was sold to you.",
    superseded: "A failure of the shop's came between. Nothing was sold to you: while the sale is on you can buy again.",
    sale_settled: "The sale was closed before your purchase was written down. Nothing was sold to you.",
    buyer_has_order: "You have another order in this sale, and each person gets one unit.",
    buyer_rejected: "An earlier purchase of yours in this sale could not be completed either. Ask the shop.",
    order_id_taken: "Its number belongs to another purchase. Nothing was sold to you: ask the shop.",
    no_units: "When it was written down, no unit was left. Nothing was sold to you.",
    unreadable: "Its record was damaged. Ask the shop, and name your order.",
  }),

  /** Why a request to buy was refused, by the API's code, where the sale's state does not say it. */
  refused: /** @type {Record<string, string>} */ ({
    SALE_NOT_FOUND: "The shop does not know this sale any more.",
    FORBIDDEN: "This account cannot buy. Sign in with a buyer's account.",
    UNKNOWN: "The shop gave an answer that this page does not know. You can try again safely.",
  }),

  connection: {
    connecting: "Connecting …",
    away: "Reconnecting …",
    lastSeen: (/** @type {string} */ ago) => `Reconnecting, last seen ${ago} ago`,
    live: "Live",
  },

  session: {
    expired: "Your session has ended.",
    revoked: "You were signed out.",
    goOn: "Sign in again",
    keeps: "to go on. This page keeps its place.",
    endsEarly: "Your session ends before the sale starts.",
    renew: "Sign in again now",
    toBeReady: "to be ready.",
  },

  ticket: {
    label: (/** @type {string} */ order) => `Order ${order}`,
    order: "Order",
    time: "Bought",
    price: "Price",
    link: "Link to this order",
    sale: "To the sale",
    states: {
      queued: "Yours, being written down",
      processing: "Yours, being written down",
      completed: "Confirmed",
      failed: "Could not be completed",
      cancelled: "Cancelled",
    },
    pending: "A moment …",
  },

  orders: {
    heading: "My orders",
    none: "You have no orders yet",
    noneLine: "What you win in a sale appears here.",
    toSales: "See the sales",
    signIn: "Sign in to see your orders.",
    more: "Show more orders",
    loading: "A moment …",
    onItsWay: (/** @type {string} */ order) =>
      `Order ${order} is yours. The shop is writing it down, and then it appears here.`,
    notHere: "The order of this link is not among yours. Is it another account's?",
  },

  signIn: {
    heading: "Sign in",
    headingNew: "Create an account",
    email: "Email address",
    password: "Password",
    passwordHint: "At least 8 characters.",
    submit: "Sign in",
    submitNew: "Create the account",
    byEmail: "Your address is enough. We make an account if you have none.",
    withPassword: "Sign in with a password instead",
    withoutPassword: "Sign in by address alone",
    toNew: "Create an account",
    toOld: "I have an account",
    working: "A moment …",
    back: "Then we bring you back to where you were.",
    wrong: "The address or the password is wrong.",
    needsPassword: "This account has a password. Enter it, please.",
    taken: "There is an account with this address. Sign in instead.",
    emailWrong: "This is not an email address. It must look like name@example.org, without blanks.",
    emailMissing: "Enter your email address.",
    passwordMissing: "Enter your password.",
    passwordShort: "The password must have at least 8 characters.",
    tooMany: (/** @type {string} */ seconds) => `Too many tries. Try again in ${seconds} s.`,
  },

  problem: {
    loading: "The shop does not answer at the moment.",
    tryingIn: (/** @type {string} */ seconds) => `We try again in ${seconds} s.`,
    again: "Try again",
    noSale: "There is no such sale",
    noSaleLine: "The link may be wrong, or the sale is gone.",
    noPage: "There is no such page",
    noPageLine: "The link may be wrong.",
    toSales: "See the sales",
  },

  announce: {
    startsIn: (/** @type {string} */ duration) => `The sale starts in ${duration}.`,
    started: "The sale is on. You can buy now.",
    half: (/** @type {string} */ left) => `Half is left: ${left}.`,
    quarter: (/** @type {string} */ left) => `A quarter is left: ${left}.`,
    lastOnes: (/** @type {string} */ left) => `Last ones: ${left} left.`,
    away: "The connection is lost. This page reconnects by itself.",
    back: "The connection is back.",
    moved: (/** @type {string} */ time) => `The shop has moved the start: ${time}.`,
  },
};
