// Where the names of classes go among moving points.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  areClear,
  medianPlace,
  movedApart,
  someOfEach,
} from "../../latent_explorer/components/assets/shared/dots.js";

test("some points of each class, evenly through the data", () => {
  const labels = Uint8Array.from({ length: 3000 }, (_, row) => row % 3);
  const rows = someOfEach(labels);
  assert.equal(rows.length, 10);
  assert.deepEqual(
    rows.map((some) => some.length),
    [201, 201, 201, 0, 0, 0, 0, 0, 0, 0],
  );
  rows.forEach((some, label) => assert.ok(some.every((row) => labels[row] === label)));
  assert.ok(rows[1][0] === 1 && rows[1][200] > 2900); // from the first to the last
  assert.equal(new Set(rows[1]).size, 201);
  assert.deepEqual(someOfEach(Uint8Array.from([4, 4]))[4], [0, 1]);
});

test("the median place is by each axis, and of the rows alone", () => {
  const coords = Float32Array.from([0, 9, 1, -2, 5, 4, 100, 100]);
  assert.deepEqual(medianPlace(coords, [0, 1, 2]), [1, 4]);
});

test("names move out of one another's way, but not far", () => {
  /** @type {[number, number][]} */
  const places = [
    [0, 0],
    [5, 0],
    [0, 0],
    [100, 0],
    [NaN, NaN],
  ];
  const moved = movedApart(places, 15, 12);
  assert.ok(areClear(moved, 13).every(Boolean));
  assert.deepEqual(moved[3], [100, 0]); // there was nothing to move it
  moved.slice(0, 3).forEach(([x, y], i) => {
    assert.ok(Math.hypot(x - places[i][0], y - places[i][1]) <= 12 + 1e-9);
  });
  // A heap has no room for them all.
  const heap = movedApart(
    Array.from({ length: 10 }, () => /** @type {[number, number]} */ ([0, 0])),
    15,
    12,
  );
  assert.ok(!areClear(heap, 13).every(Boolean));
});

test("names are written where they are clear of all others", () => {
  assert.deepEqual(
    areClear(
      [
        [0, 0],
        [10, 0],
        [100, 0],
      ],
      15,
    ),
    [false, false, true],
  );
  assert.deepEqual(
    areClear(
      [
        [0, 0],
        [NaN, NaN],
      ],
      15,
    ),
    [true, true],
  ); // a class without points
});
