/**
 * The frame of each page: the header with the zone and the account, and the navigation.
 */

import { byId, el, fill, setAttribute, setText, show } from "../shared/dom.js";
import { session } from "./service.js";
import { words } from "./words.js";
import { chooseZone, onZone, ownZone, zoneChoice } from "./zone.js";

/** @type {[section: keyof typeof words.pages, address: string][]} */
const SECTIONS = [
  ["sales", "/admin"],
  ["products", "/admin/products"],
  ["orders", "/admin/orders"],
  ["rejections", "/admin/rejections"],
  ["system", "/admin/system"],
  ["log", "/admin/log"],
];

/**
 * Brings the frame up to date.
 * @param {string | null} section the part of the navigation where we are
 */
export function frame(section) {
  const { signedIn } = session;
  const navigation = byId("navigation");
  show(navigation, signedIn !== null);
  setText(byId("skip"), words.skip);
  setText(byId("place"), words.title);
  if (navigation.childElementCount === 0) {
    navigation.setAttribute("aria-label", words.navigation);
    fill(navigation, links());
  }
  for (const link of navigation.querySelectorAll("a")) {
    const isHere = link.dataset["section"] === section;
    setAttribute(link, "aria-current", isHere && "page");
    // On a narrow screen the navigation scrolls.
    if (isHere) link.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  fill(byId("tools"), zoneSwitch(), signedIn && account(signedIn.email));
}

/** @param {string} title of the page */
export function setTitle(title) {
  document.title = words.pageTitle(title, document.documentElement.dataset["shop"] ?? "");
}

function links() {
  const items = SECTIONS.map(([section, href]) =>
    el("li", {}, el("a", { href, "data-section": section }, words.pages[section])),
  );
  return el("ul", { class: "sections" }, ...items);
}

/** The one place that names the zone of all times. */
function zoneSwitch() {
  const own = ownZone();
  const options = /** @type {const} */ (["mine", "utc"]).map((choice) =>
    el(
      "button",
      { type: "button", "data-choice": choice, "aria-pressed": String(zoneChoice() === choice), onclick: () => chooseZone(choice) },
      choice === "utc" ? words.zone.utc : own === "UTC" ? words.zone.mine : own,
    ),
  );
  return el(
    "div",
    { class: "zone", role: "group", "aria-label": words.zone.label },
    el("span", { class: "muted", "aria-hidden": "true" }, words.zone.label),
    el("span", { class: "switch" }, ...options),
  );
}

/** @param {string} email */
function account(email) {
  return el(
    "div",
    { class: "account" },
    el("span", { class: "muted small", title: words.signIn.as(email) }, email),
    el("button", { class: "button", type: "button", onclick: () => session.end() }, words.signIn.out),
  );
}

onZone(() => {
  for (const option of document.querySelectorAll("[data-choice]")) {
    option.setAttribute("aria-pressed", String(option.getAttribute("data-choice") === zoneChoice()));
  }
});
