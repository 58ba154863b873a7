// Colours of the page: whether it is dark, and CSS colours as numbers.

import { penOf } from "./elements.js";

/** @import {Rgb, Theme} from "./types.d.ts" */

const BLACK = /** @type {Rgb} */ ([0, 0, 0]);
const WHITE = /** @type {Rgb} */ ([255, 255, 255]);

/** @type {OffscreenCanvasRenderingContext2D | null} */
let swatch = null; // made at the first colour: there is no canvas outside a page

// Any CSS colour as [r, g, b]; the canvas is the one parser that knows all of them.
/** @param {string} css @returns {Rgb} */
export function toRgb(css) {
  swatch ??= penOf(new OffscreenCanvas(1, 1), { willReadFrequently: true });
  swatch.clearRect(0, 0, 1, 1);
  swatch.fillStyle = css;
  swatch.fillRect(0, 0, 1, 1);
  const [r, g, b] = swatch.getImageData(0, 0, 1, 1).data;
  return [r, g, b];
}

/** @param {Rgb} from @param {Rgb} to @param {number} share */
export const mix = (from, to, share) =>
  /** @type {Rgb} */ (from.map((v, i) => Math.round(v + (to[i] - v) * share)));
/** @param {Rgb} colour */
export const toCss = ([r, g, b], alpha = 1) => `rgba(${r}, ${g}, ${b}, ${alpha})`;

// A colour as a pixel of ImageData, and back.
/** @param {Rgb} colour */
export const toPixel = ([r, g, b]) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
/** @param {number} pixel @returns {Rgb} */
export const fromPixel = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];

// Luminance by the weights of sRGB's primaries.
/** @param {Rgb} colour */
const isDark = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;

// Ink on paper in the light, paper on ink in the dark.
/** @param {Element} element @returns {Theme} */
export function readTheme(element) {
  const css = getComputedStyle(element).getPropertyValue("--st-background-color");
  return isDark(toRgb(css || "#fff"))
    ? { name: "dark", dark: true, paper: BLACK, ink: WHITE }
    : { name: "light", dark: false, paper: WHITE, ink: BLACK };
}
