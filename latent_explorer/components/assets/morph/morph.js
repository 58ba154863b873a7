// Moves points, lines and pictures straight from one place to another.
// Streamlit calls the default export again when data or theme change.

import { floatsFromBase64, fromBase64 } from "../shared/bytes.js";
import { moveDots, nearestDot, paintDots, placeTip } from "../shared/dots.js";
import { find, penOf } from "../shared/elements.js";
import { digitCanvas, paintDigit } from "../shared/ink.js";
import { copyByButton } from "../shared/link.js";
import { isStill, Player } from "../shared/player.js";
import { readTheme, toCss, toPixel, toRgb } from "../shared/theme.js";

/** @import {Bytes, Floats, MorphData, MorphLine, Mount, Point, Theme} from "../shared/types.d.ts" */

const PICTURE = 20; // css px, side
const LASTS = 3500; // ms from end to end

/** @type {Map<string, number>} */
const moments = new Map(); // name of a morph -> where its slider was; outlives changes of page
/** @type {WeakMap<HTMLElement, Morph>} */
const mounted = new WeakMap();

/** @param {Mount<MorphData>} mount */
export default function ({ data, parentElement, setTriggerValue }) {
  const root = find(parentElement, ".morph", HTMLElement);
  const morph = mounted.get(root) ?? new Morph(root, data);
  mounted.set(root, morph);
  morph.tell = setTriggerValue;
  morph.show(data);
  return () => {
    morph.stop();
    mounted.delete(root);
  };
}

// Half the side of the square in sight; exact at both ends, and by equal factors between them.
/** @param {[number, number]} ends @param {number} t */
const halfAt = ([start, end], t) => start ** (1 - t) * end ** t;

class Morph {
  /** @param {HTMLElement} root @param {MorphData} data */
  constructor(root, data) {
    this.root = root;
    this.theme = readTheme(root);
    this.start = this.end = this.at = new Float32Array();
    this.labels = new Uint8Array();
    /** @type {number[]} */
    this.colours = [];
    /** @type {MorphLine<Floats>[]} */
    this.lines = [];
    /** @type {{ start: Point, end: Point, canvas: HTMLCanvasElement }[]} */
    this.pictures = [];
    /** @type {Bytes[]} */
    this.faces = [];
    const element = (/** @type {string} */ name) => find(root, `.${name}`, HTMLElement);
    this.canvas = find(root, ".canvas", HTMLCanvasElement);
    this.slider = find(root, ".input", HTMLInputElement);
    this.face = find(root, ".followed canvas", HTMLCanvasElement);
    this.caption = element("followed figcaption");
    this.tip = element("tip");
    this.reach = element("reach");
    this.from = element("from");
    this.to = element("to");
    this.copy = element("copy");
    this.followed = element("followed");
    this.pen = penOf(this.canvas);
    this.image = this.pen.createImageData(1, 1);
    /** @type {Point | null} */
    this.pointer = null;
    this.pending = 0;
    this.side = this.scale = this.t = 0;
    /** @type {Mount<MorphData>["setTriggerValue"]} */
    this.tell = () => {};
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.player = new Player(
      {
        button: element("button"),
        slider: this.slider,
        step: 0.01,
        draw: () => this.schedule(),
        start: () => this.way(),
      },
      signal,
    );
    const pointAt = (/** @type {Point | null} */ place) => {
      this.pointer = place;
      this.schedule();
    };
    this.canvas.addEventListener("pointermove", (e) => pointAt([e.offsetX, e.offsetY]), { signal });
    this.canvas.addEventListener("pointerleave", () => pointAt(null), { signal });
    this.canvas.addEventListener("click", () => this.pick(), { signal });
    this.copy.addEventListener("click", () => this.copyLink(), { signal });
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.canvas);
    this.data = data;
    this.take(data, this.theme);
  }

  stop() {
    this.player.pause();
    cancelAnimationFrame(this.pending);
    this.listeners.abort();
    this.observer.disconnect();
  }

  /** @param {MorphData} data */
  show(data) {
    const theme = readTheme(this.root);
    if (this.data !== data || this.theme.name !== theme.name) this.take(data, theme);
    this.draw();
  }

  /** @param {MorphData} data @param {Theme} theme */
  take(data, theme) {
    this.data = data;
    this.theme = theme;
    this.player.at = moments.get(data.name) ?? data.at;
    this.start = floatsFromBase64(data.start);
    this.end = floatsFromBase64(data.end);
    this.at = new Float32Array(this.start.length);
    this.labels = fromBase64(data.labels);
    this.colours = data.palette[theme.name].map((css) => toPixel(toRgb(css)));
    this.lines = data.lines.map(({ start, end, seen }) => ({
      start: floatsFromBase64(start),
      end: floatsFromBase64(end),
      seen,
    }));
    this.pictures = data.pictures.map((picture) => {
      const canvas = digitCanvas();
      paintDigit(canvas, fromBase64(picture.pixels), theme);
      return { ...picture, canvas };
    });
    this.copy.hidden = !data.link;
    this.reach.hidden = data.halves[0] === data.halves[1]; // it stays, and is said elsewhere
    this.followed.hidden = !data.trace;
    this.faces = (data.trace?.pictures ?? []).map(fromBase64);
    [this.from.textContent, this.to.textContent] = data.ends;
    this.canvas.setAttribute("aria-label", data.label);
    this.canvas.style.cursor = data.picks ? "pointer" : "";
    this.slider.setAttribute("aria-label", `From ${data.ends[0]} to ${data.ends[1]}`);
    this.root.dataset.points = String(this.labels.length);
  }

  // Where an animation goes: to the end that is farther away; at once for those who want no motion.
  way() {
    const from = this.player.at;
    const goal = from < 0.5 ? 1 : 0;
    if (isStill()) {
      this.player.at = goal;
      this.draw();
      return null;
    }
    return (/** @type {number} */ passed) => {
      const share = Math.min(1, passed / (LASTS * Math.abs(goal - from)));
      this.player.at = from + (goal - from) * share;
      this.draw();
      return share < 1;
    };
  }

  copyLink() {
    copyByButton(this.copy, { ...this.data.link, at: this.player.at.toFixed(4) });
  }

  // ---- those that are followed

  drawTrails() {
    const { trails, palette } = this.data;
    const { pen, at } = this;
    pen.globalAlpha = 0.5;
    pen.lineWidth = 1;
    palette[this.theme.name].forEach((colour, label) => {
      pen.strokeStyle = colour;
      pen.beginPath();
      for (const row of trails) {
        if (this.labels[row] !== label) continue;
        pen.moveTo(...this.placeIn(this.start, row));
        pen.lineTo(...this.placeIn(at, row));
      }
      pen.stroke(); // all of a class at once: each stroke costs
    });
    pen.globalAlpha = 1;
  }

  /** @param {Floats} codes @param {number} row */
  placeIn(codes, row) {
    return this.toPx([codes[2 * row], codes[2 * row + 1]]);
  }

  drawFollowed() {
    const { trace } = this.data;
    if (!trace) return;
    const { pen } = this;
    const places = [this.start, this.end].map((codes) => this.placeIn(codes, trace.row));
    pen.strokeStyle = pen.fillStyle = toCss(this.theme.ink);
    pen.lineWidth = 1.5;
    pen.beginPath();
    places.forEach((place) => pen.lineTo(...place));
    pen.stroke();
    for (const [x, y] of places) {
      pen.beginPath();
      pen.arc(x, y, 2.5, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.beginPath();
    pen.arc(...this.placeIn(this.at, trace.row), 7, 0, 2 * Math.PI);
    pen.lineWidth = 2.5;
    pen.stroke();
    const nearer = Math.round(this.t);
    paintDigit(this.face, this.faces[nearer], this.theme);
    this.caption.textContent = `${trace.name}, decoded by ${this.data.ends[nearer]}`;
  }

  // ---- pictures

  // Exact at both ends, where one weight is 0 and the other 1.
  /** @param {Point} start @param {Point} end @returns {Point} */
  between([x0, y0], [x1, y1]) {
    return [x0 * (1 - this.t) + x1 * this.t, y0 * (1 - this.t) + y1 * this.t];
  }

  /** @param {Point} place @returns {Point} */
  toPx([x, y]) {
    return [this.side / 2 + x * this.scale, this.side / 2 - y * this.scale];
  }

  // Draws once in the next frame, however much happened before it.
  schedule() {
    this.pending ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.pending);
    this.pending = 0;
    this.side = this.canvas.clientWidth;
    if (!this.side) return;
    this.t = this.player.at;
    moments.set(this.data.name, this.t);
    const ratio = devicePixelRatio;
    const pixels = Math.round(this.side * ratio);
    if (this.canvas.width !== pixels) {
      this.canvas.width = this.canvas.height = pixels;
    }
    if (this.image.width !== pixels) this.image = this.pen.createImageData(pixels, pixels);
    const half = halfAt(this.data.halves, this.t);
    this.scale = this.side / 2 / half;
    this.reach.textContent = `−${half.toPrecision(3)} to ${half.toPrecision(3)} z units`;
    moveDots(this.start, this.end, this.t, this.at);
    paintDots(this.image, this.at, this.labels, this.colours, this.scale, ratio);
    this.pen.putImageData(this.image, 0, 0);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawTrails();
    this.lines.forEach((line) => this.drawLine(line));
    this.pen.imageSmoothingEnabled = false;
    for (const { start, end, canvas } of this.pictures) {
      const [x, y] = this.toPx(this.between(start, end));
      this.pen.drawImage(canvas, x - PICTURE / 2, y - PICTURE / 2, PICTURE, PICTURE);
    }
    this.drawHover();
    this.drawFollowed();
    const share = `${Math.round(100 * this.t)} %`;
    this.slider.setAttribute("aria-valuetext", `${share} of the way to ${this.data.ends[1]}`);
    Object.assign(this.root.dataset, { t: this.t, half, ready: "true" });
  }

  /** @param {MorphLine<Floats>} line */
  drawLine({ start, end, seen }) {
    const share = { always: 0.45, start: 1 - this.t, end: this.t }[seen];
    if (!share) return;
    const { pen } = this;
    pen.beginPath();
    for (let i = 0; i < start.length; i += 2) {
      pen.lineTo(...this.toPx(this.between([start[i], start[i + 1]], [end[i], end[i + 1]])));
    }
    pen.lineJoin = "round";
    if (seen !== "always") {
      pen.globalAlpha = 0.8 * share;
      pen.strokeStyle = toCss(this.theme.paper);
      pen.lineWidth = 4;
      pen.stroke();
    }
    pen.globalAlpha = share;
    pen.strokeStyle = toCss(this.theme.ink);
    pen.lineWidth = seen === "always" ? 0.75 : 1.75;
    pen.stroke();
    pen.globalAlpha = 1;
  }

  // The point under the pointer: its name, where it is now, and its way.
  drawHover() {
    const row = this.rowPointedAt;
    this.tip.hidden = row < 0;
    if (row < 0) return;
    const { pen } = this;
    const [x, y] = this.placeIn(this.at, row);
    pen.strokeStyle = toCss(this.theme.ink);
    pen.lineWidth = 1.75;
    pen.beginPath();
    pen.moveTo(...this.placeIn(this.start, row));
    pen.lineTo(...this.placeIn(this.end, row));
    pen.stroke();
    pen.beginPath();
    pen.arc(x, y, 5.5, 0, 2 * Math.PI);
    pen.stroke();
    const [cx, cy] = [0, 1].map((axis) => this.at[2 * row + axis].toFixed(3).replace("-", "−"));
    this.tip.textContent = `${this.nameOf(row)}, a ${this.labels[row]}, at (${cx}, ${cy})`;
    placeTip(this.tip, [x, y], this.side);
  }

  /** @param {number} row */
  nameOf(row) {
    const [split, first] = this.data.splits.findLast(([, from]) => from <= row) ?? ["", 0];
    return `${split} #${(row - first).toLocaleString("en-US")}`;
  }

  pick() {
    const row = this.rowPointedAt;
    if (row >= 0 && this.data.picks) this.tell("pick", row);
  }

  get rowPointedAt() {
    return this.pointer ? nearestDot(this.at, this.pointer, this.side, this.scale) : -1;
  }
}
