// Pictures of digits, painted in the theme's own ink and paper.

import { penOf } from "./elements.js";

/** @import {Rgb, Theme} from "./types.d.ts" */

export const SIDE = 28;
export const PIXELS = SIDE * SIDE;
const MORE = /** @type {Rgb} */ ([214, 94, 0]); // a difference: more ink than the original (orange) …
const LESS = /** @type {Rgb} */ ([0, 114, 178]); // … or less (blue); apart for colour-blind eyes

// Ink on paper by day, paper on ink by night: the level of each amount of ink, 0 to 255.
/** @param {number} ink @param {boolean} dark */
export const levelOf = (ink, dark) => (dark ? ink : 255 - ink);

// Writes amounts of ink, from 0 to `full`, as an opaque picture: one number a pixel, never blurred.
/** @param {ImageData} image @param {ArrayLike<number>} ink @param {boolean} dark */
export function writeInk({ data }, ink, dark, full = 255) {
  const scale = 255 / full;
  for (let i = 0; i < PIXELS; i++) {
    data[4 * i] = data[4 * i + 1] = data[4 * i + 2] = levelOf(scale * ink[i], dark);
    data[4 * i + 3] = 255;
  }
}

// A new picture of so many bytes of ink.
/** @param {ArrayLike<number>} ink @param {boolean} dark */
export function inkImage(ink, dark) {
  const image = new ImageData(SIDE, SIDE);
  writeInk(image, ink, dark);
  return image;
}

// 784 levels on a canvas of 28 x 28: 0…255 for ink; for a difference 0…254 with 127 as none.
/** @param {HTMLCanvasElement} canvas @param {Uint8Array} bytes @param {Theme} theme */
export function paintDigit(canvas, bytes, theme, isSigned = false) {
  const image = inkImage(bytes, theme.dark);
  if (isSigned) {
    bytes.forEach((byte, i) => {
      const [colour, share] = [byte > 127 ? MORE : LESS, Math.abs(byte - 127) / 127];
      theme.paper.forEach((paper, c) => {
        image.data[4 * i + c] = Math.round(paper + (colour[c] - paper) * share);
      });
    });
  }
  penOf(canvas).putImageData(image, 0, 0);
}

// A canvas for one digit.
export function digitCanvas() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  return canvas;
}
