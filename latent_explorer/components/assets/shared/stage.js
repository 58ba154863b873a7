// A square of moving points with its tip, its player and its link: what a morph and a training share.

import { address } from "./address.js";
import { areClear, medianPlace, movedApart, nearestDot, placeTip, someOfEach } from "./dots.js";
import { find, penOf } from "./elements.js";
import { copyByButton } from "./link.js";
import { Player } from "./player.js";
import { readTheme, toCss, toPixel, toRgb } from "./theme.js";

/** @import {Advance} from "./player.js" */
/** @import {Floats, Palette, Point} from "./types.d.ts" */
/**
 * @typedef {object} Acts of one kind of stage
 * @property {() => void} take takes up new data, or another theme
 * @property {() => void} draw
 * @property {() => Advance | null} way as a player's start
 * @property {(event: MouseEvent) => void} pick
 * @property {(at: string) => Record<string, string>} seen what a link adds; `at` is the slider's
 */

// css px: a class's name; how near another may be, and how far it goes out of another's way
const NAME = { px: 18, halo: 5, apart: 17, most: 14 };

/** @template {{ label: string, palette: Palette }} Data */
export class Stage {
  /** @param {HTMLElement} root @param {Data} data @param {number} step @param {Acts} acts */
  constructor(root, data, step, acts) {
    this.root = root;
    this.data = data;
    this.acts = acts;
    this.theme = readTheme(root);
    this.canvas = find(root, ".stage > canvas", HTMLCanvasElement);
    this.slider = find(root, "input", HTMLInputElement);
    this.tip = this.element("tip");
    this.copy = this.element("copy");
    this.followed = this.element("followed");
    this.pen = penOf(this.canvas);
    this.image = this.pen.createImageData(1, 1);
    this.at = new Float32Array(); // where each point is now
    /** @type {number[]} */
    this.colours = [];
    /** @type {Uint8Array} */
    this.named = new Uint8Array(); // labels whose classes' names are drawn
    /** @type {number[][]} */
    this.voters = []; // rows of each class that say where its name goes
    /** @type {Point | null} */
    this.pointer = null;
    this.pending = this.side = this.scale = 0; // css px, and css px per unit
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    const { draw, way: start } = acts;
    const parts = { button: this.element("play"), slider: this.slider, step, draw, start };
    this.player = new Player(parts, signal);
    const pointAt = (/** @type {Point | null} */ place) => {
      this.pointer = place;
      this.schedule();
    };
    this.canvas.addEventListener("pointermove", (e) => pointAt([e.offsetX, e.offsetY]), { signal });
    this.canvas.addEventListener("pointerleave", () => pointAt(null), { signal });
    this.canvas.addEventListener("click", acts.pick, { signal });
    this.copy.addEventListener("click", () => copyByButton(this.copy), { signal });
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.canvas);
  }

  /** @param {string} name */
  element(name) {
    return find(this.root, `.${name}`, HTMLElement);
  }

  stop() {
    this.player.pause();
    cancelAnimationFrame(this.pending);
    this.listeners.abort();
    this.observer.disconnect();
    address.drop(this);
  }

  // Lets the address follow the slider.
  follow() {
    address.add(this, () => this.acts.seen(this.player.at.toFixed(4)));
  }

  /** @param {Data} data */
  show(data) {
    const theme = readTheme(this.root);
    if (!this.colours.length || this.data !== data || this.theme.name !== theme.name) {
      this.data = data;
      this.theme = theme;
      this.colours = data.palette[theme.name].map((css) => toPixel(toRgb(css)));
      this.canvas.setAttribute("aria-label", data.label);
      this.acts.take();
    }
    this.acts.draw();
  }

  // Draws once in the next frame, however much happened before it.
  schedule() {
    this.pending ||= requestAnimationFrame(this.acts.draw);
  }

  // Fits the canvas to the page; returns its side in its own px, 0 while it is hidden.
  fit() {
    cancelAnimationFrame(this.pending);
    this.pending = 0;
    this.side = this.canvas.clientWidth;
    const pixels = Math.round(this.side * devicePixelRatio);
    if (pixels && this.image.width !== pixels) {
      this.canvas.width = this.canvas.height = pixels;
      this.image = this.pen.createImageData(pixels, pixels);
    }
    return pixels;
  }

  /** @param {Point} place @returns {Point} */
  toPx([x, y]) {
    return [this.side / 2 + x * this.scale, this.side / 2 - y * this.scale];
  }

  /** @param {Floats} codes @param {number} row */
  placeIn(codes, row) {
    return this.toPx([codes[2 * row], codes[2 * row + 1]]);
  }

  /** @param {Point | null} place */
  rowAt(place) {
    return place ? nearestDot(this.at, place, this.side, this.scale) : -1;
  }

  // Writes each class on its points: colour never stands alone. Where classes lie in one heap no
  // name is written, since it would name the others too.
  /** @param {Uint8Array} labels */
  drawNames(labels) {
    if (this.named !== labels) {
      this.named = labels;
      this.voters = someOfEach(labels);
    }
    const medians = this.voters.map((rows) => this.toPx(medianPlace(this.at, rows)));
    const places = movedApart(medians, NAME.apart, NAME.most);
    const { pen, theme } = this;
    pen.font = `700 ${NAME.px}px ${getComputedStyle(this.root).fontFamily}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    pen.lineWidth = NAME.halo;
    pen.strokeStyle = toCss(theme.paper);
    pen.fillStyle = toCss(theme.ink);
    const isClear = areClear(places, NAME.apart - 2);
    const names = [];
    for (const [label, [x, y]] of places.entries()) {
      if (!this.voters[label].length || !isClear[label]) continue;
      pen.strokeText(String(label), x, y);
      pen.fillText(String(label), x, y);
      names.push(label);
    }
    this.root.dataset.names = names.join("");
  }

  // Says a point's name beside it.
  /** @param {string} text @param {number} row */
  showTip(text, row) {
    this.tip.textContent = text;
    placeTip(this.tip, this.placeIn(this.at, row), this.side);
  }
}
