// Where the names of classes go among moving points.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  areClear,
  medianPlace,
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
