import assert from "node:assert/strict";
import { test } from "node:test";
import { rowAt } from "../../latent_explorer/components/assets/latent_map/pointing.js";

/** @import {Point} from "../../latent_explorer/components/assets/latent_map/types.d.ts" */
/** @import {Thumbnail} from "../../latent_explorer/components/assets/latent_map/overlay.js" */

const DOTS = /** @type {Point[]} */ ([
  [100, 100],
  [130, 100],
]);
const RADIUS = 2;

/** @param {Point} px @param {string} pointer @param {object} [changes] */
const at = (px, pointer, changes) =>
  rowAt(px, pointer, {
    thumbnails: null,
    side: 28,
    radius: RADIUS,
    nearest: (reach) => {
      const far = DOTS.map(([x, y]) => Math.hypot(x - px[0], y - px[1]));
      const least = Math.min(...far);
      return least <= reach ? far.indexOf(least) : null;
    },
    ...changes,
  });

test("a digit is meant on its dot alone, with a little for the hand that points", () => {
  const reach = { mouse: 4, pen: 6, touch: 11, keys: 7 };
  for (const [pointer, most] of Object.entries(reach)) {
    for (let away = 0; away <= 15; away += 0.5) {
      assert.equal(at([100 - away, 100], pointer), away <= most ? 0 : null, `${pointer} ${away}`);
    }
  }
  assert.equal(at([104.5, 100], "unheard of"), null); // as a mouse
  assert.equal(at([117, 100], "mouse"), null);
  assert.equal(at([120, 100], "touch"), 1); // the nearer one
});

test("the larger the dot, the farther it reaches", () => {
  assert.equal(at([94, 100], "mouse"), null);
  assert.equal(at([94, 100], "mouse", { radius: 5.5 }), 0);
});

test("a thumbnail is its digit, all over and no farther; it covers the dots below it", () => {
  const thumbnails = /** @type {Thumbnail[]} */ ([[7, 90, 90]]);
  for (let x = 85; x < 125; x++) {
    const expected = x >= 90 && x < 118 ? 7 : null;
    assert.equal(at([x, 112], "touch", { thumbnails, radius: null }), expected);
  }
  assert.equal(at([100, 100], "mouse", { thumbnails }), 7);
  assert.equal(at([130, 100], "mouse", { thumbnails }), 1);
});

test("where no dots are drawn there is none to point at", () => {
  assert.equal(at([100, 100], "mouse", { radius: null }), null);
});
