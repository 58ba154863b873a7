// Selected digits as marks (one byte each), as bits over the wire, and the shapes that select.

import { fromBase64, toBase64 } from "../shared/bytes.js";
import { distance } from "./geometry.js";

/** @import {Bytes, Mode, Point, Points, Selected, SelectMessage, Tool} from "./types.d.ts" */

const LASSO_STEP = 2; // css px between corners of a freehand lasso

// Marks of `points` from { first_id, bits }: bit i, lowest first, is digit first_id + i.
/** @param {Selected | null} selected @param {Pick<Points, "n" | "first_id">} points */
export function marksFrom(selected, points) {
  if (!selected) return null;
  const bytes = fromBase64(selected.bits);
  const marks = new Uint8Array(points.n);
  let count = 0;
  for (let row = 0; row < points.n; row++) {
    const bit = row + points.first_id - selected.first_id;
    if (bit < 0 || bit >= 8 * bytes.length) continue;
    marks[row] = (bytes[bit >> 3] >> (bit & 7)) & 1;
    count += marks[row];
  }
  return count ? marks : null;
}

/**
 * @param {Bytes} marks @param {Pick<Points, "n" | "first_id">} points @param {string} how
 * @returns {SelectMessage}
 */
export function messageOf(marks, points, how) {
  const bytes = new Uint8Array(Math.ceil(points.n / 8));
  let n = 0;
  for (let row = 0; row < points.n; row++) {
    bytes[row >> 3] |= marks[row] << (row & 7);
    n += marks[row];
  }
  return { bits: toBase64(bytes), n, how, first_id: points.first_id };
}

// "replace", "add" or "remove" what lies inside.
/** @param {Bytes | null} old @param {Bytes} inside @param {Mode} mode @returns {Bytes} */
export function combine(old, inside, mode) {
  if (mode === "replace" || (!old && mode === "add")) return inside;
  if (!old) return new Uint8Array(inside.length);
  return inside.map((mark, row) => (mode === "add" ? old[row] | mark : old[row] & (mark ^ 1)));
}

/** @param {MouseEvent | KeyboardEvent} event @returns {Mode} */
export const modeOf = (event) => (event.altKey ? "remove" : event.shiftKey ? "add" : "replace");

// A lasso or a box while it is drawn, in plane coordinates.
export class Shape {
  /** @param {Tool} tool @param {Point} coords @param {Point} px */
  constructor(tool, coords, px) {
    this.tool = tool;
    this.corners = [coords];
    this.lastPx = px;
  }

  /** @param {Point} coords @param {Point} px */
  moveTo(coords, px) {
    if (this.tool === "box") this.corners[1] = coords;
    else if (distance(px, this.lastPx) >= LASSO_STEP) {
      this.corners.push(coords);
      this.lastPx = px;
    }
  }

  /** @returns {Point[]} */
  get polygon() {
    if (this.tool === "lasso") return this.corners;
    const [[ax, ay], [bx, by] = [ax, ay]] = this.corners;
    return [
      [ax, ay],
      [bx, ay],
      [bx, by],
      [ax, by],
    ];
  }
}
