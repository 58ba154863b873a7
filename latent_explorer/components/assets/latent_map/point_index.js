// The digits of a map sorted into the cells of a grid: what lies near, in a rectangle, in a lasso.

import { clamp } from "./geometry.js";

/** @import {Point, PointsPayload, Rectangle} from "./types.d.ts" */

const PER_CELL = 3; // digits, on average

export class PointIndex {
  /** @param {PointsPayload} points */
  constructor({ n, first_id: firstId, extent, sections: { coords, labels } }) {
    const [x0, x1, y0, y1] = extent;
    this.n = n;
    this.firstId = firstId;
    this.coords = coords;
    this.labels = labels;
    this.side = clamp(Math.round(Math.sqrt(n / PER_CELL)), 4, 160);
    this.left = x0;
    this.bottom = y0;
    this.cell = Math.max((x1 - x0) / this.side, (y1 - y0) / this.side) || 1;
    this.starts = new Uint32Array(this.side * this.side + 1);
    this.bounds = /** @type {Rectangle} */ ([Infinity, -Infinity, Infinity, -Infinity]);
    this.order = new Uint32Array(n); // place in the sorted order -> row of the payload
    this.sorted = new Float32Array(2 * n);
    this.sort();
  }

  // Codes beyond the extent belong to the cells along its border.
  column = (/** @type {number} */ x) =>
    clamp(Math.floor((x - this.left) / this.cell), 0, this.side - 1);
  row = (/** @type {number} */ y) =>
    clamp(Math.floor((y - this.bottom) / this.cell), 0, this.side - 1);

  sort() {
    const { n, side, coords } = this;
    const cellOf = new Uint16Array(n);
    for (let i = 0; i < n; i++) {
      cellOf[i] = this.row(coords[2 * i + 1]) * side + this.column(coords[2 * i]);
      this.starts[cellOf[i] + 1]++;
    }
    for (let c = 0; c < side * side; c++) this.starts[c + 1] += this.starts[c];
    for (let i = 0; i < 2 * n; i++) {
      const axis = 2 * (i & 1);
      if (coords[i] < this.bounds[axis]) this.bounds[axis] = coords[i];
      if (coords[i] > this.bounds[axis + 1]) this.bounds[axis + 1] = coords[i];
    }
    const next = this.starts.slice();
    for (let i = 0; i < n; i++) {
      const at = next[cellOf[i]]++;
      this.order[at] = i;
      this.sorted[2 * at] = coords[2 * i];
      this.sorted[2 * at + 1] = coords[2 * i + 1];
    }
  }

  // Calls visit(from, to), a range of the sorted order, for each row of cells of a rectangle.
  /** @param {Rectangle} rectangle @param {(from: number, to: number) => void} visit */
  eachRange([x0, x1, y0, y1], visit) {
    const [first, last] = [this.column(x0), this.column(x1)];
    for (let row = this.row(y0); row <= this.row(y1); row++) {
      const from = this.starts[row * this.side + first];
      const to = this.starts[row * this.side + last + 1];
      if (from < to) visit(from, to);
    }
  }

  // About how many digits lie in a rectangle: those of all cells that it touches.
  /** @param {Rectangle} rectangle */
  crowd(rectangle) {
    let sum = 0;
    this.eachRange(rectangle, (from, to) => {
      sum += to - from;
    });
    return sum;
  }

  // Rows of the payload in a rectangle; null if there are more than `most`.
  /** @param {Rectangle} rectangle */
  inside(rectangle, most = Infinity) {
    const [x0, x1, y0, y1] = rectangle;
    /** @type {number[]} */
    const found = [];
    this.eachRange(rectangle, (from, to) => {
      for (let k = from; k < to && found.length <= most; k++) {
        const [x, y] = [this.sorted[2 * k], this.sorted[2 * k + 1]];
        if (x >= x0 && x <= x1 && y >= y0 && y <= y1) found.push(this.order[k]);
      }
    });
    return found.length > most ? null : found;
  }

  // Rows, ascending, of what lies no farther from a place than `reach` along either axis.
  /** @param {Point} place @param {number} reach */
  around([x, y], reach) {
    const found = this.inside([x - reach, x + reach, y - reach, y + reach]) ?? [];
    return found.sort((a, b) => a - b);
  }

  // The digit nearest to a place, ring of cells by ring: { id, row, distance } within `reach`.
  /** @param {Point} place */
  nearest([x, y], reach = Infinity) {
    const { side, cell, starts, sorted } = this;
    const [column, row] = [this.column(x), this.row(y)];
    let best = reach * reach;
    let found = -1;
    const scan = (/** @type {number} */ from, /** @type {number} */ to) => {
      for (let k = from; k < to; k++) {
        const dx = sorted[2 * k] - x;
        const dy = sorted[2 * k + 1] - y;
        const square = dx * dx + dy * dy;
        if (square <= best) {
          best = square;
          found = k;
        }
      }
    };
    for (let ring = 0; ring < side; ring++) {
      const [first, last] = [Math.max(0, column - ring), Math.min(side - 1, column + ring)];
      for (let r = Math.max(0, row - ring); r <= Math.min(side - 1, row + ring); r++) {
        const at = r * side;
        if (Math.abs(r - row) === ring) scan(starts[at + first], starts[at + last + 1]);
        else {
          if (column - ring >= 0) scan(starts[at + column - ring], starts[at + column - ring + 1]);
          if (column + ring < side) {
            scan(starts[at + column + ring], starts[at + column + ring + 1]);
          }
        }
      }
      if (best <= (ring * cell) ** 2) break; // whatever lies further out is further away
    }
    if (found < 0) return null;
    const nearest = this.order[found];
    return { id: nearest + this.firstId, row: nearest, distance: Math.sqrt(best) };
  }

  // Marks, with 1, the digits inside a polygon (even-odd) of plane coordinates.
  /** @param {Point[]} polygon */
  insidePolygon(polygon) {
    const marks = new Uint8Array(this.n);
    if (polygon.length < 3) return marks;
    /** @type {number[][]} */
    const edges = Array.from({ length: this.side }, () => []); // by the rows of cells they meet
    polygon.forEach(([ax, ay], i) => {
      const [bx, by] = polygon[(i + 1) % polygon.length];
      const last = this.row(Math.max(ay, by));
      for (let row = this.row(Math.min(ay, by)); row <= last; row++) {
        edges[row].push(ax, ay, bx, by);
      }
    });
    const xs = polygon.map(([x]) => x);
    const [first, last] = [this.column(Math.min(...xs)), this.column(Math.max(...xs))];
    edges.forEach((list, row) => {
      if (!list.length) return;
      const flat = Float64Array.from(list);
      const end = this.starts[row * this.side + last + 1];
      for (let k = this.starts[row * this.side + first]; k < end; k++) {
        const x = this.sorted[2 * k];
        const y = this.sorted[2 * k + 1];
        let isInside = 0;
        for (let e = 0; e < flat.length; e += 4) {
          const ay = flat[e + 1];
          const by = flat[e + 3];
          if (ay > y !== by > y) {
            const crossing = ((flat[e + 2] - flat[e]) * (y - ay)) / (by - ay) + flat[e];
            if (x < crossing) isInside ^= 1;
          }
        }
        marks[this.order[k]] = isInside;
      }
    });
    return marks;
  }
}
