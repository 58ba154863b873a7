// Where a map looks: a centre, and how many units its shorter side spans; equal scale on both axes.

import { isStill } from "../shared/player.js";
import { clamp, overlapOf } from "./geometry.js";

/** @import {Point, Rectangle, Size, View} from "./types.d.ts" */

const GLIDE_MS = 180;
const FIT_MARGIN = 1.1;
const ZOOM = { out: 3, in: 400 }; // limits relative to the fitted view

/** @type {Map<string, Camera>} */
const kept = new Map(); // Python's key of a map -> its camera; outlives reruns and pages

export class Camera {
  /** @param {string} key */
  static of(key) {
    const camera = kept.get(key) ?? new Camera();
    kept.set(key, camera);
    return camera;
  }

  constructor() {
    this.isFitted = true; // and so follows the size of the window
    this.id = ""; // of the points it was aimed at
    this.extent = this.bounds = /** @type {Rectangle} */ ([0, 0, 0, 0]);
    this.x = this.y = this.span = 0;
    /** @type {Size} */
    this.size = { width: 0, height: 0 };
    /** @type {Set<string>} */
    this.startsTaken = new Set(); // views from links that were applied
  }

  // Keeps the view, unless the digits now lie somewhere else altogether.
  /** @param {{ id: string, extent: Rectangle, index: { bounds: Rectangle } }} points */
  aim({ id, extent, index: { bounds } }) {
    const isKnown = this.id && (this.id === id || overlapOf(this.extent, extent) > 0.5);
    Object.assign(this, { id, extent, bounds });
    if (!isKnown || this.isFitted) this.fit();
  }

  fit() {
    Object.assign(this, this.fittedView());
    this.isFitted = true;
  }

  /** @param {Size} size */
  resize(size) {
    this.size = size;
    if (this.id && this.isFitted) this.fit();
  }

  fittedView() {
    return this.viewOf(this.extent, FIT_MARGIN);
  }

  // The view that shows a rectangle of the plane.
  /** @param {Rectangle} rectangle @returns {View} */
  viewOf([x0, x1, y0, y1], margin = 1) {
    const { width, height } = this.size;
    const shorter = Math.min(width, height) || 1;
    const units = Math.max((x1 - x0) / (width || 1), (y1 - y0) / (height || 1)) || 1 / shorter;
    return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, span: units * margin * shorter };
  }

  get magnification() {
    return this.fittedView().span / this.span;
  }

  get unitsPerPx() {
    return this.span / Math.min(this.size.width, this.size.height);
  }

  /** @param {Point} place @returns {Point} */
  toPx([x, y]) {
    const { width, height } = this.size;
    const units = this.unitsPerPx;
    return [(x - this.x) / units + width / 2, height / 2 - (y - this.y) / units];
  }

  /** @param {Point} px @returns {Point} */
  toPlane([px, py]) {
    const { width, height } = this.size;
    const units = this.unitsPerPx;
    return [this.x + (px - width / 2) * units, this.y + (height / 2 - py) * units];
  }

  // x0, x1, y0, y1 of what is in sight, plus so many px on every side.
  /** @returns {Rectangle} */
  rectangle(margin = 0) {
    const { width, height } = this.size;
    const [x0, y1] = this.toPlane([-margin, -margin]);
    const [x1, y0] = this.toPlane([width + margin, height + margin]);
    return [x0, x1, y0, y1];
  }

  // Within reach of the digits, those far out included.
  /** @param {View} view */
  look(view) {
    const [x0, x1, y0, y1] = this.bounds;
    const full = this.fittedView().span;
    this.span = clamp(view.span, full / ZOOM.in, full * ZOOM.out);
    this.x = clamp(view.x, x0 - this.span / 3, x1 + this.span / 3);
    this.y = clamp(view.y, y0 - this.span / 3, y1 + this.span / 3);
    this.isFitted = false;
  }

  // The view in which what lies under `px` stays there.
  /** @param {number} factor @param {Point} px @returns {View} */
  zoomed(factor, px) {
    const full = this.fittedView().span;
    const span = clamp(this.span / factor, full / ZOOM.in, full * ZOOM.out);
    const [x, y] = this.toPlane(px);
    const share = span / this.span;
    return { x: x + (this.x - x) * share, y: y + (this.y - y) * share, span };
  }

  // A function of time that moves towards a view; it returns whether it has arrived.
  /** @param {View} to @returns {(now: number) => boolean} */
  glide(to) {
    const { x, y, span } = this;
    const isAtOnce = isStill();
    const start = performance.now();
    return (now) => {
      const t = isAtOnce ? 1 : clamp((now - start) / GLIDE_MS, 0, 1);
      const share = 1 - (1 - t) ** 3;
      const reached = span * (to.span / span) ** share;
      // The centre moves in step with the span, which keeps the point zoomed at in its place.
      const isZoom = Math.abs(to.span / span - 1) > 1e-6;
      const moved = isZoom ? (reached - span) / (to.span - span) : share;
      this.look({ x: x + (to.x - x) * moved, y: y + (to.y - y) * moved, span: reached });
      if (t === 1) this.look(to);
      return t === 1;
    };
  }
}
