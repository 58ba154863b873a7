// Moves points, lines and pictures straight from one place to another.
// Streamlit calls the default export again when data or theme change.

import { floatsFromBase64, fromBase64 } from "../shared/bytes.js";
import { moveDots, paintDots } from "../shared/dots.js";
import { find } from "../shared/elements.js";
import { digitCanvas, paintDigit } from "../shared/ink.js";
import { fixed, significant } from "../shared/numbers.js";
import { isStill } from "../shared/player.js";
import { Stage } from "../shared/stage.js";
import { toCss } from "../shared/theme.js";

/** @import {Bytes, Floats, MorphData, MorphLine, Mount, Point} from "../shared/types.d.ts" */

const PICTURE = 20; // css px, side
const LASTS = 3500; // ms from end to end

/** @type {Map<string, { at: number, opening: number }>} */
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

/** @extends {Stage<MorphData>} */
class Morph extends Stage {
  /** @param {HTMLElement} root @param {MorphData} data */
  constructor(root, data) {
    super(root, data, 0.01, {
      take: () => this.take(),
      draw: () => this.draw(),
      way: () => this.way(),
      pick: () => this.pick(),
      seen: (at) => ({ at }),
    });
    this.start = this.end = new Float32Array();
    this.labels = new Uint8Array();
    /** @type {MorphLine<Floats>[]} */
    this.lines = [];
    /** @type {{ start: Point, end: Point, canvas: HTMLCanvasElement }[]} */
    this.pictures = [];
    /** @type {Bytes[]} */
    this.faces = [];
    this.face = find(root, ".followed canvas", HTMLCanvasElement);
    this.caption = this.element("followed figcaption");
    this.reach = this.element("reach");
    this.from = this.element("from");
    this.to = this.element("to");
    this.t = 0;
    /** @type {Mount<MorphData>["setTriggerValue"]} */
    this.tell = () => {};
  }

  take() {
    const { data, theme } = this;
    const kept = moments.get(data.name);
    this.player.at = kept && kept.opening >= (data.opening ?? 0) ? kept.at : data.at;
    this.start = floatsFromBase64(data.start);
    this.end = floatsFromBase64(data.end);
    this.at = new Float32Array(this.start.length);
    this.labels = fromBase64(data.labels);
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
    this.copy.hidden = data.opening === null;
    this.reach.hidden = data.halves[0] === data.halves[1]; // it stays, and is said elsewhere
    this.followed.hidden = !data.trace;
    this.faces = (data.trace?.pictures ?? []).map(fromBase64);
    [this.from.textContent, this.to.textContent] = data.ends;
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

  draw() {
    if (!this.fit()) return;
    this.t = this.player.at;
    const { name, opening } = this.data;
    const known = moments.get(name)?.opening ?? 0;
    moments.set(name, { at: this.t, opening: Math.max(known, opening ?? 0) });
    if (opening !== null) this.follow();
    const ratio = devicePixelRatio;
    const half = halfAt(this.data.halves, this.t);
    this.scale = this.side / 2 / half;
    this.reach.textContent = `${significant(-half)} to ${significant(half)} z units`;
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
    this.drawNames(this.labels);
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
    const row = this.rowAt(this.pointer);
    this.tip.hidden = row < 0;
    if (row < 0) return;
    const { pen } = this;
    pen.strokeStyle = toCss(this.theme.ink);
    pen.lineWidth = 1.75;
    pen.beginPath();
    pen.moveTo(...this.placeIn(this.start, row));
    pen.lineTo(...this.placeIn(this.end, row));
    pen.stroke();
    pen.beginPath();
    pen.arc(...this.placeIn(this.at, row), 5.5, 0, 2 * Math.PI);
    pen.stroke();
    const [cx, cy] = [0, 1].map((axis) => fixed(this.at[2 * row + axis], 3));
    this.showTip(`${this.nameOf(row)}, a ${this.labels[row]}, at (${cx}, ${cy})`, row);
  }

  /** @param {number} row */
  nameOf(row) {
    const [split, first] = this.data.splits.findLast(([, from]) => from <= row) ?? ["", 0];
    return `${split} #${(row - first).toLocaleString("en-US")}`;
  }

  pick() {
    const row = this.rowAt(this.pointer);
    if (row >= 0 && this.data.picks) this.tell("pick", row);
  }
}
