// Many points of a square about the origin, drawn straight into pixels, and the one pointed at.

/** @import {Floats, Point} from "./types.d.ts" */

const RADIUS = 1.5; // css px
const ROUNDS = 12; // of moving names apart: more changes nothing to be seen
const VOTERS = 201; // points of a class that say where its middle is: sorted in each frame
const NEAR = 9; // css px from the pointer within which a point is meant
const TIP = { gap: 10, edge: 4, above: 40 }; // css px; with less room above, a tip hangs below

// Where a disc's pixels lie in a picture of this width, from its middle on.
/** @param {number} radius @param {number} width */
export function discOffsets(radius, width) {
  const offsets = [];
  const reach = Math.ceil(radius);
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      if (x * x + y * y <= radius * radius) offsets.push(y * width + x);
    }
  }
  return offsets;
}

// Fills a square picture with a dot per point; `scale` is css px per unit, `ratio` px per css px.
// Dots that would cross the border are left out.
/**
 * @param {ImageData} image @param {Floats} coords @param {Uint8Array} labels
 * @param {number[]} colours of each label, as pixels @param {number} scale @param {number} ratio
 */
export function paintDots(image, coords, labels, colours, scale, ratio) {
  const side = image.width;
  const buffer = new Uint32Array(image.data.buffer);
  buffer.fill(0);
  const step = scale * ratio;
  const offsets = discOffsets(RADIUS * ratio, side);
  const margin = Math.ceil(RADIUS * ratio);
  for (let i = 0; i < labels.length; i++) {
    const x = Math.round(side / 2 + coords[2 * i] * step);
    const y = Math.round(side / 2 - coords[2 * i + 1] * step);
    if (x < margin || y < margin || x >= side - margin || y >= side - margin) continue;
    const colour = colours[labels[i]];
    const place = y * side + x;
    for (const offset of offsets) buffer[place + offset] = colour;
  }
}

// The row of the point within reach of a place on screen, -1 if there is none.
/** @param {Floats} coords @param {Point} place @param {number} side @param {number} scale */
export function nearestDot(coords, [left, top], side, scale) {
  const [x, y] = [(left - side / 2) / scale, (side / 2 - top) / scale];
  let [best, least] = [-1, (NEAR / scale) ** 2];
  for (let row = 0; 2 * row < coords.length; row++) {
    const square = (coords[2 * row] - x) ** 2 + (coords[2 * row + 1] - y) ** 2;
    if (square < least) [best, least] = [row, square];
  }
  return best;
}

// Some points of each class, evenly through the data; none of a class that has none.
/** @param {Uint8Array} labels */
export function someOfEach(labels) {
  /** @type {number[][]} */
  const rows = Array.from({ length: 10 }, () => []);
  labels.forEach((label, row) => rows[label].push(row));
  return rows.map((all) => {
    const step = Math.max(1, all.length / VOTERS);
    return Array.from(
      { length: Math.min(all.length, VOTERS) },
      (_, i) => all[Math.floor(i * step)],
    );
  });
}

// The median place of some points, by each axis.
/** @param {Floats} coords @param {number[]} rows @returns {Point} */
export function medianPlace(coords, rows) {
  const [x, y] = [0, 1].map((axis) => {
    const values = Float32Array.from(rows, (row) => coords[2 * row + axis]).sort();
    return values[values.length >> 1];
  });
  return [x, y];
}

// Moves places that are too near to one another apart, each by `most` at the most.
/** @param {Point[]} places @param {number} apart @param {number} most @returns {Point[]} */
export function movedApart(places, apart, most) {
  const moved = places.map(([x, y]) => /** @type {Point} */ ([x, y]));
  for (let round = 0; round < ROUNDS; round++) {
    moved.forEach(([x, y], i) => {
      for (let j = 0; j < i; j++) {
        const [u, v] = moved[j];
        const away = Math.hypot(x - u, y - v);
        if (!(away < apart)) continue;
        // out of one spot in a direction of its own
        const [dx, dy] = away ? [(x - u) / away, (y - v) / away] : [Math.cos(i), Math.sin(i)];
        const step = (apart - away) / 2;
        moved[i] = near(places[i], [moved[i][0] + dx * step, moved[i][1] + dy * step], most);
        moved[j] = near(places[j], [u - dx * step, v - dy * step], most);
      }
    });
  }
  return moved;
}

// A place, or where it is cut off at a distance from another.
/** @param {Point} from @param {Point} to @param {number} most @returns {Point} */
function near([x, y], [u, v], most) {
  const away = Math.hypot(u - x, v - y);
  return away > most ? [x + ((u - x) / away) * most, y + ((v - y) / away) * most] : [u, v];
}

// Whether each of some places is clear of all others, so that a name there can be read.
/** @param {Point[]} places @param {number} apart */
export function areClear(places, apart) {
  return places.map(([x, y], i) =>
    places.every(([u, v], j) => i === j || !(Math.hypot(x - u, y - v) < apart)),
  );
}

// All points on their straight way from `start` to `end`; exact at both ends, where one weight is 0
// and the other 1.
/** @param {Floats} start @param {Floats} end @param {number} share @param {Floats} at written to */
export function moveDots(start, end, share, at) {
  const rest = 1 - share;
  for (let i = 0; i < at.length; i++) at[i] = start[i] * rest + end[i] * share;
}

// Puts a tip beside a place, within a square of this side.
/** @param {HTMLElement} tip @param {Point} place @param {number} side */
export function placeTip(tip, [x, y], side) {
  const left = Math.min(x + TIP.gap, side - tip.offsetWidth - TIP.edge);
  tip.style.left = `${Math.max(TIP.edge, left)}px`;
  tip.style.top = `${y > TIP.above ? y - 36 : y + 12}px`;
}
