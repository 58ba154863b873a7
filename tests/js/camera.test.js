import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Camera } from "../../latent_explorer/components/assets/latent_map/camera.js";

/** @typedef {[number, number, number, number]} Rectangle */

const near = (/** @type {number} */ a, /** @type {number} */ b) =>
  assert.ok(Math.abs(a - b) < 1e-9, `${a} ${b}`);
const points = (/** @type {string} */ id, /** @type {Rectangle} */ extent, bounds = extent) => ({
  id,
  extent,
  index: { bounds },
});
let isStill = false;
Object.assign(globalThis, { matchMedia: () => ({ matches: isStill }) });

/** @type {Camera} */
let camera;
beforeEach(() => {
  isStill = false;
  camera = new Camera();
  camera.resize({ width: 800, height: 400 });
  camera.aim(points("a", [-4, 4, -1, 3], [-10, 10, -10, 10]));
});

test("fits its digits with a margin, at equal scale on both axes", () => {
  near(camera.x, 0);
  near(camera.y, 1);
  near(camera.span, 1.1 * 4); // 8 over 800 px and 4 over 400 px are one scale
  near(camera.unitsPerPx, (1.1 * 4) / 400);
  near(camera.magnification, 1);
  const { span } = camera.viewOf([0, 8, 0, 1]);
  near(span, 4);
  near(camera.viewOf([0, 1, 0, 8]).span, 8);
});

test("to pixels and back; y points up on the plane and down on screen", () => {
  camera.toPx([0, 1]).forEach((v, i) => near(v, [400, 200][i]));
  const [x, y] = camera.toPx([1, 2]);
  near(x, 400 + 400 / 4.4);
  near(y, 200 - 400 / 4.4);
  camera.toPlane([x, y]).forEach((v, i) => near(v, [1, 2][i]));
  const [x0, x1, y0, y1] = camera.rectangle();
  [x0 + 4.4, x1 - 4.4, y0 - 1 + 2.2, y1 - 1 - 2.2].forEach((v) => near(v, 0));
  near(camera.rectangle(10)[0], x0 - 10 * camera.unitsPerPx);
  near(camera.rectangle(10)[3], y1 + 10 * camera.unitsPerPx);
  near(camera.rectangle(10)[2], y0 - 10 * camera.unitsPerPx);
});

test("zooming leaves what lies under the pointer in its place", () => {
  const px = /** @type {[number, number]} */ ([600, 100]);
  const before = camera.toPlane(px);
  camera.look(camera.zoomed(2, px));
  near(camera.span, 2.2);
  camera.toPlane(px).forEach((v, i) => near(v, before[i]));
  near(camera.magnification, 2);
  assert.equal(camera.isFitted, false);
});

test("zooms so far in and so far out, and not beyond the digits", () => {
  near(camera.zoomed(1e9, [0, 0]).span, 4.4 / 400);
  near(camera.zoomed(1e-9, [0, 0]).span, 4.4 * 3);
  camera.look({ x: 1000, y: -1000, span: 3 });
  near(camera.x, 10 + 1);
  near(camera.y, -10 - 1);
  camera.look({ x: -1000, y: 1000, span: 1e9 });
  near(camera.span, 3 * 4.4);
  near(camera.x, -10 - 4.4);
  near(camera.y, 10 + 4.4);
});

test("follows the window while it is fitted, and not after", () => {
  camera.resize({ width: 400, height: 400 });
  near(camera.span, 1.1 * 8);
  camera.look({ x: 0, y: 0, span: 2 });
  camera.resize({ width: 800, height: 800 });
  near(camera.span, 2);
  camera.fit();
  assert.equal(camera.isFitted, true);
});

test("fits again while it is fitted, though other digits lie in the same place", () => {
  camera.aim(points("b", [-4, 4, -1, 2.5]));
  near(camera.y, 0.75);
});

test("keeps its view for other digits in the same place, else fits anew", () => {
  camera.look({ x: 1, y: 1, span: 2 });
  camera.aim(points("b", [-4, 4, -1, 2.5]));
  near(camera.span, 2);
  camera.aim(points("c", [-4, 4, 2, 6]));
  near(camera.span, 4.4);
  near(camera.y, 4);
});

test("glides to a view in 180 ms, the pointer's place held still", () => {
  const px = /** @type {[number, number]} */ ([700, 50]);
  const held = camera.toPlane(px);
  const to = camera.zoomed(3, px);
  const glide = camera.glide(to);
  const start = performance.now();
  assert.equal(glide(start + 60), false);
  assert.ok(camera.span < 4.4 && camera.span > to.span);
  camera.toPlane(px).forEach((v, i) => assert.ok(Math.abs(v - held[i]) < 1e-6));
  assert.equal(glide(start + 200), true);
  near(camera.span, to.span);
  near(camera.x, to.x);
});

test("a pan glides too, and starts fast", () => {
  const glide = camera.glide({ x: 2, y: 1, span: camera.span });
  glide(performance.now() + 90);
  assert.ok(camera.x > 1.5 && camera.x < 2);
});

test("is there at once for those who want no motion", () => {
  isStill = true;
  const glide = camera.glide({ x: 2, y: 1, span: 2 });
  assert.equal(glide(performance.now()), true);
  near(camera.span, 2);
});

test("is kept under its key", () => {
  assert.equal(Camera.of("map"), Camera.of("map"));
  assert.notEqual(Camera.of("map"), Camera.of("other"));
});
