// What people do to the map: mouse, pen, fingers, wheel, keys.

import { clamp, distance } from "./geometry.js";
import { modeOf } from "./selection.js";

/** @import {LatentMap} from "./map.js" */
/** @import {Mode, Point} from "./types.d.ts" */
/** @typedef {{ px: Point, isDrag: boolean, isOver?: boolean }} Press */

/** @type {Record<string, number>} */
const SLOP = { mouse: 3, pen: 4, touch: 8 }; // css px a click may wander before it is a drag
const DOUBLE = { ms: 320, px: 24 };
const HOLD_MS = 380; // a finger that rests so long looks through the lens
const STEP = { plain: 10, shift: 50 }; // css px per arrow key
export const ZOOM_STEP = 1.6;
const EDGE = 24; // css px from the border at which the cursor takes the view along

export class Input {
  /** @param {LatentMap} map @param {HTMLElement} surface @param {AbortSignal} signal */
  constructor(map, surface, signal) {
    this.map = map;
    this.surface = surface;
    /** @type {Map<number, Point>} */
    this.pointers = new Map(); // id -> last position, of fingers or buttons that are down
    /** @type {Point | null} */
    this.hover = null; // pointer, css px
    /** @type {Point | null} */
    this.cursor = null; // keyboard, plane coordinates
    this.pointer = "mouse"; // what pointed last: a PointerEvent's pointerType, or "keys"
    /** @type {Press} */
    this.press = { px: [0, 0], isDrag: false };
    /** @type {{ px: Point, time: number } | null} */
    this.lastTap = null;
    this.isLooking = false; // through the lens, by a finger that was held still
    this.holdTimer = 0;
    /** @param {EventTarget} target @param {string} type @param {(event: any) => void} handler */
    const on = (target, type, handler, options = {}) =>
      target.addEventListener(type, handler.bind(this), { signal, ...options });
    on(surface, "pointerdown", this.onDown);
    on(surface, "pointermove", this.onMove);
    on(surface, "pointerup", this.onUp);
    on(surface, "pointercancel", this.onCancel);
    on(surface, "pointerleave", this.onLeave);
    on(surface, "contextmenu", (event) => this.isLooking && event.preventDefault());
    on(surface, "wheel", this.onWheel, { passive: false });
    on(map.root, "keydown", this.onKey);
    on(map.root, "blur", this.releaseCursor);
  }

  stop() {
    clearTimeout(this.holdTimer);
  }

  /** @param {MouseEvent} event @returns {Point} */
  at(event) {
    const box = this.map.root.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  // ---- pointers

  /** @param {PointerEvent} event */
  onDown(event) {
    if (event.button !== 0) return;
    this.surface.setPointerCapture(event.pointerId);
    this.map.motion = null;
    this.cursor = null;
    const px = this.at(event);
    this.pointers.set(event.pointerId, px);
    this.press = { px, isDrag: this.pointers.size > 1 };
    clearTimeout(this.holdTimer);
    this.isLooking = false;
    const isOne = this.pointers.size === 1;
    if (isOne && this.map.tool === "pan" && this.map.drag.grab(px, event.pointerType)) return;
    if (this.map.drag.isHeld) this.map.drag.cancel(); // two fingers zoom
    if (this.map.tool !== "pan") {
      if (isOne) this.map.startShape(px);
      else this.map.dropShape(); // two fingers zoom with any tool
    } else if (isOne && event.pointerType === "touch") {
      this.holdTimer = window.setTimeout(() => this.lookThrough(), HOLD_MS);
    }
  }

  // A finger that was held still: it moves the lens now, not the map.
  lookThrough() {
    if (this.press.isDrag) return;
    this.isLooking = true;
    this.hover = this.press.px;
    this.pointer = "touch";
    this.map.schedule();
  }

  /** @param {PointerEvent} event */
  onMove(event) {
    const px = this.at(event);
    const isTouch = event.pointerType === "touch";
    if (this.pointers.has(event.pointerId)) {
      if (this.map.drag.isHeld) this.dragMark(event, px);
      else if (this.map.shape) {
        for (const one of event.getCoalescedEvents?.() ?? []) this.map.moveShape(this.at(one));
        this.map.moveShape(px);
        this.press.isDrag ||= distance(px, this.press.px) > SLOP.mouse;
      } else if (!this.isLooking) this.drag(event, px);
    }
    if (!isTouch || this.isLooking) this.hover = px;
    this.pointer = event.pointerType;
    this.cursor = null;
    this.map.schedule(); // the frame decodes, however many moves came before it
  }

  /** @param {PointerEvent} event @param {Point} px */
  dragMark(event, px) {
    this.press.isDrag ||= distance(px, this.press.px) > (SLOP[event.pointerType] ?? SLOP.mouse);
    if (this.press.isDrag) this.map.drag.moveTo(this.map.camera.toPlane(px));
  }

  // One finger pans, two also zoom: move the old middle to the new, scale by the distances.
  /** @param {PointerEvent} event @param {Point} px */
  drag(event, px) {
    const { camera } = this.map;
    const slop = SLOP[event.pointerType] ?? SLOP.mouse;
    this.press.isDrag ||= distance(px, this.press.px) > slop;
    if (!this.press.isDrag || this.press.isOver) return;
    clearTimeout(this.holdTimer);
    const before = grip(this.pointers);
    this.pointers.set(event.pointerId, px);
    const after = grip(this.pointers);
    const view = camera.zoomed(before.size ? after.size / before.size : 1, before.middle);
    const units = view.span / Math.min(camera.size.width, camera.size.height);
    view.x -= (after.middle[0] - before.middle[0]) * units;
    view.y += (after.middle[1] - before.middle[1]) * units;
    this.map.look(view);
    this.map.root.classList.add("dragging");
  }

  /** @param {PointerEvent} event */
  onUp(event) {
    clearTimeout(this.holdTimer);
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.pointers.size === 0) this.map.root.classList.remove("dragging");
    if (this.isLooking) {
      this.isLooking = false;
      this.onLeave();
      return;
    }
    const px = this.at(event);
    if (this.map.drag.isHeld && this.map.drag.drop()) {
      if (event.pointerType === "touch") this.onLeave();
      return;
    }
    if (this.map.shape) {
      if (this.press.isDrag) this.map.finishShape(modeOf(event));
      else this.map.dropShape(modeOf(event) === "replace"); // a click with a tool clears
      return;
    }
    if (this.press.isDrag) return;
    const last = this.lastTap;
    const isDouble =
      last && event.timeStamp - last.time < DOUBLE.ms && distance(px, last.px) < DOUBLE.px;
    this.lastTap = isDouble ? null : { px, time: event.timeStamp };
    if (isDouble) this.map.zoomTo(ZOOM_STEP ** 2, px);
    else this.map.aim.pick(this.map.camera.toPlane(px), event.pointerType);
  }

  /** @param {PointerEvent} event */
  onCancel(event) {
    clearTimeout(this.holdTimer);
    this.isLooking = false;
    this.pointers.delete(event.pointerId);
    this.map.root.classList.remove("dragging");
    this.map.dropShape();
    if (this.map.drag.isHeld) this.map.drag.cancel();
    this.onLeave();
  }

  onLeave() {
    this.hover = null;
    this.map.schedule();
  }

  /** @param {WheelEvent} event */
  onWheel(event) {
    event.preventDefault(); // the map zooms, the page stays
    this.map.motion = null;
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const rate = event.ctrlKey ? 0.01 : 0.0016; // a trackpad's pinch comes as ctrl and small deltas
    const delta = clamp(event.deltaY * lines * rate, -0.7, 0.7);
    this.map.look(this.map.camera.zoomed(Math.exp(-delta), this.at(event)));
  }

  // ---- keys

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.target !== this.map.root || this.map.isWaiting) return;
    if (event.ctrlKey || event.metaKey) return;
    const { map } = this;
    const step = event.shiftKey ? STEP.shift : STEP.plain;
    const place = (this.cursor && map.camera.toPx(this.cursor)) ?? undefined;
    /** @type {Record<string, () => void>} */
    const acts = {
      ArrowLeft: () => this.moveCursor(-step, 0),
      ArrowRight: () => this.moveCursor(step, 0),
      ArrowUp: () => this.moveCursor(0, -step),
      ArrowDown: () => this.moveCursor(0, step),
      "+": () => map.zoomTo(ZOOM_STEP, place),
      "=": () => map.zoomTo(ZOOM_STEP, place),
      "-": () => map.zoomTo(1 / ZOOM_STEP, place),
      0: () => map.act("fit"),
      Home: () => map.act("fit"),
      Enter: () => this.enter(modeOf(event)),
      Escape: () => this.escape(),
      p: () => map.act("pan"),
      l: () => map.act("lasso"),
      b: () => map.act("box"),
      c: () => map.nextColour(),
      m: () => map.setSample(!map.settings.isSample),
      r: () => map.act("resample"),
      y: () => map.controls.toggle("layers"),
      e: () => map.controls.toggle("more"),
      k: () => map.act("link"),
      g: () => this.grab(),
      i: () => map.act("rest"),
      n: () => map.aim.turnPile(event.shiftKey ? -1 : 1),
      "?": () => map.controls.toggle("help"),
    };
    for (const { name, key } of map.vocabulary.layers) acts[key] = () => map.setLayer(name);
    const act = acts[event.key] ?? acts[event.key.toLowerCase()];
    if (!act || (event.altKey && event.key !== "Enter")) return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit has keys of its own
    act();
  }

  // The cursor starts at the pin, else in the middle, and takes the view along at the edges.
  /** @param {number} dx @param {number} dy */
  moveCursor(dx, dy) {
    const { camera, pin } = this.map;
    const { width, height } = camera.size;
    const [px, py] = camera.toPx(this.cursor ?? pin?.coords ?? [camera.x, camera.y]);
    const [x, y] = [px + dx, py + dy];
    this.cursor = camera.toPlane([x, y]);
    this.pointer = "keys";
    this.hover = null;
    if (this.map.shape) this.map.moveShape([x, y], true);
    if (this.map.drag.isHeld) this.map.drag.moveTo(this.cursor);
    const pushX = x - clamp(x, EDGE, width - EDGE);
    const pushY = y - clamp(y, EDGE, height - EDGE);
    if (pushX || pushY) {
      const [cx, cy] = camera.toPlane([width / 2 + pushX, height / 2 + pushY]);
      this.map.look({ x: cx, y: cy, span: camera.span });
    }
    this.map.schedule();
  }

  // Takes hold of a mark; the cursor goes there.
  grab() {
    this.cursor = this.map.drag.grabNext() ?? this.cursor;
    this.pointer = "keys";
    this.hover = null;
  }

  // Pins; with a tool, sets a corner: a box ends at its second, a lasso where a corner repeats.
  /** @param {Mode} mode */
  enter(mode) {
    const { map } = this;
    if (map.drag.isHeld) {
      map.drag.drop();
      return;
    }
    if (map.tool === "pan") {
      if (this.cursor) map.aim.pick(this.cursor, "keys");
      return;
    }
    this.cursor ??= [map.camera.x, map.camera.y];
    const px = map.camera.toPx(this.cursor);
    if (!map.shape) map.startShape(px);
    else if (map.tool === "box" || !map.addCorner(px)) map.finishShape(mode);
    map.schedule();
  }

  escape() {
    const { map } = this;
    if (map.controls.close()) return;
    if (map.drag.isHeld) {
      map.drag.cancel();
      this.press = { ...this.press, isDrag: true, isOver: true }; // what follows is no click
      this.releaseCursor();
    } else if (map.shape) map.dropShape();
    else if (map.tool !== "pan") map.act("pan");
    else if (this.cursor) this.releaseCursor();
    else if (!map.clearSelection()) map.aim.release();
  }

  releaseCursor() {
    this.cursor = null;
    if (this.map.drag.isHeld && !this.pointers.size) this.map.drag.cancel();
    this.map.schedule();
  }
}

/** @param {Map<number, Point>} pointers of one or two fingers */
function grip(pointers) {
  const [a, b = a] = [...pointers.values()];
  const middle = /** @type {Point} */ ([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
  return { middle, size: distance(a, b) };
}
