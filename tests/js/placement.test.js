import assert from "node:assert/strict";
import { test } from "node:test";
import {
  besidePlace,
  docked,
} from "../../latent_explorer/components/assets/latent_map/placement.js";

/** @import {Point, Size} from "../../latent_explorer/components/assets/latent_map/types.d.ts" */

const MARGIN = 8;
// [map's width, height, width of the toolbar's column, card's width, height]: as at windows of
// 1920, 1366, 1024, 820 and 390 px, by mouse and by finger; beside the sidebar two maps are narrow.
const SIZES = [
  [940, 936, 44, 278, 180],
  [610, 610, 44, 278, 180],
  [514, 514, 44, 240, 136],
  [485, 485, 44, 260, 140],
  [396, 396, 44, 240, 136],
  [333, 333, 44, 240, 136],
  [314, 320, 44, 122, 228],
  [269, 320, 44, 122, 150],
  [212, 320, 44, 122, 150],
  [358, 358, 46, 240, 140],
];
const rooms = SIZES.map(([width, height, bar, wide, high]) => ({
  room: { width, height, right: width - bar, bottom: height - 60 },
  card: { width: wide, height: high },
}));

/** @param {Point} at @param {Point} corner @param {Size} card */
const covers = ([x, y], [left, top], { width, height }) =>
  x >= left && x <= left + width && y >= top && y <= top + height;

test("the lens lies within the map, clear of the toolbar, and not over its place", () => {
  for (const { room, card } of rooms) {
    for (let x = 0; x <= room.width; x += 2) {
      for (let y = 0; y <= room.height; y += 2) {
        for (const isTouch of [false, true]) {
          const corner = besidePlace([x, y], card, room, isTouch);
          const [left, top] = corner;
          const isWithin =
            left >= MARGIN &&
            top >= MARGIN &&
            left + card.width + MARGIN <= room.right &&
            top + card.height + MARGIN <= room.height;
          if (isWithin && !covers([x, y], corner, card)) continue;
          assert.fail(JSON.stringify({ room, card, x, y, isTouch, corner }));
        }
      }
    }
  }
});

test("right of a pointer and below it, above a finger", () => {
  const [{ room, card }] = rooms;
  assert.deepEqual(besidePlace([100, 200], card, room, false), [120, 220]);
  assert.deepEqual(besidePlace([800, 200], card, room, false), [610, 220]); // slides along
  assert.deepEqual(besidePlace([890, 900], card, room, false), [592, 748]); // then changes sides
  assert.deepEqual(besidePlace([400, 500], card, room, true), [400 - 139, 500 - 44 - 180]);
  assert.deepEqual(besidePlace([400, 100], card, room, true), [444, 8]); // no room above it
});

test("a card that is larger than its room stays at the room's start", () => {
  const room = { width: 200, height: 100, right: 150, bottom: 100 };
  const card = { width: 300, height: 300 };
  assert.deepEqual(besidePlace([100, 50], card, room, false), [8, 8]);
  assert.deepEqual(
    docked([100, 50], card, room, () => 0, null),
    [8, 8],
  );
});

test("a docked lens takes the emptiest corner that the pin is not in", () => {
  for (const { room, card } of rooms) {
    for (let x = 0; x <= room.width; x += 7) {
      for (let y = 0; y <= room.height; y += 7) {
        const corner = docked([x, y], card, room, ([left, top]) => left + 2 * top, null);
        const [left, top] = corner;
        assert.ok(left >= MARGIN && left + card.width + MARGIN <= room.right);
        assert.ok(top >= MARGIN && top + card.height + MARGIN <= Math.max(room.bottom, top));
        if (room.width > 480) assert.ok(!covers([x, y], corner, card), `${x}, ${y}`);
      }
    }
  }
  const [{ room, card }] = rooms;
  const right = room.right - MARGIN - card.width;
  const low = room.bottom - MARGIN - card.height;
  const crowd = (/** @type {number[]} */ [left, top]) =>
    ({ "8,8": 5, [`${right},8`]: 40, [`8,${low}`]: 4, [`${right},${low}`]: 90 })[
      `${left},${top}`
    ] ?? NaN;
  const middle = /** @type {Point} */ ([450, 400]);
  assert.deepEqual(docked(middle, card, room, crowd, null), [8, low]);
  assert.deepEqual(docked([20, low + 9], card, room, crowd, null), [8, 8]);
  assert.deepEqual(docked(middle, card, room, crowd, [8, 8]), [8, 8]); // stays: hardly worse
  assert.deepEqual(docked(middle, card, room, crowd, [right, 8]), [8, low]); // much worse
});
