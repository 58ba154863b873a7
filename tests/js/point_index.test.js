import assert from "node:assert/strict";
import { test } from "node:test";
import { PointIndex } from "../../latent_explorer/components/assets/latent_map/point_index.js";
import { makePoints, makeRandom } from "./payloads.js";

const random = makeRandom(3);
const ROWS = Array.from({ length: 2000 }, (_, i) => {
  const far = i % 100 ? 1 : 6; // some far out
  return /** @type {[number, number, number]} */ ([far * random(), 2 * far * random(), i % 10]);
});
const FIRST = 60_000;
const points = { ...makePoints(ROWS, FIRST), extent: [-1, 1, -2, 2] };
const index = new PointIndex(points);
const places = ROWS.map((_, i) => [
  points.sections.coords[2 * i],
  points.sections.coords[2 * i + 1],
]);

test("the nearest of all, wherever one asks", () => {
  for (let k = 0; k < 400; k++) {
    const [x, y] = [8 * random(), 14 * random()];
    const fars = places.map((place) => Math.hypot(place[0] - x, place[1] - y));
    const least = Math.min(...fars);
    const found = index.nearest([x, y]);
    assert.ok(found);
    assert.ok(Math.abs(found.distance - least) < 1e-6);
    assert.equal(found.id, found.row + FIRST);
    assert.ok(Math.abs(fars[found.row] - least) < 1e-6);
    assert.equal(index.nearest([x, y], least * 0.999), null);
    assert.equal(index.nearest([x, y], least * 1.001)?.row, found.row);
  }
});

test("within a rectangle, and not too many", () => {
  for (let k = 0; k < 100; k++) {
    const [x, y] = [2 * random(), 4 * random()];
    const rectangle = /** @type {[number, number, number, number]} */ ([x, x + 0.7, y, y + 0.9]);
    const inside = places.flatMap(([px, py], i) =>
      px >= x && px <= x + 0.7 && py >= y && py <= y + 0.9 ? [i] : [],
    );
    assert.deepEqual(
      index.inside(rectangle)?.sort((a, b) => a - b),
      inside,
    );
    assert.equal(index.inside(rectangle, inside.length)?.length, inside.length);
    if (inside.length) assert.equal(index.inside(rectangle, inside.length - 1), null);
  }
  const [x, y] = places[5]; // a border counts as inside
  assert.ok(index.inside([x, x, y, y])?.includes(5));
});

test("around a place, along either axis, and how crowded it is", () => {
  for (let k = 0; k < 100; k++) {
    const [x, y] = places[k];
    const reach = k % 2 ? 0 : 0.1;
    const around = places.flatMap(([px, py], i) =>
      Math.abs(px - x) <= reach && Math.abs(py - y) <= reach ? [i] : [],
    );
    assert.ok(around.includes(k));
    assert.deepEqual(index.around([x, y], reach), around);
    // cells are counted whole
    const [left, right] = [index.column(x - reach), index.column(x + reach)];
    const [low, high] = [index.row(y - reach), index.row(y + reach)];
    const crowd = places.filter(([px, py]) => {
      const [column, row] = [index.column(px), index.row(py)];
      return column >= left && column <= right && row >= low && row <= high;
    });
    assert.equal(index.crowd([x - reach, x + reach, y - reach, y + reach]), crowd.length);
  }
  assert.equal(index.crowd([-9, 9, -19, 19]), ROWS.length);
  const same = new PointIndex(makePoints(Array.from({ length: 500 }, () => [1, 2, 0])));
  assert.equal(same.around([1, 2], 0).length, 500); // a collapsed map is one pile
});

test("within a polygon, even-odd", () => {
  const star = Array.from({ length: 5 }, (_, k) => {
    const angle = (4 * Math.PI * k) / 5 + 0.1;
    return /** @type {[number, number]} */ ([1.2 * Math.cos(angle), 1.8 * Math.sin(angle)]);
  });
  const isInside = (/** @type {number[]} */ [x, y]) => {
    let crossings = 0;
    star.forEach(([ax, ay], i) => {
      const [bx, by] = star[(i + 1) % star.length];
      if (ay > y !== by > y && x < ax + ((bx - ax) * (y - ay)) / (by - ay)) crossings++;
    });
    return crossings % 2;
  };
  const marks = index.insidePolygon(star);
  assert.deepEqual([...marks], places.map(isInside));
  const n = marks.reduce((sum, mark) => sum + mark, 0);
  assert.ok(n > 100 && n < 1900);
  assert.equal(index.insidePolygon(star.slice(0, 2)).some(Boolean), false);
  assert.equal(index.insidePolygon(star.slice(0, 3)).some(Boolean), true);
});

test("the bounds hold what lies far out, and every digit is in order once", () => {
  const xs = places.map(([x]) => x);
  const ys = places.map(([, y]) => y);
  assert.deepEqual(index.bounds, [
    Math.min(...xs),
    Math.max(...xs),
    Math.min(...ys),
    Math.max(...ys),
  ]);
  assert.deepEqual(
    [...index.order].sort((a, b) => a - b),
    ROWS.map((_, i) => i),
  );
  assert.equal(index.nearest([0, 0])?.row, new PointIndex(points).nearest([0, 0])?.row);
  assert.ok(index.side > 20); // some three digits a cell
});

test("a cloud of one", () => {
  const one = new PointIndex(makePoints([[2, 3, 1]], 5));
  assert.deepEqual(one.nearest([2, 4]), { id: 5, row: 0, distance: 1 });
});
