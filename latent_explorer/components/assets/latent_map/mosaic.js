// The decoded manifold: tiles on a lattice of the plane, decoded by a worker, the middle first.

import { penOf } from "../shared/elements.js";
import { inkImage, PIXELS, SIDE } from "../shared/ink.js";
import { reportTo } from "../shared/problem.js";
import { Background } from "./background.js";

/** @import {Camera} from "./camera.js" */
/** @import {Decoder, PaintView, Pen, Point} from "./types.d.ts" */
/** @typedef {{ level: number, units: number, i0: number, i1: number, j0: number, j1: number }} Lattice */
/**
 * @typedef {Lattice & { theme: string, dark: boolean, wide: number, high: number, missing: number,
 *   canvas: OffscreenCanvas, pen: OffscreenCanvasRenderingContext2D }} Sheet what is drawn: a canvas of
 *   tiles
 */
/** @typedef {{ key: string, i: number, j: number, place: Point, far: number }} Tile */

const LARGEST = 72; // css px a side; a tile is at least half as large
const BATCH = 40; // tiles a message: 5 ms of work with SIMD, 25 ms without
const KEPT = 4_000; // tiles; 784 bytes each
const OPACITY = 0.85;

export class Mosaic {
  /** @param {() => void} onChange @param {(problem: string) => void} onProblem */
  constructor(onChange, onProblem) {
    this.onChange = onChange;
    this.onProblem = reportTo((message) => {
      this.isBroken = true; // asks no more, and says so once
      onProblem(`The mosaic could not be decoded: ${message}`);
    });
    /** @type {Map<string, Uint8ClampedArray>} */
    this.ink = new Map(); // "level,i,j" -> 784 bytes, those drawn long ago first
    /** @type {Background | null} */
    this.worker = null;
    /** @type {Decoder | null} */
    this.decoder = null;
    /** @type {Sheet | null} */
    this.sheet = null;
    /** @type {Sheet | null} */
    this.backdrop = null; // the sheet before, until this one is complete
    this.isTold = this.isAsking = this.isBroken = false;
  }

  stop() {
    this.worker?.stop();
    this.worker = this.decoder = this.sheet = null;
  }

  /** @param {Decoder} decoder */
  use(decoder) {
    if (this.decoder?.id === decoder.id) return;
    this.decoder = decoder;
    this.ink.clear();
    this.sheet = this.backdrop = null;
    this.isTold = this.isBroken = false;
  }

  // Doubles or halves its tiles as one zooms, so that the lattice is the same for everyone.
  /** @param {Pick<PaintView, "camera">} view @returns {Lattice} */
  lattice({ camera }) {
    const level = Math.floor(Math.log2(LARGEST * camera.unitsPerPx));
    const units = 2 ** level; // a tile's side on the plane
    const [x0, x1, y0, y1] = camera.rectangle();
    const at = (/** @type {number} */ v) => Math.floor(v / units);
    return { level, units, i0: at(x0), i1: at(x1), j0: at(y0), j1: at(y1) };
  }

  // Draws what there is, and asks for the rest; true when nothing is missing.
  /** @param {Pen} pen @param {PaintView} view */
  paint(pen, view) {
    const { ratio, camera, theme } = view;
    const lattice = this.lattice(view);
    const old = this.sheet;
    const isSame =
      old?.theme === theme.name &&
      old.level === lattice.level &&
      old.i0 <= lattice.i0 &&
      old.j0 <= lattice.j0 &&
      old.i1 >= lattice.i1 &&
      old.j1 >= lattice.j1;
    const shown = isSame ? old : this.lay(lattice, theme);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.globalAlpha = OPACITY;
    pen.imageSmoothingEnabled = true;
    for (const sheet of [this.backdrop, shown]) {
      if (!sheet || sheet.theme !== theme.name) continue;
      const [left, top] = camera.toPx([sheet.i0 * sheet.units, (sheet.j1 + 1) * sheet.units]);
      const side = sheet.units / camera.unitsPerPx;
      pen.drawImage(sheet.canvas, left, top, sheet.wide * side, sheet.high * side);
    }
    pen.globalAlpha = 1;
    this.ask(shown, camera).catch(this.onProblem);
    return shown.missing === 0;
  }

  // A new sheet; the old one stays beneath it until the new one is complete.
  /** @param {Lattice} lattice @param {PaintView["theme"]} theme */
  lay(lattice, theme) {
    if (this.sheet && this.sheet.missing < this.sheet.wide * this.sheet.high) {
      this.backdrop = this.sheet;
    }
    const wide = lattice.i1 - lattice.i0 + 1;
    const high = lattice.j1 - lattice.j0 + 1;
    const canvas = new OffscreenCanvas(SIDE * wide, SIDE * high);
    const { name, dark } = theme;
    const missing = wide * high;
    const drawn = { theme: name, dark, wide, high, missing, canvas, pen: penOf(canvas) };
    const sheet = { ...lattice, ...drawn };
    this.sheet = sheet;
    eachTile(sheet, (key, i, j) => {
      const ink = this.ink.get(key);
      if (ink) put(sheet, ink, i, j);
    });
    if (!sheet.missing) this.backdrop = null;
    return sheet;
  }

  // Starts the worker and gives it the decoder, which takes longer than a batch of tiles.
  wake() {
    this.worker ??= new Background();
    if (this.isTold || this.isBroken || !this.decoder) return this.worker;
    this.isTold = true;
    const payload = { ...this.decoder, decode: null }; // a function cannot be sent
    this.worker.ask("decoder", { payload }).catch(this.onProblem);
    return this.worker;
  }

  // One batch at a time, so that a changed view is answered at once: nothing queues. The next one
  // does not wait for a frame.
  /** @param {Sheet} sheet @param {Camera} camera */
  async ask(sheet, camera) {
    if (this.isAsking || this.isBroken || !this.decoder || !sheet.missing) return;
    const { units } = sheet;
    /** @type {Tile[]} */
    const wanted = [];
    eachTile(sheet, (key, i, j) => {
      if (this.ink.has(key)) return;
      const [x, y] = [(i + 0.5) * units, (j + 0.5) * units];
      wanted.push({ key, i, j, place: [x, y], far: Math.hypot(x - camera.x, y - camera.y) });
    });
    if (!wanted.length) return;
    wanted.sort((a, b) => a.far - b.far);
    const batch = wanted.slice(0, BATCH);
    this.isAsking = true;
    const { decoder } = this;
    let ink;
    try {
      const worker = this.wake();
      const places = Float64Array.from(batch.flatMap(({ place }) => place));
      ({ ink } = await worker.ask("tiles", { decoderId: decoder.id, places }));
      if (ink && decoder === this.decoder) this.take(batch, ink);
    } finally {
      this.isAsking = false;
    }
    this.onChange();
    if (ink && this.sheet) await this.ask(this.sheet, camera);
  }

  /** @param {Tile[]} batch @param {Uint8ClampedArray} ink */
  take(batch, ink) {
    const { sheet } = this;
    batch.forEach(({ key, i, j }, k) => {
      const one = ink.subarray(PIXELS * k, PIXELS * (k + 1));
      this.ink.set(key, one);
      if (!sheet || !key.startsWith(`${sheet.level},`)) return;
      const isShown = i >= sheet.i0 && i <= sheet.i1 && j >= sheet.j0 && j <= sheet.j1;
      if (isShown) put(sheet, one, i, j);
    });
    if (!sheet?.missing) this.backdrop = null;
    for (const key of this.ink.keys()) {
      if (this.ink.size <= KEPT) break;
      this.ink.delete(key);
    }
  }
}

/** @param {Sheet} sheet @param {(key: string, i: number, j: number) => void} visit */
function eachTile({ level, i0, i1, j0, j1 }, visit) {
  for (let j = j0; j <= j1; j++) {
    for (let i = i0; i <= i1; i++) visit(`${level},${i},${j}`, i, j);
  }
}

/** @param {Sheet} sheet @param {Uint8ClampedArray} ink @param {number} i @param {number} j */
function put(sheet, ink, i, j) {
  sheet.pen.putImageData(inkImage(ink, sheet.dark), SIDE * (i - sheet.i0), SIDE * (sheet.j1 - j));
  sheet.missing--;
}
