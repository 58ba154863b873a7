import assert from "node:assert/strict";
import { test } from "node:test";
import {
  clamp,
  distance,
  ellipseOf,
  latentAt,
  overlapOf,
  placeOf,
  quantile,
  ticks,
} from "../../latent_explorer/components/assets/latent_map/geometry.js";
import { alongWay, evenSteps } from "../../latent_explorer/components/assets/latent_map/way.js";
import {
  moveDots,
  nearestDot,
  discOffsets,
  paintDots,
} from "../../latent_explorer/components/assets/shared/dots.js";

const near = (/** @type {number} */ a, /** @type {number} */ b) =>
  assert.ok(Math.abs(a - b) < 1e-9, `${a} ${b}`);

test("clamp and distance", () => {
  assert.deepEqual([clamp(3, 0, 2), clamp(-1, 0, 2), clamp(1, 0, 2)], [2, 0, 1]);
  assert.equal(distance([1, 2], [4, 6]), 5);
});

test("ticks are round, far enough apart, and name the origin", () => {
  const found = ticks(-1.1, 1.1, 0.4);
  assert.deepEqual(
    found.map(({ text }) => text),
    ["\u22121.0", "\u22120.5", "0.0", "0.5", "1.0"],
  );
  assert.deepEqual(
    found.map(({ isOrigin }) => isOrigin),
    [false, false, true, false, false],
  );
  const step = (/** @type {number} */ spacing) => {
    const [a, b] = ticks(0, 100, spacing);
    return b.value - a.value;
  };
  assert.deepEqual([0.9, 1, 1.1, 2, 2.1, 5, 5.1, 10].map(step), [1, 1, 2, 2, 5, 5, 10, 10]);
  assert.deepEqual(
    ticks(0, 2, 1).map(({ value }) => value),
    [0, 1, 2],
  );
  assert.equal(ticks(0, 0.2, 0.1)[1].text, "0.1");
  assert.equal(ticks(0, 40, 20)[1].text, "20");
});

test("overlap of rectangles", () => {
  near(overlapOf([0, 2, 0, 2], [1, 3, 0, 2]), 1 / 3);
  near(overlapOf([0, 2, 0, 2], [0, 2, 0, 2]), 1);
  near(overlapOf([0, 1, 0, 1], [2, 3, 2, 3]), 0);
  near(overlapOf([0, 2, 0, 1], [0, 1, -1, 3]), 1 / 5);
});

test("the ellipse of a covariance", () => {
  const { major, minor, angle } = ellipseOf([
    [5, 2],
    [2, 2],
  ]);
  near(major ** 2, 6);
  near(minor ** 2, 1);
  near(Math.tan(angle), 1 / 2); // the axis (2, 1)
  near(
    ellipseOf([
      [1, 1],
      [1, 1],
    ]).minor,
    0,
  );
});

test("quantiles", () => {
  assert.equal(quantile([3, 1, 2], 0.5), 2);
  assert.deepEqual([quantile([3, 1, 2], 0), quantile([3, 1, 2], 1)], [1, 3]);
});

test("a plane in latent space and back", () => {
  const s = Math.SQRT1_2;
  const plane = {
    center: [1, 2, 3],
    axes: /** @type {[number, number][]} */ ([
      [1, 0],
      [0, s],
      [0, s],
    ]),
  };
  const z = latentAt(plane, [2, 4]);
  [3, 2 + 4 * s, 3 + 4 * s].forEach((v, d) => near(z[d], v));
  placeOf(plane, z).forEach((v, axis) => near(v, [2, 4][axis]));
});

test("steps of a walk: equal lengths round its corners", () => {
  const steps = evenSteps(
    [
      [0, 0],
      [3, 0],
      [3, 1],
    ],
    5,
  );
  assert.deepEqual(steps, [
    [0, 0],
    [1, 0],
    [2, 0],
    [3, 0],
    [3, 1],
  ]);
  assert.deepEqual(
    evenSteps(
      [
        [0, 0],
        [0, 0],
        [0, 2],
      ],
      3,
    ),
    [
      [0, 0],
      [0, 1],
      [0, 2],
    ],
  );
  assert.deepEqual(
    evenSteps(
      [
        [1, 1],
        [1, 1],
      ],
      2,
    ),
    [
      [1, 1],
      [1, 1],
    ],
  );
});

test("a place at a step, or between two", () => {
  const way = [
    [0, 0],
    [2, 4],
    [4, 4],
  ];
  assert.deepEqual(alongWay(way, 0.5), [1, 2]);
  assert.deepEqual(alongWay(way, 1.25), [2.5, 4]);
  assert.deepEqual(alongWay(way, 2), [4, 4]);
});

test("dots that move are exact at both ends", () => {
  const [start, end] = [Float32Array.of(0.1, 2), Float32Array.of(0.7, -4)];
  const at = new Float32Array(2);
  moveDots(start, end, 0, at);
  assert.deepEqual(at, start);
  moveDots(start, end, 1, at);
  assert.deepEqual(at, end);
  moveDots(start, end, 0.25, at);
  near(at[1], 0.5);
});

test("the dot under the pointer", () => {
  const coords = Float32Array.of(0, 0, 1, 0.5);
  assert.equal(nearestDot(coords, [50, 50], 100, 20), 0); // the middle
  assert.equal(nearestDot(coords, [70, 40], 100, 20), 1); // right and up
  assert.equal(nearestDot(coords, [70, 48.5], 100, 20), 1);
  assert.equal(nearestDot(coords, [70, 49.5], 100, 20), -1); // farther than 9 px
});

test("dots as pixels, none across the border", () => {
  assert.deepEqual(discOffsets(1, 10), [-10, -1, 0, 1, 10]);
  assert.equal(discOffsets(1.5, 10).length, 9);
  const image = /** @type {any} */ ({ width: 21, data: { buffer: new ArrayBuffer(4 * 21 * 21) } });
  paintDots(
    image,
    Float32Array.of(0.05, 0, -0.5, 0.5, 1, 0),
    Uint8Array.of(0, 1, 1),
    [7, 8],
    10,
    1,
  );
  const pixels = new Uint32Array(image.data.buffer);
  assert.equal(pixels.filter((v) => v === 7).length, 9);
  assert.equal(pixels.filter((v) => v === 8).length, 9); // the third would reach beyond
  assert.equal(pixels[6 * 21 + 6], 8); // left of the middle, and above it
  assert.equal(pixels[11 * 21 + 11], 7);
});
