/**
 * Owns a product's picture: its own, or one that is drawn from its id in the shop's colours.
 */

import { el, svg } from "./dom.js";

const TILES = 3;
const TILE = 100;
/** How many colours there are: `.art-0` to `.art-4` in picture.css. */
const COLOURS = 5;

/**
 * @param {object} product
 * @param {string} product.productId
 * @param {string | null} [product.imageUrl]
 * @param {string} className
 * @returns {HTMLElement}
 */
export function picture({ productId, imageUrl }, className) {
  const frame = el("div", { class: `picture ${className}` });
  if (!imageUrl) {
    frame.append(drawing(productId));
    return frame;
  }
  // The name stands beside it, so it needs no description.
  frame.append(el("img", { src: imageUrl, alt: "", referrerpolicy: "no-referrer", decoding: "async" }));
  drawIfBroken(frame, productId);
  return frame;
}

/**
 * Draws a picture in the place of one that cannot be shown.
 * @param {HTMLElement} frame
 * @param {string} productId
 */
export function drawIfBroken(frame, productId) {
  const image = frame.querySelector("img");
  if (image === null) {
    return;
  }
  const draw = () => image.replaceWith(drawing(productId));
  if (image.complete && image.naturalWidth === 0) {
    draw();
  } else {
    image.addEventListener("error", draw, { once: true });
  }
}

/**
 * Nine tiles of simple shapes: the same ones for the same product.
 * @param {string} productId
 */
function drawing(productId) {
  const next = numbers(productId);
  const side = TILES * TILE;
  const tiles = [];
  for (let at = 0; at < TILES * TILES; at += 1) {
    const x = (at % TILES) * TILE;
    const y = Math.floor(at / TILES) * TILE;
    const ground = next(COLOURS);
    const colour = (ground + 1 + next(COLOURS - 1)) % COLOURS;
    const turn = `rotate(${next(4) * 90} ${TILE / 2} ${TILE / 2})`;
    tiles.push(
      svg(
        "g",
        { transform: `translate(${x} ${y})` },
        svg("rect", { class: `art-${ground}`, width: TILE, height: TILE, "shape-rendering": "crispEdges" }),
        svg("path", { class: `art-${colour}`, d: SHAPES[next(SHAPES.length)] ?? "", transform: turn }),
      ),
    );
  }
  return svg(
    "svg",
    // A narrow frame begins with a whole tile: one in its middle had slivers of others on both sides.
    { viewBox: `0 0 ${side} ${side}`, preserveAspectRatio: "xMinYMid slice", "aria-hidden": "true" },
    ...tiles,
  );
}

/** Shapes of one tile: a quarter and a half of a disc, a disc, a triangle, two leaves, a bar. */
const SHAPES = [
  "M0 0H100A100 100 0 0 1 0 100Z",
  "M0 50A50 50 0 0 1 100 50Z",
  "M50 12A38 38 0 1 1 49.9 12Z",
  "M0 0L100 100H0Z",
  "M0 0A100 100 0 0 1 100 100A100 100 0 0 1 0 0Z",
  "M0 0H100V34H0Z",
];

/**
 * Numbers that only the id decides (the generator of Park and Miller).
 * @param {string} id
 * @returns {(below: number) => number}
 */
function numbers(id) {
  let seed = 1;
  for (const letter of id) {
    seed = (seed * 31 + letter.charCodeAt(0)) % 2_147_483_647;
  }
  return (below) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return Math.floor((seed / 2_147_483_647) * below);
  };
}
