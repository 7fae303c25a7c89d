/**
 * Begins the storefront: shows what the address names.
 *
 * | address | shows |
 * | --- | --- |
 * | `/` | home.js |
 * | `/sales/{saleId}` | sale_page.js |
 * | `/orders` | orders.js |
 * | `/sign-in?next=` | sign_in.js |
 */

import { pathOf } from "../shared/address.js";
import { Api } from "../shared/api.js";
import { ServerClock } from "../shared/clock.js";
import { byId, el, fill, hush } from "../shared/dom.js";
import { Session } from "../shared/session.js";
import { showAccount } from "./account.js";
import { Home } from "./home.js";
import { failed, notice } from "./notices.js";
import { Orders } from "./orders.js";
import { SalePage } from "./sale_page.js";
import { SignIn } from "./sign_in.js";
import { words } from "./words.js";

/**
 * What all pages work with.
 * @typedef {object} Shop
 * @property {string} name
 * @property {Api} api
 * @property {Session} session
 * @property {ServerClock} clock
 */

const session = new Session("buyer");
/** @type {Shop} */
const shop = {
  name: document.querySelector(".shop")?.textContent?.trim() ?? "",
  api: new Api(session),
  session,
  clock: new ServerClock(),
};

document.documentElement.dir = words.direction;
const place = byId("main");
byId("top").before(el("a", { class: "skip unseen", href: "#main" }, words.skip));
session.onChange((signedIn) => signedIn === null && hush());
showAccount(session, byId("account"));

/**
 * Begins a page; one that cannot load says so.
 * @param {{ start: () => Promise<void> }} page
 */
function start(page) {
  page.start().catch((error) => {
    reportError(error);
    fill(place, failed());
  });
}

/**
 * What an address names; what it says itself where it is written wrongly.
 * @param {string} text
 */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const path = pathOf(location);
const [, saleId] = /^\/sales\/([^/]+)$/u.exec(path) ?? [];
if (path === "/") {
  start(new Home(shop, place));
} else if (saleId !== undefined) {
  start(new SalePage(shop, decoded(saleId), place));
} else if (path === "/orders") {
  start(new Orders(shop, place));
} else if (path === "/sign-in") {
  start(new SignIn(shop, place));
} else {
  document.title = `${words.titles.notFound} · ${shop.name}`;
  fill(place, notice(words.problem.noPage, words.problem.noPageLine, "/", words.problem.toSales));
}
