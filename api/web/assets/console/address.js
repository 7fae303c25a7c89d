/**
 * The address of the page: going to another one, and knowing that somebody did.
 */

/** @type {() => void} */
let moved = () => {};
/** The address of what is shown, without its place on the page. */
let shown = here();

function here() {
  return location.pathname + location.search;
}

/**
 * Goes to another page of the console.
 * @param {string} address
 */
export function go(address) {
  history.pushState(null, "", address);
  shown = here();
  moved();
}

/**
 * The page that is shown has another address now, such as with its filters.
 * @param {string} address
 */
export function rename(address) {
  history.replaceState(history.state, "", address);
  shown = here();
}

/** @param {() => void} listener called after each move, also back and forth */
export function onMove(listener) {
  moved = listener;
  addEventListener("popstate", () => {
    // A link to a place of the same page is no move.
    if (here() === shown) return;
    shown = here();
    listener();
  });
}
