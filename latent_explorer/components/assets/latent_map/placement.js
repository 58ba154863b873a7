// Where the lens's card lies on the map: pure arithmetic of boxes, in css px.

import { clamp } from "./geometry.js";

/** @import {Point, Size} from "./types.d.ts" */
/** @typedef {{ width: number, height: number, right: number, bottom: number }} Room of the map:
 *   its size; the left edge of the toolbar's column; the top of what lies along its lower edge */
/** @typedef {[left: number, top: number, right: number, bottom: number]} Box */

const MARGIN = 8; // between the card and whatever bounds its room
/** @type {Record<string, number>} */
const GAP = { mouse: 20, touch: 44 }; // from what the card is about: a finger hides more
const STAY = 2; // times the least crowd: a docked card moves for nothing less

// The card's left edge, or its top, from the first to the last that fit; a card that is too large
// for its room stays at the start of it.
/** @param {number} size @param {number} end @returns {[number, number]} */
const span = (size, end) => [MARGIN, Math.max(MARGIN, end - MARGIN - size)];

// How far a place lies outside a card, along that axis along which it is farther; negative inside.
/** @param {Point} at @param {Point} corner @param {Size} card */
function clearance([x, y], [left, top], { width, height }) {
  const across = Math.max(left - x, x - left - width);
  const down = Math.max(top - y, y - top - height);
  return Math.max(across, down);
}

// Of several corners the first that leaves the gap free round a place, else the one farthest away.
/** @param {Point} at @param {Size} card @param {Point[]} corners @param {number} gap */
function firstClear(at, card, corners, gap) {
  const far = corners.map((corner) => clearance(at, corner, card));
  const clear = far.findIndex((each) => each > gap - 1); // corners are whole px
  return corners[clear >= 0 ? clear : far.indexOf(Math.max(...far))];
}

// Beside the place that the card is about, never over it if there is room: right of and below a
// pointer, above a finger. It slides along the borders of its room before it changes sides.
/** @param {Point} at @param {Size} card @param {Room} room @param {boolean} isTouch @returns {Point} */
export function besidePlace(at, card, room, isTouch) {
  const gap = isTouch ? GAP.touch : GAP.mouse;
  const [x, y] = at;
  const [columns, rows] = [span(card.width, room.right), span(card.height, room.height)];
  /** @param {number} left @param {number} top @returns {Point} */
  const within = (left, top) => [
    Math.round(clamp(left, ...columns)),
    Math.round(clamp(top, ...rows)),
  ];
  const [before, after] = [x - gap - card.width, x + gap];
  const [above, below] = [y - gap - card.height, y + gap];
  const over = x - card.width / 2; // straight above or below the place
  const [far, near] = x > room.right / 2 ? [before, after] : [after, before];
  const corners = isTouch
    ? [within(over, above), within(far, above), within(near, above), within(over, below)]
    : [within(after, below), within(before, below), within(after, above), within(before, above)];
  return firstClear(at, card, corners, gap);
}

// In that corner of the map where the card covers the fewest digits, and not the pin. It stays
// where it was, `last`, unless that has become much worse than another corner.
/**
 * @param {Point} pin @param {Size} card @param {Room} room
 * @param {(box: Box) => number} crowd how many digits lie in a box
 * @param {Point | null} last
 * @returns {Point}
 */
export function docked(pin, card, room, crowd, last) {
  const [columns, rows] = [span(card.width, room.right), span(card.height, room.bottom)];
  const corners = rows.flatMap((top) =>
    columns.map((left) => /** @type {Point} */ ([Math.round(left), Math.round(top)])),
  );
  const clear = corners.filter((corner) => clearance(pin, corner, card) >= MARGIN);
  if (!clear.length) return firstClear(pin, card, corners, MARGIN);
  const crowds = clear.map(([left, top]) =>
    crowd([left, top, left + card.width, top + card.height]),
  );
  const least = Math.min(...crowds);
  const kept = clear.findIndex(([left, top]) => last?.[0] === left && last[1] === top);
  return clear[kept >= 0 && crowds[kept] <= STAY * least ? kept : crowds.indexOf(least)];
}
