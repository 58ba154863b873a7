// Dragging a map's marks, by pointer or by keys, and looking at the steps of its walk.

import { distance } from "./geometry.js";
import { alongWay } from "./way.js";
import { listen, tell } from "./walks.js";

/** @import {LatentMap} from "./map.js" */
/** @import {Mark, Point, WalkMessage} from "./types.d.ts" */
/** @typedef {Mark & { isMoved: boolean, isHeld: boolean }} Moving a mark that is held, or was let go */

/** @type {Record<string, number>} */
const REACH = { mouse: 13, pen: 15, touch: 24 }; // css px from a mark's middle
const STEP_REACH = 12; // css px from a step of the path

export class MarkDrag {
  /** @param {LatentMap} map */
  constructor(map) {
    this.map = map;
    /** @type {Moving | null} */
    this.moving = null;
    /** @type {Point[] | null} */
    this.live = null; // points of the straight way while a mark moves
    /** @type {number | null} */
    this.step = null; // of the path, as the strip tells
    /** @type {number | null} */
    this.said = null; // step that the strip was told of last
    this.key = ""; // of the map
    this.unlisten = () => {};
    this.onTold = (/** @type {WalkMessage} */ message) => this.hear(message);
  }

  stop() {
    this.unlisten();
  }

  // Python's newest word settles where the marks are.
  /** @param {string} key */
  update(key) {
    if (this.key !== key) {
      this.unlisten();
      this.unlisten = listen(key, this.onTold);
      this.key = key;
    }
    if (!this.moving?.isHeld) this.moving = this.live = null;
  }

  /** @param {WalkMessage} message */
  hear(message) {
    if (message.type === "live") this.live = message.points;
    else if (message.type === "step") this.step = message.at;
    else return;
    this.map.schedule(true);
  }

  /** @returns {Mark[]} */
  get marks() {
    const { moving } = this;
    const { marks } = this.map.state;
    return moving
      ? marks.map((mark) => (mark.text === moving.text ? { ...mark, ...moving } : mark))
      : marks;
  }

  // Takes hold of the mark at a place, if there is one.
  /** @param {Point} px @param {string} pointerType */
  grab(px, pointerType) {
    const { state, camera } = this.map;
    if (!state.drags) return false;
    const reach = REACH[pointerType] ?? REACH.mouse;
    const far = (/** @type {Mark} */ mark) => distance(camera.toPx(mark.coords), px);
    const near = this.marks.filter((mark) => far(mark) <= reach).sort((a, b) => far(a) - far(b))[0];
    if (near) this.hold(near);
    return Boolean(near);
  }

  // By keys: takes hold of the next mark, and of the first after the last.
  grabNext() {
    const { state } = this.map;
    if (!state.drags || !state.marks.length) return null;
    const names = state.marks.map(({ text }) => text);
    const i = this.moving?.isHeld ? names.indexOf(this.moving.text) : -1;
    if (this.moving) this.cancel();
    const mark = state.marks[(i + 1) % names.length];
    this.hold(mark);
    const name = mark.isOnWay ? `Way-point ${mark.text}` : mark.text;
    this.map.announce(`${name} is held: arrow keys move it, Enter lets go, Escape puts back`);
    return mark.coords;
  }

  /** @param {Mark} mark */
  hold(mark) {
    this.moving = { ...mark, isMoved: false, isHeld: true };
    this.map.root.dataset.held = mark.text;
    this.map.schedule(true);
  }

  get isHeld() {
    return Boolean(this.moving?.isHeld);
  }

  /** @param {Point} coords */
  moveTo(coords) {
    if (!this.moving) return;
    this.moving = { ...this.moving, coords, id: null, isMoved: true };
    tell(this.key, { type: "drag", text: this.moving.text, coords }, this.onTold);
    this.map.schedule(true);
  }

  // Lets go; returns whether the mark had been moved.
  drop() {
    if (!this.moving?.isMoved) {
      this.cancel();
      return false;
    }
    const { text, coords } = this.moving;
    this.moving.isHeld = false; // shown here until Python answers
    delete this.map.root.dataset.held;
    this.map.setTriggerValue("drag", { text, coords, id: null });
    this.map.schedule(true);
    return true;
  }

  // Puts the mark back.
  cancel() {
    this.moving = this.live = null;
    delete this.map.root.dataset.held;
    tell(this.key, { type: "drag-end" }, this.onTold);
    this.map.schedule(true);
  }

  // Tells the strip which step the pointer is at.
  /** @param {Point | null} px */
  lookAt(px) {
    const { path } = this.map.state;
    const points = px && !this.moving && path ? path.points : [];
    const fars = points.map((point) => distance(this.map.camera.toPx(point), px ?? point));
    const least = Math.min(...fars);
    const best = least < STEP_REACH ? fars.indexOf(least) : null;
    if (best === this.said) return;
    this.said = best;
    this.step = best;
    tell(this.key, { type: "step", at: best }, this.onTold);
    this.map.schedule(true);
  }

  // Where on the path the step is that is looked at; null if nowhere.
  /** @returns {Point | null} */
  get stepCoords() {
    const points = this.live ?? this.map.state.path?.points;
    return this.step === null || !points ? null : alongWay(points, this.step);
  }
}
