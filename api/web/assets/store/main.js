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

import { Api } from "../shared/api.js";
import { ServerClock } from "../shared/clock.js";
import { byId, el, fill } from "../shared/dom.js";
import { Session } from "../shared/session.js";
import { showAccount } from "./account.js";
import { Home } from "./home.js";
import { notice } from "./notices.js";
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
showAccount(session, byId("account"));

const { pathname } = location;
const [, saleId] = /^\/sales\/([^/]+)$/u.exec(pathname) ?? [];
if (pathname === "/") {
  void new Home(shop, place).start();
} else if (saleId !== undefined) {
  void new SalePage(shop, decodeURIComponent(saleId), place).start();
} else if (pathname === "/orders") {
  void new Orders(shop, place).start();
} else if (pathname === "/sign-in") {
  void new SignIn(shop, place).start();
} else {
  document.title = `${words.titles.notFound} · ${shop.name}`;
  fill(place, notice(words.problem.noPage, words.problem.noPageLine, "/", words.problem.toSales));
}
