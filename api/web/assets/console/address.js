/**
 * The address of the page: going to another one, and knowing that somebody did.
 */

/** @type {() => void} */
let moved = () => {};

/**
 * Goes to another page of the console.
 * @param {string} address
 */
export function go(address) {
  history.pushState(null, "", address);
  moved();
}

/** @param {() => void} listener called after each move, also back and forth */
export function onMove(listener) {
  moved = listener;
  addEventListener("popstate", () => {
    // A link to a place of the same page is no move.
    if (location.hash === "") listener();
  });
}
