/**
 * Owns how pages read addresses.
 */

/**
 * The path of an address as the server reads it: without one slash at its end.
 * @param {{ pathname: string }} address
 */
export function pathOf({ pathname }) {
  return pathname.replace(/(.)\/$/u, "$1");
}
