// Dragging a map's marks, by pointer or by keys, and looking at the steps of its walk.

import { distance } from "./geometry.js";
import { listen, tell } from "./walks.js";

const REACH = { mouse: 13, pen: 15, touch: 24 }; // css px from a mark's middle
const STEP_REACH = 12; // css px from a step of the path

export class MarkDrag {
  constructor(map) {
    this.map = map;
    this.moving = null; // { text, coords, isMoved }
    this.live = null; // points of the straight way while a mark moves
    this.step = null; // of the path, as the strip tells
    this.said = null; // step that the strip was told of last
    this.onTold = (message) => this.hear(message);
  }

  stop() {
    this.unlisten?.();
  }

  // Python's newest word settles where the marks are.
  update(key) {
    if (this.key !== key) {
      this.unlisten?.();
      this.unlisten = listen(key, this.onTold);
      this.key = key;
    }
    if (!this.moving?.isHeld) this.moving = this.live = null;
  }

  hear(message) {
    if (message.type === "live") this.live = message.points;
    else if (message.type === "step") this.step = message.at;
    else return;
    this.map.schedule(true);
  }

  get marks() {
    const { moving } = this;
    const { marks } = this.map.state;
    return moving
      ? marks.map((mark) => (mark.text === moving.text ? { ...mark, ...moving } : mark))
      : marks;
  }

  // Takes hold of the mark at a place, if there is one.
  grab(px, pointerType) {
    const { state, camera } = this.map;
    if (!state.drags) return false;
    const reach = REACH[pointerType] ?? REACH.mouse;
    const far = (mark) => distance(camera.toPx(mark.coords), px);
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
    this.map.announce(`${mark.text} is held: arrow keys move it, Enter lets go, Escape puts back`);
    return mark.coords;
  }

  hold({ text, coords }) {
    this.moving = { text, coords, isMoved: false, isHeld: true };
    this.map.root.dataset.held = text;
    this.map.schedule(true);
  }

  get isHeld() {
    return Boolean(this.moving?.isHeld);
  }

  moveTo(coords) {
    Object.assign(this.moving, { coords, id: null, isMoved: true });
    tell(this.key, { type: "drag", text: this.moving.text, coords }, this.onTold);
    this.map.schedule(true);
  }

  // Lets go; returns whether the mark had been moved.
  drop() {
    const { text, coords, isMoved } = this.moving;
    if (!isMoved) {
      this.cancel();
      return false;
    }
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
  lookAt(px) {
    const { path } = this.map.state;
    let best = null;
    let least = STEP_REACH;
    for (const [i, point] of (px && !this.moving && path ? path.points : []).entries()) {
      const far = distance(this.map.camera.toPx(point), px);
      if (far < least) [best, least] = [i, far];
    }
    if (best === this.said) return;
    this.said = best;
    this.step = best;
    tell(this.key, { type: "step", at: best }, this.onTold);
    this.map.schedule(true);
  }

  // Where on the path the step is that is looked at; null if nowhere.
  get stepCoords() {
    const points = this.live ?? this.map.state.path?.points;
    if (this.step === null || !points) return null;
    const i = Math.max(0, Math.min(Math.floor(this.step), points.length - 1));
    const next = points[Math.min(i + 1, points.length - 1)];
    return points[i].map((v, axis) => v + (next[axis] - v) * (this.step - i));
  }
}
