import assert from "node:assert/strict";
import { test } from "node:test";
import {
  combine,
  marksFrom,
  messageOf,
  modeOf,
  Shape,
} from "../../latent_explorer/components/assets/latent_map/selection.js";
import { toBase64 } from "../../latent_explorer/components/assets/shared/bytes.js";

const points = { n: 20, first_id: 100 };
const marksOf = (/** @type {number[]} */ ...rows) =>
  Uint8Array.from({ length: 20 }, (_, i) => Number(rows.includes(i)));

test("a selection goes to Python and comes back", () => {
  const marks = marksOf(0, 7, 8, 19);
  const message = messageOf(marks, points, "lasso");
  assert.deepEqual(
    { ...message, bits: [...atob(message.bits)].map((c) => c.charCodeAt(0)) },
    {
      bits: [0b10000001, 1, 0b1000],
      n: 4,
      how: "lasso",
      first_id: 100,
    },
  );
  assert.deepEqual(marksFrom(message, points), marks);
});

test("digits of another split are left out", () => {
  const selected = { first_id: 98, bits: toBase64(Uint8Array.of(0b1111)) }; // 98 to 101
  assert.deepEqual(marksFrom(selected, points), marksOf(0, 1));
  assert.equal(marksFrom({ ...selected, first_id: 300 }, points), null);
  assert.equal(marksFrom({ ...selected, first_id: 90 }, points), null);
  assert.equal(marksFrom(null, points), null);
  const edge = { first_id: 93, bits: toBase64(Uint8Array.of(128)) }; // 100 alone
  assert.deepEqual(marksFrom(edge, points), marksOf(0));
});

test("many bytes at once", () => {
  const n = 70_000;
  const marks = new Uint8Array(n).map((_, i) => Number(i % 3 === 0));
  assert.deepEqual(
    marksFrom(messageOf(marks, { n, first_id: 0 }, "box"), { n, first_id: 0 }),
    marks,
  );
});

test("replaces, adds, removes", () => {
  const [old, inside] = [marksOf(1, 2), marksOf(2, 3)];
  assert.deepEqual(combine(old, inside, "replace"), inside);
  assert.deepEqual(combine(old, inside, "add"), marksOf(1, 2, 3));
  assert.deepEqual(combine(old, inside, "remove"), marksOf(1));
  assert.deepEqual(combine(null, inside, "add"), inside);
  assert.deepEqual(combine(null, inside, "remove"), marksOf());
  const keys = (/** @type {object} */ event) => modeOf(/** @type {any} */ (event));
  assert.deepEqual([{}, { shiftKey: true }, { altKey: true, shiftKey: true }].map(keys), [
    "replace",
    "add",
    "remove",
  ]);
});

test("a box has two corners, a lasso one every two pixels", () => {
  const box = new Shape("box", [0, 0], [0, 0]);
  assert.deepEqual(box.polygon, [
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
  box.moveTo([1, 1], [1, 1]);
  box.moveTo([2, 3], [9, 9]);
  assert.deepEqual(box.polygon, [
    [0, 0],
    [2, 0],
    [2, 3],
    [0, 3],
  ]);
  const lasso = new Shape("lasso", [0, 0], [0, 0]);
  lasso.moveTo([1, 0], [1, 0]);
  lasso.moveTo([2, 0], [2, 0]);
  lasso.moveTo([3, 0], [3, 0]);
  lasso.moveTo([4, 0], [4, 0]);
  assert.deepEqual(lasso.polygon, [
    [0, 0],
    [2, 0],
    [4, 0],
  ]);
});
