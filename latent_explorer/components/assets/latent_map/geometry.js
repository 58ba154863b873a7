// Small mathematics of the plane and of numbers on screen; knows neither the page nor the map.

import { fixed } from "../shared/numbers.js";

/** @import {DecoderPayload, Point, Rectangle, Turn} from "./types.d.ts" */

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
/** @param {Point} a @param {Point} b */
export const distance = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

// Round values of an axis, at least `spacing` apart.
/** @param {number} low @param {number} high @param {number} spacing */
export function ticks(low, high, spacing) {
  const rough = Math.max(spacing, 1e-9);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5].find((each) => each * power >= rough * 0.999) ?? 10;
  const step = power * factor;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) {
    found.push({ value: k * step, text: fixed(k * step, digits), isOrigin: k === 0 });
  }
  return found;
}

// Share of two rectangles [x0, x1, y0, y1] that both cover.
/** @param {Rectangle} a @param {Rectangle} b */
export function overlapOf(a, b) {
  const area = (/** @type {Rectangle} */ [x0, x1, y0, y1]) =>
    Math.max(0, x1 - x0) * Math.max(0, y1 - y0);
  const shared = area([
    Math.max(a[0], b[0]),
    Math.min(a[1], b[1]),
    Math.max(a[2], b[2]),
    Math.min(a[3], b[3]),
  ]);
  return shared / (area(a) + area(b) - shared || 1);
}

// Semi-axes of a covariance at one standard deviation, and the angle of the major one.
/** @param {Turn} covariance */
export function ellipseOf([[a, b], [, c]]) {
  const mean = (a + c) / 2;
  const spread = Math.hypot((a - c) / 2, b);
  return {
    major: Math.sqrt(Math.max(0, mean + spread)),
    minor: Math.sqrt(Math.max(0, mean - spread)),
    angle: 0.5 * Math.atan2(2 * b, a - c),
  };
}

// The value below which a share of the numbers lies.
/** @param {ArrayLike<number>} values @param {number} share */
export function quantile(values, share) {
  const sorted = Float32Array.from(values).sort();
  return sorted[Math.round(share * (sorted.length - 1))];
}

// The latent at a place of a decoder's plane, and the place of a latent.
/** @param {DecoderPayload["plane"]} plane @param {Point} place */
export const latentAt = ({ center, axes }, [x, y]) =>
  center.map((c, d) => c + axes[d][0] * x + axes[d][1] * y);
/** @param {DecoderPayload["plane"]} plane @param {number[]} z */
export function placeOf({ center, axes }, z) {
  const along = (/** @type {0 | 1} */ axis) =>
    z.reduce((sum, v, d) => sum + axes[d][axis] * (v - center[d]), 0);
  return /** @type {Point} */ ([along(0), along(1)]);
}
