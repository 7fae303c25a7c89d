/**
 * Starts the console: shows the page that the address names, or the sign-in page while nobody is signed in.
 */

import { reportFault } from "../shared/api.js";
import { pathOf } from "../shared/address.js";
import { byId, fill, setText } from "../shared/dom.js";
import { go, onMove } from "./address.js";
import { frame, setTitle } from "./frame.js";
import { missingPage } from "./missing_page.js";
import { ordersPage } from "./orders.js";
import { logPage } from "./log.js";
import { productPage } from "./product.js";
import { productsPage } from "./products.js";
import { rejectionsPage } from "./rejections.js";
import { salePage } from "./sale.js";
import { salesPage } from "./sales.js";
import { askNow, clock, session } from "./service.js";
import { signInPage } from "./sign_in.js";
import { systemPage } from "./system.js";
import { words } from "./words.js";

/**
 * @typedef {object} Page
 * @property {string} title
 * @property {Node[]} nodes the first of them has the page's only h1
 * @property {string} [section] the part of the navigation that it belongs to
 * @property {() => void} [close] called when the page is left
 */

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
/** The pages by their addresses. @type {[RegExp, (id: string) => Page][]} */
const ROUTES = [
  [/^\/admin$/, salesPage],
  [new RegExp(`^/admin/sales/(${UUID})$`), salePage],
  [/^\/admin\/products$/, productsPage],
  [new RegExp(`^/admin/products/(${UUID})$`), productPage],
  [/^\/admin\/orders$/, ordersPage],
  [/^\/admin\/rejections$/, rejectionsPage],
  [/^\/admin\/system$/, systemPage],
  [/^\/admin\/log$/, logPage],
];

const main = byId("main");
/** @type {Page | null} */
let shown = null;

/** @returns {Page} */
function wanted() {
  if (session.signedIn === null) return signInPage();
  for (const [address, page] of ROUTES) {
    const found = address.exec(pathOf(location));
    if (found) return page(found[1] ?? "");
  }
  return missingPage(words.notFound.text);
}

/** @param {boolean} isMove whether the visitor came here from another page of the console */
function render(isMove) {
  shown?.close?.();
  for (const dialog of document.querySelectorAll("dialog")) dialog.remove();
  shown = wanted();
  setTitle(shown.title);
  frame(shown.section ?? null);
  fill(main, ...shown.nodes);
  if (!isMove) return;
  scrollTo(0, 0);
  // A screen reader begins to read where the focus is.
  main.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !isPlain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
  if (link.origin !== location.origin || !/^\/admin(\/|$)/.test(link.pathname) || link.hash) return;
  event.preventDefault();
  go(link.href);
});
onMove(() => render(true));
// What is today, the server says. A form that needs the time asks again.
const learnTime = () => askNow().catch(reportFault);
void learnTime();
clock.onSleep(() => void learnTime());
let user = session.signedIn?.userId;
session.onChange((signedIn) => {
  if (signedIn?.userId === user) return;
  user = signedIn?.userId;
  // Nobody else reads what happened before.
  setText(byId("announcements"), "");
  render(true);
});
render(false);
