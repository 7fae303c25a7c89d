/**
 * Changes of a page that leave the focus of the visitor: nodes that only say something else stay, and where the focused
 * one is gone, the focus goes to the nearest thing in its place.
 */

import { fill } from "../shared/dom.js";

/** Where the focus goes if what had it is gone: the page's heading. */
export function focusHeading() {
  const heading = document.querySelector("main h1");
  if (heading instanceof HTMLElement) focusAt(heading);
}

/** @param {HTMLElement} element */
function focusAt(element) {
  if (element.tabIndex < 0) element.tabIndex = -1;
  element.focus({ preventScroll: true });
}

/**
 * Puts these nodes in the place of those that are there. Had one of those the focus, it goes to the new way to try again,
 * else to the place itself.
 * @param {HTMLElement} place
 * @param {...Node} nodes
 */
export function refill(place, ...nodes) {
  const hadFocus = place.contains(document.activeElement);
  fill(place, ...nodes);
  if (hadFocus) keepFocus(place);
}

/** @param {HTMLElement} place */
function keepFocus(place) {
  if (place.contains(document.activeElement)) return;
  const again = place.querySelector(".again");
  focusAt(again instanceof HTMLElement ? again : place);
}

/**
 * As `refill`, and keeps each node that is there and differs in nothing but its texts and attributes. A node that is kept
 * keeps its listeners, too: this is for nodes whose listeners do the same each time.
 * @param {HTMLElement} place
 * @param {...Node} nodes
 */
export function update(place, ...nodes) {
  if (place.childNodes.length !== nodes.length) {
    refill(place, ...nodes);
    return;
  }
  const hadFocus = place.contains(document.activeElement);
  bringUpToDate(place, nodes);
  if (hadFocus) keepFocus(place);
}

/** @param {Node} parent @param {Node[]} nodes as many as it has */
function bringUpToDate(parent, nodes) {
  [...parent.childNodes].forEach((old, i) => {
    const node = nodes[i];
    if (!node || old.isEqualNode(node)) return;
    if (!(old instanceof HTMLElement && node instanceof HTMLElement && isAlike(old, node))) {
      parent.replaceChild(node, old);
      return;
    }
    takeAttributes(old, node);
    bringUpToDate(old, [...node.childNodes]);
  });
}

/** @param {HTMLElement} old @param {HTMLElement} node */
function isAlike(old, node) {
  const isSame = old.tagName === node.tagName && old.className === node.className;
  return isSame && old.childNodes.length === node.childNodes.length;
}

/** @param {HTMLElement} old @param {HTMLElement} node */
function takeAttributes(old, node) {
  for (const name of old.getAttributeNames()) if (!node.hasAttribute(name)) old.removeAttribute(name);
  for (const name of node.getAttributeNames()) old.setAttribute(name, node.getAttribute(name) ?? "");
}
