/**
 * Owns the header's right side: signing in, or the account's menu.
 */

import { pathOf } from "../shared/address.js";
import { el, fill, svg } from "../shared/dom.js";
import { signInPath } from "./sign_in.js";
import { words } from "./words.js";

/** @typedef {import("../shared/session.js").Session} Session */

/**
 * @param {Session} session
 * @param {HTMLElement} place
 */
export function showAccount(session, place) {
  place.setAttribute("aria-label", words.account.label);
  let shown = new AbortController();
  const show = () => {
    shown.abort();
    shown = new AbortController();
    const { signedIn } = session;
    const isSigningIn = pathOf(location) === "/sign-in";
    fill(place, signedIn !== null ? menu(session, signedIn.email, shown.signal) : !isSigningIn && signInLink());
  };
  show();
  session.onChange(show);
}

function signInLink() {
  return el("a", { class: "button", href: signInPath() }, words.account.signIn);
}

function person() {
  return svg(
    "svg",
    { class: "person", viewBox: "0 0 20 20", width: 20, height: 20, "aria-hidden": "true" },
    svg("circle", { cx: 10, cy: 6.5, r: 3.75 }),
    svg("path", { d: "M2.5 18a7.5 7 0 0 1 15 0z" }),
  );
}

/**
 * @param {Session} session
 * @param {string} email
 * @param {AbortSignal} signal ends it
 */
function menu(session, email, signal) {
  const summary = el("summary", { class: "button" }, person(), el("span", { class: "word" }, words.account.menu), el("span", { class: "email" }, email.split("@")[0]));
  const signOut = el("button", { class: "item", type: "button", onclick: () => session.end() }, words.account.signOut);
  const items = el(
    "div",
    { class: "menu-items" },
    el("p", { class: "muted small email" }, email),
    el("a", { class: "item", href: "/orders" }, words.account.orders),
    el("a", { class: "item", href: "/" }, words.account.sales),
    signOut,
  );
  const details = el("details", { class: "menu" }, summary, items);
  details.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && details.open) {
      details.open = false;
      summary.focus();
    }
  });
  details.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !details.contains(relatedTarget)) {
      details.open = false;
    }
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Node && !details.contains(target)) {
      details.open = false;
    }
  }, { signal });
  return details;
}
