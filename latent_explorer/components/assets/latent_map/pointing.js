// Which digit a place of the map means: the one on whose dot, or thumbnail, it lies, else none.

/** @import {Thumbnail} from "./overlay.js" */
/** @import {Point} from "./types.d.ts" */
/** @typedef {"mouse" | "pen" | "touch" | "keys"} Pointer */

// Css px beyond the dot's edge within which it is still meant: a dot is small, a hand unsteady, a
// finger wide; the keys' cursor moves by 10 px, and should reach all that it passes.
/** @type {Record<string, number>} */
const SLACK = { mouse: 2, pen: 4, touch: 9, keys: 5 };

// The digit's row, null for bare latent space.
/**
 * @param {Point} px
 * @param {string} pointer what points: one of Pointer
 * @param {{ thumbnails: Thumbnail[] | null, side: number, radius: number | null,
 *   nearest: (reach: number) => number | null }} drawn
 *   thumbnails on the map and their side; the dots' radius, null where no dots are drawn; and the
 *   row of the dot whose middle is nearest, within a reach in css px
 */
export function rowAt([x, y], pointer, { thumbnails, side, radius, nearest }) {
  const slack = SLACK[pointer] ?? SLACK.mouse;
  const framed = thumbnails?.findLast(
    ([, left, top]) => x >= left && x < left + side && y >= top && y < top + side,
  );
  if (framed) return framed[0];
  return radius === null ? null : nearest(radius + slack);
}
