/**
 * The number of a noun: English has one for one thing and one for all else.
 */

/**
 * @param {number} count
 * @param {string} one
 * @param {string} many
 */
export function plural(count, one, many) {
  return count === 1 ? one : many;
}
